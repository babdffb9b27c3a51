"""add_dust() paints JAX arrays with the pixels of the core: compiled, mapped, sharded and differentiated."""

import re

import jax
import jax.experimental.sparse
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dustaug
import guided
import kinds
import strategies
import test_pixels
from dustaug.jax import add_dust, to_words
from test_schedule import MANY, MOVES_P

SEED, EPOCH, FIRST, N = 2**63 + 7, 5, 2**33 + 1000, 6
INDICES = np.arange(FIRST, FIRST + N)
DTYPES = [np.dtype(name) for name in ("?", "i1", "u1", "i2", "u2", "i4", "u4", "f2", "f4", "c8")] + [
    np.dtype(name) for name in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2)
]
SPECS = {
    "dust": dustaug.dust(),
    "cutout": dustaug.cutout(21, fill_value=99),
    "random_erasing": dustaug.random_erasing(p=0.8),
    "color": dustaug.dust(fill="color", center="uniform"),
    "noise": dustaug.dust(fill="noise"),
}


def photos(dtype=np.uint8, shape=(N, 48, 64, 3)):
    return strategies.sample_items(shape, np.dtype(dtype), 3)


def expected(images, spec=None, **options):
    return dustaug.add_dust(images.copy(), spec, **{"seed": SEED, "epoch": EPOCH, "index": FIRST, **options})


def same(first, second):
    """Tell whether two arrays have the same dtype, shape and bytes."""
    first, second = np.asarray(first), np.asarray(second)
    return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype_is_painted(dtype):
    """Every dtype is painted, also those that NumPy lacks."""
    images = photos(dtype)
    value_range = strategies.range_of(dtype)
    dusted = add_dust(images, seed=SEED, epoch=EPOCH, index=FIRST, value_range=value_range)

    assert isinstance(dusted, jax.Array)
    assert same(expected(images, value_range=value_range), dusted)
    assert not same(images, dusted)


@pytest.mark.parametrize(
    ("layout", "spec"), list(zip(strategies.LAYOUTS, (*SPECS.values(), dustaug.dust(fill="mean")), strict=True))
)
def test_every_layout_is_painted(layout, spec):
    """Batches and single images are painted with channels last, first and without, each with another spec."""
    length = {"N": N, "H": 24, "W": 32, "C": 3}
    images = photos(shape=tuple(length[axis] for axis in layout))
    options = {"layout": layout, "value_range": (10, 240)}

    assert same(
        expected(images, spec, **options),
        add_dust(jnp.asarray(images), spec, seed=SEED, epoch=EPOCH, index=FIRST, **options),
    )


@settings(max_examples=8)
@given(
    data=st.data(), seed=strategies.SEEDS, epoch=strategies.EPOCHS, height=st.integers(1, 40), width=st.integers(1, 40)
)
def test_any_spec_and_any_coordinates_are_painted(data, seed, epoch, height, width):
    """Any spec is painted at any seed, epoch and indices, or refused with the words of the core."""
    dtype = data.draw(st.sampled_from([np.dtype(np.uint8), np.dtype(np.float32)]))
    spec = data.draw(strategies.specs(3, dtype))
    index = np.array(data.draw(st.lists(strategies.INDICES, min_size=2, max_size=2)))
    images = photos(dtype, (2, height, width, 3))
    try:
        want = expected(images, spec, seed=seed, epoch=epoch, index=index)
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error))):
            add_dust(images, spec, seed=seed, epoch=epoch, index=index)
    else:
        assert same(want, add_dust(images, spec, seed=seed, epoch=epoch, index=index))


@pytest.mark.parametrize(
    "seed",
    [
        SEED,
        np.uint64(SEED),
        np.asarray(np.uint64(SEED)),
        to_words(SEED),
        jnp.asarray(to_words(SEED)),
        jax.random.wrap_key_data(jnp.asarray(to_words(SEED))),
    ],
    ids=["int", "uint64", "array", "words", "jax words", "key"],
)
@pytest.mark.parametrize(
    "index",
    [FIRST, INDICES, INDICES.astype(np.uint64), INDICES.tolist(), to_words(INDICES), jnp.asarray(to_words(INDICES))],
    ids=["int", "int64", "uint64", "list", "words", "jax words"],
)
def test_every_form_of_seed_and_index_means_the_same(seed, index):
    """All 64 bits of a seed and all 63 of an index count, in and out of a compiled function."""
    images = photos()

    assert same(expected(images), add_dust(images, seed=seed, epoch=np.int64(EPOCH), index=index))
    if isinstance(seed, jax.Array) and isinstance(index, jax.Array):
        compiled = jax.jit(lambda *key: add_dust(images, seed=key[0], epoch=key[1], index=key[2]))
        assert same(expected(images), compiled(seed, EPOCH, index))


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_a_key_made_of_a_number_is_the_seed_of_that_number(seed):
    """JAX's old and new keys of a number stand for that seed."""
    images = photos()
    old, new = jax.random.PRNGKey(np.uint32(seed)), jax.random.key(np.uint32(seed))

    assert same(expected(images, seed=seed), add_dust(images, seed=old, epoch=EPOCH, index=FIRST))
    assert same(expected(images, seed=seed), add_dust(images, seed=new, epoch=EPOCH, index=FIRST))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.uint32])
def test_numbers_of_every_size_are_traced(dtype):
    """Numbers of every dtype are traced, and new ones compile nothing."""
    images, traces = jnp.asarray(photos()), []

    @jax.jit
    def dust(seed, epoch, index):
        traces.append(1)
        return add_dust(images, seed=seed, epoch=epoch, index=index)

    for number in (1, np.iinfo(dtype).max):
        want = expected(np.asarray(images), seed=number, epoch=number, index=number)

        assert same(want, dust(dtype(number), dtype(number), dtype(number)))
    assert len(traces) == 1


def test_a_single_image_takes_the_words_of_its_index():
    """The index of one image may be two words, a number, or an array of one number."""
    image = photos(shape=(48, 64, 3))
    for index in (to_words(FIRST), jnp.asarray(to_words(FIRST)), [FIRST], np.asarray(FIRST)):
        assert same(expected(image), add_dust(image, seed=SEED, epoch=EPOCH, index=index))


def test_each_image_may_have_an_epoch():
    """A batch may cross the end of an epoch, so each image may have its own."""
    images, epochs = photos(), np.array([1, 1, 2, 2, 2**32 - 1, 0])
    want = np.stack([expected(image, epoch=int(epoch), index=3) for image, epoch in zip(images, epochs, strict=True)])

    assert same(want, add_dust(images, seed=SEED, epoch=epochs, index=np.full(N, 3)))
    assert same(want, add_dust(images, seed=SEED, epoch=jnp.asarray(epochs.astype(np.uint32)), index=np.full(N, 3)))


def test_vmap_over_images_is_the_batch():
    """Mapped over images, add_dust() gives the dust of the batch, with numbers, with words, and nested."""
    images = photos()
    alone = jax.vmap(lambda image, index: add_dust(image, seed=SEED, epoch=EPOCH, index=index))
    nested = jax.vmap(alone)(images.reshape(2, 3, 48, 64, 3), to_words(INDICES).reshape(2, 3, 2))

    assert same(expected(images), alone(images, to_words(INDICES)))
    assert same(expected(images), nested.reshape(images.shape))
    assert same(expected(images, index=20), alone(images, np.arange(20, 20 + N, dtype=np.int32)))


def test_vmap_over_keys_gives_each_its_dust():
    """Mapped over keys, as for an ensemble, add_dust() gives each key its dust."""
    images, keys = photos(), jax.random.split(jax.random.key(0), 3)
    dusted = jax.vmap(lambda key: add_dust(images, seed=key, epoch=EPOCH, index=FIRST))(keys)
    for key, one in zip(np.asarray(jax.random.key_data(keys)).tolist(), dusted, strict=True):
        assert same(expected(images, seed=(key[0] << 32) + key[1]), one)


def test_scan_counts_the_images():
    """A scan dusts batch after batch, with the index in its carry."""
    images = photos()

    def step(index, batch):
        return index + len(batch), add_dust(batch, seed=SEED, epoch=EPOCH, index=index)

    last, dusted = jax.lax.scan(step, jnp.int32(50), images.reshape(3, 2, 48, 64, 3))

    assert last == 50 + N
    assert same(expected(images, index=50), dusted.reshape(images.shape))


@pytest.mark.parametrize("fill", ["grey", "noise", "mean"])
def test_gradients_pass_where_there_is_no_dust(fill):
    """The gradient is one beside the rectangles and zero under them, backwards and forwards."""
    images, spec = jnp.asarray(photos(np.float32)), dustaug.dust(fill=fill)
    free = ~dustaug.sample_rectangles(spec, height=48, width=64, seed=SEED, index=np.arange(N)).mask(48, 64)
    free = np.broadcast_to(free[..., None], images.shape).astype(np.float32)

    def dust(images):
        return add_dust(images, spec, seed=SEED, index=0)

    assert same(free, jax.grad(lambda images: dust(images).sum())(images))
    assert same(free, jax.jvp(dust, (images,), (jnp.ones_like(images),))[1])


def test_a_donated_buffer_is_used_again():
    """A donated buffer is painted, so dust needs no second copy of the images."""
    images = jnp.asarray(photos()) + 0
    address = images.unsafe_buffer_pointer()
    dusted = jax.jit(lambda images: add_dust(images, seed=SEED, epoch=EPOCH, index=FIRST), donate_argnums=0)(images)

    assert images.is_deleted()
    assert dusted.unsafe_buffer_pointer() == address
    assert same(expected(photos()), dusted)


def test_an_exported_function_takes_batches_of_any_length():
    """The length of a batch may be unknown while a function is traced."""
    from jax import export

    shape = jax.ShapeDtypeStruct((*export.symbolic_shape("n"), 48, 64, 3), np.uint8)
    dust = jax.jit(lambda images, index: add_dust(images, seed=SEED, epoch=EPOCH, index=index))
    exported = export.export(dust)(shape, jax.ShapeDtypeStruct((), np.int32))
    for n in (1, N):
        assert same(expected(photos()[:n], index=9), exported.call(photos()[:n], np.int32(9)))


def test_an_exported_function_takes_images_of_any_size():
    """Height and width may be unknown too, for sizes in pixels and in fractions."""
    from jax import export

    spec = dustaug.dust(height_fraction_range=(0.05, 0.4), fill="noise")
    shape = jax.ShapeDtypeStruct((*export.symbolic_shape("n, h, w"), 3), np.uint8)
    dust = jax.jit(lambda images, index: add_dust(images, spec, seed=SEED, epoch=EPOCH, index=index))
    exported = export.export(dust)(shape, jax.ShapeDtypeStruct((), np.int32))
    for height, width in ((48, 64), (31, 17)):
        images = photos()[:, :height, :width].copy()
        assert same(expected(images, spec, index=9), exported.call(images, np.int32(9)))


SHARDED = """
import jax, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
import dustaug
from dustaug.jax import add_dust

assert jax.device_count() == 2
images = np.random.default_rng(3).integers(0, 256, (6, 48, 64, 3), dtype=np.uint8)
guide = np.random.default_rng(4).integers(0, 256, (6, 5, 7), dtype=np.uint8)
for fill, center in (("color", "guide"), ("mean", "normal")):
    spec, guides = dustaug.dust(fill=fill, center=center), [guide] * (center == "guide")
    expected = dustaug.add_dust(images.copy(), spec, seed=7, index=20, guide=guide if guides else None)
    dust = lambda images, index, guide=None: add_dust(images, spec, seed=7, index=index, guide=guide)
    for kind in (AxisType.Auto, AxisType.Explicit):
        mesh = jax.make_mesh((2,), ("data",), axis_types=(kind,))
        parts = PartitionSpec("data")
        sharding = NamedSharding(mesh, parts)
        given = images, np.arange(20, 26, dtype=np.int32), *guides
        batch = [jax.device_put(array, sharding) for array in given]
        mapped = jax.jit(jax.shard_map(dust, mesh=mesh, in_specs=(parts,) * len(batch), out_specs=parts))
        for run in (jax.jit(dust), dust, mapped):
            dusted = run(*batch)
            assert len(dusted.sharding.device_set) == 2 and not dusted.sharding.is_fully_replicated
            assert (np.asarray(dusted) == expected).all(), (fill, kind)
        assert (np.asarray(jax.jit(dust)(batch[0], 20, *batch[2:])) == expected).all()
print("same")
"""


def test_images_may_lie_on_several_devices(run_python):
    """Images and guides may be sharded by the compiler, by the user, or in shard_map, with one index or with many."""
    flags = "--xla_force_host_platform_device_count=2"

    assert run_python(SHARDED, XLA_FLAGS=flags, JAX_PLATFORMS="cpu") == "same"


WIDE = """
import functools, jax, numpy as np
jax.config.update("jax_enable_x64", True)
import dustaug
from dustaug.jax import add_dust

for dtype in (np.float64, np.int64, np.uint64, np.float32, np.uint8):
    scale = 1 if np.dtype(dtype).kind == "f" else 200
    images = (np.random.default_rng(3).random((3, 32, 40, 3)) * scale).astype(dtype)
    index = np.array([2**62, 3, 2**40 + 1])
    limits = (0, int(np.iinfo(dtype).max)) if np.dtype(dtype).kind in "iu" else None
    expected = dustaug.add_dust(images.copy(), seed=2**63 + 7, epoch=2**32 - 1, index=index, value_range=limits)
    ranged = functools.partial(add_dust, value_range=limits)
    for run in (ranged, jax.jit(ranged)):
        dusted = run(images, seed=np.uint64(2**63 + 7), epoch=np.int64(2**32 - 1), index=index)
        assert dusted.dtype == dtype and np.asarray(dusted).tobytes() == expected.tobytes(), dtype
print("same")
"""


def test_64_bit_mode_changes_nothing_but_what_fits(run_python):
    """In 64-bit mode, images and traced numbers may have 64 bits."""
    assert run_python(WIDE, JAX_PLATFORMS="cpu") == "same"


def test_images_without_pixels_come_back():
    """An empty batch comes back, but its arguments are checked."""
    for shape in ((0, 8, 8, 3), (2, 0, 8, 3)):
        assert add_dust(np.zeros(shape, np.uint8), seed=0, index=0).shape == shape
    with pytest.raises(ValueError, match="fill_value must have one number for each of the images' 3 channels"):
        add_dust(np.zeros((0, 8, 8, 3), np.uint8), dustaug.cutout(3, fill_value=(1, 2)), seed=0, index=0)


def test_images_of_big_endian_numbers_are_painted():
    """Big-endian images come back in the machine's byte order, as JAX has no other."""
    images = photos(">u2")

    assert same(expected(images).astype(np.uint16), add_dust(images, seed=SEED, epoch=EPOCH, index=FIRST))


def test_words_are_the_high_and_the_low_one():
    """to_words() puts the high word first, as JAX's keys do, for arrays of any shape."""
    assert to_words([[2**63 + 5], [7]]).tolist() == [[[2**31, 5]], [[0, 7]]]
    assert to_words(np.array([], np.int64)).shape == (0, 2)
    assert to_words(np.int8(5)).dtype == np.uint32
    assert (to_words(7) == jax.random.key_data(jax.random.key(7))).all()


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        (-1, ValueError, "numbers must be from 0 to 18446744073709551615, got -1"),
        (np.array([3, -1]), ValueError, "numbers must be from 0 to 18446744073709551615, got -1"),
        (2**64, ValueError, "numbers must be from 0 to 18446744073709551615, got 18446744073709551616"),
        (1.5, TypeError, "numbers must be a whole number, got 1.5"),
    ],
)
def test_words_are_made_of_whole_numbers_only(number, error, message):
    """to_words() takes whole numbers that fit into 64 bits."""
    with pytest.raises(error, match=re.escape(message)):
        to_words(number)


IMAGE = np.zeros((8, 8, 3), np.uint8)
BATCH = np.zeros((3, 8, 8, 3), np.uint8)
KEY = {"seed": 0, "index": 0}


@pytest.mark.parametrize(
    ("images", "arguments", "error", "message"),
    [
        (BATCH, {"index": 0}, TypeError, "seed and index must be given, or a compiled function would paint the same"),
        (BATCH, {"seed": 0}, TypeError, "got seed=0 and index=None: type add_dust(images, seed=0, index="),
        ([IMAGE], KEY, TypeError, "images must be a JAX or NumPy array, got list: type jnp.stack(images)"),
        (
            BATCH.astype(np.float64),
            KEY,
            TypeError,
            "without its 64-bit mode, got float64: type images.astype(numpy.float",
        ),
        (BATCH.astype(np.int64), KEY, TypeError, "without its 64-bit mode, got int64"),
        (BATCH.astype("S1"), KEY, TypeError, "images must hold numbers, got an array of |S1"),
        (jax.random.split(jax.random.key(0), (3, 3)), KEY, TypeError, "images must hold numbers, got an array of key"),
        (np.zeros((32, 3, 24, 24), np.uint8), KEY, ValueError, "layout must be given where the shape does not tell it"),
        (BATCH, {**KEY, "layout": "HWC"}, ValueError, "images must have 3 axes for layout HWC, got shape (3, 8, 8, 3)"),
        (BATCH, {**KEY, "layout": "HWN"}, ValueError, "layout must be one of NHWC"),
        (BATCH, {**KEY, "value_range": 255}, TypeError, "value_range must be a tuple of two numbers"),
        (BATCH, {**KEY, "value_range": (0, 256)}, ValueError, "value_range must be whole numbers from 0 to 255"),
        (BATCH, {**KEY, "spec": "dust"}, TypeError, "spec must be a dustaug.Spec, got str"),
        (BATCH, {**KEY, "seed": -1}, ValueError, "seed must be from 0 to 18446744073709551615, got -1"),
        (BATCH, {**KEY, "seed": 2**64}, ValueError, "seed must be from 0 to 18446744073709551615"),
        (BATCH, {**KEY, "seed": 1.5}, TypeError, "seed must be a whole number, got 1.5"),
        (BATCH, {**KEY, "seed": jnp.float32(1)}, TypeError, "seed must be a whole number"),
        (BATCH, {**KEY, "seed": jnp.int32(-1)}, ValueError, "seed must be from 0 to 18446744073709551615"),
        (BATCH, {**KEY, "seed": jnp.arange(2)}, ValueError, "seed must be one number, uint32 of shape (2,) or one key"),
        (BATCH, {**KEY, "seed": jax.random.split(jax.random.key(0), 3)}, ValueError, "type jax.vmap(lambda seed:"),
        (
            BATCH,
            {**KEY, "seed": jax.random.key(0, impl="rbg")},
            TypeError,
            "seed must be a key of two words, got key<rbg>",
        ),
        (BATCH, {**KEY, "epoch": 2**32}, ValueError, "epoch must be from 0 to 4294967295, got 4294967296"),
        (BATCH, {**KEY, "epoch": [0, 1, -1]}, ValueError, "epoch must be from 0 to 4294967295"),
        (BATCH, {**KEY, "epoch": [0, 1]}, ValueError, "epoch must be a number or of shape (3,), one for each image"),
        (BATCH, {**KEY, "index": -1}, ValueError, "index must be from 0 to 9223372036854775805, got -1"),
        (BATCH, {**KEY, "index": 2**63 - 2}, ValueError, "index must be from 0 to 9223372036854775805"),
        (BATCH, {**KEY, "index": np.arange(4)}, ValueError, "index must be a number or an array of shape (3,)"),
        (BATCH, {**KEY, "index": np.array([0, -1, 2])}, ValueError, "index must be from 0 to 9223372036854775807"),
        (BATCH, {**KEY, "index": jnp.array([0, -1, 2])}, ValueError, "index must be from 0 to 9223372036854775807"),
        (BATCH, {**KEY, "index": to_words([0, 1, 2**63])}, ValueError, "index must be from 0 to 9223372036854775807"),
        (BATCH, {**KEY, "index": to_words([0, 1])}, ValueError, "index must be a number or an array of shape (3,)"),
        (BATCH, {**KEY, "index": np.zeros(3)}, TypeError, "index must be a whole number or an array of them"),
        (IMAGE, {**KEY, "index": [1, 2]}, ValueError, "index must be a number or an array of shape (1,)"),
    ],
)
def test_arguments_are_checked(images, arguments, error, message):
    """Wrong arguments are refused by name, with the rule."""
    with pytest.raises(error, match=re.escape(message)):
        add_dust(images, **arguments)


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("index", np.float32(1), TypeError, "index must be whole numbers, got an array of float32"),
        ("index", np.arange(4, dtype=np.int32), ValueError, "index must be a number or of shape (3,), one for each"),
        ("index", np.zeros((4, 2), np.uint32), ValueError, "index must be a number or of shape (3,), one for each"),
        ("epoch", np.bool_(1), TypeError, "epoch must be whole numbers, got an array of bool"),
        ("seed", np.float32(1), TypeError, "seed must be whole numbers, got an array of float32"),
        ("seed", np.zeros(3, np.uint32), ValueError, "seed must be one number, uint32 of shape (2,) or one key"),
    ],
)
def test_traced_arguments_are_checked_as_far_as_they_are_known(name, value, error, message):
    """The dtype and shape of traced arguments are checked."""
    with pytest.raises(error, match=re.escape(message)):
        jax.jit(lambda value: add_dust(BATCH, **{**KEY, name: value}))(value)


def test_integers_that_do_not_fill_their_dtype_warn():
    """12 bits in 16 warn, as with NumPy; means have no need of a range."""
    images = np.full((16, 16, 3), 200, np.uint16)
    with pytest.warns(UserWarning, match="images of uint16 are taken to lie in 0 … 65535, got 200 to 200"):
        add_dust(images, seed=0, index=0)
    add_dust(images, seed=0, index=0, value_range=(0, 4095))
    add_dust(images, dustaug.dust(fill="mean"), seed=0, index=0)


@pytest.mark.parametrize("given", [{"p": 0.5}, {"scale": 2}])
def test_fields_of_a_spec_belong_into_a_spec(given):
    """The error names what to type."""
    with pytest.raises(TypeError, match=r"jax.add_dust\(\) must be given .*: type jax.add_dust\(…, dustaug.dust\("):
        add_dust(np.zeros((8, 8, 3), np.uint8), seed=0, index=0, **given)


def test_floats_out_of_their_range_warn():
    """NumPy's floats are checked against their range, as reading them costs nothing."""
    with pytest.warns(UserWarning, match=r"images of float32 are taken to lie in \[0, 1\], got 200"):
        add_dust(np.full((2, 8, 8, 3), 200, np.float32), seed=0, index=0)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_epochs_and_indices_of_all_whole_dtypes(dtype):
    """NumPy's numbers may be of any width."""
    images, numbers = photos(), np.arange(N)
    each = [dustaug.add_dust(image.copy(), seed=SEED, epoch=i, index=i) for i, image in enumerate(images)]

    assert same(np.stack(each), add_dust(images, seed=SEED, epoch=numbers.astype(dtype), index=numbers.astype(dtype)))


def test_lists_of_traced_numbers():
    """A list may hold numbers that are traced."""
    images = photos()[:2]
    dusted = jax.jit(lambda first, second: add_dust(images, seed=SEED, epoch=EPOCH, index=[first, second]))(3, 9)

    assert same(expected(images, index=[3, 9]), dusted)


@pytest.mark.parametrize("name", ["seed", "epoch", "index"])
def test_odd_numbers(name):
    """Ragged lists, and keys where no seed is, are refused in one sentence."""
    with pytest.raises(TypeError, match=f"^{name} must be a number, or an array of one for each image, got"):
        add_dust(photos(), **{"seed": 0, "index": 0, name: [[1], [2, 3]]})
    if name != "seed":
        with pytest.raises(TypeError, match=f"^{name} must be whole numbers, got key<fry>: type seed=key$"):
            add_dust(photos(), **{"seed": 0, "index": 0, name: jax.random.key(0)})
    with pytest.raises(TypeError, match=r"^numbers must be whole numbers, got a key: type jax.random.key_data\(key\)$"):
        to_words(jax.random.key(0))


def test_odd_images():
    """Masked and sparse arrays, and whole numbers of 64 bits, are told what to type."""
    with pytest.raises(TypeError, match=r"^images must not be masked, got a MaskedArray: type images.filled\(0\)"):
        add_dust(np.ma.array(photos()), seed=0, index=0)
    with pytest.raises(TypeError, match=r"got BCOO: type images.todense\(\)$"):
        add_dust(jax.experimental.sparse.BCOO.fromdense(jnp.zeros((8, 8))), seed=0, index=0)
    with pytest.raises(TypeError, match=r"got int64: type images.astype\(numpy.uint8\) if they are 0 … 255"):
        add_dust(photos().astype(np.int64), seed=0, index=0)


# The cases of guides that compiled graphs take.
GUIDED = [name for name, case in guided.CASES.items() if "objects" not in case.terms]


@pytest.mark.parametrize("name", GUIDED)
def test_guides_are_drawn(name):
    """A guide gives the pinned pixels, as an array of NumPy's and of JAX's."""
    (spec, terms), key, want = guided.CASES[name], test_pixels.KEYS["any"], guided.expected(name)

    assert same(want, add_dust(test_pixels.photos(), spec, **key, **terms))
    assert same(want, add_dust(jnp.asarray(test_pixels.photos()), spec, **key, guide=jnp.asarray(terms["guide"])))


def test_guides_are_traced():
    """Compiled and mapped, a guide gives the pinned pixels; another one costs no compilation."""
    (spec, terms), key, traces = guided.CASES["map"], test_pixels.KEYS["any"], []
    images, guide, want = test_pixels.photos(), terms["guide"], guided.expected("map")

    def dust(images, index, guide):
        traces.append(1)
        return add_dust(images, spec, seed=key["seed"], epoch=key["epoch"], index=index, guide=guide)

    compiled = jax.jit(dust)
    assert same(want, compiled(images, key["index"], guide))
    assert same(images, compiled(images, key["index"], np.zeros_like(guide)))
    assert len(traces) == 1
    assert same(want, jax.vmap(dust)(images, key["index"] + np.arange(N), guide))


@pytest.mark.parametrize(
    ("spec", "terms", "error", "message"),
    [
        ({"center": "guide"}, {}, TypeError, 'guide must be given with center="guide", got none: type guide=mask'),
        (
            {},
            {"guide": np.ones((3, 2, 2), bool)},
            TypeError,
            "got a guide with center='normal': type spec.replace(center",
        ),
        (
            {"center": "guide"},
            {"guide": [[1]]},
            TypeError,
            "guide must be a JAX or NumPy array, got [[1]]: type numpy.as",
        ),
        (
            {"center": "guide"},
            {"guide": jnp.zeros((3, 2, 2))},
            TypeError,
            "guide must be uint8 or bool, got an array of float32: type dustaug.guide_of_map(guide) for a map",
        ),
        (
            {"center": "guide"},
            {"guide": jnp.ones((2, 4, 4), bool)},
            ValueError,
            "guide must have shape (3, rows, columns), one for each image, got (2, 4, 4)",
        ),
        (
            {"center": "guide"},
            {"guide": jax.random.split(jax.random.key(0), 3)},
            TypeError,
            "guide must be uint8 or bool, got an array of key<fry>",
        ),
        (
            {"max_hidden": 0.4},
            {},
            ValueError,
            "spec must be one without objects in a compiled graph, got Spec(max",
        ),
        (
            {"max_hidden": 0.4},
            {"objects": [[]] * 3},
            ValueError,
            "type dustaug.add_dust(images, spec, objects=…) on the",
        ),
    ],
)
def test_bad_guides_are_refused(spec, terms, error, message):
    """The errors are those of add_dust(); objects are refused."""
    with pytest.raises(error, match=re.escape(message)):
        add_dust(BATCH, dustaug.dust(**spec), **KEY, **terms)


def test_a_guide_that_is_too_large_is_refused():
    """Weights are summed where they are known, and could be too many."""
    guide = np.full((1, 2902, 2902), 255, np.uint8)
    for given_guide in (guide, jnp.asarray(guide)):
        with pytest.raises(ValueError, match="guide must have weights that sum to at most 2147483647 for each image"):
            add_dust(BATCH[:1], dustaug.dust(center="guide"), **KEY, guide=given_guide)


def test_donors_are_traced():
    """Compiled and mapped, donors give the pinned pixels; the gradient goes to whoever a pixel is from."""
    (spec, terms, _), key = kinds.CASES["cutmix"], test_pixels.KEYS["any"]
    images, donors, want = test_pixels.photos(), terms["donors"], kinds.expected("cutmix")

    def dust(images, index, donors):
        return add_dust(images, spec, seed=key["seed"], epoch=key["epoch"], index=index, donors=donors)

    assert same(want, jax.jit(dust)(images, key["index"], donors))
    assert same(want, jax.vmap(dust)(images, key["index"] + np.arange(N), donors))

    def loss(images, donors):
        return dust(images, key["index"], donors).sum()

    of_images, of_donors = jax.grad(loss, argnums=(0, 1))(
        np.zeros(images.shape, np.float32), np.ones(images.shape, "f")
    )
    assert (of_images + of_donors == 1).all()
    assert (want == np.where(of_donors > 0, donors, images)).all()


DONORS = {"fill": "donors"}


@pytest.mark.parametrize(
    ("spec", "given", "error", "message"),
    [
        (DONORS, {}, TypeError, 'donors must be given with fill="donors", got none: type donors=other_images'),
        ({}, {"donors": BATCH}, TypeError, "got donors with fill='grey': type spec.replace(fill=\"donors\"), or leave"),
        (
            DONORS,
            {"donors": [BATCH]},
            TypeError,
            "donors must be a JAX or NumPy array, got list: type jnp.stack(donors)",
        ),
        (DONORS, {"donors": BATCH[:1]}, ValueError, "donors must have the images' shape (3, 8, 8, 3), got (1, 8, 8"),
        (DONORS, {"donors": BATCH[0]}, ValueError, "shape (3, 8, 8, 3), got (8, 8, 3)"),
        (
            DONORS,
            {"donors": BATCH.astype(np.float32)},
            TypeError,
            "the images' dtype uint8, got float32: type donors.as",
        ),
        (
            DONORS,
            {"donors": BATCH.astype(float)},
            TypeError,
            "float64: type donors.astype(numpy.float32), or jax.config",
        ),
        ({}, {"layout": "NDHWC"}, ValueError, "images must be no volumes in a compiled graph, got layout='NDHWC'"),
    ],
)
def test_bad_donors_and_volumes_are_refused(spec, given, error, message):
    """The errors are those of add_dust(); volumes are refused."""
    with pytest.raises(error, match=re.escape(message)):
        add_dust(BATCH, dustaug.dust(**spec), **KEY, **given)


def test_a_schedule_has_the_spec_of_a_known_epoch():
    """A number, or an array whose value is known, tells the spec; a static argument does under jit."""
    sizes = dustaug.Schedule.steps({0: (3, 3), 5: (9, 9)})
    schedule, keys = dustaug.Schedule(dustaug.cutout(3), side_range=sizes), {"seed": SEED, "index": to_words(INDICES)}
    compiled = jax.jit(lambda images, epoch: add_dust(images, schedule, epoch=epoch, **keys), static_argnames="epoch")

    assert same(add_dust(photos(), schedule, epoch=jnp.array(4), **keys), expected(photos(), schedule.at(4), epoch=4))
    assert same(compiled(photos(), epoch=5), expected(photos(), schedule.at(5), epoch=5))


def test_a_schedule_of_p_takes_any_epoch():
    """A traced epoch, and one for each image, look up the probability in the graph, which is compiled once."""
    keys = {"seed": SEED, "index": to_words(INDICES)}
    compiled = jax.jit(lambda images, epoch: add_dust(images, MOVES_P, epoch=epoch, **keys))
    for epoch in (0, 2, 5, 2**31):
        wanted = expected(photos(), MOVES_P.at(epoch), epoch=epoch)

        assert same(compiled(photos(), np.uint32(epoch)), wanted)
    assert compiled._cache_size() == 1
    epochs = np.array([5, 0, 1, 3, 4, 2])
    each = [expected(photos()[i], MOVES_P.at(e), epoch=e, index=FIRST + i) for i, e in enumerate(epochs.tolist())]

    assert same(add_dust(photos(), MOVES_P, epoch=epochs, **keys), np.stack(each))


def test_other_schedules_need_a_known_epoch():
    """A traced epoch, or one for each image, cannot choose a spec, which is static."""
    with pytest.raises(
        TypeError, match=r"a Schedule must move p alone, .*, with an epoch that is traced, .*: type jax.jit"
    ):
        jax.jit(lambda epoch: add_dust(jnp.zeros((8, 8)), MANY, seed=1, epoch=epoch, index=0))(0)
    with pytest.raises(TypeError, match=r"a Schedule must move p alone, .*, got p, count_range, fill: type jax.jit"):
        add_dust(photos(), MANY, seed=1, epoch=np.zeros(6, int), index=0)
