"""What a model is asked, and what it answers: checks of its scores and labels, and the bar that says how far it is."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._extras import name_extra

__all__ = ["ask_model", "check_classes", "check_labels", "check_predict", "progress_bar"]


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


def ask_model(predict: Callable[[NDArray[Any]], Any], batch: NDArray[Any], classes: int | None) -> NDArray[np.float64]:
    """Return a model's scores, (n, classes), or say what is wrong with them."""
    n, given = len(batch), predict(batch)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(given, torch.Tensor):
        given = given.detach().cpu().double()  # NumPy knows no gradients, no GPU and no bfloat16.
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
    """Give a function that says that a step, or some, are done."""
    if not shown:
        yield lambda _steps=1: None
        return
    with name_extra("robustness", "a progress bar", "rich", instead=", or progress=False"):
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=total)
        yield lambda steps=1: bar.advance(task, steps)
