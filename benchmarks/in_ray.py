"""Measure DustBatch in Ray Data against an identity map, and the cost of dust on one core without Ray.

``python -m benchmarks --only scale --only ray`` needs the extras ``ray`` and ``bench``.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import numpy as np

import dustaug
from dustaug.ray import DustBatch

from .machine import cores
from .report import Section, Settings, Table, Target
from .timing import Rival, fresh_index, race

__all__ = ["ray", "scale"]

SIDE, BATCH, BLOCK = 224, 64, 128


def _identity(batch: dict[str, Any]) -> dict[str, Any]:
    return batch


def _copy(batch: dict[str, Any]) -> dict[str, Any]:
    return {**batch, "image": batch["image"].copy()}


def _make_batch(n: int) -> dict[str, Any]:
    images = np.random.default_rng(0).integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8)
    return {"image": images, "index": np.arange(n)}


def scale(settings: Settings) -> Section:
    """Measure three kinds of work on one core: dust in place, dust on a copy, and the hash of a name."""
    batch = _make_batch(BATCH)
    dust_batch = DustBatch(seed=7, index_column="index")
    names = [f"train/class{i % 1000:04}/{i:09}.jpg" for i in range(BATCH)]
    rivals = {
        "copy": Rival(lambda _: _copy(batch)),
        "add_dust, in place": Rival(lambda index: dustaug.add_dust(batch["image"], seed=7, index=index)),
        "DustBatch": Rival(lambda index: dust_batch({**batch, "index": index + np.arange(BATCH)})),
        "index_of": Rival(lambda _: dustaug.index_of(names)),
    }
    found = race(rivals, BATCH, settings.seconds(20))
    rows = [(name, str(times), str(times.ratio(found["copy"]))) for name, times in found.items()]
    return Section(
        title=f"One core: batches of {BATCH} × {SIDE} × {SIDE} × 3, uint8",
        note="The table gives the median, with the first and third quartile, in µs per image. Every call has new "
        "indices. The ratio is one of medians, with the least and the greatest of five parts of the run.",
        tables=[Table("", ("what", "µs an image", "/ copy"), rows)],
        data=found,
    )


def ray(settings: Settings) -> Section:
    """Measure maps that read a data set from the object store and write it back there."""
    import ray
    import ray.data

    n_images = 2048
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init("local", num_cpus=cores(), log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    blocks = [{**_make_batch(BLOCK), "index": np.arange(BLOCK) + fresh_index(BLOCK)} for _ in range(n_images // BLOCK)]
    stored = ray.data.from_blocks([ray.data.block.BlockAccessor.batch_to_block(block) for block in blocks])
    stored = stored.materialize()
    maps = {
        "identity": _identity,
        "identity, once more": _identity,
        "copy": _copy,
        "DustBatch": DustBatch(seed=7, index_column="index"),
    }

    def bind(function: Any, batch_size: int | None) -> Any:
        return lambda _: stored.map_batches(function, batch_format="numpy", batch_size=batch_size).materialize()

    rivals = {name: Rival(bind(function, None)) for name, function in maps.items()}
    rivals |= {f"{name}, by {BATCH}": Rival(bind(maps[name], BATCH)) for name in ("identity", "DustBatch")}
    found = race(rivals, n_images, settings.seconds(75))
    ray.shutdown()
    rows = [(name, str(times), str(found["identity"].ratio(times))) for name, times in found.items()]
    ratio = found["identity"].ratio(found["DustBatch"])
    return Section(
        title=f"Ray Data: {n_images:,} images of {SIDE} × {SIDE} × 3, uint8, from the object store and back",
        note="The table gives the median, with the quartiles, in µs per image. The throughput is relative to that of "
        f"the identity. The maps get whole blocks of {BLOCK} images, which is Ray's default, or batches of {BATCH}. "
        "They run as tasks, in processes that are reused.",
        tables=[Table("", ("map_batches of", "µs an image", "throughput"), rows)],
        targets=[Target("DustBatch: at least 0.9 of the identity's throughput", str(ratio), ratio.value >= 0.9)],
        data=found,
    )
