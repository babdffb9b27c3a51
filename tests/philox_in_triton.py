"""The kernel draws words and nothing else, as ``dustaug._tensors.triton`` draws them."""

import triton
import triton.language as tl


@triton.jit
def draw_words(counters, seeds, words):
    """Set words (n, 4) to those of counters (n, 4) and seeds (n,)."""
    i = tl.program_id(0)
    block, low, high, epoch = (tl.load(counters + 4 * i + place).to(tl.uint32) for place in range(4))
    a, b, c, d = tl.philox(tl.load(seeds + i), block, low, high, epoch)
    tl.store(words + 4 * i, a)
    tl.store(words + 4 * i + 1, b)
    tl.store(words + 4 * i + 2, c)
    tl.store(words + 4 * i + 3, d)
