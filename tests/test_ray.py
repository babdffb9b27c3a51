"""DustBatch paints dicts of arrays, as Ray passes them; test_ray_cluster.py runs it on a cluster."""

import pickle
import re

import numpy as np
import pytest

import dustaug
import guided
from dustaug import add_dust
from dustaug.ray import DustBatch
from test_pixels import KEYS
from test_pixels import photos as plain_photos

SEED = 2**63 + 7
INDEX = np.array([5, 2**63 - 1, 0, 1000, 6, 5])
SPECS = {
    "dust": dustaug.dust(),
    "cutout": dustaug.cutout(21, fill_value=(9, 99, 199)),
    "noise": dustaug.dust(fill="noise"),
    "mean": dustaug.dust(fill="mean", height_fraction_range=(0.05, 0.2)),
}


def photos():
    return np.random.default_rng(3).integers(0, 256, (6, 48, 64, 3), dtype=np.uint8)


def ragged(images=None):
    """Return images of several sizes, as an array of arrays."""
    images = photos() if images is None else images
    column = np.empty(len(images), object)
    for i, image in enumerate(images):
        column[i] = np.ascontiguousarray(image[: 30 + i, : 60 - i])
    return column


def expected(images, spec=None, epochs=(0,) * 6, index=INDEX, **options):
    """Return the images, each painted alone."""
    rows = zip(images, epochs, index, strict=True)
    return [add_dust(x.copy(), spec, seed=SEED, epoch=int(e), index=int(i), **options) for x, e, i in rows]


def same(wanted, seen):
    return [(x.shape, x.dtype, x.tobytes()) for x in wanted] == [(x.shape, x.dtype, x.tobytes()) for x in seen]


def batch_of(images, **columns):
    return {"image": images, "id": INDEX, "label": np.arange(6), **columns}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("make", [photos, ragged], ids=["array", "ragged"])
def test_a_batch_has_the_pixels_of_add_dust(make, spec):
    """Each image has the dust of its index, and the given batch stays as it was."""
    batch = batch_of(make())
    dusted = DustBatch(spec, seed=SEED, index_column="id")(batch)

    assert same(expected(make(), spec), dusted["image"])
    assert make().dtype == dusted["image"].dtype
    assert same(make(), batch["image"])
    assert list(batch) == list(dusted)
    assert dusted["label"] is batch["label"]
    assert dusted["id"] is batch["id"]


@pytest.mark.parametrize("make", [photos, ragged], ids=["array", "ragged"])
def test_splits_change_nothing(make):
    """A row has the same dust in any batch."""
    dust_batch = DustBatch(seed=SEED, index_column="id")
    parts = [dust_batch({"image": make()[rows], "id": INDEX[rows]})["image"] for rows in ([4, 0], [1], [2, 3, 5])]

    assert same([expected(make())[row] for row in (4, 0, 1, 2, 3, 5)], [image for part in parts for image in part])


@pytest.mark.parametrize("make", [photos, ragged], ids=["array", "ragged"])
def test_epochs_may_come_from_a_column(make):
    """A column may hold one epoch or many."""
    dust_batch = DustBatch(seed=SEED, index_column="id", epoch_column="epoch")
    for epochs in ([3, 0, 3, 2**32 - 1, 1, 0], [4] * 6):
        dusted = dust_batch(batch_of(make(), epoch=np.array(epochs)))

        assert same(expected(make(), epochs=epochs), dusted["image"])


def test_an_instance_goes_to_another_epoch():
    """A training loop may set the epoch of an instance."""
    dust_batch = DustBatch(seed=SEED, index_column="id", epoch=2)

    assert same(expected(photos(), epochs=[2] * 6), dust_batch(batch_of(photos()))["image"])
    dust_batch.set_epoch(3)
    assert same(expected(photos(), epochs=[3] * 6), dust_batch(batch_of(photos()))["image"])


def frozen(images):
    for image in images:
        image.flags.writeable = False
    images.flags.writeable = False
    return images


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("make", [photos, ragged], ids=["array", "ragged"])
def test_read_only_images_are_copied(make, inplace):
    """Read-only images are copied, also with inplace=True."""
    images = frozen(make())
    dusted = DustBatch(seed=SEED, index_column="id", inplace=inplace)(batch_of(images))["image"]

    assert same(expected(make()), dusted)
    assert same(make(), images)
    assert not any(np.shares_memory(a, b) for a, b in zip(images, dusted, strict=True))


@pytest.mark.parametrize("make", [photos, ragged], ids=["array", "ragged"])
def test_inplace_saves_the_copy(make):
    """With inplace=True, writable images are painted themselves."""
    images = make()
    dusted = DustBatch(seed=SEED, index_column="id", inplace=True)(batch_of(images))["image"]

    assert same(expected(make()), images)
    assert all(np.shares_memory(a, b) for a, b in zip(images, dusted, strict=True))


@pytest.mark.parametrize("layout", ["NCHW", "CHW"])
def test_layouts_hold_for_batches_and_ragged_images(layout):
    """A layout may be given with or without N."""
    planes = np.ascontiguousarray(photos().transpose(0, 3, 1, 2))
    ragged_planes = np.empty(6, object)
    ragged_planes[:] = [np.ascontiguousarray(image.transpose(2, 0, 1)) for image in ragged()]
    dust_batch = DustBatch(seed=SEED, index_column="id", layout=layout)

    assert same(expected(planes, layout="CHW"), dust_batch(batch_of(planes))["image"])
    assert same(expected(ragged_planes, layout="CHW"), dust_batch(batch_of(ragged_planes))["image"])


def test_grey_images_have_three_axes_a_batch():
    """The first axis of a batch is always that of its rows."""
    grey = np.ascontiguousarray(photos()[..., 0])
    column = np.empty(6, object)
    column[:] = [image[: 30 + i] for i, image in enumerate(grey)]
    dust_batch = DustBatch(seed=SEED, index_column="id")

    assert same(expected(grey), dust_batch(batch_of(grey))["image"])
    assert same(expected(column), dust_batch(batch_of(column))["image"])


def test_value_range_is_passed_on():
    """Floats of 0…255 are painted in the range that is given."""
    images = photos().astype(np.float32)
    dusted = DustBatch(seed=SEED, index_column="id", value_range=(0, 255))(batch_of(images))

    assert same(expected(images, value_range=(0, 255)), dusted["image"])


def test_columns_may_have_other_names():
    """The columns of images, indices and epochs may have any names."""
    dust_batch = DustBatch(seed=SEED, image_column="x", index_column="number", epoch_column="e")
    dusted = dust_batch({"x": photos(), "number": INDEX.astype(np.uint64), "e": np.full(6, 9, np.uint8)})

    assert same(expected(photos(), epochs=[9] * 6), dusted["x"])


def annotated(name, as_column):
    """Return the batch of a case, and what dusts it: images with columns of guides and objects."""
    spec, terms = guided.CASES[name]
    index = KEYS["any"]["index"] + np.arange(guided.N)
    columns = {key: as_column(each) for key, each in terms.items()}
    dust_batch = DustBatch(
        spec, seed=KEYS["any"]["seed"], epoch=5, index_column="id", **{f"{key}_column": key for key in terms}
    )
    return {"image": plain_photos(), "id": index, **columns}, dust_batch


def items(each):
    """Return a column of one object for each image, as Ray has what is ragged."""
    column = np.empty(len(each), object)
    column[:] = list(each)
    return column


def rows_of_lists(each):
    """Return a column as Ray makes it of lists within lists; guides of it are arrays all the same."""
    return items([items(list(row)) if row.dtype == int else row for row in each])


@pytest.mark.parametrize(
    "as_column", [lambda each: each, items, list, rows_of_lists], ids=["array", "ragged", "list", "lists"]
)
@pytest.mark.parametrize("name", guided.CASES)
def test_guides_and_objects_are_columns(name, as_column):
    """Each image has the pixels of the file, in whatever form a column comes, and the batch stays as it was."""
    batch, dust_batch = annotated(name, as_column)
    dusted = dust_batch(batch)

    assert np.array_equal(guided.expected(name), dusted["image"])
    assert np.array_equal(plain_photos(), batch["image"])
    assert all(dusted[key] is batch[key] for key in guided.CASES[name].terms)


def test_an_array_of_boxes_has_as_many_for_each_image():
    """Empty boxes change nothing, so that a column of boxes may be padded with them."""
    batch, dust_batch = annotated("both", list)
    batch["objects"] = np.stack([np.pad(each, ((0, 2 - len(each)), (0, 0))) for each in batch["objects"]])

    assert np.array_equal(guided.expected("both"), dust_batch(batch)["image"])


@pytest.mark.parametrize("as_column", [lambda each: each, items], ids=["array", "ragged"])
def test_ragged_images_and_epochs_have_their_own_terms(as_column):
    """Images and guides of several sizes, and rows of several epochs, keep to their own guide and boxes."""
    (batch, _), spec, epochs = annotated("both", as_column), guided.CASES["both"].spec, np.array([5, 0, 5, 1, 0, 5])
    columns = {"index_column": "id", "guide_column": "guide", "objects_column": "objects", "epoch_column": "epoch"}
    dust_batch = DustBatch(spec, seed=SEED, **columns)
    for images in (plain_photos(), ragged(plain_photos())):
        dusted = dust_batch({**batch, "image": images, "epoch": epochs})["image"]
        rows = zip(images, epochs, batch["id"], guided.masks(), guided.objects(), strict=True)
        wanted = [
            add_dust(image.copy(), spec, seed=SEED, epoch=int(epoch), index=int(index), guide=guide, objects=boxes)
            for image, epoch, index, guide, boxes in rows
        ]

        assert same(wanted, dusted)


def test_a_bad_row_leaves_the_callers_images_as_they_are():
    """Guides and boxes are checked before the first image is painted, also in place."""
    for name, bad, message in (
        ("guide", np.zeros((4, 4)), "guide must be uint8 or bool, got an array of float64"),
        ("guide", None, 'guide must be given with center="guide", got none'),
        ("objects", [[5, 5, 1, 9]], "objects must not be reversed"),
        ("objects", [[0.5, 5, 1, 9]], "objects must be an array of whole numbers (k, 4), got an array of float64"),
    ):
        (batch, _), column = annotated("both", items), items(guided.CASES["both"].terms[name])
        column[5] = bad
        keys = {"guide_column": "guide", "objects_column": "objects"}
        dust_batch = DustBatch(guided.CASES["both"].spec, seed=0, index_column="id", inplace=True, **keys)
        with pytest.raises((TypeError, ValueError), match=re.escape(message)):
            dust_batch({**batch, name: column})
        assert np.array_equal(plain_photos(), batch["image"])


def test_columns_of_guides_must_fit():
    """A column must have an entry for each image, and be there."""
    batch, dust_batch = annotated("both", items)
    for changes, message in (
        ({"guide": guided.masks()[:5]}, r"guide must have shape \(6, rows, columns\), one for each image, got \(5"),
        ({"guide": items(guided.masks()[:5])}, "column 'guide' must hold an entry for each of 6 images, got 5 of them"),
        ({"objects": []}, "column 'objects' must hold an entry for each of 6 images, got 0 of them"),
    ):
        with pytest.raises(ValueError, match=message):
            dust_batch({**batch, **changes})
    del batch["guide"]
    with pytest.raises(LookupError, match=r"batch must have a guide at 'guide', got .*: type DustBatch\(…, guide_col"):
        dust_batch(batch)


def test_an_empty_batch_stays_empty():
    """Ray may pass an empty batch, of any dtype."""
    batch = {"image": np.zeros(0), "id": np.zeros(0)}

    assert batch == DustBatch(seed=SEED, index_column="id")(batch)


def test_it_pickles_small():
    """A pickle leaves out the plan, which another process makes for itself."""
    dust_batch = DustBatch(dustaug.random_erasing(), seed=SEED, index_column="id", epoch=3)
    dust_batch(batch_of(photos()))
    pickled = pickle.dumps(dust_batch)

    assert len(pickled) < 2000
    assert f", seed={SEED}, index_column='id', epoch=3)" in repr(dust_batch)
    assert repr(dust_batch) == repr(pickle.loads(pickled))
    assert same(dust_batch(batch_of(photos()))["image"], pickle.loads(pickled)(batch_of(photos()))["image"])


def test_the_module_loads_no_ray(run_python):
    """dustaug.ray imports no Ray, so DustBatch needs no cluster."""
    assert "False" == run_python("import sys, dustaug.ray; print('ray' in sys.modules)")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"seed": None}, TypeError, "seed must be given, .* got none: type DustBatch(seed=0, index_column=…)"),
        ({"index_column": None}, TypeError, "index_column must name a column .* got none, .* dustaug.index_of(batch"),
        ({"index_column": 3}, TypeError, "index_column must be the name of a column, got 3"),
        ({"image_column": None}, TypeError, "image_column must be the name of a column, got None"),
        ({"epoch": 2, "epoch_column": "e"}, TypeError, "epoch must be left out with epoch_column, got 2"),
        ({"seed": -1}, ValueError, "seed must be from 0"),
        ({"epoch": 2**32}, ValueError, "epoch must be from 0"),
        ({"spec": 3}, TypeError, "spec must be"),
        ({"inplace": "no"}, TypeError, "inplace must be True or False, got 'no'"),
        ({"spec": dustaug.dust(center="guide")}, TypeError, "guide_column must be given with .* type DustBatch(…, gui"),
        ({"spec": dustaug.dust(max_hidden=0.4)}, TypeError, "objects_column must be given with max_hidden, got none"),
        ({"guide_column": "m"}, TypeError, "guide_column must be given with .* got 'm' with center='normal'"),
        ({"guide_column": 3}, TypeError, 'guide_column must be the name of a column, got 3: type guide_column="guide"'),
        ({"layout": "HWN"}, ValueError, "layout must be one of"),
        ({"value_range": 3}, TypeError, "value_range must be a tuple of two numbers"),
    ],
)
def test_bad_arguments_are_refused(options, error, message):
    """The constructor refuses wrong arguments."""
    with pytest.raises(error, match=re.escape(message).replace(r"\.\*", ".*")):
        DustBatch(**{"seed": SEED, "index_column": "id", **options})


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"id": np.arange(5)}, ValueError, "column 'id' must hold one number for each of 6 images, got shape (5,)"),
        ({"id": INDEX - 1}, ValueError, "column 'id' must hold numbers from 0 to 9223372036854775807, got -1 to 922"),
        ({"id": np.full(6, 2**63, np.uint64)}, ValueError, "column 'id' must hold numbers from 0 to 92233720368547"),
        ({"id": INDEX.astype(float)}, TypeError, "column 'id' must hold whole numbers, got an array of float64"),
        ({"id": INDEX.astype(str)}, TypeError, "got an array of <U21: type dustaug.index_of(batch['id'])"),
        ({"id": INDEX.astype(str).astype(object)}, TypeError, "array of object: type dustaug.index_of(batch['id'])"),
        ({"epoch": np.full(6, 2**32)}, ValueError, "column 'epoch' must hold numbers from 0 to 4294967295, got 4294"),
        ({"epoch": np.full(6, -1)}, ValueError, "column 'epoch' must hold numbers from 0 to 4294967295, got -1 to -1"),
        ({"image": list(photos())}, TypeError, "column 'image' must be a NumPy array, got list"),
        (
            {"image": np.array([None] * 6)},
            TypeError,
            "column 'image' must hold images, (n, h, w, c), (n, h, w) or an array of them, got NoneType",
        ),
        ({"image": photos().astype("U3")}, TypeError, "an array of them, got an array of <U3 and shape (6, 48, 64, 3)"),
        ({"image": photos().reshape(6, -1)}, TypeError, "shape (6, 9216): type numpy.asarray(batch['image'].tolist()"),
        ({"image": photos()[None]}, TypeError, "column 'image' must hold images"),
        ({"image": np.zeros((), np.uint8)}, TypeError, "column 'image' must hold images"),
        ({"image": np.array([b"a"] * 6)}, TypeError, "type numpy.array(PIL.Image.open(io.BytesIO(data)))"),
        ({"image": np.array([b"a"] * 6, object)}, TypeError, "type numpy.array(PIL.Image.open(io.BytesIO(data)))"),
        ({"image": np.ma.array(photos())}, TypeError, "images must not be masked, got a MaskedArray"),
        ({"id": [[1], [2, 3]]}, TypeError, "column 'id' must hold one whole number for each image, got [[1], [2, 3]]"),
        ({"id": [None] * 6}, TypeError, "column 'id' must hold whole numbers, got an array of object"),
        ({"image": photos().transpose(0, 3, 1, 2)}, ValueError, "layout must be given where the shape"),
    ],
)
def test_bad_columns_are_refused(columns, error, message):
    """A batch with a bad column is refused and stays as it was."""
    batch = {**batch_of(photos()), "epoch": np.zeros(6, int), **columns}
    with pytest.raises(error, match=re.escape(message)):
        DustBatch(seed=SEED, index_column="id", epoch_column="epoch")(batch)
    assert "image" in columns or same(photos(), batch["image"])


def test_missing_columns_are_refused():
    """The error names the columns that there are."""
    for missing, argument in (("image", "image_column"), ("id", "index_column")):
        batch = {name: column for name, column in batch_of(photos()).items() if name != missing}
        with pytest.raises(LookupError, match=f"batch must have an .* at '{missing}', got .*label.*{argument}=…"):
            DustBatch(seed=SEED, index_column="id")(batch)


def test_other_batches_are_refused():
    """A batch that is no dict of arrays is refused."""
    with pytest.raises(TypeError, match="batch must be a dict of arrays, got ndarray: type map_batches"):
        DustBatch(seed=SEED, index_column="id")(photos())


def test_columns_of_epochs_are_not_overruled():
    """set_epoch() is refused if the epochs come from a column."""
    with pytest.raises(TypeError, match="epoch must come from the column 'e', got 3"):
        DustBatch(seed=SEED, index_column="id", epoch_column="e").set_epoch(3)


def test_fields_of_a_spec_belong_into_a_spec():
    """The error names what to type."""
    hint = (
        "ray.DustBatch() must be given arguments that it knows, got p=0.5: type ray.DustBatch(…, dustaug.dust(p=0.5))"
    )
    with pytest.raises(TypeError, match=re.escape(hint)):
        DustBatch(seed=0, index_column="i", p=0.5)
