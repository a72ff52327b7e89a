"""The cells of Build's table and the lines below it. Knows no widgets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tuiml.formatting import compact, percent
from tuiml.nn.layers import dimensions
from tuiml.spec.preset import batches_of
from tuiml.spec.problems import Problem
from tuiml.text import plain_text
from tuiml.training import bounds
from tuiml.training.layer_statistics import LayerStatistics
from tuiml.tui.charts.bars import mini, zero_bin
from tuiml.tui.charts.palette import TROUBLE, VARIED, Look, layer_colour
from tuiml.tui.charts.text import wrap
from tuiml.tui.keys import key_of
from tuiml.tui.model import layer_stack
from tuiml.tui.model.document import Document
from tuiml.tui.model.layer_cells import Cell, Column, activations_of, idle_fraction, statistics_cells
from tuiml.tui.model.layer_rows import LayerRow
from tuiml.tui.model.problems import where
from tuiml.tui.process.probe_session import PreFlight
from tuiml.tui.widgets.lines import verdict_lines
from tuiml.tui.widgets.picker import Part

MINI = 5
"""Cells of a histogram."""
COLUMNS = (
    Column("index", "#", 3, "right"),
    Column("layer", "layer", 5, keep=0, grow=1, most=10),
    Column("units", "units", 5, "right", keep=1),
    Column("activation", "activ.", 7, keep=2, grow=1, most=10),
    Column("initializer", "initial", 9, keep=4, grow=1, most=14),
    Column("shape", "output", 6, "right", keep=5, most=10),
    Column("parameters", "params", 6, "right", keep=6, most=9),
    Column("mean", "mean", 5, "right", keep=10),
    Column("std", "std", 5, "right", keep=8),
    Column("idle", "sat/dead", 10, "right", keep=9),
    Column("gradient", "‖g‖", 7, "right", keep=7),
    Column("histogram", "hist.", MINI, keep=3),
)
PROBED = ("mean", "std", "idle", "gradient", "histogram")
"""The columns of statistics at the initial values."""
MOST_LINES = 3
"""Maximum length of a problem; the form shows all of it."""
LONGEST_NUMBERS = 52
"""Cells of the longest text of :func:`numbers`, about."""


def cells(row: LayerRow, look: Look) -> dict[str, Cell]:
    """A row of the table; a layer with a problem has a mark beside its number."""
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


def probe_cells(flight: PreFlight, count: int, look: Look) -> list[dict[str, Cell]]:
    """Statistics of ``count`` layers at their initial values; faint while new ones are computed."""
    layers = flight.found.snapshot.layers if flight.found else ()
    if len(layers) != count or not flight.wanted:
        return [dict.fromkeys(PROBED, "")] * count
    activations = activations_of(flight.network)
    last = bounds.last_norm([layer.gradient_norm for layer in layers])
    found = []
    for index, statistics in enumerate(layers):
        has = index < len(activations) and activations[index] is not None
        cells = statistics_cells(index, statistics, last, has, look)
        part = statistics.activations
        if part is not None:
            zero = zero_bin(part.low, part.high, len(part.counts))
            cells["histogram"] = (
                mini(part.counts, MINI, zero=zero, look=look),
                look.style(layer_colour(index)),
            )
        found.append(
            {key: cells.get(key, "") if flight.fresh else _dim(cells.get(key, ""), look) for key in PROBED}
        )
    return found


def _dim(cell: Cell, look: Look) -> Cell:
    return (cell if isinstance(cell, str) else cell[0]), look.style("quiet")


def health_lines(
    document: Document, flight: PreFlight, width: int, rows: int, look: Look, keymap: Mapping[str, str]
) -> list[list[Part]]:
    """Exactly ``rows`` lines: the problems of the preset, or else the first verdict on its initial values."""
    quiet, width = look.style("quiet"), max(20, width)
    lines: list[list[Part]] = []
    if document.problems:
        lines = problem_lines(document.problems, width, rows, look)
    elif flight.fresh and flight.found is not None:
        for verdict in flight.verdicts[:1]:
            keys = key_of("try_remedy", keymap), key_of("reasons", keymap)
            lines += verdict_lines(verdict, width, look, keys, most=MOST_LINES)
        if not lines:
            lines.append([("initial values: nothing wrong found", quiet)])
        lines += [[(line, quiet)] for line in wrap(flight.found.note, width)]
    else:
        text = plain_text(flight.problem) or "initial values: measuring"
        lines = [[(line, quiet)] for line in wrap(text, width)]
    return [*lines[:rows], *([] for _ in range(rows - len(lines)))]


def problem_lines(problems: Sequence[Problem], width: int, rows: int, look: Look) -> list[list[Part]]:
    """As many problems as fit; the first with up to :data:`MOST_LINES` lines, since ``e`` goes to it."""
    trouble = look.style(TROUBLE)
    lines: list[list[Part]] = []
    for number, problem in enumerate(problems):
        left = rows - len(lines) - (number < len(problems) - 1)
        if left < 1:
            lines.append([(f"  and {len(problems) - number} more", trouble)])
            break
        text = wrap(f"{where(problem)}{plain_text(problem.message)}", width - 2)
        most = min(MOST_LINES, left)
        if len(text) > most:
            text = [*text[: most - 1], text[most - 1] + look.glyphs.more]
        lines += [[(("  " if at else f"{look.glyphs.up} ") + line, trouble)] for at, line in enumerate(text)]
    return lines[:rows]


def number_lines(flight: PreFlight, selected: int, width: int, look: Look) -> list[list[Part]]:
    """The numbers of the selected layer that its table has no room for: as many lines whatever they are."""
    rows = -(-LONGEST_NUMBERS // max(20, width))
    layers = flight.found.snapshot.layers if flight.found is not None and flight.wanted else ()
    text = numbers(layers[selected]) if selected < len(layers) else ""
    lines = wrap(text, max(20, width))[:rows]
    return [[(line, look.style("quiet"))] for line in [*lines, *[""] * (rows - len(lines))]]


def numbers(found: LayerStatistics) -> str:
    """A layer's outputs in words: ``mean .51, std .49, 91 % sat, gradient .85``."""
    fraction, word, _ = idle_fraction(found)
    parts = [f"mean {compact(found.mean, 2)}", f"std {compact(found.std, 2)}"]
    parts += [f"{percent(fraction, 0)} {word}"] if word != "zero" else []
    parts += [f"gradient {compact(found.gradient_norm, 2)}"] if math.isfinite(found.gradient_norm) else []
    return ", ".join(parts)


def facts(document: Document, rows: Sequence[LayerRow], width: int, look: Look) -> list[list[Part]]:
    """Sizes of the network and of the data, and the curve of the learning rate."""
    texts = (layer_stack.summary(document, rows), *layer_stack.details(document, width))
    lines: list[str] = []
    for text in texts:
        joined = f"{lines[-1]} · {text}" if lines else text
        if lines and len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(text)
    return [[(text, look.style("quiet"))] for text in [*lines, *schedule_lines(document, width, look)]]


def marks_lines(text: str, width: int, look: Look, key: str) -> list[list[Part]]:
    """What a study of the marked settings is; none without marks."""
    style = look.style(VARIED)
    sign = f"{look.glyphs.varied} "
    lines = wrap(f"{text}; {key} runs the study", max(20, width - 2)) if text else []
    return [[((sign if not at else "  ") + line, style)] for at, line in enumerate(lines)]


def schedule_lines(document: Document, width: int, look: Look) -> list[str]:
    """The learning rate over the run as a curve between its first and last value; none if constant."""
    preset = document.preset
    if preset is None:
        return []
    training, ramp = preset.training, look.glyphs.bars
    batches = batches_of(preset.data.sizes()[0], training.batch_size)
    steps = training.epochs * batches
    first, last = (training.schedule.multiplier(step, steps, batches) for step in (0, steps - 1))
    start, end = f"lr {training.rate * first:.2g} ", f" {training.rate * last:.2g}"
    room = max(4, min(24, width - len(start) - len(end) - 1))
    places = [round(i * (steps - 1) / (room - 1)) for i in range(room)]
    factors = [training.schedule.multiplier(step, steps, batches) for step in places]
    if len(set(factors)) == 1:
        return []
    curve = "".join(ramp[max(1, round(f / max(factors) * (len(ramp) - 1)))] for f in factors)
    return [start + curve + end]


def passage(rows: Sequence[LayerRow], selected: int, width: int) -> str:
    """Shapes and parameters of a layer in words: narrow tables have no room for them."""
    if not 0 <= selected < len(rows):
        return ""
    row = rows[selected]
    shape = dimensions(row.output_shape) if row.output_shape else "not known"
    count = f" · {row.parameters:,} parameters" if row.parameters is not None else ""
    buffers = f", {row.buffer_size:,} values not trained" if row.buffer_size else ""
    text = f"layer {row.index}: output {shape}{count}{buffers}"
    return text if len(text) <= width else text.replace(" parameters", " params")
