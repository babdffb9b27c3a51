"""``dustaug apply --center guide`` paints on what a folder of masks shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dustaug
import guided
from dustaug import index_of
from test_cli import contents, load, noise, run, save
from test_pixels import KEYS, photos

SPEC = dustaug.dust(center="guide")
GUIDE = ["--center", "guide", "--guide-dir"]


def disc(height, width):
    """Return a mask, True within an ellipse."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return (y - 0.2) ** 2 + (x + 0.1) ** 2 < 0.3


@pytest.fixture
def folders(tmp_path):
    """Return a small tree of images, and one of masks that have their names."""
    root, masks = tmp_path / "in", tmp_path / "masks"
    save(root / "red.png", noise(40, 50, 3))
    save(root / "cats" / "tom.png", noise(64, 48, 3))
    save(masks / "red.png", disc(40, 50))
    save(masks / "cats" / "tom.png", disc(64, 48))
    return root, masks


def dusted(path, name, guide, **keys):
    return dustaug.add_dust(load(path / name), SPEC, index=index_of(name), guide=guide, **{"seed": 0, **keys})


@pytest.mark.parametrize("name", [name for name, case in guided.CASES.items() if "objects" not in case.terms])
def test_files_have_the_pixels_of_the_cases(tmp_path, monkeypatch, name):
    """Every guide of the file of pixels, as a mask beside an image, gives the pixels of that file."""
    case, names = guided.CASES[name], [f"{i}.png" for i in range(guided.N)]
    for image, guide, file in zip(photos(), case.terms["guide"], names, strict=True):
        save(tmp_path / "in" / file, image)
        save(tmp_path / "masks" / file, guide)
    monkeypatch.setattr("dustaug.cli._folders.index_of", lambda path: KEYS["any"]["index"] + names.index(path))
    options = {"mask": [], "color": ["--fill", "color"]}.get(name)
    if name == "map":
        options = ["--preset", "random-erasing", "--p", 0.8]
    if name == "mean":
        options = ["--fill", "mean", "--height-fraction-range", 0.05, 0.2]
    arguments = [*options, *GUIDE, tmp_path / "masks", "--seed", KEYS["any"]["seed"], "--epoch", 5]
    result = run("apply", tmp_path / "in", tmp_path / "out", *arguments)

    assert result.exit_code == 0, result.stderr
    assert np.array_equal(guided.expected(name), [load(tmp_path / "out" / file) for file in names])


def test_a_mask_may_have_another_format_and_resolution(folders, tmp_path):
    """A mask is found by its name without the extension; a mask of the very name goes before others."""
    root, masks = folders
    (masks / "cats" / "tom.png").unlink()
    save(masks / "cats" / "tom.tif", disc(9, 7))
    save(masks / "red.bmp", np.zeros((3, 3), np.uint8))
    result = run("apply", root, tmp_path / "out", *GUIDE, masks, "--format", "bmp", "--copies", 2)

    assert result.exit_code == 0, result.stderr
    for epoch in (0, 1):
        tom = load(tmp_path / "out" / "cats" / f"tom_epoch{epoch}.bmp")
        assert np.array_equal(tom, dusted(root, "cats/tom.png", disc(9, 7), epoch=epoch))
        red = load(tmp_path / "out" / f"red_epoch{epoch}.bmp")
        assert np.array_equal(red, dusted(root, "red.png", disc(40, 50), epoch=epoch))


@pytest.mark.parametrize("kind", ["1", "0 and 255", "0 and 6", "palette", "grey"])
def test_the_numbers_of_a_mask_are_weights(tmp_path, kind):
    """Two levels draw what black and white draws, whatever the levels; more levels are weights."""
    save(tmp_path / "in" / "a.png", noise(40, 50, 3))
    mask = disc(40, 50)
    weights = np.arange(2000).reshape(40, 50).astype(np.uint8) if kind == "grey" else mask
    if kind in ("palette", "grey", "1"):
        picture = Image.fromarray(weights if kind != "palette" else mask.astype(np.uint8))
        if kind == "palette":
            picture.putpalette([9] * 768)
    else:
        picture = Image.fromarray(mask.astype(np.uint8) * np.uint8(kind.split()[-1]))
    (tmp_path / "masks").mkdir()
    picture.save(tmp_path / "masks" / "a.png")
    assert run("apply", tmp_path / "in", tmp_path / "out", *GUIDE, tmp_path / "masks").exit_code == 0

    assert np.array_equal(load(tmp_path / "out" / "a.png"), dusted(tmp_path / "in", "a.png", weights))


def test_a_large_white_mask_is_no_error(tmp_path, monkeypatch):
    """Only a sum that cannot be made smaller is too large, and then the mask may be."""
    save(tmp_path / "in" / "a.png", noise(40, 50, 3))
    save(tmp_path / "masks" / "a.png", disc(40, 50).astype(np.uint8) * 255)
    monkeypatch.setattr("dustaug.cli._pictures.MAX_GUIDE_SUM", int(disc(40, 50).sum()))
    assert run("apply", tmp_path / "in", tmp_path / "out", *GUIDE, tmp_path / "masks").exit_code == 0

    assert np.array_equal(load(tmp_path / "out" / "a.png"), dusted(tmp_path / "in", "a.png", disc(40, 50)))
    save(tmp_path / "masks" / "a.png", disc(40, 50).astype(np.uint8) + np.uint8(1))
    result = run("apply", tmp_path / "in", tmp_path / "two", *GUIDE, tmp_path / "masks")
    assert result.exit_code == 1
    assert re.search(
        r"a\.png: mask a\.png: masks must have numbers that sum to at most \d+, got \d+: make the mask sm",
        result.stderr,
    )


def test_a_black_mask_gets_no_dust(folders, tmp_path):
    """The image is copied as it is."""
    root, masks = folders
    save(masks / "red.png", np.zeros((4, 5), np.uint8))
    assert run("apply", root, tmp_path / "out", *GUIDE, masks).exit_code == 0

    assert np.array_equal(load(tmp_path / "out" / "red.png"), load(root / "red.png"))
    assert not np.array_equal(load(tmp_path / "out" / "cats" / "tom.png"), load(root / "cats" / "tom.png"))


def test_sizes_and_orientations(tmp_path):
    """A mask keeps its resolution beside --size; it is that of the upright image, and turned by its own EXIF."""
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = noise(40, 70, 3)
    for name, options in {"photo": {"exif": exif}, "both": {"exif": exif}}.items():
        save(tmp_path / "in" / f"{name}.png", pixels, **options)
    save(tmp_path / "masks" / "photo.png", disc(70, 40))
    save(tmp_path / "masks" / "both.png", disc(40, 70), exif=exif)
    arguments = [tmp_path / "in", tmp_path / "out", *GUIDE, tmp_path / "masks"]
    assert run("apply", *arguments).exit_code == 0
    assert run("apply", tmp_path / "in", tmp_path / "small", *arguments[2:], "--size", 35).exit_code == 0
    upright = np.ascontiguousarray(np.rot90(pixels, -1))
    for name, mask in {"photo": disc(70, 40), "both": np.rot90(disc(40, 70), -1)}.items():
        keys = {"seed": 0, "index": index_of(f"{name}.png"), "guide": mask}
        assert np.array_equal(load(tmp_path / "out" / f"{name}.png"), dustaug.add_dust(upright.copy(), SPEC, **keys))
        small = Image.fromarray(upright).resize((20, 35), Image.Resampling.LANCZOS)
        wanted = dustaug.add_dust(np.array(small), SPEC, **keys)
        assert np.array_equal(load(tmp_path / "small" / f"{name}.png"), wanted)


def test_other_options_stay(folders, tmp_path):
    """Sizes that grow with the image, other fills, threads and another seed go with masks as without."""
    root, masks = folders
    options = ["--relative", "--fill", "noise", "--no-spare-last", "--seed", 5, "--workers", 2, "--no-upright"]
    assert run("apply", root, tmp_path / "out", *GUIDE, masks, *options).exit_code == 0
    spec = dustaug.dust(relative=True, center="guide", fill="noise", spare_last=False)
    for name in ("red.png", "cats/tom.png"):
        keys = {"seed": 5, "index": index_of(name), "guide": load(masks / name)}
        assert np.array_equal(load(tmp_path / "out" / name), dustaug.add_dust(load(root / name), spec, **keys))


# What is wrong with a mask


def test_bad_masks_fail_alone(folders, tmp_path):
    """A missing, broken, ambiguous or coloured mask is named as a problem of its image; the others are written."""
    root, masks = folders
    names = ("missing", "broken", "text", "twice", "colour")
    for name in names:
        save(root / f"{name}.png", noise(30, 30, 3))
    good = (masks / "red.png").read_bytes()
    (masks / "broken.png").write_bytes(good[: len(good) // 2])
    (masks / "text.gif").write_text("no image")
    save(masks / "twice.tif", disc(3, 3))
    save(masks / "twice.bmp", disc(3, 3))
    save(masks / "colour.png", noise(30, 30, 3))
    save(masks / "nobodys.png", disc(3, 3))
    result = run("apply", root, tmp_path / "out", *GUIDE, masks)

    assert result.exit_code == 1
    assert "wrote 2 files" in result.stdout
    assert set(contents(tmp_path / "out")) == {"red.png", "cats/tom.png"}
    failures = dict(re.findall(r"^  (\w+)\.png: (.+)$", result.stderr, re.MULTILINE))
    assert sorted(failures) == sorted(names)
    assert failures["missing"].startswith("images must have one mask of their name in --guide-dir, got none: add one")
    assert "in --guide-dir, got twice.bmp, twice.tif: " in failures["twice"]
    assert failures["broken"].startswith("mask broken.png: ")
    assert failures["text"] == (
        "mask text.gif: masks must be of a format that Pillow reads, got something else: convert the mask to PNG"
    )
    assert failures["colour"] == (
        "mask colour.png: masks must be grey of 8 bits, black and white, or have a palette, got Pillow's mode RGB: "
        "convert the mask to grey"
    )
    assert json.loads((tmp_path / "out" / "dustaug.json").read_text("utf-8"))["counts"]["failed"] == 5


def test_a_mask_that_comes_later_is_used(folders, tmp_path):
    """Once the mask is there, the same command writes what is missing, and nothing else."""
    root, masks = folders
    mask = (masks / "red.png").rename(tmp_path / "away.png")
    assert run("apply", root, tmp_path / "out", *GUIDE, masks).exit_code == 1
    mask.rename(masks / "red.png")
    result = run("apply", root, tmp_path / "out", *GUIDE, masks)

    assert result.exit_code == 0
    assert "wrote 1 file " in result.stdout
    assert np.array_equal(load(tmp_path / "out" / "red.png"), dusted(root, "red.png", disc(40, 50)))


def test_a_mask_has_the_limit_of_images(folders, tmp_path):
    """A mask with more pixels than --max-pixels is refused, as an image is."""
    root, masks = folders
    save(masks / "red.png", disc(100, 100))
    result = run("apply", root, tmp_path / "out", *GUIDE, masks, "--max-pixels", 5000)

    assert result.exit_code == 1
    assert "red.png: images must have at most 5000 pixels" in result.stderr
    assert set(contents(tmp_path / "out")) == {"cats/tom.png"}


# Runs that do not fit


@pytest.mark.parametrize(
    ("command", "options", "said"),
    [
        (
            "apply",
            ["--center", "guide"],
            "--guide-dir must be given with --center guide, got none: type --guide-dir MASKS, or --center normal",
        ),
        (
            "apply",
            ["--guide-dir", "."],
            (
                "--guide-dir must be given with --center guide, got --center normal: type --center guide, or leave "
                "--guide-dir out"
            ),
        ),
        (
            "apply",
            ["--preset", "cutout", "--guide-dir", "."],
            "--guide-dir must be given with --center guide, got --center uniform: type --center guide, or",
        ),
        (
            "preview",
            ["--center", "guide"],
            (
                "--center must be normal, uniform or inside, as preview has no guides, got guide: type dustaug apply "
                "IN_DIR OUT_DIR --center guide --guide-dir MASKS"
            ),
        ),
        (
            "apply",
            ["--max-hidden", "0.4"],
            (
                "--max-hidden must be left out, as files of images tell no objects, got 0.4: type "
                "dustaug.add_dust(image, dustaug.dust(max_hidden=0.4), objects=boxes, …) in Python"
            ),
        ),
        ("preview", ["--per-object"], "--per-object must be left out, as files of images tell no objects, got True"),
    ],
)
def test_usage_errors(folders, tmp_path, command, options, said):
    """The answer is a sentence with what to type, and nothing is written."""
    root, _ = folders
    where = [root, tmp_path / "out"] if command == "apply" else ["--out", tmp_path / "out" / "sheet.png"]
    result = run(command, *where, *options)

    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


def test_other_masks_are_another_run(folders, tmp_path):
    """A folder of copies is refused with the masks of another folder, and goes on with its own by any path."""
    root, masks = folders
    save(tmp_path / "other masks" / "red.png", disc(9, 9))
    assert run("apply", root, tmp_path / "out", *GUIDE, masks).exit_code == 0
    before = contents(tmp_path / "out")
    for others, typed in ((tmp_path / "other masks", masks), (masks, tmp_path / "other masks")):
        result = run("apply", root, tmp_path / "out", *GUIDE, others, "--overwrite")
        assert result.exit_code == 2
        error = " ".join(result.stderr.split())
        assert f"got --guide-dir {shlex.quote(str(others.resolve()))} for" in error
        assert f"type --guide-dir {shlex.quote(str(typed.resolve()))}, or name another OUT_DIR" in error
        assert contents(tmp_path / "out") == before
        manifest = tmp_path / "out" / "dustaug.json"
        manifest.write_text(manifest.read_text("utf-8").replace(str(masks), str(tmp_path / "other masks")), "utf-8")
    manifest.write_text(manifest.read_text("utf-8").replace(str(tmp_path / "other masks"), str(masks)), "utf-8")
    result = run("apply", root, tmp_path / "out", *GUIDE, masks / ".." / "masks")
    assert "Skipped 2 files" in result.stdout
    assert "got the options (none) for" in " ".join(run("apply", root, tmp_path / "out").stderr.split())


def test_manifests_of_older_versions_had_no_masks(folders, tmp_path):
    """A folder whose dustaug.json says nothing of masks goes on without any."""
    root, _ = folders
    assert run("apply", root, tmp_path / "out").exit_code == 0
    manifest = tmp_path / "out" / "dustaug.json"
    facts = json.loads(manifest.read_text("utf-8"))
    assert facts.pop("guide_dir") is None
    manifest.write_text(json.dumps(facts), "utf-8")

    assert "Skipped 2 files" in run("apply", root, tmp_path / "out").stdout


def test_masks_are_never_overwritten(folders):
    """OUT_DIR may not be the folder of the masks, also with --overwrite."""
    root, masks = folders
    before = contents(masks)
    result = run("apply", root, masks, *GUIDE, masks, "--overwrite")

    assert result.exit_code == 2
    assert "outputs must not be input files" in " ".join(result.stderr.split())
    assert contents(masks) == before


@pytest.mark.parametrize("page", ["docs/cli.md"])
def test_the_command_of_the_docs_runs(folders, tmp_path, monkeypatch, page):
    """The command with masks that the page shows does what it says."""
    text = (Path(__file__).parent.parent / page).read_text("utf-8")
    [command] = re.findall(r"^dustaug (apply .*--guide-dir.*)$", text, re.MULTILINE)
    folders[0].rename(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    result = run(*shlex.split(command))

    assert result.exit_code == 0, result.stderr
    wanted = dusted(tmp_path / "photos", "cats/tom.png", disc(64, 48), seed=7)
    assert np.array_equal(load(tmp_path / "dusted" / "cats" / "tom.png"), wanted)
