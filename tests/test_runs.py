"""What the examples share as programs: lists, folders, and trainings that go on."""

import json

import pytest
import typer

from examples.runs import choose, choose_seeds, read_finished, start, take_folder, write_json


@pytest.mark.parametrize("text", ["", ",", "-1", "1.5", "1,99999999999", "²"])
def test_seeds_are_whole_numbers(text):
    """There is at least one seed, and each is small enough for the parts of the data to have seeds of their own."""
    assert choose_seeds("3, 4,3,03") == (3, 4)
    with pytest.raises(typer.BadParameter, match="^seeds must be whole numbers below 1000000000 with commas, got"):
        choose_seeds(text)


@pytest.mark.parametrize("text", ["", ",", "dust,sand", "Dust"])
def test_words_of_a_list_are_known(text):
    """Each word counts once, in the order that was typed."""
    assert choose("arms", "dust, none,dust", ("none", "dust")) == ("dust", "none")
    with pytest.raises(typer.BadParameter) as caught:
        choose("arms", text, ("none", "dust"))
    assert str(caught.value) == f"arms must be of none, dust, got {text!r}: type --arms none"


def test_a_folder_with_another_run_is_refused(tmp_path):
    """One finished training is a run, and a file is no folder."""
    take_folder(tmp_path, resume=False)
    (tmp_path / "trainings" / "none-0.json").write_text("{}")
    with pytest.raises(ValueError, match="must hold no results of another run"):
        take_folder(tmp_path, resume=False)
    take_folder(tmp_path, resume=True)
    with pytest.raises(
        ValueError, match="^--out must be a folder, got the file .*none-0.json: type --out with another"
    ):
        take_folder(tmp_path / "trainings" / "none-0.json", resume=True)


def test_a_finished_training_has_the_same_settings(tmp_path):
    """What was written comes back where the settings agree, as JSON has them, and no half file is left."""
    path = tmp_path / "none-0.json"
    settings = {"size": (1, 2)}
    assert read_finished(path, settings) is None
    write_json(path, {"settings": settings, "result": 3})

    assert read_finished(path, settings) == {"settings": {"size": [1, 2]}, "result": 3}
    assert json.loads(path.read_text())["result"] == 3
    assert [path] == list(tmp_path.iterdir())
    message = r"none-0.json must be of the same settings for --resume, got size \[1, 2\] instead of \[1, 3\], a None "
    with pytest.raises(ValueError, match=message + "instead of 2: type those, or another --out"):
        read_finished(path, {"size": (1, 3), "versions": {"a": 2}})


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"settings": {}}'])
def test_a_broken_record_is_named(tmp_path, content):
    """The error names the file, and says what to do with it."""
    path = tmp_path / "none-0.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"none-0\.json must be the record of a finished training, got .*: delete it"):
        read_finished(path, {})


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    """A file may stand where a folder should be made."""
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"^--out must be a folder that can be written, got .*sub \(Not a directory\)"):
        take_folder(tmp_path / "file" / "sub", resume=False)


def test_a_stopped_program_says_how_to_go_on(monkeypatch, capsys):
    """Ctrl+C ends a program with a line, and an error of the user's with the program's name."""

    def run() -> None:
        raise KeyboardInterrupt

    def fail() -> None:
        raise ValueError("sand must be dry, got wet")

    monkeypatch.setattr("sys.argv", ["test_runs"])
    with pytest.raises(SystemExit) as stopped:
        start(run)
    assert stopped.value.code != 0
    assert "test_runs: stopped: type the same command with --resume to go on" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="^test_runs: sand must be dry, got wet$"):
        start(fail)
