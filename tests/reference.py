"""The slow twin of dustaug computes with plain Python integers, and follows the contract of ``_engine.kernels``.

It shares nothing with the package except Spec, and the table of areas, whose distribution test_tables.py checks.
"""

import math
from collections import deque
from fractions import Fraction

import numpy as np

from dustaug._engine.tables import area_table

WORDS = 2**32


def philox(counter, key):
    """Return the words of Philox4x32-10 for four counter words and two key words."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        product_0, product_1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (
            (product_1 >> 32) ^ c1 ^ k0,
            product_1 % WORDS,
            (product_0 >> 32) ^ c3 ^ k1,
            product_0 % WORDS,
        )
        k0, k1 = (k0 + 0x9E3779B9) % WORDS, (k1 + 0xBB67AE85) % WORDS
    return c0, c1, c2, c3


def uniform(word, n):
    """Return one of n equally likely outcomes."""
    return word * n >> 32


def alias_outcome(word, masses, outcomes):
    """Return the outcome of a word, by an alias table built one bucket at a time."""
    bits = max(1, (len(masses) - 1).bit_length())
    share = WORDS >> bits
    mass = list(masses) + [0] * (2**bits - len(masses))
    value = list(outcomes) + [0] * (2**bits - len(outcomes))
    threshold, second = list(mass), list(range(2**bits))
    light = deque(i for i, m in enumerate(mass) if m < share)
    debtor = None
    for giver in [i for i, m in enumerate(mass) if m >= share]:
        if debtor is not None:
            second[debtor] = giver
            mass[giver] -= share - mass[debtor]
        while light and mass[giver] > share:
            second[light[0]] = giver
            mass[giver] -= share - mass[light.popleft()]
        threshold[giver] = min(mass[giver], share)
        debtor = giver if mass[giver] < share else None
    bucket = word // share
    return value[bucket] if word % share < threshold[bucket] else value[second[bucket]]


def center(word, kind, side, mean, std):
    """Return the centre of a rectangle along one axis."""
    if kind == "uniform":
        edges = [(i << 32) // side for i in range(side + 1)]
        return alias_outcome(word, [b - a for a, b in zip(edges, edges[1:], strict=False)], range(side))
    if std == 0:
        edges = [WORDS if mean * side < i else 0 for i in range(side + 1)] + [WORDS]
    else:
        edges = [round(2**31 * math.erfc((mean - i / side) / (std * math.sqrt(2)))) for i in range(side + 1)] + [WORDS]
    edges[0] = 0
    return alias_outcome(word, [b - a for a, b in zip(edges, edges[1:], strict=False)], range(side + 1))


def size(word, spec, height, width):
    """Return the height and width of a rectangle before clipping."""
    if spec.side_range:
        low, high = spec.side_range
        edges = [(i << 32) // (high - low + 1) for i in range(high - low + 2)]
        masses = [b - a for a, b in zip(edges, edges[1:], strict=False)]
        return (alias_outcome(word, masses, range(low, high + 1)),) * 2
    if spec.area_range:
        table = area_table(spec.area_range, spec.aspect_range, height, width).reshape(-1, 4).tolist()
        threshold, first, second, _ = table[word * len(table) >> 32]
        return divmod(first if word < threshold else second, 2**16)
    if spec.half_height_range:
        unit, (a, b), (c, d) = 2, spec.half_height_range, spec.half_width_range
    else:
        unit = 1
        a, b = (round(fraction * height) for fraction in spec.height_fraction_range)
        c, d = (round(fraction * width) for fraction in spec.width_fraction_range)
    product = word * (b - a + 1)
    return unit * (a + (product >> 32)), unit * (c + uniform(product % WORDS, d - c + 1))


def clip(value, high):
    return max(0, min(value, high))


def rectangles(spec, height, width, channels, seed, epoch, index):
    """Return rows of top, left, bottom, right and brightness.

    The brightness is a list with a number for each channel, or None for noise and mean.
    """

    def words(block):
        return philox((block, index % WORDS, index >> 32, epoch), (seed % WORDS, seed >> 32))

    if spec.area_range:
        area_table(spec.area_range, spec.aspect_range, height, width)  # This raises if no such rectangle fits.
    first, second, _, _ = words(0)
    if second >= round(spec.p * WORDS):
        return []
    count = spec.count_range[0] + uniform(first, spec.count_range[1] - spec.count_range[0] + 1)
    rows, columns = height - spec.spare_last, width - spec.spare_last
    drawn = []
    for number in range(1, count + 1):
        y, x, shape, fill = words(number)
        h, w = size(shape, spec, height, width)
        if spec.center == "inside":
            h, w = min(h, rows), min(w, columns)
            top, left = uniform(y, rows - h + 1), uniform(x, columns - w + 1)
        else:
            top = center(y, spec.center, height, spec.center_mean[0], spec.center_std[0]) - h // 2
            left = center(x, spec.center, width, spec.center_mean[1], spec.center_std[1]) - w // 2
        low, high = spec.fill_range
        if spec.fill == "grey":
            brightness = [low + uniform(fill, high - low + 1)] * channels
        elif spec.fill == "color":
            brightness = [
                low + uniform(words(2**30 + 256 * number + c // 4)[c % 4], high - low + 1) for c in range(channels)
            ]
        elif spec.fill == "constant":
            values = spec.fill_value if isinstance(spec.fill_value, tuple) else (spec.fill_value,) * channels
            brightness = list(values)
        else:
            brightness = None
        drawn.append((clip(top, rows), clip(left, columns), clip(top + h, rows), clip(left + w, columns), brightness))
    return drawn


def value_of(brightness, channel, spec, dtype, value_range):
    """Return a brightness of 0…255 as an item of the images."""
    dtype = np.dtype(dtype)
    low, high = value_range
    if dtype.kind in "biu":
        exact = low + (high - low) * Fraction(brightness) / 255
        return np.array(math.floor(exact + Fraction(1, 2))).astype(dtype)
    value = low + brightness / 255 * (high - low)
    if spec.normalize_mean:
        value = (value - spec.normalize_mean[channel]) / spec.normalize_std[channel]
    return np.array(value).astype(dtype)


def dust(image, spec, seed, epoch, index, value_range):
    """Return a dusted copy of one image (height, width, channels)."""
    height, width, channels = image.shape
    dusted = image.copy()
    if spec.fill == "mean":
        means = [mean_of(image[:, :, c], value_range) for c in range(channels)]
    known = {}
    for top, left, bottom, right, brightness in rectangles(spec, height, width, channels, seed, epoch, index):
        for y in range(top, bottom):
            for x in range(left, right):
                for c in range(channels):
                    if spec.fill == "mean":
                        dusted[y, x, c] = means[c]
                        continue
                    level = brightness[c] if brightness else noise(spec, y, x, c, image.shape, seed, epoch, index)
                    if (level, c) not in known:
                        known[level, c] = value_of(level, c, spec, image.dtype, value_range)
                    dusted[y, x, c] = known[level, c]
    return dusted


def noise(spec, y, x, c, shape, seed, epoch, index):
    """Return the brightness of one value of an image filled with noise."""
    position = (y * shape[1] + x) * shape[2] + c
    counter = (2**31 + position // 4, index % WORDS, index >> 32, epoch)
    word = philox(counter, (seed % WORDS, seed >> 32))[position % 4]
    return spec.fill_range[0] + uniform(word, spec.fill_range[1] - spec.fill_range[0] + 1)


def mean_of(values, value_range):
    """Return the mean of one channel, computed in whole numbers."""
    n = values.size
    if values.dtype.kind in "biu":
        return np.array((2 * sum(map(int, values.ravel().tolist())) + n) // (2 * n)).astype(values.dtype)
    low, high = value_range
    total = sum(round((float(value) - low) / (high - low) * 2**32) for value in values.ravel())
    mean = (2 * total + n) // (2 * n)
    return np.array(low + mean * ((high - low) / 2**32)).astype(values.dtype)
