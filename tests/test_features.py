"""For every feature of dustaug, docs/features.md links a test that exists."""

import ast
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "features.md").read_text("utf-8")
LINK = re.compile(r"\[`(\w+)`\]\((\.\./tests/[\w/]+\.py)\)")
PROOFS = sorted(set(LINK.findall(PAGE)))


def functions_of(path):
    """Return the names of all functions in a file."""
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def rows_of(page):
    """Return the first cells of rows in which dustaug has the feature."""
    rows, ours = [], False
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        ours = bool(cells) and (ours or cells[1] == "dustaug")
        if ours and cells[0].strip("-") and cells[1] != "no":
            rows.append(cells[0].lower())
    return rows


def claims_of(page):
    """Return what is in bold in the items of lists, and the links after it."""
    items = re.findall(r"^- .*(?:\n  .*)*", page, re.MULTILINE)
    parts = [part for item in items for part in re.findall(r"\*\*([^*]+)\*\*([^*]*)", item)]
    return {" ".join(claim.split()).lower(): LINK.findall(rest) for claim, rest in parts}


ROWS, CLAIMS = rows_of(PAGE), claims_of(PAGE)


def test_there_are_proofs():
    """The reader of the page finds rows and links."""
    assert len(PROOFS) > 40
    assert len(ROWS) > 30


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_proved(row):
    """A row begins with a claim that is in bold below its table and has links to tests."""
    assert any(row.startswith(claim) and links for claim, links in CLAIMS.items())


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_is_a_row(claim):
    """Every claim in bold belongs to a row."""
    assert any(row.startswith(claim) for row in ROWS)


@pytest.mark.parametrize(("name", "file"), PROOFS)
def test_every_proof_exists(name, file):
    """A linked test is in the file that the link names."""
    assert name in functions_of(DOCS / file)
