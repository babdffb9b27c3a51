"""Ray Data: dust on the batches of ``map_batches``, the same for any number of blocks, actors and nodes.

Ray itself is not imported: :class:`DustBatch` works on the dicts of arrays that Ray, and others, hand over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import core
from ._engine.checks import check_flag, check_layout, check_spec, check_value_range
from ._engine.contract import MAX_EPOCH, MAX_INDEX
from ._engine.coordinates import check_epoch, check_seed
from ._engine.memory import Layout
from .spec import Spec

__all__ = ["DustBatch"]


class DustBatch:
    """Dust the images of a batch, each by the index that its row carries.

    Give the class to ``map_batches``: Ray then makes one in every actor, which loads the kernel once. An instance is a
    function of a batch, for tasks without actors, and for ``iter_batches`` where a loop of training knows the epoch.

    Parameters
    ----------
    spec : Spec, optional
        What to draw; :func:`dustaug.dust` if left out.
    seed : int
        0 … 2**64 - 1.
    image_column : str, default "image"
        Column of images: an array, (n, h, w, c) or (n, h, w), or an object array of n ragged ones, (h, w, c) or (h, w).
    index_column : str
        Column of whole numbers from 0 to 2**63 - 1 that stay with their images. Ray numbers no rows; see
        :func:`dustaug.index_of`, which makes an index of a path.
    epoch : int, default 0
        0 … 2**32 - 1; see also :meth:`set_epoch`.
    epoch_column : str, optional
        Column of the epoch of each row, instead of `epoch`.
    layout : {"NHWC", "NCHW", "NHW", "HWC", "CHW", "HW"}, optional
        Of batches; ragged images have it without its N. By default NHWC or NHW, by the number of axes, and an error
        where the shape looks like another one.
    value_range : (float, float), optional
        Values of black and white. By default 0 and 1 for floats and bool, 0 and the dtype's largest value for integers.
    inplace : bool, default False
        Paint on arrays that are writable, without a copy: only where nobody else holds them. Read-only ones are copied.

    Raises
    ------
    TypeError
        If `seed` or `index_column` is missing, or an argument is of the wrong type; when a batch comes, if it is
        not a dict of arrays, or a column holds anything but images or whole numbers.
    ValueError
        If an argument is out of its limits.
    LookupError
        When a batch comes, if it lacks a column.

    Notes
    -----
    Arrays that come from Ray's object store are read-only views of it. Those that are writable may still belong to
    somebody, such as the function mapped before, whose arrays Ray passes on without a copy. So a batch is copied once.

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

    def __init__(
        self,
        spec: Spec | None = None,
        *,
        seed: int | None = None,
        image_column: str = "image",
        index_column: str | None = None,
        epoch: int = 0,
        epoch_column: str | None = None,
        layout: Layout | None = None,
        value_range: tuple[float, float] | None = None,
        inplace: bool = False,
    ) -> None:
        self.spec = check_spec(spec)
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
        self.image_column = _check_column("image_column", image_column)
        self.index_column = _check_column("index_column", index_column)
        self.epoch_column = None if epoch_column is None else _check_column("epoch_column", epoch_column)
        self.epoch = check_epoch(epoch)
        if self.epoch and self.epoch_column:
            raise TypeError(f"epoch must be left out with epoch_column, got {self.epoch}")
        layout = check_layout(layout)
        self._single = None if layout is None else layout.replace("N", "")
        self.layout = layout
        self.value_range = check_value_range(value_range)
        self.inplace = check_flag("inplace", inplace)
        core.warmup()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return the batch with dusted images.

        Parameters
        ----------
        batch : dict of arrays
            One of Ray's, with ``batch_format="numpy"``.

        Returns
        -------
        dict of arrays
            A new one, whose images have the shapes and dtypes of those given. The other columns are the same arrays.
        """
        if not isinstance(batch, Mapping):
            raise TypeError(
                f'batch must be a dict of arrays, got {type(batch).__name__}: type map_batches(…, batch_format="numpy")'
            )
        images = self._column(batch, "image_column")
        if not isinstance(images, np.ndarray):
            raise TypeError(f"column {self.image_column!r} must be a NumPy array, got {type(images).__name__}")
        if not len(images):
            return dict(batch)
        index = self._numbers(batch, "index_column", len(images), MAX_INDEX)
        epochs = np.full(1, self.epoch)
        if self.epoch_column is not None:
            epochs = self._numbers(batch, "epoch_column", len(images), MAX_EPOCH)
        paint = self._paint_each if images.dtype == object else self._paint_batch
        return {**batch, self.image_column: paint(images, epochs, index)}

    def set_epoch(self, epoch: int) -> None:
        """Go to another epoch, of this instance alone: actors have instances of their own."""
        if self.epoch_column is not None:
            raise TypeError(f"epoch must come from the column {self.epoch_column!r}, got {epoch!r}")
        self.epoch = check_epoch(epoch)

    def _column(self, batch: Mapping[str, Any], argument: str) -> Any:
        name = getattr(self, argument)
        if name not in batch:
            raise LookupError(
                f"batch must have a column {name!r}, got {', '.join(batch)}: type DustBatch({argument}=…)"
            )
        return batch[name]

    def _numbers(self, batch: Mapping[str, Any], argument: str, n: int, most: int) -> NDArray[np.int64]:
        """Column of n whole numbers from 0 to `most`."""
        name, column = getattr(self, argument), np.asarray(self._column(batch, argument))
        if column.dtype.kind not in "iu":
            hint = f": type dustaug.index_of(batch[{name!r}])" if column.dtype.kind in "OSU" else ""
            raise TypeError(f"column {name!r} must hold whole numbers, got an array of {column.dtype}{hint}")
        if column.shape != (n,):
            raise ValueError(f"column {name!r} must hold one number for each of {n} images, got shape {column.shape}")
        if column.min() < 0 or column.max() > most:
            raise ValueError(
                f"column {name!r} must hold numbers from 0 to {most}, got {column.min()} to {column.max()}"
            )
        return column.astype(np.int64)

    def _paint_batch(self, images: NDArray[Any], epochs: NDArray[Any], index: NDArray[np.int64]) -> NDArray[Any]:
        layout = self.layout if self._single is None else "N" + self._single
        if layout is None and images.ndim == 3:
            layout = "NHW"
        dusted: NDArray[Any] = self._own(images)
        if (epochs == epochs[0]).all():
            return self._paint(dusted, epochs[0], index, layout)
        for epoch in np.unique(epochs):
            rows = epochs == epoch
            dusted[rows] = self._paint(dusted[rows], epoch, index[rows], layout)
        return dusted

    def _paint_each(self, images: NDArray[Any], epochs: NDArray[Any], index: NDArray[np.int64]) -> NDArray[Any]:
        """Dust ragged images, which are arrays in an array."""
        dusted = np.empty_like(images)
        for i, (image, epoch) in enumerate(zip(images, np.broadcast_to(epochs, len(images)), strict=True)):
            dusted[i] = self._paint(self._own(image), epoch, int(index[i]), self._single)
        return dusted

    def _own(self, images: Any) -> Any:
        """Memory to paint on: a copy, if it is not known to be nobody else's."""
        if not isinstance(images, np.ndarray) or (self.inplace and images.flags.writeable):
            return images
        return images.copy()

    def _paint(self, images: NDArray[Any], epoch: Any, index: Any, layout: Any) -> NDArray[Any]:
        return core.add_dust(
            images,
            self.spec,
            seed=self.seed,
            epoch=int(epoch),
            index=index,
            layout=layout,
            value_range=self.value_range,
        )

    def __repr__(self) -> str:
        epoch = f"epoch={self.epoch}" if self.epoch_column is None else f"epoch_column={self.epoch_column!r}"
        return f"DustBatch({self.spec!r}, seed={self.seed}, index_column={self.index_column!r}, {epoch})"


def _check_column(argument: str, name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{argument} must be the name of a column, got {name!r}")
    return name
