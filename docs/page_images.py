"""Run the examples of pages that save pictures, to draw these pictures again: python -m docs.page_images."""

import os
import re
from pathlib import Path

import matplotlib as mpl

DOCS = Path(__file__).parent
PAGES = ("robustness.md", "why.md")


def main() -> None:
    """Run the Python blocks of each page in docs/images, up to the last picture. Later blocks may need a framework."""
    mpl.use("Agg")
    os.chdir(DOCS / "images")
    for page in PAGES:
        names: dict[str, object] = {}
        text = (DOCS / page).read_text(encoding="utf-8")
        drawing = text[: text.index("```", text.rindex(".savefig("))] + "```"
        for block in re.findall(r"```python\n(.*?)```", drawing, re.DOTALL):
            exec(block, names)  # noqa: S102  The code is from our own pages, and the tests run it too.


if __name__ == "__main__":
    main()
