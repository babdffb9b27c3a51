"""Nothing is imported before it is asked for, and imports go one way."""

import ast
import graphlib
from pathlib import Path

import pytest

import dustaug

SOURCES = {path.stem: path for path in Path(dustaug.__file__).parent.glob("*.py")}
HEAVY = (
    "numba",
    "llvmlite",
    "torch",
    "tensorflow",
    "keras",
    "jax",
    "grain",
    "albumentations",
    "PIL",
    "typer",
    "matplotlib",
    "rich",
    "ray",
    "asyncio",
)
LOADED = "import sys, {0}; print(*sorted({{name.split('.')[0] for name in sys.modules}} & set({1!r})))"

# What each room may import from the package.
ARROWS = {
    "__init__": {"_index", "_version", "core", "spec"},
    "_version": set(),
    "_index": set(),
    "spec": set(),
    "_tables": set(),
    "_plan": {"_tables", "spec"},
    "_memory": set(),
    "_samples": set(),
    "_targets": set(),
    "_fills": {"_memory", "spec"},
    "_checks": {"_fills", "_memory", "spec"},
    "_kernels": set(),
    "_numpy": set(),
    "_extras": set(),
    "_jobs": {"_checks", "_fills", "_kernels", "_memory", "_numpy", "_plan", "spec"},
    "core": {"_checks", "_fills", "_jobs", "_memory", "_plan", "spec"},
    "_plots": {"_extras"},
    "_models": {"_checks", "_extras", "_memory"},
    "_occlusion_curve": {"_checks", "_memory", "_models", "_plots", "core", "spec"},
    "_occlusion_map": {"_checks", "_memory", "_models", "_plots", "core", "spec"},
    "_graph": {"_checks", "_fills", "_memory", "_plan", "spec"},
    "_graph_jax": {"_graph", "_mean_jax"},
    "_mean_jax": set(),
    "_graph_tensorflow": {"_graph", "_memory"},
    "_graph_torch": {"_dtypes", "_fills", "_graph"},
    "_flow": {"_checks", "_memory", "core", "spec"},
    "_folders": {"_index", "_pictures", "core", "spec"},
    "_pictures": {"core"},
    "_dtypes": {"_extras"},
    "_triton": {"_plan", "spec"},
    "_devices": {
        "_checks",
        "_dtypes",
        "_fills",
        "_graph",
        "_graph_torch",
        "_memory",
        "_plan",
        "_triton",
        "core",
        "spec",
    },
    "_tensors": {"_checks", "_devices", "_dtypes", "_jobs", "_memory", "core", "spec"},
    "_ops": {"_checks", "_memory", "_tensors", "spec"},
    "albumentations": {"_albumentations_hooks", "_checks", "_extras", "_jobs", "_memory", "_targets", "core", "spec"},
    "_albumentations_hooks": set(),
    "cli": {"__init__", "_checks", "_extras", "_folders", "_pictures", "spec"},
    "grain": {"_checks", "_extras", "_memory", "_samples", "core", "spec"},
    "jax": {"_checks", "_extras", "_graph", "_graph_jax", "_memory", "spec"},
    "keras": {
        "_checks",
        "_extras",
        "_flow",
        "_graph",
        "_graph_jax",
        "_graph_tensorflow",
        "_graph_torch",
        "_memory",
        "spec",
    },
    "ray": {"_checks", "_memory", "core", "spec"},
    "robustness": {"_occlusion_curve", "_occlusion_map"},
    "tensorflow": {"_checks", "_extras", "_graph", "_graph_tensorflow", "_memory", "core", "spec"},
    "torch": {"_checks", "_extras", "_memory", "_ops", "_samples", "_tensors", "core", "spec"},
    "torchvision": {"_checks", "_extras", "_ops", "_targets", "_tensors", "core", "spec"},
}


def imports_of(path):
    """Names of the package's rooms, and of other packages, that a file imports anywhere."""
    own, others = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top, _, rest = alias.name.partition(".")
                (own if top == "dustaug" else others).add((rest or "__init__") if top == "dustaug" else top)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level or module.split(".")[0] == "dustaug":
                room = module if node.level else module.partition(".")[2]
                rooms = {alias.name if alias.name in SOURCES else "__init__" for alias in node.names}
                own |= {room.split(".")[0]} if room else rooms
            else:
                others.add(module.split(".")[0])
    return own, others


def test_importing_dustaug_loads_nothing_heavy(run_python):
    """Neither Numba nor a framework is loaded."""
    assert run_python(LOADED.format("dustaug", HEAVY)) == ""


def test_making_specs_loads_nothing_heavy(run_python):
    """Presets need no compiler either."""
    assert run_python(LOADED.format("dustaug; dustaug.cutout(3).to_dict()", HEAVY)) == ""


def test_importing_robustness_loads_nothing_heavy(run_python):
    """Measuring a model needs no compiler before the first call, and no plots nor progress bars at all."""
    assert run_python(LOADED.format("dustaug.robustness", HEAVY)) == ""


def test_the_test_can_fail(run_python):
    """A heavy import is seen."""
    assert run_python(LOADED.format("dustaug, numba", HEAVY)).split()[-1] == "numba"


@pytest.mark.parametrize("room", sorted(SOURCES))
def test_imports_go_one_way(room):
    """Each room imports the rooms of the table, and no others."""
    own, _ = imports_of(SOURCES[room])

    assert own == ARROWS[room]


@pytest.mark.parametrize("room", sorted(set(SOURCES) - {"_kernels"}))
def test_only_the_kernels_import_numba(room):
    """All compiled code stands in one file."""
    _, others = imports_of(SOURCES[room])

    assert not others & {"numba", "llvmlite"}


def test_no_arrows_form_a_circle():
    """A room that imports another is above it."""
    graphlib.TopologicalSorter({room: below - {"__init__"} for room, below in ARROWS.items()}).prepare()


@pytest.mark.parametrize("room", sorted(set(SOURCES) - {"_triton"}))
def test_only_the_kernel_of_gpus_imports_triton(room):
    """It is not there without a GPU, and takes a second to load."""
    assert "triton" not in imports_of(SOURCES[room])[1]


def test_the_reader_of_imports_sees_them():
    """The check above can fail."""
    assert "numba" in imports_of(SOURCES["_kernels"])[1]
    assert "triton" in imports_of(SOURCES["_triton"])[1]
    assert "_checks" in imports_of(SOURCES["core"])[0]
    assert "_kernels" in imports_of(SOURCES["_jobs"])[0]


def test_nothing_uses_a_global_generator():
    """No source draws from NumPy's or Python's own random numbers; NumPy's Generator may be named as a type."""
    for path in SOURCES.values():
        uses = [
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random", "random")
        ]

        assert set(uses) <= {"Generator"}
        assert "random" not in imports_of(path)[1]
