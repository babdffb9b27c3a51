"""timm's RandomErasing."""

from __future__ import annotations

from timm.data.random_erasing import RandomErasing

from .cases import MANY_COUNT, Case, Peer, Work
from .torchvision import on_tensors

__all__ = ["PEERS"]


def _random_erasing(case: Case) -> Work:
    low, high = MANY_COUNT if case.rectangles == "many" else (1, 1)
    # timm divides a total area by the number of rectangles.
    least, most = (share * (low + high) / 2 for share in case.area_range)
    erasing = RandomErasing(
        probability=1, min_area=least, max_area=most, mode="const", min_count=low, max_count=high, device="cpu"
    )
    return on_tensors(erasing, case)


PEERS = [
    Peer(
        "timm RandomErasing",
        _random_erasing,
        'mode="const", in place, its own rectangles for each image of a batch; NHWC as a moved axis',
        "It uses Python's generator, and one slice assignment of torch for each rectangle.",
    )
]
