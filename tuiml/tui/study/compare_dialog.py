"""Two configurations side by side: the settings in which they differ, and their figures."""

from __future__ import annotations

from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Vertical

from tuiml.formatting import duration
from tuiml.registry import value_text
from tuiml.spec.differences import differences
from tuiml.studies.results import Results, Row
from tuiml.tui.charts.palette import QUIET, VARIED, Look
from tuiml.tui.charts.text import Line, clean, fit, strip
from tuiml.tui.keys import action
from tuiml.tui.model.study_cells import TITLES, with_spread
from tuiml.tui.widgets.dialogs import Modal, key_line
from tuiml.tui.widgets.strips_view import StripsView


def difference(one: Row, other: Row, results: Results, width: int, look: Look) -> list[Line]:
    """The lines: both names, each setting in which they differ, then the figures."""
    room = max(8, (width - 24) // 2)
    plain, quiet = look.style(), look.style(QUIET)

    def line(label: str, left: str, right: str, style: Style) -> Line:
        cells = [(fit(clean(label, look), 23, look.glyphs.more) + " ", quiet)]
        cells += [(fit(clean(text, look), room, look.glyphs.more), style) for text in (left, right)]
        return strip(cells, width)

    lines = [line("", one.configuration.name, other.configuration.name, look.style(bold=True))]
    for path, (left, right) in differences([one.configuration.document, other.configuration.document]):
        lines.append(line(path, value_text(left), value_text(right), look.style(VARIED)))
    metric = results.metric
    test = f"test_{metric.partition('_')[2]}"
    missing = look.glyphs.missing
    spreads = [(row.mean, row.std, row.test_mean, row.test_std) for row in (one, other)]
    figures = [
        (with_spread(metric, *found[:2], look), with_spread(test, *found[2:], look)) for found in spreads
    ]
    rows = (one, other)
    labels = (TITLES.get(metric, metric), test.replace("_", " "), "training time", "trials")
    columns = [
        (*figure, duration(row.seconds, missing), f"{row.n} of {len(row.trials)}")
        for figure, row in zip(figures, rows, strict=True)
    ]
    pairs = zip(labels, *columns, strict=True)
    return [*lines, strip([], width), *(line(label, left, right, plain) for label, left, right in pairs)]


class CompareScreen(Modal[None]):
    """Shows the difference; any of its keys closes it."""

    DEFAULT_CSS = """
    CompareScreen { align: center middle; background: $background 60%; }
    CompareScreen > Vertical {
        width: 92; max-width: 96%; height: auto; max-height: 90%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    CompareScreen StripsView { background: $surface; height: auto; max-height: 30; }
    CompareScreen .keys { color: $foreground 60%; height: 1; }
    """

    def __init__(self, one: Row, other: Row, results: Results) -> None:
        super().__init__()
        self._parts = (one, other, results)

    def compose(self) -> ComposeResult:
        with Vertical():
            view = StripsView()
            rows = len(differences([row.configuration.document for row in self._parts[:2]]))
            view.styles.height = rows + 6
            yield view
            yield key_line(self, "↑↓ scroll   esc close")

    def on_mount(self) -> None:
        view = self.query_one(StripsView)
        view.show(lambda width, _, look: difference(*self._parts, width, look))
        view.focus()

    @action("escape q enter equals_sign", "close", "Close the comparison.", "help", "close_comparison", None)
    def _close(self, _: None) -> None:
        self.dismiss()
