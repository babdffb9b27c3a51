"""The drawn rectangles follow the distributions of the post and the papers.

Samples from the engine come first. Then the words that stand for each outcome are counted by the contract's formulas:
what they say of a probability is exact. Outcomes grow with the word, so the first word of each is found by bisection.
"""

import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

import dustaug
import formulas
import reference

N = 20_000
# Seeds are fixed, so a test passes always or never. With 1e-4, fifty p-values are unlikely to fall below by chance.
LEVEL = 1e-4


def drawn(spec, height, width, **options):
    return dustaug.sample_rectangles(spec, height=height, width=width, seed=2017, index=np.arange(N), **options)


def same_distribution(first, second):
    """Return the p-value of a chi-square test on two samples of whole numbers, with rare values taken together."""
    n_values = int(max(first.max(), second.max())) + 1
    table = np.array([np.bincount(sample, minlength=n_values) for sample in (first, second)])
    common = table.sum(axis=0) >= 20
    table = np.column_stack([table[:, common], table[:, ~common].sum(axis=1)])
    return stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue


def uniform_pvalue(values, n):
    return stats.chisquare(np.bincount(values, minlength=n)).pvalue


def post_rectangles(height, width, n, seed):
    """Draw n images by the post's algorithm: the count of each, and top, left, bottom, right, brightness of rectangles.

    The post draws one rectangle after the other. They are independent, so all of them may be drawn at once.
    """
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 32, n)
    n_rectangles = counts.sum()
    y = (np.clip(rng.normal(0.5, 0.25, n_rectangles), 0, 1) * height).astype(int)
    x = (np.clip(rng.normal(0.5, 0.25, n_rectangles), 0, 1) * width).astype(int)
    half_height = rng.integers(1, 8, n_rectangles)
    half_width = rng.integers(1, 8, n_rectangles)
    rows = np.column_stack(
        [
            np.clip(y - half_height, 0, height - 1),
            np.clip(x - half_width, 0, width - 1),
            np.clip(y + half_height, 0, height - 1),
            np.clip(x + half_width, 0, width - 1),
            rng.integers(0, 256, n_rectangles),
        ]
    )
    return counts, rows


def erasing_rectangles(height, width, n, seed, *, scale, ratio):
    """Draw n rectangles as the paper does: top, left, bottom, right of each.

    The paper draws area and aspect again until the rectangle fits. Here the ones that fit are taken from many.
    """
    rng = np.random.default_rng(seed)
    area = rng.uniform(*scale, 4 * n) * height * width
    aspect = np.exp(rng.uniform(*np.log(ratio), 4 * n))
    sides = np.rint(np.column_stack([np.sqrt(area * aspect), np.sqrt(area / aspect)])).astype(int)
    sides = sides[(sides < [height, width]).all(axis=1)][:n]
    corners = rng.integers(0, [height, width] - sides + 1)
    return np.hstack([corners, corners + sides])


class TestDust:
    """dust() has the distribution of the post."""

    @pytest.mark.parametrize(("height", "width"), [(224, 224), (60, 91)])
    def test_it_follows_the_posts_algorithm(self, height, width):
        """Counts, edges, sizes and brightness agree with the post's algorithm."""
        ours = drawn(dustaug.dust(), height, width)
        counts, theirs = post_rectangles(height, width, N, seed=1)
        boxes = ours.boxes

        assert same_distribution(np.bincount(ours.image, minlength=N), counts) > LEVEL
        for edge in range(4):
            assert same_distribution(boxes[:, edge], theirs[:, edge]) > LEVEL
        assert same_distribution(boxes[:, 2] - boxes[:, 0], theirs[:, 2] - theirs[:, 0]) > LEVEL
        assert same_distribution(boxes[:, 3] - boxes[:, 1], theirs[:, 3] - theirs[:, 1]) > LEVEL
        assert same_distribution(ours.fill, theirs[:, 4]) > LEVEL

    def test_counts_and_brightness_are_uniform(self):
        """Counts are uniform over 0…31, and brightness is uniform over 0…255."""
        ours = drawn(dustaug.dust(), 224, 224)

        assert uniform_pvalue(np.bincount(ours.image, minlength=N), 32) > LEVEL
        assert uniform_pvalue(ours.fill, 256) > LEVEL

    def test_centres_are_normal(self):
        """A Kolmogorov-Smirnov test accepts a normal distribution of mean 0.5 and deviation 0.25 on both axes."""
        boxes = drawn(dustaug.dust(), 10_000, 20_000).boxes
        rng = np.random.default_rng(0)
        for low, high, side in ((0, 2, 10_000), (1, 3, 20_000)):
            middle = (boxes[:, low] + boxes[:, high]) / 2
            inside = (boxes[:, low] > 0) & (boxes[:, high] < side - 1)
            places = (middle[inside] + rng.random(inside.sum())) / side
            bounded = stats.truncnorm(-2, 2, 0.5, 0.25)

            assert stats.kstest(places, bounded.cdf).pvalue > LEVEL

    def test_sizes_are_uniform_and_independent(self):
        """All 49 pairs of half sizes are equally likely."""
        boxes = drawn(dustaug.dust(center="inside"), 224, 224).boxes
        half_height, half_width = (boxes[:, 2] - boxes[:, 0]) // 2, (boxes[:, 3] - boxes[:, 1]) // 2

        assert uniform_pvalue((half_height - 1) * 7 + half_width - 1, 49) > LEVEL

    def test_draws_are_independent(self):
        """Neighbouring rectangles, images and coordinates do not correlate."""
        ours = drawn(dustaug.dust(count_range=(4, 4)), 500, 500)
        table = np.column_stack([ours.boxes[:, :2], ours.fill]).reshape(N, 12).astype(float)
        both = np.column_stack([table[:-1], table[1:]])
        correlations = np.corrcoef(both.T)[np.triu_indices(24, 1)]

        assert np.abs(correlations).max() < 5 / math.sqrt(N)

    def test_the_last_row_and_column_stay(self):
        """The post never paints the last row and column; spare_last=False does."""
        for spare, expected in ((True, 0), (False, 1)):
            mask = drawn(dustaug.dust(spare_last=spare), 20, 30).mask(20, 30)

            assert mask[:, -1].any() == expected
            assert mask[:, :, -1].any() == expected
            assert mask[:, :-1, :-1].any(axis=0).all()


class TestCutout:
    """cutout() has the distribution of its paper."""

    @pytest.mark.parametrize("size", [1, 2, 7, 16])
    def test_it_follows_the_definition(self, size):
        """The centre is uniform over the pixels, and the square is clipped; odd sizes are exact."""
        boxes = drawn(dustaug.cutout(size), 40, 32).boxes
        rng = np.random.default_rng(1)
        y, x = rng.integers(0, 40, N), rng.integers(0, 32, N)
        expected = np.stack([y - size // 2, x - size // 2, y - size // 2 + size, x - size // 2 + size], axis=1)
        expected = expected.clip(0, [40, 32, 40, 32])

        for edge in range(4):
            assert same_distribution(boxes[:, edge], expected[:, edge]) > LEVEL
        assert (boxes[:, 2] - boxes[:, 0]).max() == size
        assert len(boxes) == N

    def test_it_is_black(self):
        """The fill of cutout() is 0."""
        assert (drawn(dustaug.cutout(3), 40, 32).fill == 0).all()


class TestRandomErasing:
    """random_erasing() has the distribution of its paper, with a log-uniform aspect."""

    def test_it_follows_the_definition(self):
        """Sizes and places are those of drawing area and aspect until the rectangle fits."""
        ours = drawn(dustaug.random_erasing(p=1, scale=(0.1, 0.6)), 50, 70).boxes
        theirs = erasing_rectangles(50, 70, N, seed=1, scale=(0.1, 0.6), ratio=(0.3, 1 / 0.3))

        assert len(ours) == len(theirs) == N
        for edge in range(4):
            assert same_distribution(ours[:, edge], theirs[:, edge]) > LEVEL
        for low, high in ((0, 2), (1, 3)):
            assert same_distribution(ours[:, high] - ours[:, low], theirs[:, high] - theirs[:, low]) > LEVEL

    def test_it_lies_inside(self):
        """No rectangle is clipped."""
        boxes = drawn(dustaug.random_erasing(p=1), 64, 64).boxes
        share = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / 64**2

        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= 64).all()
        assert share.min() > 0.015
        assert share.max() < 0.42

    def test_it_is_applied_with_probability_p(self):
        """Half of the images stay clean, and each decides on its own."""
        images = np.bincount(drawn(dustaug.random_erasing(), 64, 64).image, minlength=N)

        assert stats.binomtest(int(images.sum()), N, 0.5).pvalue > LEVEL

    def test_noise_is_uniform_and_differs(self):
        """Each value of a rectangle of noise is its own draw."""
        image = np.full((224, 224, 3), 0, np.uint8)
        dustaug.add_dust(image, dustaug.random_erasing((0.4, 0.4), p=1, fill_range=(1, 255)), seed=3, index=0)
        values = image[image > 0].astype(int)

        assert values.size > 0.35 * image.size
        assert uniform_pvalue(values - 1, 255) > LEVEL
        assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 5 / math.sqrt(values.size)


class TestOtherFields:
    """The remaining fields say where rectangles lie, how large they are and how they are filled."""

    def test_p_is_drawn_for_each_image(self):
        """A share of p of the images is dusted."""
        dusted = np.bincount(drawn(dustaug.dust(p=0.3, count_range=(1, 1)), 64, 64).image, minlength=N).sum()

        assert stats.binomtest(int(dusted), N, 0.3).pvalue > LEVEL
        assert len(drawn(dustaug.dust(p=0), 64, 64)) == 0

    def test_fractions_follow_the_image(self):
        """Heights and widths are uniform fractions of their own side, rounded: both ends have half a pixel only."""
        spec = dustaug.dust(height_fraction_range=(0.1, 0.3), width_fraction_range=(0.5, 1.0), center="inside")
        boxes = drawn(spec.replace(spare_last=False), 50, 20).boxes
        expected = len(boxes) * np.array([0.5, *[1] * 9, 0.5]) / 10

        for low, high, least in ((0, 2, 5), (1, 3, 10)):
            counts = np.bincount(boxes[:, high] - boxes[:, low] - least)

            assert stats.chisquare(counts, expected).pvalue > LEVEL

    def test_rectangles_larger_than_the_image_cover_it(self):
        """A rectangle larger than the image is cut to it (a peer raises NumPy's own error)."""
        for center in ("inside", "uniform"):
            spec = dustaug.cutout(500, center=center)
            rectangles = dustaug.sample_rectangles(spec, height=30, width=20, seed=0, index=0)

            assert rectangles.boxes.tolist() == [[0, 0, 30, 20]]

    def test_squares_are_square(self):
        """side_range gives equal sides, which are uniform."""
        boxes = drawn(dustaug.dust(side_range=(3, 9), center="inside", count_range=(1, 1)), 64, 64).boxes
        sides = boxes[:, 2:] - boxes[:, :2]

        assert (sides[:, 0] == sides[:, 1]).all()
        assert uniform_pvalue(sides[:, 0] - 3, 7) > LEVEL

    def test_colours_are_uniform_and_independent(self):
        """Each channel of a coloured rectangle is its own draw."""
        fill = drawn(dustaug.dust(fill="color", count_range=(1, 1)), 64, 64, channels=6).fill

        for channel in range(6):
            assert uniform_pvalue(fill[:, channel], 256) > LEVEL
        assert np.abs(np.corrcoef(fill.T)[np.triu_indices(6, 1)]).max() < 5 / math.sqrt(N)


SIDES = (
    *(1, 2, 3, 4, 5, 7, 8, 16, 28, 31, 32, 33, 64, 96, 97, 100, 128, 150, 160, 192, 200, 224, 225, 256, 299, 300),
    *(331, 384, 448, 500, 512, 640, 768, 1000, 1024, 1080, 1920, 2048, 3000, 4096, 65_535),
)
# Next to each other quantiles may be out of order by a unit, which is less than 8 words: all of these are looked at.
NEAR = np.arange(-32, 32)


def normal_words(side, mean, std):
    """Return how many words put a normal centre at 1 or more, 2 or more, … `side` pixels."""
    mean, (factor, shift) = reference.ceil_fraction(mean), reference.spread(std)
    edges = np.arange(1, side + 1)

    def reaches(t, edge, sign):
        """Return whether the centre is at the edge or beyond, on the lower side of the mean or on the upper one."""
        far = np.minimum(formulas.high(formulas.quantile(np.maximum(t, 1)), factor) << shift, 2**31)
        return formulas.high((mean + sign * far).clip(0, 2**31), 2 * side) >= edge

    def turned(t, edge, sign):
        """Return what is false up to some t and true after it."""
        return reaches(t, edge, sign) == (sign < 0)

    def count(sign):
        """Return how many t have turned."""
        first = formulas.first_where(lambda t: turned(t, edges, sign), np.zeros(side), 2**31)
        near = first[:, None] + NEAR
        inside = (near >= 0) & (near < 2**31)
        counted = (turned(near.clip(0, 2**31 - 1), edges[:, None], sign) & inside).sum(axis=1)
        return counted + 2**31 - np.minimum(near[:, -1] + 1, 2**31)

    return count(-1) + 2**31 - count(1)


class TestProbabilitiesOfPlaces:
    """Every place has the probability of the post, counted over all 2**32 words."""

    @pytest.mark.parametrize("mean", [0.5, 0.0, 1.0])
    @pytest.mark.parametrize("std", [0.25, 0.05, 1.0])
    def test_normal_centres(self, mean, std):
        """Each centre floor(clip(N, 0, 1) * side) has its true probability to within 2**-22, all of them to 2e-5."""
        for side in SIDES:
            words = np.array([2**32, *normal_words(side, mean, std), 0])
            beyond = np.array([1, *special.ndtr((mean - np.arange(1, side + 1) / side) / std), 0])
            error = np.abs(np.diff(words) / 2**32 - np.diff(beyond))

            assert error.max() <= 2**-22, side
            assert error.sum() / 2 <= 2e-5, side

    def test_the_count_is_the_twins(self):
        """Drawing all of some evenly spaced words with the twin gives the shares that were counted."""
        words = range(2**18, 2**32, 2**19)
        drawn = [reference.high(reference.normal_place(0.5, 0.25, word) * 20) for word in words]
        counted = np.diff([2**32, *normal_words(10, 0.5, 0.25), 0]) / -(2**32)

        assert np.bincount(drawn, minlength=11) / len(words) == pytest.approx(counted, abs=2**-13)

    @pytest.mark.parametrize(("mean", "std", "place"), [(0.3, 0.0, 3), (0.55, 0.0, 5), (1.0, 0.0, 10), (0.0, 0.0, 0)])
    def test_a_normal_without_spread_is_a_point(self, mean, std, place):
        """A std of 0 puts every centre at floor(mean * side): three tenths of 10 pixels are 3."""
        assert normal_words(10, mean, std).tolist() == [2**32] * place + [0] * (10 - place)

    @given(st.integers(1, 65_535), st.integers(1, 65_535))
    def test_a_point_is_where_it_was_named(self, side, place):
        """A mean of place / side, which is not a double, is that place for all sides."""
        place = min(place, side)

        assert reference.high(reference.normal_place(place / side, 0.0, 0) * (2 * side)) == place


def equal_words(n):
    """Return how many words stand for each of n equally likely outcomes."""
    first = -(-(np.arange(n + 1) << 32) // n)
    assert (formulas.high(first[:-1], n) == np.arange(n)).all()
    assert (formulas.high(first[1:] - 1, n) == np.arange(n)).all()
    return np.diff(first)


class TestProbabilitiesOfWholeNumbers:
    """Counts, sides, uniform centres, levels and half sizes are exact to within 2**-32."""

    @pytest.mark.parametrize("n", [*SIDES, 6, 7, 14, 32, 49, 65_536])
    def test_equal_outcomes(self, n):
        """Each of n outcomes has 2**32 / n words, to within one."""
        assert np.abs(equal_words(n) - 2**32 / n).max() < 1

    @pytest.mark.parametrize(("n", "m"), [(7, 7), (1, 5), (3, 1), (20, 31), (100, 3)])
    def test_half_sizes_share_a_word(self, n, m):
        """Each of n by m pairs of half sizes has 2**32 / (n * m) words, to within two: they are independent."""
        pairs = (np.arange(n)[:, None] << 32) - (-np.arange(m) << 32) // m
        first = np.append(-(-pairs.ravel() // n), 2**32)
        rests = first[:-1] * n & 2**32 - 1

        assert (formulas.high(first[:-1], n) * m + formulas.high(rests, m) == np.arange(n * m)).all()
        assert np.abs(np.diff(first) - 2**32 / (n * m)).max() < 2

    @given(st.integers(0, 2**31), st.integers(1, 65_535))
    def test_a_fraction_of_a_side_is_rounded(self, fraction, side):
        """The pixels of a fraction are the real number, rounded, halves up."""
        assert formulas.pixels(fraction, side) == reference.pixels(fraction, side)
        assert reference.pixels(fraction, side) == (fraction * side * 2 + 2**31) // 2**32

    @pytest.mark.parametrize("side", SIDES)
    @pytest.mark.parametrize("ends", [(0.0, 1.0), (0.1, 0.5), (0.3, 0.31)])
    def test_fractions(self, ends, side):
        """The height of a uniform fraction is the rounded real number: and each has its true probability."""
        low, high = map(reference.ceil_fraction, ends)
        pixels = np.arange(side + 1)
        first = formulas.first_where(lambda g: formulas.pixels(g, side) >= pixels, np.full(side + 1, low), high + 1)
        ours = np.append((first - low) / (high - low + 1), 1)
        true = np.append(((pixels - 0.5) / side - ends[0]) / (ends[1] - ends[0]), 1).clip(0, 1)

        assert np.abs(np.diff(ours) - np.diff(true)).max() < 2**-30 / (ends[1] - ends[0])


@functools.cache
def aspect_words(n):
    """Return one word out of each n-th of all words."""
    return (np.arange(n) << 32) // n + np.random.default_rng(0).integers(0, 2**32 // n, n)


def area_edges(spec, height, width, words):
    """Return where in 0 … 1 the area turns a size into the next one, for aspects of some words: ours and the truth.

    Both are (words, height + width): of each word, the shares of areas below heights 1 … and widths 1 ….
    """
    scale, low, high = reference.area_ends(spec.area_range)
    first, last = reference.aspect_ends(spec.aspect_range)
    base = (128 << 24) - ((30 + scale) << 23)
    t = first + formulas.high(words, last - first + 1) + reference.shape(height, width)
    logs = np.log(spec.aspect_range)
    aspects = np.exp(logs[0] + (words + 0.5) / 2**32 * (logs[1] - logs[0]))
    ours, true = [], []
    for side, sign in ((height, 1), (width, -1)):
        sizes = np.arange(1, side + 1)
        powers = formulas.first_where(
            lambda v, side=side, sizes=sizes: formulas.pixels(formulas.power(v), side) >= sizes, sizes * 0, 2**32
        )
        wanted = powers - base - sign * t[:, None]
        near = np.exp2(wanted / 2**23)  # Within two units of a logarithm.
        ends = [(near * factor + more).clip(low, high + 1) for factor, more in ((1 - 1e-6, -2), (1 + 1e-6, 2))]
        areas = formulas.first_where(
            lambda area, wanted=wanted: formulas.log(area.clip(max(low, 1), high)) >= wanted, *ends
        )
        ours.append(-(-((areas - low) << 32) // (high - low + 1)) / 2**32)
        share = (sizes - 0.5) ** 2 / (height * width) / aspects[:, None] ** sign
        true.append(((share - spec.area_range[0]) / (spec.area_range[1] - spec.area_range[0])).clip(0, 1))
    return ours, true


def fitting(edges):
    """Return which share of all areas fits, for each aspect: those below the edge of the image's height or width."""
    return np.minimum(edges[0][:, -1], edges[1][:, -1])


class TestProbabilitiesOfAreas:
    """The joint distribution of height and width is that of a uniform area and a log-uniform aspect that fit.

    Ours and the truth are drawn together, with the same word as their aspect and as their area. They differ only where
    the area lies between an edge of ours and the true one, so that the sum of these distances, over the share that
    fits, is at least the total variation of the distributions. The share of the area is exact for each aspect. Aspects
    are one word out of each 256th of all words, and the error of that grid is far below the spread of the sums.
    """

    @pytest.mark.parametrize(("height", "width"), [(32, 32), (224, 224), (2048, 2048), (300, 900)])
    def test_random_erasing(self, height, width):
        """The total variation of (height, width) is below 1e-4."""
        ours, true = area_edges(dustaug.random_erasing(), height, width, aspect_words(256))
        differing = sum(np.abs(a - b).sum(axis=1) for a, b in zip(ours, true, strict=True))
        spread = differing.std() / math.sqrt(len(differing))

        assert (differing.mean() + 6 * spread) / fitting(true).mean() < 1e-4

    def test_the_edges_are_the_twins(self):
        """The twin's sizes change at the edges that were counted."""
        spec, words = dustaug.random_erasing(), aspect_words(256)[::16]
        heights, widths = area_edges(spec, 30, 50, words)[0]
        for word, height_edges, width_edges in zip(words.tolist(), heights, widths, strict=True):
            for area_word in range(2**20, 2**32, 2**28):
                size = reference.area_try(spec, 30, 50, area_word, word)
                expected = (height_edges <= area_word / 2**32).sum(), (width_edges <= area_word / 2**32).sum()
                assert expected == tuple(min(side, most) for side, most in zip(size, (30, 50), strict=True))

    @pytest.mark.parametrize(
        ("scale", "ratio", "height", "width"),
        [((0.9, 1.0), (0.3, 3.3), 32, 32), ((0.5, 1.0), (0.3, 3.3), 64, 64), ((0.8, 0.9), (0.5, 2.0), 40, 70)],
    )
    def test_where_it_seldom_fits(self, scale, ratio, height, width):
        """Each of ten tries fits with its true probability q, so that (1 - q)**10 of the images get no rectangle."""
        spec = dustaug.random_erasing(scale=scale, ratio=ratio, p=1, fill="grey")
        ours, true = map(fitting, area_edges(spec, height, width, aspect_words(4096)))
        boxes = drawn(spec, height, width).boxes
        without = int((boxes[:, 2] == boxes[:, 0]).sum())

        assert np.abs(ours - true).max() < 1e-5
        assert stats.binomtest(without, N, (1 - ours.mean()) ** 10).pvalue > LEVEL

    def test_how_often_a_scaled_image_gets_another_rectangle(self):
        """Of random_erasing() fewer than one try in a thousand fits 224 or 448 pixels only."""
        spec, words = dustaug.random_erasing(), aspect_words(1024)
        small, large = (fitting(area_edges(spec, side, side, words)[0]) for side in (224, 448))

        assert 0 < np.abs(small - large).mean() < 1e-3

    @pytest.mark.parametrize(
        ("area_range", "aspect_range"),
        [((0.1, 0.1), (0.5, 2.0)), ((0.05, 0.2), (1.5, 1.5)), ((0.25, 0.25), (1.0, 1.0)), ((1e-9, 1e-8), (1e-9, 1e-8))],
    )
    def test_narrow_and_far_ranges(self, area_range, aspect_range):
        """A range of one point is that point, and neither small areas nor long rectangles lose their precision."""
        spec = dustaug.dust(area_range=area_range, aspect_range=aspect_range)
        rng = np.random.default_rng(0)
        words = rng.integers(0, 2**32, (100, 2)).tolist()
        side = 60_000
        for area_word, aspect_word in words:
            area = area_range[0] + area_word / 2**32 * (area_range[1] - area_range[0])
            aspect = aspect_range[0] * (aspect_range[1] / aspect_range[0]) ** (aspect_word / 2**32)
            expected = side * math.sqrt(area * aspect), side * math.sqrt(area / aspect)
            found = reference.area_try(spec, side, side, area_word, aspect_word)
            for size, true in zip(found, expected, strict=True):
                assert abs(size - min(true, side)) <= 0.5 + 1e-6 * true or true > side
