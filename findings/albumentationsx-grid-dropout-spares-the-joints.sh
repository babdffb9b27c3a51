#!/usr/bin/env bash
# Library: AlbumentationsX 2.5.1, GridDropout.
# Seen: GridDropout(ratio=0.5, unit_size_range=(32, 32), random_offset=True) hides a quarter of the image at each call.
# Over many calls the pixels in the middle of each unit are hidden in about nine of ten, and those where units meet in
# about one of a hundred: the offset moves a hole within its unit only, and never the grid.
# One would have guessed: A random offset makes every pixel equally likely to be hidden, as the phases of GridMask do.
# Why it matters: A network can learn to look at the same lines of every picture, which are hardly ever hidden, and
# never sees the middles of the units. Random crops before the transform hide that; a fixed camera does not.
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

image = np.full((224, 224, 3), 255, np.uint8)
pipeline = A.Compose(
    [A.GridDropout(ratio=0.5, unit_size_range=(32, 32), random_offset=True, fill=0, p=1)], seed=1, telemetry=False
)
hidden = np.mean([pipeline(image=image)["image"][..., 0] == 0 for _ in range(1000)], axis=0)
middles, joints = hidden[16::32, 16::32], hidden[32::32, 32::32]
print(f"hidden on average {hidden.mean():.3f}, middles of units {middles.mean():.3f}, where they meet {joints.mean():.3f}")
assert abs(hidden.mean() - 0.25) < 0.001
assert middles.min() > 0.8
assert joints.max() < 0.05
PYTHON
