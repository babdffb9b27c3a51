"""Where the guide and the objects of a sample are, and how they become what ``add_dust`` takes."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug._engine.checks import check_plain
from dustaug._engine.guide import objects_field, takes_donors, takes_guide, takes_objects
from dustaug._errors import shown
from dustaug.spec import Spec

from .records import has_entries, read_entry
from .targets import touched_pixels

# Pillow's modes whose numbers are weights: grey, classes of a palette, and black and white.
_MASK_MODES = ("1", "L", "P")


def check_term_keys(spec: Spec, owner: str, **keys: Any) -> None:
    """Check that guide and objects have keys if the spec takes them, and none if it does not.

    Parameters
    ----------
    owner : str
        The class that takes the arguments; the error names it.
    **keys
        The keys by the names of the arguments, that of the guide first.
    """
    (guide, guide_key), (objects, objects_key) = keys.items()
    if takes_guide(spec) and guide_key is None:
        raise TypeError(
            f'{guide} must be given with center="guide", got none: type {owner}(…, {guide}="mask"), or '
            'spec.replace(center="normal")'
        )
    if guide_key is not None and not takes_guide(spec):
        raise TypeError(
            f'{guide} must be given with center="guide", got {shown(guide_key)} with center={spec.center!r}: type '
            f'spec.replace(center="guide"), or leave {guide} out'
        )
    if takes_objects(spec) and objects_key is None:
        field, without = objects_field(spec)
        raise TypeError(
            f'{objects} must be given with {field}, got none: type {owner}(…, {objects}="boxes"), or '
            f"spec.replace({without})"
        )
    if objects_key is not None and not takes_objects(spec):
        raise TypeError(
            f"{objects} must be given with max_hidden or per_object, got {shown(objects_key)} with a spec without: "
            f"type spec.replace(max_hidden=0.4) or spec.replace(per_object=True), or leave {objects} out"
        )


def check_no_donors(spec: Spec, owner: str, instead: str) -> None:
    """Check that a spec takes no donors, where there are none; `instead` is what to type."""
    if takes_donors(spec):
        raise ValueError(f'spec must not have fill="donors" in {owner}, which has no second images: type {instead}')


def check_donors_key(spec: Spec, owner: str, donors_key: str | int | None) -> None:
    """Check that donors have a key if the spec takes them, and none if it does not."""
    if takes_donors(spec) and donors_key is None:
        raise TypeError(
            f'donors_key must be given with fill="donors", got none: type {owner}(…, donors_key="donors"), or '
            'spec.replace(fill="grey")'
        )
    if donors_key is not None and not takes_donors(spec):
        raise TypeError(
            f'donors_key must be given with fill="donors", got {shown(donors_key)} with fill={spec.fill!r}: type '
            'spec.replace(fill="donors"), or leave donors_key out'
        )


def read_terms(sample: Any, adapter: Any, owner: str, name: str = "sample") -> dict[str, Any]:
    """Return guide and objects of the image in a sample, as arguments of ``add_dust``.

    Parameters
    ----------
    adapter
        Its attributes `guide_key` and `objects_key` say where they are, if they are not None.
    owner, name : str
        As in `read_entry`.
    """
    terms: dict[str, Any] = {}
    if (adapter.guide_key, adapter.objects_key) == (None, None):
        return terms
    if not has_entries(sample):
        raise TypeError(
            f"{name} must be a mapping, a tuple or a list with a guide_key or objects_key, got {type(sample).__name__}"
        )
    if adapter.guide_key is not None:
        terms["guide"] = as_guide(read_entry(sample, adapter.guide_key, "guide_key", owner, name))
    if adapter.objects_key is not None:
        terms["objects"] = as_objects(read_entry(sample, adapter.objects_key, "objects_key", owner, name))
    return terms


def as_guide(given: Any) -> Any:
    """Return a guide as an array, if it is a tensor of torch or a Pillow mask; the engine checks what it is else."""
    if "PIL.Image" in sys.modules and isinstance(given, sys.modules["PIL.Image"].Image):
        if given.mode not in _MASK_MODES:
            raise TypeError(f'guide must be of mode {", ".join(_MASK_MODES)}, got {given.mode}: type mask.convert("L")')
        return np.array(given)
    check_plain(given, "guide")
    return _as_array(given, "guide", "uint8")


def as_objects(given: Any) -> Any:
    """Return the boxes of an image as an array, if they are a tensor; torchvision's may have any upright format."""
    if type(given).__name__ == "BoundingBoxes" and hasattr(given, "canvas_size"):
        return touched_pixels(_corners(_as_array(given, "objects", "int64"), given.format.value), *given.canvas_size)
    if isinstance(given, np.ndarray) and given.dtype == object:
        return given.tolist()  # Arrow has a row of lists as arrays within an array.
    return _as_array(given, "objects", "int64")


def for_frames(terms: dict[str, Any], n: int) -> dict[str, Any]:
    """Return the terms of one sample for each of n frames, which share them; a guide may have one for each frame."""
    shared = dict(terms)
    guide = terms.get("guide")
    if isinstance(guide, np.ndarray) and (guide.ndim == 2 or (guide.ndim == 3 and len(guide) == 1)):
        shared["guide"] = np.broadcast_to(guide, (n, *guide.shape[-2:]))
    if "objects" in terms:
        shared["objects"] = [terms["objects"]] * n
    return shared


def for_batch(terms: dict[str, Any]) -> dict[str, Any]:
    """Return the terms of a batch, whose objects may be an array of one number of boxes for each image."""
    objects = terms.get("objects")
    return {**terms, "objects": list(map(as_objects, objects))} if isinstance(objects, (np.ndarray, list)) else terms


def _corners(boxes: NDArray[Any], form: str) -> NDArray[np.float64]:
    """Return boxes of one of torchvision's formats as left, top, right, bottom."""
    sides = boxes.astype(np.float64).reshape(-1, boxes.shape[-1])
    if form == "XYXY":
        return sides
    if form not in ("XYWH", "CXCYWH"):
        raise ValueError(
            f"objects must be upright boxes, got the format {form}: type "
            'torchvision.transforms.v2.ConvertBoundingBoxFormat("XYXY")'
        )
    first, size = sides[:, :2], sides[:, 2:]
    if form == "CXCYWH":
        first = first - size / 2
    return np.concatenate([first, first + size], axis=1)


def _as_array(given: Any, name: str, dtype: str) -> Any:
    """Return a tensor of torch, on any device, as an array, and anything else as it is."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(given, torch.Tensor):
        return given
    try:
        return given.detach().cpu().numpy()
    except (TypeError, RuntimeError):  # A dtype that NumPy lacks, or a tensor without memory of its own.
        raise TypeError(
            f"{name} must be a dense tensor of {dtype}, got one of {given.dtype} on {given.device}: type "
            f"{name}.to(torch.{dtype})"
        ) from None


def check_mixing_spec(spec: Spec, owner: str) -> None:
    """Check that a spec suits a transform of batches, which has donors for it and nothing else."""
    if not takes_donors(spec):
        raise ValueError(
            f'spec must have fill="donors", got fill={spec.fill!r}: type {owner}(spec.replace(fill="donors")), or '
            "DustRectangles(spec) for other fills"
        )
    if takes_guide(spec) or takes_objects(spec):
        raise ValueError(
            f'spec must need no guide and no objects, got {shown(spec)}: type spec.replace(center="uniform", '
            "max_hidden=None, per_object=False)"
        )


def refuse_donors(spec: Spec, owner: str) -> None:
    """Refuse a spec that takes donors where a transform of batches has them."""
    if takes_donors(spec):
        raise ValueError(
            f'spec must have another fill than "donors" in {owner}, which has none, got {shown(spec)}: type '
            "DustCutMix(spec) for batches with labels"
        )
