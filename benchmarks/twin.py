"""The plain C twin of the kernel, compiled by gcc on first use and called through ctypes."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dustaug
from dustaug._engine import plan, tables

__all__ = ["COMPILER", "FLAGS", "bind_dust", "bind_memset", "bind_paint_only", "check_equal", "rectangle_rows"]

COMPILER = os.environ.get("CC", "gcc")
FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")

# Those up to `n_aspects` have the names of dustaug's params.
_FIELDS = (
    *("p_threshold", "count_low", "n_counts", "spare_last", "inside", "normal"),
    *("y_mean", "y_std", "y_shift", "x_mean", "x_std", "x_shift"),
    *("size_unit", "height_low", "n_heights", "width_low", "n_widths", "square", "in_fractions"),
    *("from_area", "area_low", "n_areas", "area_base", "aspect_low", "n_aspects"),
    *("fill", "fill_low", "n_levels", "all_levels", "height", "width", "channels", "is_float", "planar"),
    *("log_row", "power_row"),
)
_FILLS = {"grey": 0, "constant": 0, "color": 1, "noise": 2, "mean": 3}


class _TwinPlan(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in _FIELDS]


@functools.cache
def _library() -> ctypes.CDLL:
    """Compile twin.c in a temporary directory and load it."""
    if shutil.which(COMPILER) is None:
        raise RuntimeError(f"the C twin must be compiled, got no {COMPILER}: install gcc, or set CC")
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "twin.so"
        source = Path(__file__).with_name("twin.c")
        subprocess.run([COMPILER, *FLAGS, str(source), "-o", str(target)], check=True)  # noqa: S603
        library = ctypes.CDLL(str(target))
    pointer, whole = ctypes.c_void_p, ctypes.c_int64
    library.dust.argtypes = [pointer, pointer, pointer, pointer, whole, ctypes.c_uint64, ctypes.c_uint32, whole]
    library.paint_only.argtypes = [pointer, pointer, pointer, pointer, whole]
    library.clear.argtypes = [pointer, whole, pointer, whole]
    library.dust.restype = library.paint_only.restype = library.clear.restype = None
    return library


class _Arguments:
    """The arguments of both entries, made once; the object keeps the arrays behind the addresses alive."""

    def __init__(self, images: NDArray[Any], spec: dustaug.Spec, layout: str) -> None:
        self.n, *sides = images.shape
        height, width, channels = sides if layout == "NHWC" else (*sides[1:], sides[0])
        self._check(images, spec, layout, channels)
        self.height, self.width, self.spec, self.images = height, width, spec, images
        params, self.curves = plan.make_plan(spec), tables.curves()
        low = int(spec.fill_value or 0) if spec.fill == "constant" else spec.fill_range[0]  # type: ignore[arg-type]
        drawing = {name: int(params[0][name]) for name in _FIELDS[: _FIELDS.index("fill")]}
        self.plan = _TwinPlan(
            **drawing,
            fill=_FILLS[spec.fill],
            fill_low=low,
            n_levels=int(params[0]["n_levels"]),
            all_levels=spec.fill_range == (0, 255),
            height=height,
            width=width,
            channels=channels,
            is_float=images.dtype == np.float32,
            planar=layout == "NCHW",
            log_row=tables.LOG_ROW,
            power_row=tables.POWER_ROW,
        )
        self.levels = (np.arange(256) / 255).astype(np.float32)
        self.addresses = (self.levels.ctypes.data, images.ctypes.data)

    @staticmethod
    def _check(images: NDArray[Any], spec: dustaug.Spec, layout: str, channels: int) -> None:
        plain = (images.dtype == np.uint8 and layout == "NHWC") or _FILLS[spec.fill] == 0
        known = images.dtype in (np.uint8, np.float32) and layout in ("NHWC", "NCHW") and channels <= 16
        if not (plain and known and images.flags.c_contiguous):
            raise ValueError(f"the C twin must know the case, got {spec}, {images.dtype}, {layout}")


def bind_dust(
    images: NDArray[Any], spec: dustaug.Spec, *, layout: str = "NHWC", seed: int = 0, epoch: int = 0
) -> Callable[[int], None]:
    """Return the C twin of :func:`dustaug.add_dust` for these images: a function of the first index."""
    library, ready = _library(), _Arguments(images, spec, layout)
    plan, curves, n = ctypes.addressof(ready.plan), ready.curves.ctypes.data, ready.n
    levels, target = ready.addresses

    def run(first: int, call: Any = library.dust, _alive: _Arguments = ready) -> None:
        call(plan, curves, levels, target, n, seed, epoch, first)

    return run


def bind_paint_only(
    images: NDArray[Any], spec: dustaug.Spec, *, layout: str = "NHWC"
) -> Callable[[NDArray[np.int32]], None]:
    """Return a function that paints given rectangles: the time without the drawing."""
    library, ready = _library(), _Arguments(images, spec, layout)
    plan = ctypes.addressof(ready.plan)
    levels, target = ready.addresses

    def run(rectangles: NDArray[np.int32], call: Any = library.paint_only, _alive: _Arguments = ready) -> None:
        call(plan, levels, target, rectangles.ctypes.data, len(rectangles))

    return run


def bind_memset(images: NDArray[Any]) -> Callable[[NDArray[np.int64]], None]:
    """Return a function that sets given numbers of bytes at the start of each image to 0: a lower bound of painting."""
    library, target, n, size = _library(), images.ctypes.data, len(images), images[0].nbytes

    def run(n_bytes: NDArray[np.int64], call: Any = library.clear, _alive: NDArray[Any] = images) -> None:
        call(target, size, n_bytes.ctypes.data, n)

    return run


def rectangle_rows(
    spec: dustaug.Spec, height: int, width: int, indices: NDArray[np.int64], *, seed: int = 0, epoch: int = 0
) -> NDArray[np.int32]:
    """Return the rectangles of the images of some indices: image, top, left, bottom, right, brightness."""
    drawn = dustaug.sample_rectangles(spec, height=height, width=width, seed=seed, epoch=epoch, index=indices)
    return np.column_stack([drawn.image, drawn.boxes, drawn.fill]).astype(np.int32)


_SPECS = {
    "dust": dustaug.dust(),
    "many": dustaug.dust(count_range=(0, 100), p=0.7),
    "whole": dustaug.dust(spare_last=False, fill_range=(10, 200)),
    "uniform": dustaug.dust(center="uniform", height_fraction_range=(0.1, 0.6)),
    "cutout": dustaug.cutout(17),
    "erasing": dustaug.random_erasing(p=1),
    "constant": dustaug.random_erasing(p=1, fill="constant", fill_value=90),
    "color": dustaug.dust(fill="color"),
    "noise": dustaug.dust(fill="noise"),
    "halves": dustaug.dust(fill="noise", fill_range=(5, 250)),
    "fractions": dustaug.dust(height_fraction_range=(0.05, 0.9), center="inside"),
    "wide": dustaug.dust(center_std=(2.0, 0.01), center_mean=(0.1, 1.0)),
    "mean": dustaug.dust(fill="mean"),
}


def check_equal(*, seeds: tuple[int, ...] = (0, 2**64 - 1), first: int = 2**32 - 5, epoch: int = 3) -> int:
    """Compare the C twin with add_dust, bit for bit: thirteen specs, two sizes, two dtypes, two layouts.

    Returns
    -------
    int
        Number of cases compared.

    Raises
    ------
    AssertionError
        If a pixel differs, or no pixel was painted.
    RuntimeError
        If there is no C compiler.
    """
    compared = 0
    for seed in seeds:
        for height, width in ((64, 64), (37, 53)):
            for name, spec in _SPECS.items():
                for dtype in (np.uint8, np.float32):
                    for layout in ("NHWC", "NCHW"):
                        if _FILLS[spec.fill] and (dtype != np.uint8 or layout != "NHWC"):
                            continue
                        shape = (12, height, width, 3) if layout == "NHWC" else (12, 3, height, width)
                        _check_case(name, spec, np.dtype(dtype), layout, shape, seed, epoch, first)
                        compared += 1
    return compared


def _check_case(
    name: str,
    spec: dustaug.Spec,
    dtype: np.dtype[Any],
    layout: Any,
    shape: tuple[int, ...],
    seed: int,
    epoch: int,
    first: int,
) -> None:
    start = np.random.default_rng(0).integers(0, 256, shape).astype(np.float64)
    start = (start / 255 if dtype == np.float32 else start).astype(dtype)
    painted = [start.copy() for _ in range(3)]
    dustaug.add_dust(painted[0], spec, seed=seed, epoch=epoch, index=first, layout=layout)
    bind_dust(painted[1], spec, layout=layout, seed=seed, epoch=epoch)(first)
    case = f"{name}, {dtype}, {layout}, shape {shape}, seed {seed}"
    if not np.array_equal(painted[0], painted[1]):
        raise AssertionError(f"the C twin must paint the pixels of add_dust, got others for {case}")
    if np.array_equal(painted[0], start):
        raise AssertionError(f"something must be painted, got nothing for {case}")
    if _FILLS[spec.fill] == 0:
        sides = shape[1:3] if layout == "NHWC" else shape[2:]
        rows = rectangle_rows(spec, *sides, first + np.arange(shape[0]), seed=seed, epoch=epoch)
        bind_paint_only(painted[2], spec, layout=layout)(rows)
        if not np.array_equal(painted[0], painted[2]):
            raise AssertionError(f"paint only must paint the pixels of add_dust, got others for {case}")
