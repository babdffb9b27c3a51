"""Figures of the Fashion-MNIST example: errors on clean pictures, accuracy under occlusion, and the pictures.

Each function returns a matplotlib figure without a window and without global state. An arm has the same colour in all
figures, and in those of the guitar classifier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug._extras import name_extra
from dustaug.robustness import OcclusionRuns

with name_extra("fashion", "dustaug.examples", "matplotlib"):
    from matplotlib.figure import Figure

from .figures import BOLD, DARK, GREY, STYLES, WIDTH, sheet_figure, styles_of, tidy

__all__ = ["error_figure", "occlusion_figure", "pictures_figure"]


def error_figure(errors: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the error of each arm on clean pictures: a pale mark for each seed, and a full one for their mean.

    Parameters
    ----------
    errors : dict of str to sequence of float
        The share of wrong answers of each seed, from 0 to 1, for each arm.

    Returns
    -------
    matplotlib Figure
    """
    figure = Figure((WIDTH, 1.5 + 0.5 * len(errors)), layout="constrained")
    ax = figure.subplots()
    tidy(ax, "Error on clean pictures (%)", "Share of wrong answers (%)")
    styles = styles_of(errors)
    for row, (arm, shares) in enumerate(errors.items()):
        label, color, marker = styles[arm]
        percent = 100 * np.array(shares)
        if len(percent) > 1:
            ax.plot(percent, np.full(len(percent), row), marker, color=color, alpha=0.35, markeredgewidth=0)
        ax.plot(percent.mean(), row, marker, color=color, markersize=11, markeredgecolor="white", label=label)
        ax.annotate(
            f"{percent.mean():.2f}", (percent.mean(), row), xytext=(0, 9), textcoords="offset points", fontsize=12,
            color=color, ha="center", fontweight="bold",
        )  # fmt: skip
    ax.set_yticks(range(len(errors)), [styles[arm][0] for arm in errors])
    ax.set_ylim(len(errors) - 0.5, -0.7)
    ax.margins(x=0.08)
    if any(len(shares) > 1 for shares in errors.values()):
        seeds = max(map(len, errors.values()))
        ax.set_title(f"mean of {seeds} seeds; pale: each seed", loc="right", fontsize=12, color=GREY)
    return figure


def occlusion_figure(runs: Mapping[str, Mapping[str, OcclusionRuns]], titles: Mapping[str, str]) -> Figure:
    """Draw the accuracy of each arm under each occluder, the mean of the seeds with a band of one deviation.

    Parameters
    ----------
    runs : dict of str to dict of str to OcclusionRuns
        For each arm, the curves of its trainings under each occluder.
    titles : dict of str to str
        Title of each occluder, in the order of the panels.

    Returns
    -------
    matplotlib Figure
    """
    figure = Figure((1.2 * WIDTH, 4.6), layout="constrained")
    styles = styles_of(runs)
    axes = figure.subplots(1, len(titles), squeeze=False)[0]
    for ax, (occluder, title) in zip(axes, titles.items(), strict=True):
        for arm, found in runs.items():
            label, color, _ = styles[arm]
            found[occluder].plot(ax, x="coverage", label=label, color=color)
        tidy(ax, "", "Covered pixels (%)")
        ax.set_title(title[0].upper() + title[1:], loc="left", pad=10, **BOLD)
        ax.set_ylabel("Accuracy (%)" if ax is axes[0] else "", fontsize=13)
        ax.get_legend().remove()
        for line in ax.get_lines():
            if line.get_linestyle() == ":":  # The level of the clean pictures, of seven arms.
                line.remove()
        lowest = min(min(found[occluder].mean) for found in runs.values())
        ax.set_ylim(max(0, 10 * np.floor(10 * lowest - 0.5)), 100)
    handles = axes[0].get_lines()
    names = [styles[arm][0] for arm in runs]
    shown = [next(line for line in handles if line.get_label().startswith(name)) for name in names]
    figure.legend(
        shown, names, loc="outside lower center", ncols=len(names), frameon=False, fontsize=12, columnspacing=1.2
    )
    return figure


def pictures_figure(rows: Mapping[str, NDArray[np.uint8]]) -> Figure:
    """Draw grey pictures uint8 (n, h, w) in rows, with the name of each row on its left.

    Parameters
    ----------
    rows : dict of str to ndarray of uint8, shape (n, h, w)
        The pictures of each row. The name of an arm gets its label and colour.

    Returns
    -------
    matplotlib Figure
    """
    in_colour: dict[str, Any] = {name: np.repeat(images[..., None], 3, axis=3) for name, images in rows.items()}
    styles = {name: style if name in STYLES else (name, DARK, "o") for name, style in styles_of(rows).items()}
    return sheet_figure(in_colour, styles)
