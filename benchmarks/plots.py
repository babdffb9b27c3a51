"""Plot how the time grows, from the numbers of scaling.py, and all rivals, from the numbers of peers.py."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable, Iterator, Mapping
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


def draw(numbers: Mapping[str, Any], directory: Path) -> list[Path]:
    """Draw the numbers of `scaling` and `peers`: four panels each, and each panel alone for slides."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    directory.mkdir(parents=True, exist_ok=True)
    drawn = []
    with plt.rc_context(_STYLE):
        if "scaling" in numbers:
            panels = {name: functools.partial(_panel, name=name, curve=numbers["scaling"][name]) for name in _PANELS}
            drawn += _figures(directory, "bench_scaling.png", panels, (14, 9.6), (8, 5))
        if "peers" in numbers:
            ratios = numbers["peers"]["ratios"]
            panels = {name: functools.partial(_dots, name=name, ratios=ratios) for name in _DOT_PANELS}
            drawn += _figures(directory, "bench_peers.png", panels, (17, 14), (9.6, 7))
    return drawn


def _figures(
    directory: Path,
    whole: str,
    panels: Mapping[str, Callable[[Any], None]],
    size: tuple[float, float],
    alone: tuple[float, float],
) -> Iterator[Path]:
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=size, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.12, w_pad=0.12)
    for place, draw_panel in zip(axes.flat, panels.values(), strict=True):
        draw_panel(place)
    yield _save(figure, directory / whole)
    plt.close(figure)
    for name, draw_panel in panels.items():
        figure, place = plt.subplots(figsize=alone, layout="constrained")
        draw_panel(place)
        yield _save(figure, directory / f"bench_{name.replace(' ', '_')}.png")
        plt.close(figure)


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
    """Make the y axis logarithmic, with plain numbers at 1, 2 and 5 of each decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.yaxis.set_minor_locator(LogLocator(base=10, subs=()))


# ------------------------------------------------------------------------------------------------- peers

_DOT_PANELS = {
    "peers image one": ("image", "one", "One image a call, one rectangle"),
    "peers image many": ("image", "many", "One image a call, 16–31 rectangles"),
    "peers batch one": ("batch", "one", "One batch a call, one rectangle"),
    "peers batch many": ("batch", "many", "One batch a call, 16–31 rectangles"),
}
# A dot is filled for uint8 and hollow for float32. Its layout is the one that the rival is made for.
_SIDE_COLORS = {"32": "#e3a72f", "224": "#c1440e", "1024": "#1f4e79"}
_NCHW_RIVALS = ("torchvision", "timm", "kornia")


def _dots(axes: Any, name: str, ratios: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    """Draw the time of each rival divided by that of dustaug, one row for each rival."""
    call, rectangles, title = _DOT_PANELS[name]
    rivals = _by_ratio(ratios)
    highest = 1.0
    for case, found in ratios.items():
        case_call, case_rectangles, layout, dtype, side = case.split(", ")
        if (case_call, case_rectangles) != (call, rectangles):
            continue
        for rival, ratio in found.items():
            native = "NCHW" if any(word in rival for word in _NCHW_RIVALS) else "NHWC"
            if rival not in rivals or layout != native:
                continue
            color, highest = _SIDE_COLORS[side], max(highest, ratio["value"])
            height = rivals.index(rival) + 0.22 * (list(_SIDE_COLORS).index(side) - 1)
            axes.plot(
                ratio["value"],
                height + (0.07 if dtype == "float32" else -0.03),
                "o",
                markersize=8,
                color=color,
                markerfacecolor=color if dtype == "uint8" else "white",
                markeredgewidth=1.8,
            )
    axes.axvline(1, color="#333333", linewidth=1.4)
    axes.set_xscale("log")
    axes.set_xlim(right=highest * 2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.set_yticks(range(len(rivals)), rivals)
    axes.set_ylim(len(rivals) - 0.4, -0.6)
    axes.set(title=title, xlabel="time / time of dustaug (left of the line the rival is faster)")
    _dot_legend(axes)


def _by_ratio(ratios: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    """Return the rivals, the fastest first, in the same order for all panels."""
    found: dict[str, list[float]] = {}
    for each in ratios.values():
        for rival, ratio in each.items():
            if not rival.startswith("dustaug"):
                found.setdefault(rival, []).append(ratio["value"])
    return sorted(found, key=lambda rival: statistics.geometric_mean(found[rival]))


def _dot_legend(axes: Any) -> None:
    for side, color in _SIDE_COLORS.items():
        axes.plot([], [], "o", color=color, markersize=8, label=f"{side} × {side}")
    for dtype, face in (("uint8", "#666666"), ("float32", "white")):
        axes.plot([], [], "o", color="#666666", markerfacecolor=face, markeredgewidth=1.8, markersize=8, label=dtype)
    axes.legend(loc="upper right", fontsize=11, frameon=True, framealpha=0.9, edgecolor="none")
