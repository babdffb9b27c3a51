"""Numba's engine and NumPy's paint the same bytes: every size, place and fill, in pieces of memory of all kinds."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kinds
from dustaug import Spec, cutmix, dust, grid_mask, hide_and_seek, random_erasing, sprinkles
from dustaug._engine import kernels, kernels_numpy, launch
from dustaug._engine.coordinates import Coordinates
from dustaug._engine.guide import make_terms
from dustaug._engine.launch import Launch, draw_rectangles
from dustaug._engine.memory import ImageKind
from strategies import EPOCHS, SEEDS, as_nhwc, range_of, specs, views
from test_pixels import KEYS, hash_of

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
KINDS = {
    "cells of a side": hide_and_seek((3, 5)),
    "cells of a shape": Spec(kind="grid", grid_shape=(11, 6), count_range=(20, 60)),
    "squares": grid_mask((5, 20)),
    "lines": Spec(kind="lattice", period_range=(5, 20), lattice_hides="lines"),
    "shares": cutmix(0.4, count_range=(3, 5), fill="grey"),
    "halved": sprinkles(p=1),
    "kept": BASE.replace(count_range=(1, 30), keep=True),
}
PLACES = {"normal": {}, "uniform": {"center": "uniform"}, "inside": {"center": "inside", "spare_last": True}}


def launch_of(engine, spec, kind):
    """Return the launch by an engine."""
    original = launch._engine
    launch._engine = lambda: engine
    try:
        return Launch(spec, kind)
    finally:
        launch._engine = original


def run(engine, spec, images, layout="NHWC", where=Coordinates(2**63 + 5, 3, 2**33)):  # noqa: B008
    """Return images, painted by an engine."""
    channels = as_nhwc(images, layout).shape[3]
    return launch_of(engine, spec, ImageKind(images.dtype, layout, channels, range_of(images.dtype))).run(images, where)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("fill", FILLS.values(), ids=FILLS)
def test_engines_agree(fill, size, place, dtype):
    """Many rectangles on images wide and high, in rows of pixels and in planes, are the same from both engines."""
    check_engines(BASE.replace(**fill, **size, **place), dtype)


@pytest.mark.parametrize("fill", FILLS.values(), ids=FILLS)
@pytest.mark.parametrize("spec", KINDS.values(), ids=KINDS)
def test_engines_agree_on_kinds(spec, fill):
    """So are cells, lattices, and what is left of an image around kept rectangles."""
    check_engines(spec.replace(**({"fill": "grey"} | fill)), np.uint16)


def check_engines(spec, dtype):
    rng = np.random.default_rng(3)
    for height, width in ((31, 90), (90, 31), (5, 6)):
        images = rng.integers(0, 2, (2, height, width, 3)).astype(dtype)
        for layout, axes in (("NHWC", (0, 1, 2, 3)), ("NCHW", (0, 3, 1, 2))):
            pixels = np.ascontiguousarray(images.transpose(axes))
            compiled, plain = (run(engine, spec, pixels.copy(), layout) for engine in (kernels, kernels_numpy))

            assert (compiled != pixels).any()
            assert compiled.tobytes() == plain.tobytes()


@pytest.mark.parametrize("engine", [kernels, kernels_numpy], ids=["numba", "numpy"])
@pytest.mark.parametrize("case", kinds.CASES)
def test_engines_paint_the_kinds_of_the_file(case, engine):
    """Both paint what the file has, in both orders of axes, with donors whose memory has another order."""
    spec, terms, layout = kinds.CASES[case]
    place = layout.index("C")
    for key, at in KEYS.items():
        for order in (layout, layout[:1] + "C" + layout[1:-1]):
            images = np.ascontiguousarray(np.moveaxis(kinds.CASES[case].images(), place, order.index("C")))
            given = dict(terms)
            if "donors" in terms:
                given["donors"] = np.moveaxis(terms["donors"], place, order.index("C"))
            prepared = launch_of(engine, spec, ImageKind(images.dtype, order, 3))
            prepared.run_with_terms(images, Coordinates(*at.values()), **given)
            painted = np.moveaxis(images, order.index("C"), place)

            assert hash_of(painted) == json.loads(kinds.FILE.read_text())[f"{case}-{key}"]


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


LARGE = {
    "grey": BASE,
    "color": BASE.replace(fill="color"),
    "areas": random_erasing(p=1),
    "cells": Spec(kind="grid", grid_shape=(255, 257), count_range=(0, 65_535)),
    "lattice": grid_mask((300, 65_535), p=1, fill="grey"),
    "kept": BASE.replace(keep=True, count_range=(0, 32), fill="color"),
    "shares": cutmix(0.1, count_range=(20, 20)),
    "depths": BASE.replace(depth_fraction_range=(0, 1)),
    "depths inside": BASE.replace(center="inside", depth_range=(1, 40)),
}


@pytest.mark.parametrize("spec", LARGE.values(), ids=LARGE)
@pytest.mark.parametrize("size", [(1, 1), (3, 400), (65_535, 7), (65_535, 65_535)])
def test_engines_draw_the_same_rectangles(spec, size, monkeypatch):
    """Counts, boxes and levels are the same, also on the largest images, which nobody paints here."""
    if spec.area_range is not None and size == (1, 1):
        size = (4, 4)
    terms = make_terms(dust(), None, None, 3, *size, batched=True)._replace(depth=13)
    drawn = []
    for engine in (kernels, kernels_numpy):
        monkeypatch.setattr(launch, "_engine", lambda engine=engine: engine)
        params = Launch(spec, ImageKind(np.dtype(np.uint8), "NDHWC", 5)).params
        drawn.append(draw_rectangles(params, *size, Coordinates(7, 0, np.array([4, 2**62, 0])), terms))

    for compiled, plain in zip(*drawn, strict=True):
        assert (compiled == plain).all()
