"""In Albumentations, a spec with a depth paints cuboids on volumes and videos, and masks and keypoints follow."""

import pickle

import albumentations as A
import numpy as np
import pytest

from albumentations_helpers import FORMAT, always, boxed, drawn, grey, pointed, seeded
from dustaug import Spec, add_dust, sample_rectangles

CUBOIDS = Spec(count_range=(6, 9), side_range=(4, 15), depth_range=(1, 5), fill_range=(200, 255))
FRACTIONS = CUBOIDS.replace(depth_fraction_range=(0.2, 0.6), fill="noise")
SHAPE = (8, 30, 40)
KEY = {"index": 5, "epoch": 3}


def dusted(volumes, spec=CUBOIDS, index=5):
    """Return volumes (n, d, h, w, c) with the dust of their indices."""
    return add_dust(volumes.copy(), spec, seed=7, epoch=3, index=index, layout="NDHWC")


def covered(index=5):
    drawn = sample_rectangles(CUBOIDS, height=30, width=40, depth=8, seed=7, epoch=3, index=np.atleast_1d(index))
    return drawn.mask()


class TestCuboids:
    """The voxels are those of add_dust() with the layout NDHWC."""

    @pytest.mark.parametrize("name", ["volume", "images"])
    @pytest.mark.parametrize("spec", [CUBOIDS, FRACTIONS])
    @pytest.mark.parametrize("channels", [(), (1,), (3,)])
    def test_one_volume(self, name, spec, channels):
        """A volume, and the frames of a video, get the cuboids of one index, with channels or without."""
        volume = grey(*SHAPE, *channels)
        found = A.Compose([seeded(spec)])(**{name: volume}, **KEY)[name]
        wanted = dusted(volume.reshape(1, *SHAPE, -1), spec).reshape(volume.shape)

        np.testing.assert_array_equal(found, wanted, strict=True)
        assert (found != found[:1]).any()
        assert (volume == 100).all()

    @pytest.mark.parametrize("same_on_batch", [True, False])
    def test_volumes(self, same_on_batch):
        """Volumes of a batch share their cuboids, or each has those of its own index."""
        volumes = grey(3, *SHAPE, 2)
        found = A.Compose([seeded(CUBOIDS, same_on_batch=same_on_batch)])(volumes=volumes, **KEY)["volumes"]

        assert (found == dusted(volumes, index=np.full(3, 5) if same_on_batch else np.arange(5, 8))).all()

    def test_in_place(self):
        """With inplace=True the given volume is painted."""
        volume = grey(*SHAPE)

        assert seeded(CUBOIDS, inplace=True)(volume=volume, **KEY)["volume"] is volume
        assert (volume == dusted(grey(1, *SHAPE, 1))[0, ..., 0]).all()

    def test_drawn_seeds(self):
        """Without a seed the generator of Compose draws it, and its seed repeats the cuboids."""
        first, again = (A.Compose([always(CUBOIDS)], seed=3)(volume=grey(*SHAPE))["volume"] for _ in range(2))

        assert (first == again).all()
        assert (first != first[:1]).any()

    def test_a_guide(self):
        """Cuboids have their centres where the guide of the volume is not zero."""
        guide = np.zeros((30, 40), np.uint8)
        guide[2:6, 2:6] = 1
        spec = CUBOIDS.replace(center="guide", side_range=(2, 2))
        found = seeded(spec, guide_key="guide")(volume=grey(*SHAPE), guide=guide, **KEY)["volume"]

        assert (found[:, :7, :7] != 100).any()
        found[:, :7, :7] = 100
        assert (found == 100).all()

    def test_what_was_drawn_is_told(self):
        """get_applied_params() has the slices of each rectangle."""
        transform = seeded(CUBOIDS)
        transform(volume=grey(*SHAPE), **KEY)
        wanted = sample_rectangles(CUBOIDS, height=30, width=40, depth=8, seed=7, epoch=3, index=5, channels=1)
        told = drawn(transform)

        assert (told["hole_slices"] == wanted.slices).all()
        assert (told["holes"][:, [1, 0, 3, 2]] == wanted.boxes).all()

    def test_a_replay_repeats(self):
        """ReplayCompose repeats the cuboids, and refuses volumes of other depths."""
        compose = A.ReplayCompose([always(CUBOIDS)])
        result = compose(volume=grey(*SHAPE))

        assert (A.ReplayCompose.replay(result["replay"], volume=grey(*SHAPE))["volume"] == result["volume"]).all()
        with pytest.raises(ValueError, match="a replay must get volumes of 8 slices, got 9"):
            A.ReplayCompose.replay(result["replay"], volume=grey(9, 30, 40))

    def test_saved_pipelines(self):
        """Dictionaries and pickles of a pipeline keep the depth."""
        compose = A.Compose([seeded(FRACTIONS)])
        wanted = compose(volume=grey(*SHAPE), **KEY)["volume"]

        for again in (A.from_dict(A.to_dict(compose)), pickle.loads(pickle.dumps(compose))):
            assert (again(volume=grey(*SHAPE), **KEY)["volume"] == wanted).all()


class TestTargets:
    """What belongs to a volume follows its cuboids."""

    def test_masks_with_slices(self):
        """Masks of a volume are filled in the voxels of its cuboids, and so are those of a batch."""
        transform = A.Compose([seeded(CUBOIDS, fill_mask=9)])
        found = transform(volume=grey(*SHAPE), mask3d=np.zeros(SHAPE, np.int32), **KEY)
        batch = A.Compose([seeded(CUBOIDS, fill_mask=9, same_on_batch=False)])
        many = batch(volumes=grey(2, *SHAPE), masks3d=np.zeros((2, *SHAPE), np.int32), **KEY)

        assert (found["mask3d"] == 9 * covered()[0]).all()
        assert ((found["volume"] != 100) == covered()[0]).all()
        assert (many["masks3d"] == 9 * covered([5, 6])).all()

    def test_masks_of_frames(self):
        """Masks of the frames of a video follow frame by frame."""
        masks = np.zeros(SHAPE, np.uint8)
        found = A.Compose([seeded(CUBOIDS, fill_mask=9)])(images=grey(*SHAPE, 3), masks=masks, **KEY)

        assert (found["masks"] == 9 * covered()[0]).all()

    def test_keypoints_with_a_z(self):
        """A keypoint under a cuboid is dropped, and one above it in another slice is not."""
        names = np.argwhere(np.ones(SHAPE))[::7]
        points = names[:, ::-1].astype(np.float32)
        transform = pointed(seeded(CUBOIDS), remove_invisible=True, **{FORMAT: "xyz"})
        found = transform(volume=grey(*SHAPE), keypoints=points, names=list(range(len(points))), **KEY)
        kept = np.flatnonzero(~covered()[0][tuple(names.T)])

        assert 0 < len(kept) < len(points)
        assert [int(name) for name in found["names"]] == kept.tolist()

    def test_boxes_that_are_kept(self):
        """Boxes stay as they are with boxes="keep"."""
        data = {"images": grey(*SHAPE, 3), "bboxes": np.array([[3, 4, 20, 25]], np.float32), "labels": [1]}
        kept, untouched = boxed(seeded(CUBOIDS, boxes="keep"))(**data, **KEY), boxed(A.NoOp())(**data)

        assert (kept["bboxes"] == untouched["bboxes"]).all()


ERRORS = {
    "an image": (
        lambda: seeded(CUBOIDS)(image=grey(30, 40), **KEY),
        (
            "a volume, volumes or the frames of a video must be given in each call with depth_range, got image, index, "
            "epoch: type transform(volume=volume), or spec.replace(depth_range=None)"
        ),
    ),
    "a batch of images": (
        lambda: seeded(FRACTIONS, same_on_batch=False)(images=grey(*SHAPE), **KEY),
        (
            "a volume, volumes or the frames of a video must be given in each call with depth_fraction_range, got "
            "images, index, epoch: type transform(volume=volume), or spec.replace(depth_fraction_range=None)"
        ),
    ),
    "two depths": (
        lambda: seeded(CUBOIDS)(volume=grey(*SHAPE), images=grey(4, 30, 40), **KEY),
        "volumes of a call must have the same number of slices, got {'volume': 8, 'images': 4}",
    ),
    "a mask without slices": (
        lambda: seeded(CUBOIDS, fill_mask=1)(volume=grey(*SHAPE), mask=grey(30, 40), **KEY),
        (
            "masks must be of the volumes' size, (8, 30, 40), and one for each image of a batch with "
            "same_on_batch=False, got shape (1, 30, 40) for 1"
        ),
    ),
    "boxes": (
        lambda: boxed(seeded(CUBOIDS))(images=grey(*SHAPE, 3), bboxes=[[3, 4, 20, 25]], labels=[1], **KEY),
        (
            "bounding boxes must be kept with depth_range, as they have no depth, got boxes='clip' and "
            'visibility_key=None: type boxes="keep", or spec.replace(depth_range=None)'
        ),
    ),
    "keypoints": (
        lambda: pointed(seeded(CUBOIDS), remove_invisible=True)(
            images=grey(*SHAPE, 3), keypoints=[[3, 4]], names=["a"], **KEY
        ),
        "keypoints must have a z with depth_range, got the format 'xy': type A.KeypointParams(\"xyz\", …)",
    ),
}


@pytest.mark.parametrize("what", ERRORS)
def test_errors(what):
    """Errors say what must hold, what was given, and what to type."""
    call, message = ERRORS[what]

    with pytest.raises(ValueError) as caught:  # noqa: PT011  The message is compared.
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["volume", "images"])
def test_without_a_depth_the_slices_share_their_dust(name):
    """Rectangles are tubes, and the voxels are those of add_dust() on each slice."""
    spec = CUBOIDS.replace(depth_range=None)
    found = seeded(spec)(**{name: grey(*SHAPE)}, **KEY)[name]

    assert (found == add_dust(grey(30, 40), spec, seed=7, index=5, epoch=3)).all()
