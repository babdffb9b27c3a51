"""What hides parts of the test pictures: cells of a grid, strokes of a marker, and garments of other pictures.

No arm is trained on strokes or garments. Cells are rectangles, as most of the arms paint, and they are black, which is
the background of Fashion-MNIST and the fill of no arm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug.robustness import OcclusionCurve, occlusion_curve, pasted_objects, patch_drops

from .fashion_data import Pictures
from .graffiti import SHARES, paint_graffiti

__all__ = ["OCCLUDERS", "judge", "make_occluders", "paint_strokes"]

OCCLUDERS = {
    "cells": "black cells of 7 by 7",
    "strokes": "strokes of a marker",
    "garments": "garments of other pictures",
}
"""Names of the occluders, and what they are."""

_GRID = 7
_PASTED = (0.1, 0.2, 0.3, 0.4)
_BATCH = 500
_WEIGHTS = np.array([299, 587, 114])


def make_occluders(pictures: Pictures, *, seed: int = 0) -> dict[str, dict[float, Any]]:
    """Return all occluders, each with its severities, for ``dustaug.robustness.occlusion_curve``.

    The severity is the share that is meant to be hidden: of the cells, of the garment for strokes, and of the picture
    for garments of other pictures. The coverage of the curves is measured.

    Parameters
    ----------
    pictures : Pictures
        The pictures to hide parts of. They lend their garments to each other.
    seed : int
        Seed of the strokes and of the garments.
    """
    garments = pictures.images > 0
    painted = {
        share: paint_strokes(pictures.images, garments, severity, seed=seed) for severity, share in SHARES.items()
    }
    return {
        "cells": dict(patch_drops(grid=_GRID)),
        "strokes": {share: _show(images) for share, images in painted.items()},
        "garments": dict(pasted_objects(pictures.images, garments, shares=_PASTED, seed=seed, layout="NHW")),
    }


def _show(painted: NDArray[np.uint8]) -> Callable[[NDArray[Any], NDArray[np.int64]], NDArray[np.uint8]]:
    return lambda _, index: painted[index]


def paint_strokes(
    images: NDArray[np.uint8], garments: NDArray[np.bool_], severity: int, *, seed: int = 0
) -> NDArray[np.uint8]:
    """Return grey pictures (n, h, w) with strokes, letters and scribbles of random greys on the garments."""
    in_colour = np.repeat(images[..., None], 3, axis=3)
    painted, _ = paint_graffiti(in_colour, garments, severity=severity, style="marker", seed=seed)
    grey: NDArray[np.uint8] = ((painted @ _WEIGHTS + 500) // 1000).astype(np.uint8)
    return grey


def judge(
    predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    pictures: Pictures,
    occluders: Mapping[str, Mapping[float, Any]],
) -> dict[str, OcclusionCurve]:
    """Return the curve of each occluder, which begins with the accuracy on the pictures as they are."""
    return {
        name: occlusion_curve(
            predict, pictures.images, pictures.labels, occlusions, batch_size=_BATCH, layout="NHW", progress=False
        )
        for name, occlusions in occluders.items()
    }
