"""Literal boxes and keypoints under literal dust have literal results."""

import numpy as np
import pytest

from dustaug._adapters.targets import covered_points, visible_boxes

# Five rows of eight pixels; dust lies on two columns of three rows.
DUST = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 1, 0, 0, 0, 0],
        [0, 0, 1, 1, 0, 0, 0, 0],
        [0, 0, 1, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ],
    bool,
)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([4, 1, 7, 4], [4, 1, 7, 4]),  # No dust lies on it.
        ([2, 1, 6, 4], [4, 1, 6, 4]),  # Its left columns are covered,
        ([1, 1, 4, 4], [1, 1, 2, 4]),  # its right columns,
        ([2, 2, 4, 5], [2, 4, 4, 5]),  # its upper rows,
        ([2, 0, 4, 3], [2, 0, 4, 1]),  # its lower rows.
        ([3, 3, 6, 5], [3, 3, 6, 5]),  # Dust on a corner moves no side,
        ([0, 0, 8, 5], [0, 0, 8, 5]),  # nor does dust in the middle.
        ([2, 1, 4, 4], [2, 1, 2, 1]),  # All of it is covered: it becomes empty at its left top corner.
        ([3, 2, 4, 3], [3, 2, 3, 2]),
    ],
)
def test_a_side_moves_where_a_whole_row_or_column_is_covered(box, expected):
    """A box shrinks to the rows and columns that show a pixel, and becomes empty if none does."""
    assert visible_boxes([box], DUST).tolist() == [expected]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([-3, 1, 4, 4], [-3, 1, 2, 4]),  # It begins left of the image: only its right side moves.
        ([2, 1, 12, 4], [4, 1, 12, 4]),  # It ends right of the image.
        ([2, -2, 4, 3], [2, -2, 4, 1]),  # It begins above the image.
        ([2, 3, 4, 9], [2, 4, 4, 9]),  # It ends below the image.
        ([-1, -1, 9, 6], [-1, -1, 9, 6]),  # It is larger than the image, and dust lies in its middle.
        ([-3, 0, 12, 1], [-3, 0, 12, 1]),  # No dust lies on it,
        ([9, 1, 12, 4], [9, 1, 12, 4]),  # nor on what lies outside.
        ([-5, -5, -1, -1], [-5, -5, -1, -1]),
        ([-np.inf, 1, 4, np.inf], [-np.inf, 1, 4, np.inf]),
        ([-np.inf, 1, 4, 4], [-np.inf, 1, 2, 4]),
        ([np.inf, 1, np.inf, 4], [np.inf, 1, np.inf, 4]),
    ],
)
def test_what_lies_outside_of_the_image_moves_no_side(box, expected):
    """Clipping a box to the image and shrinking it give the same box in either order."""
    clipped = np.clip([box], 0, [8, 5, 8, 5])

    assert visible_boxes([box], DUST).tolist() == [expected]
    assert np.clip([expected], 0, [8, 5, 8, 5]).tolist() == visible_boxes(clipped, DUST).tolist()


@pytest.mark.parametrize("mask", [DUST, DUST[:, :1], ~DUST])
def test_what_hides_all_of_a_box_within_the_image_hides_the_box(mask):
    """What lies outside of the image is not visible, so it does not save a box."""
    hidden = visible_boxes([[-3, -4, 9, 6]], np.ones_like(mask))

    assert hidden.tolist() == [[-3, -4, -3, -4]]
    assert visible_boxes([[-3, -4, 9, 6]], np.zeros_like(mask)).tolist() == [[-3, -4, 9, 6]]


def test_the_share_is_that_of_the_part_within_the_image():
    """Of a box that reaches out of the image, only the part within it can be hidden."""
    assert visible_boxes([[2, 1, 99, 3]], DUST, min_visibility=0.66).tolist() == [[4, 1, 99, 3]]
    assert visible_boxes([[2, 1, 99, 3]], DUST, min_visibility=0.67).tolist() == [[2, 1, 2, 1]]


@pytest.mark.parametrize("side", range(4))
def test_a_box_with_nan_stays(side):
    """NaN is no place: the box is not changed, and there is no warning."""
    box = np.array([[2.0, 1, 4, 4]])
    box[0, side] = np.nan

    assert np.array_equal(visible_boxes(box, DUST), box, equal_nan=True)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([1.5, 1.25, 3.5, 3.75], [1.5, 1.25, 2, 3.75]),  # It touches columns 1 to 3: the first of them is visible.
        ([3.25, 1.5, 4.5, 3.5], [4, 1.5, 4.5, 3.5]),
        ([2.25, 1.25, 3.75, 3.75], [2.25, 1.25, 2.25, 1.25]),  # It touches covered pixels only.
        ([0.1, 0.2, 7.9, 4.8], [0.1, 0.2, 7.9, 4.8]),
        ([2.006, 1.006, 4, 4], [2.006, 1.006, 2.006, 1.006]),
        ([1.994, 1, 4, 4], [1.994, 1, 2, 4]),  # 0.006 pixels of it are visible.
    ],
)
def test_a_pixel_that_a_fraction_touches_counts(box, expected):
    """A box of fractions has all pixels that it touches, and a side that need not move keeps its fraction."""
    assert visible_boxes([box], DUST).tolist() == [expected]


@pytest.mark.parametrize("error", [3e-7, -3e-7, 9e-4, -9e-4])
@pytest.mark.parametrize("side", range(4))
def test_an_error_of_float32_reaches_no_pixel(side, error):
    """A side within a thousandth of a pixel of a whole number lies between two pixels, and keeps every bit."""
    covered, free = np.array([[2.0, 1, 4, 4]]), np.array([[4.0, 1, 7, 4]])
    covered[0, side] += error
    free[0, side] += error

    assert visible_boxes(covered, DUST).tolist() == [covered[0, [0, 1, 0, 1]].tolist()]
    assert visible_boxes(free, DUST).tolist() == free.tolist()


def test_the_longest_image_sets_the_error():
    """float32 has errors of hundredths of a pixel in an image of 60,000 pixels."""
    dust = np.zeros((1, 60_000), bool)
    dust[:, :50_000] = True

    assert visible_boxes([[10, 0, 50_000.01, 1]], dust).tolist() == [[10, 0, 10, 0]]
    assert visible_boxes([[10, 0, 50_000.02, 1]], dust).tolist() == [[50_000, 0, 50_000.02, 1]]


def test_empty_boxes_and_no_boxes_stay():
    """A box without a pixel is not changed, and no boxes are no error."""
    empty = [[3, 2, 3, 2], [2, 1, 2, 4], [2.5, 1, 2.5, 4], [3.5, 1, 2.5, 4]]

    assert visible_boxes(empty, DUST).tolist() == empty
    assert visible_boxes(np.zeros((0, 4), np.float32), DUST).shape == (0, 4)
    assert visible_boxes([], DUST).shape == (0, 4)


def test_boxes_that_show_too_little_become_empty():
    """The visible pixels and their share must reach the limits, but only of boxes that dust lies on."""
    half_covered, free = [2, 1, 6, 4], [4, 1, 5, 2]

    assert visible_boxes([half_covered, free], DUST, min_area=6).tolist() == [[4, 1, 6, 4], free]
    assert visible_boxes([half_covered, free], DUST, min_area=7).tolist() == [[2, 1, 2, 1], free]
    assert visible_boxes([half_covered, free], DUST, min_visibility=0.5).tolist() == [[4, 1, 6, 4], free]
    assert visible_boxes([half_covered, free], DUST, min_visibility=0.51).tolist() == [[2, 1, 2, 1], free]


def test_areas_are_areas_and_no_counts():
    """Of the 1.5 × 2.5 pixels of a box, 0.5 × 2.5 are visible: a third."""
    box, shown, gone = [1.5, 1.25, 3, 3.75], [1.5, 1.25, 2, 3.75], [1.5, 1.25, 1.5, 1.25]

    assert visible_boxes([box], DUST, min_area=1.25).tolist() == [shown]
    assert visible_boxes([box], DUST, min_area=1.26).tolist() == [gone]
    assert visible_boxes([box], DUST, min_visibility=1 / 3).tolist() == [shown]
    assert visible_boxes([box], DUST, min_visibility=0.334).tolist() == [gone]


def test_a_share_of_hundredths_is_no_matter_of_rounding():
    """Seven visible pixels of a hundred are 0.07 of them, though 0.07 * 100 is above 7."""
    dust = np.arange(100).reshape(10, 10) >= 7

    assert visible_boxes([[0, 0, 10, 10]], dust, min_visibility=0.07).tolist() == [[0, 0, 7, 1]]


def test_the_given_boxes_are_not_changed():
    """New boxes come back, as float64, whatever the dtype of the given ones."""
    boxes = np.array([[2, 1, 6, 4]], np.int32)
    found = visible_boxes(boxes, DUST)

    assert found.dtype == np.float64
    assert boxes.tolist() == [[2, 1, 6, 4]]


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ([2, 1], True),  # The left top corner of the dust belongs to it,
        ([3.99, 3.99], True),
        ([4, 3], False),  # its right and lower borders do not.
        ([3, 4], False),
        ([1.99, 1], False),
        ([2, 0.99], False),
        ([-1, 1], False),  # No dust lies outside of the image.
        ([8, 1], False),
        ([2, 5], False),
        ([2, -0.5], False),
        ([np.nan, 2], False),  # Nor does any at no place.
        ([2, np.nan], False),
        ([np.inf, 2], False),
        ([2, -np.inf], False),
    ],
)
def test_a_point_is_covered_by_the_pixel_that_it_lies_on(point, expected):
    """A point is covered if dust lies on the pixel that holds it: x and y are rounded down."""
    assert covered_points([point], DUST).tolist() == [expected]


def test_several_points_and_no_points():
    """There is one answer for each point, in their order."""
    assert covered_points(np.array([[2, 2], [0, 0], [3, 1]], np.float32), DUST).tolist() == [True, False, True]
    assert covered_points(np.zeros((0, 2)), DUST).tolist() == []
