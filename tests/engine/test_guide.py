"""Guides put centres where the caller says: every engine draws what the contract's twin draws, by exact shares."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reference
from dustaug import add_dust, dust, sample_rectangles
from dustaug._engine import kernels_numpy, launch, objects

ENGINES = {"compiled": objects.engine(), "numpy": kernels_numpy}


@pytest.fixture(params=ENGINES)
def engine(request, monkeypatch):
    """Paint with one of the engines."""
    launch._find_launch.cache_clear()
    monkeypatch.setattr(launch, "_engine", lambda: ENGINES[request.param])
    yield request.param
    launch._find_launch.cache_clear()


@st.composite
def guides(draw, n):
    """Draw guides of any resolution: sparse, dense, empty, and of one cell."""
    shape = n, draw(st.integers(1, 9)), draw(st.integers(1, 9))
    weights = st.one_of(st.integers(0, 255), st.just(0), st.sampled_from([0, 1]))
    flat = draw(st.lists(weights, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    return np.array(flat, np.uint8).reshape(shape)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_guide_is_that_of_the_twin(engine, data):
    """Any guide, fill, size and shape of images gives the bytes of the twin."""
    n, height, width = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))
    guide = data.draw(guides(n))
    size = data.draw(st.sampled_from([{}, {"side_range": (1, 5)}, {"height_fraction_range": (0.1, 0.9)}]))
    spec = dust(
        center="guide",
        count_range=(0, data.draw(st.integers(0, 40))),
        fill=data.draw(st.sampled_from(["grey", "color", "noise", "mean"])),
        spare_last=data.draw(st.booleans()),
        **size,
    )
    images = np.random.default_rng(0).integers(0, 256, (n, height, width, 2), dtype=np.uint8)
    seed, first = data.draw(st.integers(0, 2**64 - 1)), data.draw(st.integers(0, 2**40))
    expected = np.stack([reference.dust(images[i], spec, seed, 3, first + i, (0, 255), guide[i]) for i in range(n)])
    painted = add_dust(images.copy(), spec, seed=seed, epoch=3, index=first, layout="NHWC", guide=guide)

    assert (painted == expected).all()

    drawn = sample_rectangles(
        spec, height=height, width=width, seed=seed, epoch=3, index=first + np.arange(n), channels=2, guide=guide
    )
    twin = [
        box[:4] for i in range(n) for box in reference.rectangles(spec, height, width, 2, seed, 3, first + i, guide[i])
    ]
    assert drawn.boxes.tolist() == [list(box) for box in twin]
