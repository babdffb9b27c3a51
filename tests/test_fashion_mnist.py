"""The Fashion-MNIST example: its data, its arms, its networks, trainings that repeat and go on, and the program."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

import dustaug
from dustaug.robustness import OcclusionCurve, OcclusionRuns
from examples import fashion_data
from examples.fashion_data import Crops, Draws, Pictures, find_folder, garment, read_pictures, split
from examples.fashion_figures import error_figure, occlusion_figure, pictures_figure
from examples.fashion_mnist import _read_arms, main
from examples.fashion_models import MODELS, make_model
from examples.fashion_occluders import OCCLUDERS, judge, make_occluders, paint_strokes
from examples.fashion_training import (
    ARMS,
    Recipe,
    _Batches,
    hidden_share,
    make_predict,
    time_painting,
    train,
)

ROOT = Path(__file__).parent.parent
QUICK = ["--epochs", "2", "--train-images", "600", "--judge-images", "200", "--threads", "1", "--device", "cpu"]
FIGURES = ["clean_error.png", "occlusion.png", "training_pictures.png", "occluded_pictures.png"]


def draw_pictures(n, seed):
    """Return pictures that a network can learn: a bright block on black, whose place and brightness tell the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, n)
    images = np.zeros((n, 28, 28), np.uint8)
    blocks = rng.integers(1, 25, (n, 14, 9), dtype=np.uint8) + (80 + 15 * labels[:, None, None]).astype(np.uint8)
    for image, block, label in zip(images, blocks, labels, strict=True):
        image[2 + label : 16 + label, 1 + 2 * (label % 9) : 10 + 2 * (label % 9)] = block
    return Pictures(images, labels)


def write_idx(path, array, *, zip_it=False):
    """Write an IDX file of bytes."""
    head = b"\0\0\x08" + bytes([array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    content = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content, 1) if zip_it else content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write files of the sizes of Fashion-MNIST, of which the labels are gzipped."""
    place = tmp_path_factory.mktemp("data")
    for name, n in (("train", 60_000), ("t10k", 10_000)):
        few = draw_pictures(1000, n)
        write_idx(place / f"{name}-images-idx3-ubyte", np.resize(few.images, (n, 28, 28)))
        write_idx(place / f"{name}-labels-idx1-ubyte.gz", np.resize(few.labels, n), zip_it=True)
    return place


def classify(*arguments, check=True):
    """Run the program and return what it printed, on both streams."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "fashion_mnist.py"), *map(str, arguments)],
        env={**os.environ, "COLUMNS": "140"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode == 0) == check, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


class TestData:
    """The files of Debian and of torchvision are read, and others are refused."""

    def test_pictures_are_those_of_the_files(self, folder):
        """Plain and gzipped files hold the same pictures as were written."""
        pictures, few = read_pictures(folder, "test"), draw_pictures(1000, 10_000)

        assert len(pictures) == 10_000
        assert (pictures.images[:1000] == few.images).all()
        assert (pictures.labels[-1000:] == few.labels).all()
        assert (pictures.images.dtype, pictures.labels.dtype) == (np.uint8, np.int64)

    @pytest.mark.parametrize("inner", ["", "FashionMNIST/raw", "raw"])
    def test_the_folder_may_be_that_of_torchvision(self, folder, tmp_path, inner):
        """The folder is found below torchvision's root too."""
        (tmp_path / inner).mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            (tmp_path / inner / path.name).symlink_to(path)

        assert find_folder(tmp_path) == tmp_path / inner

    def test_a_missing_file_is_named(self, tmp_path, monkeypatch):
        """The error says where the files may be had."""
        monkeypatch.setattr(fashion_data, "_DEBIAN", tmp_path)
        monkeypatch.chdir(tmp_path)
        message = (
            f"^Fashion-MNIST must lie in {tmp_path} or data, got no folder with train-images-idx3-ubyte and .* and "
            "t10k-labels-idx1-ubyte: type apt-get install"
        )
        with pytest.raises(FileNotFoundError, match=message):
            find_folder()
        with pytest.raises(
            FileNotFoundError, match=r"must lie in elsewhere, got .*FashionMNIST\('elsewhere', download"
        ):
            find_folder(Path("elsewhere"))
        for name in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"):
            (tmp_path / name).touch()
        with pytest.raises(FileNotFoundError, match="got no folder with t10k-images-idx3-ubyte: type"):
            find_folder(tmp_path)

    @pytest.mark.parametrize("damage", ["cut", "other magic", "other size", "broken gzip", "cut gzip", "labels"])
    def test_other_files_are_refused(self, folder, tmp_path, damage):
        """A file must have the right head and length, and labels from 0 to 9."""
        for path in folder.iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
        images, labels = tmp_path / "t10k-images-idx3-ubyte", tmp_path / "t10k-labels-idx1-ubyte.gz"
        content = images.read_bytes()
        if damage == "cut":
            images.write_bytes(content[:-1])
        elif damage == "other magic":
            images.write_bytes(b"\0\0\x0d" + content[3:])
        elif damage == "other size":
            write_idx(images, np.zeros((9_999, 28, 28)))
        elif damage == "broken gzip":
            labels.write_bytes(b"labels")
        elif damage == "cut gzip":
            labels.write_bytes(labels.read_bytes()[:-9])
        else:
            write_idx(labels, np.full(10_000, 10), zip_it=True)
        with pytest.raises(
            ValueError,
            match=r"must (have .* bytes that begin with .*|be a whole gzip file|be from 0 to 9), got .*fetch",
        ):
            read_pictures(tmp_path, "test")
        assert len(read_pictures(tmp_path, "train")) == 60_000

    def test_the_validation_pictures_are_apart(self):
        """Settings are chosen on 5,000 pictures, always the same, that no training sees."""
        numbers = Pictures(np.zeros((60_000, 1, 1), np.uint8), np.arange(60_000))
        training, validation = split(numbers)

        assert (len(training), len(validation)) == (55_000, 5_000)
        assert set(training.labels) | set(validation.labels) == set(range(60_000))
        assert (split(numbers)[1].labels == validation.labels).all()


class TestCrops:
    """Shifts and flips depend on the seed, the epoch and the picture alone."""

    def test_draws_repeat(self):
        """An epoch has one order, in which each picture comes once."""
        first, again, other = Draws(500, 3, 1), Draws(500, 3, 1), Draws(500, 3, 2)

        assert sorted(first.order) == list(range(500))
        for name in ("order", "shifts", "flips"):
            assert (getattr(first, name) == getattr(again, name)).all()
            assert (getattr(first, name) != getattr(other, name)).any()
        assert (first.shifts.min(), first.shifts.max()) == (0, 8)
        assert 200 < first.flips.sum() < 300

    def test_crops_equal_a_plain_loop(self):
        """A crop is a window of the picture with four black pixels around, mirrored where the draws say so."""
        pictures = draw_pictures(60, 1)
        crops = Crops(pictures, 5)
        crops.set_epoch(2)
        draws, index = Draws(60, 5, 2), np.arange(60)
        images, labels = crops.batch(index[::-1].copy())

        for i in index:
            padded = np.pad(pictures.images[i], 4)
            row, column = draws.shifts[i]
            expected = padded[row : row + 28, column : column + 28]
            expected = expected[:, ::-1] if draws.flips[i] else expected
            image, label, guide = crops[int(i)]
            assert (image.numpy() == expected).all()
            assert (images[59 - i].numpy() == expected).all()
            assert labels[59 - i] == label == pictures.labels[i]
            assert (guide.numpy() == (expected > 0)).all()

    @pytest.mark.parametrize("arm", ["none", "dust", "guided", "cutout"])
    @pytest.mark.parametrize("workers", [0, 2])
    def test_a_loader_paints_what_the_device_paints(self, arm, workers):
        """DustDataset in a data loader, with or without workers, gives the bytes of whole painted batches."""
        crops = Crops(draw_pictures(300, 2), 7)
        on_device, loaded = (_Batches(crops, ARMS[arm], 7, 128, how) for how in (None, workers))

        for epoch in (0, 3):
            pairs = list(zip(on_device.of(epoch), loaded.of(epoch), strict=True))
            assert [len(labels) for (_, labels), _ in pairs] == [128, 128, 44]
            for first, second in pairs:
                assert all(torch.equal(*both) for both in zip(first, second, strict=True))


class TestArms:
    """Each arm hides what its paper says, at 28 pixels."""

    def test_specs(self):
        """The numbers are those of the papers' code, and of the protocol."""
        assert ARMS["none"] is None
        assert ARMS["dust"].replace(center="guide") == ARMS["guided"]
        assert ARMS["cutout"].side_range == (8, 8)
        assert ARMS["random-erasing"] == dustaug.random_erasing(fill="constant", fill_value=72)
        assert [side / 8 for side in (0, 16, 32, 40, 56)] == list(ARMS["hide-and-seek"].cell_sides)
        assert ARMS["grid-mask"].period_range == (96 / 8, 223 // 8)

    @pytest.mark.parametrize("arm", ARMS)
    def test_shares_that_are_hidden(self, arm):
        """Every arm but the first hides some of the pictures; guided dust hides most of the garments."""
        pictures = draw_pictures(400, 3)
        of_picture, of_garment = hidden_share(ARMS[arm], pictures, seed=1)

        assert (arm != "none") == (0 < of_picture < 0.6)
        if arm == "guided":
            assert of_garment > 2 * hidden_share(ARMS["dust"], pictures, seed=1)[1]
            assert of_garment > 2 * of_picture
        images = Crops(pictures, 1).batch(np.arange(400))[0]
        if arm not in ("none", "guided"):
            mask = dustaug.sample_rectangles(ARMS[arm], height=28, width=28, seed=1, index=np.arange(400)).mask(28, 28)
            worn = garment(images)[:, 0].numpy().astype(bool)
            assert (of_picture, of_garment) == (mask.mean(), mask[worn].mean())

    def test_painting_is_timed(self):
        """The time is above 0 for dust."""
        assert time_painting(ARMS["dust"], draw_pictures(300, 1), seed=0, batch_size=128) > 0


class TestModels:
    """The networks have the sizes that are stated."""

    @pytest.mark.parametrize(("name", "weights"), [("small", 79_866), ("resnet20", 272_186)])
    def test_weights(self, name, weights):
        """The seed determines the weights, and leaves torch's own generator alone."""
        torch.manual_seed(3)
        expected = torch.rand(1)
        torch.manual_seed(3)
        first, again, other = make_model(name, 1), make_model(name, 1), make_model(name, 2)

        assert torch.rand(1) == expected
        assert sum(each.numel() for each in first.parameters()) == weights
        assert same_weights(first, again)
        assert not same_weights(first, other)
        assert first(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)).shape == (2, 10)
        assert set(MODELS) == {"small", "resnet20"}


def same_weights(first, second):
    return all(
        torch.equal(ours, theirs)
        for ours, theirs in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


class TestTraining:
    """A training repeats, goes on after a stop, and learns."""

    @pytest.fixture(autouse=True)
    def one_thread(self):
        """Compute on one thread, where sums have one order."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(threads)

    @pytest.mark.parametrize("arm", ["none", "guided"])
    def test_it_repeats_and_goes_on(self, tmp_path, arm):
        """The same seed gives the same weights, also if the training was stopped and went on."""
        pictures, recipe = draw_pictures(300, 1), Recipe(epochs=3)
        whole = train(ARMS[arm], pictures, recipe, seed=1)
        again = train(ARMS[arm], pictures, recipe, seed=1, workers=0)

        def stop(epoch, *_):
            if epoch == 2:
                raise KeyboardInterrupt

        checkpoint = tmp_path / "none-1.pt"
        with pytest.raises(KeyboardInterrupt):
            train(ARMS[arm], pictures, recipe, seed=1, checkpoint=checkpoint, on_epoch=stop)
        seen = []
        resumed = train(
            ARMS[arm], pictures, recipe, seed=1, checkpoint=checkpoint, on_epoch=lambda epoch, *_: seen.append(epoch)
        )

        assert seen == [3]
        assert whole.losses == again.losses == resumed.losses
        assert same_weights(whole.model, again.model)
        assert same_weights(whole.model, resumed.model)
        assert len(resumed.seconds) == 3
        assert [checkpoint] == list(tmp_path.iterdir())

    def test_a_loss_that_leaves_the_numbers_ends_it(self, tmp_path):
        """The error says in which epoch, and no checkpoint of it is kept."""
        message = r"^the loss must stay finite, got nan in epoch 1 with a rate of 1e\+30: type --rate 0\.1$"
        with pytest.raises(ValueError, match=message):
            train(None, draw_pictures(300, 1), Recipe(epochs=1, rate=1e30), seed=1, checkpoint=tmp_path / "none-1.pt")
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("content", [b"", b"PK", b"x" * 5000])
    def test_a_broken_checkpoint_is_named(self, tmp_path, content):
        """The error says which file to delete."""
        path = tmp_path / "none-1.pt"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"none-1\.pt must be what a stopped training left, got .*: delete it"):
            train(None, draw_pictures(300, 1), Recipe(epochs=1), seed=1, checkpoint=path)

    @pytest.mark.parametrize("precision", ["float32", "bfloat16"])
    def test_it_learns(self, precision):
        """The loss falls, and the network knows new pictures of the same kind."""
        trained = train(None, draw_pictures(1000, 1), Recipe(epochs=6, precision=precision), seed=1)
        new = draw_pictures(200, 2)
        scores = make_predict(trained.model)(new.images)

        assert trained.losses[-1] < trained.losses[0] / 2
        assert (scores.argmax(axis=1) == new.labels).mean() > 0.5
        assert scores.dtype == np.float32


class TestOccluders:
    """Cells, strokes and garments hide parts of pictures, always the same parts."""

    def test_curves(self):
        """Each occluder has its severities, hides the more the higher they are, and repeats."""
        pictures = draw_pictures(120, 1)
        curves, again = (
            judge(lambda images: np.eye(10)[images[:, 14, 14] // 26], pictures, make_occluders(pictures))
            for _ in range(2)
        )

        assert curves == again
        assert list(curves) == list(OCCLUDERS)
        assert [len(curve.severities) for curve in curves.values()] == [9, 3, 4]
        for curve in curves.values():
            assert list(curve.coverage) == sorted(curve.coverage)
            assert curve.coverage[0] > 0.01

    def test_strokes_are_grey_and_leave_the_rest(self):
        """Pixels that no stroke touches keep their grey, and the marks lie about the garment."""
        pictures = draw_pictures(30, 1)
        painted = paint_strokes(pictures.images, pictures.images > 0, 2)
        changed = painted != pictures.images

        assert painted.shape == pictures.images.shape
        assert 0.15 < changed[pictures.images > 0].mean() < 0.6
        assert changed.mean() < 0.4


class TestFigures:
    """Figures name the arms in the house's colours."""

    def test_errors(self):
        """Each arm has a row with its mean error."""
        figure = error_figure({"none": [0.08, 0.09], "dust": [0.07, 0.08]})
        [ax] = figure.axes

        assert isinstance(figure, Figure)
        assert [each.get_text() for each in ax.get_yticklabels()] == ["No dust", "Dust"]
        assert [each.get_text() for each in ax.texts] == ["8.50", "7.50"]
        assert ax.get_title(loc="right") == "mean of 2 seeds; pale: each seed"

    def test_curves_of_each_occluder(self):
        """Each occluder has a panel, and the legend names each arm once."""
        curve = OcclusionCurve(
            n_images=9, clean_accuracy=0.9, severities=(1,), coverage=(0.2,), accuracy=(0.5,), flip_rate=(0.4,)
        )
        runs = {arm: dict.fromkeys(OCCLUDERS, OcclusionRuns((curve, curve))) for arm in ("none", "dust")}
        figure = occlusion_figure(runs, OCCLUDERS)

        assert [ax.get_title(loc="left") for ax in figure.axes] == [
            "Black cells of 7 by 7",
            "Strokes of a marker",
            "Garments of other pictures",
        ]
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["No dust", "Dust"]

    def test_pictures(self):
        """Each row has its name, and all pictures."""
        figure = pictures_figure({"dust": np.zeros((4, 28, 28), np.uint8), "As it is": np.zeros((4, 28, 28), np.uint8)})

        assert len(figure.axes) == 8
        assert [ax.get_ylabel() for ax in figure.axes[::4]] == ["Dust", "As it is"]


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """Train two arms with two seeds for a short time, and return the folder and what was printed."""
    out = tmp_path_factory.mktemp("fashion")
    return out, classify("--data", folder, "--out", out, *QUICK, "--arms", "none,guided", "--seeds", "3,4")


class TestProgram:
    """The program trains, measures, writes, and goes on."""

    def test_a_run_leaves_results_and_figures(self, trained):
        """A run writes results with sensible numbers, and figures that can be opened."""
        out, printed = trained
        results = json.loads((out / "results.json").read_text())

        assert list(results["arms"]) == ["none", "guided"]
        assert results["settings"]["judged"] == "validation"
        for arm, runs in results["arms"].items():
            assert [run["seed"] for run in runs] == [3, 4]
            for run in runs:
                assert 0 <= run["error"] <= 1
                assert len(run["losses"]) == 2
                assert run["seconds_per_epoch"] > 0
                assert (arm != "none") == (run["hidden"] > 0)
                curves = {name: OcclusionCurve(**curve) for name, curve in run["curves"].items()}
                assert set(curves) == set(OCCLUDERS)
                assert {curve.n_images for curve in curves.values()} == {200}
        for name in FIGURES:
            with Image.open(out / name) as figure:
                assert min(figure.size) > 200
            assert name in printed
        assert "arm clean cells strokes garments s/epoch painting" in " ".join(printed.split())
        assert "seed 4, guided, epoch 2 of 2: loss " in printed

    def test_a_stopped_run_goes_on(self, trained, folder, tmp_path):
        """What is finished is not trained again, and the results are the same but for times."""
        out, _ = trained
        (tmp_path / "trainings").mkdir()
        for name in ("none-3.json", "none-3.pt", "guided-3.pt"):
            (tmp_path / "trainings" / name).write_bytes((out / "trainings" / name).read_bytes())
        arguments = ["--data", folder, "--out", tmp_path, *QUICK, "--arms", "none,guided", "--seeds", "3"]
        refused = classify(*arguments, check=False)
        printed = classify(*arguments, "--resume")
        results = [json.loads((place / "results.json").read_text())["arms"] for place in (out, tmp_path)]

        assert "must hold no results of another run" in " ".join(refused.split())
        assert "seed 3, none: trained before" in printed
        assert "epoch" not in printed.replace("s/epoch", "")
        for arm in ("none", "guided"):
            expected, found = ({**runs[arm][0], "painting_seconds": 0} for runs in results)
            assert found == expected
        other = classify(*arguments, "--resume", "--rate", "0.2", check=False)
        assert "none-3.json must be of the same settings for --resume" in " ".join(other.split())

    def test_a_half_training_of_other_settings_is_not_taken(self, trained, folder, tmp_path):
        """With --resume it is refused, and without it the training begins anew."""
        (tmp_path / "trainings").mkdir()
        name = "trainings/none-3.pt"
        (tmp_path / name).write_bytes((trained[0] / name).read_bytes())
        arguments = ["--data", folder, "--out", tmp_path, *QUICK, "--arms", "none", "--seeds", "3", "--rate", "0.2"]
        refused = classify(*arguments, "--resume", check=False)
        printed = classify(*arguments)

        assert "none-3.pt must be of the same settings for --resume, got rate 0.1 instead of 0.2: type" in " ".join(
            refused.split()
        )
        assert "seed 3, none, epoch 1 of 2: loss " in printed

    def test_a_spec_of_a_file_is_an_arm(self, trained, folder, tmp_path):
        """It is trained as the arm of the same spec; its spec is recorded, and another one is not resumed."""
        out, _ = trained
        mine, place = tmp_path / "mine.json", tmp_path / "out"
        mine.write_text(json.dumps(ARMS["guided"].to_dict()))
        arguments = ["--data", folder, "--out", place, *QUICK, "--arms", f"none,{mine}", "--seeds", "3"]
        (place / "trainings").mkdir(parents=True)
        (place / "trainings" / "none-3.json").write_bytes((out / "trainings" / "none-3.json").read_bytes())
        classify(*arguments, "--resume")
        expected, found = (json.loads((path / "results.json").read_text()) for path in (out, place))
        mine.write_text(json.dumps({**ARMS["guided"].to_dict(), "count_range": [0, 7]}))
        refused = classify(*arguments, "--resume", check=False)

        assert list(found["arms"]) == ["none", "mine"]
        assert expected["settings"] == found["settings"]
        assert {name: dustaug.Spec.from_dict(spec) for name, spec in found["specs"].items()} == {"mine": ARMS["guided"]}
        assert "specs" not in expected
        for key in ("seed", "error", "curves", "losses", "hidden", "hidden_of_garments"):
            assert expected["arms"]["guided"][0][key] == found["arms"]["mine"][0][key]
        assert "mine-3.json must be of the same settings for --resume, got count_range [0, 31] instead of [0, 7]" in (
            " ".join(refused.split())
        )

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("mine.json", "{", "Spec in JSON that can paint pictures of 28 pixels, got: Expecting property name"),
            ("mine.json", "[]", "of 28 pixels, got: fields of Spec must be a mapping"),
            ("mine.json", '{"counts": 3}', "of 28 pixels, got: fields of Spec must be known, got counts"),
            ("mine.json", '{"p": 2}', "mine.json must hold the fields of a Spec in JSON"),
            ("mine.json", '{"per_object": true}', "of 28 pixels, got: objects must be given with per_object"),
            ("mine.json", None, "mine.json must be a file that holds a spec, got No such file or directory: type"),
            ("dust.json", "{}", "dust.json must have a name that no other arm has, got dust: rename the file"),
        ],
    )
    def test_files_that_hold_no_spec_are_refused(self, tmp_path, monkeypatch, name, content, message):
        """The error names the file, and what is wrong with it."""
        monkeypatch.chdir(tmp_path)
        if content is not None:
            (tmp_path / name).write_text(content)

        with pytest.raises(ValueError, match=re.escape(message)):
            _read_arms(f"none,{name}")

    def test_two_files_of_one_name_are_refused(self, tmp_path):
        """Their arms could not be told apart."""
        paths = [tmp_path / "a.json", tmp_path / "b" / "a.json"]
        paths[1].parent.mkdir()
        for path in paths:
            path.write_text("{}")

        with pytest.raises(ValueError, match=r"b/a\.json must have a name that no other arm has, got a: rename"):
            _read_arms(",".join(map(str, paths)))

    def test_test_pictures_are_opened_with_test_only(self, folder, tmp_path):
        """A validation run reads no test file."""
        for path in folder.iterdir():
            target = tmp_path / path.name
            target.write_bytes(b"broken") if "t10k" in path.name else target.symlink_to(path)
        arguments = ["--data", tmp_path, *QUICK, "--epochs", "1", "--arms", "none"]
        assert "Written:" in classify(*arguments, "--out", tmp_path / "validation")
        assert re.search(
            "t10k-images-idx3-ubyte must have 7,840,016 bytes that begin with 00 00 08 03 .* got 6 that begin",
            " ".join(classify(*arguments, "--out", tmp_path / "test", "--test", check=False).split()),
        )

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--arms", "sand"], "arms must be of none, dust, guided"),
            (["--model", "vit"], "model must be of small, resnet20, got 'vit'"),
            (["--precision", "float16"], "precision must be of float32, bfloat16"),
            (["--device", "sofa"], "device must be one of this machine, got sofa: type --device cpu"),
            (["--device", "meta"], "device must be one of this machine, got meta: type --device cpu"),
            (["--rate", "0"], "rate must be a positive number, got 0: type --rate 0.1"),
            (["--judge-images", "5001"], "--judge-images must be at most 5000, got 5001: type --judge-images 5000"),
            (["--train-images", "70000"], "--train-images must be at most 55000, got 70000: type"),
        ],
    )
    def test_bad_options_are_named(self, folder, arguments, message, refused):
        """An option that cannot be is named, with what to type."""
        assert message in refused(main, "--data", folder, *arguments)
