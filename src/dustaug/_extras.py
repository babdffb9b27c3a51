"""The error for a missing package, which names the extra to install."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class MissingExtraError(ModuleNotFoundError):
    """A package of an extra is not installed; `name` is the name of that package."""


@contextlib.contextmanager
def name_extra(extra: str, who: str, *packages: str, instead: str = "") -> Iterator[None]:
    """Name the extra to install if the block cannot import one of `packages`.

    Every other error passes unchanged, such as the error of a package that is installed but broken.

    Parameters
    ----------
    extra : str
        The extra, ``"torch"``, or several as in ``"keras,tensorflow"``.
    who : str
        Beginning of the message: what needs the package.
    *packages : str
        Names under which the packages are imported.
    instead : str
        End of the message: what else can be done.

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
