"""The parts of an image that a model's answer depends on."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from dustaug._engine.checks import check_whole, resolve_value_range
from dustaug._engine.memory import Layout
from dustaug.core import Rectangles, paint_rectangles
from dustaug.guides import guide_of_map
from dustaug.spec import Spec

from . import _plots
from ._predict import (
    ask_model,
    check_array,
    check_layout,
    check_predict,
    check_range,
    check_real,
    check_size,
    progress_bar,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Smaller changes of a probability, and of any other score in units of itself, are the rounding of float32.
_BLANK = 5e-7
_LAYOUTS: dict[int, tuple[Layout, ...]] = {2: ("HW",), 3: ("HWC", "CHW")}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class OcclusionMap:
    """Result of :func:`occlusion_map`.

    Parameters
    ----------
    heat : float64, (h, w)
        Mean fall of the target's score over all patches that cover the pixel, in units of the scores. A negative heat
        means that the score rises.
    target : int
        Class whose score is measured.
    score : float
        Score of that class for the clean image.
    patch, stride : int
        Side of the square patches, and the distance from one to the next, in pixels.
    picture : float64, (h, w) or (h, w, 3)
        The image to draw the heat on, from 0 (black) to 1 (white).

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

    def __post_init__(self) -> None:
        for name, dims in (("heat", (2,)), ("picture", (2, 3))):
            numbers = _numbers(name, getattr(self, name))
            if numbers.ndim not in dims or not numbers.size:
                raise ValueError(f"{name} must have {' or '.join(map(str, dims))} axes, got shape {numbers.shape}")
            object.__setattr__(self, name, numbers)
        object.__setattr__(self, "score", check_real("score", self.score))

    def to_dict(self) -> dict[str, Any]:
        """Return all fields but the picture as plain numbers and lists, ready for JSON."""
        fields = {name: getattr(self, name) for name in ("target", "score", "patch", "stride")}
        return {**fields, "heat": self.heat.tolist()}

    def guide(self) -> NDArray[np.uint8]:
        """Return the guide of what the model leans on: with ``center="guide"``, dust lies where the score falls.

        The weights are the heat as :func:`dustaug.guide_of_map` quantises it, so that the hottest pixel has 255. A
        negative heat, where the score rises, has the weight 0. If no heat is positive, all weights are 0, and an image
        with this guide gets no dust.

        Returns
        -------
        uint8, (h, w)

        Raises
        ------
        ValueError
            If a heat is not finite.

        Examples
        --------
        >>> import numpy as np
        >>> heat = np.array([[0.0, 0.5], [0.125, -0.25]])
        >>> found = OcclusionMap(heat=heat, target=3, score=0.75, patch=1, stride=1, picture=np.zeros((2, 2)))
        >>> found.guide()
        array([[  0, 255],
               [ 64,   0]], dtype=uint8)

        The guide of one image takes one image; ``numpy.stack`` makes the guides of a batch:

        >>> import dustaug
        >>> image = np.zeros((2, 2), np.uint8)
        >>> spec = dustaug.dust(center="guide", count_range=(1, 1), side_range=(1, 1), fill="constant", fill_value=9)
        >>> dustaug.add_dust(image, spec, seed=7, index=0, guide=found.guide())
        array([[0, 9],
               [0, 0]], dtype=uint8)
        """
        return guide_of_map(np.maximum(self.heat, 0))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the picture in grey under its heat: red where a patch lowers the score, blue where it raises it.

        The more the score changes, the more opaque the colour is.

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


def _numbers(name: str, numbers: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(numbers).astype(np.float64, casting="same_kind", copy=False)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of real numbers, got {type(numbers).__name__}") from None


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
    """Find the parts of an image that a model's answer depends on, by covering one after the other.

    A square patch slides over the image, and at each place the fall of a class's score is measured (Zeiler and Fergus,
    2013, arXiv:1311.2901). A pixel's heat is the mean over all patches that cover it. The last patch of a row or column
    ends at the border, so that every pixel is covered.

    Parameters
    ----------
    predict : callable, (n, …) -> (n, classes)
        The model, as described at the head of ``dustaug.robustness``.
    image : array, (h, w, c), (c, h, w) or (h, w), left as it is
        Any dtype that :func:`dustaug.add_dust` paints.
    target : int, optional
        Class whose score is measured; by default the one with the highest score.
    patch : int, optional
        Side of the patch in pixels; by default an eighth of the image's shorter side.
    stride : int, optional
        Pixels from one patch to the next, at most `patch`; by default half of it.
    fill_value : float or tuple of float, default 127.5
        Brightness of the patch in 0…255, one number or one per channel. A patch of the image's own colour hides
        nothing: on a black background take another colour.
    batch_size, value_range, progress : optional
        As in :func:`~dustaug.robustness.occlusion_curve`.
    layout : {"HWC", "CHW", "HW"}, optional
        By default HWC or HW, by the number of axes.

    Returns
    -------
    OcclusionMap

    Raises
    ------
    ImportError, TypeError, ValueError
        As :func:`~dustaug.robustness.occlusion_curve`.

    Warns
    -----
    UserWarning
        If no patch changes the score, so that the map is blank: the softmax may be saturated, or the patch hides
        nothing.

    Examples
    --------
    This model looks at the two pixels in the upper left corner:

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
    image = check_array("image", image)
    layout, height, width = check_layout("image", image.shape, layout, _LAYOUTS)
    check_range("image", image, value_range)
    patch, stride = _check_patch(patch, stride, height, width)
    batch_size = check_size("batch_size", batch_size)
    fill = Spec(fill="constant", fill_value=fill_value).fill_value
    one, batch_layout = np.array(image[np.newaxis], order="C"), cast("Layout", f"N{layout}")
    scores = ask_model(predict, one.copy(), None)
    classes = scores.shape[1]
    target = int(scores.argmax()) if target is None else check_whole("target", target, 0, classes - 1)
    clean, score = scores[0], float(scores[0, target])
    boxes = _patch_boxes(height, width, patch, stride)
    falls, n_patches = np.zeros((2, height, width))
    with progress_bar("Sliding", len(boxes), shown=progress) as advance:
        for start in range(0, len(boxes), batch_size):
            part = boxes[start : start + batch_size]
            n = len(part)
            rectangles = Rectangles(image=np.arange(n), boxes=part, fill=np.array([fill] * n), n_images=n)
            batch = paint_rectangles(one.repeat(n, 0), rectangles, layout=batch_layout, value_range=value_range)
            scores = ask_model(predict, batch, classes)
            for (top, left, bottom, right), occluded in zip(part.tolist(), scores[:, target].tolist(), strict=True):
                falls[top:bottom, left:right] += score - occluded
                n_patches[top:bottom, left:right] += 1
            advance(n)
    heat, picture = falls / n_patches, _picture(image, layout, value_range)
    probabilities = clean.min() >= 0 and abs(float(clean.sum()) - 1) < 1e-3
    if float(np.abs(heat).max()) <= _BLANK * (1 if probabilities else abs(score)):
        warnings.warn(_say_blank(target, score, probabilities=probabilities), UserWarning, stacklevel=2)
    return OcclusionMap(heat=heat, target=target, score=score, patch=patch, stride=stride, picture=picture)


def _say_blank(target: int, score: float, *, probabilities: bool) -> str:
    stays = f"the score of class {target} stays at {score:.6g} wherever the patch lies, and the map is blank: "
    if probabilities and min(score, 1 - score) < 1e-3:
        return stays + "let predict return logits, the numbers before the softmax, which is saturated here"
    return stays + "type a larger patch, or a fill_value that the image does not have"


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
    """Return where patches begin along a side; the last one ends at the border."""
    return [*range(0, side - patch, stride), side - patch]


def _picture(image: NDArray[Any], layout: Layout, value_range: tuple[float, float] | None) -> NDArray[np.float64]:
    """Return an image as (h, w) or (h, w, 3), from 0 to 1."""
    low, high = resolve_value_range(value_range, image.dtype)
    picture = np.clip((image.real.astype(np.float64) - low) / (high - low), 0, 1)
    if layout == "HW":
        return picture
    if layout == "CHW":
        picture = np.moveaxis(picture, 0, -1)
    # Three or four channels are RGB or RGBA; other channels have no colour.
    return picture[..., :3] if picture.shape[-1] in (3, 4) else picture.mean(axis=-1)
