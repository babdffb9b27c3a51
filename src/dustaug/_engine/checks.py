"""Checks of arguments.

Each returns its argument in the form that the kernel takes, or says what must hold, what was given, and what to type.
"""

from __future__ import annotations

import math
import operator
import sys
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dustaug.spec import MAX_SIDE, Spec, resolve_spec

from .contract import FILLS, MAX_COLOR_CHANNELS, MAX_NOISE_BYTES, MAX_NOISE_HALVES
from .fills import default_value_range
from .memory import LAYOUTS, ImageKind, Layout, Memory

DEFAULT_SPEC = Spec()
_PACKAGE = __name__.partition(".")[0]
# What to call instead, by the framework of what was given.
_INSTEAD = {
    "torch": "dustaug.torch.add_dust(images)",
    "jax": "dustaug.jax.add_dust(images, …)",
    "jaxlib": "dustaug.jax.add_dust(images, …)",
    "tensorflow": "dustaug.tensorflow.dust_fn(images)",
}


def check_spec(spec: Spec | None) -> Spec:
    return DEFAULT_SPEC if spec is None else resolve_spec(spec, {})


def not_an_array_error(images: Any) -> TypeError:
    """Error for what is not a NumPy array."""
    framework = type(images).__module__.partition(".")[0]
    if isinstance(images, (list, tuple)):
        hint = ": type numpy.stack(images) if they are of one size, or give them one by one"
    elif framework in _INSTEAD:
        hint = f": type {_INSTEAD[framework]}"
    elif hasattr(images, "to_numpy_ndarray"):  # A column of PyArrow's tensors.
        hint = ": type numpy.array(images.to_numpy_ndarray())"
    elif framework == "PIL" or (hasattr(images, "__array__") and len(getattr(images, "shape", ())) > 1):
        hint = ": type numpy.array(images)"
        if hasattr(images, "columns"):
            hint = ", which has no height and width: type images.to_numpy().reshape(-1, height, width, channels)"
    elif hasattr(images, "__array__"):  # A column of a table. NumPy would make one grey image of it, or objects.
        listed = next((f"images.{name}()" for name in ("tolist", "to_pylist", "to_list") if hasattr(images, name)), "…")
        shaped = f"numpy.array({listed}, numpy.uint8).reshape(-1, height, width, channels)"
        hint = f", which has no height and width: type {shaped}"
    else:
        hint = ""
    return TypeError(f"images must be a NumPy array, got {type(images).__name__}{hint}")


def check_whole(name: str, value: Any, low: int, high: int) -> int:
    """Return `value` as an int, or raise with `name` and the rule."""
    if type(value) is int and low <= value <= high:
        return value
    try:
        number = None if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if not low <= number <= high:
        raise ValueError(f"{name} must be from {low} to {high}, got {number}")
    return number


def check_threads(num_threads: Any) -> int:
    return check_whole("num_threads", num_threads, 1, 4096)


def check_ends(name: str, numbers: NDArray[Any], high: int) -> None:
    """Check that all of some whole numbers are from 0 to `high`."""
    for number in (numbers.min(initial=0), numbers.max(initial=0)):
        check_whole(name, number, 0, high)


def check_mask_value(value: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return what is written into masks under dust, one value or one per channel, in their dtype."""
    with np.errstate(all="ignore"):
        try:
            fill = np.asarray(value).astype(dtype)
            kept = dtype.kind not in "biu" or np.array_equal(fill, np.asarray(value))
        except (TypeError, ValueError, OverflowError):
            kept = False
    if not kept:
        raise ValueError(f"fill_mask must be a value of the masks' dtype {dtype}, got {value!r}")
    return fill


def check_dtype(dtype: np.dtype[Any]) -> None:
    if dtype.type.__module__ == "numpy":
        numeric = dtype.kind in "biufc"
    else:  # bfloat16 and the 8-bit floats of ml_dtypes bring kinds of their own.
        numeric = dtype.name.startswith(("bfloat", "float"))
    if not numeric:
        hint = "numpy.stack(list_of_images_of_one_size)" if dtype.kind == "O" else "images.astype(numpy.float32)"
        raise TypeError(f"images must hold numbers, got an array of {dtype}: type {hint}")
    if dtype.itemsize not in (1, 2, 4, 8):
        raise TypeError(f"images must have items of 1, 2, 4 or 8 bytes, got {dtype}: type images.astype(numpy.float64)")


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> Any:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be {' or '.join(map(repr, choices))}, got {value!r}")
    return value


def check_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return value


def check_layout(layout: Any) -> Layout | None:
    if layout is not None and (not isinstance(layout, str) or layout not in LAYOUTS):
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")
    return layout  # type: ignore[return-value]


def check_given_range(value_range: Any) -> tuple[float, float]:
    """Return two finite numbers, the smaller first."""
    try:
        low, high = (number if isinstance(number, int) else float(number) for number in value_range)
    except (TypeError, ValueError):
        raise TypeError(
            f"value_range must be a tuple of two numbers, got {value_range!r}: type value_range=(0, 255)"
        ) from None
    if not low < high or math.isinf(high - low):
        raise ValueError(f"value_range must be two finite numbers, the smaller first, got {value_range!r}")
    return low, high


def check_value_range(value_range: Any) -> tuple[float, float] | None:
    return None if value_range is None else check_given_range(value_range)


def resolve_value_range(value_range: Any, dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the values of black and white in images of a dtype."""
    if value_range is None:
        return default_value_range(dtype)
    low, high = check_given_range(value_range)
    if dtype.kind == "b" and (low, high) != (0, 1):
        raise ValueError(f"value_range must be (0, 1) for bool images, got {value_range}")
    if dtype.kind not in "biu":
        with np.errstate(over="ignore"):
            ends = np.array([low, high]).astype(dtype).astype(np.complex128)
        if not np.isfinite(ends).all():
            raise ValueError(f"value_range must lie within what {dtype} can hold, got {value_range}")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if int(low) != low or int(high) != high or low < limits.min or high > limits.max:
            raise ValueError(
                f"value_range must be whole numbers from {limits.min} to {limits.max} for {dtype} images, "
                f"got {value_range}"
            )
    return low, high


def resolve_kind(spec: Spec, kind: ImageKind) -> tuple[float, float]:
    """Check a kind of images, and a spec's fill on it; return the values of black and white."""
    check_dtype(kind.dtype)
    value_range = resolve_value_range(kind.value_range, kind.dtype)
    _check_fill(spec, kind)
    return value_range


def _check_fill(spec: Spec, kind: ImageKind) -> None:
    per = FILLS[spec.fill].per
    if spec.normalize_mean is not None:
        if kind.dtype.kind in "biu":
            raise ValueError(f"images must be floating-point with normalize_mean and normalize_std, got {kind.dtype}")
        check_channels("normalize_mean", len(spec.normalize_mean), kind.channels)
    if per == "image" and kind.dtype.kind == "c":
        raise ValueError(f'images must hold real numbers with fill="{spec.fill}", got {kind.dtype}')
    if isinstance(spec.fill_value, tuple):
        check_channels("fill_value", len(spec.fill_value), kind.channels)
    if per == "channel" and kind.channels > MAX_COLOR_CHANNELS:
        raise ValueError(
            f'images must have at most {MAX_COLOR_CHANNELS} channels with fill="{spec.fill}", got {kind.channels}'
        )


def check_size(spec: Spec, height: int, width: int, channels: int = 1) -> None:
    """Check that a spec can be drawn on images of a size in pixels; the kernel decides it by the same numbers."""
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise ValueError(f"images must have sides from 1 to {MAX_SIDE} pixels, got {height} by {width}")
    if FILLS[spec.fill].per == "value":
        most = MAX_NOISE_BYTES if spec.fill_range == (0, 255) else MAX_NOISE_HALVES
        if height * width * channels > most:
            raise ValueError(f'images must have at most {most} values each with fill="{spec.fill}"')
    if spec.area_range is not None and spec.aspect_range is not None:
        area = spec.area_range[0] * height * width
        lowest = max(spec.aspect_range[0], area / ((width - 0.5) * (width - 0.5)))
        if lowest > min(spec.aspect_range[1], (height - 0.5) * (height - 0.5) / area):
            raise ValueError(
                "area_range and aspect_range must allow a rectangle smaller than the image, got "
                f"area_range={spec.area_range} and aspect_range={spec.aspect_range} for an image of {height} by "
                f"{width} pixels: type a smaller area_range or an aspect_range nearer to 1"
            )


def check_channels(name: str, n: int, channels: int, whose: str = "images") -> None:
    if n != channels:
        raise ValueError(f"{name} must have one number for each of the {whose}' {channels} channels, got {n}")


def check_default_range(images: NDArray[Any]) -> None:
    # Three items are enough to notice a batch of 0…255 at its first call, and cost nothing.
    for position in (0, images.size // 2, images.size - 1):
        value = float(images.item(position).real)
        if value < -1e-3 or value > 1 + 1e-3:
            warnings.warn(
                f"images of {images.dtype} are taken to lie in [0, 1], got {value:g}: the dust will look wrong. Type "
                "value_range=(0, 255) for images of that range, or give the spec normalize_mean and normalize_std",
                UserWarning,
                stacklevel=_level_of_caller(),
            )
            return


def _level_of_caller() -> int:
    """How many calls lie between a warning and the line outside of the package that led to it."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001  What warnings.warn itself counts.
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        level, frame = level + 1, frame.f_back
    return level


def check_rectangles(
    image: ArrayLike, boxes: ArrayLike, fill: ArrayLike, memory: Memory
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Return positions, boxes and fills as arrays; fills may be NaN where they are not read."""
    image, boxes, fill = np.asarray(image), np.asarray(boxes), np.asarray(fill)
    n = len(image) if image.ndim else -1
    if image.shape != (n,) or boxes.shape != (n, 4) or fill.shape[:1] != (n,) or fill.ndim > 2:
        raise ValueError(
            "rectangles must have image (r,), boxes (r, 4) and fill (r,) or (r, c), got shapes "
            f"{image.shape}, {boxes.shape} and {fill.shape}"
        )
    if fill.ndim == 2:
        check_channels("fill", fill.shape[1], memory.channels)
    if not n:
        return np.zeros(0, np.int64), np.zeros((0, 4), np.int64), fill
    if image.dtype.kind not in "iu" or boxes.dtype.kind not in "iu" or fill.dtype.kind not in "biuf":
        raise TypeError(
            "rectangles must have whole numbers in image and boxes, and numbers in fill, "
            f"got {image.dtype}, {boxes.dtype} and {fill.dtype}"
        )
    if image.min() < 0 or image.max() >= memory.n:
        raise ValueError(f"rectangles must lie on images 0 to {memory.n - 1}, got {image.min()} to {image.max()}")
    top, left, bottom, right = boxes.T
    inside = (top >= 0) & (left >= 0) & (bottom <= memory.height) & (right <= memory.width)
    inside &= (top <= bottom) & (left <= right)
    if not inside.all():
        raise ValueError(
            f"rectangles must lie inside the {memory.height} by {memory.width} pixels and not be reversed, got "
            f"{boxes[~inside][0].tolist()} (top, left, bottom, right)"
        )
    if np.any((fill < 0) | (fill > 255)):
        raise ValueError(f"rectangles must have a fill from 0 to 255, got {fill.min()} to {fill.max()}")
    return image.astype(np.int64), boxes.astype(np.int64), fill
