#!/usr/bin/env bash
# Library: TensorFlow 2.21.0.
# Seen: The array that a function gets from `tf.numpy_function` inside tf.data or tf.function lies over the tensor
# and can be written to: painting it in place changes a `cache()`d data set and even a constant. Called eagerly, the
# same function gets a copy and changes nothing. `tensor.numpy()` is a copy too.
# One would have guessed: Tensors do not change, so the function gets a copy, or a read-only array, as
# `as_numpy_iterator` gives. And tests in eager mode tell how it is.
# Why it matters: A painter that works in place passes all of its tests and then paints over the cached pictures, a
# bit more in each epoch.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf


def paint(array):
    array[...] = 9
    return array


cached = tf.data.Dataset.from_tensor_slices(np.zeros((4, 8, 8), np.float32)).cache()
for _ in cached.map(lambda image: tf.numpy_function(paint, [image], tf.float32)):
    pass
in_cache = [float(tf.reduce_max(image)) for image in cached]
constant = tf.zeros((8, 8))
tf.numpy_function(paint, [constant], tf.float32)
eager = float(tf.reduce_max(constant))
tf.function(lambda image: tf.numpy_function(paint, [image], tf.float32))(constant)
graph = float(tf.reduce_max(constant))
print("the cached pictures after a map was iterated:", in_cache)
print("a constant after an eager call:", eager, "and after a call in a tf.function:", graph)
assert in_cache == [9.0] * 4
assert (eager, graph) == (0.0, 9.0)
PYTHON
