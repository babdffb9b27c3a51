"""Draw the pictures of robustness.md again, by running its examples: python docs/robustness_images.py."""

import os
import re
from pathlib import Path

import matplotlib as mpl

DOCS = Path(__file__).parent


def main() -> None:
    """Run the page's blocks of Python in docs/images, where they save what they draw."""
    mpl.use("Agg")
    page = (DOCS / "robustness.md").read_text()
    names: dict[str, object] = {}
    os.chdir(DOCS / "images")
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)  # noqa: S102  These are our own examples, which the tests run too.


if __name__ == "__main__":
    main()
