#!/usr/bin/env bash
# Library: Hugging Face datasets 5.2.0.
# Seen: A column declared as `Array3D((8, 8, 3), "uint8")` comes back as int64 under `with_format("numpy")`, and one
# declared as float64 as float32. The features still say uint8. `with_format("numpy", dtype="uint8")` gives uint8.
# One would have guessed: The declared dtype is what comes back: that is what one declares it for.
# Why it matters: Pictures of 0 … 255 in int64 take eight times the memory, and augmentations that take black, white
# or the noise from the dtype's range reach for 9.2e18.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import datasets
import numpy as np

images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
seen = {}
for dtype in ("uint8", "float64"):
    features = datasets.Features({"image": datasets.Array3D((8, 8, 3), dtype)})
    dataset = datasets.Dataset.from_dict({"image": list(images.astype(dtype))}, features=features)
    seen[dtype] = (
        dataset.with_format("numpy")[0]["image"].dtype.name,
        dataset.with_format("numpy", dtype=dtype)[0]["image"].dtype.name,
    )
    declared = dataset.features["image"].dtype
    print(f"declared {declared}: with_format('numpy') gives {seen[dtype][0]}, with the dtype named {seen[dtype][1]}")
assert seen == {"uint8": ("int64", "uint8"), "float64": ("float32", "float64")}
PYTHON
