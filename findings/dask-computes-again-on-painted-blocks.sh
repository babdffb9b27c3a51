#!/usr/bin/env bash
# Library: dask 2026.8.0.
# Seen: A function that adds 1 to its block in place, mapped over an array made by `from_array`, gives 1 at the first
# `compute()`, 2 at the second and 3 at the third. The NumPy array that it was made from stays 0.
# One would have guessed: A lazy array is a recipe: each compute starts from the source. And if something were
# written to, one would look for it in the source array.
# Why it matters: Painting in place saves a copy in every other loader. Here the copy that dask took stays in the
# graph and is painted again by each compute, so the occlusions of all epochs pile up, while a look at the source
# says that nothing was touched.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check dask[array]==2026.8.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import dask.array as da
import numpy as np


def paint(block):
    block += 1
    return block


source = np.zeros((4, 8, 8), np.uint8)
lazy = da.from_array(source, chunks=(2, 8, 8))
painted = lazy.map_blocks(paint, dtype=lazy.dtype, meta=np.empty((0, 0, 0), np.uint8))
seen = [int(painted.compute().max()) for _ in range(3)]
print("the greatest value in three computes:", seen)
print("in the lazy array:", int(lazy.compute().max()), "and in its source:", int(source.max()))
assert seen == [1, 2, 3]
assert lazy.compute().max() == 3
assert source.max() == 0
PYTHON
