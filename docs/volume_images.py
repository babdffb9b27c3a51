"""Draw the pictures of volumes.md again, with the code of the page above each of them: python -m docs.volume_images."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DOCS = Path(__file__).parent
PICTURES = DOCS / "images" / "volumes"
PARTS = re.compile(r"```python\n(.*?)```|!\[[^\]]*\]\(images/volumes/(\w+)\.png\)", re.DOTALL)
GAP, SCALE = 4, 2


def make_pictures() -> dict[str, NDArray[np.uint8]]:
    """Run the code of the page up to the last picture, and return each picture, (h, w)."""
    names: dict[str, Any] = {}
    text, pictures = (DOCS / "volumes.md").read_text(encoding="utf-8"), {}
    ends = [match.end() for match in PARTS.finditer(text) if match[2]]
    for code, name in PARTS.findall(text[: ends[-1]]):
        if code:
            exec(code, names)  # noqa: S102  The code is from our own page, and the tests run it too.
        else:
            pictures[name] = side_by_side(names["shown"])
    return pictures


def side_by_side(slices: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Put slices (h, w) in a row with white gaps, twice as large; lower ones are centred."""
    height = max(each.shape[0] for each in slices)
    drawn = []
    for each in slices:
        above, below = (height - each.shape[0]) // 2, (height - each.shape[0] + 1) // 2
        drawn.append(np.pad(each, ((above, below), (0, GAP)), constant_values=255))
    picture: NDArray[np.uint8] = np.concatenate(drawn, axis=1)[:, :-GAP].repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    return picture


def main() -> None:
    """Write the pictures."""
    PICTURES.mkdir(exist_ok=True)
    for name, picture in make_pictures().items():
        Image.fromarray(picture).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
