"""What Build shows beside the settings: the network as a diagram, and a look at the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message

from tuiml.data.base import Dataset
from tuiml.nn.layers import dimensions
from tuiml.training.data_sample import ColumnSample, DataSample
from tuiml.training.inspections.network import image_size
from tuiml.tui.charts import data_look
from tuiml.tui.charts.network_diagram import LOWEST, Block, Frame, network_diagram
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.charts.text import Line, clean, notice, strip
from tuiml.tui.model.layer_rows import LayerRow
from tuiml.tui.widgets.chart_view import View

LEAST = LOWEST + 3
"""Rows of one drawing, at least."""
TWO, DIAGRAM = 15, 13
"""Rows from which there are two drawings, one above the other, and those of the diagram at most."""
WIDE = 96
"""Cells from which two drawings lie side by side."""


@dataclass(frozen=True)
class Shown:
    """What the drawings depend on."""

    rows: tuple[LayerRow, ...] = ()
    data: Dataset | None = None
    sample: DataSample | None = None
    missing: str = ""
    """Why there is no sample, in words."""


Draw = Callable[["Shown", int, int, Look], list[Line]]


class DrawingView(View):
    """The drawings that have room; ``c`` goes through them, ``z`` gives one of them all of it."""

    DEFAULT_CSS = "DrawingView { height: 1fr; width: 1fr; padding: 0; }"

    @dataclass
    class Pointed(Message):
        """A layer was clicked in the diagram."""

        index: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.of = Shown()
        self.selected = 0
        self.chosen = "network"
        self.enlarged = False

    def show(self, of: Shown, selected: int) -> None:
        """Show another state of the document; only what differs is painted again."""
        self.of, self.selected = of, selected
        self._renew()

    def stamp(self) -> Hashable:
        return (id(self.of.sample), self.of.rows, self.of.data and self.of.data.title, self.of.missing,
                self.selected, self.chosen, self.enlarged)  # fmt: skip

    @property
    def names(self) -> list[str]:
        """The drawings that there are for this data."""
        return ["network", *_data_looks(self.of)]

    @property
    def drawn(self) -> list[str]:
        """The drawings on the screen."""
        names, (width, height) = self.names, self.size
        chosen = self.chosen if self.chosen in names else names[0]
        if self.enlarged or (height < TWO and width < WIDE):
            return [chosen]
        first = chosen if chosen != "network" else names[min(1, len(names) - 1)]
        rest = [name for name in names[1:] if name != first]
        both = height >= TWO and width >= WIDE
        return list(dict.fromkeys(["network", first, *(rest[:1] if both else ())]))

    def turn(self, by: int) -> None:
        """Show the next drawing, or the one before, in the place that changes."""
        names = self.names if len(self.drawn) == 1 else self.names[1:]
        current = self.drawn[0] if len(self.drawn) == 1 else self.drawn[1]
        self.chosen = names[(names.index(current) + by) % len(names)]
        self._renew()

    @property
    def more(self) -> bool:
        """True if there is a drawing that is not on the screen, or one to turn to."""
        return len(self.drawn) < len(self.names)

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        if width < 16 or height < LEAST:
            return []
        names = self.drawn
        if len(names) == 1:
            return self._one(names[0], width, height, look)
        if height < TWO:
            left = (width - data_look.GAP) // 2
            widths = (left, width - data_look.GAP - left)
            parts = [self._one(n, w, height, look) for n, w in zip(names, widths, strict=False)]
            return data_look.beside(parts[0], parts[1], widths, height)
        above = min(DIAGRAM, max(LEAST + 3, height * 9 // 20))
        top = self._one("network", width, above - 1, look)
        below = height - above
        if len(names) == 2:
            return [*top, strip([], width), *self._one(names[1], width, below, look)]
        right = min(44, width * 2 // 5)
        widths = (width - data_look.GAP - right, right)
        parts = [self._one(n, w, below, look) for n, w in zip(names[1:], widths, strict=True)]
        return [*top, strip([], width), *data_look.beside(parts[0], parts[1], widths, below)]

    def _one(self, name: str, width: int, height: int, look: Look) -> list[Line]:
        if name == "network":
            return network_diagram(blocks(self.of), self.selected, width, height, look)
        title = [
            (f"{name}  ", look.style(bold=True)),
            (clean(_about(name, self.of), look), look.style(QUIET)),
        ]
        return [strip(title, width, look.glyphs.more), *LOOKS[name](self.of, width, height - 1, look)][
            :height
        ]

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        names = self.drawn
        if at is None or names[0] != "network":
            return
        width = self.size.width
        if len(names) == 2 and self.size.height < TWO:
            width = (width - data_look.GAP) // 2
        index = Frame.of(blocks(self.of), self.selected, width).at(at.x) if at.x < width else None
        if index is not None:
            self.post_message(self.Pointed(index))


def blocks(of: Shown) -> list[Block]:
    """The input and the layers of a document."""
    found = []
    if of.data is not None:
        found.append(_block(-1, ("input",), of.data.shape, True))
    for row in of.rows:
        full = f"{row.type} {row.activation}".strip()
        names = (full, row.activation or row.type)
        found.append(_block(row.index, names, row.output_shape, not row.parameters))
    return found


def _block(index: int, names: tuple[str, ...], shape: tuple[int, ...] | None, thin: bool) -> Block:
    if shape is None:
        return Block(index, names, "?", 0)
    return Block(index, names, dimensions(shape), math.prod(shape), image_size(shape) is not None, thin)


def _data_looks(of: Shown) -> list[str]:
    """The drawings that suit the data."""
    sample = of.sample
    if sample is None:
        return ["data"] if of.data else []
    found = []
    if sample.images:
        found.append("samples")
    plane = len(sample.columns) == 2 and sample.labels
    if plane or (sample.columns and sample.targets):
        found.append("points")
    if sample.columns or sample.targets:
        found.append("columns")
        if len(sample.columns) > 2 and "points" in found:
            found.reverse()
    if sample.counts:
        found.append("classes")
    return found


def _about(name: str, of: Shown) -> str:
    """A few words beside the title."""
    sample, data = of.sample, of.data
    if sample is None or data is None:
        return data.title if data else ""
    train = data.sizes()[0]
    if name == "classes":
        return data_look.balance_words(sample.counts)
    if name == "columns":
        return f"{len(_columns(of))} of {math.prod(data.shape) + data.outputs * bool(sample.targets)}"
    if name == "points" and len(sample.columns) > 2:
        return "most correlated with the target"
    return f"{data.title}: {train:,} training examples"


def _columns(of: Shown) -> list[tuple[str, ColumnSample, bool]]:
    """Name, sample and whether it is a target, of each column."""
    sample, data = of.sample, of.data
    if sample is None or data is None:
        return []
    features = _named(data.feature_names, len(sample.columns), "column ")
    targets = _named(data.target_names, len(sample.targets), "target ")
    return [
        *((name, column, True) for name, column in zip(targets, sample.targets, strict=True)),
        *((name, column, False) for name, column in zip(features, sample.columns, strict=True)),
    ]


def _named(names: Sequence[str], count: int, word: str) -> list[str]:
    """The names of columns, or numbers for those without names."""
    if len(names) >= count:
        return list(names[:count])
    return [f"{word}{i + 1}".strip() if count > 1 else word.strip() for i in range(count)]


def _samples(of: Shown, width: int, height: int, look: Look) -> list[Line]:
    sample = of.sample
    assert sample is not None
    classes = of.data.classes if of.data else ()
    if sample.labels:
        captions = [classes[label] if label < len(classes) else str(label) for label in sample.labels]
    else:
        captions = [f"{value:.3g}" for value in sample.targets[0].values] if sample.targets else []
    size = (sample.height, sample.width)
    return data_look.image_tiles(sample.images, captions, size, width, height, look)


def _points(of: Shown, width: int, height: int, look: Look) -> list[Line]:
    sample, names = of.sample, [name for name, _, target in _columns(of) if not target]
    assert sample is not None
    if sample.targets:
        target, at = (
            sample.targets[0],
            data_look.most_correlated([column.values for column in sample.columns], sample.targets[0].values),
        )
        axes = names[at], _columns(of)[0][0]
        return data_look.against_target(sample.columns[at].values, target.values, axes, width, height, look)
    x, y = (column.values for column in sample.columns)
    classes = of.data.classes if of.data else ()
    return data_look.class_points(x, y, sample.labels, classes, (names[0], names[1]), width, height, look)


def _column_lines(of: Shown, width: int, height: int, look: Look) -> list[Line]:
    return data_look.column_lines(_columns(of), width, height, look)


def _classes(of: Shown, width: int, height: int, look: Look) -> list[Line]:
    counts = of.sample.counts if of.sample else ()
    return data_look.class_bars(of.data.classes if of.data else (), counts, width, height, look)


def _missing(of: Shown, width: int, height: int, look: Look) -> list[Line]:
    return notice(clean(of.missing or "reading the data", look), width, height, look)


LOOKS: dict[str, Draw] = {
    "samples": _samples,
    "points": _points,
    "columns": _column_lines,
    "classes": _classes,
    "data": _missing,
}
