"""The transform for Albumentations 2.0.8 and AlbumentationsX: one file for both, run against whichever is installed."""

import doctest
import io
import multiprocessing
import os
import pickle
import threading
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset

# Albumentations would ask for newer versions of itself at import, and warn if it cannot.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations as A

import dustaug.albumentations
from dustaug import Spec, add_dust, cutout, dust, random_erasing, sample_rectangles
from dustaug.albumentations import DustRectangles

X = hasattr(A.BasicTransform, "sample_parameters")
FORMAT = "coord_format" if X else "format"

# Every image gets some of it, and much of it.
DENSE = Spec(count_range=(20, 31))


def grey(*shape, dtype=np.uint8):
    return np.full(shape, 100, dtype)


def always(spec=DENSE, **arguments):
    return DustRectangles(spec, p=1, **arguments)


def seeded(spec=DENSE, **arguments):
    return DustRectangles(spec, seed=7, index_key="index", epoch_key="epoch", **arguments)


def expected(images, spec=DENSE, **key):
    return add_dust(images.copy(), spec, seed=7, **key)


def covered(image, index=5):
    """What the dust of an index covers of an image."""
    return sample_rectangles(DENSE, height=image.shape[0], width=image.shape[1], seed=7, index=index).mask(
        *image.shape[:2]
    )[0]


def boxed(*transforms, **params):
    return A.Compose(transforms, bbox_params=A.BboxParams(**{FORMAT: "pascal_voc"}, label_fields=["labels"], **params))


def pointed(*transforms, **params):
    params = {FORMAT: "xy", "label_fields": ["names"], **({"label_mapping": {}} if X else {}), **params}
    return A.Compose(transforms, keypoint_params=A.KeypointParams(**params))


def drawn(transform):
    """Return the parameters of the last call."""
    applied = transform.get_applied_params()
    return applied["params"] if X else applied


class TestSeeded:
    """A seed and an index: the promise of add_dust()."""

    @pytest.mark.parametrize("spec", [dust(), cutout(9), random_erasing(), DENSE.replace(fill="color"),
                                      DENSE.replace(fill="noise"), DENSE.replace(fill="mean")])  # fmt: skip
    @pytest.mark.parametrize("wrap", ["alone", "compose", "strict"])
    def test_the_pixels_are_those_of_add_dust(self, spec, wrap):
        """Alone and inside of a Compose, strict or not."""
        transform = seeded(spec)
        if wrap != "alone":
            transform = A.Compose([transform], strict=wrap == "strict")
        image = grey(40, 50, 3)
        result = transform(image=image, index=17, epoch=3)

        assert (expected(image, spec, index=17, epoch=3) == result["image"]).all()
        assert (result["index"], result["epoch"]) == (17, 3)

    @settings(max_examples=30)
    @given(st.integers(0, 2**64 - 1), st.integers(0, 2**63 - 2), st.integers(0, 2**32 - 1))
    def test_any_key_will_do(self, seed, index, epoch):
        """All seeds, indices and epochs of add_dust() are taken."""
        transform = DustRectangles(DENSE, seed=seed, index_key="i", epoch_key="e")
        image = add_dust(grey(20, 30), DENSE, seed=seed, index=index, epoch=epoch)

        assert (image == transform(image=grey(20, 30), i=index, e=epoch)["image"]).all()

    @pytest.mark.parametrize("index", [np.int64(5), torch.tensor(5), np.array(5)])
    def test_an_index_may_come_from_an_array(self, index):
        """Data sets hand out whole numbers of many kinds."""
        assert (expected(grey(20, 30), index=5) == seeded()(image=grey(20, 30), index=index, epoch=0)["image"]).all()

    def test_without_an_epoch_key_the_epoch_is_zero(self):
        """Its key is optional."""
        transform = DustRectangles(DENSE, seed=7, index_key="index")

        assert (expected(grey(20, 30), index=5) == transform(image=grey(20, 30), index=5)["image"]).all()

    def test_a_call_without_its_index_is_an_error(self):
        """The names that are missing, and those that are there, are said."""
        with pytest.raises(ValueError, match="index must be given in each call, as index_key='index' says, got image"):
            seeded()(image=grey(20, 30), epoch=0)
        with pytest.raises(ValueError, match="epoch must be given in each call, as epoch_key='epoch' says"):
            A.Compose([seeded()])(image=grey(20, 30), index=0)

    def test_a_bad_index_is_an_error(self):
        """Fractions, negative numbers, and arrays where there is one index."""
        for error, index in ((TypeError, 0.5), (ValueError, -1), (TypeError, [1, 2])):
            with pytest.raises(error, match="index must be"):
                seeded()(image=grey(20, 30), index=index, epoch=0)
        with pytest.raises(ValueError, match="epoch must be from 0 to"):
            seeded()(image=grey(20, 30), index=0, epoch=-1)

    def test_a_seeded_transform_is_always_applied(self):
        """No coin of Albumentations' decides with a seed."""
        assert seeded().p == seeded(p=1).p == 1
        with pytest.raises(ValueError, match=r"p must be left out with a seed.*got 0.25: type DustRectangles\(dustaug"):
            seeded(p=0.25)

    def test_compose_does_not_take_the_seed_away(self):
        """Compose writes its own seed on its transforms."""
        compose = A.Compose([seeded()], seed=3)
        compose.set_random_seed(4)

        assert (expected(grey(20, 30), index=5) == compose(image=grey(20, 30), index=5, epoch=0)["image"]).all()

    def test_threads_share_a_transform(self):
        """Concurrent calls do not disturb each other."""
        compose, wrong = A.Compose([seeded()]), []

        def work(first):
            for index in range(first, first + 50):
                image = compose(image=grey(30, 30, 3), index=index, epoch=0)["image"]
                if (image != expected(grey(30, 30, 3), index=index)).any():
                    wrong.append(index)

        threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 400, 100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [] == wrong


class TestBatch:
    """Images, volumes and their masks: videos, or batches."""

    @pytest.mark.parametrize("shape", [(4, 30, 40, 3), (4, 30, 40)])
    @pytest.mark.parametrize("kind", ["images", "volume"])
    def test_frames_and_slices_share_their_dust(self, kind, shape):
        """A video and a volume have one index."""
        result = seeded()(**{kind: grey(*shape)}, index=5, epoch=1)[kind]

        for frame in result:
            assert (expected(grey(*shape[1:]), index=5, epoch=1) == frame).all()

    def test_volumes_share_their_dust(self):
        """By default everything in a call does."""
        result = seeded()(volumes=grey(2, 4, 30, 40, 3), index=5, epoch=0)["volumes"]

        assert (expected(grey(30, 40, 3), index=5) == result).all()

    def test_images_of_a_batch_have_their_own(self):
        """The index is that of the first image, as in add_dust(), or there is one for each."""
        transform, images = seeded(same_on_batch=False), grey(4, 30, 40, 3)

        assert (expected(images, index=5) == transform(images=images, index=5, epoch=0)["images"]).all()
        assert (
            expected(images, index=[9, 2, 2, 7])
            == A.Compose([transform])(images=images, index=np.array([9, 2, 2, 7]), epoch=0)["images"]
        ).all()

    def test_volumes_of_a_batch_have_their_own(self):
        """Their slices share it."""
        result = seeded(same_on_batch=False)(volumes=grey(3, 4, 30, 40), index=5, epoch=0)["volumes"]

        for index, volume in enumerate(result, start=5):
            assert (expected(grey(30, 40), index=index) == volume).all()

    @pytest.mark.parametrize("same_on_batch", [False, True])
    def test_slices_of_a_volume_always_share(self, same_on_batch):
        """A volume is one thing."""
        result = seeded(same_on_batch=same_on_batch)(volume=grey(4, 30, 40), index=5, epoch=0)["volume"]

        assert (expected(grey(30, 40), index=5) == result).all()

    def test_fresh_dust_follows_the_same_switch(self):
        """Without a seed too."""
        video = always()(images=grey(4, 30, 40))["images"]
        batch = always(same_on_batch=False)(images=grey(4, 30, 40))["images"]

        assert (video == video[0]).all()
        assert len({image.tobytes() for image in batch}) == 4

    def test_masks_follow_the_images_of_a_batch(self):
        """One by one."""
        transform = seeded(same_on_batch=False, fill_mask=9)
        result = transform(images=grey(3, 30, 40), masks=np.zeros((3, 30, 40), np.int64), index=5, epoch=0)

        for index, mask in enumerate(result["masks"], start=5):
            assert (covered(mask, index) * 9 == mask).all()

    def test_what_belongs_to_one_image_is_refused_in_a_batch(self):
        """Nobody can tell to which image a mask, a box or a keypoint belongs."""
        transform = seeded(same_on_batch=False, fill_mask=9)
        with pytest.raises(ValueError, match=r"masks must be .* one for each image of a batch"):
            transform(images=grey(3, 30, 40), mask=grey(30, 40), index=5, epoch=0)
        with pytest.raises(ValueError, match="bboxes must belong to one image, got 3 images with dust of their own"):
            boxed(transform)(images=grey(3, 30, 40), bboxes=[[1, 1, 9, 9]], labels=[0], index=5, epoch=0)
        with pytest.raises(ValueError, match="keypoints must belong to one image, got 3 images"):
            pointed(transform, remove_invisible=True)(
                images=grey(3, 30, 40), keypoints=[[1, 1]], names=[0], index=5, epoch=0
            )

    def test_lists_of_images_work(self):
        """In a Compose and alone."""
        images = [grey(30, 40, 3) for _ in range(3)]
        for transform in (seeded(), A.Compose([seeded()])):
            for image in transform(images=np.stack(images) if X else images, index=5, epoch=0)["images"]:
                assert (expected(images[0], index=5) == image).all()
        assert (images[0] == 100).all()


class TestMasks:
    """What dust does to masks."""

    KINDS = {"mask": (30, 40), "masks": (2, 30, 40), "mask3d": (4, 30, 40), "masks3d": (2, 4, 30, 40)}  # noqa: RUF012

    @staticmethod
    def picture(kind):
        """Return what a kind of mask comes with."""
        return {
            "mask": {"image": grey(30, 40, 3)},
            "masks": {"image": grey(30, 40, 3)},
            "mask3d": {"volume": grey(4, 30, 40, 3)},
            "masks3d": {"volumes": grey(2, 4, 30, 40, 3)},
        }[kind]

    @pytest.mark.parametrize("kind", KINDS)
    def test_masks_stay_as_they_are(self, kind):
        """Unless a fill is given: the very same object comes back."""
        mask = grey(*self.KINDS[kind])
        result = seeded()(**self.picture(kind), **{kind: mask}, index=5, epoch=0)[kind]

        assert result is mask

    @pytest.mark.parametrize("channels", [(), (2,)])
    @pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.bool_])
    @pytest.mark.parametrize("kind", KINDS)
    def test_masks_are_filled_where_dust_lies(self, kind, dtype, channels):
        """Each of any dtype, and none is changed itself."""
        mask = np.zeros((*self.KINDS[kind], *channels), dtype)
        result = A.Compose([seeded(fill_mask=1)])(**self.picture(kind), **{kind: mask}, index=5, epoch=0)[kind]
        where = covered(grey(30, 40))

        assert result.dtype == dtype
        assert (result == (where[..., None] if channels else where)).all()
        assert not mask.any()

    def test_channels_may_have_fills_of_their_own(self):
        """A tuple is one number per channel."""
        result = seeded(fill_mask=(-1, 300))(image=grey(30, 40), mask=np.zeros((30, 40, 2), np.int32), index=5, epoch=0)

        assert (result["mask"] == covered(grey(30, 40))[..., None] * [-1, 300]).all()

    @pytest.mark.parametrize(
        ("fill_mask", "shape", "dtype", "message"),
        [
            (1.5, (30, 40), np.uint8, "fill_mask must be a value of the masks' dtype uint8, got 1.5"),
            (300, (30, 40), np.uint8, "fill_mask must be a value of the masks' dtype uint8, got 300"),
            (np.nan, (30, 40), np.uint8, "fill_mask must be a value of the masks' dtype uint8, got nan"),
            ((1, 2), (30, 40, 3), np.int32, "fill_mask must have one number for each of the masks' 3 channels, got 2"),
            ((1, 2), (30, 40), np.int32, "fill_mask must have one number for each of the masks' 1 channels, got 2"),
        ],
    )
    def test_a_fill_that_the_mask_cannot_hold_is_an_error(self, fill_mask, shape, dtype, message):
        """Nothing is rounded, and nothing is written."""
        mask = np.zeros(shape, dtype)
        with pytest.raises(ValueError, match=message):
            seeded(fill_mask=fill_mask, inplace=True)(image=grey(30, 40, 3), mask=mask, index=5, epoch=0)

        assert not mask.any()

    def test_masks_of_floats_take_any_number(self):
        """Rounded as NumPy rounds."""
        mask = seeded(fill_mask=0.1)(image=grey(30, 40), mask=np.zeros((30, 40), np.float32), index=5, epoch=0)["mask"]

        assert {0, np.float32(0.1)} == set(mask.ravel())

    def test_a_fill_of_numpys_is_a_number(self):
        """Also in what is saved."""
        assert seeded(fill_mask=np.uint8(3)).get_transform_init_args()["fill_mask"] == 3

    def test_no_masks_are_no_error(self):
        """Empty lists occur."""
        result = A.Compose([seeded(fill_mask=1)])(image=grey(30, 40, 3), masks=np.zeros((0, 30, 40)), index=5, epoch=0)

        assert len(result["masks"]) == 0

    def test_masks_of_another_size_are_an_error(self):
        """They could not tell where dust lies."""
        compose = A.Compose([seeded(fill_mask=1)], is_check_shapes=False)
        with pytest.raises(ValueError, match=r"masks must be of the images' size, \(30, 40\)"):
            compose(image=grey(30, 40, 3), mask=grey(15, 20), index=5, epoch=0)


class TestBoxes:
    """What dust does to boxes and keypoints."""

    # A square of 8 pixels around each pixel that the transform draws.
    SQUARE = cutout(8)

    def square(self, index):
        """Return the square of an index in an image of 40 by 40 pixels: left, top, right, bottom."""
        top, left, bottom, right = sample_rectangles(self.SQUARE, height=40, width=40, seed=7, index=index).boxes[0]
        return int(left), int(top), int(right), int(bottom)

    @pytest.fixture
    def index(self):
        """Return an index whose square is not clipped."""
        for index in range(99):
            left, top, right, bottom = self.square(index)
            if {right - left, bottom - top} == {8} and min(left, top, 40 - right, 40 - bottom) > 4:
                return index
        raise AssertionError

    def boxes_of(self, boxes, index, how="clip", **params):
        """Return boxes and labels after the square of an index was painted."""
        data = {"bboxes": np.array(boxes, np.float32), "labels": list("abc"[: len(boxes)])}
        result = boxed(seeded(self.SQUARE, boxes=how), **params)(image=grey(40, 40, 3), **data, index=index, epoch=0)
        return np.asarray(result["bboxes"]).tolist(), list(result["labels"])

    def test_boxes_shrink_to_what_is_visible(self, index):
        """Only the sides at which dust covers everything move; labels follow."""
        left, top, right, bottom = self.square(index)
        boxes = [
            [left, top, right + 4, bottom],  # Its left part is covered.
            [left - 2, top - 2, right + 2, bottom + 2],  # Dust lies in its middle.
            [left + 1, top + 1, right - 1, bottom - 1],  # All of it is covered.
        ]
        found, labels = self.boxes_of(boxes, index)

        assert [[right, top, right + 4, bottom], boxes[1]] == [pytest.approx(box) for box in found]
        assert ["a", "b"] == labels

    def test_boxes_that_no_dust_covers_keep_their_exact_numbers(self):
        """No number goes through pixels and back."""
        boxes = np.random.default_rng(0).uniform(0, 1, (50, 4)).astype(np.float32)
        boxes = np.concatenate([boxes[:, :2] * 0.4, 0.5 + boxes[:, 2:] * 0.5], axis=1)
        compose = A.Compose(
            [seeded(Spec(count_range=(1, 1), side_range=(1, 1)))],
            bbox_params=A.BboxParams(**{FORMAT: "albumentations"}, label_fields=[]),
        )

        assert (compose(image=grey(37, 41), bboxes=boxes.copy(), index=3, epoch=0)["bboxes"] == boxes).all()

    def test_whole_pixels_stay_whole_in_float32(self):
        """10 / 30 * 30 is less than 10 in float32, which must not make a box reach into the next row."""
        for side in range(17, 60):
            spec = Spec(count_range=(1, 1), side_range=(6, 6), center="inside", spare_last=False)
            top, left, bottom, right = (
                sample_rectangles(spec, height=side, width=side, seed=7, index=1).boxes[0].tolist()
            )
            if right + 3 > side:
                continue
            box = boxed(seeded(spec))(
                image=grey(side, side), bboxes=[[left, top, right + 3, bottom]], labels=[0], index=1, epoch=0
            )["bboxes"][0]

            assert pytest.approx([right, top, right + 3, bottom]) == list(box)

    def test_min_visibility_and_min_area_count_what_is_visible(self, index):
        """A box of which 33 % or 32 pixels are visible falls below 40 % or 40 pixels."""
        left, top, right, bottom = self.square(index)
        boxes = [[left, top, right + 4, bottom]]

        assert len(self.boxes_of(boxes, index, min_visibility=0.3)[0]) == 1
        assert self.boxes_of(boxes, index, min_visibility=0.4) == ([], [])
        assert len(self.boxes_of(boxes, index, min_area=32)[0]) == 1
        assert self.boxes_of(boxes, index, min_area=33) == ([], [])

        boxes = [[left - 2, top - 2, right + 2, bottom + 2]]  # 144 pixels, of which 80 are visible around the dust.

        assert len(self.boxes_of(boxes, index, min_area=80)[0]) == 1
        assert self.boxes_of(boxes, index, min_area=81) == ([], [])

    def test_boxes_may_be_kept(self, index):
        """Dust hides, it does not move."""
        left, top, right, bottom = self.square(index)
        boxes = [[left, top, right + 4, bottom], [left + 1, top + 1, right - 1, bottom - 1]]
        found, labels = self.boxes_of(boxes, index, "keep")

        assert boxes == [pytest.approx(box) for box in found]
        assert ["a", "b"] == labels

    def test_boxes_of_a_transform_alone_are_left_alone(self):
        """Only Compose knows their format."""
        boxes = np.array([[0.1, 0.1, 0.2, 0.2]])

        assert seeded()(image=grey(40, 40), bboxes=boxes, index=5, epoch=0)["bboxes"] is boxes

    def test_no_boxes_are_no_error(self):
        """Empty lists occur."""
        assert self.boxes_of(np.zeros((0, 4)), 0) == ([], [])

    def test_keypoints_go_only_if_they_are_to_go(self, index):
        """Those under dust, and only with remove_invisible=True; labels follow."""
        left, top, right, bottom = self.square(index)
        points = [[left + 0.5, top + 0.5], [right - 0.5, bottom - 0.5], [right + 0.5, bottom], [1, 1]]
        for remove, names in ((True, ["c", "d"]), (False, ["a", "b", "c", "d"])):
            result = pointed(seeded(self.SQUARE), remove_invisible=remove)(
                image=grey(40, 40, 3), keypoints=points, names=list("abcd"), index=index, epoch=0
            )

            assert names == list(result["names"])
            assert len(names) == len(result["keypoints"])

    def test_no_keypoints_are_no_error(self):
        """Empty lists occur."""
        result = pointed(seeded(), remove_invisible=True)(image=grey(40, 40), keypoints=[], names=[], index=0, epoch=0)

        assert len(result["keypoints"]) == 0

    def test_images_of_other_sizes_get_dust_of_their_own(self):
        """The key is the same, the size is not."""
        compose = A.Compose([seeded()], additional_targets={"small": "image"}, is_check_shapes=False)
        result = compose(image=grey(30, 40, 3), small=grey(20, 20, 3), index=5, epoch=0)

        assert (expected(grey(30, 40, 3), index=5) == result["image"]).all()
        assert (expected(grey(20, 20, 3), index=5) == result["small"]).all()

    def test_additional_targets_get_the_same_dust(self):
        """Images, masks and boxes under other names."""
        compose = A.Compose(
            [seeded(fill_mask=1)],
            additional_targets={"left": "image", "parts": "mask", "cars": "bboxes"},
            bbox_params=A.BboxParams(**{FORMAT: "pascal_voc"}, label_fields=[]),
        )
        cars = np.array([[0, 0, 40, 30]], np.float32)
        mask = np.zeros((30, 40))
        data = {"image": grey(30, 40), "left": grey(30, 40, 3), "mask": mask, "parts": mask, "cars": cars}
        result = compose(**data, bboxes=cars.copy(), index=5, epoch=0)

        assert (expected(grey(30, 40, 3), index=5) == result["left"]).all()
        assert (covered(grey(30, 40)) == result["parts"]).all()
        assert (result["cars"] == result["bboxes"]).all()

    if X:

        def test_boxes_bound_to_frames_and_masks_stay_bound(self, index):
            """What AlbumentationsX keeps together."""
            left, top, right, bottom = self.square(index)
            hidden, shown = [left + 1, top + 1, right - 1, bottom - 1], [0, 0, 40, 40]
            params = A.BboxParams(coord_format="pascal_voc")
            frames = A.Compose([seeded(self.SQUARE)], bbox_params=params, frame_binding=("images", "frame_annotations"))
            result = frames(
                images=grey(2, 40, 40, 3),
                frame_annotations=[{"bboxes": np.array([hidden, shown])}, {"bboxes": np.array([shown])}],
                index=index,
                epoch=0,
            )

            assert [[shown], [shown]] == [frame["bboxes"].tolist() for frame in result["frame_annotations"]]

            parts = A.Compose([seeded(self.SQUARE)], bbox_params=params, instance_binding=("masks", "bboxes"))
            mask = np.zeros((40, 40), np.uint8)
            result = parts(
                image=grey(40, 40, 3),
                instances=[{"mask": mask + 1, "bbox": hidden}, {"mask": mask + 2, "bbox": shown}],
                index=index,
                epoch=0,
            )

            assert [2] == [part["mask"].max() for part in result["instances"]]

        def test_oriented_boxes_can_only_be_kept(self):
            """AlbumentationsX has them; nothing says what of them is visible."""
            params = A.BboxParams(coord_format="albumentations", bbox_type="obb", label_fields=[])
            boxes = np.array([[0.2, 0.2, 0.8, 0.8, 30]], np.float32)
            result = A.Compose([seeded(boxes="keep")], bbox_params=params)(
                image=grey(30, 40, 3), bboxes=boxes.copy(), index=5, epoch=0
            )

            assert boxes == pytest.approx(result["bboxes"], abs=1e-3)
            with pytest.raises(ValueError, match="do not support OBB"):
                A.Compose([seeded()], bbox_params=params)


class TestInputs:
    """Which arrays are taken, and which are changed."""

    @pytest.mark.parametrize("shape", [(20, 30), (20, 30, 1), (20, 30, 3), (20, 30, 20)])
    @pytest.mark.parametrize("dtype", [np.dtype(code) for code in "?BHIQbhiqefd"])
    def test_every_dtype_and_any_channels(self, dtype, shape):
        """All that add_dust() takes, alone and inside of a Compose."""
        image = np.zeros(shape, dtype)
        layout = "HW" if len(shape) == 2 else "HWC"
        for transform in (seeded(), A.Compose([seeded()])):
            result = transform(image=image, index=5, epoch=0)["image"]

            assert (result.dtype, result.shape) == (image.dtype, shape)
            assert (expected(image, index=5, layout=layout) == result).all()
            assert result.any()

    def test_floats_are_white_at_one_unless_told(self):
        """A value range is the images' own."""
        image = np.zeros((64, 64, 3), np.float32)

        assert 0.8 < seeded()(image=image, index=5, epoch=0)["image"].max() <= 1
        assert 200 < seeded(value_range=(0, 255))(image=image, index=5, epoch=0)["image"].max() <= 255
        with pytest.warns(UserWarning, match="taken to lie in"):
            seeded()(image=image + 255, index=5, epoch=0)

    def test_other_objects_are_refused(self):
        """With the words of add_dust()."""
        with pytest.raises(TypeError, match="images must hold numbers, got an array of object"):
            seeded()(image=np.full((4, 4), None), index=0, epoch=0)

    @pytest.mark.parametrize("kind", ["image", "images", "volume", "volumes"])
    @pytest.mark.parametrize("look", ["plain", "strided", "flipped", "read-only"])
    def test_no_input_is_changed(self, kind, look):
        """Whatever it looks like, the result is right and shares no memory with it."""
        shape = {"image": (), "images": (2,), "volume": (4,), "volumes": (2, 4)}[kind]
        for compose in (seeded(), A.Compose([seeded()])):
            base = grey(*shape, 30, 80, 3)
            array = {"strided": base[..., ::2, :], "flipped": base[..., :40, ::-1]}.get(look, base[..., :40, :].copy())
            array.flags.writeable = look != "read-only"
            result = compose(**{kind: array}, index=5, epoch=0)[kind]

            assert (result == expected(grey(30, 40, 3), index=5)).all()
            assert (base == 100).all()
            assert (array == 100).all()
            assert not np.shares_memory(result, array)

    @pytest.mark.parametrize("kind", ["image", "images", "volume", "volumes", "mask", "mask3d", "masks3d"])
    def test_inplace_changes_the_array_itself(self, kind):
        """Images and masks alike."""
        shape = {"image": (), "mask": (), "images": (2,), "volume": (4,), "mask3d": (4,)}.get(kind, (2, 4))
        array = grey(*shape, 30, 40, 1)
        data = {kind: array, **({} if "mask" not in kind else {"image": grey(30, 40, 1)})}
        result = seeded(inplace=True, fill_mask=1)(**data, index=5, epoch=0)[kind]

        assert np.shares_memory(result, array)
        assert (array != 100).any()

    def test_inplace_reaches_through_strides(self):
        """A crop of a larger array is painted where it lies."""
        base = grey(60, 80, 3)
        seeded(inplace=True)(image=base[10:40, 20:60], index=5, epoch=0)

        assert (expected(grey(30, 40, 3), index=5) == base[10:40, 20:60]).all()
        assert (base[:10] == 100).all()

    @pytest.mark.parametrize("part", [np.s_[10:40, 20:60], np.s_[::2], np.s_[:, ::-1]], ids=["crop", "steps", "flip"])
    def test_inplace_in_a_pipeline_of_views(self, part):
        """AlbumentationsX copies what is not contiguous before the transform sees it; 2.0.8 does not."""
        base = grey(60, 80, 3)
        dusty = expected(base[part], index=5)
        result = A.Compose([seeded(inplace=True)])(image=base[part], index=5, epoch=0)["image"]

        assert (dusty == result).all()
        assert (base[part] == (100 if X else dusty)).all()

    def test_inplace_refuses_what_must_not_be_written(self):
        """Read-only memory, such as a memory map or an array of Ray's."""
        image, mask, frames = grey(30, 40, 3), grey(30, 40), grey(2, 30, 40)
        for name, array in (("image", image), ("mask", mask), ("images", frames)):
            array.flags.writeable = False
            data = {name: array, **({"image": grey(30, 40)} if name == "mask" else {})}
            with pytest.raises(ValueError, match="writable with inplace=True, got a read-only one: leave inplace out"):
                seeded(inplace=True, fill_mask=1)(**data, index=5, epoch=0)
            assert (array == 100).all()

    def test_there_is_one_copy_and_no_second_one(self):
        """Memory grows by one image."""
        image, compose = grey(1000, 1000, 3), A.Compose([always()])
        compose(image=image)
        tracemalloc.start()
        compose(image=image)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert peak < 1.1 * image.nbytes

    def test_tensors_come_back_as_tensors(self):
        """AlbumentationsX takes CHW tensors; 2.0.8 takes none."""
        if X:
            result = A.Compose([seeded()])(image=torch.full((3, 30, 40), 100, dtype=torch.uint8), index=5, epoch=0)

            assert (expected(grey(30, 40, 3), index=5) == result["image"].numpy().transpose(1, 2, 0)).all()
        else:
            with pytest.raises(TypeError, match="image must be numpy array type"):
                A.Compose([seeded()])(image=torch.zeros(3, 30, 40), index=5, epoch=0)


class Repeated(Dataset):
    """The same image again and again, each time with other dust."""

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
    """Dust without a seed."""

    def run(self, compose, n=8):
        """Return n dusted images."""
        return [compose(image=grey(32, 32, 3))["image"].tobytes() for _ in range(n)]

    def test_calls_differ_and_so_do_transforms(self):
        """Fresh dust each time."""
        images = self.run(A.Compose([always()])) + self.run(A.Compose([always()])) + self.run(always())

        assert len(set(images)) == 24

    def test_compose_seeds_the_dust(self):
        """The same seed gives the same sequence, another one another."""
        first, second, other = (self.run(A.Compose([always()], seed=seed)) for seed in (3, 3, 4))

        assert first == second
        assert not set(first) & set(other)

    def test_generators_may_be_set_by_hand(self):
        """As those of any transform."""
        compose = A.Compose([always()], seed=3)
        first = self.run(compose)
        compose.set_random_seed(3)

        assert first == self.run(compose)

    def test_p_is_the_probability_of_a_call(self):
        """0.5, as for all transforms of Albumentations."""
        compose = A.Compose([DustRectangles(DENSE)], seed=3)
        changed = sum(image != grey(32, 32, 3).tobytes() for image in self.run(compose, 400))

        assert 150 < changed < 250
        assert self.run(A.Compose([DustRectangles(DENSE, p=0)]), 3) == [grey(32, 32, 3).tobytes()] * 3

    def test_only_one_coin_is_tossed_by_default(self):
        """Not that of Albumentations if the spec has one."""
        assert [1.0, 1.0, 0.5, 0.3] == [
            DustRectangles(random_erasing()).p,
            DustRectangles(Spec(p=0.2)).p,
            DustRectangles().p,
            DustRectangles(random_erasing(), p=0.3).p,
        ]

    def test_force_apply_applies(self):
        """As OneOf does."""
        assert (DustRectangles(DENSE, p=0.01)(image=grey(32, 32), force_apply=True)["image"] != 100).any()
        one_of = A.Compose([A.OneOf([DustRectangles(DENSE, p=0.01)], p=1)])

        assert (one_of(image=grey(32, 32, 3))["image"] != 100).any()

    def test_global_generators_are_not_touched(self):
        """Neither NumPy's nor torch's."""
        states = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
        self.run(A.Compose([always()]))

        assert states == (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    @pytest.mark.parametrize("seed", [None, 3])
    def test_forked_workers_and_epochs_differ(self, seed):
        """16 images, 2 workers, 2 epochs: 32 different ones (2.0.8's own transforms give 8)."""
        loader = DataLoader(
            Repeated(A.Compose([always()], seed=seed)), batch_size=4, num_workers=2, multiprocessing_context="fork"
        )
        images = [image.numpy().tobytes() for _ in range(2) for batch in loader for image in batch]

        assert len(set(images)) == 32

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_workers_are_reproducible(self):
        """The same seeds of torch and Compose, the same dust."""

        def run():
            torch.manual_seed(5)
            loader = DataLoader(
                Repeated(A.Compose([always()], seed=3)), batch_size=4, num_workers=2, multiprocessing_context="fork"
            )
            return [batch.numpy().tobytes() for batch in loader]

        assert run() == run()

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_other_children_differ_too(self):
        """Whoever forks, without torch's help."""
        compose = A.Compose([always()], seed=3)

        assert len({*dust_in_children(compose), *self.run(compose, 1)}) == 4

    if not X:

        @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
        def test_a_child_that_is_seeded_is_reproducible(self):
            """Seeds of its own make generators its own; AlbumentationsX tells its transforms nothing of them."""
            compose = A.Compose([always()])

            assert len({*dust_in_children(compose, 5)}) == 1

    def test_pickles_differ_elsewhere(self, run_python, tmp_path):
        """Spawned workers get their transforms as pickles, generators and all."""
        (tmp_path / "compose").write_bytes(pickle.dumps(A.Compose([always()], seed=3)))
        program = (
            "import pickle, sys, numpy as np, dustaug.albumentations\n"
            "compose = pickle.load(open(sys.argv[1], 'rb'))\n"
            "print(hash(compose(image=np.zeros((32, 32, 3), np.uint8))['image'].tobytes()))"
        )
        hashes = {run_python(program, tmp_path / "compose", PYTHONHASHSEED="0") for _ in range(2)}

        assert len(hashes) == 2


class TestSerialisation:
    """Dictionaries, JSON, YAML, pickles, representations."""

    TRANSFORMS = [  # noqa: RUF012
        {},
        {"count_range": (3, 9), "side_range": (4, 8), "fill": "constant", "fill_value": (1, 2, 3), "p": 0.7},
        {"spec": random_erasing(), "fill_mask": 255, "boxes": "keep", "same_on_batch": False, "inplace": True},
        {"spec": cutout(9), "seed": 2**64 - 1, "index_key": "index", "epoch_key": "epoch", "fill_mask": (1, 2.5)},
        {"spec": dust(normalize_mean=(0.5,), normalize_std=(0.2,)), "value_range": (0, 255)},
    ]

    @pytest.mark.parametrize("arguments", TRANSFORMS)
    @pytest.mark.parametrize("composed", [False, True])
    def test_round_trips_give_an_equal_transform(self, arguments, composed, tmp_path):
        """Through a dictionary, JSON, YAML and a pickle."""
        transform = A.Compose([DustRectangles(**arguments)]) if composed else DustRectangles(**arguments)
        fields = A.to_dict(transform)
        for kind in ("json", "yaml"):
            A.save(transform, tmp_path / kind, data_format=kind)
        copies = [
            A.from_dict(fields),
            A.load(tmp_path / "json", data_format="json"),
            A.load(tmp_path / "yaml", data_format="yaml"),
            pickle.loads(pickle.dumps(transform)),
        ]
        for copy in copies:
            assert type(copy) is type(transform)
            assert fields == A.to_dict(copy)
            leaf, original = (each[0] if composed else each for each in (copy, transform))
            assert (leaf.spec, leaf.value_range, leaf.fill_mask) == (
                original.spec, original.value_range, original.fill_mask
            )  # fmt: skip

    def test_the_copies_paint_the_same(self):
        """Equal in what they do, too."""
        copy = A.from_dict(A.to_dict(A.Compose([seeded()])))

        assert (expected(grey(30, 40, 3), index=5) == copy(image=grey(30, 40, 3), index=5, epoch=0)["image"]).all()

    def test_only_plain_values_are_written(self):
        """JSON and YAML take them as they are."""

        def check(value):
            if isinstance(value, dict):
                assert all(isinstance(name, str) for name in value)
                value = list(value.values())
            if isinstance(value, list):
                for item in value:
                    check(item)
            else:
                assert value is None or type(value) in (bool, int, float, str)

        for arguments in self.TRANSFORMS:
            check(A.to_dict(DustRectangles(**arguments)))

    @pytest.mark.parametrize("arguments", TRANSFORMS)
    def test_repr_is_the_call(self, arguments):
        """It can be typed again."""
        transform = DustRectangles(**arguments)

        assert repr(transform) == repr(eval(repr(transform)))  # noqa: S307
        assert repr(DustRectangles(cutout(3), p=1)).startswith("DustRectangles(p=1.0, spec=Spec(count_range=(1, 1), ")
        assert "DustRectangles(p=" in repr(A.Compose([transform]))

    def test_a_buffer_will_do(self):
        """As for any transform."""
        buffer = io.StringIO()
        A.save(seeded(), buffer, data_format="json")
        buffer.seek(0)

        assert A.to_dict(A.load(buffer, data_format="json")) == A.to_dict(seeded())


class TestReplay:
    """The rectangles of a call: shown, and drawn again."""

    @pytest.mark.parametrize("spec", [DENSE, DENSE.replace(fill="noise"), DENSE.replace(fill="color")])
    def test_a_replay_paints_the_same(self, spec):
        """On the image of the call and on others of its size, masks and boxes included."""
        compose = A.ReplayCompose(
            [A.HorizontalFlip(p=0.5), always(spec, fill_mask=1)],
            bbox_params=A.BboxParams(**{FORMAT: "pascal_voc"}, label_fields=[]),
        )
        data = {"image": grey(30, 40, 3), "mask": np.zeros((30, 40)), "bboxes": np.array([[9.0, 9, 30, 25]])}
        result = compose(**data)
        again = A.ReplayCompose.replay(result["replay"], **data)

        assert (result["image"] != 100).any()
        for name in data:
            assert (result[name] == again[name]).all()

    def test_a_replay_of_a_seed_needs_no_index(self):
        """What was drawn was kept."""
        result = A.ReplayCompose([seeded()])(image=grey(30, 40, 3), index=5, epoch=2)
        again = A.ReplayCompose.replay(result["replay"], image=grey(30, 40, 3))["image"]

        assert (expected(grey(30, 40, 3), index=5, epoch=2) == again).all()

    def test_a_replay_keeps_whether_there_was_dust(self):
        """A coin is not tossed again."""
        compose = A.ReplayCompose([DustRectangles(DENSE)])
        for _ in range(20):
            result = compose(image=grey(30, 40))
            again = A.ReplayCompose.replay(result["replay"], image=grey(30, 40))

            assert (result["image"] == again["image"]).all()

    def test_a_replay_on_another_size_is_an_error(self):
        """The rectangles belong to a size."""
        replay = A.ReplayCompose([always()])(image=grey(30, 40))["replay"]
        with pytest.raises(ValueError, match=r"a replay must get images of \(30, 40\) pixels, got \(31, 40\)"):
            A.ReplayCompose.replay(replay, image=grey(31, 40))

    @pytest.mark.parametrize("spec", [DENSE, DENSE.replace(fill="color"), Spec(p=0.5)])
    @pytest.mark.parametrize("shape", [(30, 40), (30, 40, 3)])
    def test_the_applied_parameters_have_the_rectangles(self, spec, shape):
        """As CoarseDropout has its holes, with the brightness of each: enough to paint them."""
        transform = always(spec)
        image = transform(image=np.zeros(shape, np.uint8))["image"]
        params = drawn(transform)
        painted = np.zeros(shape, np.uint8)
        for (left, top, right, bottom), fill in zip(params["holes"], params["fills"], strict=True):
            painted[top:bottom, left:right] = fill

        assert params["holes"].dtype.kind == "i"
        assert params["holes"].shape == (len(params["fills"]), 4)
        assert (params["hole_images"] == 0).all()
        assert (painted == image).all()

    def test_the_rectangles_of_a_batch_say_to_which_image_they_belong(self):
        """One position each."""
        transform = always(same_on_batch=False)
        images = transform(images=np.zeros((3, 30, 40), np.uint8))["images"]
        params = drawn(transform)
        painted = np.zeros((3, 30, 40), np.uint8)
        for image, (left, top, right, bottom), fill in zip(
            params["hole_images"], params["holes"], params["fills"], strict=True
        ):
            painted[image, top:bottom, left:right] = fill

        assert (painted == images).all()

    if X:

        def test_a_replay_inside_of_a_pipeline_works(self):
            """AlbumentationsX hands the outer call's state down."""
            result = A.Compose([A.ReplayCompose([always()])])(image=grey(30, 40, 3))
            again = A.ReplayCompose.replay(result["replay"], image=grey(30, 40, 3))

            assert (result["image"] == again["image"]).all()

    def test_nothing_applied_is_nothing_shown(self):
        """No parameters, if a coin decided against the call."""
        transform = DustRectangles(p=0)
        transform(image=grey(30, 40))

        assert {} == transform.get_applied_params()

    def test_compose_saves_them(self):
        """With save_applied_params, as the framework has it: what was drawn, or a configuration that can be built."""
        result = A.Compose([always(), seeded()], save_applied_params=True)(image=grey(30, 40, 3), index=5, epoch=0)
        (name, params), _ = result["applied_transforms"]
        if X:
            copy = A.Compose.from_applied_transforms(result["applied_transforms"])

            assert [A.to_dict(transform) for transform in copy.transforms] == [
                A.to_dict(transform) for transform in (always(), seeded())
            ]
        else:
            assert name == "DustRectangles"
            assert params["holes"].shape[1] == 4


class TestArguments:
    """What the constructor takes, and what it refuses."""

    def test_a_spec_or_its_fields(self):
        """The same in every adapter."""
        assert DustRectangles(cutout(9)).spec == cutout(9)
        assert DustRectangles(count_range=(0, 63)).spec == Spec(count_range=(0, 63))
        assert DustRectangles().spec == dust()

    @pytest.mark.parametrize(
        ("error", "message", "arguments"),
        [
            (TypeError, "fields of Spec must be known, got num_holes_range", {"num_holes_range": (1, 3)}),
            (TypeError, "spec must be given alone, got count_range too", {"spec": dust(), "count_range": (1, 3)}),
            (TypeError, "spec must be a dustaug.Spec, got int", {"spec": 3}),
            (ValueError, "count_range must not be reversed", {"count_range": (3, 1)}),
            (ValueError, "p must be a number from 0 to 1, got 1.5", {"p": 1.5}),
            (ValueError, "p must be a number from 0 to 1, got nan", {"p": float("nan")}),
            (TypeError, "p must be a number, got 'often'", {"p": "often"}),
            (ValueError, "boxes must be 'clip' or 'keep', got 'drop'", {"boxes": "drop"}),
            (TypeError, "inplace must be True or False, got 1", {"inplace": 1}),
            (TypeError, "same_on_batch must be True or False, got 'no'", {"same_on_batch": "no"}),
            (TypeError, "fill_mask must be a number or a tuple of numbers, .* got 'random'", {"fill_mask": "random"}),
            (TypeError, "fill_mask must be a number or a tuple of numbers, .* got True", {"fill_mask": True}),
            (TypeError, "fill_mask must be a number or a tuple of numbers, .* got \\(\\)", {"fill_mask": ()}),
            (ValueError, "value_range must be two finite numbers, the smaller first", {"value_range": (1, 0)}),
            (TypeError, "value_range must be a tuple of two numbers, got 255", {"value_range": 255}),
            (TypeError, 'index_key must be given with a seed.*index_key="index".*leave seed out', {"seed": 3}),
            (TypeError, "seed must be given with index_key, got none", {"index_key": "index"}),
            (TypeError, "seed must be given with epoch_key, got none", {"epoch_key": "epoch"}),
            (TypeError, "index_key must be a name, got 3", {"seed": 3, "index_key": 3}),
            (ValueError, "seed must be from 0 to 18446744073709551615, got -1", {"seed": -1, "index_key": "index"}),
            (TypeError, "seed must be a whole number, got 'x'", {"seed": "x", "index_key": "index"}),
        ],
    )  # fmt: skip
    def test_errors_say_what_must_hold(self, error, message, arguments):
        """All of them at construction, none of them as a warning."""
        with pytest.raises(error, match=message):
            DustRectangles(**arguments)

    def test_arguments_have_names(self):
        """Only the spec may come without."""
        with pytest.raises(TypeError, match="positional"):
            DustRectangles(dust(), 255)

    def test_calls_name_their_targets(self):
        """As everywhere in Albumentations."""
        with pytest.raises(KeyError, match="named arguments"):
            always()(grey(4, 4))

    def test_the_examples_of_the_docstring_run(self):
        """Those of Albumentations' base class call functions that do not exist."""
        assert doctest.testmod(dustaug.albumentations) == (0, 6)


class TestPeers:
    """Bugs of Albumentations' own dropouts that this transform does not have."""

    def holes(self, spec, shape=(20, 30), n=50):
        """Return heights and widths of what n calls painted."""
        transform, found = seeded(spec), []
        for index in range(n):
            transform(image=grey(*shape), index=index, epoch=0)
            found.append(drawn(transform)["holes"])
        holes = np.concatenate(found)
        return holes[:, 3] - holes[:, 1], holes[:, 2] - holes[:, 0]

    def test_a_fraction_of_one_is_the_whole_side(self):
        """CoarseDropout reads (0.5, 1.0) as pixels and paints next to nothing."""
        heights, widths = self.holes(
            Spec(count_range=(1, 1), height_fraction_range=(0.5, 1.0), center="inside", spare_last=False)
        )

        assert (10, 20) == (heights.min(), heights.max())
        assert (15, 30) == (widths.min(), widths.max())

    def test_units_are_not_mixed(self):
        """CoarseDropout takes pixels for the height and fractions for the width, and paints nothing."""
        with pytest.raises(ValueError, match="a size must be given in one unit"):
            DustRectangles(half_height_range=(3, 9), width_fraction_range=(0.1, 0.2))

    @pytest.mark.parametrize("center", ["normal", "uniform", "inside"])
    def test_a_rectangle_may_be_larger_than_the_image(self, center):
        """CoarseDropout raises NumPy's 'low >= high'."""
        heights, widths = self.holes(
            Spec(count_range=(1, 1), side_range=(100, 200), center=center, spare_last=False), (20, 30)
        )

        assert (20, 30) == (heights.max(), widths.max())

    def test_impossible_areas_are_named(self):
        """Erasing raises a TypeError about a missing 'seed', and takes a scale above 1."""
        with pytest.raises(
            ValueError, match="area_range and aspect_range must allow a rectangle smaller than the image"
        ):
            always(random_erasing(scale=(0.9, 1.0), ratio=(9, 10)))(image=grey(20, 30))
        with pytest.raises(ValueError, match="area_range must be two numbers above 0, up to 1"):
            DustRectangles(area_range=(0.5, 1.5))

    def test_an_unknown_argument_is_an_error(self):
        """Albumentations warns, and goes on without it."""
        with pytest.raises(TypeError, match="got fill_mask_value, max_holes"):
            DustRectangles(max_holes=8, fill_mask_value=0)

    @pytest.mark.parametrize("fill", ["grey", "color", "noise"])
    def test_random_fills_reach_the_white_of_float_images(self, fill):
        """CoarseDropout paints an image of 0…255 with 0…1."""
        image = np.zeros((64, 64, 3), np.float32)
        result = always(DENSE.replace(fill=fill), value_range=(0, 255))(image=image)["image"]

        assert result.max() > 200

    @pytest.mark.parametrize("dtype", ["uint16", "int16", "float16", "float64"])
    @pytest.mark.parametrize("fill", ["grey", "color", "noise"])
    def test_random_fills_take_every_dtype(self, fill, dtype):
        """CoarseDropout raises a bare KeyError for some."""
        assert always(DENSE.replace(fill=fill))(image=np.zeros((30, 40, 3), dtype))["image"].any()

    @pytest.mark.parametrize("side", [1, 2, 3, 7])
    def test_odd_sizes_are_exact(self, side):
        """Half sizes on both ends made other dropouts one pixel too small."""
        heights, widths = self.holes(cutout(side, center="inside"))

        assert {side} == set(heights) | set(widths)

    def test_there_may_be_no_rectangle(self):
        """CoarseDropout wants one at least."""
        assert (always(Spec(count_range=(0, 0)))(image=grey(20, 30))["image"] == 100).all()
