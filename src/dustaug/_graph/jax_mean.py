"""Exact means in whole numbers of 32 bits, for ``_graph.jax``: JAX has no others by default.

How it works: a number is a list of *limbs*, digits of 10 bits, the lowest first, each in an array of uint32 or int32.
So 22 bits of a word are free. A million limbs can be summed before a carry leaves the word. And a number can be
divided by up to two million, from the highest limb down: the remainder, below the divisor, is shifted by 10 bits and
takes in the next limb.

- *Integers* are moved to begin at 0, cut into limbs and summed. The mean of the sum S over n pixels is
  ``(2 S + n) // (2 n)``, and is moved back.
- *Floats* are taken apart into sign, exponent and significand, by their bits. The significand, shifted by the exponent,
  becomes limbs in units of 2**-34 of 1. An offset makes them positive. They are divided by the value range and rounded
  to units of 2**-32 of it, halves to even. Then they are summed and divided as integers are. The mean, times the range,
  becomes one float again, rounded once.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_BITS, _MASK = 10, (1 << 10) - 1
# Offset, in units of 2**-32 of the value range, that makes every admissible value non-negative: 2**14 times the range.
_OFFSET = 1 << 46
# Bits of the significand of a dtype, and the exponent of its smallest subnormal number.
_PRECISION = {"float32": (24, -149), "float16": (11, -24), "bfloat16": (24, -149)}
MAX_SPAN = 256


def mean_of_integers(images: Any, dtype: np.dtype[Any]) -> Any:
    """Mean of images (n, h, w, c) of at most 32 bits, (n, 1, 1, c)."""
    lowest = int(np.iinfo(dtype).min) if dtype.kind == "i" else 0
    words = images.astype(jnp.int32 if lowest else jnp.uint32)
    words = jax.lax.bitcast_convert_type(words, jnp.uint32) - jnp.uint32(lowest % 2**32)
    limbs = _mean([(words >> shift) & _MASK for shift in range(0, 8 * dtype.itemsize, _BITS)])
    mean = _join(limbs, 0, 4) + jnp.uint32(lowest % 2**32)
    return jax.lax.bitcast_convert_type(mean, jnp.int32).astype(dtype) if lowest else mean.astype(dtype)


def mean_of_floats(images: Any, dtype: np.dtype[Any], low: int, high: int) -> Any:
    """Mean of images (n, h, w, c) whose range has whole ends, (n, 1, 1, c): computed and rounded as in the contract.

    The contract takes these steps in doubles. For ends at most MAX_SPAN apart, the doubles round to the same numbers as
    the exact results do.
    """
    span = high - low
    bits = jax.lax.bitcast_convert_type(images.astype(jnp.float32), jnp.uint32)
    negative, exponent = bits >> 31 > 0, ((bits >> 23) & 0xFF).astype(jnp.int32)
    significand = jnp.where(exponent > 0, (bits & 0x7FFFFF) | 0x800000, 0)
    # Units of 2**-34 are two bits more than are kept. These two, and whether any bit below is set, decide the rounding.
    shift = exponent - 116
    limbs = [_shifted(significand, shift - _BITS * place) & _MASK for place in range(6)]
    below = (1 << jnp.clip(-shift, 0, 31).astype(jnp.uint32)) - 1
    limbs[0] |= ((shift < 0) & ((significand & below) > 0)).astype(jnp.uint32)
    signed = [jnp.where(negative, -limb.astype(jnp.int32), limb.astype(jnp.int32)) for limb in limbs]
    limbs, _ = _carried(_plus(signed, 4 * (_OFFSET * span - (low << 32))))
    units, rest = _divide(limbs, 4 * span)
    up = (rest > 2 * span) | ((rest == 2 * span) & (units[0] & 1 > 0))
    units[0] += up.astype(jnp.uint32)
    return _as_floats(_mean(units), dtype, span, (low << 32) - _OFFSET * span)


def _mean(limbs: list[Any]) -> list[Any]:
    """Limbs of the mean over height and width, rounded, halves up."""
    n_pixels = limbs[0].shape[1] * limbs[0].shape[2]
    sums = [2 * limb.sum(axis=(1, 2), keepdims=True, dtype=jnp.uint32) for limb in limbs]
    sums[0] += jnp.uint32(n_pixels)
    carried, carry = _carried(sums)
    return _divide([*carried, carry & _MASK, (carry >> _BITS) & _MASK, carry >> 2 * _BITS], 2 * n_pixels)[0]


def _carried(numbers: list[Any]) -> tuple[list[Any], Any]:
    """Limbs of 10 bits, and the carry out of the last one, which is negative if the number is."""
    limbs, carry = [], 0
    for number in numbers:
        number = number + carry
        limbs.append((number & _MASK).astype(jnp.uint32))
        carry = number >> _BITS
    return limbs, carry


def _divide(limbs: list[Any], by: int) -> tuple[list[Any], Any]:
    """Quotient and remainder, by a number below 2**22: long division from the highest limb down."""
    quotient, remainder = [], jnp.zeros_like(limbs[0])
    for limb in reversed(limbs):
        remainder = (remainder << _BITS) + limb
        quotient.append(remainder // jnp.uint32(by))
        remainder = remainder % jnp.uint32(by)
    return quotient[::-1], remainder


def _plus(limbs: list[Any], number: int) -> list[Any]:
    """Sum of limbs and a Python int, whose bits beyond the last limb are added to that limb."""
    last = len(limbs) - 1
    parts = [(number >> _BITS * place) & (_MASK if place < last else -1) for place in range(len(limbs))]
    return [limb + jnp.int32(part) for limb, part in zip(limbs, parts, strict=True)]


def _join(limbs: list[Any], start: int, stop: int) -> Any:
    """Word of some limbs."""
    word = jnp.zeros_like(limbs[0])
    for place, limb in enumerate(limbs[start:stop]):
        word += limb << _BITS * place
    return word


def _shifted(words: Any, left: Any) -> Any:
    """Words shifted to the left, or to the right where `left` is negative."""
    right = words >> jnp.clip(-left, 0, 31).astype(jnp.uint32)
    return jnp.where(left > 0, words << jnp.clip(left, 0, 31).astype(jnp.uint32), right)


def _as_floats(units: list[Any], dtype: np.dtype[Any], span: int, zero: int) -> Any:
    """Floats of ``units * span + zero``, in units of 2**-32: rounded once, halves to even."""
    scaled = [limb.astype(jnp.int32) * span for limb in units[:6]]
    positive, carry = _carried(_plus(scaled, zero))
    negated, _ = _carried(_plus([-number for number in scaled], -zero))
    limbs = [jnp.where(carry < 0, *pair) for pair in zip(negated, positive, strict=True)]
    upper, lower = _join(limbs, 3, 6), _join(limbs, 0, 3)
    # Keep the highest 30 bits. The last one is set if any bit that is cut off was set.
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
