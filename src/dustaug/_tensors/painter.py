"""How a tensor is painted in its own memory, whatever its dtype and strides: what torch and torchvision share."""

from __future__ import annotations

import functools
import math
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.autograd.graph import increment_version

from dustaug import core
from dustaug._engine.checks import check_layout, check_value_range
from dustaug._engine.coordinates import Coordinates, make_coordinates
from dustaug._engine.launch import launch_for
from dustaug._engine.memory import (
    CHANNEL_AXIS,
    CHANNELS_FIRST,
    MAX_GUESSED_CHANNELS,
    ImageKind,
    Layout,
    array_at,
    check_axes,
    guess_layout,
)
from dustaug._graph.torch_dtypes import numpy_dtype
from dustaug.schedule import Schedule, spec_of_call
from dustaug.spec import Spec

from .terms import donors_on_device, terms_on_host

AnyTensor = TypeVar("AnyTensor", bound=torch.Tensor)

# Pillow's modes whose numbers are brightness. The others hold places in a palette, packed bits, inks or hues.
_PICTURE_MODES = ("L", "LA", "RGB", "RGBA", "I;16", "I", "F")


class Painter:
    """:func:`add_dust` with a spec, a layout and a value range, which keeps what it looks up for each kind of tensor.

    For adapters whose arguments are checked when they are made. `planar`: the caller knows no layout but CHW.
    """

    def __init__(
        self,
        spec: Spec,
        layout: Layout | None = None,
        value_range: tuple[float, float] | None = None,
        *,
        planar: bool = False,
    ) -> None:
        self.spec, self.layout, self.value_range, self.planar = spec, layout, value_range, planar
        # Where the channels stand, counted from the last axis, in tensors of more axes than `_plain_axes`.
        self._channel_axis, self._plain_axes = _channels_of(layout)
        cached = functools.lru_cache(maxsize=128)
        self._find, self._find_elsewhere = cached(self._find_kind), cached(self._find_kind_elsewhere)

    def __call__(
        self,
        tensor: AnyTensor,
        coordinates: Coordinates,
        num_threads: int = 1,
        guide: Any = None,
        objects: Any = None,
        donors: Any = None,
    ) -> AnyTensor:
        """Paint a tensor in place, and return it."""
        # Not split into helpers: each call costs a few per cent of the time of a small image.
        plain = tensor if type(tensor) is torch.Tensor else _as_plain(tensor)
        if not plain.is_cpu:
            self._paint_elsewhere(plain, coordinates, num_threads, guide, objects, donors)
            increment_version(tensor)
            return tensor
        try:
            # A plain tuple: those of torch.Size take three times as long to add, and the launch adds them.
            address, shape, strides, dtype = plain.data_ptr(), tuple(plain.shape), plain.stride(), plain.dtype
        except RuntimeError:
            raise _not_dense(plain) from None
        if (not address and 0 not in shape) or (dtype.is_floating_point and plain.is_neg()):
            raise _not_dense(plain)
        n_axes = len(shape)
        channels = shape[self._channel_axis] if n_axes > self._plain_axes else 1
        try:
            paint = self._find(dtype, n_axes, channels)
            if guide is not None or objects is not None or donors is not None:
                self._paint_with_terms(plain, channels, coordinates, num_threads, guide, objects, donors)
            elif type(num_threads) is int and num_threads == 1:
                paint(address, shape, strides, coordinates)
            else:
                paint(address, shape, strides, coordinates, num_threads, plain)
        except ValueError as error:
            raise self._explain(error, shape, strides) from None
        increment_version(tensor)
        return tensor

    def _kind_of(self, dtype: torch.dtype, n_axes: int, channels: int) -> ImageKind:
        layout = self.layout or CHANNELS_FIRST.get(n_axes)
        if layout is None or len(layout) != n_axes:
            raise ValueError(f"tensor must have other than {n_axes} axes")  # `_check_shape` says it in full.
        return ImageKind(numpy_dtype(dtype), layout, channels, self.value_range)

    def _find_kind(self, *facts: Any) -> Callable[..., None]:
        kind = self._kind_of(*facts)
        run_at = launch_for(self.spec, kind, kind.dtype.itemsize).run_at
        if self.layout is not None or kind.channels <= MAX_GUESSED_CHANNELS:
            return run_at

        def run_if_likely(address: int, shape: tuple[int, ...], *arguments: Any) -> None:
            self._check_guess(shape)
            run_at(address, shape, *arguments)

        return run_if_likely

    def _paint_with_terms(
        self,
        plain: torch.Tensor,
        channels: int,
        coordinates: Coordinates,
        num_threads: int,
        guide: Any,
        objects: Any,
        donors: Any,
    ) -> None:
        """Paint a tensor of the CPU, with a guide, objects or donors."""
        shape, kind = tuple(plain.shape), self._kind_of(plain.dtype, plain.ndim, channels)
        if self.layout is None and channels > MAX_GUESSED_CHANNELS:
            self._check_guess(shape)
        check_axes(shape, kind.layout)
        guide, objects = terms_on_host(guide, objects, plain.device)
        images, launch = _array_of(plain, kind.dtype), launch_for(self.spec, kind)
        if launch.must_look:
            launch.look(images)
        held = donors_on_device(donors, self.spec, plain)
        donors = None if held is None else _array_of(held, kind.dtype)
        launch.run_with_terms(images, coordinates, guide, objects, num_threads, donors=donors)

    def _find_kind_elsewhere(self, device: torch.device, *facts: Any) -> Callable[..., None]:
        from .devices import make_painter

        return make_painter(self.spec, self._kind_of(*facts), device)

    def _paint_elsewhere(self, plain: torch.Tensor, coordinates: Coordinates, num_threads: int, *terms: Any) -> None:
        """Paint on another device than the CPU."""
        try:
            device, shape, strides, dtype = plain.device, tuple(plain.shape), plain.stride(), plain.dtype
            address = plain.is_meta or plain.data_ptr()
        except RuntimeError:
            raise _not_dense(plain) from None
        if (not address and 0 not in shape) or plain.layout is not torch.strided or plain.is_neg():
            raise _not_dense(plain)
        self._check_shape(shape, strides)
        channels = shape[self._channel_axis] if len(shape) > self._plain_axes else 1
        paint = self._find_elsewhere(device, dtype, len(shape), channels)
        paint(plain, coordinates, num_threads, *terms)

    def _explain(self, error: ValueError, shape: tuple[int, ...], strides: tuple[int, ...]) -> ValueError:
        """Return the error that a tensor gets for what the engine refused."""
        try:
            self._check_shape(shape, strides)
        except ValueError as in_words_for_tensors:
            return in_words_for_tensors
        return error

    def _check_shape(self, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        """Say what is wrong with a shape or strides, in words for tensors; the engine finds what is left."""
        if self.layout is not None:
            check_axes(shape, self.layout)
        elif len(shape) in CHANNELS_FIRST:
            self._check_guess(shape)
        else:
            raise ValueError(
                f"tensor must have 2, 3 or 4 axes, got shape {shape}: type tensor.flatten(0, -4) if the "
                "last three are channels, height and width"
            )
        if 0 not in shape and any(stride == 0 and n > 1 for stride, n in zip(strides, shape, strict=True)):
            raise ValueError(
                f"tensor must not overlap itself in memory, got shape {shape} with strides {strides}: "
                "type tensor.clone()"
            )

    def _check_guess(self, shape: tuple[int, ...]) -> None:
        """Refuse a shape that is as likely of another layout, unless the framework knows no other."""
        if not self.planar:
            guess_layout(shape, channels_first=True, name="tensor")
        elif len(shape) > 2 and shape[-3] > MAX_GUESSED_CHANNELS >= shape[-1]:
            raise ValueError(
                f"tensor must have its channels before height and width, got shape {shape}, which would be "
                f"{shape[-3]} channels: type tensor.movedim(-1, -3) if they come last"
            )


def _array_of(plain: torch.Tensor, dtype: np.dtype[Any]) -> NDArray[Any]:
    """View a tensor of the CPU, which the caller keeps alive, as an array."""
    strides = tuple(stride * dtype.itemsize for stride in plain.stride())
    return array_at(plain.data_ptr(), tuple(plain.shape), strides, dtype)


def _channels_of(layout: Layout | None) -> tuple[int, int]:
    """Return where the channels stand, counted from the last axis, and how many axes tensors without channels have."""
    if layout is None:
        return -3, 2
    if layout not in CHANNEL_AXIS:
        return 0, len(layout)
    return CHANNEL_AXIS[layout] - len(layout), 2


find_painter = functools.lru_cache(maxsize=16)(Painter)


def add_dust(
    images: AnyTensor,
    spec: Spec | Schedule | None,
    layout: Layout | None,
    value_range: tuple[float, float] | None,
    coordinates: Coordinates,
    num_threads: int,
    guide: Any = None,
    objects: Any = None,
    donors: Any = None,
) -> AnyTensor:
    """Check the arguments of :func:`dustaug.torch.add_dust`, and paint."""
    if layout is not None:
        check_layout(layout)
    if value_range is not None:
        value_range = check_value_range(value_range)
    seed, epoch, index = coordinates
    if type(spec) is not Spec:
        if isinstance(epoch, torch.Tensor) and isinstance(spec, Schedule) and not epoch.is_cpu:
            raise TypeError(
                "epoch must be a number with a Schedule, whose spec is made on the CPU, got a tensor on "
                f"{epoch.device}: type epoch=int(epoch)"
            )
        spec = spec_of_call(spec, seed, epoch)
    painter = find_painter(spec, layout, value_range)
    if seed is None or index is None:
        coordinates = make_coordinates(*coordinates)
        refuse_capture(images)
    return painter(images, coordinates, num_threads, guide, objects, donors)


def dust_batches(
    painter: Painter,
    images: torch.Tensor,
    seed: int,
    n_axes: int,
    guide: torch.Tensor | None = None,
    objects: Sequence[Any] | None = None,
) -> None:
    """Paint images (…, c, h, w): with dust of their own along the first `n_axes`, and shared along the others.

    There is a guide, and an array of objects, for each dust.
    """
    leading = images.shape[:-3]
    own = leading[:n_axes]
    index = np.arange(math.prod(own)).repeat(math.prod(leading[n_axes:])).reshape(leading)
    _dust_parts(painter, images.as_subclass(torch.Tensor), seed, index, guide, objects)


def _dust_parts(
    painter: Painter,
    images: torch.Tensor,
    seed: int,
    index: NDArray[np.int64],
    guide: torch.Tensor | None,
    objects: Sequence[Any] | None,
) -> None:
    if images.ndim > 4:
        for part, part_index in zip(images, index, strict=True):
            _dust_parts(painter, part, seed, part_index, guide, objects)
        return
    if guide is not None and not np.array_equal(index, np.arange(len(guide))):
        guide = guide[torch.from_numpy(index).to(guide.device) if index.ndim else int(index)]
    if objects is not None:
        objects = [objects[i] for i in index] if index.ndim else objects[int(index)]
    painter(images, Coordinates(seed, 0, index if index.ndim else 0), guide=guide, objects=objects)


class _SeedSource(threading.local):
    """A tensor for each thread, and NumPy's view of it: drawing into them takes half the time of making a tensor."""

    def __init__(self) -> None:
        seed = np.empty((), np.int64)
        with torch.inference_mode(mode=False):  # A tensor made in that mode could not be filled outside.
            self.pair = torch.from_numpy(seed).random_, seed.item


seed_source = _SeedSource()


def draw_seed() -> int:
    """Draw 63 bits from torch's global generator, which a data loader seeds anew in each worker and epoch."""
    fill, read = seed_source.pair
    fill()
    return read()


def refuse_capture(tensor: torch.Tensor) -> None:
    """Refuse to draw a seed on the host for a CUDA graph, which would paint the same dust at every replay."""
    if isinstance(tensor, torch.Tensor) and tensor.is_cuda and torch.cuda.is_current_stream_capturing():
        raise RuntimeError(
            "seed and index must be given while a CUDA graph is captured, or every replay would paint the same dust: "
            "type dustaug.torch.add_dust(images, seed=0, index=tensor_on_the_device), and change the tensor"
        )


def _as_plain(tensor: Any) -> torch.Tensor:
    """View a subclass of tensors, such as torchvision's, as a tensor without ways of its own."""
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"tensor must be a torch.Tensor, got {type(tensor).__name__}{_instead_of(tensor)}")
    if torch.nn.parameter.is_lazy(tensor):
        raise TypeError(
            f"tensor must have memory, got an {type(tensor).__name__}: type tensor.materialize((channels, height, "
            "width))"
        )
    if tensor.is_nested:
        raise _not_dense(tensor)
    if type(tensor).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:  # Fake, distributed, masked tensors.
        raise TypeError(f"tensor must have memory of its own, got a {type(tensor).__name__}: type a plain torch.Tensor")
    return tensor.as_subclass(torch.Tensor)


def _instead_of(images: Any) -> str:
    """Return what to type for what is no tensor, if anything is known of it."""
    if isinstance(images, (list, tuple)):
        return ": type torch.stack(images) if they are tensors of one size, or give them one by one"
    if isinstance(images, np.ndarray):
        return ": type dustaug.add_dust(…) for NumPy arrays"
    if type(images).__module__.partition(".")[0] == "PIL":
        return ": type dustaug.add_dust(numpy.array(image), …)"
    return ": type torch.as_tensor(images)" if hasattr(images, "__array__") or hasattr(images, "__dlpack__") else ""


def _not_dense(tensor: torch.Tensor) -> TypeError:
    """Error for a tensor whose numbers do not lie in memory of its own."""
    if tensor.is_nested:
        kind, hint = "nested", "for i, image in enumerate(tensor.unbind()): add_dust(image, seed=…, index=first + i)"
    elif tensor.layout is not torch.strided:
        kind, hint = str(tensor.layout), "tensor.to_dense()"
    elif _is_wrapped(tensor):
        kind = "torch.func"
        hint = "add_dust(images, seed=…, index=…) with the whole batch before torch.func.vmap(…), grad(…) or jvp(…)"
    elif tensor.is_neg():
        kind, hint = "negated", "tensor.resolve_neg() if it is an imaginary part"
    else:
        kind, hint = "lazy", "a plain torch.Tensor"
    return TypeError(f"tensor must be dense memory, got a {kind} tensor: type {hint}")


def _is_wrapped(tensor: torch.Tensor) -> bool:
    """Tell whether a transform of torch.func has wrapped a tensor: it then stands for others, or for a derivative."""
    is_wrapped: Any = getattr(getattr(torch._C, "_functorch", None), "is_functorch_wrapped_tensor", None)  # noqa: SLF001
    return is_wrapped is not None and bool(is_wrapped(tensor))


def dust_picture(picture: Any, spec: Spec, value_range: tuple[float, float] | None = None, **coordinates: Any) -> Any:
    """Return a dusted copy of a Pillow image, of the same mode and size; its own memory is Pillow's affair."""
    if picture.mode not in _PICTURE_MODES:
        raise ValueError(
            f'image must be of mode {", ".join(_PICTURE_MODES)}, got {picture.mode}: type image.convert("RGB")'
        )
    pixels = np.array(picture)
    layout: Layout = "HW" if pixels.ndim == 2 else "HWC"
    core.add_dust(pixels, spec, **coordinates, layout=layout, value_range=value_range)
    return sys.modules["PIL.Image"].frombytes(picture.mode, picture.size, pixels.tobytes())
