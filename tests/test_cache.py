"""Numba's own cache works whatever state the disk is in. It is what remains where machine code finds no place."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dustaug

# One rectangle is painted besides, since `dustaug.warmup` compiles what draws them too, which takes twice as long.
PAINT = "    dustaug.paint_rectangles(np.zeros((8, 8), np.uint8), dustaug.Rectangles(**drawn))\n"
PROGRAM = """
import hashlib, sys, warnings
import numpy as np
drawn = {"image": np.array([0]), "boxes": np.array([[1, 2, 5, 6]]), "fill": np.array([9]), "n_images": 1}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import dustaug
PAINT    images = dustaug.add_dust(np.zeros((8, 64, 64, 3), np.uint8), seed=1, index=0)
from dustaug._engine import kernels
names = [type(entry._cache).__name__ for entry in (kernels.dust_batch, kernels.paint_boxes)]
hits = sum(sum(entry.stats.cache_hits.values()) for entry in (kernels.dust_batch, kernels.paint_boxes))
reported = sum("could not be" in str(warning.message) for warning in caught)
print(hashlib.sha256(images.tobytes()).hexdigest(), names[0], hits, reported)
""".replace("PAINT", PAINT)
# Without it, one entry is compiled.
SHORT = PROGRAM.replace(PAINT, "")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Copy the installed package."""
    target = tmp_path_factory.mktemp("site") / "dustaug"
    shutil.copytree(Path(dustaug.__file__).parent, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


@pytest.fixture(scope="module")
def warm(package, tmp_path_factory):
    """Let another process fill a cache directory, and return it with the hash of its pixels."""
    directory = tmp_path_factory.mktemp("warm")
    (directory / "dustaug").touch()  # A file in the place of the folder of machine code: so Numba is on its own.
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": str(directory)},
        capture_output=True,
        text=True,
        check=True,
    )
    digest, kind, hits, reported = finished.stdout.split()

    assert (kind, hits, reported) == ("_SafeCache", "0", "0")
    return directory, digest


@pytest.fixture
def cache(warm, tmp_path):
    """Copy the filled cache directory, to be damaged."""
    return shutil.copytree(warm[0], tmp_path / "cache")


@pytest.fixture
def run(run_python, package, cache):
    """Run a program on the copied package and return hash, kind of cache, cache hits and reported problems."""

    def run(program=PROGRAM, **environment):
        setting = {"PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": str(cache), **environment}
        digest, kind, hits, reported = run_python(program, **setting).split()
        return digest, kind, int(hits), int(reported)

    return run


def test_a_second_process_loads_what_the_first_compiled(run, warm):
    """A second process loads the compiled code from the disk."""
    assert run() == (warm[1], "_SafeCache", 2, 0)


def test_no_directory_is_writable(run, package, warm, tmp_path):
    """A read-only installation without a home directory compiles in every process."""
    # Files in the place of directories stop root too, whom permissions do not stop.
    cached = package / "_engine" / "__pycache__"
    shutil.rmtree(cached, ignore_errors=True)
    cached.touch()
    blocked = tmp_path / "blocked"
    blocked.touch()
    try:
        assert run(SHORT, NUMBA_CACHE_DIR="", HOME=str(blocked), XDG_CACHE_HOME=str(blocked)) == (
            warm[1],
            "NullCache",
            0,
            0,
        )
    finally:
        cached.unlink()


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("keep", [0, 0.5])
def test_a_broken_cache_heals(run, cache, warm, suffix, keep):
    """A file that was cut short costs one warning and one compilation."""
    for path in cache.rglob(f"*{suffix}"):
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * keep)])
    digest, _, hits, reported = run(SHORT)

    assert (digest, hits) == (warm[1], 0)
    assert reported > 0
    assert run(SHORT) == (warm[1], "_SafeCache", 1, 0)


def test_a_cache_directory_that_vanishes(run_python, package, tmp_path):
    """A directory that cannot be written when the kernel is compiled costs a warning."""
    program = PROGRAM.replace(
        PAINT,
        "    from dustaug._engine import kernels\n    import pathlib, shutil\n"
        "    shutil.rmtree(sys.argv[1])\n    pathlib.Path(sys.argv[1]).touch()\n" + PAINT,
    )
    directory = tmp_path / "lost"
    directory.mkdir()
    (directory / "dustaug").touch()
    setting = {"PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": str(directory)}
    output = run_python(program, directory, **setting)
    _, kind, hits, reported = output.split()

    assert (kind, hits) == ("_SafeCache", "0")
    assert int(reported) > 0


def test_a_changed_kernel_is_compiled_anew(run_python, package, tmp_path):
    """Editing a constant of the contract is noticed: what compiled code holds of other files is part of its key."""
    copy = shutil.copytree(package, tmp_path / "site" / "dustaug", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "dustaug").touch()
    setting = {"PYTHONPATH": str(copy.parent), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    before = run_python(SHORT, **setting).split()[0]
    source = copy / "_engine" / "contract.py"
    source.write_text(source.read_text().replace("0x9E3779B9", "0x9E3779BA"))

    assert run_python(SHORT, **setting).split()[0] != before


def test_processes_start_cold_together(package, warm, tmp_path):
    """Four processes that compile and write the same cache at once all work."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "dustaug").touch()
    command = [sys.executable, "-W", "error", "-c", SHORT]
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    results = [process.communicate(timeout=300) for process in processes]

    assert [0] * 4 == [process.returncode for process in processes], results
    assert {warm[1]} == {out.split()[0] for out, _ in results}


def test_without_the_compiler(run_python, package, warm):
    """NUMBA_DISABLE_JIT=1 gives the same pixels, from NumPy."""
    program = (
        "import hashlib, numpy as np, dustaug\n"
        "from dustaug._engine import launch\n"
        "images = dustaug.add_dust(np.zeros((8, 64, 64, 3), np.uint8), seed=1, index=0)\n"
        "print(hashlib.sha256(images.tobytes()).hexdigest(), launch._engine().__name__)"
    )
    output = run_python(program, NUMBA_DISABLE_JIT="1", PYTHONPATH=str(package.parent))

    assert output.split() == [warm[1], "dustaug._engine.kernels_numpy"]
