"""The layer DustCutMix mixes batches in training: images by pixels, and labels by the share of each image."""

import json

import keras
import numpy as np
import pytest

import dustaug
from dustaug import add_dust, cutmix, mix_labels, partner_of, sample_rectangles
from dustaug._graph.mixing import partners_of
from dustaug.keras import DustCutMix, DustRectangles
from dustaug.keras._layer import find_operations

# Keras asks its tensors for arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

SEED, K = 2**63 + 7, 4
SPECS = {"cutmix": cutmix(), "some": cutmix(0.3, p=0.5), "dust": dustaug.dust(fill="donors")}


def batch(n=6, height=16, width=21):
    """Return images, one-hot labels and masks."""
    rng = np.random.default_rng(n)
    images = rng.integers(0, 256, (n, height, width, 3)).astype(np.float32)
    labels = np.eye(K, dtype=np.float32)[rng.integers(0, K, n)]
    return {"images": images, "labels": labels, "segmentation_masks": (images[..., 0] > 100).astype(np.uint8)}


def expected(inputs, spec=None, epoch=0):
    """Return what a call must give, from the functions that the layer's documentation names."""
    n, height, width, _ = inputs["images"].shape
    partners = partner_of(SEED, epoch, np.arange(n), n)
    spec, coordinates = spec or cutmix(), {"seed": SEED, "epoch": epoch, "index": np.arange(n)}
    drawn = sample_rectangles(spec, height=height, width=width, **coordinates)
    images, masks = inputs["images"], inputs["segmentation_masks"]
    return {
        "images": add_dust(images.copy(), spec, **coordinates, donors=images[partners]),
        "labels": mix_labels(inputs["labels"], inputs["labels"][partners], drawn.share()),
        "segmentation_masks": np.where(drawn.mask(), masks[partners], masks),
    }


def check(found, wanted):
    """Check that a batch is what it must be: pixels to the byte, and labels to the last bit or two."""
    for key in ("images", "segmentation_masks"):
        array = keras.ops.convert_to_numpy(found[key])

        assert array.dtype == wanted[key].dtype
        assert array.tobytes() == wanted[key].tobytes()
    labels = keras.ops.convert_to_numpy(found["labels"])
    assert labels.dtype == np.float32
    assert abs(labels - wanted["labels"]).max(initial=0) <= 2**-23


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_call_number_k_mixes_as_epoch_k(spec):
    """Images, masks and labels are those of the functions, for batches of any length; nothing is changed in place."""
    layer = DustCutMix(spec, seed=SEED)
    for k, n in enumerate((6, 1, 5)):
        inputs = batch(n)
        given = {key: array.copy() for key, array in inputs.items()}

        check(layer(inputs), expected(inputs, spec, epoch=k))
        assert all((inputs[key] == given[key]).all() for key in inputs)


def test_the_share_of_each_label_is_counted_in_its_image():
    """With images of one value each, a label has for each class the share of the pixels with that value."""
    n = 4
    images = np.broadcast_to(np.arange(n, dtype=np.float32)[:, None, None, None], (n, 32, 24, 1))
    layer, seen = DustCutMix(seed=1), set()
    for _ in range(4):
        mixed = layer({"images": images.copy(), "labels": np.eye(n, dtype=np.float32)})
        pixels, labels = (keras.ops.convert_to_numpy(mixed[key]) for key in ("images", "labels"))
        counted = np.stack([(pixels == i).mean(axis=(1, 2, 3)) for i in range(n)], axis=1)
        seen |= set(labels.max(axis=1).tolist())

        assert abs(labels - counted).max() <= 2**-23
    assert len(seen) > n


def test_partners_are_those_of_partner_of():
    """The graph permutes batches of any length as the function does."""
    ops, _ = find_operations(keras.config.backend(), keras.ops.zeros(1))
    for n in (1, 5, 64):
        partners = partners_of(ops, ops.to_words(SEED), ops.as_words(np.array(9)), n)

        assert keras.ops.convert_to_numpy(partners).tolist() == partner_of(SEED, 9, range(n), n).tolist()


def test_other_entries_are_passed_on_and_nothing_changes_outside_of_training():
    """Names pass, masks and other tensors may be missing, and without training images and labels stay."""
    inputs = {**batch(), "name": "a", "weights": np.arange(6, dtype=np.float32)}
    layer = DustCutMix(seed=SEED)
    mixed = layer(inputs)

    assert mixed["name"] == "a"
    assert (keras.ops.convert_to_numpy(mixed["weights"]) == inputs["weights"]).all()
    check(layer(inputs, training=False), inputs)
    del inputs["segmentation_masks"]
    assert "segmentation_masks" not in layer(inputs)


def test_layout_and_dtypes_are_free():
    """Channels may come first, bytes stay bytes, whole labels become float32, and masks may have a channel."""
    inputs = batch()
    wanted = expected(inputs)
    layer = DustCutMix(seed=SEED, data_format="channels_first", dtype="uint8")
    first = {
        "images": inputs["images"].astype(np.uint8).transpose(0, 3, 1, 2),
        "labels": inputs["labels"].astype(np.int32),
        "segmentation_masks": inputs["segmentation_masks"][:, None],
    }
    mixed = {key: keras.ops.convert_to_numpy(tensor) for key, tensor in layer(first).items()}

    assert mixed["images"].dtype == np.uint8
    assert (mixed["images"].transpose(0, 2, 3, 1) == wanted["images"]).all()
    assert (mixed["segmentation_masks"][:, 0] == wanted["segmentation_masks"]).all()
    assert mixed["labels"].dtype == np.float32
    assert abs(mixed["labels"] - wanted["labels"]).max() <= 2**-23


def test_a_functional_model_knows_shapes_and_takes_any_size():
    """A model of a dict knows what comes out, and mixes batches of any length, height and width."""
    keys = {"images": (None, None, 3), "labels": (K,), "segmentation_masks": (None, None)}
    dtypes = {"images": "float32", "labels": "int32", "segmentation_masks": "uint8"}
    inputs = {key: keras.Input(shape, dtype=dtypes[key], name=key) for key, shape in keys.items()}
    model = keras.Model(inputs, DustCutMix(seed=SEED)(inputs))

    assert model.output["images"].shape == (None, None, None, 3)
    assert (model.output["labels"].shape, model.output["labels"].dtype) == ((None, K), "float32")
    for k, size in enumerate(((6, 16, 21), (3, 20, 12))):
        given = batch(*size)
        check(model({**given, "labels": given["labels"].astype(np.int32)}, training=True), expected(given, epoch=k))
    assert (keras.ops.convert_to_numpy(model(given, training=False)["images"]) == given["images"]).all()


def test_the_config_says_everything():
    """The config can be stored as JSON, and makes the same layer; without a seed Keras draws one."""
    layer = DustCutMix(alpha=0.5, p=0.5, seed=SEED, data_format="channels_first", name="mix", dtype="float16")
    again = DustCutMix.from_config(json.loads(json.dumps(layer.get_config())))

    assert again.get_config() == layer.get_config()
    assert again.spec == cutmix(0.5, p=0.5)
    keras.utils.set_random_seed(3)
    first = DustCutMix()(batch())
    keras.utils.set_random_seed(3)
    second = DustCutMix()(batch())
    assert (keras.ops.convert_to_numpy(first["images"]) == keras.ops.convert_to_numpy(second["images"])).all()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"labels": None}, TypeError, "labels must be a tensor of numbers, got None: type keras.ops.one_hot"),
        (
            {"labels": np.arange(6)},
            ValueError,
            r"labels must have shape \(6, classes\), got \(6,\): type keras.ops.one",
        ),
        ({"labels": np.ones((5, 2))}, ValueError, r"labels must have shape \(6, classes\), got \(5, 2\)"),
        (
            {"images": np.ones((16, 21, 3))},
            ValueError,
            r"images must be a batch, got shape \(16, 21, 3\): type dataset",
        ),
        ({"images": np.ones((6, 16, 21, 9))}, ValueError, "data_format must be given where the shape does not tell it"),
        (
            {"segmentation_masks": np.ones((6, 9, 9))},
            ValueError,
            r"segmentation_masks must have the shape \(6, 16, 21\)",
        ),
    ],
)
def test_odd_batches_are_refused(changes, error, message):
    """The error tells which entry is wrong, and what to type."""
    with pytest.raises(error, match=f"^{message}"):
        DustCutMix()({**batch(), **changes})


def test_what_is_no_dict_or_lacks_labels_is_refused():
    """Images alone, pairs, and dicts without labels are refused."""
    with pytest.raises(TypeError, match='^inputs must be a dict with "images" and "labels", got a ndarray: type layer'):
        DustCutMix()(batch()["images"])
    with pytest.raises(ValueError, match="^inputs must be a dict with \"images\" and 'labels', got a dict with images"):
        DustCutMix()({"images": batch()["images"]})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"spec": dustaug.dust()}, ValueError, "spec must have fill=\"donors\", got fill='grey': type DustCutMix"),
        ({"per_object": True}, ValueError, "spec must need no guide and no objects, got"),
        ({"seed": -1}, ValueError, "seed must be from 0 to 18446744073709551615, got -1"),
        ({"data_format": "NHWC"}, ValueError, "data_format must be 'channels_last' or 'channels_first', got 'NHWC'"),
        ({"spec": cutmix(), "alpha": 1.0}, TypeError, "spec must be given alone, got alpha too"),
    ],
)
def test_odd_options_are_refused(options, error, message):
    """The error tells what must hold, and what to type."""
    with pytest.raises(error, match=f"^{message}"):
        DustCutMix(**options)


def test_the_transform_of_samples_refuses_donors():
    """DustRectangles has no donors, and names the class that has."""
    with pytest.raises(ValueError, match=r'^spec must have another fill than "donors".*: type DustCutMix\(spec\)'):
        DustRectangles(cutmix())
