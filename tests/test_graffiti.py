"""Graffiti hides the wanted share of the body in two styles, and depends on its numbers alone."""

import numpy as np
import pytest

from examples.graffiti import SHARES, STYLES, paint_graffiti
from examples.guitars import make_guitars


@pytest.fixture(scope="module")
def guitars():
    return make_guitars(3, size=96, seed=8)


@pytest.fixture(scope="module")
def painted(guitars):
    return {
        (style, severity): paint_graffiti(guitars.images, guitars.bodies, severity=severity, style=style, seed=2)
        for style in STYLES
        for severity in SHARES
    }


def opacity(bodies, style, severity):
    """Return the opacity of the paint, from what it leaves of white and of black."""
    black = np.zeros((*bodies.shape, 3), np.uint8)
    on_black, on_white = (
        paint_graffiti(images, bodies, severity=severity, style=style, seed=2)[0].astype(int)
        for images in (black, ~black)
    )
    return 1 - (on_white - on_black).mean(-1) / 255


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("severity", SHARES)
def test_coverage_is_near_its_target(painted, style, severity):
    """The hidden share is within 0.02 of the target in each picture, and within 0.01 on average."""
    _, coverage = painted[style, severity]

    assert np.abs(coverage - SHARES[severity]).max() < 0.02
    assert abs(coverage.mean() - SHARES[severity]) < 0.01


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("severity", SHARES)
def test_coverage_is_measured(guitars, style, severity):
    """The reported share counts the body's pixels under paint of more than half opacity."""
    hidden = opacity(guitars.bodies, style, severity) > 0.5
    _, coverage = paint_graffiti(guitars.images, guitars.bodies, severity=severity, style=style, seed=2)
    share = [pixels[body].mean() for pixels, body in zip(hidden, guitars.bodies, strict=True)]

    assert np.abs(share - coverage).max() < 0.01


@pytest.mark.parametrize("style", STYLES)
def test_severity_increases(painted, style):
    """More severe graffiti hides more of every body."""
    one, two, three = (painted[style, severity][1] for severity in SHARES)

    assert (one < two).all()
    assert (two < three).all()


@pytest.mark.parametrize("style", STYLES)
def test_graffiti_is_mostly_on_the_body(guitars, painted, style):
    """A pixel of the body is painted more often than one beside it."""
    images, _ = painted[style, 2]
    changed = np.abs(images.astype(int) - guitars.images).max(-1) > 40

    assert changed[guitars.bodies].mean() > 3 * changed[~guitars.bodies].mean()


def test_styles_differ(guitars):
    """Spray has soft edges and marker has hard ones, so more of the spray is thin."""
    thin = {}
    for style in STYLES:
        paint = opacity(guitars.bodies, style, 3)
        thin[style] = ((paint > 0.05) & (paint < 0.95)).sum() / (paint > 0.05).sum()

    assert thin["spray"] > 1.15 * thin["marker"]


@pytest.mark.parametrize("style", STYLES)
def test_order_and_split_do_not_matter(guitars, painted, style):
    """An image with a given number is painted alike alone and in a batch."""
    images, coverage = painted[style, 2]
    for i in (20, 4):
        alone, share = paint_graffiti(
            guitars.images[i : i + 1], guitars.bodies[i : i + 1], severity=2, style=style, seed=2, index=i
        )

        assert np.array_equal(images[i], alone[0])
        assert share[0] == coverage[i]


@pytest.mark.parametrize("change", [{"seed": 3}, {"index": 1}, {"style": "spray"}, {"severity": 2}])
def test_every_number_matters(guitars, change):
    """Another seed, index, style or severity gives other graffiti."""
    numbers = {"severity": 1, "style": "marker", "seed": 2}
    first, _ = paint_graffiti(guitars.images[:1], guitars.bodies[:1], **numbers)
    second, _ = paint_graffiti(guitars.images[:1], guitars.bodies[:1], **{**numbers, **change})

    assert not np.array_equal(first, second)


def test_originals_are_untouched(guitars):
    """Graffiti is painted on a copy."""
    images, bodies = guitars.images.copy(), guitars.bodies.copy()
    images.flags.writeable = bodies.flags.writeable = False
    painted, _ = paint_graffiti(images, bodies, severity=3, style="spray")

    assert not np.array_equal(images, painted)
    assert np.array_equal(guitars.images, images)


def test_no_images_are_fine():
    """An empty batch stays empty."""
    images, coverage = paint_graffiti(
        np.empty((0, 32, 32, 3), np.uint8), np.empty((0, 32, 32), bool), severity=1, style="marker"
    )

    assert (images.shape, coverage.shape) == ((0, 32, 32, 3), (0,))


IMAGES, BODIES = np.zeros((2, 32, 32, 3), np.uint8), np.ones((2, 32, 32), bool)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"severity": 4}, ValueError, "severity must be 1, 2 or 3, got 4: type severity=1"),
        ({"severity": True}, ValueError, "severity must be 1, 2 or 3, got True"),
        ({"severity": []}, ValueError, "severity must be 1, 2 or 3, got \\[\\]"),
        ({"severity": np.array([1, 2])}, ValueError, r"severity must be 1, 2 or 3, got array\(\[1, 2\]\)"),
        ({"style": np.array(["spray", "marker"])}, ValueError, r"style must be one of 'marker', 'spray', got array\("),
        ({"style": "pencil"}, ValueError, "style must be one of 'marker', 'spray', got 'pencil'"),
        ({"seed": -1}, ValueError, "seed must be a whole number not below 0, got -1"),
        ({"index": 0.5}, TypeError, "index must be a whole number, got 0.5"),
        ({"images": [1]}, TypeError, "images must be an array of uint8, got list"),
        ({"images": IMAGES / 255}, TypeError, "images must be an array of uint8, got an array of float64"),
        ({"images": IMAGES[0]}, ValueError, "images must be of shape \\(n, size, size, 3\\), got \\(32, 32, 3\\)"),
        ({"bodies": BODIES[:1]}, ValueError, "bodies must be of shape \\(2, 32, 32\\), got \\(1, 32, 32\\)"),
        ({"bodies": BODIES.astype(int)}, TypeError, "bodies must be an array of bool, got an array of int64"),
        (
            {"bodies": BODIES & [[[True]], [[False]]]},
            ValueError,
            "must each have a pixel that is True, got none in number 1",
        ),
    ],
)
def test_mistakes_are_named(arguments, error, message):
    """A wrong argument is an error that says what must hold."""
    with pytest.raises(error, match=message):
        paint_graffiti(**{"images": IMAGES, "bodies": BODIES, "severity": 1, "style": "marker", **arguments})
