"""What `python -m build` made: the wheel and the sdist in the folder that DUSTAUG_TEST_BUILT names."""

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
    """Return the files of the clone, or of the unpacked sdist, in folders."""
    files = [path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {
        path.as_posix() for path in files if path.suffix not in (".pyc", ".pyo") and "__pycache__" not in path.parts
    }


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
    """The version stands in one place, and everything agrees with it."""

    def test_files(self):
        """A pure wheel for every Python 3, an sdist, and nothing else to upload."""
        assert {path.name for path in Path(BUILT).iterdir()} == {
            f"dustaug-{VERSION}-py3-none-any.whl",
            f"dustaug-{VERSION}.tar.gz",
        }

    def test_changelog(self):
        """The newest version with a date is this one; a version under work has none yet."""
        headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

        assert headings[0] == "Unreleased"
        if "dev" not in VERSION:
            assert re.fullmatch(re.escape(VERSION) + r" — \d{4}-\d\d-\d\d", headings[1])

    def test_citation(self):
        """CITATION.cff cites it."""
        assert f"\nversion: {VERSION}\n" in (ROOT / "CITATION.cff").read_text()


class TestWheel:
    """What is installed."""

    def test_contents(self, wheel):
        """The package with its types, its photograph and the examples: no test, benchmark or page of the docs."""
        package = {name.removeprefix("src/") for name in tracked("src/dustaug")}
        examples = {f"dustaug/{name}" for name in tracked("examples")}
        info = {f"{INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")}

        assert set(wheel.namelist()) == package | examples | info
        assert {"dustaug/py.typed", "dustaug/photos/coffee.jpg", "dustaug/examples/guitar_classifier.py"} <= set(
            wheel.namelist()
        )

    def test_contents_are_those_of_the_sources(self, wheel):
        """Byte for byte."""
        for name in tracked("src/dustaug"):
            assert wheel.read(name.removeprefix("src/")) == (ROOT / name).read_bytes()
        assert wheel.read(f"{INFO}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()

    def test_it_is_small(self, wheel):
        """Nobody waits for pictures of the docs."""
        assert sum(file.compress_size for file in wheel.infolist()) < 500_000

    def test_command(self, wheel):
        """One command is installed."""
        entries = configparser.ConfigParser()
        entries.read_string(wheel.read(f"{INFO}/entry_points.txt").decode())

        assert {section: dict(entries[section]) for section in entries.sections()} == {
            "console_scripts": {"dustaug": "dustaug.cli:main"}
        }


class TestMetadata:
    """What pip reads, and the index shows."""

    def test_facts(self, metadata):
        """Name, version, license and Python."""
        assert metadata["Name"] == "dustaug"
        assert metadata["Version"] == VERSION
        assert metadata["License-Expression"] == "MIT"
        assert metadata.get_all("License-File") == ["LICENSE"]
        assert metadata["Requires-Python"] == PROJECT["requires-python"] == ">=3.10"
        assert metadata["Summary"] == PROJECT["description"]
        assert "Typing :: Typed" in metadata.get_all("Classifier")

    def test_requirements(self, metadata):
        """NumPy and Numba without an extra, and everything else with one."""
        plain = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]

        assert {re.match("[a-z]+", line)[0] for line in plain} == {"numba", "numpy"}

    def test_extras(self, metadata):
        """All that pyproject.toml declares, and each brings something."""
        extras = set(metadata.get_all("Provides-Extra"))

        assert extras == set(PROJECT["optional-dependencies"])
        for extra in extras:
            assert any(line.endswith(f"extra == '{extra}'") for line in metadata.get_all("Requires-Dist")), extra

    def test_description_is_the_readme(self, metadata):
        """With other links, and otherwise word for word."""
        assert metadata["Description-Content-Type"] == "text/markdown"
        assert "```python\nimport numpy as np\nfrom dustaug import add_dust\n" in metadata.get_payload()

    def test_links_lead_somewhere(self, metadata):
        """None is relative: the index has no files for them to lead to."""
        links = re.findall(r"\]\(([^)]+)\)", metadata.get_payload())

        assert [link for link in links if not link.startswith("https://")] == []

    def test_links_lead_to_the_version(self, metadata):
        """Into the repository that the workflow runs in, or, where none is known, nowhere."""
        urls = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
        links = re.findall(r"\]\(([^)]+)\)", metadata.get_payload())
        if REPOSITORY:
            assert urls["Source"] == REPOSITORY
            assert f"{REPOSITORY}/raw/v{VERSION}/docs/images/dust.jpg" in links
            assert f"{REPOSITORY}/blob/v{VERSION}/docs/specs.md" in links
        else:
            assert (urls, links) == ({}, [])


class TestSdist:
    """What distributors build from and test."""

    def test_contents(self, sdist):
        """All sources, tests, benchmarks and docs, and the files of the root: not one more."""
        root = {path.name for path in ROOT.iterdir() if path.suffix in (".md", ".cff", ".toml", ".yml")}
        root |= {"LICENSE", "PKG-INFO", "hatch_build.py", ".gitignore"}
        expected = tracked("src", "tests", "benchmarks", "docs", "examples") | root

        assert {str(PurePosixPath(name).relative_to(TOP)) for name in sdist.getnames()} == expected

    def test_its_tests_run(self, sdist, tmp_path):
        """The tests of the pixels pass in the unpacked sdist, on its own sources."""
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
