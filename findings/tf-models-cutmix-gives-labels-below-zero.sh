#!/usr/bin/env bash
# Library: tf-models-official 2.20.0 (the TensorFlow Model Garden) with TensorFlow 2.20.0, MixupAndCutmix.
# Seen: CutMix on pictures of 64 × 32 (height × width) gives about half of them a negative weight for their own class,
# down to −0.9, and up to 1.9 for the other one. Both sides of the box are taken from the height, and the label is
# mixed by the box as drawn, with what hangs out of the picture. On square pictures no label is negative, and an image
# keeps about 71 of 100 pixels and 55 of 100 of its label on average.
# One would have guessed: Labels between 0 and 1, mixed by the share that was pasted, as in the paper and in timm,
# which the docstring names as the model of the code.
# Why it matters: With a negative weight, cross-entropy falls without end as the probability of the own class goes to
# 0: the network unlearns what the picture shows. On square pictures every label tells of a larger patch than was
# pasted.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work" TF_CPP_MIN_LOG_LEVEL=3
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.20.0 gin-config==0.5.0 \
    pyyaml==6.0.3 numpy==2.3.5
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps tf-keras==2.20.1 tf-models-official==2.20.0
"$work/venv/bin/python" - <<'PYTHON'
import pathlib
import sys
import types

import official

# Python imports these packages first, and they import every model and data set. The augmentation needs none of them.
for name in ("official.core", "official.vision", "official.vision.configs"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [str(pathlib.Path(official.__file__).parents[1] / name.replace(".", "/"))]

import numpy as np
import tensorflow as tf
from official.vision.ops import augment

tf.random.set_seed(0)
cutmix = augment.MixupAndCutmix(num_classes=8, mixup_alpha=0.0, cutmix_alpha=1.0, label_smoothing=0.0)
classes = np.arange(8)
seen = {}
for height, width in ((64, 64), (64, 32), (32, 64)):
    labels, pixels = [], []
    for _ in range(50):
        images = np.broadcast_to(classes[:, None, None, None], (8, height, width, 3)).astype(np.float32)
        mixed, soft = cutmix(tf.constant(images), tf.constant(classes))
        labels.append(soft.numpy()[classes, classes])
        pixels.append((mixed.numpy() == images).mean(axis=(1, 2, 3)))
    labels, pixels = np.array(labels), np.array(pixels)
    seen[height, width] = float(labels.min()), float(labels.mean()), float(pixels.mean()), float((labels < 0).mean())
    print(f"{height} × {width}: own label {labels.min():.2f} … {labels.max():.2f}, mean {labels.mean():.2f};", end=" ")
    print(f"own pixels {pixels.min():.2f} … {pixels.max():.2f}, mean {pixels.mean():.2f}")
assert seen[64, 32][0] < -0.5 and 0.4 < seen[64, 32][3] < 0.6
for lowest, label, pixel, _ in (seen[64, 64], seen[32, 64]):
    assert lowest >= 0 and label < pixel - 0.04
PYTHON
