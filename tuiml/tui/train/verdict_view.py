"""What is wrong with the run on the screen, below everything: nothing where nothing is."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from tuiml.training.verdicts import Verdict, verdicts
from tuiml.tui.charts.palette import Look
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.widgets.lines import Lines
from tuiml.tui.widgets.verdict_lines import verdict_lines

EVERY = 0.5
"""Seconds between two judgements of a run that goes on, at least."""


class Judge:
    """The verdicts on a run by its newest picture; worked out anew when that changed, not too often."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stamp: Hashable = None
        self._at = -EVERY
        self._found: list[Verdict] = []

    def look(self, model: RunModel) -> list[Verdict]:
        """What is wrong now; the worst first."""
        if model.snapshot is None:
            return []
        stamp, now = (model.snapshots_version, model.status), self._clock()
        if stamp != self._stamp and (model.status != "running" or now - self._at >= EVERY):
            self._stamp, self._at = stamp, now
            self._found = judge(model)
        return self._found


def judge(model: RunModel) -> list[Verdict]:
    """What is wrong with a run by its newest picture."""
    if model.preset is None or model.network is None or model.snapshot is None:
        return []
    losses = (model.loss.first, model.loss.train.last) if len(model.loss.train) else None
    return verdicts(
        model.preset,
        model.network,
        model.snapshot.layers,
        model.snapshot.step,
        losses=losses,
        diverged=model.status == "diverged",
    )


class VerdictView(Lines):
    """The worst verdict and its remedy."""

    DEFAULT_CSS = "VerdictView { height: auto; padding: 0 1; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._said: tuple[str, str] = ("", "")
        self.display = False

    def tell(self, found: list[Verdict], key: str, width: int, look: Look) -> bool:
        """Show the first, or nothing; whether it is another than before, or another key helps."""
        lines = verdict_lines(found[0], width, look, key, most=1 if width >= 100 else 2) if found else []
        self.display = bool(lines)
        self.show(lines)
        before, self._said = self._said, (found[0].name if found else "", key)
        return before != self._said
