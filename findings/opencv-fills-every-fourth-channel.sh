#!/usr/bin/env bash
# Library: OpenCV 5.0.0 (opencv-python-headless 5.0.0.93).
# Seen: One number as the fill reaches the channels 0, 4, 8 … only: a white rectangle on a colour picture is drawn in
# blue (the first channel), and the border of a shifted picture of six channels is (9, 0, 0, 0, 9, 0). Four numbers
# for six channels start anew at the fifth.
# One would have guessed: One number is the fill of all channels, as in NumPy, Pillow and the augmentation libraries.
# Why it matters: `borderValue=255` on a colour picture gives blue borders, and on multispectral pictures a colour
# that nobody chose. No error comes for the numbers that are missing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np

colour, bands = np.zeros((6, 6, 3), np.uint8), np.zeros((6, 6, 6), np.uint8)
shift = np.array([[1, 0, 3], [0, 1, 0]], np.float32)
rectangle = cv2.rectangle(colour.copy(), (0, 0), (2, 2), 255, -1)[0, 0].tolist()
one = cv2.warpAffine(bands, shift, (6, 6), borderValue=9)[0, 0].tolist()
four = cv2.warpAffine(bands, shift, (6, 6), borderValue=(1, 2, 3, 4))[0, 0].tolist()
print("rectangle with 255 on three channels:", rectangle)
print("warpAffine with borderValue=9 on six:", one)
print("with borderValue=(1, 2, 3, 4) on six:", four)
assert rectangle == [255, 0, 0]
assert one == [9, 0, 0, 0, 9, 0]
assert four == [1, 2, 3, 4, 1, 2]
PYTHON
