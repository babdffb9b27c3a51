"""Measure CutMix on a batch, with a rectangle and a partner for each image, against torchvision's with one for all."""

from __future__ import annotations

import numpy as np
import torch
from torchvision.transforms import v2

import dustaug
from dustaug.torchvision import DustCutMix

from .report import Section, Settings, Table, Target, loss
from .timing import Rival, race

__all__ = ["mixing"]

_BATCH, _SIDE, _CLASSES = 256, 224, 1000
THEIRS, OURS, IN_PLACE = "v2.CutMix", "DustCutMix", "dustaug.add_dust, in place"
GATHERED = "dustaug.add_dust, in place, donors gathered before"


def mixing(settings: Settings) -> Section:
    """Measure whole batches of floats with their labels."""
    torch.set_num_threads(1)
    images = torch.rand(_BATCH, 3, _SIDE, _SIDE)
    labels = torch.arange(_BATCH) % _CLASSES
    theirs, ours = v2.CutMix(num_classes=_CLASSES), DustCutMix(num_classes=_CLASSES)
    array, numbers, spec = images.numpy().copy(), labels.numpy(), dustaug.cutmix()
    everybody = np.arange(_BATCH)
    other = array[::-1].copy()

    def mix(index: int, donors: np.ndarray | None = None) -> object:
        partners = dustaug.partner_of(0, 0, (everybody + index) % _BATCH, _BATCH)
        donors = array[partners] if donors is None else donors
        dustaug.add_dust(array, spec, seed=0, index=index, layout="NCHW", donors=donors)
        rectangles = dustaug.sample_rectangles(spec, height=_SIDE, width=_SIDE, seed=0, index=index + everybody)
        return dustaug.mix_labels(numbers, numbers[partners], rectangles.share(), _CLASSES)

    rivals = {
        THEIRS: Rival(lambda _: theirs(images, labels)),
        OURS: Rival(lambda _: ours(images, labels)),
        IN_PLACE: Rival(mix),
        GATHERED: Rival(lambda index: mix(index, other)),
    }
    found = race(rivals, _BATCH, settings.seconds(30))
    rows = [(name, str(times), loss(times.ratio(found[THEIRS]))) for name, times in found.items()]
    ratio = found[OURS].ratio(found[THEIRS])
    return Section(
        title="CutMix",
        note=f"Batches of {_BATCH} × 3 × {_SIDE} × {_SIDE}, float32, with soft labels of {_CLASSES} classes. "
        "`v2.CutMix` has one rectangle for all images and takes the next one as the partner; dustaug has a rectangle "
        "and a partner for each. Both transforms leave the batch that they are given as it is. PyTorch has one thread.",
        tables=[Table("", ("Way", "µs per image", f"/ {THEIRS}"), rows)],
        targets=[Target(f"{OURS}: at most 1.3 × {THEIRS}", str(ratio), ratio.value <= 1.3)],
        data=found,
    )
