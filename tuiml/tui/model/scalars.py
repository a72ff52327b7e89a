"""The scalars of a watched run: numbers under the names that the loop gives them, over the steps."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tuiml.tui.charts.series import Series

MOST = 200
"""Scalars that are kept; of a loop with more, those that came first."""
POINTS = 2048


class Scalars:
    """A series for each name, in the order in which they came."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        """By their names, which are the user's: not safe to show."""

    def __len__(self) -> int:
        return len(self.series)

    def add(self, x: float, values: Mapping[str, float]) -> None:
        """Add the values of a step; one that is not finite is a gap."""
        for name, value in values.items():
            if name not in self.series:
                if len(self.series) >= MOST:
                    continue
                self.series[name] = Series(POINTS)
            self.series[name].append(x, value if math.isfinite(value) else math.nan)
