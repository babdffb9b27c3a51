"""The pictures of the page on volumes are those that its code makes."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DOCS = Path(__file__).parent.parent / "docs"
specification = importlib.util.spec_from_file_location("volume_images", DOCS / "volume_images.py")
volume_images = importlib.util.module_from_spec(specification)
specification.loader.exec_module(volume_images)

SHOWN = re.findall(r"!\[[^\]]*\]\(images/volumes/(\w+)\.png\)", (DOCS / "volumes.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pictures():
    return volume_images.make_pictures()


@pytest.mark.parametrize("name", SHOWN)
def test_pictures_are_what_the_code_makes(name, pictures):
    """Each picture on the page has the pixels that the code above it makes."""
    assert np.array_equal(pictures[name], np.asarray(Image.open(volume_images.PICTURES / f"{name}.png")))


def test_no_picture_is_left_over():
    """The page shows every picture in its folder, once."""
    assert sorted(SHOWN) == sorted(path.stem for path in volume_images.PICTURES.iterdir())
