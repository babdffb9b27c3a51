"""Means without 64-bit numbers equal those of the core to the bit."""

import functools

import jax
import ml_dtypes
import numpy as np
import pytest

from dustaug._engine import fills
from dustaug._graph.jax import OPS

INTEGERS = ["?", "i1", "u1", "i2", "u2", "i4", "u4"]
FLOATS = [np.dtype(name) for name in (np.float32, np.float16, ml_dtypes.bfloat16)]
SHAPES = [(300, 1, 1, 3), (200, 2, 3, 3), (9, 31, 17, 3)]
mean_of = jax.jit(OPS.mean_of, static_argnums=1)


def expected(images, value_range):
    patterns = fills.mean_patterns(images, value_range).view(images.dtype)
    return patterns.reshape(len(images), 1, 1, images.shape[-1], -1)[..., 0]


def check(images, value_range=(0, 1)):
    computed = np.asarray(mean_of(images, value_range))

    assert computed.dtype == images.dtype
    assert expected(images, value_range).tobytes() == computed.tobytes()


@pytest.mark.parametrize("shape", [*SHAPES, (1, 1024, 1024, 1)])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_means_of_integers_are_exact(dtype, shape):
    """Random integers, least and greatest ones have exact means, up to the largest image."""
    dtype = np.dtype(dtype)
    least, greatest = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    drawn = np.random.default_rng(5).integers(least, greatest, shape, np.int64, endpoint=True)
    for images in (drawn, np.full(shape, least), np.full(shape, greatest)):
        check(images.astype(dtype))


@functools.cache
def floats(shape, low, high):
    """Return arrays of floats that are hard to sum.

    They lie in the range, are of all magnitudes, lie on quarters (where halves are rounded), lie outside of the
    range, or are all equal.
    """
    rng = np.random.default_rng(6)
    share, span = rng.random(shape), high - low
    return (
        low + share * span,
        (share - 0.5) * span * np.exp2(rng.integers(-45, 8, shape)),
        np.round(low + 4 * share * span) / 4,
        low + np.where(rng.random(shape) < 0.1, (share - 0.5) * span * 100, share * span),
        np.full(shape, high),
        np.full(shape, low),
    )


@pytest.mark.parametrize(
    "value_range",
    [(0.0, 1.0), (0, 255), (-1, 1), (-256, 0), (-2.1, 2.6), (0, 1000), (0.1, 0.3), (0, 2.0**-20), (-1e-7, 0)],
    ids=str,
)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_means_of_floats_are_those_in_doubles(dtype, value_range):
    """Means of any floats in any value range are those that doubles give."""
    for shape in SHAPES:
        for images in floats(shape, *value_range):
            check(images.astype(dtype), value_range)


@pytest.mark.parametrize("value_range", [(0, 2.0**-130), (0, 2.0**120), (-3e38, 3e38)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16])
def test_means_at_the_ends_of_the_exponents_are_exact(dtype, value_range):
    """Subnormal numbers and the greatest ones have the same means too."""
    share = np.random.default_rng(8).random(SHAPES[2])
    low, high = value_range
    for images in (low + share * (high - low), np.full(SHAPES[2], high), np.full(SHAPES[2], high * 2.0**-23)):
        check(images.astype(dtype), value_range)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2.0**14, -(2.0**14)])
def test_what_has_no_mean_becomes_nan(value):
    """A value that the core refuses makes the mean of its channel NaN, and no other one."""
    images = np.full((2, 3, 5, 3), 0.5, np.float32)
    images[1, 2, 4, 1] = value
    means = np.asarray(mean_of(images, (0, 1)))

    assert [[1, 0, 0, 1]] == np.argwhere(np.isnan(means)).tolist()
    assert 5 == np.count_nonzero(means == 0.5)


def test_a_million_floats_are_summed_exactly():
    """The largest image has an exact mean, also if it is full of the greatest numbers that are allowed."""
    shape = (1, 1024, 1024, 1)
    for images in (np.full(shape, 2**14 - 1), np.full(shape, 1 - 2**14), np.random.default_rng(7).random(shape)):
        check(images.astype(np.float32))
