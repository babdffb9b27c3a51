"""The parts of an image that a model's answer depends on, for ``robustness.py``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from dustaug._engine.checks import check_whole, resolve_value_range
from dustaug._engine.memory import Layout
from dustaug.core import Rectangles, paint_rectangles
from dustaug.spec import Spec

from . import _plots
from ._predict import ask_model, check_images, check_predict, check_range, check_size, progress_bar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["OcclusionMap", "occlusion_map"]

_LAYOUTS: dict[int, tuple[Layout, ...]] = {2: ("HW",), 3: ("HWC", "CHW")}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class OcclusionMap:
    """What :func:`occlusion_map` measured.

    Parameters
    ----------
    heat : float64, (h, w)
        By how much the target's score falls where a patch covers the pixel: the mean over all patches that do.
        Below 0 the score rises. In units of the scores.
    target : int
        Class whose score is followed.
    score : float
        Its score for the image as it is.
    patch, stride : int
        Side of the square patches, and the way from one to the next, in pixels.
    picture : float64, (h, w) or (h, w, 3)
        The image to draw the heat on, from 0, black, to 1, white.

    Examples
    --------
    >>> import numpy as np
    >>> heat = np.array([[0.0, 0.5], [0.0, -0.25]])
    >>> OcclusionMap(heat=heat, target=3, score=0.75, patch=1, stride=1, picture=np.zeros((2, 2)))
    OcclusionMap(2 by 2 pixels, target=3, score=0.75, patch=1, stride=1, falls by up to 0.5 at row 0, column 1)
    """

    heat: NDArray[np.float64]
    target: int
    score: float
    patch: int
    stride: int
    picture: NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        """Return all fields but the picture as plain numbers and lists, ready for JSON."""
        fields = {name: getattr(self, name) for name in ("target", "score", "patch", "stride")}
        return {**fields, "heat": self.heat.tolist()}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the picture in grey under its heat: red where hiding it lowers the score, blue where it raises it.

        The more the score changes, the less of the picture shines through.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if left out.

        Returns
        -------
        matplotlib Axes
            `ax`, with a title and a colour bar.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        return _plots.draw_map(ax, self.heat, self.picture, target=self.target, score=self.score)

    def __repr__(self) -> str:
        (height, width), place = self.heat.shape, int(self.heat.argmax())
        row, column = divmod(place, width)
        return (
            f"OcclusionMap({height} by {width} pixels, target={self.target}, score={self.score:g}, patch={self.patch}, "
            f"stride={self.stride}, falls by up to {self.heat[row, column]:g} at row {row}, column {column})"
        )


def occlusion_map(
    predict: Callable[[NDArray[Any]], Any],
    image: NDArray[Any],
    *,
    target: int | None = None,
    patch: int | None = None,
    stride: int | None = None,
    fill_value: float | tuple[float, ...] = 127.5,
    batch_size: int = 64,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
    progress: bool = True,
) -> OcclusionMap:
    """Find the parts of an image that a model's answer depends on, by hiding one after the other.

    A square patch slides over the image, and the fall of a class's score is noted at each of its places (Zeiler and
    Fergus, 2013, arXiv:1311.2901). A pixel's heat is the mean over all patches that cover it. The last patch of a row
    or column is pushed back to the border, so that every pixel is covered.

    Parameters
    ----------
    predict : callable, (n, …) -> (n, classes)
        The model: see the head of ``dustaug.robustness``.
    image : array, (h, w, c), (c, h, w) or (h, w), left as it is
        Any dtype that :func:`dustaug.add_dust` paints.
    target : int, optional
        Class whose score is followed; the one with the highest score if left out.
    patch : int, optional
        Side of the patch in pixels; an eighth of the image's shorter side if left out.
    stride : int, optional
        Pixels from one patch to the next, at most `patch`; half of it if left out.
    fill_value : float or tuple of float, default 127.5
        Brightness of the patch in 0…255, one number or one per channel. A patch of the colour that lies under it hides
        nothing: on a black ground take another than black.
    batch_size : int, default 64
        Greatest number of images that `predict` gets at once.
    layout : {"HWC", "CHW", "HW"}, optional
        By default HWC or HW, by the number of axes.
    value_range, progress
        As in :func:`~dustaug.robustness.occlusion_curve`.

    Returns
    -------
    OcclusionMap

    Raises
    ------
    ImportError, TypeError, ValueError
        As :func:`~dustaug.robustness.occlusion_curve`.

    Examples
    --------
    A model that looks at the two pixels in the upper left corner:

    >>> import numpy as np
    >>> image = np.full((4, 4), 255, np.uint8)
    >>> model = lambda x: np.stack([x[:, 0, :2].sum(axis=1), np.ones(len(x))], axis=1)
    >>> found = occlusion_map(model, image, patch=2, stride=2, fill_value=0, progress=False)
    >>> found.target, found.score
    (0, 510.0)
    >>> found.heat
    array([[510., 510.,   0.,   0.],
           [510., 510.,   0.,   0.],
           [  0.,   0.,   0.,   0.],
           [  0.,   0.,   0.,   0.]])
    """
    check_predict(predict)
    memory, layout = check_images("image", image, layout, _LAYOUTS)
    height, width = memory.height, memory.width
    if not height or not width:
        raise ValueError(f"image must have at least one pixel, got shape {image.shape}")
    check_range("image", image, value_range)
    patch, stride = _check_patch(patch, stride, height, width)
    batch_size = check_size("batch_size", batch_size)
    fill = Spec(fill="constant", fill_value=fill_value).fill_value
    one, batch_layout = np.array(image[np.newaxis], order="C"), cast("Layout", f"N{layout}")
    scores = ask_model(predict, one.copy(), None)
    classes = scores.shape[1]
    target = int(scores.argmax()) if target is None else check_whole("target", target, 0, classes - 1)
    score = float(scores[0, target])
    boxes = _patch_boxes(height, width, patch, stride)
    falls, n_patches = np.zeros((2, height, width))
    with progress_bar("Sliding", len(boxes), shown=progress) as advance:
        for start in range(0, len(boxes), batch_size):
            part = boxes[start : start + batch_size]
            rectangles = Rectangles(
                image=np.arange(len(part)), boxes=part, fill=np.array([fill] * len(part)), n_images=len(part)
            )
            batch = paint_rectangles(one.repeat(len(part), 0), rectangles, layout=batch_layout, value_range=value_range)
            scores = ask_model(predict, batch, classes)
            for (top, left, bottom, right), occluded in zip(part.tolist(), scores[:, target].tolist(), strict=True):
                falls[top:bottom, left:right] += score - occluded
                n_patches[top:bottom, left:right] += 1
            advance(len(part))
    return OcclusionMap(
        heat=falls / n_patches,
        target=target,
        score=score,
        patch=patch,
        stride=stride,
        picture=_picture(image, layout, value_range),
    )


def _check_patch(patch: int | None, stride: int | None, height: int, width: int) -> tuple[int, int]:
    """Return the side of the patch and its stride, by default an eighth of the shorter side and half of that."""
    shorter = min(height, width)
    patch = max(1, shorter // 8) if patch is None else patch
    if check_size("patch", patch) > shorter:
        raise ValueError(
            f"patch must fit into the {height} by {width} pixels of the image, got {patch}: type patch={shorter}"
        )
    stride = max(1, patch // 2) if stride is None else stride
    if check_size("stride", stride) > patch:
        raise ValueError(
            f"stride must be at most the {patch} pixels of the patch, so that every pixel is hidden, got {stride}: "
            f"type stride={patch}"
        )
    return patch, stride


def _patch_boxes(height: int, width: int, patch: int, stride: int) -> NDArray[np.int32]:
    """Return top, left, bottom and right of each place of the patch, row by row."""
    tops, lefts = _places(height, patch, stride), _places(width, patch, stride)
    return np.array([(top, left, top + patch, left + patch) for top in tops for left in lefts], np.int32)


def _places(side: int, patch: int, stride: int) -> list[int]:
    """Where patches begin along a side; the last one ends at the border."""
    return [*range(0, side - patch, stride), side - patch]


def _picture(image: NDArray[Any], layout: Layout, value_range: tuple[float, float] | None) -> NDArray[np.float64]:
    """Return an image as (h, w) or (h, w, 3), from 0 to 1."""
    low, high = resolve_value_range(value_range, image.dtype)
    picture = np.clip((image.astype(np.float64) - low) / (high - low), 0, 1)
    if layout == "HW":
        return picture
    if layout == "CHW":
        picture = np.moveaxis(picture, 0, -1)
    # Red, green and blue, perhaps with alpha; other channels have no colour.
    return picture[..., :3] if picture.shape[-1] in (3, 4) else picture.mean(axis=-1)
