"""Images of many sizes do not fill the memory: what is kept belongs to a spec and a kind of images, not to a size."""

import functools
import gc
import tracemalloc

import numpy as np
import pytest

import dustaug
from dustaug._engine import kernels, kernels_numpy, launch, plan
from dustaug._engine.coordinates import Coordinates
from dustaug._engine.memory import ImageKind
from dustaug.ray import DustBatch
from many_sizes import check_growth, entries_of_caches

PRESETS = {
    "dust": dustaug.dust(),
    "cutout": dustaug.cutout(5),
    "random_erasing": dustaug.random_erasing(),
    "fractions": dustaug.dust(height_fraction_range=(0.05, 0.2), center="inside"),
    "color": dustaug.dust(fill="color"),
    "mean": dustaug.dust(fill="mean"),
}


def grey(height, width):
    return np.zeros((height, width, 1), np.uint8)


def sample(spec, height, width):
    where = {"height": height, "width": width, "channels": 1, "seed": 0, "index": 3}
    dustaug.paint_rectangles(grey(height, width), dustaug.sample_rectangles(spec, **where))


def stream(spec, height, width):
    dustaug.DustStream(spec, seed=7)(grey(height, width))


def run_at(spec, height, width):
    images = grey(height, width)
    prepared = launch.launch_for(spec, ImageKind(images.dtype, "HWC"))
    prepared.run_at(images.__array_interface__["data"][0], images.shape, images.strides, Coordinates(7))


def batches(spec, height, width):
    DustBatch(spec, seed=7, index_column="id")({"image": grey(height, width)[None], "id": np.array([3])})


DOORS = {
    "add_dust": lambda spec, height, width: dustaug.add_dust(grey(height, width), spec, seed=0, index=3),
    "DustStream": stream,
    "sample_rectangles": sample,
    "run_at": run_at,
    "DustBatch": batches,
}


@pytest.fixture
def empty_caches():
    """Forget all plans and launches, before and after: a launch belongs to the engine that it was made for."""
    caches = launch._find_launch, launch.launch_for, plan.make_plan
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("empty_caches")
@pytest.mark.parametrize("spec", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_nothing_grows_with_the_sizes(door, spec):
    """After 5,000 sizes there is one plan of the spec, and one launch for each of its kinds, and no object is left."""
    check_growth(functools.partial(door, spec))

    assert entries_of_caches()[2] == 1 + (door is batches and spec != PRESETS["dust"])
    assert max(entries_of_caches()) <= (3 if door is batches else 1)


@pytest.mark.usefixtures("empty_caches")
@pytest.mark.parametrize("spec", PRESETS.values(), ids=PRESETS)
def test_nothing_grows_without_a_compiler(spec, monkeypatch):
    """NumPy's engine keeps nothing of a size either."""
    monkeypatch.setattr(launch, "_engine", lambda: kernels_numpy)
    check_growth(functools.partial(DOORS["add_dust"], spec), n=1000)

    assert max(entries_of_caches()) == 1


@pytest.mark.usefixtures("empty_caches")
def test_no_table_is_kept():
    """Nor is there a large piece of memory left, of few objects: so it was with tables of areas, a megabyte a size."""
    spec = PRESETS["random_erasing"]
    tracemalloc.start()
    try:
        for side in range(420, 480):
            sample(spec, side, 920 - side)
            dustaug.add_dust(grey(side, 920 - side), spec, seed=0, index=0)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 1 << 18


@pytest.mark.usefixtures("empty_caches")
def test_nothing_is_compiled_for_a_size(monkeypatch):
    """The compiled functions have one signature each, whatever the images are."""
    monkeypatch.setattr(launch, "_engine", lambda: kernels)
    for spec in PRESETS.values():
        for height, width in ((8, 8), (99, 300), (300, 99), (64, 64)):
            dustaug.add_dust(grey(height, width), spec, seed=0, index=0)

    for size in (8, 99):
        mask = np.ones((3, size), bool)
        dustaug.add_dust(grey(size, size), dustaug.dust(center="guide"), seed=0, index=0, guide=mask)

    entries = kernels.dust_batch, kernels.dust_batch_in_detail, kernels.dust_any_batch, kernels.mean_patterns
    assert [len(entry.signatures) for entry in entries] == [1, 1, 1, 1]


@pytest.mark.usefixtures("empty_caches")
def test_the_check_can_fail():
    """A cache of one array for each size is found."""
    kept = {}

    def use(height, width):
        kept[height, width] = np.zeros(4)

    with pytest.raises(AssertionError):
        check_growth(use)
