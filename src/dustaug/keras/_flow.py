"""Dust on flows of batches, as in the 2017 post: Keras' PyDatasets, sequences and iterables."""

from __future__ import annotations

import itertools
import operator
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, NoReturn

import keras
import numpy as np
from numpy.typing import NDArray

from dustaug._adapters.keys import check_key
from dustaug._adapters.records import dust_array
from dustaug._adapters.terms import check_term_keys, for_batch, read_terms
from dustaug._engine.checks import (
    check_flag,
    check_layout,
    check_plain,
    check_value_range,
    not_an_array_error,
)
from dustaug._engine.coordinates import check_epoch, check_seed
from dustaug._engine.memory import Layout, guess_layout
from dustaug._errors import shown, unexpected_error
from dustaug.schedule import Schedule, check_plan, spec_at
from dustaug.spec import FIELD_NAMES, Spec


def draw_seed() -> int:
    """Draw a seed as Keras does for its layers; ``keras.utils.set_random_seed`` makes it reproducible."""
    return int(keras.random.SeedGenerator().state.value[0])


def dust_flow(
    flow: Any,
    spec: Spec | Schedule | None = None,
    *,
    seed: int | None = None,
    epoch: int = 0,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
    inplace: bool = False,
    guide_key: int | str | None = None,
    objects_key: int | str | None = None,
    **unexpected: NoReturn,
) -> Any:
    """Dust the batches of a flow, as the 2017 post did: ``noised_train_flow = dust_flow(train_flow)``.

    Parameters
    ----------
    flow : keras.utils.PyDataset, sequence or iterable of batches
        A batch is images, (n, …), or a tuple that begins with them: ``(x, y)`` or ``(x, y, sample_weight)``. Legacy
        flows, such as ``ImageDataGenerator.flow(…)``, are PyDatasets.
    seed : int, optional
        0 … 2**64 - 1. By default Keras draws one, which ``keras.utils.set_random_seed`` seeds.
    epoch : int, default 0
        Number of the first epoch.
    spec, layout, value_range : optional
        As in :func:`dustaug.add_dust`, but by default the layout is NHWC or NCHW, as in Keras' configuration; a shape
        that looks like another layout is then an error. A schedule draws what it has for the flow's epoch.
    inplace : bool, default False
        Paint on the flow's own arrays. Use it only for a flow that makes them afresh.
    guide_key : int or str, required with ``center="guide"``
        Place of the guides in a batch, as 1 where the masks of ``(x, y)`` are the guides: uint8 or bool, (n, rows,
        columns), of any resolution. They are passed on.
    objects_key : int or str, required with ``max_hidden`` and ``per_object``
        Place of the boxes of the objects in a batch: a list with the boxes (k, 4) of each image, or an array (n, k, 4)
        of whole numbers; top, left, bottom, right in pixels.

    Returns
    -------
    keras.utils.PyDataset or generator
        For a PyDataset or a sequence (anything with ``len()`` and ``[i]``) a PyDataset with the same length, workers
        and callbacks. It goes to the next epoch at ``on_epoch_end``, which ``fit`` calls (newer versions of Keras once
        before the first epoch too), and at the end of a loop; ``set_epoch`` chooses the epoch. For any other iterable a
        generator that goes through it once.

    Raises
    ------
    TypeError
        If `flow` is not one of these, or is a ``tf.data.Dataset``; if the spec takes a guide or objects and their key
        is missing, or the other way round; in use, if a batch does not begin with images.
    LookupError
        In use, if a batch has no guide or objects at their key.
    ValueError
        If an argument is out of its limits.

    Notes
    -----
    Images get the dust of :func:`dustaug.add_dust` for (seed, epoch, index). In a flow with an ``index_array``, as
    legacy flows have, the index is that of the sample, also after a shuffle. In a flow with a ``batch_size`` it is the
    position in the flow, in any other PyDataset or sequence 2**32 times the number of the batch plus the position in
    the batch, and in an iterable the number of images before. So neither workers nor the order of batches change it.

    Examples
    --------
    >>> from dustaug import add_dust
    >>> batches = [(np.zeros((8, 32, 32, 3), np.uint8), np.arange(8))] * 4
    >>> noised_train_flow = dust_flow(batches, seed=7)
    >>> images, labels = noised_train_flow[1]
    >>> expected = add_dust(np.zeros((8, 32, 32, 3), np.uint8), seed=7, index=2**32)
    >>> len(noised_train_flow), bool((images == expected).all())
    (4, True)
    """
    if unexpected:
        raise unexpected_error("keras.dust_flow()", unexpected, FIELD_NAMES)
    if layout is None and keras.config.image_data_format() == "channels_first":
        layout = "NCHW"
    layout, value_range, inplace = check_layout(layout), check_value_range(value_range), check_flag("inplace", inplace)
    seed = draw_seed() if seed is None else check_seed(seed)
    spec = check_plan(spec)
    for argument, key in (("guide_key", guide_key), ("objects_key", objects_key)):
        check_key(argument, key, "a batch")
    check_term_keys(spec_at(spec, 0), "dust_flow", guide_key=guide_key, objects_key=objects_key)
    painter = _Painter(spec, seed, layout, value_range, inplace, guide_key, objects_key)
    if isinstance(flow, keras.utils.PyDataset):
        return _DustFlow(flow, painter, check_epoch(epoch))
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and isinstance(flow, tensorflow.data.Dataset):
        raise TypeError("flow must not be a tf.data.Dataset: type flow.map(dustaug.tensorflow.dust_fn)")
    is_sequence = hasattr(flow, "__len__") and hasattr(flow, "__getitem__")
    if isinstance(flow, (str, bytes, type, Mapping, np.ndarray)) or not (is_sequence or isinstance(flow, Iterable)):
        given = f"the class {flow.__name__}" if isinstance(flow, type) else type(flow).__name__
        raise TypeError(f"flow must be a PyDataset, a sequence or an iterable of batches, got {given}")
    if is_sequence:
        return _DustFlow(_Batches(flow), painter, check_epoch(epoch))
    return _dust_each(flow, painter, check_epoch(epoch))


class _Painter(NamedTuple):
    """Paints the images of batches by one set of options."""

    spec: Spec | Schedule
    seed: int
    layout: Layout | None
    value_range: tuple[float, float] | None
    inplace: bool
    guide_key: int | str | None
    objects_key: int | str | None

    def __call__(self, batch: Any, epoch: int, index: NDArray[np.int64]) -> Any:
        """Return a batch with dust; all but the images is passed on."""
        images = _images_of(batch)
        layout = self.layout or guess_layout(images.shape)
        if "N" not in layout:
            raise ValueError(
                f"flow must give batches of images, got shape {images.shape}: type images[None] for an image alone, or "
                'layout="NHW" for grey images without channels'
            )
        terms = for_batch(read_terms(batch, self, "dust_flow", "batch"))
        if hasattr(terms.get("guide"), "__array__"):
            terms["guide"] = np.asarray(terms["guide"])
        dusted = dust_array(images if self.inplace else np.array(images), self, epoch, index, layout, **terms)
        return (dusted, *batch[1:]) if isinstance(batch, (tuple, list)) else dusted


def _images_of(batch: Any) -> Any:
    if isinstance(batch, (tuple, list)) and not batch:
        raise TypeError(f"flow must give images or tuples that begin with them, got an empty {type(batch).__name__}")
    images = batch[0] if isinstance(batch, (tuple, list)) else batch
    if isinstance(images, Mapping):
        raise TypeError(
            "flow must give images or tuples that begin with them, got a dict: type ((d['images'], …) for …)"
        )
    if not isinstance(images, np.ndarray) and not hasattr(images, "__array__"):
        raise not_an_array_error(images)
    check_plain(images)
    return np.asarray(images)


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """A sequence of batches as a PyDataset."""

    def __init__(self, batches: Any) -> None:
        super().__init__()
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, i: int) -> Any:
        return self.batches[i]


class _DustFlow(keras.utils.PyDataset):  # type: ignore[misc]
    """A PyDataset with dust, which counts its epochs."""

    def __init__(self, flow: Any, painter: _Painter, epoch: int) -> None:
        super().__init__(flow.workers, flow.use_multiprocessing, flow.max_queue_size)
        self.flow, self.epoch, self._painter = flow, epoch, painter
        if getattr(flow, "index_array", ()) is None:
            flow.on_epoch_end()  # A legacy flow makes its order at its first batch, where workers would race for it.

    @property
    def num_batches(self) -> int | None:
        """Number of batches, or None if the flow is endless."""
        return self.flow.num_batches  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return len(self.flow)

    def __getitem__(self, i: int) -> Any:
        if isinstance(i, bool) or not hasattr(i, "__index__"):
            raise TypeError(f"flow must be asked for one batch by its number, got {shown(i)}: type flow[0]")
        i = operator.index(i)
        if i < 0:
            i += len(self)
        batch = self.flow[i]
        return self._painter(batch, self.epoch, self._index(i, len(_images_of(batch))))

    def _index(self, i: int, n: int) -> NDArray[np.int64]:
        """Return the index of each of the n images of a batch."""
        size = getattr(self.flow, "batch_size", None)
        if not isinstance(size, int):
            return (i << 32) + np.arange(n)
        order = getattr(self.flow, "index_array", None)
        index: NDArray[np.int64] = i * size + np.arange(size) if order is None else order[i * size : (i + 1) * size]
        if n > len(index):
            raise ValueError(f"flow must give batches of at most its batch_size={size}, got {n} images")
        return index[:n]

    def __iter__(self) -> Iterator[Any]:
        for i in itertools.count() if self.num_batches is None else range(self.num_batches):
            yield self[i]
        self.on_epoch_end()

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch before it begins, as in ``LambdaCallback(on_epoch_begin=lambda i, _: flow.set_epoch(i))``."""
        self.epoch = check_epoch(epoch)

    def on_epoch_begin(self) -> None:
        """Begin an epoch of the flow."""
        self.flow.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """End an epoch of the flow, and go to the next."""
        self.flow.on_epoch_end()
        self.epoch += 1


def _dust_each(flow: Iterable[Any], painter: _Painter, epoch: int) -> Iterator[Any]:
    index = 0
    for batch in flow:
        n = len(_images_of(batch))
        yield painter(batch, epoch, index + np.arange(n))
        index += n
