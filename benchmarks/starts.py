"""Measure what a process pays until its first batch is painted: compiling, a warm start, sixteen workers at once."""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .report import Table

__all__ = ["N_WORKERS", "WHAT", "as_installed", "measure", "table"]

N_WORKERS = 16

# NumPy is imported, and the images are written, before the clock starts. A worker waits until all have painted.
_PROGRAM = """
import json, sys, time
from pathlib import Path
import numpy as np

def private():
    path = Path("/proc/self/smaps_rollup")
    lines = path.read_text(encoding="ascii").splitlines() if path.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))

images = np.full((32, 224, 224, 3), 100, np.uint8)
memory, cpu = private(), time.process_time()
import dustaug
dustaug.add_dust(images, seed=0, index=0)
cpu = time.process_time() - cpu
print(json.dumps([cpu, private() - memory]), flush=True)
sys.stdin.read()
"""

# What is measured, and its unit.
WHAT = {
    "compile": ("first process, empty cache: CPU from `import dustaug` to the first batch", "s"),
    "cpu": ("warm process: CPU from `import dustaug` to the first batch", "s"),
    "memory": ("warm process: private memory above that of NumPy and the images", "MiB"),
    "workers": (f"{N_WORKERS} processes at once: time until all have painted a batch", "s"),
    "workers memory": (f"{N_WORKERS} processes at once: their private memory in sum", "MiB"),
}


def measure(sources: Mapping[str, Path], rounds: int, n_workers: int = N_WORKERS) -> dict[str, dict[str, list[float]]]:
    """Measure builds in turns, each given by its ``src`` folder; private memory is known on Linux only.

    Returns
    -------
    dict
        For each line of `WHAT` and each build, a number for each round.
    """
    found: dict[str, dict[str, list[float]]] = {what: {build: [] for build in sources} for what in WHAT}
    with contextlib.ExitStack() as stack:
        environments = {build: stack.enter_context(as_installed(source)) for build, source in sources.items()}
        for _ in range(rounds):
            for build, installed in environments.items():
                with tempfile.TemporaryDirectory() as cache:
                    environment = {**installed, "NUMBA_CACHE_DIR": cache}
                    [(compiling, _)], _ = _run(environment, 1)
                    [(cpu, memory)], _ = _run(environment, 1)
                    each, seconds = _run(environment, n_workers)
                numbers = (compiling, cpu, memory / 1024, seconds, sum(kib for _, kib in each) / 1024)
                for what, number in zip(WHAT, numbers, strict=True):
                    found[what][build].append(number)
    return found


@contextlib.contextmanager
def as_installed(source: Path) -> Iterator[dict[str, str]]:
    """Give the environment of processes that import a copy of a build, with its bytecode on disk.

    Installed packages have their bytecode there; a checkout may not get any.
    """
    with tempfile.TemporaryDirectory() as folder:
        package = shutil.copytree(source / "dustaug", Path(folder, "dustaug"))
        compileall.compile_dir(package, quiet=1)
        yield {**os.environ, "PYTHONPATH": folder}


def _run(environment: dict[str, str], n: int) -> tuple[list[tuple[float, float]], float]:
    """Start processes, and return what each has measured, and the seconds until the last one had painted."""
    began = time.perf_counter()
    processes = [
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", _PROGRAM], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(n)
    ]
    answers = [json.loads(process.stdout.readline()) for process in processes if process.stdout is not None]
    seconds = time.perf_counter() - began
    for process in processes:
        process.communicate()
    return answers, seconds


def table(found: Mapping[str, Mapping[str, list[float]]]) -> Table:
    """Return a row for each line of `WHAT`; with two builds, the last column has the ratio of their medians."""
    builds = list(next(iter(found.values())))
    rows = []
    for what, each in found.items():
        text, unit = WHAT[what]
        medians = [_median(each[build]) for build in builds]
        ratio = (f"{medians[0] / medians[1]:.3f}",) if len(builds) == 2 and medians[1] else ()
        rows.append((f"{text}, {unit}", *(_spread(each[build]) for build in builds), *ratio))
    header = ("What", *builds, *(("ratio",) if len(builds) == 2 else ()))
    return Table("", header, rows)


def _median(values: Iterable[float]) -> float:
    ordered: list[Any] = sorted(values)
    return float(ordered[len(ordered) // 2])


def _spread(values: list[float]) -> str:
    return f"{_median(values):.3g} ({min(values):.3g}–{max(values):.3g})"
