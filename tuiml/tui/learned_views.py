"""What a network learned, as charts of Train: the plane, units, confusions, the worst examples, weights."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from textual.strip import Strip

from tuiml.training.inspection import first_weights
from tuiml.training.learned import (
    CELLS,
    CLASSES,
    ZERO,
    Boundary,
    Confusion,
    Example,
    Inspection,
    Judged,
    Responses,
    Weights,
    Wish,
    Worst,
    picture_size,
)
from tuiml.tui.charts import pixels
from tuiml.tui.charts.boundary import field, legend
from tuiml.tui.charts.confusion import confusion
from tuiml.tui.charts.numbers import compact, percent
from tuiml.tui.charts.palette import QUIET, TROUBLE, Look
from tuiml.tui.charts.text import clean, notice, strip
from tuiml.tui.charts.tiles import Caption, Layout, layout, tiles
from tuiml.tui.charts_view import View
from tuiml.tui.run_model import RunModel
from tuiml.tui.sight import Sight

MOST_COLUMNS, MOST_ROWS = 96, 96
"""Points of the plane that are asked for, at most: finer is not seen, and costs."""
BESIDE = 26
"""Cells beside the plane from which its units are shown there."""


class Turned:
    """Which page of its tiles a chart shows, and whether a single one; shared by all widgets of the chart."""

    def __init__(self) -> None:
        self.first: dict[str, int] = {}
        self.one: dict[str, bool] = {}
        self.shares = False
        self.version = 0


# -- what a run has ----------------------------------------------------------------------------------------


def is_plane(model: RunModel) -> bool:
    """Whether the examples are points of the plane."""
    return has_classes(model) and model.preset is not None and model.preset.data.shape == (2,)


def has_classes(model: RunModel) -> bool:
    """Whether there are few enough classes to be told apart."""
    return model.network is not None and 2 <= len(names_of(model)) <= CLASSES


def is_picture(model: RunModel) -> bool:
    """Whether the examples are pictures that can be drawn."""
    size = picture_of(model)
    return size is not None and has_classes(model) and max(size) <= 64 and min(size) >= 4


def has_weights(model: RunModel) -> bool:
    """Whether the first weights can be shown as pictures."""
    return model.network is not None and first_weights(model.network, picture_of(model)) is not None


def picture_of(model: RunModel) -> tuple[int, int] | None:
    """Height and width of an example that is a picture."""
    return picture_size(model.preset.data.shape) if model.preset else None


def names_of(model: RunModel) -> Sequence[str]:
    """The names of the classes: from a file, perhaps."""
    return model.preset.data.classes if model.preset else ()


# -- views -------------------------------------------------------------------------------------------------


class LearnedView(View, can_focus=True):
    """A view of something that the training process is asked for."""

    what: str
    title: str

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self.sight = sight
        self.turned = sight.of(Turned)

    def stamp(self) -> Hashable:
        model = self.sight.model
        return (model.seen, model.status, self.sight.index, self.turned.version)

    def wishes(self) -> list[Wish]:
        """What it needs, for as long as it is on the screen."""
        raise NotImplementedError  # pragma: no cover - every view has some

    def draw(self, width: int, height: int, look: Look) -> list[Strip]:
        found = self.sight.model.learned.get(self.what)
        if width < 8 or height < 2:
            return []
        if found is None:
            head = [strip([(self.pointer(look) + self.title, look.style(bold=True))], width)]
            return head + notice(clean(self._waiting(), look), width, height - 1, look)
        body = self.show(found, width, height - 1, look)
        return [self._head(found, width, look), *body]

    def show(self, found: Inspection, width: int, height: int, look: Look) -> list[Strip]:
        """What was found, below the title."""
        raise NotImplementedError  # pragma: no cover - every view shows something

    def _head(self, found: Inspection, width: int, look: Look) -> Strip:
        about = clean(self.about(found, look), look)
        parts = [(self.pointer(look) + self.title, look.style(bold=True))]
        quiet = look.style(QUIET)
        parts.append((f"  {about}" if about else "", quiet))
        parts.append((f"  step {found.step:,}", quiet))
        return strip(parts, width)

    def about(self, found: Inspection, look: Look) -> str:
        """A few words beside the title."""
        return ""

    def _waiting(self) -> str:
        model = self.sight.model
        if model.blind:
            return model.blind
        if model.status == "empty":
            return self.sight.hint(self)
        return "" if model.status in ("loading", "failed") else "asking the network"

    # -- pages of tiles -----------------------------------------------------------------------------------

    @property
    def first(self) -> int:
        return self.turned.first.get(self.what, 0)

    @property
    def one(self) -> bool:
        """Whether a single tile is shown."""
        return self.turned.one.get(self.what, False)

    def total(self) -> int:
        """Tiles in all, as far as is known."""
        return 0

    def shown_count(self) -> int:
        """Tiles on the screen."""
        return 1

    def _turn(self, first: int) -> None:
        self.turned.first[self.what] = max(0, min(first, max(0, self.total() - 1)))
        self.turned.version += 1

    def action_tiles_on(self) -> None:
        step = max(1, self.shown_count())
        if self.first + step < self.total():
            self._turn(self.first + step)

    def action_tiles_back(self) -> None:
        self._turn(self.first - max(1, self.shown_count()))

    def action_one_unit(self) -> None:
        self.turned.one[self.what] = not self.one
        self.turned.version += 1

    def label(self, action_id: str) -> str | None:
        """Words for the key bar."""
        return "all" if action_id == "one_unit" and self.one else None

    def plan_of(self, size: tuple[int, int], width: int, height: int, wanted: int, **options: int) -> Layout:
        """How tiles of pictures of ``size`` are laid out."""
        return layout(size, width, height, wanted=1 if self.one else wanted, **options)


class UnitsView(LearnedView):
    """What each unit of the selected layer makes of the plane."""

    what: str = "responses"
    title = "units"
    SIZE = (12, 12)

    def _plan(self, width: int, height: int) -> Layout:
        return self.plan_of(self.SIZE, width, height, min(self.total(), 8), least=7)

    def _room(self) -> tuple[int, int]:
        return self.size.width, self.size.height - 1

    def total(self) -> int:
        network, index = self.sight.model.network, self.sight.index
        if network is None or index >= len(network.nodes):
            return 0
        return math.prod(network.nodes[index].output_shape)

    def shown_count(self) -> int:
        return 1 if self.one else self._plan(*self._room()).count

    def wishes(self) -> list[Wish]:
        wish = unit_wish(self, self._plan(*self._room()))
        return [wish] if wish else []

    def about(self, found: Inspection, look: Look) -> str:
        return f"of layer {self.sight.index}, {clean(self.sight.called, look)}"

    def show(self, found: Inspection, width: int, height: int, look: Look) -> list[Strip]:
        assert isinstance(found, Responses)
        return unit_tiles(self, found, self._plan(width, height), width, height, look)


def unit_wish(view: LearnedView, plan: Layout) -> Wish | None:
    """The responses that fill a layout."""
    if not plan.count or not view.total():
        return None
    count = 1 if view.one else min(plan.count, view.total())
    columns, rows = min(plan.width, MOST_COLUMNS), min(plan.height, MOST_ROWS)
    count = min(count, CELLS // (columns * rows))
    return Wish("responses", columns, rows, view.sight.index, min(view.first, view.total() - 1), count)


def unit_tiles(
    view: LearnedView, found: Responses, plan: Layout, width: int, height: int, look: Look
) -> list[Strip]:
    """Units' responses as tiles."""
    if found.layer != view.sight.index:
        return notice("asking the network", width, height, look)
    return signed_tiles(view, found, (found.rows, found.columns), plan, width, height, look)


def signed_tiles(
    view: LearnedView,
    found: Responses | Weights,
    size: tuple[int, int],
    plan: Layout,
    width: int,
    height: int,
    look: Look,
) -> list[Strip]:
    """Signed grids of ``size`` (rows, columns) as tiles, each with its unit's number."""
    made = []
    for i, (grid, scale) in enumerate(zip(found.grids, found.scales, strict=True)):
        picture = pixels.resized(from_signed(grid, *size), plan.height, plan.width)
        made.append((pixels.signed(picture, look), [unit_caption(found.first + i, scale, look)]))
    return tiles(made[: 1 if view.one else None], plan, width, height, look.glyphs.more)


def unit_caption(unit: int, scale: float, look: Look) -> Caption:
    """Which unit it is, and what its strongest colour stands for."""
    return f"{unit} {'±' if look.unicode else ''}{compact(scale)}", look.style(QUIET)


def from_signed(grid: bytes, rows: int, columns: int) -> NDArray[np.float64]:
    """A signed grid as numbers from -1 to 1."""
    return (np.frombuffer(grid, np.uint8).reshape(rows, columns).astype(np.float64) - ZERO) / (ZERO - 1)


class BoundaryView(UnitsView):
    """The plane in the colours of the classes; where there is room, the units of the selected layer too."""

    title = "boundary"
    what = "boundary"

    def _split(self, width: int, height: int) -> tuple[int, int, int]:
        """Width and height of the plane, and the width of what is beside it."""
        tall = max(1, height - 1)
        wide = min(width, round(2.2 * tall))
        rest = width - wide - 3
        return (wide, tall, rest) if rest >= BESIDE and self.total() else (min(width, 3 * tall), tall, 0)

    def _beside(self, width: int, height: int) -> Layout:
        _, tall, rest = self._split(width, height)
        return self._plan(rest, tall) if rest else Layout(0, 0, 0, 0, 0)

    def shown_count(self) -> int:
        return 1 if self.one else self._beside(*self._room()).count

    def wishes(self) -> list[Wish]:
        width, height = self._room()
        wide, tall, _ = self._split(width, height)
        if wide < 1:
            return []
        found = [Wish("boundary", min(wide, MOST_COLUMNS), min(2 * tall, MOST_ROWS))]
        units = unit_wish(self, self._beside(width, height))
        return [*found, units] if units else found

    def about(self, found: Inspection, look: Look) -> str:
        return ""

    def show(self, found: Inspection, width: int, height: int, look: Look) -> list[Strip]:
        assert isinstance(found, Boundary)
        wide, tall, rest = self._split(width, height)
        rows = field(found, wide, tall, look)
        units = self.sight.model.learned.get("responses")
        beside: list[Strip] = []
        if rest and isinstance(units, Responses):
            beside = unit_tiles(self, units, self._beside(width, height), rest, tall, look)
        strips = []
        for y, row in enumerate(rows):
            segments = [*row, Segment("   ")]
            if y < len(beside):
                segments += list(beside[y])
            strips.append(Strip(segments).adjust_cell_length(width))
        return [*strips, legend(found, names_of(self.sight.model), width, look)][:height]


class ConfusionView(LearnedView):
    """Which class is taken for which."""

    what = "confusion"
    title = "confusions"

    def wishes(self) -> list[Wish]:
        return [Wish("confusion")]

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

    def wishes(self) -> list[Wish]:
        return [Wish("worst", first=self.first, count=max(1, min(64, self.shown_count())))]

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

    def wishes(self) -> list[Wish]:
        return [Wish("weights", first=self.first, count=max(1, min(128, self.shown_count())))]

    def about(self, found: Inspection, look: Look) -> str:
        assert isinstance(found, Weights)
        last = found.first + (1 if self.one else len(found.grids))
        return f"of layer {found.layer}, units {found.first}–{last - 1} of {found.total:,}"

    def show(self, found: Inspection, width: int, height: int, look: Look) -> list[Strip]:
        assert isinstance(found, Weights)
        size = (found.height, found.width)
        return signed_tiles(self, found, size, self._plan(width, height), width, height, look)
