"""The help screen: every key, by where it works."""

from __future__ import annotations

import importlib
import pkgutil

from rich.cells import cell_len
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from tuiml.tui import dialogs
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import Line, clean, strip, wrap
from tuiml.tui.keys import Where, action, actions, key_word
from tuiml.tui.widgets.dialogs import Modal
from tuiml.tui.widgets.strips_view import StripsView

TITLES: tuple[tuple[Where, str], ...] = (
    ("any", "Everywhere"),
    ("build", "Build"),
    ("field", "Build, in the form"),
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
)
KEYS = 22


def help_strips(width: int, look: Look) -> list[Line]:
    """All of it, as strips of ``width`` cells."""
    for module in pkgutil.iter_modules(dialogs.__path__, f"{dialogs.__name__}."):
        importlib.import_module(module.name)  # some are imported late: their keys are listed as well
    lines: list[Line] = []
    keys = min(KEYS, max(8, width // 3))
    for where, title in TITLES:
        rows = [row for row in actions(where) if row.keys]
        if not rows:
            continue
        if lines:
            lines.append(strip([], width))
        lines.append(strip([(title, look.style(bold=True))], width))
        for row in rows:
            words = clean("  ".join(map(key_word, row.keys)), look)
            text = wrap(clean(row.help, look), width - keys - 2)
            if cell_len(words) > keys - 1:
                lines.append(strip([("  ", Style()), (words, look.style("blue"))], width))
                words = ""
            for line in text:
                padded = words + " " * (keys - cell_len(words))
                lines.append(strip([("  ", Style()), (padded, look.style("blue")), (line, Style())], width))
                words = ""
    return lines


class HelpScreen(Modal[None]):
    """All keys; scrolls; esc, q or ? closes it."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > Vertical {
        width: 84; max-width: 96%; height: 90%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    HelpScreen StripsView { background: $surface; }
    HelpScreen .keys { color: $foreground 60%; height: 1; }
    """

    def compose(self) -> ComposeResult:
        with Vertical():
            yield StripsView()
            yield Static("↑↓ scroll   esc close", classes="keys", markup=False)

    def on_mount(self) -> None:
        view = self.query_one(StripsView)
        view.show(lambda width, _, look: help_strips(width, look))
        view.focus()

    @action("escape q question_mark f1", "close", "Close the help.", "help")
    def action_close_help(self) -> None:
        self.dismiss()
