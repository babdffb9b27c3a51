#!/usr/bin/env bash
# Library: torchvision 0.29.1 with PyTorch 2.14.1.
# Seen: `v2.Compose([RandomGrayscale(0.1), RandomErasing(inplace=True)])` raises "more than one element of the
# written-to tensor refers to a single memory location" for the pictures that came out grey: RandomGrayscale gives
# one plane that is expanded over three channels.
# One would have guessed: Transforms of one library can follow one another, and a pipeline that worked on the first
# pictures works on the next.
# Why it matters: It fails at random, after minutes or hours, for one picture in twenty with the usual probabilities,
# and in a worker process.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 torchvision==0.29.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import torch
from torchvision.transforms import v2

pipeline = v2.Compose([v2.RandomGrayscale(0.1), v2.RandomErasing(p=0.5, inplace=True)])
torch.manual_seed(0)
raised = []
for number in range(400):
    try:
        pipeline(torch.zeros(3, 16, 16))
    except RuntimeError as error:
        raised.append(number)
        message = str(error)
print(f"{len(raised)} of 400 pictures raised, first number {raised[0]}: {message}")
print("strides of a picture made grey:", v2.RandomGrayscale(1.0)(torch.zeros(3, 16, 16)).stride())
assert 5 < len(raised) < 50
assert "single memory location" in message
assert v2.RandomGrayscale(1.0)(torch.zeros(3, 16, 16)).stride()[0] == 0
v2.Compose([v2.RandomGrayscale(1.0), v2.RandomErasing(p=1.0)])(torch.zeros(3, 16, 16))
PYTHON
