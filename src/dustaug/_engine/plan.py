"""From a spec and an image size to the integers that the kernel reads, computed once and cached.

The kernel knows nothing of normal distributions or areas. It draws a 32-bit word w and turns it into an outcome: for n
equally likely ones by ``w * n >> 32``, for any other distribution by an alias table (``_engine.tables``).
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from dustaug.spec import MAX_SIDE, Spec

from . import tables as _tables

__all__ = ["PLAN_DTYPE", "Plan", "find_reach", "make_plan"]

# One record, read by name in the kernel. The second half says how the images lie in memory and is filled in
# by ``_engine.memory.make_record``.
PLAN_DTYPE = np.dtype(
    [
        (name, np.int64)
        for name in (
            # Drawing. An image is dusted if its word is below `dusted_below`, in [0, 2**32].
            "dusted_below",
            "count_low",
            "count_n",
            # Rectangles are clipped to, or lie inside, the first `rows` rows and `columns` columns.
            "rows",
            "columns",
            "inside",
            # Alias tables of the centre: where they begin in `tables`, and 32 - log2(buckets).
            "y_table",
            "y_shift",
            "x_table",
            "x_shift",
            # Sizes: an alias table of height << 16 | width, or unit * (low + uniform over n).
            "size_from_table",
            "size_table",
            "size_shift",
            "size_unit",
            "height_low",
            "height_n",
            "width_low",
            "width_n",
            # Fills: how many patterns there are to choose from, and which kind of fill it is.
            "fill_n",
            "color",
            "noise",
            "per_image",
            # Memory, in bytes. A run is what one store may paint in one column: a channel, or all of them if they are
            # equal and lie together. `interleaved`: they lie together, but differ.
            "height",
            "width",
            "channels",
            "item_bytes",
            "image_stride",
            "row_stride",
            "column_stride",
            "channel_stride",
            "image_bytes",
            "column_step",  # |column_stride|
            "first_channel",  # from channel 0 to the first in memory
            "origin",
            "runs",
            "run_stride",
            "run_bytes",
            "interleaved",
            "pattern_columns",
            "pattern_step",  # from one channel's pattern to the next: 0 if there is one for all
        )
    ]
)


class Plan(NamedTuple):
    """How to draw the rectangles of one spec on images of one size.

    Attributes
    ----------
    record : PLAN_DTYPE, (1,)
        The numbers; the fields on memory are still zero.
    tables : uint32, (t,)
        All alias tables, four words a bucket: threshold, first outcome, second outcome, unused.
    """

    record: NDArray[Any]
    tables: NDArray[np.uint32]


def make_plan(spec: Spec, height: int, width: int) -> Plan:
    """Return the plan of `spec` for images of `height` by `width` pixels.

    Raises
    ------
    ValueError
        If a side is longer than 65 535 pixels, or no rectangle of the spec's areas and aspects fits the image.
    """
    return (_cached_plan if spec.area_range is None else _cached_area_plan)(spec, height, width)


def _compute_plan(spec: Spec, height: int, width: int) -> Plan:
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise ValueError(f"images must have sides from 1 to {MAX_SIDE} pixels, got {height} by {width}")
    record = np.zeros(1, PLAN_DTYPE)
    plan = record[0]
    plan["dusted_below"] = round(spec.p * _tables.WORDS)
    low, high = spec.count_range
    plan["count_low"], plan["count_n"] = low, high - low + 1
    plan["rows"], plan["columns"] = height - spec.spare_last, width - spec.spare_last
    plan["inside"] = spec.center == "inside"

    tables: list[NDArray[np.uint32]] = []
    if spec.center != "inside":
        axes = [_center_table(spec, axis, side) for axis, side in enumerate((height, width))]
        tables.append(axes[0])
        if not np.array_equal(axes[0], axes[1]):  # One table for both axes of a square stays in the first-level cache.
            tables.append(axes[1])
        plan["y_shift"], plan["x_shift"] = map(_shift, axes)
        plan["x_table"] = sum(map(len, tables)) - len(axes[1])

    if spec.side_range is not None:
        sizes = _tables.side_table(*spec.side_range)
    elif spec.area_range is not None and spec.aspect_range is not None:
        sizes = _tables.area_table(spec.area_range, spec.aspect_range, height, width)
    else:
        sizes = np.zeros(0, np.uint32)
        unit, (low, high), (first, last) = _independent_ranges(spec, height, width)
        plan["size_unit"] = unit
        plan["height_low"], plan["height_n"] = low, high - low + 1
        plan["width_low"], plan["width_n"] = first, last - first + 1
    if len(sizes):
        plan["size_from_table"] = 1
        plan["size_table"] = sum(map(len, tables))
        plan["size_shift"] = _shift(sizes)
        tables.append(sizes)

    low, high = spec.fill_range
    plan["fill_n"] = high - low + 1 if spec.fill in ("grey", "color", "noise") else 1
    plan["color"] = spec.fill == "color"
    plan["noise"] = spec.fill == "noise"
    plan["per_image"] = spec.fill == "mean"
    if len(tables) == 1:  # Which may be large.
        return Plan(record, tables[0])
    return Plan(record, np.concatenate(tables) if tables else np.zeros(4, np.uint32))


_cached_plan = functools.lru_cache(maxsize=64)(_compute_plan)
# Tables of areas take megabytes, and there is one for each image size.
_cached_area_plan = functools.lru_cache(maxsize=8)(_compute_plan)


def find_reach(record: NDArray[Any], tables: NDArray[np.uint32], height: int, width: int) -> tuple[int, int]:
    """Return the greatest height and width of a rectangle, in pixels of an image of `height` by `width`."""
    plan = record[0]
    if plan["size_from_table"]:
        start = int(plan["size_table"])
        sides = tables[start : start + (4 << (32 - int(plan["size_shift"])))].reshape(-1, 4)[:, 1:3]
        tallest, widest = int((sides >> 16).max()), int((sides & 0xFFFF).max())
    else:
        tallest, widest = (
            int(plan["size_unit"] * (plan[f"{side}_low"] + plan[f"{side}_n"] - 1)) for side in ("height", "width")
        )
    return min(tallest, height), min(widest, width)


def _shift(table: NDArray[np.uint32]) -> int:
    return 32 - (len(table) // 4 - 1).bit_length()


def _center_table(spec: Spec, axis: int, side: int) -> NDArray[np.uint32]:
    if spec.center == "uniform":
        return _tables.uniform_table(side)
    return _tables.normal_table(side, spec.center_mean[axis], spec.center_std[axis])


def _independent_ranges(spec: Spec, height: int, width: int) -> tuple[int, tuple[int, int], tuple[int, int]]:
    """Unit, heights and widths, in units, of the sizes whose height and width are uniform and independent."""
    if spec.height_fraction_range is not None and spec.width_fraction_range is not None:
        (low, high), (first, last) = spec.height_fraction_range, spec.width_fraction_range
        return 1, (round(low * height), round(high * height)), (round(first * width), round(last * width))
    return 2, cast("tuple[int, int]", spec.half_height_range), cast("tuple[int, int]", spec.half_width_range)
