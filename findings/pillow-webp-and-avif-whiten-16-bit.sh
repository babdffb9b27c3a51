#!/usr/bin/env bash
# Library: Pillow 13.0.0.
# Seen: A 16-bit grey picture of the one value 3000, which is dark, is saved as lossless WebP, AVIF and GIF without
# a word, and comes back white. JPEG, BMP and TGA refuse the same picture; PNG, TIFF and JPEG 2000 keep it.
# One would have guessed: A format of 8 bits refuses 16 bits as JPEG does, or scales them; above all one that was
# told to be lossless.
# Why it matters: Whoever stores augmented copies in a smaller format loses depth pictures and scans to plain white,
# and learns it in training at best.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import io

import numpy as np
from PIL import Image

dark = Image.fromarray(np.full((16, 16), 3000, np.uint16))
seen = {}
for name, options in {
    "PNG": {},
    "TIFF": {},
    "JPEG2000": {},
    "WEBP": {"lossless": True},
    "AVIF": {},
    "GIF": {},
    "JPEG": {},
    "BMP": {},
    "TGA": {},
}.items():
    file = io.BytesIO()
    try:
        dark.save(file, name, **options)
    except OSError as error:
        seen[name] = str(error)
    else:
        read = Image.open(file)
        seen[name] = read.mode, int(np.asarray(read.convert("RGB") if read.mode == "P" else read).max())
    print(f"{name:8}: {seen[name]}")
assert all(seen[name] == ("I;16", 3000) for name in ("PNG", "TIFF", "JPEG2000"))
assert seen["WEBP"] == ("RGB", 255)
assert seen["AVIF"] == ("L", 255)
assert seen["GIF"] == ("P", 255)
assert all("cannot write mode" in seen[name] for name in ("JPEG", "BMP", "TGA"))
PYTHON
