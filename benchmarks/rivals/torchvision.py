"""torchvision's transform and dustaug's transform for torchvision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torchvision.transforms import v2

from dustaug.torchvision import DustRectangles

from .cases import Case, Peer, Work, in_a_row

__all__ = ["PEERS", "on_tensors"]


def on_tensors(transform: Callable[[Any], Any], case: Case) -> Work:
    """Return a transform of tensors (..., c, h, w) on the memory of an array; for NHWC it moves the axis and back."""
    if case.layout == "NCHW":
        return Work(transform, torch.from_numpy)
    return Work(lambda images: transform(images.movedim(-1, -3)).movedim(-3, -1), torch.from_numpy)


def _random_erasing(case: Case) -> Work:
    erasing = v2.RandomErasing(p=1, scale=case.area_range, ratio=(0.3, 3.3), value=0, inplace=True)
    return on_tensors(in_a_row(erasing, case), case)


def _dust(case: Case) -> Work:
    return on_tensors(DustRectangles(case.spec, inplace=True), case)


PEERS = [
    Peer(
        "torchvision RandomErasing",
        _random_erasing,
        "v2, inplace=True; it paints the same rectangle on the whole batch; many: 23 in a row; NHWC as a moved axis",
        "It draws one rectangle for the whole batch.",
        same_on_batch=True,
    ),
    Peer(
        "dustaug in torchvision",
        _dust,
        "DustRectangles(inplace=True); NHWC as a moved axis",
        "It draws for each image, and torchvision once for the whole batch.",
        library="torchvision RandomErasing",
    ),
]
