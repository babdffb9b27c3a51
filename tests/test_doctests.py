"""The examples of all docstrings run."""

import doctest
import importlib

import pytest

import dustaug
import examples
from conftest import missing_framework, modules_of

MODULES = [name for package in (dustaug, examples) for name in modules_of(package) if not name.endswith("__main__")]


@pytest.mark.parametrize("name", [name for name in MODULES if not missing_framework(name.partition(".")[2])])
def test_docstring_examples_run(name, tmp_path, monkeypatch):
    """Each module's examples print what they show."""
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)

    assert result.failed == 0


def test_public_names_have_examples():
    """Every public name has an example of its use."""
    for name in set(dustaug.__all__) - {"__version__"}:
        assert ">>>" in getattr(dustaug, name).__doc__, name
