"""The sizes of the post, as fractions of the sides."""

import numpy as np
import pytest

import dustaug
from dustaug import Spec, dust


def test_relative_sizes_are_those_of_the_post():
    """The fractions are twice the half sizes of the post, of its 224 pixels; all else is the same."""
    spec = dust(relative=True)
    assert spec == Spec(height_fraction_range=(2 / 224, 14 / 224), width_fraction_range=(2 / 224, 14 / 224))
    half = dust().half_height_range
    assert spec.height_fraction_range == tuple(2 * pixels / 224 for pixels in half)
    assert dust(relative=True, fill="noise") == spec.replace(fill="noise")
    assert dust(relative=False) == dust()


@pytest.mark.parametrize("side", [224, 1000, 4000])
def test_relative_dust_hides_the_same_share(side):
    """At the size of the post as much is hidden as by the post's dust, and on any larger image the same share."""
    index = np.arange(400)
    post = dustaug.sample_rectangles(height=224, width=224, seed=1, index=index)
    relative = dustaug.sample_rectangles(dust(relative=True), height=side, width=side, seed=1, index=index)

    def share(rectangles, side):
        top, left, bottom, right = rectangles.boxes.astype(float).T
        return ((bottom - top) * (right - left)).sum() / side**2 / len(index)

    assert abs(share(relative, side) / share(post, 224) - 1) < 0.1


def test_errors_of_relative():
    """A size besides, or anything but a bool, is refused in a sentence."""
    with pytest.raises(ValueError, match="relative=True must be given without a size, got side_range: leave one"):
        dust(relative=True, side_range=(1, 2))
    with pytest.raises(ValueError, match="got height_fraction_range: leave"):
        dust(relative=True, height_fraction_range=(0.1, 0.2))
    for wrong in (1, "yes", None):
        with pytest.raises(TypeError, match="relative must be True or False, got"):
            dust(relative=wrong)
