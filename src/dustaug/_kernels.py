"""All compiled code: Philox words, table look-ups, rectangles, row fills.

The contract of randomness
--------------------------
- Generator: Philox4x32-10 (Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*, SC 2011). One call turns a
  counter of four 32-bit words and a key of two into four random words.
- Key: the 64-bit seed, low word first.
- Counter: (block, index low, index high, epoch).

  ===========================  ======================================================================
  block                        words
  ===========================  ======================================================================
  0                            count; dusted or not; two unused
  1 … 65 535                   one rectangle each, in painting order: centre y, centre x, size, fill
  2**30 + 256 rectangle + b    brightness of the channels 4b … 4b + 3 of a rectangle, ``fill="color"``
  2**31 + b                    brightness of the values 4b … 4b + 3 of the image in NHWC order, ``fill="noise"``
  all others                   reserved
  ===========================  ======================================================================

- A word w becomes one of n equally likely outcomes as ``w * n >> 32``, or an outcome of an alias table as in ``_plan``.
- A size of independent height and width takes both from one word: the height from ``w * n``, the width from what that
  product leaves in its low half.
- Later rectangles overwrite earlier ones.

Only integers decide what is drawn, so it is the same everywhere. Nothing here uses a generator with a state.

How it is compiled
------------------
Numba's disk cache watches only the file of the cached function, so every function that it calls stands in this file
too. All dtypes and layouts are bytes and strides here: one signature a function, compiled at its first call, never at
import. Preconditions are checked in ``core``; these functions write wherever they are told to.
"""

# Numba's own types do not know its intrinsics and several options.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, type-arg, call-overload, call-arg, attr-defined"

from __future__ import annotations

import contextlib
import ctypes
import pickle
import warnings
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils
from numba.core.caching import FunctionCache
from numba.extending import intrinsic

JIT_DISABLED = bool(config.DISABLE_JIT)
TAKES_ADDRESSES = True

# ------------------------------------------------------------------------------------------ compiling


class _SafeCache(FunctionCache):
    """Numba's disk cache, except that a broken or unwritable one costs time instead of an exception.

    Upstream raises UnpicklingError or EOFError for files cut short (numba issue 9348), at every later start too, and
    OSError when the directory has gone or is full.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # noqa: BLE001  Unpickling garbage may raise anything.
            self._report("read", error)
            try:
                self.flush()
            except OSError:
                self.disable()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except (OSError, EOFError, pickle.PickleError) as error:
            self._report("written", error)
            self.disable()

    def _report(self, verb: str, error: Exception) -> None:
        warnings.warn(
            f"dustaug's compiled kernel could not be {verb} at {self.cache_path} ({type(error).__name__}: {error}); "
            "it is compiled anew, which takes about a second",
            RuntimeWarning,
            stacklevel=2,
        )


def _entry(function: Any) -> Any:
    """Compile a function that Python calls: at its first call, without the GIL, cached on disk where possible."""
    compiled = njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True)(function)
    # No directory may be writable (read-only installation, no home directory): then every process compiles for itself.
    with contextlib.suppress(RuntimeError):
        compiled._cache = _SafeCache(function)
    return compiled


# A function for compiled code only. No fastmath anywhere: it would be free to change results.
_inline = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


@intrinsic(prefer_literal=True)
def _store(typingctx, address, pattern, n_bytes):
    """Store the first `n_bytes` (a literal: 1, 2, 4, 8, 16, 32, 64) of a repeated 8-byte pattern, at any alignment."""
    size = n_bytes.literal_value

    def generate(context, builder, signature, arguments):
        target, word, _ = arguments
        if size > 8:
            lanes = ir.VectorType(word.type, size // 8)
            first = builder.insert_element(ir.Constant(lanes, ir.Undefined), word, ir.IntType(32)(0))
            mask = ir.Constant(ir.VectorType(ir.IntType(32), size // 8), None)
            word = builder.shuffle_vector(first, ir.Constant(lanes, ir.Undefined), mask)
        elif size < 8:
            word = builder.trunc(word, ir.IntType(8 * size))
        builder.store(word, builder.inttoptr(target, word.type.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.uint64, types.literal(size)), generate


@intrinsic
def _copy(typingctx, target, source, n_bytes):
    """Copy bytes from one address to another; the two ranges must not overlap."""

    def generate(context, builder, signature, arguments):
        byte = ir.IntType(8).as_pointer()
        to, origin = (builder.inttoptr(argument, byte) for argument in arguments[:2])
        cgutils.raw_memcpy(builder, to, origin, arguments[2], 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def _prefetch(typingctx, address):
    """Ask for the cache line at an address, to be written soon. Any address is allowed."""

    def generate(context, builder, signature, arguments):
        byte = ir.IntType(8).as_pointer()
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        builder.call(prefetch, [builder.inttoptr(arguments[0], byte), word(1), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(types.int64), generate


# -------------------------------------------------------------------------------------------- drawing

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ROUND_0, _ROUND_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_STEP_0, _STEP_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_COLOR_BLOCK = np.uint64(1 << 30)
_NOISE_BLOCK = np.uint64(1 << 31)

# Words are drawn for this many blocks in one loop, which the compiler turns into vector instructions. Their number is
# rounded up to a multiple of eight: lanes left over would be drawn one by one, at a higher price.
_LANES = 32

# Columns of a rectangle.
_TOP, _LEFT, _BOTTOM, _RIGHT, _FILL = range(5)

# Typed, because Numba compiles a function once more for a literal.
_FIRST, _ONCE = np.int64(0), np.int64(1)

# Below this many bytes a batch lies in the caches, where prefetching only costs (measured: docs/benchmarks.md).
_PREFETCH_BYTES = 8 << 20
_PREFETCH_AHEAD = 3


@_inline
def _philox(c0, c1, c2, c3, k0, k1):
    """Four random words of a counter and a key: Philox4x32-10, all words in uint64."""
    for _ in range(10):
        high_0, high_1 = _ROUND_0 * c0, _ROUND_1 * c2
        c0, c1 = ((high_1 >> _HALF) ^ c1 ^ k0) & _LOW, high_1 & _LOW
        c2, c3 = ((high_0 >> _HALF) ^ c3 ^ k1) & _LOW, high_0 & _LOW
        k0, k1 = (k0 + _STEP_0) & _LOW, (k1 + _STEP_1) & _LOW
    return c0, c1, c2, c3


@_inline
def _scale(word, n):
    """One of n equally likely outcomes 0…n - 1."""
    return np.int64((word * np.uint64(n)) >> _HALF)


@_inline
def _look_up(tables, start, shift, word):
    """Outcome of an alias table."""
    bucket = start + np.int64(word >> np.uint64(shift)) * 4
    return np.int64(tables[bucket + 1] if word < tables[bucket] else tables[bucket + 2])


@_inline
def _clip(value, high):
    return 0 if value < 0 else high if value > high else value


@_inline
def _draw_count(plan, k0, k1, epoch, index):
    """Number of rectangles of an image."""
    count, dusted, _, _ = _philox(np.uint64(0), index & _LOW, index >> _HALF, epoch, k0, k1)
    if np.int64(dusted) >= plan.dusted_below:
        return 0
    return plan.count_low + _scale(count, plan.count_n)


@_inline
def _draw_words(words, n, block, k0, k1, epoch, index):
    """Fill words[:, :n] with the words of n blocks, and up to seven lanes more."""
    low, high = index & _LOW, index >> _HALF
    for lane in range((n + 7) & -8):
        a, b, c, d = _philox(block + np.uint64(lane), low, high, epoch, k0, k1)
        words[0, lane] = a
        words[1, lane] = b
        words[2, lane] = c
        words[3, lane] = d


@_inline
def _draw_boxes(plan, tables, words, n, boxes):
    """Turn words[:, :n] into clipped rectangles boxes[:n]: top, left, bottom, right, number of the fill."""
    rows, columns = plan.rows, plan.columns
    for lane in range(n):
        y, x = np.uint64(words[0, lane]), np.uint64(words[1, lane])
        size, fill = np.uint64(words[2, lane]), np.uint64(words[3, lane])
        if plan.size_from_table:
            sides = _look_up(tables, plan.size_table, plan.size_shift, size)
            height, width = sides >> 16, sides & 0xFFFF
        else:
            product = size * np.uint64(plan.height_n)
            height = plan.size_unit * (plan.height_low + np.int64(product >> _HALF))
            width = plan.size_unit * (plan.width_low + _scale(product & _LOW, plan.width_n))
        if plan.inside:
            height, width = _clip(height, rows), _clip(width, columns)
            top, left = _scale(y, rows - height + 1), _scale(x, columns - width + 1)
        else:
            top = _look_up(tables, plan.y_table, plan.y_shift, y) - (height >> 1)
            left = _look_up(tables, plan.x_table, plan.x_shift, x) - (width >> 1)
        boxes[lane, _TOP] = _clip(top, rows)
        boxes[lane, _LEFT] = _clip(left, columns)
        boxes[lane, _BOTTOM] = _clip(top + height, rows)
        boxes[lane, _RIGHT] = _clip(left + width, columns)
        boxes[lane, _FILL] = _scale(fill, plan.fill_n)


@_inline
def _draw_color(plan, rectangle, channel, k0, k1, epoch, index):
    """Number of the brightness of one channel of a rectangle; rectangles count from 1."""
    block = _COLOR_BLOCK + np.uint64(rectangle * 256 + (channel >> 2))
    a, b, c, d = _philox(block, index & _LOW, index >> _HALF, epoch, k0, k1)
    lane = channel & 3
    return _scale(a if lane == 0 else b if lane == 1 else c if lane == 2 else d, plan.fill_n)


# ------------------------------------------------------------------------------------------- painting


@_inline
def _fill_rows(address, rows, stride, n, pattern):
    """Fill `rows` runs of n bytes, `stride` apart, with a repeated pattern.

    Most runs are shorter than a cache line, so the time is the number of stores. Two stores that overlap cover any run
    of one to two times their size; which size is decided once a rectangle.
    """
    stop = address + rows * stride
    if n > 64:
        while address != stop:
            store = address
            while store < address + n - 64:
                _store(store, pattern, 64)
                store += 64
            _store(address + n - 64, pattern, 64)
            address += stride
    elif n >= 32:
        while address != stop:
            _store(address, pattern, 32)
            _store(address + n - 32, pattern, 32)
            address += stride
    elif n >= 16:
        while address != stop:
            _store(address, pattern, 16)
            _store(address + n - 16, pattern, 16)
            address += stride
    elif n >= 8:
        while address != stop:
            _store(address, pattern, 8)
            _store(address + n - 8, pattern, 8)
            address += stride
    elif n >= 4:
        while address != stop:
            _store(address, pattern, 4)
            _store(address + n - 4, pattern, 4)
            address += stride
    elif n >= 2:
        while address != stop:
            _store(address, pattern, 2)
            _store(address + n - 2, pattern, 2)
            address += stride
    else:
        while address != stop:
            _store(address, pattern, 1)
            address += stride


@_inline
def _corner(plan, image, boxes, row):
    """Address of the first column in memory of the top row of a rectangle."""
    column = boxes[row, _LEFT] if plan.column_stride > 0 else boxes[row, _RIGHT] - 1
    return image + boxes[row, _TOP] * plan.row_stride + column * plan.column_stride


@_inline
def _paint_box(plan, image, boxes, row, patterns, fill):
    """Paint rectangle boxes[row] with patterns[fill], one column for each channel or one for all."""
    rows, columns = boxes[row, _BOTTOM] - boxes[row, _TOP], boxes[row, _RIGHT] - boxes[row, _LEFT]
    if rows <= 0 or columns <= 0:
        return
    corner = _corner(plan, image, boxes, row)
    # Channels that differ and lie together: paint the first row, then copy it.
    painted = 1 if plan.interleaved else rows
    for run in range(plan.runs):
        address, pattern = corner + run * plan.run_stride, patterns[fill, run * plan.pattern_step]
        if plan.column_step == plan.run_bytes:
            _fill_rows(address, painted, plan.row_stride, columns * plan.run_bytes, pattern)
        else:
            for _ in range(columns):
                _fill_rows(address, painted, plan.row_stride, plan.run_bytes, pattern)
                address += plan.column_step
    if plan.interleaved:
        first = corner + plan.first_channel
        for copied in range(1, rows):
            _copy(first + copied * plan.row_stride, first, columns * plan.column_step)


@_inline
def _paint_color(plan, image, boxes, row, patterns, pixel, rectangle, k0, k1, epoch, index):
    """Paint a rectangle with one brightness for each channel; `pixel` (1, channels) is room for them."""
    for channel in range(plan.channels):
        fill = _draw_color(plan, rectangle, channel, k0, k1, epoch, index)
        pixel[0, channel] = patterns[fill, channel * plan.pattern_step]
    _paint_box(plan, image, boxes, row, pixel, _FIRST)


@_inline
def _paint_noise(plan, image, boxes, row, patterns, words, k0, k1, epoch, index):
    """Paint a rectangle with a brightness for each value; `words` (4, lanes) is room for the draws."""
    for y in range(boxes[row, _TOP], boxes[row, _BOTTOM]):
        x, channel = boxes[row, _LEFT], 0
        value = (y * plan.width + x) * plan.channels
        stop = (y * plan.width + boxes[row, _RIGHT]) * plan.channels
        while value < stop:
            first = value >> 2
            blocks = min(((stop + 3) >> 2) - first, _LANES)
            _draw_words(words, blocks, _NOISE_BLOCK + np.uint64(first), k0, k1, epoch, index)
            chunk_stop = min(stop, (first + blocks) << 2)
            while value < chunk_stop:
                fill = _scale(np.uint64(words[value & 3, (value >> 2) - first]), plan.fill_n)
                address = image + y * plan.row_stride + x * plan.column_stride + channel * plan.channel_stride
                _fill_rows(address, _ONCE, _ONCE, plan.item_bytes, patterns[fill, channel * plan.pattern_step])
                value += 1
                channel += 1
                if channel == plan.channels:
                    channel = 0
                    x += 1


@_inline
def _prefetch_box(plan, image, boxes, row):
    """Ask for the cache lines at both ends of a rectangle's rows: all of them, for rectangles as small as dust."""
    last = (boxes[row, _RIGHT] - boxes[row, _LEFT]) * plan.column_step - 1
    for run in range(plan.runs):
        address = _corner(plan, image, boxes, row) + run * plan.run_stride
        for _ in range(boxes[row, _BOTTOM] - boxes[row, _TOP]):
            _prefetch(address)
            _prefetch(address + last)
            address += plan.row_stride


# ---------------------------------------------------------------------------- entries, called by core


@_entry
def dust_images(record, tables, patterns, address, seed_low, seed_high, epoch, first, indices, start, stop):
    """Draw and paint the images `start` to `stop` of a batch.

    record, tables : a plan. patterns : uint64, (fills, channels or 1). address : of the batch's first item.
    Image i has the index ``indices[i]``, or ``first + i`` if there are no indices.
    """
    plan = record[0]
    k0, k1, word = np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    words = np.empty((4, _LANES), np.uint32)
    boxes = np.empty((_LANES, 5), np.int64)
    pixel = np.empty((1, plan.channels), np.uint64)
    ahead = _PREFETCH_AHEAD if (stop - start) * plan.image_bytes > _PREFETCH_BYTES else _LANES
    for i in range(start, stop):
        index = np.uint64(indices[i] if len(indices) else first + i)
        image = address + plan.origin + i * plan.image_stride
        count = _draw_count(plan, k0, k1, word, index)
        for done in range(0, count, _LANES):
            n = min(count - done, _LANES)
            _draw_words(words, n, np.uint64(done + 1), k0, k1, word, index)
            _draw_boxes(plan, tables, words, n, boxes)
            for lane in range(n):
                if lane + ahead < n:
                    _prefetch_box(plan, image, boxes, lane + ahead)
                if plan.noise:
                    _paint_noise(plan, image, boxes, lane, patterns, words, k0, k1, word, index)
                elif plan.color:
                    _paint_color(plan, image, boxes, lane, patterns, pixel, done + lane + 1, k0, k1, word, index)
                else:
                    _paint_box(plan, image, boxes, lane, patterns, i if plan.per_image else boxes[lane, _FILL])


@_entry
def count_rectangles(record, seed_low, seed_high, epoch, indices, counts):
    """Set counts[i] to the number of rectangles of the image with the index ``indices[i]``."""
    plan = record[0]
    k0, k1, word = np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    for i in range(len(indices)):
        counts[i] = _draw_count(plan, k0, k1, word, np.uint64(indices[i]))


@_entry
def draw_rectangles(record, tables, seed_low, seed_high, epoch, indices, counts, boxes, fills):
    """Set boxes (r, 4) and the numbers of their fills (r, channels or 1), image after image."""
    plan = record[0]
    k0, k1, word = np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    words = np.empty((4, _LANES), np.uint32)
    drawn = np.empty((_LANES, 5), np.int64)
    row = 0
    for i in range(len(indices)):
        index = np.uint64(indices[i])
        for done in range(0, counts[i], _LANES):
            n = min(counts[i] - done, _LANES)
            _draw_words(words, n, np.uint64(done + 1), k0, k1, word, index)
            _draw_boxes(plan, tables, words, n, drawn)
            for lane in range(n):
                for edge in range(_FILL):
                    boxes[row, edge] = drawn[lane, edge]
                for channel in range(fills.shape[1]):
                    if plan.color:
                        fills[row, channel] = _draw_color(plan, done + lane + 1, channel, k0, k1, word, index)
                    else:
                        fills[row, channel] = drawn[lane, _FILL]
                row += 1


@_entry
def paint_boxes(record, patterns, address, boxes, positions, seed_low, seed_high, epoch, indices):
    """Paint boxes[r] on the image positions[r] with the pattern r, or with noise of the image's index."""
    plan = record[0]
    k0, k1, word = np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    words = np.empty((4, _LANES), np.uint32)
    for r in range(len(boxes)):
        image = address + plan.origin + positions[r] * plan.image_stride
        if plan.noise:
            index = np.uint64(indices[positions[r]])
            _paint_noise(plan, image, boxes, r, patterns, words, k0, k1, word, index)
        else:
            _paint_box(plan, image, boxes, r, patterns, r)


_buffer_of, _address_of = ctypes.c_char.from_buffer, ctypes.addressof


def locate(images: np.ndarray, record: Any) -> int:
    """Address of the first item of a writable array."""
    try:
        # A third of the time of images.ctypes.data, for contiguous arrays.
        return _address_of(_buffer_of(images))  # type: ignore[arg-type]
    except (TypeError, ValueError, BufferError):
        return int(images.__array_interface__["data"][0])
