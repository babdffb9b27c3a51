"""Measure images whose size has never been seen, one a call: as a folder of photos, or COCO, gives them."""

from __future__ import annotations

import gc
import importlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import dustaug

from .report import Section, Settings, Table, Target
from .timing import Rival, Times, race

__all__ = ["sizes"]

LEAST, MOST = 300, 1024
# A side of this many pixels gives the mean area of the other images.
KNOWN = (LEAST + MOST) // 2
_SIDE, _AREA = 56, (0.02, 0.33)
_MANY_SIZES, _FEW_SIZES = 5000, 200
NEW, SEEN, FIRST = "dustaug, a new size", "dustaug, a known size", "dustaug, a new spec and a new size"


class _Work(NamedTuple):
    """What is painted: a spec, one like it that no call has seen, and what the libraries are asked for in its place."""

    spec: dustaug.Spec
    make_new: Callable[[int], dustaug.Spec]
    n_rectangles: int
    area: tuple[float, float]
    holes: dict[str, Any]


def _erasing(number: int = 0) -> dustaug.Spec:
    low, high = _AREA
    return dustaug.random_erasing((low, high - number * 1e-9), p=1, fill="constant", fill_value=0)


_SHARE = (8 / KNOWN) ** 2
_WORKS = {
    "dust()": _Work(
        dustaug.dust(),
        lambda number: dustaug.dust(p=1 - number * 1e-9),
        16,
        (_SHARE / 2, _SHARE * 1.5),
        {"num_holes_range": (1, 31), "hole_height_range": (2, 14), "hole_width_range": (2, 14)},
    ),
    f"cutout({_SIDE})": _Work(
        dustaug.cutout(_SIDE),
        lambda number: dustaug.cutout(_SIDE, p=1 - number * 1e-9),
        1,
        ((_SIDE / KNOWN) ** 2,) * 2,
        {"num_holes_range": (1, 1), "hole_height_range": (_SIDE, _SIDE), "hole_width_range": (_SIDE, _SIDE)},
    ),
    'random_erasing(p=1, fill="constant")': _Work(
        _erasing(),
        _erasing,
        1,
        _AREA,
        {"num_holes_range": (1, 1), "hole_height_range": (0.2, 0.64), "hole_width_range": (0.2, 0.64)},
    ),
}


def _coarse_dropout(work: _Work) -> Callable[[NDArray[Any]], Any]:
    from .rivals.albumentations import A, compose

    pipeline = compose(A.CoarseDropout(**work.holes, fill=0, p=1))
    return lambda image: pipeline(image=image)


def _torchvision(work: _Work) -> Callable[[NDArray[Any]], Any]:
    import torch
    from torchvision.transforms import v2

    erasing = v2.RandomErasing(p=1, scale=work.area, ratio=(0.3, 3.3), value=0, inplace=True)
    return _in_a_row(torch, erasing, work.n_rectangles)


def _timm(work: _Work) -> Callable[[NDArray[Any]], Any]:
    import torch
    from timm.data.random_erasing import RandomErasing

    # timm divides a total area by the number of rectangles.
    low, high = (share * work.n_rectangles for share in work.area)
    erasing = RandomErasing(
        probability=1, min_area=low, max_area=high, mode="const", min_count=work.n_rectangles, device="cpu"
    )
    return _in_a_row(torch, erasing, 1)


def _in_a_row(torch: Any, erase: Callable[[Any], Any], n: int) -> Callable[[NDArray[Any]], None]:
    torch.set_num_threads(1)

    def run(image: NDArray[Any]) -> None:
        tensor = torch.from_numpy(image).movedim(-1, 0)
        for _ in range(n):
            erase(tensor)

    return run


# The row of a library, its distribution, and what makes its call.
_LIBRARIES: dict[str, tuple[str, Callable[[_Work], Callable[[NDArray[Any]], Any]]]] = {
    "Albumentations CoarseDropout": ("albumentations", _coarse_dropout),
    "torchvision RandomErasing": ("torchvision", _torchvision),
    "timm RandomErasing": ("timm", _timm),
}


def sizes(settings: Settings) -> Section:
    """Measure images of ever-new sizes, against one known size, a new spec, and the libraries."""
    pixels = np.full(MOST * MOST * 3, 100, np.uint8)
    shapes = _new_shapes()

    def new_image(_: int) -> NDArray[Any]:
        height, width = next(shapes)
        return pixels[: height * width * 3].reshape(height, width, 3)

    known = pixels[: KNOWN * KNOWN * 3].reshape(KNOWN, KNOWN, 3)
    libraries = {name: make for name, (needs, make) in _LIBRARIES.items() if _is_there(needs)}
    found: dict[str, dict[str, Times]] = {}
    for name, work in _WORKS.items():
        numbers = itertools.count()

        def first(_: int, work: _Work = work, numbers: Iterator[int] = numbers) -> tuple[NDArray[Any], dustaug.Spec]:
            return new_image(0), work.make_new(1 + next(numbers))

        rivals = {
            NEW: Rival(_dust(work.spec), new_image),
            SEEN: Rival(_dust(work.spec), lambda _: known),
            FIRST: Rival(lambda given: dustaug.add_dust(*given, seed=0, index=0), first),
            **{library: Rival(make(work), new_image) for library, make in libraries.items()},
        }
        found[name] = race(rivals, 1, settings.seconds(4))
    missing = [f"`{needs}`" for name, (needs, _) in _LIBRARIES.items() if name not in libraries]
    rows = [(row, *(_cell(each, row) for each in found.values())) for row in (NEW, SEEN, FIRST, *libraries)]
    kept = {name: _growth(work.spec, new_image) for name, work in _WORKS.items()}
    return Section(
        title="Images of ever-new sizes",
        note=f"Each call paints one uint8 image of {LEAST}–{MOST} pixels a side, three channels, of a size that "
        f"no call has seen for a long time; a known size is {KNOWN} × {KNOWN}. A new spec is one that no call has seen "
        "either. The times are in µs per image, and after them stands the ratio to dustaug on a new size, in bold if "
        f"the rival is faster. For `dust()`, torchvision is called {_WORKS['dust()'].n_rectangles} times, as it paints "
        f"one rectangle per call.{' Not installed: ' + ', '.join(missing) + '.' if missing else ''}",
        tables=[
            Table("", ("Call", *(f"`{name}`" for name in found)), rows),
            Table(
                f"What stays in memory: the growth of the process in KiB over {_MANY_SIZES:,} new sizes, after "
                f"{_FEW_SIZES}.",
                ("", *(f"`{name}`" for name in kept)),
                [("dustaug", *map(str, kept.values()))],
            ),
        ],
        targets=[*_targets(found, list(libraries)), _memory_target(kept)],
        reasons={SEEN: "Its pixels may still be in the caches of the processor; those of a new size are not."},
        data={**found, "KiB kept": kept},
    )


def _dust(spec: dustaug.Spec) -> Callable[[NDArray[Any]], object]:
    indices = itertools.count()
    return lambda image: dustaug.add_dust(image, spec, seed=0, index=next(indices))


def _new_shapes() -> Iterator[tuple[int, int]]:
    """Yield all shapes in a random order, and then again in another: none twice in some hundred thousand calls."""
    n = MOST - LEAST + 1
    for seed in itertools.count():
        for number in np.random.default_rng(seed).permutation(n * n).tolist():
            yield LEAST + number // n, LEAST + number % n


def _is_there(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _cell(times: dict[str, Times], row: str) -> str:
    if row == NEW:
        return str(times[row])
    ratio = times[row].ratio(times[NEW])
    return f"{times[row]} · {f'**{ratio.value:.2f} ×**' if ratio.value < 1 else f'{ratio.value:.3g} ×'}"


def _targets(found: dict[str, dict[str, Times]], libraries: list[str]) -> Iterator[Target]:
    for name, times in found.items():
        ratio = times[NEW].ratio(times[SEEN])
        yield Target(f"`{name}`: a new size at most 3 × a known one", str(ratio), ratio.value <= 3)
        yield Target(f"`{name}`: the first call at most 300 µs", str(times[FIRST]), times[FIRST].median <= 300)
        for library in libraries:
            ratio = times[library].ratio(times[NEW])
            yield Target(f"`{name}`: at least 8 × faster than {library}", str(ratio), ratio.value >= 8)


def _memory_target(kept: dict[str, int]) -> Target:
    most = max(kept.values())
    return Target("less than 64 KiB kept", f"{most} KiB", most < 64)


def _growth(spec: dustaug.Spec, new_image: Callable[[int], NDArray[Any]]) -> int:
    """Return the KiB that the process grows by over many sizes."""
    for _ in range(_FEW_SIZES):
        dustaug.add_dust(new_image(0), spec, seed=0, index=0)
    gc.collect()
    before = _resident()
    for _ in range(_MANY_SIZES):
        dustaug.add_dust(new_image(0), spec, seed=0, index=0)
    gc.collect()
    return _resident() - before


def _resident() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
