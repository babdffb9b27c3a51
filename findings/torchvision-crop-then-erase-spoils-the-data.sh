#!/usr/bin/env bash
# Library: torchvision 0.29.1 with PyTorch 2.14.1.
# Seen: RandomCrop gives a view of its input. `RandomErasing(inplace=True)` after it therefore erases in the stored
# data set, a bit more in each epoch. After RandomHorizontalFlip it erases a copy when the coin says flip, and the
# data set when it does not.
# One would have guessed: `inplace=True` at the end of a pipeline works on what the pipeline made: one would worry
# about the first transform, not about the last.
# Why it matters: CIFAR and MNIST are kept in memory as one tensor. After some epochs the training pictures
# themselves are full of holes, and the loss does not say so.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 torchvision==0.29.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import torch
from torchvision.transforms import v2


def shares(first, inplace):
    torch.manual_seed(0)
    data = torch.zeros(16, 3, 32, 32)
    pipeline = v2.Compose([first, v2.RandomErasing(p=1.0, value=1.0, inplace=inplace)])
    seen = []
    for _ in range(3):
        for image in data:
            pipeline(image)
        seen.append(round(data.mean().item(), 3))
    return seen


crop, flip, safe = (
    shares(v2.RandomCrop(24), True),
    shares(v2.RandomHorizontalFlip(0.5), True),
    shares(v2.RandomCrop(24), False),
)
print("share of the stored data erased after each epoch, crop:", crop, "flip:", flip, "and with inplace=False:", safe)
assert crop == sorted(crop) and crop[0] > 0.05 and crop[-1] > 1.5 * crop[0]
assert flip[-1] > 0.05
assert safe == [0.0, 0.0, 0.0]
PYTHON
