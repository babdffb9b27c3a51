"""In Albumentations, boxes, keypoints and masks are what exact arithmetic makes of the dusted pixels."""

from fractions import Fraction

import albumentations as A
import numpy as np
import pytest
from albumentations.core.keypoints_utils import keypoint_formats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from albumentations_helpers import FORMAT, X, seeded
from dustaug import Spec, sample_rectangles
from exact_boxes import SIZES, WHITE, boxes, is_close_call, is_covered, places, visible_part

FORMATS = ["pascal_voc", "albumentations", "coco", "yolo", *(["cxcywh"] if X else [])]
CLIP = "clip_bboxes_on_input" if X else "clip"
DOORS = {
    "Compose": A.Compose,
    "ReplayCompose": A.ReplayCompose,
    "nested": lambda transforms, **params: A.Compose([A.Sequential([A.OneOf(transforms, p=1)], p=1)], **params),
}
# Whatever is not given as an array becomes float32.
MADE_OF = {"lists": list, "float64": np.float64, "float32": np.float32}


def to_format(box, name, height, width):
    """Return the numbers of a box in a format, rounded once, to float64."""
    left, top, right, bottom = box
    unit = (width, height) if name in ("albumentations", "yolo") else (1, 1)
    numbers = {
        "coco": (left, top, right - left, bottom - top),
        "yolo": ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top),
        "cxcywh": ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top),
    }.get(name, box)
    return [float(number / unit[place % 2]) for place, number in enumerate(numbers)]


def from_format(box, name, height, width):
    """Return left, top, right and bottom in pixels."""
    unit = (width, height) if name in ("albumentations", "yolo") else (1, 1)
    a, b, c, d = (float(number) * unit[place % 2] for place, number in enumerate(box[:4]))
    return {
        "coco": [a, b, a + c, b + d],
        "yolo": [a - c / 2, b - d / 2, a + c / 2, b + d / 2],
        "cxcywh": [a - c / 2, b - d / 2, a + c / 2, b + d / 2],
    }.get(name, [a, b, c, d])


def as_input(rows, made_of):
    return rows if made_of == "lists" else np.array(rows, MADE_OF[made_of]).reshape(len(rows), -1)


PARTS_OF_ONE = ("0", "0.006", "0.1", "0.25", "0.5", "0.994")
HALF, CENT = Fraction("0.5"), Fraction("0.01")
# A side of a box, and a step by which it leaves the dust.
MOVES = [(0, -1), (1, -1), (2, 1), (3, 1)]
# A band over the whole width.
BAND = Spec(
    count_range=(1, 1),
    half_height_range=(5, 5),
    half_width_range=(99, 99),
    center="uniform",
    spare_last=False,
    fill="constant",
    fill_value=255,
)


def index_of_top_band():
    """Return an index whose band covers the upper rows of an image of 20 by 20 pixels, and where it ends."""
    for index in range(99):
        drawn = sample_rectangles(BAND, height=20, width=20, seed=7, index=index).boxes[0]
        if drawn[0] == 0 and 2 < drawn[2] < 10:
            return index, int(drawn[2])
    raise AssertionError


class TestBoxes:
    """Boxes with fractions in all formats, through all ways into the transform."""

    @pytest.mark.parametrize("name", FORMATS)
    @given(data=st.data(), index=st.integers(0, 99), size=st.sampled_from(SIZES), door=st.sampled_from(sorted(DOORS)))
    @settings(max_examples=40)
    def test_boxes_are_what_the_pixels_say(self, name, data, index, size, door):
        """A box shrinks or goes, with its label, exactly where all its pixels at a side, or all, are covered."""
        clip = data.draw(st.booleans(), "clip")
        given_boxes = data.draw(st.lists(boxes(*size, reach=3 * clip), min_size=1, max_size=6))
        min_area = data.draw(st.sampled_from([0, 0, 7, 20.3]), "min_area")
        min_visibility = data.draw(st.sampled_from([0, 0, 0.2, 0.5]), "min_visibility")
        made_of = data.draw(st.sampled_from(sorted(MADE_OF)), "made of")
        compose = DOORS[door](
            [seeded(WHITE)],
            bbox_params=A.BboxParams(
                **{FORMAT: name, CLIP: clip},
                filter_invalid_bboxes=clip,
                label_fields=["labels"],
                min_area=min_area,
                min_visibility=min_visibility,
            ),
        )
        height, width = size
        reversed_box = [(Fraction(5), Fraction(1), Fraction(3), Fraction(4))] * clip  # It is filtered as invalid.
        found = compose(
            image=np.zeros((*size, 3), np.uint8),
            bboxes=as_input([to_format(box, name, *size) for box in reversed_box + given_boxes], made_of),
            labels=list(range(-clip, len(given_boxes))),
            index=index,
            epoch=0,
        )
        covered = found["image"][..., 0] == 255
        expected = {}
        for label, box in enumerate(given_boxes):
            if clip:
                sides = [min(max(side, 0), (width, height)[place % 2]) for place, side in enumerate(box)]
                box = tuple(map(Fraction, sides))
            assume(not is_close_call(box, covered, Fraction(min_area), Fraction(min_visibility)))
            shown = visible_part(box, covered, Fraction(min_area), Fraction(min_visibility))
            if shown is not None:
                area = (shown[2] - shown[0]) * (shown[3] - shown[1])  # Albumentations compares this one.
                assume(not min_area or abs(area - Fraction(min_area)) > Fraction("0.01"))
                if area >= min_area:
                    expected[label] = shown

        assert list(expected) == [int(label) for label in found["labels"]]
        for box, shown in zip(found["bboxes"], expected.values(), strict=True):
            assert from_format(box, name, *size) == pytest.approx([float(side) for side in shown], abs=1e-4)

    @pytest.mark.parametrize("name", FORMATS)
    @pytest.mark.parametrize("how", ["clip", "keep"])
    def test_a_hidden_box_leaves_no_sliver(self, name, how):
        """No box survives if all pixels that it touches are covered, wherever its edges lie within them."""
        everything = seeded(Spec(count_range=(1, 1), side_range=(200, 200), center="inside"), boxes=how)
        hidden = [
            (low + part, low + part, 60, 60 - part) for low in (0, 10, 33) for part in map(Fraction, PARTS_OF_ONE)
        ]
        found = A.Compose([everything], bbox_params=A.BboxParams(**{FORMAT: name}, label_fields=["labels"]))(
            image=np.zeros((100, 100, 3), np.uint8),
            bboxes=[to_format(box, name, 100, 100) for box in hidden],
            labels=list(range(len(hidden))),
            index=0,
            epoch=0,
        )

        assert len(found["bboxes"]) == len(found["labels"]) == (0 if how == "clip" else len(hidden))

    @pytest.mark.parametrize("name", FORMATS)
    def test_float32_reaches_into_no_further_pixel(self, name):
        """On sides of all lengths, a box between whole numbers that dust covers exactly is hidden, and no other is."""
        spec = Spec(count_range=(1, 1), half_height_range=(3, 3), half_width_range=(2, 2), center="inside")
        for side in range(9, 300, 7):
            compose = A.Compose([seeded(spec)], bbox_params=A.BboxParams(**{FORMAT: name}, label_fields=["labels"]))
            image = compose(image=np.zeros((side, side), np.uint8), bboxes=[], labels=[], index=side, epoch=0)["image"]
            rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
            dust = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            dust = [Fraction(int(edge)) for edge in dust]
            hidden = tuple(dust)
            wider = [tuple(edge + (place == moved) * step for place, edge in enumerate(dust)) for moved, step in MOVES]
            wider = [box for box in wider if min(box) >= 0 and max(box) <= side]
            found = compose(
                image=np.zeros((side, side), np.uint8),
                bboxes=[to_format(box, name, side, side) for box in [hidden, *wider]],
                labels=list(range(len(wider) + 1)),
                index=side,
                epoch=0,
            )

            assert list(range(1, len(wider) + 1)) == [int(label) for label in found["labels"]]

    def test_a_box_of_whole_numbers_can_shrink(self):
        """The box of the whole image may be given as an array of integers."""
        index, end = index_of_top_band()
        compose = A.Compose([seeded(BAND)], bbox_params=A.BboxParams(**{FORMAT: "albumentations"}))
        boxes = np.array([[0, 0, 1, 1]])
        found = compose(image=np.zeros((20, 20, 3), np.uint8), bboxes=boxes, index=index, epoch=0)["bboxes"]

        assert pytest.approx([0, end / 20, 1, 1]) == found[0][:4]
        assert boxes.tolist() == [[0, 0, 1, 1]]

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_columns_behind_the_box_stay(self, dtype):
        """Scores and classes in the array of boxes keep every bit, and their boxes."""
        compose = A.Compose([seeded(BAND)], bbox_params=A.BboxParams(**{FORMAT: "albumentations"}))
        rows = np.array([[0, 0, 1, 1, 0.1, 7], [0, 0, 1, 0.1, 0.2, 8], [0.25, 0.75, 1, 1, 0.3, 9]], dtype)
        found = compose(
            image=np.zeros((20, 20, 3), np.uint8), bboxes=rows.copy(), index=index_of_top_band()[0], epoch=0
        )
        found = found["bboxes"]

        assert (found[:, 4:] == rows[[0, 2], 4:]).all()
        assert (found[1] == rows[2]).all()

    @given(data=st.data(), index=st.integers(0, 99), check=st.booleans())
    @settings(max_examples=40)
    def test_clipping_before_or_after_dust_is_the_same(self, data, index, check):
        """Boxes that a crop pushed out of the image become what they become if they are clipped first."""
        height, width = 22, 31
        given_boxes = data.draw(st.lists(boxes(height, width), min_size=1, max_size=5))
        params = {FORMAT: "pascal_voc", "label_fields": ["labels"], "check_each_transform": check}
        left, top, right, bottom = 4, 3, 25, 17
        compose = A.Compose([A.Crop(left, top, right, bottom), seeded(WHITE)], bbox_params=A.BboxParams(**params))
        inside = {
            label: tuple(
                min(max(side - offset, Fraction(0)), Fraction(length))
                for side, offset, length in zip(box, (left, top) * 2, (right - left, bottom - top) * 2, strict=True)
            )
            for label, box in enumerate(given_boxes)
        }
        # Albumentations 2.0.8 itself passes on boxes without an area, which its own check then refuses.
        assume(all(box[0] < box[2] and box[1] < box[3] for box in inside.values()))
        found = compose(
            image=np.zeros((height, width, 3), np.uint8),
            bboxes=[[float(side) for side in box] for box in given_boxes],
            labels=list(inside),
            index=index,
            epoch=0,
        )
        covered = found["image"][..., 0] == 255
        expected = {label: shown for label, box in inside.items() if (shown := visible_part(box, covered))}

        assert list(expected) == [int(label) for label in found["labels"]]
        for box, shown in zip(found["bboxes"], expected.values(), strict=True):
            assert list(box[:4]) == pytest.approx([float(side) for side in shown], abs=1e-4)

    if X:

        @given(data=st.data(), index=st.integers(0, 99), size=st.sampled_from(SIZES))
        @settings(max_examples=40)
        def test_boxes_out_of_the_image_keep_what_no_dust_moves(self, data, index, size):
            """With clip_after_transform=False, boxes reach out of the image, and dust does not clip them."""
            given_boxes = data.draw(st.lists(boxes(*size, reach=4), min_size=1, max_size=6))
            params = A.BboxParams(coord_format="pascal_voc", label_fields=["labels"], clip_after_transform=False)
            found = A.Compose([seeded(WHITE)], bbox_params=params)(
                image=np.zeros((*size, 3), np.uint8),
                bboxes=[[float(side) for side in box] for box in given_boxes],
                labels=list(range(len(given_boxes))),
                index=index,
                epoch=0,
            )
            covered = found["image"][..., 0] == 255
            expected = {i: shown for i, box in enumerate(given_boxes) if (shown := visible_part(box, covered))}

            assert list(expected) == [int(label) for label in found["labels"]]
            for box, shown in zip(found["bboxes"], expected.values(), strict=True):
                assert list(box[:4]) == pytest.approx([float(side) for side in shown], abs=1e-4)


class TestKeypoints:
    """Keypoints with fractions in all formats."""

    @pytest.mark.parametrize("name", sorted(keypoint_formats))
    @given(data=st.data(), index=st.integers(0, 99), size=st.sampled_from(SIZES), remove=st.booleans())
    @settings(max_examples=25)
    def test_keypoints_are_what_the_pixels_say(self, name, data, index, size, remove):
        """A point goes, with its label, exactly if dust covers the pixel that holds it, and never changes."""
        height, width = size
        # AlbumentationsX takes points up to the centre of the last pixel.
        x, y = (
            places(side).map(lambda at, last=side - (HALF if X else CENT): min(at, last)) for side in (width, height)
        )
        points = data.draw(st.lists(st.tuples(x, y), min_size=1, max_size=8))
        letters = {"x": [x for x, _ in points], "y": [y for _, y in points], "z": [0] * len(points)}
        rows = [
            [float(letters[letter][row]) if letter in letters else 1.0 for letter in name] for row in range(len(points))
        ]
        params = {FORMAT: name, "label_fields": ["names"], **({"label_mapping": {}} if X else {})}
        compose = A.Compose([seeded(WHITE)], keypoint_params=A.KeypointParams(**params, remove_invisible=remove))
        found = compose(
            image=np.zeros((*size, 3), np.uint8),
            keypoints=np.array(rows, np.float32),
            names=list(range(len(points))),
            index=index,
            epoch=0,
        )
        covered = found["image"][..., 0] == 255
        left = [row for row, (x, y) in enumerate(points) if not (remove and is_covered(x, y, covered))]
        where = [name.index("x"), name.index("y")]

        assert left == [int(row) for row in found["names"]]
        assert (np.array(rows, np.float32)[left][:, where] == np.asarray(found["keypoints"])[:, where]).all()


class TestMasks:
    """Masks of fractions, through all ways into the transform."""

    @pytest.mark.parametrize("kind", ["mask", "masks", "mask3d", "masks3d"])
    @given(
        data=st.data(),
        index=st.integers(0, 99),
        size=st.sampled_from(SIZES),
        dtype=st.sampled_from([np.float32, np.float64, np.float16, np.uint8, np.int64, np.bool_]),
        channels=st.sampled_from([(), (1,), (2,)]),
    )
    @settings(max_examples=15)
    def test_masks_are_what_the_pixels_say(self, kind, data, index, size, dtype, channels):
        """A mask has the fill exactly where the image has dust, and its own values everywhere else."""
        fill = data.draw(st.sampled_from([0.25, 7.1, -3] if np.dtype(dtype).kind == "f" else [0, 1]), "fill")
        axes = {"mask": (), "masks": (2,), "mask3d": (3,), "masks3d": (2, 3)}[kind]
        mask = np.random.default_rng(index).uniform(0, 9, (*axes, *size, *channels)).astype(dtype)
        picture = {"mask": ("image", ()), "masks": ("image", ()), "mask3d": ("volume", (3,))}
        name, more = picture.get(kind, ("volumes", (2, 3)))
        compose = data.draw(
            st.sampled_from([seeded(WHITE, fill_mask=fill), A.Compose([seeded(WHITE, fill_mask=fill)])])
        )
        found = compose(**{name: np.zeros((*more, *size, 3), np.uint8), kind: mask.copy()}, index=index, epoch=0)
        covered = (found[name] == 255).all(axis=-1)
        covered = np.broadcast_to(covered[..., None] if channels else covered, mask.shape)

        assert (np.where(covered, np.array(fill, dtype), mask) == found[kind]).all()
        assert found[kind].dtype == mask.dtype
