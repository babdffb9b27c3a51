"""The entries of ``kernels`` in NumPy, pixel for pixel, for when Numba's compiler is switched off.

The contract is at the head of ``kernels``. Here a batch is not an address but a view, NHWC, of unsigned integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_rectangles", "draw_rectangles", "dust_images", "handle", "locate", "paint_boxes"]

TAKES_ADDRESSES = False
NO_INDICES = np.zeros(0, np.int64)

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_COLOR_BLOCK = 1 << 30
_NOISE_BLOCK = 1 << 31

Words = NDArray[np.uint64]


def locate(images: NDArray[Any], record: Any) -> NDArray[Any]:
    """View of a batch as unsigned integers, NHWC, with the strides of the record."""
    plan = record[0]
    shape = (_batch_size(images, plan), plan["height"], plan["width"], plan["channels"])
    strides = tuple(plan[f"{axis}_stride"] for axis in ("image", "row", "column", "channel"))
    items = images.view(f"u{plan['item_bytes']}")
    return np.lib.stride_tricks.as_strided(items, shape, strides)


def handle(array: NDArray[Any]) -> NDArray[Any]:
    """What the entries take for an array."""
    return array


def _batch_size(images: NDArray[Any], plan: Any) -> int:
    return images.size // int(plan["height"] * plan["width"] * plan["channels"])


def philox(counter: tuple[Any, Any, Any, Any], seed_low: int, seed_high: int) -> tuple[Words, Words, Words, Words]:
    """Four arrays of random words: Philox4x32-10 of a counter of scalars and arrays, and a key."""
    c0, c1, c2, c3 = (np.asarray(word, np.uint64) for word in counter)
    k0, k1 = seed_low, seed_high
    for _ in range(10):
        high_0, high_1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1 = (high_1 >> _HALF) ^ c1 ^ np.uint64(k0), high_1 & _LOW
        c2, c3 = (high_0 >> _HALF) ^ c3 ^ np.uint64(k1), high_0 & _LOW
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def _scale(words: Words, n: Any) -> NDArray[np.int64]:
    return ((words * np.asarray(n, np.uint64)) >> _HALF).astype(np.int64)


def _look_up(tables: NDArray[np.uint32], start: int, shift: int, words: Words) -> NDArray[np.int64]:
    bucket = start + (words >> np.uint64(shift)).astype(np.int64) * 4
    return np.where(words < tables[bucket], tables[bucket + 1], tables[bucket + 2]).astype(np.int64)


class _Draws:
    """The random words of one image."""

    def __init__(self, plan: Any, seed_low: int, seed_high: int, epoch: int, index: int) -> None:
        self.plan, self.key = plan, (seed_low, seed_high)
        self.rest = (index & 0xFFFFFFFF, index >> 32, epoch)

    def words(self, blocks: Any) -> tuple[Words, Words, Words, Words]:
        return philox((blocks, *self.rest), *self.key)

    def count(self) -> int:
        count, dusted, _, _ = self.words(0)
        if dusted >= self.plan["dusted_below"]:
            return 0
        return int(self.plan["count_low"] + _scale(count, self.plan["count_n"]))

    def boxes(self, tables: NDArray[np.uint32], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Boxes (count, 4) and the numbers of their fills (count,)."""
        plan = self.plan
        y, x, size, fill = self.words(np.arange(1, count + 1))
        if plan["size_from_table"]:
            sides = _look_up(tables, plan["size_table"], plan["size_shift"], size)
            height, width = sides >> 16, sides & 0xFFFF
        else:
            product = size * np.uint64(plan["height_n"])
            height = plan["size_unit"] * (plan["height_low"] + (product >> _HALF).astype(np.int64))
            width = plan["size_unit"] * (plan["width_low"] + _scale(product & _LOW, plan["width_n"]))
        rows, columns = plan["rows"], plan["columns"]
        if plan["inside"]:
            height, width = np.minimum(height, rows), np.minimum(width, columns)
            top, left = _scale(y, rows - height + 1), _scale(x, columns - width + 1)
        else:
            top = _look_up(tables, plan["y_table"], plan["y_shift"], y) - (height >> 1)
            left = _look_up(tables, plan["x_table"], plan["x_shift"], x) - (width >> 1)
        boxes = np.stack([top, left, top + height, left + width], axis=1)
        return boxes.clip(0, [rows, columns, rows, columns]), _scale(fill, plan["fill_n"])

    def color(self, rectangle: int, channels: int) -> NDArray[np.int64]:
        words = self.words(_COLOR_BLOCK + rectangle * 256 + np.arange((channels + 3) // 4))
        return _scale(np.stack(words, axis=1).ravel()[:channels], self.plan["fill_n"])

    def noise(self, top: int, left: int, bottom: int, right: int) -> NDArray[np.int64]:
        """Numbers of the fills of all values of a box, (height, width, channels)."""
        plan = self.plan
        rows, columns, channels = np.ix_(range(top, bottom), range(left, right), range(plan["channels"]))
        value = (rows * plan["width"] + columns) * plan["channels"] + channels
        words = np.stack(self.words(_NOISE_BLOCK + (value >> 2)))
        return _scale(np.take_along_axis(words, (value & 3)[None], axis=0)[0], plan["fill_n"])

    def paint_noise(self, image: NDArray[Any], box: Any, patterns: NDArray[Any]) -> None:
        top, left, bottom, right = (int(edge) for edge in box)
        fills = self.noise(top, left, bottom, right)
        image[top:bottom, left:right] = patterns[fills, np.arange(self.plan["channels"]) * self.plan["pattern_step"]]


def dust_images(
    record: Any,
    tables: NDArray[np.uint32],
    patterns: NDArray[np.uint64],
    images: NDArray[Any],
    seed_low: int,
    seed_high: int,
    epoch: int,
    first: int,
    indices: NDArray[np.int64],
    start: int,
    stop: int,
) -> None:
    """Draw and paint the images `start` to `stop` of a batch, with any fill but colour and noise."""
    plan = record[0]
    values = patterns.astype(images.dtype)
    for i in range(start, stop):
        draws = _Draws(plan, seed_low, seed_high, epoch, int(indices[i]) if len(indices) else first + i)
        boxes, fills = draws.boxes(tables, draws.count())
        for (top, left, bottom, right), fill in zip(boxes, fills, strict=True):
            images[i, top:bottom, left:right] = values[i if plan["per_image"] else fill]


def count_rectangles(
    record: Any, seed_low: int, seed_high: int, epoch: int, indices: NDArray[np.int64], counts: NDArray[np.int64]
) -> None:
    """Set counts[i] to the number of rectangles of the image with the index ``indices[i]``."""
    for i, index in enumerate(indices.tolist()):
        counts[i] = _Draws(record[0], seed_low, seed_high, epoch, index).count()


def draw_rectangles(
    record: Any,
    tables: NDArray[np.uint32],
    seed_low: int,
    seed_high: int,
    epoch: int,
    indices: NDArray[np.int64],
    counts: NDArray[np.int64],
    boxes: NDArray[np.int32],
    fills: NDArray[np.int32],
) -> None:
    """Set boxes (r, 4) and the numbers of their fills (r, channels or 1), image after image."""
    row = 0
    for index, count in zip(indices.tolist(), counts.tolist(), strict=True):
        draws = _Draws(record[0], seed_low, seed_high, epoch, index)
        boxes[row : row + count], drawn = draws.boxes(tables, count)
        fills[row : row + count] = drawn[:, None]
        if record[0]["color"]:
            for rectangle in range(1, count + 1):
                fills[row + rectangle - 1] = draws.color(rectangle, fills.shape[1])
        row += count


def paint_boxes(
    record: Any,
    patterns: NDArray[np.uint64],
    images: NDArray[Any],
    boxes: NDArray[np.int64],
    positions: NDArray[np.int64],
    seed_low: int,
    seed_high: int,
    epoch: int,
    indices: NDArray[np.int64],
) -> None:
    """Paint boxes[r] on the image positions[r] with the pattern r, or with noise of the image's index."""
    values = patterns.astype(images.dtype)
    for r, (box, position) in enumerate(zip(boxes[:, :4], positions, strict=True)):
        top, left, bottom, right = box
        if record[0]["noise"]:
            draws = _Draws(record[0], seed_low, seed_high, epoch, int(indices[position]))
            draws.paint_noise(images[position], box, values)
        else:
            images[position, top:bottom, left:right] = values[r]
