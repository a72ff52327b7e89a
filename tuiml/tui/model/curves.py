"""The curves of a run: training, validation, the branches that were rewound, a loop's own scalars."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tuiml.tui.charts.series import Means, Series

SMOOTHING = 0.03
"""Part of the epochs done over which :attr:`Curves.recent` is a mean."""
BRANCHES_KEPT = 3
"""Rewound branches that are still drawn."""
MOST_SCALARS, SCALAR_POINTS = 200, 2048
"""Scalars that are kept, of a loop with more those that came first; and points of each."""


@dataclass
class Branch:
    """The curves after the step to which a run was rewound."""

    train: Series = field(default_factory=lambda: Series(1024))
    validation: Series = field(default_factory=lambda: Series(256))


class Curves:
    """One quantity over the epochs."""

    def __init__(self) -> None:
        self.raw = Series(4096)
        """Training as it was reported, with all its extremes."""
        self.train = Means(4096)
        """Training, to be smoothed."""
        self.validation = Series(4096)
        self.first = math.nan
        """The first value of training."""
        self.highest = -math.inf
        """The highest value of training or validation so far."""
        self.branches: deque[Branch] = deque(maxlen=BRANCHES_KEPT)
        """The newest at the end."""

    @property
    def recent(self) -> float:
        """The mean of training over the last few percent of the epochs done; NaN before the first value."""
        x, y = self.train.points()
        known = np.isfinite(y)
        x, y = x[known], y[known]
        last = y[x >= x[-1] * (1 - SMOOTHING)] if len(x) else y
        return float((last / len(last)).sum()) if len(last) else math.nan

    @property
    def lost(self) -> bool:
        """True if the newest value of training is no number, while there was one before."""
        return len(self.raw) > 0 and math.isnan(self.raw.last) and math.isfinite(self.recent)

    def add_train(self, x: float, y: float) -> None:
        """Add a mean over the batches around ``x`` (in epochs)."""
        if not len(self.raw):
            self.first = y
        self.highest = max(self.highest, y)
        self.raw.append(x, y)
        self.train.append(x, y)

    def add_validation(self, x: float, y: float) -> None:
        """Add what was measured at ``x`` (in epochs)."""
        self.highest = max(self.highest, y)
        self.validation.append(x, y)

    def cut(self, x: float) -> None:
        """Remove everything after ``x``."""
        for series in (self.raw, self.train, self.validation):
            series.cut(x)
        self._shortened()

    def go_back(self, x: float) -> None:
        """Move the points after ``x`` to a branch."""
        left = Branch()
        self.raw.cut(x)
        for series, beyond in ((self.train, left.train), (self.validation, left.validation)):
            xs, ys = series.points()
            if len(xs) and xs[-1] > x:  # the branch begins where it leaves the curve
                first = max(0, int((xs <= x).sum()) - 1)
                beyond.extend(zip(xs[first:].tolist(), ys[first:].tolist(), strict=True))
            series.cut(x)
        if len(left.train) or len(left.validation):
            self.branches.append(left)
        self._shortened()

    def _shortened(self) -> None:
        if not len(self.raw):
            self.first = math.nan


class Scalars:
    """The scalars of a watched run: a series over the steps for each name, in the order they came in."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        """By their names, which are the user's: not safe to show."""

    def __len__(self) -> int:
        return len(self.series)

    def add(self, x: float, values: Mapping[str, float]) -> None:
        """Add the values of a step; one that is not finite is a gap."""
        for name, value in values.items():
            if name not in self.series:
                if len(self.series) >= MOST_SCALARS:
                    continue
                self.series[name] = Series(SCALAR_POINTS)
            self.series[name].append(x, value if math.isfinite(value) else math.nan)
