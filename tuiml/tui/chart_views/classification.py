"""Charts of a classifier: confusion matrix, highest-loss examples, first-layer weights."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.segment import Segment

from tuiml.formatting import compact, percent
from tuiml.training.inspections.confusion import Confusion
from tuiml.training.inspections.first_layer_weights import Weights, first_weights
from tuiml.training.inspections.highest_loss import Example, HighestLoss
from tuiml.training.inspections.network import ZERO
from tuiml.training.inspections.record import Evaluated, InspectionRequest
from tuiml.tui.chart_views.chart import Chart
from tuiml.tui.chart_views.inspection import (
    PagedView,
    SignedTilesView,
    TilesView,
    feature_names_of,
    has_classes,
    has_weights,
    image_size,
    names_of,
    weights_grid,
)
from tuiml.tui.charts import pixels
from tuiml.tui.charts.confusion import confusion, distinct, listed
from tuiml.tui.charts.palette import QUIET, TROUBLE, Look
from tuiml.tui.charts.records import Column, input_columns, records
from tuiml.tui.charts.text import Line, clean, fit, strip
from tuiml.tui.charts.tiles import Caption, Layout, tiles
from tuiml.tui.keys import action
from tuiml.tui.widgets.chart_view import look_of


@dataclass
class ConfusionStyle:
    """Shared by all views of the confusion matrix."""

    fractions: bool = False


class ConfusionView(PagedView[Confusion]):
    """How many examples of each class were predicted as each class, or a list of pairs."""

    record = Confusion

    @property
    def style(self) -> ConfusionStyle:
        return self.selection.of(ConfusionStyle)

    def requests(self) -> list[InspectionRequest]:
        return [self.request()]

    def total(self) -> int:
        found = self.found
        names = names_of(self.selection.model)
        width, height = self.size.width, self.size.height - 1
        return listed(found.counts, names, width, height, look_of(self)) if found else 0

    def shown_count(self) -> int:
        return max(1, self.size.height - 3)

    def stamp(self) -> Hashable:
        return (super().stamp(), self.style.fractions)

    def about(self, found: Confusion, look: Look) -> str:
        hits = sum(row[i] for i, row in enumerate(found.counts))
        accuracy = f"  accuracy {percent(hits / found.evaluated)}" if found.evaluated else ""
        return part_words(found) + accuracy

    def show(self, found: Confusion, width: int, height: int, look: Look) -> list[Line]:
        names = names_of(self.selection.model)
        fractions = self.style.fractions
        return confusion(found.counts, names, width, height, look, fractions=fractions, first=self.first)

    @action(
        "percent_sign",
        "fractions",
        "The confusion matrix in counts or fractions.",
        "train",
        rank=270,
        also="percent",
    )
    def action_confusion_fractions(self) -> None:
        self.style.fractions = not self.style.fractions

    def label(self, action_id: str) -> str | None:
        return "counts" if action_id == "confusion_fractions" and self.style.fractions else None


def part_words(found: Evaluated) -> str:
    """The part of the data that was inspected, and how many of its examples."""
    some = f"{found.evaluated:,}"
    if found.evaluated < found.total:
        some += f" of {found.total:,}"
    return f"{some} {found.part} examples"


def page_words(first: int, shown: int, found: Evaluated) -> str:
    """The range of items shown of a sorted list; ``first`` counts from 0."""
    return f"{first + 1:,}–{first + shown:,}, {part_words(found)}" if shown else part_words(found)


class HighestLossView(TilesView[HighestLoss]):
    """The examples with the largest losses."""

    record = HighestLoss

    def plan(self, width: int, height: int) -> Layout:
        size = image_size(self.selection.model)
        if size is None:
            return Layout(1, max(0, height - 1), width, 2, width)
        return self.layout_of(size, width, height, 4, caption=2, least=14)

    def about(self, found: HighestLoss, look: Look) -> str:
        return page_words(found.first, len(found.examples), found)

    def show(self, found: HighestLoss, width: int, height: int, look: Look) -> list[Line]:
        plan = self.plan(width, height)
        if not found.width:
            return self._table(found.examples, width, height, look)
        made = []
        for example in found.examples[: 1 if self.one else None]:
            image = np.frombuffer(example.pixels, np.uint8).reshape(found.height, found.width) / 255
            shown = pixels.grey(pixels.resized(image, plan.height, plan.width), look)
            made.append((shown, self._captions(example, look)))
        return tiles(made, plan, width, height, look.glyphs.more)

    def _captions(self, example: Example, look: Look) -> list[Caption]:
        wrong = example.label != example.predicted
        loss = f"loss {compact(example.loss, 3, look.glyphs.missing)}"
        prediction = look.style(TROUBLE if wrong else "", bold=wrong)
        return [(self._prediction(example, look), prediction), (loss, look.style(QUIET))]

    def _prediction(self, example: Example, look: Look) -> str:
        names = names_of(self.selection.model)
        target, predicted = (
            clean(names[k], look) if k < len(names) else str(k) for k in (example.label, example.predicted)
        )
        return f"{target} {'→' if look.unicode else '>'} {predicted} {percent(example.probability, 0)}"

    def _table(self, examples: Sequence[Example], width: int, height: int, look: Look) -> list[Line]:
        """Examples of a table, with the names of its columns."""
        examples = examples[: 1 if self.one else None]
        model, missing = self.selection.model, look.glyphs.missing
        widest = max(9, width // 6)
        labels = distinct([clean(name, look) for name in names_of(model)], widest, look.glyphs.more)
        wrong = [example.label != example.predicted for example in examples]
        styles = [look.style(TROUBLE if trouble else "", bold=trouble) for trouble in wrong]
        rows = [example.values for example in examples]
        inputs, total = input_columns(feature_names_of(model), rows, look)
        columns = [
            Column("loss", [compact(example.loss, 3, missing) for example in examples]),
            Column("true", [labels[example.label] for example in examples], True, widest=widest),
            Column("predicted", [labels[e.predicted] for e in examples], True, styles, widest),
            Column("p", [percent(example.probability, 0) for example in examples]),
        ]
        return records([*columns, *inputs], width, height, look, total=len(columns) + total)


class WeightsView(SignedTilesView[Weights]):
    """The weights of the first layer as images; of a table as columns of a grid, an input in each row."""

    record = Weights
    most = 128

    def _size_and_units(self) -> tuple[tuple[int, int], int]:
        """Rows and columns of the image of a unit, and the number of units."""
        model = self.selection.model
        size = weights_grid(model)
        node = first_weights(model.network, size) if model.network else None
        if node is None:
            return (1, 1), 0
        shape = next(p.shape for p in node.parameters if p.name == "weight")
        return (shape[2], shape[3]) if len(shape) == 4 else size or (1, 1), node.output_shape[0]

    def plan(self, width: int, height: int) -> Layout:
        size, units = self._size_and_units()
        if size[0] == 1:
            return self._table_plan(size[1], units, width, height)
        return self.layout_of(size, width, height, min(units, 8), least=7)

    def total(self) -> int:
        return self._size_and_units()[1]

    def about(self, found: Weights, look: Look) -> str:
        last = found.first + (1 if self.one else len(found.grids))
        return f"of layer {found.layer}, units {found.first}–{last - 1} of {found.total:,}"

    def show(self, found: Weights, width: int, height: int, look: Look) -> list[Line]:
        size = (found.height, found.width)
        if found.height == 1:
            return self._table(found, width, height, look)
        return self.signed_tiles(found, size, self.plan(width, height), width, height, look)

    def _inputs(self, look: Look) -> list[str]:
        """The names of the inputs of a table."""
        names = [clean(name, look) for name in feature_names_of(self.selection.model)]
        return [*names, *(f"column {k + 1}" for k in range(len(names), self._size_and_units()[0][1]))]

    def _table_plan(self, inputs: int, units: int, width: int, height: int) -> Layout:
        """Units as columns of at most 8 cells, and inputs as rows."""
        room = width - self._margin(width)
        count = max(1, min(units, room // 4))
        wide = max(1, min(8, room // count))
        tall = max(1, min(6, (height - 2) // max(1, inputs)))
        return Layout(1 if self.one else max(1, min(units, room // wide)), 1, wide, tall, wide)

    def _margin(self, width: int) -> int:
        return min(max(map(len, self._inputs(look_of(self))), default=0), max(8, width // 4)) + 1

    def _table(self, found: Weights, width: int, height: int, look: Look) -> list[Line]:
        """A grid of colours: a row for each input with its name, a column for each unit with its number."""
        plan, margin, more = self.plan(width, height), self._margin(width), look.glyphs.more
        values = np.array([np.frombuffer(grid, np.uint8) for grid in found.grids], np.float64).T
        values = ((values - ZERO) / (ZERO - 1))[:, : plan.columns]
        greatest = max(found.scales, default=0.0) or 1.0
        if self.one_scale:
            values = values * np.array(found.scales[: plan.columns]) / greatest
        quiet = look.style(QUIET)
        numbers = "".join(f"{found.first + k:>{plan.tile - 1}} " for k in range(values.shape[1]))
        lines = [strip([(fit("unit", margin, more), quiet), (numbers, quiet)], width)]
        per_row = 2 * plan.height
        pixel_rows = pixels.signed(np.repeat(np.repeat(values, per_row, 0), plan.tile, 1), look)
        for k, row in enumerate(pixel_rows):
            name = self._inputs(look)[k // plan.height] if k % plan.height == (plan.height - 1) // 2 else ""
            label = fit(name, margin - 1, more) + " "
            lines.append(Line.of([Segment(label, look.style()), *row]).resized(width))
        room, per_input = max(1, height - 1), plan.height
        if len(lines) > room:
            hidden = len(values) - (room - 2) // per_input
            more_inputs = f"{hidden} more inputs have no room"
            lines = [*lines[: room - 1], strip([(more_inputs, quiet)], width)]
        shown = lines[:room]
        return [*shown, strip(self._scale(greatest, width, look), width)][:height]


CONFUSION_MATRIX = Chart(
    "confusions",
    "confusion matrix",
    "How many validation examples of each class were predicted as each class.",
    130,
    ConfusionView,
    has_classes,
    suits=lambda run: has_classes(run) and image_size(run) is None,
)
HIGHEST_LOSS = Chart(
    "worst",
    "highest-loss examples",
    "The examples with the largest losses: target, prediction and probability.",
    140,
    HighestLossView,
    has_classes,
    suits=lambda run: has_classes(run) and image_size(run) is not None,
)
WEIGHTS = Chart(
    "weights",
    "first-layer weights",
    "The weights of the first layer: images of what it sees, or a row for each column.",
    150,
    WeightsView,
    has_weights,
)
