"""TensorFlow: functions for ``tf.data.Dataset.map``, on the CPU by Numba, or as operations of the graph alone.

Examples
--------
>>> import numpy as np
>>> import tensorflow as tf
>>> dataset = tf.data.Dataset.from_tensor_slices((np.zeros((8, 32, 32, 3), np.uint8), np.arange(8)))
>>> images, labels = next(iter(dataset.batch(4).map(dust_fn)))
>>> images.shape, images.dtype, labels.numpy().tolist()
(TensorShape([4, 32, 32, 3]), tf.uint8, [0, 1, 2, 3])
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal, NoReturn

import numpy as np

from ._extras import name_extra

with name_extra("tensorflow", "dustaug.tensorflow", "tensorflow"):
    import tensorflow as tf

from . import core
from ._adapters.keys import check_key, check_name, missing_error
from ._adapters.records import has_entries, read_entry
from ._adapters.terms import check_donors_key, check_term_keys
from ._engine.checks import check_choice, check_ends, check_flag, check_layout, check_value_range
from ._engine.contract import MAX_EPOCH, MAX_INDEX
from ._engine.coordinates import check_epoch, check_seed
from ._engine.guide import check_donors_kind, check_guide_kind, check_weights, may_weigh_too_much
from ._engine.memory import Layout, guess_layout
from ._errors import unexpected_error
from ._graph.program import WordCoordinates, build, check_flat, check_no_objects
from ._graph.tensorflow import OPS, PHILOX, Calls, as_tensor
from .schedule import Schedule, check_moves_p, check_plan, spec_at
from .spec import FIELD_NAMES, Spec

__all__ = ["dust_fn", "make_dust_fn"]

_IMAGE_KEYS = ("image", "images")
_INT64 = (-(2**63), 2**63 - 1)
# What to type where an element holds something else than one tensor of images.
_HINTS = (
    (tf.RaggedTensor, "dataset.map(dust_fn) before ragged_batch, or images.to_tensor() if they are of one size"),
    (tf.SparseTensor, "tf.sparse.to_dense(images)"),
    (tf.data.Dataset, "dataset.map(dust_fn), and after window dataset.flat_map(lambda images: images.batch(n)) first"),
    ((list, np.ndarray), "tf.stack(list(images)) if they are numbers of one shape, or give them one by one"),
)
_GUIDE_HINTS = (
    (tf.RaggedTensor, "dataset.map(dust_fn) before ragged_batch"),
    (tf.SparseTensor, "tf.sparse.to_dense(guide)"),
)
_DONORS_HINTS = (
    (tf.RaggedTensor, "dataset.map(dust_fn) before ragged_batch, or donors.to_tensor() if they are of one size"),
    (tf.SparseTensor, "tf.sparse.to_dense(donors)"),
)
_OBJECTS_HINTS = (
    (tf.SparseTensor, "tf.sparse.to_dense(objects)"),
    (list, "tf.ragged.constant(objects, ragged_rank=1, inner_shape=(4,))"),
)


def make_dust_fn(
    spec: Spec | Schedule | None = None,
    *,
    seed: int | None = None,
    epoch: Any = 0,
    backend: Literal["numba", "graph"] = "numba",
    indexed: bool = False,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
    image_key: str | None = None,
    guide_key: str | int | None = None,
    objects_key: str | int | None = None,
    donors_key: str | int | None = None,
    **unexpected: NoReturn,
) -> Callable[..., Any]:
    """Make a function that dusts the images of an element of a data set, for ``dataset.map``.

    An element is images, a tuple that begins with them, or a dict that holds them; all other entries are passed on. Map
    the function after ``batch``: a batch costs one call, and so does a single image.

    Parameters
    ----------
    seed : int, optional
        0 … 2**64 - 1, together with ``indexed=True``. By default each call draws a seed from TensorFlow's generator,
        which ``tf.random.set_seed`` seeds.
    epoch : int or whole-number tensor or tf.Variable, default 0
        0 … 2**32 - 1, only with a seed. A variable is read at each call, and tells the spec of a schedule too. With
        ``backend="graph"`` that takes a schedule of nothing but ``p``.
    backend : {"numba", "graph"}, default "numba"
        ``"numba"`` calls Numba's kernel from the graph, which is the fastest on a CPU. ``"graph"`` paints the same
        bytes with operations of the graph alone, where no Python can be called: SavedModel, XLA, tf.data service.
    indexed : bool, default False
        Whether the function takes ``(index, element)``, as ``dataset.enumerate()`` gives them. The index is that of the
        image, that of the first image of a batch, or one for each image, (n,).
    spec, layout, value_range : optional
        As in :func:`dustaug.add_dust`. The layout is that of batches, by default NHWC, where a shape that looks like
        another layout is an error; single images, with one axis less, have it without its N.
    image_key : str, optional
        Key of the images in a dict; by default ``"image"`` or ``"images"``.
    guide_key : str or int, required with ``center="guide"``
        Key of the guide in the dict that has the images, or its place in the element, which then is a tuple. The guide
        is uint8 or bool, (rows, columns) for an image alone, (n, rows, columns) for a batch, of any resolution.
    objects_key : str or int, required with ``max_hidden`` and ``per_object``, which need the backend ``"numba"``
        Key or place of the boxes of the objects: whole numbers (k, 4) for an image alone, top, left, bottom, right in
        pixels. For a batch they are a ragged tensor (n, None, 4), or a dense one, in which boxes of zeros are none.
    donors_key : str or int, required with ``fill="donors"``
        Key or place of the images whose pixels are copied, of the shape and dtype of the images.

    Returns
    -------
    callable
        A function of elements; the images keep their shape and dtype.

    Raises
    ------
    TypeError
        If a seed comes without ``indexed=True``, or the reverse, or an argument is of the wrong type; if the spec takes
        a guide, objects or donors and their key is missing, or the other way round; when TensorFlow traces the
        function, if a guide, objects or donors are of the wrong dtype.
    ValueError
        If an argument is out of its limits, or the spec needs objects, or the layout is one of volumes, with
        ``backend="graph"``; when TensorFlow traces the function, if an element holds no images, the number of axes or
        of channels is unknown with ``backend="graph"``, or a guide, objects or donors are of the wrong shape.
    LookupError
        When TensorFlow traces the function, if an element holds no guide, objects or donors at their key.

    Notes
    -----
    Height and width may be unknown while the graph is made, with either backend: images of many sizes need one trace.
    A graph cannot raise the error of an ``area_range`` that does not fit an image whose size it learns when it runs,
    nor that of more than 65 535 cells: such an image gets no dust. Nor can it refuse values that have no mean, with
    ``fill="mean"``: the dust is NaN. An image whose weights in a guide sum to 2**31 or more gets no dust in a graph.

    Examples
    --------
    >>> import tensorflow as tf
    >>> dataset = tf.data.Dataset.from_tensors(tf.zeros((32, 32, 3), tf.uint8)).repeat(100)
    >>> dusted = dataset.enumerate().map(make_dust_fn(seed=7, indexed=True))
    >>> expected = core.add_dust(np.zeros((100, 32, 32, 3), np.uint8), seed=7, index=0)
    >>> bool((np.stack(list(dusted.as_numpy_iterator())) == expected).all())
    True
    """
    if unexpected:
        raise unexpected_error("tensorflow.make_dust_fn()", unexpected, FIELD_NAMES)
    spec = check_plan(spec)
    layout, value_range = check_layout(layout), check_value_range(value_range)
    check_choice("backend", backend, ("numba", "graph"))
    check_flag("indexed", indexed)
    if image_key is not None:
        check_name("image_key", image_key, "an entry")
    keys = {"guide": guide_key, "objects": objects_key, "donors": donors_key}
    for term, key in keys.items():
        check_key(f"{term}_key", key, "an element")
    if backend == "graph":
        check_no_objects(spec_at(spec, 0))
        check_flat(layout or "")
    check_term_keys(spec_at(spec, 0), "make_dust_fn", guide_key=guide_key, objects_key=objects_key)
    check_donors_key(spec_at(spec, 0), "make_dust_fn", donors_key)
    seed, epoch = _check_seed_and_epoch(seed, epoch, indexed=indexed)
    if seed is None and isinstance(spec, Schedule):
        raise missing_error("seed", "a Schedule", "make_dust_fn(schedule, seed=0, epoch=variable, indexed=True)")
    if isinstance(epoch, int):
        spec = spec_at(spec, epoch)
    elif backend == "graph":
        check_moves_p(
            spec,
            'with backend="graph" and an epoch that is a tensor or a variable',
            'backend="numba", or make_dust_fn(schedule, epoch=0, …) for each epoch',
        )
    painter = _Painter(spec, backend, layout, value_range)

    def dust_fn(*element: Any) -> Any:
        if not element:
            raise TypeError("dust_fn must be given an element of a data set, got none: type dataset.map(dust_fn)")
        if isinstance(element[0], (Spec, Schedule)):
            kind = type(element[0]).__name__
            raise TypeError(f"dust_fn must be given an element of a data set, got a {kind}: type make_dust_fn(spec)")
        if seed is None:
            paint = functools.partial(painter, seed=_draw_seed(), epoch=0, index=0, **terms_of(element))
            return _map_images(paint, image_key, *element)
        if len(element) < 2:
            raise TypeError(
                "dust_fn must be given (index, element) with indexed=True, got one value: type "
                "dataset.enumerate().map(dust_fn)"
            )
        index = as_tensor("index", element[0], f"whole numbers from 0 to {MAX_INDEX}")
        if not index.dtype.is_integer:
            raise TypeError(f"index must be whole numbers, got a tensor of {index.dtype.name}")
        paint = functools.partial(painter, seed=seed, epoch=epoch, index=index, **terms_of(element[1:]))
        return _map_images(paint, image_key, *element[1:])

    def terms_of(element: tuple[Any, ...]) -> dict[str, Any]:
        return {
            name: _read(element[0] if len(element) == 1 else element, key, f"{name}_key")
            for name, key in keys.items()
            if key is not None
        }

    # AutoGraph would convert every function in here in vain, as no Python code branches on a tensor.
    unconverted: Callable[..., Any] = tf.autograph.experimental.do_not_convert(dust_fn)
    return unconverted


def _check_seed_and_epoch(seed: int | None, epoch: Any, *, indexed: bool) -> tuple[int | None, Any]:
    """Return seed and epoch; a seed must come with an index, and both an index and an epoch with a seed."""
    if seed is not None:
        seed = check_seed(seed)
        if not indexed:
            raise TypeError(
                "indexed must be True with a seed, or every batch would get the same dust: type "
                "dataset.enumerate().map(make_dust_fn(seed=0, indexed=True)) before shuffle and batch, or leave out "
                "the seed and call tf.random.set_seed(0)"
            )
    elif indexed:
        raise missing_error("seed", "indexed=True", "make_dust_fn(seed=0, indexed=True)")
    if not tf.is_tensor(epoch) and not isinstance(epoch, tf.Variable):
        epoch = check_epoch(epoch)
    elif not epoch.dtype.is_integer or epoch.shape.rank not in (0, None):
        raise TypeError(f"epoch must be one whole number, got a tensor of {epoch.dtype.name} and shape {epoch.shape}")
    if seed is None and not (isinstance(epoch, int) and epoch == 0):
        raise missing_error("seed", "an epoch", "make_dust_fn(), whose epochs differ by themselves, or give a seed")
    return seed, epoch


def _draw_seed() -> Any:
    """Draw the seed of a call, 64 bits, from TensorFlow's generator.

    After ``tf.random.set_seed``, a random operation inside a data set repeats its numbers in every epoch. So the seed
    is drawn when the graph is made, and mixed with the number of the call.
    """
    with tf.init_scope():
        seed = tf.random.uniform((), *_INT64, dtype=tf.int64)
        if not tf.executing_eagerly():
            return seed
    if tf.executing_eagerly():
        return seed
    return tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=(),
        key=tf.bitcast(seed[None], tf.uint64),
        counter=tf.bitcast(tf.stack([Calls().count(), 0]), tf.uint64),
        alg=PHILOX,
        dtype=tf.int64,
    )


def _map_images(paint: Callable[[Any], Any], image_key: str | None, element: Any, *rest: Any) -> Any:
    """Return an element of a data set with painted images; all else in it, and after it, is passed on."""
    if rest:
        return _map_images(paint, image_key, element), *rest
    if isinstance(element, tuple):
        if not element:
            raise TypeError("element must begin with images, got an empty tuple")
        return _map_images(paint, image_key, element[0]), *element[1:]
    if isinstance(element, Mapping):
        name = _image_key(element, image_key)
        return {**element, name: _map_images(paint, image_key, element[name])}
    return paint(element)


def _read(element: Any, key: str | int, argument: str) -> Any:
    """Return what an element has beside its images: at a place in it, or a key of the dict with the images."""
    while (
        isinstance(key, str) and isinstance(element, tuple) and element and key not in getattr(element, "_fields", ())
    ):
        element = element[0]
    if not has_entries(element):
        what = "dict, or a tuple that begins with one," if isinstance(key, str) else "tuple"
        raise TypeError(f"element must be a {what} with {argument}={key!r}, got {type(element).__name__}")
    return read_entry(element, key, argument, "make_dust_fn", "element")


def _image_key(element: Mapping[str, Any], image_key: str | None) -> str:
    names = _IMAGE_KEYS if image_key is None else (image_key,)
    found = [name for name in names if name in element]
    if len(found) != 1:
        raise ValueError(
            f"element must have images at one of the keys {', '.join(names)}, got keys {', '.join(map(str, element))}: "
            "type make_dust_fn(image_key=…)"
        )
    return found[0]


def _check_known(name: str, numbers: Any, high: int) -> None:
    """Check numbers whose values are known: constants of a graph, and all tensors outside of graphs."""
    known = tf.get_static_value(tf.convert_to_tensor(numbers))
    if known is not None:
        check_ends(name, known, high)


class _Painter:
    """Paints one spec on tensors of any size."""

    def __init__(
        self, spec: Spec | Schedule, backend: str, layout: Layout | None, value_range: tuple[float, float] | None
    ) -> None:
        self.spec, self.backend, self.layout, self.value_range = spec, backend, layout, value_range

    def __call__(
        self,
        images: Any,
        seed: Any,
        epoch: Any,
        index: Any,
        guide: Any = None,
        objects: Any = None,
        donors: Any = None,
    ) -> Any:
        images = as_tensor("images", images, "one tensor", _HINTS)
        if images.dtype == tf.string:
            raise TypeError("images must hold numbers, got strings: type dataset.map(read_and_decode).map(dust_fn)")
        if guide is not None:
            guide = self._as_guide(guide, images)
        if donors is not None:
            donors = _as_donors(donors, images)
        if self.backend == "graph":
            dusted = self._by_graph(images, seed, epoch, index, guide=guide, donors=donors)
        else:
            dusted = self._by_numba(images, seed, epoch, index, guide, objects, donors)
        dusted.set_shape(images.shape)
        return dusted

    def _layout_of(self, shape: tuple[int | None, ...]) -> Layout:
        """Return the layout of images, the lengths of whose axes may be unknown."""
        given: Any = self.layout or "NHWC"
        single = given.replace("N", "")
        if len(shape) not in (len(given), len(single)):
            if len(shape) < 2:
                hint = "elements are images, (images, labels, …) or dicts, and (index, element) with indexed=True"
            elif len(shape) < 5:
                hint = "type make_dust_fn(layout=…)"
            else:
                hint = "type tf.reshape(images, (-1, *images.shape[-3:])), and give each of them an index"
            raise ValueError(
                f"images must have {len(single)} or {len(given)} axes for layout {given}, got shape {shape}: {hint}"
            )
        if self.layout is None:
            return guess_layout(shape)
        return given if len(shape) == len(given) else single  # type: ignore[no-any-return]

    def _as_guide(self, guide: Any, images: Any) -> Any:
        """Return the guide of images as a tensor, and check what is known of it."""
        guide = as_tensor("guide", guide, "one tensor", _GUIDE_HINTS)
        if images.shape.rank is None or guide.shape.rank is None:
            if self.backend == "graph" and guide.shape.rank is None:
                raise ValueError(
                    'guide must have a known number of axes with backend="graph", got none: type '
                    "tf.ensure_shape(guide, (None, None))"
                )
            return guide
        batched = "N" in self._layout_of(tuple(images.shape))
        n, shape = images.shape[0] if batched else 1, tuple(guide.shape)
        check_guide_kind(shape, guide.dtype.name, n, batched=batched)
        known = tf.get_static_value(guide) if may_weigh_too_much(shape) else None
        if known is not None:
            check_weights(known.reshape(-1, *known.shape[-2:]))
        return guide

    def _by_graph(self, images: Any, seed: Any, epoch: Any, index: Any, **terms: Any) -> Any:
        if images.shape.rank is None:
            raise ValueError(
                'images must have a known number of axes with backend="graph", got none: type '
                "tf.ensure_shape(images, (None, None, 3))"
            )
        layout = self._layout_of(tuple(images.shape))
        _check_known("epoch", epoch, MAX_EPOCH)
        _check_known("index", index, MAX_INDEX)
        coordinates = WordCoordinates(OPS.to_words(seed), OPS.to_words(epoch)[0], OPS.to_words(index))
        options: dict[str, Any] = {"layout": layout, "value_range": self.value_range, **terms}
        return build(OPS, images, self.spec, coordinates, **options)[0]

    def _by_numba(self, images: Any, seed: Any, epoch: Any, index: Any, guide: Any, objects: Any, donors: Any) -> Any:
        if images.shape.rank is not None:
            self._layout_of(tuple(images.shape))
        seed = seed if tf.is_tensor(seed) else tf.constant(seed, tf.uint64)
        numbers = [seed, tf.convert_to_tensor(epoch), tf.convert_to_tensor(index)]
        terms = {name: term for name, term in (("guide", guide), ("donors", donors)) if term is not None}
        if objects is not None:
            terms |= _as_boxes(objects)

        def paint(images: Any, seed: Any, epoch: Any, index: Any, *given: Any) -> Any:
            return self._paint(images, seed, epoch, index, **dict(zip(terms, given, strict=True)))

        inputs = [*numbers, *terms.values()]
        if tf.executing_eagerly():
            return tf.constant(paint(np.array(images.numpy()), *(tensor.numpy() for tensor in inputs)))
        # The function would get TensorFlow's own memory, where painting would change constants and cached data sets. So
        # it gets a copy that no other operation reads, and returns that copy.
        inputs = [tf.raw_ops.DeepCopy(x=images), *inputs]
        # The function is stateless, as the same inputs give the same pixels.
        return tf.numpy_function(paint, inputs, images.dtype, stateful=False)

    def _paint(
        self,
        images: Any,
        seed: Any,
        epoch: Any,
        index: Any,
        guide: Any = None,
        donors: Any = None,
        boxes: Any = None,
        counts: Any = None,
    ) -> Any:
        objects = boxes
        if np.ndim(counts):
            objects = [boxes[stop - n : stop] for n, stop in zip(counts, np.cumsum(counts), strict=True)]
        return core.add_dust(
            images,
            self.spec,
            seed=int(seed) % 2**64,
            epoch=int(epoch),
            index=int(index) if np.ndim(index) == 0 else index,
            layout=self._layout_of(np.shape(images)),
            value_range=self.value_range,
            guide=guide,
            objects=objects,
            donors=donors,
        )


def _as_donors(donors: Any, images: Any) -> Any:
    """Return the donors of images as a tensor, and check what is known of it."""
    donors = as_tensor("donors", donors, "one tensor", _DONORS_HINTS)
    shape, of_images = (None if t.shape.rank is None else tuple(t.shape) for t in (donors, images))
    check_donors_kind(shape or of_images or (), donors.dtype.name, of_images or shape or (), images.dtype.name)
    return donors


def _as_boxes(objects: Any) -> dict[str, Any]:
    """Return boxes of objects (m, 4), and how many an image has: one number, or one for each image of a batch."""
    wanted = "whole numbers (k, 4), or a ragged tensor (n, None, 4) for a batch"
    is_ragged = isinstance(objects, tf.RaggedTensor)
    boxes = objects if is_ragged else as_tensor("objects", objects, wanted, _OBJECTS_HINTS)
    if not boxes.dtype.is_integer:
        raise TypeError(
            f"objects must be {wanted}, got a tensor of {boxes.dtype.name}: type tf.cast(tf.concat([tf.floor(boxes"
            "[..., :2]), tf.math.ceil(boxes[..., 2:])], -1), tf.int64) if they are top, left, bottom, right in pixels"
        )
    shape = boxes.shape
    if (
        shape.rank not in (2, 3)
        or shape[-1] not in (4, None)
        or (is_ragged and (boxes.ragged_rank, shape[-1]) != (1, 4))
    ):
        hint = ": type tf.ragged.constant(boxes, ragged_rank=1, inner_shape=(4,))" if is_ragged else ""
        raise ValueError(f"objects must be {wanted}, got shape {shape}{hint}")
    if is_ragged:
        return {"boxes": boxes.flat_values, "counts": boxes.row_lengths()}
    boxes = tf.ensure_shape(boxes, (*shape[:-1], 4))
    lengths = tf.shape(boxes)
    counts = tf.fill(lengths[:1], lengths[1]) if shape.rank == 3 else lengths[0]
    return {"boxes": tf.reshape(boxes, (-1, 4)), "counts": counts}


dust_fn = make_dust_fn()
