#!/usr/bin/env bash
# Library: accelerate 1.15.0 with PyTorch 2.14.1.
# Seen: A loader from `accelerator.prepare` calls `dataset.set_epoch` with its own count at each iteration: what the
# training loop set before is overwritten. A loop that is resumed at epoch 5 gets the epochs 0, 1, 2, and a loop that
# leaves each epoch early gets epoch 0 for ever.
# One would have guessed: `set_epoch` on a data set belongs to the caller: the last call wins.
# Why it matters: Data sets draw their augmentation from that number. A resumed run repeats what the first epochs
# saw, and training by steps, which leaves the loop early, sees one and the same augmentation all along.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check accelerate==1.15.0 torch==2.14.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
from accelerate import Accelerator
from torch.utils.data import DataLoader, Dataset


class Pictures(Dataset):
    epoch = None

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.epoch


def epochs_seen(leave_early):
    dataset = Pictures()
    loader = Accelerator(cpu=True).prepare(DataLoader(dataset, batch_size=2))
    seen = []
    for epoch in (5, 6, 7):
        dataset.set_epoch(epoch)
        for batch in loader:
            seen.append(int(batch[0]))
            if leave_early:
                break
    return seen


whole, early = epochs_seen(False), epochs_seen(True)
print("set 5, 6, 7; whole epochs saw", whole, "and epochs left early saw", early)
assert whole == [0, 0, 1, 1, 2, 2]
assert early == [0, 0, 0]
PYTHON
