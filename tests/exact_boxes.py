"""A slow oracle for boxes and points under dust, in exact fractions of pixels, and Hypothesis strategies that feed it.

It knows no adapter and none of their code: what dust covers is read from a painted image, pixel by pixel.
"""

import math
from fractions import Fraction

from hypothesis import strategies as st

from dustaug import Spec

# Dust that is white, hides much, and has sides of its own.
WHITE = Spec(
    count_range=(1, 6),
    half_height_range=(1, 9),
    half_width_range=(1, 9),
    center="uniform",
    spare_last=False,
    fill="constant",
    fill_value=255,
)
SIZES = [(8, 13), (17, 10), (22, 31)]
# The last two are as near to whole numbers as decimals of two digits come.
PARTS = [Fraction(part) for part in ("0", "0.006", "0.1", "0.25", "0.3", "0.5", "0.7", "0.75", "0.994", "0.01", "0.99")]


def exact(number):
    return st.sampled_from(PARTS).map(lambda part: number + part)


def places(length, reach=0):
    """Return places along a side: whole numbers and fractions, `reach` pixels out of the image too."""
    return st.integers(-reach, length + reach - 1).flatmap(exact) | st.just(Fraction(length))


@st.composite
def boxes(draw, height, width, reach=0):
    """Draw a box with an area in the image: left, top, right, bottom."""

    def sides(length):
        two = st.lists(places(length, reach), min_size=2, max_size=2, unique=True).map(sorted)
        return draw(two.filter(lambda sides: sides[0] < length and sides[1] > 0))

    (left, right), (top, bottom) = sides(width), sides(height)
    return left, top, right, bottom


def overlap(low, high, pixel):
    """Return how much of a row or column of pixels lies between two places."""
    return max(min(high, Fraction(pixel + 1)) - max(low, Fraction(pixel)), Fraction(0))


def areas(box, covered):
    """Return the area of a box on the image, that of its visible part, and the rows and columns that show some."""
    left, top, right, bottom = box
    all_of_it = shown = Fraction(0)
    rows, columns = set(), set()
    for y, row in enumerate(covered.tolist()):
        height = overlap(top, bottom, y)
        for x, is_covered in enumerate(row if height else []):
            area = height * overlap(left, right, x)
            all_of_it += area
            if area and not is_covered:
                shown += area
                rows.add(y)
                columns.add(x)
    return all_of_it, shown, rows, columns


def visible_part(box, covered, min_area=0, min_visibility=0):
    """Return what a box becomes under dust, or None if it is hidden, or shows too little."""
    all_of_it, shown, rows, columns = areas(box, covered)
    if shown == all_of_it:
        return box
    if not shown or shown < min_area or shown < min_visibility * all_of_it:
        return None
    left, top, right, bottom = box
    height, width = covered.shape
    # A side moves if the first row or column of the image that the box touches shows nothing.
    return (
        left if math.floor(max(left, 0)) in columns else Fraction(min(columns)),
        top if math.floor(max(top, 0)) in rows else Fraction(min(rows)),
        right if math.ceil(min(right, width)) - 1 in columns else Fraction(max(columns) + 1),
        bottom if math.ceil(min(bottom, height)) - 1 in rows else Fraction(max(rows) + 1),
    )


def is_close_call(box, covered, min_area, min_visibility):
    """Tell whether errors of float32 decide if enough of a box is visible."""
    all_of_it, shown, *_ = areas(box, covered)
    return any(limit and abs(shown - limit) < Fraction("0.01") for limit in (min_area, min_visibility * all_of_it))


def is_covered(x, y, covered):
    """Tell whether dust lies on the pixel that holds a point."""
    height, width = covered.shape
    return 0 <= x < width and 0 <= y < height and bool(covered[math.floor(y), math.floor(x)])
