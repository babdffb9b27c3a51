#!/usr/bin/env bash
# Library: scikit-image 0.26.0, with tifffile 2026.3.3 and imageio 2.38.1.
# Seen: `skimage.io.imread` of a TIFF stack of 2 or 5 grey slices of 6 × 8 gives (2, 6, 8) and (5, 6, 8), of 3 or 4
# slices (6, 8, 3) and (6, 8, 4). imageio and tifffile give the slices first each time.
# One would have guessed: The axes of a stack do not depend on how many slices it has.
# Why it matters: Code for volumes, and every rectangle that is painted at [slice, row, column], goes wrong for the
# stacks of three or four slices among the others, and works in every test with more.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scikit-image==0.26.0 tifffile==2026.3.3 \
    imageio==2.38.1 pillow==13.0.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import os
import tempfile

import imageio.v3 as imageio
import numpy as np
import skimage.io
import tifffile

os.chdir(tempfile.mkdtemp())
seen = {}
for slices in (2, 3, 4, 5):
    stack = np.arange(slices * 48, dtype=np.uint8).reshape(slices, 6, 8)
    tifffile.imwrite("stack.tif", stack, photometric="minisblack")
    seen[slices] = [read("stack.tif").shape for read in (skimage.io.imread, imageio.imread, tifffile.imread)]
    print(f"{slices} slices: skimage {seen[slices][0]}, imageio {seen[slices][1]}, tifffile {seen[slices][2]}")
assert all(seen[n][1] == seen[n][2] == (n, 6, 8) for n in seen)
assert [seen[n][0] for n in (2, 3, 4, 5)] == [(2, 6, 8), (6, 8, 3), (6, 8, 4), (5, 6, 8)]
PYTHON
