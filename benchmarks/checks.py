"""Check before the clock starts that a rival paints what the case asks for."""

from __future__ import annotations

import functools
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import dustaug

from .rivals.cases import Case, Peer, Work

__all__ = ["Finding", "Refused", "as_nhwc", "check", "items_of", "paint_all"]

_DRAWS, _SECONDS = 64, 0.1
# The rivals round sides to pixels, and draw aspects in slightly different ways.
_TOLERANCE = 0.12


class Refused(Exception):  # noqa: N818
    """A rival paints something else; the message says what."""


class Finding(NamedTuple):
    """What the check found about a rival."""

    in_place: bool
    covered: float
    expected: float


def items_of(work: Work, case: Case, images: NDArray[Any]) -> list[Any]:
    """Return the arguments of the timed calls, on the memory of these images: the batch, or each image."""
    return [work.prepare(images)] if case.call == "batch" else [work.prepare(image) for image in images]


def paint_all(work: Work, case: Case, items: list[Any]) -> NDArray[Any]:
    """Paint all items, and return the batch."""
    painted = [np.asarray(work.paint(item)) for item in items]
    return painted[0] if case.call == "batch" else np.stack(painted)


def as_nhwc(images: NDArray[Any], case: Case) -> NDArray[Any]:
    """Return a view with the channels last."""
    return images.transpose(0, 2, 3, 1) if case.layout == "NCHW" else images


def check(peer: Peer, work: Work, case: Case) -> Finding:
    """Let a rival paint some batches, and look at every pixel.

    Raises
    ------
    Refused
        If the rival returns another shape or dtype, paints nothing, paints other colours than black (if the case asks
        for black), paints more or less than one rectangle (if the case asks for one), covers another share of the image
        than dustaug, or paints the same on all images without `same_on_batch`.
    """
    mean, deviation = _expected(peer.spec(case), case.side)
    images = case.make_images()
    original, items = images.copy(), items_of(work, case, images)
    shares: list[float] = []
    all_alike, in_place = case.n_images > 1, True
    stop = time.perf_counter() + _SECONDS
    while not shares or (len(shares) < _DRAWS and time.perf_counter() < stop):
        np.copyto(images, original)
        painted = paint_all(work, case, items if in_place else items_of(work, case, images))
        changed = _changed(peer, case, original, painted)
        in_place = in_place and np.array_equal(images, painted)
        all_alike = all_alike and bool((changed == changed[0]).all())
        covered = changed.mean(axis=(1, 2))
        shares += [float(covered[0])] if peer.same_on_batch and case.call == "batch" else covered.tolist()
    if not any(shares):
        raise Refused("paints nothing")
    if case.call == "batch" and all_alike and not peer.same_on_batch:
        raise Refused("paints the same on all images of a batch")
    found = float(np.mean(shares))
    allowed = _TOLERANCE * mean + 5 * deviation / len(shares) ** 0.5
    # Bytes in one piece do not overlap, so they may cover more.
    if mean - found > allowed or (peer.rectangles and found - mean > allowed):
        raise Refused(f"covers {found:.1%} of an image, not {mean:.1%}")
    return Finding(in_place, found, mean)


def _changed(peer: Peer, case: Case, original: NDArray[Any], painted: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the painted pixels (n, h, w), after a check that they are painted as the case asks."""
    if painted.shape != original.shape:
        raise Refused(f"returns the shape {painted.shape} for {original.shape}")
    if painted.dtype != original.dtype:
        raise Refused(f"returns {painted.dtype} for {original.dtype}")
    before, after = as_nhwc(original, case), as_nhwc(painted, case)
    # Bytes in one piece may end inside a pixel, or inside the first plane.
    different = before != after
    if peer.black and after[different].any():
        raise Refused("paints something that is not black")
    if not peer.rectangles:
        return different.reshape(len(different), 1, -1)
    changed: NDArray[np.bool_] = different.any(axis=3)
    if peer.black and not np.array_equal(changed, different.all(axis=3)):
        raise Refused("paints some channels only")
    if case.rectangles == "one" and peer.rectangles:
        for each in changed:
            rows, columns = each.any(axis=1), each.any(axis=0)
            if not np.array_equal(each, _filled(rows)[:, None] & _filled(columns)):
                raise Refused("paints more than one rectangle")
    return changed


def _filled(line: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a line with everything between its first and its last True."""
    return np.logical_or.accumulate(line) & np.logical_or.accumulate(line[::-1])[::-1]


@functools.cache
def _expected(spec: dustaug.Spec, side: int, n: int = 256) -> tuple[float, float]:
    """Return mean and standard deviation of the share of an image that dustaug covers."""
    shares = [
        dustaug.sample_rectangles(spec, height=side, width=side, seed=1, index=np.array([index]))
        .mask(side, side)
        .mean()
        for index in range(n)
    ]
    return float(np.mean(shares)), float(np.std(shares))
