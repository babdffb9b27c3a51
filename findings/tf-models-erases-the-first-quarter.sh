#!/usr/bin/env bash
# Library: tf-models-official 2.20.0 (the TensorFlow Model Garden) with TensorFlow 2.20.0, RandomErasing.
# Seen: The top left quarter of the picture is erased about twenty times as often as the bottom right one, and the
# last pixel never. The place is drawn as for the top left corner of the rectangle and then taken for its centre, so
# that much of it hangs out of the picture. With `min_area=max_area=0.3` the erased share is 0.18 on average.
# One would have guessed: All quarters are erased as often, and the erased area lies between `min_area` and
# `max_area`, as the docstring says. It names timm's code as its model, in which the rectangle lies inside the
# picture.
# Why it matters: The network learns that objects are hidden from the top left. A comparison with the same settings in
# another library compares two strengths.
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


def erased(calls, **settings):
    erasing = augment.RandomErasing(probability=1.0, **settings)
    return np.stack([erasing.distort(tf.zeros((64, 64, 3))).numpy().any(axis=2) for _ in range(calls)])


tf.random.set_seed(0)
hidden = erased(300)
quarters = [float(hidden[:, y : y + 32, x : x + 32].mean()) for y in (0, 32) for x in (0, 32)]
corners = int(hidden[:, 0, 0].sum()), int(hidden[:, -1, -1].sum())
areas = {area: float(erased(60, min_area=area, max_area=area).mean()) for area in (0.1, 0.3)}
print("share erased of the quarters, top left to bottom right:", [round(share, 3) for share in quarters])
print("times that the first and the last pixel were erased in 300 calls:", corners)
print("share asked for and share erased:", {area: round(share, 3) for area, share in areas.items()})
assert quarters[0] > 0.25 and quarters[3] < 0.03
assert corners[0] > 30 and corners[1] == 0
assert areas[0.1] < 0.095 and areas[0.3] < 0.25
PYTHON
