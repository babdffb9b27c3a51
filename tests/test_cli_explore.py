"""``dustaug explore`` serves its page, and the picture that is given, to this machine only."""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.parse
import webbrowser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dustaug import Spec, cli
from dustaug.cli import _explore
from dustaug.cli._explore import FILES, HOST, Server, folder_of_page, fragment_of, read_page
from test_cli import noise, run, save

# Ctrl+C on every system: the end of the input interrupts the main thread.
PROGRAM = """
import _thread, signal, sys, threading
from dustaug import cli

def interrupt():
    sys.stdin.read()
    _thread.interrupt_main()

# A shell ignores it for what runs in the background, and what ignores it hands that on.
signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Thread(target=interrupt, daemon=True).start()
cli.main()
"""
MARKED = b"<!doctype html><meta charset=utf-8><title>Page</title><!-- given --><script src=page.js></script>"


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a small page."""
    root = tmp_path / "page"
    root.mkdir()
    for name in FILES:
        (root / name).write_bytes(f"/* {name}: Größe */".encode())
    (root / "index.html").write_bytes(MARKED)
    (root / "generate.py").write_bytes(b"print()")
    return root


@contextlib.contextmanager
def serving(contents, port=0):
    """Serve contents while the block runs."""
    with Server(contents, port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def exploring(*arguments):
    """Run the command in a process of its own, and give the process and the address that it prints."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "explore", "--no-browser", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    ) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def ask(server, path="", *, method="GET", **headers):
    """Return status, headers and body of an answer; headers replace those of a browser, and None leaves one out."""
    connection = http.client.HTTPConnection(HOST, server.server_port, timeout=30)
    try:
        connection.putrequest(
            method, path if path.startswith("/") else f"/{server.key}/{path}", skip_host=True, skip_accept_encoding=True
        )
        for name, value in ({"Host": f"{HOST}:{server.server_port}"} | headers).items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def given_of(script):
    """Return what the script gives the page: the name of the picture, and its pixels."""
    given = json.loads(re.fullmatch(rb"window\.dustaugGiven = (.*);\n", script)[1])
    kind, _, content = given["url"].partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content, validate=True))) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        return given["name"], np.array(image)


class TestServer:
    """The server answers requests of this machine's browser for the page, and nothing else."""

    def test_files(self, folder):
        """Every file of the page is served as it is, with its type and its encoding."""
        with serving(read_page(folder)) as server:
            for name, kind in FILES.items():
                status, headers, body = ask(server, name)

                assert (status, body) == (200, (folder / name).read_bytes())
                assert headers["Content-Type"] == f"{kind}; charset=utf-8"
                assert headers["Content-Length"] == str(len(body))
                assert headers["Cache-Control"] == "no-store"
                assert headers["X-Content-Type-Options"] == "nosniff"
                assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
                assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
                assert headers["Referrer-Policy"] == "no-referrer"
            assert ask(server)[2] == MARKED
            assert ask(server, "page.js?1")[0] == 200

    def test_head(self, folder):
        """HEAD has the headers of GET and no body."""
        with serving(read_page(folder)) as server:
            got, asked = ask(server, "page.js"), ask(server, "page.js", method="HEAD")

        assert asked[:2] == (200, {**got[1], "Date": asked[1]["Date"]})
        assert (len(got[2]), asked[2]) == (int(got[1]["Content-Length"]), b"")

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"])
    def test_other_methods(self, folder, method):
        """Other methods are refused."""
        with serving(read_page(folder)) as server:
            status, headers, body = ask(server, "page.js", method=method)

        assert (status, headers["Content-Type"]) == (501, "text/plain; charset=utf-8")
        assert b"page.js: " not in body

    @pytest.mark.parametrize(
        "path",
        [
            *(
                "generate.py",
                "given.js",
                "page.JS",
                "page.js/",
                "/",
                "/index.html",
                "/page.js",
                "../page.js",
                ".",
                "..",
            ),
            *("%2e%2e/page.js", "page%2ejs", "..\\page.js", "page.js%00", "//page.js", "explore/index.html", "%ff"),
            *("../../../pyproject.toml", "/../pyproject.toml", "C:/Windows/win.ini", "/\u00ff/page.js"),
        ],
    )
    def test_other_paths(self, folder, path):
        """Nothing else is found, by no spelling of a path, and no folder is listed."""
        path = urllib.parse.quote(path, safe="/%\\:.") if path.isascii() else path.encode("latin-1").decode("latin-1")
        with serving(read_page(folder)) as server:
            sent = f"GET {path if path.startswith('/') else f'/{server.key}/{path}'} HTTP/1.0\r\nHost: {HOST}:"
            with socket.create_connection((HOST, server.server_port), timeout=30) as connection:
                connection.sendall(f"{sent}{server.server_port}\r\n\r\n".encode("latin-1"))
                answer = connection.makefile("rb").read()

        assert answer.startswith(b"HTTP/1.0 404 ")
        assert b"print()" not in answer

    @pytest.mark.parametrize(
        "host", ["evil.example", "evil.example:{}", "127.0.0.1", "127.0.0.2:{}", "0.0.0.0:{}", "", None]
    )
    def test_other_hosts(self, folder, host):
        """A page of others that leads its own name to this machine gets nothing; the answer says which host counts."""
        given = "tom.png", Image.new("RGB", (4, 3))
        with serving(read_page(folder, given)) as server:
            port = server.server_port
            status, _, body = ask(server, "given.js", Host=host if host is None else host.format(port))

            wanted = f"http://127.0.0.1:{port}/ or http://localhost:{port}/"
            assert status == 403
            assert body.decode() == f"The address must begin with {wanted}, got another host.\n"
            assert ask(server, "given.js", Host=f"LOCALHOST:{port}")[0] == 200

    def test_two_hosts(self, folder):
        """A request that names two hosts is refused, whichever comes first."""
        with serving(read_page(folder)) as server:
            for hosts in (("{}", "evil.example"), ("evil.example", "{}")):
                lines = "".join(f"Host: {host.format(f'{HOST}:{server.server_port}')}\r\n" for host in hosts)
                with socket.create_connection((HOST, server.server_port), timeout=30) as connection:
                    connection.sendall(f"GET /{server.key}/page.js HTTP/1.1\r\n{lines}\r\n".encode())
                    assert connection.makefile("rb").read().startswith(b"HTTP/1.0 403 ")

    @pytest.mark.parametrize("sent", [b"GET /{key}/page.js\r\n\r\n", b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET\r\n\r\n"])
    def test_no_request(self, folder, sent):
        """What is no request of a browser gets no file."""
        with serving(read_page(folder)) as server:
            with socket.create_connection((HOST, server.server_port), timeout=30) as connection:
                connection.sendall(sent.replace(b"{key}", server.key.encode()))
                connection.shutdown(socket.SHUT_WR)

                assert b"page.js: " not in connection.makefile("rb").read()
            assert ask(server, "page.js")[0] == 200

    def test_the_address_is_new_each_time(self, folder):
        """Two servers have different keys, which nobody guesses, and listen to this machine only."""
        with Server(read_page(folder)) as first, Server(read_page(folder)) as second:
            assert first.key != second.key
            assert len(first.key) == 22
            assert first.server_address[0] == second.server_address[0] == "127.0.0.1"
            assert re.fullmatch(rf"http://127\.0\.0\.1:{first.server_port}/[\w-]+/", first.address)

    def test_a_browser_that_goes_away(self, folder, capfd):
        """The server says nothing when a connection breaks, nor of requests."""
        contents = {**read_page(folder), "large": _explore.Content("text/plain", bytes(30_000_000))}
        with serving(contents) as server:
            for _ in range(3):
                with socket.create_connection((HOST, server.server_port), timeout=30) as connection:
                    connection.sendall(
                        f"GET /{server.key}/large HTTP/1.1\r\nHost: {HOST}:{server.server_port}\r\n\r\n".encode()
                    )
                    assert connection.recv(1)
            assert ask(server, "page.js")[0] == 200

        assert capfd.readouterr() == ("", "")


class TestGiven:
    """The picture comes to the page as a script."""

    def test_given(self, folder):
        """The script has the name, in any letters, and the pixels; the page loads it in place of a comment."""
        pixels, name = noise(30, 40, 3), 'Tom\'s </script>\u2028 "Kätzchen" 猫.png'
        contents = read_page(folder, (name, Image.fromarray(pixels)))
        said, shown = given_of(contents["given.js"].body)

        assert said == name
        assert np.array_equal(shown, pixels)
        assert contents["given.js"].body.isascii()
        assert contents["index.html"].body == MARKED.replace(b"<!-- given -->", b'<script src="given.js"></script>')

    def test_nothing_given(self, folder):
        """Without a picture the page is served as it is."""
        contents = read_page(folder)

        assert set(contents) == set(FILES)
        assert contents["index.html"].body == MARKED

    @pytest.mark.parametrize("times", [0, 2])
    def test_no_place_for_it(self, folder, times):
        """A page that has no place for a picture, or two, is an error."""
        (folder / "index.html").write_bytes(b"<!-- given -->" * times)

        with pytest.raises(ValueError, match=f"must have <!-- given --> once, got it {times} times in "):
            read_page(folder, ("tom.png", Image.new("RGB", (4, 3))))

    @pytest.mark.parametrize(
        ("spec", "fields"),
        [
            (Spec(), {}),
            (Spec(count_range=(3, 9), fill="noise"), {"count_range": [3, 9], "fill": "noise"}),
            *((make(), None) for _, make in cli._PRESETS.values()),
        ],
    )
    def test_fragment(self, spec, fields):
        """The address has what differs from Spec(), and seed, epoch and index with all their digits."""
        fragment = fragment_of(spec, 2**64 - 1, 3, 2**63 - 1)
        state = dict(urllib.parse.parse_qsl(fragment, strict_parsing=True))
        found = json.loads(state.pop("spec"))

        assert state == {"seed": "18446744073709551615", "epoch": "3", "index": "9223372036854775807"}
        assert Spec.from_dict(found) == spec
        assert fields in (None, found)
        assert not re.search(r"[^\w.~&=%-]", fragment)


class TestPage:
    """The page is found where it was installed."""

    def test_it_is_complete(self):
        """Whatever the page loads is served, and it has one place for a picture."""
        text = (folder_of_page() / "index.html").read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)="(?!data:)([^"]*)"', text)

        assert set(loaded) == set(FILES) - {"index.html"}
        assert text.count("<!-- given -->") == 1
        assert text.index("<!-- given -->") < text.index('src="page.js"')

    def test_it_is_missing(self, tmp_path, monkeypatch):
        """Where the page is not installed, the command says where it should be and what to type."""
        monkeypatch.setattr(_explore.resources, "files", lambda _: tmp_path)
        monkeypatch.setattr(_explore, "__file__", str(tmp_path / "a" / "b" / "c" / "_explore.py"))
        result = run("explore", "--no-browser")

        assert result.exit_code == 2
        said = " ".join(result.stderr.split())
        assert "explore must find index.html, page.css, " in said
        assert "got less there: install dustaug anew, or type pip install --editable . in a clone" in said


class TestCommand:
    """The command reads the picture, serves the page and ends when it is told to."""

    @pytest.fixture(autouse=True)
    def _small_page(self, folder, monkeypatch):
        monkeypatch.setattr(_explore, "folder_of_page", lambda: folder)

    @pytest.fixture
    def begun(self, monkeypatch):
        """Interrupt the server as soon as it begins to serve, and return what it serves."""
        contents = []

        def serve_forever(server):
            contents.append(server.contents)
            raise KeyboardInterrupt

        monkeypatch.setattr(Server, "serve_forever", serve_forever)
        return contents

    @pytest.mark.parametrize(
        ("pixels", "extension", "options", "wanted"),
        [
            (noise(30, 40, 3), "png", {}, noise(30, 40, 3)),
            (noise(30, 40), "tif", {}, np.repeat(noise(30, 40)[..., None], 3, axis=2)),
            (
                np.array([[0, 255, 256, 65535]], np.uint16),
                "png",
                {},
                np.repeat(np.array([[[0], [0], [1], [255]]], np.uint8), 3, axis=2),
            ),
            (
                np.array([[[9, 9, 9, 0], [9, 8, 7, 255]]], np.uint8),
                "png",
                {},
                np.array([[[255] * 3, [9, 8, 7]]], np.uint8),
            ),
        ],
        ids=["colour", "grey", "16 bits", "transparent"],
    )
    def test_pictures(self, begun, tmp_path, pixels, extension, options, wanted):
        """Pictures of all kinds come to the page as a screen shows them."""
        path = save(tmp_path / f"tom.{extension}", pixels, **options)
        result = run("explore", path, "--no-browser")

        assert result.exit_code == 0, result.stderr
        name, shown = given_of(begun[0]["given.js"].body)
        assert name == path.name
        assert np.array_equal(shown, wanted)

    def test_orientation(self, begun, tmp_path):
        """A picture is turned upright."""
        exif = Image.Exif()
        exif[0x0112] = 6
        assert run("explore", save(tmp_path / "tom.png", noise(30, 40, 3), exif=exif), "--no-browser").exit_code == 0

        assert np.array_equal(given_of(begun[0]["given.js"].body)[1], np.rot90(noise(30, 40, 3), -1))

    def test_twelve_bits(self, begun, tmp_path):
        """--value-range says what is black and white."""
        path = save(tmp_path / "tom.png", np.array([[0, 4095]], np.uint16))
        assert run("explore", path, "--no-browser", "--value-range", 0, 4095).exit_code == 0

        assert given_of(begun[0]["given.js"].body)[1].tolist() == [[[0] * 3, [255] * 3]]

    def test_huge(self, begun, tmp_path):
        """A huge picture is made smaller before it goes to the browser."""
        assert (
            run("explore", save(tmp_path / "tom.png", np.zeros((300, 4000), np.uint8)), "--no-browser").exit_code == 0
        )

        assert given_of(begun[0]["given.js"].body)[1].shape == (154, 2048, 3)

    @pytest.mark.usefixtures("begun")
    def test_address(self):
        """The address is all that --no-browser prints, with the spec and its coordinates; the end is one line."""
        options = ["--preset", "cutout", "--fill", "noise", "--seed", 7, "--epoch", 2, "--index", 17]
        result = run("explore", "--no-browser", *options)
        address, end = result.stdout.splitlines()

        assert (result.exit_code, result.stderr, end) == (0, "", "Ended: the page is served no more.")
        assert address.partition("#")[2] == fragment_of(cli.cutout(56, fill="noise"), 7, 2, 17)

    @pytest.mark.usefixtures("begun")
    @pytest.mark.parametrize("found", [True, False, webbrowser.Error("none")])
    def test_browser(self, monkeypatch, found):
        """The default browser is asked to open the address; without one, a line says so."""
        asked = []

        def open_browser(address):
            asked.append(address)
            if isinstance(found, Exception):
                raise found
            return found

        class Thread:
            """A thread that is done when it has begun."""

            def __init__(self, target, daemon):
                assert daemon
                self.start = target

        monkeypatch.setattr(_explore.threading, "Thread", Thread)
        monkeypatch.setattr(webbrowser, "open", open_browser)
        result = run("explore")

        assert result.exit_code == 0
        assert result.stdout.splitlines() == [*asked, "Ctrl+C ends it.", "Ended: the page is served no more."]
        assert result.stderr == ("" if found is True else "No browser was found: open the address in one yourself.\n")

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            (["nothing.png"], "'nothing.png' does not exist"),
            (["."], "'.' is a directory"),
            (["notes.txt"], "notes.txt: cannot identify image file"),
            (["--index", "-1"], "--index must be from 0 to 9223372036854775807, got -1"),
            (["--seed", "-1"], "--seed must be from 0 to"),
            (["--count-range", "9", "3"], "--count-range must"),
            (["--preset", "dusty"], "preset must be one of dust, cutout"),
            (["--port", "65536"], "Invalid value for '--port': "),
            (["--value-range", "9", "3"], "--value-range must be two finite numbers"),
            (["--max-hidden", "0.4"], "--max-hidden must be left out, as files of images tell no objects"),
        ],
    )
    def test_usage_errors(self, begun, tmp_path, monkeypatch, options, text):
        """Mistakes end with exit code 2 and a sentence, before anything is served."""
        monkeypatch.chdir(tmp_path)
        Path("notes.txt").write_text("no image")
        result = run("explore", "--no-browser", *options)

        assert result.exit_code == 2
        assert text in " ".join(result.stderr.replace("│", " ").split())
        assert "Traceback" not in result.output
        assert begun == []

    def test_a_page_without_a_place(self, begun, folder, tmp_path):
        """A page that cannot show the picture is an error of one sentence."""
        (folder / "index.html").write_bytes(b"")
        result = run("explore", save(tmp_path / "tom.png", noise(3, 4, 3)), "--no-browser")

        assert (result.exit_code, begun) == (2, [])
        assert "must have <!-- given --> once, got it 0 times" in " ".join(result.stderr.split())

    def test_a_port_that_is_taken(self):
        """A port that another program has is an error that says what to type."""
        with socket.create_server((HOST, 0)) as other:
            port = other.getsockname()[1]
            result = run("explore", "--no-browser", "--port", port)

        assert result.exit_code == 2
        assert f"--port must be free, got {port}: " in " ".join(result.stderr.split())
        assert "type --port 0, or leave it out" in " ".join(result.stderr.split())


def test_process(tmp_path):
    """The command serves the installed page with the picture, and Ctrl+C ends it with exit code 0 and one line."""
    path = save(tmp_path / "tom.png", noise(30, 40, 3))
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    with exploring(path, "--port", port, "--seed", "7") as (process, address):
        place, _, fragment = address.partition("#")
        assert fragment == fragment_of(Spec(), 7, 0, 0)
        assert place.startswith(f"http://127.0.0.1:{port}/")
        connection = http.client.HTTPConnection(HOST, port, timeout=30)
        for name in ("index.html", *FILES, "given.js"):
            connection.request("GET", urllib.parse.urlsplit(place).path + name)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200
            if name not in ("index.html", "given.js"):
                assert body == (folder_of_page() / name).read_bytes()
        connection.close()
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out, err) == (0, "Ended: the page is served no more.\n", "")
    assert np.array_equal(given_of(body)[1], noise(30, 40, 3))
