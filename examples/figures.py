"""How the figures of all examples look: the label, colour and marker of each arm, axes, and files."""

from __future__ import annotations

import itertools
import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug._extras import name_extra

with name_extra("robustness", "dustaug.examples", "matplotlib"):
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BOLD",
    "DARK",
    "GREY",
    "GRID",
    "STYLES",
    "WIDTH",
    "Style",
    "apart",
    "name_arms",
    "sheet_figure",
    "show",
    "styles_of",
    "tidy",
    "write",
]

Style = tuple[str, str, str]

# Label, colour and marker of each arm. The colours are those of Okabe and Ito, for colour-blind readers.
STYLES: dict[str, Style] = {
    "none": ("No dust", "#3c3c3c", "s"),
    "dust": ("Dust", "#0072b2", "o"),
    "cutout": ("Cutout", "#e69f00", "^"),
    "random-erasing": ("Random Erasing", "#009e73", "D"),
    "input-dropout": ("Input dropout", "#cc79a7", "v"),
    "guided": ("Guided dust", "#d55e00", "P"),
    "hide-and-seek": ("Hide-and-Seek", "#56b4e9", "X"),
    "grid-mask": ("GridMask", "#8c6d46", "p"),
    "maps": ("Its maps", "#d55e00", "P"),
}
_FURTHER = (("#a0a000", "h"), ("#7a5195", "X"), ("#b0b0b0", "p"))
BOLD: dict[str, Any] = {"fontsize": 14, "fontweight": "bold"}
GRID, GREY, DARK = "#e4e4e4", "#6a6a6a", "#3c3c3c"
WIDTH = 10.0  # Inches.
_DPI = 160  # This makes a figure 1,600 pixels wide.


def styles_of(arms: Iterable[str]) -> dict[str, Style]:
    """Return label, colour and marker of each arm; unknown arms get further ones in turn."""
    further = itertools.cycle(_FURTHER)
    return {arm: STYLES[arm] if arm in STYLES else (arm.replace("-", " "), *next(further)) for arm in arms}


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Move places as little as possible until neighbours are at least `gap` apart; their order stays."""
    moved = np.array(places, float)
    order = np.argsort(moved, kind="stable")
    for _ in range(200):
        for low, high in itertools.pairwise(order):
            lack = gap - (moved[high] - moved[low])
            if lack > 0:
                moved[low] -= lack / 2
                moved[high] += lack / 2
    return [float(place) for place in moved]


def name_arms(figure: Figure, ax: Axes) -> None:
    """Write a legend of the arms under the axes, in one row if it fits."""
    handles, labels = ax.get_legend_handles_labels()
    columns = len(labels) if sum(map(len, labels)) < 60 else 4
    figure.legend(
        handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=13, handlelength=1.6,
        columnspacing=1.4,
    )  # fmt: skip


def show(ax: Axes, image: NDArray[np.uint8]) -> None:
    """Draw a picture without ticks and frame."""
    ax.imshow(image)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def tidy(ax: Axes, title: str, x: str) -> None:
    """Give axes a title, a label, a grid, and large letters."""
    ax.set_title(title, loc="left", fontsize=16, fontweight="bold", pad=12)
    ax.set_xlabel(x, fontsize=13)
    ax.tick_params(labelsize=13)
    ax.grid(visible=True, color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def sheet_figure(sheets: Mapping[str, NDArray[np.uint8]], styles: Mapping[str, Style] | None = None) -> Figure:
    """Draw the same training pictures as each arm sees them.

    Parameters
    ----------
    sheets : dict of str to ndarray of uint8, shape (n, size, size, 3)
        The pictures of each arm; an arm gets one row.
    styles : dict of str to (label, colour, marker), optional
        Looks of the rows' names, by default those of the arms.

    Returns
    -------
    matplotlib Figure
    """
    columns = len(next(iter(sheets.values())))
    styles, margin, gap = styles or styles_of(sheets), 1.25, 0.06
    # With few pictures the figure becomes narrow, and the pictures do not become huge.
    cell = min((WIDTH - margin - gap) / columns, 2.2)
    width, height = margin + columns * cell + gap, len(sheets) * cell + gap
    figure = Figure((width, height))
    for (row, (arm, images)), column in itertools.product(enumerate(sheets.items()), range(columns)):
        low = height - (row + 1) * cell
        box = (margin + column * cell + gap) / width, low / height, (cell - gap) / width, (cell - gap) / height
        ax = figure.add_axes(box)
        show(ax, images[column])
        if not column:
            label, color, _ = styles[arm]
            lines = textwrap.fill(label, 8, break_long_words=False)
            ax.set_ylabel(lines, rotation=0, labelpad=8, ha="right", va="center", color=color, **BOLD)
    return figure


def write(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure to a file, and return its path."""
    figure.savefig(path, dpi=_DPI, facecolor="white")
    return Path(path)
