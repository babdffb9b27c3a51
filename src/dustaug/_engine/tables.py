"""Alias tables of the distributions that a spec can name, as integers, the same on every machine.

The contract says how a table is built and read. Here it is a flat uint32 array of four words a bucket: threshold, first
outcome, second outcome, unused. Where an entry could depend on the last bit of a mathematical library, it is computed
in decimal arithmetic instead. Every outcome gets its probability to within 2**-32.
"""

from __future__ import annotations

import decimal
import functools
import math

import numpy as np
from numpy.typing import NDArray

from .contract import WORDS


def alias_table(masses: NDArray[np.int64], outcomes: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return the alias table of `outcomes`, of which outcome i is to be drawn for ``masses[i]`` of the 2**32 words.

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

    # All donations at once: `received` is what the small buckets before each one were given, `donated` is what the
    # large buckets up to each one can give.
    small, large = np.flatnonzero(mass < share), np.flatnonzero(mass >= share)
    received = np.concatenate([[0], np.cumsum(share - mass[small])])
    donated = np.cumsum(mass[large] - share)
    threshold, second = mass.copy(), np.arange(buckets)
    # A small bucket is filled up by the first large one that has something left in its turn.
    second[small] = large[np.searchsorted(donated, received[:-1], side="right")]
    # The last donation of a large bucket may leave it below its share: the next large one fills up the deficit.
    deficit = received[np.searchsorted(received, donated)] - donated
    threshold[large] = share - deficit
    second[large] = np.where(deficit > 0, np.append(large[1:], large[-1:]), large)

    table = np.zeros((buckets, 4), np.uint32)
    table[:, 0] = np.minimum(np.arange(buckets) * share + threshold, WORDS - 1)
    table[:, 1] = value
    table[:, 2] = value[second]
    # 2**32 itself does not fit: the last bucket, if whole, has its own outcome on both sides.
    return table.ravel()


@functools.lru_cache(maxsize=256)
def normal_table(side: int, mean: float, std: float) -> NDArray[np.uint32]:
    """Alias table of ``floor(clip(N(mean, std), 0, 1) * side)``, over 0…side."""
    edges = [0, *(_normal_words(edge, side, mean, std) for edge in range(1, side + 1)), WORDS]
    return alias_table(np.diff(np.array(edges)), np.arange(side + 1))


@functools.lru_cache(maxsize=256)
def uniform_table(side: int) -> NDArray[np.uint32]:
    """Alias table of a uniform draw over 0…side - 1."""
    return alias_table(np.diff((np.arange(side + 1) << 32) // side), np.arange(side))


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


def side_table(low: int, high: int) -> NDArray[np.uint32]:
    """Alias table of height << 16 | width for squares."""
    sides = np.arange(low, high + 1)
    return alias_table(np.diff((np.arange(len(sides) + 1) << 32) // len(sides)), sides << 16 | sides)


# Sixteen bytes for each possible (height, width): 0.5 MB at 224 by 224 pixels, 8 MB at 1024 by 1024. Plans keep them.
def area_table(
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
    words = np.diff(np.append(0, np.rint(cumulative / cumulative[-1] * WORDS).astype(np.int64)))
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

    The contract has the formula. At aspect r these rectangles have an area below min(width**2 * r, height**2 / r). So
    the integrand is that minimum, clipped to the range of areas, less the smallest area. Over log r it is zero, rises
    with width**2 * r, stays at the largest area, falls with height**2 / r, and is zero again.
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
