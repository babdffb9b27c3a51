"""Batches that are mixed with themselves, as operations of a graph: partners, rectangles and soft labels."""

from __future__ import annotations

import numpy as np

from dustaug._engine.contract import PARTNER_BLOCK, PARTNER_ROUNDS
from dustaug._engine.memory import Layout
from dustaug.spec import Spec

from .program import Int, Length, Ops, Tensor, Word, WordCoordinates, Words, build, philox

# Half the bits of the numbers of a batch, at most: no batch has more than 2**30 images.
_MOST_BITS = 15


def partners_of(ops: Ops, seed: Words, epoch: Word, n: Length) -> Int:
    """Return the partner of each of n images, (n,), as :func:`dustaug.partner_of` does.

    A graph cannot repeat the rounds until a number is below n. So all numbers of 2 b bits are replaced once, and those
    that lead out of the batch are followed, twice as far at each step.
    """
    if isinstance(n, int):
        bits = _find_bits(n)
        n_words, half, whole, steps = ops.as_words(np.array(n)), 1 << bits, 1 << 2 * bits, 2 * bits
        rest = ops.as_words(np.array(32 - bits))
    else:
        n_words = ops.as_words(n)
        powers = ops.as_words(4 ** np.arange(1, _MOST_BITS))
        bits = ops.as_words(ops.sum_last(ops.cast(ops.less(powers, n_words), "int32")) + 1)
        one = ops.as_words(np.array(1))
        half, whole, steps = ops.shift_left(one, bits), ops.shift_left(one, ops.add(bits, bits)), 2 * _MOST_BITS
        rest = ops.subtract(32, bits)
    blocks = ops.as_words(PARTNER_BLOCK + np.arange(PARTNER_ROUNDS))[:, None]
    counter = ops.broadcast(blocks, ops.arange(half)[None], *(ops.reshape(word, (1, 1)) for word in (n_words, epoch)))
    table = ops.reshape(ops.shift_right(philox(ops, counter, seed)[0], rest), (-1,))
    numbers = ops.arange(whole)
    upper = ops.shift_right(numbers, bits)
    lower = ops.xor(numbers, ops.shift_left(upper, bits))
    first = ops.arange(half)[0]
    for _ in range(PARTNER_ROUNDS):
        words = ops.gather(table, ops.to_int32(ops.add(lower, first)))
        upper, lower, first = lower, ops.xor(upper, words), ops.add(first, half)
    moved = ops.to_int32(ops.xor(ops.shift_left(upper, bits), lower))
    inside = ops.less(numbers, n_words)
    following = ops.where(inside, ops.to_int32(numbers), moved)
    for _ in range(steps):
        following = ops.gather(following, following)
    return ops.gather(following, moved[:n])


def _find_bits(n: int) -> int:
    bits = 1
    while 4**bits < n:
        bits += 1
    return bits


def mix(
    ops: Ops,
    images: Tensor,
    labels: Tensor,
    masks: Tensor | None,
    spec: Spec,
    coordinates: WordCoordinates,
    *,
    layout: Layout,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Fill rectangles of a batch with its partners' pixels, and mix labels (n, k), floats, by what is hidden.

    Parameters
    ----------
    masks : tensor, (n, h, w), or with channels as in the layout, optional
        Follow the images.

    Returns
    -------
    images, labels, masks : tensors
    """
    n, *sides = (dict(zip(layout, ops.shape_of(images), strict=True))[axis] for axis in "NHW")
    partners = partners_of(ops, coordinates.seed, coordinates.epoch, n)
    mixed, covered = build(
        ops,
        images,
        spec,
        coordinates,
        layout=layout,
        # Donors are copied, so any values of black and white will do that each dtype has.
        value_range=(0, 1),
        donors=ops.gather(images, partners),
    )
    # One division of whole numbers for each share, so that it is rounded once.
    n_pixels = ops.cast(ops.to_double(sides[0] * sides[1]), "float32")
    hidden = ops.sum_last(ops.reshape(ops.cast(covered, "int32"), (n, sides[0] * sides[1])))
    hidden = ops.cast(hidden, "float32")[:, None]
    share, rest = hidden / n_pixels, (n_pixels - hidden) / n_pixels
    donor_labels, dtype = ops.gather(labels, partners), ops.numpy_dtype(labels).name
    both = ops.cast(rest, dtype) * labels + ops.cast(share, dtype) * donor_labels
    soft = ops.where(labels == donor_labels, labels, both)
    if masks is not None:
        if len(masks.shape) > len(covered.shape):
            covered = covered[..., None] if layout == "NHWC" else covered[:, None]
        masks = ops.where(covered, ops.gather(masks, partners), masks)
    return mixed, soft, masks
