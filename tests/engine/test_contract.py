"""The contract stands in one place: its text in the docs is a copy, and its numbers have no copy."""

import ast
import operator
import re
import sys
from pathlib import Path

import pytest

import dustaug
from conftest import TESTS
from dustaug._engine import contract

PACKAGE = Path(dustaug.__file__).parent
HOME = Path(contract.__file__)
PHILOX = (*contract.PHILOX_MULTIPLIERS, *contract.PHILOX_WEYL)
BLOCKS = (contract.SIZE_BLOCK, contract.COLOR_BLOCK, contract.NOISE_BLOCK)

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.BitOr: operator.or_,
}


def value_of(node):
    """Return the whole number that an expression of literals is, or None."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if not isinstance(node, ast.BinOp) or type(node.op) not in OPERATORS:
        return None
    left, right = value_of(node.left), value_of(node.right)
    if left is None or right is None or not 0 <= right <= 2**32:
        return None
    if isinstance(node.op, (ast.Pow, ast.LShift)) and right > 128:
        return None
    return OPERATORS[type(node.op)](left, right)


def numbers_in(node):
    """Return the whole numbers of a program: ``2**31 - 1`` is one number, and not 2, 31 and 1."""
    number = value_of(node)
    if number is not None:
        return {number}
    return set().union(*map(numbers_in, ast.iter_child_nodes(node)))


SOURCES = sorted(PACKAGE.rglob("*.py"))


def test_the_numbers_are_those_of_the_text():
    """The docstring of the contract names the constants of Philox as they are."""
    assert [f"0x{number:X}" for number in PHILOX] == ["0xD2511F53", "0xCD9E8D57", "0x9E3779B9", "0xBB67AE85"]
    assert all(f"0x{number:X}" in contract.__doc__ for number in PHILOX)
    assert (contract.HEADER_BLOCK, contract.OBJECT_BLOCK, *BLOCKS) == (0, 2**28, 2**29, 2**30, 2**31)
    assert (contract.PHILOX_ROUNDS, contract.SIZE_BLOCKS_PER_RECTANGLE) == (10, 8)
    assert (contract.COLOR_BLOCKS_PER_RECTANGLE, contract.MAX_COLOR_CHANNELS) == (256, 1024)
    assert (contract.MAX_NOISE_BYTES, contract.MAX_NOISE_HALVES) == (2**35, 2**34)


def test_the_curves_and_tries_are_those_of_the_text():
    """Rows, units and limits of sizes and places are as the text says."""
    assert (contract.QUANTILE_OCTAVES, 2**contract.QUANTILE_ROW_BITS, contract.QUANTILE_BITS) == (31, 32, 29)
    assert (2**contract.LOG_ROW_BITS, contract.LOG_BITS) == (64, 24)
    assert (2**contract.POWER_ROW_BITS, contract.POWER_BIAS) == (64, 128)
    assert (contract.FRACTION_BITS, contract.HALF_WORD, contract.SHAPE_BITS) == (31, 2**31, 15)
    assert (contract.AREA_TRIES, contract.AREA_BITS) == (10, 30)
    assert (contract.MAX_AREA_SCALE, contract.MAX_LOG_ASPECT) == (36, 96)
    assert (contract.MEAN_BITS, contract.MEAN_LIMIT_BITS) == (32, 46)
    assert 2 * contract.AREA_TRIES <= 4 * contract.SIZE_BLOCKS_PER_RECTANGLE


def test_no_two_rectangles_share_a_block():
    """The blocks of up to 65,535 rectangles and objects, of their sizes, colours and noise lie apart."""
    last = 2**16 - 1

    assert last < contract.OBJECT_BLOCK
    assert contract.OBJECT_BLOCK + last < contract.SIZE_BLOCK
    assert contract.SIZE_BLOCK + contract.SIZE_BLOCKS_PER_RECTANGLE * (last + 1) <= contract.COLOR_BLOCK
    assert contract.COLOR_BLOCK + contract.COLOR_BLOCKS_PER_RECTANGLE * (last + 1) <= contract.NOISE_BLOCK


def test_the_search_finds_numbers():
    """Hexadecimals, shifts and powers are found, and a number within a larger expression of literals is not."""
    assert {*PHILOX, *BLOCKS} <= numbers_in(ast.parse(HOME.read_text("utf-8")))
    assert numbers_in(ast.parse("f(1 << 30, x + 2**31, [0x40000000 | 5], 2**31 - 1)")) == {
        2**30,
        2**31,
        2**30 + 5,
        2**31 - 1,
    }


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_the_numbers_stand_nowhere_else(file):
    """Every backend imports the constants: none of them stands in another file, in whatever form."""
    found = numbers_in(ast.parse(file.read_text("utf-8"))) & {*PHILOX, *BLOCKS}

    assert found == ({*PHILOX, *BLOCKS} if file == HOME else set())


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_the_numbers_of_philox_are_not_in_texts_either(file):
    """Nor do they stand in strings, such as code for another compiler, or in comments."""
    text = file.read_text("utf-8").replace("_", "").lower()
    found = {number for number in PHILOX if f"{number:x}" in text or re.search(rf"\b{number}\b", text)}

    assert found == (set(PHILOX) if file == HOME else set())


def test_the_docs_show_the_contract():
    """docs/determinism.md holds the docstring of the contract between two markers, word for word."""
    page = (TESTS.parent / "docs" / "determinism.md").read_text("utf-8")
    begin, end = "<!-- contract: begin -->", "<!-- contract: end -->"

    assert (page.count(begin), page.count(end)) == (1, 1)
    assert page.partition(begin)[2].partition(end)[0].strip() == contract.__doc__.strip()


def test_the_page_reads_as_it_is_written():
    """No line begins with a sign that Markdown would take for a quotation, and no code is broken over two lines."""
    lines = contract.__doc__.replace("```", "").splitlines()

    assert [line for line in lines if line.lstrip().startswith(">")] == []
    assert [line for line in lines if line.count("``") % 2] == []


def test_the_twin_imports_nothing_of_the_package():
    """The slow twin needs Python and NumPy only: neither dustaug, nor a helper of the tests that may import it."""
    tree = ast.parse((TESTS / "reference.py").read_text("utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("." * node.level + (node.module or "").partition(".")[0])

    assert "numpy" in imported
    assert imported <= {"numpy", *sys.stdlib_module_names} - {"importlib", "runpy", "subprocess"}
    assert "__import__" not in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
