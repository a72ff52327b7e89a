"""Charts of a classifier: confusion matrix, highest-loss examples, first-layer weights."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from tuiml.formatting import compact, percent
from tuiml.training.inspections.confusion import Confusion
from tuiml.training.inspections.first_layer_weights import Weights, first_weights
from tuiml.training.inspections.highest_loss import Example, HighestLoss
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
)
from tuiml.tui.charts import pixels
from tuiml.tui.charts.confusion import confusion, listed
from tuiml.tui.charts.palette import QUIET, TROUBLE, Look
from tuiml.tui.charts.records import Column, input_columns, records
from tuiml.tui.charts.text import Line, clean
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

    @action("percent_sign", "fractions", "The confusion matrix in counts or fractions.", "train", rank=270)
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
        captions = [self._captions(example, look) for example in examples]
        inputs, total = input_columns(
            feature_names_of(self.selection.model), [example.values for example in examples], look
        )
        arrow = "→" if look.unicode else ">"
        predictions = [prediction for (prediction, _), _ in captions]
        styles = [style for (_, style), _ in captions]
        columns = [
            Column("loss", [compact(example.loss, 3, look.glyphs.missing) for example in examples]),
            Column(f"true {arrow} predicted", predictions, True, styles, max(20, width // 3)),
        ]
        return records([*columns, *inputs], width, height, look, total=len(columns) + total)


class WeightsView(SignedTilesView[Weights]):
    """The weights of the first layer as images."""

    record = Weights
    most = 128

    def _size_and_units(self) -> tuple[tuple[int, int], int]:
        """Rows and columns of the image of a unit, and the number of units."""
        model = self.selection.model
        size = image_size(model)
        node = first_weights(model.network, size) if model.network else None
        if node is None:
            return (1, 1), 0
        shape = next(p.shape for p in node.parameters if p.name == "weight")
        return (shape[2], shape[3]) if len(shape) == 4 else size or (1, 1), node.output_shape[0]

    def plan(self, width: int, height: int) -> Layout:
        size, units = self._size_and_units()
        return self.layout_of(size, width, height, min(units, 8), least=7)

    def total(self) -> int:
        return self._size_and_units()[1]

    def about(self, found: Weights, look: Look) -> str:
        last = found.first + (1 if self.one else len(found.grids))
        return f"of layer {found.layer}, units {found.first}–{last - 1} of {found.total:,}"

    def show(self, found: Weights, width: int, height: int, look: Look) -> list[Line]:
        size = (found.height, found.width)
        return self.signed_tiles(found, size, self.plan(width, height), width, height, look)


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
    "The weights of the first layer as images.",
    150,
    WeightsView,
    has_weights,
)
