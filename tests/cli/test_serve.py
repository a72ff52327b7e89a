"""The app in a browser: a tab trains, shows its charts and is left; no app lives on without tab or server.

A plain client of the websocket does it and, where there is a Chromium, a browser without a screen.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pyte
import pytest

from tests.cli.test_commands import DOCUMENT
from tuiml import installation
from tuiml.cli import main
from tuiml.files import asset
from tuiml.runs import library
from tuiml.spec import dumps

LIMIT = 60.0
COLUMNS, LINES = 120, 40
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


async def until(condition: Callable[[], Any], what: Callable[[], str]) -> Any:
    """Wait for something that holds, and return it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + LIMIT
    while not (found := condition()):
        assert loop.time() < end, what()
        await asyncio.sleep(0.02)
    return found


def children(pid: int, *, all: bool = True) -> set[int]:
    """The processes below one, or only those that it has started itself."""
    rows = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(row.split()[0]): int(row.split()[1]) for row in rows.splitlines()}
    if not all:
        return {one for one, parent in parents.items() if parent == pid}
    found = {pid}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def alive(pids: set[int]) -> set[int]:
    found = set()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            found.add(pid)
    return found


class Server:
    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self.process, self.address = process, address


@contextlib.asynccontextmanager
async def serving(*words: str) -> AsyncIterator[Server]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tuiml", "serve", "--port", "0", *words, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        line = (await asyncio.wait_for(process.stderr.readline(), LIMIT)).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        yield Server(process, found.group())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), LIMIT)


class Tab:
    """What both kinds of tab have: a screen that is fed with what the server sends."""

    def __init__(self) -> None:
        self.closed = False
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)

    def feed(self, data: bytes) -> None:
        self._stream.feed(data)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    async def shows(self, *words: str) -> None:
        await until(lambda: all(word in self.text for word in words), lambda: f"no {words} in\n{self.text}")

    async def ended(self) -> None:
        await until(lambda: self.closed, lambda: f"the tab is open\n{self.text}")


class PlainTab(Tab):
    """A client of the websocket."""

    socket: aiohttp.ClientWebSocketResponse

    async def control(self, letter: str) -> None:
        await self.socket.send_json(["stdin", chr(ord(letter) - 96)])

    async def read(self) -> None:
        async for message in self.socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                self.feed(message.data)
        self.closed = True


@contextlib.asynccontextmanager
async def plain(address: str) -> AsyncIterator[PlainTab]:
    tab = PlainTab()
    async with aiohttp.ClientSession() as session:
        tab.socket = await session.ws_connect(f"{address}/ws?width={COLUMNS}&height={LINES}")
        reading = asyncio.create_task(tab.read())
        try:
            yield tab
        finally:
            await tab.socket.close()
            await reading


class BrowserTab(Tab):
    """A page of Chromium, driven by the DevTools protocol."""

    socket: aiohttp.ClientWebSocketResponse

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()
        """The addresses that the page has fetched."""
        self._session = ""
        self._answers: dict[int, asyncio.Future[Any]] = {}

    async def call(self, method: str, **values: Any) -> Any:
        number = len(self._answers) + 1
        self._answers[number] = answer = asyncio.get_running_loop().create_future()
        envelope = {"id": number, "method": method, "params": values}
        await self.socket.send_json(envelope | ({"sessionId": self._session} if self._session else {}))
        return await asyncio.wait_for(answer, LIMIT)

    async def open(self, address: str) -> None:
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        await self.call("Network.enable")
        size = {"width": COLUMNS * 10, "height": LINES * 20, "deviceScaleFactor": 1, "mobile": False}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        await self.call("Page.navigate", url=address)

    async def control(self, letter: str) -> None:
        key = {"modifiers": 2, "key": letter, "code": f"Key{letter.upper()}"}
        for kind in ("keyDown", "keyUp"):
            code = ord(letter.upper())
            await self.call("Input.dispatchKeyEvent", type=kind, windowsVirtualKeyCode=code, **key)

    async def read(self) -> None:
        async for message in self.socket:
            found = json.loads(message.data)
            values = found.get("params", {})
            if "id" in found:
                self._answers[found["id"]].set_result(found.get("result"))
            elif found["method"] == "Network.requestWillBeSent":
                self.asked.add(values["request"]["url"])
            elif found["method"] == "Network.webSocketCreated":
                width, height = map(int, re.findall(r"(?:width|height)=(\d+)", values["url"]))
                self._screen.resize(height, width)
            elif found["method"] == "Network.webSocketFrameReceived" and values["response"]["opcode"] == 2:
                self.feed(base64.b64decode(values["response"]["payloadData"]))
            elif found["method"] == "Network.webSocketClosed":
                self.closed = True


@contextlib.asynccontextmanager
async def browser(address: str) -> AsyncIterator[BrowserTab]:
    assert CHROMIUM
    folder = Path(os.environ["TUIML_HOME"]) / "chromium"
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank", stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    tab = BrowserTab()
    try:
        async for line in process.stderr:
            if found := re.search(rb"DevTools listening on (ws://\S+)", line):
                break
        assert found
        async with aiohttp.ClientSession() as session:
            tab.socket = await session.ws_connect(found.group(1).decode(), max_msg_size=0)
            reading = asyncio.create_task(tab.read())
            await tab.open(address)
            yield tab
            addresses = {url for url in tab.asked if not url.startswith("data:")}
            assert addresses
            assert all(url.startswith(address) for url in addresses), addresses
            await tab.socket.close()
            await reading
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize("client", [plain, *([browser] if CHROMIUM else [])])
async def test_a_tab_trains_shows_its_charts_and_is_left(client: Any, tmp_path: Path) -> None:
    preset = tmp_path / "small.toml"
    preset.write_text(dumps(DOCUMENT))
    async with serving(str(preset)) as server, client(server.address) as tab:
        await tab.shows("Build", "small", "tanh")
        await tab.control("r")
        await tab.shows("completed", "loss", "epoch 3/3")
        below = children(server.process.pid)
        assert below
        await tab.control("q")
        await tab.ended()
        await until(lambda: not alive(below), lambda: f"{alive(below)} live on")
        (run,) = library.names()
        assert run.startswith("small")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_apps_end_with_the_server_however_it_ends(number: int) -> None:
    async with serving() as server, plain(server.address) as first, plain(server.address) as second:
        await first.shows("Build")
        await second.shows("Build")
        below = children(server.process.pid)
        server.process.send_signal(number)
        assert await asyncio.wait_for(server.process.wait(), LIMIT) == (
            -number if number == signal.SIGKILL else 0
        )
        await until(lambda: not alive(below), lambda: f"{alive(below)} live on")


async def test_an_app_ends_with_its_tab_and_the_others_stay() -> None:
    async with serving() as server, plain(server.address) as stays:
        await stays.shows("Build")
        before = children(server.process.pid, all=False)
        async with plain(server.address) as closed:
            await closed.shows("Build")
            (app,) = children(server.process.pid, all=False) - before
            more = {app, *children(app)}
        await until(lambda: not alive(more), lambda: f"{alive(more)} live on")
        assert alive(before)
        assert not stays.closed


async def test_pages_of_others_are_refused() -> None:
    async with serving() as server, aiohttp.ClientSession() as session:
        for headers in (
            {"Origin": "http://elsewhere.example"},
            {"Host": "elsewhere.example"},
            {"Origin": "null"},
        ):
            for path in ("/", "/ws"):
                async with session.get(server.address + path, headers=headers) as answer:
                    assert answer.status == 403, (headers, path)
        async with session.get(server.address, headers={"Origin": server.address}) as answer:
            assert answer.status == 200
            assert answer.headers["content-type"].startswith("text/html")


def test_the_page_names_no_other_place() -> None:
    page = (asset("web") / "index.html").read_text()
    assert not re.search(r"(?:https?:)?//[\w.]+\.\w+", page)


def test_a_port_in_use_and_a_wrong_one_are_said_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 1
    assert f"127.0.0.1:{port} cannot be used: Address already in use" in capsys.readouterr().err
    assert main(["serve", "--port", "70000"]) == 2
    assert "not a port" in capsys.readouterr().err


def test_an_address_that_others_reach_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", "203.0.113.1"]) == 1  # not of this machine
    said = capsys.readouterr().err.splitlines()
    assert "anybody who can reach 203.0.113.1 may use tuiml here" in said[0]


def test_without_the_extra_it_says_how_to_install_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Missing:
        def find_spec(self, name: str, *_: Any) -> None:
            if name == "textual_serve":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for name in [name for name in sys.modules if name.startswith(("textual_serve", "tuiml.cli.web_server"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    assert main(["serve"]) == 2
    assert capsys.readouterr().err.strip().endswith(installation.hint("web"))
