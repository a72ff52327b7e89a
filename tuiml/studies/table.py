"""A study's table, from the run folders of its trials. Cheap to ask for each second."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tuiml.data.own.entries import DataFiles
from tuiml.runs.folder import METRICS
from tuiml.runs.writer import is_held
from tuiml.spec.problems import SpecError
from tuiml.studies import methods, trials, tuning
from tuiml.studies.check import matches
from tuiml.studies.conclusion import conclude, has_lost, moments
from tuiml.studies.folder import StudyState, read_state
from tuiml.studies.records import TESTS, Record, best_of, read_record
from tuiml.studies.results import Configuration, Results, Row, Trial, TrialResult, TrialState
from tuiml.studies.search import Cut, Order, Search, bigger_is_better, replay
from tuiml.studies.study import Study

NAN = math.nan
OVER = ("completed", "failed", "diverged")
"""States of trials that are not trained any more."""
_MOST_TABLES = 8


class Table:
    """The table of one study in one folder; what was read is kept until a file changes.

    Args:
        study: a checked one.
        folder: where the run folders of its trials are.
        files: finds what a file of the user's holds; by default read from the disk.
    """

    def __init__(self, study: Study, folder: Path, files: DataFiles | None = None) -> None:
        self.study, self.folder = study, folder
        self._files = files
        self._metric = study.search.metric or "val_accuracy"
        self._bigger = bigger_is_better(self._metric)
        self._known: list[Configuration] | None = None
        self._search: Search | None = None
        self._waiting: list[Order] = []
        """What the search has asked for and was not told."""
        self._told: list[tuple[Order, float]] = []
        self._records: dict[str, tuple[object, Record]] = {}
        self._state = StudyState()

    def results(self) -> Results:
        """The table as the folder has it now; never raises for what is in it."""
        names, self._state = self._names(), read_state(self.folder)
        try:
            search = self._found(names)
        except SpecError as error:
            return Results(self._metric, self._bigger, (), self._varied(), 0, 0, str(error))
        more = self._more(names, search)
        rows = [self._row(search, one, more.get(one.number, []), names) for one in search.configurations]
        ranked = rank(rows, self._metric)
        over = [result.state in (*OVER, "cut") for row in ranked for result in row.trials]
        text = conclude(ranked, self._metric, folds=self.study.folds is not None, done=search.over)
        total = max(search.total, len(over))
        return Results(self._metric, self._bigger, tuple(ranked), self._varied(), total, sum(over), text)

    def _found(self, names: Mapping[str, str]) -> Search:
        """The study's search, told all values that the folder holds.

        It is kept from one call to the next, unless a value is not what it was: TPE takes its time.

        Raises:
            SpecError: a preset is missing, or a package.
        """
        if self._known is None:
            self._known = methods.known(self.study, self._files)
        same = all(_same(self.value(order, names), value) for order, value in self._told)
        if self._search is None or not same:
            self._search, self._waiting, self._told = None, [], []
            self._search = methods.start(self.study, self._files, self._known)

        def told(order: Order) -> float | None:
            value = self.value(order, names)
            if value is not None:
                self._told.append((order, value))
            return value

        self._waiting = replay(self._search, told, self._waiting)
        return self._search

    def value(self, order: Order, names: Mapping[str, str]) -> float | None:
        """The value of an order as the search is told it; ``None``: it has to be trained."""
        if order.find_rate:
            return tuning.read_rate(self.folder, order.trial)
        result = self.result(order.trial, names)
        if result.state not in OVER and not self._reached(order, result):
            by_user = result.state in ("stopped", "waiting") and result.path.name in self._state.stopped
            return NAN if by_user else None  # the search goes on without it
        return best_of(result.curve[: order.epochs], self._bigger)

    def _reached(self, order: Order, result: TrialResult) -> bool:
        """Whether a trial that may go on has done what the order asks for."""
        _, record = self._records.get(result.path.name, (None, None))
        return order.until is not None and record is not None and record.reached(order.until)

    def result(self, trial: Trial, names: Mapping[str, str], cut: Cut | None = None) -> TrialResult:
        """A trial with what its folder says."""
        name = names.get(trial.folder.rpartition("-")[2], trial.folder)
        path, planned = self.folder / name, trials.planned(trial.document)
        record = self._record(path) if name in names.values() else None
        failed = self._state.failed
        message = failed.get(trial.folder, failed.get(name, ""))
        cut = None if name in self._state.stopped else cut
        rung, lost_by = (cut.rung, cut.lost_by) if cut else (None, None)
        if record is None:
            state: TrialState = "failed" if message else "waiting"
            return TrialResult(trial, state, path, 0, planned, {}, (), (), rung, lost_by, message)
        state, epochs = record.state(cut, bool(message)), len(record.curve)
        return TrialResult(
            *(trial, state, path, epochs, record.planned or planned, record.figures or {}),
            *(record.curve, record.seconds, rung, lost_by, message or record.message),
        )

    def _names(self) -> dict[str, str]:
        """The trials' folders by the hash in their names."""
        try:
            found = [entry.name for entry in os.scandir(self.folder) if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return {}
        return trials.located(name for name in found if not name.startswith("."))

    def _record(self, path: Path) -> Record:
        """What a run folder says, read again only when its metrics changed, or it is written to no more."""
        try:
            found = os.stat(path / METRICS)
            mark: object = (found.st_ino, found.st_size, found.st_mtime_ns)
        except OSError:
            mark = None
        mark = (mark, is_held(path))
        known = self._records.get(path.name)
        if known is None or known[0] != mark:
            known = self._records[path.name] = (mark, read_record(path, self._metric, mark[1]))
        return known[1]

    def _varied(self) -> tuple[str, ...]:
        found = list(trials.paths_varied(self.study))
        return tuple(found if self.study.tune is None else [*found, self.study.tune])

    def _more(self, names: Mapping[str, str], search: Search) -> dict[int, list[Trial]]:
        """Trials with seeds that were added, by the number of their configuration."""
        found: dict[int, list[Trial]] = {}
        if self.study.folds is not None:
            return found
        numbered = {one.number: one for one in search.configurations}
        for content, name in names.items():
            number, seed = name.partition("-")[0], name.rpartition("-")[0].rpartition("-s")[2]
            if not (number.isdecimal() and seed.isdecimal() and len(number + seed) < 20):
                continue
            one = numbered.get(int(number))
            if one is None or int(seed) in self.study.seeds:
                continue
            trial = trials.trial_of(self.study, one, int(seed))
            if trials.content(trial.document) == content:
                found.setdefault(one.number, []).append(trial)
        return {number: sorted(some, key=lambda t: t.seed) for number, some in found.items()}

    def _row(
        self,
        search: Search,
        configuration: Configuration,
        more: Sequence[Trial],
        names: Mapping[str, str],
    ) -> Row:
        counted = [*search.trials(configuration), *more]
        results = [self.result(t, names, search.cut(t)) for t in counted]
        others = [self.result(t, names) for t in search.others(configuration)]
        figures = [result.figures for result in results if self._metric in result.figures]
        values = [f[self._metric] for f in figures]
        mean, std = moments(values)
        test = next((name for name in TESTS if any(name in f for f in figures)), TESTS[0])
        test_mean, test_std = moments([f[test] for f in figures if test in f])
        times, _ = moments([result.seconds[-1] for result in results if result.seconds])
        row = Row(
            *(None, configuration, (*results, *others), len(values), mean, std, test_mean, test_std, times)
        )
        return self._with_reference(row)

    def _with_reference(self, row: Row) -> Row:
        one = row.configuration
        for reference in self.study.reference:
            figure = reference.figure()
            if figure and matches(reference, one.name, one.settings, self.study):
                told = (figure[1], reference.source, reference.reason)
                return replace(row, reference=told, reference_metric=figure[0])
        return row


def _same(one: float | None, other: float) -> bool:
    return one is not None and (one == other or (math.isnan(one) and math.isnan(other)))


def rank(rows: Sequence[Row], metric: str) -> list[Row]:
    """The rows by rank: first those that got furthest in successive halving, of these the best first.

    One of whose trials some have no figure, since they diverged or failed, comes after those without.
    """

    def key(row: Row) -> tuple[bool, int, bool, float, int]:
        rung = max((r.rung for r in row.trials if r.rung is not None), default=0)
        place = 0.0 if math.isnan(row.mean) else -row.mean if bigger_is_better(metric) else row.mean
        return row.n == 0, -rung, has_lost(row, metric), place, row.configuration.number

    found = sorted(rows, key=key)
    return [replace(row, rank=place if row.n else None) for place, row in enumerate(found, 1)]


_tables: dict[tuple[str, str], Table] = {}


def results(study: Study, folder: Path, files: DataFiles | None = None) -> Results:
    """The table of a study as its folder has it now; cheap to call each second, from one thread."""
    key = (str(folder), study.model_dump_json())
    if key not in _tables:
        while len(_tables) >= _MOST_TABLES:
            del _tables[next(iter(_tables))]
        _tables[key] = Table(study, folder, files)
    return _tables[key].results()
