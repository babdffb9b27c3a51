#!/usr/bin/env bash
# Library: Augmentor 0.2.12 with Pillow 13.0.0, RandomErasing.
# Seen: On pictures of 300 × 100 (width × height) with `rectangle_area=0.5` the erased rectangles are at most 50 wide
# and up to 100 high, and on 100 × 300 at most 50 high and up to 100 wide. A rectangle of 150 × 50 is drawn, made as a
# NumPy array of (width, height), which Pillow reads as (height, width), and cut off where it hangs out of the
# picture.
# One would have guessed: At most half of the width and half of the height, in both.
# Why it matters: A wide picture is erased in upright stripes and an upright one in lying stripes, with less area than
# was asked for. Square pictures, on which one tries it first, show nothing of it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check augmentor==0.2.12 pillow==13.0.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import random

import numpy as np
from Augmentor.Operations import RandomErasing
from PIL import Image

random.seed(0)
np.random.seed(0)
erasing = RandomErasing(probability=1.0, rectangle_area=0.5)
largest = {}
for size in ((100, 100), (300, 100), (100, 300)):
    boxes = []
    for _ in range(500):
        (erased,) = erasing.perform_operation([Image.new("RGB", size)])
        left, top, right, bottom = erased.getbbox()
        boxes.append((right - left, bottom - top))
    largest[size] = tuple(np.max(boxes, axis=0).tolist())
    print("width, height of the picture:", size, "largest width and height erased:", largest[size])
assert largest[100, 100] == (50, 50)
assert largest[300, 100][0] <= 50 and largest[300, 100][1] > 90
assert largest[100, 300][0] > 90 and largest[100, 300][1] <= 50
PYTHON
