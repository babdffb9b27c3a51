"""A spec and an image size become the numbers and tables that the kernels read."""

import re

import numpy as np
import pytest

from dustaug import cutout, dust, random_erasing
from dustaug._engine.plan import PARAMS_DTYPE, cache_size, find_max_size, make_plan, remember


def numbers(spec, height, width):
    """Return the params of a plan that are not 0, by name."""
    params = make_plan(spec, height, width).params[0]
    return {name: int(params[name]) for name in PARAMS_DTYPE.names if params[name]}


# Up to 31 rectangles of 2 to 14 pixels, on images whose last row and column stay free.
DUST = {
    "p_threshold": 2**32,
    "n_counts": 32,
    "rows": 9,
    "columns": 19,
    "y_shift": 28,
    "x_table": 64,
    "x_shift": 27,
    "size_unit": 2,
    "height_low": 1,
    "n_heights": 7,
    "width_low": 1,
    "n_widths": 7,
    "n_levels": 256,
}


def test_the_plan_of_dust():
    """dust() has two tables of centres, 11 and 21 outcomes in 16 and 32 buckets, and half sizes of 1 to 7."""
    assert numbers(dust(), 10, 20) == DUST
    assert len(make_plan(dust(), 10, 20).tables) == 4 * (16 + 32)


def test_the_plan_of_cutout():
    """cutout() has one rectangle, no spare row, and a table of sizes after those of the centres."""
    assert numbers(cutout(21), 32, 40) == {
        "p_threshold": 2**32,
        "count_low": 1,
        "n_counts": 1,
        "rows": 32,
        "columns": 40,
        "y_shift": 27,
        "x_table": 128,
        "x_shift": 26,
        "size_from_table": 1,
        "size_table": 384,
        "size_shift": 31,
        "n_levels": 1,
    }


def test_fractions_are_rounded_to_pixels_of_the_image():
    """A tenth to a half of 10 by 20 pixels is 1 to 5 pixels high and 2 to 10 wide, in units of one pixel."""
    sizes = {"size_unit": 1, "height_low": 1, "n_heights": 5, "width_low": 2, "n_widths": 9}

    assert numbers(dust(height_fraction_range=(0.1, 0.5)), 10, 20) == {**DUST, **sizes}


@pytest.mark.parametrize(("p", "threshold"), [(0.25, 2**30), (1.0, 2**32), (2**-33, 0), (1.5 * 2**-32, 2)])
def test_p_is_a_number_of_words(p, threshold):
    """A probability is rounded to a number of the 2**32 words, halves to even."""
    assert make_plan(dust(p=p), 10, 20).params[0]["p_threshold"] == threshold


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (dust(fill_range=(100, 109)), {"n_levels": 10}),
        (dust(fill="color"), {"n_levels": 256, "per_channel": 1}),
        (dust(fill="noise"), {"n_levels": 256, "per_value": 1}),
        (dust(fill="mean"), {"n_levels": 1, "per_image": 1}),
        (dust(fill="constant", fill_value=9), {"n_levels": 1}),
    ],
    ids=["grey", "color", "noise", "mean", "constant"],
)
def test_fills_say_how_many_levels_there_are(spec, expected):
    """The levels are those of fill_range, and what has a level of its own is marked, if not each rectangle."""
    assert numbers(spec, 10, 20) == {**DUST, **expected}


def test_equal_tables_are_kept_once():
    """Both axes of a square image share their table, unless their centres differ."""
    square, skewed = make_plan(dust(), 224, 224), make_plan(dust(center_mean=(0.5, 0.4)), 224, 224)

    assert (square.params[0]["y_table"], square.params[0]["x_table"], len(square.tables)) == (0, 0, 1024)
    assert (skewed.params[0]["y_table"], skewed.params[0]["x_table"], len(skewed.tables)) == (0, 1024, 2048)


def test_rectangles_inside_need_no_centres():
    """Random erasing with one size has the table of sizes alone, which a plan does not copy."""
    params, tables = make_plan(random_erasing(scale=(0.25, 0.25), ratio=(1, 1)), 20, 20)

    assert (params[0]["inside"], params[0]["size_table"], params[0]["size_shift"]) == (1, 0, 31)
    assert tables.reshape(-1, 4)[0, :3].tolist() == [2**31, 10 << 16 | 10, 10 << 16 | 10]


def test_a_plan_without_tables_has_one_bucket():
    """The kernels get an address of four words even where they read none."""
    assert make_plan(dust(center="inside"), 10, 20).tables.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (dust(), (14, 14)),
        (dust(half_height_range=(0, 50), half_width_range=(3, 4)), (20, 8)),
        (cutout(21), (20, 21)),
        (dust(side_range=(2, 4)), (4, 4)),
        (dust(height_fraction_range=(0.1, 0.5)), (10, 15)),
        (random_erasing(), (19, 28)),
    ],
)
def test_the_largest_rectangle_is_found(spec, size):
    """On 20 by 30 pixels the greatest height and the greatest width are known, and never exceed the image."""
    assert find_max_size(make_plan(spec, 20, 30), 20, 30) == size


@pytest.mark.parametrize(("height", "width"), [(0, 8), (8, 0), (65_536, 8), (8, 65_536)])
def test_sides_have_limits(height, width):
    """A side of 0 or more than 65,535 pixels is an error that names both sides."""
    message = f"images must have sides from 1 to 65535 pixels, got {height} by {width}"
    with pytest.raises(ValueError, match=message):
        make_plan(dust(), height, width)


def test_areas_that_do_not_fit_are_refused():
    """The error names the areas, the aspects and the size of the image."""
    message = (
        "area_range and aspect_range must allow a rectangle smaller than the image, got area_range=(0.9, 1.0) and "
        "aspect_range=(3.0, 4.0) for an image of 20 by 30 pixels"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        make_plan(random_erasing(scale=(0.9, 1.0), ratio=(3, 4)), 20, 30)


def test_few_results_are_kept_for_areas():
    """A cache holds many results of most specs, but 8 of a spec with areas, whose tables are large."""
    assert (cache_size(dust(), 64), cache_size(random_erasing(), 64)) == (64, 2)
    assert (cache_size(dust(), 4), cache_size(random_erasing(), 1)) == (4, 1)


@pytest.mark.parametrize(("spec", "kept"), [(None, 64), (dust(), 64), (cutout(4), 64), (random_erasing(), 8)])
def test_results_are_remembered_up_to_a_number(spec, kept):
    """Of 100 results the last ones are found again without a call, and the one before them is computed anew."""
    calls = []

    def double(_, side):
        calls.append(side)
        return 2 * side

    find = remember(double, 64)
    for side in range(100):
        assert find(spec, side) == 2 * side
    for side in range(100 - kept, 100):
        find(spec, side)
    assert len(calls) == 100

    find(spec, 99 - kept)
    assert len(calls) == 101


def test_a_plan_is_computed_once():
    """The same spec and size give the very same plan."""
    assert make_plan(dust(p=0.125), 10, 20) is make_plan(dust(p=0.125), 10, 20)
    assert np.array_equal(make_plan(dust(), 10, 20).tables, make_plan(dust(p=0.125), 10, 20).tables)
