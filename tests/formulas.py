"""The contract's formulas on whole arrays of words, to count which words give which outcome."""

import numpy as np

from dustaug._engine import tables

WORD = 2**32
_CURVES = tables.curves()[:, :3].astype(np.uint64)


def high(a, b):
    """Return the upper words of the products of two words."""
    return (np.asarray(a).astype(np.uint64) * np.asarray(b).astype(np.uint64) >> np.uint64(32)).astype(np.int64)


def _read(row, x):
    f, s, c = np.moveaxis(_CURVES[row].astype(np.int64), -1, 0)
    return f, s, high(x, c)


def _split(number, row_bits):
    """Return o, the row and x of numbers 2**o * m."""
    octave = np.frexp(number.astype(float))[1].astype(np.int64) - 1
    place = number - (1 << octave) << row_bits
    return octave, place >> octave, (place & (1 << octave) - 1) << 32 - octave


def quantile(t):
    """Return the quantile of each t, in units of 2**-29."""
    octave, row, x = _split(t, 5)
    f, s, bend = _read(tables.QUANTILE_ROW + 32 * octave + row, x)
    return f - high(x, s - bend)


def log(number):
    """Return half the binary logarithm, in units of 2**-24."""
    octave, row, x = _split(number, 6)
    f, s, bend = _read(tables.LOG_ROW + row, x)
    return (octave << 23) + (f + high(x, s - bend) >> 9)


def power(v):
    """Return 2 to the power of v / 2**24 - 128, in units of 2**-31."""
    x = v << 14 & WORD - 1
    f, s, bend = _read(tables.POWER_ROW + (v >> 18 & 63), x)
    return f + high(x, s + bend) >> (128 - (v >> 24)).clip(0, 31)


def pixels(fraction, side):
    """Return fractions of a side, in units of 2**-31, in whole pixels."""
    return high(fraction, 4 * side) + 1 >> 1


def first_where(holds, low, high):
    """Return the first whole number from `low` on of which `holds` is true, or `high`, for each element of arrays.

    ``holds(numbers)`` must stay true once it is.
    """
    low, high = np.broadcast_arrays(low, high)
    low, high = low.astype(np.int64), high.astype(np.int64)
    while (low < high).any():
        middle = low + high >> 1
        found = (low < high) & holds(middle)
        high = np.where(found, middle, high)
        low = np.where(found | (low >= high), low, middle + 1)
    return low
