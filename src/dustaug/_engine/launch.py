"""One kind of images, prepared: what the kernels must know but the size is computed once, and run on threads."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dustaug.schedule import Schedule, spec_of_call
from dustaug.spec import MAX_SIDE, Spec, without_depth

from . import fills
from .checks import (
    check_array,
    check_dtype,
    check_layout,
    check_size,
    check_spec,
    check_threads,
    check_value_range,
    look_at_values,
    resolve_kind,
)
from .contract import FILLS, KINDS
from .coordinates import Coordinates, are_plain, check_coordinates, words_of
from .forks import fork_lock
from .guide import Terms, check_donors, make_terms, missing_donors_error, takes_donors, takes_guide, takes_objects
from .kept import around
from .memory import (
    CHANNEL_AXIS,
    LAYOUTS,
    VOLUME_LAYOUTS,
    ImageKind,
    Layout,
    array_at,
    check_axes,
    guess_layout,
    make_memory,
)
from .plan import make_plan
from .tables import curves
from .threads import run_on_threads

Images = TypeVar("Images", bound=NDArray[Any])


class Launch:
    """All that the kernels need to know of a spec and a kind of images, and how they are run on such images.

    `params` and `patterns` are what the kernels read, `plan` is how they are told of the params, `value_range` is what
    is black and white.

    Attributes
    ----------
    must_look : bool
        Whether the values of images are to be looked at, because black and white are those that the dtype tells:
        floats at each call; whole numbers of more than a byte until some were seen.
    """

    def __init__(self, spec: Spec | None, kind: ImageKind, stride_bytes: int = 1) -> None:
        self.spec, self.kind, self._stride_bytes = check_spec(spec), kind, stride_bytes
        self.engine = engine = _engine()
        self.value_range = resolve_kind(self.spec, kind)
        self.patterns = fills.spec_patterns(self.spec, kind, self.value_range)
        self.params = make_params(self.spec, kind, self.patterns, stride_bytes)
        self.plan = engine.operand_of(self.params)
        self._per = per = FILLS[self.spec.fill].per
        self.must_look = (
            kind.value_range is None
            and kind.dtype.kind != "b"
            and kind.dtype != np.uint8
            and self.spec.normalize_mean is None
            and per not in ("image", "donor")
        )
        arrays = self.params, self.patterns
        bits = fills.mean_bits(self.value_range)
        self.mean_scale = math.ldexp(1.0, min(bits, 1023))
        # A range so narrow that no double holds the scale is left to NumPy, which needs none.
        is_summed = bits < 1024 and kind.dtype.isnative
        self.sum_code = engine.SUMMED.get(kind.dtype.name) if is_summed else None
        # ``paint(target, shape, strides, coordinates, num_threads=1)``, for images that the engine has located, and
        # ``paint(images, coordinates, num_threads=1)``.
        self._paint_located, self._paint = _bind(engine, arrays, self.spec, kind, stride_bytes)
        self._paint_with_terms = engine.bind_array_with_terms(
            _entry_of(engine, self.spec), self.plan, engine.operand_of(self.patterns)
        )
        # The slices of volumes and donors are told to the kernel as the terms of images are.
        self._has_terms = kind.layout in VOLUME_LAYOUTS or takes_donors(self.spec)
        self._takes_address = engine.TAKES_ADDRESSES and per != "image" and not self._has_terms

    @property
    def run_at(self) -> Callable[..., None]:
        """``run_at(address, shape, strides, coordinates, num_threads=1)``: `run` on memory that stays writable.

        Strides are counted in the launch's `stride_bytes`. With several threads, the owner of the memory may follow.
        """
        return self._paint_located if self._takes_address and not self.must_look else self._run_array_at

    def run(self, images: Images, coordinates: Coordinates, num_threads: int = 1) -> Images:
        """Dust images of the kind, in place, and return them."""
        if self._has_terms:
            self.run_with_terms(images, coordinates, num_threads=num_threads)
        elif self._per == "image":
            self._run_with_means(images, coordinates, num_threads)
        else:
            self._paint(images, coordinates, num_threads)
        return images

    @property
    def run_checked(self) -> Callable[..., None]:
        """``run_checked(images, coordinates, num_threads=1)``: `run`, after a look at the values if one is needed."""
        return self._run_checked if self._per == "image" or self._has_terms or self.must_look else self._paint

    def refuse(self, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        """Raise what is wrong with the shape or the strides of images, if anything is."""
        _refuse(self.spec, self.kind, self._stride_bytes, shape, strides)

    def run_with_terms(
        self,
        images: Images,
        coordinates: Coordinates,
        guide: Any = None,
        objects: Any = None,
        num_threads: int = 1,
        *,
        donors: Any = None,
    ) -> Images:
        """`run`, with what the caller gives for each image: a guide, objects, a donor."""
        engine, kind, shape, strides = self.engine, self.kind, images.shape, images.strides
        check_axes(shape, kind.layout)
        if self._is_short(num_threads) and are_plain(coordinates):
            sides = _SIDES[kind.layout]((*shape, 1))
            terms = self._make_terms(images, guide, objects, donors, *sides)
            if self._paint_with_terms(images, coordinates, terms, *sides):
                return images
        batch = _PICKERS[kind.layout]((*shape, *strides, 1, 0))
        coordinates, n = check_coordinates(coordinates, batch[0]), batch[0]
        check_threads(num_threads)
        self.refuse(shape, strides)
        terms = self._make_terms(images, guide, objects, donors, *batch[:3])
        if not images.size:
            return images
        patterns = mean_patterns(images, self) if self._per == "image" else self.patterns
        where = engine.operand_of_images(images), *batch, *words_of(coordinates, engine.operand_of)
        part = engine.bind_part_with_terms(engine.dust_any_batch, self.plan, engine.operand_of(patterns), terms, *where)
        run_on_threads(part, n, num_threads, (images, patterns, coordinates, terms))
        return images

    def _is_short(self, num_threads: int) -> bool:
        """Whether the short way may be tried: images, on one thread."""
        is_image = self._per != "image" and self.kind.layout not in VOLUME_LAYOUTS
        return is_image and type(num_threads) is int and num_threads == 1

    def _make_terms(self, images: NDArray[Any], guide: Any, objects: Any, donors: Any, *sides: int) -> Terms:
        layout = self.kind.layout
        terms = make_terms(self.spec, guide, objects, *sides, batched="N" in layout)
        # What is painted would change what is drawn next.
        if len(terms.guides) and np.may_share_memory(terms.guides, images):
            terms = terms._replace(guides=terms.guides.copy())
        if donors is not None or takes_donors(self.spec):
            donors = check_donors(donors, self.spec, images)
            if np.may_share_memory(donors, images):
                donors = donors.copy()
            strides = *_PICKERS[layout]((*donors.shape, *donors.strides, 1, 0))[3:], _slices(layout, donors)[1]
            terms = terms._replace(donors=donors, donor_strides=strides)
        if layout in VOLUME_LAYOUTS:
            depth, stride = _slices(layout, images)
            terms = terms._replace(depth=depth, slice_stride=stride)
        return terms

    def look(self, images: NDArray[Any]) -> None:
        """Warn if the values of images are not those that their dtype tells."""
        self.must_look = not look_at_values(images)

    def count(self, images: NDArray[Any]) -> int:
        """Return how many images a batch has."""
        return len(images) if "N" in self.kind.layout else 1

    def _run_checked(self, images: NDArray[Any], coordinates: Coordinates, num_threads: int = 1) -> None:
        if self.must_look:
            self.look(images)
        self.run(images, coordinates, num_threads)

    def _run_array_at(
        self, address: int, shape: Any, strides: Any, coordinates: Coordinates, num_threads: int = 1, owner: Any = None
    ) -> None:
        if self._takes_address and not self.must_look:
            self._paint_located(address, shape, strides, coordinates, num_threads, owner)
            return
        strides = tuple(stride * self._stride_bytes for stride in strides)
        images = array_at(address, shape, strides, self.kind.dtype)
        in_bytes = self if self._stride_bytes == 1 else launch_for(self.spec, self.kind)
        in_bytes.run_checked(images, coordinates, num_threads)
        self.must_look = in_bytes.must_look

    def _run_with_means(self, images: NDArray[Any], coordinates: Coordinates, num_threads: int) -> None:
        means = mean_patterns(images, self)

        def otherwise(*given: Any) -> None:
            _bind(self.engine, (self.params, means), self.spec, self.kind, self._stride_bytes)[1](*given)

        engine, plan = self.engine, self.plan
        paint = engine.bind_array(_entry_of(engine, self.spec), plan, engine.operand_of_images(means), otherwise)
        paint(images, coordinates, num_threads)


def make_params(spec: Spec, kind: ImageKind, patterns: NDArray[np.uint64], stride_bytes: int = 1) -> NDArray[Any]:
    """Params of a spec for a kind of images, with patterns of one column for all channels or one for each."""
    record = make_plan(spec).copy()
    params = record[0]
    params["channels"], params["item_bytes"], params["stride_bytes"] = kind.channels, kind.dtype.itemsize, stride_bytes
    params["pattern_columns"] = patterns.shape[1]
    params["pattern_step"] = patterns.shape[1] > 1
    in_order = kind.dtype.itemsize == 1 and patterns.shape == (256, 1)
    params["n_axes"] = len(kind.layout)
    for axis in "NHWC":
        params[f"axis_{axis.lower()}"] = kind.layout.find(axis)
    params["plain_noise"] = in_order and np.array_equal(patterns[:, 0] & np.uint64(255), np.arange(256))
    params["curves"] = curves().ctypes.data
    return record


def mean_patterns(images: NDArray[Any], launch: Launch) -> NDArray[np.uint64]:
    """Patterns of each image's own mean per channel, (n, channels).

    Raises
    ------
    ValueError
        If floating-point images are not finite, or very far out of their range.
    """
    engine, kind = launch.engine, launch.kind
    check_axes(images.shape, kind.layout)
    if kind.layout in VOLUME_LAYOUTS:
        return _volume_means(images, launch)
    if launch.sum_code is None:
        memory = make_memory(images.shape, images.strides, images.itemsize, kind.layout)
        if not memory.is_empty:
            check_size(launch.spec, memory.height, memory.width, memory.channels)
        # As whole numbers, because NumPy cannot say the name of every 8-bit float.
        bits = np.lib.stride_tricks.as_strided(images.view(f"u{images.itemsize}"), memory[:4], memory[4:])
        return fills.mean_patterns(bits.view(images.dtype), launch.value_range)
    patterns = np.empty((launch.count(images), kind.channels), np.uint64)
    operands = engine.operand_of_array(images), engine.ARRAY, engine.operand_of_images(patterns)
    status = engine.mean_patterns(launch.plan, launch.sum_code, launch.mean_scale, *operands)
    if status == 1:
        launch.refuse(images.shape, images.strides)
    if status == 2:
        raise fills.not_finite_error(launch.value_range)
    return patterns


def _volume_means(images: NDArray[Any], launch: Launch) -> NDArray[np.uint64]:
    """Patterns of the means of volumes, whose slices are laid below each other; where NumPy cannot, in a copy."""
    kind = launch.kind
    n, depth, height, width, channels = (images.shape[kind.layout.find(axis)] for axis in "NDHWC")
    bits = images.view(f"u{images.itemsize}").transpose([kind.layout.find(axis) for axis in "NDHWC"])
    tall = bits.reshape(n, depth * height, width, channels).view(images.dtype)
    if depth * height > MAX_SIDE:
        return fills.mean_patterns(tall, launch.value_range)
    return mean_patterns(tall, launch_for(without_depth(launch.spec), kind._replace(layout="NHWC")))


def _slices(layout: Layout, images: NDArray[Any]) -> tuple[int, int]:
    """Return how many slices volumes have, and how far it is from one to the next; images have one."""
    axis = layout.find("D")
    return (images.shape[axis], images.strides[axis]) if axis >= 0 else (1, 0)


@functools.lru_cache(maxsize=512)
def _find_launch(
    spec: Spec | None, dtype: np.dtype[Any], layout: Layout, channels: int, value_range: tuple[float, float] | None
) -> Launch:
    return Launch(spec, ImageKind(dtype, layout, channels, value_range))


def find_launch(
    images: NDArray[Any],
    spec: Spec | Schedule | None,
    layout: Layout | None,
    value_range: tuple[float, float] | None,
    seed: Any = None,
    epoch: Any = 0,
) -> Launch:
    """Check images and options, and return the launch for them; seed and epoch tell the spec of a schedule."""
    check_array(images)
    if not images.flags.writeable:
        raise ValueError("images must be writable, got a read-only array: type images.copy()")
    if images.dtype.hasobject:  # Images of several sizes, whose axes tell nothing.
        check_dtype(images.dtype)
    shape = images.shape
    if layout is None:
        try:
            layout = guess_layout(shape)
        except ValueError:
            check_dtype(images.dtype)  # An array of ragged images has one axis.
            raise
    else:
        check_layout(layout)
        check_axes(shape, layout)
    if value_range is not None:
        value_range = check_value_range(value_range)
    if type(spec) is not Spec and spec is not None:
        spec = spec_of_call(spec, seed, epoch)
    channels = shape[CHANNEL_AXIS[layout]] if layout in CHANNEL_AXIS else 1
    launch = _find_launch(spec, images.dtype, layout, channels, value_range)
    if launch.must_look:
        launch.look(images)
    return launch


@functools.lru_cache(maxsize=512)
def launch_for(spec: Spec, kind: ImageKind, stride_bytes: int = 1) -> Launch:
    """Return the launch for images of a kind, for adapters that keep it: to look it up takes a third of a small image.

    Spec, layout and value range are those that checks have passed. `run_at` takes strides in units of `stride_bytes`.
    """
    return Launch(spec, kind, stride_bytes)


def _picker(layout: str) -> Callable[..., Any]:
    """Return what picks the seven numbers of a batch from its shape, its strides, 1 and 0: n, height, width, strides.

    The axes that a layout lacks have the length 1 and the stride 0.
    """
    n_axes = len(layout)
    lengths = (layout.find(axis) if axis in layout else 2 * n_axes for axis in "NHW")
    strides = (n_axes + layout.find(axis) if axis in layout else 2 * n_axes + 1 for axis in "NHWC")
    return operator.itemgetter(*lengths, *strides)


_PICKERS = {layout: _picker(layout) for layout in LAYOUTS}
# What picks n, height and width from a shape with a 1 behind it.
_SIDES = {
    layout: operator.itemgetter(*(layout.find(axis) if axis in layout else len(layout) for axis in "NHW"))
    for layout in LAYOUTS
}


@functools.cache
def _engine() -> Any:
    """What paints: machine code from the disk or Numba's kernels, or NumPy if Numba's compiler is switched off."""
    with fork_lock:
        from . import objects
    return objects.engine()


def is_general(spec: Spec) -> bool:
    """Whether a spec draws what the entries for plain rectangles do not."""
    return not KINDS[spec.kind].placed or spec.keep or spec.halve_sizes or spec.area_beta is not None


def _entry_of(engine: Any, spec: Spec) -> Any:
    """Return what paints a batch of a spec."""
    if takes_guide(spec) or takes_objects(spec) or takes_donors(spec) or is_general(spec):
        return engine.dust_any_batch
    return engine.dust_batch_in_detail if FILLS[spec.fill].per in ("channel", "value") else engine.dust_batch


def _bind(
    engine: Any, arrays: tuple[Any, Any], spec: Spec, kind: ImageKind, stride_bytes: int
) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return what paints located images and arrays. They hold `arrays`, not the launch: circles keep these too long."""
    entry = _entry_of(engine, spec)
    locate = engine.operand_of_images
    operands, pick = tuple(map(engine.operand_of, arrays)), _PICKERS[kind.layout]
    refuse = functools.partial(_refuse, spec, kind, stride_bytes)

    def checked(
        target: Any,
        shape: Any,
        strides: Any,
        coordinates: Coordinates,
        num_threads: int = 1,
        owner: Any = None,
        _arrays: Any = arrays,
    ) -> None:
        check_axes(shape, kind.layout)
        batch = pick((*shape, *strides, 1, 0))
        coordinates = check_coordinates(coordinates, batch[0])
        check_threads(num_threads)
        refuse(shape, strides)
        if takes_donors(spec):
            raise missing_donors_error()
        if takes_guide(spec) or takes_objects(spec):
            make_terms(spec, None, None, *batch[:3], batched="N" in kind.layout)  # Raises: nothing was given.
        words = words_of(coordinates, engine.operand_of)
        part = engine.bind_part(entry, *operands, target, *batch, *words)
        # What keeps all addresses alive until the last thread has ended.
        run_on_threads(part, batch[0], num_threads, (owner, target, coordinates, arrays))

    paint_located = engine.bind(entry, *operands, len(kind.layout), checked)

    def paint(images: NDArray[Any], coordinates: Coordinates, num_threads: int = 1) -> None:
        checked(locate(images), images.shape, images.strides, coordinates, num_threads, images)

    return paint_located, engine.bind_array(entry, *operands, paint)


def _refuse(spec: Spec, kind: ImageKind, stride_bytes: int, shape: Any, strides: Any) -> None:
    """Raise what is wrong with the shape or the strides of images, if anything is."""
    item = kind.dtype.itemsize // stride_bytes
    memory = make_memory(tuple(shape), tuple(strides), item, kind.layout)
    if not memory.is_empty:
        check_size(spec, memory.height, memory.width, memory.channels)


def draw_rectangles(
    params: NDArray[Any], height: int, width: int, coordinates: Coordinates, terms: Terms | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Counts, boxes (r, 4) and levels (r, channels or 1) of the rectangles of images with an index each.

    With depths, boxes are (r, 6): the first slice, and the one behind the last, follow.
    """
    if params[0]["keep"] and not params[0]["grid"]:
        return _draw_around(params, height, width, coordinates, terms)
    engine = _engine()
    plan, n, words = engine.operand_of(params), len(coordinates.index), words_of(coordinates, engine.operand_of)
    counts = np.zeros(n, np.int64)
    if terms is None:
        terms = make_terms(check_spec(None), None, None, n, height, width, batched=True)
    elif len(terms.guides):
        # Room is made for what is counted: another thread must not change a guide before it is drawn by.
        terms = terms._replace(guides=terms.guides.copy())
    where = plan, height, width, *words, n
    engine.call_with_terms(engine.count_rectangles, terms, *where, engine.operand_of(counts))
    boxes = np.zeros((int(counts.sum()), 6 if params[0]["has_depth"] else 4), np.int32)
    levels = np.zeros((len(boxes), params[0]["channels"] if params[0]["per_channel"] else 1), np.int32)
    drawn = map(engine.operand_of, (boxes, levels))
    engine.call_with_terms(engine.draw_rectangles, terms, *where, *drawn)
    return counts, boxes, levels


def _draw_around(
    params: NDArray[Any], height: int, width: int, *coordinates_terms: Any
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """As `draw_rectangles`, of what lies around rectangles that stay, with the levels of the first one."""
    params = params.copy()
    params["keep"] = 0
    counts, boxes, levels = draw_rectangles(params, height, width, *coordinates_terms)
    ends = np.cumsum(counts)
    pieces = [
        around(boxes[end - count : end], height, width) if count else boxes[:0]
        for count, end in zip(counts.tolist(), ends.tolist(), strict=True)
    ]
    counts_around = np.array([len(each) for each in pieces], np.int64)
    firsts = np.repeat(np.minimum(ends - counts, max(0, len(levels) - 1)), counts_around)
    return counts_around, np.concatenate([boxes[:0], *pieces]).astype(np.int32), levels[firsts]


def paint_boxes(
    params: NDArray[Any],
    patterns: NDArray[np.uint64],
    images: NDArray[Any],
    boxes: NDArray[Any],
    positions: NDArray[np.int64],
    coordinates: Coordinates,
) -> None:
    """Paint boxes (r, 4) on the images `positions`, with a row of patterns each, or the noise of the coordinates."""
    engine = _engine()
    edges, positions = np.ascontiguousarray(boxes.T, np.int64), np.ascontiguousarray(positions, np.int64)
    operands = engine.operand_of(params), engine.operand_of(patterns), engine.operand_of_array(images), engine.ARRAY
    where = len(positions), engine.operand_of(edges), engine.operand_of(positions)
    engine.paint_boxes(*operands, *where, *words_of(coordinates, engine.operand_of))
