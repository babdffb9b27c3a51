"""JAX's operations, for ``_graph.program``: under jit and vmap, without 64-bit mode."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dustaug._engine.contract import WORD_MASK
from dustaug._engine.fills import mean_bits

from . import mixing, program
from .jax_mean import MAX_PIXELS, mean_of_floats, mean_of_integers
from .program import Int, Length, Tensor, Word, Words, check_index_shape

_MASK_32, _MASK_16 = WORD_MASK, 0xFFFF


class _Jax:
    """Words are uint32. Products of 64 bits come from halves of 16, since JAX has none by default."""

    # Operations that JAX has as they are wanted.
    constant, xor, where = map(staticmethod, (jnp.asarray, jnp.bitwise_xor, jnp.where))
    minimum, maximum, reshape, transpose = map(staticmethod, (jnp.minimum, jnp.maximum, jnp.reshape, jnp.transpose))

    def shape_of(self, images: Tensor) -> tuple[Length, ...]:
        return tuple(images.shape)

    def to_words(self, number: Any) -> Words:
        if isinstance(number, int):
            return jnp.uint32(number & _MASK_32), jnp.uint32(number >> 32)
        if isinstance(number, np.ndarray):  # Which may be of 64 bits, unlike JAX's own.
            number = number.astype(np.uint64)
            return self.as_words((number & _MASK_32).astype(np.uint32)), self.as_words((number >> 32).astype(np.uint32))
        if number.dtype.itemsize < 8:
            return self.as_words(number), self.as_words(number) * jnp.uint32(0)
        return self.as_words(number & _MASK_32), self.as_words(number >> 32)

    def as_words(self, numbers: Any) -> Word:
        return jnp.asarray(numbers).astype(jnp.uint32)

    def arange(self, n: Length) -> Word:
        return jnp.arange(n, dtype=jnp.uint32)

    def per_image(self, words: Word, images: Tensor) -> Word:
        check_index_shape(words.shape, images.shape)
        return words

    def broadcast(self, *words: Word) -> tuple[Word, ...]:
        # A zero made of all words gives each the same type, which shard_map and explicit sharding ask for.
        zeros = functools.reduce(jnp.add, words) * jnp.uint32(0)
        return tuple(word + zeros for word in words)

    def repeat(self, n: int, step: Callable[..., tuple[Word, ...]], state: tuple[Word, ...]) -> tuple[Word, ...]:
        repeated: tuple[Any, ...] = jax.lax.fori_loop(0, n, lambda _, state: step(*state), state)
        return repeated

    def multiply(self, word: Word, by: Word | int) -> Words:
        by = jnp.asarray(by, jnp.uint32)
        word_high, word_low, by_high, by_low = word >> 16, word & _MASK_16, by >> 16, by & _MASK_16
        low = word_low * by_low
        middle = word_high * by_low + (low >> 16)
        crossed = word_low * by_high + (middle & _MASK_16)
        return word_high * by_high + (middle >> 16) + (crossed >> 16), word * by

    def add(self, word: Word, other: Word | int) -> Word:
        return word + jnp.asarray(other, jnp.uint32)

    def subtract(self, word: Word | int, other: Word) -> Word:
        return jnp.asarray(word, jnp.uint32) - other

    def divide(self, word: Word, by: Word | int) -> Word:
        return word // jnp.asarray(by, jnp.uint32)

    def shift_left(self, word: Word, bits: Word | int) -> Word:
        return word << bits

    def shift_right(self, word: Word, bits: Word | int) -> Word:
        return word >> bits

    def low_bits(self, word: Word, mask: int) -> Word:
        return word & mask

    def less(self, word: Word, than: Word | int) -> Tensor:
        if isinstance(than, int):
            return word < jnp.uint32(than) if than <= _MASK_32 else jnp.ones_like(word, bool)
        return word < than

    def to_int32(self, word: Word) -> Int:
        return word.astype(jnp.int32)

    def to_double(self, length: Length) -> Tensor:
        return jnp.asarray(length).astype(jnp.float32)

    def numpy_dtype(self, tensor: Tensor) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(tensor.dtype)
        return dtype

    def cast(self, tensor: Tensor, dtype: str) -> Tensor:
        return jnp.asarray(tensor).astype(dtype)

    def gather(self, values: Tensor, places: Int) -> Tensor:
        return values[places]

    def batch_gather(self, values: Tensor, places: Int) -> Tensor:
        return jnp.take_along_axis(values, places[..., None], axis=1)

    def stack(self, tensors: Any) -> Tensor:
        return jnp.stack(tensors, axis=-1)

    def sum_last(self, integers: Int) -> Int:
        return integers.sum(axis=-1, dtype=jnp.int32)

    def sums_last(self, integers: Int) -> Int:
        return jnp.cumsum(integers, axis=-1, dtype=jnp.int32)

    def msb(self, integers: Int) -> Int:
        return 31 - jax.lax.clz(integers)

    def argsort(self, numbers: Tensor) -> Int:
        return jnp.argsort(numbers, axis=-1, stable=True).astype(jnp.int32)

    def like(self, tensor: Tensor, _: Tensor) -> Tensor:
        return tensor

    def paint_pixels(self, *_: Any, **__: Any) -> None:
        return None

    def mean_of(self, images: Tensor, value_range: tuple[float, float]) -> Tensor:
        dtype, (_, height, width, _) = self.numpy_dtype(images), images.shape
        if dtype.itemsize > 4 or dtype.name.startswith("float8"):
            raise ValueError(
                'images must be integers of at most 32 bits or floats of 16 or 32 bits with fill="mean" in JAX, got '
                f"{dtype}: type images.astype(jax.numpy.float32)"
            )
        if height * width > MAX_PIXELS:
            raise ValueError(
                f'images must have at most {MAX_PIXELS} pixels with fill="mean" in JAX, got {height} by {width}'
            )
        if dtype.kind in "biu":
            return mean_of_integers(images, dtype)
        return mean_of_floats(images, dtype, mean_bits(value_range))


OPS = _Jax()

# Outside a compiled function each operation would be compiled on its own, and the loop anew with every call.
build = jax.jit(functools.partial(program.build, OPS), static_argnames=("spec", "layout", "value_range"))
mix = jax.jit(functools.partial(mixing.mix, OPS), static_argnames=("spec", "layout"))
