"""The state of the activation explorer: activation, hyper-parameters, range and cursor. Knows no widgets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from tuiml.nn.activations import Activation
from tuiml.registry import Option, options_of, short
from tuiml.training.activation_curve import functions
from tuiml.training.layer_statistics import Histogram

SPANS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0)
"""Ranges of x: from minus this to this."""
USUAL = 6.0
MOST = 4
"""Activations in one drawing."""
MANTISSAS = (1, 2, 3, 5, 7)
LEAST = 0.001
"""The least value but 0 that the keys go to; less can be typed."""


@dataclass(frozen=True)
class Inputs:
    """The current inputs of the layer's activation."""

    histogram: Histogram | None
    when: str = ""
    """``step 1,200``, ``before training``."""


class Explorer:
    """The activation being explored: at first ``start``, if it is a function of one value."""

    def __init__(self, start: Activation | None) -> None:
        self.entries = functions()
        self._kept: dict[str, Activation] = {}
        self.at = 0
        self.left_out = ""
        """The layer's activation, if it cannot be shown."""
        if start is not None and type(start) in self.entries:
            self.at = self.entries.index(type(start))
            self._kept[start.name] = start
        elif start is not None:
            self.left_out = start.name
        self.span = USUAL
        self.cursor = 1.0
        self.parameter = 0
        self.typed: str | None = None
        """The value being typed."""
        self.problem = ""
        self._added: list[str] = []
        """The names of the activations that stay in the drawing."""

    @property
    def activation(self) -> Activation:
        """The one on the screen."""
        entry = self.entries[self.at]
        if entry.name not in self._kept:
            self._kept[entry.name] = entry()
        return self._kept[entry.name]

    @property
    def options(self) -> tuple[Option, ...]:
        """Its hyper-parameters that are numbers."""
        return tuple(o for o in options_of(type(self.activation)) if o.kind in ("float", "int"))

    @property
    def option(self) -> Option | None:
        """The one that the keys change."""
        options = self.options
        return options[self.parameter % len(options)] if options else None

    # -- several in one drawing ----------------------------------------------------------------------------

    @property
    def others(self) -> tuple[Activation, ...]:
        """Those that are drawn beside the one on the screen."""
        return tuple(self._kept[name] for name in self._added if name != self.activation.name)

    def add(self) -> None:
        """Keep the activation on the screen in the drawing when going to others, or do not any more."""
        name = self.activation.name
        self.problem = ""
        if name in self._added:
            self._added.remove(name)
        elif len(self._added) < MOST - 1:
            self._added.append(name)
        else:
            self.problem = f"{MOST} activations fit in one drawing; press a at one of them to take it out"

    @property
    def added(self) -> bool:
        """True if the one on the screen stays in the drawing."""
        return self.activation.name in self._added

    # -- activation and range ------------------------------------------------------------------------------

    def turn(self, by: int) -> None:
        """To another activation."""
        self.at = (self.at + by) % len(self.entries)
        self.parameter = 0
        self.stop_typing()

    def next_parameter(self) -> None:
        """To the next hyper-parameter."""
        self.parameter = (self.parameter + 1) % max(1, len(self.options))
        self.stop_typing()

    def zoom(self, by: int) -> None:
        """A wider (+1) or a narrower (−1) range of x."""
        at = SPANS.index(self.span) + by
        self.span = SPANS[max(0, min(at, len(SPANS) - 1))]
        self.cursor = max(-self.span, min(self.cursor, self.span))

    def fit(self, inputs: Histogram | None) -> None:
        """A range that holds the inputs too."""
        if inputs is not None and math.isfinite(inputs.low) and math.isfinite(inputs.high):
            widest = max(USUAL, -inputs.low, inputs.high)
            self.span = next((span for span in SPANS if span >= widest), SPANS[-1])

    @property
    def stride(self) -> float:
        """What a key moves the cursor by: 1, 2 or 5 · 10ⁿ, about a sixtieth of the range."""
        about = self.span / 20
        power = 10.0 ** math.floor(math.log10(about))
        return max(m * power for m in (1, 2, 5) if m * power <= about * (1 + 1e-9))

    def move(self, by: int) -> None:
        """The cursor by some strides."""
        x = (round(self.cursor / self.stride) + by) * self.stride
        self.cursor = round(max(-self.span, min(x, self.span)), 9)

    def change(self, by: int) -> None:
        """The hyper-parameter to the next round value that is allowed, up (+1) or down."""
        option = self.option
        if option is None:
            return
        now = float(getattr(self.activation, option.name))
        steps = [v for v in ladder(option) if (v > now if by > 0 else v < now)]
        if steps:
            self._set(option, min(steps) if by > 0 else max(steps))

    def type(self, character: str) -> None:
        """A character of a value: a digit, a point, or a sign, which goes before it."""
        if self.option is None:
            return
        text = self.typed or ""
        if character == "-":
            self.typed = text[1:] if text.startswith("-") else f"-{text}"
        elif len(text) < 12:
            self.typed = text + character
        self.problem = ""

    def rub_out(self) -> None:
        """Remove the last character."""
        if self.typed is not None:
            self.typed = self.typed[:-1]

    def stop_typing(self) -> None:
        """Discard the typed value."""
        self.typed, self.problem = None, ""

    def enter(self) -> None:
        """Set the typed value, if it is allowed."""
        option, text = self.option, self.typed or ""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if option is None or not self._set(option, value):
            allowed = option.allowed() if option else "nothing"
            self.problem = f"{short(text)} is not allowed; give {allowed}"
            return
        self.stop_typing()

    def _set(self, option: Option, value: float) -> bool:
        now = self.activation
        values: dict[str, Any] = now.model_dump()
        values[option.name] = int(value) if option.kind == "int" and value.is_integer() else value
        try:
            self._kept[now.name] = type(now).model_validate(values)
        except ValidationError:
            return False
        return True


def ladder(option: Option) -> list[float]:
    """Round values that a hyper-parameter may have, rising."""
    low = option.low if option.low is not None else -100.0
    high = option.high if option.high is not None else 100.0
    if option.kind == "int":
        return [float(v) for v in range(math.ceil(low), math.floor(high) + 1)]
    powers = range(math.floor(math.log10(LEAST)), 3)
    sizes = [float(f"{m}e{p}") for p in powers for m in MANTISSAS]
    found = {0.0, low, high, *sizes, *(-v for v in sizes)}
    if option.low_open:
        found.discard(low)
    if option.high_open:
        found.discard(high)
    return sorted(v for v in found if low <= v <= high)
