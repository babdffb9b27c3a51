"""How dust changes the masks, boxes and keypoints that belong to an image."""

from __future__ import annotations

import math
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
        Area of a box, in pixels, that must stay visible, and its share of the box's area within the image.

    Returns
    -------
    float64, (k, 4)
        A side moves only if dust covers the whole row or column of pixels at it, and then to a whole number; any other
        side keeps every bit. What lies out of the image has no pixels: it moves no side and has no area. A box of which
        nothing, or too little, is visible becomes empty: its right and bottom equal its left and top.
    """
    shown = np.array(boxes, np.float64).reshape(-1, 4)
    height, width = mask.shape
    within = _settle(shown, max(mask.shape)).clip(0, [width, height, width, height])
    for box, (left, top, right, bottom) in zip(shown, within, strict=True):
        if not (left < right and top < bottom):  # It has no pixels, or NaN for a side.
            continue
        x, y = math.floor(left), math.floor(top)
        visible = ~mask[y : math.ceil(bottom), x : math.ceil(right)]
        if visible.all():
            continue
        rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
        needed = max(min_area, min_visibility * (right - left) * (bottom - top))
        if not rows.size or (needed > 0 and _area(visible, left - x, top - y, right - x, bottom - y) < needed):
            box[2:] = box[:2]
            continue
        last_row, last_column = np.array(visible.shape) - 1
        # Whether a side moves is no matter of its rounded number, or the answer would mix rounded and given ones.
        if columns[0] > 0:
            box[0] = x + columns[0]
        if rows[0] > 0:
            box[1] = y + rows[0]
        if columns[-1] < last_column:
            box[2] = x + columns[-1] + 1
        if rows[-1] < last_row:
            box[3] = y + rows[-1] + 1
    return shown


def touched_pixels(boxes: NDArray[Any], height: int, width: int) -> NDArray[np.int64]:
    """Return the boxes of the pixels that boxes touch, as guides and objects take them.

    Parameters
    ----------
    boxes : array, (k, 4)
        Left, top, right, bottom in pixels; they may be fractional or reach out of the image.
    height, width : int
        Size of the image in pixels.

    Returns
    -------
    int64, (k, 4)
        Top, left, bottom, right, within the image. A box with NaN for a side becomes empty.
    """
    sides = _settle(np.asarray(boxes, np.float64).reshape(-1, 4), max(height, width))
    sides[np.isnan(sides).any(axis=1)] = 0
    outwards = np.concatenate([np.floor(sides[:, 1::-1]), np.ceil(sides[:, :1:-1])], axis=1)
    pixels: NDArray[np.int64] = outwards.clip(0, [height, width, height, width]).astype(np.int64)
    return pixels


def _settle(sides: NDArray[np.float64], longest: int) -> NDArray[np.float64]:
    """Round the sides that lie as near to a whole number as errors of float32 reach, and no others.

    float32 holds neither 10 / 30 nor 0.1 + 9.9, so a box that ends between two pixels would reach into the next one.
    """
    tolerance = max(2**-10, longest * 2**-22)  # 2**-10: the image may have been cut from one of 4,096 pixels.
    whole = np.round(sides)
    with np.errstate(invalid="ignore"):  # Infinity minus infinity.
        return np.where(np.abs(sides - whole) <= tolerance, whole, sides)


def _area(visible: NDArray[np.bool_], left: float, top: float, right: float, bottom: float) -> float:
    """Return the area of the visible pixels within a box, and a little more, to compare it with a share of the box."""
    # 0.07 * 100 is above 7, and fractions in float32 miss their areas by so little too.
    return _sum(visible, left, top, right, bottom) * (1 + 2**-18)


def _sum(visible: NDArray[np.bool_], left: float, top: float, right: float, bottom: float) -> float:
    """Return the area of the visible pixels within a box that touches all rows and columns of the given array."""
    height, width = visible.shape
    x, y = np.arange(width), np.arange(height)
    widths = np.minimum(x + 1, right) - np.maximum(x, left)
    heights = np.minimum(y + 1, bottom) - np.maximum(y, top)
    return float(heights @ visible @ widths)


def visible_shares(boxes: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return which share of each box's area in the image is visible, (k,): 1 of a box without one.

    Boxes (k, 4) are left, top, right, bottom in pixels, as in :func:`visible_boxes`, and the mask is True under dust.
    """
    height, width = mask.shape
    sides = np.array(boxes, np.float64).reshape(-1, 4)
    within = _settle(sides, max(mask.shape)).clip(0, [width, height, width, height])
    shares = np.ones(len(within))
    for place, (left, top, right, bottom) in enumerate(within):
        if left < right and top < bottom:  # False for NaN.
            x, y = math.floor(left), math.floor(top)
            hidden = mask[y : math.ceil(bottom), x : math.ceil(right)]
            if hidden.any():
                area = (right - left) * (bottom - top)
                shares[place] = 0 if hidden.all() else _sum(~hidden, left - x, top - y, right - x, bottom - y) / area
    return shares


def covered_points(points: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell for each point (k, 2), x and y in pixels, whether it lies on a dusted pixel; (k,)."""
    height, width = mask.shape
    x, y = np.asarray(points, np.float64).reshape(-1, 2).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)  # False for NaN.
    covered = np.zeros(len(x), bool)
    covered[inside] = mask[y[inside].astype(np.int64), x[inside].astype(np.int64)]
    return covered
