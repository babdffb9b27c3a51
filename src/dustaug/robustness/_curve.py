"""Accuracy against the severity of occlusion."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dustaug._engine.checks import check_choice, check_whole, resolve_value_range
from dustaug._engine.contract import FILLS
from dustaug._engine.coordinates import check_seed
from dustaug._engine.memory import Layout
from dustaug._errors import shown
from dustaug.core import add_dust, sample_rectangles
from dustaug.presets import cutout, dust, random_erasing
from dustaug.schedule import refuse_schedule
from dustaug.spec import Spec

from . import _plots, _predict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Occlusion = Spec | Callable[[NDArray[Any], NDArray[np.int64]], NDArray[Any]]

# They make specs, and are none.
_PRESETS = (Spec, dust, cutout, random_erasing)
_DEFAULT_COUNTS = (4, 8, 16, 32, 64)
_LAYOUTS: dict[int, tuple[Layout, ...]] = {3: ("NHW",), 4: ("NHWC", "NCHW")}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class OcclusionCurve:
    """Result of :func:`occlusion_curve`. Shares run from 0 to 1; tuples have one number for each severity.

    Parameters
    ----------
    n_images : int
        Number of images.
    clean_accuracy : float
        Share of the clean images that the model gets right.
    severities : tuple of float
        Severities in rising order.
    coverage : tuple of float
        Share of all pixels that lie under rectangles, or that the callable changed.
    accuracy : tuple of float
        Share of the occluded images that the model gets right.
    flip_rate : tuple of float
        Share of the images whose predicted class, right or wrong, differs from that of the clean image.

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

    def __post_init__(self) -> None:
        check_whole("n_images", self.n_images, 1, 2**63 - 1)
        object.__setattr__(self, "clean_accuracy", _predict.check_real("clean_accuracy", self.clean_accuracy))
        lengths = []
        for name in ("severities", "coverage", "accuracy", "flip_rate"):
            given = getattr(self, name)
            try:
                items = tuple(given)
            except TypeError:
                raise TypeError(f"{name} must be a tuple of numbers, got {type(given).__name__}") from None
            numbers = tuple(_predict.check_real(f"each number of {name}", item) for item in items)
            object.__setattr__(self, name, numbers)
            lengths.append(len(numbers))
        if len(set(lengths)) > 1:
            raise ValueError(
                "severities, coverage, accuracy and flip_rate must have one number for each severity, got "
                f"{', '.join(map(str, lengths))} numbers"
            )

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
        """Draw the curve, which begins with the clean images, and its band of 95 % confidence.

        The band is Wilson's interval for a share of `n_images` independent images. It does not cover the variation
        between seeds or training runs. To compare models, draw their curves into one `ax`, each with a `label`.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if left out.
        x : {"severity", "coverage"}
            Quantity of the horizontal axis; coverage makes different kinds of occlusion comparable.
        y : {"accuracy", "flip_rate"}
            Quantity of the vertical axis. A star with a dotted line, and the legend, show the clean accuracy.
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
            If `x` or `y` is not one of its choices.
        """
        check_choice("x", x, ("severity", "coverage"))
        check_choice("y", y, ("accuracy", "flip_rate"))
        places = (0, *(self.severities if x == "severity" else self.coverage))
        shares = (self.clean_accuracy, *self.accuracy) if y == "accuracy" else (0, *self.flip_rate)
        return _plots.draw_curve(ax, places, shares, n_images=self.n_images, x=x, y=y, label=label, color=color)

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
    """Measure a model's accuracy, and how often its answer flips, against the severity of occlusion.

    Image number i gets the occlusion of index i, whatever the batch size is, and all models get the same one. Specs
    that differ in their count only, such as the default ones, are nested: each severity hides all that the one below
    hides.

    Parameters
    ----------
    predict : callable, (n, …) -> (n, classes)
        The model, as described at the head of ``dustaug.robustness``.
    images : array, (n, h, w, c), (n, c, h, w) or (n, h, w), left as it is
        Any dtype that :func:`dustaug.add_dust` paints.
    labels : whole numbers, (n,)
        The right classes, as positions of columns of the scores.
    occlusions : dict of float to Spec or callable, optional
        Occlusion for each severity, a number above 0 of any unit. A spec is painted by :func:`dustaug.add_dust`. A
        callable ``(images, index) -> images`` gets a batch of copies, which it may change and return, and int64
        indices (n,) to draw its randomness from. By default exactly 4, 8, 16, 32 and 64 rectangles of
        :func:`dustaug.dust`, which are made for images of about 224 pixels.
    seed : int, default 0
        0 … 2**64 - 1, for specs; a callable has its own randomness.
    batch_size : int, default 64
        Greatest number of images that `predict` gets at once.
    layout, value_range : optional
        As in :func:`dustaug.add_dust`, but the layout is NHWC, NCHW or NHW, by default NHWC or NHW.
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
    This model tells white from black images by the pixel in the middle:

    >>> import numpy as np, dustaug
    >>> images = np.repeat(np.array([0, 255], np.uint8), 50)[:, None, None].repeat(9, 1).repeat(9, 2)
    >>> labels = np.repeat([0, 1], 50)
    >>> squares = {side: dustaug.cutout(side, fill_value=255) for side in (3, 9)}
    >>> occlusion_curve(lambda x: np.eye(2)[x[:, 4, 4] // 128], images, labels, squares, progress=False)
    OcclusionCurve of 100 images
    severity  coverage  accuracy  flip rate
       clean     0.0 %   100.0 %      0.0 %
           3     9.2 %    95.0 %      5.0 %
           9    53.7 %    50.0 %     50.0 %
    """
    _predict.check_predict(predict)
    images = _predict.check_array("images", images)
    layout, height, width = _predict.check_layout("images", images.shape, layout, _LAYOUTS)
    truth, levels = _predict.check_labels(labels, len(images)), _check_occlusions(occlusions)
    specs = [level for level in levels.values() if isinstance(level, Spec)]
    if any(spec.normalize_mean is None and FILLS[spec.fill].per != "image" for spec in specs):
        _predict.check_range("images", images, value_range)
    elif value_range is not None:
        resolve_value_range(value_range, images.dtype)
    occlude = functools.partial(
        _occlude, size=(height, width), layout=layout, seed=check_seed(seed), value_range=value_range
    )
    batch_size = _predict.check_size("batch_size", batch_size)
    starts = range(0, len(images), batch_size)
    hits, flips, covered = np.zeros((3, len(levels)), np.int64)
    clean_hits, classes = 0, None
    with _predict.progress_bar("Occluding", len(starts) * (1 + len(levels)), shown=progress) as advance:
        for start in starts:
            part = slice(start, start + batch_size)
            originals, index = images[part], np.arange(len(images))[part]
            scores = _predict.ask_model(predict, np.array(originals, order="C"), classes)
            if classes is None:
                classes = scores.shape[1]
                _predict.check_classes(truth, classes)
            clean = scores.argmax(axis=1)
            clean_hits += int(np.count_nonzero(clean == truth[part]))
            advance()
            for i, level in enumerate(levels.values()):
                occluded, n_pixels = occlude(level, originals, index)
                guess = _predict.ask_model(predict, occluded, classes).argmax(axis=1)
                hits[i] += np.count_nonzero(guess == truth[part])
                flips[i] += np.count_nonzero(guess != clean)
                covered[i] += n_pixels
                advance()
    n_images, n_pixels = len(images), len(images) * height * width
    return OcclusionCurve(
        n_images=n_images,
        clean_accuracy=clean_hits / n_images,
        severities=tuple(levels),
        coverage=tuple((covered / n_pixels).tolist()),
        accuracy=tuple((hits / n_images).tolist()),
        flip_rate=tuple((flips / n_images).tolist()),
    )


def _occlude(
    occlusion: Occlusion,
    originals: NDArray[Any],
    index: NDArray[np.int64],
    *,
    size: tuple[int, int],
    layout: Layout,
    seed: int,
    value_range: tuple[float, float] | None,
) -> tuple[NDArray[Any], int]:
    """Return occluded copies of a batch, and how many of its pixels are covered."""
    copies = np.array(originals, order="C")
    if isinstance(occlusion, Spec):
        add_dust(copies, occlusion, seed=seed, index=index, layout=layout, value_range=value_range)
        rectangles = sample_rectangles(occlusion, height=size[0], width=size[1], seed=seed, index=index)
        return copies, int(np.count_nonzero(rectangles.mask(*size)))
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
    changed = (occluded != originals) & ((occluded == occluded) | (originals == originals))  # noqa: PLR0124  NaN.
    if "C" in layout:
        changed = changed.any(axis=layout.index("C"))
    return occluded, int(changed.sum())


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
    levels: dict[float, Occlusion] = {}
    for severity, occlusion in occlusions.items():
        number = _check_severity(severity)
        if number in levels:
            raise ValueError(f"severities must differ as floats, got {number:g} twice")
        refuse_schedule(occlusion, "at each severity", "{8: dustaug.dust(count_range=(8, 8))}")
        preset = next((each.__name__ for each in _PRESETS if each is occlusion), None)
        if preset or not (isinstance(occlusion, Spec) or callable(occlusion)):
            got = f"{preset} without its arguments: type dustaug.{preset}(…)" if preset else type(occlusion).__name__
            raise TypeError(f"an occlusion must be a dustaug.Spec or a function (images, index) -> images, got {got}")
        levels[number] = occlusion
    return dict(sorted(levels.items()))


def _check_severity(severity: Any) -> float:
    if isinstance(severity, (bool, str)) or not isinstance(severity, (int, float, np.integer, np.floating)):
        raise TypeError(f"severities must be numbers, got {shown(severity)}")
    try:
        number = float(severity)
    except OverflowError:
        number = math.inf
    if not 0 < number < math.inf:
        raise ValueError(f"severities must be above 0 and finite, got {number:g}: the clean images are measured anyway")
    return number
