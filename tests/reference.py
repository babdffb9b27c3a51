"""A slow twin of dustaug in plain Python, written from the contract (``dustaug._engine.contract``) alone.

Its author had read the contract and the fields of Spec, and no other line of the package. Nothing is shared with it.
"""

import collections
import decimal
import functools
import itertools
import math
from fractions import Fraction

import numpy as np

WORD = 2**32

# ---------------------------------------------------------------------------------------------------------------- words


def philox(counter, key):
    """Return the four random words of Philox4x32-10 for a counter of four words and a key of two."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        product0, product1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1 = (product1 >> 32) ^ c1 ^ k0, product1 % WORD
        c2, c3 = (product0 >> 32) ^ c3 ^ k1, product0 % WORD
        k0, k1 = (k0 + 0x9E3779B9) % WORD, (k1 + 0xBB67AE85) % WORD
    return c0, c1, c2, c3


@functools.lru_cache(maxsize=4096)
def block_words(block, seed, epoch, index):
    """Return the four words of a block of one image."""
    return philox((block, index % WORD, index >> 32, epoch), (seed % WORD, seed >> 32))


# ------------------------------------------------------------------------------------------------------------- outcomes


def between(word, low, high):
    """Return one of the equally likely whole numbers low ... high by multiply-shift."""
    return low + (word * (high - low + 1) >> 32)


@functools.lru_cache
def alias_table(masses):
    """Return k, the thresholds and the second outcomes of the alias table for a tuple of masses."""
    k = max(1, (len(masses) - 1).bit_length())
    share = WORD >> k
    mass = [*masses, *[0] * (2**k - len(masses))]
    threshold, second = [share] * 2**k, list(range(2**k))

    def fill_up(bucket, giver):
        threshold[bucket], second[bucket] = mass[bucket], giver
        mass[giver] -= share - mass[bucket]

    small = collections.deque(bucket for bucket in range(2**k) if mass[bucket] < share)
    lacking = None  # the large bucket that the one before it has brought below the share
    for large in [bucket for bucket in range(2**k) if mass[bucket] >= share]:
        if lacking is not None:
            fill_up(lacking, large)
        while mass[large] > share:
            fill_up(small.popleft(), large)
        lacking = large if mass[large] < share else None
    return k, threshold, second


def outcome(masses, word):
    """Return the outcome that a word stands for, where outcome i has masses[i] of all words."""
    k, threshold, second = alias_table(masses)
    bucket = word >> (32 - k)
    return bucket if word % (WORD >> k) < threshold[bucket] else second[bucket]


@functools.lru_cache
def even_masses(n):
    """Return the masses of n equally likely outcomes."""
    return tuple(((i + 1) << 32) // n - (i << 32) // n for i in range(n))


@functools.lru_cache
def normal_masses(mean, std, side):
    """Return the masses of the centres 0 ... side for a normal draw in fractions of the side."""
    below = [0]
    for edge in range(1, side + 1):
        if std == 0:
            below.append(WORD if mean * side < edge else 0)
        else:
            below.append(round(2**31 * math.erfc((mean - edge / side) / (std * math.sqrt(2)))))
    below.append(WORD)
    return tuple(after - before for before, after in itertools.pairwise(below))


# ---------------------------------------------------------------------------------------------------------------- sizes


def clip(value, low, high):
    """Return the value, or the end of the range beyond which it lies."""
    return min(max(value, low), high)


@functools.lru_cache(maxsize=1024)
def log(value):
    """Return the correctly rounded natural logarithm."""
    return float(decimal.Decimal(value).ln(decimal.Context(prec=60)))


def widen(low, high):
    """Return the range, a little wider if it is very narrow."""
    return (low, high) if high > low * (1 + 2e-6) else (low * (1 - 1e-6), high * (1 + 1e-6))


def measure_below(h, w, areas, aspects):
    """Return B(h, w), the measure of what is less high than h and less wide than w."""
    (a0, a1), (r0, r1) = areas, aspects
    m = clip(h / w, r0, r1)
    log_m = clip(log(h) - log(w), log(r0), log(r1))

    def s(a):
        return clip(a / (w * w), r0, m)

    def log_s(a):
        return clip(log(a) - 2 * log(w), log(r0), log_m)

    def t(a):
        return clip((h * h) / a, m, r1)

    def log_t(a):
        return clip(2 * log(h) - log(a), log_m, log(r1))

    by_width, by_height = (w * w) * (s(a1) - s(a0)), (h * h) * (1 / t(a1) - 1 / t(a0))
    return by_width + a1 * (log_t(a1) - log_s(a1)) + by_height - a0 * (log_t(a0) - log_s(a0))


def pair_measures(areas, aspects, height, width):
    """Return a dict from the pairs (height, width) below the image's, in order, to their measures."""
    (a0, a1), (r0, r1) = areas, aspects = widen(*areas), widen(*aspects)
    first_i, last_i = math.floor(math.sqrt(a0 * r0) + 0.5), math.floor(math.sqrt(a1 * r1) + 0.5)
    first_j, last_j = math.floor(math.sqrt(a0 / r1) + 0.5), math.floor(math.sqrt(a1 / r0) + 0.5)
    heights, widths = range(first_i, min(last_i, height - 1) + 1), range(first_j, min(last_j, width - 1) + 1)
    below = {}  # by the pair (i, j) of whole numbers that follow the edges h and w
    for i, j in itertools.product(range(first_i, heights.stop + 1), range(first_j, widths.stop + 1)):
        below[i, j] = measure_below(max(i - 0.5, 1e-9), max(j - 0.5, 1e-9), areas, aspects)
    measures = {}
    for i, j in itertools.product(heights, widths):
        measure = (below[i + 1, j + 1] - below[i, j + 1]) - (below[i + 1, j] - below[i, j])
        measures[i, j] = max(measure, 0.0)
    return measures


@functools.lru_cache
def area_table(area_range, aspect_range, height, width):
    """Return the pairs (height, width) for which words stand, and their masses; an error if there are none."""
    areas, aspects = tuple(end * height * width for end in area_range), tuple(aspect_range)
    if areas[0] == areas[1] and aspects[0] == aspects[1]:
        pair = round(math.sqrt(areas[0] * aspects[0])), round(math.sqrt(areas[0] / aspects[0]))
        measures = {pair: 1.0} if pair[0] < height and pair[1] < width else {}
    else:
        measures = pair_measures(areas, aspects, height, width)
    sums = list(itertools.accumulate(measures.values()))
    if not sums or sums[-1] == 0:
        raise ValueError("no such rectangle fits")
    below = [0, *(round(up_to / sums[-1] * 2**32) for up_to in sums)]
    masses = [after - before for before, after in itertools.pairwise(below)]
    kept = [(pair, mass) for pair, mass in zip(measures, masses, strict=True) if mass > 0]
    return tuple(zip(*kept, strict=True))


def independent_ranges(spec, height, width):
    """Return the unit in pixels and the ranges of the height and of the width for half sizes or fractions."""
    if spec.half_height_range is not None:
        return 2, spec.half_height_range, spec.half_width_range
    high, wide = spec.height_fraction_range, spec.width_fraction_range
    return 1, [round(end * height) for end in high], [round(end * width) for end in wide]


def draw_size(spec, height, width, word):
    """Return the height and the width of a rectangle in pixels."""
    if spec.area_range is not None:
        pairs, masses = area_table(spec.area_range, spec.aspect_range, height, width)
        return pairs[outcome(masses, word)]
    if spec.side_range is not None:
        low, high = spec.side_range
        side = low + outcome(even_masses(high - low + 1), word)
        return side, side
    unit, (low, high), width_range = independent_ranges(spec, height, width)
    rest = word * (high - low + 1) % WORD
    return unit * between(word, low, high), unit * between(rest, *width_range)


# ----------------------------------------------------------------------------------------------------------- rectangles


def place(spec, axis, side, size, word):
    """Return where a rectangle of a size begins and ends along an axis, 0 for y and 1 for x, of an image's side."""
    border = side - 1 if spec.spare_last else side
    if spec.center == "inside":
        size = min(size, border)
        start = word * (border - size + 1) >> 32
        return start, start + size
    if spec.center == "uniform":
        masses = even_masses(side)
    else:
        masses = normal_masses(spec.center_mean[axis], spec.center_std[axis], side)
    start = outcome(masses, word) - size // 2
    return clip(start, 0, border), clip(start + size, 0, border)


def draw_brightness(spec, channels, rectangle, fill_word, stream):
    """Return the brightness of each channel of a rectangle, or None if it has none of its own."""
    if spec.fill == "grey":
        return [between(fill_word, *spec.fill_range)] * channels
    if spec.fill == "color":
        words = [block_words(2**30 + 256 * rectangle + c // 4, *stream)[c % 4] for c in range(channels)]
        return [between(word, *spec.fill_range) for word in words]
    if spec.fill == "constant":
        return list(spec.fill_value) if isinstance(spec.fill_value, tuple | list) else [spec.fill_value] * channels
    return None


def rectangles(spec, height, width, channels, seed, epoch, index):
    """Return the rectangles (top, left, bottom, right, brightness) of an image, in painting order."""
    if spec.area_range is not None:
        area_table(spec.area_range, spec.aspect_range, height, width)  # an error, even if there are no rectangles
    stream = seed, epoch, index
    count_word, dusted_word, _, _ = block_words(0, *stream)
    count = between(count_word, *spec.count_range) if dusted_word < round(spec.p * 2**32) else 0
    drawn = []
    for rectangle in range(1, count + 1):
        y, x, size, fill_word = block_words(rectangle, *stream)
        high, wide = draw_size(spec, height, width, size)
        top, bottom = place(spec, 0, height, high, y)
        left, right = place(spec, 1, width, wide, x)
        brightness = draw_brightness(spec, channels, rectangle, fill_word, stream)
        drawn.append((top, left, bottom, right, brightness))
    return drawn


# --------------------------------------------------------------------------------------------------------------- values


def is_whole(dtype):
    """Return whether a dtype holds integers or bool, those of ml_dtypes among them."""
    return np.dtype(dtype).name.startswith(("bool", "int", "uint"))


def rounded(value, dtype):
    """Return a double as an item of a dtype that is not whole."""
    by_way_of_float32 = np.dtype(dtype).name.startswith(("bfloat", "float8"))
    return np.array(np.float32(value) if by_way_of_float32 else value).astype(dtype)[()]


@functools.lru_cache(maxsize=4096)
def value_of(brightness, channel, spec, dtype, value_range):
    """Return a brightness of a channel as an item of the dtype."""
    if is_whole(dtype):
        low, high = (Fraction(end) for end in value_range)
        exact = low + (high - low) * Fraction(brightness) / 255
        return np.array(math.floor(exact + Fraction(1, 2))).astype(dtype)[()]
    low, high = (float(end) for end in value_range)
    value = low + brightness / 255 * (high - low)
    if spec.normalize_mean is not None:
        value = (value - spec.normalize_mean[channel]) / spec.normalize_std[channel]
    return rounded(value, dtype)


def fixed_point(value, low, high):
    """Return a float of an image as a whole number of which 2**32 make up the value range."""
    scaled = (float(value) - low) / (high - low)
    if not abs(scaled) < 2.0**14:  # Which is also false for NaN.
        raise ValueError(f"a mean needs finite values in reach of the value range, got {value}")
    return round(scaled * 2**32)


def mean_of(values, value_range):
    """Return the mean of a two-dimensional array of one channel as an item of its dtype."""
    n = values.size
    if is_whole(values.dtype):
        total = sum(int(value) for value in values.flat)
        return np.array((2 * total + n) // (2 * n)).astype(values.dtype)[()]
    low, high = (float(end) for end in value_range)
    total = sum(fixed_point(value, low, high) for value in values.flat)
    return rounded(low + (2 * total + n) // (2 * n) * ((high - low) / 2**32), values.dtype)


# ------------------------------------------------------------------------------------------------------------- painting


def noise(spec, position, stream):
    """Return the brightness of the value at a position of the image in NHWC order."""
    return between(block_words(2**31 + position // 4, *stream)[position % 4], *spec.fill_range)


def dust(image, spec, seed, epoch, index, value_range):
    """Return a dusted copy of one image, an array (height, width, channels)."""
    height, width, channels = image.shape
    drawn = rectangles(spec, height, width, channels, seed, epoch, index)
    covered = {}  # from a pixel to the brightness of the rectangle that lies on top
    for top, left, bottom, right, brightness in drawn:
        covered.update(dict.fromkeys(itertools.product(range(top, bottom), range(left, right)), brightness))
    means = []
    if spec.fill == "mean":
        means = [mean_of(image[:, :, channel], value_range) for channel in range(channels)]
    dusted = image.copy()
    for ((y, x), brightness), channel in itertools.product(covered.items(), range(channels)):
        if spec.fill == "mean":
            dusted[y, x, channel] = means[channel]
            continue
        position = (y * width + x) * channels + channel
        level = noise(spec, position, (seed, epoch, index)) if spec.fill == "noise" else brightness[channel]
        dusted[y, x, channel] = value_of(level, channel, spec, image.dtype, value_range)
    return dusted
