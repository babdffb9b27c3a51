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

from dustaug._errors import shown
from dustaug.spec import MAX_COUNT, MAX_SIDE, Spec, depth_field, has_depth, resolve_spec

from .contract import FILLS, KINDS, MAX_COLOR_CHANNELS, MAX_NOISE_BYTES, MAX_NOISE_HALVES
from .fills import default_value_range
from .memory import LAYOUTS, VOLUME_LAYOUTS, ImageKind, Layout, Memory
from .plan import find_most_rectangles

DEFAULT_SPEC = Spec()
_PACKAGE = __name__.partition(".")[0]
# What to call instead, by the framework of what was given.
_INSTEAD = {
    "torch": "dustaug.torch.add_dust(images)",
    "jax": "dustaug.jax.add_dust(images, …)",
    "jaxlib": "dustaug.jax.add_dust(images, …)",
    "tensorflow": "dustaug.tensorflow.dust_fn(images)",
}


# Integers of more bytes are counts or labels: no picture fills them, so their largest value is not white.
_LARGEST_PICTURE_ITEM = 2


def check_spec(spec: Spec | None) -> Spec:
    return DEFAULT_SPEC if spec is None else resolve_spec(spec, {})


def check_array(images: Any) -> None:
    """Check that images are a NumPy array whose memory is all that it means."""
    if not isinstance(images, np.ndarray):
        raise not_an_array_error(images)
    check_plain(images)


def check_plain(images: Any, name: str = "images") -> None:
    """Check that images are no array that means more than its memory, before a copy forgets it: a mask, a unit."""
    if not isinstance(images, np.ndarray) or type(images) is np.ndarray:
        return
    kind = type(images).__name__
    if hasattr(images, "mask"):
        raise TypeError(f"{name} must not be masked, got a {kind}: type {name}.filled(0), or {name}.data")
    if hasattr(images, "unit") or hasattr(images, "units"):
        raise TypeError(f"{name} must have no unit, got a {kind}: type {name}.value, and value_range=…")


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
        raise TypeError(f"{name} must be a whole number, got {shown(value)}")
    if not low <= number <= high:
        raise ValueError(f"{name} must be from {low} to {high}, got {shown(number)}")
    return number


MAX_THREADS = 4096


def check_threads(num_threads: Any) -> int:
    return check_whole("num_threads", num_threads, 1, MAX_THREADS)


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
        raise ValueError(f"fill_mask must be a value of the masks' dtype {dtype}, got {shown(value)}")
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
        raise ValueError(f"{name} must be {' or '.join(map(repr, choices))}, got {shown(value)}")
    return value


def check_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return value


def check_layout(layout: Any) -> Layout | None:
    if layout is not None and (not isinstance(layout, str) or layout not in LAYOUTS):
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {shown(layout)}")
    return layout  # type: ignore[return-value]


def check_given_range(value_range: Any) -> tuple[float, float]:
    """Return two finite numbers, the smaller first: whole ones as they are, and 0.0 for -0.0, which is equal to it."""
    try:
        low, high = map(_end_of_range, value_range)
    except (TypeError, ValueError):
        raise TypeError(
            f"value_range must be a tuple of two numbers, got {shown(value_range)}: type value_range=(0, 255)"
        ) from None
    try:
        is_finite = math.isfinite(float(high) - float(low))
    except OverflowError:
        is_finite = False
    if not is_finite or not low < high:
        raise ValueError(f"value_range must be two finite numbers, the smaller first, got {shown(value_range)}")
    return low, high


def _end_of_range(number: Any) -> float:
    if isinstance(number, (bool, np.bool_, str, bytes)):
        raise TypeError
    try:
        return operator.index(number)
    except TypeError:
        return float(number) + 0.0


def check_value_range(value_range: Any) -> tuple[float, float] | None:
    return None if value_range is None else check_given_range(value_range)


def resolve_value_range(value_range: Any, dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the values of black and white in images of a dtype."""
    if value_range is None:
        if dtype.kind in "iu" and dtype.itemsize > _LARGEST_PICTURE_ITEM:
            raise ValueError(
                f"value_range must be given for images of {dtype}, as no picture fills that dtype, got none: type "
                "value_range=(0, 255), or whatever black and white are"
            )
        value_range = default_value_range(dtype)
    low, high = check_given_range(value_range)
    if dtype.kind == "b" and (low, high) != (0, 1):
        raise ValueError(f"value_range must be (0, 1) for bool images, got {shown(value_range)}")
    if dtype.kind not in "biu":
        if low <= 0 <= high and not _holds_zero(dtype):
            raise ValueError(
                f"images must be of a dtype that holds zero, got {dtype}: type images.astype(numpy.float32)"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            ends = np.array([low, high], np.float64).astype(dtype).astype(np.complex128)
        if not np.isfinite(ends).all() or ends[0] == ends[1]:
            raise ValueError(
                f"value_range must be two values that {dtype} can hold, got {shown(value_range)}: type another "
                "value_range, or images.astype(numpy.float32)"
            )
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if int(low) != low or int(high) != high or low < limits.min or high > limits.max:
            raise ValueError(
                f"value_range must be whole numbers from {limits.min} to {limits.max} for {dtype} images, "
                f"got {shown(value_range)}"
            )
    return low, high


def _holds_zero(dtype: np.dtype[Any]) -> bool:
    return bool(np.zeros(1).astype(dtype).astype(np.complex128)[0] == 0)


def resolve_kind(spec: Spec, kind: ImageKind) -> tuple[float, float]:
    """Check a kind of images, and a spec's fill on it; return the values of black and white."""
    check_dtype(kind.dtype)
    given = kind.value_range
    if given is None and kind.dtype.kind in "iu" and FILLS[spec.fill].per == "image":
        given = default_value_range(kind.dtype)  # Means of whole numbers have no need of it.
    if given is None and FILLS[spec.fill].per == "donor":
        given = (0, 1) if kind.dtype.kind in "biu" else None  # Pixels are copied as they are.
    value_range = resolve_value_range(given, kind.dtype)
    _check_fill(spec, kind)
    return value_range


def _check_fill(spec: Spec, kind: ImageKind) -> None:
    per = FILLS[spec.fill].per
    if has_depth(spec) and kind.layout not in VOLUME_LAYOUTS:
        depth = depth_field(spec)
        raise ValueError(
            f"layout must be one of {', '.join(VOLUME_LAYOUTS)} with {depth}, got {kind.layout}: type "
            f"spec.replace({depth}=None) for images"
        )
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
    check_cells(spec, height, width)
    if spec.area_range is not None and spec.aspect_range is not None and not spec.per_object:
        area = spec.area_range[0] * height * width
        lowest = max(spec.aspect_range[0], area / ((width - 0.5) * (width - 0.5)))
        if lowest > min(spec.aspect_range[1], (height - 0.5) * (height - 0.5) / area):
            raise ValueError(
                "area_range and aspect_range must allow a rectangle smaller than the image, got "
                f"area_range={spec.area_range} and aspect_range={spec.aspect_range} for an image of {height} by "
                f"{width} pixels: type a smaller area_range or an aspect_range nearer to 1"
            )


def check_cells(spec: Spec, height: int, width: int) -> None:
    """Check that an image of a size in pixels has no more cells of a grid or a lattice than there are numbers."""
    if KINDS[spec.kind].placed or find_most_rectangles(spec, height, width) <= MAX_COUNT:
        return
    name, hint = ("cell_sides", "larger sides") if spec.kind == "grid" else ("period_range", "longer periods")
    raise ValueError(
        f"{name} must give an image at most {MAX_COUNT} rectangles, got {getattr(spec, name)} for {height} by {width} "
        f"pixels: type {hint}"
    )


def check_channels(name: str, n: int, channels: int, whose: str = "images") -> None:
    if n != channels:
        raise ValueError(f"{name} must have one number for each of the {whose}' {channels} channels, got {n}")


def look_at_values(images: NDArray[Any]) -> bool:
    """Warn if images whose dtype tells black and white lie elsewhere; return whether the next need no look."""
    if not images.size:
        return False
    if images.dtype.kind in "iu":  # Larger ones are refused.
        return images.dtype.itemsize > _LARGEST_PICTURE_ITEM or check_filled(images)
    if images.dtype.kind != "b":
        check_default_range(images)
    return False


def check_default_range(images: NDArray[Any]) -> None:
    """Warn if floating-point images lie out of [0, 1], where they are taken to lie for want of a value range."""
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


# Images of 12 bits fill a sixteenth of 16 bits.
_LEAST_SHARE = 16


def fills_its_dtype(low: int, high: int, dtype: np.dtype[Any]) -> bool:
    """Tell whether whole numbers from `low` to `high` may be a picture whose white is the dtype's largest value.

    Bytes may always be one; 12 bits in 16, or numbers below 0, may not.
    """
    if dtype.kind not in "iu" or dtype == np.uint8:
        return True
    return low >= 0 and high >= int(np.iinfo(dtype).max) // _LEAST_SHARE


def check_filled(images: NDArray[Any]) -> bool:
    """Warn if images of whole numbers do not fill their dtype, and return whether they tell: black ones do not."""
    low, high = int(images.min()), int(images.max())
    if low == high == 0:
        return False
    if not fills_its_dtype(low, high, images.dtype):
        white = int(np.iinfo(images.dtype).max)
        warnings.warn(
            f"images of {images.dtype} are taken to lie in 0 … {white}, got {low} to {high} in the first of them: "
            f"the dust will look wrong. Type value_range=(0, 4095) for images of 12 bits, or value_range=(0, {white}) "
            "if they are that dark",
            UserWarning,
            stacklevel=_level_of_caller(),
        )
    return True


def _level_of_caller() -> int:
    """How many calls lie between a warning and the line outside of the package that led to it."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001  What warnings.warn itself counts.
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        level, frame = level + 1, frame.f_back
    return level


def check_rectangles(
    image: ArrayLike, boxes: ArrayLike, fill: ArrayLike, memory: Memory
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Return positions, boxes and fills as arrays of their own; fills may be NaN where they are not read."""
    # Copies: another thread may change the caller's arrays after the checks, and the kernel writes where it is told.
    image, boxes, fill = (_copied(name, part) for name, part in (("image", image), ("boxes", boxes), ("fill", fill)))
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


def _copied(name: str, values: Any) -> NDArray[Any]:
    try:
        return np.array(np.asarray(values))
    except (TypeError, ValueError):
        raise TypeError(f"rectangles must have an array in {name}, got {shown(values)}") from None
