"""The code that the page shows to copy: each program runs, and paints the pixels of `add_dust` in its framework."""

import ast
import importlib
import json
import subprocess
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

import dustaug
from conftest import missing_framework
from dustaug import Spec, add_dust
from javascript import EXPLORE, Script

TABS = ("numpy", "albumentations", "torchvision", "torch", "tensorflow", "keras", "json")
HERE = [tab for tab in TABS if tab != "json" and not missing_framework(tab)]
# A transform of one picture and a layer have no donors.
WITHOUT_DONORS = ("albumentations", "keras")


class Case(NamedTuple):
    """What the page shows: a spec, and what belongs to its picture."""

    spec: Spec
    guide: Any = None
    objects: Any = None
    size: tuple[int, int] = (48, 64)


# Pixels and programs depend on the size of these numbers: beyond doubles, beyond 32 bits, and the last of each.
KEYS = (
    (7, 3, 17),
    (2**63, 1, 2**53 + 1),
    (2**64 - 1, 2**32 - 1, 2**63 - 1),
    (2**53 + 1, 0, 0),
    (0, 2**31, 2**31),
    (12345, 4, 2**63 - 2),
)
RAMP = np.add.outer(np.arange(14), np.arange(14)).astype(np.uint8)
GUIDES = {
    "digits": RAMP % 5,
    "mask": np.kron(np.eye(2, dtype=np.uint8), np.full((7, 7), 255, np.uint8)),
    "ones": np.tri(9, 12, dtype=np.uint8),
    "hexadecimal": RAMP * 9,
    "wide": np.arange(300, dtype=np.int64).reshape(3, 100).astype(np.uint8),
    "empty": np.zeros((3, 4), np.uint8),
}
BOXES = [[2, 3, 30, 40], [20, 10, 60, 64], [-5, -5, 9, 9]]
MANY_BOXES = [[10 + i, 10 * i, 20 + i, 100 + i] for i in range(8)]

CASES = {
    "dust": Case(dustaug.dust()),
    "dust-count": Case(dustaug.dust(count_range=(8, 31))),
    "dust-relative": Case(dustaug.dust(relative=True), size=(160, 96)),
    "dust-relative-p": Case(dustaug.dust(relative=True, p=0.9)),
    "dust-p": Case(dustaug.dust(p=0.75)),
    "dust-noise": Case(dustaug.dust(fill="noise", fill_range=(10, 200))),
    "cutout": Case(dustaug.cutout(16)),
    "cutout-224": Case(dustaug.cutout(56, fill_value=127.5), size=(224, 224)),
    "cutout-inside": Case(dustaug.cutout(15, inside=True)),
    "cutout-two": Case(dustaug.cutout(21, fill="mean", count_range=(2, 3))),
    "random_erasing": Case(dustaug.random_erasing()),
    "random_erasing-scale": Case(dustaug.random_erasing(scale=(0.02, 0.33), p=1)),
    "random_erasing-ratio": Case(dustaug.random_erasing(ratio=(0.5, 2), fill="color")),
    "hide_and_seek": Case(dustaug.hide_and_seek(), size=(96, 128)),
    "hide_and_seek-sides": Case(dustaug.hide_and_seek((16,), 0.3)),
    "grid_mask": Case(dustaug.grid_mask(), size=(224, 160)),
    "grid_mask-lines": Case(dustaug.grid_mask((8, 16), lattice_hides="lines")),
    "patch_drop": Case(dustaug.patch_drop(0.5)),
    "patch_drop-grid": Case(dustaug.patch_drop(0.25, 7)),
    "patch_drop-odd": Case(dustaug.patch_drop(0.123)),
    "sprinkles": Case(dustaug.sprinkles()),
    "sprinkles-p": Case(dustaug.sprinkles(p=1, fill="noise")),
    "cutmix": Case(dustaug.cutmix()),
    "cutmix-alpha": Case(dustaug.cutmix(0.5)),
    "donors-cells": Case(dustaug.patch_drop(0.5, 7, fill="donors", keep=True)),
    "donors-guide": Case(dustaug.dust(center="guide", max_hidden=0.9, fill="donors"), GUIDES["digits"], BOXES),
    "sides": Case(Spec(count_range=(1, 3), center="uniform", side_range=(5, 20), fill="color", p=0.999)),
    "fractions": Case(Spec(height_fraction_range=(0.05, 0.3), width_fraction_range=(0.1, 0.15), spare_last=False)),
    "one-fraction": Case(Spec(height_fraction_range=(0.1, 0.3), center="inside", count_range=(1, 9), fill="mean")),
    "half-sizes": Case(Spec(half_height_range=(1, 20), half_width_range=(2, 9), center_mean=(0.25, 0.75))),
    "constant-color": Case(Spec(fill="constant", fill_value=(1, 2.5, 254.999), center_std=(1e-07, 0.5), p=0.99)),
    "keep": Case(Spec(count_range=(3, 32), keep=True, fill="noise", center="uniform", side_range=(8, 24))),
    "grid": Case(Spec(kind="grid", grid_shape=(5, 9), count_range=(10, 20), fill="grey", fill_range=(100, 101))),
    "grid-p": Case(Spec(kind="grid", cell_sides=(0, 7, 16, 9, 31, 8, 10, 11), cell_p=0.4, fill="color")),
    "lattice": Case(Spec(kind="lattice", period_range=(9, 30), kept_share=0.25, lattice_hides="lines", fill="mean")),
    "area-beta": Case(Spec(count_range=(1, 2), area_beta=0.25, center="uniform", fill="constant", fill_value=200)),
    "guide": Case(dustaug.dust(center="guide"), GUIDES["digits"]),
    "guide-mask": Case(dustaug.cutout(9, center="guide", count_range=(4, 9)), GUIDES["mask"]),
    "guide-ones": Case(dustaug.random_erasing(center="guide", p=1), GUIDES["ones"]),
    "guide-hexadecimal": Case(Spec(center="guide", count_range=(9, 9), side_range=(2, 9)), GUIDES["hexadecimal"]),
    "guide-wide": Case(dustaug.dust(center="guide", fill="noise"), GUIDES["wide"], size=(64, 100)),
    "guide-empty": Case(dustaug.dust(center="guide"), GUIDES["empty"]),
    "max_hidden": Case(dustaug.dust(max_hidden=0.1, count_range=(31, 31)), None, BOXES),
    "max_hidden-none": Case(dustaug.dust(max_hidden=0.1), None, []),
    "per_object": Case(dustaug.random_erasing(p=1, per_object=True), None, BOXES),
    "per_object-many": Case(dustaug.cutout(8, per_object=True), None, MANY_BOXES),
    "guide-and-objects": Case(dustaug.dust(center="guide", max_hidden=0.4), GUIDES["mask"], BOXES),
}
KEY_OF = {name: KEYS[i % len(KEYS)] for i, name in enumerate(CASES)}
PAINTED = [
    (tab, name) for tab in HERE for name in CASES if CASES[name].spec.fill != "donors" or tab not in WITHOUT_DONORS
]


@pytest.fixture(scope="module")
def script():
    running = Script("snippets.js")
    yield running
    running.close()


def arguments_of(name, **changes):
    """Return what the page passes to `snippets` for a case; numbers beyond 2**53 go as BigInts."""
    case, (seed, epoch, index) = CASES[name], KEY_OF[name]
    guide = case.guide
    if guide is not None:
        rows, columns = guide.shape
        guide = {"data": guide.ravel().tolist(), "rows": rows, "columns": columns}
    return {
        "spec": case.spec.to_dict(),
        "seed": seed,
        "epoch": epoch,
        "index": index,
        "size": case.size,
        "guide": guide,
        "objects": case.objects,
        **changes,
    }


@pytest.fixture(scope="module")
def snippets(script):
    """Return the tabs of all cases: for each case a dict of snippets by their ids."""
    return {name: {tab["id"]: tab for tab in script.call("snippets", arguments_of(name))} for name in CASES}


def pictures_of(name):
    """Return the picture of a case, and its donor."""
    height, width = CASES[name].size
    pixels = np.arange(2 * height * width * 3, dtype=np.int64) ** 3 >> 20
    return pixels.astype(np.uint8).reshape(2, height, width, 3)


def expected_of(name):
    """Return what `add_dust` paints for a case."""
    (spec, guide, objects, _), (seed, epoch, index) = CASES[name], KEY_OF[name]
    picture, donor = pictures_of(name)
    terms = {"guide": guide, "objects": objects, "donors": donor if spec.fill == "donors" else None}
    return add_dust(picture, spec, seed=seed, epoch=epoch, index=index, **terms)


# Keras asks its tensors for arrays in a way that NumPy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
@pytest.mark.parametrize(("tab", "name"), PAINTED)
def test_programs_paint_what_add_dust_paints(tab, name, snippets, tmp_path, monkeypatch):
    """A program reads the picture, and leaves and saves the pixels of `add_dust`, through its framework."""
    monkeypatch.chdir(tmp_path)
    for file, picture in zip(("picture.png", "donor.png"), pictures_of(name), strict=True):
        Image.fromarray(picture).save(file, compress_level=1)
    names = {"__name__": "__main__"}
    exec(compile(snippets[name][tab]["code"], "snippet.py", "exec"), names)  # noqa: S102
    expected = expected_of(name)

    assert names["dusted"].dtype == np.uint8
    assert np.array_equal(names["dusted"], expected)
    assert np.array_equal(np.array(Image.open("dusted.png")), expected)


def test_cases_have_dust():
    """All pictures but that of the empty guide change, so that equal pixels prove something."""
    unchanged = [name for name in CASES if np.array_equal(expected_of(name), pictures_of(name)[0])]

    assert unchanged == ["guide-empty"]


def test_tabs_come_in_order(snippets):
    """Every case has all tabs, with code, a note or both."""
    for tabs in snippets.values():
        assert tuple(tabs) == TABS
        assert all(tab["code"] or tab["note"] for tab in tabs.values())
        assert all(tab["note"] is None or tab["note"].endswith(".") for tab in tabs.values())


def test_refusals_say_what_to_use(snippets):
    """Where a framework has no donors, there is no code but a note; everything else has code."""
    for name, tabs in snippets.items():
        without = [tab for tab in TABS if tabs[tab]["code"] is None]

        assert without == (list(WITHOUT_DONORS) if CASES[name].spec.fill == "donors" else [])
    assert "dustaug.add_dust(images, spec, donors=…)" in snippets["cutmix"]["albumentations"]["note"]
    assert "make_dust_fn of dustaug.tensorflow with a donors_key" in snippets["cutmix"]["keras"]["note"]


def test_notes_say_where_a_program_ends(script, snippets):
    """A note tells of the limit of JAX, torchvision's seeds, how JSON is read, and which picture donor.png is."""
    below, above = (
        {tab["id"]: tab["note"] for tab in script.call("snippets", arguments_of("cutout", index=index))}
        for index in (2**31 - 1, 2**31)
    )
    donors = [tab["note"] for tab in snippets["cutmix"].values() if tab["code"] is not None and tab["id"] != "json"]

    assert [tab for tab in TABS if below[tab] is not None] == ["torchvision", "json"]
    assert below["torchvision"].startswith("DustRectangles of dustaug.torchvision draws its seeds from torch's ")
    assert below["json"] == 'In Python, dustaug.Spec.from_dict(json.loads(text)["spec"]) is the spec.'
    assert above == below | {"keras": "On the backend JAX an index must be below 2**31."}
    assert all("donor.png is another picture of the same size" in note for note in donors)
    assert snippets["cutmix"]["torch"]["note"].startswith("A DustDataset has no donors, so dust the tensors.")


@pytest.mark.parametrize("tab", HERE)
def test_refusals_are_those_of_the_adapters(tab, snippets):
    """There is no code with donors where an adapter refuses them."""
    assert (snippets["cutmix"][tab]["code"] is None) == (tab in WITHOUT_DONORS)
    if tab in WITHOUT_DONORS:
        with pytest.raises(ValueError, match='another fill than "donors" in DustRectangles'):
            importlib.import_module(f"dustaug.{tab}").DustRectangles(dustaug.cutmix())


NORMALIZED = dustaug.dust(normalize_mean=(0.5,), normalize_std=(0.5,)).to_dict()


@pytest.mark.parametrize(
    ("name", "changes", "note"),
    [
        ("guide", {"guide": None}, 'With center="guide" a guide says where dust lies: paint one on the picture first.'),
        ("max_hidden", {"objects": None}, "With max_hidden boxes say where the objects are: add one to the picture "),
        ("per_object", {"objects": None}, "With per_object boxes say where the objects are: add one to the picture "),
        ("dust", {"spec": NORMALIZED}, "normalize_mean and normalize_std are for pictures of floats: leave them out "),
    ],
)
def test_what_is_missing_is_said(script, name, changes, note):
    """Without a guide or boxes that a spec takes, and for a spec of floats, there is no code but what to do."""
    *programs, last = script.call("snippets", arguments_of(name, **changes))

    assert len(programs) == 6
    assert all(tab["code"] is None and tab["note"].startswith(note) for tab in programs)
    assert json.loads(last["code"])["seed"] == KEY_OF[name][0]


@pytest.mark.parametrize("name", CASES)
def test_json_is_the_spec_and_the_key(name, snippets):
    """The JSON holds what changed of a spec, all digits of seed, epoch and index, the guide and the boxes."""
    found = json.loads(snippets[name]["json"]["code"])
    case = CASES[name]

    assert Spec.from_dict(found["spec"]) == case.spec
    assert len(found["spec"]) == repr(case.spec).count("=")
    assert (found["seed"], found["epoch"], found["index"]) == KEY_OF[name]
    assert found.get("guide") == (None if case.guide is None else case.guide.tolist())
    assert found.get("objects") == case.objects


SAID = [
    ("dust", "dustaug.add_dust(picture, seed=7"),
    ("dust-count", "dustaug.dust(count_range=(8, 31))"),
    ("dust-relative", "dustaug.dust(relative=True)"),
    ("dust-relative-p", "dustaug.dust(relative=True, p=0.9)"),
    ("cutout", "dustaug.cutout(16)"),
    ("cutout-224", "dustaug.cutout(56, fill_value=127.5)"),
    ("cutout-inside", "dustaug.cutout(15, inside=True)"),
    ("cutout-two", 'dustaug.cutout(21, count_range=(2, 3), fill="mean")'),
    ("random_erasing", "dustaug.random_erasing()"),
    ("random_erasing-scale", "dustaug.random_erasing(p=1, scale=(0.02, 0.33))"),
    ("random_erasing-ratio", 'dustaug.random_erasing(ratio=(0.5, 2), fill="color")'),
    ("hide_and_seek", "dustaug.hide_and_seek()"),
    ("hide_and_seek-sides", "dustaug.hide_and_seek(cell_sides=(16,), cell_p=0.3)"),
    ("grid_mask", "dustaug.grid_mask()"),
    ("grid_mask-lines", 'dustaug.grid_mask(period_range=(8, 16), lattice_hides="lines")'),
    ("patch_drop", "dustaug.patch_drop(0.5)"),
    ("patch_drop-grid", "dustaug.patch_drop(0.25, 7)"),
    ("patch_drop-odd", "dustaug.patch_drop(0.123)"),
    ("sprinkles", "dustaug.sprinkles()"),
    ("sprinkles-p", 'dustaug.sprinkles(p=1, fill="noise")'),
    ("cutmix", "dustaug.cutmix()"),
    ("cutmix-alpha", "dustaug.cutmix(alpha=0.5)"),
    ("area-beta", "dustaug.Spec(\n"),
    ("guide", 'dustaug.dust(center="guide")'),
    ("per_object-many", "dustaug.cutout(8, per_object=True)"),
]


@pytest.mark.parametrize(("name", "said"), SAID)
def test_specs_are_said_by_their_preset(name, said, snippets):
    """A preset is called by its name, also with up to two changes."""
    assert said in snippets[name]["numpy"]["code"]


def test_fields_stand_in_transforms_and_layers(snippets):
    """What takes the fields of a spec gets them, and a preset as a spec."""
    assert "DustRectangles(\n    count_range=(8, 31), seed=" in snippets["dust-count"]["albumentations"]["code"]
    assert "DustRectangles(dustaug.cutout(16), seed=" in snippets["cutout"]["albumentations"]["code"]
    assert "    half_height_range=(1, 20),\n    half_width_range=(2, 9),\n" in snippets["half-sizes"]["keras"]["code"]
    # With a seed, Albumentations' own p must be left out.
    assert "dustaug.dust(p=0.75)" in snippets["dust-p"]["albumentations"]["code"]
    assert "DustRectangles(\n    p=0.75, seed=" in snippets["dust-p"]["keras"]["code"]


@pytest.mark.parametrize("title", ["Cutout", "many words " * 30, "one\nimport os\r\nos\x85os\u2028os", "w" * 300])
def test_titles_are_comments(title, script, snippets):
    """A title of any characters stands above a program, which it does not change."""
    *programs, last = script.call("snippets", arguments_of("cutout", title=title))
    for tab in programs:
        bare = snippets["cutout"][tab["id"]]["code"]
        comment = tab["code"].removesuffix(bare)

        assert ast.dump(ast.parse(tab["code"])) == ast.dump(ast.parse(bare))
        assert all(line.startswith("# ") and len(line) <= 88 for line in comment.splitlines())
        assert title.split()[0][:86] in comment
    assert last == snippets["cutout"]["json"]


# Files that a page loads one after another, where there is no `require`.
PAGE = """
const fs = require("node:fs"), vm = require("node:vm");
const page = vm.createContext({});
for (const file of FILES) vm.runInContext(fs.readFileSync(file, "utf8"), page);
exports.snippets = (given) => vm.runInContext("(given) => dustaugSnippets.snippets(given)", page)(given);
"""


def test_a_page_has_the_same_code(snippets, tmp_path):
    """Without `require` there is a global, which needs that of dustaug.js alone."""
    files = json.dumps([str(EXPLORE / name) for name in ("dustaug.js", "snippets.js")])
    (tmp_path / "page.js").write_text(PAGE.replace("FILES", files), "utf-8")
    page = Script(tmp_path / "page.js")
    for name in ("cutout-224", "guide-and-objects"):
        assert page.call("snippets", arguments_of(name)) == list(snippets[name].values())
    page.close()


def test_numbers_may_be_strings_and_what_a_spec_does_not_take_is_ignored(script):
    """A page reads its numbers from text, and may hold a guide and boxes that the spec does not take."""
    key, guide = {"seed": 2**64 - 1, "epoch": 0, "index": 2**63 - 1}, {"data": [1, 2], "rows": 1, "columns": 2}
    expected = script.call("snippets", {"spec": dustaug.cutout(16).to_dict(), **key})
    texts = {name: str(number) for name, number in key.items()}
    given = {"spec": dustaug.cutout(16).to_dict(), **texts, "guide": guide, "objects": BOXES}

    assert script.call("snippets", given) == expected


def test_programs_are_formatted(snippets, tmp_path):
    """Ruff would change nothing: its format with 88 characters, unused names, and the order of imports."""
    for name, tabs in snippets.items():
        for tab in TABS[:-1]:
            if tabs[tab]["code"] is not None:
                (tmp_path / f"{name}_{tab}.py").write_text(tabs[tab]["code"], "utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["format", "--diff"], ["check", "--select", "E,F,W,I,B", "--line-length", "88"]):
        finished = subprocess.run(
            [*ruff, *command, "--isolated", "--no-cache", "."],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

        assert finished.returncode == 0, finished.stdout + finished.stderr
