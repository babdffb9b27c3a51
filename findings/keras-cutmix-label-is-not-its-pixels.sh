#!/usr/bin/env bash
# Library: Keras 3.15.1 (on its JAX backend).
# Seen: `CutMix` mixes labels by the area of a box with fractions of a pixel, and pastes whole pixels. In nearly all
# pictures of 32 pixels the label and the pixels disagree, by up to 6 points in a hundred, and with 224 by up to 0.6.
# One would have guessed: The label is the share of the pixels, as in the paper's code and in torchvision, which round
# the box first and then compute the share from it.
# Why it matters: On small pictures such as CIFAR's the labels are noisy, and a comparison with another library's
# CutMix compares two kinds of labels.
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

n, seen = 64, {}
for side in (32, 224):
    # Each picture has one value, which tells where a pixel came from.
    images = np.broadcast_to(np.arange(n, dtype=np.float32)[:, None, None, None], (n, side, side, 1))
    mixed = keras.layers.CutMix(seed=1)({"images": images, "labels": np.eye(n, dtype=np.float32)}, training=True)
    own_pixels = (np.asarray(mixed["images"])[..., 0] == np.arange(n)[:, None, None]).mean(axis=(1, 2))
    apart = abs(own_pixels - np.asarray(mixed["labels"]).diagonal())
    seen[side] = float(apart.max())
    print(f"{side} pixels: labels differ from pixels in {(apart > 1e-5).sum()} of {n}, by up to {apart.max():.4f}")
    assert (apart > 1e-5).sum() > n // 2
assert seen[32] > 0.02 > seen[224] > 0.001
PYTHON
