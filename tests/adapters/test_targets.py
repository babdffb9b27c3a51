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
        ([-3, 1, 4, 4], [0, 1, 2, 4]),  # It begins left of the image.
        ([2, 1, 12, 4], [4, 1, 8, 4]),  # It ends right of the image.
        ([2, -2, 4, 3], [2, 0, 4, 1]),  # It begins above the image.
        ([2, 3, 4, 9], [2, 4, 4, 5]),  # It ends below the image.
        ([-1, -1, 9, 6], [0, 0, 8, 5]),  # It is larger than the image, and dust lies in its middle.
        ([-3, 0, 12, 1], [-3, 0, 12, 1]),  # No dust lies on it,
        ([9, 1, 12, 4], [9, 1, 12, 4]),  # nor on what lies outside.
        ([-5, -5, -1, -1], [-5, -5, -1, -1]),
    ],
)
def test_what_lies_outside_of_the_image_shows_nothing(box, expected):
    """A box that dust lies on loses what reaches out of the image too; any other box keeps it."""
    assert visible_boxes([box], DUST).tolist() == [expected]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([1.5, 1.25, 3.5, 3.75], [1.5, 1.25, 2, 3.75]),  # It touches columns 1 to 3: the first of them is visible.
        ([3.25, 1.5, 4.5, 3.5], [4, 1.5, 4.5, 3.5]),
        ([2.25, 1.25, 3.75, 3.75], [2.25, 1.25, 2.25, 1.25]),  # It touches covered pixels only.
        ([0.1, 0.2, 7.9, 4.8], [0.1, 0.2, 7.9, 4.8]),
    ],
)
def test_a_pixel_that_a_fraction_touches_counts(box, expected):
    """A box of fractions has all pixels that it touches, and a side that need not move keeps its fraction."""
    assert visible_boxes([box], DUST).tolist() == [expected]


def test_empty_boxes_and_no_boxes_stay():
    """A box without a pixel is not changed, and no boxes are no error."""
    assert visible_boxes([[3, 2, 3, 2], [2, 1, 2, 4]], DUST).tolist() == [[3, 2, 3, 2], [2, 1, 2, 4]]
    assert visible_boxes(np.zeros((0, 4), np.float32), DUST).shape == (0, 4)
    assert visible_boxes([], DUST).shape == (0, 4)


def test_boxes_that_show_too_little_become_empty():
    """The visible pixels and their share must reach the limits, but only of boxes that dust lies on."""
    half_covered, free = [2, 1, 6, 4], [4, 1, 5, 2]

    assert visible_boxes([half_covered, free], DUST, min_area=6).tolist() == [[4, 1, 6, 4], free]
    assert visible_boxes([half_covered, free], DUST, min_area=7).tolist() == [[2, 1, 2, 1], free]
    assert visible_boxes([half_covered, free], DUST, min_visibility=0.5).tolist() == [[4, 1, 6, 4], free]
    assert visible_boxes([half_covered, free], DUST, min_visibility=0.51).tolist() == [[2, 1, 2, 1], free]


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
    ],
)
def test_a_point_is_covered_by_the_pixel_that_it_lies_on(point, expected):
    """A point is covered if dust lies on the pixel that holds it: x and y are rounded down."""
    assert covered_points([point], DUST).tolist() == [expected]


def test_several_points_and_no_points():
    """There is one answer for each point, in their order."""
    assert covered_points(np.array([[2, 2], [0, 0], [3, 1]], np.float32), DUST).tolist() == [True, False, True]
    assert covered_points(np.zeros((0, 2)), DUST).tolist() == []
