"""Checks of images, labels and a model's scores, and a progress bar."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug._engine.checks import (
    check_choice,
    check_dtype,
    check_flag,
    check_plain,
    check_whole,
    resolve_value_range,
)
from dustaug._engine.memory import Layout, guess_layout
from dustaug._errors import shown
from dustaug._extras import name_extra

BATCH_LAYOUTS: dict[int, tuple[Layout, ...]] = {3: ("NHW",), 4: ("NHWC", "NCHW")}
_MAX_SIZE = 2**31 - 1
# Images whose greatest value is at most this share of white are taken for images of another range. Pictures of 10, 12
# and 14 bits come in 16 bits; pictures of 8 bits, and those in [0, 1], are taken as they are unless nearly black.
_FILLED = {1: 1 / 15, 2: 1 / 2}
_FILLED_BY_FLOATS = 1 / 15
_SLACK = 1e-3  # How far floats may lie beyond [0, 1].


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
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(predict, torch.nn.Module):
        raise TypeError(
            f"predict must be a function of a batch of NumPy images, got the module {type(predict).__name__}: type "
            "model.eval(), and predict=torch.no_grad()(lambda images: model(torch.from_numpy(images)))"
        )


def check_array(name: str, images: Any) -> NDArray[Any]:
    """Return images as a plain array over the same memory."""
    if not isinstance(images, np.ndarray):
        raise _not_an_array_error(name, images)
    check_plain(images, name)
    plain: NDArray[Any] = np.asarray(images)
    check_dtype(plain.dtype)
    return plain


def _not_an_array_error(name: str, images: Any) -> TypeError:
    framework, hint = type(images).__module__.partition(".")[0], ""
    if isinstance(images, (list, tuple)):
        hint = f": type numpy.{'array' if name == 'image' else 'stack'}({name})"
    elif framework == "torch":
        hint = f": type {name}{'.float()' if 'bfloat16' in str(images.dtype) else ''}.numpy(force=True)"
    elif hasattr(images, "__array__") or hasattr(images, "__array_interface__"):
        hint = f": type numpy.asarray({name})"
    return TypeError(f"{name} must be a NumPy array, got {type(images).__name__}{hint}")


def check_layout(
    name: str, shape: tuple[int, ...], layout: Any, layouts: Mapping[int, tuple[Layout, ...]]
) -> tuple[Layout, int, int]:
    """Return layout, height and width; by default the first layout with as many axes."""
    if len(shape) not in layouts:
        axes = " or ".join(map(str, layouts))
        hint = "images[0] for one of a batch" if name == "image" else f"{name}.reshape(len({name}), height, width)"
        raise ValueError(f"{name} must have {axes} axes, got shape {shape}: type {hint}")
    if layout is None:
        layout = _guess_layout(shape, layouts[len(shape)])
    check_choice("layout", layout, tuple(each for group in layouts.values() for each in group))
    if len(layout) != len(shape):
        raise ValueError(f"{name} must have {len(layout)} axes for layout {layout}, got shape {shape}")
    if 0 in shape:
        many = "have" if name == "image" else "be at least one image of"
        raise ValueError(f"{name} must {many} at least one pixel, got shape {shape}")
    return layout, shape[layout.index("H")], shape[layout.index("W")]


def _guess_layout(shape: tuple[int, ...], layouts: tuple[Layout, ...]) -> Layout:
    first, *others = layouts
    # Three axes are a batch of grey images where labels say that there is a batch.
    if others:
        try:
            guess_layout(shape)
        except ValueError:
            raise ValueError(
                f"layout must be given where the shape does not tell it, got shape {shape}: type "
                f'layout="{first}" if the last axis is {shape[-1]} channels, else "{others[0]}"'
            ) from None
    return first


def check_range(name: str, images: NDArray[Any], value_range: Any) -> None:
    """Refuse images that do not fill the range of their dtype, as the brightness of the dust depends on it."""
    if value_range is not None:
        resolve_value_range(value_range, images.dtype)
        return
    dtype, whole = images.dtype, images.dtype.kind in "iu"
    if dtype.kind == "b":
        return
    white = int(np.iinfo(dtype).max) if whole else 1
    share = _FILLED.get(dtype.itemsize) if whole else _FILLED_BY_FLOATS
    slack = 0 if whole else _SLACK
    low, high = _ends(images, white if share is None else share * white)
    check_finite(name, low, high)
    if share is None:
        rule = "come with a value_range, as no picture fills it"
    elif low < -slack or high > white + slack:
        rule = f"lie in [0, {white}]"
    elif 0 < high <= share * white:
        rule = f"fill [0, {white}]"
    else:
        return
    raise ValueError(
        f"{name} of {dtype} must {rule}, got {low:.6g} to {high:.6g}: type "
        f"value_range={_suggest_range(low, high, whole=whole)}, or whatever black and white are"
    )


def check_finite(name: str, low: Any, high: Any) -> None:
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"{name} must be finite, got {low:g} to {high:g}: type numpy.nan_to_num({name})")


def is_unit(images: NDArray[Any]) -> bool:
    """Tell whether images are floats that :func:`check_range` takes for pictures in [0, 1], and not for black ones."""
    if images.dtype.kind in "iub":
        return False
    low, high = _ends(images, 1)
    return bool(low >= -_SLACK and _FILLED_BY_FLOATS < high <= 1 + _SLACK)


def check_unit(name: str, low: Any, high: Any) -> None:
    """Refuse what is pasted on pictures in [0, 1], and goes beyond."""
    if low < -_SLACK or high > 1 + _SLACK:
        is_near = low > -0.5 and high < 1.5  # As resizing by splines makes it.
        hint = f"numpy.clip({name}, 0, 1)" if is_near else f"{name} / 255, or what makes black 0 and white 1"
        raise ValueError(f"{name} must lie in [0, 1], as the images do, got {low:.6g} to {high:.6g}: type {hint}")


def _suggest_range(low: Any, high: Any, *, whole: bool) -> str:
    if whole and low < 0 <= high:
        return f"({low}, {high})"
    if low >= 0 and 0 < high <= (16 if whole else _FILLED_BY_FLOATS):
        return f"(0, {high:.3g})"
    return f"(0, {2 ** max(8, int(max(high, 0)).bit_length()) - 1})"


def _ends(images: NDArray[Any], filled: float) -> tuple[Any, Any]:
    """Return the least and the greatest value; of unsigned numbers only as much is read as shows a value > filled."""
    if images.dtype.kind != "u":
        real = images.real
        return real.min(), real.max()
    low, high = images.flat[0], images.flat[0]
    for part in images:
        low, high = min(low, part.min()), max(high, part.max())
        if high > filled:
            break
    return low, high


def check_real(name: str, number: Any) -> float:
    """Return a number of a result, which JSON may have made a whole one."""
    if not isinstance(number, (int, float, np.integer, np.floating)) or isinstance(number, bool):
        raise TypeError(f"{name} must be a number, got {type(number).__name__}")
    try:
        return float(number)
    except OverflowError:
        raise ValueError(f"{name} must be a number that floats can hold, got a larger one") from None


def check_shares(name: str, shares: Any) -> list[float]:
    """Return shares that occlusions hide, each above 0, up to 1."""
    try:
        given = list(shares)
    except TypeError:
        given = []
    if not given or isinstance(shares, (str, bytes)):
        raise TypeError(f"{name} must be some numbers, got {shown(shares)}: type {name}=(0.25, 0.5)")
    checked = [check_real(f"each of {name}", share) for share in given]
    for share in checked:
        if not 0 < share <= 1:
            raise ValueError(f"{name} must be above 0, up to 1, got {share:g}: the clean images are measured anyway")
    return checked


def check_size(name: str, size: Any) -> int:
    """Return a number of images or pixels, which is at least 1."""
    return check_whole(name, size, 1, _MAX_SIZE)


def ask_model(predict: Callable[[NDArray[Any]], Any], batch: NDArray[Any], classes: int | None) -> NDArray[np.float64]:
    """Return a model's scores, (n, classes), or raise what is wrong with them."""
    n, given = len(batch), predict(batch)
    try:
        scores = read_array(given, as_floats=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"predict must return scores as an array, got {type(given).__name__} ({error})") from error
    if scores.dtype.kind not in "biuf" and not scores.dtype.name.startswith(("bfloat", "float")):
        hint = ": type .logits after the call of the model" if hasattr(given, "logits") else ""
        raise TypeError(f"predict must return real numbers, got {type(given).__name__} of {scores.dtype}{hint}")
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
    with np.errstate(over="ignore"):
        scores = scores.astype(np.float64)
    if not np.isfinite(scores).all():
        raise ValueError(f"predict must return finite scores, got {scores[~np.isfinite(scores)][0]}")
    return scores


def read_array(given: Any, *, as_floats: bool = False) -> NDArray[Any]:
    """Return what NumPy reads, also of tensors with gradients, on a GPU or of bfloat16."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(given, torch.Tensor):
        given = given.detach().cpu()
        if as_floats and not given.is_complex():
            given = given.double()
    return np.asarray(given)


def check_labels(name: str, labels: Any, n: int) -> NDArray[Any]:
    try:
        truth = read_array(labels)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(
            f"{name} must be an array of whole numbers, one for each image, got {type(labels).__name__} that NumPy "
            f"cannot read: type numpy.array({name}) and see what is uneven"
        ) from None
    if truth.shape != (n,):
        hint = ""
        if truth.ndim == 2 and len(truth) == n:
            hint = f": type {name}.{'ravel()' if truth.shape[1] == 1 else 'argmax(axis=1)'}"
        raise ValueError(f"{name} must be of shape ({n},), one for each image, got shape {truth.shape}{hint}")
    if truth.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must be whole numbers, got {truth.dtype}: type {name}.astype(int), or number the names"
        )
    return truth


def check_classes(name: str, labels: NDArray[Any], classes: int) -> None:
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"{name} must be from 0 to {classes - 1}, as predict returns {classes} classes, "
            f"got {labels.min()} to {labels.max()}"
        )


@contextlib.contextmanager
def progress_bar(description: str, total: int, *, shown: bool) -> Iterator[Callable[..., None]]:
    """Yield a function that advances the bar by one step or by several."""
    if not check_flag("progress", shown):
        yield lambda _steps=1: None
        return
    with name_extra("robustness", "a progress bar", "rich", instead=", or progress=False"):
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=total)
        yield lambda steps=1: bar.advance(task, steps)
