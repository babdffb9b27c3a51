"""Occluders with an outline of their own, cut out of other images."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dustaug._engine.checks import check_ends, check_plain
from dustaug._engine.contract import MAX_INDEX
from dustaug._engine.coordinates import check_seed
from dustaug._engine.memory import Layout
from dustaug._errors import shown

from . import _predict


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class PastedObjects:
    """Occlusion of :func:`pasted_objects`, which pastes an object of another image along its outline.

    It is a function ``(images, index) -> images``, as :func:`occlusion_curve` takes it.

    Parameters
    ----------
    objects : array, (m, h, w), (m, h, w, c) or (m, c, h, w)
        Images of at least two objects, of any dtype, finite where the masks are not zero. They are not copied.
    masks : bool or uint8, (m, h, w)
        Not zero where the object is.
    share : float
        Share of the image's area that the object covers, above 0, up to 1.
    seed : int, default 0
        0 … 2**64 - 1, chooses objects and places.
    layout : {"NHW", "NHWC", "NCHW"}, optional
        Layout of the objects, and of the images that they are pasted on. By default NHW or NHWC, by the number of axes.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or shape, or out of its limits, or if a mask is empty or a pixel of an
        object is not finite.

    Examples
    --------
    Each of two white images gets the black corner of the other one:

    >>> import numpy as np
    >>> images = np.full((2, 4, 4), 255, np.uint8)
    >>> masks = np.zeros((2, 4, 4), bool)
    >>> masks[:, 0, :2] = masks[:, 1, 0] = True
    >>> images[masks] = 0
    >>> pasted = PastedObjects(objects=images, masks=masks, share=3 / 16)
    >>> pasted
    PastedObjects(share=0.1875, of 2 objects)
    >>> (pasted(np.full((2, 4, 4), 255, np.uint8), [0, 1]) == 0).sum(axis=(1, 2))
    array([3, 3])
    """

    objects: NDArray[Any]
    masks: NDArray[Any]
    share: float
    seed: int = 0
    layout: Layout | None = None

    def __post_init__(self) -> None:
        objects = _predict.check_array("objects", self.objects)
        layout, _, _ = _predict.check_layout("objects", objects.shape, self.layout, _predict.BATCH_LAYOUTS)
        if len(objects) == 1:
            raise ValueError("objects must be at least two, as an image never gets the one of its own number, got 1")
        n, height, width = _without_channels(objects, layout).shape[:3]
        object.__setattr__(self, "objects", objects)
        object.__setattr__(self, "masks", _check_masks(self.masks, (n, height, width)))
        object.__setattr__(self, "share", _predict.check_shares("share", [self.share])[0])
        object.__setattr__(self, "seed", check_seed(self.seed))
        object.__setattr__(self, "layout", layout)
        if objects.dtype.kind not in "iub":
            _predict.check_finite("objects", *self._ends())

    def _ends(self) -> tuple[float, float]:
        """Return the least and the greatest value of all pixels that may be pasted."""
        objects = _without_channels(self.objects, cast("Layout", self.layout))
        ends = [
            (float(pixels.min()), float(pixels.max()))
            for pixels in (thing[mask].real for thing, mask in zip(objects, self.masks, strict=True))
        ]
        lows, highs = np.transpose(ends)
        return float(lows.min()), float(highs.max())

    def __repr__(self) -> str:
        return f"PastedObjects(share={self.share:g}, of {len(self.objects):,} objects)"

    def __call__(self, images: NDArray[Any], index: ArrayLike) -> NDArray[Any]:
        """Return copies of some images, each with an object on it.

        Parameters
        ----------
        images : array, (n, h, w), (n, h, w, c) or (n, c, h, w), left as it is
            Images of the objects' dtype, layout and channels, of any size.
        index : whole numbers, (n,)
            Number of each image, which chooses its object and the place of it.

        Returns
        -------
        array
            Of the dtype and the shape of `images`.

        Raises
        ------
        TypeError
            If an argument is of the wrong kind.
        ValueError
            If the images have another dtype, other channels or another layout than the objects, or an index is
            negative.
        """
        layout = cast("Layout", self.layout)
        images = _predict.check_array("images", images)
        _, height, width = _predict.check_layout("images", images.shape, layout, _predict.BATCH_LAYOUTS)
        if images.dtype != self.objects.dtype:
            raise ValueError(f"images must have the objects' dtype {self.objects.dtype}, got {images.dtype}")
        painted = images.copy()
        pictures, objects = _without_channels(painted, layout), _without_channels(self.objects, layout)
        if pictures.shape[3:] != objects.shape[3:]:
            raise ValueError(f"images must have the objects' {objects.shape[3]} channels, got {pictures.shape[3]}")
        for picture, number in zip(pictures, _check_numbers(index, len(images)), strict=True):
            chosen, down, across = _draw(self.seed, number, len(objects))
            mask, thing = self.masks[chosen], objects[chosen]
            tops, lefts = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            scale = math.sqrt(self.share * height * width / np.count_nonzero(mask))
            rows = _resized(int(tops[0]), int(tops[-1]) + 1, scale, height)
            columns = _resized(int(lefts[0]), int(lefts[-1]) + 1, scale, width)
            top = math.floor(down * (height - len(rows) + 1))
            left = math.floor(across * (width - len(columns) + 1))
            taken = rows[:, None], columns
            hidden = mask[taken]
            picture[top : top + len(rows), left : left + len(columns)][hidden] = thing[taken][hidden]
        return painted


def check_objects(images: NDArray[Any], occlusions: Iterable[Any]) -> None:
    """Refuse objects that go beyond [0, 1] where the images are floats that do not."""
    pasted = [each for each in occlusions if isinstance(each, PastedObjects)]
    if not pasted or not _predict.is_unit(images):
        return
    for each in pasted:
        if each.objects.dtype == images.dtype:  # Others are refused when they are pasted.
            _predict.check_unit("objects", *each._ends())  # noqa: SLF001  Both are of this file.


def pasted_objects(
    objects: NDArray[Any],
    masks: NDArray[Any],
    *,
    shares: Iterable[float] = (0.1, 0.2, 0.3, 0.4),
    seed: int = 0,
    layout: Layout | None = None,
) -> dict[float, PastedObjects]:
    """Return occlusions by objects of other images, each along its own outline, for :func:`occlusion_curve`.

    A model that was trained with rectangles has learnt how rectangles look, and a curve of rectangles flatters it. What
    hides things outside of a benchmark has an outline and a texture of its own, and the objects of other images are
    such occluders.

    Image number i gets an object that `seed` and i choose, and never object number i. So images may be their own
    donors: pass them as `objects`, in the same order, with their masks. Every object but that one is equally likely.
    All shares have the same object at the same relative place, so that what they hide is as nested as a change of size
    allows.

    The object is cropped to the box around its mask, and resized by the nearest neighbour, with both sides multiplied
    by the same number, so that its mask covers about the share. Sides are rounded to whole pixels, from 1 up to that of
    the image: what is wider or higher than the image is squeezed into it, and then covers less. The box lies wholly
    inside of the image, and all places are equally likely. Only pixels of the mask are painted. The curve's coverage
    tells how many pixels have changed.

    Object and place are a function of (seed, i) alone, whatever the batches are: three words of NumPy's
    ``Philox(key=(seed, i))``, of 53 bits each.

    Parameters
    ----------
    objects : array, (m, h, w), (m, h, w, c) or (m, c, h, w)
        Images of at least two objects, in the dtype, the layout, the channels and the value range of the images to
        occlude, finite where the masks are not zero. Their size may differ. If the images are floats in [0, 1],
        :func:`occlusion_curve` refuses objects that are not, unless it gets a `value_range`.
    masks : bool or uint8, (m, h, w)
        Not zero where the object is, which is at least one pixel.
    shares : numbers, default 0.1, 0.2, 0.3, 0.4
        Shares of the image's area that the object covers, above 0, up to 1, which become the severities.
    seed : int, default 0
        0 … 2**64 - 1, chooses objects and places.
    layout : {"NHW", "NHWC", "NCHW"}, optional
        By default NHW or NHWC, by the number of axes.

    Returns
    -------
    dict of float to PastedObjects

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If it has the wrong shape, or is out of its limits, or if a mask is empty or a pixel of an object is not finite.

    Examples
    --------
    The images are their own donors here. Grey discs lie on black, and a disc hides a part of another one:

    >>> import numpy as np
    >>> from dustaug.robustness import occlusion_curve
    >>> rows, columns = np.ogrid[:32, :32]
    >>> disc = (rows - 16) ** 2 + (columns - 16) ** 2 < 100
    >>> labels = np.repeat([0, 1], 50)
    >>> images = (disc * np.linspace(50, 250, 100)[:, None, None]).astype(np.uint8)
    >>> occlusions = pasted_objects(images, images > 0, shares=(0.1, 0.4))
    >>> occlusions
    {0.1: PastedObjects(share=0.1, of 100 objects), 0.4: PastedObjects(share=0.4, of 100 objects)}
    >>> curve = occlusion_curve(lambda x: np.eye(2)[x[:, 16, 16] // 150], images, labels, occlusions, progress=False)
    >>> [bool(round(share, 1) == measured) for measured, share in zip(occlusions, curve.coverage)]
    [True, True]
    """
    checked = _predict.check_shares("shares", shares)
    first = PastedObjects(objects=objects, masks=masks, share=checked[0], seed=seed, layout=layout)
    return {share: dataclasses.replace(first, share=share) for share in checked}


def _check_masks(given: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if not isinstance(given, np.ndarray):
        raise TypeError(f"masks must be a NumPy array, got {type(given).__name__}: type numpy.array(masks)")
    check_plain(given, "masks")
    masks = np.asarray(given)
    if masks.dtype not in (np.bool_, np.uint8):
        raise TypeError(f"masks must be of bool or uint8, got {masks.dtype}: type masks > 0, or what the object is")
    if masks.shape != shape:
        raise ValueError(f"masks must have shape {shape}, one for each of the objects, got shape {masks.shape}")
    masks = masks if masks.dtype == np.bool_ else masks != 0
    held = masks.any(axis=(1, 2))
    if not held.all():
        raise ValueError(
            f"masks must have at least one pixel each, got none in number {int(held.argmin())}: type "
            "kept = masks.any(axis=(1, 2)), and objects[kept], masks[kept]"
        )
    return masks


def _check_numbers(index: Any, n: int) -> list[int]:
    try:
        numbers = np.asarray(index)
    except ValueError:  # A ragged list.
        numbers = np.array(None)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise TypeError(f"index must be whole numbers of shape (n,), got {shown(index)}: type numpy.arange(n)")
    if len(numbers) != n:
        raise ValueError(f"index must have a number for each of {n} images, got {len(numbers)} numbers")
    check_ends("index", numbers, MAX_INDEX)
    return [int(number) for number in numbers]


def _without_channels(images: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Return a view whose second and third axes are height and width."""
    return np.moveaxis(images, 1, -1) if layout == "NCHW" else images


def _draw(seed: int, number: int, n_objects: int) -> tuple[int, float, float]:
    """Return which object an image gets, and how far down and across it lies, from 0 up to but not including 1."""
    words = np.random.Philox(key=np.array([seed, number], np.uint64)).random_raw(3)
    which, down, across = ((int(word) >> 11) * 2.0**-53 for word in words)
    if number >= n_objects:
        return math.floor(which * n_objects), down, across
    chosen = math.floor(which * (n_objects - 1))
    return chosen + (chosen >= number), down, across


def _resized(start: int, stop: int, scale: float, limit: int) -> NDArray[np.intp]:
    """Return which row, or column, of an object each one of its copy shows."""
    side = stop - start
    new = min(max(math.floor(side * scale + 0.5), 1), limit)
    return start + (2 * np.arange(new) + 1) * side // (2 * new)
