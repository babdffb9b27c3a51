"""Draw the logo of the site, with dust by dustaug: python docs/logo.py."""

from pathlib import Path

import numpy as np
from PIL import Image

import dustaug

INK, AMBER = (38, 43, 51), (240, 165, 40)
SEED = 15  # Of the first forty seeds, this one still shows a disc with dust at 16 pixels.


def logo() -> Image.Image:
    """Return the logo: an amber disc on a dark background, partly under dust."""
    y, x = np.mgrid[:64, :64] - 31.5
    image = np.full((64, 64, 3), INK, np.uint8)
    image[y**2 + x**2 < 24**2] = AMBER
    spec = dustaug.Spec(count_range=(11, 11), half_height_range=(2, 6), half_width_range=(2, 6), fill_range=(60, 255))
    dusted = Image.fromarray(dustaug.add_dust(image, spec, seed=SEED, index=0))
    return dusted.resize((256, 256), Image.Resampling.NEAREST)


if __name__ == "__main__":
    logo().save(Path(__file__).parent / "images" / "logo.png", optimize=True)
