#!/usr/bin/env bash
# Library: augrs-py 0.1.0, beside Albumentations 2.0.8, whose API it follows.
# Seen: A pickled or deep-copied `augrs.Compose(seed=1)` starts again at the first draw, however many were made
# before. Albumentations' copy goes on where the original stands.
# One would have guessed: A copy of an object with a random state has that state, as with NumPy's generators, and as
# in the library whose API this one follows.
# Why it matters: Worker processes that are spawned get pickled copies. After a change of the import line each new
# worker, so each new epoch, starts the same augmentations from the start.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check augrs-py==0.1.0 numpy==2.4.6 albumentations==2.0.8 \
    opencv-python-headless==5.0.0.93
"$work/venv/bin/python" - <<'PYTHON'
import copy
import os
import pickle

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations
import augrs
import numpy as np

image = np.full((64, 64, 3), 9, np.uint8)


def hidden(pipeline):
    return [int((pipeline(image=image)["image"] == 0).sum()) for _ in range(4)]


for library in (albumentations, augrs):
    pipeline = library.Compose([library.CoarseDropout(p=1)], seed=1)
    first = hidden(pipeline)
    pickled, copied = pickle.loads(pickle.dumps(pipeline)), copy.deepcopy(pipeline)
    goes_on = hidden(pipeline)
    pickled, copied = hidden(pickled), hidden(copied)
    print(f"{library.__name__}: first {first}, the original goes on {goes_on}, pickled {pickled}, copied {copied}")
    assert pickled == copied == (goes_on if library is albumentations else first)
    assert first != goes_on
PYTHON
