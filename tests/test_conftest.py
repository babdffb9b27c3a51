"""A run fails if a test is left out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = {
    "a test that passes": ("def test_it(): pass", 0),
    "a test that skips": ("import pytest\ndef test_it(): pytest.skip('later')", 1),
    "a module that skips": ("import pytest\npytest.importorskip('no_such_package')\ndef test_it(): pass", 1),
    "a test that may fail": ("import pytest\n@pytest.mark.xfail\ndef test_it(): assert False", 1),
}


@pytest.mark.parametrize("workers", ["0", "1"])
@pytest.mark.parametrize("what", TESTS)
def test_what_is_left_out_fails_the_run(tmp_path, what, workers):
    """A run with a skipped or expected failure fails, also with xdist's workers."""
    source, status = TESTS[what]
    (tmp_path / "test_passes.py").write_text("def test_passes(): pass")
    (tmp_path / "test_it.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "-n", workers, "-p", "no:cacheprovider", "--rootdir", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == status, done.stdout
    assert ("no test may be skipped" in done.stdout) == bool(status)
