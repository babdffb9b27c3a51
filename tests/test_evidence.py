"""The page of the evidence shows what was recorded."""

import json

import numpy as np
import pytest

import dustaug
from benchmarks.report import put_between
from docs import evidence_tables
from dustaug.robustness import OcclusionCurve, OcclusionRuns

RECORDED = {model: json.loads(path.read_text("utf-8")) for model, path in evidence_tables.RESULTS.items()}
VALIDATION = json.loads(evidence_tables.VALIDATION.read_text("utf-8"))
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
    """All arms have all seeds and epochs, on the whole test set."""
    results, (arms, seeds, epochs) = RECORDED[model], PROTOCOL[model]

    assert list(results["arms"]) == arms
    for runs in results["arms"].values():
        assert [run["seed"] for run in runs] == seeds
        assert {len(run["losses"]) for run in runs} == {epochs}
        assert {curve["n_images"] for run in runs for curve in run["curves"].values()} == {10_000}
    settings = results["settings"]
    assert (settings["model"], settings["judged"], settings["train_images"]) == (model, "test", None)
    assert settings["precision"] == "bfloat16"
    assert (settings["batch_size"], settings["rate"], settings["decay"]) == (128, 0.1, 5e-4)


def test_the_tables_of_validation_pictures_are_those_of_the_record():
    """They stand in the page, and the trainings differ in nothing but epochs, arms and seeds."""
    for name, table in evidence_tables.validation_tables(VALIDATION).items():
        assert PAGE == put_between(PAGE, *evidence_tables.marks("validation", name), table)
    settings = {name: dict(each["settings"]) for name, each in VALIDATION.items()}
    epochs = {name: each.pop("epochs") for name, each in settings.items()}
    first = settings["6"]

    assert epochs == {"6": 6, "12": 12, "24": 24, "greys": 12}
    assert all(each == first for each in settings.values())
    assert (first["judged"], first["train_images"], first["judge_images"]) == ("validation", None, None)
    assert (first["model"], first["precision"]) == ("small", "bfloat16")
    assert (first["batch_size"], first["rate"], first["decay"]) == (128, 0.1, 5e-4)
    for name, each in VALIDATION.items():
        seeds = [0, 1, 2] if name == "greys" else [0]
        assert all([run["seed"] for run in runs] == seeds for runs in each["arms"].values())


def test_the_specs_of_validation_pictures_are_those_of_the_page():
    """A quarter of the squares, dust of one grey, and Random Erasing of random greys."""
    squares = dustaug.dust(half_height_range=(1, 1), half_width_range=(1, 1))
    specs = {
        arm: dustaug.Spec.from_dict(spec) for each in VALIDATION.values() for arm, spec in each.get("specs", {}).items()
    }

    assert specs == {
        "fewer": squares.replace(count_range=(0, 7)),
        "one-grey": squares.replace(fill="constant", fill_value=73),
        "grey-erasing": dustaug.random_erasing(fill="grey"),
    }
    assert list(VALIDATION["12"]["arms"]) == ["none", "dust", "fewer"]
    assert list(VALIDATION["greys"]["arms"]) == ["none", "dust", "one-grey", "random-erasing", "grey-erasing"]


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
