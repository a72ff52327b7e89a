"""What the run folder of a trial says of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuiml.runs import timeline
from tuiml.runs.folder import Line, read_metrics, steps_in
from tuiml.runs.run_lines import number
from tuiml.studies.results import TrialState
from tuiml.studies.search import Cut, bigger_is_better
from tuiml.text import plain_text

NAN = math.nan
FIGURES = ("val_accuracy", "val_loss", "val_r2", "train_accuracy", "train_loss", "train_r2", "seconds")
TESTS = ("test_accuracy", "test_r2", "test_loss")
CANNOT_WRITE = "cannot write"
"""How messages begin that say that the disk refuses."""
STATES: dict[str, TrialState] = {
    "completed": "completed",
    "early_stopped": "completed",
    "diverged": "diverged",
    "broken": "failed",
}


@dataclass(frozen=True)
class Record:
    """A run folder, as far as a table needs it."""

    reason: str
    """Why it ended, as of an :class:`~tuiml.training.events.End`; ``running``, ``paused``, ``interrupted`` or
    ``broken``."""
    planned: int = 0
    curve: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()
    figures: Mapping[str, float] | None = None
    message: str = ""

    def reached(self, epochs: int) -> bool:
        """Whether it has done so many epochs and was then stopped, or went on: not cut off just there."""
        done = len(self.curve)
        return done > epochs or (done == epochs and self.reason != "interrupted")

    def state(self, cut: Cut | None, failed: bool) -> TrialState:
        """The state of the trial.

        Args:
            cut: how far it came in successive halving.
            failed: whoever runs the study says that it failed.
        """
        if self.reason in STATES:
            return STATES[self.reason]
        if self.reason in ("running", "paused"):
            return "paused" if self.reason == "paused" else "running"
        if failed:
            return "failed"
        if cut is not None and cut.lost_by is not None:
            return "cut"
        # Stopped by the search itself, it waits for the others at its rung.
        return "paused" if cut and self.reason == "stopped" else "stopped"


def read_record(path: Path, metric: str, held: bool) -> Record:
    """Read a run folder; never raises for what is in it.

    Args:
        metric: what is ranked.
        held: True if a process writes to it.
    """
    try:
        recorded = read_metrics(path, snapshots=False)
        lines = timeline.surviving(filter(timeline.is_rewind, recorded), recorded)
    except FileNotFoundError:  # its process was killed before it had written anything
        lines = iter(())
    except OSError as error:
        return Record("running" if held else "broken", message=plain_text(str(error.strerror or error)))
    epochs: list[Line] = []
    start, end, paused = {}, None, False
    for line in lines:
        event = line.get("event")
        if event == "start":
            start, end, paused = line, None, False
        elif event == "epoch":
            epochs.append(line)
        elif event == "end":
            end = line
        elif event == "state":
            paused = line.get("state") == "paused"
    curve = tuple(number(line, metric) for line in epochs)
    over = end is not None and not _unsaved(path, end)
    reason = plain_text(str(end.get("reason")))[:20] if end and over else "interrupted"
    if held:
        reason = "paused" if paused else "running"
    whole = number(start, "epochs")
    return Record(
        reason,
        int(whole) if math.isfinite(whole) else 0,
        curve,
        tuple(number(line, "seconds") for line in epochs),
        _figures(epochs, curve, end, metric),
        plain_text(str(end.get("message") or ""))[:500] if end else "",
    )


def _unsaved(path: Path, end: Line) -> bool:
    """Whether the weights that a run has ended with are lost: the disk refused them, or was not sure of them
    and the power failed. The run has to end again."""
    if CANNOT_WRITE not in str(end.get("message")):
        return False
    try:
        return end.get("step") not in steps_in(path)
    except OSError:
        return False


def _figures(
    epochs: Sequence[Line], curve: Sequence[float], end: Line | None, metric: str
) -> dict[str, float]:
    """The figures at the epoch that is best by the metric, and those of the test part at the end."""
    best = best_epoch(curve, bigger_is_better(metric))
    found = {} if best is None else {name: number(epochs[best], name) for name in FIGURES}
    found |= {name: number(end, name) for name in TESTS}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def best_epoch(curve: Sequence[float], bigger: bool) -> int | None:
    """The first index of the best value of a curve; ``None`` if there is none."""
    known = [
        (-value if bigger else value, index) for index, value in enumerate(curve) if not math.isnan(value)
    ]
    return min(known)[1] if known else None


def best_of(curve: Sequence[float], bigger: bool) -> float:
    """The best value of a curve; NaN if there is none."""
    best = best_epoch(curve, bigger)
    return NAN if best is None else curve[best]
