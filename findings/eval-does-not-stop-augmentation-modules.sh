#!/usr/bin/env bash
# Library: torchvision 0.29.1, kornia 0.9.0 and torchtransform 1.0.1 with PyTorch 2.14.1.
# Seen: `model.eval()` turns off Dropout and leaves RandomErasing of torchvision and kornia and Erasing of
# torchtransform at work, though all four are modules and stand in one Sequential.
# One would have guessed: A random module that is meant for training follows `train()` and `eval()` as Dropout does,
# as Keras' augmentation layers do in `predict`.
# Why it matters: Augmentation on the GPU is put into the model as its first layer. Validation and the served model
# then see erased pictures, and the accuracy is too low.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check kornia==0.9.0 torchtransform==1.0.1 torch==2.14.1 \
    torchvision==0.29.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import kornia.augmentation as kornia
import torch
import torchtransform
from torchvision.transforms import v2

layers = {
    "torch Dropout": torch.nn.Dropout(0.5),
    "torchvision": v2.RandomErasing(p=1.0),
    "kornia": kornia.RandomErasing(p=1.0),
    "torchtransform": torchtransform.Erasing(p=1.0),
}
images = torch.ones(8, 3, 32, 32)
seen = {}
for name, layer in layers.items():
    model = torch.nn.Sequential(layer)
    seen[name] = [float((mode()(images) == 0).float().mean()) for mode in (model.train, model.eval)]
    print(f"{name:14}: share of zeros in training {seen[name][0]:.3f}, after eval() {seen[name][1]:.3f}")
assert seen["torch Dropout"][0] > 0 and seen["torch Dropout"][1] == 0
assert all(seen[name][1] > 0 for name in ("torchvision", "kornia", "torchtransform"))
PYTHON
