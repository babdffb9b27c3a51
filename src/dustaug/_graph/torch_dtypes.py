"""The dtypes of tensors, as NumPy has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from dustaug._extras import name_extra

_INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
_NUMPY_DTYPES = ("bool", *_INTEGERS, "float16", "float32", "float64", "complex64")
_ML_DTYPES = ("bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz")


def numpy_dtype(dtype: torch.dtype) -> np.dtype[Any]:
    """NumPy's dtype of the same items.

    Raises
    ------
    TypeError
        If the items are not numbers, or not of 1, 2, 4 or 8 bytes.
    ImportError
        If the dtype needs ``ml_dtypes`` and it is not installed.
    """
    name = str(dtype).removeprefix("torch.")
    if name in _NUMPY_DTYPES:
        return np.dtype(name)
    if name not in _ML_DTYPES:
        raise TypeError(
            f"tensor must hold numbers of 1, 2, 4 or 8 bytes, got {dtype}: type tensor.to(torch.float32), or "
            "tensor.dequantize() if it is quantized"
        )
    with name_extra("torch", f"a tensor of {dtype}", "ml_dtypes"):
        import ml_dtypes
    named: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
    return named
