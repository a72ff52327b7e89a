"""What the tests of the clients share: who takes their messages, and programs instead of the process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tuiml.tui.process import child
from tuiml.tui.process.child import Worker

LIMIT = 60
"""Seconds after which a test that hangs fails."""
PRELUDE = """
import os, socket, sys, time
from tuiml.runs.app_connection import Unpacker, pack
line = socket.socket(fileno=int(sys.argv[1]))
unpacker = Unpacker()
heard = []
def hear():
    while not heard:
        data = line.recv(65536)
        if not data:
            os._exit(0)
        heard.extend(unpacker.feed(data))
    return heard.pop(0)
def wait():
    while line.recv(65536):
        pass
def fail(number):
    line.sendall(pack({"event": "failed", "message": f"of {number}", "number": number}))
"""


class Ear:
    """Takes what a client posts."""

    def __init__(self) -> None:
        self.posted: asyncio.Queue[Any] = asyncio.Queue()
        self.processes: list[Any] = []

    def note(self, worker: Worker | None) -> None:
        """Remember the process of a worker, to see that it ends."""
        if worker and worker._process not in self.processes:
            self.processes.append(worker._process)

    def assert_no_zombies(self) -> None:
        assert all(process.returncode is not None for process in self.processes)

    async def next(self) -> Any:
        return await asyncio.wait_for(self.posted.get(), LIMIT)

    async def until(self, kind: type[Any]) -> Any:
        while not isinstance(message := await self.next(), kind):
            pass
        return message


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let another program be the process; its argument is the descriptor of the socket."""

    def replace(text: str) -> None:
        monkeypatch.setattr(child, "command", lambda fd, module: [sys.executable, "-c", text, str(fd)])

    return replace


@pytest.fixture
def program(instead: Callable[[str], None]) -> Callable[[str], None]:
    """The same with :data:`PRELUDE` before it."""
    return lambda body: instead(PRELUDE + body)
