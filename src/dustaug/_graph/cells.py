"""Grids and lattices: which of their rectangles each pixel lies in, found from its row and its column alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dustaug._engine import contract
from dustaug._engine.plan import find_cells
from dustaug.spec import MAX_COUNT, MAX_SIDE, Spec


class Dusted(NamedTuple):
    """What the header of images says.

    Attributes
    ----------
    count : int32, (n, 1)
        How many rectangles a dusted image has.
    is_dusted : bool, (n, 1)
    """

    count: Any  # NamedTuple has a method of this name.
    is_dusted: Any


def find_most(ops: Any, spec: Spec, size: Any) -> Any:
    """Return how many rectangles an image has at most, at least 1: a Python int, if the graph can know it."""
    cells = find_cells(spec, size.height, size.width)
    if cells is None:
        return max(1, spec.count_range[1])
    if all(isinstance(length, int) for length in cells):
        return max(1, sum(cells) if spec.lattice_hides == "lines" else cells[0] * cells[1])
    rows, columns = (ops.minimum(length, MAX_COUNT) for length in cells)
    most = rows + columns
    if spec.lattice_hides == "squares":
        # An image with more is left as it is.
        most = rows * ops.minimum(columns, MAX_COUNT // ops.maximum(rows, 1))
    return ops.maximum(ops.minimum(most, MAX_COUNT), 1)


def fits(ops: Any, spec: Spec, size: Any) -> Any:
    """Whether images whose size the graph learns when it runs have no more cells than there may be."""
    cells = find_cells(spec, size.height, size.width)
    if cells is None or all(isinstance(length, int) for length in cells):
        return ops.constant(np.ones((1, 1), bool))  # Or ``_engine.checks.check_size`` has refused them.
    rows, columns = cells
    if spec.lattice_hides == "lines":
        return rows + columns <= MAX_COUNT
    return columns <= MAX_COUNT // ops.maximum(rows, 1)


def _grid(draws: Any) -> Any:
    """Rank of the hidden cell over each pixel, (n, h, w), or -1."""
    ops, params, (_, height, width) = draws.ops, draws.params, draws.size
    count, exists = draws.header
    if params["n_cell_sides"]:
        sides = np.array([params[f"cell_side_{i}"] for i in range(params["n_cell_sides"])], np.int32)
        size_word = draws.words(np.ones(1, np.int64))[2]
        side = ops.gather(ops.constant(sides), draws.bounded(size_word, len(sides)))
        exists = exists & (side > 0)
        side = ops.maximum(side, min(filter(None, draws.program.spec.cell_sides), default=MAX_SIDE))
        rows, columns = (_positions(ops, length) // side for length in (height, width))
        n_rows, n_columns = ((length + side - 1) // side for length in (height, width))
    else:
        n_rows, n_columns = params["grid_rows"], params["grid_columns"]
        rows, columns = _bands(draws, height, n_rows), _bands(draws, width, n_columns)
    is_hidden = _hidden_cells(draws, count, n_rows * n_columns) & exists
    cells = (rows * n_columns)[:, :, None] + columns[:, None]
    if not isinstance(draws.n_rectangles, int):  # An image may have more cells, none of which is hidden.
        cells = ops.minimum(cells, draws.n_rectangles - 1)
    # What is looked up must be as many cells for each image.
    flat = ops.reshape(cells, (-1, height * width)) + count * 0
    over = ops.reshape(ops.batch_gather(is_hidden[..., None], flat), (draws.size.n, height, width))
    return _ranks(draws, over, cells)


def _hidden_cells(draws: Any, count: Any, n_cells: Any) -> Any:
    """Whether each of the cells that there may be is hidden, (n, cells)."""
    ops, params, words = draws.ops, draws.params, draws.rectangle_words[0]
    if params["independent"]:
        is_hidden = ops.less(words, params["cell_threshold"])
    else:
        if params["n_cell_sides"]:  # Cells that an image lacks come last: their numbers are higher than all others.
            is_there = _positions(ops, draws.n_rectangles) < n_cells
            words = ops.where(is_there, words, ops.as_words(np.uint32(contract.WORD_MASK)))
        is_hidden = ops.argsort(ops.argsort(words)) < count
    return ~is_hidden if params["keep"] else is_hidden


def _bands(draws: Any, side: Any, n: int) -> Any:
    """Band of each row or column of pixels, (1, side), where a side is cut into n: the last that begins before it."""
    ops = draws.ops
    # Below 2**32, as neither factor is above 65,535.
    stops = ops.multiply(ops.add(ops.arange(side), 1), n)[1]
    side = max(side, 1) if isinstance(side, int) else ops.as_words(ops.maximum(side, 1))
    return ops.to_int32(ops.divide(ops.add(stops, contract.WORD_MASK), side))[None]


def _lattice(draws: Any) -> Any:
    """Rank of the top square or line over each pixel, (n, h, w), or -1."""
    ops, params, (_, height, width) = draws.ops, draws.params, draws.size
    y, x, size_word, _ = draws.words(np.ones(1, np.int64))
    period = params["period_low"] + draws.bounded(size_word, params["n_periods"])
    as_word = ops.as_words(period)
    hidden = draws.bounded(ops.as_words(2 * period), params["hidden_share"])
    (rows, over_rows), (columns, over_columns) = (
        (places // period, places % period < hidden)
        for places in (
            _positions(ops, height) + draws.bounded(y, as_word),
            _positions(ops, width) + draws.bounded(x, as_word),
        )
    )
    n_rows, n_columns = ((length + period - 2) // period + 1 for length in (height, width))
    over_rows, over_columns = over_rows[:, :, None], over_columns[:, None]
    if params["lines"]:
        over = over_rows | over_columns
        ranks = ops.where(over_columns, (n_rows + columns)[:, None], rows[:, :, None])
    else:
        over = over_rows & over_columns
        ranks = (rows * n_columns)[:, :, None] + columns[:, None]
    return _ranks(draws, over & draws.header.is_dusted[..., None], ranks)


def _positions(ops: Any, n: Any) -> Any:
    """Integers 0 … n - 1, (1, n)."""
    return ops.to_int32(ops.arange(n))[None]


def _ranks(draws: Any, over: Any, ranks: Any) -> Any:
    """Ranks where something is over a pixel, and -1 elsewhere and in what is spared."""
    ops, spared, (_, height, width) = draws.ops, draws.params["spare_last"], draws.size
    is_painted = (_positions(ops, height) < height - spared)[:, :, None] & (_positions(ops, width) < width - spared)[
        :, None
    ]
    return ops.where(over & is_painted, ranks, ops.constant(np.full((1, 1, 1), -1, np.int32)))


# One row for each kind whose rectangles are not placed.
TOPS: dict[str, Callable[[Any], Any]] = {"grid": _grid, "lattice": _lattice}
