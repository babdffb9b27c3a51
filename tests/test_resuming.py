"""torchdata's StatefulDataLoader stops in mid-epoch, and goes on with the same images and the same dust."""

import itertools
import pickle

import pytest
import torch
from torch.utils.data import DistributedSampler, RandomSampler
from torchdata.stateful_dataloader import StatefulDataLoader
from torchdata.stateful_dataloader.sampler import StatefulDistributedSampler

from dustaug.torch import EpochSampler
from test_loaders import N, Photos, dusted, images_of

# torchdata 0.11 calls what torch 2.14 deprecates.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning"),
]
WORKERS = [
    {},
    {"num_workers": 2, "multiprocessing_context": "fork"},
    {"num_workers": 2, "multiprocessing_context": "fork", "persistent_workers": True},
]


def run(loader, epochs, set_epoch=abs):
    """Return the batches of some epochs."""
    batches = []
    for epoch in epochs:
        set_epoch(epoch)
        batches.append([(images.clone(), numbers.tolist()) for images, numbers in loader])
    return batches


def stop(loader, epochs, steps, set_epoch=abs):
    """Run some epochs and steps of one more, and return the state of the loader and the batches that are left of it."""
    run(loader, epochs, set_epoch)
    set_epoch(len(epochs))
    batches = iter(loader)
    for _ in range(steps):
        next(batches)
    state = pickle.loads(pickle.dumps(loader.state_dict()))
    return state, [(images, numbers.tolist()) for images, numbers in batches]


def check_same(expected, found):
    assert [numbers for _, numbers in expected] == [numbers for _, numbers in found]
    assert all(torch.equal(one, other) for (one, _), (other, _) in zip(expected, found, strict=True))


@pytest.mark.parametrize("workers", WORKERS, ids=["main", "workers", "persistent"])
class TestStatefulDataLoader:
    """The loader asks the data set for its state, in its workers."""

    @pytest.mark.parametrize("shuffle", [True, False])
    @pytest.mark.parametrize("steps", [1, 2])
    def test_the_rest_has_the_dust_of_its_epoch(self, workers, shuffle, steps):
        """Though nobody calls set_epoch() on the new data set; the next epoch is as ever."""
        dataset = dusted()
        state, rest = stop(StatefulDataLoader(dataset, 4, shuffle=shuffle, **workers), [0, 1], steps, dataset.set_epoch)
        resumed = dusted()
        loader = StatefulDataLoader(resumed, 4, shuffle=shuffle, **workers)
        loader.load_state_dict(state)
        [found] = run(loader, [2])

        check_same(rest, found)
        for images, numbers in found:
            assert torch.equal(images_of(epoch=2)[numbers], images)
        assert len(found) == 3 - steps
        [following] = run(loader, [3], resumed.set_epoch)
        for images, numbers in following:
            assert torch.equal(images_of(epoch=3)[numbers], images)

    def test_without_a_seed(self, workers):
        """The rest has the seed of its pass."""
        torch.manual_seed(1)
        state, rest = stop(StatefulDataLoader(dusted(seed=None), 4, shuffle=True, **workers), [0, 1], 1)
        torch.manual_seed(2)
        loader = StatefulDataLoader(dusted(seed=None), 4, shuffle=True, **workers)
        loader.load_state_dict(state)
        base = state["_snapshot"]["_main_snapshot"]["_base_seed"] if workers else None
        found, following = run(loader, [2, 3])

        check_same(rest, found)
        if "persistent_workers" in workers:  # Their seed is that of their first pass.
            for images, numbers in following:
                assert torch.equal(images_of(seed=base, epoch=3)[numbers], images)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: RandomSampler(Photos()),
            lambda: RandomSampler(Photos(), generator=torch.Generator().manual_seed(3)),
            lambda: DistributedSampler(Photos(), num_replicas=1, rank=0),
            lambda: StatefulDistributedSampler(Photos(), num_replicas=1, rank=0),
        ],
        ids=["random", "generator", "distributed", "stateful"],
    )
    def test_with_an_epoch_sampler(self, workers, make):
        """The sampler has a state, too: its epoch, its place in it and its order."""
        torch.manual_seed(1)
        first = StatefulDataLoader(dusted(), 4, sampler=EpochSampler(make()), **workers)
        state, rest = stop(first, [0, 1], 1)
        torch.manual_seed(2)
        loader = StatefulDataLoader(dusted(), 4, sampler=EpochSampler(make()), **workers)
        loader.load_state_dict(state)
        found, following = run(loader, [2, 3])

        check_same(rest, found)
        for epoch, batches in ((2, found), (3, following)):
            for images, numbers in batches:
                assert torch.equal(images_of(epoch=epoch)[numbers], images)
        assert list(range(N)) == sorted(itertools.chain.from_iterable(numbers for _, numbers in following))
