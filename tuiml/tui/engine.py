"""The app's end of the training process: starts it, steers it, tells what it tells, sees it out.

Training runs in a process of its own (a thread beside the screen loses a third of its speed, and a crash
there would take the screen down). ``subprocess`` with a socket pair, since the spawn of ``multiprocessing``
fails inside Textual (Textual #3593). Everything here happens in the app's event loop; nothing blocks but
:meth:`EngineClient.close`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from textual.message import Message

import tuiml
from tuiml.runs.link import Unpacker, pack
from tuiml.spec.problems import Problem
from tuiml.text import plain_text
from tuiml.training.events import End, Event, RateFound
from tuiml.tui.wire import events_of, problems_of

CHUNK = 1 << 16
GRACE = 5.0
"""Seconds that a process which has hung up may take to exit before it is killed."""
POLL = 0.02


class EngineEvents(Message):
    """What the run told since the last of these, in order."""

    def __init__(self, events: list[Event]) -> None:
        super().__init__()
        self.events = events


class EngineProblems(Message):
    """The preset or its data cannot be used; nothing was written and nothing runs."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__()
        self.problems = problems


class EngineGone(Message):
    """The run is over without an :class:`End`; ``reason`` is one line in plain words.

    ``asked``: it was told to stop, while its data was loading.
    """

    def __init__(self, reason: str, asked: bool = False) -> None:
        super().__init__()
        self.reason, self.asked = reason, asked


Post = Callable[[Message], object]


class EngineClient:
    """At most one run at a time, and the processes of those before until they have exited.

    Args:
        post: takes the messages above; ``app.post_message``.
    """

    def __init__(self, post: Post) -> None:
        self._post = post
        self._worker: Worker | None = None
        self._leaving: list[Worker] = []
        self._finder: Worker | None = None
        self.paused = False
        """Whether it was last asked to pause (it halts before its next batch)."""
        self._watching = True

    @property
    def active(self) -> bool:
        """Whether a run is on: from :meth:`start` until its end, whatever that is."""
        return self._worker is not None and not self._worker.over

    def start(self, document: dict[str, Any], name: str | None = None, backend: str = "auto") -> bool:
        """Train a preset; False if a run is on already. Failure is told by a message."""
        if self.active:
            return False
        self.stop_finding()
        self._leaving = [w for w in (*self._leaving, self._worker) if w and not w.gone]
        self.paused = False
        try:
            self._worker = Worker(self._post)
        except OSError as error:
            self._worker = None
            self._post(EngineGone(f"the training process could not be started: {error.strerror or error}"))
            return True
        order = {"do": "start", "document": document, "name": name, "backend": backend, "watched": True}
        self._worker.send(order)
        self._tell_watching()
        return True

    def find_rate(self, document: dict[str, Any], post: Post, backend: str = "auto") -> bool:
        """Look for a learning rate in a process that keeps nothing; False while a run is on.

        Args:
            post: takes the messages above, in place of the app.
        """
        if self.active:
            return False
        self.stop_finding()
        try:
            self._finder = Worker(post)
        except OSError as error:
            post(EngineGone(f"the training process could not be started: {error.strerror or error}"))
            return True
        self._finder.send({"do": "find_rate", "document": document, "backend": backend})
        return True

    def stop_finding(self) -> None:
        """Hang up on the process that looks for a learning rate, if there is one; it ends by itself."""
        if self._finder:
            self._finder.leave()
            self._leaving = [*(w for w in self._leaving if not w.gone), self._finder]
            self._finder = None

    def pause(self) -> None:
        """Halt before the next batch."""
        self._ask({"do": "pause"}, paused=True)

    def resume(self) -> None:
        """Go on."""
        self._ask({"do": "resume"}, paused=False)

    def step(self) -> None:
        """Train one batch and halt."""
        self._ask({"do": "step"}, paused=True)

    def stop(self) -> None:
        """End the run after the batch in hand and save it."""
        self._ask({"do": "stop"}, paused=False)
        if self._worker:
            self._worker.told_to_stop = True

    def watch(self, on: bool) -> None:
        """Whether pictures are on the screen: where they are not, none are made, in this run or the next."""
        if on != self._watching:
            self._watching = on
            self._tell_watching()

    def _tell_watching(self) -> None:
        if self._worker and self.active:
            self._worker.send({"do": "watch", "value": self._watching})

    def set_rate(self, rate: float) -> None:
        """Another learning rate from the next batch on.

        Raises:
            ValueError: it is not a positive number.
        """
        if not (math.isfinite(rate) and rate > 0):
            raise ValueError(f"learning rate: {rate} is not a number above 0")
        self._ask({"do": "rate", "value": rate}, paused=self.paused)

    def _ask(self, order: dict[str, Any], paused: bool) -> None:
        if self._worker and self.active:
            self.paused = paused
            self._worker.send(order)

    def close(self, timeout: float = 3.0) -> None:
        """Hang up: the run stops and is saved. Blocks until every process is gone, at most about ``timeout``
        seconds; what is left then is killed. No message comes afterwards."""
        self.stop_finding()
        workers = [w for w in (*self._leaving, self._worker) if w]
        self._worker, self._leaving = None, []
        for worker in workers:
            worker.hang_up()
        until = time.monotonic() + timeout
        for worker in workers:
            worker.wait(max(0.0, until - time.monotonic()))


class Worker:
    """One training process and the socket to it.

    Raises:
        OSError: it could not be started.
    """

    called: ClassVar[str] = "the training process"

    def __init__(self, post: Post) -> None:
        self._post = post
        self._loop = asyncio.get_running_loop()
        self._unpacker = Unpacker()
        self._unsent = bytearray()
        self.over = False
        """Whether it has told how the run ended, or died; nothing more is posted."""
        self.told_to_stop = False
        self._socket, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open while the process lives
        try:
            self._process = subprocess.Popen(
                self.command(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                # Signals of the terminal are for the app: the worker sees the end of the socket instead, and
                # saves. Not a session of its own: Linux would give that as much time as the whole app.
                process_group=0,
            )
        except OSError:
            self._socket.close()
            self._errors.close()
            raise
        finally:
            theirs.close()
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._readable)

    def command(self, descriptor: int) -> list[str]:
        """How its process is started."""
        return command(descriptor)

    @property
    def gone(self) -> bool:
        """Whether the process has exited and was reaped."""
        return self._process.poll() is not None

    def send(self, order: dict[str, Any]) -> None:
        """Queue a message; nothing happens if the process is not there any more."""
        if self._socket.fileno() >= 0:
            self._unsent += pack(order)
            self._writable()

    def _writable(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:  # it died: the reader finds out and says so
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
            self._see_out(time.monotonic() + GRACE)
            return
        try:
            for message in self._unpacker.feed(data):
                self._take(message)
        except ValueError:
            self._process.kill()
            self._lost(f"{self.called} sent what cannot be understood; it was ended")
            self.hang_up()
            self._see_out(time.monotonic() + GRACE)

    def _take(self, message: dict[str, Any]) -> None:
        if "events" in message:
            events = events_of(message["events"])
            if self.over or not events:
                return
            self.over = any(isinstance(event, End | RateFound) for event in events)
            self._post(EngineEvents(events))
        elif message.get("event") == "problems":
            self._finish(EngineProblems(problems_of(message.get("problems"))))
        elif message.get("event") == "failed":
            text = plain_text(str(message.get("message") or "training failed"))
            self._finish(EngineGone(text, self.told_to_stop))
        else:
            raise ValueError("neither events nor a failure")

    def _lost(self, reason: str) -> None:
        """It is of no use any more."""
        self._finish(EngineGone(reason))

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

    def leave(self) -> None:
        """Hang up, post nothing more and see it out."""
        self.over = True
        self.hang_up()
        self._see_out(time.monotonic() + GRACE)

    def _see_out(self, until: float) -> None:
        """Look now and then whether the process has exited; say why if nobody knows."""
        if self._process.poll() is None:
            if time.monotonic() < until:
                self._loop.call_later(POLL, self._see_out, until)
                return
            self._process.kill()
            self._process.wait()
        if not self._errors.closed:
            reason = cause(self._process.returncode, self._last_error(), self.called)
            self._errors.close()
            self._lost(reason)

    def wait(self, timeout: float) -> None:
        """Block until the process has exited, killing it after ``timeout`` seconds."""
        self.over = True
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def _last_error(self) -> str:
        """The last line the process wrote to stderr: of a traceback, what went wrong."""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 4096))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return plain_text(lines[-1].strip()[:300]) if lines else ""


def command(descriptor: int, module: str = "tuiml.runs.worker") -> list[str]:
    """How the training process is started, or another one that speaks as it does."""
    root = Path(tuiml.__file__).resolve().parent.parent
    # A file in the current folder must not pass for a module of the library (random.py is popular); only
    # in a checkout that is not installed is tuiml itself found there.
    safe = [] if Path.cwd().resolve() == root else ["-P"]
    return [sys.executable, *safe, "-m", module, str(descriptor)]


def cause(code: int, last_line: str, called: str = Worker.called) -> str:
    """Why the process is gone, for people."""
    if code < 0:
        with contextlib.suppress(ValueError):
            text = f"{called} was killed by signal {-code} ({signal.Signals(-code).name})"
            hint = "; perhaps memory ran out" if -code == signal.SIGKILL else ""
            return text + hint
        return f"{called} was killed by signal {-code}"
    text = f"{called} ended unasked (exit code {code})"
    return f"{text}: {last_line}" if last_line else text
