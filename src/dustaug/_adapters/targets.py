"""What dust does to the boxes and keypoints of an image: the arithmetic that the adapters share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["covered_points", "visible_boxes"]


def visible_boxes(
    boxes: NDArray[Any], mask: NDArray[np.bool_], *, min_area: float = 0, min_visibility: float = 0
) -> NDArray[np.float64]:
    """Shrink boxes to what of them is still visible.

    Parameters
    ----------
    boxes : array, (k, 4)
        Left, top, right, bottom in pixels; may be fractional or reach out of the image.
    mask : bool, (height, width)
        True where dust lies.
    min_area, min_visibility : float, default 0
        Visible pixels that a box must have, and their share of its pixels, once dust lies on it.

    Returns
    -------
    float64, (k, 4)
        A side moves only if the whole row or column of pixels at it is covered. A box of which nothing is visible, or
        too little, becomes empty: its right and bottom are its left and top.
    """
    shrunk = np.array(boxes, np.float64).reshape(-1, 4)
    height, width = mask.shape
    for box in shrunk:
        left, top = np.floor(box[:2]).clip(0, [width, height]).astype(int)
        right, bottom = np.ceil(box[2:]).clip(0, [width, height]).astype(int)
        visible = ~mask[top:bottom, left:right]
        area = np.count_nonzero(visible)
        if area == visible.size:  # Also if the box lies outside the image, where there is no dust.
            continue
        if area < max(1, min_area, min_visibility * visible.size):
            box[2:] = box[:2]
            continue
        rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
        box[0], box[1] = max(box[0], left + columns[0]), max(box[1], top + rows[0])
        box[2], box[3] = min(box[2], left + columns[-1] + 1), min(box[3], top + rows[-1] + 1)
    return shrunk


def covered_points(points: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which points (k, 2), x and y in pixels, lie on a dusted pixel; (k,)."""
    height, width = mask.shape
    x, y = np.floor(np.asarray(points, np.float64).reshape(-1, 2)).T.astype(np.int64)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    covered = np.zeros(len(x), bool)
    covered[inside] = mask[y[inside], x[inside]]
    return covered
