"""Fashion-MNIST (Xiao et al., 2017, arXiv:1708.07747): the files, where they lie, and random crops of the pictures."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug._extras import name_extra

with name_extra("fashion", "dustaug.examples", "torch"):
    import torch
    from torch.utils.data import Dataset

__all__ = ["CLASSES", "MEAN", "SIDE", "STD", "Crops", "Draws", "Pictures", "find_folder", "read_pictures", "split"]

CLASSES = (
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
SIDE = 28
MEAN, STD = 0.2860, 0.3530
"""Mean and standard deviation of the brightness of the training pictures, in [0, 1]."""

_DEBIAN = Path("/usr/share/datasets/fashion-mnist")
_PARTS = {"train": ("train", 60_000), "test": ("t10k", 10_000)}
_FILES = [(part, kind) for part in _PARTS for kind in ("images", "labels")]
# IDX files begin with two zeros, a code of the dtype, 8 for uint8, and the number of axes.
_MAGIC = b"\0\0\x08"
_PAD = 4
_VALIDATION = 5_000


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Grey pictures uint8 (n, 28, 28) and labels int64 (n,), from 0 to 9."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, chosen: Any) -> Pictures:
        return Pictures(self.images[chosen], self.labels[chosen])


def find_folder(folder: Path | None = None) -> Path:
    """Return the folder that holds the four files of Fashion-MNIST.

    Parameters
    ----------
    folder : Path, optional
        The folder itself, or the root of torchvision's data sets. By default the folder of Debian's package
        ``dataset-fashion-mnist``, and then ``data``.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    """
    roots = (_DEBIAN, Path("data")) if folder is None else (folder,)
    places = [place for root in roots for place in (root, root / "FashionMNIST" / "raw", root / "raw")]
    for place in places:
        if all(_find_file(place, part, kind) for part, kind in _FILES):
            return place
    asked = " or ".join(map(str, roots))
    missing = [_name(part, kind) for part, kind in _FILES if not any(_find_file(each, part, kind) for each in places)]
    raise FileNotFoundError(
        f"Fashion-MNIST must lie in {asked}, got no folder with {' and '.join(missing) or 'all four files'}: type "
        "apt-get install dataset-fashion-mnist on Debian and Ubuntu, or elsewhere pip install torchvision, and "
        f"python -c \"import torchvision; torchvision.datasets.FashionMNIST('{roots[-1]}', download=True)\""
    )


def _name(part: str, kind: str) -> str:
    return f"{_PARTS[part][0]}-{kind}-idx{3 if kind == 'images' else 1}-ubyte"


def _find_file(folder: Path, part: str, kind: str) -> Path | None:
    name = _name(part, kind)
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def read_pictures(folder: Path, part: str) -> Pictures:
    """Read the pictures and labels of a part, ``"train"`` or ``"test"``, from plain or gzipped IDX files.

    Raises
    ------
    ValueError
        If a file is not what it should be.
    """
    n = _PARTS[part][1]
    images = _read_idx(_find_file(folder, part, "images"), (n, SIDE, SIDE))
    labels = _read_idx(_find_file(folder, part, "labels"), (n,))
    if labels.max() >= len(CLASSES):
        raise ValueError(
            f"labels of Fashion-MNIST must be from 0 to 9, got {labels.max()} in {folder}: fetch the files again"
        )
    return Pictures(images, labels.astype(np.int64))


def _read_idx(path: Path | None, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if path is None:
        raise FileNotFoundError("a file of Fashion-MNIST is missing: see find_folder()")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read()
    except (EOFError, gzip.BadGzipFile) as problem:
        raise ValueError(
            f"{path} must be a whole gzip file, got one that cannot be read ({problem}): delete it, and fetch it again"
        ) from problem
    head = _MAGIC + bytes([len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
    n_bytes = len(head) + int(np.prod(shape))
    if content[: len(head)] != head or len(content) != n_bytes:
        raise ValueError(
            f"{path} must have {n_bytes:,} bytes that begin with {head.hex(' ')}, got {len(content):,} that begin with "
            f"{content[: len(head)].hex(' ')}: delete it, and fetch it again"
        )
    return np.frombuffer(content, np.uint8, offset=len(head)).reshape(shape)


def split(training: Pictures) -> tuple[Pictures, Pictures]:
    """Return 55,000 training pictures and 5,000 for choosing settings. Every call gives the same ones."""
    order = np.random.Generator(np.random.Philox(0)).permutation(len(training))
    return training[order[_VALIDATION:]], training[order[:_VALIDATION]]


@dataclasses.dataclass(frozen=True)
class Draws:
    """What chance decides in an epoch, apart from dust: the order, and the shift and flip of each picture.

    It is a pure function of (number of pictures, seed, epoch), so that a training can be resumed at any epoch.

    Parameters
    ----------
    n : int
        Number of pictures.
    seed, epoch : int
        Not negative.

    Attributes
    ----------
    order : int64, (n,)
        Places of the pictures in the order of training.
    shifts : int64, (n, 2)
        First row and column of each picture's crop, from 0 to 8, in the picture with a margin of four black pixels.
    flips : bool, (n,)
        Whether a picture is mirrored.
    """

    n: int
    seed: int
    epoch: int
    order: NDArray[np.int64] = dataclasses.field(init=False, repr=False)
    shifts: NDArray[np.int64] = dataclasses.field(init=False, repr=False)
    flips: NDArray[np.bool_] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence((self.seed, self.epoch))))
        object.__setattr__(self, "order", rng.permutation(self.n))
        object.__setattr__(self, "shifts", rng.integers(0, 2 * _PAD + 1, (self.n, 2)))
        object.__setattr__(self, "flips", rng.random(self.n) < 0.5)


class Crops(Dataset[Any]):
    """Randomly shifted and mirrored pictures, one by one for a data loader, or as a batch on a device.

    A sample is the picture uint8 (1, 28, 28), its label, and its garment uint8 (28, 28), which is 1 where the picture
    is not black: a guide for dust.

    Parameters
    ----------
    pictures : Pictures
        The training pictures.
    seed : int
        Seed of the order, the shifts and the flips.
    device : torch.device or str
        Where :meth:`batch` makes its crops.
    """

    def __init__(self, pictures: Pictures, seed: int, device: torch.device | str = "cpu") -> None:
        images = torch.tensor(pictures.images)[:, None]
        padded = torch.nn.functional.pad(images, (_PAD, _PAD, _PAD, _PAD)).to(device)
        # A view of all crops of each picture: (n, 1, 9, 9, 28, 28).
        self._windows = padded.unfold(2, SIDE, 1).unfold(3, SIDE, 1)
        self._labels = torch.tensor(pictures.labels).to(device)
        self._seed, self.device = seed, torch.device(device)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch, with an order, shifts and flips of its own."""
        self.draws = Draws(len(self), self._seed, epoch)

    def __len__(self) -> int:
        return len(self._labels)

    def batch(self, index: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the crops (b, 1, 28, 28) of some pictures, and their labels (b,)."""
        rows, columns = torch.from_numpy(self.draws.shifts[index]).to(self.device).unbind(1)
        places = torch.from_numpy(index).to(self.device)
        crops = self._windows[places, :, rows, columns]
        flips = torch.from_numpy(self.draws.flips[index]).to(self.device)
        return torch.where(flips[:, None, None, None], crops.flip(3), crops), self._labels[places]

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        row, column = self.draws.shifts[index]
        crop = self._windows[index, :, int(row), int(column)]
        crop = crop.flip(2) if self.draws.flips[index] else crop
        return crop, self._labels[index], garment(crop)[0]


def garment(crops: torch.Tensor) -> torch.Tensor:
    """Return a guide for dust, uint8 of the same shape: 1 where a picture is not black."""
    return (crops > 0).to(torch.uint8)
