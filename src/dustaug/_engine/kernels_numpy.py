"""The entries of ``kernels`` in NumPy, pixel for pixel, for when Numba's compiler is switched off.

What they must do stands in ``contract``. Here a batch is not an address but a view, NHWC, of unsigned integers, and the
indices of its images are an array, or 0 if they follow one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import contract
from .coordinates import FOLLOWING

TAKES_ADDRESSES = False

_MASK_32, _SHIFT_32 = np.uint64(contract.WORD_MASK), np.uint64(32)

Words = NDArray[np.uint64]


def operand_of(array: NDArray[Any]) -> NDArray[Any]:
    """What the entries take for an array: the array."""
    return array


def operand_of_images(images: NDArray[Any], params: Any) -> NDArray[Any]:
    """What the entries take for images: a view as unsigned integers, NHWC, with the strides of the params."""
    shape = tuple(params[0][axis] for axis in ("height", "width", "channels"))
    strides = tuple(params[0][f"{axis}_stride"] for axis in ("image", "row", "column", "channel"))
    items = images.view(f"u{params[0]['item_bytes']}")
    return np.lib.stride_tricks.as_strided(items, (images.size // np.prod(shape), *shape), strides)


def bind(_: Any, __: Any, ___: Any, ____: int, checked: Any) -> Any:
    """Return what paints a batch: the general way is fast enough here."""
    return checked


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


def _draw_alias(tables: NDArray[np.uint32], start: int, shift: int, words: Words) -> NDArray[np.int64]:
    """Outcomes of an alias table."""
    bucket = start + (words >> np.uint64(shift)).astype(np.int64) * 4
    return np.where(words < tables[bucket], tables[bucket + 1], tables[bucket + 2]).astype(np.int64)


class _Draws:
    """What is drawn for image i of a batch."""

    def __init__(self, record: Any, words: Sequence[Any], i: int) -> None:
        seed_low, seed_high, epoch, first, indices = words
        index = first + i if indices is FOLLOWING else int(indices[i])
        self.params, self.key = record[0], (seed_low, seed_high)
        self.rest = (index & contract.WORD_MASK, index >> 32, epoch)

    def words(self, blocks: Any) -> tuple[Words, Words, Words, Words]:
        return philox((blocks, *self.rest), *self.key)

    def count(self) -> int:
        count, dusted, _, _ = self.words(contract.HEADER_BLOCK)
        if dusted >= self.params["p_threshold"]:
            return 0
        return int(self.params["count_low"] + _bounded(count, self.params["n_counts"]))

    def boxes(self, tables: NDArray[np.uint32], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Boxes (count, 4) and their levels (count,)."""
        params = self.params
        y, x, size, fill = self.words(np.arange(1, count + 1))
        if params["size_from_table"]:
            sides = _draw_alias(tables, params["size_table"], params["size_shift"], size)
            height, width = sides >> 16, sides & 0xFFFF
        else:
            product = size * np.uint64(params["n_heights"])
            height = params["size_unit"] * (params["height_low"] + (product >> _SHIFT_32).astype(np.int64))
            width = params["size_unit"] * (params["width_low"] + _bounded(product & _MASK_32, params["n_widths"]))
        rows, columns = params["rows"], params["columns"]
        if params["inside"]:
            height, width = np.minimum(height, rows), np.minimum(width, columns)
            top, left = _bounded(y, rows - height + 1), _bounded(x, columns - width + 1)
        else:
            top = _draw_alias(tables, params["y_table"], params["y_shift"], y) - (height >> 1)
            left = _draw_alias(tables, params["x_table"], params["x_shift"], x) - (width >> 1)
        boxes = np.stack([top, left, top + height, left + width], axis=1)
        return boxes.clip(0, [rows, columns, rows, columns]), _bounded(fill, params["n_levels"])

    def color(self, rectangle: int, channels: int) -> NDArray[np.int64]:
        words = self.words(
            contract.COLOR_BLOCK + rectangle * contract.COLOR_BLOCKS_PER_RECTANGLE + np.arange((channels + 3) // 4)
        )
        return _bounded(np.stack(words, axis=1).ravel()[:channels], self.params["n_levels"])

    def noise(self, top: int, left: int, bottom: int, right: int) -> NDArray[np.int64]:
        """Levels of all values of a box, (height, width, channels)."""
        params = self.params
        rows, columns, channels = np.ix_(range(top, bottom), range(left, right), range(params["channels"]))
        value = (rows * params["width"] + columns) * params["channels"] + channels
        words = np.stack(self.words(contract.NOISE_BLOCK + (value >> 2)))
        return _bounded(np.take_along_axis(words, (value & 3)[None], axis=0)[0], params["n_levels"])

    def paint_noise(self, image: NDArray[Any], box: Any, patterns: NDArray[Any]) -> None:
        top, left, bottom, right = (int(edge) for edge in box)
        levels = self.noise(top, left, bottom, right)
        image[top:bottom, left:right] = patterns[
            levels, np.arange(self.params["channels"]) * self.params["pattern_step"]
        ]


def dust_batch(
    params: Any, tables: NDArray[np.uint32], patterns: NDArray[np.uint64], images: NDArray[Any], *words_start_stop: Any
) -> None:
    """Draw and paint the images `start` to `stop` of a batch, with fills whose brightness is per rectangle or image."""
    *words, start, stop = words_start_stop
    values = patterns.astype(images.dtype)
    for i in range(start, stop):
        draws = _Draws(params, words, i)
        boxes, levels = draws.boxes(tables, draws.count())
        for (top, left, bottom, right), level in zip(boxes, levels, strict=True):
            images[i, top:bottom, left:right] = values[i if params[0]["per_image"] else level]


def count_rectangles(params: Any, *words_counts: Any) -> None:
    """Set counts[i] to the number of rectangles of image i."""
    *words, counts = words_counts
    for i in range(len(counts)):
        counts[i] = _Draws(params, words, i).count()


def draw_rectangles(params: Any, tables: NDArray[np.uint32], *words_counts_boxes_levels: Any) -> None:
    """Set boxes (r, 4) and their levels (r, channels or 1), image after image."""
    *words, counts, boxes, levels = words_counts_boxes_levels
    row = 0
    for i, count in enumerate(counts.tolist()):
        draws = _Draws(params, words, i)
        boxes[row : row + count], drawn = draws.boxes(tables, count)
        levels[row : row + count] = drawn[:, None]
        if params[0]["per_channel"]:
            for rectangle in range(1, count + 1):
                levels[row + rectangle - 1] = draws.color(rectangle, levels.shape[1])
        row += count


def paint_boxes(
    params: Any,
    patterns: NDArray[np.uint64],
    images: NDArray[Any],
    boxes: NDArray[np.int64],
    positions: NDArray[np.int64],
    *words: Any,
) -> None:
    """Paint boxes[r] on the image positions[r], with the pattern r or with the noise of the image."""
    values = patterns.astype(images.dtype)
    for r, (box, position) in enumerate(zip(boxes[:, :4], positions, strict=True)):
        top, left, bottom, right = box
        if params[0]["per_value"]:
            _Draws(params, words, position).paint_noise(images[position], box, values)
        else:
            images[position, top:bottom, left:right] = values[r]
