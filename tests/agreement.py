"""Compare painting on another device with painting on the CPU.

Both must leave the same bytes, or raise the same ValueError and leave the images untouched.
"""

from typing import NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st

import strategies
from dustaug import Spec, add_dust, random_erasing
from dustaug._engine.memory import ImageKind
from dustaug._graph.torch_dtypes import numpy_dtype


class Case(NamedTuple):
    """A case is a view of a buffer, its layout, and what is to be painted on it."""

    buffer: np.ndarray
    view: np.ndarray
    layout: str
    spec: Spec
    coordinates: dict


def case_of(spec, side):
    """Return grey images of one size, below a row of pixels that must not be painted."""
    buffer = np.full((side + 1, side, 3), 100, np.uint8)
    return Case(buffer, buffer[1:], "HWC", spec, {"seed": 7, "epoch": 0, "index": 5})


# No rectangle of these areas and aspects fits into 3 by 3 pixels. Drawn cases are refused at times, or never.
REFUSED = case_of(random_erasing(p=1, scale=(0.9, 0.9), ratio=(9, 9)), 3)


@st.composite
def cases(draw, *, dtypes, max_side):
    """Draw any spec, on strided, cropped and transposed views. PyTorch has no negative strides."""
    buffer, view, layout = draw(strategies.views(dtypes=dtypes, max_side=max_side, steps=(1, 1, 1, 2, 3)))
    channels = dict(zip(layout, view.shape, strict=True)).get("C", 1)
    spec = draw(strategies.specs(channels, view.dtype))
    coordinates = {"seed": draw(strategies.SEEDS), "epoch": draw(strategies.EPOCHS)}
    coordinates["index"] = draw(st.integers(0, 2**63 - 10))
    coordinates["value_range"] = strategies.range_of(view.dtype)
    return Case(buffer, view, layout, spec, coordinates)


def bits_of(buffer, view):
    """Return a buffer as whole numbers, and where a view lies in it: shape, strides and offset, in items."""
    item = view.dtype.itemsize
    offset = (view.__array_interface__["data"][0] - buffer.__array_interface__["data"][0]) // item
    return buffer.view(f"i{item}"), (view.shape, tuple(stride // item for stride in view.strides), offset)


def as_tensor(bits, name, place):
    """Return a view of a tensor of whole numbers as a tensor of the dtype of this name, on the same memory."""
    return bits.view(getattr(torch, name)).as_strided(*place)


def kind_of(tensor, layout, value_range=None):
    """Return the kind of a tensor, as the painters of devices take it."""
    channels = dict(zip(layout, tensor.shape, strict=True)).get("C", 1)
    return ImageKind(numpy_dtype(tensor.dtype), layout, channels, value_range)


def paint_copy(paint, bits, name, place, spec, layout, coordinates, device="cpu"):
    """Paint a view of a buffer's copy on a device.

    Returns all bytes of the copy, and the message of the ValueError that ``paint`` raised, or None.
    """
    on_device, message = torch.from_numpy(bits.copy()).to(device), None
    try:
        paint(as_tensor(on_device, name, place), spec, layout=layout, **coordinates)
    except ValueError as error:
        message = str(error)
    return on_device.cpu().numpy().tobytes(), message


def check(case, paint, run=paint_copy, **options):
    """Paint a case with add_dust() and with ``paint(tensor, spec, layout=…, seed=…, …)``, and compare all bytes.

    Bytes beside the view are compared too. ``run`` calls ``paint_copy`` where ``paint`` has to run.
    """
    buffer, view, layout, spec, coordinates = case
    before, message = buffer.tobytes(), None
    bits, place = bits_of(buffer, view)
    painted_elsewhere = run(paint, bits, view.dtype.name, place, spec, layout, coordinates, **options)
    try:
        add_dust(view, spec, layout=layout, **coordinates)
    except ValueError as error:
        message = str(error)
        assert buffer.tobytes() == before

    assert painted_elsewhere[1] == message
    assert painted_elsewhere[0] == buffer.tobytes()
