"""The palette: every action by its words, and every preset to open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.dom import DOMNode

from tuiml.text import plain_text
from tuiml.tui.keys import Action, actions, key_word
from tuiml.tui.train.screen import Train
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.picker import Pick

if TYPE_CHECKING:
    from tuiml.tui.app.app import TuimlApp

WIDTH = 84
PLACES = ("any", "build", "train", "library")


def commands(app: TuimlApp) -> Iterator[tuple[Pick, Callable[[], None]]]:
    """What can be done now, the actions of the place on the screen first; then what can be opened."""
    order = {app.place_name: 0, "any": 1}
    rows = [a for a in actions() if a.where in PLACES and a.id != "command_palette"]
    for action in sorted(rows, key=lambda a: order.get(a.where, 2)):
        if _node(app, action).check_action(action.id, ()) is True:
            where = "" if action.where in ("any", app.place_name) else f"{action.where.capitalize()}: "
            keys = "  ".join(map(key_word, action.keys))
            yield Pick(f"{where}{action.help.rstrip('.')}", keys), partial(_run, app, action)
    train = app.query_one(Train)
    for entry in train.charts.choices() if app.place_name == "train" else ():
        yield Pick(f"Show the chart: {entry.title}", entry.help), partial(train.charts.show_chart, entry.id)
    for name, open_it in app.drafts.openable():
        yield Pick(f"Open {plain_text(name)}"), open_it


def _node(app: TuimlApp, action: Action) -> DOMNode:
    """Whose method does what an action says."""
    return app if action.where == "any" else app.query_one(f"#{action.where}")


def _run(app: TuimlApp, action: Action) -> None:
    if action.where not in ("any", app.place_name):
        app.show_place(action.where)
    app.call_later(app.run_action, action.id, _node(app, action))


def palette(app: TuimlApp) -> tuple[Chooser, Callable[[str | None], None]]:
    """The screen to push, and what to do with its answer."""
    found = {pick.name: (pick, run) for pick, run in commands(app)}

    def answered(name: str | None) -> None:
        if name is not None:
            found[name][1]()

    return Chooser("Do", [pick for pick, _ in found.values()], width=WIDTH), answered
