"""Check the two prefetching constants of the kernel on this machine: compile its source with other constants."""

from __future__ import annotations

import importlib.util
import re
import tempfile
from pathlib import Path
from types import ModuleType

import dustaug
from dustaug._engine import kernels

from .kernel import SIDE, bind_kernel, make_images
from .report import Section, Settings, Table
from .timing import Rival, check_same_pixels, race

__all__ = ["prefetch"]

_NEVER = 1 << 62
_DISTANCES = (2, 3, 4, 6, 8, 12)


def prefetch(settings: Settings) -> Section:
    """Measure distances of prefetching, at batches below and above the kernel's limit."""
    if not hasattr(kernels, "_PREFETCH_BYTES"):
        return Section(title="Prefetching", note="The kernel does not prefetch.", tables=[])
    spec = dustaug.dust()
    distances = (kernels._PREFETCH_AHEAD,) if settings.quick else _DISTANCES
    found = {}
    with tempfile.TemporaryDirectory() as directory:
        engines = {"none": _variant(Path(directory), "none", _NEVER, 0)}
        for distance in distances:
            engines[f"{distance} ahead"] = _variant(Path(directory), f"ahead_{distance}", -1, distance)
        for n in (8, 64, 256) if settings.quick else (8, 32, 64, 128, 256, 1024):
            images = make_images(n)
            rivals = {name: Rival(bind_kernel(images, spec, engine)) for name, engine in engines.items()}
            check_same_pixels(rivals, images, n)
            found[n] = race(rivals, n, settings.seconds(3))
    rows = []
    for n, each in found.items():
        ratios = [str(times.ratio(each["none"])) for name, times in each.items() if name != "none"]
        rows.append((f"{n} ({n * SIDE * SIDE * 3 / 2**20:.1f} MiB)", f"{each['none'].median:.2f}", *ratios))
    limit, ahead = kernels._PREFETCH_BYTES / 2**20, kernels._PREFETCH_AHEAD
    header = ("Batch", "without, µs per image", *(f"{name}, / without" for name in list(engines)[1:]))
    return Section(
        title="Prefetching",
        note=f"In batches above {limit:g} MiB the kernel prefetches the memory of the rectangle {ahead} ahead. Here it "
        "always prefetches, at several distances. The ratio is to a kernel that never prefetches. Only the compiled "
        "entry is timed, on uint8, NHWC.",
        tables=[Table("", header, rows)],
        data=found,
    )


def _variant(directory: Path, name: str, limit: int, ahead: int) -> ModuleType:
    """Compile the kernel's source with other constants."""
    source = Path(kernels.__file__).read_text(encoding="utf-8")
    for constant, value in (("_PREFETCH_BYTES", limit), ("_PREFETCH_AHEAD", ahead)):
        source, found = re.subn(rf"^{constant} = .*$", f"{constant} = {value}", source, flags=re.MULTILINE)
        if found != 1:
            raise RuntimeError(f"the kernel must set {constant} once, got {found} lines")
    path = directory / f"kernels_{name}.py"
    path.write_text(source, encoding="utf-8")
    recipe = importlib.util.spec_from_file_location(f"{kernels.__package__}.{path.stem}", path)
    assert recipe is not None and recipe.loader is not None  # noqa: S101, PT018
    module = importlib.util.module_from_spec(recipe)
    recipe.loader.exec_module(module)
    return module
