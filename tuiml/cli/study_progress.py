"""Shows the progress of a study: as JSON lines, as a line that is redrawn, or as a line for each trial."""

from __future__ import annotations

import json
import time

from tuiml.cli.output import note, say
from tuiml.cli.progress import REDRAWN, Bar, Show, choose
from tuiml.formatting import NONE, duration
from tuiml.studies.events import StudyEnd, StudyStart, TrialEnd, TrialEpoch, TrialNotice, TrialStart
from tuiml.training.events import Event


class TimeLeft:
    """Estimates how long a study takes yet, by the trials that were trained since its start."""

    def __init__(self) -> None:
        self.trials = self.done = 0
        self.running: dict[str, tuple[str, int, int, int]] = {}
        """Of each trial that is trained: what it is called, epochs before, now and in the end."""
        self._trained = 0.0
        self._began: float | None = None

    def take(self, event: Event) -> None:
        """Note an event."""
        if isinstance(event, StudyStart):
            self.trials = event.trials
        elif isinstance(event, TrialStart):
            self._began = self._began or time.monotonic()
            name = f"{event.configuration} {called(event.seed, event.fold)}"
            self.running[event.trial] = (name, event.done, event.done, event.epochs)
        elif isinstance(event, TrialEpoch) and event.trial in self.running:
            name, before, _, epochs = self.running[event.trial]
            self.running[event.trial] = (name, before, event.epoch, epochs)
        elif isinstance(event, TrialEnd):
            _, before, _, epochs = self.running.pop(event.trial, ("", 0, 0, 0))
            self._trained += (epochs - before) / epochs if epochs else 0.0
            self.done, self.trials = event.done, event.trials

    @property
    def seconds(self) -> float | None:
        """Seconds left; ``None``: not known yet."""
        partly = sum((now - before) / max(1, epochs) for _, before, now, epochs in self.running.values())
        trained = self._trained + partly
        if self._began is None or trained < 0.02:
            return None
        begun = sum(now / max(1, epochs) for _, _, now, epochs in self.running.values())
        left = self.trials - self.done - begun
        return (time.monotonic() - self._began) / trained * max(0.0, left)


def called(seed: int, fold: int | None) -> str:
    """What tells the trials of a configuration apart: ``seed 1`` or ``fold 1``, counted from 1."""
    return f"seed {seed}" if fold is None else f"fold {fold + 1}"


class StudyLines(Show):
    """A JSON object a line on stdout."""

    def draw(self, event: Event) -> None:
        say(json.dumps(event.to_json(), allow_nan=False))


class StudyPlain(Show):
    """A line for each trial on stderr."""

    def draw(self, event: Event) -> None:
        if isinstance(event, TrialEnd):
            who = f"{event.configuration} {called(event.seed, event.fold)}"
            what = f"{who}: {event.reason}, epoch {event.epochs}{event.message and f'; {event.message}'}"
            if not event.earlier:
                note(f"{event.done}/{event.trials} trials  {what}")
            return
        for line in opening(event):
            note(line)


class StudyBar(Bar):
    """One line on a terminal: trials done, those that are trained, time left."""

    def __init__(self) -> None:
        super().__init__()
        self._left = TimeLeft()

    def draw(self, event: Event) -> None:
        self._left.take(event)
        lines = opening(event)
        if lines:
            self.close()
        for line in lines:
            note(line)
        if isinstance(event, StudyEnd):
            self.redraw(self._line())
            self.close()
            return
        now = time.monotonic()
        if isinstance(event, TrialStart) or now >= self._due:
            self._due = now + REDRAWN
            self.redraw(self._line())

    def _line(self) -> list[str]:
        left = self._left
        done = f"{left.done}/{left.trials} trials {self.bar(left.done / left.trials if left.trials else 0.0)}"
        time_left = [f"{duration(left.seconds, NONE)} left"] if left.seconds is not None else []
        running = [f"{name[:30]} {now}/{epochs}" for name, _, now, epochs in left.running.values()]
        return [done, *time_left, *running]


def opening(event: Event) -> list[str]:
    """Lines that stay: what is begun, warnings, trials that failed or diverged."""
    if isinstance(event, StudyStart):
        count = f"{event.trials:,} trial{'s' * (event.trials != 1)}"
        threads = f"{event.threads} thread{'s' * (event.threads != 1)}"
        return [f"{event.study}: {count}, {event.jobs} at once, {event.backend}, {threads} each"]
    if isinstance(event, TrialNotice):
        return [f"tuiml: {event.text}"]
    if isinstance(event, TrialEnd) and event.reason in ("failed", "diverged") and not event.earlier:
        who = f"{event.configuration} {called(event.seed, event.fold)}"
        return [f"tuiml: {who} {event.reason}: {event.message}" if event.message else f"{who} {event.reason}"]
    return []


def choose_study(*, json: bool) -> Show:
    """The way to show a study, by options and by the kind of stderr."""
    if json:
        return StudyLines()
    return StudyBar() if isinstance(choose(json=False, quiet=False), Bar) else StudyPlain()
