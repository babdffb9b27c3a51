"""dust_fn paints the pixels of add_dust() in data sets, eagerly and in graphs, with Numba and without."""

import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import dustaug
import guided
import kinds
import test_pixels
from dustaug import add_dust
from dustaug.tensorflow import dust_fn, make_dust_fn
from test_schedule import MANY, MOVES_P

N, SEED = 10, 2**63 + 7
AUTOTUNE = tf.data.AUTOTUNE
BACKENDS = ["numba", "graph"]


def photos(dtype=np.uint8):
    images = np.random.default_rng(3).integers(0, 256, (N, 32, 40, 3), dtype=np.uint8)
    if dtype == np.uint8:
        return images
    return (images / 255).astype(tf.as_dtype(dtype).as_numpy_dtype)


def expected(images, spec=None, **options):
    return add_dust(images.copy(), spec, **{"seed": SEED, "index": 0, **options})


def same(first, second):
    return np.asarray(first).tobytes() == np.asarray(second).tobytes()


def gather(dataset):
    return np.stack([image.numpy() for image in dataset])


def digest(dataset):
    return [images.numpy().tobytes() for images in dataset]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [np.uint8, tf.float16, tf.bfloat16, np.float32, np.float64])
def test_an_enumerated_data_set_gets_the_dust_of_its_indices(backend, dtype):
    """The dust is that of the index for single images, in batches, and in eager calls."""
    images = photos(dtype)
    fn = make_dust_fn(seed=SEED, indexed=True, backend=backend)
    dataset = tf.data.Dataset.from_tensor_slices(images)

    assert expected(images).tobytes() == gather(dataset.enumerate().map(fn, num_parallel_calls=AUTOTUNE)).tobytes()
    batches = dataset.enumerate().batch(4).map(fn, num_parallel_calls=AUTOTUNE)
    assert expected(images).tobytes() == gather(batches.unbatch()).tobytes()
    assert expected(images).tobytes() == fn(0, images).numpy().tobytes()
    assert expected(images[3], index=2**40).tobytes() == fn(2**40, images[3]).numpy().tobytes()


def test_a_warm_process_needs_no_compiler(run_python):
    """A data set that finds machine code on the disk never imports Numba."""
    dustaug.warmup()
    program = """
import sys
import numpy as np
import tensorflow as tf
from dustaug.tensorflow import make_dust_fn
images = tf.data.Dataset.from_tensor_slices(np.zeros((4, 32, 32, 3), np.uint8)).enumerate()
dusted = list(images.batch(4).map(make_dust_fn(seed=1, indexed=True)))
print(int(dusted[0].numpy().sum()) > 0, "numba" in sys.modules)
"""
    assert run_python(program, TF_CPP_MIN_LOG_LEVEL="3").split() == ["True", "False"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_data_set_out_of_order_gets_the_same_images(backend):
    """The order of parallel calls changes no pixel."""
    dataset = tf.data.Dataset.from_tensor_slices(photos()).enumerate().shuffle(N, seed=1)
    fn = make_dust_fn(seed=SEED, indexed=True, backend=backend)
    dusted = gather(dataset.map(fn, num_parallel_calls=4, deterministic=False))

    assert {image.tobytes() for image in expected(photos())} == {image.tobytes() for image in dusted}


@pytest.mark.parametrize("backend", BACKENDS)
def test_elements_keep_their_structure(backend):
    """In tuples, dicts, and dicts in tuples, only the images change."""
    images, labels = photos(), np.arange(N)
    fn = make_dust_fn(seed=SEED, indexed=True, backend=backend)

    def first(element):
        return next(iter(tf.data.Dataset.from_tensors(element).enumerate().map(fn)))

    pair = first((images, labels, labels * 2))
    assert same(expected(images), pair[0])
    assert same(labels, pair[1])
    assert same(labels * 2, pair[2])
    assert ["image", "label"] == sorted(first({"image": images, "label": labels}))
    assert same(expected(images), first(({"images": images, "mask": images}, labels))[0]["images"])
    assert same(images, first(({"images": images, "mask": images}, labels))[0]["mask"])
    other = make_dust_fn(seed=SEED, indexed=True, backend=backend, image_key="pixels")
    assert same(expected(images), other(0, {"pixels": images})["pixels"])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("layout", ["NHWC", "NCHW", "NHW"])
def test_layouts_and_specs_are_passed_on(backend, layout):
    """Layout, value range and spec hold for batches and single images."""
    images = photos(np.float32) * 255
    images = {"NHWC": images, "NCHW": images.transpose(0, 3, 1, 2).copy(), "NHW": images[..., 0].copy()}[layout]
    options = {"layout": layout, "value_range": (0, 255)}
    fn = make_dust_fn(dustaug.cutout(9), seed=SEED, indexed=True, backend=backend, **options)

    assert same(expected(images, dustaug.cutout(9), **options), fn(0, images))
    assert same(expected(images, dustaug.cutout(9), **options)[2], fn(2, images[2]))


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_epoch_may_be_a_variable(backend):
    """One data set has other dust after each change of the variable."""
    epoch = tf.Variable(0, dtype=tf.int64)
    fn = make_dust_fn(seed=SEED, indexed=True, epoch=epoch, backend=backend)
    dataset = tf.data.Dataset.from_tensor_slices(photos()).enumerate().map(fn)
    for number in (0, 3, 2**32 - 1):
        epoch.assign(number)

        assert same(expected(photos(), epoch=number), gather(dataset))


def test_a_schedule_follows_the_variable_of_the_epoch():
    """One data set has the spec of each epoch that is assigned, and a number will do for both backends."""
    epoch = tf.Variable(0, dtype=tf.int64)
    dataset = tf.data.Dataset.from_tensor_slices(photos()).enumerate()
    moving = dataset.batch(4).map(make_dust_fn(MANY, seed=SEED, indexed=True, epoch=epoch))
    for number in (0, 4, 5):
        epoch.assign(number)

        assert same(expected(photos(), MANY.at(number), epoch=number), gather(moving.unbatch()))
    graph = dataset.batch(4).map(make_dust_fn(MOVES_P, seed=SEED, indexed=True, epoch=epoch, backend="graph"))
    for number in (1, 3, 5, 2**32 - 1):
        epoch.assign(number)

        assert same(expected(photos(), MOVES_P.at(number), epoch=number), gather(graph.unbatch()))
    for backend in BACKENDS:
        fn = make_dust_fn(MANY, seed=SEED, indexed=True, epoch=4, backend=backend)

        assert same(expected(photos(), MANY.at(4), epoch=4), fn(0, photos()))


def test_a_schedule_needs_an_epoch_that_can_be_known():
    """Without a seed there is no epoch, and a graph looks up nothing but the probability."""
    with pytest.raises(TypeError, match=r"seed must be given with a Schedule, got none: type make_dust_fn\(schedule"):
        make_dust_fn(MANY)
    with pytest.raises(
        TypeError, match=r'a Schedule must move p alone, .*, got p, count_range, fill: type backend="num'
    ):
        make_dust_fn(MANY, seed=0, indexed=True, epoch=tf.Variable(0, dtype=tf.int64), backend="graph")
    with pytest.raises(TypeError, match=r"must be given an element of a data set, got a Schedule: type make_dust_fn"):
        dust_fn(MANY)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_of_tensorflows_own_is_painted(backend):
    """A cached data set and a constant inside a graph stay as they are."""
    constant = tf.constant(photos())
    fn = make_dust_fn(seed=SEED, indexed=True, backend=backend)
    cached = tf.data.Dataset.from_tensors(photos()).cache()
    both = cached.map(lambda images: (fn(0, images), images, fn(0, constant), constant))
    for dusted, original, dusted_constant, original_constant in both.repeat(2):
        assert same(expected(photos()), dusted)
        assert same(photos(), original)
        assert same(expected(photos()), dusted_constant)
        assert same(photos(), original_constant)
    assert same(photos(), next(iter(cached)))
    assert same(photos(), constant)


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_a_seed_every_call_differs(backend):
    """Images of a batch, batches and epochs all have dust of their own."""
    fn = make_dust_fn(dustaug.dust(count_range=(5, 9)), backend=backend)
    dataset = tf.data.Dataset.from_tensors(np.zeros((4, 32, 32, 3), np.uint8)).repeat(3).map(fn)
    images = [*gather(dataset.unbatch()), *gather(dataset.unbatch())]

    assert 24 == len({image.tobytes() for image in images})


def unseeded(parallel):
    """Return two epochs of a data set that is made and run after tf.random.set_seed()."""
    tf.random.set_seed(5)
    fn = make_dust_fn(dustaug.dust(count_range=(5, 9)))
    dataset = tf.data.Dataset.from_tensors(np.zeros((2, 32, 32, 3), np.uint8)).repeat(40)
    dataset = dataset.map(fn, num_parallel_calls=parallel)
    return digest(dataset) + digest(dataset)


def test_without_a_seed_it_follows_set_seed():
    """Sequential maps repeat to the bit, and no epoch repeats another.

    In parallel, the same dust falls on other images.
    """
    sequential = unseeded(None)

    assert sequential == unseeded(None)
    assert 80 == len(set(sequential))
    assert set(sequential) == set(unseeded(4)) == set(unseeded(AUTOTUNE))


def test_op_determinism_makes_parallel_maps_repeat(run_python):
    """TensorFlow's op determinism makes maps repeat, whatever the number of parallel calls."""
    program = """
import sys, tensorflow as tf
sys.path.insert(0, sys.argv[1])
tf.config.experimental.enable_op_determinism()
from test_tensorflow import unseeded
sequential = unseeded(None)
print(sequential == unseeded(4) == unseeded(tf.data.AUTOTUNE), len(set(sequential)))
"""

    assert "True 80" == run_python(program, Path(__file__).parent).splitlines()[-1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_static_shape_is_kept(backend):
    """Batches of unknown length can be batched, reshaped and fed to a model."""
    dataset = tf.data.Dataset.from_tensor_slices(photos()).batch(4).map(make_dust_fn(backend=backend))

    assert (None, 32, 40, 3) == tuple(dataset.element_spec.shape)
    assert tf.uint8 == dataset.element_spec.dtype


def ragged(signature):
    """Return a data set of images of several sizes, and the images."""
    images = [photos()[0, :height, :width] for height, width in ((20, 30), (8, 40), (32, 9), (1, 1))]
    return tf.data.Dataset.from_generator(lambda: iter(images), output_signature=signature), images


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("spec", [dustaug.dust(), dustaug.random_erasing((0.02, 0.1), p=1)], ids=["dust", "erasing"])
def test_images_of_any_size_are_mapped(backend, spec):
    """Height and width may be unknown while the graph is made; a size that no area fits is as add_dust() leaves it."""
    dataset, images = ragged(tf.TensorSpec((None, None, 3), tf.uint8))
    images = images[:3]
    fn = make_dust_fn(spec, seed=SEED, indexed=True, backend=backend)
    dusted = list(dataset.take(3).enumerate().map(fn))

    assert (None, None, 3) == tuple(dataset.map(make_dust_fn(spec, backend=backend)).element_spec.shape)
    for index, (image, painted) in enumerate(zip(images, dusted, strict=True)):
        assert same(expected(image, spec, index=index), painted)


def test_numba_takes_images_of_any_number_of_axes():
    """Even the number of axes may be unknown while the graph is made."""
    dataset, images = ragged(tf.TensorSpec(None, tf.uint8))
    for index, painted in enumerate(dataset.enumerate().map(make_dust_fn(seed=SEED, indexed=True))):
        assert same(expected(images[index], index=index), painted)


UNKNOWN = {
    "dust": dustaug.dust(),
    "large": dustaug.dust(side_range=(100, 60_000), center="uniform"),
    "fractions": dustaug.dust(height_fraction_range=(0.05, 0.4), fill="color", center="inside"),
    "areas": dustaug.random_erasing((0.01, 0.1), p=1, count_range=(1, 9)),
    "mean": dustaug.dust(fill="mean"),
}


@pytest.mark.parametrize("spec", UNKNOWN.values(), ids=UNKNOWN)
@pytest.mark.parametrize("layout", ["NHWC", "NCHW", "NHW"])
def test_one_trace_serves_all_sizes(spec, layout):
    """A graph of images of unknown size is made once, and paints the bytes of each size, none at all included."""
    shape = [3 if axis == "C" else None for axis in layout]
    fn, traced = make_dust_fn(spec, seed=SEED, indexed=True, backend="graph", layout=layout), []

    @tf.function(input_signature=(tf.TensorSpec((), tf.int64), tf.TensorSpec(shape, tf.uint8)), autograph=False)
    def dust(index, images):
        traced.append(images.shape)
        return fn(index, images)

    for n, height, width in ((2, 32, 40), (3, 17, 29), (1, 90, 33), (2, 0, 5)):
        images = np.resize(photos(), (n, height, width, 3))
        if layout == "NCHW":
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        images = images[..., 0].copy() if layout == "NHW" else images

        assert same(expected(images, spec, index=7, layout=layout), dust(tf.constant(7, tf.int64), images))
    assert [shape] == [list(each) for each in traced]


def test_an_area_that_does_not_fit_paints_nothing_where_the_size_is_unknown():
    """A graph cannot raise the error of add_dust(); with a known size it does."""
    spec = dustaug.random_erasing((0.9, 0.9), (9, 9), p=1)
    fn = make_dust_fn(spec, seed=SEED, indexed=True, backend="graph")
    graph = tf.function(
        fn, input_signature=(tf.TensorSpec((), tf.int64), tf.TensorSpec((None, None, 3), tf.uint8)), autograph=False
    )
    image = photos()[0]

    assert same(image, graph(tf.constant(0, tf.int64), image))
    with pytest.raises(ValueError, match="must allow a rectangle smaller than the image"):
        fn(0, image)


def test_the_graph_runs_under_xla():
    """The compiled graph paints the same bytes."""
    fn = make_dust_fn(dustaug.dust(fill="color"), seed=SEED, indexed=True, backend="graph")
    compiled = tf.function(fn, jit_compile=True)

    assert same(expected(photos(), dustaug.dust(fill="color")), compiled(tf.constant(0), tf.constant(photos())))


@pytest.mark.parametrize("size", [(32, 40), (None, None)], ids=["known", "unknown"])
def test_a_saved_graph_runs_without_dustaug(tmp_path, run_python, size):
    """A fresh process runs the saved graph, and loads neither dustaug nor Numba."""
    fn = make_dust_fn(seed=SEED, indexed=True, backend="graph")
    signature = (tf.TensorSpec((), tf.int64), tf.TensorSpec((None, *size, 3), tf.uint8))
    module = tf.Module()
    module.dust = tf.function(fn, input_signature=signature)
    tf.saved_model.save(module, str(tmp_path / "saved"))
    np.save(tmp_path / "photos.npy", photos())
    program = """
import sys, numpy as np, tensorflow as tf
images = np.load(sys.argv[1] + "/photos.npy")
dusted = tf.saved_model.load(sys.argv[1] + "/saved").dust(tf.constant(0, tf.int64), images)
np.save(sys.argv[1] + "/dusted.npy", dusted.numpy())
print({"numba", "dustaug"} & set(sys.modules))
"""

    assert "set()" == run_python(program, tmp_path).splitlines()[-1]
    assert same(expected(photos()), np.load(tmp_path / "dusted.npy"))


def test_the_graph_never_loads_numba(run_python):
    """Neither the import of the module nor the graph backend loads Numba."""
    program = """
import sys, numpy as np, tensorflow as tf
from dustaug.tensorflow import make_dust_fn
make_dust_fn(seed=1, indexed=True, backend="graph")(0, np.zeros((2, 32, 32, 3), np.uint8))
print({"numba"} & set(sys.modules))
"""

    assert "set()" == run_python(program).splitlines()[-1]


def test_a_data_service_gives_the_same_images():
    """A dispatcher and two workers give the same images as one process, in any order."""
    service = tf.data.experimental.service
    dispatcher = service.DispatchServer()
    address = dispatcher.target.split("://")[1]
    workers = [service.WorkerServer(service.WorkerConfig(dispatcher_address=address)) for _ in range(2)]
    fn = make_dust_fn(seed=SEED, indexed=True, backend="graph")
    dataset = tf.data.Dataset.from_tensor_slices((np.arange(N), photos())).map(fn)
    served = dataset.apply(
        service.distribute(processing_mode=service.ShardingPolicy.DYNAMIC, service=dispatcher.target)
    )

    assert sorted(image.tobytes() for image in expected(photos())) == sorted(digest(served))
    del workers


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"seed": 1}, TypeError, "indexed must be True with a seed"),
        ({"indexed": True}, TypeError, "seed must be given with indexed=True"),
        ({"epoch": 1}, TypeError, "seed must be given with an epoch"),
        ({"seed": -1, "indexed": True}, ValueError, "seed must be from 0"),
        ({"seed": 1, "indexed": True, "epoch": -1}, ValueError, "epoch must be from 0"),
        ({"seed": 1, "indexed": True, "epoch": tf.constant(1.0)}, TypeError, "epoch must be one whole number"),
        ({"backend": "gpu"}, ValueError, "backend must be 'numba' or 'graph', got 'gpu'"),
        ({"layout": "HWN"}, ValueError, "layout must be one of"),
        ({"value_range": 3}, TypeError, "value_range must be a tuple of two numbers"),
        ({"indexed": 1}, TypeError, "indexed must be True or False"),
        ({"image_key": 3}, TypeError, 'image_key must be the name of an entry, got 3: type image_key="image"'),
        ({"spec": 3}, TypeError, "spec must be"),
    ],
)
def test_bad_arguments_are_refused(options, error, message):
    """Wrong arguments raise when the function is made, and not inside the graph."""
    with pytest.raises(error, match=message):
        make_dust_fn(**options)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("epoch", "index", "message"),
    [(2**32, 0, "epoch must be from 0 to"), (-1, 0, "epoch must be from 0 to"), (0, -1, "index must be from 0 to")],
)
def test_numbers_out_of_range_are_refused_where_they_are_known(backend, epoch, index, message):
    """Outside of graphs, both backends check the numbers."""
    fn = make_dust_fn(seed=1, epoch=tf.constant(epoch, tf.int64), indexed=True, backend=backend)
    with pytest.raises(ValueError, match=message):
        fn(tf.constant(index, tf.int64), np.zeros((2, 8, 8, 3), np.uint8))


def test_bad_elements_are_refused():
    """Bad elements raise while the graph is made, and the error says what to type."""
    zeros = np.zeros((2, 8, 8, 3), np.uint8)
    graph = make_dust_fn(backend="graph")
    indexed = make_dust_fn(seed=1, indexed=True)
    with pytest.raises(ValueError, match="one of the keys image, images, got keys pixels"):
        dust_fn({"pixels": zeros})
    with pytest.raises(ValueError, match=r"3 or 4 axes for layout NHWC, got shape \(8, 3\): type make_dust_fn\(layout"):
        dust_fn(zeros[0, 0])
    with pytest.raises(ValueError, match=r"got shape \(2,\): elements are images, \(images, labels, …\) or dicts"):
        dust_fn(np.arange(2), zeros)
    with pytest.raises(TypeError, match="images must hold numbers, got strings"):
        dust_fn(tf.constant(["a.png"]))
    with pytest.raises(TypeError, match="must be given an element"):
        dust_fn()
    with pytest.raises(TypeError, match=r"got a Spec: type make_dust_fn\(spec\)"):
        dust_fn(dustaug.dust())
    with pytest.raises(TypeError, match="dataset.enumerate"):
        indexed(zeros)
    with pytest.raises(TypeError, match="index must be whole numbers, got a tensor of float32"):
        indexed(0.5, zeros)
    with pytest.raises(ValueError, match=r"index must be a number or of shape \(2,\), one for each image, got shape"):
        make_dust_fn(seed=1, indexed=True, backend="graph")(np.arange(1), zeros)
    with pytest.raises(ValueError, match="tf.ensure_shape"):
        ragged(tf.TensorSpec(None, tf.uint8))[0].map(graph)
    with pytest.raises(ValueError, match="a number of channels that is known while the graph is made"):
        ragged(tf.TensorSpec((None, None, None), tf.uint8))[0].map(graph)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", [(8, 3, 224, 224), (3, 64, 64), (600, 28, 28)])
def test_a_layout_is_not_guessed_against_the_shape(backend, shape):
    """A doubtful shape needs a layout, eagerly, in a data set, and in batches of unknown length."""
    images = np.zeros(shape, np.uint8)
    fn = make_dust_fn(backend=backend)
    with pytest.raises(ValueError, match="layout must be given where the shape does not tell it"):
        fn(images)
    with pytest.raises(ValueError, match="layout must be given where the shape does not tell it"):
        tf.data.Dataset.from_tensors(images).map(fn)
    if len(shape) == 4:
        batches = tf.data.Dataset.from_tensor_slices(images).batch(3)
        with pytest.raises(ValueError, match=r"got shape \(None, 3, 224, 224\)"):
            batches.map(fn)
        assert shape == tuple(make_dust_fn(backend=backend, layout="NCHW")(images).shape)


RAGGED = tf.ragged.stack([tf.zeros((16, 16, 3), tf.uint8), tf.zeros((8, 8, 3), tf.uint8)])
SPARSE = tf.sparse.from_dense(tf.zeros((4, 16, 16, 3)))
ODD_IMAGES = {
    "ragged": (RAGGED, "got RaggedTensor: type dataset.map(dust_fn) before ragged_batch, or images.to_tensor()"),
    "sparse": (SPARSE, "got SparseTensor: type tf.sparse.to_dense(images)"),
    "data set": (
        tf.data.Dataset.range(2),
        "RangeDataset: type dataset.map(dust_fn), and after window dataset.flat_map",
    ),
    "sizes": ([np.zeros((4, 4, 3)), np.zeros((3, 3, 3))], "got list: type tf.stack(list(images)) if they are numbers"),
    "objects": (np.array([None, "a"]), "got ndarray: type tf.stack(list(images)) if they are numbers of one shape"),
    "none": (None, "got NoneType"),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ODD_IMAGES)
def test_odd_images(backend, name):
    """The error is one sentence, alone and in a dict."""
    images, message = ODD_IMAGES[name]
    for element in (images, {"image": images}):
        with pytest.raises(TypeError, match=f"^images must be one tensor, .*{re.escape(message)}"):
            make_dust_fn(backend=backend)(element)


@pytest.mark.parametrize("backend", BACKENDS)
def test_odd_elements_of_data_sets(backend):
    """Ragged, sparse and nested elements are refused while the graph is made."""
    whole = tf.data.Dataset.from_tensor_slices(photos())
    for dataset in (tf.data.Dataset.from_tensors(RAGGED), tf.data.Dataset.from_tensors(SPARSE), whole.window(2)):
        with pytest.raises(TypeError, match=r"^images must be one tensor, got \w+: type "):
            dataset.map(make_dust_fn(backend=backend))
    with pytest.raises(ValueError, match=r"got shape \(2, 10, 32, 40, 3\): type tf.reshape\(images, \(-1, "):
        make_dust_fn(backend=backend)(tf.stack([photos(), photos()]))
    with pytest.raises(TypeError, match=r"^element must begin with images, got an empty tuple$"):
        make_dust_fn(backend=backend)(())


@pytest.mark.parametrize("index", [None, "a", 1.5, True, 2**63, [[1], [2, 3]], RAGGED, SPARSE], ids=repr)
def test_odd_indices(index):
    """An index is whole numbers of 64 bits."""
    with pytest.raises(TypeError, match=r"^index must be whole numbers"):
        make_dust_fn(seed=SEED, indexed=True)(index, photos())


def test_fields_of_a_spec_belong_into_a_spec():
    """The error names what to type."""
    hint = "tensorflow.make_dust_fn() must be given arguments that it knows, got p=0.5: "
    hint += "type tensorflow.make_dust_fn(…, dustaug.dust(p=0.5))"
    with pytest.raises(TypeError, match=re.escape(hint)):
        make_dust_fn(p=0.5)


KEY = test_pixels.KEYS["any"]
INDEX = KEY["index"] + np.arange(len(test_pixels.photos()))
DRAWN = [(name, "numba") for name in guided.CASES] + [
    (name, "graph") for name, case in guided.CASES.items() if "objects" not in case.terms
]


def guided_fn(spec, terms, backend, **options):
    keys = {f"{name}_key": name for name in terms}
    return make_dust_fn(spec, seed=KEY["seed"], epoch=KEY["epoch"], indexed=True, backend=backend, **keys, **options)


def guided_element(terms):
    """Return the images, and what a case gives with them, as TensorFlow has it."""
    element = {"image": test_pixels.photos(), **terms}
    if "objects" in terms:
        boxes = [boxes.tolist() for boxes in terms["objects"]]
        element["objects"] = tf.ragged.constant(boxes, ragged_rank=1, inner_shape=(4,))
    return element


@pytest.mark.parametrize(("name", "backend"), DRAWN)
def test_guides_and_objects_are_taken(name, backend):
    """Eager calls, and data sets before and after batch, give the pinned pixels."""
    (spec, terms), want = guided.CASES[name], guided.expected(name)
    fn, element = guided_fn(spec, terms, backend), guided_element(terms)
    dataset = tf.data.Dataset.from_tensor_slices((INDEX, element))
    batches = dataset.ragged_batch(4) if "objects" in terms else dataset.batch(4)

    assert same(want, fn(KEY["index"], element)["image"])
    assert same(want, gather(dataset.map(fn, num_parallel_calls=2).map(lambda element: element["image"])))
    assert same(want, gather(batches.map(fn).map(lambda element: element["image"]).unbatch()))


def test_guides_are_compiled_and_saved():
    """XLA and a SavedModel that is loaded again give the pinned pixels; the model takes guides of any size."""
    (spec, terms), want = guided.CASES["map"], guided.expected("map")
    fn, element, module = guided_fn(spec, terms, "graph"), guided_element(terms), tf.Module()
    sizes = {
        "image": tf.TensorSpec((None, None, None, 3), tf.uint8),
        "guide": tf.TensorSpec((None, None, None), tf.uint8),
    }
    module.dust = tf.function(fn, input_signature=[tf.TensorSpec((), tf.int64), sizes])
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder)
        loaded = tf.saved_model.load(folder).dust
        assert same(want, loaded(KEY["index"], element)["image"])
        assert same(want[:2], loaded(KEY["index"], {key: value[:2] for key, value in element.items()})["image"])

    compiled = tf.function(fn, jit_compile=True)
    assert same(want, compiled(tf.constant(KEY["index"]), tf.nest.map_structure(tf.constant, element))["image"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_guides_of_any_size_need_one_trace(backend):
    """Images and guides of unknown sizes are dusted by one graph, in batches and alone."""
    fn, traces, rng = guided_fn(dustaug.dust(center="guide"), {"guide": None}, backend), [], np.random.default_rng(5)

    def dust(index, element):
        traces.append(1)
        return fn(index, element)

    for rank in (4, 3):
        sizes = [(20, 30, 5, 7), (8, 40, 8, 40), (33, 9, 1, 60)]
        elements = [
            {
                "image": np.zeros((*([3] * (rank - 3)), height, width, 3), np.uint8),
                "guide": rng.integers(0, 2, (*([3] * (rank - 3)), rows, columns)) > 0,
            }
            for height, width, rows, columns in sizes
        ]
        unknown = (None,) * (rank - 1)
        signature = {"image": tf.TensorSpec((*unknown, 3), tf.uint8), "guide": tf.TensorSpec(unknown, tf.bool)}
        dataset = tf.data.Dataset.from_generator(lambda given=elements: iter(given), output_signature=signature)
        for i, dusted in enumerate(dataset.enumerate().map(dust)):
            key = {**KEY, "index": i}
            image, guide = elements[i]["image"], elements[i]["guide"]

            assert same(add_dust(image.copy(), dustaug.dust(center="guide"), **key, guide=guide), dusted["image"])
            assert same(guide, dusted["guide"])
    assert len(traces) == 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_guides_are_found_by_key_or_place(backend):
    """A guide may stand in the dict, or after the images or the dict in a tuple."""
    (spec, terms), want, images = guided.CASES["map"], guided.expected("map"), test_pixels.photos()
    guide, options = terms["guide"], {"seed": KEY["seed"], "epoch": KEY["epoch"], "indexed": True, "backend": backend}
    by_place, by_key = make_dust_fn(spec, guide_key=1, **options), make_dust_fn(spec, guide_key="mask", **options)
    pair = by_place(KEY["index"], (images, guide))

    assert same(want, pair[0])
    assert same(guide, pair[1])
    assert same(want, by_place(KEY["index"], images, guide, np.arange(6))[0])
    assert same(want, by_place(KEY["index"], {"image": images}, guide)[0]["image"])
    assert same(want, by_key(KEY["index"], ({"image": images, "mask": guide}, np.arange(6)))[0]["image"])
    assert same(want, by_key(KEY["index"], {"image": images, "mask": guide}, np.arange(6))[0]["image"])
    nowhere = make_dust_fn(spec, guide_key="mask", backend=backend)(({"image": images, "mask": guide * 0}, 1))
    assert same(images, nowhere[0]["image"])
    assert not same(
        images, make_dust_fn(spec, guide_key="mask", backend=backend)({"image": images, "mask": guide})["image"]
    )


def test_dense_objects_are_taken():
    """Boxes of zeros, with which a padded batch is filled up, are no objects."""
    spec, terms = guided.CASES["max_hidden"]
    dataset = tf.data.Dataset.from_tensor_slices((INDEX, guided_element(terms)))
    dataset = dataset.map(lambda index, element: (index, {**element, "objects": tf.cast(element["objects"], tf.int16)}))
    dusted = dataset.padded_batch(4).map(guided_fn(spec, terms, "numba"))

    assert same(guided.expected("max_hidden"), gather(dusted.map(lambda element: element["image"]).unbatch()))


GUIDE_SPEC, LIMITED = dustaug.dust(center="guide"), dustaug.dust(max_hidden=0.4)


@pytest.mark.parametrize(
    ("spec", "options", "error", "message"),
    [
        (
            GUIDE_SPEC,
            {},
            TypeError,
            'guide_key must be given with center="guide", got none: type make_dust_fn(…, guide_k',
        ),
        (None, {"guide_key": "mask"}, TypeError, 'type spec.replace(center="guide"), or leave guide_key out'),
        (GUIDE_SPEC, {"guide_key": 0.5}, TypeError, "guide_key must be a place or a key in an element, got 0.5"),
        (
            LIMITED,
            {},
            TypeError,
            "objects_key must be given with max_hidden, got none: type make_dust_fn(…, objects_key",
        ),
        (
            LIMITED,
            {"objects_key": "boxes", "backend": "graph"},
            ValueError,
            "spec must be one without objects in a compiled graph, got Spec(max_hidden=0.4): type dustaug.add_dust(",
        ),
    ],
)
def test_keys_of_guides_and_objects_are_checked(spec, options, error, message):
    """A spec that takes a guide or objects needs their keys, and no other spec has them."""
    with pytest.raises(error, match=re.escape(message)):
        make_dust_fn(spec, **options)


IMAGES = np.zeros((2, 8, 8, 3), np.uint8)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("element", "error", "message"),
    [
        (IMAGES, TypeError, "element must be a dict, or a tuple that begins with one, with guide_key='mask', got "),
        (
            {"image": IMAGES},
            LookupError,
            "element must have a guide at 'mask', got ['image']: type make_dust_fn(…, guide_",
        ),
        (
            {"image": IMAGES, "mask": np.zeros((2, 4, 4))},
            TypeError,
            "guide must be uint8 or bool, got an array of float64",
        ),
        (
            {"image": IMAGES, "mask": np.zeros((2, 4, 4, 1), np.uint8)},
            ValueError,
            "guide must have shape (2, rows, columns), one for each image, got (2, 4, 4, 1)",
        ),
        (
            {"image": IMAGES[0], "mask": np.zeros((2, 4, 4), bool)},
            ValueError,
            "guide must have shape (rows, columns), got",
        ),
        ({"image": IMAGES, "mask": "a.png"}, TypeError, "guide must be uint8 or bool, got an array of string"),
        (
            {"image": IMAGES, "mask": tf.ragged.constant([[[1]], [[1, 2]]])},
            TypeError,
            "guide must be one tensor, got RaggedTensor: type dataset.map(dust_fn) before ragged_batch",
        ),
    ],
)
def test_bad_guides_are_refused(backend, element, error, message):
    """The errors come while the graph is made, and are those of add_dust()."""
    fn = make_dust_fn(GUIDE_SPEC, backend=backend, guide_key="mask")
    with pytest.raises(error, match=re.escape(message)):
        tf.data.Dataset.from_tensors(element).map(fn)


@pytest.mark.parametrize(
    ("boxes", "error", "message"),
    [
        (
            np.zeros((2, 1, 4)),
            TypeError,
            "objects must be whole numbers (k, 4), or a ragged tensor (n, None, 4) for a batch",
        ),
        (np.zeros((2, 1, 5), int), ValueError, "for a batch, got shape (2, 1, 5)"),
        (
            tf.ragged.constant([[[1, 2, 3, 4]], []]),
            ValueError,
            "(2, None, None): type tf.ragged.constant(boxes, ragged_ra",
        ),
    ],
)
def test_bad_objects_are_refused(boxes, error, message):
    """Objects of another dtype or shape are refused while the graph is made."""
    fn = make_dust_fn(LIMITED, objects_key="boxes")
    with pytest.raises(error, match=re.escape(message)):
        tf.data.Dataset.from_tensors({"image": IMAGES, "boxes": boxes}).map(fn)


def test_a_guide_of_unknown_axes_needs_numba():
    """The graph must know the number of axes, which the kernel learns when it runs."""
    spec, terms = guided.CASES["map"]
    element = guided_element(terms)
    unknown = {"image": tf.TensorSpec(None, tf.uint8), "guide": tf.TensorSpec(None, tf.uint8)}
    dataset = tf.data.Dataset.from_generator(lambda: iter([element]), output_signature=unknown).map(
        lambda element: (
            np.int64(KEY["index"]),
            {**element, "image": tf.ensure_shape(element["image"], (6, 48, 64, 3))},
        )
    )

    assert same(guided.expected("map"), next(iter(dataset.map(guided_fn(spec, terms, "numba"))))["image"])
    with pytest.raises(ValueError, match='guide must have a known number of axes with backend="graph", got none: type'):
        dataset.map(guided_fn(spec, terms, "graph"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_guide_that_is_too_large_is_refused(backend):
    """Weights are summed where they are known, and could be too many."""
    guide = np.full((1, 2902, 2902), 255, np.uint8)
    with pytest.raises(ValueError, match="guide must have weights that sum to at most 2147483647 for each image"):
        make_dust_fn(GUIDE_SPEC, backend=backend, guide_key=1)(IMAGES[:1], guide)


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_guide_is_not_taken_for_all_images(backend):
    """Where the length of a batch is known only when the graph runs, there must be a guide for each image too."""
    fn = make_dust_fn(GUIDE_SPEC, backend=backend, guide_key=1, seed=1, indexed=True)
    signature = [
        tf.TensorSpec((), tf.int64),
        tf.TensorSpec((None, 8, 8, 3), tf.uint8),
        tf.TensorSpec((None, None, None), tf.uint8),
    ]
    dust = tf.function(fn, input_signature=signature)
    guide = np.ones((1, 4, 4), np.uint8)
    with pytest.raises(tf.errors.InvalidArgumentError):
        dust(0, IMAGES, guide)
    assert same(
        add_dust(IMAGES.copy(), GUIDE_SPEC, seed=1, index=0, guide=guide.repeat(2, 0)),
        dust(0, IMAGES, guide.repeat(2, 0))[0],
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_donors_are_taken(backend):
    """Donors are found by their place and by their key, and give the pinned pixels."""
    (spec, terms, _), want, images = kinds.CASES["cutmix"], kinds.expected("cutmix"), test_pixels.photos()
    options = {"seed": KEY["seed"], "epoch": KEY["epoch"], "indexed": True, "backend": backend}
    by_key, by_place = (make_dust_fn(spec, donors_key=key, **options) for key in ("donors", 1))
    dataset = tf.data.Dataset.from_tensor_slices((INDEX, {"image": images, **terms}))

    assert same(want, by_place(KEY["index"], images, terms["donors"])[0])
    assert same(want, gather(dataset.batch(4).map(by_key).map(lambda element: element["image"]).unbatch()))


@pytest.mark.parametrize("name", ["grid count", "lines", "cutmix"])
def test_kinds_are_drawn_on_images_of_unknown_size(name):
    """One graph learns how many cells there are when it runs."""
    spec, terms, _ = kinds.CASES[name]
    fn, batch = guided_fn(spec, terms, "graph"), tf.TensorSpec((None, None, None, 3), tf.uint8)
    element = {"image": test_pixels.photos(), **terms}
    graph = tf.function(fn, input_signature=[tf.TensorSpec((), tf.int64), dict.fromkeys(element, batch)])

    assert same(kinds.expected(name), graph(KEY["index"], element)["image"])
    if terms:
        with pytest.raises(tf.errors.InvalidArgumentError, match="donors must have the shape of images"):
            graph(KEY["index"], {**element, "donors": terms["donors"][:, :1]})


def test_kinds_are_compiled():
    """XLA sorts the cells as the graph does."""
    spec, terms, _ = kinds.CASES["grid count"]
    compiled = tf.function(guided_fn(spec, terms, "graph"), jit_compile=True)

    assert same(kinds.expected("grid count"), compiled(KEY["index"], tf.constant(test_pixels.photos())))


@pytest.mark.parametrize("spec", [dustaug.Spec(kind="grid", cell_sides=(1, 0), cell_p=1), dustaug.grid_mask((1, 9))])
def test_too_many_cells_paint_nothing_where_the_size_is_unknown(spec):
    """A graph cannot raise the error of add_dust(); it paints as many cells as there may be."""
    fn = make_dust_fn(spec.replace(p=1), seed=SEED, indexed=True, backend="graph")
    signature = tf.TensorSpec((), tf.int64), tf.TensorSpec((None, None, None, 3), tf.uint8)
    graph = tf.function(fn, input_signature=signature)
    images = np.full((4, 258, 255, 3), 9, np.uint8)

    assert same(images, graph(tf.constant(0, tf.int64), images))
    assert not same(images[:, 2:], graph(tf.constant(0, tf.int64), images[:, 2:]))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"spec": dustaug.cutmix()},
            TypeError,
            'donors_key must be given with fill="donors", got none: type make_dust',
        ),
        (
            {"donors_key": 1},
            TypeError,
            "got 1 with fill='grey': type spec.replace(fill=\"donors\"), or leave donors_key",
        ),
        ({"donors_key": 0.5}, TypeError, "donors_key must be a place or a key in an element, got 0.5"),
        (
            {"backend": "graph", "layout": "NCDHW"},
            ValueError,
            "images must be no volumes in a compiled graph, got layo",
        ),
    ],
)
def test_donors_and_volumes_are_checked(options, error, message):
    """The arguments are checked when the function is made."""
    with pytest.raises(error, match=re.escape(message)):
        make_dust_fn(**options)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("donors", "error", "message"),
    [
        (IMAGES[:1], ValueError, "donors must have the images' shape (2, 8, 8, 3), got (1, 8, 8, 3)"),
        (tf.cast(IMAGES, tf.float32), TypeError, "donors must be of the images' dtype uint8, got float32"),
        (tf.sparse.from_dense(IMAGES), TypeError, "got SparseTensor: type tf.sparse.to_dense(donors)"),
    ],
)
def test_bad_donors_are_refused(backend, donors, error, message):
    """Donors of another shape or dtype are refused while the graph is made."""
    with pytest.raises(error, match=re.escape(message)):
        make_dust_fn(dustaug.cutmix(), donors_key=1, backend=backend)(IMAGES, donors)
