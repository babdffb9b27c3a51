"""Every link between the README, the docs and the changelog leads somewhere, and every page can be found."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *DOCS]
CODE = re.compile(r"^ *(```|~~~).*?^ *\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(page):
    """Return a page's links that lead to files, as (path, anchor)."""
    targets = LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    found = [target.partition("#") for target in targets if not re.match("[a-z]+:", target)]
    return [((page.parent / path).resolve() if path else page, anchor) for path, _, anchor in found]


def anchors(page):
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8")), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).strip() for heading in headings]
    return {re.sub(r"[-\s]+", "-", heading) for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Each linked file and heading exists."""
    broken = [
        f"{path.relative_to(ROOT)}#{anchor}"
        for path, anchor in links(page)
        if not path.exists() or (anchor and anchor not in anchors(path))
    ]

    assert broken == []


def test_links_are_found():
    """The reader of links finds links, and those that are broken."""
    found = links(ROOT / "README.md")

    assert len(found) > 10
    assert (ROOT / "docs" / "images" / "dust.jpg", "") in found
    assert "choosing-the-coordinates" in anchors(ROOT / "docs" / "determinism.md")


def test_pages_are_in_the_navigation():
    """The navigation lists every page."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]

    assert sorted(re.findall(r"^ +- .*: (\S+\.md)$", navigation, re.MULTILINE)) == [page.name for page in DOCS]


def test_pictures_are_shown():
    """A page shows every picture in the docs, except the mark and those that only benchmarks.plots needs."""
    shown = {path for page in PAGES for path, _ in links(page)}
    unshown = re.compile("logo|bench_")
    pictures = {path for path in (ROOT / "docs" / "images").rglob("*.*") if not unshown.match(path.name)}

    assert sorted(pictures - shown) == []


def test_pictures_are_light():
    """All pictures together have less than 8.5 megabytes."""
    assert sum(path.stat().st_size for path in (ROOT / "docs" / "images").rglob("*.*")) < 8.5e6


def test_first_page_and_readme_agree():
    """The README holds the commands and promises of the site's first page word by word.

    Its list of frameworks imports what the tabs of the first page import.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    said = re.findall(r"^```\w+\n.*?^```$|^> .*?\n\n", first, re.MULTILINE | re.DOTALL)
    imported = set(re.findall(r"^ +(from dustaug\.\w+ import \w+)$", first, re.MULTILINE))

    assert len(said) == 3
    assert [text for text in said if text.strip() not in readme] == []
    assert len(imported) == 7
    assert [line for line in imported if line not in readme] == []
