"""The title of a line chart: its name, and the name, line sample and value of each curve."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rich.cells import cell_len
from rich.style import Style

from tuiml.formatting import Format, compact, percent
from tuiml.tui.charts.curve import Curve
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.charts.text import clean


def title_of(
    curves: Sequence[Curve],
    title: str,
    kind: Format,
    at: float | None,
    notes: Sequence[Sequence[str]],
    width: int,
    look: Look,
) -> tuple[list[tuple[str, Style]], bool]:
    """The title, and name, line sample and value of each curve, and whether the values of all have room.

    If it is too long, names are short or left out, and a title loses what follows its first dot; then only
    the values of the dashed curves, which are those of validation, are left.
    """
    quiet = look.style(QUIET)
    head = [(f"{clean(title, look)}  ", look.style(bold=True))] if title else []
    first = [(f"{text.partition(' · ')[0].rstrip()}  ", style) for text, style in head]
    full: list[tuple[str, Style]] = []
    brief: list[tuple[str, Style]] = []
    short: list[tuple[str, Style]] = []
    dashed: list[tuple[str, Style]] = []
    for curve in filter(lambda curve: curve.label, curves):
        sample = curve.marker + str(getattr(look.glyphs, curve.style))
        shown = (f"{sample} {value_text(curve.value(at), kind, look)}  ", look.style(curve.colour))
        full += [(f"{clean(curve.label, look)} ", quiet), shown]
        brief += [(f"{clean(min(curve.label, curve.end or curve.label, key=len), look)} ", quiet), shown]
        short.append(shown)
        dashed += [shown] if curve.style == "dashed" else []
    for before, parts in ((head, full), (head, brief), (head, short), (first, short)):
        room = width + 2 - sum(cell_len(text) for text, _ in before + parts)
        if room >= 0:
            return before + parts + _fitting(notes, room, look), True
    rest = (
        parts for parts in (short, head + dashed) if sum(cell_len(text) for text, _ in parts) <= width + 2
    )
    return next(rest, short) or head, False


def _fitting(notes: Sequence[Sequence[str]], room: int, look: Look) -> list[tuple[str, Style]]:
    """Of each note the first text for which there is room."""
    found = []
    for texts in notes:
        fitting = (text for text in texts if cell_len(clean(text, look)) + 2 <= room)
        text = next(fitting, "")
        if text:
            found.append((f"{clean(text, look)}  ", look.style(QUIET)))
            room -= cell_len(found[-1][0])
    return found


def value_text(value: float, kind: Format, look: Look) -> str:
    write = percent if kind == "percent" else partial(compact, digits=4)
    return write(value, missing=look.glyphs.missing)
