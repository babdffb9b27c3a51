"""The set-up of the 2017 post: your own photos for the guitar classifier, and networks that are pre-trained on photos.

A folder has one sub-folder of pictures per class. A network of `keras.applications` without its top gets Flatten and
one Dense layer with softmax, and is fine-tuned on the pictures. All layers of ResNet-50 are trained, as in the post.
The import of this module loads no framework.
"""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dustaug._extras import name_extra

with name_extra("guitar", "dustaug.examples", "PIL"):
    from PIL import Image, ImageOps

from .guitars import MAX_SIZE, whole

if TYPE_CHECKING:
    import keras

__all__ = ["BACKBONES", "Photos", "build_transfer_model", "load_images", "load_photos", "predict_photos"]

BACKBONES = {"resnet50": "ResNet50", "mobilenetv2": "MobileNetV2", "efficientnetb0": "EfficientNetB0"}
"""The networks that can be fine-tuned, and their names in `keras.applications`."""

_EXTENSIONS = (".jpeg", ".jpg", ".png", ".webp")
_TREE = "type --data FOLDER for pictures in FOLDER/CLASS/*.jpg"


@dataclasses.dataclass(frozen=True)
class Photos:
    """Pictures with their classes, and a split into two parts.

    `images` is uint8 (n, size, size, 3). `labels` is int64 (n,) and indexes `names`. `paths` are the files of the
    pictures. `train` and `validation` are ascending int64 indices of pictures; each picture is in one of them.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    paths: tuple[Path, ...]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]


def load_photos(folder: str | Path, *, size: int, validation: float = 0.2, seed: int = 0) -> Photos:
    """Read a folder that has one sub-folder of JPEG, PNG or WebP files per class.

    The classes are the names of the sub-folders, sorted. The pictures of each class are sorted by their names. The
    function ignores hidden files, other files and deeper folders. It reads pictures as :func:`load_images` does.

    Each picture draws a number, and those with the lowest numbers of their class are for validation. The number depends
    only on the seed and the file name. So other classes change nothing, and a new picture moves at most one or two
    others.

    Parameters
    ----------
    folder : path
        The folder with the sub-folders.
    size : int
        Height and width in pixels, at least 32.
    validation : float
        Share of each class for validation, between 0 and 1. Both parts get at least one picture of each class.
    seed : int
        Seed of the split; not negative.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    TypeError, ValueError
        If an argument is wrong, there are fewer than two classes, a class has fewer than two pictures, or a picture
        cannot be read.
    """
    size, seed, folder = whole("size", size, 32, MAX_SIZE), whole("seed", seed, 0), Path(folder)
    if isinstance(validation, bool) or not isinstance(validation, (int, float)) or not 0 < validation < 1:
        raise ValueError(f"validation must be a share between 0 and 1, got {validation!r}: type validation=0.2")
    classes = _find_classes(folder)
    paths = tuple(path for files in classes.values() for path in files)
    parts = [_for_validation([path.name for path in files], validation, seed) for files in classes.values()]
    held_out = np.concatenate(parts)
    return Photos(
        load_images(paths, size=size),
        np.repeat(np.arange(len(classes)), [len(files) for files in classes.values()]).astype(np.int64),
        tuple(classes),
        paths,
        np.flatnonzero(~held_out).astype(np.int64),
        np.flatnonzero(held_out).astype(np.int64),
    )


def _find_classes(folder: Path) -> dict[str, list[Path]]:
    """Return the pictures of each class, or raise an error that says what is wrong with the folder."""
    if not folder.exists():
        raise FileNotFoundError(f"the folder of photos must exist, got {folder}: {_TREE}")
    if not folder.is_dir():
        raise ValueError(f"photos must lie in a folder, got the file {folder}: {_TREE}")
    inside = sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda path: path.name)
    found = {path.name: _find_pictures(path) for path in inside if path.is_dir()}
    if len(found) < 2:
        only = f"only {next(iter(found))!r}" if found else "none"
        raise ValueError(
            f"photos must lie in a sub-folder for each of two classes or more, got {only} in {folder}: {_TREE}"
        )
    for name, files in found.items():
        if len(files) < 2:
            got = f"only {files[0].name}" if files else f"none of {', '.join(_EXTENSIONS)}"
            raise ValueError(
                f"each class must have two pictures or more, for training and validation, got {got} in "
                f"{folder / name}: add pictures there, or move that folder elsewhere"
            )
    return found


def _find_pictures(folder: Path) -> list[Path]:
    files = (path for path in folder.iterdir() if path.suffix.lower() in _EXTENSIONS and path.is_file())
    return sorted((path for path in files if not path.name.startswith(".")), key=lambda path: path.name)


def _for_validation(names: list[str], share: float, seed: int) -> NDArray[np.bool_]:
    """Return which pictures of a class are for validation."""
    drawn = []
    for name in names:
        digest = hashlib.sha256(os.fsencode(name)).digest()
        key = np.random.SeedSequence((seed, int.from_bytes(digest[:8], "big")))
        drawn.append(np.random.Generator(np.random.Philox(key)).random())
    number = min(max(1, round(len(names) * share)), len(names) - 1)
    chosen = np.zeros(len(names), np.bool_)
    chosen[np.argsort(drawn, kind="stable")[:number]] = True
    return chosen


def load_images(paths: Sequence[str | Path], *, size: int) -> NDArray[np.uint8]:
    """Read pictures as RGB, upright, uncropped and undistorted.

    The longer side becomes `size`, and the picture is in the middle of a white square. A crop would cut off parts that
    distinguish the products, such as the head of a guitar. Transparent parts become white.

    Parameters
    ----------
    paths : sequence of paths
        Files that Pillow reads. An animation gives its first picture.
    size : int
        Height and width in pixels, at least 32.

    Returns
    -------
    ndarray of uint8, shape (n, size, size, 3)

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError, ValueError
        If `size` is wrong, or a file is no picture or broken; the message names the file.
    """
    size = whole("size", size, 32, MAX_SIZE)
    images = np.full((len(paths), size, size, 3), 255, np.uint8)
    for canvas, path in zip(images, map(Path, paths), strict=True):
        if not path.exists():
            raise FileNotFoundError(f"pictures must be files, got {path}, which does not exist: type the path of one")
        try:
            picture = _read(path, size)
        except Exception as error:  # noqa: BLE001  Broken files raise all kinds of exceptions.
            reason = str(error) or type(error).__name__
            raise ValueError(
                f"pictures must be whole files that Pillow reads, got {path} ({reason}): replace or remove it"
            ) from None
        top, left = ((size - side) // 2 for side in picture.shape[:2])
        canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return images


def _read(path: Path, size: int) -> NDArray[np.uint8]:
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)
    if image.mode.startswith("I"):
        # Pillow would keep only the lowest 8 of 16 bits.
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
    sides = [max(1, round(side * size / max(image.size))) for side in image.size]
    return np.asarray(image.resize((sides[0], sides[1]), Image.Resampling.LANCZOS))


def build_transfer_model(
    backbone: str, weights: str | Path, n_classes: int, *, size: int, trainable: bool = True
) -> keras.Model:
    """Put a new last layer on a network of `keras.applications`.

    The model takes pictures without preprocessing, uint8 or floats in 0…255, of shape (n, size, size, 3), and returns
    scores that sum to 1. Keras saves and loads it without custom objects. Random weights follow
    `keras.utils.set_random_seed`.

    Parameters
    ----------
    backbone : str
        One of :data:`BACKBONES`.
    weights : str or path
        "imagenet" for weights that Keras downloads; the path of such a file (its name has "notop" or "no_top"), or of a
        file that `save_weights` of the network wrote; or "none" for random weights.
    n_classes : int
        At least 2.
    size : int
        Height and width of the pictures in pixels, at least 32.
    trainable : bool
        Whether the backbone learns too. It does by default, because dust changes what a network looks at: with frozen
        features dust brought no gain. Use a small learning rate, such as 1e-4, and enough epochs: with fine-tuned
        ImageNet weights the gain needed 14 epochs. With False only the last layer learns. Batch normalization learns in
        ResNet-50, of which the post trained all layers, and with random weights; in the other networks it keeps the
        values of the weights.

    Raises
    ------
    FileNotFoundError
        If the weights do not exist, or cannot be downloaded.
    TypeError, ValueError
        If an argument is wrong, or the weights belong to another network.
    """
    if backbone not in BACKBONES:
        raise ValueError(
            f"backbone must be one of {', '.join(BACKBONES)}, got {backbone!r}: type --backbone {next(iter(BACKBONES))}"
        )
    n_classes, size = whole("n_classes", n_classes, 2), whole("size", size, 32, MAX_SIZE)
    if weights not in ("imagenet", "none") and not Path(weights).is_file():
        raise FileNotFoundError(
            f"weights must be imagenet, none, or the path of a file, got {weights}, which is no file: "
            "type --weights none"
        )
    if weights == "none" and not trainable:
        raise ValueError('random weights must be trained, got trainable=False with weights="none": type trainable=True')

    import keras

    network = _make_network(backbone, weights, size)
    network.name = backbone
    all_layers = weights == "none" or backbone == "resnet50"
    for layer in network.layers:
        # Keras' guide calls the network with training=False to keep the statistics, but fit() overrides that. A frozen
        # layer of batch normalization uses the statistics and does not change them.
        layer.trainable = trainable and (all_layers or not isinstance(layer, keras.layers.BatchNormalization))
    inputs = keras.Input((size, size, 3), name="images")
    features = network(_preprocess(network, inputs, weights))
    # In the Keras of 2017 ResNet-50 without its top ended in this mean over 7 × 7 places; today's leaves it out.
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=True, name="avg_pool")(features)
    flat = keras.layers.Flatten(name="flatten")(pooled)
    scores = keras.layers.Dense(n_classes, activation="softmax", dtype="float32", name="scores")(flat)
    return keras.Model(inputs, scores, name=f"{backbone}_classifier")


def _make_network(backbone: str, weights: str | Path, size: int) -> keras.Model:
    import keras

    make = getattr(keras.applications, BACKBONES[backbone])
    try:
        with warnings.catch_warnings():
            # MobileNetV2 warns that it uses the weights for 224 pixels at sizes without their own weights.
            warnings.filterwarnings("ignore", message="`input_shape` is undefined or non-square")
            kind = "imagenet" if weights == "imagenet" else None
            network = make(include_top=False, weights=kind, input_shape=(size, size, 3))
    except Exception as error:
        if _is_download_failure(error):
            raise FileNotFoundError(_say_download_failure(str(error))) from None
        raise
    if weights not in ("imagenet", "none"):
        try:
            network.load_weights(weights)
        except Exception as error:  # noqa: BLE001  Other files raise all kinds of exceptions.
            reason = (str(error) or type(error).__name__).strip().splitlines()[0]
            raise ValueError(
                f"weights must fit {backbone} without its last layer, got {weights} ({reason}): "
                "type --weights with another file, or --backbone with the network that it is of"
            ) from None
    return network


def _is_download_failure(error: Exception) -> bool:
    """Tell whether Keras' get_file failed; it raises a bare Exception, or an exception of the network."""
    said = str(error).startswith(("URL fetch failure", "Incomplete or corrupted file detected"))
    return said or isinstance(error, (OSError, http.client.HTTPException))


def _say_download_failure(reason: str) -> str:
    address = "the file that it names"
    if match := re.match(r"URL fetch failure on (\S+): (?:None -- )?(.*)", reason):
        address, reason = match[1], match[2]
    models = Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
    return (
        f"--weights imagenet must be downloaded once, by Keras, and that failed ({reason}): type --weights none, or "
        f"fetch {address} elsewhere and type --weights PATH, or put that file into {models}"
    )


def _preprocess(network: keras.Model, images: Any, weights: str | Path) -> Any:
    """Apply preprocess_input of keras.applications, in layers that Keras saves and loads."""
    import keras

    rescaling = keras.layers.Rescaling
    if network.name == "resnet50":
        # Change RGB to BGR, and subtract the mean of ImageNet.
        return rescaling(1.0, [-103.939, -116.779, -123.68], name="centre")(keras.ops.flip(images, axis=-1))
    if network.name == "mobilenetv2":
        return rescaling(1 / 127.5, -1.0, name="rescale")(images)
    normalization = next(layer for layer in network.layers if isinstance(layer, keras.layers.Normalization))
    mean = keras.ops.convert_to_numpy(normalization.mean).ravel().astype(np.float64)
    if weights == "imagenet" or not mean.any():
        return images
    # EfficientNet has its own preprocessing. A part of it is not in the file of weights, but in a layer that Keras adds
    # for "imagenet" only, after the mean is subtracted. This layer does the same before that.
    scale = 1 / np.sqrt([0.229, 0.224, 0.225])
    return rescaling(scale.tolist(), (255 * mean * (1 - scale)).tolist(), name="rescale")(images)


def predict_photos(
    model: Any, images: NDArray[np.uint8], names: Sequence[str], *, top: int = 3
) -> list[list[tuple[str, float]]]:
    """Return the best classes of each picture with their scores, best first.

    Parameters
    ----------
    model : keras.Model
        A model from :func:`build_transfer_model`, or any classifier of such images.
    images : ndarray of uint8, shape (n, size, size, 3)
        As :func:`load_images` returns them.
    names : sequence of str
        The classes, in the order of the model's scores.
    top : int
        The number of classes to return: at least 1, and no more than there are.

    Raises
    ------
    TypeError, ValueError
        If `top` is wrong, or the scores are not one finite number for each image and name.
    """
    top = whole("top", top, 1)
    if not len(images):
        return []
    scores = np.asarray(model.predict(images, verbose=0))
    if scores.shape != (len(images), len(names)):
        raise ValueError(
            f"scores must be of shape {(len(images), len(names))}, one for each image and name, got {scores.shape}: "
            "give the names that the model was trained with"
        )
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite, got NaN or infinity: train with a smaller learning rate")
    best = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    return [[(names[k], float(row[k])) for k in order] for row, order in zip(scores, best, strict=True)]
