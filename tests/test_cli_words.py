"""The command line answers in its own options, never in Python's arguments."""

from __future__ import annotations

import re

import pytest

from dustaug import cli
from dustaug.cli._words import in_options, option_of
from test_cli import NEEDED, run

NAMES = (*cli._FIELDS, "seed", "epoch", "preset", "relative")
# An argument of Python, a tuple, or a string in quotes.
PYTHON = re.compile(r"\w=|\(-?\d[\d.]*, |'\w+'|\b[a-z]+_[a-z_]+\b")


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (
            "count_range must not be reversed, got (9, 3): type count_range=(3, 9)",
            "--count-range must not be reversed, got 9 3: type --count-range 3 9",
        ),
        (
            "p must be a number from 0 to 1, got 2.0: type p=0.5",
            "--p must be a number from 0 to 1, got 2.0: type --p 0.5",
        ),
        ('fill_value must be given with fill="constant"', "--fill-value must be given with --fill constant"),
        ("fill_value must have one number, got (1.0, 2.5)", "--fill-value must have one number, got 1.0,2.5"),
        (
            "cell_sides must be a tuple, got 'x': type cell_sides=(16, 32)",
            "--cell-sides must be a tuple, got x: type --cell-sides 16,32",
        ),
        ("type fill_value=(124, 116, 104)", "type --fill-value 124,116,104"),
        ("type spare_last=False or spare_last=True", "type --no-spare-last or --spare-last"),
        ("got (1e-05, inf): type area_range=(0.02, 0.4)", "got 1e-05 inf: type --area-range 0.02 0.4"),
        ("fields must be known, got side_range, area_range", "options must be known, got --side-range, --area-range"),
        ("seed must be from 0 to 9, got -1", "--seed must be from 0 to 9, got -1"),
        ("a fill is what the center of p has", "a fill is what the center of p has"),
        ("got --fill-value 3, --size", "got --fill-value 3, --size"),
    ],
)
def test_messages(message, wanted):
    """Arguments, tuples and quoted words become what is typed; words of English stay."""
    assert in_options(message, NAMES) == wanted


@pytest.mark.parametrize("name", cli._FIELDS)
@pytest.mark.parametrize("value", ["-1", "1e300", "99999999999999999999", "inf", "nan", "0", "x"])
def test_no_python_in_any_error(tmp_path, name, value):
    """Whatever number an option gets, the answer is a run or a sentence in options."""
    kind, metavar, _ = cli._FIELDS[name]
    values = [] if kind is bool else [value] * len(metavar.split())
    arguments = ["preview", "--versions", 1, "--size", 9, "--out", tmp_path / "sheet.png"]
    result = run(*arguments, option_of(name), *values, *NEEDED.get(name, []))
    assert result.exit_code in (0, 2), result.exception
    error = " ".join(result.stderr.split()).partition("Error: ")[2]
    error = error.replace(f"'{value}' is not a valid", "what was given is not a valid")  # Some versions of Typer.
    assert not PYTHON.search(error), error
    assert (error == "") == (result.exit_code == 0)


def test_help_of_the_package(run_python):
    """``python -m dustaug`` shows the commands."""
    assert "preview" in run_python("import runpy, sys; sys.argv = ['x', '--help']; runpy.run_module('dustaug')")
