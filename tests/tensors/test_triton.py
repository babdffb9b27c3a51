"""The kernel in Triton paints the pixels of add_dust(), and compiles for GPUs that this machine lacks."""

import types

import ml_dtypes
import numpy as np
import pytest
import torch
import triton
from hypothesis import example, given, settings
from hypothesis import strategies as st
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime import driver

import agreement
import dustaug
import guided
import interpreted
import kinds
import reference
import strategies
import test_pixels
from conftest import VECTORS
from dustaug import add_dust, dust
from dustaug._engine.coordinates import Coordinates
from dustaug._engine.memory import ImageKind
from dustaug._tensors.devices import KernelPainter, suits_the_kernel
from dustaug._tensors.triton import dust_kernel
from test_pixels import KEYS

NAMES = ["bool", "uint8", "int8", "int16", "float16", "bfloat16", "float32", "float64", "int64", "uint64", "complex64"]
DTYPES = {name: np.dtype(getattr(ml_dtypes, name, None) or name) for name in NAMES}
SEED, EPOCH, FIRST = 2**63 + 7, 2**32 - 1, 2**33 + 1000
SPECS = {
    "dust": dust(),
    "cutout": dustaug.cutout(21, fill_value=(9, 99, 199)),
    "random_erasing": dustaug.random_erasing(p=0.8),
    "squares": dust(side_range=(3, 9), spare_last=False, count_range=(0, 9)),
    "color": dust(fill="color", center="uniform", count_range=(3, 9)),
    "noise": dust(fill="noise", count_range=(3, 9)),
    "mean": dust(fill="mean", height_fraction_range=(0.05, 0.2), count_range=(3, 9)),
    "fractions": dust(height_fraction_range=(0.1, 0.5), center="inside", count_range=(0, 5)),
    "many": dust(count_range=(66, 70), p=0.7),
    "none": dust(count_range=(0, 0)),
}


def paint(images, spec, layout, value_range=None, **coordinates):
    """Return the bytes of images that add_dust() painted, and those of a copy that the kernel painted."""
    bits, place = agreement.bits_of(images, images)
    arguments = (bits, images.dtype.name, place, spec, coordinates, layout, value_range)
    found = interpreted.run(interpreted.paint, *arguments)
    expected = add_dust(images, spec, **coordinates, layout=layout, value_range=value_range)
    return expected.tobytes(), found.tobytes()


def photos_of(chosen):
    return np.ascontiguousarray(test_pixels.photos()[chosen])


def photos(dtype, shape=(2, 40, 48, 3), seed=3):
    return strategies.sample_items(shape, dtype, seed)


def test_philox_gives_the_published_words():
    """Triton's own generator gives the published known answers."""
    rows = [line.split() for line in (VECTORS / "philox4x32_10.txt").read_text().splitlines() if line[0] != "#"]
    words = np.array([[int(word, 16) for word in row] for row in rows], np.uint64)
    counters, keys, expected = words[:, :4], words[:, 4:6], words[:, 6:]

    assert (interpreted.run(interpreted.philox, counters.astype(np.int64), keys) == expected.astype(np.int64)).all()


@given(st.lists(st.tuples(*[st.integers(0, 2**32 - 1)] * 6), min_size=1, max_size=5))
@settings(max_examples=20)
def test_philox_gives_our_words(numbers):
    """Triton's generator gives the twin's words for any counter (block, index low, index high, epoch) and seed."""
    words = np.array(numbers, np.uint64)
    found = interpreted.run(interpreted.philox, words[:, :4].astype(np.int64), words[:, 4:])

    assert found.tolist() == [list(reference.philox(row[:4], row[4:])) for row in words.tolist()]


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_preset_is_painted(spec):
    """Every preset has the bytes of add_dust(), at a large seed, epoch and index."""
    images = photos(np.dtype(np.uint8))
    expected, found = paint(images, spec, "NHWC", seed=SEED, epoch=EPOCH, index=FIRST)

    assert expected == found


@pytest.mark.parametrize("name", NAMES)
def test_every_dtype_is_painted(name):
    """Items of every size are painted, in planes and with interleaved channels, and normalised if they are floats."""
    dtype = DTYPES[name]
    spec = dust(fill="color", count_range=(3, 5))
    if dtype.kind not in "biuc":
        spec = spec.replace(normalize_mean=(0.5, 0.4, 0.3), normalize_std=(0.2, 0.3, 0.4))
    for layout, shape in (("NCHW", (2, 3, 20, 31)), ("NHWC", (2, 20, 31, 3))):
        images = photos(dtype, shape)
        expected, found = paint(images, spec, layout, strategies.range_of(dtype), seed=SEED, epoch=EPOCH, index=FIRST)

        assert expected == found


@pytest.mark.parametrize("name", [name for name in NAMES if name != "complex64"])
def test_means_of_every_dtype(name):
    """Means are those of add_dust() to the bit, also of negative and huge values."""
    images = photos(DTYPES[name], (2, 24, 24, 2))
    if name.startswith(("float", "bfloat")):
        images[0, :, :, 0] *= -3
    spec = dust(fill="mean", count_range=(3, 9))
    limits = (0, 255) if name in ("float32", "float64") else None
    if limits:
        images *= 255
    expected, found = paint(images, spec, "NHWC", limits, seed=1, index=0)

    assert expected == found


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9])
def test_means_that_cannot_be_taken_are_nan(value):
    """The kernel paints NaN where add_dust() raises.

    It cannot raise without making the host wait for the device.
    """
    images = np.full((2, 16, 16, 2), 0.5, np.float32)
    images[1, 3, 3, 1] = value
    place = images.shape, tuple(stride // 4 for stride in images.strides), 0
    arguments = (images.view(np.int32), "float32", place, dust(fill="mean", count_range=(9, 9)), {"seed": 1})
    found = interpreted.run(interpreted.paint, *arguments, "NHWC", None).view(np.float32)

    assert np.isnan(found[1, :, :, 1]).sum() > 9
    assert (np.delete(found.reshape(2, -1, 2)[1], 3 * 16 + 3, 0)[:, 0] == 0.5).all()
    assert (found[0] == 0.5).all()


@pytest.mark.parametrize(
    "index", [np.array([5, 2**62, 5]), np.array([1, 0, 2], np.int32), np.int64(2**32 - 1), 2**63 - 3]
)
@pytest.mark.parametrize("epoch", [0, 1, np.array(2**31 + 5), np.array([7])])
def test_indices_and_epochs(index, epoch):
    """Indices and epochs may be numbers or tensors; a tensor of one index is that of the first image."""
    images, coordinates = photos(np.dtype(np.uint8), (3, 16, 16, 1)), {"seed": 2**64 - 1, "index": np.asarray(index)}
    coordinates["epoch"] = epoch
    place = images.shape, images.strides, 0
    found = interpreted.run(
        interpreted.paint, images, "uint8", place, dust(count_range=(2, 5)), coordinates, "NHWC", None
    )
    host = {"seed": 2**64 - 1, "index": index if np.ndim(index) else int(index), "epoch": int(np.max(epoch))}

    assert add_dust(images, dust(count_range=(2, 5)), **host).tobytes() == found.tobytes()


# One row for each way to say a size. Each spec reaches out of the image, and on small images some tries do not fit.
SIZES = {
    "half sizes": {"half_height_range": (0, 12), "half_width_range": (3, 9)},
    "sides": {"side_range": (0, 22)},
    "fractions": {"height_fraction_range": (0.0, 1.0), "width_fraction_range": (0.1, 0.7)},
    "areas": {"area_range": (0.05, 0.9), "aspect_range": (0.25, 3.0)},
}


@pytest.mark.parametrize("fill", ["grey", "constant", "color", "noise", "mean"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("center", ["normal", "uniform", "inside"])
def test_placements_sizes_and_fills(center, size, fill):
    """One painter paints every placement, way to say a size and fill on images of any size."""
    fields = {"center": center, "fill": fill, "spare_last": center != "uniform", **SIZES[size]}
    if center == "normal":
        fields |= {"center_mean": (0.3, 1.0), "center_std": (0.4, 20.0)}
    if fill == "constant":
        fields["fill_value"] = (9, 99, 199)
    elif fill in ("color", "noise"):
        fields["fill_range"] = (0, 255) if center == "normal" else (3, 250)
    spec, coordinates = dust(count_range=(3, 3), **fields), {"seed": SEED, "epoch": EPOCH, "index": FIRST}
    batches = [photos(np.dtype(np.uint8), shape) for shape in ((1, 13, 33, 3), (1, 26, 14, 3), (1, 2, 1, 3))]
    found, n_painters = interpreted.run(interpreted.paint_sizes, batches, spec, coordinates)
    for images, painted in zip(batches, found, strict=True):
        expected = interpreted.painted_or_refused(lambda images: add_dust(images, spec, **coordinates), images)

        assert np.array_equal(expected, painted)

    assert n_painters == 1


# Some images of each case, because the interpreter takes long for many rectangles; the guide of the third is empty.
@pytest.mark.parametrize(
    ("name", "key", "chosen"),
    [("mask", "any", [1, 2]), ("map", "zero", [0, 1, 2, 3]), ("color", "any", [4]), ("mean", "zero", [3])],
)
def test_guides(name, key, chosen):
    """Guided dust has the bytes of vectors/guides.json."""
    (spec, terms), images = guided.CASES[name], photos_of(chosen)
    coordinates = {**KEYS[key], "index": KEYS[key]["index"] + np.array(chosen)}
    place = images.shape, images.strides, 0
    found = interpreted.run(
        interpreted.paint, images, "uint8", place, spec, coordinates, "NHWC", None, terms["guide"][chosen]
    )

    assert found.tobytes() == guided.expected(name, key)[chosen].tobytes()


def test_halved_sizes():
    """Sizes that halve have the bytes of vectors/kinds.json."""
    images, chosen = photos_of([1]), [1]
    coordinates = {**KEYS["any"], "index": KEYS["any"]["index"] + np.array(chosen)}
    place = images.shape, images.strides, 0
    spec = kinds.CASES["halved"].spec
    found = interpreted.run(interpreted.paint, images, "uint8", place, spec, coordinates, "NHWC")

    assert found.tobytes() == kinds.expected("halved")[chosen].tobytes()


def test_what_the_kernel_does_not_draw():
    """The kernel draws halved sizes of all that is new; the core draws all else, and operations paint it."""
    drawn = {name for name, case in kinds.IMAGES.items() if suits_the_kernel(case.spec)}

    assert drawn == {"halved", "sprinkles"}
    assert all(suits_the_kernel(spec) for spec in SPECS.values())


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (300, 1), (7, 5), (64, 33)])
def test_guides_of_every_size(shape, dtype):
    """A guide of any rows and columns gives the centres of add_dust(), also on an image of another shape."""
    spec = dust(center="guide", count_range=(2, 2), side_range=(1, 5))
    guide = (np.arange(2 * np.prod(shape)) ** 3 % 7 > 3).astype(dtype).reshape(2, *shape) * dtype(1)
    guide[:, -1, -1] = True
    images = photos(np.dtype(np.uint8), (2, 23, 90, 1))
    place, coordinates = (images.shape, images.strides, 0), {"seed": SEED, "index": FIRST}
    arguments = (images, "uint8", place, spec, coordinates, "NHWC", None, guide)
    found = interpreted.run(interpreted.paint, *arguments)

    assert add_dust(images, spec, **coordinates, guide=guide).tobytes() == found.tobytes()


@pytest.mark.parametrize("shape", [(1, 65535, 1, 1), (1, 1, 65535, 1)])
def test_the_longest_images_and_guides(shape):
    """A side times a place on it fits into a word."""
    spec, guide = dust(center="guide", count_range=(3, 3), side_range=(1, 1)), np.ones(shape[:3], bool)
    images, coordinates = np.full(shape, 100, np.uint8), {"seed": SEED, "index": FIRST}
    place = images.shape, images.strides, 0
    found = interpreted.run(interpreted.paint, images, "uint8", place, spec, coordinates, "NHWC", None, guide)

    assert add_dust(images, spec, **coordinates, guide=guide).tobytes() == found.tobytes()


@pytest.mark.parametrize(
    ("guide", "error", "message"),
    [
        (None, TypeError, 'guide must be given with center="guide", got none'),
        (torch.ones(2, 4, 4), TypeError, "guide must be uint8 or bool, got an array of float32"),
        (
            torch.ones(3, 4, 4, dtype=torch.bool),
            ValueError,
            r"shape \(2, rows, columns\), one for each image, got \(3, 4",
        ),
        (
            torch.ones(2, 4, dtype=torch.bool),
            ValueError,
            r"shape \(2, rows, columns\), one for each image, got \(2, 4\)",
        ),
        (torch.ones(2, 0, 4, dtype=torch.bool), ValueError, r"from 1 to 65535 rows and columns, got shape \(2, 0, 4\)"),
        (
            torch.ones((), dtype=torch.uint8).expand(2, 3000, 3000),
            ValueError,
            r"at most 8421504 weights for each image on cpu.*, got 3000 by 3000: type guide\[:, ::2, ::2\]",
        ),
        (
            torch.eye(2).to_sparse(),
            TypeError,
            "guide must be a plain tensor or an array, got a torch.sparse_coo tensor",
        ),
        ([[1]], TypeError, "guide must be a NumPy array, got"),
    ],
    ids=str,
)
def test_odd_guides_are_refused(guide, error, message):
    """A guide on the device is checked but for its sum; nothing is painted."""
    images = torch.full((2, 3, 8, 8), 100, dtype=torch.uint8)
    painter = KernelPainter(dust(center="guide"), agreement.kind_of(images, "NCHW"), images.device)
    with pytest.raises(error, match=message):
        painter(images, Coordinates(1, 0, 0), guide=guide)

    assert (images == 100).all()


def test_guides_and_objects_that_no_spec_asks_for():
    """Guides and objects for a spec without them are refused, with the words of add_dust()."""
    images = torch.full((1, 3, 8, 8), 100, dtype=torch.uint8)
    painter = KernelPainter(dust(), agreement.kind_of(images, "NCHW"), images.device)
    with pytest.raises(TypeError, match="guide must be given with center=\"guide\", got a guide with center='normal'"):
        painter(images, Coordinates(1, 0, 0), guide=torch.ones(1, 8, 8, dtype=torch.bool))
    with pytest.raises(TypeError, match="objects must be given with max_hidden or per_object, got a spec without"):
        painter(images, Coordinates(1, 0, 0), objects=[[[0, 0, 4, 4]]])

    assert (images == 100).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("center", ["normal", "uniform", "inside"])
def test_rectangles(center, size):
    """The kernel draws the rectangles that sample_rectangles() returns."""
    spec = dust(count_range=(1, 1), center=center, fill="constant", fill_value=255, **SIZES[size])
    images, coordinates = np.zeros((8, 28, 23, 1), np.uint8), {"seed": 5, "index": 2**40}
    (found,), _ = interpreted.run(interpreted.paint_sizes, [images], spec, coordinates)
    drawn = dustaug.sample_rectangles(spec, height=28, width=23, seed=5, index=2**40 + np.arange(8))

    assert ((found[..., 0] > 0) == drawn.mask(28, 23)).all()


@settings(max_examples=25)
@example(case=agreement.REFUSED)
@given(case=agreement.cases(dtypes=[DTYPES[name] for name in NAMES if name != "uint64"], max_side=32))
def test_any_spec_on_any_view(case):
    """The kernel paints any spec on any view of any dtype as add_dust() does, or refuses it with the same words."""

    def run(*arguments):
        return interpreted.run(agreement.paint_copy, *arguments)

    agreement.check(case, interpreted.paint_tensor, run)


# Triton compiles anew for each size of items, kind of sizes and centres, fill, and size of tiles.
AREA, FRACTIONS = "area_range", "height_fraction_range"
VARIANTS = {
    "dust": {"item": 1},
    "random_erasing": {"item": 4, "PER": "value", "IN_BYTES": True, "SIZE": AREA, "CENTER": "inside", "TILE": (32, 64)},
    "noise": {"item": 1, "PER": "value", "SIZE": "side_range", "CENTER": "uniform"},
    "color": {"item": 8, "PER": "channel", "SIZE": AREA, "tensors": True},
    "mean": {"item": 2, "PER": "image", "SIZE": FRACTIONS, "TILE": (32, 64)},
    "guide": {"item": 1, "CENTER": "guide", "tensors": True},
}
TARGETS = {"sm_80": GPUTarget("cuda", 80, 32), "sm_90": GPUTarget("cuda", 90, 32)}
if tuple(map(int, triton.__version__.split(".")[:2])) >= (3, 8):  # Older wheels may come without AMD's linker.
    TARGETS["gfx942"] = GPUTarget("hip", "gfx942", 64)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("target", TARGETS)
def test_it_compiles_for_gpus(target, variant):
    """Triton makes machine code for NVIDIA's and AMD's processors, though none of them is here."""
    fields = {"CENTER": "normal", "SIZE": "half_height_range", "PER": "rectangle", "IN_BYTES": False}
    fields |= {"TILE": (16, 16), "tensors": False, **VARIANTS[variant]}
    tile, items = fields.pop("TILE"), f"*i{8 * fields.pop('item')}"
    signature = {"images": items, "record": "*i64", "curves": "*u32", "patterns": items, "seed": "u64", "epoch": "u32"}
    signature |= {"height": "i32", "width": "i32"}
    signature |= {f"{axis}_stride": "i64" for axis in ("image", "row", "column", "channel")}
    constants = {**fields, "TILE_ROWS": tile[0], "TILE_COLUMNS": tile[1]}
    if not constants.pop("tensors"):
        constants |= {"epochs": None, "indices": None}
    if constants["CENTER"] != "guide":
        constants["sums"] = None
    signature |= {"sums": "*i32"} | dict.fromkeys(("guide_columns", "n_cells", "n_halvings"), "i32")
    signature |= {"epochs": "*i64", "first": "u64", "indices": "*i64"} | dict.fromkeys(constants, "constexpr")
    signature = {name: signature[name] for name in dust_kernel.arg_names}
    compiled = triton.compile(ASTSource(dust_kernel, signature, constants), target=TARGETS[target])

    assert len(compiled.asm["cubin" if target.startswith("sm") else "hsaco"]) > 1000


# Triton asks a GPU's driver for these four before it launches a kernel.
NO_DRIVER = types.SimpleNamespace(
    get_current_device=lambda: 0,
    set_current_device=lambda _: None,
    get_current_stream=lambda _: 0,
    get_current_target=lambda: TARGETS["sm_90"],
)


@pytest.fixture
def compilations(monkeypatch):
    """Collect what the launches of a test compile, without launching it."""
    found, run, before = [], dust_kernel.run, dict(vars(driver))
    monkeypatch.setattr(
        dust_kernel, "run", lambda *given, **options: found.append(run(*given, **{**options, "warmup": True}))
    )
    driver.set_active(NO_DRIVER)
    yield found
    vars(driver).update(before)


def test_nothing_is_compiled_anew(compilations):
    """New seeds, epochs, indices, counts, shapes, strides and addresses compile nothing, however large they are."""
    batch = torch.zeros(4, 3, 64, 64, dtype=torch.uint8)

    def paint(images, spec=dust(), **coordinates):  # noqa: B008
        painter = KernelPainter(spec, agreement.kind_of(images, "NCHW"), images.device)
        painter(images, Coordinates(**coordinates))

    for seed, epoch, index in ((0, 0, 0), (1, 1, 1), (2**63 + 5, 2**32 - 1, 2**62), (16, 16, 16), (2**40, 1, 2**31)):
        paint(batch, seed=seed, epoch=epoch, index=index)
    paint(batch[:, :, 1:, 3:], seed=1, index=0)
    paint(torch.zeros(4, 5, 99, 131, dtype=torch.uint8), dust(count_range=(0, 7)), seed=1, index=0)
    assert len(set(map(id, compilations))) == 1

    for height, width in ((1, 1), (16, 16), (17, 64), (3, 1000), (224, 224)):
        images = torch.zeros(1, 3, height, width, dtype=torch.uint8)
        paint(images, seed=1, index=0)
        paint(images.contiguous(memory_format=torch.channels_last), seed=1, index=0)
    assert len(set(map(id, compilations))) == 1

    for start in range(2):
        index = torch.arange(4)[start:]
        paint(batch[start:], seed=1, epoch=torch.tensor(3), index=index)
    assert len(set(map(id, compilations))) == 2


@pytest.mark.parametrize("size", ["half sizes", "sides", "fractions", "areas"])
def test_a_spec_is_compiled_once(compilations, size):
    """Images of all sizes share a kernel, and a painter, whatever the spec says of sizes."""
    painter = KernelPainter(dust(**SIZES[size]), ImageKind(np.dtype(np.float32), "CHW", 3), torch.device("cpu"))
    for height, width in ((8, 8), (16, 100), (100, 16), (300, 300)):
        painter(torch.zeros(3, height, width), Coordinates(1, 0, 0))

    assert len(compilations) == 4
    assert len(set(map(id, compilations))) == 1


def test_guides_of_all_sizes_share_a_kernel(compilations):
    """A guide of another resolution compiles nothing, whether its weights are whole numbers or bools."""
    images = torch.zeros(4, 3, 64, 64, dtype=torch.uint8)
    painter = KernelPainter(dust(center="guide"), agreement.kind_of(images, "NCHW"), images.device)
    for shape, dtype in (((1, 1), torch.bool), ((7, 7), torch.uint8), ((64, 64), torch.bool), ((224, 16), torch.uint8)):
        painter(images, Coordinates(1, 0, 0), guide=torch.ones(4, *shape, dtype=dtype))
        painter(images, Coordinates(1, 0, 0), guide=np.ones((4, *shape), np.uint8))

    assert len(compilations) == 8
    assert len(set(map(id, compilations))) == 1
