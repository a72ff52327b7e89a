"""Draws the form: its lines, and the field and pick that each belongs to. Knows no widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.style import Style

from tuiml import typed_numbers
from tuiml.tui.charts.palette import TROUBLE, VARIED, Look, layer_colour
from tuiml.tui.charts.text import clean, fit, fit_end, wrap
from tuiml.tui.widgets.fields import NUMBERS, Field, Section, parse
from tuiml.tui.widgets.line_edit import LineEdit
from tuiml.tui.widgets.picker import Part, Picker

MOST_LABEL = 20
NOTE_LINES = 4


@dataclass
class Line:
    """One line: its parts, the field it belongs to, and the pick it shows."""

    parts: list[Part]
    field: int | None = None
    pick: int | None = None


@dataclass
class Styles:
    """Styles from the widget's CSS."""

    ground: Style = field(default_factory=Style)
    heading: Style = field(default_factory=Style)
    focus: Style = field(default_factory=Style)
    """The line of the focused field."""
    input: Style = field(default_factory=Style)
    """The field being typed into."""


@dataclass
class View:
    """Everything that a drawing of the form depends on."""

    sections: Sequence[Section]
    focus: int
    active: bool
    """True if the form has the focus."""
    edit: LineEdit | None
    picker: Picker | None
    width: int
    height: int
    look: Look
    styles: Styles


def draw(view: View) -> list[Line]:
    """All lines of the form."""
    lines: list[Line] = []
    column = _column(view)
    number = 0
    for section in view.sections:
        if lines:
            lines.append(Line([]))
        lines.append(_heading(section, view))
        for problem in section.problems:
            lines += _problem(problem, view)
        for item in section.fields:
            lines += _field(item, number, column, view)
            number += 1
    return lines


def focused_rows(lines: Sequence[Line], view: View) -> range:
    """The lines to scroll to: those of the focused field, with its heading if that fits."""
    own = [y for y, line in enumerate(lines) if line.field == view.focus]
    if not own:
        return range(0)
    first, last, height = own[0], own[-1], max(1, view.height)
    while first and lines[first - 1].field is None and lines[first - 1].parts and last - first + 2 <= height:
        first -= 1
    if view.picker:
        chosen = next((y for y in own if lines[y].pick == view.picker.cursor), first)
        first = max(first, chosen - height + 1)
    return range(first, min(last + 1, first + height))


def _column(view: View) -> int:
    """The column where values begin."""
    labels = [2 * f.depth + cell_len(f.label) for s in view.sections for f in s.fields]
    return 2 + min(max(labels, default=0), MOST_LABEL, max(6, view.width // 2 - 5)) + 5


def _heading(section: Section, view: View) -> Line:
    look, styles = view.look, view.styles
    parts: list[Part] = []
    if section.layer is not None:
        parts.append(("▌" if look.unicode else "|", styles.ground + look.style(layer_colour(section.layer))))
    title = f"{section.title} "
    used = sum(cell_len(t) for t, _ in parts) + cell_len(title)
    parts.append((title, styles.ground + styles.heading))
    rule = look.glyphs.horizontal * max(0, view.width - used - 1)
    return Line([*parts, (rule, styles.ground + look.style("quiet", faint=True))])


def _field(item: Field, number: int, column: int, view: View) -> list[Line]:
    focused = number == view.focus
    here = focused and view.active
    look, styles = view.look, view.styles
    base = styles.ground + (styles.focus if here else Style())
    mark = f"{look.pointer(view.active)} " if focused else "  "
    indent = "  " * item.depth
    label = fit(indent + clean(item.label, look), column - 4, look.glyphs.more)
    mark_of, colour = (look.glyphs.up, TROUBLE) if item.problem else (look.glyphs.varied, VARIED)
    sign = mark_of if item.problem or item.marked else " "
    parts: list[Part] = [
        (mark, base + look.style(bold=True)),
        (label, base + (look.style(bold=True) if here else look.style("quiet"))),
        (f"{sign} ", base + look.style(colour)),
    ]
    parts += _value(item, focused, column, view, base)
    used = sum(cell_len(text) for text, _ in parts)
    parts.append((" " * max(0, view.width - used), base))
    lines = [Line(parts, number)]
    if item.kind == "note":
        lines += _note(item, number, view)
    return lines + (_picks(view.picker, number, view) if here and view.picker else [])


def _value(item: Field, focused: bool, column: int, view: View, base: Style) -> list[Part]:
    room = max(1, view.width - column)
    look, here = view.look, focused and view.active
    quiet = look.style("quiet")
    if here and view.edit and item.typed:
        return _typing(view.edit, item, room, view, base)
    if item.kind == "note":
        return [] if item.text else [("none", base + quiet)]
    if here and view.picker:
        typed = clean(view.picker.filter, look)
        style = Style() if typed else quiet
        text = fit(typed or "type to find", max(1, room - 1), look.glyphs.more)
        return [(text, base + view.styles.input + style)]
    if item.marked:
        return [(fit(_marked(item, look), room, look.glyphs.more), base + look.style(VARIED))]
    absent = not item.text
    text = clean(item.text or item.placeholder, look) or _nothing(item, look)
    if item.picks and here:
        text = f"‹ {text} ›" if look.unicode else f"< {text} >"
    style = base + (look.style(TROUBLE) if item.problem else quiet if absent else Style())
    cut = fit_end if item.path == "data.path" else fit
    shown = cut(text, min(cell_len(text), room), look.glyphs.more)
    parts: list[Part] = [(shown, style)]
    left = room - cell_len(shown) - 2
    pick = item.pick
    if pick and pick.formula and not here and left >= cell_len(pick.formula):
        gap = max(2, 18 - cell_len(shown)) if left >= cell_len(pick.formula) + 16 - cell_len(shown) else 2
        parts += [(" " * gap, base), (clean(pick.formula, look), base + quiet)]
    return parts


def _nothing(item: Field, look: Look) -> str:
    """What stands for the value of a setting that is left out and has no default."""
    return "none" if item.kind in NUMBERS else look.glyphs.missing


def _marked(item: Field, look: Look) -> str:
    """The values that a study varies a field over: ``3 values: sgd, adam, rmsprop``."""
    count = len(item.marked)
    return clean(f"{count} value{'s' if count != 1 else ''}: {', '.join(item.marked)}", look)


def _typing(edit: LineEdit, item: Field, room: int, view: View, base: Style) -> list[Part]:
    """The text with its caret, in a field of the remaining width."""
    style = base + view.styles.input
    width = min(room, 40)
    if item.kind in NUMBERS and edit.selected:
        return _stepping(edit.text, item.placeholder or "none", width, view, base)
    text, caret = edit.window(width - 1)
    text = clean(text, view.look)
    if not text:
        hint = clean(item.placeholder, view.look)
        first = hint[:1] or " "
        return [
            (first, style + Style(reverse=True, dim=True)),
            (fit(hint[1:], width - cell_len(first), view.look.glyphs.more), style + view.look.style("quiet")),
        ]
    if edit.selected:
        shown = fit(text, min(width, cell_len(text)), view.look.glyphs.more)
        return [(shown, style + Style(reverse=True)), (" " * (width - cell_len(shown)), style)]
    under = text[caret : caret + 1] or " "
    after = text[caret + 1 :]
    used = cell_len(text[:caret]) + cell_len(under)
    saved = _saved(edit.text, item)
    after = fit(after, max(cell_len(after), width - used - cell_len(saved)), view.look.glyphs.more)
    used += cell_len(after)
    return [
        (text[:caret], style),
        (under, style + Style(reverse=True)),
        (after, style),
        (fit(saved, max(0, width - used), view.look.glyphs.more), style + view.look.style("quiet")),
    ]


def _stepping(text: str, default: str, width: int, view: View, base: Style) -> list[Part]:
    """A number that nothing was typed into: keys step it, and what is typed replaces it."""
    left, right = ("‹ ", " ›") if view.look.unicode else ("< ", " >")
    style = Style(reverse=True) if text else view.look.style("quiet")
    text = clean(text or default, view.look)
    shown = fit(text, min(max(1, width - 4), cell_len(text)), view.look.glyphs.more)
    return [(left, base), (shown, base + view.styles.input + style), (right, base)]


def _saved(text: str, item: Field) -> str:
    """What a typed expression is saved as: `` = 0.125``; empty for a number."""
    value = parse(item, text)
    if (
        item.kind not in NUMBERS
        or isinstance(value, str)
        or value is None
        or typed_numbers.is_plain(text, value)
    ):
        return ""
    return f" = {value!r}"


def _note(item: Field, number: int, view: View) -> list[Line]:
    style = view.styles.ground
    text = " ".join(item.text.split())
    lines = wrap(clean(text, view.look), view.width - 5) if text else []
    if len(lines) > NOTE_LINES:
        lines = [*lines[: NOTE_LINES - 1], lines[NOTE_LINES - 1] + view.look.glyphs.more]
    return [Line([("    ", style), (line, style)], number) for line in lines]


def _problem(text: str, view: View) -> list[Line]:
    look = view.look
    style = view.styles.ground + look.style(TROUBLE)
    lines = wrap(clean(text, look), view.width - 5)[:4]
    heads = [f"  {look.glyphs.up} "] + ["    "] * len(lines)
    return [Line([(head, style), (line, style)]) for head, line in zip(heads, lines, strict=False)]


def _picks(picker: Picker, number: int, view: View) -> list[Line]:
    ground, look = view.styles.ground, view.look
    lines = []
    for index in picker.window(max(4, view.height - 6)):
        parts = [("  ", ground), *picker.line(index, view.width - 3, look, view.styles.focus, ground)]
        lines.append(Line(parts, number, index))
    return lines or [Line([("    no matches", ground + look.style("quiet"))], number)]
