#!/usr/bin/env bash
# Library: torchvision 0.29.1 with PyTorch 2.14.1.
# Seen: `v2.RandomHorizontalFlip` on a dict of an Image and a Mask flips both. After `mask.long()`, `mask[0]`,
# `mask.contiguous()` or `mask == 1` the mask is a plain tensor and stays as it was beside a flipped picture, without
# a word. After `mask.to(torch.long)`, which does the same as `.long()`, it is flipped.
# One would have guessed: `.long()` and `.to(torch.long)` are two spellings of one thing, and a transform that
# ignores an entry says so.
# Why it matters: Cross entropy asks for int64 masks, so `.long()` is what one writes. The labels of half of the
# pictures are then mirror images.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 torchvision==0.29.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

image = tv_tensors.Image(torch.arange(12.0).reshape(3, 2, 2))
mask = tv_tensors.Mask(torch.arange(4, dtype=torch.uint8).reshape(1, 2, 2))
flip = v2.RandomHorizontalFlip(1.0)
spellings = {
    "mask": lambda m: m,
    "mask.to(torch.long)": lambda m: m.to(torch.long),
    "mask.long()": lambda m: m.long(),
    "mask[0]": lambda m: m[0],
    "mask.contiguous()": lambda m: m.contiguous(),
    "mask == 1": lambda m: m == 1,
}
seen = {}
for name, spell in spellings.items():
    given = spell(mask)
    out = flip({"image": image, "mask": given})
    assert not torch.equal(out["image"], image)
    seen[name] = type(given).__name__, not torch.equal(torch.Tensor(out["mask"].float()), torch.Tensor(given.float()))
    print(f"{name:20}: a {seen[name][0]}, flipped with the picture: {seen[name][1]}")
assert [name for name in seen if seen[name][1]] == ["mask", "mask.to(torch.long)"]
PYTHON
