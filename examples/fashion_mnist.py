"""Does dust help on photographs? Classifiers of Fashion-MNIST, trained with several ways to hide parts of pictures.

Run ``python -m dustaug.examples.fashion_mnist``, or ``python examples/fashion_mnist.py`` in a clone. It trains a small
network with and without dust, and measures both on clean pictures, under black cells, under strokes of a marker, and
under garments that are cut out of other pictures. ``--help`` lists the other arms, how to try a spec of your own, and
the ResNet-20. The pictures come from Debian's package ``dataset-fashion-mnist`` or from torchvision.
"""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np

import dustaug
from dustaug._extras import MissingExtraError, name_extra

if not __package__:  # If it runs as a file of a clone, it still belongs to its package.
    sys.path.insert(0, str(Path(__file__).parents[1]))
    __package__ = "examples"

_missing = ""
try:
    with name_extra("fashion", "The Fashion-MNIST example", "PIL", "matplotlib", "rich", "torch", "typer"):
        import matplotlib as mpl
        import PIL
        import torch
        import typer
        from rich.console import Console
        from rich.table import Table
except MissingExtraError as error:
    _missing = str(error)
else:
    from dustaug.robustness import OcclusionCurve, OcclusionRuns

    from .fashion_data import Crops, Pictures, find_folder, read_pictures, split
    from .fashion_figures import error_figure, occlusion_figure, pictures_figure
    from .fashion_models import MODELS
    from .fashion_occluders import OCCLUDERS, judge, make_occluders
    from .fashion_training import ARMS, Recipe, hidden_share, make_predict, paint, time_painting, train
    from .figures import write
    from .runs import Reporter, choose, choose_seeds, read_finished, start, take_folder, write_json

__all__ = ["main"]

_COLUMNS = 10
_SHOWN = {"cells": (0.3, 0.6), "strokes": (0.22,), "garments": (0.2, 0.4)}


def main() -> None:
    """Run the command line."""
    if _missing:
        sys.exit(_missing)
    start(run)


def run(
    *,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the four files, or torchvision's root: that of Debian's package if left out."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for results, figures and models.")] = Path("fashion"),
    arms: Annotated[
        str,
        typer.Option(
            help="Any of none, dust, guided, cutout, random-erasing, hide-and-seek, grid-mask, separated by commas, "
            "and JSON files of your own specs, as Spec.to_dict() has them: mine.json becomes the arm mine."
        ),
    ] = "none,dust",
    seeds: Annotated[str, typer.Option(help="Seeds separated by commas.")] = "0",
    model: Annotated[str, typer.Option(help="small (79,866 weights) or resnet20 (272,186).")] = "small",
    epochs: Annotated[int, typer.Option(min=1, help="Number of passes over the training pictures.")] = 4,
    batch_size: Annotated[int, typer.Option(min=2, help="Pictures per step.")] = 128,
    rate: Annotated[float, typer.Option(help="Greatest learning rate.")] = 0.1,
    precision: Annotated[
        str,
        typer.Option(help="float32 or bfloat16, which is faster on a GPU, and on processors that compute in it."),
    ] = "float32",
    device: Annotated[
        str | None, typer.Option(help="Where to train: cuda if there is a GPU, else cpu, if left out.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads on the CPU. With one, a training repeats bit for bit.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0, help="Let N processes of a data loader paint, through DustDataset; the pixels are the same."
        ),
    ] = None,
    train_images: Annotated[int | None, typer.Option(min=100, help="Train on the first N pictures only.")] = None,
    judge_images: Annotated[int | None, typer.Option(min=100, help="Measure on the first N pictures only.")] = None,
    test: Annotated[
        bool,
        typer.Option(
            "--test/--validation",
            help="Train on all 60,000 pictures and measure on the test pictures, or choose settings: train on 55,000 "
            "and measure on the other 5,000.",
        ),
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")] = False,
) -> None:
    """Train classifiers of Fashion-MNIST with and without dust, and measure them under occlusion."""
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=device)
        torch.autocast(torch.device(device).type)
    except (RuntimeError, AssertionError) as problem:  # An AssertionError where torch has no CUDA.
        raise typer.BadParameter(f"device must be one of this machine, got {device}: type --device cpu") from problem
    if not 0 < rate < math.inf:
        raise typer.BadParameter(f"rate must be a positive number, got {rate:g}: type --rate 0.1")
    if threads is not None:
        torch.set_num_threads(threads)
    experiment = _Experiment(
        data=find_folder(data),
        out=out,
        arms=_read_arms(arms),
        seeds=choose_seeds(seeds),
        recipe=Recipe(
            model=choose("model", model, tuple(MODELS))[0],
            epochs=epochs,
            batch_size=batch_size,
            rate=rate,
            precision=choose("precision", precision, ("float32", "bfloat16"))[0],
        ),
        device=device,
        workers=workers,
        n_images=(train_images, judge_images),
        is_test=test,
    )
    experiment.run(resume=resume)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Experiment:
    """Arms that are trained on the same pictures, and measured under the same occluders."""

    data: Path
    out: Path
    arms: dict[str, dustaug.Spec | None]
    seeds: tuple[int, ...]
    recipe: Recipe
    device: str
    workers: int | None
    n_images: tuple[int | None, int | None]
    is_test: bool

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that the results depend on, except the arms, the seeds, and the number of threads."""
        return {
            **dataclasses.asdict(self.recipe),
            "judged": "test" if self.is_test else "validation",
            "train_images": self.n_images[0],
            "judge_images": self.n_images[1],
            "device": self.device,
            "versions": {
                "dustaug": dustaug.__version__,
                **{module.__name__: str(module.__version__) for module in (mpl, np, PIL, torch)},
            },
        }

    @property
    def own_specs(self) -> dict[str, dict[str, Any]]:
        """Fields of the specs that came from files; the names of the other arms tell theirs."""
        return {arm: spec.to_dict() for arm, spec in self.arms.items() if spec is not None and arm not in ARMS}

    def settings_of(self, arm: str) -> dict[str, Any]:
        """Everything that the trainings of an arm depend on, except the seed and the number of threads."""
        own = self.own_specs
        return {**self.settings, "spec": own[arm]} if arm in own else self.settings

    def run(self, *, resume: bool) -> None:
        """Train and measure the models that are missing, and write results and figures."""
        take_folder(self.out, resume=resume)
        console = Console(stderr=True)
        results: dict[str, Any] = {"settings": self.settings, "arms": {arm: [] for arm in self.arms}}
        if self.own_specs:
            results["specs"] = self.own_specs
        reporter = Reporter(console, len(self.seeds) * len(self.arms) * self.recipe.epochs)
        with reporter.bar:
            training, judged = self._read()
            reporter.say("painting the occluders")
            occluders = make_occluders(judged)
            for seed in self.seeds:
                for arm in self.arms:
                    done = read_finished(self._path(arm, seed, "json"), self.settings_of(arm)) if resume else None
                    if not resume:  # What a run left that was stopped before its first training had ended.
                        self._path(arm, seed, "pt").unlink(missing_ok=True)
                    if done is None:
                        done = self._train(arm, seed, training, judged, occluders, reporter)
                    else:
                        reporter.advance(self.recipe.epochs, f"seed {seed}, {arm}: trained before")
                    results["arms"][arm].append(done["result"])
        write_json(self.out / "results.json", results)
        written = [self.out / "results.json", *self._draw(results, training, judged, occluders)]
        Console().print(_summary(results))
        console.print("Written:", *written, sep="\n  ", highlight=False, soft_wrap=True)
        if len(self.seeds) == 1:
            console.print("One seed proves nothing: type --seeds 0,1,2 for means.", highlight=False, soft_wrap=True)

    def _read(self) -> tuple[Pictures, Pictures]:
        """Return the pictures for training, and those to measure on. Without --test no test picture is opened."""
        pictures = read_pictures(self.data, "train")
        training, judged = (pictures, read_pictures(self.data, "test")) if self.is_test else split(pictures)
        first, second = self.n_images
        return _first(training, first, "train-images"), _first(judged, second, "judge-images")

    def _train(
        self, arm: str, seed: int, training: Pictures, judged: Pictures, occluders: Any, reporter: Reporter
    ) -> dict[str, Any]:
        epochs, spec, settings = self.recipe.epochs, self.arms[arm], self.settings_of(arm)

        def report(epoch: int, _: Any, loss: float) -> None:
            reporter.advance(1, f"seed {seed}, {arm}, epoch {epoch} of {epochs}: loss {loss:.3f}")

        trained = train(
            spec,
            training,
            self.recipe,
            seed=seed,
            device=self.device,
            workers=self.workers,
            checkpoint=self._path(arm, seed, "pt"),
            settings=settings,
            on_epoch=report,
        )
        reporter.say(f"seed {seed}, {arm}: measuring")
        curves = judge(make_predict(trained.model, device=self.device), judged, occluders)
        picture_share, garment_share = hidden_share(spec, training, seed=seed)
        batch_size = self.recipe.batch_size
        result = {
            "seed": seed,
            "error": 1 - next(iter(curves.values())).clean_accuracy,
            "curves": {name: curve.to_dict() for name, curve in curves.items()},
            "losses": trained.losses,
            "hidden": picture_share,
            "hidden_of_garments": garment_share,
            "seconds_per_epoch": statistics.median(trained.seconds[1:] or trained.seconds),
            "painting_seconds": time_painting(spec, training, seed=seed, batch_size=batch_size, device=self.device),
        }
        done = {"settings": settings, "arm": arm, "result": result}
        write_json(self._path(arm, seed, "json"), done)
        return done

    def _path(self, arm: str, seed: int, suffix: str) -> Path:
        return self.out / "trainings" / f"{arm}-{seed}.{suffix}"

    def _draw(self, results: dict[str, Any], training: Pictures, judged: Pictures, occluders: Any) -> list[Path]:
        errors = {arm: [run["error"] for run in runs] for arm, runs in results["arms"].items()}
        crops, index = Crops(training, self.seeds[0]), np.arange(_COLUMNS)
        sheets = {
            arm: paint(crops.batch(index)[0], spec, self.seeds[0], 0, index)[:, 0].numpy()
            for arm, spec in self.arms.items()
        }
        few = judged.images[:_COLUMNS]
        hidden = {"As it is": few}
        for name, severities in _SHOWN.items():
            for severity in severities:
                row = f"{name.capitalize()} {100 * severity:.0f}\N{NO-BREAK SPACE}%"
                hidden[row] = _occlude(occluders[name][severity], few)
        return [
            write(error_figure(errors), self.out / "clean_error.png"),
            write(occlusion_figure(_runs(results), OCCLUDERS), self.out / "occlusion.png"),
            write(pictures_figure(sheets), self.out / "training_pictures.png"),
            write(pictures_figure(hidden), self.out / "occluded_pictures.png"),
        ]


def _read_arms(text: str) -> dict[str, dustaug.Spec | None]:
    """Return the specs of a list with commas of names of arms, and of JSON files, which become arms of their names."""
    files = [word.strip() for word in text.split(",") if word.strip().endswith(".json")]
    arms: dict[str, dustaug.Spec | None] = {}
    for word in choose("arms", text, (*ARMS, *(files or ["SPEC.json"]))):
        name = Path(word).stem if word in files else word
        if name in arms or (word in files and name in ARMS):
            raise ValueError(f"{word} must have a name that no other arm has, got {name}: rename the file")
        arms[name] = _read_spec(Path(word)) if word in files else ARMS[word]
    return arms


def _read_spec(path: Path) -> dustaug.Spec:
    """Return the spec of a file, once it has painted one picture."""
    try:
        spec = dustaug.Spec.from_dict(json.loads(path.read_text(encoding="utf-8")))
        white = np.full((1, 28, 28), 255, np.uint8)
        hidden_share(spec, Pictures(white, np.zeros(1, np.int64)), seed=0)
        paint(torch.from_numpy(white)[:, None], spec, 0, 0, np.zeros(1, np.int64))
    except OSError as problem:
        raise ValueError(
            f"{path} must be a file that holds a spec, got {problem.strerror}: type --arms none,dust, or write "
            "json.dumps(spec.to_dict()) into it"
        ) from problem
    except (ValueError, TypeError) as problem:
        raise ValueError(
            f"{path} must hold the fields of a Spec in JSON that can paint pictures of 28 pixels, got: {problem}"
        ) from problem
    return spec


def _first(pictures: Pictures, n: int | None, name: str) -> Pictures:
    """Return the first n pictures, or all."""
    if n is not None and n > len(pictures):
        raise ValueError(f"--{name} must be at most {len(pictures)}, got {n}: type --{name} {len(pictures)}")
    return pictures[:n]


def _occlude(occlusion: Any, images: Any) -> Any:
    """Return the first pictures as `occlusion_curve` paints them."""
    copies, index = images.copy(), np.arange(len(images))
    if isinstance(occlusion, dustaug.Spec):
        return dustaug.add_dust(copies, occlusion, seed=0, index=index, layout="NHW")
    return occlusion(copies, index)


def _runs(results: dict[str, Any]) -> dict[str, dict[str, OcclusionRuns]]:
    """Return the curves of the seeds, for each arm and occluder."""
    return {
        arm: {name: OcclusionRuns(tuple(OcclusionCurve(**each["curves"][name]) for each in runs)) for name in OCCLUDERS}
        for arm, runs in results["arms"].items()
    }


def _summary(results: dict[str, Any]) -> Table:
    """Return a table of the arms, with the spread over seeds."""
    n_seeds = len(next(iter(results["arms"].values())))
    judged = results["settings"]["judged"]
    title = f"Error in % on {judged} pictures: clean, and the mean over the severities of each occluder"
    table = Table(title=title + (", mean±deviation of seeds" if n_seeds > 1 else ""), box=None)
    for heading in ("arm", "clean", *OCCLUDERS, "s/epoch", "painting"):
        table.add_column(heading, justify="left" if heading == "arm" else "right", no_wrap=True)
    for arm, runs in results["arms"].items():
        rows = [
            [run["error"], *(1 - statistics.fmean(run["curves"][name]["accuracy"]) for name in OCCLUDERS)]
            for run in runs
        ]
        errors = 100 * np.array(rows)
        means, deviations = errors.mean(axis=0), errors.std(axis=0, ddof=1) if n_seeds > 1 else None
        table.add_row(
            arm,
            *(
                f"{mean:.{digits}f}" + ("" if deviations is None else f"±{deviations[i]:.{digits}f}")
                for i, (mean, digits) in enumerate(zip(means, (2, 1, 1, 1), strict=True))
            ),
            f"{np.mean([run['seconds_per_epoch'] for run in runs]):.1f}",
            f"{np.mean([run['painting_seconds'] for run in runs]):.2f}",
        )
    return table


if __name__ == "__main__":
    main()
