"""What steers a run while it is on: pauses, changes by hand, ways back; and the position that they change."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from tuiml.backends import LOOK
from tuiml.backends.engine import Engine, LayerView, Totals
from tuiml.data.arrays import Data
from tuiml.nn.network import Network
from tuiml.nn.optimizers import optimizers
from tuiml.spec.preset import Preset, Training
from tuiml.training.budget import Budget
from tuiml.training.events import Event, Intervention, Notice, Snapshot, State
from tuiml.training.events import RestorePoints as RestorePointsEvent
from tuiml.training.inspector import InspectionService
from tuiml.training.interventions import (
    BATCH_SIZE,
    OPTIMIZER,
    RATE,
    REWIND,
    SETTINGS,
    Change,
    asked_for,
    in_force,
)
from tuiml.training.restore_points import ROOM, RestorePoint, RestorePoints, Saved
from tuiml.training.run_control import RunControl
from tuiml.training.schedule_state import NONE, Position, ScheduleState

KEEPING = 0.0025
"""Share of the time for moments to go back to; those at a pause or before a change are kept in any case."""
CHANGES = "changes"
"""What notices about changes that cannot be had are about."""


def allow_all(training: Training) -> None:
    """No settings are refused."""


class RunState:
    """A run that can be paused, changed by hand and taken back; :class:`~tuiml.training.trainer.Trainer`
    trains it.

    Args:
        watched: whether somebody looks on.
        position: where to go on from; the engine must hold the state of that moment.
        best: the engine's snapshot of the position's best epoch, where there is one.
        script: changes that are made at their steps without being asked for, to do a run again.
        until: the step to stop at; ``None``: the run's end.
        room: bytes for moments to go back to.
        allow: raises ValueError for settings that this machine cannot have, in a line.
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
        position: Position | None = None,
        best: Any = None,
        script: Sequence[Change] = (),
        until: int | None = None,
        room: int = ROOM,
        allow: Callable[[Training], None] = allow_all,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.preset, self.network, self.data, self.engine = preset, network, data, engine
        self.control = control or RunControl()
        self._watched, self._clock = watched, clock
        where = position or Position(rate=preset.training.rate)
        self._set_training(in_force(preset.training, where.changes))
        same = self.course.same_figure(where)
        self.position = self.course.take_up(where)
        self.best = Saved(best, self.position, self._bytes()) if same and best is not None else None
        """The best epoch so far, where the run may end with its weights."""
        self._used = self.course.rate(self.position)
        self.moments = RestorePoints(room)
        self._moments_told = 0
        self._keeping = Budget(KEEPING, 0.0, clock, runs=5)
        self._allow = allow
        self._script, self._until = deque(script), math.inf if until is None else until
        self._cue_next()
        self.answers = InspectionService(self.control, network, engine, clock)
        self._seconds, self._examples = self.position.seconds, self.position.examples
        self._snapshot = self._saved()
        """The last copy that was finite, to fall back on when training diverges."""
        self._since = NONE
        self._judged = math.nan
        """The loss of the last epoch, in validation where there is any."""
        self._rewound = False
        """Whether the run went back, so that the epoch in hand is another one."""
        self._complained = False

    def _set_training(self, training: Training) -> None:
        self.training = training
        """The settings in force: the preset's, as changed by hand since."""
        self.course = ScheduleState(training, len(self.data.train), len(self.data.validation) > 0)

    def _picture(self, views: Sequence[LayerView] = ()) -> Snapshot:
        raise NotImplementedError  # pragma: no cover - the trainer makes them

    def _wants_picture(self) -> bool:
        raise NotImplementedError  # pragma: no cover - as above

    # -- where it stands ------------------------------------------------------------------------------

    def _collect(self) -> Totals:
        """Totals of the batches since the last call, added to the epoch's."""
        fresh = self.engine.totals()
        self._since = self._since + fresh
        self.position = replace(
            self.position,
            totals=self.position.totals + fresh,
            seconds=self._seconds,
            examples=self._examples,
        )
        return self._since

    def _bytes(self) -> int:
        """Of the engine's state."""
        arrays = 1 + len(self.training.optimizer.state_names())
        return 4 * (self.network.size * arrays + self.network.buffer_size)

    def saved(self) -> Saved:
        """The state as it is now, in memory."""
        now = self.moments.at(self.position.step)
        if now and now.position == self.position:
            return Saved(now.state, now.position, now.size)
        return self._saved()

    def _saved(self) -> Saved:
        return Saved(self.engine.snapshot(), self.position, self._bytes())

    def _remember(self) -> None:
        """Keep this moment to go back to."""
        loss = self.position.totals.mean_loss if self.position.done else self._judged
        with self._keeping:
            if not self.moments.has(self.position.step) and self.engine.finite():
                now = self._saved()
                self.moments.add(
                    RestorePoint(now.state, now.position, now.size, self.training, self.best, loss)
                )
                self._snapshot = now

    def _tell_moments(self) -> Iterator[Event]:
        if self._watched and self.moments.version != self._moments_told:
            self._moments_told = self.moments.version
            yield RestorePointsEvent(tuple((m.position.step, m.position.epoch, m.loss) for m in self.moments))

    # -- steering -------------------------------------------------------------------------------------

    def attend(self) -> Iterator[Event]:
        """Do what was asked for; blocks while paused."""
        was_paused = False
        while True:
            told, rated = yield from self._obey()
            paused = self.control.paused
            tell = told or (paused and not was_paused)
            if paused and not was_paused and self.moments:  # not while layers are still pretrained
                self._collect()
                self._remember()
            was_paused |= paused  # before the event: who sees it may let us go on at once
            if tell:
                self._collect()
                yield self._state("paused" if paused else "running", rated)
                yield from self._tell_moments()
            yield from self.answers.asked(again=tell and paused)
            if not self.control.paused:
                break
            self.control.wait()
        if was_paused and not self.control.stopped:
            yield self._state("running", False)

    def _state(self, state: Literal["running", "paused"], changed: bool) -> State:
        return State(state, self.engine.step_number, self._used, changed)

    def _obey(self) -> Generator[Event, None, tuple[bool, bool]]:
        """Do what was ordered; whether anything was, and whether the learning rate was changed."""
        told = rated = False
        for order in self.control.take_orders():
            if "rewind" in order:
                told |= yield from self._go_back(int(order["rewind"]))
            else:
                before = self._used
                told |= yield from self._change_as_asked(order["change"])
                rated |= "learning_rate" in order["change"] and self._used != before
        return told, rated

    def _change_as_asked(self, asked: dict[str, Any]) -> Generator[Event, None, bool]:
        """Change the settings, or say why not; whether they were changed."""
        self._collect()  # what an engine has queued is done by now
        step = self.position.step
        try:
            if self.engine.step_number != step:
                return True  # it diverged on the way here, which shows at the next step
            changes = asked_for(asked, step, self.preset, self.training, self._allow)
            self._room_for_rest(changes)
        except ValueError as error:
            self._complained = True
            yield Notice(CHANGES, f"not changed: {error}", step)
            return False
        if self._complained:
            self._complained = False
            yield Notice(CHANGES, "", step)
        if self.moments:
            self._remember()
        for change in changes:
            if change.what != RATE or change.value != self._used:
                yield self.change(change)
        return True

    def _room_for_rest(self, changes: Sequence[Change]) -> None:
        """Refuse a batch size that leaves the epoch in hand a last batch too small for a layer.

        Raises:
            ValueError: it does.
        """
        left = self.course.examples - self.position.done
        for change in changes:
            if change.what == BATCH_SIZE and left:
                last = left % change.value or change.value
                last = min(last, left)
                for node in self.network.nodes:
                    least = node.layer.least_batch(node.input_shape)
                    if last < least:
                        text = f"{node.layer.name} (layers[{node.index}]) needs {least} examples in a batch"
                        raise ValueError(f"{text}; the last batch of this epoch would have {last}")

    def change(self, change: Change) -> Intervention:
        """Change a setting from the next batch on."""
        if change.what == OPTIMIZER:
            self.engine.change(optimizers.read(change.value))
        if change.what == BATCH_SIZE:
            self.position = replace(self.position, since=self.position.done)
        self._set_training(in_force(self.training, [change]))
        if change.what == SETTINGS:
            if not self.course.same_figure(self.position):
                self.best = None
            self.position = self.course.take_up(self.position)
            if change.rate is not None:
                self.position = replace(self.position, rate=change.rate)
        if change.what == RATE:
            self.position = self.course.with_rate(self.position, float(change.value))
        self._used = float(change.value) if change.what == RATE else self.course.rate(self.position)
        where = self.position
        self.position = replace(
            where,
            changes=_with(where.changes, change),
            interventions=where.interventions + 1,
            born=self.engine.born,
        )
        return self._intervention(change.what, change.value, where.step)

    def _intervention(self, what: str, value: Any, step: int, since: int = 0) -> Intervention:
        where = self.position
        return Intervention(
            number=where.interventions,
            step=step,
            epoch=where.epoch,
            what=what,
            value=value,
            epochs_done=self.course.epochs_done(where),
            steps=self.course.steps(where),
            batch_size=self.training.batch_size,
            learning_rate=self._used,
            last_intervention=since,
        )

    def _go_back(self, step: int) -> Generator[Event, None, bool]:
        """Go back to the moment kept at or before a step; whether there was one."""
        moment = self.moments.nearest(step)
        if moment is None:
            self._complained = True
            yield Notice(CHANGES, "there is no moment in memory to go back to", self.position.step)
            return False
        self._collect()
        left, where = self.position, moment.position
        self.engine.restore(moment.state)
        self._set_training(moment.training)
        # Time is not turned back: how fast training is, and what it took, are still as they were.
        self.position = replace(
            where, seconds=left.seconds, examples=left.examples, interventions=left.interventions + 1
        )
        self.best, self._since, self._rewound = moment.best, NONE, True
        self._used = self.course.rate(self.position)
        self.moments.go_back(moment)
        self._snapshot = moment
        yield self._intervention(REWIND, where.step, left.step, where.interventions)
        if self._wants_picture():
            yield self._picture(self.engine.look(LOOK))
        return True

    # -- doing a run again ----------------------------------------------------------------------------

    def _cue_next(self) -> None:
        self._cue = min(self._script[0].step if self._script else math.inf, self._until)
        """The step at which something is to be done without being asked for."""

    def _on_cue(self) -> Iterator[Event]:
        """Make the changes of the script that are due, or stop where it ends."""
        self._collect()
        while self._script and self._script[0].step <= self.position.step:
            yield self.change(self._script.popleft())
        self._cue_next()
        if self.position.step >= self._until and not self.course.over(self.position):
            self.control.stop()


def _with(changes: tuple[Change, ...], change: Change) -> tuple[Change, ...]:
    """The changes and one more; of two rates before the same step the later one counts."""
    last = changes[-1] if changes else None
    if last and change.what == last.what == RATE and change.step == last.step:
        changes = changes[:-1]
    return *changes, change
