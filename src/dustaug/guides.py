"""Guides of boxes and of maps: where dust may lie, as weights for ``center="guide"``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._engine.checks import check_plain, check_whole
from ._engine.guide import check_boxes, check_points, whole_numbers
from ._engine.plan import find_max_size
from ._errors import shown
from .spec import MAX_SIDE, Spec

__all__ = ["guide_of_boxes", "guide_of_map"]


def guide_of_map(weights: ArrayLike) -> NDArray[np.uint8]:
    """Return the guide of a map of numbers, such as an activation map or a heat map of occlusions.

    Each map is divided by its greatest weight, so that this becomes 255: ``floor(weights / greatest * 255 + 0.5)`` in
    doubles, the same numbers in every framework. A map of zeros stays one: its image gets no dust.

    Parameters
    ----------
    weights : array, (rows, columns) or (n, rows, columns)
        Finite numbers that are not negative, of any dtype. A map may have any resolution.

    Returns
    -------
    uint8, of the same shape

    Raises
    ------
    TypeError
        If `weights` is not an array of real numbers.
    ValueError
        If a weight is negative or not finite, or if there are not two or three axes.

    Examples
    --------
    >>> guide_of_map([[0.0, 0.1], [0.2, 0.4]])
    array([[  0,  64],
           [128, 255]], dtype=uint8)
    """
    check_plain(weights, "weights")
    try:
        given = np.asarray(weights)
    except (TypeError, ValueError):  # A ragged list, or a tensor that is not on the CPU.
        given = np.array(None)
    if given.dtype.kind in "cOSUmM":
        raise TypeError(f"weights must be an array of real numbers, got {shown(weights)}")
    values = given.astype(np.float64)
    if values.ndim not in (2, 3):
        raise ValueError(f"weights must have shape (rows, columns) or (n, rows, columns), got {values.shape}")
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(
            f"weights must be finite and not negative, got {values.min():g} to {values.max():g}: type "
            "numpy.maximum(weights, 0)"
        )
    greatest = values.max(axis=(-2, -1), keepdims=True, initial=0)
    scaled: NDArray[np.uint8] = np.floor(values / np.where(greatest > 0, greatest, 1) * 255 + 0.5).astype(np.uint8)
    return scaled


def guide_of_boxes(
    boxes: ArrayLike | None = None,
    *,
    height: int,
    width: int,
    weights: ArrayLike | None = None,
    protected: ArrayLike | None = None,
    margin: int | Spec = 0,
) -> NDArray[np.uint8]:
    """Return the guide of an image whose dust is to lie on some boxes, or away from others.

    Parameters
    ----------
    boxes : whole numbers, (k, 4), optional
        Top, left, bottom, right in pixels, bottom and right outside; what reaches out of the image is cut off. Centres
        lie in these boxes only; by default anywhere. A later box lies over an earlier one.
    height, width : int
        Size of the image in pixels.
    weights : whole numbers, (k,), optional
        Weight of each pixel of a box, 0 … 255, by default 1.
    protected : whole numbers, (k, 4), or numbers, (k, 2), optional
        Boxes in which no centre lies, or points (y, x) such as keypoints, of which each stands for its pixel.
    margin : int or Spec, default 0
        Pixels by which protected boxes and pixels are widened on each side. With a spec, as many as its largest
        rectangle needs: then no rectangle touches them.

    Returns
    -------
    uint8, (height, width)

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of its limits, or a box is reversed.

    Examples
    --------
    >>> guide_of_boxes([[1, 1, 3, 4]], height=4, width=5, protected=[[2, 3, 4, 5]])
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 1, 1, 0, 0],
           [0, 0, 0, 0, 0]], dtype=uint8)
    """
    height, width = check_whole("height", height, 1, MAX_SIDE), check_whole("width", width, 1, MAX_SIDE)
    if boxes is None:
        if weights is not None:
            raise TypeError(
                "weights must be given with boxes, got none: type guide_of_boxes(boxes, weights=weights, …)"
            )
        guide = np.ones((height, width), np.uint8)
    else:
        guide = np.zeros((height, width), np.uint8)
        areas = check_boxes("boxes", boxes)
        each = np.ones(len(areas), np.int64) if weights is None else whole_numbers("weights", weights, (len(areas),))
        if ((each < 0) | (each > 255)).any():
            raise ValueError(f"weights must be from 0 to 255, got {each.min()} to {each.max()}")
        for (top, left, bottom, right), weight in zip(_clipped(areas, height, width), each, strict=True):
            guide[top:bottom, left:right] = weight
    if protected is not None:
        before, after = _reach_of(margin, height, width)
        kept_free = _check_protected(protected) + np.array([*(-side for side in before), *after])
        for top, left, bottom, right in _clipped(kept_free, height, width):
            guide[top:bottom, left:right] = 0
    elif margin != 0:
        raise TypeError(f"margin must be given with protected, got margin={shown(margin)}: type protected=boxes")
    return guide


def _check_protected(protected: Any) -> NDArray[np.int64]:
    """Return protected boxes, (k, 4), or the pixels of protected points as boxes."""
    if np.shape(np.asarray(protected, object))[1:] != (2,):
        return check_boxes("protected", protected)
    points = check_points("protected", protected)
    if not np.isfinite(points).all():
        raise ValueError(f"protected must be finite, got {shown(protected)}: leave out points that are not labelled")
    # Whatever lies further out than any image reaches lies out of this one.
    first = np.floor(points).clip(-2 * MAX_SIDE, 2 * MAX_SIDE).astype(np.int64)
    return np.concatenate([first, first + 1], axis=1)


def _clipped(boxes: NDArray[np.int64], height: int, width: int) -> NDArray[np.int64]:
    clipped: NDArray[np.int64] = boxes.clip(0, [height, width, height, width])
    return clipped


def _reach_of(margin: Any, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return by how many pixels a protected box is widened: at its top and left, and at its bottom and right."""
    if not isinstance(margin, Spec):
        pixels = check_whole("margin", margin, 0, MAX_SIDE)
        return (pixels, pixels), (pixels, pixels)
    # A rectangle of n pixels with its centre at c covers c - n // 2 up to, not including, c - n // 2 + n.
    tall, wide = find_max_size(margin, height, width)
    return (max((tall + 1) // 2 - 1, 0), max((wide + 1) // 2 - 1, 0)), (tall // 2, wide // 2)
