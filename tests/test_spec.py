"""A spec accepts good fields, refuses bad ones, and survives every way of storing it."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dustaug import Spec, cutout, dust, random_erasing
from strategies import DTYPES, kinds, specs


def any_spec():
    return st.sampled_from(DTYPES).flatmap(lambda dtype: st.one_of(specs(3, dtype), kinds("NDHWC", dtype)))


def test_dust_is_the_post():
    """The default is the distribution of the 2017 post, field by field."""
    spec = dust()

    assert Spec() == spec
    assert (0, 31) == spec.count_range
    assert ("normal", (0.5, 0.5), (0.25, 0.25)) == (spec.center, spec.center_mean, spec.center_std)
    assert ((1, 7), (1, 7)) == (spec.half_height_range, spec.half_width_range)
    assert ("grey", (0, 255), True, 1.0) == (spec.fill, spec.fill_range, spec.spare_last, spec.p)


def test_cutout_is_the_paper():
    """The preset is one black square with a uniform centre, clipped at the border."""
    spec = cutout(16)

    assert ((1, 1), "uniform", (16, 16)) == (spec.count_range, spec.center, spec.side_range)
    assert ("constant", 0.0, False) == (spec.fill, spec.fill_value, spec.spare_last)


def test_random_erasing_is_the_paper():
    """The preset is one rectangle of noise inside the image, with the paper's limits and probability."""
    spec = random_erasing()

    assert ((1, 1), "inside", 0.5) == (spec.count_range, spec.center, spec.p)
    assert ((0.02, 0.4), (0.3, 1 / 0.3), "noise") == (spec.area_range, spec.aspect_range, spec.fill)


@given(any_spec())
def test_a_spec_survives_every_round_trip(spec):
    """Dict, JSON, pickle, repr and replace() give back an equal spec with the same hash."""
    copies = [
        Spec.from_dict(spec.to_dict()),
        Spec.from_dict(json.loads(json.dumps(spec.to_dict()))),
        pickle.loads(pickle.dumps(spec)),
        eval(repr(spec)),  # noqa: S307
        spec.replace(),
    ]

    assert [spec] * len(copies) == copies
    assert {hash(spec)} == set(map(hash, copies))


def test_a_pickled_spec_is_found_in_another_process(run_python):
    """The hash is made anew where a pickle is opened, since hashes of strings differ between processes."""
    program = (
        "import pickle, sys, dustaug\n"
        "spec = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "print(spec in {dustaug.cutout(16): 1})"
    )

    assert run_python(program, pickle.dumps(cutout(16)).hex(), PYTHONHASHSEED="123") == "True"


def test_specs_are_frozen_and_compared_by_value():
    """A spec cannot be changed, and differs if any field does."""
    with pytest.raises(AttributeError):
        dust().p = 0.5
    assert dust(p=0.5) != dust()
    assert len({dust(), Spec(), dust(p=0.5)}) == 2


def test_lists_and_numpy_numbers_become_plain():
    """JSON's lists and NumPy's scalars are stored as tuples and Python numbers."""
    spec = Spec(count_range=[np.int64(1), 3], p=np.float32(0.5), center_std=[0.1, 0.2])

    assert ((1, 3), 0.5, (0.1, 0.2)) == (spec.count_range, spec.p, spec.center_std)
    assert type(spec.count_range[0]) is int
    assert type(spec.p) is float


def test_a_new_unit_replaces_the_size():
    """replace() with a size in another unit drops the old one, also a fill_value that no longer applies."""
    spec = dust().replace(height_fraction_range=(0.1, 0.2))

    assert (None, None) == (spec.half_height_range, spec.half_width_range)
    assert (0.1, 0.2) == spec.width_fraction_range
    assert cutout(3).replace(fill="grey").fill_value is None
    assert cutout(3, half_height_range=(1, 2)).half_width_range == (1, 7)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (
            {"count_range": (5, 2)},
            ValueError,
            r"count_range must not be reversed, got \(5, 2\): type count_range=\(2, 5\)",
        ),
        ({"count_range": (-1, 2)}, ValueError, r"count_range must be two whole numbers from 0 to 65535, got \(-1, 2\)"),
        (
            {"count_range": 3},
            TypeError,
            r"count_range must be a tuple of two numbers, got 3: type count_range=\(1, 8\)",
        ),
        ({"count_range": (0.5, 2)}, TypeError, r"count_range must be two whole numbers, got \(0.5, 2\)"),
        ({"count_range": (True, 2)}, TypeError, r"count_range must be two whole numbers, got \(True, 2\)"),
        ({"p": 2}, ValueError, "p must be a number from 0 to 1, got 2"),
        ({"p": float("nan")}, ValueError, "p must be a number from 0 to 1, got nan"),
        ({"p": "1"}, TypeError, "p must be a number, got '1'"),
        ({"center": "left"}, ValueError, "center must be one of 'normal', 'uniform', 'inside', 'guide', got 'left'"),
        ({"center_std": (0.1, -1)}, ValueError, "center_std must be a number not below 0, got -1"),
        ({"center_mean": (0.1,)}, TypeError, r"center_mean must be a tuple of 2 numbers, got \(0.1,\)"),
        (
            {"half_height_range": (0.5, 0.7)},
            TypeError,
            r"half_height_range must be two whole numbers, got \(0.5, 0.7\)",
        ),
        (
            {"height_fraction_range": (0.5, 1.5)},
            ValueError,
            r"height_fraction_range must be two numbers from 0 to 1, got \(0.5, 1.5\)",
        ),
        ({"area_range": (0, 0.5)}, ValueError, r"area_range must be two numbers above 0, up to 1, got \(0, 0.5\)"),
        ({"aspect_range": (1, 2)}, ValueError, "area_range must be given with aspect_range"),
        (
            {"area_range": (0.1, 0.2), "aspect_range": (0, 2)},
            ValueError,
            r"aspect_range must be two numbers above 0, got \(0, 2\)",
        ),
        (
            {"side_range": (1, 2), "area_range": (0.1, 0.2)},
            ValueError,
            "a size must be given in one unit, got side_range, area_range: keep the fields of one unit",
        ),
        ({"spare_last": 1}, TypeError, "spare_last must be True or False, got 1"),
        (
            {"fill": "red"},
            ValueError,
            "fill must be one of 'grey', 'constant', 'color', 'noise', 'mean', 'donors', got 'red'",
        ),
        ({"fill_range": (0, 256)}, ValueError, r"fill_range must be two whole numbers from 0 to 255, got \(0, 256\)"),
        ({"fill_value": 3}, ValueError, "fill_value must be left out with fill='grey', got 3: type fill=\"constant\""),
        ({"fill": "constant"}, ValueError, 'fill_value must be given with fill="constant": type fill_value=0'),
        ({"fill": "constant", "fill_value": (1, -2)}, ValueError, "fill_value must be a number from 0 to 255, got -2"),
        (
            {"fill": "mean", "fill_range": (3, 9)},
            ValueError,
            r"fill_range must be left out with fill='mean', got \(3, 9\): type fill=\"grey\", \"color\" or \"noise\"",
        ),
        (
            {"center": "uniform", "center_std": (0.1, 0.1)},
            ValueError,
            r"center_std must be left out with center='uniform', got \(0.1, 0.1\): type center=\"normal\"",
        ),
        ({"normalize_mean": (0.5,)}, ValueError, "normalize_mean and normalize_std must be given together"),
        (
            {"normalize_mean": (0.5,), "normalize_std": (1, 1)},
            ValueError,
            "normalize_mean and normalize_std must be of one length, got 1 and 2 numbers",
        ),
        (
            {"normalize_mean": (0.5,), "normalize_std": (0,)},
            ValueError,
            "normalize_std must be a number above 0, got 0",
        ),
        ({"cuont_range": (1, 2)}, TypeError, "unexpected keyword argument 'cuont_range'"),
    ],
)
def test_bad_fields_are_named(fields, error, message):
    """Each bad field raises with its name, the rule and the value."""
    with pytest.raises(error, match=message):
        Spec(**fields)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: cutout(3.5), TypeError, "size must be a whole number, got 3.5"),
        (lambda: random_erasing(ratio=0.3), TypeError, "ratio must be a tuple of two numbers, got 0.3: type ratio="),
        (lambda: random_erasing((0.1, 2)), ValueError, r"scale must be two numbers above 0, up to 1, got \(0.1, 2\)"),
    ],
)
def test_presets_name_their_own_arguments(make, error, message):
    """An error of a preset names its own argument."""
    with pytest.raises(error, match=message):
        make()


def test_unknown_fields_of_a_dict_are_named():
    """from_dict() names the fields that it does not know."""
    with pytest.raises(TypeError, match=r"fields of Spec must be known, got tint: see help\(dustaug.Spec\)"):
        Spec.from_dict({"tint": 1})
    with pytest.raises(TypeError, match=r"must be known, got counts_range: did you mean count_range\?"):
        dust(counts_range=(1, 2))


def test_replacing_a_fill_or_centre_drops_what_belonged_to_the_old_one():
    """replace() drops fields that Spec would refuse, as they would change nothing."""
    spec = dust(fill_range=(3, 9), center_std=(0.1, 0.1))

    assert spec.replace(fill="constant", fill_value=3).fill_range == (0, 255)
    assert spec.replace(center="inside").center_std == (0.25, 0.25)
    assert spec.replace(fill="noise").fill_range == (3, 9)


def test_a_fraction_of_one_is_a_fraction():
    """1.0 as a fraction is the whole side, never one pixel (a peer reads (0.5, 1.0) as pixels)."""
    assert Spec(height_fraction_range=(0.5, 1.0)).height_fraction_range == (0.5, 1.0)
    assert Spec(height_fraction_range=(1, 1)).width_fraction_range == (1.0, 1.0)
