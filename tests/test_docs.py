"""Every block of Python in the README and the docs runs."""

from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from conftest import missing_framework

ROOT = Path(__file__).parent.parent
# What the page on Keras shows needs TensorFlow too.
NEEDS = {"keras": "keras_data"}
# These run in tests of their own, test_pipelines.py and test_ray_cluster.py.
ELSEWHERE = {"pipelines", "ray"}
DOCS = sorted(page for page in (ROOT / "docs").rglob("*.md") if page.stem not in ELSEWHERE)
PAGES = [ROOT / "README.md", *(page for page in DOCS if not missing_framework(NEEDS.get(page.stem, page.stem)))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page, tmp_path, monkeypatch):
    """The blocks of a page run one after another, as a reader would type them."""
    monkeypatch.chdir(tmp_path)
    document = Sybil(parsers=[PythonCodeBlockParser()], patterns=["*.md"]).parse(page)
    for example in document.examples():
        example.evaluate()


def test_there_are_examples():
    """The parser finds what it looks for."""
    parser = Sybil(parsers=[PythonCodeBlockParser()], patterns=["*.md"])

    assert len(list(parser.parse(ROOT / "README.md").examples())) >= 2
