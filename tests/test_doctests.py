"""The examples of all docstrings run."""

import doctest
import importlib
import pkgutil

import pytest

import dustaug
import examples
from conftest import missing_framework

MODULES = [
    package.__name__ + name
    for package in (dustaug, examples)
    for name in ("", *(f".{module.name}" for module in pkgutil.iter_modules(package.__path__)))
]


@pytest.mark.parametrize("name", [name for name in MODULES if not missing_framework(name.rpartition(".")[2])])
def test_docstring_examples_run(name, tmp_path, monkeypatch):
    """Each module's examples print what they show."""
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)

    assert result.failed == 0


def test_public_names_have_examples():
    """Everything public shows how to call it."""
    for name in set(dustaug.__all__) - {"__version__"}:
        assert ">>>" in getattr(dustaug, name).__doc__, name
