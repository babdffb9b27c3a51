"""Write pictures.js, the pictures that come with the page: python docs/explore/pictures.py. Tests repeat it.

Pages that are opened as files may read the pixels of data: URLs, and of no files. So all pictures are in one script.

- coffee: the photograph of the package (CC0, by Rachel Michetti).
- cat: scikit-image's ``skimage.data.chelsea()`` (CC0, by Stéfan van der Walt). No package that dustaug needs has it, so
  pictures.js keeps its pixels. Where scikit-image is installed, ``--cat`` reads it again.
- guitar: drawn by ``examples/``.
"""

import argparse
import base64
import io
import json
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image

SCRIPT = Path(__file__).parent / "pictures.js"

TITLES = {"coffee": "a cup of coffee", "cat": "a cat", "guitar": "a drawn guitar"}
CREDITS = {
    "coffee": "Photograph by Rachel Michetti, CC0",
    "cat": "Photograph of Chelsea by Stéfan van der Walt, CC0",
    "guitar": "Drawn by the code of dustaug's examples",
}
HEAD = """\
// Written by pictures.py: change that and run it. Pictures without loss, as data: URLs.
"use strict";

var dustaugPictures = """


def draw_pictures(cat: Image.Image) -> dict[str, Image.Image]:
    """Return the pictures by name, RGB, at most 512 pixels wide and high."""
    from examples.guitars import draw_guitar

    coffee = Image.open(str(files("dustaug") / "photos" / "coffee.jpg")).convert("RGB")
    guitar = Image.fromarray(draw_guitar("Jazzmaster", size=448, seed=7, index=0).image)
    return {"coffee": coffee, "cat": cat.convert("RGB"), "guitar": guitar}


def read_pictures() -> dict[str, Image.Image]:
    """Return the pictures that pictures.js has."""
    return pictures_in(SCRIPT.read_text(encoding="utf-8"))


def pictures_in(text: str) -> dict[str, Image.Image]:
    """Return the pictures of a script."""
    entries = json.loads(text.removeprefix(HEAD).strip().removesuffix(";"))
    contents = {entry["name"]: base64.b64decode(entry["url"].partition(",")[2]) for entry in entries}
    return {name: Image.open(io.BytesIO(content)).convert("RGB") for name, content in contents.items()}


def url_of(picture: Image.Image) -> str:
    """Return a picture as a data: URL, without loss."""
    file = io.BytesIO()
    picture.save(file, "WEBP", lossless=True, quality=100, method=6)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def script(pictures: dict[str, Image.Image]) -> str:
    """Return the text of pictures.js."""
    entries = [
        {"name": name, "title": TITLES[name], "credit": CREDITS[name], "url": url_of(picture)}
        for name, picture in pictures.items()
    ]
    return HEAD + json.dumps(entries, indent=1, ensure_ascii=False) + ";\n"


def main() -> None:
    """Write pictures.js, or leave it as it is if it has these very pixels: compressors change between versions."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cat", action="store_true", help="read the cat from scikit-image")
    if parser.parse_args().cat:
        from skimage import data

        pictures = draw_pictures(Image.fromarray(data.chelsea()))
    else:
        old = read_pictures()
        pictures = draw_pictures(old["cat"])
        if all(np.array_equal(old[name], picture) for name, picture in pictures.items()):
            return
    SCRIPT.write_text(script(pictures), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))  # For examples, which lie at the root.
    main()
