"""Two versions without dustaug: the loop of the 2017 post, and the same algorithm in vectorised NumPy.

Both draw from NumPy's own generators, so their pixels differ from dustaug's, but the distribution is the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["post_loop", "vectorised_numpy"]


def post_loop(images: NDArray[Any], counts: tuple[int, int] = (0, 32), unit: float = 1) -> None:
    """Dust a batch (n, h, w, c), written from the description of the post's algorithm; `counts` is half-open."""
    for image in images:
        h, w = image.shape[:2]
        for _ in range(np.random.randint(*counts)):  # noqa: NPY002
            y = int(np.clip(np.random.normal(0.5, 0.25), 0, 1) * h)  # noqa: NPY002
            x = int(np.clip(np.random.normal(0.5, 0.25), 0, 1) * w)  # noqa: NPY002
            hh = np.random.randint(1, 8)  # noqa: NPY002
            hw = np.random.randint(1, 8)  # noqa: NPY002
            brightness = np.random.randint(0, 256) * unit  # noqa: NPY002
            top, bottom = np.clip(y - hh, 0, h - 1), np.clip(y + hh, 0, h - 1)
            left, right = np.clip(x - hw, 0, w - 1), np.clip(x + hw, 0, w - 1)
            image[top:bottom, left:right] = brightness


_generator = np.random.default_rng(0)


def vectorised_numpy(images: NDArray[Any]) -> None:
    """Dust a batch (n, h, w, c): make all draws of the batch at once, then assign one slice for each rectangle."""
    n, h, w = images.shape[:3]
    counts = _generator.integers(0, 32, n)
    total = counts.sum()
    sides = np.array([h, w])
    centers = (np.clip(_generator.normal(0.5, 0.25, (total, 2)), 0, 1) * sides).astype(int)
    halves = _generator.integers(1, 8, (total, 2))
    first = np.clip(centers - halves, 0, sides - 1)
    last = np.clip(centers + halves, 0, sides - 1)
    rows = np.column_stack([np.repeat(np.arange(n), counts), first, last, _generator.integers(0, 256, total)])
    for i, top, left, bottom, right, brightness in rows.tolist():
        images[i, top:bottom, left:right] = brightness
