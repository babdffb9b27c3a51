"""Integer tables from a spec: everything that the kernel needs to know, computed once and cached.

The kernel knows nothing of normal distributions or areas. It draws 32-bit words and turns each into an outcome:

- *uniform over n outcomes*: the high half of ``word * n``;
- *any other distribution*: an alias table (Walker 1977; Vose 1991) of 2**k buckets. The top k bits of the word name
  the bucket; below the bucket's threshold the outcome is its first, else its second.

Both give every outcome its probability to within 2**-32. The tables are integers, and are the same on every machine:
where a result could hang on the last bit of a mathematical library, it is computed in decimal arithmetic instead.
"""

from __future__ import annotations

import decimal
import functools
import math
from fractions import Fraction
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from .spec import MAX_SIDE, Spec

__all__ = ["PLAN_DTYPE", "Plan", "brightness_levels", "default_value_range", "encode", "make_plan", "replicate"]

WORDS = 1 << 32

# One record, read by name in the kernel. The second half says how the images lie in memory and is filled in by core.
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


@functools.lru_cache(maxsize=64)
def make_plan(spec: Spec, height: int, width: int) -> Plan:
    """Return the plan of `spec` for images of `height` by `width` pixels.

    Raises
    ------
    ValueError
        If a side is longer than 65 535 pixels, or no rectangle of the spec's areas and aspects fits the image.
    """
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise ValueError(f"images must have sides from 1 to {MAX_SIDE} pixels, got {height} by {width}")
    record = np.zeros(1, PLAN_DTYPE)
    plan = record[0]
    plan["dusted_below"] = round(spec.p * WORDS)
    low, high = spec.count_range
    plan["count_low"], plan["count_n"] = low, high - low + 1
    plan["rows"], plan["columns"] = height - spec.spare_last, width - spec.spare_last
    plan["inside"] = spec.center == "inside"

    tables: list[NDArray[np.uint32]] = []
    if spec.center != "inside":
        axes = [_center_table(spec, axis, side) for axis, side in enumerate((height, width))]
        tables.append(axes[0])
        if axes[1] is not axes[0]:  # One table for both axes of a square stays in the first-level cache.
            tables.append(axes[1])
        plan["y_shift"], plan["x_shift"] = map(_shift, axes)
        plan["x_table"] = sum(map(len, tables)) - len(axes[1])

    if spec.side_range is not None:
        sizes = _side_table(*spec.side_range)
    elif spec.area_range is not None and spec.aspect_range is not None:
        sizes = _area_table(spec.area_range, spec.aspect_range, height, width)
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
    return Plan(record, np.concatenate(tables) if tables else np.zeros(4, np.uint32))


def _shift(table: NDArray[np.uint32]) -> int:
    return 32 - (len(table) // 4 - 1).bit_length()


# --------------------------------------------------------------------------------------------- tables


def alias_table(masses: NDArray[np.int64], outcomes: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return the alias table of `outcomes`, of which outcome i is to be drawn for ``masses[i]`` of the 2**32 words.

    Buckets below their fair share ("light") are filled up from those above it ("heavy"), both in order; a heavy bucket
    that gave too much is filled up from the next heavy one.

    Parameters
    ----------
    masses : int64, (n,)
        Whole numbers, 0 or more, with the sum 2**32.
    outcomes : int64, (n,)
        Whole numbers from 0 to 2**32 - 1.
    """
    bits = max(1, (len(masses) - 1).bit_length())
    buckets, share = 1 << bits, 1 << (32 - bits)
    mass = np.zeros(buckets, np.int64)
    mass[: len(masses)] = masses
    value = np.zeros(buckets, np.int64)
    value[: len(outcomes)] = outcomes

    light, heavy = np.flatnonzero(mass < share), np.flatnonzero(mass >= share)
    needed = np.concatenate([[0], np.cumsum(share - mass[light])])
    given = np.cumsum(mass[heavy] - share)
    threshold, second = mass.copy(), np.arange(buckets)
    # A light bucket is filled by the first heavy one that has something left when its turn comes.
    second[light] = heavy[np.searchsorted(given, needed[:-1], side="right")]
    # A heavy bucket's last gift may exceed what it had: the next heavy one makes up for it.
    debt = needed[np.searchsorted(needed, given)] - given
    threshold[heavy] = share - debt
    second[heavy] = np.where(debt > 0, np.append(heavy[1:], heavy[-1:]), heavy)

    table = np.zeros((buckets, 4), np.uint32)
    table[:, 0] = np.minimum(np.arange(buckets) * share + threshold, WORDS - 1)
    table[:, 1] = value
    table[:, 2] = value[second]
    # 2**32 itself does not fit: the last bucket, if whole, has its own outcome on both sides.
    return table.ravel()


def _masses(cumulative: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.diff(cumulative)


@functools.lru_cache(maxsize=256)
def _normal_table(side: int, mean: float, std: float) -> NDArray[np.uint32]:
    """Alias table of ``floor(clip(N(mean, std), 0, 1) * side)``, over 0…side."""
    edges = [0, *(_normal_words(edge, side, mean, std) for edge in range(1, side + 1)), WORDS]
    return alias_table(_masses(np.array(edges)), np.arange(side + 1))


@functools.lru_cache(maxsize=256)
def _uniform_table(side: int) -> NDArray[np.uint32]:
    """Alias table of a uniform draw over 0…side - 1."""
    return alias_table(_masses((np.arange(side + 1) << 32) // side), np.arange(side))


def _center_table(spec: Spec, axis: int, side: int) -> NDArray[np.uint32]:
    if spec.center == "uniform":
        return _uniform_table(side)
    return _normal_table(side, spec.center_mean[axis], spec.center_std[axis])


def _normal_words(edge: int, side: int, mean: float, std: float) -> int:
    """Number of the 2**32 words for which a normal draw, times `side`, is below `edge`."""
    if std == 0:
        return WORDS if mean * side < edge else 0
    z = (edge / side - mean) / (std * math.sqrt(2))
    words = math.ldexp(math.erfc(-z), 31)
    # Rounding is safe from the last bits of a library's erfc unless the result is very near a half.
    if abs(words - math.floor(words) - 0.5) > 1e-4:
        return round(words)
    with decimal.localcontext() as context:
        context.prec = 50
        exact = (decimal.Decimal(edge) / side - decimal.Decimal(mean)) / (
            decimal.Decimal(std) * decimal.Decimal(2).sqrt()
        )
        return round((1 + _erf(exact)) * (WORDS // 2))


def _erf(z: decimal.Decimal) -> decimal.Decimal:
    """Error function by its Taylor series, in the precision of the current decimal context."""
    term = total = z
    n = 0
    while abs(term) > decimal.Decimal("1e-30"):
        n += 1
        term *= -z * z / n
        total += term / (2 * n + 1)
    return 2 * total / _PI.sqrt()


_PI = decimal.Decimal("3.14159265358979323846264338327950288419716939937511")


# ---------------------------------------------------------------------------------------------- sizes


def _independent_ranges(spec: Spec, height: int, width: int) -> tuple[int, tuple[int, int], tuple[int, int]]:
    """Unit, heights and widths, in units, of the sizes whose height and width are uniform and independent."""
    if spec.height_fraction_range is not None and spec.width_fraction_range is not None:
        (low, high), (first, last) = spec.height_fraction_range, spec.width_fraction_range
        return 1, (round(low * height), round(high * height)), (round(first * width), round(last * width))
    return 2, cast("tuple[int, int]", spec.half_height_range), cast("tuple[int, int]", spec.half_width_range)


def _side_table(low: int, high: int) -> NDArray[np.uint32]:
    """Alias table of height << 16 | width for squares."""
    sides = np.arange(low, high + 1)
    return alias_table(_masses((np.arange(len(sides) + 1) << 32) // len(sides)), sides << 16 | sides)


# Sixteen bytes for each possible (height, width): 0.5 MB at 224 by 224 pixels, 8 MB at 1024 by 1024.
@functools.lru_cache(maxsize=16)
def _area_table(
    area_range: tuple[float, float], aspect_range: tuple[float, float], height: int, width: int
) -> NDArray[np.uint32]:
    """Alias table of the rounded (height, width) of a rectangle of uniform area and log-uniform aspect that fits."""
    areas = area_range[0] * height * width, area_range[1] * height * width
    if areas[0] == areas[1] and aspect_range[0] == aspect_range[1]:
        area, aspect = areas[0], aspect_range[0]
        tallest, widest = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        mass = np.full((1, 1), float(tallest < height and widest < width))
    else:
        tallest, widest, mass = _area_masses(_widen(*areas), _widen(*aspect_range), height, width)
    if not mass.any():
        raise ValueError(
            f"area_range and aspect_range must allow a rectangle smaller than the image, got area_range={area_range} "
            f"and aspect_range={aspect_range} for an image of {height} by {width} pixels: "
            "type a smaller area_range or an aspect_range nearer to 1"
        )
    cumulative = np.cumsum(mass)
    words = _masses(np.append(0, np.rint(cumulative / cumulative[-1] * WORDS).astype(np.int64)))
    possible = np.flatnonzero(words)
    row, column = np.divmod(possible, mass.shape[1])
    return alias_table(words[possible], (row + tallest) << 16 | (column + widest))


def _widen(low: float, high: float) -> tuple[float, float]:
    """Give a range of one point a width that rounding to whole pixels does not notice."""
    return (low, high) if high > low * (1 + 2e-6) else (low * (1 - 1e-6), high * (1 + 1e-6))


def _area_masses(
    areas: tuple[float, float], aspects: tuple[float, float], height: int, width: int
) -> tuple[int, int, NDArray[np.float64]]:
    """Least height, least width, and the mass of each (height, width) from there, below the image's sides.

    A rounded size h stands for the sizes between its edges h - 1/2 and h + 1/2.
    """
    (smallest, largest), (first, last) = areas, aspects
    lows = math.sqrt(smallest * first), math.sqrt(smallest / last)
    highs = math.sqrt(largest * last), math.sqrt(largest / first)
    edges = [
        np.arange(math.floor(low + 0.5), min(math.floor(high + 0.5), side - 1) + 2) - 0.5
        for low, high, side in zip(lows, highs, (height, width), strict=True)
    ]
    below = _area_below(np.maximum(edges[0], 1e-9)[:, None], np.maximum(edges[1], 1e-9)[None, :], areas, aspects)
    mass = np.diff(np.diff(below, axis=0), axis=1).clip(min=0)
    return math.floor(lows[0] + 0.5), math.floor(lows[1] + 0.5), mass


def _area_below(
    height: NDArray[np.float64],
    width: NDArray[np.float64],
    areas: tuple[float, float],
    aspects: tuple[float, float],
) -> NDArray[np.float64]:
    """Integral of d(area) d(log aspect) over the rectangles less high than `height` and less wide than `width`.

    At aspect r these have an area below min(width**2 * r, height**2 / r). So the integrand is that minimum, clipped to
    the range of areas, less the smallest area. Over log r it is zero, rises with width**2 * r, stays at the largest
    area, falls with height**2 / r, and is zero again. The integral of each stretch needs no more than the logarithms of
    the sides and limits.
    """
    log_height, log_width = _log(height), _log(width)
    log_areas, log_aspects = _log(np.array(areas)), _log(np.array(aspects))
    turn = (height / width).clip(*aspects), (log_height - log_width).clip(*log_aspects)
    # Each end of a stretch as the aspect and its logarithm.
    rise, top = (
        ((area / width**2).clip(aspects[0], turn[0]), (log_area - 2 * log_width).clip(log_aspects[0], turn[1]))
        for area, log_area in zip(areas, log_areas, strict=True)
    )
    end, fall = (
        ((height**2 / area).clip(turn[0], aspects[1]), (2 * log_height - log_area).clip(turn[1], log_aspects[1]))
        for area, log_area in zip(areas, log_areas, strict=True)
    )
    rising, falling = width**2 * (top[0] - rise[0]), height**2 * (1 / fall[0] - 1 / end[0])
    return np.asarray(rising + areas[1] * (fall[1] - top[1]) + falling - areas[0] * (end[1] - rise[1]))


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Natural logarithm, correctly rounded on every machine (NumPy's differs in the last bit between processors)."""
    with decimal.localcontext() as context:
        context.prec = 25
        logs = [float(decimal.Decimal(value).ln()) for value in values.ravel().tolist()]
    return np.array(logs).reshape(values.shape)


# ---------------------------------------------------------------------------------------------- fills


def brightness_levels(spec: Spec) -> NDArray[Any]:
    """Brightness of every fill that `spec` can draw: (fills, 1), or (1, channels) for a constant per channel."""
    if spec.fill == "constant":
        return np.array([spec.fill_value], np.float64).reshape(1, -1)
    low, high = spec.fill_range
    return np.arange(low, high + 1, dtype=np.uint8)[:, None]


def default_value_range(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Values of black and white: 0 and 1 for floats and bool, 0 and the dtype's largest value for integers."""
    if dtype.kind in "iu":
        return 0, int(np.iinfo(dtype).max)
    return 0.0, 1.0


def encode(
    brightness: NDArray[Any],
    dtype: np.dtype[Any],
    value_range: tuple[float, float],
    normalize_mean: tuple[float, ...] | None = None,
    normalize_std: tuple[float, ...] | None = None,
) -> NDArray[np.uint64]:
    """Turn brightness 0…255 into bit patterns of `dtype`, repeated to eight bytes.

    Parameters
    ----------
    brightness : array, (r, 1) or (r, c)
        One row a pattern, one column a channel, or one column if all channels are equal.

    Returns
    -------
    uint64, (r, 1) or (r, c)
        With a `normalize_mean` there is a column for each channel.
    """
    low, high = value_range
    if dtype.kind in "biu":
        values = _integers(brightness, int(low), int(high))
    else:
        values = low + brightness / 255 * (high - low)
        if normalize_mean is not None:
            values = (values - np.array(normalize_mean)) / np.array(normalize_std)
    return replicate(np.ascontiguousarray(values.astype(dtype)))


def _integers(brightness: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    """Return ``low + brightness / 255 * (high - low)``, rounded, halves up, in whole numbers of any size."""
    levels, level = np.unique(brightness, return_inverse=True)
    half = Fraction(1, 2)
    exact = [low + math.floor((high - low) * Fraction(value) / 255 + half) for value in levels.tolist()]
    return np.array(exact, dtype=object)[level.reshape(brightness.shape)]


def replicate(values: NDArray[Any]) -> NDArray[np.uint64]:
    """Bit patterns of `values`, each repeated until it fills eight bytes."""
    item = values.dtype.itemsize
    words = np.zeros((*values.shape, 8 // item), f"u{item}")
    words[...] = values.view(f"u{item}")[..., None]
    return words.view(np.uint64)[..., 0]
