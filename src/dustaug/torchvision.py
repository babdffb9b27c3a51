"""torchvision: dust as a transform of ``torchvision.transforms.v2``."""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from ._extras import name_extra

with name_extra("torchvision", "dustaug.torchvision", "PIL", "torch", "torchvision"):
    import PIL.Image
    import torch
    from torch.utils._pytree import tree_flatten, tree_unflatten
    from torchvision import tv_tensors
    from torchvision.transforms import v2
    from torchvision.transforms.v2 import functional as F  # noqa: N812  As all of torchvision calls it.

from . import core
from ._adapters.targets import check_mask_class, covered_points, visible_boxes
from ._engine.checks import check_choice, check_flag, check_value_range
from ._engine.coordinates import pack
from ._tensors.compiled import trace_drawn_dust
from ._tensors.painter import Painter, draw_seed, dust_batches, dust_picture, refuse_capture, seed_source
from .spec import Spec, resolve_spec

__all__ = ["DustRectangles"]

# torchvision has keypoints and rotated boxes since 0.23.
_UPRIGHT = ("XYXY", "XYWH", "CXCYWH")
_KeyPoints: Any = getattr(tv_tensors, "KeyPoints", ())


@final
class DustRectangles(v2.Transform):  # type: ignore[misc]
    """Paint random rectangles on images and videos; the dust is drawn from torch's global generator.

    Takes Pillow images, plain tensors (..., c, h, w) and tv_tensors, on any device, in any nesting of dicts, lists and
    tuples, as the transforms of torchvision do; NumPy arrays pass unchanged. All entries of a sample get the same dust.
    In a batch every image has dust of its own; the frames of a ``tv_tensors.Video`` share theirs.

    Parameters
    ----------
    spec : Spec, optional
        What to draw; :func:`dustaug.dust` if neither this nor fields are given. ``p`` of the spec is decided for
        each image on its own.
    inplace : bool, default False
        Paint the caller's tensors. Pillow images, masks, boxes and keypoints are always new ones.
    same_on_batch : bool, default False
        Give all images of a batch the same dust.
    fill_mask : int, optional
        Class to write into a ``Mask`` under the dust. By default masks are left alone.
    boxes : {"keep", "clip"}, default "keep"
        ``"clip"``: ``BoundingBoxes`` shrink to their visible parts, and become empty if nothing is visible. Put
        ``v2.SanitizeBoundingBoxes`` after the transform to drop empty boxes with their labels.
    keypoints : {"keep", "nan"}, default "keep"
        ``"nan"``: ``KeyPoints`` under the dust become NaN. Put ``v2.SanitizeKeyPoints`` after it to drop them.
    value_range : optional
        As in :func:`dustaug.add_dust`.
    **fields
        Fields of :class:`dustaug.Spec` instead of a spec, ``count_range=(0, 63)``.

    Raises
    ------
    TypeError
        If a field is unknown, or comes together with a spec.
    ValueError
        If an argument is out of its limits.

    Examples
    --------
    >>> transform = v2.Compose([v2.RandomHorizontalFlip(), DustRectangles(p=0.5)])
    >>> image, label = transform(torch.zeros(3, 224, 224, dtype=torch.uint8), 7)
    >>> image.shape, label
    (torch.Size([3, 224, 224]), 7)
    >>> DustRectangles(count_range=(1, 3), boxes="clip")
    DustRectangles(Spec(count_range=(1, 3)), boxes='clip')
    """

    _has_warned = False

    def __init__(
        self,
        spec: Spec | None = None,
        *,
        inplace: bool = False,
        same_on_batch: bool = False,
        fill_mask: int | None = None,
        boxes: Literal["keep", "clip"] = "keep",
        keypoints: Literal["keep", "nan"] = "keep",
        value_range: tuple[float, float] | None = None,
        **fields: Any,
    ) -> None:
        super().__init__()
        self.spec = resolve_spec(spec, fields)
        self.inplace = check_flag("inplace", inplace)
        self.same_on_batch = check_flag("same_on_batch", same_on_batch)
        self.fill_mask = check_mask_class(fill_mask)
        self.boxes = check_choice("boxes", boxes, ("keep", "clip"))
        self.keypoints = check_choice("keypoints", keypoints, ("keep", "nan"))
        self.value_range = check_value_range(value_range)
        self._make_painter()

    def _make_painter(self) -> None:
        self._painter = Painter(self.spec, value_range=self.value_range, planar=True)

    # A pickle must name no private module: the version that reads it may lack that module.
    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_painter"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._make_painter()

    def forward(self, *inputs: Any) -> Any:
        """Dust a sample."""
        if torch.compiler.is_compiling():
            return self._trace(*inputs)
        image = inputs[0]
        # Skip the flattening for a plain tensor, as it takes as long as the dust.
        plain = type(image) is torch.Tensor and len(inputs) == 1
        if plain and (image.ndim == 3 or (image.ndim == 4 and not self.same_on_batch)):
            if not image.is_cpu:
                refuse_capture(image)
            fill, read = seed_source.pair
            fill()
            return self._painter(image if self.inplace else image.clone(), pack((read(), 0, 0)))
        return super().forward(*inputs)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Warn once of a NumPy array where a sample lacks what this transform changes."""
        array = next((inpt for inpt in flat_inputs if isinstance(inpt, np.ndarray) and inpt.ndim > 1), None)
        if array is None or self._has_warned:
            return
        asked = self.fill_mask is not None or self.boxes == "clip" or self.keypoints == "nan"
        if any(map(_is_image, flat_inputs)) and (not asked or any(map(self._follows, flat_inputs))):
            return
        self._has_warned = True
        warnings.warn(
            "samples must hold Pillow images, tensors or tv_tensors, as torchvision passes NumPy arrays on unchanged, "
            f"got an array of shape {array.shape}: put v2.ToImage() before DustRectangles, wrap masks, boxes and "
            "keypoints in tv_tensors, or type dustaug.add_dust(images, …)",
            stacklevel=6,  # Two calls of torchvision and two of torch lie between.
        )

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the seed of a sample, and find which pixels its dust covers if masks, boxes or keypoints follow it."""
        for inpt in flat_inputs:
            refuse_capture(inpt)
        seed, covered = draw_seed(), None
        if any(map(self._follows, flat_inputs)):
            batches = {self._batch_shape(inpt) for inpt in flat_inputs if _is_image(inpt)} or {()}
            if len(batches) > 1:
                raise ValueError(f"images of a sample must be batches of one shape, got {sorted(batches)}")
            batch = batches.pop()
            height, width = v2.query_size(flat_inputs)
            index = np.arange(math.prod(batch))
            rectangles = core.sample_rectangles(self.spec, height=height, width=width, seed=seed, index=index)
            covered = torch.from_numpy(rectangles.mask(height, width)).reshape(*batch, height, width)
        return {"seed": seed, "covered": covered}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Dust one image of a sample, or change a mask, boxes or keypoints with it."""
        if isinstance(inpt, PIL.Image.Image):
            return dust_picture(inpt, self.spec, self.value_range, seed=params["seed"], index=0)
        if _is_image(inpt):
            return self._dust(inpt, params["seed"])
        if not self._follows(inpt):
            return inpt
        if isinstance(inpt, tv_tensors.Mask):
            followed = _fill_mask(inpt, params["covered"], self.fill_mask)
        elif isinstance(inpt, tv_tensors.BoundingBoxes):
            followed = _clip_boxes(inpt, _one_covered(params["covered"]))
        else:
            followed = _blank_points(inpt, _one_covered(params["covered"]))
        return tv_tensors.wrap(followed, like=inpt)

    def _follows(self, inpt: Any) -> bool:
        """Tell whether this entry of a sample changes with the dust on the image."""
        return (
            (self.fill_mask is not None and isinstance(inpt, tv_tensors.Mask))
            or (self.boxes == "clip" and isinstance(inpt, tv_tensors.BoundingBoxes))
            or (self.keypoints == "nan" and isinstance(inpt, _KeyPoints))
        )

    def _batch_shape(self, image: Any) -> tuple[int, ...]:
        """Return the lengths of the axes along which dust differs."""
        if self.same_on_batch or isinstance(image, PIL.Image.Image):
            return ()
        return tuple(image.shape[: -4 if isinstance(image, tv_tensors.Video) else -3])

    def _dust(self, image: torch.Tensor, seed: int) -> torch.Tensor:
        image = image if self.inplace else image.clone()
        dust_batches(self._painter, image, seed, len(self._batch_shape(image)))
        return image

    def _trace(self, *inputs: Any) -> Any:
        """Dust a sample for the compiler, which traces plain tensors only, as in all transforms of torchvision."""
        flat, tree = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        plain = [place for place, inpt in enumerate(flat) if type(inpt) is torch.Tensor]
        if not plain or any(isinstance(inpt, (PIL.Image.Image, tv_tensors.TVTensor)) for inpt in flat):
            return torch.compiler.disable(self.forward)(*inputs)  # type: ignore[no-untyped-call]
        place = plain[0]
        image = flat[place] if self.inplace else flat[place].clone()
        trace_drawn_dust(image, self.spec, self.value_range, len(self._batch_shape(image)))
        return tree_unflatten([*flat[:place], image, *flat[place + 1 :]], tree)

    def extra_repr(self) -> str:
        """Return the spec, and the options that are not the default."""
        options = {"inplace": False, "same_on_batch": False, "fill_mask": None, "boxes": "keep", "keypoints": "keep"}
        changed = {name: getattr(self, name) for name, default in options.items() if getattr(self, name) != default}
        if self.value_range is not None:
            changed["value_range"] = self.value_range
        return ", ".join([repr(self.spec), *(f"{name}={value!r}" for name, value in changed.items())])


def _is_image(inpt: Any) -> bool:
    return isinstance(inpt, (PIL.Image.Image, tv_tensors.Image, tv_tensors.Video)) or F.is_pure_tensor(inpt)


def _fill_mask(mask: torch.Tensor, covered: torch.Tensor, value: Any) -> torch.Tensor:
    batch, size = covered.shape[:-2], covered.shape[-2:]
    if mask.shape[: len(batch)] != batch:
        raise ValueError(
            f"masks must begin with the axes of their batch of images, {tuple(batch)}, got shape {tuple(mask.shape)}: "
            "type same_on_batch=True if all share their dust"
        )
    fill = torch.tensor(value, device="cpu").to(mask.dtype)
    if fill.item() != value:
        raise ValueError(f"fill_mask must be a value of the masks' dtype {mask.dtype}, got {value}")
    return torch.where(covered.to(mask.device).reshape(*batch, *[1] * (mask.ndim - covered.ndim), *size), fill, mask)


def _clip_boxes(boxes: Any, covered: NDArray[np.bool_]) -> torch.Tensor:
    upright, plain = tv_tensors.BoundingBoxFormat.XYXY, boxes.as_subclass(torch.Tensor)
    if boxes.format.value not in _UPRIGHT:
        raise ValueError(f'boxes must be of format {", ".join(_UPRIGHT)} with boxes="clip", got {boxes.format.value}')
    corners = F.convert_bounding_box_format(plain.detach().double(), boxes.format, upright)
    visible = torch.from_numpy(visible_boxes(corners.cpu().numpy(), covered)).to(plain.device)
    clipped = F.convert_bounding_box_format(visible, upright, boxes.format).to(plain.dtype)
    moved = (visible != corners) & ~corners.isnan()
    return torch.where(moved.any(dim=1, keepdim=True), clipped, plain)


def _blank_points(points: Any, covered: NDArray[np.bool_]) -> torch.Tensor:
    plain: torch.Tensor = points.as_subclass(torch.Tensor)
    if not plain.is_floating_point():
        raise TypeError(
            f'keypoints must be floating-point with keypoints="nan", got {plain.dtype}: type '
            "tv_tensors.wrap(keypoints.float(), like=keypoints)"
        )
    # NaN and infinite keypoints are never covered.
    places = plain.detach().cpu().double().nan_to_num(-1, -1, -1).reshape(-1, 2).numpy()
    hidden = torch.from_numpy(covered_points(places, covered)).reshape(*plain.shape[:-1], 1)
    return plain.masked_fill(hidden.to(plain.device), math.nan)


def _one_covered(covered: torch.Tensor) -> NDArray[np.bool_]:
    if covered.ndim > 2:
        raise ValueError(
            f"boxes and keypoints must come with one image, got a batch of {tuple(covered.shape[:-2])}: type "
            "same_on_batch=True, or transform one sample after the other"
        )
    return covered.numpy()
