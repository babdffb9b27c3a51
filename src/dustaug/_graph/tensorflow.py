"""TensorFlow's operations, for ``_graph.program``: eager, in graphs, under XLA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from dustaug._engine.contract import MEAN_UNITS, WORD_MASK
from dustaug._engine.memory import Layout

from .program import Edges, Int, Tensor, Word, Words, check_index_shape

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

    def to_words(self, number: Any) -> Words:
        if isinstance(number, int):
            return tf.constant(number & _MASK_32, tf.int64), tf.constant(number >> 32, tf.int64)
        number = tf.cast(number, tf.int64)
        return number & _MASK_32, self.shift_right(number, 32)

    def as_words(self, numbers: Any) -> Word:
        return tf.cast(numbers, tf.int64)

    def arange(self, images: Tensor) -> Word:
        return tf.range(tf.shape(images, tf.int64)[0])

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

    def shift_right(self, word: Word, bits: int) -> Word:
        return tf.bitwise.right_shift(word, tf.constant(bits, tf.int64)) & _MASK_32

    def low_bits(self, word: Word, mask: int) -> Word:
        return word & mask

    def less(self, word: Word, than: Word | int) -> Tensor:
        return word < than

    def to_int32(self, word: Word) -> Int:
        return tf.cast(word, tf.int32)

    def numpy_dtype(self, tensor: Tensor) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(tensor.dtype.as_numpy_dtype)
        return dtype

    def batch_gather(self, values: Tensor, places: Int) -> Tensor:
        return tf.gather(values, places, batch_dims=1)

    def stack(self, tensors: Any) -> Tensor:
        return tf.stack(tensors, axis=-1)

    def sum_last(self, integers: Int) -> Int:
        return tf.reduce_sum(integers, axis=-1)

    def msb(self, integers: Int) -> Int:
        # Without the bit below the highest, rounding to a float cannot carry: the exponent is the place.
        alone = integers & ~tf.bitwise.right_shift(integers, tf.constant(1, tf.int32))
        exponent = tf.bitwise.right_shift(tf.bitcast(tf.cast(alone, tf.float32), tf.int32), tf.constant(23, tf.int32))
        return exponent - 127

    def paint_pixels(
        self, images: Any, edges: Edges, exists: Any, values: Any, *, layout: Layout, max_size: tuple[int, int]
    ) -> tuple[Any, Any]:
        shape = dict(zip(layout, images.shape, strict=True))
        height, width, channels = shape["H"], shape["W"], shape.get("C", 1)
        n, n_rectangles, n_pixels = tf.shape(exists, tf.int64)[0], exists.shape[1], height * width
        top, left, bottom, right = (edge[:, :, None, None] for edge in edges)
        y, x = top + tf.range(max_size[0])[:, None], left + tf.range(max_size[1])
        inside = (y < bottom) & (x < right) & exists[:, :, None, None]
        chosen = tf.where(tf.reshape(inside, (-1,)))[:, 0]
        rectangle = chosen // (max_size[0] * max_size[1])
        image = rectangle // n_rectangles
        pixel = image * n_pixels + tf.cast(tf.gather(tf.reshape(y * width + x, (-1,)), chosen), tf.int64)
        nothing = tf.fill((n * n_pixels,), tf.constant(-1, tf.int32))
        top_ranks = tf.tensor_scatter_nd_max(nothing, pixel[:, None], tf.cast(rectangle, tf.int32))
        # A pixel under several rectangles is written several times, each time with the value of its top rectangle.
        values = tf.reshape(tf.broadcast_to(values, (n, n_rectangles, channels)), (-1, channels))
        values = tf.gather(values, tf.gather(top_ranks, pixel))
        if layout.endswith("CHW"):
            planes = (image * (channels - 1))[:, None] + tf.range(channels, dtype=tf.int64)
            pixel, values = tf.reshape(pixel[:, None] + planes * n_pixels, (-1,)), tf.reshape(values, (-1, 1))
        flat = tf.reshape(images, (-1, values.shape[1]))
        dusted = tf.reshape(tf.tensor_scatter_nd_update(flat, pixel[:, None], values), tf.shape(images))
        return tf.ensure_shape(dusted, images.shape), tf.reshape(top_ranks >= 0, (-1, height, width))

    def mean_of(self, images: Tensor, value_range: tuple[float, float]) -> Tensor:
        (low, high), n_pixels, dtype = value_range, int(images.shape[1] * images.shape[2]), images.dtype
        if dtype.is_floating:
            scaled = (tf.cast(images, tf.float64) - low) / (high - low)
            images = tf.round(scaled * MEAN_UNITS)
        sums = tf.reduce_sum(tf.cast(images, tf.int64), axis=(1, 2), keepdims=True)
        means = (2 * sums + n_pixels) // (2 * n_pixels)
        if dtype.is_floating:
            means = low + tf.cast(means, tf.float64) * ((high - low) / MEAN_UNITS)
        return tf.cast(means, dtype)


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
