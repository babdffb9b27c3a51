"""Measure cuboids on a volume against MONAI."""

from __future__ import annotations

import numpy as np
import torch
from monai.transforms import RandCoarseDropout

import dustaug

from .report import Section, Settings, Table, Target, loss
from .timing import Rival, race

__all__ = ["volumes"]

_SIDE, _HOLES = 96, 8
THEIRS, IN_PLACE, COPY = "MONAI RandCoarseDropout", "dustaug.add_dust, in place", "dustaug.add_dust, with the copy"


def volumes(settings: Settings) -> Section:
    """Measure one volume a call, with 8 cuboids of 8–32 pixels a side."""
    torch.set_num_threads(1)
    volume = np.random.default_rng(0).random((1, _SIDE, _SIDE, _SIDE), np.float32)
    theirs = RandCoarseDropout(
        holes=_HOLES, spatial_size=8, max_spatial_size=32, max_holes=_HOLES, fill_value=0, prob=1.0
    )
    spec = dustaug.Spec(
        count_range=(_HOLES, _HOLES),
        side_range=(8, 32),
        depth_range=(8, 32),
        center="inside",
        spare_last=False,
        fill="constant",
        fill_value=0,
    )
    # Channels first, and then slices.
    own, tensor = volume.copy()[None], torch.from_numpy(volume)
    rivals = {
        THEIRS: Rival(lambda _: theirs(tensor)),
        IN_PLACE: Rival(lambda index: dustaug.add_dust(own, spec, seed=0, index=index, layout="NCDHW")),
        COPY: Rival(lambda index: dustaug.add_dust(own.copy(), spec, seed=0, index=index, layout="NCDHW")),
    }
    found = race(rivals, 1, settings.seconds(10))
    rows = [(name, str(times), loss(times.ratio(found[THEIRS]))) for name, times in found.items()]
    targets = []
    for name in (IN_PLACE, COPY):
        faster = found[THEIRS].ratio(found[name])
        targets.append(Target(f"{name}: at least 10 × faster than MONAI", str(faster), faster.value >= 10))
    return Section(
        title="Cuboids",
        note=f"One volume of 1 × {_SIDE}³, float32, a call, with {_HOLES} cuboids of 8–32 voxels a side, painted "
        "black. MONAI paints its input too.",
        tables=[Table("", ("Way", "µs per volume", f"/ {THEIRS}"), rows)],
        targets=targets[:1],
        data=found,
    )
