"""Train and test one guitar classifier: the arms of the experiment, Keras on TensorFlow, and dust in tf.data."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dustaug
from dustaug._extras import name_extra
from dustaug.robustness import occlusion_curve, occlusion_map

with name_extra("guitar", "dustaug.examples", "keras", "tensorflow"):
    import keras
    import tensorflow as tf

from dustaug.tensorflow import make_dust_fn

from .graffiti import SHARES, paint_graffiti
from .guitar_photos import build_transfer_model

__all__ = ["ARMS", "GUIDED", "Part", "Recipe", "Run", "arm_images", "judge", "make_guides", "train"]

ARMS = ("none", "dust", "cutout", "random-erasing", "input-dropout")
"""Ways to hide parts of the training pictures: none, the post's dust, and other known methods."""
GUIDED = "guided"
"""The arm whose dust lies where the model's own occlusion maps say, and which is trained if there is a `guided`."""

# The side of the pictures for which the post chose its rectangles.
_POST_SIDE = 224
_CUTOUT_SIDE = 56
_DROPOUT = 0.1
# This number of pictures is enough for the statistics of batch normalization.
_SETTLE = 350
# The patch of an occlusion map is this part of a picture's side, and its stride is half of it: 49 places.
_PATCHES = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a classifier is trained.

    Parameters
    ----------
    size : int
        Side of the pictures in pixels.
    epochs, batch_size : int
        Passes over the training pictures, and pictures per step.
    backbone : str
        ``"small"``, a network of four convolutions that is trained from scratch, or one of `keras.applications`.
    weights : str
        Weights for a network of `keras.applications`: ``"imagenet"``, a file, or ``"none"``.
    guided : int
        Epochs between two occlusion maps of all training pictures, for the arm :data:`GUIDED`; 0 without that arm.
    """

    size: int
    epochs: int
    batch_size: int = 32
    backbone: str = "small"
    weights: str = "none"
    guided: int = 0


@dataclasses.dataclass(frozen=True)
class Part:
    """Pictures uint8 (n, size, size, 3), labels (n,), and bodies bool (n, size, size), for training or test."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    bodies: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """The result of one training of one arm; all shares are from 0 to 1.

    Parameters
    ----------
    seed : int
        Seed of the weights, the order and the dust.
    history : dict of str to list of float
        ``accuracy``, ``loss``, ``val_accuracy`` and ``val_loss`` of each epoch.
    seconds_per_epoch : float
        Median, without the first epoch.
    coverage, body_coverage : float
        Share of the training pictures, and of the guitars' bodies in them, that the arm hides in an epoch: the first
        one, but the last one with guided dust.
    """

    seed: int
    history: dict[str, list[float]]
    seconds_per_epoch: float
    coverage: float
    body_coverage: float


def arm_spec(arm: str, size: int) -> dustaug.Spec | None:
    """Return the spec of an arm, with the post's pixels scaled to the size of the pictures."""
    if arm == GUIDED:
        plain = arm_spec("dust", size)
        return plain and plain.replace(center="guide")
    if arm == "dust":
        half = (1, max(1, round(7 * size / _POST_SIDE)))
        return dustaug.dust(half_height_range=half, half_width_range=half)
    if arm == "cutout":
        return dustaug.cutout(round(_CUTOUT_SIDE * size / _POST_SIDE))
    return dustaug.random_erasing() if arm == "random-erasing" else None


def arm_images(
    arm: str, images: NDArray[np.uint8], seed: int, *, epoch: int = 0, guides: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Return training pictures of an arm as in an epoch; guided dust needs the guides of the pictures."""
    spec = arm_spec(arm, images.shape[1])
    if spec is not None:
        return dustaug.add_dust(images.copy(), spec, seed=seed, epoch=epoch, index=0, guide=guides)
    if arm == "input-dropout":
        kept = np.random.Generator(np.random.Philox(seed)).random((*images.shape[:3], 1)) >= _DROPOUT
        return images * kept
    return images


def train(
    arm: str,
    training: Part,
    validation: Part,
    n_classes: int,
    recipe: Recipe,
    *,
    seed: int,
    on_epoch: Callable[[int, float], None],
) -> tuple[keras.Model, Run]:
    """Train one classifier; the same arguments give the same weights.

    Parameters
    ----------
    arm : str
        One of :data:`ARMS`, or :data:`GUIDED`.
    training, validation : Part
        Training pictures, and clean pictures for the validation curves.
    n_classes : int
        Number of classes.
    recipe : Recipe
        The model and the length of the training.
    seed : int
        Seed of the weights, the order of the pictures and the dust.
    on_epoch : callable
        It gets the number of each finished epoch, from 1 on, and the accuracy on the validation pictures.
    """
    keras.utils.set_random_seed(seed)
    n_steps = recipe.epochs * math.ceil(len(training.images) / recipe.batch_size)
    model = _make_model(n_classes, recipe, n_steps)
    epoch = tf.Variable(0, dtype=tf.int64)
    callbacks: list[keras.callbacks.Callback] = [
        keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda number, _: epoch.assign(number),
            on_epoch_end=lambda number, logs: on_epoch(number + 1, logs["val_accuracy"]),
        ),
        clock := _Clock(),
    ]
    if recipe.backbone == "small":
        callbacks.append(_Settle(training.images))
    guides = _Guides(training, recipe.guided)
    if arm == GUIDED:
        callbacks.insert(0, guides)
    dataset = tf.data.Dataset.from_tensor_slices((training.images, training.labels)).enumerate()
    dataset = dataset.shuffle(len(training.images), seed=seed).batch(recipe.batch_size)
    spec = arm_spec(arm, recipe.size)
    if arm == GUIDED:
        dataset = dataset.map(_make_guided(guides, seed, epoch))
    elif spec is not None:
        dataset = dataset.map(make_dust_fn(spec, seed=seed, epoch=epoch, indexed=True))
    elif arm == "input-dropout":
        dataset = dataset.map(_make_dropout(seed, epoch))
    else:
        dataset = dataset.map(lambda _, pair: pair)
    fitted = model.fit(
        dataset.prefetch(tf.data.AUTOTUNE),
        validation_data=(validation.images, validation.labels),
        validation_batch_size=128,
        epochs=recipe.epochs,
        callbacks=callbacks,
        shuffle=False,  # The data set shuffles itself.
        verbose=0,
    )
    if arm == GUIDED and guides.weights is not None:
        seen = arm_images(arm, training.images, seed, epoch=recipe.epochs - 1, guides=guides.weights)
    else:
        seen = arm_images("dust" if arm == GUIDED else arm, training.images, seed)
    hidden = (seen != training.images).any(axis=-1)
    run = Run(
        seed=seed,
        history={name: [float(value) for value in values] for name, values in fitted.history.items()},
        seconds_per_epoch=statistics.median(clock.seconds[1:] or clock.seconds),
        coverage=float(hidden.mean()),
        body_coverage=float(hidden[training.bodies].mean()),
    )
    return model, run


def make_guides(model: keras.Model, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the guide of each picture, (n, size, size): where a grey patch lowers the score of the right class.

    The score is the logarithm of the odds. A softmax that is sure of its answer stays at 1, and its map would be blank.
    """

    def predict(batch: NDArray[np.uint8]) -> NDArray[np.float64]:
        shares = model.predict_on_batch(batch).astype(np.float64) + 1e-30
        # The sum of the other classes, which 1 - share would round to 0.
        others = shares @ (1 - np.eye(shares.shape[1]))
        odds: NDArray[np.float64] = np.log(shares) - np.log(others)
        return odds

    patch = max(1, images.shape[1] // _PATCHES)
    return np.stack(
        [
            occlusion_map(predict, image, target=int(label), patch=patch, progress=False).guide()
            for image, label in zip(images, labels, strict=True)
        ]
    )


class _Guides(keras.callbacks.Callback):  # type: ignore[misc]
    """A callback that makes the guides of all training pictures again at the start of every few epochs, not the first.

    Attributes
    ----------
    weights : uint8, (n, size, size), or None before the first time
    """

    def __init__(self, training: Part, every: int) -> None:
        super().__init__()
        self._training, self._every = training, every
        self.weights: NDArray[np.uint8] | None = None

    def on_epoch_begin(self, epoch: int, _: Any = None) -> None:
        if epoch and epoch % self._every == 0:
            self.weights = make_guides(self.model, self._training.images, self._training.labels)


def _make_guided(guides: _Guides, seed: int, epoch: tf.Variable) -> Callable[..., Any]:
    """Return dust that lies where the guides say, and plain dust as long as there are none."""

    def paint(images: NDArray[np.uint8], index: NDArray[np.int64], epoch: NDArray[np.int64]) -> NDArray[np.uint8]:
        weights = guides.weights
        spec = arm_spec("dust" if weights is None else GUIDED, images.shape[1])
        chosen = None if weights is None else weights[index]
        return dustaug.add_dust(images.copy(), spec, seed=seed, epoch=int(epoch), index=index, guide=chosen)

    def dust(index: Any, pair: Any) -> Any:
        images, labels = pair
        dusted = tf.numpy_function(paint, [images, index, epoch.read_value()], images.dtype)
        return tf.ensure_shape(dusted, images.shape), labels

    return dust


def _make_dropout(seed: int, epoch: tf.Variable) -> Callable[..., Any]:
    """Return dropout of whole pixels at the input. It does not scale the others up, as the next layers normalise."""

    def drop(index: Any, pair: Any) -> Any:
        images, labels = pair
        shape = tf.concat([tf.shape(images)[:3], [1]], axis=0)
        draws = tf.random.stateless_uniform(shape, seed=tf.stack([seed, tf.bitwise.left_shift(epoch, 32) + index[0]]))
        return images * tf.cast(draws >= _DROPOUT, images.dtype), labels

    return drop


class _Settle(keras.callbacks.Callback):  # type: ignore[misc]
    """A callback that takes the statistics of batch normalization from clean pictures before each validation.

    The statistics of pictures with holes do not fit clean pictures. With dropped pixels they cost half of the accuracy
    (Li et al., 2018, arXiv:1801.05134).
    """

    def __init__(self, images: NDArray[np.uint8]) -> None:
        super().__init__()
        self._images = images[:_SETTLE]

    def on_test_begin(self, *_: Any) -> None:
        self.model(self._images, training=True)


class _Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """A callback that measures the time of the training in each epoch, without the validation."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, *_: Any) -> None:
        self._start = time.perf_counter()

    def on_test_begin(self, *_: Any) -> None:
        self.seconds.append(time.perf_counter() - self._start)


def _make_model(n_classes: int, recipe: Recipe, n_steps: int) -> keras.Model:
    inputs = keras.Input((recipe.size, recipe.size, 3))
    if recipe.backbone == "small":
        outputs = _small_network(inputs, n_classes)
        rate = 2e-3
    else:
        outputs = build_transfer_model(recipe.backbone, recipe.weights, n_classes, size=recipe.size)(inputs)
        rate = 1e-4
    steps = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, n_steps))
    model = keras.Model(inputs, outputs)
    model.compile(steps, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _small_network(inputs: Any, n_classes: int) -> Any:
    """Return a network of four convolutions, each followed by pooling."""
    outputs = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for filters, kernel, stride in ((32, 5, 2), (64, 3, 1), (96, 3, 1), (128, 3, 1)):
        outputs = keras.layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)(outputs)
        outputs = keras.layers.BatchNormalization(momentum=0.0)(outputs)  # See _Settle.
        outputs = keras.layers.ReLU()(outputs)
        outputs = keras.layers.MaxPooling2D()(outputs)
    outputs = keras.layers.GlobalAveragePooling2D()(outputs)
    outputs = keras.layers.Dropout(0.3)(outputs)
    return keras.layers.Dense(n_classes, activation="softmax")(outputs)


def judge(model: keras.Model, part: Part, *, style: str, seed: int) -> dict[str, Any]:
    """Test a model on clean pictures, and on the same pictures under graffiti of three severities.

    Returns
    -------
    dict
        ``clean`` is the accuracy on clean pictures. ``graffiti`` and ``flips`` are the accuracy and the share of
        changed answers for each severity. ``graffiti_coverage`` is the measured share of the bodies under paint.
    """
    painted = {
        severity: paint_graffiti(part.images, part.bodies, severity=severity, style=style, seed=seed)
        for severity in SHARES
    }

    def paint(severity: int) -> Callable[[NDArray[np.uint8], NDArray[np.int64]], NDArray[np.uint8]]:
        return lambda _, index: painted[severity][0][index]

    curve = occlusion_curve(
        model.predict_on_batch,
        part.images,
        part.labels,
        {severity: paint(severity) for severity in SHARES},
        batch_size=128,
        progress=False,
    )
    return {
        "clean": curve.clean_accuracy,
        "graffiti": list(curve.accuracy),
        "flips": list(curve.flip_rate),
        "graffiti_coverage": [float(coverage.mean()) for _, coverage in painted.values()],
    }
