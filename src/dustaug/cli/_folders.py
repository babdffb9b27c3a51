"""Folders of pictures, for ``dustaug apply``: finding the files, and dusting each."""

from __future__ import annotations

import collections
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from dustaug._names import index_of
from dustaug.core import add_dust, sample_rectangles
from dustaug.spec import Spec

from ._files import remove_unfinished, write_file
from ._pictures import encode_picture, fit, picture_extensions, read_guide, read_picture


class FileTask(NamedTuple):
    """An image file, its index, and the output files with their epochs."""

    path: Path
    dust_index: int
    outputs: tuple[tuple[int, Path], ...]
    masks: tuple[Path, ...] | None = None
    """Files that may be the mask of the image, if there are masks."""


class Job(NamedTuple):
    """What is done to every file."""

    spec: Spec
    seed: int
    overwrite: bool = False
    upright: bool = True
    size: int = 0
    value_range: tuple[float, float] | None = None


class FileResult(NamedTuple):
    """What came of one file, or why nothing did."""

    path: Path
    written: int = 0
    existed: int = 0
    frames: int = 1
    failure: str = ""
    turned: bool = False
    converted: str = ""
    lost_profile: bool = False
    in_colour: str = ""
    """Format of the copy if it has no grey, and the picture is grey."""
    is_dark: bool = False
    """Whether a picture of 16 bits uses only 12."""
    hidden: int = 0
    """Pixels under dust in all copies, of `pixels`."""
    pixels: int = 0


class Found(NamedTuple):
    """What a folder tree holds."""

    files: list[Path]
    failures: list[FileResult]
    other_extensions: collections.Counter[str]
    """Files without the extension of a picture, by extension."""
    beside: int = 0
    """Files that macOS writes beside others."""
    special: int = 0
    """Pipes, sockets and devices, which are never opened."""


def find_images(in_dir: Path) -> Found:
    """Return the images below a folder, also behind links. Every folder is read once, and no file is opened."""
    extensions = picture_extensions()
    files: list[Path] = []
    failures: list[FileResult] = []
    others: collections.Counter[str] = collections.Counter()
    beside = special = 0
    folders = [(in_dir, frozenset[str]())]
    while folders:
        folder, above = folders.pop()
        real = os.path.realpath(folder)
        if real in above:
            continue  # A link leads back to a folder above.
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError as error:
            failures.append(FileResult(folder, failure=str(error)))
            continue
        for entry in entries:
            path = folder / entry.name
            kind = _kind(entry)
            if kind == "folder":
                folders.append((path, above | {real}))
            elif entry.name.startswith("._"):
                beside += 1
            elif path.suffix.lower() not in extensions:
                others[path.suffix.lower()] += 1
            elif kind == "special":
                special += 1
            else:
                files.append(path)
    return Found(sorted(files), failures, others, beside, special)


def _kind(entry: os.DirEntry[str]) -> str:
    """Tell a file from a folder and from what may wait for ever. What cannot be looked at counts as a file."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file"
        mode = entry.stat().st_mode
    except OSError:
        return "file"  # A broken link, or a folder that may not be entered: opening it says why.
    return "file" if stat.S_ISREG(mode) else "special"


def find_masks(guide_dir: Path) -> dict[Path, list[Path]]:
    """Return the images below a folder, by their path within it without the extension."""
    masks: dict[Path, list[Path]] = {}
    for path in find_images(guide_dir).files:
        masks.setdefault(path.relative_to(guide_dir).with_suffix(""), []).append(path)
    return masks


def make_tasks(
    in_dir: Path,
    out_dir: Path,
    files: list[Path],
    extension: str,
    epochs: range,
    masks: Mapping[Path, list[Path]] | None = None,
) -> list[FileTask]:
    """Return a task for each file, or raise if a task would overwrite an input or another output."""
    real_in, real_out = in_dir.resolve(), out_dir.resolve()
    if real_out.is_relative_to(real_in):
        raise ValueError(f"OUT_DIR must not be IN_DIR or lie inside it, got {out_dir}: name another folder")
    sources: dict[Path, Path] = {}
    tasks = []
    for path in files:
        relative = path.relative_to(in_dir)
        target = out_dir / (relative.with_suffix(extension) if extension else relative)
        outputs = [(target if len(epochs) == 1 else target.with_stem(f"{target.stem}_epoch{e}")) for e in epochs]
        for output in outputs:
            if output in sources:
                raise ValueError(
                    f"outputs must differ, got {output} for {sources[output]} and for {path}: rename one of the two"
                )
            sources[output] = path
        mine = None if masks is None else _masks_of(relative, masks)
        tasks.append(FileTask(path, index_of(relative.as_posix()), tuple(zip(epochs, outputs, strict=True)), mine))
    return tasks


def _masks_of(relative: Path, masks: Mapping[Path, list[Path]]) -> tuple[Path, ...]:
    """Return the masks of an image: that of its very name, or all that differ in the extension."""
    found = masks.get(relative.with_suffix(""), [])
    return tuple([path for path in found if path.name == relative.name] or found)


def find_existing(tasks: list[FileTask]) -> list[Path]:
    """Return the outputs that are there, or raise if one is an input."""
    existing = [output for task in tasks for _, output in task.outputs if output.exists()]
    read = {path for task in tasks for path in (task.path, *(task.masks or ()))} if existing else set()
    inputs = {_identity(path) for path in read if path.exists()}
    for output in existing:
        if _identity(output) in inputs:
            raise ValueError(f"outputs must not be input files, got {output}: name another OUT_DIR")
    return existing


def clean_folders(out_dir: Path, tasks: list[FileTask]) -> int:
    """Remove what killed runs left unfinished in the folders of the outputs, and return how many files that were."""
    folders = {out_dir, *(output.parent for task in tasks for _, output in task.outputs)}
    return sum(map(remove_unfinished, folders))


def _identity(path: Path) -> tuple[int, int]:
    """Return numbers that are equal for two paths to the same file."""
    status = path.stat()
    return status.st_dev, status.st_ino


def dust_file(task: FileTask, *, job: Job) -> FileResult:
    """Write the copies of one file that are missing."""
    missing = [output for output in task.outputs if job.overwrite or not output[1].exists()]
    result = FileResult(task.path, existed=len(task.outputs) - len(missing))
    written: list[Path] = []
    try:
        return _write_copies(task, missing, job, result, written) if missing else result
    except Exception as error:  # noqa: BLE001  Broken files raise anything, and must not stop the others.
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = "images must be of a format that Pillow reads, got something else: convert it to PNG"
        if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
            reason = (
                f"images must have at most {Image.MAX_IMAGE_PIXELS} pixels, as a guard against decompression bombs: "
                "type --max-pixels to raise the limit"
            )
        return result._replace(written=len(written), failure=reason)


def _write_copies(
    task: FileTask, missing: list[tuple[int, Path]], job: Job, result: FileResult, written: list[Path]
) -> FileResult:
    picture = read_picture(task.path, upright=job.upright, any_range=job.value_range is not None)
    if job.size:
        picture = picture._replace(image=fit(picture.image, job.size), resized=True)
    image, value_range, is_dark = picture.image, job.value_range, False
    if image.mode == "I;16" and value_range is None:
        # TIFF may say that it has fewer bits. Mostly 16 are said, whatever the camera had.
        value_range = (0, 2**picture.bits - 1)
        is_dark = picture.bits == 16 and 0 < int(np.asarray(image).max(initial=0)) < 2**12
    hidden, terms = 0, _terms_of(task, job)
    for epoch, path in missing:
        pixels = np.array(image)
        height, width = pixels.shape[:2]
        colours = pixels[..., :-1] if image.mode in ("LA", "RGBA") else pixels
        layout: Literal["HW", "HWC"] = "HW" if pixels.ndim == 2 else "HWC"
        keys: dict[str, Any] = {"seed": job.seed, "epoch": epoch, "index": task.dust_index}
        add_dust(colours, job.spec, layout=layout, value_range=value_range, **keys, **terms)
        copy = encode_picture(picture._replace(image=Image.fromarray(pixels)), path.suffix)
        write_file(path, copy.content)
        written.append(path)
        drawn = sample_rectangles(job.spec, height=height, width=width, **keys, **terms)
        hidden += int(drawn.mask(height, width).sum())
    return result._replace(
        written=len(written),
        frames=picture.frames,
        turned=picture.turned,
        converted=picture.converted,
        lost_profile=copy.lost_profile,
        in_colour=copy.in_colour,
        is_dark=is_dark,
        hidden=hidden,
        pixels=image.width * image.height * len(missing),
    )


def _terms_of(task: FileTask, job: Job) -> dict[str, Any]:
    """Return the guide of an image as an argument of add_dust, if there are masks."""
    if task.masks is None:
        return {}
    if len(task.masks) != 1:
        given = ", ".join(path.name for path in task.masks) or "none"
        raise ValueError(
            f"images must have one mask of their name in --guide-dir, got {given}: add one, or rename the others"
        )
    try:
        return {"guide": read_guide(task.masks[0], upright=job.upright)}
    except UnidentifiedImageError:
        reason = "masks must be of a format that Pillow reads, got something else: convert the mask to PNG"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise
    except Exception as error:  # noqa: BLE001  Broken files raise anything.
        reason = str(error) or type(error).__name__
    raise ValueError(f"mask {task.masks[0].name}: {reason}")
