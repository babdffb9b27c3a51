"""Compare dustaug with every library that paints rectangles: the same work, checked, in turns, in fresh processes.

Like pyperf, this starts several processes, because chance (for instance the addresses of its memory) affects a process
for its whole life. Unlike in pyperf, the rivals take turns within each process; `timing.py` says why. AlbumentationsX
cannot be installed beside Albumentations. It runs in processes of another Python, between the other processes, and is
compared with dustaug in these processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import dustaug

from .report import Section, Settings, Table
from .rivals.cases import CASES, IN_A_ROW, MANY_COUNT, MANY_SIDE, ONE_AREA, Case
from .rivals.own import DUSTAUG
from .timing import Ratio, Times

__all__ = ["peers"]


class _Library(NamedTuple):
    """A module of ``rivals``, the distributions that it needs, its row, and how to install it."""

    module: str
    needs: tuple[str, ...]
    row: str
    missing: str


_HERE = [_Library("own", (), DUSTAUG, ""), _Library("plain", (), "C twin", "")]
_LIBRARIES = [
    _Library(
        "albumentations", ("albumentations",), "Albumentations CoarseDropout", "pip install albumentations==2.0.8"
    ),
    _Library("torchvision", ("torchvision",), "torchvision RandomErasing", "pip install torchvision"),
    _Library("timm", ("timm",), "timm RandomErasing", "pip install timm"),
    _Library("kornia", ("torchvision", "kornia"), "kornia RandomErasing", "pip install kornia torchvision"),
    _Library("keras", ("keras", "tensorflow"), "keras RandomErasing", "pip install keras tensorflow"),
]
_X = _Library(
    "albumentations",
    ("albumentationsx",),
    "AlbumentationsX CoarseDropout",
    "pip install albumentationsx torch opencv-python-headless numba pyperf into an environment of its own, and name "
    "its Python with --python-x",
)
# These are the same package, published for different machines.
_ALIASES = {"tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tensorflow-rocm")}

_PROCESSES, _SECONDS, _QUICK_SIDE = 3, 0.6, 224
# Every library gets one thread, as in a worker of a data loader. Freed memory of 64 KiB and more is returned to the
# system, so the next call has to allocate it again.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"
)
_RETURN_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "65536"}


class _Environment(NamedTuple):
    """A Python, and the modules of ``rivals`` that it measures."""

    python: str
    modules: list[str]

    def ask(self, cases: Iterable[Case], work: str, seconds: float = 0, refused: Any = None) -> dict[str, Any]:
        """Do this work in a fresh process."""
        request = {"modules": self.modules, "cases": list(cases), "work": work, "seconds": seconds}
        path = os.pathsep.join([str(Path(dustaug.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, **_ONE_THREAD, **(_RETURN_MEMORY if work == "memory" else {})}
        with tempfile.TemporaryDirectory() as folder:
            question, answer = Path(folder) / "request.json", Path(folder) / "answer.json"
            question.write_text(json.dumps({**request, "refused": refused or {}}), encoding="utf-8")
            command = [self.python, "-m", "benchmarks.worker", str(question), str(answer)]
            root = Path(__file__).parents[1]
            done = subprocess.run(  # noqa: S603
                command, env=environment, cwd=root, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise RuntimeError(f"a worker must end well, got {done.returncode} from {command}:\n{done.stderr}")
            return json.loads(answer.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


class _Measured(NamedTuple):
    """The results of one environment, by case and rival."""

    peers: list[dict[str, str]]
    versions: dict[str, str]
    refused: dict[str, dict[str, str]]
    checked: dict[str, dict[str, dict[str, Any]]]
    times: dict[str, dict[str, Times]]
    memory: dict[str, dict[str, dict[str, float]]]


def peers(settings: Settings, cases: list[Case] | None = None) -> Section:
    """Check and time all rivals that are installed, measure their memory, and name the others."""
    cases = cases or [case for case in CASES if not (settings.quick and case.side > _QUICK_SIDE)]
    here = [library for library in _LIBRARIES if _installed(library)]
    environments = [_Environment(sys.executable, [library.module for library in (*_HERE, *here)])]
    missing = [library for library in _LIBRARIES if library not in here]
    if settings.python_x:
        environments.append(_Environment(settings.python_x, ["own", "albumentations"]))
    else:
        missing.append(_X)
    measured = _measure(environments, cases, settings)
    ratios = {
        str(case): {
            name: times.ratio(each.times[str(case)][DUSTAUG])
            for each in measured
            for name, times in each.times[str(case)].items()
        }
        for case in cases
    }
    # The tables show dustaug in the first environment.
    merged = {
        str(case): {k: v for each in reversed(measured) for k, v in each.times[str(case)].items()} for case in cases
    }
    refused = {str(case): {k: v for each in measured for k, v in each.refused[str(case)].items()} for case in cases}
    known = {peer["name"]: peer for each in measured for peer in each.peers}
    names = [*known, *(library.row for library in missing)]
    libraries = {name: peer["library"] for name, peer in known.items()}
    return Section(
        title="Peers",
        note=_NOTE.format(processes=settings.times(_PROCESSES, quick=1)),
        tables=[
            _who(measured, known, missing),
            _overview(known, cases, ratios),
            *_times_tables(names, cases, merged, ratios, refused, libraries),
            *_memory_tables(measured),
        ],
        reasons={name: peer["why"] for name, peer in known.items()},
        data={
            "versions": [each.versions for each in measured],
            "missing": {library.row: library.missing for library in missing},
            "libraries": libraries,
            "refused": refused,
            "checked": [each.checked for each in measured],
            "times": merged,
            "ratios": ratios,
            "memory": [each.memory for each in measured],
        },
    )


_NOTE = (
    "Every rival paints black rectangles on noise, on one thread. **One rectangle** is the rectangle of Random "
    f"Erasing: {ONE_AREA[0]:.0%} to {ONE_AREA[1]:.0%} of the image. **Many** are {MANY_COUNT[0]}–{MANY_COUNT[1]} "
    f"rectangles with sides of {MANY_SIDE[0]}–{MANY_SIDE[1]} pixels, for every image size; a library that paints one "
    f"rectangle per call is called {IN_A_ROW} times. "
    "A cell gives the median time in µs per image, with the first and third quartile, from {processes} processes. "
    "After it stands its ratio to the time of `dustaug.add_dust` in the same process, in bold if the rival is faster. "
    "An adapter of dustaug has a second ratio, in bold, if it takes longer than its own library: the ratio to the time "
    "of that library."
)


def _installed(library: _Library) -> bool:
    def has(name: str) -> bool:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            return False
        return True

    return all(any(has(alias) for alias in _ALIASES.get(name, (name,))) for name in library.needs)


def _measure(environments: list[_Environment], cases: list[Case], settings: Settings) -> list[_Measured]:
    checks = [each.ask(cases, "check") for each in environments]
    print("peers: checked", file=sys.stderr)
    runs: list[list[dict[str, Any]]] = [[] for _ in environments]
    for number in range(settings.times(_PROCESSES, quick=1)):
        for environment, check, found in zip(environments, checks, runs, strict=True):
            found.append(environment.ask(cases, "time", settings.seconds(_SECONDS), check["refused"])["found"])
        print(f"peers: timed, {number + 1}", file=sys.stderr)
    chosen = _memory_cases(cases)
    weights = [
        each.ask(chosen, "memory", refused=check["refused"])["found"]
        for each, check in zip(environments, checks, strict=True)
    ]
    return [
        _Measured(check["peers"], check["versions"], check["refused"], check["found"], _times(found, cases), weight)
        for check, found, weight in zip(checks, runs, weights, strict=True)
    ]


def _memory_cases(cases: list[Case]) -> list[Case]:
    """Return the largest batches of two kinds. Only Linux can measure their memory."""
    if not Path("/proc/self/clear_refs").exists():
        return []
    side = max(case.side for case in cases)
    wanted = (Case("batch", "many", *each, side) for each in (("NHWC", "uint8"), ("NCHW", "float32")))
    return [case for case in wanted if case in cases]


def _times(runs: list[dict[str, Any]], cases: list[Case]) -> dict[str, dict[str, Times]]:
    return {
        str(case): {name: Times([run[str(case)][name] for run in runs], case.n_images) for name in runs[0][str(case)]}
        for case in cases
    }


# ------------------------------------------------------------------------------------------------- tables

_RECTANGLES = {"one": "one rectangle", "many": f"{MANY_COUNT[0]}–{MANY_COUNT[1]} rectangles"}
_CALLS = {"image": "one image a call", "batch": "one batch a call"}


def _who(measured: list[_Measured], known: dict[str, dict[str, str]], missing: list[_Library]) -> Table:
    in_place: dict[str, set[bool]] = {}
    for each in measured:
        for found in each.checked.values():
            for name, finding in found.items():
                in_place.setdefault(name, set()).add(finding["in_place"])
    seen = {frozenset({True}): "yes", frozenset({False}): "no", frozenset({True, False}): "in some cases"}
    rows = [(name, seen.get(frozenset(in_place.get(name, ())), "–"), peer["note"]) for name, peer in known.items()]
    rows += [(library.row, "–", f"not installed: `{library.missing}`") for library in missing]
    listed = "; ".join(", ".join(f"{name} {version}" for name, version in each.versions.items()) for each in measured)
    return Table(f"The rivals, and how each is called. Versions: {listed}.", ("Rival", "In place", "How"), rows)


def _span(ratios: list[Ratio]) -> str:
    if not ratios:
        return "–"
    low, high = (f"{value:,.2g}" if value < 10 else f"{value:,.0f}" for value in _ends(ratios))
    return f"{low}–{high}"


def _ends(ratios: list[Ratio]) -> tuple[float, float]:
    values = [ratio.value for ratio in ratios]
    return min(values), max(values)


def _overview(known: dict[str, Any], cases: list[Case], ratios: dict[str, dict[str, Ratio]]) -> Table:
    kinds = list(dict.fromkeys((case.call, case.rectangles) for case in cases))
    rows = [
        (
            name,
            *(
                _span(
                    [ratios[str(c)][name] for c in cases if (c.call, c.rectangles) == kind and name in ratios[str(c)]]
                )
                for kind in kinds
            ),
        )
        for name in known
        if name != DUSTAUG
    ]
    header = tuple(f"{_CALLS[call]}, {_RECTANGLES[rectangles]}" for call, rectangles in kinds)
    return Table(
        "At a glance: the time of each rival divided by the time of dustaug, the least and the greatest ratio of all "
        "sizes, dtypes and layouts.",
        ("Rival", *header),
        rows,
    )


def _times_tables(
    names: list[str],
    cases: list[Case],
    times: Any,
    ratios: dict[str, dict[str, Ratio]],
    refused: Any,
    libraries: dict[str, str],
) -> Iterable[Table]:
    for group in dict.fromkeys((case.call, case.rectangles, case.layout) for case in cases):
        columns = [case for case in cases if (case.call, case.rectangles, case.layout) == group]
        label = f"{_CALLS[group[0]]}, {_RECTANGLES[group[1]]}, {group[2]}"
        rows = [
            (name, *(_cell(name, str(case), times, ratios, refused, libraries) for case in columns)) for name in names
        ]
        header = tuple(f"{case.dtype}, {_size(case)}" for case in columns)
        yield Table(f"{label[0].upper()}{label[1:]}.", ("Rival", *header), rows, label=label)


def _size(case: Case) -> str:
    return f"{case.n_images} × {case.side}²" if case.call == "batch" else f"{case.side}²"


def _cell(
    name: str,
    case: str,
    times: Any,
    ratios: dict[str, dict[str, Ratio]],
    refused: Any,
    libraries: dict[str, str],
) -> str:
    if name not in times[case]:
        return f"– {refused[case].get(name, 'not installed')}"
    if name == DUSTAUG:
        return str(times[case][name])
    value, library = ratios[case][name].value, libraries[name]
    if not library:
        return f"{times[case][name]} · {f'**{_so_many(value)}**' if value < 1 else _so_many(value)}"
    # The adapters of dustaug do more than add_dust. Their rival is the library that they are made for.
    cell = f"{times[case][name]} · {_so_many(value)}"
    if library in times[case] and (more := times[case][name].ratio(times[case][library]).value) > 1:
        cell += f" · **{_so_many(more)} {library}**"
    return cell


def _so_many(value: float) -> str:
    return f"{value:,.0f} ×" if value >= 20 else f"{value:.2g} ×"


def _memory_tables(measured: list[_Measured]) -> Iterable[Table]:
    for case in measured[0].memory:
        rows = [
            (
                name,
                f"{found['allocated'] / 1024:,.1f}",
                f"{found['resident'] / 1024:,.0f}",
                f"{max(found['allocated'], found['resident']) / found['images']:.2f}",
            )
            for position, each in enumerate(measured)
            for name, found in each.memory[case].items()
            if position == 0 or name not in measured[0].memory[case]
        ]
        yield Table(
            f"Memory ({case}): the peak that Python and NumPy allocate in a warm call (tracemalloc), the growth of the "
            "highest resident size of the process in the first call on images of this size, and the larger of the two "
            "as a share of the batch.",
            ("Rival", "allocated, KiB", "resident, KiB", "of the batch"),
            rows,
        )
