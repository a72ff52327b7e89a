"""The server of ``tuiml serve``: textual-serve with a page of our own, and one app for each tab.

Only pages of this server may open an app: else a page of another site could drive one, with all that the user
may do.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any
from urllib.parse import urlsplit

import aiohttp_jinja2
from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server, to_int

from tuiml.cli.output import note
from tuiml.files import asset
from tuiml.tui import WEB_DRIVER

LOOPBACK = ("127.0.0.1", "::1", "localhost")
PATIENCE = 8.0
"""Seconds that an app has to save its work when its tab is closed or the server ends."""
GARBAGE = (ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError)
"""What reading a message raises that no page of ours sends; the tab is closed."""
SMALLEST, LARGEST, USUAL = 6, 72, 16
"""Sizes of the font in pixels; ``?fontsize=20`` in the address changes it."""


class Tab(AppService):
    """The app of one tab."""

    def __init__(self, words: list[str], **options: Any) -> None:
        super().__init__("tuiml", **options)
        self._words = words

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environment = super()._build_environment(width, height)
        return environment | {"TEXTUAL_DRIVER": WEB_DRIVER, "PYTHONIOENCODING": "utf-8"}

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        # In a session of its own: ctrl+c in the server's terminal ends the server, which then ends the apps.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tuiml", *self._words, stdin=PIPE, stdout=PIPE, stderr=PIPE,
            env=self._build_environment(width, height), start_new_session=True,
        )  # fmt: skip
        self._process, self._stdin = process, process.stdin
        return process

    async def stop(self) -> None:
        """Ask the app to end, and see to it that it does."""
        process = self._process
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(super().stop(), PATIENCE)
        if process is None:
            return
        try:
            await asyncio.wait_for(process.wait(), PATIENCE)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


class WebServer(Server):
    """Serves the app on an address.

    Args:
        words: the arguments of ``tuiml`` in each tab.
        host: name or address; on a loopback one, no other name leads to it.
        port: 0 for any that is free.
    """

    def __init__(self, words: list[str], host: str, port: int) -> None:
        super().__init__("tuiml", host=host, port=port, title=" ".join(["tuiml", *words]))
        self._words = words
        self.templates_path = asset("web")
        self._sockets: set[web.WebSocketResponse] = set()

    async def run(self) -> None:
        """Serve until SIGINT or SIGTERM, then end every app.

        Raises:
            OSError: the address cannot be used.
        """
        runner = web.AppRunner(await self._make_app(), shutdown_timeout=2 * PATIENCE)
        await runner.setup()
        over = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, over.set)
        try:
            await web.TCPSite(runner, self.host, self.port).start()
            port = runner.addresses[0][1]
            host = f"[{self.host}]" if ":" in self.host else self.host
            note(f"tuiml: http://{host}:{port}/ (ctrl+c ends it)")
            await over.wait()
        finally:
            await runner.cleanup()

    async def on_startup(self, app: web.Application) -> None:
        """Nothing: the address is printed once it is in use."""

    async def on_shutdown(self, app: web.Application) -> None:
        await asyncio.gather(*(socket.close() for socket in list(self._sockets)))

    @aiohttp_jinja2.template("index.html")
    async def handle_index(self, request: web.Request) -> dict[str, Any]:
        self._refuse_strangers(request)
        size = to_int(request.query.get("fontsize", ""), USUAL)
        return {
            "title": self.title,
            "websocket": f"{'wss' if request.secure else 'ws'}://{request.host}/ws",
            "font_size": min(max(size, SMALLEST), LARGEST),
        }

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        self._refuse_strangers(request)
        socket = web.WebSocketResponse(heartbeat=15)
        await socket.prepare(request)
        self._sockets.add(socket)
        tab = Tab(
            self._words, write_bytes=socket.send_bytes, write_str=socket.send_str, close=socket.close,
            download_manager=self.download_manager,
        )  # fmt: skip
        try:
            size = (_cells(request, "width", 80), _cells(request, "height", 24))
            await tab.start(*size)
            with contextlib.suppress(ConnectionError, *GARBAGE):
                await self._process_messages(socket, tab)
        finally:
            self._sockets.discard(socket)
            await tab.stop()
        return socket

    def _refuse_strangers(self, request: web.Request) -> None:
        """Refuse a page of another site, and on a loopback address another name that leads to it."""
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="only pages of this server may use it")
        name = urlsplit(f"//{request.host}").hostname
        if self.host in LOOPBACK and name not in LOOPBACK:
            raise web.HTTPForbidden(text="this server is on the loopback address only")


def _cells(request: web.Request, key: str, usual: int) -> int:
    return min(max(to_int(request.query.get(key, ""), usual), 1), 1000)
