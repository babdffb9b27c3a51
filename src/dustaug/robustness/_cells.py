"""PatchDrop: occlusions that hide cells of a grid, by chance or by the saliency of each image."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dustaug._engine.checks import check_choice, check_ends, check_plain, check_whole
from dustaug._engine.kept import crossed
from dustaug._errors import shown
from dustaug.core import Rectangles
from dustaug.presets import patch_drop
from dustaug.spec import Spec

from . import _predict

_RATIOS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_MAX_GRID = 255  # A spec has at most 65,535 rectangles.
_CHUNK = 1 << 24  # Numbers of saliency maps that are read at once.


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class PatchDrop:
    """Occlusion of :func:`patch_drops`, which hides the first cells of an order that each image has of its own.

    Parameters
    ----------
    order : whole numbers, (n, grid * grid)
        Cells of each image, counted row by row, in the order in which they are hidden.
    count : int, or whole numbers (n,)
        Number of cells to hide, of all images or of each.
    grid : int
        Number of rows, and of columns, of the grid.
    fill_value : float or tuple of float, default 0
        Brightness of hidden cells in 0…255, one number or one per channel.

    Raises
    ------
    TypeError, ValueError
        If `order` does not hold each cell once for every image, or another argument is out of its limits.

    Examples
    --------
    Any ranking makes an occlusion. This one hides the left half of an image of 2 by 2 cells, and then the right one:

    >>> drop = PatchDrop(order=[[0, 2, 1, 3]], count=2, grid=2)
    >>> drop
    PatchDrop(2 of 4 cells of 1 image)
    >>> drop.rectangles([0], height=2, width=4).mask(2, 4).astype(int)
    array([[[1, 1, 0, 0],
            [1, 1, 0, 0]]])
    """

    order: NDArray[np.uint16]
    count: int | NDArray[np.int64]
    grid: int
    fill_value: float | tuple[float, ...] = 0

    def __post_init__(self) -> None:
        n_cells = check_whole("grid", self.grid, 1, _MAX_GRID) ** 2
        object.__setattr__(self, "fill_value", _check_fill(self.fill_value))
        order = _as_array(self.order)
        if order.dtype.kind not in "iu" or order.shape != (*order.shape[:1], n_cells) or not order.size:
            raise ValueError(
                f"order must be whole numbers of shape (n, {n_cells}), all cells of each image, got {order.dtype} of "
                f"shape {order.shape}"
            )
        if (np.sort(order, axis=1) != np.arange(n_cells)).any():
            raise ValueError(f"order must hold each cell from 0 to {n_cells - 1} once for every image, got other rows")
        object.__setattr__(self, "order", order.astype(np.uint16, copy=False))
        counts = _as_array(self.count)
        if counts.ndim == 0 and not isinstance(self.count, (list, tuple)):
            object.__setattr__(self, "count", check_whole("count", self.count, 0, n_cells))
            return
        if counts.dtype.kind not in "iu" or counts.shape != order.shape[:1]:
            raise ValueError(
                f"count must be a whole number, or one for each of {len(order)} images, got {shown(self.count)}"
            )
        check_ends("count", counts, n_cells)
        object.__setattr__(self, "count", counts.astype(np.int64, copy=False))

    def __len__(self) -> int:
        return len(self.order)

    def __repr__(self) -> str:
        least, most = np.min(self.count), np.max(self.count)
        count = f"{least}" if least == most else f"{least} to {most}"
        images = "1 image" if len(self) == 1 else f"{len(self):,} images"
        return f"PatchDrop({count} of {self.grid**2} cells of {images})"

    def rectangles(self, index: ArrayLike, *, height: int, width: int) -> Rectangles:
        """Return the hidden cells of some images, which may be painted, or looked at as a mask.

        Parameters
        ----------
        index : whole numbers, (n,)
            Positions of the images among the saliency maps.
        height, width : int
            Size of the images in pixels.

        Returns
        -------
        Rectangles

        Raises
        ------
        TypeError
            If an argument does not consist of whole numbers.
        ValueError
            If there is no such image, or `height` or `width` is below 1.
        """
        places = _as_array(index)
        if places.ndim != 1 or places.dtype.kind not in "iu":
            raise TypeError(f"index must be whole numbers of shape (n,), got {shown(index)}: type numpy.arange(n)")
        check_ends("index", places, len(self) - 1)
        height, width = _predict.check_size("height", height), _predict.check_size("width", width)
        n, counts = len(places), np.broadcast_to(np.asarray(self.count), len(self))[places]
        hidden = self.order[places][np.arange(self.grid**2) < counts[:, None]].astype(np.intp)
        boxes = _cell_boxes(height, width, self.grid)[hidden]
        fill = np.broadcast_to(np.asarray(self.fill_value, np.float64), (len(boxes), *np.shape(self.fill_value)))
        return Rectangles(image=np.repeat(np.arange(n), counts), boxes=boxes, fill=fill, n_images=n)


def patch_drops(
    choice: Literal["random", "salient", "non-salient"] = "random",
    saliency: ArrayLike | None = None,
    *,
    ratios: Iterable[float] = _RATIOS,
    share_of: Literal["cells", "saliency"] = "cells",
    grid: int = 14,
    fill_value: float | tuple[float, ...] = 0,
) -> dict[float, Spec | PatchDrop]:
    """Return the occlusions of PatchDrop, which hide a share of the cells of a grid, for :func:`occlusion_curve`.

    The protocol is that of Naseer et al. (2021, arXiv:2105.10497): 10 % to 90 % of 14 by 14 cells of a square image of
    224 pixels are black. Each image has cells of its own here, whatever the batches are, and those that a ratio hides
    are among those of every greater ratio. The official code draws the same cells for a whole batch of shuffled images,
    and new ones for every ratio. It paints 0 before the images are normalised, which is black; a fill that looks like
    the mean of ImageNet is ``fill_value=(123.675, 116.28, 103.53)``.

    Parameters
    ----------
    choice : {"random", "salient", "non-salient"}, default "random"
        Which cells are hidden first: those that chance says, those that hold the most saliency of their image, or
        those that hold the least. Cells that hold as much go row by row.
    saliency : numbers, (n, rows, columns), for "salient" and "non-salient"
        Map of each image, such as the attention of a network, or ``heat`` of :func:`occlusion_map`. It lies over the
        whole image and may have any resolution; a cell holds the integral over its area.
    ratios : numbers, default 0.1, 0.2, …, 0.9
        Shares to hide, above 0, up to 1, which become the severities.
    share_of : {"cells", "saliency"}, default "cells"
        What the ratios are shares of. ``"cells"``: every image loses the same number of cells, rounded down.
        ``"saliency"``: as many cells as it takes. The salient ones are the fewest that hold the share of the map, and
        the others are the most that hold no more. This is the rule of the official code, where the map is the attention
        of DINO's first head. No number may be negative then. The curve's coverage tells how many cells are hidden.
    grid : int, default 14
        Rows of the grid, and columns.
    fill_value : float or tuple of float, default 0
        Brightness of hidden cells in 0…255, one number or one per channel.

    Returns
    -------
    dict of float to Spec or PatchDrop
        For each ratio, a :func:`dustaug.patch_drop` if `choice` is "random", else a :class:`PatchDrop`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If it has the wrong shape, or is out of its limits.

    Examples
    --------
    Two images of four cells, of which the first has its saliency on the right, and the second below:

    >>> drops = patch_drops("salient", [[[0, 3], [1, 2]], [[0, 1], [2, 3]]], ratios=(0.25, 0.5), grid=2)
    >>> drops
    {0.25: PatchDrop(1 of 4 cells of 2 images), 0.5: PatchDrop(2 of 4 cells of 2 images)}
    >>> drops[0.5].rectangles([0, 1], height=2, width=2).mask(2, 2).astype(int)
    array([[[0, 1],
            [0, 1]],
    <BLANKLINE>
           [[0, 0],
            [1, 1]]])
    """
    check_choice("choice", choice, ("random", "salient", "non-salient"))
    check_choice("share_of", share_of, ("cells", "saliency"))
    grid = check_whole("grid", grid, 1, _MAX_GRID)
    checked, fill = _predict.check_shares("ratios", ratios), _check_fill(fill_value)
    if choice == "random":
        if saliency is not None:
            raise ValueError('saliency must be left out with choice="random", which does not look at it')
        if share_of != "cells":
            raise ValueError('share_of must be "cells" with choice="random", got "saliency"')
        return {ratio: patch_drop(ratio, grid, fill_value=fill) for ratio in checked}
    if saliency is None:
        raise TypeError(
            f'saliency must be given for choice="{choice}", got none: type saliency=maps, (n, rows, columns)'
        )
    maps = _check_saliency(saliency)
    held = _saliency_of_cells(maps, grid)
    if share_of == "saliency":
        _check_shares(maps)
    order = np.argsort(-held if choice == "salient" else held, axis=1, kind="stable").astype(np.uint16)
    counts: dict[float, Any] = {ratio: patch_drop(ratio, grid).count_range[0] for ratio in checked}
    if share_of == "saliency":
        sums = np.cumsum(np.take_along_axis(held, order.astype(np.intp), axis=1), axis=1, dtype=np.float64)
        counts = {ratio: _count_by_saliency(sums, ratio, is_salient=choice == "salient") for ratio in checked}
    return {ratio: PatchDrop(order=order, count=n, grid=grid, fill_value=fill) for ratio, n in counts.items()}


def _as_array(given: Any) -> NDArray[Any]:
    try:
        return np.asarray(given)
    except ValueError:  # A ragged list.
        return np.array(None)


def _check_fill(fill_value: Any) -> float | tuple[float, ...]:
    """Return the brightness of hidden cells, checked as that of a spec is."""
    return cast("float | tuple[float, ...]", Spec(fill="constant", fill_value=fill_value).fill_value)


def _check_saliency(saliency: Any) -> NDArray[Any]:
    check_plain(saliency, "saliency")
    try:
        maps = _predict.read_array(saliency, as_floats=True)
    except (TypeError, ValueError, RuntimeError):
        maps = np.array(None)
    if maps.dtype.kind not in "biuf" and not maps.dtype.name.startswith(("bfloat", "float")):
        raise TypeError(f"saliency must be an array of real numbers, got {shown(saliency)}")
    if maps.ndim != 3 or 0 in maps.shape:
        raise ValueError(f"saliency must have shape (n, rows, columns), a map for each image, got shape {maps.shape}")
    return maps


def _check_shares(maps: NDArray[Any]) -> None:
    least, greatest = float(maps.min()), float(maps.max(axis=(1, 2)).min())
    if least < 0 or greatest == 0:
        raise ValueError(
            f'saliency must not be negative, and each map must have a number above 0, with share_of="saliency", got '
            f"{f'{least:g}' if least < 0 else 'a map of zeros'}: type numpy.maximum(saliency, 1e-9)"
        )


def _count_by_saliency(sums: NDArray[np.float64], ratio: float, *, is_salient: bool) -> NDArray[np.int64]:
    """Return how many cells of each image hold a share of its saliency; `sums` are those of the first cells."""
    whole = sums[:, -1:]
    slack = 1e-6 * whole  # More than the rounding of float32, so that a third of three equal cells is one cell.
    if is_salient:
        counts: NDArray[np.int64] = np.count_nonzero(sums < ratio * whole - slack, axis=1) + 1
    else:
        counts = np.count_nonzero(sums <= ratio * whole + slack, axis=1)
    return counts


def _saliency_of_cells(maps: NDArray[Any], grid: int) -> NDArray[np.float32]:
    """Return the integral of each map over each cell, (n, cells), each map in units of its own.

    Sums that differ by the rounding of doubles only are equal in float32: ties are ties on every machine. The units are
    powers of two, which keep whole numbers exact.
    """
    down, across = _overlaps(maps.shape[1], grid), _overlaps(maps.shape[2], grid)
    held = np.empty((len(maps), grid**2), np.float32)
    step = max(1, _CHUNK // (maps.shape[1] * maps.shape[2]))
    for start in range(0, len(maps), step):
        part = maps[start : start + step].astype(np.float64)
        greatest = np.abs(part).max(axis=(1, 2), keepdims=True)
        if not np.isfinite(greatest).all():
            raise ValueError(f"saliency must be finite, got {part[~np.isfinite(part)][0]}")
        scaled = np.ldexp(part, -np.frexp(greatest)[1])
        held[start : start + step] = (down @ scaled @ across.T).reshape(len(part), -1)
    return held


def _overlaps(size: int, grid: int) -> NDArray[np.float64]:
    """Return how much of each row of a map lies in each row of the grid, (grid, size), in whole units."""
    cells, rows = np.arange(grid)[:, None] * size, np.arange(size) * grid
    shared = np.minimum(cells + size, rows + grid) - np.maximum(cells, rows)
    overlaps: NDArray[np.float64] = np.maximum(shared, 0).astype(np.float64)
    return overlaps


def _cell_boxes(height: int, width: int, grid: int) -> NDArray[np.int32]:
    """Return top, left, bottom and right of each cell, row by row."""
    rows, columns = (np.arange(grid + 1) * side // grid for side in (height, width))
    spans = (np.stack([edges[:-1], edges[1:]], axis=1) for edges in (rows, columns))
    return crossed(*spans).astype(np.int32)
