"""Compare two builds of dustaug in turns: ``python -m benchmarks.builds OTHER/src``.

Each build runs in a process of its own, since Numba would take the records of two builds in one process for each other.
The two processes take turns, in short stretches, so that what disturbs the machine disturbs both alike.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dustaug

from .build_worker import CASES, SIDE
from .machine import describe
from .report import Section, Table, markdown
from .starts import N_WORKERS, measure, table
from .timing import Times

__all__ = ["compare", "starts"]


def compare(other: Path, rounds: int) -> Section:
    """Measure this build and another one, whose ``src`` folder is `other`."""
    sources = {"this": Path(dustaug.__file__).parents[1], "other": other.resolve(strict=True)}
    times: dict[str, dict[str, list[list[float]]]] = {case: {build: [] for build in sources} for case in CASES}
    with contextlib.ExitStack() as stack:
        workers = {build: stack.enter_context(_worker(source)) for build, source in sources.items()}
        for turn in range(rounds):
            for case, found in times.items():
                for build in list(workers) if turn % 2 else list(workers)[::-1]:
                    found[build].append(_ask(workers[build], case))
    measured = {
        case: {build: Times(runs, CASES[case].n) for build, runs in found.items()} for case, found in times.items()
    }
    rows = [(case, str(each["this"]), str(each["other"]), _ratio(each)) for case, each in measured.items()]
    note = (
        f"µs per image of {SIDE} × {SIDE} × 3, NHWC, or of a new size of 300–1,024 pixels a side: median, with the "
        "first and third quartile. The first ratio is that of the fastest tenths, which a busy machine disturbs least; "
        "the second is that of the medians."
    )
    table = Table("", ("Case", "this build", "the other build", "this / other"), rows)
    return Section(title="Two builds", note=note, tables=[table], data=measured)


def starts(other: Path, rounds: int, n_workers: int = N_WORKERS) -> Section:
    """Measure what a process pays until its first batch, with this build and another one."""
    sources = {"this build": Path(dustaug.__file__).parents[1], "the other build": other.resolve(strict=True)}
    found = measure(sources, rounds, n_workers)
    note = (
        f"Median (least–greatest) of {rounds} rounds, in turns, each with a cache of its own. Private memory is what "
    )
    note += "a process has written to and shares with no other."
    return Section(title="Starts of two builds", note=note, tables=[table(found)], data=found)


def _ratio(times: dict[str, Times]) -> str:
    fastest = [float(times[build].benchmark.percentile(10)) for build in ("this", "other")]
    return f"{fastest[0] / fastest[1]:.3f}; {times['this'].median / times['other'].median:.3f}"


@contextlib.contextmanager
def _worker(source: Path) -> Iterator[subprocess.Popen[str]]:
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPATH": str(source), "NUMBA_CACHE_DIR": cache}
        command = [sys.executable, str(Path(__file__).with_name("build_worker.py"))]
        with subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as worker:
            assert worker.stdout is not None  # noqa: S101
            if Path(worker.stdout.readline().strip()) != source:
                raise RuntimeError(f"dustaug must be importable from {source}: type the src folder of a checkout")
            yield worker
            worker.terminate()


def _ask(worker: subprocess.Popen[str], case: str) -> list[float]:
    assert worker.stdin is not None and worker.stdout is not None  # noqa: S101, PT018
    worker.stdin.write(case + "\n")
    worker.stdin.flush()
    found: list[float] = json.loads(worker.stdout.readline())
    return found


def main() -> None:
    """Compare, and print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.builds", description=__doc__)
    parser.add_argument("other", type=Path, help="the src folder of another checkout, as git worktree makes one")
    parser.add_argument("--rounds", type=int, default=40, help="turns of each build (40)")
    parser.add_argument("--starts", action="store_true", help="measure the starts of processes only")
    options = parser.parse_args()
    print(markdown(describe()))
    if not options.starts:
        print(markdown(compare(options.other, options.rounds)))
    print(markdown(starts(options.other, max(1, options.rounds // 8))))


if __name__ == "__main__":
    main()
