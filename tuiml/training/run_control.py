"""How a running trainer is steered, from another thread if need be."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from tuiml.training.inspections.drawing import Drawing
from tuiml.training.inspections.record import InspectionRequest

Order = dict[str, Any]
MOST_ORDERS = 1000
"""That wait for the batch in hand."""
AWAKE = 0.5
"""Seconds that whoever waits sleeps at most: a signal just before it sleeps is heeded only then."""


class RunControl:
    """Pause, one batch, go on, stop, back to an earlier step, other settings, pictures or none.

    The trainer looks at :attr:`attention` before each batch: one attribute read while nothing is asked.
    """

    def __init__(self) -> None:
        self.attention = False
        self.watching = True
        """Whether pictures are looked at while they come; where nobody does, none are made."""
        self._changed = threading.Condition()
        self._paused = False
        self._stopped = False
        self._steps = 0
        self._orders: list[Order] = []
        self._wishes: tuple[InspectionRequest, ...] = ()
        self._fresh = False
        self._drawn: Drawing | None = None
        self._left = False
        self.lingers = False
        """Whether somebody may still ask what was learned when the run is over, until :meth:`leave`."""

    def pause(self) -> None:
        """Halt before the next batch."""
        self._set(paused=True)

    def resume(self) -> None:
        """Go on."""
        self._set(paused=False)

    def step(self) -> None:
        """While paused: train one batch, then halt again."""
        with self._changed:
            self._steps += 1
            self._paused = self.attention = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End the run after the batch in hand."""
        with self._changed:
            self._stopped = self.attention = True
            self._changed.notify_all()

    def watch(self, on: bool) -> None:
        """Make pictures, or none until told again; not for a run that is not watched at all."""
        self.watching = on

    def set_rate(self, rate: float) -> None:
        """Change the learning rate from the next batch on (> 0)."""
        self.change({"learning_rate": rate})

    def change(self, asked: Mapping[str, Any]) -> None:
        """Go on with another optimizer, batch_size or learning_rate from the next batch on; the trainer says
        so where they cannot be had."""
        with self._changed:
            if self._orders and set(self._orders[-1].get("change", ())) == set(asked) == {"learning_rate"}:
                self._orders.pop()
            self._order({"change": dict(asked)})

    def rewind(self, step: int) -> None:
        """Go back to the moment kept at or before a step, and halt there."""
        with self._changed:
            self._paused, self._steps = True, 0
            self._order({"rewind": step})

    def _order(self, order: Order) -> None:
        if len(self._orders) < MOST_ORDERS:
            self._orders.append(order)
        self.attention = True
        self._changed.notify_all()

    def inspect(self, wishes: Sequence[InspectionRequest]) -> None:
        """Show these now, and again and again while the network learns, in place of those before."""
        with self._changed:
            self._wishes, self._fresh, self.attention = tuple(wishes), True, True
            self._changed.notify_all()

    def guess(self, drawn: Drawing) -> None:
        """Say once what a drawn picture is; one that waits for its turn still is forgotten."""
        with self._changed:
            self._drawn, self.attention = drawn, True
            self._changed.notify_all()

    def leave(self) -> None:
        """End the run after the batch in hand; nobody is there any more to ask anything."""
        with self._changed:
            self._left = self._stopped = self.attention = True
            self._changed.notify_all()

    def _set(self, paused: bool) -> None:
        with self._changed:
            self._paused, self._steps, self.attention = paused, 0, True
            self._changed.notify_all()

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopped

    @property
    def paused(self) -> bool:
        """Whether the next batch waits."""
        return self._paused and not self._steps and not self._stopped

    def take_orders(self) -> list[Order]:
        """What was asked for since the last call: each has ``change`` (settings) or ``rewind`` (a step)."""
        with self._changed:
            orders, self._orders = self._orders, []
            return orders

    @property
    def wishes(self) -> tuple[InspectionRequest, ...]:
        """What is to be shown."""
        return self._wishes

    @property
    def _asked(self) -> bool:
        return self._fresh or self._drawn is not None

    def take_asked(self) -> tuple[tuple[InspectionRequest, ...], Drawing | None]:
        """What was asked for since the last call: wishes that are new, and a picture to guess."""
        with self._changed:
            wishes, drawn = self._wishes if self._fresh else (), self._drawn
            self._fresh, self._drawn = False, None
            return wishes, drawn

    def take_step(self) -> None:
        """A batch is about to be trained: use up one that was asked for; lower the flag if all is plain."""
        with self._changed:
            self._steps = max(0, self._steps - 1)
            self.attention = self._paused or self._stopped or bool(self._orders) or self._asked

    def wait(self) -> None:
        """Block until something is asked that a paused trainer acts on."""
        with self._changed:
            while not self._changed.wait_for(
                lambda: not self.paused or bool(self._orders) or self._asked, AWAKE
            ):
                pass

    def wait_asked(self) -> bool:
        """Block until something is asked for; False when nothing will be any more."""
        with self._changed:
            while not self._changed.wait_for(lambda: self._left or self._asked, AWAKE):
                pass
            return not self._left
