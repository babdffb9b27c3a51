"""The cases of the comparison: how many black rectangles of which sizes, on one image or on one batch per call.

There are two kinds of rectangles. **One** is Random Erasing (arXiv:1708.04896) with the defaults of torchvision, timm
and kornia: 2–33 % of the image. **Many** is dust: 16–31 rectangles with sides of 2–14 pixels, for every image size. All
rectangles lie inside the image, and every position has the same probability.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import dustaug

__all__ = ["CASES", "Cannot", "Case", "Peer", "Work", "in_a_row"]

ONE_AREA = (0.02, 0.33)
MANY_COUNT, MANY_SIDE = (16, 31), (2, 14)
# A library that paints one rectangle per call is called this many times; the mean of 16–31 is half a rectangle more.
IN_A_ROW = 23
# The number of images in a batch, and the number of images painted one by one in a timed call.
_BATCH = {32: 64, 224: 16, 1024: 2}
_LOOP = {32: 16, 224: 4, 1024: 1}


class Case(NamedTuple):
    """One column of one table."""

    call: str
    rectangles: str
    layout: str
    dtype: str
    side: int

    @property
    def n_images(self) -> int:
        """How many images a timed call paints."""
        return (_BATCH if self.call == "batch" else _LOOP)[self.side]

    @property
    def spec(self) -> dustaug.Spec:
        """The spec that all rivals must paint."""
        if self.rectangles == "one":
            return dustaug.random_erasing(ONE_AREA, p=1, fill="constant", fill_value=0)
        return dustaug.dust(count_range=MANY_COUNT, center="inside", spare_last=False, fill="constant", fill_value=0)

    @property
    def area(self) -> float:
        """Mean share of the image that one rectangle covers."""
        return sum(ONE_AREA) / 2 if self.rectangles == "one" else (sum(MANY_SIDE) / 2 / self.side) ** 2

    @property
    def area_range(self) -> tuple[float, float]:
        """Range of that share, for libraries that draw it uniformly."""
        return ONE_AREA if self.rectangles == "one" else (self.area / 2, self.area * 1.5)

    @property
    def side_range(self) -> tuple[int, int]:
        """Range of a side in pixels with this mean area, for libraries that draw height and width separately."""
        if self.rectangles == "many":
            return MANY_SIDE
        low = round(0.2 * self.side)
        return low, round(2 * self.area**0.5 * self.side) - low

    @property
    def batch_layout(self) -> Any:
        """Layout as dustaug names it, for one image or for a batch."""
        return self.layout if self.call == "batch" else self.layout[1:]

    def make_images(self) -> NDArray[Any]:
        """Return noise without a black pixel."""
        shape = (self.n_images, *((self.side,) * 2), 3)
        images = np.random.default_rng(0).integers(1, 256, shape, np.uint8)
        images = np.ascontiguousarray(images.transpose(0, 3, 1, 2)) if self.layout == "NCHW" else images
        return images if self.dtype == "uint8" else images / np.float32(255)

    def __str__(self) -> str:
        return ", ".join(map(str, self))


CASES = [
    Case(*case)
    for case in itertools.product(
        ("image", "batch"), ("one", "many"), ("NHWC", "NCHW"), ("uint8", "float32"), (32, 224, 1024)
    )
]


class Cannot(Exception):  # noqa: N818
    """A library cannot paint this case; the message becomes its cell of the table."""


class Work(NamedTuple):
    """How a library paints a case.

    Attributes
    ----------
    paint : callable
        The timed call: from what `prepare` returned to the painted images.
    prepare : callable, optional
        From an array to the input of the library, before the clock starts. It must share the memory if possible.
    """

    paint: Callable[[Any], Any]
    prepare: Callable[[NDArray[Any]], Any] = lambda images: images


class Peer(NamedTuple):
    """A row of the tables.

    Attributes
    ----------
    name : str
    bind : callable
        From a case to the `Work`, or :exc:`Cannot`.
    note : str
        How it is called.
    why : str
        Why it may be faster than dustaug; for an adapter of dustaug, why it may be slower than its library. The report
        shows it only in that case.
    same_on_batch : bool
        It paints the same rectangles on all images of a batch, so the check does not ask for different ones.
    black : bool
        It paints black, as the case asks.
    rectangles : bool
        It paints rectangles, not only the same number of bytes.
    spec : function, optional
        From a case to the spec that it paints, if that is not the spec of the case.
    library : str
        For an adapter of dustaug: the row of the library that it is made for.
    """

    name: str
    bind: Callable[[Case], Work]
    note: str
    why: str
    same_on_batch: bool = False
    black: bool = True
    rectangles: bool = True
    spec: Callable[[Case], dustaug.Spec] = lambda case: case.spec
    library: str = ""


def in_a_row(paint_one: Callable[[Any], Any], case: Case) -> Callable[[Any], Any]:
    """Return a function that calls `paint_one` once for each rectangle of the case."""
    if case.rectangles == "one":
        return paint_one

    def paint(images: Any) -> Any:
        for _ in range(IN_A_ROW):
            images = paint_one(images)
        return images

    return paint
