"""The benchmarks compare like with like."""

import numpy as np
import pytest

from benchmarks.post import post_loop, vectorised_numpy
from benchmarks.twin import check_equal


def test_the_c_twin_paints_the_same_pixels():
    """The rival in C equals add_dust() bit for bit, in all specs, dtypes and layouts that are timed."""
    check_equal()


@pytest.mark.parametrize("rival", [post_loop, vectorised_numpy])
def test_the_rivals_in_python_paint_dust(rival):
    """They paint grey rectangles and spare the last row and column, as the post does."""
    np.random.seed(0)  # noqa: NPY002
    images = np.full((50, 64, 64, 3), 7, np.uint8)
    rival(images)
    changed = (images != 7).any(axis=3)

    assert changed.any(axis=(1, 2)).mean() > 0.8
    assert not changed[:, -1].any()
    assert not changed[:, :, -1].any()
    assert (images[changed].min(axis=1) == images[changed].max(axis=1)).all()
