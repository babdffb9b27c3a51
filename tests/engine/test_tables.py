"""The tables give every outcome its probability."""

import decimal
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from dustaug._engine import tables


def words_of(table):
    """Count which of the 2**32 words give each outcome of an alias table."""
    rows = table.reshape(-1, 4).astype(np.int64)
    share = 2**32 // len(rows)
    start = np.arange(len(rows)) * share
    below = (rows[:, 0] - start).clip(0, share)
    counts = {}
    for (_, first, second, _), n in zip(rows.tolist(), below.tolist(), strict=True):
        counts[first] = counts.get(first, 0) + n
        counts[second] = counts.get(second, 0) + share - n
    return {outcome: n for outcome, n in counts.items() if n}


@given(st.lists(st.integers(0, 2**20), min_size=1, max_size=300).filter(any), st.integers(0, 2**32 - 1))
def test_alias_tables_are_exact(weights, seed):
    """Every outcome of an alias table gets exactly its number of words."""
    edges = np.array([sum(weights[:i]) * 2**32 // sum(weights) for i in range(len(weights) + 1)])
    masses = np.diff(edges)
    outcomes = np.random.default_rng(seed).permutation(10 * len(weights))[: len(weights)]

    expected = {int(o): int(m) for o, m in zip(outcomes, masses, strict=True) if m}

    assert expected == words_of(tables.alias_table(masses, outcomes))


@pytest.mark.parametrize("side", [1, 2, 3, 28, 224, 225, 1000])
@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.25), (0.1, 0.05), (1.0, 2.0)])
def test_normal_centres_are_exact(side, mean, std):
    """Each centre floor(clip(N, 0, 1) * side) has its true probability to within 2**-32."""
    inner = stats.norm.cdf(np.arange(1, side + 1) / side, mean, std)
    expected = np.diff(np.concatenate([[0], inner, [1]]))
    words = words_of(tables.normal_table(side, mean, std))
    drawn = np.array([words.get(y, 0) for y in range(side + 1)]) / 2**32

    assert np.abs(drawn - expected).max() <= 2**-32 + 1e-15


def test_a_normal_without_spread_is_a_point():
    """A std of 0 puts every centre at floor(mean * side)."""
    assert words_of(tables.normal_table(10, 0.55, 0.0)) == {5: 2**32}
    assert words_of(tables.normal_table(10, 1.0, 0.0)) == {10: 2**32}


@pytest.mark.parametrize("side", [1, 2, 7, 224, 65_535])
def test_uniform_centres_are_exact(side):
    """Each pixel has its share of the words to within one."""
    words = words_of(tables.uniform_table(side))

    assert set(range(side)) == set(words)
    assert max(words.values()) - min(words.values()) <= 1


def test_the_decimal_error_function_is_right():
    """The arithmetic that settles close calls agrees with SciPy to the last bits of a float."""
    with decimal.localcontext() as context:
        context.prec = 50
        for z in np.linspace(-5, 5, 41):
            assert float(tables._erf(decimal.Decimal(float(z)))) == pytest.approx(special.erf(z), rel=1e-14, abs=1e-16)


def test_close_calls_do_not_hang_on_the_library(monkeypatch):
    """A table stays the same if erfc is wrong in its last bits."""
    expected = [tables.normal_table(side, 0.5, 0.25).tolist() for side in (64, 224, 777)]
    for error in (1 - 4e-16, 1 + 4e-16):
        tables.normal_table.cache_clear()
        monkeypatch.setattr(tables.math, "erfc", lambda z, error=error: math_erfc(z) * error)

        assert expected == [tables.normal_table(side, 0.5, 0.25).tolist() for side in (64, 224, 777)]
    tables.normal_table.cache_clear()


math_erfc = math.erfc


def test_every_close_call_can_be_settled(monkeypatch):
    """Decimal arithmetic gives the same table as floats where floats are safe."""
    expected = tables.normal_table(97, 0.5, 0.25).tolist()
    tables.normal_table.cache_clear()
    # With edges half a word off, every edge looks like a close call.
    monkeypatch.setattr(tables.math, "floor", lambda value: value - 0.5)

    assert expected == tables.normal_table(97, 0.5, 0.25).tolist()
    tables.normal_table.cache_clear()


def area_by_integration(area_range, aspect_range, height, width, n=40_000):
    """Compute the distribution of the rounded (height, width).

    It is integrated over lines of constant aspect, each of them exactly along its area.
    """
    low, high = np.log(aspect_range)
    areas = np.array(area_range) * height * width
    mass = np.zeros((height + 2, width + 2))
    for log_aspect in low + (high - low) * (np.arange(n) + 0.5) / n:
        aspect = math.exp(log_aspect)
        h, w = np.arange(height + 1) + 0.5, np.arange(width + 1) + 0.5
        edges = np.sort(np.concatenate([h**2 / aspect, w**2 * aspect, areas]))
        edges = edges[(edges >= areas[0]) & (edges <= areas[1])]
        middle = (edges[1:] + edges[:-1]) / 2
        rows = np.rint(np.sqrt(middle * aspect)).astype(int)
        columns = np.rint(np.sqrt(middle / aspect)).astype(int)
        fits = (rows < height) & (columns < width)
        np.add.at(mass, (rows[fits], columns[fits]), np.diff(edges)[fits])
    return mass / mass.sum()


@pytest.mark.parametrize(
    ("area_range", "aspect_range", "height", "width"),
    [
        ((0.02, 0.4), (0.3, 1 / 0.3), 64, 64),
        ((0.02, 0.33), (0.3, 3.3), 60, 90),
        ((0.5, 1.0), (0.5, 2.0), 32, 32),
        ((0.001, 0.01), (1.0, 4.0), 50, 40),
    ],
)
def test_areas_are_exact(area_range, aspect_range, height, width):
    """The total variation from the true distribution of (height, width) is below 1e-4."""
    expected = area_by_integration(area_range, aspect_range, height, width)
    drawn = np.zeros_like(expected)
    for size, words in words_of(tables.area_table(area_range, aspect_range, height, width)).items():
        drawn[divmod(size, 2**16)] = words / 2**32

    assert np.abs(drawn - expected).sum() / 2 < 1e-4


@pytest.mark.parametrize(
    ("area_range", "aspect_range"), [((0.1, 0.1), (0.5, 2.0)), ((0.05, 0.2), (1.5, 1.5)), ((0.25, 0.25), (1.0, 1.0))]
)
def test_ranges_of_one_point_are_exact(area_range, aspect_range):
    """An area or aspect whose range is one point is drawn as that point."""
    rng = np.random.default_rng(0)
    areas = rng.uniform(*area_range, 400_000) * 64 * 64
    aspects = np.exp(rng.uniform(*np.log(aspect_range), 400_000))
    sizes = np.rint(np.sqrt(areas * aspects)).astype(int) << 16 | np.rint(np.sqrt(areas / aspects)).astype(int)
    words = words_of(tables.area_table(area_range, aspect_range, 64, 64))
    expected = {int(size): n / len(sizes) for size, n in zip(*np.unique(sizes, return_counts=True), strict=True)}

    assert set(expected) <= set(words)
    assert sum(abs(words[size] / 2**32 - expected.get(size, 0)) for size in words) / 2 < 0.01


def test_areas_that_cannot_fit_are_refused():
    """If no rectangle fits, the error says so (peers do nothing, or fail with a TypeError)."""
    with pytest.raises(
        ValueError, match="must allow a rectangle smaller than the image, got area_range=\\(0.9, 1.0\\)"
    ):
        tables.area_table((0.9, 1.0), (3.0, 4.0), 20, 20)


def test_areas_do_not_hang_on_numpys_logarithm():
    """The logarithms are correctly rounded, whatever NumPy's are."""
    values = np.linspace(0.001, 500, 1000)
    with decimal.localcontext() as context:
        context.prec = 60
        expected = [float(decimal.Decimal(value).ln()) for value in values.tolist()]

    assert expected == tables._log(values).tolist()
