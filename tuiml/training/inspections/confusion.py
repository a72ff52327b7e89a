"""Confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field

from tuiml.training.codec import Count
from tuiml.training.inspections import record
from tuiml.training.inspections.network import InspectedNetwork

Row = Annotated[tuple[Count, ...], Field(max_length=record.CLASSES)]


@dataclass(frozen=True)
class Confusion(record.Evaluated, event="confusion"):
    """How often each class was predicted for each."""

    regression: ClassVar[bool | None] = False
    counts: Annotated[tuple[Row, ...], Field(max_length=record.CLASSES)]
    """True class × predicted class."""

    def check(self) -> None:
        record.require(all(len(row) == len(self.counts) for row in self.counts))

    @classmethod
    def compute(cls, network: InspectedNetwork, request: record.InspectionRequest, most: int) -> Self:
        part, found, _ = network.evaluate(most)
        n = network.classes
        counts = np.bincount(part.labels.astype(np.int64) * n + found.argmax(0), minlength=n * n)
        return cls(**network.about(part), counts=tuple(map(tuple, counts.reshape(n, n).tolist())))
