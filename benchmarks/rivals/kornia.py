"""kornia's RandomErasing."""

from __future__ import annotations

from kornia.augmentation import RandomErasing

from .cases import Cannot, Case, Peer, Work, in_a_row
from .torchvision import on_tensors

__all__ = ["PEERS"]


def _random_erasing(case: Case) -> Work:
    if case.dtype == "uint8":
        raise Cannot("floats only")
    erasing = RandomErasing(scale=case.area_range, ratio=(0.3, 3.3), value=0.0, p=1, keepdim=True)
    return on_tensors(in_a_row(erasing, case), case)


PEERS = [
    Peer(
        "kornia RandomErasing",
        _random_erasing,
        "keepdim=True; its own rectangle for each image; it returns new images; many: 23 in a row; NHWC as a "
        "moved axis",
        "It processes whole tensors in few calls of torch.",
    )
]
