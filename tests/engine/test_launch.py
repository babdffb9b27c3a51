"""What is prepared for a kind of images is kept, and paints every batch of that kind."""

import functools
import gc
import re
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

import reference
from dustaug import add_dust, cutout, dust
from dustaug._engine import calls, contract, kernels, kernels_numpy, launch
from dustaug._engine.coordinates import Coordinates
from dustaug._engine.launch import Launch, draw_rectangles, find_launch, launch_for, make_params
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
ENTRIES = (
    "dust_batch",
    "dust_batch_in_detail",
    "dust_any_batch",
    "count_rectangles",
    "draw_rectangles",
    "paint_boxes",
    "mean_patterns",
)
WHERE = Coordinates(seed=2**63 + 5, epoch=3, index=2**33)


def photos(dtype=np.uint8, n=6):
    images = np.random.default_rng(3).integers(0, 256, (n, 12, 14, 3), dtype=np.uint8)
    if np.dtype(dtype).kind in "iu":
        return images.astype(dtype) * np.array(np.iinfo(dtype).max // 255, dtype)
    return (images / 255).astype(dtype)


def kind_of(images):
    return ImageKind(images.dtype, "NHWC", images.shape[-1])


def launch_of(spec, images):
    """Return a launch that no cache holds."""
    return Launch(spec, kind_of(images))


def paint_at(prepared, images, where=WHERE, num_threads=1):
    """Paint images as an adapter does that has their address alone."""
    return prepared.run_at(address_of(images), images.shape, images.strides, where, num_threads)


def address_of(images):
    return images.__array_interface__["data"][0]


def dusted(spec, images, where=WHERE, num_threads=1):
    """Return a dusted copy, by a launch that no cache holds."""
    return launch_of(spec, images).run(images.copy(), where, num_threads)


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
        prepared, painted = launch_of(spec, images), images.copy()
        there = np.zeros_like(photos(dtype))[: len(images), : images.shape[1], : images.shape[2]]
        there[...] = images

        assert prepared.run(images, WHERE) is images
        assert paint_at(prepared, there) is None
        assert (images == there).all()
        assert (images != painted).any()


@of_every_fill
def test_the_kernel_reads_where_an_array_lies(spec):
    """Shape and strides are read from the array itself: the same pixels as where Python tells the kernel of them."""
    images = photos()
    for view in (images, images[::2, ::-1, 1:9], images[..., ::-1], images.transpose(0, 2, 1, 3), images[:1]):
        read, told = view.copy("K"), view.copy("K")
        launch_of(spec, read).run(read, WHERE)
        launch_of(spec, told).run(told, WHERE, num_threads=np.int64(1))

        assert (read != view).any()
        assert (read == told).all()


def test_memory_that_is_laid_out_otherwise_is_refused(monkeypatch):
    """Another Python or NumPy, whose objects begin otherwise, is told what to set instead of being read wrongly."""
    calls.check_memory()
    monkeypatch.setattr(calls, "_BYTES_HEAD", calls._BYTES_HEAD - 8)

    with pytest.raises(ImportError, match="set NUMBA_DISABLE_JIT=1, which paints without compiled code"):
        calls.check_memory()


def test_no_batch_stays_unpainted_in_silence():
    """If the kernel refused what the checks have passed, an error would say so."""
    paint = kernels.bind_part(lambda *_: 1, 0, 0, *range(13))

    with pytest.raises(RuntimeError, match="the kernel refused images that the checks had passed"):
        paint(0, 1)


def test_the_last_index_is_the_limit_of_each_image():
    """A batch whose last index would pass the greatest is refused untouched, however its shape is read."""
    images, spec = photos(n=2), FILLS["grey"]
    launch_of(spec, images).run(images, Coordinates(1, 0, contract.MAX_INDEX - 1))
    before = images.copy()
    with pytest.raises(ValueError, match="index must be from 0 to 9223372036854775806, got 9223372036854775807"):
        launch_of(spec, images).run(images, Coordinates(1, 0, contract.MAX_INDEX))

    assert (images == before).all()


@of_every_fill
def test_a_launch_keeps_its_engine(spec, monkeypatch):
    """A launch goes on with the engine that it was made for, and asks for no other."""
    images = photos()
    prepared, expected = launch_of(spec, images), dusted(spec, images)
    monkeypatch.setattr(launch, "_engine", None)

    for num_threads in (1, 3):
        assert (prepared.run(images.copy(), WHERE, num_threads) == expected).all()
    painted = images.copy()
    paint_at(prepared, painted)
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
    entries = {name: watched(getattr(engine, name)) for name in ENTRIES if hasattr(engine, name)}
    watcher = SimpleNamespace(**{**vars(engine), **entries, "operand_of": hand})
    monkeypatch.setattr(launch, "_engine", lambda: watcher)
    images = photos()
    prepared = launch_of(spec, images)
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
    before, prepared = images.copy(), launch_of(spec, images)
    for number in (0, -1, 4097):
        with pytest.raises(ValueError, match=f"num_threads must be from 1 to 4096, got {number}$"):
            prepared.run(images, WHERE, number)
    for number in (2.0, "2", None):
        with pytest.raises(TypeError, match=f"num_threads must be a whole number, got {number!r}$"):
            paint_at(prepared, images, WHERE, number)

    assert (images == before).all()


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (2, 0, 8, 3), (2, 8, 0, 3), (2, 8, 8, 0), (2, 0, 70_000, 3)])
@of_every_fill
def test_empty_batches_come_back(spec, shape):
    """Without a pixel there is nothing to paint; the images are returned and the coordinates are checked."""
    spec = dust(fill="constant", fill_value=0) if spec.fill == "constant" else spec
    images = np.zeros(shape, np.uint8)
    prepared = launch_of(spec, images)

    assert prepared.run(images, WHERE) is images
    assert prepared.run(images, Coordinates(7, 0, np.arange(shape[0])), 4) is images
    prepared.run_at(0, shape, images.strides, WHERE)
    with pytest.raises(ValueError, match="seed must be from 0 to"):
        prepared.run(images, Coordinates(-1))
    with pytest.raises(ValueError, match=re.escape("index must be a number or an array of shape")):
        prepared.run_at(0, shape, images.strides, Coordinates(7, 0, [0] * (shape[0] + 1)))


@pytest.mark.parametrize(
    "where", [Coordinates(2**64), Coordinates(0, 2**32), Coordinates(0, 0, 2**63), Coordinates(0.5)]
)
@of_every_fill
def test_refused_coordinates_change_no_pixel(spec, where):
    """Coordinates are checked before the first pixel is painted."""
    images = photos()
    prepared = launch_of(spec, images)
    for run in (prepared.run, functools.partial(paint_at, prepared)):
        with pytest.raises((TypeError, ValueError), match="(seed|epoch|index) must be "):
            run(images, where)

    assert (images == photos()).all()


def test_images_of_one_kind_share_a_launch():
    """What is looked up is the same for images of one dtype, layout, channels and range, whatever their size."""
    images = photos()
    first = find_launch(images, dust(), None, None)
    others = [
        find_launch(images, cutout(3), None, None),
        find_launch(images, dust(), "NCHW", None),
        find_launch(images, dust(), None, (0, 200)),
        find_launch(images[0], dust(), None, None),
        find_launch(images[..., :2], dust(), None, None),
        find_launch(images.view(np.bool_), dust(), None, None),
    ]

    assert len({first, *others}) == 7
    for same in (photos(), images[1:], images[:, ::-1], images[:, :5, ::2], np.zeros((0, 9, 0, 3), np.uint8)):
        assert find_launch(same, dust(), None, None) is first
    assert find_launch(images, dust(), "NHWC", None) is first
    assert (first.count(images), first.spec, first.value_range) == (6, dust(), (0, 255))


def test_adapters_share_a_launch():
    """What they look up by a kind belongs to the spec, the kind and the unit of its strides."""
    kind = kind_of(photos())
    first = launch_for(dust(), kind)

    assert launch_for(dust(), ImageKind(np.dtype("u1"), "NHWC", 3)) is first
    assert (
        len(
            {
                first,
                launch_for(dust(), kind, 2),
                launch_for(cutout(3), kind),
                launch_for(dust(), kind._replace(channels=1)),
            }
        )
        == 4
    )


@pytest.mark.parametrize(("layout", "n"), [("NHWC", 6), ("NCHW", 6), ("HWC", 1), ("CHW", 1), ("NHW", 6), ("HW", 1)])
def test_a_launch_counts_images(layout, n):
    """A batch has as many images as its first axis is long; an image is one."""
    images = photos()[..., 0] if len(layout) == 3 else photos()
    prepared = Launch(dust(), ImageKind(images.dtype, layout))

    assert prepared.count(images) == n


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@of_every_fill
def test_strides_may_be_counted_in_items(spec, dtype):
    """Frameworks whose strides count items get the same pixels."""
    images, item = photos(dtype)[:, ::2, ::-1], np.dtype(dtype).itemsize
    strides = tuple(stride // item for stride in images.strides)
    expected = dusted(spec, images)
    prepared = Launch(spec, kind_of(images), item)
    prepared.run_at(address_of(images), images.shape, strides, WHERE)

    np.testing.assert_array_equal(images, expected)


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
        (dust(), np.uint16, None, True),
        (dust(), np.int64, (0, 255), False),
        (dust(fill="mean"), np.int64, None, False),
        (dust(fill="mean"), np.float32, None, False),
        (dust(normalize_mean=(0,) * 3, normalize_std=(1,) * 3), np.float32, None, False),
    ],
)
def test_values_are_looked_at_where_their_range_is_taken_for_granted(spec, dtype, value_range, checked):
    """Floats and large integers without a value range are looked at, unless the fill is the image's own mean."""
    prepared = Launch(spec, ImageKind(np.dtype(dtype), "NHWC", 3, value_range))

    assert prepared.must_look is checked


@pytest.mark.parametrize(
    ("spec", "dtype", "columns", "step", "plain"),
    [
        (dust(), np.uint8, 1, 0, True),
        (dust(), np.float32, 1, 0, False),
        (dust(fill_range=(0, 254)), np.uint8, 1, 0, False),
        (dust(fill="constant", fill_value=(1, 2, 3)), np.uint8, 3, 1, False),
        (dust(normalize_mean=(0,) * 3, normalize_std=(1,) * 3), np.float32, 3, 1, False),
        (dust(fill="mean"), np.uint8, 3, 1, False),
    ],
)
def test_params_tell_the_patterns(spec, dtype, columns, step, plain):
    """There is a column for all channels or one for each, and bytes from 0 to 255 need no look at the table."""
    prepared = Launch(spec, ImageKind(np.dtype(dtype), "NHWC", 3))
    params = prepared.params[0]

    assert (params["pattern_columns"], params["pattern_step"], params["plain_noise"]) == (columns, step, plain)
    assert (params["channels"], params["item_bytes"], params["stride_bytes"]) == (3, np.dtype(dtype).itemsize, 1)


def test_params_keep_what_the_plan_says():
    """The numbers of a plan are copied, and the plan stays as it is."""
    plan = make_plan(dust(count_range=(7, 9)))
    params = make_params(dust(count_range=(7, 9)), kind_of(photos()), np.zeros((256, 1), np.uint64))

    assert (params[0]["count_low"], params[0]["channels"]) == (7, 3)
    assert (plan[0]["count_low"], plan[0]["channels"]) == (7, 0)


def test_drawn_rectangles_are_counts_boxes_and_levels():
    """Two images get 3 rectangles each; grey has a level for each rectangle, and colour one for each channel."""
    for fill, columns in (("grey", 1), ("color", 3)):
        params = launch_of(dust(count_range=(3, 3), fill=fill), photos()).params
        counts, boxes, levels = draw_rectangles(params, 12, 14, Coordinates(7, 0, np.array([4, 4])))

        assert counts.tolist() == [3, 3]
        assert (boxes.shape, levels.shape) == ((6, 4), (6, columns))
        assert (boxes[:3] == boxes[3:]).all()
        assert (levels[:3] == levels[3:]).all()


@pytest.mark.parametrize("spec", [dust(), dust(fill="noise"), dust(fill="mean")], ids=["grey", "noise", "mean"])
def test_a_launch_goes_when_nobody_holds_it(spec):
    """Its arrays must not wait for the garbage collector; run_at alone keeps them."""
    images = np.zeros((2, 40, 40, 3), np.uint8)
    expected = add_dust(images.copy(), spec, seed=7, index=3)
    gc.disable()
    try:
        prepared = launch_of(spec, images)
        held, run_at = weakref.ref(prepared), launch_of(spec, images).run_at
        del prepared

        assert held() is None
        run_at(address_of(images), images.shape, images.strides, Coordinates(7, 0, 3))
    finally:
        gc.enable()

    np.testing.assert_array_equal(images, expected)
