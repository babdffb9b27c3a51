"""PyTorch: against torchvision's Identity and RandomErasing, timm's and kornia's, and in a data loader of JPEG files.

``python -m benchmarks.torch_rivals`` needs torch, torchvision, timm and kornia.
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import kornia.augmentation
import numpy as np
import PIL.Image
import timm.data.random_erasing
import torch
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

import dustaug
import dustaug.torch
from dustaug.torchvision import DustRectangles

from .machine import describe
from .report import Section, Settings, Table, Target, markdown, times_data
from .timing import Rival, Times, race

__all__ = ["torch_batches", "torch_loader", "torch_one_image"]

SIDE = 224
# dust() paints 15.5 rectangles an image in the mean, of 8 × 8 pixels in the mean.
_KORNIA_CALLS = 16
_TIMM_COUNTS = (1, 30)
_AREA = 64 / SIDE**2


def _rows(found: dict[str, Times], base: str) -> list[tuple[str, ...]]:
    return [(name, str(times), str(times.ratio(found[base]))) for name, times in found.items()]


def _faster(found: dict[str, Times], rival: str, ours: str, least: float) -> Target:
    ratio = found[rival].ratio(found[ours])
    return Target(f"{ours}: at least {least:g} × faster than {rival}", str(ratio), ratio.value >= least)


def _at_most(found: dict[str, Times], ours: str, base: str, most: float) -> Target:
    ratio = found[ours].ratio(found[base])
    return Target(f"{ours}: at most {most:g} × {base}", str(ratio), ratio.value <= most)


# -------------------------------------------------------------------------------------------- one image


def torch_one_image(settings: Settings) -> Section:
    """Measure transforms of one CHW uint8 tensor, as a worker of a data loader calls them."""
    image = torch.full((3, SIDE, SIDE), 100, dtype=torch.uint8)
    transforms: dict[str, Callable[..., object]] = {
        "v2.Identity": v2.Identity(),
        "DustRectangles, in place": DustRectangles(inplace=True),
        "DustRectangles, with the copy": DustRectangles(),
        "v2.RandomErasing, in place": v2.RandomErasing(p=1, inplace=True),
    }
    rivals = {
        name: Rival(lambda _, transform=transform: transform(image), slow="Erasing" in name)
        for name, transform in transforms.items()
    }
    rivals["dustaug.torch.add_dust"] = Rival(lambda index: dustaug.torch.add_dust(image, seed=0, index=index))
    found = race(rivals, 1, settings.seconds(15))
    return Section(
        title="torchvision: one image of 3 × 224 × 224, uint8",
        note="Median, with the first and third quartile, in µs. v2.RandomErasing paints one rectangle, dust 15.5 in "
        "the mean. All draw anew at each call.",
        tables=[Table("", ("Transform", "µs", "/ v2.Identity"), _rows(found, "v2.Identity"))],
        targets=[
            _at_most(found, "DustRectangles, in place", "v2.Identity", 1.3),
            _faster(found, "v2.RandomErasing, in place", "DustRectangles, in place", 15),
        ],
        data=times_data(found),
    )


# -------------------------------------------------------------------------------------------- batches


def torch_batches(settings: Settings) -> Section:
    """Measure batches that lie in memory already, against rivals that are asked for as many rectangles."""
    n = 32 if settings.quick else 256
    found = {str(dtype): _race_batch(settings, n, dtype) for dtype in (torch.uint8, torch.float32)}
    return Section(
        title=f"torchvision: a batch of {n} × 3 × 224 × 224",
        note="Median, with the first and third quartile, in µs per image; one thread of torch. As many rectangles of "
        "the same mean area as dust, 15.5 an image: timm draws 1–30 of them in one call, in place; kornia paints one "
        f"rectangle a call, so {_KORNIA_CALLS} of its transforms stand in a row, and it takes floats only. "
        "v2.RandomErasing paints one and the same rectangle on all images. The copy of a large batch is the time of "
        "the system to hand out fresh memory.",
        tables=[
            Table(dtype, ("Transform", "µs per image", "/ dust in place"), _rows(times, "DustRectangles, in place"))
            for dtype, times in found.items()
        ],
        targets=list(_batch_targets(found)),
        data={dtype: times_data(times) for dtype, times in found.items()},
    )


def _race_batch(settings: Settings, n: int, dtype: torch.dtype) -> dict[str, Times]:
    images = torch.full((n, 3, SIDE, SIDE), 100 if dtype == torch.uint8 else 0.5, dtype=dtype)
    low, high = _TIMM_COUNTS
    total = _AREA * (low + high) / 2
    timm_erasing = functools.partial(
        timm.data.random_erasing.RandomErasing,
        probability=1,
        min_area=total / 2,
        max_area=total * 1.5,
        min_count=low,
        max_count=high,
        device="cpu",
    )
    limits = (0, 255) if dtype == torch.uint8 else (0, 1)
    transforms: dict[str, Callable[..., object]] = {
        "DustRectangles, in place": DustRectangles(value_range=limits, inplace=True),
        "DustRectangles, with the copy": DustRectangles(value_range=limits),
        "v2.RandomErasing, in place": v2.RandomErasing(p=1, inplace=True),
        "timm, black": timm_erasing(mode="const"),
    }
    if dtype.is_floating_point:
        transforms["timm, one colour each"] = timm_erasing(mode="rand")
        erasing = kornia.augmentation.RandomErasing(scale=(_AREA / 2, _AREA * 1.5), ratio=(0.5, 2), p=1)
        transforms[f"kornia, {_KORNIA_CALLS} calls"] = torch.nn.Sequential(*[erasing] * _KORNIA_CALLS)
    rivals = {
        name: Rival(lambda _, transform=transform: transform(images), slow=name != "DustRectangles, in place")
        for name, transform in transforms.items()
    }
    in_place, interleaved = transforms["DustRectangles, in place"], images.contiguous(memory_format=torch.channels_last)
    rivals["DustRectangles, in place, channels_last"] = Rival(lambda _: in_place(interleaved))
    return race(rivals, n, settings.seconds(20))


def _batch_targets(found: dict[str, dict[str, Times]]) -> Iterator[Target]:
    for dtype, times in found.items():
        for rival in times:
            if rival.startswith(("timm", "kornia")):
                target = _faster(times, rival, "DustRectangles, in place", 50)
                yield target._replace(wanted=f"{dtype}: {target.wanted}")


# -------------------------------------------------------------------------------------------- data loader


def torch_loader(settings: Settings) -> Section:
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
        found = race({name: Rival(epoch) for name, epoch in epochs.items()}, n, settings.seconds(60), least=3)
    return Section(
        title="A data loader of two workers",
        note=f"{n} JPEG files of 500 × 375 pixels: read, decode, crop, resize to 224 × 224, collate in batches of 32. "
        "Median, with the first and third quartile, in µs per image. How far two equal loaders without dust differ is "
        "what this can tell apart.",
        tables=[Table("", ("Loader", "µs per image", "/ no dust"), _rows(found, "no dust"))],
        targets=[
            _at_most(found, ours, max("no dust", "no dust, again", key=lambda name: found[name].median), 1.02)
            for ours in ("DustRectangles", "DustDataset")
        ],
        data=times_data(found),
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


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torch_rivals", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time; the figures are rough")
    settings = Settings(quick=parser.parse_args().quick)
    torch.set_num_threads(1)
    print(markdown(describe()))
    print(", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "torchvision", "timm", "kornia")), "\n")
    for figure in (torch_one_image, torch_batches, torch_loader):
        print(markdown(figure(settings)), flush=True)
        print(f"{figure.__name__}: done", file=sys.stderr)


if __name__ == "__main__":
    main()
