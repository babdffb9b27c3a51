#!/usr/bin/env bash
# Library: Keras 3.15.1 (on its JAX backend).
# Seen: `RandomErasing(factor=1.0)`, the default, erases in about half of the pictures, and `factor=(1.0, 1.0)` in
# all of them. The docstring says "`factor=1.0` means erasing is always applied", and two lines further down that a
# float is the upper end of a range from 0.
# One would have guessed: 1.0 as a probability means always, and (1.0, 1.0) the same as 1.0.
# Why it matters: A comparison with another library's `p=1` compares two strengths. The same holds for every other
# value: `factor=0.5` erases in a quarter of the pictures.
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

images = np.zeros((1000, 32, 32, 3), np.float32)
seen = {}
for factor in (1.0, (1.0, 1.0), 0.5, (0.5, 0.5)):
    layer = keras.layers.RandomErasing(factor=factor, fill_value=1.0, value_range=(0, 1), seed=0)
    erased = np.asarray(layer(images, training=True)).max(axis=(1, 2, 3)) > 0
    seen[factor] = float(erased.mean())
    print(f"factor={factor}: erased in {seen[factor]:.3f} of the pictures")
assert 0.42 < seen[1.0] < 0.56
assert seen[1.0, 1.0] > 0.95
assert 0.2 < seen[0.5] < 0.3
assert 0.43 < seen[0.5, 0.5] < 0.56
assert "means erasing is always applied" in keras.layers.RandomErasing.__doc__
PYTHON
