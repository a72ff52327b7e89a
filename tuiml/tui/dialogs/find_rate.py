"""Opens the learning-rate finder for the preset being edited, and applies its answer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tuiml.tui.keys import key_of

if TYPE_CHECKING:
    from tuiml.tui.shell.protocol import Shell

RATE = "training.learning_rate"


def find_rate(app: Shell) -> None:
    """Open the finder, unless a run is active or the preset has problems."""
    if app.client.active:
        app.say("a run is on: stop it first, then find a rate")
        return
    preset, problems = app.document.preset, app.document.problems
    if problems or preset is None:
        from tuiml.tui.shell.start_stop import refuse

        refuse(app, problems, "no rate to be found")
        return
    from tuiml.tui.dialogs.rate_finder import RateScreen  # late: its charts are not needed at the start

    app.push_screen(RateScreen(app.document.raw, preset, app.client), partial(_take, app))


def _take(app: Shell, rate: float | None) -> None:
    """Make a rate the preset's, as one edit."""
    if rate is None:
        return
    app.document.seal()
    app.document.set(RATE, rate)
    app.document.seal()
    app.document_edited()
    app.say(f"learning rate {rate:g} applied; {key_of('undo', app.keymap)} in Build undoes it")
