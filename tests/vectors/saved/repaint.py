"""Write anew what the files of 0.1.0 paint, after a change of the pixels; the files themselves stay as they are.

In the folder `tests`: ``PYTHONPATH=../src python -m vectors.saved.repaint core albumentations keras grain``. The four
may also be written one after the other. A SavedModel holds the operations of the version that saved it, and paints what
it always painted.
"""

import json
import os
import sys

import saved


def repaint_core():
    """Specs, a stream, rectangles and Ray's function of a batch."""
    return {
        "specs": {name: saved.spec_paints(spec) for name, spec in saved.unpickle("specs.pickle").items()},
        "stream": saved.stream_paints(saved.unpickle("stream.pickle")),
        "rectangles": {
            name: saved.rectangles_paint(drawn) for name, drawn in saved.unpickle("rectangles.pickle").items()
        },
        "dust_batch": saved.batch_paints(saved.unpickle("dust_batch.pickle")),
    }


def repaint_albumentations():
    """Compositions."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    import albumentations as A

    import dustaug.albumentations  # noqa: F401  Which Albumentations loads by name.

    names = ("albumentations-seeded", "albumentations-driven")
    return {name: saved.compose_paints(A.load(saved.FOLDER / f"{name}.json", data_format="json")) for name in names}


def repaint_keras():
    """A model, and the configurations of layers."""
    import keras

    from dustaug.keras import DustRectangles

    configs = saved.read_json("keras-layers.json")
    layers = {name: DustRectangles.from_config(config) for name, config in configs.items()}
    return {
        "model": saved.layer_paints(keras.models.load_model(saved.FOLDER / "model.keras")),
        "keras-layers": {
            "counted": saved.layer_paints(layers["counted"]),
            "indexed": saved.layer_paints(layers["indexed"], id=saved.FIRST, epoch=saved.EPOCH),
        },
    }


def repaint_grain():
    """A transform."""
    return {"grain-transform": saved.record_paints(saved.unpickle("grain-transform.pickle"))}


REPAINT = {
    "core": repaint_core,
    "albumentations": repaint_albumentations,
    "keras": repaint_keras,
    "grain": repaint_grain,
}

if __name__ == "__main__":
    paint = json.loads(saved.EXPECTED.read_text())
    for framework in sys.argv[1:]:
        paint |= REPAINT[framework]()
    saved.EXPECTED.write_text(json.dumps(dict(sorted(paint.items())), indent=1) + "\n")
