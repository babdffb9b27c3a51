#!/usr/bin/env bash
# Library: Hugging Face datasets 5.2.0.
# Seen: `with_format("numpy", dtype="uint8")` is also taken for the integer columns beside the pictures, and for the
# floats. In a slice, a column and `iter(batch_size=...)` the label 590 becomes 78 and the weight 300.5 becomes 44.
# A single row keeps 590 and 300.5, but a list column is cut there too.
# One would have guessed: The dtype is for the arrays, or an error says that 590 does not fit. A row and a batch agree.
# Why it matters: The dtype is what one names so that pictures come as uint8 and not as int64. `dataset[0]` looks
# right. The training in batches then has wrong labels for all classes from 256 on.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import datasets
import numpy as np

features = datasets.Features(
    {
        "image": datasets.Array3D((8, 8, 3), "uint8"),
        "label": datasets.ClassLabel(num_classes=1000),
        "index": datasets.Value("int64"),
        "weight": datasets.Value("float32"),
        "labels": datasets.Sequence(datasets.Value("int64")),
    }
)
images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
columns = {"label": [590, 7], "index": [590, 300], "weight": [300.5, 0.25], "labels": [[590, 1], [2, 3]]}
plain = datasets.Dataset.from_dict({"image": list(images), **columns}, features=features)
dataset = plain.with_format("numpy", dtype="uint8")
row, part, batch = dataset[0], dataset[0:2], next(dataset.iter(batch_size=2))
for name in columns:
    print(f"{name}: row 0 {row[name]}, slice {part[name].tolist()} ({part[name].dtype}), iter {batch[name].tolist()}")
assert np.array_equal(row["image"], images[0]) and np.array_equal(part["image"], images)
assert row["label"] == row["index"] == 590 and row["weight"] == 300.5
assert row["labels"].tolist() == [78, 1]
for several in (part, batch, {name: dataset[name][:] for name in columns}):
    assert {name: several[name].tolist() for name in columns} == {
        "label": [78, 7],
        "index": [78, 44],
        "weight": [44, 0],
        "labels": [[78, 1], [2, 3]],
    }
assert plain.with_format("numpy")[0:2]["label"].tolist() == [590, 7]
PYTHON
