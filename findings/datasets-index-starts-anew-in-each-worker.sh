#!/usr/bin/env bash
# Library: Hugging Face datasets 5.2.0 with PyTorch 2.14.1.
# Seen: `IterableDataset.map(…, with_indices=True)` gives 0, 1, 2, 3 to the pictures 0 … 3. In a DataLoader with two
# workers each worker counts its own: two pictures get the index 0 and two the index 1.
# One would have guessed: An index names a picture, whoever loads it. `Dataset.map(with_indices=True)` keeps that
# promise.
# Why it matters: Augmentation that is keyed by the index, to be the same for every number of workers, gives two
# pictures the same draws and differs with the workers.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 torch==2.14.1 numpy==2.4.6
cat >"$work/finding.py" <<'PYTHON'
import datasets
from torch.utils.data import DataLoader


def main():
    data = datasets.Dataset.from_dict({"picture": list(range(4))})
    stream = data.to_iterable_dataset(num_shards=2).map(lambda row, index: {"index": index}, with_indices=True)
    seen = {}
    for workers in (0, 2):
        rows = DataLoader(stream, num_workers=workers, batch_size=None)
        seen[workers] = sorted((int(row["picture"]), int(row["index"])) for row in rows)
        print(f"{workers} workers: (picture, index) {seen[workers]}")
    assert seen[0] == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert sorted(index for _, index in seen[2]) == [0, 0, 1, 1]


if __name__ == "__main__":
    main()
PYTHON
"$work/venv/bin/python" "$work/finding.py"
