"""Plots of the results of ``dustaug.robustness``; matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dustaug._extras import name_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CONFIDENCE = 1.959964  # Standard deviations that hold 95 % of a normal distribution.
_TITLES = {
    "accuracy": "Accuracy under occlusion",
    "flip_rate": "Answers changed by occlusion",
    "gap": "Gap between train and test images under occlusion",
    "ratio": "Errors under occlusion, relative to the reference",
    "difference": "Difference in accuracy under occlusion",
}
_LABELS = {
    "severity": "Severity of occlusion",
    "coverage": "Covered pixels (%)",
    "accuracy": "Accuracy (%)",
    "flip_rate": "Flip rate (%)",
    "gap": "Accuracy, train less test (%)",
    "ratio": "Errors of the reference (%)",
    "difference": "Accuracy, one less the other (percentage points)",
}
_GRID = "#e4e4e4"
# From blue over transparent to red. An opaque white in the middle would hide the picture.
_HEAT = (
    (0.0, (0.05, 0.30, 0.95, 0.95)),
    (0.25, (0.05, 0.30, 0.95, 0.60)),
    (0.5, (0.05, 0.30, 0.95, 0.0)),
    (0.5, (0.90, 0.06, 0.10, 0.0)),
    (0.75, (0.90, 0.06, 0.10, 0.60)),
    (1.0, (0.90, 0.06, 0.10, 0.95)),
)


def wilson_interval(share: NDArray[np.float64], n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the limits of the 95 % confidence interval of a share of `n` independent images (Wilson, 1927)."""
    z = _CONFIDENCE
    middle = share + z**2 / (2 * n)
    reach = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return (middle - reach) / (1 + z**2 / n), (middle + reach) / (1 + z**2 / n)


def newcombe_interval(
    first: NDArray[np.float64], second: NDArray[np.float64], n_first: int, n_second: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the limits of the 95 % confidence interval of first - second, of independent images (Newcombe, 1998)."""
    low, high = zip(wilson_interval(first, n_first), wilson_interval(second, n_second), strict=True)
    gap = first - second
    return gap - np.hypot(first - low[0], high[1] - second), gap + np.hypot(high[0] - first, second - low[1])


def draw_curve(
    ax: Axes | None,
    places: Sequence[float],
    shares: Sequence[float],
    *,
    n_images: int,
    x: str,
    y: str,
    label: str | None,
    color: Any,
) -> Axes:
    """Draw shares against severity or coverage; the first share is that of the clean images."""
    share = np.array(shares, float)
    clean = f"clean: {100 * share[0]:.1f} %"
    name = label if y == "flip_rate" else clean if label is None else f"{label} ({clean})"
    is_marked = y == "accuracy"
    band = wilson_interval(share, n_images)
    ax = _draw_line(ax, places, share, band, x=x, y=y, name=name, color=color, is_marked=is_marked)
    ax.set_ylim(0, 102)
    return ax


def draw_gap(
    ax: Axes | None,
    places: Sequence[float],
    train: Sequence[float],
    test: Sequence[float],
    *,
    n_images: tuple[int, int],
    x: str,
    label: str | None,
    color: Any,
) -> Axes:
    """Draw how much greater the shares of train images are; the first ones are those of the clean images."""
    shares = np.array(train, float), np.array(test, float)
    gap = shares[0] - shares[1]
    clean = f"clean: {100 * gap[0]:.1f} %"
    name = clean if label is None else f"{label} ({clean})"
    return _draw_line(ax, places, gap, newcombe_interval(*shares, *n_images), x=x, y="gap", name=name, color=color)


def draw_ratio(
    ax: Axes | None,
    places: Sequence[float],
    ratios: Sequence[float],
    *,
    corruption_error: float,
    x: str,
    label: str | None,
    color: Any,
) -> Axes:
    """Draw errors divided by those of a reference; the first one is that of the clean images."""
    total = f"corruption error: {100 * corruption_error:.1f} %"
    name = total if label is None else f"{label} ({total})"
    ax = _draw_line(ax, places, np.array(ratios, float), None, x=x, y="ratio", name=name, color=color, is_marked=False)
    ax.axhline(100, color="#555555", linestyle=":", linewidth=1.4)
    ax.set_ylim(bottom=0)
    return ax


def draw_runs(
    ax: Axes | None,
    places: Sequence[float],
    mean: Sequence[float],
    deviation: Sequence[float],
    *,
    x: str,
    label: str | None,
    color: Any,
) -> Axes:
    """Draw means of shares and a band of one standard deviation on each side; the first share is the clean one."""
    share, reach = np.array(mean, float), np.array(deviation, float)
    clean = f"clean: {100 * share[0]:.1f} %"
    name = clean if label is None else f"{label} ({clean})"
    band = None if np.isnan(reach).any() else (share - reach, share + reach)
    ax = _draw_line(ax, places, share, band, x=x, y="accuracy", name=name, color=color)
    ax.set_ylim(0, 102)
    return ax


def draw_differences(
    ax: Axes | None,
    places: Sequence[float],
    mean: Sequence[float],
    interval: Sequence[tuple[float, float]],
    *,
    x: str,
    label: str | None,
    color: Any,
) -> Axes:
    """Draw means of differences and their intervals; the first one is that of the clean images."""
    limits = np.array(interval, float)
    band = None if np.isnan(limits).any() else (limits[:, 0], limits[:, 1])
    ax = _draw_line(
        ax, places, np.array(mean, float), band, x=x, y="difference", name=label, color=color, is_marked=False
    )
    ax.axhline(0, color="#555555", linestyle=":", linewidth=1.4)
    return ax


def _draw_line(
    ax: Axes | None,
    places: Sequence[float],
    shares: NDArray[np.float64],
    band: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    *,
    x: str,
    y: str,
    name: str | None,
    color: Any,
    is_marked: bool = True,
) -> Axes:
    """Draw shares in %, and dress the axes; a star with a dotted line may mark the first share."""
    ax = _axes(ax, (8, 5))
    from matplotlib.ticker import MaxNLocator

    across = np.array(places) * (100 if x == "coverage" else 1)
    (line,) = ax.plot(across, 100 * shares, "o-", linewidth=2.4, markersize=6, color=color, label=name)
    color = line.get_color()
    if band is not None:
        ax.fill_between(across, 100 * band[0], 100 * band[1], color=color, alpha=0.15, linewidth=0)
    if is_marked:
        ax.axhline(100 * shares[0], color=color, linestyle=":", linewidth=1.4)
        ax.plot(across[:1], 100 * shares[:1], "*", color=color, markersize=16, clip_on=False)
    ax.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    ax.set_xlabel(_LABELS[x], fontsize=13)
    ax.set_ylabel(_LABELS[y], fontsize=13)
    ax.set_title(_TITLES[y], loc="left", fontsize=16, fontweight="bold")
    ax.grid(visible=True, color=_GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=12)
    if name is not None:
        ax.legend(frameon=False, fontsize=12)
    return ax


def draw_map(
    ax: Axes | None, heat: NDArray[np.float64], picture: NDArray[np.float64], *, target: int, score: float
) -> Axes:
    """Draw a picture in grey with its heat, which is the more opaque the further it is from 0."""
    ax = _axes(ax, (6.4, 5.2))
    from matplotlib.colors import LinearSegmentedColormap

    grey = picture if picture.ndim == 2 else picture @ (0.299, 0.587, 0.114)
    limit = float(np.abs(heat).max()) or 1.0
    ax.imshow(grey, cmap="gray", vmin=0, vmax=1)
    colors = LinearSegmentedColormap.from_list("heat", list(_HEAT))
    shown = ax.imshow(heat, cmap=colors, vmin=-limit, vmax=limit)
    bar = ax.figure.colorbar(shown, ax=ax, fraction=0.046, pad=0.03)  # The bar is as high as a square picture.
    bar.set_label("Fall of the score when hidden", fontsize=12)
    bar.outline.set_visible(False)
    ax.set_title(f"Class {target}, score {score:.3g}", loc="left", fontsize=14, fontweight="bold")
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return `ax`, or the axes of a new figure."""
    with name_extra("robustness", "a plot", "matplotlib"):
        from matplotlib import axes
    if ax is not None:
        if not isinstance(ax, axes.Axes):
            hint = "ax=axes.flat[0], or another one of them" if isinstance(ax, np.ndarray) else "ax=figure.gca()"
            raise TypeError(f"ax must be the Axes of a matplotlib figure, got {type(ax).__name__}: type {hint}")
        return ax
    with name_extra("robustness", "a plot", "matplotlib"):
        from matplotlib import pyplot as plt
    return plt.subplots(figsize=size, layout="constrained")[1]
