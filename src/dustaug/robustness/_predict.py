"""Checks of images, labels and a model's scores, and a progress bar."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dustaug._engine.checks import check_choice, check_dtype, check_whole, not_an_array_error, resolve_value_range
from dustaug._engine.memory import Layout, Memory, guess_layout, make_memory
from dustaug._extras import name_extra

_MAX_SIZE = 2**31 - 1


def check_predict(predict: Any) -> None:
    if not callable(predict):
        raise TypeError(
            f"predict must be a function of a batch of images, got {type(predict).__name__}: type "
            "predict=lambda images: model.predict_proba(images.reshape(len(images), -1)), or what your model needs"
        )
    keras = sys.modules.get("keras")
    if keras is not None and isinstance(predict, keras.Model):
        raise TypeError(
            f"predict must be a function of a batch of images, got the Keras model {predict.name}, which augments when "
            "it is called: type predict=model.predict_on_batch"
        )


def check_images(
    name: str, images: Any, layout: Layout | None, layouts: Mapping[int, tuple[Layout, ...]]
) -> tuple[Memory, Layout]:
    """Return the memory of a copy of the images, and their layout; by default the first with as many axes."""
    if not isinstance(images, np.ndarray):
        raise not_an_array_error(images)
    check_dtype(images.dtype)
    if images.ndim not in layouts:
        axes = " or ".join(map(str, layouts))
        hint = "images.reshape(len(images), height, width)" if name == "images" else "images[0] for one of a batch"
        raise ValueError(f"{name} must have {axes} axes, got shape {images.shape}: type {hint}")
    if layout is not None:
        check_choice("layout", layout, tuple(each for group in layouts.values() for each in group))
    first = layouts[images.ndim][0]
    # Three axes may be a batch of grey images here, which `guess_layout` would read as one image of many channels.
    chosen = layout or ("NHW" if first == "NHW" else guess_layout(images.shape))
    memory = make_memory(images.shape, _contiguous(images.shape, images.itemsize), images.itemsize, chosen)
    return memory, layout or first


def _contiguous(shape: tuple[int, ...], item: int) -> tuple[int, ...]:
    """Strides in bytes of an array without gaps."""
    return tuple(item * math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def check_range(name: str, images: NDArray[Any], value_range: tuple[float, float] | None) -> None:
    """Refuse floats beyond [0, 1] without a value range, as the brightness of the dust depends on it."""
    resolve_value_range(value_range, images.dtype)
    if value_range is None and images.dtype.kind not in "biuc":
        low, high = float(images.min()), float(images.max())
        if low < -1e-3 or high > 1 + 1e-3:
            raise ValueError(
                f"{name} of {images.dtype} must lie in [0, 1], got {low:g} to {high:g}: type value_range=(0, 255), or "
                "whatever black and white are"
            )


def check_size(name: str, size: Any) -> int:
    """Return a number of images or pixels, which is at least 1."""
    return check_whole(name, size, 1, _MAX_SIZE)


def ask_model(predict: Callable[[NDArray[Any]], Any], batch: NDArray[Any], classes: int | None) -> NDArray[np.float64]:
    """Return a model's scores, (n, classes), or raise what is wrong with them."""
    n, given = len(batch), predict(batch)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(given, torch.Tensor):
        given = given.detach().cpu().double()  # NumPy cannot read tensors with gradients, on a GPU or of bfloat16.
    try:
        scores = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"predict must return scores as an array, got {type(given).__name__} ({error})") from error
    if scores.dtype.kind not in "biuf" and not scores.dtype.name.startswith(("bfloat", "float")):
        raise TypeError(f"predict must return real numbers, got {type(given).__name__} of {scores.dtype}")
    if scores.ndim != 2 or scores.shape[0] != n or scores.shape[1] < 2:
        hint = ""
        if scores.shape in ((n,), (n, 1)):
            hint = ": type numpy.stack([1 - p, p], axis=1) for two classes, or predict_proba instead of predict"
        raise ValueError(
            f"predict must return scores of shape ({n}, classes), a row for each image and at least two classes, "
            f"got shape {scores.shape}{hint}"
        )
    if classes not in (None, scores.shape[1]):
        raise ValueError(
            f"predict must return the same number of classes for every batch, got {scores.shape[1]} after {classes}"
        )
    scores = scores.astype(np.float64)
    if not np.isfinite(scores).all():
        raise ValueError(f"predict must return finite scores, got {scores[~np.isfinite(scores)][0]}")
    return scores


def check_labels(labels: ArrayLike, n: int) -> NDArray[np.int64]:
    truth = np.asarray(labels)
    if truth.shape != (n,):
        hint = ""
        if truth.ndim == 2 and len(truth) == n:
            hint = f": type labels.{'ravel()' if truth.shape[1] == 1 else 'argmax(axis=1)'}"
        raise ValueError(f"labels must be of shape ({n},), one for each image, got shape {truth.shape}{hint}")
    if truth.dtype.kind not in "iu":
        raise TypeError(
            f"labels must be whole numbers, got {truth.dtype}: type labels.astype(int), or number the names"
        )
    return truth.astype(np.int64)


def check_classes(labels: NDArray[np.int64], classes: int) -> None:
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"labels must be from 0 to {classes - 1}, as predict returns {classes} classes, "
            f"got {labels.min()} to {labels.max()}"
        )


@contextlib.contextmanager
def progress_bar(description: str, total: int, *, shown: bool) -> Iterator[Callable[..., None]]:
    """Yield a function that advances the bar by one step or by several."""
    if not shown:
        yield lambda _steps=1: None
        return
    with name_extra("robustness", "a progress bar", "rich", instead=", or progress=False"):
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=total)
        yield lambda steps=1: bar.advance(task, steps)
