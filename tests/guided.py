"""Guides and objects that all backends and adapters are tried with; vectors/guides.json has what they must paint.

``python tests/guided.py`` writes that file anew, which is a breaking change, as that of vectors/pixels.json is.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import dustaug
from test_pixels import KEYS, hash_of, photos

FILE = Path(__file__).parent / "vectors" / "guides.json"
N, HEIGHT, WIDTH, _ = photos().shape


def masks():
    """Return a mask for each image at its size: a disc that moves; the mask of the third image is empty."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    discs = np.stack([(y - 8 * i - 4) ** 2 + (x - 9 * i - 10) ** 2 < 90 for i in range(N)])
    discs[2] = False
    return discs


def maps():
    """Return a map of 5 by 7 weights for each image, of which one in three is zero."""
    weights = (np.arange(N * 35) ** 3 >> 4) % 256
    return (weights * (np.arange(N * 35) % 3 > 0)).astype(np.uint8).reshape(N, 5, 7)


def objects():
    """Return boxes of each image: two beside each other, nested ones, ones that reach out or are empty, none."""
    return [
        np.array([[4, 4, 24, 30], [20, 32, 44, 60]]),
        np.array([[2, 2, 46, 62], [10, 10, 30, 30]]),
        np.array([[-10, -10, 20, 20], [30, 50, 90, 90]]),
        np.array([[5, 5, 5, 20], [8, 8, 16, 16]]),
        np.zeros((0, 4), int),
        np.array([[0, 0, 48, 64]]),
    ]


class Case(NamedTuple):
    """A spec, and what it is given with the images: ``guide=`` or ``objects=`` or both."""

    spec: dustaug.Spec
    terms: dict[str, Any]


CASES = {
    "mask": Case(dustaug.dust(center="guide"), {"guide": masks()}),
    "map": Case(dustaug.random_erasing(p=0.8).replace(center="guide"), {"guide": maps()}),
    "color": Case(dustaug.dust(center="guide", fill="color"), {"guide": maps()}),
    "mean": Case(dustaug.dust(center="guide", fill="mean", height_fraction_range=(0.05, 0.2)), {"guide": maps()}),
    "max_hidden": Case(dustaug.dust(max_hidden=0.1), {"objects": objects()}),
    "per_object": Case(dustaug.dust(per_object=True, p=0.9, count_range=(1, 6)), {"objects": objects()}),
    "per_object color": Case(dustaug.random_erasing(per_object=True, p=0.8, fill="color"), {"objects": objects()}),
    "per_object noise": Case(dustaug.random_erasing(per_object=True, p=0.8), {"objects": objects()}),
    "per_object max_hidden": Case(
        dustaug.dust(per_object=True, max_hidden=0.2, height_fraction_range=(0.1, 0.3)), {"objects": objects()}
    ),
    "both": Case(dustaug.dust(center="guide", max_hidden=0.2), {"guide": masks(), "objects": objects()}),
}


def expected(name, key="any"):
    """Return the images of a case, dusted as vectors/guides.json has it; by the core, of which the hash is checked."""
    images = dusted(name, key)
    assert hash_of(images) == json.loads(FILE.read_text())[f"{name}-{key}"]
    return images


def dusted(name, key):
    """Return the images of a case as the core dusts them."""
    spec, terms = CASES[name]
    return dustaug.add_dust(photos(), spec, **KEYS[key], **terms)


def as_tensors(terms):
    """Return the guide and the objects of a case as tensors of PyTorch."""
    import torch

    tensors = {name: torch.from_numpy(value) for name, value in terms.items() if name == "guide"}
    return tensors | {name: list(map(torch.from_numpy, value)) for name, value in terms.items() if name == "objects"}


if __name__ == "__main__":
    hashes = {f"{name}-{key}": hash_of(dusted(name, key)) for name in CASES for key in KEYS}
    FILE.write_text(json.dumps(hashes, indent=1) + "\n")
