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
    make_params,
)
from dustaug._engine.plan import PARAMS_DTYPE


def memory_of(images, layout=None):
    return make_memory(ImageKind(images.shape, images.strides, images.dtype, layout))


def params_of(images, layout, columns):
    """Return the params of images whose patterns have so many columns, by name."""
    params = make_params(np.zeros(1, PARAMS_DTYPE), memory_of(images, layout), pattern_columns=columns)
    return {name: int(params[0][name]) for name in PARAMS_DTYPE.names}


def test_a_kind_needs_a_shape_strides_and_a_dtype_only():
    """Layout and value range are left to the shape and the dtype."""
    kind = ImageKind((8, 9), None, np.dtype(np.uint8))

    assert (kind.layout, kind.value_range) == (None, None)
    assert kind == ImageKind((8, 9), None, np.dtype("u1"))
    assert hash(kind) == hash(ImageKind((8, 9), None, np.dtype("u1")))


@pytest.mark.parametrize(
    ("layout", "lengths", "strides"),
    [
        ("NHWC", (2, 3, 5, 7), (420, 140, 28, 4)),
        ("NCHW", (2, 5, 7, 3), (420, 28, 4, 140)),
        ("NHW", (2, 3, 5, 1), (60, 20, 4, 4)),
        ("HWC", (1, 2, 3, 5), (4, 60, 20, 4)),
        ("CHW", (1, 3, 5, 2), (4, 20, 4, 60)),
        ("HW", (1, 2, 3, 1), (4, 12, 4, 4)),
    ],
)
def test_every_layout_names_its_axes(layout, lengths, strides):
    """Axes get the lengths and strides of their letters; an axis that is not there has the length 1."""
    images = np.zeros((2, 3, 5, 7)[: len(layout)], np.float32)

    assert (*lengths, *strides, np.float32) == memory_of(images, layout)


def test_there_is_a_test_of_every_layout():
    """The test above covers all six layouts."""
    assert LAYOUTS == ("NHWC", "NCHW", "NHW", "HWC", "CHW", "HW")


def test_without_strides_images_have_no_gaps():
    """A kind without strides lies in memory as a new array does."""
    images = np.zeros((2, 3, 5, 3), np.uint16)

    assert make_memory(ImageKind((2, 3, 5, 3), None, np.dtype(np.uint16))) == memory_of(images)


def test_strides_of_views_are_kept():
    """A flip has a negative stride, and a step has a larger one."""
    view = np.zeros((2, 8, 10, 3), np.uint8)[:, ::-1, ::2]

    assert memory_of(view)[:8] == (2, 8, 5, 3, 240, -30, 6, 1)


@pytest.mark.parametrize("stride", [0, -7, 10**9])
def test_strides_of_axes_of_length_one_mean_nothing(stride):
    """Whatever stride NumPy reports for an axis of length 1, the kernel gets the same number, which is never 0."""
    kind = ImageKind((1, 1, 1, 1), (stride,) * 4, np.dtype(np.float32))

    assert make_memory(kind)[:8] == (1, 1, 1, 1, 4, 4, 4, 4)


def test_one_column_of_adjacent_channels_has_the_step_of_a_pixel():
    """Images one pixel wide are painted as wider ones are: a column is all its channels."""
    assert memory_of(np.zeros((4, 1, 3), np.uint16)).column_stride == 6
    assert memory_of(np.zeros((4, 8, 3), np.uint16)[:, ::8]).column_stride == 6


@pytest.mark.parametrize(
    ("shape", "strides"), [((8, 8), (0, 1)), ((8, 8), (1, 1)), ((8, 8), (7, 1)), ((2, 4, 4, 3), (0, 12, 3, 1))]
)
def test_images_that_overlap_themselves_are_refused(shape, strides):
    """Two pixels at one address are an error that names the strides."""
    message = re.escape(
        f"images must not overlap themselves in memory, got shape {shape} with strides {strides}: type images.copy()"
    )
    with pytest.raises(ValueError, match=message):
        make_memory(ImageKind(shape, strides, np.dtype(np.uint8)))


def test_images_without_pixels_may_have_any_strides():
    """Nothing overlaps where nothing is, and the memory says that it is empty."""
    memory = make_memory(ImageKind((0, 8, 8, 3), (0, 0, 0, 0), np.dtype(np.uint8)))

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


@pytest.mark.parametrize(
    ("shape", "ambiguous"),
    [
        ((2, 8, 9, 16), False),
        ((2, 8, 9, 17), True),
        ((2, 3, 9, 9), True),
        ((2, 4, 9, 5), True),
        ((2, 5, 9, 5), False),
        ((2, 3, 9, 4), False),
        ((3, 9, 9), True),
        ((3, 9, 8), False),
        ((4, 4, 4), False),
    ],
)
def test_a_shape_that_may_be_planar_is_ambiguous(shape, ambiguous):
    """More than 16 channels, a second axis of 4 or less in a batch, or two equal last axes leave a doubt."""
    assert is_ambiguous(shape) is ambiguous


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


PIXELS = np.zeros((2, 4, 5, 3), np.float32)
PLANES = np.zeros((2, 3, 4, 5), np.float32)
RUNS = ("origin", "runs", "run_stride", "run_bytes", "interleaved", "pattern_step", "column_step", "first_channel")


@pytest.mark.parametrize(
    ("images", "layout", "columns", "expected"),
    [
        (PIXELS, "NHWC", 1, (0, 1, 4, 12, 0, 0, 12, 0)),
        (PIXELS, "NHWC", 3, (0, 3, 4, 4, 1, 1, 12, 0)),
        (PIXELS[..., ::-1], "NHWC", 1, (-8, 1, -4, 12, 0, 0, 12, -8)),
        (PIXELS[..., ::-1], "NHWC", 3, (0, 3, -4, 4, 1, 1, 12, -8)),
        (PIXELS[:, :, ::-1], "NHWC", 3, (0, 3, 4, 4, 1, 1, 12, 0)),
        (PIXELS[..., :2], "NHWC", 1, (0, 1, 4, 8, 0, 0, 12, 0)),
        (PIXELS[..., :2], "NHWC", 2, (0, 2, 4, 4, 0, 1, 12, 0)),
        (PIXELS[..., ::2], "NHWC", 1, (0, 2, 8, 4, 0, 0, 12, 0)),
        (PLANES, "NCHW", 1, (0, 3, 80, 4, 0, 0, 4, 0)),
        (PLANES, "NCHW", 3, (0, 3, 80, 4, 0, 1, 4, 0)),
        (PLANES[:, ::-1], "NCHW", 1, (0, 3, -80, 4, 0, 0, 4, -160)),
        (PIXELS[..., 0], "NHW", 1, (0, 1, 4, 4, 0, 0, 12, 0)),
    ],
)
def test_params_say_what_one_store_may_paint(images, layout, columns, expected):
    """Channels that lie together and are equal are one run; others are painted one by one, or interleaved."""
    params = params_of(images, layout, columns)

    assert expected == tuple(params[name] for name in RUNS)
    assert params["pattern_columns"] == columns


def test_params_keep_what_the_plan_says():
    """The numbers of a plan are copied, and the plan stays as it is."""
    plan = np.zeros(1, PARAMS_DTYPE)
    plan["count_low"] = 7
    params = make_params(plan, memory_of(PIXELS), pattern_columns=1)[0]

    assert (params["count_low"], params["height"], params["width"], params["channels"]) == (7, 4, 5, 3)
    assert (params["item_bytes"], params["image_bytes"]) == (4, 240)
    assert plan["height"] == 0


def test_an_array_at_an_address_is_the_memory_there():
    """What is written into the array stands in the memory of its owner, also with strides."""
    owner = np.arange(24, dtype=np.float32).reshape(4, 6)
    view = owner[::-1, ::2]
    found = array_at(view.__array_interface__["data"][0], ImageKind(view.shape, view.strides, view.dtype))

    assert (found.dtype, found.tolist()) == (np.float32, view.tolist())
    found[0, 0] = 99
    assert owner[3, 0] == 99


def test_an_array_without_items_needs_no_address():
    """A kind without items gives an empty array at the address 0."""
    found = array_at(0, ImageKind((0, 8, 8, 3), None, np.dtype(np.uint8)))

    assert (found.shape, found.dtype) == ((0, 8, 8, 3), np.uint8)
