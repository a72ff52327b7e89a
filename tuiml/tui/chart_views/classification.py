"""What a network learned, as charts of Train: confusions, the worst examples, the first weights."""

from __future__ import annotations

import numpy as np
from textual.strip import Strip

from tuiml.formatting import compact, percent
from tuiml.training.inspection_records import (
    Confusion,
    Example,
    Inspection,
    InspectionRequest,
    Judged,
    Weights,
    Worst,
)
from tuiml.training.inspector import first_weights
from tuiml.tui.chart_views.inspection import (
    LearnedView,
    names_of,
    picture_of,
    signed_tiles,
)
from tuiml.tui.charts import pixels
from tuiml.tui.charts.confusion import confusion
from tuiml.tui.charts.palette import QUIET, TROUBLE, Look
from tuiml.tui.charts.text import clean, strip
from tuiml.tui.charts.tiles import Caption, Layout, tiles


class ConfusionView(LearnedView):
    """Which class is taken for which."""

    what = "confusion"
    title = "confusions"

    def wishes(self) -> list[InspectionRequest]:
        return [InspectionRequest("confusion")]

    def about(self, found: Inspection, look: Look) -> str:
        return judged_words(found)

    def show(self, found: Inspection, width: int, height: int, look: Look) -> list[Strip]:
        assert isinstance(found, Confusion)
        names = names_of(self.sight.model)
        return confusion(found.counts, names, width, height, look, shares=self.turned.shares)

    def action_confusion_shares(self) -> None:
        self.turned.shares = not self.turned.shares
        self.turned.version += 1

    def label(self, action_id: str) -> str | None:
        return "counts" if action_id == "confusion_shares" and self.turned.shares else None


def judged_words(found: Inspection) -> str:
    """Of which examples."""
    if not isinstance(found, Judged):
        return ""
    right = ""
    if isinstance(found, Confusion) and found.examples:
        hits = sum(row[i] for i, row in enumerate(found.counts))
        right = f"{percent(hits / found.examples)} right of "
    some = f"{found.examples:,}"
    if found.examples < found.of:
        some += f" of {found.of:,}"
    return f"{right}{some} {found.part} examples"


class WorstView(LearnedView):
    """The examples with the largest losses."""

    what = "worst"
    title = "worst examples"

    def _plan(self, width: int, height: int) -> Layout:
        size = picture_of(self.sight.model)
        if size is None:
            return Layout(1, max(0, height), width, 2, width)
        return self.plan_of(size, width, height, 4, caption=2, least=14)

    def total(self) -> int:
        found = self.sight.model.learned.get("worst")
        return found.examples if isinstance(found, Worst) else 0

    def shown_count(self) -> int:
        plan = self._plan(self.size.width, self.size.height - 1)
        return 1 if self.one else plan.count

    def wishes(self) -> list[InspectionRequest]:
        return [InspectionRequest("worst", first=self.first, count=max(1, min(64, self.shown_count())))]

    def about(self, found: Inspection, look: Look) -> str:
        assert isinstance(found, Worst)
        last = found.first + len(found.found)
        return f"{found.first + 1:,}–{last:,}, {judged_words(found)}" if found.found else judged_words(found)

    def show(self, found: Inspection, width: int, height: int, look: Look) -> list[Strip]:
        assert isinstance(found, Worst)
        plan = self._plan(width, height)
        if not found.width:
            return [self._line(example, width, look) for example in found.found][:height]
        made = []
        for example in found.found[: 1 if self.one else None]:
            picture = np.frombuffer(example.pixels, np.uint8).reshape(found.height, found.width) / 255
            shown = pixels.grey(pixels.resized(picture, plan.height, plan.width), look)
            made.append((shown, self._captions(example, look)))
        return tiles(made, plan, width, height, look.glyphs.more)

    def _captions(self, example: Example, look: Look) -> list[Caption]:
        wrong = example.truth != example.guess
        loss = f"loss {compact(example.loss, 3, look.glyphs.missing)}"
        return [
            (self._verdict(example, look), look.style(TROUBLE if wrong else "", bold=wrong)),
            (loss, look.style(QUIET)),
        ]

    def _verdict(self, example: Example, look: Look) -> str:
        names = names_of(self.sight.model)
        truth, guess = (
            clean(names[k], look) if k < len(names) else str(k) for k in (example.truth, example.guess)
        )
        return f"{truth} {'→' if look.unicode else '>'} {guess} {percent(example.share, 0)}"

    def _line(self, example: Example, width: int, look: Look) -> Strip:
        values = ", ".join(compact(value, 3, look.glyphs.missing) for value in example.values)
        (verdict, style), (loss, quiet) = self._captions(example, look)
        return strip([(f"{loss:<12} ", quiet), (f"{verdict:<28} ", style), (values, quiet)], width)


class WeightsView(LearnedView):
    """The first layer's weights as pictures."""

    what = "weights"
    title = "first weights"

    def _plan(self, width: int, height: int) -> Layout:
        return self.plan_of(self._pixels(), width, height, min(self.total(), 8), least=7)

    def _pixels(self) -> tuple[int, int]:
        model = self.sight.model
        size = picture_of(model)
        node = first_weights(model.network, size) if model.network else None
        if node is None or size is None:
            return (1, 1)
        shape = next(p.shape for p in node.parameters if p.name == "weight")
        return (shape[2], shape[3]) if len(shape) == 4 else size

    def total(self) -> int:
        model = self.sight.model
        node = first_weights(model.network, picture_of(model)) if model.network else None
        return node.output_shape[0] if node else 0

    def shown_count(self) -> int:
        return 1 if self.one else self._plan(self.size.width, self.size.height - 1).count

    def wishes(self) -> list[InspectionRequest]:
        return [InspectionRequest("weights", first=self.first, count=max(1, min(128, self.shown_count())))]

    def about(self, found: Inspection, look: Look) -> str:
        assert isinstance(found, Weights)
        last = found.first + (1 if self.one else len(found.grids))
        return f"of layer {found.layer}, units {found.first}–{last - 1} of {found.total:,}"

    def show(self, found: Inspection, width: int, height: int, look: Look) -> list[Strip]:
        assert isinstance(found, Weights)
        size = (found.height, found.width)
        return signed_tiles(self, found, size, self._plan(width, height), width, height, look)
