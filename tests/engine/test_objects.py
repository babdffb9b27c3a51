"""Machine code on the disk paints the same pixels without Numba, and is trusted only if it is whole and our own."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import dustaug
from conftest import UNOPTIMIZED
from dustaug._engine import calls, kernels, launch, objects

PROGRAM = """
import hashlib, sys, warnings
import numpy as np
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import dustaug
    images = dustaug.add_dust(np.zeros((8, 64, 64, 3), np.uint8), seed=1, index=0)
    for fill in ("color", "noise", "mean"):
        dustaug.add_dust(images, dustaug.dust(fill=fill), seed=1, index=np.arange(8), num_threads=2)
    dustaug.add_dust(images, dustaug.dust(center="guide"), seed=1, index=0, guide=np.eye(8, dtype=bool)[:, None])
    drawn = dustaug.sample_rectangles(dustaug.random_erasing(), height=64, width=64, seed=1, index=np.arange(8))
    dustaug.paint_rectangles(images, drawn)
messages = [str(warning.message) for warning in caught]
print(hashlib.sha256(images.tobytes()).hexdigest(), "numba" in sys.modules, len(messages), *messages[:1], sep="|")
"""
NAMES = sorted(objects.ENTRIES)
# Compiling all entries takes three times as long as compiling the one that these lines call.
SHORT = PROGRAM.partition("    for fill")[0] + PROGRAM[PROGRAM.index("messages =") :]
DUSTED = dustaug.add_dust(np.zeros((8, 64, 64, 3), np.uint8), seed=1, index=0)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Copy the installed package."""
    target = tmp_path_factory.mktemp("site") / "dustaug"
    shutil.copytree(Path(dustaug.__file__).parent, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


@pytest.fixture(scope="module")
def warm(package, tmp_path_factory):
    """Let a process write machine code, and return its folder and what it printed."""
    directory = tmp_path_factory.mktemp("warm")
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **UNOPTIMIZED, "PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": str(directory)},
        capture_output=True,
        text=True,
        check=True,
    )
    digest, numba, n_warnings = finished.stdout.strip().split("|")

    assert (numba, n_warnings) == ("True", "0")
    assert NAMES == sorted(path.name.partition("-")[0] for path in (directory / "dustaug").iterdir())
    return directory, digest


@pytest.fixture
def cache(warm, tmp_path):
    """Copy the filled cache, to be damaged."""
    return shutil.copytree(warm[0], tmp_path / "cache")


@pytest.fixture
def run(run_python, package, cache, warm):
    """Run PROGRAM on the copied package, check the pixels, and return whether Numba was imported, and warnings."""

    def run(program=PROGRAM, **environment):
        setting = {"PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": str(cache), **UNOPTIMIZED, **environment}
        digest, numba, n_warnings, *message = run_python(program, **setting).split("|")

        assert digest == (hashlib.sha256(DUSTED.tobytes()).hexdigest() if program == SHORT else warm[1])
        return numba == "True", int(n_warnings), *message

    return run


def files(cache):
    return sorted((cache / "dustaug").iterdir())


def test_a_later_process_imports_no_compiler(run):
    """All fills, threads, sampled and painted rectangles work without Numba."""
    assert run() == (False, 0)


def test_numba_paints_the_same_pixels(run, cache):
    """Where there is no place for machine code, Numba's own way gives the same."""
    shutil.rmtree(cache / "dustaug")
    (cache / "dustaug").touch()

    assert run(NUMBA_OPT="3") == (True, 0)


def test_a_broken_file_heals(run, cache):
    """A broken file costs a warning, and Numba; then it is whole again."""
    [path] = [path for path in files(cache) if path.name.startswith("dust_batch-")]
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    numba, n_warnings, message = run()

    assert (numba, n_warnings) == (True, 1)
    assert message.startswith(f"dustaug's machine code could not be read at {path}, as it is broken;")
    assert run() == (False, 0)
    assert [path.name for path in files(cache)] == sorted({path.name for path in files(cache)})


def test_a_broken_file_heals_where_warnings_are_errors(run_python, run, package, cache):
    """The first start ends with the warning, as was asked for; the next one finds a whole file."""
    [path] = [path for path in files(cache) if path.name.startswith("dust_batch-")]
    path.write_bytes(b"")
    program = "import numpy, dustaug; dustaug.add_dust(numpy.zeros((8, 8), numpy.uint8), seed=0, index=0)"
    setting = {"PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": str(cache), **UNOPTIMIZED}
    finished = run_python(program, check=False, **setting)

    assert finished.returncode == 1
    assert f"RuntimeWarning: dustaug's machine code could not be read at {path}" in finished.stderr
    assert run() == (False, 0)


def test_many_broken_files_cost_one_warning(run, cache):
    """All files are made anew, after one warning."""
    broken = [path for path in files(cache) if path.name.startswith(("dust_batch-", "paint_boxes-"))]
    for path in broken:
        path.write_bytes(b"")
    numba, n_warnings, *_ = run()

    assert len(broken) == 2
    assert (numba, n_warnings) == (True, 1)
    assert run() == (False, 0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has other rights")
def test_where_others_may_write_numba_paints(run, cache):
    """Where others may write to the folder, Numba's own way is taken, without a word, and the folder stays as it is."""
    (cache / "dustaug").chmod(0o777)
    before = files(cache)

    assert run(SHORT, NUMBA_OPT="3") == (True, 0)
    assert files(cache) == before


def test_a_link_is_replaced_and_not_followed(run, cache, tmp_path):
    """A link in the place of a file is not read, and what it points to stays as it is."""
    victim = tmp_path / "victim"
    [path] = [path for path in files(cache) if path.name.startswith("dust_batch-")]
    path.replace(victim)
    path.symlink_to(victim)
    before = victim.read_bytes()

    assert run() == (True, 0)
    assert victim.read_bytes() == before
    assert not any(path.is_symlink() for path in files(cache))
    assert run() == (False, 0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has other rights")
def test_files_and_links_of_others_are_not_trusted(tmp_path, monkeypatch):
    """A folder, and a link to a folder, must belong to this user or to root."""
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir(mode=0o700)
    link.symlink_to(folder)
    assert objects._is_trusted(folder)
    assert objects._is_trusted(link)
    assert not objects._is_trusted(tmp_path / "nothing")

    monkeypatch.setattr(objects, "_owners", lambda: (os.geteuid() + 1,))

    assert not objects._is_trusted(folder)
    monkeypatch.setattr(objects, "_is_ours", lambda _: True)
    assert not objects._is_trusted(link)


@pytest.mark.parametrize(
    "change",
    ["NUMBA_CPU_NAME", "NUMBA_OPT", "a source", "llvmlite.__version__", "llvmlite.binding.get_host_cpu_name"],
)
def test_what_the_code_depends_on_is_part_of_its_name(change, monkeypatch, tmp_path):
    """Another processor, version, source or setting of Numba's looks for another file."""
    objects._key.cache_clear()
    before = objects._key()
    objects._key.cache_clear()
    if change == "a source":
        folder = shutil.copytree(Path(objects.__file__).parents[1], tmp_path / "dustaug")
        (folder / "spec.py").write_text((folder / "spec.py").read_text() + "\n")
        monkeypatch.setattr(objects, "__file__", str(folder / "_engine" / "objects.py"))
    elif change.startswith("NUMBA"):
        monkeypatch.setenv(change, "2")
    else:
        monkeypatch.setattr(change, "other" if change.endswith("version__") else lambda: "other")
    after = objects._key()
    objects._key.cache_clear()

    assert before != after
    assert len(before) == len(after) == 32


def test_where_files_lie_and_how_many_threads_run_is_not(monkeypatch):
    """A moved cache is still warm."""
    before = objects._key()
    objects._key.cache_clear()
    monkeypatch.setenv("NUMBA_CACHE_DIR", "elsewhere")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")

    assert objects._key() == before


def test_files_lie_beside_the_sources_or_in_the_home(monkeypatch, tmp_path):
    """NUMBA_CACHE_DIR alone counts where it is set."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert objects._folders() == [tmp_path / "dustaug"]

    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert objects._folders() == [Path(objects.__file__).parent / "__pycache__", tmp_path / "dustaug"]


def test_eight_processes_write_at_once(package, tmp_path):
    """Cold processes that start together all paint, and leave whole files."""
    setting = {"PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": str(tmp_path)}
    environment = {**os.environ, **UNOPTIMIZED, **setting}
    numbas = []
    for _ in range(2):
        processes = [
            subprocess.Popen([sys.executable, "-c", SHORT], env=environment, stdout=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        outputs = [process.communicate(timeout=300)[0].strip().split("|") for process in processes]

        assert {hashlib.sha256(DUSTED.tobytes()).hexdigest()} == {output[0] for output in outputs}
        assert {"0"} == {output[2] for output in outputs}
        numbas.append({output[1] for output in outputs})

    assert numbas == [{"True"}, {"False"}]
    assert ["dust_batch"] == [path.name.partition("-")[0] for path in files(tmp_path)]


def test_the_switch_of_numba_is_read_without_numba(run_python, package, tmp_path):
    """NUMBA_DISABLE_JIT and .numba_config.yaml keep their meaning."""
    program = (
        "import os, sys, warnings; os.chdir(sys.argv[1])\n"
        "warnings.simplefilter('ignore')  # Without PyYAML, Numba warns of the file and goes on.\n"
        "from dustaug._engine import objects\n"
        "engine = objects.engine()\nprint(getattr(engine, '__name__', 'compiled'), 'numba' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(package.parent)}
    numpy_engine = "dustaug._engine.kernels_numpy"

    assert run_python(program, tmp_path, **environment) == "compiled False"
    for value, expected in (("1", numpy_engine), ("0", "compiled"), ("", "compiled"), ("yes", "compiled")):
        assert run_python(program, tmp_path, NUMBA_DISABLE_JIT=value, **environment) == f"{expected} False"
    (tmp_path / ".numba_config.yaml").write_text("disable_jit: 0\n")
    assert run_python(program, tmp_path, **environment) == "compiled True"


# --------------------------------------------------------------------------------------------- in this process


@pytest.fixture
def stored(monkeypatch, tmp_path):
    """Keep files in a folder of this test, and warn anew."""
    monkeypatch.setattr(objects, "_problems", [])
    monkeypatch.setattr(objects, "_told", False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path / "dustaug"


@pytest.fixture(scope="module")
def object_code():
    """Compile all entries, once."""
    return {name: objects._emit(name, *kernels.compile_entry(getattr(kernels, name))) for name in objects.ENTRIES}


@pytest.fixture
def machine_code(stored, object_code):
    """Return the entries as loaded machine code."""
    for name, code in object_code.items():
        objects._write(name, code)
    return {name: objects._load(name) for name in objects.ENTRIES}


def test_entries_are_builtins(machine_code):
    """Python calls them as its own functions."""
    assert {type(len)} == set(map(type, machine_code.values()))
    assert list(objects.ENTRIES) == [entry.__name__ for entry in machine_code.values()]


@pytest.mark.parametrize("spec", [dustaug.dust(), dustaug.dust(fill="color"), dustaug.dust(fill="mean")], ids=str)
def test_machine_code_paints_what_numba_paints(machine_code, spec, monkeypatch):
    """The same kernel in two forms gives the same bytes."""
    found = []
    for engine in (kernels, objects._Engine()):
        if engine is not kernels:
            vars(engine).update(machine_code)
        monkeypatch.setattr(launch, "_engine", lambda engine=engine: engine)
        prepared = launch.Launch(spec, launch.ImageKind(np.dtype(np.float32), "NHWC", 3))
        images = np.random.default_rng(0).random((3, 40, 50, 3), np.float32)
        found.append(prepared.run(images, launch.Coordinates(2**64 - 1, 2**32 - 1, 2**62)))

    assert (found[0] == found[1]).all()


@pytest.mark.parametrize(
    ("argument", "error"), [("1", TypeError), (1.5, TypeError), (None, TypeError), (1 << 63, OverflowError)]
)
def test_wrong_arguments_raise(machine_code, argument, error):
    """What is no number of 64 bits is refused before the kernel reads anything."""
    for place in range(8):
        arguments = [0] * 8
        arguments[place] = argument
        with pytest.raises(error):
            machine_code["dust_batch"](*arguments)


def test_the_gil_is_released(machine_code):
    """Another thread of Python runs while machine code paints."""
    images = np.zeros((2000, 64, 64, 3), np.uint8)
    spec = dustaug.dust(count_range=(3000, 3000))
    prepared = launch.find_launch(images, spec, None, None)
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(time.perf_counter())

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.perf_counter()
    machine_code["dust_batch"](prepared.plan, calls.operand_of(prepared.patterns), id(images), calls.ARRAY, 1, 0, 0, 0)
    ended = time.perf_counter()
    done.set()
    thread.join()

    assert images.any()
    assert any(began < each < ended for each in ticks)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:0],
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"\x7fELF" + content[4:],
        lambda content: content + b"\0",
    ],
    ids=["empty", "cut", "another bit", "foreign", "longer"],
)
def test_any_damage_is_seen_and_mended(stored, object_code, machine_code, damage, monkeypatch):
    """A file that is not whole is not loaded, but made anew, after a warning."""
    [path] = stored.glob("dust_batch-*")
    content = path.read_bytes()
    path.write_bytes(damage(content))
    monkeypatch.setattr(kernels, "compile_entry", lambda _: ())
    monkeypatch.setattr(objects, "_emit", object_code.get)

    with pytest.warns(RuntimeWarning, match=f"could not be read at {re.escape(str(path))}, as it is broken; Numba com"):
        assert type(objects.find_entry("dust_batch")) is type(len)
    assert path.read_bytes() == content


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has other rights")
@pytest.mark.parametrize(("what", "rights"), [("folder", 0o777), ("folder", 0o775), ("file", 0o666), ("file", 0o664)])
def test_what_others_may_write_to_is_not_trusted(stored, what, rights):
    """A folder or file that others may write to is not read, nor is such a folder written to, without a word."""
    objects._write("dust_batch", b"code")
    [file] = stored.iterdir()
    path = {"folder": stored, "file": file}[what]
    assert objects._read("dust_batch") == b"code"

    path.chmod(rights)

    assert objects._read("dust_batch") is None
    if path is stored:
        file.unlink()
        objects._write("dust_batch", b"code")
        assert not objects._is_writable()
        assert list(stored.iterdir()) == []
    assert objects._problems == []


def test_a_file_of_other_code_is_not_loaded(stored, machine_code):
    """An object file without the entry, though whole, is left to Numba."""
    code = objects._read("paint_boxes")
    objects._write("dust_batch", code)

    with pytest.warns(RuntimeWarning, match=r"could not be loaded \(RuntimeError: dustaug.dust_batch is not in the f"):
        assert type(objects.find_entry("dust_batch")) is type(len)
    assert objects._read("dust_batch") != code


def test_what_cannot_be_emitted_costs_a_warning(stored, monkeypatch):
    """Numba's internals may change: then its own way remains."""
    monkeypatch.setattr(kernels, "compile_entry", lambda entry: entry.no_such_thing)

    with pytest.warns(RuntimeWarning, match=r"could not be made \(AttributeError.*; Numba compiles instead"):
        assert objects.find_entry("dust_batch") is kernels.dust_batch
    assert list(stored.iterdir()) == []


def test_code_that_calls_others_is_not_written(stored):
    """A function that needs another library's is refused, as loading it would end the process."""
    bitcode, native, doubles = kernels.compile_entry(kernels.dust_batch)

    with pytest.raises(RuntimeError, match="machine code must stand alone, got calls of"):
        objects._emit("dust_batch", bitcode, native + "_other", doubles)
    assert not stored.exists()


def test_a_full_disk_leaves_no_parts(stored, monkeypatch):
    """A file that cannot be written whole is not there at all."""
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    objects._write("dust_batch", b"code")

    assert list(stored.iterdir()) == []


def test_a_digest_tells_what_was_written(stored):
    """What is read is what was written, byte for byte."""
    code = hashlib.sha256(b"").digest() * 100
    objects._write("dust_batch", code)

    assert objects._read("dust_batch") == code
    assert objects._read("paint_boxes") is None
