#!/usr/bin/env bash
# Library: OpenCV 5.0.0 (opencv-python-headless 5.0.0.93).
# Seen: `cv2.imread` gives None for a TIFF with one of the orientations 5 to 8, those that swap height and width,
# also with IMREAD_UNCHANGED. It reads the orientations 1 to 4, and JPEG and PNG files with any of the eight.
# One would have guessed: The orientation is a tag beside the pixels: a picture that can be read upright can be read
# turned.
# Why it matters: imread raises nothing, it logs a line about its own code. In a data set the None shows up in the
# augmentation, as an error about the type of its input, for the portraits among the pictures only.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6 \
    opencv-python-headless==5.0.0.93
"$work/venv/bin/python" - <<'PYTHON'
import os
import tempfile

import cv2
import numpy as np
from PIL import Image

os.chdir(tempfile.mkdtemp())
image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 32, 3), dtype=np.uint8))
seen = {}
for suffix in ("tiff", "jpg", "png"):
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x112] = orientation
        image.save(f"picture.{suffix}", exif=exif)
        reads = [cv2.imread(f"picture.{suffix}", flag) for flag in (cv2.IMREAD_COLOR, cv2.IMREAD_UNCHANGED)]
        seen[suffix, orientation] = [None if read is None else read.shape[:2] for read in reads]
for suffix in ("tiff", "jpg", "png"):
    print(f"{suffix:4}:", *(f"{n}: {seen[suffix, n][0]}" for n in range(1, 9)))
assert [n for n in range(1, 9) if seen["tiff", n][0] is None] == [5, 6, 7, 8]
assert [n for n in range(1, 9) if seen["tiff", n][1] is None] == [5, 6, 7, 8]
assert all(seen[suffix, n][0] is not None for suffix in ("jpg", "png") for n in range(1, 9))
PYTHON
