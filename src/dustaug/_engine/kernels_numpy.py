"""The entries of ``kernels`` in NumPy, pixel for pixel, for when Numba's compiler is switched off.

What they must do stands in ``contract``. Here a batch is not an address but a view, NDHWC, of unsigned integers, and
the indices of its images are an array, or 0 if they follow one another. An image is a volume of one slice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import contract
from .coordinates import FOLLOWING
from .guide import Terms
from .kept import around, crossed
from .tables import LOG_ROW, POWER_ROW, QUANTILE_ROW, curves

TAKES_ADDRESSES, ARRAY = False, 0

_MASK_32, _SHIFT_32 = np.uint64(contract.WORD_MASK), np.uint64(32)

Words = NDArray[np.uint64]


def operand_of(array: NDArray[Any]) -> NDArray[Any]:
    """What the entries take for an array: the array."""
    return array


operand_of_array = operand_of


def operand_of_images(images: NDArray[Any]) -> NDArray[Any]:
    """What the entries take for images: a view as unsigned integers."""
    return images.view(f"u{images.itemsize}")


def _located(params: Any, items: NDArray[Any], terms: Terms, n: int, *sides_strides: int) -> NDArray[Any]:
    """View items with all five axes, which lie where their strides tell."""
    height, width, *strides = sides_strides
    image, row, column, channel = (stride * int(params["stride_bytes"]) for stride in strides)
    shape = n, terms.depth, height, width, int(params["channels"])
    return np.lib.stride_tricks.as_strided(items, shape, (image, terms.slice_stride, row, column, channel))


def _in_order(params: Any, array: NDArray[Any]) -> NDArray[Any]:
    """View an array of the layout of the params with all five axes, as unsigned integers."""
    n, *others = (int(params[f"axis_{axis}"]) for axis in "nhwc")
    slices = next((axis for axis in range(array.ndim) if axis not in (n, *others)), -1)
    axes = n, slices, *others
    view = operand_of_images(array).transpose([axis for axis in axes if axis >= 0])
    return np.expand_dims(view, [place for place, axis in enumerate(axes) if axis < 0])


def bind(_: Any, __: Any, ___: Any, ____: Any, checked: Any) -> Any:
    """Return what paints a batch: the general way is fast enough here."""
    return checked


def bind_part(entry: Any, plan: Any, patterns: Any, *where: Any) -> Any:
    """Return ``paint(start, stop)`` for a checked batch: items, seven numbers, words, and indices."""
    return functools.partial(entry, plan, patterns, *where)


def bind_part_with_terms(entry: Any, plan: Any, patterns: Any, terms: Terms, *where: Any) -> Any:
    """Return ``paint(start, stop)`` as `bind_part`, for images with terms."""
    return functools.partial(entry, plan, patterns, *where, terms=terms)


def call_with_terms(entry: Any, terms: Terms, *arguments: Any) -> None:
    """Call the entry `count_rectangles` or `draw_rectangles`."""
    entry(*arguments, terms)


def bind_array_with_terms(*_: Any) -> Any:
    """Return what paints an array with terms the short way, which there is none of here."""
    return lambda *_: False


def bind_array(_: Any, __: Any, ___: Any, otherwise: Any) -> Any:
    """Return what paints an array: as in `bind`."""
    return otherwise


def philox(counter: tuple[Any, Any, Any, Any], seed_low: int, seed_high: int) -> tuple[Words, Words, Words, Words]:
    """Four arrays of random words: Philox4x32-10 of a counter of scalars and arrays, and a key."""
    c0, c1, c2, c3 = (np.asarray(word, np.uint64) for word in counter)
    (multiplier_0, multiplier_1), (weyl_0, weyl_1) = map(np.uint64, contract.PHILOX_MULTIPLIERS), contract.PHILOX_WEYL
    k0, k1 = seed_low, seed_high
    for _ in range(contract.PHILOX_ROUNDS):
        high_0, high_1 = multiplier_0 * c0, multiplier_1 * c2
        c0, c1 = (high_1 >> _SHIFT_32) ^ c1 ^ np.uint64(k0), high_1 & _MASK_32
        c2, c3 = (high_0 >> _SHIFT_32) ^ c3 ^ np.uint64(k1), high_0 & _MASK_32
        k0, k1 = (k0 + weyl_0) & contract.WORD_MASK, (k1 + weyl_1) & contract.WORD_MASK
    return c0, c1, c2, c3


def _bounded(words: Words, n: Any) -> NDArray[np.int64]:
    """One of n equally likely outcomes 0…n - 1, by multiply-shift."""
    return ((words * np.asarray(n, np.uint64)) >> _SHIFT_32).astype(np.int64)


def _high(words: Words, by: Any) -> Words:
    """Upper words of products."""
    return (words * np.asarray(by, np.uint64)) >> _SHIFT_32


def _rows(numbers: Words, row_bits: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Words]:
    """Octave of whole numbers from 1 to 2**31 - 1, their row in it, and how far into the row they lie."""
    bits = numbers.astype(np.float64).view(np.int64)
    shift = 52 - row_bits
    x = ((bits >> (shift - 32)) & contract.WORD_MASK).astype(np.uint64)
    return (bits >> 52) - 1023, (bits >> shift) & ((1 << row_bits) - 1), x


def _curve(rows: NDArray[np.int64]) -> tuple[Words, Words, Words]:
    table = curves()[rows].astype(np.uint64)
    return table[..., 0], table[..., 1], table[..., 2]


def _draw_normal(words: Words, mean: Any, std: Any, shift: Any, side: int) -> NDArray[np.int64]:
    """Places on a side of normal draws."""
    below = words < contract.HALF_WORD
    tail = np.maximum(np.where(below, words, _MASK_32 - words), np.uint64(1))
    octave, row, x = _rows(tail, contract.QUANTILE_ROW_BITS)
    f, s, c = _curve(QUANTILE_ROW + (octave << contract.QUANTILE_ROW_BITS) + row)
    z = f - _high(x, s - _high(x, c))
    distance = np.minimum(_high(z, std).astype(np.int64) << shift, contract.HALF_WORD)
    places = np.where(below, mean - distance, mean + distance).clip(0, contract.HALF_WORD)
    return _high(places.astype(np.uint64), 2 * side).astype(np.int64)


def _log(numbers: Words) -> NDArray[np.int64]:
    """Half the binary logarithms of whole numbers from 1 to 2**31 - 1."""
    octave, row, x = _rows(numbers, contract.LOG_ROW_BITS)
    f, s, c = _curve(LOG_ROW + row)
    fraction = (f + _high(x, s - _high(x, c))).astype(np.int64)
    return (octave << (contract.LOG_BITS - 1)) + (fraction >> (33 - contract.LOG_BITS))


def _power(exponents: NDArray[np.int64]) -> Words:
    """Two to the power of logarithms, in units of 2**-31."""
    shift = contract.LOG_BITS - contract.POWER_ROW_BITS
    f, s, c = _curve(POWER_ROW + ((exponents >> shift) & ((1 << contract.POWER_ROW_BITS) - 1)))
    x = ((exponents << (32 - shift)) & contract.WORD_MASK).astype(np.uint64)
    mantissa = f + _high(x, s + _high(x, c))
    return mantissa >> (contract.POWER_BIAS - (exponents >> contract.LOG_BITS)).clip(0, 31).astype(np.uint64)


# What has the power 1, and the half logarithm of 2**31.
_LOG_ONE, _LOG_HALF_WORD = contract.POWER_BIAS << contract.LOG_BITS, contract.FRACTION_BITS << (contract.LOG_BITS - 1)


def _fading(distances: NDArray[np.int64]) -> Words:
    """Two to the power of -2 times distances, which are half logarithms, in units of 2**-31."""
    return _power(_LOG_ONE - 2 * np.minimum(distances, _LOG_ONE // 2))


def _in_pixels(fractions: Any, side: int) -> NDArray[np.int64]:
    """Pixels of fractions of a side, halves up."""
    return ((_high(np.asarray(fractions, np.uint64), 4 * side) + np.uint64(1)) >> np.uint64(1)).astype(np.int64)


def _size_blocks(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """First blocks for sizes of rectangles with numbers."""
    return contract.SIZE_BLOCK + contract.SIZE_BLOCKS_PER_RECTANGLE * numbers


def _first_that_fits(fits: NDArray[np.bool_], tall: NDArray[np.int64], wide: NDArray[np.int64]) -> _Sizes:
    """Sizes of the first try of each row that fits, or 0."""
    chosen = np.arange(len(fits)), fits.argmax(axis=-1)
    return np.where(fits[chosen], tall[chosen], 0), np.where(fits[chosen], wide[chosen], 0)


def _row(rows: Mapping[str, Any], params: Any, otherwise: Any = None) -> Any:
    """Return the row of a table whose name is set in the params."""
    return next((row for name, row in rows.items() if params[name]), otherwise)


_NO_BOXES, _NO_NUMBERS, _NO_WORDS = np.zeros((0, 4), np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint64)
_NO_TERMS = Terms(np.zeros((0, 1, 1), np.uint8), _NO_BOXES, _NO_NUMBERS, _NO_NUMBERS)

# Boxes (count, 4), their numbers (count,) and their fill words (count,).
_Drawn = tuple[NDArray[np.int64], NDArray[np.int64], Words]
_NONE: _Drawn = _NO_BOXES, _NO_NUMBERS, _NO_WORDS
_Sizes = tuple[NDArray[np.int64], NDArray[np.int64]]


class _Draws:
    """What is drawn for image i of a batch."""

    def __init__(self, record: Any, words: Sequence[Any], i: int, terms: Terms = _NO_TERMS) -> None:
        seed_low, seed_high, epoch, first, indices = words
        index = first + i if indices is FOLLOWING else int(indices[i])
        self.params, self.key = record[0], (seed_low, seed_high)
        self.rest = (index & contract.WORD_MASK, index >> 32, epoch)
        self.guide = terms.guides[i] if len(terms.guides) else None
        ends = slice(*terms.offsets[i : i + 2]) if len(terms.offsets) else slice(0, 0)
        self.objects, self.limits, self.depth = terms.objects[ends], terms.limits[ends], terms.depth

    def words(self, blocks: Any) -> tuple[Words, Words, Words, Words]:
        return philox((blocks, *self.rest), *self.key)

    def boxes(self, height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Boxes (count, 6), their levels (count,) and their numbers (count,)."""
        params = self.params
        boxes, numbers, fill = _row(_KINDS, params, _Draws.rectangles)(self, height, width)
        if params["limited"]:
            self._keep_objects(boxes)
        if params["keep"] and not params["grid"] and len(boxes):
            boxes = around(boxes, height, width)
            numbers, fill = np.ones(len(boxes), np.int64), np.repeat(fill[:1], len(boxes))
        return np.hstack([boxes, self._slices(numbers)]), _bounded(fill, params["n_levels"]), numbers

    def _count(self, block: int) -> int | None:
        """Return how many rectangles are drawn, or cells hidden; None if there is no dust."""
        count, dusted, _, _ = self.words(block)
        if dusted >= self.params["p_threshold"] or (self.guide is not None and not self.guide.any()):
            return None
        return int(self.params["count_low"] + _bounded(count, self.params["n_counts"]))

    def _slices(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """First slices of rectangles, and the ones after their last, (count, 2)."""
        params, depth = self.params, self.depth
        if not params["has_depth"]:
            return np.tile([0, depth], (len(numbers), 1))
        place, deep, _, _ = self.words(_size_blocks(numbers) + contract.DEPTH_BLOCK)
        slices = params["depth_low"] + _bounded(deep, params["n_depths"])
        if params["depth_in_fractions"]:
            slices = _in_pixels(slices, depth)
        if params["inside"]:
            slices = np.minimum(slices, depth)
            first = _bounded(place, depth - slices + 1)
        else:
            first = _bounded(place, depth) - (slices >> 1)
        return np.stack([first, first + slices], axis=1).clip(0, depth)

    def cells(self, height: int, width: int) -> _Drawn:
        """Cells of a grid, of which those that are not hidden cover nothing."""
        params, count = self.params, self._count(contract.HEADER_BLOCK)
        if count is None:
            return _NONE
        if params["n_cell_sides"]:
            step = int(params[f"cell_side_{_bounded(self.words(1)[2], params['n_cell_sides'])}"])
            edges = [np.minimum(np.arange(0, side + step, step or side), side) for side in (height, width)]
        else:
            shape = (params["grid_rows"], height), (params["grid_columns"], width)
            edges = [np.arange(n + 1) * side // n for n, side in shape]
        spans = (np.stack([edge[:-1], edge[1:]], axis=1) for edge in edges)
        boxes = np.minimum(crossed(*spans), np.tile([height, width], 2) - params["spare_last"])
        numbers = np.arange(1, len(boxes) + 1)
        y, _, _, fill = self.words(numbers)
        if params["independent"]:
            hidden = y < params["cell_threshold"]
        else:
            hidden = np.zeros(len(boxes), bool)
            hidden[np.argsort(y, kind="stable")[:count]] = True
        boxes[:, 2] = np.where(hidden ^ bool(params["keep"]), boxes[:, 2], boxes[:, 0])
        return boxes, numbers, fill

    def bands(self, height: int, width: int) -> _Drawn:
        """Squares or lines of a lattice."""
        params = self.params
        if self._count(contract.HEADER_BLOCK) is None:
            return _NONE
        y, x, size, _ = self.words(1)
        period = int(params["period_low"] + _bounded(size, params["n_periods"]))
        hidden = int(params["hidden_share"]) * 2 * period >> 32
        spans, whole = [], []
        for word, side in ((y, height), (x, width)):
            first, limit = np.arange((side + period - 2) // period + 1) * period, side - params["spare_last"]
            spans.append((np.stack([first, first + hidden], axis=1) - _bounded(word, period)).clip(0, limit))
            whole.append(np.array([[0, limit]]))
        lines = (spans[0], whole[1]), (whole[0], spans[1])
        boxes = np.concatenate([crossed(*each) for each in (lines if params["lines"] else (spans,))])
        numbers = np.arange(1, len(boxes) + 1)
        return boxes, numbers, self.words(numbers)[3]

    def rectangles(self, height: int, width: int) -> _Drawn:
        """Rectangles with places and sizes of their own, on the image or on each of its objects."""
        params = self.params
        if not params["per_object"]:
            count = self._count(contract.HEADER_BLOCK) or 0
            return self._placed(np.array([0, 0, height, width]), np.arange(1, count + 1))
        most, parts = params["count_low"] + params["n_counts"] - 1, [_NONE]
        for j, box in enumerate(self.objects):
            if (box[:2] < box[2:]).all():
                count = self._count(contract.OBJECT_BLOCK + j) or 0
                parts.append(self._placed(box, j * most + np.arange(1, count + 1)))
        boxes, numbers, fill = (np.concatenate(each) for each in zip(*parts, strict=True))
        return boxes, numbers, fill

    def _placed(self, part: NDArray[np.int64], numbers: NDArray[np.int64]) -> _Drawn:
        """Rectangles with numbers in a part of the image."""
        params, (height, width) = self.params, (part[2:] - part[:2]).tolist()
        y, x, size, fill = self.words(numbers)
        tall, wide = _row(_SIZES, params)(self, height, width, size, numbers)
        rows, columns = height - params["spare_last"], width - params["spare_last"]
        if params["inside"]:
            tall, wide = np.minimum(tall, rows), np.minimum(wide, columns)
            top, left = _bounded(y, rows - tall + 1), _bounded(x, columns - wide + 1)
        else:
            if params["normal"]:
                top = _draw_normal(y, params["y_mean"], params["y_std"], params["y_shift"], height)
                left = _draw_normal(x, params["x_mean"], params["x_std"], params["x_shift"], width)
            elif self.guide is not None:
                top, left = self._guided(height, width, y, x)
            else:
                top, left = _bounded(y, height), _bounded(x, width)
            top, left = top - (tall >> 1), left - (wide >> 1)
        boxes = np.stack([top, left, top + tall, left + wide], axis=1).clip(0, [rows, columns, rows, columns])
        return boxes + np.tile(part[:2], 2), numbers, fill

    def _keep_objects(self, boxes: NDArray[np.int64]) -> None:
        """Empty the rectangles that would hide more of an object than it may lose."""
        objects, limits = self.objects, self.limits
        hidden = np.zeros(len(objects), np.int64)
        for box in boxes:
            sides = np.minimum(box[2:], objects[:, 2:]) - np.maximum(box[:2], objects[:, :2])
            lost = sides.clip(0).prod(axis=1)
            if (hidden + lost > limits).any():
                box[2] = box[0]
            else:
                hidden += lost

    def _guided(self, height: int, width: int, y: Words, x: Words) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Centres in the cells of the guide, by its weights."""
        guide: NDArray[np.uint8] = self.guide  # type: ignore[assignment]
        sums = guide.ravel().cumsum(dtype=np.int64)
        cell = np.searchsorted(sums, _bounded(y, sums[-1]), side="right")
        (row, column), halves, half = np.divmod(cell, guide.shape[1]), x.astype(np.int64), 16
        top = (row * height + ((halves >> half) * height >> half)) // guide.shape[0]
        return top, (column * width + ((halves & 0xFFFF) * width >> half)) // guide.shape[1]

    def pixels(self, _: int, __: int, size: Words, ___: NDArray[np.int64]) -> _Sizes:
        """Heights and widths of rectangles whose sizes are pixels."""
        params = self.params
        product = size * np.uint64(params["n_heights"])
        tall = params["size_unit"] * (params["height_low"] + (product >> _SHIFT_32).astype(np.int64))
        wide = params["size_unit"] * (params["width_low"] + _bounded(product & _MASK_32, params["n_widths"]))
        return tall, tall if params["square"] else wide

    def fractions(self, height: int, width: int, _: Words, numbers: NDArray[np.int64]) -> _Sizes:
        """Heights and widths of rectangles whose sizes are fractions."""
        params, (first, second, _, _) = self.params, self.words(_size_blocks(numbers))
        tall = params["height_low"] + _bounded(first, params["n_heights"])
        wide = params["width_low"] + _bounded(second, params["n_widths"])
        if not params["halving"]:
            return _in_pixels(tall, height), _in_pixels(wide, width)
        halvings = np.frexp(numbers)[1] - 1
        tall, wide = _in_pixels(tall >> halvings, height), _in_pixels(wide >> halvings, width)
        return np.maximum(tall, 1), np.maximum(wide, 1)

    def areas(self, height: int, width: int, _: Words, numbers: NDArray[np.int64]) -> _Sizes:
        """Heights and widths of rectangles whose sizes are areas and aspects."""
        params, (areas, aspects) = self.params, self._tries(numbers)
        longer, shorter = max(height, width), min(height, width)
        shape = _log(np.array((longer << contract.SHAPE_BITS) // shorter, np.uint64))
        shape = shape - (contract.SHAPE_BITS << (contract.LOG_BITS - 1))
        area = _log(np.maximum(params["area_low"] + _bounded(areas, params["n_areas"]), 1).astype(np.uint64))
        area += params["area_base"]
        aspect = params["aspect_low"] + _bounded(aspects, params["n_aspects"]) + (shape if width > height else -shape)
        tall, wide = _in_pixels(_power(area + aspect), height), _in_pixels(_power(area - aspect), width)
        return _first_that_fits((tall < height) & (wide < width), tall, wide)

    def shares(self, height: int, width: int, _: Words, numbers: NDArray[np.int64]) -> _Sizes:
        """Heights and widths of rectangles whose sizes are shares with a beta distribution."""
        params, tries = self.params, self._tries(numbers)
        first, second = (_LOG_HALF_WORD - _log(np.maximum(words >> np.uint64(1), 1)) for words in tries)
        share, fits = -first, np.ones(first.shape, bool)
        if params["beta_scale"]:
            scale, shift = params["beta_scale"], params["beta_shift"]
            first, second = (_high(part.astype(np.uint64), scale).astype(np.int64) << shift for part in (first, second))
            fits = _fading(first) + _fading(second) <= contract.HALF_WORD
            least = np.minimum(first, second)
            x, y = (_fading(part - least) >> np.uint64(1) for part in (first, second))
            share = _log(np.maximum(y, 1)) - _log(np.minimum(x + y, contract.HALF_WORD - 1))
        fraction = _power(_LOG_ONE + share)
        return _first_that_fits(fits, _in_pixels(fraction, height), _in_pixels(fraction, width))

    def _tries(self, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
        """First and second words of all tries for sizes, (2, count, tries): each block has two."""
        words = np.stack(self.words(_size_blocks(numbers)[:, None] + np.arange(contract.AREA_TRIES // 2)), axis=-1)
        return np.moveaxis(words.reshape(len(numbers), contract.AREA_TRIES, 2), -1, 0)

    def color(self, rectangle: int, channels: int) -> NDArray[np.int64]:
        words = self.words(
            contract.COLOR_BLOCK + rectangle * contract.COLOR_BLOCKS_PER_RECTANGLE + np.arange((channels + 3) // 4)
        )
        return _bounded(np.stack(words, axis=1).ravel()[:channels], self.params["n_levels"])

    def noise(self, shape: tuple[int, ...], where: tuple[slice, slice, slice]) -> NDArray[np.int64]:
        """Levels of all values of a part of an image of a shape, (slices, height, width, channels)."""
        value = np.ravel_multi_index(np.ix_(*(range(part.start, part.stop) for part in where), range(shape[-1])), shape)
        n_levels = int(self.params["n_levels"])
        # Parts of a word, and of a block, as powers of two.
        in_word = 2 if n_levels == 256 else 1
        words = np.stack(self.words(contract.NOISE_BLOCK + (value >> (2 + in_word))))
        word = np.take_along_axis(words, ((value >> in_word) & 3)[None], axis=0)[0]
        bits = 32 >> in_word
        part = (word >> ((value & ((1 << in_word) - 1)) * bits).astype(np.uint64)) & np.uint64((1 << bits) - 1)
        levels: NDArray[np.int64] = ((part * np.uint64(n_levels)) >> np.uint64(bits)).astype(np.int64)
        return levels


# One row for each kind but rectangles, and for each way to say the size of these: the field of the params that tells.
_KINDS: dict[str, Callable[..., _Drawn]] = {"grid": _Draws.cells, "lattice": _Draws.bands}
_SIZES: dict[str, Callable[..., _Sizes]] = {
    "size_unit": _Draws.pixels,
    "in_fractions": _Draws.fractions,
    "from_area": _Draws.areas,
    "from_beta": _Draws.shares,
}


def _part(box: Any) -> tuple[slice, slice, slice]:
    """Return where a box lies in a volume."""
    top, left, bottom, right, first, last = (int(edge) for edge in box)
    return slice(first, last), slice(top, bottom), slice(left, right)


def dust_batch(
    plan: Any,
    patterns: NDArray[np.uint64],
    items: NDArray[Any],
    *batch_words_start_stop: Any,
    terms: Terms = _NO_TERMS,
) -> int:
    """Draw and paint the images `start` to `stop` of a batch."""
    batch, words, (start, stop) = (
        batch_words_start_stop[:7],
        batch_words_start_stop[7:-2],
        batch_words_start_stop[-2:],
    )
    params, (_, height, width) = plan[0], batch[:3]
    images, values = _located(params, items, terms, *batch), patterns.astype(items.dtype)
    donors = None if terms.donors is None else _in_order(params, terms.donors)
    steps = np.arange(images.shape[-1]) * params["pattern_step"]
    for i in range(start, stop) if images.size else ():
        draws = _Draws(plan, words, i, terms)
        for box, level, number in zip(*draws.boxes(height, width), strict=True):
            where = _part(box)
            if donors is not None:
                images[i][where] = donors[i][where]
            elif params["per_value"]:
                images[i][where] = values[draws.noise(images.shape[1:], where), steps]
            elif params["per_channel"]:
                images[i][where] = values[draws.color(number, images.shape[-1]), steps]
            else:
                images[i][where] = values[i if params["per_image"] else level]
    return 0


dust_batch_in_detail = dust_any_batch = dust_batch


def count_rectangles(plan: Any, height: int, width: int, *words_n_counts_terms: Any) -> None:
    """Set counts[i] to the number of rectangles of image i."""
    *words, n, counts, terms = words_n_counts_terms
    for i in range(n):
        counts[i] = len(_Draws(plan, words, i, terms).boxes(height, width)[0])


def draw_rectangles(plan: Any, height: int, width: int, *words_n_boxes_levels_terms: Any) -> None:
    """Set boxes (r, 4), or (r, 6) with slices, and their levels (r, channels or 1), image after image."""
    *words, n, boxes, levels, terms = words_n_boxes_levels_terms
    row = 0
    for i in range(n):
        draws = _Draws(plan, words, i, terms)
        drawn, drawn_levels, numbers = draws.boxes(height, width)
        rows = slice(row, row + len(drawn))
        boxes[rows], levels[rows] = drawn[:, : boxes.shape[1]], drawn_levels[:, None]
        if plan[0]["per_channel"]:
            for each, number in enumerate(numbers.tolist()):
                levels[row + each] = draws.color(number, levels.shape[1])
        row += len(drawn)


def paint_boxes(plan: Any, patterns: NDArray[np.uint64], images: NDArray[Any], _: int, *n_boxes_words: Any) -> None:
    """Paint boxes, (4, r), on the images positions[r], with the pattern r or with the noise of the image."""
    _, boxes, positions, *words = n_boxes_words
    items = _in_order(plan[0], images)
    values, steps = patterns.astype(items.dtype), np.arange(items.shape[-1]) * plan[0]["pattern_step"]
    for r, (box, position) in enumerate(zip(boxes.T, positions, strict=True)):
        image, where = items[position], _part([*box, 0, 1])
        if plan[0]["per_value"]:
            image[where] = values[_Draws(plan, words, position).noise(image.shape, where), steps]
        else:
            image[where] = values[r]


# Means are summed by NumPy.
SUMMED: dict[str, int] = {}
