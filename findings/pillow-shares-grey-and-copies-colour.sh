#!/usr/bin/env bash
# Library: Pillow 13.0.0.
# Seen: `Image.fromarray` of a grey or an RGBA array lies over the array: what is written into the array later shows
# in the picture. Of an RGB array it is a copy. The other way round is safe: drawing on the picture leaves each array
# as it was.
# One would have guessed: One function shares memory always or never.
# Why it matters: Painting into an array after the picture was made from it changes what is saved or shown for grey
# pictures, and not for colour ones. A test with colour pictures proves nothing for grey.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from PIL import Image, ImageDraw

seen = {}
for name, shape in {"grey": (8, 8), "grey and alpha": (8, 8, 2), "RGB": (8, 8, 3), "RGBA": (8, 8, 4)}.items():
    array = np.full(shape, 9, np.uint8)
    image = Image.fromarray(array)
    array[:] = 200
    shared = np.asarray(image).max() == 200
    array = np.full(shape, 9, np.uint8)
    image = Image.fromarray(array)
    ImageDraw.Draw(image).rectangle((0, 0, 7, 7), fill=(200,) * len(image.getbands()) if len(shape) == 3 else 200)
    seen[name] = bool(shared), int(array.max()), int(np.asarray(image).max())
    print(f"{name:14}: the picture follows the array: {seen[name][0]}; after drawing the array holds {seen[name][1]}")
assert seen["RGB"] == (False, 9, 200)
assert seen["grey"] == seen["RGBA"] == (True, 9, 200)
PYTHON
