"""Grids, lattices, halved sizes, shares, kept rectangles, donors and volumes follow the laws that they promise.

Samples come from the engine, at fixed seeds, so a test passes always or never. What needs no chance is counted.
"""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import dustaug
import kinds
import reference
from dustaug import Spec, add_dust, paint_rectangles, sample_rectangles
from guided import maps, objects
from kinds import CASES, expected
from test_distribution import LEVEL, same_distribution, uniform_pvalue
from test_pixels import KEYS

N = 20_000


def drawn(spec, height, width, n=N, **options):
    return sample_rectangles(spec, height=height, width=width, seed=2020, index=np.arange(n), **options)


def hidden_cells(spec, height, width, n=N):
    """Return which cells of each image are hidden, (n, cells)."""
    top, left, bottom, right = drawn(spec, height, width, n).boxes.T
    return ((bottom > top) & (right > left)).reshape(n, -1)


COMBINED = [
    kinds.BOXES.replace(center="guide", depth_range=(1, 5)),
    kinds.BOXES.replace(center="guide", max_hidden=0.3, halve_sizes=True, depth_fraction_range=(0.2, 0.9)),
    kinds.BOXES.replace(per_object=True, max_hidden=0.6, area_beta=0.4, depth_range=(1, 5), fill="color"),
    dustaug.random_erasing(p=1, per_object=True, depth_range=(1, 5)),
    Spec(kind="grid", cell_sides=(4, 7), cell_p=0.5, max_hidden=0.4, depth_range=(1, 6), fill="donors"),
    dustaug.grid_mask((5, 9), max_hidden=0.2, depth_range=(2, 3), fill="mean"),
]


class TestCases:
    """The core paints the twin's pixels of vectors/kinds.json."""

    @pytest.mark.parametrize("key", KEYS)
    @pytest.mark.parametrize("name", CASES)
    def test_the_core_paints_what_the_file_has(self, name, key):
        """The pixels are what they have always been."""
        case = CASES[name]
        dusted = add_dust(case.images(), case.spec, layout=case.layout, **KEYS[key], **case.terms)

        assert (expected(name, key) == dusted).all()

    @pytest.mark.parametrize("name", [name for name, case in CASES.items() if "objects" not in case.terms])
    def test_nothing_else_changes_a_pixel(self, name):
        """Another order, threads, channels first, and donors and images that lie in memory otherwise change nothing."""
        case, first = CASES[name], KEYS["any"]["index"]
        order = np.array([4, 0, 5, 3, 3])
        images = add_dust(
            case.images()[order],
            case.spec,
            layout=case.layout,
            num_threads=3,
            **KEYS["any"] | {"index": first + order},
            **{term: values[order] for term, values in case.terms.items()},
        )

        assert (expected(name)[order] == images).all()

        terms = {
            term: np.asfortranarray(np.moveaxis(values, -1, 1)) if term == "donors" else values
            for term, values in case.terms.items()
        }
        planes = np.moveaxis(case.images(), -1, 1)[..., ::-1].copy()[..., ::-1]
        add_dust(planes, case.spec, layout={"NHWC": "NCHW", "NDHWC": "NCDHW"}[case.layout], **KEYS["any"], **terms)

        assert (expected(name) == np.moveaxis(planes, 1, -1)).all()

    @pytest.mark.parametrize("name", ["cutmix", "keep donors", "cuboids", "cuboids donors", "cuboids mean"])
    def test_the_dtype_changes_no_rectangle(self, name):
        """The same brightness is painted at the same places in every dtype."""
        case = CASES[name]
        for dtype in (np.uint16, np.float32, np.float64, np.int32):
            terms = {term: values.astype(dtype) for term, values in case.terms.items()}
            images = case.images().astype(dtype)
            add_dust(images, case.spec, layout=case.layout, value_range=(0, 255), **KEYS["any"], **terms)

            assert (expected(name) == np.rint(images)).all()

    @pytest.mark.parametrize("spec", COMBINED)
    def test_guides_and_objects_go_with_all_of_it(self, spec):
        """Volumes, halved sizes, shares and cells with guides and objects have the twin's pixels."""
        terms = {"guide": maps()} if spec.center == "guide" else {}
        if spec.max_hidden is not None or spec.per_object:
            terms["objects"] = objects()
        if spec.fill == "donors":
            terms["donors"] = kinds.donors("NDHWC")
        case = kinds.Case(spec, terms, "NDHWC")
        dusted = add_dust(case.images(), spec, layout="NDHWC", **KEYS["any"], **terms)

        assert (dusted != case.images()).any()
        assert (kinds.dusted(case, "any") == dusted).all()

    def test_the_file_has_no_other_cases(self):
        """Every case of the file is tested, and no two cases have the same pixels."""
        hashes = json.loads(kinds.FILE.read_text())

        assert set(hashes) == {f"{name}-{key}" for name in CASES for key in KEYS}
        assert len(set(hashes.values())) == len(hashes)


def sampled(case):
    """Return the rectangles of a case."""
    n, *depth, height, width, channels = case.images().shape
    return sample_rectangles(
        case.spec,
        height=height,
        width=width,
        channels=channels,
        depth=depth[0] if depth else None,
        **KEYS["any"] | {"index": KEYS["any"]["index"] + np.arange(n)},
        **{term: values for term, values in case.terms.items() if term != "donors"},
    )


class TestRectangles:
    """sample_rectangles() returns what add_dust() paints."""

    @pytest.mark.parametrize("name", CASES)
    def test_they_are_the_twins(self, name):
        """Boxes and slices are those of the twin, in order, and the hidden share is what they cover."""
        case = CASES[name]
        ours, share = sampled(case), []
        n, slices, height, width, channels = case.images().reshape(6, -1, *case.images().shape[-3:]).shape
        for i in range(n):
            of_image = (case.terms[term][i] if term in case.terms else None for term in ("guide", "objects"))
            coordinates = KEYS["any"]["seed"], KEYS["any"]["epoch"], KEYS["any"]["index"] + i
            theirs = reference.cuboids(case.spec, slices, height, width, channels, *coordinates, *of_image)
            hidden = np.zeros((slices, height, width), bool)
            for first, top, left, last, bottom, right, _ in theirs:
                hidden[first:last, top:bottom, left:right] = True
            share.append(hidden.mean())
            mine = ours.image == i

            assert ours.boxes[mine].tolist() == [list(row[1:3] + row[4:6]) for row in theirs]
            if ours.slices is not None:
                assert ours.slices[mine].tolist() == [[row[0], row[3]] for row in theirs]

        assert ours.share().tolist() == share
        assert (ours.slices is not None) == name.startswith("cuboids")

    @pytest.mark.parametrize("name", [name for name in CASES if name != "cuboids fraction"])
    def test_painting_them_equals_add_dust(self, name):
        """paint_rectangles() paints the same pixels; noise on volumes is left to add_dust()."""
        case = CASES[name]
        donors = {"donors": case.terms["donors"]} if "donors" in case.terms else {}

        assert (expected(name) == paint_rectangles(case.images(), sampled(case), layout=case.layout, **donors)).all()


class TestGrid:
    """Each cell of a grid is hidden on its own, or exactly k of them are."""

    def test_exactly_k_cells_are_hidden(self):
        """Every image hides as many cells as `count_range` says, and all of them if it says more."""
        for k in (0, 1, 2, 17, 34, 35, 36, 500):
            hidden = hidden_cells(Spec(kind="grid", grid_shape=(7, 5), count_range=(k, k), spare_last=False), 40, 30)

            assert (hidden.sum(axis=1) == min(k, 35)).all()

    def test_counts_are_uniform(self):
        """A range of counts is drawn from, each alike."""
        spec = Spec(kind="grid", cell_sides=(9,), count_range=(3, 12))

        assert uniform_pvalue(hidden_cells(spec, 40, 30).sum(axis=1) - 3, 10) > LEVEL

    @pytest.mark.parametrize("size", [{"grid_shape": (6, 7)}, {"cell_sides": (8,)}])
    def test_what_is_hidden_stays_hidden_for_a_larger_count(self, size):
        """The cells hidden for k are among those hidden for k + 1, for every k."""
        before = np.zeros((60, 42), bool)
        for k in range(43):
            hidden = hidden_cells(Spec(kind="grid", **size, count_range=(k, k), spare_last=False), 48, 56, 60)

            assert (hidden.sum(axis=1) == k).all()
            assert (hidden >= before).all()
            before = hidden

    @pytest.mark.parametrize("k", [1, 6, 11])
    def test_each_cell_is_hidden_equally_often(self, k):
        """A chi-square test accepts that all twelve cells, and all pairs of them, are alike."""
        hidden = hidden_cells(Spec(kind="grid", grid_shape=(3, 4), count_range=(k, k)), 20, 20)
        share = k / 12
        # The counts of the cells sum to N k, which the variance of twelve independent ones would not have.
        statistic = ((hidden.sum(axis=0) - N * share) ** 2).sum() / (N * share * (1 - share) * 12 / 11)
        together = hidden.T.astype(int) @ hidden / N
        pairs = together[np.triu_indices(12, 1)]
        likely = share * (k - 1) / 11

        assert stats.chi2(11).sf(statistic) > LEVEL
        assert np.abs(pairs - likely).max() <= 5 * math.sqrt(likely * (1 - likely) / N)

    def test_the_order_of_cells_is_uniform(self):
        """The first two cells to be hidden are every ordered pair equally often."""
        one, two = (
            hidden_cells(Spec(kind="grid", grid_shape=(2, 3), count_range=(k, k), spare_last=False), 9, 9)
            for k in (1, 2)
        )
        first, second = one.argmax(axis=1), (two & ~one).argmax(axis=1)

        assert uniform_pvalue(5 * first + second - (second > first), 30) > LEVEL

    @pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
    def test_cells_are_hidden_independently(self, p):
        """With `cell_p`, the number of hidden cells is binomial, and no two cells correlate."""
        hidden = hidden_cells(Spec(kind="grid", grid_shape=(3, 4), cell_p=p, spare_last=False), 20, 20)
        if p in (0, 1):
            assert (hidden == p).all()
            return
        counts = np.bincount(hidden.sum(axis=1), minlength=13)[1:12]
        likely = N * stats.binom(12, p).pmf(np.arange(1, 12))
        common = likely > 5

        assert (
            stats.chisquare(counts[common], likely[common] * counts[common].sum() / likely[common].sum()).pvalue > LEVEL
        )
        assert np.abs(hidden.mean(axis=0) - p).max() < 5 * math.sqrt(p * (1 - p) / N)
        assert np.abs(np.corrcoef(hidden.T)[np.triu_indices(12, 1)]).max() < 5 / math.sqrt(N)

    def test_hide_and_seek_draws_a_side_for_each_image(self):
        """On 224 pixels the defaults give 0, 14², 7², 6² (the last 4 pixels wide) and 4² cells, all alike."""
        ours = drawn(dustaug.hide_and_seek(cell_p=1.0), 224, 224)
        numbers = np.bincount(ours.image, minlength=N)
        places = np.searchsorted([0, 16, 36, 49, 196], numbers)
        of_44 = ours.boxes[np.repeat(numbers == 36, numbers)].reshape(-1, 6, 6, 4)

        assert set(numbers.tolist()) == {0, 16, 36, 49, 196}
        assert uniform_pvalue(places, 5) > LEVEL
        assert (of_44[:, 5, :, 0] == 220).all()
        assert (of_44[:, :, 5, 1] == 220).all()
        assert (of_44[:, 5, 5, 2:] == 224).all()

    @settings(max_examples=60)
    @given(
        st.integers(1, 60),
        st.integers(1, 60),
        st.booleans(),
        st.one_of(
            st.fixed_dictionaries({"grid_shape": st.tuples(st.integers(1, 70), st.integers(1, 70))}),
            st.fixed_dictionaries({"cell_sides": st.tuples(st.integers(1, 70))}),
        ),
    )
    def test_cells_tile_the_image(self, height, width, spare_last, size):
        """Every pixel, but those of the last row and column that are spared, lies in exactly one cell.

        Cells of a shape differ by a pixel at most.
        """
        spec = Spec(kind="grid", **size, cell_p=1.0, spare_last=spare_last)
        boxes = sample_rectangles(spec, height=height, width=width, seed=0, index=0).boxes
        covered = np.zeros((height, width), int)
        for top, left, bottom, right in boxes.tolist():
            covered[top:bottom, left:right] += 1

        assert (covered[: height - spare_last, : width - spare_last] == 1).all()
        assert covered.sum() == (height - spare_last) * (width - spare_last)
        if "grid_shape" in size and not spare_last:
            assert np.ptp(boxes[:, 2:] - boxes[:, :2], axis=0).max() <= 1

    @pytest.mark.parametrize("hidden", [{"cell_p": 0.3}, {"count_range": (0, 9)}])
    def test_keep_hides_exactly_the_others(self, hidden):
        """With `keep` the cells that would be hidden are not, and all others are."""
        spec = Spec(kind="grid", cell_sides=(5, 0, 7), p=0.7, **hidden)
        plain, kept = (drawn(spec.replace(keep=keep), 30, 20, 200) for keep in (False, True))
        dusted = np.bincount(plain.image, minlength=200) > 0
        rows, columns = np.s_[:29], np.s_[:19]

        assert 0 < dusted.sum() < 140
        assert (plain.mask(30, 20) ^ kept.mask(30, 20))[dusted][:, rows, columns].all()
        assert not (plain.mask(30, 20) | kept.mask(30, 20))[~dusted].any()

    def test_patch_drop_counts_as_the_official_code(self):
        """Of 196 cells, k tenths are ``k * 196 // 10``; masked autoencoders hide 147."""
        assert [dustaug.patch_drop(k / 10).count_range[0] for k in range(11)] == [k * 196 // 10 for k in range(11)]
        assert dustaug.patch_drop(0.75).count_range == (147, 147)

    def test_too_many_cells_are_refused(self):
        """An image that could have more than 65,535 cells is an error, whether it gets any or not."""
        for sides in ((1,), (0, 1, 60)):
            with pytest.raises(ValueError, match="65"):
                drawn(Spec(kind="grid", cell_sides=sides, p=0), 256, 256, 1)
            assert len(drawn(Spec(kind="grid", cell_sides=sides, p=0), 255, 257, 1)) == 0


def hidden_length(period, kept_share):
    """Return how many of a lattice's pixels are hidden in a row, by the twin."""
    spec = Spec(kind="lattice", period_range=(period, period), kept_share=kept_share)
    begin, end = reference.bands(spec, 3 * period, 3 * period, period, 0)[1]
    return end - begin


class TestLattice:
    """A lattice is periodic, with a random period and phases."""

    @pytest.mark.parametrize("hides", ["squares", "lines"])
    @pytest.mark.parametrize(("height", "width"), [(40, 61), (7, 5), (1, 90)])
    def test_it_is_periodic(self, hides, height, width):
        """A pixel is hidden if (y + phase) % period and (x + phase) % period say so, and no pixel otherwise."""
        spec = Spec(kind="lattice", period_range=(1, 30), kept_share=0.4, lattice_hides=hides, spare_last=False)
        masks = drawn(spec, height, width, 150).mask(height, width)
        spared = drawn(spec.replace(spare_last=True), height, width, 150).mask(height, width)
        for index, (mask, without) in enumerate(zip(masks, spared, strict=True)):
            words = reference.block_words(1, 2020, 0, index)
            period = 1 + (words[2] * 30 >> 32)
            y, x = (
                (np.arange(side) + (word * period >> 32)) % period
                for side, word in ((height, words[0]), (width, words[1]))
            )
            rows, columns = (axis < period - math.ceil(0.4 * period) for axis in (y, x))
            true = rows[:, None] & columns if hides == "squares" else rows[:, None] | columns

            assert (mask == true).all()
            assert (without[:-1, :-1] == true[:-1, :-1]).all()
            assert not without[-1].any()
            assert not without[:, -1].any()

    def test_periods_and_phases_are_uniform(self):
        """All 128 periods of GridMask are alike, and so are the phases of each, which are independent."""
        ours = drawn(dustaug.grid_mask(kept_share=0.0, lattice_hides="lines"), 500, 500)
        first = np.searchsorted(ours.image, np.arange(N))
        # The second band of rows is whole, and so is the second of columns, which are the second half of the bands.
        bands = np.bincount(ours.image, minlength=N) // 2
        top, bottom = ours.boxes[first + 1, 0], ours.boxes[first + 1, 2]
        left = ours.boxes[first + bands + 1, 1]
        period = bottom - top
        phases = np.stack([period - top, period - left])
        places = (phases * 10) // period

        assert uniform_pvalue(period - 96, 128) > LEVEL
        assert (phases >= 0).all()
        assert (phases < period).all()
        of_one = phases[:, period % 10 == 0]
        assert of_one.shape[1] > 1500
        assert uniform_pvalue((places[0] * 10 + places[1])[period % 10 == 0], 100) > LEVEL

    @pytest.mark.parametrize("kept_share", [0.6, 0.5, 0.7, 0.25, 0.0])
    def test_lengths_are_those_of_the_official_code(self, kept_share):
        """Of a period of d pixels ``d - ceil(kept_share * d)`` are hidden along each side."""
        periods = range(1, 2000)

        assert [hidden_length(d, kept_share) for d in periods] == [d - math.ceil(d * kept_share) for d in periods]

    @pytest.mark.parametrize(("period", "side", "spare"), [(7, 24, 0), (12, 30, 1), (30, 9, 0), (1, 5, 0)])
    def test_each_pixel_is_hidden_by_equally_many_phases(self, period, side, spare):
        """Over all phases, every pixel of a side is hidden exactly as often as a band is wide."""
        spec = Spec(kind="lattice", period_range=(period, period), kept_share=0.4)
        covered = np.zeros(side, int)
        for phase in range(period):
            for begin, end in reference.bands(spec, side, side - spare, period, phase):
                covered[begin:end] += 1

        assert (covered[: side - spare] == hidden_length(period, 0.4)).all()
        assert not covered[side - spare :].any()

    def test_grid_mask_hides_16_percent(self):
        """The default hides ``(d - ceil(0.6 d))**2 / d**2`` of an image, over all periods d, and each pixel alike."""
        share = sum(Fraction(d - math.ceil(0.6 * d), d) ** 2 for d in range(96, 224)) / 128
        masks = drawn(dustaug.grid_mask(), 224, 224, 2000).mask(224, 224)
        often = masks.mean(axis=0)

        assert round(share, 2) == Fraction(16, 100)
        assert abs(masks.mean() - share) < 0.003
        assert np.abs(often - float(share)).max() < 5.5 * math.sqrt(share * (1 - share) / 2000)

    def test_too_many_rectangles_are_refused(self):
        """An image that could have more than 65,535 squares is an error, whether it gets any or not."""
        spec = Spec(kind="lattice", period_range=(2, 99), p=0)
        for hides in ("squares", "lines"):
            assert len(drawn(spec.replace(lattice_hides=hides), 509, 508, 1)) == 0
        with pytest.raises(ValueError, match="65"):
            drawn(spec, 511, 512, 1)
        assert len(drawn(spec.replace(lattice_hides="lines"), 65_535, 65_533, 1)) == 0
        with pytest.raises(ValueError, match="65"):
            drawn(spec.replace(lattice_hides="lines"), 65_535, 65_534, 1)


class TestHalvedSizes:
    """Rectangles 2 and 3 are half as large as the first, 4 … 7 a quarter, and so on."""

    @pytest.mark.parametrize("side", [0, 1])
    def test_sides_are_uniform_up_to_their_limit(self, side):
        """Sides of rectangle r are uniform up to a half of the image's over 2**o, rounded, and at least a pixel."""
        boxes = drawn(dustaug.sprinkles(p=1, center="inside"), 64, 96).boxes.reshape(N, 31, 4)
        sides = boxes[:, :, side + 2] - boxes[:, :, side]
        for o in range(5):
            most = (32, 48)[side] >> o
            counts = np.bincount(sides[:, 2**o - 1 : 2 ** (o + 1) - 1].ravel(), minlength=most + 1)
            likely = np.array([0, 1.5, *[1] * (most - 2), 0.5]) / most

            assert len(counts) == most + 1
            assert counts[0] == 0
            assert stats.chisquare(counts[1:], likely[1:] * counts.sum()).pvalue > LEVEL

    def test_no_rectangle_vanishes(self):
        """A side of less than half a pixel is one pixel."""
        spec = dustaug.sprinkles(p=1, center="inside", count_range=(200, 200), height_fraction_range=(0, 0))
        boxes = drawn(spec.replace(width_fraction_range=(0, 0)), 5, 300, 20).boxes

        assert (boxes[:, 2:] - boxes[:, :2] == 1).all()


class TestShares:
    """The share of a rectangle has a Beta distribution, and its aspect is the image's."""

    @pytest.mark.parametrize("alpha", [1.0, 0.75, 0.5, 0.2, 0.1])
    def test_it_is_beta(self, alpha):
        """The Kolmogorov distance of a sample to Beta(alpha, alpha), of which sides are rounded, is that of chance."""
        height, n = 10_000, 50_000
        spec = dustaug.cutmix(alpha, center="inside", fill="grey")
        boxes = drawn(spec, height, 2 * height, n).boxes
        tall, wide = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        # All ten tries of Jöhnk's fail once in a thousand images for an alpha near 1; these have no rectangle.
        failed = 0 if alpha == 1 else (1 - math.gamma(alpha + 1) ** 2 / math.gamma(2 * alpha + 1)) ** 10
        up_to = stats.beta(alpha, alpha).cdf(((np.arange(height) + 0.5) / height) ** 2)
        found = np.bincount(tall, minlength=height + 1).cumsum()[:height] / n

        assert np.abs(found - (failed + (1 - failed) * up_to)).max() < stats.kstwo.isf(LEVEL, n)
        assert np.abs(2 * tall - wide).max() <= 1

    def test_a_share_of_one_parameter_is_exact(self):
        """With alpha = 1 the share is the word over 2**32, to within 2**-21, for evenly spaced words."""
        for word in range(2**15, 2**32, 2**22 + 1):
            fraction = reference.draw_share(dustaug.cutmix(), [word] * 20) / 2**31

            assert abs(fraction**2 - word / 2**32) < 2**-21

    @pytest.mark.parametrize("alpha", [1.0, 0.5])
    def test_it_follows_the_paper(self, alpha):
        """Edges agree with the paper's algorithm, of which the sides are rounded."""
        rng = np.random.default_rng(0)
        height, width = 32, 40
        root = np.sqrt(rng.beta(alpha, alpha, N))
        tall, wide = (np.floor(side * root + 0.5).astype(int) for side in (height, width))
        y, x = rng.integers(0, height, N), rng.integers(0, width, N)
        edges = [y - tall // 2, x - wide // 2, y - tall // 2 + tall, x - wide // 2 + wide]
        ours = drawn(dustaug.cutmix(alpha), height, width).boxes
        for edge, theirs in enumerate(edges):
            assert same_distribution(ours[:, edge], theirs.clip(0, (height, width)[edge % 2])) > LEVEL


KEPT = {
    "post": dustaug.dust(count_range=(0, 6), keep=True),
    "fractions": Spec(
        keep=True, count_range=(1, 32), center="uniform", height_fraction_range=(0, 0.3), spare_last=False, p=0.8
    ),
    "area": dustaug.random_erasing((0.1, 0.9), keep=True, fill="grey"),
    "color": dustaug.cutout(9, keep=True, fill="color", count_range=(0, 3)),
    "empty": dustaug.cutout(0, keep=True, fill="grey"),
}


class TestKeep:
    """The rectangles are what stays."""

    @pytest.mark.parametrize("spec", KEPT.values(), ids=KEPT)
    def test_exactly_the_rest_is_hidden(self, spec):
        """What is hidden is all but the rectangles, once, in runs that are as long as they can be."""
        height, width, n = 21, 34, 200
        plain, ours = (drawn(spec.replace(keep=keep), height, width, n, channels=2) for keep in (False, True))
        with_some = np.bincount(plain.image, minlength=n) > 0
        hidden = ours.mask(height, width)
        top, left, bottom, right = ours.boxes.T

        assert with_some.any()
        assert (hidden[with_some] != plain.mask(height, width)[with_some]).all()
        assert not hidden[~with_some].any()
        assert hidden.sum() == ((bottom - top) * (right - left)).sum()
        assert ((bottom > top) & (right > left)).all()
        for image, (a, b, c, d) in zip(ours.image.tolist(), ours.boxes.tolist(), strict=True):
            assert b == 0 or not hidden[image, a:c, b - 1].any()
            assert d == width or not hidden[image, a:c, d].any()
        assert [tuple(row) for row in np.column_stack([ours.image, top, left]).tolist()] == sorted(
            zip(ours.image.tolist(), top.tolist(), left.tolist(), strict=True)
        )

    @pytest.mark.parametrize("name", ["post", "color"])
    def test_all_has_the_fill_of_the_first_rectangle(self, name):
        """The rest of an image has one fill, that of rectangle 1."""
        plain, ours = (drawn(KEPT[name].replace(keep=keep), 21, 34, 200, channels=2) for keep in (False, True))
        first = plain.fill[np.searchsorted(plain.image, ours.image)]

        assert len(np.unique(ours.fill, axis=0)) > 50
        assert (ours.fill == first).all()

    def test_many_rectangles_leave_their_union(self):
        """Thirty-two rectangles that overlap in every way leave what they cover together, as brute force finds it."""
        image = np.zeros((40, 50, 1), np.uint8)
        spec = KEPT["fractions"].replace(p=1, count_range=(32, 32), fill="constant", fill_value=255)
        for index in range(20):
            boxes = sample_rectangles(spec.replace(keep=False), height=40, width=50, seed=1, index=index).boxes
            image[...] = 0
            add_dust(image, spec, seed=1, index=index)
            covered = np.zeros_like(image, bool)
            for top, left, bottom, right in boxes.tolist():
                covered[top:bottom, left:right] = True

            assert covered.any()
            assert ((image == 255) == ~covered).all()


def slices_of(n_slices, n=N, **fields):
    """Return the first painted slice of each of n volumes, and the one after the last."""
    spec = Spec(count_range=(1, 1), side_range=(9, 9), fill="constant", fill_value=255, spare_last=False, **fields)
    volumes = np.zeros((n, n_slices, 2, 2, 1), np.uint8)
    painted = add_dust(volumes, spec, seed=2020, index=0, layout="NDHWC").reshape(n, n_slices, 4).all(axis=2)
    first, number = painted.argmax(axis=1), painted.sum(axis=1)
    slices = np.arange(n_slices)

    assert (painted == ((slices >= first[:, None]) & (slices < (first + number)[:, None]))).all()
    return first, first + number


class TestVolumes:
    """Rectangles reach through some slices of a volume, or through all."""

    def test_a_depth_inside_is_uniform_at_every_place(self):
        """Depths are uniform, and so is the first slice among those where the depth fits."""
        first, last = slices_of(6, depth_range=(2, 4), center="inside")
        depth = last - first

        assert uniform_pvalue(depth - 2, 3) > LEVEL
        for d in (2, 3, 4):
            assert uniform_pvalue(first[depth == d], 7 - d) > LEVEL

    def test_a_depth_is_cut_to_the_volume(self):
        """A depth of more slices than there are covers all of them, inside, and is clipped otherwise."""
        assert slices_of(6, 50, depth_range=(9, 20), center="inside")[1].tolist() == [6] * 50
        first, last = slices_of(6, 50, depth_range=(100, 100))
        assert (first.tolist(), last.tolist()) == ([0] * 50, [6] * 50)

    @pytest.mark.parametrize("center", ["uniform", "normal"])
    def test_a_middle_may_be_any_slice(self, center):
        """Otherwise the middle is each slice equally often, and the depth is clipped at both ends."""
        first, last = slices_of(6, depth_range=(3, 3), center=center)
        middle = np.where(first == 0, last - 2, first + 1)

        assert uniform_pvalue(middle, 6) > LEVEL
        assert set(zip(first.tolist(), last.tolist(), strict=True)) == {(0, 2), (0, 3), (1, 4), (2, 5), (3, 6), (4, 6)}

    def test_a_fraction_of_the_slices_is_rounded(self):
        """A depth is a uniform fraction of the number of slices, rounded: both ends have half a slice only."""
        first, last = slices_of(10, depth_fraction_range=(0.1, 0.5), center="inside")
        counts = np.bincount(last - first, minlength=6)

        assert counts[0] == 0
        assert stats.chisquare(counts[1:], N * np.array([0.5, 1, 1, 1, 0.5]) / 4).pvalue > LEVEL

    @pytest.mark.parametrize("name", ["tubes", "tubes keep", "tubes lattice"])
    def test_a_tube_is_the_same_in_all_slices(self, name):
        """Without a depth, each slice gets what an image of this index gets."""
        case = CASES[name]
        volumes = add_dust(case.images(), case.spec, layout="NDHWC", **KEYS["any"])
        for number in range(8):
            images = np.ascontiguousarray(case.images()[:, number])

            assert (volumes[:, number] == add_dust(images, case.spec, **KEYS["any"])).all()

    def test_noise_differs_from_slice_to_slice(self):
        """Every value of a volume has its own level."""
        volume = add_dust(
            np.zeros((1, 4, 30, 30, 1), np.uint8), dustaug.dust(fill="noise"), seed=1, index=0, layout="NDHWC"
        )
        first, *others = volume[0]
        painted = first > 0

        assert painted.sum() > 100
        for other in others:
            assert (other[painted] != first[painted]).mean() > 0.9


class TestDonors:
    """Rectangles are filled with another image's pixels."""

    @pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, ">u2"])
    def test_bits_are_copied(self, dtype):
        """What is hidden is the donor's, to the bit, and the rest is untouched."""
        rng = np.random.default_rng(0)
        images, donors = (
            rng.integers(0, 256, (12, 30, 40, 3 * np.dtype(dtype).itemsize), np.uint8).view(dtype) for _ in range(2)
        )
        spec = dustaug.dust(fill="donors")
        mask = sample_rectangles(spec, height=30, width=40, channels=3, seed=3, index=np.arange(12)).mask(30, 40)
        expected = np.where(mask[..., None], donors.view(f"V{images.itemsize}"), images.view(f"V{images.itemsize}"))
        add_dust(images, spec, seed=3, index=0, donors=donors, value_range=(0, 1))

        assert mask.any()
        assert images.tobytes() == expected.tobytes()


@pytest.mark.parametrize("slices", [[[0, 9]], [[-1, 2]], [[3, 1]]])
def test_slices_that_are_not_there_are_refused(slices):
    """Painting given cuboids checks their slices against the volumes, which stay as they are."""
    volumes = np.zeros((1, 8, 6, 6), np.uint8)
    box = {"image": np.array([0]), "boxes": np.array([[0, 0, 2, 2]]), "fill": np.array([9]), "n_images": 1}
    cuboid = dustaug.Rectangles(**box, slices=np.array(slices))
    with pytest.raises(ValueError, match="slices must lie inside the 8 slices of a volume and not be reversed"):
        dustaug.paint_rectangles(volumes[..., None], cuboid, layout="NDHWC")

    assert not volumes.any()
