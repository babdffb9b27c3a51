"""Literal rectangles and pixels pin every preset, and what test_adapters.py paints through every adapter.

To change vectors/pixels.json is a breaking change: users resume runs and compare machines by these pixels. It belongs
into CHANGELOG.md under "Pixels". ``python tests/test_pixels.py`` writes the file anew.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import dustaug
from dustaug import Spec

FILE = Path(__file__).parent / "vectors" / "pixels.json"

PRESETS = {
    "dust": (dustaug.dust(), (224, 224, 3)),
    "dust-small": (dustaug.dust(), (32, 32, 1)),
    "dust-tall": (dustaug.dust(p=0.5), (375, 211, 3)),
    "cutout": (dustaug.cutout(16), (32, 32, 3)),
    "cutout-odd-mean": (dustaug.cutout(57, fill_value=(123.7, 116.3, 103.5)), (224, 224, 3)),
    "random-erasing": (dustaug.random_erasing(), (224, 224, 3)),
    "random-erasing-grey": (dustaug.random_erasing((0.02, 0.33), (0.3, 3.3), fill="grey"), (64, 96, 3)),
    "color": (dustaug.dust(fill="color", fill_range=(10, 200)), (64, 64, 5)),
    "mean": (dustaug.dust(fill="mean"), (64, 64, 3)),
    "fraction": (Spec(height_fraction_range=(0.1, 0.3), center="inside", count_range=(1, 70)), (99, 101, 3)),
    "uniform": (Spec(center="uniform", side_range=(3, 12), spare_last=False), (48, 64, 3)),
}
# All adapters paint these. Those that draw a seed for every call have epoch 0 and index 0.
ADAPTED = {
    "dust": dustaug.dust(),
    "cutout": dustaug.cutout(21, fill_value=(9, 99, 199)),
    "random_erasing": dustaug.random_erasing(p=0.8),
    "color": dustaug.dust(fill="color", center="uniform"),
    "mean": dustaug.dust(fill="mean", height_fraction_range=(0.05, 0.2)),
    "patch_drop": dustaug.patch_drop(0.4, 7),
}
KEYS = {
    "any": {"seed": 2**63 + 7, "epoch": 5, "index": 1000},
    "zero": {"seed": 2**63 + 7, "epoch": 0, "index": 0},
}


def ramps(shape):
    """Return sixteen images whose values climb."""
    return (np.arange(16 * np.prod(shape)) % 251).astype(np.uint8).reshape(16, *shape)


def photos():
    """Return six images that look like noise, and are the same with every version of NumPy."""
    return (np.arange(6 * 48 * 64 * 3, dtype=np.int64) ** 3 >> 20).astype(np.uint8).reshape(6, 48, 64, 3)


CASES = {
    name: (spec, lambda shape=shape: ramps(shape), {"seed": 2**63 + 12345, "epoch": 3, "index": 2**40})
    for name, (spec, shape) in PRESETS.items()
} | {
    f"adapters-{key}-{name}": (spec, photos, coordinates)
    for key, coordinates in KEYS.items()
    for name, spec in ADAPTED.items()
}


def hash_of(images):
    return hashlib.sha256(images.tobytes()).hexdigest()


def outcome(name):
    """Return the first rectangles and a hash of the pixels of a batch."""
    spec, make_images, coordinates = CASES[name]
    images = make_images()
    n, height, width, channels = images.shape
    coordinates = {**coordinates, "index": coordinates["index"] + np.arange(n)}
    drawn = dustaug.sample_rectangles(spec, height=height, width=width, channels=channels, **coordinates)
    dustaug.add_dust(images, spec, layout="NHWC", **coordinates)
    return {
        "rectangles": len(drawn),
        "image": drawn.image[:3].tolist(),
        "boxes": drawn.boxes[:3].tolist(),
        "fill": [str(fill) for fill in drawn.fill[:3].tolist()],
        "sha256": hash_of(images),
    }


@pytest.mark.parametrize("name", CASES)
def test_pixels_are_those_of_the_file(name):
    """Rectangles and pixels are what they have always been."""
    assert json.loads(FILE.read_text())[name] == outcome(name)


def test_the_file_has_no_other_cases():
    """Every case of the file is tested."""
    assert set(json.loads(FILE.read_text())) == set(CASES)


if __name__ == "__main__":
    FILE.write_text(json.dumps({name: outcome(name) for name in CASES}, indent=1) + "\n")
