"""What a network has learned that tells numbers, as records: see :mod:`tuiml.training.inspection_records`.

Numbers of the target are in the units of the data set, whatever the network is trained on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from tuiml.training.inspection_records_base import CELLS, POINTS, VALUES, Inspection, Judged, judged
from tuiml.training.lines import Line, as_many, exactly

COLUMNS = 512
"""Points of a curve, at most."""
TARGETS = 1_000_000
"""Numbers of a target, at most."""


def _finite(found: tuple[float, ...]) -> tuple[float, ...]:
    if not all(map(math.isfinite, found)):
        raise ValueError("not finite")
    return found


def _which(line: Line) -> dict[str, Any]:
    """Which of the target's numbers is told."""
    return {"target": line.whole("target", TARGETS), "targets": line.whole("targets", TARGETS, 1)}


@dataclass(frozen=True)
class Fit(Inspection):
    """What the network tells along the only input, and some of the data's points."""

    event: ClassVar[str] = "fit"
    target: int
    """Which of the target's numbers, from 0."""
    targets: int
    """How many it has."""
    limits: tuple[float, ...]
    """The input, raw, at the curve's first and its last point; those between are evenly spread."""
    curve: tuple[float, ...]
    """What is told there; NaN where it is no number."""
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    """Points of the data: the input and the truth."""
    held_out: int
    """So many of them, the last ones, are of the validation part."""

    @classmethod
    def read(cls, line: Line) -> Fit:
        xs = _finite(line.numbers("xs", POINTS))
        return cls(
            step=line.whole("step"),
            **_which(line),
            limits=_finite(as_many(line.numbers("limits", 2), 2)),
            curve=line.numbers("curve", COLUMNS),
            xs=xs,
            ys=_finite(as_many(line.numbers("ys", POINTS), len(xs))),
            held_out=line.whole("held_out", len(xs)),
        )


@dataclass(frozen=True)
class Heights(Inspection):
    """What the network tells at each point of a rectangle, and some of the data's points."""

    event: ClassVar[str] = "heights"
    target: int
    targets: int
    columns: int
    rows: int
    limits: tuple[float, ...]
    """Of the rectangle, in raw values: left, right, bottom, top."""
    scale: tuple[float, ...]
    """What the bytes 0 and 255 stand for."""
    values: bytes
    """Of each cell, the top row first."""
    xs: bytes
    ys: bytes
    """Where points of the data lie between the limits, 0 to 255; 255 is at the right, or at the top."""
    truths: bytes
    """Their targets, as ``values``."""

    @classmethod
    def read(cls, line: Line) -> Heights:
        columns, rows = line.whole("columns", 512, 1), line.whole("rows", 512, 1)
        if columns * rows > CELLS:
            raise ValueError("too large a grid")
        xs = line.packed("xs", POINTS)
        return cls(
            step=line.whole("step"),
            **_which(line),
            columns=columns,
            rows=rows,
            limits=_finite(as_many(line.numbers("limits", 4), 4)),
            scale=_finite(as_many(line.numbers("scale", 2), 2)),
            values=exactly(line.packed("values", CELLS), columns * rows),
            xs=xs,
            ys=exactly(line.packed("ys", POINTS), len(xs)),
            truths=exactly(line.packed("truths", POINTS), len(xs)),
        )


@dataclass(frozen=True)
class Predictions(Judged):
    """One of the target's numbers, as it is and as the network tells it."""

    event: ClassVar[str] = "predictions"
    target: int
    targets: int
    figures: tuple[float, ...]
    """R² over the examples judged (NaN where it has no variance), and the mean distance of what is told from
    what is."""
    truths: tuple[float, ...]
    guesses: tuple[float, ...]
    """Of some of the examples judged; NaN where it is no number."""

    @classmethod
    def read(cls, line: Line) -> Predictions:
        truths = _finite(line.numbers("truths", POINTS))
        return cls(
            **judged(line),
            **_which(line),
            figures=as_many(line.numbers("figures", 2), 2),
            truths=truths,
            guesses=as_many(line.numbers("guesses", POINTS), len(truths)),
        )


@dataclass(frozen=True)
class Miss:
    """An example and the numbers that the network tells of it."""

    row: int
    """Its place in the part."""
    truths: tuple[float, ...]
    guesses: tuple[float, ...]
    """The first of its target's numbers."""
    loss: float
    values: tuple[float, ...]
    """Its first raw numbers."""

    @classmethod
    def read(cls, line: Line) -> Miss:
        truths = line.numbers("truths", VALUES)
        return cls(
            row=line.whole("row"),
            truths=truths,
            guesses=as_many(line.numbers("guesses", VALUES), len(truths)),
            loss=line.number("loss"),
            values=line.numbers("values", VALUES),
        )


@dataclass(frozen=True)
class Misses(Judged):
    """The examples with the largest losses, the worst first."""

    event: ClassVar[str] = "misses"
    first: int
    """How many worse ones there are before these."""
    found: tuple[Miss, ...]

    @classmethod
    def read(cls, line: Line) -> Misses:
        found = tuple(map(Miss.read, line.lines("found", 256)))
        return cls(**judged(line), first=line.whole("first"), found=found)
