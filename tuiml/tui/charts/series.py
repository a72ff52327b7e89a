"""Points of a curve in bounded memory, decimated for a chart, and smoothed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tuiml.formatting import Number, as_float
from tuiml.tui.charts.numbers import position

Floats: TypeAlias = NDArray[np.float64]
Values: TypeAlias = Sequence[Number] | NDArray[np.floating] | NDArray[np.integer]


def as_floats(values: Values) -> Floats:
    """``values`` as a vector; None, infinity and numbers too large for a float become NaN."""
    try:
        vector = np.array(values, dtype=np.float64).reshape(-1)
    except (OverflowError, TypeError, ValueError):  # as an integer of 400 digits in a file of metrics
        vector = np.array([as_float(value) for value in values], dtype=np.float64)
    vector[~np.isfinite(vector)] = np.nan
    return vector


class Series:
    """At most ``capacity`` points (x, y), in the order in which they were appended.

    When there are more, the range of x is cut into equal columns, and only the least and the greatest y
    of each are stored: a million batches cost as much to draw as a thousand, and no spike is lost. A y of
    None, NaN or infinity is a gap.
    """

    def __init__(self, capacity: int = 8192) -> None:
        if capacity < 64:
            raise ValueError(f"capacity: {capacity} is too few; use at least 64")
        self._xs: Floats = np.empty(capacity)
        self._ys: Floats = np.empty(capacity)
        self._count = 0
        self.last = math.nan
        """y of the newest point, as given; NaN before the first."""

    def __len__(self) -> int:
        """The number of stored points."""
        return self._count

    def append(self, x: float, y: Number) -> None:
        """Add a point; one whose x is not finite is dropped."""
        if not math.isfinite(x):
            return
        if self._count == len(self._xs):
            self._reduce()
        value = as_float(y)
        self._xs[self._count] = x
        self._ys[self._count] = value
        self._count += 1
        self.last = value

    def extend(self, points: Iterable[tuple[float, Number]]) -> None:
        """Add a batch of points."""
        for x, y in points:
            self.append(x, y)

    def cut(self, x: float) -> None:
        """Remove the points beyond ``x``; the points must be sorted by x."""
        self._count = int(np.searchsorted(self._xs[: self._count], x, side="right"))
        self.last = float(self._ys[self._count - 1]) if self._count else math.nan

    def points(self) -> tuple[Floats, Floats]:
        """x and y of the stored points, as read-only views that are valid until the next point."""
        xs, ys = self._xs[: self._count], self._ys[: self._count]
        xs.flags.writeable = ys.flags.writeable = False
        return xs, ys

    def _reduce(self) -> None:
        # a column has at most four points (two extremes, a gap at either side): at most half remain
        xs, ys = decimate(self._xs, self._ys, len(self._xs) // 8)
        if xs[0] != self._xs[0]:  # else the start of the curve would move to the right each time
            xs, ys = np.insert(xs, 0, self._xs[0]), np.insert(ys, 0, self._ys[0])
        self._count = len(xs)
        self._xs[: self._count], self._ys[: self._count] = xs, ys


def decimate(
    xs: Values, ys: Values, columns: int, span: tuple[float, float] | None = None
) -> tuple[Floats, Floats]:
    """At most two points per column, its least and greatest y, in the order of x, and the gaps.

    Args:
        columns: the number of equal parts of ``span``.
        span: x of the left and the right edge; absent: that of the points. Points beyond it belong to
            the outermost columns.

    Returns:
        x and y, sorted by x. NaN marks a gap: a column with only NaN has one, and a column that begins or
        ends with NaN has it in addition to its two points.
    """
    x, y = as_floats(xs), as_floats(ys)
    count = min(len(x), len(y))
    x, y = x[:count], y[:count]
    if columns < 1 or not count:
        return np.empty(0), np.empty(0)
    x, y = _in_order(x, y)
    if not len(x):
        return x, y
    left, right = span or (float(x[0]), float(x[-1]))
    width = right / 2 - left / 2  # half of the span: all of it may be beyond the largest float
    if width > 0:
        at = (np.clip(x, left, right) / 2 - left / 2) / width * columns
        owners = np.minimum(at.astype(np.intp), columns - 1)
    else:
        owners = np.zeros(len(x), dtype=np.intp)
    kept = _extremes(y, np.flatnonzero(np.diff(owners, prepend=-1)))
    return x[kept], y[kept]


def within(xs: Values, ys: Values, left: float, right: float) -> tuple[Floats, Floats]:
    """The points between two x; a line that goes on beyond them ends there."""
    low, high = min(left, right), max(left, right)
    x, y = as_floats(xs), as_floats(ys)
    count = min(len(x), len(y))
    x, y = x[:count], y[:count]
    if (x[1:] < x[:-1]).any() or np.isnan(x).any():
        inside = (x >= low) & (x <= high)
        return x[inside], y[inside]
    first, last = np.searchsorted(x, low), np.searchsorted(x, high, side="right")
    parts, values = [x[first:last]], [y[first:last]]
    if 0 < first < count and x[first] > low:
        parts.insert(0, np.array([low]))
        values.insert(0, np.interp(parts[0], x[first - 1 : first + 1], y[first - 1 : first + 1]))
    if 0 < last < count and x[last - 1] < high:
        parts.append(np.array([high]))
        values.append(np.interp(parts[-1], x[last - 1 : last + 1], y[last - 1 : last + 1]))
    return np.concatenate(parts), np.concatenate(values)


def _in_order(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    placed = np.isfinite(x)
    if not placed.all():
        x, y = x[placed], y[placed]
    if (x[1:] < x[:-1]).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return x, y


def _extremes(y: Floats, starts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Indices of the extremes, and of gaps at the ends, in each run of ``y`` that begins at ``starts``."""
    count = len(y)
    index = np.arange(count)
    ends = np.append(starts[1:], count)
    length = ends - starts
    low = np.repeat(np.fmin.reduceat(y, starts), length)
    high = np.repeat(np.fmax.reduceat(y, starts), length)
    first = np.minimum.reduceat(np.where(y == low, index, count), starts)
    # the last of equal ones, so that a level stretch has both ends
    second = np.maximum.reduceat(np.where(y == high, index, -1), starts)
    gaps = np.concatenate([starts[np.isnan(y[starts])], (ends - 1)[np.isnan(y[ends - 1])]])
    found = first < count
    whole_gap = starts[~found]  # one NaN is enough for a column of them
    gaps = gaps[~np.isin(gaps, (ends - 1)[~found])]
    return np.unique(np.concatenate([first[found], second[found], gaps, whole_gap]))


class Means(Series):
    """A :class:`Series` of means over equally many points: one point each at first, twice as many whenever it
    is full. A mean of some of them is that of all points that were appended."""

    def __init__(self, capacity: int = 8192) -> None:
        super().__init__(capacity)
        self._each = 1
        self._placed = self._known = 0  # points in the last mean, and those of them that are numbers

    def append(self, x: float, y: Number) -> None:
        """Add a point; one whose x is not finite is dropped."""
        if not math.isfinite(x):
            return
        if not self._count or self._placed >= self._each:
            super().append(x, y)
            self._placed, self._known = 1, int(not math.isnan(self.last))
            return
        last, self.last = self._count - 1, as_float(y)
        self._placed += 1
        self._xs[last] += (x - self._xs[last]) / self._placed
        if not math.isnan(self.last):
            self._known += 1
            before = self._ys[last] if self._known > 1 else 0.0
            self._ys[last] = before + (self.last / self._known - before / self._known)

    def cut(self, x: float) -> None:
        super().cut(x)
        self._placed = self._each  # the next point begins a mean

    def _reduce(self) -> None:
        count = self._count // 2
        pairs = self._ys[: 2 * count].reshape(count, 2)
        known = np.isfinite(pairs)
        halves = np.where(known, pairs, 0.0) / np.maximum(1, known.sum(axis=1, keepdims=True))
        means = np.where(known.any(axis=1), halves.sum(axis=1), np.nan)
        self._xs[:count] = self._xs[: 2 * count].reshape(count, 2).mean(axis=1)
        self._ys[:count] = means
        self._count, self._each = count, 2 * self._each


FINEST = 2048
"""Points that are smoothed; of more, means."""


def smoothed(x: Floats, y: Floats, fraction: float) -> tuple[Floats, Floats]:
    """The mean over the points within ``fraction`` of x before and after each: a steep start stays steep, and
    a long curve is as smooth as a short one. NaN is a gap and is not part of a mean.

    ``x`` is sorted and not negative.
    """
    if len(x) > FINEST:
        starts = np.linspace(0, len(x), FINEST, endpoint=False).astype(np.intp)
        known, sizes = np.isfinite(y), np.diff(np.append(starts, len(x)))
        counts = np.add.reduceat(known, starts, dtype=np.int64)
        halves = np.where(known, y, 0.0) / np.repeat(np.maximum(1, counts), sizes)
        y = np.where(counts > 0, np.add.reduceat(halves, starts), np.nan)
        x = np.add.reduceat(x, starts) / sizes
    if not len(x) or fraction <= 0:
        return x, y
    first = np.searchsorted(x, x * (1 - fraction) - 1e-12)
    last = np.searchsorted(x, x * (1 + fraction) + 1e-12, side="right")
    known = np.isfinite(y)
    until = np.append(0, np.cumsum(known))
    counts = np.maximum(1, until[last] - until[first])
    # not a difference of running sums: one huge value would take the digits of all that come after it
    places = np.stack([first, last], axis=1).ravel()
    scale = max(1.0, float(np.abs(y[known]).max(initial=0.0)) / 1e300 * len(y))
    sums = np.add.reduceat(np.append(np.where(known, y / scale, 0.0), 0.0), places)[::2]
    return x, np.where(known, sums / counts * scale, np.nan)


def value_at(x: Floats, y: Floats, at: float) -> float:
    """The value of a curve at or last before ``at``; NaN beyond its ends, and in a gap. ``x`` is sorted.

    The first point also counts as far before itself as the next is after it, and the last one as long.
    """
    if not len(x):
        return math.nan
    place = int(np.searchsorted(x, at * (1 + 1e-9), side="right")) - 1
    step = float(x[-1] - x[max(0, len(x) - 2)]) if place == len(x) - 1 else math.inf
    if place < 0:
        return float(y[0]) if float(x[0]) - at <= float(x[min(1, len(x) - 1)] - x[0]) else math.nan
    return float(y[place]) if at - float(x[place]) <= 1.5 * step else math.nan


def in_columns(values: Floats, steps: Floats, width: int) -> Floats:
    """Rows of ``values``, (snapshots, n), at rising ``steps``, as columns of a chart: (width, n).

    A column is the mean of its snapshots, without NaN; a column without any repeats the one before, whose
    values apply until the next snapshot.
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
    fraction = position(step, float(steps[0]), float(steps[-1]))
    return max(0, min(width - 1, int(fraction * width)))
