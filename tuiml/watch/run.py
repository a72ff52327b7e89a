"""A watched loop: what the user's code calls. Nothing that goes wrong here reaches that code."""

from __future__ import annotations

import atexit
import contextlib
import functools
import math
import os
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec

import numpy as np

from tuiml.runs.folder import RunFolder
from tuiml.runs.thinning import GAP as GAP_OF_TIME
from tuiml.runs.watched import write_model
from tuiml.training.budget import Budget
from tuiml.training.events import End, Epoch, Notice, Progress, Reason, Snapshot, Start
from tuiml.training.events import Scalars as ScalarsEvent
from tuiml.watch.layers import Layers
from tuiml.watch.models import Models, version
from tuiml.watch.scalars import Scalars, get
from tuiml.watch.writer import Writer, say

FRACTION = 0.015
"""Of the time that snapshots and events about steps may take. The loop keeps 98 % of its speed: there is also
what every step costs, and the caches that a snapshot leaves cold."""
GAP = 1.0
"""Seconds between two snapshots at least: the folder takes no more."""
REPORT = 0.2
"""Seconds between two events about steps, at first; later as the folder thins them out."""
REPORTS = 0.003
"""Of the time that events about steps may take, on a slow disk: they come less often."""
LOOK = 0.02
"""Seconds after which it is asked again whether a snapshot is due."""
NAN = math.nan
FAILED = "watch"
"""What a notice is about that says that nothing more is recorded."""

P = ParamSpec("P")


def _guarded(
    method: Callable[Concatenate[WatchedRun, P], None],
) -> Callable[Concatenate[WatchedRun, P], None]:
    """A method that does nothing once the run has ended, and never raises an Exception."""

    @functools.wraps(method)
    def call(self: WatchedRun, /, *args: P.args, **kwargs: P.kwargs) -> None:
        if self._off:
            return
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            self._fail(error)

    return call


_RUNS: weakref.WeakSet[WatchedRun] = weakref.WeakSet()
"""Those of this process."""


def _leave() -> None:
    """A child process neither writes to the runs of its parent nor ends them."""
    for run in _RUNS:
        run._off = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave)


class WatchedRun:
    """The run of a loop of one's own, made by :func:`tuiml.watch`.

    Use it as a context manager, or call :meth:`close` at the end; else the run ends with the process.
    """

    path: Path | None = None
    """The run's folder; ``None`` where nothing is recorded: in processes but the first of several that train
    together, or where the folder could not be made."""

    def __init__(
        self, models: Models | None = None, name: str = "", clock: Callable[[], float] | None = None
    ):
        self._off = models is None
        if models is None:
            return
        self._clock = clock or time.monotonic
        self._models = models
        self._described = models.described()
        folder = RunFolder.create_watched(self._described, name)
        self.path = folder.path
        self._writer = Writer(folder)
        self._layers = Layers(self._described.modules)
        self._scalars = Scalars(models.numbers)
        self._add, self._hold = self._scalars.add, models.hold
        self._budget = Budget(FRACTION, GAP, self._clock)
        self._armed = False
        self._steps = self._epochs = self._best_epoch = self._reported_step = 0
        self._best = math.inf
        self._examples = 0
        self._report_at = self._next = 0.0
        self._began = self._reported = self._clock()
        self._writer.record(self._start())
        say(f"recording; 'tuiml {folder.name}' shows it")
        _RUNS.add(self)
        atexit.register(self._at_exit)

    # -- what the loop calls -------------------------------------------------------------------------------

    def step(  # it does what _guarded does: that would take a third of its time
        self,
        /,
        *,
        loss: Any = None,
        accuracy: Any = None,
        learning_rate: Any = None,
        examples: int = 0,
        grads: Any = None,
        **scalars: Any,
    ) -> None:
        """Report a step, after the optimizer has made it.

        Args:
            loss, accuracy: of the batch: numbers, or arrays of one, not waited for on an accelerator.
            learning_rate: where the optimizer does not tell it.
            examples: of the batch, for the speed.
            grads: the gradients, in JAX and MLX; PyTorch and Keras do not need them.
            scalars: any other numbers, each drawn as a curve under its name.
        """
        if self._off:
            return
        try:
            self._steps += 1
            self._examples += examples
            if loss is not None:
                self._add("loss", self._hold(loss))
            if accuracy is not None:
                self._add("accuracy", self._hold(accuracy))
            if learning_rate is not None:
                self._add("learning_rate", self._hold(learning_rate))
            for name, value in scalars.items():
                self._add(name, self._hold(value))
            if self._armed:
                self._measure(grads)
            now = self._clock()
            if now >= self._next:
                self._look(now)
        except Exception as error:
            self._fail(error)

    @_guarded
    def epoch(
        self,
        /,
        *,
        val_loss: Any = None,
        val_accuracy: Any = None,
        train_loss: Any = None,
        train_accuracy: Any = None,
        **scalars: Any,
    ) -> None:
        """Report that an epoch is over.

        Args:
            val_loss, val_accuracy: of the validation, if there was one.
            train_loss, train_accuracy: default: means of what :meth:`step` was given in this epoch.
            scalars: any other numbers, each drawn as a curve under its name.
        """
        now = self._clock()
        self._report(now)
        means = self._scalars.take_epoch()
        self._epochs += 1
        given = {"val_loss": val_loss, "val_accuracy": val_accuracy}
        given |= {"train_loss": train_loss, "train_accuracy": train_accuracy}
        there = {name: value for name, value in (given | scalars).items() if value is not None}
        read = self._models.numbers([self._models.hold(value) for value in there.values()])
        found = dict(zip(there, read, strict=True))
        loss = found.get("train_loss", get(means, "loss"))
        accuracy = found.get("train_accuracy", get(means, "accuracy"))
        judged = found.get("val_loss", loss)
        if judged < self._best:
            self._best, self._best_epoch = judged, self._epochs
        figures = (loss, accuracy, get(found, "val_loss"), get(found, "val_accuracy"), self._rate(means))
        self._writer.record(Epoch(self._epochs, self._steps, *figures, now - self._began, self._speed(now)))
        others = {name: value for name, value in found.items() if name not in given}
        if others:
            self._writer.record(ScalarsEvent(self._epochs, self._steps, others))

    def close(self) -> None:
        """End the run: the hooks are removed, and the folder is released."""
        self._end("completed")

    def __enter__(self) -> WatchedRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end_after(error)

    # -- what is written -----------------------------------------------------------------------------------

    def _start(self) -> Start:
        first, folder = self._models.first, self._writer.folder
        return Start(
            run=folder.name,
            path=str(folder.path),
            backend=first.framework,
            device=first.device,
            threads=first.threads,
            parameters=self._models.parameters,
            train_examples=0,
            validation_examples=0,
            test_examples=0,
            batch_size=0,
            epochs=0,
            steps=0,
            seed=0,
            versions={first.framework: version(first.distribution)},
        )

    def _look(self, now: float) -> None:
        """Do what is due after a step."""
        if now >= self._report_at:
            self._report(now)
            cost = self._clock() - now
            self._budget.charge(cost)
            self._report_at = max(self._report_at, now + cost / REPORTS)
        if not self._armed and self._budget.due(now) and self._writer.folder.takes_snapshot:
            self._budget.prepare(self._models.arm)
            self._armed = True
        snapshot = math.inf if self._armed else max(now + LOOK, self._budget.due_at)
        self._next = min(self._report_at, snapshot)

    def _report(self, now: float) -> None:
        """Events of the steps since the last ones, if there were any."""
        if self._steps == self._reported_step:
            return
        self._reported_step = self._steps
        found = self._scalars.take()
        epoch, seconds = self._epochs + 1, now - self._began
        rate, speed = self._rate(found), self._speed(now)
        self._reported, self._examples = now, 0
        self._report_at = now + max(REPORT, GAP_OF_TIME * seconds)
        loss, accuracy = found.pop("loss", NAN), found.pop("accuracy", NAN)
        found.pop("learning_rate", None)
        self._writer.record(Progress(epoch, self._steps, loss, accuracy, rate, speed, seconds, NAN))
        if found:
            self._writer.record(ScalarsEvent(epoch, self._steps, found))

    def _rate(self, found: dict[str, float]) -> float:
        return found.get("learning_rate", self._models.learning_rate)

    def _speed(self, now: float) -> float:
        passed = now - self._reported
        return self._examples / passed if self._examples and passed > 0 else NAN

    def _measure(self, grads: Any) -> None:
        """A snapshot of the step that was just made, if one was made."""
        self._budget.charge(self._models.spent)  # in hooks
        with self._budget, np.errstate(all="ignore"):
            facts = self._models.measure(grads)
            self._budget.charge(-self._models.once)
            if self._models.failure is None and facts is not None:
                self._armed, self._next = False, 0.0
                layers = self._layers.snapshot(facts)
                self._writer.record(Snapshot(self._epochs + 1, self._steps, layers))
                if left_out := self._writer.snapshot_line.left_out:
                    self._models.first.limit(self._writer.snapshot_line.said, *left_out)
                self._describe()
        if self._models.failure is not None:
            raise self._models.failure

    def _describe(self) -> None:
        """Write ``model.json`` again where more is known than before."""
        described = self._models.described()
        if described != self._described:
            self._described = described
            write_model(self._writer.folder.path, described)

    def _at_exit(self) -> None:
        if not self._off:
            self._end_after(getattr(sys, "last_exc", None) or getattr(sys, "last_value", None))

    def _end_after(self, error: BaseException | None) -> None:
        if error is None or isinstance(error, SystemExit):
            self._end("completed")
        else:
            said = "" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"
            self._end("stopped", said[:300])

    @_guarded
    def _end(self, reason: Reason, message: str = "") -> None:
        now = self._clock()
        self._models.close()
        self._report(now)
        loss = self._scalars.last.get("loss", 0.0)
        if not math.isfinite(loss):
            reason = "diverged"
        folder = self._writer.folder
        seconds = now - self._began
        end = (reason, folder.name, str(folder.path), self._epochs, self._steps, self._best_epoch)
        self._writer.record(End(*end, NAN, NAN, seconds, NAN, message))
        self._release()

    def _fail(self, error: Exception) -> None:
        """Record nothing more, and say so once."""
        text = f"{type(error).__name__}: {error}"[:300]
        say(f"recording has ended at step {self._steps}: {text}; training goes on without it")
        with contextlib.suppress(Exception):
            self._models.close()
        with contextlib.suppress(Exception):
            self._writer.record(Notice(FAILED, f"recording has ended: {text}", self._steps))
        self._release()

    def _release(self) -> None:
        self._off = True
        atexit.unregister(self._at_exit)
        with contextlib.suppress(Exception):
            self._writer.close()
