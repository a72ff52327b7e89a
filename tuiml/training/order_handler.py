"""Carries out the orders of a :class:`~tuiml.training.run_control.RunControl` between two batches."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from tuiml.spec.preset import Training
from tuiml.training.events import Event, Notice, State
from tuiml.training.events import RestorePoints as RestorePointsEvent
from tuiml.training.inspector import InspectionService
from tuiml.training.interventions import RATE, asked_for
from tuiml.training.run_control import RunControl
from tuiml.training.run_state import RunState
from tuiml.training.snapshot_maker import SnapshotMaker

CHANGES = "changes"
"""The subject of notices about changes that were refused."""


def allow_all(training: Training) -> None:
    """Refuse no settings."""


class OrderHandler:
    """Pauses and rewinds a run, changes its settings and answers inspection requests.

    Args:
        live: True if a screen shows the run while it trains.
        allow: raises ValueError, in one line, for settings that this machine cannot use.
    """

    def __init__(
        self,
        state: RunState,
        control: RunControl,
        inspection: InspectionService,
        snapshots: SnapshotMaker,
        *,
        live: bool,
        allow: Callable[[Training], None] = allow_all,
    ) -> None:
        self._state, self._control, self._inspection = state, control, inspection
        self._snapshots, self._live, self._allow = snapshots, live, allow
        self._refused = False
        self._reported = 0

    def attend(self) -> Generator[Event, None, bool]:
        """Carry out the orders; blocks while paused. Returns whether the run was rewound."""
        was_paused = went_back = False
        while True:
            changed, rate_changed, back = yield from self._obey()
            went_back |= back
            paused = self._control.paused
            pauses = paused and not was_paused
            if pauses and self._state.restore_points:  # not while layers are still pretrained
                self._state.collect()
                self._state.remember()
            was_paused |= paused  # before the event: its reader may resume the run at once
            if changed or pauses:
                self._state.collect()
                yield self._event("paused" if paused else "running", rate_changed)
                yield from self.restore_points()
            yield from self._inspection.answer_new(again=(changed or pauses) and paused)
            if not self._control.paused:
                break
            if paused:  # else it was paused just now, which is reported before it waits
                self._control.wait()
        if was_paused and not self._control.stopped:
            yield self._event("running", False)
        return went_back

    def restore_points(self) -> Iterator[Event]:
        """The restore points, if a screen shows them and they have changed."""
        points = self._state.restore_points
        if self._live and points.version != self._reported:
            self._reported = points.version
            yield RestorePointsEvent(tuple((p.position.step, p.position.epoch, p.loss) for p in points))

    def _event(self, state: Any, rate_changed: bool) -> State:
        return State(state, self._state.engine.step_number, self._state.rate, rate_changed)

    def _obey(self) -> Generator[Event, None, tuple[bool, bool, bool]]:
        """Whether anything changed, whether the learning rate did, and whether the run was rewound."""
        changed = rate_changed = went_back = False
        for order in self._control.take_orders():
            if "rewind" in order:
                went_back |= yield from self._go_back(int(order["rewind"]))
            else:
                before = self._state.rate
                changed |= yield from self._change(order["change"])
                rate_changed |= "learning_rate" in order["change"] and self._state.rate != before
        return changed or went_back, rate_changed, went_back

    def _change(self, asked: dict[str, Any]) -> Generator[Event, None, bool]:
        """Change the settings, or say why not; returns whether they changed."""
        state = self._state
        state.collect()  # what an engine has queued is done by now
        step = state.position.step
        try:
            if state.engine.step_number != step:
                return True  # it has diverged, which the next step will report
            changes = asked_for(asked, step, state.preset, state.training, self._allow)
            state.check_last_batch(changes)
        except ValueError as error:
            yield self._refuse(f"not changed: {error}")
            return False
        if self._refused:
            self._refused = False
            yield Notice(CHANGES, "", step)
        if state.restore_points:
            state.remember()
        for change in changes:
            if change.what != RATE or change.value != state.rate:
                yield state.change(change)
        return True

    def _go_back(self, step: int) -> Generator[Event, None, bool]:
        """Go back to the restore point at or before a step; returns whether there was one."""
        point = self._state.restore_points.nearest(step)
        if point is None:
            yield self._refuse("there is no restore point in memory to go back to")
            return False
        yield self._state.go_back(point)
        if self._live and self._control.observed:
            yield self._snapshots.current(self._state.position.epoch)
        return True

    def _refuse(self, text: str) -> Notice:
        self._refused = True
        return Notice(CHANGES, text, self._state.position.step)
