"""Results of curves and maps can be stored and plotted, and errors name missing extras."""

import dataclasses
import json
import pickle
import re
import typing

import matplotlib as mpl
import numpy as np
import pytest

from conftest import without
from dustaug import robustness
from dustaug.robustness import OcclusionCurve, _plots
from toy_models import curve_of, map_of, pictures

mpl.use("Agg")
from matplotlib import pyplot as plt


class TestResults:
    """OcclusionCurve and OcclusionMap are values that can be stored."""

    def test_curves_become_json_and_come_back(self):
        """The dict of a curve has plain numbers only, and makes the same curve again."""
        curve = curve_of()
        read = json.loads(json.dumps(curve.to_dict()))

        assert OcclusionCurve(**curve.to_dict()) == curve
        assert repr(OcclusionCurve(**read)) == repr(curve)

    def test_maps_become_json(self):
        """The dict of a map has all numbers except those of the picture."""
        found = map_of()
        read = json.loads(json.dumps(found.to_dict()))

        assert read == {
            "target": found.target,
            "score": found.score,
            "patch": found.patch,
            "stride": found.stride,
            "heat": found.heat.tolist(),
        }

    @pytest.mark.parametrize("result", [curve_of, map_of])
    def test_results_are_frozen(self, result):
        """No field of a result can be changed."""
        measured = result()
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(measured, dataclasses.fields(measured)[0].name, 0)

    def test_curves_print_a_table(self):
        """The table has one row for each severity, after that of the clean images."""
        lines = repr(curve_of()).splitlines()

        assert lines[:2] == ["OcclusionCurve of 23 images", "severity  coverage  accuracy  flip rate"]
        assert [line.split()[0] for line in lines[2:]] == ["clean", "0.5", "2", "9"]
        assert {len(line) for line in lines[1:]} == {len(lines[1])}


class TestShares:
    """Shares of a curve run from 0 to 1."""

    @pytest.mark.parametrize("name", ["clean_accuracy", "coverage", "accuracy", "flip_rate"])
    @pytest.mark.parametrize(
        ("share", "found"),
        [
            (80, "got 80: type 0.8 for 80 %"),
            (-0.25, "got -0.25"),
            (float("nan"), "got nan"),
            (float("inf"), "got inf"),
        ],
    )
    def test_other_numbers_are_refused(self, name, share, found):
        """Those in %, and what is no number."""
        fields = {**curve_of().to_dict(), name: share if name == "clean_accuracy" else (0, 1, share)}
        subject = name if name == "clean_accuracy" else f"each number of {name}"
        with pytest.raises(ValueError, match=r"^[a-z_ ]+ must be from 0 to 1, got ") as caught:
            OcclusionCurve(**fields)

        assert str(caught.value) == f"{subject} must be from 0 to 1, {found}"

    def test_the_ends_are_taken(self):
        """Whole numbers, as JSON has them, are shares too, and a severity may be any number."""
        fields = {"coverage": [0, 1], "accuracy": [1, 0], "flip_rate": [0, 1], "severities": [4, 99]}

        assert OcclusionCurve(n_images=3, clean_accuracy=1, **fields).accuracy == (1, 0)


class TestPlace:
    """The public names are those of dustaug.robustness, whichever file holds the code."""

    @pytest.mark.parametrize("name", robustness.__all__)
    def test_names_and_pickles_are_those_of_the_public_module(self, name):
        """A pickle names the public module and no private file."""
        public = getattr(robustness, name)

        assert public.__module__ == "dustaug.robustness"
        assert pickle.loads(pickle.dumps(public)) is public
        assert b"_occlusion" not in pickle.dumps(public)
        assert typing.get_type_hints(robustness.OcclusionMap)["target"] is int
        assert typing.get_type_hints(robustness.PatchDrop)["grid"] is int
        assert typing.get_type_hints(robustness.OcclusionGap)["train"] is OcclusionCurve

    def test_results_survive_a_pickle(self):
        """Results can be pickled, as those of a pool of processes are."""
        curve, found = curve_of(), map_of()

        assert pickle.loads(pickle.dumps(curve)) == curve
        assert pickle.loads(pickle.dumps(found)).to_dict() == found.to_dict()


class TestPlots:
    """OcclusionCurve.plot() and OcclusionMap.plot() draw with matplotlib."""

    @pytest.fixture(autouse=True)
    def _close_figures(self):
        yield
        plt.close("all")

    @pytest.mark.parametrize("x", ["severity", "coverage"])
    @pytest.mark.parametrize("y", ["accuracy", "flip_rate"])
    def test_curves_are_drawn_in_percent(self, x, y):
        """The line begins at the clean images and goes through every severity."""
        curve = curve_of()
        ax = curve.plot(x=x, y=y)
        ax.figure.canvas.draw()
        across, shares = (data.tolist() for data in ax.lines[0].get_data())

        assert across == [
            0,
            *(s if x == "severity" else 100 * s for s in getattr(curve, "severities" if x == "severity" else x)),
        ]
        assert shares == [100 * share for share in (curve.clean_accuracy if y == "accuracy" else 0, *getattr(curve, y))]
        assert "%" in ax.get_ylabel()
        assert ax.get_title(loc="left")

    def test_several_curves_share_an_axes(self):
        """Each curve has a colour and an entry in the legend, with its clean accuracy."""
        curve, (_, ax) = curve_of(), plt.subplots()
        for label in ("one", "other"):
            assert curve.plot(ax, label=label) is ax
        ax.figure.canvas.draw()
        clean = f"{100 * curve.clean_accuracy:.1f} %"

        assert [f"{name} (clean: {clean})" for name in ("one", "other")] == [
            text.get_text() for text in ax.get_legend().get_texts()
        ]
        assert ax.lines[0].get_color() != ax.lines[3].get_color()

    def test_a_lone_curve_says_its_clean_accuracy(self):
        """The legend needs no label for it; flips without a label have no legend."""
        assert curve_of().plot().get_legend().get_texts()[0].get_text().startswith("clean: ")
        assert curve_of().plot(y="flip_rate").get_legend() is None

    def test_the_band_is_wilsons(self):
        """The limits of the band are those of SciPy, also where nothing or everything is right."""
        from scipy import stats

        for hits, n in ((0, 7), (3, 7), (7, 7), (500, 1797)):
            expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
            low, high = _plots.wilson_interval(np.array(hits / n), n)

            assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-7)

    @pytest.mark.parametrize("shape", [(9, 12), (9, 12, 3)])
    def test_maps_are_drawn_with_a_colour_bar(self, shape):
        """Picture and heat are in one axes, and the bar is in another; a map without heat can be drawn too."""
        _, ax = plt.subplots()
        found = map_of(pictures(*shape))

        assert found.plot(ax) is ax
        assert len(ax.images) == 2
        assert len(ax.figure.axes) == 2
        assert (ax.images[1].get_array() == found.heat).all()

        with pytest.warns(UserWarning, match="the map is blank"):
            ax = map_of(pictures(*shape), lambda batch: np.ones((len(batch), 2))).plot()
        ax.figure.canvas.draw()

        assert ax.get_title(loc="left") == "Class 0, score 1"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"x": "dose"}, "x must be 'severity' or 'coverage', got 'dose'"),
            ({"y": "loss"}, "y must be 'accuracy' or 'flip_rate', got 'loss'"),
        ],
    )
    def test_choices_are_checked(self, options, message):
        """Names of axes that do not exist are refused."""
        with pytest.raises(ValueError, match=re.escape(message)):
            curve_of().plot(**options)


PLOT = """
import numpy as np
from dustaug.robustness import occlusion_curve
ones = lambda x: np.ones((len(x), 2))
curve = occlusion_curve(ones, np.zeros((2, 8, 8), np.uint8), [0, 1], progress={})
curve.plot()
"""


class TestExtras:
    """Rich and matplotlib are imported only when they are needed, and named if they are missing."""

    def test_progress_goes_to_the_error_stream(self, capsys):
        """The bar counts the calls of predict, and leaves the output alone."""
        curve = curve_of(progress=True, batch_size=10)
        out, err = capsys.readouterr()

        assert curve == curve_of()
        assert not out
        assert "Occluding" in err
        assert "12/12" in err

    def test_maps_count_patches(self, capsys):
        """The bar of a map counts the places of the patch."""
        found = map_of(progress=True, patch=4, stride=4)

        assert (found.heat == map_of(patch=4, stride=4).heat).all()
        assert "15/15" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("package", "progress", "message"),
        [
            ("rich", True, 'a progress bar needs rich: type pip install "dustaug[robustness]", or progress=False'),
            ("matplotlib", False, 'a plot needs matplotlib: type pip install "dustaug[robustness]"'),
        ],
    )
    def test_what_is_missing_is_named(self, run_python, package, progress, message):
        """Without the package, the error says what to install."""
        error = run_python(without(package) + PLOT.format(progress), check=False).stderr.splitlines()[-1]

        assert error == f"dustaug._extras.MissingExtraError: {message}"

    def test_no_progress_needs_no_rich(self, run_python):
        """Without a progress bar, a measurement and a plot run without rich."""
        assert run_python(without("rich") + PLOT.format(False)) == ""
