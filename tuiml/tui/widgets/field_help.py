"""What the place for help beside the form says: of the focused field, or of the selected layer. Pure."""

from __future__ import annotations

from rich.cells import cell_len

from tuiml.tui.charts.palette import QUIET, TROUBLE, Look
from tuiml.tui.charts.text import clean, fit, wrap
from tuiml.tui.widgets import fields
from tuiml.tui.widgets.fields import Field
from tuiml.tui.widgets.form_model import FormModel
from tuiml.tui.widgets.picker import Part


def field_help(model: FormModel, active: bool, width: int, rows: int, look: Look) -> list[list[Part]]:
    """Exactly ``rows`` lines: a rule, what is wrong with the field, its meaning, and of a choice its advice.

    Args:
        active: whether the form has the focus; else it is about the kind of the selected layer.
    """
    quiet = look.style(QUIET)
    now = model.field if active else next(iter(model.fields), None)
    if now is None:
        return [[] for _ in range(rows)]
    title = fit(clean(now.label if active else now.picked, look), min(24, max(0, width - 4))).rstrip()
    rule, faint = look.glyphs.horizontal, look.style(QUIET, faint=True)
    rest = rule * max(0, width - 4 - cell_len(title))
    head = [(f"{rule} ", faint), (f"{title} ", look.style(bold=True)), (rest, faint)]
    lines: list[list[Part]] = [head]
    wrong = fields.misread(now, model.edit.text) if active and model.edit else ""
    wrong = f"{model.edit.text.strip()}: {wrong}" if wrong and model.edit else now.problem or ""
    room = max(8, width - 2)
    for number, line in enumerate(wrap(clean(wrong, look), room) if wrong and active else ()):
        lines.append([(f"{look.glyphs.up} " if not number else "  ", look.style(TROUBLE)),
                      (line, look.style(TROUBLE))])  # fmt: skip
    for text in filter(None, _texts(now, model, bool(wrong))):
        lines += [[("  ", quiet), (line, quiet)] for line in wrap(clean(text, look), room)]
    if len(lines) > rows:
        lines = lines[:rows]
        lines[-1] = [*lines[-1], (look.glyphs.more, quiet)]
    return lines + [[] for _ in range(rows - len(lines))]


def _texts(item: Field, model: FormModel, wrong: bool) -> list[str]:
    """The meaning of a field and its allowed values, or formula and advice of a choice."""
    if model.picker:
        chosen = model.picker.chosen
        return [chosen.formula, chosen.advice] if chosen else []
    if item.marked:
        return [f"a study varies it over {', '.join(item.marked)}; m changes that"]
    pick = item.pick
    if pick and item.kind == "choice":
        return [pick.formula, pick.advice]
    if item.kind == "note":
        return [f"{item.help}; enter writes it"]
    usual = f"default {item.placeholder}" if item.text and item.placeholder else ""
    text = "; ".join(filter(None, [item.help, "" if wrong else item.allowed, usual]))
    return [pick.formula if pick else "", text]
