"""An exported model of the layer serves no dust; models are loaded in fresh processes, and on other backends."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from conftest import without
from dustaug.keras import DustRectangles

# Keras and JAX call what NumPy, TensorFlow and JAX have deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

IMAGES = np.random.default_rng(5).integers(1, 256, (3, 16, 20, 3)).astype(np.float32)
SIGNATURE = [keras.InputSpec(shape=(None, 16, 20, 3), dtype="float32")]
ON_JAX = keras.config.backend() == "jax"


def dusty(shape=(16, 20, 3), **options):
    return keras.Sequential([keras.Input(shape), DustRectangles(count_range=(5, 9), seed=7, **options)])


def calls(model):
    """Return a new function, as JAX keeps what it traced for an old one."""
    return lambda images: model(images)  # noqa: PLW0108


def is_clean(served):
    return np.array_equal(IMAGES, np.asarray(served))


def test_layers_of_keras_before_do_not_change_that(tmp_path):
    """Their default, to train, reaches all layers behind them where a call does not say it."""
    model = keras.Sequential(
        [
            keras.Input((16, 20, 3)),
            keras.layers.RandomBrightness(0.0),
            DustRectangles(count_range=(5, 9), seed=7),
        ]
    )
    model.export(tmp_path / "model", verbose=False)

    served = tf.saved_model.load(tmp_path / "model")

    assert is_clean(served.serve(IMAGES))
    assert not is_clean(model(IMAGES))


@pytest.mark.parametrize("shape", [(16, 20, 3), (None, None, 3)])
def test_an_exported_model_serves_no_dust(tmp_path, shape):
    """It serves what `predict` gives, at each request, and the model itself goes on to dust."""
    model = dusty(shape)
    model.export(tmp_path / "model", verbose=False)
    served = tf.saved_model.load(tmp_path / "model")

    assert all(is_clean(served.serve(IMAGES)) for _ in range(2))
    assert is_clean(model.predict(IMAGES, verbose=0))
    assert not is_clean(model(IMAGES))


def test_an_exported_model_of_a_dict_serves_no_dust(tmp_path):
    """Its index is asked for, and changes nothing."""
    inputs = {
        "images": keras.Input((16, 20, 3), name="images"),
        "index": keras.Input((), dtype="int32", name="index"),
    }
    model = keras.Model(inputs, DustRectangles(seed=7, index_key="index")(inputs)["images"])
    model.export(tmp_path / "model", verbose=False)
    served = tf.saved_model.load(tmp_path / "model")

    assert is_clean(served.serve({"images": IMAGES, "index": np.arange(3, dtype=np.int32)}))


def test_an_endpoint_for_training_dusts(tmp_path):
    """Where the call says `training=True`, each request gets other dust."""
    model, archive = dusty(), keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", lambda images: model(images, training=False), SIGNATURE)
    archive.add_endpoint("train", lambda images: model(images, training=True), SIGNATURE)
    archive.write_out(tmp_path / "model", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "model")
    first, second = np.asarray(loaded.train(IMAGES)), np.asarray(loaded.train(IMAGES))

    assert is_clean(loaded.serve(IMAGES))
    assert not is_clean(first)
    assert not np.array_equal(first, second)


def test_a_model_whose_call_says_no_training_is_exported(tmp_path):
    """The way out for layers of Keras that change images when they are exported."""
    model, entry = dusty(), keras.Input((16, 20, 3))
    keras.Model(entry, model(entry, training=False)).export(tmp_path / "model", verbose=False)

    served = tf.saved_model.load(tmp_path / "model")

    assert is_clean(served.serve(IMAGES))


def test_what_the_backend_writes_serves_no_dust(tmp_path):
    """Models that TensorFlow or JAX write without Keras; a function that is only compiled dusts."""
    model = dusty()
    if ON_JAX:
        import jax
        import jax.export

        exported = jax.export.export(jax.jit(calls(model)))
        served = exported(jax.ShapeDtypeStruct(IMAGES.shape, IMAGES.dtype)).call(IMAGES)
        compiled = jax.jit(calls(model))(IMAGES)
    else:
        tf.saved_model.save(model, tmp_path / "model")
        (served,) = tf.saved_model.load(tmp_path / "model").signatures["serving_default"](tf.constant(IMAGES)).values()
        compiled = tf.function(calls(model))(IMAGES)

    assert is_clean(served)
    assert not is_clean(compiled)


LOAD = """
import sys, keras
{}
model = keras.models.load_model(sys.argv[1])
print([type(layer).__name__ for layer in model.layers])
"""
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}


def test_a_fresh_process_loads_a_model(tmp_path, run_python):
    """With the layer after an import of dustaug.keras; without the layer where dustaug is not installed."""
    model = dusty()
    model.save(tmp_path / "dusty.keras")
    plain = keras.models.clone_model(
        model,
        clone_function=lambda layer: keras.layers.Rescaling(1) if isinstance(layer, DustRectangles) else layer,
    )
    plain.save(tmp_path / "plain.keras")
    blocked = without("dustaug") + LOAD.format("")

    assert run_python(LOAD.format("import dustaug.keras"), tmp_path / "dusty.keras", **QUIET) == "['DustRectangles']"
    assert run_python(blocked, tmp_path / "plain.keras", **QUIET) == "['Rescaling']"


PREDICT = """
import keras, numpy as np
from dustaug.keras import DustRectangles

images = np.ones((3, 16, 20, 3), np.float32)
layer = DustRectangles(seed=7, index_key="index", fill_mask=1)
model = keras.Sequential([keras.Input((16, 20, 3)), DustRectangles(seed=7)])
inputs = {"images": images, "segmentation_masks": np.zeros((3, 16, 20), np.int32), "index": 4}
print(keras.config.backend(), (model.predict(images, verbose=0) == images).all())
print((np.asarray(layer(inputs, training=False)["images"]) == images).all())
try:
    model(images)
except ValueError as error:
    print("Keras must run on tensorflow, jax or torch, got numpy" in str(error))
"""


def test_other_backends_predict(run_python):
    """Outside of training nothing is asked of Keras' backend, as on NumPy or OpenVINO, which train no models."""
    assert run_python(PREDICT, **QUIET, KERAS_BACKEND="numpy") == "numpy True\nTrue\nTrue"
