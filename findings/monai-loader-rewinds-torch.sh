#!/usr/bin/env bash
# Library: MONAI 1.6.1 with PyTorch 2.14.1.
# Seen: Making a `monai.data.DataLoader` without workers sets torch's global generator back to its last seed. A loader
# made in each epoch gives the same order and the same augmentation in every epoch, and models made after a loader each
# begin with the same weights. With workers, or with PyTorch's own `DataLoader`, none of this happens.
# One would have guessed: Making a loader changes no random state; `num_workers` changes speed and no experiment.
# Why it matters: The members of an ensemble, or the folds of a cross-validation, begin alike, and an epoch repeats the
# one before it. `num_workers=0` is the default, and the setting for small data and debugging.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check monai==1.6.1 torch==2.14.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import torch
from monai.data import DataLoader, Dataset
from monai.transforms import Compose, RandGaussianNoise

loaders = {
    "monai, no workers": lambda data, **options: DataLoader(data, **options),
    "monai, 2 workers": lambda data, **options: DataLoader(data, num_workers=2, **options),
    "torch, no workers": lambda data, **options: torch.utils.data.DataLoader(data, **options),
}
repeats = {}
for name, make in loaders.items():
    data = Dataset([torch.full((1, 4, 4), float(i)) for i in range(8)], Compose([RandGaussianNoise(prob=1.0, std=0.1)]))
    torch.manual_seed(0)
    weights = []
    for _ in range(2):
        make(data)
        weights.append(torch.nn.Linear(3, 1).weight.detach().clone())
    epochs = [torch.cat(list(make(data, batch_size=4, shuffle=True))).as_subclass(torch.Tensor) for _ in range(3)]
    orders = [[round(float(image.mean())) for image in epoch] for epoch in epochs]
    repeats[name] = torch.equal(*weights), orders[0] == orders[1] == orders[2], torch.equal(epochs[1], epochs[2])
    print(f"{name:17}: equal weights {repeats[name][0]}, equal orders {repeats[name][1]}, equal noise {repeats[name][2]}")
    print(f"{'':17}  orders of three epochs {orders}")
assert repeats["monai, no workers"] == (True, True, True)
assert repeats["monai, 2 workers"] == repeats["torch, no workers"] == (False, False, False)
PYTHON
