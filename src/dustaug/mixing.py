"""Partners and labels for images that are mixed: which image is the donor of which, and what both are then called."""

from __future__ import annotations

import functools
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._engine.checks import check_ends, check_plain, check_whole
from ._engine.contract import MAX_INDEX, PARTNER_BLOCK, PARTNER_ROUNDS, WORD_MASK
from ._engine.coordinates import check_epoch, check_seed
from ._engine.forks import fork_lock
from ._errors import shown

__all__ = ["mix_labels", "partner_of"]

# Halves of so many bits have all words of their rounds in a table: 128 KB at most, for up to 16,777,216 images.
_MOST_TABLE_BITS = 12
# Other indices are replaced so many at a time, as each takes some 100 bytes.
_AT_ONCE = 1 << 16


@overload
def partner_of(seed: int, epoch: int, index: int, n: int) -> int: ...
@overload
def partner_of(seed: int, epoch: int, index: ArrayLike, n: int) -> NDArray[np.int64]: ...
def partner_of(seed: int, epoch: int, index: Any, n: int) -> Any:
    """Return the partner of an image among n: a random permutation of 0 … n - 1, the same on every machine.

    ``donors = images[partner_of(seed, epoch, np.arange(len(images)), len(images))]`` chooses donors within a batch.
    For donors from the whole data set, n is its length, and the loader reads two images for each.

    Parameters
    ----------
    seed : int
        0 … 2**64 - 1. That of the dust may be used: it takes other random words.
    epoch : int
        0 … 2**32 - 1. Another epoch gives another permutation; within a batch, take the number of the step.
    index : int or whole numbers of any shape
        Which images: 0 … n - 1.
    n : int
        How many images there are: 1 … 2**63.

    Returns
    -------
    int, or int64 array of the shape of `index`
        0 … n - 1. No two images have one partner; about one image of all is its own.

    Raises
    ------
    TypeError
        If an argument is not a whole number, or `index` not an array of them.
    ValueError
        If an argument is out of its limits.

    Notes
    -----
    The partner of an image is computed alone: nothing is shuffled, so n may be the length of any data set. How it is
    computed stands in the contract, under *Partners*.

    Examples
    --------
    >>> partner_of(7, 0, 4, 10)
    9
    >>> partner_of(7, 0, range(10), 10)
    array([0, 2, 1, 3, 9, 7, 8, 5, 6, 4])
    """
    seed, epoch, n = check_seed(seed), check_epoch(epoch), check_whole("n", n, 1, MAX_INDEX + 1)
    numbers = _check_numbers(index, n)
    bits = max((n - 1).bit_length() + 1 >> 1, 1)
    partners = numbers.astype(np.uint64).reshape(-1)
    if bits <= _MOST_TABLE_BITS:
        table = _words_of_rounds(seed, epoch, n & WORD_MASK, bits)
        _walk(partners, n, bits, lambda i, lower: table[i][lower])
    else:
        for start in range(0, len(partners), _AT_ONCE):
            _walk(
                partners[start : start + _AT_ONCE],
                *(n, bits, lambda i, lower: _words_of_round(i, lower, seed, epoch, n & WORD_MASK, bits)),
            )
    found = partners.astype(np.int64).reshape(numbers.shape)
    return found if found.ndim else int(found)


def _walk(numbers: NDArray[np.uint64], n: int, bits: int, words: Any) -> None:
    """Replace numbers below n by their partners, in place."""
    shift, low_bits = np.uint64(bits), np.uint64((1 << bits) - 1)
    places = np.arange(len(numbers))
    while len(places):
        moved = numbers[places]
        upper, lower = moved >> shift, moved & low_bits
        for i in range(PARTNER_ROUNDS):
            upper, lower = lower, upper ^ words(i, lower)
        moved = upper << shift | lower
        numbers[places] = moved
        places = places[moved >= np.uint64(n)]


def _words_of_round(i: Any, lower: Any, seed: int, epoch: int, n_low: int, bits: int) -> NDArray[np.uint64]:
    """Return the upper bits of the words of round i for lower halves."""
    with fork_lock:
        from ._engine.kernels_numpy import philox

    word, *_ = philox((PARTNER_BLOCK + i, lower, n_low, epoch), seed & WORD_MASK, seed >> 32)
    return word >> np.uint64(32 - bits)


@functools.lru_cache(maxsize=4)
def _words_of_rounds(*which: int) -> NDArray[np.uint64]:
    """Return the bits of all rounds for all lower halves, (PARTNER_ROUNDS, 2**bits)."""
    rounds = np.arange(PARTNER_ROUNDS)[:, None]
    return _words_of_round(rounds, np.arange(1 << which[-1]), *which)


def _check_numbers(index: Any, n: int) -> NDArray[np.int64]:
    """Return whole numbers from 0 to n - 1."""
    if isinstance(index, (int, np.integer)):
        return np.array(check_whole("index", index, 0, n - 1))
    check_plain(index, "index")
    try:
        array = np.asarray(index)
    except (TypeError, ValueError):  # Ragged lists, and tensors that are not on the CPU.
        array = np.array(None)
    if array.size:
        if array.dtype.kind not in "iu":
            raise TypeError(f"index must be a whole number or an array of them, got {shown(index)}")
        check_ends("index", array, n - 1)
    return array.astype(np.int64)


def mix_labels(
    labels: ArrayLike, donor_labels: ArrayLike, share: ArrayLike, n_classes: int | None = None
) -> NDArray[np.float32]:
    """Return soft labels: of each image's own label what is left of the image, and of its donor's what came from there.

    Parameters
    ----------
    labels, donor_labels : whole numbers, (n,), or numbers, (n, k)
        Classes 0 … k - 1, or a share of each of k classes: one-hot or soft labels.
    share : float, (n,)
        Share of each image that came from its donor, 0 … 1, as :meth:`Rectangles.share` tells it.
    n_classes : int, required with classes
        k.

    Returns
    -------
    float32, (n, k)
        ``(1 - share) * labels + share * donor_labels``, with one-hot labels for classes; computed in doubles.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind, or `n_classes` is missing.
    ValueError
        If shapes do not go together, or a class or a share is out of its limits.

    Notes
    -----
    Losses of all frameworks take soft labels. With tensors, the same is
    ``torch.lerp(hot, hot[partners], share[:, None])`` in PyTorch, where ``hot`` is
    ``torch.nn.functional.one_hot(labels, k).float()``, and
    ``hot + share[:, None] * (tf.gather(hot, partners) - hot)`` in TensorFlow, both up to the rounding of float32.

    Examples
    --------
    >>> import numpy as np
    >>> mix_labels(np.array([0, 2]), np.array([1, 2]), np.array([0.25, 0.5]), n_classes=3)
    array([[0.75, 0.25, 0.  ],
           [0.  , 0.  , 1.  ]], dtype=float32)
    """
    if n_classes is not None:
        n_classes = check_whole("n_classes", n_classes, 1, MAX_INDEX)
    shares = _numbers("share", share)
    if shares.ndim != 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"share must have shape (n,) and lie in [0, 1], got {shown(share)}: type rectangles.share()")
    own, other = (_soft(*each, len(shares), n_classes) for each in (("labels", labels), ("donor_labels", donor_labels)))
    if own.shape != other.shape:
        raise ValueError(f"donor_labels must have the shape {own.shape} of labels, got {other.shape}")
    mixed: NDArray[np.float32] = ((1 - shares[:, None]) * own + shares[:, None] * other).astype(np.float32)
    return mixed


def _soft(name: str, labels: Any, n: int, n_classes: int | None) -> NDArray[np.float64]:
    """Return labels as a share of each class, (n, k)."""
    array = _numbers(name, labels)
    if array.ndim not in (1, 2) or len(array) != n:
        raise ValueError(f"{name} must have shape ({n},) or ({n}, n_classes), as share has {n}, got {array.shape}")
    if array.ndim == 2:
        if n_classes not in (None, array.shape[1]):
            raise ValueError(f"{name} must have shape ({n}, {n_classes}), got {array.shape}: leave n_classes out")
        return array.astype(np.float64)
    if array.dtype.kind not in "iu" and n:
        raise TypeError(f"{name} must be whole numbers if they are classes, got {array.dtype}: type labels.astype(int)")
    if n_classes is None:
        raise TypeError(f"n_classes must be given if {name} are classes, got none: type n_classes=10 for ten of them")
    classes = array.astype(np.int64) if not n else array
    check_ends(name, classes, n_classes - 1)
    soft = np.zeros((n, n_classes))
    soft[np.arange(n), classes] = 1
    return soft


def _numbers(name: str, given: Any) -> NDArray[Any]:
    """Return an array of real numbers."""
    check_plain(given, name)
    try:
        array = np.asarray(given)
    except (TypeError, ValueError):  # Ragged lists, and tensors that are not on the CPU.
        array = np.array(None)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be an array of real numbers, got {shown(given)}")
    return array
