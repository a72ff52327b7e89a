"""The help screen: every key, by where it works, those of the present place first; typing searches it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tuiml.tui.app.keymap import declare_all
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import Line, clean, strip, wrap
from tuiml.tui.keys import GROUPS, Action, Where, action, actions, find, key_word
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.dialogs import Modal, key_line
from tuiml.tui.widgets.strips_view import StripsView

TITLES: tuple[tuple[Where, str], ...] = (
    ("any", "Everywhere"),
    ("build", "Build"),
    ("row", "In a row to predict"),
    ("field", "In a form"),
    ("train", "Train"),
    ("study", "Study"),
    ("pad", "On a picture that is drawn"),
    ("library", "Library"),
    ("table", "In a table of layers"),
    ("list", "In a list to choose from"),
    ("vary", "In the values of a study"),
    ("note", "In the note"),
    ("finder", "In the learning-rate finder"),
    ("explorer", "In the activation explorer"),
    ("files", "In files and folders"),
    ("opening", "In the open dialog"),
    ("dialog", "In a dialog"),
    ("help", "In the help"),
    ("jump", "In jump mode"),
)
KEYS, LABEL = 15, 19
"""Cells for the keys and for the name of an action."""
NARROW, FEWER = 80, 9
"""Width below which the keys get fewer cells."""
HINT = "type to search"


def help_strips(
    width: int,
    look: Look,
    places: Sequence[Where] = (),
    keymap: Mapping[str, str] | None = None,
    typed: str = "",
) -> list[Line]:
    """What matches the typed words, as strips of ``width`` cells; what works in ``places`` comes first."""
    declare_all()
    words = typed.casefold().split()
    lines: list[Line] = []
    titles = sorted(
        TITLES, key=lambda row: (row[0] not in places, places.index(row[0]) if row[0] in places else 0)
    )
    for where, title in titles:
        rows = [row for row in actions(where) if _matches(row, title, words, keymap or {})]
        if rows:
            if lines:
                lines.append(strip([], width))
            lines.append(strip([(title, look.style(bold=True))], width))
            for row in rows:
                lines += _row(row, _keys(row, keymap or {}), width, look)
    return lines or [strip([("no matches", look.style("quiet"))], width)]


def _keys(row: Action, keymap: Mapping[str, str]) -> str:
    """The keys of an action, or the one of the palette, which offers what has none."""
    palette = find("command_palette")
    keys = row.keys_in(keymap) or (palette.keys_in(keymap)[:1] if palette else ())
    return "  ".join(map(key_word, keys))


def _matches(row: Action, title: str, words: Sequence[str], keymap: Mapping[str, str]) -> bool:
    """True if each of the words is a key of the action or in what is said of it."""
    text = " ".join((title, row.label, row.help, *row.also)).casefold()
    keys = _keys(row, keymap).casefold().replace("^", "ctrl+").split()
    return all(word in text or word.replace("^", "ctrl+") in keys for word in words)


def _row(row: Action, keys: str, width: int, look: Look) -> Iterator[Line]:
    words, name = clean(keys, look), row.label[:1].upper() + row.label[1:]
    blue = look.style("blue")
    cells = KEYS if width >= NARROW else FEWER
    if cell_len(words) > cells - 1:
        yield strip([("  ", Style()), (words, blue)], width)
        words = ""
    for line in wrap(clean(row.help, look), max(10, width - cells - LABEL - 2)):
        parts = [("  ", Style()), (words + " " * (cells - cell_len(words)), blue)]
        name = clean(name, look)
        yield strip(
            [*parts, (name + " " * (LABEL - cell_len(name)), look.style(bold=True)), (line, Style())], width
        )
        words = name = ""


def places_of(screen: Screen[Any]) -> list[Where]:
    """Where the keys of a screen work now, from the focused widget outwards."""
    found = [find(active.binding.action) for active in screen.active_bindings.values()]
    return sorted(
        {row.where for row in found if row}, key=lambda where: (where == "any", GROUPS.index(where))
    )


class HelpScreen(Modal[None]):
    """All keys; scrolls; esc or ? closes it. What is typed narrows it."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > Vertical {
        width: 96; max-width: 96%; height: 90%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    HelpScreen StripsView { background: $surface; }
    HelpScreen #help-typed { height: 1; background: $panel; padding: 0 1; margin: 0 0 1 0; }
    HelpScreen .keys { color: $foreground 60%; height: 1; }
    """

    def __init__(self, places: Sequence[Where] = (), keymap: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._places, self._keymap = places, keymap or {}
        self._typed = ""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(HINT, id="help-typed", markup=False)
            yield StripsView()
            yield key_line(self, "↑↓ scroll   type to search   esc close")

    def on_mount(self) -> None:
        self._narrow("")
        self.query_one(StripsView).focus()

    def on_key(self, event: events.Key) -> None:
        if event.key == "backspace":
            self._narrow(self._typed[:-1])
        elif event.character and event.character.isprintable() and event.character != "?":
            self._narrow((self._typed + event.character)[:40])
        else:
            return
        event.stop()

    def _narrow(self, typed: str) -> None:
        self._typed = typed
        look = look_of(self)
        text = Content(typed + ("▏" if look.unicode else "_")) if typed else Content.styled(HINT, "dim")
        self.query_one("#help-typed", Static).update(text, layout=False)
        self.query_one(StripsView).show(
            lambda width, _, look: help_strips(width, look, self._places, self._keymap, typed)
        )

    @action("escape question_mark f1", "close", "Clear what was typed; close the help.", "help")
    def action_close_help(self) -> None:
        if self._typed:
            self._narrow("")
        else:
            self.dismiss()
