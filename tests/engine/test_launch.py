"""What is prepared for a kind of images is kept, and paints every batch of that kind."""

import gc
import re
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

import reference
from dustaug import add_dust, cutout, dust
from dustaug._engine import kernels, kernels_numpy, launch
from dustaug._engine.coordinates import Coordinates
from dustaug._engine.launch import Launch, draw_rectangles, find_launch, launch_for
from dustaug._engine.memory import ImageKind
from dustaug._engine.plan import make_plan

FILLS = {
    "grey": dust(count_range=(3, 9)),
    "constant": dust(count_range=(3, 9), fill="constant", fill_value=(9, 99, 199)),
    "color": dust(count_range=(3, 9), fill="color"),
    "noise": dust(count_range=(3, 9), fill="noise"),
    "mean": dust(count_range=(3, 9), fill="mean"),
}
of_every_fill = pytest.mark.parametrize("spec", FILLS.values(), ids=FILLS)
# What the kernels are entered by.
ENTRIES = ("dust_batch", "count_rectangles", "draw_rectangles", "paint_boxes")
WHERE = Coordinates(seed=2**63 + 5, epoch=3, index=2**33)


def photos(dtype=np.uint8, n=6):
    images = np.random.default_rng(3).integers(0, 256, (n, 12, 14, 3), dtype=np.uint8)
    return images if dtype == np.uint8 else (images / 255).astype(dtype)


def kind_of(images):
    return ImageKind(images.shape, images.strides, images.dtype)


def address_of(images):
    return images.__array_interface__["data"][0]


def dusted(spec, images, where=WHERE, num_threads=1):
    """Return a dusted copy, by a launch that no cache holds."""
    return Launch(spec, *kind_of(images)).run(images.copy(), where, num_threads)


@of_every_fill
def test_a_launch_paints_what_the_twin_paints(spec):
    """Every fill, of one pass or two, gives the bytes of the slow twin."""
    images = photos(n=2)
    expected = [reference.dust(images[i], spec, *WHERE[:2], WHERE.index + i, (0, 255)) for i in range(2)]

    assert (np.stack(expected) != images).any()
    assert (np.stack(expected) == dusted(spec, images)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@of_every_fill
def test_arrays_and_addresses_are_painted_alike(spec, dtype):
    """run() and run_at() paint the same pixels, also of views, whether the range of floats is checked or not."""
    for images in (photos(dtype), photos(dtype)[::2, ::-1, 1:9]):
        prepared, painted = Launch(spec, *kind_of(images)), images.copy()
        there = np.zeros_like(photos(dtype))[: len(images), : images.shape[1], : images.shape[2]]
        there[...] = images

        assert prepared.run(images, WHERE) is images
        assert Launch(spec, *kind_of(there)).run_at(address_of(there), WHERE) is None
        assert (images == there).all()
        assert (images != painted).any()


@of_every_fill
def test_a_launch_keeps_its_engine(spec, monkeypatch):
    """A launch goes on with the engine that it was made for, and asks for no other."""
    images = photos()
    prepared, expected = Launch(spec, *kind_of(images)), dusted(spec, images)
    monkeypatch.setattr(launch, "_engine", None)

    for num_threads in (1, 3):
        assert (prepared.run(images.copy(), WHERE, num_threads) == expected).all()
    painted = images.copy()
    prepared.run_at(address_of(painted), WHERE)
    assert (painted == expected).all()


@pytest.mark.parametrize("engine", [kernels, kernels_numpy], ids=["numba", "numpy"])
@of_every_fill
def test_indices_stay_alive_while_they_are_read(spec, engine, monkeypatch):
    """The kernels get the address of an array that is made of a list, so nobody else keeps it."""
    handed = []

    def hand(array):
        handed.append(weakref.ref(array))
        return engine.operand_of(array)

    def watched(entry):
        def enter(*operands):
            alive.extend(array() is not None for array in handed)
            return entry(*operands)

        return enter

    alive = []
    entries = {name: watched(getattr(engine, name)) for name in ENTRIES}
    watcher = SimpleNamespace(**{**vars(engine), **entries, "operand_of": hand})
    monkeypatch.setattr(launch, "_engine", lambda: watcher)
    images = photos()
    prepared = Launch(spec, *kind_of(images))
    handed.clear()  # The launch itself holds its params and tables.
    painted = prepared.run(images.copy(), WHERE._replace(index=[5, 1, 5, 2**40, 0, 3]))

    assert alive
    assert all(alive)
    assert (painted[0] == dusted(spec, images, WHERE._replace(index=5))[0]).all()
    assert (painted[3] == dusted(spec, images, WHERE._replace(index=2**40 - 3))[3]).all()


@pytest.mark.parametrize("num_threads", [2, 3, 6, 7, 4096])
@of_every_fill
def test_threads_change_no_pixel(spec, num_threads):
    """A batch is split among threads, of which there may be more than images."""
    for where in (WHERE, WHERE._replace(index=[5, 1, 5, 2**40, 0, 3])):
        assert (dusted(spec, photos(), where, num_threads) == dusted(spec, photos(), where)).all()


@pytest.mark.parametrize("images", [np.zeros((0, 8, 8, 3), np.uint8), np.zeros((2, 8, 0, 3), np.uint8), photos()])
@of_every_fill
def test_threads_are_checked_whether_there_is_work_or_not(spec, images):
    """A number of threads that cannot be is an error, also for an empty batch, and no image is changed."""
    before, prepared = images.copy(), Launch(spec, *kind_of(images))
    for number in (0, -1, 4097):
        with pytest.raises(ValueError, match=f"num_threads must be from 1 to 4096, got {number}$"):
            prepared.run(images, WHERE, number)
    for number in (2.0, "2", None):
        with pytest.raises(TypeError, match=f"num_threads must be a whole number, got {number!r}$"):
            prepared.run_at(address_of(images), WHERE, number)

    assert (images == before).all()


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (2, 0, 8, 3), (2, 8, 0, 3), (2, 8, 8, 0), (2, 0, 70_000, 3)])
@of_every_fill
def test_empty_batches_come_back(spec, shape):
    """Without a pixel there is nothing to paint; the images are returned and the coordinates are checked."""
    spec = dust(fill="constant", fill_value=0) if spec.fill == "constant" else spec
    images = np.zeros(shape, np.uint8)
    prepared = Launch(spec, *kind_of(images))

    assert prepared.run(images, WHERE) is images
    assert prepared.run(images, Coordinates(7, 0, np.arange(shape[0])), 4) is images
    prepared.run_at(0, WHERE)
    with pytest.raises(ValueError, match="seed must be from 0 to"):
        prepared.run(images, Coordinates(-1))
    with pytest.raises(ValueError, match=re.escape("index must be a number or an array of shape")):
        prepared.run_at(0, Coordinates(7, 0, [0] * (shape[0] + 1)))


@pytest.mark.parametrize(
    "where", [Coordinates(2**64), Coordinates(0, 2**32), Coordinates(0, 0, 2**63), Coordinates(0.5)]
)
@of_every_fill
def test_refused_coordinates_change_no_pixel(spec, where):
    """Coordinates are checked before the first pixel is painted."""
    images = photos()
    prepared = Launch(spec, *kind_of(images))
    for run in (prepared.run, lambda images, where: prepared.run_at(address_of(images), where)):
        with pytest.raises((TypeError, ValueError), match="(seed|epoch|index) must be "):
            run(images, where)

    assert (images == photos()).all()


def test_images_of_one_kind_share_a_launch():
    """What is looked up is the same for images of one shape, strides and dtype, and other for all others."""
    images = photos()
    first = find_launch(images, dust(), None, None)
    others = [
        find_launch(images, cutout(3), None, None),
        find_launch(images, dust(), "NHWC", None),
        find_launch(images, dust(), None, (0, 200)),
        find_launch(images[1:], dust(), None, None),
        find_launch(images[:, ::-1], dust(), None, None),
        find_launch(images.view(np.int8), dust(), None, None),
    ]

    assert find_launch(photos(), dust(), None, None) is first
    assert launch_for(dust(), kind_of(images)) is first
    assert len({first, *others}) == 7
    assert (first.n, first.spec, first.value_range) == (6, dust(), (0, 255))


@pytest.mark.parametrize(
    ("images", "options", "error", "message"),
    [
        ([1], (None, None, None), TypeError, "images must be a NumPy array, got list"),
        (photos(), (None, "CHWN", None), ValueError, "layout must be one of"),
        (photos(), (None, None, (1, 0)), ValueError, "value_range must be two finite numbers"),
        (photos(), (3, None, None), TypeError, "spec must be a dustaug.Spec, got int"),
        (photos().astype(object), (None, None, None), TypeError, "images must hold numbers"),
    ],
)
def test_what_cannot_be_launched_is_refused(images, options, error, message):
    """Images and options are checked before a launch is looked up."""
    with pytest.raises(error, match=re.escape(message)):
        find_launch(images, *options)


def test_read_only_images_are_refused():
    """The error says how to get an array that can be painted."""
    images = photos()
    images.flags.writeable = False
    with pytest.raises(
        ValueError, match=re.escape("images must be writable, got a read-only array: type images.copy()")
    ):
        find_launch(images, None, None, None)


@pytest.mark.parametrize(
    ("spec", "dtype", "value_range", "checked"),
    [
        (dust(), np.float32, None, True),
        (dust(), np.float32, (0, 1), False),
        (dust(), np.uint8, None, False),
        (dust(fill="mean"), np.float32, None, False),
        (dust(normalize_mean=(0,) * 3, normalize_std=(1,) * 3), np.float32, None, False),
    ],
)
def test_the_range_of_floats_is_checked_where_it_is_taken_for_granted(spec, dtype, value_range, checked):
    """Only floats without a value range, whose fill is painted between 0 and 1, are looked at."""
    prepared = Launch(spec, (2, 8, 9, 3), None, np.dtype(dtype), None, value_range)

    assert prepared.range_is_default is checked


def test_drawn_rectangles_are_counts_boxes_and_levels():
    """Two images get 3 rectangles each; grey has a level for each rectangle, and colour one for each channel."""
    for fill, columns in (("grey", 1), ("color", 3)):
        plan = make_plan(dust(count_range=(3, 3), fill=fill), 12, 14)
        params = plan.params.copy()
        params["channels"] = 3
        counts, boxes, levels = draw_rectangles(params, plan.tables, Coordinates(7, 0, np.array([4, 4])))

        assert counts.tolist() == [3, 3]
        assert (boxes.shape, levels.shape) == ((6, 4), (6, columns))
        assert (boxes[:3] == boxes[3:]).all()
        assert (levels[:3] == levels[3:]).all()


@pytest.mark.parametrize("spec", [dust(), dust(fill="noise"), dust(fill="mean")], ids=["grey", "noise", "mean"])
def test_a_launch_goes_when_nobody_holds_it(spec):
    """Tables of areas must not wait for the garbage collector; run_at alone keeps its arrays."""
    images = np.zeros((2, 40, 40, 3), np.uint8)
    expected = add_dust(images.copy(), spec, seed=7, index=3)
    gc.disable()
    try:
        prepared = Launch(spec, *kind_of(images))
        held, run_at = weakref.ref(prepared), Launch(spec, *kind_of(images)).run_at
        del prepared

        assert held() is None
        run_at(address_of(images), Coordinates(7, 0, 3))
    finally:
        gc.enable()

    np.testing.assert_array_equal(images, expected)
