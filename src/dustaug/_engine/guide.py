"""Where dust may lie on each image: guides, whose weights tell places, and objects that keep a share of themselves."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dustaug._errors import shown
from dustaug.spec import MAX_COUNT, MAX_SIDE, Spec

from .checks import check_plain
from .contract import MAX_GUIDE_SUM


class Terms(NamedTuple):
    """Where dust may lie on each of n images.

    Attributes
    ----------
    guides : uint8, (n, rows, columns)
        Weights of places, or (0, 1, 1) if there are none.
    objects, limits : int64, (k, 4) and (k,)
        Boxes of all objects, image after image, cut off at the border; and how many of its pixels each may lose.
    offsets : int64, (n + 1,)
        Where the objects of each image begin, or (0,) if the spec takes none.
    donors : array, optional
        Images whose pixels are copied, of the shape, dtype and layout of those that are painted.
    donor_strides : tuple of int
        Bytes from one of their images, rows, columns, channels and slices to the next.
    depth, slice_stride : int
        Slices of a volume, and bytes from one to the next.
    """

    guides: NDArray[np.uint8]
    objects: NDArray[np.int64]
    limits: NDArray[np.int64]
    offsets: NDArray[np.int64]
    donors: NDArray[Any] | None = None
    donor_strides: tuple[int, ...] = ()
    depth: int = 1
    slice_stride: int = 0


_NO_GUIDES, _NO_BOXES, _NO_NUMBERS = np.zeros((0, 1, 1), np.uint8), np.zeros((0, 4), np.int64), np.zeros(0, np.int64)


def takes_guide(spec: Spec) -> bool:
    """Whether a spec needs ``guide=`` with every image."""
    return spec.center == "guide"


def takes_objects(spec: Spec) -> bool:
    """Whether a spec needs ``objects=`` with every image."""
    return spec.per_object or spec.max_hidden is not None


def takes_donors(spec: Spec) -> bool:
    """Whether a spec needs ``donors=`` with every batch."""
    return spec.fill == "donors"


def make_terms(spec: Spec, guide: Any, objects: Any, n: int, height: int, width: int, *, batched: bool) -> Terms:
    """Check what was given for n images of a size, and return it as the kernels take it."""
    guides = _NO_GUIDES
    if guide is not None or takes_guide(spec):
        guides = check_guide(guide, spec, n, batched=batched)
    boxes, limits, offsets = _NO_BOXES, _NO_NUMBERS, _NO_NUMBERS
    if objects is not None or takes_objects(spec):
        boxes, offsets = _check_objects(objects, spec, n, height, width, batched=batched)
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        limits = _limits_of(areas, spec.max_hidden or 1.0)
    return Terms(guides, boxes, limits, offsets)


def _limits_of(areas: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Return how many pixels of each area are the largest share that is not above another one, as doubles."""
    whole = np.maximum(areas, 1)
    limits: NDArray[np.int64] = (areas * share).astype(np.int64)
    limits += (limits + 1) / whole <= share
    limits -= limits / whole > share
    return limits


def _check_objects(
    objects: Any, spec: Spec, n: int, height: int, width: int, *, batched: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the objects of all images, cut off at the border, and where those of each begin."""
    if not takes_objects(spec):
        raise TypeError(
            "objects must be given with max_hidden or per_object, got a spec without: type "
            "spec.replace(max_hidden=0.4) or spec.replace(per_object=True)"
        )
    if objects is None:
        raise missing_objects_error(spec)
    wanted = f"a list with the boxes (k, 4) of each of {n} images" if batched else "the boxes (k, 4) of the image"
    if not batched:
        objects = [objects]
    # A copy, because another thread may change the list.
    if isinstance(objects, (list, tuple)) or (isinstance(objects, np.ndarray) and objects.ndim == 3):
        objects = list(objects)
    if not isinstance(objects, list) or len(objects) != n:
        got = f"{len(objects)} of them" if isinstance(objects, list) else shown(objects)
        raise ValueError(f"objects must be {wanted}, got {got}")
    counts, joined = _joined(objects)
    if joined is None:
        each = [check_boxes("objects", boxes) for boxes in objects]
        counts, joined = [len(boxes) for boxes in each], np.concatenate([*each, _NO_BOXES])
    if spec.per_object and max(counts, default=0) * spec.count_range[1] > MAX_COUNT:
        raise _many_objects_error(spec, max(counts))
    # Twice as fast as NumPy's clip.
    inside = np.minimum(np.maximum(joined, 0), np.array([height, width, height, width]))
    return inside, np.array([0, *itertools.accumulate(counts)], np.int64)


def _joined(objects: list[Any]) -> tuple[list[int], NDArray[np.int64] | None]:
    """Return how many boxes each image has, and all boxes, or None if not all are arrays of integers as they must be.

    They are looked at together, since a look at the boxes of each image takes longer than to dust it.
    """
    if not all(type(boxes) is np.ndarray and boxes.ndim == 2 and boxes.dtype.kind == "i" for boxes in objects):
        return [], None
    counts = [len(boxes) for boxes in objects]
    try:
        joined = np.concatenate([*objects, _NO_BOXES])
    except ValueError:
        return counts, None
    # Another thread may have changed a shape in between.
    is_right = sum(counts) == len(joined) and bool((joined[:, :2] <= joined[:, 2:]).all())
    return counts, joined if is_right else None


def objects_field(spec: Spec) -> tuple[str, str]:
    """Return the field for which a spec needs objects, and what to type instead to need none."""
    return ("per_object", "per_object=False") if spec.per_object else ("max_hidden", "max_hidden=None")


def missing_objects_error(spec: Spec) -> TypeError:
    with_what, without = objects_field(spec)
    return TypeError(
        f"objects must be given with {with_what}, got none: type objects=[boxes of each image], int (k, 4), or "
        f"spec.replace({without})"
    )


def _many_objects_error(spec: Spec, most: int) -> ValueError:
    low, high = spec.count_range
    fewer = MAX_COUNT // most
    return ValueError(
        f"objects must have at most {MAX_COUNT // high} boxes in each image with per_object and up to {high} "
        f"rectangles a box, got {most} boxes: type spec.replace(count_range={min(low, fewer), fewer})"
    )


def check_guide(guide: Any, spec: Spec, n: int, *, batched: bool) -> NDArray[np.uint8]:
    """Return the guide of each of n images, uint8 (n, rows, columns), contiguous, and where possible no copy.

    If another thread changes it meanwhile, other places are drawn, but none outside of the image.
    """
    check_guide_wanted(guide, spec)
    if not isinstance(guide, np.ndarray):
        raise TypeError(f"guide must be a NumPy array, got {shown(guide)}: type numpy.asarray(guide, numpy.uint8)")
    check_plain(guide, "guide")
    # NumPy takes a microsecond to make the name of a dtype.
    dtype = {"B": "uint8", "?": "bool"}.get(guide.dtype.char) or guide.dtype.name
    check_guide_kind(guide.shape, dtype, n, batched=batched)
    weights: NDArray[np.uint8] = np.ascontiguousarray(guide[np.newaxis] if guide.ndim == 2 else guide)
    if dtype == "bool":
        weights = weights.view(np.uint8)
    if may_weigh_too_much(weights.shape):
        check_weights(weights)
    return weights


def check_weights(weights: NDArray[Any]) -> None:
    """Check the sums of weights (n, rows, columns)."""
    largest = int(weights.sum(axis=(1, 2), dtype=np.int64).max(initial=0))
    if largest > MAX_GUIDE_SUM:
        raise ValueError(
            f"guide must have weights that sum to at most {MAX_GUIDE_SUM} for each image, got {largest}: type "
            "guide > 0 for a mask, or guide[:, ::2, ::2], as a guide may have any resolution"
        )


def check_guide_wanted(guide: Any, spec: Spec) -> None:
    """Check that a guide is given to a spec that takes one, and to no other."""
    if not takes_guide(spec):
        raise TypeError(
            f'guide must be given with center="guide", got a guide with center={spec.center!r}: type '
            'spec.replace(center="guide"), or leave guide out'
        )
    if guide is None:
        raise missing_guide_error()


def check_guide_kind(shape: tuple[int | None, ...], dtype: str, n: int | None, *, batched: bool) -> None:
    """Check the shape and dtype of the guides of n images; without a batch, the only one may be (rows, columns).

    Lengths that a graph learns when it runs are None.
    """
    if dtype not in ("uint8", "bool"):
        raise TypeError(
            f"guide must be uint8 or bool, got an array of {dtype}: type dustaug.guide_of_map(guide) for a map "
            "of numbers, or mask > 0"
        )
    given = shape
    if len(shape) == 2 and not batched:
        shape = 1, *shape
    if len(shape) != 3 or (None not in (n, shape[0]) and shape[0] != n):
        wanted = f"({'n' if n is None else n}, rows, columns), one for each image" if batched else "(rows, columns)"
        raise ValueError(f"guide must have shape {wanted}, got {given}")
    if not all(length is None or 1 <= length <= MAX_SIDE for length in shape[1:]):
        raise ValueError(f"guide must have from 1 to {MAX_SIDE} rows and columns, got shape {given}")


def may_weigh_too_much(shape: tuple[int | None, ...]) -> bool:
    """Whether weights of a shape may sum to more than a guide can hold; lengths that are not known are None."""
    rows, columns = (MAX_SIDE if length is None else length for length in shape[-2:])
    return 255 * rows * columns > MAX_GUIDE_SUM


def missing_guide_error() -> TypeError:
    return TypeError(
        'guide must be given with center="guide", got none: type guide=mask, uint8 or bool (n, rows, columns), or '
        'spec.replace(center="normal")'
    )


def check_donors(donors: Any, spec: Spec, images: NDArray[Any]) -> NDArray[Any]:
    """Return the donors of images, which are of their shape and dtype."""
    check_donors_wanted(donors, spec)
    if not isinstance(donors, np.ndarray):
        raise TypeError(f"donors must be a NumPy array, got {shown(donors)}: type numpy.asarray(donors)")
    check_plain(donors, "donors")
    check_donors_kind(donors.shape, donors.dtype, images.shape, images.dtype)
    return donors


def check_donors_wanted(donors: Any, spec: Spec) -> None:
    """Check that donors are given to a spec that takes them, and to no other."""
    if not takes_donors(spec):
        raise TypeError(
            f'donors must be given with fill="donors", got donors with fill={spec.fill!r}: type '
            'spec.replace(fill="donors"), or leave donors out'
        )
    if donors is None:
        raise missing_donors_error()


def check_donors_kind(shape: Any, dtype: Any, of_images: Any, dtype_of_images: Any) -> None:
    """Check the shape and dtype of donors; lengths that a graph learns when it runs are None."""
    if len(shape) != len(of_images) or any(
        None not in pair and pair[0] != pair[1] for pair in zip(shape, of_images, strict=True)
    ):
        raise ValueError(f"donors must have the images' shape {tuple(of_images)}, got {tuple(shape)}")
    if dtype != dtype_of_images:
        raise TypeError(f"donors must be of the images' dtype {dtype_of_images}, got {dtype}: type donors.astype(…)")


def missing_donors_error() -> TypeError:
    return TypeError(
        'donors must be given with fill="donors", got none: type donors=other_images, of the same shape and dtype, or '
        'spec.replace(fill="grey")'
    )


def _is_empty(boxes: Any) -> bool:
    if type(boxes) is np.ndarray:
        return boxes.size == 0
    return np.size(np.asarray(boxes, object)) == 0


def check_boxes(name: str, boxes: Any) -> NDArray[np.int64]:
    """Return boxes, int64 (k, 4), as a copy; a list without a box is one of none."""
    if _is_empty(boxes):
        return _NO_BOXES
    checked = whole_numbers(name, boxes, (None, 4))
    if (checked[:, :2] > checked[:, 2:]).any():
        wrong = checked[(checked[:, :2] > checked[:, 2:]).any(axis=1)][0].tolist()
        raise ValueError(f"{name} must not be reversed, got {wrong} (top, left, bottom, right)")
    return checked


# Further out than any image reaches, and far from the ends of 64 bits.
_FAR = 2**40


def whole_numbers(name: str, numbers: Any, shape: tuple[int | None, ...]) -> NDArray[np.int64]:
    """Return whole numbers of a shape, of which None is any length, as a copy."""
    check_plain(numbers, name)
    wanted = f"({', '.join('k' if n is None else str(n) for n in shape)}{',' * (len(shape) == 1)})"
    try:
        array = np.array(np.asarray(numbers))
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of whole numbers {wanted}, got {shown(numbers)}") from None
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be an array of whole numbers {wanted}, got an array of {array.dtype}")
    if array.ndim != len(shape) or any(n not in (None, length) for n, length in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{name} must have shape {wanted}, got {array.shape}")
    return array.astype(np.int64).clip(-_FAR, _FAR)


def check_points(name: str, points: Any) -> NDArray[np.float64]:
    """Return points, float64 (k, 2), as a copy; a list without a point is one of none."""
    check_plain(points, name)
    try:
        array = np.array(np.asarray(points))
    except (TypeError, ValueError):
        array = np.array(None)
    if not array.size and array.ndim:
        return np.zeros((0, 2))
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be arrays of real numbers (k, 2), got {shown(points)}")
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name} must have shape (k, 2), got {array.shape}")
    return array.astype(np.float64)
