"""What a call brings besides its images: the guide of its dust, its objects, and a field for what stays visible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dustaug._adapters.keys import check_name
from dustaug._adapters.targets import touched_pixels
from dustaug._engine.checks import check_whole
from dustaug._engine.guide import check_boxes, check_guide, objects_field, takes_guide, takes_objects
from dustaug._errors import shown
from dustaug.guides import guide_of_boxes
from dustaug.schedule import Schedule, spec_at
from dustaug.spec import MAX_SIDE, Spec

# How many axes the masks of Albumentations have without channels, and which of them lie within one image.
_MASKS: dict[str, tuple[int, int | None]] = {"mask": (2, None), "masks": (3, None), "mask3d": (3, 0), "masks3d": (4, 1)}
_WHAT = "an argument of the call"
# What AlbumentationsX puts before the names of label fields, and a field of its own, where annotations are bound.
_BOUND, _BOUND_ID = ("_ibl_bbox_", "_ibl_kp_"), "_bbox_instance_id"


class CallTerms:
    """The methods that read guides, objects and visibility from a call, and the options that say where they are."""

    get_processor: Callable[[str], Any]
    _additional_targets: dict[str, str]

    # Of the class, because pickles of older versions lack them.
    guide_key: str | None = None
    guide_classes: tuple[Any, ...] | None = None
    protected_classes: tuple[Any, ...] | None = None
    protected_margin: int | None = None
    objects_key: str | None = None
    object_classes: tuple[Any, ...] | None = None
    visibility_key: str | None = None
    _takes_terms = _reads = False

    if TYPE_CHECKING:

        @property
        def spec(self) -> Spec | Schedule: ...

    def _set_terms(self, **options: Any) -> None:
        """Check the options of a transform, and keep them."""
        spec = spec_at(self.spec, 0)  # In all epochs the same is taken.
        guided, spares = takes_guide(spec), takes_objects(spec)
        for name, value in options.items():
            if value is None:
                continue
            if not guided and name.startswith(("guide", "protected")):
                raise TypeError(
                    f'{name} must be given with center="guide", got center={spec.center!r}: type center="guide", '
                    f"or leave {name} out"
                )
            if not spares and name.startswith("object"):
                raise TypeError(
                    f"{name} must be given with max_hidden or per_object, got a spec without: type max_hidden=0.4 or "
                    f"per_object=True, or leave {name} out"
                )
            if name.endswith("_key"):
                check_name(name, value, _WHAT if name != "visibility_key" else "a label field")
            elif name.endswith("_classes"):
                value = _check_classes(name, value)
            else:
                value = check_whole(name, value, 0, MAX_SIDE)
            setattr(self, name, value)
        if self.protected_margin is not None and self.protected_classes is None:
            raise TypeError(
                "protected_margin must be given with protected_classes, got none: type protected_classes=(1,)"
            )
        if self.guide_classes is not None and self._guide_name is None:
            raise TypeError(
                'guide_classes must be given with guide_key if protected_classes are, got none: type guide_key="mask"'
            )
        self._takes_terms = guided or spares
        self._reads = self._takes_terms or self.visibility_key is not None

    @property
    def _guide_name(self) -> str | None:
        """The key of the guide, or None if dust may lie anywhere but on protected boxes."""
        return self.guide_key or ("mask" if self.protected_classes is None else None)

    @property
    def _reads_boxes(self) -> bool:
        """Whether bounding boxes, which must be upright then, say something about the dust or are told about it."""
        boxes = self._guide_name == "bboxes" or self.protected_classes is not None
        spec = spec_at(self.spec, 0)
        return (takes_guide(spec) and boxes) or takes_objects(spec) or self.visibility_key is not None

    @property
    def _term_keys(self) -> set[str]:
        """The arguments of a call in which guide and objects are."""
        return {key for key in (self.guide_key, self.objects_key) if key is not None}

    def _read_terms(self, spec: Spec, data: Mapping[str, Any], shape: tuple[int, ...], n: int | None) -> dict[str, Any]:
        """Return guide and objects of a call whose n images have dust of their own, or share it, with None.

        Guides are uint8, (1, rows, columns) or (n, rows, columns); objects are a list of one array (k, 4) or of n.
        """
        terms: dict[str, Any] = {}
        if takes_guide(spec):
            terms["guide"] = self._read_guide(spec, data, shape, n)
        if takes_objects(spec):
            terms["objects"] = self._read_objects(spec, data, shape, n)
        if self.visibility_key is not None:
            self._check_visibility(data)
        return terms

    def _read_guide(
        self, spec: Spec, data: Mapping[str, Any], shape: tuple[int, ...], n: int | None
    ) -> NDArray[np.uint8]:
        key, protected = self._guide_name, None
        height, width = shape[:2]
        kind = None if key is None else self._additional_targets.get(key, key)
        if key is not None and data.get(key) is None:
            raise ValueError(
                f'{key} must be given in each call with center="guide", as it says where dust lies, got '
                f'{", ".join(data)}: type transform(image=image, {key}=…), guide_key="bboxes" or the name of another '
                'argument, or center="normal"'
            )
        if self.protected_classes is not None:
            protected = self._boxes("bboxes", data, shape, n, self.protected_classes)
        free: dict[str, Any] = {"height": height, "width": width}
        if protected is not None:
            margin = spec if self.protected_margin is None else self.protected_margin
            free.update(protected=protected, margin=margin)
        if key is None or kind == "bboxes":
            boxes = None if key is None else self._boxes(key, data, shape, n, self.guide_classes)
            return check_guide(guide_of_boxes(boxes, **free), spec, 1, batched=False)
        guide = self._guide_of_array(key, data[key], n)
        each = n is not None and np.ndim(guide) == 3
        guides = check_guide(guide, spec, n if each else 1, batched=each)  # type: ignore[arg-type]
        if protected is None:
            return guides
        if guides.shape[1:] != (height, width):
            raise ValueError(
                f"{key} must be of the images' size {(height, width)} with protected_classes, got {guides.shape[1:]}: "
                "type a guide of that size"
            )
        return guides * guide_of_boxes(**free)

    def _guide_of_array(self, key: str, given: Any, n: int | None) -> Any:
        """Return the guide that masks or weights are: (rows, columns), or (n, rows, columns) with one for each."""
        axes, within = _MASKS.get(self._additional_targets.get(key, key), (None, None))
        if axes is None:
            return given if self.guide_classes is None else np.isin(given, self.guide_classes)
        array = np.asarray(given)
        if self.guide_classes is not None:
            array = np.isin(array, self.guide_classes)
        elif key in _MASKS:
            array = array != 0
        if not array.size:
            return np.zeros((1, 1), bool)
        if array.ndim == axes + 1:
            array = array.max(axis=-1)
        if within is not None and array.ndim == axes:
            array = array.max(axis=within)
        shared = n is None or axes - (within is not None) == 2
        return array.max(axis=0) if array.ndim == 3 and shared else array

    def _read_objects(
        self, spec: Spec, data: Mapping[str, Any], shape: tuple[int, ...], n: int | None
    ) -> list[NDArray[np.int64]]:
        key = self.objects_key or "bboxes"
        if data.get(key) is None:
            with_what, without = objects_field(spec)
            raise ValueError(
                f"{key} must be given in each call with {with_what}, as the objects, got {', '.join(data)}: type "
                f'transform(image=image, {key}=…), objects_key="the name of another argument", or '
                f"{without}"
            )
        if self._additional_targets.get(key, key) == "bboxes":
            return [self._boxes(key, data, shape, n, self.object_classes)]
        if self.object_classes is not None:
            raise ValueError(
                f"{key} must be bounding boxes with labels if object_classes are given, got another argument of the "
                'call: type objects_key="bboxes"'
            )
        given = data[key]
        if n is None:
            return [check_boxes(key, given)]
        if not isinstance(given, (list, tuple)) or len(given) != n:
            what = f"{len(given)} of them" if isinstance(given, (list, tuple)) else shown(given)
            raise ValueError(f"{key} must be a list with the boxes (k, 4) of each of {n} images, got {what}")
        return [check_boxes(key, boxes) for boxes in given]

    def _boxes(
        self, key: str, data: Mapping[str, Any], shape: tuple[int, ...], n: int | None, classes: tuple[Any, ...] | None
    ) -> NDArray[np.int64]:
        """Return bounding boxes of some classes as whole pixels: top, left, bottom, right."""
        processor, boxes = self.get_processor("bboxes"), data.get(key)
        if boxes is None or processor is None:
            raise ValueError(
                f"{key} must be given in each call of a Compose that has bbox_params, got "
                f"{', '.join(data) if boxes is None else 'no bbox_params'}: type A.Compose([…], "
                "bbox_params=A.BboxParams(…))"
            )
        if n not in (None, 1):
            raise one_image_error(key, n)
        rows = np.asarray(boxes)
        if not rows.size:
            return np.zeros((0, 4), np.int64)
        if classes is not None:
            rows = rows[[label in classes for label in self._labels(key, rows, processor)]]
        height, width = shape[:2]
        return touched_pixels(rows[:, :4] * np.array([width, height, width, height]), height, width)

    def _labels(self, key: str, rows: NDArray[Any], processor: Any) -> list[Any]:
        """Return the label of each box: that of the first label field, or what follows the sides of the box."""
        fields = processor.params.label_fields or ()
        n_others = rows.shape[1] - len(fields)
        if fields and fields[0] != _BOUND_ID:
            return list(processor.label_manager.restore_field(key, fields[0], rows[:, n_others]))
        if n_others < 5:
            raise ValueError(
                f"{key} must have labels to choose classes by, got none: type "
                'A.BboxParams(…, label_fields=["labels"]) and transform(…, labels=labels)'
            )
        return rows[:, 4].tolist()  # type: ignore[no-any-return]

    def _check_visibility(self, data: Mapping[str, Any]) -> None:
        """Check that the field of visibility can hold it."""
        key, found = self.visibility_key, False
        for name in ("bboxes", "keypoints"):
            processor = self.get_processor(name)
            place = _place_of(key, processor)
            if place is None:
                continue
            found = True
            field = processor.label_manager.metadata.get(name, {}).get(processor.params.label_fields[place])
            if field is None or not np.size(data.get(name, ())):
                continue
            kind = "f" if field.dtype is None else field.dtype.kind
            if not field.is_numerical or (kind in "iub" and name == "bboxes"):
                wanted = "numbers with fractions" if name == "bboxes" else "numbers"
                raise ValueError(
                    f"{key} must hold {wanted}, as visibility_key={key!r} says, got "
                    f"{'other labels' if field.dtype is None else f'an array of {field.dtype}'}: type "
                    f"transform(…, {key}=[{'1.0' if name == 'bboxes' else '2'}] * len({name}))"
                )
        if not found:
            raise ValueError(
                f"visibility_key must name a label field of BboxParams or KeypointParams, got {key!r}: type "
                f"A.BboxParams(…, label_fields=[…, {key!r}])"
            )

    def _visibility_column(self, processor: Any, rows: NDArray[Any]) -> int | None:
        """Return in which column of boxes or keypoints their visibility is, or None."""
        place = _place_of(self.visibility_key, processor)
        return None if place is None else int(rows.shape[1] - len(processor.params.label_fields) + place)


def _place_of(key: str | None, processor: Any) -> int | None:
    """Return the place of a label field among those of boxes or keypoints, or None."""
    fields = () if key is None or processor is None else processor.params.label_fields or ()
    names = (key, *(f"{bound}{key}" for bound in _BOUND))
    return next((place for place, field in enumerate(fields) if field in names), None)


def terms_for(
    n: int | None, guide: NDArray[np.uint8] | None, objects: list[NDArray[np.int64]] | None
) -> tuple[Any, Any]:
    """Return guide and objects of a call as `dustaug.add_dust` takes them for n images, or for one, with None."""
    if n is None:
        return None if guide is None else guide[0], None if objects is None else objects[0]
    if guide is not None:
        guide = np.broadcast_to(guide, (n, *guide.shape[1:]))
    return guide, objects * n if objects is not None and len(objects) == 1 else objects


def one_image_error(target: str, n: Any) -> ValueError:
    return ValueError(
        f"{target} must belong to one image, got {n} images with dust of their own: type same_on_batch=True"
    )


def _check_classes(name: str, classes: Any) -> tuple[Any, ...]:
    each_of = classes if isinstance(classes, tuple) else ()
    if not each_of or not all(isinstance(each, (int, float, str)) and not isinstance(each, bool) for each in each_of):
        raise TypeError(f"{name} must be a tuple of numbers or strings, got {shown(classes)}: type {name}=(1,)")
    return each_of
