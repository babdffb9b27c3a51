"""dust_flow() paints the batches of PyDatasets, sequences and iterables with the pixels of add_dust()."""

import re

import keras
import numpy as np
import pytest

import dustaug
import guided
import test_pixels
from dustaug import add_dust
from dustaug.keras import dust_flow
from test_schedule import MANY

# Keras asks its tensors for arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

N, SIZE, SEED = 10, 4, 2**63 + 7


def photos():
    return np.random.default_rng(3).integers(0, 256, (N, 16, 20, 3), dtype=np.uint8)


def batches(images):
    return [(images[i : i + SIZE], np.arange(i, min(i + SIZE, N))) for i in range(0, N, SIZE)]


def expected(images, spec=None, **options):
    return add_dust(images.copy(), spec, **{"seed": SEED, "index": 0, **options})


def expected_batches(epoch=0):
    """Return the batches of a source that only numbers its batches."""
    return [expected(x, epoch=epoch, index=i * 2**32) for i, (x, _) in enumerate(batches(photos()))]


def digests(seen):
    return [x.tobytes() for x in seen]


class Photos(keras.utils.PyDataset):
    """The PyDataset counts the calls of its callbacks."""

    def __init__(self, images, **options):
        super().__init__(**options)
        self.images, self.begun, self.ended = images, 0, 0

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return batches(self.images)[i]

    def on_epoch_begin(self):
        """Count the call."""
        self.begun += 1

    def on_epoch_end(self):
        """Count the call."""
        self.ended += 1


class SizedPhotos(Photos):
    """The PyDataset has a batch_size."""

    batch_size = SIZE


def test_a_pydataset_keeps_what_it_is():
    """A PyDataset keeps its length, workers, labels and callbacks, and its arrays stay as they were."""
    images = photos()
    flow = Photos(images, workers=3, use_multiprocessing=True, max_queue_size=5)
    noised = dust_flow(flow, seed=SEED)
    seen = list(noised)

    assert isinstance(noised, keras.utils.PyDataset)
    assert (3, 3) == (len(noised), noised.num_batches)
    assert (3, True, 5) == (noised.workers, noised.use_multiprocessing, noised.max_queue_size)
    assert digests(expected_batches()) == digests(x for x, _ in seen)
    assert list(range(N)) == np.concatenate([y for _, y in seen]).tolist()
    assert (photos() == images).all()
    assert 1 == flow.ended
    assert digests(expected_batches(epoch=1)) == digests(x for x, _ in noised)


def test_a_batch_size_tells_the_position_of_a_sample():
    """With a batch_size, a sample has the dust of its place in the whole data set."""
    noised = dust_flow(SizedPhotos(photos()), seed=SEED, epoch=3)

    assert (expected(photos(), epoch=3) == np.concatenate([x for x, _ in noised])).all()
    SizedPhotos.batch_size = SIZE - 1
    with pytest.raises(ValueError, match="flow must give batches of at most its batch_size=3, got 4 images"):
        noised[0]
    SizedPhotos.batch_size = SIZE


class ShuffledPhotos(SizedPhotos):
    """The flow tells the order of its samples, as legacy flows do."""

    index_array = None

    def __getitem__(self, i):
        chosen = self.index_array[i * SIZE : (i + 1) * SIZE]
        return self.images[chosen], chosen

    def on_epoch_end(self):
        """Shuffle the samples."""
        super().on_epoch_end()
        self.index_array = np.random.default_rng(self.ended).permutation(N)


def test_a_shuffled_flow_is_keyed_by_its_samples():
    """An image has the dust of its own place, wherever the shuffle puts it."""
    noised = dust_flow(ShuffledPhotos(photos()), seed=SEED)
    orders = set()
    for epoch in range(3):
        images, order = (np.concatenate(part) for part in zip(*noised, strict=True))
        orders.add(tuple(order))

        assert (expected(photos(), epoch=epoch)[order] == images).all()
    assert 3 == len(orders)


class EndlessPhotos(SizedPhotos):
    """The PyDataset has no end."""

    num_batches = None

    def __getitem__(self, i):
        return super().__getitem__(i % 3)


def test_an_endless_pydataset_stays_endless():
    """The batches of an endless PyDataset are counted on and on."""
    noised = dust_flow(EndlessPhotos(photos()), seed=SEED)
    batch = next(x for i, (x, _) in enumerate(noised) if i == 30)

    assert noised.num_batches is None
    assert (expected(photos()[:SIZE], index=30 * SIZE) == batch).all()


def test_a_list_of_batches_will_do():
    """A list of batches becomes a PyDataset, which fit() accepts."""
    noised = dust_flow(batches(photos()), seed=SEED)

    assert isinstance(noised, keras.utils.PyDataset)
    assert digests(expected_batches()) == digests(x for x, _ in noised)
    assert digests(expected_batches(epoch=1)) == digests(x for x, _ in noised)


class BareBatches:
    """The class has what a sequence needs at least, and is none of Keras'."""

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return batches(photos())[i]


def test_a_length_and_items_will_do():
    """An object of any class with a length and items is a flow."""
    assert digests(expected_batches()) == digests(x for x, _ in dust_flow(BareBatches(), seed=SEED))


def test_an_iterable_is_gone_through_once():
    """An iterable is consumed once, as by the post's expression, and its images are counted."""
    noised = dust_flow(iter(batches(photos())), seed=SEED, epoch=2)
    seen = list(noised)

    assert (expected(photos(), epoch=2) == np.concatenate([x for x, _ in seen])).all()
    assert [0, 4, 8] == [y[0] for _, y in seen]


def test_batches_may_have_weights_or_no_labels():
    """Everything but the images is passed on as it is."""
    x, y, weights = photos(), np.arange(N), np.ones(N)
    ((dusted, same_y, same_weights),) = dust_flow(iter([(x, y, weights)]), seed=SEED)
    (alone,) = dust_flow(iter([x]), seed=SEED)
    ((listed, _),) = dust_flow(iter([[x, y]]), seed=SEED)

    assert same_y is y
    assert same_weights is weights
    for each in (dusted, alone, listed):
        assert (expected(x) == each).all()


def test_tensors_become_arrays():
    """Tensors of any framework become arrays."""
    ((dusted, _),) = dust_flow(iter([(keras.ops.convert_to_tensor(photos()), None)]), seed=SEED)

    assert (expected(photos()) == dusted).all()


def test_inplace_paints_on_the_flows_own_arrays():
    """With inplace=True, the arrays of the flow are painted."""
    images = photos()
    ((dusted, _),) = dust_flow(iter([(images, None)]), seed=SEED, inplace=True)

    assert dusted is images
    assert (expected(photos()) == images).all()


def test_layout_and_value_range_are_passed_on():
    """The default layout is that of Keras' configuration; layout and value_range may be given."""
    images = np.ascontiguousarray(photos().transpose(0, 3, 1, 2)).astype(np.float32)
    options = {"layout": "NCHW", "value_range": (0, 255)}
    (dusted,) = dust_flow(iter([images]), dustaug.cutout(5), seed=SEED, **options)

    assert (add_dust(images.copy(), dustaug.cutout(5), seed=SEED, index=0, **options) == dusted).all()
    keras.config.set_image_data_format("channels_first")
    try:
        (dusted,) = dust_flow(iter([images]), dustaug.cutout(5), seed=SEED, value_range=(0, 255))
    finally:
        keras.config.set_image_data_format("channels_last")
    assert (add_dust(images.copy(), dustaug.cutout(5), seed=SEED, index=0, **options) == dusted).all()


def test_without_a_seed_it_follows_keras():
    """Keras' global seed decides, and two flows differ."""
    keras.utils.set_random_seed(5)
    first, second = (digests(dust_flow(iter([photos()]))) for _ in range(2))
    keras.utils.set_random_seed(5)

    assert first != second
    assert first == digests(dust_flow(iter([photos()])))


class TwoBatches(SizedPhotos):
    """The PyDataset has two batches of one size, as Keras weighs losses by the sizes of batches."""

    def __len__(self):
        return 2

    def __getitem__(self, i):
        return self.images[i * SIZE : (i + 1) * SIZE], np.zeros(SIZE)


class Sum(keras.Model):
    """The loss of the model is the sum of the pixels of a batch."""

    def __init__(self):
        super().__init__()
        self.scale = self.add_weight(initializer="ones")

    def call(self, images):
        """Return the images as they are."""
        return images * self.scale

    def compute_loss(self, x, y, y_pred, *_, **__):  # noqa: ARG002
        """Sum the pixels."""
        return keras.ops.sum(y_pred)


class Losses(keras.callbacks.Callback):
    """The callback keeps the loss of each batch; Keras tells the mean of an epoch's batches so far."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        """Keep the loss."""
        self.seen.append(logs["loss"] if batch == 0 else 2 * logs["loss"] - self.seen[-1])


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning", "ignore:os.fork:RuntimeWarning")
@pytest.mark.parametrize("options", [{}, {"workers": 3}, {"workers": 2, "use_multiprocessing": True}])
@pytest.mark.parametrize("say", [False, True])
def test_fit_goes_from_epoch_to_epoch(options, say):
    """fit() gets new dust in each epoch, with threads and processes; a callback may set the epoch."""
    images = np.zeros((2 * SIZE, 16, 20, 3), np.float32)
    spec = dustaug.dust(count_range=(5, 9), fill="constant", fill_value=255)
    noised = dust_flow(TwoBatches(images, **options), spec, seed=SEED)
    losses = Losses()
    callback = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: noised.set_epoch(epoch))
    model = Sum()
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(noised, epochs=3, verbose=0, shuffle=False, callbacks=[callback, losses] if say else [losses])
    dusted = [expected(images, spec, epoch=epoch).reshape(2, -1).sum(axis=1) for epoch in range(5)]
    sums = np.concatenate(dusted).tolist()

    assert len(sums) == len(set(sums))
    if options and keras.config.backend() != "tensorflow":
        # Keras keeps the batch of a trial run before training here, so its order is shifted.
        assert set(losses.seen) <= set(sums)
    else:
        # Without the callback, the first epoch is 0 or 1: newer versions of Keras end an epoch before they begin one.
        assert losses.seen in ([sums[:6]] if say else [sums[:6], sums[2:8]])


@pytest.mark.parametrize(
    ("flow", "error", "message"),
    [
        (3, TypeError, "flow must be a PyDataset, a sequence or an iterable of batches, got int"),
        (photos(), TypeError, "flow must be a PyDataset, a sequence or an iterable of batches, got ndarray"),
        ({"x": photos()}, TypeError, "got dict"),
    ],
)
def test_bad_flows_are_refused(flow, error, message):
    """dust_flow() refuses what is no flow."""
    with pytest.raises(error, match=message):
        dust_flow(flow)


def test_bad_batches_are_refused():
    """A batch that cannot be painted raises when it is drawn."""
    with pytest.raises(TypeError, match="flow must give images or tuples that begin with them, got a dict"):
        next(dust_flow(iter([{"images": photos()}])))
    with pytest.raises(ValueError, match="layout must be given where the shape does not tell it"):
        dust_flow([photos().transpose(0, 3, 1, 2)])[0]
    with pytest.raises(TypeError, match="flow must give images or tuples that begin with them, got an empty list"):
        dust_flow([[]])[0]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"seed": -1}, ValueError, "seed must be from 0"),
        ({"epoch": -1}, ValueError, "epoch must be from 0"),
        ({"spec": 3}, TypeError, "spec must be"),
        ({"inplace": "no"}, TypeError, "inplace must be True or False, got 'no'"),
        ({"layout": "HWN"}, ValueError, "layout must be one of"),
        ({"value_range": 3}, TypeError, "value_range must be a tuple of two numbers"),
    ],
)
def test_bad_arguments_are_refused(options, error, message):
    """dust_flow() refuses wrong arguments."""
    with pytest.raises(error, match=message):
        dust_flow([], **options)


def test_fields_of_a_spec_belong_into_a_spec():
    """The error names what to type."""
    hint = "keras.dust_flow() must be given arguments that it knows, got p=0.5: "
    hint += "type keras.dust_flow(…, dustaug.dust(p=0.5))"
    with pytest.raises(TypeError, match=re.escape(hint)):
        dust_flow([], p=0.5)


@pytest.mark.parametrize("name", guided.CASES)
def test_guides_and_objects_stand_in_the_batch(name):
    """Masks may be guides, and boxes objects, by their places; they are passed on."""
    (spec, terms), want = guided.CASES[name], guided.expected(name)
    key = test_pixels.KEYS["any"]
    nothing = {"guide": np.zeros((key["index"], 1, 1), bool), "objects": [[]] * key["index"]}
    before = np.zeros((key["index"], 48, 64, 3), np.uint8), *(nothing[name] for name in terms)
    parts = [(test_pixels.photos()[i : i + 3], *(each[i : i + 3] for each in terms.values())) for i in (0, 3)]
    keys = {f"{argument}_key": 1 + place for place, argument in enumerate(terms)}
    _, *dusted = dust_flow(iter([before, *parts]), spec, seed=key["seed"], epoch=key["epoch"], **keys)

    assert (np.concatenate([batch[0] for batch in dusted]) == want).all()
    assert all(
        a is b for batch, part in zip(dusted, parts, strict=True) for a, b in zip(batch[1:], part[1:], strict=True)
    )


@pytest.mark.parametrize(
    ("spec", "keys", "error", "message"),
    [
        (
            dustaug.dust(center="guide"),
            {},
            TypeError,
            'guide_key must be given with center="guide", got none: type dust_f',
        ),
        (
            dustaug.dust(max_hidden=0.4),
            {},
            TypeError,
            "objects_key must be given with max_hidden, got none: type dust_flow",
        ),
        (None, {"guide_key": 1}, TypeError, 'type spec.replace(center="guide"), or leave guide_key out'),
        (
            dustaug.dust(center="guide"),
            {"guide_key": 1.5},
            TypeError,
            "guide_key must be a place or a key in a batch, got",
        ),
        (
            dustaug.dust(center="guide"),
            {"guide_key": 2},
            LookupError,
            "batch must have a guide at 2, got 2 entries: type",
        ),
        (
            dustaug.dust(center="guide"),
            {"guide_key": 1},
            TypeError,
            "guide must be uint8 or bool, got an array of int64",
        ),
    ],
)
def test_guides_that_are_not_there(spec, keys, error, message):
    """The errors name the key, before anything is painted."""
    images = photos()
    with pytest.raises(error, match=re.escape(message)):
        list(dust_flow(batches(images), spec, seed=SEED, inplace=True, **keys))
    assert (images == photos()).all()


def test_a_flow_follows_its_schedule():
    """Each epoch of a flow has the spec that the schedule has for it."""
    noised = dust_flow(batches(photos()), MANY, seed=SEED, epoch=4)
    for epoch in (4, 5, 6):
        want = [expected(x, MANY.at(epoch), epoch=epoch, index=i * 2**32) for i, (x, _) in enumerate(batches(photos()))]

        assert digests(want) == digests(x for x, _ in noised)


def test_fit_follows_a_schedule():
    """In three epochs of fit(), the batches have no dust, few rectangles, and then more."""
    images = np.zeros((2 * SIZE, 16, 20, 3), np.float32)
    counts = dustaug.Schedule.steps({0: (0, 0), 1: (1, 2), 2: (5, 9)})
    schedule = dustaug.Schedule(dustaug.dust(fill="constant", fill_value=255), count_range=counts)
    noised = dust_flow(TwoBatches(images), schedule, seed=SEED)
    losses = Losses()
    callback = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: noised.set_epoch(epoch))
    model = Sum()
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(noised, epochs=3, verbose=0, shuffle=False, callbacks=[callback, losses])
    dusted = [expected(images, schedule.at(epoch), epoch=epoch).reshape(2, -1).sum(axis=1) for epoch in range(3)]

    assert losses.seen == np.concatenate(dusted).tolist()
    assert losses.seen[:2] == [0, 0] < losses.seen[2:4] < losses.seen[4:]
