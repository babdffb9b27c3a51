#!/usr/bin/env bash
# Library: TensorFlow 2.21.0.
# Seen: After `tf.random.set_seed(1)` a random op inside `Dataset.map` gives the same numbers in every pass over the
# data set. With `.repeat(2)` the second pass differs, and `shuffle` differs in every pass as well.
# One would have guessed: A seed makes a run repeatable. Within it each epoch differs, as with `shuffle`, and
# `repeat(2)` is the same as going through twice.
# Why it matters: `for epoch in range(n): for batch in dataset` with a seed trains on one fixed augmented copy of
# each picture. The order changes, so it looks random.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

tf.random.set_seed(1)
drawn = tf.data.Dataset.range(4).map(lambda index: tf.random.uniform([]))
passes = [[round(float(value), 3) for value in drawn] for _ in range(3)]
repeated = [round(float(value), 3) for value in drawn.repeat(2)]
shuffled = tf.data.Dataset.range(16).shuffle(16)
orders = [[int(value) for value in shuffled] for _ in range(3)]
print("drawn in three passes:", *passes)
print("drawn with repeat(2): ", repeated[:4], repeated[4:])
print("order in three passes:", *orders)
assert passes[0] == passes[1] == passes[2]
assert repeated[:4] == passes[0] and repeated[4:] != passes[0]
assert orders[0] != orders[1] != orders[2]
PYTHON
