"""The kernel and its NumPy form paint the bytes of the slow twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dustaug
import reference
from dustaug._engine import kernels, kernels_numpy, launch
from dustaug._engine.fills import default_value_range
from strategies import EPOCHS, INDICES, SEEDS, as_nhwc, specs, views


@pytest.fixture(params=[kernels, kernels_numpy], ids=["numba", "numpy"], scope="module")
def engine(request):
    """Paint with both engines in turn."""
    original = launch._engine
    launch._engine = lambda: request.param
    launch._find_launch.cache_clear()  # A launch belongs to the engine that it was made for.
    yield request.param
    launch._engine = original
    launch._find_launch.cache_clear()


def limits_of(draw, dtype):
    if dtype.kind == "b":
        return None, (0, 1)
    if draw(st.booleans()):
        return None, default_value_range(dtype)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        low = draw(st.integers(info.min, info.max - 1))
        limits = low, draw(st.integers(low + 1, info.max))
    else:
        limits = draw(st.sampled_from([(0, 255), (-1, 1), (0.25, 0.5)]))
    return limits, limits


@settings(max_examples=1000)
@given(st.data())
def test_add_dust_equals_the_twin(engine, data):
    """Any spec on any view of any dtype gives the twin's bytes, and no byte around the view changes."""
    buffer, view, layout = data.draw(views())
    spec = data.draw(specs(view.shape[layout.index("C")] if "C" in layout else 1, view.dtype))
    seed, epoch = data.draw(SEEDS), data.draw(EPOCHS)
    given_range, limits = limits_of(data.draw, view.dtype)
    n = view.shape[0] if "N" in layout else 1
    index = data.draw(st.one_of(st.integers(0, 2**63 - 1 - n), st.lists(INDICES, min_size=n, max_size=n)))
    expected = buffer.copy()
    before = as_nhwc(view, layout).copy()
    keywords = {
        "seed": seed,
        "epoch": epoch,
        "index": np.array(index) if isinstance(index, list) else index,
        "layout": layout,
        "value_range": given_range,
    }
    after = np.empty_like(before)
    try:
        for i, image in enumerate(before):
            number = index[i] if isinstance(index, list) else index + i
            after[i] = reference.dust(image, spec, seed, epoch, number, limits)
    except ValueError:  # No rectangle of these areas fits into so small an image.
        with pytest.raises(ValueError, match="area_range and aspect_range must allow"):
            dustaug.add_dust(view, spec, **keywords)
    else:
        result = dustaug.add_dust(view, spec, **keywords)

        assert result is view
        assert as_nhwc(view, layout).tobytes() == after.tobytes()

        as_nhwc(view, layout)[...] = before

    assert buffer.tobytes() == expected.tobytes()
