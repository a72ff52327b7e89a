"""What Train is made of: the run's line, the curves, one large histogram, the moving cells of the table."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

from textual.strip import Strip

from tuiml.training.statistics import Histogram, LayerStatistics
from tuiml.tui.charts.axes import Mark
from tuiml.tui.charts.bars import histogram
from tuiml.tui.charts.lines import Curve, line_chart
from tuiml.tui.charts.numbers import Format, compact, percent
from tuiml.tui.charts.palette import QUIET, TRAIN, TROUBLE, VALIDATION, Look, layer_colour
from tuiml.tui.charts.text import strip
from tuiml.tui.charts_view import View, look_of, on_screen
from tuiml.tui.layer_cells import activations_of, idle_share, statistics_cells
from tuiml.tui.layer_table import LayerTable
from tuiml.tui.run_model import RunModel
from tuiml.tui.run_words import Piece, detail_line, fitted, status_line
from tuiml.tui.sight import Kind, Sight

HIGH = 20.0
"""A loss that begins above it (chance is 2.3 for ten classes) falls too far to be seen on a linear axis."""


class StatusView(View):
    """Where the run stands, and below it, where there is something to say, the rest of it."""

    DEFAULT_CSS = """
    StatusView { height: 1; padding: 0 1; }
    StatusView.-two { height: 2; }
    """

    def __init__(self, sight: Sight, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._sight = sight

    def stamp(self) -> Hashable:
        return self._sight.model.state

    def draw(self, width: int, height: int, look: Look) -> list[Strip]:
        model = self._sight.model
        lines = [status_line(model, width, look), detail_line(model, width, look)]
        return [strip(line, width) for line in lines][:height]

    def make_room(self) -> None:
        """Take one row, or two."""
        self.set_class(bool(detail_line(self._sight.model, 400, look_of(self))), "-two")


@dataclass
class LossAxis:
    """How the loss is drawn, wherever it is."""

    logarithmic: bool | None = None
    """``None``: as suits the run."""


class CurvesView(View, can_focus=True):
    """Training and validation over the epochs."""

    def __init__(self, sight: Sight, quantity: Literal["loss", "accuracy"]) -> None:
        super().__init__(id=quantity)
        self._sight = sight
        self._quantity: Literal["loss", "accuracy"] = quantity

    @property
    def log_axis(self) -> bool:
        """Whether y is on a logarithmic axis."""
        if self._quantity != "loss":
            return False
        asked = self._sight.of(LossAxis).logarithmic
        return self._sight.model.loss.first > HIGH if asked is None else asked

    def action_log_loss(self) -> None:
        self._sight.of(LossAxis).logarithmic = not self.log_axis

    def label(self, action_id: str) -> str | None:
        return "linear" if action_id == "log_loss" and self.log_axis else None

    def stamp(self) -> Hashable:
        model = self._sight.model
        return (model.curves, model.status, self.log_axis, self._sight.hint(self))

    def draw(self, width: int, height: int, look: Look) -> list[Strip]:
        model = self._sight.model
        curves = model.loss if self._quantity == "loss" else model.accuracy
        style: Format = "number" if self._quantity == "loss" else "percent"
        found = marks(model)
        shown = [Curve("train", curves.train, TRAIN, raw=curves.raw)] if len(curves.raw) else []
        if not math.isnan(curves.validation.last):
            shown.append(Curve("validation", curves.validation, VALIDATION, "dashed"))
        return line_chart(
            shown,
            width,
            height,
            title=self.pointer(look) + self._quantity + (", log" if self.log_axis else ""),
            x_label="" if found else "epoch",  # it would take the place of their labels
            y_format=style,
            log=self.log_axis,
            x_range=(0.0, x_end(reached(model), model.epochs_planned)),
            marks=found,
            look=look,
            empty=self._sight.hint(self),
        )


class HistogramView(View, can_focus=True):
    """One layer's activations, gradients or weights as they are now."""

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self._sight = sight

    def stamp(self) -> Hashable:
        return self._sight.stamp()

    def draw(self, width: int, height: int, look: Look) -> list[Strip]:
        sight, found = self._sight, self._sight.statistics
        part: Histogram | None = getattr(found, sight.kind) if found else None
        title = f"{sight.index} {sight.called} · {sight.kind}" if sight.called else sight.kind
        figures = _numbers(found, part, sight.kind, look)
        foot = [strip(fitted(figures, width), width)] if figures and height > 4 else []
        bars = histogram(
            part.counts if part else (),
            part.low if part else 0.0,
            part.high if part else 1.0,
            width,
            height - len(foot),
            title=self.pointer(look) + title,
            colour=layer_colour(sight.index),
            look=look,
            empty=self._why_empty(found),
        )
        return bars + foot

    def _why_empty(self, found: LayerStatistics | None) -> str:
        if found is None:
            return ""
        kind = self._sight.kind
        if kind == "gradients" and not math.isnan(found.weight_std):
            return "no gradient before the first step"
        return f"this layer has no {kind}" if kind != "activations" else "no finite activation"


def _numbers(found: LayerStatistics | None, part: Histogram | None, kind: Kind, look: Look) -> list[Piece]:
    """Figures below the histogram."""
    if found is None or part is None:
        return []
    plain, quiet, missing = look.style(), look.style(QUIET), look.glyphs.missing
    if kind == "gradients":
        pieces = [Piece(f"norm {compact(found.gradient_norm, 3, missing)}", plain)]
    else:
        own = kind == "activations"
        mean, std = (found.mean, found.std) if own else (found.weight_mean, found.weight_std)
        pieces = [
            Piece(f"mean {compact(mean, 3, missing)}", plain),
            Piece(f"std {compact(std, 3, missing)}", plain, 1),
        ]
    if kind == "activations":
        pieces.append(Piece(f"zeros {percent(found.zeros)}", plain, 2))
        pieces += _idle(found, look)
    outside = ((f"below {compact(part.low)}", part.below), (f"above {compact(part.high)}", part.above))
    pieces += [Piece(f"{where}: {count:,}", quiet, 4) for where, count in outside if count]
    return pieces


def _idle(found: LayerStatistics, look: Look) -> list[Piece]:
    share, word, trouble = idle_share(found)
    if word == "zero":
        return []
    text = f"{word} {percent(share)}{f' {look.glyphs.up}' if trouble else ''}"
    return [Piece(text, look.style(TROUBLE) if trouble else look.style(), 3)]


def reached(model: RunModel) -> float:
    """How far the curves go, in epochs."""
    xs = [series.points()[0] for series in (model.loss.raw, model.loss.validation)]
    return max((float(x[-1]) for x in xs if len(x)), default=0.0)


_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def x_end(x: float, planned: int) -> float:
    """The right end of the epochs' axis: a round number beyond ``x``, so that the curve seldom moves."""
    if x <= 0:
        return float(max(1, planned))
    power = 10.0 ** math.floor(math.log10(x))
    end = next((m * power for m in _STEPS if x <= m * power * (1 + 1e-9)), 10 * power)
    return min(end, float(planned)) if planned >= x else end


def marks(model: RunModel) -> list[Mark]:
    """Changes of the learning rate and, when the run is over, its best epoch."""
    found = [Mark(x, f"rate {rate:.3g}", QUIET) for x, rate in model.rates]
    if not model.alive and model.best and len(model.epochs) > 1:
        found.append(Mark(float(model.best.epoch), "best", VALIDATION))
    return found


class TableFigures:
    """The moving cells of the layer table: kept up to date as a view is, for the rows that can be seen."""

    def __init__(self, sight: Sight, table: LayerTable) -> None:
        self._sight = sight
        self._table = table
        self._stamp: Hashable = None
        self.due_at = -math.inf

    def forget(self) -> None:
        """The rows are new: their cells have to be filled."""
        self._stamp = None

    def _full_stamp(self) -> Hashable:
        return (
            self._sight.model.pictures,
            self._table.scroll_offset.y,
            self._table.size,
            look_of(self._table),
        )

    def stale(self) -> bool:
        return on_screen(self._table) and self._full_stamp() != self._stamp

    def build(self) -> None:
        self._stamp = self._full_stamp()
        model, table, look = self._sight.model, self._table, look_of(self._table)
        layers = model.picture.layers if model.picture else ()
        activations = activations_of(model.network)
        first = table.scroll_offset.y
        for row in range(first, min(table.row_count, first + table.size.height)):
            activation = activations[row] if row < len(activations) else None
            table.update_cells(row, statistics_cells(row, layers, activation, look))
