"""The process that trains trials, one after the other: ``python -m tuiml.studies.worker``.

Orders come as JSON lines on stdin, events go as JSON lines to stdout, each with the name of its trial; the
last one of a trial is ``done`` or ``failed``. When stdin closes it stops, saves and ends. It is started with
its number of threads in the environment (:mod:`tuiml.runs.threads`).
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tuiml.runs import threads

if TYPE_CHECKING:
    from tuiml.spec import Preset
    from tuiml.studies.data_cache import DataCache
    from tuiml.training.events import Event
    from tuiml.training.run_control import RunControl

Line = dict[str, Any]

NICENESS = 10
"""The screen has priority."""
GRACE = 8.0
"""Seconds to finish a step and save after stdin is closed."""
HELD = 20.0
"""Seconds to wait for a process that still writes to the trial: that of a study which was killed."""
DONE, FAILED = "done", "failed"
"""The last event of a trial: its folder is released."""


def main() -> int:
    """Carry out the orders on stdin."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c goes to the whole group; the study handles it
    threads.limit()
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no event
    return Worker(out).work()


class Worker:
    """Trains what it is ordered to."""

    def __init__(self, out: TextIO) -> None:
        from tuiml.studies.data_cache import DataCache

        self._out = out
        self.orders: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        """What is to be trained; ``None``: nothing any more."""
        self._lock = threading.Lock()
        self._current: tuple[str, RunControl] | None = None
        """The trial that is trained, or waits for that, and its control."""
        self._left = False
        self._cache: DataCache = DataCache()

    def work(self) -> int:
        """Carry out orders until stdin closes."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: threading.Thread(target=self.leave, daemon=True).start())
        threading.Thread(target=self._listen, name="listener", daemon=True).start()
        try:
            while (order := self.orders.get()) is not None:
                for _ in self.train(order):
                    pass
        except BrokenPipeError:  # nobody listens; the run is saved
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())
        return 0

    def _listen(self) -> None:
        for text in sys.stdin:
            self.hear(text)
        timer = threading.Timer(GRACE, os._exit, (1,))
        timer.daemon = True
        timer.start()
        self.leave()

    def hear(self, text: str) -> None:
        """Take in a line of stdin."""
        from tuiml.training.run_control import RunControl

        try:
            order = json.loads(text)
            do = order["do"]
        except (ValueError, TypeError, KeyError):
            return
        with self._lock:
            if do in ("train", "find_rate"):
                # Before it begins: the next line may already be that it is to stop.
                self._current = str(order["trial"]), RunControl(rewindable=False)
                self.orders.put(order)
            elif do in ("pause", "resume", "stop") and self._current:
                trial, control = self._current
                if order.get("trial") == trial:
                    getattr(control, do)()

    def leave(self) -> None:
        """Stop, save and end."""
        with self._lock:
            self._left = True
            if self._current is not None:
                self._current[1].leave()
        self.orders.put(None)

    def _send(self, trial: str, line: Line) -> None:
        self._out.write(json.dumps({"trial": trial, **line}, allow_nan=False) + "\n")
        self._out.flush()

    def train(self, order: Line) -> Iterator[None]:
        """Train a trial and send its events; a step for each."""
        from tuiml.training.events import SAVING, Notice, Pretraining, Progress, RateTried, Snapshot

        with self._lock:
            if self._left or self._current is None:
                return
            trial, control = self._current
        last: Line = {"event": DONE}
        try:
            with contextlib.closing(events_of(order, control, self._cache)) as events:
                for event in events:
                    if not isinstance(event, Snapshot | Progress | Pretraining | RateTried):
                        self._send(trial, event.to_json())
                    if isinstance(event, Notice) and event.about == SAVING:
                        last = {"event": FAILED, "message": event.text} if event.text else {"event": DONE}
                    yield
        except BrokenPipeError:
            raise
        except Exception as error:
            last = {"event": FAILED, "message": message_of(error)}
        finally:
            with self._lock:
                self._current = None
        self._send(trial, last)


def events_of(order: Line, control: RunControl, cache: DataCache) -> Generator[Event]:
    """The events of a trial: trained from its start, or from where it was stopped.

    Raises:
        SpecError, DataError, RunError: as :func:`tuiml.runs.session.run`.
    """
    from tuiml.runs import session
    from tuiml.runs.folder import PRESET
    from tuiml.runs.rate_search import find_rate

    if order["do"] == "find_rate":
        yield from find_rate(
            _checked(order), backend=order["backend"], control=control, shards=order["threads"]
        )
        return
    parent, name = Path(order["parent"]), str(order["trial"])
    options: dict[str, Any] = {
        "backend": order["backend"],
        "shards": order["threads"],
        "control": control,
        "until_epoch": order.get("until_epoch"),
        "load": cache.load,
    }
    _wait_until_released(parent / name, control)
    if (parent / name / PRESET).is_file():
        yield from session.resume(parent / name, **options)
        return
    shutil.rmtree(parent / name, ignore_errors=True)  # of a process that was killed before it had a preset
    yield from session.run(_checked(order), name=name, parent=parent, **options)


def _checked(order: Line) -> Preset:
    from tuiml.data.own.reading import DataFiles
    from tuiml.spec import SpecError, check

    preset, problems = check(order["document"], DataFiles())
    if preset is None:
        raise SpecError(problems)
    return preset


def _wait_until_released(path: Path, control: RunControl) -> None:
    from tuiml.runs.writer import is_held

    until = time.monotonic() + HELD
    while is_held(path) and not control.stopped and time.monotonic() < until:
        time.sleep(0.05)


def message_of(error: Exception) -> str:
    """Why a trial cannot be trained, in one line."""
    from tuiml.data.errors import DataError
    from tuiml.runs.errors import RunError
    from tuiml.spec import SpecError
    from tuiml.text import plain_text

    if isinstance(error, SpecError):
        text = "; ".join(map(str, error.problems))
    elif isinstance(error, DataError | RunError):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = "memory ran out"
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        text = f"{type(error).__name__}: {error}"
    return plain_text((text.splitlines() or [""])[0])[:500]


def lines_of(stream: Iterator[str]) -> Iterator[Line]:
    """The lines that a worker sends; what is no object with a trial is passed over."""
    for text in stream:
        with contextlib.suppress(ValueError):
            line = json.loads(text)
            if isinstance(line, dict) and isinstance(line.get("trial"), str):
                yield line


if __name__ == "__main__":
    sys.exit(main())
