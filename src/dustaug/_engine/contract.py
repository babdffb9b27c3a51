"""Which dust an image gets, as prose and constants: every backend imports these constants, and none has its own.

The text below is all that a new backend needs. docs/determinism.md shows it, and ``tests/reference.py`` was written
from it alone. ``w`` is a word, an unsigned number of 32 bits. ``>>`` shifts to the right, ``//`` rounds down, and
``round`` goes to the nearest whole number, halves to even. Where numbers are not whole they are *doubles*,
floating-point numbers of 64 bits; each operation is rounded once, in the order written, and none is fused with
another. ``clip(v, l, u)`` is ``min(max(v, l), u)``.

**Words.** Philox4x32-10 (Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*, SC 2011) turns a counter of
four words and a key of two words into four random words. It has no state. The counter is (block, low word of the
index, high word of the index, epoch); the key is (low word of the seed, high word of the seed). The seed is below 2⁶⁴,
the epoch below 2³², the index below 2⁶³, and none is negative. Each of ten rounds replaces the counter (c0, c1, c2,
c3) by ``(high(m1 c2) ^ c1 ^ k0, low(m1 c2), high(m0 c0) ^ c3 ^ k1, low(m0 c0))``, where ``m0 = 0xD2511F53``,
``m1 = 0xCD9E8D57``, and high and low are the two words of a product of 64 bits. After each round k0 grows by
``0x9E3779B9`` and k1 by ``0xBB67AE85``, modulo 2³².

| block | its four words |
|---|---|
| 0 | count; whether the image is dusted; two unused words |
| 1 … 65 535 | one rectangle each, in painting order: y, x, size, fill |
| 2³⁰ + 256 r + b | ``fill="color"``: channels 4b … 4b + 3 of rectangle r = 1, 2, …; at most 1,024 channels |
| 2³¹ + b | ``fill="noise"``: values 4b … 4b + 3 of the image, counted in HWC order; at most 2³³ values |
| all others | reserved |

**Outcomes.** One of n equally likely outcomes 0 … n - 1 is ``w * n >> 32`` (multiply-shift). Any other distribution is
an alias table (Walker 1977; Vose 1991). Outcome i has a *mass*: how many of the 2³² words stand for it. There are 2ᵏ
buckets, the fewest that hold all outcomes, and k is at least 1. Outcome i belongs to bucket i; buckets without an
outcome have the mass 0. A bucket's *share* is 2³²⁻ᵏ. A bucket is *small* if its mass is below the share, and *large*
otherwise. The large buckets take turns, in order. In its turn a large bucket first fills up to the share the large
bucket before it, if giving has brought that one below its share; this one may then be below its own. Then, as long as
its mass is above the share, it fills up the next small bucket, in order. A bucket's *threshold* is the mass that it
had when it was filled up, and its second outcome is the outcome of the bucket that filled it. For a word w in bucket
``w >> (32 - k)`` the outcome is the bucket's own if ``w`` modulo the share is below the threshold, and otherwise the
second one. A bucket that was not filled up has its own outcome only.

**Count.** An image is dusted if its second word of block 0 is below ``round(p * 2**32)``. Then it has
``count_range[0] + (w * n >> 32)`` rectangles, where w is the first word and n is how many numbers the range has.
Otherwise it has none.

**Size.** The size word w gives the height and the width in pixels. A spec says them in one of four ways.

- *Half sizes* and *fractions*: if the range of heights has n numbers from low on, the height is
  ``unit * (low + (w * n >> 32))``. If the range of widths has m numbers from first on, and v is the low word of
  ``w * n``, the width is ``unit * (first + (v * m >> 32))``. Half sizes have the unit 2 and their own ranges.
  Fractions have the unit 1 and the ranges ``round(low * side)`` … ``round(high * side)``, where side is the image's
  height or width.
- *Sides*: height and width are the outcome of an alias table over the numbers of `side_range`. Outcome i of n has the
  mass ``((i + 1) << 32) // n - (i << 32) // n``.
- *Areas and aspects*: the outcome of an alias table over pairs (height, width), computed as follows.

**Areas and aspects.** The area a is uniform between ``a0 = (area_range[0] * height) * width`` of the image and a1
likewise; both are above 0. The logarithm of the aspect, height / width, is uniform between those of r0 and r1, the
ends of `aspect_range`. A pair of whole numbers, 0 or more and below the image's height and width, has the measure of
all areas a and aspects r for which ``sqrt(a * r)`` rounds to the height and ``sqrt(a / r)`` to the width. If a0 = a1
and r0 = r1, only the pair ``round(sqrt(a0 * r0)), round(sqrt(a0 / r0))`` can have a measure. Otherwise each of the two
ranges for which ``high > low * (1 + 2e-6)`` is false becomes ``low * (1 - 1e-6), high * (1 + 1e-6)``. Then the heights
run from ``floor(sqrt(a0 * r0) + 0.5)`` to ``floor(sqrt(a1 * r1) + 0.5)``, but at most to the image's height - 1; the
widths from ``floor(sqrt(a0 / r1) + 0.5)`` to ``floor(sqrt(a1 / r0) + 0.5)``, but at most to its width - 1. Logarithms
are rounded correctly. B(h, w) is the measure of what is less high than h and less wide than w:

```text
m = clip(h / w, r0, r1)                          log_m = clip(log(h) - log(w), log(r0), log(r1))
s(a) = clip(a / (w * w), r0, m)                  log_s(a) = clip(log(a) - 2 * log(w), log(r0), log_m)
t(a) = clip((h * h) / a, m, r1)                  log_t(a) = clip(2 * log(h) - log(a), log_m, log(r1))
B(h, w) = (w * w) * (s(a1) - s(a0)) + a1 * (log_t(a1) - log_s(a1))
          + (h * h) * (1 / t(a1) - 1 / t(a0)) - a0 * (log_t(a0) - log_s(a0))
```

An argument of B that is below 1e-9, as -0.5 is, becomes 1e-9. The pair of height i and width j has the measure
``(B(i + 0.5, j + 0.5) - B(i - 0.5, j + 0.5)) - (B(i + 0.5, j - 0.5) - B(i - 0.5, j - 0.5))``, but at least 0. Pairs
are in order of their height, then of their width. C is the sum of the measures up to and including a pair, added one
after the other; the last C is the total. Then ``round(C / total * 2**32)`` words stand for the pairs up to it. Pairs
for which no word stands are left out. If no pair has a measure, no such rectangle fits, and that is an error, also for
an image that gets no rectangle.

**Place.** ``rows`` and ``columns`` are the image's height and width, each less 1 if `spare_last` is set.

- *inside*: a height above rows becomes rows, a width above columns becomes columns. The top is
  ``w * (rows - height + 1) >> 32`` of the word y, and the bottom is the top plus the height. Left and right are found
  likewise from the word x.
- *normal* and *uniform*: the words y and x give a centre (cy, cx). The top is ``cy - height // 2`` and the bottom is
  ``cy - height // 2 + height``, each clipped to 0 … rows; left and right are found likewise. Each of cy and cx is the
  outcome of an alias table, for a side that is the image's height or width. *uniform*: the outcomes are 0 … side - 1,
  with masses as for *Sides*. *normal*: the outcomes 0 … side stand for ``floor(side * clip(z, 0, 1))``, where z is
  normal with `center_mean` and `center_std`. No word is below edge 0,
  ``2**31 * erfc((mean - e / side) / (std * sqrt(2)))`` words, rounded from the exact value, are below edge e = 1 …
  side, and all are below edge side + 1. With a std of 0 all words are below the edges e with ``mean * side < e``, and
  none below the others. Outcome i has the words below edge i + 1 that are not below edge i.

**Brightness.** A level is ``low + (w * n >> 32)`` in `fill_range`. ``fill="grey"`` takes the fill word of the
rectangle, ``"color"`` a word for each channel, ``"noise"`` a word for each value of the image. ``"constant"`` draws
nothing: the brightness is `fill_value`, one number for all channels or one for each.

**Values.** Brightness b becomes a value between the image's black, ``low``, and its white, ``high``. For integers and
bool it is ``low + (high - low) * b / 255``, computed exactly and rounded, halves up. For all other dtypes it is
``low + b / 255 * (high - low)``; if the spec has `normalize_mean`, the channel's mean is subtracted and the result
divided by the channel's std. Then it is rounded to the dtype, halves to even: once, but to bfloat16 and to floats of 8
bits by way of a float of 32 bits. Complex numbers get an imaginary part of 0.

**Means.** ``fill="mean"`` paints every channel with its own mean over the n pixels of the image as it was before. Of
integers and bool the mean of the sum S is ``(2 * S + n) // (2 * n)``. Floats v are summed as the whole numbers
``round((v - low) / (high - low) * 2**32)``; their mean is ``low + (2 * S + n) // (2 * n) * ((high - low) / 2**32)``,
rounded to the dtype as above. It is an error, also for an image that gets no rectangle, if
``(v - low) / (high - low)`` is not finite or not below 2¹⁴ in absolute value, or if the numbers are complex.

**Painting.** Later rectangles lie over earlier ones. Pixels that no rectangle covers are not touched. An image without
pixels stays as it is.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

WORDS, WORD_MASK = 1 << 32, (1 << 32) - 1

PHILOX_ROUNDS = 10
PHILOX_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
PHILOX_WEYL = 0x9E3779B9, 0xBB67AE85

HEADER_BLOCK, NOISE_BLOCK = 0, 1 << 31
COLOR_BLOCK, COLOR_BLOCKS_PER_RECTANGLE = 1 << 30, 256

MAX_SEED, MAX_EPOCH, MAX_INDEX = 2**64 - 1, 2**32 - 1, 2**63 - 1
# What the blocks of colours and of noise have room for.
MAX_COLOR_CHANNELS, MAX_NOISE_VALUES = 4 * COLOR_BLOCKS_PER_RECTANGLE, 4 * (WORDS - NOISE_BLOCK)

# Means of floats are taken in units of 2**-32 of the value range, over values within 2**14 times that range.
MEAN_UNITS, MEAN_LIMIT = 2.0**32, 2.0**14


class Fill(NamedTuple):
    """What a fill asks of a backend.

    Attributes
    ----------
    per : {"rectangle", "channel", "value", "image"}
        What has a brightness of its own: a rectangle, a channel of it, a value of the image, or a channel of the image.
    drawn : bool
        Whether that brightness is a level of `fill_range`, drawn from a word.
    """

    per: Literal["rectangle", "channel", "value", "image"]
    drawn: bool


FILLS = {
    "grey": Fill("rectangle", drawn=True),
    "constant": Fill("rectangle", drawn=False),
    "color": Fill("channel", drawn=True),
    "noise": Fill("value", drawn=True),
    "mean": Fill("image", drawn=False),
}

# Whether the rectangle lies inside the image; otherwise a centre is drawn, and the rectangle is clipped.
PLACEMENTS = {"normal": False, "uniform": False, "inside": True}
