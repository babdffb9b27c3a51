#!/usr/bin/env bash
# Library: Hugging Face datasets 5.2.0 with Pillow 13.0.0.
# Seen: A function that draws a black rectangle on `example["image"]` and returns the example is mapped over a data
# set of image files. The result holds the pictures without the rectangle: `map` stores a picture that has a file name
# as that name. The same function works on pictures stored as bytes, under `with_transform`, and on `image.copy()`.
# One would have guessed: `map` stores what the function returns, whether the picture came from a file or from bytes.
# Why it matters: An occlusion test set made with `map` from a folder of images is the clean set under another name,
# and the model looks robust. The same script does what it says on a data set from the Hub, whose pictures are bytes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work" HF_HOME="$work/home" HF_DATASETS_DISABLE_PROGRESS_BARS=1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import pathlib

import datasets
import numpy as np
from PIL import Image, ImageDraw

pathlib.Path("images").mkdir()
Image.new("RGB", (64, 64), (200, 200, 200)).save("images/one.png")


def hide(example):
    ImageDraw.Draw(example["image"]).rectangle((0, 0, 31, 31), fill=(0, 0, 0))
    return example


def hide_in_a_copy(example):
    return hide({"image": example["image"].copy()})


def hide_in_a_batch(batch):
    return {"image": [hide({"image": image})["image"] for image in batch["image"]]}


files = datasets.load_dataset("imagefolder", data_dir="images", split="train")
stored = datasets.Dataset.from_list([{"image": {"bytes": pathlib.Path("images/one.png").read_bytes(), "path": None}}])
stored = stored.cast_column("image", datasets.Image())
seen = {
    "map over files": files.map(hide),
    "map over bytes": stored.map(hide),
    "map over files, in a copy": files.map(hide_in_a_copy),
    "with_transform over files": files.with_transform(hide_in_a_batch),
}
seen = {name: float((np.asarray(result[0]["image"]) == 0).mean()) for name, result in seen.items()}
for name, share in seen.items():
    print(f"{name}: {share} of the picture is black")
assert list(seen.values()) == [0.0, 0.25, 0.25, 0.25]
PYTHON
