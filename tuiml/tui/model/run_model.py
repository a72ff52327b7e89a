"""The run on the screen: :meth:`RunModel.begin` or :meth:`RunModel.load` one, then feed it events.

A run that is trained now and one that is read from its ``metrics.jsonl`` are shown alike: the events are the
same.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tuiml.runs.library import passed_over
from tuiml.runs.metrics import parse
from tuiml.runs.watched import WatchedModel
from tuiml.spec import check, network_of
from tuiml.training.event_reading import read_event
from tuiml.training.events import KINDS, Event, Start, kind_of
from tuiml.training.inspections.record import Inspection
from tuiml.tui.model.run_data import NAN, BeforeResume, RunData, new_version
from tuiml.tui.model.run_updates import forget_after, update

KEYS_UNCHANGED = frozenset(name for name, kind in KINDS.items() if not kind.changes_keys)
"""Events after which the same keys may be pressed as before."""


class RunModel(RunData):
    """What the app knows of a run, and what happens to it."""

    def begin(self, document: dict[str, Any], name: str = "", watched: WatchedModel | None = None) -> None:
        """Forget the last run: a new one of ``document`` is being started, or a ``watched`` one is shown."""
        vars(self).update(vars(RunModel(files=self.files, watched=watched)))
        self.status = "loading"
        self._describe(document, name)

    def load(
        self,
        lines: Iterable[str | bytes],
        document: dict[str, Any],
        *,
        name: str = "",
        writer: str = "",
        watched: WatchedModel | None = None,
    ) -> None:
        """Show a past run from the lines of its ``metrics.jsonl``; ``writer``: the process that trains it."""
        self.begin(document, name, watched)
        damaged: list[None] = []
        self.feed(events_in(lines, lambda: damaged.append(None)))
        self.skipped = len(damaged)
        if damaged:
            self.notices["lines"] = passed_over(self.skipped)
        self.trained_by(writer)

    def feed(self, events: Iterable[Event]) -> set[str]:
        """Take in events; their names."""
        names = set()
        for event in events:
            if isinstance(event, Start):
                self._cut_to(event)
            update(event, self)
            if not isinstance(event, Inspection):
                self.state_version = new_version()
            names.add(event.event)
        return names

    def trained_by(self, writer: str) -> None:
        """Another process trains it now; or none (empty), so that it has ended or was interrupted."""
        self.writer = "" if self.end else writer
        if not self.end and not writer and self.alive:
            self.interrupt()
        self.state_version = new_version()

    def interrupt(self) -> None:
        """No process trains it, and it has no end."""
        self.status, self.message = "interrupted", "interrupted before its first step"
        if self.step:
            planned = self.epochs_planned if self.start else 0
            where = f"epoch {self.epoch:,} of {planned:,}, " if planned else ""
            self.message = f"interrupted at {where}step {self.step:,}"
        self.state_version = new_version()
        self.curves_version = new_version()

    def lose_folder(self) -> None:
        """Its folder was renamed or deleted."""
        self.folder_gone, self.saved = True, 0
        if self.alive:
            self.interrupt()
        self.state_version = new_version()

    def resume(self, document: dict[str, Any] | None = None) -> None:
        """Resume the run with a changed ``document``; what it showed stays on the screen until it starts."""
        self.before_resume = BeforeResume(self.status, self.message, document or self.document)
        self.status, self.loading = "loading", None
        self.state_version = new_version()

    def refuse_resume(self) -> None:
        """It cannot be resumed: all is as before."""
        if self.before_resume:
            self.status, self.message = self.before_resume.status, self.before_resume.message
            self.before_resume, self.loading = None, None
            self.state_version = new_version()

    def fail(self, message: str, asked: bool = False) -> None:
        """The run ended for a reason outside training, or was stopped before it began; one line."""
        self.status, self.message, self.loading = "stopped" if asked else "failed", message, None
        self.before_resume = None
        self.state_version = new_version()

    def inspection_failed(self, reason: str) -> None:
        """A past run cannot be inspected; one line, empty: it can again."""
        self.inspection_problem = reason
        self.inspections_version = new_version()

    def _describe(self, document: dict[str, Any], name: str) -> None:
        self.document = document
        self.preset = None if self.watched else check(document, self.files)[0]
        self.network = network_of(self.preset) if self.preset else None
        self.name = name or (self.preset.name if self.preset else "")
        self.rate = self.preset.training.rate if self.preset else NAN

    def _cut_to(self, start: Start) -> None:
        """Of a run that was resumed, forget what came after the step from which it starts again."""
        if not self.before_resume:
            return
        document, self.before_resume = self.before_resume.document, None
        self.start = start
        if document != self.document:
            self._describe(document, start.run or self.name)
        x = self.x_of(start.step)
        for curves in (self.loss, self.accuracy):
            curves.cut(x)
        self.epoch = min(max(1, math.ceil(x - 1e-9)), max(1, start.epochs))
        forget_after(self, start.step, x, start.last_intervention)


def events_in(lines: Iterable[str | bytes], damaged: Callable[[], object] = lambda: None) -> Iterator[Event]:
    """The events of the lines of a ``metrics.jsonl``; for each that cannot be read ``damaged`` is called."""
    for line in lines:
        found = parse(line)
        event = None
        with contextlib.suppress(ValueError, RecursionError):
            event = read_event(found) if found is not None else None
        if event:
            yield event
        elif found is None or kind_of(found.get("event")):  # other kinds are of a newer version
            damaged()
