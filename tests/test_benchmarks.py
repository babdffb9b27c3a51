"""The benchmarks compare like with like."""

import importlib
import itertools
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyperf
import pytest

import dustaug
from benchmarks import __main__, builds, checks, fills, glance, guided, kinds, peers, python_x, sizes
from benchmarks.checks import Refused, check
from benchmarks.post import post_loop, vectorised_numpy
from benchmarks.report import Section, Settings, Table, Target, losses, markdown, plain, put_between, suite
from benchmarks.rivals import own
from benchmarks.rivals.cases import CASES, Case, Peer, Work
from benchmarks.starts import WHAT
from benchmarks.timing import Rival, Times, race
from benchmarks.twin import check_equal
from conftest import UNOPTIMIZED, missing_framework

ONE = Case("batch", "one", "NHWC", "uint8", 32)
MANY = Case("batch", "many", "NCHW", "float32", 32)
SMALL = [ONE, MANY, ONE._replace(call="image"), MANY._replace(call="image")]


def test_the_c_twin_paints_the_same_pixels():
    """The rival in C equals add_dust() bit for bit, in all specs, dtypes and layouts that are timed."""
    check_equal()


@pytest.mark.parametrize("rival", [post_loop, vectorised_numpy])
def test_the_rivals_in_python_paint_dust(rival):
    """The rivals in Python paint grey rectangles and spare the last row and column, as the post does."""
    np.random.seed(0)  # noqa: NPY002
    images = np.full((50, 64, 64, 3), 7, np.uint8)
    rival(images)
    changed = (images != 7).any(axis=3)

    assert changed.any(axis=(1, 2)).mean() > 0.8
    assert not changed[:, -1].any()
    assert not changed[:, :, -1].any()
    assert (images[changed].min(axis=1) == images[changed].max(axis=1)).all()


# ------------------------------------------------------------------------------------------------- checks


def rival(paint, **attributes):
    return Peer("rival", lambda _: Work(paint), "", "", **attributes)


def dust(images, spec, **arguments):
    return dustaug.add_dust(images, spec, **arguments)


@pytest.mark.parametrize("case", [case for case in CASES if case.side == 32], ids=str)
def test_dustaug_passes_its_own_check(case):
    """The check that rivals must pass accepts dustaug too, in every kind of case."""
    [peer] = own.PEERS
    found = check(peer, peer.bind(case), case)

    assert found.in_place
    assert found.covered == pytest.approx(found.expected, rel=0.3)


def paints_twice(images):
    for _ in range(2):
        dust(images, ONE.spec)
    return images


def paints_a_corner(images):
    images[:, :2, :2] = 0
    return images


def paints_one_for_all(images):
    images[dust(np.ones_like(images[:1]), ONE.spec).repeat(len(images), axis=0) == 0] = 0
    return images


@pytest.mark.parametrize(
    ("paint", "reason"),
    [
        (lambda images: images, "paints nothing"),
        (paints_twice, "paints more than one rectangle"),
        (paints_one_for_all, "paints the same on all images of a batch"),
        (lambda images: dust(images, ONE.spec.replace(fill_value=9)), "paints something that is not black"),
        (lambda images: dust(images, ONE.spec).astype(np.float32), "returns float32 for uint8"),
        (lambda images: dust(images, ONE.spec)[0], r"returns the shape \(32, 32, 3\) for \(64, 32, 32, 3\)"),
        (lambda images: np.where(np.arange(3) > 0, images, dust(images.copy(), ONE.spec)), "paints some channels only"),
    ],
)
def test_a_rival_that_paints_something_else_is_refused(paint, reason):
    """The check says what is wrong, and the rival is not timed."""
    peer = rival(paint)

    with pytest.raises(Refused, match=reason):
        check(peer, peer.bind(ONE), ONE)


def test_a_rival_may_say_that_all_images_of_a_batch_are_alike():
    """A rival that repeats one draw over a batch passes the check if it says so."""
    peer = rival(paints_one_for_all, same_on_batch=True)

    assert check(peer, peer.bind(ONE), ONE).in_place


def test_a_rival_that_covers_too_little_is_refused(monkeypatch):
    """The covered share of an image must be that of dustaug."""
    monkeypatch.setattr(checks, "_SECONDS", 60)
    peer = rival(paints_a_corner, same_on_batch=True)

    with pytest.raises(Refused, match="covers 0.4% of an image, not 1"):
        check(peer, peer.bind(ONE), ONE)


def test_a_copy_is_seen():
    """The check finds out whether a rival paints in place."""
    peer = rival(lambda images: dust(images.copy(), ONE.spec))

    assert not check(peer, peer.bind(ONE), ONE).in_place


# ------------------------------------------------------------------------------------------------- timing


def test_every_rival_has_its_turns_in_every_run():
    """Every run of a race calls every rival, and every call has an index of its own."""
    seen = {"a": [], "b": []}
    found = race({name: Rival(calls.append) for name, calls in seen.items()}, 4, 0.01, n_runs=3, warmups=2)

    for name, calls in seen.items():
        assert len(found[name].runs) == 3
        assert all(found[name].runs)
        assert len(calls) == len(set(calls)) == 2 + sum(map(len, found[name].runs))
    assert not set(seen["a"]) & set(seen["b"])


def test_times_are_those_of_pyperf():
    """The median, quartiles and ratios are per image, and pyperf can read the file."""
    slow, fast = Times([[2e-6, 4e-6], [6e-6, 8e-6]], 8), Times([[1e-6], [1e-6]], 8)
    found = suite({"figure": Section(title="", note="", tables=[], data={"case": {"slow": slow, "fast": fast}})})

    assert (slow.median, slow.ratio(fast)) == (pytest.approx(5), pytest.approx((5, 3, 7)))
    assert str(slow) == "5.00 (3.50–6.50)"
    assert plain({"slow": slow})["slow"]["calls"] == 4
    assert found.get_benchmark_names() == ["figure / case / slow", "figure / case / fast"]
    assert found.get_benchmark("figure / case / fast").median() == pytest.approx(1e-6)
    assert isinstance(found, pyperf.BenchmarkSuite)


# ------------------------------------------------------------------------------------------------- report


def test_losing_rows_are_collected_with_their_reasons():
    """The last table lists every bold cell and missed target, and says if a reason is missing."""
    table = Table(
        "", ("Rival", "small", "large"), [("C", "1.0 · **0.5 ×**", "3 ×"), ("D", "**2**", "1"), ("E", "1", "1")]
    )
    section = Section(
        title="Figure", note="", tables=[table], targets=[Target("fast", "slow", met=False)], reasons={"C": "It is C."}
    )
    [found] = losses([section]).tables

    assert found.rows == [
        ("Figure: C", "small: 0.5 ×", "It is C."),
        ("Figure: D", "small: 2", "Not known."),
        ("Figure: target missed", "fast: slow", "Not known."),
    ]
    assert "Nowhere" in markdown(losses([]))


def test_an_adapter_is_held_against_its_own_library():
    """An adapter that takes longer than its library is in the last table, with its reason."""
    times = {
        "small": {"dustaug.add_dust": 1, "own": 6, "rival": 2},
        "large": {"dustaug.add_dust": 1, "own": 2, "rival": 4},
        "odd": {"dustaug.add_dust": 1, "own": 2},
    }
    times = {case: {name: Times([[us * 1e-6] * 2], 1) for name, us in row.items()} for case, row in times.items()}
    ratios = {
        case: {name: each.ratio(row["dustaug.add_dust"]) for name, each in row.items()} for case, row in times.items()
    }
    libraries = {"own": "rival", "rival": ""}
    rows = [
        (
            name,
            *(peers._cell(name, case, times, ratios, {"odd": {"rival": "floats only"}}, libraries) for case in times),
        )
        for name in libraries
    ]
    section = Section(title="F", note="", tables=[Table("", ("", *times), rows)], reasons={"own": "It is slow."})
    [table] = losses([section]).tables

    assert rows[0][1:] == (
        "6.00 (6.00–6.00) · 6 × · **3 × rival**",
        "2.00 (2.00–2.00) · 2 ×",
        "2.00 (2.00–2.00) · 2 ×",
    )
    assert rows[1][3] == "– floats only"
    assert table.rows == [("F: own", "small: 3 × rival", "It is slow.")]


@pytest.fixture(scope="module")
def found():
    """Measure the smallest cases with all rivals that are installed."""
    return peers.peers(Settings(quick=True), SMALL)


def test_no_rival_is_missing_from_a_table(found):
    """Every table of times has a row for every rival.

    The row holds a time, the reason why there is none, or that the rival is not installed.
    """
    rivals = {row[0] for row in found.tables[0].rows}
    tables = [table for table in found.tables if table.label]

    assert rivals > {library.row for library in (*peers._HERE, *peers._LIBRARIES, peers._X)}
    assert len(tables) == len(SMALL)
    for table in tables:
        assert {row[0] for row in table.rows} == rivals
        assert all(row[1][0].isdigit() or row[1].startswith("– ") for row in table.rows)


def test_no_rival_is_refused_by_its_check(found):
    """The rivals that are timed paint what is compared; the others say why they cannot."""
    reasons = {reason for each in found.data["refused"].values() for reason in each.values()}

    assert reasons <= {
        "paints small ones only",
        "floats only",
        "NHWC until it makes tensors",
        "uint8 until it makes tensors",
    }


def test_no_rival_of_an_adapter_is_missing(found):
    """Each adapter names the row of its own library, and a reason."""
    adapters = {name: row for name, row in found.data["libraries"].items() if name.startswith("dustaug in")}

    assert set(adapters.values()) <= set(found.data["libraries"])
    assert all(adapters.values())
    assert all(map(found.reasons.get, adapters))


def test_the_numbers_of_the_peers_are_plain(found):
    """The data of a measurement give the times and ratios as plain numbers."""
    numbers = plain(found.data)

    assert set(numbers["times"]) == set(map(str, SMALL))
    assert numbers["ratios"][str(ONE)]["dustaug.add_dust"]["value"] == 1
    assert numbers["times"][str(ONE)]["C twin"]["median"] > 0


def test_a_rival_that_is_not_installed_is_named(monkeypatch):
    """The tables name a missing rival, and what to type to install it."""
    monkeypatch.setattr(peers, "_installed", lambda _: False)
    section = peers.peers(Settings(quick=True), [ONE])
    text = markdown(section)

    for library in (*peers._LIBRARIES, peers._X):
        assert f"not installed: `{library.missing}`" in text
        assert section.data["missing"][library.row] == library.missing


def test_two_builds_are_compared_in_turns(monkeypatch):
    """A build compared with itself gives a time for each, and their ratios."""
    monkeypatch.setenv("NUMBA_OPT", UNOPTIMIZED["NUMBA_OPT"])
    section = builds.compare(Path(dustaug.__file__).parents[1], rounds=2)

    assert set(section.data) == set(builds.CASES)
    assert all(len(each["this"].runs) == len(each["other"].runs) == 2 for each in section.data.values())
    assert all(float(row[3].partition(";")[0]) > 0 for row in section.tables[0].rows)


def test_the_starts_of_two_builds_are_compared(monkeypatch):
    """Compiling, a warm start and several workers are measured, with and without Numba's import."""
    monkeypatch.setenv("NUMBA_OPT", UNOPTIMIZED["NUMBA_OPT"])
    section = builds.starts(Path(dustaug.__file__).parents[1], rounds=1, n_workers=2)

    assert set(section.data) == set(WHAT)
    for each in section.data.values():
        assert [1, 1] == [len(numbers) for numbers in each.values()]
    assert all(float(row[1].partition(" ")[0]) >= 0 for row in section.tables[0].rows)


def test_a_folder_without_a_build_is_refused(tmp_path):
    """The comparison says so if the other folder holds no dustaug: it would compare the build with itself."""
    with pytest.raises(RuntimeError, match="dustaug must be importable from .*: type the src folder of a checkout"):
        builds.compare(tmp_path, rounds=1)


def test_a_file_is_updated_between_its_marks(tmp_path):
    """An update keeps the text before and after the results."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{__main__._BEGIN}\nold\n{__main__._END}\n\nafter\n", encoding="utf-8")
    __main__._update(page, {"figure": Section(title="New", note="", tables=[])})

    assert page.read_text(encoding="utf-8") == f"before\n\n{__main__._BEGIN}\n\n## New\n\n{__main__._END}\n\nafter\n"


TABLES = glance.TABLES.read_text(encoding="utf-8")
PAGE = glance.PAGE.read_text(encoding="utf-8")


def test_the_first_screen_says_what_the_tables_say():
    """Its numbers and its picture are those of the tables; `python -m benchmarks.glance` writes both."""
    tables = glance.Tables(TABLES)

    assert put_between(PAGE, glance.BEGIN, glance.END, glance.first_screen(tables)) == PAGE
    assert glance.draw(tables) == glance.PICTURE.read_text(encoding="utf-8")


def test_the_first_screen_has_ten_rows_with_their_commands():
    """Each row names a part of `python -m benchmarks` that measures it, and at least three rows lose."""
    rows = [line for line in glance.first_screen(glance.Tables(TABLES)).splitlines() if line.startswith("| ")][1:]
    commands = [re.search(r"\| `--only (\w+)` \|$", row)[1] for row in rows]

    assert len(rows) == 10
    assert set(commands) <= set(__main__.FIGURES)
    assert len([row for row in rows if "**" in row]) >= 3


def test_the_first_screen_follows_the_tables():
    """Another number in the tables is another one on the first screen and in the picture."""
    tables = glance.Tables(TABLES)
    other = glance.Tables(
        TABLES.replace("868 (806–935) · 236 ×", "999 (806–935) · 777 ×").replace("0.73 (0.70–0.75)", "0.5")
    )

    assert tables.ratio(glance.Cell("Peers", "post's loop", "uint8, 224²", "One image a call, 16–31")) == 236
    assert "777 ×" in glance.draw(other)
    assert "236 ×" not in glance.draw(other)
    assert "takes 0.5 of" in " ".join(glance.first_screen(other).split())


def test_a_number_that_the_tables_lack_is_named():
    """A renamed row, or a cell without a number, is an error that says where."""
    with pytest.raises(LookupError, match="must have the row 'cutout\\(57\\)' and the column '/ C twin' under 'Other"):
        glance.Tables(TABLES).number(glance.Cell("Other presets", "cutout(57)", "/ C twin"))
    with pytest.raises(LookupError, match="row \"post's loop\" under 'Peers' must hold a number, got '– paints small"):
        glance.Tables(TABLES).number(glance.Cell("Peers", "post's loop", "uint8, 32²"))


class Short:
    """Settings for a race of no length."""

    quick = True
    python_x = None

    def seconds(self, full):
        """Return a thousandth."""
        return full / 1000


def test_every_new_size_is_new():
    """No shape comes twice."""
    shapes = list(itertools.islice(sizes._new_shapes(), 5000))

    assert len(set(shapes)) == 5000
    assert {sizes.LEAST, sizes.MOST} == {min(map(min, shapes)), max(map(max, shapes))}


def test_the_figure_of_new_sizes_has_all_rows(monkeypatch):
    """Each library has a row, or the note says that it is missing; what is kept in memory is measured."""
    monkeypatch.setattr(sizes, "_MANY_SIZES", 60)
    monkeypatch.setattr(sizes, "_FEW_SIZES", 20)
    section = sizes.sizes(Short())
    rows = {row[0] for row in section.tables[0].rows}

    assert {sizes.NEW, sizes.SEEN, sizes.FIRST} <= rows
    assert all(name in rows or f"`{needs}`" in section.note for name, (needs, _) in sizes._LIBRARIES.items())
    assert set(section.data["KiB kept"]) == set(sizes._WORKS)
    assert all(each[name].median > 0 for name in rows for each in list(section.data.values())[:-1])


def test_the_figure_of_fills_has_all_rows():
    """Noise, colours and means are measured on bytes and floats, beside Albumentations where it is installed."""
    section = fills.fills(Short())

    assert list(section.data) == ["uint8", "float32"]
    for times in section.data.values():
        assert {fills.NOISE, fills.COLOR, fills.MEAN} <= set(times)
        assert fills.RIVAL in times or "Albumentations is not installed" in section.note


def test_the_figure_of_guides_has_all_rows():
    """Every kind of guide and objects is measured; without another Python, the note says what to type."""
    section = guided.guided(Short())
    rows = [row[0] for row in section.tables[0].rows]

    assert rows == [guided.PLAIN, guided.MAP, guided.MASK, guided.SPARED, guided.EACH]
    assert "`--python-x`" in section.note
    assert len(section.targets) == 3


def test_the_figure_of_guides_asks_the_other_python(monkeypatch):
    """The answer of the other process becomes a table with both libraries and the two targets."""
    answer = {"runs": {"A": {"A": [[2e-4]], guided._DUST: [[1e-5]]}}, "version": "1.2"}

    def run(command, **_):
        assert command[:3] == ["python-x", "-m", "benchmarks.guided"]
        Path(command[4]).write_text(json.dumps(answer))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(python_x.subprocess, "run", run)
    settings = Short()
    settings.python_x = "python-x"
    section = guided.guided(settings)

    assert section.tables[1].rows == [
        ("A", "200 (200–200)", "10.0 (10.0–10.0)", "0.05 (0.05–0.05)", "20 (20–20)"),
    ]
    assert section.targets[-1].met


def test_the_figure_of_kinds_has_all_rows():
    """Grids, lattices and cells are measured beside the loops of their official codes."""
    section = kinds.kinds(Short())

    assert [row[0] for row in section.tables[0].rows] == list(kinds.SPECS)
    assert "`--python-x`" in section.note
    assert len(section.targets) == len(kinds.SPECS)


@pytest.mark.parametrize("name", kinds.SPECS)
def test_the_loops_hide_as_much_as_the_presets(name):
    """On average over many images, the loop of an official code hides the share that the preset hides."""
    rng, n = np.random.default_rng(0), 160
    loop = np.mean(
        [(kinds.LOOPS[name](np.full((kinds.SIDE, kinds.SIDE, 3), 255, np.uint8), rng) == 0).mean() for _ in range(n)]
    )
    images = dustaug.add_dust(
        np.full((n, kinds.SIDE, kinds.SIDE, 3), 255, np.uint8), kinds.SPECS[name], seed=0, index=0
    )

    assert abs(loop - (images == 0).mean()) < 0.05


# These figures need a framework, named as in conftest.py. The one of Ray imports Ray when it is measured.
_NEEDS = {"albumentations": "albumentations", "torchvision": "torchvision", "loader": "torchvision"}
_NEEDS |= {"tensorflow": "keras_data", "mixing": "torchvision", "volumes": "monai"}


@pytest.mark.parametrize("name", [name for name in __main__.FIGURES if not missing_framework(_NEEDS.get(name))])
def test_every_figure_of_the_command_is_there(name):
    """Every figure that --only offers can be measured."""
    assert callable(getattr(importlib.import_module(f"benchmarks.{__main__.FIGURES[name]}"), name))


def test_figures_are_left_out_for_their_framework_only():
    """The figures that are measured by default need no framework."""
    assert not set(_NEEDS) & set(__main__.DEFAULT)
