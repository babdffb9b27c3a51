"""The kernel on a GPU, in Triton: the contract and the tables of ``_engine.kernels``, one launch a batch.

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

from dustaug._engine.plan import PLAN_DTYPE
from dustaug.spec import Spec

__all__ = ["dust_kernel", "launch"]


def _place(name: str) -> Any:
    return tl.constexpr((PLAN_DTYPE.names or ()).index(name))


# Where the numbers of a plan stand in its record.
_DUSTED_BELOW, _COUNT_LOW, _COUNT_N = map(_place, ("dusted_below", "count_low", "count_n"))
_ROWS, _COLUMNS, _FILL_N = map(_place, ("rows", "columns", "fill_n"))
_Y_TABLE, _Y_SHIFT, _X_TABLE, _X_SHIFT = map(_place, ("y_table", "y_shift", "x_table", "x_shift"))
_SIZE_TABLE, _SIZE_SHIFT, _SIZE_UNIT = map(_place, ("size_table", "size_shift", "size_unit"))
_HEIGHT_LOW, _HEIGHT_N, _WIDTH_LOW, _WIDTH_N = map(_place, ("height_low", "height_n", "width_low", "width_n"))
_WIDTH, _CHANNELS = map(_place, ("width", "channels"))
_PATTERN_COLUMNS, _PATTERN_STEP = map(_place, ("pattern_columns", "pattern_step"))
_IMAGE_STRIDE, _CHANNEL_STRIDE = map(_place, ("image_stride", "channel_stride"))
_ROW_STRIDE, _COLUMN_STRIDE = map(_place, ("row_stride", "column_stride"))

_COLOR_BLOCK = tl.constexpr(1 << 30)
_NOISE_BLOCK = tl.constexpr(1 << 31)
_BITS = tl.constexpr(32)

# Rows, columns and warps of a program's tile. Rectangles as small as dust are one tile, which one warp paints; larger
# ones take many tiles.
_SMALL_TILE, _LARGE_TILE = (16, 16, 1), (32, 64, 4)
# Programs for the tiles of one rectangle. If it has more, each program paints several.
_MAX_TILES = 1024


@triton.jit
def _look_up(table, shift, word):
    """Outcome of an alias table."""
    bucket = table + (word >> shift) * 4
    return tl.where(word < tl.load(bucket), tl.load(bucket + 1), tl.load(bucket + 2)).to(tl.int32)


@triton.jit
def _number(plan, PLACE: tl.constexpr):
    """One of the plan's numbers, of those that fit into 32 bits."""
    return tl.load(plan + PLACE).to(tl.int32)


@triton.jit
def _scale(word, n):
    """One of n equally likely outcomes 0…n - 1."""
    return tl.umulhi(word, n.to(tl.uint32)).to(tl.int32)


@triton.jit
def _clip(value, high):
    return tl.minimum(tl.maximum(value, 0), high)


@triton.jit
def _draw_count(plan, seed, low, high, epoch):
    """Number of rectangles of an image."""
    count, dusted, _, _ = tl.philox(seed, 0, low, high, epoch)
    n = _number(plan, _COUNT_LOW) + _scale(count, _number(plan, _COUNT_N))
    return tl.where(dusted.to(tl.int64) < tl.load(plan + _DUSTED_BELOW), n, 0)


@triton.jit
def _draw_boxes(plan, tables, rectangles, seed, low, high, epoch, INSIDE: tl.constexpr, SIZE_FROM_TABLE: tl.constexpr):
    """Clipped edges of one rectangle or of a block of them, which count from 1, and the numbers of their fills."""
    y, x, size, fill = tl.philox(seed, rectangles, low, high, epoch)
    if SIZE_FROM_TABLE:
        sides = _look_up(tables + _number(plan, _SIZE_TABLE), _number(plan, _SIZE_SHIFT).to(tl.uint32), size)
        height, width = (sides >> 16) & 0xFFFF, sides & 0xFFFF
    else:
        product, unit = size.to(tl.uint64) * tl.load(plan + _HEIGHT_N).to(tl.uint64), _number(plan, _SIZE_UNIT)
        # The width takes what the product leaves in its low half.
        height = unit * (_number(plan, _HEIGHT_LOW) + (product >> 32).to(tl.int32))
        width = unit * (_number(plan, _WIDTH_LOW) + _scale(product.to(tl.uint32), _number(plan, _WIDTH_N)))
    rows, columns = _number(plan, _ROWS), _number(plan, _COLUMNS)
    if INSIDE:
        height, width = tl.minimum(height, rows), tl.minimum(width, columns)
        top, left = _scale(y, rows - height + 1), _scale(x, columns - width + 1)
    else:
        top = _look_up(tables + _number(plan, _Y_TABLE), _number(plan, _Y_SHIFT).to(tl.uint32), y) - (height >> 1)
        left = _look_up(tables + _number(plan, _X_TABLE), _number(plan, _X_SHIFT).to(tl.uint32), x) - (width >> 1)
    fill = _scale(fill, _number(plan, _FILL_N))
    return _clip(top, rows), _clip(left, columns), _clip(top + height, rows), _clip(left + width, columns), fill


@triton.jit
def _sets_over(places, first, stop, members):
    """For each row or column, the set of the rectangles that reach over it, as bits."""
    inside = (places[None, :] >= first[:, None]) & (places[None, :] < stop[:, None])
    return tl.sum(tl.where(inside, members[:, None], 0), axis=0)


@triton.jit
def _word(position, words_0, words_1, words_2, words_3):
    """The word of a block of four that a position takes."""
    lane = position & 3
    return tl.where(lane == 0, words_0, tl.where(lane == 1, words_1, tl.where(lane == 2, words_2, words_3)))


@triton.jit
def _draw_fill(drawn, image, rectangle, value, channel, fill_n, seed, low, high, epoch, FILL: tl.constexpr):
    """Number of the fill of one channel: of a rectangle, or of each value of a tile."""
    if FILL == "color":
        block = _COLOR_BLOCK + rectangle * 256 + (channel >> 2)
        a, b, c, d = tl.philox(seed, block.to(tl.uint32), low, high, epoch)
        fill = _scale(_word(channel, a, b, c, d), fill_n)
    elif FILL == "noise":
        block = _NOISE_BLOCK + (value >> 2)
        a, b, c, d = tl.philox(seed, block.to(tl.uint32), low, high, epoch)
        fill = _scale(_word(value, a, b, c, d), fill_n)
    elif FILL == "mean":
        fill = image
    else:
        fill = drawn
    return fill


@triton.jit(do_not_specialize=["images", "plan", "tables", "patterns", "seed", "epoch", "epochs", "first", "indices"])
def dust_kernel(
    images,
    plan,
    tables,
    patterns,
    seed: tl.uint64,
    epoch: tl.uint32,
    epochs,
    first: tl.uint64,
    indices,
    INSIDE: tl.constexpr,
    SIZE_FROM_TABLE: tl.constexpr,
    FILL: tl.constexpr,
    TILE_ROWS: tl.constexpr,
    TILE_COLUMNS: tl.constexpr,
):
    """Paint, of one rectangle of one image, the pixels that no later rectangle covers.

    images : the first item, as an integer of its size. plan, tables : as in ``_engine.plan``, but strides are in items.
    patterns : items, (fills, pattern_columns); a row for each image if FILL is "mean".
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
    n_rectangles = _draw_count(plan, seed, low, high, epoch)
    if rectangle > n_rectangles:
        return
    top, left, bottom, right, drawn = _draw_boxes(
        plan, tables, rectangle, seed, low, high, epoch, INSIDE, SIZE_FROM_TABLE
    )
    width, channels, fill_n = _number(plan, _WIDTH), _number(plan, _CHANNELS), _number(plan, _FILL_N)
    pattern_columns, pattern_step = _number(plan, _PATTERN_COLUMNS), _number(plan, _PATTERN_STEP)
    row_stride, column_stride = tl.load(plan + _ROW_STRIDE), tl.load(plan + _COLUMN_STRIDE)
    channel_stride = tl.load(plan + _CHANNEL_STRIDE)
    corner = images + image.to(tl.int64) * tl.load(plan + _IMAGE_STRIDE)

    across = tl.cdiv(right - left, TILE_COLUMNS)
    for tile in range(tl.program_id(2), tl.cdiv(bottom - top, TILE_ROWS) * across, tl.num_programs(2)):
        y = top + tile // across * TILE_ROWS + tl.arange(0, TILE_ROWS)
        x = left + tile % across * TILE_COLUMNS + tl.arange(0, TILE_COLUMNS)
        mine = (y < bottom)[:, None] & (x < right)[None, :]
        for start in range(rectangle + 1, n_rectangles + 1, _BITS):
            later = start + tl.arange(0, _BITS)
            its_top, its_left, its_bottom, its_right, _ = _draw_boxes(
                plan, tables, later, seed, low, high, epoch, INSIDE, SIZE_FROM_TABLE
            )
            members = tl.where(later <= n_rectangles, 1 << tl.arange(0, _BITS).to(tl.uint32), 0)
            over_rows = _sets_over(y, its_top, its_bottom, members)
            over_columns = _sets_over(x, its_left, its_right, members)
            mine &= (over_rows[:, None] & over_columns[None, :]) == 0

        row, column = y.to(tl.int64)[:, None], x.to(tl.int64)[None, :]
        pixels = corner + row * row_stride + column * column_stride
        for channel in range(channels):
            value = (row * width + column) * channels + channel
            fill = _draw_fill(drawn, image, rectangle, value, channel, fill_n, seed, low, high, epoch, FILL)
            pattern = tl.load(patterns + fill * pattern_columns + channel * pattern_step)
            tl.store(pixels + channel * channel_stride, pattern, mask=mine)


def launch(
    items: torch.Tensor,
    plan: torch.Tensor,
    tables: torch.Tensor,
    patterns: torch.Tensor,
    *,
    spec: Spec,
    n_images: int,
    reach: tuple[int, int],
    seed: int,
    epoch: int | torch.Tensor,
    index: int | torch.Tensor,
) -> None:
    """Paint a batch, on the current stream of the device of its tensors.

    Parameters
    ----------
    items : int8, int16, int32 or int64 tensor
        The images as integers of the size of their items. The plan says how they lie in memory.
    plan, tables, patterns : int64, uint32 and as `items`
        What the kernel reads, on the device of `items`.
    reach : (int, int)
        Greatest height and width of a rectangle.
    epoch, index : int or int64 tensor
        A tensor with the epoch, and one with an index for each image, are read when the kernel runs.
    """
    tile_rows, tile_columns, num_warps = _SMALL_TILE
    if reach[0] > tile_rows or reach[1] > tile_columns:
        tile_rows, tile_columns, num_warps = _LARGE_TILE
    tiles = -(-reach[0] // tile_rows) * -(-reach[1] // tile_columns)
    grid = (n_images, spec.count_range[1], min(tiles, _MAX_TILES))
    if 0 in grid:
        return
    epochs, indices = (number if isinstance(number, torch.Tensor) else None for number in (epoch, index))
    dust_kernel[grid](
        items,
        plan,
        tables,
        patterns,
        seed,
        epoch if epochs is None else 0,
        epochs,
        index if indices is None else 0,
        indices,
        INSIDE=spec.center == "inside",
        SIZE_FROM_TABLE=spec.side_range is not None or spec.area_range is not None,
        FILL=spec.fill if spec.fill in ("color", "noise", "mean") else "one",
        TILE_ROWS=tile_rows,
        TILE_COLUMNS=tile_columns,
        num_warps=num_warps,
    )
