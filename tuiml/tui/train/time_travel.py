"""The keys of Train that show past snapshots, go back to a restore point or change the run's settings."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tuiml.formatting import compact
from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.keys import action
from tuiml.tui.model.cursor import CLOSEST
from tuiml.tui.train.change_dialog import ChangeDialog
from tuiml.tui.train.part import Host, Part
from tuiml.tui.train.run_keys import RunKeys
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.picker import Pick
from tuiml.tui.widgets.step_field import StepField


class TimeTravel(Part):
    """Past snapshots of any run; restore points and other settings of one that is trained here.

    ``curves`` tells whether curves over time are on the screen.
    """

    def __init__(
        self, host: Host, selection: ChartSelection, keys: RunKeys, curves: Callable[[], bool]
    ) -> None:
        self._host, self._selection, self._keys, self._curves = host, selection, keys, curves
        self.step_field = StepField(
            lambda epoch: float(host.run.step_at(np.array([epoch]))[0]), lambda: host.run.step, id="step"
        )

    @action("left", "earlier", "The cursor to an earlier step.", "train", "earlier", -1, rank=70)
    @action("right", "later", "A later step; after the last, now.", "train", "later", 1, rank=80)
    @action("shift+left", "earlier", "Ten stops earlier.", "train", "much_earlier", -10, rank=90, shown=False)
    @action("shift+right", "later", "Ten stops later.", "train", "much_later", 10, rank=100, shown=False)
    def _move_cursor(self, by: int) -> None:
        self._selection.cursor.move(by)
        self._host.selection_changed()

    @action(
        "end",
        "now",
        "Back to now, and to all of the run; esc as well.",
        "train",
        rank=110,
        also="newest, latest",
    )
    def action_now(self) -> None:
        self._selection.cursor.follow()
        self._selection.cursor.magnify(-self._selection.cursor.zoom)
        self._host.selection_changed()

    @action("plus", "zoom in", "Half as much time, around the cursor.", "train", "zoom_in", 1, rank=112)
    @action("minus", "zoom out", "Twice as much time.", "train", "zoom_out", -1, rank=114)
    def _zoom(self, by: int) -> None:
        self._selection.cursor.magnify(by)
        self._host.selection_changed()

    @action(
        "G",
        "go to step",
        "Type a step, a part of the run or an epoch: 1000, 50%, epoch 12.",
        "train",
        rank=116,
        also="jump to, seek",
    )
    def action_go_to_step(self) -> None:
        self.step_field.open()

    def go_to(self, step: int) -> None:
        """Read all charts at a step; at the newest one they follow the run."""
        self._selection.cursor.go_to(step)
        self._host.selection_changed()

    @action(
        "b",
        "go back",
        "Go back to the snapshot shown, or to a restore point of a list.",
        "train",
        rank=40,
        also="rewind, restore",
    )
    def action_go_back(self) -> None:
        snapshot = self._selection.past_snapshot
        if snapshot:
            self._go_back(snapshot.step)
            return
        points = self._host.run.restore_points
        picks = {_name(epoch, step): step for step, epoch, _ in reversed(points)}
        listed = [
            Pick(_name(epoch, step), "" if math.isnan(loss) else f"loss {compact(loss, 4)}")
            for step, epoch, loss in reversed(points)
        ]

        def answered(name: str | None) -> None:
            if name is not None:
                self._go_back(picks[name])

        self._host.shell.push_screen(Chooser("Go back to", listed), answered)

    def _go_back(self, step: int) -> None:
        if self._keys.alive:
            self._host.shell.client.rewind(step)
            self.action_now()

    @action(
        "O",
        "change",
        "Change optimizer, learning rate, batch size of the run.",
        "train",
        rank=60,
        also="intervene, adam",
    )
    def action_change_settings(self) -> None:
        run = self._host.run
        if run.preset is not None:
            dialog = ChangeDialog(run.preset, run.interventions.settings, run.rate)
            self._host.shell.push_screen(dialog, self._change)

    def _change(self, asked: dict[str, Any] | None) -> None:
        if asked and self._keys.alive:
            self._host.shell.client.change(asked)

    def intervened(self) -> None:
        """The run was changed: a step after the one that it was rewound to is no longer shown."""
        step = self._selection.cursor.step
        if step is not None and step > self._host.run.step:
            self._selection.cursor.follow()

    def enabled(self, action_id: str) -> bool:
        run = self._host.run
        cursor = self._selection.cursor
        if action_id in ("earlier", "much_earlier", "go_to_step"):
            return len(run.history) > 1 or len(run.loss.raw) > 1
        if action_id in ("later", "much_later"):
            return cursor.step is not None
        if action_id == "now":
            return cursor.away
        if action_id == "zoom_out":
            return cursor.zoom > 0
        if action_id == "zoom_in":
            return self._curves() and len(run.loss.raw) > 1 and cursor.zoom < CLOSEST
        ready = self._keys.alive and run.start is not None and run.pretraining is None
        return ready and (action_id == "change_settings" or bool(run.restore_points))

    def label(self, action_id: str) -> str | None:
        snapshot, points = self._selection.past_snapshot, self._host.run.restore_points
        if action_id != "go_back" or not snapshot:
            return None
        before = [point for point in points if point[0] <= snapshot.step] or points[:1]
        return f"go back to epoch {before[-1][1]:,}" if before else None


def _name(epoch: int, step: int) -> str:
    return f"epoch {epoch:,}, step {step:,}"
