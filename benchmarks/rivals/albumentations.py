"""Albumentations or AlbumentationsX, whichever is installed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

# Without this, Albumentations looks for newer versions at import, and warns if it cannot.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations as A  # noqa: N812
import numpy as np

from dustaug.albumentations import DustRectangles

from .cases import MANY_COUNT, Case, Peer, Work

__all__ = ["IS_X", "PEERS", "compose"]

IS_X = hasattr(A.BasicTransform, "sample_parameters")
_NAME = "AlbumentationsX" if IS_X else "Albumentations"


def compose(transform: Any, **arguments: Any) -> Callable[..., dict[str, Any]]:
    """Return a pipeline of one transform."""
    return A.Compose([transform], **arguments, **({"telemetry": False} if IS_X else {}))


def _work(case: Case, transform: Any) -> Work:
    pipeline, key = compose(transform), "image" if case.call == "image" else "images"
    if case.layout == "NHWC":
        return Work(lambda images: pipeline(**{key: images})[key])
    return Work(lambda images: np.moveaxis(pipeline(**{key: np.moveaxis(images, -3, -1)})[key], -1, -3))


def _coarse_dropout(case: Case) -> Work:
    return _work(
        case,
        A.CoarseDropout(
            num_holes_range=(1, 1) if case.rectangles == "one" else MANY_COUNT,
            hole_height_range=case.side_range,
            hole_width_range=case.side_range,
            fill=0,
            p=1,
        ),
    )


def _dust(case: Case) -> Work:
    return _work(case, DustRectangles(case.spec, same_on_batch=False, inplace=True, p=1))


PEERS = [
    Peer(
        f"{_NAME} CoarseDropout",
        _coarse_dropout,
        "in A.Compose; it paints a copy; a batch is a video, whose images share their holes; NCHW as a moved axis",
        "It draws the holes once for the whole batch.",
        same_on_batch=True,
    ),
    Peer(
        f"dustaug in {_NAME}",
        _dust,
        "DustRectangles(inplace=True) in A.Compose; NCHW as a moved axis",
        "It draws for each image, and Albumentations once for the whole batch.",
        library=f"{_NAME} CoarseDropout",
    ),
]
