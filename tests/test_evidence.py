"""The page of the evidence shows what was recorded."""

import json

import numpy as np
import pytest

from benchmarks.report import put_between
from docs import evidence_tables
from dustaug.robustness import OcclusionCurve, OcclusionRuns

RECORDED = {
    model: json.loads(path.read_text("utf-8")) for model, path in evidence_tables.RESULTS.items() if path.exists()
}
PAGE = evidence_tables.PAGE.read_text("utf-8")
ARMS = ["none", "dust", "guided", "cutout", "random-erasing", "hide-and-seek", "grid-mask"]
PROTOCOL = {
    "small": (ARMS, [10, 11, 12, 13, 14], 12),
    "resnet20": (["none", "dust", "random-erasing"], [10, 11, 12], 15),
}


@pytest.mark.parametrize("model", RECORDED)
def test_the_tables_are_those_of_the_record(model):
    """Every table stands in the page as `python -m docs.evidence_tables` writes it."""
    for name, table in evidence_tables.tables_of(model, RECORDED[model]).items():
        assert PAGE == put_between(PAGE, *evidence_tables.marks(model, name), table)


@pytest.mark.parametrize("model", RECORDED)
def test_the_record_follows_the_protocol(model):
    """All arms have all seeds and epochs, on the whole test set; the page says that a seed of ResNet-20 is missing."""
    results, (arms, seeds, epochs) = RECORDED[model], PROTOCOL[model]

    assert list(results["arms"]) == arms
    n_seeds = len(results["arms"]["none"])
    is_missing = "of the three seeds of ResNet-20 two are trained" in PAGE
    assert n_seeds == (2 if model == "resnet20" and is_missing else len(seeds))
    for runs in results["arms"].values():
        assert [run["seed"] for run in runs] == seeds[:n_seeds]
        assert {len(run["losses"]) for run in runs} == {epochs}
        assert {curve["n_images"] for run in runs for curve in run["curves"].values()} == {10_000}
    settings = results["settings"]
    assert (settings["model"], settings["judged"], settings["train_images"]) == (model, "test", None)
    assert (settings["batch_size"], settings["rate"], settings["decay"]) == (128, 0.1, 5e-4)


def test_gains_are_bold_where_the_interval_leaves_out_0():
    """A gain has its sign, and three numbers that are those of a paired t interval."""

    def runs(*accuracies):
        return OcclusionRuns(
            [
                OcclusionCurve(
                    n_images=9,
                    clean_accuracy=0.5,
                    severities=(1, 2),
                    coverage=(0.1, 0.2),
                    accuracy=(share, share),
                    flip_rate=(0, 0),
                )
                for share in accuracies
            ]
        )

    better = evidence_tables.mean_of(runs(0.6, 0.62, 0.64)).minus(evidence_tables.mean_of(runs(0.5, 0.51, 0.52)))
    unclear = runs(0.4, 0.6, 0.4).minus(runs(0.5, 0.5, 0.5))
    differences = np.array([0.1, 0.11, 0.12])
    reach = 4.302653 * differences.std(ddof=1) / np.sqrt(3)

    assert better.interval[1] == pytest.approx((0.11 - reach, 0.11 + reach), abs=1e-7)
    assert evidence_tables.gain(better, 1, 1) == "**+11.0 (8.5 to 13.5)**"
    assert evidence_tables.gain(better, 0, 1) == "+0.0 (0.0 to 0.0)"
    assert evidence_tables.gain(unclear, 1, 1) == "−3.3 (−32.0 to 25.4)"
