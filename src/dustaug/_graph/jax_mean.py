"""Exact means in whole numbers of 32 bits, for ``_graph.jax``: JAX has no others by default.

Numbers are lists of digits of 10 bits, the lowest first, in arrays of uint32 or int32: so a million of them can be
summed, and one be divided by two million, without a carry that leaves its word.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["MAX_SPAN", "mean_of_floats", "mean_of_integers"]

_DIGIT, _MASK = 10, (1 << 10) - 1
# Added to floats in units of 2**-32 of their range, so that none is negative within the limits of ``fills``.
_OFFSET = 1 << 46
# Bits that a float of a dtype has, and the power of two below which its steps shrink no more.
_PRECISION = {"float32": (24, -149), "float16": (11, -24), "bfloat16": (24, -149)}
MAX_SPAN = 256


def mean_of_integers(images: Any, dtype: np.dtype[Any]) -> Any:
    """Mean of images (n, h, w, c) of at most 32 bits, (n, 1, 1, c)."""
    lowest = int(np.iinfo(dtype).min) if dtype.kind == "i" else 0
    words = images.astype(jnp.int32 if lowest else jnp.uint32)
    words = jax.lax.bitcast_convert_type(words, jnp.uint32) - jnp.uint32(lowest % 2**32)
    digits = _mean([(words >> shift) & _MASK for shift in range(0, 8 * dtype.itemsize, _DIGIT)])
    mean = _join(digits, 0, 4) + jnp.uint32(lowest % 2**32)
    return jax.lax.bitcast_convert_type(mean, jnp.int32).astype(dtype) if lowest else mean.astype(dtype)


def mean_of_floats(images: Any, dtype: np.dtype[Any], low: int, high: int) -> Any:
    """Mean of images (n, h, w, c) whose range has whole ends, (n, 1, 1, c): computed and rounded as in ``fills``.

    There the steps are taken in doubles. For ends so near to each other none of them rounds to another number than
    the exact result does.
    """
    span = high - low
    bits = jax.lax.bitcast_convert_type(images.astype(jnp.float32), jnp.uint32)
    negative, exponent = bits >> 31 > 0, ((bits >> 23) & 0xFF).astype(jnp.int32)
    mantissa = jnp.where(exponent > 0, (bits & 0x7FFFFF) | 0x800000, 0)
    # In units of 2**-34: two bits more than are kept, and whether there are any below, decide how a number is rounded.
    shift = exponent - 116
    digits = [_shifted(mantissa, shift - _DIGIT * place) & _MASK for place in range(6)]
    below = (1 << jnp.clip(-shift, 0, 31).astype(jnp.uint32)) - 1
    digits[0] |= ((shift < 0) & ((mantissa & below) > 0)).astype(jnp.uint32)
    signed = [jnp.where(negative, -digit.astype(jnp.int32), digit.astype(jnp.int32)) for digit in digits]
    digits, _ = _carried(_plus(signed, 4 * (_OFFSET * span - (low << 32))))
    units, rest = _divide(digits, 4 * span)
    up = (rest > 2 * span) | ((rest == 2 * span) & (units[0] & 1 > 0))
    units[0] += up.astype(jnp.uint32)
    return _as_floats(_mean(units), dtype, span, (low << 32) - _OFFSET * span)


def _mean(digits: list[Any]) -> list[Any]:
    """Digits of the mean over height and width, rounded, halves up."""
    n_pixels = digits[0].shape[1] * digits[0].shape[2]
    sums = [2 * digit.sum(axis=(1, 2), keepdims=True, dtype=jnp.uint32) for digit in digits]
    sums[0] += jnp.uint32(n_pixels)
    carried, carry = _carried(sums)
    return _divide([*carried, carry & _MASK, (carry >> _DIGIT) & _MASK, carry >> 2 * _DIGIT], 2 * n_pixels)[0]


def _carried(numbers: list[Any]) -> tuple[list[Any], Any]:
    """Digits within their 10 bits, and what is left over, below 0 if the number is."""
    digits, carry = [], 0
    for number in numbers:
        number = number + carry
        digits.append((number & _MASK).astype(jnp.uint32))
        carry = number >> _DIGIT
    return digits, carry


def _divide(digits: list[Any], by: int) -> tuple[list[Any], Any]:
    """Quotient and rest, by a number below 2**22."""
    quotient, rest = [], jnp.zeros_like(digits[0])
    for digit in reversed(digits):
        rest = (rest << _DIGIT) + digit
        quotient.append(rest // jnp.uint32(by))
        rest = rest % jnp.uint32(by)
    return quotient[::-1], rest


def _plus(digits: list[Any], number: int) -> list[Any]:
    """Sum of digits and a Python int, the rest of which goes to the last digit."""
    last = len(digits) - 1
    parts = [(number >> _DIGIT * place) & (_MASK if place < last else -1) for place in range(len(digits))]
    return [digit + jnp.int32(part) for digit, part in zip(digits, parts, strict=True)]


def _join(digits: list[Any], start: int, stop: int) -> Any:
    """Word of some digits."""
    word = jnp.zeros_like(digits[0])
    for place, digit in enumerate(digits[start:stop]):
        word += digit << _DIGIT * place
    return word


def _shifted(words: Any, left: Any) -> Any:
    """Words shifted to the left, or to the right, as far as it may be."""
    right = words >> jnp.clip(-left, 0, 31).astype(jnp.uint32)
    return jnp.where(left > 0, words << jnp.clip(left, 0, 31).astype(jnp.uint32), right)


def _as_floats(units: list[Any], dtype: np.dtype[Any], span: int, zero: int) -> Any:
    """Floats of ``units * span + zero``, in units of 2**-32: rounded once, halves to even."""
    scaled = [digit.astype(jnp.int32) * span for digit in units[:6]]
    positive, carry = _carried(_plus(scaled, zero))
    negated, _ = _carried(_plus([-number for number in scaled], -zero))
    digits = [jnp.where(carry < 0, *pair) for pair in zip(negated, positive, strict=True)]
    upper, lower = _join(digits, 3, 6), _join(digits, 0, 3)
    # The highest 30 bits; a last bit stands for all that are cut off.
    room = jnp.where(upper > 0, jax.lax.clz(upper) - 2, 0)
    kept = 30 - room
    cut = (lower & ((1 << kept) - 1)) > 0
    word = jnp.where(upper > 0, (upper << room) | (lower >> kept) | cut.astype(jnp.uint32), lower)
    power = jnp.where(upper > 0, kept, 0).astype(jnp.int32) - 32
    precision, smallest = _PRECISION[dtype.name]
    drop = jnp.maximum(32 - jax.lax.clz(word).astype(jnp.int32) - precision, smallest - power)
    drop = jnp.clip(drop, 0, 31).astype(jnp.uint32)
    rounded, rest = word >> drop, word & ((1 << drop) - 1)
    half = (1 << drop) >> 1
    rounded += ((rest > half) | ((rest == half) & (drop > 0) & (rounded & 1 > 0))).astype(jnp.uint32)
    scale = (power + drop.astype(jnp.int32) + 127) << 23
    magnitude = rounded.astype(jnp.float32) * jax.lax.bitcast_convert_type(scale, jnp.float32)
    return jnp.where(carry < 0, -magnitude, magnitude).astype(dtype)
