"""PatchDrop by saliency, errors relative to another model, and the gap between train and test images."""

import itertools
import json
import math
import pickle

import matplotlib as mpl
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dustaug
from dustaug import cutout, dust
from dustaug.robustness import (
    OcclusionComparison,
    OcclusionCurve,
    OcclusionGap,
    PatchDrop,
    _plots,
    occlusion_curve,
    occlusion_gap,
    occlusion_map,
    patch_drops,
)
from toy_models import HEIGHT, LEVELS, WIDTH, N, brightness, curve_of, pictures

mpl.use("Agg")
from matplotlib import pyplot as plt

CHOICES = ("salient", "non-salient")
SIDES = st.integers(1, 9)


def maps_of(n=N, rows=5, columns=7, dtype=np.float64):
    return np.random.default_rng(3).normal(size=(n, rows, columns)).astype(dtype)


def plain_order(saliency, grid, choice):
    """Return the cells of one image by their saliency, after a plain enlargement of the map to a common multiple."""
    rows, columns = saliency.shape
    large = np.kron(saliency.astype(int), np.ones((grid, grid), int))
    held = [
        int(large[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns].sum())
        for i in range(grid)
        for j in range(grid)
    ]
    return sorted(range(grid**2), key=lambda cell: (-held[cell] if choice == "salient" else held[cell], cell))


def masks_of(occlusion, n=N, height=28, width=28):
    """Return what an occlusion hides of each image, from what predict sees."""
    seen = []

    def predict(batch):
        seen.append(batch == 0)
        return np.ones((len(batch), 2))

    curve_of(np.full((n, height, width), 255, np.uint8), [0] * n, {1: occlusion}, predict)
    return seen[1]


class TestRandomPatchDrop:
    """patch_drops() without saliency draws cells of its own for each image."""

    def test_it_is_the_preset(self):
        """Each ratio has the spec of patch_drop(), with the fill and the grid that were given."""
        assert patch_drops() == {i / 10: dustaug.patch_drop(i / 10) for i in range(1, 10)}
        assert patch_drops(ratios=(1,), grid=4, fill_value=9) == {1: dustaug.patch_drop(1, 4, fill_value=9)}

    def test_each_ratio_hides_more_of_the_same(self):
        """Exactly the share of the cells is black, rounded down, and stays black; images have cells of their own."""
        masks = [masks_of(drop) for drop in patch_drops().values()]

        for tenths, mask in enumerate(masks, 1):
            cells = mask.reshape(N, 14, 2, 14, 2)
            assert (cells == cells[:, :, :1, :, :1]).all()
            assert (mask.sum((1, 2)) == 4 * (tenths * 196 // 10)).all()
            assert len(np.unique(mask, axis=0)) == N
        assert all((less <= more).all() for less, more in itertools.pairwise(masks))

    def test_the_batch_size_changes_nothing(self):
        """An image has the same cells in any batch, and other ones for another seed."""
        curve = curve_of(occlusions=patch_drops())

        assert curve_of(occlusions=patch_drops(), batch_size=5) == curve
        assert curve_of(occlusions=patch_drops(), seed=1) != curve
        assert gap_of(patch_drops()).test == curve

    def test_the_cells_are_those_of_salient_ones(self):
        """All three choices cut images into the same cells, whatever their sides are."""
        saliency = np.zeros((N, 5, 5))
        for row, column in np.ndindex(5, 5):
            saliency[:] = 0
            saliency[:, row, column] = 1
            one = masks_of(patch_drops("salient", saliency, ratios=(0.04,), grid=5)[0.04], height=13, width=17)[0]
            hit = masks_of(dustaug.patch_drop(0.5, 5), height=13, width=17)[:, one]
            assert (hit == hit[:, :1]).all()
            assert 0 < hit[:, 0].sum() < N


class TestPatchDrop:
    """patch_drops() hides the cells of a grid by the saliency of each image."""

    @pytest.mark.parametrize("choice", CHOICES)
    @settings(max_examples=50)
    @given(saliency=hnp.arrays(np.int64, st.tuples(st.just(2), SIDES, SIDES), elements=st.integers(-3, 3)), grid=SIDES)
    def test_cells_go_by_the_saliency_that_they_hold(self, choice, saliency, grid):
        """The order is that of the sums over an enlarged map, and cells that hold as much go row by row."""
        drop = patch_drops(choice, saliency, ratios=(1,), grid=grid)[1]

        assert drop.order.tolist() == [plain_order(each, grid, choice) for each in saliency]

    def test_cells_may_be_a_share_of_the_saliency(self):
        """The fewest salient cells that hold the share are hidden, or the most others that hold no more."""
        saliency, ratios = [[[4, 1], [3, 2]], [[0, 0], [0, 9]]], (0.1, 0.3, 0.4, 0.5, 0.7, 1)
        counts = {
            choice: np.stack(
                [
                    drop.count
                    for drop in patch_drops(choice, saliency, ratios=ratios, share_of="saliency", grid=2).values()
                ]
            )
            for choice in CHOICES
        }

        assert counts["salient"].T.tolist() == [[1, 1, 1, 2, 2, 4], [1, 1, 1, 1, 1, 1]]
        assert counts["non-salient"].T.tolist() == [[1, 2, 2, 2, 3, 4], [3, 3, 3, 3, 3, 4]]

    def test_what_is_left_of_the_saliency_is_the_rest(self):
        """Cells that hold a share, and those that hold the rest, are all cells, as in the official code."""
        salient, others = (patch_drops(each, maps_of() ** 2, share_of="saliency", grid=4) for each in CHOICES)
        curve = curve_of(occlusions=salient)

        for tenths in range(1, 10):
            drops = salient[tenths / 10], others[(10 - tenths) / 10]
            first, rest = (drop.rectangles(np.arange(N), height=8, width=8).mask(8, 8) for drop in drops)
            assert (first != rest).all()
        assert curve.coverage == tuple(sorted(curve.coverage))
        assert repr(salient[0.5]).endswith("of 16 cells of 23 images)")
        assert " to " in repr(salient[0.5])

    @pytest.mark.parametrize("choice", CHOICES)
    @pytest.mark.parametrize("value", [0, 0.1, -1 / 3, 1e300])
    def test_ties_are_ties(self, choice, value):
        """A map without differences gives the cells row by row, whatever the rounding of its sums is."""
        order = patch_drops(choice, np.full((1, 10, 9), value))[0.5].order

        assert (order == np.arange(196)).all()

    @pytest.mark.parametrize("choice", CHOICES)
    def test_each_ratio_hides_more_of_the_same(self, choice):
        """Exactly the share of the cells is hidden, rounded down, and what is hidden stays hidden."""
        before = np.zeros((N, 28, 28), bool)
        for ratio, drop in patch_drops(choice, maps_of()).items():
            mask = drop.rectangles(np.arange(N), height=28, width=28).mask(28, 28)
            assert (mask.sum((1, 2)) == 4 * (round(10 * ratio) * 196 // 10)).all()
            assert (mask >= before).all()
            before = mask

    def test_shares_that_floats_miss_are_counted(self):
        """0.29 of 100 cells are 29, though the product of floats is below."""
        assert {drop.count for drop in patch_drops("salient", maps_of(), ratios=(0.29,), grid=10).values()} == {29}

    def test_the_choices_are_opposite(self):
        """Without ties, the cell that is hidden last is the first of the other choice."""
        most, least = (patch_drops(choice, maps_of(), ratios=(1,), grid=3)[1].order for choice in CHOICES)

        assert (most[:, ::-1] == least).all()

    @pytest.mark.parametrize("layout", ["NHWC", "NCHW", "NHW"])
    @pytest.mark.parametrize(("dtype", "value_range", "black"), [(np.uint8, None, 0), (np.float32, (-1, 1), -1)])
    def test_predict_sees_black_cells(self, layout, dtype, value_range, black):
        """The cells of an image are black, in any layout and range, and nothing else changes."""
        shape = {"NHWC": (3, 6, 9, 2), "NCHW": (3, 2, 6, 9), "NHW": (3, 6, 9)}[layout]
        images, seen = pictures(*shape, dtype=dtype), []
        drops = patch_drops("salient", maps_of(3), ratios=(0.5,), grid=3)

        def predict(batch):
            seen.append(batch.copy())
            return np.ones((len(batch), 2))

        curve = curve_of(images, [0] * 3, drops, predict, layout=layout, value_range=value_range)
        expected = images.copy()
        for image, order in zip(expected, drops[0.5].order, strict=True):
            for cell in order[:4]:
                row, column = divmod(int(cell), 3)
                place = slice(2 * row, 2 * row + 2), slice(3 * column, 3 * column + 3)
                image[place if layout != "NCHW" else (slice(None), *place)] = black

        assert (seen[1] == expected).all()
        assert curve.coverage == (4 / 9,)
        assert curve.severities == (0.5,)

    @pytest.mark.parametrize("batch_size", [1, 5, N])
    def test_the_batch_size_changes_nothing(self, batch_size):
        """Each image has the cells of its own map."""
        drops = patch_drops("salient", maps_of())

        assert curve_of(occlusions=drops, batch_size=batch_size) == curve_of(occlusions=drops)

    def test_salient_cells_matter(self):
        """A model that reads one cell fails without it, and copes without the others."""
        images = np.zeros((20, 28, 28), np.uint8)
        labels, cells = np.arange(20) % 2, np.arange(20) * 7 % 16
        images[labels == 1] = 255
        saliency = np.eye(16)[cells].reshape(20, 4, 4)

        def predict(batch):
            found = [image[7 * (cell // 4) + 3, 7 * (cell % 4) + 3] for image, cell in zip(batch, cells, strict=True)]
            return np.eye(2)[np.array(found) // 128]

        salient, others = (curve_of(images, labels, patch_drops(each, saliency, grid=4), predict) for each in CHOICES)

        assert set(salient.accuracy) == {0.5}
        assert set(others.accuracy) == {1}
        assert salient.coverage == others.coverage

    def test_a_map_of_heat_is_a_map_of_saliency(self):
        """The heat of occlusion_map() leads to the cells that it was made of."""
        image = np.full((4, 4), 255, np.uint8)
        found = occlusion_map(
            lambda x: np.stack([x[:, 2:, :2].sum(axis=(1, 2)), np.ones(len(x))], axis=1),
            image,
            patch=2,
            stride=2,
            fill_value=0,
            progress=False,
        )

        assert patch_drops("salient", found.heat[None], grid=2)[0.5].order.tolist() == [[2, 0, 1, 3]]

    @pytest.mark.parametrize("dtype", [bool, np.uint8, np.float16, ml_dtypes.bfloat16, np.float32])
    def test_maps_may_be_of_any_kind(self, dtype):
        """The numbers matter, and their kind does not."""
        saliency = maps_of() > 0
        expected = patch_drops("salient", saliency.astype(float), ratios=(1,))[1].order

        assert (patch_drops("salient", saliency.astype(dtype), ratios=(1,))[1].order == expected).all()

    def test_the_fill_is_stated(self):
        """Any brightness may be painted, also one for each channel."""
        drop = patch_drops("salient", maps_of(), fill_value=(1, 2, 255))[0.1]
        painted = drop.rectangles([4, 2], height=14, width=14)

        assert np.unique(painted.fill, axis=0).tolist() == [[1, 2, 255]]
        assert (painted.n_images, len(painted)) == (2, 38)

    def test_an_order_may_be_ones_own(self):
        """Any ranking of the cells makes an occlusion, which a pickle keeps."""
        drop = PatchDrop(order=[[3, 0, 1, 2]], count=1, grid=2)
        kept = pickle.loads(pickle.dumps(drop))

        assert kept.rectangles([0], height=4, width=4).boxes.tolist() == [[2, 2, 4, 4]]
        assert repr(kept) == "PatchDrop(1 of 4 cells of 1 image)"

    @pytest.mark.parametrize(
        ("arguments", "options", "error", "message"),
        [
            (("top",), {}, ValueError, "choice must be 'random' or 'salient' or 'non-salient', got 'top'"),
            (
                ("salient",),
                {},
                TypeError,
                'saliency must be given for choice="salient", got none: type saliency=maps, (n, rows, columns)',
            ),
            (
                ("random", maps_of()),
                {},
                ValueError,
                'saliency must be left out with choice="random", which does not look at it',
            ),
            (("salient", [["a"]]), {}, TypeError, "saliency must be an array of real numbers, got [['a']]"),
            (("salient", [[1, 2], [3]]), {}, TypeError, "saliency must be an array of real numbers, got [[1, 2], [3]]"),
            (
                ("salient", np.zeros((3, 4))),
                {},
                ValueError,
                "saliency must have shape (n, rows, columns), a map for each image, got shape (3, 4)",
            ),
            (
                ("salient", np.zeros((3, 0, 4))),
                {},
                ValueError,
                "saliency must have shape (n, rows, columns), a map for each image, got shape (3, 0, 4)",
            ),
            (("salient", [[[1, math.nan]]]), {}, ValueError, "saliency must be finite, got nan"),
            (("salient", [[[1, -math.inf]]]), {}, ValueError, "saliency must be finite, got -inf"),
            (
                ("salient", [[[1, -1]]]),
                {"share_of": "saliency"},
                ValueError,
                (
                    'saliency must not be negative, and each map must have a number above 0, with share_of="saliency", '
                    "got -1: type numpy.maximum(saliency, 1e-9)"
                ),
            ),
            (
                ("salient", [[[1]], [[0]]]),
                {"share_of": "saliency"},
                ValueError,
                (
                    'saliency must not be negative, and each map must have a number above 0, with share_of="saliency", '
                    "got a map of zeros: type numpy.maximum(saliency, 1e-9)"
                ),
            ),
            ((), {"share_of": "saliency"}, ValueError, 'share_of must be "cells" with choice="random", got "saliency"'),
            (("salient", [[[1]]]), {"grid": 0}, ValueError, "grid must be from 1 to 255, got 0"),
            (
                ("salient", [[[1]]]),
                {"ratios": 0.5},
                TypeError,
                "ratios must be some numbers, got 0.5: type ratios=(0.25, 0.5)",
            ),
            (("salient", [[[1]]]), {"ratios": ["a"]}, TypeError, "each of ratios must be a number, got str"),
            (
                ("salient", [[[1]]]),
                {"ratios": (0,)},
                ValueError,
                "ratios must be above 0, up to 1, got 0: the clean images are measured anyway",
            ),
            (
                ("salient", [[[1]]]),
                {"fill_value": 256},
                ValueError,
                "fill_value must be a number from 0 to 255, got 256",
            ),
        ],
    )
    def test_odd_arguments(self, arguments, options, error, message):
        """Each mistake is named by what must hold."""
        with pytest.raises(error) as caught:
            patch_drops(*arguments, **options)

        assert str(caught.value) == message

    @pytest.mark.parametrize(
        ("fields", "error", "message"),
        [
            ({"order": [[0, 1, 2, 2]]}, ValueError, "once for every image, got other rows"),
            ({"order": [[0, 1]]}, ValueError, "all cells of each image, got int64 of shape (1, 2)"),
            ({"order": np.zeros((0, 4), int)}, ValueError, "all cells of each image, got int64 of shape (0, 4)"),
            ({"order": 3}, ValueError, "all cells of each image, got int64 of shape ()"),
            ({"order": [[1, 2], [3]]}, ValueError, "all cells of each image, got object of shape ()"),
            ({"count": 5}, ValueError, "count must be from 0 to 4, got 5"),
            ({"count": [-1]}, ValueError, "count must be from 0 to 4, got -1"),
            (
                {"count": [1, 2]},
                ValueError,
                "count must be a whole number, or one for each of 1 images, got [1, 2]",
            ),
            ({"fill_value": None}, ValueError, "fill_value must be given"),
        ],
    )
    def test_of_an_occlusion_that_is_none(self, fields, error, message):
        """A field of the wrong kind is named."""
        with pytest.raises(error) as caught:
            PatchDrop(**{"order": [[3, 0, 1, 2]], "count": 1, "grid": 2, **fields})

        assert message in str(caught.value)

    @pytest.mark.parametrize(
        ("index", "error", "message"),
        [
            ([1], ValueError, "index must be from 0 to 0, got 1"),
            ([-1], ValueError, "index must be from 0 to 0, got -1"),
            (0, TypeError, "index must be whole numbers of shape (n,), got 0: type numpy.arange(n)"),
            ([[1, 2], [3]], TypeError, "index must be whole numbers of shape (n,), got [[1, 2], [3]]: type numpy.ara"),
        ],
    )
    def test_of_an_image_that_there_is_not(self, index, error, message):
        """No other image lends its cells."""
        with pytest.raises(error) as caught:
            PatchDrop(order=[[3, 0, 1, 2]], count=1, grid=2).rectangles(index, height=4, width=4)

        assert str(caught.value).startswith(message)

    def test_every_image_needs_a_map(self):
        """Maps of other images are refused before the model is asked."""
        with pytest.raises(ValueError, match=r"^saliency must have a map for each of the 23 images, got 5 maps$"):
            curve_of(occlusions=patch_drops("salient", maps_of(5)))

    def test_the_range_of_the_images_is_checked(self):
        """Black depends on it."""
        with pytest.raises(ValueError, match=r"^images of float32 must lie in \[0, 1\]"):
            curve_of(pictures(N, 8, 8, dtype=np.float32) * 99, None, patch_drops("salient", maps_of()))


def curve_with(clean_accuracy, *accuracy, n_images=50):
    n = len(accuracy)
    return OcclusionCurve(
        n_images=n_images,
        clean_accuracy=clean_accuracy,
        severities=range(1, n + 1),
        coverage=[i / 10 for i in range(1, n + 1)],
        accuracy=accuracy,
        flip_rate=[0] * n,
    )


class TestComparison:
    """OcclusionCurve.relative_to() divides the errors by those of a reference model."""

    def test_corruption_errors_are_those_of_the_paper(self):
        """The sums are over all severities; the relative error subtracts the clean errors first."""
        compared = curve_with(0.75, 0.625, 0.5, 0.25).relative_to(curve_with(0.5, 0.375, 0.25, 0))

        assert compared.corruption_error == (0.375 + 0.5 + 0.75) / (0.625 + 0.75 + 1)
        assert compared.relative_corruption_error == (0.125 + 0.25 + 0.5) / (0.125 + 0.25 + 0.5)
        assert compared.ratio == (0.375 / 0.625, 0.5 / 0.75, 0.75)

    def test_a_model_relative_to_itself(self):
        """All its ratios are 1."""
        compared = curve_with(0.75, 0.5, 0.2).relative_to(curve_with(0.75, 0.5, 0.2))

        assert (compared.corruption_error, compared.relative_corruption_error) == (1, 1)
        assert set(compared.ratio) == {1}

    def test_nothing_is_divided_by_nothing(self):
        """A reference that makes no error, or loses nothing, has no ratio, and a table all the same."""
        compared = curve_with(0.5, 0.5, 0.25).relative_to(curve_with(0.5, 1, 1))
        better = curve_with(0.5, 0.25).relative_to(curve_with(0.25, 0.5))

        assert all(map(math.isnan, (*compared.ratio, compared.corruption_error, better.relative_corruption_error)))
        assert better.corruption_error == 1.5
        assert repr(compared).splitlines()[-1] == "corruption error nan %, relative corruption error nan %"

    @pytest.mark.parametrize(
        ("other", "error", "message"),
        [
            (None, TypeError, "reference must be an OcclusionCurve, got NoneType: type occlusion_curve(…)"),
            (
                curve_with(1, 1),
                ValueError,
                (
                    "curve and reference must have the same severities, got 1, 2 and 1: type the same occlusions for "
                    "both curves"
                ),
            ),
            (
                curve_with(1, 1, 1, n_images=3000),
                ValueError,
                "curve and reference must be of the same images, got 50 and 3,000 images",
            ),
        ],
    )
    def test_odd_references(self, other, error, message):
        """Only curves of the same images and severities are compared."""
        with pytest.raises(error) as caught:
            curve_with(1, 1, 1).relative_to(other)

        assert str(caught.value) == message


def gap_of(occlusions=LEVELS, **options):
    train = {"train_images": pictures(9, HEIGHT, WIDTH, 3)[::-1], "train_labels": np.arange(9) % 3}
    tests = pictures(N, HEIGHT, WIDTH, 3), np.arange(N) % 3
    return occlusion_gap(brightness, *tests, occlusions, **{"progress": False, **train, **options})


class TestGap:
    """occlusion_gap() measures train and test images alike."""

    def test_it_is_that_of_two_curves(self):
        """Both curves are those of occlusion_curve(), and all options reach both."""
        options = {"seed": 5, "batch_size": 4, "value_range": (0, 200), "layout": "NHWC"}
        train = curve_of(pictures(9, HEIGHT, WIDTH, 3)[::-1], np.arange(9) % 3, **options)

        assert gap_of(**options) == OcclusionGap(train=train, test=curve_of(**options))
        assert gap_of() != gap_of(seed=5)

    def test_the_default_is_that_of_the_curve(self):
        """Without occlusions, dust is painted."""
        assert gap_of(None).test == curve_of(occlusions=None)

    def test_gaps_are_differences(self):
        """The ratio is the size of the gap in units of the clean gap, as in the code of iOcclusion."""
        gap = OcclusionGap(train=curve_with(1, 0.875, 0.5, n_images=70), test=curve_with(0.75, 0.25, 0.625))

        assert gap.clean_gap == 0.25
        assert gap.gap == (0.625, -0.125)
        assert gap.change == (0.375, -0.375)
        assert gap.ratio == (2.5, 0.5)

    def test_no_gap_is_no_unit(self):
        """Where the clean images have no gap, there is no ratio."""
        assert math.isnan(OcclusionGap(train=curve_with(1, 0.5), test=curve_with(1, 0.25)).ratio[0])

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            (
                {"train_images": None},
                TypeError,
                "train_images must be a NumPy array, got NoneType",
            ),
            (
                {"train_images": pictures(9, 8)},
                ValueError,
                (
                    "train_images must have 3 or 4 axes, got shape (9, 8): type "
                    "train_images.reshape(len(train_images), height, width)"
                ),
            ),
            (
                {"train_images": pictures(0, 8, 8)},
                ValueError,
                "train_images must be at least one image of at least one pixel, got shape (0, 8, 8)",
            ),
            (
                {"train_labels": np.zeros((9, 1), int)},
                ValueError,
                "train_labels must be of shape (9,), one for each image, got shape (9, 1): type train_labels.ravel()",
            ),
            (
                {"train_labels": np.arange(9)},
                ValueError,
                "train_labels must be from 0 to 2, as predict returns 3 classes, got 0 to 8",
            ),
            (
                {"occlusions": patch_drops("salient", maps_of())},
                ValueError,
                (
                    "occlusions of a gap must not depend on the saliency of the test images, as train images have "
                    "another, got a PatchDrop: type OcclusionGap(train=occlusion_curve(…), test=occlusion_curve(…))"
                ),
            ),
            ({"occlusions": dust()}, TypeError, "occlusions must be a dict of severities, got Spec: type"),
        ],
    )
    def test_odd_arguments(self, options, error, message):
        """Train images are named as such."""
        with pytest.raises(error) as caught:
            gap_of(**options)

        assert str(caught.value).startswith(message)

    def test_severities_must_be_the_same(self):
        """Curves of other severities have no gap."""
        with pytest.raises(ValueError, match=r"^train and test must have the same severities, got 1 and 1, 2: type"):
            OcclusionGap(train=curve_with(1, 1), test=curve_with(1, 1, 1))


def comparison_of():
    return curve_of().relative_to(curve_of(seed=3))


class TestResults:
    """Comparisons and gaps can be stored, printed and plotted as curves can."""

    @pytest.fixture(autouse=True)
    def _close_figures(self):
        yield
        plt.close("all")

    @pytest.mark.parametrize(("make", "kind"), [(comparison_of, OcclusionComparison), (gap_of, OcclusionGap)])
    def test_they_come_back(self, make, kind):
        """JSON and pickles give the same value again, and tables have straight columns."""
        result = make()
        lines = repr(result).splitlines()

        assert kind(**json.loads(json.dumps(result.to_dict()))) == result
        assert pickle.loads(pickle.dumps(result)) == result
        assert b"_results" not in pickle.dumps(result)
        assert [line.split()[0] for line in lines[2:6]] == ["clean", "0.5", "2", "9"]
        assert {len(line) for line in lines[1:6]} == {len(lines[1])}

    @pytest.mark.parametrize("x", ["severity", "coverage"])
    def test_gaps_are_drawn_in_percent(self, x):
        """The line begins at the clean images, within its band."""
        gap = gap_of()
        ax = gap.plot(x=x, label="a model")
        ax.figure.canvas.draw()

        assert ax.lines[0].get_xdata().tolist() == [
            0,
            *(gap.test.severities if x == "severity" else (100 * share for share in gap.test.coverage)),
        ]
        assert ax.lines[0].get_ydata() == pytest.approx([100 * each for each in (gap.clean_gap, *gap.gap)])
        assert ax.get_legend().get_texts()[0].get_text() == f"a model (clean: {100 * gap.clean_gap:.1f} %)"

    @pytest.mark.parametrize("x", ["severity", "coverage"])
    def test_ratios_are_drawn_in_percent(self, x):
        """The reference is the line at 100 %."""
        compared, (_, ax) = comparison_of(), plt.subplots()

        assert compared.plot(ax, x=x) is ax
        assert ax.lines[0].get_ydata()[1:].tolist() == [100 * ratio for ratio in compared.ratio]
        assert ax.lines[0].get_xdata()[0] == 0
        assert set(ax.lines[1].get_ydata()) == {100}
        assert ax.get_legend().get_texts()[0].get_text().startswith("corruption error: ")

    @pytest.mark.parametrize("make", [comparison_of, gap_of])
    def test_choices_are_checked(self, make):
        """Names of axes that do not exist are refused."""
        with pytest.raises(ValueError, match=r"^x must be 'severity' or 'coverage', got 'dose'$"):
            make().plot(x="dose")

    @pytest.mark.parametrize(
        ("hits", "n_images", "expected"),
        [((56, 48), (70, 80), (0.0524, 0.3339)), ((9, 3), (10, 10), (0.1705, 0.8090))],
    )
    def test_the_band_is_newcombes(self, hits, n_images, expected):
        """The limits are those of table II of the paper, method 10."""
        shares = [np.array(k / n) for k, n in zip(hits, n_images, strict=True)]

        assert _plots.newcombe_interval(*shares, *n_images) == pytest.approx(expected, abs=5e-5)


def test_a_model_without_errors():
    """A model that white squares cannot deceive has no error relative to another one, and is no reference itself."""
    images = np.repeat(np.array([0, 255], np.uint8), 50)[:, None, None].repeat(9, 1).repeat(9, 2)
    labels, squares = np.repeat([0, 1], 50), {side: cutout(side, fill_value=255) for side in (3, 5)}
    deceived, perfect = (
        occlusion_curve(predict, images, labels, squares, progress=False)
        for predict in (lambda x: np.eye(2)[x[:, 4, 4] // 128], lambda x: np.eye(2)[x.min(axis=(1, 2)) // 128])
    )

    assert perfect.relative_to(deceived).corruption_error == 0
    assert math.isnan(deceived.relative_to(perfect).corruption_error)
