"""torchvision: dust as transforms of ``torchvision.transforms.v2``, of samples and of batches with labels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, final

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
from ._adapters.keys import check_key, check_name
from ._adapters.nested import dict_around, find_entry, path_of
from ._adapters.targets import check_mask_class, covered_points, touched_pixels, visible_boxes, visible_shares
from ._adapters.terms import check_mixing_spec, refuse_donors
from ._engine.checks import check_choice, check_flag, check_value_range, check_whole
from ._engine.coordinates import Coordinates, pack
from ._engine.guide import takes_guide, takes_objects
from ._errors import shown
from ._tensors.compiled import trace_drawn_dust
from ._tensors.painter import Painter, draw_seed, dust_batches, dust_picture, refuse_capture, seed_source
from ._tensors.terms import dense
from .guides import guide_of_boxes
from .mixing import partner_of
from .presets import cutmix
from .schedule import refuse_schedule
from .spec import Spec, depth_field, has_depth, resolve_spec

__all__ = ["DustCutMix", "DustRectangles"]

# torchvision has keypoints and rotated boxes since 0.23.
_UPRIGHT = ("XYXY", "XYWH", "CXCYWH")
_KeyPoints: Any = getattr(tv_tensors, "KeyPoints", ())
# What COCO's flags say of a keypoint that is labelled.
_HIDDEN, _VISIBLE = 1, 2


# What a transform makes of its options, and a pickle leaves out.
_DERIVED = ("_painter", "_reads_sample", "_has_depth")


class _Terms(NamedTuple):
    """Where the dust of a sample may lie: for each dust weights (n, rows, columns), and an array of boxes."""

    guide: torch.Tensor | None
    objects: list[NDArray[np.int64]] | None

    def on_host(self) -> dict[str, Any]:
        """Return what the core takes."""
        return {"guide": None if self.guide is None else self.guide.cpu().numpy(), "objects": self.objects}

    def of_one(self) -> dict[str, Any]:
        """Return what the core takes for a single image."""
        return {name: None if value is None else value[0] for name, value in self.on_host().items()}


@final
class DustRectangles(v2.Transform):  # type: ignore[misc]
    """Paint random rectangles on images and videos; the dust is drawn from torch's global generator.

    Takes Pillow images, plain tensors (..., c, h, w) and tv_tensors, on any device, in any nesting of dicts, lists and
    tuples, as the transforms of torchvision do; NumPy arrays pass unchanged. All entries of a sample get the same dust.
    In a batch every image has dust of its own; the frames of a ``tv_tensors.Video`` share theirs. With `depth_range` or
    `depth_fraction_range` in the spec a rectangle reaches through some frames of a video, on the CPU, and masks of the
    frames follow. Images are an error then, and boxes and keypoints, which belong to no frame, can only be kept.

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
    guide : {"mask", "boxes", "weights"}, optional
        Where the centres lie, for a spec with ``center="guide"``. ``"mask"``: where a ``Mask`` is not zero, of instance
        masks any of them. ``"boxes"``: in the ``BoundingBoxes``. ``"weights"``: the numbers of the ``Mask``, of 8 bits,
        are weights. By default the mask, or the boxes of a sample without a mask.
    guide_key : str or int, optional
        Key of the guide in a dict of the sample, or its place in a tuple, if there are several masks. There may also be
        a plain tensor or array, which no transform of torchvision crops or flips.
    objects_key : str or int, optional
        Key or place of the ``BoundingBoxes`` whose objects the spec is to spare, and whose visible share is written. By
        default those of the sample.
    visibility_key : str, optional
        Key under which the visible share of each box is written, a float32 tensor (k,), into the dict that holds the
        boxes.
    flags_key : str, optional
        Key of the visibility flags of the ``KeyPoints``, as COCO has them, whole numbers (k,) or (k, 1): a 2 becomes a
        1 for a point under the dust.
    **fields
        Fields of :class:`dustaug.Spec` instead of a spec, ``count_range=(0, 63)``.

    Raises
    ------
    TypeError
        If a field is unknown, or comes together with a spec; in use, if a sample lacks the guide or the objects that
        the spec needs.
    ValueError
        If an argument is out of its limits; in use, if several entries of a sample could be meant.
    LookupError
        In use, if a sample has no entry of a key.

    Notes
    -----
    Boxes are upright, in any format. A box with fractions of a pixel counts as all pixels that it touches, both where
    it is a guide and as an object to be spared. So of a box of few pixels, ``max_hidden`` may hide a larger share of
    its area than of its pixels.

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
    # What pickles of earlier versions lack.
    guide = guide_key = objects_key = visibility_key = flags_key = None

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
        guide: Literal["mask", "boxes", "weights"] | None = None,
        guide_key: str | int | None = None,
        objects_key: str | int | None = None,
        visibility_key: str | None = None,
        flags_key: str | None = None,
        **fields: Any,
    ) -> None:
        super().__init__()
        refuse_schedule(
            spec,
            "in a transform of torchvision, which knows no epoch",
            "dustaug.torch.DustDataset(dataset, schedule, seed=0)",
        )
        self.spec = resolve_spec(spec, fields)
        self.inplace = check_flag("inplace", inplace)
        self.same_on_batch = check_flag("same_on_batch", same_on_batch)
        self.fill_mask = check_mask_class(fill_mask)
        self.boxes = check_choice("boxes", boxes, ("keep", "clip"))
        self.keypoints = check_choice("keypoints", keypoints, ("keep", "nan"))
        self.value_range = check_value_range(value_range)
        self.guide = None if guide is None else check_choice("guide", guide, ("mask", "boxes", "weights"))
        self.guide_key = check_key("guide_key", guide_key, "a sample")
        self.objects_key = check_key("objects_key", objects_key, "a sample")
        self.visibility_key = None if visibility_key is None else check_name("visibility_key", visibility_key, "a key")
        self.flags_key = None if flags_key is None else check_name("flags_key", flags_key, "a key")
        self._check_terms()
        self._make_painter()

    def _check_terms(self) -> None:
        """Check that the spec takes what the options tell, and nothing that no sample has."""
        refuse_donors(self.spec, "DustRectangles")
        for name in ("guide", "guide_key"):
            if getattr(self, name) is not None and not takes_guide(self.spec):
                raise TypeError(
                    f'{name} must be given with center="guide", got it with center={self.spec.center!r}: type '
                    f'spec.replace(center="guide"), or leave {name} out'
                )
        if self.objects_key is not None and not (takes_objects(self.spec) or self.visibility_key is not None):
            raise TypeError(
                "objects_key must be given with max_hidden, per_object or visibility_key, got "
                f"{shown(self.objects_key)} without: type spec.replace(max_hidden=0.4), or leave objects_key out"
            )

    def _make_painter(self) -> None:
        self._painter = Painter(self.spec, value_range=self.value_range, planar=True)
        self._has_depth = has_depth(self.spec)
        # Whether the dust, or what is written of it, depends on more of a sample than its images.
        is_written = self.visibility_key is not None or self.flags_key is not None
        self._reads_sample = is_written or takes_guide(self.spec) or takes_objects(self.spec)

    # A pickle must name no private module: the version that reads it may lack that module.
    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _DERIVED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._make_painter()

    def forward(self, *inputs: Any) -> Any:
        """Dust a sample."""
        if torch.compiler.is_compiling():
            return self._trace(*inputs)
        image = inputs[0]
        # Skip the flattening for a plain tensor, as it takes as long as the dust.
        plain = type(image) is torch.Tensor and len(inputs) == 1 and not self._has_depth
        if self._reads_sample:
            return self._dust_sample(inputs if len(inputs) > 1 else image)
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
            batch, (height, width) = self._find_batch(flat_inputs), v2.query_size(flat_inputs)
            covered = self._covered_by(flat_inputs, seed, batch, (height, width))
        return {"seed": seed, "covered": covered, "terms": _Terms(None, None)}

    def _find_batch(self, flat_inputs: list[Any]) -> tuple[int, ...]:
        """Return the lengths of the axes along which dust differs in a sample."""
        batches = {self._batch_shape(inpt) for inpt in flat_inputs if _is_image(inpt)} or {()}
        if len(batches) > 1:
            raise ValueError(f"images of a sample must be batches of one shape, got {sorted(batches)}")
        return batches.pop()

    def _covered_by(
        self, flat_inputs: list[Any], seed: int, batch: tuple[int, ...], size: tuple[int, int], **terms: Any
    ) -> torch.Tensor:
        """Return which pixels dust covers, (*batch, h, w), or (*batch, frames, h, w) if the spec has a depth."""
        if self._has_depth:
            frames = {inpt.shape[-4] for inpt in flat_inputs if isinstance(inpt, tv_tensors.Video)}
            if len(frames) > 1:
                raise ValueError(f"videos of a sample must have the same number of frames, got {sorted(frames)}")
            if any(self._follows(inpt) and not isinstance(inpt, tv_tensors.Mask) for inpt in flat_inputs):
                raise self._kept_error()
            # Without a video there are no frames, and `transform` says so.
            terms["depth"] = next(iter(frames), 1)
        index = np.arange(math.prod(batch))
        drawn = core.sample_rectangles(self.spec, height=size[0], width=size[1], seed=seed, index=index, **terms)
        covered = torch.from_numpy(drawn.mask(*size))
        return covered.reshape(*batch, *covered.shape[1:])

    def _kept_error(self) -> ValueError:
        name = depth_field(self.spec)
        return ValueError(
            f"boxes and keypoints must be kept with {name}, as they belong to no frame, got boxes={self.boxes!r}, "
            f"keypoints={self.keypoints!r}, visibility_key={self.visibility_key!r}, flags_key={self.flags_key!r}: type "
            f"spec.replace({name}=None)"
        )

    def _dust_sample(self, sample: Any) -> Any:
        """Dust a sample whose entries tell where dust may lie, or into which is written what it hides."""
        flat, tree = tree_flatten(sample)
        self.check_inputs(flat)
        guide, boxes = self._find_guide(sample, flat), self._find_objects(sample, flat)
        flags = None if self.flags_key is None else find_entry(sample, self.flags_key, "flags_key", "DustRectangles")
        is_changed = _changing(flat, (guide, flags))
        changing = [inpt for inpt, changes in zip(flat, is_changed, strict=True) if changes]
        for inpt in changing:
            refuse_capture(inpt)
        batch, following = self._find_batch(changing), [inpt for inpt in changing if self._follows(inpt)]
        # A guide may have another size than the images.
        height, width = v2.query_size([*filter(_is_image, changing), *following] or changing)
        objects = [] if boxes is None else [_pixels_of(boxes, height, width, batch)]
        terms = _Terms(
            _weights_of(guide, self.guide, (height, width), batch) if takes_guide(self.spec) else None,
            objects if takes_objects(self.spec) else None,
        )
        params: dict[str, Any] = {"seed": draw_seed(), "covered": None, "terms": terms}
        visible, lowered = None, flags
        if following or flags is not None or self.visibility_key is not None:
            covered = self._covered_by(changing, params["seed"], batch, (height, width), **terms.on_host())
            if self._has_depth and (flags is not None or self.visibility_key is not None):
                raise self._kept_error()
            params["covered"] = covered
            if flags is not None:
                lowered = _lower_flags(flags, _find_points(sample, flat), _one_covered(covered))
            if self.visibility_key is not None:
                corners = _corners_of(boxes, "visibility_key").cpu().numpy()
                shares = torch.from_numpy(visible_shares(corners, _one_covered(covered)))
                visible = shares.to(boxes.device, torch.float32)
        found = [
            self.transform(inpt, params) if changes else inpt for inpt, changes in zip(flat, is_changed, strict=True)
        ]
        changed = tree_unflatten([lowered if inpt is flags else inpt for inpt in found], tree)
        if visible is not None:
            _dict_of(boxes, sample, changed)[self.visibility_key] = visible
        return changed

    def _find_guide(self, sample: Any, flat: list[Any]) -> Any:
        """Return the entry of a sample that tells where dust may lie."""
        if not takes_guide(self.spec):
            return None
        if self.guide_key is not None:
            return find_entry(sample, self.guide_key, "guide_key", "DustRectangles")
        kinds: dict[Any, tuple[Any, ...]] = {
            None: (tv_tensors.Mask, tv_tensors.BoundingBoxes),
            "boxes": (tv_tensors.BoundingBoxes,),
        }
        wanted = kinds.get(self.guide, (tv_tensors.Mask,))
        for kind in wanted:
            if any(isinstance(inpt, kind) for inpt in flat):
                return _only(kind, sample, flat, 'guide_key="…"')
        raise TypeError(
            f'samples must hold a {" or ".join(kind.__name__ for kind in wanted)} with center="guide", got '
            f'{_kinds_of(flat)}: type DustRectangles(…, guide_key="…"), or spec.replace(center="normal")'
        )

    def _find_objects(self, sample: Any, flat: list[Any]) -> Any:
        """Return the boxes of a sample that dust spares, or whose visible share is written."""
        if not takes_objects(self.spec) and self.visibility_key is None:
            return None
        kind = tv_tensors.BoundingBoxes
        if self.objects_key is not None:
            boxes = find_entry(sample, self.objects_key, "objects_key", "DustRectangles")
            if not isinstance(boxes, kind):
                raise TypeError(f"objects_key must name BoundingBoxes, got {shown(boxes)} at {self.objects_key!r}")
        elif any(isinstance(inpt, kind) for inpt in flat):
            boxes = _only(kind, sample, flat, 'objects_key="…"')
        else:
            raise TypeError(
                "samples must hold BoundingBoxes with max_hidden, per_object or visibility_key, got "
                f"{_kinds_of(flat)}: wrap the boxes in tv_tensors.BoundingBoxes, or type "
                "spec.replace(max_hidden=None, per_object=False)"
            )
        if self.visibility_key is not None:
            _dict_of(boxes, sample, sample)
        return boxes

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Dust one image of a sample, or change a mask, boxes or keypoints with it."""
        seed, terms = params["seed"], params["terms"]
        if self._has_depth and _is_image(inpt):
            return self._dust_frames(inpt, seed, terms)
        if isinstance(inpt, PIL.Image.Image):
            return dust_picture(inpt, self.spec, self.value_range, seed=seed, index=0, **terms.of_one())
        if _is_image(inpt):
            return self._dust(inpt, seed, terms)
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

    def _dust(self, image: torch.Tensor, seed: int, terms: _Terms) -> torch.Tensor:
        image, guide = image if self.inplace else image.clone(), terms.guide
        if guide is not None and not guide.is_cpu:
            guide = guide.to(image.device)
        dust_batches(self._painter, image, seed, len(self._batch_shape(image)), guide, terms.objects)
        return image

    def _dust_frames(self, video: Any, seed: int, terms: _Terms) -> torch.Tensor:
        """Dust a video (…, t, c, h, w) with rectangles that reach through some frames."""
        if not isinstance(video, tv_tensors.Video) or not video.is_cpu:
            name = depth_field(self.spec)
            what = type(video).__name__ if not isinstance(video, tv_tensors.Video) else f"one on {video.device}"
            raise ValueError(
                f"images must be a tv_tensors.Video on the CPU with {name}, got {what}: type tv_tensors.Video(frames), "
                f"or spec.replace({name}=None)"
            )
        dusted: torch.Tensor = video if self.inplace else video.clone()
        plain = dusted.as_subclass(torch.Tensor).movedim(-4, -3)
        own = self._batch_shape(video)
        index = np.broadcast_to(np.arange(math.prod(own)).reshape(own), plain.shape[:-4])
        painter = Painter(self.spec, "NCDHW", self.value_range)
        on_host = terms.on_host()
        for place in np.ndindex(plain.shape[:-4]):
            which = int(index[place])
            guide, objects = (None if value is None else value[which : which + 1] for value in on_host.values())
            painter(plain[place][None], Coordinates(seed, 0, which), guide=guide, objects=objects)
        return dusted

    def _trace(self, *inputs: Any) -> Any:
        """Dust a sample for the compiler, which traces plain tensors only, as in all transforms of torchvision."""
        flat, tree = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        plain = [place for place, inpt in enumerate(flat) if type(inpt) is torch.Tensor]
        if (
            not plain
            or self._reads_sample
            or self._has_depth
            or any(isinstance(inpt, (PIL.Image.Image, tv_tensors.TVTensor)) for inpt in flat)
        ):
            return torch.compiler.disable(self.forward)(*inputs)  # type: ignore[no-untyped-call]
        place = plain[0]
        image = flat[place] if self.inplace else flat[place].clone()
        trace_drawn_dust(image, self.spec, self.value_range, len(self._batch_shape(image)))
        return tree_unflatten([*flat[:place], image, *flat[place + 1 :]], tree)

    def extra_repr(self) -> str:
        """Return the spec, and the options that are not the default."""
        options = {"inplace": False, "same_on_batch": False, "fill_mask": None, "boxes": "keep", "keypoints": "keep"}
        options |= dict.fromkeys(("guide", "guide_key", "objects_key", "visibility_key", "flags_key"))
        changed = {name: getattr(self, name) for name, default in options.items() if getattr(self, name) != default}
        if self.value_range is not None:
            changed["value_range"] = self.value_range
        return ", ".join([repr(self.spec), *(f"{name}={value!r}" for name, value in changed.items())])


@final
class DustCutMix(v2.CutMix):  # type: ignore[misc]
    """Fill rectangles of a batch with pixels of its other images, and mix the labels by what is hidden.

    Takes and returns what ``v2.CutMix`` does: batches (n, c, h, w) of plain tensors, ``tv_tensors.Image`` or ``Video``,
    on any device, with their labels, in any nesting. It differs in three ways: every image has rectangles of its own, a
    partner of its own, and the share of the donor's label that fits its own rectangles. Seed and partners are drawn
    from torch's global generator.

    Parameters
    ----------
    spec : Spec, optional
        What to draw, with ``fill="donors"``; :func:`dustaug.cutmix` if neither this nor fields are given. Its `p` is
        decided for each image on its own.
    num_classes : int, optional
        Number of classes; required with labels (n,).
    labels_getter : "default" or callable, default "default"
        As in ``v2.CutMix``: by default, labels are the second of two inputs, or at a key of a dict that says so.
    **fields
        Fields of :func:`dustaug.cutmix` instead of a spec, ``p=0.5``.

    Raises
    ------
    TypeError
        If a field is unknown, or comes together with a spec.
    ValueError
        If an argument is out of its limits, or the spec takes no donors, or needs a guide or objects; in use, as
        ``v2.CutMix``.

    Notes
    -----
    Labels are whole numbers (n,), or the shares of k classes (n, k). They become float32 (n, k), or stay in their dtype
    if that is floating-point. With a seed s that is drawn, the donors of n images are
    ``images[partner_of(s, 0, range(n), n)]``, and the rectangles those of :func:`dustaug.add_dust` with seed s and
    index 0. An image may be its own donor.

    Examples
    --------
    >>> images, labels = torch.rand(8, 3, 32, 32), torch.arange(8) % 5
    >>> mixed, soft = DustCutMix(num_classes=5)(images, labels)
    >>> mixed.shape, soft.shape
    (torch.Size([8, 3, 32, 32]), torch.Size([8, 5]))
    >>> bool(((soft == 0).sum(dim=1) >= 3).all())
    True
    """

    def __init__(
        self,
        spec: Spec | None = None,
        *,
        num_classes: int | None = None,
        labels_getter: Callable[[Any], Any] | Literal["default"] = "default",
        **fields: Any,
    ) -> None:
        resolved = cutmix(**fields) if spec is None else resolve_spec(spec, fields)
        check_mixing_spec(resolved, "DustCutMix")
        if num_classes is not None:
            num_classes = check_whole("num_classes", num_classes, 1, 2**31 - 1)
        if not callable(labels_getter) and not (isinstance(labels_getter, str) and labels_getter == "default"):
            raise TypeError(
                f'labels_getter must be "default" or a function, got {shown(labels_getter)}: type '
                'lambda batch: batch["labels"]'
            )
        super().__init__(alpha=resolved.area_beta or 1.0, num_classes=num_classes, labels_getter=labels_getter)
        self.spec = resolved

    def forward(self, *inputs: Any) -> Any:
        """Mix a batch."""
        if torch.compiler.is_compiling():
            return torch.compiler.disable(super().forward)(*inputs)  # type: ignore[no-untyped-call]
        return super().forward(*inputs)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the seed of a batch, and with it the rectangles and the partners of its images."""
        images = [inpt for inpt in flat_inputs if _is_image(inpt)]
        for image in images:
            refuse_capture(image)
            n_axes = 5 if isinstance(image, tv_tensors.Video) else 4
            if image.ndim != n_axes:
                raise ValueError(
                    f"images must have {n_axes} axes, got shape {tuple(image.shape)}: type "
                    "DustCutMix(…)(images, labels) with a collated batch"
                )
        if not images:
            raise TypeError(f"a batch must hold images, got {_kinds_of(flat_inputs)}: type tv_tensors.Image(images)")
        seed, index, (height, width) = draw_seed(), np.arange(len(images[0])), v2.query_size(images)
        drawn = core.sample_rectangles(self.spec, height=height, width=width, seed=seed, index=index)
        return {"drawn": drawn, "partners": partner_of(seed, 0, index, max(len(index), 1))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Mix the labels of a batch, or one tensor of its images."""
        partners, drawn = torch.from_numpy(params["partners"]), params["drawn"]
        if inpt is params["labels"]:
            return _mix_labels(inpt, partners, torch.from_numpy(drawn.share()), self.num_classes)
        if not _is_image(inpt):
            return inpt
        if len(inpt) != params["batch_size"]:
            raise ValueError(
                f"images must be as many as the {params['batch_size']} labels, got shape {tuple(inpt.shape)}: type "
                "labels_getter=lambda batch: batch[1] if the labels are others"
            )
        return tv_tensors.wrap(_paste(inpt.as_subclass(torch.Tensor), partners, drawn), like=inpt)

    def extra_repr(self) -> str:
        """Return the spec, and the number of classes if it is given."""
        return repr(self.spec) + (f", num_classes={self.num_classes}" if self.num_classes is not None else "")


def _mix_labels(labels: torch.Tensor, partners: torch.Tensor, share: torch.Tensor, n_classes: Any) -> torch.Tensor:
    """Return soft labels, as :func:`dustaug.mix_labels` makes them, on the labels' device and in their dtype."""
    soft = torch.nn.functional.one_hot(labels, n_classes) if labels.ndim == 1 else labels
    soft = soft if soft.is_floating_point() else soft.float()
    other = share.to(soft.device, soft.dtype)[:, None]
    own = (1 - share).to(soft.device, soft.dtype)[:, None]
    donors = soft[partners.to(soft.device)]
    # Where both have the same share of a class, it stays that number: two products would round it.
    return torch.where(donors == soft, soft, own * soft + other * donors)


# Up to so many rectangles an image, it is faster to copy each than to go over all pixels.
_MOST_COPIED = 8


def _paste(images: torch.Tensor, partners: torch.Tensor, drawn: core.Rectangles) -> torch.Tensor:
    """Return images whose rectangles are filled from other images of the batch."""
    places = (images.shape[0], *[1] * (images.ndim - 3), *images.shape[-2:])
    if not images.is_cpu or len(drawn) > _MOST_COPIED * len(images):
        covered = torch.from_numpy(drawn.mask()).to(images.device).reshape(places)
        return torch.where(covered, images[partners.to(images.device)], images)
    pasted = images.clone()
    for i, donor, (top, left, bottom, right) in zip(
        drawn.image.tolist(), partners[drawn.image].tolist(), drawn.boxes.tolist(), strict=True
    ):
        pasted[i, ..., top:bottom, left:right] = images[donor, ..., top:bottom, left:right]
    return pasted


def _is_image(inpt: Any) -> bool:
    return isinstance(inpt, (PIL.Image.Image, tv_tensors.Image, tv_tensors.Video)) or F.is_pure_tensor(inpt)


def _changing(flat: list[Any], kept: tuple[Any, ...]) -> list[bool]:
    """Tell which entries of a sample change: tv_tensors and images, of plain tensors the first if no other is one."""
    is_image = [isinstance(inpt, (PIL.Image.Image, tv_tensors.TVTensor)) for inpt in flat]
    plain = [
        place for place, inpt in enumerate(flat) if F.is_pure_tensor(inpt) and not any(inpt is each for each in kept)
    ]
    if plain and not any(_is_image(inpt) and not F.is_pure_tensor(inpt) for inpt in flat):
        is_image[plain[0]] = True
    return is_image


def _only(kind: Any, sample: Any, flat: list[Any], option: str) -> Any:
    """Return the only entry of a kind."""
    found = [inpt for inpt in flat if isinstance(inpt, kind)]
    if len(found) > 1:
        places = ", ".join("[" + "][".join(map(repr, path_of(sample, inpt))) + "]" for inpt in found)
        raise ValueError(
            f"samples must hold one {kind.__name__}, got {len(found)}, at {places}: type DustRectangles(…, {option})"
        )
    return found[0]


def _kinds_of(flat: list[Any]) -> str:
    return ", ".join(sorted({type(inpt).__name__ for inpt in flat})) or "nothing"


def _dict_of(entry: Any, sample: Any, changed: Any) -> Any:
    """Return the dict of a changed sample that holds what was an entry of the sample."""
    around = dict_around(changed, path_of(sample, entry))
    if around is None:
        raise TypeError(
            f"samples must hold the boxes in a dict with visibility_key, got {type(sample).__name__}: type "
            '(image, {"boxes": boxes})'
        )
    return around


def _find_points(sample: Any, flat: list[Any]) -> Any:
    if not any(isinstance(inpt, _KeyPoints) for inpt in flat):
        raise TypeError(f"samples must hold KeyPoints with flags_key, got {_kinds_of(flat)}: type flags_key=None")
    return _only(_KeyPoints, sample, flat, "flags_key=None")


def _corners_of(boxes: Any, option: str) -> torch.Tensor:
    """Return left, top, right and bottom of boxes as doubles."""
    if boxes.format.value not in _UPRIGHT:
        raise ValueError(f"boxes must be of format {', '.join(_UPRIGHT)} with {option}, got {boxes.format.value}")
    plain = boxes.as_subclass(torch.Tensor).detach().double()
    corners: torch.Tensor = F.convert_bounding_box_format(plain, boxes.format, tv_tensors.BoundingBoxFormat.XYXY)
    return corners


def _pixels_of(boxes: Any, height: int, width: int, batch: tuple[int, ...]) -> NDArray[np.int64]:
    """Return boxes as the core takes them, with all pixels that they touch."""
    if batch:
        raise _batch_error(batch)
    return touched_pixels(_corners_of(boxes, "max_hidden, visibility_key or a guide").cpu().numpy(), height, width)


def _weights_of(guide: Any, how: str | None, size: tuple[int, int], batch: tuple[int, ...]) -> torch.Tensor:
    """Return the guide of each dust, uint8 or bool (n, rows, columns)."""
    is_boxes, is_mask = isinstance(guide, tv_tensors.BoundingBoxes), isinstance(guide, (torch.Tensor, np.ndarray))
    if how == "boxes" or is_boxes or not is_mask:
        if is_boxes and how in (None, "boxes"):
            in_boxes = guide_of_boxes(_pixels_of(guide, *size, batch), height=size[0], width=size[1])
            return torch.from_numpy(in_boxes)[None]
        wanted = {None: "a Mask, BoundingBoxes, a tensor or an array", "boxes": "BoundingBoxes"}
        raise TypeError(
            f"the guide must be {wanted.get(how, 'a Mask, a tensor or an array')} with guide={how!r}, got "
            f"{type(guide).__name__}: type DustRectangles(…, guide=…, guide_key=…)"
        )
    name = str(guide.dtype).removeprefix("torch.")
    if how == "weights" and name not in ("uint8", "bool"):
        raise TypeError(
            f'the guide must be uint8 or bool with guide="weights", got {name}: type dustaug.guide_of_map(guide) for a '
            "map of numbers"
        )
    if isinstance(guide, np.ndarray):
        if guide.dtype.kind not in "biuf":
            raise TypeError(f"the guide must hold real numbers, got an array of {name}: type mask > 0")
        guide = torch.from_numpy(np.array(guide if how == "weights" else guide != 0, order="C"))
    plain = dense("the guide", guide)
    if plain.is_meta:
        raise TypeError("the guide must have memory, got a tensor on the device meta: type guide_key=… of another")
    if plain.ndim < len(batch) + 2 or plain.shape[: len(batch)] != batch:
        wanted_shape = ", ".join(map(str, (*batch, "rows", "columns")))
        raise ValueError(
            f"the guide must have shape ({wanted_shape}), or instances before its rows, got {tuple(plain.shape)}: type "
            "same_on_batch=True if all images share their dust"
        )
    weights: torch.Tensor = plain if how == "weights" or plain.dtype == torch.bool else plain != 0
    weights = weights.reshape(math.prod(batch), math.prod(plain.shape[len(batch) : -2]), *plain.shape[-2:])
    if weights.shape[1] == 1:
        return weights[:, 0]
    # Instances may overlap, and there may be none.
    return weights.amax(dim=1) if weights.numel() else weights.new_zeros((len(weights), *weights.shape[2:]))


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
    corners = _corners_of(boxes, 'boxes="clip"')
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
    return plain.masked_fill(_hidden_points(plain, covered).unsqueeze(-1), math.nan)


def _hidden_points(points: torch.Tensor, covered: NDArray[np.bool_]) -> torch.Tensor:
    """Return which points (…, 2) are covered; NaN and infinite ones are never."""
    places = points.detach().cpu().double().nan_to_num(-1, -1, -1).reshape(-1, 2).numpy()
    return torch.from_numpy(covered_points(places, covered)).reshape(points.shape[:-1]).to(points.device)


def _lower_flags(flags: Any, points: Any, covered: NDArray[np.bool_]) -> torch.Tensor:
    """Return visibility flags of keypoints, where a 2 became a 1 for a covered point."""
    plain = points.as_subclass(torch.Tensor)
    shapes = tuple(plain.shape[:-1]), (*plain.shape[:-1], 1)
    if not isinstance(flags, torch.Tensor) or flags.is_floating_point() or tuple(flags.shape) not in shapes:
        got = f"{flags.dtype} {tuple(flags.shape)}" if isinstance(flags, torch.Tensor) else shown(flags)
        raise TypeError(
            f"flags must be a tensor of whole numbers of shape {shapes[0]}, one for each keypoint, got {got}"
        )
    hidden = _hidden_points(plain, covered).reshape(flags.shape).to(flags.device)
    return torch.where(hidden & (flags == _VISIBLE), _HIDDEN, flags)


def _one_covered(covered: torch.Tensor) -> NDArray[np.bool_]:
    if covered.ndim > 2:
        raise _batch_error(tuple(covered.shape[:-2]))
    return covered.numpy()


def _batch_error(batch: tuple[int, ...]) -> ValueError:
    return ValueError(
        f"boxes and keypoints must come with one image, got a batch of {batch}: type same_on_batch=True, or transform "
        "one sample after the other"
    )
