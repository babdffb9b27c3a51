#!/usr/bin/env bash
# Library: Keras 3.15.1 with TensorFlow 2.21.0.
# Seen: `Resizing(3, 3)` of a uint8 picture gives uint8 when it is called, with 0.5 cut to 0, and float32 with 0.5
# when the same layer is mapped over a tf.data set. RandomBrightness and RandomGrayscale change their dtype likewise.
# RandomFlip gives float32 both times.
# One would have guessed: One layer gives one dtype and one picture, wherever it runs.
# Why it matters: The layer is moved from the model to the input pipeline for speed. The pixels change, and so does
# the dtype by which the next augmentation decides what white is.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf

image = np.array([[0, 1], [2, 3]], np.uint8)[None, :, :, None]


def both(layer):
    mapped = next(iter(tf.data.Dataset.from_tensors(image).map(layer)))
    return np.asarray(layer(image)), mapped.numpy()


called, mapped = both(keras.layers.Resizing(3, 3))
print("Resizing called:", called.dtype, called.ravel().tolist())
print("Resizing mapped:", mapped.dtype, mapped.ravel().tolist())
assert called.dtype == np.uint8 and mapped.dtype == np.float32
assert not np.array_equal(called, mapped)
colour = np.repeat(image, 3, axis=-1)
image = colour
dtypes = {
    type(layer).__name__: [out.dtype.name for out in both(layer)]
    for layer in (keras.layers.RandomBrightness(0.1), keras.layers.RandomGrayscale(), keras.layers.RandomFlip())
}
print(dtypes)
assert dtypes == {
    "RandomBrightness": ["uint8", "float32"],
    "RandomGrayscale": ["uint8", "float32"],
    "RandomFlip": ["float32", "float32"],
}
PYTHON
