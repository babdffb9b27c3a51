"""PyTorch: dust in a tensor's own memory, and a data set whose dust does not depend on the number of workers."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._extras import name_extra

with name_extra("torch", "dustaug.torch", "torch"):
    import torch
    from torch.utils.data import Dataset, IterableDataset

from ._adapters.keys import check_key
from ._adapters.records import default_key, dust_array, has_entries, read_entry, replace_entry
from ._engine.checks import check_flag, check_layout, check_spec, check_value_range, check_whole
from ._engine.contract import MAX_INDEX
from ._engine.coordinates import check_epoch, check_seed, pack
from ._engine.memory import Layout
from ._tensors import compiled, painter
from ._tensors.painter import AnyTensor, Painter, dust_picture
from .spec import Spec

__all__ = ["DustDataset", "add_dust"]


def add_dust(
    images: AnyTensor,
    spec: Spec | None = None,
    *,
    seed: int | None = None,
    epoch: int | torch.Tensor = 0,
    index: int | ArrayLike | torch.Tensor | None = None,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
    num_threads: int = 1,
) -> AnyTensor:
    """Paint random rectangles on every image of a tensor, in place, and return the tensor.

    The pixels are those of :func:`dustaug.add_dust` for the same spec, seed, epoch and index, byte for byte, on every
    device. On a GPU the painting is queued on the current stream, and nothing waits for it.

    Parameters
    ----------
    images : Tensor, (n, c, h, w), (c, h, w) or (h, w), changed in place
        On any device. Any dtype with items of 1, 2, 4 or 8 bytes; bfloat16 and 8-bit floats need ``ml_dtypes``, which
        ``dustaug[torch]`` installs. Views may be strided, cropped or ``channels_last``.
    spec, seed, epoch, index, num_threads
        As in :func:`dustaug.add_dust`. Epoch and index may be tensors too: on the device of `images` they are read when
        the kernel runs, so that a captured CUDA graph paints anew at each replay. Threads are used on the CPU only.
    layout, value_range : optional
        As in :func:`dustaug.add_dust`, but by default the layout is NCHW, CHW or HW, by the number of axes.

    Returns
    -------
    Tensor
        `images` itself.

    Raises
    ------
    TypeError
        If `images` is not a dense tensor of numbers, if a seed comes without an index, or an index without a seed.
    ValueError
        If `images` overlaps itself, or an argument is out of its limits.
    ImportError
        If the dtype needs ``ml_dtypes`` and it is not installed.
    RuntimeError
        If a CUDA graph is being captured, and the arguments do not let it paint anew at a replay.

    Notes
    -----
    Autograd does not see the painting, as under ``torch.no_grad()``: a leaf that requires a gradient may be painted,
    and the gradient with respect to a painted pixel is the one without dust. The version counter counts the painting,
    and ``backward()`` raises if a tensor was painted after autograd had saved it.

    Examples
    --------
    >>> images = torch.full((8, 3, 64, 64), 255, dtype=torch.uint8)
    >>> add_dust(images, seed=7, index=0) is images
    True
    >>> alone = add_dust(torch.full((3, 64, 64), 255, dtype=torch.uint8), seed=7, index=5)
    >>> torch.equal(alone, images[5])
    True
    """
    paint = compiled.trace_add_dust if torch.compiler.is_compiling() else painter.add_dust
    return paint(images, spec, layout, value_range, pack((seed, epoch, index)), num_threads)


class DustDataset(Dataset[Any]):
    """A map-style data set whose images are dusted: image number i of epoch e always gets the dust of (seed, e, i).

    That holds for any number of workers, forked or spawned, any batch size, any sampler and any shard of a
    ``DistributedSampler``. Without :meth:`set_epoch` every epoch shows the same dust.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        A sample is an image (tensor, NumPy array or Pillow image), or a tuple, list, named tuple or mapping with an
        image. The arrays of the data set stay unchanged, and the other entries of a sample are passed on.
    spec, seed, epoch
        As in :func:`dustaug.add_dust`; the seed is required.
    image_key : int or str, optional
        Place or key of the image in a sample. By default 0 in tuples and lists, ``"image"`` in mappings.
    layout, value_range : optional
        As in :func:`dustaug.add_dust`. By default tensors are NCHW, CHW or HW, and arrays NHWC, HWC or HW. A batch
        within one sample holds the frames of a video, which share their dust.
    inplace : bool, default False
        Paint the data set's own tensors and arrays, without a copy. Use it only if the data set makes them afresh.

    Raises
    ------
    TypeError
        If `dataset` has no indices, such as an ``IterableDataset``, or `image_key` is neither a place nor a key.

    Notes
    -----
    The index of the dust is the index of the sample in this data set. Split it as in
    ``Subset(DustDataset(whole, seed=7), chosen)``, and every image keeps its dust whatever the split.

    Examples
    --------
    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> photos = TensorDataset(torch.full((100, 3, 64, 64), 255, dtype=torch.uint8), torch.arange(100))
    >>> dusted = DustDataset(photos, seed=7)
    >>> images, labels = next(iter(DataLoader(dusted, batch_size=32, shuffle=True)))
    >>> torch.equal(images[0], dusted[labels[0]][0])
    True
    >>> dusted.set_epoch(1)
    >>> torch.equal(images[0], dusted[labels[0]][0])
    False
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        spec: Spec | None = None,
        *,
        seed: int,
        epoch: int = 0,
        image_key: int | str | None = None,
        layout: Layout | None = None,
        value_range: tuple[float, float] | None = None,
        inplace: bool = False,
    ) -> None:
        if isinstance(dataset, IterableDataset):
            raise TypeError(
                f"dataset must be map-style, got the iterable {type(dataset).__name__}, which has no indices: type "
                "dustaug.torch.add_dust(image, seed=…, index=number_of_the_image) where it makes its samples"
            )
        if not hasattr(type(dataset), "__getitem__"):
            raise TypeError(
                f"dataset must have a sample at each index, got {type(dataset).__name__}: type DustDataset(dataset, …) "
                "with a torch.utils.data.Dataset or a list"
            )
        self.dataset, self.spec, self.seed = dataset, check_spec(spec), check_seed(seed)
        self.image_key, self.inplace = check_key("image_key", image_key, "a sample"), check_flag("inplace", inplace)
        self.layout, self.value_range = check_layout(layout), check_value_range(value_range)
        self._make_painter()
        # The epoch is in shared memory, so that persistent workers see set_epoch.
        with torch.inference_mode(mode=False):
            self._epoch = torch.tensor(check_epoch(epoch), device="cpu")
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]

    def _make_painter(self) -> None:
        self._painter = Painter(self.spec, self.layout, self.value_range)

    @property
    def epoch(self) -> int:
        """The epoch of the next sample."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Go to another epoch, 0 … 2**32 - 1, before iterating over the loader; persistent workers follow."""
        self._epoch.fill_(check_epoch(epoch))

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> Any:
        return self._dust(self.dataset[index], index)

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """Return several samples, which the data set fetches at once if it can."""
        # Asked of the type: a wrapper that hands on unknown attributes would hand on the method of what it wraps.
        at_once = hasattr(type(self.dataset), "__getitems__")
        dataset: Any = self.dataset
        samples = dataset.__getitems__(indices) if at_once else [dataset[index] for index in indices]
        return [self._dust(sample, index) for sample, index in zip(samples, indices, strict=True)]

    def _dust(self, sample: Any, index: int) -> Any:
        index = check_whole("index", index, -MAX_INDEX, MAX_INDEX)
        index += len(self) if index < 0 else 0
        if not has_entries(sample):
            return self._dust_image(sample, index)
        key = default_key(sample) if self.image_key is None else self.image_key
        image = read_entry(sample, key, "image_key", "DustDataset")
        return replace_entry(sample, key, self._dust_image(image, index))

    def _dust_image(self, image: Any, index: Any) -> Any:
        if "PIL.Image" in sys.modules and isinstance(image, sys.modules["PIL.Image"].Image):
            return dust_picture(image, self.spec, self.value_range, seed=self.seed, epoch=self.epoch, index=index)
        if not isinstance(image, (torch.Tensor, np.ndarray)):
            raise TypeError(
                f"image must be a tensor, a NumPy array or a Pillow image, got {type(image).__name__}: type "
                "DustDataset(…, image_key=…)"
            )
        if image.ndim == 4 or self.layout == "NHW":
            index = np.full(len(image), index)
        if isinstance(image, torch.Tensor):
            coordinates = pack((self.seed, self.epoch, index))
            return self._painter(image if self.inplace else image.clone(), coordinates)
        array = image if self.inplace else image.copy(order="K")
        return dust_array(array, self, self.epoch, index, self.layout)

    def __getstate__(self) -> dict[str, Any]:
        # A pickle must name no private module: the version that reads it may lack that module.
        return {name: value for name, value in self.__dict__.items() if name != "_painter"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_painter()
        # A copy has an epoch of its own, and so has an unpickled data set outside of the loader's workers.
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        return f"DustDataset({self.dataset!r}, {self.spec!r}, seed={self.seed}, epoch={self.epoch})"
