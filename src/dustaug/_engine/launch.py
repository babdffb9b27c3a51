"""What the kernel must know to dust a batch, computed once, and how it is run: at an address, in parts, on threads."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dustaug.spec import Spec

from . import fills as _fills
from .checks import (
    MAX_EPOCH,
    MAX_INDEX,
    MAX_SEED,
    check_coordinates,
    check_dtype,
    check_each_index,
    check_epoch,
    check_fill,
    check_guessed_range,
    check_layout,
    check_seed,
    check_spec,
    check_value_range,
    check_whole,
    not_an_array,
    resolve_value_range,
)
from .memory import Layout, Memory, array_at, make_memory, make_record
from .plan import PLAN_DTYPE, make_plan

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["Job", "bind_dust_at", "draw_rectangles", "dust_images", "make_job", "paint_boxes"]

Images = TypeVar("Images", bound=NDArray[Any])

_WORD = 0xFFFFFFFF


class Job(NamedTuple):
    """All that the kernel needs to know of a spec, a shape, strides, a dtype and a value range: computed once."""

    n: int
    record: NDArray[Any]
    patterns: NDArray[np.uint64]
    # What the engine takes for tables and patterns; their owners are kept alive here.
    handles: tuple[Any, Any]
    tables: NDArray[np.uint32]
    memory: Memory
    value_range: tuple[float, float]
    per_image: bool
    guessed_range: bool
    draws_first: bool


def make_job(
    images: NDArray[Any], spec: Spec | None, layout: Layout | None, value_range: tuple[float, float] | None
) -> Job:
    """Check images and options, and return their job from the cache."""
    if not isinstance(images, np.ndarray):
        raise not_an_array(images)
    if not images.flags.writeable:
        raise ValueError("images must be writable, got a read-only array: type images.copy()")
    if spec is not None:
        check_spec(spec)
    if layout is not None:
        check_layout(layout)
    if value_range is not None:
        value_range = check_value_range(value_range)
    job = _job_cache(spec)(images.shape, images.strides, images.dtype, spec, layout, value_range)
    if job.guessed_range:
        check_guessed_range(images)
    return job


def _prepare_job(
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    dtype: np.dtype[Any],
    spec: Spec | None,
    layout: Layout | None,
    value_range: tuple[float, float] | None,
) -> Job:
    spec = check_spec(spec)
    check_dtype(dtype)
    memory = make_memory(shape, strides, dtype, layout)
    limits = resolve_value_range(value_range, dtype)
    check_fill(spec, memory)
    patterns = _fills.spec_patterns(spec, memory, limits)
    record, tables = np.zeros(1, PLAN_DTYPE), np.zeros(0, np.uint32)
    per_image, guessed = spec.fill == "mean", False
    if 0 not in shape:
        record, tables = make_plan(spec, memory.height, memory.width)
        plain = spec.normalize_mean is None and not per_image
        guessed = value_range is None and dtype.kind not in "biu" and plain
    record = make_record(record, memory, pattern_columns=patterns.shape[1])
    handles = _engine().handle(tables), _engine().handle(patterns)
    draws_first = spec.fill in ("color", "noise")
    return Job(memory.n, record, patterns, handles, tables, memory, limits, per_image, guessed, draws_first)


_cached_job = functools.lru_cache(maxsize=512)(_prepare_job)
# Tables of areas are large, and there is one for each image size: few of them are kept.
_cached_area_job = functools.lru_cache(maxsize=8)(_prepare_job)


def _job_cache(spec: Spec | None) -> Callable[..., Job]:
    return _cached_job if spec is None or spec.area_range is None else _cached_area_job


@functools.cache
def _engine() -> ModuleType:
    """Numba's kernels, or their twin in NumPy if Numba's compiler is switched off. Imported at the first call."""
    from . import kernels as _kernels

    if _kernels.JIT_DISABLED:
        from . import kernels_numpy as _numpy

        return _numpy
    return _kernels


def bind_dust_at(
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    dtype: np.dtype[Any],
    spec: Spec | None,
    *,
    layout: Layout,
    value_range: tuple[float, float] | None = None,
) -> Callable[..., None]:
    """Return ``dust_at(address, seed, epoch=0, index=0, num_threads=1)``: :func:`add_dust` with the rest decided.

    For adapters that paint many tensors of one kind and keep what this returns: a third of the time of a small image
    goes into looking it up. The caller answers for the address: that it is writable, and that its owner outlives the
    call. Strides are in bytes.
    """
    job, engine = _job_cache(spec)(shape, strides, dtype, spec, layout, value_range), _engine()
    if not engine.TAKES_ADDRESSES or job.per_image or job.draws_first or job.guessed_range or 0 in shape:

        def dust_array_at(address: int, seed: int, epoch: int = 0, index: Any = 0, num_threads: int = 1) -> None:
            images = array_at(address, shape, strides, dtype)
            dust_images(images, make_job(images, spec, layout, value_range), seed, epoch, index, num_threads)

        return dust_array_at
    record, (tables, patterns), n = job.record, job.handles, job.n
    run, no_indices = engine.dust_images, engine.NO_INDICES
    last = MAX_INDEX - n

    def dust_at(address: int, seed: int, epoch: int = 0, index: Any = 0, num_threads: int = 1) -> None:
        # As _dust_at, one call less deep: plain numbers and one thread are what a data loader's worker has.
        if (
            type(seed) is type(epoch) is type(index) is int
            and 0 <= seed <= MAX_SEED
            and 0 <= epoch <= MAX_EPOCH
            and 0 <= index <= last
            and num_threads == 1
        ):
            low, high = seed & _WORD, seed >> 32
            run(record, tables, patterns, address, low, high, epoch, index, no_indices, 0, n)
        else:
            _dust_at(address, job, patterns, seed, epoch, index, num_threads)

    return dust_at


def dust_images(images: Images, job: Job, seed: int, epoch: int, index: int | ArrayLike, num_threads: int) -> Images:
    """Run a job on its images."""
    if not images.size:
        check_coordinates(seed, epoch, index, job.n)
        _check_threads(num_threads)
    elif job.draws_first:
        _draw_then_paint(images, job, seed, epoch, index, num_threads)
    else:
        engine, patterns = _engine(), job.handles[1]
        if job.per_image:
            means = _fills.mean_patterns(images, job.memory, job.value_range)
            patterns = engine.handle(means)
        _dust_at(engine.locate(images, job.record), job, patterns, seed, epoch, index, num_threads)
    return images


def _dust_at(
    target: Any, job: Job, patterns: Any, seed: int, epoch: int, index: int | ArrayLike, num_threads: int
) -> None:
    """Run the kernel on a target that the engine has located, with a handle of patterns."""
    seed, epoch, first, each = check_coordinates(seed, epoch, index, job.n)
    engine, low, high = _engine(), seed & _WORD, seed >> 32
    indices = engine.NO_INDICES if each is None else engine.handle(each)
    record, tables = job.record, job.handles[0]
    if num_threads == 1:  # Packing the arguments first takes 0.2 µs.
        engine.dust_images(record, tables, patterns, target, low, high, epoch, first, indices, 0, job.n)
        return
    dust_part = functools.partial(
        engine.dust_images, record, tables, patterns, target, low, high, epoch, first, indices
    )
    _run_on_threads(dust_part, job.n, num_threads)


def _draw_then_paint(
    images: NDArray[Any], job: Job, seed: int, epoch: int, index: int | ArrayLike, num_threads: int
) -> None:
    """Dust images with colour or noise, whose rectangles are all drawn before the first is painted."""
    seed, epoch, indices = check_seed(seed), check_epoch(epoch), check_each_index(index, job.n)

    def dust_part(start: int, stop: int) -> None:
        counts, boxes, fills = draw_rectangles(job.record, job.tables, seed, epoch, indices[start:stop])
        patterns = job.patterns
        if job.record[0]["color"]:
            patterns = np.ascontiguousarray(patterns[fills, np.arange(job.memory.channels)])
        positions = np.repeat(np.arange(start, stop), counts)
        paint_boxes(job.record, patterns, images, boxes, positions, seed=seed, epoch=epoch, indices=indices)

    _run_on_threads(dust_part, job.n, num_threads)


def _run_on_threads(dust_part: Callable[..., None], n: int, num_threads: int) -> None:
    """Dust n images in parts: the kernel releases the GIL.

    Numba's own threads would not survive a fork, or two Python threads at once.
    """
    num_threads = min(_check_threads(num_threads), n)
    first_part, *parts = itertools.pairwise(n * part // num_threads for part in range(num_threads + 1))
    # This thread takes a part too: to wake one takes as long as a small batch.
    others = [_pool(num_threads - 1).submit(dust_part, *part) for part in parts]
    try:
        dust_part(*first_part)
    finally:
        for other in others:
            other.result()


def _check_threads(num_threads: Any) -> int:
    return check_whole("num_threads", num_threads, 1, 4096)


def draw_rectangles(
    record: NDArray[Any], tables: NDArray[np.uint32], seed: int, epoch: int, indices: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Counts, boxes (r, 4) and numbers of fills (r, channels or 1) of the rectangles of some images."""
    engine, plan, low, high = _engine(), record[0], seed & _WORD, seed >> 32
    counts = np.zeros(len(indices), np.int64)
    engine.count_rectangles(record, low, high, epoch, indices, counts)
    boxes = np.zeros((counts.sum(), 4), np.int32)
    fills = np.zeros((len(boxes), plan["channels"] if plan["color"] else 1), np.int32)
    engine.draw_rectangles(record, engine.handle(tables), low, high, epoch, indices, counts, boxes, fills)
    return counts, boxes, fills


def paint_boxes(
    record: NDArray[Any],
    patterns: NDArray[np.uint64],
    images: NDArray[Any],
    boxes: NDArray[Any],
    positions: NDArray[np.int64],
    *,
    seed: int,
    epoch: int,
    indices: NDArray[np.int64],
) -> None:
    """Paint boxes (r, 4) on the images `positions`, with one row of patterns each.

    Noise depends on seed, epoch and the images' indices instead.
    """
    engine = _engine()
    five = np.zeros((len(boxes), 5), np.int64)  # As the kernel has them: four edges, and room for the number of a fill.
    five[:, :4] = boxes
    handles = engine.handle(patterns), engine.locate(images, record), engine.handle(five)
    engine.paint_boxes(record, *handles, positions, seed & _WORD, seed >> 32, epoch, indices)


_pools: dict[int, ThreadPoolExecutor] = {}
if hasattr(os, "register_at_fork"):
    # A forked child inherits the pools, but not their threads.
    os.register_at_fork(after_in_child=_pools.clear)


def _pool(num_threads: int) -> ThreadPoolExecutor:
    if num_threads not in _pools:
        from concurrent.futures import ThreadPoolExecutor

        _pools[num_threads] = ThreadPoolExecutor(num_threads, "dustaug")
    return _pools[num_threads]
