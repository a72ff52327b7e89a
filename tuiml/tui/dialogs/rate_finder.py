"""The screen of the learning-rate finder: the loss over the rate, drawn while rates are tried."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical

from tuiml.spec.preset import Preset
from tuiml.text import plain_text
from tuiml.training.events import Event, Loading, Pretraining, RateFound, RateTried
from tuiml.training.rate_finder import Ramp
from tuiml.tui.charts.palette import QUIET, RUNNING, TROUBLE, Look
from tuiml.tui.charts.rates import rate_chart
from tuiml.tui.charts.text import PLAIN, Line, clean, fit, strip, wrap
from tuiml.tui.keys import action
from tuiml.tui.model.problems import where
from tuiml.tui.process.child import TrainingEvents, TrainingProblems, TrainingProcessEnded
from tuiml.tui.widgets.chart_view import Pacer, View
from tuiml.tui.widgets.dialogs import Modal
from tuiml.tui.widgets.rate_field import allowed

WORDS = 3
"""Rows below the chart."""


class Finding:
    """The state of a search, updated from events."""

    def __init__(self, preset: Preset) -> None:
        self.preset = preset
        self.ramp = Ramp()
        self.tried: list[RateTried] = []
        self.found: RateFound | None = None
        self.failure = ""
        """Why there is no result."""
        self.getting_ready = "getting ready"

    @property
    def rate(self) -> float | None:
        """The rate that can be applied."""
        rate = self.found.learning_rate if self.found else 0.0
        return rate if allowed(rate) else None

    def feed(self, events: list[Event]) -> None:
        """Update the state from events of the process."""
        for event in events:
            if isinstance(event, RateTried) and event.learning_rate > 0:
                self.tried.append(event)
            elif isinstance(event, RateFound):
                self.found = event
            elif isinstance(event, Loading):
                self.getting_ready = f"loading {event.name}: {event.done / 1e6:,.0f} MB"
            elif isinstance(event, Pretraining):
                self.getting_ready = (
                    f"pretraining first: layer {event.number} of {event.layers}, "
                    f"epoch {event.epoch} of {event.epochs}"
                )

    def words(self) -> tuple[str, str]:
        """The progress or the result, and its colour."""
        if self.failure:
            return self.failure, TROUBLE
        if self.found is not None:
            if self.rate is None:
                return self.found.message, TROUBLE
            return f"suggested: {self.rate:g}, {self.found.message}. enter applies it", RUNNING
        if self.tried:
            last = self.tried[-1]
            return f"trying {last.learning_rate:.1e}: {last.number} of {last.steps} rates", ""
        return self.getting_ready, ""

    def facts(self) -> str:
        """The preset's current rate, optimizer and schedule."""
        training = self.preset.training
        text = f"the preset has {training.rate:g} with {training.optimizer.name}"
        if training.schedule.name != "constant":
            text += f"; its schedule {training.schedule.name} multiplies the rate, but not here"
        return f"{text}. Range test (Smith 2017): a few batches at each rate; then the weights are as before"


class RatePlot(View):
    """The curve, and the progress below it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(id="rate-plot")
        self._finding = finding

    def stamp(self) -> Hashable:
        return (len(self._finding.tried), *self._finding.words())

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        found, (text, colour) = self._finding, self._finding.words()
        name = clean(plain_text(found.preset.name), look)
        title = strip(
            [(fit(f"learning rate of {name}", width, look.glyphs.more), look.style(bold=True))], width
        )
        lines = [(line, look.style(colour)) for line in wrap(clean(text, look), width)]
        room = max(0, WORDS - len(lines))
        lines += [(line, look.style(QUIET)) for line in wrap(clean(found.facts(), look), width)[:room]]
        lines = [*lines, *[("", PLAIN)] * WORDS][:WORDS]
        ends = (found.ramp.low, found.ramp.high)
        below = [strip([line], width) for line in lines]
        chart = rate_chart(
            found.tried, found.found, ends, width, height - 1 - WORDS, look, empty=found.getting_ready
        )
        return [title, *chart, *below][:height]


class RateScreen(Modal[float | None]):
    """Finds a learning rate; answers with it, or ``None``. Closing it stops the search."""

    DEFAULT_CSS = """
    RateScreen > Vertical {
        width: 100%; height: 100%; padding: 0 1; background: $background; border: none;
    }
    RateScreen .keys { color: $foreground 60%; height: 1; width: 1fr; }
    """

    def __init__(self, raw: dict[str, Any], preset: Preset, client: Any) -> None:
        super().__init__()
        self._raw, self._client = raw, client
        self.finding = Finding(preset)
        self.plot = RatePlot(self.finding)
        self._keys = KeyLine(self)
        self._pacer = Pacer(self, (self.plot, self._keys))

    def compose(self) -> ComposeResult:
        with Vertical():
            yield self.plot
            yield self._keys

    def on_mount(self) -> None:
        if not self._client.find_rate(self._raw, self.post_message):
            self._fail("a run is active")

    def on_unmount(self) -> None:
        self._client.stop_finding()

    def on_training_events(self, message: TrainingEvents) -> None:
        message.stop()
        self.finding.feed(message.events)
        self._pacer.kick()
        if self.finding.found is not None:
            self.refresh_bindings()

    def on_training_problems(self, message: TrainingProblems) -> None:
        message.stop()
        self._fail("; ".join(f"{where(p)}{p.message}" for p in message.problems))

    def on_training_process_ended(self, message: TrainingProcessEnded) -> None:
        message.stop()
        self._fail(message.reason)

    def _fail(self, reason: str) -> None:
        self.finding.failure = plain_text(reason)
        self._pacer.kick()

    @action("enter", "take it", "Take the suggested learning rate.", "finder")
    def action_take_rate(self) -> None:
        if self.finding.rate is not None:
            self.dismiss(self.finding.rate)

    @action("escape q", "back", "Stop, and leave everything as it is.", "finder")
    def action_leave_finder(self) -> None:
        self.dismiss(None)


class KeyLine(View):
    """The keys that work now."""

    DEFAULT_CSS = "KeyLine { height: 1; }"

    def __init__(self, screen: RateScreen) -> None:
        super().__init__()
        self._owner = screen

    @property
    def _words(self) -> str:
        return "enter apply   esc cancel" if self._owner.finding.rate else "esc stop"

    def stamp(self) -> Hashable:
        return self._words

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        return [strip([(self._words, look.style(QUIET))], width)]
