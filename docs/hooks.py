"""What is done to pages before MkDocs reads them, so that the same files can be read in the repository too."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SHOWN = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Show the files of the root that have a page of their own, and unlink what no page shows."""
    source = SHOWN.get(page.file.src_uri)
    if source is not None:
        markdown = (ROOT / source).read_text(encoding="utf-8")
        markdown = re.sub(r"\]\((?!docs/|https?:|#)", "](../", markdown).replace("](docs/", "](")
        for name, shown in SHOWN.items():
            markdown = markdown.replace(f"](../{shown}", f"]({name}")
    return re.sub(r"\[([^\]]*)\]\(\.\./[^)]*\)", r"\1", markdown)
