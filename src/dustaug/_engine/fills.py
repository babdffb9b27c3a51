"""From brightness 0…255 to the bit patterns that are painted.

A pattern is the value of one channel in the dtype of the images, as bits, repeated until it fills eight bytes: so one
painter serves all dtypes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug._errors import shown
from dustaug.spec import Spec

from .contract import FILLS, MEAN_BITS, MEAN_LIMIT_BITS, WORD_MASK
from .forks import fork_lock
from .memory import ImageKind


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

    Raises
    ------
    ValueError
        If the dtype cannot hold a fill.
    """
    low, high = value_range
    if dtype.kind in "biu":
        return _replicate(_integers(brightness, int(low), int(high)).astype(dtype))
    values = low + brightness / 255 * (high - low)
    if spec.normalize_mean is not None:
        with np.errstate(over="ignore"):
            values = (values - np.array(spec.normalize_mean)) / np.array(spec.normalize_std)
    with np.errstate(over="ignore", invalid="ignore"):
        encoded = values.astype(dtype)
    if not np.isfinite(encoded.astype(np.complex128)).all():
        raise ValueError(
            f"fills must be numbers that {dtype} can hold, got {np.nanmin(values):g} to {np.nanmax(values):g} from "
            f"value_range={shown(value_range)}, normalize_mean={spec.normalize_mean} and normalize_std="
            f"{spec.normalize_std}: type another normalize_std, or images.astype(numpy.float32)"
        )
    return _replicate(encoded)


def spec_patterns(spec: Spec, kind: ImageKind, value_range: tuple[float, float]) -> NDArray[np.uint64]:
    """Patterns of every level that `spec` can draw, (levels, 1 or c); none for what each batch has of its own."""
    per = FILLS[spec.fill].per
    if per in ("image", "donor"):
        return np.zeros((0, kind.channels), np.uint64)
    return encode(brightness_levels(spec), spec, kind.dtype, value_range)


# Whole numbers up to here may be multiplied by a brightness in 64 bits.
_SMALL = 1 << 50


def _integers(brightness: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    """Return ``low + brightness / 255 * (high - low)``, rounded, halves up, in whole numbers of any size."""
    if brightness.dtype == np.uint8 and -_SMALL < low <= high < _SMALL:  # In a hundredth of the time.
        return low + (2 * (high - low) * brightness.astype(np.int64) + 255) // 510
    with fork_lock:
        from fractions import Fraction  # It takes as long to import as half of dustaug.

    values, half = brightness.ravel().tolist(), Fraction(1, 2)
    exact = {value: low + math.floor((high - low) * Fraction(value) / 255 + half) for value in set(values)}
    return np.array([exact[value] for value in values], dtype=object).reshape(brightness.shape)


def _replicate(values: NDArray[Any]) -> NDArray[np.uint64]:
    item = values.dtype.itemsize
    repeated = np.zeros((*values.shape, 8 // item), f"u{item}")
    repeated[...] = np.ascontiguousarray(values).view(f"u{item}")[..., None]
    return repeated.view(np.uint64)[..., 0]


def mean_bits(value_range: tuple[float, float]) -> int:
    """Return k of the contract's means: floats are summed in units of 2**-k."""
    fraction, exponent = math.frexp(max(abs(value_range[0]), abs(value_range[1])))
    return MEAN_BITS - exponent + (fraction == 0.5)


def mean_patterns(images: NDArray[Any], value_range: tuple[float, float]) -> NDArray[np.uint64]:
    """Patterns of each image's own mean per channel, (n, channels): for dtypes that the kernel does not sum.

    Sums and means are taken in whole numbers, so that neither the layout nor the order of summation changes a bit, nor
    a compiler that divides in a way of its own.

    Parameters
    ----------
    images : array, (n, h, w, c)

    Raises
    ------
    ValueError
        If floating-point images are not finite, or very far out of their range.
    """
    n, height, width, channels = images.shape
    n_pixels, dtype, k = height * width, images.dtype, mean_bits(value_range)
    step = max(1, _BLOCK // max(1, width * channels))
    sums = np.zeros((n, channels, 2), np.int64)
    for start in range(0, height, step):
        for image in range(n):
            sums[image] += _halves(images[image, start : start + step], k, value_range)
    whole = (sums[..., 0].astype(object) << 32) + sums[..., 1].astype(object)
    means = (2 * whole + n_pixels) // max(1, 2 * n_pixels)
    if dtype.kind not in "biu":
        means = np.ldexp(means.astype(np.float64), -k)
    return _replicate(means.astype(dtype))


# Values per block of rows. It bounds the temporary copy whatever the size of the image.
_BLOCK = 1 << 16


def not_finite_error(value_range: tuple[float, float]) -> ValueError:
    return ValueError(f'images must be finite and not far out of {value_range} with fill="mean": type value_range=…')


def _halves(rows: NDArray[Any], k: int, value_range: tuple[float, float]) -> NDArray[np.int64]:
    """Return the sums of the upper and of the lower words per channel, (c, 2)."""
    if rows.dtype.kind not in "biu":
        with np.errstate(over="ignore"):
            scaled = np.ldexp(rows.astype(np.float64), k)
        if not (np.abs(scaled) < 2.0**MEAN_LIMIT_BITS).all():
            raise not_finite_error(value_range)
        rows = np.rint(scaled).astype(np.int64)
    elif rows.dtype.itemsize < 8:
        rows = rows.astype(np.int64)
    upper, lower = rows >> 32, rows & rows.dtype.type(WORD_MASK)
    return np.stack([half.sum(axis=(0, 1), dtype=np.int64) for half in (upper, lower)], axis=-1)
