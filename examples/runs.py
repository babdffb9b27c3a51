"""What the examples share as programs: lists of arms and seeds, a folder of results, a bar, and runs that go on."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dustaug._extras import name_extra

with name_extra("cli", "dustaug.examples", "rich", "typer"):
    import typer
    from rich.console import Console
    from rich.progress import Progress

__all__ = [
    "Reporter",
    "check_settings",
    "choose",
    "choose_seeds",
    "read_finished",
    "start",
    "take_folder",
    "write_json",
]


def start(run: Callable[..., None]) -> None:
    """Run the command line of an example; what the user must mend ends it with one line."""
    name = Path(run.__code__.co_filename).stem

    @functools.wraps(run)
    def stoppable(**options: Any) -> None:
        try:
            run(**options)
        except KeyboardInterrupt:
            typer.echo(f"{name}: stopped: type the same command with --resume to go on", err=True)
            raise

    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(stoppable)
    try:
        app()
    except (ValueError, OSError) as problem:
        sys.exit(f"{name}: {problem}")


def choose(name: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a list with commas, each once, all of which must be known."""
    chosen = tuple(dict.fromkeys(_split(text)))
    if not chosen or not set(chosen) <= set(known):
        raise typer.BadParameter(f"{name} must be of {', '.join(known)}, got {text!r}: type --{name} {known[0]}")
    return chosen


def choose_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of a list with commas, each once."""
    chosen = _split(text)
    if not chosen or not all(seed.isascii() and seed.isdecimal() and int(seed) < 10**9 for seed in chosen):
        raise typer.BadParameter(
            f"seeds must be whole numbers below {10**9} with commas, got {text!r}: type --seeds 0,1,2"
        )
    return tuple(dict.fromkeys(map(int, chosen)))


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


class Reporter:
    """A bar on a terminal, and lines where the error stream is a pipe or a file.

    Parameters
    ----------
    console : rich.console.Console
        Where to write.
    total : int
        Number of steps.

    Attributes
    ----------
    bar : rich.progress.Progress
        A context manager that shows the bar.
    """

    def __init__(self, console: Console, total: int) -> None:
        self._console, self._live = console, console.is_terminal
        self.bar = Progress(*Progress.get_default_columns(), console=console, disable=not self._live)
        self._task = self.bar.add_task("", total=total)

    def say(self, line: str) -> None:
        """Show a line without a step."""
        self.advance(0, line)

    def advance(self, steps: int, line: str, *, log: bool = True) -> None:
        """Go some steps on, and show a line; without `log` on the bar only."""
        self.bar.update(self._task, advance=steps, description=line)
        if log and not self._live:
            self._console.print(line, highlight=False, soft_wrap=True)


def take_folder(out: Path, *, resume: bool) -> None:
    """Make the folder of the results, or refuse one that holds another run."""
    trainings = out / "trainings"
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out must be a folder, got the file {out}: type --out with another name")
    if not resume and ((out / "results.json").exists() or any(trainings.glob("*.json"))):
        raise ValueError(
            f"{out} must hold no results of another run, which would be overwritten: type --out with another "
            "folder, or --resume to continue that run"
        )
    try:
        trainings.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ValueError(
            f"--out must be a folder that can be written, got {out} ({problem.strerror}): type --out with another name"
        ) from problem


def write_json(path: Path, content: Any) -> None:
    """Write a file whole, or not at all if the program is stopped meanwhile."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def read_finished(path: Path, settings: Any) -> dict[str, Any] | None:
    """Return what a finished training wrote, or None if there is none; it must have the same settings."""
    if not path.exists():
        return None
    try:
        done: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found, _ = done["settings"], done["result"]
    except (ValueError, KeyError, TypeError) as problem:
        raise ValueError(
            f"{path} must be the record of a finished training, got one that cannot be read: delete it, and it is made "
            "anew"
        ) from problem
    check_settings(path, found, settings)
    return done


def check_settings(path: Path, found: Any, settings: Any) -> None:
    """Refuse to go on from a file of other settings; `found` are those of the file, as JSON has them."""
    found, asked = _flat(found or {}), _flat(json.loads(json.dumps(settings or {})))
    if found != asked:
        others = [
            f"{name} {found.get(name)} instead of {asked.get(name)}"
            for name in dict.fromkeys((*asked, *found))
            if found.get(name) != asked.get(name)
        ]
        raise ValueError(
            f"{path} must be of the same settings for --resume, got {', '.join(others)}: type those, or another --out"
        )


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings without those inside others, as the versions of libraries are."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat.update(value if isinstance(value, dict) else {name: value})
    return flat
