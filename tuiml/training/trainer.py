"""The trainer: trains one network as a generator of events."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tuiml.spec.preset import Training
from tuiml.training.budget import Budget
from tuiml.training.events import End, Epoch, Event, Progress, Reason
from tuiml.training.inspector import InspectionService
from tuiml.training.interventions import Change
from tuiml.training.order_handler import OrderHandler, allow_all
from tuiml.training.run_control import RunControl
from tuiml.training.run_state import RunState
from tuiml.training.schedule_state import order_of
from tuiml.training.snapshot_maker import SnapshotMaker

Order = np.ndarray[tuple[int], np.dtype[np.intp]]

AT_ONCE = 0.004
"""Seconds of steps that the engine gets at a time: few enough that keys are answered at once."""
REPORTS = 0.005
"""Fraction of the time for progress events; there are at most ten per second."""
UNWATCHED = 2.0
"""Seconds between two progress events if no screen shows the run: for its metrics and its checkpoints."""
PACED = 0.02
"""Seconds between two waits of a run that is slowed down: as often as a screen can show."""
FALLBACKS = 0.0025
"""Fraction of the time for copies of the state, used when training diverges."""


class Trainer:
    """Trains one network.

    :meth:`events` runs in the caller's thread; between two events the caller may read :attr:`engine` and
    :attr:`state`, to save them.

    Args:
        state: of the run where it begins or continues.
        live: True if a screen shows the run while it trains (``control.observed`` says when); else there is
            one snapshot per epoch at most. The final state always has one.
        script: changes to make at their steps, to replay a run.
        until: the step to stop at; ``None``: the run's end.
        until_epoch: the epoch after which to stop, likewise.
        allow: as in :class:`~tuiml.training.order_handler.OrderHandler`.
    """

    def __init__(
        self,
        state: RunState,
        control: RunControl | None = None,
        *,
        live: bool = False,
        script: Sequence[Change] = (),
        until: int | None = None,
        until_epoch: int | None = None,
        allow: Callable[[Training], None] = allow_all,
    ) -> None:
        network, engine, clock = state.network, state.engine, state.clock
        self.state, self.data, self.engine = state, state.data, engine
        self.control = control or RunControl()
        self.inspection = InspectionService(self.control, network, engine, clock, state.preset.data)
        self.snapshots = SnapshotMaker(network, engine, self.control, clock)
        self._orders = OrderHandler(
            self.state, self.control, self.inspection, self.snapshots, live=live, allow=allow
        )
        self.attend = self._orders.attend
        self._script, self._until = deque(script), math.inf if until is None else until
        self._until_epoch = math.inf if until_epoch is None else until_epoch
        self._live, self._clock = live, clock
        self._shown = False
        """True if a snapshot is made of the next step, or of the one just done."""
        self._reports = Budget(REPORTS, 0.1 if live else UNWATCHED, clock)
        self._reports.due_at = 0.0 if live else clock() + UNWATCHED
        self._fallbacks = Budget(FALLBACKS, 0.05, clock)

    def start_from(self, tensors: Mapping[str, np.ndarray[Any, Any]], failure: str = "") -> None:
        """Before the first step: replace the engine's parameters, by their names on disk.

        Args:
            failure: why the run is to end as diverged without a step, if it is.
        """
        self.state.start_from(dict(tensors))
        self.state.failure = failure

    def events(self) -> Iterator[Event]:
        """Train to the end; the last event is :class:`End`."""
        state = self.state
        yield self.snapshots.first(state.position.epoch, self._next_batch())
        state.remember()
        while not state.failure:
            if state.position.step >= self._pause_at:
                yield from self._follow_script()
            if state.over or (self.control.stopped and state.position.step >= self._until):
                break
            if state.position.epoch > self._until_epoch:
                break
            yield from self._epoch()
            if self.control.stopped:
                break
        yield from self._last_snapshot()
        end = self._end()
        if end.reason == "diverged":
            yield from self._last_snapshot()  # it may be in the test only that it did
        yield end

    def _last_snapshot(self) -> Iterator[Event]:
        """A snapshot of the final state, unless the last step had one."""
        if not self.snapshots.up_to_date:
            yield self.snapshots.current(self.state.engine_position.epoch)

    # -- one epoch ------------------------------------------------------------------------------------

    def order(self, epoch: int) -> Order:
        """The training examples in the order of an epoch: a function of the seed alone."""
        return order_of(self.state.preset.training.seed, epoch, len(self.data.train))

    def _epoch(self) -> Iterator[Event]:
        state, order = self.state, self.order(self.state.position.epoch)
        mark = self._clock()
        while state.position.done < state.schedule.examples:
            if self.control.attention or state.position.step >= self._pause_at:
                self._count_time(mark)
                if state.position.step >= self._pause_at:
                    yield from self._follow_script()
                went_back = yield from self.attend()
                mark = self._clock()
                if self.control.stopped or went_back:
                    return
                self.control.take_step()
            self._shown = self._to_be_shown()
            if self._shown:
                self._count_time(mark)
                self.snapshots.prepare(self._next_batch())
                mark = self._clock()
            before = state.position.step
            if not self._some_steps(order):
                self._count_time(mark)
                if self._live:  # the losses that grew until one was not finite
                    yield from self._progress()
                self._diverge()
                return
            now = self._clock()
            if self._due(now):
                self._count_time(mark)
                yield from self._between_steps(now)
                mark = self._clock()
            if self.control.pace is not None:
                self._count_time(mark)
                self.control.wait_for_turn(state.position.step - before)
                mark = self._clock()
        self._count_time(mark)
        yield from self._close_epoch()

    def _count_time(self, start: float) -> None:
        """Count the time from ``start`` to now as training."""
        self.state.seconds += self._clock() - start

    def _to_be_shown(self) -> bool:
        """True if a snapshot is to be made of the next step."""
        if self._last_alone() == self.state.position.done:
            return True
        if not self._live and not self.control.attention:
            return False
        due = self.control.attention or (self._full_batch() and self.snapshots.due())
        return due and self.control.observed  # a single step is shown at once

    def _full_batch(self) -> bool:
        """True if the next batch is as large as the others: plans are made for each size."""
        schedule, done = self.state.schedule, self.state.position.done
        return done == 0 or done + schedule.batch_size <= schedule.examples

    def _last_alone(self) -> int:
        """After how many examples of the epoch to stop stepping, because the next step gets a snapshot.

        That is the run's last step, which shows the final weights; if no screen shows the run, it is the last
        step of some epochs.
        """
        state = self.state
        due = state.position.epoch == state.training.epochs or (not self._live and self.snapshots.due())
        return state.schedule.last_batch(state.position) if due else state.schedule.examples

    @property
    def _all_done(self) -> bool:
        """True if all batches of the epoch are done."""
        return self.state.position.done >= self.state.schedule.examples

    def _next_batch(self) -> int:
        """Examples of the next batch."""
        schedule = self.state.schedule
        left = schedule.examples - self.state.position.done
        # All batches may be done, and the epoch not closed.
        return schedule.batch_size if left <= 0 else min(schedule.batch_size, left)

    def _some_steps(self, order: Order) -> bool:
        """Train on the next batches, as many as fit in a few milliseconds; True if all losses were finite."""
        state, where, given = self.state, self.state.position, 0
        first, size, end = where.done, state.schedule.batch_size, state.schedule.examples
        if self._shown:
            end = first + 1
        elif first < self._last_alone():
            end = self._last_alone()
        if end > first + (self._pause_at - where.step) * size:
            end = first + int(self._pause_at - where.step) * size
        pace = self.control.pace
        if pace is not None:
            end = min(end, first + max(1, int(pace * PACED)) * size)

        def batches() -> Iterator[tuple[np.ndarray[Any, Any], float]]:
            nonlocal given
            until, epoch, rate = self._clock() + AT_ONCE, where.epoch, where.rate
            for begin in range(first, end, size):
                if given and (self.control.attention or self._clock() >= until):
                    return
                given += 1
                yield order[begin : begin + size], state.use_rate(rate, epoch, begin)

        steps = self.engine.steps(batches())
        state.advance(steps, min(first + steps * size, len(order)))
        return steps == given

    def _due(self, now: float) -> bool:
        """True if there is something to do before the next step."""
        if self._shown or self.control.attention:
            return True
        return self._reports.due(now) or self._fallbacks.due(now) or self.inspection.due(now)

    def _between_steps(self, now: float) -> Iterator[Event]:
        """Fallback copies, progress, snapshots and inspections, as they are due."""
        if self._fallbacks.due(now):
            with self._fallbacks:
                finite = self.state.keep_fallback()
            if not finite:
                return
        if self.control.attention or (self._live and self._shown) or self._reports.due(now):
            with self._reports:
                progress = self._progress()
            yield from progress
            yield from self._orders.restore_points()
        if self._shown:
            last = self.state.position.epoch == self.state.training.epochs and self._all_done
            yield (self.snapshots.final if last else self.snapshots.make)(self.state.position.epoch)
        if self.inspection.due(now):
            yield from self.inspection.answer_all()

    def _diverge(self) -> None:
        """The loss of the next step is not finite: go back to finite weights."""
        what = "the loss" if self.state.preset.training.clip_norm is None else "the loss or its gradient"
        step = self.engine.step_number + 1
        self.state.diverge(f"{what} was not finite at step {step}", self.state.position.epoch)

    # -- replaying a run ------------------------------------------------------------------------------

    @property
    def _pause_at(self) -> float:
        """The step at which the script has a change, or ends."""
        return min(self._script[0].step, self._until) if self._script else self._until

    def _follow_script(self) -> Iterator[Event]:
        """Make the changes of the script that are due, or stop where it ends."""
        self.state.collect()
        while self._script and self._script[0].step <= self.state.position.step:
            yield self.state.change(self._script.popleft())
        if self.state.position.step >= self._until and not self.state.over:
            self.control.stop()

    # -- events ---------------------------------------------------------------------------------------

    def _progress(self) -> list[Progress]:
        """The progress since the last report; empty where there is none."""
        state = self.state
        totals = state.take_report()
        if not totals.examples:
            return []
        left, speed, pace = state.schedule.left(state.position), state.speed, self.control.pace
        to_come = speed if pace is None else min(speed, pace * state.schedule.batch_size)
        progress = Progress(
            epoch=state.position.epoch,
            step=self.engine.step_number,
            train_loss=totals.mean_loss,
            train_accuracy=totals.accuracy,
            learning_rate=state.rate,
            examples_per_second=speed,
            seconds=state.seconds,
            seconds_left=left / to_come if to_come else math.nan,
            train_r2=totals.r2,
        )
        return [progress]

    def _close_epoch(self) -> Iterator[Event]:
        state, progress = self.state, self._progress()
        if self._live:
            yield from progress
        totals, epoch, step = state.position.totals, state.position.epoch, self.engine.step_number
        held_out = self.engine.evaluate(self.data.validation)
        state.close_epoch(held_out)
        if step < self._until < math.inf:
            state.overlook_failure()
        yield Epoch(
            epoch=epoch,
            step=step,
            train_loss=totals.mean_loss,
            train_accuracy=totals.accuracy,
            val_loss=held_out.mean_loss,
            val_accuracy=held_out.accuracy,
            learning_rate=state.rate,
            seconds=state.seconds,
            examples_per_second=state.speed,
            train_r2=totals.r2,
            val_r2=held_out.r2,
        )

    def _end(self) -> End:
        state = self.state
        state.collect()
        step, early = self.engine.step_number, state.stopped_early
        notes = [state.schedule.why_early(state.position)] if early else []
        if state.over and not state.failure:
            notes.append(state.restore_best())
        test = self.engine.evaluate(self.data.test)
        if test.examples and not math.isfinite(test.mean_loss) and not state.failure:
            state.diverge("the test loss was not finite", state.position.epoch - 1)
        reason: Reason = "early_stopped" if early else "completed" if state.over else "stopped"
        if state.failure:
            reason, step = "diverged", self.engine.step_number
        return End(
            reason=reason,
            run="",
            path="",
            epochs=state.position.epoch - 1,
            step=step,
            best_epoch=state.position.best_epoch,
            test_loss=test.mean_loss,
            test_accuracy=test.accuracy,
            seconds=state.seconds,
            examples_per_second=state.speed,
            message=state.failure or "; ".join(filter(None, notes)),
            test_r2=test.r2,
        )
