"""Base classes of the charts that need inspections: title, pages, tiles; and which runs have them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

import numpy as np
from rich.cells import cell_len
from rich.style import Style

from tuiml.formatting import compact
from tuiml.spec.preset import Preset
from tuiml.training.inspections.first_layer_weights import Weights, first_weights, grid_of
from tuiml.training.inspections.network import ZERO
from tuiml.training.inspections.network import image_size as size_of
from tuiml.training.inspections.record import CLASSES, Evaluated, Inspection, InspectionRequest
from tuiml.training.inspections.responses import Responses
from tuiml.tui.chart_views.chart import ChartView, ScaledView
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
    """True if the weights of the first layer can be shown as images or rows."""
    grid = weights_grid(model)
    return model.network is not None and first_weights(model.network, grid) is not None


def weights_grid(model: RunModel) -> tuple[int, int] | None:
    """Rows and columns of the weights of a unit of the first layer, as far as the data says."""
    return grid_of(model.preset.data.shape) if model.preset else None


def image_size(model: RunModel) -> tuple[int, int] | None:
    """Height and width of an example that is an image."""
    return size_of(model.preset.data.shape) if model.preset else None


def names_of(model: RunModel) -> Sequence[str]:
    """The names of the classes; may be from a file, so not safe to print."""
    return model.preset.data.classes if model.preset else ()


def feature_names_of(model: RunModel) -> Sequence[str]:
    """The names of the inputs, if they have names; may be from a file, so not safe to print."""
    return model.preset.data.feature_names if model.preset else ()


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
        step = (self.selection.step_words(found.step), look.style(VALIDATION if old else QUIET, bold=old))
        parts = [(words, look.style(QUIET)) for words in about.split("  ") if words]
        room = width - cell_len(head[0][0])
        for words, style in [step, *parts] if old else [*parts, step]:  # the last are left out first
            room -= cell_len(words) + 2
            if room >= 0:
                head.append((f"  {words}", style))
        return [strip(head, width), *self.show(found, width, height - 1, look)]

    def show(self, found: R, width: int, height: int, look: Look) -> list[Line]:
        """Draw an answer, below the title."""
        raise NotImplementedError  # pragma: no cover - every view draws something

    def about(self, found: R, look: Look) -> str:
        """Words beside the title; parts with two spaces between are left out if there is no room."""
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

    def works(self, action_id: str) -> bool:
        if action_id == "tiles_on":
            return self.first + max(1, self.shown_count()) < self.total()
        return self.first > 0 if action_id == "tiles_back" else super().works(action_id)

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

    @action(
        "T", "one unit", "One unit or example alone, and all of them again.", "train", rank=260, also="single"
    )
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


class SignedTilesView(ScaledView, TilesView[R]):
    """A view of signed grids as tiles, with the scale of their colours below them."""

    def layout_of(
        self, size: tuple[int, int], width: int, height: int, wanted: int, **options: int
    ) -> Layout:
        return super().layout_of(size, width, max(0, height - 1), wanted, **options)

    def signed_tiles(
        self,
        found: Responses | Weights,
        size: tuple[int, int],
        plan: Layout,
        width: int,
        height: int,
        look: Look,
    ) -> list[Line]:
        """Grids of ``size`` (rows, columns) as tiles, each with its unit's number and largest value."""
        made = []
        greatest = max(found.scales, default=0.0) or 1.0
        for i, (grid, scale) in enumerate(zip(found.grids, found.scales, strict=True)):
            values = (np.frombuffer(grid, np.uint8).reshape(size).astype(np.float64) - ZERO) / (ZERO - 1)
            if self.one_scale:
                values *= scale / greatest
            image = pixels.signed(pixels.resized(values, plan.height, plan.width), look)
            caption = f"{found.first + i} {'±' if look.unicode else ''}{compact(scale)}"
            made.append((image, [(caption, look.style(QUIET))]))
        drawn = tiles(made[: 1 if self.one else None], plan, width, height - 1, look.glyphs.more)
        return [*drawn, strip(self._scale(greatest, width, look), width)][:height]

    def _scale(self, greatest: float, width: int, look: Look) -> list[tuple[str, Style]]:
        """What the colours mean: numbers, or parts of each unit's largest value."""
        high, words = (compact(greatest), "") if self.one_scale else ("1", "")
        if not self.one_scale and width >= 50:
            words = clean("× each unit's largest", look)
        return pixels.signed_scale(f"-{high}", high, words, look)
