"""DustDataset in real data loaders: who decides the epoch, what is repeated, and how a run goes on."""

import copy
import io
import itertools
import math
import os
import pickle
import re
import warnings

import numpy as np
import PIL.Image
import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional

import dustaug
import guided
from dustaug.torch import DustDataset, EpochSampler, add_dust
from saved import private_modules
from test_pixels import KEYS, photos
from test_schedule import MANY

N, SEED = 12, 7
# Made here, since NumPy imports its generators late, and workers should not do that.
ORDER = np.random.default_rng(0).permutation(N)
SPEC = dustaug.dust(count_range=(3, 9))
FORK = {"multiprocessing_context": "fork"}
# A newer Python warns of forks where a test before has left threads; torch warns of more workers than processors.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]


class Photos(Dataset):
    """The data set gives grey images with their numbers."""

    def __len__(self):
        return N

    def __getitem__(self, index):
        return torch.full((3, 24, 20), 100, dtype=torch.uint8), index


class Views(Dataset):
    """The data set reads each image of another one twice, and a third one."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        return [self.dataset[i][0] for i in (index, index, (index + 5) % len(self))]


class Endless(Sampler):
    """The sampler deals one pass after another, each in another order, and never ends."""

    def __init__(self, length=N):
        self.length = length

    def __iter__(self):
        for k in itertools.count():
            yield from torch.randperm(self.length, generator=torch.Generator().manual_seed(k)).tolist()

    def __len__(self):
        return self.length


def images_of(seed=SEED, epoch=0):
    images = np.full((N, 3, 24, 20), 100, np.uint8)
    return torch.from_numpy(dustaug.add_dust(images, SPEC, seed=seed, epoch=epoch, index=0, layout="NCHW"))


def collect(loader):
    """Return all images of one pass, in the order of the data set."""
    images, numbers = zip(*loader, strict=True)
    images, numbers = torch.cat(images), torch.cat(numbers)
    return images[numbers.argsort()]


def dusted(**options):
    return DustDataset(Photos(), SPEC, **{"seed": SEED, **options})


class TestKeys:
    """A key is an index, or an epoch and an index."""

    def test_a_pair_has_its_own_epoch(self):
        """Alone and among others, with any integers."""
        dataset = dusted(epoch=3)

        assert torch.equal(images_of(epoch=5)[4], dataset[5, 4][0])
        assert torch.equal(images_of(epoch=5)[-1], dataset[np.int64(5), torch.tensor(-1)][0])
        several = dataset.__getitems__([4, (0, 4), (2, -1)])
        assert torch.equal(images_of(epoch=3)[4], several[0][0])
        assert torch.equal(images_of(epoch=0)[4], several[1][0])
        assert torch.equal(images_of(epoch=2)[-1], several[2][0])

    def test_the_data_set_inside_sees_indices_only(self):
        """One by one and many at once."""

        class Seen(Photos):
            def __getitems__(self, indices):
                return [(super(Seen, self).__getitem__(0)[0], index) for index in indices]

        assert [4, 5] == [sample[1] for sample in DustDataset(Seen(), seed=0).__getitems__([(1, 4), (2, 5)])]
        assert DustDataset(Seen(), seed=0)[1, 4][1] == 4

    @pytest.mark.parametrize(
        ("key", "error", "message"),
        [
            ((1, 2, 3), TypeError, r"key must be an index or a pair \(epoch, index\), got \(1, 2, 3\)"),
            ((-1, 2), ValueError, "epoch must be from 0 to 4294967295, got -1"),
            ((2**32, 2), ValueError, "epoch must be from 0"),
            (("a", 2), TypeError, "epoch must be a whole number, got 'a'"),
            ((1, 2.0), TypeError, "index must be a whole number, got 2.0"),
            ((True, 2), TypeError, "epoch must be a whole number, got True"),
        ],
    )
    def test_wrong_keys(self, key, error, message):
        """Each error says what a key is."""
        with pytest.raises(error, match=message):
            dusted()[key]


class TestEpochSampler:
    """The epoch is dealt with the index."""

    @pytest.mark.parametrize(
        "make",
        [
            lambda: EpochSampler(RandomSampler(Photos()), epoch=3),
            lambda: EpochSampler(BatchSampler(RandomSampler(Photos()), 5, drop_last=False), epoch=3),
            lambda: EpochSampler(list(range(N)), epoch=3),
            lambda: EpochSampler(ORDER, epoch=3),
            lambda: EpochSampler(torch.randperm(N), epoch=3),
            lambda: EpochSampler([np.arange(6), torch.arange(6, 12)], epoch=3),
        ],
        ids=["sampler", "batches", "list", "array", "tensor", "arrays"],
    )
    def test_it_goes_around_any_sampler(self, make):
        """Each pass is an epoch, whatever the loader is told."""
        sampler = make()
        key = "batch_sampler" if isinstance(next(iter(copy.copy(sampler))), list) else "sampler"
        loader = DataLoader(dusted(), num_workers=1, persistent_workers=True, **{key: make()}, **FORK)
        for epoch in (3, 4, 5):
            assert torch.equal(images_of(epoch=epoch), collect(loader))

    def test_a_sampler_that_never_ends(self):
        """Four workers that read ahead get the epoch of each index, though set_epoch() is called meanwhile."""
        dataset = dusted()
        sampler = BatchSampler(EpochSampler(Endless()), 5, drop_last=True)
        loader = DataLoader(dataset, batch_sampler=sampler, num_workers=4, prefetch_factor=4, **FORK)
        seen = {epoch: {} for epoch in range(5)}
        for step, (images, numbers) in enumerate(itertools.islice(loader, 5 * N // 5)):
            for k, (image, number) in enumerate(zip(images, numbers, strict=True)):
                seen[(step * 5 + k) // N][int(number)] = image
            dataset.set_epoch(step)

        for epoch, found in seen.items():
            assert torch.equal(images_of(epoch=epoch), torch.stack([found[i] for i in range(N)]))

    def test_the_epoch_moves_where_the_length_says(self):
        """The length is the sampler's own, or the one that is given, in items of the sampler."""

        def epochs(sampler, n):
            items = list(itertools.islice(sampler, n))
            return [item[0][0] if isinstance(item, list) else item[0] for item in items]

        assert epochs(EpochSampler(Endless(3), epoch=1), 7) == [1, 1, 1, 2, 2, 2, 3]
        assert epochs(EpochSampler(Endless(3), length=2), 5) == [0, 0, 1, 1, 2]
        assert epochs(EpochSampler(BatchSampler(Endless(4), 2, drop_last=True)), 5) == [0, 0, 1, 1, 2]
        assert epochs(EpochSampler(itertools.count(), length=2), 3) == [0, 0, 1]
        assert epochs(EpochSampler(Endless(3), length=math.inf), 9) == [0] * 9
        assert epochs(EpochSampler(Endless(1), epoch=2**32 - 1), 2) == [2**32 - 1, 0]

    def test_a_pass_that_is_left_early_is_an_epoch(self):
        """The next pass has the next epoch; one that has moved on in a pass goes on from there."""
        sampler, moving = EpochSampler(range(5)), EpochSampler(Endless(3))

        assert next(iter(sampler)) == (0, 0)
        assert list(sampler) == [(1, i) for i in range(5)]
        assert [epoch for epoch, _ in itertools.islice(moving, 4)] == [0, 0, 0, 1]
        assert next(iter(moving))[0] == 2

    def test_set_epoch_chooses_the_next_pass(self):
        """A pass that is running keeps its own."""
        sampler = EpochSampler(range(3))
        running = iter(sampler)
        first = next(running)
        sampler.set_epoch(7)

        assert sampler.epoch == 7
        assert [first, *running] == [(0, 0), (0, 1), (0, 2)]
        assert list(sampler) == [(1, 0), (1, 1), (1, 2)]

    def test_the_sampler_inside_follows(self):
        """DistributedSampler gets set_epoch() at each pass, inside a batch sampler too."""
        for wrap in (lambda s: s, lambda s: BatchSampler(s, 1, drop_last=False)):
            plain = DistributedSampler(Photos(), num_replicas=2, rank=1)
            sampler = EpochSampler(wrap(DistributedSampler(Photos(), num_replicas=2, rank=1)), epoch=4)
            for epoch in (4, 5):
                plain.set_epoch(epoch)
                assert np.array_equal(np.ravel([(epoch, i) for i in plain]), np.ravel(list(sampler)))

    @pytest.mark.parametrize(
        "make",
        [
            lambda: RandomSampler(Photos()),
            lambda: RandomSampler(Photos(), generator=torch.Generator().manual_seed(3)),
            lambda: RandomSampler(Photos(), replacement=True, num_samples=40),
            lambda: WeightedRandomSampler([1.0, 2, 3, 4], 9),
            lambda: SubsetRandomSampler(range(3, 9)),
            lambda: BatchSampler(RandomSampler(Photos(), generator=torch.Generator()), 2, drop_last=False),
            lambda: DistributedSampler(Photos(), num_replicas=2, rank=0),
            lambda: Endless(4),
            lambda: SequentialSampler(Photos()),
        ],
    )
    @pytest.mark.parametrize("position", [0, 1, 5])
    def test_a_state_goes_on_in_the_same_order(self, make, position):
        """Another sampler around the same one deals the rest, shuffled as it was, and its generator stays untouched."""
        torch.manual_seed(11)
        sampler = EpochSampler(make(), epoch=2)
        next(iter(sampler))
        items = iter(sampler)
        for _ in range(position):
            next(items)
        state = sampler.state_dict()
        rest = list(itertools.islice(items, 30)) if position else None
        resumed = EpochSampler(make())
        resumed.load_state_dict(pickle.loads(pickle.dumps(state)))
        torch.manual_seed(99)
        before = torch.get_rng_state()

        assert resumed.state_dict()["epoch"] == state["epoch"]
        if position:
            assert rest == list(itertools.islice(resumed, 30))
            assert torch.equal(before, torch.get_rng_state())
        assert resumed.state_dict().keys() == state.keys()

    def test_a_state_before_any_pass_and_after_one(self):
        """The next pass is a whole one."""
        sampler = EpochSampler(range(2), epoch=5)
        before = sampler.state_dict()
        list(sampler)
        after = sampler.state_dict()
        for state, epoch in ((before, 5), (after, 6)):
            sampler.load_state_dict(state)
            assert list(sampler) == [(epoch, 0), (epoch, 1)]
            assert sampler.epoch == epoch + 1

    def test_set_epoch_after_a_state(self):
        """The epoch of the state keeps the place in it, another one does not."""
        sampler = EpochSampler(range(3), epoch=5)
        next(iter(sampler))
        state = sampler.state_dict()
        sampler.load_state_dict(state)
        sampler.set_epoch(5)
        assert list(sampler) == [(5, 1), (5, 2)]
        sampler.load_state_dict(state)
        sampler.set_epoch(6)
        assert list(sampler) == [(6, 0), (6, 1), (6, 2)]

    def test_a_sampler_with_a_state_of_its_own(self):
        """Its state is kept within ours, and it is not skipped twice."""

        class Stateful(Sampler):
            def __init__(self):
                self.start = 0

            def __iter__(self):
                start, self.start = self.start, 0
                for i in range(start, 6):
                    self.done = i + 1
                    yield i

            def __len__(self):
                return 6

            def state_dict(self):
                return {"done": self.done}

            def load_state_dict(self, state):
                self.start = state["done"]

        sampler, resumed = EpochSampler(Stateful()), EpochSampler(Stateful())
        items = iter(sampler)
        assert [next(items), next(items)] == [(0, 0), (0, 1)]
        resumed.load_state_dict(sampler.state_dict())

        assert list(items) == list(resumed)

    def test_the_length_is_the_samplers(self):
        """So is that of the loader."""
        assert len(EpochSampler(range(5))) == 5
        assert len(DataLoader(dusted(), batch_size=5, sampler=EpochSampler(RandomSampler(Photos())))) == 3

    def test_wrong_arguments(self):
        """Each error says what to type."""
        for make, error, message in (
            (lambda: EpochSampler(7), TypeError, "sampler must be a sampler or a batch sampler, got int: type Epoch"),
            (lambda: EpochSampler(Photos), TypeError, "got type: type EpochSampler"),
            (lambda: EpochSampler(itertools.count()), TypeError, "length must be given .* for count: type length=len"),
            (
                lambda: EpochSampler(BatchSampler(itertools.count(), 2, drop_last=True)),
                TypeError,
                "got none for BatchSampler: type length=",
            ),
            (lambda: EpochSampler(range(3), length=0), ValueError, "length must be from 1"),
            (lambda: EpochSampler(range(3), length=1.5), TypeError, "length must be a whole number, got 1.5"),
            (lambda: EpochSampler(range(3), epoch=-1), ValueError, "epoch must be from 0"),
            (lambda: EpochSampler(range(3)).set_epoch("1"), TypeError, "epoch must be a whole number, got '1'"),
            (lambda: EpochSampler(range(3)).load_state_dict({"epoch": 1}), ValueError, "state must come from state_di"),
            (lambda: EpochSampler(range(3)).load_state_dict(7), ValueError, "state_dict.. of an EpochSampler, got 7"),
        ):
            with pytest.raises(error, match=message):
                make()

    def test_repr_and_pickle(self):
        """They name what was given, and nothing private."""
        sampler = EpochSampler(range(3), epoch=2, length=6)

        assert repr(sampler) == "EpochSampler(range(0, 3), epoch=2, length=6)"
        assert repr(EpochSampler([1])) == "EpochSampler([1], epoch=0)"
        assert private_modules(pickle.dumps(sampler)) == set()
        assert list(pickle.loads(pickle.dumps(sampler))) == [(2, 0), (2, 1), (2, 2)]


class TestWithoutASeed:
    """Without a seed the dust is that of the loader's pass."""

    @pytest.mark.parametrize("batch_size", [5, None])
    def test_the_seed_is_the_loaders(self, batch_size):
        """The same for any number of workers, new in each pass, and determined by torch.manual_seed."""
        passes = []
        for workers in (0, 1, 3):
            torch.manual_seed(5)
            loader = DataLoader(
                dusted(seed=None), batch_size, num_workers=workers, **(FORK if workers else {}), shuffle=batch_size == 5
            )
            if batch_size:
                passes.append([collect(loader) for _ in range(3)])
            else:
                passes.append([torch.stack([image for image, _ in loader]) for _ in range(3)])
        torch.manual_seed(5)
        base = int(torch.empty((), dtype=torch.int64).random_())

        assert torch.equal(images_of(seed=base), passes[0][0])
        for one, other in itertools.combinations(passes[0], 2):
            assert not torch.equal(one, other)
        for others in passes[1:]:
            assert all(map(torch.equal, passes[0], others))

    def test_a_generator_of_the_loader(self):
        """The generator of the loader determines it."""
        for _ in range(2):
            loader = DataLoader(dusted(seed=None), 4, generator=torch.Generator().manual_seed(3))
            base = int(torch.empty((), dtype=torch.int64).random_(generator=torch.Generator().manual_seed(3)))

            assert torch.equal(images_of(seed=base), collect(loader))

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_workers_that_live_on(self, method):
        """They keep their seed, and count their passes as epochs."""
        torch.manual_seed(5)
        base = int(torch.empty((), dtype=torch.int64).random_())
        torch.manual_seed(5)
        workers = 2 if method == "fork" else 1
        loader = DataLoader(
            dusted(seed=None), 4, num_workers=workers, persistent_workers=True, multiprocessing_context=method
        )
        for epoch in range(3):
            assert torch.equal(images_of(seed=base, epoch=epoch), collect(loader))

    def test_epochs_and_pairs(self):
        """set_epoch() and pairs decide the epoch, and the loader the seed."""
        dataset = dusted(seed=None)
        dataset.set_epoch(4)
        torch.manual_seed(5)
        base = int(torch.empty((), dtype=torch.int64).random_())
        torch.manual_seed(5)
        assert torch.equal(images_of(seed=base, epoch=4), collect(DataLoader(dataset, 4)))
        torch.manual_seed(5)
        loader = DataLoader(dataset, 4, sampler=EpochSampler(range(N), epoch=2), num_workers=1, **FORK)
        assert torch.equal(images_of(seed=base, epoch=2), collect(loader))

    def test_outside_of_a_loader(self):
        """Each sample gets fresh dust of torch's generator."""
        dataset = dusted(seed=None)
        torch.manual_seed(5)
        first, second = dataset[0][0], dataset[0][0]
        torch.manual_seed(5)

        assert not torch.equal(first, second)
        assert torch.equal(first, dataset[0][0])

    def test_under_other_data_sets(self):
        """Subset and wrappers change nothing."""
        torch.manual_seed(5)
        base = int(torch.empty((), dtype=torch.int64).random_())
        for wrap in (lambda d: Subset(d, range(N)), Views):
            torch.manual_seed(5)
            batch = next(iter(DataLoader(wrap(dusted(seed=None)), N)))
            assert torch.equal(images_of(seed=base), batch[0])

    def test_repr(self):
        """It says that there is none."""
        assert repr(DustDataset([1])) == "DustDataset([1], Spec(), seed=None, epoch=0)"


REPEATS = "every epoch shows the same dust, as set_epoch.. was never called: call dataset.set_epoch"


def recorder(folder):
    """Return a function that makes a worker write its warnings into a folder."""

    def begin(worker_id):
        warnings.resetwarnings()
        warnings.showwarning = lambda message, *_: (folder / str(os.getpid())).write_text(str(message))

    return begin


def recorded(folder):
    return {file.read_text() for file in folder.iterdir()}


class TestWarnings:
    """Dust that must be repeating is noticed, and nothing else is."""

    @pytest.mark.parametrize("shuffle", [True, False])
    def test_a_second_epoch_with_the_same_dust(self, shuffle):
        """It warns in the second pass."""
        loader = DataLoader(dusted(), 4, shuffle=shuffle)
        collect(loader)
        with pytest.raises(UserWarning, match=REPEATS):
            collect(loader)

    @pytest.mark.parametrize(
        "options", [{"num_workers": 2}, {"num_workers": 1}, {"num_workers": 2, "persistent_workers": True}], ids=len
    )
    def test_a_second_epoch_in_workers(self, options, tmp_path):
        """They warn in the second pass, and live on or not."""
        loader = DataLoader(dusted(), 4, shuffle=True, worker_init_fn=recorder(tmp_path), **options, **FORK)
        collect(loader)
        assert recorded(tmp_path) == set()
        collect(loader)
        [message] = recorded(tmp_path)
        assert re.match(REPEATS, message)

    def test_it_warns_once(self):
        """Not in each epoch."""
        loader = DataLoader(dusted(), 4)
        with pytest.warns(UserWarning, match=REPEATS) as caught:
            list(map(collect, [loader] * 5))

        assert len(caught) == 1

    @pytest.mark.parametrize("seed", [SEED, None])
    def test_a_loader_that_never_ends(self, seed, tmp_path):
        """It warns when the data set was read several times over."""
        message = "images repeat their dust, as one pass of the loader has read .* type DataLoader.*EpochSampler"
        with pytest.raises(UserWarning, match=message):
            list(itertools.islice(DataLoader(dusted(seed=seed), 4, sampler=Endless()), 30))
        options = {"worker_init_fn": recorder(tmp_path), "num_workers": 1, **FORK}
        list(itertools.islice(DataLoader(dusted(seed=seed), 4, sampler=Endless(), **options), 30))
        [found] = recorded(tmp_path)
        assert re.match(message, found)

    def test_the_epoch_moves_while_workers_read(self, tmp_path):
        """It warns, as the dust then depends on how fast they are."""
        dataset = dusted()
        dataset.set_epoch(1)
        options = {"worker_init_fn": recorder(tmp_path), "num_workers": 2, **FORK}
        batches = iter(DataLoader(dataset, 4, sampler=Endless(), **options))
        next(batches)
        dataset.set_epoch(2)
        list(itertools.islice(batches, 10))
        assert recorded(tmp_path) == set()
        list(itertools.islice(batches, 80))
        [message] = recorded(tmp_path)

        assert message.startswith("the epoch changed from 1 to 2 while workers were reading")

    @pytest.mark.parametrize(
        "options",
        [{}, {"num_workers": 2, **FORK}, {"num_workers": 2, "persistent_workers": True, **FORK}],
        ids=["main", "workers", "persistent"],
    )
    def test_nothing_is_wrong(self, options):
        """Epochs that are set, views, samplers with replacement, validation and parts of a data set warn of nothing."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            dataset = dusted()
            loader = DataLoader(dataset, 4, shuffle=True, **options)
            for epoch in (0, 0):
                dataset.set_epoch(epoch)
                collect(loader)
            list(DataLoader(Views(dusted()), 4, **options))
            list(DataLoader(dusted(), 4, sampler=WeightedRandomSampler([1.0] * N, 3 * N), **options))
            validation = DataLoader(dusted(epoch=0), 4, **options)
            for _ in range(2):
                collect(validation)
            whole = dusted()
            for part in (Subset(whole, range(6)), Subset(whole, range(6, 12))):
                list(DataLoader(part, 4, **options))
            forgetful = DataLoader(dusted(seed=None), 4, **options)
            for _ in range(2):
                collect(forgetful)
            counted = DataLoader(dusted(), 4, sampler=EpochSampler(RandomSampler(Photos())), **options)
            for _ in range(2):
                collect(counted)
            looked_at = dusted()
            for _ in range(3 * N):
                looked_at[0]


class TestState:
    """A data set goes on where another one stood."""

    def test_the_epoch(self):
        """A state has plain values, and the epoch of a key goes before it."""
        dataset, other = dusted(epoch=4), dusted()
        state = pickle.loads(pickle.dumps(dataset.state_dict()))
        other.load_state_dict(state)

        assert other.epoch == 4
        assert torch.equal(images_of(epoch=4)[3], other[3][0])
        assert torch.load(io.BytesIO(saved_by_torch(state)), weights_only=True) == state

    def test_a_pass_without_a_seed(self):
        """The rest of the pass has the seed that it began with, and the next pass its own."""
        torch.manual_seed(5)
        loader = DataLoader(dusted(seed=None), 4)
        batches = iter(loader)
        first = next(batches)
        state = loader.dataset.state_dict()
        rest = [images for images, _ in batches]
        torch.manual_seed(6)
        resumed = dusted(seed=None)
        resumed.load_state_dict(state)
        loader = DataLoader(resumed, 4)
        again = [images for images, _ in loader]

        assert torch.equal(first[0], again[0])
        assert all(map(torch.equal, rest, again[1:]))
        assert not torch.equal(first[0], next(iter(loader))[0])

    @pytest.mark.parametrize(
        ("state", "message"),
        [
            ({}, r"state must come from state_dict\(\) of a DustDataset, got {}"),
            (7, "of a DustDataset, got 7"),
            (DustDataset(Photos(), SPEC, seed=8).state_dict(), "of .* and seed 7, got .* and seed 8"),
            (DustDataset(Photos(), seed=7).state_dict(), "state must come from a DustDataset of"),
        ],
    )
    def test_wrong_states(self, state, message):
        """A state of another spec or seed is refused, and changes nothing."""
        dataset = dusted(epoch=2)
        with pytest.raises(ValueError, match=message):
            dataset.load_state_dict(state)
        assert dataset.epoch == 2


def saved_by_torch(state):
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


class Annotated(Dataset):
    """The data set gives images with their masks and boxes, and counts on after the last one."""

    def __init__(self, name):
        self.name = name

    def __len__(self):
        return 2000

    def __getitem__(self, index):
        i, terms = (index - 1000) % guided.N if index >= 1000 else index, guided.CASES[self.name].terms
        image = torch.from_numpy(photos()[i]).permute(2, 0, 1)
        return {"image": image, "id": i, **{key: each[i] for key, each in terms.items()}}


def annotated(name, **options):
    terms = guided.CASES[name].terms
    keys = {f"{key}_key": key for key in terms}
    return DustDataset(Annotated(name), guided.CASES[name].spec, seed=KEYS["any"]["seed"], **keys, **options)


MASKS = {
    "bool array": lambda mask: mask,
    "uint8 array": lambda mask: mask.astype(np.uint8),
    "bool tensor": torch.from_numpy,
    "tensor with an axis more": lambda mask: torch.from_numpy(mask.astype(np.uint8))[None],
    "mask of torchvision": tv_tensors.Mask,
    "black and white picture": PIL.Image.fromarray,
    "grey picture": lambda mask: PIL.Image.fromarray(mask.astype(np.uint8)),
    "white picture": lambda mask: PIL.Image.fromarray(mask.astype(np.uint8) * 255),
    "picture with a palette": lambda mask: PIL.Image.fromarray(mask.astype(np.uint8)).convert("P"),
}


def in_format(name, dtype):
    """Return a function that makes torchvision's boxes in a format."""

    def make(boxes):
        corners = torch.as_tensor(boxes[:, [1, 0, 3, 2]]).to(dtype)
        given = tv_tensors.BoundingBoxes(corners, format="XYXY", canvas_size=(48, 64))
        return functional.convert_bounding_box_format(given, new_format=name)

    return make


BOXES = {
    "array": lambda boxes: boxes,
    "tensor": torch.from_numpy,
    "list": lambda boxes: boxes.tolist(),
    "list of tensors": lambda boxes: list(torch.from_numpy(boxes)),
    "XYXY": in_format("XYXY", torch.int64),
    "XYWH": in_format("XYWH", torch.int64),
    "CXCYWH": in_format("CXCYWH", torch.float32),
}


class TestGuidesAndObjects:
    """A sample may say where its dust lies, and what must stay visible."""

    @pytest.mark.parametrize("name", guided.CASES)
    def test_each_image_has_its_pixels(self, name):
        """Every case of the file is painted as the file has it, one by one and many at once."""
        dataset = annotated(name)
        alone = [dataset[5, 1000 + i]["image"] for i in range(guided.N)]
        several = [sample["image"] for sample in dataset.__getitems__(list(range(guided.N)))]

        assert np.array_equal(guided.expected(name, "any"), torch.stack(alone).permute(0, 2, 3, 1))
        assert np.array_equal(guided.expected(name, "zero"), torch.stack(several).permute(0, 2, 3, 1))

    @pytest.mark.parametrize("workers", [0, 2])
    def test_loaders_change_nothing(self, workers):
        """Workers, batches and epochs that are dealt paint the same, and hand on guide and boxes."""
        indices = [*range(1000, 1000 + guided.N)]
        options = {"num_workers": workers, "collate_fn": list, **(FORK if workers else {})}
        sampler = EpochSampler(SubsetRandomSampler(indices), epoch=5)
        samples = [s for batch in DataLoader(annotated("both"), 4, sampler=sampler, **options) for s in batch]
        samples.sort(key=lambda sample: sample["id"])

        assert np.array_equal(
            guided.expected("both"), torch.stack([sample["image"] for sample in samples]).permute(0, 2, 3, 1)
        )
        for sample, mask, boxes in zip(samples, guided.masks(), guided.objects(), strict=True):
            assert np.array_equal(sample["guide"], mask)
            assert np.array_equal(sample["objects"], boxes)

    def test_a_spawned_worker(self):
        """A worker that begins anew has the keys and the spec."""
        part = Subset(annotated("both", epoch=5), range(1000, 1000 + guided.N))
        loader = DataLoader(part, 6, num_workers=1, multiprocessing_context="spawn", collate_fn=list)
        [samples] = loader

        assert np.array_equal(
            guided.expected("both"), torch.stack([sample["image"] for sample in samples]).permute(0, 2, 3, 1)
        )

    @pytest.mark.parametrize("kind", MASKS)
    @pytest.mark.parametrize("image", ["tensor", "array", "picture"])
    def test_masks_of_every_kind(self, kind, image):
        """A mask may be a tensor, an array or a picture, beside any kind of image, and stays what it was."""
        make = {"tensor": lambda x: torch.from_numpy(x).permute(2, 0, 1), "picture": PIL.Image.fromarray}
        given, mask = make.get(image, np.copy)(photos()[1]), MASKS[kind](guided.masks()[1])
        dataset = DustDataset([None, (given, mask)], guided.CASES["mask"].spec, seed=KEYS["zero"]["seed"], guide_key=1)
        dusted, handed_on = dataset[1]
        pixels = np.asarray(dusted.permute(1, 2, 0) if image == "tensor" else dusted)

        assert np.array_equal(guided.expected("mask", "zero")[1], pixels)
        assert handed_on is mask

    @pytest.mark.parametrize("kind", BOXES)
    def test_boxes_of_every_kind(self, kind):
        """Boxes may be arrays, tensors, lists, and torchvision's in their upright formats."""
        boxes = BOXES[kind](guided.objects()[0])
        dataset = DustDataset(
            [(photos()[0], boxes)], guided.CASES["max_hidden"].spec, seed=KEYS["zero"]["seed"], objects_key=1
        )
        dusted, handed_on = dataset[0]

        assert np.array_equal(guided.expected("max_hidden", "zero")[0], dusted)
        assert handed_on is boxes

    @pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int16, torch.bfloat16, torch.float32])
    @pytest.mark.parametrize("inplace", [False, True])
    def test_tensors_of_any_dtype_and_memory(self, dtype, inplace):
        """The rectangles do not depend on the dtype; a copy keeps channels_last, and autograd counts a painting."""
        white = torch.zeros(2, 3, 48, 64).to(dtype).contiguous(memory_format=torch.channels_last)[1]
        spec, mask = guided.CASES["mask"].spec.replace(fill="constant", fill_value=255), guided.masks()[1]
        index, before = 1, white._version
        dusted = DustDataset([None, (white, mask)], spec, seed=3, guide_key=1, inplace=inplace)[index][0]
        expected = dustaug.add_dust(np.zeros((48, 64), np.uint8), spec, seed=3, index=index, guide=mask) > 0

        assert np.array_equal(expected, (dusted != 0)[2])
        assert dusted.stride() == white.stride()
        assert (dusted is white) == inplace
        assert (white._version > before) == inplace

    def test_frames_of_a_video_share_them(self):
        """One guide and the boxes of one image hold for all frames."""
        spec, terms = guided.CASES["both"].spec, {"guide": guided.masks()[1], "objects": guided.objects()[1]}
        expected = dustaug.add_dust(photos()[0], spec, seed=1, index=0, **terms)
        keys = {"guide_key": "guide", "objects_key": "objects", "image_key": "video"}
        frames = torch.from_numpy(photos()[[0, 0, 0]]).permute(0, 3, 1, 2)
        dusted = DustDataset([{"video": frames, **terms}], spec, seed=1, **keys)[0]["video"]

        assert not np.array_equal(expected, photos()[0])
        assert all(np.array_equal(expected, frame.permute(1, 2, 0)) for frame in dusted)

    def test_pickles_have_the_keys(self):
        """A pickle paints the same; one of a version that knew no guides can be read."""
        dataset = annotated("both")
        copied = pickle.loads(pickle.dumps(dataset))
        state = dusted().__getstate__()
        del state["guide_key"], state["objects_key"]
        old = DustDataset.__new__(DustDataset)
        old.__setstate__(state)

        assert torch.equal(dataset[3]["image"], copied[3]["image"])
        assert torch.equal(images_of()[3], old[3][0])

    @pytest.mark.parametrize(
        ("sample", "message"),
        [
            (
                {"mask": np.zeros((4, 4))},
                r"guide must be uint8 or bool, got an array of float64: type dustaug.gui",
            ),
            (
                {"mask": torch.zeros(4, 4, dtype=torch.bfloat16)},
                r"guide must be a dense tensor of uint8, got one of torch.bfloat16 on cpu: type guide.to\(torch.u",
            ),
            ({"mask": PIL.Image.new("RGB", (4, 4))}, r"must be of mode 1, L, P, got RGB: type mask.convert\(\"L\"\)"),
            ({"mask": None}, r'guide must be given with center="guide", got none'),
            ({"mask": [[1, 2]]}, r"guide must be a NumPy array, got \[\[1, 2\]\]"),
            ({"mask": np.zeros((2, 4, 4), bool)}, r"guide must have shape \(rows, columns\), got \(2, 4, 4\)"),
            ({}, r"sample must have a guide at 'mask', got \['image', 'boxes'\]: type DustDataset\(…, guide_key=…\)"),
            (
                {"boxes": torch.zeros(2, 4)},
                r"objects must be an array of whole numbers \(k, 4\), got an array of flo",
            ),
            ({"boxes": [[5, 5, 1, 9]]}, r"objects must not be reversed, got \[5, 5, 1, 9\]"),
            (
                {"boxes": tv_tensors.BoundingBoxes(torch.ones(1, 5), format="XYWHR", canvas_size=(48, 64))},
                "objects must be upright boxes, got the format XYWHR",
            ),
        ],
    )
    @pytest.mark.parametrize("image", ["tensor", "array"])
    def test_bad_samples(self, sample, message, image):
        """The error says what must hold, and the image stays as it was, also in place."""
        given = photos()[0] if image == "array" else torch.from_numpy(photos()[0]).permute(2, 0, 1)
        sample = {
            "image": given,
            "boxes": np.zeros((0, 4), int),
            **({"mask": guided.masks()[0]} if sample else {}),
            **sample,
        }
        keys = {"guide_key": "mask", "objects_key": "boxes", "inplace": True}
        with pytest.raises((TypeError, ValueError, LookupError), match=message):
            DustDataset([sample], guided.CASES["both"].spec, seed=0, **keys)[0]
        assert np.array_equal(photos()[0], given if image == "array" else given.permute(1, 2, 0))

    def test_a_spec_and_its_keys_belong_together(self):
        """The data set is not made without the keys that its spec needs, nor with others."""
        for spec, keys, message in (
            (dustaug.dust(center="guide"), {}, r'guide_key must be given with center="guide", got none: type DustData'),
            (dustaug.dust(max_hidden=0.3), {}, r"objects_key must be given with max_hidden, got none: type DustData"),
            (None, {"guide_key": 1}, r"got 1 with center='normal': type spec.replace\(center=\"guide\"\), or leave"),
            (None, {"objects_key": "b"}, "got 'b' with a spec without: type spec.replace"),
            (None, {"guide_key": 1.5}, "guide_key must be a place or a key in a sample, got 1.5"),
        ):
            with pytest.raises(TypeError, match=message):
                DustDataset([(1, 2)], spec, seed=0, **keys)
        with pytest.raises(TypeError, match="sample must be a mapping, a tuple or a list with a guide_key"):
            DustDataset([photos()[0]], dustaug.dust(center="guide"), seed=0, guide_key=1)[0]


class Streamed(IterableDataset):
    """Such a data set has samples at indices, as those of litdata and of MosaicML's streaming."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return index

    def __iter__(self):
        return iter([self[0]])


class Scan:
    """Such an image has its pixels as an attribute, as those of torchio."""

    data = torch.zeros(1, 8, 8, 8)


class TestSamples:
    """What is no image is named, with what to type."""

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (
                lambda: DustDataset(Streamed(), seed=0),
                (
                    r"got Streamed, which has samples at indices but is an IterableDataset, .*: type "
                    r"dustaug.torch.add_dust\(image, seed=…, epoch=…, index=index\) in the method __getitem__"
                ),
            ),
            (
                lambda: DustDataset([{"t1": Scan()}], seed=0, image_key="t1")[0],
                "a Pillow image, got Scan: let the data set return the tensor Scan.data, or a slice of it",
            ),
            (lambda: DustDataset([("a.png", 1)], seed=0)[0], r"got str: type PIL.Image.open\(…\) in the data set"),
            (lambda: DustDataset([(b"\x89PNG", 1)], seed=0)[0], r"got bytes: type PIL.Image.open\(…\)"),
            (lambda: DustDataset([(1, 2)], seed=0)[0], r"got int: type DustDataset\(…, image_key=…\)"),
            (lambda: DustDataset([object()], seed=0)[0], "got object: DustDataset takes a tuple, a list or a mapping"),
        ],
    )
    def test_hints(self, make, message):
        """Each hint helps."""
        with pytest.raises(TypeError, match=message):
            make()

    def test_a_parameter(self):
        """Its dusted copy is a tensor that sends gradients back; the parameter stays clean, unless it is in place."""
        image = torch.nn.Parameter(torch.full((3, 24, 20), 0.5))
        copied = DustDataset([image], SPEC, seed=SEED)[0]
        copied.sum().backward()

        assert type(copied) is torch.Tensor
        assert torch.equal(torch.ones(3, 24, 20), image.grad)
        assert (image == 0.5).all()
        assert not torch.equal(copied, image)
        assert DustDataset([image], SPEC, seed=SEED, inplace=True)[0] is image
        assert torch.equal(copied, image)
        assert torch.equal(add_dust(torch.full((3, 24, 20), 0.5), SPEC, seed=SEED, index=0), copied)


def scheduled(epoch):
    """Return the images of an epoch, painted with the spec that the schedule has for it."""
    grey = torch.full((N, 3, 24, 20), 100, dtype=torch.uint8)
    return add_dust(grey, MANY.at(epoch), seed=SEED, epoch=epoch, index=0)


class TestSchedules:
    """Each sample has the spec of its epoch, whoever tells the epoch."""

    @pytest.mark.parametrize("options", [{}, {"num_workers": 2, "persistent_workers": True, **FORK}])
    def test_workers_agree_on_the_epoch(self, options):
        """Workers that live on follow set_epoch() over three epochs."""
        dataset = DustDataset(Photos(), MANY, seed=SEED)
        loader = DataLoader(dataset, batch_size=5, **options)
        for epoch in (0, 4, 5):
            dataset.set_epoch(epoch)

            assert torch.equal(torch.cat([images for images, _ in loader]), scheduled(epoch))

    def test_a_sampler_tells_the_epoch(self):
        """Workers that live on take the epochs that EpochSampler deals, without set_epoch()."""
        dataset = DustDataset(Photos(), MANY, seed=SEED)
        sampler = EpochSampler(SequentialSampler(dataset), epoch=3)
        loader = DataLoader(dataset, 4, sampler=sampler, num_workers=2, persistent_workers=True, **FORK)
        for epoch in (3, 4, 5):
            assert torch.equal(torch.cat([images for images, _ in loader]), scheduled(epoch))

    def test_every_kind_of_image_has_the_spec_of_the_epoch(self):
        """Tensors, arrays, Pillow images and keys with an epoch agree; so does add_dust()."""
        array = np.full((24, 20, 3), 100, np.uint8)
        kinds = [torch.from_numpy(array).permute(2, 0, 1), array, PIL.Image.fromarray(array)]
        dataset = DustDataset(kinds, MANY, seed=SEED)
        for epoch in (1, 5):
            for i, kind in enumerate(kinds):
                found = dataset[epoch, i]
                found = np.asarray(found.permute(1, 2, 0) if kind is kinds[0] else found)

                assert (found == scheduled(epoch)[i].permute(1, 2, 0).numpy()).all()
            grey = torch.full((N, 3, 24, 20), 100, dtype=torch.uint8)

            assert torch.equal(add_dust(grey, MANY, seed=SEED, epoch=torch.tensor(epoch), index=0), scheduled(epoch))

    def test_a_state_has_the_schedule(self):
        """A data set goes on with the same schedule, and with no other."""
        dataset = DustDataset(Photos(), MANY, seed=SEED, epoch=4)
        resumed = pickle.loads(pickle.dumps(DustDataset(Photos(), MANY, seed=SEED)))
        resumed.load_state_dict(dataset.state_dict())

        assert torch.equal(resumed[3][0], scheduled(4)[3])
        with pytest.raises(
            ValueError, match=r"state must come from a DustDataset of Spec\(\) and seed 7, got Schedule"
        ):
            DustDataset(Photos(), seed=SEED).load_state_dict(dataset.state_dict())

    @pytest.mark.parametrize("seed", [SEED, None])
    def test_a_schedule_that_stays_is_noticed(self, seed):
        """Two passes warn if nobody has told the epoch, with and without a seed."""
        loader = DataLoader(DustDataset(Photos(), MANY, seed=seed), batch_size=N)
        list(loader)
        with pytest.warns(UserWarning, match=r"the Schedule stays in epoch 0, as set_epoch\(\) was never called: call"):
            list(loader)

    def test_without_a_seed_the_epoch_is_that_of_the_data_set(self):
        """Without a seed the spec is that of the epoch that was set: no image has dust in epoch 0."""
        schedule = dustaug.Schedule(dustaug.dust(count_range=(9, 9)), p=dustaug.Schedule.steps({0: 0, 2: 1}))
        dataset = DustDataset(Photos(), schedule)
        for epoch in (0, 2):
            dataset.set_epoch(epoch)
            (images, _), *_ = DataLoader(dataset, batch_size=N)

            assert bool((images != 100).any()) == bool(epoch)

    def test_a_call_without_a_seed_is_refused(self):
        """No epoch belongs to a call without a seed."""
        with pytest.raises(TypeError, match="seed must be given with a Schedule, whose spec is that of an epoch"):
            add_dust(torch.zeros(3, 8, 8), MANY)

    def test_an_epoch_on_another_device_is_refused(self):
        """The spec must be known where the painting is started."""
        with pytest.raises(
            TypeError, match=r"epoch must be a number with a Schedule, .* on meta: type epoch=int\(epoch"
        ):
            add_dust(torch.zeros(3, 8, 8), MANY, seed=0, epoch=torch.zeros((), dtype=int, device="meta"), index=0)
