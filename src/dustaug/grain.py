"""Grain: a transform whose dust depends on the record and the epoch, not on workers, shards or the order of records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, final

import numpy as np

from ._extras import name_extra

with name_extra("grain", "dustaug.grain", "grain"):
    from grain.transforms import MapWithIndex

from ._adapters.keys import check_key
from ._adapters.records import default_key, dust_array, has_entries, read_entry, replace_entry
from ._adapters.terms import check_term_keys, for_batch, read_terms
from ._engine.checks import (
    check_layout,
    check_plain,
    check_value_range,
    check_whole,
)
from ._engine.contract import MAX_INDEX
from ._engine.coordinates import check_epoch, check_seed
from ._engine.memory import Layout, guess_layout
from .schedule import Schedule, check_plan, spec_at
from .spec import Spec

__all__ = ["DustRectangles"]


@final
class DustRectangles(MapWithIndex):  # type: ignore[misc]
    """Paint random rectangles on the image of each element, for ``map_with_index`` and for ``grain.DataLoader``.

    The pixels are those of :func:`dustaug.add_dust` for the same spec, seed, epoch and index. The image is a copy, as
    a source may return its own memory; all other entries of an element are passed on.

    Parameters
    ----------
    spec : Spec or Schedule, optional
        What to draw; :func:`dustaug.dust` if neither this nor fields are given.
    seed : int
        0 … 2**64 - 1.
    epoch : int, optional
        Epoch of the first pass over the data, 0 … 2**32 - 1, by default 0.
    records_per_epoch : int, optional
        Length of the data set at this place. Grain numbers elements on through the passes of ``repeat``: number
        ``k * records_per_epoch + i`` is then record i in epoch ``epoch + k``. By default Grain's number is the index:
        the passes differ as well, as one long epoch. A ``DataLoader`` needs this argument: the number of records of
        its sampler, or, if the sampler has shards, the number of records of this shard times the number of shards.
    index_key, epoch_key : str or int, optional
        Where an element has its own index and epoch, which replace Grain's. A batch has the index of its first image
        or one for each image, and one epoch.
    image_key : str or int, optional
        Where the image is in a dict or tuple, or the name of a field of a named tuple; by default ``"image"`` or 0. An
        element may be the image itself.
    guide_key : str or int, required with ``center="guide"``
        Where the guide of the image is: uint8 or bool, (rows, columns), of any resolution. A batch has one for each
        image.
    objects_key : str or int, required with ``max_hidden`` or ``per_object``
        Where the boxes of the objects are: whole numbers (k, 4), top, left, bottom, right in pixels. A batch has a list
        of them, or an array (n, k, 4).
    layout, value_range : optional
        As in :func:`dustaug.add_dust`. Layouts of batches need an `index_key`.
    **fields
        Fields of :class:`dustaug.Spec` instead of a spec, ``count_range=(0, 63)``.

    Raises
    ------
    TypeError
        If a field is unknown, or comes together with a spec; if the spec takes a guide or objects and their key is
        missing, or the other way round; in use, if there is no array where the image should be.
    ValueError
        If an argument is out of its limits; in use, if an image is a batch and no `index_key` is given.

    Notes
    -----
    Put the transform before ``shuffle`` and ``batch``, where Grain's index is that of the record. After ``shuffle`` it
    is the place in the shuffled order, and the dust depends on the shuffle's seed. An ``IterDataset`` counts its
    elements in each worker from 0 on, so that workers would share their dust: give an `index_key` there. In a
    ``DataLoader`` put it before ``Batch``; the index is then the record's key, whatever the order of the sampler.

    Examples
    --------
    >>> import dustaug, grain
    >>> images, dust = np.zeros((10, 32, 32, 3), np.uint8), DustRectangles(seed=7, records_per_epoch=10)
    >>> dataset = grain.MapDataset.source(images).map_with_index(dust).repeat(2)
    >>> dataset.shuffle(seed=0).batch(5)[0].shape
    (5, 32, 32, 3)
    >>> bool((dataset[13] == dustaug.add_dust(images.copy(), seed=7, epoch=1, index=0)[3]).all())
    True
    """

    # Pickles of versions before guides lack both.
    guide_key: str | int | None = None
    objects_key: str | int | None = None

    def __init__(
        self,
        spec: Spec | Schedule | None = None,
        *,
        seed: int,
        epoch: int | None = None,
        records_per_epoch: int | None = None,
        index_key: str | int | None = None,
        epoch_key: str | int | None = None,
        image_key: str | int | None = None,
        guide_key: str | int | None = None,
        objects_key: str | int | None = None,
        layout: Layout | None = None,
        value_range: tuple[float, float] | None = None,
        **fields: Any,
    ) -> None:
        self.spec, self.seed = check_plan(spec, fields), check_seed(seed)
        self.epoch = check_epoch(0 if epoch is None else epoch)
        if records_per_epoch is not None:
            records_per_epoch = check_whole("records_per_epoch", records_per_epoch, 1, MAX_INDEX)
        self.records_per_epoch = records_per_epoch
        self.index_key, self.epoch_key, self.image_key = (
            check_key(argument, key, "an element")
            for argument, key in (("index_key", index_key), ("epoch_key", epoch_key), ("image_key", image_key))
        )
        self.guide_key = check_key("guide_key", guide_key, "an element")
        self.objects_key = check_key("objects_key", objects_key, "an element")
        if isinstance(self.spec, Schedule) and epoch is records_per_epoch is epoch_key is None:
            raise TypeError(
                "records_per_epoch must be given with a Schedule, or it would stay in epoch 0, got none: type "
                "DustRectangles(schedule, seed=0, records_per_epoch=len(source)), epoch_key=…, or epoch=0 if that is "
                "meant"
            )
        check_term_keys(spec_at(self.spec, 0), "DustRectangles", guide_key=guide_key, objects_key=objects_key)
        if epoch_key is not None and (records_per_epoch is not None or self.epoch):
            raise TypeError(
                f"epoch_key must be given without epoch and records_per_epoch, got epoch={self.epoch} and "
                f"records_per_epoch={records_per_epoch}"
            )
        self.layout, self.value_range = check_layout(layout), check_value_range(value_range)

    def map_with_index(self, index: int, element: Any) -> Any:
        """Dust the element that Grain numbers `index`."""
        passes, record = 0, index
        if self.records_per_epoch:
            passes, record = divmod(check_whole("index", index, 0, MAX_INDEX), self.records_per_epoch)
        return self._dust(element, passes, record)

    def __call__(self, records: Iterator[Any], *_: Any) -> Iterator[Any]:
        """Dust the records of a ``DataLoader``, which applies a transform with an index to its iterator of records."""
        if not isinstance(records, Iterator):
            raise TypeError(
                f"records must be the iterator of a DataLoader, got {type(records).__name__}: type "
                "dataset.map_with_index(DustRectangles(…)) instead of dataset.map and random_map"
            )
        return _DustedRecords(self._dust_record, records)

    def output_spec(self, input_spec: Any) -> Any:
        """Return the shapes and dtypes of the elements, which stay the same."""
        return input_spec

    def _dust_record(self, record: Any) -> Any:
        """Dust a record of a ``DataLoader``."""
        key = record.metadata.record_key
        if self.index_key is None or self.records_per_epoch is not None:
            if key is None:
                raise ValueError(
                    "DustRectangles must come before grain.transforms.Batch in the operations of a DataLoader, got a "
                    "record without a key: put it before Batch, or type index_key=… and epoch_key=…"
                )
            if self.records_per_epoch is None:
                raise ValueError(
                    "records_per_epoch must be given in a DataLoader, or every epoch would show the same dust, got "
                    "none: type DustRectangles(seed=0, records_per_epoch=len(source))"
                )
        passes = record.metadata.index // self.records_per_epoch if self.records_per_epoch else 0
        return type(record)(metadata=record.metadata, data=self._dust(record.data, passes, key))

    def _dust(self, element: Any, passes: int, index: Any) -> Any:
        epoch, terms = self.epoch + passes, read_terms(element, self, "DustRectangles", "element")
        if not has_entries(element):
            if self.index_key is not None or self.epoch_key is not None:
                raise TypeError(
                    f"element must be a dict or a tuple with an index_key or epoch_key, got {type(element).__name__}"
                )
            return self._dust_image(element, epoch, index, terms)
        if self.epoch_key is not None:
            epoch = check_epoch(_read(element, self.epoch_key, "epoch_key"))
        if self.index_key is not None:
            index = _read(element, self.index_key, "index_key")
        key = default_key(element) if self.image_key is None else self.image_key
        return replace_entry(element, key, self._dust_image(_read(element, key, "image_key"), epoch, index, terms))

    def _dust_image(self, image: Any, epoch: int, index: Any, terms: dict[str, Any]) -> Any:
        if not isinstance(image, np.ndarray):
            hint = (
                "numpy.asarray(image)" if hasattr(image, "__array__") else "DustRectangles(…, image_key=…) where it is"
            )
            raise TypeError(f"image must be a NumPy array, got {type(image).__name__}: type {hint}")
        check_plain(image)
        layout = self.layout or guess_layout(image.shape)
        if "N" in layout and self.index_key is None:
            raise ValueError(
                f"image must be a single image without an index_key, got a batch of shape {image.shape}: type "
                "dataset.map_with_index(DustRectangles(seed=0)).batch(…), or index_key=…"
            )
        terms = for_batch(terms) if "N" in layout else terms
        return dust_array(np.array(image, order="K"), self, epoch, index, layout, **terms)

    def __repr__(self) -> str:
        keys = "index_key", "epoch_key", "image_key", "guide_key", "objects_key"
        names = ("epoch", "records_per_epoch", *keys, "layout", "value_range")
        given = "".join(f", {name}={getattr(self, name)!r}" for name in names if getattr(self, name) not in (None, 0))
        return f"DustRectangles({self.spec!r}, seed={self.seed}{given})"


class _DustedRecords(Iterator[Any]):
    """The records of a ``DataLoader``, dusted one at a time: Grain may change the state of the source in between."""

    def __init__(self, dust_record: Callable[[Any], Any], records: Iterator[Any]) -> None:
        self._dust_record, self._records = dust_record, records

    def __next__(self) -> Any:
        return self._dust_record(next(self._records))


def _read(element: Any, key: int | str, argument: str) -> Any:
    return read_entry(element, key, argument, "DustRectangles", "element")
