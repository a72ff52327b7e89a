"""Control of a running trainer, from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tuiml.training.inspections.record import InspectionRequest, Question

Order = dict[str, Any]
MOST_ORDERS = 1000
"""The most orders that wait for the current batch."""
AWAKE = 0.5
"""Seconds that a waiting thread sleeps at most: a signal that comes just before is handled only then."""


class RunControl:
    """Pauses, steps, resumes, stops and rewinds a run, changes its settings, requests inspections.

    The trainer reads :attr:`attention` before each batch: it reads no more while nothing is requested.

    Args:
        rewindable: False if nobody can rewind the run: it then has no restore points.
    """

    def __init__(self, *, rewindable: bool = True) -> None:
        self.rewindable = rewindable
        self.attention = False
        self.observed = True
        """True while a screen shows snapshots; else none are made."""
        self._changed = threading.Condition()
        self._paused = False
        self.stopped = False
        """True after :meth:`stop`."""
        self._steps = 0
        self._orders: list[Order] = []
        self.requests: tuple[InspectionRequest, ...] = ()
        """The inspection requests in force."""
        self._new_requests = False
        self._question: Question | None = None
        self._left = False
        self.answers_after_end = False
        """True if inspections are answered after the end of the run, until :meth:`leave`."""
        self.pace: float | None = None
        """Steps a second at most; ``None``: as fast as it goes."""
        self._turn = 0.0

    def pause(self) -> None:
        """Pause before the next batch."""
        self._set(paused=True)

    def resume(self) -> None:
        """Resume."""
        self._set(paused=False)

    def step(self) -> None:
        """Train one batch, then pause again."""
        with self._changed:
            self._steps += 1
            self._paused = self.attention = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End the run after the current batch."""
        with self._changed:
            self.stopped = self.attention = True
            self._changed.notify_all()

    def observe(self, on: bool) -> None:
        """Make snapshots or stop making them, in a run that a screen shows."""
        self.observed = on

    def set_pace(self, pace: float | None) -> None:
        """Train at most so many steps a second from now on; ``None``: as fast as it goes."""
        with self._changed:
            self.pace, self._turn, self.attention = pace, 0.0, True
            self._changed.notify_all()

    def set_rate(self, rate: float) -> None:
        """Change the learning rate from the next batch on (> 0)."""
        self.change({"learning_rate": rate})

    def change(self, asked: Mapping[str, Any]) -> None:
        """Change any of optimizer, batch_size and learning_rate from the next batch on; the trainer reports
        settings that it refuses."""
        with self._changed:
            if self._orders and set(self._orders[-1].get("change", ())) == set(asked) == {"learning_rate"}:
                self._orders.pop()
            self._order({"change": dict(asked)})

    def rewind(self, step: int) -> None:
        """Go back to the restore point at or before a step, and pause there."""
        with self._changed:
            self._paused, self._steps = True, 0
            self._order({"rewind": step})

    def _order(self, order: Order) -> None:
        if len(self._orders) < MOST_ORDERS:
            self._orders.append(order)
        self.attention = True
        self._changed.notify_all()

    def inspect(self, requests: Sequence[InspectionRequest]) -> None:
        """Answer these requests now and repeatedly while the network trains, instead of those before."""
        with self._changed:
            self.requests, self._new_requests, self.attention = tuple(requests), True, True
            self._changed.notify_all()

    def predict(self, question: Question) -> None:
        """Request the prediction for an example; it replaces one that still waits."""
        with self._changed:
            self._question, self.attention = question, True
            self._changed.notify_all()

    def leave(self) -> None:
        """End the run after the current batch; no more requests will come."""
        with self._changed:
            self._left = self.stopped = self.attention = True
            self._changed.notify_all()

    def _set(self, paused: bool) -> None:
        with self._changed:
            self._paused, self._steps, self.attention = paused, 0, True
            self._changed.notify_all()

    @property
    def paused(self) -> bool:
        """True while the next batch waits."""
        return self._paused and not self._steps and not self.stopped

    def take_orders(self) -> list[Order]:
        """The orders since the last call: each has ``change`` (settings) or ``rewind`` (a step)."""
        with self._changed:
            orders, self._orders = self._orders, []
            return orders

    @property
    def _requested(self) -> bool:
        return self._new_requests or self._question is not None

    def take_requests(self) -> tuple[tuple[InspectionRequest, ...], Question | None]:
        """The new inspection requests since the last call, and an example to predict."""
        with self._changed:
            requests, question = self.requests if self._new_requests else (), self._question
            self._new_requests, self._question = False, None
            return requests, question

    def take_step(self) -> None:
        """Count down single steps before a batch, and clear :attr:`attention` if possible."""
        with self._changed:
            self._steps = max(0, self._steps - 1)
            self.attention = self._paused or self.stopped or bool(self._orders) or self._requested

    def wait(self) -> None:
        """Block until there is something for a paused trainer to do."""
        with self._changed:
            while not self._changed.wait_for(
                lambda: not self.paused or bool(self._orders) or self._requested, AWAKE
            ):
                pass

    def wait_for_turn(self, steps: int) -> None:
        """Block after some steps until the pace allows the next ones, or an order comes."""
        pace, now = self.pace, time.monotonic()
        if pace is None:
            return
        self._turn = (
            max(self._turn, now - steps / pace) + steps / pace
        )  # time that was lost is not made up for
        with self._changed:
            while (left := self._turn - time.monotonic()) > 0:
                if self._changed.wait_for(lambda: self.attention, min(left, AWAKE)):
                    return

    def wait_for_request(self) -> bool:
        """Block until an inspection is requested; False after :meth:`leave`."""
        with self._changed:
            while not self._changed.wait_for(lambda: self._left or self._requested, AWAKE):
                pass
            return not self._left
