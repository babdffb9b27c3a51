"""The rivals that need no other library: the C twin, memset in C, the loop of the 2017 post, and FFCV's algorithm."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dustaug
from benchmarks.post import post_loop
from benchmarks.twin import bind_dust, bind_memset, bind_paint_only, rectangle_rows

from .cases import IN_A_ROW, MANY_COUNT, Cannot, Case, Peer, Work

__all__ = ["PEERS"]

_POOL = 64


def _as_batch(images: NDArray[Any], case: Case) -> NDArray[Any]:
    return images if case.call == "batch" else images[None]


def _twin(case: Case) -> Work:
    indices, n = itertools.count(), case.n_images

    def prepare(images: NDArray[Any]) -> tuple[Any, NDArray[Any]]:
        return bind_dust(_as_batch(images, case), case.spec, layout=case.layout), images

    def paint(ready: tuple[Any, NDArray[Any]]) -> NDArray[Any]:
        ready[0](next(indices) * n)
        return ready[1]

    return Work(paint, prepare)


_indices = itertools.count(step=1 << 20)


def _rectangles(case: Case, n: int) -> list[NDArray[np.int32]]:
    """Draw different rectangles for each call; the same ones would stay in the first-level cache."""
    first = next(_indices)
    return [rectangle_rows(case.spec, case.side, case.side, first + call * n + np.arange(n)) for call in range(_POOL)]


def _paint_only(case: Case) -> Work:
    def prepare(images: NDArray[Any]) -> tuple[Any, Any, NDArray[Any]]:
        batch = _as_batch(images, case)
        run = bind_paint_only(batch, case.spec, layout=case.layout)
        return run, itertools.cycle(_rectangles(case, len(batch))), images

    def paint(ready: tuple[Any, Any, NDArray[Any]]) -> NDArray[Any]:
        run, rectangles, images = ready
        run(next(rectangles))
        return images

    return Work(paint, prepare)


def _memset(case: Case) -> Work:
    """Return one memset of as many bytes at the start of each image: the work without rows, corners and choices."""

    def prepare(images: NDArray[Any]) -> tuple[Any, Any, NDArray[Any]]:
        batch = _as_batch(images, case)
        pixel = 3 * images.itemsize
        sizes = []
        for rows in _rectangles(case, len(batch)):
            areas = (rows[:, 3] - rows[:, 1]) * (rows[:, 4] - rows[:, 2])
            painted = np.bincount(rows[:, 0], areas, len(batch)) * pixel
            sizes.append(np.minimum(painted, batch[0].nbytes).astype(np.int64))
        return bind_memset(batch), itertools.cycle(sizes), images

    def paint(ready: tuple[Any, Any, NDArray[Any]]) -> NDArray[Any]:
        run, sizes, images = ready
        run(next(sizes))
        return images

    return Work(paint, prepare)


def _post(case: Case) -> Work:
    if case.rectangles == "one":
        raise Cannot("paints small ones only")
    unit = 1 if case.dtype == "uint8" else 1 / 255

    def paint(images: NDArray[Any]) -> NDArray[Any]:
        batch = _as_batch(images, case)
        nhwc = batch.transpose(0, 2, 3, 1) if case.layout == "NCHW" else batch
        post_loop(nhwc, counts=(MANY_COUNT[0], MANY_COUNT[1] + 1), unit=unit)
        return images

    return Work(paint)


def _ffcv(case: Case) -> Work:
    if case.layout == "NCHW":
        raise Cannot("NHWC until it makes tensors")
    if case.dtype != "uint8":
        raise Cannot("uint8 until it makes tensors")
    from .ffcv import cutout

    side, fill = round(case.area**0.5 * case.side), np.zeros(3, np.uint8)
    repeats = 1 if case.rectangles == "one" else IN_A_ROW

    def paint(images: NDArray[Any]) -> NDArray[Any]:
        batch = _as_batch(images, case)
        for _ in range(repeats):
            cutout(batch, side, fill)
        return images

    return Work(paint)


def _squares(case: Case) -> dustaug.Spec:
    side, n = round(case.area**0.5 * case.side), 1 if case.rectangles == "one" else IN_A_ROW
    return dustaug.dust(
        count_range=(n, n), side_range=(side, side), center="inside", spare_last=False, fill="constant", fill_value=0
    )


_NO_DRAWING = "It draws nothing. Its rectangles were computed before the clock started, and its arguments are ready."

PEERS = [
    Peer(
        "C twin",
        _twin,
        "the same algorithm and the same pixels in plain C, gcc -O3, in place",
        "The cost of a call: dustaug first checks array, spec, seed and layout, in some 2 µs. C gets a ready address "
        "through ctypes and checks nothing. The more a call paints, the less this matters. For few large rectangles "
        "both are as fast as the memory.",
    ),
    Peer(
        "C paint only", _paint_only, "rectangles drawn before the clock starts; a memset or loop per row", _NO_DRAWING
    ),
    Peer(
        "memset floor",
        _memset,
        "one memset of as many bytes at the start of each image; it paints no rectangles",
        _NO_DRAWING + " It writes the bytes in one piece, not in rows, so no library can be as fast.",
        rectangles=False,
    ),
    Peer(
        "post's loop",
        _post,
        "two loops in Python, as in the 2017 post: normal centres, a random grey for each rectangle",
        "",
        black=False,
        spec=lambda _: dustaug.dust(count_range=MANY_COUNT),
    ),
    Peer(
        "FFCV's algorithm",
        _ffcv,
        "Numba, prange over the batch, Numba's own generator, one fixed square per call; many: 23 calls",
        "It draws only two numbers, from Numba's generator, which cannot be seeded from outside. Its square always has "
        "the same size, and it does not check its arguments.",
        spec=_squares,
    ),
]
