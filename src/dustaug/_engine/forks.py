"""What a fork must wait for."""

from __future__ import annotations

import os
import threading

# Held wherever a child would hang or go wrong if another thread forked in between: late imports, compiling, counting.
# A fork waits until it is free, so that no child inherits what nobody finishes.
fork_lock = threading.RLock()
# Longer than anybody holds it. A fork that cannot have it after so many seconds goes on without.
_LONGEST = 60.0

_acquired: list[bool] = []


def _before_fork() -> None:
    _acquired.append(fork_lock.acquire(timeout=_LONGEST))


def _after_fork() -> None:
    if _acquired.pop():
        fork_lock.release()


def wait_at_forks() -> None:
    """Let forks wait for the lock, before they take any other lock whose module is imported by now."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


wait_at_forks()
