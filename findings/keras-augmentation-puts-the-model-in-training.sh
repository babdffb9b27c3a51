#!/usr/bin/env bash
# Library: Keras 3.15.1 (seen on its JAX and PyTorch backends).
# Seen: A model is called as `model(images)`, without `training`. Behind RandomFlip, RandomCrop, RandomErasing or
# AutoContrast, a custom layer with `call(self, x, training=None)` gets True, and BatchNormalization moves its
# averages. Behind Rescaling the layer gets None, behind Dropout False. The augmentation layers' own default,
# `training=True`, goes into the context of the call, and the layers behind read it there.
# One would have guessed: A default belongs to the layer that has it. A call without `training` is not training.
# Why it matters: Such a call is made to look at features. It moves the averages of the model, so
# `predict` gives other numbers afterwards. `predict` and `training=False` themselves do not show it.
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

layers = keras.layers
images = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
told = []


class Told(layers.Layer):
    def call(self, x, training=None):
        told.append(training)
        return x


seen = {}
for first in (
    layers.RandomFlip(),
    layers.RandomCrop(8, 8),
    layers.RandomErasing(),
    layers.AutoContrast(),
    layers.Rescaling(1.0),
    layers.Dropout(0.5),
):
    model = keras.Sequential([keras.Input((8, 8, 3)), first, Told(), layers.BatchNormalization()])
    before = model.predict(images, verbose=0)
    told.clear()
    model(images)
    model(images, training=False)
    after = model.predict(images, verbose=0)
    name = type(first).__name__
    seen[name] = told[0], not np.array_equal(before, after)
    print(f"behind {name}: training is {told[0]}, predict gives other numbers afterwards: {seen[name][1]}")
    assert set(told[1:]) == {False}
assert seen == {
    "RandomFlip": (True, True),
    "RandomCrop": (True, True),
    "RandomErasing": (True, True),
    "AutoContrast": (True, True),
    "Rescaling": (None, False),
    "Dropout": (False, False),
}
PYTHON
