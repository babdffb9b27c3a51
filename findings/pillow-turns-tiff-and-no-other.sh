#!/usr/bin/env bash
# Library: Pillow 13.0.0, with tifffile 2026.3.3 and imageio 2.38.1.
# Seen: A picture of 32 × 16 with the orientation 6 is opened by Pillow as it is stored when it is a JPEG, PNG or
# WebP, and turned upright, without the tag, when it is a TIFF. tifffile and imageio give the TIFF as it is stored.
# One would have guessed: One rule for all formats: either Pillow turns pictures by their tag or it leaves that to
# `ImageOps.exif_transpose`.
# Why it matters: Boxes and masks belong to one of the two orientations. A data set that moved from JPEG to TIFF, or
# from Pillow to tifffile, has its labels beside its pictures, and erased rectangles land elsewhere.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6 tifffile==2026.3.3 \
    imageio==2.38.1
"$work/venv/bin/python" - <<'PYTHON'
import os
import tempfile

import imageio.v3 as imageio
import numpy as np
import tifffile
from PIL import Image

os.chdir(tempfile.mkdtemp())
image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 32, 3), dtype=np.uint8))
exif = Image.Exif()
exif[0x112] = 6
seen = {}
for suffix in ("jpg", "png", "webp", "tiff"):
    image.save(f"picture.{suffix}", exif=exif)
    read = Image.open(f"picture.{suffix}")
    seen[suffix] = np.asarray(read).shape[:2], read.getexif().get(0x112)
    print(f"Pillow, {suffix:4}: height and width {seen[suffix][0]}, orientation afterwards {seen[suffix][1]}")
others = tifffile.imread("picture.tiff").shape[:2], imageio.imread("picture.tiff").shape[:2]
print("tifffile and imageio, tiff:", *others)
assert seen == {"jpg": ((16, 32), 6), "png": ((16, 32), 6), "webp": ((16, 32), 6), "tiff": ((32, 16), None)}
assert others == ((16, 32), (16, 32))
PYTHON
