"""Pipelines that users saved with Albumentations 2.0.8 and dustaug 0.1.0 are read, and paint the same bytes."""

import json
import pickle

import albumentations as A
import pytest

import saved
from dustaug.albumentations import DustRectangles


@pytest.mark.parametrize(
    "file",
    [
        "albumentations-seeded.json",
        "albumentations-seeded.yaml",
        "albumentations-driven.json",
        "albumentations-driven.yaml",
    ],
)
def test_compositions(file):
    """Of A.save, with dust that depends on the index, and with dust that the seed of the composition drives."""
    name, kind = file.split(".")

    assert saved.compose_paints(A.load(saved.FOLDER / file, data_format=kind)) == saved.expected(name)


def test_pickles():
    """A transform with all its options."""
    transform = saved.unpickle("albumentations-transform.pickle")

    assert saved.compose_paints(transform) == saved.expected("albumentations-transform")
    assert (transform.fill_mask, transform.boxes, transform.index_key) == ((1, 2.5), "keep", "index")


def test_they_name_no_private_module():
    """Neither what A.save writes nor a pickle; A.save writes the public name."""
    transform = DustRectangles(seed=7, index_key="index")

    assert A.to_dict(transform)["transform"]["__class_fullname__"] == "dustaug.albumentations.DustRectangles"
    assert saved.private_modules(json.dumps(A.to_dict(A.Compose([transform]))).encode()) == set()
    assert saved.private_modules(pickle.dumps(transform)) == set()
