"""Compare dust_fn and the Keras layer in tf.data with an identity map and keras.layers.RandomErasing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from dustaug.keras import DustRectangles
from dustaug.tensorflow import make_dust_fn

from .report import Section, Settings, Table, Target, joined
from .timing import Rival, Times, race

__all__ = ["tensorflow"]

SIDE, BATCH, N_BATCHES = 224, 32, 64
IDENTITY, NUMBA, GRAPH, XLA, LAYER, ERASING = (
    "identity",
    'dust_fn, backend="numba"',
    'dust_fn, backend="graph"',
    'dust_fn, backend="graph", jit_compile',
    "keras DustRectangles, to float32",
    "keras RandomErasing, one rectangle, to float32",
)


def _indexed(backend: str, stride: int, *, jit: bool = False) -> Callable[..., Any]:
    fn = make_dust_fn(seed=1, indexed=True, backend=backend)
    fn = tf.function(fn, jit_compile=True) if jit else fn
    return lambda number, images: fn(number * stride, images)


def _functions(stride: int) -> dict[str, Callable[..., Any]]:
    layer = DustRectangles(seed=1)
    erasing = keras.layers.RandomErasing(factor=(1.0, 1.0), value_range=(0, 255))
    return {
        IDENTITY: lambda _, images: images,
        NUMBA: _indexed("numba", stride),
        GRAPH: _indexed("graph", stride),
        XLA: _indexed("graph", stride, jit=True),
        LAYER: lambda _, images: layer(images),
        ERASING: lambda _, images: erasing(images),
    }


def _rival(dataset: Any, function: Callable[..., Any], parallel: int | None, *, batch: int = 0) -> Rival:
    """Time a whole iteration, so that no rival computes ahead while another one is timed."""
    first = tf.Variable(0, dtype=tf.int64)
    mapped = dataset.map(lambda number, images: function(first + number, images), num_parallel_calls=parallel)
    mapped = mapped.batch(batch) if batch else mapped

    def prepare(index: int) -> Any:
        first.assign(index)
        return mapped

    def run(dataset: Any) -> None:
        for _ in dataset:
            pass

    return Rival(run, prepare)


def _rows(found: dict[str, Times], base: str, ours: str) -> list[tuple[str, ...]]:
    return [(name, str(t), str(t.ratio(found[base])), str(t.ratio(found[ours]))) for name, t in found.items()]


def _batches(settings: Settings) -> Section:
    """Measure maps after ``batch``, sequential and parallel."""
    images = np.full((BATCH, SIDE, SIDE, 3), 100, np.uint8)
    dataset = tf.data.Dataset.from_tensors(images).repeat(N_BATCHES).enumerate()
    tables, data, targets = [], {}, []
    for parallel, caption in ((None, "Sequential"), (tf.data.AUTOTUNE, "num_parallel_calls=AUTOTUNE")):
        rivals = {name: _rival(dataset, function, parallel) for name, function in _functions(BATCH).items()}
        found = race(rivals, N_BATCHES * BATCH, settings.seconds(40))
        tables.append(
            Table(caption, ("map after batch", "µs an image", "/ identity", "/ numba"), _rows(found, IDENTITY, NUMBA))
        )
        data[caption] = found
        if parallel is None:
            wanted = ((NUMBA, IDENTITY, 5), (ERASING, NUMBA, 100), (GRAPH, NUMBA, 10), (ERASING, GRAPH, 8))
            for slower, faster, factor in wanted:
                ratio = found[slower].ratio(found[faster])
                sign, met = (
                    ("at most", ratio.value <= factor) if slower == NUMBA else ("at least", ratio.value >= factor)
                )
                targets.append(Target(f"{slower} / {faster}: {sign} {factor}", str(ratio), met))
    return Section(
        title="Batches",
        note=f"The batches are {BATCH} × {SIDE} × {SIDE} × 3, uint8. A timed call iterates over {N_BATCHES} batches. "
        "Dust has 0–31 rectangles.",
        tables=tables,
        targets=targets,
        data=data,
    )


def _images(settings: Settings) -> Section:
    """Measure maps of single images, before ``batch``."""
    dataset = (
        tf.data.Dataset.from_tensors(np.full((SIDE, SIDE, 3), 100, np.uint8)).repeat(BATCH * N_BATCHES).enumerate()
    )
    rivals = {
        name: _rival(dataset, function, None, batch=BATCH) for name, function in _functions(1).items() if name != XLA
    }
    found = race(rivals, N_BATCHES * BATCH, settings.seconds(20))
    header = ("map before batch", "µs an image", "/ identity", "/ numba")
    return Section(
        title="Image by image",
        note="The same images are mapped one by one, and then batched.",
        tables=[Table("", header, _rows(found, IDENTITY, NUMBA))],
        data=found,
    )


def _files(settings: Settings) -> Section:
    """Measure a whole input pipeline, which decodes, resizes, batches and dusts JPEG files."""
    with tempfile.TemporaryDirectory() as folder, resources.as_file(resources.files("dustaug") / "photos") as photos:
        photo = Image.open(next(photos.glob("*.jpg"))).resize((500, 375))
        for number in range(64):
            photo.save(Path(folder) / f"{number}.jpg", quality=90)

        def load(path: Any) -> Any:
            image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
            return tf.cast(tf.image.resize(image, (SIDE, SIDE)), tf.uint8)

        files = tf.data.Dataset.list_files(f"{folder}/*.jpg", shuffle=False).map(load).batch(BATCH).enumerate()
        functions = _functions(BATCH)
        rivals = {name: _rival(files, functions[name], None) for name in (IDENTITY, NUMBA, GRAPH, ERASING)}
        rivals["identity, once more"] = _rival(files, functions[IDENTITY], None)
        found = race(rivals, 64, settings.seconds(30))
    header = ("files → decode → resize → batch → map", "µs an image", "/ identity", "/ numba")
    return Section(
        title="A whole input pipeline",
        note="The pipeline reads 64 JPEG files of 500 × 375. Two identity maps show the noise.",
        tables=[Table("", header, _rows(found, IDENTITY, NUMBA))],
        data=found,
    )


def tensorflow(settings: Settings) -> Section:
    """Measure all three figures."""
    title = f"tf.data, TensorFlow {tf.__version__}, Keras {keras.__version__}"
    return joined(title, (figure(settings) for figure in (_batches, _images, _files)))
