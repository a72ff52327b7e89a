"""Makes snapshots of all layers, on a budget of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tuiml.backends import DRY_RUN_SIZE
from tuiml.backends.engine import Engine, LayerView
from tuiml.nn.network import Network
from tuiml.training.budget import Budget
from tuiml.training.events import Snapshot
from tuiml.training.inspector import TIME
from tuiml.training.run_control import RunControl
from tuiml.training.statistics_tracker import StatisticsTracker

SNAPSHOTS = 0.02
"""Fraction of the time for snapshots and inspections; there are at most ten snapshots per second."""


class SnapshotMaker:
    """Makes snapshots of an engine's layers, in the thread that trains."""

    def __init__(
        self, network: Network, engine: Engine, control: RunControl, clock: Callable[[], float]
    ) -> None:
        self._engine, self._control, self._clock = engine, control, clock
        self._tracker = StatisticsTracker(network)
        self._budget = Budget(SNAPSHOTS, 0.1, clock)
        self._newest = 0

    @property
    def spent(self) -> float:
        """Seconds spent on snapshots so far."""
        return self._budget.spent

    @property
    def up_to_date(self) -> bool:
        """True if the newest snapshot shows the engine's present state."""
        return self._newest == self._engine.step_number

    def due(self) -> bool:
        """True if the budget allows a snapshot now."""
        return self._budget.due_now()

    def prepare(self, batch_size: int) -> None:
        """Have the engine keep what a snapshot needs of its next step."""
        self._budget.prepare(lambda: self._engine.observe_next_step(batch_size))

    def first(self, epoch: int, batch_size: int) -> Snapshot:
        """The snapshot before the first step, which costs training no time."""
        self.prepare(batch_size)
        snapshot = self.make(epoch)
        self._budget.due_at = 0.0
        return snapshot

    def make(self, epoch: int, views: Sequence[LayerView] = ()) -> Snapshot:
        """A snapshot of the step that was prepared, or of ``views``."""
        self._budget.fraction = SNAPSHOTS - TIME if self._control.requests else SNAPSHOTS
        with self._budget:
            layers = self._tracker.snapshot(views or self._engine.views())
            layers = self._tracker.silent_now(layers, views) if views else layers
        self._newest = self._engine.step_number
        return Snapshot(epoch, self._engine.step_number, layers)

    def current(self, epoch: int) -> Snapshot:
        """A snapshot of the engine as it is, without a step."""
        return self.make(epoch, self._engine.dry_run(DRY_RUN_SIZE))

    def final(self, epoch: int) -> Snapshot:
        """A snapshot of the step that was prepared, after which no more may come."""
        found = self.make(epoch)
        return replace(
            found, layers=self._tracker.silent_now(found.layers, self._engine.dry_run(DRY_RUN_SIZE))
        )
