"""The layer keeps what Keras asks of every layer, with each backend, and answers odd inputs in one sentence."""

import copy
import json
import pickle

import keras
import numpy as np
import pytest

import dustaug
from dustaug import add_dust
from dustaug.keras import DustRectangles, dust_flow
from test_schedule import MANY, MOVES_P

# Keras asks its tensors for arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

N = 3
IMAGES = np.random.default_rng(5).integers(1, 256, (N, 16, 20, 3), dtype=np.uint8)
# Arguments of a layer, and inputs that it takes.
LAYERS = {
    "float16": ({"seed": 7, "dtype": "mixed_float16"}, IMAGES),
    "bytes": ({"seed": 7, "dtype": "uint8"}, IMAGES[0]),
    "first": ({"seed": 7, "data_format": "channels_first"}, IMAGES.transpose(0, 3, 1, 2)),
    "masks": ({"seed": 7, "fill_mask": 2}, {"images": IMAGES, "segmentation_masks": np.zeros((N, 16, 20), np.int32)}),
    "indexed": (
        {"seed": 7, "index_key": "index", "epoch_key": "epoch"},
        {"images": IMAGES, "index": np.arange(N), "epoch": np.zeros(N, np.int32)},
    ),
}


def arrays(outputs):
    """Return all tensors of the outputs as arrays of NumPy, with their dtypes."""
    return [
        (keras.backend.standardize_dtype(tensor.dtype), keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")))
        for tensor in keras.tree.flatten(outputs)
    ]


def same(first, second):
    first, second = arrays(first), arrays(second)
    return len(first) == len(second) and all(
        a == b and np.array_equal(x, y) for (a, x), (b, y) in zip(first, second, strict=True)
    )


def symbolic(inputs):
    return keras.tree.map_structure(lambda array: keras.KerasTensor(array.shape, str(array.dtype)), inputs)


@pytest.mark.parametrize("name", LAYERS)
class TestEveryLayer:
    """What Keras asks of a layer holds for many layers."""

    def test_the_config_makes_the_same_layer(self, name):
        """So do JSON and pickles; and the arguments of the base class are in it."""
        options, inputs = LAYERS[name]
        layer = DustRectangles(**options)
        config = json.loads(json.dumps(layer.get_config()))
        attributes = set(dir(layer))
        dusted = layer(inputs)

        assert attributes == set(dir(DustRectangles.from_config(config)))
        assert {"name", "trainable", "dtype"} <= set(config)
        for again in (
            DustRectangles.from_config(config),
            pickle.loads(pickle.dumps(DustRectangles(**options, name=layer.name))),
        ):
            assert again.get_config() == layer.get_config()
            assert same(dusted, again(inputs))

    def test_shapes_and_dtypes_are_known_before(self, name):
        """The specs of the outputs are those of the outputs."""
        options, inputs = LAYERS[name]
        layer = DustRectangles(**options)
        known = keras.tree.flatten(layer.compute_output_spec(symbolic(inputs)))
        outputs = keras.tree.flatten(layer(inputs))
        # Without its 64-bit mode, JAX makes 32 bits of what Keras calls int64.
        narrow = {"int64": "int32"} if keras.config.backend() == "jax" else {}

        assert [tuple(spec.shape) for spec in known] == [tuple(tensor.shape) for tensor in outputs]
        dtypes = [keras.backend.standardize_dtype(tensor.dtype) for tensor in outputs]
        assert [narrow.get(spec.dtype, spec.dtype) for spec in known] == dtypes
        assert layer.compute_output_shape((N, 16, 20, 3)) == (N, 16, 20, 3)

    def test_it_has_one_number_and_no_weights(self, name):
        """The count of the calls is all that it keeps."""
        options, inputs = LAYERS[name]
        layer = DustRectangles(**options)
        layer(inputs)

        assert layer.built
        assert ([], [], 1) == (layer.weights, layer.trainable_variables, len(layer.non_trainable_variables))

    def test_inputs_are_left_alone(self, name):
        """Neither training nor inference changes an array."""
        options, inputs = LAYERS[name]
        before = copy.deepcopy(inputs)
        for training in (True, False):
            DustRectangles(**options)(inputs, training=training)

        assert all(map(np.array_equal, keras.tree.flatten(before), keras.tree.flatten(inputs)))


def test_masks_of_keras_pass():
    """Keras' own masks of time steps go through the layer."""
    masked = keras.layers.Masking(0.0)(IMAGES.astype(np.float32))
    for inputs in (masked, {"images": masked, "label": "sunburst"}):
        outputs = DustRectangles(seed=7)(inputs)
        assert keras.tree.flatten(outputs)[0]._keras_mask is not None


def test_it_works_on_each_step_of_a_clip():
    """TimeDistributed gives the layer one frame of each clip at a time."""
    clips = np.stack([IMAGES, IMAGES]).astype(np.float32)
    layer = keras.layers.TimeDistributed(DustRectangles(seed=7, count_range=(5, 9)))

    assert clips.shape == tuple(layer(clips, training=True).shape)
    assert not same(clips, layer(clips, training=True))
    assert same(clips, layer(clips, training=False))


def test_a_model_without_the_layer_predicts_the_same(tmp_path):
    """A layer that is nothing in prediction can be taken out of a Sequential and of a functional model."""

    def replace(layer):
        return keras.layers.Rescaling(1, name=layer.name) if isinstance(layer, DustRectangles) else layer

    entry = keras.Input((16, 20, 3), dtype="uint8")
    functional = keras.Model(entry, keras.layers.Conv2D(2, 3)(DustRectangles(seed=7)(entry)))
    sequential = keras.Sequential([entry, DustRectangles(seed=7), keras.layers.Conv2D(2, 3)])
    for model in (functional, sequential):
        plain = keras.models.clone_model(model, clone_function=replace)
        plain.save(tmp_path / "plain.keras")
        loaded = keras.models.load_model(tmp_path / "plain.keras")
        for served in (plain, loaded):
            assert not any(isinstance(layer, DustRectangles) for layer in served.layers)
            assert np.array_equal(model.predict(IMAGES, verbose=0), served.predict(IMAGES, verbose=0))


def test_entries_that_are_no_tensors_are_passed_on():
    """Names, numbers and lists of a dict stay what they are, with each backend."""
    thing = object()
    others = {"path": ["a", "b", "c"], "label": 3, "name": "x", "none": None, "thing": thing, 5: np.array(["a"])}
    outputs = DustRectangles(seed=7, dtype="uint8")({"images": IMAGES, **others})

    assert list(outputs) == ["images", *others]
    assert all(outputs[key] is value for key, value in others.items())
    assert same(add_dust(IMAGES.copy(), seed=7, index=0), outputs["images"])


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "uint32", "uint64"])
def test_indices_and_epochs_of_all_whole_dtypes(dtype):
    """They give the same dust in each."""
    layer = DustRectangles(seed=7, index_key="index", epoch_key="epoch", dtype="uint8")
    dusted = layer({"images": IMAGES, "index": np.arange(90, 93, dtype=dtype), "epoch": np.arange(3, dtype=dtype)})
    expected = [add_dust(image.copy(), seed=7, epoch=i, index=90 + i) for i, image in enumerate(IMAGES)]

    assert same(np.stack(expected), dusted["images"])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (None, TypeError, "images must be one tensor or array, got NoneType"),
        ("photo.png", TypeError, "images must be one tensor or array, got str"),
        (IMAGES.astype(np.complex64), TypeError, "images must hold real numbers, got complex64"),
        (np.array(["a"]), TypeError, "images must hold real numbers, got <U1"),
        (np.array([None]), TypeError, "images must hold real numbers, got object"),
        (np.float32(3), ValueError, "images must have 3 axes, or 4 in a batch, got shape ()"),
        (IMAGES[None], ValueError, "images must have 3 axes, or 4 in a batch, got shape (1, 3, 16, 20, 3)"),
        ({}, ValueError, 'inputs must have "images", got a dict with no entries: type {"images": …}'),
        (
            {"images": [IMAGES[0], IMAGES[1]]},
            TypeError,
            "images must be one tensor or array, got list: type numpy.stack(images) if they are of one size",
        ),
        (
            {"images": IMAGES, "segmentation_masks": None},
            TypeError,
            "segmentation_masks must be one tensor or array, got NoneType",
        ),
        (
            {"images": IMAGES, "segmentation_masks": np.zeros((16, 20), np.uint8)},
            ValueError,
            "segmentation_masks must have the shape (3, 16, 20) of the images, with or without channels, got (16, 20)",
        ),
    ],
)
def test_odd_inputs(training, inputs, error, message):
    """The answer is one sentence, and nothing of Keras or its backend."""
    with pytest.raises(error) as caught:
        DustRectangles(seed=7, fill_mask=1)(inputs, training=training)

    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        (None, TypeError, "must be whole numbers, got None"),
        (1.5, TypeError, "must be whole numbers, got 1.5"),
        ("a", TypeError, "must be whole numbers, got 'a'"),
        (True, TypeError, "must be whole numbers, got True"),
        ([[1], [2, 3]], TypeError, r"must be whole numbers, got \[\[1\], \[2, 3\]\]"),
        ([0.0, 1.0, 2.0], TypeError, "must be whole numbers, got"),
        (-1, ValueError, "must be from 0 to"),
        (10**40, ValueError, "must be from 0 to"),
        ([0, 1], ValueError, r"must be a number or of shape \(3,\), one for each image, got shape \(2,\)"),
        (np.zeros((3, 1), int), ValueError, r"must be a number or of shape \(3,\)"),
    ],
)
@pytest.mark.parametrize("key", ["index", "epoch"])
def test_odd_numbers(key, number, error, message):
    """An index and an epoch are whole numbers, one or one for each image."""
    layer = DustRectangles(seed=7, index_key="index", epoch_key="epoch")
    with pytest.raises(error, match=f"^{key} {message}"):
        layer({"images": IMAGES, "index": 0, "epoch": 0, key: number})


def test_an_input_of_floats_is_no_index():
    """keras.Input makes floats by default, which would round indices."""
    layer = DustRectangles(seed=7, index_key="index")
    with pytest.raises(TypeError, match=r'^index must be whole numbers, .* type keras.Input\(\(\), dtype="int32"'):
        layer({"images": keras.Input((16, 20, 3)), "index": keras.Input(())})


def test_odd_configs_and_dtypes():
    """Configs may lack a spec, and hold one that is made; a layer is of real numbers."""
    assert DustRectangles.from_config({}).spec == DustRectangles.from_config({"spec": dustaug.dust()}).spec
    with pytest.raises(TypeError, match=r"^config must be a dict, got NoneType: type layer.get_config\(\)$"):
        DustRectangles.from_config(None)
    for dtype in ("string", "complex64"):
        with pytest.raises(TypeError, match=f"^dtype must be of real numbers, got '{dtype}': type dtype=\"float32\"$"):
            DustRectangles(dtype=dtype)


@pytest.mark.parametrize(
    ("flow", "error", "message"),
    [
        (list, TypeError, "flow must be a PyDataset, a sequence or an iterable of batches, got the class list"),
        (b"abc", TypeError, "flow must be a PyDataset, a sequence or an iterable of batches, got bytes"),
        ([()], TypeError, "flow must give images or tuples that begin with them, got an empty tuple"),
        ([IMAGES[0]], ValueError, r"flow must give batches of images, got shape \(16, 20, 3\): type images\[None\]"),
    ],
)
def test_odd_flows(flow, error, message):
    """A flow gives batches of images."""
    with pytest.raises(error, match=f"^{message}"):
        dust_flow(flow, seed=7)[0]


def test_odd_batches_of_a_flow():
    """A flow is asked for a batch by its number, which may count from the end."""
    flow = dust_flow([(IMAGES, 0), (IMAGES, 1)], seed=7)

    assert np.array_equal(flow[-1][0], flow[1][0])
    for i in ("a", slice(1), True, 1.0):
        with pytest.raises(
            TypeError, match=r"^flow must be asked for one batch by its number, got .*: type flow\[0\]$"
        ):
            flow[i]


if keras.config.backend() == "torch":

    @pytest.mark.filterwarnings("ignore:`torch.jit.*` is deprecated:DeprecationWarning")
    @pytest.mark.filterwarnings("ignore:`torch.jit.*` is deprecated:FutureWarning")
    @pytest.mark.filterwarnings("ignore:.*not properly registered as a submodule:UserWarning")
    def test_an_exported_model_serves_no_dust(tmp_path):
        """PyTorch's own exporters and Keras' one write a model without dust, which itself goes on to dust."""
        import torch

        model = keras.Sequential([keras.Input((16, 20, 3)), DustRectangles(count_range=(5, 9), seed=7)])
        images = torch.from_numpy(IMAGES.astype(np.float32))
        exported = torch.export.export(model, (images,), strict=False)
        torch.export.save(exported, tmp_path / "model.pt2")

        assert torch.equal(images, exported.module()(images))
        assert torch.equal(images, torch.export.load(tmp_path / "model.pt2").module()(images))
        assert torch.equal(images, torch.jit.trace(model, (images,), check_trace=False)(images))
        assert not torch.equal(images, model(images))


def test_a_layer_looks_up_the_probability_of_a_schedule():
    """The dust is that of the epoch in the dict, one for all images or one for each, also after a copy."""
    layer = DustRectangles(MOVES_P, seed=7, index_key="index", epoch_key="epoch", dtype="uint8")
    copied = DustRectangles.from_config(json.loads(json.dumps(layer.get_config())))
    for epochs in (0, 3, 9, np.array([4, 2, 1])):
        inputs = {"images": IMAGES, "index": np.arange(N), "epoch": epochs}
        wanted = [
            add_dust(image.copy(), MOVES_P.at(e), seed=7, epoch=e, index=i)
            for i, (image, e) in enumerate(zip(IMAGES, np.broadcast_to(epochs, N).tolist(), strict=True))
        ]
        for each in (layer, copied):
            assert (keras.ops.convert_to_numpy(each(inputs)["images"]) == np.stack(wanted)).all()


def test_other_schedules_are_refused():
    """A layer counts no epochs, and its graph holds all but the probability."""
    keys = {"seed": 7, "index_key": "index"}
    with pytest.raises(
        TypeError, match=r"epoch_key must be given with a Schedule, .*, got none: type DustRectangles\("
    ):
        DustRectangles(MOVES_P, **keys)
    with pytest.raises(
        TypeError, match=r"a Schedule must move p alone, .* in a layer, .*, got p, count_range, fill: type"
    ):
        DustRectangles(MANY, epoch_key="epoch", **keys)
