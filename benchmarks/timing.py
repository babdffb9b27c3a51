"""Rivals timed against each other in one run: A, B, C, then again, in a new order each round.

What disturbs a measurement (another program, a change of the clock) then disturbs all rivals alike, so that their
ratios hold even where their times do not. pyperf, otherwise the tool of choice, times one rival after the other.
"""

from __future__ import annotations

import gc
import hashlib
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ratio", "Rival", "Times", "check_same_pixels", "fresh_index", "race"]

_BLOCKS = 5


class Rival(NamedTuple):
    """One way to do the work.

    Attributes
    ----------
    run : callable
        The timed call. Its argument is what `prepare` made of the index of the first image.
    prepare : callable, optional
        Work before the clock starts.
    slow : bool, default False
        Timed in every tenth round at most, and for at most a quarter of the time. Otherwise it would not only take most
        of the run, but leave the caches cold for whichever rival comes next.
    exact : bool, default True
        It must paint the same pixels as the others.
    """

    run: Callable[[Any], object]
    prepare: Callable[[int], Any] = lambda index: index
    slow: bool = False
    exact: bool = True


class Ratio(NamedTuple):
    """A ratio of two medians; `low` and `high` are the least and the greatest found in a fifth of the run."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.value >= 20:
            return f"{self.value:,.0f} ({self.low:,.0f}–{self.high:,.0f})"
        return f"{self.value:.2f} ({self.low:.2f}–{self.high:.2f})"


class Times(NamedTuple):
    """Nanoseconds of each timed call, and how many images one call paints."""

    nanoseconds: NDArray[np.int64]
    n_images: int

    @property
    def median(self) -> float:
        """Median, in microseconds per image."""
        return float(np.median(self.nanoseconds)) / 1e3 / self.n_images

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third quartile, in microseconds per image."""
        low, high = np.percentile(self.nanoseconds, [25, 75]) / 1e3 / self.n_images
        return float(low), float(high)

    def ratio(self, other: Times) -> Ratio:
        """How many times the other's time this is."""
        blocks = min(_BLOCKS, len(self.nanoseconds), len(other.nanoseconds))
        mine, others = (np.array_split(times.nanoseconds, blocks) for times in (self, other))
        ratios = [
            np.median(a) / self.n_images / (np.median(b) / other.n_images) for a, b in zip(mine, others, strict=True)
        ]
        ratios.append(self.median / other.median)
        return Ratio(ratios[-1], float(min(ratios)), float(max(ratios)))

    def __str__(self) -> str:
        low, high = self.quartiles
        digits = 0 if self.median >= 100 else 1 if self.median >= 10 else 2
        return f"{self.median:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"


_next_index = 0


def fresh_index(n_images: int) -> int:
    """Return the first of `n_images` indices that nothing in this run has used.

    The same index again and again would let the processor learn its branches, and find its rows in the cache.
    """
    global _next_index  # noqa: PLW0603
    first = _next_index
    _next_index += n_images
    return first


def race(rivals: Mapping[str, Rival], n_images: int, seconds: float, *, least: int = 7) -> dict[str, Times]:
    """Time the rivals in turns, for about `seconds`, and each at least `least` times (slow ones: three times).

    Parameters
    ----------
    rivals : mapping
        Each paints `n_images` images a call, on the same memory.
    """
    spent = dict.fromkeys(rivals, 0)
    times: dict[str, list[int]] = {name: [] for name in rivals}
    order = list(rivals)
    shuffle = random.Random(0).shuffle  # noqa: S311
    for name in order:
        if not rivals[name].slow:
            for _ in range(3):
                rivals[name].run(rivals[name].prepare(fresh_index(n_images)))
    gc.collect()
    gc.disable()
    try:
        start, rounds = time.perf_counter_ns(), 0
        while (elapsed := time.perf_counter_ns() - start) < seconds * 1e9 or any(
            len(times[name]) < (3 if rivals[name].slow else least) for name in rivals
        ):
            shuffle(order)
            now = [name for name in order if not rivals[name].slow or (rounds % 10 == 0 and spent[name] <= elapsed / 4)]
            rounds += 1
            ready = {name: rivals[name].prepare(fresh_index(n_images)) for name in now}
            for name in now:
                run, argument = rivals[name].run, ready[name]
                began = time.perf_counter_ns()
                run(argument)
                took = time.perf_counter_ns() - began
                times[name].append(took)
                spent[name] += took
    finally:
        gc.enable()
    return {name: Times(np.array(values), n_images) for name, values in times.items()}


def check_same_pixels(rivals: Mapping[str, Rival], images: NDArray[Any], n_images: int) -> None:
    """Run every exact rival once on the same start and index.

    Raises
    ------
    AssertionError
        If two leave different pixels in `images`, or one leaves them as they were.
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
