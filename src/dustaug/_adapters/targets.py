"""How dust changes the masks, boxes and keypoints that belong to an image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug._engine.checks import check_whole


def check_mask_class(fill_mask: Any) -> int | None:
    """Return the class to write into masks under dust, or None."""
    return None if fill_mask is None else check_whole("fill_mask", fill_mask, -(2**63), 2**63 - 1)


def visible_boxes(
    boxes: NDArray[Any], mask: NDArray[np.bool_], *, min_area: float = 0, min_visibility: float = 0
) -> NDArray[np.float64]:
    """Shrink boxes to their visible parts.

    Parameters
    ----------
    boxes : array, (k, 4)
        Left, top, right, bottom in pixels; they may be fractional or reach out of the image.
    mask : bool, (height, width)
        True where dust lies.
    min_area, min_visibility : float, default 0
        Number of pixels of a box that must stay visible, and their share of its pixels.

    Returns
    -------
    float64, (k, 4)
        A side moves only if dust covers the whole row or column of pixels at it. A box with too few visible pixels, or
        none, becomes empty: its right and bottom equal its left and top.
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
    """Tell for each point (k, 2), x and y in pixels, whether it lies on a dusted pixel; (k,)."""
    height, width = mask.shape
    x, y = np.floor(np.asarray(points, np.float64).reshape(-1, 2)).T.astype(np.int64)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    covered = np.zeros(len(x), bool)
    covered[inside] = mask[y[inside], x[inside]]
    return covered
