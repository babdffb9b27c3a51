"""TensorFlow's operations, for ``_graph.program``: eager, in graphs, under XLA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dustaug._engine.memory import Layout

from .program import Words, Words4, check_one_for_each

__all__ = ["OPS", "PHILOX", "Calls"]

PHILOX = 1
_LOW = 0xFFFFFFFF
# TensorFlow's name for anonymous resources, which go with their last handle.
_ANONYMOUS = "cd2c89b7-88b7-44c8-ad83-06c2a9158347"


class _TensorFlow:
    """Words are int64: TensorFlow has hardly any operations for unsigned integers. Products wrap as bits do."""

    def split(self, number: Any) -> Words:
        if isinstance(number, int):
            return tf.constant(number & _LOW, tf.int64), tf.constant(number >> 32, tf.int64)
        number = tf.cast(number, tf.int64)
        return number & _LOW, self.shift_right(number, 32)

    def words(self, numbers: Any) -> Any:
        return tf.cast(numbers, tf.int64)

    def positions(self, images: Any) -> Any:
        return tf.range(tf.shape(images, tf.int64)[0])

    def one_for_each(self, words: Any, images: Any) -> Any:
        if words.shape.is_fully_defined() and images.shape[0] is not None:
            check_one_for_each(tuple(words.shape), tuple(images.shape))
        # A single one would be taken for all.
        return tf.reshape(words, tf.shape(images)[:1])

    def broadcast(self, *words: Any) -> tuple[Any, ...]:
        zeros = sum(tf.zeros_like(word) for word in words)
        return tuple(word + zeros for word in words)

    def repeat(self, n: int, step: Callable[..., tuple[Any, ...]], state: tuple[Any, ...]) -> tuple[Any, ...]:
        def count_and_step(i: Any, *state: Any) -> tuple[Any, ...]:
            return i + 1, *step(*state)

        loop = tf.while_loop(lambda i, *_: i < n, count_and_step, (0, *state), maximum_iterations=n)
        return tuple(loop[1:])

    def multiply(self, word: Any, by: Any) -> Words:
        product = word * by
        return self.shift_right(product, 32), product & _LOW

    def add(self, word: Any, other: Any) -> Any:
        return (word + other) & _LOW

    def xor(self, first: Any, second: Any) -> Any:
        return tf.bitwise.bitwise_xor(first, second)

    def shift_right(self, word: Any, bits: int) -> Any:
        return tf.bitwise.right_shift(word, tf.constant(bits, tf.int64)) & _LOW

    def low_bits(self, word: Any, mask: int) -> Any:
        return word & mask

    def less(self, word: Any, than: Any) -> Any:
        return word < than

    def integer(self, word: Any) -> Any:
        return tf.cast(word, tf.int32)

    def constant(self, values: NDArray[Any]) -> Any:
        return tf.constant(values)

    def numpy_dtype(self, tensor: Any) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(tensor.dtype.as_numpy_dtype)
        return dtype

    def cast(self, tensor: Any, dtype: str) -> Any:
        return tf.cast(tensor, dtype)

    def take(self, values: Any, places: Any) -> Any:
        return tf.gather(values, places)

    def take_each(self, values: Any, places: Any) -> Any:
        return tf.gather(values, places, batch_dims=1)

    def where(self, condition: Any, first: Any, second: Any) -> Any:
        return tf.where(condition, first, second)

    def minimum(self, first: Any, second: Any) -> Any:
        return tf.minimum(first, second)

    def maximum(self, first: Any, second: Any) -> Any:
        return tf.maximum(first, second)

    def reshape(self, tensor: Any, shape: tuple[int, ...]) -> Any:
        return tf.reshape(tensor, shape)

    def transpose(self, tensor: Any, axes: tuple[int, ...]) -> Any:
        return tf.transpose(tensor, axes)

    def stack(self, tensors: Any) -> Any:
        return tf.stack(tensors, axis=-1)

    def sum_last(self, integers: Any) -> Any:
        return tf.reduce_sum(integers, axis=-1)

    def highest_bit(self, integers: Any) -> Any:
        # Without the bit below the highest, rounding to a float cannot carry: the exponent is the place.
        alone = integers & ~tf.bitwise.right_shift(integers, tf.constant(1, tf.int32))
        exponent = tf.bitwise.right_shift(tf.bitcast(tf.cast(alone, tf.float32), tf.int32), tf.constant(23, tf.int32))
        return exponent - 127

    def paint_pixels(
        self, images: Any, boxes: Words4, drawn: Any, looks: Any, *, layout: Layout, reach: tuple[int, int]
    ) -> tuple[Any, Any]:
        shape = dict(zip(layout, images.shape, strict=True))
        height, width, channels = shape["H"], shape["W"], shape.get("C", 1)
        n, n_rectangles, n_pixels = tf.shape(drawn, tf.int64)[0], drawn.shape[1], height * width
        top, left, bottom, right = (edge[:, :, None, None] for edge in boxes)
        y, x = top + tf.range(reach[0])[:, None], left + tf.range(reach[1])
        inside = (y < bottom) & (x < right) & drawn[:, :, None, None]
        chosen = tf.where(tf.reshape(inside, (-1,)))[:, 0]
        rectangle = chosen // (reach[0] * reach[1])
        image = rectangle // n_rectangles
        pixel = image * n_pixels + tf.cast(tf.gather(tf.reshape(y * width + x, (-1,)), chosen), tf.int64)
        nothing = tf.fill((n * n_pixels,), tf.constant(-1, tf.int32))
        topmost = tf.tensor_scatter_nd_max(nothing, pixel[:, None], tf.cast(rectangle, tf.int32))
        # A pixel under several rectangles is written several times, each time with the look of the topmost.
        looks = tf.reshape(tf.broadcast_to(looks, (n, n_rectangles, channels)), (-1, channels))
        values = tf.gather(looks, tf.gather(topmost, pixel))
        if layout.endswith("CHW"):
            planes = (image * (channels - 1))[:, None] + tf.range(channels, dtype=tf.int64)
            pixel, values = tf.reshape(pixel[:, None] + planes * n_pixels, (-1,)), tf.reshape(values, (-1, 1))
        flat = tf.reshape(images, (-1, values.shape[1]))
        dusted = tf.reshape(tf.tensor_scatter_nd_update(flat, pixel[:, None], values), tf.shape(images))
        return tf.ensure_shape(dusted, images.shape), tf.reshape(topmost >= 0, (-1, height, width))

    def mean_of(self, images: Any, value_range: tuple[float, float]) -> Any:
        (low, high), n_pixels, dtype = value_range, int(images.shape[1] * images.shape[2]), images.dtype
        if dtype.is_floating:
            scaled = (tf.cast(images, tf.float64) - low) / (high - low)
            images = tf.round(scaled * 2.0**32)
        sums = tf.reduce_sum(tf.cast(images, tf.int64), axis=(1, 2), keepdims=True)
        means = (2 * sums + n_pixels) // (2 * n_pixels)
        if dtype.is_floating:
            means = low + tf.cast(means, tf.float64) * ((high - low) / 2.0**32)
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
