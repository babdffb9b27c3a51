"""Write the tables of ``docs/evidence.md`` from the recorded trainings: ``python -m docs.evidence_tables``.

It trains and measures nothing: every number comes from ``docs/evidence_….json``, the ``results.json`` of
``examples/fashion_mnist.py``.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks.report import put_between
from dustaug.robustness import OcclusionCurve, OcclusionDifferences, OcclusionRuns, occlusion_table

DOCS = Path(__file__).parent
PAGE = DOCS / "evidence.md"
RESULTS = {"small": DOCS / "evidence_small.json", "resnet20": DOCS / "evidence_resnet20.json"}
OCCLUDERS = ("cells", "strokes", "garments")
NAMES = {
    "none": "none",
    "dust": "**dust**",
    "guided": "**guided dust**",
    "cutout": "Cutout",
    "random-erasing": "Random Erasing",
    "hide-and-seek": "Hide-and-Seek",
    "grid-mask": "GridMask",
}
PUBLISHED = {
    "small": {"none": "7.5"},
    "resnet20": {"none": "4.82 ± 0.04", "random-erasing": "4.45 ± 0.04"},
}
"""Errors that others report, in %: the board of Fashion-MNIST for small networks, and Random Erasing's code."""


def main() -> None:
    """Write all tables into the page."""
    page = PAGE.read_text(encoding="utf-8")
    for model, path in RESULTS.items():
        if path.exists():
            results = json.loads(path.read_text(encoding="utf-8"))
            for name, table in tables_of(model, results).items():
                page = put_between(page, *marks(model, name), table)
    PAGE.write_text(page, encoding="utf-8")


def marks(model: str, name: str) -> tuple[str, str]:
    """Return the comments between which a table stands."""
    return f"<!-- {model}, {name}: begin -->", f"<!-- {model}, {name}: end -->"


def tables_of(model: str, results: dict[str, Any]) -> dict[str, str]:
    """Return the tables of a network: errors on clean pictures, gains over no dust, and one for each occluder."""
    arms: dict[str, list[dict[str, Any]]] = results["arms"]
    runs = {name: {arm: _runs(found, name) for arm, found in arms.items()} for name in OCCLUDERS}
    tables = {"clean": _clean_table(model, arms, runs["cells"]), "gains": _gains_table(arms, runs)}
    for name in OCCLUDERS:
        tables[name] = occlusion_table({NAMES[arm]: each for arm, each in runs[name].items()}, digits=1)
    return tables


def _runs(found: list[dict[str, Any]], name: str) -> OcclusionRuns:
    return OcclusionRuns(tuple(OcclusionCurve(**run["curves"][name]) for run in found))


def mean_of(runs: OcclusionRuns) -> OcclusionRuns:
    """Return runs of one severity, with the means over all severities."""
    return OcclusionRuns(
        tuple(
            OcclusionCurve(
                n_images=curve.n_images,
                clean_accuracy=curve.clean_accuracy,
                severities=(1,),
                **{name: (statistics.fmean(getattr(curve, name)),) for name in ("coverage", "accuracy", "flip_rate")},
            )
            for curve in runs.curves
        )
    )


def gain(differences: OcclusionDifferences, place: int, digits: int) -> str:
    """Return a mean difference with its interval, in points; bold if the interval leaves out 0."""
    low, high = differences.interval[place]
    text = f"{100 * differences.mean[place]:+.{digits}f} ({100 * low:+.{digits}f} to {100 * high:+.{digits}f})"
    text = text.replace("-", "−")
    return f"**{text}**" if low > 0 or high < 0 else text


def _clean_table(model: str, arms: dict[str, list[dict[str, Any]]], cells: dict[str, OcclusionRuns]) -> str:
    lines = [
        "| arm | error (%) | gain, points | published (%) | hides: picture, garment (%) | s / epoch | painting, s |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for arm, found in arms.items():
        deviation = f" ± {100 * cells[arm].deviation[0]:.2f}" if len(found) > 1 else ""
        gained = "" if arm == "none" else gain(cells[arm].minus(cells["none"]), 0, 2)
        hidden, worn = (100 * statistics.fmean(run[key] for run in found) for key in ("hidden", "hidden_of_garments"))
        seconds, painting = (
            statistics.median(run[key] for run in found) for key in ("seconds_per_epoch", "painting_seconds")
        )
        cells_of_row = (
            NAMES[arm],
            f"{100 * (1 - cells[arm].mean[0]):.2f}{deviation}",
            gained,
            PUBLISHED[model].get(arm, ""),
            f"{hidden:.1f}, {worn:.1f}",
            f"{seconds:.0f}",
            f"{painting:.2f}" if arm != "none" else "",
        )
        lines.append("| " + " | ".join(cells_of_row) + " |")
    return "\n".join(lines)


def _gains_table(arms: dict[str, Any], runs: dict[str, dict[str, OcclusionRuns]]) -> str:
    lines = ["| arm | clean | cells | strokes | garments |", "|---|---:|---:|---:|---:|"]
    for arm in arms:
        if arm != "none":
            differences = {name: mean_of(runs[name][arm]).minus(mean_of(runs[name]["none"])) for name in OCCLUDERS}
            cells = [gain(differences["cells"], 0, 1), *(gain(differences[name], 1, 1) for name in OCCLUDERS)]
            lines.append("| " + " | ".join((NAMES[arm], *cells)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
