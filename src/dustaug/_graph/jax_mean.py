"""Exact means in whole numbers of 32 bits, for ``_graph.jax``: JAX has no others by default.

How it works: a number is a list of *limbs*, digits of 10 bits, the lowest first, each in an array of uint32 or int32.
So 22 bits of a word are free. A million limbs can be summed before a carry leaves the word. And a number can be
divided by up to two million, from the highest limb down: the remainder, below the divisor, is shifted by 10 bits and
takes in the next limb.

- *Integers* are moved to begin at 0, cut into limbs and summed. The mean of the sum S over n pixels is
  ``(2 S + n) // (2 n)``, and is moved back.
- *Floats* are taken apart into sign, exponent and significand, by their bits. The significand, shifted by the exponent
  and rounded, halves to even, becomes limbs in the contract's units of 2**-k. An offset makes them positive. Then they
  are summed and divided as integers are. The mean is put together as one float again, rounded once.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dustaug._engine.contract import MEAN_LIMIT_BITS

# Sums of this many limbs fit into a word.
MAX_PIXELS = 1 << 20
_BITS, _MASK = 10, (1 << 10) - 1
# Makes every admissible value non-negative; with it, a value has five limbs.
_OFFSET, _LIMBS = 1 << MEAN_LIMIT_BITS, 5
# Bits of the significand of a dtype, and the bias of its exponent. A bfloat16 is made of a float of 32 bits.
_FORMATS = {"float32": (24, 127), "bfloat16": (24, 127), "float16": (11, 15)}


def mean_of_integers(images: Any, dtype: np.dtype[Any]) -> Any:
    """Mean of images (n, h, w, c) of at most 32 bits, (n, 1, 1, c)."""
    lowest = int(np.iinfo(dtype).min) if dtype.kind == "i" else 0
    words = images.astype(jnp.int32 if lowest else jnp.uint32)
    words = jax.lax.bitcast_convert_type(words, jnp.uint32) - jnp.uint32(lowest % 2**32)
    limbs = _mean([(words >> shift) & _MASK for shift in range(0, 8 * dtype.itemsize, _BITS)])
    mean = _join(limbs, 0, 4) + jnp.uint32(lowest % 2**32)
    return jax.lax.bitcast_convert_type(mean, jnp.int32).astype(dtype) if lowest else mean.astype(dtype)


def mean_of_floats(images: Any, dtype: np.dtype[Any], k: int) -> Any:
    """Mean of images (n, h, w, c), (n, 1, 1, c), taken in units of 2**-k; NaN where the contract has an error."""
    bits = jax.lax.bitcast_convert_type(images.astype(jnp.float32), jnp.uint32)
    negative, field = bits >> 31 > 0, ((bits >> 23) & 0xFF).astype(jnp.int32)
    usable = (field < max(127 + MEAN_LIMIT_BITS - k, 1)) & (field < 255)
    significand = (bits & 0x7FFFFF) | jnp.where(field > 0, jnp.uint32(0x800000), jnp.uint32(0))
    left = jnp.maximum(field, 1) - 150 + k
    units = jnp.where(left < 0, _rounded(significand, -left), significand)
    limbs = [_shifted(units, jnp.maximum(left, 0) - _BITS * place) & _MASK for place in range(_LIMBS)]
    signed = [jnp.where(negative, -limb.astype(jnp.int32), limb.astype(jnp.int32)) for limb in limbs]
    means = _mean(_carried(_plus(signed, _OFFSET))[0])[:_LIMBS]
    values = _as_floats([limb.astype(jnp.int32) for limb in means], dtype, k)
    return jnp.where(usable.all(axis=(1, 2), keepdims=True), values, jnp.asarray(math.nan, dtype))


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


def _rounded(words: Any, drop: Any) -> Any:
    """Words below 2**30 without their last bits, rounded, halves to even."""
    drop = jnp.clip(drop, 0, 31).astype(jnp.uint32)
    kept, rest, half = words >> drop, words & ((1 << drop) - 1), (1 << drop) >> 1
    return kept + ((rest > half) | ((rest == half) & (drop > 0) & (kept & 1 > 0))).astype(jnp.uint32)


def _as_floats(limbs: list[Any], dtype: np.dtype[Any], k: int) -> Any:
    """Floats of units of 2**-k above -_OFFSET: rounded once, halves to even."""
    positive, carry = _carried(_plus(limbs, -_OFFSET))
    negated, _ = _carried(_plus([-limb for limb in limbs], _OFFSET))
    negative = carry < 0
    limbs = [jnp.where(negative, *pair) for pair in zip(negated, positive, strict=True)]
    upper, lower = _join(limbs, 3, _LIMBS), _join(limbs, 0, 3)
    # The highest 30 bits of the 50, where the first bit that is set becomes the highest one.
    high_zeros, low_zeros = jax.lax.clz(upper) - 2, jax.lax.clz(lower) - 2
    cut = (lower & ((1 << (30 - high_zeros % 30)) - 1)) > 0
    joined = (upper << high_zeros) | (lower >> (30 - high_zeros)) | cut.astype(jnp.uint32)
    word = jnp.where(upper > 0, joined, lower << low_zeros)
    exponent = jnp.where(upper > 0, 59 - high_zeros.astype(jnp.int32), 29 - low_zeros.astype(jnp.int32)) - k
    precision, bias = _FORMATS[dtype.name]
    field = jnp.maximum(exponent + bias, 1)
    bits = _rounded(word, 30 - precision + field - exponent - bias)
    bits = jnp.where(word > 0, bits + ((field - 1) << (precision - 1)).astype(jnp.uint32), 0)
    sign = negative.astype(jnp.uint32)
    if dtype.name == "float16":
        return jax.lax.bitcast_convert_type((bits | (sign << 15)).astype(jnp.uint16), jnp.float16)
    return jax.lax.bitcast_convert_type(bits | (sign << 31), jnp.float32).astype(dtype)
