"""The only door to the kernel: it checks everything, and knows about layouts, dtypes, seeds and indices."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import operator
import os
import threading
import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _plan
from .spec import MAX_SIDE, Spec

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["DustStream", "Layout", "Rectangles", "add_dust", "paint_rectangles", "sample_rectangles", "warmup"]

Layout = Literal["NHWC", "NCHW", "NHW", "HWC", "CHW", "HW"]
Images = TypeVar("Images", bound=NDArray[Any])

_LAYOUTS = ("NHWC", "NCHW", "NHW", "HWC", "CHW", "HW")
_DEFAULT_LAYOUT: dict[int, Layout] = {2: "HW", 3: "HWC", 4: "NHWC"}
# More channels than this are taken for a mistaken layout unless the layout is given: (60000, 28, 28) is no HWC image.
_MAX_GUESSED_CHANNELS = 16
_MAX_SEED, _MAX_EPOCH, _MAX_INDEX = 2**64 - 1, 2**32 - 1, 2**63 - 1
_DEFAULT_SPEC = Spec()
_NO_INDICES = np.zeros(0, np.int64)


def add_dust(
    images: Images,
    spec: Spec | None = None,
    *,
    seed: int | None = None,
    epoch: int = 0,
    index: int | ArrayLike | None = None,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
    num_threads: int = 1,
) -> Images:
    """Paint random rectangles on every image of a batch, in place, and return the batch.

    With a seed, the rectangles of an image are a pure function of (spec, image size, seed, epoch, index). How images
    are split into batches, their order, layout and dtype, and the number of threads, workers and machines change nothing.

    Parameters
    ----------
    images : array, (n, h, w, c), (n, c, h, w), (n, h, w), (h, w, c), (c, h, w) or (h, w), changed in place
        Any dtype with items of 1, 2, 4 or 8 bytes that holds numbers. Views may be strided, cropped or flipped.
    spec : Spec, optional
        What to draw; :func:`~dustaug.dust` if left out.
    seed : int, optional
        0 … 2**64 - 1. Without one, every call draws fresh entropy from the operating system.
    epoch : int, default 0
        0 … 2**32 - 1. Another epoch gives other dust.
    index : int or int64 array (n,), required with a seed
        Position of the first image in its data set, the others follow; or one index for each image. 0 … 2**63 - 1.
    layout : {"NHWC", "NCHW", "NHW", "HWC", "CHW", "HW"}, optional
        By default NHWC, HWC or HW, by the number of axes.
    value_range : (float, float), optional
        Values of black and white. By default 0 and 1 for floats and bool, 0 and the dtype's largest value for integers.
    num_threads : int, default 1
        Threads to spread the batch over. They pay off from a few hundred images.

    Returns
    -------
    array
        `images` itself.

    Raises
    ------
    TypeError
        If `images` is not an array of numbers, if a seed comes without an index, or an index without a seed.
    ValueError
        If `images` is read-only or overlaps itself, or an argument is out of its limits. The images stay untouched.

    Warns
    -----
    UserWarning
        If floating-point images leave [0, 1] and no `value_range` is given.

    Notes
    -----
    The idea and the default distribution are those of a 2017 post, where a guitar classifier stopped
    taking a scribbled-on Jazzmaster for a Flying V once it had been trained with this dust.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.full((32, 64, 64, 3), 255, np.uint8)
    >>> dusted = add_dust(images, seed=7, index=0)
    >>> dusted is images
    True
    >>> alone = add_dust(np.full((64, 64, 3), 255, np.uint8), seed=7, index=5)
    >>> bool((alone == images[5]).all())
    True
    """
    job = _make_job(images, spec, layout, value_range)
    if seed is None:
        if index is not None or epoch != 0:
            raise TypeError(
                "seed must be given together with index and epoch, got none: type add_dust(images, seed=0, index=…), "
                "or leave out index and epoch for fresh dust at each call"
            )
        seed, first, indices = int.from_bytes(os.urandom(8), "little"), 0, _NO_INDICES
    else:
        seed, epoch = _check_seed(seed), _check_epoch(epoch)
        if index is None:
            raise TypeError(
                "index must be given with a seed, or every batch would get the same dust, got none: type "
                "add_dust(images, seed=0, index=position_of_the_first_image), or let dustaug.DustStream(seed=0) count"
            )
        first, indices = _check_index(index, job.n)
    if num_threads != 1:
        num_threads = _check_whole("num_threads", num_threads, 1, 4096)
    _dust(images, job, seed, epoch, first, indices, num_threads)
    return images


class DustStream:
    """A seeded :func:`add_dust` that counts the images itself, and can be stopped and resumed.

    ``stream = DustStream(seed=7)`` and then ``((stream(x), y) for x, y in flow)`` is the reproducible form of the
    post's generator: image number i of the stream gets the dust of index i, whatever the batches are. Call :meth:`set_epoch` at the start of each further epoch, or let the index run on.

    Parameters
    ----------
    spec : Spec, optional
        What to draw; :func:`~dustaug.dust` if left out.
    seed : int
        0 … 2**64 - 1.
    epoch : int, default 0
        0 … 2**32 - 1.
    index : int, default 0
        Index of the next image.

    Examples
    --------
    >>> import numpy as np
    >>> batch = np.zeros((8, 32, 32, 3), np.uint8)
    >>> stream = DustStream(seed=7)
    >>> _ = stream(batch)
    >>> stream.index
    8
    >>> resumed = DustStream(seed=7)
    >>> resumed.load_state_dict(stream.state_dict())
    >>> resumed
    DustStream(Spec(), seed=7, epoch=0, index=8)
    """

    def __init__(self, spec: Spec | None = None, *, seed: int, epoch: int = 0, index: int = 0) -> None:
        self.spec = _check_spec(spec)
        self.seed = _check_seed(seed)
        self.epoch = _check_epoch(epoch)
        self.index = _check_index(index, 0)[0]
        self._lock = threading.Lock()

    def __call__(
        self,
        images: Images,
        *,
        layout: Layout | None = None,
        value_range: tuple[float, float] | None = None,
        num_threads: int = 1,
    ) -> Images:
        """Dust the next images of the stream, in place; the arguments are those of :func:`add_dust`."""
        n = _make_job(images, self.spec, layout, value_range).n
        with self._lock:
            epoch, index = self.epoch, self.index
            self.index += n
        return add_dust(
            images,
            self.spec,
            seed=self.seed,
            epoch=epoch,
            index=index,
            layout=layout,
            value_range=value_range,
            num_threads=num_threads,
        )

    def set_epoch(self, epoch: int) -> None:
        """Go to the first image of an epoch."""
        with self._lock:
            self.epoch, self.index = _check_epoch(epoch), 0

    def state_dict(self) -> dict[str, Any]:
        """Return where the stream stands, as plain values: spec, seed, epoch and index."""
        with self._lock:
            return {"spec": self.spec.to_dict(), "seed": self.seed, "epoch": self.epoch, "index": self.index}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where a stream of the same spec and seed stood.

        Raises
        ------
        ValueError
            If the state belongs to another spec or seed.
        """
        if (Spec.from_dict(state["spec"]), state["seed"]) != (self.spec, self.seed):
            raise ValueError(
                f"state must come from a stream of {self.spec} and seed {self.seed}, "
                f"got {Spec.from_dict(state['spec'])} and seed {state['seed']}"
            )
        epoch, index = _check_epoch(state["epoch"]), _check_index(state["index"], 0)[0]
        with self._lock:
            self.epoch, self.index = epoch, index

    def __getstate__(self) -> dict[str, Any]:
        return self.state_dict()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(  # type: ignore[misc]
            Spec.from_dict(state["spec"]), seed=state["seed"], epoch=state["epoch"], index=state["index"]
        )

    def __repr__(self) -> str:
        return f"DustStream({self.spec!r}, seed={self.seed}, epoch={self.epoch}, index={self.index})"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Rectangles:
    """Rectangles of a batch of images, as arrays that can be drawn, stored, replayed or used as a mask.

    Rows are in painting order: a later rectangle lies over an earlier one. Rectangles that were clipped to nothing
    stay in, with area 0.

    Parameters
    ----------
    image : int64, (r,)
        Position in the batch of the image that the rectangle lies on.
    boxes : int32, (r, 4)
        Top, left, bottom, right in pixels; bottom and right are the first row and column outside. Clipped to the image.
    fill : (r,) or (r, c)
        Brightness 0…255, one number or one per channel: uint8 if it was drawn, float64 if it was given, and NaN where
        it hangs on more than the rectangle (``fill="noise"`` and ``"mean"``).
    n_images : int
        Number of images in the batch.
    spec, seed, epoch, index : optional
        What the rectangles were drawn with; `index` is int64, (n_images,). Painting noise and means needs them.

    Examples
    --------
    >>> import numpy as np
    >>> mine = Rectangles(image=np.array([0]), boxes=np.array([[2, 3, 5, 8]]), fill=np.array([255]), n_images=1)
    >>> mine.mask(10, 10).sum()
    np.int64(15)
    """

    image: NDArray[np.int64]
    boxes: NDArray[np.int32]
    fill: NDArray[Any]
    n_images: int
    spec: Spec | None = None
    seed: int | None = None
    epoch: int = 0
    index: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    def mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """Return what the rectangles cover.

        Returns
        -------
        bool, (n_images, height, width)
            True where at least one rectangle lies.

        Raises
        ------
        ValueError
            If a rectangle reaches out of `height` by `width`.
        """
        mask = np.zeros((self.n_images, height, width), bool)
        paint_rectangles(mask, dataclasses.replace(self, fill=np.full(len(self), 255), spec=None), layout="NHW")
        return mask


def sample_rectangles(
    spec: Spec | None = None,
    *,
    height: int,
    width: int,
    seed: int,
    epoch: int = 0,
    index: int | ArrayLike,
    channels: int = 3,
) -> Rectangles:
    """Return exactly the rectangles that :func:`add_dust` paints.

    Parameters
    ----------
    spec : Spec, optional
        What to draw; :func:`~dustaug.dust` if left out.
    height, width : int
        Size of the images in pixels.
    seed, epoch
        As in :func:`add_dust`.
    index : int or int64 array (n,)
        One index for each image; a single number is one image.
    channels : int, default 3
        Channels of the images; only ``fill="color"`` hangs on it.

    Returns
    -------
    Rectangles

    Examples
    --------
    >>> import numpy as np
    >>> rectangles = sample_rectangles(height=64, width=64, seed=7, index=np.arange(100))
    >>> len(rectangles), rectangles.n_images
    (1584, 100)
    >>> images = np.zeros((100, 64, 64, 3), np.uint8)
    >>> painted = paint_rectangles(images.copy(), rectangles)
    >>> bool((painted == add_dust(images, seed=7, index=0)).all())
    True
    """
    spec = _check_spec(spec)
    channels = _check_whole("channels", channels, 1, 1024)
    seed, epoch = _check_seed(seed), _check_epoch(epoch)
    given = np.asarray(index)
    indices = _check_index(np.atleast_1d(given), given.size)[1]
    record, tables = _plan.make_plan(
        spec, _check_whole("height", height, 1, MAX_SIDE), _check_whole("width", width, 1, MAX_SIDE)
    )
    engine, key = _engine(), (seed & 0xFFFFFFFF, seed >> 32)
    counts = np.zeros(len(indices), np.int64)
    engine.count_rectangles(record, *key, epoch, indices, counts)
    boxes = np.zeros((counts.sum(), 4), np.int32)
    fills = np.zeros((len(boxes), channels if spec.fill == "color" else 1), np.int32)
    engine.draw_rectangles(record, tables, *key, epoch, indices, counts, boxes, fills)
    return Rectangles(
        image=np.repeat(np.arange(len(indices)), counts),
        boxes=boxes,
        fill=_fill_of(spec, fills),
        n_images=len(indices),
        spec=spec,
        seed=seed,
        epoch=epoch,
        index=indices,
    )


def _fill_of(spec: Spec, fills: NDArray[np.int32]) -> NDArray[Any]:
    """Brightness of rectangles from the numbers of their fills, (r, channels or 1)."""
    if spec.fill in ("noise", "mean"):
        return np.full(len(fills), np.nan)
    levels = _plan.brightness_levels(spec)
    brightness = levels[fills, 0] if levels.shape[1] == 1 else levels[fills[:, 0]]
    return brightness[:, 0] if brightness.shape[1] == 1 else brightness


def paint_rectangles(
    images: Images,
    rectangles: Rectangles,
    *,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
) -> Images:
    """Paint given rectangles on a batch, in place, and return the batch.

    Parameters
    ----------
    images : array, changed in place
        As in :func:`add_dust`.
    rectangles : Rectangles
        From :func:`sample_rectangles`, or made by hand. Any fill is kept; means are taken of `images` as they are.
    layout, value_range
        As in :func:`add_dust`.

    Returns
    -------
    array
        `images` itself.

    Raises
    ------
    TypeError
        If `images` is not an array of numbers or `rectangles` no Rectangles.
    ValueError
        If a rectangle lies outside the images or the batch, or its fill is no brightness. The images stay untouched.

    Examples
    --------
    >>> import numpy as np
    >>> box = Rectangles(image=np.array([0]), boxes=np.array([[0, 0, 1, 2]]), fill=np.array([9]), n_images=1)
    >>> paint_rectangles(np.zeros((2, 3), np.uint8), box)
    array([[9, 9, 0],
           [0, 0, 0]], dtype=uint8)
    """
    if not isinstance(rectangles, Rectangles):
        raise TypeError(f"rectangles must be dustaug.Rectangles, got {type(rectangles).__name__}")
    spec = rectangles.spec or _HAND_MADE
    job = _make_job(images, spec, layout, value_range)
    image, boxes, fill = _check_rectangles(rectangles, spec, job)
    if not len(boxes):
        return images
    record, patterns, indices = job.record, job.patterns, _NO_INDICES
    seed = 0
    if spec.fill == "noise":
        if rectangles.seed is None or rectangles.index is None:
            raise ValueError(
                'rectangles with fill="noise" must carry their seed and index, as sample_rectangles gives them'
            )
        seed, indices = _check_seed(rectangles.seed), _check_index(rectangles.index, job.n)[1]
    elif spec.fill == "mean":
        patterns = _mean_patterns(images, job)[image]
    else:
        patterns = _encode(fill if fill.ndim == 2 else fill[:, None], job, spec)
        record = _record(spec, job.memory, pattern_columns=patterns.shape[1])
    engine = _engine()
    engine.paint_boxes(
        record,
        patterns,
        engine.locate(images, record),
        boxes,
        image,
        seed & 0xFFFFFFFF,
        seed >> 32,
        _check_epoch(rectangles.epoch),
        indices,
    )
    return images


def warmup() -> None:
    """Compile the kernel, or load it from the disk cache, so that the first batch does not wait for it.

    Examples
    --------
    >>> warmup()
    """
    image = np.zeros((8, 8), np.uint8)
    paint_rectangles(image, sample_rectangles(height=8, width=8, seed=0, index=0))
    add_dust(image, seed=0, index=0)


# --------------------------------------------------------------------------------------- preparation


class _Memory(NamedTuple):
    """How a batch lies in memory: lengths of its axes, and bytes from one item to the next along each."""

    n: int
    height: int
    width: int
    channels: int
    image_stride: int
    row_stride: int
    column_stride: int
    channel_stride: int
    dtype: np.dtype[Any]


class _Job(NamedTuple):
    """All that the kernel needs to know of a spec, a shape, strides, a dtype and a value range: computed once."""

    n: int
    record: NDArray[Any]
    tables: NDArray[np.uint32]
    patterns: NDArray[np.uint64]
    memory: _Memory
    value_range: tuple[float, float]
    per_image: bool
    guessed_range: bool


def _make_job(
    images: NDArray[Any], spec: Spec | None, layout: Layout | None, value_range: tuple[float, float] | None
) -> _Job:
    if not isinstance(images, np.ndarray):
        raise TypeError(f"images must be a NumPy array, got {type(images).__name__}: type numpy.asarray(images)")
    if not images.flags.writeable:
        raise ValueError("images must be writable, got a read-only array: type images.copy()")
    if value_range is not None:
        value_range = tuple(value_range)  # type: ignore[assignment]
    job = _cached_job(images.shape, images.strides, images.dtype, spec, layout, value_range)
    if job.guessed_range and job.n:
        _check_guessed_range(images)
    return job


@functools.lru_cache(maxsize=512)
def _cached_job(
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    dtype: np.dtype[Any],
    spec: Spec | None,
    layout: Layout | None,
    value_range: tuple[float, float] | None,
) -> _Job:
    spec = _check_spec(spec)
    _check_dtype(dtype)
    memory = _make_memory(shape, strides, dtype, layout)
    limits = _check_value_range(value_range, dtype)
    if spec.normalize_mean is not None:
        if dtype.kind in "biu":
            raise ValueError(f"images must be floating-point with normalize_mean and normalize_std, got {dtype}")
        _check_channels("normalize_mean", len(spec.normalize_mean), memory.channels)
    if isinstance(spec.fill_value, tuple):
        _check_channels("fill_value", len(spec.fill_value), memory.channels)
    if spec.fill == "noise" and memory.height * memory.width * memory.channels > 1 << 33:
        raise ValueError(f'images must have at most 2**33 values each with fill="noise", got {shape}')
    if spec.fill == "color" and memory.channels > 1024:
        raise ValueError(f'images must have at most 1024 channels with fill="color", got {memory.channels}')
    if 0 in shape:
        empty = np.zeros(0, np.uint32), np.zeros((0, 1), np.uint64)
        return _Job(0, np.zeros(1, _plan.PLAN_DTYPE), *empty, memory, limits, False, False)
    job = _Job(
        n=memory.n,
        record=np.zeros(0),
        tables=_plan.make_plan(spec, memory.height, memory.width).tables,
        patterns=np.zeros((0, 1), np.uint64),
        memory=memory,
        value_range=limits,
        per_image=spec.fill == "mean",
        guessed_range=value_range is None and dtype.kind not in "biu" and spec.normalize_mean is None,
    )
    if not job.per_image:
        job = job._replace(patterns=_encode(_plan.brightness_levels(spec), job, spec))
    columns = memory.channels if spec.fill in ("color", "noise", "mean") else job.patterns.shape[1]
    if not job.per_image:
        job = job._replace(patterns=np.repeat(job.patterns, columns // job.patterns.shape[1], axis=1))
    return job._replace(record=_record(spec, memory, pattern_columns=columns))


def _encode(brightness: NDArray[Any], job: _Job, spec: Spec) -> NDArray[np.uint64]:
    dtype = job.memory.dtype
    return _plan.encode(brightness, dtype, job.value_range, spec.normalize_mean, spec.normalize_std)


def _make_memory(
    shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any], layout: Layout | None
) -> _Memory:
    if layout is None:
        if len(shape) not in _DEFAULT_LAYOUT:
            raise ValueError(f"images must have 2, 3 or 4 axes, got shape {shape}")
        layout = _DEFAULT_LAYOUT[len(shape)]
        if len(shape) > 2 and shape[-1] > _MAX_GUESSED_CHANNELS:
            choices = "NHWC" if len(shape) == 4 else "HWC"
            others = "NCHW" if len(shape) == 4 else "NHW or CHW"
            raise ValueError(
                f"layout must be given if the last axis is longer than {_MAX_GUESSED_CHANNELS}, got shape {shape}: "
                f'type layout="{choices}" if these are {shape[-1]} channels, else {others}'
            )
    elif layout not in _LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(_LAYOUTS)}, got {layout!r}")
    elif len(shape) != len(layout):
        raise ValueError(f"images must have {len(layout)} axes for layout {layout}, got shape {shape}")
    axes = dict(zip(layout, zip(shape, strides, strict=True), strict=True))
    item = dtype.itemsize
    _check_overlap(list(axes.values()), item, shape, strides)
    # The stride of an axis of length 1 means nothing, and NumPy sets it to anything.
    length = {axis: axes.get(axis, (1, 0))[0] for axis in "NHWC"}
    stride = {axis: axes[axis][1] if length[axis] > 1 else 0 for axis in "NHWC"}
    if length["C"] == 1:
        stride["C"] = item
    if length["W"] == 1:
        stride["W"] = item * length["C"] if abs(stride["C"]) == item else item
    return _Memory(
        length["N"], length["H"], length["W"], length["C"], stride["N"], stride["H"], stride["W"], stride["C"], dtype
    )


def _check_overlap(axes: list[tuple[int, int]], item: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    extent = item
    for stride, length in sorted((abs(stride), length) for length, stride in axes if length > 1):
        if stride < extent:
            raise ValueError(
                f"images must not overlap themselves in memory, got shape {shape} with strides {strides}: "
                "type images.copy()"
            )
        extent = stride * (length - 1) + extent


def _record(spec: Spec, memory: _Memory, *, pattern_columns: int) -> NDArray[Any]:
    """Plan record with the memory filled in, for patterns with one column for all channels or one for each."""
    record = _plan.make_plan(spec, memory.height, memory.width).record.copy()
    plan, item = record[0], memory.dtype.itemsize
    for name in memory._fields[1:-1]:
        plan[name] = getattr(memory, name)
    plan["item_bytes"] = item
    plan["image_bytes"] = memory.height * memory.width * memory.channels * item
    plan["column_step"] = abs(memory.column_stride)
    plan["first_channel"] = min(0, (memory.channels - 1) * memory.channel_stride)
    plan["pattern_step"] = pattern_columns > 1
    adjacent = abs(memory.channel_stride) == item
    if pattern_columns == 1 and adjacent:
        plan["origin"] = plan["first_channel"]
        plan["runs"], plan["run_bytes"] = 1, memory.channels * item
    else:
        plan["runs"], plan["run_bytes"], plan["run_stride"] = memory.channels, item, memory.channel_stride
        plan["interleaved"] = memory.channels > 1 and adjacent and plan["column_step"] == memory.channels * item
    return record


# ----------------------------------------------------------------------------------------- painting


@functools.cache
def _engine() -> ModuleType:
    """Numba's kernels, or their twin in NumPy if Numba's compiler is switched off. Imported at the first call."""
    from . import _kernels

    if _kernels.JIT_DISABLED:
        from . import _numpy

        return _numpy
    return _kernels


def _dust(
    images: NDArray[Any], job: _Job, seed: int, epoch: int, first: int, indices: NDArray[np.int64], num_threads: int
) -> None:
    n, record, tables, patterns, _, _, per_image, _ = job
    if not n:
        return
    if per_image:
        patterns = _mean_patterns(images, job)
    engine = _engine()
    target = engine.locate(images, record)
    low, high = seed & 0xFFFFFFFF, seed >> 32
    if num_threads == 1:
        engine.dust_images(record, tables, patterns, target, low, high, epoch, first, indices, 0, n)
        return
    # The kernel releases the GIL. Numba's own threads would not survive a fork, or two Python threads at once.
    dust_part = functools.partial(
        engine.dust_images, record, tables, patterns, target, low, high, epoch, first, indices
    )
    edges = [n * part // num_threads for part in range(num_threads + 1)]
    for done in [_pool(num_threads).submit(dust_part, *part) for part in itertools.pairwise(edges)]:
        done.result()


_pools: dict[int, ThreadPoolExecutor] = {}
if hasattr(os, "register_at_fork"):
    # A forked child inherits the pools, but not their threads.
    os.register_at_fork(after_in_child=_pools.clear)


def _pool(num_threads: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return _pools.setdefault(num_threads, ThreadPoolExecutor(num_threads, "dustaug"))


def _mean_patterns(images: NDArray[Any], job: _Job) -> NDArray[np.uint64]:
    """Bit patterns of each image's mean per channel, (n, channels).

    The mean is taken in whole numbers, so that neither the layout nor the order of the sum changes a bit of it: floats
    are rounded to 2**-32 of the value range first.
    """
    memory = job.memory
    dtype = memory.dtype
    view = np.lib.stride_tricks.as_strided(images, memory[:4], memory[4:8])
    n_pixels = memory.height * memory.width
    sums = np.zeros((memory.n, memory.channels), object)
    if dtype.kind in "biu":
        for image, total in zip(view, sums, strict=True):
            for row in image:
                total += row.sum(axis=0, dtype=np.uint64 if dtype.kind in "bu" else np.int64).astype(object)
        means = (2 * sums + n_pixels) // (2 * n_pixels)
    else:
        low, high = job.value_range
        for image, total in zip(view, sums, strict=True):
            for row in image:
                scaled = np.rint((row.astype(np.float64) - low) * (2.0**32 / (high - low)))
                total += scaled.astype(np.int64).sum(axis=0).astype(object)
        means = (sums / n_pixels).astype(np.float64) * ((high - low) / 2.0**32) + low
    return _plan.replicate(np.ascontiguousarray(means.astype(dtype)))


# ------------------------------------------------------------------------------------------- checks


def _check_spec(spec: Spec | None) -> Spec:
    if spec is None:
        return _DEFAULT_SPEC
    if not isinstance(spec, Spec):
        raise TypeError(
            f"spec must be a dustaug.Spec, got {type(spec).__name__}: type dustaug.dust() or another preset"
        )
    return spec


def _check_whole(name: str, value: Any, low: int, high: int) -> int:
    """Return `value` as an int, or raise with `name` and the rule."""
    if type(value) is int and low <= value <= high:
        return value
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if not low <= number <= high:
        raise ValueError(f"{name} must be from {low} to {high}, got {value!r}")
    return number


def _check_seed(seed: Any) -> int:
    return _check_whole("seed", seed, 0, _MAX_SEED)


def _check_epoch(epoch: Any) -> int:
    return _check_whole("epoch", epoch, 0, _MAX_EPOCH)


def _check_index(index: Any, n: int) -> tuple[int, NDArray[np.int64]]:
    """Return the first index of `n` images and no array, or 0 and the array of all."""
    if type(index) is int or np.ndim(index) == 0:
        return _check_whole("index", index, 0, _MAX_INDEX - n), _NO_INDICES
    array = np.asarray(index)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"index must be a whole number or an array of them, got an array of {array.dtype}")
    if array.shape != (n,):
        raise ValueError(
            f"index must be a number or an array of shape ({n},), one for each image, got shape {array.shape}"
        )
    if n and (array.min() < 0 or (array.dtype == np.uint64 and array.max() > _MAX_INDEX)):
        raise ValueError(f"index must be from 0 to {_MAX_INDEX}, got {array.min()} to {array.max()}")
    return 0, np.ascontiguousarray(array, np.int64)


def _check_dtype(dtype: np.dtype[Any]) -> None:
    if dtype.type.__module__ == "numpy":
        numeric = dtype.kind in "biufc"
    else:  # bfloat16 and the 8-bit floats of ml_dtypes bring kinds of their own.
        numeric = dtype.name.startswith(("bfloat", "float"))
    if not numeric:
        hint = "numpy.stack(list_of_images_of_one_size)" if dtype.kind == "O" else "images.astype(numpy.float32)"
        raise TypeError(f"images must hold numbers, got an array of {dtype}: type {hint}")
    if dtype.itemsize not in (1, 2, 4, 8):
        raise TypeError(f"images must have items of 1, 2, 4 or 8 bytes, got {dtype}: type images.astype(numpy.float64)")


def _check_value_range(value_range: Any, dtype: np.dtype[Any]) -> tuple[float, float]:
    if value_range is None:
        return _plan.default_value_range(dtype)
    try:
        low, high = (item if dtype.kind in "iu" else float(item) for item in value_range)
        ordered = bool(low < high) and math.isfinite(float(high) - float(low))
    except (TypeError, ValueError):
        raise TypeError(
            f"value_range must be a tuple of two numbers, got {value_range!r}: type value_range=(0, 255)"
        ) from None
    if not ordered:
        raise ValueError(f"value_range must be two finite numbers, the smaller first, got {value_range}")
    if dtype.kind == "b" and (low, high) != (0, 1):
        raise ValueError(f"value_range must be (0, 1) for bool images, got {value_range}")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if int(low) != low or int(high) != high or low < limits.min or high > limits.max:
            raise ValueError(
                f"value_range must be whole numbers from {limits.min} to {limits.max} for {dtype} images, "
                f"got {value_range}"
            )
        return int(low), int(high)
    return low, high


def _check_channels(name: str, n: int, channels: int) -> None:
    if n != channels:
        raise ValueError(f"{name} must have one number for each of the images' {channels} channels, got {n}")


def _check_guessed_range(images: NDArray[Any]) -> None:
    # Three items are enough to notice a batch of 0…255 at its first call, and cost nothing.
    for position in (0, images.size // 2, images.size - 1):
        value = float(images.item(position).real)
        if value < -1e-3 or value > 1 + 1e-3:
            warnings.warn(
                f"images of {images.dtype} are taken to lie in [0, 1], got {value:g}: the dust will look wrong. Type "
                "value_range=(0, 255) for images of that range, or give the spec normalize_mean and normalize_std",
                UserWarning,
                stacklevel=4,
            )
            return


def _check_rectangles(
    rectangles: Rectangles, spec: Spec, job: _Job
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    image, boxes, fill = (np.asarray(part) for part in (rectangles.image, rectangles.boxes, rectangles.fill))
    if boxes.ndim != 2 or boxes.shape[1] != 4 or image.shape != boxes.shape[:1] or fill.shape[:1] != boxes.shape[:1]:
        raise ValueError(
            "rectangles must have image (r,), boxes (r, 4) and fill (r,) or (r, c), got shapes "
            f"{image.shape}, {boxes.shape} and {fill.shape}"
        )
    if rectangles.n_images != job.n:
        raise ValueError(
            f"rectangles must be of as many images as there are, {job.n}, got n_images={rectangles.n_images}"
        )
    if boxes.dtype.kind not in "iu" or image.dtype.kind not in "iu":
        raise TypeError(f"rectangles must have whole numbers in image and boxes, got {image.dtype} and {boxes.dtype}")
    if len(boxes):
        if image.min() < 0 or image.max() >= job.n:
            raise ValueError(f"rectangles must lie on images 0 to {job.n - 1}, got {image.min()} to {image.max()}")
        top, left, bottom, right = boxes.T.astype(np.int64)
        inside = (top >= 0) & (left >= 0) & (bottom <= job.memory.height) & (right <= job.memory.width)
        if not inside.all():
            raise ValueError(
                f"rectangles must lie inside the images of {job.memory.height} by {job.memory.width} pixels, got "
                f"{boxes[~inside][0].tolist()} (top, left, bottom, right)"
            )
        if spec.fill not in ("noise", "mean"):
            if fill.ndim == 2 and fill.shape[1] != job.memory.channels:
                _check_channels("fill", fill.shape[1], job.memory.channels)
            if fill.ndim > 2 or not np.all((fill >= 0) & (fill <= 255)):
                raise ValueError("rectangles must have a fill of brightness 0 to 255, (r,) or (r, c)")
    return image.astype(np.int64), np.ascontiguousarray(boxes, np.int64), fill


_HAND_MADE = Spec(fill="grey")
