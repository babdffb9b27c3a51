"""What the package index shows: the README, with links that lead somewhere from there too.

The one place that says where the repository is: the environment variable DUSTAUG_REPOSITORY_URL, which the workflows
set to the repository that they run in. Without it no address is claimed, and relative links become plain text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# [text](target) and ![text](target), where the target is neither absolute nor a heading of the page.
RELATIVE = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?!https?://|#)(?P<target>[^)\s]+)\)")


class IndexMetadataHook(MetadataHookInterface):
    """Fill in `readme` and `urls`."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Set them for the version that is built: links lead to its tag."""
        repository = os.environ.get("DUSTAUG_REPOSITORY_URL", "").rstrip("/")
        readme = Path(self.root, "README.md").read_text(encoding="utf-8")
        text = absolute_links(readme, repository, f"v{metadata['version']}")
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = project_urls(repository) if repository else {}


def absolute_links(markdown: str, repository: str, tag: str) -> str:
    """Return Markdown whose relative links lead to a tag of the repository; without one, they become their text."""

    def rewrite(link: re.Match[str]) -> str:
        picture, text, target = link["picture"], link["text"], link["target"]
        if not repository:
            return "" if picture else text
        return f"{picture}[{text}]({repository}/{'raw' if picture else 'blob'}/{tag}/{target})"

    return RELATIVE.sub(rewrite, markdown)


def project_urls(repository: str) -> dict[str, str]:
    """Return the addresses that the index lists."""
    return {
        "Source": repository,
        "Issues": f"{repository}/issues",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
    }
