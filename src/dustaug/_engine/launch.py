"""One kind of batch, prepared: what the kernels must know is computed once, and run at an address, on threads."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dustaug.spec import Spec

from . import fills
from .checks import (
    check_default_range,
    check_layout,
    check_spec,
    check_threads,
    check_value_range,
    not_an_array_error,
    resolve_kind,
)
from .contract import FILLS
from .coordinates import Coordinates, check_coordinates, check_each, words_of
from .memory import ImageKind, Layout, array_at, make_params
from .plan import PARAMS_DTYPE, make_plan, remember

Images = TypeVar("Images", bound=NDArray[Any])


class Launch:
    """All that the kernels need to know of a spec and a kind of images, and how they are run on such images.

    `params`, `tables` and `patterns` are what the kernels read, `memory` and `value_range` what is known of the images.

    Attributes
    ----------
    n : int
        Images in a batch.
    range_is_default : bool
        Whether images are taken to lie in [0, 1] for want of a value range, which is then checked at each call.
    """

    def __init__(self, spec: Spec | None, *facts: Any) -> None:
        spec, kind, engine = check_spec(spec), ImageKind(*facts), _engine()
        self._kind, self._engine, self.spec = kind, engine, spec
        self.memory, self.value_range = memory, _ = resolve_kind(spec, kind)
        self.n = memory.n
        self.patterns = fills.spec_patterns(spec, memory, self.value_range)
        params, self.tables = np.zeros(1, PARAMS_DTYPE), np.zeros(0, np.uint32)
        if not memory.is_empty:
            params, self.tables = make_plan(spec, memory.height, memory.width)
        self.params = make_params(params, memory, pattern_columns=self.patterns.shape[1])
        per = FILLS[spec.fill].per
        self.range_is_default = (
            kind.value_range is None
            and kind.dtype.kind not in "biu"
            and spec.normalize_mean is None
            and per != "image"
            and not memory.is_empty
        )
        # Means, fills in two passes and empty batches need the array of the images. The others need where it lies.
        self._run_from_array = Launch._run_empty if memory.is_empty else _FROM_ARRAY[per]
        self._locate = engine.operand_of_images
        arrays = self.params, self.tables, self.patterns
        self._operands = tuple(map(engine.operand_of, arrays))
        # ``paint(target, coordinates, num_threads=1)``, for images that the engine has located.
        self._paint_located = _bind(engine, arrays, self._operands, self.n)
        self._takes_address = engine.TAKES_ADDRESSES and self._run_from_array is None and not self.range_is_default

    @property
    def run_at(self) -> Callable[..., None]:
        """``run_at(address, coordinates, num_threads=1)``: `run` at an address, of memory that stays writable."""
        return self._paint_located if self._takes_address else self._run_array_at

    def run(self, images: Images, coordinates: Coordinates, num_threads: int = 1) -> Images:
        """Dust images of the kind, in place, and return them."""
        if self._run_from_array is not None:
            self._run_from_array(self, images, coordinates, num_threads)
        else:
            self._paint_located(self._locate(images, self.params), coordinates, num_threads)
        return images

    def _run_array_at(self, address: int, coordinates: Coordinates, num_threads: int = 1) -> None:
        images = array_at(address, self._kind)
        if self.range_is_default:
            check_default_range(images)
        self.run(images, coordinates, num_threads)

    def _run_empty(self, _: NDArray[Any], coordinates: Coordinates, num_threads: int) -> None:
        check_coordinates(coordinates, self.n)
        check_threads(num_threads)

    def _run_with_means(self, images: NDArray[Any], coordinates: Coordinates, num_threads: int) -> None:
        coordinates, engine = check_coordinates(coordinates, self.n), self._engine
        means = fills.mean_patterns(images, self.memory, self.value_range)
        words, target = words_of(coordinates, engine.operand_of), engine.operand_of_images(images, self.params)
        operands = (*self._operands[:2], engine.operand_of(means), target, *words)
        _run_on_threads(functools.partial(engine.dust_batch, *operands), self.n, num_threads)

    def _run_in_two_passes(self, images: NDArray[Any], coordinates: Coordinates, num_threads: int) -> None:
        """Draw the rectangles of some images, then paint them: their brightness takes words of its own."""
        each = check_each(coordinates, self.n)

        def dust_part(start: int, stop: int) -> None:
            part = each._replace(index=each.index[start:stop])
            counts, boxes, levels = draw_rectangles(self.params, self.tables, part, self._engine)
            patterns = self.patterns
            if FILLS[self.spec.fill].per == "channel":
                patterns = np.ascontiguousarray(patterns[levels, np.arange(self.memory.channels)])
            positions = np.repeat(np.arange(start, stop), counts)
            paint_boxes(self.params, patterns, images, boxes, positions, each, self._engine)

        _run_on_threads(dust_part, self.n, num_threads)


# One row for each `per` of contract.FILLS.
_FROM_ARRAY: dict[str, Callable[..., None] | None] = {
    "rectangle": None,
    "channel": Launch._run_in_two_passes,  # noqa: SLF001
    "value": Launch._run_in_two_passes,  # noqa: SLF001
    "image": Launch._run_with_means,  # noqa: SLF001
}

_find_launch = remember(Launch, 512)


def find_launch(
    images: NDArray[Any], spec: Spec | None, layout: Layout | None, value_range: tuple[float, float] | None
) -> Launch:
    """Check images and options, and return the launch for them."""
    if not isinstance(images, np.ndarray):
        raise not_an_array_error(images)
    if not images.flags.writeable:
        raise ValueError("images must be writable, got a read-only array: type images.copy()")
    if layout is not None:
        check_layout(layout)
    if value_range is not None:
        value_range = check_value_range(value_range)
    if spec is not None:
        check_spec(spec)
    launch = _find_launch(spec, images.shape, images.strides, images.dtype, layout, value_range)
    if launch.range_is_default:
        check_default_range(images)
    return launch


def launch_for(spec: Spec, kind: ImageKind) -> Launch:
    """Return the launch for images of a kind, for adapters that keep it: to look it up takes a third of a small image.

    Spec, layout and value range are those that checks have passed.
    """
    return _find_launch(spec, *kind)


@functools.cache
def _engine() -> ModuleType:
    """Numba's kernels, or their twin in NumPy if Numba's compiler is switched off. Imported at the first call."""
    from . import kernels

    if kernels.JIT_DISABLED:
        from . import kernels_numpy

        return kernels_numpy
    return kernels


def _bind(engine: ModuleType, arrays: tuple[Any, ...], operands: tuple[Any, ...], n: int) -> Callable[..., None]:
    """Return what paints n images. It holds the arrays, not the launch: a circle would keep large tables too long."""

    def checked(target: Any, coordinates: Coordinates, num_threads: int = 1, _arrays: Any = arrays) -> None:
        coordinates = check_coordinates(coordinates, n)  # Keeps an array of indices alive.
        words = words_of(coordinates, engine.operand_of)
        _run_on_threads(functools.partial(engine.dust_batch, *operands, target, *words), n, num_threads)

    return engine.bind(*operands, n, checked)  # type: ignore[no-any-return]


def _run_on_threads(dust_part: Callable[..., None], n: int, num_threads: int) -> None:
    """Dust n images in parts: the kernel releases the GIL.

    Numba's own threads would not survive a fork, or two Python threads at once.
    """
    num_threads = min(check_threads(num_threads), n)
    first_part, *parts = itertools.pairwise(n * part // num_threads for part in range(num_threads + 1))
    # This thread takes a part too: to wake one takes as long as a small batch.
    others = [_pool(num_threads - 1).submit(dust_part, *part) for part in parts]
    try:
        dust_part(*first_part)
    finally:
        for other in others:
            other.result()


def draw_rectangles(
    params: NDArray[Any], tables: NDArray[np.uint32], coordinates: Coordinates, engine: ModuleType | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Counts, boxes (r, 4) and levels (r, channels or 1) of the rectangles of images with an index each."""
    engine = engine or _engine()
    words, per_channel = words_of(coordinates, engine.operand_of), params[0]["per_channel"]
    counts = np.zeros(len(coordinates.index), np.int64)
    engine.count_rectangles(engine.operand_of(params), *words, counts)
    boxes = np.zeros((counts.sum(), 4), np.int32)
    levels = np.zeros((len(boxes), params[0]["channels"] if per_channel else 1), np.int32)
    engine.draw_rectangles(*map(engine.operand_of, (params, tables)), *words, counts, boxes, levels)
    return counts, boxes, levels


def paint_boxes(
    params: NDArray[Any],
    patterns: NDArray[np.uint64],
    images: NDArray[Any],
    boxes: NDArray[Any],
    positions: NDArray[np.int64],
    coordinates: Coordinates,
    engine: ModuleType | None = None,
) -> None:
    """Paint boxes (r, 4) on the images `positions`, with a row of patterns each, or the noise of the coordinates."""
    engine = engine or _engine()
    five = np.zeros((len(boxes), 5), np.int64)  # As the kernel has them: four edges, and room for a level.
    five[:, :4] = boxes
    operands = engine.operand_of(params), engine.operand_of(patterns), engine.operand_of_images(images, params)
    words = words_of(coordinates, engine.operand_of)
    engine.paint_boxes(*operands, engine.operand_of(five), positions, *words)


_pools: dict[int, Any] = {}
if hasattr(os, "register_at_fork"):
    # A forked child inherits the pools, but not their threads.
    os.register_at_fork(after_in_child=_pools.clear)


def _pool(num_threads: int) -> Any:
    if num_threads not in _pools:
        from concurrent.futures import ThreadPoolExecutor

        _pools[num_threads] = ThreadPoolExecutor(num_threads, "dustaug")
    return _pools[num_threads]
