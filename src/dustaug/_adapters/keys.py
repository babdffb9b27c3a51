"""The names under which adapters find an image, its index and its epoch, and which of them belong together."""

from __future__ import annotations

from typing import Any

from dustaug._engine.coordinates import check_seed
from dustaug._errors import shown


def check_key(argument: str, key: Any, within: str) -> int | str | None:
    """Return the place or the key of an entry, or None; `within` is what holds it, with an article."""
    if isinstance(key, bool) or not (key is None or isinstance(key, (int, str))):
        raise TypeError(f"{argument} must be a place or a key in {within}, got {shown(key)}")
    return key


def check_name(argument: str, name: Any, what: str) -> str:
    """Return the name of `what`, such as ``"a column"``."""
    if not isinstance(name, str):
        example = argument.partition("_")[0]
        raise TypeError(f'{argument} must be the name of {what}, got {shown(name)}: type {argument}="{example}"')
    return name


def check_seed_and_keys(
    seed: Any, index_key: Any, epoch_key: Any, *, what: str, owner: str, instead: str = ""
) -> int | None:
    """Return the seed; keys must be names and come with a seed, and the epoch's with the index's.

    Parameters
    ----------
    what : str
        What the keys name, with an article.
    owner : str
        The class whose arguments these are.
    instead : str
        What else can be done without a seed, as the message ends; ``{}`` stands for the key that must go.
    """
    for argument, key in (("index_key", index_key), ("epoch_key", epoch_key)):
        if key is None:
            continue
        check_name(argument, key, what)
        if seed is None:
            raise missing_error("seed", argument, f"{owner}(seed=0, {argument}={key!r}){instead.format(argument)}")
        if index_key is None:
            raise missing_error("index_key", argument, f'{owner}(seed=0, index_key="index", {argument}={key!r})')
    return None if seed is None else check_seed(seed)


def missing_error(argument: str, given: str, hint: str) -> TypeError:
    """Make the error for an argument that must come with another one; `hint` is what to type."""
    return TypeError(f"{argument} must be given with {given}, got none: type {hint}")
