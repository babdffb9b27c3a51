"""The command line: ``dustaug preview`` draws a contact sheet, ``dustaug apply`` dusts a folder of images.

Both print the Python call that paints the same pixels. Needs the extra ``cli``, and is not imported by the package.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import os
import re
import secrets
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from importlib import resources
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np

from . import __version__
from ._extras import MissingExtraError, name_extra
from .core import DustStream, add_dust
from .spec import Spec, cutout, dust, random_erasing

_missing = ""
try:
    with name_extra("cli", "dustaug's command line", "PIL", "rich", "typer"):
        import typer
        from PIL import Image, ImageDraw, ImageFont, ImageOps
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress
except MissingExtraError as error:
    _missing = str(error)

__all__ = ["file_index", "main"]

_CUTOUT_SIDE = 56
_PRESETS: dict[str, tuple[str, Callable[..., Spec]]] = {
    "dust": ("dust(", dust),
    "cutout": (f"cutout({_CUTOUT_SIDE}, ", functools.partial(cutout, _CUTOUT_SIDE)),
    "random-erasing": ("random_erasing(", random_erasing),
}
_INTS, _FLOATS = tuple[int, int], tuple[float, float]
# Everything in a spec except the fields for normalised images, which no image file is.
_FIELDS: dict[str, tuple[Any, str, str]] = {
    "p": (float, "PROBABILITY", "Probability that an image is dusted at all."),
    "count_range": (_INTS, "LOW HIGH", "Rectangles per image, both ends included."),
    "center": (str, "RULE", "Where centres lie: normal, uniform or inside."),
    "center_mean": (_FLOATS, "Y X", "Mean of normal centres, in fractions of the sides."),
    "center_std": (_FLOATS, "Y X", "Standard deviation of normal centres, likewise."),
    "half_height_range": (_INTS, "LOW HIGH", "Size as half the height in pixels."),
    "half_width_range": (_INTS, "LOW HIGH", "Size as half the width in pixels."),
    "side_range": (_INTS, "LOW HIGH", "Size as the side of a square in pixels."),
    "height_fraction_range": (_FLOATS, "LOW HIGH", "Size as a fraction of the image's height."),
    "width_fraction_range": (_FLOATS, "LOW HIGH", "Size as a fraction of the image's width."),
    "area_range": (_FLOATS, "LOW HIGH", "Size as a share of the image's area."),
    "aspect_range": (_FLOATS, "LOW HIGH", "Height / width, with --area-range."),
    "spare_last": (bool, "", "Keep the last row and the last column clean."),
    "fill": (str, "KIND", "grey, constant, color, noise or mean."),
    "fill_range": (_INTS, "LOW HIGH", "Brightness of grey, color and noise, in 0…255."),
    "fill_value": (str, "VALUE", "Brightness of constant: one number, or one per channel as in 124,116,104."),
}

# Pillow's font has no letters beyond ASCII, except a few signs.
_MARGIN, _GAP, _CAPTION = 40, 14, 28
_INK, _GREY, _PAPER = "#1c1c1e", "#6b6b70", "#ffffff"


class _Recipe(NamedTuple):
    """What to draw, and the call of the preset that says so in Python."""

    call: str
    spec: Spec
    seed: int
    epoch: int

    @property
    def title(self) -> str:
        return f"dustaug.{self.call}, seed {self.seed}" + (f", epoch {self.epoch}" if self.epoch else "")


def file_index(path: str) -> int:
    """Return the index that ``dustaug apply`` gives a file: 63 bits of a hash of where the file lies.

    It depends on nothing else, so that a file gets the same dust when other files come or go.

    Parameters
    ----------
    path : str
        Path relative to the input folder, with forward slashes.

    Returns
    -------
    int
        The first 63 bits of the SHA-256 of `path` in UTF-8.

    Examples
    --------
    >>> file_index("cats/tom.png")
    7438648454447079365
    """
    return int.from_bytes(hashlib.sha256(os.fsencode(path)).digest()[:8], "big") >> 1


def main() -> None:
    """Run the command line."""
    if _missing:
        sys.exit(_missing)
    _make_app()()


def _make_app() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(_options)
    app.command()(_with_recipe(preview))
    app.command()(_with_recipe(apply))
    return app


def _print_version(value: bool) -> None:  # noqa: FBT001  Typer calls it so.
    if value:
        typer.echo(f"dustaug {__version__}")
        raise typer.Exit


def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Hide random parts of training images: look at the dust, or write dusted copies of a folder."""


def _with_recipe(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with the options of a spec, a seed and an epoch in place of its parameter `recipe`."""

    @functools.wraps(command)
    def wrapped(*, preset: str, seed: int, epoch: int, **arguments: Any) -> None:
        changes = {name: value for name in _FIELDS if (value := arguments.pop(name)) is not None}
        try:
            recipe = _make_recipe(preset, seed, epoch, changes)
        except (TypeError, ValueError) as error:
            raise typer.BadParameter(str(error)) from None
        command(recipe=recipe, **arguments)

    def option(name: str, kind: Any, default: Any, help_text: str, metavar: str = "") -> inspect.Parameter:
        info = typer.Option(help=help_text, metavar=metavar or None)
        return inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info]
        )

    own = [part for part in inspect.signature(command, eval_str=True).parameters.values() if part.name != "recipe"]
    shared = [
        option(
            "preset",
            str,
            "dust",
            f"dust, cutout ({_CUTOUT_SIDE} pixels) or random-erasing; the options below change it.",
            "NAME",
        ),
        option("seed", int, 0, "Another seed gives other dust.", "NUMBER"),
        option("epoch", int, 0, "So does another epoch.", "NUMBER"),
        *(option(name, kind | None, None, text, metavar) for name, (kind, metavar, text) in _FIELDS.items()),
    ]
    wrapped.__signature__ = inspect.Signature(own + shared)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {part.name: part.annotation for part in own + shared}
    return wrapped


def _make_recipe(preset: str, seed: int, epoch: int, changes: dict[str, Any]) -> _Recipe:
    if preset not in _PRESETS:
        raise ValueError(f"preset must be one of {', '.join(_PRESETS)}, got {preset}: type --preset dust")
    if "fill_value" in changes:
        # What is no number stays as it is: the spec has the words for it.
        with contextlib.suppress(ValueError):
            values = tuple(float(part) for part in changes["fill_value"].split(","))
            changes["fill_value"] = values if len(values) > 1 else values[0]
    prefix, make = _PRESETS[preset]
    call = f"{prefix}{', '.join(f'{name}={value!r}' for name, value in changes.items())}".removesuffix(", ") + ")"
    spec = make(**changes)
    DustStream(spec, seed=seed, epoch=epoch)  # Checks the seed and the epoch.
    return _Recipe(call, spec, seed, epoch)


@contextlib.contextmanager
def _pixel_limit(max_pixels: int) -> Iterator[None]:
    """Make Pillow refuse images of more than `max_pixels`, where it would warn."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _read(path: Path) -> tuple[Image.Image, int]:
    """Return the first frame, upright, in mode L, LA, RGB, RGBA or I;16, and the number of frames."""
    with Image.open(path) as file:
        frames = getattr(file, "n_frames", 1)
        # Pillow would cut them down to 8 bits without a word. BGR;16 is a pixel of 16 bits.
        raw_modes = [str(tile[3]) for tile in getattr(file, "tile", ())]
        if not file.mode.startswith("I") and any(";16" in mode and "BGR" not in mode for mode in raw_modes):
            raise ValueError("images must have 8 bits per channel or be 16-bit grey, got 16-bit colour")
        sixteen_bits = file.mode.startswith("I;16") or (file.mode == "I" and file.format == "PNG")
        image = ImageOps.exif_transpose(file)
    profile = image.info.get("icc_profile")
    if image.mode in ("CMYK", "LAB", "YCbCr"):
        profile = None  # It describes other channels than those of RGB.
    if sixteen_bits:
        image = Image.fromarray(np.asarray(image).astype(np.uint16))
    elif image.mode in ("I", "F"):
        raise ValueError(f"images must have 8 bits per channel or be 16-bit grey, got Pillow's mode {image.mode}")
    elif "transparency" in image.info or image.mode in ("PA", "La", "RGBa"):
        image = image.convert("RGBA")
    elif image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    image.info = {"icc_profile": profile} if profile else {}
    return image, frames


def _write(image: Image.Image, path: Path) -> None:
    """Save an image such that `path` is the whole file at every moment, or is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"icc_profile": image.info["icc_profile"]} if "icc_profile" in image.info else {}
    unfinished = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        image.save(unfinished, Image.registered_extensions()[path.suffix.lower()], quality=95, **profile)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _writes(extension: str) -> bool:
    return Image.registered_extensions().get(extension.lower()) in Image.SAVE


def preview(
    images: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="IMAGE",
            exists=True,
            dir_okay=False,
            help="Images; a photograph of a cup of coffee if left out.",
        ),
    ] = None,
    *,
    recipe: _Recipe,
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write.")] = Path("dust.png"),
    versions: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Dusted versions per image.")] = 8,
    columns: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Versions side by side.")] = 4,
    size: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=0, help="Longest side in pixels, given to images before dusting; 0 leaves them alone."
        ),
    ] = 224,
) -> None:
    """Draw a contact sheet: each image beside dusted versions of it.

    Version i is what dustaug.add_dust paints with index=i. Dust is measured in pixels: give --size the side of your
    training images to see what they would look like.
    """
    if not _writes(out.suffix):
        raise typer.BadParameter(f"out must end in an extension that Pillow writes, got {out}: type --out dust.png")
    paths = images or [Path(str(resources.files("dustaug") / "photos" / "coffee.jpg"))]
    if any(out.exists() and out.samefile(path) for path in paths):
        raise typer.BadParameter(f"out must not be one of the images, got {out}: type --out dust.png")
    blocks = []
    try:
        with _pixel_limit(Image.MAX_IMAGE_PIXELS or sys.maxsize):
            for path in paths:
                original = _on_white(_read(path)[0])
                small = ImageOps.contain(original, (size, size), Image.Resampling.LANCZOS) if size else original
                blocks.append(_block(path.name, original, small, recipe, versions, columns))
    except Exception as error:  # noqa: BLE001  Broken files raise anything.
        raise typer.BadParameter(f"{path}: {error}") from None
    try:
        _write(_sheet(recipe.title, blocks), out)
    except OSError as error:
        raise typer.BadParameter(f"out must be writable, got {out}: {error}") from None
    epoch = f"epoch={recipe.epoch}, " if recipe.epoch else ""
    resized = f", resized to {size} pixels," if size else ""
    typer.echo(
        f"Wrote {out}: {_count(versions, 'version')} of {', '.join(path.name for path in paths)}.\n"
        f"Version i in Python, where image is an original{resized} as an array:\n"
        f"  dustaug.add_dust(image.copy(), dustaug.{recipe.call}, seed={recipe.seed}, {epoch}index=i)"
    )


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")


def _block(
    name: str, original: Image.Image, small: Image.Image, recipe: _Recipe, versions: int, columns: int
) -> Image.Image:
    """Draw one image, large, beside its dusted versions pixel by pixel."""
    columns = min(columns, versions)
    rows = -(-versions // columns)
    zoom = max(1, 224 // max(small.size))  # Tiny images are shown in squares, which keep every pixel's value.
    width, height = small.width * zoom, small.height * zoom
    large_height = height if rows == 1 else 2 * height + _CAPTION + _GAP
    large_width = round(large_height * small.width / small.height)
    nearest, smooth = Image.Resampling.NEAREST, Image.Resampling.LANCZOS
    large = original.resize((large_width, large_height), smooth if zoom == 1 else nearest)
    left = large_width + 2 * _GAP
    grid_height = rows * (height + _CAPTION + _GAP) - _GAP
    block = Image.new(
        "RGB", (left + columns * (width + _GAP) - _GAP, max(large_height + _CAPTION, grid_height)), _PAPER
    )
    _place(block, large, (0, 0), f"{name}, {small.width} x {small.height}")
    for index in range(versions):
        dusted = add_dust(np.array(small), recipe.spec, seed=recipe.seed, epoch=recipe.epoch, index=index)
        row, column = divmod(index, columns)
        where = left + column * (width + _GAP), row * (height + _CAPTION + _GAP)
        _place(block, Image.fromarray(dusted).resize((width, height), nearest), where, f"index {index}")
    return block


def _place(block: Image.Image, image: Image.Image, where: tuple[int, int], caption: str) -> None:
    font = ImageFont.load_default(15)
    caption = caption.encode("ascii", "replace").decode()
    while font.getlength(caption) > image.width and len(caption) > 1:
        caption = caption[:-2].rstrip() + "…"
    block.paste(image, where)
    baseline = where[0], where[1] + image.height + 20
    ImageDraw.Draw(block).text(baseline, caption, fill=_GREY, font=font, anchor="ls")


def _sheet(title: str, blocks: list[Image.Image]) -> Image.Image:
    """Set blocks below one another, with a title and margins."""
    font = ImageFont.load_default(24)
    width = max(block.width for block in blocks)
    unbroken = re.sub(r"(?<=\d), (?=\d)", ",\N{NO-BREAK SPACE}", title)
    title = textwrap.fill(unbroken, max(24, int(width / font.getlength("0")))).replace("\N{NO-BREAK SPACE}", " ")
    _, _, right, bottom = ImageDraw.Draw(blocks[0]).multiline_textbbox((0, 0), title, font=font)
    width, head = max(width, int(right)), int(bottom) + 2 * _GAP
    height = head + sum(block.height + 2 * _GAP for block in blocks) - 2 * _GAP
    sheet = Image.new("RGB", (width + 2 * _MARGIN, height + 2 * _MARGIN), _PAPER)
    ImageDraw.Draw(sheet).multiline_text((_MARGIN, _MARGIN), title, fill=_INK, font=font)
    top = _MARGIN + head
    for block in blocks:
        sheet.paste(block, (_MARGIN, top))
        top += block.height + 2 * _GAP
    return sheet


class _Job(NamedTuple):
    """One image, and the files to write with their epochs."""

    path: Path
    dust_index: int
    outputs: tuple[tuple[int, Path], ...]


class _Result(NamedTuple):
    path: Path
    written: int = 0
    existed: int = 0
    frames: int = 1
    failure: str = ""


def apply(
    in_dir: Annotated[
        Path, typer.Argument(metavar="IN_DIR", exists=True, file_okay=False, help="Folder of images, with sub-folders.")
    ],
    out_dir: Annotated[Path, typer.Argument(metavar="OUT_DIR", file_okay=False, help="Folder for the dusted copies.")],
    *,
    recipe: _Recipe,
    copies: Annotated[
        int,
        typer.Option(
            metavar="NUMBER",
            min=1,
            help="Copies per image: of --epoch, --epoch + 1, …, named cat_epoch0.png and so on.",
        ),
    ] = 1,
    format: Annotated[  # noqa: A002  It is the option's name.
        str, typer.Option(metavar="EXTENSION", help="keep, or an extension such as png, jpg, webp.")
    ] = "keep",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Redo files that exist instead of skipping them.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", min=1, help="Threads, by default one per processor up to 8. They change no pixel."
        ),
    ] = None,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", min=1, help="Refuse larger images; Pillow's limit if left out.", show_default=False
        ),
    ] = None,
) -> None:
    """Write dusted copies of all images in a folder tree.

    The dust of a file depends on nothing but the spec, the seed, the epoch, the image's size and the file's path inside
    IN_DIR, so that a run can be repeated, stopped and resumed. The index is the first 63 bits of the SHA-256 of that
    path, dustaug.cli.file_index in Python. Files that exist in OUT_DIR are skipped, whatever they were made with: give
    another seed another OUT_DIR.

    PNG keeps pixels exactly; JPEG, WebP and AVIF are encoded again with quality 95. Grey, 16-bit grey, RGB and alpha
    stay as they are (alpha gets no dust), other images become RGB. Of animations and multi-page files only the first
    frame is taken. Images are turned upright; their colour profile stays, other metadata goes.

    The exit code is 1 if a file failed; the others are written all the same.
    """
    extension = "" if format == "keep" else f".{format.lower().removeprefix('.')}"
    if extension and not _writes(extension):
        raise typer.BadParameter(
            f"format must be keep or an extension that Pillow writes, got {format}: type --format png"
        )
    try:
        DustStream(seed=recipe.seed, epoch=recipe.epoch + copies - 1)
    except ValueError as error:
        raise typer.BadParameter(f"{error}, the last of {copies} copies") from None
    results: list[_Result] = []
    files, ignored = _find_images(in_dir, results)
    if not files and not results:
        raise typer.BadParameter(f"in_dir must hold images, got {in_dir} with {_count(ignored, 'other file')}")
    jobs = _make_jobs(in_dir, out_dir, files, extension, recipe.epoch, copies)
    work = functools.partial(_dust_file, recipe=recipe, overwrite=overwrite)
    limit = _pixel_limit(max_pixels or Image.MAX_IMAGE_PIXELS or sys.maxsize)
    progress = Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True))
    pool = ThreadPool(workers or min(8, os.cpu_count() or 1))
    try:
        with limit, progress:
            results += progress.track(pool.imap_unordered(work, jobs), total=len(jobs), description="Dusting")
    finally:
        # Files under way are finished first, also after Ctrl+C.
        pool.terminate()
        pool.join()
    _report(results, in_dir, out_dir, recipe, ignored)


def _find_images(in_dir: Path, results: list[_Result]) -> tuple[list[Path], int]:
    """Return the images below a folder, links followed, and how many other files lie there."""
    extensions = {extension for extension, name in Image.registered_extensions().items() if name in Image.OPEN}
    files, ignored = [], 0
    folders = [(in_dir, frozenset[Path]())]
    while folders:
        folder, above = folders.pop()
        real = folder.resolve()
        if real in above:
            continue  # A link back to where we came from.
        try:
            paths = sorted(folder.iterdir())
        except OSError as error:
            results.append(_Result(folder, failure=str(error)))
            continue
        for path in paths:
            if path.is_dir():
                folders.append((path, above | {real}))
            elif path.suffix.lower() in extensions:
                files.append(path)
            else:
                ignored += 1
    return sorted(files), ignored


def _make_jobs(in_dir: Path, out_dir: Path, files: list[Path], extension: str, epoch: int, copies: int) -> list[_Job]:
    """Return what is to be done, or refuse it if it would lose a file."""
    real_in, real_out = in_dir.resolve(), out_dir.resolve()
    if real_out.is_relative_to(real_in):
        raise typer.BadParameter(f"OUT_DIR must not be IN_DIR or lie inside it, got {out_dir}: name another folder")
    sources: dict[Path, Path] = {}
    jobs = []
    for path in files:
        relative = path.relative_to(in_dir)
        target = out_dir / (relative.with_suffix(extension) if extension else relative)
        if target in sources:
            raise typer.BadParameter(
                f"outputs must differ, got {target} for {sources[target]} and for {path}: rename one of the two"
            )
        sources[target] = path
        epochs = range(epoch, epoch + copies)
        outputs = [(target if copies == 1 else target.with_stem(f"{target.stem}_epoch{e}")) for e in epochs]
        jobs.append(_Job(path, file_index(relative.as_posix()), tuple(zip(epochs, outputs, strict=True))))
    existing = [output for job in jobs for _, output in job.outputs if output.exists()]
    inputs = {_identity(path) for path in files if path.exists()} if existing else set()
    for output in existing:
        if _identity(output) in inputs:
            raise typer.BadParameter(f"outputs must not be input files, got {output}: name another OUT_DIR")
    return jobs


def _identity(path: Path) -> tuple[int, int]:
    """What two paths share if they lead to one file."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _dust_file(job: _Job, *, recipe: _Recipe, overwrite: bool) -> _Result:
    missing = [output for output in job.outputs if overwrite or not output[1].exists()]
    existed, written, frames = len(job.outputs) - len(missing), 0, 1
    try:
        if missing:
            image, frames = _read(job.path)
        for epoch, path in missing:
            pixels = np.array(image)
            colours = pixels[..., :-1] if image.mode in ("LA", "RGBA") else pixels
            add_dust(colours, recipe.spec, seed=recipe.seed, epoch=epoch, index=job.dust_index)
            dusted = Image.fromarray(pixels)
            dusted.info = image.info
            _write(dusted, path)
            written += 1
    except Exception as error:  # noqa: BLE001  Broken files raise anything, and must not stop the others.
        reason = str(error) or type(error).__name__
        if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
            limit = Image.MAX_IMAGE_PIXELS
            reason = f"images must have at most {limit} pixels, against bombs: type --max-pixels to raise the limit"
        return _Result(job.path, written, existed, frames, reason)
    return _Result(job.path, written, existed, frames)


def _report(results: list[_Result], in_dir: Path, out_dir: Path, recipe: _Recipe, ignored: int) -> None:
    written, existed = sum(result.written for result in results), sum(result.existed for result in results)
    frames = sum(result.frames > 1 for result in results)
    typer.echo(f"{recipe.title}: wrote {_count(written, 'file')} to {out_dir}.")
    if existed:
        typer.echo(f"Skipped {_count(existed, 'file')} that existed; --overwrite redoes them.")
    if ignored:
        typer.echo(f"Ignored {_count(ignored, 'file')} without the extension of an image.")
    if frames:
        typer.echo(f"Took only the first frame of {_count(frames, 'file')} with several.")
    failures = sorted((result.path, result.failure) for result in results if result.failure)
    if failures:
        typer.echo(f"Failed on {len(failures)} of {_count(len(results), 'file')}:", err=True)
        for path, failure in failures:
            typer.echo(f"  {path.relative_to(in_dir)}: {failure}", err=True)
        raise typer.Exit(1)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


if __name__ == "__main__":
    main()
