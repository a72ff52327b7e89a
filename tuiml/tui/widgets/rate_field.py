"""The learning rate of an active run: a field to type it, and rounded values above and below it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tuiml.registry import Option, options_of, short
from tuiml.spec.preset import Training

NICE = (1, 2, 5)
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
        hint.update(Content(problem or "enter set, esc cancel"))

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        message.stop()
        rate = read_rate(message.value)
        if rate is None:
            self._hint(f"{short(message.value)} is not allowed; give {RATE.allowed()}")
            return
        self.post_message(self.Chosen(rate))
        self.leave()

    @on(Input.Changed)
    def _edited(self, message: Input.Changed) -> None:
        message.stop()
        self._hint("")

    @on(Input.Blurred)
    def _blurred(self, message: Input.Blurred) -> None:
        message.stop()
        if self.app.app_focus:  # else the terminal lost the focus, and the field gets it back later
            self.remove_class("-open")


def allowed(rate: float) -> bool:
    """True if a preset may have this learning rate."""
    return (RATE.low or 0.0) < rate <= (RATE.high or math.inf)


def read_rate(text: str) -> float | None:
    """The learning rate in ``text``, or ``None`` if a preset may not have it."""
    try:
        rate = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return rate if allowed(rate) else None


def nice(rate: float, way: int) -> float:
    """The next 1, 2 or 5 times a power of ten above (+1) or below (−1) a rate; NaN: it is not above 0."""
    if not (math.isfinite(rate) and rate > 0):
        return math.nan
    power = math.floor(math.log10(rate))
    # read from text, since 5 · 10⁻³ rounds twice
    found = [float(f"{m}e{p}") for p in (power - 1, power, power + 1) for m in NICE]
    if way > 0:
        return next(n for n in found if n > rate * (1 + 1e-9))
    return next(n for n in reversed(found) if n < rate * (1 - 1e-9))
