"""How a model bears occlusion: accuracy against what is hidden, and the parts of an image that its answer hangs on.

Both tools ask nothing of a model but a function ``predict(images) -> scores``. It gets batches in the layout and dtype
of the images it was given with, always with the axis of the batch in front, each a copy that it may change. It returns
one row for each image and one column for each of at least two classes, as anything that NumPy reads::

    lambda images: model.predict_proba(images.reshape(len(images), -1))      scikit-learn: flat rows
    model.predict_on_batch                                                   Keras
    torch.no_grad()(lambda images: model(torch.from_numpy(images)))          PyTorch: NCHW, after model.eval()

The plots need matplotlib and the progress bars need rich: ``pip install "dustaug[robustness]"``.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _plots
from ._checks import check_choice, check_dtype, check_seed, check_whole, not_an_array, resolve_value_range
from ._memory import Layout, Memory, make_memory
from ._models import ask_model, check_classes, check_labels, check_predict, progress_bar
from .core import Rectangles, add_dust, paint_rectangles, sample_rectangles
from .spec import Spec, dust

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["OcclusionCurve", "OcclusionMap", "occlusion_curve", "occlusion_map"]

Occlusion = Spec | Callable[[NDArray[Any], NDArray[np.int64]], NDArray[Any]]

_MAX_BATCH = 2**31 - 1
_DEFAULT_COUNTS = (4, 8, 16, 32, 64)
_BATCH_LAYOUTS: dict[int, tuple[Layout, ...]] = {3: ("NHW",), 4: ("NHWC", "NCHW")}
_IMAGE_LAYOUTS: dict[int, tuple[Layout, ...]] = {2: ("HW",), 3: ("HWC", "CHW")}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class OcclusionCurve:
    """What :func:`occlusion_curve` measured. Shares run from 0 to 1; tuples have one number for each severity.

    Parameters
    ----------
    n_images : int
        Number of images.
    clean_accuracy : float
        Share of the images as they are that the model gets right.
    severities : tuple of float
        Severities, rising.
    coverage : tuple of float
        Share of all pixels that lies under rectangles; where a function occludes, the share that it changed.
    accuracy : tuple of float
        Share of the occluded images that the model gets right.
    flip_rate : tuple of float
        Share of the images whose class, right or wrong, is not the one that the model sees in the clean image.

    Examples
    --------
    >>> curve = OcclusionCurve(
    ...     n_images=50,
    ...     clean_accuracy=0.9,
    ...     severities=(4, 8),
    ...     coverage=(0.1, 0.2),
    ...     accuracy=(0.8, 0.6),
    ...     flip_rate=(0.12, 0.3),
    ... )
    >>> curve
    OcclusionCurve of 50 images
    severity  coverage  accuracy  flip rate
       clean     0.0 %    90.0 %      0.0 %
           4    10.0 %    80.0 %     12.0 %
           8    20.0 %    60.0 %     30.0 %
    >>> OcclusionCurve(**curve.to_dict()) == curve
    True
    """

    n_images: int
    clean_accuracy: float
    severities: tuple[float, ...]
    coverage: tuple[float, ...]
    accuracy: tuple[float, ...]
    flip_rate: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain numbers and tuples, ready for JSON."""
        return dataclasses.asdict(self)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        x: Literal["severity", "coverage"] = "severity",
        y: Literal["accuracy", "flip_rate"] = "accuracy",
        label: str | None = None,
        color: Any = None,
    ) -> Axes:
        """Draw the curve from the clean images on, over its band of 95 % confidence.

        The band is Wilson's interval for a share of `n_images` independent images. It knows nothing of other seeds, nor
        of other training runs. Curves of several models are drawn into one `ax`, each with its `label`.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if left out.
        x : {"severity", "coverage"}
            What runs along the axis: coverage makes different kinds of occlusion comparable.
        y : {"accuracy", "flip_rate"}
            What is drawn. The accuracy of the clean images is a star with a dotted line, and stands in the legend.
        label : str, optional
            Name of the model in the legend.
        color : matplotlib colour, optional
            By default the next colour of `ax`.

        Returns
        -------
        matplotlib Axes
            `ax`, with title, labels in % and a legend.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `x` or `y` is none of its choices.
        """
        check_choice("x", x, ("severity", "coverage"))
        check_choice("y", y, ("accuracy", "flip_rate"))
        return _plots.draw_curve(
            ax,
            (0, *(self.severities if x == "severity" else self.coverage)),
            (self.clean_accuracy, *self.accuracy) if y == "accuracy" else (0, *self.flip_rate),
            n_images=self.n_images,
            x=x,
            y=y,
            label=label,
            color=color,
        )

    def __repr__(self) -> str:
        rows = zip(
            ("clean", *(f"{severity:g}" for severity in self.severities)),
            (0, *self.coverage),
            (self.clean_accuracy, *self.accuracy),
            (0, *self.flip_rate),
            strict=True,
        )
        lines = [f"{name:>8}{100 * a:8.1f} %{100 * b:8.1f} %{100 * c:9.1f} %" for name, a, b, c in rows]
        head = [f"OcclusionCurve of {self.n_images:,} images", "severity  coverage  accuracy  flip rate"]
        return "\n".join(head + lines)


def occlusion_curve(
    predict: Callable[[NDArray[Any]], Any],
    images: NDArray[Any],
    labels: ArrayLike,
    occlusions: Mapping[float, Occlusion] | None = None,
    *,
    seed: int = 0,
    batch_size: int = 64,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
    progress: bool = True,
) -> OcclusionCurve:
    """Measure a model's accuracy, and how often its answer flips, against how much of the images is hidden.

    Image number i gets the occlusion of index i, whatever the batch size is, and two models get the same one. Specs
    that differ in their count only, as the default ones do, grow: what a severity hides, the next one hides too.

    Parameters
    ----------
    predict : callable, (n, …) -> (n, classes)
        The model: see the head of this module.
    images : array, (n, h, w, c), (n, c, h, w) or (n, h, w), left as it is
        Any dtype that :func:`dustaug.add_dust` paints.
    labels : whole numbers, (n,)
        The right classes, as positions of columns of the scores.
    occlusions : dict of float to Spec or callable, optional
        What to do at each severity, a number above 0 of any unit. A spec is painted by :func:`dustaug.add_dust`. A
        callable ``(images, index) -> images`` gets a batch of copies, which it may change and return, and int64
        indices (n,) to draw its randomness from. By default exactly 4, 8, 16, 32 and 64 rectangles of
        :func:`dustaug.dust`, which are made for images of about 224 pixels.
    seed : int, default 0
        0 … 2**64 - 1, of the specs; a callable brings its own.
    batch_size : int, default 64
        Greatest number of images that `predict` gets at once.
    layout : {"NHWC", "NCHW", "NHW"}, optional
        By default NHWC or NHW, by the number of axes.
    value_range : (float, float), optional
        Values of black and white. By default 0 and 1 for floats and bool, 0 and the dtype's largest value for integers.
    progress : bool, default True
        Show a bar on the standard error stream.

    Returns
    -------
    OcclusionCurve

    Raises
    ------
    ImportError
        If rich is not installed, unless ``progress=False``.
    TypeError
        If an argument, or what `predict` or an occlusion returns, is of the wrong kind.
    ValueError
        If it has the wrong shape, or is out of its limits.

    Examples
    --------
    A model that finds white brighter than black, and looks at the pixel in the middle only:

    >>> import numpy as np, dustaug
    >>> images = np.repeat(np.array([0, 255], np.uint8), 50)[:, None, None].repeat(9, 1).repeat(9, 2)
    >>> labels = np.repeat([0, 1], 50)
    >>> squares = {side: dustaug.cutout(side, fill_value=255) for side in (3, 9)}
    >>> occlusion_curve(lambda x: np.eye(2)[x[:, 4, 4] // 128], images, labels, squares, progress=False)
    OcclusionCurve of 100 images
    severity  coverage  accuracy  flip rate
       clean     0.0 %   100.0 %      0.0 %
           3     9.7 %    94.0 %      6.0 %
           9    57.8 %    50.0 %     50.0 %
    """
    check_predict(predict)
    memory, layout = _check_images("images", images, layout, _BATCH_LAYOUTS)
    if not len(images) or not memory.height or not memory.width:
        raise ValueError(f"images must be at least one image of at least one pixel, got shape {images.shape}")
    truth, levels = check_labels(labels, len(images)), _check_occlusions(occlusions)
    if any(
        isinstance(level, Spec) and level.normalize_mean is None and level.fill != "mean" for level in levels.values()
    ):
        _check_range("images", images, value_range)
    occlude = functools.partial(_occlude, memory=memory, layout=layout, seed=check_seed(seed), value_range=value_range)
    batch_size = check_whole("batch_size", batch_size, 1, _MAX_BATCH)
    starts = range(0, len(images), batch_size)
    hits, flips, covered = np.zeros((3, len(levels)), np.int64)
    clean_hits, classes = 0, None
    with progress_bar("Occluding", len(starts) * (1 + len(levels)), shown=progress) as advance:
        for start in starts:
            part = slice(start, start + batch_size)
            originals, index = images[part], np.arange(len(images))[part]
            scores = ask_model(predict, np.array(originals, order="C"), classes)
            if classes is None:
                classes = scores.shape[1]
                check_classes(truth, classes)
            clean = scores.argmax(axis=1)
            clean_hits += int(np.count_nonzero(clean == truth[part]))
            advance()
            for i, level in enumerate(levels.values()):
                occluded, n_pixels = occlude(level, originals, index)
                guess = ask_model(predict, occluded, classes).argmax(axis=1)
                hits[i] += np.count_nonzero(guess == truth[part])
                flips[i] += np.count_nonzero(guess != clean)
                covered[i] += n_pixels
                advance()
    n_images, n_pixels = len(images), len(images) * memory.height * memory.width
    return OcclusionCurve(
        n_images=n_images,
        clean_accuracy=clean_hits / n_images,
        severities=tuple(levels),
        coverage=tuple((covered / n_pixels).tolist()),
        accuracy=tuple((hits / n_images).tolist()),
        flip_rate=tuple((flips / n_images).tolist()),
    )


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
    """Find the parts of an image that a model's answer hangs on, by hiding one after the other.

    A square patch slides over the image, and the fall of a class's score is noted at each of its places (Zeiler and
    Fergus, 2013, arXiv:1311.2901). A pixel's heat is the mean over all patches that cover it. The last patch of a row
    or column is pushed back to the border, so that every pixel is covered.

    Parameters
    ----------
    predict : callable, (n, …) -> (n, classes)
        The model: see the head of this module.
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
        As in :func:`occlusion_curve`.

    Returns
    -------
    OcclusionMap

    Raises
    ------
    ImportError, TypeError, ValueError
        As :func:`occlusion_curve`.

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
    memory, layout = _check_images("image", image, layout, _IMAGE_LAYOUTS)
    height, width = memory.height, memory.width
    if not height or not width:
        raise ValueError(f"image must have at least one pixel, got shape {image.shape}")
    _check_range("image", image, value_range)
    shorter = min(height, width)
    patch = max(1, shorter // 8) if patch is None else patch
    if check_whole("patch", patch, 1, _MAX_BATCH) > shorter:
        raise ValueError(
            f"patch must fit into the {height} by {width} pixels of the image, got {patch}: type patch={shorter}"
        )
    stride = max(1, patch // 2) if stride is None else stride
    if check_whole("stride", stride, 1, _MAX_BATCH) > patch:
        raise ValueError(
            f"stride must be at most the {patch} pixels of the patch, so that every pixel is hidden, got {stride}: "
            f"type stride={patch}"
        )
    batch_size = check_whole("batch_size", batch_size, 1, _MAX_BATCH)
    fill = Spec(fill="constant", fill_value=fill_value).fill_value
    one, batch_layout = np.array(image[np.newaxis], order="C"), cast("Layout", f"N{layout}")
    scores = ask_model(predict, one.copy(), None)
    classes = scores.shape[1]
    target = int(scores.argmax()) if target is None else check_whole("target", target, 0, classes - 1)
    score = float(scores[0, target])
    corners = [(top, left) for top in _places(height, patch, stride) for left in _places(width, patch, stride)]
    boxes = np.array([(top, left, top + patch, left + patch) for top, left in corners], np.int32)
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


def _occlude(
    occlusion: Occlusion,
    originals: NDArray[Any],
    index: NDArray[np.int64],
    *,
    memory: Memory,
    layout: Layout,
    seed: int,
    value_range: tuple[float, float] | None,
) -> tuple[NDArray[Any], int]:
    """Return occluded copies of a batch, and how many of its pixels are covered."""
    copies = np.array(originals, order="C")
    if isinstance(occlusion, Spec):
        add_dust(copies, occlusion, seed=seed, index=index, layout=layout, value_range=value_range)
        rectangles = sample_rectangles(occlusion, height=memory.height, width=memory.width, seed=seed, index=index)
        return copies, int(np.count_nonzero(rectangles.mask(memory.height, memory.width)))
    occluded = occlusion(copies, index.copy())
    if not isinstance(occluded, np.ndarray):
        raise TypeError(
            f"an occlusion must return the images as a NumPy array, got {type(occluded).__name__}: type return images"
        )
    if (occluded.shape, occluded.dtype) != (originals.shape, originals.dtype):
        raise ValueError(
            f"an occlusion must return {originals.dtype} images of shape {originals.shape}, as it got them, "
            f"got {occluded.dtype} of shape {occluded.shape}"
        )
    changed = occluded != originals
    if "C" in layout:
        changed = changed.any(axis=layout.index("C"))
    return occluded, int(changed.sum())


def _check_images(
    name: str, images: Any, layout: Layout | None, layouts: Mapping[int, tuple[Layout, ...]]
) -> tuple[Memory, Layout]:
    """Return how a copy of images, or of one, lies in memory, and its layout; by default the first of its axes'."""
    if not isinstance(images, np.ndarray):
        raise not_an_array(images)
    check_dtype(images.dtype)
    if images.ndim not in layouts:
        axes = " or ".join(map(str, layouts))
        hint = "images.reshape(len(images), height, width)" if name == "images" else "images[0] for one of a batch"
        raise ValueError(f"{name} must have {axes} axes, got shape {images.shape}: type {hint}")
    if layout is not None:
        check_choice("layout", layout, tuple(each for group in layouts.values() for each in group))
    first = layouts[images.ndim][0]
    # Three axes may be a batch of grey images here, which the rooms below would take for one of many channels.
    chosen = layout or ("NHW" if first == "NHW" else None)
    strides = tuple(images.itemsize * math.prod(images.shape[axis + 1 :]) for axis in range(images.ndim))
    memory = make_memory(images.shape, strides, images.dtype, chosen)
    return memory, layout or first


def _check_range(name: str, images: NDArray[Any], value_range: tuple[float, float] | None) -> None:
    """Refuse floats beyond [0, 1] without a value range, on which the brightness of what is painted hangs."""
    resolve_value_range(value_range, images.dtype)
    if value_range is None and images.dtype.kind not in "biuc":
        low, high = float(images.min()), float(images.max())
        if low < -1e-3 or high > 1 + 1e-3:
            raise ValueError(
                f"{name} of {images.dtype} must lie in [0, 1], got {low:g} to {high:g}: type value_range=(0, 255), or "
                "whatever black and white are"
            )


def _check_occlusions(occlusions: Any) -> dict[float, Occlusion]:
    """Return occlusions by rising severity."""
    if occlusions is None:
        return {float(count): dust(count_range=(count, count)) for count in _DEFAULT_COUNTS}
    if not isinstance(occlusions, Mapping):
        raise TypeError(
            f"occlusions must be a dict of severities, got {type(occlusions).__name__}: type "
            "{8: dustaug.dust(count_range=(8, 8))}"
        )
    if not occlusions:
        raise ValueError(
            "occlusions must name at least one severity, got none: type {8: dustaug.dust(count_range=(8, 8))}"
        )
    for severity, occlusion in occlusions.items():
        if isinstance(severity, (bool, str)) or not isinstance(severity, (int, float, np.integer, np.floating)):
            raise TypeError(f"severities must be numbers, got {severity!r}")
        if not 0 < severity < math.inf:
            raise ValueError(
                f"severities must be above 0 and finite, got {severity!r}: the clean images are measured anyway"
            )
        if not isinstance(occlusion, Spec) and not callable(occlusion):
            raise TypeError(
                f"an occlusion must be a dustaug.Spec or a function (images, index) -> images, got "
                f"{type(occlusion).__name__}"
            )
    return {float(severity): occlusions[severity] for severity in sorted(occlusions)}
