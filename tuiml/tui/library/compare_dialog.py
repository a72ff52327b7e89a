"""Runs side by side: the settings in which they differ, and their figures; their curves are a key away."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from tuiml.runs.comparison import figures_of, settings_of
from tuiml.runs.library import RunSummary
from tuiml.tui.charts.palette import QUIET, VARIED, Look
from tuiml.tui.charts.text import Line, clean, fit, strip
from tuiml.tui.keys import action
from tuiml.tui.model.item_rows import short_name
from tuiml.tui.widgets.dialogs import Dialog, key_line
from tuiml.tui.widgets.strips_view import StripsView

LABEL = 24
"""Cells of a row's title."""
NARROWEST = 11
"""Least cells of a run's column."""


def side_by_side(runs: Sequence[RunSummary], width: int, look: Look) -> list[Line]:
    """The lines: the names, each setting in which the runs differ, then their figures."""
    label = min(LABEL, width // 3)
    shown = max(1, min(len(runs), (width - label) // NARROWEST))
    room = (width - label) // shown
    quiet = look.style(QUIET)

    def line(title: str, texts: Sequence[str], style: str = "", bold: bool = False) -> Line:
        cells = [(fit(clean(title, look), label - 1, look.glyphs.more) + " ", quiet)]
        for text in texts[:shown]:
            cell = fit(clean(text, look), room - 1, look.glyphs.more) + " "
            cells.append((cell, look.style(style, bold=bold)))
        return strip(cells, width)

    lines = [line("", [short_name(run.name) for run in runs], bold=True)]
    settings = settings_of(runs)
    lines += [line(path, texts, VARIED) for path, texts in settings]
    if not settings:
        lines.append(strip([("no setting differs", quiet)], width))
    lines.append(strip([], width))
    lines += [line(title, texts) for title, texts in figures_of(runs)]
    if shown < len(runs):
        lines.append(strip([(f"and {len(runs) - shown} more; a wider screen shows them", quiet)], width))
    return lines


class CompareDialog(Dialog[bool | None]):
    """Shows runs side by side; answers True if their curves are wanted."""

    DEFAULT_CSS = """
    CompareDialog > .dialog { width: 96%; max-width: 140; }
    CompareDialog StripsView { background: $surface; height: 1fr; }
    """

    def __init__(self, runs: Sequence[RunSummary]) -> None:
        super().__init__()
        self._runs = runs

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.styles.height = len(side_by_side(self._runs, 80, Look())) + 4
            yield Static(f"{len(self._runs)} runs compared", markup=False, classes="title")
            yield StripsView()
            yield key_line(self, "enter curves in Train   ↑↓ scroll   esc close")

    def on_mount(self) -> None:
        view = self.query_one(StripsView)
        view.show(lambda width, _, look: side_by_side(self._runs, width, look))
        view.focus()

    @action("enter equals_sign", "curves", "Draw the curves in Train.", "dialog", shown=False)
    def action_compare_curves(self) -> None:
        self.dismiss(True)
