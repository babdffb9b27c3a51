"""dustaug itself, called on arrays."""

from __future__ import annotations

import itertools
from typing import Any

from numpy.typing import NDArray

import dustaug

from .cases import Case, Peer, Work

__all__ = ["DUSTAUG", "PEERS"]

DUSTAUG = "dustaug.add_dust"


def _add_dust(case: Case) -> Work:
    spec, indices, layout, n = case.spec, itertools.count(), case.batch_layout, case.n_images

    def paint(images: NDArray[Any]) -> NDArray[Any]:
        return dustaug.add_dust(images, spec, seed=0, index=next(indices) * n, layout=layout)

    return Work(paint)


PEERS = [Peer(DUSTAUG, _add_dust, "with a seed and an index, in place", "")]
