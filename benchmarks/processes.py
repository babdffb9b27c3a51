"""Measure what needs fresh processes: imports, compiling, and memory."""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dustaug

from .report import Section, Settings, Table, Target
from .starts import as_installed, measure, table

__all__ = ["memory", "processes"]

_IMPORT = """
import json, time
start = time.perf_counter()
import {module}
print(json.dumps(time.perf_counter() - start))
"""

# The clock of the system is the same in every process.
_FIRST_BATCH = """
import json, time
import numpy as np
import dustaug
dustaug.add_dust(np.zeros((32, 224, 224, 3), np.uint8), seed=0, index=0)
print(json.dumps(time.perf_counter()))
"""

_COMPILE = """
import json, time
start = time.perf_counter()
import numba
numba_done = time.perf_counter()
import dustaug, numpy as np
images = np.zeros((32, 224, 224, 3), np.uint8)
ready = time.perf_counter()
dustaug.add_dust(images, seed=0, index=0)
print(json.dumps([numba_done - start, time.perf_counter() - ready]))
"""

_MEMORY = """
import json, sys, tracemalloc
from pathlib import Path
import numpy as np
import dustaug

def highest():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

shape, fill, way = json.loads(sys.argv[1])
spec = dustaug.dust(fill=fill)
images = np.full(shape, 100, np.uint8)
dust = lambda index: dustaug.add_dust(images, spec, seed=0, index=index)
work = (lambda index: images.copy()) if way == "copy" else dust
dustaug.add_dust(np.zeros((1, 64, 64, 3), np.uint8), spec, seed=0, index=0)
if way != "copy":
    work(0)
before = highest()
work(1)
grown = highest() - before
tracemalloc.start()
work(2)
print(json.dumps([tracemalloc.get_traced_memory()[1], grown]))
"""


def _child(script: str, environment: Mapping[str, str], cache: str, *arguments: str) -> Any:
    """Run a script in a fresh Python with this cache of compiled code, and return the output."""
    command = [sys.executable, "-c", script, *arguments]
    environment = {**environment, "NUMBA_CACHE_DIR": cache}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)  # noqa: S603
    return json.loads(done.stdout)


def _spread(values: list[float], unit: float = 1e3) -> str:
    return f"{statistics.median(values) * unit:,.0f} ({min(values) * unit:,.0f}–{max(values) * unit:,.0f})"


def processes(settings: Settings) -> Section:
    """Measure imports, the start with a warm cache, and compiling with an empty one."""
    times: dict[str, list[float]] = {}
    source = Path(dustaug.__file__).parents[1]
    with as_installed(source) as environment:
        child = functools.partial(_child, environment=environment)
        with tempfile.TemporaryDirectory() as cache:
            for module in ("numpy", "dustaug"):
                child(_IMPORT.format(module=module), cache=cache)
            child(_FIRST_BATCH, cache=cache)
            for _ in range(settings.times(15)):
                for module in ("numpy", "dustaug"):
                    seconds = child(_IMPORT.format(module=module), cache=cache)
                    times.setdefault(f"import {module}", []).append(seconds)
            for _ in range(settings.times(9)):
                start = time.perf_counter()
                times.setdefault("start", []).append(child(_FIRST_BATCH, cache=cache) - start)
        for _ in range(settings.times(7, quick=1)):
            with tempfile.TemporaryDirectory() as cache:
                numba, compiling = child(_COMPILE, cache=cache)
                times.setdefault("import numba", []).append(numba)
                times.setdefault("compile", []).append(compiling)
    started = measure({"dustaug": source}, settings.times(5, quick=1))
    cpu, private = (statistics.median(started[what]["dustaug"]) for what in ("cpu", "memory"))
    pairs = zip(times["import dustaug"], times["import numpy"], strict=True)
    ratios = [ours / numpy for ours, numpy in pairs]
    ratio = statistics.median(ratios)
    names = {
        "import numpy": "`import numpy`, in a fresh process",
        "import dustaug": "`import dustaug`, in a fresh process (it imports NumPy)",
        "start": "start of Python to the first batch painted, kernel in the disk cache",
        "import numba": "`import numba`",
        "compile": "first `add_dust` with an empty cache, Numba imported before: compile, write the cache, paint",
    }
    compiling = statistics.median(times["compile"])
    return Section(
        title="Processes",
        note="The table gives the median (least–greatest) of fresh processes, in ms. The two imports take turns.",
        tables=[
            Table("", ("What", "ms"), [(text, _spread(times[name])) for name, text in names.items()]),
            table(started)._replace(
                caption="From the import of dustaug to a batch of 32 × 224 × 224 × 3, NumPy imported before. Private "
                "memory is what a process has written to and shares with no other."
            ),
        ],
        targets=[
            Target(
                "`import dustaug` at most 1.15 × `import numpy`",
                f"{ratio:.2f} ({min(ratios):.2f}–{max(ratios):.2f})",
                ratio <= 1.15,
            ),
            Target("warm process: at most 0.15 s of CPU above NumPy", f"{cpu:.3f} s", cpu <= 0.15),
            Target("warm process: at most 12 MiB of private memory above NumPy", f"{private:.1f} MiB", private <= 12),
            Target(
                "compile at most 2 s",
                f"{compiling:.2f} s",
                compiling <= 2,
                "The kernel computes places, logarithms and areas for any size; Numba compiles each of these functions "
                "on its own, and once more where it is used.",
            ),
        ],
        data={**times, "starts": started},
    )


_CASES = {
    "add_dust, 16 × 64 × 64 × 3": ((16, 64, 64, 3), "grey", "dust"),
    "add_dust, 1 × 4096 × 4096 × 3": ((1, 4096, 4096, 3), "grey", "dust"),
    'add_dust, fill="color", 1 × 4096 × 4096 × 3': ((1, 4096, 4096, 3), "color", "dust"),
    'add_dust, fill="noise", 1 × 4096 × 4096 × 3': ((1, 4096, 4096, 3), "noise", "dust"),
    'add_dust, fill="mean", 16 × 64 × 64 × 3': ((16, 64, 64, 3), "mean", "dust"),
    'add_dust, fill="mean", 1 × 4096 × 4096 × 3': ((1, 4096, 4096, 3), "mean", "dust"),
    "copy, 1 × 4096 × 4096 × 3, to see that it would show": ((1, 4096, 4096, 3), "grey", "copy"),
}


def memory(settings: Settings) -> Section:
    """Measure the memory that a call allocates: Python's count, and the peak of the process. This needs Linux."""
    if not Path("/proc/self/status").exists():
        return Section(title="Memory", note="Not measured: this needs Linux.", tables=[])
    with tempfile.TemporaryDirectory() as cache:
        names = [name for name in _CASES if not (settings.quick and "fill=" in name)]
        found = {name: _child(_MEMORY, os.environ, cache, json.dumps(_CASES[name])) for name in names}
    rows = [(name, f"{traced / 1024:,.1f}", f"{grown / 1024:,.0f}") for name, (traced, grown) in found.items()]
    small, large = (found[name][0] for name in list(_CASES)[:2])
    return Section(
        title="Memory",
        note="The table is for one warm call. It gives the peak that Python and NumPy allocate (tracemalloc), and the "
        "growth of the highest resident size of the process. The kernel itself needs a few KiB for any image size.",
        tables=[Table("", ("Call", "allocated, KiB", "resident, KiB"), rows)],
        targets=[
            Target(
                "nothing grows with the image",
                f"{small:,} bytes on 64 × 64, {large:,} bytes on 4096 × 4096",
                large <= small + 1024,
            )
        ],
        data=found,
    )
