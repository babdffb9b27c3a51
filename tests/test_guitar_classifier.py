"""The guitar classifier runs as a program: it writes files, repeats, resumes, and answers for photos."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from examples.graffiti import SHARES
from examples.guitar_classifier import _choose_answers, _without_chatter, main
from examples.guitar_training import ARMS, GUIDED, Part, Recipe, arm_images, arm_spec, make_guides, train
from examples.guitars import MODELS, draw_guitar, make_guitars

ROOT = Path(__file__).parent.parent
SMALL = ["--epochs", "3", "--size", "48", "--per-model", "8", "--guided", "2"]
BOTH = {"none", "dust", GUIDED}
FIGURES = ["learning_curves.png", "training_pictures.png", "graffiti.png", "answers.png"]


def classify(*arguments, module="examples.guitar_classifier", check=True):
    """Run the program and return what it printed, on both streams."""
    start = ["-m", module] if module else [str(ROOT / "examples" / "guitar_classifier.py")]
    done = subprocess.run(
        [sys.executable, *start, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "120", "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if check:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def results_of(folder):
    results = json.loads((folder / "results.json").read_text())
    for runs in results["arms"].values():
        for run in runs:
            assert run.pop("seconds_per_epoch") > 0
    return results


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train two arms and guided dust with two seeds for a short time, and return the folder and what was printed."""
    folder = tmp_path_factory.mktemp("guitars")
    return folder, classify("--out", folder, *SMALL, "--arms", "none,dust", "--seeds", "3,4")


def test_a_run_leaves_results_and_figures(trained):
    """A run writes results with sensible numbers, and figures that can be opened."""
    folder, printed = trained
    results = results_of(folder)

    assert set(results["arms"]) == BOTH
    assert results["settings"]["guided"] == 2
    assert (48, 3, "small", "spray") == tuple(
        results["settings"][key] for key in ("size", "epochs", "backbone", "graffiti")
    )
    for arm, runs in results["arms"].items():
        assert [3, 4] == [run["seed"] for run in runs]
        for run in runs:
            shares = [run["clean"], *run["graffiti"], *run["flips"], run["coverage"], run["body_coverage"]]
            assert all(0 <= share <= 1 for share in shares)
            assert np.allclose(run["graffiti_coverage"], list(SHARES.values()), atol=0.03)
            assert (arm != "none") == (run["coverage"] > 0)
    for name in FIGURES:
        with Image.open(folder / name) as figure:
            assert min(figure.size) > 300
        assert name in printed
    assert "arm clean 11% 22% 36% flips s/epoch" in " ".join(printed.split())


def test_a_piped_run_says_where_it_is(trained):
    """Where no bar can move, lines name the seed, the arm and the epoch; TensorFlow tells nothing but its errors."""
    lines = trained[1].splitlines()

    for seed in (3, 4):
        for arm in BOTH:
            assert [line for line in lines if line.startswith(f"seed {seed}, {arm}, epoch 3 of 3: ")]
    chatter = re.compile(r"(?:[IW]\d{4} |WARNING|\d{4}-\d\d-\d\d )|(?!E\d{4} ).*(?:oneDNN|[Cc]uda)")
    assert [line for line in lines if chatter.match(line)] == []


def test_other_messages_of_the_import_are_shown(capfd):
    """What is held back is shown at its end, but for what TensorFlow tells of its set-up; also if the import fails."""
    chatter = (
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        "I0000 00:00:1795951118.424882   18702 port.cc:153] oneDNN custom operations are on.\n"
    )

    @_without_chatter()
    def fail():
        os.write(2, f"{chatter}E0000 00:00:1 1 cuda.cc:1] no memory\n{chatter}I am no chatter\n".encode())
        raise ImportError

    with pytest.raises(ImportError):
        fail()

    assert capfd.readouterr().err == "E0000 00:00:1 1 cuda.cc:1] no memory\nI am no chatter\n"


def test_a_run_is_not_overwritten(trained):
    """A second run into the same folder is refused, also if the first one was stopped."""
    folder, _ = trained
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    printed = " ".join(classify("--out", folder, *SMALL, check=False).split())
    refused = (
        f"{folder} must hold no results of another run, which would be overwritten: type --out with another folder, or "
        "--resume to continue that run"
    )

    assert printed.endswith(refused)
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert not list(folder.rglob("*.part"))


def test_the_loss_falls(trained):
    """The loss of every training is lower at its end than at its start."""
    for path in (trained[0] / "trainings").glob("*.json"):
        history = json.loads(path.read_text())["history"]

        assert {"accuracy", "loss", "val_accuracy", "val_loss"} == set(history)
        assert 3 == len(history["loss"])
        assert history["loss"][-1] < history["loss"][0]


def test_a_seed_gives_the_same_results(trained, tmp_path):
    """One seed alone, run as a file of a clone, repeats the results of the run with two seeds."""
    classify("--out", tmp_path, *SMALL, "--arms", "dust", "--seeds", "4", module=None)
    again = results_of(tmp_path)["arms"]

    assert set(again) == {"dust", GUIDED}
    for arm, runs in again.items():
        assert results_of(trained[0])["arms"][arm][1:] == runs


def test_guided_dust_is_plain_until_the_first_map(trained):
    """The guided arm learns what plain dust learns up to its first map, and something else from then on."""
    for seed in (3, 4):
        plain, guided = (
            json.loads((trained[0] / "trainings" / f"{arm}-{seed}.json").read_text())["history"]["loss"]
            for arm in ("dust", GUIDED)
        )

        assert plain[:2] == guided[:2]
        assert plain[2] != guided[2]


def test_a_stopped_run_is_resumed(trained):
    """A resumed run keeps finished trainings and makes the missing ones, but refuses other settings."""
    folder, _ = trained
    before = results_of(folder)
    kept, lost = (folder / "trainings" / f"{arm}-3.keras" for arm in ("none", "dust"))
    age = kept.stat().st_mtime_ns
    for path in (lost, lost.with_suffix(".json"), folder / "results.json"):
        path.unlink()
    classify("--out", folder, *SMALL, "--arms", "none,dust", "--seeds", "3,4", "--resume")

    assert before == results_of(folder)
    assert age == kept.stat().st_mtime_ns
    refused = classify("--out", folder, "--seeds", "3", "--resume", check=False)
    assert "none-3.json must be of the same settings for --resume, got " in " ".join(refused.split())
    assert "epochs 3 instead of 30" in " ".join(refused.split())


def test_trained_models_answer(trained, tmp_path):
    """Each arm prints its three best answers for a picture of any size."""
    Image.fromarray(draw_guitar("Jazzmaster", size=200).image).save(tmp_path / "mine.png")
    printed = classify("--out", trained[0], "--predict", tmp_path / "mine.png")

    assert "picture none dust guided" in " ".join(printed.replace("┃", " ").split())
    assert "mine.png" in printed
    assert 9 == sum(printed.count(model) for model in MODELS)


@pytest.mark.parametrize("backbone", [["small"], ["resnet50", "--weights", "none"]])
def test_photos_of_ones_own(tmp_path, backbone):
    """A folder of photos trains all arms, and a network of keras.applications."""
    for model in ("Telecaster", "Les Paul"):
        (tmp_path / "photos" / model).mkdir(parents=True)
        for index in range(5):
            image = Image.fromarray(draw_guitar(model, size=64, index=index).image)
            image.save(tmp_path / "photos" / model / f"{index}.jpg")
    arms = ",".join(ARMS) if backbone == ["small"] else "dust"
    options = ["--epochs", "1", "--size", "32", "--arms", arms]
    classify("--out", tmp_path / "out", "--data", tmp_path / "photos", *options, "--backbone", *backbone)

    assert set(arms.split(",")) == set(results_of(tmp_path / "out")["arms"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arms", "none,mud"], "arms must be of none, dust, cutout, random-erasing, input-dropout, got 'none,mud'"),
        (["--seeds", "one"], "seeds must be whole numbers below 1000000000 with commas, got 'one'"),
        (["--guided", "3", "--epochs", "3"], "guided must be less than the 3 epochs, as the first map is made"),
        (["--evaluate", "train"], "evaluate must be of test, validation"),
        (["guitar.png"], "pictures come with --predict"),
        (["--predict"], "--predict must be given pictures"),
        (["--predict", "guitar.png", "--out", "nowhere"], "nowhere must hold trained models"),
        (
            ["--backbone", "resnet51", "--weights", "none"],
            "backbone must be of small, resnet50, mobilenetv2, efficientnetb0, got 'resnet51': type --backbone small",
        ),
        (["--weights", "imagenet"], "weights must come with a network that has some, got 'imagenet' with small"),
    ],
)
def test_bad_arguments_end_in_one_sentence(arguments, message, tmp_path, refused):
    """A bad argument prints one sentence, before anything is drawn."""
    assert message in refused(main, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_ends_in_one_sentence(tmp_path):
    """So does a process: it prints no traceback."""
    assert "nowhere" in classify("--data", tmp_path / "nowhere", "--out", tmp_path / "out", check=False)


def test_arms_hide_what_they_say():
    """The rectangles of the post shrink with the picture, and every arm but "none" hides something."""
    images = np.full((40, 96, 96, 3), 255, np.uint8)
    half = arm_spec("dust", 96).half_height_range

    assert (1, 3) == half
    assert (1, 7) == arm_spec("dust", 224).half_height_range
    for arm in ARMS:
        hidden = (arm_images(arm, images, 0) != images).any(axis=-1).mean()
        assert (arm == "none") == (hidden == 0)
    assert (images == 255).all()


def test_maps_are_made_every_few_epochs_and_leave_the_training_alone(monkeypatch):
    """Maps are made at the start of every second epoch but the first, of all training pictures and the right classes.

    Guides that are 1 everywhere lay the dust uniformly, and the arm hides as much as it says.
    """
    made = []

    def make_flat(model, images, labels):
        made.append((len(images), labels.tolist(), int(model.optimizer.iterations)))
        return np.ones((len(images), 5, 5), np.uint8)

    monkeypatch.setattr("examples.guitar_training.make_guides", make_flat)
    part = Part(*(getattr(make_guitars(1, size=32, seed=9), name) for name in ("images", "labels", "bodies")))
    recipe = Recipe(size=32, epochs=5, batch_size=4, guided=2)
    _, run = train(GUIDED, part, part, len(MODELS), recipe, seed=1, on_epoch=lambda *_: None)

    steps = 2  # Seven pictures are two batches.
    assert made == [(7, part.labels.tolist(), 2 * steps), (7, part.labels.tolist(), 4 * steps)]
    assert arm_spec(GUIDED, 32) == arm_spec("dust", 32).replace(center="guide")
    flat = arm_images(GUIDED, part.images, 1, epoch=4, guides=np.ones((7, 5, 5), np.uint8))
    assert run.coverage == (flat != part.images).any(axis=-1).mean()
    assert 0 < run.coverage < 3 * (arm_images("dust", part.images, 1) != part.images).any(axis=-1).mean()


class _Looks:
    """A model of two classes that looks at the upper left quarter: the darker it is, the surer of class 1."""

    def predict_on_batch(self, images):
        dark = 1 - images[:, :16, :16].mean(axis=(1, 2, 3)) / 255
        share = 1 / (1 + np.exp(100 * (dark - 0.25)))
        return np.stack([share, 1 - share], axis=1).astype(np.float32)


def test_guides_are_of_the_right_class_even_where_the_softmax_is_sure():
    """Class 0 of a white picture leans on that quarter, although its share is 1."""
    white = np.full((2, 32, 32, 3), 255, np.uint8)
    assert _Looks().predict_on_batch(white)[0, 0] == 1
    guides = make_guides(_Looks(), white, np.array([0, 1]))

    assert guides.dtype == np.uint8
    assert (guides[0, :8, :8] == 255).all()
    assert not guides[0, 20:].any()
    assert not guides[0, :, 20:].any()
    assert not guides[1].any()  # The patch raises the score of class 1, wherever it lies.


def test_answers_show_where_models_disagree():
    """One picture of each class is shown, if possible one on which the models disagree."""
    labels = np.array([0, 0, 1, 1, 2, 2])
    first = np.eye(3)[[0, 0, 1, 1, 2, 2]]
    second = np.eye(3)[[0, 1, 1, 1, 0, 2]]

    assert [1, 4, 2] == _choose_answers({"none": first, "dust": second}, labels).tolist()
