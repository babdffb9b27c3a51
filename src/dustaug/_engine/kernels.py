"""All compiled code: Philox words, table look-ups, rectangles, row fills. What they must do stands in ``contract``.

How it is compiled
------------------
Numba's disk cache watches only the file of the cached function, so every function that it calls stands in this file
too, and the cache's key holds what is imported from others: the contract's constants and the fields of the params. All
dtypes and layouts are bytes and strides here: one signature a function, compiled at its first call, never at
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
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils
from numba.core.caching import FunctionCache
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from . import contract
from .coordinates import FOLLOWING, Coordinates
from .plan import PARAMS_DTYPE

JIT_DISABLED = bool(config.DISABLE_JIT)
TAKES_ADDRESSES = True

# What the compiled code holds of other files.
_IMPORTED = repr([(name, value) for name, value in vars(contract).items() if name.isupper()]), str(PARAMS_DTYPE)

# ------------------------------------------------------------------------------------------ compiling


class _SafeCache(FunctionCache):
    """Numba's disk cache, except that a broken or unwritable one costs time instead of an exception.

    Upstream raises UnpicklingError or EOFError for files cut short (numba issue 9348), at every later start too, and
    OSError when the directory has gone or is full.
    """

    def _index_key(self, *signature: Any) -> Any:
        return super()._index_key(*signature), _IMPORTED

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


# Functions for compiled code only. Those on the path of every rectangle are inlined whatever their size: left to
# itself, the compiler keeps Philox as a call, and then draws no words by vector instructions. The other functions stay
# calls, because every copy takes time to compile. No fastmath anywhere: it would be free to change results.
_helper = functools.partial(njit, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
_inline, _call = _helper(forceinline=True), _helper()


@intrinsic(prefer_literal=True)
def _store_repeated(typingctx, address, pattern, n_bytes):
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
def _memcpy(typingctx, target, source, n_bytes):
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


@intrinsic
def _params_at(typingctx, address):
    """View memory at an address as the record of params: an array of one costs a call 0.2 µs more."""
    record = from_dtype(PARAMS_DTYPE)

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(record))

    return record(types.int64), generate


@intrinsic(prefer_literal=True)
def _stack_array(typingctx, kind, n):
    """Make room for n (a literal) items of a NumPy scalar type on the stack, until the function returns."""
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

_MASK_32, _SHIFT_32 = np.uint64(contract.WORD_MASK), np.uint64(32)
_MULTIPLIER_0, _MULTIPLIER_1 = map(np.uint64, contract.PHILOX_MULTIPLIERS)
_WEYL_0, _WEYL_1 = map(np.uint64, contract.PHILOX_WEYL)
_ROUNDS = contract.PHILOX_ROUNDS
_HEADER_BLOCK, _NOISE_BLOCK = np.uint64(contract.HEADER_BLOCK), np.uint64(contract.NOISE_BLOCK)
_COLOR_BLOCK, _COLOR_BLOCKS = np.uint64(contract.COLOR_BLOCK), contract.COLOR_BLOCKS_PER_RECTANGLE

# Words are drawn for this many blocks in one loop, which the compiler turns into vector instructions. The number of
# blocks is rounded up to a multiple of eight, because it draws the remaining lanes one by one, more slowly.
_LANES = 32

# What a rectangle is in memory: four edges, and the level of its brightness.
_TOP, _LEFT, _BOTTOM, _RIGHT, _LEVEL, _BOX = range(6)

_WORDS, _BOXES, _BOTH_BOXES = 4 * _LANES, _BOX * _LANES, 2 * _BOX * _LANES
_MAX_COLOR_CHANNELS = contract.MAX_COLOR_CHANNELS

# Typed, because Numba compiles a function once more for a literal.
_ZERO, _ONCE = np.int64(0), np.int64(1)

# Below this many bytes a batch lies in the caches, where prefetching only costs (measured: docs/benchmarks.md).
_PREFETCH_BYTES = 16 << 20
_PREFETCH_AHEAD = 6


@_inline
def _philox(c0, c1, c2, c3, k0, k1):
    """Four random words of a counter and a key: Philox4x32-10, all words in uint64."""
    for _ in range(_ROUNDS):
        high_0, high_1 = _MULTIPLIER_0 * c0, _MULTIPLIER_1 * c2
        c0, c1 = ((high_1 >> _SHIFT_32) ^ c1 ^ k0) & _MASK_32, high_1 & _MASK_32
        c2, c3 = ((high_0 >> _SHIFT_32) ^ c3 ^ k1) & _MASK_32, high_0 & _MASK_32
        k0, k1 = (k0 + _WEYL_0) & _MASK_32, (k1 + _WEYL_1) & _MASK_32
    return c0, c1, c2, c3


@_inline
def _bounded(word, n):
    """One of n equally likely outcomes 0…n - 1, by multiply-shift."""
    return np.int64((word * np.uint64(n)) >> _SHIFT_32)


@_inline
def _draw_alias(tables, start, shift, word):
    """Outcome of an alias table, of which a bucket is four words: threshold, first outcome, second outcome, unused."""
    bucket = start + np.int64(word >> np.uint64(shift)) * 4
    return np.int64(tables[bucket + 1] if word < tables[bucket] else tables[bucket + 2])


@_inline
def _clip(value, high):
    return 0 if value < 0 else high if value > high else value


@_call
def _draw_count(params, k0, k1, epoch, index):
    """Number of rectangles of an image."""
    count, dusted, _, _ = _philox(_HEADER_BLOCK, index & _MASK_32, index >> _SHIFT_32, epoch, k0, k1)
    if np.int64(dusted) >= params.p_threshold:
        return 0
    return params.count_low + _bounded(count, params.n_counts)


@_call
def _draw_words(words, n, block, k0, k1, epoch, index):
    """Fill the first n lanes of `words` with the words of n blocks, and up to seven lanes more."""
    low, high = index & _MASK_32, index >> _SHIFT_32
    for lane in range((n + 7) & -8):
        a, b, c, d = _philox(block + np.uint64(lane), low, high, epoch, k0, k1)
        words[lane] = a
        words[lane + _LANES] = b
        words[lane + 2 * _LANES] = c
        words[lane + 3 * _LANES] = d


@_inline
def _draw_boxes(params, tables, words, n, boxes, start):
    """Turn the words of n lanes into clipped rectangles, from boxes[start] on."""
    # Read once: the compiler cannot know that writing boxes does not change the params.
    rows, columns, inside, n_levels = params.rows, params.columns, params.inside, params.n_levels
    y_table, y_shift, x_table, x_shift = params.y_table, params.y_shift, params.x_table, params.x_shift
    from_table, size_table = params.size_from_table, params.size_table
    size_shift, unit = params.size_shift, params.size_unit
    height_low, n_heights, width_low, n_widths = params.height_low, params.n_heights, params.width_low, params.n_widths
    for lane in range(n):
        y, x = np.uint64(words[lane]), np.uint64(words[lane + _LANES])
        size, fill = np.uint64(words[lane + 2 * _LANES]), np.uint64(words[lane + 3 * _LANES])
        if from_table:
            sides = _draw_alias(tables, size_table, size_shift, size)
            height, width = sides >> 16, sides & 0xFFFF
        else:
            product = size * np.uint64(n_heights)
            height = unit * (height_low + np.int64(product >> _SHIFT_32))
            width = unit * (width_low + _bounded(product & _MASK_32, n_widths))
        if inside:
            height, width = _clip(height, rows), _clip(width, columns)
            top, left = _bounded(y, rows - height + 1), _bounded(x, columns - width + 1)
        else:
            top = _draw_alias(tables, y_table, y_shift, y) - (height >> 1)
            left = _draw_alias(tables, x_table, x_shift, x) - (width >> 1)
        box = start + lane * _BOX
        boxes[box + _TOP] = _clip(top, rows)
        boxes[box + _LEFT] = _clip(left, columns)
        boxes[box + _BOTTOM] = _clip(top + height, rows)
        boxes[box + _RIGHT] = _clip(left + width, columns)
        boxes[box + _LEVEL] = _bounded(fill, n_levels)


@_call
def _draw_colors(params, rectangle, levels, k0, k1, epoch, index):
    """Set the level of each channel, and up to three more; rectangles count from 1."""
    for block in range((params.channels + 3) >> 2):
        counter = _COLOR_BLOCK + np.uint64(rectangle * _COLOR_BLOCKS + block)
        a, b, c, d = _philox(counter, index & _MASK_32, index >> _SHIFT_32, epoch, k0, k1)
        levels[4 * block] = _bounded(a, params.n_levels)
        levels[4 * block + 1] = _bounded(b, params.n_levels)
        levels[4 * block + 2] = _bounded(c, params.n_levels)
        levels[4 * block + 3] = _bounded(d, params.n_levels)


# ------------------------------------------------------------------------------------------- painting


def _overlapping(size):
    """Return a function that fills runs of one to two times `size` bytes with two stores that overlap."""

    @_inline
    def fill(address, stop, stride, n, pattern):
        while address != stop:
            _store_repeated(address, pattern, size)
            _store_repeated(address + n - size, pattern, size)
            address += stride

    return fill


_fill_2, _fill_4, _fill_8, _fill_16, _fill_32 = map(_overlapping, (2, 4, 8, 16, 32))


@_inline
def _fill_rows(address, rows, stride, n, pattern):
    """Fill `rows` runs of n bytes, `stride` apart, with a repeated pattern.

    Most runs are shorter than a cache line, so the time is the number of stores. Their size is decided per rectangle.
    """
    stop = address + rows * stride
    if n > 64:
        while address != stop:
            store = address
            while store < address + n - 64:
                _store_repeated(store, pattern, 64)
                store += 64
            _store_repeated(address + n - 64, pattern, 64)
            address += stride
    elif n >= 32:
        _fill_32(address, stop, stride, n, pattern)
    elif n >= 16:
        _fill_16(address, stop, stride, n, pattern)
    elif n >= 8:
        _fill_8(address, stop, stride, n, pattern)
    elif n >= 4:
        _fill_4(address, stop, stride, n, pattern)
    elif n >= 2:
        _fill_2(address, stop, stride, n, pattern)
    else:
        while address != stop:
            _store_repeated(address, pattern, 1)
            address += stride


@_inline
def _corner(params, image, boxes, box):
    """Address of the first column in memory of the top row of a rectangle."""
    column = boxes[box + _LEFT] if params.column_stride > 0 else boxes[box + _RIGHT] - 1
    return image + boxes[box + _TOP] * params.row_stride + column * params.column_stride


@_inline
def _paint_box(params, image, boxes, box, patterns, pattern):
    """Paint a rectangle with the patterns from `pattern` on, one for each channel or one for all."""
    rows, columns = boxes[box + _BOTTOM] - boxes[box + _TOP], boxes[box + _RIGHT] - boxes[box + _LEFT]
    if rows <= 0 or columns <= 0:
        return
    corner, stride, step, n_bytes = (
        _corner(params, image, boxes, box),
        params.row_stride,
        params.column_step,
        params.run_bytes,
    )
    # Columns that lie side by side are one run, others are one each.
    n_runs, length = (1, columns * n_bytes) if step == n_bytes else (columns, n_bytes)
    # Channels that differ and lie together: paint the first row, then copy it.
    painted = 1 if params.interleaved else rows
    for run in range(params.runs):
        address, value = corner + run * params.run_stride, patterns[pattern + run * params.pattern_step]
        for _ in range(n_runs):
            _fill_rows(address, painted, stride, length, value)
            address += step
    if params.interleaved:
        first = corner + params.first_channel
        for copied in range(1, rows):
            _memcpy(first + copied * stride, first, columns * step)


@_call
def _paint_noise(params, image, boxes, box, patterns, k0, k1, epoch, index):
    """Paint a rectangle with a brightness for each value."""
    words = _stack_array(np.uint32, _WORDS)
    for y in range(boxes[box + _TOP], boxes[box + _BOTTOM]):
        x, channel = boxes[box + _LEFT], 0
        value = (y * params.width + x) * params.channels
        stop = (y * params.width + boxes[box + _RIGHT]) * params.channels
        while value < stop:
            first = value >> 2
            blocks = _clip(((stop + 3) >> 2) - first, _LANES)
            _draw_words(words, blocks, _NOISE_BLOCK + np.uint64(first), k0, k1, epoch, index)
            chunk_stop = _clip(stop, (first + blocks) << 2)
            while value < chunk_stop:
                fill = _bounded(np.uint64(words[(value & 3) * _LANES + (value >> 2) - first]), params.n_levels)
                address = image + y * params.row_stride + x * params.column_stride + channel * params.channel_stride
                pattern = patterns[fill * params.pattern_columns + channel * params.pattern_step]
                _fill_rows(address, _ONCE, _ONCE, params.item_bytes, pattern)
                value += 1
                channel += 1
                if channel == params.channels:
                    channel = 0
                    x += 1


@_inline
def _prefetch_box(params, image, boxes, box):
    """Ask for the cache lines at both ends of a rectangle's rows: all of them, for rectangles as small as dust."""
    last = (boxes[box + _RIGHT] - boxes[box + _LEFT]) * params.column_step - 1
    for run in range(params.runs):
        address = _corner(params, image, boxes, box) + run * params.run_stride
        for _ in range(boxes[box + _BOTTOM] - boxes[box + _TOP]):
            _prefetch(address)
            _prefetch(address + last)
            address += params.row_stride


# ------------------------------------------------------------------------- entries, called by ``launch``
# Params, tables, patterns and indices come as addresses: Numba counts references to an array at every call that takes
# it, which cost more than to paint a rectangle. The coordinates are five numbers: the words of the seed, the epoch, the
# index of the first image, and the address of an index for each image, or 0 if they follow one another.


@_inline
def _index_of(first, indices, i):
    """Index of image i."""
    return np.uint64(_pointer(indices, np.int64)[i] if indices else first + i)


@_entry
def dust_batch(params, tables, patterns, address, seed_low, seed_high, epoch, first, indices, start, stop):
    """Draw and paint the images `start` to `stop` of a batch, with fills whose brightness is per rectangle or image.

    The others are drawn and painted by the entries below: here they would add a third to the time of compiling.

    tables : uint32. patterns : uint64, (levels or images, pattern_columns). address : of the batch's first item.
    """
    params, tables, patterns = _params_at(params), _pointer(tables, np.uint32), _pointer(patterns, np.uint64)
    k0, k1, epoch_word = np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    words, boxes = _stack_array(np.uint32, _WORDS), _stack_array(np.int64, _BOTH_BOXES)
    prefetching = (stop - start) * params.image_bytes > _PREFETCH_BYTES
    # A double buffer. Draw group k + 1 of up to 32 rectangles into the half `back` of `boxes`, then paint group k from
    # the half `front`, and swap. So the cache lines of the next group can be prefetched while this one is painted, even
    # if it belongs to the next image. A group lies on one image: the one painted now, or the one drawn now. The first
    # turn only draws, the last one only paints. `front` and `back` are places in `boxes`, images are addresses.
    front, n_front, painted_i, painted_image = 0, 0, start - 1, address
    drawn_i, drawn_image, index, count, n_drawn = painted_i, address, np.uint64(0), 0, 0
    while True:
        back, n_back = _BOXES - front, 0
        while n_back == 0 and drawn_i < stop:
            if n_drawn < count:
                n_back = _clip(count - n_drawn, _LANES)
                _draw_words(words, n_back, np.uint64(n_drawn + 1), k0, k1, epoch_word, index)
                _draw_boxes(params, tables, words, n_back, boxes, back)
            else:
                drawn_i += 1
                if drawn_i < stop:
                    index = _index_of(first, indices, drawn_i)
                    drawn_image = address + params.origin + drawn_i * params.image_stride
                    count, n_drawn = _draw_count(params, k0, k1, epoch_word, index), 0
        for lane in range(n_front):
            ahead = lane + _PREFETCH_AHEAD
            if prefetching and ahead < n_front + n_back:
                in_front = ahead < n_front
                box = front + ahead * _BOX if in_front else back + (ahead - n_front) * _BOX
                _prefetch_box(params, painted_image if in_front else drawn_image, boxes, box)
            box = front + lane * _BOX
            pattern = painted_i if params.per_image else boxes[box + _LEVEL]
            _paint_box(params, painted_image, boxes, box, patterns, pattern * params.pattern_columns)
        if n_back == 0:
            return
        front, n_front, painted_i, painted_image = back, n_back, drawn_i, drawn_image
        n_drawn += n_back


@_entry
def count_rectangles(params, seed_low, seed_high, epoch, first, indices, counts):
    """Set counts[i] to the number of rectangles of image i."""
    params, k0, k1, epoch_word = _params_at(params), np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    for i in range(len(counts)):
        counts[i] = _draw_count(params, k0, k1, epoch_word, _index_of(first, indices, i))


@_entry
def draw_rectangles(params, tables, seed_low, seed_high, epoch, first, indices, counts, boxes, levels):
    """Set boxes (r, 4) and their levels (r, channels or 1), image after image."""
    params, k0, k1, epoch_word = _params_at(params), np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    tables = _pointer(tables, np.uint32)
    words, drawn = _stack_array(np.uint32, _WORDS), _stack_array(np.int64, _BOXES)
    of_channels = _stack_array(np.int64, _MAX_COLOR_CHANNELS)
    row = 0
    for i in range(len(counts)):
        index = _index_of(first, indices, i)
        for n_drawn in range(0, counts[i], _LANES):
            n = _clip(counts[i] - n_drawn, _LANES)
            _draw_words(words, n, np.uint64(n_drawn + 1), k0, k1, epoch_word, index)
            _draw_boxes(params, tables, words, n, drawn, _ZERO)
            for lane in range(n):
                for edge in range(_LEVEL):
                    boxes[row, edge] = drawn[lane * _BOX + edge]
                if params.per_channel:
                    _draw_colors(params, n_drawn + lane + 1, of_channels, k0, k1, epoch_word, index)
                    for channel in range(params.channels):
                        levels[row, channel] = of_channels[channel]
                else:
                    levels[row, 0] = drawn[lane * _BOX + _LEVEL]
                row += 1


@_entry
def paint_boxes(params, patterns, address, boxes, positions, seed_low, seed_high, epoch, first, indices):
    """Paint boxes, five numbers each, on the images positions[r], with the pattern r or with the noise of the image."""
    params, k0, k1, epoch_word = _params_at(params), np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    patterns, boxes = _pointer(patterns, np.uint64), _pointer(boxes, np.int64)
    for r in range(len(positions)):
        image = address + params.origin + positions[r] * params.image_stride
        if params.per_value:
            index = _index_of(first, indices, positions[r])
            _paint_noise(params, image, boxes, r * _BOX, patterns, k0, k1, epoch_word, index)
        else:
            _paint_box(params, image, boxes, r * _BOX, patterns, r * params.pattern_columns)


# ------------------------------------------------------------------------- what ``launch`` asks before

_MAX_SEED, _MAX_EPOCH, _MAX_INDEX, _MASK = contract.MAX_SEED, contract.MAX_EPOCH, contract.MAX_INDEX, contract.WORD_MASK


def bind(params: int, tables: int, patterns: int, n: int, checked: Callable[..., None]) -> Callable[..., None]:
    """Return ``paint(address, coordinates, num_threads=1)`` for a batch of n images.

    It runs at every call, and the kernel takes a microsecond an image. So plain numbers within their limits and one
    thread, which is what a worker of a data loader has, take the short way; `checked` takes everything else.
    """

    def paint(address: int, coordinates: Coordinates, num_threads: int = 1) -> None:
        seed, epoch, index = coordinates
        if (
            type(seed) is type(epoch) is type(index) is type(num_threads) is int
            and 0 <= seed <= _MAX_SEED
            and 0 <= epoch <= _MAX_EPOCH
            and 0 <= index <= _MAX_INDEX - n  # Conservative by one; `checked` decides the last index exactly.
            and num_threads == 1
        ):
            dust_batch(params, tables, patterns, address, seed & _MASK, seed >> 32, epoch, index, FOLLOWING, 0, n)
        else:
            checked(address, coordinates, num_threads)

    return paint


_buffer_of, _address_of = ctypes.c_char.from_buffer, ctypes.addressof


def operand_of(array: np.ndarray) -> int:
    """What the entries take for an array: its address. The caller keeps the array alive."""
    return int(array.__array_interface__["data"][0])


def operand_of_images(images: np.ndarray, params: Any) -> int:
    """What the entries take for images that are writable: the address of the first item."""
    try:
        # A third of the time of images.ctypes.data, for contiguous arrays.
        return _address_of(_buffer_of(images))  # type: ignore[arg-type]
    except (TypeError, ValueError, BufferError):
        return operand_of(images)
