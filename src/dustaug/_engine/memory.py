"""How a batch of images lies in memory, whatever its layout and strides."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Layout = Literal["NHWC", "NCHW", "NHW", "HWC", "CHW", "HW", "NDHWC", "NCDHW"]

# The last two are of volumes and clips, whose slices or frames lie along D.
VOLUME_LAYOUTS = ("NDHWC", "NCDHW")
LAYOUTS = ("NHWC", "NCHW", "NHW", "HWC", "CHW", "HW", *VOLUME_LAYOUTS)
_CHANNELS_LAST: dict[int, Layout] = {2: "HW", 3: "HWC", 4: "NHWC"}
CHANNELS_FIRST: dict[int, Layout] = {2: "HW", 3: "CHW", 4: "NCHW"}
# What else a shape may be that is taken for a layout.
_AS_LIKELY = {"HWC": "NHW or CHW", "NHWC": "NCHW", "CHW": "NHW or HWC", "NCHW": "NHWC"}
_CHANNEL_PLACE = {"HWC": "last", "NHWC": "last", "CHW": "first", "NCHW": "second"}
# More channels than a picture has are taken for a mistaken layout unless the layout is given.
MAX_GUESSED_CHANNELS = 4


class ImageKind(NamedTuple):
    """What images are, apart from their values and their size: images of one kind are painted in one way.

    Attributes
    ----------
    dtype : numpy.dtype
    layout : str
    channels : int
        1 if the layout has none.
    value_range : (float, float), optional
        Values of black and white. None: those that the dtype tells.
    """

    dtype: np.dtype[Any]
    layout: Layout
    channels: int = 1
    value_range: tuple[float, float] | None = None


# Where a layout has its channels.
CHANNEL_AXIS = {layout: layout.index("C") for layout in LAYOUTS if "C" in layout}


class Memory(NamedTuple):
    """How a batch lies in memory: lengths of its axes, and from one item to the next along each."""

    n: int
    height: int
    width: int
    channels: int
    image_stride: int
    row_stride: int
    column_stride: int
    channel_stride: int

    @property
    def is_empty(self) -> bool:
        """Whether there is no pixel."""
        return 0 in self[:4]


def make_memory(shape: tuple[int, ...], strides: tuple[int, ...], item: int, layout: Layout) -> Memory:
    """Return how a batch lies in memory, and check that it does not overlap itself.

    Strides and the size of an item are in bytes, or both in items.
    """
    check_axes(shape, layout)
    axes = dict(zip(layout, zip(shape, strides, strict=True), strict=True))
    if 0 not in shape:
        _check_overlap(list(axes.values()), item, shape, strides)
    length = {axis: axes.get(axis, (1, 0))[0] for axis in "NHWC"}
    # NumPy sets the stride of an axis of length 1 to any number. The kernels need one that is not zero.
    stride = {axis: axes[axis][1] if length[axis] > 1 else item for axis in "NHWC"}
    if length["W"] == 1 and abs(stride["C"]) == item:
        stride["W"] = item * length["C"]
    return Memory(length["N"], length["H"], length["W"], length["C"], *(stride[axis] for axis in "NHWC"))


def check_axes(shape: tuple[Any, ...], layout: Layout, name: str = "images") -> None:
    if len(shape) != len(layout):
        raise ValueError(f"{name} must have {len(layout)} axes for layout {layout}, got shape {tuple(shape)}")


def guess_layout(shape: tuple[Any, ...], *, channels_first: bool = False, name: str = "images") -> Layout:
    """Return the layout by the number of axes; lengths may be None where they are unknown.

    It is guessed only for pictures, which have 1 to 4 channels. Everything else is as likely to be another layout:
    grey images, feature maps, volumes, clips.

    Raises
    ------
    ValueError
        If the layout must be given.
    """
    layout = (CHANNELS_FIRST if channels_first else _CHANNELS_LAST).get(len(shape))
    if layout is None:
        hint = ': type layout="NDHWC" or "NCDHW" for volumes and clips' if len(shape) == len("NDHWC") else ""
        raise ValueError(f"{name} must have 2, 3 or 4 axes, got shape {tuple(shape)}{hint}")
    if layout == "HW":
        return layout
    channels = shape[CHANNEL_AXIS[layout]]
    if channels is not None and channels > MAX_GUESSED_CHANNELS:
        raise ValueError(
            f"layout must be given where the shape does not tell it, got shape {tuple(shape)}: type "
            f'layout="{layout}" if the {_CHANNEL_PLACE[layout]} axis is {channels} channels, else '
            f"{_AS_LIKELY[layout]}"
        )
    return layout


def is_ambiguous(shape: tuple[Any, ...]) -> bool:
    """Whether the last axis of what should be HWC or NHWC has more channels than a picture."""
    return int(shape[-1]) > MAX_GUESSED_CHANNELS


def _check_overlap(axes: list[tuple[int, int]], item: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    extent = item
    for stride, length in sorted((abs(stride), length) for length, stride in axes if length > 1):
        if stride < extent:
            raise ValueError(
                f"images must not overlap themselves in memory, got shape {shape} with strides {strides}: "
                "type images.copy()"
            )
        extent = stride * (length - 1) + extent


def array_at(address: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a writable array over memory that its owner keeps alive; strides are in bytes."""
    if 0 in shape:  # A tensor without items may have no address, and NumPy before 2.4 makes no array of that.
        return np.empty(shape, dtype)
    interface = {
        "version": 3,
        "data": (address, False),
        "shape": tuple(shape),
        "strides": strides,
        "typestr": f"<u{dtype.itemsize}",
    }
    return np.asarray(SimpleNamespace(__array_interface__=interface)).view(dtype)
