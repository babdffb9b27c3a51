"""Command line: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import kernel, machine, prefetch, processes, scaling
from .report import Section, Settings, losses, markdown
from .twin import check_equal

FIGURES: dict[str, Callable[[Settings], Section]] = {
    "batches": kernel.batches,
    "layouts": kernel.layouts,
    "presets": kernel.presets,
    "one_image": kernel.one_image,
    "processes": processes.processes,
    "memory": processes.memory,
    "prefetch": prefetch.prefetch,
    "scaling": scaling.scaling,
}

_BEGIN, _END = "<!-- results: begin -->", "<!-- results: end -->"


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure dustaug; prints Markdown.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the time; the figures are rough")
    parser.add_argument("--only", action="append", choices=FIGURES, metavar="NAME", help=f"one of {', '.join(FIGURES)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to FILE")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw the scaling plots into DIR (needs matplotlib)")
    parser.add_argument(
        "--update", type=Path, metavar="FILE", help=f"put the tables into FILE, between {_BEGIN} and {_END}"
    )
    options = parser.parse_args()
    if options.plots and options.only and "scaling" not in options.only:
        parser.error("--plots draws what scaling measures: add --only scaling")

    sections = measure(options.only or list(FIGURES), Settings(quick=options.quick))
    text = "\n".join(markdown(section) for section in sections.values())
    if options.json:
        numbers = {name: section.data for name, section in sections.items()}
        options.json.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    if options.update:
        before, _, rest = options.update.read_text(encoding="utf-8").partition(_BEGIN)
        after = rest.partition(_END)[2]
        options.update.write_text(f"{before}{_BEGIN}\n\n{text}\n{_END}{after}", encoding="utf-8")
    if options.plots:
        from . import plots

        for path in plots.draw(sections["scaling"].data, options.plots):
            print(f"drawn: {path.name}", file=sys.stderr)


def measure(names: list[str], settings: Settings) -> dict[str, Section]:
    """Check that C paints the same, then measure the figures of these names, and print each when it is there."""
    cases = check_equal()
    print(f"the C twin paints the same pixels in {cases} cases", file=sys.stderr)
    sections = {"machine": machine.describe()}
    print(markdown(sections["machine"]), flush=True)
    for name in names:
        start = time.perf_counter()
        sections[name] = FIGURES[name](settings)
        print(markdown(sections[name]), flush=True)
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    sections["losses"] = losses(sections.values())
    print(markdown(sections["losses"]))
    return sections


if __name__ == "__main__":
    main()
