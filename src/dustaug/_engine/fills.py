"""From brightness 0…255 to the bit patterns that are painted.

A pattern is the value of one channel in the dtype of the images, as bits, repeated until it fills eight bytes: so one
painter serves all dtypes.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug.spec import Spec

from .contract import FILLS, MEAN_LIMIT, MEAN_UNITS
from .memory import Memory


def brightness_levels(spec: Spec) -> NDArray[Any]:
    """Brightness of every level that `spec` can draw: (levels, 1), or (1, channels) for a constant per channel."""
    if not FILLS[spec.fill].drawn:
        return np.array([spec.fill_value], np.float64).reshape(1, -1)
    low, high = spec.fill_range
    return np.arange(low, high + 1, dtype=np.uint8)[:, None]


def default_value_range(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Values of black and white: 0 and 1 for floats and bool, 0 and the dtype's largest value for integers."""
    if dtype.kind in "iu":
        return 0, int(np.iinfo(dtype).max)
    return 0.0, 1.0


def encode(
    brightness: NDArray[Any], spec: Spec, dtype: np.dtype[Any], value_range: tuple[float, float]
) -> NDArray[np.uint64]:
    """Patterns of brightness 0…255 between the values of black and white, normalised if the spec says so.

    Parameters
    ----------
    brightness : array, (r, 1) or (r, c)
        One row a fill, one column a channel, or one column if all channels are equal.

    Returns
    -------
    uint64, (r, 1) or (r, c)
        Normalised patterns have a column for each channel.
    """
    low, high = value_range
    if dtype.kind in "biu":
        return _replicate(_integers(brightness, int(low), int(high)).astype(dtype))
    values = low + brightness / 255 * (high - low)
    if spec.normalize_mean is not None:
        values = (values - np.array(spec.normalize_mean)) / np.array(spec.normalize_std)
    return _replicate(values.astype(dtype))


def spec_patterns(spec: Spec, memory: Memory, value_range: tuple[float, float]) -> NDArray[np.uint64]:
    """Patterns of every level that `spec` can draw, (levels, 1 or c); none for means, as each batch has its own."""
    per = FILLS[spec.fill].per
    if per == "image":
        return np.zeros((0, memory.channels), np.uint64)
    patterns = encode(brightness_levels(spec), spec, memory.dtype, value_range)
    if per != "rectangle":  # Channels are drawn one by one, from the same levels.
        patterns = np.repeat(patterns, memory.channels // patterns.shape[1], axis=1)
    return patterns


def _integers(brightness: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    """Return ``low + brightness / 255 * (high - low)``, rounded, halves up, in whole numbers of any size."""
    levels, level = np.unique(brightness, return_inverse=True)
    half = Fraction(1, 2)
    exact = [low + math.floor((high - low) * Fraction(value) / 255 + half) for value in levels.tolist()]
    return np.array(exact, dtype=object)[level.reshape(brightness.shape)]


def _replicate(values: NDArray[Any]) -> NDArray[np.uint64]:
    item = values.dtype.itemsize
    repeated = np.zeros((*values.shape, 8 // item), f"u{item}")
    repeated[...] = np.ascontiguousarray(values).view(f"u{item}")[..., None]
    return repeated.view(np.uint64)[..., 0]


def mean_patterns(images: NDArray[Any], memory: Memory, value_range: tuple[float, float]) -> NDArray[np.uint64]:
    """Patterns of each image's own mean per channel, (n, channels).

    Sums and means are taken in whole numbers, of floats in units of 2**-32 of the value range, so that neither the
    layout nor the order of summation changes a bit, nor a compiler that divides in a way of its own.

    Raises
    ------
    ValueError
        If floating-point images are not finite, or very far out of their range.
    """
    view = np.lib.stride_tricks.as_strided(images, memory[:4], memory[4:8])
    n_pixels = memory.height * memory.width
    step = max(1, _BLOCK // (memory.width * memory.channels))
    sums = np.zeros((memory.n, memory.channels), object)
    for start in range(0, memory.height, step):
        for image in range(memory.n):
            sums[image] += _sum(view[image, start : start + step], value_range)
    means = (2 * sums + n_pixels) // (2 * n_pixels)
    if memory.dtype.kind not in "biu":
        low, high = value_range
        means = low + means.astype(np.float64) * ((high - low) / MEAN_UNITS)
    return _replicate(means.astype(memory.dtype))


# Values per block of rows. It bounds the temporary copy whatever the size of the image. Within MEAN_LIMIT the sum of a
# row of 2**16 values fits into 64 bits.
_BLOCK = 1 << 16


def _sum(rows: NDArray[Any], value_range: tuple[float, float]) -> Any:
    """Exact sum per channel as Python integers."""
    if rows.dtype.kind not in "biu":
        low, high = value_range
        scaled = (rows.astype(np.float64) - low) / (high - low)
        if not (np.abs(scaled) < MEAN_LIMIT).all():
            raise ValueError(
                f'images must be finite and not far out of {value_range} with fill="mean": type value_range=…'
            )
        rows = np.rint(scaled * MEAN_UNITS).astype(np.int64)
    if rows.dtype.itemsize < 8:
        # Down the rows first, in a type that holds the sum: a twentieth of the time of both axes at once.
        narrow = np.uint32 if rows.dtype.kind in "bu" and rows.dtype.itemsize < 4 else np.int64
        return rows.sum(axis=0, dtype=narrow).sum(axis=0, dtype=np.int64).astype(object)
    # Halves of 64 bits, so that sums cannot overflow.
    high_half, low_half = rows >> 32, rows & rows.dtype.type(0xFFFFFFFF)
    return (high_half.sum(axis=(0, 1)).astype(object) << 32) + low_half.sum(axis=(0, 1)).astype(object)
