"""What a network has learned, as it is asked for and told: small frozen records, each a line of JSON.

A :class:`InspectionRequest` says what is asked for, an :class:`Inspection` is the answer. Grids and images
are bytes (in JSON: base64), row by row from the top, and bounded in size whatever is asked for.
:func:`read` and :func:`read_wish` take lines from another process and let nothing through that is not sound.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from tuiml.training import inspection_records_regression
from tuiml.training.inspection_records_base import CELLS as CELLS
from tuiml.training.inspection_records_base import PARTS as PARTS
from tuiml.training.inspection_records_base import POINTS as POINTS
from tuiml.training.inspection_records_base import VALUES as VALUES
from tuiml.training.inspection_records_base import Inspection as Inspection
from tuiml.training.inspection_records_base import Judged as Judged
from tuiml.training.inspection_records_base import judged
from tuiml.training.lines import Line, as_many, exactly, packed

SIDE = 64
"""Pixels of a picture in either direction, at most: a larger one is told in every second pixel, or fewer."""
CLASSES = 100
"""Classes that are told apart, at most."""
ZERO = 128
"""The byte of a signed grid that stands for 0; 1 and 255 are the ends of its scale."""

What = Literal[
    "boundary", "responses", "confusion", "worst", "weights", "fit", "heights", "predictions", "misses"
]
WHAT: tuple[What, ...] = get_args(What)


def picture_size(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Height and width of an example of this shape; ``None`` where it is no picture."""
    return (shape[-2], shape[-1]) if len(shape) in (2, 3) else None


def thinned(size: tuple[int, int]) -> tuple[int, int, int]:
    """The height and width in which a picture is told, and the distance of the pixels that are."""
    stride = max(1, -(-max(size) // SIDE))
    return -(-size[0] // stride), -(-size[1] // stride), stride


# -- what is asked -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InspectionRequest:
    """Something to be shown, and again and again while the network learns.

    ``boundary`` takes ``columns`` and ``rows``; ``responses`` these, and of ``layer`` the ``count`` units
    from ``first`` on; ``worst``, ``misses`` and ``weights`` the ``count`` examples or units from ``first``
    on. Of numbers ``fit`` takes ``columns``, ``heights`` also ``rows``; ``first`` is there, and of
    ``predictions``, which of the target's numbers is shown.
    """

    what: What
    columns: int = 48
    rows: int = 32
    layer: int = 0
    first: int = 0
    count: int = 12

    def to_json(self) -> dict[str, Any]:
        """The wish as plain data."""
        return dataclasses.asdict(self)


def read_wish(value: Any) -> InspectionRequest:
    """A wish from the other process.

    Raises:
        ValueError: it is none, or beyond all bounds.
    """
    line = Line(value)
    what: Any = line.word("what", WHAT)
    columns, rows = line.whole("columns", 512, 1), line.whole("rows", 512, 1)
    count = line.whole("count", 256, 1)
    if columns * rows * (count if what == "responses" else 1) > CELLS:
        raise ValueError("too large a grid")
    return InspectionRequest(what, columns, rows, line.whole("layer", 10_000), line.whole("first"), count)


@dataclass(frozen=True)
class Drawn:
    """A picture that somebody drew, to be guessed."""

    number: int
    """Which of those drawn: the guess has the same."""
    pixels: bytes
    """Row by row; 0 is nothing, 255 all there is."""

    def to_json(self) -> dict[str, Any]:
        """The picture as plain data."""
        return {"number": self.number, "pixels": packed(self.pixels)}


def read_drawn(value: Any) -> Drawn:
    """A drawn picture from the other process.

    Raises:
        ValueError: it is none, or too large.
    """
    line = Line(value)
    return Drawn(line.whole("number"), line.packed("pixels", CELLS))


# -- what is shown -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Boundary(Inspection):
    """What the network takes each point of a rectangle for, and some of the data's points."""

    event: ClassVar[str] = "boundary"
    columns: int
    rows: int
    limits: tuple[float, ...]
    """Of the rectangle, in raw values: left, right, bottom, top."""
    classes: int
    winners: bytes
    """Of each cell the class with the largest share, the top row first."""
    shares: bytes
    """Of each cell its class's share, 0 to 255."""
    xs: bytes
    ys: bytes
    """Where points of the data lie between the limits, 0 to 255; 255 is at the right, or at the top."""
    labels: bytes
    """Their classes."""

    @classmethod
    def read(cls, line: Line) -> Boundary:
        columns, rows, classes = line.whole("columns", 512, 1), line.whole("rows", 512, 1), _classes(line)
        if columns * rows > CELLS:
            raise ValueError("too large a grid")
        limits = line.numbers("limits", 4)
        if len(limits) != 4 or not all(map(math.isfinite, limits)):
            raise ValueError("four limits")
        xs = line.packed("xs", POINTS)
        found = cls(
            step=line.whole("step"),
            columns=columns,
            rows=rows,
            limits=limits,
            classes=classes,
            winners=exactly(line.packed("winners", CELLS), columns * rows),
            shares=exactly(line.packed("shares", CELLS), columns * rows),
            xs=xs,
            ys=exactly(line.packed("ys", POINTS), len(xs)),
            labels=exactly(line.packed("labels", POINTS), len(xs)),
        )
        if max((*found.winners, *found.labels)) >= classes:
            raise ValueError("a class that is none")
        return found


def _classes(line: Line) -> int:
    return line.whole("classes", CLASSES, 2)


@dataclass(frozen=True)
class Responses(Inspection):
    """What some units of a layer make of each point of the rectangle."""

    event: ClassVar[str] = "responses"
    columns: int
    rows: int
    layer: int
    first: int
    total: int
    """Units of the layer."""
    scales: tuple[float, ...]
    """Of each unit told its largest absolute value."""
    grids: tuple[bytes, ...]
    """Of each unit: :data:`ZERO` is 0, 255 the unit's scale, 1 its negative."""

    @classmethod
    def read(cls, line: Line) -> Responses:
        columns, rows = line.whole("columns", 512, 1), line.whole("rows", 512, 1)
        grids = line.packs("grids", columns * rows, CELLS)
        return cls(
            step=line.whole("step"),
            columns=columns,
            rows=rows,
            layer=line.whole("layer", 10_000),
            first=line.whole("first"),
            total=line.whole("total"),
            scales=as_many(line.numbers("scales", len(grids)), len(grids)),
            grids=grids,
        )


@dataclass(frozen=True)
class Confusion(Judged):
    """How often each class was taken for each."""

    event: ClassVar[str] = "confusion"
    counts: tuple[tuple[int, ...], ...]
    """Truth × guess."""

    @classmethod
    def read(cls, line: Line) -> Confusion:
        return cls(**judged(line), counts=line.table("counts", CLASSES))


@dataclass(frozen=True)
class Example:
    """An example and what the network took it for."""

    row: int
    """Its place in the part."""
    truth: int
    guess: int
    share: float
    """Of the class guessed."""
    loss: float
    pixels: bytes
    """Of a picture, 0 to 255; else empty."""
    values: tuple[float, ...]
    """Of an example that is no picture: its first raw numbers."""

    @classmethod
    def read(cls, line: Line, size: int) -> Example:
        return cls(
            row=line.whole("row"),
            truth=line.whole("truth", CLASSES - 1),
            guess=line.whole("guess", CLASSES - 1),
            share=line.number("share"),
            loss=line.number("loss"),
            pixels=exactly(line.packed("pixels", CELLS), size),
            values=line.numbers("values", VALUES),
        )


@dataclass(frozen=True)
class Worst(Judged):
    """The examples with the largest losses, the worst first."""

    event: ClassVar[str] = "worst"
    first: int
    """How many worse ones there are before these."""
    width: int
    height: int
    """Of the pictures; 0: the examples are none."""
    found: tuple[Example, ...]

    @classmethod
    def read(cls, line: Line) -> Worst:
        width, height = line.whole("width", SIDE), line.whole("height", SIDE)
        most = min(256, CELLS // max(1, width * height))
        found = tuple(Example.read(each, width * height) for each in line.lines("found", most))
        return cls(**judged(line), first=line.whole("first"), width=width, height=height, found=found)


@dataclass(frozen=True)
class Weights(Inspection):
    """The weights of some units of the first layer that has any, as pictures."""

    event: ClassVar[str] = "weights"
    layer: int
    first: int
    total: int
    """Units of the layer."""
    width: int
    height: int
    scales: tuple[float, ...]
    """Of each unit told its largest absolute weight."""
    grids: tuple[bytes, ...]
    """Of each unit: :data:`ZERO` is 0, 255 the unit's scale, 1 its negative."""

    @classmethod
    def read(cls, line: Line) -> Weights:
        width, height = line.whole("width", SIDE, 1), line.whole("height", SIDE, 1)
        grids = line.packs("grids", width * height, CELLS)
        return cls(
            step=line.whole("step"),
            layer=line.whole("layer", 10_000),
            first=line.whole("first"),
            total=line.whole("total"),
            width=width,
            height=height,
            scales=as_many(line.numbers("scales", len(grids)), len(grids)),
            grids=grids,
        )


@dataclass(frozen=True)
class Guess(Inspection):
    """What the network takes a drawn picture for."""

    event: ClassVar[str] = "guess"
    number: int
    """Which of those drawn."""
    shares: tuple[float, ...]
    """Of each class."""

    @classmethod
    def read(cls, line: Line) -> Guess:
        return cls(line.whole("step"), line.whole("number"), line.numbers("shares", CLASSES))


Known = Boundary | Responses | Confusion | Worst | Weights | Guess
OfNumbers = (
    inspection_records_regression.Fit
    | inspection_records_regression.Heights
    | inspection_records_regression.Predictions
    | inspection_records_regression.Misses
)
KINDS: dict[str, type[Known | OfNumbers]] = {
    kind.event: kind for kind in (*get_args(Known), *get_args(OfNumbers))
}


def read(line: Any) -> Inspection:
    """An inspection from the other process; its ``event`` is one of :data:`KINDS`.

    Raises:
        ValueError: something is missing, of the wrong type, too large, or does not fit the rest.
    """
    found = Line(line)
    return KINDS[found.word("event", tuple(KINDS))].read(found)
