"""From a spec and an image size to the integers that the kernels read, computed once and cached.

The kernels know nothing of normal distributions or areas: they read alias tables (``_engine.tables``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from dustaug.spec import MAX_SIDE, Spec, size_fields

from .contract import FILLS, PLACEMENTS, WORDS
from .tables import area_table, normal_table, side_table, uniform_table

Result = TypeVar("Result")

# One record, read by name in the kernels. ``memory.make_params`` fills in the second half.
PARAMS_DTYPE = np.dtype(
    [
        (name, np.int64)
        for name in (
            # Drawing. An image is dusted if its word is below `p_threshold`, in [0, 2**32].
            *("p_threshold", "count_low", "n_counts"),
            # Rectangles are clipped to, or lie inside, the first `rows` rows and `columns` columns.
            *("rows", "columns", "inside"),
            # Alias tables of the centre: where they begin in `tables`, and 32 - log2(buckets).
            *("y_table", "y_shift", "x_table", "x_shift"),
            # Sizes: an alias table of height << 16 | width, or unit * (low + uniform over n).
            *("size_from_table", "size_table", "size_shift", "size_unit"),
            *("height_low", "n_heights", "width_low", "n_widths"),
            # Fills: how many levels there are to choose from, and what has a level of its own, if not each rectangle.
            *("n_levels", "per_channel", "per_value", "per_image"),
            # Memory, in bytes. From channel 0 to the first in memory: `first_channel`. |column_stride|: `column_step`.
            *("height", "width", "channels", "item_bytes", "image_bytes"),
            *("image_stride", "row_stride", "column_stride", "channel_stride", "column_step", "first_channel"),
            # A run is what one store may paint in one column: a channel, or all of them if they are equal and lie
            # together. `interleaved`: they lie together, but differ.
            *("origin", "runs", "run_stride", "run_bytes", "interleaved"),
            # From one channel's pattern to the next: `pattern_step`, 0 if there is one for all.
            *("pattern_columns", "pattern_step"),
        )
    ]
)


class Plan(NamedTuple):
    """How to draw the rectangles of one spec on images of one size.

    Attributes
    ----------
    params : PARAMS_DTYPE, (1,)
        The numbers; the fields on memory are still zero.
    tables : uint32, (t,)
        All alias tables, four words a bucket: threshold, first outcome, second outcome, unused.
    """

    params: NDArray[Any]
    tables: NDArray[np.uint32]


def cache_size(spec: Spec, most: int) -> int:
    """Return how many launches of one spec to keep: few if each holds a table of areas, megabytes an image size."""
    return most if spec.area_range is None else min(most, 2)


def remember(function: Callable[..., Result], most: int) -> Callable[..., Result]:
    """Cache a function whose first argument is a spec, as ``functools.lru_cache`` does, in the size for the spec."""
    many, few = functools.lru_cache(most)(function), functools.lru_cache(min(most, 8))(function)

    def find(spec: Spec | None, *rest: Any) -> Result:
        return (many if spec is None or spec.area_range is None else few)(spec, *rest)

    find.caches = many, few  # type: ignore[attr-defined]
    return find


def _make_plan(spec: Spec, height: int, width: int) -> Plan:
    """Return the plan of `spec` for images of `height` by `width` pixels.

    Raises
    ------
    ValueError
        If a side is longer than 65 535 pixels, or no rectangle of the spec's areas and aspects fits the image.
    """
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise ValueError(f"images must have sides from 1 to {MAX_SIDE} pixels, got {height} by {width}")
    record, tables = np.zeros(1, PARAMS_DTYPE), _Tables()
    params, fill = record[0], FILLS[spec.fill]
    params["p_threshold"] = round(spec.p * WORDS)
    params["count_low"], params["n_counts"] = _span(spec.count_range)
    params["rows"], params["columns"] = height - spec.spare_last, width - spec.spare_last
    params["inside"] = PLACEMENTS[spec.center]
    if not PLACEMENTS[spec.center]:
        for axis, side, name in ((0, height, "y"), (1, width, "x")):
            table = _CENTER_TABLES[spec.center](spec, axis, side)
            params[f"{name}_table"], params[f"{name}_shift"] = tables.add(table)
    _SIZES[size_fields(spec)](params, tables, spec, height, width)
    params["n_levels"] = _span(spec.fill_range)[1] if fill.drawn else 1
    if fill.per != "rectangle":
        params[f"per_{fill.per}"] = 1
    return Plan(record, tables.joined())


make_plan = remember(_make_plan, 64)


class _Tables:
    """Alias tables one after the other."""

    def __init__(self) -> None:
        self._tables: list[NDArray[np.uint32]] = []

    def add(self, table: NDArray[np.uint32]) -> tuple[int, int]:
        """Return where a table begins, and 32 - log2(buckets); equal tables are kept once, to stay in the caches."""
        shift, start = 32 - (len(table) // 4 - 1).bit_length(), 0
        for other in self._tables:
            if np.array_equal(other, table):
                return start, shift
            start += len(other)
        self._tables.append(table)
        return start, shift

    def joined(self) -> NDArray[np.uint32]:
        if len(self._tables) == 1:  # It may be large: no copy of it is kept.
            return self._tables[0]
        return np.concatenate(self._tables) if self._tables else np.zeros(4, np.uint32)


# One row for each placement that draws a centre: its table, for the axis 0 (y) or 1 (x) and a side in pixels.
_CENTER_TABLES: dict[str, Callable[[Spec, int, int], NDArray[np.uint32]]] = {
    "normal": lambda spec, axis, side: normal_table(side, spec.center_mean[axis], spec.center_std[axis]),
    "uniform": lambda _, __, side: uniform_table(side),
}


def _half_sizes(params: Any, _: _Tables, spec: Any, __: int, ___: int) -> None:
    params["size_unit"] = 2
    params["height_low"], params["n_heights"] = _span(spec.half_height_range)
    params["width_low"], params["n_widths"] = _span(spec.half_width_range)


def _fractions(params: Any, _: _Tables, spec: Any, height: int, width: int) -> None:
    params["size_unit"] = 1
    for name, side in (("height", height), ("width", width)):
        low, high = getattr(spec, f"{name}_fraction_range")
        params[f"{name}_low"], params[f"n_{name}s"] = _span((round(low * side), round(high * side)))


def _sides(params: Any, tables: _Tables, spec: Any, _: int, __: int) -> None:
    _add_sizes(params, tables, side_table(*spec.side_range))


def _areas(params: Any, tables: _Tables, spec: Any, height: int, width: int) -> None:
    _add_sizes(params, tables, area_table(spec.area_range, spec.aspect_range, height, width))


def _add_sizes(params: Any, tables: _Tables, table: NDArray[np.uint32]) -> None:
    params["size_from_table"] = 1
    params["size_table"], params["size_shift"] = tables.add(table)


# One row for each way to say a size: what sets the fields of the params on sizes.
_SIZES: dict[tuple[str, ...], Callable[[Any, _Tables, Spec, int, int], None]] = {
    ("half_height_range", "half_width_range"): _half_sizes,
    ("height_fraction_range", "width_fraction_range"): _fractions,
    ("side_range",): _sides,
    ("area_range", "aspect_range"): _areas,
}


def _span(limits: tuple[int, int]) -> tuple[int, int]:
    """Return the lowest number of a range, and how many there are."""
    low, high = limits
    return low, high - low + 1


def find_max_size(plan: Plan, height: int, width: int) -> tuple[int, int]:
    """Return the greatest height and width of a rectangle, in pixels of an image of `height` by `width`."""
    params = plan.params[0]
    if params["size_from_table"]:
        start = int(params["size_table"])
        sides = plan.tables[start : start + (4 << (32 - int(params["size_shift"])))].reshape(-1, 4)[:, 1:3]
        tallest, widest = int((sides >> 16).max()), int((sides & 0xFFFF).max())
    else:
        tallest, widest = (
            int(params["size_unit"] * (params[f"{side}_low"] + params[f"n_{side}s"] - 1))
            for side in ("height", "width")
        )
    return min(tallest, height), min(widest, width)
