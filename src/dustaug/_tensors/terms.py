"""Guides and objects that come as tensors: as the core takes them, or on the device of their images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dustaug._engine.contract import MAX_GUIDE_SUM
from dustaug._engine.guide import (
    check_donors_kind,
    check_donors_wanted,
    check_guide,
    check_guide_kind,
    takes_donors,
    takes_guide,
)
from dustaug._errors import shown
from dustaug.spec import Spec


def terms_on_host(guide: Any, objects: Any, device: torch.device) -> tuple[Any, Any]:
    """Return a guide and objects of images on a device as the core takes them: tensors become arrays."""
    return _guide_on_host(guide, device), _objects_on_host(objects)


def guide_on_device(guide: Any, spec: Spec, n: int, *, batched: bool, device: torch.device) -> torch.Tensor:
    """Check the guides of n images, and return them as a tensor, uint8 or bool (n, rows, columns).

    One on the device stays there: its weights are not read, so that nobody waits for them. One on the host stays there
    too.
    """
    if not takes_guide(spec) or not isinstance(guide, torch.Tensor) or guide.device != device:
        return torch.from_numpy(check_guide(_guide_on_host(guide, device), spec, n, batched=batched))
    plain = dense("guide", guide)
    check_guide_kind(tuple(plain.shape), _dtype_name(plain), n, batched=batched)
    rows, columns = plain.shape[-2:]
    most = MAX_GUIDE_SUM if plain.dtype == torch.bool else MAX_GUIDE_SUM // 255
    if rows * columns > most:
        raise ValueError(
            f"guide must have at most {most} weights for each image on {device}, where nobody adds them up first, got "
            f"{rows} by {columns}: type guide[:, ::2, ::2], as a guide may have any resolution"
        )
    return plain.reshape(n, rows, columns)


def donors_on_device(donors: Any, spec: Spec, images: torch.Tensor) -> torch.Tensor | None:
    """Check the donors of images, and return them as a tensor on the same device, or None if the spec takes none."""
    if donors is None and not takes_donors(spec):
        return None
    check_donors_wanted(donors, spec)
    if isinstance(donors, np.ndarray):
        raise TypeError(f"donors must be a tensor, as images are, got {shown(donors)}: type torch.from_numpy(donors)")
    if not isinstance(donors, torch.Tensor):
        raise TypeError(f"donors must be a tensor, as images are, got {shown(donors)}")
    plain = dense("donors", donors)
    if plain.device != images.device:
        raise ValueError(
            f"donors must be on the device of images, {images.device}, got some on {plain.device}: type "
            f"donors.to({str(images.device)!r})"
        )
    check_donors_kind(tuple(plain.shape), _dtype_name(plain), tuple(images.shape), _dtype_name(images))
    return plain.resolve_neg().resolve_conj()


def _guide_on_host(guide: Any, device: torch.device) -> Any:
    if not isinstance(guide, torch.Tensor):
        return guide
    plain = dense("guide", guide)
    if plain.device.type != "cpu" and plain.device != device:
        raise ValueError(
            f"guide must be on the CPU or on the device of its images, {device}, got one on {plain.device}: type "
            f"guide.to({str(device)!r})"
        )
    name = _dtype_name(plain)
    if name not in ("uint8", "bool"):
        check_guide_kind(tuple(plain.shape), name, 0, batched=True)  # Raises.
    if plain.is_meta:  # There is nothing to see but its shape.
        return np.broadcast_to(np.zeros((), name), tuple(plain.shape))
    return plain.cpu().numpy()


def _objects_on_host(objects: Any) -> Any:
    if isinstance(objects, (list, tuple)):
        return [_boxes_on_host(boxes) for boxes in objects]
    return _boxes_on_host(objects)


def _boxes_on_host(boxes: Any) -> Any:
    if not isinstance(boxes, torch.Tensor):
        return boxes
    plain = dense("objects", boxes)
    if plain.numel() and (plain.is_floating_point() or plain.is_complex()):
        raise TypeError(
            f"objects must be whole numbers (k, 4), got a tensor of {plain.dtype}: type boxes.round().long()"
        )
    if plain.is_meta or not plain.numel():
        return np.zeros(tuple(plain.shape), np.int64)
    numbers: NDArray[Any] = plain.cpu().numpy()
    return numbers


def dense(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor of any class as a plain one, or say that its numbers do not lie in memory of its own."""
    wrapped = type(tensor).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__
    if wrapped or tensor.is_nested or tensor.layout is not torch.strided:
        kind = type(tensor).__name__ if wrapped else "nested tensor" if tensor.is_nested else f"{tensor.layout} tensor"
        raise TypeError(f"{name} must be a plain tensor or an array, got a {kind}: type tensor.to_dense()")
    return tensor.detach().as_subclass(torch.Tensor)


def _dtype_name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
