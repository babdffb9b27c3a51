"""Photos are read from folders, and networks of keras.applications get a new last layer.

All weights are random: nothing is downloaded.
"""

import re
import shutil
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from examples import guitar_photos
from examples.guitar_photos import BACKBONES, build_transfer_model, load_images, load_photos, predict_photos
from examples.guitars import draw_guitar

# Keras asks its tensors for arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

SIZE, PIXELS = 32, 64
NAMES = ("Flying V", "Jazzmaster", "Telecaster")
TREE = "type --data FOLDER for pictures in FOLDER/CLASS/*.jpg"
EXTENSIONS = (".png", ".jpg", ".webp", ".JPEG")


def guitar(name="Jazzmaster", index=0):
    return draw_guitar(name, size=SIZE, seed=5, index=index).image


@pytest.fixture
def folder(tmp_path):
    """Write three classes of 5, 6 and 7 pictures, and other files, which are to be ignored."""
    folder = tmp_path / "photos"
    for k, name in enumerate(NAMES):
        (folder / name / "deeper").mkdir(parents=True)
        for i in range(5 + k):
            Image.fromarray(guitar(name, i)).save(folder / name / f"{i}{EXTENSIONS[i % 4]}", lossless=True)
        (folder / name / "notes.txt").write_text("about them")
        (folder / name / ".hidden.jpg").write_bytes(b"no picture")
        (folder / name / "deeper.jpg").mkdir()
    (folder / ".cache").mkdir()
    (folder / "readme.jpg").write_bytes(b"no class")
    return folder


def save(path, image, **options):
    image.save(path, **options)
    return path


def one(path, size=SIZE):
    return load_images([path], size=size)[0]


def error_of(call):
    """Return the message of what a call raises."""
    with pytest.raises((FileNotFoundError, ValueError)) as caught:
        call()
    return str(caught.value)


def test_a_folder_becomes_images_labels_and_names(folder):
    """Images come in the order of the classes' and files' names, and lossless ones keep every pixel."""
    photos = load_photos(folder, size=SIZE)

    assert photos.names == NAMES
    assert photos.images.shape == (18, SIZE, SIZE, 3)
    assert photos.images.dtype == np.uint8
    assert photos.labels.dtype == np.int64
    assert photos.labels.tolist() == [0] * 5 + [1] * 6 + [2] * 7
    assert [path.name for path in photos.paths[:5]] == ["0.png", "1.jpg", "2.webp", "3.JPEG", "4.png"]
    for path, label, image in zip(photos.paths, photos.labels, photos.images, strict=True):
        if path.suffix in {".png", ".webp"}:
            assert np.array_equal(image, guitar(NAMES[label], int(path.stem)))
        assert path.parent.name == NAMES[label]
        assert np.array_equal(image, one(path))


@pytest.mark.parametrize(
    ("share", "held_out"), [(0.2, [1, 1, 1]), (0.5, [2, 3, 4]), (0.001, [1] * 3), (0.999, [4, 5, 6])]
)
def test_the_split_is_stratified(folder, share, held_out):
    """Each picture is in one part, and each class is in both parts."""
    photos = load_photos(folder, size=SIZE, validation=share)

    assert np.array_equal(np.sort(np.concatenate([photos.train, photos.validation])), np.arange(18))
    assert np.bincount(photos.labels[photos.validation]).tolist() == held_out
    assert np.bincount(photos.labels[photos.train]).tolist() == [5 - held_out[0], 6 - held_out[1], 7 - held_out[2]]
    assert photos.train.dtype == photos.validation.dtype == np.int64


def held_out(folder, name, **options):
    photos = load_photos(folder, size=SIZE, validation=0.4, **options)
    return {photos.paths[i].name for i in photos.validation if photos.paths[i].parent.name == name}


def test_the_split_hangs_on_the_seed_and_file_names_alone(folder):
    """The split depends neither on global generators nor on classes and their names."""
    before = held_out(folder, "Telecaster")
    np.random.seed(3)  # noqa: NPY002  It must not matter.
    assert held_out(folder, "Telecaster") == before
    shutil.rmtree(folder / "Jazzmaster")
    (folder / "Telecaster").rename(folder / "Another")

    assert held_out(folder, "Another") == before
    assert any(held_out(folder, "Another", seed=seed) != before for seed in range(1, 5))


def test_a_new_picture_moves_few_others(folder):
    """A new picture takes the place of another one, or makes a place."""
    before = held_out(folder, "Telecaster")
    for i in range(10):
        added = save(folder / "Telecaster" / f"new{i}.png", Image.fromarray(guitar()))

        assert len(held_out(folder, "Telecaster") - {added.name} ^ before) <= 1
        added.unlink()


def test_a_picture_stays_whole_in_a_white_square(tmp_path):
    """A picture of any shape keeps its proportions."""
    black = np.zeros((2, SIZE, SIZE), np.bool_)
    for i, size in enumerate([(64, 32), (8, 16)]):
        black[i] = (one(save(tmp_path / "black.png", Image.new("RGB", size))) == 0).all(-1)

    assert np.array_equal(black[0], np.pad(np.ones((16, 32)), ((8, 8), (0, 0))))
    assert np.array_equal(black[1], np.pad(np.ones((32, 16)), ((0, 0), (8, 8))))
    line = one(save(tmp_path / "line.png", Image.new("RGB", (500, 1))))
    assert (line == 0).all((1, 2)).sum() == 1
    assert ((line == 0) | (line == 255)).all()


def test_pictures_are_turned_upright(tmp_path):
    """A picture is turned as its EXIF data say."""
    pixels, exif = guitar(), Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "turned.png", Image.fromarray(np.rot90(pixels)), exif=exif)

    assert np.array_equal(one(path), pixels)


def test_every_kind_of_picture_becomes_rgb(tmp_path):
    """Grey of 8 and 16 bits, black and white, palettes and CMYK become RGB."""
    picture = Image.fromarray(guitar())
    grey = np.asarray(picture.convert("L"))

    def read(image, name="picture.png", **options):
        return one(save(tmp_path / name, image, **options))

    assert np.array_equal(read(picture.convert("L")), np.repeat(grey[..., None], 3, -1))
    assert np.array_equal(read(Image.fromarray(grey.astype(np.uint16) * 257)), np.repeat(grey[..., None], 3, -1))
    assert np.array_equal(read(picture.convert("1")), np.asarray(picture.convert("1").convert("RGB")))
    assert np.array_equal(read(picture.convert("P")), np.asarray(picture.convert("P").convert("RGB")))
    assert np.abs(read(picture.convert("CMYK"), "cmyk.jpg", quality=100).astype(int) - guitar()).mean() < 4


def test_transparent_parts_become_white(tmp_path):
    """Parts that are transparent, by alpha or by a transparent colour, become white."""
    alpha = np.dstack([guitar(), np.full((SIZE, SIZE), 255, np.uint8)])
    alpha[:9, :, 3] = 0
    want = guitar()
    want[:9] = 255

    assert np.array_equal(one(save(tmp_path / "alpha.png", Image.fromarray(alpha))), want)
    grey = Image.fromarray(np.where(np.arange(SIZE * SIZE).reshape(SIZE, SIZE) % 2, 0, 77).astype(np.uint8))
    for image in (grey.convert("LA"), grey.convert("P"), grey, grey.convert("RGB")):
        transparency = {"LA": None, "P": 0, "L": 0, "RGB": (0, 0, 0)}[image.mode]
        options = {} if transparency is None else {"transparency": transparency}
        pixels = one(save(tmp_path / "grey.png", image, **options))
        assert set(np.unique(pixels)) == ({0, 77} if image.mode == "LA" else {77, 255})


def test_no_paths_are_no_images():
    """No paths give an empty array of the right shape."""
    assert load_images([], size=SIZE).shape == (0, SIZE, SIZE, 3)


def test_bad_folders(folder, tmp_path):
    """Each error says what must hold, what was found, and what to type."""

    def message(path=folder, **options):
        return error_of(lambda: load_photos(path, **{"size": SIZE, **options}))

    none, file, empty = tmp_path / "none", folder / "readme.jpg", tmp_path / "empty"
    assert message(none) == f"the folder of photos must exist, got {none}: {TREE}"
    assert message(file) == f"photos must lie in a folder, got the file {file}: {TREE}"
    (empty / ".hidden").mkdir(parents=True)
    start = "photos must lie in a sub-folder for each of two classes or more, got"
    assert message(empty) == f"{start} none in {empty}: {TREE}"
    (empty / "only").mkdir()
    assert message(empty) == f"{start} only 'only' in {empty}: {TREE}"
    (folder / "Empty").mkdir()
    start = "each class must have two pictures or more, for training and validation, got"
    end = f"in {folder / 'Empty'}: add pictures there, or move that folder elsewhere"
    assert message() == f"{start} none of .jpeg, .jpg, .png, .webp {end}"
    save(folder / "Empty" / "a.png", Image.fromarray(guitar()))
    assert message() == f"{start} only a.png {end}"
    save(folder / "Empty" / "b.png", Image.fromarray(guitar()))
    assert load_photos(folder, size=SIZE).names == ("Empty", *NAMES)
    share = "validation must be a share between 0 and 1, got"
    assert message(validation=1) == f"{share} 1: type validation=0.2"
    assert message(validation=float("nan")) == f"{share} nan: type validation=0.2"
    assert message(size=31) == "size must be a whole number not below 32, got 31: type size=32"
    assert message(seed=-1) == "seed must be a whole number not below 0, got -1: type seed=1"


def test_broken_pictures_are_named(folder):
    """Files that are no picture, are cut short, are folders or do not exist are named."""
    path = folder / NAMES[1] / "0.png"
    start = f"pictures must be whole files that Pillow reads, got {path} ("
    end = "): replace or remove it"
    whole = path.read_bytes()
    for content in (b"", b"no picture", whole[: len(whole) // 2]):
        path.write_bytes(content)
        for call in (lambda: load_photos(folder, size=SIZE), lambda: load_images([path], size=SIZE)):
            message = error_of(call)
            assert message.startswith(start)
            assert message.endswith(end)
    assert f"got {folder} (" in error_of(lambda: load_images([folder], size=SIZE))
    path.unlink()
    want = f"pictures must be files, got {path}, which does not exist: type the path of one"
    assert error_of(lambda: load_images([str(path)], size=SIZE)) == want


@pytest.fixture(scope="module")
def images():
    return np.stack([draw_guitar(name, size=PIXELS, seed=2, index=i).image for i in range(2) for name in NAMES])


def built(backbone="resnet50", weights="none", n_classes=3, size=PIXELS, **options):
    keras.utils.set_random_seed(4)
    return build_transfer_model(backbone, weights, n_classes, size=size, **options)


def scores_of(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


MODULES = {"resnet50": "resnet50", "mobilenetv2": "mobilenet_v2", "efficientnetb0": "efficientnet"}


def network_of(backbone, weights):
    """Return the network of keras.applications: as a function with its preprocessing, and itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MobileNetV2 warns of sizes for which no weights are published.
        make = getattr(keras.applications, BACKBONES[backbone])
        network = make(include_top=False, weights=weights, input_shape=(PIXELS, PIXELS, 3), pooling="avg")
    prepare = getattr(keras.applications, MODULES[backbone]).preprocess_input
    return lambda images, **options: np.asarray(network(prepare(images.astype(np.float32)), **options)), network


@pytest.fixture(scope="module")
def files(tmp_path_factory, images):
    """Write files of weights with statistics of images, without which the signal of a deep network fades."""
    folder = tmp_path_factory.mktemp("weights")
    paths = {backbone: folder / f"{backbone}.weights.h5" for backbone in BACKBONES}
    for backbone, path in paths.items():
        keras.utils.set_random_seed(4)
        network = network_of(backbone, None)[1]
        for layer in network.layers:
            if isinstance(layer, keras.layers.Normalization):
                layer.set_weights([np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]), np.array(0)])
        network.save_weights(path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("keras.src.utils.file_utils.get_file", lambda *_, path=path, **__: str(path))
            features, network = network_of(backbone, "imagenet")
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 0.0
        features(images, training=True)
        network.save_weights(path)
    return paths


def test_a_random_resnet_learns_and_is_saved(images, tmp_path):
    """Bytes, floats, data sets and a saved model give the same scores, before and after training."""
    model = built()
    before = scores_of(model, images)
    model.save(tmp_path / "before.keras")

    assert before.shape == (6, 3)
    assert before.dtype == np.float32
    np.testing.assert_allclose(before.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(scores_of(model, images.astype(np.float32)), before)
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(6)
    np.testing.assert_allclose(model.predict(dataset, verbose=0), before, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(scores_of(keras.models.load_model(tmp_path / "before.keras"), images), before)

    statistics = model.get_layer("resnet50").get_layer("conv1_bn").moving_mean.numpy()
    model.compile(keras.optimizers.SGD(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(images, np.arange(6) % 3, batch_size=6, epochs=1, verbose=0)
    model.save(tmp_path / "after.keras")
    after = scores_of(model, images)

    assert np.isfinite(history.history["loss"]).all()
    assert not np.array_equal(after, before)
    assert not np.array_equal(model.get_layer("resnet50").get_layer("conv1_bn").moving_mean.numpy(), statistics)
    np.testing.assert_array_equal(scores_of(keras.models.load_model(tmp_path / "after.keras"), images), after)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_downloaded_weights_and_their_file_give_the_same_scores(backbone, files, images, tmp_path, monkeypatch):
    """The scores are those of Keras' own network, also after saving; nothing is downloaded here."""
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: str(files[backbone]))
    features = network_of(backbone, "imagenet")[0](images, training=False)
    head = [np.random.default_rng(0).normal(0, 1 / np.abs(features).max(), (features.shape[1], 3)), np.arange(3) / 9]
    logits = features @ head[0] + head[1]
    want = np.exp(logits - logits.max(1, keepdims=True))
    want /= want.sum(1, keepdims=True)
    assert np.ptp(want, 0).max() > 0.1

    for weights in ("imagenet", files[backbone]):
        model = built(backbone, weights)
        model.layers[-1].set_weights(head)
        got = scores_of(model, images)
        model.save(tmp_path / "model.keras")
        np.testing.assert_allclose(got, want, atol=2e-3)
        np.testing.assert_array_equal(scores_of(keras.models.load_model(tmp_path / "model.keras"), images), got)


@pytest.mark.parametrize("backbone", ["resnet50", "mobilenetv2"])
def test_preprocessing_is_that_of_keras(backbone, images):
    """The preprocessing gives Keras' numbers to the precision of float32."""
    inputs = keras.Input((PIXELS, PIXELS, 3))
    network = keras.Sequential(name=backbone)
    model = keras.Model(inputs, guitar_photos._preprocess(network, inputs, "none"))
    want = getattr(keras.applications, MODULES[backbone]).preprocess_input(images.astype(np.float32))

    np.testing.assert_allclose(scores_of(model, images), want, rtol=3e-7, atol=3e-7)


def test_resnet50_is_the_network_of_the_post(files):
    """ResNet-50 ends in Flatten of 2,048 numbers and one Dense layer with softmax, and all its layers are trained."""
    model = build_transfer_model("resnet50", files["resnet50"], 13, size=224)
    network = model.get_layer("resnet50")

    assert model.input_shape == (None, 224, 224, 3)
    assert network.output_shape == (None, 7, 7, 2048)
    assert [type(layer).__name__ for layer in model.layers[-3:]] == ["GlobalAveragePooling2D", "Flatten", "Dense"]
    assert model.layers[-2].output.shape == (None, 2048)
    assert model.layers[-1].activation is keras.activations.softmax
    assert model.output_shape == (None, 13)
    assert all(layer.trainable for layer in network.layers)
    # Of each of 53 convolutions and of 53 layers of batch normalization two weights are learned, and two of the top.
    assert len(model.trainable_weights) == len(network.trainable_weights) + 2 == 2 * 53 + 2 * 53 + 2


@pytest.mark.parametrize("trainable", [True, False])
def test_statistics_that_came_with_weights_stay(trainable, files, images, tmp_path):
    """Training changes no statistics of the loaded weights, nor does saving."""
    options = {} if trainable else {"trainable": False}
    model = built("mobilenetv2", files["mobilenetv2"], **options)
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    network = model.get_layer("mobilenetv2")
    statistics = [array.copy() for array in network.get_layer("bn_Conv1").get_weights()]
    kernel = network.get_layer("Conv1").get_weights()[0].copy()
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    model.fit(images, np.arange(6) % 3, epochs=1, verbose=0)

    assert all(map(np.array_equal, network.get_layer("bn_Conv1").get_weights(), statistics))
    assert np.array_equal(network.get_layer("Conv1").get_weights()[0], kernel) == (not trainable)
    assert (len(model.trainable_weights) == 2) == (not trainable)


def test_imagenet_without_a_network_is_one_sentence(run_python, tmp_path):
    """Without a network, the error gives the reason and three ways out."""
    message = run_python(
        "import warnings; warnings.simplefilter('ignore')\n"
        "import socket, sys\n"
        "def fail(*arguments, **options): raise socket.gaierror(-2, 'Name or service not known')\n"
        "socket.getaddrinfo = fail\n"
        "from examples.guitar_photos import build_transfer_model\n"
        "try: build_transfer_model('resnet50', 'imagenet', 2, size=32)\n"
        "except FileNotFoundError as error: print(error)",
        KERAS_HOME=str(tmp_path),
        KERAS_BACKEND="tensorflow",
        TF_CPP_MIN_LOG_LEVEL="3",
    ).splitlines()[-1]

    assert re.fullmatch(
        r"--weights imagenet must be downloaded once, by Keras, and that failed \(\[Errno -2\] Name or service not "
        r"known\): type --weights none, or fetch https://\S+/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5 "
        rf"elsewhere and type --weights PATH, or put that file into {re.escape(str(tmp_path / 'models'))}",
        message,
    )


@pytest.mark.parametrize(
    ("error", "reason", "address"),
    [
        (
            Exception("URL fetch failure on https://x.org/a.h5: 404 -- Not Found"),
            "404 -- Not Found",
            "https://x.org/a.h5",
        ),
        (ConnectionResetError("reset"), "reset", "the file that it names"),
        (TimeoutError("timed out"), "timed out", "the file that it names"),
        (ValueError("Incomplete or corrupted file detected. "), None, "the file that it names"),
    ],
)
def test_other_failures_of_the_download(monkeypatch, error, reason, address):
    """Other failures give the same sentence.

    The folder is Keras' own unless KERAS_HOME names another one.
    """

    def fail(**options):
        raise error

    monkeypatch.setattr(keras.applications, "ResNet50", fail)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    message = error_of(lambda: built("resnet50", "imagenet"))

    assert f"that failed ({reason or str(error)}): type" in message
    assert message.endswith(f"fetch {address} elsewhere and type --weights PATH, or put that file into ~/.keras/models")


def test_other_errors_of_keras_stay(monkeypatch):
    """An error that is no failed download comes through."""

    def fail(**options):
        raise ValueError("something else")

    monkeypatch.setattr(keras.applications, "ResNet50", fail)
    with pytest.raises(ValueError, match="^something else$"):
        built("resnet50", "imagenet")


def test_bad_arguments_of_a_model(files, tmp_path):
    """Each error says what must hold, what was given, and what to type."""
    none = tmp_path / "none.h5"
    fits = "without its last layer, got"
    end = "): type --weights with another file, or --backbone with the network that it is of"
    text = tmp_path / "text.h5"
    text.write_text("no weights")

    want = "backbone must be one of resnet50, mobilenetv2, efficientnetb0, got 'vgg': type --backbone resnet50"
    assert error_of(lambda: built("vgg")) == want
    want = f"weights must be imagenet, none, or the path of a file, got {none}, which is no file: type --weights none"
    assert error_of(lambda: built(weights=none)) == want
    want = 'random weights must be trained, got trainable=False with weights="none": type trainable=True'
    assert error_of(lambda: built(trainable=False)) == want
    want = "n_classes must be a whole number not below 2, got 1: type n_classes=2"
    assert error_of(lambda: built(n_classes=1)) == want
    assert error_of(lambda: built(size=16)) == "size must be a whole number not below 32, got 16: type size=32"
    for path in (text, files["resnet50"]):
        message = error_of(lambda path=path: built("mobilenetv2", path))
        assert message.startswith(f"weights must fit mobilenetv2 {fits} {path} (")
        assert message.endswith(end)
        assert "\n" not in message


class Scores:
    """A model of this class returns the scores that it was given."""

    def __init__(self, scores):
        self.scores = np.array(scores, np.float32)

    def predict(self, *_, **__):
        """Return the scores."""
        return self.scores


def test_predictions_come_best_first(images):
    """Classes are sorted by score, equal scores by place, and there are at most as many as classes."""
    model = Scores([[0.25, 0.5, 0.25], [0.125, 0.125, 0.75]])

    assert predict_photos(model, images[:2], NAMES, top=2) == [
        [("Jazzmaster", 0.5), ("Flying V", 0.25)],
        [("Telecaster", 0.75), ("Flying V", 0.125)],
    ]
    assert [len(row) for row in predict_photos(model, images[:2], NAMES, top=9)] == [3, 3]
    assert predict_photos(model, images[:0], NAMES) == []
    answers = predict_photos(built("mobilenetv2"), images, NAMES)
    assert all(row == sorted(row, key=lambda pair: -pair[1]) for row in answers)
    np.testing.assert_allclose([sum(score for _, score in row) for row in answers], 1, rtol=1e-5)


def test_bad_scores(images):
    """Scores of another shape, and scores that are not finite, are refused."""
    shape = r"^scores must be of shape \(2, 3\), one for each image and name, got \(2, 2\): give the names that"
    with pytest.raises(ValueError, match=shape):
        predict_photos(Scores([[0, 1], [1, 0]]), images[:2], NAMES)
    with pytest.raises(
        ValueError, match="^scores must be finite, got NaN or infinity: train with a smaller learning rate"
    ):
        predict_photos(Scores([[0, 1, np.nan]]), images[:1], NAMES)
    with pytest.raises(ValueError, match="^top must be a whole number not below 1, got 0: type top=1"):
        predict_photos(Scores([[0, 1, 0]]), images[:1], NAMES, top=0)
