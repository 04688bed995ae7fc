"""The app in a browser: nothing without the token, and in headless Chromium the app itself."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from tests import children
from tui_cytpix.cli.program.serve import app_command
from tui_cytpix.workflow.run.run import Run

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
}


@contextmanager
def serving(program, folder: Path, *arguments: object) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address that it prints, and the server."""
    pytest.importorskip("textual_serve", reason="the extra `serve` is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = children.start(
        program.command("serve", *arguments, "--port", port),
        env=program.environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    address = server.stdout.readline().strip()
    assert address.startswith(f"http://127.0.0.1:{port}/"), (address, server.poll())
    try:
        yield address, server
    finally:
        server.terminate()
        told = server.communicate(timeout=60)[1]
        assert "Traceback" not in told, told


@pytest.fixture
def served(program, tmp_path) -> Iterator[str]:
    with serving(program, tmp_path) as (address, _):
        yield address


def answer(address: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=30)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    found = connection.getresponse()
    body = b"" if found.status == 101 else found.read()
    connection.close()
    return found.status, dict(found.getheaders()), body


def test_the_page_is_at_the_address_alone_and_fetches_nothing_from_elsewhere(served: str) -> None:
    token = urlsplit(served).path.strip("/")
    assert len(token) >= 43, "32 random bytes"
    status, headers, body = answer(served, f"/{token}/")
    assert status == 200
    assert f"/{token}/ws" in body.decode()
    assert answer(served, f"/{token}/static/js/textual.js")[0] == 200
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert "googleapis" not in json.dumps(policy)
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


def test_without_the_token_nothing_is_answered_the_websocket_neither(served: str) -> None:
    token = urlsplit(served).path.strip("/")
    wrong = ["", token[:-1], f"{token}x", token.swapcase(), "%00", "ä".encode().hex(), "%F0%9F", ".."]
    for first in wrong:
        for rest in ("", "/", "/ws", "/static/js/textual.js", "/download/x", f"/{token}/ws"):
            status, headers, body = answer(served, f"/{first}{rest}", **UPGRADE)
            assert status in (400, 403), (first, rest)
            assert token not in f"{headers}{body}"
    assert answer(served, f"/?token={token}")[0] == 403


def test_another_name_of_the_machine_and_another_page_get_nothing(served: str) -> None:
    parts = urlsplit(served)
    page, websocket, here = parts.path, f"{parts.path}ws", parts.netloc
    for host in ("evil.example", f"evil.example:{parts.port}", f"localhost:{parts.port}", "127.0.0.1", ""):
        assert answer(served, page, Host=host)[0] == 403, host
        assert answer(served, websocket, Host=host, **UPGRADE)[0] == 403, host
    for origin in ("http://evil.example", "null", f"http://localhost:{parts.port}", f"https://{here}"):
        assert answer(served, websocket, Host=here, Origin=origin, **UPGRADE)[0] == 403, origin
    assert answer(served, websocket, Host=here, Origin=f"http://{here}", **UPGRADE)[0] == 101


@pytest.mark.parametrize(
    "line", ["OPTIONS * HTTP/1.1", "GET http://127.0.0.1/x HTTP/1.1", "GET /x HTTP/1.0", "CONNECT x:1 HTTP/1.1"]
)
def test_odd_requests_get_no_more(served: str, line: str) -> None:
    """And the server goes on."""
    parts = urlsplit(served)
    with socket.create_connection(("127.0.0.1", parts.port), timeout=30) as connection:
        host = f"Host: {parts.netloc}\r\n" if "1.1" in line else ""
        connection.sendall(f"{line}\r\n{host}\r\n".encode())
        assert connection.recv(65536).split()[1] in (b"400", b"403")
    assert answer(served, parts.path)[0] == 200


def test_it_listens_on_this_machine_alone(served: str) -> None:
    port = urlsplit(served).port
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    places = [row[1] for row in listening if row[3] == "0A" and int(row[1].split(":")[1], 16) == port]
    assert places == [f"0100007F:{port:04X}"]
    six = Path("/proc/net/tcp6")
    assert not six.exists() or f":{port:04X} 0" not in six.read_text()


def test_a_port_in_use_is_told(program, served: str) -> None:
    command = program.command("serve", "--port", urlsplit(served).port)
    done = children.run(command, env=program.environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Nothing can be served there" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_is_missing_is_told_in_a_sentence(run_main, monkeypatch) -> None:
    assert "No such run or sample" in run_main("serve", "nonesuch")[2]
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    status, _, err = run_main("serve")
    assert status == 2
    assert "pip install 'tui-cytpix[serve]'" in err


def test_names_are_no_words_of_a_shell() -> None:
    asked = SimpleNamespace(graphics="", paths=["; touch x", "-V"])
    words = app_command(asked)
    assert "'" in words
    assert re.search(r" -- '[^']*; touch x' \S*/-V$", words)


class Page:
    """What Chromium shows, by its own protocol."""

    def __init__(self, socket_) -> None:
        self._socket, self._number = socket_, 0
        self.told = b""  # by the websocket of the page

    async def ask(self, method: str, **parameters: object) -> dict:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            said = await asyncio.wait_for(self._socket.receive_json(), 30)
            if said.get("method") == "Network.webSocketFrameReceived":
                frame = said["params"]["response"]
                self.told += base64.b64decode(frame["payloadData"]) if frame["opcode"] == 2 else b""
            if said.get("id") == self._number:
                return said["result"]

    async def value(self, code: str) -> object:
        return (await self.ask("Runtime.evaluate", expression=code))["result"].get("value")

    async def press(self, letter: str) -> None:
        await self.value("document.querySelector('.xterm-helper-textarea').focus()")
        key = {"key": letter, "code": f"Key{letter.upper()}", "windowsVirtualKeyCode": ord(letter.upper())}
        await self.ask("Input.dispatchKeyEvent", type="keyDown", text=letter, **key)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **key)

    async def until(self, reached, words: str) -> None:
        give_up = time.monotonic() + 60
        while not await reached():
            assert time.monotonic() < give_up, f"{words}: {self.told[-500:]!r}"
            await asyncio.sleep(0.1)


async def test_chromium_shows_the_app_takes_keys_and_sees_it_leave(program, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    aiohttp = pytest.importorskip("aiohttp", reason="the extra `serve` is not installed")
    Run.create(tmp_path / "seen").close()
    with serving(program, tmp_path, tmp_path / "seen") as (address, _):
        profile = tmp_path / "profile"
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run"]
        browser = children.start(
            [chromium, *options, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        told = profile / "DevToolsActivePort"
        children.until(lambda: told.exists() and told.read_text().split())
        port = told.read_text().split()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as found:
                target = next(one for one in await found.json() if one["type"] == "page")
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as at_page:
                page = Page(at_page)
                await page.ask("Network.enable")
                await page.ask("Page.enable")
                await page.ask("Page.navigate", url=address)

                async def begun() -> bool:
                    return "-first-byte" in str(await page.value("document.body.className")) and b"Assess" in page.told

                await page.until(begun, "the run's first step")
                fonts = await page.value("document.styleSheets.length")
                assert fonts, "its own style"
                await page.press("q")

                async def home() -> bool:
                    return bool(await page.value("1")) and b"Recent runs" in page.told

                await page.until(home, "home")
                await page.press("q")

                async def left() -> bool:
                    return "-closed" in str(await page.value("document.body.className"))

                await page.until(left, "the app is gone")
        children.end(browser.pid)
    with Run.open(tmp_path / "seen"):
        pass  # its lease was given back
