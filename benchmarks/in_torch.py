"""Compare dust in torchvision with Identity and RandomErasing, and a data loader with dust with one without."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

import dustaug
import dustaug.torch
from dustaug.torchvision import DustRectangles

from .report import Section, Settings, Table, Target
from .timing import Rival, Times, race

__all__ = ["loader", "torchvision"]

SIDE = 224


def _rows(found: dict[str, Times], base: str) -> list[tuple[str, ...]]:
    return [(name, str(times), str(times.ratio(found[base]))) for name, times in found.items()]


def _faster(found: dict[str, Times], rival: str, ours: str, least: float) -> Target:
    ratio = found[rival].ratio(found[ours])
    return Target(f"{ours}: at least {least:g} × faster than {rival}", str(ratio), ratio.value >= least)


def _at_most(found: dict[str, Times], ours: str, base: str, most: float) -> Target:
    ratio = found[ours].ratio(found[base])
    return Target(f"{ours}: at most {most:g} × {base}", str(ratio), ratio.value <= most)


# -------------------------------------------------------------------------------------------- one image


def torchvision(settings: Settings) -> Section:
    """Measure transforms of one CHW uint8 tensor, as a worker of a data loader calls them."""
    torch.set_num_threads(1)
    image = torch.full((3, SIDE, SIDE), 100, dtype=torch.uint8)
    transforms: dict[str, Callable[..., object]] = {
        "v2.Identity": v2.Identity(),
        "DustRectangles, in place": DustRectangles(inplace=True),
        "DustRectangles, with the copy": DustRectangles(),
        "v2.RandomErasing, in place": v2.RandomErasing(p=1, inplace=True),
    }
    rivals = {name: Rival(lambda _, transform=transform: transform(image)) for name, transform in transforms.items()}
    rivals["dustaug.torch.add_dust"] = Rival(lambda index: dustaug.torch.add_dust(image, seed=0, index=index))
    found = race(rivals, 1, settings.seconds(15))
    return Section(
        title="torchvision: one image of 3 × 224 × 224, uint8",
        note="The table gives the median, with the first and third quartile, in µs. v2.RandomErasing paints one "
        "rectangle, and dust 15.5 on average. All draw new rectangles at each call.",
        tables=[Table("", ("Transform", "µs", "/ v2.Identity"), _rows(found, "v2.Identity"))],
        targets=[
            _at_most(found, "DustRectangles, in place", "v2.Identity", 1.3),
            _faster(found, "v2.RandomErasing, in place", "DustRectangles, in place", 15),
        ],
        data=found,
    )


# -------------------------------------------------------------------------------------------- data loader


def loader(settings: Settings) -> Section:
    """Measure epochs of a data loader with two workers that decode JPEG files, with dust and without."""
    n = settings.times(384, quick=64)
    decode = [v2.RandomResizedCrop(SIDE), v2.PILToTensor()]
    with tempfile.TemporaryDirectory() as folder:
        _write_photos(Path(folder) / "guitars", n)
        loaders = {
            "no dust": ImageFolder(folder, v2.Compose(decode)),
            "no dust, again": ImageFolder(folder, v2.Compose(decode)),
            "DustRectangles": ImageFolder(folder, v2.Compose([*decode, DustRectangles(inplace=True)])),
            "DustDataset": dustaug.torch.DustDataset(ImageFolder(folder, v2.Compose(decode)), seed=0, inplace=True),
        }
        epochs = {name: _bind_epoch(dataset) for name, dataset in loaders.items()}
        found = race(
            {name: Rival(epoch) for name, epoch in epochs.items()}, n, settings.seconds(60), n_runs=3, warmups=1
        )
    return Section(
        title="A data loader of two workers",
        note=f"The loader reads {n} JPEG files of 500 × 375 pixels. It decodes and crops them, resizes them to "
        "224 × 224, and collates batches of 32. The table gives the median, with the first and third quartile, in µs "
        "per image. Two equal loaders without dust show the smallest difference that this can measure.",
        tables=[Table("", ("Loader", "µs per image", "/ no dust"), _rows(found, "no dust"))],
        targets=[
            _at_most(found, ours, max("no dust", "no dust, again", key=lambda name: found[name].median), 1.02)
            for ours in ("DustRectangles", "DustDataset")
        ],
        data=found,
    )


def _write_photos(folder: Path, n: int) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(n):
        coarse = PIL.Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8)).resize((500, 375))
        grain = rng.integers(-12, 13, (375, 500, 3))
        PIL.Image.fromarray((np.asarray(coarse) + grain).clip(0, 255).astype(np.uint8)).save(folder / f"{i:04}.jpg")


def _bind_epoch(dataset: Any) -> Callable[[int], None]:
    loader = DataLoader(dataset, batch_size=32, num_workers=2, persistent_workers=True)

    def epoch(number: int) -> None:
        if isinstance(dataset, dustaug.torch.DustDataset):
            dataset.set_epoch(number % 2**32)
        for _ in loader:
            pass

    return epoch
