"""The learning rate of an active run: a field to type it, and rounded values above and below it."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.widgets import Input

from tuiml import typed_numbers
from tuiml.registry import Option, options_of, short
from tuiml.spec.preset import Training
from tuiml.tui.model.stepping import nice
from tuiml.tui.widgets.small_field import SmallField

STEPS = {"up": 1, "down": -1}
RATE: Option = next(option for option in options_of(Training) if option.name == "learning_rate")


class RateField(SmallField):
    """A field for a learning rate."""

    word = "learning rate"
    hint = "↑↓ change   enter set   esc cancel"

    @dataclass
    class Chosen(Message):
        """A rate that is allowed was entered."""

        rate: float

    def open(self, rate: float) -> None:
        """Show the field with ``rate`` in it."""
        self.show_text(f"{rate:.6g}")

    def take(self, text: str) -> None:
        self.post_message(self.Chosen(read_rate(text)))

    def meaning(self, text: str) -> str:
        with contextlib.suppress(ValueError):
            rate = read_rate(text)
            return "" if typed_numbers.is_plain(text, rate) else f"= {rate:.6g}, "
        return ""

    def on_key(self, event: events.Key) -> None:
        if event.key in STEPS:
            event.stop()
            field = self.query_one(Input)
            with contextlib.suppress(ValueError):
                rate = nice(read_rate(field.value), STEPS[event.key])
                field.value = f"{rate:g}" if allowed(rate) else field.value
                field.cursor_position = len(field.value)


def allowed(rate: float) -> bool:
    """True if a preset may have this learning rate."""
    return (RATE.low or 0.0) < rate <= (RATE.high or math.inf)


def read_rate(text: str) -> float:
    """The learning rate in ``text``: a number or a small expression, such as ``1/300``.

    Raises:
        ValueError: it is none, or a preset may not have it; the message says why.
    """
    try:
        rate = float(typed_numbers.evaluate(text))
    except ValueError as error:
        raise ValueError(f"{short(text)}: {error}") from None
    if not allowed(rate):
        raise ValueError(f"{short(text)} is not allowed; give {RATE.allowed()}")
    return rate
