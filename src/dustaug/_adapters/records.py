"""How the image in a sample, a record or a batch is read, dusted and replaced."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from dustaug import core
from dustaug._errors import shown

# What the error calls an entry, where it is not "an image" by the argument "image_key".
_NOUNS = {"guide": "a guide", "objects": "objects", "donors": "donors"}


def has_entries(sample: Any) -> bool:
    """Tell whether a sample is a mapping, list, tuple or named tuple; otherwise it is an image itself."""
    return isinstance(sample, (Mapping, tuple, list))


def default_key(sample: Any) -> int | str:
    """Return where the image is by default."""
    return "image" if isinstance(sample, Mapping) else 0


def read_entry(sample: Any, key: int | str, argument: str, owner: str, name: str = "sample") -> Any:
    """Return one entry of a sample; entries of a named tuple have both a place and a key.

    Parameters
    ----------
    argument, owner : str
        The argument that holds the key, such as ``"index_key"``, and the class that takes it; the error names both.
    name : str
        The caller's word for a sample.

    Raises
    ------
    LookupError
        If there is no such entry.
    """
    try:
        return sample[_place(sample, key)]
    except (LookupError, TypeError):
        keys = sample if isinstance(sample, Mapping) else getattr(sample, "_fields", ())
        what = argument.partition("_")[0]
        raise LookupError(
            f"{name} must have {_NOUNS.get(what, f'an {what}')} at {shown(key)}, got "
            f"{list(keys) or f'{len(sample)} entries'}: type {owner}(…, {argument}=…)"
        ) from None


def replace_entry(sample: Any, key: int | str, value: Any) -> Any:
    """Return a sample of the same kind with `value` at `key`; its other entries are the same objects."""
    if isinstance(sample, Mapping):
        changed: Any = copy.copy(sample)
        changed[key] = value
        return changed
    entries = list(sample)
    entries[_place(sample, key)] = value
    if isinstance(sample, tuple):
        return type(sample)(*entries) if hasattr(sample, "_fields") else tuple(entries)
    return entries


def dust_array(images: NDArray[Any], adapter: Any, epoch: int, index: Any, layout: Any, **terms: Any) -> NDArray[Any]:
    """Dust an array in place by an adapter's attributes `spec`, `seed` and `value_range`, and return it.

    `terms` are the guide and the objects, if the spec takes any.
    """
    seed, value_range = adapter.seed, adapter.value_range
    return core.add_dust(
        images, adapter.spec, seed=seed, epoch=epoch, index=index, layout=layout, value_range=value_range, **terms
    )


def _place(sample: Any, key: Any) -> Any:
    """Return the place of a named tuple's field, and any other key as it is."""
    fields = getattr(sample, "_fields", ())
    return fields.index(key) if key in fields else key
