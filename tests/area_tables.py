"""The tests of memory share this count: how many tables of areas are kept after images of many sizes."""

import gc
import itertools
import tracemalloc

import dustaug
from dustaug._engine import tables

SIZES = [(420 + i, 500 - i) for i in range(60)]
_calls = itertools.count(1)


def new_spec():
    """Return random erasing, with areas that no other test has: no cache holds tables of it."""
    return dustaug.random_erasing(scale=(0.1, 0.2 + next(_calls) / 1000), fill="grey", p=1)


def kept_tables(use):
    """Return how many tables are alive after `use` had a height and a width of SIZES each.

    A table of these sizes has a megabyte or two. What else `_engine.tables` makes is smaller by far.
    """
    dustaug.warmup()  # To compile takes ten times as long while memory is traced.
    tracemalloc.start()
    try:
        for height, width in SIZES:
            use(height, width)
        gc.collect()
        made_there = tracemalloc.Filter(inclusive=True, filename_pattern=tables.__file__)
        traces = tracemalloc.take_snapshot().filter_traces([made_there]).traces
        return sum(trace.size >= 1 << 18 for trace in traces)
    finally:
        tracemalloc.stop()
