#!/usr/bin/env bash
# Library: Albumentations 2.0.8.
# Seen: `Compose([HorizontalFlip(p=0.5), VerticalFlip(p=0.5)], seed=1)` flips both ways or not at all: of the four
# pictures two never come. Without a seed all four come. Two CoarseDropouts in one seeded Compose cut the same holes
# twice.
# One would have guessed: A seed makes a pipeline repeatable and leaves the draws of its transforms independent.
# Why it matters: Compose hands its seed to every transform, so all of them draw the same numbers. Someone who sets a
# seed to compare two runs trains on half of the augmentations, and every strong draw of one transform meets the
# strong draw of the next.
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
from collections import Counter

import albumentations as A
import numpy as np

image = np.arange(16, dtype=np.uint8).reshape(4, 4)
names = {0: "as it was", 3: "left-right", 12: "up-down", 15: "both"}


def flips(seed):
    pipeline = A.Compose([A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)], seed=seed)
    return Counter(names[int(pipeline(image=image)["image"][0, 0])] for _ in range(400))


seeded, free = flips(1), flips(None)
print("seed=1:   ", dict(seeded))
print("seed=None:", dict(free))
holes = [A.CoarseDropout(num_holes_range=(2, 2), p=1), A.CoarseDropout(num_holes_range=(2, 2), p=1)]
pipeline = A.Compose(holes, seed=1)
pipeline(image=np.zeros((64, 64), np.uint8))
first, second = (t.get_applied_params()["holes"].tolist() for t in pipeline.transforms)
print("holes of the first: ", first)
print("holes of the second:", second)
assert set(seeded) == {"as it was", "both"}
assert len(free) == 4
assert first == second
PYTHON
