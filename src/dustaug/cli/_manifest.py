"""``dustaug.json`` in OUT_DIR: what made the copies there, so that no other run mixes its own among them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dustaug import __version__

from ._files import write_file

NAME = "dustaug.json"

# What changes the pixels of a copy, and what to type for each value that another run had.
_KEYS = ("dustaug", "spec", "seed", "epoch", "guide_dir", "size", "value_range", "upright")


class Manifest:
    """The facts of a run, as they stand in its folder.

    Parameters
    ----------
    out_dir : Path
        Folder of the copies.
    options : str
        The options that make the spec.
    facts : mapping
        Values of `_KEYS`, all but the version. An `epoch` of None says that the names of the copies tell it.
    """

    def __init__(self, out_dir: Path, options: str, facts: Mapping[str, Any]) -> None:
        self.path = out_dir / NAME
        self._options = options
        # As JSON gives them back: tuples become lists.
        self._facts: dict[str, Any] = json.loads(json.dumps({"dustaug": __version__, **facts}))

    def check(self) -> bool:
        """Tell whether the folder has a manifest, or raise if that is of another kind of run.

        Raises
        ------
        ValueError
            If the folder holds copies that this run would not make.
        """
        try:
            text = self.path.read_text("utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return False
        except (OSError, ValueError) as error:
            raise ValueError(f"{self.path} must be readable, got {error}: name another OUT_DIR") from None
        try:
            found = {"guide_dir": None, **json.loads(text)}  # Older ones lack it.
            differing = [key for key in _KEYS if self._differs(key, found[key])]
        except (KeyError, TypeError, ValueError):
            raise ValueError(
                f"{self.path} must be what dustaug apply wrote, got something else: name another OUT_DIR"
            ) from None
        if differing:
            key = differing[0]
            theirs, ours, typed = self._describe(key, found)
            raise ValueError(
                f"copies in one folder must be of one kind, got {ours} for {self.path.parent}, which holds copies with "
                f"{theirs}: {typed}, or name another OUT_DIR"
            )
        if self._facts["epoch"] is None:
            self._facts["epoch"] = found["epoch"]
        return True

    def write(self, counts: Mapping[str, int] | None) -> None:
        """Write the manifest; without counts, as that of a run which has not ended."""
        content = {**self._facts, "options": self._options, "finished": counts is not None, "counts": counts or {}}
        write_file(self.path, (json.dumps(content, indent=2) + "\n").encode())

    def _differs(self, key: str, theirs: Any) -> bool:
        # Where the name of a copy tells its epoch, copies of several epochs may lie side by side.
        of_any_epoch = key == "epoch" and None in (theirs, self._facts["epoch"])
        return not of_any_epoch and bool(theirs != self._facts[key])

    def _describe(self, key: str, found: dict[str, Any]) -> tuple[str, str, str]:
        """Return what the folder has, what this run has, and what to type to go on with the folder's."""
        theirs, ours = found[key], self._facts[key]
        if key == "dustaug":
            return f"dustaug {theirs}", f"dustaug {ours}", f'type pip install "dustaug=={theirs}"'
        if key == "spec":
            was = str(found.get("options", ""))
            return (
                f"the options {was or '(none)'}",
                f"the options {self._options or '(none)'}",
                f"type {was}" if was else "leave the options of the dust out",
            )
        option = f"--{key.replace('_', '-')}"
        if key == "guide_dir":
            theirs, ours = (f"{option} {shlex.quote(str(folder))}" for folder in (theirs, ours))
            return theirs, ours, f"type {theirs}"
        if key == "upright":
            names = {True: "--upright", False: "--no-upright"}
            return names[bool(theirs)], names[bool(ours)], f"type {names[bool(theirs)]}"
        if key == "value_range":
            said = [
                f"{option} {' '.join(f'{number:g}' for number in value)}" if value else f"no {option}"
                for value in (theirs, ours)
            ]
            return said[0], said[1], f"type {said[0]}" if theirs else f"leave {option} out"
        return f"{key} {theirs}", f"{key} {ours}", f"type {option} {theirs}"
