"""The figures of the guitar classifier are written, and show the right numbers."""

import itertools

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from PIL import Image

from examples import guitar_figures as figures

ARMS = ("none", "dust", "cutout", "random-erasing", "input-dropout")
LABELS = ["No dust", "Dust", "Cutout", "Random Erasing", "Input dropout"]
NAMES = ("Stratocaster", "Jazzmaster", "Les Paul", "Flying V")


def _histories(arms, seeds, epochs=4):
    rng = np.random.default_rng(0)
    keys = ("accuracy", "loss", "val_accuracy", "val_loss")
    return {arm: [{key: rng.random(epochs).tolist() for key in keys} for _ in range(seeds)] for arm in arms}


def _results(arms, seeds):
    def run(i, seed):
        graffiti, flips = (
            [(base + 0.01 * i + 0.1 * seed) for base in bases] for bases in ((0.7, 0.6, 0.4), (0.1,) * 3)
        )
        coverage = [0.1, 0.2, 0.3 + 0.01 * seed]
        return {"seed": seed, "clean": 0.8, "graffiti": graffiti, "flips": flips, "graffiti_coverage": coverage}

    return {"settings": {}, "arms": {arm: [run(i, seed) for seed in range(seeds)] for i, arm in enumerate(arms)}}


def _pictures(n, size=32):
    return np.random.default_rng(1).integers(0, 256, (n, size, size, 3), np.uint8)


def _legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def _is_png(path, written, width=(1600, 1600)):
    assert written == path
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert width[0] <= image.width <= width[1]
        assert 150 <= image.height <= 4000
        assert np.asarray(image.convert("L")).std() > 5


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("arms", [1, 2, 5])
def test_curves_and_graffiti_are_written(tmp_path, arms, seeds):
    """Learning curves and the graffiti's plot are PNG files 1,600 pixels wide, whatever was trained."""
    path = tmp_path / "curves.png"
    _is_png(path, figures.draw_learning_curves(_histories(ARMS[:arms], seeds), path))
    path = tmp_path / "graffiti.png"
    _is_png(path, figures.draw_graffiti(_results(ARMS[:arms], seeds), path))


@pytest.mark.parametrize("columns", [1, 8])
@pytest.mark.parametrize("arms", [1, 2, 5])
def test_sheets_are_written(tmp_path, arms, columns):
    """A sheet is a PNG file of whatever width its pictures need, and no more than 1,600 pixels."""
    path = tmp_path / "sheet.png"
    sheets = dict.fromkeys(ARMS[:arms], _pictures(columns))
    _is_png(path, figures.draw_dusted_sheet(sheets, path), (500, 1600))


@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize("arms", [1, 2])
def test_answers_are_written(tmp_path, arms, n):
    """A page of answers is a PNG file for one picture or several, and its path may be a string."""
    path = tmp_path / "answers.png"
    scores = {arm: np.random.default_rng(2).dirichlet(np.ones(4), n) for arm in ARMS[:arms]}
    _is_png(path, figures.draw_answers(_pictures(n), np.arange(n) % 4, scores, NAMES, str(path)))


@pytest.mark.parametrize("epochs", [1, 2, 30])
def test_curves_are_means_with_bands(epochs):
    """Each panel has, for each arm, a dashed mean of training and a solid one of validation over a band."""
    histories = _histories(ARMS, 3, epochs)
    figure = figures.curves_figure(histories)
    assert _legend(figure) == LABELS
    for ax, key, unit in zip(figure.axes, ("accuracy", "loss"), (100, 1), strict=True):
        assert len(ax.collections) == 5
        for i, arm in enumerate(ARMS):
            for line, name in zip(ax.lines[2 * i : 2 * i + 2], (key, f"val_{key}"), strict=True):
                assert line.is_dashed() == (name == key)
                assert list(line.get_xdata()) == list(range(1, epochs + 1))
                mean = np.mean([run[name] for run in histories[arm]], axis=0)
                np.testing.assert_allclose(line.get_ydata(), unit * mean)


def test_one_seed_has_no_band():
    """A single seed has a line and no band."""
    figure = figures.curves_figure(_histories(ARMS, 1))
    assert not any(ax.collections for ax in figure.axes)


def test_a_spike_of_the_validation_loss_flattens_nothing():
    """The loss axis ends a little above the losses of training."""
    histories = _histories(["dust"], 1)
    histories["dust"][0]["val_loss"][0] = 50.0
    assert figures.curves_figure(histories).axes[1].get_ylim()[1] < 2


def test_graffiti_begins_with_clean_pictures():
    """Lines begin at the clean pictures and go through the mean coverage and share of each severity."""
    figure = figures.graffiti_figure(_results(ARMS, 3))
    assert _legend(figure) == LABELS
    accuracy, flips = ([line for line in ax.lines if line.get_linestyle() == "-"] for ax in figure.axes)
    np.testing.assert_allclose(accuracy[1].get_xdata(), [0, 10, 20, 31])
    np.testing.assert_allclose(accuracy[1].get_ydata(), [80, 81, 71, 51])
    np.testing.assert_allclose(flips[2].get_ydata(), [0, 22, 22, 22])
    marks = [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    np.testing.assert_allclose([line.get_ydata()[-1] for line in marks[:3]], [40, 50, 60])


def test_both_panels_of_graffiti_have_one_scale_and_hold_all_seeds():
    """Both panels have the same scale, and no seed is cut off."""
    figure = figures.graffiti_figure(_results(ARMS, 3))
    spans = [np.ptp(ax.get_ylim()) for ax in figure.axes]
    assert spans[0] == pytest.approx(spans[1])
    for ax in figure.axes:
        low, high = ax.get_ylim()
        assert all(low < y < high for line in ax.lines for y in line.get_ydata())


def test_numbers_beside_the_lines_do_not_overlap():
    """Numbers of lines that end close together are moved apart, in the order of the lines."""
    figure = figures.graffiti_figure(_results(ARMS, 1))
    figure.draw_without_rendering()
    for ax, first in zip(figure.axes, (40, 10), strict=True):
        numbers = [text for text in ax.texts if text.get_text().isdigit()]
        assert [text.get_text() for text in numbers] == [str(first + i) for i in range(5)]
        boxes = [text.get_window_extent() for text in numbers]
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_perfect_models_have_axes():
    """A model that graffiti never deceives is drawn like any other."""
    run = {"clean": 1.0, "graffiti": [1.0] * 3, "flips": [0.0] * 3, "graffiti_coverage": [0.1, 0.2, 0.3]}
    assert figures.graffiti_figure({"arms": {"dust": [run]}}).axes[0].get_ylim()[1] > 100


def test_sheets_have_a_labelled_row_for_each_arm():
    """Rows are arms and columns are unchanged pictures; the first column has the labels."""
    sheets = {arm: _pictures(3, 32 + i) for i, arm in enumerate(ARMS)}
    axes = figures.sheet_figure(sheets).axes
    assert [ax.get_ylabel().replace("\n", " ") for ax in axes[::3]] == LABELS
    assert not any(ax.get_ylabel() for i, ax in enumerate(axes) if i % 3)
    for ax, image in zip(axes, itertools.chain(*sheets.values()), strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)


def test_a_tint_is_red_where_the_weight_is():
    """Pixels without weight stay as they are, and the more weight one has, the nearer it is to red."""
    images, guides = _pictures(2, 4), np.zeros((2, 4, 4), np.uint8)
    guides[1, 2, 1:3] = 127, 255
    tinted = figures.tint(images, guides)

    assert tinted.dtype == np.uint8
    assert ((tinted != images).any(axis=-1) == (guides > 0)).all()
    distance = abs(tinted[1, 2].astype(int) - (213, 0, 0)).sum(axis=-1)
    assert distance[2] < distance[1] < abs(images[1, 2, 1].astype(int) - (213, 0, 0)).sum()


def test_bars_are_the_three_highest_scores():
    """The three highest scores are bars with names and per cent, and the right answer stands out."""
    scores = {"none": np.array([[0.3, 0.2, 0.497, 0.003]]), "dust": np.array([[0.003, 0.997, 0.0, 0.0]])}
    picture, none, dust = figures.answers_figure(_pictures(1), [1], scores, NAMES).axes
    assert picture.get_xlabel() == "Jazzmaster"
    assert [ax.get_title(loc="left") for ax in (none, dust)] == ["✗ No dust", "✓ Dust"]
    assert [bar.get_width() for bar in none.patches] == [0.497, 0.3, 0.2]
    assert [text.get_text() for text in none.get_yticklabels()] == ["Les Paul", "Stratocaster", "Jazzmaster"]
    assert none.yaxis_inverted()
    assert [text.get_text() for text in none.texts] == ["50 %", "30 %", "20 %"]
    assert [text.get_text() for text in dust.texts] == ["100 %", "< 1 %", "0 %"]
    wrong, also_wrong, right = (to_hex(bar.get_facecolor()) for bar in none.patches)
    assert wrong == also_wrong != right == to_hex(dust.patches[0].get_facecolor())


def test_two_classes_have_two_bars():
    """Where there are fewer than three classes, all of them are answers."""
    figure = figures.answers_figure(_pictures(1), [0], {"dust": np.array([[0.4, 0.6]])}, NAMES[:2])
    assert [bar.get_width() for bar in figure.axes[1].patches] == [0.6, 0.4]


def test_pictures_without_ground_truth_are_not_judged():
    """Without a right answer there is no name, tick or colour that tells right from wrong."""
    figure = figures.answers_figure(_pictures(1), [], {"dust": np.eye(4)[:1]}, NAMES, ground_truth=False)
    picture, dust = figure.axes
    assert picture.get_xlabel() == ""
    assert dust.get_title(loc="left") == "Dust"
    assert len({bar.get_facecolor() for bar in dust.patches}) == 1


def test_an_arm_has_one_colour_in_all_figures():
    """Whatever other arms a figure shows, dust is drawn in the same colour."""
    curves = figures.curves_figure(_histories(ARMS, 1)).axes[0].lines[3].get_color()
    graffiti = figures.graffiti_figure(_results(["dust"], 1)).axes[0].lines[0].get_color()
    sheet = figures.sheet_figure({"dust": _pictures(1)}).axes[0].yaxis.label.get_color()
    assert curves == graffiti == sheet


def test_unknown_arms_have_further_colours():
    """Arms that nobody foresaw are drawn under their own names, in colours of their own."""
    figure = figures.graffiti_figure(_results((*ARMS, "fog-bank", "snow"), 1))
    assert _legend(figure) == [*LABELS, "fog bank", "snow"]
    assert len({line.get_color() for line in figure.axes[0].lines}) == 7


def test_figures_are_nobody_elses():
    """No figure is registered with pyplot, which would keep it in memory."""
    before = plt.get_fignums()
    figures.curves_figure(_histories(ARMS, 1))
    figures.sheet_figure({"dust": _pictures(1)})
    figures.graffiti_figure(_results(ARMS, 1))
    figures.answers_figure(_pictures(1), [0], {"dust": np.eye(4)[:1]}, NAMES)
    assert plt.get_fignums() == before
