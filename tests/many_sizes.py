"""The tests of memory share this: whether what is kept grows with the number of different image sizes."""

import gc
import sys

from dustaug._engine import launch, plan

# No two are alike, and images of them are small.
SIZES = [(8 + i % 71, 8 + i // 71) for i in range(5000)]


def check_growth(use, n=5000):
    """Call ``use(height, width)`` for n sizes, and check that neither objects nor caches grow with them.

    Python's blocks of memory are counted, as every object takes one at least. To trace them takes a hundred times as
    long. Pools of Python and NumPy keep some hundreds of blocks, and a cache of sizes would keep two a size or more.
    """
    for height, width in SIZES[:100]:
        use(height, width)
    entries, before = entries_of_caches(), blocks()
    for height, width in SIZES[100:n]:
        use(height, width)

    assert entries_of_caches() == entries
    assert blocks() - before < n // 2


def blocks():
    gc.collect()
    return sys.getallocatedblocks()


def entries_of_caches():
    """Return how many entries each cache of the engine has."""
    caches = launch._find_launch, launch.launch_for, plan.make_plan
    return [cache.cache_info().currsize for cache in caches]
