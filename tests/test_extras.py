"""An error names a missing package and its extra; a broken package is not called missing."""

import importlib.metadata
import pkgutil
import re
from pathlib import Path

import pytest

import dustaug
import examples
from adapter_table import ADAPTERS
from conftest import without
from dustaug._extras import MissingExtraError, name_extra

MODULES = [
    f"{package.__name__}.{module.name}"
    for package in (dustaug, examples)
    for module in pkgutil.iter_modules(package.__path__)
    if not module.name.startswith("_")
]
# These packages are missing where dustaug is installed alone.
EXTRAS = sorted({"PIL", "matplotlib", "ml_dtypes", "rich", "typer"}.union(*(a.imports for a in ADAPTERS.values())))
# With nothing but NumPy and Numba, these modules say what they need. All others can be imported.
SAID = {
    **{
        f"dustaug.{name}": (name, f"dustaug.{name} needs {adapter.imports[0]}: type {{}}")
        for name, adapter in ADAPTERS.items()
        if adapter.imports
    },
    "examples.fashion_data": ("fashion", "dustaug.examples needs torch: type {}"),
    "examples.fashion_figures": ("fashion", "dustaug.examples needs matplotlib: type {}"),
    "examples.fashion_models": ("fashion", "dustaug.examples needs torch: type {}"),
    "examples.fashion_occluders": ("fashion", "dustaug.examples needs torch: type {}"),
    "examples.fashion_training": ("fashion", "dustaug.examples needs torch: type {}"),
    "examples.figures": ("robustness", "dustaug.examples needs matplotlib: type {}"),
    "examples.graffiti": ("guitar", "dustaug.examples needs PIL: type {}"),
    "examples.guitar_figures": ("guitar", "dustaug.examples needs matplotlib: type {}"),
    "examples.guitar_parts": ("guitar", "dustaug.examples needs PIL: type {}"),
    "examples.guitar_photos": ("guitar", "dustaug.examples needs PIL: type {}"),
    "examples.guitar_sheet": ("guitar", "dustaug.examples needs PIL: type {}"),
    "examples.guitar_training": ("guitar", "dustaug.examples needs keras: type {}"),
    "examples.guitars": ("guitar", "dustaug.examples needs PIL: type {}"),
    "examples.runs": ("cli", "dustaug.examples needs typer: type {}"),
}
IMPORT = """
import importlib
try:
    importlib.import_module({!r})
except ImportError as error:
    print(error, error.name, type(error.__cause__).__name__, sep="\\n")
"""
BROKEN = {
    "the package itself": ("raise ImportError('libtorch.so: cannot open')", "libtorch.so: cannot open"),
    "a package that it needs": ("import sympy_of_torch", "No module named 'sympy_of_torch'"),
    "a part of it": ("import torch.lost", "No module named 'torch.lost'"),
}


def fake(folder, name, source):
    """Write a package that comes before the installed one."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(source)


@pytest.mark.parametrize("module", MODULES)
def test_modules_without_any_extra(run_python, module):
    """Each module can be imported, or raises a ModuleNotFoundError with its cause and what to type."""
    expected = ""
    if module in SAID:
        extra, sentence = SAID[module]
        command = f'pip install "dustaug[{extra}]"'
        expected = f"{sentence.format(command)}\n{re.search('needs ([a-zA-Z]+)', sentence)[1]}\nModuleNotFoundError"

    assert run_python(without(*EXTRAS) + IMPORT.format(module)) == expected


def test_the_table_knows_the_modules():
    """The table names only modules that exist."""
    assert set(SAID) <= set(MODULES)


def test_extras_that_are_named_exist():
    """pyproject.toml declares every extra that a message names."""
    sources = [file for package in (dustaug, examples) for file in Path(package.__file__).parent.rglob("*.py")]
    named = {
        extra
        for source in sources
        for found in re.findall(r'name_extra\(\s*"([a-z,]+)"', source.read_text())
        for extra in found.split(",")
    }

    assert {"albumentations", "cli", "guitar", "keras", "robustness", "tensorflow", "torch", "torchvision"} <= named
    assert named <= set(importlib.metadata.metadata("dustaug").get_all("Provides-Extra"))


@pytest.mark.parametrize("backend", ["tensorflow", "torch", "jax"])
def test_keras_without_its_backend(run_python, tmp_path, backend):
    """If Keras is installed without a backend, the error names the missing package and no more."""
    fake(tmp_path, "keras", f"import {backend}")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{IMPORT.format('dustaug.keras')}"

    assert run_python(without(backend) + program).splitlines()[0] == (
        f'Keras\' backend needs {backend}: type pip install "dustaug[keras,tensorflow]", '
        "or set KERAS_BACKEND to a backend that is installed"
    )


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_package_is_not_missing(run_python, tmp_path, what):
    """The error of a broken package comes through."""
    source, message = BROKEN[what]
    fake(tmp_path, "torch", source)
    done = run_python(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import dustaug.torch", check=False)

    assert done.stderr.splitlines()[-1].endswith(f"Error: {message}")
    assert "pip install" not in done.stderr


def test_a_missing_package_is_an_import_error():
    """Code that tries an import catches the error of a missing package."""
    with pytest.raises(ModuleNotFoundError) as caught, name_extra("torch", "this", "no_such_package"):
        import no_such_package  # noqa: F401

    assert caught.type is MissingExtraError
    assert caught.value.name == "no_such_package"
    assert str(caught.value) == 'this needs no_such_package: type pip install "dustaug[torch]"'


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("guitar_classifier", 'The guitar classifier needs keras: type pip install "dustaug[guitar]"'),
        ("fashion_mnist", 'The Fashion-MNIST example needs matplotlib: type pip install "dustaug[fashion]"'),
    ],
)
def test_an_example_ends_in_one_sentence(run_python, program, sentence):
    """A program with a missing package prints one sentence and no traceback."""
    done = run_python(without(*EXTRAS) + f"from examples import {program}; {program}.main()", check=False)

    assert done.returncode == 1
    assert done.stderr == f"{sentence}\n"
