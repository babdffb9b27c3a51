"""In torchvision, boxes, keypoints and masks are what exact arithmetic makes of the dusted pixels."""

import warnings
from fractions import Fraction

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import tv_tensors
from torchvision.transforms import v2

from dustaug import dust
from dustaug.torchvision import DustRectangles
from exact_boxes import SIZES, WHITE, boxes, is_covered, places, visible_part

# torchvision has keypoints since 0.23.
SINCE_0_23 = hasattr(tv_tensors, "KeyPoints")
FORMATS = ["XYXY", "XYWH", "CXCYWH"]


def to_format(box, name):
    left, top, right, bottom = box
    numbers = {
        "XYXY": box,
        "XYWH": (left, top, right - left, bottom - top),
        "CXCYWH": ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top),
    }
    return [float(number) for number in numbers[name]]


def from_format(box, name):
    a, b, c, d = box
    return {"XYXY": box, "XYWH": [a, b, a + c, b + d]}.get(name, [a - c / 2, b - d / 2, a + c / 2, b + d / 2])


def call(transform, seed, size, *others):
    """Return which pixels dust covers in one call of a transform, and what else it returns."""
    torch.manual_seed(seed)
    image, *others = transform(torch.zeros((1, *size), dtype=torch.uint8), *others)
    return (image[0] == 255).numpy(), others


@pytest.mark.parametrize("name", FORMATS)
@given(
    data=st.data(),
    seed=st.integers(0, 99),
    size=st.sampled_from(SIZES),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
@settings(max_examples=40)
def test_boxes_are_what_the_pixels_say(name, data, seed, size, dtype):
    """A box shrinks or becomes empty exactly where all its pixels at a side, or all, are covered."""
    exact = data.draw(st.lists(boxes(*size, reach=3), min_size=1, max_size=6))
    rows = torch.tensor([to_format(box, name) for box in exact], dtype=dtype)
    given_boxes = tv_tensors.BoundingBoxes(rows, format=name, canvas_size=size)
    covered, [found] = call(DustRectangles(WHITE, boxes="clip"), seed, size, given_boxes)
    for box, row, after in zip(exact, rows, found, strict=True):
        shown = visible_part(box, covered)
        if shown is None:
            assert from_format(after.tolist(), name)[2:] == from_format(after.tolist(), name)[:2]
            assert tuple(
                v2.SanitizeBoundingBoxes(labels_getter=None)(tv_tensors.wrap(after[None], like=found)).shape
            ) == (0, 4)
        elif shown == box:
            assert torch.equal(after, row)
        else:
            assert from_format(after.tolist(), name) == pytest.approx([float(side) for side in shown], abs=1e-5)


@pytest.mark.parametrize("name", FORMATS)
def test_float32_reaches_into_no_further_pixel(name):
    """A box from 0.1 of 9.9 pixels ends above 10 in float32, and is hidden by dust up to 10 all the same."""
    square = dust(count_range=(1, 1), side_range=(10, 10), center="inside", spare_last=False)
    parts = [Fraction(part) for part in ("0.1", "0.3", "0.7", "0.006")]
    boxes = [(part, part, Fraction(10), Fraction(10)) for part in parts]
    rows = torch.tensor([to_format(box, name) for box in boxes])
    _, [found] = call(
        DustRectangles(square, boxes="clip"),
        0,
        (10, 10),
        tv_tensors.BoundingBoxes(rows, format=name, canvas_size=(10, 10)),
    )

    assert all(from_format(after.tolist(), name)[2:] == from_format(after.tolist(), name)[:2] for after in found)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("place", range(4))
def test_boxes_with_nan_stay(name, place):
    """A box with NaN for a number keeps the others."""
    rows = torch.tensor([[2.0, 3, 6, 5]])
    rows[0, place] = torch.nan
    given_boxes = tv_tensors.BoundingBoxes(rows, format=name, canvas_size=(10, 10))
    _, [found] = call(DustRectangles(WHITE.replace(count_range=(6, 6)), boxes="clip"), 0, (10, 10), given_boxes)

    assert torch.equal(found.nan_to_num(-1), rows.nan_to_num(-1))


@given(data=st.data(), seed=st.integers(0, 99), size=st.sampled_from(SIZES))
@settings(max_examples=40)
def test_masks_are_what_the_pixels_say(data, seed, size):
    """A mask has the fill exactly where the image has dust, and its own values everywhere else."""
    dtype = data.draw(st.sampled_from([torch.uint8, torch.int64, torch.float32, torch.bool]), "dtype")
    objects = data.draw(st.sampled_from([(), (1,), (3,)]), "objects")
    mask = torch.from_numpy(np.random.default_rng(seed).uniform(0, 9, (*objects, *size))).to(dtype)
    covered, [found] = call(DustRectangles(WHITE, fill_mask=1), seed, size, tv_tensors.Mask(mask.clone()))

    assert torch.equal(found, torch.where(torch.from_numpy(covered), torch.ones((), dtype=dtype), mask))


class TestKeyPoints:
    """Keypoints with fractions."""

    __test__ = SINCE_0_23

    @given(data=st.data(), seed=st.integers(0, 99), size=st.sampled_from(SIZES))
    @settings(max_examples=40)
    def test_keypoints_are_what_the_pixels_say(self, data, seed, size):
        """A point becomes NaN exactly if dust covers the pixel that holds it, and never changes otherwise."""
        height, width = size
        points = data.draw(st.lists(st.tuples(places(width, 2), places(height, 2)), min_size=1, max_size=8))
        rows = torch.tensor([[float(x), float(y)] for x, y in points])
        covered, [found] = call(
            DustRectangles(WHITE, keypoints="nan"), seed, size, tv_tensors.KeyPoints(rows, canvas_size=size)
        )
        hidden = torch.tensor([is_covered(x, y, covered) for x, y in points])

        assert torch.equal(found.isnan().all(dim=1), hidden)
        assert torch.equal(found[~hidden].as_subclass(torch.Tensor), rows[~hidden])


class TestNumPy:
    """torchvision passes NumPy arrays on unchanged, so a sample without an image of its kinds is a mistake."""

    MESSAGE = r"samples must hold Pillow images, .* got an array of shape \(9, 8, 3\): put v2.ToImage\(\) before"

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda array: array,
            lambda array: {"image": array, "label": 3},
            lambda array: [(array, "guitar")],
            lambda array: {
                "image": array,
                "boxes": tv_tensors.BoundingBoxes([[1, 2, 3, 4]], format="XYXY", canvas_size=(9, 8)),
            },
        ],
    )
    def test_the_first_one_warns(self, wrap):
        """One warning says what to type, and the arrays stay as they are."""
        transform, array = DustRectangles(WHITE), np.zeros((9, 8, 3), np.uint8)
        with pytest.warns(UserWarning, match=self.MESSAGE):
            transform(wrap(array))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            transform(wrap(array))

        assert not array.any()

    def test_it_points_at_the_caller(self):
        """The warning is shown for the line that called the transform."""
        with pytest.warns(UserWarning, match=self.MESSAGE) as caught:
            DustRectangles()(np.zeros((9, 8, 3), np.uint8))

        assert caught[0].filename == __file__

    @pytest.mark.parametrize("options", [{"fill_mask": 1}, {"boxes": "clip"}, {"keypoints": "nan"}], ids=str)
    def test_an_option_for_an_array_warns_too(self, options):
        """A mask, boxes or keypoints that the options mean do nothing as NumPy arrays."""
        with pytest.warns(UserWarning, match="wrap masks, boxes and keypoints in tv_tensors"):
            DustRectangles(**options)(torch.zeros(3, 9, 8), np.zeros((9, 8)))

    @pytest.mark.parametrize(
        "sample",
        [
            (torch.zeros(3, 9, 8), np.zeros((9, 8))),
            (PIL.Image.new("L", (8, 9)), np.zeros((9, 8))),
            (tv_tensors.Mask(torch.zeros(9, 8)), np.arange(3), np.float32(3)),
            (torch.zeros(3, 9, 8), "guitar", 3),
        ],
        ids=["tensor", "Pillow", "labels", "no array"],
    )
    def test_arrays_beside_an_image_are_labels(self, sample):
        """No warning comes of arrays that may well be meant to stay as they are."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            DustRectangles()(*sample)

    def test_what_the_warning_says_works(self):
        """With v2.ToImage() before it, the transform dusts NumPy images."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = v2.Compose([v2.ToImage(), DustRectangles(WHITE)])(np.zeros((60, 60, 3), np.uint8))

        assert (found == 255).any()
