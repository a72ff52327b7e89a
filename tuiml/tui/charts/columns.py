"""Snapshots over time, distributed over the columns of a chart."""

from __future__ import annotations

import numpy as np

from tuiml.tui.charts.numbers import place
from tuiml.tui.charts.series import Floats


def in_columns(values: Floats, steps: Floats, width: int) -> Floats:
    """Rows of ``values``, (moments, n), taken at rising ``steps``, as columns of a chart: (width, n).

    A column shows the mean of the moments in it without those that are NaN, and one without moments the
    column before: the values until the next snapshot.
    """
    if width < 1 or not len(values):
        return np.empty((max(0, width), values.shape[-1]))
    own = np.array([column(step, steps, width) for step in steps.tolist()])
    starts = np.flatnonzero(np.diff(own, prepend=-1))
    known = np.isfinite(values)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts, axis=0)
    counts = np.add.reduceat(known, starts, axis=0, dtype=np.int64)
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    found: Floats = means[np.searchsorted(own[starts], np.arange(width), side="right") - 1]
    return found


def column(step: float, steps: Floats, width: int) -> int:
    """The column of a step."""
    if not len(steps):
        return 0
    share = place(step, float(steps[0]), float(steps[-1]))
    return max(0, min(width - 1, int(share * width)))
