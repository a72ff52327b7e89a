"""``tuiml find-rate``: the learning-rate range test."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from tuiml.cli.output import note, print_json, say, say_wrapped
from tuiml.cli.parser import BACKEND, PRESET, QUIET, Command, argument, json_option, set_option
from tuiml.formatting import figure, loss
from tuiml.runs import threads

if TYPE_CHECKING:
    from tuiml.cli.progress import Show
    from tuiml.spec import Preset
    from tuiml.training.events import Event, RateFound, RateTried
    from tuiml.training.rate_finder import Ramp

WIDTH, HEIGHT = 78, 14
"""Cells of the chart."""


def run(chosen: argparse.Namespace) -> int:
    """Try rising learning rates and print the suggestion."""
    threads.limit()  # before numpy is imported, by what follows
    from tuiml.cli.preset_argument import read_preset

    preset = read_preset(chosen.preset, chosen.settings)
    ramp = _ramp(chosen)
    from tuiml.cli.progress import Show, on_stderr
    from tuiml.cli.signals import Stopping
    from tuiml.runs import rate_search
    from tuiml.runs.errors import Cancelled
    from tuiml.training.run_control import RunControl

    control, show = RunControl(), Show() if chosen.quiet else on_stderr()
    events = rate_search.find_rate(preset, backend=chosen.backend, control=control, ramp=ramp)
    with Stopping(control) as stopping, contextlib.closing(events):
        try:
            tried, found = _follow(events, show)
        except Cancelled:
            tried, found = [], None
    if stopping.number is not None:
        note("tuiml: stopped; nothing was saved")
        return 128 + stopping.number
    assert found is not None  # only what is stopped ends without it
    if chosen.json:
        _print_json(preset, tried, found)
    else:
        _print(preset, tried, found, ramp)
    return 0 if found.learning_rate > 0 else 1


def _ramp(chosen: argparse.Namespace) -> Ramp:
    from tuiml.runs.errors import RunError
    from tuiml.training.rate_finder import Ramp

    given = {name: getattr(chosen, name) for name in ("low", "high", "steps")}
    try:
        return Ramp(**{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise RunError(str(error)) from None


def _follow(events: Generator[Event], show: Show) -> tuple[list[RateTried], RateFound | None]:
    """The rates that were tried and the suggestion; shows progress meanwhile."""
    from tuiml.training.events import RateFound, RateTried

    tried, found = [], None
    try:
        for event in events:
            if isinstance(event, RateTried):
                tried.append(event)
            elif isinstance(event, RateFound):
                found = event
            show.report(event)
    finally:
        show.close()
    return tried, found


def _print_json(preset: Preset, tried: list[RateTried], found: RateFound) -> None:
    value: dict[str, Any] = {
        "preset": preset.name,
        "learning_rate": found.learning_rate,
        "message": found.message,
        "preset_learning_rate": preset.training.rate,
        "tried": found.tried,
        "steps": found.steps,
        "rates": [t.learning_rate for t in tried],
        "losses": [t.loss for t in tried],
        "smoothed": [t.smoothed for t in tried],
    }
    print_json(value)


def _print(preset: Preset, tried: list[RateTried], found: RateFound, ramp: Ramp) -> None:
    from tuiml.tui.charts.palette import UNICODE, Look, glyphs
    from tuiml.tui.charts.rates import rate_chart

    look = Look(colour=False, unicode=glyphs(sys.stdout.encoding) is UNICODE)
    if tried:
        for strip in rate_chart(tried, found, (ramp.low, ramp.high), WIDTH, HEIGHT, look):
            say(strip.text.rstrip())
        say()
    if found.learning_rate > 0:
        say_wrapped(f"learning rate {figure(found.learning_rate)}: {found.message}")
        least = min(tried, key=lambda t: t.smoothed)
        say_wrapped(
            f"least smoothed loss {loss(least.smoothed)} at {figure(least.learning_rate)}; "
            f"the preset has {figure(preset.training.rate)}"
        )
    else:
        say_wrapped(found.message)


COMMAND = Command(
    "find-rate",
    "suggest a learning rate; nothing is saved",
    run,
    [
        PRESET,
        set_option("change the preset first, as training.optimizer=adam"),
        argument("--low", type=float, metavar="RATE", help="where the ramp begins (default: 1e-7)"),
        argument("--high", type=float, metavar="RATE", help="where it ends (default: 10)"),
        argument("--steps", type=int, metavar="N", help="how many rates are tried (default: 150)"),
        BACKEND,
        QUIET,
        json_option("print the suggestion, and the loss at every rate, as one JSON object"),
    ],
    epilog="exit code 1 where no rate can be suggested",
)
