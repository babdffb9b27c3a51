"""The command line: ``preview`` draws a contact sheet, ``apply`` dusts a folder, ``explore`` opens a page.

The first two print the preset that paints the same pixels. The module needs the extra ``cli``; the package does not
import it.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import inspect
import io
import math
import os
import sys
from collections.abc import Callable, Iterator
from importlib import resources
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeAlias

from dustaug import __version__
from dustaug._engine.coordinates import check_epoch, check_index, check_seed
from dustaug._engine.guide import takes_donors, takes_guide
from dustaug._extras import MissingExtraError, name_extra
from dustaug.presets import cutmix, cutout, dust, grid_mask, hide_and_seek, patch_drop, random_erasing, sprinkles
from dustaug.spec import Spec

from ._words import in_options, option_of

_missing = ""
try:
    with name_extra("cli", "dustaug's command line", "PIL", "rich", "typer"):
        import typer
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress

        from ._files import write_file
        from ._folders import (
            FileResult,
            Found,
            Job,
            clean_folders,
            dust_file,
            find_existing,
            find_images,
            find_masks,
            make_tasks,
        )
        from ._manifest import NAME, Manifest
        from ._pictures import fit, format_of, on_white, pixel_limit, read_picture
        from ._sheets import Shown, add_donors, draw_sheet

    # Options of several commands.
    _Size: TypeAlias = Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=0, help="Longest side in pixels, given to images before dusting; 0 leaves them alone."
        ),
    ]
    _ValueRange: TypeAlias = Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="LOW HIGH", help="Values of black and white, as 0 4095 of 12-bit pictures.", show_default=False
        ),
    ]
except MissingExtraError as error:
    _missing = str(error)

__all__ = ["main"]

_CUTOUT_SIDE = 56
_PATCH_RATIO = 0.5
_SHOWN_FAILURES = 100
_LARGEST = 2048  # Pixels on the longest side of a picture in the browser, where it becomes smaller still.
_PRESETS: dict[str, tuple[str, Callable[..., Spec]]] = {
    "dust": ("dust(", dust),
    "cutout": (f"cutout({_CUTOUT_SIDE}, ", functools.partial(cutout, _CUTOUT_SIDE)),
    "random-erasing": ("random_erasing(", random_erasing),
    "hide-and-seek": ("hide_and_seek(", hide_and_seek),
    "grid-mask": ("grid_mask(", grid_mask),
    "patch-drop": (f"patch_drop({_PATCH_RATIO}, ", functools.partial(patch_drop, _PATCH_RATIO)),
    "sprinkles": ("sprinkles(", sprinkles),
    "cutmix": ("cutmix(", cutmix),
}
_INTS, _FLOATS = tuple[int, int], tuple[float, float]
# All fields of a spec except those for normalised images, as no file holds such images.
_FIELDS: dict[str, tuple[Any, str, str]] = {
    "p": (float, "PROBABILITY", "Probability that an image is dusted at all."),
    "kind": (str, "KIND", "What is drawn: rectangles, grid or lattice."),
    "count_range": (_INTS, "LOW HIGH", "Rectangles per image, or hidden cells of a grid, both ends included."),
    "center": (
        str,
        "RULE",
        "Where centres lie: normal, uniform or inside; apply has guide, too, with --guide-dir, and explore.",
    ),
    "center_mean": (_FLOATS, "Y X", "Mean of normal centres, in fractions of the sides."),
    "center_std": (_FLOATS, "Y X", "Standard deviation of normal centres, likewise."),
    "half_height_range": (_INTS, "LOW HIGH", "Size as half the height in pixels."),
    "half_width_range": (_INTS, "LOW HIGH", "Size as half the width in pixels."),
    "side_range": (_INTS, "LOW HIGH", "Size as the side of a square in pixels."),
    "height_fraction_range": (_FLOATS, "LOW HIGH", "Size as a fraction of the image's height."),
    "width_fraction_range": (_FLOATS, "LOW HIGH", "Size as a fraction of the image's width."),
    "area_range": (_FLOATS, "LOW HIGH", "Size as a share of the image's area."),
    "aspect_range": (_FLOATS, "LOW HIGH", "Height / width, with --area-range."),
    "area_beta": (float, "NUMBER", "Size as a share of the area from Beta(NUMBER, NUMBER), with the image's aspect."),
    "halve_sizes": (bool, "", "Half the fractions for rectangles 2 and 3, a quarter for 4 to 7, and so on."),
    "grid_shape": (_INTS, "ROWS COLUMNS", "Cells, with --kind grid."),
    "cell_sides": (str, "SIDES", "Sides of cells in pixels to choose from, as in 16,32, with --kind grid."),
    "cell_p": (float, "PROBABILITY", "Probability that a cell is hidden, instead of --count-range."),
    "period_range": (_INTS, "LOW HIGH", "Period in pixels, with --kind lattice."),
    "kept_share": (float, "SHARE", "Share of the period that is not hidden, along each side."),
    "lattice_hides": (str, "WHAT", "What a lattice hides: squares, or the lines between them."),
    "keep": (bool, "", "Hide all but the rectangles, or all but the cells."),
    "spare_last": (bool, "", "Keep the last row and the last column clean."),
    "fill": (str, "KIND", "grey, constant, color, noise or mean; preview and explore have donors, too."),
    "fill_range": (_INTS, "LOW HIGH", "Brightness of grey, color and noise, in 0…255."),
    "fill_value": (str, "VALUE", "Brightness of constant: one number, or one per channel as in 124,116,104."),
}

# Fields of a spec for what no file of an image has: their kinds, why, and what add_dust is given in Python.
_NO_OBJECTS = ("tell no objects", "add_dust(image, {spec}, objects=boxes, …)")
_NO_SLICES = ("have no slices", 'add_dust(volumes, {spec}, layout="NDHWC", …)')
_REFUSED: dict[str, tuple[Any, tuple[str, str]]] = {
    "max_hidden": (float, _NO_OBJECTS),
    "per_object": (bool, _NO_OBJECTS),
    "depth_range": (_INTS, _NO_SLICES),
    "depth_fraction_range": (_FLOATS, _NO_SLICES),
}


class _Recipe(NamedTuple):
    """A spec with its keys, the Python call that makes the same spec, and the options that do."""

    call: str
    spec: Spec
    seed: int
    epoch: int
    options: str

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
    app.command()(_with_recipe(explore))
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
    def wrapped(*, preset: str, relative: bool, seed: int, epoch: int, **arguments: Any) -> None:
        for name, (_, (reason, call)) in _REFUSED.items():
            if (value := arguments.pop(name)) is not None:
                given = " ".join(map(str, value)) if isinstance(value, tuple) else value
                raise typer.BadParameter(
                    f"{option_of(name)} must be left out, as files of images {reason}, got {given}: type "
                    f"dustaug.{call.format(spec=f'dustaug.dust({name}={value})')} in Python"
                )
        changes = {name: value for name in _FIELDS if (value := arguments.pop(name)) is not None}
        with _usage_errors():
            recipe = _make_recipe(preset, seed, epoch, changes, relative=relative)
        command(recipe=recipe, **arguments)

    def option(
        name: str, kind: Any, default: Any, help_text: str, metavar: str = "", *, hidden: bool = False
    ) -> inspect.Parameter:
        info = typer.Option(help=help_text, metavar=metavar or None, hidden=hidden)
        return inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info]
        )

    own = [part for part in inspect.signature(command, eval_str=True).parameters.values() if part.name != "recipe"]
    shared = [
        option(
            "preset",
            str,
            "dust",
            f"dust, cutout ({_CUTOUT_SIDE} pixels), random-erasing, hide-and-seek, grid-mask, patch-drop ("
            f"{_PATCH_RATIO} of the cells), sprinkles or cutmix; the options below change it.",
            "NAME",
        ),
        inspect.Parameter(
            "relative",
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[
                bool, typer.Option("--relative", help="Let the sizes of the preset dust grow with the image.")
            ],
        ),
        option("seed", int, 0, "Another seed gives other dust.", "NUMBER"),
        option("epoch", int, 0, "So does another epoch.", "NUMBER"),
        *(option(name, kind | None, None, text, metavar) for name, (kind, metavar, text) in _FIELDS.items()),
        *(option(name, kind | None, None, "", hidden=True) for name, (kind, _) in _REFUSED.items()),
    ]
    wrapped.__signature__ = inspect.Signature(own + shared)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {part.name: part.annotation for part in own + shared}
    return wrapped


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    """Turn errors about the parameters of Python into errors about the options that gave them."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        raise typer.BadParameter(
            in_options(str(error), (*_FIELDS, "preset", "relative", "seed", "epoch", "index"))
        ) from None


def _make_recipe(preset: str, seed: int, epoch: int, changes: dict[str, Any], *, relative: bool = False) -> _Recipe:
    if preset not in _PRESETS:
        raise ValueError(f"preset must be one of {', '.join(_PRESETS)}, got {preset}: type --preset dust")
    if relative and preset != "dust":
        raise ValueError(
            f"relative must be given with --preset dust, got --preset {preset}: leave it out, or type --preset dust"
        )
    typed = [] if preset == "dust" else [f"--preset {preset}"]
    typed += ["--relative"] if relative else []
    typed += [_typed(name, value) for name, value in changes.items()]
    if "fill_value" in changes:
        # The spec refuses a value that is not a number.
        with contextlib.suppress(ValueError):
            values = tuple(float(part) for part in changes["fill_value"].split(","))
            changes["fill_value"] = values if len(values) > 1 else values[0]
    if "cell_sides" in changes:
        with contextlib.suppress(ValueError):
            changes["cell_sides"] = tuple(int(part) for part in changes["cell_sides"].split(","))
    prefix, make = _PRESETS[preset]
    fields = {"relative": True, **changes} if relative else changes
    call = f"{prefix}{', '.join(f'{name}={value!r}' for name, value in fields.items())}".removesuffix(", ") + ")"
    spec = make(**fields)
    return _Recipe(call, spec, check_seed(seed), check_epoch(epoch), " ".join(typed))


def _typed(name: str, value: Any) -> str:
    """Return an option as it was typed."""
    if isinstance(value, bool):
        return option_of(name) if value else f"--no-{option_of(name)[2:]}"
    return " ".join([option_of(name), *map(str, value if isinstance(value, tuple) else (value,))])


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
    size: _Size = 224,
    value_range: _ValueRange = None,
) -> None:
    """Draw a contact sheet: each image beside dusted versions of it.

    A version with the caption "index 3" is what dustaug.add_dust paints with index=3; the second image goes on where
    the first one ends. Dust is measured in pixels: give --size the side of your training images to see what they would
    look like.

    With --fill donors, as --preset cutmix has it, rectangles show the next of the images, cut to the same shape, or
    the image upside down if there is one only.
    """
    _check_range(value_range)
    if takes_guide(recipe.spec):
        raise typer.BadParameter(
            "--center must be normal, uniform or inside, as preview has no guides, got guide: type dustaug apply "
            "IN_DIR OUT_DIR --center guide --guide-dir MASKS"
        )
    if format_of(out.suffix) is None:
        raise typer.BadParameter(f"--out must end in an extension that Pillow writes, got {out}: type --out dust.png")
    paths = images or [Path(str(resources.files("dustaug") / "photos" / "coffee.jpg"))]
    if any(out.exists() and out.samefile(path) for path in paths):
        raise typer.BadParameter(f"--out must not be one of the images, got {out}: type --out dust.png")
    pictures = []
    for path in paths:
        with _readable(path):
            original = on_white(read_picture(path, any_range=value_range is not None), value_range)
            pictures.append(Shown(path.name, original, fit(original, size) if size else original))
    if takes_donors(recipe.spec):
        pictures = add_donors(pictures)
    with _usage_errors():
        sheet = draw_sheet(
            recipe.title, pictures, versions, columns, spec=recipe.spec, seed=recipe.seed, epoch=recipe.epoch
        )
    try:
        content = io.BytesIO()
        sheet.save(content, format_of(out.suffix), quality=95)
        write_file(out, content.getvalue())
    except OSError as error:
        raise typer.BadParameter(f"--out must be writable, got {out}: {error}") from None
    epoch = f"epoch={recipe.epoch}, " if recipe.epoch else ""
    resized = f", resized to {size} pixels," if size else ""
    where = f"where image is an original{resized} as an array"
    donors = ""
    if takes_donors(recipe.spec):
        donors = ", donors=image[::-1]" if len(paths) == 1 else ", donors=donor"
        where += "" if len(paths) == 1 else ", and donor the next one, cut to its shape"
    typer.echo(
        f"Wrote {out}: {_count(versions, 'version')} of {', '.join(path.name for path in paths)}.\n"
        f"Version i in Python, {where}:\n"
        f"  dustaug.add_dust(image.copy(), dustaug.{recipe.call}, seed={recipe.seed}, {epoch}index=i{donors})"
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
    guide_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="MASKS",
            exists=True,
            file_okay=False,
            show_default=False,
            help="With --center guide: a folder of masks that have the names of the images, in any format.",
        ),
    ] = None,
    size: _Size = 0,
    value_range: _ValueRange = None,
    upright: Annotated[
        bool, typer.Option("--upright/--no-upright", help="Turn images as their EXIF orientation says.")
    ] = True,
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
    dustaug.index_of(path) in Python. Files that exist in OUT_DIR are skipped. OUT_DIR/dustaug.json says what they were
    made with, and a run with another spec, seed or version is refused.

    Every copy is read back: an image whose size, depth, colours or transparency the format cannot hold is reported, and
    no file is written. PNG keeps pixels exactly, as do all formats without loss. JPEG copies of JPEG files keep their
    tables and subsampling; other JPEG, WebP and AVIF files are encoded with quality 95. Grey, 16-bit grey, RGB and
    alpha stay as they are (alpha gets no dust), other images become RGB. Of animations and multi-page files only the
    first frame is taken. Images are turned upright; their colour profile stays, other metadata goes.

    With --center guide, dust lies where a mask is not black: IN_DIR/a/b.jpg has the mask MASKS/a/b.png, of any
    resolution, and its numbers 0 to 255 are the weights of places. An image without a mask fails.

    The exit code is 1 if a file failed; the others are written all the same.
    """
    extension = "" if format == "keep" else f".{format.lower().removeprefix('.')}"
    if extension and format_of(extension) is None:
        raise typer.BadParameter(
            f"--format must be keep or an extension that Pillow writes and reads, got {format}: type --format png"
        )
    _check_range(value_range)
    _check_guide_dir(recipe.spec, guide_dir)
    if takes_donors(recipe.spec):
        raise typer.BadParameter(
            "--fill must be grey, constant, color, noise or mean, as a copy with pixels of another image needs a label "
            "of both, got donors: type --fill grey, or dustaug.add_dust(images, dustaug.cutmix(), donors=others, …) "
            "in Python"
        )
    with _usage_errors():
        try:
            check_epoch(recipe.epoch + copies - 1)
        except ValueError as error:
            raise ValueError(f"{error}, the last of {copies} copies") from None
    found = find_images(in_dir)
    if not found.files and not found.failures:
        others = found.other_extensions.total() + found.beside + found.special
        raise typer.BadParameter(f"IN_DIR must hold images, got {in_dir} with {_count(others, 'other file')}")
    job = Job(recipe.spec, recipe.seed, overwrite, upright, size, value_range)
    facts = {
        "spec": recipe.spec.to_dict(),
        "seed": recipe.seed,
        "epoch": recipe.epoch if copies == 1 else None,
        "guide_dir": None if guide_dir is None else str(guide_dir.resolve()),
        "size": size,
        "value_range": value_range,
        "upright": upright,
    }
    manifest = Manifest(out_dir, recipe.options, facts)
    try:
        masks = None if guide_dir is None else find_masks(guide_dir)
        tasks = make_tasks(in_dir, out_dir, found.files, extension, range(recipe.epoch, recipe.epoch + copies), masks)
        existing = find_existing(tasks)
        if not manifest.check() and existing and not overwrite:
            raise ValueError(  # noqa: TRY301
                f"OUT_DIR must have a {NAME} if it has copies, got {_count(len(existing), 'file')} like {existing[0]} "
                "without: name another OUT_DIR, or type --overwrite to replace them"
            )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    removed = clean_folders(out_dir, tasks)
    try:
        manifest.write(None)
    except OSError as error:
        raise typer.BadParameter(f"OUT_DIR must be writable, got {out_dir}: {error}") from None
    results = [*found.failures]
    progress = Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True))
    pool = ThreadPool(workers or min(8, os.cpu_count() or 1))
    try:
        with pixel_limit(max_pixels), progress:
            work = functools.partial(dust_file, job=job)
            results += progress.track(pool.imap_unordered(work, tasks), total=len(tasks), description="Dusting")
    finally:
        # Files under way are finished first, also after Ctrl+C.
        pool.terminate()
        pool.join()
    manifest.write(_counts(results, found))
    _report(results, found, in_dir, out_dir, recipe, removed)


def explore(
    image: Annotated[
        Path | None,
        typer.Argument(
            metavar="IMAGE", exists=True, dir_okay=False, help="An image; those that the page has if left out."
        ),
    ] = None,
    *,
    recipe: _Recipe,
    index: Annotated[int, typer.Option(metavar="NUMBER", help="The image that is shown first.")] = 0,
    value_range: _ValueRange = None,
    port: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, max=65535, help="Port of the page; 0 takes a free one.")
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page, or print its address only.")
    ] = True,
) -> None:
    """Dust a picture in the browser: move sliders, paint where dust lies, and copy the code.

    The page paints the very pixels of dustaug.add_dust, and starts with the spec, seed, epoch and index that are typed.
    It is served to this machine only, under a new address each time, until Ctrl+C ends it. The picture does not leave
    the machine.

    The picture is turned upright and put on white; if it has more than 2048 pixels on its longest side, it is made
    smaller. The page scales it to the size of training images.
    """
    from ._explore import Server, folder_of_page, fragment_of, read_page, show

    _check_range(value_range)
    with _usage_errors():
        check_index(index, 1)
    given = None
    if image is not None:
        with _readable(image):
            shown = on_white(read_picture(image, any_range=value_range is not None), value_range)
            given = image.name, fit(shown, _LARGEST) if max(shown.size) > _LARGEST else shown
    try:
        contents = read_page(folder_of_page(), given)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    try:
        server = Server(contents, port)
    except OSError as error:
        raise typer.BadParameter(f"--port must be free, got {port}: {error}: type --port 0, or leave it out") from None
    with server:
        try:
            address = f"{server.address}#{fragment_of(recipe.spec, recipe.seed, recipe.epoch, index)}"
            typer.echo(address)
            if browser:
                typer.echo("Ctrl+C ends it.")
                show(address, lambda: typer.echo("No browser was found: open the address in one yourself.", err=True))
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("Ended: the page is served no more.")


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong while an image is read into an error that names it."""
    try:
        with pixel_limit(None):
            if not path.is_file():
                raise ValueError("images must be files, got a pipe, a socket or a device")  # noqa: TRY301
            yield
    except Exception as error:  # noqa: BLE001  Broken files raise anything.
        raise typer.BadParameter(f"{path}: {error}") from None


def _check_range(value_range: tuple[float, float] | None) -> None:
    if value_range is not None and not -math.inf < value_range[0] < value_range[1] < math.inf:
        raise typer.BadParameter(
            f"--value-range must be two finite numbers, LOW below HIGH, got {_plain(value_range)}: "
            "type --value-range 0 4095"
        )


def _check_guide_dir(spec: Spec, guide_dir: Path | None) -> None:
    """Check that a folder of masks is given with --center guide, and only then."""
    if takes_guide(spec) and guide_dir is None:
        raise typer.BadParameter(
            "--guide-dir must be given with --center guide, got none: type --guide-dir MASKS, or --center normal"
        )
    if guide_dir is not None and not takes_guide(spec):
        raise typer.BadParameter(
            f"--guide-dir must be given with --center guide, got --center {spec.center}: type --center guide, or leave "
            "--guide-dir out"
        )


def _counts(results: list[FileResult], found: Found) -> dict[str, int]:
    return {
        "written": sum(result.written for result in results),
        "existed": sum(result.existed for result in results),
        "failed": sum(bool(result.failure) for result in results),
        "turned": sum(result.turned for result in results),
        "first_frames": sum(result.frames > 1 for result in results),
        "ignored": found.other_extensions.total() + found.beside + found.special,
    }


def _report(
    results: list[FileResult], found: Found, in_dir: Path, out_dir: Path, recipe: _Recipe, removed: int
) -> None:
    counts = _counts(results, found)
    typer.echo(f"{recipe.title}: wrote {_count(counts['written'], 'file')} to {out_dir}.")
    if counts["existed"]:
        typer.echo(f"Skipped {_count(counts['existed'], 'file')} that existed; --overwrite redoes them.")
    if removed:
        typer.echo(f"Removed {_count(removed, 'unfinished file')} of a run that was killed.")
    if found.other_extensions:
        kinds = ", ".join(f"{n} {extension or 'with none'}" for extension, n in found.other_extensions.most_common(5))
        more = ", …" if len(found.other_extensions) > 5 else ""
        ignored = _count(found.other_extensions.total(), "file")
        typer.echo(f"Ignored {ignored} without the extension of an image: {kinds}{more}.")
    if found.beside:
        typer.echo(f"Ignored {_count(found.beside, 'file')} named ._*, which macOS writes beside others.")
    if found.special:
        typer.echo(f"Ignored {_count(found.special, 'pipe, socket or device', 'pipes, sockets or devices')}.")
    if counts["first_frames"]:
        typer.echo(f"Took only the first frame of {_count(counts['first_frames'], 'file')} with several.")
    if counts["turned"]:
        turned = _count(counts["turned"], "image")
        typer.echo(f"Turned {turned} upright, as the EXIF orientation says; --no-upright leaves images as they lie.")
    for mode, number in sorted(collections.Counter(r.converted for r in results if r.converted).items()):
        typer.echo(f"Turned {_count(number, 'image')} of mode {mode} into RGB.")
    for name, number in sorted(collections.Counter(r.in_colour for r in results if r.in_colour).items()):
        typer.echo(f"Stored {_count(number, 'grey image')} in colour, as {name} has no grey.")
    if profiles := sum(result.lost_profile for result in results):
        typer.echo(f"Dropped the colour profile of {_count(profiles, 'image')}, as the format has none: --format png.")
    if dark := sum(result.is_dark for result in results):
        typer.echo(
            f"Found no value above 4095 in {_count(dark, '16-bit image')}: if they have 12 bits, type "
            "--value-range 0 4095.",
            err=True,
        )
    pixels, hidden = sum(result.pixels for result in results), sum(result.hidden for result in results)
    if pixels and hidden < pixels / 1000 and recipe.spec.p > 0 and recipe.spec.kind == "rectangles":
        typer.echo(
            f"The dust hides {100 * hidden / pixels:.2g} % of the pixels: type --relative for sizes that grow with the "
            "image, or --size 224.",
            err=True,
        )
    failures = sorted((result.path, result.failure) for result in results if result.failure)
    if failures:
        typer.echo(f"Failed on {len(failures)} of {_count(len(results), 'file')}:", err=True)
        for path, failure in failures[:_SHOWN_FAILURES]:
            typer.echo(f"  {path.relative_to(in_dir)}: {failure}", err=True)
        for failure, number in collections.Counter(text for _, text in failures[_SHOWN_FAILURES:]).most_common():
            typer.echo(f"  and {number} more: {failure}", err=True)
        raise typer.Exit(1)


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _plain(numbers: tuple[float, ...]) -> str:
    return " ".join(f"{number:g}" for number in numbers)
