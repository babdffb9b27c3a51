"""One of the builds that ``benchmarks.builds`` compares; it runs with any build, so it imports no other benchmark."""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import dustaug

__all__ = ["CASES", "SIDE"]

SIDE = 224
_LEAST, _MOST = 300, 1024

_DUST = dustaug.dust()
_NOISE = dustaug.random_erasing((0.2, 0.2), p=1)
_ERASING = dustaug.random_erasing(p=1, fill="constant", fill_value=0)


class Case(NamedTuple):
    """What a call paints, how many calls a stretch has, and how many stretches an answer."""

    calls: int
    n: int = 1
    dtype: str = "uint8"
    spec: Any = _DUST
    call: str = "add_dust"
    stretches: int = 20


CASES = {
    "one image": Case(50),
    "one image, no seed": Case(50, call="add_dust, no seed"),
    "one image, DustStream": Case(50, call="DustStream"),
    "one image, float32": Case(50, dtype="float32"),
    "batch of 8": Case(20, 8),
    "batch of 32": Case(8, 32),
    "batch of 256": Case(1, 256),
    "one image, cutout(56)": Case(50, spec=dustaug.cutout(56)),
    "one image, random_erasing": Case(50, spec=_ERASING),
    "one image, colours": Case(10, spec=dustaug.dust(fill="color")),
    "one image, a fifth noise": Case(10, spec=_NOISE),
    "one image, a fifth noise, float32": Case(10, dtype="float32", spec=_NOISE),
    "one image, means": Case(10, spec=dustaug.dust(fill="mean")),
    "one image, means, float32": Case(4, dtype="float32", spec=dustaug.dust(fill="mean"), stretches=5),
    "new size, dust": Case(4, call="new size", stretches=5),
    "new size, cutout(56)": Case(4, spec=dustaug.cutout(56), call="new size", stretches=5),
    "new size, random_erasing": Case(1, spec=_ERASING, call="new size", stretches=3),
    "new size and spec, random_erasing": Case(1, spec=None, call="new size", stretches=3),
}


def main() -> None:
    """Answer each case on standard input with the seconds per image of some stretches."""
    print(Path(dustaug.__file__).parents[1], flush=True)
    images: dict[Any, Any] = {}
    stream, first = dustaug.DustStream(seed=0), 0
    new_images = _new_images()
    for line in sys.stdin:
        case = CASES[line.strip()]
        shape = (case.n, SIDE, SIDE, 3)
        batch = images.setdefault(
            (case.n, case.dtype), np.full(shape, 100 if case.dtype == "uint8" else 0.25, case.dtype)
        )
        batch = batch[0] if case.n == 1 else batch
        call: Callable[..., Any] = {
            "add_dust": lambda index, _, batch=batch, case=case: dustaug.add_dust(
                batch, case.spec, seed=0, index=index
            ),
            "add_dust, no seed": lambda *_, batch=batch: dustaug.add_dust(batch),
            "DustStream": lambda *_, batch=batch: stream(batch),
            "new size": lambda index, given: dustaug.add_dust(*given, seed=0, index=index),
        }[case.call]
        found = []
        for stretch in range(1 + case.stretches):
            given = [_given(case, new_images) for _ in range(case.calls)]
            began = time.perf_counter_ns()
            for index, argument in zip(range(first, first + case.calls * case.n, case.n), given, strict=True):
                call(index, argument)
            if stretch:  # The first one warms up.
                found.append((time.perf_counter_ns() - began) / 1e9 / case.calls / case.n)
            first += case.calls * case.n
        print(json.dumps(found), flush=True)


_numbers = itertools.count(1)


def _given(case: Case, new_images: Iterator[Any]) -> Any:
    """Return an image of a size that no call has seen, and the spec; a spec that no call has seen, if there is none."""
    if case.call != "new size":
        return None
    new = case.spec or dustaug.random_erasing((0.02, 0.33 - next(_numbers) * 1e-9), p=1, fill="constant", fill_value=0)
    return next(new_images), new


def _new_images() -> Iterator[Any]:
    pixels, n = np.full(_MOST * _MOST * 3, 100, np.uint8), _MOST - _LEAST + 1
    for number in np.random.default_rng(0).permutation(n * n).tolist():
        height, width = _LEAST + number // n, _LEAST + number % n
        yield pixels[: height * width * 3].reshape(height, width, 3)


if __name__ == "__main__":
    main()
