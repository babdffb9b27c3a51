"""What ``torch.compile`` and ``torch.export`` see of the painting: operations with a schema, which change their images.

They are for graphs only. Outside of a graph the painters are called directly: to dispatch an operation takes several
times as long as to paint a small image.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch

from dustaug._engine.contract import WORD_MASK
from dustaug._engine.coordinates import Coordinates
from dustaug._engine.memory import Layout
from dustaug.schedule import Schedule, check_plan, read_plan, spec_at
from dustaug.spec import Spec

from .painter import AnyTensor, add_dust, draw_seed, dust_batches, find_painter, refuse_capture


@functools.lru_cache(maxsize=64)
def _parse(text: str) -> Spec | Schedule:
    return read_plan(ast.literal_eval(text))


# PyTorch cannot tell of the types that objects are a list of tensors, or None.
_SCHEMA = (
    "(Tensor(a!) images, str spec, str? layout, float[]? value_range, SymInt[]? seed, SymInt epoch, Tensor? epochs, "
    "SymInt? index, Tensor? indices, SymInt num_threads, Tensor? guide=None, Tensor[]? objects=None, "
    "Tensor? objects_of_one=None, Tensor? donors=None) -> ()"
)


@torch.library.custom_op("dustaug::add_dust_", mutates_args=("images",), schema=_SCHEMA)
def _add_dust(
    images: torch.Tensor,
    spec: str,
    layout: str | None,
    value_range: Sequence[float] | None,
    seed: Sequence[int] | None,
    epoch: int,
    epochs: torch.Tensor | None,
    index: int | None,
    indices: torch.Tensor | None,
    num_threads: int,
    guide: torch.Tensor | None = None,
    objects: Sequence[torch.Tensor] | None = None,
    objects_of_one: torch.Tensor | None = None,
    donors: torch.Tensor | None = None,
) -> None:
    """Paint with coordinates that are given; the seed as a low and a high word, for a schema's numbers are signed."""
    limits: Any = None if value_range is None else tuple(value_range)
    add_dust(
        images,
        _parse(spec),
        cast("Layout | None", layout),
        limits,
        Coordinates(
            None if seed is None else seed[0] + (seed[1] << 32),
            epoch if epochs is None else epochs,
            index if indices is None else indices,
        ),
        num_threads,
        guide,
        objects_of_one if objects is None else list(objects),
        donors,
    )


@torch.library.custom_op("dustaug::add_drawn_dust_", mutates_args=("images",))
def _add_drawn_dust(images: torch.Tensor, spec: str, value_range: Sequence[float] | None, n_axes: int) -> None:
    """Paint with a seed that is drawn from torch's global generator when the graph runs."""
    refuse_capture(images)
    limits = None if value_range is None else tuple(value_range)
    painter = find_painter(spec_at(_parse(spec), 0), value_range=limits, planar=True)
    dust_batches(painter, images, draw_seed(), n_axes)


def trace_add_dust(
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
    """:func:`dustaug._tensors.painter.add_dust` for the compiler to trace; it checks when the graph runs."""
    seed, epoch, index = coordinates
    if isinstance(index, (list, tuple, np.ndarray)):
        index = torch.as_tensor(index)
    # A list is one of images, or of the boxes of one; what is no list belongs to one image.
    listed = [torch.as_tensor(boxes) for boxes in objects] if isinstance(objects, (list, tuple)) else None
    of_one = None if objects is None or listed is not None else torch.as_tensor(objects)
    epochs, indices = (number if isinstance(number, torch.Tensor) else None for number in (epoch, index))
    torch.ops.dustaug.add_dust_(
        images.detach(),  # As outside of graphs, autograd does not see it.
        check_plan(spec)._text,  # noqa: SLF001  Guarded by its value, as a whole spec could not be.
        layout,
        value_range,
        None if seed is None else (seed & WORD_MASK, seed >> 32),
        epoch if epochs is None else 0,
        epochs,
        index if indices is None else 0,
        indices,
        num_threads,
        None if guide is None else torch.as_tensor(guide),
        listed,
        of_one,
        None if donors is None else torch.as_tensor(donors),
    )
    return images


def trace_drawn_dust(images: torch.Tensor, spec: Spec, value_range: tuple[float, float] | None, n_axes: int) -> None:
    """:func:`dustaug._tensors.painter.dust_batches` with a drawn seed, for the compiler to trace."""
    torch.ops.dustaug.add_drawn_dust_(images.detach(), spec._text, value_range, n_axes)  # noqa: SLF001
