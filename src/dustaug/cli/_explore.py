"""The page in which pictures are dusted, served to the browser of this machine, for ``dustaug explore``."""

from __future__ import annotations

import base64
import hmac
import io
import json
import os
import secrets
import socketserver
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from PIL import Image

from dustaug.spec import Spec

HOST = "127.0.0.1"
FILES = {
    "index.html": "text/html",
    "page.css": "text/css",
    "dustaug.js": "text/javascript",
    "snippets.js": "text/javascript",
    "pictures.js": "text/javascript",
    "page.js": "text/javascript",
}
"""All files of the page, with their types; nothing else is served but the picture."""

_GIVEN = "given.js"
_PLACE = b"<!-- given -->"
_HEADERS = {
    "Cache-Control": "no-store",
    # A script of the page holds the picture: no page of another origin may load or frame it.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_TIMEOUT = 30  # Seconds that a connection may say nothing.


class Content(NamedTuple):
    """What is served under a name."""

    kind: str
    body: bytes


def folder_of_page() -> Any:
    """Return the folder of the page: in the package, or beside the sources in a clone.

    Raises
    ------
    FileNotFoundError
        If there is neither.
    """
    folders = resources.files("dustaug.cli") / "explore", Path(__file__).parents[3] / "docs" / "explore"
    for folder in folders:
        if all((folder / name).is_file() for name in FILES):
            return folder
    raise FileNotFoundError(
        f"explore must find {', '.join(FILES)} in {folders[0]}, got less there: install dustaug anew, or type "
        "pip install --editable . in a clone"
    )


def read_page(folder: Any, given: tuple[str, Image.Image] | None = None) -> dict[str, Content]:
    """Return all that is served, by name, with a picture and its name in the place that index.html has for it."""
    contents = {name: Content(kind, (folder / name).read_bytes()) for name, kind in FILES.items()}
    if given is not None:
        page = contents["index.html"]
        if page.body.count(_PLACE) != 1:
            raise ValueError(
                f"index.html of the page must have {_PLACE.decode()} once, got it {page.body.count(_PLACE)} times in "
                f"{folder}: install dustaug anew"
            )
        script = f'<script src="{_GIVEN}"></script>'.encode()
        contents["index.html"] = page._replace(body=page.body.replace(_PLACE, script))
        contents[_GIVEN] = Content("text/javascript", _script_of(*given))
    return contents


def _script_of(name: str, image: Image.Image) -> bytes:
    """Return the script that gives the page a picture, without loss."""
    stream = io.BytesIO()
    image.save(stream, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
    return f"window.dustaugGiven = {json.dumps({'name': name, 'url': url})};\n".encode()


def fragment_of(spec: Spec, seed: int, epoch: int, index: int) -> str:
    """Return the state of the page as its address has it: of a spec, the fields that its repr shows."""
    defaults = Spec().to_dict()
    changed = {name: value for name, value in spec.to_dict().items() if value not in (None, defaults[name])}
    state = {"spec": json.dumps(changed, separators=(",", ":")), "seed": seed, "epoch": epoch, "index": index}
    return urlencode(state, quote_via=quote)


class Server(ThreadingHTTPServer):
    """Serve the page to this machine, under an address that nobody can guess.

    Other users of the machine, and pages of others in the same browser, know neither the port nor the key.
    """

    daemon_threads = True
    # On Windows, another program could take a port that is reused.
    allow_reuse_address = os.name != "nt"

    def __init__(self, contents: Mapping[str, Content], port: int = 0) -> None:
        self.key = secrets.token_urlsafe(16)
        self.contents = contents
        super().__init__((HOST, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking for the name of the machine, which takes seconds on some."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}/{self.key}/"

    @property
    def hosts(self) -> set[str]:
        """What a browser may call this server; a page of others that leads its own name here calls it otherwise."""
        names = {HOST, "localhost"}
        return {f"{name}:{self.server_port}" for name in names} | (names if self.server_port == 80 else set())

    def find(self, target: str) -> Content | None:
        """Return what lies under the target of a request; its query does not count."""
        start, _, key_and_name = target.partition("?")[0].partition("/")
        key, slash, name = key_and_name.partition("/")
        if start or not slash or not hmac.compare_digest(key.encode(), self.key.encode()):
            return None
        return self.contents.get(name or "index.html")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = _TIMEOUT

    def do_GET(self) -> None:
        hosts = self.headers.get_all("Host", [])
        content = self.server.find(self.path)
        if len(hosts) != 1 or hosts[0].lower() not in self.server.hosts:
            port = self.server.server_port
            self._answer(
                HTTPStatus.FORBIDDEN,
                f"The address must begin with http://{HOST}:{port}/ or http://localhost:{port}/, got another host.\n",
            )
        elif content is None:
            self._answer(HTTPStatus.NOT_FOUND, "Here is only the page whose address dustaug explore printed.\n")
        else:
            self._answer(HTTPStatus.OK, content)

    do_HEAD = do_GET  # noqa: N815  The base class asks for this name.

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer what is neither GET nor HEAD, or no HTTP at all, in plain text."""
        self.close_connection = True
        self._answer(HTTPStatus(code), f"{message or HTTPStatus(code).phrase}\n")

    def _answer(self, status: HTTPStatus, content: Content | str) -> None:
        if isinstance(content, str):
            content = Content("text/plain", content.encode(errors="replace"))
        self.send_response(status)
        headers = {"Content-Type": f"{content.kind}; charset=utf-8", "Content-Length": str(len(content.body))}
        for name, value in (headers | _HEADERS).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content.body)

    def version_string(self) -> str:
        return "dustaug"

    def log_message(self, *_: Any) -> None:
        """Say nothing of single requests."""


def show(address: str, failed: Callable[[], None]) -> None:
    """Open an address in the default browser, and call `failed` if there is none.

    It happens in a thread, as text browsers return only when they are closed.
    """

    def work() -> None:
        try:
            shown = webbrowser.open(address)
        except webbrowser.Error:
            shown = False
        if not shown:
            failed()

    threading.Thread(target=work, daemon=True).start()
