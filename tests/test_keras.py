"""The layer DustRectangles paints the pixels of add_dust() in training, with the backend of KERAS_BACKEND."""

import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import dustaug
import guided
import test_pixels
from dustaug import add_dust
from dustaug.keras import DustCutMix, DustRectangles

# Keras asks its tensors for arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

N, SEED = 6, 2**63 + 7
SPECS = {
    "dust": dustaug.dust(),
    "cutout": dustaug.cutout(21, fill_value=(9, 99, 199)),
    "random_erasing": dustaug.random_erasing(p=0.8),
    "color": dustaug.dust(fill="color", center="uniform"),
}


def photos():
    return np.random.default_rng(3).integers(0, 256, (N, 32, 40, 3), dtype=np.uint8)


def expected(images, spec=None, **options):
    return add_dust(images.copy(), spec, **{"seed": SEED, "index": 0, "value_range": (0, 255), **options})


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def same(first, second):
    """Tell whether two arrays have the same dtype and bytes."""
    first, second = np.asarray(first), np.asarray(second)
    return first.dtype == second.dtype and first.tobytes() == second.tobytes()


def floats(images):
    return images.astype(np.float32)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_call_number_k_paints_epoch_k(spec):
    """A layer counts its calls, for batches and single images alike."""
    layer, images = DustRectangles(spec, seed=SEED), photos()
    for k in range(3):
        assert same(expected(floats(images), spec, epoch=k), numpy(layer(images)))
    assert same(expected(floats(images[2]), spec, epoch=3), numpy(layer(images[2])))


def test_an_index_key_makes_a_pure_function():
    """With an index_key, the dust depends on the index and epoch in the inputs."""
    layer, images = DustRectangles(seed=SEED, index_key="index", epoch_key="epoch"), photos()
    order = np.array([3, 0, 5, 1, 4, 2])
    for epoch in (0, 5):
        inputs = {"images": images[order], "index": 2**30 + order, "epoch": epoch}

        assert same(expected(floats(images), index=2**30, epoch=epoch)[order], numpy(layer(inputs)["images"]))
    inputs = {"images": images, "index": 7, "epoch": np.arange(N)}
    each = [expected(floats(image), index=7 + i, epoch=i) for i, image in enumerate(images)]
    assert same(np.stack(each), numpy(layer(inputs)["images"]))
    assert same(each[2], numpy(layer({"images": images[2], "index": 9, "epoch": 2})["images"]))


def test_two_layers_of_one_seed_agree_and_unseeded_ones_follow_keras():
    """A seed decides; without one, Keras' global seed does."""
    images = photos()

    def run(seed=None):
        return numpy(DustRectangles(count_range=(5, 9), seed=seed)(images))

    assert same(run(3), run(3))
    assert not same(run(3), run(4))
    keras.utils.set_random_seed(1)
    first, second = run(), run()
    assert not same(first, second)
    keras.utils.set_random_seed(1)
    assert same(first, run())


def test_only_training_changes_images():
    """Outside of training, images are cast to the layer's dtype and not changed."""
    layer, images = DustRectangles(count_range=(5, 9)), photos()

    assert same(floats(images), numpy(layer(images, training=False)))
    assert not same(floats(images), numpy(layer(images)))
    assert not same(floats(images), numpy(layer(images, training=True)))


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "bfloat16", "uint8"])
def test_images_leave_in_the_dtype_of_the_policy(policy):
    """Images come out in the dtype of the policy, also with mixed precision and as bytes."""
    layer = DustRectangles(seed=SEED, dtype=policy)
    dtype = {"mixed_float16": "float16"}.get(policy, policy)
    dusted = layer(photos())

    assert dtype == keras.backend.standardize_dtype(dusted.dtype)
    assert same(expected(floats(photos())), numpy(keras.ops.cast(dusted, "float32")))


def test_floats_are_not_cut_to_bytes():
    """A layer of bytes refuses floats, and names their dtype."""
    with pytest.raises(TypeError, match="images must be whole numbers with dtype='uint8', got float32"):
        DustRectangles(dtype="uint8")(floats(photos()))


def test_channels_may_come_first():
    """Batches and single images may have their channels first."""
    layer = DustRectangles(seed=SEED, data_format="channels_first", index_key="index")
    planes = np.ascontiguousarray(photos().transpose(0, 3, 1, 2))
    want = expected(floats(planes), layout="NCHW")

    assert same(want, numpy(layer({"images": planes, "index": 0})["images"]))
    assert same(want[2], numpy(layer({"images": planes[2], "index": 2})["images"]))


def test_the_value_range_is_that_of_the_images():
    """The default range is 0…255, as in Keras' own layers; another one may be given."""
    images = floats(photos()) / 255
    dusted = DustRectangles(seed=SEED, value_range=(0, 1))(images)

    assert same(expected(images, value_range=(0, 1)), numpy(dusted))


def gradient(function, images):
    """Return the gradient of the sum of a function's result, as the backend computes it."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        images = tf.constant(images)
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(function(images))
        return tape.gradient(total, images)
    if keras.config.backend() == "jax":
        import jax

        return jax.grad(lambda images: function(images).sum())(images)
    import torch

    images = torch.from_numpy(images).requires_grad_()
    function(images).sum().backward()
    return images.grad


@pytest.mark.parametrize("fill", ["grey", "noise", "mean"])
def test_gradients_flow_around_the_rectangles(fill):
    """The gradient is one beside the rectangles and zero under them."""
    spec = dustaug.dust(fill=fill)
    layer = DustRectangles(spec, seed=SEED, index_key="index")
    covered = dustaug.sample_rectangles(spec, height=32, width=40, seed=SEED, index=np.arange(N)).mask(32, 40)
    free = np.broadcast_to(~covered[..., None], (N, 32, 40, 3)).astype(np.float32)

    assert 0 < free.mean() < 1
    assert same(free, numpy(gradient(lambda images: layer({"images": images, "index": 0})["images"], floats(photos()))))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_dict_keeps_its_entries(data_format):
    """Images change, and masks do if a fill is given; boxes and labels keep every bit."""
    images, boxes = photos(), np.full((N, 2, 4), 1000.1)
    if data_format == "channels_first":
        images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    masks = np.ones((N, 32, 40), np.int32)
    channel = -1 if data_format == "channels_last" else 1
    inputs = {
        "images": images,
        "labels": np.arange(N),
        "bounding_boxes": {"boxes": boxes.astype(np.float32), "labels": np.zeros((N, 2))},
        "index": 5,
    }
    options = {"seed": SEED, "index_key": "index", "data_format": data_format, "dtype": "mixed_float16"}
    covered = dustaug.sample_rectangles(height=32, width=40, seed=SEED, index=np.arange(5, 5 + N)).mask(32, 40)
    for shaped in (masks, np.expand_dims(masks, channel)):
        kept = DustRectangles(**options)({**inputs, "segmentation_masks": shaped})
        filled = DustRectangles(**options, fill_mask=9)({**inputs, "segmentation_masks": shaped})

        assert same(shaped, numpy(kept["segmentation_masks"]))
        assert same(np.where(covered, np.int32(9), masks).reshape(shaped.shape), numpy(filled["segmentation_masks"]))
        assert same(boxes.astype(np.float32), numpy(filled["bounding_boxes"]["boxes"]))
        assert np.array_equal(np.arange(N), numpy(filled["labels"]))
    single = DustRectangles(**options, fill_mask=9)({**inputs, "images": images[1], "segmentation_masks": masks[1]})
    assert same(np.where(covered[0], np.int32(9), masks[1]), numpy(single["segmentation_masks"]))
    untouched = DustRectangles(**options, fill_mask=9)({**inputs, "segmentation_masks": masks}, training=False)
    assert same(masks, numpy(untouched["segmentation_masks"]))


def test_nothing_that_comes_in_is_changed():
    """The layer changes neither the arrays nor the dict that it gets."""
    inputs = {"images": floats(photos()), "segmentation_masks": np.zeros((N, 32, 40), np.uint8)}
    before = dict(inputs)
    DustRectangles(fill_mask=1, count_range=(5, 9))(inputs)

    assert before == inputs
    assert same(floats(photos()), inputs["images"])
    assert not inputs["segmentation_masks"].any()


def sum_of(_, outputs):
    return keras.ops.sum(outputs)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_fit_dusts_and_predict_does_not(jit_compile):
    """Each training step has dust of its own, also if it is compiled."""
    if keras.config.backend() == "torch" and jit_compile:
        jit_compile = "auto"  # PyTorch's compiler needs a C++ compiler at run time.
    spec = dustaug.dust(count_range=(5, 9), fill="constant", fill_value=1)
    model = keras.Sequential([keras.Input((32, 40, 3)), DustRectangles(spec, seed=SEED)])
    model.add(keras.layers.DepthwiseConv2D(1, use_bias=False, depthwise_initializer="ones"))
    model.compile(keras.optimizers.SGD(0.0), loss=sum_of, jit_compile=jit_compile)
    black = np.zeros((N, 32, 40, 3), np.float32)
    history = model.fit(black, np.zeros(N), batch_size=N, epochs=3, shuffle=False, verbose=0).history["loss"]
    wanted = [float(expected(black, spec, epoch=k).sum()) for k in range(3)]

    assert wanted == history
    assert same(black, model.predict(black, verbose=0))
    assert 0 == model.evaluate(black, np.zeros(N), verbose=0)
    assert same(black, numpy(model(black, training=False)))


def test_it_works_in_a_functional_model_of_a_dict():
    """A functional model knows the shapes and dtypes of the layer's outputs before any image comes."""
    layer = DustRectangles(seed=SEED, index_key="index", fill_mask=1)
    inputs = {
        "images": keras.Input((32, 40, 3), dtype="uint8", name="images"),
        "segmentation_masks": keras.Input((32, 40), dtype="uint8", name="segmentation_masks"),
        "index": keras.Input((), dtype="int32", name="index"),
    }
    outputs = layer(inputs)
    model = keras.Model(inputs, [outputs["images"], outputs["segmentation_masks"]])
    masks, index = np.zeros((N, 32, 40), np.uint8), np.arange(N, dtype=np.int32)
    images, masks = model({"images": photos(), "segmentation_masks": masks, "index": index}, training=True)

    assert (None, 32, 40, 3) == outputs["images"].shape
    assert ("float32", "uint8") == (outputs["images"].dtype, outputs["segmentation_masks"].dtype)
    assert same(expected(floats(photos())), numpy(images))
    covered = dustaug.sample_rectangles(height=32, width=40, seed=SEED, index=np.arange(N)).mask(32, 40)
    assert same(covered.astype(np.uint8), numpy(masks))
    assert (2, 8, 8, 3) == layer.compute_output_shape((2, 8, 8, 3))


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_functional_model_takes_images_of_any_size(spec):
    """Height and width may be unknown while the model is made; call number k paints epoch k, whatever the size."""
    inputs = keras.Input((None, None, 3), dtype="uint8")
    model = keras.Model(inputs, DustRectangles(spec, seed=SEED)(inputs))
    call = model
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        signature = tf.TensorSpec((None, None, None, 3), tf.uint8)
        call = tf.function(lambda images, training: model(images, training=training), autograph=False)
        call = call.get_concrete_function(signature, training=True)
    for k, (height, width) in enumerate(((32, 40), (25, 31), (30, 21))):
        images = photos()[:, :height, :width]
        dusted = call(keras.ops.convert_to_tensor(images)) if call is not model else model(images, training=True)

        assert same(expected(floats(images), spec, epoch=k), numpy(dusted))
    assert (None, None, None, 3) == model.output_shape


def test_a_model_of_images_of_any_size_is_trained():
    """A training step is compiled for images of any size, and dusts each batch."""
    spec = dustaug.dust(count_range=(5, 9), fill="constant", fill_value=1)
    model = keras.Sequential([keras.Input((None, None, 3)), DustRectangles(spec, seed=SEED)])
    model.add(keras.layers.DepthwiseConv2D(1, use_bias=False, depthwise_initializer="ones"))
    model.compile(keras.optimizers.SGD(0.0), loss=sum_of, jit_compile=False)
    for k, side in enumerate((32, 24, 40)):
        black = np.zeros((N, side, side + 5, 3), np.float32)

        assert float(expected(black, spec, epoch=k).sum()) == model.train_on_batch(black, np.zeros(N))


ARGUMENTS = {
    "spec": dustaug.random_erasing(p=0.8),
    "seed": SEED,
    "data_format": "channels_last",
    "value_range": (0.0, 1.0),
    "fill_mask": 3,
    "index_key": "index",
    "epoch_key": "epoch",
    "name": "dusty",
    "dtype": "float16",
}


def test_the_config_says_everything():
    """The config can be stored as JSON, and makes the same layer."""
    layer = DustRectangles(**ARGUMENTS)
    config = json.loads(json.dumps(layer.get_config()))
    again = DustRectangles.from_config(config)

    assert layer.get_config() == again.get_config()
    for name in set(ARGUMENTS) - {"dtype"}:
        assert ARGUMENTS[name] == getattr(again, name), name
    assert "float16" == again.compute_dtype
    assert layer.get_config() == keras.layers.deserialize(keras.layers.serialize(layer)).get_config()


def test_a_model_survives_a_file(tmp_path):
    """A .keras file needs no custom_objects once dustaug.keras is imported."""
    model = keras.Sequential([keras.Input((32, 40, 3)), DustRectangles(count_range=(1, 3), seed=SEED)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    cloned = keras.models.clone_model(model)
    want = expected(floats(photos()), dustaug.dust(count_range=(1, 3)))

    assert same(want, numpy(loaded(photos(), training=True)))
    assert same(want, numpy(cloned(photos(), training=True)))
    assert [] == loaded.weights


def test_it_is_built_on_public_names():
    """The base class of both layers is that of Keras, and nothing private of Keras is imported."""
    for layer in (DustRectangles, DustCutMix):
        assert (keras.layers.Layer,) == layer.__base__.__bases__
        assert f"dustaug>{layer.__name__}" == keras.saving.get_registered_name(layer)
    for module in (dustaug.keras, dustaug.keras._flow, dustaug.keras._layer, dustaug.keras._mixing):
        assert "keras.src" not in Path(module.__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"count_ranges": (0, 3)}, TypeError, "fields of Spec must be known, got count_ranges"),
        ({"spec": dustaug.dust(), "p": 0.5}, TypeError, "spec must be given alone, got p too"),
        ({"spec": 3}, TypeError, "spec must be a dustaug.Spec"),
        ({"seed": -1}, ValueError, "seed must be from 0"),
        ({"data_format": "NCHW"}, ValueError, "data_format must be 'channels_last' or 'channels_first', got 'NCHW'"),
        ({"value_range": (1, 0)}, ValueError, "value_range must be two finite numbers, the smaller first"),
        ({"value_range": 3}, TypeError, "value_range must be a tuple of two numbers"),
        ({"fill_mask": 0.5}, TypeError, "fill_mask must be a whole number"),
        (
            {"index_key": 3, "seed": 1},
            TypeError,
            "index_key must be the name of an entry, got 3",
        ),
        ({"index_key": "index"}, TypeError, "seed must be given with index_key"),
        ({"epoch_key": "epoch", "seed": 1}, TypeError, "index_key must be given with epoch_key"),
    ],
)
def test_bad_arguments_are_refused(options, error, message):
    """The constructor refuses wrong arguments."""
    with pytest.raises(error, match=message):
        DustRectangles(**options)


@pytest.mark.parametrize("shape", [(8, 3, 48, 64), (8, 28, 28)])
def test_a_format_is_not_guessed_against_the_shape(shape):
    """A doubtful shape needs a data_format, for images and for symbolic inputs."""
    for images in (np.zeros(shape, np.uint8), keras.Input(batch_shape=shape)):
        with pytest.raises(ValueError, match="data_format must be given where the shape does not tell it"):
            DustRectangles()(images)
    assert shape == tuple(DustRectangles(data_format="channels_last")(np.zeros(shape, np.uint8)).shape)


def test_indices_may_be_a_list():
    """A list of indices is taken like an array."""
    layer = DustRectangles(seed=SEED, index_key="index", dtype="uint8")
    listed = layer({"images": photos(), "index": list(range(3, 3 + N))})["images"]

    assert (np.asarray(listed) == np.asarray(layer({"images": photos(), "index": 3})["images"])).all()


def test_bad_inputs_are_refused():
    """The errors say what must hold and what was given."""
    indexed = DustRectangles(seed=1, index_key="index")
    with pytest.raises(ValueError, match=r"images must have 3 axes, or 4 in a batch, got shape \(40, 3\)"):
        DustRectangles()(photos()[0, 0])
    with pytest.raises(TypeError, match="inputs must be images or a dict with them, got a tuple"):
        DustRectangles()((photos(), np.arange(N)))
    with pytest.raises(ValueError, match='inputs must have "images", got a dict with image'):
        DustRectangles()({"image": photos()})
    with pytest.raises(ValueError, match="inputs must be a dict with \"images\" and 'index', got images alone"):
        indexed(photos())
    with pytest.raises(ValueError, match="index must be from 0 to"):
        indexed({"images": photos(), "index": -1 - np.arange(N)})
    with pytest.raises(ValueError, match="index must be from 0 to"):
        indexed({"images": photos(), "index": 2**63})
    with pytest.raises(ValueError, match="index must be from 0 to .*got -1"):
        indexed({"images": photos(), "index": keras.ops.convert_to_tensor(-1)})
    with pytest.raises(ValueError, match="index must be a number or of shape .*one for each image"):
        indexed({"images": photos(), "index": np.arange(N + 1)})
    with pytest.raises(ValueError, match="fill_mask must be a value of the masks' dtype uint8, got 300"):
        DustRectangles(fill_mask=300)({"images": photos(), "segmentation_masks": np.zeros((N, 32, 40), np.uint8)})


KEY = test_pixels.KEYS["any"]
MAP = guided.CASES["map"]


def guided_layer(spec, **options):
    keys = {"index_key": "index", "epoch_key": "epoch", "guide_key": "guide"}
    return DustRectangles(spec, seed=KEY["seed"], **{"dtype": "uint8", **keys, **options})


def guided_inputs(guide, **more):
    n = len(guide)
    numbers = {"index": np.arange(KEY["index"], KEY["index"] + n), "epoch": np.full(n, KEY["epoch"])}
    return {"images": test_pixels.photos()[:n], "guide": guide, **numbers, **more}


@pytest.mark.parametrize("name", ["mask", "mean"])
def test_guides_are_drawn(name):
    """A guide in the dict gives the pinned pixels, and is passed on."""
    (spec, terms), want = guided.CASES[name], guided.expected(name)
    dusted = guided_layer(spec)(guided_inputs(terms["guide"]))

    assert same(want, numpy(dusted["images"]))
    assert same(terms["guide"], numpy(dusted["guide"]))


def test_guides_of_single_images_and_masks_with_channels():
    """Masks may be guides, with their channel, and are filled as ever; an image alone has a guide alone."""
    (spec, terms), want = guided.CASES["mask"], guided.expected("mask")
    changed = (want != test_pixels.photos()).any(axis=-1)
    for first in (False, True):
        axis, layout = (1, "channels_first") if first else (-1, "channels_last")
        layer = guided_layer(spec, guide_key="segmentation_masks", data_format=layout, fill_mask=9)
        inputs = guided_inputs(terms["guide"])
        inputs["segmentation_masks"] = np.expand_dims(inputs.pop("guide"), axis).astype(np.uint8)
        inputs["images"] = np.moveaxis(inputs["images"], -1, axis)
        dusted = {key: numpy(tensor) for key, tensor in layer(inputs).items()}

        assert same(want, np.ascontiguousarray(np.moveaxis(dusted["images"], axis, -1)))
        assert (np.squeeze(dusted["segmentation_masks"], axis)[changed] == 9).all()
    alone = {key: value[4] for key, value in guided_inputs(terms["guide"]).items()}
    assert same(want[4], numpy(guided_layer(spec)(alone)["images"]))


def test_a_guide_is_drawn_in_fit_and_by_a_model_that_was_saved(tmp_path):
    """A model of two inputs learns from the pinned pixels: its loss is zero; so is that of one that was loaded."""
    (spec, terms), n = MAP, len(test_pixels.photos())
    layer = guided_layer(spec, dtype="float32", value_range=(0, 255))
    shapes = {"images": (48, 64, 3), "guide": (5, 7), "index": (), "epoch": ()}
    inputs = {key: keras.Input(shape, dtype="uint8" if shape else "int32", name=key) for key, shape in shapes.items()}
    dusted = keras.layers.Dense(3, use_bias=False, kernel_initializer="identity")(layer(inputs)["images"])
    model = keras.Model(inputs, dusted)
    model.save(tmp_path / "model.keras")
    x, y = guided_inputs(terms["guide"]), floats(guided.expected("map"))
    for each in (model, keras.models.load_model(tmp_path / "model.keras")):
        each.compile(keras.optimizers.SGD(0.0), "mse")
        history = each.fit(x, y, batch_size=n // 2, shuffle=False, epochs=1, verbose=0)

        assert history.history["loss"] == [0.0]
        assert each.evaluate(x, y, verbose=0) > 0  # It paints nothing then.
        assert same(y, numpy(each(x, training=True)))


def test_a_guide_key_is_part_of_the_configuration():
    """A layer is made anew from its configuration; those of older files have no guide."""
    config = guided_layer(MAP.spec).get_config()
    older = DustRectangles(seed=1).get_config()
    del older["guide_key"]

    assert DustRectangles.from_config(json.loads(json.dumps(config))).get_config() == config
    assert config["guide_key"] == "guide"
    assert DustRectangles.from_config(older).guide_key is None


@pytest.mark.parametrize(
    ("fields", "options", "error", "message"),
    [
        (
            {"center": "guide"},
            {},
            TypeError,
            'guide_key must be given with center="guide", got none: type DustRectangles(',
        ),
        ({}, {"guide_key": "mask"}, TypeError, 'type spec.replace(center="guide"), or leave guide_key out'),
        (
            {"center": "guide"},
            {"guide_key": 1},
            TypeError,
            "guide_key must be the name of an entry, got 1: type guide_key=",
        ),
        (
            {"max_hidden": 0.4},
            {},
            ValueError,
            "spec must be one without objects in a compiled graph, got Spec(max_hidden",
        ),
        ({"per_object": True}, {}, ValueError, "spec must be one without objects in a compiled graph, got Spec("),
    ],
)
def test_keys_of_guides_are_checked(fields, options, error, message):
    """A spec that takes a guide needs its key, and no other spec has it; objects are refused."""
    with pytest.raises(error, match=re.escape(message)):
        DustRectangles(dustaug.dust(**fields), **options)


@pytest.mark.parametrize(
    ("guide", "error", "message"),
    [
        (None, ValueError, "inputs must be a dict with \"images\" and 'guide', got a dict with images"),
        ([[1]], TypeError, "guide must be one dense tensor or array, got list"),
        (
            np.zeros((2, 4, 4)),
            TypeError,
            "guide must be uint8 or bool, got an array of float64: type dustaug.guide_of_map",
        ),
        (np.zeros((2, 4, 4), np.int32), TypeError, "guide must be uint8 or bool, got an array of int32"),
        (
            np.zeros((3, 4, 4), bool),
            ValueError,
            "guide must have shape (2, rows, columns), one for each image, got (3, 4",
        ),
        (np.zeros((2, 4, 4, 2), bool), ValueError, "guide must have shape (2, rows, columns), one for each image"),
        (
            np.zeros((2, 0, 4), bool),
            ValueError,
            "guide must have from 1 to 65535 rows and columns, got shape (2, 0, 4)",
        ),
        (
            np.full((2, 2902, 2902), 255, np.uint8),
            ValueError,
            "guide must have weights that sum to at most 2147483647 for each image, got 2147509020",
        ),
        (keras.KerasTensor((2, 4, 4)), TypeError, "type keras.Input((rows, columns), dtype=\"uint8\", name='guide')"),
    ],
)
def test_bad_guides_are_refused(guide, error, message):
    """The errors are those of add_dust(), and come before anything is painted."""
    layer = DustRectangles(dustaug.dust(center="guide"), guide_key="guide")
    inputs = {"images": np.zeros((2, 8, 8, 3), np.uint8)} | ({} if guide is None else {"guide": guide})
    with pytest.raises(error, match=re.escape(message)):
        layer(inputs)
    with pytest.raises(ValueError, match="inputs must be a dict with \"images\" and 'guide', got images alone"):
        layer(inputs["images"])
