"""What the charts of what a network learned have in common: whom they suit, their title, pages of tiles."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray
from textual.strip import Strip

from tuiml.formatting import compact
from tuiml.training.inspection_records import (
    CLASSES,
    ZERO,
    Inspection,
    InspectionRequest,
    Responses,
    Weights,
    picture_size,
)
from tuiml.training.inspector import first_weights
from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.charts import pixels
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.charts.text import clean, notice, strip
from tuiml.tui.charts.tiles import Caption, Layout, layout, tiles
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.widgets.chart_view import View


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


def has_units(model: RunModel) -> bool:
    """Whether units can be shown as what they make of the plane."""
    few = model.preset is not None and len(model.preset.data.classes) <= CLASSES
    return few and model.network is not None and model.preset is not None and model.preset.data.shape == (2,)


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

    def __init__(self, sight: ChartSelection) -> None:
        super().__init__()
        self.sight = sight
        self.turned = sight.of(Turned)

    def stamp(self) -> Hashable:
        model = self.sight.model
        return (model.seen, model.status, self.sight.index, self.turned.version)

    def wishes(self) -> list[InspectionRequest]:
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
