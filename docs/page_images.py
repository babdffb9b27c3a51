"""Draw the pictures that pages save themselves again, by running their examples: python -m docs.page_images."""

import os
import re
from pathlib import Path

import matplotlib as mpl

DOCS = Path(__file__).parent
PAGES = ("robustness.md", "why.md")


def main() -> None:
    """Run each page's blocks of Python in docs/images, as far as they draw: what follows may need a framework."""
    mpl.use("Agg")
    os.chdir(DOCS / "images")
    for page in PAGES:
        names: dict[str, object] = {}
        text = (DOCS / page).read_text(encoding="utf-8")
        drawing = text[: text.index("```", text.rindex(".savefig("))] + "```"
        for block in re.findall(r"```python\n(.*?)```", drawing, re.DOTALL):
            exec(block, names)  # noqa: S102  These are our own examples, which the tests run too.


if __name__ == "__main__":
    main()
