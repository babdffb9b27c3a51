"""A broken file of machine code is replaced also where warnings are errors."""

from conftest import UNOPTIMIZED

PROGRAM = "import numpy as np, dustaug; print(dustaug.add_dust(np.zeros((9, 9), np.uint8), seed=0, index=0).sum())"


def test_a_truncated_file_heals_though_warnings_are_errors(run_python, tmp_path):
    """The first start makes the file anew, whatever becomes of the warning, so that later ones find it whole."""
    wanted = run_python(PROGRAM, NUMBA_CACHE_DIR=str(tmp_path), **UNOPTIMIZED)
    (file,) = (tmp_path / "dustaug").glob("*.dust")
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    run_python(PROGRAM, check=False, NUMBA_CACHE_DIR=str(tmp_path), **UNOPTIMIZED)
    assert len(file.read_bytes()) > 100
    assert run_python(PROGRAM, NUMBA_CACHE_DIR=str(tmp_path), **UNOPTIMIZED) == wanted
