"""Models and layers that users saved with Keras and dustaug 0.1.0 are read, with every backend."""

import json
import pickle

import keras
import pytest

import saved
from dustaug.keras import DustRectangles

# Keras asks its tensors for arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


def test_models():
    """A file of model.save."""
    model = keras.saving.load_model(saved.FOLDER / "model.keras")

    assert isinstance(model.layers[-1], DustRectangles)
    assert saved.layer_paints(model) == saved.expected("model")


@pytest.mark.parametrize(
    ("name", "entries"),
    [("counted", {}), ("indexed", {"id": saved.FIRST, "epoch": saved.EPOCH})],
)
def test_configurations(name, entries):
    """JSON of get_config()."""
    layer = DustRectangles.from_config(saved.read_json("keras-layers.json")[name])

    assert saved.layer_paints(layer, **entries) == saved.expected("keras-layers")[name]


def test_they_name_no_private_module():
    """Neither what a model's file is made of nor a pickle; older versions of Keras import the module that it names."""
    layer = DustRectangles(seed=7)
    config = keras.saving.serialize_keras_object(layer)

    assert (config["module"], config["registered_name"]) == ("dustaug.keras", "dustaug>DustRectangles")
    assert saved.private_modules(json.dumps(config).encode()) == set()
    assert saved.private_modules(pickle.dumps(layer)) == set()
