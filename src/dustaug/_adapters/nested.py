"""Entries of samples that are nested: dicts, lists and tuples within each other, as PyTorch flattens them."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from typing import Any

from dustaug._errors import shown

Path = tuple[Any, ...]


def walk(sample: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield all that a sample holds at any depth, with the keys, places and names of fields that lead there."""
    if type(sample) in (dict, OrderedDict, defaultdict):
        steps = sample.items()
    elif isinstance(sample, tuple) and hasattr(sample, "_fields"):
        steps = zip(sample._fields, sample, strict=True)
    elif type(sample) in (list, tuple):
        steps = enumerate(sample)
    else:
        return
    for step, entry in steps:
        yield (*path, step), entry
        yield from walk(entry, (*path, step))


def find_entry(sample: Any, key: int | str, argument: str, owner: str) -> Any:
    """Return the entry of a key, in a dict at any depth, or at a place of the sample itself.

    Raises
    ------
    LookupError
        If there is no such entry.
    ValueError
        If there are several.
    """
    if isinstance(key, int) and isinstance(sample, (list, tuple)) and -len(sample) <= key < len(sample):
        return sample[key]
    found = [entry for path, entry in walk(sample) if path[-1] == key and isinstance(key, str)]
    what = f"samples must have one {argument.partition('_')[0]} at {shown(key)}"
    if not found:
        keys = sorted({step for path, _ in walk(sample) for step in path if isinstance(step, str)})
        got = keys or (f"{len(sample)} entries" if isinstance(sample, (list, tuple)) else "no dict")
        raise LookupError(f"{what}, got {got}: type {owner}(…, {argument}=…)")
    if len(found) > 1:
        raise ValueError(f"{what}, got {len(found)}: rename all of them but one")
    return found[0]


def path_of(sample: Any, entry: Any) -> Path:
    """Return what leads to an entry: the same object, not an equal one."""
    return next((path for path, each in walk(sample) if each is entry), ())


def dict_around(changed: Any, path: Path) -> Any:
    """Return the innermost dict on a path of a sample, or None."""
    around = None
    for step in path:
        if isinstance(changed, dict):
            around = changed
        changed = getattr(changed, step) if isinstance(changed, tuple) and isinstance(step, str) else changed[step]
    return around
