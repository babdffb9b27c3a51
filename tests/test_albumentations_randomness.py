"""Without a seed, the dust of the Albumentations transform differs or repeats as its generators do."""

import multiprocessing
import pickle

import albumentations as A
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from albumentations_helpers import DENSE, X, always, grey
from dustaug import Spec, random_erasing
from dustaug.albumentations import DustRectangles


class Repeated(Dataset):
    """The data set gives the same image again and again, each time with other dust."""

    def __init__(self, compose):
        self.compose = compose

    def __len__(self):
        return 16

    def __getitem__(self, index):
        return self.compose(image=grey(32, 32, 3))["image"]


def dust_in_child(compose, results, seed=None):
    if seed is not None:
        compose.set_random_seed(seed)
    results.put(compose(image=grey(32, 32, 3))["image"].tobytes())


def dust_in_children(compose, *arguments):
    """Return what three forked children paint."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    children = [context.Process(target=dust_in_child, args=(compose, results, *arguments)) for _ in range(3)]
    for child in children:
        child.start()
    images = [results.get(timeout=60) for _ in children]
    for child in children:
        child.join()
    return images


class TestRandomness:
    """Without a seed, Albumentations' generators decide the dust."""

    def run(self, compose, n=8):
        """Return n dusted images."""
        return [compose(image=grey(32, 32, 3))["image"].tobytes() for _ in range(n)]

    def test_calls_differ_and_so_do_transforms(self):
        """Each call has fresh dust, in any transform."""
        images = self.run(A.Compose([always()])) + self.run(A.Compose([always()])) + self.run(always())

        assert len(set(images)) == 24

    def test_compose_seeds_the_dust(self):
        """The same seed of Compose gives the same sequence, and another seed gives another one."""
        first, second, other = (self.run(A.Compose([always()], seed=seed)) for seed in (3, 3, 4))

        assert first == second
        assert not set(first) & set(other)

    def test_generators_may_be_set_by_hand(self):
        """set_random_seed() makes the sequence begin again."""
        compose = A.Compose([always()], seed=3)
        first = self.run(compose)
        compose.set_random_seed(3)

        assert first == self.run(compose)

    def test_p_is_the_probability_of_a_call(self):
        """The default p is 0.5, as for all transforms of Albumentations."""
        compose = A.Compose([DustRectangles(DENSE)], seed=3)
        changed = sum(image != grey(32, 32, 3).tobytes() for image in self.run(compose, 400))

        assert 150 < changed < 250
        assert self.run(A.Compose([DustRectangles(DENSE, p=0)]), 3) == [grey(32, 32, 3).tobytes()] * 3

    def test_only_one_coin_is_tossed_by_default(self):
        """If the spec has a probability, the transform's own p is 1 unless it is given."""
        assert [1.0, 1.0, 0.5, 0.3] == [
            DustRectangles(random_erasing()).p,
            DustRectangles(Spec(p=0.2)).p,
            DustRectangles().p,
            DustRectangles(random_erasing(), p=0.3).p,
        ]

    def test_force_apply_applies(self):
        """force_apply overrules p, as OneOf needs it."""
        assert (DustRectangles(DENSE, p=0.01)(image=grey(32, 32), force_apply=True)["image"] != 100).any()
        one_of = A.Compose([A.OneOf([DustRectangles(DENSE, p=0.01)], p=1)])

        assert (one_of(image=grey(32, 32, 3))["image"] != 100).any()

    def test_global_generators_are_not_touched(self):
        """Neither NumPy's nor torch's global generator changes."""
        states = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
        self.run(A.Compose([always()]))

        assert states == (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    @pytest.mark.parametrize("seed", [None, 3])
    def test_forked_workers_and_epochs_differ(self, seed):
        """2 workers give 32 different images in 2 epochs of 16 (2.0.8's own transforms give 8)."""
        loader = DataLoader(
            Repeated(A.Compose([always()], seed=seed)), batch_size=4, num_workers=2, multiprocessing_context="fork"
        )
        images = [image.numpy().tobytes() for _ in range(2) for batch in loader for image in batch]

        assert len(set(images)) == 32

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_workers_are_reproducible(self):
        """The same seeds of torch and Compose give the same dust in workers."""

        def run():
            torch.manual_seed(5)
            loader = DataLoader(
                Repeated(A.Compose([always()], seed=3)), batch_size=4, num_workers=2, multiprocessing_context="fork"
            )
            return [batch.numpy().tobytes() for batch in loader]

        assert run() == run()

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_other_children_differ_too(self):
        """Children that are forked without torch's help have dust of their own."""
        compose = A.Compose([always()], seed=3)

        assert len({*dust_in_children(compose), *self.run(compose, 1)}) == 4

    if not X:

        @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
        def test_a_child_that_is_seeded_is_reproducible(self):
            """A child that sets a seed repeats.

            AlbumentationsX does not tell its transforms of such a seed.
            """
            compose = A.Compose([always()])

            assert len({*dust_in_children(compose, 5)}) == 1

    def test_pickles_differ_elsewhere(self, run_python, tmp_path):
        """Processes that load the same pickle, as spawned workers do, have dust of their own."""
        (tmp_path / "compose").write_bytes(pickle.dumps(A.Compose([always()], seed=3)))
        program = (
            "import pickle, sys, numpy as np, dustaug.albumentations\n"
            "compose = pickle.load(open(sys.argv[1], 'rb'))\n"
            "print(hash(compose(image=np.zeros((32, 32, 3), np.uint8))['image'].tobytes()))"
        )
        hashes = {run_python(program, tmp_path / "compose", PYTHONHASHSEED="0") for _ in range(2)}

        assert len(hashes) == 2
