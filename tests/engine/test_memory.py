"""Layouts, strides and overlaps of a batch become the numbers that the kernels read."""

import re

import numpy as np
import pytest

from dustaug._engine.memory import (
    LAYOUTS,
    ImageKind,
    array_at,
    guess_layout,
    is_ambiguous,
    make_memory,
)


def memory_of(images, layout="NHWC"):
    return make_memory(images.shape, images.strides, images.itemsize, layout)


def test_a_kind_has_no_size():
    """It says what images are, and is equal and hashed by that."""
    kind = ImageKind(np.dtype(np.uint8), "HW")

    assert kind._fields == ("dtype", "layout", "channels", "value_range")
    assert (kind.channels, kind.value_range) == (1, None)
    assert kind == ImageKind(np.dtype("u1"), "HW")
    assert hash(kind) == hash(ImageKind(np.dtype("u1"), "HW"))


@pytest.mark.parametrize(
    ("layout", "lengths", "strides"),
    [
        ("NHWC", (2, 3, 5, 7), (420, 140, 28, 4)),
        ("NCHW", (2, 5, 7, 3), (420, 28, 4, 140)),
        ("NHW", (2, 3, 5, 1), (60, 20, 4, 4)),
        ("HWC", (1, 2, 3, 5), (4, 60, 20, 4)),
        ("CHW", (1, 3, 5, 2), (4, 20, 4, 60)),
        ("HW", (1, 2, 3, 1), (4, 12, 4, 4)),
        # Slices have no place among these axes.
        ("NDHWC", (2, 5, 7, 11), (4620, 308, 44, 4)),
        ("NCDHW", (2, 7, 11, 3), (4620, 44, 4, 1540)),
    ],
)
def test_every_layout_names_its_axes(layout, lengths, strides):
    """Axes get the lengths and strides of their letters; an axis that is not there has the length 1."""
    images = np.zeros((2, 3, 5, 7, 11)[: len(layout)], np.float32)

    assert (*lengths, *strides) == memory_of(images, layout)


def test_there_is_a_test_of_every_layout():
    """The test above covers all eight layouts."""
    assert LAYOUTS == ("NHWC", "NCHW", "NHW", "HWC", "CHW", "HW", "NDHWC", "NCDHW")


def test_strides_may_count_items():
    """Strides and the size of an item are both in bytes, or both in items."""
    images = np.zeros((2, 3, 5, 3), np.uint16)
    in_items = make_memory(images.shape, tuple(stride // 2 for stride in images.strides), 1, "NHWC")

    assert memory_of(images)[4:] == tuple(2 * stride for stride in in_items[4:])
    assert memory_of(images)[:4] == in_items[:4]


def test_strides_of_views_are_kept():
    """A flip has a negative stride, and a step has a larger one."""
    view = np.zeros((2, 8, 10, 3), np.uint8)[:, ::-1, ::2]

    assert memory_of(view) == (2, 8, 5, 3, 240, -30, 6, 1)


@pytest.mark.parametrize("stride", [0, -7, 10**9])
def test_strides_of_axes_of_length_one_mean_nothing(stride):
    """Whatever stride NumPy reports for an axis of length 1, the kernel gets the same number, which is never 0."""
    assert make_memory((1, 1, 1, 1), (stride,) * 4, 4, "NHWC") == (1, 1, 1, 1, 4, 4, 4, 4)


def test_one_column_of_adjacent_channels_has_the_step_of_a_pixel():
    """Images one pixel wide are painted as wider ones are: a column is all its channels."""
    assert memory_of(np.zeros((4, 1, 3), np.uint16), "HWC").column_stride == 6
    assert memory_of(np.zeros((4, 8, 3), np.uint16)[:, ::8], "HWC").column_stride == 6


@pytest.mark.parametrize(
    ("shape", "strides"), [((8, 8), (0, 1)), ((8, 8), (1, 1)), ((8, 8), (7, 1)), ((2, 4, 4, 3), (0, 12, 3, 1))]
)
def test_images_that_overlap_themselves_are_refused(shape, strides):
    """Two pixels at one address are an error that names the strides."""
    message = re.escape(
        f"images must not overlap themselves in memory, got shape {shape} with strides {strides}: type images.copy()"
    )
    with pytest.raises(ValueError, match=message):
        make_memory(shape, strides, 1, "HW" if len(shape) == 2 else "NHWC")


def test_images_without_pixels_may_have_any_strides():
    """Nothing overlaps where nothing is, and the memory says that it is empty."""
    memory = make_memory((0, 8, 8, 3), (0, 0, 0, 0), 1, "NHWC")

    assert memory.is_empty
    assert not memory_of(np.zeros((1, 8, 8, 3), np.uint8)).is_empty


def test_axes_must_be_as_many_as_the_layout_has():
    """The error names the layout, its number of axes, and the shape."""
    with pytest.raises(ValueError, match=re.escape("images must have 4 axes for layout NCHW, got shape (8, 8, 3)")):
        memory_of(np.zeros((8, 8, 3), np.uint8), "NCHW")


@pytest.mark.parametrize(("shape", "layout"), [((8, 9), "HW"), ((8, 9, 3), "HWC"), ((None, 8, 9, 3), "NHWC")])
def test_the_number_of_axes_tells_the_layout(shape, layout):
    """Two, three and four axes are HW, HWC and NHWC; the length of a batch may be unknown."""
    assert guess_layout(shape) == layout


@pytest.mark.parametrize(("shape", "layout"), [((8, 9), "HW"), ((3, 8, 9), "CHW"), ((9, 4, None, None), "NCHW")])
def test_the_number_of_axes_tells_the_layout_with_channels_first(shape, layout):
    """Two, three and four axes of a tensor are HW, CHW and NCHW."""
    assert guess_layout(shape, channels_first=True) == layout


@pytest.mark.parametrize("channels", range(7))
def test_only_the_channels_of_a_picture_are_guessed(channels):
    """1 to 4 channels are those of a picture, wherever they stand; an axis of 5 or more may be anything."""
    shapes = [((9, 9, channels), False), ((2, 9, 9, channels), False)]
    shapes += [((channels, 9, 9), True), ((2, channels, 9, 9), True), ((2, channels, None, None), True)]
    for shape, channels_first in shapes:
        if channels <= 4:
            assert guess_layout(shape, channels_first=channels_first)[0 if len(shape) == 3 else 1 :] in ("HWC", "CHW")
        else:
            with pytest.raises(ValueError, match="layout must be given where the shape does not tell it"):
                guess_layout(shape, channels_first=channels_first)
    assert is_ambiguous((9, 9, channels)) is (channels > 4)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((8,), "images must have 2, 3 or 4 axes, got shape (8,)"),
        ((1, 2, 8, 8, 3), "images must have 2, 3 or 4 axes, got shape (1, 2, 8, 8, 3)"),
        ((2, 3, 9, 9), 'type layout="NHWC" if the last axis is 9 channels, else NCHW'),
        ((3, 9, 9), 'type layout="HWC" if the last axis is 9 channels, else NHW or CHW'),
    ],
)
def test_a_layout_that_the_shape_does_not_tell_is_asked_for(shape, message):
    """The error names the layouts that are as likely."""
    with pytest.raises(ValueError, match=re.escape(message)):
        guess_layout(shape)


def test_an_array_at_an_address_is_the_memory_there():
    """What is written into the array stands in the memory of its owner, also with strides."""
    owner = np.arange(24, dtype=np.float32).reshape(4, 6)
    view = owner[::-1, ::2]
    found = array_at(view.__array_interface__["data"][0], view.shape, view.strides, view.dtype)

    assert (found.dtype, found.tolist()) == (np.float32, view.tolist())
    found[0, 0] = 99
    assert owner[3, 0] == 99


def test_an_array_without_items_needs_no_address():
    """A shape without items gives an empty array at the address 0."""
    found = array_at(0, (0, 8, 8, 3), (192, 24, 3, 1), np.dtype(np.uint8))

    assert (found.shape, found.dtype) == ((0, 8, 8, 3), np.uint8)
