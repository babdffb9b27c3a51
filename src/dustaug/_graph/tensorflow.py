"""TensorFlow's operations, for ``_graph.program``: eager, in graphs, under XLA."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from dustaug._engine.contract import MEAN_LIMIT_BITS, WORD_MASK
from dustaug._engine.fills import mean_bits
from dustaug._engine.memory import Layout

from .program import Edges, Int, Length, Size, Tensor, Word, Words, check_index_shape

PHILOX = 1
_MASK_32 = WORD_MASK
# TensorFlow's name for anonymous resources, which go with their last handle.
_ANONYMOUS = "cd2c89b7-88b7-44c8-ad83-06c2a9158347"


class _TensorFlow:
    """Words are int64: TensorFlow has few unsigned operations. A product of two words wraps to the right 64 bits."""

    # Operations that TensorFlow has as they are wanted.
    constant, cast, gather, where = map(staticmethod, (tf.constant, tf.cast, tf.gather, tf.where))
    minimum, maximum, reshape, transpose = map(staticmethod, (tf.minimum, tf.maximum, tf.reshape, tf.transpose))
    xor = staticmethod(tf.bitwise.bitwise_xor)

    def shape_of(self, images: Tensor) -> tuple[Length, ...]:
        known = tuple(images.shape)
        if None not in known:
            return known
        lengths = tf.unstack(tf.shape(images), len(known))
        return tuple(tensor if length is None else length for length, tensor in zip(known, lengths, strict=True))

    def to_words(self, number: Any) -> Words:
        if isinstance(number, int):
            return tf.constant(number & _MASK_32, tf.int64), tf.constant(number >> 32, tf.int64)
        number = tf.cast(number, tf.int64)
        return number & _MASK_32, self.shift_right(number, 32)

    def as_words(self, numbers: Any) -> Word:
        return tf.cast(numbers, tf.int64)

    def arange(self, n: Length) -> Word:
        return tf.range(tf.cast(n, tf.int64))

    def per_image(self, words: Word, images: Tensor) -> Word:
        if words.shape.is_fully_defined() and images.shape[0] is not None:
            check_index_shape(tuple(words.shape), tuple(images.shape))
        # A single index would broadcast over the batch, so the shape is enforced.
        return tf.reshape(words, tf.shape(images)[:1])

    def broadcast(self, *words: Word) -> tuple[Word, ...]:
        zeros = sum(tf.zeros_like(word) for word in words)
        return tuple(word + zeros for word in words)

    def repeat(self, n: int, step: Callable[..., tuple[Word, ...]], state: tuple[Word, ...]) -> tuple[Word, ...]:
        def count_and_step(i: Any, *state: Any) -> tuple[Any, ...]:
            return i + 1, *step(*state)

        loop = tf.while_loop(lambda i, *_: i < n, count_and_step, (0, *state), maximum_iterations=n)
        return tuple(loop[1:])

    def multiply(self, word: Word, by: Word | int) -> Words:
        product = word * by
        return self.shift_right(product, 32), product & _MASK_32

    def add(self, word: Word, other: Word | int) -> Word:
        return (word + other) & _MASK_32

    def subtract(self, word: Word | int, other: Word) -> Word:
        return (word - other) & _MASK_32

    def divide(self, word: Word, by: Word | int) -> Word:
        return word // by

    def shift_left(self, word: Word, bits: Word | int) -> Word:
        return tf.bitwise.left_shift(word, tf.cast(bits, tf.int64)) & _MASK_32

    def shift_right(self, word: Word, bits: Word | int) -> Word:
        return tf.bitwise.right_shift(word, tf.cast(bits, tf.int64)) & _MASK_32

    def low_bits(self, word: Word, mask: int) -> Word:
        return word & mask

    def less(self, word: Word, than: Word | int) -> Tensor:
        return word < than

    def to_int32(self, word: Word) -> Int:
        return tf.cast(word, tf.int32)

    def to_double(self, length: Length) -> Tensor:
        return tf.cast(length, tf.float64)

    def numpy_dtype(self, tensor: Tensor) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(tensor.dtype.as_numpy_dtype)
        return dtype

    def batch_gather(self, values: Tensor, places: Int) -> Tensor:
        return tf.gather(values, places, batch_dims=1)

    def stack(self, tensors: Any) -> Tensor:
        return tf.stack(tensors, axis=-1)

    def sum_last(self, integers: Int) -> Int:
        return tf.reduce_sum(integers, axis=-1)

    def sums_last(self, integers: Int) -> Int:
        return tf.cumsum(integers, axis=-1)

    def msb(self, integers: Int) -> Int:
        # Without the bit below the highest, rounding to a float cannot carry: the exponent is the place.
        alone = integers & ~tf.bitwise.right_shift(integers, tf.constant(1, tf.int32))
        exponent = tf.bitwise.right_shift(tf.bitcast(tf.cast(alone, tf.float32), tf.int32), tf.constant(23, tf.int32))
        return exponent - 127

    def argsort(self, numbers: Tensor) -> Int:
        return tf.argsort(numbers, axis=-1, stable=True)

    def like(self, tensor: Tensor, images: Tensor) -> Tensor:
        if tensor.shape.is_fully_defined() and images.shape.is_fully_defined():
            return tensor
        # An image alone would be taken for all of a batch.
        same = tf.debugging.assert_equal(tf.shape(tensor), tf.shape(images), "donors must have the shape of images")
        with tf.control_dependencies([same]):
            return tf.identity(tensor)

    def paint_pixels(
        self,
        images: Any,
        edges: Edges,
        exists: Any,
        values: Any,
        *,
        layout: Layout,
        size: Size,
        max_size: tuple[int, int],
    ) -> tuple[Any, Any]:
        channels, n_rectangles = dict(zip(layout, images.shape, strict=True)).get("C", 1), exists.shape[1]
        n, n_pixels = tf.cast(size.n, tf.int64), tf.cast(size.height * size.width, tf.int64)
        top, left, bottom, right = (edge[:, :, None, None] for edge in edges)
        y, x = top + tf.range(max_size[0])[:, None], left + tf.range(max_size[1])
        inside = (y < bottom) & (x < right) & exists[:, :, None, None]
        chosen = tf.where(tf.reshape(inside, (-1,)))[:, 0]
        rectangle = chosen // (max_size[0] * max_size[1])
        image = rectangle // n_rectangles
        pixel = image * n_pixels + tf.cast(tf.gather(tf.reshape(y * size.width + x, (-1,)), chosen), tf.int64)
        nothing = tf.fill((n * n_pixels,), tf.constant(-1, tf.int32))
        top_ranks = tf.tensor_scatter_nd_max(nothing, pixel[:, None], tf.cast(rectangle, tf.int32))
        # A pixel under several rectangles is written several times, each time with the value of its top rectangle.
        values = tf.reshape(tf.broadcast_to(values, (size.n, n_rectangles, channels)), (-1, channels))
        values = tf.gather(values, tf.gather(top_ranks, pixel))
        if layout.endswith("CHW"):
            planes = (image * (channels - 1))[:, None] + tf.range(channels, dtype=tf.int64)
            pixel, values = tf.reshape(pixel[:, None] + planes * n_pixels, (-1,)), tf.reshape(values, (-1, 1))
        flat = tf.reshape(images, (-1, values.shape[1]))
        dusted = tf.reshape(tf.tensor_scatter_nd_update(flat, pixel[:, None], values), tf.shape(images))
        return tf.ensure_shape(dusted, images.shape), tf.reshape(top_ranks >= 0, size)

    def mean_of(self, images: Tensor, value_range: tuple[float, float]) -> Tensor:
        dtype, k = images.dtype, mean_bits(value_range)
        if not dtype.is_floating:
            wide = tf.bitcast(images, tf.int64) if dtype == tf.uint64 else tf.cast(images, tf.int64)
            means = _mean_of_integers(wide, signed=dtype != tf.uint64)
            return tf.bitcast(means, dtype) if dtype == tf.uint64 else tf.cast(means, dtype)
        scaled = _scaled(tf.cast(images, tf.float64), k)
        usable = tf.reduce_all(tf.abs(scaled) < 2.0**MEAN_LIMIT_BITS, axis=(1, 2), keepdims=True)
        values = _scaled(tf.cast(_mean_of_integers(tf.cast(tf.round(scaled), tf.int64)), tf.float64), -k)
        if dtype == tf.float16:
            values = _round_to_odd(values)
        return tf.where(usable, tf.cast(values, dtype), tf.cast(math.nan, dtype))


def _scaled(doubles: Any, k: int) -> Any:
    """Return doubles times 2**k, which a double alone may be too small for."""
    return doubles * 2.0 ** (k // 2) * 2.0 ** (k - k // 2)


def _mean_of_integers(images: Any, *, signed: bool = True) -> Any:
    """Rounded mean of the bits of int64, halves up. Sums of the halves of a word cannot overflow."""
    lengths = tf.shape(images, tf.int64)
    n_pixels = tf.maximum(lengths[1] * lengths[2], 1)
    upper, lower = tf.bitwise.right_shift(images, tf.constant(32, tf.int64)), images & _MASK_32
    upper, lower = (
        tf.reduce_sum(half, axis=(1, 2), keepdims=True) for half in (upper if signed else upper & _MASK_32, lower)
    )
    rest = tf.bitwise.left_shift(upper % n_pixels, tf.constant(32, tf.int64)) + lower
    upper = tf.bitwise.left_shift(upper // n_pixels, tf.constant(32, tf.int64))
    return upper + (2 * rest + n_pixels) // (2 * n_pixels)


def _round_to_odd(values: Any) -> Any:
    """Round doubles to floats such that rounding these once more is as good as rounding the doubles themselves."""
    rounded = tf.cast(values, tf.float32)
    again, bits = tf.cast(rounded, tf.float64), tf.bitcast(rounded, tf.int32)
    towards_zero = tf.where(tf.abs(again) > tf.abs(values), bits - 1, bits)
    return tf.bitcast(tf.where(again == values, bits, towards_zero | 1), tf.float32)


def as_tensor(name: str, value: Any, what: str, hints: tuple[tuple[Any, str], ...] = ()) -> Any:
    """Return a value as one dense tensor, or raise an error that says what `name` must be.

    Parameters
    ----------
    what : str
        What it must be, with an article.
    hints : tuple of (type, str)
        What to type instead, for values of some types.
    """
    try:
        return tf.convert_to_tensor(value)
    except (TypeError, ValueError, OverflowError):
        hint = next((f": type {hint}" for kind, hint in hints if isinstance(value, kind)), "")
        given = repr(value) if isinstance(value, int) else type(value).__name__
        raise TypeError(f"{name} must be {what}, got {given}{hint}") from None


class Calls:
    """A counter of calls, in a resource of TensorFlow's: 0, 1, 2 …, whichever epoch of whichever data set they are in.

    Unlike a tf.Variable or a tf.random.Generator it can be made inside ``dataset.map``. Reading and going on is one
    operation, so no two calls that run in parallel get the same number.
    """

    def __init__(self) -> None:
        with tf.init_scope():
            self._handle = tf.raw_ops.VarHandleOp(dtype=tf.int64, shape=(3,), shared_name=_ANONYMOUS)
            tf.raw_ops.AssignVariableOp(resource=self._handle, value=tf.zeros(3, tf.int64))

    def count(self) -> Any:
        """Number of this call, int64."""
        # A state of Philox, two words of counter and one of key: each step leaves room for 256 blocks.
        state = tf.raw_ops.RngReadAndSkip(resource=self._handle, alg=PHILOX, delta=tf.constant(1, tf.uint64))
        return state[0] // 256


OPS = _TensorFlow()
