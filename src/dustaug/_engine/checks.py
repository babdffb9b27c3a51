"""Checks of arguments.

Each returns its argument in the form that the kernel takes, or says what must hold, what was given, and what to type.
"""

from __future__ import annotations

import math
import operator
import os
import sys
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dustaug.spec import Spec, resolve_spec

from .fills import default_value_range
from .memory import LAYOUTS, Layout, Memory

MAX_SEED, MAX_EPOCH, MAX_INDEX = 2**64 - 1, 2**32 - 1, 2**63 - 1
# What the counter's blocks leave room for.
MAX_NOISE_VALUES, MAX_COLOR_CHANNELS = 2**33, 1024
DEFAULT_SPEC = Spec()
_PACKAGE = __name__.partition(".")[0]
_DOORS = {
    "torch": "dustaug.torch.add_dust(images)",
    "jax": "dustaug.jax.add_dust(images, …)",
    "jaxlib": "dustaug.jax.add_dust(images, …)",
    "tensorflow": "dustaug.tensorflow.dust_fn(images)",
}


def check_spec(spec: Spec | None) -> Spec:
    return DEFAULT_SPEC if spec is None else resolve_spec(spec, {})


def not_an_array(images: Any) -> TypeError:
    """Error for what is not a NumPy array."""
    if isinstance(images, (list, tuple)):
        hint = ": type numpy.stack(images) if they are of one size, or give them one by one"
    else:
        framework = type(images).__module__.partition(".")[0]
        door = _DOORS.get(framework)
        if door is not None:
            hint = f": type {door}"
        else:
            hint = ": type numpy.array(images)" if hasattr(images, "__array__") or framework == "PIL" else ""
    return TypeError(f"images must be a NumPy array, got {type(images).__name__}{hint}")


def check_whole(name: str, value: Any, low: int, high: int) -> int:
    """Return `value` as an int, or raise with `name` and the rule."""
    if type(value) is int and low <= value <= high:
        return value
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if not low <= number <= high:
        raise ValueError(f"{name} must be from {low} to {high}, got {number}")
    return number


def check_ends(name: str, numbers: NDArray[Any], high: int) -> None:
    """Check that all of some whole numbers are from 0 to `high`."""
    for number in (numbers.min(initial=0), numbers.max(initial=0)):
        check_whole(name, number, 0, high)


def check_seed(seed: Any) -> int:
    return check_whole("seed", seed, 0, MAX_SEED)


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


def check_epoch(epoch: Any) -> int:
    return check_whole("epoch", epoch, 0, MAX_EPOCH)


def check_index(index: Any, n: int) -> tuple[int, NDArray[np.int64] | None]:
    """Return the first index of `n` images and no array, or 0 and the array of all."""
    if np.ndim(index) == 0:
        return check_whole("index", index, 0, MAX_INDEX - max(n - 1, 0)), None
    array = np.asarray(index)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"index must be a whole number or an array of them, got an array of {array.dtype}")
    if array.shape != (n,):
        raise ValueError(
            f"index must be a number or an array of shape ({n},), one for each image, got shape {array.shape}"
        )
    if n and (array.min() < 0 or (array.dtype == np.uint64 and array.max() > MAX_INDEX)):
        raise ValueError(f"index must be from 0 to {MAX_INDEX}, got {array.min()} to {array.max()}")
    return 0, np.ascontiguousarray(array, np.int64)


def check_each_index(index: Any, n: int) -> NDArray[np.int64]:
    """Return the index of each of `n` images."""
    first, each = check_index(index, n)
    return first + np.arange(n) if each is None else each


def complete_coordinates(seed: Any, epoch: Any, index: Any) -> tuple[Any, Any]:
    """Return seed and index as they were given, or fresh ones if there are none and nothing asks for them."""
    if seed is None:
        if index is not None or epoch != 0:
            raise TypeError(
                "seed must be given together with index and epoch, got none: type add_dust(images, seed=0, index=…), "
                "or leave out index and epoch for fresh dust at each call"
            )
        return int.from_bytes(os.urandom(8), "little"), 0
    if index is None:
        raise TypeError(
            "index must be given with a seed, or every batch would get the same dust, got none: type "
            "add_dust(images, seed=0, index=position_of_the_first_image), or let dustaug.DustStream(seed=0) count"
        )
    return seed, index


def check_coordinates(seed: Any, epoch: Any, index: Any, n: int) -> tuple[int, int, int, NDArray[np.int64] | None]:
    """Return seed, epoch, first index and indices of `n` images."""
    # Plain numbers take the short way: this runs at every call, and the kernel takes a microsecond an image.
    if (
        type(seed) is type(epoch) is type(index) is int
        and 0 <= seed <= MAX_SEED
        and 0 <= epoch <= MAX_EPOCH
        and 0 <= index <= MAX_INDEX - n  # One less than there is room for: the long way decides.
    ):
        return seed, epoch, index, None
    return check_seed(seed), check_epoch(epoch), *check_index(index, n)


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
    if layout is None:
        return None
    if not isinstance(layout, str) or layout not in LAYOUTS:
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


def check_fill(spec: Spec, memory: Memory) -> None:
    """Check that a spec's fill suits the images."""
    if spec.normalize_mean is not None:
        if memory.dtype.kind in "biu":
            raise ValueError(f"images must be floating-point with normalize_mean and normalize_std, got {memory.dtype}")
        check_channels("normalize_mean", len(spec.normalize_mean), memory.channels)
    if spec.fill == "mean" and memory.dtype.kind == "c":
        raise ValueError(f'images must hold real numbers with fill="mean", got {memory.dtype}')
    if isinstance(spec.fill_value, tuple):
        check_channels("fill_value", len(spec.fill_value), memory.channels)
    if spec.fill == "noise" and memory.height * memory.width * memory.channels > MAX_NOISE_VALUES:
        raise ValueError(f'images must have at most {MAX_NOISE_VALUES} values each with fill="noise"')
    if spec.fill == "color" and memory.channels > MAX_COLOR_CHANNELS:
        raise ValueError(
            f'images must have at most {MAX_COLOR_CHANNELS} channels with fill="color", got {memory.channels}'
        )


def check_channels(name: str, n: int, channels: int, whose: str = "images") -> None:
    if n != channels:
        raise ValueError(f"{name} must have one number for each of the {whose}' {channels} channels, got {n}")


def check_guessed_range(images: NDArray[Any]) -> None:
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
