"""The drawn rectangles follow the distributions of the post and the papers."""

import math

import numpy as np
import pytest
from scipy import stats

import dustaug

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
        """Heights and widths are uniform in fractions of their own side, so the pixels at both ends get half as many."""
        spec = dustaug.dust(height_fraction_range=(0.1, 0.3), width_fraction_range=(0.5, 1.0), center="inside")
        boxes = drawn(spec.replace(spare_last=False), 50, 20).boxes

        shares = np.array([0.5, *[1.0] * 9, 0.5]) / 10
        for sizes in (boxes[:, 2] - boxes[:, 0] - 5, boxes[:, 3] - boxes[:, 1] - 10):
            assert stats.chisquare(np.bincount(sizes, minlength=11), shares * len(sizes)).pvalue > LEVEL

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
