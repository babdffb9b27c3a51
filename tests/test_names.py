"""index_of() gives indices to images that have names and no numbers."""

import hashlib
import math
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import pytest

import dustaug
from dustaug import index_of

NAME = "train/fender/0123.jpg"


def test_names_have_the_indices_that_they_always_had():
    """The indices are pinned as literal numbers, since other ones would be other dust."""
    assert 1988931234926148420 == index_of(NAME)
    assert 8238016292129134938 == index_of("")
    assert [index_of("a"), index_of("b")] == index_of(["a", "b"]).tolist()


def test_the_index_is_the_recipe_of_the_docs():
    """The index is the upper 63 bits of an eight-byte BLAKE2b digest."""
    digest = hashlib.blake2b(NAME.encode(), digest_size=8).digest()

    assert int.from_bytes(digest, "big") >> 1 == index_of(NAME)


@pytest.mark.parametrize(
    "name", [NAME.encode(), np.str_(NAME), np.bytes_(NAME), Path(NAME), PurePosixPath(NAME), PureWindowsPath(NAME)]
)
def test_one_name_has_one_index_whatever_its_type(name):
    """Strings, bytes and paths of the same name, also Windows paths, have the same index."""
    assert index_of(NAME) == index_of(name)


@pytest.mark.parametrize("kind", [list, tuple, iter, np.array, lambda names: np.array(names, object)])
def test_many_names_make_an_array(kind):
    """Lists, arrays of strings or objects, and other iterables give an array of indices."""
    indices = index_of(kind([NAME, "ü", "b"]))

    assert np.int64 == indices.dtype
    assert [index_of(NAME), index_of("ü"), index_of("b")] == indices.tolist()
    assert (0,) == index_of(kind([])).shape


def test_names_of_files_need_not_be_text():
    """Bytes that are not UTF-8 have the index of Python's spelling of them."""
    assert index_of(b"\xff.jpg") == index_of(b"\xff.jpg".decode("utf-8", "surrogateescape"))


def test_indices_fill_the_63_bits():
    """Every bit is set in about half of the indices, and add_dust() takes all of them."""
    indices = index_of(map(str, range(4096)))
    shares = [float((indices >> bit & 1).mean()) for bit in range(63)]

    assert len(set(indices.tolist())) == 4096
    assert 0 <= indices.min()
    assert all(abs(share - 0.5) < 6 * 0.5 / math.sqrt(4096) for share in shares)
    dustaug.add_dust(np.zeros((4096, 2, 2), np.uint8), seed=7, index=indices, layout="NHW")


@pytest.mark.parametrize(("name", "got"), [(5, "int"), (None, "NoneType"), (["a", 5], "int"), ([None], "NoneType")])
def test_numbers_are_no_names(name, got):
    """A number is refused as a name, alone and among others."""
    with pytest.raises(TypeError, match=f"name must be a string, bytes, a path or an iterable of them, got {got}"):
        index_of(name)
