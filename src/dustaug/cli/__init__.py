"""The command line: ``dustaug preview`` draws a contact sheet, ``dustaug apply`` dusts a folder of images.

Both print the preset that paints the same pixels. The module needs the extra ``cli``; the package does not import it.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Callable
from importlib import resources
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from dustaug import __version__
from dustaug._engine.coordinates import check_epoch, check_seed
from dustaug._extras import MissingExtraError, name_extra
from dustaug.spec import Spec, cutout, dust, random_erasing

_missing = ""
try:
    with name_extra("cli", "dustaug's command line", "PIL", "rich", "typer"):
        import typer
        from PIL import Image, ImageOps
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress

        from ._folders import FileResult, dust_file, find_images, make_tasks
        from ._pictures import can_write, draw_block, draw_sheet, on_white, pixel_limit, read_picture, write_picture
except MissingExtraError as error:
    _missing = str(error)

__all__ = ["main"]

_CUTOUT_SIDE = 56
_PRESETS: dict[str, tuple[str, Callable[..., Spec]]] = {
    "dust": ("dust(", dust),
    "cutout": (f"cutout({_CUTOUT_SIDE}, ", functools.partial(cutout, _CUTOUT_SIDE)),
    "random-erasing": ("random_erasing(", random_erasing),
}
_INTS, _FLOATS = tuple[int, int], tuple[float, float]
# All fields of a spec except those for normalised images, as no file holds such images.
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


class _Recipe(NamedTuple):
    """A spec with its keys, and the Python call that makes the same spec."""

    call: str
    spec: Spec
    seed: int
    epoch: int

    @property
    def title(self) -> str:
        return f"dustaug.{self.call}, seed {self.seed}" + (f", epoch {self.epoch}" if self.epoch else "")


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
    """Replace a command's parameter `recipe` by the options of a spec, a seed and an epoch."""

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
        # The spec refuses a value that is not a number.
        with contextlib.suppress(ValueError):
            values = tuple(float(part) for part in changes["fill_value"].split(","))
            changes["fill_value"] = values if len(values) > 1 else values[0]
    prefix, make = _PRESETS[preset]
    call = f"{prefix}{', '.join(f'{name}={value!r}' for name, value in changes.items())}".removesuffix(", ") + ")"
    spec = make(**changes)
    return _Recipe(call, spec, check_seed(seed), check_epoch(epoch))


def preview(
    images: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="IMAGE", exists=True, dir_okay=False, help="Images; a photograph of a cup of coffee if left out."
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
    if not can_write(out.suffix):
        raise typer.BadParameter(f"out must end in an extension that Pillow writes, got {out}: type --out dust.png")
    paths = images or [Path(str(resources.files("dustaug") / "photos" / "coffee.jpg"))]
    if any(out.exists() and out.samefile(path) for path in paths):
        raise typer.BadParameter(f"out must not be one of the images, got {out}: type --out dust.png")
    blocks = []
    arguments = {"spec": recipe.spec, "seed": recipe.seed, "epoch": recipe.epoch}
    try:
        with pixel_limit(Image.MAX_IMAGE_PIXELS or sys.maxsize):
            for path in paths:
                original = on_white(read_picture(path)[0])
                small = ImageOps.contain(original, (size, size), Image.Resampling.LANCZOS) if size else original
                blocks.append(draw_block(path.name, original, small, versions, columns, **arguments))
    except Exception as error:  # noqa: BLE001  Broken files raise anything.
        raise typer.BadParameter(f"{path}: {error}") from None
    try:
        write_picture(draw_sheet(recipe.title, blocks), out)
    except OSError as error:
        raise typer.BadParameter(f"out must be writable, got {out}: {error}") from None
    epoch = f"epoch={recipe.epoch}, " if recipe.epoch else ""
    resized = f", resized to {size} pixels," if size else ""
    typer.echo(
        f"Wrote {out}: {_count(versions, 'version')} of {', '.join(path.name for path in paths)}.\n"
        f"Version i in Python, where image is an original{resized} as an array:\n"
        f"  dustaug.add_dust(image.copy(), dustaug.{recipe.call}, seed={recipe.seed}, {epoch}index=i)"
    )


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
    IN_DIR, so that a run can be repeated, stopped and resumed. The index is that of
    dustaug.index_of(path) in Python. Files that exist in OUT_DIR are skipped, whatever they were made with: give
    another seed another OUT_DIR.

    PNG keeps pixels exactly; JPEG, WebP and AVIF are encoded again with quality 95. Grey, 16-bit grey, RGB and alpha
    stay as they are (alpha gets no dust), other images become RGB. Of animations and multi-page files only the first
    frame is taken. Images are turned upright; their colour profile stays, other metadata goes.

    The exit code is 1 if a file failed; the others are written all the same.
    """
    extension = "" if format == "keep" else f".{format.lower().removeprefix('.')}"
    if extension and not can_write(extension):
        raise typer.BadParameter(
            f"format must be keep or an extension that Pillow writes, got {format}: type --format png"
        )
    try:
        check_epoch(recipe.epoch + copies - 1)
    except ValueError as error:
        raise typer.BadParameter(f"{error}, the last of {copies} copies") from None
    results: list[FileResult] = []
    files, ignored = find_images(in_dir, results)
    if not files and not results:
        raise typer.BadParameter(f"in_dir must hold images, got {in_dir} with {_count(ignored, 'other file')}")
    try:
        tasks = make_tasks(in_dir, out_dir, files, extension, range(recipe.epoch, recipe.epoch + copies))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    work = functools.partial(dust_file, spec=recipe.spec, seed=recipe.seed, overwrite=overwrite)
    limit = pixel_limit(max_pixels or Image.MAX_IMAGE_PIXELS or sys.maxsize)
    progress = Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True))
    pool = ThreadPool(workers or min(8, os.cpu_count() or 1))
    try:
        with limit, progress:
            results += progress.track(pool.imap_unordered(work, tasks), total=len(tasks), description="Dusting")
    finally:
        # Files under way are finished first, also after Ctrl+C.
        pool.terminate()
        pool.join()
    _report(results, in_dir, out_dir, recipe, ignored)


def _report(results: list[FileResult], in_dir: Path, out_dir: Path, recipe: _Recipe, ignored: int) -> None:
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
