"""The page of docs/explore does in a real browser what it promises: the very pixels of add_dust(), and no request.

DUSTAUG_TEST_CHROMIUM names the browser; without it, one on the PATH is taken, or Playwright's own.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import subprocess
import sys
import urllib.parse

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from benchmarks import explore as benchmark
from dustaug import Spec, add_dust, dust
from dustaug.cli import _PRESETS
from dustaug.cli._explore import FILES, folder_of_page, read_page
from javascript import find_node
from test_cli import noise, save
from test_cli_explore import exploring, serving

PAGE = folder_of_page() / "index.html"
SIZE = 64
WAIT = 10_000  # Milliseconds.
# What every test may ask for: of a disk, the files of the page; nothing of a network.
OWN = re.compile(r"(?:data|blob|about):")
LOUD = ("error", "warning")
RGB = """
(bytes) => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
"""
# A copy is read, as the browser may treat a canvas otherwise that is read.
CANVAS = f"""
(canvas) => {{
  const copy = Object.assign(document.createElement("canvas"), {{ height: canvas.height, width: canvas.width }});
  const context = copy.getContext("2d", {{ willReadFrequently: true }});
  context.drawImage(canvas, 0, 0);
  return [copy.height, copy.width, ({RGB})(context.getImageData(0, 0, copy.width, copy.height).data)];
}}
"""
SCREENS = {"phone": (360, 740), "tablet": (820, 1180), "desktop": (1440, 900)}
PRESETS = {name.replace("-", "_"): make() for name, (_, make) in _PRESETS.items()}


BROKEN = (
    *("spec=%7B", "spec=%", "spec=null", "spec=%5B%5D", "spec=1", "spec=%7B%22dots%22%3A1%7D", "size=7", "size=NaN"),
    *("spec=%7B%22count_range%22%3A%5B9%2C3%5D%7D", "seed=-1", "seed=x", "epoch=1e9", "index=18446744073709551616"),
    *("picture=dog", "guide=!!", "guide=AAAA", "objects=%7B%7D", "objects=%5B%5B1%5D%5D", "objects=1,2", "crop=2"),
    *("spec=%7B%22__proto__%22%3A%7B%7D%7D", "%E0%A4%A", "spec", "spec=%3Cscript%3E", f"size={'9' * 5000}"),
)

# Specs that are right, but not for pictures of bytes and of three channels.
UNPAINTABLE = (
    {"depth_range": [1, 2]},
    {"normalize_mean": [0, 0, 0], "normalize_std": [1, 1, 1]},
    {"fill": "constant", "fill_value": [1, 2]},
    {"area_range": [0.999, 1], "aspect_range": [5, 6]},
)


@pytest.fixture(scope="module")
def browser():
    """Start one browser for all tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=benchmark.find_chromium(), args=list(benchmark.FLAGS))
        yield browser
        browser.close()


class Explorer:
    """The page in a browser: what a user does, and what is seen."""

    def __init__(self, page, address):
        self.page, self.address = page, address

    def __getattr__(self, name):
        return getattr(self.page, name)

    def open(self, fragment="", **state):
        """Open the page with a state in its address, and wait until it shows a picture."""
        fragment = fragment or urllib.parse.urlencode(state, quote_via=urllib.parse.quote)
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}#{fragment}" if fragment else self.address)
        self.settle()
        return self

    def settle(self):
        """Wait until all is painted that was asked for."""
        self.until(
            "document.querySelector('#grid canvas.dusted')?.dataset.index && "
            "dustaugPage.state().size === Math.max(...['height', 'width'].map((side) => "
            "document.querySelector('#original')[side])) && "
            "document.querySelector('.source[aria-pressed=true], .own.chosen')"
        )
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.until("!document.querySelector('#grid [aria-busy=true]')")

    def until(self, expression):
        """Wait for something in the page. Playwright's own way evaluates texts there, which the page forbids."""
        self.page.evaluate(
            f"""async () => {{
              const end = performance.now() + {WAIT};
              while (!({expression})) {{
                if (performance.now() > end) throw new Error("waited in vain");
                await new Promise(requestAnimationFrame);
              }}
            }}"""
        )

    def set(self, name, value):
        """Give a control a value, as typing or dragging does."""
        control = self.page.locator(f"#{name}")
        kind = control.evaluate("it => it.type || it.tagName")
        if kind == "checkbox":
            control.set_checked(value)
        elif kind.startswith("select"):
            control.select_option(str(value))
        else:
            control.fill(str(value))
            control.dispatch_event("change")
        self.settle()

    def load(self, path):
        """Choose a file of one's own."""
        self.page.locator("#file").set_input_files(path)
        self.until("dustaugPage.state().picture === 'own'")
        self.settle()

    def state(self):
        """Return the state of the page."""
        return self.page.evaluate("dustaugPage.state()")

    def spec(self):
        """Return the spec of the state."""
        return Spec.from_dict(self.state()["spec"])

    def bytes_of(self, which):
        """Return the RGB bytes of "original" or an index, as the page says them."""
        content = self.page.evaluate(f"which => ({RGB})(dustaugPage.pixels(which))", which)
        height, width = self.page.locator("#original").evaluate("it => [it.height, it.width]")
        return np.frombuffer(base64.b64decode(content), np.uint8).reshape(height, width, 3)

    def canvas(self, where):
        """Return what a canvas shows, RGB; nothing of it is transparent."""
        height, width, content = self.page.locator(where).evaluate(CANVAS)
        pixels = np.frombuffer(base64.b64decode(content), np.uint8).reshape(height, width, 4)
        assert (pixels[..., 3] == 255).all()
        return pixels[..., :3]

    def download(self, button, name="donor.png"):
        """Return the pixels of the file that a button gives, RGB; it has a name and is a PNG."""
        with self.page.expect_download() as caught:
            self.page.locator(f"#{button}").click()
        assert caught.value.suggested_filename == name
        with Image.open(caught.value.path()) as image:
            assert (image.format, image.mode) == ("PNG", "RGB")
            return np.array(image)

    def shown(self):
        """Return what the nine canvases show, by their indices."""
        canvases = self.page.locator("#grid canvas.dusted")
        indices = canvases.evaluate_all("all => all.map(it => it.dataset.index)")
        return {int(i): self.canvas(f'#grid canvas.dusted[data-index="{i}"]') for i in indices}

    def check(self, **terms):
        """Check that all nine canvases show the pixels of add_dust(), and return them."""
        state, spec, clean = self.state(), self.spec(), self.canvas("#original")
        shown = self.shown()
        assert len(shown) == 9
        for index, pixels in shown.items():
            wanted = add_dust(
                clean.copy(), spec, seed=int(state["seed"]), epoch=int(state["epoch"]), index=index, **terms
            )
            assert np.array_equal(pixels, wanted), index
        return shown


class Visit:
    """A page in a browser, and what it asked for and complained of."""

    def __init__(self, browser, address, **options):
        self.context = browser.new_context(accept_downloads=True, **options)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.allowed = {urllib.parse.urljoin(address, name) for name in (*FILES, "given.js", "")}
        self.asked, self.faults = [], []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.context.on("requestfailed", lambda request: self.faults.append(f"{request.url}: {request.failure}"))
        self.context.on("console", self.hear)
        self.context.on("weberror", lambda error: self.faults.append(str(error.error)))
        page = self.context.new_page()
        page.set_default_timeout(WAIT)
        self.explorer = Explorer(page, address)

    def hear(self, message):
        """Take down what the console says."""
        if message.type in LOUD:
            self.faults.append(message.text)

    def check(self):
        """Check that the page asked for its own files only, and that nothing went wrong."""
        others = [url for url in self.asked if not OWN.match(url) and url.partition("#")[0] not in self.allowed]
        assert (others, self.faults) == ([], [])
        assert any(url.endswith("dustaug.js") for url in self.asked)


@pytest.fixture
def visit(browser):
    """Open the page as a new visitor, from the disk or another address."""
    visits = []

    def visit(address=None, **options):
        visits.append(Visit(browser, address or PAGE.as_uri(), **options))
        return visits[-1].explorer

    yield visit
    for each in visits:
        each.context.close()
    for each in visits:
        each.check()


@pytest.fixture(scope="module")
def visitor(browser):
    """Have one visitor for the tests that need no new one."""
    visit = Visit(browser, PAGE.as_uri())
    yield visit
    visit.context.close()


@pytest.fixture
def on_disk(visitor):
    """Open the page from the disk, with a small picture."""
    visitor.asked.clear()
    visitor.faults.clear()
    yield visitor.explorer.open(size=SIZE)
    visitor.check()


@pytest.fixture(params=["from a disk", "from dustaug explore"])
def explorer(request, visit):
    """Open the page as it starts, in both ways in which it is opened."""
    if request.param == "from a disk":
        yield visit().open()
    else:
        with serving(read_page(folder_of_page())) as server:
            yield visit(server.address).open()


class TestPixels:
    """The canvases show the very pixels of add_dust()."""

    def test_own_picture(self, explorer, tmp_path):
        """A file of one's own has its own pixels at its own size, and nine dusted versions."""
        pixels = noise(SIZE, SIZE, 3)
        explorer.set("size", SIZE)
        explorer.load(save(tmp_path / "tom.png", pixels))

        assert np.array_equal(explorer.canvas("#original"), pixels)
        assert np.array_equal(explorer.bytes_of("original"), pixels)
        shown = explorer.check()
        assert len({pixels.tobytes() for pixels in shown.values()}) > 5
        for index, pixels in shown.items():
            assert np.array_equal(explorer.bytes_of(index), pixels)

    def test_coordinates(self, on_disk):
        """Seed, epoch and index are those of add_dust(), with all their digits."""
        on_disk.set("seed", 2**64 - 1)
        on_disk.set("epoch", 2**32 - 1)
        on_disk.set("index", 2**62)

        assert 2**62 in on_disk.check()
        assert [int(on_disk.state()[name]) for name in ("seed", "epoch", "index")] == [2**64 - 1, 2**32 - 1, 2**62]

    @pytest.mark.parametrize("crop", [True, False])
    def test_scaled(self, on_disk, tmp_path, crop):
        """Each pixel of a scaled picture is the mean of the area that it covers, halves rounded up."""
        pixels = noise(70, 150, 3)
        on_disk.set("crop", crop)
        on_disk.load(save(tmp_path / "tom.png", pixels))
        wanted = scaled(pixels[:, 40:110], SIZE, SIZE) if crop else scaled(pixels, 30, SIZE)

        assert np.array_equal(on_disk.canvas("#original"), wanted)
        on_disk.check()

    @pytest.mark.parametrize(
        ("changes", "wanted"),
        [
            ({"slide-count_range-high": 40, "slide-count_range-low": 9}, {"count_range": (9, 40)}),
            ({"slide-half_width_range-high": 9}, {"half_width_range": (1, 9)}),
            ({"slide-p": 0.5}, {"p": 0.5}),
            ({"field-p": "0.25", "field-keep": True}, {"p": 0.25, "keep": True}),
            ({"field-center": "uniform", "field-spare_last": False}, {"center": "uniform", "spare_last": False}),
            ({"slide-center_mean-low": 0.25}, {"center_mean": (0.25, 0.5)}),
            ({"size-unit": "side_range", "field-side_range-high": "30"}, {"side_range": (8, 30)}),
            ({"size-unit": "area_range", "field-fill": "mean"}, {"area_range": (0.02, 0.1), "fill": "mean"}),
            ({"field-kind": "grid", "cells-by": "cell_p"}, {"kind": "grid", "grid_shape": (14, 14), "cell_p": 0.5}),
            (
                {"field-kind": "lattice", "slide-kept_share": 0.25, "field-lattice_hides": "lines"},
                {"kind": "lattice", "period_range": (32, 64), "kept_share": 0.25, "lattice_hides": "lines"},
            ),
            (
                {"field-fill": "constant", "field-fill_value": "124, 116, 104"},
                {"fill": "constant", "fill_value": (124, 116, 104)},
            ),
            ({"field-fill": "color", "slide-fill_range-low": 100}, {"fill": "color", "fill_range": (100, 255)}),
            ({"field-fill": "noise"}, {"fill": "noise"}),
        ],
    )
    def test_controls(self, on_disk, changes, wanted):
        """Sliders, boxes and lists change the spec as Spec.replace() does, and the pixels with it."""
        for name, value in changes.items():
            on_disk.set(name, value)

        assert on_disk.spec() == Spec().replace(**wanted)
        assert on_disk.locator("#spec").text_content() == repr(on_disk.spec())
        expect(on_disk.locator("#error")).to_be_hidden()
        on_disk.check()

    def test_ends_of_a_pair(self, on_disk):
        """To change one end of a pair leaves the other exactly what it was."""
        on_disk.set("size-unit", "area_range")
        on_disk.set("field-aspect_range-low", "0.5")

        assert on_disk.spec() == Spec(area_range=(0.02, 0.1), aspect_range=(0.5, 1 / 0.3))

    def test_refused_sizes(self, on_disk):
        """A size that was refused does not keep the user from another unit."""
        on_disk.set("size-unit", "area_range")
        on_disk.set("field-area_range-low", "0")
        expect(on_disk.locator("#error")).to_be_visible()
        for name, wanted in (("side_range", Spec(side_range=(8, 32))), ("half_height_range", Spec())):
            on_disk.set("size-unit", name)
            assert on_disk.spec() == wanted
            expect(on_disk.locator("#error")).to_be_hidden()

    def test_refused_values(self, on_disk):
        """A value that cannot be painted on this picture is refused: spec, code and pixels stay as they were."""
        on_disk.set("field-fill", "constant")
        before = on_disk.spec(), on_disk.locator("#spec").text_content(), on_disk.locator("#code").text_content()
        on_disk.set("field-fill_value", "1 2")

        expect(on_disk.locator("#error")).to_contain_text("fill_value must have one number for each")
        expect(on_disk.locator("#field-fill_value")).to_have_attribute("aria-invalid", "true")
        assert (on_disk.spec(), *on_disk.locator("#spec, #code").all_text_contents()) == before
        on_disk.check()

    def test_slow_specs(self, on_disk):
        """Where a picture takes long, the page shows which are to come, and gives them up for what is asked next."""
        spec = json.dumps({"count_range": [60_000, 60_000], "fill": "color", "side_range": [SIZE, SIZE]})
        on_disk.evaluate("fragment => { location.hash = fragment; }", f"size={SIZE}&spec={urllib.parse.quote(spec)}")
        on_disk.until("[1, 2, 3, 4, 5, 6, 7, 8].includes(document.querySelectorAll('#grid [aria-busy=true]').length)")
        assert on_disk.locator("#grid [data-index='0']").get_attribute("aria-busy") == "false"
        on_disk.locator("#reset").click()
        on_disk.settle()

        assert on_disk.spec() == Spec()
        on_disk.check()

    @pytest.mark.parametrize("name", PRESETS)
    def test_presets(self, on_disk, name):
        """A preset's button gives its spec, whose pixels are those of add_dust(); a link leads to its paper."""
        button = on_disk.locator(f"button[data-preset={name}]")
        button.click()
        on_disk.settle()

        assert on_disk.spec() == PRESETS[name]
        assert on_disk.locator("#spec").text_content() == repr(PRESETS[name])
        donors = {"donors": on_disk.download("download-donor")} if name == "cutmix" else {}
        on_disk.check(**donors)


class TestHints:
    """The page says what a control needs, and what a link or a file is good for."""

    def test_boxes_and_their_fields(self, on_disk):
        """Boxes without max_hidden, and max_hidden or per_object without boxes, are said to do nothing."""
        helps = [on_disk.locator(f"#{name}") for name in ("help-max_hidden", "help-per_object", "boxes-help")]
        before = [each.text_content() for each in helps]
        on_disk.set("field-max_hidden", 0.1)
        expect(helps[0]).to_have_text("There is no box, so max_hidden changes nothing: draw one on the picture.")
        on_disk.set("field-per_object", True)
        expect(helps[1]).to_have_text("There is no box, so nothing gets dust: draw one on the picture.")
        on_disk.locator("input[name=tool][value=boxes]").check(force=True)
        on_disk.locator("#boxes-add").click()
        assert [each.text_content() for each in helps[:2]] == before[:2]
        on_disk.locator("#reset").click()
        expect(helps[2]).to_have_text("The boxes change nothing yet: set max_hidden or per_object, under Objects.")

    def test_half_a_pair(self, on_disk):
        """A pair with an empty end is no error while it is typed, but it is when it is left."""
        error = on_disk.locator("#error")
        on_disk.locator("#field-count_range-low").fill("")
        expect(error).to_be_hidden()
        on_disk.locator("#field-count_range-low").fill("9")
        on_disk.settle()
        assert on_disk.spec().count_range == (9, 31)
        on_disk.locator("#field-count_range-high").fill("")
        on_disk.locator("#field-count_range-low").focus()
        expect(error).to_be_hidden()
        on_disk.locator("#seed").focus()
        expect(error).to_have_text(re.compile(r"got \(9, None\)"))
        assert on_disk.spec().count_range == (9, 31)
        on_disk.locator("#field-count_range-high").fill("12")
        on_disk.settle()
        expect(error).to_be_hidden()
        assert on_disk.spec().count_range == (9, 12)

    def test_undo(self, on_disk):
        """A preset that replaces a spec of one's own can be undone, and none that replaces a preset asks for it."""
        on_disk.locator("button[data-preset=cutout]").click()
        on_disk.locator("button[data-preset=grid_mask]").click()
        expect(on_disk.locator("#notice")).to_be_hidden()
        on_disk.set("field-p", 0.5)
        on_disk.locator("button[data-preset=cutout]").click()
        on_disk.locator("#notice button").click()
        on_disk.settle()

        assert on_disk.spec() == PRESETS["grid_mask"].replace(p=0.5)
        expect(on_disk.locator("#notice")).to_be_hidden()

    def test_links(self, explorer):
        """What is copied from a disk or from `dustaug explore` is said to open on this machine only."""
        explorer.locator("#share").click()
        end = ", while its command runs." if explorer.address.startswith("http") else "."

        expect(explorer.locator("#notice")).to_contain_text(f"This link opens on this machine only{end}")
        expect(explorer.locator("#docs")).to_be_hidden()

    def test_last_images(self, on_disk):
        """Where fewer than nine images are left, the mean is said to be of these."""
        on_disk.set("index", 2**63 - 1)

        expect(on_disk.locator("#coverage")).to_contain_text("in the mean of these 8")

    def test_files_of_the_code(self, on_disk):
        """The pictures that the code reads are named above it, where it reads any, with their downloads."""
        picture, donor = (on_disk.locator(f"#download-read-{name}") for name in ("picture", "donor"))
        on_disk.locator("button[data-preset=cutmix]").click()
        on_disk.settle()
        wanted = on_disk.canvas("#original")

        assert np.array_equal(on_disk.download("download-read-picture", "picture.png"), wanted)
        on_disk.check(donors=on_disk.download("download-read-donor"))
        on_disk.locator("button[data-preset=cutout]").click()
        expect(picture).to_be_visible()
        expect(donor).to_be_hidden()
        on_disk.locator("button[data-code=json]").click()
        expect(picture).to_be_hidden()


class TestPicture:
    """Pictures come from files, by drop and by paste, and go without loss."""

    @pytest.mark.parametrize("name", ["coffee", "cat", "guitar"])
    def test_bundled(self, on_disk, name):
        """Three pictures come with the page."""
        on_disk.locator(f"button[data-picture={name}]").click()
        on_disk.settle()

        assert on_disk.state()["picture"] == name
        assert on_disk.canvas("#original").std() > 10
        on_disk.check()

    @pytest.mark.parametrize("way", ["drop", "paste"])
    def test_drop_and_paste(self, on_disk, tmp_path, way):
        """A picture may be dropped or pasted anywhere."""
        pixels = noise(SIZE, SIZE, 3)
        content = base64.b64encode(save(tmp_path / "tom.png", pixels).read_bytes()).decode()
        on_disk.evaluate(
            """([way, content]) => {
              const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
              const transfer = new DataTransfer();
              transfer.items.add(new File([bytes], "tom.png", { type: "image/png" }));
              const options = { bubbles: true, cancelable: true, dataTransfer: transfer, clipboardData: transfer };
              if (way === "paste") document.body.dispatchEvent(new ClipboardEvent("paste", options));
              else for (const kind of ["dragenter", "dragover", "drop"]) {
                document.body.dispatchEvent(new DragEvent(kind, options));
              }
            }""",
            [way, content],
        )
        on_disk.until("dustaugPage.state().picture === 'own'")
        on_disk.settle()

        assert np.array_equal(on_disk.canvas("#original"), pixels)
        on_disk.check()

    def test_other_files(self, on_disk, tmp_path):
        """A file that holds no picture is an error that says what to choose, and what is shown stays."""
        before = on_disk.canvas("#original")
        (tmp_path / "notes.txt").write_text("no picture")
        on_disk.locator("#file").set_input_files(tmp_path / "notes.txt")

        expect(on_disk.locator("#error")).to_be_visible()
        assert "notes.txt" in on_disk.locator("#error").text_content()
        assert np.array_equal(on_disk.canvas("#original"), before)

    def test_long_pictures(self, on_disk, tmp_path):
        """A picture that is longer than a canvas may be is refused, and what is shown stays."""
        before = on_disk.canvas("#original")
        on_disk.locator("#file").set_input_files(save(tmp_path / "tom.png", noise(1, 70_000, 3)))

        expect(on_disk.locator("#error")).to_contain_text("70000 × 1 pixels, and this page reads up to 32767 on a side")
        assert np.array_equal(on_disk.canvas("#original"), before)

    def test_the_later_choice_is_shown(self, on_disk, tmp_path):
        """A file that takes long to read does not replace a picture that was chosen after it."""
        on_disk.evaluate(
            """() => {
              const decode = window.createImageBitmap;
              const released = new Promise((release) => { window.release = release; });
              window.createImageBitmap = async (...terms) => {
                window.createImageBitmap = decode;
                await released;
                return decode(...terms).finally(() => { window.isDecoded = true; });
              };
            }"""
        )
        pixels = noise(SIZE, SIZE, 3)
        on_disk.locator("#file").set_input_files(save(tmp_path / "late.png", 255 - pixels))
        on_disk.load(save(tmp_path / "tom.png", pixels))
        on_disk.evaluate("release()")
        on_disk.until("window.isDecoded")
        on_disk.settle()

        assert np.array_equal(on_disk.canvas("#original"), pixels)

    def test_sizes_that_a_spec_refuses(self, on_disk):
        """A size at which the spec cannot be painted is refused, and the download is what is shown."""
        on_disk.open(size=224, spec='{"kind":"lattice","period_range":[1,1],"p":0.5}')
        shown = on_disk.shown()[0]
        on_disk.set("size", 512)

        expect(on_disk.locator("#error")).to_contain_text("period_range must give an image at most")
        expect(on_disk.locator("#size")).to_have_value("224")
        assert np.array_equal(on_disk.download("download", "dusted-7-0-0.png"), shown)

    def test_orientation_and_transparency(self, on_disk, tmp_path):
        """A picture is turned upright and put on white, as the command line has it."""
        pixels = np.dstack(
            [noise(SIZE, SIZE, 3), np.where(np.arange(SIZE) < 20, 0, 255).repeat(SIZE).reshape(SIZE, -1)]
        )
        exif = Image.Exif()
        exif[0x0112] = 6
        on_disk.load(save(tmp_path / "tom.png", pixels.astype(np.uint8), exif=exif))
        upright = np.rot90(np.where(pixels[..., 3:] == 0, 255, pixels[..., :3]), -1)

        assert np.array_equal(on_disk.canvas("#original"), upright)

    def test_downloads(self, on_disk):
        """Both downloads are PNG files with the very pixels that are shown."""
        on_disk.set("index", 17)

        assert np.array_equal(on_disk.download("download", "dusted-7-0-17.png"), on_disk.shown()[17])
        assert np.array_equal(on_disk.download("download-picture", "picture.png"), on_disk.canvas("#original"))

    def test_given(self, visit, tmp_path):
        """`dustaug explore IMAGE` shows the picture first, with the spec and the coordinates that were typed."""
        pixels, options = noise(224, 224, 3), ["--preset", "grid-mask", "--fill", "noise", "--seed", 7, "--index", 17]
        with exploring(save(tmp_path / "tom.png", pixels), *options, "--epoch", 3) as (process, address):
            place, _, fragment = address.partition("#")
            page = visit(place).open(fragment)

            assert np.array_equal(page.canvas("#original"), pixels)
            assert page.spec() == PRESETS["grid_mask"].replace(fill="noise")
            assert 17 in page.check()
            process.communicate(timeout=60)
        assert process.returncode == 0

    def test_no_other_page_has_it(self, browser):
        """A page of another origin neither loads the script that holds the picture nor frames the page."""
        contents = read_page(folder_of_page(), ("tom.png", Image.new("RGB", (4, 3))))
        with serving(contents) as server:
            other = f"<script src='{server.address}given.js'></script><iframe src='{server.address}'></iframe>"
            evil = {"index.html": contents["index.html"]._replace(body=other.encode())}
            with serving(evil) as others, contextlib.closing(browser.new_context()) as context:
                page = context.new_page()
                failed = []
                page.on("requestfailed", lambda request: failed.append(request.url))
                page.goto(others.address)

                assert page.evaluate("typeof window.dustaugGiven") == "undefined"
                assert server.address + "given.js" in failed
                assert page.frames[1].evaluate("document.querySelector('#file')") is None


class TestTerms:
    """A guide and boxes say where dust lies, and donors with what it is filled."""

    def test_guide(self, on_disk):
        """What the brush paints is the guide of add_dust()."""
        on_disk.locator("input[name=tool][value=guide]").check(force=True)
        on_disk.settle()
        brush = on_disk.locator("#brush")
        brush.scroll_into_view_if_needed()
        where = brush.bounding_box()
        x, y = where["x"] + where["width"] / 4, where["y"] + where["height"] / 3
        on_disk.mouse.move(x, y)
        on_disk.mouse.down()
        on_disk.mouse.move(x + where["width"] / 4, y, steps=5)
        on_disk.mouse.up()
        on_disk.settle()
        guide = guide_of(on_disk.state())

        assert 0 < np.count_nonzero(guide) < guide.size
        assert on_disk.spec().center == "guide"
        on_disk.check(guide=guide)

        on_disk.locator("#brush-clear").click()
        on_disk.settle()
        assert not on_disk.state()["guide"]
        assert on_disk.spec().center == "normal"

    def test_guide_by_keys(self, on_disk):
        """Arrow keys, Space and Backspace paint a guide, too."""
        on_disk.locator("input[name=tool][value=guide]").check(force=True)
        on_disk.locator("#brush").focus()
        for key in ("Space", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowUp", "Space"):
            on_disk.keyboard.press(key)
        on_disk.settle()
        guide = guide_of(on_disk.state())
        on_disk.check(guide=guide)
        on_disk.keyboard.press("Backspace")
        on_disk.settle()

        assert 0 < np.count_nonzero(guide_of(on_disk.state())) < np.count_nonzero(guide)

    def test_own_donor(self, on_disk, tmp_path):
        """The pixels that fill rectangles may be of a file of one's own, until another picture is chosen."""
        pixels = noise(SIZE, SIZE, 3)
        on_disk.locator("button[data-preset=cutmix]").click()
        on_disk.locator("#donor-file").set_input_files(save(tmp_path / "tom.png", pixels))
        on_disk.until("document.querySelector('#donor').value === 'own'")
        on_disk.settle()
        on_disk.check(donors=pixels)
        on_disk.set("donor", "guitar")
        donor = on_disk.download("download-donor")

        assert not np.array_equal(donor, pixels)
        on_disk.check(donors=donor)

    def test_tools_change_during_a_stroke(self, on_disk):
        """Keys may choose another tool while the pointer is down: the stroke ends, and the page goes on."""
        tool = on_disk.locator("input[name=tool][value=guide]")
        tool.check(force=True)
        brush = on_disk.locator("#brush")
        brush.scroll_into_view_if_needed()
        where = brush.bounding_box()
        on_disk.mouse.move(where["x"] + 20, where["y"] + 20)
        on_disk.mouse.down()
        tool.focus()
        on_disk.keyboard.press("ArrowRight")
        on_disk.mouse.move(where["x"] + 60, where["y"] + 60)
        on_disk.mouse.up()
        on_disk.settle()
        assert on_disk.locator("input[name=tool][value=boxes]").is_checked()
        assert on_disk.state()["objects"] == []

        on_disk.set("seed", 5)
        on_disk.check(guide=guide_of(on_disk.state()))

    def test_boxes(self, on_disk):
        """Dust hides no more of a box than max_hidden allows, and the pixels are those of add_dust()."""
        on_disk.locator("input[name=tool][value=boxes]").check(force=True)
        on_disk.locator("#boxes-add").click()
        on_disk.set("field-max_hidden", 0.1)
        boxes = [list(map(int, box)) for box in on_disk.state()["objects"]]

        assert len(boxes) == 1
        assert on_disk.spec().max_hidden == 0.1
        on_disk.check(objects=boxes)

        on_disk.locator("#boxes-clear").click()
        on_disk.settle()
        assert not on_disk.state()["objects"]


def scaled(pixels, height, width):
    """Return the means of the areas that each new pixel covers, halves rounded up, in whole numbers."""

    def overlaps(length, count):
        new, old = np.arange(count)[:, None] * length, np.arange(length) * count
        return np.maximum(np.minimum(new + length, old + count) - np.maximum(new, old), 0)

    rows, columns = pixels.shape[:2]
    sums = np.einsum("yi,ijc,xj->yxc", overlaps(rows, height), pixels.astype(np.int64), overlaps(columns, width))
    return ((2 * sums + rows * columns) // (2 * rows * columns)).astype(np.uint8)


def guide_of(state):
    """Return the guide of a state as add_dust() takes it."""
    guide = state["guide"]
    data = list(guide["data"].values()) if isinstance(guide["data"], dict) else guide["data"]
    return np.array(data, np.uint8).reshape(guide["rows"], guide["columns"])


class TestFrame:
    """Boxes and guide stay on their part of a photograph, whatever frame of it is shown."""

    # Square shows the columns from 30 to 100 of these 130.
    WIDE = noise(70, 130, 3)

    def test_boxes(self, on_disk, tmp_path):
        """A box that is drawn in the square becomes the same part of the whole picture, and is the same again after."""
        on_disk.load(save(tmp_path / "tom.png", self.WIDE))
        on_disk.locator("input[name=tool][value=boxes]").check(force=True)
        on_disk.locator("#boxes-add").click()
        for edge, value in zip(("top", "left", "bottom", "right"), (7, 20, 57, 58), strict=True):
            on_disk.locator(f"#boxes input[aria-label='Box 1, {edge}']").fill(str(value))
        square = on_disk.state()["objects"]
        on_disk.set("crop", False)
        whole = on_disk.state()["objects"]
        on_disk.set("size", 32)
        on_disk.set("size", SIZE)
        again = on_disk.state()["objects"]
        on_disk.set("crop", True)

        assert square == on_disk.state()["objects"] == [[7, 20, 57, 58]]
        # The whole is 34 × 64: 7 * 34 / 64, (30 + 20 * 70 / 64) * 64 / 130, and so on.
        assert whole == again == [[4, 26, 30, 46]]

    def test_guide(self, on_disk, tmp_path):
        """What is painted outside the square is there again in the whole picture, and nothing moves."""
        on_disk.load(save(tmp_path / "tom.png", self.WIDE))
        on_disk.set("crop", False)
        on_disk.locator("input[name=tool][value=guide]").check(force=True)
        on_disk.set("brush-size", 1)
        on_disk.locator("#brush").focus()
        for key in ("Space", *["ArrowLeft"] * 7, "Space", "ArrowUp", "Space"):
            on_disk.keyboard.press(key)
        on_disk.settle()
        whole = guide_of(on_disk.state())
        squares = []
        for _ in range(3):
            on_disk.set("crop", True)
            squares.append(guide_of(on_disk.state()))
            on_disk.set("crop", False)
            assert np.array_equal(guide_of(on_disk.state()), whole)

        assert np.count_nonzero(whole) == 3
        assert all(np.array_equal(square, squares[0]) for square in squares)
        # Of the three, the square shows the one in the middle, in smaller cells.
        assert np.argwhere(squares[0]).tolist() == [[6, 7], [6, 8], [7, 7], [7, 8]]


class TestCode:
    """The code to copy paints what the page shows."""

    IDS = ("numpy", "albumentations", "torchvision", "torch", "tensorflow", "keras", "json")

    def copied(self, page, name):
        """Return what the button copies under a tab."""
        page.locator(f"button[role=tab][data-code={name}]").click()
        page.locator("#copy").click()
        return page.evaluate("navigator.clipboard.readText()")

    def test_copied(self, on_disk):
        """What each button copies is what snippets.js says under Node."""
        on_disk.locator("button[data-preset=hide_and_seek]").click()
        on_disk.set("index", 17)
        state = on_disk.state()
        program = """
          const { snippets } = require(process.argv[1]);
          const given = JSON.parse(process.argv[2]);
          console.log(JSON.stringify(snippets(given).map(({ id, code }) => [id, code])));
        """
        given = {**state, "size": [SIZE, SIZE], "title": "Hide-and-Seek"}
        command = [find_node(), "-e", program, PAGE.with_name("snippets.js"), json.dumps(given)]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        wanted = dict(json.loads(done.stdout))

        assert tuple(wanted) == self.IDS
        for name, code in wanted.items():
            assert self.copied(on_disk, name) == code
            assert on_disk.locator("#code").text_content() == code

    def test_numpy(self, on_disk, tmp_path):
        """The code for NumPy, copied and run on the picture that the page gives, paints what the page shows."""
        on_disk.locator("button[data-preset=random_erasing]").click()
        on_disk.set("seed", 7)
        on_disk.set("epoch", 3)
        on_disk.set("index", 17)
        save(tmp_path / "picture.png", on_disk.download("download-picture", "picture.png"))
        code = self.copied(on_disk, "numpy")
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)

        with Image.open(tmp_path / "dusted.png") as image:
            assert np.array_equal(np.array(image), on_disk.shown()[17])

    def test_json(self, on_disk):
        """The JSON has the spec and its coordinates."""
        on_disk.set("field-count_range-low", 3)
        on_disk.set("seed", 2**64 - 1)
        found = json.loads(self.copied(on_disk, "json"))

        assert Spec.from_dict(found["spec"]) == dust(count_range=(3, 31)) == on_disk.spec()
        assert int(found["seed"]) == 2**64 - 1


class TestState:
    """The address has all that is shown, but for a picture of one's own."""

    def test_shared(self, on_disk, visit):
        """A link that was copied shows the same in another browser."""
        on_disk.locator("button[data-picture=cat]").click()
        on_disk.locator("button[data-preset=sprinkles]").click()
        on_disk.set("field-fill", "noise")
        on_disk.set("seed", 2**63 + 1)
        on_disk.set("epoch", 3)
        on_disk.set("index", 17)
        on_disk.locator("input[name=tool][value=boxes]").check(force=True)
        on_disk.locator("#boxes-add").click()
        on_disk.locator("input[name=tool][value=guide]").check(force=True)
        on_disk.locator("#brush").press("Space")
        on_disk.locator("button[role=tab][data-code=torch]").click()
        on_disk.locator("#share").click()
        link = on_disk.evaluate("navigator.clipboard.readText()")
        other = visit().open(link.partition("#")[2])

        assert link.partition("#")[0] == PAGE.as_uri()
        assert other.state() == on_disk.state()
        assert guide_of(other.state()).any()
        assert len(other.state()["objects"]) == 1
        assert np.array_equal(other.canvas("#original"), on_disk.canvas("#original"))
        mine, theirs = on_disk.shown(), other.shown()
        assert list(mine) == list(theirs)
        assert all(np.array_equal(mine[index], theirs[index]) for index in mine)

    def test_it_makes_no_history(self, on_disk):
        """Sliders fill no history."""
        before = on_disk.evaluate("history.length")
        for seed in range(5):
            on_disk.set("seed", seed)

        on_disk.until("location.hash.includes('seed=4&')")
        assert on_disk.evaluate("history.length") == before

    def test_broken_links(self, on_disk):
        """A broken link shows a picture under dust all the same, and says what is broken."""
        on_disk.open("spec=%7B")
        on_disk.check()
        for fragment in BROKEN:
            on_disk.evaluate("fragment => { location.hash = fragment; }", fragment)
            on_disk.settle()
            expect(on_disk.locator("#error")).to_be_visible()
            assert "This link is broken: " in on_disk.locator("#error").text_content()
            on_disk.check()
        on_disk.set("seed", 5)
        on_disk.check()
        expect(on_disk.locator("#error")).to_be_hidden()

    def test_links_to_what_cannot_be_painted(self, on_disk):
        """A link whose spec is one, but none for pictures of bytes at this size, is broken, too."""
        for spec in UNPAINTABLE:
            on_disk.evaluate("fragment => { location.hash = fragment; }", f"seed=6&spec={json.dumps(spec)}")
            on_disk.until("document.querySelector('#error').textContent.startsWith('This link is broken: ')")
            on_disk.settle()
            assert on_disk.spec() == Spec()
            assert "seed=7," in on_disk.locator("#code").text_content()
            on_disk.evaluate("location.hash = 'seed=5'")
            on_disk.until("document.querySelector('#error').hidden")
        on_disk.open(f"size={SIZE}&spec={json.dumps(UNPAINTABLE[0])}")
        on_disk.check()

    def test_long_links(self, on_disk):
        """What a message quotes of a link is cut off, and levels without end do not use up the stack."""
        for fragment in ("q" * 3000 + "=1", f'spec={{"{"q" * 20_000}":1}}', f'spec={{"p":{"[" * 3000}{"]" * 3000}}}'):
            on_disk.evaluate("fragment => { location.hash = fragment; }", fragment)
            on_disk.settle()
            text = on_disk.locator("#error").text_content()
            assert text.startswith("This link is broken: ")
            assert len(text) < 700
            assert "stack" not in text

    def test_links_replace_what_is_typed(self, on_disk):
        """A link takes the place of values that were refused before, in fields and coordinates."""
        on_disk.locator("#field-p").fill("zz")
        on_disk.locator("#seed").fill("zz")
        assert on_disk.locator("[aria-invalid]").count() == 2
        on_disk.evaluate("size => { location.hash = `seed=13&size=${size}`; }", SIZE)
        on_disk.until("dustaugPage.state().seed === '13'")
        on_disk.set("field-count_range-high", 5)

        assert on_disk.spec().count_range[1] == 5
        assert on_disk.locator("[aria-invalid]").count() == 0
        expect(on_disk.locator("#field-p")).to_have_value("1")
        expect(on_disk.locator("#error")).to_be_hidden()

    def test_unknown_tabs(self, on_disk):
        """A link to code that the page does not have shows the first tab."""
        on_disk.open("code=cobol")

        expect(on_disk.locator("button[data-code=numpy]")).to_have_attribute("aria-selected", "true")

    def test_errors_of_the_contract(self, on_disk):
        """A spec that Python refuses is refused in Python's words, and what was shown stays."""
        on_disk.open(f"size={SIZE}&spec=" + urllib.parse.quote('{"count_range":[9,3]}'))
        with pytest.raises(ValueError, match="count_range") as caught:
            Spec(count_range=(9, 3))

        expect(on_disk.locator("#error")).to_be_visible()
        assert str(caught.value) in on_disk.locator("#error").text_content()


class TestUse:
    """The page can be used by keyboard, on phones and desktops, in light and dark."""

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("screen", SCREENS)
    def test_screens(self, visit, tmp_path, screen, scheme):
        """Nothing is wider than the screen, and axe-core finds nothing serious."""
        width, height = SCREENS[screen]
        page = visit(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            has_touch=screen != "desktop",
            is_mobile=screen != "desktop",
        ).open()
        page.screenshot(path=tmp_path / f"{screen}-{scheme}.png", full_page=True)
        # Its preloading would ask for the style sheet again, which the page forbids.
        found = Axe().run(page.page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
        serious = [
            (fault["id"], [part["target"] for part in fault["nodes"]])
            for fault in found
            if fault["impact"] in ("serious", "critical")
        ]

        assert serious == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        background = page.locator("body").evaluate("it => getComputedStyle(it).backgroundColor")
        is_dark = sum(map(int, re.findall(r"\d+", background)[:3])) < 3 * 128
        assert is_dark == (scheme == "dark")

    def test_keyboard(self, on_disk):
        """Without a pointer, one chooses a preset, an image of the nine, a seed, and a tab of the code."""
        reached = []
        for _ in range(200):
            on_disk.keyboard.press("Tab")
            name = on_disk.evaluate(
                "() => { const it = document.activeElement; return it.id || it.dataset.preset || it.dataset.index "
                "|| it.dataset.picture || it.dataset.code || it.tagName; }"
            )
            if name == "BODY":
                break
            reached.append(name)
        wanted = {"seed", "epoch", "index", "file", "size", "crop", "copy", "share", "download", "download-picture"}

        assert wanted <= set(reached)
        on_disk.locator("button[data-preset=cutout]").focus()
        on_disk.keyboard.press("Enter")
        on_disk.settle()
        assert on_disk.spec() == PRESETS["cutout"]
        on_disk.locator("#seed").focus()
        on_disk.keyboard.press("ArrowUp")
        on_disk.settle()
        assert int(on_disk.state()["seed"]) == 8
        on_disk.check()

    def test_choosing_one_of_nine(self, on_disk):
        """A click on one of the nine pictures, or Enter, makes it the index."""
        canvases = on_disk.locator("#grid canvas.dusted")
        canvases.nth(4).click()
        on_disk.settle()
        assert int(on_disk.state()["index"]) == 4
        canvases.nth(4).focus()
        on_disk.keyboard.press("ArrowRight")
        on_disk.keyboard.press("Enter")
        on_disk.settle()
        assert int(on_disk.state()["index"]) == 5

    def test_coverage(self, on_disk):
        """The read-out says how much is hidden of the image that is shown, and of the nine in the mean."""
        on_disk.locator("button[data-preset=grid_mask]").click()
        on_disk.settle()

        assert re.search(r"\d+\.?\d* ?%", on_disk.locator("#coverage").text_content())


def test_benchmark(run_python):
    """The benchmark measures all presets in both engines, and names no preset that it left out."""
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); from benchmarks.explore import main; main(sys.argv[1:])"
    table = run_python(program, PAGE.parents[2], "--side", 32, "--rounds", 2)

    assert re.search(r"\| Preset +\| +Chromium [\d.]+ \| +Node [\d.]+ \|", table)
    assert re.findall(r"^\| (\w+) +\| +[\d.]+ \(", table, re.MULTILINE) == list(PRESETS)


class TestLooks:
    """Pictures of any shape, numbers of any length, the reader's own colours and paper leave nothing out."""

    @pytest.mark.parametrize("screen", SCREENS)
    @pytest.mark.parametrize("shape", [(4000, 2), (400, 40), (2, 4000)])
    def test_strips(self, visit, tmp_path, screen, shape):
        """A strip fits into the window, keeps its proportions, and lies under all of the overlay."""
        width, height = SCREENS[screen]
        page = visit(viewport={"width": width, "height": height}).open(size=SIZE, crop=0)
        page.load(save(tmp_path / "tom.png", noise(*shape, 3)))
        for enlarged in (False, True):
            original, brush = (page.locator(name).bounding_box() for name in ("#original", "#brush"))
            rows, columns = page.canvas("#original").shape[:2]

            assert original == brush
            assert original["height"] <= height
            assert original["width"] / original["height"] == pytest.approx(columns / rows, rel=0.02)
            figures = page.locator("#grid figure:visible")
            boxes = [figure.bounding_box() for figure in figures.all()]
            assert len(boxes) == (1 if enlarged else 9)
            assert all(box["height"] < height and box["width"] > 60 for box in boxes)
            for canvas in figures.locator("canvas").all():
                box = canvas.bounding_box()
                assert min(box["height"], box["width"]) >= 14
                assert canvas.evaluate("it => getComputedStyle(it).objectFit") == "contain"
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.locator("#enlarge").click()

    def test_box_on_a_strip(self, visit, tmp_path):
        """A box drawn on a strip with the pointer has the pixels that the pointer passed."""
        page = visit(viewport={"width": 1440, "height": 900}).open(size=SIZE, crop=0)
        page.load(save(tmp_path / "tom.png", noise(640, 160, 3)))
        page.locator("input[name=tool][value=boxes]").check(force=True)
        page.evaluate("scrollTo(0, 0)")
        box = page.locator("#brush").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 8)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.up()
        page.settle()

        assert page.state()["objects"] == [[8, 4, 32, 8]]

    @pytest.mark.parametrize("screen", SCREENS)
    def test_long_numbers(self, visit, screen):
        """Under each picture, the share stands in one line, apart from an index of 19 digits."""
        width, height = SCREENS[screen]
        page = visit(viewport={"width": width, "height": height}).open(size=SIZE, index=2**63 - 7)
        captions = page.locator("#grid figcaption:visible").all()

        assert len(captions) == 8
        for caption in captions:
            number, share = (span.bounding_box() for span in caption.locator("span").all())
            assert number["x"] + number["width"] + 6 <= share["x"]
            assert number["height"] == share["height"] < 20
            assert share["x"] + share["width"] <= caption.bounding_box()["x"] + caption.bounding_box()["width"]

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_forced_colors(self, visit, scheme):
        """In the reader's own colours, what is on or chosen has the colour for that, and other controls do not."""
        page = visit(viewport={"width": 1440, "height": 1800}, forced_colors="active", color_scheme=scheme).open(
            size=SIZE
        )
        page.locator("button[data-preset=cutout]").click()
        page.settle()
        color = page.evaluate(
            """() => {
              const it = document.body.appendChild(document.createElement("i"));
              it.style.cssText = "forced-color-adjust: none; color: Highlight";
              return getComputedStyle(it).color;
            }"""
        )
        highlight = [int(part) for part in re.findall(r"\d+", color)[:3]]

        def share_of_highlight(name):
            box = page.locator(name).first.bounding_box()
            clip = {"x": box["x"] - 3, "y": box["y"] - 3, "width": box["width"] + 6, "height": box["height"] + 6}
            with Image.open(io.BytesIO(page.screenshot(clip=clip))) as image:
                # What is translucent shows somewhat of the paper.
                return (abs(np.array(image.convert("RGB")).astype(int) - highlight).max(axis=-1) < 80).mean()

        for chosen, other in [
            (".preset.chosen", ".preset:not(.chosen)"),
            (".source[aria-pressed=true]", ".source[aria-pressed=false]"),
            ("figure.chosen", "figure:not(.chosen):nth-child(3)"),
            ("#crop", "#field-keep"),
            (".segments input:checked + span", ".segments input:not(:checked) + span"),
            ("[data-field=p] .track", "[data-field=max_hidden] .track"),
        ]:
            assert share_of_highlight(chosen) > share_of_highlight(other) + 0.01, chosen
        # A track can be seen where nothing of it is chosen.
        track = page.locator("[data-field=max_hidden] .track")
        with Image.open(io.BytesIO(track.screenshot())) as image:
            columns = np.array(image.convert("L")).std(axis=0)
        assert (columns[30:-10] > 0).all()

    def test_paper(self, visit):
        """Paper shows the original, the nine, the whole spec and the whole code, in light colours, and no control."""
        spec = {"count_range": [3, 9], "half_height_range": [2, 30], "half_width_range": [2, 30], "fill": "noise"}
        spec |= {"p": 0.7, "center": "uniform", "spare_last": False, "max_hidden": 0.5, "per_object": True}
        page = visit(viewport={"width": 688, "height": 1016}, color_scheme="dark").open(
            size=SIZE, spec=json.dumps(spec)
        )
        page.emulate_media(media="print", color_scheme="dark")

        for name in ("#original", "#spec", "#code", "#coverage"):
            expect(page.locator(name)).to_be_visible()
        assert page.locator("#grid canvas:visible").count() == 9
        assert page.locator("button:visible").all_text_contents() == ["NumPy"]
        assert page.locator("select:visible, [type=range]:visible, [type=checkbox]:visible").count() == 0
        for name in ("html", ".spec", "#spec", ".code pre"):
            assert page.locator(name).evaluate(
                "it => it.scrollWidth <= Math.ceil(it.offsetWidth) && it.scrollHeight <= Math.ceil(it.offsetHeight)"
            ), name
        assert page.locator(".nine").bounding_box()["height"] < 800
        assert page.locator("body").evaluate("it => getComputedStyle(it).backgroundColor") == "rgb(255, 255, 255)"
