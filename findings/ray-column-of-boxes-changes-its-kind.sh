#!/usr/bin/env bash
# Library: Ray 2.60.0, ray.data.
# Seen: A column of boxes, an array (k, 4) in each row, comes in NumPy batches as one int64 array (n, k, 4) from a block
# whose rows all have as many boxes, and from any other block as an array of objects, (n,), that holds an array for each
# row. One data set gives both kinds: of the rows 2, 2, 2, 1, 2, 3 in two blocks, the first three are one array.
# One would have guessed: A column has one kind, that of its ragged whole, in every batch.
# Why it matters: Boxes, keypoints and instance masks differ from image to image. A function that stacks, indexes
# `boxes[:, :, 0]` or asks for `boxes.dtype` works on the batches that happen to be even, and fails in mid-run.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check "ray[data]==2.60.0" numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import ray

ray.init(num_cpus=1, logging_level="ERROR", log_to_driver=False, include_dashboard=False)
ray.data.DataContext.get_current().enable_progress_bars = False
rows = [{"boxes": np.ones((k, 4), np.int64)} for k in (2, 2, 2, 1, 2, 3)]
found = []
for batch in ray.data.from_items(rows, override_num_blocks=2).iter_batches(batch_size=3, batch_format="numpy"):
    boxes = batch["boxes"]
    print(f"a batch of {len(boxes)} rows: {boxes.dtype}, shape {boxes.shape}, of boxes", [len(each) for each in boxes])
    found.append((str(boxes.dtype), boxes.shape))
assert found == [("int64", (3, 2, 4)), ("object", (3,))], found
PYTHON
