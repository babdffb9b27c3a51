"""Reading and writing picture files so that nothing is lost without a word."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import get_sampling

from dustaug._engine.contract import MAX_GUIDE_SUM

from ._depth import bits_of, is_lossless_webp, readable_formats

_ORIENTATION = 0x0112
# What undoes each orientation that a reader of Pillow has applied by itself.
_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
_QUALITY = 95
_LOSSY = ("AVIF", "JPEG", "MPO", "WEBP")
_NOT_READ_BACK = ("BUFR", "EPS", "GRIB", "HDF5", "PALM", "PDF", "WMF")


# The modes whose numbers are the weights of a guide: black and white, grey, and classes of a palette.
_GUIDE_MODES = ("1", "L", "P")


class LossError(ValueError):
    """A copy would hold less than its picture."""


class Picture(NamedTuple):
    """The first frame of a file, and what has to be said about the file or kept for its copy."""

    image: Image.Image
    """In mode L, LA, RGB, RGBA or I;16; in mode I or F if these were allowed."""
    bits: int = 16
    """Bits that 16-bit grey uses; only TIFF has fewer, as Pillow scales what other formats have."""
    frames: int = 1
    orientation: int = 1
    """That of the file in EXIF, if the picture was not turned upright."""
    turned: bool = False
    converted: str = ""
    """Mode of the file if its colours had to be computed."""
    profile: bytes | None = None
    jpeg: dict[str, Any] | None = None
    """Tables and subsampling of a JPEG file."""
    lossless: bool = False
    """Whether a file of a format that allows both is coded without loss."""
    resized: bool = False


class Copy(NamedTuple):
    """The content of a file, and what its format does not have."""

    content: bytes
    lost_profile: bool
    in_colour: str
    """The format if it has no grey, and the picture is grey."""


@contextlib.contextmanager
def pixel_limit(max_pixels: int | None) -> Iterator[None]:
    """Make Pillow refuse images of more than `max_pixels`, or its own limit, for which it would only warn."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels or before or sys.maxsize
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")  # Readers warn of metadata, which is dropped.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


# ------------------------------------------------------------------------------------------------ reading


def picture_extensions() -> set[str]:
    """Return the extensions of files to read; those of MPO are read as JPEG."""
    formats = {*readable_formats(), "MPO"}
    return {extension for extension, name in Image.registered_extensions().items() if name in formats}


def read_picture(source: Path | io.BytesIO, *, upright: bool = True, any_range: bool = False) -> Picture:
    """Read the first frame of a picture; with `any_range`, also of 32-bit whole numbers and floats.

    Raises
    ------
    LossError
        If Pillow would cut off bits, or cannot paint on the picture.
    """
    # From a path, Pillow 13.0 maps uncompressed TIFF files of orientation 5 … 8 into memory with their sides swapped.
    with (
        source if isinstance(source, io.BytesIO) else source.open("rb") as stream,
        Image.open(stream, formats=readable_formats()) as file,
    ):
        frames = getattr(file, "n_frames", 1)
        bits = bits_of(file)
        is_deep = file.mode.startswith("I") or file.mode == "F"
        if bits > 8 and not is_deep:
            raise LossError(
                f"images must have 8 bits per channel or be 16-bit grey, got {bits}-bit {file.mode}, which Pillow cuts "
                "down: convert it to 8 bits first"
            )
        is_word = file.mode.startswith("I;16") or (file.mode == "I" and file.format in ("PNG", "PPM"))
        if is_deep and not is_word and not any_range:
            raise LossError(
                f"images must have 8 bits per channel or be 16-bit grey, got Pillow's mode {file.mode}, which does not "
                "tell black and white: type --value-range LOW HIGH"
            )
        if is_word and "transparency" in file.info:
            raise LossError(
                "16-bit grey images must not have a transparent value, which the dust could hit: convert it to 8 bits"
            )
        extras: dict[str, Any] = {}
        if file.format in ("JPEG", "MPO"):
            extras["jpeg"] = _jpeg_options(file)
        if file.format == "WEBP":
            extras["lossless"] = is_lossless_webp(file)
        image, orientation = _load(file, upright=upright)
    profile = image.info.get("icc_profile")
    if image.mode in ("CMYK", "LAB", "YCbCr", "HSV"):
        extras["converted"] = image.mode
        profile = None  # The profile describes other channels than RGB.
    is_upright = upright or orientation == 1
    return Picture(
        _plain(image, is_word=is_word),
        bits=bits if file.format == "TIFF" else 16,
        frames=frames,
        orientation=1 if is_upright else orientation,
        turned=upright and orientation != 1,
        profile=profile,
        **extras,
    )


def read_guide(path: Path, *, upright: bool = True) -> NDArray[Any]:
    """Return the weights of a mask, bool or uint8 (rows, columns), as small as they draw the same centres.

    Raises
    ------
    ValueError
        If the mask has a mode whose numbers are no weights, or too large a sum.
    """
    with path.open("rb") as stream, Image.open(stream, formats=readable_formats()) as file:
        if file.mode not in _GUIDE_MODES:
            raise ValueError(
                f"masks must be grey of 8 bits, black and white, or have a palette, got Pillow's mode {file.mode}: "
                "convert the mask to grey"
            )
        weights = np.array(_load(file, upright=upright)[0])
    if weights.dtype == bool:
        return weights
    # A common divisor of all weights changes no centre. Without it, a large mask of 0 and 255 has too large a sum.
    counts = np.bincount(weights.ravel(), minlength=256)
    divisor = max(1, int(np.gcd.reduce(np.flatnonzero(counts))))
    largest = int(counts @ np.arange(256)) // divisor
    if largest > MAX_GUIDE_SUM:
        raise ValueError(
            f"masks must have numbers that sum to at most {MAX_GUIDE_SUM}, got {largest}: make the mask smaller, as it "
            "may have any resolution"
        )
    return weights // np.uint8(divisor)


def _load(file: Any, *, upright: bool) -> tuple[Image.Image, int]:
    """Return the pixels of an opened file, and the orientation that its EXIF has."""
    orientation = file.getexif().get(_ORIENTATION, 1)
    if orientation not in _UNDO:
        orientation = 1
    file.load()
    # Pillow turns TIFF files itself.
    was_turned = orientation != 1 and file.getexif().get(_ORIENTATION, 1) != orientation
    if upright:
        turned = ImageOps.exif_transpose(file)
        return (turned if turned is not None else file.copy()), orientation
    return (file.transpose(_UNDO[orientation]) if was_turned else file.copy()), orientation


def _plain(image: Image.Image, *, is_word: bool) -> Image.Image:
    """Return an image in one of the modes that can be painted."""
    if is_word:
        image = Image.fromarray(np.asarray(image).astype(np.uint16))
    elif image.mode in ("I", "F"):
        pass
    elif image.has_transparency_data:
        wanted = "LA" if image.mode in ("1", "L", "LA", "La") else "RGBA"
        image = image if image.mode == wanted else image.convert(wanted)
    elif image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    image.info = {}
    return image


def _jpeg_options(file: Any) -> dict[str, Any] | None:
    """Return the tables and the subsampling of a JPEG file, if Pillow can write such a file."""
    layers, tables = file.layer, file.quantization
    if file.mode == "L":
        used = [layers[0][3]]
    elif file.mode == "RGB" and file.info.get("adobe_transform") != 0 and layers[1][3] == layers[2][3]:
        used = [layers[0][3], layers[1][3]]
    else:
        return None
    sampling = get_sampling(file)
    if (file.mode == "RGB" and sampling < 0) or not all(max(tables.get(number, (256,))) < 256 for number in used):
        return None
    return {"qtables": [list(tables[number]) for number in used], "subsampling": max(sampling, 0)}


def fit(image: Image.Image, side: int) -> Image.Image:
    """Return an image resized so that its longest side is `side`; no side becomes less than 1."""
    width, height = image.size
    scale = side / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size[0] * size[1] > (Image.MAX_IMAGE_PIXELS or sys.maxsize):
        raise ValueError(
            f"resized images must have at most {Image.MAX_IMAGE_PIXELS} pixels, got {size[0]} x {size[1]}: "
            "type a smaller --size"
        )
    return resize(image, size)


def resize(image: Image.Image, size: tuple[int, int], resample: int = Image.Resampling.LANCZOS) -> Image.Image:
    if image.mode == "I;16":
        # Pillow resizes floats in every version.
        smooth = np.asarray(Image.fromarray(np.asarray(image).astype(np.float32)).resize(size, resample))
        return Image.fromarray(np.clip(np.rint(smooth), 0, 65535).astype(np.uint16))
    return image.resize(size, resample)


# ------------------------------------------------------------------------------------------------ writing


def format_of(extension: str) -> str | None:
    """Return the format of an extension if copies in it can be written and read back."""
    Image.init()
    name = Image.registered_extensions().get(extension.lower())
    return name if name in Image.SAVE and name not in _NOT_READ_BACK else None


def encode_picture(picture: Picture, extension: str) -> Copy:
    """Return the content of a file which holds the image of a picture.

    The file is encoded in memory: SGI and IM files would hold the name of a temporary one.

    Raises
    ------
    LossError
        If the format cannot hold the image, or Pillow reads something else out of the file.
    """
    name = format_of(extension)
    if name is None:
        given = Image.registered_extensions().get(extension.lower(), extension)
        raise LossError(f"copies must be in a format that Pillow writes and reads, got {given}: type --format png")
    image = picture.image
    way_out = "tif" if image.mode in ("I", "F") else "png"
    options: dict[str, Any] = {"icc_profile": picture.profile} if picture.profile else {}
    if picture.orientation != 1:
        options["exif"] = Image.Exif()
        options["exif"][_ORIENTATION] = picture.orientation
    options |= _coding(picture, name)
    content = io.BytesIO()
    try:
        _ready(image, name).save(content, name, **options)
        copy = read_picture(io.BytesIO(content.getvalue()), upright=False, any_range=True)
        loss = _loss(picture, copy, is_lossy=name in _LOSSY)
    except Exception as error:  # noqa: BLE001  Whatever an encoder says of an image, or a decoder of what came out.
        loss = str(error) or type(error).__name__
    if loss:
        raise LossError(f"{name} cannot hold the copy ({loss}): type --format {way_out}")
    in_colour = name if image.mode.startswith("L") and copy.image.mode.startswith("RGB") else ""
    return Copy(content.getvalue(), copy.profile != picture.profile, in_colour)


def _coding(picture: Picture, name: str) -> dict[str, Any]:
    """Return how to encode: as the file was where that is known, else with little loss."""
    if name in ("JPEG", "MPO"):
        if picture.jpeg and (picture.image.mode == "L") == (len(picture.jpeg["qtables"]) == 1):
            options = dict(picture.jpeg)
            if picture.turned and options["subsampling"] == 1:
                options["subsampling"] = 0  # 4:2:2 halves one side, which may be another one now.
            return options
        return {"quality": _QUALITY, "subsampling": 0}
    if name == "WEBP":
        return {"quality": _QUALITY, "lossless": picture.lossless, "exact": True}
    if name == "AVIF":
        return {"quality": _QUALITY, "subsampling": "4:4:4"}
    return {}


def _ready(image: Image.Image, name: str) -> Image.Image:
    """Return an image in the mode in which a format takes it."""
    if name == "GIF" and image.mode in ("L", "LA", "RGB", "RGBA"):
        return _with_palette(image)
    if name == "PPM" and image.mode == "I;16":
        return Image.fromarray(np.asarray(image).astype(np.int32))  # Pillow before 11 writes 16 bits from these only.
    return image


def _with_palette(image: Image.Image) -> Image.Image:
    """Return an image with a palette of its own colours, of which GIF holds 256, a transparent one among them."""
    pixels = np.asarray(image.convert("RGBA"))
    clear = pixels[..., 3] == 0
    codes = pixels[..., :3].astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    codes[clear] = -1
    colours, numbers = np.unique(codes, return_inverse=True)
    if len(colours) > 256:
        raise LossError(f"a palette has 256 colours, the copy has {len(colours)}")
    result = Image.fromarray(numbers.reshape(codes.shape).astype(np.uint8))
    shown = np.maximum(colours, 0)
    result.putpalette(np.stack([shown >> 16, shown >> 8 & 255, shown & 255], axis=1).astype(np.uint8).tobytes())
    if clear.any():
        result.info["transparency"] = 0
    return result


def _loss(picture: Picture, copy: Picture, *, is_lossy: bool) -> str:
    """Return what a copy has lost, if anything."""
    wanted, got = picture.image, copy.image
    if wanted.size != got.size:
        return f"{got.width} x {got.height} pixels come back of {wanted.width} x {wanted.height}"
    deep = {"I;16": "16-bit grey", "I": "32-bit whole numbers", "F": "floats"}
    if wanted.mode != got.mode and (wanted.mode in deep or got.mode in deep):
        return f"{deep.get(wanted.mode, wanted.mode)} comes back as {deep.get(got.mode, got.mode)}"
    if picture.orientation != copy.orientation:
        return "the orientation is lost"
    has_alpha = wanted.mode in ("LA", "RGBA") and int(np.asarray(wanted)[..., -1].min()) < 255
    if has_alpha and got.mode not in ("LA", "RGBA"):
        return "the transparency is lost"
    if is_lossy:
        return "colours come back as grey" if wanted.mode.startswith("RGB") and got.mode.startswith("L") else ""
    if not np.array_equal(_shown(wanted), _shown(got), equal_nan=wanted.mode == "F"):
        return "other pixels come back"
    return ""


def _shown(image: Image.Image) -> NDArray[Any]:
    """Return the pixels, with all transparent ones alike."""
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        return np.asarray(image)
    pixels = np.array(image.convert("RGBA"))
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def on_white(picture: Picture, value_range: tuple[float, float] | None = None) -> Image.Image:
    """Return what a screen shows of a picture: RGB on white, of a range of deeper values."""
    image = picture.image
    if image.mode == "I;16" and value_range is None:
        image = Image.fromarray((np.asarray(image) >> (picture.bits - 8)).astype(np.uint8))
    elif image.mode in ("I;16", "I", "F"):
        low, high = value_range or (0, 255)
        shown = (np.asarray(image).astype(np.float64) - low) / (high - low) * 255
        image = Image.fromarray(np.nan_to_num(np.rint(np.clip(shown, 0, 255))).astype(np.uint8))
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
