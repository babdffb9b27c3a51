"""What was measured: values that can be stored, printed and plotted."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from dustaug._engine.checks import check_choice, check_whole

from . import _plots, _predict

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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

    Raises
    ------
    TypeError
        If a field is of the wrong kind.
    ValueError
        If a share is not from 0 to 1, if the tuples differ in length, or if `n_images` is below 1.

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
        object.__setattr__(self, "clean_accuracy", _check_share("clean_accuracy", self.clean_accuracy))
        lengths = []
        for name in ("severities", "coverage", "accuracy", "flip_rate"):
            given = getattr(self, name)
            try:
                items = tuple(given)
            except TypeError:
                raise TypeError(f"{name} must be a tuple of numbers, got {type(given).__name__}") from None
            check = _predict.check_real if name == "severities" else _check_share
            numbers = tuple(check(f"each number of {name}", item) for item in items)
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
        places = find_places(self, x)
        check_choice("y", y, ("accuracy", "flip_rate"))
        shares = (self.clean_accuracy, *self.accuracy) if y == "accuracy" else (0, *self.flip_rate)
        return _plots.draw_curve(ax, places, shares, n_images=self.n_images, x=x, y=y, label=label, color=color)

    def relative_to(self, other: OcclusionCurve) -> OcclusionComparison:
        """Compare the errors with those of a reference model on the same images, as the corruption error does.

        Parameters
        ----------
        other : OcclusionCurve
            Curve of the reference model, with the same severities and number of images.

        Returns
        -------
        OcclusionComparison

        Raises
        ------
        TypeError
            If `other` is not a curve.
        ValueError
            If it has other severities, or another number of images.
        """
        return OcclusionComparison(curve=self, reference=other)

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


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class OcclusionComparison:
    """Result of :meth:`OcclusionCurve.relative_to`: a model's errors, measured in those of a reference model.

    An error is the share of the images that a model gets wrong, 1 - accuracy. The corruption error of Hendrycks and
    Dietterich (2019, arXiv:1903.12261) divides the sum of the errors over all severities by that of the reference. The
    paper's reference is AlexNet, and its mCE is the mean of the corruption errors over several corruptions. All numbers
    are shares here, which the paper states in %.

    Parameters
    ----------
    curve, reference : OcclusionCurve
        Curves of the model and of the reference model, on the same images with the same occlusions.

    Raises
    ------
    TypeError
        If an argument is not a curve.
    ValueError
        If the curves have different severities or numbers of images.

    Examples
    --------
    >>> shared = {"n_images": 50, "severities": (4, 8), "coverage": (0.1, 0.2), "flip_rate": (0.12, 0.3)}
    >>> model = OcclusionCurve(clean_accuracy=0.9, accuracy=(0.8, 0.7), **shared)
    >>> reference = OcclusionCurve(clean_accuracy=0.8, accuracy=(0.6, 0.4), **shared)
    >>> model.relative_to(reference)
    OcclusionComparison of 50 images
    severity     error reference     ratio
       clean    10.0 %    20.0 %    50.0 %
           4    20.0 %    40.0 %    50.0 %
           8    30.0 %    60.0 %    50.0 %
    corruption error 50.0 %, relative corruption error 50.0 %
    """

    curve: OcclusionCurve
    reference: OcclusionCurve

    def __post_init__(self) -> None:
        _read_curves(self, "curve", "reference")
        ours, theirs = self.curve.n_images, self.reference.n_images
        if ours != theirs:
            raise ValueError(f"curve and reference must be of the same images, got {ours:,} and {theirs:,} images")

    @property
    def ratio(self) -> tuple[float, ...]:
        """The model's error divided by the reference's at each severity; NaN where the reference makes none."""
        pairs = zip(self.curve.accuracy, self.reference.accuracy, strict=True)
        return tuple(_divide(1 - ours, 1 - theirs) for ours, theirs in pairs)

    @property
    def corruption_error(self) -> float:
        """Sum of the model's errors over all severities, divided by that of the reference; NaN if it makes none."""
        return _divide(*(sum(1 - each for each in curve.accuracy) for curve in (self.curve, self.reference)))

    @property
    def relative_corruption_error(self) -> float:
        """The same of what the occlusion adds: the errors less the error on clean images.

        It compares how much two models lose where one is better on clean images. NaN if the reference does not lose.
        """
        return _divide(
            *(sum(curve.clean_accuracy - each for each in curve.accuracy) for curve in (self.curve, self.reference))
        )

    def to_dict(self) -> dict[str, Any]:
        """Return both curves as dicts, ready for JSON; ``OcclusionComparison(**fields)`` reads it back."""
        return dataclasses.asdict(self)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        x: Literal["severity", "coverage"] = "severity",
        label: str | None = None,
        color: Any = None,
    ) -> Axes:
        """Draw the ratio of the errors, which begins with the clean images. The dotted line is the reference, 100 %.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if left out.
        x : {"severity", "coverage"}
            Quantity of the horizontal axis; coverage is that of the model's own curve.
        label : str, optional
            Name of the model in the legend, where its corruption error follows.
        color : matplotlib colour, optional
            By default the next colour of `ax`.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `x` is not one of its choices.
        """
        places = find_places(self.curve, x)
        ratios = (_divide(1 - self.curve.clean_accuracy, 1 - self.reference.clean_accuracy), *self.ratio)
        error = self.corruption_error
        return _plots.draw_ratio(ax, places, ratios, corruption_error=error, x=x, label=label, color=color)

    def __repr__(self) -> str:
        names = ("clean", *(f"{severity:g}" for severity in self.curve.severities))
        ours, theirs = (
            [1 - each for each in (curve.clean_accuracy, *curve.accuracy)] for curve in (self.curve, self.reference)
        )
        lines = [
            f"{name:>8}{100 * a:8.1f} %{100 * b:8.1f} %{100 * _divide(a, b):8.1f} %"
            for name, a, b in zip(names, ours, theirs, strict=True)
        ]
        head = [f"OcclusionComparison of {self.curve.n_images:,} images", "severity     error reference     ratio"]
        last = (
            f"corruption error {100 * self.corruption_error:.1f} %, "
            f"relative corruption error {100 * self.relative_corruption_error:.1f} %"
        )
        return "\n".join([*head, *lines, last])


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class OcclusionGap:
    """Result of :func:`occlusion_gap`: the gap between the accuracy on train and on test images, under occlusion.

    A model that was trained with an occlusion has learnt its look, so that its accuracy under this occlusion says
    little about what it lost of the images. Marcu (2022, arXiv:2211.13734) compares the gap between
    train and test images instead: what the artefact itself does to the model falls on both. Their iOcclusion is
    `ratio`.

    Parameters
    ----------
    train, test : OcclusionCurve
        Curves of one model with the same occlusions.

    Raises
    ------
    TypeError
        If an argument is not a curve.
    ValueError
        If the curves have different severities.

    Examples
    --------
    >>> shared = {"n_images": 50, "severities": (4, 8), "coverage": (0.1, 0.2), "flip_rate": (0.12, 0.3)}
    >>> gap = OcclusionGap(
    ...     train=OcclusionCurve(clean_accuracy=1.0, accuracy=(0.9, 0.7), **shared),
    ...     test=OcclusionCurve(clean_accuracy=0.9, accuracy=(0.7, 0.6), **shared),
    ... )
    >>> gap
    OcclusionGap of 50 train and 50 test images
    severity     train      test       gap    change
       clean   100.0 %    90.0 %    10.0 %     0.0 %
           4    90.0 %    70.0 %    20.0 %    10.0 %
           8    70.0 %    60.0 %    10.0 %     0.0 %
    >>> [round(ratio, 6) for ratio in gap.ratio]
    [2.0, 1.0]
    """

    train: OcclusionCurve
    test: OcclusionCurve

    def __post_init__(self) -> None:
        _read_curves(self, "train", "test")

    @property
    def clean_gap(self) -> float:
        """Accuracy on the clean train images less that on the clean test images."""
        return self.train.clean_accuracy - self.test.clean_accuracy

    @property
    def gap(self) -> tuple[float, ...]:
        """Accuracy on the occluded train images less that on the occluded test images, at each severity."""
        return tuple(train - test for train, test in zip(self.train.accuracy, self.test.accuracy, strict=True))

    @property
    def change(self) -> tuple[float, ...]:
        """How much the gap grows under the occlusion, at each severity."""
        return tuple(gap - self.clean_gap for gap in self.gap)

    @property
    def ratio(self) -> tuple[float, ...]:
        """Size of the gap divided by that of the clean images, without signs (iOcclusion); NaN if these have no gap."""
        return tuple(_divide(abs(gap), abs(self.clean_gap)) for gap in self.gap)

    def to_dict(self) -> dict[str, Any]:
        """Return both curves as dicts, ready for JSON; ``OcclusionGap(**fields)`` reads it back."""
        return dataclasses.asdict(self)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        x: Literal["severity", "coverage"] = "severity",
        label: str | None = None,
        color: Any = None,
    ) -> Axes:
        """Draw the gap, which begins with the clean images, and its band of 95 % confidence.

        The band is Newcombe's interval for the difference of two shares of independent images (1998, method 10). It
        does not cover the variation between seeds or training runs. The dotted line is the gap of the clean images.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if left out.
        x : {"severity", "coverage"}
            Quantity of the horizontal axis; coverage is that of the test images.
        label : str, optional
            Name of the model in the legend.
        color : matplotlib colour, optional
            By default the next colour of `ax`.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `x` is not one of its choices.
        """
        places = find_places(self.test, x)
        train, test = ((curve.clean_accuracy, *curve.accuracy) for curve in (self.train, self.test))
        n_images = self.train.n_images, self.test.n_images
        return _plots.draw_gap(ax, places, train, test, n_images=n_images, x=x, label=label, color=color)

    def __repr__(self) -> str:
        rows = zip(
            ("clean", *(f"{severity:g}" for severity in self.test.severities)),
            (self.train.clean_accuracy, *self.train.accuracy),
            (self.test.clean_accuracy, *self.test.accuracy),
            strict=True,
        )
        lines = [
            f"{name:>8}" + "".join(f"{100 * each:8.1f} %" for each in (train, test, train - test, change))
            for (name, train, test), change in zip(rows, (0.0, *self.change), strict=True)
        ]
        head = [
            f"OcclusionGap of {self.train.n_images:,} train and {self.test.n_images:,} test images",
            "severity     train      test       gap    change",
        ]
        return "\n".join(head + lines)


def _check_share(name: str, number: Any) -> float:
    share = _predict.check_real(name, number)
    if not 0 <= share <= 1:  # NaN too.
        hint = f": type {share / 100:.4g} for {share:.4g} %" if 1 < share <= 100 else ""
        raise ValueError(f"{name} must be from 0 to 1, got {share:.9g}{hint}")
    return share


def read_curve(name: str, given: Any) -> OcclusionCurve:
    """Return a curve, also of a dict, as JSON gives it back."""
    is_dict = isinstance(given, Mapping) and set(given) == {field.name for field in dataclasses.fields(OcclusionCurve)}
    curve = OcclusionCurve(**given) if is_dict else given
    if not isinstance(curve, OcclusionCurve):
        raise TypeError(f"{name} must be an OcclusionCurve, got {type(curve).__name__}: type occlusion_curve(…)")
    return curve


def _read_curves(result: OcclusionComparison | OcclusionGap, *names: str) -> None:
    """Check that the fields are curves of the same severities. A dict becomes a curve."""
    severities = []
    for name in names:
        curve = read_curve(name, getattr(result, name))
        object.__setattr__(result, name, curve)
        severities.append(curve.severities)
    if severities[0] != severities[1]:
        first, second = (", ".join(f"{number:g}" for number in each) for each in severities)
        raise ValueError(
            f"{names[0]} and {names[1]} must have the same severities, got {first} and {second}: type the same "
            "occlusions for both curves"
        )


def find_places(curve: OcclusionCurve, x: Any) -> tuple[float, ...]:
    """Return where the clean images and each severity lie on the horizontal axis."""
    check_choice("x", x, ("severity", "coverage"))
    return (0.0, *(curve.severities if x == "severity" else curve.coverage))


def _divide(part: float, whole: float) -> float:
    """Return a ratio, or NaN where there is nothing to divide by."""
    return part / whole if whole > 0 else math.nan
