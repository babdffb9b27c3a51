"""Albumentations: :class:`DustRectangles`, for Albumentations 2.0.8 and for AlbumentationsX 2.5.

Both are imported as ``albumentations``, so only one of them can be installed. Their differences are in ``_hooks.py``;
this module serves both.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dustaug._adapters.keys import check_seed_and_keys
from dustaug._adapters.targets import covered_points, visible_boxes, visible_shares
from dustaug._engine.checks import (
    check_array,
    check_channels,
    check_choice,
    check_flag,
    check_mask_value,
    check_value_range,
    check_whole,
)
from dustaug._engine.contract import MAX_INDEX
from dustaug._engine.coordinates import check_epoch, check_index, pack
from dustaug._engine.guide import takes_guide, takes_objects
from dustaug._engine.launch import launch_for
from dustaug._engine.memory import ImageKind, Layout
from dustaug._errors import shown
from dustaug._extras import name_extra
from dustaug.core import Rectangles, sample_rectangles
from dustaug.schedule import Schedule, check_plan, read_plan, spec_at
from dustaug.spec import Spec, depth_field, has_depth

with name_extra("albumentations", "dustaug.albumentations", "albumentations"):
    from albumentations.core.transforms_interface import DualTransform
    from albumentations.core.type_definitions import ALL_TARGETS

    from ._hooks import VersionHooks
    from ._terms import CallTerms, one_image_error, terms_for

__all__ = ["DustRectangles"]


class _Launches:
    """The launches of a transform by kind of images; hashing the spec at each call would take as long as small dust."""

    def __init__(self, spec: Spec | Schedule, value_range: tuple[float, float] | None) -> None:
        self.spec, self.value_range, self.has_depth = spec, value_range, has_depth(spec_at(spec, 0))
        self.is_scheduled = isinstance(spec, Schedule)
        self.find = functools.lru_cache(maxsize=128)(self._find)

    def _find(self, *facts: Any, epoch: int = 0) -> Callable[..., None]:
        spec = spec_at(self.spec, epoch)
        launch = launch_for(spec, ImageKind._make((*facts, self.value_range)))
        if takes_guide(spec) or takes_objects(spec):
            return functools.partial(_run_with_terms, launch)
        return launch.run_checked


def _run_with_terms(launch: Any, images: NDArray[Any], coordinates: Any, guide: Any, objects: Any) -> None:
    if launch.must_look:
        launch.look(images)
    launch.run_with_terms(images, coordinates, guide, objects)


class DustRectangles(CallTerms, VersionHooks, DualTransform):  # type: ignore[misc]  # Albumentations has no types.
    """Paint dust, random rectangles, on images.

    Parameters
    ----------
    spec : Spec or Schedule, optional
        What to draw; or give the fields of a :class:`~dustaug.Spec` as keywords. :func:`~dustaug.dust` if left out. A
        schedule needs a seed and an `epoch_key`.
    fill_mask : float or tuple of float, optional
        Value to write into masks under dust, in their own units, one or one per channel. By default masks stay as they
        are.
    boxes : {"clip", "keep"}, default "clip"
        ``"clip"``, as in CoarseDropout: a bounding box shrinks to its visible part, and is dropped if nothing of it is
        visible, or less than `min_area` or `min_visibility` of `BboxParams`. ``"keep"``: boxes stay as they are.
    same_on_batch : bool, default True
        True: `images` are the frames of a video and share their dust, as in Albumentations, and so do `volumes`. False:
        they are a batch, each with dust of its own, and `masks` belong to them one by one. The slices of a volume,
        and the frames of a video, have the same rectangles unless the spec has a depth.
    inplace : bool, default False
        Paint on the given arrays; of one that is not C-contiguous a copy comes back. By default they are copied, once.
    seed : int, optional
        0 … 2**64 - 1. With it the dust depends on spec, seed, epoch and index alone and is that of
        :func:`dustaug.add_dust`. By default Albumentations' own generators draw it, which ``Compose(seed=…)`` seeds.
    index_key, epoch_key : str, optional
        With a seed: the names under which a call gets the index (required) and the epoch (0 by default). With
        ``same_on_batch=False`` the index is that of the first image, or an array with one for each image.
    value_range : optional
        As in :func:`dustaug.add_dust`.
    guide_key : str, optional
        With ``center="guide"``: the argument of a call that says where dust lies, ``"mask"`` by default. ``"mask"``,
        ``"masks"``, ``"mask3d"`` and ``"masks3d"`` are read as classes, and dust lies on all but 0; ``"bboxes"`` are
        rounded outwards. Any other argument holds weights, uint8 or bool, of any resolution.
    guide_classes : tuple, optional
        Values of the mask, or labels of the boxes, on which dust may lie.
    protected_classes : tuple, optional
        With ``center="guide"``: labels of boxes that are kept free. Without a `guide_key`, dust lies anywhere else.
    protected_margin : int, optional
        Pixels around protected boxes in which no rectangle has its centre. By default as many as the largest rectangle
        needs, so that no dust touches the boxes.
    objects_key : str, optional
        With `max_hidden` or `per_object`: the argument with the objects, ``"bboxes"`` by default; any other holds whole
        numbers (k, 4): top, left, bottom, right in pixels.
    object_classes : tuple, optional
        Labels of the boxes that are objects; by default all are.
    visibility_key : str, optional
        A label field of `BboxParams`, `KeypointParams` or both. Boxes get the share of their area that no dust hides.
        Keypoints under dust stay, and a 2 becomes 1, as in COCO.
    p : float, optional
        Albumentations' probability that a call does anything: 0.5, but 1 if the spec has a `p` of its own, which is
        decided for each image. With a seed it is always 1, as Albumentations' choice depends on more than the index.
    **fields
        Fields of :class:`~dustaug.Spec`, except `p`.

    Raises
    ------
    TypeError
        If an argument is unknown or of the wrong kind, or a seed comes without an index key, or the reverse.
    ValueError
        If an argument is out of its limits; in a call, if the index is missing.

    Notes
    -----
    Targets are image, images, mask, masks, bboxes, keypoints, volume, volumes, mask3d and masks3d, in every dtype of
    :func:`dustaug.add_dust`. Keypoints under dust are dropped if `KeypointParams` has ``remove_invisible=True``.

    With `depth_range` or `depth_fraction_range` in the spec a rectangle reaches through some slices of a volume, or
    through some frames of a video: it is a cuboid. Masks with slices or frames follow, and keypoints with a z. Bounding
    boxes can only be kept, as they have no depth. An image alone is an error then.

    Bounding boxes become objects and guides as they are when dust is painted: after the crops and flips before. Their
    sides are rounded outwards to whole pixels, and `max_hidden` is a share of the rounded box: fractions of a pixel
    count as hidden where the pixel is. A box of a few pixels may lose a greater share of its own area.

    ``get_applied_params()`` has the rectangles: "holes", (r, 4), left, top, right, bottom; "fills", their brightness;
    "hole_images", (r,), on which image of the batch each lies; of cuboids also "hole_slices", (r, 2), the first slice
    and the first one outside.

    Examples
    --------
    >>> import numpy as np
    >>> transform = DustRectangles(count_range=(1, 31), seed=7, index_key="index")
    >>> dusted = transform(image=np.zeros((64, 64, 3), np.uint8), index=17)["image"]
    >>> from dustaug import add_dust
    >>> image = add_dust(np.zeros((64, 64, 3), np.uint8), Spec(count_range=(1, 31)), seed=7, index=17)
    >>> bool((dusted == image).all())
    True
    """

    _targets = ALL_TARGETS

    def __init__(
        self,
        spec: Spec | Schedule | Mapping[str, Any] | None = None,
        *,
        fill_mask: float | tuple[float, ...] | None = None,
        boxes: Literal["clip", "keep"] = "clip",
        same_on_batch: bool = True,
        inplace: bool = False,
        seed: int | None = None,
        index_key: str | None = None,
        epoch_key: str | None = None,
        value_range: tuple[float, float] | None = None,
        guide_key: str | None = None,
        guide_classes: tuple[Any, ...] | None = None,
        protected_classes: tuple[Any, ...] | None = None,
        protected_margin: int | None = None,
        objects_key: str | None = None,
        object_classes: tuple[Any, ...] | None = None,
        visibility_key: str | None = None,
        p: float | None = None,
        **fields: Any,
    ) -> None:
        # get_transform_init_args turns a spec into a mapping.
        spec = check_plan(read_plan(spec) if isinstance(spec, Mapping) else spec, fields)
        if isinstance(spec, Schedule) and epoch_key is None:
            raise TypeError(
                "epoch_key must be given with a Schedule, or the epoch would not be known, got none: type "
                'DustRectangles(schedule, seed=0, index_key="index", epoch_key="epoch"), or schedule.at(epoch)'
            )
        self._launches = _Launches(spec, check_value_range(value_range))
        if p is None:
            p = 0.5 if seed is None and spec_at(spec, 0).p == 1 else 1.0
        elif seed is not None and p != 1:
            raise ValueError(
                "p must be left out with a seed, or the pixels would depend on a coin of Albumentations' too, got "
                f"{p!r}: type DustRectangles(dustaug.dust(p=0.5), seed=…)"
            )
        super().__init__(p=Spec(p=p).p)
        self.fill_mask = _check_fill_mask(_python_numbers(fill_mask))
        self.boxes = check_choice("boxes", boxes, ("clip", "keep"))
        self.same_on_batch, self.inplace = check_flag("same_on_batch", same_on_batch), check_flag("inplace", inplace)
        if seed is not None and index_key is None:
            raise TypeError(
                "index_key must be given with a seed, or every image would get the same dust, got none: type "
                'DustRectangles(seed=0, index_key="index") and transform(image=image, index=0), or leave seed out '
                "and let A.Compose(seed=0) drive the dust"
            )
        self.index_key, self.epoch_key = index_key, epoch_key
        # Compose writes to an attribute named seed.
        self.dust_seed = check_seed_and_keys(
            seed,
            index_key,
            epoch_key,
            what="an argument of the call",
            owner="DustRectangles",
            instead=", or leave {} out and let A.Compose(seed=0) drive the dust",
        )
        self._set_terms(
            guide_key=guide_key,
            guide_classes=_python_numbers(guide_classes),
            protected_classes=_python_numbers(protected_classes),
            protected_margin=protected_margin,
            objects_key=objects_key,
            object_classes=_python_numbers(object_classes),
            visibility_key=visibility_key,
        )
        if boxes == "keep" and not self._reads_boxes:
            self._supported_bbox_types = frozenset({"hbb", "obb"})  # AlbumentationsX has oriented boxes too.

    @property
    def spec(self) -> Spec | Schedule:
        """The spec that is drawn, or the schedule."""
        return self._launches.spec

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Values of black and white."""
        return self._launches.value_range

    # A pickle must name no private class: the version that reads it may lack that class.
    def __getstate__(self) -> dict[str, Any]:
        inherited = getattr(super(), "__getstate__", self.__dict__.copy)  # AlbumentationsX leaves out its locks there.
        return {**inherited(), "_launches": (self.spec, self.value_range)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore = getattr(super(), "__setstate__", self.__dict__.update)
        restore({**state, "_launches": _Launches(*state["_launches"])})

    def get_transform_init_args(self) -> dict[str, Any]:
        """Return the arguments of the constructor except `p`, as values that JSON and YAML can hold."""
        names = ("fill_mask", "boxes", "same_on_batch", "inplace", "index_key", "epoch_key", "value_range")
        spec = _json_value(self.spec.to_dict())
        terms = {name: _json_value(value) for name in _TERMS if (value := getattr(self, name)) is not None}
        arguments = {name: _json_value(getattr(self, name)) for name in names}
        return {"spec": spec, "seed": self.dust_seed, **arguments, **terms}

    def __repr__(self) -> str:
        arguments = {"p": self.p, **self.get_transform_init_args(), "spec": self.spec}
        return f"DustRectangles({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"

    @property
    def available_keys(self) -> set[str]:
        """The arguments that ``Compose(strict=True)`` accepts: the targets, and the names of all else that is read."""
        return {*super().available_keys, *filter(None, (self.index_key, self.epoch_key)), *self._term_keys}

    def _params(self, data: Mapping[str, Any], py_random: Any) -> dict[str, Any]:
        """Return the size of the images of a call, and seed, epoch and index of their dust, or an index for each."""
        image: Any = data.get("image")
        if image is None and any(name in data for name in ("images", "volume", "volumes")):
            shape = self.update_transform_params({}, data)["shape"]
        else:
            check_array(image)
            shape = image.shape
        if self.dust_seed is None:
            params = {"shape": shape, "seed": self._draw_seed(py_random), "epoch": 0, "index": 0}
            if self.same_on_batch and not self._reads and not self._launches.has_depth:
                return params
        else:
            epoch = 0 if self.epoch_key is None else check_epoch(self._read("epoch_key", data))
            index = self._read("index_key", data)
            params = {"shape": shape, "seed": self.dust_seed, "epoch": epoch, "index": index}
        batch = None if self.same_on_batch else data.get("images", data.get("volumes"))
        if batch is None:
            params["index"] = check_whole("index", params["index"], 0, MAX_INDEX)
        elif np.ndim(params["index"]) == 0:
            params["index"] = np.arange(len(batch)) + check_index(params["index"], len(batch))
        if self._launches.has_depth:
            params["depth"] = self._depth_of(data)
        if self._reads:
            spec = spec_at(self.spec, params["epoch"])
            params.update(self._read_terms(spec, data, shape, None if batch is None else len(batch)))
        return params

    def _depth_of(self, data: Mapping[str, Any]) -> int:
        """Return the number of slices of the volumes, or of frames of the video, in a call."""
        depths = {
            key: np.shape(value)[1] if key == "volumes" else len(value)
            for key in ("volume", "volumes", *(("images",) if self.same_on_batch else ()))
            if (value := data.get(key)) is not None
        }
        if not depths:
            name = depth_field(spec_at(self.spec, 0))
            raise ValueError(
                f"a volume, volumes or the frames of a video must be given in each call with {name}, got "
                f"{', '.join(data)}: type transform(volume=volume), or spec.replace({name}=None)"
            )
        if len(set(depths.values())) > 1:
            raise ValueError(f"volumes of a call must have the same number of slices, got {depths}")
        return next(iter(depths.values()))

    def _read(self, argument: str, data: Mapping[str, Any]) -> Any:
        key = getattr(self, argument)
        if key not in data:
            raise ValueError(
                f"{key} must be given in each call, as {argument}={key!r} says, got {', '.join(data)}: "
                f"type transform(image=image, {key}=0)"
            )
        return data[key]

    def _rectangles(self, shape: tuple[int, ...], **params: Any) -> dict[str, Any]:
        """Return the rectangles of a call as arrays."""
        drawn = self._sample(shape, channels=(*shape, 1)[2], **params)
        found = {"holes": drawn.boxes[:, [1, 0, 3, 2]], "fills": drawn.fill, "hole_images": drawn.image}
        return found if drawn.slices is None else {**found, "hole_slices": drawn.slices}

    def _sample(
        self,
        shape: tuple[int, ...],
        *,
        seed: int,
        epoch: int,
        index: Any,
        channels: int = 1,
        depth: int | None = None,
        guide: Any = None,
        objects: Any = None,
    ) -> Rectangles:
        height, width = shape[:2]
        guide, objects = terms_for(len(index) if np.ndim(index) else None, guide, objects)
        return sample_rectangles(
            self.spec,
            height=height,
            width=width,
            channels=channels,
            depth=depth,
            seed=seed,
            epoch=epoch,
            index=index,
            guide=guide,
            objects=objects,
        )

    def _covered(
        self, shape: tuple[int, ...], seed: int, epoch: int, index: Any, depth: int | None = None, **params: Any
    ) -> NDArray[np.bool_]:
        """Return which pixels dust covers, (n, h, w) or (n, d, h, w): one mask for each image or volume, or for all."""
        if self._takes_terms:
            terms = dict(_terms_of(params))
            drawn = self._sample(shape, seed=seed, epoch=epoch, index=np.atleast_1d(index), depth=depth, **terms)
            return drawn.mask(*shape[:2])
        return _find_covered(self.spec, *shape[:2], depth, seed, epoch, tuple(np.atleast_1d(index).tolist()))

    def _covered_one(self, target: str, **params: Any) -> NDArray[np.bool_]:
        """Return the mask of the one image or volume of a call."""
        covered = self._covered(**params)
        if len(covered) != 1:
            raise one_image_error(target, len(covered))
        return covered[0]  # type: ignore[no-any-return]

    def _own(self, array: Any) -> NDArray[Any]:
        """Return an array to paint on: a copy, or the given array with ``inplace=True``."""
        if not isinstance(array, np.ndarray):
            return np.stack(array)  # Compose, too, stacks the images of a list.
        if not self.inplace:
            return array.copy()
        _check_writable(array)
        return array

    def _dust(self, images: NDArray[Any], layout: Layout, params: dict[str, Any], index: Any) -> NDArray[Any]:
        if self.replay_mode:
            size = images.shape[-3:-1] if layout[-1] == "C" else images.shape[-2:]
            replayed = tuple(params["shape"][:2])
            if size != replayed:
                raise ValueError(f"a replay must get images of {replayed} pixels, got {size}")
            if layout == "NDHWC" and images.shape[1] != params["depth"]:
                raise ValueError(f"a replay must get volumes of {params['depth']} slices, got {images.shape[1]}")
        check_array(images)
        _check_writable(images)
        launches, facts = self._launches, (images.dtype, layout, images.shape[-1] if layout[-1] == "C" else 1)
        run = launches.find(*facts, epoch=params["epoch"]) if launches.is_scheduled else launches.find(*facts)
        coordinates = pack((params["seed"], params["epoch"], index))
        if self._takes_terms:
            n = len(images) if layout[0] == "N" else None
            run(images, coordinates, *terms_for(n, params.get("guide"), params.get("objects")))
        else:
            run(images, coordinates)
        return images

    # The methods name no parameters: AlbumentationsX would spend 3 µs at each call to check that they were drawn.

    def apply(self, img: NDArray[Any], **params: Any) -> NDArray[Any]:
        """Dust an image (h, w) or (h, w, c)."""
        return self._dust(
            img if self.inplace else img.copy(), "HWC" if img.ndim == 3 else "HW", params, params["index"]
        )

    def apply_to_images(self, images: Any, **params: Any) -> NDArray[Any]:
        """Dust images (n, h, w) or (n, h, w, c), or the slices of a volume: all alike, or each by its own index."""
        own, index = self._own(images), params["index"]
        if "depth" in params:
            if np.ndim(index):
                name = depth_field(spec_at(self.spec, 0))
                raise ValueError(
                    f"images must be the frames of a video with {name}, got a batch: type "
                    "same_on_batch=True, or volumes=… for a batch of volumes"
                )
            self._dust_volumes(own[None], params)
            return own
        indices = index if np.ndim(index) else np.full(len(own), index)
        return self._dust(own, "NHWC" if own.ndim == 4 else "NHW", params, indices)

    def apply_to_volumes(self, volumes: NDArray[Any], **params: Any) -> NDArray[Any]:
        """Dust volumes (n, d, h, w) or (n, d, h, w, c): all alike, or each by its own index."""
        volumes = self._own(volumes)
        if "depth" in params:
            return self._dust_volumes(volumes, params)
        for place, index in enumerate(np.broadcast_to(params["index"], len(volumes))):
            volume = volumes[place]
            own = {name: terms if len(terms) == 1 else terms[place : place + 1] for name, terms in _terms_of(params)}
            layout: Layout = "NHWC" if volume.ndim == 4 else "NHW"
            self._dust(volume, layout, {**params, **own}, np.full(len(volume), index))
        return volumes

    def _dust_volumes(self, volumes: NDArray[Any], params: dict[str, Any]) -> NDArray[Any]:
        """Paint cuboids on volumes (n, d, h, w) or (n, d, h, w, c)."""
        indices = np.broadcast_to(params["index"], len(volumes))
        self._dust(volumes if volumes.ndim == 5 else volumes[..., None], "NDHWC", params, np.array(indices))
        return volumes

    def apply_to_mask(self, mask: NDArray[Any], **params: Any) -> NDArray[Any]:
        """Fill a mask (h, w) or (h, w, c) under the dust."""
        return mask if self.fill_mask is None else self._fill(mask[None], 3, **params)[0]

    def apply_to_masks(self, masks: Any, **params: Any) -> Any:
        """Fill masks (n, h, w) or (n, h, w, c) under the dust."""
        return masks if self.fill_mask is None or not len(masks) else self._fill(masks, 3, **params)

    def apply_to_mask3d(self, mask3d: NDArray[Any], **params: Any) -> NDArray[Any]:
        """Fill a mask (d, h, w) or (d, h, w, c) of a volume under the dust."""
        return mask3d if self.fill_mask is None else self._fill(mask3d[None], 4, **params)[0]

    def apply_to_masks3d(self, masks3d: NDArray[Any], **params: Any) -> NDArray[Any]:
        """Fill masks (n, d, h, w) or (n, d, h, w, c) of volumes under the dust."""
        return masks3d if self.fill_mask is None else self._fill(masks3d, 4, **params)

    def _fill(self, masks: Any, axes: int, **params: Any) -> Any:
        """Fill masks under the dust; the first `axes` of their axes end with height and width."""
        masks = self._own(masks)
        has_depth, are_frames = "depth" in params, "depth" in params and axes == 3
        covered = self._covered_one("masks", **params) if are_frames else self._covered(**params)
        size = covered.shape[-3:] if has_depth else covered.shape[-2:]
        if axes == 4 and not has_depth:
            covered = covered[:, None]
        if masks.shape[axes - len(size) : axes] != size or not (are_frames or len(covered) in (1, len(masks))):
            raise ValueError(
                f"masks must be of the {'volumes' if has_depth else 'images'}' size, {size}, and one for each image of "
                f"a batch with same_on_batch=False, got shape {masks.shape} for {1 if are_frames else len(covered)}"
            )
        value = check_mask_value(self.fill_mask, masks.dtype)
        if value.ndim:
            check_channels("fill_mask", len(value), (*masks.shape, 1)[axes], "masks")
        masks[np.broadcast_to(covered, masks.shape[:axes])] = value
        return masks

    def apply_to_bboxes(self, bboxes: NDArray[Any], **params: Any) -> NDArray[Any]:
        """Shrink boxes (k, 4 or more), in fractions of the sides, to their visible parts, or tell these."""
        processor = self.get_processor("bboxes")
        if processor is None or not len(bboxes):
            return bboxes
        column = self._visibility_column(processor, bboxes)
        if self.boxes == "keep" and column is None:
            return bboxes
        if "depth" in params:
            name = depth_field(spec_at(self.spec, 0))
            raise ValueError(
                f"bounding boxes must be kept with {name}, as they have no depth, got boxes={self.boxes!r} and "
                f'visibility_key={self.visibility_key!r}: type boxes="keep", or spec.replace({name}=None)'
            )
        height, width = params["shape"][:2]
        sides = np.array([width, height, width, height])
        pixels = bboxes[:, :4] * sides
        covered, limits = self._covered_one("bboxes", **params), processor.params
        # A box of the whole image may be whole numbers.
        shrunk = bboxes.astype(np.result_type(bboxes, np.float32))
        if column is not None:
            shrunk[:, column] = visible_shares(pixels, covered)
        if self.boxes == "keep":
            return shrunk
        shown = visible_boxes(pixels, covered, min_area=limits.min_area, min_visibility=limits.min_visibility)
        hidden: NDArray[np.bool_] = (shown[:, 2] == shown[:, 0]) & (pixels[:, 2] != pixels[:, 0])
        shrunk[:, :4] = np.where(shown == pixels, bboxes[:, :4], shown / sides)
        return shrunk[~hidden]  # Compose drops their labels.

    def apply_to_keypoints(self, keypoints: NDArray[Any], **params: Any) -> NDArray[Any]:
        """Mark keypoints (k, 2 or more), in pixels, under the dust, or drop them if ``remove_invisible`` is set."""
        processor = self.get_processor("keypoints")
        column = self._visibility_column(processor, keypoints) if len(keypoints) else None
        if column is not None:
            hidden = self._covers(keypoints, processor, params)
            marked = keypoints.copy()
            marked[hidden & (keypoints[:, column] == _VISIBLE), column] = _HIDDEN
            return marked
        if processor is None or not processor.params.remove_invisible or not len(keypoints):
            return keypoints
        return keypoints[~self._covers(keypoints, processor, params)]

    def _covers(self, keypoints: NDArray[Any], processor: Any, params: dict[str, Any]) -> NDArray[np.bool_]:
        """Tell which keypoints lie under dust."""
        covered = self._covered_one("keypoints", **params)
        if "depth" not in params:
            return covered_points(keypoints[:, :2], covered)
        kind = getattr(processor.params, "coord_format", None) or processor.params.format
        if kind != "xyz":
            raise ValueError(
                f"keypoints must have a z with {depth_field(spec_at(self.spec, 0))}, got the format {kind!r}: type "
                'A.KeypointParams("xyz", …)'
            )
        hidden: NDArray[np.bool_] = np.zeros(len(keypoints), bool)
        slices = np.floor(keypoints[:, 2])
        for z in range(len(covered)):
            hidden[slices == z] = covered_points(keypoints[slices == z, :2], covered[z])
        return hidden


# COCO's marks of keypoints that are in sight, and of those that are not.
_VISIBLE, _HIDDEN = 2, 1
# Arguments of the constructor that are written only if they were given: older versions know none of them.
_TERMS = (
    "guide_key",
    "guide_classes",
    "protected_classes",
    "protected_margin",
    "objects_key",
    "object_classes",
    "visibility_key",
)


def _terms_of(params: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, params[name]) for name in ("guide", "objects") if name in params]


def _python_numbers(value: Any) -> Any:
    """Turn NumPy's scalars into Python's numbers, and lists, which JSON and YAML load, into tuples."""
    if isinstance(value, (tuple, list)):
        return tuple(map(_python_numbers, value))
    return value.item() if isinstance(value, np.generic) else value


def _check_fill_mask(value: Any) -> Any:
    numbers = value if isinstance(value, tuple) else (value,)
    numeric = all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in numbers)
    if value is not None and not (numbers and numeric):
        raise TypeError(f"fill_mask must be a number or a tuple of numbers, one per channel, got {shown(value)}")
    return value


def _json_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _json_value(each) for name, each in value.items()}
    return list(map(_json_value, value)) if isinstance(value, (tuple, list)) else value


@functools.lru_cache(maxsize=1)
def _find_covered(
    spec: Spec | Schedule, height: int, width: int, depth: int | None, seed: int, epoch: int, index: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Return which pixels dust covers, (n, h, w) or (n, d, h, w), for all masks, boxes and keypoints of a call."""
    return sample_rectangles(spec, height=height, width=width, depth=depth, seed=seed, epoch=epoch, index=index).mask()


def _check_writable(array: NDArray[Any]) -> None:
    if not array.flags.writeable:
        raise ValueError("arrays must be writable with inplace=True, got a read-only one: leave inplace out")
