"""Turn roles in docstrings, such as :func:`dustaug.add_dust`, into links to the reference."""

import re

import griffe

ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`(~?)([\w.]+)`")


class Roles(griffe.Extension):
    """An extension that rewrites every docstring before mkdocstrings shows it."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Replace roles by links. A name without a target becomes code."""
        if obj.docstring:
            obj.docstring.value = ROLE.sub(lambda role: _link(obj, role[1], role[2]), obj.docstring.value)


def _link(obj: griffe.Object, short: str, name: str) -> str:
    text = name.rpartition(".")[2] if short else name
    try:
        target = name if name.startswith("dustaug.") else obj.resolve(name)
    except griffe.NameResolutionError:
        return f"`{text}`"
    return f"[`{text}`][{target}]"
