"""What Python does around compiled entries, whoever compiled them: addresses in place of arrays, and the short way."""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import contract
from .coordinates import Coordinates
from .guide import Terms

TAKES_ADDRESSES = True

# What an entry is told the address of, to find images.
ARRAY, AXES, PART, TERMS = range(4)
# Guides of no more cells are summed cell by cell, others row by row.
SMALL_GUIDE = 1024
# What stands before the fields of an array of NumPy: first item, number of axes, lengths, strides.
ARRAY_HEAD = object.__basicsize__

# What `mean_patterns` takes for a dtype. NumPy sums the others: 64 bits may overflow, and few processors have 16.
_SUMMED = "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"
SUMMED = {**{name: code for code, name in enumerate(_SUMMED)}, "bool": 0}

_MAX_SEED, _MAX_EPOCH, _MAX_INDEX = contract.MAX_SEED, contract.MAX_EPOCH, contract.MAX_INDEX
_MASK = contract.WORD_MASK


def bind(entry: Any, plan: int, patterns: int, n_axes: int, checked: Callable[..., None]) -> Callable[..., None]:
    """Return ``paint(address, shape, strides, coordinates, num_threads=1)`` by an entry for a kind of images.

    It runs at every call, and the kernel takes a microsecond an image. So plain numbers within their limits and one
    thread, which is what a worker of a data loader has, take the short way; `checked` takes everything else, and tells
    what is wrong with a batch that the kernel refuses.
    """
    pack = struct.Struct(f"={1 + 2 * n_axes}q").pack

    def paint(
        address: int, shape: Any, strides: Any, coordinates: Coordinates, num_threads: int = 1, owner: Any = None
    ) -> None:
        seed, epoch, index = coordinates
        if (
            type(seed) is type(epoch) is type(index) is type(num_threads) is int
            and 0 <= seed <= _MAX_SEED
            and 0 <= epoch <= _MAX_EPOCH
            and 0 <= index <= _MAX_INDEX
            and num_threads == 1
        ):
            axes = pack(address, *shape, *strides)
            if not entry(plan, patterns, id(axes) + _BYTES_HEAD, AXES, seed & _MASK, seed >> 32, epoch, index):
                return
        checked(address, shape, strides, coordinates, num_threads, owner)

    return paint


def bind_array(entry: Any, plan: int, patterns: int, otherwise: Callable[..., None]) -> Callable[..., None]:
    """Return ``paint(images, coordinates, num_threads=1)`` for arrays: the short way as in `bind`, or `otherwise`."""

    def paint(images: NDArray[Any], coordinates: Coordinates, num_threads: int = 1) -> None:
        seed, epoch, index = coordinates
        if (
            type(seed) is type(epoch) is type(index) is type(num_threads) is int
            and 0 <= seed <= _MAX_SEED
            and 0 <= epoch <= _MAX_EPOCH
            and 0 <= index <= _MAX_INDEX
            and num_threads == 1
            and not entry(plan, patterns, id(images), ARRAY, seed & _MASK, seed >> 32, epoch, index)
        ):
            return
        otherwise(images, coordinates, num_threads)

    return paint


def bind_part(entry: Any, plan: int, patterns: int, *where: int) -> Callable[[int, int], None]:
    """Return ``paint(start, stop)`` for a checked batch: address, seven numbers, words, and the address of indices."""
    *batch, seed_low, seed_high, epoch, first, indices = where

    def paint(start: int, stop: int) -> None:
        part = _pack_terms(*batch, indices, start, stop, *_NO_TERMS)
        if entry(plan, patterns, id(part) + _BYTES_HEAD, PART, seed_low, seed_high, epoch, first):
            raise RuntimeError(
                "the kernel refused images that the checks had passed, and left them unchanged: report it"
            )

    return paint


def pack_terms(terms: Terms, *part: int) -> tuple[bytes, Any]:
    """Return 28 numbers as bytes, and the memory whose addresses are among them.

    Those of the part, or eleven zeros; address, rows and columns of the guides, and memory for running sums; the
    address of the tops of all objects, how far it is from there to their lefts, bottoms and rights, the addresses of
    offsets and limits, and memory for what each object of an image has lost, before and with a rectangle; how many
    slices there are, and how far it is from one to the next; the address of the donors, and their strides.
    """
    (n, rows, columns), held, part = terms.guides.shape, [], part or _NO_PART
    guided, limited = _NO_GUIDES, _NO_OBJECTS
    if n:
        held = [np.empty(max(rows, SMALL_GUIDE), np.int32)]
        guided = operand_of_images(terms.guides), rows, columns, operand_of_images(held[0])
    if len(terms.objects):
        most = int((terms.offsets[1:] - terms.offsets[:-1]).max())
        held += [np.ascontiguousarray(terms.objects.T), np.empty(2 * most, np.int64)]
        edges, offsets, limits, hidden = map(operand_of_images, (held[-2], terms.offsets, terms.limits, held[-1]))
        limited = edges, 8 * len(terms.objects), offsets, limits, hidden
    elif len(terms.offsets):
        limited = 0, 0, operand_of_images(terms.offsets), 0, 0
    donors: tuple[int, ...] = _NO_DONORS
    if terms.donors is not None:
        donors = operand_of(terms.donors), *terms.donor_strides
    return _pack_terms(*part, *guided, *limited, terms.depth, terms.slice_stride, *donors), held


def bind_part_with_terms(entry: Any, plan: int, patterns: int, terms: Terms, *where: int) -> Callable[[int, int], None]:
    """Return ``paint(start, stop)`` as `bind_part`, for images with terms."""
    *batch, seed_low, seed_high, epoch, first, indices = where

    def paint(start: int, stop: int) -> None:
        part, _held = pack_terms(terms, *batch, indices, start, stop)
        if entry(plan, patterns, id(part) + _BYTES_HEAD, PART, seed_low, seed_high, epoch, first):
            raise RuntimeError(
                "the kernel refused images that the checks had passed, and left them unchanged: report it"
            )

    return paint


def bind_array_with_terms(entry: Any, plan: int, patterns: int) -> Callable[..., bool]:
    """Return ``paint(images, coordinates, terms, n, height, width)``: the short way as in `bind_array`, if possible.

    It returns whether it has painted.
    """

    def paint(images: NDArray[Any], coordinates: Coordinates, terms: Terms, *sides: int) -> bool:
        seed, epoch, index = coordinates
        numbers, _held = pack_terms(terms, id(images), *sides, *_NO_PART[4:])
        where = id(numbers) + _BYTES_HEAD, TERMS, seed & _MASK, seed >> 32, epoch, index
        return not entry(plan, patterns, *where)

    return paint


def call_with_terms(entry: Any, terms: Terms, *arguments: int) -> None:
    """Call the entry `count_rectangles` or `draw_rectangles`."""
    packed, _held = pack_terms(terms)
    entry(*arguments, id(packed) + _BYTES_HEAD)


_NO_PART, _NO_GUIDES, _NO_OBJECTS, _NO_DONORS = (0,) * 11, (0, 0, 0, 0), (0, 0, 0, 0, 0), (0,) * 6
# What follows the numbers of a part of images without terms, which have one slice.
_NO_TERMS = *_NO_GUIDES, *_NO_OBJECTS, 1, 0, *_NO_DONORS
_pack_part, _pack_terms = struct.Struct("=11q").pack, struct.Struct("=28q").pack
# What stands before the items of bytes, which end with a zero.
_BYTES_HEAD = bytes.__basicsize__ - 1


def check_memory() -> None:
    """Check that arrays and bytes lie in memory as the entries read them: NumPy since 1.7, and every CPython, do so."""
    array = np.zeros((2, 6), np.int16)[:, ::3]
    fields = (ctypes.c_int64 * 4).from_address(id(array) + ARRAY_HEAD)
    known = fields[0] == operand_of(array) and fields[1] & _MASK == array.ndim
    pairs = ((ctypes.c_int64 * 2).from_address(address) for address in fields[2:]) if known else ()
    packed = _pack_part(*range(11))
    held = ctypes.string_at(id(packed) + _BYTES_HEAD, len(packed))
    if [tuple(pair) for pair in pairs] != [array.shape, array.strides] or held != packed:
        raise ImportError(
            f"NumPy's arrays and Python's bytes must lie in memory as in CPython, got NumPy {np.__version__} on "
            f"{sys.implementation.name}: set NUMBA_DISABLE_JIT=1, which paints without compiled code"
        )


_buffer_of, _address_of = ctypes.c_char.from_buffer, ctypes.addressof


def operand_of(array: NDArray[Any]) -> int:
    """What the entries take for an array: its address. The caller keeps the array alive."""
    return int(array.ctypes.data)  # An __array_interface__ lists all fields of a record, in 25 µs.


operand_of_array = id


def operand_of_images(images: NDArray[Any]) -> int:
    """What the entries take for images that are writable: the address of the first item."""
    try:
        # A third of the time of images.ctypes.data, for contiguous arrays.
        return _address_of(_buffer_of(images))  # type: ignore[arg-type]
    except (TypeError, ValueError, BufferError):
        return operand_of(images)


check_memory()
