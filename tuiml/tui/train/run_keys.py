"""The keys of Train that steer the run: one batch, stop, the learning rate."""

from __future__ import annotations

from typing import Any

from textual import events, on

from tuiml.tui.keys import action, actions
from tuiml.tui.shell import resume
from tuiml.tui.shell.screen import Place
from tuiml.tui.widgets.rate_field import RateField, allowed, nice_above, nice_below

STEERS = frozenset(
    ("toggle_run", "go_on", "step", "stop", "rate_down", "rate_up", "rate_type", "go_back", "change_settings")
)
"""What changes a run that is being trained."""


class Steering(Place):
    """What Train can tell the training process."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.asked: float | None = None
        """The rate last asked for, until the run says that it has it."""
        self.rate = RateField(id="rate")

    def main(self) -> Any:
        """The widget that takes the keys."""
        raise NotImplementedError  # pragma: no cover - Train has one

    @property
    def alive(self) -> bool:
        client = self.shell.client
        return client is not None and client.active

    @action("full_stop", "one batch", "Train one batch, then halt.", "train", rank=30)
    def action_step(self) -> None:
        self.shell.client.step()
        self.shell.refresh_bindings()

    @action("g", "go on", "Go on with a run that is not trained, from its checkpoint.", "train", rank=20)
    def action_go_on(self) -> None:
        resume.go_on(self.shell)

    def on_key(self, event: events.Key) -> None:
        """A key that would steer a run that another process trains does nothing; say why."""
        if self.run.followed and any(event.key in a.keys for a in actions() if a.id in STEERS):
            event.stop()
            self.shell.say("only followed here")  # who trains it is said below

    @action("s", "stop", "End the run after the batch in hand; it is saved.", "train", rank=50)
    def action_stop(self) -> None:
        self.shell.client.stop()

    @action("right_square_bracket", "rate ×", "Learn faster: the next 1, 2, 5 · 10ⁿ.", "train", rank=200)
    def action_rate_up(self) -> None:
        self._set_rate(nice_above(self.asked or self.run.rate))

    @action("left_square_bracket", "rate ÷", "Learn slower: the next 1, 2, 5 · 10ⁿ.", "train", rank=190)
    def action_rate_down(self) -> None:
        self._set_rate(nice_below(self.asked or self.run.rate))

    def _set_rate(self, rate: float) -> None:
        if self.alive and allowed(rate):
            self.asked = rate
            self.shell.client.set_rate(rate)

    @action("l", "rate", "Type a learning rate for the run that is on.", "train", rank=210)
    def action_rate_type(self) -> None:
        self.rate.open(self.asked or self.run.rate)

    @on(RateField.Chosen)
    def _rate_chosen(self, message: RateField.Chosen) -> None:
        message.stop()
        self._set_rate(message.rate)

    @on(RateField.Left)
    def _rate_left(self, message: RateField.Left) -> None:
        message.stop()
        self.main().focus()

    def enabled(self, action_id: str) -> bool | None:
        if action_id == "go_on":
            return self.run.resumable and not self.alive
        if action_id == "stop":
            return self.alive
        if action_id in ("step", "rate_down", "rate_up", "rate_type"):
            return self.alive and self.run.start is not None
        return True
