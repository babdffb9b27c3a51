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
_TITLES = {"accuracy": "Accuracy under occlusion", "flip_rate": "Answers changed by occlusion"}
_LABELS = {
    "severity": "Severity of occlusion",
    "coverage": "Covered pixels (%)",
    "accuracy": "Accuracy (%)",
    "flip_rate": "Flip rate (%)",
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
    ax = _axes(ax, (8, 5))
    from matplotlib.ticker import MaxNLocator

    across = np.array(places) * (100 if x == "coverage" else 1)
    share = np.array(shares, float)
    low, high = wilson_interval(share, n_images)
    clean = f"clean: {100 * share[0]:.1f} %"
    name = label if y == "flip_rate" else clean if label is None else f"{label} ({clean})"
    (line,) = ax.plot(across, 100 * share, "o-", linewidth=2.4, markersize=6, color=color, label=name)
    color = line.get_color()
    ax.fill_between(across, 100 * low, 100 * high, color=color, alpha=0.15, linewidth=0)
    if y == "accuracy":
        ax.axhline(100 * share[0], color=color, linestyle=":", linewidth=1.4)
        ax.plot(across[:1], 100 * share[:1], "*", color=color, markersize=16, clip_on=False)
    ax.set_ylim(0, 102)
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
