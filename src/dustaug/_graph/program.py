"""The kernels as operations of a graph, pixel for pixel, for where Numba cannot go: compiled graphs, other devices.

How it works: every rectangle that a spec may draw is drawn, as tensors (n, rectangles), and `exists` says which of them
an image has. For each pixel the last rectangle over it is found: a row of pixels has a set of the rectangles that reach
over it, a column has one too, both as bits of an integer, and a pixel lies under the rectangles in both sets. The most
significant bit is the last one. The pixel then gets that rectangle's value. All shapes are static but the length of the
batch, and nothing branches on data. A framework lends its operations as an `Ops`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dustaug._engine import contract
from dustaug._engine.checks import check_spec, resolve_kind
from dustaug._engine.fills import brightness_levels, encode
from dustaug._engine.memory import ImageKind, Layout
from dustaug._engine.plan import find_max_size, make_plan, remember
from dustaug.spec import Spec

# Tensors of a framework, which has types of its own for them.
Tensor: TypeAlias = Any
Word: TypeAlias = Tensor
Int: TypeAlias = Tensor
Words: TypeAlias = tuple[Word, Word]
# Top, left, bottom, right.
Edges: TypeAlias = tuple[Int, Int, Int, Int]

# Rectangles are bits of signed 32-bit integers, which every framework has.
_BITS = 31
# For a mean over up to this many pixels, the sum is exact in a double, with room for values out of their range.
_MAX_MEAN_PIXELS = 1 << 20


class WordCoordinates(NamedTuple):
    """Which dust images get, as words of a graph.

    Attributes
    ----------
    seed : words
        Scalars.
    epoch : word
        A scalar, or one for each image of a batch, (n,).
    index : words
        Of a batch, the index of the first image, and the others follow; or one for each, (n,).
    """

    seed: Words
    epoch: Word
    index: Any  # NamedTuple has a method of this name.


class Ops(Protocol):
    """What a framework must be able to do.

    A `Word` is a tensor of whole numbers 0 … 2**32 - 1, in whatever type the framework computes with. An `Int` is a
    tensor of int32.
    """

    def to_words(self, number: Any) -> Words:
        """Low and high word of a Python int, or of a tensor of whole numbers."""

    def as_words(self, numbers: Any) -> Word:
        """Words of a NumPy array of uint32, or of integers that are not negative."""

    def arange(self, images: Tensor) -> Word:
        """Words 0 … n - 1 of a batch of n images."""

    def per_image(self, words: Word, images: Tensor) -> Word:
        """Words (n,) of a batch of n images, or an error if there are not n."""

    def broadcast(self, *words: Word) -> tuple[Word, ...]:
        """Words of one shape."""

    def repeat(self, n: int, step: Callable[..., tuple[Word, ...]], state: tuple[Word, ...]) -> tuple[Word, ...]:
        """Take n steps, in a loop of the framework where it has one: unrolled, they are a large graph."""

    def multiply(self, word: Word, by: Word | int) -> Words:
        """High and low word of a product; `by` may be a Python int of 32 bits."""

    def add(self, word: Word, other: Word | int) -> Word:
        """Sum, modulo 2**32; `other` may be a Python int of 32 bits."""

    def xor(self, first: Word, second: Word) -> Word: ...

    def shift_right(self, word: Word, bits: int) -> Word:
        """Word without its last bits; all of them for 32."""

    def low_bits(self, word: Word, mask: int) -> Word: ...

    def less(self, word: Word, than: Word | int) -> Tensor:
        """Whether a word is less than a word, or than a Python int up to 2**32."""

    def to_int32(self, word: Word) -> Int:
        """Integer of a word below 2**31."""

    def constant(self, values: NDArray[Any]) -> Tensor:
        """Tensor of a NumPy array, of its dtype."""

    def numpy_dtype(self, tensor: Tensor) -> np.dtype[Any]: ...

    def cast(self, tensor: Tensor, dtype: str) -> Tensor:
        """Tensor of a dtype, by the name that all frameworks call it."""

    def gather(self, values: Tensor, places: Int) -> Tensor:
        """Rows of a tensor, at integers of any shape."""

    def batch_gather(self, values: Tensor, places: Int) -> Tensor:
        """Rows (n, p, k) of `values` (n, r, k) at integers (n, p)."""

    def where(self, condition: Tensor, first: Tensor, second: Tensor) -> Tensor: ...

    def minimum(self, first: Int, second: Int | int) -> Int: ...

    def maximum(self, first: Int, second: Int | int) -> Int: ...

    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor: ...

    def transpose(self, tensor: Tensor, axes: tuple[int, ...]) -> Tensor: ...

    def stack(self, tensors: Any) -> Tensor:
        """Tensors of one shape along a new last axis."""

    def sum_last(self, integers: Int) -> Int:
        """Sum over the last axis."""

    def msb(self, integers: Int) -> Int:
        """Place of the most significant bit of integers above 0."""

    def paint_pixels(
        self, images: Tensor, edges: Edges, exists: Tensor, values: Tensor, *, layout: Layout, max_size: tuple[int, int]
    ) -> tuple[Tensor, Tensor] | None:
        """Images and what is covered (n, h, w), from the pixels of all rectangles; None where that is no faster.

        Edges and `exists` are (n, rectangles), values (n or 1, rectangles or 1, channels or 1). No rectangle is larger
        than `max_size`.
        """

    def mean_of(self, images: Tensor, value_range: tuple[float, float]) -> Tensor:
        """Mean of images (n, h, w, c), (n, 1, 1, c), computed and rounded as in ``_engine.fills``."""


class _Program:
    """Plan and values of a spec for one kind of images, as Python ints and NumPy arrays."""

    def __init__(self, spec: Spec, kind: ImageKind) -> None:
        memory, self.value_range = resolve_kind(spec, kind)
        plan = make_plan(spec, memory.height, memory.width)
        self.tables = plan.tables
        self.params = {name: int(plan.params[0][name]) for name in plan.params.dtype.names or ()}
        self.spec, self.layout, self.per = spec, kind.layout, contract.FILLS[spec.fill].per
        self.height, self.width, self.channels = memory.height, memory.width, memory.channels
        self.n_rectangles = max(1, spec.count_range[1])
        self.max_size = find_max_size(plan, memory.height, memory.width)
        dtype = kind.dtype
        if self.per != "image":
            patterns = encode(brightness_levels(spec), spec, dtype, self.value_range)
            self.values = patterns.astype(f"u{dtype.itemsize}").view(dtype)
        elif dtype.kind in "iu" and dtype.itemsize > 4:
            raise ValueError(f'images must have items of 4 bytes at most with fill="mean" in a graph, got {dtype}')
        elif memory.height * memory.width > _MAX_MEAN_PIXELS:
            raise ValueError(
                f'images must have at most {_MAX_MEAN_PIXELS} pixels with fill="mean" in a graph, got '
                f"{memory.height} by {memory.width}"
            )

    @property
    def is_sparse(self) -> bool:
        """Whether it takes less time to go over the pixels of all rectangles than over those of the image.

        On a CPU one of the former takes TensorFlow about five times as long as one of the latter, which takes longer
        the more rectangles it is compared with.
        """
        n_painted, n_pixels = self.n_rectangles * self.max_size[0] * self.max_size[1], self.height * self.width
        return 5 * n_painted < (1 + self.n_rectangles / 32) * n_pixels


_find_program = remember(_Program, 16)


def build(
    ops: Ops,
    images: Tensor,
    spec: Spec,
    coordinates: WordCoordinates,
    *,
    layout: Layout,
    value_range: tuple[float, float] | None,
) -> tuple[Tensor, Tensor]:
    """Build the graph of dusted images, and of what the dust covers.

    Parameters
    ----------
    images : tensor
        Only the length of the batch may be unknown while the graph is made.

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
    program = _find_program(check_spec(spec), ImageKind(lengths, None, ops.numpy_dtype(images), layout, value_range))
    draws = _Draws(ops, program, coordinates, images)
    edges, levels, exists = draws.rectangles()
    values = _VALUES[program.per](draws, images, levels)
    painted = None
    if program.per != "value" and program.is_sparse:
        painted = ops.paint_pixels(images, edges, exists, values, layout=layout, max_size=program.max_size)
    if painted is None:
        top = top_rectangle(ops, edges, exists, (program.height, program.width))
        painted = _paint_all(ops, program, images, top, values)
    dusted, covered = painted
    return dusted, covered if "N" in layout else covered[0]


def check_index_shape(index: tuple[int, ...], images: tuple[int, ...]) -> None:
    """Check the shape of indices against that of a batch."""
    if tuple(index) != tuple(images[:1]):
        raise ValueError(
            f"index must be a number or of shape ({images[0]},), one for each image, got shape {tuple(index)}"
        )


def _index_of_each(ops: Ops, images: Tensor, index: Words, layout: str) -> Words:
    """Index of each image, from that of the first or one for each."""
    low, high = index
    if "N" not in layout:
        return ops.reshape(low, ()), ops.reshape(high, ())
    if len(low.shape):
        return ops.per_image(low, images), ops.per_image(high, images)
    positions = ops.arange(images)
    following = ops.add(positions, low)
    zeros = ops.shift_right(positions, 32)
    carry = ops.where(ops.less(following, positions), ops.add(zeros, 1), zeros)
    return following, ops.add(carry, high)


class _Draws:
    """What is drawn for a batch of images."""

    def __init__(self, ops: Ops, program: _Program, coordinates: WordCoordinates, images: Tensor) -> None:
        self.ops, self.program, self.key = ops, program, coordinates.seed
        index = _index_of_each(ops, images, coordinates.index, program.layout or "NHWC")
        self.counter = tuple(ops.reshape(word, (-1, 1)) for word in (*index, coordinates.epoch))

    def words(self, blocks: NDArray[Any]) -> tuple[Word, Word, Word, Word]:
        """Words of NumPy blocks (b,), each (n, b): Philox4x32-10."""
        ops, (k0, k1) = self.ops, self.key
        (multiplier_0, multiplier_1), (weyl_0, weyl_1) = contract.PHILOX_MULTIPLIERS, contract.PHILOX_WEYL

        def one_round(c0: Word, c1: Word, c2: Word, c3: Word, k0: Word, k1: Word) -> tuple[Word, ...]:
            high_0, low_0 = ops.multiply(c0, multiplier_0)
            high_1, low_1 = ops.multiply(c2, multiplier_1)
            mixed_0, mixed_2 = ops.xor(ops.xor(high_1, c1), k0), ops.xor(ops.xor(high_0, c3), k1)
            return mixed_0, low_1, mixed_2, low_0, ops.add(k0, weyl_0), ops.add(k1, weyl_1)

        counter = ops.broadcast(ops.as_words(blocks.astype(np.uint32)[None]), *self.counter)
        return ops.repeat(contract.PHILOX_ROUNDS, one_round, (*counter, k0, k1))[:4]

    def bounded(self, word: Word, n: Word | int) -> Int:
        """One of n equally likely outcomes 0 … n - 1, by multiply-shift."""
        return self.ops.to_int32(self.ops.multiply(word, n)[0])

    def alias(self, start: int, shift: int, word: Word) -> Word:
        """Outcome of an alias table."""
        ops, table = self.ops, self.program.tables[start : start + (4 << (32 - shift))].reshape(-1, 4)
        bucket = ops.to_int32(ops.shift_right(word, shift))
        threshold, first, second = (ops.gather(ops.as_words(table[:, column].copy()), bucket) for column in range(3))
        return ops.where(ops.less(word, threshold), first, second)

    def rectangles(self) -> tuple[Edges, Int, Tensor]:
        """Edges of all rectangles that there may be, their levels, and whether they exist: (n, rectangles) each."""
        ops, params, n = self.ops, self.program.params, self.program.n_rectangles
        count, dusted, _, _ = self.words(np.full(1, contract.HEADER_BLOCK))
        count = params["count_low"] + self.bounded(count, params["n_counts"])
        places = ops.constant(np.arange(n, dtype=np.int32)[None])
        exists = (places < count) & ops.less(dusted, params["p_threshold"])
        y, x, size, fill = self.words(np.arange(1, n + 1))
        if params["size_from_table"]:
            sides = self.alias(params["size_table"], params["size_shift"], size)
            height, width = ops.to_int32(ops.shift_right(sides, 16)), ops.to_int32(ops.low_bits(sides, 0xFFFF))
        else:
            high, low = ops.multiply(size, params["n_heights"])
            height = params["size_unit"] * (params["height_low"] + ops.to_int32(high))
            width = params["size_unit"] * (params["width_low"] + self.bounded(low, params["n_widths"]))
        rows, columns = params["rows"], params["columns"]
        if params["inside"]:
            height, width = ops.minimum(height, rows), ops.minimum(width, columns)
            top = self.bounded(y, ops.as_words(rows - height + 1))
            left = self.bounded(x, ops.as_words(columns - width + 1))
        else:
            top = ops.to_int32(self.alias(params["y_table"], params["y_shift"], y)) - height // 2
            left = ops.to_int32(self.alias(params["x_table"], params["x_shift"], x)) - width // 2
        edges = ((top, rows), (left, columns), (top + height, rows), (left + width, columns))
        top, left, bottom, right = (ops.minimum(ops.maximum(edge, 0), high) for edge, high in edges)
        return (top, left, bottom, right), self.bounded(fill, params["n_levels"]), exists

    def values_of_rectangles(self, _: Tensor, levels: Int) -> Tensor:
        """Values of each rectangle, (n or 1, rectangles or 1, channels or 1)."""
        values = self.ops.constant(self.program.values)
        return self.ops.gather(values, levels) if contract.FILLS[self.program.spec.fill].drawn else values[None]

    def values_of_channels(self, _: Tensor, __: Int) -> Tensor:
        """Values of each channel of each rectangle, (n, rectangles, channels)."""
        program, n_blocks = self.program, (self.program.channels + 3) // 4
        rectangles = np.arange(1, program.n_rectangles + 1)[:, None]
        blocks = contract.COLOR_BLOCK + contract.COLOR_BLOCKS_PER_RECTANGLE * rectangles + np.arange(n_blocks)
        levels = self.bounded(self.ops.stack(self.words(blocks.ravel())), program.params["n_levels"])
        levels = self.ops.reshape(levels, (-1, program.n_rectangles, 4 * n_blocks))[..., : program.channels]
        return self._encoded(levels)

    def values_of_noise(self, _: Tensor, __: Int) -> Tensor:
        """Values of each value of each image, (n, h, w, c)."""
        program = self.program
        n_values = program.height * program.width * program.channels
        n_blocks = (n_values + 3) // 4
        levels = self.bounded(
            self.ops.stack(self.words(contract.NOISE_BLOCK + np.arange(n_blocks))), program.params["n_levels"]
        )
        levels = self.ops.reshape(levels, (-1, 4 * n_blocks))[:, :n_values]
        return self._encoded(self.ops.reshape(levels, (-1, program.height, program.width, program.channels)))

    def values_of_means(self, images: Tensor, _: Int) -> Tensor:
        """Means of each image, (n, 1, c)."""
        return self.ops.mean_of(_as_nhwc(self.ops, images, self.program), self.program.value_range)[:, 0]

    def _encoded(self, levels: Int) -> Tensor:
        """Values of levels (…, channels), which may be normalised by channel."""
        ops, columns = self.ops, self.program.values.shape[1]
        if columns > 1:
            levels = levels * columns + ops.constant(np.arange(columns, dtype=np.int32))
        return ops.gather(ops.constant(self.program.values.ravel()), levels)


# One row for each `per` of contract.FILLS. Values are (n or 1, rectangles or 1, channels or 1); "value": (n, h, w, c).
_VALUES: dict[str, Callable[[_Draws, Tensor, Int], Tensor]] = {
    "rectangle": _Draws.values_of_rectangles,
    "channel": _Draws.values_of_channels,
    "value": _Draws.values_of_noise,
    "image": _Draws.values_of_means,
}


def top_rectangle(ops: Ops, edges: Edges, exists: Tensor, size: tuple[int, int]) -> Int:
    """Rank in painting order of the last rectangle over each pixel, (n, h, w), or -1.

    Edges and `exists` are (n, rectangles).
    """
    top, left, bottom, right = edges
    height, width = size
    ranks = ops.constant(np.full((1, height, width), -1, np.int32))
    for start in range(0, int(exists.shape[1]), _BITS):
        part = slice(start, start + _BITS)
        over_rows = _bits(ops, height, top[:, part], bottom[:, part], exists[:, part])
        over_columns = _bits(ops, width, left[:, part], right[:, part], exists[:, part])
        both = ops.reshape(over_rows, (-1, height, 1)) & ops.reshape(over_columns, (-1, 1, width))
        ranks = ops.where(both > 0, ops.msb(both) + start, ranks)
    return ranks


def _bits(ops: Ops, side: int, first: Int, stop: Int, exists: Tensor) -> Int:
    """Bit sets (n, side) of the rectangles between whose edges each row or column lies."""
    n = int(first.shape[1])
    positions = ops.constant(np.arange(side, dtype=np.int32)[None, :, None])
    bit = ops.constant((1 << np.arange(n)).astype(np.int32)[None, None])
    first, stop, exists = (ops.reshape(edge, (-1, 1, n)) for edge in (first, stop, exists))
    inside = (positions >= first) & (positions < stop) & exists
    return ops.sum_last(ops.where(inside, bit, ops.constant(np.zeros(1, np.int32))))


def _paint_all(ops: Ops, program: _Program, images: Tensor, top: Int, values: Tensor) -> tuple[Tensor, Tensor]:
    """Images and what is covered, from the top rectangle over each pixel."""
    covered, size = top >= 0, (-1, program.height, program.width)
    if program.per == "value":
        painted = values
    elif values.shape[1] == 1:
        painted = values[:, None]
    else:
        ranks = ops.reshape(ops.maximum(top, 0), (-1, program.height * program.width))
        painted = ops.reshape(ops.batch_gather(values, ranks), (*size, int(values.shape[-1])))
    layout = program.layout or "NHWC"
    mask = _arrange(ops, ops.reshape(covered, (*size, 1)), layout)
    return ops.where(mask, _arrange(ops, painted, layout), images), covered


def _as_nhwc(ops: Ops, images: Tensor, program: _Program) -> Tensor:
    if program.layout in ("NCHW", "CHW"):
        images = ops.transpose(ops.reshape(images, (-1, program.channels, program.height, program.width)), (0, 2, 3, 1))
    return ops.reshape(images, (-1, program.height, program.width, program.channels))


def _arrange(ops: Ops, tensor: Tensor, layout: str) -> Tensor:
    """Bring NHWC into a layout."""
    if "C" not in layout:
        tensor = tensor[..., 0]
    elif layout.endswith("CHW"):
        tensor = ops.transpose(tensor, (0, 3, 1, 2))
    return tensor if "N" in layout else tensor[0]
