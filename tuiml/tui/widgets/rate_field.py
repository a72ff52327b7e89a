"""The learning rate of an active run: a field to type it, and rounded values above and below it."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tuiml.registry import Option, options_of, short
from tuiml.spec.preset import Training
from tuiml.tui.model import numeric
from tuiml.tui.model.numeric import nice

STEPS = {"up": 1, "down": -1}
HINT = "up and down change it, enter sets it, esc cancels"
RATE: Option = next(option for option in options_of(Training) if option.name == "learning_rate")


class RateField(Horizontal):
    """A field for a learning rate, shown only while it is edited."""

    DEFAULT_CSS = """
    RateField { height: 1; display: none; padding: 0 1; }
    RateField.-open { display: block; }
    RateField > .word { width: auto; padding: 0 1 0 0; }
    RateField > .hint { width: 1fr; color: $text-muted; padding: 0 1; }
    RateField > .hint.-wrong { color: $text-error; }
    RateField > Input, RateField > Input:focus {
        width: 16; border: none; height: 1; padding: 0 1; background: $panel;
    }
    """

    @dataclass
    class Chosen(Message):
        """A rate that is allowed was entered."""

        rate: float

    class Left(Message):
        """The field was closed: another widget should get the focus."""

    def compose(self) -> ComposeResult:
        yield Static("learning rate", classes="word", markup=False)
        yield Input(max_length=24)
        yield Static("", classes="hint", markup=False)

    @property
    def is_open(self) -> bool:
        return self.has_class("-open")

    def open(self, rate: float) -> None:
        """Show the field with ``rate`` in it."""
        self.add_class("-open")
        field = self.query_one(Input)
        field.value = f"{rate:.6g}"
        self._hint("")
        field.focus()

    def leave(self) -> None:
        """Hide the field."""
        if self.is_open:
            self.remove_class("-open")
            self.post_message(self.Left())

    def _hint(self, problem: str) -> None:
        hint = self.query_one(".hint", Static)
        hint.set_class(bool(problem), "-wrong")
        hint.update(Content(problem or self._saved() + HINT))

    def _saved(self) -> str:
        """What a typed expression stands for; empty for a number."""
        text = self.query_one(Input).value
        with contextlib.suppress(ValueError):
            rate = read_rate(text)
            return "" if numeric.is_plain(text, rate) else f"= {rate:.6g}, "
        return ""

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        message.stop()
        try:
            rate = read_rate(message.value)
        except ValueError as error:
            self._hint(str(error))
            return
        self.post_message(self.Chosen(rate))
        self.leave()

    @on(Input.Changed)
    def _edited(self, message: Input.Changed) -> None:
        message.stop()
        self._hint("")

    def on_key(self, event: events.Key) -> None:
        if event.key in STEPS:
            event.stop()
            field = self.query_one(Input)
            with contextlib.suppress(ValueError):
                rate = nice(read_rate(field.value), STEPS[event.key])
                field.value = f"{rate:g}" if allowed(rate) else field.value
                field.cursor_position = len(field.value)

    @on(Input.Blurred)
    def _blurred(self, message: Input.Blurred) -> None:
        message.stop()
        if self.app.app_focus:  # else the terminal lost the focus, and the field gets it back later
            self.remove_class("-open")


def allowed(rate: float) -> bool:
    """True if a preset may have this learning rate."""
    return (RATE.low or 0.0) < rate <= (RATE.high or math.inf)


def read_rate(text: str) -> float:
    """The learning rate in ``text``: a number or a small expression, such as ``1/300``.

    Raises:
        ValueError: it is none, or a preset may not have it; the message says why.
    """
    try:
        rate = float(numeric.evaluate(text))
    except ValueError as error:
        raise ValueError(f"{short(text)}: {error}") from None
    if not allowed(rate):
        raise ValueError(f"{short(text)} is not allowed; give {RATE.allowed()}")
    return rate
