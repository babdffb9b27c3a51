"""Command line: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from . import machine
from .report import Section, Settings, losses, markdown, plain, put_between, suite
from .twin import check_equal

# The module that measures each figure; a module may need a framework.
FIGURES = {
    "peers": "peers",
    "batches": "kernel",
    "layouts": "kernel",
    "presets": "kernel",
    "one_image": "kernel",
    "sizes": "sizes",
    "fills": "fills",
    "processes": "processes",
    "memory": "processes",
    "guided": "guided",
    "kinds": "kinds",
    "prefetch": "prefetch",
    "scaling": "scaling",
    "albumentations": "in_albumentations",
    "torchvision": "in_torch",
    "loader": "in_torch",
    "tensorflow": "in_tensorflow",
    "scale": "in_ray",
    "ray": "in_ray",
    "mixing": "mixing",
    "volumes": "volumes",
}
# These figures need a framework, and belong to the page of its adapter.
_ASKED_FOR = ("albumentations", "torchvision", "loader", "tensorflow", "scale", "ray", "mixing", "volumes")
DEFAULT = [name for name in FIGURES if name not in _ASKED_FOR]

_BEGIN, _END = "<!-- results: begin -->", "<!-- results: end -->"


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure dustaug; prints Markdown.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the time; the figures are rough")
    parser.add_argument("--only", action="append", choices=FIGURES, metavar="NAME", help=f"one of {', '.join(FIGURES)}")
    parser.add_argument("--python-x", metavar="PYTHON", help="a Python with albumentationsx, for the peers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to FILE")
    parser.add_argument("--pyperf", type=Path, metavar="FILE", help="write all times to FILE, for python -m pyperf")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw scaling and peers into DIR (needs matplotlib)")
    parser.add_argument(
        "--update", type=Path, metavar="FILE", help=f"put the tables into FILE, between {_BEGIN} and {_END}"
    )
    options = parser.parse_args()
    names = options.only or DEFAULT
    if options.plots and not {"scaling", "peers"} & set(names):
        parser.error("--plots draws what scaling and peers measure: add --only scaling or --only peers")

    start = time.perf_counter()
    sections = measure(names, Settings(quick=options.quick, python_x=options.python_x))
    print(f"all: {(time.perf_counter() - start) / 60:.1f} minutes", file=sys.stderr)
    numbers = {name: plain(section.data) for name, section in sections.items()}
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    if options.pyperf:
        suite(sections).dump(str(options.pyperf), replace=True)
    if options.update:
        _update(options.update, sections)
    if options.plots:
        from . import plots

        for path in plots.draw(numbers, options.plots):
            print(f"drawn: {path.name}", file=sys.stderr)


def _update(path: Path, sections: Mapping[str, Section]) -> None:
    text = "\n".join(markdown(section) for section in sections.values())
    path.write_text(put_between(path.read_text(encoding="utf-8"), _BEGIN, _END, text), encoding="utf-8")


def measure(names: list[str], settings: Settings) -> dict[str, Section]:
    """Check that the C twin paints the same pixels. Then measure these figures, and print each when it is ready."""
    cases = check_equal()
    print(f"the C twin paints the same pixels in {cases} cases", file=sys.stderr)
    sections = {"machine": machine.describe()}
    print(markdown(sections["machine"]), flush=True)
    for name in names:
        start = time.perf_counter()
        figure = getattr(importlib.import_module(f"benchmarks.{FIGURES[name]}"), name)
        sections[name] = figure(settings)
        print(markdown(sections[name]), flush=True)
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    sections["losses"] = losses(sections.values())
    print(markdown(sections["losses"]))
    return sections


if __name__ == "__main__":
    main()
