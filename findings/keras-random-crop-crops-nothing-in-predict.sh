#!/usr/bin/env bash
# Library: Keras 3.15.1 (seen on its JAX and TensorFlow backends).
# Seen: `RandomCrop(4, 4)` crops in training. In `predict` it hands pictures of 9 × 17 through as they are, though
# the model says that it gives (4, 4, 3), so a Dense layer after it raises in `predict`. The docstring says that at
# inference the input is resized and cropped.
# One would have guessed: What the docstring says, and a shape that does not depend on the mode.
# Why it matters: A model that trains cannot predict, or, with a global pooling after the crop, predicts on pictures
# of another size than it was trained on, without a word.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import os

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np

images = np.zeros((2, 9, 17, 3), np.float32)
model = keras.Sequential([keras.Input((9, 17, 3)), keras.layers.RandomCrop(4, 4)])
training, predicted = np.asarray(model(images, training=True)).shape, model.predict(images, verbose=0).shape
print("the model says", model.output_shape, "training gives", training, "and predict gives", predicted)
assert model.output_shape == (None, 4, 4, 3)
assert training == (2, 4, 4, 3)
assert predicted == (2, 9, 17, 3)
model = keras.Sequential(
    [keras.Input((9, 17, 3)), keras.layers.RandomCrop(4, 4), keras.layers.Flatten(), keras.layers.Dense(2)]
)
print("with Flatten and Dense, training gives", np.asarray(model(images, training=True)).shape)
try:
    model.predict(images, verbose=0)
except ValueError as error:
    print("and predict raises:", str(error).splitlines()[0])
else:
    raise AssertionError("predict works now")
PYTHON
