#!/usr/bin/env bash
# Library: Albumentations 2.0.8.
# Seen: CoarseDropout takes ranges that end below 1 as shares of the picture and others as pixels. So
# `hole_height_range=(0.5, 0.99)` cuts holes of half to all of the height, and `(0.5, 1.0)` holes of at most one
# pixel.
# One would have guessed: From half of the picture to the whole of it is a range like the others, since both ends are
# floats.
# Why it matters: The strongest setting is the weakest one. The picture looks untouched, no warning comes, and the
# run counts as one with heavy occlusion.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check albumentations==2.0.8 \
    opencv-python-headless==5.0.0.93 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import os

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations as A
import numpy as np

image = np.full((64, 64), 9, np.uint8)


def share(sizes):
    pipeline = A.Compose([A.CoarseDropout(hole_height_range=sizes, hole_width_range=sizes, p=1)], seed=0)
    return float(np.mean([(pipeline(image=image)["image"] == 0).mean() for _ in range(200)]))


below, up_to_one = share((0.5, 0.99)), share((0.5, 1.0))
print(f"mean share hidden with (0.5, 0.99): {below:.4f}")
print(f"mean share hidden with (0.5, 1.0):  {up_to_one:.4f}")
assert below > 0.4
assert up_to_one < 0.001
PYTHON
