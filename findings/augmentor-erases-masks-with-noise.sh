#!/usr/bin/env bash
# Library: Augmentor 0.2.12 with Pillow 13.0.0.
# Seen: With `Pipeline.ground_truth` the masks go through `random_erasing` as the pictures do: the rectangle is filled
# with noise in both. A mask of the classes 0 and 1 comes back with more than two hundred classes.
# One would have guessed: The mask is left alone, or its rectangle gets one value. Of random erasing only the size and
# the place concern a mask. The docstring of `ground_truth` has segmentation masks in mind.
# Why it matters: A class that does not exist is an error in some losses. In others, as those that compare with one
# class or divide by 255, it is a wrong label in each erased place, which is where the network is meant to learn.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check augmentor==0.2.12 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import pathlib
import random

import Augmentor
import numpy as np
from PIL import Image

random.seed(0)
np.random.seed(0)
labels = np.zeros((100, 100), np.uint8)
labels[30:70, 30:70] = 1
for folder, picture in (("images", Image.new("RGB", (100, 100))), ("masks", Image.fromarray(labels))):
    pathlib.Path(folder).mkdir()
    picture.save(f"{folder}/one.png")
pipeline = Augmentor.Pipeline("images")
pipeline.ground_truth("masks")
pipeline.random_erasing(probability=1, rectangle_area=0.8)
pipeline.sample(1, multi_threaded=False)
(path,) = pathlib.Path("images/output").glob("_groundtruth*")
mask = np.asarray(Image.open(path))
print("classes before:", np.unique(labels).tolist(), "classes after:", np.unique(mask).size)
assert np.unique(mask).size > 100
PYTHON
