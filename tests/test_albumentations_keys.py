"""In Albumentations, a seed and an index give the pixels of add_dust(), for single images and for batches."""

import threading

import albumentations as A
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from albumentations_helpers import DENSE, X, always, boxed, covered, expected, grey, pointed, seeded
from dustaug import Schedule, Spec, add_dust, cutout, dust, guide_of_boxes, random_erasing, sample_rectangles
from dustaug.albumentations import DustRectangles
from test_schedule import MANY


class TestSeeded:
    """With a seed and an index, the transform keeps the promise of add_dust()."""

    @pytest.mark.parametrize("spec", [dust(), cutout(9), random_erasing(), DENSE.replace(fill="color"),
                                      DENSE.replace(fill="noise"), DENSE.replace(fill="mean")])  # fmt: skip
    @pytest.mark.parametrize("wrap", ["alone", "compose", "strict"])
    def test_the_pixels_are_those_of_add_dust(self, spec, wrap):
        """The pixels are the same alone and inside a Compose, whether it is strict or not."""
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
        """The transform takes all seeds, indices and epochs of add_dust()."""
        transform = DustRectangles(DENSE, seed=seed, index_key="i", epoch_key="e")
        image = add_dust(grey(20, 30), DENSE, seed=seed, index=index, epoch=epoch)

        assert (image == transform(image=grey(20, 30), i=index, e=epoch)["image"]).all()

    @pytest.mark.parametrize("index", [np.int64(5), torch.tensor(5), np.array(5)])
    def test_an_index_may_come_from_an_array(self, index):
        """NumPy's and torch's scalars are indices too, since data sets hand them out."""
        assert (expected(grey(20, 30), index=5) == seeded()(image=grey(20, 30), index=index, epoch=0)["image"]).all()

    def test_without_an_epoch_key_the_epoch_is_zero(self):
        """The epoch_key may be left out."""
        transform = DustRectangles(DENSE, seed=7, index_key="index")

        assert (expected(grey(20, 30), index=5) == transform(image=grey(20, 30), index=5)["image"]).all()

    def test_a_call_without_its_index_is_an_error(self):
        """The error names the entry that is missing and those that were given."""
        with pytest.raises(ValueError, match="index must be given in each call, as index_key='index' says, got image"):
            seeded()(image=grey(20, 30), epoch=0)
        with pytest.raises(ValueError, match="epoch must be given in each call, as epoch_key='epoch' says"):
            A.Compose([seeded()])(image=grey(20, 30), index=0)

    def test_a_bad_index_is_an_error(self):
        """Fractions, negative numbers and arrays are refused as the index of one image."""
        for error, index in ((TypeError, 0.5), (ValueError, -1), (TypeError, [1, 2])):
            with pytest.raises(error, match="index must be"):
                seeded()(image=grey(20, 30), index=index, epoch=0)
        with pytest.raises(ValueError, match="epoch must be from 0 to"):
            seeded()(image=grey(20, 30), index=0, epoch=-1)

    def test_a_seeded_transform_is_always_applied(self):
        """With a seed, p is 1, and any other p is refused."""
        assert seeded().p == seeded(p=1).p == 1
        with pytest.raises(ValueError, match=r"p must be left out with a seed.*got 0.25: type DustRectangles\(dustaug"):
            seeded(p=0.25)

    def test_compose_does_not_take_the_seed_away(self):
        """Compose seeds its transforms, but a transform with a seed keeps its own."""
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
    """Images and volumes of one call share their dust, or each has its own."""

    @pytest.mark.parametrize("shape", [(4, 30, 40, 3), (4, 30, 40)])
    @pytest.mark.parametrize("kind", ["images", "volume"])
    def test_frames_and_slices_share_their_dust(self, kind, shape):
        """All frames of a video, and all slices of a volume, have the dust of one index."""
        result = seeded()(**{kind: grey(*shape)}, index=5, epoch=1)[kind]

        for frame in result:
            assert (expected(grey(*shape[1:]), index=5, epoch=1) == frame).all()

    def test_volumes_share_their_dust(self):
        """By default all volumes of a call have the same dust."""
        result = seeded()(volumes=grey(2, 4, 30, 40, 3), index=5, epoch=0)["volumes"]

        assert (expected(grey(30, 40, 3), index=5) == result).all()

    def test_images_of_a_batch_have_their_own(self):
        """The index is that of the first image, as in add_dust(), or there is one index for each."""
        transform, images = seeded(same_on_batch=False), grey(4, 30, 40, 3)

        assert (expected(images, index=5) == transform(images=images, index=5, epoch=0)["images"]).all()
        assert (
            expected(images, index=[9, 2, 2, 7])
            == A.Compose([transform])(images=images, index=np.array([9, 2, 2, 7]), epoch=0)["images"]
        ).all()

    def test_volumes_of_a_batch_have_their_own(self):
        """Each volume has dust of its own, which its slices share."""
        result = seeded(same_on_batch=False)(volumes=grey(3, 4, 30, 40), index=5, epoch=0)["volumes"]

        for index, volume in enumerate(result, start=5):
            assert (expected(grey(30, 40), index=index) == volume).all()

    @pytest.mark.parametrize("same_on_batch", [False, True])
    def test_slices_of_a_volume_always_share(self, same_on_batch):
        """The slices of one volume have the same dust, whatever same_on_batch is."""
        result = seeded(same_on_batch=same_on_batch)(volume=grey(4, 30, 40), index=5, epoch=0)["volume"]

        assert (expected(grey(30, 40), index=5) == result).all()

    def test_fresh_dust_follows_the_same_switch(self):
        """same_on_batch works without a seed too."""
        video = always()(images=grey(4, 30, 40))["images"]
        batch = always(same_on_batch=False)(images=grey(4, 30, 40))["images"]

        assert (video == video[0]).all()
        assert len({image.tobytes() for image in batch}) == 4

    def test_masks_follow_the_images_of_a_batch(self):
        """Each mask is filled where its own image is covered."""
        transform = seeded(same_on_batch=False, fill_mask=9)
        result = transform(images=grey(3, 30, 40), masks=np.zeros((3, 30, 40), np.int64), index=5, epoch=0)

        for index, mask in enumerate(result["masks"], start=5):
            assert (covered(mask, index) * 9 == mask).all()

    def test_what_belongs_to_one_image_is_refused_in_a_batch(self):
        """A mask, box or keypoint that belongs to an unknown image of a batch is refused."""
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
        """A list of images is dusted alone and inside a Compose, and its images stay as they are."""
        images = [grey(30, 40, 3) for _ in range(3)]
        for transform in (seeded(), A.Compose([seeded()])):
            for image in transform(images=np.stack(images) if X else images, index=5, epoch=0)["images"]:
                assert (expected(images[0], index=5) == image).all()
        assert (images[0] == 100).all()


class TestSchedule:
    """A schedule has the spec of the epoch that a call tells."""

    @pytest.mark.parametrize("epoch", [0, 4, 5])
    def test_images_and_masks_have_the_spec_of_the_epoch(self, epoch):
        """Images are those of add_dust(), and masks are filled under the same dust."""
        transform = A.Compose([seeded(MANY, fill_mask=9)])
        result = transform(image=grey(24, 24), mask=np.zeros((24, 24), np.uint8), index=5, epoch=epoch)
        hidden = sample_rectangles(MANY.at(epoch), height=24, width=24, seed=7, epoch=epoch, index=5).mask(24, 24)[0]

        assert (result["image"] == expected(grey(24, 24), MANY.at(epoch), index=5, epoch=epoch)).all()
        assert ((result["mask"] == 9) == hidden).all()

    def test_protected_boxes_keep_the_distance_of_the_epoch(self):
        """The margin around a box is that of the largest rectangle of the epoch."""
        sizes = Schedule.steps({0: (3, 3), 1: (9, 9)})
        schedule = Schedule(Spec(center="guide", count_range=(60, 60)), side_range=sizes)
        transform = boxed(seeded(schedule, protected_classes=("face",), boxes="keep"))
        boxes = {"bboxes": np.array([[10, 10, 20, 20]], np.float32), "labels": ["face"]}
        for epoch in (0, 1):
            spec = schedule.at(epoch)
            free = guide_of_boxes(height=40, width=40, protected=[[10, 10, 20, 20]], margin=spec)
            image = transform(image=grey(40, 40), index=0, epoch=epoch, **boxes)["image"]

            assert (image == expected(grey(40, 40), spec, index=0, epoch=epoch, guide=free)).all()

    def test_a_call_must_tell_the_epoch(self):
        """Without a key of the epoch, or with fields besides, a schedule is refused."""
        with pytest.raises(TypeError, match="epoch_key must be given with a Schedule, or the epoch would not be known"):
            DustRectangles(MANY, seed=7, index_key="index")
        with pytest.raises(TypeError, match=r"spec must be given alone, got fill too: type Schedule\(spec.replace"):
            seeded(MANY, fill="noise")
