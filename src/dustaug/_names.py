"""Indices for images that have names instead of numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from ._engine.forks import fork_lock

Name: TypeAlias = "str | bytes | os.PathLike[str]"


@overload
def index_of(name: Name) -> int: ...  # type: ignore[overload-overlap]  # A string is an iterable of strings.
@overload
def index_of(name: Iterable[Name]) -> NDArray[np.int64]: ...
def index_of(name: Any) -> Any:
    """Return an index for an image that has a name and no number; it is the same on every machine.

    Parameters
    ----------
    name : str, bytes or path, or an iterable of n of them
        A name that never changes, such as the path *inside* the data set. (An absolute path changes when the data set
        moves.) Strings are hashed as UTF-8, paths with ``/`` between their parts.

    Returns
    -------
    int, or int64 array (n,)
        0 … 2**63 - 1: the upper 63 bits of the 8-byte BLAKE2b hash of the name.

    Raises
    ------
    TypeError
        If a name is something else.

    Notes
    -----
    Some two of n names share their index with probability 1 - exp(-n² / 2⁶⁴), which is 5.3 % for 10⁹ images. These two
    images get the same dust, and nothing else happens.

    Examples
    --------
    >>> index_of("train/fender/0123.jpg")
    1988931234926148420
    >>> index_of(["train/fender/0123.jpg", "train/gibson/0007.jpg"]) % 1000
    array([420,  57])
    """
    if isinstance(name, (str, bytes, os.PathLike)):
        return _hash(name)
    if not isinstance(name, Iterable):
        raise _not_a_name(name)
    if isinstance(name, np.ndarray) and not name.ndim:
        raise _not_a_name(name)
    return np.fromiter(map(_hash, name), np.int64)


def _hash(name: Any) -> int:
    with fork_lock:
        from hashlib import blake2b  # Loads OpenSSL.
        from pathlib import PurePath

    if isinstance(name, os.PathLike):
        name = name.as_posix() if isinstance(name, PurePath) else os.fspath(name)
    if isinstance(name, str):
        # Names of files need not be valid text; os.fsencode encodes them in the same way.
        name = name.encode("utf-8", "surrogateescape")
    if not isinstance(name, bytes):
        raise _not_a_name(name)
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big") >> 1


def _not_a_name(name: Any) -> TypeError:
    return TypeError(f"name must be a string, bytes, a path or an iterable of them, got {type(name).__name__}")
