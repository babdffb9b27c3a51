"""Pipelines that users saved with Albumentations 2.0.8 and dustaug 0.1.0 are read, and paint the same bytes."""

import json
import pickle

import albumentations as A
import numpy as np
import pytest

import saved
from dustaug import dust
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


def test_a_pickle_paints_the_same():
    """A transform with all its options survives a pickle."""
    options = {"fill_mask": (1, 2.5), "boxes": "keep", "index_key": "index", "value_range": (0, 128)}
    transform = DustRectangles(dust(fill="color"), seed=7, **options)
    image = np.full((40, 50, 3), 100, np.uint8)
    copied = pickle.loads(pickle.dumps(transform))

    np.testing.assert_array_equal(copied(image=image, index=5)["image"], transform(image=image, index=5)["image"])
    assert repr(copied) == repr(transform)


def test_they_name_no_private_module():
    """Neither what A.save writes nor a pickle; A.save writes the public name."""
    transform = DustRectangles(seed=7, index_key="index")

    assert A.to_dict(transform)["transform"]["__class_fullname__"] == "dustaug.albumentations.DustRectangles"
    assert saved.private_modules(json.dumps(A.to_dict(A.Compose([transform]))).encode()) == set()
    assert saved.private_modules(pickle.dumps(transform)) == set()
