"""Arrays whose values are hidden by a mask."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_unmasked(images: Any) -> None:
    """Check that no values of an array are hidden, before a copy forgets which."""
    if isinstance(images, np.ma.MaskedArray):
        raise TypeError("images must not be masked, got a MaskedArray: type images.filled(0), or images.data")
