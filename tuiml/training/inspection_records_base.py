"""What all records of what a network learned have in common: see :mod:`tuiml.training.inspection_records`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tuiml.training.events import Event
from tuiml.training.lines import Line, packed

CELLS = 1 << 16
"""Bytes of all the grids or pictures of one record, at most."""
POINTS = 400
VALUES = 16
"""Numbers of an example that is no picture, at most."""
PARTS = ("training", "validation", "test")


@dataclass(frozen=True)
class Inspection(Event):
    """Something that was wished for, as it was at a step; of two that wait, the newer is worth sending."""

    step: int

    def to_json(self) -> dict[str, Any]:
        return {"event": self.event, **{name: packed(value) for name, value in vars(self).items()}}


@dataclass(frozen=True)
class Judged(Inspection):
    """Of the examples of a part."""

    part: str
    """Which: validation, else test, else training."""
    examples: int
    """So many were judged."""
    of: int
    """So many there are."""


def judged(line: Line) -> dict[str, Any]:
    """What every :class:`Judged` has."""
    return {
        "step": line.whole("step"),
        "part": line.word("part", PARTS),
        "examples": line.whole("examples"),
        "of": line.whole("of"),
    }
