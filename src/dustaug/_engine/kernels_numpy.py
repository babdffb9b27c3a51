"""The entries of ``kernels`` in NumPy, pixel for pixel, for when Numba's compiler is switched off.

What they must do stands in ``contract``. Here a batch is not an address but a view, NHWC, of unsigned integers, and the
indices of its images are an array, or 0 if they follow one another.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import contract
from .coordinates import FOLLOWING
from .guide import Terms
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


def _as_nhwc(params: Any, items: NDArray[Any], n: int, height: int, width: int, *strides: int) -> NDArray[Any]:
    """View items with all four axes."""
    image, row, column, channel = (stride * int(params["stride_bytes"]) for stride in strides)
    shape = n, height, width, int(params["channels"])
    return np.lib.stride_tricks.as_strided(items, shape, (image, row, column, channel))


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


def _in_pixels(fractions: Any, side: int) -> NDArray[np.int64]:
    """Pixels of fractions of a side, halves up."""
    return ((_high(np.asarray(fractions, np.uint64), 4 * side) + np.uint64(1)) >> np.uint64(1)).astype(np.int64)


class _Draws:
    """What is drawn for image i of a batch."""

    def __init__(self, record: Any, words: Sequence[Any], i: int, terms: Terms | None = None) -> None:
        seed_low, seed_high, epoch, first, indices = words
        index = first + i if indices is FOLLOWING else int(indices[i])
        self.params, self.key = record[0], (seed_low, seed_high)
        self.rest = (index & contract.WORD_MASK, index >> 32, epoch)
        self.guide = terms.guides[i] if terms is not None and len(terms.guides) else None
        ends = slice(0, 0) if terms is None or not len(terms.offsets) else slice(*terms.offsets[i : i + 2])
        self.objects = None if terms is None else (terms.objects[ends], terms.limits[ends])

    def words(self, blocks: Any) -> tuple[Words, Words, Words, Words]:
        return philox((blocks, *self.rest), *self.key)

    def parts(self, height: int, width: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Return what is drawn on, which is the image or each of its objects: a box, and numbers of rectangles."""
        params = self.params
        if not params["per_object"]:
            return [(np.array([0, 0, height, width]), np.arange(1, self._count(contract.HEADER_BLOCK) + 1))]
        most, parts = params["count_low"] + params["n_counts"] - 1, []
        for j, box in enumerate(self.objects[0]):  # type: ignore[index]
            count = self._count(contract.OBJECT_BLOCK + j) if (box[:2] < box[2:]).all() else 0
            parts.append((box, j * most + np.arange(1, count + 1)))
        return parts

    def _count(self, block: int) -> int:
        count, dusted, _, _ = self.words(block)
        if dusted >= self.params["p_threshold"] or (self.guide is not None and not self.guide.any()):
            return 0
        return int(self.params["count_low"] + _bounded(count, self.params["n_counts"]))

    def boxes(self, height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Boxes (count, 4), their levels (count,) and their numbers (count,)."""
        parts = [(*self._boxes_on(box, numbers), numbers) for box, numbers in self.parts(height, width)]
        none = np.zeros((0, 4), np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
        boxes, levels, numbers = (np.concatenate(each) for each in zip(none, *parts, strict=True))
        if self.params["limited"]:
            self._keep_objects(boxes)
        return boxes, levels, numbers

    def _boxes_on(
        self, part: NDArray[np.int64], numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Boxes (count, 4) of rectangles with numbers in a part of the image, and their levels (count,)."""
        params, (height, width) = self.params, (part[2:] - part[:2]).tolist()
        y, x, size, fill = self.words(numbers)
        tall, wide = self._sizes(height, width, size, numbers)
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
        return boxes + np.tile(part[:2], 2), _bounded(fill, params["n_levels"])

    def _keep_objects(self, boxes: NDArray[np.int64]) -> None:
        """Empty the rectangles that would hide more of an object than it may lose."""
        objects, limits = self.objects  # type: ignore[misc]
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

    def _sizes(
        self, height: int, width: int, size: Words, numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Heights and widths of rectangles, from their size words or from blocks of their own."""
        params = self.params
        if params["size_unit"]:
            product = size * np.uint64(params["n_heights"])
            tall = params["size_unit"] * (params["height_low"] + (product >> _SHIFT_32).astype(np.int64))
            wide = params["size_unit"] * (params["width_low"] + _bounded(product & _MASK_32, params["n_widths"]))
            return tall, tall if params["square"] else wide
        blocks = contract.SIZE_BLOCK + contract.SIZE_BLOCKS_PER_RECTANGLE * numbers
        if params["in_fractions"]:
            first, second, _, _ = self.words(blocks)
            return (
                _in_pixels(params["height_low"] + _bounded(first, params["n_heights"]), height),
                _in_pixels(params["width_low"] + _bounded(second, params["n_widths"]), width),
            )
        if not len(numbers):  # An object may have no pixels, and so no shape.
            return numbers, numbers
        longer, shorter = max(height, width), min(height, width)
        shape = _log(np.array((longer << contract.SHAPE_BITS) // shorter, np.uint64))
        shape = shape - (contract.SHAPE_BITS << (contract.LOG_BITS - 1))
        # Tries along the last axis, two of each block.
        tries = np.stack(self.words(blocks[:, None] + np.arange(contract.AREA_TRIES // 2)), axis=-1)
        areas, aspects = np.moveaxis(tries.reshape(len(size), contract.AREA_TRIES, 2), -1, 0)
        area = _log(np.maximum(params["area_low"] + _bounded(areas, params["n_areas"]), 1).astype(np.uint64))
        area += params["area_base"]
        aspect = params["aspect_low"] + _bounded(aspects, params["n_aspects"]) + (shape if width > height else -shape)
        tall, wide = _in_pixels(_power(area + aspect), height), _in_pixels(_power(area - aspect), width)
        fits = (tall < height) & (wide < width)
        chosen = np.arange(len(size)), fits.argmax(axis=-1)
        return np.where(fits[chosen], tall[chosen], 0), np.where(fits[chosen], wide[chosen], 0)

    def color(self, rectangle: int, channels: int) -> NDArray[np.int64]:
        words = self.words(
            contract.COLOR_BLOCK + rectangle * contract.COLOR_BLOCKS_PER_RECTANGLE + np.arange((channels + 3) // 4)
        )
        return _bounded(np.stack(words, axis=1).ravel()[:channels], self.params["n_levels"])

    def noise(self, image: NDArray[Any], box: Any) -> NDArray[np.int64]:
        """Levels of all values of a box, (height, width, channels)."""
        top, left, bottom, right = (int(edge) for edge in box)
        _, width, channels = image.shape
        rows, columns, each = np.ix_(range(top, bottom), range(left, right), range(channels))
        value, n_levels = (rows * width + columns) * channels + each, int(self.params["n_levels"])
        # Parts of a word, and of a block, as powers of two.
        in_word = 2 if n_levels == 256 else 1
        words = np.stack(self.words(contract.NOISE_BLOCK + (value >> (2 + in_word))))
        word = np.take_along_axis(words, ((value >> in_word) & 3)[None], axis=0)[0]
        bits = 32 >> in_word
        part = (word >> ((value & ((1 << in_word) - 1)) * bits).astype(np.uint64)) & np.uint64((1 << bits) - 1)
        levels: NDArray[np.int64] = ((part * np.uint64(n_levels)) >> np.uint64(bits)).astype(np.int64)
        return levels

    def paint_noise(self, image: NDArray[Any], box: Any, patterns: NDArray[Any]) -> None:
        top, left, bottom, right = (int(edge) for edge in box)
        columns = np.arange(image.shape[-1]) * self.params["pattern_step"]
        image[top:bottom, left:right] = patterns[self.noise(image, box), columns]


def dust_batch(
    plan: Any,
    patterns: NDArray[np.uint64],
    items: NDArray[Any],
    *batch_words_start_stop: Any,
    terms: Terms | None = None,
) -> int:
    """Draw and paint the images `start` to `stop` of a batch."""
    batch, words, (start, stop) = (
        batch_words_start_stop[:7],
        batch_words_start_stop[7:-2],
        batch_words_start_stop[-2:],
    )
    params, (_, height, width) = plan[0], batch[:3]
    images, values = _as_nhwc(params, items, *batch), patterns.astype(items.dtype)
    for i in range(start, stop) if images.size else ():
        draws = _Draws(plan, words, i, terms)
        for box, level, number in zip(*draws.boxes(height, width), strict=True):
            top, left, bottom, right = box
            if params["per_value"]:
                draws.paint_noise(images[i], box, values)
            elif params["per_channel"]:
                channels = np.arange(images.shape[-1])
                colors = draws.color(number, images.shape[-1])
                images[i, top:bottom, left:right] = values[colors, channels * params["pattern_step"]]
            else:
                images[i, top:bottom, left:right] = values[i if params["per_image"] else level]
    return 0


dust_batch_in_detail = dust_any_batch = dust_batch


def count_rectangles(plan: Any, height: int, width: int, *words_n_counts_terms: Any) -> None:
    """Set counts[i] to the number of rectangles of image i."""
    *words, n, counts, terms = words_n_counts_terms
    for i in range(n):
        counts[i] = sum(len(numbers) for _, numbers in _Draws(plan, words, i, terms).parts(height, width))


def draw_rectangles(plan: Any, height: int, width: int, *words_n_boxes_levels_terms: Any) -> None:
    """Set boxes (r, 4) and their levels (r, channels or 1), image after image."""
    *words, n, boxes, levels, terms = words_n_boxes_levels_terms
    row = 0
    for i in range(n):
        draws = _Draws(plan, words, i, terms)
        drawn, drawn_levels, numbers = draws.boxes(height, width)
        rows = slice(row, row + len(drawn))
        boxes[rows], levels[rows] = drawn, drawn_levels[:, None]
        if plan[0]["per_channel"]:
            for each, number in enumerate(numbers.tolist()):
                levels[row + each] = draws.color(number, levels.shape[1])
        row += len(drawn)


def paint_boxes(plan: Any, patterns: NDArray[np.uint64], images: NDArray[Any], _: int, *n_boxes_words: Any) -> None:
    """Paint boxes, (4, r), on the images positions[r], with the pattern r or with the noise of the image."""
    _, boxes, positions, *words = n_boxes_words
    items = operand_of_images(images)
    values = patterns.astype(items.dtype)
    axes = [int(plan[0][f"axis_{axis}"]) for axis in "nhwc"]
    nhwc = items.transpose([axis for axis in axes if axis >= 0])
    nhwc = np.expand_dims(nhwc, [place for place, axis in enumerate(axes) if axis < 0])
    for r, (box, position) in enumerate(zip(boxes.T, positions, strict=True)):
        top, left, bottom, right = box
        if plan[0]["per_value"]:
            _Draws(plan, words, position).paint_noise(nhwc[position], box, values)
        else:
            nhwc[position, top:bottom, left:right] = values[r]


# Means are summed by NumPy.
SUMMED: dict[str, int] = {}
