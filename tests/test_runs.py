"""What the examples share as programs: lists, folders, and trainings that go on."""

import json

import pytest
import typer

from examples.runs import choose, choose_seeds, read_finished, take_folder, write_json


@pytest.mark.parametrize("text", ["", ",", "-1", "1.5", "1,99999999999", "²"])
def test_seeds_are_whole_numbers(text):
    """There is at least one seed, and each is small enough for the parts of the data to have seeds of their own."""
    assert choose_seeds("3, 4,3") == (3, 4)
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
    with pytest.raises(ValueError, match="none-0.json must be of the same settings for --resume, got others: type"):
        read_finished(path, {"size": (1, 3)})
