"""The keys of Train that take the run back to an earlier moment, or change how it goes on."""

from __future__ import annotations

import math
from typing import Any

from tuiml.formatting import compact
from tuiml.tui.train.change_dialog import ChangeDialog
from tuiml.tui.train.comparing import Comparing
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.picker import Pick


class Travelling(Comparing):
    """Going back, and going on otherwise. The run has to be on: what it goes back to is in its memory."""

    def action_go_back(self) -> None:
        looked = self.sight.moment
        if looked:
            self._go_back(looked.step)
            return
        moments = self.run.moments
        picks = {_name(epoch, step): step for step, epoch, _ in reversed(moments)}
        listed = [Pick(_name(epoch, step), _loss(loss)) for step, epoch, loss in reversed(moments)]

        def answered(name: str | None) -> None:
            if name is not None:
                self._go_back(picks[name])

        self.app.push_screen(Chooser("Go back to", listed), answered)

    def _go_back(self, step: int) -> None:
        if self.alive:
            self.shell.client.rewind(step)
            self.sight.look_now()
            self.looked()

    def action_change_settings(self) -> None:
        model = self.run
        if model.preset is not None:
            self.app.push_screen(ChangeDialog(model.preset, model.by_hand.settings, model.rate), self._change)

    def _change(self, asked: dict[str, Any] | None) -> None:
        if asked and self.alive:
            self.shell.client.change(asked)

    def run_changed(self, kinds: set[str]) -> None:
        moment = self.sight.moment
        if moment and "intervention" in kinds and moment.step > self.run.step:
            self.sight.look_now()  # it was taken back
        super().run_changed(kinds)

    def enabled(self, action_id: str) -> bool | None:
        if action_id in ("go_back", "change_settings"):
            model = self.run
            ready = self.alive and model.start is not None and model.pretraining is None
            return ready and (action_id == "change_settings" or bool(model.moments))
        return super().enabled(action_id)

    def label(self, action_id: str) -> str | None:
        if action_id == "go_back" and self.sight.moment:
            steps = [m for m in self.run.moments if m[0] <= self.sight.moment.step] or self.run.moments[:1]
            return f"go back to epoch {steps[-1][1]:,}" if steps else None
        return super().label(action_id)


def _name(epoch: int, step: int) -> str:
    return f"epoch {epoch:,}, step {step:,}"


def _loss(loss: float) -> str:
    return "" if math.isnan(loss) else f"loss {compact(loss, 4)}"
