"""The client of the process that runs a study: orders and events are lines of JSON on its pipes.

The process ends when its stdin is closed, and saves the trials first.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textual.message import Message

from tuiml.tui.process.child import GRACE, Post, command
from tuiml.tui.process.child_process import ChildProcess

MODULE = "tuiml.studies.process"
CHUNK = 1 << 16
LONGEST = 1 << 20
"""Bytes of a line at most; a longer one is dropped."""
Order = tuple[str, str, int]
"""``stop_trial``, ``resume_trial`` or ``more_seeds``, the name of a run folder, how many."""
CALLED = "the process of the study"


@dataclass
class StudyReport(Message):
    """What the process has reported: the lines of JSON as they came."""

    lines: list[Mapping[str, Any]]


@dataclass
class StudyProcessEnded(Message):
    """The process is gone. ``reason`` is one line, empty where it ended as it was to."""

    reason: str


class StudyClient:
    """Runs at most one study at a time."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._runner: _Runner | None = None
        self.paused = False
        """True if it was last asked to pause."""

    @property
    def active(self) -> bool:
        """True from :meth:`start` until the process is gone, or was told to stop."""
        return self._runner is not None

    def start(self, word: str, *, resume: bool = False, order: Order | None = None) -> bool:
        """Run a study; False if one is run already. A message reports failure.

        Args:
            word: the path of its file, or with ``resume`` of the folder of one that was begun.
            order: what is to be done first, as :meth:`order` takes it.
        """
        if self.active:
            return False
        self.paused = False
        arguments = [*(("--resume",) if resume else ()), word]
        if order is not None:
            arguments += ["--order", json.dumps(dict(zip(("do", "trial", "count"), order, strict=True)))]
        try:
            self._runner = _Runner(self, arguments)
        except OSError as error:
            self._post(StudyProcessEnded(f"{CALLED} could not be started: {error.strerror or error}"))
            return False
        return True

    def pause(self) -> None:
        """Pause all trials before their next batch."""
        self._ask({"do": "pause"}, paused=True)

    def resume(self) -> None:
        """Go on after a pause."""
        self._ask({"do": "resume"}, paused=False)

    def stop(self) -> None:
        """Stop all trials after their current batch, and save them."""
        self._ask({"do": "stop"}, paused=False)

    def order(self, do: str, trial: str, count: int = 1) -> None:
        """``stop_trial``, ``resume_trial`` or ``more_seeds``.

        Args:
            trial: the name of its run folder.
        """
        self._ask({"do": do, "trial": trial, "count": count}, paused=self.paused)

    def _ask(self, order: dict[str, Any], paused: bool) -> None:
        if self._runner:
            self.paused = paused
            self._runner.send(order)

    def heard(self, runner: _Runner, lines: list[Mapping[str, Any]]) -> None:
        """Post what a process reported, unless another has taken its place."""
        if runner is self._runner and lines:
            self._post(StudyReport(lines))

    def ended(self, runner: _Runner, reason: str) -> None:
        """Post that the process is gone."""
        if runner is self._runner:
            self._runner = None
            self._post(StudyProcessEnded(reason))

    def close(self, timeout: float = 3.0) -> None:
        """Have it save and end; kill what is left after about ``timeout`` seconds."""
        runner, self._runner = self._runner, None
        if runner:
            runner.hang_up()
            runner.wait(timeout)


class _Runner:
    """One process and its pipes.

    Raises:
        OSError: it could not be started.
    """

    def __init__(self, client: StudyClient, arguments: list[str]) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._unsent, self._unread = bytearray(), bytearray()
        self._child = ChildProcess(
            [*command(0, MODULE)[:-1], *arguments], CALLED, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        popen = self._child.popen
        assert popen.stdin is not None
        assert popen.stdout is not None
        self._in, self._out = popen.stdin, popen.stdout
        os.set_blocking(self._in.fileno(), False)
        os.set_blocking(self._out.fileno(), False)
        self._loop.add_reader(self._out, self._readable)

    def send(self, order: Mapping[str, Any]) -> None:
        """Queue an order; it is dropped if the process is gone."""
        if not self._in.closed:
            self._unsent += json.dumps(order, allow_nan=False).encode() + b"\n"
            self._writable()

    def _writable(self) -> None:
        if self._in.closed:
            return
        try:
            sent = os.write(self._in.fileno(), self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:  # it died: the reader finds out and says so
            self._unsent.clear()
            sent = 0
        del self._unsent[:sent]
        self._loop.remove_writer(self._in)
        if self._unsent:
            self._loop.add_writer(self._in, self._writable)

    def _readable(self) -> None:
        try:
            data = os.read(self._out.fileno(), CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.hang_up()
            self._child.see_out(time.monotonic() + GRACE, self._ended)
            return
        self._child.memory.measure()
        *lines, rest = bytes(self._unread + data).split(b"\n")
        self._unread = bytearray(rest if len(rest) <= LONGEST else b"")
        self._client.heard(self, [line for line in map(_parsed, lines) if line])

    def hang_up(self) -> None:
        """Close the pipes; the process notices, saves and exits."""
        if not self._out.closed:
            self._loop.remove_reader(self._out)
            self._loop.remove_writer(self._in)
            with contextlib.suppress(OSError):
                self._in.close()
            self._out.close()

    def _ended(self, reason: str) -> None:
        """Report why it ended, unless it ended as it was to."""
        self._client.ended(self, reason if self._child.popen.returncode else "")

    def wait(self, timeout: float) -> None:
        """Block until the process has exited, killing it after ``timeout`` seconds."""
        self._child.wait(timeout)


def _parsed(line: bytes) -> Mapping[str, Any]:
    """An object from a line; empty for anything else."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
