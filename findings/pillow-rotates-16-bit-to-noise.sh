#!/usr/bin/env bash
# Library: Pillow 13.0.0.
# Seen: Rotating a 16-bit grey picture ("I;16") of the one value 40000 with bilinear or bicubic resampling gives
# values below 256. With nearest neighbours, and in `resize` with the same filters, the values stay 40000.
# One would have guessed: Rotation keeps a constant picture constant apart from its corners, or refuses the mode as
# the filters of ImageFilter do.
# Why it matters: 16-bit grey is what X-ray and depth pictures have. A rotation with bilinear resampling, also
# through torchvision's transforms on a PIL image, turns them into something nearly black without a word.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from PIL import Image

grey = Image.fromarray(np.full((64, 64), 40000, np.uint16))
seen = {}
for name in ("NEAREST", "BILINEAR", "BICUBIC"):
    turned = np.asarray(grey.rotate(10, Image.Resampling[name]))
    sized = np.asarray(grey.resize((31, 31), Image.Resampling[name]))
    seen[name] = int(turned[32, 32]), int(turned.max()), int(sized.min())
    print(f"{name:8}: rotate gives {seen[name][0]} in the middle, at most {seen[name][1]}, resize {seen[name][2]}")
wide = np.asarray(grey.convert("I").rotate(10, Image.Resampling.BILINEAR))
print("mode I, BILINEAR: the middle after rotate", wide[32, 32])
assert seen["NEAREST"] == (40000, 40000, 40000)
assert all(seen[name][1] < 256 and seen[name][2] == 40000 for name in ("BILINEAR", "BICUBIC"))
assert wide[32, 32] == 40000
PYTHON
