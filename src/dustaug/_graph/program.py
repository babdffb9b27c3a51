"""The kernels as operations of a graph, pixel for pixel, for where Numba cannot go: compiled graphs, other devices.

The contract is at the head of ``_engine.kernels``, the tables are those of ``_engine.plan``. All shapes are static but
the batch's, and nothing branches on data. A framework lends its operations as an `Ops`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dustaug._engine.checks import check_fill, resolve_value_range
from dustaug._engine.fills import brightness_levels, encode
from dustaug._engine.memory import Layout, make_memory
from dustaug._engine.plan import PLAN_DTYPE, find_reach, make_plan
from dustaug.spec import Spec

__all__ = ["Ops", "Words", "Words4", "check_one_for_each", "dust_images", "topmost"]

Words = tuple[Any, Any]
Words4 = tuple[Any, Any, Any, Any]

_COLOR_BLOCK = 1 << 30
_NOISE_BLOCK = 1 << 31

# Rectangles are bits of signed 32-bit words, which every framework has.
_BITS = 31
# Sums of so many pixels stay exact in a double, with room for values out of their range.
_MAX_MEAN_PIXELS = 1 << 20


class Ops(Protocol):
    """What a framework must be able to do.

    A *word* is a tensor of whole numbers 0 … 2**32 - 1, in whatever type the framework computes with. An *integer* is a
    tensor of int32.
    """

    def split(self, number: Any) -> Words:
        """Low and high word of a Python int, or of a tensor of whole numbers."""

    def words(self, numbers: Any) -> Any:
        """Words of a NumPy array of uint32, or of integers that are not negative."""

    def positions(self, images: Any) -> Any:
        """Words 0 … n - 1 of a batch of n images."""

    def one_for_each(self, words: Any, images: Any) -> Any:
        """Words (n,) of a batch of n images, or an error if there are not n."""

    def broadcast(self, *words: Any) -> tuple[Any, ...]:
        """Words of one shape."""

    def repeat(self, n: int, step: Callable[..., tuple[Any, ...]], state: tuple[Any, ...]) -> tuple[Any, ...]:
        """Take n steps, in a loop of the framework's where it has one: unrolled, they are a large graph."""

    def multiply(self, word: Any, by: Any) -> Words:
        """High and low word of a product; `by` is a word or a Python int of 32 bits."""

    def add(self, word: Any, other: Any) -> Any:
        """Sum, modulo 2**32; `other` is a word or a Python int of 32 bits."""

    def xor(self, first: Any, second: Any) -> Any: ...

    def shift_right(self, word: Any, bits: int) -> Any:
        """Word without its last bits; all of them for 32."""

    def low_bits(self, word: Any, mask: int) -> Any: ...

    def less(self, word: Any, than: Any) -> Any:
        """Whether a word is less than a word, or than a Python int up to 2**32."""

    def integer(self, word: Any) -> Any:
        """Integer of a word below 2**31."""

    def constant(self, values: NDArray[Any]) -> Any:
        """Tensor of a NumPy array, of its dtype."""

    def numpy_dtype(self, tensor: Any) -> np.dtype[Any]: ...

    def cast(self, tensor: Any, dtype: str) -> Any:
        """Tensor of a dtype, by the name that all frameworks call it."""

    def take(self, values: Any, places: Any) -> Any:
        """Rows of a tensor, at any shape of integers."""

    def take_each(self, values: Any, places: Any) -> Any:
        """Rows (n, p, k) of `values` (n, r, k) at integers (n, p)."""

    def where(self, condition: Any, first: Any, second: Any) -> Any: ...

    def minimum(self, first: Any, second: Any) -> Any: ...

    def maximum(self, first: Any, second: Any) -> Any: ...

    def reshape(self, tensor: Any, shape: tuple[int, ...]) -> Any: ...

    def transpose(self, tensor: Any, axes: tuple[int, ...]) -> Any: ...

    def stack(self, tensors: Any) -> Any:
        """Tensors of one shape along a new last axis."""

    def sum_last(self, integers: Any) -> Any:
        """Sum over the last axis."""

    def highest_bit(self, integers: Any) -> Any:
        """Place of the highest bit of integers above 0."""

    def paint_pixels(
        self, images: Any, boxes: Words4, drawn: Any, looks: Any, *, layout: Layout, reach: tuple[int, int]
    ) -> tuple[Any, Any] | None:
        """Images and what is covered (n, h, w), from the pixels of all rectangles; None where that is no faster.

        Edges and `drawn` are (n, rectangles), looks (n or 1, rectangles or 1, channels or 1). No rectangle is larger
        than `reach`.
        """

    def mean_of(self, images: Any, value_range: tuple[float, float]) -> Any:
        """Mean of images (n, h, w, c), (n, 1, 1, c), computed and rounded as in ``_engine.fills.mean_patterns``."""


class _Job:
    """Plan and patterns of a spec for one kind of image, as Python ints and NumPy arrays."""

    def __init__(
        self, spec: Spec, layout: Layout, shape: tuple[int, ...], dtype: np.dtype[Any], value_range: Any
    ) -> None:
        memory = make_memory(shape, None, dtype, layout)
        check_fill(spec, memory)
        value_range = resolve_value_range(value_range, dtype)
        record, self.tables = make_plan(spec, memory.height, memory.width)
        self.plan = {name: int(record[0][name]) for name in PLAN_DTYPE.fields or ()}
        self.spec, self.value_range, self.layout = spec, value_range, layout
        self.height, self.width, self.channels = memory.height, memory.width, memory.channels
        self.n_rectangles = max(1, spec.count_range[1])
        self.reach = find_reach(record, self.tables, memory.height, memory.width)
        if spec.fill == "mean":
            if dtype.kind in "iu" and dtype.itemsize > 4:
                raise ValueError(f'images must have items of 4 bytes at most with fill="mean" in a graph, got {dtype}')
            if memory.height * memory.width > _MAX_MEAN_PIXELS:
                raise ValueError(
                    f'images must have at most {_MAX_MEAN_PIXELS} pixels with fill="mean" in a graph, got '
                    f"{memory.height} by {memory.width}"
                )
            self.values = np.zeros((0, 0), dtype)
        else:
            patterns = encode(brightness_levels(spec), spec, dtype, value_range)
            self.values = patterns.astype(f"u{dtype.itemsize}").view(dtype)

    @property
    def is_sparse(self) -> bool:
        """Whether it takes less time to go over the pixels of all rectangles than over those of the image.

        On a CPU one of the former takes TensorFlow about five times as long as one of the latter, which takes longer
        the more rectangles it is compared with.
        """
        n_painted, n_pixels = self.n_rectangles * self.reach[0] * self.reach[1], self.height * self.width
        return 5 * n_painted < (1 + self.n_rectangles / 32) * n_pixels


_find_job = functools.lru_cache(maxsize=16)(_Job)


def dust_images(
    ops: Ops,
    images: Any,
    spec: Spec,
    *,
    layout: Layout,
    value_range: tuple[float, float] | None,
    seed: Words,
    epoch: Any,
    index: Words,
) -> tuple[Any, Any]:
    """Return dusted images, and what the dust covers.

    Parameters
    ----------
    images : tensor
        Only the length of the batch may be unknown while the graph is made.
    seed, epoch, index : words
        Scalars. Of a batch, the index is that of the first image, the others follow; or one for each, (n,), as the
        epoch may be too.

    Returns
    -------
    images : tensor
    covered : bool tensor, (n, h, w), or (h, w) for an image alone

    Raises
    ------
    ValueError
        If a length of the images but the batch's is unknown, or the spec does not suit the images.
    """
    shape = tuple(images.shape)
    if len(shape) != len(layout):
        raise ValueError(f"images must have {len(layout)} axes for layout {layout}, got shape {shape}")
    lengths = tuple(1 if axis == "N" else length for axis, length in zip(layout, shape, strict=True))
    if None in lengths:
        raise ValueError(
            f"images must have a height, width and channels that are known while the graph is made, got shape {shape}: "
            "resize them, or type tf.ensure_shape(images, …)"
        )
    job = _find_job(spec, layout, lengths, ops.numpy_dtype(images), value_range)
    draws = _Draws(ops, job, seed, epoch, _index_of_each(ops, images, index, layout))
    boxes, fills, drawn = draws.boxes()
    looks = None if spec.fill == "noise" else _looks(ops, job, draws, images, fills)
    painted = None
    if looks is not None and job.is_sparse:
        painted = ops.paint_pixels(images, boxes, drawn, looks, layout=layout, reach=job.reach)
    dusted, covered = painted or _paint_all(
        ops, job, draws, images, topmost(ops, boxes, drawn, (job.height, job.width)), looks
    )
    return dusted, covered if "N" in layout else covered[0]


def check_one_for_each(index: tuple[int, ...], images: tuple[int, ...]) -> None:
    """Check the shape of indices against that of a batch."""
    if tuple(index) != tuple(images[:1]):
        raise ValueError(
            f"index must be a number or of shape ({images[0]},), one for each image, got shape {tuple(index)}"
        )


def _index_of_each(ops: Ops, images: Any, index: Words, layout: Layout) -> Words:
    """Index of each image, from that of the first or one for each."""
    low, high = index
    if "N" not in layout:
        return ops.reshape(low, ()), ops.reshape(high, ())
    if len(low.shape):
        return ops.one_for_each(low, images), ops.one_for_each(high, images)
    positions = ops.positions(images)
    following = ops.add(positions, low)
    zeros = ops.shift_right(positions, 32)
    return following, ops.add(ops.where(ops.less(following, positions), ops.add(zeros, 1), zeros), high)


class _Draws:
    """The random words of a batch of images."""

    def __init__(self, ops: Ops, job: _Job, seed: Words, epoch: Any, index: Words) -> None:
        self.ops, self.job, self.key, self.epoch = ops, job, seed, epoch
        self.index = index

    def words(self, blocks: NDArray[Any]) -> Words4:
        """Words of NumPy blocks (b,), each (n, b): Philox4x32-10."""
        ops, (k0, k1) = self.ops, self.key
        coordinates = (ops.reshape(word, (-1, 1)) for word in (*self.index, self.epoch))
        counter = (ops.words(blocks.astype(np.uint32)[None]), *coordinates)

        def one_round(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> tuple[Any, ...]:
            high_0, low_0 = ops.multiply(c0, 0xD2511F53)
            high_1, low_1 = ops.multiply(c2, 0xCD9E8D57)
            mixed_0, mixed_2 = ops.xor(ops.xor(high_1, c1), k0), ops.xor(ops.xor(high_0, c3), k1)
            return mixed_0, low_1, mixed_2, low_0, ops.add(k0, 0x9E3779B9), ops.add(k1, 0xBB67AE85)

        return ops.repeat(10, one_round, (*ops.broadcast(*counter), k0, k1))[:4]

    def scale(self, word: Any, n: Any) -> Any:
        """One of n equally likely outcomes 0 … n - 1, as an integer."""
        return self.ops.integer(self.ops.multiply(word, n)[0])

    def look_up(self, start: int, shift: int, word: Any) -> Any:
        """Outcome of an alias table, as a word."""
        ops, table = self.ops, self.job.tables[start : start + (4 << (32 - shift))].reshape(-1, 4)
        bucket = ops.integer(ops.shift_right(word, shift))
        threshold, first, second = (ops.take(ops.words(table[:, column].copy()), bucket) for column in range(3))
        return ops.where(ops.less(word, threshold), first, second)

    def boxes(self) -> tuple[Words4, Any, Any]:
        """Edges of all rectangles that may be drawn, their fills, and whether they are: (n, rectangles) each."""
        ops, plan, n = self.ops, self.job.plan, self.job.n_rectangles
        count, dusted, _, _ = self.words(np.zeros(1))
        count = plan["count_low"] + self.scale(count, plan["count_n"])
        places = ops.constant(np.arange(n, dtype=np.int32)[None])
        drawn = (places < count) & ops.less(dusted, plan["dusted_below"])
        y, x, size, fill = self.words(np.arange(1, n + 1))
        if plan["size_from_table"]:
            sides = self.look_up(plan["size_table"], plan["size_shift"], size)
            height, width = ops.integer(ops.shift_right(sides, 16)), ops.integer(ops.low_bits(sides, 0xFFFF))
        else:
            high, low = ops.multiply(size, plan["height_n"])
            height = plan["size_unit"] * (plan["height_low"] + ops.integer(high))
            width = plan["size_unit"] * (plan["width_low"] + self.scale(low, plan["width_n"]))
        rows, columns = plan["rows"], plan["columns"]
        if plan["inside"]:
            height, width = ops.minimum(height, rows), ops.minimum(width, columns)
            top = self.scale(y, ops.words(rows - height + 1))
            left = self.scale(x, ops.words(columns - width + 1))
        else:
            top = ops.integer(self.look_up(plan["y_table"], plan["y_shift"], y)) - height // 2
            left = ops.integer(self.look_up(plan["x_table"], plan["x_shift"], x)) - width // 2
        edges = ((top, rows), (left, columns), (top + height, rows), (left + width, columns))
        clipped = tuple(ops.minimum(ops.maximum(edge, 0), high) for edge, high in edges)
        return clipped, self.scale(fill, plan["fill_n"]), drawn

    def colors(self) -> Any:
        """Fill of each channel of each rectangle, (n, rectangles, channels)."""
        blocks = (self.job.channels + 3) // 4
        counters = _COLOR_BLOCK + 256 * np.arange(1, self.job.n_rectangles + 1)[:, None] + np.arange(blocks)
        fills = self.scale(self.ops.stack(self.words(counters.ravel())), self.job.plan["fill_n"])
        return self.ops.reshape(fills, (-1, self.job.n_rectangles, 4 * blocks))[..., : self.job.channels]

    def noise(self) -> Any:
        """Fill of each value of each image, (n, h, w, c)."""
        job = self.job
        n_values = job.height * job.width * job.channels
        words = self.ops.stack(self.words(_NOISE_BLOCK + np.arange((n_values + 3) // 4)))
        fills = self.ops.reshape(self.scale(words, job.plan["fill_n"]), (-1, (n_values + 3) // 4 * 4))
        return self.ops.reshape(fills[:, :n_values], (-1, job.height, job.width, job.channels))


def topmost(ops: Ops, boxes: Words4, drawn: Any, size: tuple[int, int]) -> Any:
    """Place in painting order of the last rectangle over each pixel, (n, h, w), or -1.

    Edges and `drawn` are (n, rectangles). For each row and each column, a bit set of the rectangles that reach over it:
    a pixel lies under those in both.
    """
    top, left, bottom, right = boxes
    height, width = size
    places = ops.constant(np.full((1, height, width), -1, np.int32))
    for start in range(0, int(drawn.shape[1]), _BITS):
        part = slice(start, start + _BITS)
        rows = _bits(ops, height, top[:, part], bottom[:, part], drawn[:, part])
        columns = _bits(ops, width, left[:, part], right[:, part], drawn[:, part])
        both = ops.reshape(rows, (-1, height, 1)) & ops.reshape(columns, (-1, 1, width))
        places = ops.where(both > 0, ops.highest_bit(both) + start, places)
    return places


def _bits(ops: Ops, side: int, first: Any, stop: Any, drawn: Any) -> Any:
    """Bit sets (n, side) of the rectangles between whose edges each row or column lies."""
    n = int(first.shape[1])
    places = ops.constant(np.arange(side, dtype=np.int32)[None, :, None])
    bit = ops.constant((1 << np.arange(n)).astype(np.int32)[None, None])
    first, stop, drawn = (ops.reshape(edge, (-1, 1, n)) for edge in (first, stop, drawn))
    return ops.sum_last(
        ops.where((places >= first) & (places < stop) & drawn, bit, ops.constant(np.zeros(1, np.int32)))
    )


def _looks(ops: Ops, job: _Job, draws: _Draws, images: Any, fills: Any) -> Any:
    """Values of each rectangle, (n or 1, rectangles or 1, channels or 1)."""
    if job.spec.fill == "mean":
        return ops.mean_of(_as_nhwc(ops, images, job), job.value_range)[:, 0]
    if job.spec.fill == "color":
        return _encoded(ops, job, draws.colors())
    values = ops.constant(job.values)
    return values[None] if job.spec.fill == "constant" else ops.take(values, fills)


def _paint_all(ops: Ops, job: _Job, draws: _Draws, images: Any, uppermost: Any, looks: Any | None) -> tuple[Any, Any]:
    """Images and what is covered, from the uppermost rectangle over each pixel."""
    covered = uppermost >= 0
    if looks is None:
        painted = _encoded(ops, job, draws.noise())
    elif looks.shape[1] == 1:
        painted = looks[:, None]
    else:
        places = ops.reshape(ops.maximum(uppermost, 0), (-1, job.height * job.width))
        painted = ops.reshape(ops.take_each(looks, places), (-1, job.height, job.width, int(looks.shape[-1])))
    mask = _arrange(ops, ops.reshape(covered, (-1, job.height, job.width, 1)), job.layout)
    return ops.where(mask, _arrange(ops, painted, job.layout), images), covered


def _encoded(ops: Ops, job: _Job, fills: Any) -> Any:
    """Values of fills (…, channels), which may be normalised by channel."""
    columns = job.values.shape[1]
    if columns > 1:
        fills = fills * columns + ops.constant(np.arange(columns, dtype=np.int32))
    return ops.take(ops.constant(job.values.ravel()), fills)


def _as_nhwc(ops: Ops, images: Any, job: _Job) -> Any:
    if job.layout.endswith("CHW"):
        images = ops.transpose(ops.reshape(images, (-1, job.channels, job.height, job.width)), (0, 2, 3, 1))
    return ops.reshape(images, (-1, job.height, job.width, job.channels))


def _arrange(ops: Ops, tensor: Any, layout: Layout) -> Any:
    """Bring NHWC into a layout."""
    if "C" not in layout:
        tensor = tensor[..., 0]
    elif layout.endswith("CHW"):
        tensor = ops.transpose(tensor, (0, 3, 1, 2))
    return tensor if "N" in layout else tensor[0]
