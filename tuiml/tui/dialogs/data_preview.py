"""The preview of a user's file: kind, examples, classes, columns, the first rows."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from tuiml.data.file_report import Report
from tuiml.data.own.facts import Column
from tuiml.formatting import compact
from tuiml.nn.layers import dimensions
from tuiml.tui.charts.palette import QUIET, TRAIN, TROUBLE, Look
from tuiml.tui.charts.text import PLAIN, Line, clean, fit
from tuiml.tui.library.preview import Page

MOST_CLASSES = 12
MOST_LINES = 12
"""Problems and warnings of each, at most."""
CELL = 16
"""Cells of a table's column at most."""


def report_strips(report: Report, name: str, width: int, height: int, look: Look) -> list[Line]:
    """A file as data to train on, or why it cannot be used."""
    page = Page(width, look)
    page.ends(name, "" if report.usable else "cannot be used", TROUBLE)
    for text in report.problems[:MOST_LINES]:
        page.text(text, look.style(TROUBLE), indent=look.glyphs.up + " ")
    if report.kind:
        page.text(report.kind, look.style(QUIET), most=2)
    if report.usable:
        _facts(page, report)
    for text in report.warnings[:MOST_LINES]:
        page.text(text, indent="! ", most=3)
    if len(report.warnings) > MOST_LINES:
        page.text(f"and {len(report.warnings) - MOST_LINES} more", look.style(QUIET))
    if report.rows:
        page.gap()
        _rows(page, report)
    if report.usable and report.columns:
        page.gap()
        _columns(page, report.columns)
    return page.strips


def hint_strips(name: str, text: str, width: int, height: int, look: Look) -> list[Line]:
    """A file that is not inspected yet."""
    page = Page(width, look)
    page.ends(name, "")
    page.gap()
    page.text(text, look.style(QUIET))
    return page.strips


def _inputs(shape: tuple[int, ...]) -> str:
    return "1 input" if shape == (1,) else f"{dimensions(shape)} inputs"


def _facts(page: Page, report: Report) -> None:
    test = f", {report.test:,} of them for the test" if report.test else ""
    page.text(f"{report.examples:,} examples{test}; {_inputs(report.shape)}")
    if report.target == "regression":
        names = ", ".join(report.target_names)
        page.fact("target", f"regression: {names}" if names else "regression")
        return
    look = page.look
    known = sum(report.counts) == report.examples  # not where rows are left out
    counts = report.counts if known else (0,) * len(report.classes)
    shown = [
        f"{clean(name, look)} {count:,}" if count else clean(name, look)
        for name, count in zip(report.classes[:MOST_CLASSES], counts, strict=False)
    ]
    if len(report.classes) > MOST_CLASSES:
        shown.append(look.glyphs.more)
    page.fact("target", f"{len(report.classes)} classes: {', '.join(shown)}")


def _rows(page: Page, report: Report) -> None:
    """The first rows of a table, with as many columns as fit; the label's is highlighted."""
    look = page.look
    head, *body = report.rows
    widths = [
        min(CELL, max(cell_len(clean(row[i], look)) for row in report.rows if i < len(row)))
        for i in range(len(head))
    ]
    labels = [c.kind == "label" for c in report.columns] or [False] * len(head)
    order = [i for i in range(len(head)) if i < len(labels) and labels[i]]
    order += [i for i in range(len(head)) if i not in order]
    shown: list[int] = []
    room = page.width
    for i in order:
        if room < widths[i] and shown:
            break
        shown.append(i)
        room -= widths[i] + 2
    shown.sort()
    for number, row in enumerate((head, *body)):
        parts = []
        for i in shown:
            mine = i < len(labels) and labels[i]
            style = look.style(TRAIN, bold=not number) if mine else look.style(QUIET if not number else "")
            text = clean(row[i], look) if i < len(row) else ""
            parts.append((fit(text, widths[i], look.glyphs.more) + "  ", style))
        page.line(*parts)


def _columns(page: Page, columns: Sequence[Column]) -> None:
    look = page.look
    lead = min(24, max(cell_len(clean(c.name, look)) for c in columns))
    for column in columns:
        words = [column.kind]
        if column.values is not None:
            words.append(f"{column.values:,} different")
        elif column.low is not None and column.high is not None:
            dots = look.glyphs.more if look.unicode else ".."
            words.append(f"{compact(column.low)}{dots}{compact(column.high)}")
        missing = f"{column.missing:,} missing" if column.missing else ""
        name = fit(clean(column.name, look), lead, look.glyphs.more)
        page.line(
            (name + "  ", look.style(TRAIN) if column.kind == "label" else PLAIN),
            (clean(", ".join(words), look), look.style(QUIET)),
            (f"  {missing}", look.style(TROUBLE)),
        )
