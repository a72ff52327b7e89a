"""A verdict in lines: its name, its evidence, and the key that applies the remedy. Knows no widgets."""

from __future__ import annotations

from tuiml.text import plain_text
from tuiml.training.verdicts import Verdict
from tuiml.tui.charts.palette import QUIET, TROUBLE, Look
from tuiml.tui.charts.text import wrap
from tuiml.tui.widgets.picker import Part

MOST_LINES = 3


def verdict_lines(
    verdict: Verdict, width: int, look: Look, key: str = "f", most: int = 2
) -> list[list[Part]]:
    """The verdict in at most ``most`` lines, then the remedy.

    Args:
        key: the key that applies the remedy, if there is one.
    """
    trouble, quiet = look.style(TROUBLE), look.style(QUIET)
    evidence = verdict.evidence[:1].lower() + verdict.evidence[1:]
    told = plain_text(f"{verdict.name}: {evidence}")
    text = wrap(told[:1].upper() + told[1:], max(20, width - 2))
    if len(text) > most:
        text = [*text[: most - 1], text[most - 1] + look.glyphs.more]
    signs = [f"{look.glyphs.up} ", *["  "] * len(text)]
    lines: list[list[Part]] = [[(sign + line, trouble)] for sign, line in zip(signs, text, strict=False)]
    words = plain_text(verdict.remedy.words)
    if key and verdict.remedy.edits:
        lines.append([("  ", quiet), (key, look.style(bold=True)), (f" try {words}", quiet)])
    else:
        lines.append([(f"  {words}", quiet)])
    return lines
