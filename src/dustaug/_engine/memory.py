"""How a batch of images lies in memory, whatever its layout and strides."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Layout = Literal["NHWC", "NCHW", "NHW", "HWC", "CHW", "HW"]

LAYOUTS = ("NHWC", "NCHW", "NHW", "HWC", "CHW", "HW")
_DEFAULT_LAYOUT: dict[int, Layout] = {2: "HW", 3: "HWC", 4: "NHWC"}
# More channels than this are taken for a mistaken layout unless the layout is given.
MAX_GUESSED_CHANNELS = 16


class ImageKind(NamedTuple):
    """What images are, apart from their values: images of one kind are painted in one way.

    Attributes
    ----------
    shape : tuple of int
    strides : tuple of int, optional
        In bytes. None: the images lie in memory without gaps.
    dtype : numpy.dtype
    layout : str, optional
        None: the number of axes tells it.
    value_range : (float, float), optional
        Values of black and white. None: those that the dtype tells.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...] | None
    dtype: np.dtype[Any]
    layout: Layout | None = None
    value_range: tuple[float, float] | None = None


class Memory(NamedTuple):
    """How a batch lies in memory: lengths of its axes, and bytes from one item to the next along each."""

    n: int
    height: int
    width: int
    channels: int
    image_stride: int
    row_stride: int
    column_stride: int
    channel_stride: int
    dtype: np.dtype[Any]

    @property
    def is_empty(self) -> bool:
        """Whether there is no pixel."""
        return 0 in self[:4]


def make_memory(kind: ImageKind) -> Memory:
    """Return how a batch lies in memory, and check that it may."""
    shape, strides, dtype, layout, _ = kind
    if strides is None:
        strides = tuple(dtype.itemsize * math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    if layout is None:
        layout = guess_layout(shape)
    elif len(shape) != len(layout):
        raise ValueError(f"images must have {len(layout)} axes for layout {layout}, got shape {shape}")
    axes = dict(zip(layout, zip(shape, strides, strict=True), strict=True))
    item = dtype.itemsize
    if 0 not in shape:
        _check_overlap(list(axes.values()), item, shape, strides)
    length = {axis: axes.get(axis, (1, 0))[0] for axis in "NHWC"}
    # NumPy sets the stride of an axis of length 1 to any number. The kernel needs one that is not zero.
    stride = {axis: axes[axis][1] if length[axis] > 1 else item for axis in "NHWC"}
    if length["W"] == 1 and abs(stride["C"]) == item:
        stride["W"] = item * length["C"]
    return Memory(
        length["N"], length["H"], length["W"], length["C"], stride["N"], stride["H"], stride["W"], stride["C"], dtype
    )


def guess_layout(shape: tuple[Any, ...]) -> Layout:
    """Layout by the number of axes, or an error where another one is as likely; the length of a batch may be None."""
    if len(shape) not in _DEFAULT_LAYOUT:
        raise ValueError(f"images must have 2, 3 or 4 axes, got shape {shape}")
    layout = _DEFAULT_LAYOUT[len(shape)]
    if len(shape) > 2 and is_ambiguous(shape):
        others = "NCHW" if len(shape) == 4 else "NHW or CHW"
        raise ValueError(
            f"layout must be given where the shape does not tell it, got shape {shape}: type "
            f'layout="{layout}" if the last axis is {shape[-1]} channels, else {others}'
        )
    return layout


def is_ambiguous(shape: tuple[Any, ...]) -> bool:
    """Whether the last axis of what should be HWC or NHWC may be the width of an image instead."""
    rows, columns, channels = map(int, shape[-3:])
    return channels > MAX_GUESSED_CHANNELS or (channels > 4 and (rows <= 4 if len(shape) == 4 else columns == channels))


def _check_overlap(axes: list[tuple[int, int]], item: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    extent = item
    for stride, length in sorted((abs(stride), length) for length, stride in axes if length > 1):
        if stride < extent:
            raise ValueError(
                f"images must not overlap themselves in memory, got shape {shape} with strides {strides}: "
                "type images.copy()"
            )
        extent = stride * (length - 1) + extent


def make_params(plan_params: NDArray[Any], memory: Memory, *, pattern_columns: int) -> NDArray[Any]:
    """Params of a plan with the memory filled in, for patterns with one column for all channels or one for each.

    Of RGB bytes in HWC, a grey pixel is 1 run of 3 bytes; a coloured one is 3 interleaved runs of 1 byte. In CHW both
    are 3 runs of 1 byte, in planes of their own.
    """
    record = plan_params.copy()
    params, item = record[0], memory.dtype.itemsize
    for name in memory._fields[1:-1]:
        params[name] = getattr(memory, name)
    params["item_bytes"] = item
    params["image_bytes"] = memory.height * memory.width * memory.channels * item
    params["column_step"] = abs(memory.column_stride)
    params["first_channel"] = min(0, (memory.channels - 1) * memory.channel_stride)
    params["pattern_columns"] = pattern_columns
    params["pattern_step"] = pattern_columns > 1
    adjacent = abs(memory.channel_stride) == item
    merged = adjacent and pattern_columns == 1
    params["origin"] = params["first_channel"] if merged else 0
    params["runs"] = 1 if merged else memory.channels
    params["run_stride"] = memory.channel_stride
    params["run_bytes"] = memory.channels * item if merged else item
    whole = memory.channels > 1 and params["column_step"] == memory.channels * item
    params["interleaved"] = adjacent and whole and not merged
    return record


def array_at(address: int, kind: ImageKind) -> NDArray[Any]:
    """Return a writable array over memory that its owner keeps alive."""
    if 0 in kind.shape:  # A tensor without items may have no address, and NumPy before 2.4 makes no array of that.
        return np.empty(kind.shape, kind.dtype)
    interface = {
        "version": 3,
        "data": (address, False),
        "shape": kind.shape,
        "strides": kind.strides,
        "typestr": f"<u{kind.dtype.itemsize}",
    }
    return np.asarray(SimpleNamespace(__array_interface__=interface)).view(kind.dtype)
