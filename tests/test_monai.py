"""MONAI: images, volumes and dictionaries get the dust of one drawn seed, in pipelines, caches and workers."""

import copy
import pickle

import monai.transforms as mt
import numpy as np
import pytest
import torch
from monai.data import CacheDataset, DataLoader, Dataset, MetaTensor, set_track_meta
from monai.utils import set_determinism

import dustaug
from dustaug import Schedule, Spec, add_dust
from dustaug.monai import DustRectangles, DustRectanglesd

CUBOIDS = Spec(count_range=(4, 9), side_range=(3, 12), depth_range=(2, 7))
TUBES = CUBOIDS.replace(depth_range=None)
SPECS = {"cuboids": CUBOIDS, "tubes": TUBES, "noise": CUBOIDS.replace(fill="noise"), "mean": TUBES.replace(fill="mean")}


def volume(dtype=np.float32, channels=2):
    """Return a volume (c, h, w, d) whose voxels all differ."""
    values = np.arange(channels * 20 * 24 * 9).reshape(channels, 20, 24, 9)
    whole = values % 251 * (257 if np.dtype(dtype).itemsize == 2 else 1)
    return (whole if np.dtype(dtype).kind in "iu" else values / values.size).astype(dtype)


def seed_of(transform):
    """Return the seed that a transform will draw next."""
    return int(copy.deepcopy(transform.R).randint(0, 2**64, dtype=np.uint64))


def expected(images, spec, seed, **options):
    """Return what add_dust() makes of an image (c, h, w) or a volume (c, h, w, d)."""
    dusted = images.copy()
    if images.ndim == 3:
        return add_dust(dusted, spec, seed=seed, index=0, layout="CHW", **options)
    add_dust(dusted[None].transpose(0, 1, 4, 2, 3), spec, seed=seed, index=0, layout="NCDHW", **options)
    return dusted


def seeded(transform, seed=5):
    return transform.set_random_state(seed=seed)


class TestPixels:
    """The dust is that of add_dust() and the seed which the transform draws."""

    @pytest.mark.parametrize("spec", SPECS)
    def test_volumes(self, spec):
        """Arrays, tensors and MetaTensors of a volume get the same voxels, in every order in memory."""
        given = volume()
        permuted = torch.from_numpy(np.ascontiguousarray(given.transpose(3, 1, 0, 2))).permute(2, 1, 3, 0)
        wanted = expected(given, SPECS[spec], seed_of(seeded(DustRectangles(SPECS[spec]))))

        assert not np.array_equal(wanted, given)
        for image in (given, np.asfortranarray(given), torch.from_numpy(given), permuted, MetaTensor(given)):
            dusted = seeded(DustRectangles(SPECS[spec]))(image)
            np.testing.assert_array_equal(dusted.numpy(), wanted, strict=True)

    def test_cuboids_end_and_tubes_do_not(self):
        """With a depth the slices differ, and without one they do not."""
        cuboids, tubes = (seeded(DustRectangles(spec))(np.zeros((1, 20, 24, 9), np.uint8)) for spec in (CUBOIDS, TUBES))

        assert (cuboids != cuboids[..., :1]).any()
        assert (tubes == tubes[..., :1]).all()
        assert tubes.any()

    def test_images_of_two_dimensions(self):
        """An image (c, h, w) gets rectangles."""
        image = np.full((3, 40, 30), 200, np.uint8)
        transform = seeded(DustRectangles(count_range=(5, 9)))
        wanted = expected(image, Spec(count_range=(5, 9)), seed_of(transform))

        np.testing.assert_array_equal(transform(torch.from_numpy(image)).numpy(), wanted)

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float64])
    def test_every_dtype_of_arrays(self, dtype):
        """Brightness is that of the array's dtype, even where MONAI makes a larger integer of it."""
        transform = seeded(DustRectangles(CUBOIDS))
        wanted = expected(volume(dtype), CUBOIDS, seed_of(transform))

        assert (transform(volume(dtype)).numpy() == wanted).all()

    def test_bfloat16(self):
        """Tensors of bfloat16 stay so."""
        dusted = seeded(DustRectangles(CUBOIDS))(torch.zeros(1, 20, 24, 9, dtype=torch.bfloat16))

        assert dusted.dtype == torch.bfloat16
        assert dusted.any()

    def test_value_range(self):
        """Black and white are those of the value range."""
        given = volume(np.int32) * 0
        transform = seeded(DustRectangles(TUBES, value_range=(-1000, 3000)))
        wanted = expected(given, TUBES, seed_of(transform), value_range=(-1000, 3000))

        assert wanted.min() < 0 < wanted.max()
        assert (transform(torch.from_numpy(given)).numpy() == wanted).all()


class TestDictionaries:
    """All images of a dictionary share the draw."""

    def test_all_keys_get_the_same_places(self):
        """Images of other channels and dtypes are dusted at the same voxels, and other entries are the same objects."""
        sample = {"a": np.zeros((1, 20, 24, 9), np.float32), "b": torch.zeros(3, 20, 24, 9, dtype=torch.uint8), "n": []}
        dusted = seeded(DustRectanglesd(["a", "b"], CUBOIDS))(sample)

        assert (dusted["a"].as_tensor().any(dim=0) == dusted["b"].as_tensor().any(dim=0)).all()
        assert dusted["a"].any()
        assert dusted["n"] is sample["n"]

    def test_it_is_the_dust_of_the_array_transform(self):
        """A dictionary with one image gets what the image gets alone."""
        alone = seeded(DustRectangles(CUBOIDS))(volume())

        assert (seeded(DustRectanglesd("a", CUBOIDS))({"a": volume()})["a"] == alone).all()

    def test_the_sample_stays(self):
        """Neither the dictionary nor an image in it changes."""
        sample = {"a": volume(), "b": torch.from_numpy(volume()), "c": MetaTensor(volume())}
        before = dict(sample)
        dusted = seeded(DustRectanglesd(["a", "b", "c"], CUBOIDS))(sample)

        assert all(sample[key] is before[key] for key in before)
        for image, given in zip(dusted.values(), sample.values(), strict=True):
            assert (torch.as_tensor(given).numpy() == volume()).all()
            assert (image.numpy() != volume()).any()

    def test_missing_keys(self):
        """A missing key is allowed if that was said, and the next call draws what it would have drawn."""
        both, some = (seeded(DustRectanglesd(["a", "b"], CUBOIDS, allow_missing_keys=True)) for _ in range(2))
        both({"a": volume(), "b": volume()})

        assert some({"n": 1}) == {"n": 1}
        assert (both({"a": volume()})["a"] == some({"a": volume()})["a"]).all()


class TestMetadata:
    """What comes back is what MONAI's own transforms return."""

    def test_metadata_and_operations_stay(self):
        """A MetaTensor keeps affine, metadata and applied operations, to which dust adds none, and owns its copies."""
        image = mt.Flip(0)(MetaTensor(volume(), affine=torch.diag(torch.tensor([2.0, 3, 4, 1])), meta={"name": "a"}))
        dusted = seeded(DustRectangles(CUBOIDS))(image)

        assert isinstance(dusted, MetaTensor)
        assert (dusted.affine == image.affine).all()
        assert dusted.meta["name"] == "a"
        assert dusted.applied_operations == image.applied_operations
        assert len(dusted.applied_operations) == 1
        dusted.meta["name"] = "b"
        assert image.meta["name"] == "a"

    @pytest.mark.parametrize("tracked", [True, False])
    def test_arrays_become_what_monai_makes_of_them(self, tracked):
        """Arrays become MetaTensors, or tensors where metadata is not tracked, as in RandCoarseDropout."""
        try:
            set_track_meta(tracked)
            for image in (volume(), torch.from_numpy(volume()), MetaTensor(volume())):
                theirs = mt.RandCoarseDropout(holes=1, spatial_size=4, prob=1)(copy.deepcopy(image))

                assert type(DustRectangles(CUBOIDS)(image)) is type(theirs)
        finally:
            set_track_meta(True)

    def test_a_pipeline_is_inverted_around_it(self):
        """Invertible transforms before and after it can still be inverted."""
        image = MetaTensor(torch.zeros(1, 20, 24, 9))
        compose = mt.Compose([mt.Flipd("a", 0), DustRectanglesd("a", CUBOIDS), mt.Flipd("a", 0)])
        compose.set_random_state(seed=3)
        dusted = compose({"a": image})

        inverted = compose.inverse(dict(dusted))["a"]

        assert inverted.any()
        assert (inverted == dusted["a"]).all()  # Two flips of one axis.
        assert inverted.applied_operations == []

    def test_pending_operations_come_first(self):
        """In a lazy pipeline, what is pending is done before the dust."""
        steps = [mt.Flipd("a", 0), DustRectanglesd("a", CUBOIDS)]
        lazy, eager = (mt.Compose(steps, lazy=lazy) for lazy in (True, False))
        dusted = [compose.set_random_state(seed=3)({"a": MetaTensor(volume())})["a"] for compose in (lazy, eager)]

        assert (dusted[0] == dusted[1]).all()


class TestRandomness:
    """Seeds come from MONAI's Randomizable."""

    def test_compose_seeds_it(self):
        """Compose.set_random_state() repeats the dust, which differs from call to call and from seed to seed."""
        compose, drawn = mt.Compose([DustRectanglesd("a", CUBOIDS)]), []
        for seed in (1, 2, 1):
            compose.set_random_state(seed=seed)
            drawn.append([compose({"a": volume()})["a"].numpy().tobytes() for _ in range(2)])

        assert len({*drawn[0], *drawn[1]}) == 4
        assert drawn[0] == drawn[2]

    def test_randomize_false_repeats(self):
        """With randomize=False another image gets the dust of the call before."""
        transform = seeded(DustRectangles(CUBOIDS))
        first = transform(np.zeros((1, 20, 24, 9), np.uint8))

        assert (transform(np.zeros((1, 20, 24, 9), np.uint8), randomize=False) == first).all()
        assert (transform(np.zeros((1, 20, 24, 9), np.uint8)) != first).any()

    def test_pickles_and_copies_go_on(self):
        """A pickle and a deep copy draw what the original draws next."""
        transform = seeded(DustRectanglesd(["a"], CUBOIDS, value_range=(0, 2), allow_missing_keys=True))
        copies = [pickle.loads(pickle.dumps(transform)), copy.deepcopy(transform)]
        wanted = transform({"a": volume()})["a"]

        for each in copies:
            assert repr(each) == repr(transform)
            assert (each({"a": volume()})["a"] == wanted).all()

    def test_the_spec_decides_how_often(self):
        """The p of the spec leaves that share of the images clean."""
        transform = seeded(DustRectangles(CUBOIDS.replace(p=0.25)))
        n = sum(bool(transform(np.zeros((1, 20, 24, 9), np.uint8)).any()) for _ in range(400))

        assert 65 < n < 135


class TestDataSets:
    """Caches and loaders of MONAI treat it as a random transform."""

    def test_it_is_not_cached(self):
        """CacheDataset keeps clean volumes, and dusts them anew each time."""
        steps = [mt.Flipd("a", 0), DustRectanglesd("a", CUBOIDS)]
        dataset = CacheDataset([{"a": volume()}], mt.Compose(steps).set_random_state(seed=4), progress=False)
        cached = dataset._cache[0]["a"].numpy().copy()
        first, second = (dataset[0]["a"].numpy() for _ in range(2))

        assert (cached == volume()[:, ::-1]).all()
        assert (first != second).any()
        assert (dataset._cache[0]["a"].numpy() == cached).all()

    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
    def test_workers_differ_and_repeat(self):
        """Each worker of MONAI's DataLoader has other dust, each epoch too, and a seed repeats them."""

        def epochs():
            set_determinism(seed=7)
            transform = mt.Compose([DustRectanglesd("a", CUBOIDS)])
            dataset = Dataset([{"a": np.zeros((1, 20, 24, 9), np.float32)}] * 4, transform)
            loader = DataLoader(dataset, batch_size=1, num_workers=2, multiprocessing_context="fork")
            return [batch["a"].numpy() for _ in range(2) for batch in loader]

        try:
            first, again = epochs(), epochs()
        finally:
            set_determinism(seed=None)

        assert len({each.tobytes() for each in first}) == 8
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


ERRORS = {
    "prob": (
        lambda: DustRectanglesd("a", prob=0.5),
        TypeError,
        "fields of Spec must be known, got prob: type p=0.5",
    ),
    "no keys": (
        lambda: DustRectanglesd([]),
        TypeError,
        'keys must be one key of a dictionary or several, got []: type keys="image"',
    ),
    "a guide": (
        lambda: DustRectangles(center="guide"),
        ValueError,
        (
            "spec must need no guide, objects or donors in DustRectangles, which has none, got Spec(center='guide'): "
            "type dustaug.torch.add_dust(images, spec, …) with them"
        ),
    ),
    "donors": (
        lambda: DustRectanglesd("a", dustaug.cutmix()),
        ValueError,
        (
            f"spec must need no guide, objects or donors in DustRectanglesd, which has none, got {dustaug.cutmix()!r}: "
            "type dustaug.torch.add_dust(images, spec, …) with them"
        ),
    ),
    "a schedule": (
        lambda: DustRectangles(Schedule(TUBES, p=Schedule.linear(0, 1, epochs=10))),
        TypeError,
        (
            "spec must be a Spec in a transform of MONAI, which knows no epoch, got a Schedule: type "
            'dustaug.torch.add_dust(volumes, schedule, layout="NCDHW", seed=0, epoch=0, index=0), or schedule.at(epoch)'
        ),
    ),
    "a path": (
        lambda: DustRectanglesd("a")({"a": "scan.nii"}),
        TypeError,
        "images must be NumPy arrays or tensors, got str as sample['a']: type LoadImaged(keys) before, if it is a path",
    ),
    "no mapping": (
        lambda: DustRectanglesd("a")(3),
        TypeError,
        "a sample must be a mapping, got 3: type dustaug.monai.DustRectangles(…) for images",
    ),
    "no channels": (
        lambda: DustRectangles()(np.zeros((8, 8), np.uint8)),
        ValueError,
        (
            "images must have the axes (c, h, w) or (c, h, w, d), got shape (8, 8) as img: type EnsureChannelFirstd"
            "(keys) before, if the channels are missing"
        ),
    ),
    "a depth in two dimensions": (
        lambda: DustRectangles(CUBOIDS)(np.zeros((1, 8, 8), np.uint8)),
        ValueError,
        "layout must be one of NDHWC, NCDHW with depth_range, got CHW: type spec.replace(depth_range=None) for images",
    ),
    "sizes": (
        lambda: DustRectanglesd(["a", "b"])({"a": volume(), "b": volume()[:, 1:]}),
        ValueError,
        (
            "images must be of one size to get the same dust, got (20, 24, 9) and (19, 24, 9) at 'b': type one "
            "DustRectanglesd for each size"
        ),
    ),
    "another device": (
        lambda: DustRectangles()(torch.zeros(1, 8, 8, 8, device="meta")),
        ValueError,
        (
            "volumes must be on the CPU, got img on meta: type img.cpu(), or put the transform before EnsureTyped(keys"
            ', device="cuda")'
        ),
    ),
    "integers": (
        lambda: DustRectangles()(volume(np.int64)),
        ValueError,
        (
            "value_range must be given for images of int64, as no picture fills that dtype, got none: type "
            "value_range=(0, 255), or whatever black and white are"
        ),
    ),
}


@pytest.mark.parametrize("what", ERRORS)
def test_errors(what):
    """Errors say what must hold, what was given, and what to type."""
    call, kind, message = ERRORS[what]

    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


def test_a_missing_key():
    """A missing key is a KeyError that names the keys which are there."""
    with pytest.raises(KeyError, match=r"a sample must have the key 'b', got \['a'\]: type DustRectanglesd\(…, allow_"):
        DustRectanglesd(["a", "b"])({"a": volume()})


def test_repr():
    """The transforms show their arguments."""
    assert repr(DustRectangles(dustaug.cutout(8))) == f"DustRectangles({dustaug.cutout(8)!r})"
    assert repr(DustRectanglesd("a", TUBES, allow_missing_keys=True, value_range=(0, 9))) == (
        f"DustRectanglesd(keys=('a',), allow_missing_keys=True, {TUBES!r}, value_range=(0, 9))"
    )
