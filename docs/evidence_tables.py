"""Write the tables of ``docs/evidence.md`` from the recorded trainings: ``python -m docs.evidence_tables``.

It trains and measures nothing: every number comes from ``docs/evidence_….json``, the ``results.json`` of
``examples/fashion_mnist.py``, and those of others from :data:`PUBLISHED`.
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
VALIDATION = DOCS / "evidence_validation.json"
"""The small network, judged on validation pictures: the `results.json` of each command."""
OCCLUDERS = ("cells", "strokes", "garments")
NAMES = {
    "none": "none",
    "dust": "**dust**",
    "guided": "**guided dust**",
    "cutout": "Cutout",
    "random-erasing": "Random Erasing",
    "hide-and-seek": "Hide-and-Seek",
    "grid-mask": "GridMask",
    "one-grey": "dust of one grey",
    "grey-erasing": "Random Erasing of random greys",
}
PUBLISHED = {"resnet20": {"none": "4.82 ± 0.04", "random-erasing": "4.45 ± 0.04"}}
"""Errors that others report for the same network, in %: those of the code of Random Erasing."""


def main() -> None:
    """Write all tables into the page."""
    page = PAGE.read_text(encoding="utf-8")
    for model, path in RESULTS.items():
        for name, table in tables_of(model, _read(path)).items():
            page = put_between(page, *marks(model, name), table)
    for name, table in validation_tables(_read(VALIDATION)).items():
        page = put_between(page, *marks("validation", name), table)
    PAGE.write_text(page, encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return results


def marks(model: str, name: str) -> tuple[str, str]:
    """Return the comments between which a table stands."""
    return f"<!-- {model}, {name}: begin -->", f"<!-- {model}, {name}: end -->"


def tables_of(model: str, results: dict[str, Any]) -> dict[str, str]:
    """Return the tables of a network: errors on clean pictures, gains over none and of dust, and one per occluder."""
    arms: dict[str, list[dict[str, Any]]] = results["arms"]
    runs = _curves(arms)
    tables = {
        "clean": _clean_table(model, arms, runs["cells"]),
        "gains": _gains_over_none(runs),
        "dust": _gains_table(
            "dust less", [(NAMES[arm], "dust", arm) for arm in arms if arm not in ("none", "dust")], runs
        ),
    }
    for name in OCCLUDERS:
        covered = ", ".join(f"{100 * share:.0f}" for share in runs[name]["none"].curves[0].coverage)
        table = occlusion_table({NAMES[arm]: each for arm, each in runs[name].items()}, digits=1)
        tables[name] = f"{table}\n\nIn the mean these cover {covered} % of a picture."
    return tables


def validation_tables(validation: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the tables of what was tried on validation pictures: the cost of dust on clean ones, and greys."""
    lines = ["| epochs | squares | none | dust | costs, points |", "|---:|---:|---:|---:|---:|"]
    for epochs, arm, squares in (
        ("6", "dust", "0–31"),
        ("12", "dust", "0–31"),
        ("24", "dust", "0–31"),
        ("12", "fewer", "0–7"),
    ):
        arms = validation[epochs]["arms"]
        none, dust = (100 * (1 - arms[each][0]["error"]) for each in ("none", arm))
        lines.append(f"| {epochs} | {squares} | {none:.2f} | {dust:.2f} | {none - dust:.2f} |")
    greys = _curves(validation["greys"]["arms"])
    pairs = [("**dust**", "dust", "one-grey"), ("Random Erasing", "grey-erasing", "random-erasing")]
    return {
        "cost": "\n".join(lines),
        "greys": _gains_over_none(greys),
        "random greys": _gains_table("random greys less one grey", pairs, greys),
    }


def _curves(arms: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, OcclusionRuns]]:
    """Return the curves under each occluder, for each arm."""
    return {name: {arm: _runs(found, name) for arm, found in arms.items()} for name in OCCLUDERS}


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
    text = f"{100 * differences.mean[place]:+.{digits}f} ({100 * low:.{digits}f} to {100 * high:.{digits}f})"
    text = text.replace("-", "−")
    return f"**{text}**" if low > 0 or high < 0 else text


def _clean_table(model: str, arms: dict[str, list[dict[str, Any]]], cells: dict[str, OcclusionRuns]) -> str:
    published = PUBLISHED.get(model)
    heading = ["arm", "error (%)", "gain, points", "hides: picture, garment (%)", "epoch, painting (s)"]
    if published:
        heading.insert(3, "published (%)")
    lines = [f"| {' | '.join(heading)} |", "|---" + "|---:" * (len(heading) - 1) + "|"]
    for arm, found in arms.items():
        deviation = f" ± {100 * cells[arm].deviation[0]:.2f}" if len(found) > 1 else ""
        gained = "" if arm == "none" else gain(cells[arm].minus(cells["none"]), 0, 2)
        hidden, worn = (100 * statistics.fmean(run[key] for run in found) for key in ("hidden", "hidden_of_garments"))
        seconds, painting = (
            statistics.median(run[key] for run in found) for key in ("seconds_per_epoch", "painting_seconds")
        )
        row = [
            NAMES[arm],
            f"{100 * (1 - cells[arm].mean[0]):.2f}{deviation}",
            gained,
            f"{hidden:.1f}, {worn:.1f}",
            f"{seconds:.0f}, {painting:.2f}",
        ]
        if published:
            row.insert(3, published.get(arm, ""))
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def _gains_over_none(runs: dict[str, dict[str, OcclusionRuns]]) -> str:
    return _gains_table("arm", [(NAMES[arm], arm, "none") for arm in runs["cells"] if arm != "none"], runs)


def _gains_table(heading: str, pairs: list[tuple[str, str, str]], runs: dict[str, dict[str, OcclusionRuns]]) -> str:
    """Return the gains of one arm over another, for pairs (name of the row, arm, other arm)."""
    lines = [f"| {heading} | clean | cells | strokes | garments |", "|---|---:|---:|---:|---:|"]
    for row, arm, other in pairs:
        differences = {name: mean_of(runs[name][arm]).minus(mean_of(runs[name][other])) for name in OCCLUDERS}
        gains = [gain(differences["cells"], 0, 1), *(gain(differences[name], 1, 1) for name in OCCLUDERS)]
        lines.append(f"| {' | '.join((row, *gains))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
