"""The kernels as operations of a graph, pixel for pixel, for where Numba cannot go: compiled graphs, other devices.

How it works: every rectangle that a spec may draw is drawn, as tensors (n, rectangles), and `exists` says which of them
an image has. For each pixel the last rectangle over it is found: a row of pixels has a set of the rectangles that reach
over it, a column has one too, both as bits of an integer, and a pixel lies under the rectangles in both sets. The most
significant bit is the last one. The pixel then gets that rectangle's value. Of grids and lattices each pixel knows its
rectangle from its own row and column, as ``_graph.cells`` finds it. Nothing branches on data. A framework lends its
operations as an `Ops`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dustaug._engine import contract
from dustaug._engine.checks import check_size, resolve_kind
from dustaug._engine.fills import brightness_levels, encode
from dustaug._engine.guide import (
    check_donors_kind,
    check_donors_wanted,
    check_guide_kind,
    check_guide_wanted,
    may_weigh_too_much,
    takes_donors,
    takes_guide,
    takes_objects,
)
from dustaug._engine.memory import ImageKind, Layout, check_axes
from dustaug._engine.plan import find_max_size, make_plan
from dustaug._engine.tables import LOG_ROW, N_ROWS, POWER_ROW, QUANTILE_ROW, curves
from dustaug._errors import shown
from dustaug.schedule import Schedule, check_moves_p, spec_at
from dustaug.spec import MAX_SIDE, Spec

from .cells import TOPS, Dusted, find_most, fits

# Tensors of a framework, which has types of its own for them.
Tensor: TypeAlias = Any
Word: TypeAlias = Tensor
Int: TypeAlias = Tensor
Words: TypeAlias = tuple[Word, Word]
# A Python int where the framework knows it while the graph is made, otherwise a scalar.
Length: TypeAlias = Any
# Top, left, bottom, right.
Edges: TypeAlias = tuple[Int, Int, Int, Int]

# Rectangles are bits of signed 32-bit integers, which every framework has.
_BITS = 31
# Sides by which it is chosen how to paint where they are not known.
_USUAL_SIDE = 256
# Parts of a sum that is too large for 32 bits.
_PART_BITS = 12
# The logarithm of 1 as an exponent of `power`, and half that of a word's 31 bits.
_ONE = contract.POWER_BIAS << contract.LOG_BITS
_UNIT = contract.FRACTION_BITS << (contract.LOG_BITS - 1)


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


class Size(NamedTuple):
    """How many images a batch has, and how large they are in pixels."""

    n: Length
    height: Length
    width: Length

    @property
    def is_known(self) -> bool:
        """Whether the graph is made for images of one height and one width."""
        return isinstance(self.height, int) and isinstance(self.width, int)


class Ops(Protocol):
    """What a framework must be able to do.

    A `Word` is a tensor of whole numbers 0 … 2**32 - 1, in whatever type the framework computes with. An `Int` is a
    tensor of int32.
    """

    def shape_of(self, images: Tensor) -> tuple[Length, ...]: ...

    def to_words(self, number: Any) -> Words:
        """Low and high word of a Python int, or of a tensor of whole numbers."""

    def as_words(self, numbers: Any) -> Word:
        """Words of a NumPy array of uint32, or of integers that are not negative."""

    def arange(self, n: Length) -> Word:
        """Words 0 … n - 1."""

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

    def subtract(self, word: Word | int, other: Word) -> Word:
        """Difference, modulo 2**32; `word` may be a Python int of 32 bits."""

    def divide(self, word: Word, by: Word | int) -> Word:
        """Quotient of two words, rounded down; `by` may be a Python int."""

    def xor(self, first: Word, second: Word) -> Word: ...

    def shift_left(self, word: Word, bits: Word | int) -> Word:
        """Word without its first bits, up to 31."""

    def shift_right(self, word: Word, bits: Word | int) -> Word:
        """Word without its last bits, up to 31."""

    def low_bits(self, word: Word, mask: int) -> Word:
        """Some bits of a word, up to 31."""

    def less(self, word: Word, than: Word | int) -> Tensor:
        """Whether a word is less than a word, or than a Python int up to 2**32."""

    def to_int32(self, word: Word) -> Int:
        """Integer of a word below 2**31."""

    def to_double(self, length: Length) -> Tensor: ...

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

    def reshape(self, tensor: Tensor, shape: tuple[Length, ...]) -> Tensor: ...

    def transpose(self, tensor: Tensor, axes: tuple[int, ...]) -> Tensor: ...

    def stack(self, tensors: Any) -> Tensor:
        """Tensors of one shape along a new last axis."""

    def sum_last(self, integers: Int) -> Int:
        """Sum over the last axis."""

    def sums_last(self, integers: Int) -> Int:
        """Running sums along the last axis, each with its own integer; beyond 32 bits they are of any value."""

    def msb(self, integers: Int) -> Int:
        """Place of the most significant bit of integers above 0."""

    def argsort(self, numbers: Tensor) -> Int:
        """Places of words or integers along the last axis in ascending order, equal ones in the order of places."""

    def like(self, tensor: Tensor, images: Tensor) -> Tensor:
        """A tensor, or an error if it has another shape than `images`."""

    def paint_pixels(
        self,
        images: Tensor,
        edges: Edges,
        exists: Tensor,
        values: Tensor,
        *,
        layout: Layout,
        size: Size,
        max_size: tuple[int, int],
    ) -> tuple[Tensor, Tensor] | None:
        """Images and what is covered (n, h, w), from the pixels of all rectangles; None where that is no faster.

        Edges and `exists` are (n, rectangles), values (n or 1, rectangles or 1, channels or 1). No rectangle is larger
        than `max_size`.
        """

    def mean_of(self, images: Tensor, value_range: tuple[float, float]) -> Tensor:
        """Mean of images (n, h, w, c), (n, 1, 1, c), as in ``_engine.fills``; NaN where that raises an error."""


class _Program:
    """Plan and values of a spec for one kind of images, as Python numbers and NumPy arrays."""

    def __init__(self, plan: Spec | Schedule, kind: ImageKind) -> None:
        spec, self.thresholds = spec_at(plan, 0), _thresholds_of(plan)
        self.value_range = resolve_kind(spec, kind)
        params = make_plan(spec)[0]
        self.params = {name: params[name].item() for name in params.dtype.names}
        self.spec, self.layout, self.channels = spec, kind.layout, kind.channels
        self.fill = contract.FILLS[spec.fill]
        if self.fill.per not in ("image", "donor"):
            patterns = encode(brightness_levels(spec), spec, kind.dtype, self.value_range)
            self.values = patterns.astype(f"u{kind.dtype.itemsize}").view(kind.dtype)

    def max_size(self, size: Size) -> tuple[int, int] | None:
        """Return what no rectangle exceeds, or None if it takes no less time to go over the pixels of all rectangles.

        That is, than over those of the image. On a CPU one of the former takes TensorFlow about five times as long as
        one of the latter, which takes longer the more rectangles it is compared with.
        """
        params = self.params
        if self.fill.per in ("value", "donor") or params["grid"] or params["lattice"] or params["keep"]:
            return None
        if size.is_known:
            sides, largest = size[1:], find_max_size(self.spec, size.height, size.width)
        elif params["in_fractions"] or params["from_area"] or params["from_beta"]:
            return None
        else:
            sides, largest = (_USUAL_SIDE, _USUAL_SIDE), find_max_size(self.spec, MAX_SIDE, MAX_SIDE)
        n_rectangles = max(1, self.spec.count_range[1])
        n_painted, n_pixels = n_rectangles * largest[0] * largest[1], sides[0] * sides[1]
        return largest if 5 * n_painted < (1 + n_rectangles / 32) * n_pixels else None


def _thresholds_of(plan: Spec | Schedule) -> NDArray[np.int64]:
    """Return the threshold of a spec, or those of the epochs of a schedule."""
    if isinstance(plan, Spec):
        return np.array([make_plan(plan)[0]["p_threshold"]], np.int64)
    check_moves_p(plan, "in a graph that learns the epoch when it runs", "schedule.at(epoch)")
    specs = map(plan.at, range(plan.last_epoch + 1))
    return np.array([make_plan(spec)[0]["p_threshold"] for spec in specs], np.int64)


_find_program = functools.lru_cache(maxsize=16)(_Program)


def build(
    ops: Ops,
    images: Tensor,
    spec: Spec | Schedule | None,
    coordinates: WordCoordinates,
    *,
    layout: Layout,
    value_range: tuple[float, float] | None,
    guide: Tensor | None = None,
    donors: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Build the graph of dusted images, and of what the dust covers.

    Parameters
    ----------
    images : tensor
        Of their lengths, only the number of channels must be known while the graph is made.
    guide : uint8 or bool tensor, (n, rows, columns), or (rows, columns) for an image alone, optional
        Weights of places. None of the lengths need be known. An image whose weights sum to more than the contract
        allows gets no dust, as a graph cannot raise an error.
    donors : tensor of the shape and dtype of `images`, optional
        What is copied with ``fill="donors"``.

    Returns
    -------
    images : tensor
    covered : bool tensor, (n, h, w), or (h, w) for an image alone

    Raises
    ------
    TypeError
        If a guide or donors are missing, not wanted, or of the wrong dtype.
    ValueError
        If the number of channels is unknown, or the spec does not suit the images, or needs their objects; if donors
        have another shape; if the layout is one of volumes.
    """
    check_flat(layout)
    check_axes(images.shape, layout)
    lengths = dict(zip(layout, ops.shape_of(images), strict=True))
    size, channels = Size(*(lengths.get(axis, 1) for axis in "NHW")), lengths.get("C", 1)
    if not isinstance(channels, int):
        raise ValueError(  # noqa: TRY004
            f"images must have a number of channels that is known while the graph is made, got shape "
            f"{tuple(images.shape)}: type tf.ensure_shape(images, …)"
        )
    plan, spec = spec, spec_at(spec, 0)
    check_no_objects(spec)
    guide = _check_guide(ops, guide, spec, size, batched="N" in layout)
    donors = _check_donors(ops, donors, spec, images)
    program = _find_program(plan or spec, ImageKind(ops.numpy_dtype(images), layout, channels, value_range))
    if size.is_known and size.height and size.width:
        check_size(spec, size.height, size.width, channels)
    draws = _Draws(ops, program, coordinates, images, size, guide)
    paint = _paint_rectangles if contract.KINDS[spec.kind].placed else _paint_cells
    dusted, covered = paint(draws, images, donors)
    return dusted, covered if "N" in layout else covered[0]


def check_flat(layout: str) -> None:
    """Check that images are no volumes, which a graph does not paint."""
    if "D" in layout:
        raise ValueError(
            f"images must be no volumes in a compiled graph, got layout={layout!r}: type dustaug.add_dust(volumes, "
            f"spec, layout={layout!r}) on the CPU, before they go to the graph"
        )


def check_no_objects(spec: Spec) -> None:
    """Check that a spec needs no objects, which a graph does not take."""
    if takes_objects(spec):
        raise ValueError(
            f"spec must be one without objects in a compiled graph, got {shown(spec)}: type "
            "dustaug.add_dust(images, spec, objects=…) on the CPU, or, in tf.data, make_dust_fn(spec, "
            'backend="numba", objects_key="boxes")'
        )


def _check_guide(ops: Ops, guide: Tensor, spec: Spec, size: Size, *, batched: bool) -> Tensor | None:
    """Return the guide (n, rows, columns), or None if the spec takes none."""
    if guide is None and not takes_guide(spec):
        return None
    check_guide_wanted(guide, spec)
    n = size.n if isinstance(size.n, int) else None
    shape = _known(ops.shape_of(guide))
    check_guide_kind(shape, ops.numpy_dtype(guide).name, n, batched=batched)
    return guide[None] if len(shape) == 2 else guide


def _check_donors(ops: Ops, donors: Tensor, spec: Spec, images: Tensor) -> Tensor | None:
    """Return the donors of images, or None if the spec takes none."""
    if donors is None and not takes_donors(spec):
        return None
    check_donors_wanted(donors, spec)
    shape, of_images = (_known(ops.shape_of(tensor)) for tensor in (donors, images))
    check_donors_kind(shape, ops.numpy_dtype(donors).name, of_images, ops.numpy_dtype(images).name)
    return ops.like(donors, images)


def _known(lengths: tuple[Length, ...]) -> tuple[int | None, ...]:
    """Return lengths, of which those are None that the graph learns when it runs."""
    return tuple(length if isinstance(length, int) else None for length in lengths)


def check_index_shape(index: tuple[int, ...], images: tuple[int, ...]) -> None:
    """Check the shape of indices against that of a batch."""
    if tuple(index) != tuple(images[:1]):
        raise ValueError(
            f"index must be a number or of shape ({images[0]},), one for each image, got shape {tuple(index)}"
        )


def _index_of_each(ops: Ops, images: Tensor, n: Length, index: Words, layout: str) -> Words:
    """Index of each image, from that of the first or one for each."""
    low, high = index
    if "N" not in layout:
        return ops.reshape(low, ()), ops.reshape(high, ())
    if len(low.shape):
        return ops.per_image(low, images), ops.per_image(high, images)
    positions = ops.arange(n)
    following = ops.add(positions, low)
    zeros = ops.subtract(positions, positions)
    carry = ops.where(ops.less(following, positions), ops.add(zeros, 1), zeros)
    return following, ops.add(carry, high)


def philox(ops: Ops, counter: tuple[Word, ...], key: Words) -> tuple[Word, Word, Word, Word]:
    """Four random words of counters of one shape: Philox4x32-10."""
    (multiplier_0, multiplier_1), (weyl_0, weyl_1) = contract.PHILOX_MULTIPLIERS, contract.PHILOX_WEYL

    def one_round(c0: Word, c1: Word, c2: Word, c3: Word, k0: Word, k1: Word) -> tuple[Word, ...]:
        high_0, low_0 = ops.multiply(c0, multiplier_0)
        high_1, low_1 = ops.multiply(c2, multiplier_1)
        mixed_0, mixed_2 = ops.xor(ops.xor(high_1, c1), k0), ops.xor(ops.xor(high_0, c3), k1)
        return mixed_0, low_1, mixed_2, low_0, ops.add(k0, weyl_0), ops.add(k1, weyl_1)

    c0, c1, c2, c3, _, _ = ops.repeat(contract.PHILOX_ROUNDS, one_round, (*counter, *key))
    return c0, c1, c2, c3


class _Draws:
    """What is drawn for a batch of images."""

    def __init__(
        self,
        ops: Ops,
        program: _Program,
        coordinates: WordCoordinates,
        images: Tensor,
        size: Size,
        guide: Tensor | None,
    ) -> None:
        self.ops, self.program, self.key, self.size = ops, program, coordinates.seed, size
        self.guide = None if guide is None else _Guide(ops, guide, images, batched="N" in program.layout)
        self.params = program.params
        index = _index_of_each(ops, images, size.n, coordinates.index, program.layout)
        self.counter = tuple(ops.reshape(word, (-1, 1)) for word in (*index, coordinates.epoch))
        self.n_rectangles = find_most(ops, program.spec, size)
        # Their blocks are counted from 1.
        if isinstance(self.n_rectangles, int):
            self.ranks: Any = np.arange(1, self.n_rectangles + 1, dtype=np.int64)
        else:
            self.ranks = ops.add(ops.arange(self.n_rectangles), 1)

    def words(self, blocks: Any) -> tuple[Word, Word, Word, Word]:
        """Words of blocks (b,), each (n, b): Philox4x32-10."""
        counter = self.ops.broadcast(self.ops.as_words(blocks)[None], *self.counter)
        return philox(self.ops, counter, self.key)

    def high(self, word: Word, by: Word | int) -> Word:
        """Upper word of a product: one of `by` equally likely outcomes 0 … by - 1."""
        return self.ops.multiply(word, by)[0]

    def bounded(self, word: Word, n: Word | int) -> Int:
        """One of n equally likely outcomes 0 … n - 1, n being at most 2**31."""
        return self.ops.to_int32(self.high(word, n))

    def lower(self, word: Word, bound: int) -> Word:
        """Lower one of two words."""
        return self.ops.where(self.ops.less(word, bound), word, self.ops.as_words(np.uint32(bound)))

    def as_factor(self, length: Length) -> Word | int:
        """Return a length as a factor of words."""
        return length if isinstance(length, int) else self.ops.as_words(length)

    # ------------------------------------------------------------------------------------------------- curves

    def row(self, start: int, stop: int, place: Word) -> tuple[Word, Word, Word]:
        """Words f, s, c at a place in a part of the curves' table."""
        place = self.ops.to_int32(place)
        f, s, c = (self.ops.gather(self.ops.as_words(column), place) for column in curves()[start:stop, :3].T)
        return f, s, c

    def octave(self, word: Word) -> tuple[Int, Word]:
        """Return o and the fraction of m, where a word from 1 to 2**31 - 1 is 2**o * m, and m at least 1."""
        ops = self.ops
        octave = ops.msb(ops.to_int32(word))
        return octave, ops.shift_left(ops.shift_left(word, ops.as_words(31 - octave)), 1)

    def quantile(self, word: Word) -> Word:
        """Distance from the mean of a normal draw."""
        ops, bits = self.ops, contract.QUANTILE_ROW_BITS
        tail = ops.where(ops.less(word, contract.HALF_WORD), word, ops.subtract(contract.WORD_MASK, word))
        octave, fraction = self.octave(ops.maximum(tail, 1))
        row = ops.add(ops.as_words(octave * (1 << bits)), ops.shift_right(fraction, 32 - bits))
        f, s, c = self.row(QUANTILE_ROW, LOG_ROW, row)
        x = ops.shift_left(fraction, bits)
        return ops.subtract(f, self.high(x, ops.subtract(s, self.high(x, c))))

    def log(self, word: Word) -> Word:
        """Half the binary logarithm of a word from 1 to 2**31 - 1."""
        ops, bits = self.ops, contract.LOG_ROW_BITS
        octave, fraction = self.octave(word)
        f, s, c = self.row(LOG_ROW, POWER_ROW, ops.shift_right(fraction, 32 - bits))
        x = ops.shift_left(fraction, bits)
        rest = ops.add(f, self.high(x, ops.subtract(s, self.high(x, c))))
        half = contract.LOG_BITS - 1
        return ops.add(ops.as_words(octave * (1 << half)), ops.shift_right(rest, 32 - half))

    def power(self, word: Word) -> Word:
        """Return 2 to the power of a word, in units of the contract's."""
        ops, bits = self.ops, contract.POWER_ROW_BITS
        exponent = ops.to_int32(ops.shift_right(word, contract.LOG_BITS))
        row = ops.low_bits(ops.shift_right(word, contract.LOG_BITS - bits), (1 << bits) - 1)
        f, s, c = self.row(POWER_ROW, N_ROWS, row)
        x = ops.shift_left(word, 32 - contract.LOG_BITS + bits)
        mantissa = ops.add(f, self.high(x, ops.add(s, self.high(x, c))))
        shift = ops.minimum(ops.maximum(contract.POWER_BIAS - exponent, 0), 31)
        return ops.shift_right(mantissa, ops.as_words(shift))

    # ------------------------------------------------------------------------------------------------- rectangles

    def blocks(self, first: int, per_rectangle: int, n: int) -> Any:
        """The first n blocks (rectangles * n,) of each rectangle, of which it has `per_rectangle`."""
        if isinstance(self.ranks, np.ndarray):
            return ((first + per_rectangle * self.ranks)[:, None] + np.arange(n)).ravel()
        of_each = self.ops.add(self.ops.multiply(self.ranks, per_rectangle)[1], first)
        return self.ops.reshape(self.ops.add(of_each[:, None], self.ops.as_words(np.arange(n))[None]), (-1,))

    @functools.cached_property
    def rectangle_words(self) -> tuple[Word, Word, Word, Word]:
        """Words y, x, size and fill of all rectangles that there may be, (n, rectangles) each."""
        return self.words(self.ranks)

    @functools.cached_property
    def header(self) -> Dusted:
        """How many rectangles images have if they are dusted, and whether they are, (n, 1) each."""
        count, dusted, _, _ = self.words(np.full(1, contract.HEADER_BLOCK))
        count = self.params["count_low"] + self.bounded(count, self.params["n_counts"])
        return Dusted(count, self.is_dusted(dusted) & fits(self.ops, self.program.spec, self.size))

    def rectangles(self) -> tuple[Edges, Tensor]:
        """Edges of all rectangles that there may be, and whether they exist: (n, rectangles) each."""
        ops, params = self.ops, self.params
        count, is_dusted = self.header
        exists = (ops.constant(np.arange(self.n_rectangles, dtype=np.int32)[None]) < count) & is_dusted
        if self.guide is not None:
            exists = exists & self.guide.is_usable
        y, x, size, _ = self.rectangle_words
        if params["from_area"]:
            height, width = self.sizes_of_areas()
            if not self.size.is_known:
                exists = exists & self.smallest_area_fits()
        elif params["from_beta"]:
            height, width = self.sizes_of_shares()
        elif params["in_fractions"]:
            height, width = self.sizes_in_fractions()
        else:
            height, width = self.sizes_in_pixels(size)
        return self.edges(y, x, height, width), exists

    def is_dusted(self, word: Word) -> Tensor:
        """Whether the word of an image is below the threshold of its epoch, which may be 2**32."""
        ops, thresholds = self.ops, self.program.thresholds
        if len(thresholds) == 1:
            return ops.less(word, int(thresholds[0]))
        place = ops.to_int32(self.lower(self.counter[2], len(thresholds) - 1))
        below = ops.gather(ops.as_words((thresholds & contract.WORD_MASK).astype(np.uint32)), place)
        return ops.gather(ops.constant(thresholds > contract.WORD_MASK), place) | ops.less(word, below)

    def sizes_in_pixels(self, word: Word) -> tuple[Int, Int]:
        params = self.params
        high, low = self.ops.multiply(word, params["n_heights"])
        height = params["size_unit"] * (params["height_low"] + self.ops.to_int32(high))
        if params["square"]:
            return height, height
        return height, params["size_unit"] * (params["width_low"] + self.bounded(low, params["n_widths"]))

    def sizes_in_fractions(self) -> tuple[Int, Int]:
        ops, params = self.ops, self.params
        high, wide, _, _ = self.words(self.blocks(contract.SIZE_BLOCK, contract.SIZE_BLOCKS_PER_RECTANGLE, 1))
        height = ops.add(self.high(high, params["n_heights"]), params["height_low"])
        width = ops.add(self.high(wide, params["n_widths"]), params["width_low"])
        if not params["halving"]:
            return self.in_pixels(height, self.size.height), self.in_pixels(width, self.size.width)
        halvings = ops.as_words(np.frexp(self.ranks)[1] - 1)
        height, width = ops.shift_right(height, halvings), ops.shift_right(width, halvings)
        tall, wide = self.in_pixels(height, self.size.height), self.in_pixels(width, self.size.width)
        return ops.maximum(tall, 1), ops.maximum(wide, 1)

    def in_pixels(self, fraction: Word, side: Length) -> Int:
        """Pixels of a fraction of a side."""
        return (self.bounded(fraction, self.as_factor(4 * side)) + 1) // 2

    def tries(self) -> tuple[Word, Word]:
        """Both words of each try of each rectangle, (n, rectangles, tries) each."""
        tries = contract.AREA_TRIES
        blocks = self.blocks(contract.SIZE_BLOCK, contract.SIZE_BLOCKS_PER_RECTANGLE, tries // 2)
        words = self.words(blocks)
        first, second = (
            self.ops.reshape(self.ops.stack(pair), (self.size.n, self.n_rectangles, tries))
            for pair in (words[0::2], words[1::2])
        )
        return first, second

    def of_first_try(self, fits: Tensor, height: Int, width: Int) -> tuple[Int, Int]:
        """Sizes of the first of the tries that fit, or 0."""
        ops, tries = self.ops, contract.AREA_TRIES
        # The first try is the highest bit of those that fit.
        bit, zero = ops.constant((1 << np.arange(tries)[::-1]).astype(np.int32)), ops.constant(np.zeros(1, np.int32))
        is_first = fits & (2 * bit > ops.sum_last(ops.where(fits, bit, zero))[..., None])
        return ops.sum_last(ops.where(is_first, height, zero)), ops.sum_last(ops.where(is_first, width, zero))

    def sizes_of_areas(self) -> tuple[Int, Int]:
        """Sizes of the first tries that fit, or 0."""
        ops, params = self.ops, self.params
        area, aspect = self.tries()
        area = ops.maximum(ops.add(self.high(area, params["n_areas"]), params["area_low"]), 1)
        area = ops.add(self.log(area), params["area_base"])
        aspect = ops.add(self.high(aspect, params["n_aspects"]), params["aspect_low"] & contract.WORD_MASK)
        aspect = ops.add(aspect, self.shape())
        height = self.in_pixels(self.power(ops.add(area, aspect)), self.size.height)
        width = self.in_pixels(self.power(ops.subtract(area, aspect)), self.size.width)
        return self.of_first_try((height < self.size.height) & (width < self.size.width), height, width)

    def sizes_of_shares(self) -> tuple[Int, Int]:
        """Sizes of rectangles of the image's own aspect, from their shares of its area."""
        ops = self.ops
        if not self.params["beta_scale"]:
            word, _, _, _ = self.words(self.blocks(contract.SIZE_BLOCK, contract.SIZE_BLOCKS_PER_RECTANGLE, 1))
            root = self.power(ops.subtract(ops.add(self.log_of_half(word), _ONE), ops.as_words(np.uint32(_UNIT))))
            return self.in_pixels(root, self.size.height), self.in_pixels(root, self.size.width)
        first, second = map(self.root, self.tries())
        # The sum of both may be 2**32, which no word holds.
        counts = ~ops.less(ops.subtract(contract.HALF_WORD, self.raised(second)), self.raised(first))
        lower = ops.where(ops.less(first, second), first, second)
        x, y = (ops.shift_right(self.raised(ops.subtract(word, lower)), 1) for word in (first, second))
        whole = self.lower(ops.add(x, y), contract.HALF_WORD - 1)
        share = ops.subtract(ops.add(self.log(ops.maximum(y, 1)), _ONE), self.log(whole))
        root = self.power(share)
        return self.of_first_try(counts, self.in_pixels(root, self.size.height), self.in_pixels(root, self.size.width))

    def log_of_half(self, word: Word) -> Word:
        """Half the binary logarithm of the upper 31 bits of a word."""
        return self.log(self.ops.maximum(self.ops.shift_right(word, 1), 1))

    def root(self, word: Word) -> Word:
        """Logarithm d of the contract's shares."""
        ops, params = self.ops, self.params
        distance = ops.subtract(_UNIT, self.log_of_half(word))
        return ops.shift_left(self.high(distance, params["beta_scale"]), params["beta_shift"])

    def raised(self, distance: Word) -> Word:
        """Power e of the contract's shares."""
        doubled = self.ops.shift_left(self.lower(distance, _ONE // 2), 1)
        return self.power(self.ops.subtract(_ONE, doubled))

    def shape(self) -> Word:
        """Return the shape of the images: half the logarithm of width / height, modulo 2**32."""
        ops, (_, height, width) = self.ops, self.size
        if self.size.is_known:
            longer, shorter = max(height, width), max(min(height, width), 1)
            ratio = np.array((longer << contract.SHAPE_BITS) // shorter, np.uint32)
            is_wide = ops.constant(np.array(width > height))
        else:
            longer, shorter, is_wide = ops.maximum(height, width), ops.minimum(height, width), width > height
            ratio = longer * (1 << contract.SHAPE_BITS) // ops.maximum(shorter, 1)
        square = contract.SHAPE_BITS << (contract.LOG_BITS - 1)
        wide = ops.add(self.log(ops.as_words(ratio)), -square & contract.WORD_MASK)
        return ops.where(is_wide, wide, ops.subtract(0, wide))

    def smallest_area_fits(self) -> Tensor:
        """Whether ``_engine.checks.check_size`` allows images whose size the graph learns when it runs."""
        ops, params = self.ops, self.params
        height, width = (ops.to_double(ops.maximum(length, 1)) for length in self.size[1:])
        area = params["smallest_area"] * height * width
        lowest = ops.maximum(area / ((width - 0.5) * (width - 0.5)), params["smallest_aspect"])
        return lowest <= ops.minimum((height - 0.5) * (height - 0.5) / area, params["largest_aspect"])

    def edges(self, y: Word, x: Word, height: Int, width: Int) -> Edges:
        """Edges of rectangles of a height and width, from the words of their places."""
        ops, params = self.ops, self.params
        rows, columns = (length - params["spare_last"] for length in self.size[1:])
        if params["inside"]:
            height, width = ops.minimum(height, rows), ops.minimum(width, columns)
            top = self.bounded(y, ops.as_words(rows - height + 1))
            left = self.bounded(x, ops.as_words(columns - width + 1))
            return top, left, top + height, left + width
        if self.guide is not None:
            center_y, center_x = self.guided_centers(self.guide, y, x)
        else:
            center_y, center_x = self.normal_centers(y, x) if params["normal"] else self.uniform_centers(y, x)
        top, left = center_y - height // 2, center_x - width // 2
        edges = ((top, rows), (left, columns), (top + height, rows), (left + width, columns))
        top, left, bottom, right = (ops.minimum(ops.maximum(edge, 0), high) for edge, high in edges)
        return top, left, bottom, right

    def uniform_centers(self, y: Word, x: Word) -> tuple[Int, Int]:
        return self.bounded(y, self.as_factor(self.size.height)), self.bounded(x, self.as_factor(self.size.width))

    def normal_centers(self, y: Word, x: Word) -> tuple[Int, Int]:
        distances = self.quantile(self.ops.stack([y, x]))
        center_y = self.normal_center(y, distances[..., 0], "y", self.size.height)
        return center_y, self.normal_center(x, distances[..., 1], "x", self.size.width)

    def normal_center(self, word: Word, quantile: Word, axis: str, side: Length) -> Int:
        ops = self.ops
        mean, std, shift = (self.params[f"{axis}_{name}"] for name in ("mean", "std", "shift"))
        distance = ops.shift_left(self.lower(self.high(quantile, std), contract.HALF_WORD >> shift), shift)
        below = ops.subtract(mean, self.lower(distance, mean))
        above = ops.add(self.lower(distance, contract.HALF_WORD - mean), mean)
        place = ops.where(ops.less(word, contract.HALF_WORD), below, above)
        return self.bounded(place, self.as_factor(2 * side))

    def guided_centers(self, guide: _Guide, y: Word, x: Word) -> tuple[Int, Int]:
        """Centres in the cells of a guide, by its weights."""
        ops, half = self.ops, 16
        row, column = guide.cells(self.bounded(y, guide.total))
        halves = ops.shift_right(x, half), ops.low_bits(x, (1 << half) - 1)
        center_y, center_x = (
            self.place_in_cell(*each) for each in zip((row, column), guide.lengths, halves, self.size[1:], strict=True)
        )
        return center_y, center_x

    def place_in_cell(self, cell: Int, n_cells: Length, half: Word, side: Length) -> Int:
        """Place on a side within one of the cells that it consists of, from half a word."""
        ops, n_cells, side = self.ops, self.as_factor(n_cells), self.as_factor(side)
        # Both products are below 2**32, as no side has more than 65,535 pixels and no guide more cells.
        start, within = ops.multiply(ops.as_words(cell), side)[1], ops.multiply(half, side)[1]
        return ops.to_int32(ops.divide(ops.add(start, ops.shift_right(within, 16)), n_cells))

    # ------------------------------------------------------------------------------------------------- values

    def values_of_rectangles(self, _: Tensor) -> Tensor:
        """Values of each rectangle, (n or 1, rectangles or 1, channels or 1)."""
        values = self.ops.constant(self.program.values)
        if not self.program.fill.drawn:
            return values[None]
        return self.ops.gather(values, self.bounded(self.rectangle_words[3], self.params["n_levels"]))

    def values_of_channels(self, _: Tensor) -> Tensor:
        """Values of each channel of each rectangle, (n, rectangles, channels)."""
        program, n_blocks = self.program, (self.program.channels + 3) // 4
        blocks = self.blocks(contract.COLOR_BLOCK, contract.COLOR_BLOCKS_PER_RECTANGLE, n_blocks)
        levels = self.bounded(self.ops.stack(self.words(blocks)), self.params["n_levels"])
        levels = self.ops.reshape(levels, (self.size.n, self.n_rectangles, 4 * n_blocks))[..., : program.channels]
        return self._encoded(levels)

    def values_of_noise(self, _: Tensor) -> Tensor:
        """Values of each value of each image, (n, h, w, c)."""
        ops, n_levels, (n, height, width) = self.ops, self.params["n_levels"], self.size
        # Bytes of words, or halves.
        bits = 8 if n_levels == 256 else 16
        n_values, in_block = height * width * self.program.channels, 128 // bits
        n_blocks = (n_values + in_block - 1) // in_block
        words = ops.stack(self.words(ops.add(ops.arange(n_blocks), contract.NOISE_BLOCK)))
        parts = [ops.low_bits(ops.shift_right(words, shift), (1 << bits) - 1) for shift in range(0, 32, bits)]
        levels = ops.to_int32(ops.stack(parts))
        if bits == 16:
            levels = levels * n_levels // (1 << 16)
        levels = ops.reshape(levels, (n, in_block * n_blocks))[:, :n_values]
        return self._encoded(ops.reshape(levels, (n, height, width, self.program.channels)))

    def values_of_means(self, images: Tensor) -> Tensor:
        """Means of each image, (n, 1, c)."""
        return self.ops.mean_of(_as_nhwc(self.ops, images, self.program, self.size), self.program.value_range)[:, 0]

    def _encoded(self, levels: Int) -> Tensor:
        """Values of levels (…, channels), which may be normalised by channel."""
        ops, columns = self.ops, self.program.values.shape[1]
        if columns > 1:
            levels = levels * columns + ops.constant(np.arange(columns, dtype=np.int32))
        return ops.gather(ops.constant(self.program.values.ravel()), levels)


class _Guide:
    """Weights of the places of a batch of images.

    The cell of a unit of weight is found by running sums over the rows, and then along one row: that takes fewer
    operations than running sums over all weights.

    Attributes
    ----------
    total : words, (n, 1)
        Sums of the weights of each image.
    is_usable : bool tensor, (n, 1)
        Whether an image has dust: its weights are not all zero, and do not sum to more than the contract allows.
    """

    def __init__(self, ops: Ops, weights: Tensor, images: Tensor, *, batched: bool) -> None:
        self.ops, self.weights = ops, weights
        shape = ops.shape_of(weights)
        self.lengths = shape[1:]
        self.of_rows = ops.sum_last(ops.cast(weights, "int32"))
        self.sums = ops.sums_last(self.of_rows)
        total = ops.as_words(self.sums[:, -1])
        # A guide for one image alone would be taken for all of a batch whose length is not known.
        total = ops.per_image(total, images) if batched else total
        self.total = ops.reshape(total, (-1, 1))
        self.is_usable = ops.less(0, self.total)
        if may_weigh_too_much(_known(shape)):
            self.is_usable = self.is_usable & self._is_in_limits()

    def _is_in_limits(self) -> Tensor:
        """Whether weights sum to a word below 2**31, decided from the sums of the upper and the lower bits."""
        ops, words = self.ops, self.ops.as_words(self.of_rows)
        upper, lower = ops.shift_right(words, _PART_BITS), ops.low_bits(words, (1 << _PART_BITS) - 1)
        upper, lower = (ops.sum_last(ops.to_int32(part)) for part in (upper, lower))
        parts = upper + lower // (1 << _PART_BITS)
        return (parts <= contract.MAX_GUIDE_SUM >> _PART_BITS)[:, None]

    def cells(self, units: Int) -> tuple[Int, Int]:
        """Row and column of the cells that hold units of weight (n, rectangles)."""
        ops = self.ops
        zero, one = (ops.constant(np.full(1, number, np.int32)) for number in (0, 1))
        is_before = self.sums[:, None] <= units[..., None]
        # Without any weight there is no such row; nothing is painted then, but the row must be one of the guide.
        row = ops.minimum(ops.sum_last(ops.where(is_before, one, zero)), self.lengths[0] - 1)
        units = units - ops.sum_last(ops.where(is_before, self.of_rows[:, None], zero))
        sums = ops.sums_last(ops.cast(ops.batch_gather(self.weights, row), "int32"))
        return row, ops.sum_last(ops.where(sums <= units[..., None], one, zero))


# One row for each `per` of contract.FILLS. Values are (n or 1, rectangles or 1, channels or 1); "value": (n, h, w, c).
_VALUES: dict[str, Callable[[_Draws, Tensor], Tensor]] = {
    "rectangle": _Draws.values_of_rectangles,
    "channel": _Draws.values_of_channels,
    "value": _Draws.values_of_noise,
    "image": _Draws.values_of_means,
}


def top_rectangle(ops: Ops, edges: Edges, exists: Tensor, size: tuple[Length, Length]) -> Int:
    """Rank in painting order of the last rectangle over each pixel, (n, h, w), or -1.

    Edges and `exists` are (n, rectangles).
    """
    top, left, bottom, right = edges
    height, width = size
    ranks = ops.constant(np.full((1, 1, 1), -1, np.int32))
    for start in range(0, int(exists.shape[1]), _BITS):
        part = slice(start, start + _BITS)
        over_rows = _bits(ops, height, top[:, part], bottom[:, part], exists[:, part])
        over_columns = _bits(ops, width, left[:, part], right[:, part], exists[:, part])
        both = over_rows[:, :, None] & over_columns[:, None, :]
        ranks = ops.where(both > 0, ops.msb(both) + start, ranks)
    return ranks


def _bits(ops: Ops, side: Length, first: Int, stop: Int, exists: Tensor) -> Int:
    """Bit sets (n, side) of the rectangles between whose edges each row or column lies."""
    positions = ops.to_int32(ops.arange(side))[None, :, None]
    bit = ops.constant((1 << np.arange(int(first.shape[1]))).astype(np.int32)[None, None])
    first, stop, exists = first[:, None], stop[:, None], exists[:, None]
    inside = (positions >= first) & (positions < stop) & exists
    return ops.sum_last(ops.where(inside, bit, ops.constant(np.zeros(1, np.int32))))


def _paint_rectangles(draws: _Draws, images: Tensor, donors: Tensor | None) -> tuple[Tensor, Tensor]:
    """Images and what is covered, from rectangles that have places of their own."""
    ops, program, size, (edges, exists) = draws.ops, draws.program, draws.size, draws.rectangles()
    max_size = program.max_size(size)
    if max_size is not None:
        values = _VALUES[program.fill.per](draws, images)
        painted = ops.paint_pixels(images, edges, exists, values, layout=program.layout, size=size, max_size=max_size)
        if painted is not None:
            return painted
    top = top_rectangle(ops, edges, exists, size[1:])
    if program.params["keep"]:
        # All else has the value of the first rectangle, where there is one.
        ranks = ops.constant(np.array([-1, 0], np.int32))
        top = ops.where((top < 0) & exists[:, :1, None], ranks[1], ranks[0])
    return _paint_all(draws, images, top, donors)


def _paint_cells(draws: _Draws, images: Tensor, donors: Tensor | None) -> tuple[Tensor, Tensor]:
    """Images and what is covered, from rectangles whose places are those of a pattern."""
    return _paint_all(draws, images, TOPS[draws.program.spec.kind](draws), donors)


def _paint_all(draws: _Draws, images: Tensor, top: Int, donors: Tensor | None) -> tuple[Tensor, Tensor]:
    """Images and what is covered, from the top rectangle over each pixel."""
    ops, program, (n, height, width) = draws.ops, draws.program, draws.size
    covered = top >= 0
    mask = _arrange(ops, covered[..., None], program.layout)
    if donors is not None:
        return ops.where(mask, donors, images), covered
    values = _VALUES[program.fill.per](draws, images)
    if program.fill.per == "value":
        painted = values
    elif values.shape[1] == 1:
        painted = values[:, None]
    elif program.params["keep"] and contract.KINDS[program.spec.kind].placed:
        painted = values[:, :1, None]
    else:
        ranks = ops.reshape(ops.maximum(top, 0), (n, height * width))
        painted = ops.reshape(ops.batch_gather(values, ranks), (n, height, width, int(values.shape[-1])))
    return ops.where(mask, _arrange(ops, painted, program.layout), images), covered


def _as_nhwc(ops: Ops, images: Tensor, program: _Program, size: Size) -> Tensor:
    n, height, width = size
    if program.layout in ("NCHW", "CHW"):
        images = ops.transpose(ops.reshape(images, (n, program.channels, height, width)), (0, 2, 3, 1))
    return ops.reshape(images, (n, height, width, program.channels))


def _arrange(ops: Ops, tensor: Tensor, layout: str) -> Tensor:
    """Bring NHWC into a layout."""
    if "C" not in layout:
        tensor = tensor[..., 0]
    elif layout.endswith("CHW"):
        tensor = ops.transpose(tensor, (0, 3, 1, 2))
    return tensor if "N" in layout else tensor[0]
