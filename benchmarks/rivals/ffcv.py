"""The algorithm of FFCV's Cutout, written from its description: a parallel Numba loop over the batch, in place.

FFCV itself is a data loader with its own file format, and cannot run one augmentation alone.
"""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["cutout"]


@numba.njit(parallel=True, cache=True)
def cutout(images, side, fill):
    """Paint one square of a fixed size on each image (n, h, w, c)."""
    for image in numba.prange(images.shape[0]):
        top = np.random.randint(images.shape[1] - side + 1)  # noqa: NPY002
        left = np.random.randint(images.shape[2] - side + 1)  # noqa: NPY002
        images[image, top : top + side, left : left + side] = fill
    return images
