"""Several trainings: their mean and deviation, paired differences, plots and tables."""

import json
import math
import pickle
import statistics
import typing
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dustaug.robustness import (
    OcclusionCurve,
    OcclusionDifferences,
    OcclusionRuns,
    _runs,
    occlusion_table,
    pasted_objects,
    patch_drops,
)
from toy_models import HEIGHT, WIDTH, N, brightness, curve_of, pictures

mpl.use("Agg")
from matplotlib import pyplot as plt

ACCURACY = ((0.9, 0.8, 0.5), (0.92, 0.7, 0.6), (0.85, 0.75, 0.55), (0.91, 0.66, 0.61))
OTHERS = ((0.91, 0.7, 0.3), (0.9, 0.65, 0.35), (0.86, 0.66, 0.4), (0.9, 0.6, 0.2))


def curve(clean, *accuracy, n_images=1000, severities=(4, 8.5), coverage=(0.1, 0.2)):
    return OcclusionCurve(
        n_images=n_images,
        clean_accuracy=clean,
        severities=severities,
        coverage=coverage,
        accuracy=accuracy,
        flip_rate=(0.5,) * len(accuracy),
    )


def runs_of(rows=ACCURACY, **options):
    return OcclusionRuns([curve(*row, **options) for row in rows])


def darkness(images):
    return 1 - brightness(images)


def differences_of(n=4):
    return runs_of(ACCURACY[:n]).minus(runs_of(OTHERS[:n]))


class TestRuns:
    """OcclusionRuns holds curves of one kind of training."""

    @given(st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=2, max_size=6))
    def test_means_and_deviations_are_those_of_python(self, rows):
        """They are plain floats, clean first."""
        runs = runs_of(rows)

        assert runs.mean == pytest.approx([statistics.fmean(column) for column in zip(*rows, strict=True)])
        assert runs.deviation == pytest.approx([statistics.stdev(column) for column in zip(*rows, strict=True)])
        assert {type(number) for number in (*runs.mean, *runs.deviation)} == {float}

    def test_a_single_training_has_no_deviation(self):
        """It is NaN, without a warning."""
        runs = OcclusionRuns((curve_of(),))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            deviation = runs.deviation

        assert runs.mean == (curve_of().clean_accuracy, *curve_of().accuracy)
        assert all(map(math.isnan, deviation))
        assert len(deviation) == 4
        assert len(runs) == 1
        assert repr(runs).startswith("OcclusionRuns of 1 training on 23 images\n")

    def test_they_are_values(self):
        """They come back from JSON and from pickles, are hashable, and name the public module."""
        for result in (runs_of(), differences_of()):
            assert type(result)(**json.loads(json.dumps(result.to_dict()))) == result
            assert pickle.loads(pickle.dumps(result)) == result
            assert hash(result) == hash(type(result)(**result.to_dict()))
            assert b"_runs" not in pickle.dumps(result)
        assert typing.get_type_hints(OcclusionRuns)["curves"] == tuple[OcclusionCurve, ...]
        assert typing.get_type_hints(OcclusionDifferences)["others"] is OcclusionRuns
        assert runs_of() != runs_of(OTHERS)

    def test_the_table_has_a_row_for_each_severity(self):
        """The coverage is the mean of the trainings', and every line is as long."""
        runs = OcclusionRuns([curve(*ACCURACY[0]), curve(*ACCURACY[1], coverage=(0.3, 0.4))])
        lines = repr(runs).splitlines()

        assert lines[0] == "OcclusionRuns of 2 trainings on 1,000 images"
        assert [line.split()[:3:2] for line in lines[2:]] == [["clean", "%"], ["4", "%"], ["8.5", "%"]]
        assert [line.split()[1] for line in lines[2:]] == ["0.0", "20.0", "30.0"]
        assert {len(line) for line in lines[1:]} == {len(lines[1])}


class TestDifferences:
    """OcclusionRuns.minus() compares trainings pair by pair."""

    def test_pairs_are_subtracted(self):
        """The first from the first, clean first."""
        found = differences_of()
        expected = np.subtract(ACCURACY, OTHERS)

        assert np.array_equal(found.differences, expected)
        assert all(type(row) is tuple for row in found.differences)
        assert found.mean == pytest.approx(expected.mean(axis=0))
        assert found.deviation == pytest.approx(expected.std(axis=0, ddof=1))

    @pytest.mark.parametrize("n", [2, 3, 4])
    def test_the_interval_is_students(self, n):
        """The limits are those of SciPy."""
        columns = np.subtract(ACCURACY[:n], OTHERS[:n]).T
        expected = [stats.ttest_1samp(column, 0).confidence_interval(0.95) for column in columns]

        assert np.array(differences_of(n).interval) == pytest.approx(np.array(expected), abs=1e-6)

    def test_other_occlusions_are_refused(self):
        """Pasted objects are not compared with cells of the same severities."""
        images, shares = pictures(N, HEIGHT, WIDTH), (0.1, 0.4)
        pasted, cells = (
            OcclusionRuns([curve_of(images, occlusions=each, predict=predict) for predict in (brightness, darkness)])
            for each in (pasted_objects(images, images > 99, shares=shares), patch_drops(grid=4, ratios=shares))
        )

        with pytest.raises(ValueError, match="^runs and others must be of the same occlusions and images, got a cov"):
            pasted.minus(cells)
        assert pasted.minus(pasted).mean == cells.minus(cells).mean == (0, 0, 0)

    def test_occlusions_may_depend_on_the_model(self):
        """Each model may have cells of its own saliency, whose coverage differs, and each pair occlusions of its own.

        Cells of one number cover different shares of an image that the grid does not divide.
        """
        images, grid = pictures(N, HEIGHT, WIDTH), 5
        maps = np.random.default_rng(2).random((4, N, grid, grid))
        for share_of in ("cells", "saliency"):
            levels = [patch_drops("salient", each, grid=grid, ratios=(0.3,), share_of=share_of) for each in maps]
            curves = [curve_of(images, occlusions=each) for each in levels]
            assert len({each.coverage for each in curves}) == 4
            assert len(OcclusionRuns(curves[:2]).minus(OcclusionRuns(curves[2:])).differences) == 2
            assert len(OcclusionRuns(curves[:1]).minus(OcclusionRuns(curves[1:2])).differences) == 1
        seeds = OcclusionRuns([curve_of(images, seed=seed) for seed in (0, 1)])
        assert seeds.minus(seeds).mean == (0, 0, 0, 0)

    def test_a_single_pair_has_no_interval(self):
        """The limits are NaN, without a warning."""
        found = differences_of(1)

        assert np.isnan(found.interval).all()
        assert np.shape(found.interval) == (3, 2)
        assert np.isnan(found.deviation).all()
        assert repr(found).startswith("OcclusionDifferences of 1 pair of trainings on 1,000 images\n")

    @pytest.mark.parametrize("freedom", [*range(1, 61), 100, 1000, 10**6])
    def test_quantiles_are_those_of_scipy(self, freedom):
        """The table is right to all its digits, and the expansion to five."""
        error = abs(_runs.find_quantile(freedom) - stats.t.ppf(0.975, freedom))

        assert error < (5.1e-7 if freedom <= len(_runs.T_QUANTILES) == 30 else 2e-6)

    def test_the_table_has_a_row_for_each_severity(self):
        """Every line is as long."""
        lines = repr(differences_of()).splitlines()

        assert lines[0] == "OcclusionDifferences of 4 pairs of trainings on 1,000 images"
        assert [line.split()[0] for line in lines[1:]] == ["severity", "clean", "4", "8.5"]
        assert {len(line) for line in lines[1:]} == {len(lines[1])}


class TestPlots:
    """Means are drawn with bands."""

    @pytest.fixture(autouse=True)
    def _close_figures(self):
        yield
        plt.close("all")

    @pytest.mark.parametrize("x", ["severity", "coverage"])
    @pytest.mark.parametrize("result", [runs_of, differences_of])
    def test_lines_and_bands_are_in_percent(self, result, x):
        """The line is the mean; the band is one deviation, or the interval."""
        measured, (_, ax) = result(), plt.subplots()
        assert measured.plot(ax, x=x, label="one", color="red") is ax
        ax.figure.canvas.draw()
        across, shares = (data.tolist() for data in ax.lines[0].get_data())
        band = ax.collections[0].get_paths()[0].vertices
        mean, deviation = np.array(measured.mean), np.array(measured.deviation)
        limits = (mean - deviation, mean + deviation) if result is runs_of else np.transpose(measured.interval)

        assert across == ([0, 4, 8.5] if x == "severity" else [0, 10, 20])
        assert shares == [100 * share for share in measured.mean]
        assert band[:, 1].min() == pytest.approx(100 * limits[0].min())
        assert band[:, 1].max() == pytest.approx(100 * limits[1].max())
        assert ax.lines[0].get_color() == "red"
        assert ax.get_legend().get_texts()[0].get_text().startswith("one")

    @pytest.mark.parametrize("result", [lambda: runs_of(ACCURACY[:1]), lambda: differences_of(1)])
    def test_a_single_training_has_no_band(self, result):
        """Its line is drawn all the same, without a warning."""
        ax = result().plot()
        ax.figure.canvas.draw()

        assert not ax.collections
        assert len(ax.lines[0].get_xdata()) == 3

    @pytest.mark.parametrize("result", [runs_of, differences_of])
    def test_choices_are_checked(self, result):
        """An axis that does not exist is refused."""
        with pytest.raises(ValueError, match=r"^x must be 'severity' or 'coverage', got 'dose'$"):
            result().plot(x="dose")


class TestTable:
    """occlusion_table() writes Markdown."""

    def test_means_have_deviations(self):
        """A single training has its number alone, and all lines are as long."""
        rows = {"dust": runs_of(), "one | other\nkind": curve(0.9, 1, 0)}

        assert occlusion_table(rows).splitlines() == [
            r"| accuracy (%)      |      clean |          4 |        8.5 |",
            r"|:------------------|-----------:|-----------:|-----------:|",
            r"| dust              | 89.5 ± 3.1 | 72.8 ± 6.1 | 56.5 ± 5.1 |",
            r"| one \| other kind |       90.0 |      100.0 |        0.0 |",
        ]

    def test_errors_are_what_is_left(self):
        """Of 100 %, with the same deviation, and as many digits as are asked for."""
        assert occlusion_table({"": runs_of()}, of="error", digits=2).splitlines()[::2] == [
            "| error (%) |        clean |            4 |          8.5 |",
            "|           | 10.50 ± 3.11 | 27.25 ± 6.08 | 43.50 ± 5.07 |",
        ]
        assert occlusion_table({"a": curve(0.9, 1, 0)}, of="error", digits=0).endswith("|    10 | 0 | 100 |")


OTHER = "type the same occlusions for all curves"
ERRORS = [
    (
        lambda: OcclusionRuns(curve_of()),
        TypeError,
        "curves must be a tuple of curves, got OcclusionCurve: type OcclusionRuns([curve])",
    ),
    (lambda: OcclusionRuns(3), TypeError, "curves must be a tuple of curves, got int: type OcclusionRuns([curve])"),
    (
        lambda: OcclusionRuns([1]),
        TypeError,
        "each of curves must be an OcclusionCurve, got int: type occlusion_curve(…)",
    ),
    (
        lambda: OcclusionRuns([]),
        ValueError,
        "curves must be at least one, got none: type OcclusionRuns([occlusion_curve(…), …])",
    ),
    (
        lambda: OcclusionRuns([curve_of(), curve(*ACCURACY[0])]),
        ValueError,
        f"curves must have the same severities, got 0.5, 2, 9 and 4, 8.5: {OTHER}",
    ),
    (
        lambda: OcclusionRuns([curve(*ACCURACY[0]), curve(*ACCURACY[0], n_images=9)]),
        ValueError,
        "curves must be of the same images, got 1,000 and 9 images",
    ),
    (
        lambda: runs_of().minus(curve_of()),
        TypeError,
        "others must be an OcclusionRuns, got OcclusionCurve: type OcclusionRuns([…])",
    ),
    (
        lambda: runs_of().minus(runs_of(OTHERS[:2])),
        ValueError,
        "runs and others must be as many trainings, as each is compared with one, got 4 and 2",
    ),
    (
        lambda: runs_of().minus(runs_of(severities=(4, 9))),
        ValueError,
        f"runs and others must have the same severities, got 4, 8.5 and 4, 9: {OTHER}",
    ),
    (
        lambda: runs_of().minus(runs_of(n_images=9)),
        ValueError,
        "runs and others must be of the same images, got 1,000 and 9 images",
    ),
    (
        lambda: occlusion_table(runs_of()),
        TypeError,
        'runs must be a dict of names, got OcclusionRuns: type {"with dust": OcclusionRuns([…])}',
    ),
    (
        lambda: occlusion_table({}),
        ValueError,
        'runs must have at least one row, got none: type {"with dust": OcclusionRuns([…])}',
    ),
    (lambda: occlusion_table({1: runs_of()}), TypeError, "names of runs must be strings, got 1"),
    (
        lambda: occlusion_table({"a": [curve_of()]}),
        TypeError,
        "each of runs must be an OcclusionRuns or an OcclusionCurve, got list for 'a': type OcclusionRuns([…])",
    ),
    (
        lambda: occlusion_table({"a": curve_of(), "b": runs_of()}),
        ValueError,
        f"runs must have the same severities, got 0.5, 2, 9 and 4, 8.5: {OTHER}",
    ),
    (
        lambda: occlusion_table({"a": runs_of(), "b": runs_of(n_images=9)}),
        ValueError,
        "runs must be of the same images, got 1,000 and 9 images",
    ),
    (
        lambda: runs_of().minus(runs_of(coverage=(0.1, 0.2 + 1e-7))),
        ValueError,
        (
            "runs and others must be of the same occlusions and images, got a coverage of 0.2 and 0.2000001 at "
            "severity 8.5: type the same occlusions and images for all curves"
        ),
    ),
    (
        lambda: occlusion_table({"a": curve_of()}, of="loss"),
        ValueError,
        "of must be 'accuracy' or 'error', got 'loss'",
    ),
    (lambda: occlusion_table({"a": curve_of()}, digits=-1), ValueError, "digits must be from 0 to 15, got -1"),
    (lambda: occlusion_table({"a": curve_of()}, digits=1.0), TypeError, "digits must be a whole number, got 1.0"),
]


@pytest.mark.parametrize(("mistake", "error", "message"), ERRORS, ids=[message for *_, message in ERRORS])
def test_errors(mistake, error, message):
    """Each mistake is named by what was given, and by what to type."""
    with pytest.raises(error) as caught:
        mistake()

    assert str(caught.value) == message
