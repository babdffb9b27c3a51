"""Seed, epoch and index: which dust an image gets."""

from __future__ import annotations

import functools
import os
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dustaug._errors import shown

from .checks import check_whole
from .contract import MAX_EPOCH, MAX_INDEX, MAX_SEED, WORD_MASK

# Takes the place of an array of indices where those of a batch follow one another.
FOLLOWING = 0


class Coordinates(NamedTuple):
    """Which dust a batch gets, as the caller gave it or, after `check_coordinates`, as the kernels take it.

    The index is that of the first image, and the others follow; or an int64 array (n,) has one for each image.
    """

    seed: Any
    epoch: Any = 0
    index: Any = 0


# ``pack((seed, epoch, index))``: Coordinates(seed, epoch, index) in half the time, a fiftieth of that of a small image.
pack = functools.partial(tuple.__new__, Coordinates)


def make_coordinates(seed: Any, epoch: Any, index: Any) -> Coordinates:
    """Return what was given, or fresh coordinates if nothing was; seed and index come together."""
    if seed is not None and index is not None:
        return pack((seed, epoch, index))
    if seed is not None:
        raise TypeError(
            "index must be given with a seed, or every batch would get the same dust, got none: type "
            "add_dust(images, seed=0, index=position_of_the_first_image), or let dustaug.DustStream(seed=0) count"
        )
    if index is not None or epoch != 0:
        raise TypeError(
            "seed must be given together with index and epoch, got none: type add_dust(images, seed=0, index=…), "
            "or leave out index and epoch for fresh dust at each call"
        )
    return Coordinates(int.from_bytes(os.urandom(8), "little"))


def check_coordinates(coordinates: Coordinates, n: int) -> Coordinates:
    """Return the coordinates of n images with plain numbers and arrays, or say what is wrong with them."""
    seed, epoch, index = coordinates
    return Coordinates(check_seed(seed), check_epoch(epoch), check_index(index, n))


def check_each(coordinates: Coordinates, n: int) -> Coordinates:
    """Return checked coordinates with the index of each of n images, as an int64 array (n,)."""
    seed, epoch, index = check_coordinates(coordinates, n)
    return Coordinates(seed, epoch, index + np.arange(n) if isinstance(index, int) else index)


def count_indices(index: Any) -> int:
    """Return how many indices were given: one for each image, or one."""
    try:
        return np.size(index)
    except ValueError:  # A ragged list, which `check_index` refuses.
        return 1


def words_of(coordinates: Coordinates, operand_of: Any) -> tuple[int, int, int, int, Any]:
    """Return what the kernels take for checked coordinates: words of the seed, epoch, index of the first, indices.

    Indices are what `operand_of` makes of an array with one for each image, or FOLLOWING.
    """
    seed, epoch, index = coordinates
    if isinstance(index, int):
        return seed & WORD_MASK, seed >> 32, epoch, index, FOLLOWING
    return seed & WORD_MASK, seed >> 32, epoch, 0, operand_of(index)


def check_seed(seed: Any) -> int:
    return check_whole("seed", seed, 0, MAX_SEED)


def check_epoch(epoch: Any) -> int:
    return check_whole("epoch", epoch, 0, MAX_EPOCH)


def check_index(index: Any, n: int) -> int | NDArray[np.int64]:
    """Return the index of the first of n images, or an array with the index of each."""
    if isinstance(index, (str, bytes, os.PathLike)):
        raise TypeError(
            f"index must be a whole number or an array of them, got {shown(index)}: type index=dustaug.index_of(name)"
        )
    if isinstance(index, (int, np.integer)):
        return check_whole("index", index, 0, MAX_INDEX - max(n - 1, 0))
    try:
        # A copy, as the caller may change an array after it was checked; of tensors, in the way that NumPy likes.
        array = np.array(np.asarray(index))
    except (TypeError, ValueError):  # Ragged lists, and tensors that are not on the CPU.
        array = np.array(None)
    if not array.ndim:
        return check_whole("index", index, 0, MAX_INDEX - max(n - 1, 0))
    if array.dtype.kind not in "iu" and array.size:
        hint = ": type index=dustaug.index_of(names)" if array.dtype.kind in "SU" else ""
        raise TypeError(f"index must be a whole number or an array of them, got an array of {array.dtype}{hint}")
    if array.shape != (n,):
        raise ValueError(
            f"index must be a number or an array of shape ({n},), one for each image, got shape {array.shape}"
        )
    if n and (array.min() < 0 or (array.dtype == np.uint64 and array.max() > MAX_INDEX)):
        raise ValueError(f"index must be from 0 to {MAX_INDEX}, got {array.min()} to {array.max()}")
    return np.ascontiguousarray(array, np.int64)


def are_plain(coordinates: Coordinates) -> bool:
    """Whether coordinates are plain numbers within their limits, with which the short way may be taken."""
    seed, epoch, index = coordinates
    return (
        type(seed) is type(epoch) is type(index) is int
        and 0 <= seed <= MAX_SEED
        and 0 <= epoch <= MAX_EPOCH
        and 0 <= index <= MAX_INDEX
    )
