"""Errors of Python's arguments in the words of the command line's options."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TEXT = r"'[^']*'|\"[^\"]*\""
_NUMBER = r"[-+]?(?:inf|nan|\d[\d_]*(?:\.\d*)?(?:e[-+]?\d+)?)"
# Fields of as many numbers as one likes.
_LISTS = ("fill_value", "cell_sides")
_TUPLE = rf"[(\[]\s*{_NUMBER}(?:,\s*{_NUMBER})*,?\s*[)\]]"


def option_of(name: str) -> str:
    """Return the option of a parameter: ``--count-range`` of ``count_range``."""
    return f"--{name.replace('_', '-')}"


def in_options(message: str, names: Iterable[str]) -> str:
    """Return a message about parameters as one about options: ``count_range=(3, 9)`` becomes ``--count-range 3 9``."""
    any_name = "|".join(sorted(map(re.escape, names), key=len, reverse=True))

    def assign(found: re.Match[str]) -> str:
        name, value = found[1], found[2]
        if value in ("True", "False"):
            return option_of(name) if value == "True" else f"--no-{option_of(name)[2:]}"
        return f"{option_of(name)} {_value(name, value)}"

    message = re.sub(rf"\b({any_name})=({_TUPLE}|{_TEXT}|{_NUMBER}|True|False)", assign, message, flags=re.IGNORECASE)
    subject = re.match(rf"({any_name})\b", message)
    # A short name, as fill, may be a word of English.
    long_names = "|".join(name for name in any_name.split("|") if "_" in name)
    bare = rf"(?:^({any_name})|(?<![-\w.])({long_names}))(?=[\s,:]|$)"
    message = re.sub(bare, lambda found: option_of(found[1] or found[2]), message)
    message = re.sub(_TUPLE, lambda found: _value(subject[1] if subject else "", found[0]), message)
    message = re.sub(r"'([\w.]+)'", r"\1", message)
    return re.sub(r"\bfield(s?)\b", r"option\1", message)


def _value(name: str, value: str) -> str:
    """Return a value as it is typed: numbers of a range apart, lists of any length joined."""
    parts = value.strip("()[]'\"").split(",")
    return ("," if name in _LISTS else " ").join(part.strip() for part in parts if part.strip())
