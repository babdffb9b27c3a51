"""In torchvision, masks and boxes of a sample tell where dust may lie, and what it hides is written into the sample."""

import copy
import math
import pickle
from collections import OrderedDict
from typing import Any, ClassVar, NamedTuple
from unittest import mock

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

import dustaug
import exact_boxes
import guided
from dustaug import dust, guide_of_boxes, sample_rectangles
from dustaug._adapters.targets import touched_pixels
from dustaug._tensors.painter import seed_source
from dustaug.torchvision import DustRectangles
from saved import private_modules
from test_pixels import KEYS, photos

SINCE_0_23 = hasattr(tv_tensors, "KeyPoints")
SEED = KEYS["zero"]["seed"]
H, W = 40, 50
# Many rectangles of one pixel, which show where centres may lie.
SPECKS = dust(center="guide", count_range=(99, 99), side_range=(1, 1), fill="constant", fill_value=255)
SPECKS = SPECKS.replace(spare_last=False)
LARGE = dust(count_range=(20, 31), side_range=(5, 15), fill="constant", fill_value=255, center="uniform")


@pytest.fixture
def fixed_seed():
    """Let each transform draw the seed of vectors/guides.json, which has 64 bits."""
    with mock.patch.object(seed_source, "pair", (lambda: None, lambda: SEED)):
        yield


def planes(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def interleaved(images):
    return images.permute(0, 2, 3, 1).numpy()


def black(*shape):
    return torch.zeros(shape, dtype=torch.uint8)


def specked(image):
    """Return which pixels of (…, c, h, w) are painted white."""
    return (image == 255).any(dim=-3)


def half(height=H, width=W):
    """Return a mask of the left half."""
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[:, : width // 2] = True
    return mask


def boxes_of(corners, name="XYXY", size=(H, W)):
    """Return BoundingBoxes from left, top, right and bottom."""
    boxes = tv_tensors.BoundingBoxes(corners, format="XYXY", canvas_size=size)
    return F.convert_bounding_box_format(boxes, new_format=name)


def as_corners(objects):
    """Return top, left, bottom, right as left, top, right, bottom."""
    return torch.from_numpy(objects)[:, [1, 0, 3, 2]]


class TestPixels:
    """The pixels are those of vectors/guides.json."""

    @pytest.mark.usefixtures("fixed_seed")
    @pytest.mark.parametrize("name", [name for name, case in guided.CASES.items() if "objects" not in case.terms])
    def test_a_batch_with_masks(self, name):
        """Images (n, c, h, w) and masks (n, h, w), or weights of another resolution, are painted as by the core."""
        spec, terms = guided.CASES[name]
        how = None if name == "mask" else "weights"
        sample = {
            "image": tv_tensors.Image(planes(photos())),
            "where": tv_tensors.Mask(torch.from_numpy(terms["guide"])),
        }
        found = DustRectangles(spec, guide=how)(sample)

        assert interleaved(found["image"]).tobytes() == guided.expected(name, "zero").tobytes()
        assert found["where"] is sample["where"]

    @pytest.mark.usefixtures("fixed_seed")
    @pytest.mark.parametrize("image", [0, PIL.Image.fromarray(photos()[0])], ids=["tensor", "Pillow"])
    @pytest.mark.parametrize("name", guided.CASES)
    def test_one_image(self, name, image):
        """The first image, as a tensor or of Pillow, with its mask and boxes, is painted as by the core."""
        spec, terms = guided.CASES[name]
        sample = {"image": planes(photos())[0] if image == 0 else image}
        if "guide" in terms:
            sample["where"] = tv_tensors.Mask(torch.from_numpy(terms["guide"][0]))
        if "objects" in terms:
            sample["boxes"] = boxes_of(as_corners(terms["objects"][0]), size=photos().shape[1:3])
        how = "weights" if "guide" in terms and name not in ("mask", "both") else None
        found = DustRectangles(spec, guide=how)(sample)["image"]
        found = found.permute(1, 2, 0).numpy() if image == 0 else np.asarray(found)

        assert found.tobytes() == guided.expected(name, "zero")[0].tobytes()

    @pytest.mark.usefixtures("fixed_seed")
    @pytest.mark.parametrize("name", ["XYXY", "XYWH", "CXCYWH"])
    def test_boxes_as_a_guide(self, name):
        """Boxes of every upright format are the guide that guide_of_boxes() makes."""
        spec, corners = dust(center="guide"), [[3.0, 4, 20, 11], [15, 9, 60, 33]]
        guide = guide_of_boxes([[4, 3, 11, 20], [9, 15, 33, 60]], height=H, width=W)
        images = np.full((1, H, W, 3), 100, np.uint8)
        found = DustRectangles(spec)(planes(images)[0], boxes_of(corners, name))[0]
        dustaug.add_dust(images, spec, seed=SEED, index=0, guide=guide[None])

        assert torch.equal(found, planes(images)[0])

    def test_in_place(self):
        """The caller's tensor is painted with inplace=True, and only then."""
        for inplace in (False, True):
            image = black(3, H, W)
            found, _ = DustRectangles(SPECKS, inplace=inplace)(image, tv_tensors.Mask(half()))

            assert (found is image) == inplace
            assert specked(found).any()
            assert specked(image).any() == inplace


class TestGuides:
    """Dust lies where a mask or boxes say."""

    @pytest.mark.parametrize(
        "mask",
        [
            half(),
            half().long() * 200,
            half().float(),
            half().to(torch.uint16),
            torch.stack([half() & (torch.arange(W) % 2 > 0), half() & (torch.arange(W) % 2 == 0)]),
        ],
        ids=["bool", "classes", "float", "uint16", "instances"],
    )
    def test_a_pixel_has_weight_where_a_mask_is_not_zero(self, mask):
        """That holds for masks of classes, and for any of several instances."""
        image, _ = DustRectangles(SPECKS)(black(3, H, W), tv_tensors.Mask(mask))

        assert specked(image).sum() > 60
        assert not (specked(image) & ~half()).any()
        assert specked(image)[:, ::2].any()
        assert specked(image)[:, 1::2].any()

    def test_numbers_of_a_mask_can_be_weights(self):
        """With guide="weights" a class of 255 gets nearly all of the dust that a class of 1 does not get."""
        torch.manual_seed(0)
        mask = half().byte() * 254 + 1
        image, _ = DustRectangles(SPECKS, guide="weights")(black(3, H, W), tv_tensors.Mask(mask))
        even, _ = DustRectangles(SPECKS)(black(3, H, W), tv_tensors.Mask(mask))

        assert (specked(image) & ~half()).sum() < 5
        assert (specked(even) & ~half()).sum() > 20

    @pytest.mark.parametrize(
        "mask", [half() & False, torch.zeros(0, H, W, dtype=torch.uint8), torch.zeros(3, H, W)], ids=["0", "none", "3"]
    )
    def test_an_empty_mask_is_no_dust(self, mask):
        """An image without an object gets no dust."""
        for how in (None, "weights"):
            image, _ = DustRectangles(SPECKS, guide=how)(black(3, H, W), tv_tensors.Mask(mask.byte()))

            assert not image.any()

    def test_no_boxes_are_no_dust(self):
        """An image without a box gets no dust; a box without area and one with NaN have no pixel."""
        for corners in (torch.zeros(0, 4), [[3.0, 3, 3, 9], [np.nan, 0, 9, 9]]):
            assert not DustRectangles(SPECKS)(black(3, H, W), boxes_of(corners))[0].any()

    def test_boxes_with_fractions_are_the_pixels_that_they_touch(self):
        """Errors of float32 touch no further pixel."""
        image, _ = DustRectangles(SPECKS)(black(3, H, W), boxes_of([[3.5, 4.9, 6.1, 7.00001]]))

        assert specked(image)[4:7, 3:7].all()
        assert specked(image).sum() == 12

    @pytest.mark.parametrize("name", ["XYXY", "XYWH", "CXCYWH"])
    @given(data=st.data(), size=st.sampled_from(exact_boxes.SIZES))
    @settings(max_examples=40)
    def test_pixels_that_boxes_touch_are_exact(self, name, data, size):
        """In float32 and every format, a box touches the pixels that it touches in exact fractions."""
        height, width = size
        exact = data.draw(st.lists(exact_boxes.boxes(*size, reach=3), min_size=1, max_size=6))
        boxes = boxes_of([[float(side) for side in box] for box in exact], name, size)
        plain = boxes.as_subclass(torch.Tensor).double()
        plain = F.convert_bounding_box_format(plain, boxes.format, tv_tensors.BoundingBoxFormat.XYXY)
        pixels = [
            [math.floor(top), math.floor(left), math.ceil(bottom), math.ceil(right)]
            for left, top, right, bottom in exact
        ]
        within = np.array(pixels).clip(0, [height, width, height, width])

        assert touched_pixels(plain.numpy(), height, width).tolist() == within.tolist()

    @pytest.mark.parametrize("seed", range(5))
    def test_flips_and_crops_take_the_guide_with_them(self, seed):
        """The guide is that of the image as painted, because torchvision's transforms change masks and boxes too."""
        mask = torch.zeros(H, W, dtype=torch.uint8)
        mask[5:20, 3:30] = 1
        pipeline = v2.Compose(
            [
                v2.RandomHorizontalFlip(),
                v2.RandomCrop((20, 30)),
                v2.Resize((33, 44), interpolation=v2.InterpolationMode.NEAREST),
                DustRectangles(SPECKS.replace(fill_value=(255, 255, 0, 0))),
            ]
        )
        # The third channel shows where the mask has gone, and the fourth where it is not.
        image = tv_tensors.Image(torch.stack([mask * 0, mask * 0, mask, 1 - mask]))
        torch.manual_seed(seed)
        found, _ = pipeline(image, tv_tensors.Mask(mask))
        dusted, outside = found[0] == 255, found[3] == 1

        assert dusted.sum() > 20
        assert not (dusted & outside).any()

        torch.manual_seed(seed)
        boxes = boxes_of([[3, 5, 30, 20]])
        found, after = pipeline(image, boxes)
        rows, columns = torch.nonzero(found[0] == 255).unbind(dim=1)

        assert not torch.equal(after, boxes)
        assert (columns >= after[0, 0] - 1).all()
        assert (columns < after[0, 2] + 1).all()
        assert (rows >= after[0, 1] - 1).all()
        assert (rows < after[0, 3] + 1).all()

    @pytest.mark.parametrize("options", [{}, {"fill_mask": 7}], ids=str)
    def test_each_image_of_a_batch_has_its_mask(self, options):
        """Masks (n, h, w) and instance masks (n, k, h, w) go with the images at their places."""
        masks = torch.stack([half(), ~half(), half() & False])
        for shaped in (masks, masks[:, None].expand(3, 2, H, W), masks[:, None]):
            images, found = DustRectangles(SPECKS, **options)(black(3, 3, H, W), tv_tensors.Mask(shaped.byte()))

            assert specked(images).flatten(1).any(dim=1).tolist() == [True, True, False]
            assert not (specked(images) & ~masks).any()
            assert (found == 7).any() == bool(options)

    def test_more_leading_axes(self):
        """Images (a, b, c, h, w) have masks (a, b, h, w)."""
        masks = torch.stack([half(), ~half(), half(), half() & False]).reshape(2, 2, H, W)
        images, _ = DustRectangles(SPECKS)(black(2, 2, 3, H, W), tv_tensors.Mask(masks))

        assert specked(images).flatten(2).any(dim=2).tolist() == [[True, True], [True, False]]
        assert not (specked(images) & ~masks).any()

    def test_frames_of_a_video_share_their_guide(self):
        """Videos share their dust, and may have a mask for all frames or one for each; a batch of them has batches."""
        for mask in (half(), half().expand(5, H, W)):
            video, _ = DustRectangles(SPECKS)(tv_tensors.Video(black(5, 3, H, W)), tv_tensors.Mask(mask))

            assert len(specked(video).unique(dim=0)) == 1
            assert not (specked(video)[0] & ~half()).any()

        masks = torch.stack([half(), ~half()])
        videos, _ = DustRectangles(SPECKS)(tv_tensors.Video(black(2, 4, 3, H, W)), tv_tensors.Mask(masks))

        assert not (specked(videos) & ~masks[:, None]).any()
        assert specked(videos).flatten(1).any(dim=1).all()

    def test_images_that_share_their_dust_share_their_guide(self):
        """With same_on_batch=True, masks of a batch count together."""
        masks = torch.stack([half() & (torch.arange(H) < 9)[:, None], ~half() & (torch.arange(H) < 9)[:, None]])
        images, _ = DustRectangles(SPECKS, same_on_batch=True)(black(2, 3, H, W), tv_tensors.Mask(masks))

        assert torch.equal(images[0], images[1])
        assert not specked(images)[:, 9:].any()
        assert (specked(images)[0] & masks[0]).any()
        assert (specked(images)[0] & masks[1]).any()

    def test_a_mask_goes_before_boxes(self):
        """A sample with both takes its mask, and guide="boxes" its boxes."""
        sample = {"image": black(3, H, W), "boxes": boxes_of([[30, 3, 45, 20]]), "masks": tv_tensors.Mask(half())}

        assert not (specked(DustRectangles(SPECKS)(sample)["image"]) & ~half()).any()
        assert not (specked(DustRectangles(SPECKS, guide="boxes")(sample)["image"]) & half()).any()


class Pair(NamedTuple):
    """A sample may be a named tuple."""

    image: Any
    target: Any


class TestKeys:
    """A key names one of several entries, in dicts at any depth."""

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda image, **more: {"image": image, **more},
            lambda image, **more: OrderedDict({**more, "image": image}),
            lambda image, **more: (image, more),
            lambda image, **more: [more, image, "text"],
            lambda image, **more: Pair(image, more),
            lambda image, **more: {"nested": [{"deep": (more,)}], "image": image},
        ],
        ids=["dict", "ordered", "pair", "list", "named", "nested"],
    )
    @pytest.mark.parametrize("kind", [tv_tensors.Mask, lambda mask: mask, lambda mask: mask.numpy()])
    def test_a_mask_of_several(self, wrap, kind):
        """The named entry is the guide, and a plain tensor that is one is not taken for the image."""
        masks = {"other": tv_tensors.Mask(~half()), "where": kind(half())}
        sample = wrap(tv_tensors.Image(black(3, H, W)), **masks)
        changed = torch.utils._pytree.tree_leaves(DustRectangles(SPECKS, guide_key="where")(sample))
        (image,) = [each for each in changed if isinstance(each, tv_tensors.Image)]

        assert not (specked(image) & ~half()).any()
        assert specked(image).any()
        assert any(each is masks["where"] for each in changed)

    def test_a_plain_guide_before_a_plain_image(self):
        """The first plain tensor that is neither guide nor flags is the image."""
        sample = {"heat": half().byte(), "image": black(3, H, W)}
        found = DustRectangles(SPECKS, guide="weights", guide_key="heat")(sample)

        assert found["heat"] is sample["heat"]
        assert not (specked(found["image"]) & ~half()).any()
        assert specked(found["image"]).any()

    @pytest.mark.parametrize("kind", ["bool", ">u2", "float32", "uint64"])
    def test_arrays(self, kind):
        """An array of any dtype and strides may be a guide."""
        array = half().numpy()[::-1].astype(kind)[::-1]
        found = DustRectangles(SPECKS, guide_key="where")({"image": black(3, H, W), "where": array})

        assert not (specked(found["image"]) & ~half()).any()
        assert specked(found["image"]).any()

    def test_places_of_tuples(self):
        """A guide of a tuple is named by its place, also from its end."""
        masks = [tv_tensors.Mask(half()), tv_tensors.Mask(~half())]
        for place, mask in ((1, half()), (2, ~half()), (-1, ~half())):
            image = DustRectangles(SPECKS, guide_key=place)(black(3, H, W), *masks)[0]

            assert not (specked(image) & ~mask).any()

    def test_several_masks_without_a_key_are_listed(self):
        """The error says where they are."""
        sample = (black(3, H, W), {"a": tv_tensors.Mask(half()), "b": [tv_tensors.Mask(half())]})
        with pytest.raises(
            ValueError, match=r"must hold one Mask, got 2, at \[1\]\['a'\], \[1\]\['b'\]\[0\]: type .*guide_key=\"…\""
        ):
            DustRectangles(SPECKS)(sample)

    @pytest.mark.parametrize(
        ("options", "entries", "error", "message"),
        [
            ({}, {}, TypeError, 'must hold a Mask or BoundingBoxes with center="guide", got Image: type .*guide_key'),
            ({"guide": "boxes"}, {"m": tv_tensors.Mask(half())}, TypeError, "must hold a BoundingBoxes with center"),
            ({"guide": "mask"}, {"b": boxes_of([[1, 2, 3, 4]])}, TypeError, "must hold a Mask with center"),
            ({"guide_key": "x"}, {"m": 3}, LookupError, r"must have one guide at 'x', got \['image', 'm'\]: type"),
            ({"guide_key": 5}, {"m": 3}, LookupError, "must have one guide at 5, got"),
            ({"guide_key": "x"}, {"x": 1, "m": {"x": 2}}, ValueError, "must have one guide at 'x', got 2: rename"),
            ({"guide_key": "x"}, {"x": "text"}, TypeError, "the guide must be a Mask, BoundingBoxes, a tensor or an"),
            ({"guide_key": "x", "guide": "boxes"}, {"x": half()}, TypeError, "the guide must be BoundingBoxes with"),
            (
                {"guide_key": "x", "guide": "mask"},
                {"x": boxes_of([[1, 2, 3, 4]])},
                TypeError,
                "the guide must be a Mask, a tensor or an array with guide='mask', got BoundingBoxes",
            ),
            (
                {"guide": "weights"},
                {"x": tv_tensors.Mask(half().float())},
                TypeError,
                "the guide must be uint8 or bool with .*got float32: type dustaug.guide_of_map",
            ),
            (
                {"guide_key": "x"},
                {"x": half()[0]},
                ValueError,
                r"must have shape \(rows, columns\), or inst.*got \(50,\)",
            ),
            ({"guide_key": "x"}, {"x": half()[:0]}, ValueError, "guide must have from 1 to 65535 rows and columns"),
        ],
        ids=str,
    )
    def test_what_is_no_guide(self, options, entries, error, message):
        """The errors say what must hold and what to type, and nothing is painted."""
        image = tv_tensors.Image(black(3, H, W))
        with pytest.raises(error, match=message):
            DustRectangles(SPECKS, **options, inplace=True)({"image": image, **entries})

        assert not image.any()

    def test_masks_that_do_not_fit_a_batch(self):
        """A batch needs a mask for each image, and boxes belong to one image."""
        with pytest.raises(
            ValueError, match=r"shape \(3, rows, columns\), or instances .*got \(40, 50\): type same_on"
        ):
            DustRectangles(SPECKS)(black(3, 3, H, W), tv_tensors.Mask(half()))
        with pytest.raises(ValueError, match=r"boxes and keypoints must come with one image, got a batch of \(3,\)"):
            DustRectangles(SPECKS)(black(3, 3, H, W), boxes_of([[1, 2, 3, 4]]))


CORNERS = torch.tensor([[1.0, 2, 9, 8], [10, 20, 40.5, 39.1], [30, -5, 60, 12], [4, 4, 4, 9], [60, 60, 70, 70]])


class TestObjects:
    """With max_hidden, boxes keep a share of themselves."""

    @pytest.mark.parametrize("name", ["XYXY", "XYWH", "CXCYWH"])
    def test_no_box_loses_more(self, name):
        """Of the pixels that a box touches within the image, no more than the share is hidden, in every format."""
        torch.manual_seed(1)
        lost = []
        for _ in range(50):
            image, _ = DustRectangles(LARGE)(black(1, H, W), boxes_of(CORNERS, name))
            lost.append(shares(specked(image)))
        assert np.max(lost) > 0.9

        lost = []
        for _ in range(50):
            image, _ = DustRectangles(LARGE.replace(max_hidden=0.25))(black(1, H, W), boxes_of(CORNERS, name))
            lost.append(shares(specked(image)))
        assert 0.1 < np.max(lost) <= 0.25

    def test_boxes_are_named_by_a_key(self):
        """Of several boxes a key says which are spared."""
        first, second = boxes_of([[0, 0, 25, 40]]), boxes_of([[25, 0, 50, 40]])
        transform = DustRectangles(LARGE.replace(max_hidden=1e-9), objects_key="b")
        found = transform({"image": tv_tensors.Image(black(1, H, W)), "a": first, "b": second})["image"]

        assert specked(found)[:, :25].any()
        assert not specked(found)[:, 25:].any()
        with pytest.raises(
            ValueError, match=r"must hold one BoundingBoxes, got 2, at \[0\], \[1\]: type .*objects_key"
        ):
            DustRectangles(max_hidden=0.3)(first, second)

    @pytest.mark.parametrize(
        ("sample", "error", "message"),
        [
            (
                (black(3, H, W), 3),
                TypeError,
                "must hold BoundingBoxes with max_hidden, per_object or visibility_key, got Tensor, int",
            ),
            ((black(2, 3, H, W), boxes_of(CORNERS)), ValueError, r"with one image, got a batch of \(2,\)"),
            ((black(3, H, W), boxes_of([[9, 9, 2, 2]])), ValueError, "objects must not be reversed"),
        ],
        ids=["none", "batch", "reversed"],
    )
    def test_what_is_no_box(self, sample, error, message):
        """The errors say what must hold, and nothing is painted."""
        with pytest.raises(error, match=message):
            DustRectangles(max_hidden=0.3, inplace=True)(sample)

        assert not sample[0].any()

    def test_a_key_must_name_boxes(self):
        """A mask is no list of objects."""
        with pytest.raises(TypeError, match="objects_key must name BoundingBoxes, got Mask"):
            DustRectangles(max_hidden=0.3, objects_key="m")({"m": tv_tensors.Mask(half()), "i": black(3, H, W)})

    @pytest.mark.parametrize("wrap", [tv_tensors.Image, tv_tensors.Video])
    def test_batches_that_share_their_dust(self, wrap):
        """A video and a batch with same_on_batch=True may have boxes."""
        transform = DustRectangles(LARGE.replace(max_hidden=0.2), same_on_batch=True)
        images, _ = transform(wrap(black(4, 1, H, W)), boxes_of(CORNERS))

        assert len(images.unique(dim=0)) == 1
        assert 0 < shares(specked(images)[0]).max() <= 0.2


class TestRotatedBoxes:
    """Rotated boxes are no guide and no objects."""

    __test__ = SINCE_0_23

    def test_they_are_refused(self):
        """The error names the formats."""
        boxes = tv_tensors.BoundingBoxes([[9.0, 9, 8, 8, 45]], format="CXCYWHR", canvas_size=(H, W))
        for options in ({"spec": SPECKS}, {"max_hidden": 0.3}):
            with pytest.raises(ValueError, match="of format XYXY, XYWH, CXCYWH with max_hidden.*, got CXCYWHR"):
                DustRectangles(**options)(black(3, H, W), boxes)


def shares(mask):
    """Return the share of the pixels that each box of CORNERS touches, if any, for which a mask is True."""
    parts = mask[2:8, 1:9], mask[20:40, 10:41], mask[0:12, 30:50]
    return np.array([part.double().mean().item() for part in parts])


def shares_of_areas(mask):
    """Return the share of the area of each box of CORNERS with pixels for which a mask is True."""
    heights, widths = torch.ones(20).double(), torch.ones(31).double()
    heights[-1], widths[-1] = 0.1, 0.5  # The second box ends within its last row and column.
    found = shares(mask)
    found[1] = heights @ mask[20:40, 10:41].double() @ widths / (heights.sum() * widths.sum())
    return found


class TestVisibility:
    """The visible share of each box is written into the sample."""

    @pytest.mark.parametrize("spec", [LARGE, LARGE.replace(max_hidden=0.3), LARGE.replace(count_range=(0, 0))])
    def test_it_is_what_the_pixels_say(self, spec):
        """Shares are float32, one for each box; a box without pixels is visible."""
        sample = {"image": tv_tensors.Image(black(1, H, W)), "boxes": boxes_of(CORNERS), "labels": torch.arange(5)}
        found = DustRectangles(spec, visibility_key="visibility")(sample)

        assert found["visibility"].dtype == torch.float32
        assert found["visibility"].shape == (5,)
        assert found["visibility"][:3].tolist() == pytest.approx(shares_of_areas(~specked(found["image"])).tolist())
        assert found["visibility"][3:].tolist() == [1, 1]
        assert "visibility" not in sample
        assert found["labels"] is sample["labels"]

    def test_it_goes_into_the_dict_that_holds_the_boxes(self):
        """A pair of an image and a dict is usual, and the caller's dict stays as it is."""
        target = {"boxes": boxes_of(CORNERS), "labels": torch.arange(5)}
        for sample in ((black(1, H, W), target), {"image": black(1, H, W), "more": [target]}):
            found = DustRectangles(LARGE, visibility_key="seen")(sample)
            changed = found[1] if isinstance(found, tuple) else found["more"][0]

            assert list(changed) == ["boxes", "labels", "seen"]
            assert list(target) == ["boxes", "labels"]
        with pytest.raises(TypeError, match="must hold the boxes in a dict with visibility_key, got tuple: type"):
            DustRectangles(LARGE, visibility_key="seen")(black(1, H, W), boxes_of(CORNERS))

    def test_boxes_that_are_hidden_can_be_dropped(self):
        """SanitizeBoundingBoxes drops the shares with the boxes."""
        pipeline = v2.Compose(
            [
                DustRectangles(LARGE, visibility_key="seen", boxes="clip"),
                v2.SanitizeBoundingBoxes(labels_getter=lambda sample: (sample["labels"], sample["seen"])),
            ]
        )
        sample = {"image": tv_tensors.Image(black(1, H, W)), "boxes": boxes_of(CORNERS), "labels": torch.arange(5)}
        found = pipeline(sample)

        assert len(found["seen"]) == len(found["labels"]) == len(found["boxes"]) < 5


class TestFlags:
    """COCO's flags of keypoints tell which were hidden."""

    __test__ = SINCE_0_23

    @pytest.mark.parametrize("dtype", [torch.int64, torch.uint8])
    @pytest.mark.parametrize("shape", [(60,), (60, 1), (3, 20)])
    def test_hidden_points_that_were_visible_become_1(self, shape, dtype):
        """All other flags stay, and so do the points and the caller's flags."""
        y, x = torch.meshgrid(torch.arange(6) * 7, torch.arange(10) * 5, indexing="ij")
        points = torch.stack([x, y], dim=-1).reshape(*(shape if shape[-1] != 1 else shape[:1]), 2) + 0.5
        flags = (torch.arange(60) % 3).to(dtype).reshape(shape)
        sample = {"flags": flags, "image": black(1, H, W), "points": tv_tensors.KeyPoints(points, canvas_size=(H, W))}
        before = flags.clone()
        found = DustRectangles(LARGE, flags_key="flags")(sample)
        hidden = specked(found["image"])[y.flatten().clamp(max=H - 1), x.flatten()] & (y.flatten() < H)

        assert torch.equal(flags, before)
        assert found["flags"].dtype == dtype
        expected = torch.where(hidden.reshape(shape) & (flags == 2), 1, flags)
        assert torch.equal(found["flags"], expected)
        assert not torch.equal(found["flags"], flags)
        assert found["points"] is sample["points"]

    @pytest.mark.parametrize(
        ("sample", "error", "message"),
        [
            (
                {"flags": torch.zeros(1)},
                TypeError,
                r"whole numbers of shape \(1,\), one for each .*torch.float32 \(1,\)",
            ),
            ({"flags": torch.zeros(2, dtype=torch.int64)}, TypeError, r"of shape \(1,\), one for each keypoint, got"),
            ({"flags": [2]}, TypeError, r"flags must be a tensor of whole numbers .*got \[2\]"),
            ({"flag": 3}, LookupError, "must have one flags at 'flags', got"),
        ],
    )
    def test_odd_flags(self, sample, error, message):
        """The errors say what must hold, and nothing is painted."""
        image = tv_tensors.Image(black(1, H, W))
        points = tv_tensors.KeyPoints([[3.0, 4.0]], canvas_size=(H, W))
        with pytest.raises(error, match=message):
            DustRectangles(LARGE, flags_key="flags", inplace=True)({"image": image, "points": points, **sample})

        assert not image.any()

    def test_flags_without_keypoints(self):
        """Flags belong to keypoints."""
        with pytest.raises(TypeError, match="must hold KeyPoints with flags_key, got Tensor"):
            DustRectangles(LARGE, flags_key="v")({"image": black(1, H, W), "v": torch.zeros(1, dtype=torch.int64)})


class TestModule:
    """The transform is a module with options."""

    OPTIONS: ClassVar = {
        "guide": "weights",
        "guide_key": "heat",
        "objects_key": "boxes",
        "visibility_key": "seen",
        "flags_key": "v",
    }

    def test_repr_copies_and_pickles(self):
        """The options are in the repr and in copies, which draw the same; no private module is named."""
        transform = DustRectangles(center="guide", max_hidden=0.3, **self.OPTIONS)

        assert repr(transform).endswith(
            "guide='weights', guide_key='heat', objects_key='boxes', visibility_key='seen', flags_key='v')"
        )
        assert private_modules(pickle.dumps(transform)) == set()
        simple = DustRectangles(SPECKS)
        for copied in (copy.deepcopy(simple), pickle.loads(pickle.dumps(simple))):
            torch.manual_seed(1)
            expected, _ = simple(black(3, H, W), tv_tensors.Mask(half()))
            torch.manual_seed(1)

            assert torch.equal(copied(black(3, H, W), tv_tensors.Mask(half()))[0], expected)
        for copied in (copy.copy(transform), pickle.loads(pickle.dumps(transform))):
            assert repr(copied) == repr(transform)

    def test_pickles_of_earlier_versions(self):
        """A pickle without the options has their defaults."""
        transform = DustRectangles(LARGE)
        state = {name: value for name, value in transform.__getstate__().items() if name not in self.OPTIONS}
        old = DustRectangles.__new__(DustRectangles)
        old.__setstate__(state)

        assert repr(old) == repr(transform)
        assert specked(old(black(3, H, W))).any()

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"guide": "masks"}, ValueError, "guide must be 'mask' or 'boxes' or 'weights', got 'masks'"),
            ({"guide": "mask"}, TypeError, "guide must be given with center=\"guide\", got it with center='normal'"),
            ({"guide_key": "a"}, TypeError, 'guide_key must be given with center="guide"'),
            (
                {"guide_key": 0.5, "center": "guide"},
                TypeError,
                "guide_key must be a place or a key in a sample, got 0.5",
            ),
            (
                {"objects_key": "a"},
                TypeError,
                "objects_key must be given with max_hidden, per_object or visibility_key",
            ),
            ({"visibility_key": 3}, TypeError, "visibility_key must be the name of a key, got 3"),
            ({"flags_key": 3}, TypeError, "flags_key must be the name of a key, got 3"),
        ],
    )
    def test_wrong_arguments(self, options, error, message):
        """The constructor refuses wrong arguments, and options that the spec does not take."""
        with pytest.raises(error, match=message):
            DustRectangles(**options)

    def test_a_single_tensor_has_no_guide(self):
        """A tensor alone is refused, with what to type."""
        with pytest.raises(TypeError, match='must hold a Mask or BoundingBoxes with center="guide", got Tensor'):
            DustRectangles(SPECKS)(black(3, H, W))

    def test_torch_compile_breaks_its_graph(self):
        """A sample that holds its guide is dusted outside of the graph, with the same pixels."""
        torch._dynamo.reset()
        transform = DustRectangles(SPECKS, guide_key="where")
        sample = {"image": black(3, H, W), "where": half()}
        torch.manual_seed(3)
        expected = transform(sample)["image"]
        torch.manual_seed(3)

        assert torch.equal(torch.compile(transform, backend="eager")(sample)["image"], expected)

    def test_the_rectangles_are_those_of_the_core(self):
        """The seed that the transform draws gives the rectangles of sample_rectangles()."""
        torch.manual_seed(3)
        seed = torch.empty((), dtype=torch.int64).random_().item()
        torch.manual_seed(3)
        image, _ = DustRectangles(SPECKS)(black(3, H, W), tv_tensors.Mask(half()))
        drawn = sample_rectangles(SPECKS, height=H, width=W, seed=seed, index=0, guide=half().numpy())

        assert torch.equal(specked(image), torch.from_numpy(drawn.mask(H, W)[0]))
