#!/usr/bin/env bash
# Library: torchvision 0.29.1 with Pillow 13.0.0.
# Seen: ToTensor of a 16-bit grey picture of 40000 gives int16 with −25536, not scaled to 0 … 1. `v2.ToImage` and
# PILToTensor give uint16 with 40000, and ToTensor of the array from which the picture was made gives uint16 with
# 40000 too.
# One would have guessed: ToTensor gives floats of 0 … 1, or at least the numbers of the picture.
# Why it matters: The bright half of an X-ray or a depth picture becomes negative, so brighter than grey is darker
# than black. Whatever erases with 0 then paints the middle of the range.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 torchvision==0.29.1 numpy==2.4.6 \
    pillow==13.0.0
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms import v2

array = np.full((4, 4), 40000, np.uint16)
image = Image.fromarray(array)
made = {
    "ToTensor of the picture": transforms.ToTensor()(image),
    "ToTensor of its array": transforms.ToTensor()(array),
    "PILToTensor": transforms.PILToTensor()(image),
    "v2.ToImage": torch.as_tensor(v2.ToImage()(image)),
}
seen = {name: (str(tensor.dtype), int(tensor.flatten()[0])) for name, tensor in made.items()}
for name, values in seen.items():
    print(f"{name:24}:", *values)
assert seen["ToTensor of the picture"] == ("torch.int16", -25536)
assert all(seen[name] == ("torch.uint16", 40000) for name in seen if name != "ToTensor of the picture")
PYTHON
