"""Measure dust with guides and objects, against the two transforms of AlbumentationsX that take such.

AlbumentationsX runs in a process of another Python, and is compared with dustaug in that process.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dustaug

from .kernel import SIDE
from .python_x import answer, ask
from .report import Section, Settings, Table, Target, loss
from .timing import Rival, Times, race

__all__ = ["guided"]

_BATCH, _N_OBJECTS, _N_BOXES = 32, 20, 5
PLAIN, MAP, MASK = "no guide, no objects", "guide of 14 × 14", f"guide of {SIDE} × {SIDE}"
SPARED, EACH = f"max_hidden, {_N_OBJECTS} objects an image", f"per object, {_N_BOXES} objects an image"
_DUST = "dustaug.add_dust"
# What both paint black: as many and as large as dust() in a region, and a few in each of some boxes.
_HOLES, _FRACTIONS = (1, 31), (2 / SIDE, 14 / SIDE)
_HOLES_PER_BOX, _FRACTIONS_OF_BOX = (1, 3), (0.1, 0.3)
_BLACK: dict[str, Any] = {"fill": "constant", "fill_value": 0, "spare_last": False}


def guided(settings: Settings) -> Section:
    """Measure guides and objects on batches, and one image against AlbumentationsX if there is a Python with it."""
    own = race(_own_rivals(), _BATCH, settings.seconds(10))
    rows = [(name, str(times), str(times.ratio(own[PLAIN]))) for name, times in own.items()]
    caption = f"Batches of {_BATCH} images of {SIDE} × {SIDE} × 3, uint8, with `dust()`: µs per image."
    tables = [Table(caption, ("Given with the images", "dustaug", f"/ {PLAIN}"), rows, label="batches")]
    theirs, version = ask(settings, __name__, 6)
    if theirs:
        caption = f"One image a call, against AlbumentationsX {version} in the same process: µs per image."
        ratios = {name: each[name].ratio(each[_DUST]) for name, each in theirs.items()}
        others = [
            (name, str(each[name]), str(each[_DUST]), loss(each[_DUST].ratio(each[name])), str(ratios[name]))
            for name, each in theirs.items()
        ]
        header = ("Transform", "AlbumentationsX", "dustaug", "dustaug / AlbumentationsX", "× faster")
        tables.append(Table(caption, header, others, label="one image"))
    note = (
        "Every call gives new dust. The mask is a disc of a fifth of the image that moves from image to image. "
        "AlbumentationsX paints a copy in a Compose of one transform, and filters the boxes; dustaug paints in place. "
        "Both paint black: 1–31 rectangles of 2–14 pixels in the disc, and 1–3 rectangles of 10–30 % of the sides in "
        f"each of {_N_BOXES} boxes."
    )
    if not theirs:
        note += " AlbumentationsX was not measured: name a Python that has it with `--python-x`."
    return Section(
        title="Guides and objects",
        note=note,
        tables=tables,
        targets=_targets(own, theirs),
        data={"batches": own, "one image": theirs},
    )


def _targets(own: dict[str, Times], theirs: dict[str, dict[str, Times]]) -> list[Target]:
    mask, more = own[MASK].median, own[SPARED].median - own[PLAIN].median
    ratio = own[MAP].ratio(own[PLAIN])
    targets = [
        Target(f"{MASK}: at most 8 µs", f"{mask:.2f} µs", mask <= 8),
        Target(
            f"{MAP}: at most 1.5 × {PLAIN}",
            str(ratio),
            ratio.value <= 1.5,
            "To check a guide takes six microseconds a call, and to sum its cells and find some of them a fifth of one "
            "an image, beside less than one for all of an image without a guide.",
        ),
        Target(f"{SPARED}: at most 5 µs more than without", f"{more:.2f} µs", more <= 5),
    ]
    for name, each in theirs.items():
        faster = each[name].ratio(each[_DUST])
        targets.append(Target(f"at least 15 × faster than {name}", str(faster), faster.value >= 15))
    return targets


def _mask(number: int) -> NDArray[np.bool_]:
    y, x = np.mgrid[:SIDE, :SIDE]
    disc: NDArray[np.bool_] = (y - SIDE // 2 + number) ** 2 + (x - SIDE // 2 - number) ** 2 < SIDE * SIDE / 5 / np.pi
    return disc


def _boxes(n: int, seed: int) -> NDArray[np.int64]:
    """Return boxes of 20–89 pixels a side that may overlap."""
    rng = np.random.default_rng(seed)
    sides = rng.integers(20, 90, (n, 2))
    corners = rng.integers(0, SIDE - sides)
    return np.concatenate([corners, corners + sides], axis=1)


def _own_rivals() -> dict[str, Rival]:
    images = np.random.default_rng(0).integers(0, 256, (_BATCH, SIDE, SIDE, 3), np.uint8)
    maps = np.random.default_rng(1).integers(0, 256, (_BATCH, 14, 14), np.uint8)
    masks = np.stack([_mask(number) for number in range(_BATCH)])
    at_guide = dustaug.dust(center="guide")
    objects = {n: [_boxes(n, seed) for seed in range(_BATCH)] for n in (_N_OBJECTS, _N_BOXES)}
    each = dustaug.dust(
        per_object=True, count_range=_HOLES_PER_BOX, height_fraction_range=_FRACTIONS_OF_BOX, center="inside"
    )
    works: dict[str, tuple[dustaug.Spec, dict[str, Any]]] = {
        PLAIN: (dustaug.dust(), {}),
        MAP: (at_guide, {"guide": maps}),
        MASK: (at_guide, {"guide": masks}),
        SPARED: (dustaug.dust(max_hidden=0.4), {"objects": objects[_N_OBJECTS]}),
        EACH: (each, {"objects": objects[_N_BOXES]}),
    }
    return {name: Rival(_dust(images, spec, terms)) for name, (spec, terms) in works.items()}


def _dust(images: NDArray[Any], spec: dustaug.Spec, terms: dict[str, Any]) -> Callable[[int], object]:
    return lambda index: dustaug.add_dust(images, spec, seed=0, index=index, **terms)


# ------------------------------------------------------------------------------------------- AlbumentationsX


def their_rivals() -> dict[str, dict[str, Rival]]:
    """Return, for each transform of AlbumentationsX, its call and that of dustaug."""
    rival = importlib.import_module("benchmarks.rivals.albumentations")
    image = np.random.default_rng(0).integers(1, 256, (SIDE, SIDE, 3), np.uint8)
    mask, boxes = _mask(0), _boxes(_N_BOXES, 0)
    in_region = rival.compose(
        rival.A.GuidedCoarseDropout(
            num_holes_range=_HOLES, hole_height_range=_FRACTIONS, hole_width_range=_FRACTIONS, fill=0, p=1
        )
    )
    in_boxes = rival.compose(
        rival.A.ConstrainedCoarseDropout(
            num_holes_range=_HOLES_PER_BOX,
            hole_height_range=_FRACTIONS_OF_BOX,
            hole_width_range=_FRACTIONS_OF_BOX,
            fill=0,
            p=1,
            bbox_labels=[1],
        ),
        bbox_params=rival.A.BboxParams(coord_format="pascal_voc", label_fields=["labels"]),
    )
    region, places = mask.astype(np.uint8), boxes[:, [1, 0, 3, 2]].astype(np.float32)
    labels = [1] * _N_BOXES
    at_guide = dustaug.dust(count_range=_HOLES, center="guide", height_fraction_range=_FRACTIONS, **_BLACK)
    each = dustaug.dust(
        per_object=True,
        count_range=_HOLES_PER_BOX,
        height_fraction_range=_FRACTIONS_OF_BOX,
        center="inside",
        **_BLACK,
    )
    return {
        "GuidedCoarseDropout": {
            "GuidedCoarseDropout": Rival(lambda _: in_region(image=image, dropout_region=region)["image"]),
            _DUST: Rival(_dust(image.copy(), at_guide, {"guide": mask})),
        },
        "ConstrainedCoarseDropout": {
            "ConstrainedCoarseDropout": Rival(
                lambda _: in_boxes(image=image, bboxes=places, labels=labels)["image"],
            ),
            _DUST: Rival(_dust(image.copy(), each, {"objects": boxes})),
        },
    }


def _check(row: str, image: Any) -> None:
    if not (np.asarray(image) == 0).any():
        raise AssertionError(f"{row} must paint something black")


if __name__ == "__main__":
    answer(their_rivals(), _check)
