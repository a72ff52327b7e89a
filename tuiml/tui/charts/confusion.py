"""The confusion matrix: a table if there is room, else a list of the most frequent mistakes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.style import Style

from tuiml.formatting import percent
from tuiml.tui.charts.palette import QUIET, TROUBLE, Look
from tuiml.tui.charts.text import Line, blank, clean, fit, strip

Table = Sequence[Sequence[int]]
Part = tuple[str, Style]
MARKED = 3
"""How many of the most frequent mistakes are marked."""


def confusion(
    counts: Table, names: Sequence[str], width: int, height: int, look: Look, *, fractions: bool = False
) -> list[Line]:
    """Rows are targets, columns predictions; with ``fractions``, counts are fractions of their row."""
    n = len(counts)
    labels = [clean(names[i], look) if i < len(names) else str(i) for i in range(n)]
    first = min(max(map(len, labels), default=0), max(6, width // 6))
    if width - 9 - 9 >= 6 * n:
        first = max(first, 9)  # what stands below the names has room too
    largest = max((max(row) for row in counts), default=0)
    least = 6 if fractions else max(3, len(str(largest)) + 2)
    cell = min(10, (width - first - 9) // max(1, n))
    if cell < least or height < n + 2:
        return _mistakes(counts, labels, width, height, look)
    return _table(np.array(counts), labels, first, cell, width, look, fractions)[:height]


def _table(
    counts: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    labels: Sequence[str],
    first: int,
    cell: int,
    width: int,
    look: Look,
    fractions: bool,
) -> list[Line]:
    quiet, more = look.style(QUIET), look.glyphs.more
    of_row, of_column = counts.sum(axis=1), counts.sum(axis=0)
    marked = _marked(counts)
    head: list[Part] = [(" " * first, quiet)]
    head += [(f" {fit(label, cell - 1, more).strip():>{cell - 1}}", quiet) for label in labels]
    lines = [[*head, ("   recall", quiet)]]
    for i, row in enumerate(counts.tolist()):
        line: list[Part] = [(fit(labels[i], first, more), look.style())]
        for j, count in enumerate(row):
            text = _fraction(count, int(of_row[i])) if fractions else f"{count:,}"
            line.append(_cell(count, text, i == j, (i, j) in marked, cell, look))
        lines.append([*line, (f"{_fraction(int(counts[i, i]), int(of_row[i]), look):>9}", quiet)])
    last: list[Part] = [(fit("precision", first, more), quiet)]
    for j in range(len(labels)):
        text = _fraction(int(counts[j, j]), int(of_column[j]), look)
        last.append((f"{text if len(text) < cell else text.rstrip(' %'):>{cell}}", quiet))
    return [strip(line, width) for line in [*lines, last]]


def _cell(count: int, text: str, right: bool, marked: bool, cell: int, look: Look) -> Part:
    if not count:
        return f"{look.glyphs.missing:>{cell}}", look.style(QUIET)
    if right:
        return f"{text:>{cell}}", look.style(QUIET)
    sign = look.glyphs.up if marked else ""
    return f"{sign + text:>{cell}}", look.style(TROUBLE if marked else "", bold=True)


def _marked(counts: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> set[tuple[int, int]]:
    wrong = counts * (1 - np.eye(len(counts), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MARKED].tolist()
    places = [divmod(place, len(counts)) for place in order]
    return {place for place in places if wrong[place]}


def _fraction(count: int, of: int, look: Look | None = None) -> str:
    missing = look.glyphs.missing if look else "-"
    return percent(count / of if of else None, 0 if look is None else 1, missing)


def _mistakes(counts: Table, labels: Sequence[str], width: int, height: int, look: Look) -> list[Line]:
    """The most frequent mistakes, one per line: target, prediction, count, fraction of the class."""
    found = sorted(
        ((count, i, j) for i, row in enumerate(counts) for j, count in enumerate(row) if count and i != j),
        key=lambda mistake: (-mistake[0], mistake[1:]),
    )
    if not found:
        return [strip([("no mistakes", look.style(QUIET))], width)]
    longest = min(max(map(len, labels)), max(8, (width - 24) // 2))
    lines: list[Line] = []
    for rank, (count, i, j) in enumerate(found[:height]):
        one, two = (fit(labels[k], longest, look.glyphs.more) for k in (i, j))
        sign = look.glyphs.up if rank < MARKED else " "
        style = look.style(TROUBLE if rank < MARKED else "", bold=rank < MARKED)
        fraction = percent(count / sum(counts[i]), 1)
        arrow = "→" if look.unicode else ">"
        lines.append(
            strip(
                [
                    (f"{sign} {one} {arrow} {two} {count:>7,}", style),
                    (f"  {fraction:>7} of its class", look.style(QUIET)),
                ],
                width,
            )
        )
    return lines or [blank(width)]
