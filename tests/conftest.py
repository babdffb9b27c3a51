"""What all tests share."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A cache of its own: a stale one could hide a change of the kernels.
os.environ.setdefault("NUMBA_CACHE_DIR", tempfile.mkdtemp(prefix="dustaug-tests-"))

settings.register_profile(
    "dustaug", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("dustaug")

VECTORS = Path(__file__).parent / "vectors"


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
