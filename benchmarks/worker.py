"""The program that ``--only peers`` runs in fresh processes: ``python -m benchmarks.worker REQUEST ANSWER`` (JSON)."""

from __future__ import annotations

import gc
import importlib
import json
import sys
import tracemalloc
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .checks import Refused, check, items_of
from .rivals.cases import Cannot, Case, Peer, Work
from .timing import Rival, race

__all__ = ["answer"]

_VERSIONS = ("albumentations", "albumentationsx", "torch", "torchvision", "timm", "kornia", "tensorflow", "keras")
_MANY_VERSIONS = (*_VERSIONS, "tensorflow-cpu", "opencv-python-headless", "numpy", "numba")


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Check or time the rivals of some modules, or measure their memory.

    Parameters
    ----------
    request : dict
        `modules` to import from ``benchmarks.rivals``, `cases`, `seconds` for each race, and `work`, one of
        ``"check"``, ``"time"`` and ``"memory"``.

    Returns
    -------
    dict
        `peers`: name, note and reason of each. `refused`: for each case and rival, why it does not take part. `found`:
        the result of the work for each case and rival. `versions`: the installed versions of the libraries.
    """
    peers = [
        peer for module in request["modules"] for peer in importlib.import_module(f"benchmarks.rivals.{module}").PEERS
    ]
    refused: dict[str, dict[str, str]] = {}
    found: dict[str, Any] = {}
    work = {"check": _check, "time": _time, "memory": _memory}[request["work"]]
    for case in (Case(*each) for each in request["cases"]):
        known = request.get("refused", {}).get(str(case), {})
        refused[str(case)] = {}
        bound = dict(_bind([peer for peer in peers if peer.name not in known], case, refused[str(case)]))
        found[str(case)] = work(bound, case, request["seconds"], refused[str(case)])
    installed = {each.metadata["Name"].lower().replace("_", "-"): each.version for each in metadata.distributions()}
    return {
        "peers": [{each: getattr(peer, each) for each in ("name", "note", "why", "library")} for peer in peers],
        "refused": refused,
        "found": found,
        "versions": {name: installed[name] for name in _MANY_VERSIONS if name in installed},
    }


def _bind(peers: list[Peer], case: Case, refused: dict[str, str]) -> Iterator[tuple[str, tuple[Peer, Work]]]:
    for peer in peers:
        try:
            yield peer.name, (peer, peer.bind(case))
        except Cannot as reason:  # noqa: PERF203
            refused[peer.name] = str(reason)


Bound = dict[str, tuple[Peer, Work]]


def _check(bound: Bound, case: Case, _: float, refused: dict[str, str]) -> dict[str, Any]:
    found = {}
    for name, (peer, work) in bound.items():
        try:
            found[name] = check(peer, work, case)._asdict()
        except Refused as reason:  # noqa: PERF203
            refused[name] = str(reason)
    return found


def _time(bound: Bound, case: Case, seconds: float, _: dict[str, str]) -> dict[str, list[float]]:
    images = case.make_images()
    rivals = {name: _rival(work, case, images) for name, (_, work) in bound.items()}
    times = race(rivals, case.n_images, seconds, n_runs=1, warmups=1)
    return {name: each.runs[0] for name, each in times.items()}


def _rival(work: Work, case: Case, images: Any) -> Rival:
    paint, items = work.paint, items_of(work, case, images)
    if len(items) == 1:
        return Rival(lambda _, item=items[0]: paint(item))

    def run(_: int) -> None:
        for item in items:
            paint(item)

    return Rival(run)


# ------------------------------------------------------------------------------------------------- memory


def _memory(bound: Bound, case: Case, _: float, __: dict[str, str]) -> dict[str, dict[str, float]]:
    """Return two peaks in bytes: the growth of the process, and what Python and NumPy allocate in a warm call.

    The growth is that of the first call on images of this size, after calls on small ones. TensorFlow keeps memory that
    it has allocated, so a later call would show nothing.
    """
    small, images = case._replace(side=32), case.make_images()
    found = {}
    for name, (peer, work) in {**bound, "a copy": _COPY}.items():
        warm = peer.bind(small)
        for item in 2 * items_of(warm, small, small.make_images()):
            warm.paint(item)
        item = items_of(work, case, images)[0]
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _status("VmHWM")
        work.paint(item)
        grown = _status("VmHWM") - before
        tracemalloc.start()
        work.paint(item)
        traced = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        found[name] = {"allocated": traced, "resident": grown, "images": images.nbytes}
    return found


_COPY = (Peer("a copy", lambda _: Work(np.copy), "", ""), Work(np.copy))


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def main() -> None:
    """Read the request, write the answer."""
    request, target = sys.argv[1:]
    found = answer(json.loads(Path(request).read_text(encoding="utf-8")))
    Path(target).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
