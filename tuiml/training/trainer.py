"""The trainer: one generator of events, driven by whoever wants to see them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tuiml.backends import LOOK
from tuiml.backends.engine import Engine, LayerView
from tuiml.data.arrays import Data
from tuiml.nn.network import Network
from tuiml.spec.preset import Preset
from tuiml.training.budget import Budget
from tuiml.training.events import End, Epoch, Event, Progress, Reason, Snapshot
from tuiml.training.inspector import TIME
from tuiml.training.run_control import RunControl
from tuiml.training.run_state import RunState
from tuiml.training.schedule_state import NONE, Position, order_of
from tuiml.training.statistics_tracker import StatisticsTracker

AT_ONCE = 0.004
"""Seconds of steps that the engine is given at a time: few enough that keys are heeded at once."""
PICTURES = 0.02
"""Share of the time that pictures and what else is wished for may take, and no more than ten a second."""
REPORTS = 0.005
"""Share of the time for telling of progress, no more than ten times a second either."""
ALONE = 2.0
"""Seconds between two reports where nobody looks on: for later, and to save amid long epochs."""
SNAPSHOTS = 0.0025
"""Share of the time for copies to fall back on when training diverges."""


class Trainer(RunState):
    """Trains one network and tells about it.

    :meth:`events` runs in the caller's thread; between two events the caller may read :attr:`engine` and
    :attr:`position`, to save them.

    Args:
        watched: whether somebody looks at pictures while they come (and ``control.watching`` says when);
            else there is one an epoch at most.
        others: what else :class:`~tuiml.training.run_state.RunState` takes: where to go on from, what to do
            again.
    """

    def __init__(
        self,
        preset: Preset,
        network: Network,
        data: Data,
        engine: Engine,
        control: RunControl | None = None,
        *,
        watched: bool = False,
        clock: Callable[[], float] = time.perf_counter,
        **others: Any,
    ) -> None:
        super().__init__(preset, network, data, engine, control, watched=watched, clock=clock, **others)
        self._pictures = Budget(PICTURES, 0.1, clock)
        self._reports = Budget(REPORTS, 0.1 if watched else ALONE, clock)
        self._reports.due_at = 0.0 if watched else clock() + ALONE
        self._observer = StatisticsTracker(network)
        self._shown, self._pictured = False, 0
        """Whether the next step, or the one just done, goes into a picture; the step of the newest."""
        self._snapshots = Budget(SNAPSHOTS, 0.05, clock)
        self._fallen: Position | None = None
        self._message = ""
        self._note: list[str] = []

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.course.steps(self.position)

    @property
    def standing(self) -> Position:
        """Where the engine's state belongs: the position, unless the run diverged and fell back."""
        return self._fallen or self.position

    @property
    def over(self) -> bool:
        """Whether there is nothing more to train."""
        return self.course.over(self.position)

    @property
    def restores(self) -> bool:
        """Whether the run is to end with the weights of an epoch before the last."""
        return self.course.restores(self.position)

    def start_from(self, tensors: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Before the first step: begin with these parameters (by their names on disk), not the engine's."""
        self.engine.load({**self.engine.state(), **tensors}, 0)
        self._snapshot = self._saved()

    def refuse(self, message: str) -> None:
        """End as diverged before the first step, and say why."""
        self._message = message

    def events(self) -> Iterator[Event]:
        """Train to the end, telling what happens; the last event is :class:`End`."""
        self._prepare()
        yield self._picture()
        self._pictures.due_at = 0.0  # taken before training, so not from its time
        self._remember()
        while not self._message:
            if self.position.step >= self._cue:
                yield from self._on_cue()
            if self.over or (self.control.stopped and self.position.step >= self._until):
                break
            yield from self._epoch()
            if self.control.stopped:
                break
        if self._watched and self._pictured != self.engine.step_number and not self._message:
            yield self._picture(self.engine.look(LOOK))  # how it ended is to be seen
        yield self._end()

    # -- one epoch ------------------------------------------------------------------------------------

    def order(self, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """The training examples in the order of an epoch: a function of the seed alone."""
        return order_of(self.preset.training.seed, epoch, len(self.data.train))

    def _epoch(self) -> Iterator[Event]:
        order = self.order(self.position.epoch)
        mark = self._clock()
        while self.position.done < self.course.examples:
            if self.control.attention or self.position.step >= self._cue:
                self._spend(mark)
                if self.position.step >= self._cue:
                    yield from self._on_cue()
                yield from self.attend()
                mark = self._clock()
                if self.control.stopped or self._rewound:
                    self._rewound = False
                    return
                self.control.take_step()
            self._shown = self._to_be_shown()
            if self._shown:
                self._spend(mark)
                self._prepare()
                mark = self._clock()
            if not self._some_steps(order):
                self._spend(mark)
                self._fall_back()
                return
            now = self._clock()
            if (
                self._shown
                or self._reports.due(now)
                or self._snapshots.due(now)
                or self.answers.due(now)
                or self.control.attention
            ):
                self._spend(mark)
                yield from self._look(now)
                mark = self._clock()
        self._spend(mark)
        yield from self._close_epoch()

    def _to_be_shown(self) -> bool:
        """Whether a picture is to be made of the next step."""
        if self._watched or self.control.attention:  # a single step is shown at once
            due = self.control.attention or (self._full_batch() and self._pictures.due(self._clock()))
            return (due or self._last_alone() == self.position.done) and self.control.watching
        return self._last_alone() == self.position.done

    def _wants_picture(self) -> bool:
        return self._watched and self.control.watching

    def _full_batch(self) -> bool:
        """Whether the next batch is as large as the others: plans are made for each size."""
        done = self.position.done
        return done == 0 or done + self.course.size <= self.course.examples

    def _last_alone(self) -> int:
        """After how many of the epoch's examples steps stop, for the next goes into a picture: the last of
        all, which shows how it ended; where nobody looks on, an epoch's last now and then."""
        if self._watched:
            due = self.position.epoch == self.training.epochs
        else:
            due = self._pictures.due(self._clock())
        return self.course.last_batch(self.position) if due else self.course.examples

    def _prepare(self) -> None:
        """See to it that the next step goes into a picture."""
        left = self.course.examples - self.position.done
        size = self.course.size
        most = size if left <= 0 else min(size, left)  # all batches may be done, the epoch not closed
        self._pictures.prepare(lambda: self.engine.watch(most))

    def _some_steps(self, order: np.ndarray[Any, Any]) -> bool:
        """Train the next batches, as many as a few milliseconds hold; whether every loss was finite."""
        where, given, end = self.position, 0, self.course.examples
        first, size = where.done, self.course.size
        if self._shown:
            end = first + 1
        elif first < self._last_alone():
            end = self._last_alone()
        if end > first + (self._cue - where.step) * size:
            end = first + int(self._cue - where.step) * size

        def batches() -> Iterator[tuple[np.ndarray[Any, Any], float]]:
            nonlocal given
            until, epoch, rate = self._clock() + AT_ONCE, where.epoch, where.rate
            for begin in range(first, end, size):
                if given and (self.control.attention or self._clock() >= until):
                    return
                given += 1
                self._used = rate * self.course.factor(epoch, begin)
                yield order[begin : begin + size], self._used

        steps = self.engine.steps(batches())
        done = min(first + steps * size, len(order))
        self._examples += done - first
        self.position = replace(where, batch=where.batch + steps, done=done, step=where.step + steps)
        return steps == given

    def _spend(self, since: float) -> None:
        """Count the time from ``since`` to now as training."""
        self._seconds += self._clock() - since

    def _look(self, now: float) -> Iterator[Event]:
        """What is due between two batches."""
        if self._snapshots.due(now) and not self._guard():
            return
        if self.control.attention or (self._watched and self._shown) or self._reports.due(now):
            with self._reports:
                progress = self._progress()
            if progress:
                yield progress
            yield from self._tell_moments()
        if self._shown:
            yield self._picture()
        if self.answers.due(now):
            yield from self.answers.again()

    def _guard(self) -> bool:
        """Keep a copy of the weights if they are finite."""
        with self._snapshots:
            finite = self.engine.finite()
            if finite:
                self._snapshot = self._saved()
        return finite

    def _fall_back(self) -> None:
        """The loss of the next step is not finite: go back to the last finite weights."""
        what = "the loss" if self.preset.training.clip_norm is None else "the loss or its gradient"
        self._diverge(f"{what} was not finite at step {self.engine.step_number + 1}", self.position.epoch)

    def _diverge(self, what: str, epoch: int) -> None:
        """End the run as diverged, with finite weights."""
        behind = self.position.step - self.engine.step_number
        if not self.engine.finite():
            self.engine.restore(self._snapshot.state)
            self._fallen = self._snapshot.position
        elif behind:  # an engine that queues steps finds out late
            self._fallen = self.course.before(self.position, behind)
        self._message = (
            f"{what} (epoch {epoch}, learning rate {self._used:g}); "
            f"kept the weights of step {self.engine.step_number}"
        )

    # -- events ---------------------------------------------------------------------------------------

    def _progress(self) -> Progress | None:
        since = self._collect()
        if not since.examples:
            return None
        self._since = NONE
        left = self.course.left(self.position)
        speed = self._speed()
        return Progress(
            epoch=self.position.epoch,
            step=self.engine.step_number,
            train_loss=since.mean_loss,
            train_accuracy=since.accuracy,
            learning_rate=self._used,
            examples_per_second=speed,
            seconds=self._seconds,
            seconds_left=left / speed if speed else math.nan,
            train_r2=since.r2,
        )

    def _picture(self, views: Sequence[LayerView] = ()) -> Snapshot:
        self._pictures.share = PICTURES - TIME if self.control.wishes else PICTURES
        with self._pictures:
            layers = self._observer.snapshot(views or self.engine.views())
        self._pictured = self.engine.step_number
        return Snapshot(self.position.epoch, self.engine.step_number, layers)

    def _close_epoch(self) -> Iterator[Event]:
        progress = self._progress()
        if progress and self._watched:
            yield progress
        totals, epoch, step = self.position.totals, self.position.epoch, self.engine.step_number
        held_out = self.engine.evaluate(self.data.validation)
        self.position = replace(self.position, epoch=epoch + 1, batch=0, done=0, since=0, totals=NONE)
        self.position, better = self.course.judge(self.position, totals, held_out)
        if better and self.course.keeps_best:
            self.best = self._saved()
        self._judged = (held_out if held_out.examples else totals).mean_loss
        if not math.isfinite(self._judged):  # the weights overflow, or soon will: none of these get out
            self._diverge("the validation loss was not finite", epoch)
        elif not self.over and self._keeping.due(self._clock()):
            self._remember()
        yield Epoch(
            epoch=epoch,
            step=step,
            train_loss=totals.mean_loss,
            train_accuracy=totals.accuracy,
            val_loss=held_out.mean_loss,
            val_accuracy=held_out.accuracy,
            learning_rate=self._used,
            seconds=self._seconds,
            examples_per_second=self._speed(),
            train_r2=totals.r2,
            val_r2=held_out.r2,
        )

    def _restore_best(self) -> None:
        """Go back to the weights of the best epoch, if that is asked for."""
        if self.restores and self.best is not None:
            self.engine.restore(self.best.state)
            self._note.append(f"weights of epoch {self.position.best_epoch}")

    def _speed(self) -> float:
        """Training examples a second, evaluation and pictures not counted."""
        return self._examples / self._seconds if self._seconds > 0 else 0.0

    def _end(self) -> End:
        self._collect()
        step = self.engine.step_number
        early = self.over and self.position.epoch <= self.training.epochs and not self._message
        if early:
            waited = self.course.waited(self.position)
            epochs = "1 epoch" if waited == 1 else f"{waited} epochs"
            self._note.append(f"no better {self.position.watched} for {epochs}")
        if self.over and not self._message:
            self._restore_best()
        test = self.engine.evaluate(self.data.test)
        if test.examples and not math.isfinite(test.mean_loss) and not self._message:
            self._diverge("the test loss was not finite", self.position.epoch - 1)
        reason: Reason = "early_stopped" if early else "completed" if self.over else "stopped"
        if self._message:
            reason, step = "diverged", self.engine.step_number
        return End(
            reason=reason,
            run="",
            path="",
            epochs=self.position.epoch - 1,
            step=step,
            best_epoch=self.position.best_epoch,
            test_loss=test.mean_loss,
            test_accuracy=test.accuracy,
            seconds=self._seconds,
            examples_per_second=self._speed(),
            message=self._message or "; ".join(self._note),
            test_r2=test.r2,
        )
