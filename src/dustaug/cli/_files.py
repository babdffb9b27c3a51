"""Writing files whole, and removing what a killed run left unfinished."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import secrets
import sys
import time
from pathlib import Path

_UNFINISHED = re.compile(r"\.dustaug-([0-9a-f]{8})-(\d+)-[0-9a-f]{16}\.tmp")
_DAY = 24 * 60 * 60


def write_file(path: Path, content: bytes) -> None:
    """Write a file atomically: at every moment `path` is a complete file or does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".dustaug-{_machine()}-{os.getpid()}-{secrets.token_hex(8)}.tmp")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> int:
    """Remove what runs that are over left unfinished in a folder, and return how many files that were.

    Must be called before this process writes. A run on another machine may be under way, so its files stay for a day.
    """
    removed = 0
    try:
        found = [(path, match) for path in folder.iterdir() if (match := _UNFINISHED.fullmatch(path.name))]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return 0  # Writing there says why.
    for path, match in found:
        machine, process = match.groups()
        # Another run may remove it at the same time; Windows keeps what is open.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            is_old = time.time() - path.stat().st_mtime > _DAY
            if is_old or (machine == _machine() and not _is_running(int(process))):
                path.unlink()
                removed += 1
    return removed


def _machine() -> str:
    return hashlib.blake2b(platform.node().encode(), digest_size=4).hexdigest()


def _is_running(process: int) -> bool:
    if sys.platform == "win32" or process == os.getpid():
        return False  # Windows refuses to remove a file that is open, and this process has none yet.
    try:
        os.kill(process, 0)  # Signal 0 asks, and does nothing.
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
