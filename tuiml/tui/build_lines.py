"""What Build says in its table and below it. Pure but for styles."""

from __future__ import annotations

from collections.abc import Sequence

from tuiml.nn.layers import dimensions
from tuiml.spec.problems import Problem
from tuiml.text import plain_text
from tuiml.tui import stack
from tuiml.tui.charts.palette import TROUBLE, Look
from tuiml.tui.document import Document, LayerRow
from tuiml.tui.form_lines import wrap
from tuiml.tui.layer_table import Cell, Column
from tuiml.tui.picker import Part

COLUMNS = (
    Column("index", "#", 3, "right"),
    Column("layer", "layer", 7, keep=0, grow=1, most=10),
    Column("units", "units", 5, "right", keep=1),
    Column("activation", "activation", 10, keep=2, grow=1),
    Column("initializer", "initializer", 14, keep=5, grow=1),
    Column("shape", "output", 6, "right", keep=4, most=10),
    Column("parameters", "params", 9, "right", keep=3),
)
MOST_PROBLEMS = 3
MOST_LINES = 3
"""Of one problem; the form has all of it."""


def cells(row: LayerRow, look: Look) -> dict[str, Cell]:
    """A layer as a row of the table; a sign beside its number where something is wrong with it."""
    quiet = look.style("quiet")
    number: Cell = (str(row.index), quiet)
    if row.problem:
        number = (f"{look.glyphs.up}{row.index}", look.style(TROUBLE))
    shape = dimensions(row.output_shape) if row.output_shape else look.glyphs.missing
    count = f"{row.parameters:,}" if row.parameters is not None else look.glyphs.missing
    return {
        "index": number,
        "layer": row.type,
        "units": row.units,
        "activation": row.activation,
        "initializer": (row.initializer, quiet),
        "shape": shape,
        "parameters": count if row.parameters else (count, quiet),
    }


def facts(
    document: Document, rows: Sequence[LayerRow], selected: int, width: int, look: Look
) -> list[list[Part]]:
    """What the selected layer and the stack come to, and what is wrong with the preset."""
    quiet, trouble = look.style("quiet"), look.style(TROUBLE)
    texts = (stack.summary(document, rows), *stack.details(document))
    lines: list[list[Part]] = [
        [(passage(rows, selected), look.style())],
        *([(text, quiet)] for text in texts),
    ]
    lines += [[(text, quiet)] for text in schedule_lines(document, width, look)]
    problems = document.problems
    for problem in problems[:MOST_PROBLEMS]:
        text = wrap(f"{where(problem)}{plain_text(problem.message)}", max(20, width - 2))[:MOST_LINES]
        signs = [f"{look.glyphs.up} ", *["  "] * MOST_LINES]
        lines += [[(sign + line, trouble)] for sign, line in zip(signs, text, strict=False)]
    if len(problems) > MOST_PROBLEMS:
        lines.append([(f"  and {len(problems) - MOST_PROBLEMS} more", trouble)])
    return lines


def schedule_lines(document: Document, width: int, look: Look) -> list[str]:
    """The learning rate over the run as a curve between its first and its last value; none if it stays."""
    preset = document.preset
    if preset is None:
        return []
    training, ramp = preset.training, look.glyphs.bars
    batches = -(-preset.data.sizes()[0] // training.batch_size)
    steps = training.epochs * batches
    first, last = (training.schedule.factor(step, steps, batches) for step in (0, steps - 1))
    start, end = f"rate {training.rate * first:.2g} ", f" {training.rate * last:.2g}"
    room = max(4, min(24, width - len(start) - len(end) - 1))
    places = [round(i * (steps - 1) / (room - 1)) for i in range(room)]
    factors = [training.schedule.factor(step, steps, batches) for step in places]
    if len(set(factors)) == 1:
        return []
    curve = "".join(ramp[max(1, round(f / max(factors) * (len(ramp) - 1)))] for f in factors)
    return [start + curve + end]


def passage(rows: Sequence[LayerRow], selected: int) -> str:
    """Shapes and parameters of a layer in words: narrow tables have no room for them."""
    if not 0 <= selected < len(rows):
        return ""
    row = rows[selected]
    shape = dimensions(row.output_shape) if row.output_shape else "not known"
    count = f" · {row.parameters:,} parameters" if row.parameters is not None else ""
    kept = f", {row.kept:,} values not trained" if row.kept else ""
    return f"layer {row.index}: output {shape}{count}{kept}"


def where(problem: Problem) -> str:
    """Where a problem is, in words: ``layer 2, units: ``."""
    index = stack.layer_of(problem.path)
    path = problem.path if index is None else f"layer {index}{problem.path.partition(']')[2]}"
    words = path.replace(".", ", ").replace("_", " ")
    return f"{plain_text(words)}: " if words else ""
