"""Keys are checked alike by all adapters: what they are, and which of them belong together."""

import re

import pytest

from dustaug._adapters.keys import check_key, check_name, check_seed_and_keys, missing_error


def check(seed, index_key, epoch_key):
    """Check keys as an adapter named Dust does."""
    return check_seed_and_keys(seed, index_key, epoch_key, what="an entry", owner="Dust", instead=", or leave out {}")


def test_keys_are_places_names_or_none():
    """Whole numbers, texts and None are keys; a bool is not, nor is anything else."""
    assert [check_key("image_key", key, "a sample") for key in (None, 0, -1, "image")] == [None, 0, -1, "image"]
    for key in (True, 1.5, b"image", ("a", "b")):
        with pytest.raises(TypeError, match=re.escape(f"image_key must be a place or a key in a sample, got {key!r}")):
            check_key("image_key", key, "a sample")


@pytest.mark.parametrize("name", [None, 3, True, b"index", ("index",)])
def test_names_are_texts(name):
    """A name is a text; the error shows what was given and an example."""
    message = f'index_column must be the name of a column, got {name!r}: type index_column="index"'

    assert check_name("index_column", "index", "a column") == "index"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        check_name("index_column", name, "a column")


@pytest.mark.parametrize(
    ("seed", "index_key", "epoch_key"), [(None, None, None), (7, None, None), (7, "i", None), (7, "i", "e")]
)
def test_the_seed_is_returned(seed, index_key, epoch_key):
    """These combinations are allowed; the seed is returned, or None if there is none."""
    assert check(seed, index_key, epoch_key) == seed


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            (None, "i", None),
            TypeError,
            "seed must be given with index_key, got none: type Dust(seed=0, index_key='i'), or leave out index_key",
        ),
        (
            (None, None, "e"),
            TypeError,
            "seed must be given with epoch_key, got none: type Dust(seed=0, epoch_key='e'), or leave out epoch_key",
        ),
        (
            (7, None, "e"),
            TypeError,
            "index_key must be given with epoch_key, got none: type Dust(seed=0, index_key=\"index\", epoch_key='e')",
        ),
        ((7, 3, None), TypeError, 'index_key must be the name of an entry, got 3: type index_key="index"'),
        ((7, "i", 3), TypeError, 'epoch_key must be the name of an entry, got 3: type epoch_key="epoch"'),
        ((-1, "i", None), ValueError, f"seed must be from 0 to {2**64 - 1}, got -1"),
        ((1.5, None, None), TypeError, "seed must be a whole number, got 1.5"),
    ],
)
def test_other_combinations_say_what_to_type(arguments, error, message):
    """The error names the missing argument, the one that needs it, and the call to type."""
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        check(*arguments)


def test_the_error_for_a_missing_argument_is_a_type_error():
    """The error has the form of all errors of the package."""
    error = missing_error("seed", "indexed=True", "make(seed=0)")

    assert type(error) is TypeError
    assert str(error) == "seed must be given with indexed=True, got none: type make(seed=0)"
