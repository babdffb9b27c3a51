"""Contact sheets, for ``dustaug preview``."""

from __future__ import annotations

import re
import textwrap
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from dustaug.core import add_dust

from ._pictures import resize

# In units; a unit is a pixel where tiles have up to 224 pixels, and grows with them.
_MARGIN, _GAP, _CAPTION = 40, 14, 28
_UNIT_SIDE = 224
_NARROWEST = 64  # A caption has room.
_INK, _GREY, _PAPER = "#1c1c1e", "#6b6b70", "#ffffff"


class Shown(NamedTuple):
    """A picture of a sheet: its name, its image before and after it was resized for dusting, and what fills dust."""

    name: str
    original: Image.Image
    small: Image.Image
    donor: Image.Image | None = None

    @property
    def zoom(self) -> int:
        """Each pixel of a tiny image becomes a square of its colour."""
        return max(1, _UNIT_SIDE // max(self.small.size))

    @property
    def tile(self) -> tuple[int, int]:
        return self.small.width * self.zoom, self.small.height * self.zoom


def add_donors(pictures: list[Shown]) -> list[Shown]:
    """Return pictures with donors: the next picture, cut to the same shape, or a single one upside down."""
    if len(pictures) == 1:
        [shown] = pictures
        return [shown._replace(donor=ImageOps.flip(shown.small))]
    nexts = pictures[1:] + pictures[:1]
    return [
        shown._replace(donor=ImageOps.fit(other.small, shown.small.size))
        for shown, other in zip(pictures, nexts, strict=True)
    ]


def draw_sheet(title: str, pictures: list[Shown], versions: int, columns: int, **arguments: Any) -> Image.Image:
    """Draw each image beside its dusted versions, in columns of one width; `arguments` are those of `add_dust`.

    Raises
    ------
    ValueError
        If the sheet would have more pixels than Pillow opens.
    """
    columns = min(columns, versions)
    rows = -(-versions // columns)
    unit = max(1.0, *(side / _UNIT_SIDE for shown in pictures for side in shown.tile))
    margin, gap, caption = (round(unit * length) for length in (_MARGIN, _GAP, _CAPTION))
    cell = max(round(unit * _NARROWEST), *(shown.tile[0] for shown in pictures))
    larges = [_large_size(shown, rows, caption + gap) for shown in pictures]
    left = max(width for width, _ in larges) + 2 * gap
    width = left + columns * (cell + gap) - gap
    heights = [
        max(large[1] + caption, rows * (shown.tile[1] + caption + gap) - gap)
        for shown, large in zip(pictures, larges, strict=True)
    ]

    font = ImageFont.load_default(24 * unit)
    unbroken = re.sub(r"(?<=\d), (?=\d)", ",\N{NO-BREAK SPACE}", title)
    title = textwrap.fill(unbroken, max(24, int(width / font.getlength("0")))).replace("\N{NO-BREAK SPACE}", " ")
    _, _, right, bottom = ImageDraw.Draw(Image.new("RGB", (1, 1))).multiline_textbbox((0, 0), title, font=font)
    head = int(bottom) + 2 * gap
    size = max(width, int(right)) + 2 * margin, head + sum(heights) + 2 * gap * (len(pictures) - 1) + 2 * margin
    if size[0] * size[1] > (Image.MAX_IMAGE_PIXELS or size[0] * size[1]):
        raise ValueError(
            f"a sheet must have at most {Image.MAX_IMAGE_PIXELS} pixels, got {size[0]} x {size[1]}: "
            "type a smaller --size, fewer --versions or fewer images"
        )

    sheet = Image.new("RGB", size, _PAPER)
    ImageDraw.Draw(sheet).multiline_text((margin, margin), title, fill=_INK, font=font)
    top = margin + head
    nearest, smooth = Image.Resampling.NEAREST, Image.Resampling.LANCZOS
    for number, (shown, large, height) in enumerate(zip(pictures, larges, heights, strict=True)):
        enlarged = resize(shown.original, large, smooth if shown.zoom == 1 else nearest)
        text = f"{shown.name}, {shown.small.width} x {shown.small.height}"
        _place(sheet, enlarged, (margin, top), text, unit, max(large[0], left - 2 * gap))
        donors: dict[str, Any] = {} if shown.donor is None else {"donors": np.array(shown.donor)}
        for version in range(versions):
            index = number * versions + version
            dusted = add_dust(np.array(shown.small), index=index, layout="HWC", **donors, **arguments)
            row, column = divmod(version, columns)
            where = margin + left + column * (cell + gap), top + row * (shown.tile[1] + caption + gap)
            tile = Image.fromarray(dusted).resize(shown.tile, nearest)
            _place(sheet, tile, where, f"index {index}", unit, cell)
        top += height + 2 * gap
    return sheet


def _large_size(shown: Shown, rows: int, between: int) -> tuple[int, int]:
    """Return the size of the original: two rows of tiles high, but no more than four tiles wide."""
    width, height = shown.tile
    wanted = height if rows == 1 else 2 * height + between
    scale = min(wanted / height, 4 * max(width, height) / width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _place(
    sheet: Image.Image, image: Image.Image, where: tuple[int, int], caption: str, unit: float, room: int
) -> None:
    font = ImageFont.load_default(15 * unit)
    # Pillow's font has no letters beyond ASCII, except a few signs.
    caption = caption.encode("ascii", "replace").decode()
    while font.getlength(caption) > room and len(caption) > 1:
        caption = caption[:-2].rstrip() + "…"
    sheet.paste(image, where)
    baseline = where[0], where[1] + image.height + round(20 * unit)
    ImageDraw.Draw(sheet).text(baseline, caption, fill=_GREY, font=font, anchor="ls")
