"""The client of the process that probes networks before they are trained.

The process starts with the first request. Only the newest request is answered; a process that is busy with
an older one for long is replaced.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from textual.message import Message

from tuiml.text import plain_text
from tuiml.training import codec, data_sample
from tuiml.training.data_sample import DataSample
from tuiml.training.event_reading import problems_of
from tuiml.training.probe import Probe
from tuiml.tui.process.child import Post, Worker

BUSY = 1.0
"""Seconds that an older request may take when a newer one comes."""


@dataclass
class Probed(Message):
    """The answer to request ``number``: a probe, or why there is none."""

    number: int
    found: Probe | None
    problem: str = ""
    sample: DataSample | None = None
    """Of the data, if it was asked for and the data is on this machine."""


class ProbeClient:
    """Asks for probes."""

    def __init__(self, post: Post, clock: Callable[[], float] = time.monotonic) -> None:
        self._post = post
        self._clock = clock
        self._worker: ProbeWorker | None = None
        self._leaving: list[ProbeWorker] = []
        self._newest = 0
        self._waiting_from: float | None = None  # time of the oldest request that is not answered

    def ask(self, document: dict[str, Any], sample: bool = False) -> int:
        """Request a probe of a preset; returns the number of the answer. Drops older requests.

        Args:
            sample: whether a sample of its data is wanted as well.
        """
        self._newest += 1
        if self._worker and self._waiting_from is not None and self._clock() - self._waiting_from > BUSY:
            self._give_up()
        self._leaving = [w for w in self._leaving if not w.gone]
        if self._worker is None or self._worker.over:
            try:
                self._worker = ProbeWorker(self._take)
            except OSError as error:
                reason = f"the process that probes networks could not be started: {error.strerror or error}"
                self._post(Probed(self._newest, None, reason))
                return self._newest
        if self._waiting_from is None:
            self._waiting_from = self._clock()
        self._worker.send({"do": "probe", "document": document, "number": self._newest, "sample": sample})
        return self._newest

    def _give_up(self) -> None:
        if self._worker:
            self._worker.over = True
            self._worker.hang_up()  # it ends at once, whatever it does
            self._leaving.append(self._worker)
        self._worker, self._waiting_from = None, None

    def _take(self, message: Message) -> None:
        if not isinstance(message, Probed):
            return
        number = message.number
        if message.found is None and number < 0:  # it died: the last request fails
            self._worker, number = None, self._newest
            if self._waiting_from is None:
                return  # nothing was: the next order starts another
        if number == self._newest:
            self._waiting_from = None
            self._post(replace(message, number=number))
        elif self._waiting_from is not None:
            self._waiting_from = self._clock()  # an older request is answered: it now works on the newest

    def close(self, timeout: float = 1.0) -> None:
        """End the process. Blocks for at most about ``timeout`` seconds."""
        workers = [w for w in (*self._leaving, self._worker) if w]
        self._worker, self._leaving = None, []
        for worker in workers:
            worker.over = True
            worker.hang_up()
        for worker in workers:
            worker.wait(timeout)


class ProbeWorker(Worker):
    """The process that probes, and the socket to it."""

    called: ClassVar[str] = "the process that probes networks"
    module: ClassVar[str] = "tuiml.runs.probe_process"

    def _take(self, message: dict[str, Any]) -> None:
        number = message.get("number")
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ValueError("an answer has a number")
        if not self.over:
            self._post(probed(number, message))

    def _lost(self, reason: str) -> None:
        self._finish(Probed(-1, None, reason))


def probed(number: int, message: dict[str, Any]) -> Probed:
    """The answer in a message from the process.

    Raises:
        ValueError: the message is no answer.
    """
    kind = message.get("event")
    if kind == "problems":
        problems = problems_of(message.get("problems"))
        return Probed(number, None, "; ".join(p.message for p in problems))
    if kind == "failed":
        return Probed(number, None, plain_text(str(message.get("message") or "it failed"))[:500])
    if kind != "probe":
        raise ValueError("neither a probe nor a failure")
    probe = codec.read(Probe, message)
    sample = data_sample.read(message["sample"]) if "sample" in message else None
    return Probed(number, replace(probe, note=plain_text(probe.note)[:500]), sample=sample)
