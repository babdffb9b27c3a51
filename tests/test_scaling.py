"""Dust scales with the picture: docs/determinism.md has the rule and its proof, and here both are tried out.

The sides of an image are multiplied by k = 2 or 3. ``edge`` is that of a rectangle on the smaller image, ``edge_k``
that of the same one on the larger image. The rule is ``abs(edge_k - k * edge) <= k``.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dustaug
import reference
from strategies import EPOCHS, INDICES, SEEDS, ordered

SCALES = (2, 3)


@st.composite
def specs(draw):
    """Draw a spec whose sizes are fractions or areas."""
    fields = {
        "p": 1,
        "count_range": (6, 6),
        "center": draw(st.sampled_from(["normal", "uniform", "inside"])),
        "spare_last": draw(st.booleans()),
    }
    if fields["center"] == "normal":
        fields["center_mean"] = draw(st.tuples(st.floats(0, 1), st.floats(0, 1)))
        fields["center_std"] = draw(st.tuples(st.floats(0, 3), st.floats(0, 3)))
    if draw(st.booleans()):
        fields["height_fraction_range"] = draw(ordered(st.floats(0, 1)))
        fields["width_fraction_range"] = draw(ordered(st.floats(0, 1)))
    else:
        fields["area_range"] = draw(ordered(st.floats(0.001, 1)))
        fields["aspect_range"] = draw(ordered(st.floats(0.1, 10)))
    return dustaug.Spec(**fields)


def same_try(spec, height, width, k, rectangle, where):
    """Return whether the first try that fits an image is also the first one that fits it k times as large."""
    words = [word for b in range(5) for word in reference.block_words(2**29 + 8 * rectangle + b, *where)]
    found = []
    for factor in (1, k):
        sides = factor * height, factor * width
        sizes = (reference.area_try(spec, *sides, *words[i : i + 2]) for i in range(0, 20, 2))
        fits = [tall < sides[0] and wide < sides[1] for tall, wide in sizes]
        found.append(fits.index(True) if any(fits) else None)
    return found[0] == found[1]


def draw_both(draw_boxes, spec, height, width, k):
    """Return the boxes of an image and of one k times as large; None if the spec cannot be drawn on either."""
    try:
        return draw_boxes(spec, height, width), draw_boxes(spec, k * height, k * width)
    except ValueError:
        return None


@settings(max_examples=500)
@given(specs(), st.integers(1, 400), st.integers(1, 400), st.sampled_from(SCALES), SEEDS, EPOCHS, INDICES)
def test_dust_scales_with_the_picture(spec, height, width, k, seed, epoch, index):
    """Each edge is k times as far from the corner, to within k pixels, unless another try fits."""

    def draw_boxes(spec, height, width):
        return [drawn[:4] for drawn in reference.rectangles(spec, height, width, 1, seed, epoch, index)]

    both = draw_both(draw_boxes, spec, height, width, k)
    for rectangle, (box, scaled) in enumerate(zip(*both, strict=True) if both else (), 1):
        if spec.area_range is not None and not same_try(spec, height, width, k, rectangle, (seed, epoch, index)):
            continue
        for edge, edge_k in zip(box, scaled, strict=True):
            assert abs(edge_k - k * edge) <= k


@settings(max_examples=300)
@given(specs(), st.integers(1, 20_000), st.integers(1, 20_000), st.sampled_from(SCALES), SEEDS)
def test_rectangles_of_the_engine_scale(spec, height, width, k, seed):
    """The engine keeps the rule too, for a hundred images at once."""
    if spec.area_range is not None:
        spec = spec.replace(area_range=(0.01, 0.05), aspect_range=(0.5, 2.0))  # These fit at the first try.
        height, width = max(height, 20), min(max(width, 20, height // 2), 2 * max(height, 20))

    def draw_boxes(spec, height, width):
        index = np.arange(100)
        return dustaug.sample_rectangles(spec, height=height, width=width, seed=seed, index=index).boxes

    box, scaled = draw_both(draw_boxes, spec, height, width, k)

    assert box.shape == scaled.shape == (600, 4)
    assert np.abs(scaled - k * box).max() <= k


def test_the_rule_holds_for_whole_pictures():
    """The same guitar at 128, 256 and 384 pixels wears the same dust: what is covered differs at the edges alone."""
    spec = dustaug.dust(height_fraction_range=(0.05, 0.3), center="uniform", count_range=(8, 8))
    masks = {}
    for side in (128, 256, 384):
        masks[side] = dustaug.sample_rectangles(spec, height=side, width=side, seed=7, index=0).mask(side, side)[0]
    for k in SCALES:
        enlarged = masks[128].repeat(k, axis=0).repeat(k, axis=1)

        assert masks[128].mean() > 0.05
        assert (enlarged != masks[128 * k]).mean() < 0.05


# Steps of the proof, each over all that its quantities can be.


def halves_up(numerator, denominator):
    """Return a fraction rounded, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)


@pytest.mark.parametrize("k", SCALES)
def test_sizes_differ_by_one_pixel(k):
    """``k * h - h_k`` is -1, 0 or 1 for a size of any real number of pixels: all residues of a fine grid."""
    differences = {k * halves_up(a, 720) - halves_up(k * a, 720) for a in range(4 * 720)}

    assert differences == {-1, 0, 1}


@pytest.mark.parametrize("k", SCALES)
def test_centred_edges_differ_by_k_pixels(k):
    """Top and bottom of a rectangle about its centre, for all residues of the centre and all parities of the size."""
    for h, e, step in itertools.product(range(8), (-1, 0, 1), range(k)):
        h_k, center, center_k = k * h - e, 50, k * 50 + step
        if h_k < 0:
            continue
        top, top_k = center - h // 2, center_k - h_k // 2

        assert abs(top_k - k * top) <= k
        assert abs(top_k + h_k - k * (top + h)) <= k


@pytest.mark.parametrize("k", SCALES)
@pytest.mark.parametrize("spare", [0, 1])
def test_clipping_keeps_the_difference(k, spare):
    """Edges that differ by k pixels do so after they are clipped to images with or without a spare row."""
    side = 5
    for edge, difference in itertools.product(range(-4, 10), range(-k, k + 1)):
        clipped = reference.clip(edge, 0, side - spare)
        clipped_k = reference.clip(k * edge + difference, 0, k * side - spare)

        assert abs(clipped_k - k * clipped) <= k


@pytest.mark.parametrize("k", SCALES)
@pytest.mark.parametrize("spare", [0, 1])
def test_edges_inside_differ_by_k_pixels(k, spare):
    """Rectangles that lie inside: all sizes of small images in steps of a 24th of a pixel, and all words of a place.

    The tops change at the first words of n equal parts only, so that these and the words before them are enough.
    """
    for side, a in ((side, a) for side in (1, 2, 5) for a in range(24 * side + 1)):
        rows, rows_k = side - spare, k * side - spare
        h, h_k = min(halves_up(a, 24), rows), min(halves_up(k * a, 24), rows_k)
        tops, tops_k = rows - h + 1, rows_k - h_k + 1
        first = {-(-(i << 32) // n) for n in (tops, tops_k) for i in range(n)}
        for word in first | {word - 1 for word in first if word} | {2**32 - 1}:
            top, top_k = reference.one_of(word, tops), reference.one_of(word, tops_k)

            assert abs(top_k - k * top) <= k
            assert abs(top_k + h_k - k * (top + h)) <= k
