"""On a GPU, check the pixels against the CPU, and compare the time with kornia, timm, torchvision and the floor.

``python -m benchmarks.gpu`` needs a GPU that PyTorch sees, and torch, torchvision, timm and kornia.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import NamedTuple

import numpy as np
import torch

import dustaug
import dustaug.torch
from dustaug import dust
from dustaug._engine.coordinates import Coordinates
from dustaug._engine.memory import ImageKind
from dustaug._graph.torch_dtypes import numpy_dtype
from dustaug._tensors.devices import KernelPainter, OperationsPainter, make_painter

from .machine import describe
from .report import Section, Settings, Table, Target, loss, losses, markdown
from .timing import Ratio, fresh_index

__all__ = ["check_equal", "first_call", "gpu_batches"]

# On average dust() paints 15.5 rectangles per image, and a rectangle has 8 × 8 pixels.
_KORNIA_CALLS = 16
_TIMM_COUNTS = (1, 30)
_MEAN_PIXELS = 64

_SPECS = {
    "dust": dust(),
    "cutout": dustaug.cutout(57, fill_value=(9, 99, 199)),
    "random_erasing": dustaug.random_erasing(p=0.8),
    "color": dust(fill="color"),
    "noise": dust(fill="noise", height_fraction_range=(0.1, 0.9)),
    "mean": dust(fill="mean"),
    "many": dust(count_range=(0, 200)),
}
_SHAPES = [(1, 3, 1, 1), (3, 3, 17, 16), (5, 3, 224, 224), (2, 3, 65, 511), (2, 3, 1024, 1000)]
_DTYPES = [torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64]


def check_equal(device: torch.device) -> int:
    """Compare the bytes with those of the CPU for specs, shapes, dtypes and layouts; return the number of cases.

    Raises
    ------
    AssertionError
        If a byte differs.
    """
    cases, formats = 0, (torch.contiguous_format, torch.channels_last)
    for (name, spec), shape, dtype, memory in itertools.product(_SPECS.items(), _SHAPES, _DTYPES, formats):
        noise = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(cases))
        expected = (noise if not dtype.is_floating_point else noise / 255).to(dtype).contiguous(memory_format=memory)
        found, key = expected.to(device, copy=True), {"seed": 2**63 + cases, "epoch": cases, "index": 2**33 + cases}
        try:
            dustaug.torch.add_dust(expected, spec, **key)
        except ValueError:  # No rectangle of such an area fits a single pixel.
            continue
        dustaug.torch.add_dust(found, spec, **key)
        ours, theirs = (tensor.cpu().contiguous().flatten().view(torch.uint8) for tensor in (found, expected))
        if not torch.equal(ours, theirs):
            raise AssertionError(f"the pixels on {device} must be those of the CPU, not so: {name}, {shape}, {dtype}")
        cases += 1
    return cases


# ---------------------------------------------------------------------------------------------- the clock


class GpuTimes(NamedTuple):
    """Microseconds per call: on the device, and on the host until it continues."""

    device: list[float]
    host: list[float]

    def __str__(self) -> str:
        low, middle, high = statistics.quantiles(self.device, n=4)
        return f"{middle:,.1f} ({low:,.1f}–{high:,.1f})"

    @property
    def median(self) -> float:
        """Median of the times on the device."""
        return statistics.median(self.device)

    def ratio(self, other: GpuTimes) -> Ratio:
        """Return this time divided by the other time, with the least and greatest ratio of five parts of the run."""
        parts = zip(np.array_split(self.device, 5), np.array_split(other.device, 5), strict=True)
        ratios = [float(np.median(mine) / np.median(others)) for mine, others in parts]
        return Ratio(self.median / other.median, min(ratios), max(ratios))


def race_on_gpu(rivals: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, GpuTimes]:
    """Time the rivals in turns, each call between two events, after the second-level cache is emptied.

    If the device waits for the host during a call, the call is as slow as the host, as it would be in a training step.
    """
    cache = torch.empty(256 << 20, dtype=torch.int8, device="cuda")
    found = {name: GpuTimes([], []) for name in rivals}
    for run in rivals.values():
        for _ in range(3):
            run()
    torch.cuda.synchronize()
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop or min(len(times.device) for times in found.values()) < 10:
        for name, run in rivals.items():
            cache.zero_()
            torch.cuda.synchronize()
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            began = time.perf_counter_ns()
            run()
            found[name].host.append((time.perf_counter_ns() - began) / 1e3)
            end.record()
            torch.cuda.synchronize()
            found[name].device.append(start.elapsed_time(end) * 1e3)
    return found


def _bandwidth() -> float:
    """Return the bytes that the device writes in a microsecond: the best time of filling a gibibyte."""
    memory = torch.empty(1 << 30, dtype=torch.int8, device="cuda")
    times = race_on_gpu({"fill": lambda: memory.fill_(1)}, 1)["fill"]
    return memory.numel() / min(times.device)


# -------------------------------------------------------------------------------------------- the figures


class Case(NamedTuple):
    """A kind of batch."""

    n: int
    side: int
    dtype: torch.dtype
    memory_format: torch.memory_format = torch.contiguous_format

    def __str__(self) -> str:
        layout = ", channels_last" if self.memory_format == torch.channels_last else ""
        return f"{self.n} × 3 × {self.side} × {self.side}, {str(self.dtype).removeprefix('torch.')}{layout}"

    def make(self) -> torch.Tensor:
        """Return a grey batch on the device."""
        shape, value = (self.n, 3, self.side, self.side), 0.5 if self.dtype.is_floating_point else 100
        return torch.full(shape, value, dtype=self.dtype, device="cuda").contiguous(memory_format=self.memory_format)

    def painted_bytes(self) -> float:
        """Mean number of bytes that dust covers in a batch; it counts overlapping parts once."""
        drawn = dustaug.sample_rectangles(height=self.side, width=self.side, seed=0, index=np.arange(1024))
        covered = drawn.mask(self.side, self.side).mean()
        return float(covered) * self.n * 3 * self.side**2 * torch.empty(0, dtype=self.dtype).element_size()


CASES = [
    Case(256, 224, torch.uint8),
    Case(256, 224, torch.uint8, torch.channels_last),
    Case(256, 224, torch.float32),
    Case(256, 224, torch.float16, torch.channels_last),
    Case(32, 224, torch.uint8),
    Case(64, 1024, torch.uint8),
]


def _rivals(case: Case) -> dict[str, Callable[[], object]]:
    import kornia.augmentation
    import timm.data.random_erasing
    from torchvision.transforms import v2

    from dustaug.torchvision import DustRectangles

    images, limits = case.make(), (0, 1) if case.dtype.is_floating_point else (0, 255)
    index = torch.arange(case.n, device="cuda")
    area, (low, high) = _MEAN_PIXELS / case.side**2, _TIMM_COUNTS
    total = area * (low + high) / 2
    kind = ImageKind(numpy_dtype(case.dtype), "NCHW", 3, limits)
    with_operations = OperationsPainter(dust(), kind, images.device)
    dustaug.torch.add_dust(images, seed=0, index=index, value_range=limits)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        dustaug.torch.add_dust(images, seed=0, index=index, value_range=limits)
    timm_erasing = functools.partial(
        timm.data.random_erasing.RandomErasing,
        probability=1,
        min_area=total / 2,
        max_area=total * 1.5,
        min_count=low,
        max_count=high,
        device="cuda",
    )
    erasing = {mode: timm_erasing(mode=mode) for mode in ("const", "rand")}
    rivals: dict[str, Callable[[], object]] = {
        "dustaug.torch.add_dust": lambda: dustaug.torch.add_dust(
            images, seed=0, index=fresh_index(case.n), value_range=limits
        ),
        "add_dust in a CUDA graph": graph.replay,
        "DustRectangles, in place": functools.partial(DustRectangles(value_range=limits, inplace=True), images),
        "with PyTorch's operations": lambda: with_operations(images, Coordinates(0, 0, fresh_index(case.n))),
        "v2.RandomErasing, in place": functools.partial(v2.RandomErasing(p=1, inplace=True), images),
        "timm, black": functools.partial(erasing["const"], images),
    }
    if case.dtype.is_floating_point:
        rivals["timm, one colour each"] = functools.partial(erasing["rand"], images)
    if case.dtype == torch.float32:
        one = kornia.augmentation.RandomErasing(scale=(area / 2, area * 1.5), ratio=(0.5, 2), p=1)
        rivals[f"kornia, {_KORNIA_CALLS} calls"] = functools.partial(
            torch.nn.Sequential(*[one] * _KORNIA_CALLS), images
        )
    return rivals


def gpu_batches(settings: Settings) -> Section:
    """Measure batches on the device, against rivals that paint as many rectangles."""
    bandwidth, tables, targets, data = _bandwidth(), [], [], {}
    nothing = torch.zeros(1, dtype=torch.int8, device="cuda")
    for case in CASES:
        found = race_on_gpu({"launch": nothing.zero_, **_rivals(case)}, settings.seconds(20))
        launch, ours = found.pop("launch").median, found["dustaug.torch.add_dust"]
        floor = launch + case.painted_bytes() / bandwidth
        rows = [("floor", f"{floor:,.1f}", "", f"{floor / ours.median:.2f}")]
        rows += [
            (name, str(times), f"{statistics.median(times.host):,.0f}", _against(name, times, ours))
            for name, times in found.items()
        ]
        tables.append(Table(str(case), ("Transform", "µs a batch", "µs of the host", "/ add_dust"), rows))
        targets.append(Target(f"{case}: at most 3 × the floor", f"{ours.median / floor:.2f}", ours.median <= 3 * floor))
        data[str(case)] = {"floor": floor, **{name: times.median for name, times in found.items()}}
        print(f"{case}: done", file=sys.stderr)
    return Section(
        title="Batches on a GPU",
        note="The tables give the time between two events around a call, as median with the first and third quartile, "
        "and the time until the host continues. The floor is the launch of an empty kernel and the painted bytes at "
        f"{bandwidth / 1e3:,.0f} GB/s, as measured. The rivals paint as many rectangles as dust, 15.5 per image, with "
        "the same mean area. timm draws 1–30 of them in one call. kornia paints one per call and takes floats only, so "
        f"{_KORNIA_CALLS} calls follow each other. v2.RandomErasing paints one rectangle, the same on all images.",
        tables=tables,
        targets=targets,
        data=data,
    )


def _against(name: str, times: GpuTimes, ours: GpuTimes) -> str:
    """Return the ratio to our time, in bold if a rival is faster."""
    ratio = times.ratio(ours)
    if name.startswith(("timm", "kornia", "v2")):
        return f"**{ratio}**" if loss(ours.ratio(times)).startswith("**") else str(ratio)
    return str(ratio)


def first_call() -> Section:
    """Measure the first call of a process, which compiles, and the first call for another size, which does not."""
    rows = []
    for what, side in (("the first call compiles, or loads what was compiled", 224), ("another size", 200)):
        images = torch.zeros(8, 3, side, side, dtype=torch.uint8, device="cuda")
        began = time.perf_counter()
        dustaug.torch.add_dust(images, seed=0, index=0)
        torch.cuda.synchronize()
        rows.append((what, f"{(time.perf_counter() - began) * 1e3:,.1f}"))
    return Section(title="The first call", note="", tables=[Table("", ("What", "ms"), rows)])


def main() -> None:
    """Check, measure, and print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time; the figures are rough")
    settings = Settings(quick=parser.parse_args().quick)
    if not torch.cuda.is_available():
        sys.exit(
            "benchmarks.gpu needs a GPU that PyTorch sees, of NVIDIA's or AMD's; torch.cuda.is_available() is False"
        )
    device = torch.device("cuda", torch.cuda.current_device())
    kind = ImageKind(np.dtype(np.uint8), "NCHW", 3)
    if not isinstance(make_painter(dust(), kind, device), KernelPainter):
        sys.exit("benchmarks.gpu needs Triton: pip install triton")
    print(markdown(describe()))
    versions = [f"{name} {metadata.version(name)}" for name in ("torch", "triton", "torchvision", "timm", "kornia")]
    print(f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda or torch.version.hip}, {', '.join(versions)}\n")
    print(markdown(first_call()))
    cases = check_equal(device)
    print(f"The pixels on the GPU are those of the CPU, byte for byte, in {cases} cases.\n", flush=True)
    section = gpu_batches(settings)
    print(markdown(section))
    print(markdown(losses([section])))


if __name__ == "__main__":
    main()
