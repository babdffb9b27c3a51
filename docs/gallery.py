"""Write gallery.md and its pictures. The code above each picture makes it. In a clone: python -m docs.gallery."""

import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DOCS = Path(__file__).parent
PICTURES = DOCS / "images" / "gallery"
GAP = 4


class Shown(NamedTuple):
    """A picture: the name of its file, its heading, a text about it, and the code that makes `dusted`."""

    name: str
    heading: str
    text: str
    code: str


HEAD = """\
# Gallery

The code above each picture makes the picture: `python -m docs.gallery` writes this page and its pictures, and the tests
compare them with the code, pixel by pixel. Each picture shows the images of the array `dusted` side by side. Start with
this code:

```python
from importlib.resources import files

import numpy as np
from PIL import Image

import dustaug

coffee = Image.open(str(files("dustaug") / "photos" / "coffee.jpg")).resize((160, 160))
photo = np.asarray(coffee)
photos = np.stack([photo] * 4)  # uint8, (4, 160, 160, 3)


def each(*specs, image=photo):
    \"\"\"One image under several specs, with the same seed and index.\"\"\"
    return np.stack([dustaug.add_dust(image.copy(), spec, seed=7, index=0) for spec in specs])
```

The photograph is 160 pixels wide here, so sizes in pixels look larger than on a photograph of 224 pixels. To see your
own pictures, type `dustaug preview guitar.jpg`.
"""

PAGE: list[str | Shown] = [
    HEAD,
    "## The presets\n",
    Shown("dust", "dust()", "The dust of the 2017 post: 0–31 small grey rectangles, denser near the middle.", """
dusted = dustaug.add_dust(photos.copy(), dustaug.dust(), seed=7, index=0)
"""),
    Shown("cutout", "cutout(size)", "One black square, clipped at the border (arXiv:1708.04552).", """
dusted = dustaug.add_dust(photos.copy(), dustaug.cutout(56), seed=7, index=0)
"""),
    Shown("random_erasing", "random_erasing()", "One rectangle of noise, of random area and aspect, fully inside "
          "(arXiv:1708.04896). As published, half of the images stay clean; `p=1` dusts all images.", """
dusted = dustaug.add_dust(photos.copy(), dustaug.random_erasing(p=1), seed=7, index=0)
"""),
    Shown("hide_and_seek", "hide_and_seek()", "Each cell of a grid is hidden with probability 0.5 "
          "(arXiv:1704.04232). The side of the cells is drawn for each image: 16, 32, 44 or 56 pixels, or none. Here "
          "it is given: 16, 32, 44, 56.",
          """
dusted = each(*(dustaug.hide_and_seek((side,)) for side in (16, 32, 44, 56)))
"""),
    Shown("grid_mask", "grid_mask()", "Squares at a regular distance, with a random period and phase "
          "(arXiv:2001.04086). The last two images hide the lines instead.", """
squares = dustaug.grid_mask((30, 60))
lines = squares.replace(lattice_hides="lines", kept_share=0.8)
dusted = photos.copy()
dustaug.add_dust(dusted[:2], squares, seed=7, index=0)
dustaug.add_dust(dusted[2:], lines, seed=7, index=0)
"""),
    Shown("patch_drop", "patch_drop(ratio)", "A quarter, a half, three quarters and nine tenths of 14 × 14 cells "
          "(arXiv:2105.10497). The cells of a picture are among those of the next. Three quarters are the mask of "
          "masked autoencoders (arXiv:2111.06377).", """
dusted = each(*(dustaug.patch_drop(ratio) for ratio in (0.25, 0.5, 0.75, 0.9)))
"""),
    Shown("sprinkles", "sprinkles()", "One large rectangle, two of up to half its sides, four of a quarter, and so "
          "on, 31 in all, as YOLOv5 has them. `p=1` dusts all images.", """
dusted = dustaug.add_dust(photos.copy(), dustaug.sprinkles(p=1), seed=7, index=0)
"""),
    Shown("cutmix", "cutmix()", "A rectangle of another image, the donor: here the photograph upside down and in the "
          "opposite colours (arXiv:1905.04899).", """
donors = 255 - photos[:, ::-1]
dusted = dustaug.add_dust(photos.copy(), dustaug.cutmix(), seed=8, index=0, donors=donors)
"""),
    Shown("epochs", "The same image in four epochs", "Seed and index stay the same, and the epoch changes.", """
dusted = photos.copy()
for epoch, image in enumerate(dusted):
    dustaug.add_dust(image, seed=7, epoch=epoch, index=0)
"""),
    "## How many\n",
    Shown("count_range", "count_range", "Exactly 4, 8, 16 and 31 rectangles. The 8 rectangles include the 4, and "
          "so on.", """
dusted = each(*(dustaug.dust(count_range=(n, n)) for n in (4, 8, 16, 31)))
"""),
    Shown("p", "p", "Each image is dusted with probability 0.5, independently of the others.", """
dusted = dustaug.add_dust(photos.copy(), dustaug.dust(p=0.5, count_range=(16, 31)), seed=2, index=0)
"""),
    "## How large\n\nA size has one unit, and the name of the field says which.\n",
    Shown("half_size", "half_height_range, half_width_range", "Half sizes in pixels, height and width separately. "
          "`(1, 7)` is the range of the post.", """
spec = dustaug.dust(count_range=(16, 16))
dusted = each(
    spec.replace(half_height_range=(1, 3), half_width_range=(1, 3)),
    spec.replace(half_height_range=(1, 7), half_width_range=(1, 7)),
    spec.replace(half_height_range=(4, 14), half_width_range=(4, 14)),
    spec.replace(half_height_range=(1, 2), half_width_range=(10, 40)),
)
"""),
    Shown("side_range", "side_range", "The side of squares in pixels.", """
spec = dustaug.dust(count_range=(12, 12))
sides = [(6, 6), (16, 16), (30, 30), (4, 40)]
dusted = each(*(spec.replace(side_range=side) for side in sides))
"""),
    Shown("fraction", "height_fraction_range, width_fraction_range", "Fractions of the image's sides. If you give only "
          "the height, the width uses its range.", """
spec = dustaug.dust(count_range=(12, 12))
dusted = each(
    spec.replace(height_fraction_range=(0.02, 0.06)),
    spec.replace(height_fraction_range=(0.1, 0.2)),
    spec.replace(height_fraction_range=(0.2, 0.4), width_fraction_range=(0.02, 0.04)),
    spec.replace(height_fraction_range=(0.02, 0.03), width_fraction_range=(1, 1), count_range=(4, 4)),
)
"""),
    Shown("area", "area_range, aspect_range", "A share of the image's area, and height / width.", """
dusted = each(
    dustaug.random_erasing(scale=(0.02, 0.1), p=1, fill="grey"),
    dustaug.random_erasing(scale=(0.3, 0.4), p=1, fill="grey"),
    dustaug.random_erasing(scale=(0.1, 0.1), ratio=(4, 8), p=1, fill="grey"),
    dustaug.dust(count_range=(8, 8), area_range=(0.005, 0.02), aspect_range=(0.1, 0.2)),
)
"""),
    Shown("pixels_or_fractions", "Pixels stay pixels, fractions grow along", "The photograph at 160 and at 40 pixels. "
          "The sizes are in pixels on the left, and in fractions on the right. The small images are enlarged.", """
small = np.asarray(coffee.resize((40, 40)))
pixels = dustaug.dust(count_range=(8, 8))
fractions = dustaug.dust(count_range=(8, 8), height_fraction_range=(0.02, 0.09))
on_small = each(pixels, fractions, image=small).repeat(4, axis=1).repeat(4, axis=2)
on_large = each(pixels, fractions)
dusted = np.stack([on_large[0], on_small[0], on_large[1], on_small[1]])
"""),
    Shown("halve_sizes", "halve_sizes", "7 and 31 rectangles of one size, then the same with sizes that halve: "
          "rectangle 1 is whole, 2 and 3 are half as high and wide, 4 to 7 a quarter.", """
spec = dustaug.dust(height_fraction_range=(0.3, 0.4), center="uniform")
few, many = (spec.replace(count_range=(n, n)) for n in (7, 31))
dusted = each(few, many, few.replace(halve_sizes=True), many.replace(halve_sizes=True))
"""),
    "## Where\n",
    Shown("center", "center, center_std", '`"normal"` with a standard deviation of 0.1, 0.25 (the post\'s) and 0.5; '
          'then `"uniform"`.', """
spec = dustaug.dust(count_range=(31, 31))
dusted = each(
    spec.replace(center_std=(0.1, 0.1)),
    spec,
    spec.replace(center_std=(0.5, 0.5)),
    spec.replace(center="uniform"),
)
"""),
    Shown("center_mean", "center_mean", "The mean is (y, x), in fractions of the sides. A standard deviation of 0 "
          "fixes the coordinate.",
          """
spec = dustaug.dust(count_range=(31, 31))
dusted = each(
    spec.replace(center_mean=(0.2, 0.5), center_std=(0.1, 0.25)),
    spec.replace(center_mean=(0.8, 0.8), center_std=(0.1, 0.1)),
    spec.replace(center_std=(0, 0.25)),
    spec.replace(center_std=(0.25, 0)),
)
"""),
    Shown("inside", 'center="uniform" and center="inside"', "The rectangles of the first two images are clipped at the "
          "border. Those of the last two lie fully inside.", """
squares = dustaug.dust(count_range=(10, 10), side_range=(40, 40), spare_last=False)
dusted = photos.copy()
dustaug.add_dust(dusted[:2], squares.replace(center="uniform"), seed=7, index=0)
dustaug.add_dust(dusted[2:], squares.replace(center="inside"), seed=7, index=0)
"""),
    "## Cells and lattices\n",
    Shown("grid", 'kind="grid"', "8 of 5 × 4 cells, 16 of them, each with probability 0.3, and cells of 50 pixels, "
          "of which the last ones are narrower.", """
cells = dustaug.Spec(kind="grid", grid_shape=(5, 4), count_range=(8, 8))
dusted = each(
    cells,
    cells.replace(count_range=(16, 16)),
    cells.replace(cell_p=0.3),
    cells.replace(cell_sides=(50,), cell_p=0.5, fill="color"),
)
"""),
    Shown("lattice", 'kind="lattice"', "Squares and lines, of which 0.6 and 0.8 of the period are kept along each "
          "side.", """
lattice = dustaug.Spec(kind="lattice", period_range=(32, 32), spare_last=False, fill="constant", fill_value=0)
dusted = each(
    lattice,
    lattice.replace(kept_share=0.8),
    lattice.replace(lattice_hides="lines"),
    lattice.replace(lattice_hides="lines", kept_share=0.8),
)
"""),
    Shown("keep", "keep", "The rectangles stay, and all the rest is hidden: one, three, and sixteen of them, and "
          "half of the cells of a grid.", """
kept = dustaug.Spec(keep=True, side_range=(60, 90), count_range=(1, 1), fill="mean")
dusted = each(
    kept,
    kept.replace(count_range=(3, 3), fill="grey"),
    kept.replace(count_range=(16, 16), side_range=(20, 40), fill="noise"),
    dustaug.patch_drop(0.5, grid=8, keep=True),
)
"""),
    "## Filled with what\n",
    Shown("fill", "fill", '`"grey"`: one brightness for each rectangle. `"color"`: one for each channel. `"noise"`: '
          'one for each value. `"mean"`: the mean colour of the image.', """
spec = dustaug.dust(count_range=(16, 16), half_height_range=(4, 14), half_width_range=(4, 14))
dusted = each(*(spec.replace(fill=fill) for fill in ("grey", "color", "noise", "mean")))
"""),
    Shown("fill_value", 'fill="constant" and fill_value', "One brightness, or one for each channel: black, white, "
          "middle grey, and the mean colour of ImageNet.", """
spec = dustaug.dust(count_range=(16, 16), half_height_range=(4, 14), half_width_range=(4, 14))
values = [0, 255, 127.5, (123.675, 116.28, 103.53)]
dusted = each(*(spec.replace(fill="constant", fill_value=value) for value in values))
"""),
    Shown("fill_range", "fill_range", "All values of brightness, dark values, bright values, and a narrow range.", """
spec = dustaug.dust(count_range=(16, 16), half_height_range=(4, 14), half_width_range=(4, 14))
ranges = [(0, 255), (0, 60), (200, 255), (120, 136)]
dusted = each(*(spec.replace(fill_range=fill_range) for fill_range in ranges))
"""),
    "## Cutout and Random Erasing, varied\n",
    Shown("cutout_size", "cutout: sizes", "The sides are 16, 32, 64 and 96 pixels.", """
dusted = each(*(dustaug.cutout(size) for size in (16, 32, 64, 96)))
"""),
    Shown("cutout_fill", "cutout: fills", "White, mean colour, noise, and eight small squares instead of one.", """
dusted = each(
    dustaug.cutout(56, fill_value=255),
    dustaug.cutout(56, fill="mean"),
    dustaug.cutout(56, fill="noise"),
    dustaug.cutout(20, count_range=(8, 8)),
)
"""),
    Shown("random_erasing_fill", "random_erasing: fills", "Noise as published, one colour, black, and the mean colour.",
          """
dusted = each(
    dustaug.random_erasing(p=1),
    dustaug.random_erasing(p=1, fill="color"),
    dustaug.random_erasing(p=1, fill="constant", fill_value=0),
    dustaug.random_erasing(p=1, fill="mean"),
)
"""),
    "## Masks\n",
    Shown("masks", "What is hidden, as a mask", "The dusted photograph, the mask of the rectangles, the visible part "
          "of the photograph, and the hidden part.", """
spec = dustaug.dust(count_range=(31, 31), half_height_range=(4, 14), half_width_range=(4, 14))
rectangles = dustaug.sample_rectangles(spec, height=160, width=160, seed=7, index=0)
mask = rectangles.mask(160, 160)[0, :, :, np.newaxis]
white = np.full_like(photo, 255)
dusted = np.stack([photo, white * mask, np.where(mask, white, photo), np.where(mask, photo, white)])
dustaug.paint_rectangles(dusted[:1], rectangles)
"""),
    """## On guitars

The example that repeats [the post's experiment](guitars.md) draws these guitars by code. If you installed the wheel,
import `dustaug.examples.guitars` and `dustaug.examples.graffiti` instead.
""",
    Shown("guitars", "Clean", "Four of the seven models.", """
from examples.guitars import draw_guitar

models = ("Jazzmaster", "Stratocaster", "Les Paul", "Flying V")
pictures = [draw_guitar(model, size=160, seed=7, index=0) for model in models]
guitars = np.stack([picture.image for picture in pictures])
dusted = guitars
"""),
    Shown("guitars_dust", "Under dust", "The classifier trains on such images: each has its own dust.", """
dusted = dustaug.add_dust(guitars.copy(), dustaug.dust(count_range=(16, 31)), seed=7, index=0)
"""),
    Shown("guitars_presets", "Under Cutout and Random Erasing", "Two guitars each.", """
dusted = guitars.copy()
dustaug.add_dust(dusted[:2], dustaug.cutout(40), seed=7, index=0)
dustaug.add_dust(dusted[2:], dustaug.random_erasing(p=1), seed=7, index=2)
"""),
    Shown("guitars_graffiti", "Under graffiti", "The classifier is tested on such images, and never on rectangles.", """
from examples.graffiti import paint_graffiti

bodies = np.stack([picture.body for picture in pictures])
dusted, coverage = paint_graffiti(guitars, bodies, severity=3, style="spray", seed=7)
"""),
]  # fmt: skip


def write_page() -> str:
    """Return the text of gallery.md."""
    return "\n".join(part if isinstance(part, str) else _entry(part) for part in PAGE)


def _entry(shown: Shown) -> str:
    text = textwrap.fill(shown.text, 120, break_long_words=False, break_on_hyphens=False)
    picture = f"![{shown.heading}](images/gallery/{shown.name}.png)"
    return f"### {shown.heading}\n\n{text}\n\n```python{shown.code}```\n\n{picture}\n"


def make_pictures() -> dict[str, NDArray[np.uint8]]:
    """Run the code of the page from top to bottom, and return every `dusted`, (n, h, w, 3)."""
    names: dict[str, Any] = {}
    exec(HEAD.partition("```python")[2].partition("```")[0], names)  # noqa: S102  The code of the page above.
    pictures = {}
    for shown in PAGE:
        if isinstance(shown, Shown):
            exec(shown.code, names)  # noqa: S102
            pictures[shown.name] = names["dusted"].copy()
    return pictures


def side_by_side(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put images (n, h, w, 3) in a row, (h, n * w + gaps, 4), with transparent gaps in between."""
    opaque = np.concatenate([images, np.full_like(images[..., :1], 255)], axis=-1)
    padded = np.pad(opaque, ((0, 0), (0, 0), (0, GAP), (0, 0)))
    return np.concatenate(list(padded), axis=1)[:, :-GAP]


def main() -> None:
    """Write the page and the pictures."""
    PICTURES.mkdir(exist_ok=True)
    (DOCS / "gallery.md").write_text(write_page(), encoding="utf-8")
    for name, images in make_pictures().items():
        Image.fromarray(side_by_side(images)).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
