"""How a tensor is painted on its own memory, whatever its dtype and strides: what torch and torchvision share."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from torch.autograd.graph import increment_version

from . import core
from ._dtypes import numpy_dtype
from ._memory import Layout
from .spec import Spec

__all__ = ["AnyTensor", "Painter", "dust_picture", "find_painter"]

AnyTensor = TypeVar("AnyTensor", bound=torch.Tensor)

_LAYOUTS: dict[int, Layout] = {2: "HW", 3: "CHW", 4: "NCHW"}
# Pillow's modes whose numbers are brightness. The others hold places in a palette, packed bits, inks or hues.
_PICTURE_MODES = ("L", "LA", "RGB", "RGBA", "I;16", "I", "F")


class Painter:
    """:func:`add_dust` with a spec, a layout and a value range, which keeps what it looks up for each kind of tensor.

    For adapters whose arguments are checked when they are made.
    """

    def __init__(
        self, spec: Spec, layout: Layout | None = None, value_range: tuple[float, float] | None = None
    ) -> None:
        self.spec, self.layout, self.value_range = spec, layout, value_range
        # Tables of areas are large, and every image size has its own.
        remember = functools.lru_cache(maxsize=128 if spec.area_range is None else 8)
        self._bind, self._bind_elsewhere = remember(self._bind_kind), remember(self._bind_kind_elsewhere)

    def __call__(self, tensor: AnyTensor, seed: int, epoch: int = 0, index: Any = 0, num_threads: int = 1) -> AnyTensor:
        # In one piece: every call and check is a few hundredths of the time that a small image takes.
        plain = tensor if type(tensor) is torch.Tensor else _as_plain(tensor)
        if not plain.is_cpu:
            self._paint_elsewhere(plain, seed, epoch, index, num_threads)
            increment_version(tensor)
            return tensor
        try:
            address, shape, strides, dtype = plain.data_ptr(), plain.shape, plain.stride(), plain.dtype
        except RuntimeError:
            raise _not_dense(plain) from None
        if (not address and 0 not in shape) or (dtype.is_floating_point and plain.is_neg()):
            raise _not_dense(plain)
        self._bind(shape, strides, dtype)(address, seed, epoch, index, num_threads)
        increment_version(tensor)
        return tensor

    def _bind_kind(self, shape: torch.Size, strides: tuple[int, ...], dtype: torch.dtype) -> Callable[..., None]:
        layout = self._check_layout(shape, strides)
        in_numpy = numpy_dtype(dtype)
        in_bytes = tuple(in_numpy.itemsize * stride for stride in strides)
        return core.bind_dust_at(
            tuple(shape), in_bytes, in_numpy, self.spec, layout=layout, value_range=self.value_range
        )

    def _paint_elsewhere(self, plain: torch.Tensor, seed: int, epoch: Any, index: Any, num_threads: int) -> None:
        """Paint on another device than the CPU."""
        try:
            kind = plain.device, plain.shape, plain.stride(), plain.dtype
            address = plain.is_meta or plain.data_ptr()
        except RuntimeError:
            raise _not_dense(plain) from None
        if (not address and 0 not in plain.shape) or plain.layout is not torch.strided or plain.is_neg():
            raise _not_dense(plain)
        self._bind_elsewhere(*kind)(plain, seed, epoch, index, num_threads)

    def _bind_kind_elsewhere(
        self, device: torch.device, shape: torch.Size, strides: tuple[int, ...], dtype: torch.dtype
    ) -> Callable[..., None]:
        from ._devices import make_batch, make_painter

        layout = self._check_layout(shape, strides)
        return make_painter(make_batch(device, tuple(shape), strides, dtype, self.spec, layout, self.value_range))

    def _check_layout(self, shape: torch.Size, strides: tuple[int, ...]) -> Layout:
        layout = self.layout
        if layout is None:
            if len(shape) not in _LAYOUTS:
                raise ValueError(
                    f"tensor must have 2, 3 or 4 axes, got shape {tuple(shape)}: type tensor.flatten(0, -4) if the "
                    "last three are channels, height and width"
                )
            layout = _LAYOUTS[len(shape)]
        if any(stride == 0 and n > 1 for stride, n in zip(strides, shape, strict=True)):
            raise ValueError(
                f"tensor must not overlap itself in memory, got shape {tuple(shape)} with strides {strides}: "
                "type tensor.clone()"
            )
        return layout

    def __reduce__(self) -> tuple[Any, ...]:
        return Painter, (self.spec, self.layout, self.value_range)


find_painter = functools.lru_cache(maxsize=16)(Painter)


def _as_plain(tensor: Any) -> torch.Tensor:
    """View a subclass of tensors, such as torchvision's, as a tensor without ways of its own."""
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(
            f"tensor must be a torch.Tensor, got {type(tensor).__name__}: type dustaug.add_dust(…) for NumPy arrays"
        )
    if type(tensor).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:  # Fake, distributed, jagged tensors.
        raise TypeError(f"tensor must have memory of its own, got a {type(tensor).__name__}: type a plain torch.Tensor")
    return tensor.as_subclass(torch.Tensor)


def _not_dense(tensor: torch.Tensor) -> TypeError:
    kind = "lazy" if tensor.layout is torch.strided else tensor.layout
    return TypeError(
        f"tensor must be dense memory, got a {kind} tensor: type tensor.to_dense() if it is sparse, or "
        "tensor.resolve_neg() if it is an imaginary part"
    )


def dust_picture(picture: Any, spec: Spec, value_range: tuple[float, float] | None = None, **key: int) -> Any:
    """Return a dusted copy of a Pillow image, of the same mode and size; its own memory is Pillow's affair."""
    if picture.mode not in _PICTURE_MODES:
        raise ValueError(
            f'image must be of mode {", ".join(_PICTURE_MODES)}, got {picture.mode}: type image.convert("RGB")'
        )
    pixels = np.array(picture)
    core.add_dust(pixels, spec, **key, layout="HW" if pixels.ndim == 2 else "HWC", value_range=value_range)
    return sys.modules["PIL.Image"].frombytes(picture.mode, picture.size, pixels.tobytes())
