""".ci/run, the docs and the packaging name every adapter, and .ci/run runs every test file."""

import ast
import itertools
import re

import pytest

from adapter_table import ADAPTERS, FRAMEWORKS
from conftest import TESTS, adapter_of
from test_adapters import ADAPTERS as PAINTERS

ROOT = TESTS.parent
RUN = (ROOT / ".ci" / "run").read_text("utf-8")
ARRAYS = dict(re.findall(r"^(\w+)=\((.*)\)$", RUN, re.MULTILINE))
SECTIONS = dict(re.findall(r"^section_(\w+)\(\) \{\n(.*?)^\}$", RUN, re.MULTILINE | re.DOTALL))
FILES = {file.relative_to(ROOT).as_posix(): file for file in sorted(TESTS.rglob("test_*.py"))}
SITE = set(FRAMEWORKS["site"])  # The section "readme" has these packages and no others.
# conftest.py leaves these out without built files or Pillow's images, or without any of three frameworks.
LEFT_OUT = {"tests/test_built.py", "tests/test_pillow_images.py", "tests/graph/test_program.py"}


def expand(word):
    """Return the words that bash makes of a word with braces."""
    parts = [part.split(",") if i % 2 else [part] for i, part in enumerate(re.split(r"\{([^{}$]*)\}", word))]
    return ["".join(chosen) for chosen in itertools.product(*parts)]


def files_of(command):
    """Return the test files that a command of .ci/run names, in arrays and folders too."""
    command = re.sub(r'"\$\{(\w+)\[@\]\}"', lambda found: ARRAYS.get(found[1], ""), command)
    command = re.sub(r"--deselect[ =]\S+", "", command)
    words = [path for word in re.findall(r"(?<![\w/])tests(?:/[\w{},./]+)?", command) for path in expand(word)]
    return {file for file in FILES for word in words if file == word or file.startswith(f"{word}/")}


def needs_of(file):
    """Return the packages that a test file needs."""
    return set(FRAMEWORKS.get(adapter_of(FILES[file]), ()))


def test_the_reader_of_ci_sees_its_files():
    """Braces, arrays and folders become files."""
    assert expand("tests/test_{a,b}.py") == ["tests/test_a.py", "tests/test_b.py"]
    assert files_of("tests/test_keras.py --deselect tests/test_cli.py::test_it") == {"tests/test_keras.py"}
    assert files_of('tests/test_keras.py "${other_pages[@]}"') == {"tests/test_keras.py"}
    assert "tests/test_robustness_map.py" in files_of('pytest "${robustness[@]}"')
    assert "tests/tensors/test_triton.py" in files_of("pytest -n 2 tests/tensors")
    assert len(FILES) > 60


def test_the_reader_of_ci_sees_its_sections():
    """Every function of a section is listed by .ci/run once, and run by the workflow once."""
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")
    in_workflow = re.split(r",? ", re.search(r"sections: \[(.*)\]", workflow)[1])

    assert sorted(ARRAYS["sections"].split()) == sorted(SECTIONS)
    assert sorted(in_workflow) == sorted(SECTIONS)


def test_sections_that_change_an_environment_have_it_for_themselves():
    """Two sections run at a time, so those that make or change the same environment are listed as sharing it."""
    table = re.search(r"^declare -A environment_of=\((.*?)^\)$", RUN, re.MULTILINE | re.DOTALL)[1]
    listed = dict(re.findall(r"\[(\w+)\]=(\w+)", table))
    makers = {"frameworks": "frameworks", "core": "core", "tensorflow_environment": "tensorflow"}
    asked = {
        section: makers[maker]
        for section, commands in SECTIONS.items()
        for maker in re.findall(r"^    (\w+)$", commands, re.MULTILINE)
        if maker in makers
    }

    assert listed == asked


def test_pages_that_sections_leave_out_show_none_of_their_frameworks():
    """What the sections "tensorflow" and "jax" leave out runs in full where "readme" and "adapters" run it."""
    [pattern] = re.findall(r"test_examples_run\[([^\]]*)\]", ARRAYS["other_pages"])
    packages = {package for name in ("tensorflow", "keras", "jax", "grain") for package in FRAMEWORKS[name]}
    for page in expand(pattern):
        source = (ROOT / "docs" / page).read_text("utf-8")

        assert not re.search(rf"^\W*(?:import|from) (?:dustaug\.)?(?:{'|'.join(packages)})\b", source, re.MULTILINE)


@pytest.mark.parametrize("file", FILES)
def test_ci_runs_every_test_file(file):
    """A file that needs a framework is named by a section; all others run in the section "readme", which names none."""
    named = set().union(*map(files_of, SECTIONS.values()))

    assert 'pytest "${parallel[@]}"\n' in SECTIONS["readme"]
    if file == "tests/test_cuda.py":  # No machine of CI has a GPU.
        assert file not in named
    else:
        assert file in named or (needs_of(file) <= SITE and file not in LEFT_OUT)


@pytest.mark.parametrize("section", SECTIONS)
def test_no_section_leaves_a_file_out(section):
    """A section demands the packages of all files that it names; else pytest would leave out files of a folder."""
    demanded = {
        package
        for names in re.findall(r'DUSTAUG_TEST_FRAMEWORKS="?([^"\n]+)"', SECTIONS[section])
        for name in names.split()
        for package in FRAMEWORKS[name]
    }

    assert {file for file in files_of(SECTIONS[section]) if not needs_of(file) <= demanded} == set()


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_adapter_is_tested(name):
    """The sections of an adapter name its tests; a test that needs more packages is named by one of them."""
    adapter = ADAPTERS[name]
    files = {f"tests/test_{test}.py" for test in adapter.tests}
    named = [files_of(SECTIONS[section]) for section in adapter.sections]

    assert files <= set(FILES)
    assert all(file in set().union(*named) or not needs_of(file) for file in files)
    for tested in named if adapter.imports else ():
        assert {file for file in files if needs_of(file) == set(adapter.imports)} <= tested
    assert any(painter.partition("-")[0] == name for painter in PAINTERS)


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_adapter_is_installed_alone(name):
    """CI installs the extra of each adapter without any other, and alone.py has a function that uses it."""
    loops = " ".join(re.findall(r"for extra in ([\w ]+);", RUN)).split()
    functions = {node.name for node in ast.parse((TESTS / "alone.py").read_text("utf-8")).body if hasattr(node, "name")}

    assert name in loops
    assert name in functions


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_adapter_is_documented(name):
    """An adapter has a page, a chapter in the reference, and an extra."""
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")

    assert (ROOT / "docs" / f"{ADAPTERS[name].page or name}.md").is_file()
    assert f"\n## dustaug.{name}\n" in (ROOT / "docs" / "api.md").read_text("utf-8")
    assert re.search(rf"^{name} = \[", pyproject, re.MULTILINE)


def test_every_public_adapter_is_in_the_table():
    """The modules that name an extra for a missing package are those of the table, except Ray's, which imports none."""
    sources = ROOT / "src" / "dustaug"
    found = {
        extra
        for file in (path for path in sources.rglob("*.py") if not path.name.startswith("_") or path.stem == "__init__")
        for extra in re.findall(r'"dustaug\.(\w+)", "', file.read_text("utf-8"))
    }

    assert found == {name for name, adapter in ADAPTERS.items() if adapter.imports}
