"""Every block of Python in the README and the docs runs."""

import importlib.util
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from sybil import Sybil
from sybil.evaluators.doctest import DocTestEvaluator
from sybil.evaluators.python import PythonEvaluator
from sybil.example import SybilFailure
from sybil.parsers.abstract.doctest import DocTestStringParser
from sybil.parsers.markdown import CodeBlockParser

from adapter_table import ADAPTERS, FRAMEWORKS
from dustaug._engine import kernels

ROOT = Path(__file__).parent.parent
NEEDS = FRAMEWORKS | {name: adapter.imports + adapter.page_needs for name, adapter in ADAPTERS.items()}
# The examples of these pages run in test_pipelines.py and test_ray_cluster.py.
ELSEWHERE = {"pipelines", "ray"}


def lacks(name):
    """Tell whether a package that a page or a module needs is not installed."""
    return any(importlib.util.find_spec(package) is None for package in NEEDS.get(name, ()))


DOCS = sorted(page for page in (ROOT / "docs").rglob("*.md") if page.stem not in ELSEWHERE)
PAGES = [ROOT / "README.md", *(page for page in DOCS if not lacks(page.stem))]
SESSIONS = DocTestStringParser(DocTestEvaluator())
IMPORT = re.compile(r"^(?:>>> |\.\.\. )?\s*(?:import|from) (?:dustaug\.)?(\w+)", re.MULTILINE)


def missing(source):
    """Tell whether a block imports a framework that is not installed."""
    return any(lacks(name) for name in IMPORT.findall(source))


def parse_blocks(document):
    """Find the blocks of Python, and the sessions with their output."""
    for parser in (CodeBlockParser("python", PythonEvaluator()), CodeBlockParser("pycon")):
        for block in parser(document):
            if missing(block.parsed):
                continue
            if block.parsed.startswith(">>>"):
                for example in SESSIONS(block.parsed, document.path):
                    example.adjust(block, block.parsed)
                    yield example
            else:
                yield block


def examples_of(page):
    return list(Sybil(parsers=[parse_blocks], patterns=["*.md"]).parse(page).examples())


# Keras asks its tensors for arrays in a way that NumPy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page, tmp_path, monkeypatch):
    """The blocks of a page run one after another, and sessions print what they show."""
    monkeypatch.chdir(tmp_path)
    for example in examples_of(page):
        example.evaluate()


def text_of(page):
    """Return the blocks that are neither run nor highlighted."""
    return re.findall(r"^ *```text\n(.*?)^ *```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [ROOT / "README.md", *(ROOT / "docs").glob("*.md")], ids=lambda page: page.name)
def test_no_python_stands_as_text(page):
    """A block that is marked as text is not Python."""
    for block in text_of(page):
        with pytest.raises(SyntaxError):
            compile(block, page.name, "exec")


ONE_LINERS = [re.split(r" {2,}", line) for line in text_of(ROOT / "README.md")[0].splitlines()]


@pytest.mark.parametrize(("use", "source"), ONE_LINERS)
def test_the_one_liners_of_the_readme(use, source):
    """Each line is Python, imports the name that it uses, and the import works."""
    compile(use.replace("…", "..."), "README.md", "exec")
    name = source.rpartition(" ")[2]

    assert re.search(rf"\b{name}\b", use)
    if not missing(source):
        exec(source, {})  # noqa: S102


def test_the_warning_of_a_broken_cache_is_the_real_one():
    """The page shows the warning word by word.

    A block cannot show it, as it comes where a process starts; test_cache.py provokes it.
    """
    shown = re.search(r"^ *RuntimeWarning: (.*)$", (ROOT / "docs" / "gotchas.md").read_text("utf-8"), re.MULTILINE)[1]
    cache = SimpleNamespace(cache_path=re.search(r" at (\S+) ", shown)[1])
    with pytest.warns(RuntimeWarning) as caught:
        kernels._SafeCache._report(cache, "read", EOFError("Ran out of input"))

    assert shown == str(caught[0].message)


def test_there_are_examples():
    """The parser finds blocks and sessions."""
    assert len(examples_of(ROOT / "README.md")) >= 2
    assert len(examples_of(ROOT / "docs" / "gotchas.md")) >= 20


def test_examples_can_fail(tmp_path):
    """A session that prints something else than it shows is noticed."""
    page = tmp_path / "page.md"
    page.write_text("```pycon\n>>> 1 + 1\n3\n```\n")

    with pytest.raises(SybilFailure, match="Expected:\n    3\nGot:\n    2"):
        examples_of(page)[0].evaluate()
