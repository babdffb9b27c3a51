#!/usr/bin/env bash
# Library: AlbumentationsX 2.5.1, GridMask.
# Seen: GridMask(num_grid_range=(4, 4), line_width_range=(0.25, 0.25)) hides a pixel in the middle of the image in 44 of
# 100 calls, as the width of the lines says, but the pixel at the top left in about 12. The first line begins at an offset
# of up to a whole cell, and a line that would begin before the image and reach into it is left out. The transform hides
# lines; the squares of the paper that it is named after, whose code hides them, cannot be had.
# One would have guessed: A random phase makes every pixel equally likely to be hidden, and GridMask hides squares.
# Why it matters: The top and left edges are nearly always seen. Results with this transform are not those of GridMask.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check albumentationsx==2.5.1 albucore==0.2.21 torch==2.14.1 \
    opencv-python-headless==5.0.0.93 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import os

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations as A
import numpy as np

image = np.full((64, 64, 3), 255, np.uint8)
pipeline = A.Compose(
    [A.GridMask(num_grid_range=(4, 4), line_width_range=(0.25, 0.25), fill=0, p=1)], seed=1, telemetry=False
)
masks = np.array([pipeline(image=image)["image"][..., 0] == 0 for _ in range(4000)])
hidden = masks.mean(axis=0)
print(f"hidden at the top left {hidden[0, 0]:.3f}, in the middle {hidden[32, 32]:.3f}, at the last {hidden[-1, -1]:.3f}")
assert abs(hidden[32, 32] - (1 - 0.75**2)) < 0.04
assert abs(hidden[-1, -1] - (1 - 0.75**2)) < 0.04
assert hidden[0, 0] < 0.16
rows, columns = masks.all(axis=2), masks.all(axis=1)
assert np.array_equal(masks, rows[:, :, None] | columns[:, None]), "lines, never squares"
PYTHON
