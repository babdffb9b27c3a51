"""The documentation site builds without a warning, and loads nothing from other servers."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "dustaug"
# A browser fetches these by itself.
FETCHED = re.compile(r"<(?:img|script|iframe|source|video)\b[^>]*\bsrc=\"([^\"]*)\"|<link\b[^>]*\bhref=\"([^\"]*)\"")


def public_names():
    """Return the full names in every `__all__` of the package, as users import them; the command line is no API."""
    trees = {
        path.relative_to(PACKAGE).with_suffix("").as_posix().removesuffix("/__init__"): ast.parse(
            path.read_text(encoding="utf-8")
        )
        for path in PACKAGE.rglob("*.py")
    }
    # Names that the package itself re-exports are looked for there.
    reexported = {node.module for node in trees["__init__"].body if isinstance(node, ast.ImportFrom)}
    names = set()
    for module, tree in trees.items():
        if module == "__init__" or not (module.startswith("_") or "/_" in module or module == "cli"):
            (exported,) = (
                ast.literal_eval(node.value)
                for node in tree.body
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            )
            prefix = "dustaug" if module == "__init__" or module in reexported else f"dustaug.{module}"
            names |= {f"{prefix}.{name}" for name in exported}
    return names - {"dustaug.__version__"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    finished = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return folder, finished


def test_builds_without_a_warning(site):
    """Neither MkDocs nor mkdocstrings warns."""
    _, finished = site

    assert finished.returncode == 0, finished.stderr
    assert [line for line in finished.stderr.splitlines() if not line.startswith("INFO")] == []


def test_every_page_is_there(site):
    """Each page of the docs becomes a page of the site."""
    folder, _ = site
    expected = {"index.html"} | {f"{page.stem}/index.html" for page in (ROOT / "docs").glob("*.md")} - {
        "index/index.html"
    }

    assert expected <= {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}


def test_what_is_shown_can_be_read():
    """No picture is squeezed into a table, and on a desktop a line of code breaks where the column ends."""
    cells = [
        line for page in (ROOT / "docs").glob("*.md") for line in page.read_text("utf-8").splitlines() if "![" in line
    ]
    style = re.sub(r"\s+", " ", (ROOT / "docs" / "style.css").read_text("utf-8"))

    assert [line for line in cells if line.startswith("|")] == []
    assert len(cells) > 30
    wide = style.partition("@media screen and (min-width: 60em) { .md-typeset pre > code {")[2].partition("}")[0]
    assert wide == " overflow-wrap: anywhere; white-space: pre-wrap; "


def test_nothing_comes_from_elsewhere(site):
    """Pages fetch no font, script or picture from another server."""
    folder, _ = site
    fetched = {
        (path.name, target)
        for path in folder.rglob("*.html")
        for found in FETCHED.findall(path.read_text(encoding="utf-8"))
        for target in found
        if re.match(r"(?:https?:)?//", target)
    }
    styles = [path for path in folder.rglob("*.css") if re.search(r"url\(\s*['\"]?(?:https?:)?//", path.read_text())]

    assert fetched == set()
    assert styles == []


def test_reference_is_complete(site):
    """The reference has everything public, with its arguments, though no framework was imported."""
    folder, _ = site
    reference = (folder / "api" / "index.html").read_text(encoding="utf-8")
    members = {"dustaug.Spec.replace", "dustaug.DustStream.state_dict", "dustaug.Rectangles.mask"}

    assert sorted(name for name in public_names() | members if f'id="{name}"' not in reference) == []
    assert ":func:" not in reference
    assert ":class:" not in reference


def test_the_reference_names_what_is_public():
    """Each public name has its line in the page, and nothing else has one."""
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^::: (\S+)$", page, re.MULTILINE)) == public_names()
    assert {"dustaug.torch.add_dust", "dustaug.add_dust", "dustaug.index_of", "dustaug.ray.DustBatch"} <= public_names()


def test_the_root_is_shown(site):
    """The site shows the changelog and the contributor's page of the root, with links that lead to pages."""
    folder, _ = site

    assert "Keep a Changelog" in (folder / "changelog" / "index.html").read_text(encoding="utf-8")
    contributing = (folder / "contributing" / "index.html").read_text(encoding="utf-8")
    assert "The contract" in contributing
    assert 'href="../determinism/"' in contributing
