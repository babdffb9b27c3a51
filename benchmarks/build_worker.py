"""One of the builds that ``benchmarks.builds`` compares; it runs with any build, so it imports no other benchmark."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import dustaug

__all__ = ["CASES", "SIDE"]

SIDE = 224
# How many calls a stretch has, and what a call is.
CASES = {
    "one image": (50, 1, "uint8", "add_dust"),
    "one image, no seed": (50, 1, "uint8", "add_dust, no seed"),
    "one image, DustStream": (50, 1, "uint8", "DustStream"),
    "one image, float32": (50, 1, "float32", "add_dust"),
    "batch of 8": (20, 8, "uint8", "add_dust"),
    "batch of 32": (8, 32, "uint8", "add_dust"),
    "batch of 256": (1, 256, "uint8", "add_dust"),
}


def main() -> None:
    """Answer each case on standard input with the seconds per image of twenty stretches."""
    print(Path(dustaug.__file__).parents[1], flush=True)
    images: dict[Any, Any] = {}
    stream, first = dustaug.DustStream(seed=0), 0
    for line in sys.stdin:
        calls, n, dtype, name = CASES[line.strip()]
        batch = images.setdefault((n, dtype), np.full((n, SIDE, SIDE, 3), 100 if dtype == "uint8" else 0.25, dtype))
        batch = batch[0] if n == 1 else batch
        call = {
            "add_dust": lambda index, batch=batch: dustaug.add_dust(batch, seed=0, index=index),
            "add_dust, no seed": lambda _, batch=batch: dustaug.add_dust(batch),
            "DustStream": lambda _, batch=batch: stream(batch),
        }[name]
        call(first)
        found = []
        for _ in range(20):
            began = time.perf_counter_ns()
            for index in range(first, first + calls * n, n):
                call(index)
            found.append((time.perf_counter_ns() - began) / 1e9 / calls / n)
            first += calls * n
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
