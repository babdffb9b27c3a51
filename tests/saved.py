"""What users saved with dustaug 0.1.0, and how it is made to paint: for the tests and for vectors/saved/make.py."""

import json
import pickle
import re
from pathlib import Path

import numpy as np

from dustaug import add_dust, paint_rectangles
from test_pixels import hash_of, photos

FOLDER = Path(__file__).parent / "vectors" / "saved"
EXPECTED = FOLDER / "expected.json"
SEED, EPOCH, FIRST = 2**63 + 7, 5, 1000


def expected(name):
    """Return what the files of a name, whatever their kind, have to paint."""
    return json.loads(EXPECTED.read_text())[name]


def unpickle(file):
    return pickle.loads((FOLDER / file).read_bytes())


def read_json(file):
    return json.loads((FOLDER / file).read_text())


def private_modules(saved):
    """Return the private modules of dustaug that are named in a file: whoever loads it would need them."""
    return set(re.findall(rb"dustaug(?:\.\w+)*?\._\w+", saved))


# What is painted is hashed. All that has no key draws the dust of SEED.


def spec_paints(spec):
    images = photos()
    if spec.normalize_mean is not None:
        images = images.astype(np.float32) / 255
    return hash_of(add_dust(images, spec, seed=SEED, epoch=EPOCH, index=FIRST))


def stream_paints(stream):
    return [hash_of(stream(photos())) for _ in range(2)]


def rectangles_paint(rectangles):
    return hash_of(paint_rectangles(photos(), rectangles))


def batch_paints(dust_batch):
    return hash_of(dust_batch({"image": photos(), "id": np.arange(6) * 1000})["image"])


def compose_paints(compose):
    """Hash two images by the generators, which a file does not hold, or by the index if there is one."""
    compose.set_random_seed(3)
    return [hash_of(compose(image=photos()[i], index=i)["image"]) for i in range(2)]


def record_paints(transform):
    return hash_of(transform.map_with_index(13, {"image": photos()[0], "label": 1})["image"])


def layer_paints(layer, **dust_of):
    """Hash what a layer or model of Keras paints at its first call; `dust_of` are the other entries of its inputs."""
    import keras

    images = keras.ops.convert_to_tensor(photos())
    dusted = layer({"images": images, **dust_of} if dust_of else images, training=True)
    return hash_of(keras.ops.convert_to_numpy(dusted["images"] if dust_of else dusted))


def graph_paints(dust):
    return hash_of(dust(FIRST, photos()).numpy())
