"""Base classes of the charts that need inspections: title, pages, tiles; and which runs have them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from tuiml.formatting import compact
from tuiml.spec.preset import Preset
from tuiml.training.inspections.first_layer_weights import Weights, first_weights
from tuiml.training.inspections.network import ZERO
from tuiml.training.inspections.network import image_size as size_of
from tuiml.training.inspections.record import CLASSES, Evaluated, Inspection, InspectionRequest
from tuiml.training.inspections.responses import Responses
from tuiml.tui.chart_views.chart import ChartView
from tuiml.tui.charts import pixels
from tuiml.tui.charts.palette import QUIET, VALIDATION, Look
from tuiml.tui.charts.text import Line, clean, notice, strip
from tuiml.tui.charts.tiles import Layout, layout, tiles
from tuiml.tui.keys import action
from tuiml.tui.model.run_model import RunModel


def preset_of(model: RunModel) -> Preset | None:
    """The preset of a run with a network to inspect, or ``None``."""
    return model.preset if model.network else None


def has_classes(model: RunModel) -> bool:
    """True if there are classes, few enough to distinguish."""
    preset = preset_of(model)
    return preset is not None and 2 <= len(preset.data.classes) <= CLASSES


def is_plane(model: RunModel) -> bool:
    """True if points of the plane are classified."""
    return has_classes(model) and has_units(model)


def has_units(model: RunModel) -> bool:
    """True if the outputs of units can be drawn over the plane."""
    preset = preset_of(model)
    return preset is not None and len(preset.data.classes) <= CLASSES and preset.data.shape == (2,)


def is_image(model: RunModel) -> bool:
    """True if the examples are images that can be drawn on the pad."""
    size = image_size(model)
    return size is not None and has_classes(model) and max(size) <= 64 and min(size) >= 4


def has_weights(model: RunModel) -> bool:
    """True if the weights of the first layer can be shown as images."""
    return model.network is not None and first_weights(model.network, image_size(model)) is not None


def image_size(model: RunModel) -> tuple[int, int] | None:
    """Height and width of an example that is an image."""
    return size_of(model.preset.data.shape) if model.preset else None


def names_of(model: RunModel) -> Sequence[str]:
    """The names of the classes; may be from a file, so not safe to print."""
    return model.preset.data.classes if model.preset else ()


R = TypeVar("R", bound=Inspection)


class InspectionView(ChartView, Generic[R]):
    """A view of the answer to an inspection request: a record of the type ``record``."""

    record: type[R]

    @property
    def found(self) -> R | None:
        """The newest answer."""
        found = self.selection.model.inspections.get(self.record.event)
        return found if isinstance(found, self.record) else None

    def request(self, **fields: int) -> InspectionRequest:
        """A request for a record."""
        return InspectionRequest(self.record.event, **fields)

    def stamp(self) -> Hashable:
        model = self.selection.model
        found = self.found
        old = found is not None and found.step < model.step
        return (model.inspections_version, model.status, self.selection.index, old)

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        found = self.found
        if width < 8 or height < 2:
            return []
        head = [(self.pointer(look) + self.title, look.style(bold=True))]
        if found is None:
            return [strip(head, width), *notice(clean(self._waiting(), look), width, height - 1, look)]
        about = clean(self.about(found, look), look)
        old = found.step < self.selection.model.step
        style = look.style(VALIDATION, bold=True) if old else look.style(QUIET)
        parts = [(f"  {about}" if about else "", look.style(QUIET)),
                 (f"  {self.selection.step_words(found.step)}", style)]  # fmt: skip
        head += reversed(parts) if old else parts  # the first is the last to be cut off
        return [strip(head, width), *self.show(found, width, height - 1, look)]

    def show(self, found: R, width: int, height: int, look: Look) -> list[Line]:
        """Draw an answer, below the title."""
        raise NotImplementedError  # pragma: no cover - every view draws something

    def about(self, found: R, look: Look) -> str:
        """A few words beside the title."""
        return ""

    def _waiting(self) -> str:
        model = self.selection.model
        if model.inspection_problem:
            return model.inspection_problem
        if model.status == "empty":
            return self.selection.hint(self)
        return "" if model.status in ("loading", "failed") else "asking the network"


@dataclass
class Pages:
    """The position of each chart in its list of items, by the event of the record."""

    first: dict[str, int] = field(default_factory=dict)
    one: dict[str, bool] = field(default_factory=dict)


class PagedView(InspectionView[R]):
    """A view of some of many items: examples, units, or numbers of the target."""

    @property
    def first(self) -> int:
        """The first item shown."""
        return self.selection.of(Pages).first.get(self.record.event, 0)

    most: ClassVar[int] = 64
    """Maximum number of items per request."""

    def requests(self) -> list[InspectionRequest]:
        return [self.request(first=self.first, count=max(1, min(self.most, self.shown_count())))]

    def total(self) -> int:
        """How many items there are, if known."""
        return self.found.evaluated if isinstance(self.found, Evaluated) else 0

    def shown_count(self) -> int:
        """How many items are shown."""
        return 1

    def stamp(self) -> Hashable:
        return (super().stamp(), self.first)

    def _go_to(self, first: int) -> None:
        last = max(0, self.total() - 1)
        self.selection.of(Pages).first[self.record.event] = max(0, min(first, last))

    @action("greater_than_sign", "more", "The next units, or examples.", "train", rank=280)
    def action_tiles_on(self) -> None:
        step = max(1, self.shown_count())
        if self.first + step < self.total():
            self._go_to(self.first + step)

    @action("less_than_sign", "back", "The previous units, or examples.", "train", rank=290, shown=False)
    def action_tiles_back(self) -> None:
        self._go_to(self.first - max(1, self.shown_count()))


class TilesView(PagedView[R]):
    """A view of tiles: many, or a single one."""

    @property
    def one(self) -> bool:
        """True if a single tile is shown."""
        return self.selection.of(Pages).one.get(self.record.event, False)

    def stamp(self) -> Hashable:
        return (super().stamp(), self.one)

    @action("u", "one unit", "One unit or example alone, and all of them again.", "train", rank=260)
    def action_one_unit(self) -> None:
        self.selection.of(Pages).one[self.record.event] = not self.one

    def label(self, action_id: str) -> str | None:
        return "all" if action_id == "one_unit" and self.one else None

    def plan(self, width: int, height: int) -> Layout:
        """How tiles fill a space."""
        raise NotImplementedError  # pragma: no cover - every view lays out its tiles

    def shown_count(self) -> int:
        return 1 if self.one else self.plan(self.size.width, self.size.height - 1).count

    def layout_of(
        self, size: tuple[int, int], width: int, height: int, wanted: int, **options: int
    ) -> Layout:
        """How tiles of images of ``size`` fill a space."""
        return layout(size, width, height, wanted=1 if self.one else wanted, **options)


def signed_tiles(
    view: TilesView[Any],
    found: Responses | Weights,
    size: tuple[int, int],
    plan: Layout,
    width: int,
    height: int,
    look: Look,
) -> list[Line]:
    """Signed grids of ``size`` (rows, columns) as tiles, each with its unit's number and largest value."""
    made = []
    for i, (grid, scale) in enumerate(zip(found.grids, found.scales, strict=True)):
        values = (np.frombuffer(grid, np.uint8).reshape(size).astype(np.float64) - ZERO) / (ZERO - 1)
        image = pixels.signed(pixels.resized(values, plan.height, plan.width), look)
        caption = f"{found.first + i} {'±' if look.unicode else ''}{compact(scale)}"
        made.append((image, [(caption, look.style(QUIET))]))
    return tiles(made[: 1 if view.one else None], plan, width, height, look.glyphs.more)
