"""What is said where an extra is not installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

__all__ = ["MissingExtraError", "name_extra"]


class MissingExtraError(ModuleNotFoundError):
    """A package of an extra is not installed. `name` is that of the package."""


@contextlib.contextmanager
def name_extra(extra: str, who: str, *packages: str, instead: str = "") -> Iterator[None]:
    """Say what to type where the block cannot import one of `packages`.

    Every other error passes unchanged: a package that is there but broken is not missing.

    Parameters
    ----------
    extra : str
        What to install: ``"torch"``, or several as in ``"keras,tensorflow"``.
    who : str
        What needs it, as the message begins.
    *packages : str
        Names under which the packages are imported.
    instead : str
        What else can be done, as the message ends.

    Raises
    ------
    MissingExtraError
        If one of `packages` is not installed.

    Examples
    --------
    >>> with name_extra("cli", "the command line", "typo"):
    ...     import typo
    Traceback (most recent call last):
    dustaug._extras.MissingExtraError: the command line needs typo: type pip install "dustaug[cli]"
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in packages:
            raise
        message = f'{who} needs {error.name}: type pip install "dustaug[{extra}]"{instead}'
        raise MissingExtraError(message, name=error.name) from error
