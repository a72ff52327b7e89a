"""A child process and the socket to it: posts its events, and the reason why it ended, as messages.

``subprocess`` with a socket pair is used, since the spawn of ``multiprocessing`` fails inside Textual
(Textual #3593). Everything runs in the app's event loop; only :meth:`Worker.wait` blocks.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from textual.message import Message

import tuiml
from tuiml.runs.app_connection import Unpacker, pack
from tuiml.spec.problems import Problem
from tuiml.text import plain_text
from tuiml.training.event_reading import events_of, problems_of
from tuiml.training.events import End, Event, RateFound, Snapshot
from tuiml.training.inspections.record import Inspection
from tuiml.tui.process.child_process import ChildProcess

CHUNK = 1 << 16
GRACE = 5.0
"""Seconds that a process may take to exit after the socket is closed; then it is killed."""


@dataclass
class TrainingEvents(Message):
    """The events of the run since the last message, in order."""

    events: list[Event]


@dataclass
class TrainingProblems(Message):
    """The preset or its data cannot be used; nothing was written and nothing runs."""

    problems: list[Problem]


@dataclass
class TrainingProcessEnded(Message):
    """The run is over without an :class:`End`; ``reason`` is one line in plain words."""

    reason: str
    stop_requested: bool = False
    """True if a stop was requested while its data was loading."""


@dataclass
class InspectionFailed(Message):
    """The past run on the screen cannot be inspected; ``reason`` is one line in plain words."""

    reason: str


Post = Callable[[Message], object]


class Worker:
    """One training process and the socket to it.

    Raises:
        OSError: it could not be started.
    """

    called: ClassVar[str] = "the training process"
    module: ClassVar[str] = "tuiml.runs.training_process"
    """What the process runs."""

    def __init__(self, post: Post, past: bool = False) -> None:
        self._post = post
        self._past = past
        self._loop = asyncio.get_running_loop()
        self._unpacker = Unpacker()
        self._unsent = bytearray()
        self.over = past
        """True once it reported the end of the run, or died; from then on only inspections are posted,
        and of a past run the snapshot that was asked for."""
        self.stop_requested = False
        self._socket, theirs = socket.socketpair()
        try:
            self._child = ChildProcess(
                command(theirs.fileno(), self.module),
                self.called,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        except OSError:
            self._socket.close()
            raise
        finally:
            theirs.close()
        self._process = self._child.popen
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._readable)

    @property
    def gone(self) -> bool:
        """True if the process has exited."""
        return self._process.poll() is not None

    def send(self, order: dict[str, Any]) -> None:
        """Queue a message; it is dropped if the process is gone."""
        if self._socket.fileno() >= 0:
            self._unsent += pack(order)
            self._writable()

    def _writable(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:  # it died: the reader will notice and report it
            self._unsent.clear()
            sent = 0
        del self._unsent[:sent]
        self._loop.remove_writer(self._socket)
        if self._unsent:
            self._loop.add_writer(self._socket, self._writable)

    def _readable(self) -> None:
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.hang_up()
            self._child.see_out(time.monotonic() + GRACE, self._lost)
            return
        self._child.memory.measure()
        try:
            for message in self._unpacker.feed(data):
                self._take(message)
        except ValueError:
            self._process.kill()
            self._lost(f"{self.called} sent what cannot be understood; it was ended")
            self.hang_up()
            self._child.see_out(time.monotonic() + GRACE, self._lost)

    def _take(self, message: dict[str, Any]) -> None:
        if "events" in message:
            events = events_of(message["events"])
            if self.over:
                kept = (Inspection, Snapshot) if self._past else Inspection
                events = [event for event in events if isinstance(event, kept)]
            if not events:
                return
            self.over = self.over or any(isinstance(event, End | RateFound) for event in events)
            self._post(TrainingEvents(events))
        elif message.get("event") == "problems":
            problems = problems_of(message.get("problems"))
            self._blind("; ".join(problem.message for problem in problems))
            self._finish(TrainingProblems(problems))
        elif message.get("event") == "failed":
            text = plain_text(str(message.get("message") or "training failed"))
            self._blind(text)
            self._finish(TrainingProcessEnded(text, self.stop_requested))
        else:
            raise ValueError("neither events nor a failure")

    def _lost(self, reason: str) -> None:
        self._finish(TrainingProcessEnded(reason))

    def _blind(self, reason: str) -> None:
        if self._past and self._socket.fileno() >= 0:
            self._post(InspectionFailed(reason))

    def dismiss(self) -> None:
        """Close the socket, post nothing more and wait for its end in the background."""
        if self._socket.fileno() >= 0:
            self.over = True
            self.hang_up()
            self._child.see_out(time.monotonic() + GRACE, self._lost)

    def _finish(self, message: Message) -> None:
        if not self.over:
            self.over = True
            self._post(message)

    def hang_up(self) -> None:
        """Close the socket; the process notices and exits."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def wait(self, timeout: float) -> None:
        """Block until the process has exited, killing it after ``timeout`` seconds."""
        self.over = True
        self._child.wait(timeout)


def command(descriptor: int, module: str) -> list[str]:
    """The command line of a process that runs ``module`` and answers on the socket ``descriptor``."""
    return [*interpreter(), "-m", module, str(descriptor)]


def interpreter() -> list[str]:
    """How Python is called to run a module of ours."""
    root = Path(tuiml.__file__).resolve().parent.parent
    # A file in the current folder, such as random.py, must not be imported in place of a library module;
    # only in a checkout that is not installed tuiml itself is imported from there.
    safe = [] if Path.cwd().resolve() == root else ["-P"]
    return [sys.executable, *safe]
