"""How much of each image lies under rectangles, exactly: overlapping rectangles count once."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

# So many cells between edges are counted at once, as processors have caches.
_MOST_CELLS = 1 << 18


def count_covered(n: int, image: Ints, starts: Ints, stops: Ints) -> Ints:
    """Return how many pixels of each of n images lie under rectangles.

    Rectangles are rows of `starts` and `stops`, (r, axes), which are first pixels and first pixels outside; `image`
    says on which image each lies. An image has at most 2**53 pixels.
    """
    areas = np.prod(stops - starts, axis=1)
    if not areas.all():
        image, starts, stops, areas = (array[areas > 0] for array in (image, starts, stops, areas))
    counts, covered = np.bincount(image, minlength=n), np.zeros(n, np.int64)
    is_alone = counts[image] == 1
    covered[image[is_alone]] = areas[is_alone]
    if is_alone.all():
        return covered
    order, first_rows = np.argsort(image, kind="stable"), np.cumsum(counts) - counts
    crowded = np.flatnonzero(counts > 1)
    crowded = crowded[np.argsort(counts[crowded], kind="stable")]
    cells = np.ones(len(crowded), np.int64)
    for ends in zip(starts.T, stops.T, strict=True):
        cells *= np.minimum(2 * counts[crowded], np.count_nonzero(np.bincount(np.concatenate(ends))))
    # Edges are looked up in tables of whole sides.
    cells = np.maximum(cells, int(stops.max()) + 1)
    while len(crowded):
        # Images with about as many rectangles are counted together.
        m = max(int(np.count_nonzero(np.arange(1, len(cells) + 1) * cells <= _MOST_CELLS)), 1)
        some, crowded, cells = crowded[:m], crowded[m:], cells[m:]
        length = counts[some]
        owner = np.repeat(np.arange(m), length)
        rows = order[np.arange(len(owner)) + np.repeat(first_rows[some] - np.cumsum(length) + length, length)]
        covered[some] = _count_crowded(owner, starts[rows], stops[rows])
    return covered


def _count_crowded(owner: Ints, starts: Ints, stops: Ints) -> Ints:
    """Count as `count_covered`, where `owner` is not empty, ascends, and leaves out no image."""
    m, axes = int(owner[-1]) + 1, starts.shape[1]
    ranked = [_rank(m, owner, *ends) for ends in zip(starts.T, stops.T, strict=True)]
    shape = m, *(lengths.shape[1] + 1 for _, lengths in ranked)
    # Each rectangle adds 1 from its first corner on, and the others make up for it: running sums count rectangles.
    changes: tuple[list[Ints], list[Ints]] = ([], [])
    for ends in itertools.product((0, 1), repeat=axes):
        corner = (ranks[end] for (ranks, _), end in zip(ranked, ends, strict=True))
        changes[sum(ends) % 2].append(np.ravel_multi_index((owner, *corner), shape))
    added, taken = (np.bincount(np.concatenate(each), minlength=math.prod(shape)) for each in changes)
    over = (added - taken).reshape(shape)
    for axis in range(1, axes + 1):
        np.cumsum(over, axis=axis, out=over)
    # Doubles are exact here, and fast.
    covered = (over[(slice(None), *[slice(-1)] * axes)] > 0).astype(np.float64)
    for _, lengths in reversed(ranked):
        covered = np.einsum("m...i,mi->m...", covered, lengths)
    return covered.astype(np.int64)


def _rank(m: int, owner: Ints, starts: Ints, stops: Ints) -> tuple[tuple[Ints, Ints], NDArray[np.float64]]:
    """Number the edges of each of m images along an axis; return those of rectangles, and lengths between edges."""
    is_edge = np.zeros((m, int(stops.max()) + 1), bool)
    is_edge[owner, starts] = is_edge[owner, stops] = True
    ranks = np.cumsum(is_edge, axis=1) - 1
    lengths = np.zeros((m, int(ranks[:, -1].max())))
    images, places = np.nonzero(is_edge)
    follows = images[1:] == images[:-1]
    lengths[images[1:][follows], ranks[images, places][:-1][follows]] = np.diff(places)[follows]
    return (ranks[owner, starts], ranks[owner, stops]), lengths
