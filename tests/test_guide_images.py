"""The pictures of the page on guides are those that its code makes, with lines that hide nothing inside of them."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DOCS = Path(__file__).parent.parent / "docs"
specification = importlib.util.spec_from_file_location("guide_images", DOCS / "guide_images.py")
guide_images = importlib.util.module_from_spec(specification)
specification.loader.exec_module(guide_images)

SHOWN = re.findall(r"!\[[^\]]*\]\(images/guides/(\w+)\.png\)", (DOCS / "guides.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pictures():
    return guide_images.make_pictures()


@pytest.mark.parametrize("name", SHOWN)
def test_pictures_are_what_the_code_makes(name, pictures):
    """Each picture on the page has the pixels that the code above it makes."""
    assert (pictures[name] == np.asarray(Image.open(guide_images.PICTURES / f"{name}.png"))).all()


def test_no_picture_is_left_over():
    """The page shows every picture in its folder, once."""
    assert sorted(SHOWN) == sorted(path.stem for path in guide_images.PICTURES.iterdir())


def test_a_line_lies_around_its_mask():
    """A line of three pixels and a black one lie outside of the mask, and every other pixel stays."""
    image, mask = np.full((30, 40, 3), 99, np.uint8), np.zeros((30, 40), bool)
    mask[10:20, 10:12] = True
    guide_images.draw_line(image, mask, (1, 2, 3))

    assert (image[10:20, 10:12] == 99).all()
    assert (image[7:23, 7:15] == (1, 2, 3)).all(axis=-1).sum() == 16 * 8 - 10 * 2
    assert (image[6:24, 6:16] == 0).all(axis=-1).sum() == 18 * 10 - 16 * 8
    image[6:24, 6:16] = 99
    assert (image == 99).all()


def test_a_line_does_not_come_in_at_the_other_side():
    """A mask at the border has no line beyond it."""
    image, mask = np.full((30, 40, 3), 99, np.uint8), np.zeros((30, 40), bool)
    mask[:5] = True
    guide_images.draw_line(image, mask, (1, 2, 3))

    assert (image[5:8] == (1, 2, 3)).all()
    assert (image[9:] == 99).all()
