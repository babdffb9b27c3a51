"""What the layer of Keras takes: images, and dicts with an index, an epoch, masks and anything else."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from dustaug._engine.checks import check_ends
from dustaug._engine.guide import check_guide_kind, check_weights, may_weigh_too_much
from dustaug._errors import shown

Shape = tuple[int | None, ...]


def images_of(inputs: Any) -> Any:
    """Return the images of a dict, or the inputs themselves."""
    if not isinstance(inputs, Mapping):
        return inputs
    if "images" not in inputs:
        given = ", ".join(map(str, inputs)) or "no entries"
        raise ValueError(f'inputs must have "images", got a dict with {given}: type {{"images": …}}')
    return inputs["images"]


def entry_of(inputs: Mapping[str, Any], key: str) -> Any:
    """Return the index, the epoch or the guide of a dict."""
    if key not in inputs:
        given = ", ".join(map(str, inputs))
        raise ValueError(f'inputs must be a dict with "images" and {key!r}, got a dict with {given}')
    return inputs[key]


def dtype_of(dtype: Any) -> str:
    """Return Keras' name of the dtype of an array or of any framework's tensor, or "" if it is not of real numbers."""
    try:
        name: str = keras.backend.standardize_dtype(dtype)
    except ValueError:
        return ""
    return name if keras.backend.is_float_dtype(name) or keras.backend.is_int_dtype(name) or name == "bool" else ""


def is_taken(key: Any, entry: Any) -> bool:
    """Tell whether Keras takes an entry of a dict, and all that is in it."""
    return isinstance(key, str) and all(
        leaf is None or (_is_tensor(leaf) and _is_numeric(leaf)) for leaf in keras.tree.flatten(entry)
    )


def _is_tensor(given: Any) -> bool:
    return hasattr(given, "shape") and hasattr(given, "dtype")


def _is_numeric(tensor: Any) -> bool:
    """Tell whether each backend takes a tensor or an array of this dtype."""
    return not isinstance(tensor, (np.ndarray, np.generic)) or bool(dtype_of(tensor.dtype)) or tensor.dtype.kind == "c"


def check_images(images: Any, dtype: str) -> Shape:
    """Return the shape of images, which must be one dense tensor or array that a layer of a dtype can paint on."""
    kind = type(images).__name__
    if not _is_tensor(images):
        hint = ": type numpy.stack(images) if they are of one size" if isinstance(images, (list, tuple)) else ""
        raise TypeError(f"images must be one tensor or array, got {kind}{hint}")
    flags = {flag for flag in ("is_nested", "is_sparse", "ragged", "sparse") if getattr(images, flag, None) is True}
    if kind == "RaggedTensor" or flags & {"is_nested", "ragged"}:
        raise TypeError(f"images must be one dense tensor, got a ragged {kind}: give the layer one image at a time")
    if kind in {"BCOO", "IndexedSlices", "SparseTensor"} or flags:
        dense = "images.to_dense()" if "is_sparse" in flags else "keras.ops.convert_to_tensor(images, sparse=False)"
        raise TypeError(f"images must be one dense tensor, got a sparse {kind}: type {dense}")
    given = dtype_of(images.dtype)
    if not given:
        raise TypeError(f"images must hold real numbers, got {images.dtype}")
    if keras.backend.is_float_dtype(given) and not keras.backend.is_float_dtype(dtype):
        raise TypeError(f"images must be whole numbers with dtype={dtype!r}, got {given}")
    if getattr(images.shape, "rank", 0) is None:
        raise ValueError(
            "images must have a known number of axes, got none: type tf.ensure_shape(images, (None, None, 3))"
        )
    return shape_of(images)


def shape_of(tensor: Any) -> Shape:
    """Return the shape of a tensor, with None for lengths that JAX and PyTorch know by a name alone."""
    return tuple(length if isinstance(length, int) else None for length in tensor.shape)


def check_numbers(key: str, given: Any, n: int | None, high: int) -> Any:
    """Return the index or epoch of n images, from 0 to `high`; as an array, if the values are known."""
    numbers = _known(given)
    if not _is_tensor(numbers):
        try:
            numbers = np.asarray(given)
        except ValueError:
            raise TypeError(f"{key} must be whole numbers, got {shown(given)}") from None
        if numbers.dtype == object and all(isinstance(number, int) for number in numbers.flat):
            check_ends(key, numbers, high)  # They are beyond 64 bits.
    dtype = dtype_of(numbers.dtype)
    if not keras.backend.is_int_dtype(dtype or "bool"):
        if keras.backend.is_keras_tensor(given):
            hint = f': type keras.Input((), dtype="int32", name={key!r})'
            raise TypeError(f"{key} must be whole numbers, got a tensor of {dtype}{hint}")
        raise TypeError(f"{key} must be whole numbers, got {shown(given)}")
    shape = shape_of(numbers)
    if len(shape) > 1 or (None not in (*shape, n) and shape not in ((), (n,))):
        raise ValueError(f"{key} must be a number or of shape ({n},), one for each image, got shape {shape}")
    if not isinstance(numbers, (np.ndarray, np.generic)):
        return given
    array = np.asarray(numbers)
    check_ends(key, array, high)
    return array.astype(np.int64) if array.dtype == np.uint64 else array  # Keras has no uint64 on PyTorch.


def _known(numbers: Any) -> Any:
    """Return a tensor as an array, unless it is part of a graph or would have to be fetched from a device."""
    tf, torch, jax = (sys.modules.get(name) for name in ("tensorflow", "torch", "jax"))
    if tf is not None and tf.is_tensor(numbers):
        known = tf.get_static_value(numbers) if "GPU" not in str(getattr(numbers, "device", "")) else None
        return numbers if known is None else known
    if torch is not None and isinstance(numbers, torch.Tensor):
        return numbers.numpy() if numbers.is_cpu and not torch.compiler.is_compiling() else numbers
    if jax is not None and isinstance(numbers, jax.Array) and not isinstance(numbers, jax.core.Tracer):
        return np.asarray(numbers) if {device.platform for device in numbers.devices()} == {"cpu"} else numbers
    return numbers


def check_masks(masks: Any, images: Shape, axis: int) -> None:
    """Check that masks have the shape of images, with any number of channels or without that axis."""
    if not _is_tensor(masks):
        raise TypeError(f"segmentation_masks must be one tensor or array, got {type(masks).__name__}")
    given, want = shape_of(masks), images[:axis] + images[axis + 1 :]
    bare = given[:axis] + given[axis + 1 :] if len(given) == len(images) else given
    if len(bare) != len(want) or any(None not in (a, b) and a != b for a, b in zip(bare, want, strict=True)):
        raise ValueError(
            f"segmentation_masks must have the shape {want} of the images, with or without channels, got {given}"
        )


def check_guide(key: str, guide: Any, images: Shape, axis: int) -> None:
    """Check the guide of images, at a key of a dict; `axis` is that of the images' channels."""
    kind = type(guide).__name__
    if not _is_tensor(guide) or kind in {"RaggedTensor", "SparseTensor"}:
        raise TypeError(f"guide must be one dense tensor or array, got {kind}")
    dtype = dtype_of(guide.dtype)
    if dtype not in ("uint8", "bool") and keras.backend.is_keras_tensor(guide):
        raise TypeError(
            f"guide must be uint8 or bool, got a tensor of {dtype}: type keras.Input((rows, columns), "
            f'dtype="uint8", name={key!r})'
        )
    batched = len(images) == 4
    shape = _bare_shape(shape_of(guide), images, axis)
    check_guide_kind(shape, dtype or str(guide.dtype), images[0] if batched else 1, batched=batched)
    if may_weigh_too_much(shape):
        weights = _known(guide)
        if isinstance(weights, np.ndarray):
            check_weights(weights.reshape(-1, *shape[-2:]))


def bare_guide(guide: Any, images: Shape, axis: int) -> Any:
    """Return a guide without the axis of a channel."""
    shape = shape_of(guide)
    return guide if len(_bare_shape(shape, images, axis)) == len(shape) else guide[(slice(None),) * axis + (0,)]


def _bare_shape(guide: Shape, images: Shape, axis: int) -> Shape:
    """Return the shape of a guide without the axis of a channel, which masks of Keras may have."""
    has_channel = len(guide) == len(images) and guide[axis] == 1
    return guide[:axis] + guide[axis + 1 :] if has_channel else guide
