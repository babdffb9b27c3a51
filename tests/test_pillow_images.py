"""Every file that Pillow tests itself with goes through ``dustaug apply``, and every copy is read back here too.

.ci/run fetches them into a temporary folder, which DUSTAUG_TEST_PILLOW_IMAGES names. Some are meant to break decoders:
they stay in that folder, and each group of them has a process of its own with a time limit.
"""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from test_cli import contents, run_process

IMAGES = Path(os.environ["DUSTAUG_TEST_PILLOW_IMAGES"])
FILES = sorted(path for path in IMAGES.rglob("*") if path.is_file())
GROUPS = 12
DEEP = ("I;16", "I;16B", "I;16L", "I", "F")
# What Pillow says of broken files, what we say of those that cannot be kept, and nothing that looks like a bug of ours.
BUGS = re.compile(r"Traceback|KeyError|IndexError|ValueError|TypeError|AttributeError|^'.*'$|^\w+Error$|^$")


def read(path):
    """Return the pixels as Pillow has them, upright, whether they are deep or transparent, and the format."""
    with warnings.catch_warnings(), path.open("rb") as stream:
        warnings.simplefilter("ignore")
        with Image.open(stream) as file:
            mode, name = file.mode, file.format
            has_alpha = mode not in DEEP and file.has_transparency_data
            file.load()
            image = ImageOps.exif_transpose(file)
        pixels = np.asarray(image).astype(np.float64) if mode in DEEP else np.array(image.convert("RGBA"))
    if mode not in DEEP:
        has_alpha = has_alpha and int(pixels[..., 3].min()) < 255
        pixels[pixels[..., 3] == 0] = 0
    return pixels, mode in DEEP, has_alpha, name


def apply(folder, out, *arguments):
    """Dust a folder with nothing, and return the reasons of the failures by file."""
    result = run_process("apply", folder, out, "--p", 0, *arguments, timeout=300)
    assert result.returncode in (0, 1), result.stderr
    failures = dict(re.findall(r"^  (\S+): (.+)$", result.stderr, re.MULTILINE))
    assert [text for text in failures.values() if BUGS.search(text)] == []
    return failures


def test_the_images_are_there():
    """The folder holds what Pillow's source distribution has."""
    assert len(FILES) > 500


@pytest.mark.parametrize("group", range(GROUPS))
def test_every_copy_holds_what_its_picture_holds(tmp_path, group):
    """A copy has the size, depth, alpha and pixels of its picture, or the file is refused with a reason."""
    names = {}
    (tmp_path / "in").mkdir()
    for number, path in list(enumerate(FILES))[group::GROUPS]:
        names[f"{number:04}{path.suffix}"] = path
        (tmp_path / "in" / f"{number:04}{path.suffix}").symlink_to(path)
    failures = apply(tmp_path / "in", tmp_path / "out")
    copies = set(contents(tmp_path / "out"))
    assert len(copies) > 20
    assert copies.isdisjoint(failures)
    for name in sorted(copies):
        before, was_deep, had_alpha, _ = read(names[name])
        after, is_deep, has_alpha, form = read(tmp_path / "out" / name)
        assert (before.shape, was_deep, had_alpha) == (after.shape, is_deep, has_alpha), names[name].name
        is_lossy = form in ("JPEG", "MPO", "WEBP", "AVIF")
        difference = np.abs(before.astype(np.float64) - after)
        assert difference.mean() < 6 if is_lossy else np.array_equal(before, after), names[name].name

    # The way out that a refusal names works.
    refused = [name for name, text in failures.items() if text.endswith("type --format png")]
    (tmp_path / "refused").mkdir()
    for name in refused:
        (tmp_path / "refused" / name).symlink_to(names[name])
    if refused:
        assert apply(tmp_path / "refused", tmp_path / "png", "--format", "png") == {}
        for name in refused:
            before, _, had_alpha, _ = read(names[name])
            after, _, has_alpha, _ = read((tmp_path / "png" / name).with_suffix(".png"))
            assert had_alpha == has_alpha
            assert np.array_equal(before, after), names[name].name
