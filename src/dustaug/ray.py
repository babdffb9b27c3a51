"""Ray Data: dust on the batches of ``map_batches``, the same for any number of blocks, actors and nodes.

Ray itself is not imported: :class:`DustBatch` takes dicts of arrays, from Ray or from any other caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from . import core
from ._adapters.keys import check_name
from ._adapters.records import dust_array, read_entry
from ._adapters.terms import as_guide, as_objects, check_term_keys
from ._engine.checks import (
    check_flag,
    check_layout,
    check_plain,
    check_value_range,
)
from ._engine.contract import MAX_EPOCH, MAX_INDEX
from ._engine.coordinates import check_epoch, check_seed
from ._engine.guide import check_boxes, check_guide
from ._engine.memory import Layout
from ._errors import shown, unexpected_error
from .schedule import Schedule, check_plan, spec_at
from .spec import FIELD_NAMES, Spec

__all__ = ["DustBatch"]


class DustBatch:
    """Dust the images of a batch, each by the index that its row carries.

    Give the class to ``map_batches``: Ray then makes one instance in every actor, which loads the kernel once. An
    instance is a function of a batch, for tasks without actors, and for ``iter_batches`` in a training loop that knows
    the epoch.

    Parameters
    ----------
    spec, seed
        As in :func:`dustaug.add_dust`; the seed is required. A schedule draws what it has for the epoch of each row.
    image_column : str, default "image"
        Column of images: an array (n, h, w, c) or (n, h, w), or an object array of n images of different sizes,
        (h, w, c) or (h, w).
    index_column : str
        Column of whole numbers from 0 to 2**63 - 1 that stay with their images. Ray numbers no rows; see
        :func:`dustaug.index_of`, which makes an index of a path.
    epoch : int, default 0
        0 … 2**32 - 1; see also :meth:`set_epoch`.
    epoch_column : str, optional
        Column of the epoch of each row, instead of `epoch`.
    guide_column : str, required with ``center="guide"``
        Column of guides, uint8 or bool: an array (n, rows, columns), or an object array of n guides of different sizes.
        They may have another resolution than the images.
    objects_column : str, required with ``max_hidden`` or ``per_object``
        Column of the boxes of each image: whole numbers (k, 4), top, left, bottom, right in pixels. An image may have
        any number of them.
    layout, value_range : optional
        As in :func:`dustaug.add_dust`. The layout is that of batches; images of different sizes have it without its N.
        By default it is NHWC or NHW, by the number of axes; a shape that looks like another layout is an error.
    inplace : bool, default False
        Paint on writable arrays without a copy. Use it only where nobody else holds them. Read-only arrays are copied.

    Raises
    ------
    TypeError
        If `seed` or `index_column` is missing, or an argument is of the wrong type; if the spec takes a guide or
        objects and their column is missing, or the other way round; in a call, if the batch is not a dict of arrays,
        or a column holds anything but images, guides or whole numbers.
    ValueError
        If an argument is out of its limits.
    LookupError
        In a call, if the batch lacks a column.

    Notes
    -----
    Arrays from Ray's object store are read-only views of it. A writable array may still belong to somebody, such as
    the function mapped before, whose arrays Ray passes on without a copy. So a batch is copied once.

    Examples
    --------
    >>> from dustaug import add_dust
    >>> dust_batch = DustBatch(seed=7, index_column="id")
    >>> batch = {"image": np.zeros((2, 32, 32, 3), np.uint8), "id": np.array([5, 1000])}
    >>> dusted = dust_batch(batch)
    >>> expected = add_dust(np.zeros((32, 32, 3), np.uint8), seed=7, index=1000)
    >>> bool((dusted["image"][1] == expected).all()), int(batch["image"].max())
    (True, 0)

    ``dataset.map_batches(DustBatch, fn_constructor_kwargs={"seed": 7, "index_column": "id"}, batch_format="numpy")``
    does the same to a data set of Ray.
    """

    # Pickles of versions before guides lack both.
    guide_column: str | None = None
    objects_column: str | None = None

    def __init__(
        self,
        spec: Spec | Schedule | None = None,
        *,
        seed: int | None = None,
        image_column: str = "image",
        index_column: str | None = None,
        epoch: int = 0,
        epoch_column: str | None = None,
        guide_column: str | None = None,
        objects_column: str | None = None,
        layout: Layout | None = None,
        value_range: tuple[float, float] | None = None,
        inplace: bool = False,
        **unexpected: NoReturn,
    ) -> None:
        if unexpected:
            raise unexpected_error("ray.DustBatch()", unexpected, FIELD_NAMES)
        self.spec = check_plan(spec)
        if seed is None:
            raise TypeError(
                "seed must be given, or a batch that Ray makes anew would get other dust, got none: type "
                "DustBatch(seed=0, index_column=…)"
            )
        self.seed = check_seed(seed)
        if index_column is None:
            raise TypeError(
                "index_column must name a column of numbers that stay with their images, got none, and Ray numbers no "
                "rows: make one of the paths, as in ray.data.read_images(…, include_paths=True).map_batches(lambda "
                'batch: {**batch, "index": dustaug.index_of(batch["path"])}), and type index_column="index"'
            )
        self.image_column = check_name("image_column", image_column, "a column")
        self.index_column = check_name("index_column", index_column, "a column")
        self.epoch_column = None if epoch_column is None else check_name("epoch_column", epoch_column, "a column")
        self.epoch = check_epoch(epoch)
        if self.epoch and self.epoch_column:
            raise TypeError(f"epoch must be left out with epoch_column, got {self.epoch}")
        self.guide_column = None if guide_column is None else check_name("guide_column", guide_column, "a column")
        self.objects_column = (
            None if objects_column is None else check_name("objects_column", objects_column, "a column")
        )
        check_term_keys(spec_at(self.spec, 0), "DustBatch", guide_column=guide_column, objects_column=objects_column)
        self.layout, self.value_range = check_layout(layout), check_value_range(value_range)
        self._single = None if self.layout is None else self.layout.replace("N", "")
        self.inplace = check_flag("inplace", inplace)
        core.warmup()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return a new dict of arrays with dusted images; the other columns are the same arrays.

        `batch` is a dict of arrays, as Ray makes it with ``batch_format="numpy"``. The images keep shape and dtype.
        """
        if not isinstance(batch, Mapping):
            raise TypeError(
                f'batch must be a dict of arrays, got {type(batch).__name__}: type map_batches(…, batch_format="numpy")'
            )
        images = self._column(batch, "image_column")
        if not isinstance(images, np.ndarray):
            is_listed = isinstance(images, (list, tuple))
            hint = ": type numpy.stack(images) if they are of one size" if is_listed else ""
            raise TypeError(f"column {self.image_column!r} must be a NumPy array, got {type(images).__name__}{hint}")
        if images.ndim and not len(images):
            return dict(batch)
        check_plain(images)
        if images.dtype == object and images.ndim == 1:
            for image in images:
                self._check_image(image)
        elif images.ndim not in (3, 4) or images.dtype.kind in "OSUVmM":
            raise self._not_images_error(f"an array of {images.dtype} and shape {images.shape}")
        index = self._numbers(batch, "index_column", len(images), MAX_INDEX)
        epochs = np.full(1, self.epoch)
        if self.epoch_column is not None:
            epochs = self._numbers(batch, "epoch_column", len(images), MAX_EPOCH)
        terms = self._terms(batch, len(images))
        is_ragged = images.dtype == object or isinstance(terms.get("guide"), list)
        paint = self._paint_each if is_ragged else self._paint_batch
        return {**batch, self.image_column: paint(images, epochs, index, terms)}

    def set_epoch(self, epoch: int) -> None:
        """Go to another epoch in this instance; the instances of actors do not follow."""
        if self.epoch_column is not None:
            raise TypeError(f"epoch must come from the column {self.epoch_column!r}, got {shown(epoch)}")
        self.epoch = check_epoch(epoch)

    def _column(self, batch: Mapping[str, Any], argument: str) -> Any:
        return read_entry(batch, getattr(self, argument), argument, "DustBatch", "batch")

    def _numbers(self, batch: Mapping[str, Any], argument: str, n: int, most: int) -> NDArray[np.int64]:
        """Return a column of n whole numbers from 0 to `most`."""
        name, given = getattr(self, argument), self._column(batch, argument)
        try:
            column = np.asarray(given)
        except ValueError:
            raise TypeError(f"column {name!r} must hold one whole number for each image, got {shown(given)}") from None
        if column.dtype.kind not in "iu":
            is_named = column.size > 0 and all(isinstance(value, (str, bytes)) for value in column.flat)
            hint = f": type dustaug.index_of(batch[{name!r}])" if is_named else ""
            raise TypeError(f"column {name!r} must hold whole numbers, got an array of {column.dtype}{hint}")
        if column.shape != (n,):
            raise ValueError(f"column {name!r} must hold one number for each of {n} images, got shape {column.shape}")
        if column.min() < 0 or column.max() > most:
            raise ValueError(
                f"column {name!r} must hold numbers from 0 to {most}, got {column.min()} to {column.max()}"
            )
        return column.astype(np.int64)

    def _terms(self, batch: Mapping[str, Any], n: int) -> dict[str, Any]:
        """Return guides and objects of n images; guides are a list if they are of several sizes.

        They are checked here, before the first image is painted, which may be the caller's.
        """
        terms: dict[str, Any] = {}
        if self.guide_column is not None:
            guides = self._column(batch, "guide_column")
            if isinstance(guides, np.ndarray) and guides.dtype != object:
                terms["guide"] = check_guide(guides, spec_at(self.spec, 0), n, batched=True)
            else:
                rows = self._rows("guide_column", guides, n)
                spec = spec_at(self.spec, 0)
                terms["guide"] = [check_guide(as_guide(guide), spec, 1, batched=False)[0] for guide in rows]
        if self.objects_column is not None:
            rows = self._rows("objects_column", self._column(batch, "objects_column"), n)
            terms["objects"] = [check_boxes("objects", as_objects(boxes)) for boxes in rows]
        return terms

    def _rows(self, argument: str, given: Any, n: int) -> Any:
        """Return the n entries of a column that may be ragged."""
        rows = given if isinstance(given, (list, tuple)) else np.atleast_1d(np.asarray(given))
        if len(rows) != n:
            name, found = getattr(self, argument), f"{len(rows)} of them"
            raise ValueError(f"column {name!r} must hold an entry for each of {n} images, got {found}")
        return rows

    def _check_image(self, image: Any) -> None:
        """Check an item of an object array."""
        if not isinstance(image, np.ndarray):
            raise self._not_images_error(type(image).__name__)
        if image.ndim not in (2, 3) or image.dtype.kind in "OSUVmM":
            raise self._not_images_error(f"an array of {image.dtype} and shape {image.shape}")

    def _not_images_error(self, given: str) -> TypeError:
        batch = f"batch[{self.image_column!r}]"
        if "bytes" in given or "|S" in given:
            hint = f"numpy.array(PIL.Image.open(io.BytesIO(data))) for the data in {batch}"
        else:
            hint = f"numpy.asarray({batch}.tolist(), numpy.uint8).reshape(-1, height, width, channels)"
        return TypeError(
            f"column {self.image_column!r} must hold images, (n, h, w, c), (n, h, w) or an array of them, got {given}: "
            f"type {hint} in a function before"
        )

    def _paint_batch(
        self, images: NDArray[Any], epochs: NDArray[Any], index: NDArray[np.int64], terms: dict[str, Any]
    ) -> NDArray[Any]:
        layout = self.layout if self._single is None else "N" + self._single
        if layout is None and images.ndim == 3:
            layout = "NHW"
        dusted: NDArray[Any] = self._own(images)
        if (epochs == epochs[0]).all():
            return dust_array(dusted, self, int(epochs[0]), index, layout, **terms)
        for epoch in np.unique(epochs):
            rows = np.flatnonzero(epochs == epoch)
            part = {
                name: each[rows] if isinstance(each, np.ndarray) else [each[i] for i in rows]
                for name, each in terms.items()
            }
            dusted[rows] = dust_array(dusted[rows], self, int(epoch), index[rows], layout, **part)
        return dusted

    def _paint_each(
        self, images: NDArray[Any], epochs: NDArray[Any], index: NDArray[np.int64], terms: dict[str, Any]
    ) -> NDArray[Any]:
        """Dust images, or their guides, that are of different sizes: one by one."""
        dusted = np.empty_like(images)
        for i, (image, epoch) in enumerate(zip(images, np.broadcast_to(epochs, len(images)), strict=True)):
            own = {name: each[i] for name, each in terms.items()}
            dusted[i] = dust_array(self._own(image), self, int(epoch), int(index[i]), self._single, **own)
        return dusted

    def _own(self, images: Any) -> Any:
        """Return an array to paint on: a copy, unless `inplace` allows to paint on the very array."""
        if not isinstance(images, np.ndarray) or (self.inplace and images.flags.writeable):
            return images
        return images.copy()

    def __repr__(self) -> str:
        epoch = f"epoch={self.epoch}" if self.epoch_column is None else f"epoch_column={self.epoch_column!r}"
        return f"DustBatch({self.spec!r}, seed={self.seed}, index_column={self.index_column!r}, {epoch})"
