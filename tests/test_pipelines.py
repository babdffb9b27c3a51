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
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning"),
]

PAGE = Path(__file__).parent.parent / "docs" / "pipelines.md"
SECTIONS = [
    "PyTorch Lightning",
    "Accelerate",
    "Hugging Face Trainer",
    "Ignite",
    "torchdata",
    "timm",
    "Loaders that never end",
    "WebDataset",
    "Hugging Face datasets",
    "Schedules",
    "Masks and boxes",
]


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
        ("Accelerate", "    loader.set_epoch(epoch)", "    dusted.set_epoch(epoch)"),
        ("Accelerate", "rest.set_epoch(12)", "dusted.set_epoch(12)"),
        ("Hugging Face Trainer", "        train_dataloader.dataset.set_epoch(int(state.epoch or 0))", "        pass"),
        ("Ignite", "        dusted.set_epoch(engine.state.epoch - 1)", "        pass"),
        ("torchdata", "loader.dataset.set_epoch(3)", "pass"),
        ("timm", "    dataset.set_epoch(epoch)", "    pass"),
        ("Loaders that never end", "sampler = EpochSampler(RandomSampler(dusted), epoch=5)", "sampler = None"),
        ("WebDataset", "    epoch.fill_(number)", "    pass"),
        ("Hugging Face datasets", "    epoch.fill_(number)", "    pass"),
        ("Masks and boxes", "    dusted.set_epoch(epoch)", "    pass"),
    ],
)
def test_an_example_without_its_epochs_fails(section, line, instead, tmp_path, monkeypatch):
    """The comparisons of the page notice an epoch that is not set."""
    monkeypatch.chdir(tmp_path)
    found, namespace = blocks(), {}
    program = "\n".join(str(example.parsed) for example in found[None] + found[section])

    assert line in program
    # DustDataset itself warns where it can see it, which is an error here.
    with pytest.raises((AssertionError, UserWarning)):
        exec(compile(program.replace(line, instead, 1), section, "exec"), namespace)  # noqa: S102
