"""JAX's operations, for ``_graph.program``: under jit and vmap, without 64-bit mode."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from . import program as _graph
from .jax_mean import MAX_SPAN, mean_of_floats, mean_of_integers
from .program import Words, check_one_for_each

__all__ = ["OPS", "dust_images"]

_LOW, _HALF = 0xFFFFFFFF, 0xFFFF


class _Jax:
    """Words are uint32. Products of 64 bits come from halves of 16, since JAX has none by default."""

    def split(self, number: Any) -> Words:
        if isinstance(number, int):
            return jnp.uint32(number & _LOW), jnp.uint32(number >> 32)
        if isinstance(number, np.ndarray):  # Which may be of 64 bits, unlike JAX's own.
            return self.words((number & _LOW).astype(np.uint32)), self.words((number >> 32).astype(np.uint32))
        if number.dtype.itemsize < 8:
            return self.words(number), self.words(number) * jnp.uint32(0)
        return self.words(number & _LOW), self.words(number >> 32)

    def words(self, numbers: Any) -> Any:
        return jnp.asarray(numbers).astype(jnp.uint32)

    def positions(self, images: Any) -> Any:
        return jnp.arange(images.shape[0], dtype=jnp.uint32)

    def one_for_each(self, words: Any, images: Any) -> Any:
        check_one_for_each(words.shape, images.shape)
        return words

    def broadcast(self, *words: Any) -> tuple[Any, ...]:
        # A zero made of all words gives each the same type, which shard_map and explicit sharding ask for.
        zeros = functools.reduce(jnp.add, words) * jnp.uint32(0)
        return tuple(word + zeros for word in words)

    def repeat(self, n: int, step: Callable[..., tuple[Any, ...]], state: tuple[Any, ...]) -> tuple[Any, ...]:
        repeated: tuple[Any, ...] = jax.lax.fori_loop(0, n, lambda _, state: step(*state), state)
        return repeated

    def multiply(self, word: Any, by: Any) -> Words:
        by = jnp.asarray(by, jnp.uint32)
        word_high, word_low, by_high, by_low = word >> 16, word & _HALF, by >> 16, by & _HALF
        low = word_low * by_low
        middle = word_high * by_low + (low >> 16)
        crossed = word_low * by_high + (middle & _HALF)
        return word_high * by_high + (middle >> 16) + (crossed >> 16), word * by

    def add(self, word: Any, other: Any) -> Any:
        return word + jnp.asarray(other, jnp.uint32)

    def xor(self, first: Any, second: Any) -> Any:
        return first ^ second

    def shift_right(self, word: Any, bits: int) -> Any:
        return word >> bits if bits < 32 else word * jnp.uint32(0)

    def low_bits(self, word: Any, mask: int) -> Any:
        return word & mask

    def less(self, word: Any, than: Any) -> Any:
        if isinstance(than, int):
            return word < jnp.uint32(than) if than <= _LOW else jnp.ones_like(word, bool)
        return word < than

    def integer(self, word: Any) -> Any:
        return word.astype(jnp.int32)

    def constant(self, values: NDArray[Any]) -> Any:
        return jnp.asarray(values)

    def numpy_dtype(self, tensor: Any) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(tensor.dtype)
        return dtype

    def cast(self, tensor: Any, dtype: str) -> Any:
        return jnp.asarray(tensor).astype(dtype)

    def take(self, values: Any, places: Any) -> Any:
        return values[places]

    def take_each(self, values: Any, places: Any) -> Any:
        return jnp.take_along_axis(values, places[..., None], axis=1)

    def where(self, condition: Any, first: Any, second: Any) -> Any:
        return jnp.where(condition, first, second)

    def minimum(self, first: Any, second: Any) -> Any:
        return jnp.minimum(first, second)

    def maximum(self, first: Any, second: Any) -> Any:
        return jnp.maximum(first, second)

    def reshape(self, tensor: Any, shape: tuple[int, ...]) -> Any:
        return tensor.reshape(shape)

    def transpose(self, tensor: Any, axes: tuple[int, ...]) -> Any:
        return tensor.transpose(axes)

    def stack(self, tensors: Any) -> Any:
        return jnp.stack(tensors, axis=-1)

    def sum_last(self, integers: Any) -> Any:
        return integers.sum(axis=-1, dtype=jnp.int32)

    def highest_bit(self, integers: Any) -> Any:
        return 31 - jax.lax.clz(integers)

    def paint_pixels(self, *_: Any, **__: Any) -> None:
        return None

    def mean_of(self, images: Any, value_range: tuple[float, float]) -> Any:
        (low, high), dtype = value_range, self.numpy_dtype(images)
        if dtype.kind in "biu":
            return mean_of_integers(images, dtype)
        whole = int(low) == low and int(high) == high and abs(low) <= MAX_SPAN and high - low <= MAX_SPAN
        if dtype.name not in ("float32", "float16", "bfloat16") or not whole:
            raise ValueError(
                "images must be integers, or floats of 16 or 32 bits in a range of whole numbers, at most "
                f'{MAX_SPAN} apart, with fill="mean" in JAX, got {dtype} in {value_range}: type value_range=(0, 1), or '
                "another fill"
            )
        return mean_of_floats(images, dtype, int(low), int(high))


OPS = _Jax()

# Outside a compiled function each operation would be compiled on its own, and the loop anew with every call.
dust_images = jax.jit(functools.partial(_graph.dust_images, OPS), static_argnames=("spec", "layout", "value_range"))
