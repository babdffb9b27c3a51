"""Train one classifier of Fashion-MNIST: the arms of the experiment, its recipe, and where dust is painted."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dustaug
from dustaug._extras import name_extra

with name_extra("fashion", "dustaug.examples", "torch"):
    import torch
    from torch.utils.data import DataLoader

from dustaug.torch import DustDataset, add_dust

from .fashion_data import MEAN, SIDE, Crops, Pictures, garment
from .fashion_models import Normalised, make_model
from .runs import check_settings

__all__ = ["ARMS", "Recipe", "Training", "hidden_share", "make_predict", "time_painting", "train"]

_MEAN_GREY = round(255 * MEAN)
# The author's script for Fashion-MNIST paints 0.4914 after it has normalised by 0.1307 and 0.3081.
_ERASING_GREY = round(255 * (0.4914 * 0.3081 + 0.1307))
_DUST = dustaug.dust(half_height_range=(1, 1), half_width_range=(1, 1))

ARMS: dict[str, dustaug.Spec | None] = {
    "none": None,
    "dust": _DUST,
    "guided": _DUST.replace(center="guide"),
    "cutout": dustaug.cutout(8, fill_value=_MEAN_GREY),
    "random-erasing": dustaug.random_erasing(fill="constant", fill_value=_ERASING_GREY),
    # The papers of these two have numbers for 224 pixels, eight times as many.
    "hide-and-seek": dustaug.hide_and_seek((0, 2, 4, 5, 7), fill_value=_MEAN_GREY),
    "grid-mask": dustaug.grid_mask((12, 27), p=0.8, fill_value=_MEAN_GREY),
}
"""Ways to hide parts of the training pictures. Guided dust has its centres on the garment."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a classifier is trained: SGD with Nesterov's momentum of 0.9, and one cycle of the learning rate.

    Parameters
    ----------
    model : {"small", "resnet20"}
        The network.
    epochs, batch_size : int
        Passes over the training pictures, and pictures per step.
    rate, decay : float
        Greatest learning rate, and weight decay.
    precision : {"float32", "bfloat16"}
        What the network computes in; weights are float32 in both.
    """

    model: str = "small"
    epochs: int = 4
    batch_size: int = 128
    rate: float = 0.1
    decay: float = 5e-4
    precision: str = "float32"


@dataclasses.dataclass(kw_only=True)
class Training:
    """A classifier, and how its training went.

    Attributes
    ----------
    model : Normalised
        The network after the last epoch.
    losses, seconds : list of float
        Mean loss and time of each epoch.
    """

    model: Normalised
    losses: list[float]
    seconds: list[float]


def train(
    spec: dustaug.Spec | None,
    pictures: Pictures,
    recipe: Recipe,
    *,
    seed: int,
    device: str = "cpu",
    workers: int | None = None,
    checkpoint: Path | None = None,
    settings: Any = None,
    on_epoch: Callable[[int, Normalised, float], None] = lambda *_: None,
) -> Training:
    """Train one classifier. On one thread of a CPU the same arguments give the same weights.

    Parameters
    ----------
    spec : dustaug.Spec or None
        What is painted on the training pictures, as one of :data:`ARMS`.
    pictures : Pictures
        The training pictures.
    recipe : Recipe
        The network and the length of the training.
    seed : int
        Seed of the weights, the order, the crops and the dust.
    device : str
        Where the network is trained. The pictures stay there, and are painted there in batches.
    workers : int, optional
        Number of a data loader's processes, which crop and paint the pictures one by one; 0 is this process. If left
        out, the device does it, in batches. The pixels are the same.
    checkpoint : Path, optional
        File that holds the training after each epoch. If it exists, the training goes on from there.
    settings : dict, optional
        Everything else that the training depends on, in words of JSON. A checkpoint of other settings is refused.
    on_epoch : callable
        It gets the number of each finished epoch, from 1 on, the network, and the mean loss.

    Raises
    ------
    ValueError
        If the loss is no longer finite, or the checkpoint is of other settings.
    """
    crops = Crops(pictures, seed, "cpu" if workers is not None else device)
    batches = _Batches(crops, spec, seed, recipe.batch_size, workers)
    model = make_model(recipe.model, seed).to(device)
    optimizer = torch.optim.SGD(model.parameters(), recipe.rate, momentum=0.9, weight_decay=recipe.decay, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, recipe.epochs * len(batches), cycle_momentum=False
    )
    parts: dict[str, Any] = {"model": model, "optimizer": optimizer, "schedule": schedule}
    done = Training(model=model, losses=[], seconds=[])
    if checkpoint is not None and checkpoint.exists():
        state = _load(checkpoint, device)
        check_settings(checkpoint, json.loads(state["settings"]), settings)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        done.losses, done.seconds = state["losses"], state["seconds"]
    for epoch in range(len(done.losses), recipe.epochs):
        start = time.perf_counter()
        loss = _train_epoch(model, optimizer, schedule, batches.of(epoch), device, recipe.precision)
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss must stay finite, got {loss} in epoch {epoch + 1} with a rate of {recipe.rate:g}: type "
                "--rate 0.1"
            )
        done.losses.append(loss)
        done.seconds.append(time.perf_counter() - start)
        if checkpoint is not None:
            state = {name: part.state_dict() for name, part in parts.items()}
            part_file = checkpoint.with_suffix(".part")
            record = {"losses": done.losses, "seconds": done.seconds, "settings": json.dumps(settings)}
            torch.save({**state, **record}, part_file)
            part_file.replace(checkpoint)
        on_epoch(epoch + 1, model, loss)
    return done


def _load(checkpoint: Path, device: str) -> dict[str, Any]:
    """Return what a training that was stopped has left."""
    try:
        state: dict[str, Any] = torch.load(checkpoint, map_location=device, weights_only=True)
    except (RuntimeError, OSError, EOFError, pickle.UnpicklingError) as problem:
        raise ValueError(
            f"{checkpoint} must be what a stopped training left, got a file that cannot be read: delete it, and the "
            "training begins anew"
        ) from problem
    return state


def _train_epoch(
    model: Normalised,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    batches: Iterator[tuple[torch.Tensor, torch.Tensor]],
    device: str,
    precision: str,
) -> float:
    """Return the mean loss of an epoch."""
    model.train()
    total, n = torch.zeros((), device=device), 0
    for images, labels in batches:
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = torch.nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        total += loss.detach() * len(images)
        n += len(images)
    return float(total) / n


class _Batches:
    """The painted batches of an epoch, from the device or from a data loader."""

    def __init__(
        self, crops: Crops, spec: dustaug.Spec | None, seed: int, batch_size: int, workers: int | None
    ) -> None:
        self._crops, self._spec, self._seed = crops, spec, seed
        self._batch_size, self._workers = batch_size, workers

    def __len__(self) -> int:
        return math.ceil(len(self._crops) / self._batch_size)

    def of(self, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Return pictures uint8 (b, 1, 28, 28) and labels (b,)."""
        self._crops.set_epoch(epoch)
        return self._painted(epoch) if self._workers is None else self._loaded(epoch)

    def _painted(self, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = self._crops.draws.order
        for start in range(0, len(order), self._batch_size):
            index = order[start : start + self._batch_size]
            images, labels = self._crops.batch(index)
            yield paint(images, self._spec, self._seed, epoch, index), labels

    def _loaded(self, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        dataset: Any = self._crops
        if self._spec is not None:
            guide_key = 2 if self._spec.center == "guide" else None
            dataset = DustDataset(self._crops, self._spec, seed=self._seed, epoch=epoch, guide_key=guide_key)
        order = self._crops.draws.order.tolist()
        loader = DataLoader(dataset, self._batch_size, sampler=order, num_workers=self._workers or 0)
        for images, labels, _ in loader:
            yield images, labels


def paint(
    images: torch.Tensor, spec: dustaug.Spec | None, seed: int, epoch: int, index: NDArray[np.int64]
) -> torch.Tensor:
    """Paint a spec's rectangles on a batch, in place, and return the batch."""
    if spec is None:
        return images
    guide = garment(images)[:, 0] if spec.center == "guide" else None
    return add_dust(images, spec, seed=seed, epoch=epoch, index=index, guide=guide)


def time_painting(
    spec: dustaug.Spec | None, pictures: Pictures, *, seed: int, batch_size: int, device: str = "cpu"
) -> float:
    """Return the seconds that the spec's rectangles take in an epoch, guides included, without cropping."""
    crops = Crops(pictures, seed, device)
    total = 0.0
    for start in range(0, len(crops), batch_size):
        index = crops.draws.order[start : start + batch_size]
        images, _ = crops.batch(index)
        _wait(device)
        begun = time.perf_counter()
        paint(images, spec, seed, 0, index)
        _wait(device)
        total += time.perf_counter() - begun
    return total


def _wait(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


def hidden_share(spec: dustaug.Spec | None, pictures: Pictures, *, seed: int) -> tuple[float, float]:
    """Return the shares of the training pictures, and of the garments in them, that a spec hides in its first epoch."""
    if spec is None:
        return 0.0, 0.0
    crops = Crops(pictures, seed)
    counts = np.zeros(4, np.int64)
    for start in range(0, len(crops), 1000):
        index = np.arange(start, min(start + 1000, len(crops)))
        images = crops.batch(index)[0]
        guide = garment(images)[:, 0].numpy()
        rectangles = dustaug.sample_rectangles(
            spec, height=SIDE, width=SIDE, seed=seed, index=index, guide=guide if spec.center == "guide" else None
        )
        hidden, worn = rectangles.mask(SIDE, SIDE), guide.astype(bool)
        counts += (hidden.sum(), hidden.size, (hidden & worn).sum(), worn.sum())
    return float(counts[0] / counts[1]), float(counts[2] / counts[3])


def make_predict(model: Normalised, *, device: str = "cpu") -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Return what ``dustaug.robustness`` asks for: a function of pictures uint8 (n, 28, 28) that returns logits."""
    model.eval()

    @torch.no_grad()
    def predict(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = model(torch.from_numpy(images)[:, None].to(device)).cpu().numpy()
        return logits

    return predict
