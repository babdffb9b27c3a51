"""The tests of memory share this: whether what is kept grows with the number of different image sizes."""

import gc
import sys

from dustaug._engine import launch, plan

# No two are alike, and images of them are small.
SIZES = [(8 + i % 71, 8 + i // 71) for i in range(5000)]


def check_growth(use, sizes=SIZES):
    """Call ``use(height, width)`` for each of the sizes, and check that neither objects nor caches grow with them.

    Python's blocks of memory are counted, as every object takes one at least. To trace them takes a hundred times as
    long. A hundredth of a block a size is less than any cache of sizes would take, and more than Python's own pools do.
    """
    for height, width in sizes[:100]:
        use(height, width)
    entries, before = entries_of_caches(), blocks()
    for height, width in sizes[100:]:
        use(height, width)

    assert entries_of_caches() == entries
    assert blocks() - before < max(20, len(sizes) // 100)


def blocks():
    gc.collect()
    return sys.getallocatedblocks()


def entries_of_caches():
    """Return how many entries each cache of the engine has."""
    caches = launch._find_launch, launch.launch_for, plan.make_plan
    return [cache.cache_info().currsize for cache in caches]
