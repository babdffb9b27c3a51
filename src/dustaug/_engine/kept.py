"""What is left of an image around the rectangles that stay."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray


def crossed(rows: Any, columns: Any) -> NDArray[np.int64]:
    """Boxes (a b, 4) where spans of rows (a, 2) and spans of columns (b, 2) meet."""
    (top, bottom), (left, right) = np.repeat(rows, len(columns), axis=0).T, np.tile(columns, (len(rows), 1)).T
    return np.stack([top, left, bottom, right], axis=1)


def around(boxes: NDArray[Any], height: int, width: int) -> NDArray[np.int64]:
    """Boxes (count, 4) of what no box covers: runs of columns, in bands from one edge of a box to the next."""
    boxes = boxes[(boxes[:, :2] < boxes[:, 2:]).all(axis=1)]
    parts = [np.zeros((0, 4), np.int64)]
    for top, bottom in itertools.pairwise(np.unique([0, *boxes[:, [0, 2]].ravel(), height])):
        bare = np.pad(np.ones(width, bool), 1)
        for _, left, _, right in boxes[(boxes[:, 0] <= top) & (bottom <= boxes[:, 2])]:
            bare[left + 1 : right + 1] = False
        parts.append(crossed([[top, bottom]], np.flatnonzero(np.diff(bare)).reshape(-1, 2)))
    return np.concatenate(parts)
