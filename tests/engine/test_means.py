"""Means are the same, to the last bit, from compiled code, from NumPy and from exact fractions."""

import re
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

import reference
from dustaug import add_dust, dust
from dustaug._engine import fills, kernels, kernels_numpy, launch
from dustaug._engine.launch import Launch
from dustaug._engine.memory import ImageKind
from strategies import as_nhwc, sample_items

MEAN = dust(fill="mean", count_range=(3, 9))
WIDE = (-1024, 3071)
LAYOUTS = {"NHWC": (0, 1, 2, 3), "NCHW": (0, 3, 1, 2)}
SUMMED = ["?", "u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"]
OTHERS = ["u8", "i8", "f2", ">u2", ">i4", ">f4", ">f8", ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn]
# The kernel sums 512 columns at a time, of all channels if they lie together: these widths lie on both sides.
WIDTHS = [1, 2, 170, 171, 511, 512, 513, 700]
VIEWS = {
    "whole": lambda images: images,
    "cropped": lambda images: images[:, 1:, 1:],
    "flipped": lambda images: images[:, ::-1, ::-1, ::-1],
    "strided": lambda images: images[:, ::2, ::3],
    "fewer channels": lambda images: images[..., ::2],
}


def photos(shape, dtype, value_range=(0, 1)):
    """Return random images of a dtype: integers of its whole range, and floats of the value range."""
    dtype, (low, high) = np.dtype(dtype), value_range
    if dtype.kind in "biu":
        return sample_items(shape, dtype, 5)
    return (low + np.random.default_rng(5).random(shape) * (high - low)).astype(dtype)


def means_of(images, value_range, layout="NHWC"):
    """Return the patterns of means, as a launch takes them."""
    kind = ImageKind(images.dtype, layout, as_nhwc(images, layout).shape[3], value_range)
    return launch.mean_patterns(images, Launch(MEAN, kind))


def range_of(dtype, value_range):
    return fills.default_value_range(np.dtype(dtype)) if np.dtype(dtype).kind in "biu" else value_range


def exact_mean(values, value_range):
    """Return the mean of one channel by the contract, from exact fractions but with NumPy's sum of whole numbers."""
    if reference.is_whole(values.dtype):
        return reference.mean_of(values, value_range)
    unit, n = reference.mean_unit(value_range), values.size
    total = sum(round(Fraction(float(value)) / unit) for value in values.flat)
    return reference.rounded(float((2 * total + n) // (2 * n) * unit), values.dtype)


def test_the_kernel_sums_the_dtypes_that_are_common():
    """All other dtypes are summed by NumPy, and the NumPy engine sums none by compiled code."""
    assert set(kernels.SUMMED) == {np.dtype(name).name for name in SUMMED}
    assert kernels_numpy.SUMMED == {}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", SUMMED)
def test_the_kernel_equals_numpy(dtype, layout, width):
    """Sums in blocks of columns give the bits of the general way, whatever the layout, the view and the width."""
    value_range = range_of(dtype, (0, 1))
    whole = photos((2, 7, width + 1, 3), dtype)
    for view in VIEWS.values():
        pixels = view(whole)
        planes = pixels.transpose(LAYOUTS[layout])
        for images in (planes, np.ascontiguousarray(planes)):
            np.testing.assert_array_equal(
                means_of(images, value_range, layout), fills.mean_patterns(pixels, value_range)
            )


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (1, 1, 1, 3), (3, 5, 1, 3), (2, 1, 9, 2), (2, 3, 4, 513), (1, 600, 2, 1)]
)
@pytest.mark.parametrize("dtype", SUMMED + OTHERS)
def test_means_equal_exact_ones(dtype, shape):
    """All dtypes, images of one pixel and many channels have the mean that exact fractions give."""
    images = photos(shape, dtype)
    value_range = range_of(dtype, (0, 1))
    expected = [[exact_mean(image[..., c], value_range) for c in range(shape[3])] for image in images]
    found = means_of(images, value_range).astype(f"u{images.itemsize}")

    assert found.view(images.dtype).tolist() == np.array(expected, images.dtype).tolist()


@pytest.mark.parametrize("value_range", [(0, 255), WIDE, (-1, 1), (0, 1e-6), (-3.5, 0.25), (0, 2**20)])
@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4"])
def test_ranges_of_floats_set_the_unit(dtype, value_range):
    """Means lie within a unit of 2**-32 of the range, and are those of exact fractions."""
    images = photos((2, 9, 31, 3), dtype, value_range)
    expected = [[exact_mean(image[..., c], value_range) for c in range(3)] for image in images]
    found = means_of(images, value_range).astype(f"u{images.itemsize}").view(images.dtype)

    assert found.tolist() == np.array(expected, images.dtype).tolist()
    np.testing.assert_allclose(found, images.mean(axis=(1, 2), dtype=np.float64), rtol=1e-6, atol=value_range[1] * 1e-6)


@pytest.mark.parametrize("value_range", [(0, 255), WIDE])
@pytest.mark.parametrize("dtype", ["i2", "u4", "i4", "i8"])
def test_ranges_of_integers_change_no_mean(dtype, value_range):
    """Integers are summed as they are."""
    low, high = (max(value_range[0], 0), value_range[1]) if dtype[0] == "u" else value_range
    images = np.random.default_rng(1).integers(low, high, (2, 9, 31, 3)).astype(dtype)
    expected = np.floor(images.mean(axis=(1, 2)) + 0.5).astype(dtype)

    assert (means_of(images, (low, high)).astype(f"u{images.itemsize}").view(dtype) == expected).all()


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i1", "f4"])
def test_no_sum_of_the_highest_images_overflows(dtype):
    """A column of 65,535 rows of the dtype's ends has that end as its mean."""
    ends = (0.0, 1.0) if dtype == "f4" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    for end in ends:
        images = np.full((1, 65_535, 2, 1), end, dtype)
        found = means_of(images, range_of(dtype, (0, 1))).astype(f"u{images.itemsize}").view(dtype)

        assert found.tolist() == [[end]]


def test_floats_at_the_limit_do_not_overflow():
    """The largest values that are taken, 2**14 times the range, have sums that fit."""
    images = np.full((1, 65_535, 2, 1), np.nextafter(np.float32(2**14), np.float32(0)), np.float32)
    for sign in (1, -1):
        assert means_of(sign * images, (0, 1)).astype("u4").view("f4").tolist() == [[sign * images.item(0)]]


@pytest.mark.parametrize("value_range", [(0, 1e-300), (0, 5e-324), (-1e307, 1e307), (0, 1.7e308)])
def test_the_narrowest_and_widest_ranges_have_means(value_range):
    """The unit may be smaller or larger than what a double holds when it is turned around."""
    images = np.full((1, 3, 4, 1), value_range[1])

    assert means_of(images, value_range).view(np.float64).item() == pytest.approx(value_range[1], rel=2**-32, abs=0)


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2.0**14, -(2.0**14), 1e38])
@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4", ml_dtypes.bfloat16])
@pytest.mark.parametrize("engine", [kernels, kernels_numpy], ids=["numba", "numpy"])
def test_values_out_of_reach_are_refused(engine, dtype, value, num_threads, monkeypatch):
    """One value in the last image, also in one that gets no rectangle, and no pixel of the batch is painted."""
    monkeypatch.setattr(launch, "_engine", lambda: engine)
    images = photos((3, 9, 200, 3), dtype)
    message = re.escape('images must be finite and not far out of (0.0, 1.0) with fill="mean": type value_range=…')
    for place in ((2, 8, 199, 2), (0, 0, 0, 0), (1, 4, 100, 1)):
        bad = images.copy()
        bad[place] = value
        for spec in (MEAN, MEAN.replace(p=0.0)):
            for view in (bad, bad[:, ::-1], bad.transpose(0, 3, 1, 2)):
                before, layout = bad.tobytes(), "NHWC" if view.shape[3] == 3 else "NCHW"
                prepared = Launch(spec, ImageKind(bad.dtype, layout, 3))
                with pytest.raises(ValueError, match=message):
                    prepared.run(view, launch.Coordinates(7), num_threads)

                assert bad.tobytes() == before


def test_the_range_says_what_is_far():
    """Images of -1024 to 3071 are far out of (0, 1/4), and near their own range."""
    images = photos((1, 9, 20, 1), "f4", WIDE)
    with pytest.raises(ValueError, match="images must be finite and not far out of"):
        add_dust(images.copy(), MEAN, seed=7, index=0, value_range=(0, 0.125))

    assert (add_dust(images.copy(), MEAN, seed=7, index=0, value_range=WIDE) != images).any()
