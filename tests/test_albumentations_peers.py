"""The Albumentations transform does not share the bugs of Albumentations' own dropouts."""

import numpy as np
import pytest

from albumentations_helpers import DENSE, always, drawn, grey, seeded
from dustaug import Spec, cutout, random_erasing
from dustaug.albumentations import DustRectangles


class TestPeers:
    """Each docstring names the bug of a dropout of Albumentations that the test excludes."""

    def holes(self, spec, shape=(20, 30), n=50):
        """Return heights and widths of what n calls painted."""
        transform, found = seeded(spec), []
        for index in range(n):
            transform(image=grey(*shape), index=index, epoch=0)
            found.append(drawn(transform)["holes"])
        holes = np.concatenate(found)
        return holes[:, 3] - holes[:, 1], holes[:, 2] - holes[:, 0]

    def test_a_fraction_of_one_is_the_whole_side(self):
        """CoarseDropout reads (0.5, 1.0) as pixels and paints next to nothing."""
        heights, widths = self.holes(
            Spec(count_range=(1, 1), height_fraction_range=(0.5, 1.0), center="inside", spare_last=False)
        )

        assert (10, 20) == (heights.min(), heights.max())
        assert (15, 30) == (widths.min(), widths.max())

    def test_units_are_not_mixed(self):
        """CoarseDropout takes pixels for the height and fractions for the width, and paints nothing."""
        with pytest.raises(ValueError, match="a size must be given in one unit"):
            DustRectangles(half_height_range=(3, 9), width_fraction_range=(0.1, 0.2))

    @pytest.mark.parametrize("center", ["normal", "uniform", "inside"])
    def test_a_rectangle_may_be_larger_than_the_image(self, center):
        """CoarseDropout raises NumPy's 'low >= high'."""
        heights, widths = self.holes(
            Spec(count_range=(1, 1), side_range=(100, 200), center=center, spare_last=False), (20, 30)
        )

        assert (20, 30) == (heights.max(), widths.max())

    def test_impossible_areas_are_named(self):
        """Erasing raises a TypeError about a missing 'seed', and takes a scale above 1."""
        with pytest.raises(
            ValueError, match="area_range and aspect_range must allow a rectangle smaller than the image"
        ):
            always(random_erasing(scale=(0.9, 1.0), ratio=(9, 10)))(image=grey(20, 30))
        with pytest.raises(ValueError, match="area_range must be two numbers above 0, up to 1"):
            DustRectangles(area_range=(0.5, 1.5))

    def test_an_unknown_argument_is_an_error(self):
        """Albumentations warns, and goes on without it."""
        with pytest.raises(
            TypeError, match="got (max_holes, fill_mask_value|fill_mask_value, max_holes): type count_range"
        ):
            DustRectangles(max_holes=8, fill_mask_value=0)

    @pytest.mark.parametrize("fill", ["grey", "color", "noise"])
    def test_random_fills_reach_the_white_of_float_images(self, fill):
        """CoarseDropout paints an image of 0…255 with values of 0…1."""
        image = np.zeros((64, 64, 3), np.float32)
        result = always(DENSE.replace(fill=fill), value_range=(0, 255))(image=image)["image"]

        assert result.max() > 200

    @pytest.mark.parametrize("dtype", ["uint16", "int16", "float16", "float64"])
    @pytest.mark.parametrize("fill", ["grey", "color", "noise"])
    def test_random_fills_take_every_dtype(self, fill, dtype):
        """CoarseDropout raises a bare KeyError for some dtypes."""
        assert always(DENSE.replace(fill=fill))(image=np.zeros((30, 40, 3), dtype))["image"].any()

    @pytest.mark.parametrize("side", [1, 2, 3, 7])
    def test_odd_sizes_are_exact(self, side):
        """Dropouts that halve sizes make odd ones a pixel too small."""
        heights, widths = self.holes(cutout(side, center="inside"))

        assert {side} == set(heights) | set(widths)

    def test_there_may_be_no_rectangle(self):
        """CoarseDropout wants at least one rectangle."""
        assert (always(Spec(count_range=(0, 0)))(image=grey(20, 30))["image"] == 100).all()
