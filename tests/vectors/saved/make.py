"""Save what users save, and what it paints, for tests/test_saved*.py: these files are of 0.1.0 and stay as they are.

What a later version saves differently gets a file of another name.

Newer frameworks read the files of older ones, so these were made with the lowest versions. On Python 3.10:
``pip install numpy==1.26.0 numba==0.60.0 albumentations==2.0.8 tensorflow==2.17.0 keras==3.5.0 grain==0.2.11 pytest``,
and then, in the folder `tests`: ``PYTHONPATH=../src python -m vectors.saved.make core albumentations keras tensorflow
grain``, together or one after the other.
"""

import json
import os
import pickle
import shutil
import sys

import numpy as np

import dustaug
from saved import (
    EPOCH,
    EXPECTED,
    FIRST,
    FOLDER,
    SEED,
    batch_paints,
    compose_paints,
    graph_paints,
    layer_paints,
    record_paints,
    rectangles_paint,
    spec_paints,
    stream_paints,
)
from test_pixels import ADAPTED, photos

SPECS = {
    **ADAPTED,
    "constant": dustaug.cutout(9),
    "noise": dustaug.dust(fill="noise", fill_range=(10, 200)),
    "normalized": dustaug.dust(normalize_mean=(0.5, 0.4, 0.3), normalize_std=(0.2, 0.25, 0.3)),
    "inside": dustaug.Spec(height_fraction_range=(0.1, 0.3), center="inside", count_range=(1, 70), spare_last=False),
    "uniform": dustaug.Spec(center="uniform", side_range=(3, 12), p=0.5),
}
MANY = dustaug.dust(count_range=(5, 20))


def save_pickle(file, thing):
    # Protocol 4 is the default from Python 3.8 to 3.13.
    (FOLDER / file).write_bytes(pickle.dumps(thing, 4))


def save_json(file, thing):
    (FOLDER / file).write_text(json.dumps(thing, indent=1) + "\n")


def make_core():
    """Save specs, streams, rectangles, results of robustness, and Ray's function of a batch, which imports no Ray."""
    from dustaug.ray import DustBatch
    from dustaug.robustness import occlusion_curve, occlusion_map

    save_pickle("specs.pickle", SPECS)
    save_json("specs.json", {name: spec.to_dict() for name, spec in SPECS.items()})
    paint = {"specs": {name: spec_paints(spec) for name, spec in SPECS.items()}}

    stream = dustaug.DustStream(SPECS["color"], seed=SEED, epoch=EPOCH)
    stream(photos())
    save_pickle("stream.pickle", stream)
    save_json("stream.json", stream.state_dict())
    paint["stream"] = stream_paints(stream)

    drawn = {
        name: dustaug.sample_rectangles(
            SPECS[name], height=48, width=64, seed=SEED, epoch=EPOCH, index=np.arange(6) + FIRST
        )
        for name in ("constant", "noise", "mean")
    }
    save_pickle("rectangles.pickle", drawn)
    paint["rectangles"] = {name: rectangles_paint(rectangles) for name, rectangles in drawn.items()}

    dust_batch = DustBatch(MANY, seed=SEED, epoch=EPOCH, index_column="id")
    save_pickle("dust_batch.pickle", dust_batch)
    paint["dust_batch"] = batch_paints(dust_batch)

    def predict(images):
        dark = np.count_nonzero(images < 100, axis=(1, 2, 3))
        return np.stack([dark, 3700 + 0 * dark], axis=1)

    curve = occlusion_curve(predict, photos(), [0, 1] * 3, seed=7, progress=False)
    found = occlusion_map(predict, photos()[0, :6, :5], target=0, patch=3, stride=2, progress=False)
    save_pickle("occlusion.pickle", {"curve": curve, "map": found})
    paint["occlusion"] = {"curve": curve.to_dict(), "map": found.to_dict()}
    return paint


def make_albumentations():
    """Save compositions as JSON and YAML."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    import albumentations as A

    from dustaug.albumentations import DustRectangles

    seeded = DustRectangles(SPECS["random_erasing"], seed=SEED, index_key="index", fill_mask=(1, 2.5), boxes="keep")
    composed = {
        "seeded": A.Compose([A.HorizontalFlip(p=1), seeded]),
        "driven": A.Compose([DustRectangles(MANY, p=0.9)], seed=3),
    }
    for name, compose in composed.items():
        A.save(compose, FOLDER / f"albumentations-{name}.json", data_format="json")
        A.save(compose, FOLDER / f"albumentations-{name}.yaml", data_format="yaml")
    return {f"albumentations-{name}": compose_paints(compose) for name, compose in composed.items()}


def make_keras():
    """Save a model, and the configurations of layers."""
    import keras

    from dustaug.keras import DustRectangles

    def make_model():
        return keras.Sequential([keras.Input((48, 64, 3)), DustRectangles(SPECS["mean"], seed=SEED)])

    layers = {
        "counted": DustRectangles(MANY, seed=SEED, dtype="uint8", name="counted"),
        "indexed": DustRectangles(SPECS["noise"], seed=SEED, index_key="id", epoch_key="epoch", name="indexed"),
    }
    make_model().save(FOLDER / "model.keras")
    save_json("keras-layers.json", {name: layer.get_config() for name, layer in layers.items()})
    return {
        "model": layer_paints(make_model()),
        "keras-layers": {
            "counted": layer_paints(layers["counted"]),
            "indexed": layer_paints(layers["indexed"], id=FIRST, epoch=EPOCH),
        },
    }


def make_tensorflow():
    """Save a function of TensorFlow's operations in a SavedModel."""
    import tensorflow as tf

    from dustaug.tensorflow import make_dust_fn

    module, folder = tf.Module(), FOLDER / "saved_model"
    module.dust = tf.function(
        make_dust_fn(SPECS["cutout"], seed=SEED, epoch=EPOCH, backend="graph", indexed=True),
        input_signature=[tf.TensorSpec((), tf.int64), tf.TensorSpec((None, 48, 64, 3), tf.uint8)],
    )
    shutil.rmtree(folder, ignore_errors=True)
    tf.saved_model.save(module, folder)
    return {"saved_model": graph_paints(module.dust)}


def make_grain():
    """Save a transform as a pickle."""
    from dustaug.grain import DustRectangles

    transform = DustRectangles(MANY, seed=SEED, records_per_epoch=10)
    save_pickle("grain-transform.pickle", transform)
    return {"grain-transform": record_paints(transform)}


MAKERS = {
    "core": make_core,
    "albumentations": make_albumentations,
    "keras": make_keras,
    "tensorflow": make_tensorflow,
    "grain": make_grain,
}

if __name__ == "__main__":
    if dustaug.__version__ != "0.1.0" or int(np.__version__.split(".")[0]) > 1:
        sys.exit(f"the files are those of dustaug 0.1.0 and NumPy 1, got {dustaug.__version__} and {np.__version__}")
    paint = json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}
    for framework in sys.argv[1:]:
        paint |= MAKERS[framework]()
    save_json(EXPECTED.name, dict(sorted(paint.items())))
