"""What was measured of several trainings: their mean and deviation, and the differences between two kinds of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dustaug._engine.checks import check_choice, check_whole
from dustaug._errors import shown

from . import _plots
from ._results import OcclusionCurve, find_places, read_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# 0.975 quantiles of Student's t distribution with 1, 2, … 30 degrees of freedom.
T_QUANTILES = (
    *(12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139),
    *(2.200985, 2.178813, 2.160369, 2.144787, 2.13145, 2.119905, 2.109816, 2.100922, 2.093024, 2.085963),
    *(2.079614, 2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831, 2.048407, 2.04523, 2.042272),
)
_MOST_DIGITS = 15
_COVERAGE_SLACK = 1e-9


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class OcclusionRuns:
    """Curves of several trainings of one kind, which differ in their seed, of the same occlusions and images.

    How much the accuracy varies from training to training is often more than a gain that is claimed, and no curve of a
    single training can tell. All numbers are shares from 0 to 1.

    Curves do not tell which occlusions they are of. Nothing refuses a curve of cells among curves of pasted objects, if
    severities and numbers of images are the same. Their coverage cannot tell: it also differs between trainings if each
    has cells of its own saliency, or a seed of its own for the occlusions. Look at ``curve.coverage`` if in doubt.

    Parameters
    ----------
    curves : tuple of OcclusionCurve
        One curve of each training, at least one.

    Raises
    ------
    TypeError
        If `curves` are no curves.
    ValueError
        If there is none, or if they have different severities or numbers of images.

    Examples
    --------
    >>> shared = {"n_images": 50, "severities": (4, 8), "coverage": (0.1, 0.2), "flip_rate": (0.12, 0.3)}
    >>> first = OcclusionCurve(clean_accuracy=0.9, accuracy=(0.8, 0.7), **shared)
    >>> second = OcclusionCurve(clean_accuracy=0.9, accuracy=(0.82, 0.6), **shared)
    >>> runs = OcclusionRuns([first, second])
    >>> runs
    OcclusionRuns of 2 trainings on 50 images
    severity  coverage  accuracy ± deviation
       clean     0.0 %    90.0 %       0.0 %
           4    10.0 %    81.0 %       1.4 %
           8    20.0 %    65.0 %       7.1 %
    >>> OcclusionRuns(**runs.to_dict()) == runs
    True
    """

    curves: tuple[OcclusionCurve, ...]

    def __post_init__(self) -> None:
        given: Any = self.curves
        if isinstance(given, (OcclusionCurve, Mapping, str, bytes)):
            raise TypeError(
                f"curves must be a tuple of curves, got {type(given).__name__}: type OcclusionRuns([curve])"
            )
        try:
            items = tuple(given)
        except TypeError:
            raise TypeError(
                f"curves must be a tuple of curves, got {type(given).__name__}: type OcclusionRuns([curve])"
            ) from None
        curves = tuple(read_curve("each of curves", item) for item in items)
        if not curves:
            raise ValueError("curves must be at least one, got none: type OcclusionRuns([occlusion_curve(…), …])")
        for curve in curves[1:]:
            _check_same("curves", curves[0], curve)
        object.__setattr__(self, "curves", curves)

    def __len__(self) -> int:
        return len(self.curves)

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean accuracy of the trainings on clean images, and then at each severity."""
        return _mean(self._accuracy)

    @property
    def deviation(self) -> tuple[float, ...]:
        """Sample standard deviation of the accuracy over the trainings, clean first; NaN for a single training.

        The squares are divided by the number of trainings less one.
        """
        return _deviation(self._accuracy)

    @property
    def _accuracy(self) -> NDArray[np.float64]:
        """Accuracy of each training, (runs, 1 + severities)."""
        return np.array([(curve.clean_accuracy, *curve.accuracy) for curve in self.curves])

    def to_dict(self) -> dict[str, Any]:
        """Return all curves as dicts, ready for JSON; ``OcclusionRuns(**fields)`` reads them back."""
        return dataclasses.asdict(self)

    def minus(self, other: OcclusionRuns) -> OcclusionDifferences:
        """Subtract the accuracy of other trainings run by run, the first from the first, and so on.

        Parameters
        ----------
        other : OcclusionRuns
            As many trainings, with the same occlusions and images. A pair is best of one seed, so that what both share
            cancels out.

        Returns
        -------
        OcclusionDifferences

        Raises
        ------
        TypeError
            If `other` is not an OcclusionRuns.
        ValueError
            If it has another number of trainings, other severities, another number of images, or another coverage, as
            :class:`OcclusionDifferences` says.
        """
        return OcclusionDifferences(runs=self, others=other)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        x: Literal["severity", "coverage"] = "severity",
        label: str | None = None,
        color: Any = None,
    ) -> Axes:
        """Draw the mean accuracy, which begins with the clean images, in a band of one standard deviation.

        The band goes from the mean less the standard deviation over the trainings to the mean plus it. It is no
        confidence interval, and a single training has none.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if left out.
        x : {"severity", "coverage"}
            Quantity of the horizontal axis.
        label : str, optional
            Name of the trainings in the legend.
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
        places = find_places(self.curves[0], x)
        return _plots.draw_runs(ax, places, self.mean, self.deviation, x=x, label=label, color=color)

    def __repr__(self) -> str:
        coverage = np.mean([curve.coverage for curve in self.curves], axis=0)
        rows = zip(_names(self.curves[0]), (0, *coverage), self.mean, self.deviation, strict=True)
        lines = [f"{name:>8}{100 * a:8.1f} %{100 * b:8.1f} %{100 * c:10.1f} %" for name, a, b, c in rows]
        n_images = self.curves[0].n_images
        head = [
            f"OcclusionRuns of {_trainings(len(self))} on {n_images:,} images",
            "severity  coverage  accuracy ± deviation",
        ]
        return "\n".join(head + lines)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class OcclusionDifferences:
    """Result of :meth:`OcclusionRuns.minus`: differences in accuracy between paired trainings.

    Tuples begin with the clean images, and go on with each severity. All numbers are shares.

    Both kinds must be of the same occlusions and images, and their coverage is compared where it can tell. If all
    trainings of each kind have the same coverage, then it does not depend on the training, and it must be the same in
    both kinds. It is not compared if it differs within a kind, as that of cells of each model's own saliency does, and
    not for a single pair.

    Parameters
    ----------
    runs, others : OcclusionRuns
        As many trainings of both kinds, with the same occlusions and images.

    Raises
    ------
    TypeError
        If an argument is not an OcclusionRuns.
    ValueError
        If they have different severities, or numbers of trainings or images, or if each kind has a coverage of its own.

    Examples
    --------
    >>> shared = {"n_images": 50, "severities": (4, 8), "coverage": (0.1, 0.2), "flip_rate": (0.12, 0.3)}
    >>> with_dust = [OcclusionCurve(clean_accuracy=0.9, accuracy=(0.8, each), **shared) for each in (0.7, 0.76)]
    >>> without = [OcclusionCurve(clean_accuracy=0.9, accuracy=(0.76, each), **shared) for each in (0.5, 0.58)]
    >>> differences = OcclusionRuns(with_dust).minus(OcclusionRuns(without))
    >>> differences
    OcclusionDifferences of 2 pairs of trainings on 50 images
    severity  coverage      mean ± deviation      95 % interval
       clean     0.0 %     0.0 %       0.0 %     0.0 to   0.0 %
           4    10.0 %     4.0 %       0.0 %     4.0 to   4.0 %
           8    20.0 %    19.0 %       1.4 %     6.3 to  31.7 %
    """

    runs: OcclusionRuns
    others: OcclusionRuns

    def __post_init__(self) -> None:
        for name in ("runs", "others"):
            given = getattr(self, name)
            runs = OcclusionRuns(**given) if isinstance(given, Mapping) and set(given) == {"curves"} else given
            if not isinstance(runs, OcclusionRuns):
                raise TypeError(f"{name} must be an OcclusionRuns, got {type(runs).__name__}: type OcclusionRuns([…])")
            object.__setattr__(self, name, runs)
        if len(self.runs) != len(self.others):
            raise ValueError(
                "runs and others must be as many trainings, as each is compared with one, got "
                f"{len(self.runs)} and {len(self.others)}"
            )
        _check_same("runs and others", self.runs.curves[0], self.others.curves[0])
        _check_coverage(self.runs.curves, self.others.curves)

    @property
    def differences(self) -> tuple[tuple[float, ...], ...]:
        """Accuracy of each training less that of its partner, one tuple for each pair."""
        return tuple(map(tuple, self._differences.tolist()))

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean of the differences."""
        return _mean(self._differences)

    @property
    def deviation(self) -> tuple[float, ...]:
        """Sample standard deviation of the differences over the pairs; NaN for a single pair."""
        return _deviation(self._differences)

    @property
    def interval(self) -> tuple[tuple[float, float], ...]:
        """Lower and upper limit of the 95 % confidence interval of each mean; NaN for a single pair.

        It is Student's, for independent pairs whose differences are normally distributed, with one degree of freedom
        less than there are pairs. It covers the variation between trainings on these images, and not that between test
        images. Each interval stands for itself: of twenty, one may miss.
        """
        n = len(self.runs)
        reach = find_quantile(n - 1) / math.sqrt(n) if n > 1 else math.nan
        return tuple((m - reach * d, m + reach * d) for m, d in zip(self.mean, self.deviation, strict=True))

    @property
    def _differences(self) -> NDArray[np.float64]:
        """Difference of each pair, (runs, 1 + severities)."""
        return self.runs._accuracy - self.others._accuracy  # noqa: SLF001  Both are of this file.

    def to_dict(self) -> dict[str, Any]:
        """Return both kinds of trainings as dicts, for JSON; ``OcclusionDifferences(**fields)`` reads them back."""
        return dataclasses.asdict(self)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        x: Literal["severity", "coverage"] = "severity",
        label: str | None = None,
        color: Any = None,
    ) -> Axes:
        """Draw the mean difference, which begins with the clean images, and the band of `interval`.

        The dotted line is no difference. A single pair has no band.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if left out.
        x : {"severity", "coverage"}
            Quantity of the horizontal axis.
        label : str, optional
            Name of the difference in the legend.
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
        places = find_places(self.runs.curves[0], x)
        return _plots.draw_differences(ax, places, self.mean, self.interval, x=x, label=label, color=color)

    def __repr__(self) -> str:
        first, n = self.runs.curves[0], len(self.runs)
        coverage = np.mean([curve.coverage for curve in self.runs.curves], axis=0)
        rows = zip(_names(first), (0, *coverage), self.mean, self.deviation, self.interval, strict=True)
        lines = [
            f"{name:>8}{100 * a:8.1f} %{100 * b:8.1f} %{100 * c:10.1f} %{100 * low:8.1f} to {100 * high:5.1f} %"
            for name, a, b, c, (low, high) in rows
        ]
        head = [
            f"OcclusionDifferences of {n} pair{'s' * (n > 1)} of trainings on {first.n_images:,} images",
            "severity  coverage      mean ± deviation      95 % interval",
        ]
        return "\n".join(head + lines)


def occlusion_table(
    runs: Mapping[str, OcclusionRuns | OcclusionCurve],
    *,
    of: Literal["accuracy", "error"] = "accuracy",
    digits: int = 1,
) -> str:
    """Return a Markdown table of trainings: a row for each kind, and a column for clean images and each severity.

    Parameters
    ----------
    runs : dict of str to OcclusionRuns or OcclusionCurve
        What was measured of each kind, with the same severities, on the same images. Rows may be of different
        occlusions.
    of : {"accuracy", "error"}
        The error is 100 % less the accuracy.
    digits : int, default 1
        Digits after the point, 0 … 15.

    Returns
    -------
    str
        Numbers in %: the mean, and ± the standard deviation if there are several trainings.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If there is no row, if the severities or the numbers of images differ, or if an argument is out of its limits.

    Examples
    --------
    >>> shared = {"n_images": 50, "severities": (4, 8), "coverage": (0.1, 0.2), "flip_rate": (0.12, 0.3)}
    >>> curves = [OcclusionCurve(clean_accuracy=0.9, accuracy=(0.8, each), **shared) for each in (0.7, 0.76)]
    >>> print(occlusion_table({"dust": OcclusionRuns(curves), "first of them": curves[0]}))
    | accuracy (%)  |      clean |          4 |          8 |
    |:--------------|-----------:|-----------:|-----------:|
    | dust          | 90.0 ± 0.0 | 80.0 ± 0.0 | 73.0 ± 4.2 |
    | first of them |       90.0 |       80.0 |       70.0 |
    """
    check_choice("of", of, ("accuracy", "error"))
    digits = check_whole("digits", digits, 0, _MOST_DIGITS)
    measured = _check_rows(runs)
    first = next(iter(measured.values())).curves[0]
    rows = [[f"{of} (%)", *_names(first)]]
    for name, each in measured.items():
        _check_same("runs", first, each.curves[0])
        shares = each.mean if of == "accuracy" else tuple(1 - share for share in each.mean)
        cells = [
            f"{100 * share:.{digits}f}" + (f" ± {100 * spread:.{digits}f}" if len(each) > 1 else "")
            for share, spread in zip(shares, each.deviation, strict=True)
        ]
        rows.append([" ".join(name.split()).replace("|", r"\|"), *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"| {row[0]:<{widths[0]}} |" + "".join(f" {cell:>{n}} |" for cell, n in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
    rule = f"|:{'-' * (widths[0] + 1)}|" + "".join(f"{'-' * (n + 1)}:|" for n in widths[1:])
    return "\n".join([lines[0], rule, *lines[1:]])


def find_quantile(freedom: int) -> float:
    """Return the 0.975 quantile of Student's t distribution with some degrees of freedom.

    Beyond the table it is the expansion about the normal quantile in powers of 1 / freedom (Abramowitz and Stegun,
    1964, 26.7.5).
    """
    if freedom <= len(T_QUANTILES):
        return T_QUANTILES[freedom - 1]
    z = 1.959963984540054
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / math.pow(freedom, power) for power, term in enumerate(terms, 1))


def _check_rows(runs: Any) -> dict[str, OcclusionRuns]:
    """Return what was measured by its name; a curve becomes a single training."""
    if not isinstance(runs, Mapping):
        raise TypeError(
            f'runs must be a dict of names, got {type(runs).__name__}: type {{"with dust": OcclusionRuns([…])}}'
        )
    if not runs:
        raise ValueError('runs must have at least one row, got none: type {"with dust": OcclusionRuns([…])}')
    rows = {}
    for name, given in runs.items():
        if not isinstance(name, str):
            raise TypeError(f"names of runs must be strings, got {shown(name)}")
        if not isinstance(given, (OcclusionRuns, OcclusionCurve)):
            raise TypeError(
                f"each of runs must be an OcclusionRuns or an OcclusionCurve, got {type(given).__name__} for "
                f"{shown(name)}: type OcclusionRuns([…])"
            )
        rows[name] = OcclusionRuns((given,)) if isinstance(given, OcclusionCurve) else given
    return rows


def _check_same(names: str, first: OcclusionCurve, other: OcclusionCurve) -> None:
    if first.severities != other.severities:
        ours, theirs = (", ".join(f"{number:g}" for number in curve.severities) for curve in (first, other))
        raise ValueError(
            f"{names} must have the same severities, got {ours} and {theirs}: type the same occlusions for all curves"
        )
    if first.n_images != other.n_images:
        raise ValueError(f"{names} must be of the same images, got {first.n_images:,} and {other.n_images:,} images")


def _check_coverage(runs: tuple[OcclusionCurve, ...], others: tuple[OcclusionCurve, ...]) -> None:
    """Refuse two kinds with a coverage of their own, which no training changes, as their occlusions are not the same.

    Two trainings tell whether the coverage depends on the training. One cannot.
    """
    covered = [np.array([curve.coverage for curve in kind]) for kind in (runs, others)]
    if len(runs) == 1 or any((abs(kind - kind[0]) > _COVERAGE_SLACK).any() for kind in covered):
        return
    ours, theirs = covered[0][0], covered[1][0]
    differs = abs(ours - theirs) > _COVERAGE_SLACK
    if differs.any():
        i = int(differs.argmax())
        raise ValueError(
            "runs and others must be of the same occlusions and images, got a coverage of "
            f"{ours[i]:.9g} and {theirs[i]:.9g} at severity {runs[0].severities[i]:g}: type the same occlusions and "
            "images for all curves"
        )


def _mean(values: NDArray[np.float64]) -> tuple[float, ...]:
    means: list[float] = values.mean(axis=0).tolist()
    return tuple(means)


def _deviation(values: NDArray[np.float64]) -> tuple[float, ...]:
    if len(values) == 1:  # NumPy would warn.
        return tuple(math.nan for _ in values[0])
    deviations: list[float] = values.std(axis=0, ddof=1).tolist()
    return tuple(deviations)


def _names(curve: OcclusionCurve) -> tuple[str, ...]:
    return ("clean", *(f"{severity:g}" for severity in curve.severities))


def _trainings(n: int) -> str:
    return "1 training" if n == 1 else f"{n} trainings"
