"""MONAI: dust as a transform of arrays, and of dictionaries with several of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from ._extras import name_extra

with name_extra("monai", "dustaug.monai", "torch", "monai"):
    import torch
    from monai.data.meta_obj import get_track_meta
    from monai.transforms import MapTransform, Randomizable, Transform
    from monai.utils import convert_to_tensor, ensure_tuple

from . import core
from ._engine.checks import check_flag, check_value_range
from ._engine.coordinates import Coordinates
from ._engine.guide import takes_donors, takes_guide, takes_objects
from ._engine.memory import Layout
from ._errors import shown
from ._tensors.painter import find_painter
from .schedule import refuse_schedule
from .spec import Spec, resolve_spec

__all__ = ["DustRectangles", "DustRectanglesd"]

# The axes of a volume (c, h, w, d), and of an axis of length 1 before them, in the order of NCDHW.
_NCDHW = (0, 1, 4, 2, 3)


class _RandomDust(Randomizable, Transform):  # type: ignore[misc]  # mypy sees no types of MONAI.
    """What both transforms share: options, the draw of a seed, and the painting of a copy.

    `prob` of MONAI's `RandomizableTransform` is missing, because the spec has `p`, which the seed decides.
    """

    spec: Spec
    value_range: tuple[float, float] | None
    _seed = 0

    def _set_options(self, spec: Spec | None, value_range: Any, fields: Mapping[str, Any]) -> None:
        refuse_schedule(
            spec,
            "in a transform of MONAI, which knows no epoch",
            'dustaug.torch.add_dust(volumes, schedule, layout="NCDHW", seed=0, epoch=0, index=0)',
        )
        self.spec = resolve_spec(spec, fields)
        if takes_guide(self.spec) or takes_objects(self.spec) or takes_donors(self.spec):
            raise ValueError(
                f"spec must need no guide, objects or donors in {type(self).__name__}, which has none, got "
                f"{shown(self.spec)}: type dustaug.torch.add_dust(images, spec, …) with them"
            )
        self.value_range = check_value_range(value_range)

    def randomize(self, data: Any = None) -> None:  # noqa: ARG002  MONAI's own transforms take the image here.
        """Draw the seed of the next dust from the random state of this transform."""
        self._seed = int(self.R.randint(0, 2**64, dtype=np.uint64))

    def _paint(self, image: Any, name: str) -> Any:
        """Return a dusted copy of an image, as MONAI's transforms return images."""
        _check_image(image, name)
        layout: Layout = "CHW" if image.ndim == 3 else "NCDHW"
        if isinstance(image, np.ndarray):
            dusted: Any = image.copy()
            view = dusted if layout == "CHW" else dusted[None].transpose(_NCDHW)
            core.add_dust(view, self.spec, seed=self._seed, index=0, layout=layout, value_range=self.value_range)
        else:
            if layout == "NCDHW" and not image.is_cpu:
                raise ValueError(
                    f"volumes must be on the CPU, got {name} on {image.device}: type {name}.cpu(), or put the "
                    'transform before EnsureTyped(keys, device="cuda")'
                )
            dusted = image.clone()
            plain = dusted.as_subclass(torch.Tensor)
            view = plain if layout == "CHW" else plain[None].permute(_NCDHW)
            find_painter(self.spec, layout, self.value_range)(view, Coordinates(self._seed, 0, 0))
        return convert_to_tensor(dusted, track_meta=get_track_meta())

    def _repr(self, *arguments: str) -> str:
        value_range = () if self.value_range is None else (f"value_range={self.value_range!r}",)
        return f"{type(self).__name__}({', '.join((*arguments, repr(self.spec), *value_range))})"


class DustRectangles(_RandomDust):
    """Paint random rectangles on an image, or cuboids and tubes on a volume.

    Parameters
    ----------
    spec : Spec, optional
        What to draw; or give the fields of a :class:`~dustaug.Spec` as keywords. :func:`~dustaug.dust` if left out.
        `p` of the spec stands for MONAI's `prob`. With `depth_range` or `depth_fraction_range` a rectangle reaches
        through some slices of a volume, without through all of them.
    value_range : (float, float), optional
        Values of black and white, as in :func:`dustaug.add_dust`.
    **fields
        Fields of :class:`~dustaug.Spec`, ``count_range=(1, 8)``.

    Raises
    ------
    TypeError
        If a field is unknown, or comes together with a spec; in use, if an image is no array or tensor of numbers.
    ValueError
        If an argument is out of its limits, or the spec needs a guide, objects or donors; in use, if an image has other
        axes than (c, h, w) and (c, h, w, d), or a volume is not on the CPU.

    Notes
    -----
    Images are (c, h, w), volumes (c, h, w, d), and the slices lie along d. They may be NumPy arrays, tensors and
    `MetaTensor`. What comes back is a copy, and is what MONAI's transforms return: a `MetaTensor` with the metadata and
    the applied operations of the image, or a tensor after ``set_track_meta(False)``. Dust is no operation that could
    be inverted, so it is not listed among these.

    Each call draws one seed from ``self.R``, which ``set_random_state``, ``Compose.set_random_state`` and
    ``set_determinism`` seed, and MONAI's `DataLoader` does in each worker. PyTorch's own does not: its workers would
    repeat each other's dust, as they do with all transforms of MONAI.

    Examples
    --------
    >>> import numpy as np
    >>> transform = DustRectangles(count_range=(3, 8), side_range=(4, 20), depth_range=(4, 20))
    >>> dusted = transform.set_random_state(seed=7)(np.zeros((1, 48, 48, 32), np.float32))
    >>> dusted.shape, bool((dusted[..., 0] == dusted[..., 16]).all())
    (torch.Size([1, 48, 48, 32]), False)
    """

    def __init__(
        self, spec: Spec | None = None, *, value_range: tuple[float, float] | None = None, **fields: Any
    ) -> None:
        super().__init__()
        self._set_options(spec, value_range, fields)

    def __call__(self, img: Any, randomize: bool = True) -> Any:  # noqa: FBT001, FBT002  As MONAI's transforms.
        """Return a dusted copy; with ``randomize=False``, under the dust of the call before."""
        if randomize:
            self.randomize(img)
        return self._paint(img, "img")

    def __repr__(self) -> str:
        return self._repr()


class DustRectanglesd(_RandomDust, MapTransform):  # type: ignore[misc]  # As above.
    """Paint the same random rectangles, or cuboids, on all images of a dictionary.

    Parameters
    ----------
    keys : hashable or sequence of them
        Where the images are: all of one height, width and depth, and of any channels and dtypes. Leave out masks and
        labels, on which brightness would be a class.
    spec, value_range, **fields : optional
        As in :class:`DustRectangles`.
    allow_missing_keys : bool, default False
        Whether a dictionary may lack keys.

    Raises
    ------
    TypeError, ValueError
        As in :class:`DustRectangles`; and if there are no keys, or images differ in size.
    KeyError
        In use, if a dictionary lacks a key.

    Notes
    -----
    The notes on :class:`DustRectangles` hold here too. Each call draws one seed, so that other transforms stay in step
    whatever keys there are. Images of another dtype or number of channels get the same places; ``fill="color"`` draws a
    brightness for each channel, so that images of other channels get other colours.

    Examples
    --------
    >>> import torch
    >>> transform = DustRectanglesd(keys=["t1", "t2"], count_range=(3, 8), depth_fraction_range=(0.1, 0.5))
    >>> sample = {"t1": torch.zeros(1, 32, 32, 24), "t2": torch.zeros(1, 32, 32, 24), "label": 1}
    >>> dusted = transform.set_random_state(seed=7)(sample)
    >>> bool(dusted["t1"].any()), bool((dusted["t1"] == dusted["t2"]).all()), bool(sample["t1"].any())
    (True, True, False)
    """

    def __init__(
        self,
        keys: Any,
        spec: Spec | None = None,
        *,
        value_range: tuple[float, float] | None = None,
        allow_missing_keys: bool = False,
        **fields: Any,
    ) -> None:
        MapTransform.__init__(self, _check_keys(keys), check_flag("allow_missing_keys", allow_missing_keys))
        self._set_options(spec, value_range, fields)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return a copy of the dictionary with dusted copies of its images."""
        if not isinstance(data, Mapping):
            raise TypeError(
                f"a sample must be a mapping, got {shown(data)}: type dustaug.monai.DustRectangles(…) for images"
            )
        self.randomize()
        dusted, size = dict(data), None
        for key in self.keys:
            if key not in data:
                if self.allow_missing_keys:
                    continue
                raise KeyError(
                    f"a sample must have the key {shown(key)}, got {shown(list(data))}: type DustRectanglesd(…, "
                    "allow_missing_keys=True) if it may lack it"
                )
            name = f"sample[{key!r}]"
            _check_image(data[key], name)
            size = tuple(data[key].shape[1:]) if size is None else size
            if data[key].shape[1:] != size:
                raise ValueError(
                    f"images must be of one size to get the same dust, got {size} and {tuple(data[key].shape[1:])} at "
                    f"{shown(key)}: type one DustRectanglesd for each size"
                )
            dusted[key] = self._paint(data[key], name)
        return dusted

    def __repr__(self) -> str:
        missing = ("allow_missing_keys=True",) if self.allow_missing_keys else ()
        return self._repr(f"keys={self.keys!r}", *missing)


def _check_keys(keys: Any) -> tuple[Hashable, ...]:
    found = () if isinstance(keys, (np.ndarray, torch.Tensor)) else ensure_tuple(keys)
    if not found or not all(isinstance(key, Hashable) for key in found):
        raise TypeError(f'keys must be one key of a dictionary or several, got {shown(keys)}: type keys="image"')
    return found  # type: ignore[no-any-return]


def _check_image(image: Any, name: str) -> None:
    if not isinstance(image, (np.ndarray, torch.Tensor)):
        raise TypeError(
            f"images must be NumPy arrays or tensors, got {type(image).__name__} as {name}: type LoadImaged(keys) "
            "before, if it is a path"
        )
    if image.ndim not in (3, 4):
        raise ValueError(
            f"images must have the axes (c, h, w) or (c, h, w, d), got shape {tuple(image.shape)} as {name}: type "
            "EnsureChannelFirstd(keys) before, if the channels are missing"
        )
