"""The metric shown beside the loss: accuracy of a classifier, R² of a regression."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from tuiml.formatting import MISSING, Format, as_float, compact, percent


@dataclass(frozen=True)
class Metric:
    """A metric that is 1 at best."""

    word: str
    unit: Format

    def text(self, value: float, missing: str = MISSING) -> str:
        """A value in words."""
        return percent(value, missing=missing) if self.unit == "percent" else compact(value, 4, missing)


ACCURACY: Final = Metric("accuracy", "percent")
R2: Final = Metric("R²", "number")
PLAIN: Final = Metric("accuracy", "number")
"""An accuracy that a loop of the user's own gives on another scale than from 0 to 1, as in percent."""


def accuracy_or_r2(accuracy: float, r2: float) -> float:
    """The one that is a number; NaN where there is none."""
    return as_float(r2) if math.isnan(accuracy) else accuracy


def metric_of(accuracy: float, r2: float) -> Metric:
    """The metric that is not NaN, else accuracy."""
    return R2 if math.isnan(accuracy) and not math.isnan(r2) else ACCURACY
