"""The gallery shows the pictures that its code makes."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DOCS = Path(__file__).parent.parent / "docs"
specification = importlib.util.spec_from_file_location("gallery", DOCS / "gallery.py")
gallery = importlib.util.module_from_spec(specification)
specification.loader.exec_module(gallery)

SHOWN = [part.name for part in gallery.PAGE if isinstance(part, gallery.Shown)]
# The guitars are drawn with floats, whose last bits differ between processors.
DRAWN = {name: 2 for name in SHOWN if name.startswith("guitars")}


@pytest.fixture(scope="module")
def pictures():
    return gallery.make_pictures()


def test_page_is_what_the_script_writes():
    """The page is the output of its script, so neither changes alone."""
    assert gallery.write_page() == (DOCS / "gallery.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SHOWN)
def test_pictures_are_what_the_code_makes(name, pictures):
    """Each picture on the page has the pixels of the array that the code above it makes."""
    expected = gallery.side_by_side(pictures[name]).astype(int)
    actual = np.asarray(Image.open(gallery.PICTURES / f"{name}.png")).astype(int)

    assert expected.shape == actual.shape
    assert abs(expected - actual).max() <= DRAWN.get(name, 0)


def test_no_picture_is_left_over():
    """The page shows every picture in the gallery's folder."""
    assert sorted(SHOWN) == sorted(path.stem for path in gallery.PICTURES.iterdir())
