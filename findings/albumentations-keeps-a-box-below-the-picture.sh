#!/usr/bin/env bash
# Library: Albumentations 2.0.8.
# Seen: A YOLO box that begins at the lower edge of the picture lies outside as a whole. `clip=True` with
# `filter_invalid_bboxes=True` drops it at most sizes. Below a picture of 22 × 31 (height × width), boxes of 2 and of 8
# rows stay, as boxes of 6e-8 of the height; boxes of the other sizes from 1 to 9 rows are dropped.
# One would have guessed: A box that is outside is dropped, whatever its size.
# Why it matters: The two settings are there to clean labels. The box that stays has a label and covers no pixel. A
# loss that divides by its height, or takes the logarithm of it, gets a number that outweighs all other boxes.
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

height, width = 22, 31
image = np.zeros((height, width, 3), np.uint8)
params = A.BboxParams("yolo", label_fields=[], clip=True, filter_invalid_bboxes=True)
pipeline = A.Compose([A.NoOp()], bbox_params=params)
left = {}
for rows in range(1, 10):
    box = [0.5, (height + rows / 2) / height, 0.25, rows / height]
    left[rows] = pipeline(image=image, bboxes=np.array([box]))["bboxes"].tolist()
    print(f"a box of {rows} rows below the picture of {height} rows:", left[rows] or "dropped")
assert [rows for rows in left if left[rows]] == [2, 8]
assert all(0 < left[rows][0][3] < 1e-7 for rows in (2, 8))
PYTHON
