"""Arguments come out in the kernel's form, or as an error that says what must hold and what was given."""

import math
import re
import warnings

import ml_dtypes
import numpy as np
import pytest

import dustaug
from dustaug._engine import checks, launch
from dustaug._engine.coordinates import Coordinates, check_coordinates
from dustaug._engine.memory import ImageKind, make_memory

IMAGES = ImageKind(np.dtype(np.uint8), "NHWC", 3)


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_whole_numbers_become_plain_ones(value):
    """Python's and NumPy's integers are taken, and come back as an int."""
    number = checks.check_whole("count", value, 0, 3)

    assert (type(number), number) == (int, 3)


@pytest.mark.parametrize("value", [3.0, "3", None, True, np.True_, [3], np.array([3, 3])])
def test_what_is_no_whole_number_is_refused(value):
    """Floats, text, bool and arrays are of the wrong kind, even if they are equal to a whole number."""
    with pytest.raises(TypeError, match=re.escape(f"count must be a whole number, got {value!r}")):
        checks.check_whole("count", value, 0, 3)


@pytest.mark.parametrize("value", [-1, 4, np.int64(4), 10**40])
def test_whole_numbers_have_limits(value):
    """Both ends belong to the range."""
    with pytest.raises(ValueError, match=f"count must be from 0 to 3, got {int(value)}$"):
        checks.check_whole("count", value, 0, 3)


@pytest.mark.parametrize("name", ["bool", "uint8", "int64", "float16", "float64", "complex64"])
def test_numbers_of_numpy_are_painted(name):
    """NumPy's numbers of 1 to 8 bytes pass."""
    checks.check_dtype(np.dtype(name))


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_floats_of_ml_dtypes_are_painted(name):
    """The short floats of ml_dtypes pass."""
    checks.check_dtype(np.dtype(getattr(ml_dtypes, name)))


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        ("O", "images must hold numbers, got an array of object: type numpy.stack(list_of_images_of_one_size)"),
        ("U3", "images must hold numbers, got an array of <U3: type images.astype(numpy.float32)"),
        ("M8[s]", "images must hold numbers, got an array of datetime64[s]: type images.astype(numpy.float32)"),
        (ml_dtypes.int4, "images must hold numbers, got an array of int4: type images.astype(numpy.float32)"),
        ("c16", "images must have items of 1, 2, 4 or 8 bytes, got complex128: type images.astype(numpy.float64)"),
    ],
)
def test_other_dtypes_are_refused(dtype, message):
    """The error names the dtype and a conversion."""
    with pytest.raises(TypeError, match=re.escape(message)):
        checks.check_dtype(np.dtype(dtype))


@pytest.mark.parametrize("layout", [None, "NHWC", "NCHW", "NHW", "HWC", "CHW", "HW"])
def test_layouts_are_names(layout):
    """All layouts come back as they are, and so does none."""
    assert checks.check_layout(layout) is layout


@pytest.mark.parametrize("layout", ["nhwc", "WH", "", 4, ["NHWC"]])
def test_other_layouts_are_refused(layout):
    """The error lists the layouts that there are."""
    message = f"layout must be one of NHWC, NCHW, NHW, HWC, CHW, HW, NDHWC, NCDHW, got {layout!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        checks.check_layout(layout)


@pytest.mark.parametrize(
    ("given", "checked"), [(None, None), ((0, 255), (0, 255)), ([-1.5, 2], (-1.5, 2)), (np.array([0, 1]), (0.0, 1.0))]
)
def test_a_value_range_is_two_numbers(given, checked):
    """Any sequence of two numbers becomes a tuple, which can be a key of a cache."""
    assert checks.check_value_range(given) == checked


@pytest.mark.parametrize("given", [5, (0,), (0, 1, 2), (0, None), ("black", "white"), (0, 1j)])
def test_what_is_no_value_range_is_refused(given):
    """The error shows what to type."""
    message = f"value_range must be a tuple of two numbers, got {given!r}: type value_range=(0, 255)"
    with pytest.raises(TypeError, match=re.escape(message)):
        checks.check_value_range(given)


@pytest.mark.parametrize("given", [(1, 0), (1, 1), (0, np.nan), (np.nan, 1), (0, np.inf), (-1e308, 1e308)])
def test_a_value_range_has_two_finite_ends(given):
    """The smaller number is first, and their distance is finite."""
    message = f"value_range must be two finite numbers, the smaller first, got {given!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        checks.check_value_range(given)


@pytest.mark.parametrize(
    ("given", "dtype", "resolved"),
    [
        (None, "u1", (0, 255)),
        (None, "i2", (0, 32_767)),
        (None, "f4", (0, 1)),
        (None, "?", (0, 1)),
        ((0, 200), "u1", (0, 200)),
        ((-128.0, 127.0), "i1", (-128, 127)),
        ((-2.5, 2.5), "f2", (-2.5, 2.5)),
        ((0, 1), "?", (0, 1)),
    ],
)
def test_a_value_range_suits_the_dtype(given, dtype, resolved):
    """A given range is kept, and none becomes that of the dtype."""
    assert checks.resolve_value_range(given, np.dtype(dtype)) == resolved


@pytest.mark.parametrize(
    ("given", "dtype", "message"),
    [
        ((0, 256), "u1", "value_range must be whole numbers from 0 to 255 for uint8 images, got (0, 256)"),
        ((-1, 255), "u1", "value_range must be whole numbers from 0 to 255 for uint8 images, got (-1, 255)"),
        ((0, 0.5), "i1", "value_range must be whole numbers from -128 to 127 for int8 images, got (0, 0.5)"),
        ((0, 2), "?", "value_range must be (0, 1) for bool images, got (0, 2)"),
        ((0, 1e6), "f2", "value_range must be two values that float16 can hold, got (0, 1000000.0)"),
    ],
)
def test_a_value_range_that_the_dtype_cannot_hold_is_refused(given, dtype, message):
    """The error names the dtype and its limits."""
    with pytest.raises(ValueError, match=re.escape(message)):
        checks.resolve_value_range(given, np.dtype(dtype))


def test_a_kind_is_resolved_to_black_and_white():
    """They come from the value range, or from the dtype."""
    assert checks.resolve_kind(dustaug.dust(), IMAGES) == (0, 255)
    assert checks.resolve_kind(dustaug.dust(), IMAGES._replace(value_range=(0, 9))) == (0, 9)
    with pytest.raises(TypeError, match="images must hold numbers"):
        checks.resolve_kind(dustaug.dust(), IMAGES._replace(dtype=np.dtype("M8[s]")))
    with pytest.raises(ValueError, match="value_range must be whole numbers from 0 to 255 for uint8 images"):
        checks.resolve_kind(dustaug.dust(), IMAGES._replace(value_range=(0, 256)))


NORMALIZED = dustaug.dust(normalize_mean=(0,), normalize_std=(1,))


@pytest.mark.parametrize(
    ("spec", "changes", "message"),
    [
        (NORMALIZED, {}, "images must be floating-point with normalize_mean and normalize_std, got uint8"),
        (NORMALIZED, {"dtype": np.dtype("f4")}, "normalize_mean must have one number for each of the images' 3"),
        (dustaug.cutout(3, fill_value=(1, 2)), {}, "fill_value must have one number for each of the images' 3"),
        (dustaug.dust(fill="mean"), {"dtype": np.dtype("c8")}, 'images must hold real numbers with fill="mean"'),
        (
            dustaug.dust(fill="color"),
            {"channels": 1025},
            'images must have at most 1024 channels with fill="color", got 1025',
        ),
    ],
)
def test_a_fill_must_suit_the_images(spec, changes, message):
    """The error names the field of the spec and what the images are."""
    with pytest.raises(ValueError, match=re.escape(message)):
        checks.resolve_kind(spec, IMAGES._replace(**changes))


def test_the_most_colours_are_taken():
    """The limit belongs to what is taken, and concerns no other fill."""
    assert checks.resolve_kind(dustaug.dust(fill="color"), IMAGES._replace(channels=1024)) == (0, 255)
    assert checks.resolve_kind(dustaug.dust(fill="noise"), IMAGES._replace(channels=1025)) == (0, 255)


BYTES, HALVES = dustaug.dust(fill="noise"), dustaug.dust(fill="noise", fill_range=(0, 254))
# A rectangle of nine tenths of the area, nine times as high as wide, is higher than a square image.
TALL = dustaug.random_erasing(scale=(0.9, 0.9), ratio=(9, 9))


@pytest.mark.parametrize(
    ("spec", "size", "message"),
    [
        (dustaug.dust(), (65_536, 8), "images must have sides from 1 to 65535 pixels, got 65536 by 8"),
        (dustaug.dust(), (8, 65_536), "images must have sides from 1 to 65535 pixels, got 8 by 65536"),
        (dustaug.dust(), (0, 8), "images must have sides from 1 to 65535 pixels, got 0 by 8"),
        (BYTES, (65_535, 65_535, 9), 'images must have at most 34359738368 values each with fill="noise"'),
        (HALVES, (65_535, 65_535, 5), 'images must have at most 17179869184 values each with fill="noise"'),
        (TALL, (32, 32), "area_range and aspect_range must allow a rectangle smaller than the image, got area_range="),
        (TALL, (32, 32), "for an image of 32 by 32 pixels: type a smaller area_range or an aspect_range nearer to 1"),
    ],
)
def test_a_spec_must_suit_the_size_of_images(spec, size, message):
    """The error says what the size is, and what may be given instead."""
    with pytest.raises(ValueError, match=re.escape(message)):
        checks.check_size(spec, *size)


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (dustaug.dust(), (1, 1)),
        (dustaug.dust(), (65_535, 65_535, 5000)),
        (BYTES, (65_535, 65_535, 8)),
        (HALVES, (65_535, 65_535, 4)),
        (TALL, (300, 34)),
        (dustaug.random_erasing(), (3, 3)),
    ],
)
def test_the_limits_of_a_size_are_taken(spec, size):
    """The greatest sides and the most values are no error."""
    checks.check_size(spec, *size)


BRIGHT = np.full((1, 8, 8, 3), 100, np.float32)
LATE = np.zeros((1, 8, 8, 3), np.float32)
LATE[0, 7, 7, 2] = -5
MIDDLE = np.zeros((1, 8, 8, 3), np.float32)
MIDDLE[0, 4, 0, 0] = 7


def test_floats_out_of_their_range_are_told():
    """The first, the middle and the last item are looked at; half a thousandth out of [0, 1] is let pass."""
    for images, number in ((BRIGHT, "100"), (MIDDLE, "7"), (LATE, "-5"), (BRIGHT.astype(np.complex64), "100")):
        with pytest.warns(UserWarning, match=rf"are taken to lie in \[0, 1\], got {number}: the dust will look wrong"):
            checks.check_default_range(images)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checks.check_default_range(np.full((1, 8, 8, 3), 1.0005, np.float32))
        checks.check_default_range(np.full((1, 8, 8, 3), -0.0005, np.float32))


CALLS = {
    "add_dust": lambda: dustaug.add_dust(BRIGHT.copy()),
    "add_dust of numpy's": lambda: dustaug.add_dust(BRIGHT.copy(), seed=np.int64(1), index=[0]),
    "DustStream": lambda: dustaug.DustStream(seed=1)(BRIGHT.copy()),
    "find_launch": lambda: launch.find_launch(BRIGHT.copy(), None, None, None),
    "check_default_range": lambda: checks.check_default_range(BRIGHT),
    "run_at": lambda: launch.launch_for(dustaug.dust(), IMAGES._replace(dtype=BRIGHT.dtype)).run_at(
        BRIGHT.__array_interface__["data"][0], BRIGHT.shape, BRIGHT.strides, Coordinates(1)
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_warning_points_at_the_callers_line(call):
    """However deep in the package the check is, the warning names the line outside that led to it."""
    with pytest.warns(UserWarning, match="taken to lie in") as caught:
        call()

    code = call.__code__
    lines = {line for _, _, line in code.co_lines() if line}
    assert [(code.co_filename, True)] == [(warning.filename, warning.lineno in lines) for warning in caught]


@pytest.mark.parametrize(
    ("module", "inside"),
    [
        ("dustaug", True),
        ("dustaug.robustness", True),
        ("dustaug.albumentations._hooks", True),
        ("dustaugment", False),
        ("my.dustaug", False),
    ],
)
def test_modules_of_the_package_are_no_callers(module, inside):
    """The warning passes over modules and sub-packages of dustaug, not over others whose names are like it."""
    between = {"__name__": module, "dustaug": dustaug}
    exec(compile("def call(images):\n    dustaug.add_dust(images)", "between.py", "exec"), between)  # noqa: S102
    with pytest.warns(UserWarning, match="taken to lie in") as caught:
        between["call"](BRIGHT.copy())

    assert [__file__ if inside else "between.py"] == [warning.filename for warning in caught]


MEMORY = make_memory((2, 8, 9, 3), (216, 27, 3, 1), 1, "NHWC")


def test_rectangles_become_arrays():
    """Lists become int64 arrays; the brightness is kept, NaN too."""
    image, boxes, fill = checks.check_rectangles([1, 0], [[0, 0, 8, 9], [3, 3, 3, 3]], [255, np.nan], MEMORY)

    assert (image.dtype, image.tolist()) == (np.int64, [1, 0])
    assert (boxes.dtype, boxes.tolist()) == (np.int64, [[0, 0, 8, 9], [3, 3, 3, 3]])
    assert (fill[0], np.isnan(fill[1])) == (255, True)


def test_no_rectangles_may_be_of_any_dtype():
    """An empty list, which NumPy takes for floats, is no rectangle."""
    image, boxes, fill = checks.check_rectangles([], np.zeros((0, 4)), [], MEMORY)

    assert (image.shape, boxes.shape, len(fill)) == ((0,), (0, 4), 0)
    assert (image.dtype, boxes.dtype) == (np.int64, np.int64)


@pytest.mark.parametrize(
    ("image", "box", "fill", "error", "message"),
    [
        ([0, 1], [0, 0, 1, 1], [9], ValueError, "and fill (r,) or (r, c), got shapes (2,), (1, 4) and (1,)"),
        ([0], [0, 0, 1], [9], ValueError, "rectangles must have image (r,), boxes (r, 4)"),
        ([0], [0, 0, 1, 1], 9, ValueError, "got shapes (1,), (1, 4) and ()"),
        (
            [0],
            [0, 0, 1, 1],
            [[9, 9]],
            ValueError,
            "fill must have one number for each of the images' 3 channels, got 2",
        ),
        ([0.0], [0, 0, 1, 1], [9], TypeError, "rectangles must have whole numbers in image and boxes, and numbers in"),
        ([0], [0, 0, 1, 1.5], [9], TypeError, "got int64, float64 and int64"),
        ([0], [0, 0, 1, 1], ["9"], TypeError, "and numbers in fill, got int64, int64 and <U1"),
        ([2], [0, 0, 1, 1], [9], ValueError, "rectangles must lie on images 0 to 1, got 2 to 2"),
        ([-1], [0, 0, 1, 1], [9], ValueError, "rectangles must lie on images 0 to 1, got -1 to -1"),
        ([0], [0, 0, 9, 9], [9], ValueError, "rectangles must lie inside the 8 by 9 pixels and not be reversed, got "),
        ([0], [-1, 0, 8, 9], [9], ValueError, "[-1, 0, 8, 9] (top, left, bottom, right)"),
        ([0], [0, 5, 8, 4], [9], ValueError, "[0, 5, 8, 4] (top, left, bottom, right)"),
        ([0], [0, 0, 1, 1], [255.5], ValueError, "rectangles must have a fill from 0 to 255, got 255.5 to 255.5"),
        ([0], [0, 0, 1, 1], [-1], ValueError, "rectangles must have a fill from 0 to 255, got -1 to -1"),
    ],
)
def test_rectangles_that_cannot_be_are_refused(image, box, fill, error, message):
    """Shapes, kinds and limits of rectangles are checked, and the error says what was given."""
    with pytest.raises(error, match=re.escape(message)):
        checks.check_rectangles(image, [box], fill, MEMORY)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([BRIGHT], "got list: type numpy.stack(images) if they are of one size, or give them one by one"),
        (None, "got NoneType"),
        ("photo.jpg", "got str"),
    ],
)
def test_what_is_no_array_is_refused(images, message):
    """The error names the type, and the way from a list to a batch."""
    assert str(checks.not_an_array_error(images)) == f"images must be a NumPy array, {message}"


@pytest.mark.parametrize(
    ("value", "dtype", "fill"), [(3, "u1", 3), (np.uint8(3), "i4", 3), ((1, 2), "u1", [1, 2]), (0.5, "f2", 0.5)]
)
def test_fills_of_masks_take_their_dtype(value, dtype, fill):
    """One value or one for each channel comes back as an array of the masks' dtype."""
    checked = checks.check_mask_value(value, np.dtype(dtype))

    assert (checked.dtype, checked.tolist()) == (np.dtype(dtype), fill)


@pytest.mark.parametrize("value", [1.5, 300, -1, np.nan, "all", None])
def test_fills_that_a_mask_cannot_hold_are_refused(value):
    """Nothing is rounded or wrapped around."""
    message = re.escape(f"fill_mask must be a value of the masks' dtype uint8, got {value!r}")
    with pytest.raises(ValueError, match=message):
        checks.check_mask_value(value, np.dtype(np.uint8))


def test_no_spec_is_dust():
    """Where no spec is given, that of dust() is taken, and anything but a spec is refused."""
    assert checks.check_spec(None) == dustaug.dust()
    assert checks.check_spec(dustaug.cutout(3)) == dustaug.cutout(3)
    with pytest.raises(TypeError, match=re.escape("spec must be a dustaug.Spec, got int: type dustaug.dust()")):
        checks.check_spec(3)


def test_what_is_checked_is_a_copy():
    """Another thread may change the caller's arrays after the checks, and changes nothing that is painted."""
    memory = make_memory((2, 8, 8, 3), (192, 24, 3, 1), 1, "NHWC")
    given = np.array([0, 1]), np.array([[0, 0, 1, 1], [1, 1, 2, 2]]), np.array([1.0, 2.0])
    for kept, checked in zip(given, checks.check_rectangles(*given, memory), strict=True):
        assert not np.shares_memory(kept, checked)
    index = np.array([3, 4])

    assert not np.shares_memory(index, check_coordinates(Coordinates(0, 0, index), 2).index)


def test_zero_has_one_sign():
    """-0.0 and 0.0 are equal, so caches hold one for the other: both are 0.0."""
    for number in (checks.check_given_range((-0.0, 1.0))[0], dustaug.dust(p=-0.0).p):
        assert math.copysign(1, number) == 1
    for low in (-0.0, 0.0):
        images = np.ones((8, 8), np.float32)
        dustaug.add_dust(images, dustaug.cutout(64), seed=0, index=0, value_range=(low, 1))
        assert not np.signbit(images).any()


def test_whole_ends_stay_whole():
    """A range of whole numbers loses no bit, as it would as a double."""
    for end in (2**53 + 1, np.uint64(2**64 - 1), np.int64(2**63 - 1)):
        assert checks.check_given_range((0, end)) == (0, int(end))


@pytest.mark.parametrize("name", ["int32", "int64", "uint32", "uint64", ">i4", ">u8"])
@pytest.mark.parametrize(
    "paint",
    [
        lambda images: dustaug.add_dust(images, seed=0, index=0),
        dustaug.DustStream(seed=0),
        lambda images: dustaug.paint_rectangles(images, dustaug.sample_rectangles(height=8, width=8, seed=0, index=0)),
    ],
    ids=["add_dust", "stream", "rectangles"],
)
def test_integers_that_no_picture_fills_need_a_range(paint, name):
    """Images of 0…255 in four or eight bytes would get white of 9e18."""
    images = np.full((8, 8, 3), 200, name)
    with pytest.raises(ValueError, match=f"value_range must be given for images of {np.dtype(name)}, as no picture"):
        paint(images)

    assert (images == 200).all()
    assert dustaug.add_dust(images, dustaug.dust(fill="mean"), seed=0, index=0).max() == 200


@pytest.mark.parametrize(
    ("name", "low", "high", "told"),
    [
        ("uint16", 0, 4095, False),
        ("uint16", 0, 4094, True),
        ("uint16", 0, 255, True),
        ("uint16", 0, 65_535, False),
        (">u2", 0, 255, True),
        ("int16", 0, 2047, False),
        ("int16", -1, 32_767, True),
        ("int16", -1024, 3071, True),
        ("int8", 0, 127, False),
        ("int8", -128, 127, True),
        ("uint8", 0, 1, False),
        ("bool", 0, 1, False),
    ],
)
def test_integers_that_do_not_fill_their_dtype_are_told(name, low, high, told):
    """12 bits in 16, and numbers below 0, warn at the first call that shows them, and not with a range."""
    images = np.zeros((8, 8, 3), name)
    images[0, 0], images[0, 1] = low, high
    spec = dustaug.dust(count_range=(0, 0), fill_range=(0, 200 + len(name)))  # A spec of this test's own.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dustaug.add_dust(np.zeros_like(images), spec, seed=0, index=0)
        dustaug.add_dust(images, spec, seed=0, index=0, value_range=(0, 1))
        assert not caught
        dustaug.add_dust(images, spec.replace(count_range=(0, 0), p=0.5 + (high - low) / 1e6), seed=0, index=0)

    messages = [str(each.message) for each in caught]
    assert [f"got {low} to {high} in the first of them" in message for message in messages] == [True] * told
    assert all(each.filename == __file__ for each in caught)


def test_arrays_that_mean_more_than_their_memory_are_refused():
    """What a mask hides would count as pixels, and a unit has its own white; files that are mapped are plain."""

    class Quantity(np.ndarray):
        unit = "metre"

    masked = np.ma.masked_less(np.full((8, 8, 3), 7, np.uint8), 3)
    with pytest.raises(TypeError, match=r"images must not be masked, got a MaskedArray: type images.filled\(0\)"):
        dustaug.add_dust(masked, seed=0, index=0)
    with pytest.raises(TypeError, match=r"images must have no unit, got a Quantity: type images.value"):
        dustaug.add_dust(np.full((8, 8, 3), 7, np.uint8).view(Quantity), seed=0, index=0)

    assert (masked == 7).all()
    assert dustaug.add_dust(np.zeros((64, 64, 3), np.uint8).view(np.memmap), seed=0, index=0).any()
