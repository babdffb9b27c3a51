"""Guides of boxes and maps, and what was hidden, are those that pixels tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dustaug import Rectangles, Spec, add_dust, dust, guide_of_boxes, guide_of_map, sample_rectangles

BOX = st.tuples(*[st.integers(-5, 25)] * 4).map(
    lambda e: [min(e[0], e[2]), min(e[1], e[3]), max(e[0], e[2]), max(e[1], e[3])]
)


@given(st.lists(BOX, max_size=6), st.lists(BOX, max_size=4))
def test_shares_are_those_of_the_pixels(rectangles, objects):
    """Overlapping rectangles count once, and objects may reach out of the image."""
    boxes = np.array(rectangles, int).reshape(-1, 4).clip(0, 20)
    drawn = Rectangles(image=np.zeros(len(boxes), int), boxes=boxes, fill=np.zeros(len(boxes)), n_images=1)
    dark = np.zeros((40, 40), bool)  # Objects begin at -10, and so do these pixels.
    dark[10:30, 10:30] = drawn.mask(20, 20)[0]
    expected = []
    for top, left, bottom, right in objects:
        under = dark[top + 10 : bottom + 10, left + 10 : right + 10]
        expected.append(under.sum() / under.size if under.size else 0)

    assert drawn.hidden([objects])[0].tolist() == expected
    points = np.argwhere(np.ones((20, 20))) + 0.5
    assert drawn.covers([points])[0].tolist() == drawn.mask(20, 20)[0].ravel().tolist()


def test_each_image_has_its_own():
    """Rectangles, objects and points of one image do not touch another."""
    drawn = sample_rectangles(height=30, width=40, seed=1, index=np.arange(5))
    masks = drawn.mask(30, 40)
    objects = [[[0, 0, 30, 40]], [], [[3, 4, 20, 30], [5, 5, 5, 9]], [[0, 0, 1, 1]], [[10, 10, 20, 20]]]
    shares = drawn.hidden(objects)

    assert [len(each) for each in shares] == [1, 0, 2, 1, 1]
    assert shares[0][0] == masks[0].mean()
    assert shares[2].tolist() == [masks[2, 3:20, 4:30].mean(), 0]


def test_points_lie_under_dust_where_the_mask_does():
    """A point is hidden if its pixel is, wherever in the pixel it lies, and none is outside of the image."""
    drawn = sample_rectangles(height=30, width=40, seed=1, index=np.arange(5))
    points = np.random.default_rng(0).uniform(0, [30, 40], (5, 300, 2))
    rows, columns = np.moveaxis(points.astype(int), -1, 0)
    under = drawn.mask(30, 40)[np.arange(5)[:, np.newaxis], rows, columns]

    assert 0.02 < under.mean() < 0.9
    assert [each.tolist() for each in drawn.covers(list(points))] == under.tolist()
    assert [each.tolist() for each in drawn.covers(np.array(points))] == under.tolist()
    assert not np.concatenate(drawn.covers([[[-0.1, 5.0], [5.0, 40.0]]] * 5)).any()


@pytest.mark.parametrize(
    ("objects", "error", "message"),
    [
        ([], ValueError, "objects must be a list with an array for each of 1 images, got 0 of them"),
        (3, ValueError, "objects must be a list with an array for each of 1 images, got 3"),
        ([[[0, 0, 1]]], ValueError, r"objects must have shape \(k, 4\), got \(1, 3\)"),
        ([[[0.5, 0, 1, 1]]], TypeError, r"objects must be an array of whole numbers \(k, 4\), got an array of float64"),
        ([[[2, 0, 1, 1]]], ValueError, r"objects must not be reversed, got \[2, 0, 1, 1\]"),
        ([[[1], [2, 3]]], TypeError, "objects must be an array of whole numbers"),
    ],
)
def test_odd_objects_are_refused(objects, error, message):
    """Each error says what must hold."""
    drawn = sample_rectangles(height=30, width=40, seed=1, index=0)
    with pytest.raises(error, match=message):
        drawn.hidden(objects)


def test_maps_are_scaled_by_their_greatest_weight():
    """The formula is that of the docstring, for each map on its own; zeros stay zeros."""
    maps = np.random.default_rng(0).random((3, 7, 7))
    maps[1] = 0
    guide = guide_of_map(maps)

    assert guide.dtype == np.uint8
    assert guide.max(axis=(1, 2)).tolist() == [255, 0, 255]
    assert (guide[2] == np.floor(maps[2] / maps[2].max() * 255 + 0.5)).all()
    assert (guide_of_map(maps[2].astype(np.float32)[None])[0] == guide_of_map(maps[2].astype(np.float32))).all()


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([1, 2], ValueError, r"weights must have shape \(rows, columns\)"),
        ([[1, -2]], ValueError, r"finite and not negative, got -2 to 1: type numpy.maximum\(weights, 0\)"),
        ([[np.nan]], ValueError, "finite and not negative"),
        ([["a"]], TypeError, "must be an array of real numbers"),
        ([[1], [1, 2]], TypeError, "must be an array of real numbers"),
        (np.ma.ones((2, 2)), TypeError, "weights must not be masked"),
        (None, TypeError, "must be an array of real numbers, got None"),
    ],
)
def test_odd_maps_are_refused(weights, error, message):
    """Each error says what must hold."""
    with pytest.raises(error, match=message):
        guide_of_map(weights)


@pytest.mark.parametrize(
    "spec",
    [
        Spec(side_range=(1, 7)),
        Spec(side_range=(6, 6)),
        dust(),
        dust(height_fraction_range=(0.1, 0.3)),
        Spec(area_range=(0.02, 0.1), aspect_range=(0.5, 2)),
    ],
    ids=str,
)
def test_nothing_touches_what_is_protected(spec):
    """With the spec as margin, no rectangle of any image has a pixel in a protected box; a margin less could have."""
    protected = [[20, 30, 33, 41], [50, 2, 60, 9]]
    guide = guide_of_boxes(height=64, width=64, protected=protected, margin=spec)
    spec = spec.replace(center="guide", spare_last=False, count_range=(300, 300))
    drawn = sample_rectangles(
        spec, height=64, width=64, seed=3, index=np.arange(40), guide=np.broadcast_to(guide, (40, 64, 64)).copy()
    )

    assert len(drawn) == 40 * 300
    assert not np.concatenate(drawn.hidden([protected] * 40)).any()
    if spec.side_range is not None:  # Rectangles that are as large as they may be reach its edge.
        near = [[19, 30, 33, 41], [20, 29, 33, 41], [20, 30, 34, 41], [20, 30, 33, 42]]
        assert np.stack(drawn.hidden([near] * 40)).any(axis=0).all()


def test_points_are_protected_as_their_pixels():
    """Keypoints, with fractions or without, at the border or out of the image, are boxes of one pixel."""
    points = np.array([[5.0, 7.0], [20.9, 3.2], [0.0, 29.99], [-0.5, 4.0], [1e300, 3.0]])
    boxes = [[5, 7, 6, 8], [20, 3, 21, 4], [0, 29, 1, 30], [-1, 4, 0, 5]]
    for margin in (0, 2, dust(side_range=(1, 9))):
        expected = guide_of_boxes(height=30, width=30, protected=boxes, margin=margin)

        assert (guide_of_boxes(height=30, width=30, protected=points, margin=margin) == expected).all()
        assert (guide_of_boxes(height=30, width=30, protected=points.tolist(), margin=margin) == expected).all()
    assert guide_of_boxes(height=30, width=30, protected=[[4, 6]])[4].tolist() == [1] * 6 + [0] + [1] * 23


def test_boxes_say_where_centres_lie():
    """Weights are those of the boxes, later ones over earlier ones, cut off at the image."""
    guide = guide_of_boxes([[-3, -3, 4, 4], [2, 2, 99, 99]], height=6, width=7, weights=[3, 9])

    assert guide.tolist() == [
        [9 if y >= 2 and x >= 2 else 3 if y < 4 and x < 4 else 0 for x in range(7)] for y in range(6)
    ]
    assert (guide_of_boxes([], height=3, width=3) == 0).all()
    assert (guide_of_boxes(height=3, width=3) == 1).all()
    image = add_dust(np.zeros((6, 7), np.uint8), dust(center="guide"), seed=0, index=0, guide=guide)
    assert image.shape == (6, 7)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"boxes": [[0, 0, 1]]}, ValueError, r"boxes must have shape \(k, 4\), got \(1, 3\)"),
        ({"boxes": [[3, 0, 1, 1]]}, ValueError, "boxes must not be reversed"),
        ({"boxes": [[0, 0, 1, 1]], "weights": [256]}, ValueError, "weights must be from 0 to 255, got 256 to 256"),
        ({"boxes": [[0, 0, 1, 1]], "weights": [1, 2]}, ValueError, r"weights must have shape \(1,\), got \(2,\)"),
        ({"weights": [1]}, TypeError, "weights must be given with boxes, got none"),
        ({"margin": 3}, TypeError, "margin must be given with protected"),
        ({"protected": [[0, 0, 1, 1]], "margin": -1}, ValueError, "margin must be from 0 to 65535, got -1"),
        ({"height": 0}, ValueError, "height must be from 1 to 65535"),
        ({"protected": [[np.nan, 3.0]]}, ValueError, "protected must be finite, .* leave out points that are not"),
        ({"protected": [["a", "b"]]}, TypeError, r"protected must be arrays of real numbers \(k, 2\)"),
    ],
)
def test_odd_boxes_are_refused(options, error, message):
    """Each error says what must hold."""
    with pytest.raises(error, match=message):
        guide_of_boxes(**{"height": 9, "width": 9, **options})
