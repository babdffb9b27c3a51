"""In Grain's pipelines, each record of each epoch has the pixels of add_dust(), whatever the pipeline."""

import pickle
import re
from typing import Any, NamedTuple

import grain
import numpy as np
import pytest
from absl import flags

import dustaug
import guided
from dustaug import add_dust
from dustaug.grain import DustRectangles
from test_pixels import KEYS, photos
from test_schedule import MANY

N, SEED = 10, 2**63 + 7
IMAGES = np.random.default_rng(3).integers(0, 256, (N, 32, 40, 3), dtype=np.uint8)
SHUFFLE = grain.samplers.IndexSampler(N, shuffle=True, seed=3, num_epochs=2)


@pytest.fixture(autouse=True)
def _parsed_flags():
    """Parse the flags that Grain's workers read; a program does it when it starts."""
    flags.FLAGS.mark_as_parsed()


def records():
    return [{"image": image.copy(), "number": number} for number, image in enumerate(IMAGES)]


def expected(number, spec=None, **options):
    return add_dust(IMAGES[number].copy(), spec, **{"seed": SEED, "index": number, **options})


def check_epochs(elements):
    """Check that each record of each pass has the dust of its number and epoch."""
    elements = list(elements)

    assert len(elements) == 2 * N
    for place, element in enumerate(elements):
        assert (expected(int(element["number"]), epoch=place // N) == element["image"]).all()


def test_the_index_is_that_of_the_record_before_a_shuffle():
    """A repeated and shuffled data set counts its epochs, and keeps the indices of its records."""
    dataset = grain.MapDataset.source(records()).map_with_index(DustRectangles(seed=SEED, records_per_epoch=N))
    dataset = dataset.shuffle(seed=1).repeat(2)

    check_epochs(dataset)
    check_epochs(dataset.to_iter_dataset())


def test_apply_takes_the_transform():
    """Grain's apply() takes the transform in a list of others."""
    source = grain.MapDataset.source(IMAGES)
    first = source.apply([DustRectangles(seed=SEED), grain.transforms.Batch(4)])[0]

    assert (np.stack([expected(number) for number in range(4)]) == first).all()


def test_without_the_length_of_an_epoch_the_index_runs_on():
    """Without records_per_epoch, the second pass goes on with new indices."""
    dataset = grain.MapDataset.source(IMAGES).map_with_index(DustRectangles(seed=SEED)).repeat(2)

    assert (expected(3) == dataset[3]).all()
    assert (expected(3, index=N + 3) == dataset[N + 3]).all()


def test_epochs_count_on_from_the_first():
    """Epochs are counted from the epoch that is given."""
    transform = DustRectangles(seed=SEED, epoch=5, records_per_epoch=N)
    dataset = grain.MapDataset.source(IMAGES).map_with_index(transform).repeat(2)

    assert (expected(3, epoch=5) == dataset[3]).all()
    assert (expected(3, epoch=6) == dataset[N + 3]).all()


def test_slices_after_the_transform_share_the_work_only():
    """Each record of a shard has the dust of its place in the whole data set."""
    dataset = grain.MapDataset.source(records()).map_with_index(DustRectangles(seed=SEED, records_per_epoch=N))
    for shard in range(2):
        for element in dataset[shard::2]:
            assert (expected(element["number"]) == element["image"]).all()


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_the_number_of_workers_changes_nothing(workers):
    """Data sets and data loaders give the same dust with any number of worker processes."""
    transform = DustRectangles(seed=SEED, records_per_epoch=N)
    dataset = grain.MapDataset.source(records()).map_with_index(transform).shuffle(seed=1).repeat(2)
    iterated = dataset.to_iter_dataset()
    if workers:
        iterated = iterated.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))

    check_epochs(iterated)
    check_epochs(grain.DataLoader(data_source=records(), sampler=SHUFFLE, operations=[transform], worker_count=workers))


@pytest.mark.parametrize("kind", ["dataset", "loader"])
def test_a_restored_iterator_goes_on_with_the_same_bytes(kind):
    """A state from mid-epoch continues with the same bytes, in a new iterator and in the old one."""
    transform = DustRectangles(seed=SEED, records_per_epoch=N)
    if kind == "dataset":
        pipeline = grain.MapDataset.source(records()).map_with_index(transform).shuffle(seed=1).repeat(2)
        pipeline = pipeline.to_iter_dataset()
    else:
        pipeline = grain.DataLoader(data_source=records(), sampler=SHUFFLE, operations=[transform])
    iterator = iter(pipeline)
    begun = [next(iterator) for _ in range(7)]
    state = iterator.get_state()
    check_epochs(begun + list(iterator))
    restored = iter(pipeline)
    restored.set_state(state)
    check_epochs(begun + list(restored))
    iterator.set_state(state)
    check_epochs(begun + list(iterator))


@pytest.mark.parametrize("shard", [0, 1])
def test_a_loader_with_shards_counts_the_epochs_of_its_own(shard):
    """A shard counts epochs by its own length, also where the shards differ in length."""
    source = records()[:5]
    options = grain.sharding.ShardOptions(shard_index=shard, shard_count=2)
    sampler = grain.samplers.IndexSampler(5, shard_options=options, num_epochs=4)
    length = (3, 2)[shard]
    transform = DustRectangles(seed=SEED, records_per_epoch=2 * length)
    elements = list(grain.DataLoader(data_source=source, sampler=sampler, operations=[transform]))

    assert len(elements) == 10
    for place, element in enumerate(elements):
        assert (expected(element["number"], epoch=place // length) == element["image"]).all()


def test_the_index_may_be_part_of_an_element():
    """Elements that hold their index keep their dust after a shuffle and in batches."""
    transform = DustRectangles(seed=SEED, index_key="number", epoch_key="epoch")
    numbered = [{**record, "epoch": 4} for record in records()]
    shuffled = grain.MapDataset.source(numbered).shuffle(seed=1)
    batched = shuffled.batch(4, batch_fn=stack)
    for dataset in (
        shuffled.map_with_index(transform).batch(4, batch_fn=stack),
        batched.map_with_index(transform),
        batched.to_iter_dataset().map_with_index(transform),
        grain.DataLoader(
            data_source=numbered,
            sampler=grain.samplers.IndexSampler(N, num_epochs=1),
            operations=[grain.transforms.Batch(4, batch_fn=stack), transform],
        ),
    ):
        batches = list(dataset)

        assert len(batches) == 3
        for batch in batches:
            for number, image in zip(batch["number"], batch["image"], strict=True):
                assert (expected(number, epoch=4) == image).all()


def stack(elements):
    """Make a batch of elements, with one epoch for all of them."""
    return {
        "image": np.stack([element["image"] for element in elements]),
        "number": np.array([element["number"] for element in elements]),
        "epoch": elements[0]["epoch"],
    }


def test_the_epoch_may_be_grains_and_the_index_the_elements():
    """The index may come from an element while Grain counts the epochs."""
    transform = DustRectangles(seed=SEED, index_key="number", records_per_epoch=N)
    check_epochs(grain.MapDataset.source(records()).shuffle(seed=1).map_with_index(transform).repeat(2))


def annotated(name):
    """Return the records of a case: images with guide, objects, and the index that they have in the file."""
    terms = guided.CASES[name].terms
    return [
        {"image": image, "id": KEYS["any"]["index"] + i, **{key: each[i] for key, each in terms.items()}}
        for i, image in enumerate(photos())
    ]


def guided_dust(name, **options):
    spec, terms = guided.CASES[name]
    keys = {f"{key}_key": key for key in terms}
    return DustRectangles(spec, **{"seed": KEYS["any"]["seed"], "epoch": 5, "index_key": "id", **keys, **options})


@pytest.mark.parametrize("name", guided.CASES)
def test_guides_and_objects_are_part_of_an_element(name):
    """Each image has the pixels of the file, one by one; guide and objects are passed on."""
    dataset = grain.MapDataset.source(annotated(name)).map_with_index(guided_dust(name))
    numbered = guided_dust(name, index_key=None, epoch=0, records_per_epoch=guided.N)
    second = grain.MapDataset.source(annotated(name)).map_with_index(numbered).repeat(2)

    assert np.array_equal(guided.expected(name), [element["image"] for element in dataset])
    assert np.array_equal(guided.expected(name, "zero"), [second[i]["image"] for i in range(guided.N)])
    assert all(dataset[2][key] is each[2] for key, each in guided.CASES[name].terms.items() if key == "objects")


def test_loaders_and_workers_change_nothing_of_guided_dust():
    """The same bytes come out of a loader with a worker, in any order."""
    sampler = grain.samplers.IndexSampler(guided.N, shuffle=True, seed=3, num_epochs=1)
    operations = [guided_dust("both")]
    loader = grain.DataLoader(data_source=annotated("both"), sampler=sampler, operations=operations, worker_count=1)
    elements = sorted(loader, key=lambda element: element["id"])

    assert np.array_equal(guided.expected("both"), [element["image"] for element in elements])


@pytest.mark.parametrize("join", [list, np.stack], ids=["list", "array"])
def test_batches_have_guides_and_objects_of_each_image(join):
    """A batch has the guides in one array, and the objects in a list, or in an array if all have as many."""
    boxes = [np.pad(each, ((0, 2 - len(each)), (0, 0))) for each in guided.objects()]  # Empty boxes change nothing.
    records = [{**record, "objects": each} for record, each in zip(annotated("both"), boxes, strict=True)]

    def stack(elements):
        columns = {key: [element[key] for element in elements] for key in elements[0]}
        stacked = {key: np.stack(columns[key]) for key in ("image", "guide", "id")}
        return {**stacked, "objects": join(columns["objects"])}

    dataset = grain.MapDataset.source(records).batch(4, batch_fn=stack).map_with_index(guided_dust("both"))

    assert np.array_equal(guided.expected("both"), np.concatenate([batch["image"] for batch in dataset]))


class Pair(NamedTuple):
    """Elements of this class have an image in the first place."""

    pixels: Any
    label: str


@pytest.mark.parametrize(
    ("element", "keys", "where"),
    [
        (lambda image: image, {}, lambda element: element),
        (lambda image: (image, "label"), {}, lambda element: element[0]),
        (lambda image: ["label", image], {"image_key": 1}, lambda element: element[1]),
        (lambda image: Pair(image, "label"), {}, lambda element: element.pixels),
        (lambda image: Pair(image, "label"), {"image_key": "pixels"}, lambda element: element.pixels),
        (lambda image: {"pixels": image, "label": 3}, {"image_key": "pixels"}, lambda element: element["pixels"]),
    ],
)
def test_elements_keep_their_kind(element, keys, where):
    """An image alone, tuples, lists, named tuples and dicts keep their type and their other entries."""
    given = element(IMAGES[2].copy())
    dusted = DustRectangles(seed=SEED, **keys).map_with_index(2, given)

    assert type(dusted) is type(given)
    assert (expected(2) == where(dusted)).all()
    assert (IMAGES[2] == where(given)).all()


def test_the_memory_of_a_source_is_never_painted_on():
    """The image of a source is copied, also if it is read-only or of a subclass of arrays."""

    class Shared(np.ndarray):
        pass

    image = IMAGES[1].copy().view(Shared)
    image.flags.writeable = False
    dusted = DustRectangles(seed=SEED).map_with_index(1, image)

    assert type(dusted) is np.ndarray
    assert (expected(1) == dusted).all()
    assert (IMAGES[1] == image).all()


def test_layouts_and_value_ranges_are_those_of_add_dust():
    """The transform takes images with channels first, and floats of 0…255."""
    planes = np.ascontiguousarray(IMAGES[0].transpose(2, 0, 1)).astype(np.float32)
    options = {"layout": "CHW", "value_range": (0, 255)}
    dusted = DustRectangles(dustaug.cutout(9, fill_value=99), seed=SEED, **options).map_with_index(0, planes)

    assert (add_dust(planes.copy(), dustaug.cutout(9, fill_value=99), seed=SEED, index=0, **options) == dusted).all()


def test_it_takes_fields_pickles_and_shows_itself():
    """The transform takes the fields of a spec, can be pickled, and its repr names its options."""
    transform = DustRectangles(count_range=(0, 63), seed=7, records_per_epoch=N)
    copied = pickle.loads(pickle.dumps(transform))

    assert repr(copied) == repr(transform)
    assert "seed=7, records_per_epoch=10)" in repr(transform)
    assert (copied.map_with_index(3, IMAGES[3]) == transform.map_with_index(3, IMAGES[3])).all()
    assert transform.output_spec("spec") == "spec"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"seed": -1}, ValueError, "seed must be from 0 to 18446744073709551615, got -1"),
        ({"seed": 0, "epoch": 2**32}, ValueError, "epoch must be from 0 to 4294967295"),
        ({"seed": 0, "records_per_epoch": 0}, ValueError, "records_per_epoch must be from 1 to"),
        ({"seed": 0, "index_key": 1.5}, TypeError, "index_key must be a place or a key in an element, got 1.5"),
        ({"seed": 0, "image_key": True}, TypeError, "image_key must be a place or a key in an element, got True"),
        ({"seed": 0, "epoch_key": "e", "epoch": 3}, TypeError, "epoch_key must be given without epoch and"),
        ({"seed": 0, "layout": "HCW"}, ValueError, "layout must be one of"),
        ({"seed": 0, "value_range": 3}, TypeError, "value_range must be a tuple"),
        ({"seed": 0, "spec": dustaug.dust(), "p": 0.5}, TypeError, "spec must be given alone, got p too"),
        ({"seed": 0, "center": "guide"}, TypeError, "guide_key must be given with center=.*, got none: type DustRecta"),
        ({"seed": 0, "guide_key": "m"}, TypeError, "guide_key must be given with .*, got 'm' with center='normal'"),
        ({"seed": 0, "max_hidden": 0.4}, TypeError, "objects_key must be given with max_hidden, got none: type Dust"),
        ({"seed": 0, "objects_key": 1.5}, TypeError, "objects_key must be a place or a key in an element, got 1.5"),
    ],
)
def test_arguments_are_checked_when_it_is_made(arguments, error, message):
    """The constructor refuses wrong arguments by name, with the rule."""
    with pytest.raises(error, match=message):
        DustRectangles(**arguments)


MASKED = {"center": "guide", "guide_key": "mask"}


@pytest.mark.parametrize(
    ("arguments", "element", "error", "message"),
    [
        ({}, {"img": 1}, LookupError, "at 'image', got ['img']: type DustRectangles(…, image_key=…)"),
        ({}, {"image": [[1]]}, TypeError, "image must be a NumPy array, got list"),
        ({}, IMAGES, ValueError, "image must be a single image without an index_key, got a batch of shape (10, 32"),
        ({"index_key": "i"}, {"image": IMAGES[0]}, LookupError, "element must have an index at 'i', got ['image']"),
        ({"index_key": "i"}, IMAGES[0], TypeError, "element must be a dict or a tuple with an index_key"),
        ({"image_key": 2}, (IMAGES[0], 1), LookupError, "at 2, got 2 entries"),
        ({"image_key": "image"}, (IMAGES[0], 1), LookupError, "an image at 'image', got 2 entries"),
        ({}, np.zeros((28, 28, 28)), ValueError, "layout must be given where the shape does not tell it"),
        ({"index_key": "i"}, {"image": IMAGES[0], "i": -1}, ValueError, "index must be from 0"),
        ({"epoch_key": "e"}, {"image": IMAGES[0], "e": 1.5}, TypeError, "epoch must be a whole number, got 1.5"),
        ({"epoch_key": "e"}, {"image": IMAGES[0], "e": True}, TypeError, "epoch must be a whole number, got True"),
        ({"epoch_key": "e"}, {"image": IMAGES[0], "e": None}, TypeError, "epoch must be a whole number, got None"),
        ({}, np.ma.array(IMAGES[0]), TypeError, "images must not be masked, got a MaskedArray: type images.filled(0)"),
        ({}, None, TypeError, "got NoneType: type DustRectangles(…, image_key=…) where it is"),
        (MASKED, {"image": IMAGES[0]}, LookupError, "element must have a guide at 'mask', got ['image']"),
        (MASKED, IMAGES[0], TypeError, "element must be a mapping, a tuple or a list with a guide_key"),
        (
            MASKED,
            {"image": IMAGES[0], "mask": np.zeros((2, 3, 3), bool)},
            ValueError,
            "guide must have shape (rows, col",
        ),
        (MASKED, {"image": IMAGES[0], "mask": IMAGES[0] / 255}, TypeError, "guide must be uint8 or bool, got an array"),
    ],
)
def test_elements_are_checked(arguments, element, error, message):
    """The error names what the element has instead."""
    with pytest.raises(error, match=re.escape(message)):
        DustRectangles(seed=0, **arguments).map_with_index(0, element)


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ([DustRectangles(seed=0)], "records_per_epoch must be given in a DataLoader"),
        (
            [grain.transforms.Batch(2), DustRectangles(seed=0, records_per_epoch=N)],
            "DustRectangles must come before grain.transforms.Batch",
        ),
    ],
)
def test_a_loader_must_know_record_and_epoch(operations, message):
    """A loader that cannot tell record and epoch is refused, as it would repeat dust."""
    loader = grain.DataLoader(data_source=records(), sampler=SHUFFLE, operations=operations)
    with pytest.raises(ValueError, match=message):
        next(iter(loader))


def test_a_plain_map_is_refused():
    """map() is refused, as it passes elements without their index."""
    with pytest.raises(TypeError, match=r"got dict: type dataset.map_with_index\(DustRectangles\(…\)\)"):
        DustRectangles(seed=7)({"image": np.zeros((8, 8, 3), np.uint8)})
    with pytest.raises(TypeError, match=r"instead of dataset.map and random_map$"):
        grain.MapDataset.source(records()).seed(1).random_map(DustRectangles(seed=7))[0]


def test_a_schedule_follows_the_passes():
    """Each pass has the spec of its epoch, in a data set and in a loader with workers."""
    dust = DustRectangles(MANY, seed=SEED, records_per_epoch=N)
    dataset = grain.MapDataset.source(records()).map_with_index(dust).repeat(3)
    loader = grain.DataLoader(
        data_source=records(),
        sampler=grain.samplers.IndexSampler(N, shuffle=False, num_epochs=2),
        operations=[pickle.loads(pickle.dumps(dust))],
    )
    for elements in (dataset, loader):
        for place, element in enumerate(elements):
            epoch = place // N

            assert (expected(int(element["number"]), MANY.at(epoch), epoch=epoch) == element["image"]).all()


def test_a_schedule_needs_what_moves_the_epoch():
    """Without a count of passes the schedule would stay; an epoch that is typed is meant."""
    with pytest.raises(
        TypeError, match=r"records_per_epoch must be given with a Schedule, or it would stay in epoch 0"
    ):
        DustRectangles(MANY, seed=7)
    element = DustRectangles(MANY, seed=SEED, epoch=5).map_with_index(3, IMAGES[3])

    assert (expected(3, MANY.at(5), epoch=5) == element).all()
