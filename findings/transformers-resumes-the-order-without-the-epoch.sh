#!/usr/bin/env bash
# Library: transformers 5.24.0 with accelerate 1.15.0 and PyTorch 2.14.1.
# Seen: Trainer calls `dataset.set_epoch` with each epoch. When it resumes from a checkpoint in the middle of an epoch,
# the sampler gets the number of that epoch and goes on with the right pictures, and the data set gets no number: for
# the rest of the epoch it has the one that it was made with. From the next epoch on both are right.
# One would have guessed: A resumed run sees what the run without a break sees.
# Why it matters: Data sets draw their augmentation from that number. The pictures after the break get the augmentation
# of epoch 0 again, and the order of the indices, which is what one compares, is right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.24.0 accelerate==1.15.0 torch==2.14.1 \
    numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import tempfile

import torch
from torch.utils.data import Dataset
from transformers import PrinterCallback, Trainer, TrainingArguments


class Pictures(Dataset):
    def __init__(self):
        self.epoch = 0
        self.seen = []

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return 8

    def __getitem__(self, index):
        self.seen.append((self.epoch, index))
        return {"x": torch.tensor([float(index)])}


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, x):
        return {"loss": self.linear(x).mean()}


folder = tempfile.mkdtemp()


def seen(checkpoint):
    dataset = Pictures()
    arguments = TrainingArguments(
        folder,
        per_device_train_batch_size=2,
        num_train_epochs=3,
        save_steps=6,
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(Model(), arguments, train_dataset=dataset)
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=checkpoint)
    return dataset.seen


whole, resumed = seen(None)[12:], seen(f"{folder}/checkpoint-6")
print("an epoch has 4 steps; what step 7 and those after it see:")
for name, run in (("without a break", whole), ("resumed", resumed)):
    print(f"{name}: indices", *(index for _, index in run), "with the epochs", *(epoch for epoch, _ in run))
assert [index for _, index in whole] == [index for _, index in resumed]
assert [epoch for epoch, _ in whole] == [1] * 4 + [2] * 8
assert [epoch for epoch, _ in resumed] == [0] * 4 + [2] * 8
PYTHON
