"""A few lines of styled text: cheaper than a Static, and never markup."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tuiml.text import plain_text
from tuiml.training.verdicts import Verdict
from tuiml.tui.charts.palette import QUIET, TROUBLE, Look
from tuiml.tui.charts.text import clean, wrap
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.picker import Part


class Lines(Widget):
    """Lines of styled parts, cut at the right; the height is their number."""

    DEFAULT_CSS = "Lines { height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[list[Part]] = []

    def show(self, lines: Sequence[Sequence[Part]]) -> None:
        """Show other lines; equal ones are not drawn again."""
        new = [list(parts) for parts in lines]
        if new == self._lines:
            return
        if len(new) != len(self._lines):
            self.styles.height = len(new)
        self._lines = new
        self.refresh()

    @property
    def text(self) -> str:
        """The text without styles."""
        return "\n".join("".join(text for text, _ in parts) for parts in self._lines)

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if y >= len(self._lines):
            return Strip.blank(width, base)
        look = look_of(self)
        segments = [Segment(clean(text, look), base + style) for text, style in self._lines[y]]
        strip = Strip(segments)
        if strip.cell_length > width > 1:
            strip = Strip([*strip.crop(0, width - 1), Segment(look.glyphs.more, base)])
        return strip.adjust_cell_length(width, base)


def verdict_lines(
    verdict: Verdict,
    width: int,
    look: Look,
    keys: tuple[str, str] = ("f", "w"),
    words: str = "",
    most: int = 2,
    more: int = -1,
) -> list[list[Part]]:
    """The verdict in at most ``most`` lines, then what helps, its key, and the key that says more.

    Args:
        keys: of the remedy, or none, and of the whole diagnosis.
        words: what helps; default: the verdict's remedy.
        more: how many other cures there are; default: the verdict's other remedies.
    """
    trouble, quiet = look.style(TROUBLE), look.style(QUIET)
    evidence = verdict.evidence[:1].lower() + verdict.evidence[1:]
    evidence_text = plain_text(f"{verdict.name}: {evidence}")
    text = wrap(evidence_text[:1].upper() + evidence_text[1:], max(20, width - 2))
    if len(text) > most:
        text = [*text[: most - 1], text[most - 1] + look.glyphs.more]
    signs = [f"{look.glyphs.up} ", *["  "] * len(text)]
    lines: list[list[Part]] = [[(sign + line, trouble)] for sign, line in zip(signs, text, strict=False)]
    key, why = keys
    helps = plain_text(words or verdict.remedy.words)
    if key and (words or verdict.remedy.edits):
        line: list[Part] = [("  ", quiet), (key, look.style(bold=True)), (f" try {helps}", quiet)]
    else:
        line = [(f"  {helps}", quiet)]
    used = sum(cell_len(part) for part, _ in line)
    more = len(verdict.remedies) - 1 if more < 0 else more
    hints = [f" why, {more} more"] * (more > 0) + [" why"]
    hint = next((text for text in hints if used + 4 + len(text) <= width), "")
    if hint:
        line += [("   ", quiet), (why, look.style(bold=True)), (hint, quiet)]
    return [*lines, line]
