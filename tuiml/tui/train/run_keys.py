"""The keys of Train that control the run: one step, stop, resume, the learning rate."""

from __future__ import annotations

from tuiml.tui.dialogs import find_rate
from tuiml.tui.keys import action, actions
from tuiml.tui.model.pace import FULL, faster, pace_words, slower
from tuiml.tui.model.run_data import NAN
from tuiml.tui.model.status import OWN_LOOP
from tuiml.tui.model.stepping import nice
from tuiml.tui.shell import resume
from tuiml.tui.train.part import Host, Part
from tuiml.tui.widgets.rate_field import RateField, allowed

CONTROLS = frozenset({
    "start_pause", "resume", "step", "stop", "rate_down", "rate_up", "rate_type",
    "go_back", "change_settings", "pace_slower", "pace_faster",
})  # fmt: skip
"""Actions that change a run while it is trained."""
OF_PRESETS = CONTROLS | {"rate_find", "draw", "apply_remedy"}
"""Actions that a run without a preset, a loop of the user's own, has not."""


class RunKeys(Part):
    """Steps, stops and resumes the run, and sets its learning rate."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._rate: float | None = None
        """The rate last asked for, until the run confirms it."""
        self.rate_field = RateField(id="rate")

    @property
    def alive(self) -> bool:
        """True if this app trains the run."""
        client = self._host.shell.client
        return client is not None and client.active

    def pace(self) -> float | None:
        """Steps a second to which the run is slowed down; ``None``: it is not."""
        return self._host.shell.client.pace if self.alive else None

    def run_changed(self) -> None:
        """The state of the run changed."""
        self._rate = None
        if not self.alive:
            self.rate_field.leave()

    def refuses(self, key: str) -> bool:
        """Say why a key that controls the run does nothing, if another process trains it, or its preset is
        missing since it is a loop of the user's own."""
        run = self._host.run
        ids = OF_PRESETS if run.watched else CONTROLS if run.followed else ()
        keymap = self._host.shell.keymap
        refused = any(key in action.keys_in(keymap) for action in actions() if action.id in ids)
        if refused:  # the status line says who trains it
            self._host.shell.say(OWN_LOOP if run.watched else "only followed here")
        return refused

    def set_rate(self, rate: float) -> None:
        """Train on with this learning rate, if it is allowed."""
        if self.alive and allowed(rate):
            self._rate = rate
            self._host.shell.client.set_rate(rate)

    @action("full_stop", "step", "Step one batch: train it, then pause.", "train", rank=30)
    def action_step(self) -> None:
        self._host.shell.client.step()
        self._host.shell.refresh_bindings()

    @action("g", "resume", "Resume the run from its checkpoint.", "train", rank=20, also="continue, go on")
    def action_resume(self) -> None:
        resume.resume_run(self._host.shell)

    @action(
        "s",
        "stop",
        "Stop the run after the current batch and save it.",
        "train",
        rank=50,
        destructive=True,
        also="end, cancel",
    )
    def action_stop(self) -> None:
        self._host.shell.client.stop()

    @action(
        "right_square_bracket",
        "lr ×",
        "A larger learning rate: the next 1, 2, 5 · 10ⁿ.",
        "train",
        rank=200,
        also="faster",
    )
    def action_rate_up(self) -> None:
        self.set_rate(nice(self._rate or self._host.run.rate, 1))

    @action(
        "left_square_bracket",
        "lr ÷",
        "A smaller learning rate: the next 1, 2, 5 · 10ⁿ.",
        "train",
        rank=190,
        also="slower",
    )
    def action_rate_down(self) -> None:
        self.set_rate(nice(self._rate or self._host.run.rate, -1))

    @action(
        "left_curly_bracket",
        "slower",
        "Slow the run down: fewer steps a second.",
        "train",
        rank=212,
        shown=False,
    )
    def action_pace_slower(self) -> None:
        run = self._host.run
        steps = run.speed / run.start.batch_size if run.start else NAN
        self._set_pace(slower(self._host.shell.client.pace, steps))

    @action(
        "right_curly_bracket",
        "faster",
        "More steps a second; at last, as fast as it goes.",
        "train",
        rank=211,
    )
    def action_pace_faster(self) -> None:
        self._set_pace(faster(self._host.shell.client.pace))

    def _set_pace(self, pace: float | None) -> None:
        shell = self._host.shell
        shell.client.set_pace(pace)
        if pace is None:
            shell.pace.kept = FULL  # from now on
            shell.session.write_soon()
        shell.say(f"pace: {pace_words(pace)}" if pace else "pace: as fast as it goes")
        shell.run_changed({"state"})

    @action("l", "lr", "Type a learning rate for the run.", "train", rank=210)
    def action_rate_type(self) -> None:
        self.rate_field.open(self._rate or self._host.run.rate)

    @action(
        "r",
        "find lr",
        "Find a learning rate, while nothing is trained.",
        "train",
        rank=220,
        also="range test, lr finder",
    )
    def action_rate_find(self) -> None:
        find_rate.find_rate(self._host.shell)

    def enabled(self, action_id: str) -> bool:
        run = self._host.run
        if action_id == "resume":
            return run.resumable and not self.alive
        if action_id == "rate_find":
            return not self.alive and run.watched is None
        if action_id == "pace_faster" and self.alive:
            return self._host.shell.client.pace is not None
        return self.alive and (action_id == "stop" or run.start is not None)
