"""Change pages before MkDocs reads them, so that the same files also work in the repository."""

import os
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SHOWN = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Insert the files of the root that have their own page. Link other files outside docs to the repository."""
    source = SHOWN.get(page.file.src_uri)
    if source is not None:
        markdown = (ROOT / source).read_text(encoding="utf-8")
        markdown = re.sub(r"\]\((?!docs/|https?:|#)", "](../", markdown).replace("](docs/", "](")
        for name, shown in SHOWN.items():
            markdown = markdown.replace(f"](../{shown}", f"]({name}")
    # As in hatch_build.py, the environment gives the address of the repository. Without it, links become plain text.
    repository = os.environ.get("DUSTAUG_REPOSITORY_URL", "").rstrip("/")
    shown = rf"[\1]({repository}/blob/main/\2)" if repository else r"\1"
    return re.sub(r"\[([^\]]*)\]\(\.\./([^)]*)\)", shown, markdown)
