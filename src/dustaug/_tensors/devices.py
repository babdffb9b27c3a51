"""Tensors that are not on the CPU: painted by the kernel in Triton, or with PyTorch's own operations.

Both paint the pixels of ``core.add_dust``, and both see images as integers of the size of their items.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import operator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from dustaug import core
from dustaug._engine import fills as _fills
from dustaug._engine.checks import (
    check_dtype,
    check_each_index,
    check_epoch,
    check_fill,
    check_index,
    check_seed,
    check_whole,
    resolve_value_range,
)
from dustaug._engine.memory import Layout, Memory, make_memory, make_record
from dustaug._engine.plan import find_reach, make_plan
from dustaug._graph.program import topmost
from dustaug._graph.torch import Torch
from dustaug._graph.torch_dtypes import numpy_dtype
from dustaug.spec import Spec

__all__ = ["KernelPainter", "OperationsPainter", "make_batch", "make_painter"]

# Of so many pixels a sum that means are made of fits into 64 bits.
_MAX_MEAN_PIXELS = 1 << 28


class Batch(NamedTuple):
    """What is decided before a batch comes: the spec, and how its tensor looks and lies in memory.

    Attributes
    ----------
    memory : Memory
        In bytes.
    value_range : (float, float)
        Values of black and white.
    """

    spec: Spec
    layout: Layout
    memory: Memory
    device: torch.device
    value_range: tuple[float, float]

    @property
    def is_empty(self) -> bool:
        """Whether there is no pixel."""
        memory = self.memory
        return 0 in (memory.n, memory.height, memory.width, memory.channels)

    @property
    def items(self) -> torch.dtype:
        """Integers of the size of the items."""
        return {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[self.memory.dtype.itemsize]

    def encode(self, brightness: NDArray[Any]) -> NDArray[Any]:
        """Brightness (r, 1 or c) as items."""
        return self.narrow(_fills.encode(brightness, self.spec, self.memory.dtype, self.value_range))

    def narrow(self, patterns: NDArray[np.uint64]) -> NDArray[Any]:
        """Patterns of eight bytes as items."""
        item = self.memory.dtype.itemsize
        return patterns.astype(f"u{item}").view(f"i{item}")

    def as_nhwc(self, images: torch.Tensor) -> torch.Tensor:
        """View images of any layout with all four axes."""
        missing = [axis for axis in "NHWC" if axis not in self.layout]
        axes = [*self.layout, *missing]
        return images[(..., *[None] * len(missing))].permute([axes.index(axis) for axis in "NHWC"])


def make_batch(
    device: torch.device,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    dtype: torch.dtype,
    spec: Spec,
    layout: Layout,
    value_range: tuple[float, float] | None = None,
) -> Batch:
    """Describe a batch, or say what about it is wrong; strides are in items."""
    in_numpy = numpy_dtype(dtype)
    check_dtype(in_numpy)
    memory = make_memory(shape, tuple(in_numpy.itemsize * stride for stride in strides), in_numpy, layout)
    limits = resolve_value_range(value_range, in_numpy)
    check_fill(spec, memory)
    return Batch(spec, layout, memory, device, limits)


def make_painter(batch: Batch) -> KernelPainter | OperationsPainter:
    """Return ``dust(tensor, seed, epoch=0, index=0, num_threads=1)`` for such batches."""
    return KernelPainter(batch) if batch.device.type == "cuda" and _has_triton() else OperationsPainter(batch)


@functools.cache
def _has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None


# ------------------------------------------------------------------------------------------------- Triton

# What captured CUDA graphs read at every replay: it must outlive them, and nobody tells when they go.
_captured: set[KernelPainter] = set()


class KernelPainter:
    """The kernel in Triton: on the current stream, without waiting for it, also while a CUDA graph is captured."""

    def __init__(self, batch: Batch) -> None:
        from .triton import launch

        self._launch, self._batch = launch, batch
        if batch.is_empty:
            return
        memory, spec = batch.memory, batch.spec
        if spec.fill == "mean" and memory.height * memory.width > _MAX_MEAN_PIXELS:
            raise ValueError(
                f'images must have at most {_MAX_MEAN_PIXELS} pixels with fill="mean" on {batch.device}, got '
                f"{memory.height} by {memory.width}"
            )
        if _is_capturing(batch.device):
            raise RuntimeError(
                "images must be dusted once before a CUDA graph is captured, with the same spec, shape and dtype, for "
                f"the tables to be on {batch.device}: call add_dust before torch.cuda.graph(…), as to warm up"
            )
        record, tables = make_plan(spec, memory.height, memory.width)
        self._reach = find_reach(record, tables, memory.height, memory.width)
        patterns = batch.narrow(_fills.spec_patterns(spec, memory, batch.value_range))
        record = make_record(record, memory, pattern_columns=patterns.shape[1])
        for stride in ("image_stride", "row_stride", "column_stride", "channel_stride"):
            record[stride] //= memory.dtype.itemsize
        with _current(batch.device):
            arrays = (record.view(np.int64), tables, patterns)
            self._record, self._tables, self._patterns = (_upload(array, batch.device) for array in arrays)
            if batch.device.type == "cuda":
                self._stream = torch.cuda.current_stream(batch.device)
                self._uploaded = self._stream.record_event()

    def __call__(self, tensor: torch.Tensor, seed: int, epoch: Any = 0, index: Any = 0, num_threads: int = 1) -> None:
        """Paint a batch."""
        batch, device, tensor = self._batch, self._batch.device, tensor.detach()
        seed, epoch = check_seed(seed), _check_epoch(epoch, device)
        check_whole("num_threads", num_threads, 1, 4096)
        with _current(device):
            index = _check_index(index, batch.memory.n, device)
            if batch.is_empty:
                return
            if device.type == "cuda":
                self._share_with_the_current_stream()
            patterns = self._patterns
            if batch.spec.fill == "mean":
                patterns = Torch(device).mean_of(batch.as_nhwc(tensor), batch.value_range).contiguous()
                patterns = patterns.view(batch.items)
            self._launch(
                tensor.view(batch.items),
                self._record,
                self._tables,
                patterns,
                spec=batch.spec,
                n_images=batch.memory.n,
                reach=self._reach,
                seed=seed,
                epoch=epoch,
                index=index,
            )

    def _share_with_the_current_stream(self) -> None:
        if torch.cuda.is_current_stream_capturing():
            _captured.add(self)  # torch.cuda.graph has waited for the upload, as for all else.
            return
        stream = torch.cuda.current_stream(self._batch.device)
        if stream != self._stream:
            stream.wait_event(self._uploaded)
            for tensor in (self._record, self._tables, self._patterns):
                tensor.record_stream(stream)


def _is_capturing(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


def _current(device: torch.device) -> Any:
    """Make a GPU the current one: Triton launches there."""
    return torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()


def _upload(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if device.type == "cuda":  # From pinned memory, so that nobody waits.
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


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
    first, each = check_index(index, n)
    if each is None:
        return first
    if _is_capturing(device):
        raise RuntimeError(
            "index must be a number or a tensor on the device while a CUDA graph is captured, got an array on the "
            f"host: type torch.as_tensor(index, device={str(device)!r}) before"
        )
    return _upload(each, device)


def _is_whole(tensor: torch.Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)


# --------------------------------------------------------------------------------------------- operations


class OperationsPainter:
    """The core's rectangles, painted with operations that every device of PyTorch has.

    Forty of them for a batch. To draw the rectangles there too, as ``_graph.program`` does, takes four hundred more, on
    small tensors, where each costs a launch; the core draws those of 256 images in a fifth of a millisecond.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        if not batch.is_empty:
            make_plan(batch.spec, batch.memory.height, batch.memory.width)  # Says what is wrong with the size.

    def __call__(self, tensor: torch.Tensor, seed: int, epoch: Any = 0, index: Any = 0, num_threads: int = 1) -> None:
        """Paint a batch."""
        batch, memory = self._batch, self._batch.memory
        epoch, index = (_on_host(number) for number in (epoch, index))
        coordinates: dict[str, Any] = {
            "seed": check_seed(seed),
            "epoch": check_epoch(epoch),
            "index": check_each_index(index, memory.n),
        }
        check_whole("num_threads", num_threads, 1, 4096)
        if batch.is_empty or tensor.is_meta:
            return
        drawn = core.sample_rectangles(
            batch.spec, height=memory.height, width=memory.width, channels=memory.channels, **coordinates
        )
        if not len(drawn):
            return
        ops, images = Torch(batch.device), batch.as_nhwc(tensor.detach().view(batch.items))
        boxes = ops.constant(_by_image(drawn.boxes, drawn.image, memory.n))
        every = ops.constant(np.ones((1, boxes.shape[1]), bool))
        uppermost = topmost(ops, boxes.unbind(dim=2), every, (memory.height, memory.width))
        if batch.spec.fill == "noise":
            painted = self._noise(coordinates)
        elif batch.spec.fill == "mean":
            painted = self._means(images)
        else:
            patterns = batch.encode(drawn.fill.reshape(len(drawn), -1))
            looks = ops.constant(_by_image(patterns, drawn.image, memory.n))
            painted = ops.take_each(looks, uppermost.clamp(min=0).flatten(1))
            painted = painted.unflatten(1, (memory.height, memory.width))
        images.copy_(torch.where(uppermost[..., None] >= 0, painted, images))

    def _noise(self, coordinates: dict[str, Any]) -> torch.Tensor:
        """Noise that the core paints on an empty batch, (n, h, w, c)."""
        batch, memory = self._batch, self._batch.memory
        noise = np.zeros((memory.n, memory.height, memory.width, memory.channels), memory.dtype)
        core.add_dust(noise, batch.spec, **coordinates, layout="NHWC", value_range=batch.value_range)
        return torch.from_numpy(noise.view(f"i{memory.dtype.itemsize}")).to(batch.device)

    def _means(self, images: torch.Tensor) -> torch.Tensor:
        """Means of each image, (n, 1, 1, c), taken on the host: not every device has doubles."""
        batch = self._batch
        host = images.cpu().numpy().view(batch.memory.dtype)
        patterns = _fills.mean_patterns(
            host, make_memory(host.shape, host.strides, host.dtype, "NHWC"), batch.value_range
        )
        return torch.from_numpy(batch.narrow(patterns)).to(batch.device)[:, None, None]


def _on_host(number: Any) -> Any:
    if not isinstance(number, torch.Tensor):
        return number
    return number.cpu().numpy() if number.ndim else operator.index(number)


def _by_image(rows: NDArray[Any], image: NDArray[np.int64], n: int) -> NDArray[Any]:
    """Rows (r, k) of rectangles as (n, most, k), zeros after the last of each image."""
    counts = np.bincount(image, minlength=n)
    places = np.arange(len(image)) - np.repeat(np.cumsum(counts) - counts, counts)
    arranged = np.zeros((n, counts.max(), rows.shape[1]), rows.dtype)
    arranged[image, places] = rows
    return arranged
