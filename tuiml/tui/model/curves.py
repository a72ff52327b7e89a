"""The curves of a run: training, smoothed and not, validation, and the branches that were rewound."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from tuiml.tui.charts.series import Series, Smoother

SMOOTHING = 0.03
"""Span of the smoothing as a fraction of the epochs done: it looks the same however long the run is."""
BRANCHES_KEPT = 3
"""Rewound branches that are still drawn."""


@dataclass
class Branch:
    """The curves after the step to which a run was rewound."""

    train: Series = field(default_factory=lambda: Series(1024))
    validation: Series = field(default_factory=lambda: Series(256))


class Curves:
    """One quantity over the epochs."""

    def __init__(self) -> None:
        self.raw = Series(4096)
        self.train = Series(4096)
        self.validation = Series(4096)
        self.first = math.nan
        """The first value of training."""
        self.branches: deque[Branch] = deque(maxlen=BRANCHES_KEPT)
        """The newest at the end."""
        self._smoother = Smoother(0.0)
        self._stale = False
        """Points were removed since the last one was added: smoothing anew waits for the next."""

    def add_train(self, x: float, y: float) -> None:
        """Add a mean over the batches around ``x`` (in epochs)."""
        if self._stale:
            self._smooth_again()
        if not len(self.raw):
            self.first = y
        self.raw.append(x, y)
        self._smoother.span = SMOOTHING * max(0.0, x)
        self.train.append(x, self._smoother.add(x, y))

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
        self._stale = True
        if not len(self.raw):
            self.first = math.nan

    def _smooth_again(self) -> None:
        """Set the smoother to the newest point, from the points before."""
        self._smoother, self._stale = Smoother(0.0), False
        for at, y in zip(*(points.tolist() for points in self.raw.points()), strict=True):
            self._smoother.span = SMOOTHING * max(0.0, at)
            self._smoother.add(at, y)
