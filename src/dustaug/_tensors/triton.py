"""The kernel on a GPU, in Triton: it does what ``_engine.contract`` says, in one launch a batch.

How it is painted
-----------------
A program belongs to one rectangle of one image. It draws that rectangle and all later ones, and writes those pixels of
its own that no later rectangle covers. So each pixel has one writer, the last rectangle that reaches it: painter's
order holds by construction, whichever program runs first. No pixel is read, and what no rectangle covers is not
touched: the work grows with the dust, not with the image.

Which later rectangles cover a pixel is asked for 32 of them at a time: for each row and each column, a set of those
that reach over it, as bits of a word. A pixel lies under those that are in both sets.

Only integers are computed. Values are bit patterns of 1, 2, 4 or 8 bytes, so that one kernel serves all dtypes.
"""

# Triton's own types do not know what its compiler makes of a function.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc"

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from dustaug._engine import contract
from dustaug._engine.coordinates import Coordinates
from dustaug._engine.plan import PARAMS_DTYPE
from dustaug.spec import Spec


def _place(name: str) -> Any:
    return tl.constexpr((PARAMS_DTYPE.names or ()).index(name))


# Where the params stand in their record. It is not named `params` here: Triton 3.8 overwrites an argument of that name.
_P_THRESHOLD, _COUNT_LOW, _N_COUNTS = map(_place, ("p_threshold", "count_low", "n_counts"))
_ROWS, _COLUMNS, _N_LEVELS = map(_place, ("rows", "columns", "n_levels"))
_Y_TABLE, _Y_SHIFT, _X_TABLE, _X_SHIFT = map(_place, ("y_table", "y_shift", "x_table", "x_shift"))
_SIZE_TABLE, _SIZE_SHIFT, _SIZE_UNIT = map(_place, ("size_table", "size_shift", "size_unit"))
_HEIGHT_LOW, _N_HEIGHTS, _WIDTH_LOW, _N_WIDTHS = map(_place, ("height_low", "n_heights", "width_low", "n_widths"))
_WIDTH, _CHANNELS = map(_place, ("width", "channels"))
_PATTERN_COLUMNS, _PATTERN_STEP = map(_place, ("pattern_columns", "pattern_step"))
_IMAGE_STRIDE, _CHANNEL_STRIDE = map(_place, ("image_stride", "channel_stride"))
_ROW_STRIDE, _COLUMN_STRIDE = map(_place, ("row_stride", "column_stride"))

_COLOR_BLOCK, _COLOR_BLOCKS = tl.constexpr(contract.COLOR_BLOCK), tl.constexpr(contract.COLOR_BLOCKS_PER_RECTANGLE)
_NOISE_BLOCK, _HEADER_BLOCK = tl.constexpr(contract.NOISE_BLOCK), tl.constexpr(contract.HEADER_BLOCK)
_BITS = tl.constexpr(32)

# Rows, columns and warps of a program's tile. Rectangles as small as dust are one tile, which one warp paints; larger
# ones take many tiles.
_SMALL_TILE, _LARGE_TILE = (16, 16, 1), (32, 64, 4)
# Programs for the tiles of one rectangle. If it has more, each program paints several.
_MAX_TILES = 1024


@triton.jit
def _draw_alias(table, shift, word):
    """Outcome of an alias table."""
    bucket = table + (word >> shift) * 4
    return tl.where(word < tl.load(bucket), tl.load(bucket + 1), tl.load(bucket + 2)).to(tl.int32)


@triton.jit
def _param(record, PLACE: tl.constexpr):
    """One of the params, of those that fit into 32 bits."""
    return tl.load(record + PLACE).to(tl.int32)


@triton.jit
def _bounded(word, n):
    """One of n equally likely outcomes 0…n - 1, by multiply-shift."""
    return tl.umulhi(word, n.to(tl.uint32)).to(tl.int32)


@triton.jit
def _clip(value, high):
    return tl.minimum(tl.maximum(value, 0), high)


@triton.jit
def _draw_count(record, seed, low, high, epoch):
    """Number of rectangles of an image."""
    count, dusted, _, _ = tl.philox(seed, _HEADER_BLOCK, low, high, epoch)
    n = _param(record, _COUNT_LOW) + _bounded(count, _param(record, _N_COUNTS))
    return tl.where(dusted.to(tl.int64) < tl.load(record + _P_THRESHOLD), n, 0)


@triton.jit
def _draw_boxes(
    record, tables, rectangles, seed, low, high, epoch, INSIDE: tl.constexpr, SIZE_FROM_TABLE: tl.constexpr
):
    """Clipped edges of one rectangle or of a block of them, which count from 1, and their levels."""
    y, x, size, fill = tl.philox(seed, rectangles, low, high, epoch)
    if SIZE_FROM_TABLE:
        sides = _draw_alias(tables + _param(record, _SIZE_TABLE), _param(record, _SIZE_SHIFT).to(tl.uint32), size)
        height, width = (sides >> 16) & 0xFFFF, sides & 0xFFFF
    else:
        product, unit = size.to(tl.uint64) * tl.load(record + _N_HEIGHTS).to(tl.uint64), _param(record, _SIZE_UNIT)
        # The width takes what the product leaves in its low half.
        height = unit * (_param(record, _HEIGHT_LOW) + (product >> 32).to(tl.int32))
        width = unit * (_param(record, _WIDTH_LOW) + _bounded(product.to(tl.uint32), _param(record, _N_WIDTHS)))
    rows, columns = _param(record, _ROWS), _param(record, _COLUMNS)
    if INSIDE:
        height, width = tl.minimum(height, rows), tl.minimum(width, columns)
        top, left = _bounded(y, rows - height + 1), _bounded(x, columns - width + 1)
    else:
        top = _draw_alias(tables + _param(record, _Y_TABLE), _param(record, _Y_SHIFT).to(tl.uint32), y) - (height >> 1)
        left = _draw_alias(tables + _param(record, _X_TABLE), _param(record, _X_SHIFT).to(tl.uint32), x) - (width >> 1)
    level = _bounded(fill, _param(record, _N_LEVELS))
    return _clip(top, rows), _clip(left, columns), _clip(top + height, rows), _clip(left + width, columns), level


@triton.jit
def _cover_bits(places, first, stop, bits):
    """For each row or column, the set of the rectangles that reach over it, as bits."""
    inside = (places[None, :] >= first[:, None]) & (places[None, :] < stop[:, None])
    return tl.sum(tl.where(inside, bits[:, None], 0), axis=0)


@triton.jit
def _word(position, words_0, words_1, words_2, words_3):
    """The word of a block of four that a position takes."""
    lane = position & 3
    return tl.where(lane == 0, words_0, tl.where(lane == 1, words_1, tl.where(lane == 2, words_2, words_3)))


@triton.jit
def _pattern_row(level, image, rectangle, value, channel, n_levels, seed, low, high, epoch, PER: tl.constexpr):
    """Row of the patterns for one channel: of a rectangle, or of each value of a tile."""
    if PER == "channel":
        block = _COLOR_BLOCK + rectangle * _COLOR_BLOCKS + (channel >> 2)
        a, b, c, d = tl.philox(seed, block.to(tl.uint32), low, high, epoch)
        row = _bounded(_word(channel, a, b, c, d), n_levels)
    elif PER == "value":
        block = _NOISE_BLOCK + (value >> 2)
        a, b, c, d = tl.philox(seed, block.to(tl.uint32), low, high, epoch)
        row = _bounded(_word(value, a, b, c, d), n_levels)
    elif PER == "image":
        row = image
    else:
        row = level
    return row


@triton.jit(do_not_specialize=["images", "record", "tables", "patterns", "seed", "epoch", "epochs", "first", "indices"])
def dust_kernel(
    images,
    record,
    tables,
    patterns,
    seed: tl.uint64,
    epoch: tl.uint32,
    epochs,
    first: tl.uint64,
    indices,
    INSIDE: tl.constexpr,
    SIZE_FROM_TABLE: tl.constexpr,
    PER: tl.constexpr,
    TILE_ROWS: tl.constexpr,
    TILE_COLUMNS: tl.constexpr,
):
    """Paint, of one rectangle of one image, the pixels that no later rectangle covers.

    images : the first item, as an integer of its size. record, tables : as in ``_engine.plan``; strides are in items.
    patterns : items, (levels, pattern_columns); a row for each image if PER is "image". PER : as in contract.FILLS.
    The epoch is ``epochs[0]``, or `epoch` if that is None. Image i has the index ``indices[i]``, or ``first + i``.
    Programs: (images, rectangles that there may be, tiles of a rectangle).
    """
    image, rectangle = tl.program_id(0), tl.program_id(1) + 1
    if epochs is not None:
        epoch = tl.load(epochs)
    if indices is None:
        index = first.to(tl.uint64) + image.to(tl.uint64)
    else:
        index = tl.load(indices + image).to(tl.uint64)
    epoch, low, high = epoch.to(tl.uint32), index.to(tl.uint32), (index >> 32).to(tl.uint32)
    n_rectangles = _draw_count(record, seed, low, high, epoch)
    if rectangle > n_rectangles:
        return
    top, left, bottom, right, level = _draw_boxes(
        record, tables, rectangle, seed, low, high, epoch, INSIDE, SIZE_FROM_TABLE
    )
    width, channels, n_levels = _param(record, _WIDTH), _param(record, _CHANNELS), _param(record, _N_LEVELS)
    pattern_columns, pattern_step = _param(record, _PATTERN_COLUMNS), _param(record, _PATTERN_STEP)
    row_stride, column_stride = tl.load(record + _ROW_STRIDE), tl.load(record + _COLUMN_STRIDE)
    channel_stride = tl.load(record + _CHANNEL_STRIDE)
    corner = images + image.to(tl.int64) * tl.load(record + _IMAGE_STRIDE)

    across = tl.cdiv(right - left, TILE_COLUMNS)
    for tile in range(tl.program_id(2), tl.cdiv(bottom - top, TILE_ROWS) * across, tl.num_programs(2)):
        y = top + tile // across * TILE_ROWS + tl.arange(0, TILE_ROWS)
        x = left + tile % across * TILE_COLUMNS + tl.arange(0, TILE_COLUMNS)
        visible = (y < bottom)[:, None] & (x < right)[None, :]
        for start in range(rectangle + 1, n_rectangles + 1, _BITS):
            later = start + tl.arange(0, _BITS)
            later_top, later_left, later_bottom, later_right, _ = _draw_boxes(
                record, tables, later, seed, low, high, epoch, INSIDE, SIZE_FROM_TABLE
            )
            bits = tl.where(later <= n_rectangles, 1 << tl.arange(0, _BITS).to(tl.uint32), 0)
            over_rows = _cover_bits(y, later_top, later_bottom, bits)
            over_columns = _cover_bits(x, later_left, later_right, bits)
            visible &= (over_rows[:, None] & over_columns[None, :]) == 0

        row, column = y.to(tl.int64)[:, None], x.to(tl.int64)[None, :]
        pixels = corner + row * row_stride + column * column_stride
        for channel in range(channels):
            value = (row * width + column) * channels + channel
            pattern_row = _pattern_row(level, image, rectangle, value, channel, n_levels, seed, low, high, epoch, PER)
            pattern = tl.load(patterns + pattern_row * pattern_columns + channel * pattern_step)
            tl.store(pixels + channel * channel_stride, pattern, mask=visible)


def launch(
    items: torch.Tensor,
    record: torch.Tensor,
    tables: torch.Tensor,
    patterns: torch.Tensor,
    *,
    spec: Spec,
    n_images: int,
    max_size: tuple[int, int],
    coordinates: Coordinates,
) -> None:
    """Paint a batch, on the current stream of the device of its tensors.

    Parameters
    ----------
    items : int8, int16, int32 or int64 tensor
        The images as integers of the size of their items. The record says how they lie in memory.
    record, tables, patterns : int64, uint32 and as `items`
        What the kernel reads, on the device of `items`.
    max_size : (int, int)
        Greatest height and width of a rectangle.
    coordinates : Coordinates
        A tensor with the epoch, and one with an index for each image, are read when the kernel runs.
    """
    tile_rows, tile_columns, num_warps = _SMALL_TILE
    if max_size[0] > tile_rows or max_size[1] > tile_columns:
        tile_rows, tile_columns, num_warps = _LARGE_TILE
    tiles = -(-max_size[0] // tile_rows) * -(-max_size[1] // tile_columns)
    grid = (n_images, spec.count_range[1], min(tiles, _MAX_TILES))
    if 0 in grid:
        return
    seed, epoch, index = coordinates
    epochs, indices = (number if isinstance(number, torch.Tensor) else None for number in (epoch, index))
    dust_kernel[grid](
        items,
        record,
        tables,
        patterns,
        seed,
        epoch if epochs is None else 0,
        epochs,
        index if indices is None else 0,
        indices,
        INSIDE=contract.PLACEMENTS[spec.center],
        SIZE_FROM_TABLE=spec.side_range is not None or spec.area_range is not None,
        PER=contract.FILLS[spec.fill].per,
        TILE_ROWS=tile_rows,
        TILE_COLUMNS=tile_columns,
        num_warps=num_warps,
    )
