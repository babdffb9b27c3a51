"""Entries of samples of every kind are read and replaced."""

import collections
import re
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

import dustaug
from dustaug._adapters.records import default_key, dust_array, has_entries, read_entry, replace_entry


class Pair(NamedTuple):
    """Samples with named fields are instances of this class."""

    label: object
    image: object


@pytest.mark.parametrize(
    ("sample", "key"),
    [
        (("an image", "a label"), 0),
        (("a label", "an image"), -1),
        (["a label", "an image"], 1),
        (Pair("a label", "an image"), 1),
        (Pair("a label", "an image"), "image"),
        ({"label": "a label", "image": "an image"}, "image"),
        (collections.OrderedDict(label="a label", image="an image"), "image"),
        ({"label": "a label", 7: "an image"}, 7),
    ],
)
def test_an_entry_is_read_and_replaced(sample, key):
    """The given sample stays as it is; the new one is of the same kind and has the same other entries."""
    before = repr(sample)
    changed = replace_entry(sample, key, "dusted")

    assert has_entries(sample)
    assert read_entry(sample, key, "image_key", "DustDataset") == "an image"
    assert repr(sample) == before
    assert type(changed) is type(sample)
    assert repr(changed) == before.replace("an image", "dusted")


def test_what_has_no_entries_is_an_image():
    """Bytes and texts have items, yet they count as images."""
    assert not has_entries(memoryview(b"pixels"))
    assert not has_entries("pixels")


def test_the_image_is_looked_for_in_the_first_place_or_by_its_name():
    """A dict has its image at "image"; tuples, lists and named tuples have it in the first place."""
    assert [default_key(sample) for sample in ((1,), [1], Pair(1, 2), {"x": 1})] == [0, 0, 0, "image"]


@pytest.mark.parametrize(
    ("sample", "key", "message"),
    [
        ((1, 2), 2, "an image at 2, got 2 entries: type DustDataset(…, image_key=…)"),
        ([1, 2], "image", "an image at 'image', got 2 entries"),
        (Pair(1, 2), "photo", "an image at 'photo', got ['label', 'image']"),
        ({"x": 1}, "image", "an image at 'image', got ['x']"),
        ({}, 0, "an image at 0, got 0 entries"),
    ],
)
def test_a_missing_entry_names_those_that_there_are(sample, key, message):
    """The error names the entries of the sample, and the argument to type."""
    with pytest.raises(LookupError, match=re.escape("sample must have " + message)):
        read_entry(sample, key, "image_key", "DustDataset")


def test_a_missing_entry_is_called_what_the_caller_calls_it():
    """The error uses the names that the caller passes on."""
    with pytest.raises(LookupError, match=re.escape("element must have an epoch at 'e', got ['x']: type Dust(…")):
        read_entry({"x": 1}, "e", "epoch_key", "Dust", "element")


def test_an_array_is_dusted_by_the_options_of_an_adapter():
    """The bytes are those of add_dust() with the same options, and the array itself is painted."""
    adapter = SimpleNamespace(spec=dustaug.cutout(5, fill="grey"), seed=7, value_range=(0, 100))
    planes = np.zeros((3, 16, 24), np.uint8)
    keys = {"seed": 7, "epoch": 2, "index": 5, "layout": "CHW", "value_range": (0, 100)}
    expected = dustaug.add_dust(planes.copy(), adapter.spec, **keys)

    assert dust_array(planes, adapter, 2, 5, "CHW") is planes
    assert planes.any()
    assert planes.tobytes() == expected.tobytes()
