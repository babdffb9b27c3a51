"""Measure noise and means, which are more work than one brightness for each rectangle."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dustaug

from .kernel import SIDE
from .report import Section, Settings, Table, Target
from .timing import Rival, Times, race

__all__ = ["fills"]

_FIFTH = 0.2
NOISE, RIVAL, COLOR, MEAN = "noise, a fifth of the image", "Albumentations Erasing, noise", "colours", "means"


def fills(settings: Settings) -> Section:
    """Measure noise against Albumentations, and colours and means."""
    images = {
        "uint8": np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8),
        "float32": np.random.default_rng(0).random((SIDE, SIDE, 3), np.float32),
    }
    specs = {
        NOISE: dustaug.random_erasing((_FIFTH, _FIFTH), p=1),
        COLOR: dustaug.dust(fill="color"),
        MEAN: dustaug.dust(fill="mean"),
        "one brightness each": dustaug.dust(),
    }
    found: dict[str, dict[str, Times]] = {}
    for dtype, image in images.items():
        rivals = {name: Rival(_dust(image, spec)) for name, spec in specs.items()}
        if call := _albumentations(image):
            rivals[RIVAL] = Rival(call)
        found[dtype] = race(rivals, 1, settings.seconds(6))
    rows = [(name, *(str(each[name]) for each in found.values())) for name in found["uint8"]]
    missing = "" if RIVAL in found["uint8"] else " Albumentations is not installed: `pip install albumentations`."
    return Section(
        title="Noise, colours and means",
        note=f"Each call paints one image of {SIDE} × {SIDE} × 3, in place; Albumentations paints a copy. Times are in "
        f"µs.{missing}",
        tables=[Table("", ("Fill", *found), rows)],
        targets=list(_targets(found)),
        data=found,
    )


def _dust(image: NDArray[Any], spec: dustaug.Spec) -> Callable[[int], object]:
    return lambda index: dustaug.add_dust(image, spec, seed=0, index=index)


def _albumentations(image: NDArray[Any]) -> Callable[[int], object] | None:
    try:
        rival = importlib.import_module("benchmarks.rivals.albumentations")
    except ImportError:
        return None
    pipeline = rival.compose(rival.A.Erasing(scale=(_FIFTH, _FIFTH), fill="random", p=1))
    return lambda _: pipeline(image=image)


def _targets(found: dict[str, dict[str, Times]]) -> list[Target]:
    targets = []
    if RIVAL in found["uint8"]:
        ratio = found["uint8"][RIVAL].ratio(found["uint8"][NOISE])
        targets.append(Target("uint8: noise at least 4 × faster than Albumentations", str(ratio), ratio.value >= 4))
    for (dtype, each), most in zip(found.items(), (15, 80), strict=True):
        times = each[MEAN]
        targets.append(Target(f"{dtype}: means in at most {most} µs", f"{times} µs", times.median <= most))
    return targets
