"""Other libraries make these mistakes, and this one does not.

Mistakes that belong to one framework are tested with its adapter.
"""

import numpy as np
import pytest

import dustaug
from dustaug import add_dust, cutout, dust, random_erasing, sample_rectangles


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_a_fill_per_channel_works_for_any_channels_and_layout(channels, layout):
    """One value per channel is painted in its channel (Keras: only three channels, and only channels-last)."""
    values = tuple(range(10, 10 + channels))
    shape = (2, 9, 9, channels) if layout == "NHWC" else (2, channels, 9, 9)
    images = add_dust(np.zeros(shape, np.uint8), cutout(99, fill_value=values), seed=0, index=0, layout=layout)

    assert (images.transpose(0, 2, 3, 1) if layout == "NCHW" else images).reshape(-1, channels).tolist() == [
        list(values)
    ] * (2 * 81)


def test_the_width_follows_the_width():
    """A rectangle may be as wide as a wide image (KerasCV clips the width by the height)."""
    spec = dust(height_fraction_range=(0.5, 0.5), width_fraction_range=(1, 1), center="inside", spare_last=False)
    boxes = sample_rectangles(spec, height=20, width=200, seed=0, index=np.arange(50)).boxes

    assert set(boxes[:, 2] - boxes[:, 0]) == {10}
    assert set(boxes[:, 3] - boxes[:, 1]) == {200}


def test_no_border_is_treated_differently():
    """Squares are clipped alike at all four borders (mmdetection draws smaller holes at the right and the bottom)."""
    boxes = sample_rectangles(cutout(9), height=30, width=30, seed=0, index=np.arange(200_000)).boxes
    sizes = {
        "top": boxes[boxes[:, 0] == 0, 2],
        "left": boxes[boxes[:, 1] == 0, 3],
        "bottom": 30 - boxes[boxes[:, 2] == 30, 0],
        "right": 30 - boxes[boxes[:, 3] == 30, 1],
    }
    counts = np.array([np.bincount(size, minlength=10) / len(boxes) for size in sizes.values()])

    assert np.abs(counts[:, 5:9] - 1 / 30).max() < 0.003
    assert (counts[:, :5] == 0).all()


def test_noise_uses_its_whole_range():
    """Noise on uint8 is uniform (torchvision: 0, 1, 2, 254 and 255 only; Keras: half of it black)."""
    image = np.full((64, 64, 3), 7, np.uint8)
    add_dust(image, random_erasing((0.4, 0.4), p=1), seed=0, index=0)

    assert len(np.unique(image)) == 256
    assert (image == 0).mean() < 0.01


def test_probabilities_are_probabilities():
    """A p of 1 always dusts and one above is refused (Keras: a factor of 1 dusts half; kornia accepts 2)."""
    spec = dust(p=1, count_range=(1, 1))

    assert len(sample_rectangles(spec, height=64, width=64, seed=0, index=np.arange(1000))) == 1000
    with pytest.raises(ValueError, match="p must be a number from 0 to 1, got 2"):
        dust(p=2)


def test_no_axis_is_added_and_no_dtype_changed():
    """The result has the shape and dtype of the input (kornia adds a batch axis, Keras returns float32)."""
    image = np.zeros((32, 32, 3), np.uint16)

    assert add_dust(image, seed=0, index=0) is image


def test_nothing_can_be_erased():
    """A size of zero erases nothing (kornia erases at least one pixel)."""
    spec = dustaug.dust(side_range=(0, 0), spare_last=False)

    assert not sample_rectangles(spec, height=9, width=9, seed=0, index=np.arange(99)).mask(9, 9).any()
