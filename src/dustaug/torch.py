"""PyTorch: dust in a tensor's own memory, and a data set whose dust does not depend on the number of workers."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import shown, unexpected_error
from ._extras import name_extra

with name_extra("torch", "dustaug.torch", "torch"):
    import torch
    from torch.utils.data import Dataset, IterableDataset, get_worker_info

from . import core
from ._adapters.keys import check_key
from ._adapters.records import default_key, has_entries, read_entry, replace_entry
from ._adapters.terms import check_no_donors, check_term_keys, for_frames, read_terms
from ._engine.checks import check_flag, check_layout, check_value_range, check_whole
from ._engine.contract import MAX_EPOCH, MAX_INDEX
from ._engine.coordinates import Coordinates, check_epoch, check_seed, pack
from ._engine.memory import Layout
from ._tensors import compiled, painter
from ._tensors.painter import AnyTensor, Painter, draw_seed, dust_picture, find_painter
from ._tensors.passes import MOST_PREFETCHED, Pass, PassFinder, SharedEpoch
from ._tensors.samplers import EpochSampler
from .schedule import Schedule, check_plan, read_plan, spec_at
from .spec import FIELD_NAMES, Spec

__all__ = ["DustDataset", "EpochSampler", "add_dust"]


def add_dust(
    images: AnyTensor,
    spec: Spec | Schedule | None = None,
    *,
    seed: int | None = None,
    epoch: int | torch.Tensor = 0,
    index: int | ArrayLike | torch.Tensor | None = None,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
    num_threads: int = 1,
    guide: torch.Tensor | NDArray[Any] | None = None,
    objects: Sequence[ArrayLike | torch.Tensor] | ArrayLike | torch.Tensor | None = None,
    donors: torch.Tensor | None = None,
    **unexpected: NoReturn,
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
    guide : uint8 or bool tensor or array, (n, rows, columns), or (rows, columns) for one image
        As in :func:`dustaug.add_dust`. On the device of `images` it is read when the kernel runs, as an index is.
    objects : list of n int tensors or arrays (k, 4), or one for one image
        As in :func:`dustaug.add_dust`. With them the rectangles of images on a GPU are drawn on the CPU, which waits
        for a guide or objects that are on the GPU.
    donors : Tensor of the shape, dtype and device of `images`, required with ``fill="donors"``
        The images whose pixels are copied, such as ``images[partners]``. They may be strided in another way.

    Returns
    -------
    Tensor
        `images` itself.

    Raises
    ------
    TypeError
        If `images` is not a dense tensor of numbers, if a seed comes without an index, or an index without a seed, if
        a guide, objects or donors are missing or not wanted, or donors are of another dtype.
    ValueError
        If `images` overlaps itself, or an argument is out of its limits, if donors are of another shape or on another
        device, or volumes are not on the CPU.
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
    if unexpected:
        raise unexpected_error("torch.add_dust()", unexpected, FIELD_NAMES)
    paint = compiled.trace_add_dust if torch.compiler.is_compiling() else painter.add_dust
    return paint(images, spec, layout, value_range, pack((seed, epoch, index)), num_threads, guide, objects, donors)


class DustDataset(Dataset[Any]):
    """A map-style data set whose images are dusted: image number i of epoch e always gets the dust of (seed, e, i).

    That holds for any number of workers, forked or spawned, any batch size, any sampler and any shard of a
    ``DistributedSampler``. Call :meth:`set_epoch` before each epoch, or let :class:`EpochSampler` count them. Without a
    seed, each pass of a data loader shows other dust, which ``torch.manual_seed`` determines.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        A sample is an image (tensor, NumPy array or Pillow image), or a tuple, list, named tuple or mapping with an
        image. The arrays of the data set stay unchanged, and the other entries of a sample are passed on.
    spec : Spec or Schedule, optional
        What to draw; :func:`dustaug.dust` if left out. A schedule draws what it has for the epoch of each sample.
    seed : int, optional
        0 … 2**64 - 1. By default the base seed of the data loader, which is the same for all workers of a pass, and
        outside of a loader a number of torch's generator for each sample.
    epoch : int, optional
        The first epoch, 0 … 2**32 - 1, by default 0. Type ``epoch=0`` if every pass is to show the same dust, as for
        validation: then no warning is given.
    image_key : int or str, optional
        Place or key of the image in a sample. By default 0 in tuples and lists, ``"image"`` in mappings.
    guide_key : int or str, required with ``center="guide"``
        Place or key of the guide of the image: uint8 or bool, (rows, columns) or (1, rows, columns), of any resolution,
        as a tensor, an array or a Pillow mask of mode 1, L or P.
    objects_key : int or str, required with ``max_hidden`` or ``per_object``
        Place or key of the boxes of the objects: whole numbers (k, 4), top, left, bottom, right in pixels, as a tensor,
        an array or a list. torchvision's ``BoundingBoxes`` may have any upright format; of boxes with fractions every
        pixel counts that they touch, so that a box of few pixels may lose more of its own area than `max_hidden`.
    layout, value_range : optional
        As in :func:`dustaug.add_dust`. By default tensors are NCHW, CHW or HW, and arrays NHWC, HWC or HW. A batch
        within one sample holds the frames of a video, which share their dust, their guide and their objects.
    inplace : bool, default False
        Paint the data set's own tensors and arrays, without a copy. Use it only if the data set makes them afresh.

    Raises
    ------
    TypeError
        If `dataset` has no indices, such as an ``IterableDataset``, if `image_key` is neither a place nor a key, or if
        the spec takes a guide or objects and their key is missing, or the other way round; in use, if a key is neither
        an index nor a pair (epoch, index), or a sample holds no image.

    Warns
    -----
    UserWarning
        If every epoch shows the same dust, because nobody chose the epoch; if :meth:`set_epoch` is called in the middle
        of a pass with workers, which would change batches that are already dealt.

    Notes
    -----
    The index of the dust is the index of the sample in this data set. Split it as in
    ``Subset(DustDataset(whole, seed=7), chosen)``, and every image keeps its dust whatever the split.

    A key is an index, or a pair (epoch, index), which :class:`EpochSampler` deals. The epoch of a pair goes before that
    of :meth:`set_epoch`.

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
    >>> torch.equal(images[0], dusted[0, labels[0]][0])
    True
    """

    # Pickles of versions before guides lack both.
    guide_key: int | str | None = None
    objects_key: int | str | None = None

    def __init__(
        self,
        dataset: Dataset[Any],
        spec: Spec | Schedule | None = None,
        *,
        seed: int | None = None,
        epoch: int | None = None,
        image_key: int | str | None = None,
        guide_key: int | str | None = None,
        objects_key: int | str | None = None,
        layout: Layout | None = None,
        value_range: tuple[float, float] | None = None,
        inplace: bool = False,
        **unexpected: NoReturn,
    ) -> None:
        if unexpected:
            raise unexpected_error("torch.DustDataset()", unexpected, FIELD_NAMES)
        _check_dataset(dataset)
        self.dataset, self.spec = dataset, check_plan(spec)
        self.seed = None if seed is None else check_seed(seed)
        self.image_key, self.inplace = check_key("image_key", image_key, "a sample"), check_flag("inplace", inplace)
        self.guide_key = check_key("guide_key", guide_key, "a sample")
        self.objects_key = check_key("objects_key", objects_key, "a sample")
        check_term_keys(spec_at(self.spec, 0), "DustDataset", guide_key=guide_key, objects_key=objects_key)
        check_no_donors(
            spec_at(self.spec, 0), "DustDataset", "dustaug.torch.add_dust(images, spec, donors=…) with a batch"
        )
        self.layout, self.value_range = check_layout(layout), check_value_range(value_range)
        # In shared memory, so that persistent workers see set_epoch. A pickle holds its numbers alone.
        self._shared = SharedEpoch(None if epoch is None else check_epoch(epoch))
        self._prepare()

    def _prepare(self) -> None:
        """Make what belongs to one process."""
        # None with a schedule, whose painters are those of its epochs.
        spec = self.spec
        self._painter = None if isinstance(spec, Schedule) else Painter(spec, self.layout, self.value_range)
        self._passes = PassFinder()
        # The pass that was seen last, and the shared epoch at that time; and after a state was loaded, the first pass
        # that reads, and the pass of the state, which goes on in it.
        self._last: tuple[Pass, int] | None = None
        self._resumed: tuple[Pass | None, Pass | None] | None = None
        # The former and the new epoch, and the count of calls, where the epoch moved within a pass.
        self._moved: tuple[int, int, int] | None = None

    @property
    def epoch(self) -> int:
        """The epoch of the next sample."""
        return self._shared.read()[0]

    def set_epoch(self, epoch: int) -> None:
        """Go to another epoch, 0 … 2**32 - 1, before iterating over the loader; persistent workers follow."""
        self._shared.choose(check_epoch(epoch))

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitem__(self, key: int | tuple[int, int]) -> Any:
        """Return the sample of an index, or of a pair (epoch, index)."""
        epoch, index = _split(key)
        return self._dust(self.dataset[index], index, epoch, self._find_pass(1))

    def __getitems__(self, keys: list[Any]) -> list[Any]:
        """Return several samples, which the data set fetches at once if it can."""
        # Asked of the type: a wrapper that hands on unknown attributes would hand on the method of what it wraps.
        at_once = hasattr(type(self.dataset), "__getitems__")
        dataset: Any = self.dataset
        pairs = [_split(key) for key in keys]
        indices = [index for _, index in pairs]
        samples = dataset.__getitems__(indices) if at_once else [dataset[index] for index in indices]
        found = self._find_pass(len(keys))
        return [self._dust(sample, index, epoch, found) for sample, (epoch, index) in zip(samples, pairs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Return where the data set stands, as plain values; torchdata's ``StatefulDataLoader`` asks for it."""
        found = None if self._last is None or self.seed is not None else list(self._last[0])
        epoch, chosen = self._shared.read()
        return {"spec": self.spec.to_dict(), "seed": self.seed, "epoch": epoch, "chosen": chosen, "pass": found}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where a data set of the same spec and seed stood.

        Raises
        ------
        ValueError
            If the state belongs to another spec or seed, or is not a state at all.
        """
        if not isinstance(state, Mapping) or {"spec", "seed", "epoch", "chosen", "pass"} - set(state):
            raise ValueError(f"state must come from state_dict() of a DustDataset, got {shown(state)}")
        spec = read_plan(state["spec"])
        if (spec, state["seed"]) != (self.spec, self.seed):
            raise ValueError(
                f"state must come from a DustDataset of {self.spec} and seed {self.seed}, "
                f"got {spec} and seed {state['seed']}"
            )
        self._shared.choose(check_epoch(state["epoch"]), is_chosen=bool(state["chosen"]))
        self._last = None
        self._resumed = None
        if state["pass"] is not None:
            self._shared.resume(Pass(*state["pass"]))
            self._resumed = None, None

    def _dust(self, sample: Any, index: int, epoch: int | None, found: Pass | None) -> Any:
        index = check_whole("index", index, -MAX_INDEX, MAX_INDEX)
        index += len(self) if index < 0 else 0
        coordinates, terms = self._coordinates(index, epoch, found), read_terms(sample, self, "DustDataset")
        if not has_entries(sample):
            hint = "DustDataset takes a tuple, a list or a mapping with an image"
            return self._dust_image(sample, coordinates, terms, hint)
        key = default_key(sample) if self.image_key is None else self.image_key
        image, hint = read_entry(sample, key, "image_key", "DustDataset"), "type DustDataset(…, image_key=…)"
        return replace_entry(sample, key, self._dust_image(image, coordinates, terms, hint))

    def _coordinates(self, index: int, epoch: int | None, found: Pass | None) -> Coordinates:
        """Return the coordinates of a sample; `epoch` is that of its key."""
        current, is_chosen = self._shared.read()
        if found is None:
            seed = draw_seed() if self.seed is None else self.seed
            return Coordinates(seed, current if epoch is None else epoch, index)
        last, self._last = self._last, (found, current)
        if epoch is None:
            epoch = current
            if is_chosen:
                self._check_steady(found, last, epoch)
            else:
                self._check_repeat(found, index)
                if self.seed is None:
                    epoch = (epoch + found.number) % (MAX_EPOCH + 1)
        return Coordinates(found.base_seed if self.seed is None else self.seed, epoch, index)

    def _find_pass(self, n_reads: int) -> Pass | None:
        """Return the pass that asks for samples: that of the state which was loaded, as long as it goes on."""
        found = self._passes.find(n_reads)
        if found is None or self._resumed is None:
            return found
        first, former = self._resumed
        if first is None or former is None:
            first, former = found, self._shared.resumed()
        if former.base_seed == found.base_seed:  # Workers who go on counting from there.
            self._passes.found, self._resumed = former, None
            return former
        self._resumed = (first, former) if first == found else None
        return found if self._resumed is None else former

    def _check_steady(self, found: Pass, last: tuple[Pass, int] | None, epoch: int) -> None:
        """Warn if the dust depends on how fast the workers are."""
        if last is None or last[0] != found or get_worker_info() is None:
            self._moved = None
        elif last[1] != epoch and self._moved is None:
            self._moved = last[1], epoch, self._passes.calls
        # A pass that was left early ends with what its workers had still to do.
        if self._moved is not None and self._passes.calls - self._moved[2] > MOST_PREFETCHED:
            self._shared.warn(
                f"the epoch changed from {self._moved[0]} to {self._moved[1]} while workers were reading, so that the "
                "dust of some batches depends on how fast they were: call set_epoch() before the loader is iterated, "
                "or type DataLoader(…, sampler=dustaug.torch.EpochSampler(sampler))"
            )

    def _check_repeat(self, found: Pass, index: int) -> None:
        """Warn if dust must be repeating, as nobody has chosen an epoch."""
        if isinstance(self.spec, Schedule):
            # Without a seed, workers that live on count their passes.
            if self.seed is not None or not found.number:
                self._shared.check_repeat(found, index, is_scheduled=True)
        elif self.seed is not None:
            self._shared.check_repeat(found, index)
        if hasattr(type(self.dataset), "__len__"):
            self._shared.check_endless(self._passes.reads, len(self))

    def _dust_image(self, image: Any, coordinates: Coordinates, terms: dict[str, Any], hint: str) -> Any:
        if "PIL.Image" in sys.modules and isinstance(image, sys.modules["PIL.Image"].Image):
            spec = spec_at(self.spec, coordinates.epoch)
            return dust_picture(image, spec, self.value_range, **coordinates._asdict(), **terms)
        if not isinstance(image, (torch.Tensor, np.ndarray)):
            raise _not_an_image(image, hint)
        seed, epoch, index = coordinates
        if image.ndim == 4 or self.layout == "NHW":
            index, terms = np.full(len(image), index), for_frames(terms, len(image))
        if isinstance(image, torch.Tensor):
            tensor = image if self.inplace else image.clone()
            painter = self._painter or find_painter(spec_at(self.spec, epoch), self.layout, self.value_range)
            return painter(tensor, Coordinates(seed, epoch, index), **terms)
        array = image if self.inplace else image.copy(order="K")
        options: dict[str, Any] = {"layout": self.layout, "value_range": self.value_range, **terms}
        return core.add_dust(array, self.spec, seed=seed, epoch=epoch, index=index, **options)

    def __getstate__(self) -> dict[str, Any]:
        # A pickle must name no private module: the version that reads it may lack that module.
        private = ("_painter", "_passes", "_last", "_moved", "_resumed", "_shared")
        return {**{k: v for k, v in self.__dict__.items() if k not in private}, "_epoch": self._shared.numbers}

    def __setstate__(self, state: dict[str, Any]) -> None:
        numbers = state.pop("_epoch")
        self.__dict__.update(state)
        self._shared = SharedEpoch(None)
        self._shared.numbers = numbers
        # A copy has an epoch of its own, and so has an unpickled data set outside of the loader's workers.
        self._shared.share()
        self._prepare()

    def __repr__(self) -> str:
        return f"DustDataset({self.dataset!r}, {self.spec!r}, seed={self.seed}, epoch={self.epoch})"


def _check_dataset(dataset: Any) -> None:
    """Refuse what has no sample at each index."""
    kind = type(dataset)
    if isinstance(dataset, IterableDataset):
        # Those of litdata and of MosaicML's streaming have both.
        if kind.__getitem__ is not Dataset.__getitem__ and hasattr(kind, "__len__"):
            raise TypeError(
                f"dataset must be map-style, got {kind.__name__}, which has samples at indices but is an "
                "IterableDataset, so that loaders take its own order and pass no index: type dustaug.torch.add_dust("
                f"image, seed=…, epoch=…, index=index) in the method __getitem__(self, index) of a subclass of "
                f"{kind.__name__}, where litdata has the number as index.index"
            )
        raise TypeError(
            f"dataset must be map-style, got the iterable {kind.__name__}, which has no indices: type "
            "dustaug.torch.add_dust(image, seed=…, index=number_of_the_image) where it makes its samples"
        )
    if not hasattr(kind, "__getitem__"):
        raise TypeError(
            f"dataset must have a sample at each index, got {kind.__name__}: type DustDataset(dataset, …) "
            "with a torch.utils.data.Dataset or a list"
        )


def _split(key: Any) -> tuple[int | None, int]:
    """Return the epoch, if the key has one, and the index."""
    if not isinstance(key, tuple):
        return None, check_whole("index", key, -MAX_INDEX, MAX_INDEX)
    if len(key) != 2:
        raise TypeError(f"key must be an index or a pair (epoch, index), got {shown(key)}")
    return check_epoch(key[0]), check_whole("index", key[1], -MAX_INDEX, MAX_INDEX)


def _not_an_image(image: Any, hint: str) -> TypeError:
    kind = type(image).__name__
    if isinstance(image, (str, bytes, os.PathLike)):
        hint = "type PIL.Image.open(…) in the data set, which must decode its images"
    elif isinstance(getattr(image, "data", None), torch.Tensor):  # torchio.ScalarImage, and other owners of a tensor.
        hint = (
            f"let the data set return the tensor {kind}.data, or a slice of it with the axes channels, height and width"
        )
    return TypeError(f"image must be a tensor, a NumPy array or a Pillow image, got {kind}: {hint}")
