"""Describe the machine and the versions of a measurement."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import dustaug

from .report import Section, Table
from .twin import COMPILER, FLAGS

__all__ = ["cores", "describe"]


def describe() -> Section:
    """Return the processor, the caches, and the versions of Python, the libraries and the compiler."""
    facts = {
        "Processor": f"{_processor()}, {cores()} cores to use",
        "Caches": _caches(),
        "System": f"{platform.system()} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: metadata.version(name) for name in ("numpy", "numba", "llvmlite", "pyperf")},
        "dustaug": dustaug.__version__,
        "C compiler": f"{_compiler()}, {' '.join(FLAGS[:2])}",
    }
    table = Table("", ("What", "Which"), list(facts.items()))
    return Section(title="Machine", note="", tables=[table], data=facts)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in path.read_text().split("\n\n")[0].splitlines() if ":" in line)
    known = {name.strip(): value.strip() for name, value in fields.items()}
    model = known.get("model name", platform.machine())
    return f"{model} (family {known['cpu family']}, model {known['model']})" if "cpu family" in known else model


def _caches() -> str:
    found = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found) or "unknown"


def _compiler() -> str:
    try:
        done = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    except OSError:
        return f"no {COMPILER}"
    return done.stdout.splitlines()[0]
