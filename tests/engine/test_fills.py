"""Brightness becomes the bits that are painted."""

import re

import ml_dtypes
import numpy as np
import pytest

from dustaug import dust
from dustaug._engine.fills import (
    brightness_levels,
    default_value_range,
    encode,
    mean_patterns,
    spec_patterns,
)
from dustaug._engine.memory import ImageKind


def values_of(patterns, dtype):
    """Return the values whose bits fill the patterns, after a look at their being repeated."""
    repeated = patterns.view(dtype).reshape(*patterns.shape, -1)
    bits = patterns.view(f"u{np.dtype(dtype).itemsize}").reshape(repeated.shape)

    assert (bits == bits[..., :1]).all()
    return repeated[..., 0].tolist()


def test_levels_are_the_numbers_of_the_range():
    """Drawn fills have a row for each brightness of fill_range."""
    assert brightness_levels(dust(fill_range=(100, 103))).tolist() == [[100], [101], [102], [103]]
    assert brightness_levels(dust(fill="noise")).shape == (256, 1)


def test_constants_have_one_row():
    """A constant is one level, with one column, or one for each channel."""
    assert brightness_levels(dust(fill="constant", fill_value=127.5)).tolist() == [[127.5]]
    assert brightness_levels(dust(fill="constant", fill_value=(1, 2, 3))).tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("dtype", "limits"),
    [("u1", (0, 255)), ("i1", (0, 127)), ("u8", (0, 2**64 - 1)), ("?", (0, 1)), ("f2", (0, 1)), ("c8", (0, 1))],
)
def test_white_is_the_largest_integer_or_one(dtype, limits):
    """Without a value range, black is 0, and white is what the dtype tells."""
    assert default_value_range(np.dtype(dtype)) == limits


@pytest.mark.parametrize(
    ("brightness", "dtype", "value_range", "value"),
    [
        (128, np.uint8, (0, 255), 128),
        (127.5, np.uint8, (0, 255), 128),
        (2.5, np.uint8, (0, 51), 1),
        (7.5, np.uint8, (0, 51), 2),
        (127.5, np.int8, (-128, 127), 0),
        (63.75, np.int8, (-2, 0), -1),
        (1, np.uint16, (0, 65_535), 257),
        (1, np.int16, (0, 32_767), 128),
        (255, np.uint64, (0, 2**64 - 1), 2**64 - 1),
        (1, np.uint64, (0, 2**64 - 1), 0x0101010101010101),
        (254, np.int64, (-(2**63), 2**63 - 1), 2**63 - 1 - 0x0101010101010101),
        (127.5, bool, (0, 1), True),
        (127, bool, (0, 1), False),
    ],
)
def test_integers_are_exact_and_halves_go_up(brightness, dtype, value_range, value):
    """Integers of all sizes are rounded from the exact value."""
    patterns = encode(np.array([[brightness]]), dust(), np.dtype(dtype), value_range)

    assert values_of(patterns, dtype) == [[value]]


@pytest.mark.parametrize(
    ("brightness", "dtype", "value_range", "bits"),
    [
        (255, np.float16, (0, 1), 0x3C003C003C003C00),
        (255, np.float32, (0, 1), 0x3F8000003F800000),
        (255, np.float64, (0, 1), 0x3FF0000000000000),
        (51, np.float64, (0, 1), 0x3FC999999999999A),
        (51, np.float32, (0, 1), 0x3E4CCCCD3E4CCCCD),
        (255, np.float32, (-1, 1), 0x3F8000003F800000),
        (0, np.float32, (-1, 1), 0xBF800000BF800000),
        (255, np.complex64, (0, 1), 0x000000003F800000),
        (255, ml_dtypes.bfloat16, (0, 1), 0x3F803F803F803F80),
        (255, ml_dtypes.float8_e4m3fn, (0, 1), 0x3838383838383838),
        (255, np.uint8, (0, 255), 0xFFFFFFFFFFFFFFFF),
        (1, np.uint16, (0, 65_535), 0x0101010101010101),
        (255, np.int16, (0, 255), 0x00FF00FF00FF00FF),
    ],
)
def test_the_bits_of_an_item_fill_eight_bytes(brightness, dtype, value_range, bits):
    """A pattern is one item, repeated from the first byte to the last."""
    patterns = encode(np.array([[brightness]]), dust(), np.dtype(dtype), value_range)

    assert (patterns.dtype, patterns.tolist()) == (np.uint64, [[bits]])


def test_normalised_values_have_a_column_for_each_channel():
    """The mean is subtracted and the result divided by the std, channel by channel."""
    spec = dust(normalize_mean=(0.5, 0.25), normalize_std=(0.25, 0.5))
    patterns = encode(np.array([[0], [255]]), spec, np.dtype(np.float32), (0, 1))

    assert values_of(patterns, np.float32) == [[-2.0, -0.5], [2.0, 1.5]]


NORMALIZED = {"normalize_mean": (0, 0, 0), "normalize_std": (1, 1, 1)}


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        (dust(), (256, 1)),
        (dust(fill_range=(9, 12)), (4, 1)),
        (dust(fill="constant", fill_value=7), (1, 1)),
        (dust(fill="constant", fill_value=(7, 8, 9)), (1, 3)),
        (dust(fill="color"), (256, 1)),
        (dust(fill="noise"), (256, 1)),
        (dust(fill="mean"), (0, 3)),
        (dust(**NORMALIZED), (256, 3)),
        (dust(fill="color", **NORMALIZED), (256, 3)),
        (dust(fill="noise", **NORMALIZED), (256, 3)),
    ],
)
def test_patterns_have_a_row_for_each_level(spec, shape):
    """There is one column if all channels are equal, and one for each if they differ."""
    assert spec_patterns(spec, ImageKind(np.dtype(np.float32), "NHWC", 3), (0, 1)).shape == shape


def test_patterns_of_colours_are_those_of_greys():
    """Each channel draws from the same levels, so one column is for all of them."""
    kind = ImageKind(np.dtype(np.uint8), "NHWC", 3)
    patterns = spec_patterns(dust(fill="color", fill_range=(1, 2)), kind, (0, 255))

    assert values_of(patterns, np.uint8) == [[1], [2]]


@pytest.mark.parametrize(
    ("pixels", "dtype", "value_range", "mean"),
    [
        ([0, 1], np.uint8, (0, 255), 1),
        ([1, 2, 2], np.uint8, (0, 255), 2),
        ([-3, 0], np.int8, (0, 127), -1),
        ([-1, -2, -2], np.int16, (0, 32_767), -2),
        ([2**64 - 1, 2**64 - 1], np.uint64, (0, 2**64 - 1), 2**64 - 1),
        ([-(2**63), -(2**63)], np.int64, (0, 2**63 - 1), -(2**63)),
        ([False, True], bool, (0, 1), True),
        ([0.25, 0.5], np.float32, (0, 1), 0.375),
        ([0.25, 0.5], np.float64, (-1, 3), 0.375),
        ([16_383.5, 0.5], np.float32, (0, 1), 8192.0),
        ([0.5, 0.5], np.float16, (0, 255), 0.5),
    ],
)
def test_means_are_taken_of_the_pixels(pixels, dtype, value_range, mean):
    """Halves go up, and no sum overflows."""
    images = np.array(pixels, dtype).reshape(1, 1, -1, 1)

    assert values_of(mean_patterns(images, value_range), dtype) == [[mean]]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_each_channel_of_each_image_has_its_own_mean(dtype):
    """The means are (n, channels) in the order of the channels."""
    images = np.array([[[[0, 10, 20], [2, 20, 40]]], [[[9, 9, 9], [9, 9, 9]]]], dtype)
    patterns = mean_patterns(images, (0, 255))

    assert values_of(patterns, dtype) == [[1, 15, 30], [9, 9, 9]]


def test_means_of_large_images_are_summed_in_parts():
    """An image of more than 2**16 values has the mean of all its rows."""
    images = np.repeat(np.arange(200, dtype=np.uint8), 500).reshape(1, 200, 500, 1)

    assert values_of(mean_patterns(images, (0, 255)), np.uint8) == [[100]]


@pytest.mark.parametrize("pixel", [np.nan, np.inf, -np.inf, 2.0**14, -(2.0**14)])
def test_means_of_wild_floats_are_refused(pixel):
    """Values that are not finite, or 2**14 times the range away, are an error that names the range."""
    images = np.zeros((1, 2, 2, 1), np.float32)
    images[0, 1, 1, 0] = pixel
    message = 'images must be finite and not far out of (0, 1) with fill="mean": type value_range=…'
    with pytest.raises(ValueError, match=re.escape(message)):
        mean_patterns(images, (0, 1))
