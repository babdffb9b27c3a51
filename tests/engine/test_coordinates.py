"""Seed, epoch and index are checked, completed, and split into words."""

import re

import numpy as np
import pytest

from dustaug._engine import kernels
from dustaug._engine.coordinates import (
    FOLLOWING,
    Coordinates,
    check_coordinates,
    check_each,
    check_epoch,
    check_index,
    check_seed,
    make_coordinates,
    words_of,
)


def test_given_coordinates_are_kept():
    """Nothing is checked or changed yet: the kernel's numbers are made later, in one step."""
    assert make_coordinates(7, 3, 5) == Coordinates(seed=7, epoch=3, index=5)
    assert isinstance(make_coordinates(7, 3, 5), Coordinates)
    assert Coordinates(7) == (7, 0, 0)


def test_without_a_seed_they_are_fresh():
    """Each call draws 64 bits of its own; epoch and index are 0."""
    drawn = [make_coordinates(None, 0, None) for _ in range(20)]

    assert len({seed for seed, _, _ in drawn}) == 20
    assert {(epoch, index) for _, epoch, index in drawn} == {(0, 0)}
    assert max(seed for seed, _, _ in drawn) > 2**58


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((7, 0, None), "index must be given with a seed, or every batch would get the same dust, got none: type "),
        ((None, 0, 5), "seed must be given together with index and epoch, got none: type "),
        ((None, 1, None), "seed must be given together with index and epoch, got none: type "),
    ],
)
def test_seed_and_index_come_together(given, message):
    """One without the other is an error, and so is an epoch alone."""
    with pytest.raises(TypeError, match=re.escape(message)):
        make_coordinates(*given)


LIMITS = [(check_seed, "seed", 2**64 - 1), (check_epoch, "epoch", 2**32 - 1)]


@pytest.mark.parametrize(("check", "name", "most"), LIMITS)
def test_seed_and_epoch_have_limits(check, name, most):
    """The ends of the range are taken, and their neighbours are refused with the range."""
    assert (check(0), check(most)) == (0, most)
    for number in (-1, most + 1):
        with pytest.raises(ValueError, match=f"{name} must be from 0 to {most}, got {number}$"):
            check(number)
    with pytest.raises(TypeError, match=f"{name} must be a whole number, got 1.0$"):
        check(1.0)


def test_the_last_index_of_a_batch_has_a_limit():
    """The index of the first image leaves room for the others below 2**63."""
    assert check_index(2**63 - 1, 1) == 2**63 - 1
    assert check_index(2**63 - 1, 0) == 2**63 - 1
    assert check_index(2**63 - 3, 3) == 2**63 - 3
    with pytest.raises(ValueError, match=f"index must be from 0 to {2**63 - 3}, got {2**63 - 2}$"):
        check_index(2**63 - 2, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint64, np.dtype(">i4")])
def test_an_index_for_each_image_becomes_int64(dtype):
    """Arrays of any whole numbers, strided or not, become contiguous arrays of int64."""
    checked = check_index(np.arange(8, dtype=dtype)[::2], 4)

    assert (checked.dtype, checked.flags.c_contiguous, checked.tolist()) == (np.int64, True, [0, 2, 4, 6])


@pytest.mark.parametrize(
    ("index", "n", "error", "message"),
    [
        ([1, 2], 3, ValueError, "index must be a number or an array of shape (3,), one for each image, got shape (2,)"),
        (
            [[1]],
            1,
            ValueError,
            "index must be a number or an array of shape (1,), one for each image, got shape (1, 1)",
        ),
        ([0.5], 1, TypeError, "index must be a whole number or an array of them, got an array of float64"),
        ([True], 1, TypeError, "index must be a whole number or an array of them, got an array of bool"),
        ([-1, 5], 2, ValueError, f"index must be from 0 to {2**63 - 1}, got -1 to 5"),
        ([2**63], 1, ValueError, f"index must be from 0 to {2**63 - 1}, got {2**63} to {2**63}"),
        (True, 1, TypeError, "index must be a whole number, got True"),
    ],
)
def test_indices_that_cannot_be_are_refused(index, n, error, message):
    """Shape, kind and limits of indices are checked, and the error says what was given."""
    with pytest.raises(error, match=re.escape(message)):
        check_index(index, n)


def test_all_three_are_checked():
    """NumPy's numbers become plain ones, and the first one out of its limits is named."""
    seed, epoch, index = check_coordinates(Coordinates(np.uint64(2**64 - 1), np.int8(3), np.int64(9)), 2)

    assert (seed, epoch, index) == (2**64 - 1, 3, 9)
    assert {type(seed), type(epoch), type(index)} == {int}
    for name, given in (("seed", (-1, -1, -1)), ("epoch", (0, -1, -1)), ("index", (0, 0, -1))):
        with pytest.raises(ValueError, match=f"{name} must be from 0 to"):
            check_coordinates(Coordinates(*given), 2)


def test_each_image_has_an_index():
    """A first index counts up; an array stays as it is."""
    counted, given = check_each(Coordinates(7, 1, 2**63 - 3), 3), check_each(Coordinates(7, 1, [4, 0, 4]), 3)

    assert (counted.index.dtype, counted.index.tolist()) == (np.int64, [2**63 - 3, 2**63 - 2, 2**63 - 1])
    assert given.index.tolist() == [4, 0, 4]
    assert counted[:2] == given[:2] == (7, 1)


@pytest.mark.parametrize(
    ("coordinates", "words"),
    [
        ((0, 0, 0), (0, 0, 0, 0)),
        ((2**64 - 1, 2**32 - 1, 2**62), (2**32 - 1, 2**32 - 1, 2**32 - 1, 2**62)),
        ((3 + (5 << 32), 7, 2**33 + 1), (3, 5, 7, 2**33 + 1)),
    ],
)
def test_plain_numbers_become_words(coordinates, words):
    """The kernels get low and high word of the seed, the epoch, and the first index."""
    assert words_of(Coordinates(*coordinates), None) == (*words, FOLLOWING)


@pytest.mark.parametrize(
    "coordinates",
    [
        (2**64, 0, 0),
        (-1, 0, 0),
        (0, 2**32, 0),
        (0, -1, 0),
        (0, 0, -1),
        (0, 0, 2**63 - 1),
        (np.int64(1), 0, 0),
        (1, True, 0),
        (1.0, 0, 0),
        (0, 0, [0, 1]),
    ],
)
def test_all_others_are_sent_to_the_checks(coordinates):
    """Numbers out of their limits, of other types, and arrays do not reach the kernel the short way."""
    seen = []
    paint = kernels.bind(lambda *_: 1, 0, 0, 3, lambda *given: seen.append(given))
    paint(0, (2, 8, 9), (72, 9, 1), Coordinates(*coordinates))

    assert seen == [(0, (2, 8, 9), (72, 9, 1), coordinates, 1, None)]


def test_an_array_of_indices_is_handed_on():
    """The kernels get what the engine makes of the array, and 0 for the first index."""
    checked = check_coordinates(Coordinates(1 + (2 << 32), 3, [8, 9]), 2)

    assert words_of(checked, lambda array: array.tolist()) == (1, 2, 3, 0, [8, 9])
