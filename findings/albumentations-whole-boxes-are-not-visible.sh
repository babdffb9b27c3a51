#!/usr/bin/env bash
# Library: Albumentations 2.0.8.
# Seen: `BboxParams(min_visibility=1.0)` drops every box, also under NoOp, where all boxes are whole, and for all of
# the box formats. 0.99 keeps them all. (AlbumentationsX 2.5.1 keeps them with 1.0 too.)
# One would have guessed: 1.0 keeps the boxes that are visible as a whole, since a minimum includes itself.
# Why it matters: 1.0 is what one types to drop the boxes that a crop has cut. The detector is then trained on
# pictures without a box, that is on background only, and no warning comes.
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

image = np.zeros((64, 64, 3), np.uint8)
boxes = {
    "pascal_voc": [[8, 8, 40, 40], [0, 0, 64, 64]],
    "coco": [[8, 8, 32, 32], [0, 0, 64, 64]],
    "yolo": [[0.5, 0.5, 0.25, 0.25], [0.5, 0.5, 1.0, 1.0]],
    "albumentations": [[0.25, 0.25, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0]],
}
for name, both in boxes.items():
    kept = {}
    for share in (0.0, 0.99, 1.0):
        params = A.BboxParams(name, label_fields=[], min_visibility=share)
        pipeline = A.Compose([A.NoOp()], bbox_params=params)
        kept[share] = len(pipeline(image=image, bboxes=np.array(both, float))["bboxes"])
    print(f"{name}: boxes kept of {len(both)}, by min_visibility:", kept)
    assert kept == {0.0: 2, 0.99: 2, 1.0: 0}
PYTHON
