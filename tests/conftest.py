"""What all tests share."""

import importlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Albumentations 2.0.8 asks the network for its newest version at import, and warns where there is none.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
# Keras takes TensorFlow without being told, also where it is not installed.
if importlib.util.find_spec("tensorflow") is None:
    os.environ.setdefault("KERAS_BACKEND", "torch" if importlib.util.find_spec("torch") else "jax")
# A cache of its own: a stale one could hide a change of the kernels.
os.environ.setdefault("NUMBA_CACHE_DIR", tempfile.mkdtemp(prefix="dustaug-tests-"))

settings.register_profile(
    "dustaug", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("dustaug")

VECTORS = Path(__file__).parent / "vectors"

# What the tests and docs of an adapter need. Where it is not installed they are not collected, never skipped;
# DUSTAUG_TEST_FRAMEWORKS names what must be there (CI sets it), so that nothing is left out by accident.
FRAMEWORKS = {
    "_dtypes": ["torch"],
    "_tensors": ["torch"],
    "_devices": ["torch"],
    "devices": ["torch"],
    "_ops": ["torch"],
    "ops": ["torch"],
    "_triton": ["torch", "triton"],
    "triton": ["torch", "triton"],
    "torch": ["torch"],
    "torchvision": ["torch", "torchvision"],
    "albumentations": ["albumentations"],
    "_albumentations_hooks": ["albumentations"],
    "tensorflow": ["tensorflow"],
    "keras": ["keras"],
    "keras_data": ["keras", "tensorflow"],
    "guitar_classifier": ["keras", "tensorflow"],
    "guitar_training": ["keras", "tensorflow"],
    "_flow": ["keras"],
    "flow": ["keras"],
    "_graph_tensorflow": ["tensorflow"],
    "_graph_torch": ["torch"],
    "_graph_jax": ["jax"],
    "jax": ["jax"],
    "_mean_jax": ["jax"],
    "mean_jax": ["jax"],
    "grain": ["grain"],
    "jax_grain": ["jax", "grain"],
    "robustness_torch": ["torch"],
    "robustness_keras": ["keras"],
    "guitar_photos": ["keras", "tensorflow"],
    "site": ["mkdocs", "material", "mkdocstrings"],
    "ray_cluster": ["ray"],
    "scale_torch": ["torch"],
    "scale_tensorflow": ["tensorflow"],
    "rivals": ["albumentations", "torchvision", "timm", "kornia"],
    "rivals_keras": ["keras", "tensorflow"],
    "saved_albumentations": ["albumentations"],
    "saved_keras": ["keras"],
    "saved_tensorflow": ["tensorflow"],
    "saved_grain": ["grain"],
    "pipelines": ["torch", "lightning", "timm", "webdataset", "datasets"],
}


def missing_framework(adapter):
    """Tell whether an adapter's framework is not installed."""
    return any(importlib.util.find_spec(package) is None for package in FRAMEWORKS.get(adapter, ()))


collect_ignore = [f"test_{adapter}.py" for adapter in FRAMEWORKS if missing_framework(adapter)]
if all(missing_framework(graph) for graph in ("_graph_tensorflow", "_graph_torch", "_graph_jax")):
    collect_ignore.append("test_graph.py")

# The folder that holds what `python -m build` made; .ci/run and the release workflow set it.
BUILT = os.environ.get("DUSTAUG_TEST_BUILT")
if not BUILT:
    collect_ignore.append("test_built.py")


def pytest_ignore_collect(collection_path):
    """Leave out the tests of a GPU where there is none."""
    if collection_path.name == "test_cuda.py":
        return not importlib.util.find_spec("torch") or not importlib.import_module("torch").cuda.is_available()
    return None


required = os.environ.get("DUSTAUG_TEST_FRAMEWORKS", "").split()
if unavailable := [adapter for adapter in required if missing_framework(adapter)]:
    pytest.exit(f"DUSTAUG_TEST_FRAMEWORKS asks for {', '.join(unavailable)}: pip install them", returncode=1)


def pytest_sessionfinish(session):
    """Fail where a test was skipped: what cannot run is not collected, and what is collected runs."""
    if left_out(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if count := left_out(config):
        terminalreporter.write_line(f"{count} tests did not run to an end: no test may be skipped", red=True)


def left_out(config):
    """Count the tests that were skipped or expected to fail; xdist's workers leave that to their master."""
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
    """Return the beginning of a program in which packages are not installed, whether they are or not."""
    return WITHOUT.format(packages)


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
