"""The wheel and the sdist that `python -m build` made are right.

They lie in the folder that DUSTAUG_TEST_BUILT names.
"""

import configparser
import email
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
import tomllib

from conftest import BUILT

ROOT = Path(__file__).parent.parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "src" / "dustaug" / "_version.py").read_text())[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
INFO = f"dustaug-{VERSION}.dist-info"
TOP = PurePosixPath(f"dustaug-{VERSION}")
REPOSITORY = os.environ.get("DUSTAUG_REPOSITORY_URL", "")


def tracked(*folders):
    """Return the files of the clone, or of the unpacked sdist, that lie in folders."""
    files = [path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {
        path.as_posix() for path in files if path.suffix not in (".pyc", ".pyo") and "__pycache__" not in path.parts
    }


def page():
    """Return the files of the page of `dustaug explore`, without what writes them, by their names in the wheel."""
    names = (name for name in tracked("docs/explore") if not name.endswith(".py"))
    return {f"dustaug/cli/explore/{PurePosixPath(name).name}": name for name in names}


@pytest.fixture(scope="module")
def wheel():
    """Open the only wheel."""
    (path,) = Path(BUILT).glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def sdist():
    """Open the only sdist."""
    (path,) = Path(BUILT).glob("*.tar.gz")
    with tarfile.open(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def metadata(wheel):
    """Parse what the index shows and pip reads."""
    return email.message_from_bytes(wheel.read(f"{INFO}/METADATA"))


class TestNames:
    """Everything agrees with the one place that holds the version."""

    def test_files(self):
        """The build made a pure wheel for every Python 3 and an sdist, and nothing else."""
        assert {path.name for path in Path(BUILT).iterdir()} == {
            f"dustaug-{VERSION}-py3-none-any.whl",
            f"dustaug-{VERSION}.tar.gz",
        }

    def test_changelog(self):
        """The newest dated version of the changelog is this one; a version in work has no date yet."""
        headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

        assert headings[0] == "Unreleased"
        if "dev" not in VERSION:
            assert re.fullmatch(re.escape(VERSION) + r" — \d{4}-\d\d-\d\d", headings[1])

    def test_citation(self):
        """CITATION.cff names this version."""
        assert f"\nversion: {VERSION}\n" in (ROOT / "CITATION.cff").read_text()


class TestWheel:
    """The wheel installs what it should."""

    def test_contents(self, wheel):
        """The wheel holds the package, its types, photograph, examples and explorer, and no test or other page."""
        package = {name.removeprefix("src/") for name in tracked("src/dustaug")}
        examples = {f"dustaug/{name}" for name in tracked("examples")}
        info = {f"{INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")}

        assert set(wheel.namelist()) == package | examples | set(page()) | info
        assert {"dustaug/py.typed", "dustaug/photos/coffee.jpg", "dustaug/examples/guitar_classifier.py"} <= set(
            wheel.namelist()
        )
        assert {"dustaug/cli/explore/index.html", "dustaug/cli/explore/dustaug.js"} <= set(wheel.namelist())

    def test_contents_are_those_of_the_sources(self, wheel):
        """Each file of the wheel has the bytes of its source."""
        for name in tracked("src/dustaug"):
            assert wheel.read(name.removeprefix("src/")) == (ROOT / name).read_bytes()
        for name, source in page().items():
            assert wheel.read(name) == (ROOT / source).read_bytes()
        assert wheel.read(f"{INFO}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()

    def test_it_is_small(self, wheel):
        """The wheel holds no pictures of the docs but the three of the explorer."""
        assert sum(file.compress_size for file in wheel.infolist()) < 1_100_000

    def test_command(self, wheel):
        """The wheel installs one command."""
        entries = configparser.ConfigParser()
        entries.read_string(wheel.read(f"{INFO}/entry_points.txt").decode())

        assert {section: dict(entries[section]) for section in entries.sections()} == {
            "console_scripts": {"dustaug": "dustaug.cli:main"}
        }


class TestMetadata:
    """The metadata, which pip reads and the index shows, are right."""

    def test_facts(self, metadata):
        """Name, version, license and Python are right."""
        assert metadata["Name"] == "dustaug"
        assert metadata["Version"] == VERSION
        assert metadata["License-Expression"] == "MIT"
        assert metadata.get_all("License-File") == ["LICENSE"]
        assert metadata["Requires-Python"] == PROJECT["requires-python"] == ">=3.10"
        assert metadata["Summary"] == PROJECT["description"]
        assert "Typing :: Typed" in metadata.get_all("Classifier")

    def test_requirements(self, metadata):
        """Without an extra, only NumPy and Numba are required."""
        plain = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]

        assert {re.match("[a-z]+", line)[0] for line in plain} == {"numba", "numpy"}

    def test_extras(self, metadata):
        """All extras of pyproject.toml are declared, and each requires something."""
        extras = set(metadata.get_all("Provides-Extra"))

        assert extras == set(PROJECT["optional-dependencies"])
        for extra in extras:
            assert any(line.endswith(f"extra == '{extra}'") for line in metadata.get_all("Requires-Dist")), extra

    def test_description_is_the_readme(self, metadata):
        """The description is the README word for word, except for its links."""
        assert metadata["Description-Content-Type"] == "text/markdown"
        assert "```python\nimport numpy as np\nfrom dustaug import add_dust\n" in metadata.get_payload()

    def test_links_lead_somewhere(self, metadata):
        """No link is relative, as the index has no files for it."""
        links = re.findall(r"\]\(([^)]+)\)", metadata.get_payload())

        assert [link for link in links if not link.startswith("https://")] == []

    def test_links_lead_to_the_version(self, metadata):
        """Links lead into the repository of the workflow; without one there are none."""
        urls = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
        links = re.findall(r"\]\(([^)]+)\)", metadata.get_payload())
        if REPOSITORY:
            assert urls["Source"] == REPOSITORY
            assert f"{REPOSITORY}/raw/v{VERSION}/docs/images/dust.jpg" in links
            assert f"{REPOSITORY}/blob/v{VERSION}/docs/specs.md" in links
        else:
            assert (urls, links) == ({}, [])


class TestSdist:
    """The sdist is complete enough to be built and tested by distributors."""

    def test_contents(self, sdist):
        """The sdist holds all sources, tests, benchmarks, docs and files of the root, and nothing more."""
        root = {path.name for path in ROOT.iterdir() if path.suffix in (".md", ".cff", ".toml", ".yml")}
        root |= {"LICENSE", "PKG-INFO", "hatch_build.py", ".gitignore"}
        expected = tracked("src", "tests", "benchmarks", "docs", "examples") | root

        assert {str(PurePosixPath(name).relative_to(TOP)) for name in sdist.getnames()} == expected

    def test_its_tests_run(self, sdist, tmp_path):
        """The tests of the pixels pass in the unpacked sdist, with its own sources."""
        sdist.extractall(tmp_path, filter="data")
        top = tmp_path / TOP
        program = (
            "import pathlib, sys, pytest, dustaug; assert pathlib.Path(dustaug.__file__).is_relative_to(sys.argv[1])"
        )
        program += "; sys.exit(pytest.main(['-p', 'no:cacheprovider', *sys.argv[2:]]))"
        done = subprocess.run(
            [sys.executable, "-c", program, top, "tests/test_pixels.py", "tests/test_spec.py", "tests/test_imports.py"],
            cwd=top,
            env={**os.environ, "PYTHONPATH": str(top / "src")},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(r"\d+ passed", done.stdout)
