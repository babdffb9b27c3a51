"""The examples of docs/pipelines.md run, section by section, and can fail."""

from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

# The frameworks warn of each other, of small machines, and of forks in newer Pythons.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated:FutureWarning"),
]

PAGE = Path(__file__).parent.parent / "docs" / "pipelines.md"
SECTIONS = ["PyTorch Lightning", "timm", "WebDataset", "Hugging Face datasets"]


def blocks():
    """Return the blocks of the page by section; those before the first section have the key None."""
    found, text = {None: []}, PAGE.read_text(encoding="utf-8")
    document = Sybil(parsers=[PythonCodeBlockParser()], patterns=["*.md"]).parse(PAGE)
    for example in document.examples():
        heading = [line[3:] for line in text[: example.region.start].splitlines() if line.startswith("## ")]
        found.setdefault(heading[-1] if heading else None, []).append(example)
    return found


@pytest.mark.parametrize("section", SECTIONS)
def test_the_example_of_a_section_runs(section, tmp_path, monkeypatch):
    """An example runs with workers over epochs, and compares its images with add_dust() itself."""
    monkeypatch.chdir(tmp_path)
    found = blocks()
    for example in found[None] + found[section]:
        example.evaluate()


def test_every_section_with_code_is_an_example():
    """Every section with code is tested, and each compares bytes."""
    found = blocks()

    assert [None, *SECTIONS] == list(found)
    assert all(any("assert" in example.parsed for example in found[section]) for section in SECTIONS)


@pytest.mark.parametrize(
    ("section", "line", "instead"),
    [
        ("PyTorch Lightning", "        trainer.datamodule.dusted.set_epoch(trainer.current_epoch)", "        pass"),
        ("timm", "    dataset.set_epoch(epoch)", "    pass"),
        ("WebDataset", "    epoch.fill_(number)", "    pass"),
        ("Hugging Face datasets", "    epoch.fill_(number)", "    pass"),
    ],
)
def test_an_example_without_its_epochs_fails(section, line, instead, tmp_path, monkeypatch):
    """The comparisons of the page notice an epoch that is not set."""
    monkeypatch.chdir(tmp_path)
    found, namespace = blocks(), {}
    program = "\n".join(str(example.parsed) for example in found[None] + found[section])

    assert line in program
    with pytest.raises(AssertionError):
        exec(compile(program.replace(line, instead, 1), section, "exec"), namespace)  # noqa: S102
