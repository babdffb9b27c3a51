"""What a figure brings home: tables, targets and plain data, and how they become Markdown and JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .timing import Ratio, Times

__all__ = ["Section", "Settings", "Table", "Target", "loss", "losses", "markdown", "times_data"]


class Settings(NamedTuple):
    """How long to measure."""

    quick: bool = False

    def seconds(self, full: float) -> float:
        """Return the seconds for one race: `full` of them, or a tenth."""
        return full / 10 if self.quick else full

    def times(self, full: int, quick: int = 2) -> int:
        """Return a number of repetitions."""
        return quick if self.quick else full


class Table(NamedTuple):
    """A table, its caption first."""

    caption: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


class Target(NamedTuple):
    """What was to be reached, and what was."""

    wanted: str
    measured: str
    met: bool


@dataclasses.dataclass(kw_only=True)
class Section:
    """One figure of the report."""

    title: str
    note: str
    tables: list[Table]
    targets: list[Target] = dataclasses.field(default_factory=list)
    data: Any = None


def loss(ratio: Ratio) -> str:
    """Write a ratio to a rival, in bold where dustaug takes longer."""
    return f"**{ratio}**" if ratio.value > 1 else str(ratio)


def losses(sections: Iterable[Section]) -> Section:
    """Collect what is in bold: every row in which a rival is faster, and every target that was missed."""
    rows = []
    for section in sections:
        for table in section.tables:
            for row in table.rows:
                lost = [
                    f"{name} {cell.strip('*')}" for name, cell in zip(table.header, row, strict=True) if "**" in cell
                ]
                if lost:
                    rows.append((f"{section.title}: {row[0]}", "; ".join(lost)))
        rows += [
            (f"{section.title}: target missed", f"{each.wanted}: {each.measured}")
            for each in section.targets
            if not each.met
        ]
    note = "" if rows else "Nowhere: no rival was faster, and no target was missed."
    tables = [Table("", ("Where", "How much"), rows)] if rows else []
    return Section(title="Where dustaug loses", note=note, tables=tables)


def times_data(times: Mapping[str, Times]) -> dict[str, dict[str, float]]:
    """Return plain numbers for JSON: microseconds per image."""
    return {
        name: {
            "median": each.median,
            "quartile_1": each.quartiles[0],
            "quartile_3": each.quartiles[1],
            "calls": len(each.nanoseconds),
        }
        for name, each in times.items()
    }


def markdown(section: Section) -> str:
    """Return a section as Markdown."""
    parts = [f"## {section.title}", section.note]
    for table in section.tables:
        parts += [f"{table.caption}", _table(table.header, table.rows)]
    if section.targets:
        rows = [(target.wanted, target.measured, "yes" if target.met else "**no**") for target in section.targets]
        parts.append(_table(("Target", "Measured", "Met"), rows))
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    rows = list(rows)
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    # The first column names the row, the others hold numbers.
    aligned = [
        "| " + " | ".join(f"{cell:{'<' if i == 0 else '>'}{widths[i]}}" for i, cell in enumerate(row)) + " |"
        for row in [header, *rows]
    ]
    rule = "|" + "|".join("-" * (width + 2) if i == 0 else "-" * (width + 1) + ":" for i, width in enumerate(widths))
    return "\n".join([aligned[0], rule + "|", *aligned[1:]])
