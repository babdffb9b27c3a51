"""Memory and sizes that cannot be painted are refused before the first pixel, on every way into the kernels."""

import re

import numpy as np
import pytest
from numba import njit

from dustaug import add_dust, dust, random_erasing
from dustaug._engine import kernels, kernels_numpy, launch
from dustaug._engine.checks import check_size
from dustaug._engine.coordinates import Coordinates
from dustaug._engine.memory import ImageKind

FILLS = {
    "grey": {},
    "constant": {"fill": "constant", "fill_value": 9},
    "color": {"fill": "color"},
    "noise": {"fill": "noise"},
    "mean": {"fill": "mean"},
}
OVERLAP, SIDES = "images must not overlap themselves in memory", "images must have sides from 1 to 65535 pixels"
AREAS = "area_range and aspect_range must allow a rectangle smaller than the image"
TALL = random_erasing(scale=(0.9, 0.9), ratio=(9, 9), fill="grey")
# Plain numbers and one thread take the short way; threads, an index for each image, and NumPy's numbers do not.
WAYS = {
    "short": (Coordinates(7, 1, 5), 1),
    "threads": (Coordinates(7, 1, 5), 3),
    "indices": (Coordinates(7, 1, [5, 9]), 1),
    "numpy": (Coordinates(np.int64(7), 1, 5), 1),
}


@pytest.fixture(params=[kernels, kernels_numpy], ids=["numba", "numpy"])
def engine(request, monkeypatch):
    """Refuse with both engines in turn."""
    monkeypatch.setattr(launch, "_engine", lambda: request.param)
    launch.launch_for.cache_clear()
    yield
    launch.launch_for.cache_clear()


def check_refused(spec, layout, shape, strides, message):
    """Check that images of a shape and strides, at the middle of a buffer, are refused and all bytes stay."""
    buffer = np.full(1 << 18, 100, np.uint8)
    middle = buffer[len(buffer) // 2 :]
    # The bounds of the memory do not matter, as no item is to be read or written.
    images = np.lib.stride_tricks.as_strided(middle, shape, strides)
    kind = ImageKind(images.dtype, layout, shape[layout.index("C")] if "C" in layout else 1)
    prepared = launch.Launch(spec, kind)
    for where, num_threads in WAYS.values():
        if "N" not in layout and isinstance(where.index, list):
            where = where._replace(index=where.index[:1])
        with pytest.raises(ValueError, match=message):
            prepared.run(images, where, num_threads)
        with pytest.raises(ValueError, match=message):
            prepared.run_at(middle.__array_interface__["data"][0], shape, strides, where, num_threads)
    with pytest.raises(ValueError, match=message):
        prepared.refuse(shape, strides)

    assert (buffer == 100).all()


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("fill", FILLS.values(), ids=FILLS)
@pytest.mark.parametrize(
    ("layout", "shape", "strides"),
    [
        ("NHWC", (2, 8, 9, 3), (0, 27, 3, 1)),
        ("NHWC", (2, 8, 9, 3), (216, 26, 3, 1)),
        ("NHWC", (2, 8, 9, 3), (216, 27, 3, 0)),
        ("NHWC", (2, 8, 9, 3), (216, -27, 2, 1)),
        ("NHWC", (2, 8, 9, 3), (-8, 27, 3, 1)),
        ("NCHW", (2, 3, 8, 9), (1, 1, 27, 3)),
        ("NHW", (2, 8, 8), (64, 64, 1)),
        ("NHW", (2, 9, 8), (8, 8, 1)),
    ],
)
def test_memory_that_overlaps_is_refused(fill, layout, shape, strides):
    """Two values of one address would have two levels: repeated axes, windows and rows that are too near."""
    check_refused(dust(count_range=(5, 9), **fill), layout, shape, strides, OVERLAP)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("fill", FILLS.values(), ids=FILLS)
@pytest.mark.parametrize(("height", "width"), [(65_536, 1), (1, 65_536), (65_536, 65_536)])
def test_sides_of_65536_are_refused(fill, height, width):
    """The kernels compute with sides of 16 bits."""
    spec = dust(count_range=(5, 9), **fill)
    check_refused(spec, "NHWC", (2, height, width, 1), (height * width, width, 1, 1), SIDES)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("fill", FILLS.values(), ids=FILLS)
@pytest.mark.parametrize("p", [0, 1])
def test_areas_that_cannot_fit_are_refused(fill, p):
    """It is an error for every image, whether it gets rectangles or not."""
    check_refused(TALL.replace(p=p, **fill), "NHWC", (2, 32, 32, 3), (3072, 96, 3, 1), AREAS)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(("levels", "channels", "most"), [((0, 255), 9, 2**35), ((0, 254), 5, 2**34)])
def test_too_many_values_are_refused(levels, channels, most):
    """There are no words for more values of noise."""
    shape = 2, 65_535, 65_535, channels
    strides = (65_535 * 65_535 * channels, 65_535 * channels, channels, 1)
    message = re.escape(f'images must have at most {most} values each with fill="noise"')
    check_refused(dust(fill="noise", fill_range=levels), "NHWC", shape, strides, message)


@pytest.mark.parametrize("fill", FILLS.values(), ids=FILLS)
def test_the_longest_sides_are_painted(fill):
    """An image of 65,535 rows or columns is none of those that are refused."""
    spec = dust(count_range=(60, 60), half_height_range=(2000, 9000), half_width_range=(2000, 9000), **fill)
    for shape in ((65_535, 2, 1), (2, 65_535, 1)):
        images = np.random.default_rng(3).integers(0, 2, shape, np.uint8)

        assert (add_dust(images.copy(), spec, seed=7, index=0, layout="HWC") != images).any()


@njit
def compiled_refusal(plan, height, width):
    return kernels._refuses(kernels._params_at(plan), height, width)


@pytest.mark.parametrize("height", [*range(1, 40), 500, 65_535])
def test_python_and_kernels_refuse_the_same_areas(height):
    """Whether the smallest area fits is decided twice, with one answer: or images would stay bare, and no error."""
    for spec in (random_erasing(), TALL, random_erasing(scale=(0.2, 0.2), ratio=(0.1, 0.2))):
        params = launch.Launch(spec, ImageKind(np.dtype(np.uint8), "HW")).params
        for width in [*range(1, 40), 500, 65_535]:
            try:
                check_size(spec, height, width)
                refused = False
            except ValueError:
                refused = True

            assert compiled_refusal(kernels.operand_of(params), height, width) == refused


@pytest.mark.parametrize("fill", ["grey", "noise", "mean"])
@pytest.mark.parametrize("shape", [(), (9,), (9, 9), (9, 9, 3), (2, 9, 9, 3), (1, 2, 9, 9, 3)])
@pytest.mark.parametrize("layout", ["HW", "HWC", "NHWC"])
def test_arrays_of_other_axes_are_not_read(fill, shape, layout):
    """An array that lacks axes of the layout, or has more, is refused by the kernel itself, with one thread or two."""
    images = np.full(shape, 7, np.uint8)
    prepared = launch.Launch(dust(fill=fill), ImageKind(images.dtype, layout, 3 if "C" in layout else 1))
    for num_threads in (1, 2):
        if len(shape) == len(layout):
            assert prepared.run(images, Coordinates(1), num_threads) is images
        else:
            with pytest.raises(ValueError, match=f"images must have {len(layout)} axes for layout {layout}, got shape"):
                prepared.run(images, Coordinates(1), num_threads)
            assert (images == 7).all()
