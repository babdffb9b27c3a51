"""The command line works on real files."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
import zlib
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from typer.testing import CliRunner

import dustaug
from conftest import without
from dustaug import cli, index_of, presets

OPTIONS_OF_ALL = ["--preset", "--seed", "--epoch", *(f"--{name.replace('_', '-')}" for name in cli._FIELDS)]
# Options that others need.
GRID, LATTICE = ["--kind", "grid"], ["--kind", "lattice"]
NEEDED = {
    "aspect_range": ["--area-range", "0.1", "0.2"],
    "cell_p": [*GRID, "--grid-shape", "3", "4"],
    "cell_sides": GRID,
    "fill_value": ["--fill", "constant"],
    "grid_shape": GRID,
    "halve_sizes": ["--height-fraction-range", "0.1", "0.5"],
    "kept_share": [*LATTICE, "--period-range", "5", "9"],
    "kind": ["--grid-shape", "3", "4"],
    "lattice_hides": [*LATTICE, "--period-range", "5", "9"],
    "period_range": LATTICE,
}


def run(*arguments):
    """Run the tool in this process and return its result: exit_code, stdout, stderr."""
    return CliRunner().invoke(cli._make_app(), [str(argument) for argument in arguments], prog_name="dustaug")


def run_process(*arguments, **options):
    """Run the tool in a process of its own."""
    command = [sys.executable, "-m", "dustaug.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, **options)


def noise(*shape, dtype=np.uint8):
    """Return random pixels, the same ones for the same shape."""
    return np.random.default_rng(sum(shape)).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def save(path, pixels, **options):
    """Write pixels to an image file, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def load(path):
    """Return the pixels of an image file."""
    with Image.open(path) as image:
        # Pillow before 11.0 opens 16-bit PNG files in mode I, as 32 bits.
        return np.array(image, np.uint16 if image.mode == "I" else None)


def chunk(body):
    """Return a chunk of a PNG file."""
    return (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def contents(folder):
    """Return the bytes of all files of a folder tree by their paths, but for the manifest at its top."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name != "dustaug.json"}


def positions(sheet, tile):
    """Return where a tile lies in a sheet, pixel by pixel, as (top, left)."""
    height, width = tile.shape[:2]
    corner = sheet[: sheet.shape[0] - height + 1, : sheet.shape[1] - width + 1]
    candidates = np.argwhere((corner == tile[0, 0]).all(axis=-1)).tolist()
    return [(y, x) for y, x in candidates if np.array_equal(sheet[y : y + height, x : x + width], tile)]


@pytest.fixture
def folder(tmp_path):
    """Return a small tree of PNG images."""
    root = tmp_path / "in"
    save(root / "red.png", noise(40, 50, 3))
    save(root / "cats" / "tom.png", noise(64, 48, 3))
    save(root / "cats" / "old" / "grey.png", noise(33, 65))
    return root


# Preview


def test_preview_without_arguments(tmp_path, monkeypatch):
    """Without arguments a sheet of the bundled photograph is written, and its name is said."""
    monkeypatch.chdir(tmp_path)
    result = run("preview")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("Wrote dust.png: 8 versions of coffee.jpg.")
    with Image.open("dust.png") as sheet:
        assert (sheet.format, sheet.mode) == ("PNG", "RGB")
    assert set(contents(tmp_path)) == {"dust.png"}


def test_preview_tiles_are_add_dust(tmp_path):
    """The tiles have the pixels of add_dust(), row by row in the order of their indices."""
    out = tmp_path / "sheet.png"
    assert run("preview", "--out", out, "--versions", 6, "--columns", 3, "--seed", 7, "--epoch", 2).exit_code == 0
    sheet = load(out)
    with Image.open(resources.files("dustaug") / "photos" / "coffee.jpg") as photograph:
        small = np.array(ImageOps.contain(photograph, (224, 224), Image.Resampling.LANCZOS))
    found = [positions(sheet, dustaug.add_dust(small.copy(), seed=7, epoch=2, index=i)) for i in range(6)]
    assert [len(where) for where in found] == [1] * 6
    (tops, lefts) = np.array(found)[:, 0].T.reshape(2, 2, 3)
    assert (np.ptp(tops, axis=1) == 0).all()
    assert tops[1, 0] >= tops[0, 0] + 224
    assert (np.ptp(lefts, axis=0) == 0).all()
    assert (np.diff(lefts[0]) > 224).all()
    assert lefts[0, 0] > 448, "the original, twice as large, stands on the left"
    assert (sheet[:, :40] == 255).all(), "margin"


def test_preview_prints_the_call(tmp_path):
    """The printed line of Python paints the versions of the sheet."""
    image = save(tmp_path / "image.png", noise(150, 190, 3))
    arguments = ["--out", tmp_path / "sheet.png", "--size", 0, "--seed", 3, "--fill", "color", "--side-range", 5, 9]
    result = run("preview", image, *arguments, "--versions", 2, "--epoch", 1)
    line = result.stdout.splitlines()[-1].strip()
    assert line == (
        "dustaug.add_dust(image.copy(), dustaug.dust(side_range=(5, 9), fill='color'), seed=3, epoch=1, index=i)"
    )
    sheet = load(tmp_path / "sheet.png")
    for i in range(2):
        tile = eval(line, {"dustaug": dustaug, "image": load(image), "i": i})  # noqa: S307
        assert len(positions(sheet, tile)) == 1


def test_a_warm_command_needs_no_compiler(tmp_path, run_python):
    """``dustaug apply`` loads machine code from the disk, and never imports Numba."""
    dustaug.warmup()
    (tmp_path / "in").mkdir()
    Image.new("RGB", (40, 30), "white").save(tmp_path / "in" / "white.png")
    program = (
        # The oldest Typer calls what the newest Click deprecates.
        "import sys, warnings; warnings.simplefilter('ignore', DeprecationWarning); from dustaug.cli import main\n"
        "try: main()\nexcept SystemExit as done: print(done.code or 0, 'numba' in sys.modules)"
    )
    printed = run_python(program, "apply", tmp_path / "in", tmp_path / "out")

    assert printed.splitlines()[-1] == "0 False"
    assert np.asarray(Image.open(tmp_path / "out" / "white.png")).min() < 255


def test_preview_of_several_images(tmp_path):
    """Every image has its block; grey, 16-bit, transparent and tiny ones (in whole squares) are shown."""
    half_clear = noise(200, 160, 4)
    half_clear[..., 3] = np.arange(160) < 80
    half_clear[..., 3] *= 255
    images = [
        save(tmp_path / "grey.png", noise(200, 180)),
        save(tmp_path / "deep.png", noise(180, 200, dtype=np.uint16)),
        save(tmp_path / "clear.png", half_clear),
        save(tmp_path / "tiny.png", noise(32, 32, 3)),
    ]
    out = tmp_path / "sheet.png"
    result = run("preview", *images, "--size", 0, "--versions", 2, "--columns", 8, "--out", out, "--fill", "noise")
    assert result.exit_code == 0, result.stderr
    sheet, spec = load(out), dustaug.dust(fill="noise")
    shown = [
        np.repeat(load(images[0])[..., None], 3, 2),
        np.repeat((load(images[1]) >> 8).astype(np.uint8)[..., None], 3, 2),
        np.where(half_clear[..., 3:] == 255, half_clear[..., :3], np.uint8(255)),
        load(images[3]),
    ]
    for number, image in enumerate(shown):
        zoom = 7 if number == 3 else 1
        for i in range(2):
            dusted = dustaug.add_dust(image.copy(), spec, seed=0, index=2 * number + i)
            assert len(positions(sheet, dusted.repeat(zoom, 0).repeat(zoom, 1))) == 1, images[number].name


def test_preview_of_long_titles_and_names(tmp_path):
    """A title longer than the sheet is wrapped, and a caption longer than its image is cut."""
    image = save(tmp_path / f"{'n' * 100} ü.png", noise(200, 200, 3))
    options = ["--center-std", 0.1, 0.1, "--half-height-range", 1, 2, "--fill-range", 10, 20, "--center", "normal"]
    assert run("preview", image, "--versions", 1, "--out", tmp_path / "long.png", *options).exit_code == 0
    assert run("preview", image, "--versions", 1, "--out", tmp_path / "short.png").exit_code == 0
    long, short = load(tmp_path / "long.png"), load(tmp_path / "short.png")
    assert long.shape[0] > short.shape[0]
    assert (long[:, -20:] == 255).all()


@pytest.mark.parametrize(
    ("preset", "spec", "title", "change"),
    [
        ("dust", dustaug.dust(), "dustaug.dust()", {"height_fraction_range": (0.1, 0.2)}),
        ("cutout", dustaug.cutout(56), "dustaug.cutout(56)", {"height_fraction_range": (0.1, 0.2)}),
        ("random-erasing", dustaug.random_erasing(), "dustaug.random_erasing()", {"height_fraction_range": (0.1, 0.2)}),
        ("hide-and-seek", dustaug.hide_and_seek(), "dustaug.hide_and_seek()", {"cell_p": 0.25}),
        ("grid-mask", dustaug.grid_mask(), "dustaug.grid_mask()", {"period_range": (9, 20), "lattice_hides": "lines"}),
        ("patch-drop", dustaug.patch_drop(0.5), "dustaug.patch_drop(0.5)", {"count_range": (9, 9), "keep": True}),
        ("sprinkles", dustaug.sprinkles(), "dustaug.sprinkles()", {"height_fraction_range": (0.1, 0.2)}),
        ("cutmix", dustaug.cutmix(), "dustaug.cutmix()", {"area_beta": 0.5}),
    ],
)
def test_presets(preset, spec, title, change):
    """The presets are the library's, and the call that is printed makes the same spec."""
    recipe = cli._make_recipe(preset, 0, 0, {})
    assert recipe.spec == spec
    assert recipe.title == f"{title}, seed 0"
    changed = cli._make_recipe(preset, 0, 0, {**change, "fill": "noise"})
    assert changed.spec == eval(f"dustaug.{changed.call}")  # noqa: S307
    assert changed.spec == spec.replace(**change, fill="noise")


def test_every_preset_of_the_library_is_one_here(tmp_path):
    """Each function that returns a spec has a name, and draws a sheet."""
    assert [name.replace("-", "_") for name in sorted(cli._PRESETS)] == sorted(presets.__all__)
    for name in cli._PRESETS:
        result = run("preview", "--preset", name, "--versions", 2, "--size", 32, "--out", tmp_path / f"{name}.png")
        assert result.exit_code == 0, result.stderr
    assert len(set(contents(tmp_path).values())) == len(cli._PRESETS)


def test_donors_of_one_image_are_upside_down(tmp_path):
    """The printed line of Python paints the versions of a sheet whose rectangles show the image itself."""
    image = save(tmp_path / "image.png", noise(150, 190, 3))
    result = run("preview", image, "--preset", "cutmix", "--size", 0, "--versions", 3, "--out", tmp_path / "sheet.png")
    line = result.stdout.splitlines()[-1].strip()
    assert line.endswith("dustaug.cutmix(), seed=0, index=i, donors=image[::-1])")
    sheet = load(tmp_path / "sheet.png")
    for i in range(3):
        tile = eval(line, {"dustaug": dustaug, "image": load(image), "i": i})  # noqa: S307
        assert len(positions(sheet, tile)) == 1


def test_donors_of_several_images_are_the_next_ones(tmp_path):
    """Each image is filled from the one after it, cut to its shape, and the last one from the first."""
    images = [save(tmp_path / f"{i}.png", noise(120 + 20 * i, 160, 3)) for i in range(3)]
    options = ["--fill", "donors", "--size", 0, "--versions", 1, "--out", tmp_path / "sheet.png"]
    result = run("preview", *images, *options)
    assert "and donor the next one, cut to its shape:" in result.stdout
    assert result.stdout.endswith("index=i, donors=donor)\n")
    sheet = load(tmp_path / "sheet.png")
    for i, path in enumerate(images):
        image = load(path)
        with Image.open(images[(i + 1) % 3]) as following:
            donor = np.array(ImageOps.fit(following, (160, 120 + 20 * i)))
        tile = dustaug.add_dust(image.copy(), dustaug.dust(fill="donors"), seed=0, index=i, donors=donor)
        assert len(positions(sheet, tile)) == 1


def test_every_field_has_an_option(tmp_path):
    """Every field of Spec is an option, except those that no file of an image has; all reach the spec."""
    unknown = set(dustaug.Spec().to_dict()) - set(cli._FIELDS) - set(cli._REFUSED)
    assert unknown == {"normalize_mean", "normalize_std"}
    values = {
        "p": "0.5",
        "kind": "grid",
        "count_range": "2 3",
        "center": "uniform",
        "center_mean": "0.1 0.2",
        "center_std": "0.3 0.4",
        "half_height_range": "2 3",
        "half_width_range": "4 5",
        "side_range": "6 7",
        "height_fraction_range": "0.1 0.2",
        "width_fraction_range": "0.3 0.4",
        "area_range": "0.1 0.2",
        "aspect_range": "0.5 2.0",
        "area_beta": "0.5",
        "halve_sizes": None,
        "grid_shape": "3 4",
        "cell_sides": "16,32",
        "cell_p": "0.25",
        "period_range": "5 9",
        "kept_share": "0.5",
        "lattice_hides": "lines",
        "keep": None,
        "spare_last": None,
        "fill": "mean",
        "fill_range": "1 2",
        "fill_value": "1.5,2.5,3.5",
    }
    assert set(values) == set(cli._FIELDS)
    for name, text in values.items():
        flag = "--no-spare-last" if name == "spare_last" else f"--{name.replace('_', '-')}"
        more = NEEDED.get(name, [])
        result = run("preview", "--versions", 1, "--out", tmp_path / "sheet.png", flag, *(text or "").split(), *more)
        numbers = ", ".join((text or str(name != "spare_last")).replace(",", " ").split())
        wanted = f"{name}='{text}'" if name in ("center", "fill", "kind", "lattice_hides") else f"{name}={numbers}"
        assert wanted in result.stdout.replace("=(", "="), result.output


def test_preview_refuses_to_overwrite_an_image(tmp_path):
    """A contact sheet never takes the place of an image that it shows."""
    image = save(tmp_path / "dust.png", noise(30, 30, 3))
    before = image.read_bytes()
    result = run("preview", image, "--out", tmp_path / "." / "dust.png")
    assert result.exit_code == 2
    assert "--out must not be one of the images" in result.stderr
    assert image.read_bytes() == before


def test_packaged_photograph():
    """The photograph is small, and a text beside it names its source and its licence."""
    folder = resources.files("dustaug") / "photos"
    assert len((folder / "coffee.jpg").read_bytes()) <= 40_000
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "Rachel Michetti" in text
    assert "CC0" in text


# Apply


def test_apply_is_add_dust(folder, tmp_path):
    """Copies keep their folders and names, and their pixels are add_dust's with the documented index."""
    (folder / "notes.txt").write_text("not an image")
    result = run("apply", folder, tmp_path / "out", "--seed", 5, "--epoch", 2, "--count-range", 20, 30)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("dustaug.dust(count_range=(20, 30)), seed 5, epoch 2: wrote 3 files to ")
    assert "Ignored 1 file without the extension of an image: 1 .txt." in result.stdout
    assert set(contents(tmp_path / "out")) == {"red.png", "cats/tom.png", "cats/old/grey.png"}
    for name in contents(tmp_path / "out"):
        wanted = load(folder / name)
        before = wanted.copy()
        dustaug.add_dust(wanted, dustaug.dust(count_range=(20, 30)), seed=5, epoch=2, index=index_of(name))
        assert np.array_equal(load(tmp_path / "out" / name), wanted)
        assert not np.array_equal(before, wanted)


@pytest.mark.parametrize("workers", [1, 5])
def test_apply_modes(tmp_path, workers):
    """Grey, 16-bit grey, RGB and alpha stay as they are, without dust on the alpha; other modes become RGB."""
    root, out = tmp_path / "in", tmp_path / "out"
    images = {
        "L.png": noise(50, 60),
        "LA.png": noise(50, 60, 2),
        "RGB.png": noise(50, 60, 3),
        "RGBA.png": noise(50, 60, 4),
        "I16.png": noise(50, 60, dtype=np.uint16),
        "I16.tif": noise(50, 60, dtype=np.uint16),
        "big.tif": noise(50, 60, dtype=np.uint16).astype(">u2"),
    }
    for name, pixels in images.items():
        save(root / name, pixels)
    Image.fromarray(noise(50, 60, 3)).quantize(16).save(root / "P.png")
    Image.fromarray(noise(50, 60)).convert("1").save(root / "1.png")
    Image.fromarray(noise(50, 60, 4)).quantize(16).save(root / "PA.png")
    Image.fromarray(noise(50, 60, 3)).save(root / "key.png", transparency=(1, 2, 3))
    Image.fromarray(noise(50, 60, 3)).convert("CMYK").save(root / "CMYK.tif")
    for name, mode in {"P.png": "RGB", "1.png": "L", "PA.png": "RGBA", "key.png": "RGBA", "CMYK.tif": "RGB"}.items():
        with Image.open(root / name) as image:
            images[name] = np.array(image.convert(mode))
    result = run("apply", root, out, "--fill", "color", "--workers", workers)
    assert result.exit_code == 0, result.stderr
    assert set(contents(out)) == set(images)
    for name, pixels in images.items():
        wanted = pixels.astype(pixels.dtype.newbyteorder("="))
        n_colours = {2: 1, 4: 3}.get(wanted.shape[-1], 3) if wanted.ndim == 3 else 1
        colours = wanted.reshape(50, 60, -1)[..., :n_colours]
        dustaug.add_dust(colours, dustaug.dust(fill="color"), seed=0, index=index_of(name))
        assert load(out / name).dtype == wanted.dtype, name
        assert np.array_equal(load(out / name), wanted), name


def test_apply_refuses_what_pillow_would_flatten(tmp_path):
    """Floats, 32-bit whole numbers and 16-bit colour are reported: Pillow would cut them down to 8 bits."""
    root = tmp_path / "in"
    save(root / "float.tif", np.zeros((9, 9), np.float32))
    save(root / "long.tif", np.zeros((9, 9), np.int32))
    png = io.BytesIO()
    Image.fromarray(np.zeros((1, 1, 3), np.uint8)).save(png, "PNG")
    data = png.getvalue()
    header = b"IHDR" + data[16:24] + bytes([16]) + data[25:29]
    pixels = b"IDAT" + zlib.compress(b"\0" * 7)
    chunks = (chunk(part) for part in (header, pixels, b"IEND"))
    (root / "deep.png").write_bytes(data[:8] + b"".join(chunks))
    result = run("apply", root, tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.count("images must have 8 bits per channel or be 16-bit grey, got ") == 3
    assert contents(tmp_path / "out") == {}


def test_apply_turns_upright_and_keeps_the_profile(tmp_path):
    """The orientation in EXIF is applied before dusting and not again after; the colour profile is kept."""
    root, out = tmp_path / "in", tmp_path / "out"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = noise(40, 70, 3)
    save(root / "photo.png", pixels, exif=exif, icc_profile=profile)
    save(root / "cmyk.png", pixels, icc_profile=profile)
    Image.fromarray(pixels).convert("CMYK").save(root / "cmyk.jpg", icc_profile=profile)
    assert run("apply", root, out, "--p", 0).exit_code == 0
    with Image.open(out / "photo.png") as image:
        assert np.array_equal(np.array(image), np.rot90(pixels, -1))
        assert image.info["icc_profile"] == profile
        assert not image.getexif()
    with Image.open(out / "cmyk.jpg") as image:
        assert image.mode == "RGB"
        assert "icc_profile" not in image.info, "a profile of CMYK would be wrong for RGB"


def test_apply_writes_jpeg_with_quality_95(tmp_path):
    """JPEG files made of others have quality 95 and full colour, and --format changes the extension."""
    root = tmp_path / "in"
    save(root / "a.JPG", noise(64, 64, 3), format="JPEG")
    save(root / "b.bmp", noise(64, 64, 3))
    assert run("apply", root, tmp_path / "jpg", "--p", 0, "--format", "jpg").exit_code == 0
    wanted = io.BytesIO()
    Image.fromarray(load(root / "b.bmp")).save(wanted, "JPEG", quality=95, subsampling="4:4:4")
    assert (tmp_path / "jpg" / "b.jpg").read_bytes() == wanted.getvalue()
    assert run("apply", root, tmp_path / "png", "--p", 0, "--format", "png").exit_code == 0
    assert set(contents(tmp_path / "png")) == {"a.png", "b.png"}
    assert np.array_equal(load(tmp_path / "png" / "b.png"), load(root / "b.bmp"))


def test_apply_copies(folder, tmp_path):
    """Copies carry their epoch in their names and differ; each is what --epoch alone would write."""
    run("apply", folder, tmp_path / "copies", "--copies", 3, "--epoch", 4)
    names = {"cats/tom_epoch4.png", "cats/tom_epoch5.png", "cats/tom_epoch6.png"}
    files = contents(tmp_path / "copies")
    assert len(files) == 9
    assert names < set(files)
    assert len({files[name] for name in names}) == 3
    run("apply", folder, tmp_path / "one", "--epoch", 5)
    assert contents(tmp_path / "one")["cats/tom.png"] == files["cats/tom_epoch5.png"]


def test_apply_again_writes_nothing(folder, tmp_path):
    """A second run leaves all files untouched and says so; --overwrite writes the same bytes anew."""
    out = tmp_path / "out"
    run("apply", folder, out)
    before, times = contents(out), {path: path.stat().st_ino for path in out.rglob("*.png")}
    result = run("apply", folder, out)
    assert result.exit_code == 0
    assert "wrote 0 files" in result.stdout
    assert "Skipped 3 files that existed; --overwrite redoes them." in result.stdout
    assert {path: path.stat().st_ino for path in out.rglob("*.png")} == times
    os.utime(out / "red.png", (1, 1))
    assert "wrote 3 files" in run("apply", folder, out, "--overwrite").stdout
    assert (out / "red.png").stat().st_mtime > 1
    assert contents(out) == before


def test_apply_resumes(folder, tmp_path):
    """A run gives the same bytes after outputs were lost and other inputs came or went."""
    out = tmp_path / "out"
    run("apply", folder, out, "--copies", 2)
    before = contents(out)
    (out / "cats" / "tom_epoch1.png").unlink()
    (out / "red_epoch0.png").unlink()
    (folder / "cats" / "old" / "grey.png").unlink()
    save(folder / "aaa.png", noise(20, 20, 3))
    save(folder / "cats" / "aaa.png", noise(20, 20, 3))
    result = run("apply", folder, out, "--copies", 2)
    assert "wrote 6 files" in result.stdout
    assert before.items() < contents(out).items()
    assert len(contents(out)) == 10


def test_apply_survives_unreadable_files(folder, tmp_path):
    """Broken files are named with a reason on stderr, the others are written, and the exit code is 1."""
    good = (folder / "red.png").read_bytes()
    (folder / "cats" / "cut.png").write_bytes(good[: len(good) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.gif").write_text("no image")
    (folder / "lost.png").symlink_to(folder / "nowhere.png")
    result = run("apply", folder, tmp_path / "out")
    assert result.exit_code == 1
    assert "wrote 3 files" in result.stdout
    assert "Failed on 4 of 7 files:" in result.stderr
    failures = dict(re.findall(r"^  (\S+): (.+)$", result.stderr, re.MULTILINE))
    assert list(failures) == [str(Path("cats/cut.png")), "empty.jpg", "lost.png", "text.gif"]
    assert set(contents(tmp_path / "out")) == {"red.png", "cats/tom.png", "cats/old/grey.png"}


def test_apply_reports_what_a_format_cannot_hold(tmp_path):
    """An image that the wanted format cannot hold fails alone and leaves no file behind."""
    save(tmp_path / "in" / "clear.png", noise(9, 9, 4))
    save(tmp_path / "in" / "plain.png", noise(9, 9, 3))
    result = run("apply", tmp_path / "in", tmp_path / "out", "--format", "jpg")
    assert result.exit_code == 1
    reason = "clear.png: JPEG cannot hold the copy (cannot write mode RGBA as JPEG): type --format png"
    assert reason in result.stderr
    assert set(contents(tmp_path / "out")) == {"plain.jpg"}


def test_apply_reports_folders_it_cannot_list(folder, tmp_path, monkeypatch):
    """A folder without permission is reported like a file, and the rest is done."""
    scandir = os.scandir

    def guarded(path):
        if Path(path).name == "old":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    result = run("apply", folder, tmp_path / "out")
    assert result.exit_code == 1
    assert f"{Path('cats/old')}: [Errno 13] Permission denied" in result.stderr
    assert set(contents(tmp_path / "out")) == {"red.png", "cats/tom.png"}


def test_apply_refuses_bombs(folder, tmp_path):
    """More pixels than the limit are refused with a hint; --max-pixels is the limit, and Pillow's own is put back."""
    before = Image.MAX_IMAGE_PIXELS
    for limit in (64 * 48 - 1, 1000):  # Pillow itself only warns up to twice its limit.
        result = run("apply", folder, tmp_path / str(limit), "--max-pixels", limit)
        assert result.exit_code == 1
        assert re.search(r"tom\.png: images must have at most \d+ pixels.* type --max-pixels to raise", result.stderr)
    assert set(contents(tmp_path / str(64 * 48 - 1))) == {"red.png", "cats/old/grey.png"}
    assert run("apply", folder, tmp_path / "out", "--max-pixels", 64 * 48).exit_code == 0
    assert before == Image.MAX_IMAGE_PIXELS


def test_apply_refuses_bombs_by_default(tmp_path):
    """Without --max-pixels the limit is Pillow's, as an error and not as a warning."""
    image = Image.new("1", (10_000, 9_000))
    (tmp_path / "in").mkdir()
    image.save(tmp_path / "in" / "bomb.png")
    result = run("apply", tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 1
    assert "bomb.png: images must have at most 89478485 pixels, as a guard against decompression bombs" in result.stderr
    assert "bomb.png: Image size (90000000 pixels) exceeds" in run("preview", tmp_path / "in" / "bomb.png").stderr


def test_apply_takes_the_first_frame(tmp_path):
    """The first frame of an animation is dusted, and the loss of the others is reported."""
    frames = [Image.new("RGB", (40, 30), color) for color in ("red", "blue")]
    (tmp_path / "in").mkdir()
    frames[0].save(tmp_path / "in" / "film.gif", save_all=True, append_images=frames[1:])
    result = run("apply", tmp_path / "in", tmp_path / "out", "--p", 0, "--format", "png")
    assert "Took only the first frame of 1 file with several." in result.stdout
    assert (load(tmp_path / "out" / "film.png") == [255, 0, 0]).all()


def test_apply_follows_links_to_folders(folder, tmp_path):
    """Linked folders count as folders, and a link back up does not send the tool in circles."""
    save(tmp_path / "elsewhere" / "far.png", noise(20, 20, 3))
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "cats" / "up").symlink_to(folder)
    assert run("apply", folder, tmp_path / "out").exit_code == 0
    assert set(contents(tmp_path / "out")) == {"red.png", "cats/tom.png", "cats/old/grey.png", "linked/far.png"}


def test_apply_never_touches_the_input(folder, tmp_path):
    """OUT_DIR may not be IN_DIR, lie inside it, or be laid out so that an output would hit an input file."""
    save(folder / "in" / "red.png", noise(10, 10, 3))
    (tmp_path / "link").symlink_to(folder)
    before = contents(folder)
    for target in (folder, folder / "out", folder / "cats" / ".." / "cats", tmp_path / "link", tmp_path / "link" / "x"):
        result = run("apply", folder, target, "--overwrite")
        assert result.exit_code == 2
        assert "OUT_DIR must not be IN_DIR or lie inside it" in result.stderr
    # in/in/red.png would become in/red.png.
    result = run("apply", folder, tmp_path, "--overwrite")
    assert result.exit_code == 2
    assert "outputs must not be input files" in result.stderr
    assert contents(folder) == before
    assert {path.name for path in tmp_path.iterdir()} == {"in", "link"}


def test_apply_into_a_parent_folder(folder):
    """IN_DIR may lie inside OUT_DIR where no output hits an input."""
    before = contents(folder)
    assert run("apply", folder / "cats", folder.parent / "in").exit_code == 0
    assert before.items() < contents(folder).items()


def test_apply_detects_two_inputs_for_one_output(folder, tmp_path):
    """Two inputs that would become one output are refused before anything is written."""
    save(folder / "red.jpg", noise(40, 50, 3))
    assert run("apply", folder, tmp_path / "kept").exit_code == 0
    result = run("apply", folder, tmp_path / "out", "--format", "png")
    assert result.exit_code == 2
    assert "outputs must differ" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_failed_write_leaves_nothing(folder, tmp_path, monkeypatch):
    """If saving breaks off, neither a half file nor a temporary one remains, and a later run completes the folder."""
    write = Path.write_bytes

    def broken_write(path, content):
        write(path, content[:50] if b"PNG" in content[:4] else content)
        if b"PNG" in content[:4]:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", broken_write)
    result = run("apply", folder, tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.count("No space left on device") == 3
    assert contents(tmp_path / "out") == {}
    monkeypatch.undo()
    assert "wrote 3 files" in run("apply", folder, tmp_path / "out").stdout


def test_an_interrupted_run_can_be_resumed(tmp_path):
    """Ctrl+C in the middle leaves whole files only, and the next run ends as an undisturbed one."""
    root, out, undisturbed = tmp_path / "in", tmp_path / "out", tmp_path / "undisturbed"
    for number in range(60):
        save(root / f"{number}.png", noise(400, 400, 3), compress_level=1)
    # Where the tests run in the background of a shell, their children would ignore Ctrl+C.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from dustaug.cli import main; main()"
    )
    command = [sys.executable, "-c", program, "apply", str(root), str(out), "--workers", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not list(out.glob("*.png")) and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode not in (0, 2)
    interrupted = contents(out)
    assert 0 < len(interrupted) < 60
    assert run("apply", root, out).exit_code == 0
    assert run("apply", root, undisturbed).exit_code == 0
    assert contents(out) == contents(undisturbed)
    assert interrupted.items() <= contents(undisturbed).items()


# The tool as a whole


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["preview", "--count-range", "3", "1"], "-range must not be reversed, got 3 1: type --count-range 1 3"),
        (["preview", "--p", "2"], "--p must be a number from 0 to 1, got 2.0"),
        (["preview", "--fill", "pink"], "--fill must be one of grey, constant, color, noise, mean, donors, got pink"),
        (["preview", "--fill-value", "x", "--fill", "constant"], "--fill-value must be a number, got x"),
        (["preview", "--fill-value", "1,2", "--fill", "constant"], "--fill-value must have one number for each"),
        (["preview", "--fill-value", "3"], "must be left out with --fill grey, got 3.0: type --fill constant"),
        (["preview", "--aspect-range", "1", "2"], "given with --aspect-range: type --area-range 0.02 0.4"),
        (["preview", "--relative", "--side-range", "1", "2"], "must be given without a size, got --side-range: leave"),
        (["preview", "--relative", "--preset", "cutout"], "--relative must be given with --preset dust, got --preset"),
        (["apply", ".", "../out", "--value-range", "9", "3"], "two finite numbers, LOW below HIGH, got 9 3: type"),
        (
            ["preview", "--side-range", "1", "2", "--area-range", "0.1", "0.2"],
            "a size must be given in one unit, got --",
        ),
        (["preview", "--preset", "snow"], "--preset must be one of dust, cutout, random-erasing, hide-"),
        (
            ["preview", "--kind", "grid"],
            "with --kind grid, got none: type --grid-shape 14 14, or --cell-sides 16,32 in",
        ),
        (["preview", "--cell-sides", "16,32"], "left out with --kind rectangles, got 16,32: type --kind grid"),
        (
            ["preview", "--kind", "grid", "--cell-sides", "16x"],
            "1 to 8 whole numbers, got 16x: type --cell-sides 16,32",
        ),
        (["preview", "--kind", "grid", "--cell-sides", "16,-2"], "a whole number from 0 to 65535, got -2"),
        (["preview", "--preset", "sprinkles", "--side-range", "1", "2"], "sizes in fractions, got --side-range: type"),
        (["preview", "--depth-range", "1", "2"], "left out, as files of images have no slices, got 1 2: type dustaug."),
        (["apply", ".", "../out", "--depth-fraction-range", "0.1", "0.2"], "dust(depth_fraction_range=(0.1, 0.2)), la"),
        (["apply", ".", "../out", "--preset", "cutmix"], "needs a label of both, got donors: type --fill grey, or"),
        (["preview", "--seed", "-1"], "--seed must be from 0 to 18446744073709551615, got -1"),
        (["preview", "--epoch", "4294967296"], "--epoch must be from 0 to 4294967295, got 4294967296"),
        (
            ["preview", "--out", "dust.xyz"],
            "--out must end in an extension that Pillow writes, got dust.xyz: type --out",
        ),
        (["preview", "--out", "dust"], "--out must end in an extension that Pillow writes, got dust: type --out"),
        (["preview", "--out", "setup.cfg/dust.png"], "--out must be writable, got"),
        (["preview", "nowhere.png"], "nowhere.png"),
        (["preview", "setup.cfg"], "setup.cfg: cannot identify image file"),
        (["preview", "--count-range", "1"], "--count-range"),
        (["preview", "--versions", "0"], "--versions"),
        (["apply"], "IN_DIR"),
        (["apply", "nowhere", "out"], "nowhere"),
        (["apply", ".", "setup.cfg"], "setup.cfg"),
        (
            ["apply", ".", "../out", "--format", "docx"],
            "--format must be keep or an extension that Pillow writes and reads, got docx",
        ),
        (
            ["apply", ".", "../out", "--copies", "2", "--epoch", "4294967295"],
            "--epoch must be from 0 to 4294967295, got",
        ),
        (
            ["apply", ".", "../out", "--half-width-range", "-1", "2"],
            "--half-width-range must be two whole numbers from 0 to",
        ),
        (["sweep"], "sweep"),
    ],
)
def test_usage_errors(tmp_path, monkeypatch, arguments, text):
    """Mistakes end with exit code 2 and a sentence, without a traceback, and write nothing."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("setup.cfg").write_text("")
    result = run(*arguments)
    assert result.exit_code == 2
    assert text in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert set(contents(tmp_path)) == {"work/setup.cfg"}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ([], ["preview", "apply", "explore", "--version", "Hide random parts of training images"]),
        (["preview"], [*OPTIONS_OF_ALL, "IMAGE", "--out", "--versions", "--columns", "--size", "[default: 224"]),
        (
            ["apply"],
            [
                *OPTIONS_OF_ALL,
                *("IN_DIR", "OUT_DIR", "--copies", "--format", "--overwrite", "--workers", "--max-pixels"),
                *("--size", "--value-range", "--upright", "--no-upright", "--relative", "dustaug.json"),
                *("PNG keeps pixels exactly", "quality 95", "first frame", "dustaug.index_of(path)"),
            ],
        ),
        (
            ["explore"],
            [*OPTIONS_OF_ALL, "IMAGE", "--index", "--port", "--no-browser", "--value-range", "Ctrl+C", "2048 pixels"],
        ),
    ],
)
def test_help_names_everything(command, words):
    """The help texts name every option and what must be known before a long run."""
    result = run(*command, "--help")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert [word for word in words if word not in text] == []


def test_version_and_help_of_the_process():
    """The tool runs as a module: --version prints the version, and no arguments print the help."""
    result = run_process("--version")
    assert (result.returncode, result.stdout) == (0, f"dustaug {dustaug.__version__}\n")
    result = run_process()
    assert "Commands:" in result.stdout + result.stderr


def test_apply_as_a_process(folder, tmp_path):
    """A run from the shell writes the files, shows its progress on stderr and its summary on stdout."""
    result = run_process("apply", folder, tmp_path / "out", env={**os.environ, "COLUMNS": "100"})
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"dustaug.dust(), seed 0: wrote 3 files to {tmp_path / 'out'}.\n"
    assert "Dusting" in result.stderr
    assert "3/3" in result.stderr
    wanted = dustaug.add_dust(load(folder / "cats" / "tom.png"), seed=0, index=index_of("cats/tom.png"))
    assert np.array_equal(load(tmp_path / "out" / "cats" / "tom.png"), wanted)


@pytest.mark.parametrize("package", ["typer", "PIL", "rich"])
def test_missing_extra(package):
    """Without one of the extra's packages the tool ends in one sentence, and the module can still be imported."""
    code = without(package) + "from dustaug import cli; cli.main()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr == f'dustaug\'s command line needs {package}: type pip install "dustaug[cli]"\n'


def test_not_imported_by_the_package():
    """``import dustaug`` loads neither the command line nor its packages."""
    code = "import dustaug, sys; print(sorted({'dustaug.cli', 'typer', 'rich', 'PIL'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_apply_needs_images(tmp_path):
    """An empty or wrong folder is a usage error."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no image")
    result = CliRunner().invoke(cli._make_app(), ["apply", str(tmp_path / "in"), str(tmp_path / "out")])

    assert result.exit_code == 2
    assert "IN_DIR must hold images" in " ".join(result.stderr.split())
