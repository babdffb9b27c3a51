"""Measure the painting: against C, against the post's loop, in all layouts, with all fills."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dustaug
from dustaug._engine import launch

from .post import post_loop, vectorised_numpy
from .report import Section, Settings, Table, Target, loss
from .timing import Ratio, Rival, Times, check_same_pixels, fresh_index, race
from .twin import bind_dust, bind_paint_only, rectangle_rows

__all__ = ["batches", "bind_add_dust", "bind_kernel", "c_rivals", "layouts", "make_images", "one_image", "presets"]

SIDE = 224
_DUST = dustaug.dust()

# Why C may be faster. The report shows these reasons only where C is faster.
_CALL = (
    "The cost of a call: dustaug first checks array, spec, seed and layout, in some 2 µs. C gets a ready address "
    "through ctypes and checks nothing. The more a call paints, the less this matters."
)
_REASONS = {
    "/ C twin": _CALL,
    "/ C paint only": "It draws nothing. Its rectangles were computed before the clock started. " + _CALL,
    '`dust(fill="color")`': "The kernel writes the first row of a colour value by value, through the code that also "
    "fills long runs. The C code has a loop for bytes alone.",
}


def make_images(
    n: int, side: int = SIDE, *, dtype: Any = np.uint8, layout: str = "NHWC", channels: int = 3
) -> NDArray[Any]:
    """Return a batch of one grey, with every page of its memory written."""
    shape = (n, side, side, channels) if layout == "NHWC" else (n, channels, side, side)
    return np.full(shape, 100 if dtype == np.uint8 else 0.25, dtype)


def bind_add_dust(images: NDArray[Any], spec: dustaug.Spec, **arguments: Any) -> Callable[[int], object]:
    """Return a function that calls `add_dust` as a user does."""
    return lambda index: dustaug.add_dust(images, spec, seed=0, index=index, **arguments)


def bind_kernel(images: NDArray[Any], spec: dustaug.Spec, engine: Any = None) -> Callable[[int], object]:
    """Return the compiled kernel with ready arguments, without checks and look-ups."""
    ready = launch.find_launch(images, spec, None, None)
    engine = ready.engine if engine is None else engine
    where = ready.plan, engine.operand_of(ready.patterns), id(images), engine.ARRAY
    seed_low, seed_high, epoch = 0, 0, 0

    def run(index: int, entry: Any = engine.dust_batch, _alive: Any = (images, ready)) -> None:
        entry(*where, seed_low, seed_high, epoch, index)

    return run


def c_rivals(images: NDArray[Any], spec: dustaug.Spec, layout: Any = "NHWC") -> dict[str, Rival]:
    """Return dustaug, its C twin, and C that only paints."""
    n = len(images)
    height, width = images.shape[1:3] if layout == "NHWC" else images.shape[2:]
    rivals = {
        "dustaug": Rival(bind_add_dust(images, spec, layout=layout)),
        "C twin": Rival(bind_dust(images, spec, layout=layout)),
    }
    if spec.fill == "grey":
        rivals["C paint only"] = Rival(
            bind_paint_only(images, spec, layout=layout),
            lambda index: rectangle_rows(spec, height, width, index + np.arange(n)),
        )
    return rivals


# -------------------------------------------------------------------------------------------- batches


def batches(settings: Settings) -> Section:
    """Measure dust on uint8 NHWC images, in batches of several sizes."""
    found: dict[int, dict[str, Times]] = {}
    for n in (1, 8, 32, 256) if settings.quick else (1, 8, 32, 256, 1024):
        images = make_images(n)
        rivals = {
            **c_rivals(images, _DUST),
            "vectorised NumPy": Rival(lambda _, images=images: vectorised_numpy(images), exact=False),
            "post's loop": Rival(lambda _, images=images: post_loop(images), exact=False),
        }
        check_same_pixels(rivals, images, n)
        found[n] = race(rivals, n, settings.seconds(7))
    names = list(found[1])
    times = [(str(n), *(str(each[name]) for name in names)) for n, each in found.items()]
    ratios = [(str(n), *(loss(each["dustaug"].ratio(each[name])) for name in names[1:3])) for n, each in found.items()]
    faster = [tuple(str(each[name].ratio(each["dustaug"])) for name in names[3:]) for each in found.values()]
    return Section(
        title="Batches of 224 × 224 × 3, uint8, NHWC",
        note="The first table gives the median time, with the first and third quartile, in µs per image.",
        tables=[
            Table("", ("Batch", *names), times),
            Table(
                "The first two ratios are the time of dustaug divided by that of the rival: below 1 dustaug is faster. "
                "The last two say how many times faster dustaug is.",
                ("Batch", "/ C twin", "/ C paint only", "× faster than NumPy", "× faster than the loop"),
                [(*left, *right) for left, right in zip(ratios, faster, strict=True)],
            ),
        ],
        targets=list(_batch_targets(found)),
        reasons=_REASONS,
        data=found,
    )


def _batch_targets(found: dict[int, dict[str, Times]]) -> Iterator[Target]:
    for n, name, most in ((32, "C twin", 0.9), (256, "C twin", 0.65), (256, "C paint only", 1.0)):
        ratio = found[n]["dustaug"].ratio(found[n][name])
        yield Target(f"batch {n}: at most {most:g} × {name}", str(ratio), ratio.value <= most)
    ratio = found[32]["post's loop"].ratio(found[32]["dustaug"])
    yield Target("batch 32: at least 400 × faster than the post's loop", str(ratio), ratio.value >= 400)


# -------------------------------------------------------------------------------------------- layouts


def layouts(settings: Settings) -> Section:
    """Measure dtypes and layouts against C, and views against contiguous images."""
    found: dict[str, dict[str, Times]] = {}
    for n in (32, 256):
        for dtype in (np.uint8, np.float32):
            for layout in ("NHWC", "NCHW"):
                images = make_images(n, dtype=dtype, layout=layout)
                rivals = c_rivals(images, _DUST, layout)
                check_same_pixels(rivals, images, n)
                found[f"{np.dtype(dtype)} {layout}, batch {n}"] = race(rivals, n, settings.seconds(3))
    rows = []
    for name, each in found.items():
        ratio = each["dustaug"].ratio(each["C twin"])
        rows.append((name, *map(str, each.values()), loss(ratio), loss(each["dustaug"].ratio(each["C paint only"]))))
    slowest = max(each["dustaug"].ratio(each["C twin"]) for each in found.values())
    views = _views(settings)
    view_rows = [(name, str(times), str(times.ratio(views["contiguous"]))) for name, times in views.items()]
    return Section(
        title="Dtypes, layouts and views",
        note="",
        tables=[
            Table(
                "The times are in µs per image of 224 × 224 × 3.",
                ("Images", "dustaug", "C twin", "C paint only", "/ C twin", "/ C paint only"),
                rows,
            ),
            Table(
                "These are views of uint8 NHWC images, batch 32. The alternative is to copy a view to contiguous "
                "memory, dust the copy, and copy it back.",
                ("Images", "µs per image", "/ contiguous"),
                view_rows,
            ),
        ],
        targets=[Target("no slower than the C twin in any row", str(slowest), slowest.value <= 1)],
        reasons=_REASONS,
        data={**found, "views": views},
    )


def _views(settings: Settings) -> dict[str, Times]:
    """Time views, and the copies that one would make without views."""
    n = 32
    larger = make_images(n, SIDE + 32)
    # All use the same memory, or the addresses of the pages would affect the times.
    contiguous = larger.ravel()[: n * SIDE * SIDE * 3].reshape(n, SIDE, SIDE, 3)
    targets = {"crop": larger[:, 16:-16, 16:-16], "flipped left to right": contiguous[:, :, ::-1]}

    def copied(view: NDArray[Any]) -> Callable[[int], None]:
        def run(index: int) -> None:
            work = np.ascontiguousarray(view)
            dustaug.add_dust(work, _DUST, seed=0, index=index)
            view[...] = work

        return run

    straight = {"contiguous": Rival(bind_add_dust(contiguous, _DUST))}
    straight |= {name: Rival(bind_add_dust(view, _DUST)) for name, view in targets.items()}
    rivals = straight | {f"{name}, copied and back": Rival(copied(view)) for name, view in targets.items()}
    index = fresh_index(n)
    expected = dustaug.add_dust(make_images(n), _DUST, seed=0, index=index)
    for name, rival in rivals.items():
        view = targets.get(name.partition(",")[0], contiguous)
        view[...] = 100
        rival.run(index)
        if not np.array_equal(view, expected):
            raise AssertionError(f"a view must get the same pixels, got others for {name}")
    # Time the views first without the copies, because the copies clear the caches for the next rival.
    alone = race(straight, n, settings.seconds(2))
    return race(rivals, n, settings.seconds(4)) | alone


# ------------------------------------------------------------------------------------------ one image


def one_image(settings: Settings) -> Section:
    """Measure how long add_dust takes in addition to the kernel."""
    repeats = 50
    image, floats = make_images(1)[0], make_images(1, dtype=np.float32)[0]
    stream = dustaug.DustStream(seed=0)
    calls = {
        "compiled kernel, ready arguments": bind_kernel(image, _DUST),
        "add_dust": bind_add_dust(image, _DUST),
        "add_dust, no seed": lambda _: dustaug.add_dust(image, _DUST),
        "DustStream": lambda _: stream(image),
        "compiled kernel, float32": bind_kernel(floats, _DUST),
        "add_dust, float32": bind_add_dust(floats, _DUST),
    }

    def repeated(call: Callable[[int], object]) -> Callable[[int], None]:
        def run(first: int) -> None:
            for index in range(first, first + repeats):
                call(index)

        return run

    found = race({name: Rival(repeated(call)) for name, call in calls.items()}, repeats, settings.seconds(8))
    kernel, kernel_float = (found[name] for name in calls if name.startswith("compiled"))
    over = {
        name: _difference(times, kernel_float if "float32" in name else kernel)
        for name, times in found.items()
        if not name.startswith("compiled")
    }
    rows = [(name, str(times), str(over.get(name, "–"))) for name, times in found.items()]
    return Section(
        title="One image at a time",
        note=f"Each call paints one image of 224 × 224 × 3. Each sample is the mean of {repeats} calls, each with its "
        "own index.",
        tables=[Table("", ("Call", "µs per call", "µs above the kernel"), rows)],
        targets=[
            Target(
                "add_dust: at most 2 µs above the kernel",
                f"{over['add_dust']} µs",
                over["add_dust"].value <= 2,
                "Before the kernel, Python checks array, spec, seed and layout, and looks up the prepared batch.",
            )
        ],
        data={**found, "above the kernel": {name: value.value for name, value in over.items()}},
    )


def _difference(times: Times, other: Times) -> Ratio:
    differences = [a - b for a, b in zip(times.run_medians, other.run_medians, strict=True)]
    return Ratio(times.median - other.median, min(differences), max(differences))


# -------------------------------------------------------------------------------------------- presets


def presets(settings: Settings) -> Section:
    """Measure other specs and fills against the C twin."""
    n = 32
    specs = {
        "dust()": _DUST,
        'dust(fill="color")': dustaug.dust(fill="color"),
        'dust(fill="noise")': dustaug.dust(fill="noise"),
        'dust(fill="mean")': dustaug.dust(fill="mean"),
        "cutout(56)": dustaug.cutout(56),
        'random_erasing(p=1, fill="constant", fill_value=0)': dustaug.random_erasing(
            p=1, fill="constant", fill_value=0
        ),
        "random_erasing(p=1)": dustaug.random_erasing(p=1),
    }
    noise = np.random.default_rng(0).integers(0, 256, (n, SIDE, SIDE, 3), np.uint8)
    found: dict[str, dict[str, Times]] = {}
    for name, spec in specs.items():
        images = noise.copy()
        rivals = c_rivals(images, spec)
        rivals.pop("C paint only", None)
        check_same_pixels(rivals, images, n)
        found[name] = race(rivals, n, settings.seconds(2.5))
    ratios = {name: each["dustaug"].ratio(each["C twin"]) for name, each in found.items()}
    rows = [(f"`{name}`", *map(str, each.values()), loss(ratios[name])) for name, each in found.items()]
    return Section(
        title="Other presets and fills",
        note="The batch has 32 images of 224 × 224 × 3, uint8, NHWC. The times are in µs per image. If the ratio is "
        "above 1, C is faster.",
        tables=[Table("", ("Spec", "dustaug", "C twin", "/ C twin"), rows)],
        reasons=_REASONS,
        data=found,
    )
