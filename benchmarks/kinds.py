"""Measure cells and lattices, against loops that follow the official codes and two transforms of AlbumentationsX."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dustaug

from .kernel import SIDE
from .python_x import answer, ask
from .report import Section, Settings, Table, Target, loss
from .timing import Rival, race

__all__ = ["LOOPS", "SIDE", "SPECS", "kinds"]

_BATCH = 32
_DUST, _ONE, _LOOP = "dustaug.add_dust", "dustaug.add_dust, one image a call", "loop in NumPy"
_PERIODS, _KEPT, _CELLS = (96, 224), 0.6, 14
_CELL_SIDES = (0, 16, 32, 44, 56)

SPECS = {
    "hide_and_seek()": dustaug.hide_and_seek(fill_value=0),
    "grid_mask()": dustaug.grid_mask(fill_value=0),
    "patch_drop(0.5)": dustaug.patch_drop(0.5),
    "patch_drop(0.75)": dustaug.patch_drop(0.75),
}

Image = NDArray[np.uint8]


def _hide_and_seek(image: Image, rng: np.random.Generator) -> Image:
    """Go through the cells of a drawn side, and hide each with probability 0.5 (kkanshul/Hide-and-Seek)."""
    side = int(rng.choice(_CELL_SIDES))
    if side:
        for top in range(0, SIDE, side):
            for left in range(0, SIDE, side):
                if rng.random() <= 0.5:
                    image[top : top + side, left : left + side] = 0
    return image


def _grid_mask(image: Image, rng: np.random.Generator) -> Image:
    """Draw bands into a mask of the image, turn it over, and multiply (dvlab-research/GridMask, mode 1, unrotated)."""
    period = int(rng.integers(*_PERIODS))
    kept = math.ceil(period * _KEPT)
    mask = np.ones((SIDE, SIDE), np.uint8)
    for axis, phase in enumerate(rng.integers(0, period, 2).tolist()):
        for start in range(phase - period, SIDE, period):
            band = slice(max(start, 0), max(start + kept, 0))
            mask[band if axis == 0 else (slice(None), band)] = 0
    image *= (1 - mask)[..., None]
    return image


def _patch_drop(ratio: float) -> Callable[[Image, np.random.Generator], Image]:
    """Shuffle the numbers of the cells, and hide the first ones (Muzammal-Naseer/IPViT), for one image."""

    def hide(image: Image, rng: np.random.Generator) -> Image:
        side = SIDE // _CELLS
        for cell in rng.permutation(_CELLS**2)[: int(ratio * _CELLS**2)].tolist():
            top, left = cell // _CELLS * side, cell % _CELLS * side
            image[top : top + side, left : left + side] = 0
        return image

    return hide


LOOPS: dict[str, Callable[[Image, np.random.Generator], Image]] = {
    "hide_and_seek()": _hide_and_seek,
    "grid_mask()": _grid_mask,
    "patch_drop(0.5)": _patch_drop(0.5),
    "patch_drop(0.75)": _patch_drop(0.75),
}


def kinds(settings: Settings) -> Section:
    """Measure cells and lattices on batches, and against AlbumentationsX if there is a Python with it."""
    races = {name: race(_own_rivals(name), _BATCH, settings.seconds(4)) for name in SPECS}
    rows = [
        (name, str(times[_LOOP]), str(times[_DUST]), loss(times[_DUST].ratio(times[_LOOP])))
        for name, times in races.items()
    ]
    caption = f"Batches of {_BATCH} images of {SIDE} × {SIDE} × 3, uint8, black: µs per image."
    tables = [Table(caption, ("Preset", _LOOP, "dustaug", "dustaug / loop"), rows, label="batches")]
    theirs, version = ask(settings, __name__, 10, _BATCH)
    if theirs:
        caption = f"{_BATCH} images, one a call or in one batch, against AlbumentationsX {version} in the same process."
        others = [
            (
                name,
                *(str(each[row]) for row in (name, _ONE, _DUST)),
                loss(each[_ONE].ratio(each[name])),
                loss(each[_DUST].ratio(each[name])),
                *(str(each[name].ratio(each[row])) for row in (_ONE, _DUST)),
            )
            for name, each in theirs.items()
        ]
        header = (
            *("Transform", "AlbumentationsX", "dustaug, one a call", "dustaug, a batch"),
            *("one a call / AlbumentationsX", "batch / AlbumentationsX", "× faster, one a call", "× faster, a batch"),
        )
        tables.append(Table(f"{caption} µs per image.", header, others, label="against AlbumentationsX"))
    note = (
        "Every call hides other cells. The loops follow the official codes, in NumPy and one image at a time. "
        "`GridMask` and `GridDropout` paint a copy of each image in a Compose of one transform; dustaug paints in "
        "place."
    )
    if not theirs:
        note += " AlbumentationsX was not measured: name a Python that has it with `--python-x`."
    targets = [
        Target(f"{name}: at most 10 µs", f"{times[_DUST].median:.2f} µs", times[_DUST].median <= 10)
        for name, times in races.items()
    ]
    for name, each in theirs.items():
        faster = each[name].ratio(each[_DUST])
        targets.append(Target(f"at least 20 × faster than {name}", str(faster), faster.value >= 20))
    return Section(
        title="Cells and lattices",
        note=note,
        tables=tables,
        targets=targets,
        data={"batches": races, "against AlbumentationsX": theirs},
    )


def _own_rivals(name: str) -> dict[str, Rival]:
    images = np.random.default_rng(0).integers(1, 256, (_BATCH, SIDE, SIDE, 3), np.uint8)
    loop, spec, rng = LOOPS[name], SPECS[name], np.random.default_rng(1)

    def run_loop(_: int) -> None:
        for image in images:
            loop(image, rng)

    return {
        _LOOP: Rival(run_loop, exact=False),
        _DUST: Rival(lambda index: dustaug.add_dust(images, spec, seed=0, index=index)),
    }


# ------------------------------------------------------------------------------------------- AlbumentationsX


def their_rivals() -> dict[str, dict[str, Rival]]:
    """Return, for each transform of AlbumentationsX, its call and that of dustaug."""
    rival = importlib.import_module("benchmarks.rivals.albumentations")
    images = np.random.default_rng(0).integers(1, 256, (_BATCH, SIDE, SIDE, 3), np.uint8)
    # GridMask's own defaults, 3–7 lines a side of 20–50 % of their distance; holes of half the distance of GridDropout.
    grid = rival.compose(rival.A.GridMask(fill=0, p=1))
    cells = rival.compose(rival.A.GridDropout(ratio=0.5, unit_size_range=(32, 32), random_offset=True, fill=0, p=1))
    lines = dustaug.grid_mask((SIDE // 7, SIDE // 3), 0.65, lattice_hides="lines", fill_value=0)
    squares = dustaug.grid_mask((32, 32), 0.5, fill_value=0)
    return {
        "GridMask": _race(images, "GridMask", grid, lines),
        "GridDropout": _race(images, "GridDropout", cells, squares),
    }


def _race(images: NDArray[np.uint8], name: str, pipeline: Any, spec: dustaug.Spec) -> dict[str, Rival]:
    mine = images.copy()

    def theirs(_: int) -> object:
        for image in images:
            result = pipeline(image=image)["image"]
        return result

    def one_by_one(index: int) -> object:
        for i, image in enumerate(mine, index):
            dustaug.add_dust(image, spec, seed=0, index=i)
        return mine

    return {
        name: Rival(theirs),
        _ONE: Rival(one_by_one),
        _DUST: Rival(lambda index: dustaug.add_dust(mine, spec, seed=0, index=index)),
    }


def _check(row: str, image: Any) -> None:
    if not (np.asarray(image) == 0).any():
        raise AssertionError(f"{row} must hide something")


if __name__ == "__main__":
    answer(their_rivals(), _check, _BATCH)
