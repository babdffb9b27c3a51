"""In Albumentations, dust fills masks, shrinks boxes and removes keypoints."""

import albumentations as A
import numpy as np
import pytest

from albumentations_helpers import FORMAT, X, boxed, covered, expected, grey, pointed, seeded
from dustaug import Spec, cutout, sample_rectangles


class TestMasks:
    """Masks stay as they are, or are filled where dust lies."""

    KINDS = {"mask": (30, 40), "masks": (2, 30, 40), "mask3d": (4, 30, 40), "masks3d": (2, 4, 30, 40)}  # noqa: RUF012

    @staticmethod
    def picture(kind):
        """Return the images that a kind of mask comes with."""
        return {
            "mask": {"image": grey(30, 40, 3)},
            "masks": {"image": grey(30, 40, 3)},
            "mask3d": {"volume": grey(4, 30, 40, 3)},
            "masks3d": {"volumes": grey(2, 4, 30, 40, 3)},
        }[kind]

    @pytest.mark.parametrize("kind", KINDS)
    def test_masks_stay_as_they_are(self, kind):
        """Without fill_mask, the very same mask object comes back."""
        mask = grey(*self.KINDS[kind])
        result = seeded()(**self.picture(kind), **{kind: mask}, index=5, epoch=0)[kind]

        assert result is mask

    @pytest.mark.parametrize("channels", [(), (2,)])
    @pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.bool_])
    @pytest.mark.parametrize("kind", KINDS)
    def test_masks_are_filled_where_dust_lies(self, kind, dtype, channels):
        """Masks of any dtype and kind are filled, and the given ones stay as they are."""
        mask = np.zeros((*self.KINDS[kind], *channels), dtype)
        result = A.Compose([seeded(fill_mask=1)])(**self.picture(kind), **{kind: mask}, index=5, epoch=0)[kind]
        where = covered(grey(30, 40))

        assert result.dtype == dtype
        assert (result == (where[..., None] if channels else where)).all()
        assert not mask.any()

    def test_channels_may_have_fills_of_their_own(self):
        """A tuple holds one fill for each channel of the mask."""
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
        """A fill is not rounded: the call raises, and the mask stays as it is."""
        mask = np.zeros(shape, dtype)
        with pytest.raises(ValueError, match=message):
            seeded(fill_mask=fill_mask, inplace=True)(image=grey(30, 40, 3), mask=mask, index=5, epoch=0)

        assert not mask.any()

    def test_masks_of_floats_take_any_number(self):
        """A fill of a mask of floats is rounded as NumPy rounds."""
        mask = seeded(fill_mask=0.1)(image=grey(30, 40), mask=np.zeros((30, 40), np.float32), index=5, epoch=0)["mask"]

        assert {0, np.float32(0.1)} == set(mask.ravel())

    def test_a_fill_of_numpys_is_a_number(self):
        """A NumPy scalar is stored as a plain number."""
        assert seeded(fill_mask=np.uint8(3)).get_transform_init_args()["fill_mask"] == 3

    def test_no_masks_are_no_error(self):
        """An empty list of masks stays empty."""
        result = A.Compose([seeded(fill_mask=1)])(image=grey(30, 40, 3), masks=np.zeros((0, 30, 40)), index=5, epoch=0)

        assert len(result["masks"]) == 0

    def test_masks_of_another_size_are_an_error(self):
        """A mask whose size is not that of the images is refused."""
        compose = A.Compose([seeded(fill_mask=1)], is_check_shapes=False)
        with pytest.raises(ValueError, match=r"masks must be of the images' size, \(30, 40\)"):
            compose(image=grey(30, 40, 3), mask=grey(15, 20), index=5, epoch=0)


class TestBoxes:
    """Boxes shrink to what is visible, and hidden keypoints can be removed."""

    # One square with sides of 8 pixels is drawn.
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
        """Only a side at which everything is covered moves, and labels stay with their boxes."""
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
        """A box that keeps its sides keeps every bit of its numbers."""
        boxes = np.random.default_rng(0).uniform(0, 1, (50, 4)).astype(np.float32)
        boxes = np.concatenate([boxes[:, :2] * 0.4, 0.5 + boxes[:, 2:] * 0.5], axis=1)
        compose = A.Compose(
            [seeded(Spec(count_range=(1, 1), side_range=(1, 1)))],
            bbox_params=A.BboxParams(**{FORMAT: "albumentations"}, label_fields=[]),
        )

        assert (compose(image=grey(37, 41), bboxes=boxes.copy(), index=3, epoch=0)["bboxes"] == boxes).all()

    def test_whole_pixels_stay_whole_in_float32(self):
        """A box does not reach into the next row because 10 / 30 * 30 is below 10 in float32."""
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
        """With boxes="keep", dust does not change boxes."""
        left, top, right, bottom = self.square(index)
        boxes = [[left, top, right + 4, bottom], [left + 1, top + 1, right - 1, bottom - 1]]
        found, labels = self.boxes_of(boxes, index, "keep")

        assert boxes == [pytest.approx(box) for box in found]
        assert ["a", "b"] == labels

    def test_boxes_of_a_transform_alone_are_left_alone(self):
        """Without Compose, which knows their format, boxes are passed on."""
        boxes = np.array([[0.1, 0.1, 0.2, 0.2]])

        assert seeded()(image=grey(40, 40), bboxes=boxes, index=5, epoch=0)["bboxes"] is boxes

    def test_no_boxes_are_no_error(self):
        """An empty list of boxes stays empty."""
        assert self.boxes_of(np.zeros((0, 4)), 0) == ([], [])

    def test_keypoints_go_only_if_they_are_to_go(self, index):
        """Keypoints under dust are removed if remove_invisible is True, together with their labels."""
        left, top, right, bottom = self.square(index)
        points = [[left + 0.5, top + 0.5], [right - 0.5, bottom - 0.5], [right + 0.5, bottom], [1, 1]]
        for remove, names in ((True, ["c", "d"]), (False, ["a", "b", "c", "d"])):
            result = pointed(seeded(self.SQUARE), remove_invisible=remove)(
                image=grey(40, 40, 3), keypoints=points, names=list("abcd"), index=index, epoch=0
            )

            assert names == list(result["names"])
            assert len(names) == len(result["keypoints"])

    def test_no_keypoints_are_no_error(self):
        """An empty list of keypoints stays empty."""
        result = pointed(seeded(), remove_invisible=True)(image=grey(40, 40), keypoints=[], names=[], index=0, epoch=0)

        assert len(result["keypoints"]) == 0

    def test_images_of_other_sizes_get_dust_of_their_own(self):
        """Images of two sizes in one call get the dust of the same index, each for its size."""
        compose = A.Compose([seeded()], additional_targets={"small": "image"}, is_check_shapes=False)
        result = compose(image=grey(30, 40, 3), small=grey(20, 20, 3), index=5, epoch=0)

        assert (expected(grey(30, 40, 3), index=5) == result["image"]).all()
        assert (expected(grey(20, 20, 3), index=5) == result["small"]).all()

    def test_additional_targets_get_the_same_dust(self):
        """Images, masks and boxes under other names share the dust of the image."""
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
            """AlbumentationsX keeps boxes with their frames and masks, also where dust removes some."""
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
            """The oriented boxes of AlbumentationsX are kept or refused."""
            params = A.BboxParams(coord_format="albumentations", bbox_type="obb", label_fields=[])
            boxes = np.array([[0.2, 0.2, 0.8, 0.8, 30]], np.float32)
            result = A.Compose([seeded(boxes="keep")], bbox_params=params)(
                image=grey(30, 40, 3), bboxes=boxes.copy(), index=5, epoch=0
            )

            assert boxes == pytest.approx(result["bboxes"], abs=1e-3)
            with pytest.raises(ValueError, match="do not support OBB"):
                A.Compose([seeded()], bbox_params=params)
