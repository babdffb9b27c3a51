"""Draw the pictures of guides.md again, with the code of the page above each of them: python -m docs.guide_images."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

DOCS = Path(__file__).parent
PICTURES = DOCS / "images" / "guides"
PARTS = re.compile(r"```python\n(.*?)```|!\[[^\]]*\]\(images/guides/(\w+)\.png\)", re.DOTALL)
GAP, SCALE = 8, 2

# Where the centres of rectangles may lie, what is spared, and what may be hidden in part only: yellow, blue and white.
# The first two are colours of Okabe and Ito, for colour-blind readers.
Line = tuple[NDArray[np.bool_], tuple[int, int, int]]
HERE, SPARED, OBJECT = (240, 228, 66), (86, 180, 233), (255, 255, 255)


def box_lines(boxes: ArrayLike, color: tuple[int, int, int], side: int = 240) -> list[Line]:
    """Return a line around each box."""
    lines = []
    for top, left, bottom, right in np.asarray(boxes).clip(0, side).tolist():
        mask = np.zeros((side, side), bool)
        mask[top:bottom, left:right] = True
        lines.append((mask, color))
    return lines


# What is drawn around on each image of a picture, by the names that the code of the page has made.
LINES: dict[str, Callable[[dict[str, Any]], Sequence[list[Line]]]] = {
    "mask": lambda page: [[(mask, HERE)] for mask in page["guide"]],
    "classes": lambda page: [[(page["classes"] == kind, HERE) for kind in (1, 2)]] * 2,
    "map": lambda _: [[]] * 2,
    "boxes": lambda page: [box_lines(page["boxes"], HERE)] * 2,
    "protected": lambda page: [box_lines(page["boxes"], SPARED)] * 2,
    "points": lambda page: [box_lines(page["around"], SPARED)] * 2,
    "per_object": lambda page: [box_lines(page["boxes"], OBJECT)] * 2,
    "max_hidden": lambda page: [box_lines(page["boxes"], OBJECT)] * 2,
}


def make_pictures() -> dict[str, NDArray[np.uint8]]:
    """Run the code of the page up to the last picture, and return each picture, (h, w, 3)."""
    text, names, pictures = (DOCS / "guides.md").read_text(encoding="utf-8"), {}, {}
    ends = [match.end() for match in PARTS.finditer(text) if match[2]]
    for code, name in PARTS.findall(text[: ends[-1]]):
        if code:
            exec(code, names)  # noqa: S102  The code is from our own page, and the tests run it too.
        else:
            pictures[name] = side_by_side(names["dusted"], LINES[name](names))
    return pictures


def side_by_side(images: NDArray[np.uint8], lines: Sequence[list[Line]]) -> NDArray[np.uint8]:
    """Put images (n, h, w, 3) in a row with white gaps, twice as large, with lines around parts of each.

    Colours are rounded to multiples of 8, which nobody sees, and which halves the files.
    """
    drawn = []
    for image, around in zip(images, lines, strict=True):
        large = image.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
        for mask, color in around:
            draw_line(large, mask.repeat(SCALE, axis=0).repeat(SCALE, axis=1), color)
        drawn.append(np.pad(large, ((0, 0), (0, GAP), (0, 0)), constant_values=255))
    picture = np.concatenate(drawn, axis=1)[:, :-GAP].astype(int)
    rounded: NDArray[np.uint8] = ((picture + 4) // 8 * 8).clip(0, 255).astype(np.uint8)
    return rounded


def draw_line(image: NDArray[np.uint8], mask: NDArray[np.bool_], color: tuple[int, int, int]) -> None:
    """Draw a line of 3 pixels around a mask, in place, between black ones of a pixel; it lies outside the mask."""
    inner, line, outer = mask, grow(mask, 3), grow(mask, 4)
    image[outer & ~line] = 0
    image[line & ~inner] = color


def grow(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Return a mask that is wider by some pixels on each side."""
    grown = np.pad(mask, pixels)
    for axis in (0, 1):
        for _ in range(pixels):
            grown = grown | np.roll(grown, 1, axis) | np.roll(grown, -1, axis)
    return grown[pixels:-pixels, pixels:-pixels]


def main() -> None:
    """Write the pictures."""
    PICTURES.mkdir(exist_ok=True)
    for name, picture in make_pictures().items():
        Image.fromarray(picture).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
