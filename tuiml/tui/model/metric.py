"""What stands beside the loss: accuracy where the target is classes, R² where it is numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from tuiml.formatting import MISSING, Format, compact, percent


@dataclass(frozen=True)
class Metric:
    """A figure of 1 at best."""

    word: str
    unit: Format

    def tell(self, value: float, missing: str = MISSING) -> str:
        """The figure as one reads it."""
        return percent(value, missing=missing) if self.unit == "percent" else compact(value, 4, missing)


ACCURACY: Final = Metric("accuracy", "percent")
R2: Final = Metric("R²", "number")


def told(accuracy: float, r2: float) -> float:
    """The one that there is; NaN where there is none."""
    return r2 if math.isnan(accuracy) else accuracy


def score_of(accuracy: float, r2: float) -> Metric:
    """Which of the two there is."""
    return R2 if math.isnan(accuracy) and not math.isnan(r2) else ACCURACY
