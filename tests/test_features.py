"""The page of features names, for everything that dustaug does, tests that exist."""

import ast
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "features.md").read_text("utf-8")
LINK = re.compile(r"\[`(\w+)`\]\((\.\./tests/[\w/]+\.py)\)")
PROOFS = sorted(set(LINK.findall(PAGE)))


def functions_of(path):
    """Names of all functions in a file."""
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def rows_of(page):
    """First cells of the tables with a column of ours, where it says something else than no."""
    rows, ours = [], False
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        ours = bool(cells) and (ours or cells[1] == "dustaug")
        if ours and cells[0].strip("-") and cells[1] != "no":
            rows.append(cells[0].lower())
    return rows


def claims_of(page):
    """What stands in bold in the items of lists, and the links that follow it."""
    items = re.findall(r"^- .*(?:\n  .*)*", page, re.MULTILINE)
    parts = [part for item in items for part in re.findall(r"\*\*([^*]+)\*\*([^*]*)", item)]
    return {" ".join(claim.split()).lower(): LINK.findall(rest) for claim, rest in parts}


ROWS, CLAIMS = rows_of(PAGE), claims_of(PAGE)


def test_there_are_proofs():
    """The page is read."""
    assert len(PROOFS) > 40
    assert len(ROWS) > 30


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_proved(row):
    """A row of ours begins with what stands in bold below the table, with tests behind it."""
    assert any(row.startswith(claim) and links for claim, links in CLAIMS.items())


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_is_a_row(claim):
    """What is proved is claimed."""
    assert any(row.startswith(claim) for row in ROWS)


@pytest.mark.parametrize(("name", "file"), PROOFS)
def test_every_proof_exists(name, file):
    """A test that is named on the page stands where the page says."""
    assert name in functions_of(DOCS / file)
