"""Measure how the time grows with the batch, the image, the number of rectangles, and the threads."""

from __future__ import annotations

import hashlib
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import dustaug

from .kernel import SIDE, bind_add_dust, c_rivals, make_images
from .machine import cores
from .report import Section, Settings, Table
from .timing import Rival, Times, check_same_pixels, race

__all__ = ["scaling"]

_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_SIDES = (32, 64, 128, 224, 512, 1024)
_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)
_THREADED_BATCHES = (8, 16, 32, 64, 128, 256, 512, 1024)
_BATCH = 32

_SHA256_BYTES = bytes(1 << 20)

Curve = dict[int, dict[str, Times]]


def scaling(settings: Settings) -> Section:
    """Measure the four curves that plots.py draws."""
    seconds = settings.seconds(0.8)
    step = 3 if settings.quick else 1
    curves = {
        "batch size": {n: _against_c(n, SIDE, dustaug.dust(), seconds) for n in _BATCHES[::step]},
        "image side": {side: _against_copy(side, seconds) for side in _SIDES[::step]},
        "rectangles": {n: _against_c(_BATCH, SIDE, dustaug.dust(count_range=(n, n)), seconds) for n in _COUNTS[::step]},
        "threads": {n: _threads(n, seconds) for n in _THREADED_BATCHES[::step]},
    }
    captions = {
        "batch size": "The batches have images of 224 × 224 × 3.",
        "image side": f"The images are square, batch {_BATCH}. The last column is a copy of the batch, which dustaug "
        "does not need, because it paints in place.",
        "rectangles": f"Each image of 224 × 224 × 3 has exactly this number of rectangles, batch {_BATCH}.",
        "threads": f"The batches have images of 224 × 224 × 3, on 1 and 2 threads. This process may use {cores()} "
        "cores. To show how free the cores were: at that time two threads of SHA-256 did "
        f"{_two_threads_of_sha256():.1f} × the work of one.",
    }
    return Section(
        title="How the time grows",
        note="The tables give the median in µs per image, uint8, NHWC.",
        tables=[_table(captions[name], name, curve) for name, curve in curves.items()],
        data=curves,
    )


def _table(caption: str, name: str, curve: Curve) -> Table:
    rivals = list(next(iter(curve.values())))
    rows = [(f"{x:,}", *(f"{each[rival].median:,.2f}" for rival in rivals)) for x, each in curve.items()]
    return Table(caption, ("Batch size" if name == "threads" else name.capitalize(), *rivals), rows)


def _against_c(n: int, side: int, spec: dustaug.Spec, seconds: float) -> dict[str, Times]:
    images = make_images(n, side)
    rivals = c_rivals(images, spec)
    check_same_pixels(rivals, images, n)
    return race(rivals, n, seconds)


def _against_copy(side: int, seconds: float) -> dict[str, Times]:
    images = make_images(_BATCH, side)
    target = np.ones_like(images)
    rivals = c_rivals(images, dustaug.dust())
    check_same_pixels(rivals, images, _BATCH)
    copy = Rival(lambda _: np.copyto(target, images), exact=False)
    return race({**rivals, "copy of the batch": copy}, _BATCH, seconds)


def _two_threads_of_sha256() -> float:
    """Return how many times the work of one thread two threads do now; the work needs neither memory nor the GIL."""

    def work() -> None:
        for _ in range(50):
            hashlib.sha256(_SHA256_BYTES).digest()

    speeds = []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            start = time.perf_counter()
            pool.submit(work).result()
            middle = time.perf_counter()
            for done in [pool.submit(work), pool.submit(work)]:
                done.result()
            speeds.append(2 * (middle - start) / (time.perf_counter() - middle))
    return statistics.median(speeds)


def _threads(n: int, seconds: float) -> dict[str, Times]:
    images = make_images(n)
    rivals = {
        f"{threads} thread{'s' if threads > 1 else ''}": Rival(
            bind_add_dust(images, dustaug.dust(), num_threads=threads)
        )
        for threads in (1, 2)
    }
    check_same_pixels(rivals, images, n)
    return race(rivals, n, seconds)
