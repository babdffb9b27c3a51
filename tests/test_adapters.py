"""Every adapter paints the bytes that vectors/pixels.json pins for (image, spec, seed, epoch, index)."""

import json
import tempfile
from unittest import mock

import numpy as np
import pytest

import dustaug
from conftest import missing_framework
from dustaug import add_dust
from test_pixels import ADAPTED, FILE, KEYS, hash_of, photos

SEED, EPOCH, FIRST = KEYS["any"].values()
N = len(photos())


def through_numpy_nchw(images, spec):
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    add_dust(planes, spec, seed=SEED, epoch=EPOCH, index=FIRST, layout="NCHW")
    return planes.transpose(0, 2, 3, 1)


def through_stream(images, spec):
    stream = dustaug.DustStream(spec, seed=SEED, epoch=EPOCH, index=FIRST)
    return np.concatenate([stream(images[start : start + 2]) for start in range(0, N, 2)])


def through_torch(images, spec):
    import torch

    from dustaug.torch import add_dust

    tensor = torch.from_numpy(images).permute(0, 3, 1, 2)  # This memory is channels_last.
    return add_dust(tensor, spec, seed=SEED, epoch=EPOCH, index=FIRST).permute(0, 2, 3, 1).numpy()


def through_torch_compile(images, spec):
    import torch

    from dustaug.torch import add_dust

    torch._dynamo.reset()
    compiled = torch.compile(
        lambda tensor, first: add_dust(tensor, spec, seed=SEED, epoch=EPOCH, index=first, layout="NHWC"),
        backend="aot_eager",
        fullgraph=True,
    )
    return compiled(torch.from_numpy(images), FIRST).numpy()


def through_torch_operations(images, spec):
    import torch

    from agreement import kind_of
    from dustaug._engine.coordinates import Coordinates
    from dustaug._tensors.devices import OperationsPainter

    tensor = torch.from_numpy(images)  # The tensor is painted as on a device that only has PyTorch's operations.
    OperationsPainter(spec, kind_of(tensor, "NHWC"), tensor.device)(tensor, Coordinates(SEED, EPOCH, FIRST))
    return images


def through_triton_interpreter(images, spec):
    import interpreted

    coordinates = {"seed": SEED, "epoch": EPOCH, "index": FIRST}
    place = images.shape, images.strides, 0
    return interpreted.run(interpreted.paint, images, "uint8", place, spec, coordinates, "NHWC")


def through_dataset(images, spec):
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from dustaug.torch import DustDataset

    whole = torch.zeros((FIRST + N, 3, 48, 64), dtype=torch.uint8)
    whole[FIRST:] = torch.from_numpy(images).permute(0, 3, 1, 2)
    dataset = DustDataset(TensorDataset(whole), spec, seed=SEED)
    dataset.set_epoch(EPOCH)
    order = list(range(FIRST + N - 1, FIRST - 1, -1))
    loader = DataLoader(dataset, batch_size=4, sampler=order, num_workers=2, multiprocessing_context="fork")
    return torch.cat([batch for (batch,) in loader]).flip(0).permute(0, 2, 3, 1).numpy()


def through_torchvision(images, spec):
    import torch
    from torchvision.transforms import v2

    from dustaug._tensors.painter import seed_source
    from dustaug.torchvision import DustRectangles

    transform = v2.Compose([DustRectangles(spec)])
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    # torch's generator draws the seed, of 63 bits: the same generator is asked for it.
    torch.manual_seed(1)
    seed = int(torch.empty((), dtype=torch.int64).random_())
    torch.manual_seed(1)

    assert (transform(batch).permute(0, 2, 3, 1).numpy() == add_dust(images.copy(), spec, seed=seed, index=0)).all()

    with mock.patch.object(seed_source, "pair", (lambda: None, lambda: SEED)):
        return transform(batch).permute(0, 2, 3, 1).numpy()


def through_albumentations(images, spec):
    import albumentations as A

    from dustaug.albumentations import DustRectangles

    transform = A.Compose([DustRectangles(spec, seed=SEED, index_key="index", epoch_key="epoch", p=1)])
    return np.stack([transform(image=image, index=FIRST + i, epoch=EPOCH)["image"] for i, image in enumerate(images)])


def through_tensorflow(images, spec, backend):
    import tensorflow as tf

    from dustaug.tensorflow import make_dust_fn

    fn = make_dust_fn(spec, seed=SEED, epoch=EPOCH, indexed=True, backend=backend)
    dataset = tf.data.Dataset.from_tensor_slices((np.arange(FIRST, FIRST + N), images))
    return np.concatenate([batch.numpy() for batch in dataset.batch(4).map(fn, num_parallel_calls=2)])


def through_tensorflow_eagerly(images, spec, backend):
    from dustaug.tensorflow import make_dust_fn

    fn = make_dust_fn(spec, seed=SEED, epoch=EPOCH, indexed=True, backend=backend)
    return fn(np.arange(FIRST, FIRST + N), images).numpy()


def through_tensorflow_saved(images, spec):
    import tensorflow as tf

    from dustaug.tensorflow import make_dust_fn

    fn = make_dust_fn(spec, seed=SEED, epoch=EPOCH, indexed=True, backend="graph")
    signature = (tf.TensorSpec((), tf.int64), tf.TensorSpec((None, *images.shape[1:]), images.dtype))
    module = tf.Module()
    module.dust = tf.function(fn, input_signature=signature)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder)
        return tf.saved_model.load(folder).dust(FIRST, images).numpy()


def through_tensorflow_xla(images, spec):
    import tensorflow as tf

    from dustaug.tensorflow import make_dust_fn

    fn = make_dust_fn(spec, seed=SEED, epoch=EPOCH, indexed=True, backend="graph")
    return tf.function(fn, jit_compile=True)(tf.constant(FIRST), tf.constant(images)).numpy()


def keras_layer(spec):
    from dustaug.keras import DustRectangles

    return DustRectangles(spec, seed=SEED, index_key="index", epoch_key="epoch", dtype="uint8")


def through_keras(images, spec):
    dusted = keras_layer(spec)({"images": images, "index": FIRST, "epoch": EPOCH})["images"]
    return np.stack([np.asarray(image) for image in dusted])


def through_keras_in_a_data_set(images, spec):
    import tensorflow as tf

    inputs = {"images": images, "index": np.arange(FIRST, FIRST + N), "epoch": np.full(N, EPOCH)}
    batches = tf.data.Dataset.from_tensor_slices(inputs).batch(4).map(keras_layer(spec), num_parallel_calls=2)
    return np.concatenate([batch["images"].numpy() for batch in batches])


def through_keras_flow(images, spec):
    from dustaug.keras import dust_flow

    whole = [np.zeros((FIRST, *images.shape[1:]), np.uint8), images[:4], images[4:]]
    return np.concatenate(list(dust_flow(iter(whole), spec, seed=SEED, epoch=EPOCH))[1:])


def through_jax(images, spec):
    import jax

    from dustaug.jax import add_dust, to_words

    dust = jax.jit(lambda images, index: add_dust(images, spec, seed=SEED, epoch=EPOCH, index=index))
    return np.asarray(dust(images, to_words(np.arange(FIRST, FIRST + N))))


def through_jax_vmap(images, spec):
    import jax
    import jax.numpy as jnp

    from dustaug.jax import add_dust, to_words

    key = jax.random.wrap_key_data(jnp.asarray(to_words(SEED)))
    dust = jax.vmap(lambda image, index: add_dust(image, spec, seed=key, epoch=EPOCH, index=index))
    return np.asarray(dust(jnp.asarray(images), jnp.arange(FIRST, FIRST + N)))


def through_grain(images, spec):
    import grain

    from dustaug.grain import DustRectangles

    whole = np.zeros((FIRST + N, *images.shape[1:]), np.uint8)
    whole[FIRST:] = images
    transform = DustRectangles(spec, seed=SEED, records_per_epoch=len(whole))
    dataset = grain.MapDataset.source(whole).map_with_index(transform).repeat(EPOCH + 1)
    return np.stack([dataset[EPOCH * len(whole) + FIRST + i] for i in range(N)])


def through_grain_loader(images, spec):
    import grain

    from dustaug.grain import DustRectangles

    whole = np.zeros((FIRST + N, *images.shape[1:]), np.uint8)
    whole[FIRST:] = images
    records = [{"image": image, "number": number} for number, image in enumerate(whole)]
    sampler = grain.samplers.IndexSampler(len(records), shuffle=True, seed=1, num_epochs=1)
    transform = DustRectangles(spec, seed=SEED, epoch=EPOCH, records_per_epoch=len(records))
    loader = grain.DataLoader(data_source=records, sampler=sampler, operations=[transform])
    dusted = {int(record["number"]): record["image"] for record in loader}
    return np.stack([dusted[FIRST + i] for i in range(N)])


def through_ray_batches(images, spec):
    from dustaug.ray import DustBatch

    dust_batch = DustBatch(spec, seed=SEED, index_column="index", epoch=EPOCH)
    batches = [
        {"image": images[start : start + 4], "index": np.arange(start, start + 4)[: N - start]} for start in (0, 4)
    ]
    return np.concatenate([dust_batch({**b, "index": b["index"] + FIRST})["image"] for b in batches])


def through_monai(images, spec):
    import torch

    import dustaug.monai

    # The transform draws the seed of an image whose index is 0.
    transform, transposed = dustaug.monai.DustRectanglesd("image", spec), images.transpose(0, 3, 1, 2)
    place, dusted = dustaug.monai.Coordinates, []
    for i, image in enumerate(transposed):
        with mock.patch.object(dustaug.monai, "Coordinates", lambda *_, i=i: place(SEED, EPOCH, FIRST + i)):
            dusted.append(transform({"image": torch.from_numpy(image)})["image"].permute(1, 2, 0).numpy())
    return np.stack(dusted)


ADAPTERS = {
    "jax": (through_jax, "jax"),
    "jax-vmap": (through_jax_vmap, "jax"),
    "grain": (through_grain, "grain"),
    "grain-loader": (through_grain_loader, "grain"),
    "tensorflow-numba": (lambda images, spec: through_tensorflow(images, spec, "numba"), "tensorflow"),
    "tensorflow-numba-eager": (lambda images, spec: through_tensorflow_eagerly(images, spec, "numba"), "tensorflow"),
    "tensorflow-graph": (lambda images, spec: through_tensorflow(images, spec, "graph"), "tensorflow"),
    "tensorflow-graph-eager": (lambda images, spec: through_tensorflow_eagerly(images, spec, "graph"), "tensorflow"),
    "tensorflow-saved": (through_tensorflow_saved, "tensorflow"),
    "tensorflow-xla": (through_tensorflow_xla, "tensorflow"),
    "keras": (through_keras, "keras"),
    "keras-data": (through_keras_in_a_data_set, "keras_data"),
    "keras-flow": (through_keras_flow, "keras"),
    "ray-batches": (through_ray_batches, ""),
    "numpy-nchw": (through_numpy_nchw, ""),
    "stream": (through_stream, ""),
    "torch": (through_torch, "torch"),
    "torch-compile": (through_torch_compile, "torch"),
    "torch-operations": (through_torch_operations, "_tensors.devices"),
    "triton-interpreter": (through_triton_interpreter, "_tensors.triton"),
    "dataset": (through_dataset, "torch"),
    "torchvision": (through_torchvision, "torchvision"),
    "albumentations": (through_albumentations, "albumentations"),
    "monai": (through_monai, "monai"),
}


# These adapters draw a seed for every call; their epoch and first index are 0.
FROM_ZERO = {"torchvision"}
# Triton's kernel draws rectangles of plain kinds; all else is painted there by PyTorch's operations.
NOT_DRAWN = {("triton-interpreter", "patch_drop")}


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning", "ignore:os.fork:RuntimeWarning")
@pytest.mark.parametrize(
    ("name", "spec"),
    [
        (name, spec)
        for name, (_, needs) in ADAPTERS.items()
        for spec in ADAPTED
        if not missing_framework(needs) and (name, spec) not in NOT_DRAWN
    ],
)
def test_all_adapters_paint_the_same_bytes(name, spec):
    """Every adapter gives the bytes of add_dust() on a NumPy batch, and their hash is that of the file."""
    key = "zero" if name in FROM_ZERO else "any"
    expected = add_dust(photos(), ADAPTED[spec], **KEYS[key])
    dusted = ADAPTERS[name][0](photos(), ADAPTED[spec])
    literal = json.loads(FILE.read_text())[f"adapters-{key}-{spec}"]["sha256"]

    np.testing.assert_array_equal(dusted, expected, strict=True)
    assert hash_of(dusted) == literal
    assert hash_of(expected) == literal


# These keep the dtype of an array of their own, or take one dtype only.
OF_BYTES = {"dataset", "triton-interpreter", "grain", "grain-loader", "keras", "keras-data"}


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize(
    "name", [name for name, (_, needs) in ADAPTERS.items() if name not in OF_BYTES and not missing_framework(needs)]
)
def test_integers_that_no_picture_fills_need_a_range(name):
    """Every adapter refuses int32 without a value range, whose largest value would be taken for white."""
    with pytest.raises(Exception, match="value_range must be given for images of int32, as no picture fills"):
        ADAPTERS[name][0](photos().astype(np.int32), dustaug.dust())


def in_albumentations():
    from dustaug.albumentations import DustRectangles

    return DustRectangles(dustaug.cutmix())


def in_grain():
    from dustaug.grain import DustRectangles

    return DustRectangles(dustaug.cutmix(), seed=0)


def in_ray():
    from dustaug.ray import DustBatch

    return DustBatch(dustaug.cutmix(), seed=0, index_column="index")


def in_flow():
    from dustaug.keras import dust_flow

    return dust_flow(iter([]), dustaug.cutmix())


WITHOUT_DONORS = {
    "albumentations": (in_albumentations, "albumentations"),
    "grain": (in_grain, "grain"),
    "ray": (in_ray, ""),
    "keras-flow": (in_flow, "keras"),
}


@pytest.mark.parametrize("name", [name for name, (_, needs) in WITHOUT_DONORS.items() if not missing_framework(needs)])
def test_donors_are_refused_where_there_are_none(name):
    """An adapter that has no second images says so when it is made, and what to type."""
    with pytest.raises(ValueError, match=r'spec must have another fill than "donors" in .*, which has none, .*: type '):
        WITHOUT_DONORS[name][0]()
