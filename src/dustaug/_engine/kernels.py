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

- A word w becomes one of n equally likely outcomes as ``w * n >> 32``, or an outcome of a table as in ``tables``.
- A size of independent height and width takes both from one word: the height from ``w * n``, the width from what that
  product leaves in its low half.
- Later rectangles overwrite earlier ones.

Only integers decide what is drawn, so it is the same everywhere. Nothing here uses a generator with a state.

How it is compiled
------------------
Numba's disk cache watches only the file of the cached function, so every function that it calls stands in this file
too. All dtypes and layouts are bytes and strides here: one signature a function, compiled at its first call, never at
import. Preconditions are checked in ``checks`` and ``launch``; these functions write wherever they are told to.
"""

# Numba's own types do not know its intrinsics and several options.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, type-arg, call-overload, call-arg, attr-defined"
# mypy: disable-error-code="var-annotated"

from __future__ import annotations

import contextlib
import ctypes
import functools
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
            "it is compiled anew, which takes about two seconds",
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


# Functions for compiled code only. Those on the path of every rectangle are inlined whatever their size: left to itself
# the compiler keeps Philox as a call, and then draws no words by vector instructions. The rest stays calls, since every
# copy takes time to compile. No fastmath anywhere: it would be free to change results.
_helper = functools.partial(njit, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
_inline, _call = _helper(forceinline=True), _helper()


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
def _pointer(typingctx, address, kind):
    """View memory at an address as items of a NumPy scalar type."""
    pointer = types.CPointer(kind.dtype)

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(pointer))

    return pointer(types.int64, kind), generate


@intrinsic(prefer_literal=True)
def _room(typingctx, kind, n):
    """Room for n (a literal) items of a NumPy scalar type on the stack, until the function returns."""
    pointer = types.CPointer(kind.dtype)

    def generate(context, builder, signature, arguments):
        return cgutils.alloca_once(builder, context.get_value_type(kind.dtype), size=n.literal_value)

    return pointer(kind, types.literal(n.literal_value)), generate


@intrinsic
def _prefetch(typingctx, address):
    """Ask for the cache line at an address. Any address is allowed.

    Into the second level: the first can wait for a dozen or two lines at a time, which is far fewer than a rectangle
    has (measured: asking for the first level, or for writing, gains a tenth; this a third).
    """

    def generate(context, builder, signature, arguments):
        byte = ir.IntType(8).as_pointer()
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        builder.call(prefetch, [builder.inttoptr(arguments[0], byte), word(0), word(1), word(1)])
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

# What a rectangle is in memory: four edges, and the number of its fill.
_TOP, _LEFT, _BOTTOM, _RIGHT, _FILL, _BOX = range(6)

_WORDS, _BOXES, _BOTH_BOXES = 4 * _LANES, _BOX * _LANES, 2 * _BOX * _LANES
_MAX_COLOR_CHANNELS = 1024

# Typed, because Numba compiles a function once more for a literal.
_ZERO, _ONCE = np.int64(0), np.int64(1)

# Below this many bytes a batch lies in the caches, where prefetching only costs (measured: docs/benchmarks.md).
_PREFETCH_BYTES = 16 << 20
_PREFETCH_AHEAD = 6


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


@_call
def _draw_count(plan, k0, k1, epoch, index):
    """Number of rectangles of an image."""
    count, dusted, _, _ = _philox(np.uint64(0), index & _LOW, index >> _HALF, epoch, k0, k1)
    if np.int64(dusted) >= plan.dusted_below:
        return 0
    return plan.count_low + _scale(count, plan.count_n)


@_call
def _draw_words(words, n, block, k0, k1, epoch, index):
    """Fill the first n lanes of `words` with the words of n blocks, and up to seven lanes more."""
    low, high = index & _LOW, index >> _HALF
    for lane in range((n + 7) & -8):
        a, b, c, d = _philox(block + np.uint64(lane), low, high, epoch, k0, k1)
        words[lane] = a
        words[lane + _LANES] = b
        words[lane + 2 * _LANES] = c
        words[lane + 3 * _LANES] = d


@_inline
def _draw_boxes(plan, tables, words, n, boxes, start):
    """Turn the words of n lanes into clipped rectangles, from boxes[start] on."""
    # Read once: the compiler cannot know that writing boxes does not change the plan.
    rows, columns, inside, fill_n = plan.rows, plan.columns, plan.inside, plan.fill_n
    y_table, y_shift, x_table, x_shift = plan.y_table, plan.y_shift, plan.x_table, plan.x_shift
    from_table, size_table, size_shift, unit = plan.size_from_table, plan.size_table, plan.size_shift, plan.size_unit
    height_low, height_n, width_low, width_n = plan.height_low, plan.height_n, plan.width_low, plan.width_n
    for lane in range(n):
        y, x = np.uint64(words[lane]), np.uint64(words[lane + _LANES])
        size, fill = np.uint64(words[lane + 2 * _LANES]), np.uint64(words[lane + 3 * _LANES])
        if from_table:
            sides = _look_up(tables, size_table, size_shift, size)
            height, width = sides >> 16, sides & 0xFFFF
        else:
            product = size * np.uint64(height_n)
            height = unit * (height_low + np.int64(product >> _HALF))
            width = unit * (width_low + _scale(product & _LOW, width_n))
        if inside:
            height, width = _clip(height, rows), _clip(width, columns)
            top, left = _scale(y, rows - height + 1), _scale(x, columns - width + 1)
        else:
            top = _look_up(tables, y_table, y_shift, y) - (height >> 1)
            left = _look_up(tables, x_table, x_shift, x) - (width >> 1)
        box = start + lane * _BOX
        boxes[box + _TOP] = _clip(top, rows)
        boxes[box + _LEFT] = _clip(left, columns)
        boxes[box + _BOTTOM] = _clip(top + height, rows)
        boxes[box + _RIGHT] = _clip(left + width, columns)
        boxes[box + _FILL] = _scale(fill, fill_n)


@_call
def _draw_colors(plan, rectangle, fills, k0, k1, epoch, index):
    """Set fills to the numbers of the brightness of each channel; rectangles count from 1. Up to three more are set."""
    for block in range((plan.channels + 3) >> 2):
        counter = _COLOR_BLOCK + np.uint64(rectangle * 256 + block)
        a, b, c, d = _philox(counter, index & _LOW, index >> _HALF, epoch, k0, k1)
        fills[4 * block] = _scale(a, plan.fill_n)
        fills[4 * block + 1] = _scale(b, plan.fill_n)
        fills[4 * block + 2] = _scale(c, plan.fill_n)
        fills[4 * block + 3] = _scale(d, plan.fill_n)


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
def _corner(plan, image, boxes, box):
    """Address of the first column in memory of the top row of a rectangle."""
    column = boxes[box + _LEFT] if plan.column_stride > 0 else boxes[box + _RIGHT] - 1
    return image + boxes[box + _TOP] * plan.row_stride + column * plan.column_stride


@_inline
def _paint_box(plan, image, boxes, box, patterns, pattern):
    """Paint a rectangle with the patterns from `pattern` on, one for each channel or one for all."""
    rows, columns = boxes[box + _BOTTOM] - boxes[box + _TOP], boxes[box + _RIGHT] - boxes[box + _LEFT]
    if rows <= 0 or columns <= 0:
        return
    corner, stride, step, n_bytes = _corner(plan, image, boxes, box), plan.row_stride, plan.column_step, plan.run_bytes
    # Columns that lie side by side are one run, others are one each.
    n_runs, length = (1, columns * n_bytes) if step == n_bytes else (columns, n_bytes)
    # Channels that differ and lie together: paint the first row, then copy it.
    painted = 1 if plan.interleaved else rows
    for run in range(plan.runs):
        address, value = corner + run * plan.run_stride, patterns[pattern + run * plan.pattern_step]
        for _ in range(n_runs):
            _fill_rows(address, painted, stride, length, value)
            address += step
    if plan.interleaved:
        first = corner + plan.first_channel
        for copied in range(1, rows):
            _copy(first + copied * stride, first, columns * step)


@_call
def _paint_noise(plan, image, boxes, box, patterns, k0, k1, epoch, index):
    """Paint a rectangle with a brightness for each value."""
    words = _room(np.uint32, _WORDS)
    for y in range(boxes[box + _TOP], boxes[box + _BOTTOM]):
        x, channel = boxes[box + _LEFT], 0
        value = (y * plan.width + x) * plan.channels
        stop = (y * plan.width + boxes[box + _RIGHT]) * plan.channels
        while value < stop:
            first = value >> 2
            blocks = _clip(((stop + 3) >> 2) - first, _LANES)
            _draw_words(words, blocks, _NOISE_BLOCK + np.uint64(first), k0, k1, epoch, index)
            chunk_stop = _clip(stop, (first + blocks) << 2)
            while value < chunk_stop:
                fill = _scale(np.uint64(words[(value & 3) * _LANES + (value >> 2) - first]), plan.fill_n)
                address = image + y * plan.row_stride + x * plan.column_stride + channel * plan.channel_stride
                pattern = patterns[fill * plan.pattern_columns + channel * plan.pattern_step]
                _fill_rows(address, _ONCE, _ONCE, plan.item_bytes, pattern)
                value += 1
                channel += 1
                if channel == plan.channels:
                    channel = 0
                    x += 1


@_inline
def _prefetch_box(plan, image, boxes, box):
    """Ask for the cache lines at both ends of a rectangle's rows: all of them, for rectangles as small as dust."""
    last = (boxes[box + _RIGHT] - boxes[box + _LEFT]) * plan.column_step - 1
    for run in range(plan.runs):
        address = _corner(plan, image, boxes, box) + run * plan.run_stride
        for _ in range(boxes[box + _BOTTOM] - boxes[box + _TOP]):
            _prefetch(address)
            _prefetch(address + last)
            address += plan.row_stride


# ---------------------------------------------------------------------------- entries, called by _jobs
# Arrays that helpers read come as addresses: Numba counts references to an array at every call that takes it, which
# cost more than to paint a rectangle.


@_entry
def dust_images(record, tables, patterns, address, seed_low, seed_high, epoch, first, indices, start, stop):
    """Draw and paint the images `start` to `stop` of a batch, with any fill but colour and noise.

    Those two are drawn and painted by the entries below: here they would add a third to the time of compiling.

    record, tables : a plan. patterns : uint64, (fills, pattern_columns). address : of the batch's first item.
    Image i has the index ``indices[i]``, or ``first + i`` if `indices` is 0.
    """
    plan = record[0]
    k0, k1, word = np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    tables, patterns = _pointer(tables, np.uint32), _pointer(patterns, np.uint64)
    each = _pointer(indices, np.int64)
    words, boxes = _room(np.uint32, _WORDS), _room(np.int64, _BOTH_BOXES)
    far = (stop - start) * plan.image_bytes > _PREFETCH_BYTES
    # Rectangles are drawn up to 32 at a time, in turns into the first and the second half of `boxes`, and painted one
    # turn later: so the memory of those to come can be asked for across the border between two images.
    i, image, index, count, done = start - 1, address, np.uint64(0), 0, 0
    half, n, its_i, its_image = 0, 0, i, image
    while True:
        n_next, other = 0, _BOXES - half
        while n_next == 0 and i < stop:
            if done < count:
                n_next = _clip(count - done, _LANES)
                _draw_words(words, n_next, np.uint64(done + 1), k0, k1, word, index)
                _draw_boxes(plan, tables, words, n_next, boxes, other)
            else:
                i += 1
                if i < stop:
                    index = np.uint64(each[i] if indices else first + i)
                    image = address + plan.origin + i * plan.image_stride
                    count, done = _draw_count(plan, k0, k1, word, index), 0
        for lane in range(n):
            box, ahead = half + lane * _BOX, lane + _PREFETCH_AHEAD
            if far and ahead < n + n_next:
                its = ahead < n
                far_box = half + ahead * _BOX if its else other + (ahead - n) * _BOX
                _prefetch_box(plan, its_image if its else image, boxes, far_box)
            fill = its_i if plan.per_image else boxes[box + _FILL]
            _paint_box(plan, its_image, boxes, box, patterns, fill * plan.pattern_columns)
        if n_next == 0:
            return
        half, n, its_i, its_image = other, n_next, i, image
        done += n_next


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
    tables = _pointer(tables, np.uint32)
    words, drawn = _room(np.uint32, _WORDS), _room(np.int64, _BOXES)
    colors = _room(np.int64, _MAX_COLOR_CHANNELS)
    row = 0
    for i in range(len(indices)):
        index = np.uint64(indices[i])
        for done in range(0, counts[i], _LANES):
            n = _clip(counts[i] - done, _LANES)
            _draw_words(words, n, np.uint64(done + 1), k0, k1, word, index)
            _draw_boxes(plan, tables, words, n, drawn, _ZERO)
            for lane in range(n):
                for edge in range(_FILL):
                    boxes[row, edge] = drawn[lane * _BOX + edge]
                if plan.color:
                    _draw_colors(plan, done + lane + 1, colors, k0, k1, word, index)
                    for channel in range(plan.channels):
                        fills[row, channel] = colors[channel]
                else:
                    fills[row, 0] = drawn[lane * _BOX + _FILL]
                row += 1


@_entry
def paint_boxes(record, patterns, address, boxes, positions, seed_low, seed_high, epoch, indices):
    """Paint boxes, five numbers each, on the images positions[r], with the pattern r or the noise of their index."""
    plan = record[0]
    k0, k1, word = np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    patterns, boxes = _pointer(patterns, np.uint64), _pointer(boxes, np.int64)
    for r in range(len(positions)):
        image = address + plan.origin + positions[r] * plan.image_stride
        if plan.noise:
            index = np.uint64(indices[positions[r]])
            _paint_noise(plan, image, boxes, r * _BOX, patterns, k0, k1, word, index)
        else:
            _paint_box(plan, image, boxes, r * _BOX, patterns, r * plan.pattern_columns)


# ------------------------------------------------------------------------------ what _jobs asks before

_buffer_of, _address_of = ctypes.c_char.from_buffer, ctypes.addressof


def locate(images: np.ndarray, record: Any) -> int:
    """Address of the first item of a writable array."""
    try:
        # A third of the time of images.ctypes.data, for contiguous arrays.
        return _address_of(_buffer_of(images))  # type: ignore[arg-type]
    except (TypeError, ValueError, BufferError):
        return handle(images)


def handle(array: np.ndarray) -> int:
    """What the entries take for an array that helpers read: its address. The caller keeps the array alive."""
    return int(array.__array_interface__["data"][0])


NO_INDICES = 0
