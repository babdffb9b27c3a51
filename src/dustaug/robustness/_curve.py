"""Accuracy against the severity of occlusion."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dustaug import presets
from dustaug._adapters.terms import refuse_donors
from dustaug._engine.checks import resolve_value_range
from dustaug._engine.contract import FILLS
from dustaug._engine.coordinates import check_seed
from dustaug._engine.memory import Layout
from dustaug._errors import shown
from dustaug.core import add_dust, paint_rectangles, sample_rectangles
from dustaug.presets import dust
from dustaug.schedule import refuse_schedule
from dustaug.spec import Spec

from . import _predict
from ._cells import PatchDrop
from ._pasted import check_objects
from ._results import OcclusionCurve, OcclusionGap

Occlusion = Spec | PatchDrop | Callable[[NDArray[Any], NDArray[np.int64]], NDArray[Any]]

# They make specs, and are none.
_PRESETS = (Spec, *(getattr(presets, name) for name in presets.__all__))
_DEFAULT_COUNTS = (4, 8, 16, 32, 64)


def occlusion_curve(
    predict: Callable[[NDArray[Any]], Any],
    images: NDArray[Any],
    labels: ArrayLike,
    occlusions: Mapping[float, Occlusion] | None = None,
    *,
    seed: int = 0,
    batch_size: int = 64,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
    progress: bool = True,
) -> OcclusionCurve:
    """Measure a model's accuracy, and how often its answer flips, against the severity of occlusion.

    Image number i gets the occlusion of index i, whatever the batch size is, and all models get the same one. Specs
    that differ in their count only, such as the default ones, are nested: each severity hides all that the one below
    hides.

    Parameters
    ----------
    predict : callable, (n, …) -> (n, classes)
        The model, as described at the head of ``dustaug.robustness``.
    images : array, (n, h, w, c), (n, c, h, w) or (n, h, w), left as it is
        Any dtype that :func:`dustaug.add_dust` paints.
    labels : whole numbers, (n,)
        The right classes, as positions of columns of the scores.
    occlusions : dict of float to Spec, PatchDrop or callable, optional
        Occlusion for each severity, a number above 0 of any unit. A spec is painted by :func:`dustaug.add_dust`;
        :func:`patch_drops` and :func:`pasted_objects` make such dicts. A callable ``(images, index) -> images`` gets a
        batch of copies, which it may change and return, and int64 indices (n,) to draw its randomness from. By default
        exactly 4, 8, 16, 32 and 64 rectangles of :func:`dustaug.dust`, which are made for images of about 224 pixels.
    seed : int, default 0
        0 … 2**64 - 1, for specs; a callable has its own randomness.
    batch_size : int, default 64
        Greatest number of images that `predict` gets at once.
    layout, value_range : optional
        As in :func:`dustaug.add_dust`, but the layout is NHWC, NCHW or NHW, by default NHWC or NHW.
    progress : bool, default True
        Show a bar on the standard error stream.

    Returns
    -------
    OcclusionCurve

    Raises
    ------
    ImportError
        If rich is not installed, unless ``progress=False``.
    TypeError
        If an argument, or what `predict` or an occlusion returns, is of the wrong kind.
    ValueError
        If it has the wrong shape, or is out of its limits.

    Examples
    --------
    This model tells white from black images by the pixel in the middle:

    >>> import numpy as np, dustaug
    >>> images = np.repeat(np.array([0, 255], np.uint8), 50)[:, None, None].repeat(9, 1).repeat(9, 2)
    >>> labels = np.repeat([0, 1], 50)
    >>> squares = {side: dustaug.cutout(side, fill_value=255) for side in (3, 9)}
    >>> occlusion_curve(lambda x: np.eye(2)[x[:, 4, 4] // 128], images, labels, squares, progress=False)
    OcclusionCurve of 100 images
    severity  coverage  accuracy  flip rate
       clean     0.0 %   100.0 %      0.0 %
           3     9.2 %    95.0 %      5.0 %
           9    53.7 %    50.0 %     50.0 %
    """
    return _measure(
        predict,
        images,
        labels,
        occlusions,
        seed=seed,
        batch_size=batch_size,
        layout=layout,
        value_range=value_range,
        progress=progress,
    )


def occlusion_gap(
    predict: Callable[[NDArray[Any]], Any],
    images: NDArray[Any],
    labels: ArrayLike,
    occlusions: Mapping[float, Occlusion] | None = None,
    *,
    train_images: NDArray[Any],
    train_labels: ArrayLike,
    seed: int = 0,
    batch_size: int = 64,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
    progress: bool = True,
) -> OcclusionGap:
    """Measure how the gap between the accuracy on train and on test images changes with the severity of occlusion.

    It measures :func:`occlusion_curve` of both. For occlusions that depend on the images, as those of saliency do,
    measure both curves by that function, and make ``OcclusionGap(train=…, test=…)`` of them.

    Parameters
    ----------
    predict, images, labels, occlusions : optional
        As in :func:`occlusion_curve`, for the test images.
    train_images, train_labels
        Images that the model was trained with, as they are before any augmentation, and their right classes. A random
        part of them that is as large as the test set is enough.
    seed, batch_size, layout, value_range, progress : optional
        As in :func:`occlusion_curve`, for both.

    Returns
    -------
    OcclusionGap

    Raises
    ------
    ImportError, TypeError, ValueError
        As :func:`occlusion_curve`.

    Examples
    --------
    This model tells white from black images by the pixel in the middle, and one label of ten test images is wrong:

    >>> import numpy as np, dustaug
    >>> images = np.repeat(np.array([0, 255], np.uint8), 50)[:, None, None].repeat(9, 1).repeat(9, 2)
    >>> truth = np.repeat([0, 1], 50)
    >>> train, test = {"train_images": images, "train_labels": truth}, truth ^ (np.arange(100) % 10 == 0)
    >>> squares = {side: dustaug.cutout(side, fill_value=255) for side in (3, 9)}
    >>> occlusion_gap(lambda x: np.eye(2)[x[:, 4, 4] // 128], images, test, squares, **train, progress=False)
    OcclusionGap of 100 train and 100 test images
    severity     train      test       gap    change
       clean   100.0 %    90.0 %    10.0 %     0.0 %
           3    95.0 %    85.0 %    10.0 %     0.0 %
           9    50.0 %    50.0 %     0.0 %   -10.0 %
    """
    options: dict[str, Any] = {
        "seed": seed,
        "batch_size": batch_size,
        "layout": layout,
        "value_range": value_range,
        "progress": progress,
    }
    levels = _check_occlusions(occlusions)
    if any(isinstance(level, PatchDrop) for level in levels.values()):
        raise ValueError(
            "occlusions of a gap must not depend on the saliency of the test images, as train images have another, got "
            "a PatchDrop: type OcclusionGap(train=occlusion_curve(…), test=occlusion_curve(…))"
        )
    train = _measure(predict, train_images, train_labels, levels, kind="train_", **options)
    return OcclusionGap(train=train, test=_measure(predict, images, labels, levels, **options))


def _measure(
    predict: Any,
    images: Any,
    labels: Any,
    occlusions: Any,
    *,
    seed: Any,
    batch_size: Any,
    layout: Any,
    value_range: Any,
    progress: Any,
    kind: str = "",
) -> OcclusionCurve:
    """Measure a curve. Messages name the images and labels by `kind`."""
    name, label_name = f"{kind}images", f"{kind}labels"
    _predict.check_predict(predict)
    images = _predict.check_array(name, images)
    layout, height, width = _predict.check_layout(name, images.shape, layout, _predict.BATCH_LAYOUTS)
    truth, levels = _predict.check_labels(label_name, labels, len(images)), _check_occlusions(occlusions)
    for level in levels.values():
        if isinstance(level, PatchDrop) and len(level.order) != len(images):
            raise ValueError(
                f"saliency must have a map for each of the {len(images):,} {name}, got {len(level.order):,} maps"
            )
    if any(map(_has_brightness, levels.values())):
        _predict.check_range(name, images, value_range)
    elif value_range is not None:
        resolve_value_range(value_range, images.dtype)
    if value_range is None:
        check_objects(images, levels.values())
    occlude = functools.partial(
        _occlude, size=(height, width), layout=layout, seed=check_seed(seed), value_range=value_range
    )
    batch_size = _predict.check_size("batch_size", batch_size)
    starts = range(0, len(images), batch_size)
    hits, flips, covered = np.zeros((3, len(levels)), np.int64)
    clean_hits, classes = 0, None
    with _predict.progress_bar("Occluding", len(starts) * (1 + len(levels)), shown=progress) as advance:
        for start in starts:
            part = slice(start, start + batch_size)
            originals, index = images[part], np.arange(len(images))[part]
            scores = _predict.ask_model(predict, np.array(originals, order="C"), classes)
            if classes is None:
                classes = scores.shape[1]
                _predict.check_classes(label_name, truth, classes)
            clean = scores.argmax(axis=1)
            clean_hits += int(np.count_nonzero(clean == truth[part]))
            advance()
            for i, level in enumerate(levels.values()):
                occluded, n_pixels = occlude(level, originals, index)
                guess = _predict.ask_model(predict, occluded, classes).argmax(axis=1)
                hits[i] += np.count_nonzero(guess == truth[part])
                flips[i] += np.count_nonzero(guess != clean)
                covered[i] += n_pixels
                advance()
    n_images, n_pixels = len(images), len(images) * height * width
    return OcclusionCurve(
        n_images=n_images,
        clean_accuracy=clean_hits / n_images,
        severities=tuple(levels),
        coverage=tuple((covered / n_pixels).tolist()),
        accuracy=tuple((hits / n_images).tolist()),
        flip_rate=tuple((flips / n_images).tolist()),
    )


def _has_brightness(occlusion: Occlusion) -> bool:
    """Tell whether an occlusion paints brightness that depends on which values are black and white."""
    if isinstance(occlusion, Spec):
        return occlusion.normalize_mean is None and FILLS[occlusion.fill].per != "image"
    return isinstance(occlusion, PatchDrop)


def _occlude(
    occlusion: Occlusion,
    originals: NDArray[Any],
    index: NDArray[np.int64],
    *,
    size: tuple[int, int],
    layout: Layout,
    seed: int,
    value_range: tuple[float, float] | None,
) -> tuple[NDArray[Any], int]:
    """Return occluded copies of a batch, and how many of its pixels are covered."""
    copies = np.array(originals, order="C")
    if isinstance(occlusion, Spec):
        add_dust(copies, occlusion, seed=seed, index=index, layout=layout, value_range=value_range)
        rectangles = sample_rectangles(occlusion, height=size[0], width=size[1], seed=seed, index=index)
        return copies, int(np.count_nonzero(rectangles.mask(*size)))
    if isinstance(occlusion, PatchDrop):
        rectangles = occlusion.rectangles(index, height=size[0], width=size[1])
        paint_rectangles(copies, rectangles, layout=layout, value_range=value_range)
        return copies, int(np.count_nonzero(rectangles.mask(*size)))
    occluded = occlusion(copies, index.copy())
    if not isinstance(occluded, np.ndarray):
        raise TypeError(
            f"an occlusion must return the images as a NumPy array, got {type(occluded).__name__}: type return images"
        )
    if (occluded.shape, occluded.dtype) != (originals.shape, originals.dtype):
        raise ValueError(
            f"an occlusion must return {originals.dtype} images of shape {originals.shape}, as it got them, "
            f"got {occluded.dtype} of shape {occluded.shape}"
        )
    changed = (occluded != originals) & ((occluded == occluded) | (originals == originals))  # noqa: PLR0124  NaN.
    if "C" in layout:
        changed = changed.any(axis=layout.index("C"))
    return occluded, int(changed.sum())


def _check_occlusions(occlusions: Any) -> dict[float, Occlusion]:
    """Return occlusions by rising severity."""
    if occlusions is None:
        return {float(count): dust(count_range=(count, count)) for count in _DEFAULT_COUNTS}
    if not isinstance(occlusions, Mapping):
        raise TypeError(
            f"occlusions must be a dict of severities, got {type(occlusions).__name__}: type "
            "{8: dustaug.dust(count_range=(8, 8))}"
        )
    if not occlusions:
        raise ValueError(
            "occlusions must name at least one severity, got none: type {8: dustaug.dust(count_range=(8, 8))}"
        )
    levels: dict[float, Occlusion] = {}
    for severity, occlusion in occlusions.items():
        number = _check_severity(severity)
        if number in levels:
            raise ValueError(f"severities must differ as floats, got {number:g} twice")
        refuse_schedule(occlusion, "at each severity", "{8: dustaug.dust(count_range=(8, 8))}")
        preset = next((each.__name__ for each in _PRESETS if each is occlusion), None)
        if preset or not (isinstance(occlusion, (Spec, PatchDrop)) or callable(occlusion)):
            got = f"{preset} without its arguments: type dustaug.{preset}(…)" if preset else type(occlusion).__name__
            raise TypeError(f"an occlusion must be a dustaug.Spec or a function (images, index) -> images, got {got}")
        if isinstance(occlusion, Spec):
            refuse_donors(occlusion, "occlusion_curve", "a function (images, index) -> images that pastes them")
        levels[number] = occlusion
    return dict(sorted(levels.items()))


def _check_severity(severity: Any) -> float:
    if isinstance(severity, (bool, str)) or not isinstance(severity, (int, float, np.integer, np.floating)):
        raise TypeError(f"severities must be numbers, got {shown(severity)}")
    try:
        number = float(severity)
    except OverflowError:
        number = math.inf
    if not 0 < number < math.inf:
        raise ValueError(f"severities must be above 0 and finite, got {number:g}: the clean images are measured anyway")
    return number
