"""The page of features names tests that exist."""

import ast
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PROOFS = sorted(set(re.findall(r"\[`(\w+)`\]\((\.\./tests/\w+\.py)\)", (DOCS / "features.md").read_text("utf-8"))))


def functions_of(path):
    """Names of all functions in a file."""
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def test_there_are_proofs():
    """The page is read."""
    assert len(PROOFS) > 20


@pytest.mark.parametrize(("name", "file"), PROOFS)
def test_every_proof_exists(name, file):
    """A test that is named on the page stands where the page says."""
    assert name in functions_of(DOCS / file)
