"""Transforms that users of Grain pickled with dustaug 0.1.0 are read, and paint the same bytes."""

import pickle

import saved
from dustaug.grain import DustRectangles


def test_pickles():
    """With the epoch that follows from the length of the data set."""
    transform = saved.unpickle("grain-transform.pickle")

    assert saved.record_paints(transform) == saved.expected("grain-transform")


def test_they_name_no_private_module():
    """A private module may move; who loads a pickle needs what it names."""
    assert saved.private_modules(pickle.dumps(DustRectangles(seed=7))) == set()
