"""Plots of how the time grows, from the numbers of scaling.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["draw"]

_COLORS = {
    "dustaug": "#c1440e",
    "C twin": "#1f4e79",
    "C paint only": "#7a9cc6",
    "copy of the batch": "#8a8a8a",
    "1 thread": "#c1440e",
    "2 threads": "#1b7f5c",
}
_STYLES = {"dustaug": "-", "C twin": "--", "C paint only": ":", "copy of the batch": "-.", "2 threads": "--"}
_MARKERS = {"dustaug": "o", "C twin": "s", "C paint only": "^", "copy of the batch": "D", "2 threads": "s"}
_PANELS = {
    "batch size": ("Batch size", "Images of 224 × 224 × 3 in a batch"),
    "image side": ("Image size", "Side of a square image in pixels (batch of 32)"),
    "rectangles": ("Number of rectangles", "Rectangles on each image (batch of 32)"),
    "threads": ("Threads", "Images of 224 × 224 × 3 in a batch"),
}
_STYLE = {
    "font.size": 13,
    "axes.titlesize": 16,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 2.4,
    "lines.markersize": 6.5,
}

Curve = Mapping[int, Mapping[str, Mapping[str, float]]]


def draw(curves: Mapping[str, Curve], directory: Path) -> list[Path]:
    """Draw one figure with four panels, and each panel alone for slides; return the files."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    directory.mkdir(parents=True, exist_ok=True)
    drawn = []
    with plt.rc_context(_STYLE):
        figure, panels = plt.subplots(2, 2, figsize=(14, 9.6), layout="constrained")
        figure.get_layout_engine().set(h_pad=0.12, w_pad=0.12)
        for axes, name in zip(panels.flat, _PANELS, strict=True):
            _panel(axes, name, curves[name])
        drawn.append(_save(figure, directory / "bench_scaling.png"))
        plt.close(figure)
        for name in _PANELS:
            figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
            _panel(axes, name, curves[name])
            drawn.append(_save(figure, directory / f"bench_{name.replace(' ', '_')}.png"))
            plt.close(figure)
    return drawn


def _save(figure: Any, path: Path) -> Path:
    figure.savefig(path, dpi=130)
    return path


def _panel(axes: Any, name: str, curve: Curve) -> None:
    title, label = _PANELS[name]
    places = sorted(curve)
    for rival in curve[places[0]]:
        numbers = [curve[x][rival] for x in places]
        color = _COLORS[rival]
        axes.plot(
            places,
            [each["median"] for each in numbers],
            _STYLES.get(rival, "-"),
            color=color,
            marker=_MARKERS.get(rival, "o"),
            label=rival,
        )
        quartiles = [[each[f"quartile_{i}"] for each in numbers] for i in (1, 3)]
        axes.fill_between(places, *quartiles, color=color, alpha=0.15, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(places, [f"{x:,}" for x in places])
    axes.minorticks_off()
    if name in ("batch size", "threads"):
        axes.set_ylim(0)
    else:
        _log_microseconds(axes)
    axes.set(title=title, xlabel=label, ylabel="µs per image")
    axes.legend()


def _log_microseconds(axes: Any) -> None:
    """Logarithmic, with plain numbers at 1, 2 and 5 of each decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.yaxis.set_minor_locator(LogLocator(base=10, subs=()))
