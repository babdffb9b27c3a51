#!/usr/bin/env bash
# Library: Albumentations 2.0.8.
# Seen: `A.save` of a Compose writes its transforms and not its seed: two pipelines read from one file draw
# differently, and neither draws as the saved one.
# One would have guessed: A saved pipeline is the pipeline: what was seeded before comes back seeded.
# Why it matters: A file of the augmentations is kept to repeat an experiment. It repeats the settings and loses the
# draws, without a word.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check albumentations==2.0.8 \
    opencv-python-headless==5.0.0.93 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import os
import tempfile

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations as A
import numpy as np

image = np.full((64, 64), 9, np.uint8)


def hidden(pipeline):
    return [int((pipeline(image=image)["image"] == 0).sum()) for _ in range(6)]


def new():
    return A.Compose([A.CoarseDropout(p=1)], seed=42)


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "pipeline.json")
    A.save(new(), path)
    text = open(path).read()
    read = [hidden(A.load(path)) for _ in range(2)]
print("hidden pixels, built twice with seed=42:", hidden(new()), hidden(new()))
print("hidden pixels, read twice from the file:", *read)
assert hidden(new()) == hidden(new())
assert "42" not in text
assert read[0] != read[1]
PYTHON
