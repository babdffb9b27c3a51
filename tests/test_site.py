"""The documentation site builds without a warning, and needs nothing from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# What a browser fetches by itself.
FETCHED = re.compile(r"<(?:img|script|iframe|source|video)\b[^>]*\bsrc=\"([^\"]*)\"|<link\b[^>]*\bhref=\"([^\"]*)\"")


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
    """Neither MkDocs nor mkdocstrings has anything to complain of."""
    _, finished = site

    assert finished.returncode == 0, finished.stderr
    assert [line for line in finished.stderr.splitlines() if not line.startswith("INFO")] == []


def test_every_page_is_there(site):
    """Each page of the docs becomes one of the site."""
    folder, _ = site
    expected = {"index.html"} | {f"{page.stem}/index.html" for page in (ROOT / "docs").glob("*.md")} - {
        "index/index.html"
    }

    assert expected <= {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}


def test_nothing_comes_from_elsewhere(site):
    """Pages fetch no font, script or picture from another server: they are complete, and tell nobody who reads."""
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
    """Everything public stands in the reference, with its arguments, though no framework was imported."""
    folder, _ = site
    reference = (folder / "api" / "index.html").read_text(encoding="utf-8")
    names = ["add_dust", "DustStream", "Rectangles", "Spec", "Spec.replace", "cutout", "dust", "paint_rectangles"]
    names += ["random_erasing", "sample_rectangles", "warmup", "albumentations.DustRectangles", "keras.dust_flow"]
    names += ["keras.DustRectangles", "robustness.occlusion_curve", "robustness.occlusion_map", "tensorflow.dust_fn"]
    names += ["tensorflow.make_dust_fn", "torch.DustDataset", "torch.add_dust", "torchvision.DustRectangles"]

    assert [name for name in names if f'id="dustaug.{name}"' not in reference] == []
    assert ":func:" not in reference
    assert ":class:" not in reference


def test_the_root_is_shown(site):
    """Changelog and contributor's page are those of the root, and their links lead to pages."""
    folder, _ = site

    assert "Keep a Changelog" in (folder / "changelog" / "index.html").read_text(encoding="utf-8")
    contributing = (folder / "contributing" / "index.html").read_text(encoding="utf-8")
    assert "The rooms" in contributing
    assert 'href="../determinism/"' in contributing
