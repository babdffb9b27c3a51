#!/usr/bin/env bash
# Library: Keras 3.15.1 with TensorFlow 2.21.0 (seen on the JAX backend too).
# Seen: A model of RandomErasing and Dropout changes nothing in `predict`. After `model.export()` the served model
# has its Dropout off and its RandomErasing on: it hides other pixels at each request.
# One would have guessed: What is exported for serving is what `predict` does.
# Why it matters: The served model is worse than the one that was measured, and answers the same request differently
# each time.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tempfile

import keras
import numpy as np
import tensorflow as tf

layers = keras.layers
erase = layers.RandomErasing(factor=(1.0, 1.0), fill_value=0.0, value_range=(0, 1))
model = keras.Sequential([keras.Input((16, 16, 3)), erase, layers.Dropout(0.5)])
images = np.ones((4, 16, 16, 3), np.float32)
path = tempfile.mkdtemp()
model.export(path, verbose=False)
loaded = tf.saved_model.load(path)
served = [loaded.serve(images).numpy() for _ in range(3)]
print("pixels changed by predict:", int((model.predict(images, verbose=0) != 1).sum()))
print("pixels changed by the exported model in three requests:", [int((out != 1).sum()) for out in served])
print(
    "values served:", sorted({float(v) for out in served for v in np.unique(out)}), "(Dropout at work would give 2.0)"
)
assert (model.predict(images, verbose=0) == 1).all()
assert all((out != 1).any() and set(np.unique(out)) == {0.0, 1.0} for out in served)
assert not np.array_equal(served[0], served[1]) or not np.array_equal(served[0], served[2])
PYTHON
