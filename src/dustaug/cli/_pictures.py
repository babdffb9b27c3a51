"""Reading and writing picture files, and drawing contact sheets."""

from __future__ import annotations

import contextlib
import re
import secrets
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from dustaug.core import add_dust

# Pillow's font has no letters beyond ASCII, except a few signs.
_MARGIN, _GAP, _CAPTION = 40, 14, 28
_INK, _GREY, _PAPER = "#1c1c1e", "#6b6b70", "#ffffff"


@contextlib.contextmanager
def pixel_limit(max_pixels: int) -> Iterator[None]:
    """Make Pillow refuse images of more than `max_pixels`, for which it would only warn."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def read_picture(path: Path) -> tuple[Image.Image, int]:
    """Return the first frame, upright, in mode L, LA, RGB, RGBA or I;16, and the number of frames."""
    with Image.open(path) as file:
        frames = getattr(file, "n_frames", 1)
        # Pillow would silently reduce 16-bit colour to 8 bits. In BGR;16 a whole pixel has 16 bits.
        raw_modes = [str(tile[3]) for tile in getattr(file, "tile", ())]
        if not file.mode.startswith("I") and any(";16" in mode and "BGR" not in mode for mode in raw_modes):
            raise ValueError("images must have 8 bits per channel or be 16-bit grey, got 16-bit colour")
        sixteen_bits = file.mode.startswith("I;16") or (file.mode == "I" and file.format == "PNG")
        image = ImageOps.exif_transpose(file)
    profile = image.info.get("icc_profile")
    if image.mode in ("CMYK", "LAB", "YCbCr"):
        profile = None  # The profile describes other channels than RGB.
    if sixteen_bits:
        image = Image.fromarray(np.asarray(image).astype(np.uint16))
    elif image.mode in ("I", "F"):
        raise ValueError(f"images must have 8 bits per channel or be 16-bit grey, got Pillow's mode {image.mode}")
    elif "transparency" in image.info or image.mode in ("PA", "La", "RGBa"):
        image = image.convert("RGBA")
    elif image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    image.info = {"icc_profile": profile} if profile else {}
    return image, frames


def write_picture(image: Image.Image, path: Path) -> None:
    """Save an image atomically: at every moment `path` is a complete file or does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"icc_profile": image.info["icc_profile"]} if "icc_profile" in image.info else {}
    unfinished = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        image.save(unfinished, Image.registered_extensions()[path.suffix.lower()], quality=95, **profile)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def can_write(extension: str) -> bool:
    return Image.registered_extensions().get(extension.lower()) in Image.SAVE


def on_white(image: Image.Image) -> Image.Image:
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")


def draw_block(
    name: str, original: Image.Image, small: Image.Image, versions: int, columns: int, **arguments: Any
) -> Image.Image:
    """Draw an enlarged image beside its dusted versions; `arguments` are those of :func:`add_dust`."""
    columns = min(columns, versions)
    rows = -(-versions // columns)
    zoom = max(1, 224 // max(small.size))  # Each pixel of a tiny image becomes a square of its colour.
    width, height = small.width * zoom, small.height * zoom
    large_height = height if rows == 1 else 2 * height + _CAPTION + _GAP
    large_width = round(large_height * small.width / small.height)
    nearest, smooth = Image.Resampling.NEAREST, Image.Resampling.LANCZOS
    large = original.resize((large_width, large_height), smooth if zoom == 1 else nearest)
    left = large_width + 2 * _GAP
    grid_height = rows * (height + _CAPTION + _GAP) - _GAP
    block = Image.new(
        "RGB", (left + columns * (width + _GAP) - _GAP, max(large_height + _CAPTION, grid_height)), _PAPER
    )
    _place(block, large, (0, 0), f"{name}, {small.width} x {small.height}")
    for index in range(versions):
        dusted = add_dust(np.array(small), index=index, **arguments)
        row, column = divmod(index, columns)
        where = left + column * (width + _GAP), row * (height + _CAPTION + _GAP)
        _place(block, Image.fromarray(dusted).resize((width, height), nearest), where, f"index {index}")
    return block


def _place(block: Image.Image, image: Image.Image, where: tuple[int, int], caption: str) -> None:
    font = ImageFont.load_default(15)
    caption = caption.encode("ascii", "replace").decode()
    while font.getlength(caption) > image.width and len(caption) > 1:
        caption = caption[:-2].rstrip() + "…"
    block.paste(image, where)
    baseline = where[0], where[1] + image.height + 20
    ImageDraw.Draw(block).text(baseline, caption, fill=_GREY, font=font, anchor="ls")


def draw_sheet(title: str, blocks: list[Image.Image]) -> Image.Image:
    """Draw blocks below one another, with a title and margins."""
    font = ImageFont.load_default(24)
    width = max(block.width for block in blocks)
    unbroken = re.sub(r"(?<=\d), (?=\d)", ",\N{NO-BREAK SPACE}", title)
    title = textwrap.fill(unbroken, max(24, int(width / font.getlength("0")))).replace("\N{NO-BREAK SPACE}", " ")
    _, _, right, bottom = ImageDraw.Draw(blocks[0]).multiline_textbbox((0, 0), title, font=font)
    width, head = max(width, int(right)), int(bottom) + 2 * _GAP
    height = head + sum(block.height + 2 * _GAP for block in blocks) - 2 * _GAP
    sheet = Image.new("RGB", (width + 2 * _MARGIN, height + 2 * _MARGIN), _PAPER)
    ImageDraw.Draw(sheet).multiline_text((_MARGIN, _MARGIN), title, fill=_INK, font=font)
    top = _MARGIN + head
    for block in blocks:
        sheet.paste(block, (_MARGIN, top))
        top += block.height + 2 * _GAP
    return sheet
