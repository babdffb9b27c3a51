"""Take the screenshot of the page that README.md shows: python docs/explore_images.py, with Playwright and Chromium."""

import argparse
import io
import json
from pathlib import Path
from urllib.parse import quote, urlencode

from PIL import Image
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).parent
PICTURE = DOCS / "images" / "explore.png"
WIDTH, HEIGHT = 1440, 900

SPEC = {"count_range": [16, 31], "half_height_range": [2, 10], "half_width_range": [2, 10]}
STATE = {"spec": json.dumps(SPEC), "seed": 7, "epoch": 3, "index": 17, "size": 224, "crop": 1, "picture": "cat"}


def take(browser_path: str | None) -> Image.Image:
    """Return what the page shows in a window of a laptop, with the colours of light mode."""
    address = f"{(DOCS / 'explore' / 'index.html').as_uri()}#{urlencode(STATE, quote_via=quote)}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(address)
        page.wait_for_selector("canvas.dusted[data-index='17']")
        page.wait_for_selector("#code span")
        shot = page.screenshot(animations="disabled")
        browser.close()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def main() -> None:
    """Write the screenshot."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--browser", help="the program of Chromium, if it is not Playwright's own")
    shot = take(parser.parse_args().browser)
    # A palette keeps letters sharp, and makes the file two fifths as large.
    shot.quantize(256, Image.Quantize.MEDIANCUT).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
