"""The tests of memory share this count: how many bytes are kept for each size of images."""

import gc
import tracemalloc

import dustaug

_SIZES = [(20 + i, 100 - i) for i in range(60)]
# To remember a size takes a tuple and an entry of a table at least.
LEAST = 100


def kept_bytes(use):
    """Return how many bytes stay alive for each height and width that `use` had.

    Frameworks keep some for each call. So these are the bytes that calls with many sizes keep, and as many calls with
    one size do not.
    """
    dustaug.warmup()  # To compile takes ten times as long while memory is traced.
    one_size = [_SIZES[0]] * len(_SIZES)
    _growth(use, one_size)
    return (_growth(use, _SIZES) - _growth(use, one_size)) / len(_SIZES)


def _growth(use, sizes):
    tracemalloc.start()
    try:
        for height, width in sizes:
            use(height, width)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
