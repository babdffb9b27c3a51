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
from dustaug._engine.memory import Memory
from dustaug._engine.plan import PARAMS_DTYPE, find_max_size
from dustaug._engine.tables import LOG_ROW, POWER_ROW, QUANTILE_ROW
from dustaug.spec import Spec, size_fields


def _place(name: str) -> Any:
    return tl.constexpr((PARAMS_DTYPE.names or ()).index(name))


# Where the params stand in their record. It is not named `params` here: Triton 3.8 overwrites an argument of that name.
_P_THRESHOLD, _COUNT_LOW, _N_COUNTS = map(_place, ("p_threshold", "count_low", "n_counts"))
_SPARE_LAST, _N_LEVELS, _CHANNELS = map(_place, ("spare_last", "n_levels", "channels"))
_Y_MEAN, _Y_STD, _Y_SHIFT = map(_place, ("y_mean", "y_std", "y_shift"))
_X_MEAN, _X_STD, _X_SHIFT = map(_place, ("x_mean", "x_std", "x_shift"))
_HEIGHT_LOW, _N_HEIGHTS, _WIDTH_LOW, _N_WIDTHS = map(_place, ("height_low", "n_heights", "width_low", "n_widths"))
_SIZE_UNIT, _AREA_LOW, _N_AREAS = map(_place, ("size_unit", "area_low", "n_areas"))
_AREA_BASE, _ASPECT_LOW, _N_ASPECTS = map(_place, ("area_base", "aspect_low", "n_aspects"))
_HALVING = _place("halving")
_PATTERN_COLUMNS, _PATTERN_STEP = map(_place, ("pattern_columns", "pattern_step"))

_COLOR_BLOCK, _COLOR_BLOCKS = tl.constexpr(contract.COLOR_BLOCK), tl.constexpr(contract.COLOR_BLOCKS_PER_RECTANGLE)
_NOISE_BLOCK, _HEADER_BLOCK = tl.constexpr(contract.NOISE_BLOCK), tl.constexpr(contract.HEADER_BLOCK)
_SIZE_BLOCK, _SIZE_BLOCKS = tl.constexpr(contract.SIZE_BLOCK), tl.constexpr(contract.SIZE_BLOCKS_PER_RECTANGLE)
_HALF_WORD, _WORD_MASK = tl.constexpr(contract.HALF_WORD), tl.constexpr(contract.WORD_MASK)
_QUANTILE_ROW, _QUANTILE_ROW_BITS = tl.constexpr(QUANTILE_ROW), tl.constexpr(contract.QUANTILE_ROW_BITS)
_LOG_ROW, _LOG_ROW_BITS = tl.constexpr(LOG_ROW), tl.constexpr(contract.LOG_ROW_BITS)
_POWER_ROW, _POWER_ROW_BITS = tl.constexpr(POWER_ROW), tl.constexpr(contract.POWER_ROW_BITS)
# Rows of an octave, less 1: a mask.
_QUANTILE_ROWS, _LOG_ROWS = (
    tl.constexpr((1 << contract.QUANTILE_ROW_BITS) - 1),
    tl.constexpr((1 << contract.LOG_ROW_BITS) - 1),
)
_POWER_ROWS = tl.constexpr((1 << contract.POWER_ROW_BITS) - 1)
_LOG_BITS, _POWER_BIAS = tl.constexpr(contract.LOG_BITS), tl.constexpr(contract.POWER_BIAS)
_SHAPE_BITS, _TRY_BLOCKS = tl.constexpr(contract.SHAPE_BITS), tl.constexpr(contract.AREA_TRIES // 2)
_SHAPE_BASE = tl.constexpr(contract.SHAPE_BITS << (contract.LOG_BITS - 1))  # Half the logarithm of 2**SHAPE_BITS.
_BITS = tl.constexpr(32)

# Rows, columns and warps of a program's tile. Rectangles as small as dust are one tile, which one warp paints; larger
# ones take many tiles. A spec takes one of the two for images of all sizes: the one for images of this side.
_SMALL_TILE, _LARGE_TILE, _USUAL_SIDE = (16, 16, 1), (32, 64, 4), 256
# Programs for the tiles of one rectangle. If it has more, each program paints several.
_MAX_TILES = 1024


@triton.jit
def _param(record, PLACE: tl.constexpr):
    """One of the params, of those that fit into 32 bits with a sign."""
    return tl.load(record + PLACE).to(tl.int32)


@triton.jit
def _word_param(record, PLACE: tl.constexpr):
    """One of the params that are words."""
    return tl.load(record + PLACE).to(tl.uint32)


@triton.jit
def _bounded(word, n):
    """One of n equally likely outcomes 0…n - 1, by multiply-shift."""
    return tl.umulhi(word, n.to(tl.uint32)).to(tl.int32)


@triton.jit
def _clip(value, high):
    return tl.minimum(tl.maximum(value, 0), high)


@triton.jit
def _octave(number):
    """Place of the highest bit of words from 1 to 2**31 - 1."""
    # Without the bit below the highest, rounding to a float cannot carry: the exponent is the place.
    alone = (number ^ (number & (number >> 1))).to(tl.int32).to(tl.float32)
    return (alone.to(tl.int32, bitcast=True) >> 23) - 127


@triton.jit
def _quantile(curves, word):
    """Distance of a standard normal draw from its mean, in units of 2**-29."""
    tail = tl.maximum(tl.minimum(word, word ^ _WORD_MASK), 1).to(tl.uint32)
    octave = _octave(tail)
    mantissa = tail << (31 - octave).to(tl.uint32)
    row = (mantissa >> (31 - _QUANTILE_ROW_BITS)).to(tl.int32) & _QUANTILE_ROWS
    row = curves + ((octave << _QUANTILE_ROW_BITS) + row + _QUANTILE_ROW) * 4
    x = mantissa << (1 + _QUANTILE_ROW_BITS)
    return tl.load(row) - tl.umulhi(x, tl.load(row + 1) - tl.umulhi(x, tl.load(row + 2)))


@triton.jit
def _log(curves, number):
    """Half the binary logarithm of words from 1 to 2**31 - 1, in units of 2**-24, as a word."""
    octave = _octave(number)
    mantissa = number << (31 - octave).to(tl.uint32)
    row = curves + (((mantissa >> (31 - _LOG_ROW_BITS)).to(tl.int32) & _LOG_ROWS) + _LOG_ROW) * 4
    x = mantissa << (1 + _LOG_ROW_BITS)
    fraction = tl.load(row) + tl.umulhi(x, tl.load(row + 1) - tl.umulhi(x, tl.load(row + 2)))
    return (octave.to(tl.uint32) << (_LOG_BITS - 1)) + (fraction >> (33 - _LOG_BITS))


@triton.jit
def _power(curves, exponent):
    """Two to the power of a logarithm, in units of 2**-31; sums of logarithms wrap as words do."""
    row = (exponent >> (_LOG_BITS - _POWER_ROW_BITS)).to(tl.int32) & _POWER_ROWS
    row = curves + (row + _POWER_ROW) * 4
    x = exponent << (32 - _LOG_BITS + _POWER_ROW_BITS)
    mantissa = tl.load(row) + tl.umulhi(x, tl.load(row + 1) + tl.umulhi(x, tl.load(row + 2)))
    halvings = _clip(-((exponent >> _LOG_BITS).to(tl.int32) - _POWER_BIAS), 31)
    return mantissa >> halvings.to(tl.uint32)


@triton.jit
def _in_pixels(fraction, side):
    """Pixels of a fraction of a side, halves up."""
    return ((tl.umulhi(fraction, (4 * side).to(tl.uint32)) + 1) >> 1).to(tl.int32)


@triton.jit
def _draw_count(record, seed, low, high, epoch):
    """Number of rectangles of an image."""
    count, dusted, _, _ = tl.philox(seed, _HEADER_BLOCK, low, high, epoch)
    n = _param(record, _COUNT_LOW) + _bounded(count, _param(record, _N_COUNTS))
    return tl.where(dusted.to(tl.int64) < tl.load(record + _P_THRESHOLD), n, 0)


@triton.jit
def _try_area(record, curves, height, width, shape, area_word, aspect_word, tall, wide, is_open):
    """Height and width in pixels after a try, and whether there was none yet that fits the image."""
    area = _word_param(record, _AREA_LOW) + tl.umulhi(area_word, _word_param(record, _N_AREAS))
    log_area = _log(curves, tl.maximum(area, 1).to(tl.uint32)) + _word_param(record, _AREA_BASE)
    aspect = _word_param(record, _ASPECT_LOW) + tl.umulhi(aspect_word, _word_param(record, _N_ASPECTS)) + shape
    tried_tall = _in_pixels(_power(curves, log_area + aspect), height)
    tried_wide = _in_pixels(_power(curves, log_area - aspect), width)
    fits = is_open & (tried_tall < height) & (tried_wide < width)
    return tl.where(fits, tried_tall, tall), tl.where(fits, tried_wide, wide), is_open & (fits == 0)


@triton.jit
def _draw_areas(record, curves, height, width, rectangles, seed, low, high, epoch):
    """Height and width in pixels of rectangles of a random area: those of the first try that fits the image."""
    longer, shorter = tl.maximum(height, width), tl.minimum(height, width)
    shape = _log(curves, ((longer << _SHAPE_BITS) // shorter).to(tl.uint32)) - _SHAPE_BASE
    shape = tl.where(width > height, shape, 0 - shape).to(tl.uint32)
    tall, wide, is_open = rectangles * 0, rectangles * 0, rectangles > 0
    for block in range(_TRY_BLOCKS):
        counter = (rectangles * _SIZE_BLOCKS + _SIZE_BLOCK + block).to(tl.uint32)
        a, b, c, d = tl.philox(seed, counter, low, high, epoch)
        tall, wide, is_open = _try_area(record, curves, height, width, shape, a, b, tall, wide, is_open)
        tall, wide, is_open = _try_area(record, curves, height, width, shape, c, d, tall, wide, is_open)
    return tall, wide


@triton.jit
def _draw_sizes(record, curves, height, width, rectangles, word, seed, low, high, epoch, SIZE: tl.constexpr):
    """Height and width in pixels of rectangles, which count from 1; `word` is their size word."""
    if SIZE == "area_range":
        tall, wide = _draw_areas(record, curves, height, width, rectangles, seed, low, high, epoch)
    elif SIZE == "height_fraction_range":
        counter = (rectangles * _SIZE_BLOCKS + _SIZE_BLOCK).to(tl.uint32)
        a, b, _, _ = tl.philox(seed, counter, low, high, epoch)
        high_fraction = _word_param(record, _HEIGHT_LOW) + tl.umulhi(a, _word_param(record, _N_HEIGHTS))
        wide_fraction = _word_param(record, _WIDTH_LOW) + tl.umulhi(b, _word_param(record, _N_WIDTHS))
        halving = _param(record, _HALVING)
        halvings = (_octave(rectangles.to(tl.uint32)) * halving).to(tl.uint32)
        tall = tl.maximum(_in_pixels(high_fraction >> halvings, height), halving)
        wide = tl.maximum(_in_pixels(wide_fraction >> halvings, width), halving)
    else:
        unit, n_heights = _param(record, _SIZE_UNIT), _word_param(record, _N_HEIGHTS)
        tall = unit * (_param(record, _HEIGHT_LOW) + _bounded(word, n_heights))
        if SIZE == "side_range":
            wide = tall
        else:  # The width takes what the product leaves in its low half.
            wide = unit * (_param(record, _WIDTH_LOW) + _bounded(word * n_heights, _param(record, _N_WIDTHS)))
    return tall, wide


@triton.jit
def _normal_place(record, curves, word, side, MEAN: tl.constexpr, STD: tl.constexpr, SHIFT: tl.constexpr):
    """Centre on a side, 0…side, of a normal draw."""
    distance = tl.umulhi(_quantile(curves, word), _word_param(record, STD)).to(tl.int64) << tl.load(record + SHIFT)
    distance = tl.where(word < _HALF_WORD, -distance, distance)
    place = tl.minimum(tl.maximum(tl.load(record + MEAN) + distance, 0), _HALF_WORD)
    return _bounded(place.to(tl.uint32), 2 * side)


@triton.jit
def _guided_places(sums, guide_columns, n_cells, n_halvings, height, width, y, x):
    """Centres in cells of a guide, by its weights, of which there are running sums."""
    total = tl.load(sums + n_cells - 1)
    unit = _bounded(y, total)
    # The first cell whose sum is above the unit lies between these two.
    first, last = unit * 0, unit * 0 + (n_cells - 1)
    for _ in range(n_halvings):
        middle = first + ((last - first) >> 1)
        is_above = tl.load(sums + middle) > unit
        last = tl.where(is_above, middle, last)
        first = tl.where(is_above, first, tl.minimum(middle + 1, last))
    # A word holds a side times a place on it, which a number with a sign would not.
    row, column = (first // guide_columns).to(tl.uint32), (first % guide_columns).to(tl.uint32)
    tall, wide, columns = height.to(tl.uint32), width.to(tl.uint32), guide_columns.to(tl.uint32)
    rows = (n_cells // guide_columns).to(tl.uint32)
    top = (row * tall + ((x >> 16) * tall >> 16)) // rows
    left = (column * wide + ((x & 0xFFFF) * wide >> 16)) // columns
    return top.to(tl.int32), left.to(tl.int32)


@triton.jit
def _draw_boxes(
    record,
    curves,
    sums,
    guide_columns,
    n_cells,
    n_halvings,
    height,
    width,
    rectangles,
    seed,
    low,
    high,
    epoch,
    CENTER: tl.constexpr,
    SIZE: tl.constexpr,
):
    """Clipped edges of one rectangle or of a block of them, which count from 1, and their levels."""
    y, x, size, fill = tl.philox(seed, rectangles, low, high, epoch)
    tall, wide = _draw_sizes(record, curves, height, width, rectangles, size, seed, low, high, epoch, SIZE)
    spared = _param(record, _SPARE_LAST)
    rows, columns = height - spared, width - spared
    if CENTER == "inside":
        tall, wide = tl.minimum(tall, rows), tl.minimum(wide, columns)
        top, left = _bounded(y, rows - tall + 1), _bounded(x, columns - wide + 1)
    else:
        if CENTER == "normal":
            top = _normal_place(record, curves, y, height, _Y_MEAN, _Y_STD, _Y_SHIFT)
            left = _normal_place(record, curves, x, width, _X_MEAN, _X_STD, _X_SHIFT)
        elif CENTER == "guide":
            top, left = _guided_places(sums, guide_columns, n_cells, n_halvings, height, width, y, x)
        else:
            top, left = _bounded(y, height), _bounded(x, width)
        top, left = top - (tall >> 1), left - (wide >> 1)
    level = _bounded(fill, _param(record, _N_LEVELS))
    return _clip(top, rows), _clip(left, columns), _clip(top + tall, rows), _clip(left + wide, columns), level


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
def _noise_level(value, n_levels, seed, low, high, epoch, IN_BYTES: tl.constexpr):
    """Level of one value of an image or of a tile of them: a byte of a word, or a half of it."""
    parts: tl.constexpr = 4 if IN_BYTES else 2
    a, b, c, d = tl.philox(seed, (value // (4 * parts) + _NOISE_BLOCK).to(tl.uint32), low, high, epoch)
    part = _word(value // parts, a, b, c, d) >> (value % parts * (32 // parts)).to(tl.uint32)
    if IN_BYTES:
        level = (part & 0xFF).to(tl.int32)
    else:
        level = ((part & 0xFFFF).to(tl.int32) * n_levels) >> 16
    return level


@triton.jit
def _pattern_row(
    level, image, rectangle, value, channel, n_levels, seed, low, high, epoch, PER: tl.constexpr, IN_BYTES: tl.constexpr
):
    """Row of the patterns for one channel: of a rectangle, or of each value of a tile."""
    if PER == "channel":
        block = _COLOR_BLOCK + rectangle * _COLOR_BLOCKS + (channel >> 2)
        a, b, c, d = tl.philox(seed, block.to(tl.uint32), low, high, epoch)
        row = _bounded(_word(channel, a, b, c, d), n_levels)
    elif PER == "value":
        row = _noise_level(value, n_levels, seed, low, high, epoch, IN_BYTES)
    elif PER == "image":
        row = image
    else:
        row = level
    return row


_ARGUMENTS = (
    *("images", "record", "curves", "patterns", "sums", "guide_columns", "n_cells", "n_halvings", "height", "width"),
    *("image_stride", "row_stride", "column_stride", "channel_stride"),
    *("seed", "epoch", "epochs", "first", "indices"),
)


@triton.jit(do_not_specialize=_ARGUMENTS)
def dust_kernel(
    images,
    record,
    curves,
    patterns,
    sums,
    guide_columns: tl.int32,
    n_cells: tl.int32,
    n_halvings: tl.int32,
    height: tl.int32,
    width: tl.int32,
    image_stride: tl.int64,
    row_stride: tl.int64,
    column_stride: tl.int64,
    channel_stride: tl.int64,
    seed: tl.uint64,
    epoch: tl.uint32,
    epochs,
    first: tl.uint64,
    indices,
    CENTER: tl.constexpr,
    SIZE: tl.constexpr,
    PER: tl.constexpr,
    IN_BYTES: tl.constexpr,
    TILE_ROWS: tl.constexpr,
    TILE_COLUMNS: tl.constexpr,
):
    """Paint, of one rectangle of one image, the pixels that no later rectangle covers.

    images : the first item, as an integer of its size; strides are in items.
    record, curves : as in ``_engine.plan`` and ``_engine.tables``.
    patterns : items, (levels, pattern_columns); a row for each image if PER is "image". PER : as in contract.FILLS.
    sums : int32, (images, n_cells), the running sums of each guide in row-major order, or None. Its cells are found by
    `n_halvings`.
    The epoch is ``epochs[0]``, or `epoch` if that is None. Image i has the index ``indices[i]``, or ``first + i``.
    CENTER : of the spec. SIZE : the first of the spec's fields of sizes. IN_BYTES : whether noise takes bytes of words.
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
    if CENTER == "guide":
        sums += image.to(tl.int64) * n_cells
        n_rectangles = tl.where(tl.load(sums + n_cells - 1) > 0, n_rectangles, 0)
    if rectangle > n_rectangles:
        return
    top, left, bottom, right, level = _draw_boxes(
        record,
        curves,
        sums,
        guide_columns,
        n_cells,
        n_halvings,
        height,
        width,
        rectangle,
        seed,
        low,
        high,
        epoch,
        CENTER,
        SIZE,
    )
    channels, n_levels = _param(record, _CHANNELS), _param(record, _N_LEVELS)
    pattern_columns, pattern_step = _param(record, _PATTERN_COLUMNS), _param(record, _PATTERN_STEP)
    corner = images + image.to(tl.int64) * image_stride

    across = tl.cdiv(right - left, TILE_COLUMNS)
    for tile in range(tl.program_id(2), tl.cdiv(bottom - top, TILE_ROWS) * across, tl.num_programs(2)):
        y = top + tile // across * TILE_ROWS + tl.arange(0, TILE_ROWS)
        x = left + tile % across * TILE_COLUMNS + tl.arange(0, TILE_COLUMNS)
        visible = (y < bottom)[:, None] & (x < right)[None, :]
        for start in range(rectangle + 1, n_rectangles + 1, _BITS):
            later = start + tl.arange(0, _BITS)
            later_top, later_left, later_bottom, later_right, _ = _draw_boxes(
                record,
                curves,
                sums,
                guide_columns,
                n_cells,
                n_halvings,
                height,
                width,
                later,
                seed,
                low,
                high,
                epoch,
                CENTER,
                SIZE,
            )
            bits = tl.where(later <= n_rectangles, 1 << tl.arange(0, _BITS).to(tl.uint32), 0)
            over_rows = _cover_bits(y, later_top, later_bottom, bits)
            over_columns = _cover_bits(x, later_left, later_right, bits)
            visible &= (over_rows[:, None] & over_columns[None, :]) == 0

        row, column = y.to(tl.int64)[:, None], x.to(tl.int64)[None, :]
        pixels = corner + row * row_stride + column * column_stride
        for channel in range(channels):
            value = (row * width + column) * channels + channel
            pattern_row = _pattern_row(
                level, image, rectangle, value, channel, n_levels, seed, low, high, epoch, PER, IN_BYTES
            )
            pattern = tl.load(patterns + pattern_row * pattern_columns + channel * pattern_step)
            tl.store(pixels + channel * channel_stride, pattern, mask=visible)


def launch(
    items: torch.Tensor,
    record: torch.Tensor,
    curves: torch.Tensor,
    patterns: torch.Tensor,
    *,
    spec: Spec,
    memory: Memory,
    coordinates: Coordinates,
    sums: torch.Tensor | None = None,
    guide_columns: int = 1,
) -> None:
    """Paint a batch, on the current stream of the device of its tensors.

    Parameters
    ----------
    items : int8, int16, int32 or int64 tensor
        The images as integers of the size of their items.
    record, curves, patterns : int64, uint32 and as `items`
        What the kernel reads, on the device of `items`.
    memory : Memory
        How the images lie in memory, in items.
    coordinates : Coordinates
        A tensor with the epoch, and one with an index for each image, are read when the kernel runs.
    sums : int32 tensor, (n, cells), optional
        Running sums of the weights of each guide, row after row of `guide_columns`.
    """
    tile_rows, tile_columns, num_warps = _tile_of(spec)
    tall, wide = find_max_size(spec, memory.height, memory.width)
    tiles = -(-tall // tile_rows) * -(-wide // tile_columns)
    grid = (memory.n, spec.count_range[1], min(tiles, _MAX_TILES))
    if 0 in grid:
        return
    seed, epoch, index = coordinates
    epochs, indices = (number if isinstance(number, torch.Tensor) else None for number in (epoch, index))
    per, n_cells = contract.FILLS[spec.fill].per, 1 if sums is None else sums.shape[1]
    dust_kernel[grid](
        items,
        record,
        curves,
        patterns,
        sums,
        guide_columns,
        n_cells,
        n_cells.bit_length(),
        memory.height,
        memory.width,
        *memory[4:],
        seed,
        epoch if epochs is None else 0,
        epochs,
        index if indices is None else 0,
        indices,
        CENTER=spec.center,
        SIZE=size_fields(spec)[0],
        PER=per,
        IN_BYTES=per == "value" and spec.fill_range == (0, 255),
        TILE_ROWS=tile_rows,
        TILE_COLUMNS=tile_columns,
        num_warps=num_warps,
    )


def _tile_of(spec: Spec) -> tuple[int, int, int]:
    """Rows, columns and warps of a tile."""
    tall, wide = find_max_size(spec, _USUAL_SIDE, _USUAL_SIDE)
    return _SMALL_TILE if tall <= _SMALL_TILE[0] and wide <= _SMALL_TILE[1] else _LARGE_TILE
