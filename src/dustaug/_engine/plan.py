"""From a spec to the integers that the kernels read, which belong to no image size: that is an argument."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug.spec import Spec, size_fields

from .contract import (
    AREA_BITS,
    FILLS,
    FRACTION_BITS,
    LOG_BITS,
    MAX_AREA_SCALE,
    MAX_CELL_SIDES,
    MAX_LOG_ASPECT,
    PLACEMENTS,
    POWER_BIAS,
    WORD_MASK,
    WORDS,
)
from .forks import fork_lock

# One record, read by name in the kernels. ``launch`` fills in the last part, which belongs to a kind of images.
PARAMS_DTYPE = np.dtype(
    [
        (name, np.int64)
        for name in (
            # Drawing. An image is dusted if its word is below `p_threshold`, in [0, 2**32].
            *("p_threshold", "count_low", "n_counts"),
            # Placement: inside, normal, or otherwise uniform. `spare_last`: rows and columns that stay unpainted.
            # `limited`, `per_object`: what the objects of each image are given for.
            *("spare_last", "inside", "normal", "guided", "limited", "per_object"),
            *("y_mean", "y_std", "y_shift", "x_mean", "x_std", "x_shift"),
            # Sizes: unit * (low + uniform over n) pixels, or fractions of the side. `square`: the width is the height.
            *("size_unit", "height_low", "n_heights", "width_low", "n_widths", "square", "in_fractions"),
            # Or areas and aspects, as logarithms. The base is what all areas have in common.
            *("from_area", "area_low", "n_areas", "area_base", "aspect_low", "n_aspects"),
            # Or shares, whose logarithms a scale divides by the parameter of their distribution; 0: they are uniform.
            *("from_beta", "beta_scale", "beta_shift"),
            # Fractions may halve from one power of two to the next. `keep`: all else is painted.
            *("halving", "keep"),
            # Cells: a shape, or 0 and sides to choose from; each has a word below a threshold, or so many are hidden.
            *("grid", "grid_rows", "grid_columns", "n_cell_sides", *(f"cell_side_{i}" for i in range(MAX_CELL_SIDES))),
            *("independent", "cell_threshold"),
            # The shortest side of cells or period that may be drawn, or 0.
            "least_side",
            # Lattices: a period, and the share of it that is hidden, in units of 2**-31.
            *("lattice", "lines", "period_low", "n_periods", "hidden_share"),
            # Volumes: whether rectangles have depths, and of how many slices, or which fractions.
            *("has_depth", "depth_low", "n_depths", "depth_in_fractions"),
            # Fills: how many levels there are to choose from, and what has a level of its own, if not each rectangle.
            *("n_levels", "per_channel", "per_value", "per_image", "per_donor"),
            # A kind of images: bytes of an item, and in how many of them strides are counted.
            *("channels", "item_bytes", "stride_bytes"),
            # How many axes the layout has, and where each of them is, or -1.
            *("n_axes", "axis_n", "axis_h", "axis_w", "axis_c"),
            # From one channel's pattern to the next: `pattern_step`, 0 if there is one for all. `plain_noise`: the
            # pattern of a level is that level, in bytes.
            *("pattern_columns", "pattern_step", "plain_noise"),
            # Addresses of the constant tables.
            "curves",
        )
    ]
    # What tells whether the smallest area fits an image.
    + [(name, np.float64) for name in ("smallest_area", "smallest_aspect", "largest_aspect")]
)


@functools.lru_cache(maxsize=64)
def make_plan(spec: Spec) -> NDArray[Any]:
    """Return the plan of `spec`, PARAMS_DTYPE (1,), read-only; what belongs to a kind of images is still zero."""
    plan = np.zeros(1, PARAMS_DTYPE)
    params, fill = plan[0], FILLS[spec.fill]
    params["p_threshold"] = round(spec.p * WORDS)
    params["count_low"], params["n_counts"] = _span(spec.count_range)
    params["spare_last"], params["inside"] = spec.spare_last, PLACEMENTS[spec.center]
    _PLACES[spec.center](params, spec)
    _SIZES[size_fields(spec)](params, spec)
    params["keep"], params["halving"] = spec.keep, spec.halve_sizes
    _set_depth(params, spec)
    params["limited"], params["per_object"] = spec.max_hidden is not None, spec.per_object
    params["n_levels"] = _span(spec.fill_range)[1] if fill.drawn else 1
    if fill.per != "rectangle":
        params[f"per_{fill.per}"] = 1
    plan.flags.writeable = False
    return plan


def _normal_places(params: Any, spec: Spec) -> None:
    params["normal"] = 1
    for axis, mean, std in zip("yx", spec.center_mean, spec.center_std, strict=True):
        params[f"{axis}_mean"] = _fraction(mean)
        params[f"{axis}_std"], params[f"{axis}_shift"] = _scaled_std(std)


def _scaled_std(std: float) -> tuple[int, int]:
    """Return a std as a word, and how far what it gives is to be shifted to the left."""
    for shift in range(32):
        scaled = std * 2.0 ** (34 - shift)  # Infinite if it is too large.
        if scaled < WORDS and round(scaled) < WORDS:
            return round(scaled), shift
    return WORD_MASK, 31


# One row for each placement.
_PLACES: dict[str, Callable[[Any, Spec], None]] = {
    "normal": _normal_places,
    "uniform": lambda *_: None,
    "inside": lambda *_: None,
    "guide": lambda params, _: params.__setitem__("guided", 1),
}


def _half_sizes(params: Any, spec: Any) -> None:
    params["size_unit"] = 2
    params["height_low"], params["n_heights"] = _span(spec.half_height_range)
    params["width_low"], params["n_widths"] = _span(spec.half_width_range)


def _sides(params: Any, spec: Any) -> None:
    params["size_unit"] = params["square"] = params["n_widths"] = 1
    params["height_low"], params["n_heights"] = _span(spec.side_range)


def _fractions(params: Any, spec: Any) -> None:
    params["in_fractions"] = 1
    for name in ("height", "width"):
        ends = map(_fraction, getattr(spec, f"{name}_fraction_range"))
        params[f"{name}_low"], params[f"n_{name}s"] = _span(tuple(ends))


def _areas(params: Any, spec: Any) -> None:
    params["from_area"] = 1
    (smallest, largest), scale = spec.area_range, 0
    while scale < MAX_AREA_SCALE and math.ldexp(largest, scale + 1) <= 1:
        scale += 1
    params["area_low"], params["n_areas"] = _span(
        (round(math.ldexp(smallest, AREA_BITS + scale)), round(math.ldexp(largest, AREA_BITS + scale)))
    )
    params["area_base"] = (POWER_BIAS << LOG_BITS) - ((AREA_BITS + scale) << (LOG_BITS - 1))
    params["aspect_low"], params["n_aspects"] = _span(tuple(map(_half_log, spec.aspect_range)))
    params["smallest_area"] = smallest
    params["smallest_aspect"], params["largest_aspect"] = spec.aspect_range


def _shares(params: Any, spec: Any) -> None:
    params["from_beta"] = 1
    if spec.area_beta < 1:
        numerator, denominator = spec.area_beta.as_integer_ratio()
        scales = ((_divide(denominator << (32 - shift), numerator), shift) for shift in range(32))
        params["beta_scale"], params["beta_shift"] = next((scale, shift) for scale, shift in scales if scale < WORDS)


def _grid_shape(params: Any, spec: Any) -> None:
    params["grid_rows"], params["grid_columns"] = spec.grid_shape
    _cells(params, spec)


def _cell_sides(params: Any, spec: Any) -> None:
    params["n_cell_sides"] = len(spec.cell_sides)
    params["least_side"] = min((side for side in spec.cell_sides if side), default=0)
    for i, side in enumerate(spec.cell_sides):
        params[f"cell_side_{i}"] = side
    _cells(params, spec)


def _cells(params: Any, spec: Any) -> None:
    params["grid"] = 1
    if spec.cell_p is not None:
        params["independent"], params["cell_threshold"] = 1, round(spec.cell_p * WORDS)


def _periods(params: Any, spec: Any) -> None:
    params["lattice"], params["lines"] = 1, spec.lattice_hides == "lines"
    params["period_low"], params["n_periods"] = _span(spec.period_range)
    params["least_side"] = spec.period_range[0]
    params["hidden_share"] = _fraction(1 - spec.kept_share)


# One row for each way to say a size: what sets the fields of the params on sizes.
_SIZES: dict[tuple[str, ...], Callable[[Any, Spec], None]] = {
    ("half_height_range", "half_width_range"): _half_sizes,
    ("height_fraction_range", "width_fraction_range"): _fractions,
    ("side_range",): _sides,
    ("area_range", "aspect_range"): _areas,
    ("area_beta",): _shares,
    ("grid_shape",): _grid_shape,
    ("cell_sides",): _cell_sides,
    ("period_range", "kept_share"): _periods,
}


def _set_depth(params: Any, spec: Spec) -> None:
    if spec.depth_range is not None:
        params["has_depth"], (params["depth_low"], params["n_depths"]) = 1, _span(spec.depth_range)
    if spec.depth_fraction_range is not None:
        params["has_depth"] = params["depth_in_fractions"] = 1
        first, last = map(_fraction, spec.depth_fraction_range)
        params["depth_low"], params["n_depths"] = _span((first, last))


def find_cells(spec: Any, height: int, width: int) -> tuple[int, int] | None:
    """Return the largest number of rows and columns of cells, or of bands of a lattice, on an image of a size.

    None if the spec has neither.
    """
    if spec.grid_shape is not None:
        return spec.grid_shape  # type: ignore[no-any-return]
    if spec.cell_sides is not None:
        side = min((side for side in spec.cell_sides if side), default=0)
        return (-(-height // side), -(-width // side)) if side else (0, 0)
    if spec.period_range is not None:
        period = spec.period_range[0]
        return (height + period - 2) // period + 1, (width + period - 2) // period + 1
    return None


def find_most_rectangles(spec: Any, height: int, width: int) -> int:
    """Return how many rectangles an image of a size has at most, those that cover nothing among them."""
    cells = find_cells(spec, height, width)
    if cells is None:
        return int(spec.count_range[1])
    return sum(cells) if spec.lattice_hides == "lines" else cells[0] * cells[1]


def _divide(number: int, by: int) -> int:
    """Return a quotient, rounded to the nearest whole number, halves to even."""
    quotient, rest = divmod(number, by)
    return quotient + (2 * rest > by or (2 * rest == by and quotient & 1))


def _fraction(number: float) -> int:
    """Return a number in [0, 1] in units of 2**-31, rounded up: three tenths of 10 pixels are then 3, not 2."""
    return math.ceil(math.ldexp(number, FRACTION_BITS))


@functools.lru_cache(maxsize=64)
def _half_log(aspect: float) -> int:
    """Return half the binary logarithm of an aspect, rounded from the exact value, the same on every machine."""
    with fork_lock:
        import decimal  # Late, as few specs have aspects.

    with decimal.localcontext() as context:
        context.prec = 40
        exact = decimal.Decimal(aspect).ln() / decimal.Decimal(2).ln()
        exact = min(max(exact, decimal.Decimal(-MAX_LOG_ASPECT)), decimal.Decimal(MAX_LOG_ASPECT))
        return round(exact * (1 << (LOG_BITS - 1)))


def _span(limits: tuple[int, ...]) -> tuple[int, int]:
    """Return the lowest number of a range, and how many there are."""
    low, high = limits
    return low, high - low + 1


def find_max_size(spec: Any, height: int, width: int) -> tuple[int, int]:
    """Return a height and a width that no rectangle on an image of `height` by `width` pixels exceeds."""
    cells = find_cells(spec, height, width)
    if spec.keep or spec.area_beta is not None or spec.period_range is not None or cells == (0, 0):
        size = height, width
    elif spec.cell_sides is not None:
        size = max(spec.cell_sides), max(spec.cell_sides)
    elif cells is not None:
        size = -(-height // cells[0]), -(-width // cells[1])
    elif spec.side_range is not None:
        size = spec.side_range[1], spec.side_range[1]
    elif spec.height_fraction_range is not None:
        # One more than the real number, which is rounded.
        ends = spec.height_fraction_range[1], spec.width_fraction_range[1]
        size = math.ceil(ends[0] * height) + 1, math.ceil(ends[1] * width) + 1
    elif spec.area_range is not None:
        area, (low, high) = spec.area_range[1] * height * width, spec.aspect_range
        size = math.ceil(math.sqrt(area * high)) + 1, math.ceil(math.sqrt(area / low)) + 1
    else:
        size = 2 * spec.half_height_range[1], 2 * spec.half_width_range[1]
    return min(size[0], height), min(size[1], width)
