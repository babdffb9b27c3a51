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
