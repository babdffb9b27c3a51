"""A slow twin of dustaug in plain Python, written from the contract (``dustaug._engine.contract``) alone.

Its author had read the contract and the fields of Spec, and no other line of the package. Nothing is shared with it.
"""

import decimal
import functools
import itertools
import math
import statistics
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


# ------------------------------------------------------------------------------------------------------------- numbers


def high(product):
    """Return the upper word of the product of two words."""
    assert 0 <= product <= (WORD - 1) ** 2
    return product >> 32


def one_of(word, n):
    """Return one of the n equally likely whole numbers 0 ... n - 1."""
    return high(word * n)


def between(word, first, last):
    """Return one of the equally likely whole numbers first ... last."""
    return first + one_of(word, last - first + 1)


def clip(value, least, most):
    """Return the value, or the end of the range beyond which it lies."""
    return min(max(value, least), most)


# -------------------------------------------------------------------------------------------------------------- curves

PRECISE = decimal.Context(prec=70)
PI = decimal.Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")


def precisely(function):
    """Compute with decimal numbers of 70 digits."""

    @functools.wraps(function)
    def computed(*arguments):
        with decimal.localcontext(PRECISE):
            return function(*arguments)

    return computed


def decimal_of(number):
    """Return a whole number or a fraction as a decimal number."""
    return decimal.Decimal(number.numerator) / number.denominator


def log2(number):
    """Return the binary logarithm of a decimal number."""
    return number.ln() / decimal.Decimal(2).ln()


def above(z):
    """Return the probability that a standard normal number is above z, and its density there."""
    density = (-z * z / 2).exp() / (2 * PI).sqrt()
    term = total = z
    odd = 1
    while abs(term) > decimal.Decimal("1e-60"):
        odd += 2
        term *= z * z / odd
        total += term
    return decimal.Decimal("0.5") - density * total, density


def normal(t):
    """Return the z that a standard normal number is above with probability (t + 1/2) / 2**32."""
    p = decimal_of(t + Fraction(1, 2)) / 2**32
    z = -decimal.Decimal(statistics.NormalDist().inv_cdf(float(p)))
    for _ in range(2):  # Each step of Newton's doubles the digits that are right, which are 15 before.
        found, density = above(z)
        z += (found - p) / density
    return z


@functools.cache
def y(curve, row):
    """Return the height of a curve at the beginning of a row, or within one if the row is a fraction."""
    if curve == "quantile":
        octave, within = divmod(row, 32)
        return 2**29 * normal(2**octave * (1 + within / 32))
    if curve == "log":
        return 2**32 * log2(decimal_of(1 + row / 64))
    return 2**31 * (decimal_of(row / 64) * decimal.Decimal(2).ln()).exp()


@functools.cache
@precisely
def row_of(curve, row):
    """Return the three words (f, s, c) of a row of a curve."""
    first, middle, last = (y(curve, row + Fraction(half, 2)) for half in range(3))
    bend = 2 * (first - 2 * middle + last)
    if curve == "quantile":
        return round(first), round(first - last + bend), round(bend)
    if curve == "log":
        return round(first), round(last - first - bend), round(-bend)
    return round(first), round(last - first - bend), round(bend)


def split(number, rows):
    """Return o, the row and x of a number 2**o * m, for an octave of so many rows."""
    octave = number.bit_length() - 1
    row, rest = divmod(Fraction(rows * (number - 2**octave), 2**octave), 1)
    x = rest * WORD
    assert x.denominator == 1
    return octave, row, int(x)


def quantile(word):
    """Return how far from its mean, in units of 2**-29, a word puts a standard normal number."""
    t = max(word if word < 2**31 else WORD - 1 - word, 1)
    octave, row, x = split(t, 32)
    f, s, c = row_of("quantile", 32 * octave + row)
    return f - high(x * (s - high(x * c)))


def log(number):
    """Return half the binary logarithm in units of 2**-24."""
    assert 1 <= number < 2**31
    octave, row, x = split(number, 64)
    f, s, c = row_of("log", row)
    return (octave << 23) + ((f + high(x * (s - high(x * c)))) >> 9)


def power(v):
    """Return 2 to the power of v / 2**24 - 128, in units of 2**-31."""
    assert 0 <= v < WORD
    f, s, c = row_of("power", (v >> 18) % 64)
    x = (v << 14) % WORD
    mantissa = f + high(x * (s + high(x * c)))
    return mantissa >> clip(128 - (v >> 24), 0, 31)


# ---------------------------------------------------------------------------------------------------------------- sizes


def pixels(fraction, side):
    """Return a fraction of a side, in units of 2**-31, in whole pixels."""
    return (high(fraction * (4 * side)) + 1) >> 1


def ceil_fraction(number):
    """Return a fraction of a side in units of 2**-31, rounded up."""
    return math.ceil(Fraction(number) * 2**31)


def draw_fractions(spec, height, width, rectangle, words):
    """Return height and width that are independent fractions of the image's."""
    tall = between(words[0], *map(ceil_fraction, spec.height_fraction_range))
    wide = between(words[1], *map(ceil_fraction, spec.width_fraction_range))
    if not spec.halve_sizes:
        return pixels(tall, height), pixels(wide, width)
    o = max(o for o in range(17) if 2**o <= rectangle)
    return max(pixels(tall >> o, height), 1), max(pixels(wide >> o, width), 1)


def area_ends(area_range):
    """Return the scale k and the ends of the area in units of 2**-(30 + k)."""
    scale = max(k for k in range(37) if k == 0 or Fraction(area_range[1]) * 2**k <= 1)
    return scale, *(round(Fraction(area) * 2 ** (30 + scale)) for area in area_range)


@functools.lru_cache
@precisely
def aspect_ends(aspect_range):
    """Return the ends of half the binary logarithm of the aspect in units of 2**-24."""
    return [round(2**23 * log2(decimal.Decimal(clip(r, 2.0**-96, 2.0**96)))) for r in aspect_range]


def shape(height, width):
    """Return q, half the binary logarithm of width / height in units of 2**-24."""
    u = log((max(height, width) << 15) // min(height, width)) - (15 << 23)
    return u if width > height else -u


def area_try(spec, height, width, area_word, aspect_word):
    """Return the height and the width of one try."""
    scale, *ends = area_ends(spec.area_range)
    a = log(max(between(area_word, *ends), 1)) + (128 << 24) - ((30 + scale) << 23)
    t = between(aspect_word, *aspect_ends(spec.aspect_range)) + shape(height, width)
    return pixels(power(a + t), height), pixels(power(a - t), width)


def draw_area(spec, height, width, words):
    """Return the height and the width of the first of ten tries that fits, or zeros; `words` are twenty."""
    for area_word, aspect_word in zip(words[::2], words[1::2], strict=True):
        tall, wide = area_try(spec, height, width, area_word, aspect_word)
        if tall < height and wide < width:
            return tall, wide
    return 0, 0


def check_area(spec, height, width):
    """Raise an error if not even the smallest area fits into the image."""
    r0, r1 = spec.aspect_range
    s = spec.area_range[0] * height * width
    if max(r0, s / (width - 0.5) ** 2) > min(r1, (height - 0.5) ** 2 / s):
        raise ValueError("no such rectangle fits")


def beta_factor(beta):
    """Return s and j: 1 / beta is s * 2**j in units of 2**-32."""
    j = next(j for j in itertools.count() if round(Fraction(2**32, 2**j) / Fraction(beta)) < WORD)
    return round(Fraction(2**32, 2**j) / Fraction(beta)), j


def draw_share(spec, words):
    """Return the fraction of the height and of the width whose square is a share from Beta(a, a); `words` are twenty.

    Jöhnk's tries: of two uniform numbers, u**(1 / a) and v**(1 / a), which count if their sum is not above 1.
    """
    if spec.area_beta == 1:
        return power((128 << 24) + log(max(words[0] >> 1, 1)) - (31 << 23))
    s, j = beta_factor(spec.area_beta)

    def d(w):
        return high(((31 << 23) - log(max(w >> 1, 1))) * s) << j

    def e(number):
        return power((128 << 24) - 2 * min(number, 64 << 24))

    for w, v in zip(words[::2], words[1::2], strict=True):
        if e(d(w)) + e(d(v)) <= 2**31:
            m = min(d(w), d(v))
            x, y_share = e(d(w) - m) >> 1, e(d(v) - m) >> 1
            return power((128 << 24) + log(max(y_share, 1)) - log(min(x + y_share, 2**31 - 1)))
    return 0


def draw_size(spec, height, width, rectangle, word, stream):
    """Return the height and the width of a rectangle in pixels."""
    if spec.half_height_range is not None:
        first, last = spec.half_height_range
        rest = word * (last - first + 1) % WORD
        return 2 * between(word, first, last), 2 * between(rest, *spec.half_width_range)
    if spec.side_range is not None:
        side = between(word, *spec.side_range)
        return side, side
    words = [word for b in range(5) for word in block_words(2**29 + 8 * rectangle + b, *stream)]
    if spec.height_fraction_range is not None:
        return draw_fractions(spec, height, width, rectangle, words)
    if spec.area_beta is not None:
        fraction = draw_share(spec, words)
        return pixels(fraction, height), pixels(fraction, width)
    return draw_area(spec, height, width, words)


# ----------------------------------------------------------------------------------------------------------- rectangles


def spread(std):
    """Return s and j: the standard deviation is s * 2**j in units of 2**-34."""
    for j in range(32):
        s = round(Fraction(std) * 2**34 / 2**j)
        if s < WORD:
            return s, j
    return WORD - 1, 31


def normal_place(mean, std, word):
    """Return the place of a normal centre in units of 2**-31 of the side."""
    m, (s, j) = ceil_fraction(mean), spread(std)
    d = min(high(quantile(word) * s) << j, 2**31)
    return max(m - d, 0) if word < 2**31 else min(m + d, 2**31)


def place(spec, axis, side, size, word):
    """Return where a rectangle of a size begins and ends along an axis, 0 for y and 1 for x, of an image's side."""
    border = side - 1 if spec.spare_last else side
    if spec.center == "inside":
        size = min(size, border)
        start = one_of(word, border - size + 1)
        return start, start + size
    if spec.center == "uniform":
        center = one_of(word, side)
    else:
        center = high(normal_place(spec.center_mean[axis], spec.center_std[axis], word) * (2 * side))
    start = center - size // 2
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


def place_by_guide(spec, guide, height, width, size, words):
    """Return the edges (top, left, bottom, right) of a rectangle of a size whose centre a guide tells."""
    unit, halves = one_of(words[0], int(guide.sum())), words[1]
    sums = itertools.accumulate(int(weight) for weight in guide.ravel())
    cell = next(cell for cell, total in enumerate(sums) if total > unit)
    (row, column), (rows, columns) = divmod(cell, guide.shape[1]), guide.shape
    y = (row * height + ((halves >> 16) * height >> 16)) // rows
    x = (column * width + ((halves & 0xFFFF) * width >> 16)) // columns
    border = [side - 1 if spec.spare_last else side for side in (height, width)]
    top, left = y - size[0] // 2, x - size[1] // 2
    edges = [(top, border[0]), (left, border[1]), (top + size[0], border[0]), (left + size[1], border[1])]
    return tuple(clip(edge, 0, limit) for edge, limit in edges)


def overlap(first, second):
    """Return how many pixels two boxes share."""
    tall = min(first[2], second[2]) - max(first[0], second[0])
    wide = min(first[3], second[3]) - max(first[1], second[1])
    return max(tall, 0) * max(wide, 0)


def leave_out(spec, drawn, objects, height, width):
    """Return the rectangles; those that hide too much of an object cover nothing."""
    boxes = [[clip(edge, 0, side) for edge, side in zip(box, (height, width) * 2, strict=True)] for box in objects]
    areas = [overlap(box, box) for box in boxes]
    limits = [max(n for n in range(area + 1) if n / max(area, 1) <= spec.max_hidden) for area in areas]
    lost, kept = [0] * len(boxes), []
    for number, top, left, bottom, right in drawn:
        more = [overlap((top, left, bottom, right), box) for box in boxes]
        if any(before + now > limit for before, now, limit in zip(lost, more, limits, strict=True)):
            kept.append((number, top, left, top, right))
        else:
            lost = [before + now for before, now in zip(lost, more, strict=True)]
            kept.append((number, top, left, bottom, right))
    return kept


def all_but(drawn, height, width):
    """Return the rectangles, with the number of the first, that cover what none of the given ones covers."""
    some = [box for _, *box in drawn if box[0] < box[2] and box[1] < box[3]]
    edges = sorted({0, height} | {box[0] for box in some} | {box[2] for box in some})
    rest = []
    for top, bottom in itertools.pairwise(edges):
        beside = [any(a <= top < c and b <= x < d for a, b, c, d in some) for x in range(width)]
        ends = [x for x in range(width + 1) if (x == width or beside[x]) and x > 0 and not beside[x - 1]]
        starts = [x for x in range(width) if not beside[x] and (x == 0 or beside[x - 1])]
        rest += [(drawn[0][0], top, left, bottom, right) for left, right in zip(starts, ends, strict=True)]
    return rest


# --------------------------------------------------------------------------------------------------- grids and lattices


def check_many(spec, height, width):
    """Raise an error if the image would have more cells or bands than there are numbers."""
    if spec.kind == "grid" and spec.cell_sides is not None:
        sides = [side for side in spec.cell_sides if side > 0]
        most = max([-(-height // side) * -(-width // side) for side in sides], default=0)
    elif spec.kind == "lattice":
        rows, columns = (n_bands(side, spec.period_range[0]) for side in (height, width))
        most = rows * columns if spec.lattice_hides == "squares" else rows + columns
    else:
        return
    if most > 65_535:
        raise ValueError("there would be too many rectangles")


def borders(spec, height, width):
    """Return how many rows and columns may be painted."""
    return (height - 1, width - 1) if spec.spare_last else (height, width)


def cells(spec, height, width, stream):
    """Return the edges (top, left, bottom, right) of the cells of a grid."""
    if spec.grid_shape is not None:
        edges = [
            [(i * side // n, (i + 1) * side // n) for i in range(n)]
            for side, n in zip((height, width), spec.grid_shape, strict=True)
        ]
    else:
        s = spec.cell_sides[one_of(block_words(1, *stream)[2], len(spec.cell_sides))]
        if s == 0:
            return []
        edges = [[(i * s, min((i + 1) * s, side)) for i in range((side + s - 1) // s)] for side in (height, width)]
    rows, columns = borders(spec, height, width)
    return [
        (min(top, rows), min(left, columns), min(bottom, rows), min(right, columns))
        for (top, bottom), (left, right) in itertools.product(*edges)
    ]


def draw_grid(spec, height, width, stream):
    """Return all cells of a grid, numbered; those that are not hidden cover nothing."""
    count_word, dusted_word, _, _ = block_words(0, *stream)
    if dusted_word >= round(Fraction(spec.p) * 2**32):
        return []
    boxes = cells(spec, height, width, stream)
    numbers = range(1, len(boxes) + 1)
    words = {number: block_words(number, *stream)[0] for number in numbers}
    if spec.cell_p is not None:
        hidden = {number for number in numbers if words[number] < round(Fraction(spec.cell_p) * 2**32)}
    else:
        ranked = sorted(numbers, key=lambda number: (words[number], number))
        hidden = set(ranked[: between(count_word, *spec.count_range)])
    return [
        (number, top, left, bottom if (number in hidden) != spec.keep else top, right)
        for number, (top, left, bottom, right) in zip(numbers, boxes, strict=True)
    ]


def n_bands(side, period):
    """Return how many bands a lattice has along a side."""
    return (side + period - 2) // period + 1


def bands(spec, side, border, period, phase):
    """Return where the bands of a lattice begin and end along a side."""
    q = math.ceil(Fraction(1 - spec.kept_share) * 2**31)
    starts = [i * period - phase for i in range(n_bands(side, period))]
    return [(clip(start, 0, border), clip(start + high(q * (2 * period)), 0, border)) for start in starts]


def draw_lattice(spec, height, width, stream):
    """Return the rectangles of a lattice, numbered."""
    if block_words(0, *stream)[1] >= round(Fraction(spec.p) * 2**32):
        return []
    y_word, x_word, size_word, _ = block_words(1, *stream)
    period = between(size_word, *spec.period_range)
    rows, columns = borders(spec, height, width)
    down = bands(spec, height, rows, period, one_of(y_word, period))
    across = bands(spec, width, columns, period, one_of(x_word, period))
    if spec.lattice_hides == "squares":
        boxes = [(top, left, bottom, right) for (top, bottom), (left, right) in itertools.product(down, across)]
    else:
        boxes = [(top, 0, bottom, columns) for top, bottom in down] + [(0, left, rows, right) for left, right in across]
    return [(number, *box) for number, box in enumerate(boxes, 1)]


# ------------------------------------------------------------------------------------------------------------- an image


def rectangles(spec, height, width, channels, seed, epoch, index, guide=None, objects=None):
    """Return the rectangles (top, left, bottom, right, brightness) of an image, in painting order."""
    stream = seed, epoch, index
    drawn = numbered_rectangles(spec, height, width, stream, guide, objects)
    return [(*box, brightness_of(spec, channels, number, stream)) for number, *box in drawn]


def cuboids(spec, slices, height, width, channels, seed, epoch, index, guide=None, objects=None):
    """Return the cuboids (first, top, left, last, bottom, right, brightness) of a volume, in painting order."""
    stream = seed, epoch, index
    drawn = []
    for number, top, left, bottom, right in numbered_rectangles(spec, height, width, stream, guide, objects):
        first, last = draw_depth(spec, slices, number, stream)
        drawn.append((first, top, left, last, bottom, right, brightness_of(spec, channels, number, stream)))
    return drawn


def draw_depth(spec, slices, rectangle, stream):
    """Return the first slice of a rectangle and the one after its last."""
    if spec.depth_range is None and spec.depth_fraction_range is None:
        return 0, slices
    place_word, size_word, _, _ = block_words(2**29 + 8 * rectangle + 7, *stream)
    if spec.depth_range is not None:
        depth = between(size_word, *spec.depth_range)
    else:
        depth = pixels(between(size_word, *map(ceil_fraction, spec.depth_fraction_range)), slices)
    if spec.center == "inside":
        depth = min(depth, slices)
        first = one_of(place_word, slices - depth + 1)
    else:
        first = one_of(place_word, slices) - depth // 2
    return clip(first, 0, slices), clip(first + depth, 0, slices)


def brightness_of(spec, channels, number, stream):
    """Return the brightness of each channel of a rectangle, or None if it has none of its own."""
    return draw_brightness(spec, channels, number, block_words(number, *stream)[3], stream)


def numbered_rectangles(spec, height, width, stream, guide, objects):
    """Return the rectangles (number, top, left, bottom, right) of an image, in painting order."""
    check_many(spec, height, width)  # An error, even if there are no rectangles, and so is an area that cannot fit.
    if spec.kind == "grid":
        drawn = draw_grid(spec, height, width, stream)
    elif spec.kind == "lattice":
        drawn = draw_lattice(spec, height, width, stream)
    elif spec.per_object:
        drawn = rectangles_per_object(spec, height, width, stream, objects)
    else:
        if spec.area_range is not None:
            check_area(spec, height, width)
        drawn = draw_on(spec, height, width, stream, 0, 0, guide)
        if spec.keep and drawn:
            drawn = all_but(drawn, height, width)
    return drawn if spec.max_hidden is None else leave_out(spec, drawn, objects, height, width)


def rectangles_per_object(spec, height, width, stream, objects):
    """Return the numbered rectangles of each object in turn."""
    drawn = []
    for j, box in enumerate(objects):
        top, left, bottom, right = (clip(edge, 0, side) for edge, side in zip(box, (height, width) * 2, strict=True))
        if top == bottom or left == right:
            continue
        before = j * spec.count_range[1]
        for number, a, b, c, d in draw_on(spec, bottom - top, right - left, stream, 2**28 + j, before, None):
            drawn.append((number, a + top, b + left, c + top, d + left))
    return drawn


def draw_on(spec, height, width, stream, block, before, guide):
    """Return numbered rectangles on something of a height and a width, with so many numbers taken before."""
    count_word, dusted_word, _, _ = block_words(block, *stream)
    count = between(count_word, *spec.count_range) if dusted_word < round(spec.p * 2**32) else 0
    if spec.center == "guide" and not guide.any():
        return []
    drawn = []
    for rectangle in range(before + 1, before + count + 1):
        y_word, x_word, size_word, _ = block_words(rectangle, *stream)
        tall, wide = draw_size(spec, height, width, rectangle, size_word, stream)
        if spec.center == "guide":
            words = y_word, x_word
            top, left, bottom, right = place_by_guide(spec, guide, height, width, (tall, wide), words)
        else:
            top, bottom = place(spec, 0, height, tall, y_word)
            left, right = place(spec, 1, width, wide, x_word)
        drawn.append((rectangle, top, left, bottom, right))
    return drawn


# ------------------------------------------------------------------------------------------------------------- partners


def partner(seed, epoch, n, number):
    """Return the partner of a number among 0 ... n - 1."""
    b = next(b for b in itertools.count(1) if 4**b >= n)
    while True:
        u, v = number >> b, number % 2**b
        for i in range(8):
            w = philox((2**27 + i, v, n % WORD, epoch), (seed % WORD, seed >> 32))[0]
            u, v = v, u ^ (w >> (32 - b))
        number = (u << b) + v
        if number < n:
            return number


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


def mean_unit(value_range):
    """Return the unit in which floats are summed: 2**-32 of the power of two that covers the value range."""
    reach = max(abs(Fraction(float(end))) for end in value_range)
    power_of_two = Fraction(1)
    while power_of_two < reach:
        power_of_two *= 2
    while power_of_two / 2 >= reach:
        power_of_two /= 2
    return power_of_two / 2**32


def whole_units(value, unit):
    """Return a float of an image as a whole number of units."""
    if np.iscomplexobj(value) or not math.isfinite(value) or abs(Fraction(float(value)) / unit) >= 2**46:
        raise ValueError(f"a mean needs finite values in reach of the value range, got {value}")
    return round(Fraction(float(value)) / unit)


def mean_of(values, value_range):
    """Return the mean of a two-dimensional array of one channel as an item of its dtype."""
    n = values.size
    if is_whole(values.dtype):
        total = sum(int(value) for value in values.flat)
        return np.array((2 * total + n) // (2 * n)).astype(values.dtype)[()]
    unit = mean_unit(value_range)
    total = sum(whole_units(value, unit) for value in values.flat)
    return rounded(float((2 * total + n) // (2 * n) * unit), values.dtype)


# ------------------------------------------------------------------------------------------------------------- painting


def noise(spec, i, stream):
    """Return the brightness of value i of the image, counted in HWC order."""
    low, last = spec.fill_range
    if (low, last) == (0, 255):
        word = block_words(2**31 + i // 16, *stream)[i // 4 % 4]
        return word >> (8 * (i % 4)) & 0xFF
    word = block_words(2**31 + i // 8, *stream)[i // 2 % 4]
    half = word >> (16 * (i % 2)) & 0xFFFF
    return low + (half * (last - low + 1) >> 16)


def dust(image, spec, seed, epoch, index, value_range, guide=None, objects=None, donor=None):
    """Return a dusted copy of one image, an array (height, width, channels), or of a volume, with slices before."""
    volume = image if image.ndim == 4 else image[None]
    slices, height, width, channels = volume.shape
    drawn = cuboids(spec, slices, height, width, channels, seed, epoch, index, guide, objects)
    on_top = np.full((slices, height, width), -1)  # Which rectangle is seen at each pixel.
    for number, (first, top, left, last, bottom, right, _) in enumerate(drawn):
        on_top[first:last, top:bottom, left:right] = number
    dusted = volume.copy()
    if spec.fill == "donors":
        dusted[on_top >= 0] = donor.reshape(volume.shape)[on_top >= 0]
        return dusted.reshape(image.shape)
    for channel in range(channels):
        plane = dusted[..., channel]
        if spec.fill == "mean":
            plane[on_top >= 0] = mean_of(volume[..., channel], value_range)
        elif spec.fill == "noise":
            for place_of_value in np.argwhere(on_top >= 0).tolist():
                position = int(np.ravel_multi_index((*place_of_value, channel), volume.shape))
                level = noise(spec, position, (seed, epoch, index))
                plane[tuple(place_of_value)] = value_of(level, channel, spec, image.dtype, value_range)
        else:
            for number in np.unique(on_top[on_top >= 0]).tolist():
                plane[on_top == number] = value_of(drawn[number][-1][channel], channel, spec, image.dtype, value_range)
    return dusted.reshape(image.shape)
