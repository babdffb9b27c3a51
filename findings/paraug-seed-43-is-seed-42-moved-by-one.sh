#!/usr/bin/env bash
# Library: paraug 0.8.0 with PyTorch 2.14.1.
# Seen: The rectangles of picture i under `seed_base=43` are those of picture i + 1 under `seed_base=42`. Epoch 2,
# step 0 of a batch repeats pictures 128 and after of epoch 0, step 1953. Seed, epoch, step and position are added up
# to one number.
# One would have guessed: Other seeds give independent draws, and (seed, epoch, step) names a batch that comes once.
# Why it matters: Runs with the seeds 42, 43 and 44 are called three repetitions and share all but two rectangles of
# a batch. In long epochs the same augmentations come back at other places.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check paraug==0.8.0 torch==2.14.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import torch
from paraug import AugPipeline

erase = AugPipeline({"photometric": {"random_erasing": {"p": 1.0, "fill_mode": "constant", "fill_value": 1.0}}})


def batch(number, **keys):
    return erase(torch.zeros(number, 1, 16, 16), **keys)[0]


one, two = batch(8, seed_base=42), batch(8, seed_base=43)
print("hidden pixels, seed 42:", one.sum(dim=(1, 2, 3)).int().tolist())
print("hidden pixels, seed 43:", two.sum(dim=(1, 2, 3)).int().tolist())
assert torch.equal(one[1:], two[:-1])
assert not torch.equal(one, two)
late, early = batch(256, epoch=0, step=1953)[128:], batch(128, epoch=2, step=0)
print("epoch 0, step 1953, pictures 128 … 255 are epoch 2, step 0, pictures 0 … 127:", torch.equal(late, early))
assert torch.equal(late, early)
PYTHON
