"""The presets have the numbers of the papers and of their official codes, and survive all that a spec survives."""

import functools
import json
import math
import pickle

import numpy as np
import pytest

from dustaug import (
    Spec,
    add_dust,
    cutmix,
    cutout,
    dust,
    grid_mask,
    hide_and_seek,
    patch_drop,
    random_erasing,
    sample_rectangles,
    sprinkles,
)

SIDE = 224
IMAGENET_MEAN = (123.675, 116.28, 103.53)
PRESETS = {
    "dust": dust(),
    "relative": dust(relative=True),
    "cutout": cutout(16),
    "cutout inside": cutout(16, inside=True),
    "random_erasing": random_erasing(),
    "hide_and_seek": hide_and_seek(),
    "grid_mask": grid_mask(),
    "lines": grid_mask(kept_share=0.4, lattice_hides="lines"),
    "patch_drop": patch_drop(0.75),
    "kept": patch_drop(0.25, keep=True),
    "sprinkles": sprinkles(),
    "cutmix": cutmix(),
    "volumes": cutmix(0.5, depth_range=(1, 4)),
}


@functools.cache
def drawn(spec, n, height=SIDE, width=SIDE):
    """Return the rectangles of n images."""
    return sample_rectangles(spec, height=height, width=width, seed=1, index=np.arange(n))


def rectangles_of(spec, n, height=SIDE, width=SIDE):
    """Return the boxes that are not empty, and the numbers of their images."""
    found = drawn(spec, n, height, width)
    top, left, bottom, right = found.boxes.T
    is_there = (bottom > top) & (right > left)
    return found.boxes[is_there], found.image[is_there]


def near(number, probability, trials):
    """Whether a number of hits is within five standard deviations of what a probability says."""
    return abs(number - probability * trials) < 5 * math.sqrt(trials * probability * (1 - probability))


# Numbers of the papers


def test_cutout_inside_lies_inside_on_every_second_image():
    """The variant of the paper: the whole square, on half of the images."""
    boxes, image = rectangles_of(cutout(101, inside=True), 2000, 120, 130)

    assert (boxes[:, 2:] - boxes[:, :2] == 101).all()
    assert len(set(image.tolist())) == len(image)
    assert near(len(image), 0.5, 2000)
    assert (boxes.min(axis=0) == (0, 0, 101, 101)).all()
    assert (boxes.max(axis=0) == (19, 29, 120, 130)).all()


def test_hide_and_seek_picks_one_of_five_sides():
    """One image in five is left alone, as with the side 0 of the official code; half of the cells are hidden."""
    found = drawn(hide_and_seek(), 2000)
    per_image = np.bincount(found.image, minlength=2000)
    cells = {side: math.ceil(SIDE / side) ** 2 for side in (16, 32, 44, 56)}

    assert set(per_image.tolist()) == {0, *cells.values()}
    boxes, image = rectangles_of(hide_and_seek(), 2000)
    for count in (0, *cells.values()):
        assert near((per_image == count).sum(), 0.2, 2000)
    for side, count in cells.items():
        mine = boxes[per_image[image] == count]
        assert near(len(mine), 0.5, count * (per_image == count).sum())
        assert (mine[:, :2] % side == 0).all()
        assert (mine[:, 2:] == np.minimum(mine[:, :2] + side, SIDE)).all()
    assert hide_and_seek().fill_value == IMAGENET_MEAN


def test_a_side_that_does_not_divide_the_image_leaves_narrower_cells():
    """Of the official 44, five fit into 224 pixels, and the last row and column have four pixels."""
    boxes, _ = rectangles_of(hide_and_seek((44,), 1.0), 1)

    assert len(boxes) == 36
    assert (boxes[-1] == (220, 220, 224, 224)).all()


def test_grid_mask_hides_the_squares_of_the_official_code():
    """A unit d of 96 to 223 pixels hides d - ceil(0.6 d) of them along each side."""
    for d in range(96, 224):
        boxes, _ = rectangles_of(grid_mask((d, d)), 1, 800, 800)
        whole = [box for box in boxes if box[:2].min() > 0 and box[2:].max() < 800]

        assert {tuple(box[2:] - box[:2]) for box in whole} == {(d - math.ceil(0.6 * d),) * 2}
    assert grid_mask().period_range == (96, 223)
    assert grid_mask().fill_value == IMAGENET_MEAN


def test_grid_mask_hides_sixteen_per_cent():
    """Every pixel is hidden with a probability that is the mean of (hidden / d)² over the periods."""
    spec = grid_mask((10, 29))
    masks = drawn(spec, 4000, 40, 40).mask(40, 40)
    wanted = np.mean([((d - math.ceil(0.6 * d)) / d) ** 2 for d in range(10, 30)])
    hits = masks.sum(axis=0)

    assert abs(wanted - 0.16) < 0.02
    assert (abs(hits - 4000 * wanted) < 5.5 * math.sqrt(4000 * wanted)).all()


def test_a_lattice_of_lines_is_what_is_left_of_squares():
    """Lines hide every pixel whose row or column lies in the hidden part of the period."""
    squares, lines = (
        drawn(grid_mask((9, 30), 0.7, lattice_hides=what), 50).mask(SIDE, SIDE) for what in ("squares", "lines")
    )
    rows, columns = lines.all(axis=2), lines.all(axis=1)

    assert np.array_equal(lines, rows[:, :, None] | columns[:, None])
    assert np.array_equal(squares, rows[:, :, None] & columns[:, None])


def test_patch_drop_hides_the_counts_of_the_official_code():
    """Of 196 cells, k * 196 // 10 are hidden for the share k / 10; masked autoencoders hide 147."""
    for k in range(11):
        assert patch_drop(k / 10).count_range == (k * 196 // 10,) * 2
    assert patch_drop(0.75).count_range == (147, 147)
    assert patch_drop(0.29, 10).count_range == (29, 29)
    assert patch_drop(0.9, 14, keep=True).keep


def test_cells_for_a_count_are_among_those_for_a_larger_one():
    """The cells that PatchDrop hides grow with the share, by exactly as many as it says."""
    before = np.zeros((8, SIDE, SIDE), bool)
    for k in range(11):
        masks = drawn(patch_drop(k / 10), 8).mask(SIDE, SIDE)

        assert not (before & ~masks).any()
        assert (masks.sum(axis=(1, 2)) == 256 * (k * 196 // 10)).all()
        before = masks


def test_kept_cells_are_those_that_would_be_hidden():
    """With ``keep``, exactly the other cells are hidden."""
    hidden, kept = (drawn(patch_drop(0.3, 7, keep=keep), 8).mask(SIDE, SIDE) for keep in (False, True))

    assert np.array_equal(hidden, ~kept)


def test_kept_rectangles_are_those_that_would_be_hidden():
    """With ``keep``, all but the rectangles is hidden, on images that have any."""
    spec = dust(count_range=(0, 4), side_range=(20, 90), spare_last=False)
    hidden, kept = (drawn(spec.replace(keep=keep), 40).mask(SIDE, SIDE) for keep in (False, True))
    has_any = np.isin(np.arange(40), drawn(spec, 40).image)

    assert 0 < has_any.sum() < 40
    assert np.array_equal(kept, ~hidden & has_any[:, None, None])


def test_sprinkles_have_the_five_sizes():
    """Of 31 rectangles one has sides up to half of the image, 2 up to 1/4, 4 up to 1/8, 8 up to 1/16, 16 up to 1/32."""
    found = drawn(sprinkles(p=1, center="inside"), 300, 640, 512)
    sides = (found.boxes[:, 2:] - found.boxes[:, :2]).reshape(300, 31, 2)
    scales = np.array([0.5] * 1 + [0.25] * 2 + [0.125] * 4 + [0.0625] * 8 + [0.03125] * 16)
    most = scales[:, None] * (640, 512)

    assert (sides >= 1).all()
    assert (sides <= most).all()
    assert (sides.max(axis=0) > 0.9 * most - 1).all()
    assert found.fill.shape == (300 * 31, 3)
    assert (found.fill.min(), found.fill.max()) == (64, 191)
    assert sprinkles().p == 0.5


def test_cutmix_has_the_aspect_of_the_image_and_a_uniform_share():
    """The sides are sqrt(share) of those of the image, and with alpha = 1 any share is equally likely."""
    boxes = drawn(cutmix(center="inside"), 4000, 300, 500).boxes
    height, width = (boxes[:, 2:] - boxes[:, :2]).T
    share = (height / 300) ** 2

    assert (abs(height / 300 - width / 500) < 0.5 / 300 + 0.5 / 500 + 1e-4).all()
    for quantile in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert near((share < quantile).sum(), quantile, 4000)


def test_cutmix_has_its_centre_at_any_pixel():
    """The border clips, so rectangles reach it, and the share that is hidden is smaller than the one that was drawn."""
    boxes = drawn(cutmix(), 4000, 300, 500).boxes
    hidden = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / (300 * 500)

    assert (boxes.min(axis=0)[:2] == 0).all()
    assert (boxes.max(axis=0)[2:] == (300, 500)).all()
    # Of a side, a rectangle with the fraction s = sqrt(share) covers s - s² / 4 on average. The square of that is s² -
    # s³ / 2 + s⁴ / 16, whose mean over a uniform share is 1 / 2 - 1 / 5 + 1 / 48.
    assert abs(hidden.mean() - (1 / 2 - 1 / 5 + 1 / 48)) < 5 * hidden.std() / math.sqrt(4000)


def test_cutmix_pastes_the_donor():
    """What is hidden shows the other image, and what is not shows the image."""
    images = np.zeros((8, 30, 40, 3), np.uint8)
    add_dust(images, cutmix(), seed=1, index=0, donors=np.full_like(images, 255))
    masks = drawn(cutmix(), 8, 30, 40).mask(30, 40)

    assert masks.any()
    assert np.array_equal(images, np.where(masks[..., None], np.uint8(255), np.uint8(0)).repeat(3, 3))


# Specs as values


@pytest.mark.parametrize("spec", PRESETS.values(), ids=PRESETS)
def test_a_preset_survives_every_round_trip(spec):
    """Dicts, JSON, pickles and the repr give an equal spec, with an equal hash."""
    for again in (
        Spec.from_dict(spec.to_dict()),
        Spec.from_dict(json.loads(json.dumps(spec.to_dict()))),
        pickle.loads(pickle.dumps(spec)),
        eval(repr(spec)),  # noqa: S307
        spec.replace(),
    ):
        assert again == spec
        assert hash(again) == hash(spec)
        assert again.to_dict() == spec.to_dict()


@pytest.mark.parametrize("spec", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize("other", PRESETS.values(), ids=PRESETS)
def test_another_kind_keeps_nothing_of_the_old_one(spec, other):
    """A spec that is given kind and size of another draws as that one does, with its own fill and probability."""
    fields = {name: value for name, value in other.to_dict().items() if name in OF_DRAWING and value is not None}
    if other.cell_p is not None:  # Count and probability exclude each other.
        del fields["count_range"]
    fields |= {name: getattr(other, name) for name in ("fill", "fill_value", "fill_range", "depth_range")}
    changed = spec.replace(**fields)

    assert {name: getattr(changed, name) for name in OF_DRAWING} == {name: getattr(other, name) for name in OF_DRAWING}
    assert changed.p == spec.p


# What decides where rectangles lie.
OF_DRAWING = (
    *("kind", "count_range", "center", "half_height_range", "half_width_range", "side_range", "height_fraction_range"),
    *("width_fraction_range", "area_range", "aspect_range", "area_beta", "halve_sizes", "grid_shape", "cell_sides"),
    *("cell_p", "period_range", "kept_share", "lattice_hides", "keep"),
)


def test_a_changed_grid_has_the_share_too():
    """The share of PatchDrop is that of the cells that there are; a count or a probability takes its place."""
    assert patch_drop(0.5, grid_shape=(4, 7)).count_range == (14, 14)
    assert patch_drop(0.5, 4, fill="noise").count_range == (8, 8)
    assert patch_drop(0.5, grid_shape=(4, 7), count_range=(1, 3)).count_range == (1, 3)
    assert patch_drop(0.5, cell_p=0.1).count_range == Spec().count_range


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: cutout(16, inside=1), TypeError, "inside must be True or False, got 1"),
        (lambda: patch_drop(1.5), ValueError, "ratio must be a number from 0 to 1, got 1.5"),
        (lambda: patch_drop(0.5, 256), ValueError, "grid must be a whole number from 1 to 255, got 256"),
        (lambda: patch_drop("half"), TypeError, "ratio must be a number, got 'half'"),
        (lambda: grid_mask((9, 3)), ValueError, "period_range must not be reversed, got (9, 3): type period_range"),
        (lambda: grid_mask(kept_share=1), ValueError, "kept_share must be below 1, got 1.0: type kept_share=0.6, or p"),
        (lambda: grid_mask(keep=True), ValueError, 'got True: type lattice_hides="lines"'),
        (lambda: grid_mask(center="inside"), ValueError, "center must be left out with kind='lattice', got 'inside'"),
        (lambda: hide_and_seek(16), TypeError, "cell_sides must be a tuple of 1 to 8 whole numbers, got 16: type cell"),
        (lambda: hide_and_seek(tuple(range(9))), TypeError, "cell_sides must be a tuple of 1 to 8 whole numbers"),
        (lambda: hide_and_seek(cell_p=2), ValueError, "cell_p must be a number from 0 to 1, got 2"),
        (lambda: hide_and_seek(side_range=(1, 2)), ValueError, "side_range must be left out with kind='grid', got (1"),
        (lambda: sprinkles(side_range=(1, 9)), ValueError, "sizes in fractions, got side_range: type height_fraction"),
        (lambda: sprinkles(per_object=True), ValueError, "halve_sizes must be False with per_object, got True"),
        (lambda: cutmix(0.05), ValueError, "area_beta must be a number from 0.1 to 1, got 0.05"),
        (lambda: cutmix(normalize_mean=(0.5,), normalize_std=(1,)), ValueError, 'with fill="donors", which copies'),
        (lambda: Spec(kind="grid"), ValueError, "with kind='grid', got none: type grid_shape=(14, 14), or cell_sides"),
        (lambda: Spec(kind="hexagons"), ValueError, "kind must be one of 'rectangles', 'grid', 'lattice', got 'hexa"),
        (lambda: Spec(keep=True, count_range=(0, 99)), ValueError, "got (0, 99): type count_range=(0, 32)"),
        (lambda: dust(depth_range=(1, 2), depth_fraction_range=(0, 1)), ValueError, "a depth must be given in one un"),
    ],
)
def test_impossible_presets_are_named(make, error, message):
    """The error says what must hold, what was given and what to type."""
    with pytest.raises(error) as caught:
        make()

    assert message in str(caught.value)
