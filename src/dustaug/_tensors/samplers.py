"""A sampler that deals the epoch with each index, around any other sampler."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import Sampler

from dustaug._engine.checks import check_whole
from dustaug._engine.contract import MAX_EPOCH, MAX_INDEX
from dustaug._engine.coordinates import check_epoch
from dustaug._errors import shown

_KEYS = {"epoch", "position", "random", "sampler"}


def _is_no_number(length: Any) -> bool:
    return length is None or (isinstance(length, float) and length == math.inf)


class EpochSampler(Sampler[Any]):
    """Deal the epoch with each index of another sampler: (epoch, index), as keys for :class:`DustDataset`.

    The epoch is then fixed when the index is dealt, and not when a worker comes to it. This matters where a loader
    runs ahead of the training into the next epoch: samplers that never end, as in Ultralytics, YOLOX, detectron2 and
    timm's multi-epoch loader. It also counts the epochs, so that nobody has to call ``set_epoch``.

    Parameters
    ----------
    sampler : torch.utils.data.Sampler or another iterable
        A sampler, or a batch sampler, of whole numbers. If it has ``set_epoch``, as ``DistributedSampler`` has, or the
        sampler in a batch sampler has, it is called with the epoch at the start of each pass.
    epoch : int, default 0
        The first epoch, 0 … 2**32 - 1.
    length : int or math.inf, optional
        Items in an epoch: indices of a sampler, batches of a batch sampler. By default ``len(sampler)``.

    Raises
    ------
    TypeError
        If `sampler` is not iterable, or has no length and `length` is not given.
    ValueError
        If `epoch` or `length` is out of its limits; in use, if a state is not one.

    Notes
    -----
    Each pass begins a new epoch, also if the pass before was left early. Within a pass the epoch moves after each
    `length` items. So a sampler that never ends moves on by its length, and one that ends moves on at its end. Batches
    of a batch sampler that never ends may lie across two epochs: put ``EpochSampler`` around the sampler inside.

    Frameworks that replace samplers, or need more of them than to be iterable, take this one for a sampler of theirs:
    a ``BatchSampler`` around it deals lists of pairs. ``Subset`` and ``ConcatDataset`` know no pairs: with
    ``SubsetRandomSampler`` a part of the data set needs no ``Subset``.

    Examples
    --------
    >>> sampler = EpochSampler(range(3))
    >>> list(sampler), list(sampler)
    ([(0, 0), (0, 1), (0, 2)], [(1, 0), (1, 1), (1, 2)])
    >>> import itertools
    >>> endless = EpochSampler(itertools.cycle([[0, 1], [2]]), length=2)
    >>> list(itertools.islice(endless, 3))
    [[(0, 0), (0, 1)], [(0, 2)], [(1, 0), (1, 1)]]
    """

    def __init__(self, sampler: Iterable[Any], *, epoch: int = 0, length: float | None = None) -> None:
        if not hasattr(type(sampler), "__iter__"):
            raise TypeError(
                f"sampler must be a sampler or a batch sampler, got {type(sampler).__name__}: type "
                "EpochSampler(torch.utils.data.RandomSampler(dataset))"
            )
        self.sampler, self._next = sampler, check_epoch(epoch)
        if length is None and _length_of(sampler) is None:
            raise TypeError(
                f"length must be given for a sampler without a length, got none for {type(sampler).__name__}: type "
                "length=len(dataset) if it never ends, or length=math.inf if it ends after each epoch"
            )
        self._length = length if _is_no_number(length) else check_whole("length", length, 1, MAX_INDEX)
        # The pass that is running, if one is: its first epoch, the items dealt, and the random numbers at its start.
        self._running: dict[str, Any] | None = None
        self._resumed: dict[str, Any] | None = None

    @property
    def epoch(self) -> int:
        """The epoch of the next pass."""
        return self._next

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next pass, 0 … 2**32 - 1; a pass that is running keeps its own."""
        epoch = check_epoch(epoch)
        if epoch != self._next:
            self._next, self._resumed = epoch, None

    def _length_of_epoch(self) -> int:
        length = _length_of(self.sampler) if self._length is None else self._length
        return MAX_INDEX if length is None or length == math.inf else max(int(length), 1)

    def __len__(self) -> int:
        return len(self.sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        resumed, self._resumed = self._resumed, None
        epoch = first = self._next if resumed is None else resumed["epoch"]
        position = 0 if resumed is None else resumed["position"]
        length = self._length_of_epoch()
        chain = _chain_of(self.sampler)
        for sampler in chain:
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(epoch)
                break
        skipped = position
        if resumed is not None and resumed["sampler"] is not None:
            self.sampler.load_state_dict(resumed["sampler"])  # type: ignore[attr-defined]
            skipped = 0
        self._next = (epoch + 1) % (MAX_EPOCH + 1)
        with _numbers_of(None if resumed is None else resumed["random"], chain):
            running: dict[str, Any] = {"epoch": first, "position": position, "random": _random_states(chain)}
            self._running = running
            # A sampler draws its random numbers, or the seed of them, when the first item is asked for.
            items = itertools.islice(self.sampler, skipped, None)
            head = list(itertools.islice(items, 1))
        for item in itertools.chain(head, items):
            epoch = (first + running["position"] // length) % (MAX_EPOCH + 1)
            self._next = (epoch + 1) % (MAX_EPOCH + 1)
            running["position"] += 1
            yield _deal(epoch, item)
        if self._running is running:
            self._running = None

    def state_dict(self) -> dict[str, Any]:
        """Return where the sampler stands: in the pass that is running, or before the next one."""
        if self._resumed is not None:
            return self._resumed
        if self._running is None:
            return {"epoch": self._next, "position": 0, "random": None, "sampler": None}
        inner = self.sampler.state_dict() if hasattr(self.sampler, "state_dict") else None
        return {**self._running, "sampler": inner}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where a sampler around the same sampler stood: the next pass deals the rest of its pass.

        The order of the rest is the same, also if it was shuffled with torch's generators.
        """
        if not isinstance(state, Mapping) or set(state) != _KEYS:
            raise ValueError(f"state must come from state_dict() of an EpochSampler, got {shown(state)}")
        epoch, position = check_epoch(state["epoch"]), check_whole("position", state["position"], 0, MAX_INDEX)
        self._next = (epoch + position // self._length_of_epoch()) % (MAX_EPOCH + 1)
        self._running = None
        self._resumed = {**state, "epoch": epoch, "position": position}

    def __repr__(self) -> str:
        length = "" if self._length is None else f", length={self._length}"
        return f"EpochSampler({self.sampler!r}, epoch={self._next}{length})"


EpochSampler.__module__ = "dustaug.torch"  # A pickle must name no private module.


def _length_of(sampler: Any) -> int | None:
    """Return how many items a sampler deals, or None if it does not know."""
    if not hasattr(type(sampler), "__len__"):
        return None
    try:
        return len(sampler)
    except (TypeError, NotImplementedError):  # As batch samplers around a sampler without a length, or torch's own.
        return None


def _chain_of(sampler: Any) -> list[Any]:
    """Return a sampler and those inside it."""
    chain: list[Any] = []
    while sampler is not None and not any(sampler is known for known in chain):
        chain.append(sampler)
        inner = getattr(sampler, "batch_sampler", None)
        sampler = getattr(sampler, "sampler", None) if inner is None else inner
    return chain


def _generators_of(chain: list[Any]) -> list[torch.Generator]:
    found = (getattr(sampler, "generator", None) for sampler in chain)
    return [generator for generator in found if isinstance(generator, torch.Generator)]


def _random_states(chain: list[Any]) -> list[torch.Tensor]:
    """Return the states of torch's generator and of those of the samplers."""
    return [torch.get_rng_state(), *(generator.get_state() for generator in _generators_of(chain))]


@contextlib.contextmanager
def _numbers_of(states: list[torch.Tensor] | None, chain: list[Any]) -> Iterator[None]:
    """Set the generators to the states of an earlier pass, if there are any, and torch's own back at the end."""
    if states is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(states[0])
        for generator, state in zip(_generators_of(chain), states[1:], strict=True):
            generator.set_state(state)
        yield


def _deal(epoch: int, item: Any) -> Any:
    """Return an item of a sampler, an index or a batch of them, with the epoch."""
    if isinstance(item, (list, tuple)) or getattr(item, "ndim", None):
        return [(epoch, index) for index in item]
    return epoch, item
