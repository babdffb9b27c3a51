"""Threads that help with a batch."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable
from typing import Any

from .checks import MAX_THREADS, check_threads
from .forks import fork_lock

_pools: list[Any] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pools.clear)  # A child has the pool, but not its threads.


def run_on_threads(dust_part: Callable[[int, int], None], n: int, num_threads: int, owner: Any = None) -> None:
    """Dust n images in parts, one for each thread: the kernel releases the GIL.

    Numba's own threads would not survive a fork, or two Python threads at once.

    Parameters
    ----------
    dust_part : callable
        ``dust_part(start, stop)`` dusts some of the images.
    owner : object, optional
        What keeps the images alive as long as a thread is at work.
    """
    num_threads = max(1, min(check_threads(num_threads), n))
    parts = list(itertools.pairwise(n * part // num_threads for part in range(num_threads + 1)))
    if num_threads == 1:
        dust_part(*parts[0])
        return
    job = _Job(dust_part, parts, owner)
    # Whatever is raised, and as often as it is raised (each Ctrl+C raises anew), no thread is left at work: each of
    # these waits for all, also while an exception is on its way.
    try:
        try:
            try:
                job.hand_out(num_threads - 1)
                job.work()
            finally:
                job.close()
        finally:
            job.close()
    finally:
        job.close()
    if job.errors:
        raise job.errors[0]


class _Job:
    """Parts that the calling thread and helpers take in turn, until there are none.

    A helper that starts late, or never, finds nothing left to do: the calling thread does what nobody took.
    Deques are used without locks, so that an exception in between leaves none locked.
    """

    def __init__(self, dust_part: Callable[[int, int], None], parts: list[tuple[int, int]], owner: Any) -> None:
        with fork_lock:
            from queue import SimpleQueue

        self._dust_part, self._parts, self._owner = dust_part, deque(parts), owner
        self._started: deque[None] = deque()
        self._ended: deque[None] = deque()
        self._news: SimpleQueue[None] = SimpleQueue()
        self.errors: list[BaseException] = []

    def hand_out(self, n_helpers: int) -> None:
        """Ask other threads for help; a process may be forbidden to start them."""
        pool = _pool()
        try:
            for _ in range(n_helpers):
                pool.submit(self.help)
        except RuntimeError:  # Can't start new thread: those that run are enough.
            return

    def work(self) -> None:
        """Dust parts until there are none."""
        while self._parts:
            try:
                part = self._parts.popleft()
            except IndexError:  # A helper took the last.
                return
            self._dust_part(*part)

    def help(self) -> None:
        """Do what `work` does, on another thread."""
        # Counted before a part is taken, so that `close` sees everybody who has one.
        self._started.append(None)
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001  The calling thread raises it.
            self.errors.append(error)
        finally:
            self._ended.append(None)
            self._news.put(None)

    def close(self) -> None:
        """Leave what nobody has taken, and wait for those who are at work."""
        self._parts.clear()
        raised: BaseException | None = None
        while len(self._ended) < len(self._started):
            raised = self._wait() or raised
        if raised is not None:
            raise raised

    def _wait(self) -> BaseException | None:
        """Wait until a helper has ended, and return what was raised instead: the images are not free yet."""
        try:
            self._news.get()
        except BaseException as error:  # noqa: BLE001
            return error
        return None


def _pool() -> Any:
    """Return the one pool of this process; it starts a thread only if none is idle."""
    with fork_lock:
        if not _pools:
            from concurrent.futures import ThreadPoolExecutor

            _pools.append(ThreadPoolExecutor(MAX_THREADS, "dustaug"))
        return _pools[0]
