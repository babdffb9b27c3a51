"""Folders of pictures, for ``dustaug apply``: finding the files, and dusting each."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from dustaug._names import index_of
from dustaug.core import add_dust
from dustaug.spec import Spec

from ._pictures import read_picture, write_picture


class FileTask(NamedTuple):
    """An image file, its index, and the output files with their epochs."""

    path: Path
    dust_index: int
    outputs: tuple[tuple[int, Path], ...]


class FileResult(NamedTuple):
    path: Path
    written: int = 0
    existed: int = 0
    frames: int = 1
    failure: str = ""


def find_images(in_dir: Path, results: list[FileResult]) -> tuple[list[Path], int]:
    """Return the images below a folder, also behind links, and the number of other files."""
    extensions = {extension for extension, name in Image.registered_extensions().items() if name in Image.OPEN}
    files, ignored = [], 0
    folders = [(in_dir, frozenset[Path]())]
    while folders:
        folder, above = folders.pop()
        real = folder.resolve()
        if real in above:
            continue  # A link leads back to a folder above.
        try:
            paths = sorted(folder.iterdir())
        except OSError as error:
            results.append(FileResult(folder, failure=str(error)))
            continue
        for path in paths:
            if path.is_dir():
                folders.append((path, above | {real}))
            elif path.suffix.lower() in extensions:
                files.append(path)
            else:
                ignored += 1
    return sorted(files), ignored


def make_tasks(in_dir: Path, out_dir: Path, files: list[Path], extension: str, epochs: range) -> list[FileTask]:
    """Return a task for each file, or raise if a task would overwrite an input or another output."""
    real_in, real_out = in_dir.resolve(), out_dir.resolve()
    if real_out.is_relative_to(real_in):
        raise ValueError(f"OUT_DIR must not be IN_DIR or lie inside it, got {out_dir}: name another folder")
    sources: dict[Path, Path] = {}
    tasks = []
    for path in files:
        relative = path.relative_to(in_dir)
        target = out_dir / (relative.with_suffix(extension) if extension else relative)
        if target in sources:
            raise ValueError(
                f"outputs must differ, got {target} for {sources[target]} and for {path}: rename one of the two"
            )
        sources[target] = path
        outputs = [(target if len(epochs) == 1 else target.with_stem(f"{target.stem}_epoch{e}")) for e in epochs]
        tasks.append(FileTask(path, index_of(relative.as_posix()), tuple(zip(epochs, outputs, strict=True))))
    existing = [output for task in tasks for _, output in task.outputs if output.exists()]
    inputs = {_identity(path) for path in files if path.exists()} if existing else set()
    for output in existing:
        if _identity(output) in inputs:
            raise ValueError(f"outputs must not be input files, got {output}: name another OUT_DIR")
    return tasks


def _identity(path: Path) -> tuple[int, int]:
    """Return numbers that are equal for two paths to the same file."""
    status = path.stat()
    return status.st_dev, status.st_ino


def dust_file(task: FileTask, *, spec: Spec, seed: int, overwrite: bool) -> FileResult:
    missing = [output for output in task.outputs if overwrite or not output[1].exists()]
    existed, written, frames = len(task.outputs) - len(missing), 0, 1
    try:
        if missing:
            image, frames = read_picture(task.path)
        for epoch, path in missing:
            pixels = np.array(image)
            colours = pixels[..., :-1] if image.mode in ("LA", "RGBA") else pixels
            add_dust(colours, spec, seed=seed, epoch=epoch, index=task.dust_index)
            dusted = Image.fromarray(pixels)
            dusted.info = image.info
            write_picture(dusted, path)
            written += 1
    except Exception as error:  # noqa: BLE001  Broken files raise anything, and must not stop the others.
        reason = str(error) or type(error).__name__
        if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
            limit = Image.MAX_IMAGE_PIXELS
            reason = (
                f"images must have at most {limit} pixels, as a guard against decompression bombs: "
                "type --max-pixels to raise the limit"
            )
        return FileResult(task.path, written, existed, frames, reason)
    return FileResult(task.path, written, existed, frames)
