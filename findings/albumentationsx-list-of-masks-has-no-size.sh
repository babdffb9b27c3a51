#!/usr/bin/env bash
# Library: AlbumentationsX 2.5.1.
# Seen: A list of masks, `masks=[mask, mask]`, ends in AttributeError: 'list' object has no attribute 'size' under
# flips, transpositions and crops. One array (n, rows, columns) passes. Albumentations 2.0.8 takes both, and returns a
# list for a list.
# One would have guessed: A list passes, or an error says that `masks` must be an array.
# Why it matters: Instance masks come as lists, from COCO's polygons and from segmentation models. Pipelines that were
# written for Albumentations stop at the first image, with a message that names neither masks nor what to type.
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

image, mask = np.zeros((32, 32, 3), np.uint8), np.eye(32, dtype=np.uint8)
for transform in (A.HorizontalFlip(p=1), A.VerticalFlip(p=1), A.Transpose(p=1), A.RandomCrop(16, 16, p=1)):
    name, pipeline = type(transform).__name__, A.Compose([transform])
    print(f"{name}, an array:", pipeline(image=image, masks=np.stack([mask, mask]))["masks"].shape)
    try:
        pipeline(image=image, masks=[mask, mask])
    except AttributeError as error:
        print(f"{name}, a list: AttributeError: {error}")
        assert str(error) == "'list' object has no attribute 'size'"
    else:
        raise SystemExit(f"{name} takes a list of masks now")
PYTHON
