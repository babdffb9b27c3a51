"""The Albumentations transform keeps what every transform of Albumentations keeps, for all targets at once."""

import warnings

import albumentations as A
import numpy as np
import pytest
import torch

from albumentations_helpers import FORMAT, always, seeded

RANDOM = np.random.default_rng(0)
SIZE = (14, 18)


def values(*shape, dtype=np.uint8):
    return RANDOM.integers(0, 9, shape).astype(dtype)


# Targets that may come together.
GROUPS = {
    "picture": {
        "image": values(*SIZE, 3),
        "mask": values(*SIZE, dtype=np.int32),
        "masks": values(2, *SIZE),
        "bboxes": np.array([[0.1, 0.2, 0.5, 0.9], [0.3, 0.3, 0.4, 0.5], [0, 0, 1, 1]], np.float32),
        "keypoints": np.array([[1.5, 2], [3, 4], [17, 13]], np.float32),
    },
    "grey": {"image": values(*SIZE), "mask": values(*SIZE, 1, dtype=np.float32)},
    "one channel": {"image": values(*SIZE, 1), "mask": values(*SIZE, dtype=np.bool_)},
    "frames": {"images": values(3, *SIZE, 3, dtype=np.float32) / 8, "masks": values(3, *SIZE, 2)},
    "volume": {"volume": values(4, *SIZE, 3), "mask3d": values(4, *SIZE)},
    "volumes": {"volumes": values(2, 4, *SIZE, 1), "masks3d": values(2, 4, *SIZE, dtype=np.float64)},
}
LOOKS = {
    "plain": np.copy,
    "transposed": lambda array: np.ascontiguousarray(array.T).T,
    "flipped": lambda array: np.ascontiguousarray(array[::-1])[::-1],
    "mirrored": lambda array: np.ascontiguousarray(array[..., ::-1])[..., ::-1],
    "steps": lambda array: np.repeat(array, 2, axis=0)[::2],
    "crop": lambda array: np.pad(array, [(1, 1)] * array.ndim)[(slice(1, -1),) * array.ndim],
    "broadcast": lambda array: np.broadcast_to(array[:1], array.shape),
}
OPTIONS = [{}, {"fill_mask": 1}, {"boxes": "keep"}, {"boxes": "keep", "fill_mask": 0}]


def compose(*transforms, door=A.Compose, **arguments):
    return door(
        transforms,
        bbox_params=A.BboxParams(**{FORMAT: "albumentations"}),
        keypoint_params=A.KeypointParams(**{FORMAT: "xy"}, remove_invisible=True),
        **arguments,
    )


def alone(transform, **data):
    return transform(**data, index=3, epoch=0)


def composed(transform, door=A.Compose, **data):
    """Call a transform in a pipeline; Albumentations 2.0.8 takes no boxes and keypoints beside `volumes`."""
    pipeline = compose(transform, door=door) if "bboxes" in data else door([transform])
    return pipeline(**data, index=3, epoch=0)


def recorded(transform, **data):
    return composed(transform, A.ReplayCompose, **data)


DOORS = {"alone": alone, "Compose": composed, "ReplayCompose": recorded}


def fixed(p, **options):
    """Return a transform that draws the same in each call, if it is applied."""
    transform = seeded(**options)
    transform.p = p
    return transform


def torch_takes(array):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return tuple(torch.from_numpy(array).shape) == array.shape


def copies(group):
    return {name: np.array(array) for name, array in group.items()}


def assert_equal(found, expected):
    for name, array in expected.items():
        assert np.asarray(found[name]).dtype == np.asarray(array).dtype
        assert np.array_equal(found[name], array)


class TestMemory:
    """Whatever the memory of a target looks like, the same values come back, in memory that torch takes."""

    @pytest.mark.parametrize("options", OPTIONS, ids=str)
    @pytest.mark.parametrize("p", [0, 1])
    @pytest.mark.parametrize("door", DOORS)
    @pytest.mark.parametrize("look", LOOKS)
    def test_what_comes_back_is_contiguous(self, look, door, p, options):
        """Every array is C-contiguous, is no view of an array that was not, and is as from plain memory."""
        for group in GROUPS.values():
            given = {name: LOOKS[look](array) for name, array in group.items()}
            expected = DOORS[door](fixed(p, **options), **copies(given))
            before = copies(given)
            found = DOORS[door](fixed(p, **options), **given)
            for name, array in given.items():
                assert np.array_equal(array, before[name])
                assert found[name].flags.c_contiguous
                assert array.flags.c_contiguous or not np.shares_memory(found[name], array)
                assert torch_takes(found[name])
            assert_equal(found, {name: expected[name] for name in given})

    @pytest.mark.parametrize("door", DOORS)
    @pytest.mark.parametrize("kind", [list, tuple])
    def test_lists_of_masks_are_contiguous_too(self, kind, door):
        """The masks of a list are copied one by one if they must be, and are the same objects if not."""
        masks = values(2, *SIZE)
        mirrored = np.ascontiguousarray(masks[..., ::-1])[..., ::-1]
        for options in OPTIONS:
            transform = fixed(1, **options)
            plain, found = (
                DOORS[door](transform, image=GROUPS["picture"]["image"], masks=kind(given))["masks"]
                for given in (masks, mirrored)
            )

            assert all(mask.flags.c_contiguous and torch_takes(mask) for mask in found)
            assert np.array_equal(plain, found)

    def test_an_axis_of_one_may_be_flipped(self):
        """NumPy calls memory contiguous that torch refuses: BGR to RGB of a grey image has a negative stride."""
        grey = values(*SIZE, 1)[..., ::-1]
        for door in DOORS.values():
            found = door(fixed(1), image=grey, mask=grey)

            assert all(torch_takes(found[name]) for name in ("image", "mask"))

    @pytest.mark.parametrize("name", ["image", "mask"])
    @pytest.mark.parametrize("look", ["transposed", "flipped", "mirrored", "steps", "crop"])
    def test_in_place_the_result_is_contiguous_too(self, name, look):
        """The given array is painted, and a copy of it comes back where it is not contiguous."""
        group = {"image": values(*SIZE, 3), "mask": values(*SIZE)}
        given = {**group, name: LOOKS[look](group[name])}
        found = alone(fixed(1, inplace=True, fill_mask=77), **given)

        assert np.array_equal(found[name], given[name])
        assert not np.array_equal(given[name], group[name])
        assert torch_takes(found[name])

    def test_contiguous_masks_are_not_copied(self):
        """A mask that dust does not change and that needs no copy is the very same object, as in Albumentations."""
        mask, masks = values(*SIZE), list(values(2, *SIZE))
        for transform in (fixed(1), fixed(0)):
            found = alone(transform, image=values(*SIZE, 3), mask=mask, masks=masks)

            assert found["mask"] is mask
            assert found["masks"] is masks


class TestTargets:
    """Everything that a call is given comes back."""

    @pytest.mark.parametrize("group", GROUPS)
    @pytest.mark.parametrize("door", DOORS)
    def test_shapes_and_dtypes_stay(self, door, group):
        """All targets come back with their dtype and, but for boxes and keypoints, their shape."""
        found = DOORS[door](fixed(1, fill_mask=1), **copies(GROUPS[group]))
        for name, array in GROUPS[group].items():
            assert found[name].dtype.kind == array.dtype.kind
            assert found[name].shape == array.shape or name in ("bboxes", "keypoints")

    @pytest.mark.parametrize("p", [0, 1])
    @pytest.mark.parametrize("door", DOORS)
    def test_other_data_is_passed_on(self, door, p):
        """What is no target, and a target that is None, comes back as the very same object."""
        other = {"name": "guitar", "scores": np.arange(6), "nothing": None, "lists": [np.arange(4)[::-1]]}
        found = DOORS[door](fixed(p, fill_mask=1), image=values(*SIZE, 3), mask=None, **other)

        assert all(found[name] is value for name, value in other.items())
        assert found["mask"] is None

    @pytest.mark.parametrize("options", OPTIONS, ids=str)
    def test_nothing_to_change_is_no_error(self, options):
        """No boxes, no keypoints and no masks come back as none."""
        found = compose(fixed(1, **options))(
            image=values(*SIZE, 3),
            masks=np.zeros((0, *SIZE), np.uint8),
            bboxes=np.zeros((0, 4), np.float32),
            keypoints=np.zeros((0, 2), np.float32),
            index=3,
            epoch=0,
        )

        assert [len(found[name]) for name in ("masks", "bboxes", "keypoints")] == [0, 0, 0]

    @pytest.mark.parametrize("door", ["Compose", "ReplayCompose"])
    def test_many_additional_targets(self, door):
        """Ten images, masks, boxes and sets of keypoints more are treated as the first of their kind."""
        group = GROUPS["picture"]
        more = {f"{name}{place}": name for name in ("image", "mask", "bboxes", "keypoints") for place in range(10)}
        transform = compose(fixed(1, fill_mask=1), door=getattr(A, door), additional_targets=more)
        data = {name: np.array(group[kind]) for name, kind in more.items()}
        found = transform(**copies(group), **data, index=3, epoch=0)

        assert_equal(found, {name: found[kind] for name, kind in more.items()})
        assert len(found["bboxes"]) == len(found["bboxes9"])

    def test_a_pipeline_goes_on(self):
        """Other transforms before and behind take and give all targets."""
        pipeline = compose(A.HorizontalFlip(p=1), fixed(1, fill_mask=1), A.Transpose(p=1), A.RandomCrop(9, 9, p=1))
        found = pipeline(**copies(GROUPS["picture"]), index=3, epoch=0)

        assert found["image"].shape == (9, 9, 3)
        assert found["mask"].shape == (9, 9)
        assert all(torch_takes(found[name]) for name in GROUPS["picture"])


class TestRepeats:
    """The same seed gives the same of everything, and so does what was saved."""

    @pytest.mark.parametrize("group", GROUPS)
    def test_a_seed_of_compose(self, group):
        """Two pipelines of one seed give the same targets, call by call; of two seeds they do not."""
        first, second, third = (A.Compose([always(fill_mask=1)], seed=seed) for seed in (3, 3, 4))
        same = [[pipeline(**copies(GROUPS[group])) for _ in range(4)] for pipeline in (first, second, third)]
        picture = next(iter(GROUPS[group]))
        for one, two in zip(*same[:2], strict=True):
            assert_equal(one, two)
        assert not all(np.array_equal(one[picture], two[picture]) for one, two in zip(*same[1:], strict=True))

    @pytest.mark.parametrize("group", GROUPS)
    def test_a_replay(self, group):
        """A replay gives all targets again."""
        first = A.ReplayCompose([always(fill_mask=1)])(**copies(GROUPS[group]))
        again = A.ReplayCompose.replay(first["replay"], **copies(GROUPS[group]))

        assert_equal({name: again[name] for name in GROUPS[group]}, {name: first[name] for name in GROUPS[group]})

    @pytest.mark.parametrize("options", [*OPTIONS, {"same_on_batch": False}, {"value_range": (0, 8)}], ids=str)
    @pytest.mark.parametrize("group", ["picture", "frames", "volumes"])
    def test_what_was_saved(self, group, options):
        """A pipeline from a dict gives what the pipeline gave."""
        if group == "picture" and "same_on_batch" in options:
            options = {}  # Boxes belong to one image.
        pipeline = A.Compose([always(**options), seeded(**options)], seed=5)
        again = A.from_dict(A.to_dict(pipeline))
        again.set_random_seed(5)
        data = {name: array for name, array in GROUPS[group].items() if name not in ("bboxes", "keypoints")}

        assert_equal(again(**copies(data), index=3, epoch=0), pipeline(**copies(data), index=3, epoch=0))
