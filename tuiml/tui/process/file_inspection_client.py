"""The client of the process that reads the user's files: threads ask one after the other, and wait.

The process starts with the first file. It is ended when a file takes too long or is no longer wanted; the
next file starts another.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any, ClassVar
from weakref import WeakSet

from tuiml.data.own import facts
from tuiml.data.own.entries import Own
from tuiml.data.own.facts import Facts, Unknown, Wrong
from tuiml.runs import file_inspection_process
from tuiml.text import plain_text
from tuiml.tui.process.child import Worker


class FileInspectionClient:
    """Inspects files. All but :meth:`find` is called in the thread of the screen."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._one = threading.Lock()
        self._asks: tuple[threading.Thread, Future[Facts | Wrong]] | None = None
        self._answer: Future[Facts | Wrong] | None = None
        """Of the file that is being read."""
        self._unwanted: WeakSet[threading.Thread] = WeakSet()
        self._worker: FileWorker | None = None
        self.progress = (0, 0)
        """Bytes that are read of the file that is being read, and all; (0, 0): not known."""

    def start(self) -> None:
        """Accept files from now on."""
        self._loop = asyncio.get_running_loop()

    def find(self, dataset: Own) -> Facts | Wrong:
        """The facts of a file; for a thread that can wait.

        Raises:
            Unknown: it is no longer wanted.
        """
        with self._one:
            self._asks = me, answer = threading.current_thread(), Future[Facts | Wrong]()
            try:
                if me in self._unwanted or self._loop is None:
                    raise CancelledError
                order = {"format": dataset.name, "options": dict(dataset)}
                self._loop.call_soon_threadsafe(self._ask, order, answer)
                return answer.result(file_inspection_process.DEADLINE)
            except TimeoutError:
                self._later(self._give_up)
                text = f"{dataset.title}: reading it took more than {file_inspection_process.DEADLINE} s"
                return Unknown("path", text)
            except (CancelledError, RuntimeError):  # the latter: the app is over
                self._later(self._give_up)
                raise Unknown("path", f"{dataset.title} was not read") from None
            finally:
                self._asks = None

    def _later(self, do: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):
            if self._loop:
                self._loop.call_soon_threadsafe(do)

    def _ask(self, order: dict[str, Any], answer: Future[Facts | Wrong]) -> None:
        if answer.cancelled():
            return
        if self._worker and (self._worker.over or self._worker.gone):
            self._give_up()
        self._answer, self.progress = answer, (0, 0)
        try:
            self._worker = self._worker or FileWorker(self._take, self._read_on)
        except OSError as error:
            text = f"{FileWorker.called} could not be started: {error.strerror or error}"
            self._take(Unknown("path", text))
        else:
            self._worker.send(order)

    def _take(self, found: Facts | Wrong) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result(found)

    def _read_on(self, done: int, total: int) -> None:
        self.progress = (done, total)

    def cancel(self, thread: threading.Thread) -> None:
        """Cancel what a thread waits for."""
        self._unwanted.add(thread)
        asks = self._asks
        if asks and asks[0] is thread:
            asks[1].cancel()

    def _give_up(self) -> None:
        if self._worker:
            self._worker.dismiss()
        self._worker = None

    def close(self) -> None:
        """End the process and all waiting for it."""
        self._loop, worker, asks = None, self._worker, self._asks
        if asks:
            asks[1].cancel()
        self._give_up()
        if worker:
            worker.wait(1.0)


class FileWorker(Worker):
    """The process that reads files, and the socket to it."""

    called: ClassVar[str] = "the process that reads files"
    module: ClassVar[str] = "tuiml.runs.file_inspection_process"

    def __init__(
        self, take: Callable[[Facts | Wrong], object], progress: Callable[[int, int], object]
    ) -> None:
        super().__init__(lambda _: None)
        self._answer, self._progress = take, progress

    def _take(self, message: dict[str, Any]) -> None:
        if "done" in message:
            self._progress(int(message["done"]), int(message["total"]))
            return
        found = facts.from_json(message)
        if not self.over:
            self._answer(found)

    def _lost(self, reason: str) -> None:
        if not self.over:
            self.over = True
            self._answer(Unknown("path", plain_text(reason)))

    def dismiss(self) -> None:
        """Kill it at once."""
        self.over = True
        self._process.kill()
        super().dismiss()
