"""Which pass of a data loader asks for a sample, what is shared between its workers, and where dust must repeat."""

from __future__ import annotations

import sys
import threading
import warnings
import weakref
from typing import Any, NamedTuple

import torch
from torch.utils.data import get_worker_info

# A process that reads this many times the samples of a data set in one pass of a loader has a loader that never ends.
MOST_READS = 4
# A worker has fewer batches before it than this, once its pass has ended.
MOST_PREFETCHED = 32


class Pass(NamedTuple):
    """One pass of a data loader: the loader's base seed, and how often these workers have begun anew before."""

    base_seed: int
    number: int


class PassFinder(threading.local):
    """Finds the pass that asks for a sample.

    A loader draws a base seed from torch's generator for each pass, the same for all its workers. Workers that live on
    keep theirs, but get a new fetcher. Neither reaches a data set, so the fetcher is looked for on the stack. Where
    another loader has none, the pass of a worker is known by its seed alone, and in the main process there is none.
    """

    def __init__(self) -> None:
        self.found: Pass | None = None
        self.reads = self.calls = 0
        self._worker: Any = None
        self._fetcher: weakref.ref[Any] | None = None

    def find(self, n_reads: int) -> Pass | None:
        """Return the pass that asks for `n_reads` samples, or None outside of a loader."""
        worker, frame = get_worker_info(), _fetching_frame()
        fetcher = None if frame is None else frame.f_locals.get("self")
        if worker is not self._worker:
            self._worker, self._fetcher, self.found, self.reads = worker, None, None, 0
        known = None if self._fetcher is None else self._fetcher()
        if fetcher is not None and fetcher is not known:
            self._fetcher, self.reads = weakref.ref(fetcher), 0
        self.reads += n_reads
        self.calls += 1
        if worker is None:
            loader = None if frame is None or frame.f_back is None else frame.f_back.f_locals.get("self")
            seed = getattr(loader, "_base_seed", None)
            self.found = None if seed is None else Pass(seed, 0)
        elif self.found is None:
            self.found = Pass(worker.seed - worker.id, 0)
        elif fetcher is not None and fetcher is not known:
            self.found = Pass(self.found.base_seed, self.found.number + 1)
        return self.found


def _fetching_frame() -> Any:
    """Return the frame of torch's function that fetches a batch, or None."""
    frame: Any = sys._getframe(1)  # noqa: SLF001
    while frame is not None:
        if frame.f_code.co_name == "fetch" and frame.f_globals.get("__name__") == "torch.utils.data._utils.fetch":
            return frame
        frame = frame.f_back
    return None


class SharedEpoch:
    """The epoch of a data set in memory that its workers share, and what they must know of each other to see a repeat.

    Nine numbers: the epoch; whether anybody has chosen it; whether a warning was given; which pass was the first to
    read a sample, and which sample that was: base seed, number and index, and whether these are there; and the pass
    that goes on after its state was loaded: base seed and number.
    """

    def __init__(self, epoch: int | None) -> None:
        with torch.inference_mode(mode=False):
            self.numbers = torch.tensor([epoch or 0, int(epoch is not None), *[0] * 7], device="cpu")
        self.share()

    def share(self) -> None:
        self.numbers.share_memory_()  # type: ignore[no-untyped-call]

    def read(self) -> tuple[int, int]:
        """Return the epoch, and whether anybody has chosen it."""
        epoch, is_chosen, *_ = self.numbers.tolist()
        return epoch, is_chosen

    def choose(self, epoch: int, *, is_chosen: bool = True) -> None:
        self.numbers[:2] = torch.tensor([epoch, int(is_chosen)], device="cpu")

    def resume(self, state: Pass) -> None:
        """Keep the pass of a state, whose workers load one each.

        The state of one that had read nothing since its pass began names the pass before.
        """
        if state.number >= self.numbers[8] or state.base_seed != self.numbers[7]:
            self.numbers[7:] = torch.tensor(state, device="cpu")

    def resumed(self) -> Pass:
        """Return the pass that goes on; all workers have loaded their states before one reads a sample."""
        return Pass(*self.numbers[7:].tolist())

    def warn(self, message: str) -> None:
        """Warn once for all workers; two that come to it at the same time may both warn."""
        if not self.numbers[2]:
            self.numbers[2] = 1
            warnings.warn(message, UserWarning, stacklevel=4)

    def check_repeat(self, found: Pass, index: int, *, is_scheduled: bool = False) -> None:
        """Warn if another pass has read this image in the same epoch, and nobody has chosen the epoch.

        One image stands for all: the first that is read.
        """
        base_seed, number, first, is_there = self.numbers[3:7].tolist()
        if not is_there:
            # Workers that write at the same time are of one pass, and any of their images will do.
            self.numbers[3:7] = torch.tensor([found.base_seed, found.number, index, 1], device="cpu")
        elif index == first and found != (base_seed, number):
            self.warn(
                f"{'the Schedule stays in epoch 0' if is_scheduled else 'every epoch shows the same dust'}, as "
                "set_epoch() was never called: call dataset.set_epoch(epoch) before each epoch, "
                f"{'' if is_scheduled else 'leave out the seed, '}or type DustDataset(…, epoch=0) if that is meant"
            )

    def check_endless(self, reads: int, n: int) -> None:
        """Warn if this process has read the data set several times in one pass, and nobody has chosen the epoch."""
        if reads > MOST_READS * n:
            self.warn(
                f"images repeat their dust, as one pass of the loader has read {reads} samples of {n} in this process "
                "and set_epoch() was never called: type DataLoader(…, sampler=dustaug.torch.EpochSampler(sampler)), or "
                "DustDataset(…, epoch=0) if that is meant"
            )
