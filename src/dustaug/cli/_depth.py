"""Which files are pictures, and how many bits each of their values has, which Pillow does not say."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image


def bits_of(file: Any) -> int:
    """Return the bits of the deepest channel of an opened file; 8 stands for 8 and fewer."""
    return _FORMATS[file.format](file)


def readable_formats() -> list[str]:
    """Return the formats to read. Others hold data or drawings, or nobody knows what Pillow cuts off them."""
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _eight(_: Any) -> int:
    return 8


def _bits_of_raw(file: Any) -> int:
    """Return 16 if the decoder is given 16 bits for a channel. In BGR;16 a whole pixel has 16 bits."""
    modes = [str(tile[3]) for tile in getattr(file, "tile", ())]
    return 16 if any(";16" in mode and "BGR" not in mode for mode in modes) else 8


def _bits_of_tiff(file: Any) -> int:
    return max(8, *map(int, file.tag_v2.get(258, (1,))))


def _bits_of_ppm(file: Any) -> int:
    """Return the bits of the largest value that the header allows, which the decoder gets."""
    arguments = [argument for tile in file.tile for argument in (tile[3] if isinstance(tile[3], tuple) else ())]
    return max([_bits_of_raw(file), *(number.bit_length() for number in arguments if isinstance(number, int))])


def _bits_of_sgi(file: Any) -> int:
    """Read the fourth byte, the bytes per channel."""
    return 8 * _content(file)[3]


def _bits_of_dds(file: Any) -> int:
    """Return the bits of the masks of uncompressed channels. BC6H holds floats."""
    if str(getattr(file, "pixel_format", "")).startswith("BC6H"):
        return 16
    masks = [
        mask
        for tile in file.tile
        if tile[0] == "dds_rgb"
        for argument in tile[3]
        if isinstance(argument, tuple)
        for mask in argument
    ]
    return max([8, *(int(mask).bit_count() for mask in masks)])


def _bits_of_jpeg_2000(file: Any) -> int:
    """Read the marker SIZ: at its byte 40 are the number of channels and, in every third byte, the bits less one."""
    data = _content(file)
    start = data.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(data) < start + 42:
        return 8
    count = int.from_bytes(data[start + 40 : start + 42], "big")
    depths = data[start + 42 : start + 42 + 3 * count : 3]
    return max([8, *((depth & 0x7F) + 1 for depth in depths)])


def _bits_of_avif(file: Any) -> int:
    """Read the boxes av1C: their third byte tells 10 and 12 bits."""
    data = _content(file)
    bits = [8]
    start = data.find(b"av1C")
    while start >= 0:
        flags = data[start + 6] if len(data) > start + 6 else 0
        bits.append(12 if flags & 0x20 else 10 if flags & 0x40 else 8)
        start = data.find(b"av1C", start + 4)
    return max(bits)


def _content(file: Any) -> bytes:
    place = file.fp.tell()
    file.fp.seek(0)
    data = bytes(file.fp.read())
    file.fp.seek(place)
    return data


def is_lossless_webp(file: Any) -> bool:
    """Tell whether the frame of a WebP file is coded without loss."""
    return any(kind == b"VP8L" for kind in _chunks_of_webp(_content(file)))


def _chunks_of_webp(data: bytes) -> Iterator[bytes]:
    start = 12
    while start + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, start)
        yield kind
        start += 24 if kind == b"ANMF" else 8 + size + size % 2  # A frame of an animation has chunks of its own.


_FORMATS: dict[str, Callable[[Any], int]] = {
    **dict.fromkeys(("BLP", "BMP", "CUR", "DCX", "DIB", "FLI", "FTEX", "GBR", "GIF", "ICNS", "ICO", "IMT"), _eight),
    **dict.fromkeys(("JPEG", "MPO", "MSP", "PCD", "PCX", "PIXAR", "PSD", "QOI", "SUN", "TGA", "WEBP"), _eight),
    **dict.fromkeys(("XBM", "XPM", "XVTHUMB"), _eight),
    **dict.fromkeys(("FITS", "IM", "IPTC", "MCIDAS", "PNG", "SPIDER"), _bits_of_raw),
    "AVIF": _bits_of_avif,
    "DDS": _bits_of_dds,
    "JPEG2000": _bits_of_jpeg_2000,
    "PPM": _bits_of_ppm,
    "SGI": _bits_of_sgi,
    "TIFF": _bits_of_tiff,
}
