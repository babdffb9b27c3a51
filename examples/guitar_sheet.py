"""Sheets that show the guitars and the graffiti on them.

``python -m examples.guitar_sheet SHEET.png`` shows every model, and with ``--graffiti`` every style and severity.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dustaug._extras import name_extra

with name_extra("guitar", "dustaug.examples", "PIL"):
    from PIL import Image

from .graffiti import SHARES, STYLES, paint_graffiti
from .guitars import MODELS, make_guitars

__all__ = ["graffiti_sheet", "guitar_sheet", "main"]


def guitar_sheet(columns: int = 8, *, size: int = 224, seed: int = 0) -> Image.Image:
    """Return a sheet with one row for each model."""
    images = make_guitars(columns, size=size, seed=seed).images
    return _sheet(images.reshape(columns, len(MODELS), *images.shape[1:]).swapaxes(0, 1))


def graffiti_sheet(*, size: int = 224, seed: int = 0) -> Image.Image:
    """Return a sheet with one row for each model: first clean, then every severity of every style."""
    guitars = make_guitars(1, size=size, seed=seed)
    painted = [
        paint_graffiti(guitars.images, guitars.bodies, severity=severity, style=style, seed=seed)[0]
        for style in STYLES
        for severity in SHARES
    ]
    return _sheet(np.stack([guitars.images, *painted], 1))


def _sheet(images: NDArray[np.uint8], gap: int = 4) -> Image.Image:
    """Put images of shape (rows, columns, size, size, 3) on a white sheet."""
    padded = np.pad(images, [(0, 0), (0, 0), (gap, 0), (gap, 0), (0, 0)], constant_values=255)
    rows, columns, height, width, channels = padded.shape
    sheet = padded.swapaxes(1, 2).reshape(rows * height, columns * width, channels)
    return Image.fromarray(np.pad(sheet, [(0, gap), (0, gap), (0, 0)], constant_values=255))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a sheet to a file."""
    parser = argparse.ArgumentParser(prog="examples.guitar_sheet", description="Write a sheet of drawn guitars.")
    parser.add_argument("sheet", help="file to write, such as guitars.png")
    parser.add_argument("--graffiti", action="store_true", help="show graffiti by style and severity")
    parser.add_argument("--columns", type=int, default=8, help="guitars of each model (without --graffiti)")
    parser.add_argument("--size", type=int, default=224, help="pixels of a picture's side")
    parser.add_argument("--seed", type=int, default=0, help="which guitars")
    given = parser.parse_args(arguments)
    if given.graffiti:
        sheet = graffiti_sheet(size=given.size, seed=given.seed)
    else:
        sheet = guitar_sheet(given.columns, size=given.size, seed=given.seed)
    sheet.save(given.sheet)


if __name__ == "__main__":
    main()
