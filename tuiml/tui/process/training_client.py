"""The client of the training process: starts it, sends it orders and posts its messages.

Training has a process of its own: in a thread it loses a third of its speed, and a crash would end the app.
Only :meth:`TrainingClient.close` blocks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from tuiml.training.inspections.record import InspectionRequest, Question
from tuiml.training.inspections.row import Row
from tuiml.tui.process.child import InspectionFailed, Post, TrainingProcessEnded, Worker


class TrainingClient:
    """Trains at most one run at a time; keeps earlier processes until they have exited."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._worker: Worker | None = None
        self._leaving: list[Worker] = []
        self._finder: Worker | None = None
        self._requests: list[dict[str, Any]] = []
        self._past, self._statistics = "", False
        self.paused = False
        """True if it was last asked to pause, which it does before its next batch."""
        self._observed = True
        self.pace: float | None = None
        """Steps a second at most, in this run and the next; ``None``: as fast as it goes."""

    @property
    def active(self) -> bool:
        """True from :meth:`start` until the run ends for any reason."""
        return self._worker is not None and not self._worker.over

    def start(self, document: dict[str, Any]) -> bool:
        """Train a preset; False if a run is active already. A message reports failure."""
        return self._train({"do": "start", "document": document})

    def resume_run(self, path: str, settings: Sequence[str] = ()) -> bool:
        """Resume the run in a folder, with its own backend; False if one is active.

        Args:
            settings: ``PATH=VALUE``, as ``tuiml resume --set`` takes them.
        """
        return self._train({"do": "resume_run", "run": path, "settings": list(settings)})

    def _train(self, order: dict[str, Any]) -> bool:
        if self.active:
            return False
        self.stop_finding()
        self.paused, self._past = False, ""
        self._send_for(order | {"answers_after_end": True})
        self._send_observed()
        self._send_pace()
        return True

    def find_rate(self, document: dict[str, Any], post: Post) -> bool:
        """Find a learning rate in a process that posts to ``post``; False while a run is active."""
        if self.active:
            return False
        self.stop_finding()
        self._finder = _started(post)
        if self._finder:
            self._finder.send({"do": "find_rate", "document": document, "backend": "auto"})
        return True

    def stop_finding(self) -> None:
        """Close the connection to the process that finds a learning rate; it then ends by itself."""
        if self._finder:
            self._finder.dismiss()
            self._leaving = [*(w for w in self._leaving if not w.gone), self._finder]
            self._finder = None

    def _send_for(self, order: dict[str, Any], past: bool = False) -> None:
        """Send an order to a new process, which replaces the last one."""
        self._dismiss()
        self._worker = _started(self._post, past)
        if self._worker:
            self._worker.send(order)
            if self._requests:
                self._send_requests()

    def _dismiss(self) -> None:
        """Dismiss the process of a run that has ended."""
        if self._worker:
            self._worker.dismiss()
        self._leaving = [w for w in (*self._leaving, self._worker) if w and not w.gone]
        self._worker = None

    def inspect_run(self, path: str, statistics: bool = False) -> None:
        """Inspect the past run in a folder from now on; an empty path: none.

        Args:
            statistics: ask for a snapshot of its newest checkpoint, at once.
        """
        if not self.active:
            self._dismiss()
            self._past, self._statistics = path, statistics
            if self._requests or statistics:
                self._open_past_run()

    def inspect_again(self) -> None:
        """Repeat the inspections of the past run: it has a new checkpoint."""
        if self._past and self._requests and not self.active:
            if self._worker and not self._worker.gone:
                self._send_requests()
            else:
                self.inspect_run(self._past)

    def _open_past_run(self) -> None:
        if self._past and self._worker is None:
            order = {"do": "open", "run": self._past, "statistics": self._statistics}
            self._send_for(order, past=True)

    def inspect(self, requests: Sequence[InspectionRequest]) -> None:
        """Request these inspections, repeated while the run is trained."""
        self._requests = [request.to_json() for request in requests]
        if self._worker:
            self._send_requests()
        elif requests:
            self._open_past_run()

    def _send_requests(self) -> None:
        """Send the inspection requests."""
        if self._worker:
            self._worker.send({"do": "inspect", "value": self._requests})

    def predict(self, question: Question) -> None:
        """Request the prediction for an example that the user made."""
        self._open_past_run()
        if self._worker:
            do = "predict_row" if isinstance(question, Row) else "predict"
            self._worker.send({"do": do, "value": question.to_json()})

    def pause(self) -> None:
        """Pause before the next batch."""
        self._ask({"do": "pause"}, paused=True)

    def resume(self) -> None:
        """Resume after a pause."""
        self._ask({"do": "resume"}, paused=False)

    def step(self) -> None:
        """Train one batch and pause."""
        self._ask({"do": "step"}, paused=True)

    def stop(self) -> None:
        """Stop the run after the current batch and save it."""
        self._ask({"do": "stop"}, paused=False)
        if self._worker:
            self._worker.stop_requested = True

    def observe(self, on: bool) -> None:
        """Compute snapshots only while they are on the screen, in this run and the next."""
        if on != self._observed:
            self._observed = on
            self._send_observed()

    def _send_observed(self) -> None:
        if self._worker and self.active:
            self._worker.send({"do": "observe", "value": self._observed})

    def set_pace(self, pace: float | None) -> None:
        """Train at most so many steps a second, in this run and the next; ``None``: as fast as it goes."""
        if pace != self.pace:
            self.pace = pace
            self._send_pace()

    def _send_pace(self) -> None:
        if self._worker and self.active:
            self._worker.send({"do": "pace", "value": self.pace})

    def set_rate(self, rate: float) -> None:
        """Use another learning rate from the next batch on.

        Raises:
            ValueError: it is not a positive number.
        """
        if not (math.isfinite(rate) and rate > 0):
            raise ValueError(f"learning rate: {rate} is not a number above 0")
        self._ask({"do": "rate", "value": rate}, paused=self.paused)

    def rewind(self, step: int) -> None:
        """Go back to the restore point at or before a step, and pause there."""
        self._ask({"do": "rewind", "value": step}, paused=True)

    def change(self, asked: dict[str, Any]) -> None:
        """Use another optimizer, batch_size or learning_rate from the next batch on."""
        self._ask({"do": "change", "value": asked}, paused=self.paused)

    def _ask(self, order: dict[str, Any], paused: bool) -> None:
        if self._worker and self.active:
            self.paused = paused
            self._worker.send(order)

    def close(self, timeout: float = 3.0) -> None:
        """Stop and save the run; kill every process that is left after about ``timeout`` seconds."""
        self.stop_finding()
        workers = [w for w in (*self._leaving, self._worker) if w]
        self._worker, self._leaving = None, []
        for worker in workers:
            worker.hang_up()
        until = time.monotonic() + timeout
        for worker in workers:
            worker.wait(max(0.0, until - time.monotonic()))


def _started(post: Post, past: bool = False) -> Worker | None:
    """A process; ``None`` if it could not be started, and a message says why."""
    try:
        return Worker(post, past)
    except OSError as error:
        reason = f"the training process could not be started: {error.strerror or error}"
        post(InspectionFailed(reason) if past else TrainingProcessEnded(reason))
        return None
