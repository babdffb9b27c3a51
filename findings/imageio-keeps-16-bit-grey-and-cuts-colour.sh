#!/usr/bin/env bash
# Library: imageio 2.38.1 and scikit-image 0.26.0 (both read PNG by Pillow 13.0.0), beside imagecodecs 2026.3.6.
# Seen: Both read a 16-bit PNG as uint16 when it is grey, and as uint8 when it is in colour, without a word.
# imagecodecs reads 16 bits in both.
# One would have guessed: The depth of what is read is the depth of the file, as it was for the grey one that was
# tried first.
# Why it matters: Code that divides by 65535 because the first pictures were uint16 makes the colour ones black, and
# a fill value chosen for 16 bits does not fit into the other half of the data set.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check imageio==2.38.1 scikit-image==0.26.0 \
    imagecodecs==2026.3.6 opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import os
import tempfile

import cv2
import imagecodecs
import imageio.v3 as imageio
import numpy as np
import skimage.io

os.chdir(tempfile.mkdtemp())
cv2.imwrite("grey.png", np.full((8, 8), 40000, np.uint16))
cv2.imwrite("colour.png", np.full((8, 8, 3), 40000, np.uint16))
seen = {}
for name, read in {"imageio": imageio.imread, "skimage": skimage.io.imread, "imagecodecs": imagecodecs.imread}.items():
    seen[name] = [(read(path).dtype.name, int(read(path).max())) for path in ("grey.png", "colour.png")]
    print(f"{name:11}: grey {seen[name][0]}, colour {seen[name][1]}")
assert seen["imageio"] == seen["skimage"] == [("uint16", 40000), ("uint8", 156)]
assert seen["imagecodecs"] == [("uint16", 40000), ("uint16", 40000)]
PYTHON
