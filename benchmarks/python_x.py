"""Race rivals in a process of the Python that has AlbumentationsX, which cannot be installed beside Albumentations.

A module that has ``their_rivals()`` is run there as ``python -m benchmarks.MODULE SECONDS ANSWER`` (JSON).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import dustaug

from .report import Settings
from .timing import Rival, Times, race

__all__ = ["answer", "ask"]

Races = dict[str, dict[str, Times]]


def ask(settings: Settings, module: str, seconds: float, n_images: int = 1) -> tuple[Races, str]:
    """Race the rivals of a module there; return the times by race and rival, and the version of AlbumentationsX."""
    if not settings.python_x:
        return {}, ""
    paths = str(Path(dustaug.__file__).parents[1]), os.environ.get("PYTHONPATH", "")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "answer.json"
        command = [str(settings.python_x), "-m", module, str(settings.seconds(seconds)), str(target)]
        done = subprocess.run(  # noqa: S603
            command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"a worker must end well, got {done.returncode} from {command}:\n{done.stderr}")
        found = json.loads(target.read_text(encoding="utf-8"))
    races = {name: {row: Times(runs, n_images) for row, runs in each.items()} for name, each in found["runs"].items()}
    return races, found["version"]


def answer(races: Mapping[str, Mapping[str, Rival]], check: Callable[[str, Any], None], n_images: int = 1) -> None:
    """Check what each rival returns, race, and write the answer."""
    seconds, target = float(sys.argv[1]), Path(sys.argv[2])
    found: dict[str, dict[str, list[Any]]] = {}
    for name, rivals in races.items():
        for row, rival in rivals.items():
            check(row, rival.run(rival.prepare(0)))
        times = race(rivals, n_images, seconds)
        found[name] = {row: [list(run) for run in each.runs] for row, each in times.items()}
    target.write_text(json.dumps({"runs": found, "version": metadata.version("albumentationsx")}), encoding="utf-8")
