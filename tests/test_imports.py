"""Modules import in one direction, and load nothing before it is needed."""

import ast
import graphlib
from pathlib import Path

import pytest

import dustaug

PACKAGE = Path(dustaug.__file__).parent


def name_of(file):
    """Return a module's name within the package: ``_engine.plan``, ``keras`` for its ``__init__.py``."""
    name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
    return name.removesuffix(".__init__")


SOURCES = {name_of(path): path for path in PACKAGE.rglob("*.py")}
HEAVY = (
    "numba",
    "llvmlite",
    "torch",
    "tensorflow",
    "keras",
    "jax",
    "grain",
    "albumentations",
    "monai",
    "PIL",
    "typer",
    "matplotlib",
    "rich",
    "ray",
    "asyncio",
)
LOADED = "import sys, {0}; print(*sorted({{name.split('.')[0] for name in sys.modules}} & set({1!r})))"

# Each module may import these modules of the package, and no others.
ALLOWED = {
    "__init__": {"_names", "_version", "core", "guides", "mixing", "presets", "schedule", "spec"},
    "_version": set(),
    "_names": {"_engine.forks"},
    "_extras": set(),
    "_errors": set(),
    "spec": {"_engine.contract", "_errors"},
    "schedule": {
        "_engine.checks",
        "_engine.contract",
        "_engine.coordinates",
        "_engine.forks",
        "_engine.guide",
        "_errors",
        "spec",
    },
    "core": {
        "_engine.checks",
        "_engine.contract",
        "_engine.coordinates",
        "_engine.fills",
        "_engine.forks",
        "_engine.guide",
        "_engine.launch",
        "_engine.memory",
        "_engine.shares",
        "_errors",
        "schedule",
        "spec",
    },
    "presets": {"_errors", "spec"},
    "guides": {"_engine.checks", "_engine.guide", "_engine.plan", "_errors", "spec"},
    "mixing": {
        *("_engine.checks", "_engine.contract", "_engine.coordinates", "_engine.forks", "_engine.kernels_numpy"),
        "_errors",
    },
    "_engine": set(),
    "_engine.checks": {"_engine.contract", "_engine.fills", "_engine.memory", "_engine.plan", "_errors", "spec"},
    "_engine.contract": set(),
    "_engine.coordinates": {"_engine.checks", "_engine.contract", "_errors"},
    "_engine.fills": {"_engine.contract", "_engine.forks", "_engine.memory", "_errors", "spec"},
    "_engine.forks": set(),
    "_engine.calls": {"_engine.contract", "_engine.coordinates", "_engine.guide"},
    "_engine.guide": {"_engine.checks", "_engine.contract", "_errors", "spec"},
    "_engine.kernels": {"_engine.calls", "_engine.contract", "_engine.plan", "_engine.tables", "spec"},
    "_engine.kept": set(),
    "_engine.kernels_numpy": {
        *("_engine.contract", "_engine.coordinates", "_engine.guide", "_engine.kept", "_engine.tables"),
    },
    "_engine.launch": {
        "_engine.checks",
        "_engine.contract",
        "_engine.coordinates",
        "_engine.fills",
        "_engine.forks",
        "_engine.guide",
        "_engine.kept",
        "_engine.memory",
        "_engine.objects",
        "_engine.plan",
        "_engine.tables",
        "_engine.threads",
        "schedule",
        "spec",
    },
    "_engine.memory": set(),
    "_engine.objects": {"_engine.calls", "_engine.forks", "_engine.kernels", "_engine.kernels_numpy"},
    "_engine.shares": set(),
    "_engine.plan": {"_engine.contract", "_engine.forks", "spec"},
    "_engine.tables": {"_engine.contract", "_engine.forks"},
    "_engine.threads": {"_engine.checks", "_engine.forks"},
    "_graph": set(),
    "_graph.cells": {"_engine.contract", "_engine.plan", "spec"},
    "_graph.jax": {"_engine.contract", "_engine.fills", "_graph.jax_mean", "_graph.mixing", "_graph.program"},
    "_graph.jax_mean": {"_engine.contract"},
    "_graph.mixing": {"_engine.contract", "_engine.memory", "_graph.program", "spec"},
    "_graph.program": {
        "schedule",
        "_engine.checks",
        "_engine.contract",
        "_engine.fills",
        "_engine.guide",
        "_engine.memory",
        "_engine.plan",
        "_engine.tables",
        "_errors",
        "_graph.cells",
        "spec",
    },
    "_graph.tensorflow": {"_engine.contract", "_engine.fills", "_engine.memory", "_graph.program"},
    "_graph.torch": {"_engine.contract", "_engine.fills", "_graph.program", "_graph.torch_dtypes"},
    "_graph.torch_dtypes": {"_extras"},
    "_tensors": set(),
    "_tensors.compiled": {
        "_engine.contract",
        "_engine.coordinates",
        "_engine.memory",
        "_tensors.painter",
        "schedule",
        "spec",
    },
    "_tensors.devices": {
        "_engine.checks",
        "_engine.contract",
        "_engine.coordinates",
        "_engine.fills",
        "_engine.guide",
        "_engine.launch",
        "_engine.memory",
        "_engine.tables",
        "_errors",
        "_graph.program",
        "_graph.torch",
        "_tensors.terms",
        "_tensors.triton",
        "core",
        "spec",
    },
    "_tensors.painter": {
        "_engine.checks",
        "_engine.coordinates",
        "_engine.launch",
        "_engine.memory",
        "_graph.torch_dtypes",
        "_tensors.devices",
        "_tensors.terms",
        "core",
        "schedule",
        "spec",
    },
    "_tensors.passes": set(),
    "_tensors.samplers": {"_engine.checks", "_engine.contract", "_engine.coordinates", "_errors"},
    "_tensors.terms": {"_engine.contract", "_engine.guide", "_errors", "spec"},
    "_tensors.triton": {
        "_engine.contract",
        "_engine.coordinates",
        "_engine.memory",
        "_engine.plan",
        "_engine.tables",
        "spec",
    },
    "_adapters": set(),
    "_adapters.keys": {"_engine.coordinates", "_errors"},
    "_adapters.nested": {"_errors"},
    "_adapters.records": {"_errors", "core"},
    "_adapters.targets": {"_engine.checks"},
    "_adapters.terms": {
        "_adapters.records",
        "_adapters.targets",
        "_engine.checks",
        "_engine.guide",
        "_errors",
        "spec",
    },
    "albumentations": {
        "_adapters.keys",
        "_adapters.targets",
        "_adapters.terms",
        "_engine.checks",
        "_engine.contract",
        "_engine.coordinates",
        "_engine.guide",
        "_engine.launch",
        "_engine.memory",
        "_extras",
        "_errors",
        "albumentations._hooks",
        "albumentations._terms",
        "core",
        "schedule",
        "spec",
    },
    "albumentations._hooks": set(),
    "albumentations._terms": {
        *(
            "_adapters.keys",
            "_adapters.targets",
            "_engine.checks",
            "_engine.guide",
            "_errors",
            "guides",
            "schedule",
            "spec",
        ),
    },
    "__main__": {"cli"},
    "cli": {
        *("__init__", "_engine.coordinates", "_engine.guide", "_extras", "cli._explore", "cli._files", "cli._folders"),
        *("cli._manifest", "cli._pictures", "cli._sheets", "cli._words", "presets", "spec"),
    },
    "cli.__main__": {"cli"},
    "cli._depth": set(),
    "cli._explore": {"spec"},
    "cli._files": set(),
    "cli._folders": {"_names", "cli._files", "cli._pictures", "core", "spec"},
    "cli._manifest": {"__init__", "cli._files"},
    "cli._pictures": {"_engine.contract", "cli._depth"},
    "cli._sheets": {"cli._pictures", "core"},
    "cli._words": set(),
    "grain": {
        "_adapters.keys",
        "_adapters.records",
        "_adapters.terms",
        "_engine.checks",
        "_engine.contract",
        "_engine.coordinates",
        "_engine.memory",
        "_extras",
        "schedule",
        "spec",
    },
    "jax": {
        "_engine.checks",
        "_engine.contract",
        "_engine.coordinates",
        "_engine.guide",
        "_engine.memory",
        "_extras",
        "_graph.jax",
        "_graph.program",
        "_errors",
        "schedule",
        "spec",
    },
    "keras": {
        *("_adapters.keys", "_adapters.targets", "_adapters.terms", "_engine.checks", "_engine.contract", "_extras"),
        *("_graph.program", "keras._flow", "keras._inputs", "keras._layer", "keras._mixing", "schedule", "spec"),
    },
    "keras._flow": {
        "_adapters.keys",
        "_adapters.records",
        "_adapters.terms",
        "_engine.checks",
        "_engine.coordinates",
        "_engine.memory",
        "_errors",
        "schedule",
        "spec",
    },
    "keras._inputs": {"_engine.checks", "_engine.guide", "_errors"},
    "keras._layer": {
        *("_engine.checks", "_engine.memory", "_errors", "_graph.jax", "_graph.mixing", "_graph.program"),
        *("_graph.tensorflow", "_graph.torch", "keras._inputs"),
    },
    "keras._mixing": {
        *("_adapters.terms", "_engine.coordinates", "_errors", "_graph.program", "keras._flow", "keras._inputs"),
        *("keras._layer", "presets", "spec"),
    },
    "monai": {
        *("_engine.checks", "_engine.coordinates", "_engine.guide", "_engine.memory", "_errors", "_extras"),
        *("_tensors.painter", "core", "schedule", "spec"),
    },
    "ray": {
        "_adapters.keys",
        "_adapters.records",
        "_adapters.terms",
        "_engine.checks",
        "_engine.contract",
        "_engine.coordinates",
        "_engine.guide",
        "_engine.memory",
        "_errors",
        "core",
        "schedule",
        "spec",
    },
    "robustness": {
        "_engine.memory",
        "robustness._cells",
        "robustness._curve",
        "robustness._map",
        "robustness._pasted",
        "robustness._results",
        "robustness._runs",
    },
    "robustness._cells": {
        "_engine.checks",
        "_engine.kept",
        "_errors",
        "core",
        "presets",
        "robustness._predict",
        "spec",
    },
    "robustness._curve": {
        "_adapters.terms",
        "_engine.checks",
        "_engine.contract",
        "_engine.coordinates",
        "_engine.memory",
        "_errors",
        "core",
        "presets",
        "robustness._cells",
        "robustness._pasted",
        "robustness._predict",
        "robustness._results",
        "schedule",
        "spec",
    },
    "robustness._map": {
        "_engine.checks",
        "_engine.memory",
        "core",
        "guides",
        "robustness._plots",
        "robustness._predict",
        "spec",
    },
    "robustness._pasted": {
        "_engine.checks",
        "_engine.contract",
        "_engine.coordinates",
        "_engine.memory",
        "_errors",
        "robustness._predict",
    },
    "robustness._plots": {"_extras"},
    "robustness._predict": {"_engine.checks", "_engine.memory", "_errors", "_extras"},
    "robustness._results": {"_engine.checks", "robustness._plots", "robustness._predict"},
    "robustness._runs": {"_engine.checks", "_errors", "robustness._plots", "robustness._results"},
    "tensorflow": {
        "_adapters.keys",
        "_adapters.records",
        "_adapters.terms",
        "_engine.checks",
        "_engine.contract",
        "_engine.coordinates",
        "_engine.guide",
        "_engine.memory",
        "_extras",
        "_graph.program",
        "_graph.tensorflow",
        "_errors",
        "core",
        "schedule",
        "spec",
    },
    "torch": {
        "_adapters.keys",
        "_adapters.records",
        "_adapters.terms",
        "_engine.checks",
        "_engine.contract",
        "_engine.coordinates",
        "_engine.memory",
        "_extras",
        "_errors",
        "_tensors.compiled",
        "_tensors.painter",
        "_tensors.passes",
        "_tensors.samplers",
        "core",
        "schedule",
        "spec",
    },
    "torchvision": {
        "_adapters.keys",
        "_adapters.nested",
        "_adapters.targets",
        "_adapters.terms",
        "_engine.checks",
        "_engine.coordinates",
        "_engine.guide",
        "_errors",
        "_extras",
        "_tensors.compiled",
        "_tensors.painter",
        "_tensors.terms",
        "core",
        "guides",
        "schedule",
        "mixing",
        "presets",
        "spec",
    },
}


def imports_of(path):
    """Return the names of the package's modules, and of other packages, that a file imports anywhere."""
    own, others = set(), set()
    within = path.parent.relative_to(PACKAGE).parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top, _, rest = alias.name.partition(".")
                (own if top == "dustaug" else others).add((rest or "__init__") if top == "dustaug" else top)
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".") if node.module else []
            if node.level:
                module = [*within[: len(within) + 1 - node.level], *module]
            elif module[0] == "dustaug":
                module = module[1:]
            else:
                others.add(module[0])
                continue
            for alias in node.names:
                name = ".".join([*module, alias.name])
                own.add(name if name in SOURCES else ".".join(module) or "__init__")
    return own, others


def test_importing_dustaug_loads_nothing_heavy(run_python):
    """``import dustaug`` loads neither Numba nor a framework."""
    assert run_python(LOADED.format("dustaug", HEAVY)) == ""


def test_making_specs_loads_nothing_heavy(run_python):
    """Making a spec loads no compiler."""
    assert run_python(LOADED.format("dustaug; dustaug.cutout(3).to_dict()", HEAVY)) == ""


def test_importing_robustness_loads_nothing_heavy(run_python):
    """Importing dustaug.robustness loads no compiler, plots or progress bars."""
    assert run_python(LOADED.format("dustaug.robustness", HEAVY)) == ""


def test_the_test_can_fail(run_python):
    """A large package that is imported is found."""
    assert run_python(LOADED.format("dustaug, numba", HEAVY)).split()[-1] == "numba"


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_imports_go_one_way(module):
    """Each module imports the modules that the table allows, and no others."""
    own, _ = imports_of(SOURCES[module])

    assert own == ALLOWED[module]


@pytest.mark.parametrize("module", sorted(set(SOURCES) - {"_engine.kernels"}))
def test_only_the_kernels_import_numba(module):
    """All compiled code is in one file; another one loads machine code, with llvmlite alone."""
    _, others = imports_of(SOURCES[module])

    assert "numba" not in others
    assert "llvmlite" not in others or module == "_engine.objects"


def test_the_table_is_complete():
    """The table has a line for every module, and for no other."""
    assert set(ALLOWED) == set(SOURCES)


def test_few_modules_lie_beside_the_packages():
    """At most 19 modules lie beside the packages: what is public, and five private ones."""
    assert len(list(PACKAGE.glob("*.py"))) <= 19


def test_no_imports_form_a_cycle():
    """The imports of the table form no cycle."""
    graphlib.TopologicalSorter({module: below - {"__init__"} for module, below in ALLOWED.items()}).prepare()


@pytest.mark.parametrize("module", sorted(set(SOURCES) - {"_tensors.triton"}))
def test_only_the_kernel_of_gpus_imports_triton(module):
    """No other module imports Triton, which may be missing and takes a second to load."""
    assert "triton" not in imports_of(SOURCES[module])[1]


def test_the_reader_of_imports_sees_them():
    """The reader of imports finds those that are known."""
    assert "numba" in imports_of(SOURCES["_engine.kernels"])[1]
    assert "triton" in imports_of(SOURCES["_tensors.triton"])[1]
    assert "_engine.checks" in imports_of(SOURCES["core"])[0]
    assert "_engine.kernels" in imports_of(SOURCES["_engine.objects"])[0]


def test_nothing_uses_a_global_generator():
    """No source draws from NumPy's or Python's own random numbers.

    NumPy's Generator may be named as a type, and a Philox of a given seed has no state that others share.
    """
    for path in SOURCES.values():
        uses = [
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random", "random")
        ]

        assert set(uses) <= {"Generator", "Philox"}
        assert "random" not in imports_of(path)[1]
