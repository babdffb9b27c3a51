"""Figures of the guitar classifier: learning curves, dusted pictures, accuracy under graffiti, and answers.

Each ``…_figure`` returns a matplotlib figure without a window and without global state. Each ``draw_…`` writes such a
figure to a file. The figures are made for a talk, and stay readable at a width of 800 pixels in a README. An arm is one
way to hide parts of the training pictures. It has the same colour in all figures.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug._extras import name_extra

with name_extra("guitar", "dustaug.examples", "matplotlib"):
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

from .figures import BOLD, GREY, WIDTH, apart, name_arms, sheet_figure, show, styles_of, tidy, write

__all__ = [
    "answers_figure",
    "curves_figure",
    "draw_answers",
    "draw_dusted_sheet",
    "draw_graffiti",
    "draw_learning_curves",
    "graffiti_figure",
    "tint",
]

Histories = Mapping[str, Sequence[Mapping[str, Sequence[float]]]]
_HOT, _HOTTEST = (213, 0, 0), 0.8
_RIGHT, _WRONG, _UNKNOWN = "#1a7f4b", "#f0a58a", "#8c8c8c"


def draw_learning_curves(histories: Histories, path: str | os.PathLike[str]) -> Path:
    """Write :func:`curves_figure` to a file, and return its path."""
    return write(curves_figure(histories), path)


def draw_dusted_sheet(sheets: Mapping[str, NDArray[np.uint8]], path: str | os.PathLike[str]) -> Path:
    """Write :func:`sheet_figure` to a file, and return its path."""
    return write(sheet_figure(sheets), path)


def draw_graffiti(results: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write :func:`graffiti_figure` to a file, and return its path."""
    return write(graffiti_figure(results), path)


def draw_answers(
    images: NDArray[np.uint8],
    labels: Sequence[int] | NDArray[np.integer[Any]],
    scores: Mapping[str, NDArray[np.floating[Any]]],
    names: Sequence[str],
    path: str | os.PathLike[str],
    *,
    ground_truth: bool = True,
) -> Path:
    """Write :func:`answers_figure` to a file, and return its path."""
    return write(answers_figure(images, labels, scores, names, ground_truth=ground_truth), path)


def curves_figure(histories: Histories) -> Figure:
    """Draw accuracy and loss against epochs: the mean of the seeds, with a band from the lowest to the highest.

    The line of the training is thin and dashed, and has no band. The line of the clean validation pictures is thick. A
    loss far above all training losses leaves the figure at the top, so that it does not flatten the other curves.

    Parameters
    ----------
    histories : dict of str to list of dict
        For each arm, a dict for each seed. It has the lists accuracy, loss, val_accuracy and val_loss, with one number
        for each epoch. Accuracies run from 0 to 1.

    Returns
    -------
    matplotlib Figure
    """
    figure = Figure((WIDTH, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    styles = styles_of(histories)
    tidy(left, "Accuracy (%)", "Epoch")
    tidy(right, "Loss", "Epoch")
    for ax, key, unit in ((left, "accuracy", 100), (right, "loss", 1)):
        tops = []
        for arm, runs in histories.items():
            label, color, _ = styles[arm]
            training, clean = (unit * np.array([run[name] for run in runs]) for name in (key, f"val_{key}"))
            epochs = np.arange(1, training.shape[1] + 1)
            dot = "o" if len(epochs) == 1 else ""  # A line of one point is invisible.
            front = 2.5 if arm == "dust" else 2.0
            ax.plot(epochs, training.mean(0), marker=dot, linestyle=(0, (3, 1.6)), linewidth=1.3, color=color)
            ax.plot(epochs, clean.mean(0), marker=dot, linewidth=2.4, color=color, label=label, zorder=front)
            if len(runs) > 1:
                ax.fill_between(epochs, clean.min(0), clean.max(0), color=color, alpha=0.13, linewidth=0)
            tops.append((training.max(), clean.max()))
        highest = np.max(tops, axis=0) if tops else (1, 1)
        ax.set_ylim(0, 102 if unit == 100 else 1.05 * min(max(highest), 1.5 * highest[0]) or 1)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    lines = [
        Line2D([], [], color=GREY, linewidth=2.4, label="clean validation"),
        Line2D([], [], color=GREY, linewidth=1.3, linestyle=(0, (3, 1.6)), label="training"),
    ]
    right.legend(handles=lines, frameon=False, fontsize=13, loc="upper right")
    name_arms(figure, left)
    return figure


def tint(images: NDArray[np.uint8], guides: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pictures (n, size, size, 3) under guides of their size, (n, size, size): the redder, the more weight."""
    share = guides[..., np.newaxis] / 255 * _HOTTEST
    tinted: NDArray[np.uint8] = np.round(images * (1 - share) + np.array(_HOT) * share).astype(np.uint8)
    return tinted


def graffiti_figure(results: Mapping[str, Any]) -> Figure:
    """Draw accuracy and flip rate against the share of the body under graffiti, both at the same scale.

    Lines join the means of the seeds, and the last mean is also given as a number. With several seeds, each is a
    pale mark.

    Parameters
    ----------
    results : dict
        The content of results.json. The function reads ``results["arms"]``: for each arm, a dict for each seed. It has
        ``clean``, the accuracy without graffiti, and the lists ``graffiti``, ``flips`` and ``coverage``, with a share
        from 0 to 1 for each severity.

    Returns
    -------
    matplotlib Figure
    """
    arms: Mapping[str, Sequence[Mapping[str, Any]]] = results["arms"]
    styles = styles_of(arms)
    across = {arm: _percent([[0, *run["graffiti_coverage"]] for run in runs]) for arm, runs in arms.items()}
    accuracy = {arm: _percent([[run["clean"], *run["graffiti"]] for run in runs]) for arm, runs in arms.items()}
    flips = {arm: _percent([[0, *run["flips"]] for run in runs]) for arm, runs in arms.items()}
    deepest = max(max(100 - accuracy[arm].min(), flips[arm].max()) for arm in arms)
    span = max(10 * math.ceil(deepest / 10), 10)
    far = max(each.max() for each in across.values())

    figure = Figure((WIDTH, 5.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    tidy(left, "Accuracy (%)", "Share of the body under graffiti (%)")
    tidy(right, "Answers changed by graffiti (%)", "Share of the body under graffiti (%)")
    for ax, shares, low in ((left, accuracy, 100 - span), (right, flips, 0)):
        for arm, share in shares.items():
            label, color, marker = styles[arm]
            front = 3 if arm == "dust" else 2
            if len(share) > 1:
                ax.plot(across[arm].T, share.T, marker, color=color, alpha=0.3, markersize=5, markeredgewidth=0)
            (line,) = ax.plot(across[arm].mean(0), share.mean(0), marker + "-", color=color, label=label, zorder=front)
            line.set(linewidth=2.4, markersize=8, markeredgecolor="white")
        ax.set_xlim(-0.03 * far, 1.04 * far)
        ax.set_ylim(low - 0.03 * span, low + 1.03 * span)
        ends = {arm: float(share[:, -1].mean()) for arm, share in shares.items()}
        for (arm, end), place in zip(ends.items(), apart(list(ends.values()), 0.058 * span), strict=True):
            ax.annotate(
                f"{end:.0f}", (1.04 * far, place), xytext=(5, 0), textcoords="offset points", color=styles[arm][1],
                fontsize=13, fontweight="bold", verticalalignment="center", annotation_clip=False,
            )  # fmt: skip
    seeds = max(len(runs) for runs in arms.values())
    if seeds > 1:
        left.text(
            0.03, 0.03, f"mean of {seeds} seeds;\npale: each seed", fontsize=12, color=GREY, transform=left.transAxes
        )
    name_arms(figure, left)
    return figure


def answers_figure(
    images: NDArray[np.uint8],
    labels: Sequence[int] | NDArray[np.integer[Any]],
    scores: Mapping[str, NDArray[np.floating[Any]]],
    names: Sequence[str],
    *,
    ground_truth: bool = True,
) -> Figure:
    """Draw each picture beside the three likeliest answers of each arm.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, size, size, 3)
        The pictures that the models classified.
    labels : ints, (n,)
        The right classes. Without `ground_truth` they are not used.
    scores : dict of str to ndarray, shape (n, classes)
        The scores of each arm from 0 to 1, for instance of a softmax.
    names : sequence of str
        The names of the classes.
    ground_truth : bool, default True
        Whether to mark the right answers, and to write the true names under the pictures.

    Returns
    -------
    matplotlib Figure
    """
    styles = styles_of(scores)
    layout = ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08)
    figure = Figure((WIDTH, 0.7 + 2.05 * len(images)), layout=layout)
    axes = figure.subplots(len(images), 1 + len(scores), squeeze=False, width_ratios=[1, *[1.5] * len(scores)])
    for i, (image, row) in enumerate(zip(images, axes, strict=True)):
        truth = int(labels[i]) if ground_truth else None
        show(row[0], image)
        if truth is not None:
            row[0].set_xlabel(names[truth], **BOLD)
        for ax, (arm, answers) in zip(row[1:], scores.items(), strict=True):
            label, color, _ = styles[arm]
            best = _draw_bars(ax, answers[i], names, truth)
            sign = "" if truth is None else "✓ " if best == truth else "✗ "
            ax.set_title(f"{sign}{label}", loc="left", color=color, **BOLD)
    title = "Guitars with graffiti, and each model's likeliest answers" if ground_truth else "The likeliest answers"
    figure.suptitle(title, x=0.01, ha="left", fontsize=16, fontweight="bold")
    return figure


def _draw_bars(ax: Axes, scores: NDArray[Any], names: Sequence[str], truth: int | None) -> int:
    """Draw the three highest scores from the top down, and return the best answer."""
    order = np.argsort(-scores, kind="stable")[:3].tolist()
    colors = [_UNKNOWN if truth is None else _RIGHT if place == truth else _WRONG for place in order]
    bars = ax.barh([names[place] for place in order], scores[order], height=0.62, color=colors)
    ax.bar_label(bars, [_share(float(scores[place])) for place in order], padding=5, fontsize=13)
    ax.set_xlim(0, 1.3)
    ax.set_ylim(2.6, -0.6)
    ax.set_xticks([])
    ax.tick_params(axis="y", length=0, labelsize=13)
    ax.spines[["top", "right", "bottom"]].set_visible(False)
    return int(order[0])


def _share(score: float) -> str:
    return "< 1 %" if 0 < score < 0.005 else f"{100 * score:.0f} %"


def _percent(shares: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    return 100 * np.array(shares, float)
