"""The pictures that come with the page in docs/explore are those that its script draws."""

import base64
import importlib.util
from pathlib import Path

import numpy as np
import pytest

EXPLORE = Path(__file__).parent.parent / "docs" / "explore"
specification = importlib.util.spec_from_file_location("pictures", EXPLORE / "pictures.py")
pictures = importlib.util.module_from_spec(specification)
specification.loader.exec_module(pictures)


@pytest.fixture(scope="module")
def kept():
    return pictures.read_pictures()


def test_pictures_are_what_the_script_draws(kept):
    """The coffee is that of the package, and the guitar that of examples, pixel by pixel."""
    drawn = pictures.draw_pictures(kept["cat"])

    assert list(kept) == list(drawn) == ["coffee", "cat", "guitar"]
    for name, picture in drawn.items():
        assert np.array_equal(kept[name], picture), name


def test_pictures_are_small(kept):
    """A page loads all of them at once: they have at most 512 pixels along each side, and less than a megabyte."""
    assert max(side for picture in kept.values() for side in picture.size) <= 512
    assert pictures.SCRIPT.stat().st_size < 1_000_000


def test_pictures_are_written_without_loss(kept):
    """What the script writes of a picture are its pixels, with the names of those who took the photographs."""
    text = pictures.script(kept)

    assert "Rachel Michetti" in text
    assert "Stéfan van der Walt" in text
    assert {name: picture.tobytes() for name, picture in pictures.pictures_in(text).items()} == {
        name: picture.tobytes() for name, picture in kept.items()
    }
    assert base64.b64decode(pictures.url_of(kept["cat"]).partition(",")[2])[8:16] == b"WEBPVP8L"
