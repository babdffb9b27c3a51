"""What people type by habit is answered with what to type here, and the page for those who come over shows it."""

import re
from pathlib import Path

import pytest

from dustaug import Spec, dust
from dustaug._errors import CENTER_HINTS, FIELD_HINTS, FILL_HINTS, shown

PAGE = Path(__file__).parents[1] / "docs" / "migrating.md"
WORDS = [("fill", word) for word in FILL_HINTS] + [("center", word) for word in CENTER_HINTS]


def shown_on(page, habit):
    """Return the second cell of the row whose first cell has a habit."""
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 2 and f"`{habit}`" in cells[0].lstrip("| ").split(", "):
            return cells[1].rstrip("| ").strip("`")
    return None


def fields_of(hint):
    """Return the fields that a hint names as an example, up to its first alternative in words."""
    first = re.split(', or |, "color"', hint)[0]
    return eval(f"dict({first})")  # noqa: S307


@pytest.mark.parametrize("name", FIELD_HINTS)
def test_a_field_of_another_library_is_answered(name):
    """The error names fields that a spec takes, and the page shows them."""
    with pytest.raises(TypeError) as caught:
        dust(**{name: 1})

    assert str(caught.value) == f"fields of Spec must be known, got {name}: type {FIELD_HINTS[name]}"
    assert Spec(**fields_of(FIELD_HINTS[name])).to_dict()
    assert shown_on(PAGE.read_text("utf-8"), f"{name}=") == FIELD_HINTS[name]


@pytest.mark.parametrize(("name", "word"), WORDS)
def test_a_word_of_another_library_is_answered(name, word):
    """The error names the fill or the placement that it stands for, and the page shows it."""
    hint = {"fill": FILL_HINTS, "center": CENTER_HINTS}[name][word]
    for given in (word, word.upper()):
        with pytest.raises(ValueError, match=re.escape(f"got {given!r}: type {hint}") + "$"):
            Spec(**{name: given})

    assert Spec(**fields_of(hint)).to_dict()
    assert shown_on(PAGE.read_text("utf-8"), f'{name}="{word}"') == hint


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ({"fill": 10}, 'fill="constant", fill_value=10'),
        ({"fill": [1, 2, 3]}, 'fill="constant", fill_value=(1, 2, 3)'),
        ({"center": (0.5, 0.5)}, "center_mean=(0.5, 0.5)"),
    ],
)
def test_numbers_are_answered_with_the_field_that_takes_them(field, hint):
    """A number where a word belongs goes into another field."""
    with pytest.raises(ValueError, match=re.escape(f": type {hint}") + "$"):
        Spec(**field)


def test_what_was_given_is_shown_in_one_short_line():
    """Arrays, long tuples and numbers of thousands of digits do not fill the screen."""

    class Silent:
        def __repr__(self):
            raise RuntimeError

    assert shown(3) == "3"
    assert shown("a\nb") == "'a\\nb'"
    assert shown(10**5000) == "a value of int"
    assert shown(Silent()) == "a value of Silent"
    assert len(shown(tuple(range(1000)))) == 100
