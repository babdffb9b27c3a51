#!/usr/bin/env bash
# Library: scikit-image 0.26.0.
# Seen: `random_noise(image, mode="poisson")` on uint8: the noise on the same grey pixels has ten times the deviation
# when the picture has one grey level as when a strip of it shows all 256. The number of photons is taken from the
# number of different values in the picture.
# One would have guessed: Shot noise depends on how bright a pixel is, and the scale on the dtype: 255 is white.
# Why it matters: Whatever lowers the number of greys (erasing, posterising, a flat background) makes the noise of
# all other pixels stronger, so two augmentations that should be independent are not, and a drawing gets far more
# noise than a photo.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scikit-image==0.26.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from skimage.util import random_noise

flat = np.full((64, 64), 128, np.uint8)
strip = flat.copy()
strip[:4] = np.arange(256, dtype=np.uint8).reshape(4, 64)
half = flat.copy()
half[:4] = 0
seen = {}
for name, image in {"one grey": flat, "two greys": half, "256 greys": strip}.items():
    seen[name] = float(random_noise(image, mode="poisson", rng=0)[32:].std())
    print(f"{name:9}: deviation {seen[name]:.4f} on the pixels of 128")
assert seen["one grey"] > 8 * seen["256 greys"]
assert seen["two greys"] > 5 * seen["256 greys"]
PYTHON
