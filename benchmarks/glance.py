"""Write the first screen of ``docs/benchmarks.md`` from the recorded tables: ``python -m benchmarks.glance``.

It measures nothing: every number comes from ``docs/benchmark_tables.md``, into which ``python -m benchmarks --update``
writes the tables.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import NamedTuple

from .report import put_between

__all__ = ["BEGIN", "END", "PAGE", "PICTURE", "TABLES", "Tables", "draw", "first_screen", "main"]

_DOCS = Path(__file__).parent.parent / "docs"
TABLES, PAGE, PICTURE = _DOCS / "benchmark_tables.md", _DOCS / "benchmarks.md", _DOCS / "images" / "bench_glance.svg"
BEGIN, END = "<!-- first screen: begin -->", "<!-- first screen: end -->"


def main() -> None:
    """Write the figures into the page, and draw the picture."""
    tables = Tables(TABLES.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(put_between(page, BEGIN, END, first_screen(tables)), encoding="utf-8")
    PICTURE.write_text(draw(tables), encoding="utf-8")


class Cell(NamedTuple):
    """Where a number stands: the beginnings of its heading and caption, and its row and column."""

    heading: str
    row: str
    column: str
    caption: str = ""


class Tables:
    """The tables of a page in Markdown."""

    def __init__(self, markdown: str) -> None:
        self._tables: list[tuple[str, str, list[list[str]]]] = []
        heading = caption = ""
        rows: list[list[str]] = []
        for line in [*markdown.splitlines(), ""]:
            if line.startswith("|"):
                rows.append([cell.strip() for cell in line.strip("|").split("|")])
                continue
            if rows:
                self._tables.append((heading, caption, rows))
                rows, caption = [], ""
            if line.startswith("#"):
                heading, caption = line.strip("# "), ""
            elif line:
                caption = line

    def text(self, where: Cell) -> str:
        """Return the text of a cell; of several that fit, the first."""
        for heading, caption, (header, _, *rows) in self._tables:
            if heading.startswith(where.heading) and caption.startswith(where.caption) and where.column in header:
                for cells in rows:
                    if cells[0] == where.row:
                        return cells[header.index(where.column)]
        raise LookupError(
            f"the tables must have the row {where.row!r} and the column {where.column!r} under {where.heading!r}, and "
            "have not: type python -m benchmarks --update docs/benchmark_tables.md, or change benchmarks/glance.py"
        )

    def number(self, where: Cell) -> str:
        """Return the first number of a cell, as it stands there."""
        return self._first(where, r"^\W*(\d[\d,]*(?:\.\d+)?)")

    def ratio(self, where: Cell) -> float:
        """Return how many times the time of dustaug a rival takes: the number before the first ×."""
        return float(self._first(where, r"([\d.,]+) ×").replace(",", ""))

    def _first(self, where: Cell, pattern: str) -> str:
        text = self.text(where)
        found = re.search(pattern, text)
        if found is None:
            raise LookupError(f"the row {where.row!r} under {where.heading!r} must hold a number, got {text!r}")
        return found[1]

    def most(self, adapter: str) -> float:
        """Return how many times the time of its own library an adapter takes where it loses most."""
        rows = (row for heading, _, rows in self._tables if heading == "Peers" for row in rows if row[0] == adapter)
        return max(float(times) for row in rows for cell in row for times in re.findall(r"\*\*([\d.]+) × ", cell))


# ------------------------------------------------------------------------------------------------ the ten figures

_ONE, _ONE_FIRST = (f"One image a call, one rectangle, {layout}" for layout in ("NHWC", "NCHW"))
_MANY, _MANY_FIRST = (f"One image a call, 16–31 rectangles, {layout}" for layout in ("NHWC", "NCHW"))
_BYTES, _FLOATS = "uint8, 224²", "float32, 224²"
_BATCHES, _GUIDES, _GROWTH = "Batches of 224", "Guides and objects", "How the time grows"

NUMBERS = {
    "dust": Cell("Peers", "dustaug.add_dust", _BYTES, _MANY),
    "c": Cell("Peers", "C twin", _BYTES, _MANY),
    "in_a_batch": Cell(_BATCHES, "256", "dustaug"),
    "c_in_a_batch": Cell(_BATCHES, "256", "C twin"),
    "batch_to_c": Cell(_BATCHES, "32", "/ C twin"),
    "in_albumentations": Cell("Peers", "dustaug in Albumentations", _BYTES, _MANY),
    "coarse_dropout": Cell("Peers", "Albumentations CoarseDropout", _BYTES, _MANY),
    "in_torchvision": Cell("Peers", "dustaug in torchvision", _BYTES, _ONE_FIRST),
    "random_erasing": Cell("Peers", "torchvision RandomErasing", _BYTES, _ONE_FIRST),
    "in_keras": Cell("Peers", "dustaug in keras", _BYTES, _ONE),
    "keras": Cell("Peers", "keras RandomErasing", _BYTES, _ONE),
    "in_keras_small": Cell("Peers", "dustaug in keras", "uint8, 32²", _ONE),
    "keras_small": Cell("Peers", "keras RandomErasing", "uint8, 32²", _ONE),
    "guided": Cell(_GUIDES, "GuidedCoarseDropout", "dustaug"),
    "guided_x": Cell(_GUIDES, "GuidedCoarseDropout", "AlbumentationsX"),
    "no_guide": Cell(_GUIDES, "no guide, no objects", "dustaug"),
    "small_guide": Cell(_GUIDES, "guide of 14 × 14", "dustaug"),
    "large_guide": Cell(_GUIDES, "guide of 224 × 224", "dustaug"),
    "max_hidden": Cell(_GUIDES, "max_hidden, 20 objects an image", "dustaug"),
    "allocated": Cell("Peers", "dustaug.add_dust", "allocated, KiB", "Memory (batch, many, NHWC"),
    "copied": Cell("Peers", "Albumentations CoarseDropout", "allocated, KiB", "Memory (batch, many, NHWC"),
    "warm": Cell("Processes", "warm process: CPU from `import dustaug` to the first batch, s", "dustaug"),
    "cold": Cell("Processes", "first process, empty cache: CPU from `import dustaug` to the first batch, s", "dustaug"),
    "one_thread_small": Cell(_GROWTH, "32", "1 thread"),
    "two_threads_small": Cell(_GROWTH, "32", "2 threads"),
    "one_thread_large": Cell(_GROWTH, "1,024", "1 thread"),
    "two_threads_large": Cell(_GROWTH, "1,024", "2 threads"),
    "colour": Cell("Other presets", '`dust(fill="color")`', "/ C twin"),
    "cutout": Cell("Other presets", "`cutout(56)`", "/ C twin"),
}
# What is measured, dustaug, what is beside it, and the figure of the command that measures both.
TEN = [
    (
        "one image a call, as in a data loader",
        "{dust} µs",
        "to [decode a JPEG file](torch.md#what-it-costs): some 1,500 µs",
        "peers",
    ),
    ("the same, against plain C", "**{dust} µs**", "the same algorithm in C: {c} µs", "peers"),
    ("an image in a batch of 256", "{in_a_batch} µs", "in C: {c_in_a_batch} µs", "batches"),
    ("in Albumentations", "{in_albumentations} µs", "`CoarseDropout`: {coarse_dropout} µs", "peers"),
    ("in torchvision, one rectangle", "{in_torchvision} µs", "`RandomErasing`: {random_erasing} µs", "peers"),
    (
        "in Keras, one rectangle",
        "{in_keras} µs",
        "`RandomErasing`: {keras} µs; **on 32 × 32 theirs {keras_small}, ours {in_keras_small} µs**",
        "peers",
    ),
    ("dust where a mask says", "{guided} µs", "`GuidedCoarseDropout`: {guided_x} µs", "guided"),
    ("memory for a batch of 6 MiB", "{allocated} KiB", "Albumentations, a copy: {copied} KiB", "peers"),
    (
        "start of a worker, CPU above NumPy's",
        "{warm} s",
        "**the first of an installation compiles: {cold} s**",
        "processes",
    ),
    (
        "two threads, a batch of 1,024",
        "{two_threads_large} µs",
        "one thread: {one_thread_large} µs; **in a batch of 32 one {one_thread_small}, two {two_threads_small} µs**",
        "scaling",
    ),
]
LOSING = """\
- **To C, one image a call.** A call checks array, spec, seed and layout for about 2 µs. C checks nothing, and takes
  {c_many} of the time of dustaug for 16–31 rectangles, and {c_one} for one. In batches of 32 dustaug
  takes {batch_to_c} of the time of C.
- **To C, few large rectangles.** A batch with `cutout(56)` takes {cutout} × the time of C, since both are as
  fast as the memory. Colours, `dust(fill="color")`, take {colour} ×.
- **To Keras, one rectangle.** On images of 32 × 32, and on single images of 224 × 224 with channels first, our layer
  takes up to {keras_most} × the time of Keras' `RandomErasing`: it draws its random words with operations of the graph.
  On a CPU, [`dust_fn`](tensorflow.md) in the pipeline takes less.
- **With masks, boxes and keypoints in Albumentations.** Filtering them takes most of the time, so `CoarseDropout` and
  `DustRectangles` [take the same](albumentations.md#speed).
- **Guides and objects.** An image of a batch takes {no_guide} µs without them, {small_guide} µs with a guide of
  14 × 14 cells (the target was 1.5 ×), {large_guide} µs with one of 224 × 224, and {max_hidden} µs with
  `max_hidden` and 20 objects.
- **The first call of an installation.** It compiles, which takes {cold} s of CPU in all (the target was 2 s).
  [`warmup()`](start.md#3-dust-a-batch) does this ahead of time.
- **Two threads, small batches.** To wake a thread takes as long as to dust a hundred images. Use `num_threads=2` for
  batches of 512 images and more.

[The last of the tables](benchmark_tables.md#where-dustaug-loses) has every losing row, with its reason.
"""


def first_screen(tables: Tables) -> str:
    """Return the ten figures and where dustaug loses, in Markdown."""
    numbers = {name: tables.number(where) for name, where in NUMBERS.items()}
    numbers["warm"] = f"{float(numbers['warm']):.1f}"
    numbers["keras_most"] = f"{tables.most('dustaug in keras'):g}"
    for name, rectangles in (("c_one", "one rectangle"), ("c_many", "16–31 rectangles")):
        least_to_most = Cell("Peers", "C twin", f"one image a call, {rectangles}", "At a glance")
        numbers[name] = tables.text(least_to_most).replace("–", " to ")
    header = "| 224 × 224 × 3, uint8, one thread | dustaug | beside it | `python -m benchmarks` |\n|---|---:|---|---|"
    rows = [f"| {what} | {ours} | {beside} | `--only {figure}` |" for what, ours, beside, figure in TEN]
    return "\n".join([header, *rows, "", "## Where dustaug loses", "", LOSING]).format(**numbers)


# ---------------------------------------------------------------------------------------------------- the picture

_OURS = "dustaug in it"
_ROWS = [
    ("plain C", "C twin", _MANY, _ONE, _BYTES),
    ("FFCV's algorithm", "FFCV's algorithm", _MANY, _ONE, _BYTES),
    ("Albumentations", "Albumentations CoarseDropout", _MANY, _ONE, _BYTES),
    (_OURS, "dustaug in Albumentations", _MANY, _ONE, _BYTES),
    ("AlbumentationsX", "AlbumentationsX CoarseDropout", _MANY, _ONE, _BYTES),
    (_OURS, "dustaug in AlbumentationsX", _MANY, _ONE, _BYTES),
    ("timm", "timm RandomErasing", _MANY_FIRST, _ONE_FIRST, _BYTES),
    ("loop of the post", "post's loop", _MANY, "", _BYTES),
    ("torchvision", "torchvision RandomErasing", _MANY_FIRST, _ONE_FIRST, _BYTES),
    (_OURS, "dustaug in torchvision", _MANY_FIRST, _ONE_FIRST, _BYTES),
    ("kornia (float32)", "kornia RandomErasing", _MANY_FIRST, _ONE_FIRST, _FLOATS),
    ("Keras", "keras RandomErasing", _MANY, _ONE, _BYTES),
    (_OURS, "dustaug in keras", _MANY, _ONE, _BYTES),
]
# A phone shows the picture at three fifths of its size, so its letters are large. It has a ground in the scheme of the
# reader, so it can be read on any page.
_WIDTH, _LEFT, _RIGHT, _TOP, _STEP = 620, 172, 516, 98, 33
_LEAST, _MOST = 0.45, 20_000
_STYLE = """
.ground, .one { fill: #fdfcfa }
text { fill: #262b33; font: 19px system-ui, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif }
.title { font-size: 21px; font-weight: 600 }
.small { fill: #555b64; font-size: 17px }
.middle { text-anchor: middle }
.grid { stroke: #dcd8cf }
.line, .one { stroke: #262b33; stroke-width: 2 }
.theirs { fill: #9aa1ab }
.ours { fill: #e09a1f }
.faster { fill: #1f6f9f }
@media (prefers-color-scheme: dark) {
  .ground, .one { fill: #1b1f25 }
  text { fill: #e8e6e1 }
  .small { fill: #b4b8bf }
  .grid { stroke: #3a4049 }
  .line, .one { stroke: #e8e6e1 }
  .theirs { fill: #767e8a }
  .ours { fill: #f0a528 }
  .faster { fill: #58a9d6 }
}
"""


def _x(ratio: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * math.log(ratio / _LEAST) / math.log(_MOST / _LEAST)


def draw(tables: Tables) -> str:
    """Return a picture of the peers, as SVG: how many times the time of dustaug each takes."""
    bottom = _TOP + _STEP * len(_ROWS)
    height = bottom + 70
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}">',
        "<title>How many times the time of dustaug each library takes</title>",
        f"<style>{_STYLE}</style>",
        '<rect class="ground" width="100%" height="100%"/>',
        _text(12, 32, "Time for one image of 224 × 224, uint8", "title"),
        _text(12, 60, "1 is dustaug.add_dust on the same images. Logarithmic.", "small"),
    ]
    for ratio in (1, 10, 100, 1000, 10_000):
        x = f"{_x(ratio):.1f}"
        parts.append(f'<path class="{"line" if ratio == 1 else "grid"}" d="M{x} {_TOP - 16}V{bottom}"/>')
        parts.append(_text(_x(ratio), bottom + 20, f"{ratio:,}", "small middle"))
    for i, (label, rival, many, one, column) in enumerate(_ROWS):
        cells = [Cell("Peers", rival, column, call) for call in (many, one) if call]
        parts += _row(_TOP + _STEP * i, label, [tables.ratio(cell) for cell in cells])
    parts.append(_text(12, bottom + 54, "Bars: 16–31 rectangles. Circles: one of 2–33 % of the image.", "small"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(top: int, label: str, ratios: list[float]) -> list[str]:
    """Return a row: a label, a bar from the line of dustaug, a circle, and the ratio of the bar in digits."""
    many, *one = ratios
    ours = label == _OURS
    kind = "ours" if ours else "theirs" if many > 1 else "faster"
    left, right = sorted([_x(1), _x(many)])
    digits = f"{many:,.0f}" if many >= 10 else f"{many:g}"
    return [
        _text(36 if ours else 12, top + 17, label),
        f'<rect class="{kind}" x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="22"/>',
        *(f'<circle class="one" cx="{_x(each):.1f}" cy="{top + 11}" r="6"/>' for each in one),
        _text(max(_x(each) for each in (1, *ratios)) + 12, top + 17, f"{digits} ×"),
    ]


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y}"{attribute}>{text}</text>'


if __name__ == "__main__":
    main()
