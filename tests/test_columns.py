"""A column of a table has no height and width; the error says how to give it both."""

import numpy as np
import pytest

from dustaug import add_dust

IMAGES = np.random.default_rng(3).integers(0, 256, (4, 16, 20, 3), dtype=np.uint8)


class Column:
    """A column as Polars, pandas and PyArrow have it: one axis of rows, each of which is a list of numbers."""

    def __init__(self, rows):
        self.rows, self.shape = rows, (len(rows),)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.rows, dtype)

    def to_list(self):
        """Return the rows."""
        return self.rows


class Table(Column):
    """A table, in which each pixel has a column."""

    def __init__(self, rows):
        super().__init__(rows)
        self.shape, self.columns = np.shape(rows), [str(i) for i in range(len(rows[0]))]

    def to_numpy(self):
        """Return the numbers."""
        return np.array(self.rows, np.uint8)


class Tensors(Column):
    """PyArrow's FixedShapeTensorArray."""

    def to_numpy_ndarray(self):
        """Return the tensors as one array."""
        return IMAGES


ROWS = IMAGES.reshape(4, -1).tolist()


@pytest.mark.parametrize(
    ("images", "hint"),
    [
        (Column(ROWS), "numpy.array(images.to_list(), numpy.uint8).reshape(-1, height, width, channels)"),
        (Table(ROWS), "images.to_numpy().reshape(-1, height, width, channels)"),
        (Tensors(ROWS), "numpy.array(images.to_numpy_ndarray())"),
    ],
)
def test_what_the_error_says_makes_the_images(images, hint):
    """What is to be typed gives the images, and no grey picture of 4 by 960 pixels."""
    with pytest.raises(TypeError) as caught:
        add_dust(images, seed=0, index=0)
    message, _, typed = str(caught.value).partition(": type ")
    made = eval(typed, {"numpy": np, "images": images, "height": 16, "width": 20, "channels": 3})  # noqa: S307

    assert typed == hint
    assert message.startswith(f"images must be a NumPy array, got {type(images).__name__}")
    assert np.array_equal(IMAGES, made)
