"""Which dust an image gets, as prose and constants: every backend imports these constants, and none has its own.

The text below is all that a new backend needs. docs/determinism.md shows it, and ``tests/reference.py`` was written
from it alone. ``w`` is a word, an unsigned number of 32 bits; other letters are whole numbers too, and none is
negative, unless the text says so. ``<<`` and ``>>`` shift, after all sums and products beside them as in C and Python,
``//`` rounds down, and ``round`` goes to the nearest whole number, halves to even. ``high(a * b)`` is ``a * b >> 32``,
the upper word of the product of two words. *Exactly* means: as with real numbers, also up to where it says *rounded*.
Where numbers are not whole they are otherwise *doubles*, floating-point numbers of 64 bits; each operation is rounded
once, in the order written, and none is fused with another. ``clip(v, l, u)`` is ``min(max(v, l), u)``.

**Words.** Philox4x32-10 (Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*, SC 2011) turns a counter of
four words and a key of two words into four random words. It has no state. The counter is (block, low word of the
index, high word of the index, epoch); the key is (low word of the seed, high word of the seed). The seed is below 2⁶⁴,
the epoch below 2³², the index below 2⁶³, and none is negative. Each of ten rounds replaces the counter (c0, c1, c2,
c3) by ``(high(m1 * c2) ^ c1 ^ k0, low(m1 * c2), high(m0 * c0) ^ c3 ^ k1, low(m0 * c0))``, where ``m0 = 0xD2511F53``,
``m1 = 0xCD9E8D57``, and low is the other word of the product. After each round k0 grows by ``0x9E3779B9`` and k1 by
``0xBB67AE85``, modulo 2³².

| block | its four words |
|---|---|
| 0 | count; whether the image is dusted; two unused words |
| 1 … 65 535 | one rectangle each, in painting order: y, x, size, fill |
| 2²⁷ + i | partners: round i = 0 … 7 |
| 2²⁸ + j | with `per_object`: block 0 of object j = 0, 1, … |
| 2²⁹ + 8 r + b | sizes that are fractions, areas or shares: rectangle r = 1, 2, …; b = 0 … 4; cuboids: b = 7 |
| 2³⁰ + 256 r + b | ``fill="color"``: channels 4b … 4b + 3 of rectangle r = 1, 2, …; at most 1,024 channels |
| 2³¹ + b | ``fill="noise"``: values 16b … 16b + 15 or 8b … 8b + 7 of the image |
| all others | reserved |

One of n equally likely outcomes 0 … n - 1 is ``high(w * n)``: each has its probability to within 2⁻³².

**The plan belongs to the spec.** Nothing is computed for a height and a width but what stands here, and all of it is
whole numbers of 32 bits and upper words of products. Images have sides of 1 … 65 535 pixels.

**Count.** An image is dusted if its second word of block 0 is below ``round(p * 2**32)``. Then it has
``count_range[0] + high(w * n)`` rectangles, where w is the first word and n is how many numbers the range has.
Otherwise it has none.

**Curves.** Three functions are read from tables. A table has rows of three words (f, s, c). With x, a word that says
how far into its row a place lies, they are:

- ``quantile(w)``: t is w if w is below 2³¹, and otherwise ``2**32 - 1 - w``; a t of 0 becomes 1. If t is
  ``2**o * m`` with ``1 <= m < 2``, the row is ``32 * o + floor(32 * (m - 1))``, and x is the fraction of
  ``32 * (m - 1)``, in units of 2⁻³². The quantile is ``f - high(x * (s - high(x * c)))``.
- ``log(a)`` for a from 1 to ``2**31 - 1``: if a is ``2**o * m``, the row is ``floor(64 * (m - 1))``, and x is the
  fraction of ``64 * (m - 1)``. The logarithm is ``(o << 23) + (f + high(x * (s - high(x * c))) >> 9)``.
- ``power(v)`` of a word v: the exponent is ``v >> 24``, the row is ``v >> 18`` modulo 64, and x is ``v << 14`` modulo
  2³². The mantissa e is ``f + high(x * (s + high(x * c)))``. The power is ``e >> clip(128 - exponent, 0, 31)``.

The rows come from a curve y, exactly. With its values f, m and l at the beginning, the middle and the end of a row,
where x is 0, 2³¹ and 2³² (and t need not be whole), they are the numbers f, s and c. Each is computed exactly, s from
the exact c, and then rounded to the nearest:

| curve | rows | y | s | c |
|---|---|---|---|---|
| quantile | 31 × 32 | 2²⁹ z: a normal number is above z with probability (t + ½) / 2³² | f - l + c | 2 (f - 2m + l) |
| log | 64 | 2³² log₂(1 + row / 64) | l - f + c | 2 (2m - f - l) |
| power | 64 | 2³¹ 2^(row / 64) | l - f - c | 2 (f - 2m + l) |

So the quantile is z in units of 2⁻²⁹, log is half the binary logarithm in units of 2⁻²⁴, and power is 2 to the power of
``v / 2**24 - 128``, in units of 2⁻³¹. From an exponent of 129 on it is too low, but never below 1, as a fraction that
fits no image.

**Kinds.** What follows up to *Scaling* describes rectangles of ``kind="rectangles"``. The other two kinds draw neither
places nor sizes. Their rectangles are numbered as those are, and so have the same words y, x, size and fill.

- *grid*: with `grid_shape`, the image has so many rows and columns of cells. With `cell_sides`, a word picks one of n
  sides s, that of place ``high(w * n)``, where w is the size word of rectangle 1. A side of 0 means no rectangle. Any
  other makes ``(height + s - 1) // s`` rows, and as many columns for the width. Cell c = 0, 1, … in row-major order is
  rectangle c + 1. The cell in row i of R reaches from ``i * height // R`` up to ``(i + 1) * height // R``, or from
  ``i * s`` up to ``min((i + 1) * s, height)``, and its columns likewise. Its bottom and its right are then clipped to
  ``rows`` and ``columns``, as *Place* has them, and so are top and left. If the image is dusted, it has all of its
  cells as rectangles, otherwise none. With `cell_p`, a cell is hidden if its word y is below ``round(cell_p * 2**32)``.
  Without, the count k of the header tells how many are hidden: those of which fewer than k cells have a smaller pair
  (word y, number). With `keep`, the cells that would be hidden are not, and all others are. A cell that is not hidden
  is a rectangle that covers nothing: its bottom becomes its top.
- *lattice*: the words y, x and size of rectangle 1 give the period and the phases. If `period_range` has n numbers from
  low on, the period is ``d = low + high(size * n)``, and the phases are ``high(y * d)`` and ``high(x * d)``. Along a
  side there are ``(side + d - 2) // d + 1`` bands. Band i = 0, 1, … reaches from ``i * d - phase`` up to
  ``i * d - phase + high(q * (2 * d))``, both clipped to 0 … rows or 0 … columns. q is
  ``ceil((1 - kept_share) * 2**31)``, where the difference is a double. With A bands of rows and B of columns, *squares*
  have A B rectangles: rectangle ``i * B + j + 1`` is where band i of rows and band j of columns meet. *Lines* have A +
  B: first the bands of rows over all columns, 0 … columns, then the bands of columns over all rows.

A lattice has all of its rectangles if the image is dusted, otherwise none. It is an error if the shortest side that may
be drawn, 0 apart, or the shortest period gives an image more than 65 535 rectangles, whatever is drawn.

**Size.** A spec says height and width in one of five ways.

- *Half sizes*: w is the size word. If the range of heights has n numbers from low on, the height is
  ``2 * (low + high(w * n))``. If the range of widths has m numbers from first on, and v is the lower word of ``w * n``,
  the width is ``2 * (first + high(v * m))``.
- *Sides*: if `side_range` has n numbers from low on, height and width are ``low + high(w * n)``, w as above.
- *Fractions*: the ends of both ranges are ``ceil(end * 2**31)``. The height is made of the first word of block b = 0
  for sizes: with n numbers from low on, its fraction g of the side is ``low + high(w * n)``. The width is made of the
  second word likewise.
- *Areas and aspects*, and *Shares*: see below.

With `halve_sizes`, rectangle r has fractions ``g >> o``, where 2^o is the largest power of two that is not above r, and
a height or width of 0 pixels becomes 1. Depths are not halved, and `per_object` does not go with it.

A fraction g, in units of 2⁻³¹, is ``high(g * (4 * side)) + 1 >> 1`` pixels of a side: rounded, halves up.

**Areas and aspects.** The area is uniform, and so is the logarithm of the aspect, height / width. A rectangle has ten
tries, two in each of five blocks for sizes: the first and second word of block b = 0 are area and aspect of the first
try, the third and fourth those of the second one, and so on. The first try whose height and width in pixels are below
the image's counts. If there is none, height and width are 0: it is a rectangle that covers nothing.

The spec gives a scale k, the largest whole number up to 36 for which ``area_range[1] * 2**k`` is not above 1; the ends
of the area ``round(a * 2**(30 + k))``; and the ends of the aspect ``round(log2(r) * 2**23)``, which may be negative,
where an r below 2⁻⁹⁶ or above 2⁹⁶ counts as that. All of these are exact before they are rounded. The image gives its
shape q: with ``u = log((longer side << 15) // shorter side) - (15 << 23)``, it is u if the image is wider than high,
and otherwise -u. With n areas from a0 on, and m aspects from y0 on, and the words w of the area and v of the aspect of
a try:

```text
a = log(max(a0 + high(w * n), 1)) + (128 << 24) - ((30 + k) << 23)
t = y0 + high(v * m) + q
height = power(a + t) as a fraction of the image's height, width = power(a - t) as a fraction of its width
```

**Shares.** With `area_beta`, a rectangle has the image's own aspect, and its share of the image's area, before it is
clipped, has the distribution Beta(a, a). With a = 1, the first word w of block b = 0 for sizes tells it: height and
width are ``power((128 << 24) + log(max(w >> 1, 1)) - (31 << 23))`` as fractions of the image's. Otherwise there are ten
tries (Jöhnk's), which have their words w and v as those of areas. s is ``round(2**(32 - j) / a)``, exact before it is
rounded, where j is the smallest number from 0 on for which s is below 2³². Of a word w, ``d(w)`` is
``high(((31 << 23) - log(max(w >> 1, 1))) * s) << j``, and ``e(d)`` is ``power((128 << 24) - 2 * min(d, 64 << 24))``.
The first try counts for which ``e(d(w)) + e(d(v))`` is not above 2³¹. With m, the smaller of d(w) and d(v), let X be
``e(d(w) - m) >> 1`` and Y be ``e(d(v) - m) >> 1``. Height and width are
``power((128 << 24) + log(max(Y, 1)) - log(min(X + Y, 2**31 - 1)))`` as fractions. If no try counts, they are 0.

With `area_range` it is an error, also for an image that gets no rectangle, if not even the smallest area fits. That is
decided in doubles: with the area ``s = area_range[0] * height * width``, if
``max(r0, s / (width - 0.5)**2) > min(r1, (height - 0.5)**2 / s)``, where r0 and r1 are the ends of `aspect_range`, and
a square is a product. In a graph that learns the size when it runs, such an image gets no dust.

**Place.** ``rows`` and ``columns`` are the image's height and width, each less 1 if `spare_last` is set.

- *inside*: a height above rows becomes rows, a width above columns becomes columns. The top is
  ``high(w * (rows - height + 1))`` of the word y, and the bottom is the top plus the height. Left and right are found
  likewise from the word x.
- *normal* and *uniform*: the words y and x give a centre (cy, cx). The top is ``cy - height // 2`` and the bottom is
  ``cy - height // 2 + height``, each clipped to 0 … rows; left and right are found likewise. *uniform*: cy is
  ``high(w * side)``, where side is the image's height, and cx likewise. *normal*: cy is ``high(u * (2 * side))``, where
  u is the place in units of 2⁻³¹ of the side. With the mean ``m = ceil(mean * 2**31)`` and the distance d from it, u is
  ``max(m - d, 0)`` if w is below 2³¹, and otherwise ``min(m + d, 2**31)``. d is
  ``min(high(quantile(w) * s) << j, 2**31)``, where j is the smallest number from 0 on for which
  ``s = round(std * 2**(34 - j))``, exact before it is rounded, is below 2³². If that j is above 31, j is 31 and s is
  ``2**32 - 1``.
- *guide*: the caller gives each image weights, rows by columns of whole numbers 0 … 255, whose sum S is below 2³¹. If S
  is 0, the image has no rectangle. Otherwise let k be ``high(w * S)`` of the word y. The first weight in row-major
  order up to which, it included, the weights sum to more than k, stands in row r and column c. With a and b, the upper
  and the lower half of the word x, cy is ``(r * height + (a * height >> 16)) // rows`` and cx is
  ``(c * width + (b * width >> 16)) // columns``, where height and width are the image's, and rows and columns those of
  the weights. The rectangle is found from the centre as above.

**Objects.** With `max_hidden`, the caller gives boxes of the objects of each image: top, left, bottom, right, cut off
at the image's border. An object of A pixels may lose L of them, the largest whole number for which ``L / A``, a double,
is not above `max_hidden`. Rectangles are taken in painting order, as they are after they were clipped. A rectangle of
which any object would lose more than that, summed over it and the rectangles kept before, becomes one that covers
nothing: its bottom becomes its top. All others keep their words.

**Per object.** With `per_object`, the caller gives boxes as for `max_hidden`, in an order that counts: j = 0, 1, … Each
box of an image gets dust as an image of the box's height and width gets it, with three differences. Its words of block
0 are those of block 2²⁸ + j. With m for ``count_range[1]``, its rectangles have the numbers r = j m + 1, j m + 2, …,
and for k boxes k m is at most 65 535. It is no error if no area fits: such a rectangle covers nothing, as its ten tries
show. Then the top of the box is added to the top and the bottom of each rectangle, and its left to left and right. The
rectangles of a box lie over those of the boxes before. A box without pixels has none. `max_hidden` holds for the
rectangles of all boxes together. Noise and means are those of the image.

**Keep.** With `keep`, the rectangles of ``kind="rectangles"`` are what stays, and the rest of the image is painted. An
image without rectangles stays as it is. Otherwise its rectangles, as they are after they were clipped, are replaced by
others. The tops and bottoms of those that cover something, 0 and the height cut the image into bands. In each band,
from top to bottom, every longest run of columns that no rectangle covers is a rectangle, from left to right.
Neighbouring bands are not joined. All of them have the fill of rectangle 1. They reach to the image's edges whatever
`spare_last` says, which limits what stays. If none covers anything, the whole image is one band.

**Cuboids.** A volume has slices, which are images, and lies on one index. Its rectangles are those of an image of the
slices' size. Without a depth they reach through all slices. With `depth_range` or `depth_fraction_range`, each reaches
over some: the block b = 7 for sizes has the words p and v. With n numbers from low on, the depth is
``low + high(v * n)``, or as many slices as a side of so many pixels would have of that fraction. *inside*: a depth
above the number of slices becomes that, and the first slice is ``high(p * (slices - depth + 1))``. Otherwise the middle
is ``high(p * slices)``, the first slice is ``middle - depth // 2``, the last one is that plus the depth, and both are
clipped to 0 … slices. What an object loses of `max_hidden` is counted as if every rectangle reached through all slices.
Noise and means are those of the volume: values are counted in the order slices, H, W, C.

**Donors.** With ``fill="donors"`` the caller gives a second batch of the same shape and dtype. What a rectangle covers
becomes the value that the donor has at the same place, bit by bit.

**Partners.** A permutation of 0 … n - 1 belongs to each (seed, epoch, n). Let b be the smallest number from 1 on for
which ``4**b`` is not below n. A number below 4^b is an upper half u and a lower half v of b bits each. Eight rounds i =
0 … 7 replace (u, v) by ``(v, u ^ (w >> (32 - b)))``, where w is the first word of block 2²⁷ + i with the counter
(block, v, low word of n, epoch). This is repeated, from the result on, until the number is below n: it is the partner
of the number at the beginning.

**Scaling.** If a spec's sizes are fractions or areas, an image of k times the height and k times the width gets the
same rectangles, scaled. All that stands above of such a rectangle, up to its fractions g and u and the word of its
place, is the same. For k = 2 and k = 3 each edge at the larger size differs from k times the edge at the smaller one by
k pixels at most, which is one pixel of the smaller image. An area's try may fit one of the two sizes only, if its
height or width is within a pixel of the image's; then the rectangle is another one. Noise is not scaled.

**Brightness.** A level is ``low + high(w * n)`` in `fill_range`, of n numbers from low on. ``fill="grey"`` takes the
fill word of the rectangle, ``"color"`` a word for each channel. ``"constant"`` draws nothing: the brightness is
`fill_value`, one number for all channels or one for each.

**Noise.** Every value of the image has a level of its own, counted in HWC order. If `fill_range` has all 256 numbers,
value i takes the byte ``i % 4`` of word ``i // 4 % 4`` of the block with ``b = i // 16``, and that byte is its level.
Otherwise it takes the half ``i % 2`` of word ``i // 2 % 4`` of the block with ``b = i // 8``, and with n numbers from
low on its level is ``low + (half * n >> 16)``. Byte 0 and half 0 are the lowest bits. An image has at most 2³⁵ values
with bytes, and 2³⁴ with halves.

**Values.** Brightness b becomes a value between the image's black, ``low``, and its white, ``high``. For integers and
bool it is ``low + (high - low) * b / 255``, computed exactly and rounded, halves up. For all other dtypes it is
``low + b / 255 * (high - low)``; if the spec has `normalize_mean`, the channel's mean is subtracted and the result
divided by the channel's std. Then it is rounded to the dtype, halves to even: once, but to bfloat16 and to floats of 8
bits by way of a float of 32 bits. Complex numbers get an imaginary part of 0.

**Means.** ``fill="mean"`` paints every channel with its own mean over the n pixels of the image as it was before. Of
integers and bool the mean of the sum S is ``(2 * S + n) // (2 * n)``. Floats v are summed as the whole numbers
``round(v * 2**k)``, and their mean is the double nearest to ``(2 * S + n) // (2 * n) / 2**k``, rounded to the dtype as
above. k is ``32 - e``, which may be negative, and 2^e is the smallest power of two that is not below ``abs(low)`` and
``abs(high)``, where e may be negative too. It is an error, also for an image that gets no rectangle, if a value is not
finite or ``abs(v * 2**k)`` is not below 2⁴⁶, or if the numbers are complex.

**Painting.** Later rectangles lie over earlier ones. Pixels that no rectangle covers are not touched. An image without
pixels stays as it is.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

WORDS, WORD_MASK = 1 << 32, (1 << 32) - 1

PHILOX_ROUNDS = 10
PHILOX_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
PHILOX_WEYL = 0x9E3779B9, 0xBB67AE85

HEADER_BLOCK, PARTNER_BLOCK, OBJECT_BLOCK, NOISE_BLOCK = 0, 1 << 27, 1 << 28, 1 << 31
COLOR_BLOCK, COLOR_BLOCKS_PER_RECTANGLE = 1 << 30, 256
SIZE_BLOCK, SIZE_BLOCKS_PER_RECTANGLE = 1 << 29, 8
# Of the blocks for sizes, the one for slices.
DEPTH_BLOCK = 7
PARTNER_ROUNDS = 8

MAX_SEED, MAX_EPOCH, MAX_INDEX = 2**64 - 1, 2**32 - 1, 2**63 - 1
# What the blocks of colours have room for, and those of noise: the parts of a word are its bytes, or its halves.
MAX_COLOR_CHANNELS = 4 * COLOR_BLOCKS_PER_RECTANGLE
MAX_NOISE_BYTES, MAX_NOISE_HALVES = 16 * (WORDS - NOISE_BLOCK), 8 * (WORDS - NOISE_BLOCK)

# Fractions of a side, and places on it.
FRACTION_BITS = 31
HALF_WORD = 1 << 31

# Curves: bits of the row within an octave, and the units of what is read from them.
QUANTILE_OCTAVES, QUANTILE_ROW_BITS, QUANTILE_BITS = 31, 5, 29
LOG_ROW_BITS, POWER_ROW_BITS, LOG_BITS = 6, 6, 24
POWER_BIAS = 128

# Rectangles of a random area have this many tries to fit into the image.
AREA_TRIES, AREA_BITS, MAX_AREA_SCALE, MAX_LOG_ASPECT = 10, 30, 36, 96
SHAPE_BITS = 15

# Means of floats are taken in units of 2**-32 of a power of two, over values up to 2**14 times that.
MEAN_BITS, MEAN_LIMIT_BITS = 32, 46


class Fill(NamedTuple):
    """What a fill asks of a backend.

    Attributes
    ----------
    per : {"rectangle", "channel", "value", "image", "donor"}
        What has a brightness of its own: a rectangle, a channel of it, a value of the image, or a channel of the image.
        "donor": none is drawn, and values are copied.
    drawn : bool
        Whether that brightness is a level of `fill_range`, drawn from a word.
    """

    per: Literal["rectangle", "channel", "value", "image", "donor"]
    drawn: bool


FILLS = {
    "grey": Fill("rectangle", drawn=True),
    "constant": Fill("rectangle", drawn=False),
    "color": Fill("channel", drawn=True),
    "noise": Fill("value", drawn=True),
    "mean": Fill("image", drawn=False),
    "donors": Fill("donor", drawn=False),
}

# Whether the rectangle lies inside the image; otherwise a centre is drawn, and the rectangle is clipped.
PLACEMENTS = {"normal": False, "uniform": False, "inside": True, "guide": False}


class Kind(NamedTuple):
    """What a kind of rectangles asks of a backend.

    Attributes
    ----------
    placed : bool
        Whether each rectangle draws a place and a size of its own.
    counted : bool
        Whether `count_range` says how many rectangles there are, or how many of them are hidden.
    """

    placed: bool
    counted: bool


KINDS = {
    "rectangles": Kind(placed=True, counted=True),
    "grid": Kind(placed=False, counted=True),
    "lattice": Kind(placed=False, counted=False),
}
# So many sides of cells one spec may choose from, and so many rectangles may be kept.
MAX_CELL_SIDES, MAX_KEPT = 8, 32
# The weights of a guide sum to less, so that a word picks each unit of weight.
MAX_GUIDE_SUM = 2**31 - 1
