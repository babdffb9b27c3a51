"""Tensors that are not on the CPU: painted by the kernel in Triton, or with the operations of PyTorch.

Both paint the pixels of ``core.add_dust``, and both see images as integers of the size of their items.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.util
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dustaug import core
from dustaug._engine import fills
from dustaug._engine.checks import check_size, check_spec, check_threads, resolve_kind
from dustaug._engine.contract import FILLS, KINDS
from dustaug._engine.coordinates import Coordinates, check_each, check_epoch, check_index, check_seed
from dustaug._engine.guide import (
    check_donors_wanted,
    make_terms,
    takes_donors,
    takes_guide,
    takes_objects,
)
from dustaug._engine.launch import make_params
from dustaug._engine.memory import ImageKind, Memory, make_memory
from dustaug._engine.tables import curves
from dustaug._errors import shown
from dustaug._graph.program import top_rectangle
from dustaug._graph.torch import Torch
from dustaug.spec import Spec

from .terms import donors_on_device, guide_on_device, terms_on_host

# For a mean over up to this many pixels, the sum fits into 64 bits.
_MAX_MEAN_PIXELS = 1 << 28


class _Painter:
    """A function ``paint(tensor, coordinates, num_threads=1)`` for tensors of one kind, of any size, on one device."""

    def __init__(self, spec: Spec, kind: ImageKind, device: torch.device) -> None:
        self.spec, self.kind, self.device, self.per = spec, kind, device, FILLS[spec.fill].per
        self.value_range = resolve_kind(spec, kind)

    @property
    def items(self) -> torch.dtype:
        """Integers of the size of the items."""
        return {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[self.kind.dtype.itemsize]

    def memory_of(self, tensor: torch.Tensor) -> Memory:
        """Return how a tensor lies in memory, in items, and check that the spec suits it."""
        memory = make_memory(tuple(tensor.shape), tensor.stride(), 1, self.kind.layout)
        if not memory.is_empty:
            check_size(self.spec, memory.height, memory.width, memory.channels)
        return memory

    def narrow(self, patterns: NDArray[np.uint64]) -> NDArray[Any]:
        """Patterns of eight bytes as items."""
        item = self.kind.dtype.itemsize
        return patterns.astype(f"u{item}").view(f"i{item}")

    def as_nhwc(self, images: torch.Tensor) -> torch.Tensor:
        """View images of any layout with all four axes."""
        layout = self.kind.layout
        missing = [axis for axis in "NHWC" if axis not in layout]
        axes = [*layout, *missing]
        return images[(..., *[None] * len(missing))].permute([axes.index(axis) for axis in "NHWC"])


def make_painter(spec: Spec, kind: ImageKind, device: torch.device) -> KernelPainter | OperationsPainter:
    """Return what paints tensors of a kind on a device."""
    if "D" in kind.layout:
        raise ValueError(
            f"images must be no volumes on {device}, got layout={kind.layout!r}: type add_dust(volumes.cpu(), …), or "
            "give the slices of a volume as images that share one index"
        )
    has_kernel = device.type == "cuda" and _has_triton() and suits_the_kernel(spec)
    return (KernelPainter if has_kernel else OperationsPainter)(spec, kind, device)


def suits_the_kernel(spec: Spec) -> bool:
    """Whether the kernel in Triton draws the rectangles of a spec; the core draws all others.

    Rectangles that spare objects are taken one after the other, and bands around kept ones too: that suits no GPU.
    """
    is_plain = KINDS[spec.kind].placed and spec.area_beta is None and not spec.keep
    return is_plain and not takes_objects(spec) and not takes_donors(spec)


@functools.cache
def _has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None


# ------------------------------------------------------------------------------------------------- Triton

# Captured CUDA graphs read the tensors of these painters at every replay. Nothing tells us when a graph is destroyed,
# so they are kept for ever.
_captured: set[KernelPainter] = set()


class KernelPainter(_Painter):
    """The kernel in Triton: on the current stream, without waiting for it, also while a CUDA graph is captured."""

    def __init__(self, spec: Spec, kind: ImageKind, device: torch.device) -> None:
        from .triton import launch

        super().__init__(spec, kind, device)
        self._launch = launch
        if _is_capturing(device):
            raise RuntimeError(
                "images must be dusted once before a CUDA graph is captured, with the same spec, dtype, layout and "
                f"channels, for the tables to be on {device}: call add_dust before torch.cuda.graph(…), as to warm up"
            )
        patterns = fills.spec_patterns(spec, kind, self.value_range)
        params = make_params(spec, kind, patterns)
        self._own = _Uploaded(device, params.view(np.int64), self.narrow(patterns))
        self._curves = _curves_on(device)

    def __call__(
        self,
        tensor: torch.Tensor,
        coordinates: Coordinates,
        num_threads: int = 1,
        guide: Any = None,
        objects: Any = None,
        donors: Any = None,
    ) -> None:
        """Paint a batch."""
        tensor, device = tensor.detach(), self.device
        check_threads(num_threads)
        if donors is not None:  # No spec of this painter takes donors: this raises.
            check_donors_wanted(donors, self.spec)
        memory = self.memory_of(tensor)
        if self.per == "image" and memory.height * memory.width > _MAX_MEAN_PIXELS:
            raise ValueError(
                f'images must have at most {_MAX_MEAN_PIXELS} pixels with fill="mean" on {device}, got '
                f"{memory.height} by {memory.width}"
            )
        with _current(device):
            coordinates = _check_coordinates(coordinates, memory.n, device)
            sums, columns = self._running_sums(guide, objects, memory)
            if memory.is_empty:
                return
            if _is_capturing(device):
                _captured.add(self)
            (record, patterns), (curve_rows,) = self._own.share(), self._curves.share()
            if self.per == "image":
                patterns = Torch(device).mean_of(self.as_nhwc(tensor), self.value_range).contiguous().view(self.items)
            self._launch(
                tensor.view(self.items),
                record,
                curve_rows,
                patterns,
                spec=self.spec,
                memory=memory,
                coordinates=coordinates,
                sums=sums,
                guide_columns=columns,
            )

    def _running_sums(self, guide: Any, objects: Any, memory: Memory) -> tuple[torch.Tensor | None, int]:
        """Return the running sums of the guide of each image, int32 (n, cells), and the guides' columns."""
        batched, device = "N" in self.kind.layout, self.device
        sums = None
        if guide is not None or takes_guide(self.spec):
            guide = guide_on_device(guide, self.spec, memory.n, batched=batched, device=device)
            if guide.device != device:
                if _is_capturing(device):
                    raise RuntimeError(
                        "guide must be a tensor on the device while a CUDA graph is captured, got one on the host: "
                        f"type torch.as_tensor(guide, device={str(device)!r}) before"
                    )
                guide = _upload(guide.numpy(), device)
            sums = guide.flatten(1).cumsum(dim=1, dtype=torch.int32).contiguous()
        if objects is not None:  # No spec of this painter takes objects: this raises.
            make_terms(check_spec(None), None, objects, memory.n, memory.height, memory.width, batched=batched)
        return sums, 1 if sums is None else guide.shape[2]


class _Uploaded:
    """Arrays as tensors on a device, which any stream may read."""

    def __init__(self, device: torch.device, *arrays: NDArray[Any]) -> None:
        self._device = device
        with _current(device):
            self._tensors = tuple(_upload(array, device) for array in arrays)
            if device.type == "cuda":
                self._stream = torch.cuda.current_stream(device)
                self._uploaded = self._stream.record_event()

    def share(self) -> tuple[torch.Tensor, ...]:
        """Let the current stream wait for the tensors, and return them."""
        # torch.cuda.graph has waited for the upload, as for all else.
        if self._device.type == "cuda" and not torch.cuda.is_current_stream_capturing():
            stream = torch.cuda.current_stream(self._device)
            if stream != self._stream:
                stream.wait_event(self._uploaded)
                for tensor in self._tensors:
                    tensor.record_stream(stream)
        return self._tensors


@functools.cache
def _curves_on(device: torch.device) -> _Uploaded:
    """Return the rows of all curves on a device: one table for all specs, kept for ever."""
    return _Uploaded(device, curves())


def _is_capturing(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


def _current(device: torch.device) -> Any:
    """Make a GPU the current one: Triton launches there."""
    return torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()


def _upload(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))  # PyTorch warns of arrays that are read-only.
    if device.type == "cuda":  # From pinned memory, so that nobody waits.
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def _check_coordinates(coordinates: Coordinates, n: int, device: torch.device) -> Coordinates:
    """Return coordinates as the kernel takes them: epoch and index may be int64 tensors on the device."""
    seed, epoch, index = coordinates
    return Coordinates(check_seed(seed), _check_epoch(epoch, device), _check_index(index, n, device))


def _check_epoch(epoch: Any, device: torch.device) -> Any:
    """Return the epoch as an int, or as an int64 tensor if it is one on the device."""
    if not isinstance(epoch, torch.Tensor) or epoch.device != device:
        return check_epoch(epoch)
    if epoch.numel() != 1 or not _is_whole(epoch):
        raise TypeError(
            f"epoch must be a whole number, or a tensor of one, got a tensor of {epoch.dtype} and shape "
            f"{tuple(epoch.shape)}"
        )
    return epoch.detach().to(torch.int64)


def _check_index(index: Any, n: int, device: torch.device) -> Any:
    """Return the first index as an int, or an int64 tensor of all."""
    if isinstance(index, torch.Tensor) and index.device == device:
        if not _is_whole(index):
            raise TypeError(f"index must be a whole number or a tensor of them, got a tensor of {index.dtype}")
        if index.ndim == 0:
            return index.to(torch.int64) + torch.arange(n, device=device)
        if index.shape != (n,):
            raise ValueError(
                f"index must be a number or a tensor of shape ({n},), one for each image, got shape "
                f"{tuple(index.shape)}"
            )
        return index.to(torch.int64).contiguous()
    index = check_index(index, n)
    if isinstance(index, int):
        return index
    if _is_capturing(device):
        raise RuntimeError(
            "index must be a number or a tensor on the device while a CUDA graph is captured, got an array on the "
            f"host: type torch.as_tensor(index, device={str(device)!r}) before"
        )
    return _upload(index, device)


def _is_whole(tensor: torch.Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)


# --------------------------------------------------------------------------------------------- operations


class OperationsPainter(_Painter):
    """The core's rectangles, painted with operations that every device of PyTorch has.

    Forty of them for a batch. To draw the rectangles there too, as ``_graph.program`` does, takes four hundred more, on
    small tensors, where each costs a launch; the core draws those of 256 images in a fifth of a millisecond.
    """

    def __call__(
        self,
        tensor: torch.Tensor,
        coordinates: Coordinates,
        num_threads: int = 1,
        guide: Any = None,
        objects: Any = None,
        donors: Any = None,
    ) -> None:
        """Paint a batch."""
        if _is_capturing(self.device):
            raise RuntimeError(
                "images must not be dusted while a CUDA graph is captured if the CPU draws their rectangles, as it "
                "does with objects, donors, keep, area_beta, grids and lattices, and without Triton, got "
                f"{shown(self.spec)}: call add_dust before torch.cuda.graph(…)"
            )
        memory = self.memory_of(tensor)
        n, height, width, channels = memory[:4]
        each = check_each(Coordinates(*map(_on_host, coordinates)), n)._asdict()
        check_threads(num_threads)
        each |= self._terms(guide, objects, memory)
        donors = donors_on_device(donors, self.spec, tensor)
        if memory.is_empty or tensor.is_meta:
            return
        drawn = _covering(core.sample_rectangles(self.spec, height=height, width=width, channels=channels, **each))
        if not len(drawn):
            return
        ops, images = Torch(self.device), self.as_nhwc(tensor.detach().view(self.items))
        boxes = ops.constant(_by_image(drawn.boxes, drawn.image, n))
        exists = ops.constant(np.ones((1, boxes.shape[1]), bool))
        top = top_rectangle(ops, boxes.unbind(dim=2), exists, (height, width))
        if donors is not None:
            painted = self.as_nhwc(donors.view(self.items))
        else:
            painted = _PAINTED[self.per](self, images, drawn, top, each)
        images.copy_(torch.where(top[..., None] >= 0, painted, images))

    def _terms(self, guide: Any, objects: Any, memory: Memory) -> dict[str, Any]:
        """Check guide and objects, and return them as the core takes those of a batch."""
        batched, (n, height, width) = "N" in self.kind.layout, memory[:3]
        guide, objects = terms_on_host(guide, objects, self.device)
        make_terms(self.spec, guide, objects, n, height, width, batched=batched)
        if guide is not None:
            guide = guide.reshape(n, *guide.shape[-2:])
        return {"guide": guide, "objects": objects if batched or objects is None else [objects]}

    def _levels(self, images: Any, drawn: core.Rectangles, top: torch.Tensor, _: Any) -> torch.Tensor:
        """Values of the top rectangle over each pixel, (n, h, w, 1 or c)."""
        ops, (n, height, width, _) = Torch(self.device), images.shape
        brightness = drawn.fill.reshape(len(drawn), -1)
        patterns = self.narrow(fills.encode(brightness, self.spec, self.kind.dtype, self.value_range))
        values = ops.constant(_by_image(patterns, drawn.image, n))
        return torch.unflatten(ops.batch_gather(values, top.clamp(min=0).flatten(1)), 1, (height, width))

    def _noise(self, images: Any, _drawn: core.Rectangles, _top: torch.Tensor, each: dict[str, Any]) -> torch.Tensor:
        """Noise that the core paints on an empty batch, (n, h, w, c)."""
        noise = np.zeros(tuple(images.shape), self.kind.dtype)
        core.add_dust(noise, self.spec, **each, layout="NHWC", value_range=self.value_range)
        return torch.from_numpy(noise.view(f"i{self.kind.dtype.itemsize}")).to(self.device)

    def _means(self, images: Any, _drawn: core.Rectangles, _top: torch.Tensor, _: Any) -> torch.Tensor:
        """Means of each image, (n, 1, 1, c), taken on the host: not every device has doubles."""
        host = images.cpu().numpy().view(self.kind.dtype)
        patterns = fills.mean_patterns(host, self.value_range)
        return torch.from_numpy(self.narrow(patterns)).to(self.device)[:, None, None]


# What is painted where a rectangle lies: one row for each `per` of contract.FILLS, but that of donors.
_PAINTED: dict[str, Callable[..., torch.Tensor]] = {
    "rectangle": OperationsPainter._levels,  # noqa: SLF001
    "channel": OperationsPainter._levels,  # noqa: SLF001
    "value": OperationsPainter._noise,  # noqa: SLF001
    "image": OperationsPainter._means,  # noqa: SLF001
}


def _on_host(number: Any) -> Any:
    if not isinstance(number, torch.Tensor):
        return number
    return number.cpu().numpy() if number.ndim else operator.index(number)


def _covering(drawn: core.Rectangles) -> core.Rectangles:
    """Leave out the rectangles that cover nothing: most cells of a grid are such."""
    image, boxes, fill = drawn.image, drawn.boxes, drawn.fill
    chosen = (boxes[:, 0] < boxes[:, 2]) & (boxes[:, 1] < boxes[:, 3])
    return dataclasses.replace(drawn, image=image[chosen], boxes=boxes[chosen], fill=fill[chosen])


def _by_image(rows: NDArray[Any], image: NDArray[np.int64], n: int) -> NDArray[Any]:
    """Rows (r, k) of rectangles as (n, most, k), zeros after the last of each image."""
    counts = np.bincount(image, minlength=n)
    places = np.arange(len(image)) - np.repeat(np.cumsum(counts) - counts, counts)
    arranged = np.zeros((n, counts.max(), rows.shape[1]), rows.dtype)
    arranged[image, places] = rows
    return arranged
