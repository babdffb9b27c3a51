"""DustRectangles works inside tf.data, whatever the backend of Keras is."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import dustaug
import guided
import test_keras_mixing
from dustaug import partner_of
from dustaug._graph.mixing import partners_of
from dustaug._graph.tensorflow import OPS
from dustaug.keras import DustCutMix, DustRectangles, dust_flow
from dustaug.tensorflow import make_dust_fn
from test_keras import SEED, N, expected, floats, guided_inputs, guided_layer, photos, same

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


def black(n):
    return tf.data.Dataset.from_tensors(np.zeros((2, 16, 16, 1), np.float32)).repeat(n)


def test_a_data_set_is_mapped():
    """A mapped layer goes on counting over the epochs, and shapes stay known."""
    dataset = tf.data.Dataset.from_tensors(photos()).repeat(2).map(DustRectangles(seed=SEED))

    assert (N, 32, 40, 3) == tuple(dataset.element_spec.shape)
    for first in (0, 2):
        for k, images in enumerate(dataset):
            assert same(expected(floats(photos()), epoch=first + k), images)


def test_dicts_are_mapped_by_their_index():
    """Elements with an index keep their dust in any order, alone and in batches, also in parallel."""
    inputs = {"images": photos(), "index": np.arange(N), "label": np.arange(N) * 2}
    layer = DustRectangles(seed=SEED, index_key="index")
    dataset = tf.data.Dataset.from_tensor_slices(inputs).shuffle(N, seed=1)
    want = expected(floats(photos()))
    for mapped in (dataset.map(layer, num_parallel_calls=4), dataset.batch(4).map(layer).unbatch()):
        for element in mapped:
            index = int(element["index"])

            assert same(want[index], element["images"])
            assert 2 * index == int(element["label"])


def test_batches_of_a_data_set_are_mixed():
    """DustCutMix takes batches of tf.data, whatever the backend; the last one may be shorter, and lengths unknown."""
    inputs = test_keras_mixing.batch(N)
    dataset = tf.data.Dataset.from_tensor_slices(inputs).batch(4).map(DustCutMix(seed=SEED))

    for k, mixed in enumerate(dataset):
        part = {key: array[4 * k : 4 * k + 4] for key, array in inputs.items()}
        test_keras_mixing.check(
            {key: keras.ops.convert_to_tensor(tensor.numpy()) for key, tensor in mixed.items()},
            test_keras_mixing.expected(part, epoch=k),
        )


def test_partners_of_a_batch_of_unknown_length_are_those_of_partner_of():
    """A graph that learns the length of a batch when it runs permutes it as the function does, also under XLA."""
    for jit_compile in (False, True):

        @tf.function(jit_compile=jit_compile, input_signature=[tf.TensorSpec((None,), tf.int64)], autograph=False)
        def partners(numbers):
            return partners_of(OPS, OPS.to_words(SEED), OPS.as_words(np.array(9)), tf.shape(numbers)[0])

        for n in (5, 64) if jit_compile else (1, 4, 5, 16, 17, 65, 257):
            assert partners(tf.range(n, dtype=tf.int64)).numpy().tolist() == partner_of(SEED, 9, range(n), n).tolist()


def test_parallel_calls_never_get_the_same_dust():
    """Parallel calls count without a gap, so that no two get the same number."""
    spec = dustaug.dust(count_range=(31, 31))
    dataset = black(1500).map(DustRectangles(spec, seed=1), num_parallel_calls=8)

    assert 1500 == len({images.numpy().tobytes() for images in dataset})


@pytest.mark.filterwarnings("ignore:Your `PyDataset` class should call:UserWarning")  # Keras 3.5's does not.
def test_a_legacy_flow_is_keyed_by_its_samples():
    """In a shuffled flow of ImageDataGenerator, an image has the dust of its own place."""
    images = photos().astype(np.float32)
    flow = tf.keras.preprocessing.image.ImageDataGenerator().flow(images, np.arange(N), batch_size=4, seed=1)
    noised = dust_flow(flow, seed=SEED, value_range=(0, 255))
    for epoch in range(2):
        dusted, labels = (np.concatenate(part) for part in zip(*noised, strict=True))

        assert sorted(labels) == list(range(N)) != list(labels)
        assert same(expected(images, epoch=epoch)[labels], dusted)


def test_a_data_set_is_no_flow():
    """dust_flow() refuses a data set, which has map() instead."""
    with pytest.raises(TypeError, match="flow must not be a tf.data.Dataset: type flow.map"):
        dust_flow(black(1))


@pytest.mark.parametrize("rank", [3, 4])
def test_images_of_unknown_size_are_mapped(rank):
    """The layer is mapped over images of several sizes, and over their masks, by one graph."""
    images = [photos()[:, :height, :width] for height, width in ((20, 30), (8, 40), (32, 9))]
    images = images if rank == 4 else [batch[0] for batch in images]
    inputs = [{"images": each, "segmentation_masks": np.zeros_like(each[..., 0]), "index": 5} for each in images]
    size = (None,) * (rank - 1)
    signature = {
        "images": tf.TensorSpec((*size, 3), tf.uint8),
        "segmentation_masks": tf.TensorSpec(size, tf.uint8),
        "index": tf.TensorSpec((), tf.int64),
    }
    dataset = tf.data.Dataset.from_generator(lambda: iter(inputs), output_signature=signature)
    layer = DustRectangles(seed=SEED, index_key="index", fill_mask=9)
    for image, dusted in zip(images, dataset.map(layer), strict=True):
        n, (height, width) = len(image) if rank == 4 else 1, image.shape[-3:-1]
        covered = dustaug.sample_rectangles(height=height, width=width, seed=SEED, index=np.arange(5, 5 + n))
        masks = covered.mask(height, width) if rank == 4 else covered.mask(height, width)[0]

        assert same(expected(floats(image), index=5), dusted["images"])
        assert same(9 * masks.astype(np.uint8), dusted["segmentation_masks"])


def test_the_number_of_channels_must_be_known():
    """The error says so while the graph is made."""
    signature = tf.TensorSpec((None, 8, 8, None), tf.uint8)
    dataset = tf.data.Dataset.from_generator(lambda: [np.zeros((1, 8, 8, 3), np.uint8)], output_signature=signature)
    with pytest.raises(ValueError, match="a number of channels that is known while the graph is made"):
        dataset.map(DustRectangles())


def test_a_layer_is_made_outside_of_a_map():
    """A layer that is made inside a map is refused, as it would be made anew for each trace."""
    with pytest.raises(RuntimeError, match="DustRectangles must be made outside of a graph"):
        black(1).map(lambda images: DustRectangles()(images))  # noqa: PLW0108


def unseeded(parallel):
    """Return an epoch of a layer that counts its calls."""
    dataset = black(60).map(DustRectangles(dustaug.dust(count_range=(5, 9)), seed=1), num_parallel_calls=parallel)
    return [images.numpy().tobytes() for images in dataset]


def test_op_determinism_fixes_the_order_of_parallel_calls(run_python):
    """TensorFlow's op determinism makes parallel maps repeat."""
    program = """
import sys, tensorflow as tf
sys.path.insert(0, sys.argv[1])
tf.config.experimental.enable_op_determinism()
from test_keras_data import unseeded
print(unseeded(None) == unseeded(8) == unseeded(tf.data.AUTOTUNE))
"""

    assert "True" == run_python(program, Path(__file__).parent).splitlines()[-1]


def test_guides_are_mapped():
    """A layer in a data set draws from guides, before and after batch."""
    (spec, terms), want = guided.CASES["map"], guided.expected("map")
    dataset, layer = tf.data.Dataset.from_tensor_slices(guided_inputs(terms["guide"])), guided_layer(spec)
    for mapped in (dataset.map(layer, num_parallel_calls=2), dataset.batch(4).map(layer).unbatch()):
        elements = list(mapped)

        assert same(want, np.stack([element["images"] for element in elements]))
        assert same(terms["guide"], np.stack([element["guide"] for element in elements]))


def test_fit_moves_the_schedule_of_a_data_set():
    """A callback assigns the epoch to the variable of a data set, whose elements then have the spec of that epoch."""
    images = np.zeros((8, 16, 16, 1), np.float32)
    shares = dustaug.Schedule.linear(0, 1, epochs=2)
    schedule = dustaug.Schedule(dustaug.dust(count_range=(9, 9), fill="constant", fill_value=255), p=shares)
    epoch, sums = tf.Variable(0, dtype=tf.int64), []
    dust = make_dust_fn(schedule, seed=SEED, epoch=epoch, indexed=True)
    dataset = tf.data.Dataset.from_tensor_slices((images, np.zeros(8))).enumerate().map(dust).batch(8)
    dense = keras.layers.Dense(1, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.GlobalAveragePooling2D(), dense])
    model.compile(keras.optimizers.SGD(0.0), loss=lambda _, means: keras.ops.mean(means))
    record = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda number, _: epoch.assign(number), on_epoch_end=lambda _, logs: sums.append(logs["loss"])
    )
    model.fit(dataset, epochs=4, verbose=0, shuffle=False, callbacks=[record])
    keys = {"seed": SEED, "index": 0}
    dusted = [dustaug.add_dust(images.copy(), schedule.at(k), epoch=k, **keys) for k in range(4)]

    assert sums == pytest.approx([float(each.mean()) for each in dusted], rel=1e-5)
    assert sums[0] == 0 < sums[1] < sums[2]
