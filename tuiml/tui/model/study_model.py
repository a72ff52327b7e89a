"""The study on the screen: what its folder holds, and what keys have selected of it. Knows no widgets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from tuiml.spec import check
from tuiml.studies.results import Results, Row, TrialResult
from tuiml.studies.study import Study
from tuiml.tui.charts.palette import LAYER_COLOURS
from tuiml.tui.charts.series import Floats
from tuiml.tui.model.run_data import new_version
from tuiml.tui.model.snapshots import PastSnapshot

Key: TypeAlias = tuple[str, str]
"""A configuration's name, and the folder of a trial; empty: the configuration itself."""
Where: TypeAlias = Literal["", "here", "elsewhere"]
Axis: TypeAlias = Literal["epoch", "step", "seconds"]
Order: TypeAlias = Literal["rank", "name", "test", "time"]
AXES: tuple[Axis, ...] = ("epoch", "step", "seconds")
ORDERS: tuple[Order, ...] = ("rank", "name", "test", "time")
SYMBOLS = "●■▲▼○□△▽◇★☆"
"""Markers of curves; with six colours they repeat together after 66 configurations."""
ASCII_SYMBOLS = "ox+#*@=%&$~"
SHOWN = 8
"""Configurations in the charts while none is marked."""
OVER = frozenset({"completed", "stopped", "cut", "failed", "diverged"})


@dataclass(frozen=True)
class SnapshotOf:
    """The newest snapshot of a trial and the names of its layers."""

    snapshot: PastSnapshot
    layers: tuple[str, ...]


@dataclass(frozen=True)
class CurveOf:
    """A configuration's curve: the mean over its trials, and the least and the greatest of them."""

    name: str
    number: int
    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    trials: int


@dataclass
class Selection:
    """What keys have changed on the study's screen."""

    marked: list[str] = field(default_factory=list)
    """Names of configurations, in the order in which they were marked."""
    unfolded: set[str] = field(default_factory=set)
    axis: Axis = "epoch"
    order: Order = "rank"
    layer: int = -1
    """Of histograms; -1: the first with parameters."""
    quantity: str = "activations"
    cursor: Key = ("", "")
    rested: str = ""
    """The configuration on which the cursor has rested for a moment: the charts are drawn for that one."""


class StudyModel:
    """What the app knows of a study. :meth:`feed` replaces it by what a thread has read."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.study: Study | None = None
        self.results: Results | None = None
        self.where: Where = ""
        """Where it is run: by this app, by another process, or not at all."""
        self.paused = False
        self.starting = False
        """True from the order to run it until its folder is there."""
        self.message = ""
        """Why it cannot be run or read; one line."""
        self.snapshots: Mapping[str, SnapshotOf] = {}
        """By the folder of a trial."""
        self.selection = Selection()
        self.version = new_version()
        self._curves: dict[str, tuple[object, CurveOf]] = {}
        self._batches: dict[str, int] = {}
        self._pairs: tuple[tuple[object, ...], dict[str, tuple[int, int]]] = ((), {})

    @property
    def name(self) -> str:
        """Its name, safe to show once it is cleaned for the terminal."""
        return self.study.name if self.study else self.path.name if self.path else ""

    @property
    def begun(self) -> bool:
        """True once a trial was begun."""
        rows = self.results.rows if self.results else ()
        return any(one.state != "waiting" for row in rows for one in row.trials)

    @property
    def empty(self) -> bool:
        """True if there is no study on the screen."""
        return self.path is None and not self.starting

    def begin(self, path: Path | None, name: str = "") -> None:
        """Show another study, of which nothing is known yet."""
        same = path is not None and path == self.path
        if not same:
            message, selection = self.message, Selection()
            self.__init__()  # type: ignore[misc] # all of it is forgotten
            self.selection, self.message = selection, message
        self.path = path
        self.changed()

    def changed(self) -> None:
        """Note that something changed, so that drawings are made again."""
        self.version = new_version()

    def feed(self, study: Study | None, results: Results, snapshots: Mapping[str, SnapshotOf]) -> None:
        """Take in what was read from the folder."""
        self.study, self.results, self.snapshots, self.starting = study, results, snapshots, False
        names = {row.configuration.name for row in results.rows}
        self.selection.marked = [name for name in self.selection.marked if name in names]
        self.changed()

    # -- rows ---------------------------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """The configurations in the order that is asked for."""
        found = list(self.results.rows) if self.results else []
        order = self.selection.order
        if order == "name":
            found.sort(key=lambda row: row.configuration.number)
        elif order == "time":
            found.sort(key=lambda row: (math.isnan(row.seconds), row.seconds))
        elif order == "test":
            found.sort(key=lambda row: (math.isnan(row.test_mean), -row.test_mean))
        return found

    def lines(self) -> Iterator[tuple[Key, Row, TrialResult | None]]:
        """Each line of the table: a configuration, and its trials below it where it is unfolded."""
        for row in self.rows():
            name = row.configuration.name
            yield (name, ""), row, None
            if name in self.selection.unfolded:
                for result in row.trials:
                    yield (name, result.trial.folder), row, result

    @property
    def varied(self) -> tuple[str, ...]:
        """The paths that the study varies; not the one that each configuration has its own best value of."""
        return tuple(path for path in (self.results.varied if self.results else ()) if path != self.tuned)

    @property
    def tuned(self) -> str:
        """The path that each configuration has its own best value of; empty: there is none."""
        return self.study.tune or "" if self.study else ""

    def row(self, name: str) -> Row | None:
        """The configuration of that name."""
        rows = self.results.rows if self.results else ()
        return next((row for row in rows if row.configuration.name == name), None)

    def under_cursor(self) -> tuple[Row | None, TrialResult | None]:
        """The configuration and the trial that the cursor is on; of a configuration its best trial."""
        name, folder = self.selection.cursor
        row = self.row(name)
        if row is None or not row.trials:
            return row, None
        found = next((one for one in row.trials if one.trial.folder == folder), None)
        return row, found or self.best_trial(row)

    def best_trial(self, row: Row) -> TrialResult:
        """The trial of a configuration whose metric is best; the first one that has begun without any."""
        metric, sign = (
            (self.results.metric, -1 if self.results.bigger_is_better else 1) if self.results else ("", 1)
        )

        def rank(one: TrialResult) -> tuple[bool, float, bool]:
            value = one.figures.get(metric, math.nan)
            return math.isnan(value), 0.0 if math.isnan(value) else sign * value, one.state == "waiting"

        return min(counted(row) or row.trials, key=rank)

    def shown(self) -> list[Row]:
        """The configurations in the charts: the marked ones, else the first few of the study."""
        marked = self.selection.marked
        rows = list(self.results.rows) if self.results else []
        if marked:
            return sorted(
                (r for r in rows if r.configuration.name in marked),
                key=lambda r: marked.index(r.configuration.name),
            )
        begun = [row for row in rows if row.rank is not None or any(map(_begun, row.trials))]
        return sorted(begun[:SHOWN], key=lambda row: row.configuration.number)

    def counts(self) -> dict[str, int]:
        """How many trials are in each state."""
        found: dict[str, int] = {}
        for row in self.results.rows if self.results else ():
            for one in row.trials:
                found[one.state] = found.get(one.state, 0) + 1
        return found

    def seconds_left(self) -> float:
        """Training time that is left on the clock, by the epochs done so far; NaN if none is."""
        done = left = spent = 0.0
        for row in self.results.rows if self.results else ():
            for one in row.trials:
                seconds = one.seconds[-1] if one.seconds else one.figures.get("seconds", math.nan)
                if math.isfinite(seconds) and one.epochs:
                    spent, done = spent + seconds, done + one.epochs
                if one.state not in OVER:
                    left += max(0, one.planned - one.epochs)
        running = max(1, self.counts().get("running", 0))
        return spent / done * left / running if done else math.nan

    # -- curves -------------------------------------------------------------------------------------------

    def curve(self, row: Row) -> CurveOf:
        """The curve of a configuration over the axis that is chosen; made again only when it has grown."""
        name, axis = row.configuration.name, self.selection.axis
        stamp = (axis, tuple((one.trial.folder, len(one.curve), one.state) for one in row.trials))
        known = self._curves.get(name)
        if known is None or known[0] != stamp:
            known = self._curves[name] = (stamp, self._curve(row, axis))
        return known[1]

    def _curve(self, row: Row, axis: Axis) -> CurveOf:
        shown = counted(row) or ([self.best_trial(row)] if row.trials else [])
        trials = [one for one in shown if one.curve]
        length = max((len(one.curve) for one in trials), default=0)
        table = np.full((max(1, len(trials)), length), np.nan)
        times = np.full_like(table, np.nan)
        for at, one in enumerate(trials):
            table[at, : len(one.curve)] = one.curve
            times[at, : len(one.seconds)] = one.seconds[: len(one.curve)]
        x = np.arange(1.0, length + 1)
        if axis == "step":
            x = x * self.batches(row)
        elif axis == "seconds":
            x = _column(np.nansum, times) / np.maximum(1, np.isfinite(times).sum(axis=0))
            x[~np.isfinite(times).any(axis=0)] = np.nan
        # each number of trials is a mean of its own: the curve ends where the shortest running trial is
        mean, low, high = (_column(f, table) for f in (np.nanmean, np.nanmin, np.nanmax))
        return CurveOf(row.configuration.name, row.configuration.number, x, mean, low, high, len(trials))

    def batches(self, row: Row) -> int:
        """Steps of an epoch of a configuration."""
        name = row.configuration.name
        if name not in self._batches:
            preset = check(dict(row.configuration.document))[0]
            steps = -(-preset.data.sizes()[0] // preset.training.batch_size) if preset else 1
            self._batches[name] = max(1, steps)
        return self._batches[name]

    def symbol(self, row: Row, unicode: bool = True) -> tuple[str, str]:
        """Marker and colour of a configuration, the same everywhere; of those shown together, as far as there
        are markers, no two have the same."""
        place, colour = self._symbols().get(row.configuration.name) or _symbol(row)
        return (SYMBOLS if unicode else ASCII_SYMBOLS)[place], LAYER_COLOURS[colour]

    def _symbols(self) -> dict[str, tuple[int, int]]:
        """The numbers of marker and colour of those that are shown."""
        stamp = (self.version, *self.selection.marked)
        if self._pairs[0] != stamp:
            found: dict[str, tuple[int, int]] = {}
            for row in self.shown():
                marker, colour = _symbol(row)
                used = set(found.values())
                order = [(marker + at) % len(SYMBOLS) for at in range(len(SYMBOLS))]
                free = [at for at in order if at not in {m for m, _ in used}]
                free += [at for at in order if (at, colour) not in used]
                found[row.configuration.name] = (free[0] if free else marker), colour
            self._pairs = stamp, found
        return self._pairs[1]

    def last_snapshots(self) -> list[tuple[Row, SnapshotOf | None]]:
        """The shown configurations with the newest snapshot of their best trial."""
        return [
            (row, self.snapshots.get(self.best_trial(row).trial.folder) if row.trials else None)
            for row in self.shown()
        ]

    def wanted(self) -> tuple[TrialResult, ...]:
        """The trials whose snapshots are shown."""
        return tuple(self.best_trial(row) for row in self.shown() if row.trials)


def _symbol(row: Row) -> tuple[int, int]:
    """The numbers of the marker and the colour that a configuration has by itself."""
    number = row.configuration.number
    return number % len(SYMBOLS), number % len(LAYER_COLOURS)


def counted(row: Row) -> list[TrialResult]:
    """The trials that a configuration's figures are of: not those that only tried a learning rate."""
    settings = row.configuration.settings
    return [one for one in row.trials if one.trial.configuration.settings == settings]


def _column(function: object, table: Floats) -> Floats:
    """A function of each column of a table; NaN where a column has no number."""
    found = np.full(table.shape[1], np.nan)
    known = np.isfinite(table).any(axis=0)
    if known.any():
        found[known] = function(table[:, known], axis=0)  # type: ignore[operator] # one of numpy's
    return found


def _begun(one: TrialResult) -> bool:
    return one.state != "waiting"


def varied_values(results: Results, paths: Sequence[str]) -> dict[str, list[object]]:
    """The different values of each of some paths, in the order of the study."""
    rows = sorted(results.rows, key=lambda row: row.configuration.number)
    found: dict[str, list[object]] = {}
    for path in paths:
        values: list[object] = []
        for row in rows:
            value = row.configuration.settings.get(path)
            if value is not None and value not in values:
                values.append(value)
        if values and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            values.sort(key=lambda v: v)  # type: ignore[arg-type,return-value] # all are numbers
        found[path] = values
    return found
