"""The result of a figure (tables, targets and plain data), and how it becomes Markdown and JSON."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pyperf

from .timing import Ratio, Times

__all__ = [
    "Section",
    "Settings",
    "Table",
    "Target",
    "joined",
    "loss",
    "losses",
    "markdown",
    "plain",
    "put_between",
    "suite",
]


class Settings(NamedTuple):
    """How long to measure, and which Python has AlbumentationsX."""

    quick: bool = False
    python_x: str | None = None

    def seconds(self, full: float) -> float:
        """Return the seconds for one race: `full` of them, or a tenth."""
        return full / 10 if self.quick else full

    def times(self, full: int, quick: int = 2) -> int:
        """Return a number of repetitions."""
        return quick if self.quick else full


class Table(NamedTuple):
    """A table and its caption; if a section has many tables, each has a label."""

    caption: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    label: str = ""


class Target(NamedTuple):
    """A target, the measured value, and a possible reason for missing the target."""

    wanted: str
    measured: str
    met: bool
    reason: str = ""


@dataclasses.dataclass(kw_only=True)
class Section:
    """One figure of the report.

    Attributes
    ----------
    reasons : mapping
        Why a rival may be faster than dustaug, or an adapter slower than its library. The key is the name of a row, or
        of a column.
    """

    title: str
    note: str
    tables: list[Table]
    targets: list[Target] = dataclasses.field(default_factory=list)
    reasons: Mapping[str, str] = dataclasses.field(default_factory=dict)
    data: Any = None


def joined(title: str, sections: Iterable[Section]) -> Section:
    """Join several sections into one; the title and the note of each go before its tables."""
    whole = Section(title=title, note="", tables=[], data={})
    for section in sections:
        first, *rest = section.tables
        caption = f"**{section.title}.** {section.note} {first.caption}".strip()
        whole.tables += [first._replace(caption=caption, label=section.title), *rest]
        whole.targets += section.targets
        whole.data[section.title] = section.data
    return whole


def loss(ratio: Ratio) -> str:
    """Return a ratio to a rival as text, in bold if dustaug takes longer."""
    return f"**{ratio}**" if ratio.value > 1 else str(ratio)


def losses(sections: Iterable[Section]) -> Section:
    """Collect every row with something in bold, for instance where a rival is faster, and every missed target."""
    rows = []
    for section in sections:
        reasons = section.reasons
        for table in section.tables:
            for row in table.rows:
                cells = zip(table.header, row, strict=True)
                lost = [(name, bold[1]) for name, cell in cells if (bold := re.search(r"\*\*(.+?)\*\*", cell))]
                if lost:
                    where = ": ".join(part for part in (section.title, table.label, row[0]) if part)
                    much = "; ".join(f"{name}: {cell}" for name, cell in lost)
                    names = [row[0], *(name for name, _ in lost)]
                    rows.append((where, much, next((reasons[name] for name in names if name in reasons), _UNKNOWN)))
        rows += [
            (f"{section.title}: target missed", f"{each.wanted}: {each.measured}", each.reason or _UNKNOWN)
            for each in section.targets
            if not each.met
        ]
    note = "" if rows else "Nowhere: no rival was faster, and no target was missed."
    tables = [Table("", ("Where", "How much", "Why"), rows)] if rows else []
    return Section(title="Where dustaug loses", note=note, tables=tables)


_UNKNOWN = "Not known."


def plain(data: Any) -> Any:
    """Return the data of a section as plain numbers for JSON."""
    if isinstance(data, Times):
        return data.plain()
    if isinstance(data, Ratio):
        return data._asdict()
    return {name: plain(each) for name, each in data.items()} if isinstance(data, Mapping) else data


def suite(sections: Mapping[str, Section]) -> pyperf.BenchmarkSuite:
    """Return all times in the format that `python -m pyperf` reads."""
    benchmarks = []
    for name, times in _named_times(sections, ()):
        times.benchmark.update_metadata({"name": " / ".join(name)})
        benchmarks.append(times.benchmark)
    return pyperf.BenchmarkSuite(benchmarks)


def _named_times(data: Any, name: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Times]]:
    if isinstance(data, Times):
        yield name, data
    elif isinstance(data, Section):
        yield from _named_times(data.data, name)
    elif isinstance(data, Mapping):
        for key, each in data.items():
            yield from _named_times(each, (*name, str(key)))


def markdown(section: Section) -> str:
    """Return a section as Markdown."""
    parts = [f"## {section.title}", section.note]
    for table in section.tables:
        parts += [f"{table.caption}", _table(table.header, table.rows)]
    if section.targets:
        rows = [(target.wanted, target.measured, "yes" if target.met else "**no**") for target in section.targets]
        parts.append(_table(("Target", "Measured", "Met"), rows))
    return "\n\n".join(part for part in parts if part) + "\n"


def put_between(page: str, begin: str, end: str, text: str) -> str:
    """Return a page with this text between two marks; what stands before and after them stays."""
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{text}\n{end}{rest.partition(end)[2]}"


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    rows = list(rows)
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    # The first column names the row. The others hold numbers, or prose, which is not padded.
    prose = [width > _PROSE for width in widths]
    left = [i == 0 or each for i, each in enumerate(prose)]
    widths = [3 if each else width for width, each in zip(widths, prose, strict=True)]
    aligned = [
        "| " + " | ".join(f"{cell:{'<' if left[i] else '>'}{widths[i]}}" for i, cell in enumerate(row)) + " |"
        for row in [header, *rows]
    ]
    rule = "|" + "|".join("-" * (width + 2) if left[i] else "-" * (width + 1) + ":" for i, width in enumerate(widths))
    return "\n".join([aligned[0], rule + "|", *aligned[1:]])


_PROSE = 100
