"""Means without 64-bit numbers equal those of the core to the bit."""

import functools

import jax
import ml_dtypes
import numpy as np
import pytest

from dustaug._engine import fills
from dustaug._engine.memory import ImageKind, make_memory
from dustaug._graph.jax import OPS

INTEGERS = ["?", "i1", "u1", "i2", "u2", "i4", "u4"]
FLOATS = [np.dtype(name) for name in (np.float32, np.float16, ml_dtypes.bfloat16)]
SHAPES = [(300, 1, 1, 3), (200, 2, 3, 3), (9, 31, 17, 3)]
mean_of = jax.jit(OPS.mean_of, static_argnums=1)


def expected(images, value_range):
    memory = make_memory(ImageKind(images.shape, images.strides, images.dtype, "NHWC"))
    patterns = fills.mean_patterns(images, memory, value_range).view(images.dtype)
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
        (share - 0.5) * np.exp2(rng.integers(-45, 8, shape)),
        np.round(low + 4 * share * span) / 4,
        low + np.where(rng.random(shape) < 0.1, (share - 0.5) * span * 100, share),
        np.full(shape, high),
        np.full(shape, low),
    )


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (0, 255), (-1, 1), (-128, 127), (3, 10), (-256, 0)], ids=str)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_means_of_floats_are_those_in_doubles(dtype, value_range):
    """Means of any floats in any value range are those that doubles give."""
    for shape in SHAPES:
        for images in floats(shape, *value_range):
            check(images.astype(dtype), value_range)


def test_a_million_floats_are_summed_exactly():
    """The largest image has an exact mean, also if it is full of the greatest numbers that are allowed."""
    shape = (1, 1024, 1024, 1)
    for images in (np.full(shape, 2**14 - 1), np.full(shape, 1 - 2**14), np.random.default_rng(7).random(shape)):
        check(images.astype(np.float32))
