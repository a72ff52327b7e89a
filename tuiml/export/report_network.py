"""What a report says of how good a network is, with intervals, and of its layers or modules."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tuiml.evaluation.answers import of_own_part
from tuiml.evaluation.classification import Classification
from tuiml.evaluation.intervals import LEVEL, Interval
from tuiml.evaluation.report import figures
from tuiml.export.drawing import bars, text_of
from tuiml.export.exported_run import Source
from tuiml.formatting import NONE, accuracy_text, compact, count_text, figure, loss, percent
from tuiml.nn.layers import dimensions
from tuiml.registry import value_text
from tuiml.training.layer_statistics import LayerStatistics

LAYER_COLUMNS = (
    *("#", "layer", "activation", "outputs", "parameters", "mean", "std", "saturated", "dead"),
    *("gradient norm", "log₁₀ Δw/w", "activations"),
)
WORDS = 3
"""The first columns of :data:`LAYER_COLUMNS`, which are no numbers."""
MOST_ROWS = 300
"""Layers, or classes, that are listed."""
INTERVAL = f"{100 * LEVEL:g} % interval"
CLASS_COLUMNS = ("class", "precision", "recall", "F1", "examples")
Rows = list[list[str]]


def evaluated(source: Source) -> tuple[str, Rows, Rows]:
    """What was evaluated, its figures with intervals, and those of each class; as plain text."""
    found = of_own_part(source.predictor, source.name)
    all_figures = figures(found)
    title = f"{found.examples}, {all_figures.examples:,} examples"
    if isinstance(all_figures, Classification):
        rows = [_fraction("accuracy", all_figures.accuracy), _row("loss", all_figures.loss)]
        base, calibration = all_figures.baseline, all_figures.calibration
        rows.append([f"always '{base.name}': accuracy", accuracy_text(base.accuracy), ""])
        if calibration is not None:
            rows.append(["expected calibration error", accuracy_text(calibration.ece), ""])
        by_class = [
            [one.name, *map(accuracy_text, (one.precision, one.recall, one.f1)), count_text(one.support)]
            for one in all_figures.classes[:MOST_ROWS]
        ]
        return title, rows, by_class
    rows = [_row("R²", all_figures.r2), _row("loss", all_figures.loss)]
    for one in all_figures.targets[:MOST_ROWS]:
        rows += [_row(f"{one.name}: mean absolute error", one.mae), _row(f"{one.name}: RMSE", one.rmse)]
    return title, rows, []


def _row(name: str, found: Interval) -> list[str]:
    ends = "" if math.isnan(found.low) else f"{loss(found.low)} to {loss(found.high)}"
    return [name, loss(found.value), ends]


def _fraction(name: str, found: Interval) -> list[str]:
    return [name, accuracy_text(found.value), f"{accuracy_text(found.low)} to {accuracy_text(found.high)}"]


def layer_cells(source: Source) -> Rows:
    """A row of HTML cells for each layer, or module, with its statistics in the newest snapshot."""
    statistics: Sequence[LayerStatistics] = source.snapshots[-1].layers if source.snapshots else ()
    described = _modules(source) or _layers(source)
    rows = []
    for at in range(min(MOST_ROWS, max(len(described), len(statistics)))):
        words = described[at] if at < len(described) else [""] * 4
        s = statistics[at] if at < len(statistics) else LayerStatistics()
        drawn = ""
        if s.activations is not None:
            inner = bars(s.activations.counts, 120, 24)
            size = 'viewBox="0 0 120 25" style="width:84px;height:25px" preserveAspectRatio="none"'
            drawn = f"<svg {size}>{inner}</svg>"
        numbers = [
            *(compact(value, 3, NONE) for value in (s.mean, s.std)),
            *(percent(value, 1, NONE) for value in (s.saturated, s.dead)),
            compact(s.gradient_norm, 3, NONE),
            figure(s.update_ratio, 3),
        ]
        rows.append([*map(text_of, (f"{at}", *words, *numbers)), drawn])
    return rows


def _layers(source: Source) -> Rows:
    """Type, activation, shape of the output and parameters of each layer of a preset's network."""
    rows = []
    for node in source.network.nodes if source.network else ():
        f = getattr(node.layer, "activation", None)
        activation = value_text({"name": f.name, **f.model_dump()}) if f else ""
        rows.append([node.layer.name, activation, dimensions(node.output_shape), count_text(node.size)])
    return rows


def _modules(source: Source) -> Rows:
    """Name and type, activation, shape and parameters of each module of a loop of the user's own."""
    return [
        [
            f"{one.name} ({one.type})" if one.name else one.type,
            one.activation,
            dimensions(one.output_shape) if one.output_shape else "",
            count_text(one.parameters),
        ]
        for one in (source.model.modules if source.model else ())
    ]
