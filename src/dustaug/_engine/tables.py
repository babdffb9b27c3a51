"""The curves of the contract as a table of constants: one for all specs and all image sizes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .contract import FRACTION_BITS, LOG_ROW_BITS, POWER_ROW_BITS, QUANTILE_BITS, QUANTILE_OCTAVES, QUANTILE_ROW_BITS
from .forks import fork_lock

# Where each curve begins, in rows of four words: f, s, c, and one that fills up 16 bytes.
QUANTILE_ROW = 0
LOG_ROW = QUANTILE_ROW + (QUANTILE_OCTAVES << QUANTILE_ROW_BITS)
POWER_ROW = LOG_ROW + (1 << LOG_ROW_BITS)
N_ROWS = POWER_ROW + (1 << POWER_ROW_BITS)


_made: dict[str, NDArray[np.uint32]] = {}


def curves() -> NDArray[np.uint32]:
    """Return the rows of all curves, (rows, 4), read-only: 18 KB, and at the same address as long as the process lives.

    The kernels keep that address. So the first calls on several threads must all get one table, which a cache of
    `functools` does not promise: there each caller gets its own, and all but the last are freed.
    """
    table = _made.get("curves")
    return _made.setdefault("curves", _make_curves()) if table is None else table


def _make_curves() -> NDArray[np.uint32]:
    """Compute the table.

    The rows are computed in doubles, a millionth of a unit from the exact numbers, and none of these is that near to
    where rounding turns. So they are the same on every machine, which a test holds against exact arithmetic.
    """
    with fork_lock:
        from statistics import NormalDist  # Late: it takes as long to import as a tenth of NumPy.

    inverse, table = NormalDist().inv_cdf, np.zeros((N_ROWS, 4), np.uint32)

    def quantile(place: float) -> float:
        return -(2.0**QUANTILE_BITS) * inverse((place + 0.5) / 2.0**32)

    for octave in range(QUANTILE_OCTAVES):
        start = QUANTILE_ROW + (octave << QUANTILE_ROW_BITS)
        f, m, last = _samples(quantile, 2.0**octave, 2.0 ** (octave + 1), 1 << QUANTILE_ROW_BITS)
        c = 2 * (f - 2 * m + last)
        _put(table, start, f, f - last + c, c)
    f, m, last = _samples(lambda place: 2.0**32 * math.log2(place), 1, 2, 1 << LOG_ROW_BITS)
    c = 2 * (2 * m - f - last)
    _put(table, LOG_ROW, f, last - f + c, c)
    f, m, last = _samples(lambda place: 2.0 ** (FRACTION_BITS + place), 0, 1, 1 << POWER_ROW_BITS)
    c = 2 * (f - 2 * m + last)
    _put(table, POWER_ROW, f, last - f - c, c)
    table.flags.writeable = False
    return table


def _samples(curve: Callable[[float], float], low: float, high: float, rows: int) -> list[NDArray[np.float64]]:
    """Return values of a curve at the beginning, the middle and the end of each row from `low` to `high`."""
    values = np.array([curve(low + (high - low) * place / (2 * rows)) for place in range(2 * rows + 1)])
    return [values[:-1:2], values[1::2], values[2::2]]


def _put(table: NDArray[np.uint32], start: int, *columns: NDArray[np.float64]) -> None:
    for place, column in enumerate(columns):
        table[start : start + len(column), place] = np.rint(column)
