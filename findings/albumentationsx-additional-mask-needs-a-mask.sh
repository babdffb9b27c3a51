#!/usr/bin/env bash
# Library: AlbumentationsX 2.5.1.
# Seen: With `additional_targets={"heat": "mask"}`, a call with an image and `heat` raises ValueError: Additional target
# 'heat' requires canonical target 'mask' to be present. With a `mask` besides, even an empty one, it passes.
# Albumentations 2.0.8 asks for no `mask`.
# One would have guessed: "mask" names how the target is to be treated, not a second argument that the call must have.
# Why it matters: Heat maps, depth maps and weights of a loss are given this way, mostly without a mask. The way out,
# `mask=numpy.zeros(…)`, makes every crop and flip work on one more array.
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

image, heat = np.zeros((32, 32, 3), np.uint8), np.eye(32, dtype=np.uint8)
pipeline = A.Compose([A.HorizontalFlip(p=1)], additional_targets={"heat": "mask"})
flipped = pipeline(image=image, heat=heat, mask=np.zeros_like(heat))["heat"]
print("with a mask: flipped is", bool((flipped == heat[:, ::-1]).all()))
assert (flipped == heat[:, ::-1]).all()
try:
    pipeline(image=image, heat=heat)
except ValueError as error:
    print("without one: ValueError:", error)
    assert str(error) == "Additional target 'heat' requires canonical target 'mask' to be present."
else:
    raise SystemExit("no mask is asked for any more")
PYTHON
