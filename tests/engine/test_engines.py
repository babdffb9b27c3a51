"""Numba's engine and NumPy's paint the same bytes: every size, place and fill, in pieces of memory of all kinds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dustaug import dust, random_erasing
from dustaug._engine import kernels, kernels_numpy, launch
from dustaug._engine.coordinates import Coordinates
from dustaug._engine.launch import Launch, draw_rectangles
from dustaug._engine.memory import ImageKind
from strategies import EPOCHS, SEEDS, as_nhwc, range_of, specs, views

BASE = dust(count_range=(40, 70))
SIZES = {
    "half sizes": {},
    "sides": {"half_height_range": None, "half_width_range": None, "side_range": (1, 60)},
    "fractions": {
        "half_height_range": None,
        "half_width_range": None,
        "height_fraction_range": (0.01, 0.4),
        "width_fraction_range": (0.3, 1.0),
    },
    "areas": {
        "half_height_range": None,
        "half_width_range": None,
        "area_range": (0.001, 0.9),
        "aspect_range": (0.05, 7.0),
    },
}
FILLS = {
    "grey": {"fill_range": (7, 133)},
    "constant": {"fill": "constant", "fill_value": (9, 99, 199)},
    "color": {"fill": "color"},
    "color of a range": {"fill": "color", "fill_range": (7, 133)},
    "noise in bytes": {"fill": "noise"},
    "noise in halves": {"fill": "noise", "fill_range": (3, 254)},
    "mean": {"fill": "mean"},
}
PLACES = {"normal": {}, "uniform": {"center": "uniform"}, "inside": {"center": "inside", "spare_last": True}}


def run(engine, spec, images, layout="NHWC", where=Coordinates(2**63 + 5, 3, 2**33)):  # noqa: B008
    """Return a copy of a view, painted by an engine."""
    original = launch._engine
    launch._engine = lambda: engine
    try:
        channels = as_nhwc(images, layout).shape[3]
        prepared = Launch(spec, ImageKind(images.dtype, layout, channels, range_of(images.dtype)))
    finally:
        launch._engine = original
    return prepared.run(images, where)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("fill", FILLS.values(), ids=FILLS)
def test_engines_agree(fill, size, place, dtype):
    """Many rectangles on images wide and high, in rows of pixels and in planes, are the same from both engines."""
    spec = BASE.replace(**fill, **size, **place)
    rng = np.random.default_rng(3)
    for height, width in ((31, 90), (90, 31), (5, 6)):
        images = rng.integers(0, 2, (2, height, width, 3)).astype(dtype)
        for layout, axes in (("NHWC", (0, 1, 2, 3)), ("NCHW", (0, 3, 1, 2))):
            pixels = np.ascontiguousarray(images.transpose(axes))
            compiled, plain = (run(engine, spec, pixels.copy(), layout) for engine in (kernels, kernels_numpy))

            assert (compiled != pixels).any()
            assert compiled.tobytes() == plain.tobytes()


@settings(max_examples=300)
@given(st.data())
def test_engines_agree_on_any_view(data):
    """Any spec on any view gives the same bytes, around the view too, or the same error."""
    buffer, view, layout = data.draw(views(max_side=60))
    spec = data.draw(specs(as_nhwc(view, layout).shape[3], view.dtype))
    n = len(view) if "N" in layout else 1
    indices = st.lists(st.integers(0, 2**63 - 1), min_size=n, max_size=n)
    where = Coordinates(data.draw(SEEDS), data.draw(EPOCHS), data.draw(st.one_of(st.integers(0, 2**62), indices)))
    before, results = buffer.copy(), []
    for engine in (kernels, kernels_numpy):
        buffer[...] = before
        try:
            run(engine, spec, view, layout, where)
            results.append(buffer.tobytes())
        except ValueError as error:
            assert buffer.tobytes() == before.tobytes()
            results.append(str(error))

    assert results[0] == results[1]


@pytest.mark.parametrize(
    "spec", [BASE, BASE.replace(fill="color"), random_erasing(p=1)], ids=["grey", "color", "areas"]
)
@pytest.mark.parametrize("size", [(1, 1), (3, 400), (65_535, 7), (65_535, 65_535)])
def test_engines_draw_the_same_rectangles(spec, size, monkeypatch):
    """Counts, boxes and levels are the same, also on the largest images, which nobody paints here."""
    if spec.area_range is not None and size == (1, 1):
        size = (4, 4)
    drawn = []
    for engine in (kernels, kernels_numpy):
        monkeypatch.setattr(launch, "_engine", lambda engine=engine: engine)
        params = Launch(spec, ImageKind(np.dtype(np.uint8), "NHWC", 5)).params
        drawn.append(draw_rectangles(params, *size, Coordinates(7, 0, np.array([4, 2**62, 0]))))

    for compiled, plain in zip(*drawn, strict=True):
        assert (compiled == plain).all()
