"""Time rivals against each other in one run: A, B, C, then again, in a new order each round.

A disturbance (another program, a change of the clock frequency) then affects all rivals alike. So the ratios are right
even if the times are not.

The statistics are those of pyperf. Each part of the run is a `pyperf.Run`, and all parts together are a
`pyperf.Benchmark`. `python -m pyperf` reads its files (``--pyperf FILE``). We do not use the runner of pyperf: it times
one rival to the end before the next one starts, so a change of the machine in between would look like a difference of
the rivals. Other libraries (pytest-benchmark, timeit, asv) do the same. Only the order of the calls is ours.
"""

from __future__ import annotations

import gc
import hashlib
import itertools
import random
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyperf
from numpy.typing import NDArray

__all__ = ["Ratio", "Rival", "Times", "check_same_pixels", "fresh_index", "race"]


class Rival(NamedTuple):
    """One way to do the work.

    Attributes
    ----------
    run : callable
        The timed call. Its argument is the result of `prepare` for the index of the first image.
    prepare : callable, optional
        Work before the clock starts.
    exact : bool, default True
        It must paint the same pixels as the others.
    """

    run: Callable[[Any], object]
    prepare: Callable[[int], Any] = lambda index: index
    exact: bool = True


class Ratio(NamedTuple):
    """A ratio of two medians; `low` and `high` are the least and the greatest ratio in a part of the run."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.value >= 20:
            return f"{self.value:,.0f} ({self.low:,.0f}–{self.high:,.0f})"
        return f"{self.value:.2f} ({self.low:.2f}–{self.high:.2f})"


class Times:
    """Seconds per image of each timed call, in runs, as a :class:`pyperf.Benchmark`.

    Parameters
    ----------
    runs : sequence of sequences of float
        A run is a part of the measurement in which every rival was called.
    n_images : int
        How many images one call paints.
    """

    def __init__(self, runs: Sequence[Sequence[float]], n_images: int) -> None:
        self.runs, self.n_images = runs, n_images
        metadata = {"name": "time", "unit": "second", "inner_loops": n_images}
        self.benchmark = pyperf.Benchmark([pyperf.Run(run, metadata=metadata, collect_metadata=False) for run in runs])

    @property
    def median(self) -> float:
        """Median, in microseconds per image."""
        return float(self.benchmark.median()) * 1e6

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third quartile, in microseconds per image."""
        return float(self.benchmark.percentile(25)) * 1e6, float(self.benchmark.percentile(75)) * 1e6

    @property
    def run_medians(self) -> list[float]:
        """Median of each run, in microseconds per image."""
        return [statistics.median(run) * 1e6 for run in self.runs]

    def ratio(self, other: Times) -> Ratio:
        """Return this time divided by the other time."""
        ratios = [self.median / other.median]
        ratios += [a / b for a, b in zip(self.run_medians, other.run_medians, strict=True)]
        return Ratio(ratios[0], min(ratios), max(ratios))

    def plain(self) -> dict[str, float]:
        """Return plain numbers for JSON: microseconds per image."""
        low, high = self.quartiles
        return {"median": self.median, "quartile_1": low, "quartile_3": high, "calls": sum(map(len, self.runs))}

    def __str__(self) -> str:
        low, high = self.quartiles
        digits = 0 if self.median >= 100 else 1 if self.median >= 10 else 2
        return f"{self.median:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"


_next_index = 0


def fresh_index(n_images: int) -> int:
    """Return the first of `n_images` indices that no call in this run has used.

    With the same index at every call, the processor would learn the branches, and the rows would be in the cache.
    """
    global _next_index  # noqa: PLW0603
    first = _next_index
    _next_index += n_images
    return first


def race(
    rivals: Mapping[str, Rival], n_images: int, seconds: float, *, n_runs: int = 5, warmups: int = 3
) -> dict[str, Times]:
    """Time the rivals in turns, for about `seconds` in all, and each at least once in every run.

    A rival that has used its equal share of the time waits until the others have used theirs. So slow rivals do not
    take most of the run, and only in few rounds do they leave cold caches for the next rival.

    Parameters
    ----------
    rivals : mapping
        Each paints `n_images` images per call, on the same memory.
    n_runs : int, default 5
        The number of runs that share the time.
    warmups : int, default 3
        The number of calls of each rival before the clock starts.
    """
    for rival, _ in itertools.product(rivals.values(), range(warmups)):
        rival.run(rival.prepare(fresh_index(n_images)))
    shuffled = _shuffled(rivals)
    gc.collect()
    gc.disable()
    try:
        runs = [_run(rivals, n_images, seconds / n_runs, shuffled) for _ in range(n_runs)]
    finally:
        gc.enable()
    return {name: Times([[took / 1e9 / n_images for took in run[name]] for run in runs], n_images) for name in rivals}


def _shuffled(names: Iterable[str]) -> Callable[[], list[str]]:
    order, generator = list(names), random.Random(0)  # noqa: S311

    def shuffled() -> list[str]:
        generator.shuffle(order)
        return order

    return shuffled


def _run(
    rivals: Mapping[str, Rival], n_images: int, seconds: float, shuffled: Callable[[], list[str]]
) -> dict[str, list[int]]:
    """Return the nanoseconds of each call."""
    spent = dict.fromkeys(rivals, 0)
    times: dict[str, list[int]] = {name: [] for name in rivals}
    start = time.perf_counter_ns()
    while True:
        share = min(time.perf_counter_ns() - start, seconds * 1e9) / len(rivals)
        now = [name for name in shuffled() if not times[name] or spent[name] <= share]
        if not now:
            return times
        ready = {name: rivals[name].prepare(fresh_index(n_images)) for name in now}
        for name in now:
            run, argument = rivals[name].run, ready[name]
            began = time.perf_counter_ns()
            run(argument)
            took = time.perf_counter_ns() - began
            times[name].append(took)
            spent[name] += took


def check_same_pixels(rivals: Mapping[str, Rival], images: NDArray[Any], n_images: int) -> None:
    """Run every exact rival once on the same start and index.

    Raises
    ------
    AssertionError
        If two rivals paint different pixels, or one changes no pixel.
    """
    index = fresh_index(n_images)
    untouched = images.copy()
    found: dict[str, str] = {"untouched": _digest(images)}
    for name, rival in rivals.items():
        if rival.exact:
            np.copyto(images, untouched)
            rival.run(rival.prepare(index))
            found[name] = _digest(images)
    np.copyto(images, untouched)
    before = found.pop("untouched")
    if len(set(found.values())) > 1 or (n_images > 8 and before in found.values()):
        raise AssertionError(f"rivals must paint the same pixels, got {found}")


def _digest(images: NDArray[Any]) -> str:
    return hashlib.blake2b(images.data, digest_size=8).hexdigest()
