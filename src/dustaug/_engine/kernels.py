"""All compiled code: Philox words, curves, rectangles, row fills, sums. What they must do stands in ``contract``.

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
import functools
import pickle
import warnings
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils, compiler, compiler_lock
from numba.core.caching import FunctionCache
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from dustaug.spec import MAX_COUNT, MAX_SIDE

from . import contract
from .calls import (  # noqa: F401  Each engine has them.
    ARRAY,
    ARRAY_HEAD,
    AXES,
    PART,
    SMALL_GUIDE,
    SUMMED,
    TAKES_ADDRESSES,
    TERMS,
    bind,
    bind_array,
    bind_array_with_terms,
    bind_part,
    bind_part_with_terms,
    call_with_terms,
    operand_of,
    operand_of_array,
    operand_of_images,
)
from .plan import PARAMS_DTYPE
from .tables import LOG_ROW, POWER_ROW, QUANTILE_ROW

# What the compiled code holds of other files.
_IMPORTED = (
    repr([(name, value) for name, value in vars(contract).items() if name.isupper()]),
    str(PARAMS_DTYPE),
    (LOG_ROW, POWER_ROW, QUANTILE_ROW),
    (object.__basicsize__, bytes.__basicsize__),
)

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
            # Mended before it is told: where warnings are errors, the next start finds nothing broken.
            try:
                self.flush()
            except OSError:
                self.disable()
            self._report("read", error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except (OSError, EOFError, pickle.PickleError) as error:
            self.disable()
            self._report("written", error)

    def _report(self, verb: str, error: Exception) -> None:
        warnings.warn(
            f"dustaug's compiled kernel could not be {verb} at {self.cache_path} ({type(error).__name__}: {error}); "
            "it is compiled anew, which takes about five seconds",
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
def _address(typingctx, pointer):
    """Address of memory on the stack."""

    def generate(context, builder, signature, arguments):
        return builder.ptrtoint(arguments[0], ir.IntType(64))

    return types.int64(pointer), generate


@intrinsic
def _view(typingctx, pointer, kind):
    """View memory on the stack as items of another NumPy scalar type."""
    viewed = types.CPointer(kind.dtype)

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(viewed))

    return viewed(pointer, kind), generate


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
_OBJECT_BLOCK = contract.OBJECT_BLOCK
_COLOR_BLOCK, _COLOR_BLOCKS = contract.COLOR_BLOCK, contract.COLOR_BLOCKS_PER_RECTANGLE
_SIZE_BLOCK, _SIZE_BLOCKS = contract.SIZE_BLOCK, contract.SIZE_BLOCKS_PER_RECTANGLE
_DEPTH_BLOCK = contract.SIZE_BLOCK + contract.DEPTH_BLOCK

# Words are drawn for this many blocks in one loop, which the compiler turns into vector instructions. The number of
# blocks is rounded up to a multiple of eight, because it draws the remaining lanes one by one, more slowly.
_LANES = 32
_WORDS, _SIZES = 4 * _LANES, 2 * _LANES

# What a rectangle is in memory: four edges, and the level of its brightness, each in an array of its own.
_TOP, _LEFT, _BOTTOM, _RIGHT, _LEVEL, _BOX = range(6)
# Two groups of rectangles, one after the other in each of these arrays.
_BOTH, _BOTH_BOXES = 2 * _LANES, 2 * _LANES * _BOX

# A place for one more rectangle, behind the first group; slices of a group, first and last.
_SPARE, _SLICES = _LANES, 2 * _LANES
# Words of so many cells are kept, and those of more are drawn again.
_CELLS = 1024

# So many running sums are compared with a number, instead of searched.
_COUNTED = 64

# Levels of noise that are drawn at once: sixteen of a block, at most.
_LEVELS = 16 * _LANES

_MAX_INDEX, _MASK = contract.MAX_INDEX, contract.WORD_MASK
_MAX_COLOR_CHANNELS, _MAX_SIDE, _MAX_COUNT = contract.MAX_COLOR_CHANNELS, MAX_SIDE, MAX_COUNT
_MAX_NOISE_BYTES, _MAX_NOISE_HALVES = contract.MAX_NOISE_BYTES, contract.MAX_NOISE_HALVES

_HALF_WORD, _FRACTION_BITS = contract.HALF_WORD, contract.FRACTION_BITS
# A double is a sign, 11 bits of exponent plus 1023, and 52 bits of its fraction. So the bits of a whole number, made a
# double, are the octave and the row in it, and how far into the row it lies, without counting zeros.
_QUANTILE_SHIFT = 52 - contract.QUANTILE_ROW_BITS
_QUANTILE_START = (1023 << contract.QUANTILE_ROW_BITS) - QUANTILE_ROW
_LOG_SHIFT, _LOG_ROWS, _LOG_ROW = 52 - contract.LOG_ROW_BITS, (1 << contract.LOG_ROW_BITS) - 1, LOG_ROW
_LOG_BITS, _POWER_BIAS = contract.LOG_BITS, contract.POWER_BIAS
_POWER_SHIFT = contract.LOG_BITS - contract.POWER_ROW_BITS
_POWER_ROWS, _POWER_ROW = (1 << contract.POWER_ROW_BITS) - 1, POWER_ROW
_SHAPE_BITS, _SIZE_BLOCKS_USED = contract.SHAPE_BITS, contract.AREA_TRIES // 2

# Typed, because Numba compiles a function once more for a literal.
_ZERO, _ONCE, _LANE, _LAST_BIT, _HALF = map(np.int64, (0, 1, _LANES, 31, _HALF_WORD))
_ONE = np.uint64(1)
# Exponent of 1, and half the logarithm of 2**31.
_FULL, _LOG_OF_FULL = contract.POWER_BIAS << contract.LOG_BITS, 31 << (contract.LOG_BITS - 1)

# Below this many bytes a batch lies in the caches, where prefetching only costs: docs/benchmark_tables.md#prefetching.
_PREFETCH_BYTES = 16 << 20
_PREFETCH_AHEAD = 6


@intrinsic
def _bits_of_double(typingctx, number):
    """Bits of a whole number below 2**31 as a double."""

    def generate(context, builder, signature, arguments):
        narrow = builder.trunc(arguments[0], ir.IntType(32))
        return builder.bitcast(builder.sitofp(narrow, ir.DoubleType()), ir.IntType(64))

    return types.int64(types.int64), generate


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
def _high(word, by):
    """Upper word of a product of two words."""
    return np.int64((np.uint64(word) * np.uint64(by)) >> _SHIFT_32)


@_inline
def _clip(value, high):
    return 0 if value < 0 else high if value > high else value


@_call
def _draw_places(curves, words, first, n, mean, std, shift, side, boxes, start):
    """Set the places on a side, 0…side, of normal draws from the words first … first + n - 1."""
    # In an array of its own, which the compiler knows to lie apart from the curves: so it looks up many rows at once.
    places = _stack_array(np.int32, _LANES)
    for lane in range(n):
        word = np.int64(words[first + lane])
        below = word < _HALF_WORD
        tail = word if below else _MASK - word
        tail = tail if tail > 0 else 1
        bits = _bits_of_double(tail)
        row = ((bits >> _QUANTILE_SHIFT) - _QUANTILE_START) * 4
        x = (bits >> (_QUANTILE_SHIFT - 32)) & _MASK
        z = curves[row] - _high(x, curves[row + 1] - _high(x, np.int64(curves[row + 2])))
        distance = _high(z, std) << shift
        place = mean - distance if below else mean + distance
        places[lane] = _high(_clip(place, _HALF), 2 * side)
    for lane in range(n):
        boxes[start + lane] = places[lane]


@_inline
def _log(curves, number):
    """Half the binary logarithm of a whole number from 1 to 2**31 - 1."""
    bits = _bits_of_double(number)
    row = (_LOG_ROW + ((bits >> _LOG_SHIFT) & _LOG_ROWS)) * 4
    x = (bits >> (_LOG_SHIFT - 32)) & _MASK
    fraction = curves[row] + _high(x, curves[row + 1] - _high(x, np.int64(curves[row + 2])))
    return (((bits >> 52) - 1023) << (_LOG_BITS - 1)) + (fraction >> (33 - _LOG_BITS))


@_inline
def _power(curves, exponent):
    """Two to the power of a logarithm, in units of 2**-31."""
    row = (_POWER_ROW + ((exponent >> _POWER_SHIFT) & _POWER_ROWS)) * 4
    x = (exponent << (32 - _POWER_SHIFT)) & _MASK
    mantissa = curves[row] + _high(x, curves[row + 1] + _high(x, np.int64(curves[row + 2])))
    return mantissa >> _clip(_POWER_BIAS - (exponent >> _LOG_BITS), _LAST_BIT)


@_inline
def _in_pixels(fraction, side):
    """Pixels of a fraction of a side, halves up."""
    return (_high(fraction, 4 * side) + 1) >> 1


@_call
def _draw_count(params, block, k0, k1, epoch, index):
    """Number of rectangles of an image or an object, of which `block` is the header."""
    count, dusted, _, _ = _philox(block, index & _MASK_32, index >> _SHIFT_32, epoch, k0, k1)
    if np.int64(dusted) >= params.p_threshold:
        return 0
    return params.count_low + _high(count, params.n_counts)


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


@_call
def _draw_sizes_of_image(params, curves, height, width, sizes, first, n, k0, k1, epoch, index):
    """Set heights and widths in pixels of rectangles, from number `first` on, that are fractions or areas."""
    longer, shorter = (height, width) if height > width else (width, height)
    shape = _log(curves, (longer << _SHAPE_BITS) // shorter) - (_SHAPE_BITS << (_LOG_BITS - 1))
    shape = shape if width > height else -shape
    low, high = index & _MASK_32, index >> _SHIFT_32
    for lane in range(n):
        block = np.uint64(_SIZE_BLOCK + _SIZE_BLOCKS * (first + lane))
        a, b, c, d = _philox(block, low, high, epoch, k0, k1)
        if params.in_fractions:
            sizes[lane] = _in_pixels(params.height_low + _high(a, params.n_heights), height)
            sizes[lane + _LANES] = _in_pixels(params.width_low + _high(b, params.n_widths), width)
            continue
        sizes[lane] = sizes[lane + _LANES] = 0
        for attempt in range(2 * _SIZE_BLOCKS_USED):
            if attempt & 1:
                a, b = c, d
            elif attempt:
                a, b, c, d = _philox(block + np.uint64(attempt >> 1), low, high, epoch, k0, k1)
            area = params.area_low + _high(a, params.n_areas)
            area = _log(curves, area if area > 1 else 1) + params.area_base
            aspect = params.aspect_low + _high(b, params.n_aspects) + shape
            tall = _in_pixels(_power(curves, area + aspect), height)
            wide = _in_pixels(_power(curves, area - aspect), width)
            if tall < height and wide < width:
                sizes[lane], sizes[lane + _LANES] = tall, wide
                break


@_call
def _draw_sizes_of_kind(params, curves, height, width, sizes, first, n, k0, k1, epoch, index):
    """Set heights and widths in pixels of rectangles, from number `first` on, whose sizes halve or are shares."""
    low, high = index & _MASK_32, index >> _SHIFT_32
    for lane in range(n):
        rectangle = first + lane
        block = np.uint64(_SIZE_BLOCK + _SIZE_BLOCKS * rectangle)
        a, b, c, d = _philox(block, low, high, epoch, k0, k1)
        if params.halving:
            halvings = (_bits_of_double(rectangle) >> 52) - 1023
            tall = _in_pixels((params.height_low + _high(a, params.n_heights)) >> halvings, height)
            wide = _in_pixels((params.width_low + _high(b, params.n_widths)) >> halvings, width)
            sizes[lane], sizes[lane + _LANES] = max(tall, _ONCE), max(wide, _ONCE)
            continue
        if params.beta_scale == 0:
            fraction = _power(curves, _FULL + _log(curves, max(np.int64(a >> _ONE), _ONCE)) - _LOG_OF_FULL)
            sizes[lane], sizes[lane + _LANES] = _in_pixels(fraction, height), _in_pixels(fraction, width)
            continue
        sizes[lane] = sizes[lane + _LANES] = 0
        for attempt in range(2 * _SIZE_BLOCKS_USED):
            if attempt & 1:
                a, b = c, d
            elif attempt:
                a, b, c, d = _philox(block + np.uint64(attempt >> 1), low, high, epoch, k0, k1)
            x, y = _distance_of(params, curves, a), _distance_of(params, curves, b)
            if _at_distance(curves, x) + _at_distance(curves, y) <= _HALF:
                nearer = min(x, y)
                x, y = _at_distance(curves, x - nearer) >> 1, _at_distance(curves, y - nearer) >> 1
                share = _log(curves, max(y, _ONCE)) - _log(curves, min(x + y, _HALF - 1))
                fraction = _power(curves, _FULL + share)
                sizes[lane], sizes[lane + _LANES] = _in_pixels(fraction, height), _in_pixels(fraction, width)
                break


@_inline
def _distance_of(params, curves, word):
    """Half the binary logarithm of a word's fraction, below 0, divided by the parameter of the distribution."""
    number = np.int64(word >> _ONE)
    distance = _LOG_OF_FULL - _log(curves, number if number > 1 else _ONCE)
    return _high(distance, params.beta_scale) << params.beta_shift


@_inline
def _at_distance(curves, distance):
    """What has a logarithm that far below that of 1, in units of 2**-31."""
    return _power(curves, _FULL - 2 * min(distance, _FULL >> 1))


# ---------------------------------------------------------------------------------------------- cells


@_call
def _find_limit(n, hidden, words, store, k0, k1, epoch, index):
    """Return the pair (word, number) below which `hidden` of n cells lie, numbers counted from 0.

    The word is found byte by byte, from the highest on, by counting the words with each byte. Where cells share the
    word that is found, they are gone through once more.
    """
    if hidden >= n:
        return _MASK + _ONCE, _ZERO
    counts, is_kept = _stack_array(np.int32, 256), n <= _CELLS
    found, below = _ZERO, _ZERO
    for shift in range(24, -16, -8):
        for byte in range(256):
            counts[byte] = 0
        for first in range(0, n, _LANES):
            n_group = min(n - first, _LANE)
            if shift == 24 or not is_kept:
                _draw_words(words, n_group, np.uint64(first + 1), k0, k1, epoch, index)
            for lane in range(n_group):
                if shift == 24 and is_kept:
                    store[first + lane] = words[lane]
                word = np.int64(store[first + lane] if is_kept else words[lane])
                if shift >= 0:
                    counts[(word >> shift) & 255] += np.int32(word >> (shift + 8) == found)
                elif word == found:
                    if below == hidden:
                        return found, first + lane
                    below += 1
        byte = _ZERO
        while below + counts[byte] <= hidden:
            below += counts[byte]
            byte += 1
        found = (found << 8) | byte
        if counts[byte] == 1:
            return found << shift, _ZERO
    return found, n


@_call
def _count_cells(params, height, width, k0, k1, epoch, index):
    """Return how many cells an image has, or bands or squares of a lattice, and what is to be known of them.

    The number; rows and columns; a side in pixels, or 0; the phases of rows and columns, and how much of the side is
    hidden. Then how many cells are hidden, if that many are.
    """
    none = _ZERO, _ONCE, _ONCE, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
    low, high = index & _MASK_32, index >> _SHIFT_32
    count, dusted, _, _ = _philox(_HEADER_BLOCK, low, high, epoch, k0, k1)
    if np.int64(dusted) >= params.p_threshold:
        return none
    y, x, size, _ = _philox(np.uint64(1), low, high, epoch, k0, k1)
    if params.lattice:
        period = params.period_low + _high(size, params.n_periods)
        extent = _high(params.hidden_share, 2 * period)
        rows, columns = (height + period - 2) // period + 1, (width + period - 2) // period + 1
        n = rows + columns if params.lines else rows * columns
        return n, rows, columns, period, _high(y, period), _high(x, period), extent, _ZERO
    hidden = params.count_low + _high(count, params.n_counts)
    rows, columns, side = params.grid_rows, params.grid_columns, _ZERO
    if rows == 0:
        choice = _high(size, params.n_cell_sides)
        side = params.cell_side_0
        side = params.cell_side_1 if choice == 1 else side
        side = params.cell_side_2 if choice == 2 else side
        side = params.cell_side_3 if choice == 3 else side
        side = params.cell_side_4 if choice == 4 else side
        side = params.cell_side_5 if choice == 5 else side
        side = params.cell_side_6 if choice == 6 else side
        side = params.cell_side_7 if choice == 7 else side
        if side == 0:
            return none
        rows, columns = (height + side - 1) // side, (width + side - 1) // side
    return rows * columns, rows, columns, side, _ZERO, _ZERO, _ZERO, hidden


@_inline
def _quotient(number, by):
    """Quotient of whole numbers below 2**32, rounded down: exact in doubles, of which many are divided at once."""
    return np.int64(np.float64(number) / np.float64(by))


@_call
def _place_cells(params, cells, height, width, words, first, n, boxes):
    """Turn the words of n lanes into cells, from number `first` on, counted from 0; those not hidden are empty."""
    (_, n_rows, n_columns, side, y_phase, x_phase, extent, _), (word, number) = cells
    rows, columns, n_levels = height - params.spare_last, width - params.spare_last, params.n_levels
    keep, lattice, lines = params.keep, params.lattice, params.lines
    for lane in range(n):
        boxes[lane + _LEVEL * _BOTH] = _high(words[lane + 3 * _LANES], n_levels)
    for lane in range(n):
        cell = first + lane
        i = _quotient(cell, n_columns)
        j = cell - i * n_columns
        hidden = _ONCE
        if lattice:
            if lines:
                i, j = cell, cell - n_rows
            top, left = i * side - y_phase, j * side - x_phase
            bottom, right = top + extent, left + extent
            if lines and cell < n_rows:
                left, right = _ZERO, width
            elif lines:
                top, bottom = _ZERO, height
        else:
            if side:
                top, left = i * side, j * side
                bottom, right = top + side, left + side
            else:
                top, bottom = _quotient(i * height, n_rows), _quotient((i + 1) * height, n_rows)
                left, right = _quotient(j * width, n_columns), _quotient((j + 1) * width, n_columns)
            drawn = np.int64(words[lane])
            is_below = drawn < word or (drawn == word and cell < number)
            hidden = np.int64(is_below) ^ keep
        top, bottom = _clip(top, rows), _clip(bottom, rows)
        boxes[lane + _TOP * _BOTH] = top
        boxes[lane + _LEFT * _BOTH] = _clip(left, columns)
        boxes[lane + _BOTTOM * _BOTH] = bottom if hidden else top
        boxes[lane + _RIGHT * _BOTH] = _clip(right, columns)


# --------------------------------------------------------------------------------- what is kept, slices


@_call
def _next_band(boxes, n, height, top):
    """First edge of a rectangle that covers something below a row, or the height."""
    below = height
    for lane in range(n):
        first, last = np.int64(boxes[lane + _TOP * _BOTH]), np.int64(boxes[lane + _BOTTOM * _BOTH])
        if first < last and boxes[lane + _LEFT * _BOTH] < boxes[lane + _RIGHT * _BOTH]:
            below = first if top < first < below else below
            below = last if top < last < below else below
    return below


@_inline
def _before_pieces(boxes, width):
    """Set the spare rectangle to what stands before the first piece, with the level of the first rectangle."""
    boxes[_SPARE + _TOP * _BOTH] = boxes[_SPARE + _BOTTOM * _BOTH] = 0
    boxes[_SPARE + _LEFT * _BOTH] = boxes[_SPARE + _RIGHT * _BOTH] = width
    boxes[_SPARE + _LEVEL * _BOTH] = boxes[_LEVEL * _BOTH]
    return _SPARE * _ONCE


@_call
def _next_piece(boxes, n, height, width):
    """Put what follows the spare rectangle among those that n others leave in its place; return whether there is one.

    Before the first one, the spare rectangle is at row 0 and has no height, and its right edge is the width.
    """
    top, bottom = np.int64(boxes[_SPARE + _TOP * _BOTH]), np.int64(boxes[_SPARE + _BOTTOM * _BOTH])
    left = np.int64(boxes[_SPARE + _RIGHT * _BOTH])
    while True:
        moved = True
        while moved and left < width:
            moved = False
            for lane in range(n):
                if boxes[lane + _TOP * _BOTH] <= top < boxes[lane + _BOTTOM * _BOTH]:
                    last = np.int64(boxes[lane + _RIGHT * _BOTH])
                    if boxes[lane + _LEFT * _BOTH] <= left < last:
                        left, moved = last, True
        if left < width:
            break
        top, left = bottom, _ZERO
        if top >= height:
            return False
        bottom = _next_band(boxes, n, height, top)
    right = width
    for lane in range(n):
        if boxes[lane + _TOP * _BOTH] <= top < boxes[lane + _BOTTOM * _BOTH]:
            first = np.int64(boxes[lane + _LEFT * _BOTH])
            if left < first < right and first < boxes[lane + _RIGHT * _BOTH]:
                right = first
    boxes[_SPARE + _TOP * _BOTH], boxes[_SPARE + _BOTTOM * _BOTH] = top, bottom
    boxes[_SPARE + _LEFT * _BOTH], boxes[_SPARE + _RIGHT * _BOTH] = left, right
    return True


@_call
def _draw_slices(params, depth, slices, first, n, k0, k1, epoch, index):
    """Set the first slices of n rectangles, from number `first` on, and the slices behind their last ones."""
    low, high = index & _MASK_32, index >> _SHIFT_32
    for lane in range(n):
        block = np.uint64(_DEPTH_BLOCK + _SIZE_BLOCKS * (first + lane))
        place, size, _, _ = _philox(block, low, high, epoch, k0, k1)
        deep = params.depth_low + _high(size, params.n_depths)
        deep = _in_pixels(deep, depth) if params.depth_in_fractions else deep
        if params.inside:
            deep = min(deep, depth)
            start = _high(place, depth - deep + 1)
            stop = start + deep
        else:
            start = _high(place, depth) - (deep >> 1)
            start, stop = _clip(start, depth), _clip(start + deep, depth)
        slices[lane], slices[lane + _LANES] = start, stop


@_call
def _sum_guide(guide, sums):
    """Set the running sums of a guide, a tuple of its address, rows and columns, and return the last.

    They are those of its cells if it is small, and otherwise those of its rows.
    """
    address, rows, columns = guide
    total = _ZERO
    if rows * columns <= SMALL_GUIDE:
        weights, cells = _pointer(address, np.uint8), rows * columns
        for cell in range(0, cells & -4, 4):  # Four at a time do not wait for each other.
            a, b = np.int64(weights[cell]), np.int64(weights[cell + 1])
            c, d = np.int64(weights[cell + 2]), np.int64(weights[cell + 3])
            sums[cell], sums[cell + 1] = total + a, total + (a + b)
            sums[cell + 2] = total + (a + b + c)
            total += (a + b) + (c + d)
            sums[cell + 3] = total
        for cell in range(cells & -4, cells):
            total += np.int64(weights[cell])
            sums[cell] = total
        return total
    for row in range(rows):
        part, weights = np.uint32(0), _pointer(address + row * columns, np.uint8)  # A row sums to less than 2**32.
        for column in range(columns):
            part = np.uint32(part + weights[column])
        total += np.int64(part)
        sums[row] = total
    return total


@_call
def _draw_guided_places(guide, sums, words, n, height, width, boxes, start):
    """Set the centres of n lanes, in cells of a guide by its weights, and of up to seven more.

    All lanes take a step of the search at once, and no branch depends on a weight, which a processor would guess wrong.
    """
    address, rows, columns = guide
    is_small = rows * columns <= SMALL_GUIDE
    rest = rows * columns if is_small else rows
    total, n = np.int64(sums[rest - 1]), (n + 7) & -8
    # In arrays of their own, which the compiler knows to lie apart from the sums.
    units, places = _stack_array(np.int32, _LANES), _stack_array(np.int32, _LANES)
    for lane in range(n):
        units[lane] = _high(words[lane], total)
        places[lane] = 0
    while rest > _COUNTED:
        half = rest >> 1
        for lane in range(n):
            place = np.int64(places[lane])
            places[lane] = place + (half if sums[place + half - 1] <= units[lane] else _ZERO)
        rest -= half
    for lane in range(n):
        place, unit, passed = np.int64(places[lane]), units[lane], np.int32(0)
        for each in range(rest - 1):
            passed = np.int32(passed + np.int32(sums[place + each] <= unit))
        places[lane] = place + passed
    in_rows, in_columns = np.float64(rows), np.float64(columns)
    for lane in range(n):
        # Quotients of whole numbers below 2**32 are exact in doubles, once rounded down.
        row = np.int64(np.float64(places[lane]) / in_columns) if is_small else np.int64(places[lane])
        boxes[start + lane + _TOP * _BOTH] = row
        boxes[start + lane + _LEFT * _BOTH] = places[lane] - row * columns
    if not is_small:
        for lane in range(n):
            row = np.int64(places[lane])
            unit = np.int64(units[lane]) - (np.int64(sums[row - 1]) if row > 0 else _ZERO)
            weights, column, before, running = _pointer(address + row * columns, np.uint8), _ZERO, _ZERO, _ZERO
            for block in range(0, columns - _LANES, _LANES):
                part = np.uint32(0)
                for each in range(_LANES):
                    part = np.uint32(part + weights[block + each])
                running += np.int64(part)
                before = running if running <= unit else before
                column += _LANES * np.int64(running <= unit)
            running = before
            for each in range(column, min(column + _LANES, columns) - 1):
                running += np.int64(weights[each])
                column += np.int64(running <= unit)
            boxes[start + lane + _LEFT * _BOTH] = column
    for lane in range(n):
        halves = np.int64(words[lane + _LANES])
        top = boxes[start + lane + _TOP * _BOTH] * height + (((halves >> 16) * height) >> 16)
        left = boxes[start + lane + _LEFT * _BOTH] * width + (((halves & 0xFFFF) * width) >> 16)
        boxes[start + lane + _TOP * _BOTH] = np.int64(np.float64(top) / in_rows)
        boxes[start + lane + _LEFT * _BOTH] = np.int64(np.float64(left) / in_columns)


@_call
def _keep_objects(objects, limits, hidden, n, boxes, start):
    """Empty those of n rectangles that would hide more of an object than it may lose.

    `objects`: the address of the first top, from there to the first left, and so on, and how many objects there are.
    `hidden` has room for twice as many.
    """
    address, step, n_objects = objects
    tops, lefts = _pointer(address, np.int64), _pointer(address + step, np.int64)
    bottoms, rights = _pointer(address + 2 * step, np.int64), _pointer(address + 3 * step, np.int64)
    lost = _pointer(_address(hidden) + 8 * n_objects, np.int64)
    for lane in range(start, start + n):
        top, left = np.int64(boxes[lane + _TOP * _BOTH]), np.int64(boxes[lane + _LEFT * _BOTH])
        bottom, right = np.int64(boxes[lane + _BOTTOM * _BOTH]), np.int64(boxes[lane + _RIGHT * _BOTH])
        over = _ZERO
        for k in range(n_objects):
            tall = max(min(bottom, bottoms[k]) - max(top, tops[k]), _ZERO)
            wide = max(min(right, rights[k]) - max(left, lefts[k]), _ZERO)
            lost[k] = hidden[k] + tall * wide
            over |= np.int64(lost[k] > limits[k])
        if over:
            boxes[lane + _BOTTOM * _BOTH] = boxes[lane + _TOP * _BOTH]
        else:
            for k in range(n_objects):
                hidden[k] = lost[k]


@_call
def _shift(boxes, start, n, top, left):
    """Move n rectangles down and to the right."""
    for lane in range(start, start + n):
        boxes[lane + _TOP * _BOTH] += top
        boxes[lane + _LEFT * _BOTH] += left
        boxes[lane + _BOTTOM * _BOTH] += top
        boxes[lane + _RIGHT * _BOTH] += left


@_inline
def _draw_boxes(params, curves, height, width, words, sizes, n, boxes, start):
    """Turn the words of n lanes into clipped rectangles, from place `start` on, and up to seven more.

    Centres that a guide tells stand in `boxes` before.
    """
    # Read once: the compiler cannot know that writing boxes does not change the params. One loop for each step, and
    # whole vectors of lanes, so that the compiler makes vector instructions of them.
    rows, columns, n_levels = height - params.spare_last, width - params.spare_last, params.n_levels
    n = (n + 7) & -8
    if params.size_unit:
        unit, height_low, n_heights = params.size_unit, params.height_low, params.n_heights
        width_low, n_widths, square = params.width_low, params.n_widths, params.square
        for lane in range(n):
            product = np.uint64(words[lane + 2 * _LANES]) * np.uint64(n_heights)
            tall = unit * (height_low + np.int64(product >> _SHIFT_32))
            wide = unit * (width_low + _high(product & _MASK_32, n_widths))
            sizes[lane] = tall
            sizes[lane + _LANES] = tall if square else wide
    for lane in range(n):
        boxes[start + lane + _LEVEL * _BOTH] = _high(words[lane + 3 * _LANES], n_levels)
    if params.inside:
        for lane in range(n):
            tall, wide = np.int64(sizes[lane]), np.int64(sizes[lane + _LANES])
            tall, wide = tall if tall < rows else rows, wide if wide < columns else columns
            top, left = _high(words[lane], rows - tall + 1), _high(words[lane + _LANES], columns - wide + 1)
            boxes[start + lane + _TOP * _BOTH] = top
            boxes[start + lane + _LEFT * _BOTH] = left
            boxes[start + lane + _BOTTOM * _BOTH] = top + tall
            boxes[start + lane + _RIGHT * _BOTH] = left + wide
        return
    if params.normal:
        top, left = start + _TOP * _BOTH, start + _LEFT * _BOTH
        _draw_places(curves, words, _ZERO, n, params.y_mean, params.y_std, params.y_shift, height, boxes, top)
        _draw_places(curves, words, _LANE, n, params.x_mean, params.x_std, params.x_shift, width, boxes, left)
    elif not params.guided:
        for lane in range(n):
            boxes[start + lane + _TOP * _BOTH] = _high(words[lane], height)
            boxes[start + lane + _LEFT * _BOTH] = _high(words[lane + _LANES], width)
    for lane in range(n):
        tall, wide = np.int64(sizes[lane]), np.int64(sizes[lane + _LANES])
        top = np.int64(boxes[start + lane + _TOP * _BOTH]) - (tall >> 1)
        left = np.int64(boxes[start + lane + _LEFT * _BOTH]) - (wide >> 1)
        boxes[start + lane + _TOP * _BOTH] = _clip(top, rows)
        boxes[start + lane + _LEFT * _BOTH] = _clip(left, columns)
        boxes[start + lane + _BOTTOM * _BOTH] = _clip(top + tall, rows)
        boxes[start + lane + _RIGHT * _BOTH] = _clip(left + wide, columns)


@_call
def _draw_colors(params, rectangle, levels, k0, k1, epoch, index):
    """Set the level of each channel, and up to three more; rectangles count from 1."""
    for block in range((params.channels + 3) >> 2):
        counter = np.uint64(_COLOR_BLOCK + rectangle * _COLOR_BLOCKS + block)
        a, b, c, d = _philox(counter, index & _MASK_32, index >> _SHIFT_32, epoch, k0, k1)
        levels[4 * block] = _high(a, params.n_levels)
        levels[4 * block + 1] = _high(b, params.n_levels)
        levels[4 * block + 2] = _high(c, params.n_levels)
        levels[4 * block + 3] = _high(d, params.n_levels)


# ------------------------------------------------------------------------------------------- painting


@_inline
def _fill_rows(address, rows, stride, n, pattern):
    """Fill `rows` runs of n bytes, `stride` apart, with a repeated pattern.

    Most runs are shorter than a cache line, so the time is the number of stores. Their size is decided per rectangle:
    two stores that overlap fill a run. The loops are alike, but a function of each size would be compiled on its own.
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
        while address != stop:
            _store_repeated(address, pattern, 32)
            _store_repeated(address + n - 32, pattern, 32)
            address += stride
    elif n >= 16:
        while address != stop:
            _store_repeated(address, pattern, 16)
            _store_repeated(address + n - 16, pattern, 16)
            address += stride
    elif n >= 8:
        while address != stop:
            _store_repeated(address, pattern, 8)
            _store_repeated(address + n - 8, pattern, 8)
            address += stride
    elif n >= 4:
        while address != stop:
            _store_repeated(address, pattern, 4)
            _store_repeated(address + n - 4, pattern, 4)
            address += stride
    elif n >= 2:
        while address != stop:
            _store_repeated(address, pattern, 2)
            _store_repeated(address + n - 2, pattern, 2)
            address += stride
    else:
        while address != stop:
            _store_repeated(address, pattern, 1)
            address += stride


@_inline
def _memory_of(params, row_stride, column_stride, channel_stride):
    """How images lie in memory, as the painting functions take it, in bytes.

    A run is what one store may paint in one column: a channel, or all of them if they are equal and lie together.
    `interleaved`: they lie together, but differ. Of RGB bytes in HWC, a grey pixel is 1 run of 3 bytes; a coloured one
    is 3 interleaved runs of 1 byte. In CHW both are 3 runs of 1 byte, in planes of their own.
    """
    item, channels = params.item_bytes, params.channels
    adjacent = abs(channel_stride) == item
    merged = adjacent and params.pattern_columns == 1 and not params.per_channel
    # From channel 0 to the first one in memory.
    first_channel = (channels - 1) * channel_stride if channel_stride < 0 else 0
    runs, run_bytes, origin = (1, channels * item, first_channel) if merged else (channels, item, 0)
    whole = channels > 1 and abs(column_stride) == channels * item
    interleaved = np.int64(adjacent and whole and not merged)
    return row_stride, column_stride, channel_stride, runs, run_bytes, origin, interleaved, first_channel


@_inline
def _corner(memory, image, boxes, stride, box):
    """Address of the first column in memory of the top row of a rectangle."""
    column = boxes[box + _LEFT * stride] if memory[1] > 0 else boxes[box + _RIGHT * stride] - 1
    return image + boxes[box + _TOP * stride] * memory[0] + column * memory[1]


@_inline
def _paint_box(memory, image, boxes, stride, box, patterns, pattern, pattern_step):
    """Paint a rectangle with the patterns from `pattern` on, one for each channel or one for all.

    `stride` lies between the edges of a rectangle in `boxes`.
    """
    rows = np.int64(boxes[box + _BOTTOM * stride]) - boxes[box + _TOP * stride]
    columns = np.int64(boxes[box + _RIGHT * stride]) - boxes[box + _LEFT * stride]
    if rows <= 0 or columns <= 0:
        return
    row_stride, column_stride, channel_stride, runs, run_bytes, origin, interleaved, first_channel = memory
    corner, step = _corner(memory, image, boxes, stride, box), abs(column_stride)
    # Columns that lie side by side are one run, others are one each.
    n_runs, length = (1, columns * run_bytes) if step == run_bytes else (columns, run_bytes)
    # Channels that differ and lie together: paint the first row, then copy it.
    painted = 1 if interleaved else rows
    for run in range(runs):
        address, value = corner + origin + run * channel_stride, patterns[pattern + run * pattern_step]
        for _ in range(n_runs):
            _fill_rows(address, painted, row_stride, length, value)
            address += step
    if interleaved:
        first = corner + first_channel
        for copied in range(1, rows):
            _memcpy(first + copied * row_stride, first, columns * step)


def _storing(size):
    """Return a function that stores patterns of noise, items of `size` bytes, `stride` apart."""

    @_inline
    def store(address, stride, levels, start, stop, step, patterns, pattern, columns):
        for value in range(start, stop, step):
            _store_repeated(address, patterns[pattern + levels[value] * columns], size)
            address += stride

    return store


_store_1, _store_2, _store_4, _store_8 = map(_storing, (1, 2, 4, 8))


@_call
def _draw_levels(params, words, levels, n, block, k0, k1, epoch, index):
    """Set the levels of the first n values from a block on, and of those that fill up the last vector of blocks."""
    low, high = index & _MASK_32, index >> _SHIFT_32
    in_bytes = params.n_levels == 256
    for lane in range((((n + 15) >> 4 if in_bytes else (n + 7) >> 3) + 7) & -8):
        a, b, c, d = _philox(block + np.uint64(lane), low, high, epoch, k0, k1)
        words[4 * lane] = a
        words[4 * lane + 1] = b
        words[4 * lane + 2] = c
        words[4 * lane + 3] = d
    if in_bytes:
        _memcpy(_address(levels), _address(words), n)
        return
    halves, n_levels = _view(words, np.uint16), params.n_levels
    for value in range(n):
        levels[value] = (np.int64(halves[value]) * n_levels) >> 16


@_call
def _paint_noise(params, memory, image, first, width, boxes, stride, box, patterns, k0, k1, epoch, index):
    """Paint a rectangle with a brightness for each value; `first` is the number of the image's first value."""
    words, levels = _stack_array(np.uint32, _WORDS), _stack_array(np.uint8, _LEVELS)
    row_stride, column_stride, channel_stride = memory[0], memory[1], memory[2]
    channels, item, columns = params.channels, params.item_bytes, params.pattern_columns
    flat = params.plain_noise and channel_stride == item and column_stride == channels * item
    # Values of a block, as a power of two.
    bits = 4 if params.n_levels == 256 else 3
    left, right = np.int64(boxes[box + _LEFT * stride]), np.int64(boxes[box + _RIGHT * stride])
    for y in range(boxes[box + _TOP * stride], boxes[box + _BOTTOM * stride]):
        row, zero = image + y * row_stride, first + y * width * channels
        value, stop = zero + left * channels, zero + right * channels
        while value < stop:
            block = value >> bits
            begin = block << bits
            n = min(stop - begin, _LANES << bits)
            _draw_levels(params, words, levels, n, _NOISE_BLOCK + np.uint64(block), k0, k1, epoch, index)
            if flat:
                _memcpy(row + value - zero, _address(levels) + value - begin, begin + n - value)
            else:
                # Channel by channel: values of one channel are `channels` apart.
                for offset in range(min(channels, begin + n - value)):
                    column, channel = (value + offset - zero) // channels, (value + offset - zero) % channels
                    address = row + column * column_stride + channel * channel_stride
                    start, pattern = value + offset - begin, channel * params.pattern_step
                    if item == 1:
                        _store_1(address, column_stride, levels, start, n, channels, patterns, pattern, columns)
                    elif item == 2:
                        _store_2(address, column_stride, levels, start, n, channels, patterns, pattern, columns)
                    elif item == 4:
                        _store_4(address, column_stride, levels, start, n, channels, patterns, pattern, columns)
                    else:
                        _store_8(address, column_stride, levels, start, n, channels, patterns, pattern, columns)
            value = begin + n


@_call
def _paint_donor(params, memory, image, donor, strides, boxes, stride, box):
    """Copy a rectangle of a donor, whose rows, columns and channels are `strides` apart."""
    rows = np.int64(boxes[box + _BOTTOM * stride]) - boxes[box + _TOP * stride]
    columns = np.int64(boxes[box + _RIGHT * stride]) - boxes[box + _LEFT * stride]
    if rows <= 0 or columns <= 0:
        return
    item, channels = params.item_bytes, params.channels
    # Pixels that lie side by side in both are copied at once, or the columns of each channel.
    same = memory[1] == strides[1] and memory[2] == strides[2]
    whole = same and memory[2] == item and memory[1] == channels * item
    planar = memory[1] == item and strides[1] == item
    runs, length = (1, columns * channels * item) if whole else (channels, columns * item)
    top, left = np.int64(boxes[box + _TOP * stride]), np.int64(boxes[box + _LEFT * stride])
    for run in range(runs):
        target = image + top * memory[0] + left * memory[1] + run * memory[2]
        source = donor + top * strides[0] + left * strides[1] + run * strides[2]
        for _ in range(rows):
            if whole or planar:
                _memcpy(target, source, length)
            else:
                for column in range(columns):
                    _memcpy(target + column * memory[1], source + column * strides[1], item)
            target += memory[0]
            source += strides[0]


@_inline
def _prefetch_box(memory, image, boxes, stride, box):
    """Ask for the cache lines at both ends of a rectangle's rows: all of them, for rectangles as small as dust."""
    last = (np.int64(boxes[box + _RIGHT * stride]) - boxes[box + _LEFT * stride]) * abs(memory[1]) - 1
    for run in range(memory[3]):
        address = _corner(memory, image, boxes, stride, box) + memory[5] + run * memory[2]
        for _ in range(boxes[box + _BOTTOM * stride] - boxes[box + _TOP * stride]):
            _prefetch(address)
            _prefetch(address + last)
            address += memory[0]


# ------------------------------------------------------------------------- entries, called by ``launch``
# All arrays come as addresses: Numba counts references to an array at every call that takes it, which cost more than to
# paint a rectangle. Each number costs 20 ns, so a batch is the address of its array, or of what describes it. The
# coordinates are the words of the seed, the epoch, the index of the first image, and, for some entries, the address of
# an index for each image, or 0 if they follow one another.


@_inline
def _index_of(first, indices, i):
    """Index of image i."""
    return np.uint64(_pointer(indices, np.int64)[i] if indices else first + i)


@_call
def _overlaps(n, height, width, channels, item, image_stride, row_stride, column_stride, channel_stride):
    """Whether two items of a batch share memory: from the innermost axis on, each must step over all before it."""
    strides = (abs(image_stride), abs(row_stride), abs(column_stride), abs(channel_stride))
    lengths, extent, done = (n, height, width, channels), item, 0
    for _ in range(4):
        best = -1
        for axis in range(4):
            if lengths[axis] > 1 and not (done >> axis) & 1 and (best < 0 or strides[axis] < strides[best]):
                best = axis
        if best < 0:
            return False
        if strides[best] < extent:
            return True
        extent += strides[best] * (lengths[best] - 1)
        done |= 1 << best
    return False


@_call
def _refuses(params, height, width):
    """Whether a spec cannot be drawn on images of a size: as ``checks.check_size`` decides."""
    if height < 1 or width < 1 or height > _MAX_SIDE or width > _MAX_SIDE:
        return True
    if params.per_value:
        most = _MAX_NOISE_BYTES if params.n_levels == 256 else _MAX_NOISE_HALVES
        if height * width * params.channels > most:
            return True
    if params.least_side:
        more = params.least_side - (2 if params.lattice else 1)
        rows = (height + more) // params.least_side + params.lattice
        columns = (width + more) // params.least_side + params.lattice
        if (rows + columns if params.lines else rows * columns) > _MAX_COUNT:
            return True
    if params.from_area and not params.per_object:
        area = params.smallest_area * height * width
        # From these aspects on it is narrow enough, and up to those flat enough.
        narrow, flat = area / ((width - 0.5) * (width - 0.5)), (height - 0.5) * (height - 0.5) / area
        if narrow > flat or narrow > params.largest_aspect or params.smallest_aspect > flat:
            return True
    return False


@_inline
def _strides_of(params, n, height, width, image_stride, row_stride, column_stride, channel_stride):
    """Strides in bytes. NumPy sets that of an axis of length 1 to any number; the painting needs one that is not 0."""
    item, unit = params.item_bytes, params.stride_bytes
    channel_stride = channel_stride * unit if params.channels > 1 else item
    if width > 1:
        column_stride *= unit
    else:
        column_stride = item * params.channels if abs(channel_stride) == item else item
    return (
        image_stride * unit if n > 1 else item,
        row_stride * unit if height > 1 else item,
        column_stride,
        channel_stride,
    )


@_call
def _are_as_given(images, n, height, width):
    """Whether images are as many and as large as their terms were made for."""
    numbers = _pointer(images, np.int64)
    return n == numbers[1] and height == numbers[2] and width == numbers[3]


@_inline
def _open(params, images, kind, first):
    """Read where a batch lies, and whether its images from an index on may be painted.

    `kind` says what `images` is the address of, and strides are in units of `stride_bytes`:

    - `ARRAY`: a NumPy array, whose fields are read,
    - `AXES`: numbers: the address of the first item, the lengths of all axes, their strides,
    - `PART`: numbers: the address of the first item, n, height, width, the strides of images, rows, columns and
      channels, the address of an index for each image, or 0 if they follow one another, and the first image to paint
      and the first not to. With terms, the numbers of `calls.pack_terms` follow.
    - `TERMS`: numbers: the address of a NumPy array, whose fields are read, and the n, height and width for which its
      terms were made, which it must have; then as in `PART`, where the other seven tell nothing.

    Returns a status (0; 1: refused; 2: there is no pixel), address, n, height, width, strides in bytes, indices, start
    and stop.
    """
    if kind == PART:
        numbers = _pointer(images, np.int64)
        address, n, height, width = numbers[0], numbers[1], numbers[2], numbers[3]
        image_stride, row_stride, column_stride, channel_stride = numbers[4], numbers[5], numbers[6], numbers[7]
        indices, start, stop = numbers[8], numbers[9], numbers[10]
    else:
        given = _pointer(images, np.int64)[0] if kind == TERMS else images
        fields = _pointer(given + (_ZERO if kind == AXES else ARRAY_HEAD), np.int64)
        address, at_lengths, at_strides = fields[0], images + 8, images + 8 + 8 * params.n_axes
        if kind != AXES:
            # Other arrays than those of the layout are not read: they have no such axes.
            if fields[1] & _MASK != params.n_axes:
                return _ONCE, address, _ZERO, _ZERO, _ZERO, (_ZERO, _ZERO, _ZERO, _ZERO), _ZERO, _ZERO, _ZERO
            at_lengths, at_strides = fields[2], fields[3]
        lengths, strides = _pointer(at_lengths, np.int64), _pointer(at_strides, np.int64)
        n, image_stride = (lengths[params.axis_n], strides[params.axis_n]) if params.axis_n >= 0 else (_ONCE, _ZERO)
        height, width = lengths[params.axis_h], lengths[params.axis_w]
        row_stride, column_stride = strides[params.axis_h], strides[params.axis_w]
        channel_stride = strides[params.axis_c] if params.axis_c >= 0 else _ZERO
        indices, start, stop = _ZERO, _ZERO, n
    image_stride, row_stride, column_stride, channel_stride = _strides_of(
        params, n, height, width, image_stride, row_stride, column_stride, channel_stride
    )
    status = _ZERO
    if n == 0 or height == 0 or width == 0 or params.channels == 0:
        status = 2 * _ONCE
    elif (
        (kind == TERMS and not _are_as_given(images, n, height, width))
        or first > _MAX_INDEX - (n - 1)
        or _refuses(params, height, width)
        or _overlaps(
            n,
            height,
            width,
            params.channels,
            params.item_bytes,
            image_stride,
            row_stride,
            column_stride,
            channel_stride,
        )
    ):
        status = _ONCE
    strides_in_bytes = image_stride, row_stride, column_stride, channel_stride
    return status, address, n, height, width, strides_in_bytes, indices, start, stop


@_inline
def _guide_of(params, images):
    """Return where the guides of a batch lie, their rows and columns, and where running sums have room."""
    if not params.guided:
        return _ZERO, _ONCE, _ONCE, _pointer(_ZERO, np.int32)
    numbers = _pointer(images, np.int64)
    return numbers[11], numbers[12], numbers[13], _pointer(numbers[14], np.int32)


@_inline
def _objects_of(params, images):
    """Return where the objects of a batch lie: the address of the first top, and how far it is to the first left.

    Then where those of each image begin, their limits, and what they lost.
    """
    if not (params.limited or params.per_object):
        return (_ZERO, _ZERO), _pointer(_ZERO, np.int64), _ZERO, _pointer(_ZERO, np.int64)
    numbers = _pointer(images, np.int64)
    edges, step, offsets, limits, hidden = numbers[15], numbers[16], numbers[17], numbers[18], numbers[19]
    return (edges, step), _pointer(offsets, np.int64), limits, _pointer(hidden, np.int64)


@_inline
def _slices_of(kind, images):
    """Return how many slices a batch of volumes has, and how far it is from one to the next; images have one."""
    if kind < PART:
        return _ONCE, _ZERO
    numbers = _pointer(images, np.int64)
    return numbers[20], numbers[21]


@_inline
def _donors_of(params, images):
    """Return where donors lie: an address, and strides of images, rows, columns, channels and slices."""
    if not params.per_donor:
        return _ZERO, _ZERO, (_ZERO, _ZERO, _ZERO), _ZERO
    numbers = _pointer(images, np.int64)
    return numbers[22], numbers[23], (numbers[24], numbers[25], numbers[26]), numbers[27]


@_inline
def _limit(params, objects, offsets, limits, hidden, image, n, boxes, start):
    """Empty those of n rectangles of an image that hide too much of its objects."""
    if params.limited:
        first, (edges, step) = 8 * offsets[image], objects
        objects_of_image = edges + first, step, offsets[image + 1] - offsets[image]
        _keep_objects(objects_of_image, _pointer(limits + first, np.int64), hidden, n, boxes, start)


@_inline
def _forget(params, offsets, hidden, image):
    """Begin to count what the objects of an image lose."""
    if params.limited:
        for k in range(offsets[image + 1] - offsets[image]):
            hidden[k] = 0


@_inline
def _count_objects(params, offsets, image):
    """Return how often an image is drawn on: once, or once for each object."""
    return offsets[image + 1] - offsets[image] if params.per_object else _ONCE


@_call
def _draw_count_on(params, objects, offsets, image, j, height, width, guide, sums, n_cells, k0, k1, epoch, index):
    """Return what is drawn on, which is the image or its object j: top, left, height, width; and two numbers.

    They are that of the rectangle before the first one, and that of the last one. A guide is summed.
    """
    if params.per_object:
        address, step, first = (
            objects[0] + 8 * (offsets[image] + j),
            objects[1],
            j * (params.count_low + params.n_counts - 1),
        )
        top, left = _pointer(address, np.int64)[0], _pointer(address + step, np.int64)[0]
        tall = _pointer(address + 2 * step, np.int64)[0] - top
        wide, count = _pointer(address + 3 * step, np.int64)[0] - left, _ZERO
        if tall > 0 and wide > 0:
            count = _draw_count(params, np.uint64(_OBJECT_BLOCK + j), k0, k1, epoch, index)
        return top, left, tall, wide, first, first + count
    if params.grid or params.lattice:
        return _ZERO, _ZERO, height, width, _ZERO, n_cells
    count = _draw_count(params, _HEADER_BLOCK, k0, k1, epoch, index)
    if params.guided and count > 0 and _sum_guide(guide, sums) == 0:
        count = _ZERO
    return _ZERO, _ZERO, height, width, _ZERO, count


@_call
def _draw_cells(params, height, width, words, store, k0, k1, epoch, index):
    """Return what `_count_cells` does, and the pair (word, number) below which cells are hidden."""
    cells, limit = (_ZERO, _ONCE, _ONCE, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO), (params.cell_threshold, _ZERO)
    if params.grid or params.lattice:
        cells = _count_cells(params, height, width, k0, k1, epoch, index)
        if params.grid and not params.independent and cells[0] > 0:
            limit = _find_limit(cells[0], cells[7], words, store, k0, k1, epoch, index)
    return cells, limit


@_call
def _draw_group(params, curves, cells, guide, sums, where, words, sizes, boxes, k0, k1, epoch, index):
    """Draw rectangles of any kind.

    `where`: height and width of the image; top, left, height and width of the part of it that is drawn on; and the
    number before that of the first rectangle, and how many there are.
    """
    height, width, (top, left, tall, wide), n_drawn, n = where
    _draw_words(words, n, np.uint64(n_drawn + 1), k0, k1, epoch, index)
    if params.grid or params.lattice:
        _place_cells(params, cells, height, width, words, n_drawn, n, boxes)
        return
    if params.halving or params.from_beta:
        _draw_sizes_of_kind(params, curves, tall, wide, sizes, n_drawn + 1, n, k0, k1, epoch, index)
    elif not params.size_unit:
        _draw_sizes_of_image(params, curves, tall, wide, sizes, n_drawn + 1, n, k0, k1, epoch, index)
    if params.guided:
        _draw_guided_places(guide, sums, words, n, height, width, boxes, _ZERO)
    _draw_boxes(params, curves, tall, wide, words, sizes, n, boxes, _ZERO)
    if params.per_object:
        _shift(boxes, _ZERO, n, top, left)


@_entry
def dust_batch(plan, patterns, images, kind, seed_low, seed_high, epoch, first):
    """Draw and paint images with a brightness per rectangle or image.

    The other fills and images with terms are painted by the next two entries: here they would double the time of
    compiling.

    patterns : uint64, (levels or images, pattern_columns). images, kind : as `_open` takes them.

    Returns 1, and paints nothing, if the memory of the batch overlaps itself, the spec does not suit its size, or an
    index would pass the greatest one.
    """
    params, patterns = _params_at(plan), _pointer(patterns, np.uint64)
    status, address, _, height, width, strides, indices, start, stop = _open(params, images, kind, first)
    if status:
        return status & 1
    item, channels = params.item_bytes, params.channels
    image_stride, row_stride, column_stride, channel_stride = strides
    k0, k1, epoch = np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    memory, curves = _memory_of(params, row_stride, column_stride, channel_stride), _pointer(params.curves, np.uint32)
    pattern_columns, pattern_step, per_image = params.pattern_columns, params.pattern_step, params.per_image
    words, sizes = _stack_array(np.uint32, _WORDS), _stack_array(np.int32, _SIZES)
    boxes = _stack_array(np.int32, _BOTH_BOXES)
    prefetching = (stop - start) * height * width * channels * item > _PREFETCH_BYTES
    # A double buffer. Draw group k + 1 of up to 32 rectangles into the half `back` of `boxes`, then paint group k from
    # the half `front`, and swap. So the cache lines of the next group can be prefetched while this one is painted, even
    # if it belongs to the next image. A group lies on one image: the one painted now, or the one drawn now. The first
    # turn only draws, the last one only paints. `front` and `back` are places in `boxes`, images are addresses.
    front, n_front, painted_i, painted_image = 0, 0, start - 1, address
    drawn_i, drawn_image, index, count, n_drawn = painted_i, address, np.uint64(0), 0, 0
    while True:
        back, n_back = _LANES - front, 0
        while n_back == 0 and drawn_i < stop:
            if n_drawn < count:
                n_back = _clip(count - n_drawn, _LANE)
                _draw_words(words, n_back, np.uint64(n_drawn + 1), k0, k1, epoch, index)
                if not params.size_unit:
                    _draw_sizes_of_image(
                        params, curves, height, width, sizes, n_drawn + 1, n_back, k0, k1, epoch, index
                    )
                _draw_boxes(params, curves, height, width, words, sizes, n_back, boxes, back)
            else:
                drawn_i += 1
                if drawn_i < stop:
                    index = _index_of(first, indices, drawn_i)
                    drawn_image = address + drawn_i * image_stride
                    count, n_drawn = _draw_count(params, _HEADER_BLOCK, k0, k1, epoch, index), 0
        for lane in range(n_front):
            ahead = lane + _PREFETCH_AHEAD
            if prefetching and ahead < n_front + n_back:
                in_front = ahead < n_front
                box = front + ahead if in_front else back + ahead - n_front
                _prefetch_box(memory, painted_image if in_front else drawn_image, boxes, _BOTH, box)
            box = front + lane
            pattern = painted_i if per_image else boxes[box + _LEVEL * _BOTH]
            _paint_box(memory, painted_image, boxes, _BOTH, box, patterns, pattern * pattern_columns, pattern_step)
        if n_back == 0:
            return 0
        front, n_front, painted_i, painted_image = back, n_back, drawn_i, drawn_image
        n_drawn += n_back


@_entry
def dust_batch_in_detail(plan, patterns, images, kind, seed_low, seed_high, epoch, first):
    """As `dust_batch`, with a brightness for each channel of a rectangle or each value of the image."""
    params, patterns = _params_at(plan), _pointer(patterns, np.uint64)
    status, address, _, height, width, strides, indices, start, stop = _open(params, images, kind, first)
    if status:
        return status & 1
    channels = params.channels
    image_stride, row_stride, column_stride, channel_stride = strides
    k0, k1, epoch = np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    memory, curves = _memory_of(params, row_stride, column_stride, channel_stride), _pointer(params.curves, np.uint32)
    words, sizes = _stack_array(np.uint32, _WORDS), _stack_array(np.int32, _SIZES)
    boxes = _stack_array(np.int32, _BOTH_BOXES)
    levels = _stack_array(np.int64, _MAX_COLOR_CHANNELS)
    colors = _stack_array(np.uint64, _MAX_COLOR_CHANNELS)
    for i in range(start, stop):
        image, index = address + i * image_stride, _index_of(first, indices, i)
        count = _draw_count(params, _HEADER_BLOCK, k0, k1, epoch, index)
        for n_drawn in range(0, count, _LANES):
            n_group = _clip(count - n_drawn, _LANE)
            _draw_words(words, n_group, np.uint64(n_drawn + 1), k0, k1, epoch, index)
            if not params.size_unit:
                _draw_sizes_of_image(params, curves, height, width, sizes, n_drawn + 1, n_group, k0, k1, epoch, index)
            _draw_boxes(params, curves, height, width, words, sizes, n_group, boxes, _ZERO)
            for lane in range(n_group):
                if params.per_value:
                    _paint_noise(
                        params, memory, image, _ZERO, width, boxes, _BOTH, lane, patterns, k0, k1, epoch, index
                    )
                else:
                    _draw_colors(params, n_drawn + lane + 1, levels, k0, k1, epoch, index)
                    for channel in range(channels):
                        pattern = levels[channel] * params.pattern_columns + channel * params.pattern_step
                        colors[channel] = patterns[pattern]
                    _paint_box(memory, image, boxes, _BOTH, lane, colors, _ZERO, _ONCE)
    return 0


@_entry
def dust_any_batch(plan, patterns, images, kind, seed_low, seed_high, epoch, first):
    """As `dust_batch`, for specs and fills of all kinds, images with a guide or objects, and volumes.

    Without terms that the spec needs, it paints nothing and returns 1.
    """
    params, patterns = _params_at(plan), _pointer(patterns, np.uint64)
    status, address, _, height, width, strides, indices, start, stop = _open(params, images, kind, first)
    if status:
        return status & 1
    channels, has_depth = params.channels, params.has_depth
    if kind < PART and (params.guided or params.limited or params.per_object or params.per_donor or has_depth):
        return 1
    image_stride, row_stride, column_stride, channel_stride = strides
    k0, k1, epoch = np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    memory, curves = _memory_of(params, row_stride, column_stride, channel_stride), _pointer(params.curves, np.uint32)
    words, sizes = _stack_array(np.uint32, _WORDS), _stack_array(np.int32, _SIZES)
    boxes, slices = _stack_array(np.int32, _BOTH_BOXES), _stack_array(np.int32, _SLICES)
    guides, rows, columns, sums = _guide_of(params, images)
    objects, offsets, limits, hidden = _objects_of(params, images)
    depth, slice_stride = _slices_of(kind, images)
    donors, donor_stride, donor_strides, donor_slice_stride = _donors_of(params, images)
    levels = _stack_array(np.int64, _MAX_COLOR_CHANNELS)
    colors, store = _stack_array(np.uint64, _MAX_COLOR_CHANNELS), _stack_array(np.uint32, _CELLS)
    keeps, values_of_slice = params.keep != 0 and params.grid == 0, height * width * channels
    for i in range(start, stop):
        image, index = address + i * image_stride, _index_of(first, indices, i)
        guide = guides + i * rows * columns, rows, columns
        cells = _draw_cells(params, height, width, words, store, k0, k1, epoch, index)
        _forget(params, offsets, hidden, i)
        for j in range(_count_objects(params, offsets, i)):
            top, left, tall, wide, n_before, count = _draw_count_on(
                params, objects, offsets, i, j, height, width, guide, sums, cells[0][0], k0, k1, epoch, index
            )
            part = top, left, tall, wide
            for n_drawn in range(n_before, count, _LANES):
                n_group = _clip(count - n_drawn, _LANE)
                where = height, width, part, n_drawn, n_group
                _draw_group(params, curves, cells, guide, sums, where, words, sizes, boxes, k0, k1, epoch, index)
                _limit(params, objects, offsets, limits, hidden, i, n_group, boxes, _ZERO)
                if has_depth:
                    _draw_slices(params, depth, slices, n_drawn + 1, n_group, k0, k1, epoch, index)
                box, stop_box = -_ONCE, n_group - 1
                if keeps:
                    box = _before_pieces(boxes, width)
                while _next_piece(boxes, n_group, height, width) if keeps else box < stop_box:
                    box = box if keeps else box + 1
                    painted, step = patterns, params.pattern_step
                    pattern = (i if params.per_image else boxes[box + _LEVEL * _BOTH]) * params.pattern_columns
                    if params.per_channel:
                        number = _ONCE if keeps else n_drawn + box + 1
                        _draw_colors(params, number, levels, k0, k1, epoch, index)
                        for channel in range(channels):
                            color = levels[channel] * params.pattern_columns + channel * params.pattern_step
                            colors[channel] = patterns[color]
                        painted, pattern, step = colors, _ZERO, _ONCE
                    begin = np.int64(slices[box]) if has_depth else _ZERO
                    end = np.int64(slices[box + _LANES]) if has_depth else depth
                    for each in range(begin, end):
                        at = image + each * slice_stride
                        if params.per_value:
                            value = each * values_of_slice
                            _paint_noise(
                                params, memory, at, value, width, boxes, _BOTH, box, patterns, k0, k1, epoch, index
                            )
                        elif params.per_donor:
                            donor = donors + i * donor_stride + each * donor_slice_stride
                            _paint_donor(params, memory, at, donor, donor_strides, boxes, _BOTH, box)
                        else:
                            _paint_box(memory, at, boxes, _BOTH, box, painted, pattern, step)
    return 0


@_entry
def count_rectangles(plan, height, width, seed_low, seed_high, epoch, first, indices, n, counts, terms):
    """Set counts, int64 (n,), to the number of rectangles of each image; of kept ones, how many stay."""
    params, k0, k1, epoch_word = _params_at(plan), np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    counts = _pointer(counts, np.int64)
    guides, rows, columns, sums = _guide_of(params, terms)
    objects, offsets, _, _ = _objects_of(params, terms)
    for i in range(n):
        index, guide = _index_of(first, indices, i), (guides + i * rows * columns, rows, columns)
        n_cells = _ZERO
        if params.grid or params.lattice:
            n_cells = _count_cells(params, height, width, k0, k1, epoch_word, index)[0]
        counts[i] = 0
        for j in range(_count_objects(params, offsets, i)):
            _, _, _, _, n_before, count = _draw_count_on(
                params, objects, offsets, i, j, height, width, guide, sums, n_cells, k0, k1, epoch_word, index
            )
            counts[i] += count - n_before
    return 0


@_entry
def draw_rectangles(
    plan,
    height,
    width,
    seed_low,
    seed_high,
    epoch,
    first,
    indices,
    n,
    boxes,
    levels,
    terms,
):
    """Set boxes, int32 (r, 4), and levels, int32 (r, channels or 1), as many as `count_rectangles` counts.

    Of kept ones, they are those that stay. With depths, boxes are (r, 6): the first slice, and the one behind the last.
    """
    params, k0, k1, epoch_word = _params_at(plan), np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    curves, boxes, levels = _pointer(params.curves, np.uint32), _pointer(boxes, np.int32), _pointer(levels, np.int32)
    words, sizes = _stack_array(np.uint32, _WORDS), _stack_array(np.int32, _SIZES)
    drawn, of_channels = _stack_array(np.int32, _BOTH_BOXES), _stack_array(np.int64, _MAX_COLOR_CHANNELS)
    slices, store = _stack_array(np.int32, _SLICES), _stack_array(np.uint32, _CELLS)
    guides, guide_rows, guide_columns, sums = _guide_of(params, terms)
    objects, offsets, limits, hidden = _objects_of(params, terms)
    depth, _ = _slices_of(np.int64(PART), terms)
    row, edges = 0, _LEVEL + 2 * params.has_depth
    for i in range(n):
        index = _index_of(first, indices, i)
        guide = guides + i * guide_rows * guide_columns, guide_rows, guide_columns
        cells = _draw_cells(params, height, width, words, store, k0, k1, epoch_word, index)
        _forget(params, offsets, hidden, i)
        for j in range(_count_objects(params, offsets, i)):
            top, left, tall, wide, n_before, count = _draw_count_on(
                params, objects, offsets, i, j, height, width, guide, sums, cells[0][0], k0, k1, epoch_word, index
            )
            part = top, left, tall, wide
            for n_drawn in range(n_before, count, _LANES):
                n_group = _clip(count - n_drawn, _LANE)
                where = height, width, part, n_drawn, n_group
                _draw_group(params, curves, cells, guide, sums, where, words, sizes, drawn, k0, k1, epoch_word, index)
                _limit(params, objects, offsets, limits, hidden, i, n_group, drawn, _ZERO)
                if params.has_depth:
                    _draw_slices(params, depth, slices, n_drawn + 1, n_group, k0, k1, epoch_word, index)
                for lane in range(n_group):
                    for edge in range(_LEVEL):
                        boxes[row * edges + edge] = drawn[lane + edge * _BOTH]
                    if params.has_depth:
                        boxes[row * edges + _LEVEL] = slices[lane]
                        boxes[row * edges + _LEVEL + 1] = slices[lane + _LANES]
                    if params.per_channel:
                        _draw_colors(params, n_drawn + lane + 1, of_channels, k0, k1, epoch_word, index)
                        for channel in range(params.channels):
                            levels[row * params.channels + channel] = of_channels[channel]
                    else:
                        levels[row] = drawn[lane + _LEVEL * _BOTH]
                    row += 1
    return 0


@_entry
def paint_boxes(plan, patterns, images, kind, n_boxes, boxes, positions, seed_low, seed_high, epoch, first, indices):
    """Paint boxes, int64 (4, n_boxes), on the images at positions, int64 (n_boxes,).

    Each has a row of patterns, or the noise of its image. images, kind : as `_open` takes them.
    """
    params, k0, k1, epoch_word = _params_at(plan), np.uint64(seed_low), np.uint64(seed_high), np.uint64(epoch)
    patterns, boxes, positions = (
        _pointer(patterns, np.uint64),
        _pointer(boxes, np.int64),
        _pointer(positions, np.int64),
    )
    status, address, _, _, width, strides, _, _, _ = _open(params, images, kind, _ZERO)
    if status == 2:
        return 0
    image_stride, row_stride, column_stride, channel_stride = strides
    memory = _memory_of(params, row_stride, column_stride, channel_stride)
    for r in range(n_boxes):
        image = address + positions[r] * image_stride
        if params.per_value:
            index = _index_of(first, indices, positions[r])
            _paint_noise(params, memory, image, _ZERO, width, boxes, n_boxes, r, patterns, k0, k1, epoch_word, index)
        else:
            _paint_box(memory, image, boxes, n_boxes, r, patterns, r * params.pattern_columns, params.pattern_step)
    return 0


# ---------------------------------------------------------------------------------------------- means

# Values of a row that are summed side by side, four rows at a time: the compiler makes vector instructions of that.
_COLUMNS, _ROWS = 512, 4
_MEAN_LIMIT, _MEAN_SCALE = 2.0**contract.MEAN_LIMIT_BITS, 2.0**contract.MEAN_BITS
# Added to a double below 2**51, this leaves the whole number nearest to it, halves to even, in the lowest bits.
_TO_WHOLE = 1.5 * 2.0**52
_TO_WHOLE_BITS = int(np.float64(_TO_WHOLE).view(np.int64))


@intrinsic
def _bits(typingctx, number):
    """Bits of a double."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def _bits_of_single(typingctx, number):
    """Bits of a double, rounded to a float of 32 bits."""

    def generate(context, builder, signature, arguments):
        single = builder.fptrunc(arguments[0], ir.FloatType())
        return builder.zext(builder.bitcast(single, ir.IntType(32)), ir.IntType(64))

    return types.int64(types.float64), generate


def _summing_integers(kind, wide):
    """Return a function that adds values of a NumPy scalar type to `sums`, of a type in which no sum overflows."""
    values_bytes = np.dtype(kind).itemsize

    @_call
    def add(address, rows, row_stride, n, step, sums):
        row = 0
        if step == values_bytes:
            for row in range(0, rows & -_ROWS, _ROWS):
                first = address + row * row_stride
                a, b = _pointer(first, kind), _pointer(first + row_stride, kind)
                c, d = _pointer(first + 2 * row_stride, kind), _pointer(first + 3 * row_stride, kind)
                for place in range(n):
                    sums[place] += wide(wide(a[place]) + wide(b[place]) + wide(c[place]) + wide(d[place]))
            row = rows & -_ROWS
        for each in range(row, rows):
            for place in range(n):
                sums[place] += wide(_pointer(address + each * row_stride + place * step, kind)[0])

    return add


def _summing_floats(kind):
    """Return a function that adds values in units of one in `scale`, and tells whether all are finite and in reach."""
    values_bytes = np.dtype(kind).itemsize

    @_inline
    def whole(value, scale):
        scaled = np.float64(value) * scale
        return _bits(scaled + _TO_WHOLE) - _TO_WHOLE_BITS, abs(scaled) < _MEAN_LIMIT

    @_call
    def add(address, rows, row_stride, n, step, scale, sums):
        ok, row = True, 0
        if step == values_bytes:
            for row in range(0, rows & -_ROWS, _ROWS):
                first = address + row * row_stride
                a, b = _pointer(first, kind), _pointer(first + row_stride, kind)
                c, d = _pointer(first + 2 * row_stride, kind), _pointer(first + 3 * row_stride, kind)
                for place in range(n):
                    (p, p_ok), (q, q_ok) = whole(a[place], scale), whole(b[place], scale)
                    (r, r_ok), (s, s_ok) = whole(c[place], scale), whole(d[place], scale)
                    ok &= p_ok & q_ok & r_ok & s_ok
                    sums[place] += p + q + r + s
            row = rows & -_ROWS
        for each in range(row, rows):
            for place in range(n):
                value, value_ok = whole(_pointer(address + each * row_stride + place * step, kind)[0], scale)
                ok &= value_ok
                sums[place] += value
        return ok

    return add


# Sums of 8 and 16 bits fit into 32, as no image has more than 65 535 rows; those of 32 bits fit into 64.
_add_u1, _add_i1 = _summing_integers(np.uint8, np.uint32), _summing_integers(np.int8, np.int32)
_add_u2, _add_i2 = _summing_integers(np.uint16, np.uint32), _summing_integers(np.int16, np.int32)
_add_u4, _add_i4 = _summing_integers(np.uint32, np.int64), _summing_integers(np.int32, np.int64)
_add_f4, _add_f8 = _summing_floats(np.float32), _summing_floats(np.float64)

# From this place on, `SUMMED` has floats.
_FLOATS = 6


@_inline
def _add(code, address, rows, row_stride, n, step, scale, sums_32, sums_64):
    """Add columns of one dtype, by its place in `SUMMED`, to sums that are 0; afterwards all sums are in sums_64."""
    ok = True
    if code == 0:
        _add_u1(address, rows, row_stride, n, step, sums_32)
    elif code == 1:
        _add_i1(address, rows, row_stride, n, step, _view(sums_32, np.int32))
    elif code == 2:
        _add_u2(address, rows, row_stride, n, step, sums_32)
    elif code == 3:
        _add_i2(address, rows, row_stride, n, step, _view(sums_32, np.int32))
    elif code == 4:
        _add_u4(address, rows, row_stride, n, step, sums_64)
    elif code == 5:
        _add_i4(address, rows, row_stride, n, step, sums_64)
    elif code == 6:
        ok = _add_f4(address, rows, row_stride, n, step, scale, sums_64)
    else:
        ok = _add_f8(address, rows, row_stride, n, step, scale, sums_64)
    if code < 4:
        signed = _view(sums_32, np.int32)
        for place in range(n):
            sums_64[place] = np.int64(signed[place]) if code & 1 else np.int64(sums_32[place])
    return ok


@_inline
def _encode_mean(code, mean, unit):
    """Pattern of a mean in units, as ``fills`` makes it of a value."""
    if code >= _FLOATS:
        value = np.float64(mean) * unit
        if code == _FLOATS:
            return np.uint64(_bits_of_single(value) & _MASK) * np.uint64(0x1_0000_0001)
        return np.uint64(_bits(value))
    if code >= 4:
        return np.uint64(mean & _MASK) * np.uint64(0x1_0000_0001)
    if code >= 2:
        return np.uint64(mean & 0xFFFF) * np.uint64(0x1_0001_0001_0001)
    return np.uint64(mean & 0xFF) * np.uint64(0x101_0101_0101_0101)


@_entry
def mean_patterns(plan, code, scale, images, kind, patterns):
    """Set patterns, uint64 (n, channels), to each image's mean of each channel.

    Floats are summed as whole numbers of which `scale` make up 1. Returns 1 if the memory of the batch overlaps itself
    or the spec does not suit its size, and 2 if a value is not finite, or out of reach.
    """
    params, patterns = _params_at(plan), _pointer(patterns, np.uint64)
    status, address, n, height, width, strides, _, _, _ = _open(params, images, kind, _ZERO)
    if status:
        return status & 1
    item, channels, ok = params.item_bytes, params.channels, True
    image_stride, row_stride, column_stride, channel_stride = strides
    sums_32, sums_64 = _stack_array(np.uint32, _COLUMNS), _stack_array(np.int64, _COLUMNS)
    upper, lower = _stack_array(np.int64, _COLUMNS), _stack_array(np.int64, _COLUMNS)
    # Pixels side by side are columns of all their channels, others are columns of each channel on its own.
    flat = channel_stride == item and column_stride == channels * item and channels <= _COLUMNS
    runs, in_run, step = (1, channels, item) if flat else (channels, 1, column_stride)
    n_columns, chunk = width * in_run, _COLUMNS // in_run * in_run
    n_pixels = np.uint64(height * width)
    for i in range(n):
        for run in range(runs):
            for channel in range(in_run):
                upper[channel] = lower[channel] = 0
            for start in range(0, n_columns, chunk):
                columns = min(chunk, n_columns - start)
                for place in range(columns):
                    sums_32[place] = 0
                    sums_64[place] = 0
                corner = address + i * image_stride + run * channel_stride + start * step
                ok &= _add(code, corner, height, row_stride, columns, step, scale, sums_32, sums_64)
                for channel in range(in_run):
                    for place in range(channel, columns, in_run):
                        upper[channel] += sums_64[place] >> 32
                        lower[channel] += sums_64[place] & _MASK
            for channel in range(in_run):
                # The sum over the pixels, rounded down, and up again if what remains is half of them or more.
                most = upper[channel] // np.int64(n_pixels)
                rest = (np.uint64(upper[channel] - most * np.int64(n_pixels)) << _SHIFT_32) + np.uint64(lower[channel])
                mean = (most << 32) + np.int64(rest // n_pixels) + np.int64(2 * (rest % n_pixels) >= n_pixels)
                patterns[i * channels + run + channel] = _encode_mean(code, mean, 1 / scale)
    return 0 if ok else 2


# -------------------------------------------------------------------------------- what ``objects`` asks

# The parameters of entries that are no whole numbers.
_DOUBLES = ("scale",)


def compiled_by_numba(entry: Any) -> Any:
    """Return an entry that Numba's dispatcher has compiled, or read from its cache, and not at its first call only.

    A process that forks while another thread is in a first call would have a child that waits for ever.
    """
    entry.compile(_signature_of(_doubles_of(entry)))
    return entry


def _doubles_of(entry: Any) -> list[bool]:
    code = entry.py_func.__code__
    return [parameter in _DOUBLES for parameter in code.co_varnames[: code.co_argcount]]


def _signature_of(doubles: list[bool]) -> tuple[Any, ...]:
    return tuple(types.float64 if is_double else types.int64 for is_double in doubles)


def compile_entry(entry: Any) -> tuple[bytes, str, list[bool]]:
    """Compile an entry for numbers; return its bitcode, the name of its native function, and which are doubles.

    The dispatcher of Numba would also make machine code, a wrapper and a file of its own, which takes half a second.
    """
    dispatched, doubles = entry._compiler, _doubles_of(entry)
    flags = compiler.Flags()
    dispatched.targetdescr.options.parse_as_flags(flags, dispatched.targetoptions)
    for left_out in ("no_compile", "no_cpython_wrapper", "no_cfunc_wrapper"):
        setattr(flags, left_out, True)
    with compiler_lock.global_compiler_lock:
        result = compiler.compile_extra(
            dispatched.targetdescr.typing_context,
            dispatched.targetdescr.target_context,
            entry.py_func,
            args=_signature_of(doubles),
            return_type=None,
            flags=flags,
            locals=dispatched.locals,
        )
        bitcode = result.library._get_module_for_linking().as_bitcode()
    return bitcode, result.fndesc.llvm_func_name, doubles


def is_switched_off() -> bool:
    """Whether Numba is told not to compile."""
    return bool(config.DISABLE_JIT)
