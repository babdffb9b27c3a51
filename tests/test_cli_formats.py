"""``dustaug apply`` loses nothing without a word: every copy holds what its picture holds, or the file is refused."""

from __future__ import annotations

import io
import json
import struct
import types

import numpy as np
import pytest
from PIL import Image, ImageCms, JpegImagePlugin, features

import dustaug
from dustaug import index_of
from dustaug.cli._depth import bits_of
from test_cli import chunk, contents, load, noise, run, save

HAS_AVIF = "avif" in features.modules and features.check("avif")


def encoded(pixels, name, **options):
    """Return the content of a file."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, name, **options)
    return content.getvalue()


def patched(content, at, byte):
    return content[:at] + bytes([byte]) + content[at + 1 :]


def jpeg_2000_of_12_bits():
    """Return the header of a colour image of 12 bits. It is refused before anything is decoded."""
    content = encoded(noise(16, 16, 3), "JPEG2000")
    start = content.index(b"\xff\x4f\xff\x51") + 42
    return patched(content, start, 11)


def deep_tiff():
    """Return an uncompressed TIFF file of 16-bit colour."""
    tags = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 3, 200), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 300)]
    tags += [(277, 3, 1, 3), (278, 3, 1, 1), (279, 4, 1, 6)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + b"\0" * 4
    content = b"II*\0" + struct.pack("<I", 8) + directory
    return content.ljust(200, b"\0") + struct.pack("<3H", 16, 16, 16).ljust(100, b"\0") + b"\1\2\3\4\5\6"


def deep_dds():
    """Return a DDS file whose channels have 10 bits."""
    header = struct.pack("<7I44x", 124, 0x100F, 1, 1, 4, 0, 0)
    pixel_format = struct.pack("<2I4s5I", 32, 0x40, b"\0" * 4, 32, 0x3FF00000, 0xFFC00, 0x3FF, 0)
    return b"DDS " + header + pixel_format + struct.pack("<5I", 0x1000, 0, 0, 0, 0) + b"\1\2\3\4"


def bmp_with_alpha(alpha):
    """Return a BMP file with one pixel and a mask for alpha."""
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", 108, 1, 1, 1, 32, 3, 4, 2835, 2835, 0, 0) + masks + b"BGRs" + b"\0" * 48
    return b"BM" + struct.pack("<IHHI", 126, 0, 0, 122) + info + bytes([1, 2, 3, alpha])


def opens(content):
    """Tell whether this version of Pillow opens a file at all."""
    try:
        Image.open(io.BytesIO(content)).close()
    except OSError:
        return False
    return True


DEEP = {
    "colour.ppm": (b"P6\n2 1\n65535\n" + bytes(12), "16-bit RGB"),
    "plain.ppm": (b"P3\n1 1\n1023\n1 2 3\n", "10-bit RGB"),
    "colour.sgi": (encoded(noise(4, 4, 3), "SGI", bpc=2), "16-bit RGB"),
    "grey.sgi": (encoded(noise(4, 4), "SGI", bpc=2), "16-bit L"),
    "colour.tif": (deep_tiff(), "16-bit RGB"),
    **({"colour.dds": (deep_dds(), "10-bit RGB")} if opens(deep_dds()) else {}),
    "colour.jp2": (jpeg_2000_of_12_bits(), "12-bit RGB"),
}


@pytest.mark.parametrize("name", DEEP)
def test_colour_that_pillow_cuts_down_is_refused(tmp_path, name):
    """A file of more than 8 bits per channel is refused with its depth, in every format and for every --format."""
    content, depth = DEEP[name]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    for arguments in ([], ["--format", "png"]):
        result = run("apply", tmp_path / "in", tmp_path / "out", *arguments)
        assert result.exit_code == 1
        assert f"got {depth}, which Pillow cuts down: convert it to 8 bits first" in result.stderr
    assert contents(tmp_path / "out") == {}


@pytest.mark.parametrize(("flags", "bits"), [("0C", 8), ("4C", 10), ("6C", 12)])
def test_bits_of_avif(flags, bits):
    """The third byte of the box av1C, as AV1-ISOBMFF defines it, tells the depth; Pillow writes 8 bits only."""
    content = io.BytesIO(b"....ftypavif....av1C" + bytes.fromhex(f"8104{flags}00") + b"mdat")
    assert bits_of(types.SimpleNamespace(format="AVIF", fp=content)) == bits


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("full.pgm", b"P5\n40 30\n65535\n" + noise(30, 40, dtype=np.uint16).astype(">u2").tobytes()),
        ("full.png", encoded(noise(30, 40, dtype=np.uint16), "PNG")),
        ("full.tif", encoded(noise(30, 40, dtype=np.uint16), "TIFF")),
        ("full.jp2", encoded(noise(30, 40, dtype=np.uint16), "JPEG2000")),
    ],
)
def test_grey_of_16_bits_stays(tmp_path, name, content):
    """16-bit grey is dusted in 16 bits in every format that holds it."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    result = run("apply", tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    wanted = noise(30, 40, dtype=np.uint16)
    dustaug.add_dust(wanted, seed=0, index=index_of(name))
    with Image.open(tmp_path / "out" / name) as image:
        assert image.mode.startswith("I")
        assert np.array_equal(np.asarray(image).astype(np.uint16), wanted)


@pytest.mark.parametrize("extension", ["webp", "gif", "jpg", "bmp", *(["avif"] if HAS_AVIF else [])])
def test_a_format_of_8_bits_refuses_16(tmp_path, extension):
    """16-bit grey never becomes white in a format of 8 bits: it is refused, and PNG is named."""
    save(tmp_path / "in" / "deep.png", noise(20, 20, dtype=np.uint16))
    result = run("apply", tmp_path / "in", tmp_path / "out", "--format", extension)
    assert result.exit_code == 1
    assert f"{Image.registered_extensions()['.' + extension]} cannot hold the copy (" in result.stderr
    assert "): type --format png" in result.stderr
    assert contents(tmp_path / "out") == {}


def test_alpha_is_kept_or_refused(tmp_path):
    """Formats without alpha refuse it; where nothing is transparent, nothing is lost."""
    for name, alpha in (("clear", 7), ("opaque", 255)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.bmp").write_bytes(bmp_with_alpha(alpha))
    result = run("apply", tmp_path / "clear", tmp_path / "out")
    assert result.exit_code == 1
    assert "a.bmp: BMP cannot hold the copy (the transparency is lost): type --format png" in result.stderr
    assert run("apply", tmp_path / "clear", tmp_path / "png", "--format", "png").exit_code == 0
    assert load(tmp_path / "png" / "a.png").tolist() == [[[3, 2, 1, 7]]]
    assert run("apply", tmp_path / "opaque", tmp_path / "kept").exit_code == 0
    assert load(tmp_path / "kept" / "a.bmp").tolist() == [[[3, 2, 1]]]


def test_palettes_with_alpha(tmp_path):
    """The transparency of a palette comes through; so does that of one colour, and grey stays grey."""
    numbers = np.arange(64, dtype=np.uint8).reshape(8, 8) % 4
    image = Image.fromarray(numbers)
    image.putpalette([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    (tmp_path / "in").mkdir()
    image.save(tmp_path / "in" / "P.png", transparency=bytes([0, 100, 200, 255]))
    image.save(tmp_path / "in" / "P.gif", transparency=2)
    save(tmp_path / "in" / "L.png", numbers, transparency=3)
    result = run("apply", tmp_path / "in", tmp_path / "out", "--p", 0)
    assert result.exit_code == 0, result.stderr
    for name, mode in (("P.png", "RGBA"), ("P.gif", "RGBA"), ("L.png", "LA")):
        with Image.open(tmp_path / "in" / name) as before, Image.open(tmp_path / "out" / name) as after:
            assert np.array_equal(np.asarray(before.convert(mode))[..., -1], np.asarray(after.convert(mode))[..., -1])
            assert len(np.unique(np.asarray(after.convert(mode))[..., -1])) > 1


def test_a_transparent_value_of_16_bits_is_refused(tmp_path):
    """Dust could hit the transparent value of 16-bit grey, and Pillow has no mode with an alpha beside it."""
    content = encoded(noise(20, 20, dtype=np.uint16), "PNG")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(content[:33] + chunk(b"tRNS\0\5") + content[33:])
    result = run("apply", tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 1
    assert "16-bit grey images must not have a transparent value, which the dust could hit" in result.stderr


@pytest.mark.parametrize("extension", ["ico", "icns"])
def test_formats_of_fixed_sizes_are_refused(tmp_path, extension):
    """Icons are written in sizes of their own; a copy of another size than the image is refused."""
    save(tmp_path / "in" / "a.png", noise(50, 70, 4))
    result = run("apply", tmp_path / "in", tmp_path / "out", "--format", extension)
    assert result.exit_code == 1
    assert "pixels come back of 70 x 50): type --format png" in result.stderr


def test_formats_that_cannot_be_written(tmp_path):
    """A format that is only read is named with the way out; the way out works."""
    xpm = b'/* XPM */\nstatic char *a[] = {\n"1 1 1 1",\n"a c #102030",\n"a"\n};\n'
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.xpm").write_bytes(xpm)
    result = run("apply", tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 1
    assert "copies must be in a format that Pillow writes and reads, got XPM: type --format png" in result.stderr
    assert run("apply", tmp_path / "in", tmp_path / "png", "--format", "png").exit_code == 0
    assert load(tmp_path / "png" / "a.png").tolist() == [[[16, 32, 48]]]
    for extension in ("pdf", "eps", "psd"):
        result = run("apply", tmp_path / "in", tmp_path / "no", "--format", extension)
        assert result.exit_code == 2
        assert f"an extension that Pillow writes and reads, got {extension}: type --format png" in result.stderr


def test_every_run_writes_the_same_bytes(tmp_path):
    """No format keeps the name of a temporary file, a date or anything else that differs between runs."""
    formats = ["sgi", "im", "png", "tif", "gif", "bmp", "tga", "pcx", "ppm", "jp2", "jpg", "webp", "dds"]
    formats += ["avif"] if HAS_AVIF else []
    save(tmp_path / "in" / "a.png", np.arange(48 * 4, dtype=np.uint8).reshape(8, 8, 3))
    for name in ("first", "second"):
        for extension in formats:
            result = run("apply", tmp_path / "in", tmp_path / f"{name}-{extension}", "--p", 0, "--format", extension)
            assert result.exit_code == 0, result.stderr
            assert set(contents(tmp_path / f"{name}-{extension}")) == {f"a.{extension}"}
    for extension in formats:
        assert contents(tmp_path / f"first-{extension}") == contents(tmp_path / f"second-{extension}"), extension


@pytest.mark.parametrize("sampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [30, 98])
def test_jpeg_keeps_its_tables_and_subsampling(tmp_path, sampling, quality):
    """A copy of a JPEG file has the tables and the subsampling of that file, whichever they are."""
    save(tmp_path / "in" / "a.jpg", noise(64, 48, 3), quality=quality, subsampling=sampling)
    save(tmp_path / "in" / "grey.jpg", noise(64, 48), quality=quality)
    assert run("apply", tmp_path / "in", tmp_path / "out").exit_code == 0
    for name in ("a.jpg", "grey.jpg"):
        with Image.open(tmp_path / "in" / name) as before, Image.open(tmp_path / "out" / name) as after:
            assert after.mode == before.mode
            assert after.quantization == before.quantization
            assert JpegImagePlugin.get_sampling(after) == JpegImagePlugin.get_sampling(before)


def test_jpeg_subsampling_of_turned_images(tmp_path):
    """4:2:2 halves the width. Turned upright, that would be the height: all colour is kept instead."""
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "in" / "a.jpg", noise(64, 48, 3), subsampling="4:2:2", exif=exif)
    assert run("apply", tmp_path / "in", tmp_path / "out").exit_code == 0
    with Image.open(tmp_path / "out" / "a.jpg") as image:
        assert image.size == (64, 48)
        assert JpegImagePlugin.get_sampling(image) == 0


def test_webp_without_loss_stays_so(tmp_path):
    """A lossless WebP file gets a lossless copy, also below transparent pixels."""
    save(tmp_path / "in" / "a.webp", noise(30, 40, 4), lossless=True, exact=True)
    save(tmp_path / "in" / "b.webp", noise(30, 40, 3), lossless=True)
    assert run("apply", tmp_path / "in", tmp_path / "out", "--p", 0).exit_code == 0
    for name in ("a.webp", "b.webp"):
        assert np.array_equal(load(tmp_path / "out" / name), load(tmp_path / "in" / name))


def test_gif_keeps_its_colours_or_is_refused(tmp_path):
    """A GIF copy has the very colours of the dusted image; where these are too many, PNG is named."""
    few = np.repeat(np.arange(100, dtype=np.uint8), 40).reshape(50, 80)
    save(tmp_path / "in" / "few.gif", np.stack([few, 255 - few, few // 2], axis=2))
    assert run("apply", tmp_path / "in", tmp_path / "out", "--count-range", 31, 31).exit_code == 0
    with Image.open(tmp_path / "in" / "few.gif") as before, Image.open(tmp_path / "out" / "few.gif") as after:
        wanted = np.array(before.convert("RGB"))
        dustaug.add_dust(wanted, dustaug.dust(count_range=(31, 31)), seed=0, index=index_of("few.gif"))
        assert np.array_equal(np.asarray(after.convert("RGB")), wanted)
    save(tmp_path / "many" / "a.png", noise(40, 40, 3))
    result = run("apply", tmp_path / "many", tmp_path / "gif", "--format", "gif")
    assert result.exit_code == 1
    assert "GIF cannot hold the copy (a palette has 256 colours, the copy has 1" in result.stderr


def test_grey_without_grey(tmp_path):
    """Where a format has no grey, the copy is in colour, and that is said."""
    save(tmp_path / "in" / "a.png", noise(20, 20))
    result = run("apply", tmp_path / "in", tmp_path / "out", "--format", "webp")
    assert result.exit_code == 0
    assert "Stored 1 grey image in colour, as WEBP has no grey." in result.stdout


def test_what_is_said_of_colours(tmp_path):
    """Computed colours and a colour profile that the format does not hold are counted."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    save(tmp_path / "in" / "profile.png", noise(20, 20, 3), icc_profile=profile)
    Image.fromarray(noise(20, 20, 3)).convert("CMYK").save(tmp_path / "in" / "cmyk.tif")
    result = run("apply", tmp_path / "in", tmp_path / "out", "--format", "bmp")
    assert "Turned 1 image of mode CMYK into RGB." in result.stdout
    assert "Dropped the colour profile of 1 image, as the format has none: --format png." in result.stdout


# Orientation, size and range


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
@pytest.mark.parametrize("orientation", [3, 5, 6, 8])
def test_orientation(tmp_path, name, orientation):
    """Images are turned upright, and counted; --no-upright leaves the pixels and the orientation as they are."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    blocks = noise(4, 6).repeat(16, 0).repeat(16, 1)
    save(tmp_path / "in" / name, blocks, exif=exif, **({"lossless": True} if name == "a.webp" else {}))
    result = run("apply", tmp_path / "in", tmp_path / "up", "--p", 0)
    assert "Turned 1 image upright, as the EXIF orientation says; --no-upright leaves" in result.stdout
    assert json.loads((tmp_path / "up" / "dustaug.json").read_text("utf-8"))["counts"]["turned"] == 1
    result = run("apply", tmp_path / "in", tmp_path / "raw", "--p", 0, "--no-upright")
    assert result.exit_code == 0, result.stderr
    assert "upright" not in result.stdout
    turn = {3: (2, False), 5: (1, True), 6: (3, False), 8: (1, False)}[orientation]
    upright = np.rot90(blocks[:, ::-1] if turn[1] else blocks, turn[0])
    with Image.open(tmp_path / "up" / name) as image:
        assert image.getexif().get(0x0112, 1) == 1
        assert np.abs(np.asarray(image.convert("L")).astype(int) - upright).max() <= 12
    with (tmp_path / "raw" / name).open("rb") as stream, Image.open(stream) as image:
        assert image.getexif()[0x0112] == orientation
        if name != "a.tif":  # Pillow turns TIFF files as it loads them.
            assert np.abs(np.asarray(image.convert("L")).astype(int) - blocks).max() <= 12
        else:
            assert np.array_equal(np.asarray(image), upright)


def test_size(tmp_path):
    """--size gives the longest side before dusting, as in preview; no side becomes 0, and 16 bits stay."""
    save(tmp_path / "in" / "a.png", noise(300, 200, 3))
    save(tmp_path / "in" / "deep.png", noise(40, 80, dtype=np.uint16))
    save(tmp_path / "in" / "strip.png", noise(2, 1000, 3))
    assert run("apply", tmp_path / "in", tmp_path / "out", "--size", 96).exit_code == 0
    with Image.open(tmp_path / "in" / "a.png") as image:
        wanted = np.array(image.resize((64, 96), Image.Resampling.LANCZOS))
    dustaug.add_dust(wanted, seed=0, index=index_of("a.png"))
    assert np.array_equal(load(tmp_path / "out" / "a.png"), wanted)
    assert load(tmp_path / "out" / "strip.png").shape == (1, 96, 3)
    deep = load(tmp_path / "out" / "deep.png")
    assert (deep.shape, deep.dtype) == ((48, 96), np.uint16)
    assert deep.max() > 60000


def test_value_range(tmp_path):
    """--value-range gives the dust the range of 12 bits; without it, what looks like 12 bits is named."""
    pixels = noise(60, 60, dtype=np.uint16) >> 4
    save(tmp_path / "in" / "a.png", pixels)
    result = run("apply", tmp_path / "in", tmp_path / "full")
    assert (
        "Found no value above 4095 in 1 16-bit image: if they have 12 bits, type --value-range 0 4095." in result.stderr
    )
    result = run("apply", tmp_path / "in", tmp_path / "out", "--value-range", 0, 4095)
    assert "4095" not in result.stderr
    dustaug.add_dust(pixels, seed=0, index=index_of("a.png"), value_range=(0, 4095))
    assert np.array_equal(load(tmp_path / "out" / "a.png"), pixels)
    assert pixels.max() <= 4095


def test_value_range_admits_32_bits(tmp_path):
    """32-bit whole numbers and floats need a range; with one they are dusted, in a format that holds them."""
    images = {"int.tif": noise(60, 60).astype(np.int32), "float.tif": noise(60, 60).astype(np.float32)}
    for name, pixels in images.items():
        save(tmp_path / "in" / name, pixels)
    result = run("apply", tmp_path / "in", tmp_path / "none")
    assert result.exit_code == 1
    assert result.stderr.count("which does not tell black and white: type --value-range LOW HIGH") == 2
    assert run("apply", tmp_path / "in", tmp_path / "out", "--value-range", 0, 255).exit_code == 0
    for name, pixels in images.items():
        dustaug.add_dust(pixels, seed=0, index=index_of(name), value_range=(0, 255))
        with Image.open(tmp_path / "out" / name) as image:
            assert np.array_equal(np.asarray(image), pixels)
    result = run("apply", tmp_path / "in", tmp_path / "png", "--value-range", 0, 255, "--format", "png")
    assert result.exit_code == 1
    assert "float.tif: PNG cannot hold the copy (cannot write mode F as PNG): type --format tif" in result.stderr


def test_tiff_says_its_bits(tmp_path):
    """A TIFF file of 12 bits gets dust of 12 bits: its header tells the range."""
    tags = [(256, 3, 1, 40), (257, 3, 1, 40), (258, 3, 1, 12), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 200)]
    tags += [(277, 3, 1, 1), (278, 3, 1, 40), (279, 4, 1, 2400)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + b"\0" * 4
    (tmp_path / "in").mkdir()
    content = (b"II*\0" + struct.pack("<I", 8) + directory).ljust(200, b"\0") + bytes(2400)
    (tmp_path / "in" / "a.tif").write_bytes(content)
    result = run("apply", tmp_path / "in", tmp_path / "out", "--count-range", 31, 31)
    assert result.exit_code == 0, result.stderr
    wanted = np.zeros((40, 40), np.uint16)
    dustaug.add_dust(wanted, dustaug.dust(count_range=(31, 31)), seed=0, index=index_of("a.tif"), value_range=(0, 4095))
    assert np.array_equal(load(tmp_path / "out" / "a.tif"), wanted)


def test_relative_sizes(tmp_path):
    """--relative is dust(relative=True); dust that nobody sees is named, with the way out."""
    save(tmp_path / "in" / "large.png", np.zeros((2000, 3000), np.uint8))
    result = run("apply", tmp_path / "in", tmp_path / "pixels")
    assert "% of the pixels: type --relative for sizes that grow with the image, or --size 224." in result.stderr
    result = run("apply", tmp_path / "in", tmp_path / "relative", "--relative")
    assert result.stdout.startswith("dustaug.dust(relative=True), seed 0: wrote 1 file")
    assert "% of the pixels" not in result.stderr
    wanted = np.zeros((2000, 3000), np.uint8)
    dustaug.add_dust(wanted, dustaug.dust(relative=True), seed=0, index=index_of("large.png"))
    assert np.array_equal(load(tmp_path / "relative" / "large.png"), wanted)
