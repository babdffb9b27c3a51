"""Guides: weights that say how likely each place of an image is for the centre of a rectangle."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug._habits import shown
from dustaug.spec import MAX_SIDE, Spec

from .contract import MAX_GUIDE_SUM


def check_guide(guide: Any, spec: Spec, n: int, *, batched: bool) -> NDArray[np.uint8]:
    """Return the guide of each of n images as a copy, uint8 (n, rows, columns).

    A copy, because another thread may change the caller's array after it was checked.
    """
    if spec.center != "guide":
        raise TypeError(
            f'guide must be given with center="guide", got a guide with center={spec.center!r}: type '
            'spec.replace(center="guide"), or leave guide out'
        )
    if guide is None:
        raise missing_guide_error()
    if not isinstance(guide, np.ndarray):
        raise TypeError(f"guide must be a NumPy array, got {shown(guide)}: type numpy.asarray(guide, numpy.uint8)")
    if guide.dtype not in (np.uint8, np.bool_):
        raise TypeError(
            f"guide must be uint8 or bool, got an array of {guide.dtype}: type dustaug.guide_of_map(guide) for a map "
            "of numbers, or mask > 0"
        )
    shape = guide.shape
    if guide.ndim == 2 and not batched:
        guide = guide[np.newaxis]
    if guide.ndim != 3 or len(guide) != n:
        wanted = f"({n}, rows, columns), one for each image" if batched else "(rows, columns)"
        raise ValueError(f"guide must have shape {wanted}, got {shape}")
    if not (1 <= guide.shape[1] <= MAX_SIDE and 1 <= guide.shape[2] <= MAX_SIDE):
        raise ValueError(f"guide must have from 1 to {MAX_SIDE} rows and columns, got shape {shape}")
    weights = np.array(guide, order="C").view(np.uint8)
    if guide[0].size > MAX_GUIDE_SUM // 255 and n:
        largest = int(weights.sum(axis=(1, 2), dtype=np.int64).max())
        if largest > MAX_GUIDE_SUM:
            raise ValueError(
                f"guide must have weights that sum to at most {MAX_GUIDE_SUM} for each image, got {largest}: type "
                "guide[:, ::2, ::2], as a guide may have any resolution"
            )
    return weights


def missing_guide_error() -> TypeError:
    return TypeError(
        'guide must be given with center="guide", got none: type guide=mask, uint8 or bool (n, rows, columns), or '
        'spec.replace(center="normal")'
    )


def check_boxes(name: str, boxes: Any) -> NDArray[np.int64]:
    """Return boxes, int64 (k, 4), as a copy; a list without a box is one of none."""
    if np.size(np.asarray(boxes, object)) == 0:
        return np.zeros((0, 4), np.int64)
    checked = whole_numbers(name, boxes, (None, 4))
    if (checked[:, :2] > checked[:, 2:]).any():
        wrong = checked[(checked[:, :2] > checked[:, 2:]).any(axis=1)][0].tolist()
        raise ValueError(f"{name} must not be reversed, got {wrong} (top, left, bottom, right)")
    return checked


# Further out than any image reaches, and far from the ends of 64 bits.
_FAR = 2**40


def whole_numbers(name: str, numbers: Any, shape: tuple[int | None, ...]) -> NDArray[np.int64]:
    """Return whole numbers of a shape, of which None is any length, as a copy."""
    wanted = f"({', '.join('k' if n is None else str(n) for n in shape)}{',' * (len(shape) == 1)})"
    try:
        array = np.array(np.asarray(numbers))
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of whole numbers {wanted}, got {shown(numbers)}") from None
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be an array of whole numbers {wanted}, got an array of {array.dtype}")
    if array.ndim != len(shape) or any(n not in (None, length) for n, length in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{name} must have shape {wanted}, got {array.shape}")
    return array.astype(np.int64).clip(-_FAR, _FAR)


def check_points(name: str, points: Any) -> NDArray[np.float64]:
    """Return points, float64 (k, 2), as a copy; a list without a point is one of none."""
    try:
        array = np.array(np.asarray(points))
    except (TypeError, ValueError):
        array = np.array(None)
    if not array.size and array.ndim:
        return np.zeros((0, 2))
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be arrays of real numbers (k, 2), got {shown(points)}")
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name} must have shape (k, 2), got {array.shape}")
    return array.astype(np.float64)
