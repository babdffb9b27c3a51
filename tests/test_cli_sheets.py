"""Contact sheets of ``dustaug preview`` can be read, whatever the images are."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

import dustaug
from test_cli import load, noise, positions, run, save


def captions(monkeypatch):
    """Return a list that gets the text, the place and the size of letters of all captions."""
    found = []
    draw = ImageDraw.ImageDraw.text

    def record(self, xy, text, *arguments, **options):
        if options.get("anchor") == "ls":  # The title has none.
            found.append((text, xy, options["font"].size))
        return draw(self, xy, text, *arguments, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", record)
    return found


def test_every_image_has_dust_of_its_own(tmp_path, monkeypatch):
    """The indices go on from image to image, so that no two tiles of a sheet have the same pattern."""
    pixels = noise(60, 60, 3)
    images = [save(tmp_path / f"{number}.png", pixels) for number in range(3)]
    found = captions(monkeypatch)
    out = tmp_path / "sheet.png"
    assert run("preview", *images, "--size", 0, "--versions", 2, "--out", out, "--count-range", 9, 9).exit_code == 0
    assert [text for text, _, _ in found if text.startswith("index")] == [f"index {index}" for index in range(6)]
    sheet, spec = load(out), dustaug.dust(count_range=(9, 9))
    for index in range(6):
        tile = dustaug.add_dust(pixels.copy(), spec, seed=0, index=index)
        assert len(positions(sheet, tile.repeat(3, 0).repeat(3, 1))) == 1


def test_columns_are_straight(tmp_path, monkeypatch):
    """Tiles of images of several shapes stand in the same columns."""
    shapes = {"wide": (60, 224), "tall": (224, 60), "square": (224, 224)}
    images = [save(tmp_path / f"{name}.png", noise(*shape, 3)) for name, shape in shapes.items()]
    found = captions(monkeypatch)
    assert run("preview", *images, "--out", tmp_path / "sheet.png", "--versions", 4, "--columns", 2).exit_code == 0
    lefts = {index: xy[0] for text, xy, _ in found if text.startswith("index") for index in [int(text.split()[1])]}
    assert len(lefts) == 12
    assert len({lefts[index] for index in range(0, 12, 2)}) == 1
    assert len({lefts[index] for index in range(1, 12, 2)}) == 1
    assert lefts[1] - lefts[0] >= 224


@pytest.mark.parametrize("side", [64, 224, 1120])
def test_captions_grow_with_the_images(tmp_path, monkeypatch, side):
    """Captions and the title keep their size relative to the tiles, also where photos are not resized."""
    image = save(tmp_path / "photo.png", noise(side, side, 3))
    found = captions(monkeypatch)
    out = tmp_path / "sheet.png"
    assert run("preview", image, "--size", 0, "--versions", 1, "--out", out).exit_code == 0
    assert [size for _, _, size in found] == [15 * max(1, side // 224)] * 2
    assert found[0][0] == f"photo.png, {side} x {side}"
    assert (load(out)[-40:] == 255).all(), "margin"


@pytest.mark.parametrize("shape", [(2, 1000), (1000, 2), (1, 1), (1, 4000), (3, 5000)])
@pytest.mark.parametrize("size", [0, 224, 1])
def test_strips(tmp_path, shape, size):
    """A strip of any shape gives a sheet of a bounded size, and no side becomes 0."""
    image = save(tmp_path / "strip.png", noise(*shape, 3))
    result = run("preview", image, "--size", size, "--out", tmp_path / "sheet.png", "--versions", 2)
    assert result.exit_code == 0, result.stderr
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width <= 60 * max(224, size or max(shape))


@pytest.mark.parametrize(("dtype", "name"), [(np.uint16, "a.png"), (np.int32, "a.tif"), (np.float32, "a.tif")])
def test_value_range_of_sheets(tmp_path, dtype, name):
    """--value-range shows what has 12 bits, or 32; without it, the error of 32 bits names it."""
    pixels = noise(60, 60)
    image = save(tmp_path / name, (pixels.astype(np.uint16) * 16).astype(dtype))
    options = ["--size", 0, "--versions", 1, "--p", 0, "--out", tmp_path / "sheet.png"]
    result = run("preview", image, *options)
    assert result.exit_code == (0 if dtype is np.uint16 else 2)
    assert ("type --value-range LOW HIGH" in " ".join(result.stderr.split())) == (dtype is not np.uint16)
    assert run("preview", image, *options, "--value-range", 0, 4080).exit_code == 0
    tile = np.repeat(pixels[..., None], 3, 2).repeat(3, 0).repeat(3, 1)
    assert len(positions(load(tmp_path / "sheet.png"), tile)) >= 1


def test_sheets_have_a_limit(tmp_path):
    """A sheet that nobody could open is refused in a sentence."""
    result = run("preview", "--versions", 1_000_000, "--out", tmp_path / "sheet.png")
    assert result.exit_code == 2
    assert "a sheet must have at most 89478485 pixels, got" in " ".join(result.stderr.split())
    assert "type a smaller --size, fewer --versions or fewer images" in " ".join(result.stderr.split())
    result = run("preview", "--size", 1_000_000, "--out", tmp_path / "sheet.png")
    assert result.exit_code == 2
    assert "resized images must have at most 89478485 pixels" in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []
