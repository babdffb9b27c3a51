"""The kernels, written as operations of a graph, paint the pixels of add_dust() in every framework."""

import importlib.util
import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dustaug
import kinds
import strategies
import test_pixels
from dustaug import add_dust
from dustaug._engine import contract
from dustaug._graph.program import WordCoordinates, build
from guided import maps

SPECS = {
    "dust": dustaug.dust(),
    "cutout": dustaug.cutout(21, fill_value=(9, 99, 199)),
    "random_erasing": dustaug.random_erasing(p=0.8),
    "color": dustaug.dust(fill="color", center="uniform"),
    "noise": dustaug.dust(fill="noise"),
    "many": dustaug.dust(count_range=(0, 80), p=0.7),
    "none": dustaug.dust(count_range=(0, 0)),
    "normalized": dustaug.dust(normalize_mean=(0.5, 0.4, 0.3), normalize_std=(0.2, 0.3, 0.4)),
}
MEAN = dustaug.dust(fill="mean", height_fraction_range=(0.05, 0.2))
SEED, EPOCH, FIRST, N = 2**63 + 7, 5, 2**33 + 1000, 6


def run_tensorflow(images, spec, layout, value_range, index, guide=None, donors=None):
    import tensorflow as tf

    from dustaug._graph.tensorflow import OPS

    guide, donors = (None if term is None else tf.constant(term) for term in (guide, donors))
    return paint(OPS, tf.constant(images), spec, layout, value_range, OPS.to_words(tf.constant(index)), guide, donors)


def run_torch(images, spec, layout, value_range, index, guide=None, donors=None):
    import torch

    from dustaug._graph.torch import Torch

    ops = Torch()
    guide, donors = (None if term is None else ops.constant(term) for term in (guide, donors))
    words = ops.to_words(torch.from_numpy(index))
    painted = paint(ops, ops.constant(images), spec, layout, value_range, words, guide, donors)
    if images.dtype.name == "bfloat16":
        return painted.view(torch.int16).numpy().view(images.dtype)
    return painted.numpy()


def run_jax(images, spec, layout, value_range, index, guide=None, donors=None):
    import jax

    from dustaug._graph.jax import OPS

    jitted = jax.jit(lambda images, *terms: paint(OPS, images, spec, layout, value_range, *terms))
    return jitted(images, OPS.to_words(index), guide, donors)


def paint(ops, images, spec, layout, value_range, index, guide=None, donors=None):
    coordinates = WordCoordinates(ops.to_words(SEED), ops.to_words(EPOCH)[0], index)
    options = {"layout": layout, "value_range": value_range, "guide": guide, "donors": donors}
    return build(ops, images, spec, coordinates, **options)[0]


RUNS = {"tensorflow": run_tensorflow, "torch": run_torch, "jax": run_jax}
INSTALLED = [name for name in RUNS if importlib.util.find_spec(name)]


def photos(dtype):
    images = np.random.default_rng(3).integers(0, 256, (N, 48, 64, 3), dtype=np.uint8)
    if np.dtype(dtype).kind in "iub":
        return images.astype(dtype)
    return (images / 255).astype(dtype)


def expected(images, spec, **options):
    return add_dust(images.copy(), spec, seed=SEED, epoch=EPOCH, index=FIRST, **options)


@pytest.mark.parametrize("framework", INSTALLED)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_framework_paints_the_same_bytes(framework, spec):
    """Every preset is painted on bytes and floats as add_dust() paints it."""
    from ml_dtypes import bfloat16

    index = np.arange(FIRST, FIRST + N)
    for dtype in (np.float32, np.float16, bfloat16) if spec.normalize_mean else (np.uint8, np.float32, bfloat16):
        images = photos(dtype)
        painted = np.asarray(RUNS[framework](images, spec, "NHWC", None, index))

        assert expected(images, spec).tobytes() == painted.tobytes()


@pytest.mark.parametrize("framework", INSTALLED)
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("fill", ["grey", "color", "constant"])
def test_large_images_get_the_same_bytes(framework, layout, fill):
    """On large images TensorFlow paints only the pixels of rectangles, also where they overlap."""
    spec = dustaug.dust(fill=fill, center_std=(0.1, 0.1), fill_value=(9, 99, 199) if fill == "constant" else None)
    images = np.random.default_rng(3).integers(0, 256, (3, 224, 200, 3), dtype=np.uint8)
    if layout == "NCHW":
        images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    painted = np.asarray(RUNS[framework](images, spec, layout, None, np.arange(FIRST, FIRST + 3)))

    assert expected(images, spec, layout=layout).tobytes() == painted.tobytes()


@pytest.mark.parametrize("framework", INSTALLED)
def test_the_images_of_a_batch_follow_the_first(framework):
    """A single index counts up from the first image, also across the end of its low word."""
    images, first = photos(np.uint8), 2**32 - N // 2
    want = add_dust(images.copy(), seed=SEED, epoch=EPOCH, index=first)

    assert (
        want.tobytes() == np.asarray(RUNS[framework](images, dustaug.dust(), "NHWC", None, np.asarray(first))).tobytes()
    )


@pytest.mark.parametrize("framework", INSTALLED)
@pytest.mark.parametrize(("layout", "n"), [("NHWC", 1), ("NHWC", N + 1), ("HWC", 2)])
def test_indices_must_be_one_for_each_image(framework, layout, n):
    """An index for each image is wanted: one is not taken for all, and none may be left over."""
    images = photos(np.uint8)
    message = (
        f"index must be a number or of shape .*one for each image, got shape .{n}," if layout == "NHWC" else "shape"
    )
    with pytest.raises(Exception, match=message):
        RUNS[framework](images if layout == "NHWC" else images[0], dustaug.dust(), layout, None, np.arange(n))


@pytest.mark.parametrize(
    ("framework", "dtype"),
    [
        (framework, dtype)
        for framework in INSTALLED
        for dtype in (np.uint8, np.int16, np.float32, np.float64)
        if framework != "jax" or dtype != np.float64  # JAX has no doubles by default.
    ],
)
def test_every_framework_computes_the_same_mean(framework, dtype):
    """The mean of an image is the same in every framework, to the bit."""
    images, index = photos(dtype), np.arange(FIRST, FIRST + N)

    assert expected(images, MEAN).tobytes() == np.asarray(RUNS[framework](images, MEAN, "NHWC", None, index)).tobytes()


@pytest.mark.parametrize("framework", INSTALLED)
@pytest.mark.parametrize("value_range", [(0, 0.5), (-2.1, 2.6), (0, 1000)])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_means_are_the_same_in_any_value_range(framework, value_range, dtype):
    """The ends of a range need not be whole numbers."""
    import ml_dtypes  # noqa: F401  It gives NumPy the name bfloat16.

    low, high = value_range
    images, index = (low + photos(np.float64) * (high - low)).astype(dtype), np.arange(FIRST, FIRST + N)
    painted = np.asarray(RUNS[framework](images, MEAN, "NHWC", value_range, index))

    assert expected(images, MEAN, value_range=value_range).tobytes() == painted.tobytes()


@pytest.mark.parametrize("framework", INSTALLED)
@pytest.mark.parametrize("value", [np.nan, np.inf, 2.0**14])
def test_what_has_no_mean_is_painted_as_nan(framework, value):
    """A graph cannot raise the error of add_dust()."""
    images = photos(np.float32)
    images[0, 0, 0, 0] = value
    painted = np.asarray(RUNS[framework](images, MEAN, "NHWC", None, np.arange(FIRST, FIRST + N)))
    images[0, 0, 0, 0] = 0.5
    changed = (expected(images, MEAN) != images).any(axis=-1)[0]

    assert changed.any()
    assert np.isnan(painted[0, ..., 0][changed]).all()
    assert np.isfinite(painted[0, ..., 1:]).all()
    assert np.isfinite(painted[1:]).all()


if "jax" in INSTALLED:

    def test_jax_refuses_means_that_it_cannot_take():
        """The errors name the dtype, or the size in pixels."""
        from ml_dtypes import float8_e4m3fn

        with pytest.raises(ValueError, match='floats of 16 or 32 bits with fill="mean" in JAX, got float8_e4m3fn'):
            run_jax(np.zeros((1, 8, 8, 3), float8_e4m3fn), MEAN, "NHWC", None, np.arange(1))
        with pytest.raises(ValueError, match='at most 1048576 pixels with fill="mean" in JAX, got 1024 by 1025'):
            run_jax(np.zeros((1, 1024, 1025, 1), np.uint8), MEAN, "NHWC", None, np.arange(1))


if set(INSTALLED) - {"jax"}:

    @pytest.mark.parametrize("framework", sorted(set(INSTALLED) - {"jax"}))  # JAX compiles each in seconds.
    @settings(max_examples=4)
    @given(data=st.data(), height=st.integers(1, 40), width=st.integers(1, 40))
    def test_any_kind_is_painted(framework, data, height, width):
        """Grids, lattices, shares, halved sizes, kept rectangles and donors are painted on images of any size."""
        spec = data.draw(strategies.kinds("NHWC", np.dtype(np.uint8))).replace(max_hidden=None, per_object=False)
        images, index = np.zeros((3, height, width, 3), np.uint8), np.arange(9, 12)
        donors = np.full_like(images, 7) if spec.fill == "donors" else None
        want = add_dust(images.copy(), spec, seed=SEED, epoch=EPOCH, index=9, donors=donors)

        assert want.tobytes() == np.asarray(RUNS[framework](images, spec, "NHWC", None, index, donors=donors)).tobytes()

    @pytest.mark.parametrize("framework", sorted(set(INSTALLED) - {"jax"}))
    @pytest.mark.parametrize("dtype", [np.int64, np.uint64])
    def test_means_of_64_bits_are_exact(framework, dtype):
        """Sums of the greatest and the least numbers do not overflow."""
        limits = np.iinfo(dtype)
        images = np.random.default_rng(4).integers(limits.min, limits.max, (N, 48, 64, 3), dtype, endpoint=True)
        painted = np.asarray(RUNS[framework](images, MEAN, "NHWC", None, np.arange(FIRST, FIRST + N)))

        assert expected(images, MEAN).tobytes() == painted.tobytes()


SIZES = {
    "half": {},
    "side": {"side_range": (0, 30)},
    "fraction": {"height_fraction_range": (0.05, 0.3), "width_fraction_range": (0, 0.6)},
    "area": {"area_range": (0.001, 0.2)},
}


@pytest.mark.parametrize("framework", INSTALLED)
@pytest.mark.parametrize("center", contract.PLACEMENTS)
@pytest.mark.parametrize("size", SIZES)
def test_every_placement_and_unit_of_size_is_drawn(framework, center, size):
    """Each fill is painted at each kind of place, in each unit of size."""
    images, index = photos(np.uint8), np.arange(FIRST, FIRST + N)
    fills = ("grey",) if framework == "jax" else contract.FILLS  # JAX compiles each in seconds.
    both_ends = [(9, 200)] if (framework, center) == ("jax", "guide") else [(0, 255), (9, 200)]
    for fill, ends in itertools.product(fills, both_ends):
        fields = {"fill_range": ends} if contract.FILLS[fill].drawn else {}
        if fill == "constant":
            fields["fill_value"] = 9
        spec = dustaug.dust(center=center, fill=fill, spare_last=ends != (0, 255), **fields, **SIZES[size])
        guide, donors = maps() if center == "guide" else None, images[::-1].copy() if fill == "donors" else None
        painted = np.asarray(RUNS[framework](images, spec, "NHWC", None, index, guide, donors))

        assert expected(images, spec, guide=guide, donors=donors).tobytes() == painted.tobytes(), fill


@pytest.mark.parametrize("framework", INSTALLED)
def test_noise_of_halves_is_painted(framework):
    """A fill_range without all levels takes a half of a word for each value."""
    images, index = photos(np.uint8)[:, :47, :63], np.arange(FIRST, FIRST + N)
    for ends in ((0, 254), (255, 255), (100, 131)):
        spec = dustaug.dust(fill="noise", fill_range=ends, area_range=(0.05, 0.3), count_range=(3, 5))
        painted = np.asarray(RUNS[framework](images, spec, "NHWC", None, index))

        assert expected(images, spec).tobytes() == painted.tobytes()


@pytest.mark.parametrize("framework", INSTALLED)
@pytest.mark.parametrize("std", [0.0, 1e-9, 3.0, 1e12])
def test_places_of_any_std_are_drawn(framework, std):
    """Centres lie at the mean, near it, or at the borders."""
    spec = dustaug.dust(center_mean=(0, 1), center_std=(std, std), spare_last=False)
    images, index = photos(np.uint8), np.arange(FIRST, FIRST + N)

    assert expected(images, spec).tobytes() == np.asarray(RUNS[framework](images, spec, "NHWC", None, index)).tobytes()


@pytest.mark.parametrize("framework", INSTALLED)
@pytest.mark.parametrize("layout", ["NCHW", "NHW", "HWC", "CHW", "HW"])
def test_every_layout_is_painted(framework, layout):
    """Batches and single images are painted with their channels last, first, or without any."""
    images = photos(np.uint8)
    if "C" not in layout:
        images = images[..., 0]
    elif layout.endswith("CHW"):
        images = images.transpose(0, 3, 1, 2)
    index = np.arange(FIRST, FIRST + N)
    if "N" not in layout:
        images, index = images[0], index[0]
    images = np.ascontiguousarray(images)
    painted = np.asarray(RUNS[framework](images, dustaug.dust(), layout, None, np.asarray(index)))

    assert expected(images, dustaug.dust(), layout=layout).tobytes() == painted.tobytes()


@pytest.mark.parametrize("framework", INSTALLED)
@settings(max_examples=15)
@given(data=st.data(), height=st.integers(1, 40), width=st.integers(1, 40))
def test_any_spec_is_painted(framework, data, height, width):
    """Any spec is painted on images of any size, or refused with the words of add_dust()."""
    dtype = data.draw(st.sampled_from([np.dtype(np.uint8), np.dtype(np.float32)]))
    spec = data.draw(strategies.specs(3, dtype))
    images, index = np.zeros((3, height, width, 3), dtype), np.arange(9, 12)
    try:
        want = add_dust(images.copy(), spec, seed=SEED, epoch=EPOCH, index=9)
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error))):
            RUNS[framework](images, spec, "NHWC", None, index)
    else:
        assert want.tobytes() == np.asarray(RUNS[framework](images, spec, "NHWC", None, index)).tobytes()


@pytest.mark.parametrize("framework", INSTALLED)
def test_any_guide_is_drawn(framework):
    """Guides of any resolution and dtype, of which some are empty, put centres where add_dust() puts them."""
    rng = np.random.default_rng(8)
    for _ in range(3 if framework == "jax" else 25):  # JAX compiles each in seconds.
        height, width, rows, columns, n = rng.integers(1, (50, 50, 60, 60, 5))
        weights = rng.integers(0, 256, (n, rows, columns)) * (
            rng.random((n, rows, columns)) < rng.choice([0.02, 0.5, 1])
        )
        guide = weights.astype(rng.choice([np.uint8, np.bool_]))
        spec = dustaug.dust(center="guide", count_range=(1, 40), half_height_range=(1, 3), half_width_range=(1, 3))
        images, index = np.zeros((n, height, width, 1), np.uint8), rng.integers(0, 2**62, n)
        want = add_dust(images.copy(), spec, seed=SEED, epoch=EPOCH, index=index, guide=guide)
        painted = np.asarray(RUNS[framework](images, spec, "NHWC", None, index, guide))

        assert want.tobytes() == painted.tobytes(), (images.shape, guide.shape, guide.dtype)


@pytest.mark.parametrize("framework", INSTALLED)
@pytest.mark.parametrize("layout", ["NCHW", "HW"])
def test_a_guide_goes_with_every_layout(framework, layout):
    """A guide has no channels; that of an image alone may have an axis of one image, or none."""
    images, guide, index = photos(np.uint8), maps(), np.arange(FIRST, FIRST + N)
    images = np.ascontiguousarray(images.transpose(0, 3, 1, 2) if layout == "NCHW" else images[0, ..., 0])
    spec = dustaug.dust(center="guide")
    for given_guide in [guide] if "N" in layout else [guide[0], guide[:1]]:
        first = index if "N" in layout else index[0]
        painted = np.asarray(RUNS[framework](images, spec, layout, None, np.asarray(first), given_guide))

        assert expected(images, spec, layout=layout, guide=given_guide).tobytes() == painted.tobytes()


@pytest.mark.parametrize("framework", INSTALLED)
@pytest.mark.parametrize("shape", [(65535, 1), (1, 65535)])
def test_places_on_the_longest_sides_do_not_overflow(framework, shape):
    """The product of a place in the guide and a side of the image needs all 32 bits."""
    guide = np.zeros((1, *shape), np.uint8)
    guide[:, -1:, -1:] = 255
    images = np.zeros((1, *shape, 1), np.uint8)
    spec = dustaug.dust(center="guide", fill_range=(9, 9), count_range=(1, 9), spare_last=False)
    painted = np.asarray(RUNS[framework](images, spec, "NHWC", None, np.arange(FIRST, FIRST + 1), guide))

    assert expected(images, spec, guide=guide).tobytes() == painted.tobytes()
    assert painted[:, -1, -1] == 9
    assert not painted.ravel()[:-99].any()


@pytest.mark.parametrize("framework", INSTALLED)
def test_weights_beyond_the_limit_draw_nothing(framework):
    """A graph cannot raise the error of add_dust(); weights up to the limit are drawn."""
    guide, full = np.zeros((2, 2903, 2903), np.uint8), contract.MAX_GUIDE_SUM // 255
    flat = guide.reshape(2, -1)
    flat[:, :full], flat[:, full] = 255, contract.MAX_GUIDE_SUM % 255
    flat[0, full + 1] = 1
    images, spec = photos(np.uint8)[:2], dustaug.dust(center="guide", count_range=(5, 9))
    painted = np.asarray(RUNS[framework](images, spec, "NHWC", None, np.arange(FIRST, FIRST + 2), guide))
    want = add_dust(images[1].copy(), spec, seed=SEED, epoch=EPOCH, index=FIRST + 1, guide=guide[1])

    assert (painted[0] == images[0]).all()
    assert (painted[1] == want).all()
    assert (want != images[1]).any()


@pytest.mark.parametrize("framework", INSTALLED)
def test_bad_guides_are_refused(framework):
    """The errors are those of add_dust(), and objects are refused by their field of the spec."""
    images, guide, index = photos(np.uint8), maps(), np.arange(FIRST, FIRST + N)
    guided = dustaug.dust(center="guide")
    wrong = [
        (guided, None, 'guide must be given with center="guide", got none: type guide=mask'),
        (dustaug.dust(), guide, "got a guide with center='normal': type spec.replace"),
        (
            guided,
            guide.astype(np.int32),
            "guide must be uint8 or bool, got an array of int32: type dustaug.guide_of_map",
        ),
        (guided, guide[:5], r"guide must have shape \(6, rows, columns\), one for each image, got \(5, 5, 7\)"),
        (guided, guide[0], r"guide must have shape \(6, rows, columns\), one for each image, got \(5, 7\)"),
        (guided, guide[:, :0], r"guide must have from 1 to 65535 rows and columns, got shape \(6, 0, 7\)"),
        (dustaug.dust(max_hidden=0.4), None, "spec must be one without objects in a compiled graph, got Spec"),
    ]
    for spec, given_guide, message in wrong:
        with pytest.raises((TypeError, ValueError), match=message):
            RUNS[framework](images, spec, "NHWC", None, index, given_guide)


# Cases without objects, which a graph does not take. JAX compiles each in seconds.
KINDS = [name for name, case in kinds.IMAGES.items() if "objects" not in case.terms]
FEW_KINDS = ["grid count", "lines", "cutmix half", "keep color"]


def painted_kind(framework, name):
    """Return the images of a case as a framework paints them."""
    case = kinds.IMAGES[name]
    index = test_pixels.KEYS["any"]["index"] + np.arange(N)  # Seed and epoch are those of this file.
    return np.asarray(RUNS[framework](case.images(), case.spec, "NHWC", None, index, **case.terms))


@pytest.mark.parametrize(
    ("framework", "name"),
    [(framework, name) for framework in INSTALLED for name in (FEW_KINDS if framework == "jax" else KINDS)],
)
def test_every_kind_is_drawn(framework, name):
    """Grids, lattices, shares, halved sizes, kept rectangles and donors have the bytes of vectors/kinds.json."""
    assert kinds.expected(name).tobytes() == painted_kind(framework, name).tobytes()
