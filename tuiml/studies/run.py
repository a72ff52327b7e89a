"""Runs a study: asks its search for trials, has them trained, and never trains again what is there."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from tuiml.runs import library
from tuiml.runs.library import RunSummary
from tuiml.runs.run_lines import number
from tuiml.studies import trials, tuning
from tuiml.studies.control import StudyControl, StudyOrder
from tuiml.studies.events import (
    Reason,
    StudyEnd,
    StudyEvent,
    StudyStart,
    TrialEnd,
    TrialEpoch,
    TrialNotice,
    TrialStart,
)
from tuiml.studies.folder import StudyFolder
from tuiml.studies.pool import Job, Line, Pool, PoolError
from tuiml.studies.records import CANNOT_WRITE
from tuiml.studies.results import Trial
from tuiml.studies.search import Order, Search
from tuiml.studies.study import Study
from tuiml.studies.table import Table
from tuiml.studies.worker import DONE, FAILED
from tuiml.text import plain_text

ENDED: tuple[Reason, ...] = ("completed", "early_stopped", "diverged")
"""How a trial has ended that is not trained any further."""
WAIT = 0.2
"""Seconds after which orders are looked for, if nothing is reported."""


@dataclass
class _Running:
    """A trial that is trained now."""

    order: Order
    name: str
    """Of its run folder."""
    why_stopped: str = ""
    """``user`` or ``study`` if it was told to stop."""
    rate: float = math.nan
    """The learning rate that was found for it."""


class StudyRun:
    """One session of a study."""

    def __init__(
        self,
        study: Study,
        folder: StudyFolder,
        search: Search,
        pool: Pool,
        control: StudyControl,
    ) -> None:
        self._study, self._folder, self._search = study, folder, search
        self._pool, self._control, self._table = pool, control, Table(study, folder.path)
        self._running: dict[str, _Running] = {}
        self._known: dict[str, Trial] = {}
        self._extra: list[Order] = []
        self._waiting: list[StudyOrder] = []
        """What was asked about trials that the search has not asked for yet."""
        self._reasons: dict[str, Reason] = {}
        """How trials have ended, by their folders: each is counted once, however often it goes on."""
        self._data: dict[str, str] = {}
        """Fingerprints of the data, by its tables."""
        self._noticed: set[str] = set()
        self._paused, self._fatal = False, ""
        names = (path.name for path in folder.path.iterdir() if path.is_dir())
        self._located = trials.located(name for name in names if not name.startswith("."))

    def events(self) -> Generator[StudyEvent]:
        """Train what is missing; the last event is :class:`StudyEnd`. However it ends, trials are saved.

        Raises:
            OSError: the study's own files cannot be written.
        """
        began, state = time.monotonic(), self._folder.state
        name, path = self._folder.name, str(self._folder.path)
        try:
            yield StudyStart(name, path, self._trials, self._pool.size, state.threads, state.backend)
            yield from self._train()
        except PoolError as error:
            self._fatal = str(error)
        finally:
            self._pool.close()
        reasons = list(self._reasons.values())
        yield StudyEnd(
            study=name,
            path=path,
            reason="failed" if self._fatal else "stopped" if self._control.stopped else "completed",
            trials=self._trials,
            done=self._done,
            failed=reasons.count("failed"),
            diverged=reasons.count("diverged"),
            seconds=time.monotonic() - began,
            message=self._fatal,
        )

    def _train(self) -> Iterator[StudyEvent]:
        yield from self._fill()  # first, so that an order may be about any trial
        while True:
            self._obey()
            yield from self._fill()
            if not self._running and (self._halted or not self._paused):
                return
            for name, line in self._pool.lines(WAIT):
                if name in self._running:
                    yield from self._hear(self._running[name], line)

    @property
    def _trials(self) -> int:
        return self._search.total + sum(map(len, self._folder.state.more.values()))

    @property
    def _done(self) -> int:
        """Trials that are over: also those that successive halving has cut."""
        over = sum(reason not in ("rung", "stopped") for reason in self._reasons.values())
        at_rungs = [self._known[name] for name, reason in self._reasons.items() if reason == "rung"]
        cuts = map(self._search.cut, at_rungs)
        return over + sum(one is not None and one.lost_by is not None for one in cuts)

    @property
    def _halted(self) -> bool:
        return self._control.stopped or bool(self._fatal)

    # -- what the user asks -------------------------------------------------------------------------------

    def _obey(self) -> None:
        waiting, self._waiting = self._waiting, []
        for order in (*waiting, *self._control.take()):
            self._do(order)
        if self._halted:
            for running in self._running.values():
                self._stop(running, "study")

    def _do(self, order: StudyOrder) -> None:
        if order.do in ("pause", "resume"):
            self._paused = order.do == "pause" if not order.trial else self._paused
            for name in self._running:
                if order.trial in ("", name):
                    self._pool.order(name, order.do)
        elif order.do == "stop_trial":
            self._folder.change(stopped=(*self._folder.state.stopped, order.trial))
            if order.trial in self._running:
                self._stop(self._running[order.trial], "user")
        elif order.do == "resume_trial":
            stopped = [name for name in self._folder.state.stopped if name != order.trial]
            self._folder.change(stopped=tuple(stopped))
            if order.trial in self._known and order.trial not in self._running:
                self._extra.append(Order(self._known[order.trial]))
        elif order.do == "more_seeds" and order.trial not in self._known:
            self._waiting.append(order)
        elif order.do == "more_seeds" and self._study.folds is None:
            configuration = self._known[order.trial].configuration
            more = self._folder.state.more
            used = (*self._study.seeds, *more.get(configuration.name, ()))
            new = range(max(used) + 1, max(used) + 1 + order.count)
            self._folder.change(more={**more, configuration.name: (*more.get(configuration.name, ()), *new)})

    def _stop(self, running: _Running, why: str) -> None:
        if not running.why_stopped:
            running.why_stopped = why
            self._pool.order(running.name, "stop")

    # -- starting trials ----------------------------------------------------------------------------------

    def _fill(self) -> Iterator[StudyEvent]:
        """Start as many trials as the pool takes."""
        while len(self._running) < self._pool.size and not self._halted and not self._paused:
            order = self._next()
            if order is None:
                return
            yield from self._begin(order)
            self._obey()

    def _next(self) -> Order | None:
        if self._extra:
            return self._extra.pop(0)
        more = self._folder.state.more
        settled = filter(self._search.trials, self._search.configurations)  # each has its learning rate
        known = {one.name: one for one in settled if one.name in more}
        for name, seeds in more.items():
            for seed in seeds if name in known else ():
                trial = trials.trial_of(self._study, known[name], seed)
                if self._name(trial) not in self._known:
                    return Order(trial)
        return self._search.ask()

    def _value(self, order: Order) -> float | None:
        """What the folder says of an order; ``None``: it has to be trained, or trained further."""
        return self._table.value(order, self._located)

    def _name(self, trial: Trial) -> str:
        """The name of a trial's folder, which may have been made for a study that was edited since."""
        return self._located.get(trials.content(trial.document), trial.folder)

    def _summary(self, name: str) -> RunSummary | None:
        """What the run folder of a trial says; ``None``: there is none."""
        path = self._folder.path / name
        return library.summary(path) if path.is_dir() else None

    def _begin(self, order: Order) -> Iterator[StudyEvent]:
        """Train a trial, unless what is asked of it is done."""
        trial, name, value = order.trial, self._name(order.trial), self._value(order)
        if value is not None and order.find_rate:
            self._search.tell(trial, order.epochs, value)
            return
        if not order.find_rate:
            self._known[name] = trial
        found = self._summary(name)
        if value is not None or name in self._folder.state.stopped:
            reason: Reason = "stopped" if value is None else _ending(found) or "rung"
            yield from self._over(order, name, reason, found, earlier=True)
            return
        state, document = self._folder.state, dict(trial.document)
        self._running[name] = _Running(order, name)
        job = Job(
            self._folder.path, name, document, state.backend, state.threads, order.until, order.find_rate
        )
        who = plain_text(trial.configuration.name)
        if order.find_rate:
            yield TrialNotice(name, f"finding a learning rate for {who}")
        else:
            done = found.epochs if found else 0
            yield TrialStart(
                name, str(self._folder.path / name), who, trial.seed, trial.fold, order.epochs, done
            )
        self._pool.start(job)

    # -- what is reported of them -------------------------------------------------------------------------

    def _hear(self, running: _Running, line: Line) -> Iterator[StudyEvent]:
        kind = line.get("event")
        if kind == "epoch":
            names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds")
            figures = {name: number(line, name) for name in (*names, "examples_per_second", "val_r2")}
            yield TrialEpoch(running.name, int(number(line, "epoch")), **figures)
        elif kind == "start":
            self._compare_data(running, line)
        elif kind == "rate_found":
            running.rate = number(line, "learning_rate")
        elif kind == "loading" and line.get("done") != line.get("total"):
            yield from self._notice(running, f"loading {line.get('name')}")
        elif kind == "notice":
            yield from self._notice(running, str(line.get("text")))
        elif kind in (DONE, FAILED):
            del self._running[running.name]
            message = plain_text(str(line.get("message")))[:500]
            # A process that was killed just after a run's end has not said that it is done.
            told = running.order.find_rate or message.startswith(CANNOT_WRITE)
            over = not told and _ending(self._summary(running.name))
            yield from self._trained(running) if kind == DONE or over else self._failed(running, message)

    def _notice(self, running: _Running, text: str) -> Iterator[StudyEvent]:
        """A warning, once: all trials of the same data have the same ones. A disk that refuses ends all: no
        other trial could be saved either."""
        if text.startswith(CANNOT_WRITE):
            self._fatal = self._fatal or plain_text(text.partition(";")[0])
        elif text and text not in self._noticed:
            self._noticed.add(text)
            yield TrialNotice(running.name, plain_text(text))

    def _compare_data(self, running: _Running, line: Line) -> None:
        """Stop everything if a trial has other examples than an earlier one of the same data."""
        table = json.dumps(running.order.trial.document.get("data"), sort_keys=True, default=str)
        new = str(line.get("data") or "")
        old = self._data.setdefault(table, new)
        drawn = [hashlib.sha256(f"{one} stratified".encode()).hexdigest() for one in (old, new)]
        if new != old and new != drawn[0] and old != drawn[1]:
            self._fatal = f"the data of '{running.name}' is not the same as that of the trials before it"

    def _trained(self, running: _Running) -> Iterator[StudyEvent]:
        """A trial was trained as far as it was asked, or was stopped."""
        name, order = running.name, running.order
        self._located.setdefault(trials.content(order.trial.document), name)
        found = self._summary(name)
        if order.find_rate:
            tuning.write_rate(self._folder.path, order.trial, running.rate)
            self._search.tell(order.trial, order.epochs, running.rate)
        elif over := _ending(found):
            yield from self._over(order, name, over, found)
        elif running.why_stopped:
            yield from self._over(order, name, "stopped", found)
        elif self._value(order) is not None:
            yield from self._over(order, name, "rung", found)
        else:
            why = found.problem if found else ""
            yield from self._failed(running, why or "it was stopped by another process")

    def _failed(self, running: _Running, message: str) -> Iterator[StudyEvent]:
        order, name, found = running.order, running.name, self._summary(running.name)
        if message.startswith(CANNOT_WRITE):
            self._fatal = self._fatal or message.partition(";")[0]
        if self._halted or running.why_stopped:  # it did not fail by itself
            yield from self._over(order, name, "stopped", found, message=message)
            return
        self._folder.change(failed={**self._folder.state.failed, name: message})
        yield from self._over(order, name, "failed", found, message=message)

    def _over(
        self,
        order: Order,
        name: str,
        reason: Reason,
        found: RunSummary | None,
        *,
        earlier: bool = False,
        message: str = "",
    ) -> Iterator[StudyEvent]:
        """Tell the search, and report the end of a trial, whose folder is as ``found``."""
        trial, state = order.trial, self._folder.state
        value = None if reason == "failed" else self._value(order)
        value = math.nan if value is None else value
        if reason not in ("failed", "stopped") and name in state.failed:
            self._folder.change(failed={one: text for one, text in state.failed.items() if one != name})
        self._reasons[name] = reason
        if reason != "stopped" or not self._halted:
            self._search.tell(trial, order.epochs, value)
        if reason == "diverged" and found and found.end and not message:
            message = plain_text(str(found.end.get("message", "")))
        yield TrialEnd(
            trial=name,
            configuration=plain_text(trial.configuration.name),
            seed=trial.seed,
            fold=trial.fold,
            reason=reason,
            epochs=found.epochs if found else 0,
            value=value,
            done=self._done,
            trials=self._trials,
            earlier=earlier,
            message=message,
        )


def _ending(found: RunSummary | None) -> Reason | None:
    """How a trial's run has ended, if it is over."""
    return next((reason for reason in ENDED if found and found.reason == reason), None)
