"""PyTorch's operations, for ``_graph.program``, on any device."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dustaug._engine.contract import MEAN_LIMIT_BITS, WORD_MASK
from dustaug._engine.fills import mean_bits

from .program import Int, Length, Tensor, Word, Words, check_index_shape
from .torch_dtypes import numpy_dtype

_MASK_32 = WORD_MASK
# How many values are summed at once.
_PART = 1 << 24


class Torch:
    """Words are int64: PyTorch has few unsigned operations. A product of two words wraps to the right 64 bits.

    Parameters
    ----------
    device : torch.device or str
        Where the images are.
    """

    # Operations that PyTorch has as they are wanted.
    xor: Any = staticmethod(torch.bitwise_xor)
    where: Any = staticmethod(torch.where)
    reshape: Any = staticmethod(torch.reshape)
    transpose: Any = staticmethod(torch.permute)

    def __init__(self, device: Any = "cpu") -> None:
        self.device = device

    def shape_of(self, images: Tensor) -> tuple[Length, ...]:
        return tuple(images.shape)

    def to_words(self, number: Any) -> Words:
        if isinstance(number, int):
            return self.as_words(np.int64(number & _MASK_32)), self.as_words(np.int64(number >> 32))
        number = torch.as_tensor(number, device=self.device).to(torch.int64)
        return number & _MASK_32, (number >> 32) & _MASK_32

    def as_words(self, numbers: Any) -> Word:
        if not isinstance(numbers, torch.Tensor):
            numbers = torch.from_numpy(np.asarray(numbers, np.int64))
        return numbers.to(self.device, torch.int64)

    def arange(self, n: Length) -> Word:
        return torch.arange(n, device=self.device)

    def per_image(self, words: Word, images: Tensor) -> Word:
        check_index_shape(words.shape, images.shape)
        return words

    def broadcast(self, *words: Word) -> tuple[Word, ...]:
        return tuple(torch.broadcast_tensors(*words))  # type: ignore[no-untyped-call]

    def repeat(self, n: int, step: Callable[..., tuple[Word, ...]], state: tuple[Word, ...]) -> tuple[Word, ...]:
        for _ in range(n):
            state = step(*state)
        return state

    def multiply(self, word: Word, by: Word | int) -> Words:
        product = word * by
        return (product >> 32) & _MASK_32, product & _MASK_32

    def add(self, word: Word, other: Word | int) -> Word:
        return (word + other) & _MASK_32

    def subtract(self, word: Word | int, other: Word) -> Word:
        return (word - other) & _MASK_32

    def divide(self, word: Word, by: Word | int) -> Word:
        return word // by

    def shift_left(self, word: Word, bits: Word | int) -> Word:
        return (word << bits) & _MASK_32

    def shift_right(self, word: Word, bits: Word | int) -> Word:
        return word >> bits

    def low_bits(self, word: Word, mask: int) -> Word:
        return word & mask

    def less(self, word: Word, than: Word | int) -> Tensor:
        return word < than

    def to_int32(self, word: Word) -> Int:
        return word.to(torch.int32)

    def to_double(self, length: Length) -> Tensor:
        return torch.full((), length, dtype=torch.float64, device=self.device)

    def constant(self, values: NDArray[Any]) -> Tensor:
        if values.dtype.name == "bfloat16":  # Which torch.from_numpy does not know.
            return torch.from_numpy(values.view(np.int16)).view(torch.bfloat16).to(self.device)
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def numpy_dtype(self, tensor: Tensor) -> np.dtype[Any]:
        return numpy_dtype(tensor.dtype)

    def cast(self, tensor: Tensor, dtype: str) -> Tensor:
        return tensor.to(getattr(torch, dtype))

    def gather(self, values: Tensor, places: Int) -> Tensor:
        return values[places.long()]

    def batch_gather(self, values: Tensor, places: Int) -> Tensor:
        return torch.take_along_dim(values, places.long()[..., None], dim=1)

    def minimum(self, first: Int, second: Int | int) -> Int:
        return first.clamp(max=second)

    def maximum(self, first: Int, second: Int | int) -> Int:
        return first.clamp(min=second)

    def stack(self, tensors: Any) -> Tensor:
        return torch.stack(tensors, dim=-1)

    def sum_last(self, integers: Int) -> Int:
        return integers.sum(dim=-1, dtype=torch.int32)

    def sums_last(self, integers: Int) -> Int:
        return integers.cumsum(dim=-1, dtype=torch.int32)

    def msb(self, integers: Int) -> Int:
        # Without the bit below the highest, rounding to a float cannot carry: the exponent is the place.
        alone = integers & ~(integers >> 1)
        return (alone.to(torch.float32).view(torch.int32) >> 23) - 127

    def argsort(self, numbers: Tensor) -> Int:
        return numbers.argsort(dim=-1, stable=True).to(torch.int32)

    def like(self, tensor: Tensor, _: Tensor) -> Tensor:
        return tensor

    def paint_pixels(self, *_: Any, **__: Any) -> None:
        return None

    def mean_of(self, images: Tensor, value_range: tuple[float, float]) -> Tensor:
        # In parts, so that no batch needs room for its doubles.
        part = max(1, _PART // max(1, images[:1].numel()))
        return torch.cat([_means(images[i : i + part], value_range) for i in range(0, max(1, len(images)), part)])


def _means(images: torch.Tensor, value_range: tuple[float, float]) -> torch.Tensor:
    """Means (n, 1, 1, c) of images (n, h, w, c); NaN where they are not finite or far out of their range."""
    n_pixels, dtype, k = images.shape[1] * images.shape[2], images.dtype, mean_bits(value_range)
    if not dtype.is_floating_point:
        return _mean_of_integers(images.to(torch.int64), n_pixels, signed=dtype != torch.uint64).to(dtype)
    scaled = _scaled(images.double(), k)
    usable = (scaled.abs() < 2.0**MEAN_LIMIT_BITS).all(dim=2, keepdim=True).all(dim=1, keepdim=True)
    means = _mean_of_integers(torch.round(scaled).to(torch.int64), n_pixels)
    values = _scaled(means.double(), -k)
    if dtype == torch.float16:
        values = _round_to_odd(values)
    return torch.where(usable, values.to(dtype), torch.full((), math.nan, device=images.device).to(dtype))


def _scaled(doubles: torch.Tensor, k: int) -> torch.Tensor:
    """Return doubles times 2**k, which a double alone may be too small for."""
    return doubles * 2.0 ** (k // 2) * 2.0 ** (k - k // 2)


def _mean_of_integers(images: torch.Tensor, n_pixels: int, *, signed: bool = True) -> torch.Tensor:
    """Rounded mean of the bits of int64, halves up. Sums of the halves of a word cannot overflow."""
    upper = images >> 32 if signed else (images >> 32) & _MASK_32
    upper = upper.sum(dim=(1, 2), keepdim=True)
    lower = (images & _MASK_32).sum(dim=(1, 2), keepdim=True)
    rest = ((upper % n_pixels) << 32) + lower
    return (upper // n_pixels << 32) + (2 * rest + n_pixels) // (2 * n_pixels)


def _round_to_odd(values: torch.Tensor) -> torch.Tensor:
    """Round doubles to floats such that rounding these once more is as good as rounding the doubles themselves."""
    rounded = values.float()
    bits = rounded.view(torch.int32)
    towards_zero = torch.where(rounded.double().abs() > values.abs(), bits - 1, bits)
    return torch.where(rounded.double() == values, bits, towards_zero | 1).view(torch.float32)
