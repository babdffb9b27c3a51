"""The table of the curves is the exact one, and what is read from it fits into words and grows as it should."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import special

import formulas
import reference
from dustaug._engine import tables

ENDS = {"quantile": (tables.QUANTILE_ROW, 992), "log": (tables.LOG_ROW, 64), "power": (tables.POWER_ROW, 64)}
# The last place within a row that a word of 31 bits can have, or the lower 18 bits of a word.
LAST_X = {"quantile": 2**32 - 2**7, "log": 2**32 - 2**8, "power": 2**32 - 2**14}


def rows_of(curve):
    """Return the columns f, s and c of a curve as whole numbers that do not overflow."""
    start, n = ENDS[curve]
    return tables.curves()[start : start + n, :3].T.astype(object)


def read(curve, f, s, c, x):
    """Return what the contract reads from rows at x, before it is shifted."""
    bend = x * c >> 32
    if curve == "quantile":
        return f - (x * (s - bend) >> 32)
    return f + (x * (s - bend if curve == "log" else s + bend) >> 32)


@pytest.mark.parametrize("curve", ENDS)
def test_every_row_is_exact(curve):
    """Doubles gave the three words of each row that decimal numbers of 70 digits give."""
    expected = [list(reference.row_of(curve, row)) for row in range(ENDS[curve][1])]

    assert expected == rows_of(curve).T.tolist()


def test_the_bytes_are_pinned():
    """All rows, in order, have a known hash: other bytes are other pixels."""
    assert tables.curves().dtype == np.uint32
    assert tables.curves().shape == (1120, 4)
    assert hashlib.sha256(tables.curves().astype("<u4").tobytes()).hexdigest() == (
        "ef2f68788ffaffef1c2028dcbea4a07cf961c809ab7e621232203d850702482c"
    )


def test_the_table_is_made_once_and_cannot_be_written():
    """All kernels read the same constants."""
    assert tables.curves() is tables.curves()
    with pytest.raises(ValueError, match="read-only"):
        tables.curves()[0] = 0


def test_first_calls_at_once_get_one_table(monkeypatch):
    """Threads that ask at once for a table that is not there yet get the same one: kernels keep its address."""
    monkeypatch.setattr(tables, "_made", {})
    gate = threading.Barrier(8)

    def ask(_):
        gate.wait()
        return tables.curves()

    with ThreadPoolExecutor(8) as pool:
        first, *others = pool.map(ask, range(8))

    assert all(other is first for other in others)


@pytest.mark.parametrize("curve", ENDS)
def test_nothing_leaves_32_bits(curve):
    """No difference falls below 0 and no sum reaches 2**32, at the end of a row, where it is nearest to that.

    The bend ``high(x * c)`` grows with x, and what is read is monotone. The last x of a logarithm is that of 2**31 - 1:
    from an x of 2**32 - 1, which no number has, 2**32 + 1 would be read.
    """
    f, s, c = rows_of(curve)
    bend = LAST_X[curve] * c >> 32
    last = read(curve, f, s, c, LAST_X[curve])

    if curve == "power":
        assert (s + bend).max() < 2**32
    else:
        assert (s - 2 * c).min() >= 0, "the slope at the end of a row has another sign"
    assert last.min() >= 0
    assert last.max() < 2**32


@pytest.mark.parametrize("curve", ["log", "power"])
def test_logarithms_and_powers_grow(curve):
    """Neither curve ever falls from one word to the next: not within a row, and not from one row to the next.

    Within a row each step of x adds 2 or more to what is read. Rounding down takes less than 1 for ``high(x * c)`` and
    less than 1 for the outer product.
    """
    f, s, c = rows_of(curve)
    least_step = 2**32 - LAST_X[curve]
    least_slope = (s - 2 * c).min() if curve == "log" else s.min()

    assert least_step * least_slope >= 2 * 2**32
    assert (read(curve, f, s, c, LAST_X[curve])[:-1] <= f[1:]).all()


def test_quantiles_fall_but_for_a_unit():
    """A quantile is at most one unit of 2**-29 above that of a word before it: rounding can raise it by no more.

    No row ends more than a unit below the beginning of the next one. Octaves of less than 32 words leave rows out.
    """
    f, s, c = rows_of("quantile")
    octaves = (np.arange(992) // 32).astype(object)
    last = np.array([max(2**32 - 2 ** (37 - octave), 0) for octave in octaves], object)

    assert (s - 2 * c).min() >= 0
    assert (read("quantile", f, s, c, last)[160:-1] >= f[161:] - 1).all()
    assert np.diff(formulas.quantile(np.arange(1, 2**20))).max() < 0


def test_the_curves_are_near_the_exact_ones():
    """Quantiles are within 2**-22 of z, logarithms within 2 units, and powers within 2**-25 of themselves."""
    rng = np.random.default_rng(0)
    words = np.concatenate([np.arange(1, 10_000), np.exp2(rng.uniform(0, 31, 300_000)).astype(np.int64)])
    z = -special.ndtri((words + 0.5) / 2**32)
    v = rng.integers(98 << 24, 128 << 24, 300_000)

    assert np.abs(formulas.quantile(words) / 2**29 - z).max() < 2**-22
    assert np.abs(formulas.log(words) - 2**23 * np.log2(words)).max() < 2
    assert np.abs(formulas.power(v) - np.exp2(v / 2**24 - 97)).max() < 48


def test_the_formulas_on_arrays_are_those_of_the_twin():
    """Arrays of words and single words give the same, at both ends of every curve too."""
    rng = np.random.default_rng(1)
    words = [1, 2, 3, 2**31 - 1, 2**30, *rng.integers(1, 2**31, 500).tolist(), *(2 ** rng.integers(0, 31, 50)).tolist()]
    v = [*rng.integers(90 << 24, 130 << 24, 500).tolist(), (128 << 24) - 1, 128 << 24, 2**32 - 1, 0]

    assert formulas.quantile(np.array(words)).tolist() == [reference.quantile(word) for word in words]
    assert formulas.log(np.array(words)).tolist() == [reference.log(word) for word in words]
    assert formulas.power(np.array(v)).tolist() == [reference.power(each) for each in v]
    assert formulas.pixels(np.array(v), 65_535).tolist() == [reference.pixels(each, 65_535) for each in v]
