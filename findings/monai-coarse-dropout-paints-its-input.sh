#!/usr/bin/env bash
# Library: MONAI 1.6.1 with PyTorch 2.14.1.
# Seen: RandCoarseDropout and RandCoarseShuffle write into the array or tensor they are given. RandGaussianNoise,
# RandFlip and RandAdjustContrast leave it as it was. A `monai.data.Dataset` over pictures in memory has more holes
# after each epoch.
# One would have guessed: Transforms of one library treat their input alike, and a random transform leaves the data
# set alone.
# Why it matters: The holes pile up in the training data. `CacheDataset` copies first and hides it, so changing to
# `Dataset` changes the experiment.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check monai==1.6.1 torch==2.14.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import monai.transforms as transforms
import numpy as np
import torch
from monai.data import Dataset

make = {
    "RandCoarseDropout": dict(holes=2, spatial_size=4),
    "RandCoarseShuffle": dict(holes=2, spatial_size=4),
    "RandGaussianNoise": {},
    "RandFlip": {},
    "RandAdjustContrast": {},
}
seen = {}
for name, options in make.items():
    for kind in (np.asarray, torch.from_numpy):
        image = np.random.default_rng(0).random((1, 16, 16), np.float32)
        before = image.copy()
        getattr(transforms, name)(prob=1.0, **options)(kind(image))
        seen.setdefault(name, []).append(not np.array_equal(image, before))
    print(f"{name:18}: changed its NumPy input {seen[name][0]}, its PyTorch input {seen[name][1]}")
assert {name for name, changed in seen.items() if all(changed)} == {"RandCoarseDropout", "RandCoarseShuffle"}
assert not any(any(seen[name]) for name in ("RandGaussianNoise", "RandFlip", "RandAdjustContrast"))

stored = [{"image": torch.ones(1, 32, 32)} for _ in range(4)]
dataset = Dataset(stored, transforms.RandCoarseDropoutd(keys="image", holes=1, spatial_size=8, prob=1.0, fill_value=0))
shares = []
for _ in range(4):
    for index in range(4):
        dataset[index]
    shares.append(float(np.mean([(item["image"] == 0).float().mean() for item in stored])))
print("share of the stored pictures that is hidden after each epoch:", [round(share, 3) for share in shares])
assert shares == sorted(shares)
assert shares[0] < shares[-1]
PYTHON
