"""The process that trains for the app: ``python -m tuiml.runs.training_process FD``.

It receives commands and sends events over a socket. When the other end closes, it stops, saves and ends.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tuiml.runs import threads
from tuiml.runs.app_connection import CALM, Message, Sender, Unpacker
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.training.events import Event
    from tuiml.training.run_control import RunControl

NICENESS = 10
"""The screen has priority."""
GRACE = 5.0
"""Seconds to finish a step and save after the app is gone."""
MOST_REQUESTS = 8
UNSEEN = 0.5
"""Seconds between two reports of progress to a screen without charts of it."""
PATIENCE = 2.0
"""Seconds to wait for an app that does not read, after a signal to end."""


def main(arguments: list[str]) -> int:
    """Serve the app on the socket ``arguments[0]`` (a descriptor)."""
    # The terminal's ctrl+c goes to the whole group; only the app handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threads.limit()
    os.nice(NICENESS)
    with socket.socket(fileno=int(arguments[0])) as line:
        return Worker(line).work()


class Worker:
    """Trains one run for the app at the other end of ``line``."""

    def __init__(self, line: socket.socket, leave: Callable[[int], None] = os._exit) -> None:
        from tuiml.training.run_control import RunControl

        self._line = line
        self._leave = leave
        self._control: RunControl = RunControl()
        self._sender = Sender(line, self._calm)
        self._first: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._signalled = False

    def work(self) -> int:
        """Wait for the first order and carry it out; the exit code."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        threading.Thread(target=self._listen, name="listener", daemon=True).start()
        order = self._first.get()
        if order is None:
            return 0
        last = self._train(order)
        self._sender.close(PATIENCE if self._signalled else None, last)
        return 1 if last else 0

    # -- from the app -------------------------------------------------------------------------------------

    def _on_signal(self, number: int, frame: object) -> None:
        self._signalled = True
        self._first.put(None)  # in case it still waits for its first order
        # From a thread: the signal may have interrupted the trainer inside this very lock.
        threading.Thread(target=self._control.leave, daemon=True).start()

    def _listen(self) -> None:
        unpacker = Unpacker()
        try:
            while data := self._line.recv(65536):
                for message in unpacker.feed(data):
                    obey(self._control, message, self._first)
                    self._sender.hurry()
        except (OSError, ValueError):
            pass  # gone, or out of step with us
        timer = threading.Timer(GRACE, self._leave, (1,))
        timer.daemon = True
        timer.start()
        self._control.leave()
        self._first.put(None)

    # -- to the app ---------------------------------------------------------------------------------------

    def _calm(self) -> float:
        """Seconds between two reports of progress: many where no step waits for the processor, few where
        only a line of the screen shows the run."""
        if not self._control.observed:
            return UNSEEN
        return CALM if self._control.pace is None else CALM / 2

    def _train(self, order: Message) -> Message | None:
        """Carry out the first order; a last message if it fails."""
        try:
            for event in self._events(order):
                self._sender.send(event.to_json())
        except Exception as error:
            return message_of(error)
        return None

    def _events(self, order: Message) -> Iterator[Event]:
        from tuiml.data.own.reading import DataFiles
        from tuiml.runs import run_viewer, session
        from tuiml.runs.rate_search import find_rate
        from tuiml.spec import SpecError, check

        backend = str(order.get("backend", "auto"))
        if order.get("do") == "open":
            more = bool(order.get("statistics"))
            yield from run_viewer.view(str(order.get("run")), self._control, backend=backend, statistics=more)
            return
        self._control.answers_after_end = bool(order.get("answers_after_end"))
        if order.get("do") == "resume_run":
            asked = order.get("settings")
            settings = [str(setting) for setting in asked] if isinstance(asked, list) else []
            run = str(order.get("run"))
            yield from session.resume(run, settings, control=self._control, live=True)
            return
        preset, problems = check(order.get("document"), DataFiles())
        if preset is None:
            raise SpecError(problems)
        if order.get("do") == "find_rate":
            yield from find_rate(preset, backend=backend, control=self._control)
            return
        yield from session.run(preset, backend=backend, control=self._control, live=True)


def obey(control: RunControl, message: Message, first: queue.SimpleQueue[Message | None]) -> None:
    """Carry out a message; unknown ones are ignored, because they may come from a newer app."""
    do, value = message.get("do"), message.get("value")
    actions: dict[Any, Callable[[], object]] = {
        **dict.fromkeys(("start", "find_rate", "open", "resume_run"), lambda: first.put(message)),
        "pause": control.pause,
        "resume": control.resume,
        "step": control.step,
        "stop": control.stop,
    }
    if isinstance(do, str) and do in actions:
        actions[do]()
    elif do == "rate" and isinstance(value, int | float) and 0 < value <= 1000:
        control.set_rate(float(value))
    elif do == "pace" and (value is None or (isinstance(value, int | float) and 0 < value <= 1e6)):
        control.set_pace(value)
    elif do == "rewind" and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        control.rewind(value)
    elif do == "change" and isinstance(value, dict):
        control.change(value)  # the trainer checks it, for it knows what the run is
    elif do in ("inspect", "predict", "predict_row"):
        ask(control, str(do), value)
    elif do == "observe" and isinstance(value, bool):
        control.observe(value)


def ask(control: RunControl, do: str, value: Any) -> None:
    """Ask for inspections; invalid requests are ignored."""
    from tuiml.training import codec
    from tuiml.training.inspections.drawing import Drawing
    from tuiml.training.inspections.row import Row
    from tuiml.training.inspector import read_request

    with contextlib.suppress(ValueError):
        if do == "predict":
            control.predict(codec.read(Drawing, value))
        elif do == "predict_row":
            control.predict(codec.read(Row, value))
        elif isinstance(value, list):
            control.inspect([read_request(request) for request in value[:MOST_REQUESTS]])


def message_of(error: Exception) -> Message:
    """The last message after an error: the problems of a preset or its data, or what failed, in one line."""
    from tuiml.data.errors import DataError
    from tuiml.runs.errors import RunError
    from tuiml.spec import SpecError

    if isinstance(error, SpecError):
        return {"event": "problems", "problems": [[p.path, p.message] for p in error.problems]}
    if isinstance(error, DataError):
        return {"event": "problems", "problems": [["data", str(error)]]}
    if isinstance(error, RunError):
        return failure(str(error))
    traceback.print_exc()
    if isinstance(error, MemoryError):
        return failure(f"memory ran out: {error}" if str(error) else "memory ran out")
    return failure(f"{type(error).__name__}: {error}")


def failure(text: str) -> Message:
    """A message about an error, in one line."""
    first = (text.splitlines() or [""])[0]
    return {"event": "failed", "message": plain_text(first)[:500]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
