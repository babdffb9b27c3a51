"""The guitar classifier of the 2017 post: it is trained with and without dust, and tested on guitars with graffiti.

Run ``python -m dustaug.examples.guitar_classifier``, or ``python examples/guitar_classifier.py`` in a clone. It draws
seven models of guitars, trains a small network on them twice, and tests both networks under graffiti. ``--help`` lists
more options: other arms and seeds, your own photos, pre-trained networks, and answers for single pictures.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np

import dustaug
from dustaug._extras import MissingExtraError, name_extra

if not __package__:  # If it runs as a file of a clone, it still belongs to its package.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __package__ = "examples"

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow logs too much.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

# What TensorFlow tells of its own set-up, in lines that begin with I for information. It writes them while it is
# imported, before it reads TF_CPP_MIN_LOG_LEVEL. Warnings and errors begin with W and E.
_CHATTER = re.compile(rb"^(?:I\d{4} |WARNING: All log messages before absl::InitializeLog).*\n?", re.MULTILINE)


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Hold back the error stream, of compiled code too, and show it at the end without what TensorFlow tells."""
    try:
        stream = os.dup(2)
    except OSError:  # There is no error stream.
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stream, 2)
            os.close(stream)
            held.seek(0)
            os.write(2, _CHATTER.sub(b"", held.read()))


_missing = ""
try:
    with (
        _without_chatter(),
        name_extra("guitar", "The guitar classifier", "PIL", "keras", "matplotlib", "rich", "tensorflow", "typer"),
    ):
        import keras
        import matplotlib as mpl
        import PIL
        import tensorflow as tf
        import typer
        from rich.console import Console
        from rich.table import Table
except MissingExtraError as error:
    _missing = str(error)
else:
    from .graffiti import SHARES, paint_graffiti
    from .guitar_figures import draw_answers, draw_dusted_sheet, draw_graffiti, draw_learning_curves, tint
    from .guitar_photos import BACKBONES, load_images, load_photos, predict_photos
    from .guitar_training import ARMS, GUIDED, Part, Recipe, arm_images, judge, make_guides, train
    from .guitars import MODELS, make_guitars
    from .runs import Reporter, choose, choose_seeds, read_finished, start, take_folder, write_json

__all__ = ["main"]

# Settings are chosen with one style of paint and tested with the other.
_STYLES = {"test": "spray", "validation": "marker"}
_PER_MODEL, _TEST_PER_MODEL = 100, 40
_SIZES = {True: 96, False: 224}
_SHEET_COLUMNS, _ANSWERS, _ANSWER_SEVERITY = 8, 7, 2


def main() -> None:
    """Run the command line."""
    if _missing:
        sys.exit(_missing)
    start(run)


def run(
    *,
    images: Annotated[list[Path] | None, typer.Argument(help="Pictures, with --predict.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for results, figures and models.")] = Path("guitars"),
    arms: Annotated[
        str, typer.Option(help="Any of none, dust, cutout, random-erasing, input-dropout, separated by commas.")
    ] = "none,dust",
    guided: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Train one more arm, whose dust lies where the model's own occlusion maps say; N is the number of "
            "epochs from one map to the next.",
            metavar="N",
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds separated by commas; each draws its own guitars.")] = "0",
    epochs: Annotated[int, typer.Option(min=1, help="Number of passes over the training pictures.")] = 30,
    size: Annotated[
        int | None,
        typer.Option(min=32, max=4096, help="Side of the pictures in pixels: 96 for small, 224 for the others."),
    ] = None,
    per_model: Annotated[
        int | None,
        typer.Option(min=5, max=100_000, help="Number of drawn training pictures per model: 100 if left out."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")] = False,
    evaluate: Annotated[
        str, typer.Option(help="test, or validation for choosing settings, with other pictures and another paint.")
    ] = "test",
    data: Annotated[
        Path | None, typer.Option(help="Use photos instead of drawings: a folder with one folder per class.")
    ] = None,
    backbone: Annotated[
        str,
        typer.Option(help="small (trained from scratch), resnet50 (as in the post), mobilenetv2 or efficientnetb0."),
    ] = "small",
    weights: Annotated[
        str | None, typer.Option(help="Weights of the backbone: imagenet (if left out), a file, or none.")
    ] = None,
    predict: Annotated[
        bool, typer.Option("--predict", help="Do not train; classify pictures with the models in --out.")
    ] = False,
) -> None:
    """Train a guitar classifier with and without dust, and test it under graffiti."""
    if predict:
        _predict(images or [], out)
        return
    if images:
        raise typer.BadParameter(f"pictures come with --predict, got {images[0]}: type --predict {images[0]}")
    backbone = choose("backbone", backbone, ("small", *BACKBONES))[0]
    small = backbone == "small"
    if small and weights not in (None, "none"):
        raise typer.BadParameter(
            f"weights must come with a network that has some, got {weights!r} with small: type --backbone resnet50"
        )
    if data is not None and per_model is not None:
        raise typer.BadParameter(
            f"per-model must come with drawn guitars, got {per_model} with --data: type only one of them"
        )
    if guided is not None and guided >= epochs:
        raise typer.BadParameter(
            f"guided must be less than the {epochs} epochs, as the first map is made after so many, got {guided}: type "
            f"--epochs {3 * guided}"
        )
    recipe = Recipe(
        size=size or _SIZES[small],
        epochs=epochs,
        backbone=backbone,
        weights="none" if small else weights or "imagenet",
        guided=guided or 0,
    )
    experiment = _Experiment(
        out=out,
        arms=(*choose("arms", arms, ARMS), *([GUIDED] if guided else [])),
        seeds=choose_seeds(seeds),
        recipe=recipe,
        per_model=per_model or _PER_MODEL,
        photos=data,
        evaluate=choose("evaluate", evaluate, tuple(_STYLES))[0],
    )
    tf.config.experimental.enable_op_determinism()  # The same seed gives exactly the same weights.
    experiment.run(resume=resume)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Split:
    """The pictures for training, for the validation curves and for the test, and the names of their classes."""

    training: Part
    validation: Part
    test: Part
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Experiment:
    """Arms that are trained on the same pictures and tested under the same graffiti."""

    out: Path
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    recipe: Recipe
    per_model: int
    photos: Path | None
    evaluate: str

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that the results depend on, except the arms and seeds."""
        return {
            **dataclasses.asdict(self.recipe),
            "data": "drawn" if self.photos is None else str(self.photos),
            "per_model": self.per_model,
            "evaluate": self.evaluate,
            "graffiti": _STYLES[self.evaluate],
            "versions": {
                "dustaug": dustaug.__version__,
                **{module.__name__: module.__version__ for module in (keras, mpl, np, PIL, tf)},
            },
        }

    def run(self, *, resume: bool) -> None:
        """Train and test the models that are missing, and write results and figures."""
        take_folder(self.out, resume=resume)
        console = Console(stderr=True)
        results: dict[str, Any] = {"settings": self.settings, "arms": {arm: [] for arm in self.arms}}
        histories: dict[str, list[Any]] = {arm: [] for arm in self.arms}
        progress = Reporter(console, len(self.seeds) * len(self.arms) * self.recipe.epochs)
        with progress.bar:
            for seed in self.seeds:
                progress.say(f"seed {seed}: reading pictures" if self.photos else f"seed {seed}: drawing")
                split = self._read(seed)
                for arm in self.arms:
                    done = read_finished(self._path(arm, seed, "json"), self.settings) if resume else None
                    if done is None:
                        done = self._train(arm, seed, split, progress)
                    else:
                        progress.advance(self.recipe.epochs, f"seed {seed}, {arm}: trained before")
                    results["arms"][arm].append(done["result"])
                    histories[arm].append(done["history"])
        write_json(self.out / "results.json", results)
        written = [self.out / "results.json", *self._draw(results, histories, self._read(self.seeds[0]))]
        Console().print(_summary(results))
        console.print("Written:", *written, sep="\n  ", highlight=False, soft_wrap=True)
        if len(self.seeds) == 1:
            # The example's own three seeds differ by up to 7 points in the gain of dust.
            console.print("One seed proves nothing: type --seeds 0,1,2 for means.", highlight=False, soft_wrap=True)

    def _read(self, seed: int) -> _Split:
        """Draw the guitars, or read the photos."""
        if self.photos is None:
            size = self.recipe.size
            numbers = (self.per_model, _TEST_PER_MODEL, _TEST_PER_MODEL)
            # Each part has its own seed, and no two runs share a seed.
            drawn = [make_guitars(n, size=size, seed=3 * seed + part) for part, n in enumerate(numbers)]
            training, validation, test = (Part(part.images, part.labels, part.bodies) for part in drawn)
            return _Split(training=training, validation=validation, test=test, names=MODELS)
        photos = load_photos(self.photos, size=self.recipe.size, seed=seed)
        # We do not know where the guitar is in a photo, so graffiti may fall everywhere.
        everywhere = np.ones(photos.images.shape[:3], bool)
        training, validation = (
            Part(photos.images[chosen], photos.labels[chosen], everywhere[chosen])
            for chosen in (photos.train, photos.validation)
        )
        return _Split(training=training, validation=validation, test=validation, names=photos.names)

    def _train(self, arm: str, seed: int, split: _Split, progress: Reporter) -> dict[str, Any]:
        epochs = self.recipe.epochs

        def report(epoch: int, accuracy: float) -> None:
            # Ten lines for each training are enough where the bar cannot move.
            line = f"seed {seed}, {arm}, epoch {epoch} of {epochs}: {accuracy:.0%} of validation"
            progress.advance(1, line, log=10 * epoch // epochs > 10 * (epoch - 1) // epochs)

        progress.say(f"seed {seed}, {arm}")
        n_classes = len(split.names)
        model, trained = train(
            arm, split.training, split.validation, n_classes, self.recipe, seed=seed, on_epoch=report
        )
        judged = split.validation if self.evaluate == "validation" else split.test
        fields = dataclasses.asdict(trained)
        history = fields.pop("history")
        result = {**fields, **judge(model, judged, style=_STYLES[self.evaluate], seed=seed)}
        done = {"settings": self.settings, "names": split.names, "result": result, "history": history}
        model.save(self._path(arm, seed, "keras"))
        write_json(self._path(arm, seed, "json"), done)
        return done

    def _path(self, arm: str, seed: int, suffix: str) -> Path:
        return self.out / "trainings" / f"{arm}-{seed}.{suffix}"

    def _draw(self, results: dict[str, Any], histories: dict[str, list[Any]], split: _Split) -> list[Path]:
        out, seed = self.out, self.seeds[0]
        few = split.training.images[:_SHEET_COLUMNS]
        sheets = {arm: arm_images(arm, few, seed) for arm in self.arms if arm != GUIDED}
        if GUIDED in self.arms:  # With the maps of the finished model.
            guided = keras.models.load_model(self._path(GUIDED, seed, "keras"))
            guides = make_guides(guided, few, split.training.labels[:_SHEET_COLUMNS])
            sheets["maps"] = tint(few, guides)
            sheets[GUIDED] = arm_images(GUIDED, few, seed, guides=guides)
        judged = split.validation if self.evaluate == "validation" else split.test
        painted, _ = paint_graffiti(
            judged.images, judged.bodies, severity=_ANSWER_SEVERITY, style=_STYLES[self.evaluate], seed=seed
        )
        first = "dust" if {"dust", GUIDED} <= set(self.arms) else self.arms[0]
        last = next((arm for arm in (GUIDED, "dust") if arm in self.arms), self.arms[-1])
        shown = list(dict.fromkeys([first, last]))
        models = {arm: keras.models.load_model(self._path(arm, seed, "keras")) for arm in shown}
        scores = {arm: model.predict(painted, verbose=0) for arm, model in models.items()}
        chosen = _choose_answers(scores, judged.labels)
        return [
            draw_learning_curves(histories, out / "learning_curves.png"),
            draw_dusted_sheet(sheets, out / "training_pictures.png"),
            draw_graffiti(results, out / "graffiti.png"),
            draw_answers(
                painted[chosen],
                judged.labels[chosen],
                {arm: rows[chosen] for arm, rows in scores.items()},
                split.names,
                out / "answers.png",
            ),
        ]


def _choose_answers(scores: dict[str, Any], labels: Any) -> Any:
    """Choose the pictures to show: first those of different classes on which the models disagree, then others."""
    guesses = np.stack([rows.argmax(axis=1) for rows in scores.values()])
    disagree = (guesses != guesses[0]).any(axis=0)
    order = np.argsort(~disagree, kind="stable")
    firsts = [next(i for i in order if labels[i] == label) for label in np.unique(labels)]
    firsts.sort(key=lambda i: (not disagree[i], i))
    return np.array(firsts[:_ANSWERS])


def _summary(results: dict[str, Any]) -> Table:
    """Return a table of the arms, with the spread over seeds."""
    n_seeds = len(next(iter(results["arms"].values())))
    title = "Accuracy in %, clean and with graffiti on so much of the body"
    table = Table(title=title + (", mean±deviation of seeds" if n_seeds > 1 else ""), box=None)
    for heading in ("arm", "clean", *(f"{share:.0%}" for share in SHARES.values()), "flips", "s/epoch"):
        table.add_column(heading, justify="left" if heading == "arm" else "right", no_wrap=True)
    for arm, runs in results["arms"].items():
        accuracy = 100 * np.array([[run["clean"], *run["graffiti"]] for run in runs])
        flips = 100 * np.mean([run["flips"] for run in runs], axis=0)
        seconds = np.mean([run["seconds_per_epoch"] for run in runs])
        spread = [f"±{value:.1f}" for value in accuracy.std(axis=0, ddof=1)] if n_seeds > 1 else [""] * 4
        table.add_row(
            arm,
            *(f"{mean:.1f}{each}" for mean, each in zip(accuracy.mean(axis=0), spread, strict=True)),
            "/".join(f"{share:.0f}" for share in flips),
            f"{seconds:.2f}",
        )
    return table


def _predict(paths: list[Path], out: Path) -> None:
    """Print the top three answers to each picture, from the first model of each arm."""
    if not paths:
        raise typer.BadParameter("--predict must be given pictures, got none: type --predict guitar.jpg")
    found = (out / "trainings").glob("*.json")
    records = sorted(found, key=lambda path: ((*ARMS, GUIDED).index(path.stem.rpartition("-")[0]), path.name))
    if not records:
        raise ValueError(f"{out} must hold trained models, got none: train them first, or type another --out")
    table = Table(title="Top-3 answers")
    table.add_column("picture")
    answers: dict[str, list[Any]] = {}
    for record in records:
        arm = record.stem.rpartition("-")[0]
        if arm not in answers:
            model = keras.models.load_model(record.with_suffix(".keras"))
            names = json.loads(record.read_text(encoding="utf-8"))["names"]
            answers[arm] = predict_photos(model, load_images(paths, size=model.input_shape[1]), names, top=3)
            table.add_column(arm)
    for i, path in enumerate(paths):
        cells = ("\n".join(f"{name} {score:.0%}" for name, score in rows[i]) for rows in answers.values())
        table.add_row(path.name, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
