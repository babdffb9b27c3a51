"""The tools of robustness measure models of Keras, whatever its backend is."""

import keras
import numpy as np
import pytest

from dustaug import cutout
from dustaug.robustness import occlusion_curve, occlusion_map

# Keras 3.15 reads torch's tensors in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

N, HEIGHT, WIDTH = 12, 9, 10
LEVELS = {3: cutout(3), 6: cutout(6, fill_value=(255, 0, 0))}


def photos():
    return np.random.default_rng(2).integers(0, 256, (N, HEIGHT, WIDTH, 3), dtype=np.uint8)


def by_hand(images):
    """Return the sum of each channel; sums of whole numbers are exact."""
    return images.sum(axis=(1, 2), dtype=np.float64)


@pytest.fixture(scope="module")
def model():
    """Make a model of Keras that computes these sums, with weights that can be trained."""
    model = keras.Sequential([keras.Input((HEIGHT, WIDTH, 3)), keras.layers.Conv2D(3, (HEIGHT, WIDTH), use_bias=False)])
    model.add(keras.layers.Flatten())
    model.layers[0].set_weights([np.tile(np.eye(3, dtype=np.float32), (HEIGHT, WIDTH, 1, 1))])
    return model


@pytest.mark.parametrize(
    "call",
    [
        lambda model, images: model.predict(images, verbose=0),
        lambda model, images: model.predict_on_batch(images),
        lambda model, images: model(images.astype(np.float32), training=False),
    ],
    ids=["predict", "predict_on_batch", "call"],
)
def test_a_model_as_the_docs_say(model, call):
    """All ways to call a model give the curve and the map of the same arithmetic in NumPy."""
    images, labels = photos(), np.arange(N) % 3

    curve = occlusion_curve(lambda x: call(model, x), images, labels, LEVELS, progress=False)
    found = occlusion_map(lambda x: call(model, x), images[3], patch=3, progress=False)

    assert curve == occlusion_curve(by_hand, images, labels, LEVELS, progress=False)
    assert (found.heat == occlusion_map(by_hand, images[3], patch=3, progress=False).heat).all()


def test_a_model_itself_is_no_function_of_images(model):
    """A model itself is refused, as a direct call would turn its augmentation layers on."""
    with pytest.raises(TypeError, match="type predict=model.predict_on_batch"):
        occlusion_curve(model, photos(), np.zeros(N, int), LEVELS, progress=False)
