"""What users saved with 0.1.0 is read, and paints the same bytes; what is saved now names no private module."""

import json
import pickle
from pathlib import Path

import pytest

import dustaug
import saved
from adapter_table import FRAMEWORKS
from dustaug import DustStream, Spec
from dustaug.ray import DustBatch
from dustaug.robustness import OcclusionCurve, OcclusionMap

SPECS = saved.expected("specs")


@pytest.mark.parametrize("name", SPECS)
def test_specs(name):
    """A pickle and JSON give the same spec."""
    spec = saved.unpickle("specs.pickle")[name]

    assert saved.spec_paints(spec) == SPECS[name]
    assert spec == Spec.from_dict(saved.read_json("specs.json")[name])


def test_streams_go_on():
    """Where they stood, by their pickle and by their state."""
    state = saved.read_json("stream.json")
    resumed = DustStream(Spec.from_dict(state["spec"]), seed=state["seed"])
    resumed.load_state_dict(state)
    for stream in (saved.unpickle("stream.pickle"), resumed):
        assert stream.index == 6
        assert saved.stream_paints(stream) == saved.expected("stream")


@pytest.mark.parametrize("name", saved.expected("rectangles"))
def test_rectangles(name):
    """With all that noise and means need."""
    rectangles = saved.unpickle("rectangles.pickle")[name]

    assert saved.rectangles_paint(rectangles) == saved.expected("rectangles")[name]


def test_functions_of_a_batch():
    """As for Ray."""
    assert saved.batch_paints(saved.unpickle("dust_batch.pickle")) == saved.expected("dust_batch")


def test_results_of_robustness():
    """All their numbers."""
    results = saved.unpickle("occlusion.pickle")

    assert isinstance(results["curve"], OcclusionCurve)
    assert isinstance(results["map"], OcclusionMap)
    assert results["map"].picture.shape == (6, 5, 3)
    assert json.loads(json.dumps({name: result.to_dict() for name, result in results.items()})) == (
        saved.expected("occlusion")
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: Spec(fill="noise"),
        lambda: DustStream(seed=7),
        lambda: dustaug.sample_rectangles(height=32, width=32, seed=7, index=0),
        lambda: DustBatch(seed=7, index_column="id"),
        lambda: saved.unpickle("occlusion.pickle"),
    ],
    ids=["Spec", "DustStream", "Rectangles", "DustBatch", "robustness"],
)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pickles_name_no_private_module(make, protocol):
    """A private module may move; who loads a pickle needs what it names."""
    pickled = pickle.dumps(make(), protocol)

    assert b"dustaug" in pickled
    assert saved.private_modules(pickled) == set()


def test_private_modules_are_found():
    """At any depth, in pickles of any protocol and in JSON."""
    assert saved.private_modules(b"cdustaug._tensors\nPainter\n") == {b"dustaug._tensors"}
    assert saved.private_modules(b"\x8c\x10dustaug._tensors\x94\x8c\x07Painter\x94") == {b"dustaug._tensors"}
    assert saved.private_modules(b'"dustaug.keras._layer.Dust", "dustaug.keras"') == {b"dustaug.keras._layer"}
    assert saved.private_modules(b"dustaug.albumentations\x94\x8c\x05_Look\x94 dustaug.spec._number") == {
        b"dustaug.spec._number"
    }


def test_every_file_is_read():
    """Each file of the folder, and each expectation, belongs to a test; frameworks have files of their own."""
    tests = [Path(__file__), *Path(__file__).parent.glob("test_saved_*.py")]
    text = "".join(test.read_text() for test in tests)
    names = {path.name for path in saved.FOLDER.iterdir()} - {
        "__pycache__",
        "make.py",
        "repaint.py",
        saved.EXPECTED.name,
    }

    assert all(f'"{name}"' in text for name in names)
    assert all(f'"{name}' in text for name in json.loads(saved.EXPECTED.read_text()))
    assert {test.stem.removeprefix("test_") for test in tests[1:]} <= set(FRAMEWORKS)


def test_files_name_no_private_module():
    """What 0.1.0 saved can be read whatever becomes of its private modules."""
    files = [path for path in saved.FOLDER.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]

    assert len(files) > 15
    assert {path.name: found for path in files if (found := saved.private_modules(path.read_bytes()))} == {}
