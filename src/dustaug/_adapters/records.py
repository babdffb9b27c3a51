"""The image within a sample of a data set, and what stands beside it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

__all__ = ["check_key", "default_key", "has_entries", "read_entry", "replace_entry"]


def check_key(argument: str, key: Any, within: str) -> int | str | None:
    """Return a key or None; `within` is what the caller calls a sample, with its article."""
    if isinstance(key, bool) or not (key is None or isinstance(key, (int, str))):
        raise TypeError(f"{argument} must be a place or a key in {within}, got {key!r}")
    return key


def has_entries(sample: Any) -> bool:
    """Whether a sample is a mapping, list, tuple or named tuple; otherwise it is an image itself."""
    return isinstance(sample, (Mapping, tuple, list))


def default_key(sample: Any) -> int | str:
    """Where the image is if nobody says it."""
    return "image" if isinstance(sample, Mapping) else 0


def read_entry(sample: Any, key: int | str, argument: str, owner: str, name: str = "sample") -> Any:
    """Return one entry of a sample. Those of a named tuple have a place and a key.

    Parameters
    ----------
    argument, owner : str
        ``"image_key"``, ``"index_key"`` or ``"epoch_key"``, and whose argument that is: what to type if it is wrong.
    name : str
        What the caller calls a sample.

    Raises
    ------
    LookupError
        If there is no such entry.
    """
    try:
        return sample[_place(sample, key)]
    except (LookupError, TypeError):
        keys = sample if isinstance(sample, Mapping) else getattr(sample, "_fields", ())
        raise LookupError(
            f"{name} must have an {argument.removesuffix('_key')} at {key!r}, got "
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


def _place(sample: Any, key: Any) -> Any:
    """Return the place of a named tuple's field, and any other key as it is."""
    fields = getattr(sample, "_fields", ())
    return fields.index(key) if key in fields else key
