"""Measure the adapter in the installed Albumentations or AlbumentationsX, against NoOp and the library's dropouts."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

import numpy as np

from dustaug.albumentations import DustRectangles

from .report import Section, Settings, Table, Target, joined
from .rivals.albumentations import IS_X, A, compose
from .timing import Rival, Times, race

__all__ = ["albumentations"]

SIDE = 224
# The sizes and the number of dust(). CoarseDropout paints at least one hole, so dust paints at least one here too.
_HOLES = {"num_holes_range": (1, 31), "hole_height_range": (2, 14), "hole_width_range": (2, 14), "p": 1}
_DUST = {"count_range": (1, 31), "p": 1}
_BATCH = 32

IN_PLACE, COPY, NO_OP = "DustRectangles, in place", "DustRectangles, with the copy", "NoOp"


def _race(
    settings: Settings, transforms: Mapping[str, Any], data: Mapping[str, Any], n: int, seconds: float, **arguments: Any
) -> dict[str, Times]:
    """Time pipelines of one transform each; a timed call is `n` calls of a pipeline, or one with n images."""
    calls = range(1 if "images" in data else n)

    def rival(transform: Any) -> Rival:
        pipeline = compose(transform, **arguments)

        def run(_: int) -> None:
            for _ in calls:
                pipeline(**data)

        return Rival(run)

    return race({name: rival(transform) for name, transform in transforms.items()}, n, settings.seconds(seconds))


def _rows(found: dict[str, Times]) -> list[tuple[str, ...]]:
    return [
        (name, str(times), str(times.ratio(found[NO_OP])), str(times.ratio(found[COPY])))
        for name, times in found.items()
    ]


_HEADER = ("Transform", "µs", f"/ {NO_OP}", "/ dust with the copy")


def _one_image(settings: Settings) -> Section:
    """Measure a Compose with one transform on one image, as a worker of a data loader calls it."""
    transforms = {
        NO_OP: A.NoOp(p=1),
        IN_PLACE: DustRectangles(**_DUST, inplace=True),
        COPY: DustRectangles(**_DUST),
        "HorizontalFlip": A.HorizontalFlip(p=1),
        "CoarseDropout, black": A.CoarseDropout(**_HOLES, fill=0),
        "CoarseDropout, one colour each": A.CoarseDropout(**_HOLES, fill="random_uniform"),
        "Erasing, one rectangle": A.Erasing(p=1),
    }
    found = _race(settings, transforms, {"image": np.full((SIDE, SIDE, 3), 100, np.uint8)}, 10, 25)
    targets = []
    for most, name in ((2.8, COPY),) if IS_X else ((1.6, IN_PLACE), (2.5, COPY)):
        ratio = found[name].ratio(found[NO_OP])
        targets.append(Target(f"{name}: at most {most} × {NO_OP}", str(ratio), ratio.value <= most))
    for least, name in () if IS_X else ((8, "CoarseDropout, black"), (15, "CoarseDropout, one colour each")):
        ratio = found[name].ratio(found[COPY])
        targets.append(Target(f"{COPY}: at least {least} × faster than {name}", str(ratio), ratio.value >= least))
    return Section(
        title=f"{_name()}: one image of 224 × 224 × 3, uint8",
        note="Each call is `A.Compose([transform])(image=image)`. The table gives the median, with the first and third "
        "quartile, in µs. CoarseDropout has the sizes of dust and 1–31 holes, and dust has 1–31 rectangles here. All "
        "draw new rectangles at each call. HorizontalFlip is there for comparison.",
        tables=[Table("", _HEADER, _rows(found))],
        targets=targets,
        data=found,
    )


def _batches(settings: Settings) -> Section:
    """Measure 32 images at once: a video, whose frames share their dust, and a batch, whose images do not."""
    transforms = {
        NO_OP: A.NoOp(p=1),
        IN_PLACE: DustRectangles(**_DUST, same_on_batch=False, inplace=True),
        COPY: DustRectangles(**_DUST, same_on_batch=False),
        "DustRectangles, a video, with the copy": DustRectangles(**_DUST),
        "CoarseDropout, black (a video)": A.CoarseDropout(**_HOLES, fill=0),
        "CoarseDropout, one colour each (a video)": A.CoarseDropout(**_HOLES, fill="random_uniform"),
    }
    images = np.full((_BATCH, SIDE, SIDE, 3), 100, np.uint8)
    found = _race(settings, transforms, {"images": images}, _BATCH, 15)
    return Section(
        title=f"{_name()}: {_BATCH} images at once",
        note="Each call is `A.Compose([transform])(images=images)`. The times are in µs per image. CoarseDropout "
        "cannot give each image its own holes. The time of a copy of the batch is mostly the time in which the system "
        "allocates memory. In Albumentations 2.0.8 NoOp makes such a copy too.",
        tables=[Table("", _HEADER, _rows(found))],
        data=found,
    )


def _with_targets(settings: Settings) -> Section:
    """Measure an image with a mask that is filled, five boxes that are clipped, and ten keypoints that may go."""
    rng = np.random.default_rng(0)
    corners = rng.integers(0, SIDE // 2, (5, 2))
    data = {
        "image": np.full((SIDE, SIDE, 3), 100, np.uint8),
        "mask": np.zeros((SIDE, SIDE), np.uint8),
        "bboxes": np.concatenate([corners, corners + rng.integers(20, 100, (5, 2))], axis=1).astype(np.float32),
        "keypoints": rng.uniform(0, SIDE, (10, 2)).astype(np.float32),
    }
    name = "coord_format" if IS_X else "format"
    params = {
        "bbox_params": A.BboxParams(**{name: "pascal_voc"}, label_fields=[]),
        "keypoint_params": A.KeypointParams(**{name: "xy"}, remove_invisible=True),
    }
    transforms = {
        NO_OP: A.NoOp(p=1),
        COPY: DustRectangles(**_DUST, fill_mask=255),
        "CoarseDropout, black": A.CoarseDropout(**_HOLES, fill=0, fill_mask=255),
    }
    found = _race(settings, transforms, data, 5, 10, **params)
    return Section(
        title=f"{_name()}: an image with a mask, boxes and keypoints",
        note="The mask is filled, five boxes shrink to their visible part, and ten keypoints are removed if dust "
        "covers them. The times are in µs.",
        tables=[Table("", _HEADER, _rows(found))],
        data=found,
    )


def _name() -> str:
    package = "albumentationsx" if IS_X else "albumentations"
    return f"{'AlbumentationsX' if IS_X else 'Albumentations'} {metadata.version(package)}"


def albumentations(settings: Settings) -> Section:
    """Measure all three figures."""
    return joined(_name(), (figure(settings) for figure in (_one_image, _batches, _with_targets)))
