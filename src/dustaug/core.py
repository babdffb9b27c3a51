"""What users call: dust on arrays, a stream of it, and rectangles as values."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._engine.checks import check_rectangles, check_size, check_spec, check_whole
from ._engine.contract import FILLS, MAX_COLOR_CHANNELS, MAX_INDEX
from ._engine.coordinates import (
    Coordinates,
    check_coordinates,
    check_each,
    check_epoch,
    check_seed,
    count_indices,
    make_coordinates,
)
from ._engine.fills import brightness_levels, encode
from ._engine.forks import fork_lock
from ._engine.guide import check_boxes, check_donors, check_points, make_terms, whole_numbers
from ._engine.launch import draw_rectangles, find_launch, make_params, mean_patterns, paint_boxes
from ._engine.memory import VOLUME_LAYOUTS, ImageKind, Layout, make_memory
from ._engine.shares import count_covered
from ._errors import shown, unexpected_error
from .schedule import Schedule, check_plan, read_plan, spec_at
from .spec import FIELD_NAMES, MAX_SIDE, Spec, has_depth, without_depth

__all__ = [
    "DustStream",
    "Rectangles",
    "add_dust",
    "paint_rectangles",
    "sample_rectangles",
    "warmup",
]

Images = TypeVar("Images", bound=NDArray[Any])


def add_dust(
    images: Images,
    spec: Spec | Schedule | None = None,
    *,
    seed: int | None = None,
    epoch: int = 0,
    index: int | ArrayLike | None = None,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
    num_threads: int = 1,
    guide: NDArray[Any] | None = None,
    objects: Sequence[ArrayLike] | ArrayLike | None = None,
    donors: NDArray[Any] | None = None,
    **unexpected: NoReturn,
) -> Images:
    """Paint random rectangles on every image of a batch, in place, and return the batch.

    With a seed, the rectangles of an image are a pure function of (spec, image size, seed, epoch, index). How images
    are split into batches, their order, layout and dtype, the number of threads, workers and machines change nothing.

    Parameters
    ----------
    images : array, (n, h, w, c), (n, c, h, w), (n, h, w), (h, w, c), (c, h, w) or (h, w), changed in place
        Or volumes and clips, (n, d, h, w, c) or (n, c, d, h, w), which have one index each. Any dtype with items of 1,
        2, 4 or 8 bytes that holds numbers. Views may be strided, cropped or flipped.
    spec : Spec or Schedule, optional
        What to draw; :func:`~dustaug.dust` if left out. A schedule needs a seed, and draws what it has for the epoch.
    seed : int, optional
        0 … 2**64 - 1. Without one, every call draws fresh entropy from the operating system.
    epoch : int, default 0
        0 … 2**32 - 1. Another epoch gives other dust.
    index : int or int64 array (n,), required with a seed
        Position of the first image in its data set, the others follow; or one index for each image. 0 … 2**63 - 1.
    layout : {"NHWC", "NCHW", "NHW", "HWC", "CHW", "HW", "NDHWC", "NCDHW"}, optional
        By default NHWC, HWC or HW, by the number of axes. It must be given for volumes, and for more than four
        channels, because the shape may then be that of another layout.
    value_range : (float, float), optional
        Values of black and white. By default 0 and 1 for floats and bool, and 0 and the dtype's largest value for
        integers of one and two bytes. It must be given for larger integers, because no picture fills these.
    num_threads : int, default 1
        Threads to spread the batch over, which changes no pixel. Waking one takes about 0.1 ms: two pay where one takes
        0.3 ms and more, as with 512 images of 224 by 224.
    guide : uint8 or bool array, (n, rows, columns), or (rows, columns) for one image; required with ``center="guide"``
        Weights of the places where a rectangle may have its centre: a mask, or a map of any resolution, stretched over
        the image. An image whose weights are all zero gets no dust.
    objects : list of n int arrays (k, 4), or (k, 4) for one image; required with ``max_hidden`` and ``per_object``
        An array (n, k, 4) will do too. Boxes of the objects of each image: top, left, bottom, right in pixels, bottom
        and right outside. What reaches out of the image is cut off. With ``per_object`` their order tells which dust
        each gets.
    donors : array of the shape and dtype of `images`, required with ``fill="donors"``
        Images from which the rectangles are filled: image i gets pixels of donor i, at the same places. They may be
        `images` in another order, ``images[partners]``; they are read before anything is painted.

    Returns
    -------
    array
        `images` itself.

    Raises
    ------
    TypeError
        If `images` is not a plain array of numbers, if a seed comes without an index, or an index without a seed, or
        if an argument is unknown.
    ValueError
        If `images` is read-only or overlaps itself, if layout or value range must be given, or if an argument is out
        of its limits. The images stay untouched.

    Warns
    -----
    UserWarning
        If no `value_range` is given, and floating-point images leave [0, 1], or the first images of int8, int16 or
        uint16 have values below 0, or none above a sixteenth of white (12 bits in 16).

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
    if unexpected:
        raise unexpected_error("add_dust()", unexpected, FIELD_NAMES)
    launch = find_launch(images, spec, layout, value_range, seed, epoch)
    coordinates = make_coordinates(seed, epoch, index)
    if guide is not None or objects is not None or donors is not None:
        return launch.run_with_terms(images, coordinates, guide, objects, num_threads, donors=donors)
    return launch.run(images, coordinates, num_threads)


class DustStream:
    """A seeded :func:`add_dust` that counts the images itself, and can be stopped and resumed.

    ``stream = DustStream(seed=7)`` and then ``((stream(x), y) for x, y in flow)`` is the reproducible form of the
    post's generator: image number i of the stream gets the dust of index i, whatever the batches are. Call
    :meth:`set_epoch` at the start of each further epoch, or let the index run on.

    Parameters
    ----------
    spec : Spec or Schedule, optional
        What to draw; :func:`~dustaug.dust` if left out. A schedule needs a seed, and draws what it has for the epoch.
    seed : int
        0 … 2**64 - 1.
    epoch : int, default 0
        0 … 2**32 - 1.
    index : int, default 0
        Index of the next image.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind; in a call, as :func:`add_dust`.
    ValueError
        If an argument is out of its limits; in a call, as :func:`add_dust`. A refused batch is not counted.

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

    def __init__(
        self,
        spec: Spec | Schedule | None = None,
        *,
        seed: int,
        epoch: int = 0,
        index: int = 0,
        **unexpected: NoReturn,
    ) -> None:
        if unexpected:
            raise unexpected_error("DustStream()", unexpected, FIELD_NAMES)
        self.spec = check_plan(spec)
        self.seed = check_seed(seed)
        self.epoch = check_epoch(epoch)
        self.index = check_whole("index", index, 0, MAX_INDEX + 1)

    def __call__(
        self,
        images: Images,
        *,
        layout: Layout | None = None,
        value_range: tuple[float, float] | None = None,
        num_threads: int = 1,
        guide: NDArray[Any] | None = None,
        objects: Sequence[ArrayLike] | ArrayLike | None = None,
        donors: NDArray[Any] | None = None,
    ) -> Images:
        """Dust the next images of the stream, in place; the arguments are those of :func:`add_dust`."""
        epoch = self.epoch
        launch = find_launch(images, self.spec, layout, value_range, self.seed, epoch)
        with fork_lock:
            found, (epoch, index) = epoch, (self.epoch, self.index)
            self.index = index + launch.count(images)
        try:
            if epoch != found:  # Another thread has set it since the spec was looked up.
                launch = find_launch(images, self.spec, layout, value_range, self.seed, epoch)
            coordinates = make_coordinates(self.seed, epoch, index)
            if guide is not None or objects is not None or donors is not None:
                return launch.run_with_terms(images, coordinates, guide, objects, num_threads, donors=donors)
            return launch.run(images, coordinates, num_threads)
        except Exception:
            # A refused batch is not counted, unless another thread has gone on from there.
            with fork_lock:
                if self.index == index + launch.count(images):
                    self.index = index
            raise

    def set_epoch(self, epoch: int) -> None:
        """Go to the first image of an epoch, 0 … 2**32 - 1.

        Raises
        ------
        ValueError
            If `epoch` is out of its limits.
        """
        with fork_lock:
            self.epoch, self.index = check_epoch(epoch), 0

    def state_dict(self) -> dict[str, Any]:
        """Return where the stream stands, as plain values: spec, seed, epoch and index."""
        with fork_lock:
            return {"spec": self.spec.to_dict(), "seed": self.seed, "epoch": self.epoch, "index": self.index}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where a stream of the same spec and seed stood.

        Raises
        ------
        ValueError
            If the state belongs to another spec or seed, or is not a state at all.
        """
        if not isinstance(state, Mapping) or {"spec", "seed", "epoch", "index"} - set(state):
            raise ValueError(f"state must come from state_dict() of a DustStream, got {shown(state)}")
        spec, seed = read_plan(state["spec"]), check_seed(state["seed"])
        if (spec, seed) != (self.spec, self.seed):
            raise ValueError(
                f"state must come from a stream of {self.spec} and seed {self.seed}, got {spec} and seed {seed}"
            )
        epoch, index = check_epoch(state["epoch"]), check_whole("index", state["index"], 0, MAX_INDEX + 1)
        with fork_lock:
            self.epoch, self.index = epoch, index

    def __getstate__(self) -> dict[str, Any]:
        return self.state_dict()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(  # type: ignore[misc]
            read_plan(state["spec"]), seed=state["seed"], epoch=state["epoch"], index=state["index"]
        )

    def __repr__(self) -> str:
        return f"DustStream({self.spec!r}, seed={self.seed}, epoch={self.epoch}, index={self.index})"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Rectangles:
    """Rectangles of a batch of images, as arrays that can be drawn, stored, replayed or used as a mask.

    Rows are in painting order: a later rectangle lies over an earlier one, and with ``per_object`` those of a later box
    come after those of an earlier one. Rectangles that were clipped to nothing or left out for ``max_hidden`` stay in,
    with area 0.

    Parameters
    ----------
    image : int64, (r,)
        Position in the batch of the image that the rectangle lies on.
    boxes : int32, (r, 4)
        Top, left, bottom, right in pixels; bottom and right are the first row and column outside. Clipped to the image,
        or to the object that they belong to.
    fill : (r,) or (r, c)
        Brightness 0…255, one number or one per channel: uint8 if it was drawn, float64 if it was given, and NaN where
        it depends on more than the rectangle (``fill="noise"`` and ``"mean"``).
    n_images : int
        Number of images in the batch.
    spec, seed, epoch, index : optional
        What the rectangles were drawn with; `index` is int64, (n_images,). Painting noise and means needs them.
    height, width : int, optional
        Size of the images in pixels, as :func:`sample_rectangles` sets it.
    depth : int, optional
        Number of slices, if the images are volumes.
    slices : int32, (r, 2), optional
        Of volumes, the first slice of each rectangle and the first one outside. By default all slices.

    Examples
    --------
    >>> import numpy as np
    >>> mine = Rectangles(image=np.array([0]), boxes=np.array([[2, 3, 5, 8]]), fill=np.array([255]), n_images=1)
    >>> int(mine.mask(10, 10).sum())
    15
    """

    image: NDArray[np.int64]
    boxes: NDArray[np.int32]
    fill: NDArray[Any]
    n_images: int
    spec: Spec | None = None
    seed: int | None = None
    epoch: int = 0
    index: NDArray[np.int64] | None = None
    height: int | None = None
    width: int | None = None
    depth: int | None = None
    slices: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    def hidden(self, objects: Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
        """Return how much of each object lies under dust, exactly: overlapping rectangles count once.

        Parameters
        ----------
        objects : n_images arrays of whole numbers, (k, 4)
            Boxes of each image: top, left, bottom, right in pixels, bottom and right outside.

        Returns
        -------
        list of float64 arrays, (k,)
            The hidden share of each box, 0 … 1; 0 of a box without pixels.

        Raises
        ------
        TypeError
            If a box does not consist of whole numbers, or the rectangles have slices.
        ValueError
            If there are not as many arrays as images, or a box is reversed.

        Examples
        --------
        >>> mine = Rectangles(image=np.array([0]), boxes=np.array([[0, 0, 2, 4]]), fill=np.array([9]), n_images=1)
        >>> mine.hidden([[[0, 0, 4, 4], [2, 0, 4, 4]]])
        [array([0.5, 0. ])]
        """
        self._refuse_slices("hidden()")
        return [
            np.array([_share_hidden(box, mine) for box in boxes.tolist()], np.float64)
            for boxes, mine in zip(self._each("objects", objects, check_boxes), self._boxes_of_each(), strict=True)
        ]

    def covers(self, points: Sequence[ArrayLike]) -> list[NDArray[np.bool_]]:
        """Return which points lie under dust.

        Parameters
        ----------
        points : n_images arrays of numbers, (k, 2)
            Points (y, x) of each image in pixels, where pixel (0, 0) reaches from 0 up to, not including, 1.

        Returns
        -------
        list of bool arrays, (k,)

        Raises
        ------
        TypeError
            If a point does not consist of real numbers, or the rectangles have slices.
        ValueError
            If there are not as many arrays as images.

        Examples
        --------
        >>> mine = Rectangles(image=np.array([0]), boxes=np.array([[0, 0, 2, 4]]), fill=np.array([9]), n_images=1)
        >>> mine.covers([[[1.9, 3.5], [2.0, 3.5]]])
        [array([ True, False])]
        """
        self._refuse_slices("covers()")
        each = zip(self._each("points", points, check_points), self._boxes_of_each(), strict=True)
        return [
            np.any(((mine[:, None, :2] <= places) & (places < mine[:, None, 2:])).all(axis=-1), axis=0, keepdims=False)
            for places, mine in each
        ]

    def _boxes_of_each(self) -> list[NDArray[Any]]:
        """Return the boxes of each image."""
        image, boxes = np.asarray(self.image), np.asarray(self.boxes).reshape(-1, 4)
        return [boxes[image == i] for i in range(self.n_images)]

    def _each(self, name: str, given: Any, check: Callable[[str, Any], NDArray[Any]]) -> list[NDArray[Any]]:
        """Return what was given for each image, checked."""
        is_list = isinstance(given, Sequence) or (isinstance(given, np.ndarray) and given.ndim == 3)
        if not is_list or len(given) != self.n_images:
            what = f"{len(given)} of them" if is_list else shown(given)
            raise ValueError(f"{name} must be a list with an array for each of {self.n_images} images, got {what}")
        return [check(name, each) for each in given]

    def mask(self, height: int | None = None, width: int | None = None) -> NDArray[np.bool_]:
        """Return what the rectangles cover.

        Parameters
        ----------
        height, width : int, optional
            Size of the images in pixels; by default that of the rectangles, which :func:`sample_rectangles` sets.

        Returns
        -------
        bool, (n_images, height, width), or (n_images, depth, height, width) of volumes
            True where at least one rectangle lies.

        Raises
        ------
        TypeError
            If height or width is not known, or the depth if there are slices.
        ValueError
            If a rectangle reaches out of the image.
        """
        n, height, width = self._size_of(height, width)
        if self.slices is None:
            mask = np.zeros((n, height, width), bool)
            white = np.full(count_indices(self.image), 255)
            paint_rectangles(mask, dataclasses.replace(self, fill=white, spec=None), layout="NHW")
            return mask if self.depth is None else np.repeat(mask[:, None], self.depth, axis=1)
        image, boxes, slices = self._checked(n, height, width)
        volumes = np.zeros((n, self.depth or 0, height, width), bool)
        for i, (top, left, bottom, right), (first, last) in zip(image, boxes, slices, strict=True):
            volumes[i, first:last, top:bottom, left:right] = True
        return volumes

    def share(self, height: int | None = None, width: int | None = None) -> NDArray[np.float64]:
        """Return how much of each image is hidden, exactly: overlapping rectangles count once.

        This is the share of the donor's label, where the rectangles are filled with donors; see :func:`mix_labels`.

        Parameters
        ----------
        height, width : int, optional
            Size of the images in pixels; by default that of the rectangles, which :func:`sample_rectangles` sets.

        Returns
        -------
        float64, (n_images,)
            0 … 1: the number of hidden pixels, divided by that of all. Of volumes the same with voxels; 0 of an image
            without pixels.

        Raises
        ------
        TypeError
            If height or width is not known, or the depth if there are slices.
        ValueError
            If a rectangle reaches out of the image.

        Examples
        --------
        >>> mine = Rectangles(image=np.array([1]), boxes=np.array([[0, 0, 2, 4]]), fill=np.array([9]), n_images=2)
        >>> mine.share(8, 8)
        array([0.   , 0.125])
        >>> bool((sample_rectangles(height=64, width=64, seed=7, index=np.arange(100)).share() < 0.7).all())
        True
        """
        n, height, width = self._size_of(height, width)
        image, boxes, slices = self._checked(n, height, width)
        pixels, starts, stops = height * width, boxes[:, :2], boxes[:, 2:]
        if self.slices is not None:
            pixels *= self.depth or 0
            starts, stops = (np.column_stack([slices[:, i], ends]) for i, ends in enumerate((starts, stops)))
        return count_covered(n, image, starts, stops) / max(pixels, 1)

    def _size_of(self, height: Any, width: Any) -> tuple[int, int, int]:
        """Return the number of images and their size, as given or as the rectangles carry it."""
        n, sides = check_whole("n_images", self.n_images, 0, MAX_INDEX), []
        for name, given, own in (("height", height, self.height), ("width", width, self.width)):
            if given is None and own is None:
                raise TypeError(
                    f"{name} must be given where the rectangles do not carry it, got none: type the size of the "
                    "images, as in rectangles.share(224, 224) and rectangles.mask(224, 224)"
                )
            sides.append(check_whole(name, own if given is None else given, 0, MAX_SIDE))
        if self.depth is not None:
            check_whole("depth", self.depth, 0, MAX_SIDE)
        elif self.slices is not None:
            raise TypeError(
                "depth must be given with slices, got none: type dataclasses.replace(rectangles, depth=…), the number "
                "of slices of a volume"
            )
        return n, sides[0], sides[1]

    def _checked(
        self, n: int, height: int, width: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return image, boxes and slices, which lie inside n images of a size; without slices, (r, 0)."""
        memory = make_memory((n, height, width), (height * width, width, 1), 1, "NHW")
        image, boxes, _ = check_rectangles(self.image, self.boxes, np.zeros(count_indices(self.image)), memory)
        if self.slices is None:
            return image, boxes, np.zeros((len(boxes), 0), np.int64)
        return image, boxes, _check_slices(self.slices, len(boxes), self.depth or 0)

    def _refuse_slices(self, method: str) -> None:
        if self.slices is not None:
            raise TypeError(
                f"rectangles must have no slices for {method}, got those of cuboids: type rectangles.mask(), which is "
                "(n, depth, height, width), or pick the rectangles of one slice"
            )


def _check_slices(given: Any, n: int, depth: int) -> NDArray[np.int64]:
    """Return the slices of n rectangles, which lie inside a volume."""
    slices = whole_numbers("slices", given, (n, 2))
    is_outside = (slices[:, 0] > slices[:, 1]) | (slices < 0).any(axis=1) | (slices > depth).any(axis=1)
    if is_outside.any():
        raise ValueError(
            f"slices must lie inside the {depth} slices of a volume and not be reversed, got "
            f"{slices[is_outside][0].tolist()} (first, first one outside)"
        )
    return slices


def _share_hidden(box: list[int], rectangles: NDArray[Any]) -> float:
    """Return the share of a box that lies under rectangles, by counting the cells between all edges."""
    top, left, bottom, right = box
    clipped = rectangles.clip([top, left, top, left], [bottom, right, bottom, right])
    clipped = clipped[(clipped[:, :2] < clipped[:, 2:]).all(axis=1)]
    if not len(clipped):
        return 0.0
    rows, columns = np.unique(clipped[:, ::2]), np.unique(clipped[:, 1::2])
    covered = np.zeros((len(rows) - 1, len(columns) - 1), bool)
    for first_row, first_column, last_row, last_column in zip(
        *(np.searchsorted(edges, clipped[:, i]) for i, edges in enumerate((rows, columns, rows, columns))), strict=True
    ):
        covered[first_row:last_row, first_column:last_column] = True
    area = int((np.diff(rows)[:, None] * np.diff(columns) * covered).sum())
    return area / ((bottom - top) * (right - left))


def sample_rectangles(
    spec: Spec | Schedule | None = None,
    *,
    height: int,
    width: int,
    seed: int,
    epoch: int = 0,
    index: int | ArrayLike,
    channels: int = 3,
    depth: int | None = None,
    guide: NDArray[Any] | None = None,
    objects: Sequence[ArrayLike] | ArrayLike | None = None,
    **unexpected: NoReturn,
) -> Rectangles:
    """Return exactly the rectangles that :func:`add_dust` paints.

    Parameters
    ----------
    spec : Spec or Schedule, optional
        What to draw; :func:`~dustaug.dust` if left out. A schedule needs a seed, and draws what it has for the epoch.
    height, width : int
        Size of the images in pixels.
    seed, epoch
        As in :func:`add_dust`.
    index : int or int64 array (n,)
        One index for each image; a single number is one image.
    channels : int, default 3
        Channels of the images; only ``fill="color"`` depends on it.
    depth : int, optional
        Slices of a volume; required with a depth in the spec.
    guide, objects : optional
        As in :func:`add_dust`; those of one image for a single number as `index`. With ``per_object``, the rectangles
        are in pixels of the image too.

    Returns
    -------
    Rectangles

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of its limits.

    Examples
    --------
    >>> import numpy as np
    >>> rectangles = sample_rectangles(height=64, width=64, seed=7, index=np.arange(100))
    >>> len(rectangles), rectangles.n_images
    (1578, 100)
    >>> images = np.zeros((100, 64, 64, 3), np.uint8)
    >>> painted = paint_rectangles(images.copy(), rectangles)
    >>> bool((painted == add_dust(images, seed=7, index=0)).all())
    True
    """
    if unexpected:
        raise unexpected_error("sample_rectangles()", unexpected, FIELD_NAMES)
    spec = spec_at(spec, epoch)
    most_channels = MAX_COLOR_CHANNELS if FILLS[spec.fill].per == "channel" else 2**63 - 1
    channels = check_whole("channels", channels, 1, most_channels)
    coordinates = check_each(Coordinates(seed, epoch, index), count_indices(index))
    height, width = check_whole("height", height, 1, MAX_SIDE), check_whole("width", width, 1, MAX_SIDE)
    check_size(spec, height, width, channels)
    if depth is not None:
        depth = check_whole("depth", depth, 1, MAX_SIDE)
    elif has_depth(spec):
        raise TypeError(f"depth must be given with {shown(spec)}, got none: type depth=volume.shape[1], its slices")
    params = make_params(spec, ImageKind(np.dtype(np.uint8), "NHWC", channels), np.zeros((0, 1), np.uint64))
    n, batched = len(coordinates.index), np.ndim(index) > 0
    terms = make_terms(spec, guide, objects, n, height, width, batched=batched)._replace(depth=depth or 1)
    counts, boxes, levels = draw_rectangles(params, height, width, coordinates, terms)
    return Rectangles(
        image=np.repeat(np.arange(len(counts)), counts),
        boxes=boxes[:, :4],
        fill=_brightness_of(spec, levels),
        n_images=len(counts),
        spec=spec,
        height=height,
        width=width,
        depth=depth,
        slices=boxes[:, 4:] if has_depth(spec) else None,
        **coordinates._asdict(),
    )


def _brightness_of(spec: Spec, levels: NDArray[np.int32]) -> NDArray[Any]:
    """Brightness of rectangles from their levels, (r, channels or 1)."""
    if FILLS[spec.fill].per in ("value", "image", "donor"):
        return np.full(len(levels), np.nan)
    table = brightness_levels(spec)
    brightness = table[levels, 0] if table.shape[1] == 1 else table[levels[:, 0]]
    return brightness[:, 0] if brightness.shape[1] == 1 else brightness


def paint_rectangles(
    images: Images,
    rectangles: Rectangles,
    *,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
    donors: NDArray[Any] | None = None,
) -> Images:
    """Paint given rectangles on a batch, in place, and return the batch.

    Parameters
    ----------
    images : array, changed in place
        As in :func:`add_dust`.
    rectangles : Rectangles
        From :func:`sample_rectangles`, or made by hand. Any fill is kept; means are taken of `images` as they are.
    layout, value_range, donors
        As in :func:`add_dust`.

    Returns
    -------
    array
        `images` itself.

    Raises
    ------
    TypeError
        If `images` is not an array of numbers, or `rectangles` is not a Rectangles, or donors are missing.
    ValueError
        If a rectangle lies outside the images or the batch, or its fill is not a brightness, or is noise on volumes.
        The images stay untouched.

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
    spec = check_spec(rectangles.spec)
    launch = find_launch(images, spec, layout, value_range)
    kind = launch.kind
    memory = make_memory(images.shape, images.strides, images.itemsize, kind.layout)
    if check_whole("n_images", rectangles.n_images, 0, MAX_INDEX) != memory.n:
        raise ValueError(f"rectangles must be of {memory.n} images, got n_images={rectangles.n_images}")
    image, boxes, fill = check_rectangles(rectangles.image, rectangles.boxes, rectangles.fill, memory)
    if not len(boxes) or not images.size:
        return images
    patterns, coordinates = launch.patterns, Coordinates(0, check_epoch(rectangles.epoch))
    per, is_colored = FILLS[spec.fill].per, False
    if per == "donor" or donors is not None:
        donors = check_donors(donors, spec, images)
        donors = donors.copy() if np.may_share_memory(donors, images) else donors
    elif per == "value":
        if rectangles.seed is None or rectangles.index is None:
            raise ValueError(
                'rectangles with fill="noise" must carry their seed and index, as sample_rectangles gives them'
            )
        if kind.layout in VOLUME_LAYOUTS:
            raise ValueError(
                'rectangles must have a fill other than "noise" on volumes, which add_dust alone paints there: type '
                "add_dust(volumes, rectangles.spec, seed=rectangles.seed, index=rectangles.index)"
            )
        check_size(spec, memory.height, memory.width, memory.channels)
        coordinates = check_coordinates(Coordinates(rectangles.seed, rectangles.epoch, rectangles.index), memory.n)
    elif per == "image":
        patterns = mean_patterns(images, launch)[image]
    else:
        if np.isnan(fill).any():
            raise ValueError("rectangles must have a fill from 0 to 255, got NaN")
        patterns, is_colored = encode(fill.reshape(len(fill), -1), spec, kind.dtype, launch.value_range), True
    params = launch.params
    if is_colored or kind.layout in VOLUME_LAYOUTS:
        params = make_params(without_depth(spec), kind._replace(layout=_flat(kind.layout)), patterns)
        # Channels of given colours lie in columns; drawn ones would be levels of their own.
        params["per_channel"] &= not is_colored
    for part, chosen in _slices_of(images, kind.layout, rectangles, len(boxes)):
        if donors is not None:
            _paste(part(images), part(donors), boxes[chosen], image[chosen], kind.layout)
            continue
        paint_boxes(params, patterns[chosen], part(images), boxes[chosen], image[chosen], coordinates)
    return images


_ALL = slice(None)


def _flat(layout: Layout) -> Layout:
    """Return the layout of the slices of volumes, or of images."""
    return layout.replace("D", "")  # type: ignore[return-value]


def _slices_of(
    images: NDArray[Any], layout: Layout, rectangles: Rectangles, n: int
) -> Iterator[tuple[Callable[[NDArray[Any]], NDArray[Any]], Any]]:
    """Return, for each slice of volumes, what picks it, and which of n rectangles reach through it."""
    axis = layout.find("D")
    if axis < 0:
        if rectangles.slices is not None:
            raise ValueError(f'rectangles must have no slices on images, got layout {layout}: type layout="NDHWC"')
        yield lambda array: array, _ALL
        return
    depth = images.shape[axis]
    slices = np.tile([0, depth], (n, 1)) if rectangles.slices is None else _check_slices(rectangles.slices, n, depth)
    for z in range(depth):
        chosen = np.flatnonzero((slices[:, 0] <= z) & (z < slices[:, 1]))
        yield operator.itemgetter((*[_ALL] * axis, z)), chosen


def _paste(
    images: NDArray[Any], donors: NDArray[Any], boxes: NDArray[Any], image: NDArray[Any], layout: Layout
) -> None:
    """Copy boxes of donors into images."""
    flat = _flat(layout)
    for (top, left, bottom, right), i in zip(boxes.tolist(), image.tolist(), strict=True):
        of_axis = {"N": i, "H": slice(top, bottom), "W": slice(left, right)}
        where = tuple(of_axis.get(axis, _ALL) for axis in flat)
        images[where] = donors[where]


def warmup() -> None:
    """Compile the kernel, or load it from the disk cache, so that the first batch does not wait for it.

    Examples
    --------
    >>> warmup()
    """
    image = np.zeros((8, 8), np.uint8)
    paint_rectangles(image, sample_rectangles(height=8, width=8, seed=0, index=0))
    add_dust(image, seed=0, index=0)
