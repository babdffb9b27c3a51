#!/usr/bin/env bash
# Library: PyTorch 2.14.1.
# Seen: A data set wrapper that augments in `__getitem__` and hands all other names on to the wrapped data set with
# `__getattr__` is passed by: when the wrapped one has `__getitems__` (as `Subset` and the data sets of Hugging Face
# have), DataLoader finds that one through the wrapper and gets the pictures from it, without augmentation.
# `wrapper[0]` augments. A subclass of `Subset` gets an error here; a wrapper gets none.
# One would have guessed: A wrapper that defines `__getitem__` decides what the loader gets.
# Why it matters: The check by hand shows augmented pictures, and the training sees none. After a random_split (which
# gives Subsets) it starts without a word.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split


class Augmented(Dataset):
    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        return self.dataset[index][0] + 1000

    def __getattr__(self, name):
        return getattr(self.__dict__["dataset"], name)


data = TensorDataset(torch.arange(6.0))
part, _ = random_split(data, [6, 0], torch.Generator().manual_seed(0))
whole, split = Augmented(data), Augmented(part)


def loaded(dataset):
    return sorted(
        float(v)
        for batch in DataLoader(dataset, batch_size=3)
        for v in (batch[0] if isinstance(batch, list) else batch)
    )


print("over the data set: item 0 is", float(whole[0]), "and the loader gives", loaded(whole))
print("over a split of it: item 0 is", float(split[0]), "and the loader gives", loaded(split))
assert loaded(whole) == [1000.0 + n for n in range(6)]
assert split[0] >= 1000
assert loaded(split) == [float(n) for n in range(6)]
PYTHON
