"""``dustaug apply`` on real folders: what is no picture, what a killed run leaves, and what must not be mixed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import dustaug
from dustaug.cli import _files
from dustaug.cli._folders import clean_folders, find_existing, find_images, make_tasks
from test_cli import contents, folder, load, noise, run, run_process, save

__all__ = ["folder"]  # A fixture.


def manifest_of(out):
    return json.loads((out / "dustaug.json").read_text("utf-8"))


# What a folder holds besides pictures


def test_a_folder_that_may_not_be_entered(folder, tmp_path, monkeypatch):
    """Where names can be listed and nothing can be looked at, each file fails with the reason."""

    class Entry:
        def __init__(self, entry):
            self.name, self._entry = entry.name, entry

        def is_dir(self, **options):
            if self.name == "grey.png":
                raise PermissionError(13, "Permission denied", self.name)
            return self._entry.is_dir(**options)

        def __getattr__(self, name):
            return getattr(self._entry, name)

    class Entries(list):
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    scandir, opened = os.scandir, Path.open

    def guarded_open(path, *arguments, **options):
        if path.name == "grey.png":
            raise PermissionError(13, "Permission denied", path.name)
        return opened(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", lambda path: Entries(map(Entry, scandir(path))))
        patch.setattr(Path, "open", guarded_open)
        result = run("apply", folder, tmp_path / "out")
    assert result.exit_code == 1
    assert f"{Path('cats/old/grey.png')}: [Errno 13] Permission denied" in result.stderr
    assert set(contents(tmp_path / "out")) == {"red.png", "cats/tom.png"}


def test_failures_beyond_a_hundred_are_counted(tmp_path):
    """A hundred failures are listed, and the others counted by their reason."""
    (tmp_path / "in").mkdir()
    for number in range(130):
        (tmp_path / "in" / f"{number}.png").write_bytes(b"no picture")
    result = run("apply", tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 1
    assert "Failed on 130 of 130 files:" in result.stderr
    reason = "images must be of a format that Pillow reads, got something else: convert it to PNG"
    assert len(re.findall(rf"^  \d+\.png: {reason}$", result.stderr, re.MULTILINE)) == 100
    assert f"  and 30 more: {reason}" in result.stderr


def test_a_folder_is_read_once(tmp_path, monkeypatch):
    """The calls to the file system grow with the number of files, not with its square, and no folder is read again."""
    calls = {}

    def count(module, name):
        function = getattr(module, name)

        def counted(*arguments, **options):
            calls[name] = calls.get(name, 0) + 1
            return function(*arguments, **options)

        monkeypatch.setattr(module, name, counted)

    count(os, "scandir")
    count(os, "stat")
    count(os, "listdir")
    seen = {}
    for size in (50, 200):
        root = tmp_path / str(size)
        for number in range(size):
            (root / str(number % 5)).mkdir(parents=True, exist_ok=True)
            (root / str(number % 5) / f"{number}.png").write_bytes(b"")
        calls.clear()
        found = find_images(root)
        tasks = make_tasks(root, tmp_path / "out", found.files, "", range(1))
        assert len(tasks) == size
        assert find_existing(tasks) == []
        assert clean_folders(tmp_path / "out", tasks) == 0
        seen[size] = dict(calls)
    assert seen[50]["scandir"] == seen[200]["scandir"]
    assert seen[50].get("listdir") == seen[200].get("listdir")
    assert seen[200].get("stat", 0) - seen[50].get("stat", 0) <= 150


# Killed runs


def test_unfinished_files_of_others_stay(tmp_path):
    """Files of a run that goes on, and of another machine for a day, stay; so does what has another name."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        running = f".dustaug-{_files._machine()}-{process.pid}-{'0' * 16}.tmp"
        names = [running, f".dustaug-00000000-1-{'0' * 16}.tmp", ".dustaug.tmp", "mine.tmp"]
        for name in names:
            (tmp_path / name).write_bytes(b"")
        assert _files.remove_unfinished(tmp_path) == 0
        process.communicate(b"\n")
    assert _files.remove_unfinished(tmp_path) == 1
    assert {path.name for path in tmp_path.iterdir()} == set(names[1:])
    os.utime(tmp_path / names[1], (time.time() - 100_000,) * 2)
    assert _files.remove_unfinished(tmp_path) == 1
    assert {path.name for path in tmp_path.iterdir()} == set(names[2:])


# Windows has neither pipes in folders nor SIGKILL.
if hasattr(os, "mkfifo"):

    def test_what_is_no_picture_is_ignored(folder, tmp_path):
        """Pipes, sockets, what macOS writes, data and drawings are counted, never opened, and no failure."""
        os.mkfifo(folder / "pipe.png")
        (folder / "linked.png").symlink_to(folder / "pipe.png")
        with socket.socket(socket.AF_UNIX) as server:
            before = Path.cwd()
            os.chdir(folder)  # The path of a socket is short.
            server.bind("s.png")
            os.chdir(before)
        (folder / "._red.png").write_bytes(b"\0\5\x16\7")
        for name in ("labels.h5", "page.pdf", "drawing.eps", "notes.txt", ".DS_Store", "README"):
            (folder / name).write_bytes(b"no picture")
        result = run_process("apply", folder, tmp_path / "out", timeout=60)
        assert result.returncode == 0, result.stderr
        assert set(contents(tmp_path / "out")) == {"red.png", "cats/tom.png", "cats/old/grey.png"}
        assert "Ignored 3 pipes, sockets or devices." in result.stdout
        assert "Ignored 1 file named ._*, which macOS writes beside others." in result.stdout
        ignored = re.search(r"Ignored 6 files without the extension of an image: (.*)\.\n", result.stdout)[1]
        assert set(ignored.split(", ")) == {"2 with none", "1 .h5", "1 .pdf", "1 .eps", "1 .txt"}
        assert manifest_of(tmp_path / "out")["counts"]["ignored"] == 10

    def test_preview_of_a_pipe(tmp_path):
        """A pipe is refused; nobody may ever write into it."""
        os.mkfifo(tmp_path / "a.png")
        result = run_process("preview", tmp_path / "a.png", "--out", tmp_path / "sheet.png", timeout=60)
        assert result.returncode == 2
        assert "a.png: images must be files, got a pipe, a socket or a device" in " ".join(result.stderr.split())

    def test_a_later_run_removes_what_a_killed_one_left(tmp_path):
        """After SIGKILL, the next run removes unfinished files, and ends as an undisturbed one."""
        root, out = tmp_path / "in", tmp_path / "out"
        for number in range(4):
            save(root / "a" / f"{number}.png", noise(60, 60, 3))
        program = (
            "import os, signal, pathlib; write = pathlib.Path.write_bytes\n"
            "def dying(path, content):\n"
            "    write(path, content[:50])\n"
            "    if content[1:4] == b'PNG': os.kill(os.getpid(), signal.SIGKILL)\n"
            "    return write(path, content)\n"
            "pathlib.Path.write_bytes = dying\n"
            "from dustaug.cli import main; main()"
        )
        killed = subprocess.run(
            [sys.executable, "-c", program, "apply", root, out, "--workers", "1"], capture_output=True, check=False
        )
        assert killed.returncode == -signal.SIGKILL
        assert [path.suffix for path in (out / "a").iterdir()] == [".tmp"]
        assert manifest_of(out)["finished"] is False
        result = run("apply", root, out)
        assert result.exit_code == 0
        assert "Removed 1 unfinished file of a run that was killed." in result.stdout
        assert {path.name for path in (out / "a").iterdir()} == {f"{number}.png" for number in range(4)}
        assert manifest_of(out)["finished"] is True


# The manifest


def test_the_manifest_says_what_was_done(folder, tmp_path):
    """dustaug.json holds the spec, the seed, the version and the counts, and the same bytes for the same run."""
    (folder / "cats" / "broken.png").write_bytes(b"no picture")
    for name in ("a", "b"):
        run("apply", folder, tmp_path / name, "--seed", 5, "--count-range", 3, 9)
    manifest = manifest_of(tmp_path / "a")
    assert manifest["dustaug"] == dustaug.__version__
    assert manifest["seed"] == 5
    assert dustaug.Spec.from_dict(manifest["spec"]) == dustaug.dust(count_range=(3, 9))
    assert manifest["options"] == "--count-range 3 9"
    assert manifest["counts"] == {
        "written": 3, "existed": 0, "failed": 1, "turned": 0, "first_frames": 0, "ignored": 0,
    }  # fmt: skip
    assert (tmp_path / "a" / "dustaug.json").read_bytes() == (tmp_path / "b" / "dustaug.json").read_bytes()


@pytest.mark.parametrize(
    ("first", "second", "said", "typed"),
    [
        (["--seed", 5], ["--seed", 6], "got seed 6 for", "type --seed 5, or name another OUT_DIR"),
        (["--count-range", 3, 9], [], "got the options (none) for", "type --count-range 3 9, or"),
        ([], ["--relative"], "got the options --relative for", "leave the options of the dust out, or"),
        (["--epoch", 1], [], "got epoch 0 for", "type --epoch 1, or"),
        (["--size", 20], [], "got size 0 for", "type --size 20, or"),
        (["--no-upright"], [], "got --upright for", "type --no-upright, or"),
        (["--value-range", 0, 99], [], "got no --value-range for", "type --value-range 0 99, or"),
        ([], ["--value-range", 0, 99], "got --value-range 0 99 for", "leave --value-range out, or"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--overwrite"]])
def test_runs_are_not_mixed(tmp_path, first, second, said, typed, more):
    """A run with another spec, seed or option that changes pixels is refused in a sentence, and changes nothing."""
    save(tmp_path / "in" / "a.png", noise(30, 30, 3))
    assert run("apply", tmp_path / "in", tmp_path / "out", *first).exit_code == 0
    save(tmp_path / "in" / "b.png", noise(30, 30, 3))
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    result = run("apply", tmp_path / "in", tmp_path / "out", *second, *more)
    assert result.exit_code == 2
    error = " ".join(result.stderr.split())
    assert "copies in one folder must be of one kind" in error
    assert said in error
    assert typed in error
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    result = run("apply", tmp_path / "in", tmp_path / "out", *first)
    assert "wrote 1 file" in result.stdout
    assert "Skipped 1 file" in result.stdout


def test_another_version_is_not_mixed(folder, tmp_path, monkeypatch):
    """Copies of another version of dustaug are refused, with the version to install."""
    assert run("apply", folder, tmp_path / "out").exit_code == 0
    path = tmp_path / "out" / "dustaug.json"
    path.write_text(path.read_text("utf-8").replace(dustaug.__version__, "0.0.9"), "utf-8")
    result = run("apply", folder, tmp_path / "out")
    assert result.exit_code == 2
    assert 'type pip install "dustaug==0.0.9", or name another OUT_DIR' in " ".join(result.stderr.split())


def test_copies_of_several_epochs_are_no_mixture(folder, tmp_path):
    """Where the name of a copy tells its epoch, more epochs can be added."""
    assert run("apply", folder, tmp_path / "out").exit_code == 0
    assert "wrote 6 files" in run("apply", folder, tmp_path / "out", "--copies", 2).stdout
    assert "wrote 6 files" in run("apply", folder, tmp_path / "out", "--copies", 2, "--epoch", 2).stdout
    assert "got epoch 1 for" in " ".join(run("apply", folder, tmp_path / "out", "--epoch", 1).stderr.split())


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"dustaug": 1}', "\0"])
def test_a_strange_manifest_is_refused(folder, tmp_path, text):
    """A dustaug.json that apply did not write is never overwritten."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "dustaug.json").write_text(text, "utf-8")
    result = run("apply", folder, tmp_path / "out")
    assert result.exit_code == 2
    assert "must be what dustaug apply wrote, got something else: name another OUT_DIR" in " ".join(
        result.stderr.split()
    )
    assert (tmp_path / "out" / "dustaug.json").read_text("utf-8") == text


def test_copies_without_a_manifest_are_refused(folder, tmp_path):
    """Files of unknown origin are neither skipped nor replaced, unless --overwrite is given."""
    save(tmp_path / "out" / "red.png", noise(3, 3, 3))
    result = run("apply", folder, tmp_path / "out")
    assert result.exit_code == 2
    assert "OUT_DIR must have a dustaug.json if it has copies, got 1 file like" in " ".join(result.stderr.split())
    assert set(contents(tmp_path / "out")) == {"red.png"}
    assert "wrote 3 files" in run("apply", folder, tmp_path / "out", "--overwrite").stdout
    assert load(tmp_path / "out" / "red.png").shape == (40, 50, 3)


def test_an_out_dir_that_cannot_be_written(folder, tmp_path):
    """A place where no folder can be made is a usage error in a sentence."""
    (tmp_path / "file").write_bytes(b"")
    result = run("apply", folder, tmp_path / "file" / "out")
    assert result.exit_code == 2
    assert "OUT_DIR must be writable, got" in " ".join(result.stderr.split())


# The tool as a whole


def test_the_package_runs(folder, tmp_path):
    """``python -m dustaug`` is the tool."""
    command = [sys.executable, "-m", "dustaug", "apply", folder, tmp_path / "out"]
    result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert result.returncode == 0, result.stderr
    wanted = dustaug.add_dust(load(folder / "red.png"), seed=0, index=dustaug.index_of("red.png"))
    assert np.array_equal(load(tmp_path / "out" / "red.png"), wanted)
