"""A spec becomes the numbers that the kernels read, whatever the size of the image."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from dustaug import cutout, dust, random_erasing
from dustaug._engine.plan import PARAMS_DTYPE, find_max_size, make_plan
from strategies import specs

# Up to 31 rectangles of 2 to 14 pixels on images whose last row and column stay free. Half is 2**30 of 2**31, a quarter
# of a side is 2**32 of 2**-34, and the greatest word below that is shifted by one.
DUST = {
    "p_threshold": 2**32,
    "n_counts": 32,
    "spare_last": 1,
    "normal": 1,
    "y_mean": 2**30,
    "y_std": 2**31,
    "y_shift": 1,
    "x_mean": 2**30,
    "x_std": 2**31,
    "x_shift": 1,
    "size_unit": 2,
    "height_low": 1,
    "n_heights": 7,
    "width_low": 1,
    "n_widths": 7,
    "n_levels": 256,
}


def numbers(spec):
    """Return the params of a plan that are not 0, by name."""
    params = make_plan(spec)[0]
    return {name: params[name].item() for name in PARAMS_DTYPE.names if params[name]}


def test_the_plan_of_dust():
    """dust() has centres at a half with a deviation of a quarter, and half sizes of 1 to 7."""
    assert numbers(dust()) == DUST


def test_the_plan_of_cutout():
    """cutout() has one square, uniform centres, and no spare row."""
    assert numbers(cutout(21)) == {
        "p_threshold": 2**32,
        "count_low": 1,
        "n_counts": 1,
        "size_unit": 1,
        "height_low": 21,
        "n_heights": 1,
        "n_widths": 1,
        "square": 1,
        "n_levels": 1,
    }


def test_the_plan_of_random_erasing():
    """Areas up to 0.4 are counted in units of 2**-31, and aspects by half their binary logarithm."""
    half_log = round(math.log2(0.3) * 2**23)
    low, high = round(0.02 * 2**31), round(0.4 * 2**31)

    assert numbers(random_erasing()) == {
        "p_threshold": 2**31,
        "count_low": 1,
        "n_counts": 1,
        "inside": 1,
        "from_area": 1,
        "area_low": low,
        "n_areas": high - low + 1,
        "area_base": (128 << 24) - (31 << 23),
        "aspect_low": half_log,
        "n_aspects": 1 - 2 * half_log,
        "n_levels": 256,
        "per_value": 1,
        "smallest_area": 0.02,
        "smallest_aspect": 0.3,
        "largest_aspect": 1 / 0.3,
    }


def test_a_plan_knows_no_size():
    """It is made of the spec alone, once, and cannot be changed."""
    assert list(inspect.signature(make_plan).parameters) == ["spec"]
    assert make_plan(dust(p=0.125)) is make_plan(dust(p=0.125))
    with pytest.raises(ValueError, match="read-only"):
        make_plan(dust())["n_counts"] = 1


def test_fractions_are_rounded_up():
    """A tenth to a half of a side is in units of 2**-31, from the first one that is not below the tenth."""
    sizes = {
        "in_fractions": 1,
        "height_low": 214_748_365,
        "n_heights": 2**30 - 214_748_365 + 1,
        "width_low": 214_748_365,
        "n_widths": 2**30 - 214_748_365 + 1,
    }
    expected = {name: number for name, number in DUST.items() if name != "size_unit"}

    assert numbers(dust(height_fraction_range=(0.1, 0.5))) == {**expected, **sizes}
    assert numbers(dust(height_fraction_range=(0, 1)))["n_heights"] == 2**31 + 1


@pytest.mark.parametrize(("p", "threshold"), [(0.25, 2**30), (1.0, 2**32), (2**-33, 0), (1.5 * 2**-32, 2)])
def test_p_is_a_number_of_words(p, threshold):
    """A probability is rounded to a number of the 2**32 words, halves to even."""
    assert make_plan(dust(p=p))[0]["p_threshold"] == threshold


@pytest.mark.parametrize(
    ("std", "word", "shift"),
    [
        (0, 0, 0),
        (5e-324, 0, 0),
        (0.125, 2**31, 0),
        (0.25 - 2**-34, 2**32 - 1, 0),
        (0.25 - 2**-36, 2**31, 1),
        (1, 2**31, 3),
        (2.0**28, 2**31, 31),
        (2.0**29, 2**32 - 1, 31),
        (1.7e308, 2**32 - 1, 31),
    ],
)
def test_deviations_are_words(std, word, shift):
    """A standard deviation is a word of 32 bits, shifted as little as possible; one beyond all is the greatest."""
    params = make_plan(dust(center_std=(std, 0)))[0]

    assert (params["y_std"], params["y_shift"]) == (word, shift) == reference.spread(std)
    assert (params["x_std"], params["x_shift"]) == (0, 0)


@pytest.mark.parametrize(
    ("area", "scale"), [(1.0, 0), (0.51, 0), (0.5, 1), (0.26, 1), (2.0**-36, 36), (2.0**-40, 36), (5e-324, 36)]
)
def test_areas_are_scaled(area, scale):
    """The greatest area lies between a half and one of the unit, unless it is below 2**-36 of the image."""
    params = make_plan(random_erasing(scale=(area, area)))[0]

    assert params["area_base"] == (128 << 24) - ((30 + scale) << 23)
    assert (params["area_low"], params["n_areas"]) == (round(math.ldexp(area, 30 + scale)), 1)


def test_aspects_are_cut_at_96_doublings():
    """Logarithms of aspects stay within what the words have room for."""
    params = make_plan(random_erasing(ratio=(1e-300, 1e300)))[0]

    assert (params["aspect_low"], params["n_aspects"]) == (-96 << 23, (192 << 23) + 1)


@given(specs(1, np.dtype(np.float32)))
def test_the_numbers_are_those_of_the_twin(spec):
    """The slow twin finds the same areas, aspects, means and deviations."""
    params = make_plan(spec)[0]
    if spec.area_range is not None:
        scale, low, high = reference.area_ends(spec.area_range)
        first, last = reference.aspect_ends(spec.aspect_range)
        assert (params["area_low"], params["n_areas"]) == (low, high - low + 1)
        assert params["area_base"] == (128 << 24) - ((30 + scale) << 23)
        assert (params["aspect_low"], params["n_aspects"]) == (first, last - first + 1)
    if spec.center == "normal":
        for axis, mean, std in zip("yx", spec.center_mean, spec.center_std, strict=True):
            assert params[f"{axis}_mean"] == reference.ceil_fraction(mean)
            assert (params[f"{axis}_std"], params[f"{axis}_shift"]) == reference.spread(std)


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
    assert numbers(spec) == {**DUST, **expected}


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (dust(), (14, 14)),
        (dust(half_height_range=(0, 50), half_width_range=(3, 4)), (20, 8)),
        (cutout(21), (20, 21)),
        (dust(side_range=(2, 4)), (4, 4)),
        (dust(height_fraction_range=(0.1, 0.5)), (11, 16)),
        (random_erasing(), (20, 30)),
    ],
)
def test_the_largest_rectangle_is_bounded(spec, size):
    """On 20 by 30 pixels no rectangle is higher or wider than this, nor than the image."""
    assert find_max_size(spec, 20, 30) == size


@given(specs(1, np.dtype(np.float32)), st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_no_rectangle_exceeds_the_bound(spec, height, width, seed):
    """Whatever is drawn, find_max_size() has room for it."""
    spec = spec.replace(p=1, count_range=(8, 8))
    tallest, widest = find_max_size(spec, height, width)
    try:
        drawn = reference.rectangles(spec, height, width, 1, seed, 0, 0)
    except ValueError:
        return
    for top, left, bottom, right, _ in drawn:
        assert bottom - top <= tallest
        assert right - left <= widest
