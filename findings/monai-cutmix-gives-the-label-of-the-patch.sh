#!/usr/bin/env bash
# Library: MONAI 1.6.1, CutMix.
# Seen: CutMix(batch_size=8)(images, labels) with one-hot labels (8, classes) gives an image of which less than a fifth
# was pasted the whole label of the other image: its own class has weight 0. Where nothing was pasted the label is its
# own, so every label is still 0 or 1. All pasted rectangles of a batch begin at the same corner.
# One would have guessed: Labels mixed by the share that was pasted, as the paper and the docstring have them ("loss =
# loss_function(output, auglabels)"); and a place of its own for each image, as the size and the partner are its own.
# Why it matters: The network is told that a small patch is the image. No error tells it, since shapes and sums are right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check monai==1.6.1 torch==2.14.1 numpy==2.4.6
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import torch
from monai.transforms import CutMix

n = 8
images = torch.arange(1.0, n + 1)[:, None, None, None].repeat(1, 1, 64, 64)
labels = torch.eye(n)
small_patch_whole_label = 0
for seed in range(20):
    cutmix = CutMix(batch_size=n)
    cutmix.set_random_state(seed)
    mixed, soft = cutmix(images, labels)
    pasted = mixed != images
    shares = pasted.float().mean(dim=(1, 2, 3))
    own = soft.diagonal()
    corners = {tuple(np.argwhere(each[0].numpy())[0].tolist()) for each in pasted if each.any()}
    assert set(own.tolist()) <= {0.0, 1.0}, own
    assert len(corners) <= 1, corners
    small_patch_whole_label += int(((shares > 0) & (shares < 0.2) & (own == 0)).sum())
print("images with less than a fifth pasted, and nothing left of their own label:", small_patch_whole_label, "of", 20 * n)
assert small_patch_whole_label > 40
PYTHON
