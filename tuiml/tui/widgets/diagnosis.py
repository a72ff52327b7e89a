"""A dialog with the whole diagnosis: every verdict with its evidence, and its cures to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.strip import Strip
from textual.widget import Widget

from tuiml.text import plain_text
from tuiml.training.verdicts import Verdict
from tuiml.tui.charts.palette import QUIET, TROUBLE, Look
from tuiml.tui.charts.text import clean, wrap
from tuiml.tui.keys import action
from tuiml.tui.model.cures import Cure
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.dialogs import Modal
from tuiml.tui.widgets.picker import Part

Found = Sequence[tuple[Verdict, Sequence[Cure]]]
Row = tuple[list[Part], "int | None"]
"""A line, and the number of the cure that it belongs to."""
ROOM = 4
"""Lines of the screen around the text: the border, the line of keys, a margin."""


def rows(found: Found, width: int, look: Look) -> list[Row]:
    """The text of the dialog."""
    lines: list[Row] = []
    number = 0
    for verdict, cures in found:
        if lines:
            lines.append(([], None))
        lines.append(([(f"{look.glyphs.up} {verdict.name}", look.style(TROUBLE, bold=True))], None))
        follows = f"from it follows: {', '.join(verdict.follows)}" if verdict.follows else ""
        plain, quiet = look.style(), look.style(QUIET)
        for text, style in (
            (verdict.evidence, plain),
            (f"{verdict.meaning} ({verdict.source})", quiet),
            (follows, quiet),
        ):
            lines += [([("  " + line, style)], None) for line in wrap(plain_text(text), width - 2) if text]
        if not cures:
            lines.append(([("  " + plain_text(verdict.remedy.words), plain)], None))
        for cure in cures:
            lines += [(parts, number) for parts in _cure(cure, width, look)]
            number += 1
    return lines


def _cure(cure: Cure, width: int, look: Look) -> list[list[Part]]:
    """A cure, why it helps, and what it changes."""
    quiet = look.style(QUIET)
    lines: list[list[Part]] = [
        [("    " + line, look.style(bold=True))] for line in wrap(plain_text(cure.words), width - 4)
    ]
    for text in (cure.why, *cure.details()):
        lines += [[("      " + line, quiet)] for line in wrap(plain_text(text), width - 6) if text]
    return lines


class DiagnosisView(Widget, can_focus=True):
    """The text, with a cursor on the cures."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"diagnosis--cursor"}
    DEFAULT_CSS = """
    DiagnosisView { height: auto; width: 1fr; }
    DiagnosisView > .diagnosis--cursor { background: $panel; }
    """

    def __init__(self, found: Found) -> None:
        super().__init__()
        self._found = found
        self._count = sum(len(cures) for _, cures in found)
        self._rows: list[Row] = []
        self.cursor = 0
        self.top = 0
        """The first row that is shown."""

    @property
    def chosen(self) -> Cure | None:
        """The cure under the cursor."""
        cures = [cure for _, these in self._found for cure in these]
        return cures[self.cursor] if cures else None

    @property
    def text(self) -> str:
        """All of the text, without styles."""
        return "\n".join("".join(text for text, _ in parts) for parts, _ in self._rows)

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        self._rows = rows(self._found, max(24, width), look_of(self))
        return min(len(self._rows), max(4, self.app.size.height - ROOM)) + 1

    @property
    def _shown(self) -> int:
        """How many rows of the text are shown."""
        return max(1, self.size.height - 1)

    def move(self, by: int) -> None:
        """Go to another cure; beyond the last or the first one scroll to the end of the text."""
        new = max(0, min(self._count - 1, self.cursor + by))
        if new == self.cursor:
            self.scroll(len(self._rows) if by > 0 else -len(self._rows))
            return
        self.cursor = new
        at = [row for row, (_, cure) in enumerate(self._rows) if cure == new]
        first = 0 if new == 0 else at[0]
        self.top = max(at[-1] - self._shown + 1, min(self.top, first))
        self.refresh()

    def scroll(self, by: int) -> None:
        """Show other rows; the cursor stays."""
        self.top = max(0, min(len(self._rows) - self._shown, self.top + by))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base, look = self.size.width, self.rich_style, look_of(self)
        if y == self.size.height - 1:
            return self._line(self._keys(look), width, base, look)
        at = self.top + y
        if at >= len(self._rows):
            return Strip.blank(width, base)
        parts, cure = self._rows[at]
        under = cure is not None and cure == self.cursor
        if under:
            base += self.get_component_rich_style("diagnosis--cursor", partial=True)
            if at == 0 or self._rows[at - 1][1] != cure:
                mark = "▸" if look.unicode else ">"
                parts = [(f"  {mark} {text[4:]}", style) for text, style in parts]
        return self._line(parts, width, base, look)

    def _keys(self, look: Look) -> list[Part]:
        quiet = look.style(QUIET)
        more = len(self._rows) > self._shown
        end = min(len(self._rows), self.top + self._shown)
        place = f"   pgup pgdn scroll   {end}/{len(self._rows)}" if more else ""
        does = "enter apply   ↑↓ choose   " if self._count else ""
        return [(f"{does}esc close{place}", quiet)]

    def _line(self, parts: Sequence[Part], width: int, base: Style, look: Look) -> Strip:
        segments = [Segment(clean(text, look), base + style) for text, style in parts]
        return Strip(segments).adjust_cell_length(width, base)

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        row = self.top + at.y if at else -1
        if at is None or not 0 <= row < len(self._rows) or at.y == self.size.height - 1:
            return
        cure = self._rows[row][1]
        if cure is not None:
            self.cursor = cure
            self.refresh()
            if event.chain == 2:
                self.screen.dismiss(self.chosen)


class DiagnosisDialog(Modal[Cure | None]):
    """Shows the whole diagnosis; answers with the cure that was chosen, or ``None``."""

    DEFAULT_CSS = """
    DiagnosisDialog { align: center middle; background: $background 60%; }
    DiagnosisDialog > DiagnosisView {
        width: 96; max-width: 98%; border: round $primary; background: $surface; padding: 0 1;
    }
    """

    def __init__(self, title: str, found: Found) -> None:
        super().__init__()
        self.view = DiagnosisView(found)
        self.view.border_title = title

    def compose(self) -> ComposeResult:
        yield self.view

    @action("enter", "apply", "Apply the cure under the cursor.", "dialog")
    def action_apply_cure(self) -> None:
        if self.view.chosen:
            self.dismiss(self.view.chosen)

    @action("escape w q", "close", "Close; nothing is done.", "dialog")
    def action_close_diagnosis(self) -> None:
        self.dismiss(None)

    @action("up k", "up", "The cure above.", "dialog", "cure_up", -1, shown=False)
    @action("down j", "down", "The cure below.", "dialog", "cure_down", 1, shown=False)
    def _move(self, by: int) -> None:
        self.view.move(by)

    @action("pageup", "page up", "Earlier lines.", "dialog", "diagnosis_up", -1, shown=False)
    @action("pagedown space", "page down", "Later lines.", "dialog", "diagnosis_down", 1, shown=False)
    def _page(self, by: int) -> None:
        self.view.scroll(by * max(1, self.view.size.height - 2))
