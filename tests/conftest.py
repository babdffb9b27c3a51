"""All tests share these fixtures, and the rule which test files are collected."""

import importlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from adapter_table import FRAMEWORKS

# Albumentations 2.0.8 asks the network for its newest version at import, and warns where there is none.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
# Keras chooses TensorFlow by default, even if it is not installed.
if importlib.util.find_spec("tensorflow") is None:
    os.environ.setdefault("KERAS_BACKEND", "torch" if importlib.util.find_spec("torch") else "jax")
# The tests have a cache of their own, since a stale one could hide a change of the kernels.
os.environ.setdefault("NUMBA_CACHE_DIR", tempfile.mkdtemp(prefix="dustaug-tests-"))

settings.register_profile(
    "dustaug", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("dustaug")

# For processes whose machine code dustaug keeps, where no test asks how fast it is: it takes three fifths of the time.
# Numba keeps no code of its own without optimizations.
UNOPTIMIZED = {"NUMBA_OPT": "0"}

TESTS = Path(__file__).parent
VECTORS = TESTS / "vectors"


def missing_framework(adapter):
    """Tell whether an adapter's framework is not installed."""
    return any(importlib.util.find_spec(package) is None for package in FRAMEWORKS.get(adapter, ()))


# .ci/run and the release workflow name here the folder that holds what `python -m build` made.
BUILT = os.environ.get("DUSTAUG_TEST_BUILT")
# .ci/run names here the folder Tests/images of Pillow's source distribution, which it fetches.
PILLOW_IMAGES = os.environ.get("DUSTAUG_TEST_PILLOW_IMAGES")


def adapter_of(test_file):
    """Return what a test file tests, as FRAMEWORKS names it: tests/graph/test_jax.py tests ``_graph.jax``."""
    *wing, name = test_file.relative_to(TESTS).with_suffix("").parts
    return ".".join([*(f"_{folder}" for folder in wing), name.removeprefix("test_")])


def pytest_ignore_collect(collection_path):
    """Leave out tests whose framework, built files or GPU are missing."""
    if collection_path.suffix != ".py" or not collection_path.is_relative_to(TESTS):
        return None
    adapter = adapter_of(collection_path)
    if adapter == "built":
        return None if BUILT else True
    if adapter == "pillow_images":
        return None if PILLOW_IMAGES else True
    if adapter == "ci":  # The sdist has tests, but neither .ci nor .github.
        return None if (TESTS.parent / ".ci").is_dir() and (TESTS.parent / "src").is_dir() else True
    if adapter == "_graph.program":
        return True if all(missing_framework(f"_graph.{name}") for name in ("tensorflow", "torch", "jax")) else None
    if adapter == "cuda":
        torch = importlib.util.find_spec("torch") and importlib.import_module("torch")
        return None if torch and torch.cuda.is_available() else True
    return True if missing_framework(adapter) else None


def pytest_report_header():
    """Say why a test file is left out that no missing framework explains."""
    return None if PILLOW_IMAGES else "tests/test_pillow_images.py is left out: DUSTAUG_TEST_PILLOW_IMAGES is not set"


def modules_of(package):
    """Return the full names of a package and of all modules in it, without importing any."""
    (root,) = map(Path, package.__path__)
    relative = sorted(file.relative_to(root.parent).with_suffix("") for file in root.rglob("*.py"))
    return [".".join(file.parts).removesuffix(".__init__") for file in relative]


required = os.environ.get("DUSTAUG_TEST_FRAMEWORKS", "").split()
if unavailable := [adapter for adapter in required if missing_framework(adapter)]:
    pytest.exit(f"DUSTAUG_TEST_FRAMEWORKS asks for {', '.join(unavailable)}: pip install them", returncode=1)


def pytest_sessionfinish(session):
    """Fail the run if a test was skipped."""
    if left_out(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if count := left_out(config):
        terminalreporter.write_line(f"{count} tests did not run to an end: no test may be skipped", red=True)


def left_out(config):
    """Count the tests that were skipped or expected to fail; with xdist, the master counts."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return sum(len(reporter.stats.get(outcome, ())) for outcome in ("skipped", "xfailed", "xpassed")) if reporter else 0


WITHOUT = """
import sys

class Nowhere:
    def find_spec(name, path=None, target=None):
        if name in {!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Nowhere)
"""


def without(*packages):
    """Return the beginning of a program for which packages are not installed, whether they are or not."""
    return WITHOUT.format(packages)


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """Run a program in this process, in an empty folder, and return what it says as it ends with an error.

    A process of its own would import a framework again.
    """

    def run(main, *arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["program", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code not in (None, 0)
        said = "".join(capsys.readouterr()) + str(ended.value.code)
        return " ".join(re.sub("[│╭╮╰╯─]", " ", said).split())

    return run


@pytest.fixture
def run_python():
    """Run a Python program in a fresh process and return what it printed."""

    def run(program, *arguments, check=True, **environment):
        finished = subprocess.run(
            [sys.executable, "-W", "error", "-c", program, *map(str, arguments)],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if check:
            assert finished.returncode == 0, finished.stderr
            return finished.stdout.strip()
        return finished

    return run
