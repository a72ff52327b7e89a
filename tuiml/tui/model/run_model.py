"""The run on screen as plain state: fed events, read by the Train place; knows nothing of widgets.

A run that goes on now and one read from its ``metrics.jsonl`` are the same to whoever looks: the events are
the same. Memory is bounded whatever the length of the run. Every change gives one of ``curves``,
``pictures``, ``seen`` and ``state`` a number that no model had before, so that a chart can tell cheaply
whether to draw again.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeAlias

from tuiml.data.own.entries import DataFiles
from tuiml.nn.network import Network
from tuiml.runs.library import passed_over
from tuiml.runs.metrics import parse
from tuiml.spec import Preset, check, network_of
from tuiml.spec.stopping import badness
from tuiml.training.event_reading import read_event
from tuiml.training.events import KINDS as TOLD
from tuiml.training.events import (
    End,
    Epoch,
    Event,
    Intervention,
    Loading,
    Notice,
    Pretraining,
    Progress,
    RestorePoints,
    Snapshot,
    Start,
    State,
)
from tuiml.training.inspection_records import KINDS, Inspection
from tuiml.training.statistics import LayerStatistics
from tuiml.tui.model.curves import Curves
from tuiml.tui.model.interventions import Interventions
from tuiml.tui.model.metric import ACCURACY, R2, Metric, told
from tuiml.tui.model.snapshots import SnapshotHistory

Status: TypeAlias = Literal[
    "empty",
    "loading",
    "running",
    "paused",
    "completed",
    "stopped",
    "diverged",
    "early_stopped",
    "interrupted",
    "failed",
]
ALIVE: frozenset[Status] = frozenset({"loading", "running", "paused"})
TROUBLE: frozenset[Status] = frozenset({"diverged", "failed"})

MOVING = frozenset({"batch", "picture", "epoch", "moments", "pretraining", "pretraining_batch", *KINDS})
"""Events that change what is shown, and not what can be done."""
KNOWN = frozenset({*TOLD, *KINDS})
"""Events of this version: a line of one that cannot be read is damaged; any other is of a newer version."""
EPOCHS_KEPT = 512
NOTICES_KEPT = 16
NAN = math.nan
_serial = itertools.count(1)


class RunModel:
    """What the screen knows of a run: :meth:`begin` or :meth:`load` one, then :meth:`feed` it events.

    Args:
        files: finds what the file of the user's that a run was trained on holds.
    """

    def __init__(self, files: DataFiles | None = None) -> None:
        self.files = files
        self.curves = self.pictures = self.state = self.seen = 0
        self._clear()

    def _clear(self) -> None:
        self.status: Status = "empty"
        self.message = ""
        """Why the run failed, diverged or stopped, in plain words; one line."""
        self.notices: dict[str, str] = {}
        """What there is to know about the run, a line each, by what it is about."""
        self.name = ""
        self.writer = ""
        """Of a run that another process trains: which one, in words."""
        self.saved = 0
        """The step of its newest checkpoint; 0: none."""
        self.lost = False
        """Whether its folder is gone."""
        self.skipped = 0
        """How many lines of its metrics were left out, for they cannot be read."""
        self._going_on: tuple[Status, str, dict[str, Any]] | None = None
        """What was said before it was told to go on, until it does, and its preset from then on."""
        self.document: dict[str, Any] = {}
        """The preset as run: not the one being edited."""
        self.preset: Preset | None = None
        self.network: Network | None = None
        self.loading: Loading | None = None
        self.pretraining: Pretraining | None = None
        """Where pretraining stands; ``None`` before it and once training has begun."""
        self.start: Start | None = None
        self.end: End | None = None
        self.picture: Snapshot | None = None
        self.learned: dict[str, Inspection] = {}
        """What was wished for and shown last, by its kind."""
        self.blind = ""
        """Why a past run cannot be looked into; one line."""
        self.history = SnapshotHistory()
        """The pictures to look back at."""
        self.epochs: deque[Epoch] = deque(maxlen=EPOCHS_KEPT)
        """The newest epochs that are done."""
        self.best: Epoch | None = None
        """The epoch of the least validation loss, or training loss without validation."""
        self.loss = Curves()
        self.accuracy = Curves()
        """Accuracy; of numbers R²."""
        self.by_hand = Interventions()
        """What was changed by hand and not taken back."""
        self.moments: tuple[tuple[int, int, float], ...] = ()
        """What the run can go back to, as :class:`~tuiml.training.events.RestorePoints` tells it."""
        self._bests: deque[Epoch] = deque(maxlen=EPOCHS_KEPT)
        self._steps = 0
        self._anchor: tuple[int, float] | None = None
        self._per_epoch = 0
        self.epoch = 0
        """The epoch in hand, from 1; 0 before the first."""
        self.step = 0
        self.rate = self.speed = self.seconds = self.seconds_left = NAN
        self._train_step = 0
        self._touch("curves", "pictures", "state", "seen")

    def _touch(self, *counters: str) -> None:
        for counter in counters:
            setattr(self, counter, next(_serial))

    # -- what follows from the state --------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether the run is being trained (or paused), as far as its events tell."""
        return self.status in ALIVE

    @property
    def path(self) -> str:
        """Its folder; empty before there is one."""
        told = self.end or self.start
        return told.path if told and "\0" not in told.path else ""

    @property
    def followed(self) -> bool:
        """Whether it is being trained by another process."""
        return bool(self.writer) and self.alive

    @property
    def resumable(self) -> bool:
        """Whether it may be told to go on, by us."""
        return bool(self.path) and not self.alive and not self.lost and self.preset is not None

    @property
    def starting(self) -> bool:
        """Whether it was told to go on and does not yet."""
        return self._going_on is not None

    @property
    def epochs_planned(self) -> int:
        if self.start:
            return self.start.epochs
        return self.preset.training.epochs if self.preset else 0

    @property
    def steps_planned(self) -> int:
        return self._steps or (self.start.steps if self.start else 0)

    @property
    def beside_loss(self) -> Metric:
        """What :attr:`accuracy` holds."""
        return R2 if self.preset and self.preset.data.target == "regression" else ACCURACY

    @property
    def done(self) -> float:
        """Share of the planned steps that are done, 0 to 1."""
        return min(1.0, self.step / self.steps_planned) if self.steps_planned > 0 else 0.0

    def x_of(self, step: float) -> float:
        """Where a step lies in epochs."""
        planned = self.start
        if self._anchor and self._per_epoch:
            return self._anchor[1] + (step - self._anchor[0]) / self._per_epoch
        if planned and planned.steps > 0 and planned.epochs > 0:
            return step * planned.epochs / planned.steps
        return float(self.epoch)

    def statistics(self, layer: int) -> LayerStatistics | None:
        """The newest statistics of a layer."""
        layers = self.picture.layers if self.picture else ()
        return layers[layer] if 0 <= layer < len(layers) else None

    # -- the life of a run ------------------------------------------------------------------------------

    def begin(self, document: dict[str, Any], name: str = "") -> None:
        """A new run of ``document`` is on its way: forget the last one."""
        self._clear()
        self.status = "loading"
        self._describe(document, name)

    def load(
        self, lines: Iterable[str | bytes], document: dict[str, Any], *, name: str = "", writer: str = ""
    ) -> None:
        """Show a past run from the lines of its ``metrics.jsonl``; lines that cannot be read are left out.

        Args:
            writer: who trains it now, if anybody does.
        """
        self._clear()
        self._describe(document, name)
        self.status = "loading"
        damaged: list[None] = []
        self.feed(events_in(lines, lambda: damaged.append(None)))
        self.skipped = len(damaged)
        if damaged:
            self.notices["lines"] = passed_over(self.skipped)
        self.told_by(writer)

    def told_by(self, writer: str) -> None:
        """Who trains it now: another process, or nobody; then it has ended, or was cut off."""
        self.writer = "" if self.end else writer
        if not self.end and not writer and self.alive:
            self.cut_off()
        self._touch("state")

    def cut_off(self) -> None:
        """Nobody trains it, and it has no end."""
        self.status, self.message = "interrupted", "interrupted before its first step"
        if self.step:
            where = f"epoch {self.epoch:,} of {self.epochs_planned:,}, " if self.start else ""
            self.message = f"interrupted at {where}step {self.step:,}"
        self._touch("state", "curves")

    def lose(self) -> None:
        """Its folder is not there any more."""
        self.lost, self.saved = True, 0
        if self.alive:
            self.cut_off()
        self._touch("state")

    def go_on(self, document: dict[str, Any] | None = None) -> None:
        """It was told to go on: everything stays on the screen until it starts, and then what is before that.

        Args:
            document: its preset with what was changed, from its start on.
        """
        self._going_on = (self.status, self.message, document or self.document)
        self.status, self.loading = "loading", None
        self._touch("state")

    def stay(self) -> None:
        """It does not go on after all: all is as it was."""
        if self._going_on:
            self.status, self.message, _ = self._going_on
            self._going_on, self.loading = None, None
            self._touch("state")

    def _describe(self, document: dict[str, Any], name: str) -> None:
        self.document = document
        self.preset = check(document, self.files)[0]
        self.network = network_of(self.preset) if self.preset else None
        self.name = name or (self.preset.name if self.preset else "")
        self.rate = self.preset.training.rate if self.preset else NAN

    def feed(self, events: Iterable[Event]) -> set[str]:
        """Take in events; the kinds that came, as ``run_changed`` of a place wants them."""
        kinds = set()
        for event in events:
            self._take(event)
            kinds.add(event.event)
        return kinds

    def fail(self, message: str, asked: bool = False) -> None:
        """The run is over for a reason outside training, or was stopped before it began; one line."""
        self.status, self.message, self.loading = "stopped" if asked else "failed", message, None
        self._going_on = None
        self._touch("state")

    def cannot_look(self, reason: str) -> None:
        """What it learned cannot be shown; one line."""
        self.blind = reason
        self._touch("seen")

    # -- events -----------------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        if isinstance(event, Inspection):
            self.learned[event.event] = event
            self._touch("seen")
            return
        if isinstance(event, Start | Progress | Epoch | End):
            self.pretraining = None
        if isinstance(event, Pretraining):
            self.pretraining = event
        elif isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, Snapshot):
            self.picture = event
            self.history.add(event.step, event.layers)
            self._touch("pictures")
        elif isinstance(event, Epoch):
            self._epoch(event)
        elif isinstance(event, State):
            self._state(event)
        elif isinstance(event, Intervention):
            self._intervene(event)
        elif isinstance(event, RestorePoints):
            self.moments = event.moments
        elif isinstance(event, Notice):
            self.notices.pop(event.about, None)
            if event.text and len(self.notices) < NOTICES_KEPT:
                self.notices[event.about] = event.text
        elif isinstance(event, Loading):
            self.loading, self.status = event, "loading"
        elif isinstance(event, Start):
            self._start(event)
        elif isinstance(event, End):
            self._end(event)
        self._touch("state")

    def _start(self, event: Start) -> None:
        self.start, self.status, self.loading, self.end = event, "running", None, None
        self.name = event.run or self.name
        self.message = event.note
        self.notices.clear()
        if event.note:
            self.notices["conditions"] = event.note
        if self._going_on:
            document, self._going_on = self._going_on[2], None
            if document != self.document:
                self._describe(document, self.name)
            self._resume_at(event.step)
        self.epoch = max(1, self.epoch)
        self._train_step = event.step if 0 <= event.step <= event.steps else 0  # it may be from a file
        self._steps, self.moments = 0, ()
        if event.batch_size > 0:
            self._per_epoch = -(-event.train_examples // event.batch_size)

    def _resume_at(self, step: int) -> None:
        """Forget what came after ``step``: the run goes on from there."""
        x = self.x_of(step)
        for curves in (self.loss, self.accuracy):
            curves.cut(x)
        self.epoch = int(x + 1e-9) + 1
        self._forget(step, x, self.by_hand.until(x))

    def _progress(self, event: Progress) -> None:
        self._at(event)
        self._train(event.train_loss, told(event.train_accuracy, event.train_r2))
        self.seconds_left = event.seconds_left

    def _at(self, event: Progress | Epoch) -> None:
        self.epoch, self.step = event.epoch, event.step
        self.rate, self.speed, self.seconds = (
            event.learning_rate,
            event.examples_per_second,
            event.seconds,
        )

    def _train(self, loss: float, score: float) -> None:
        # A mean belongs to the middle of the steps it is over: those since the last one, of this epoch.
        x = self.epoch - 0.5
        if self.start and self.start.epochs:
            batches = self._per_epoch or self.start.steps // self.start.epochs
            first = max(self._train_step, self.step - batches)
            x = self.x_of((first + self.step) / 2)
        self._train_step = self.step
        self.loss.add_train(x, loss)
        self.accuracy.add_train(x, score)
        self._touch("curves")

    def _epoch(self, event: Epoch) -> None:
        self._at(event)
        if self._per_epoch and abs(self.x_of(event.step) - event.epoch) > 1e-9:
            self._anchor = event.step, float(event.epoch)  # its batches were not all of one size
        if self._train_step < event.step:  # no batches were told: the epoch's mean is all there is
            self._train(event.train_loss, told(event.train_accuracy, event.train_r2))
        self.loss.validation.append(float(event.epoch), event.val_loss)
        self.accuracy.validation.append(float(event.epoch), told(event.val_accuracy, event.val_r2))
        self.epochs.append(event)
        watched = str(self.start.watched) if self.start else ""  # it may be from a file
        if self.best is None or judged(event, watched) < judged(self.best, watched):
            self.best = event
            self._bests.append(event)
        self._touch("curves")

    def _state(self, event: State) -> None:
        self.status, self.step = event.state, event.step
        by_hand = event.changed is not False  # else a schedule's doing
        if by_hand and math.isfinite(self.rate) and event.learning_rate != self.rate:
            self.by_hand.add_rate(self.x_of(event.step), event.learning_rate)
            self._touch("curves")
        self.rate = event.learning_rate

    def _intervene(self, event: Intervention) -> None:
        """Something was changed by hand, or the run went back."""
        examples = self.start.train_examples if self.start else 0
        self._per_epoch = -(-examples // event.batch_size) if examples > 0 < event.batch_size else 0
        self._steps, self.epoch, self.rate = event.steps, event.epoch, event.learning_rate
        x, step = event.epochs_done, event.value if event.what == "rewind" else event.step
        if event.what == "rewind":
            self._go_back(step if isinstance(step, int) else event.step, x, event.since)
        self._anchor = (self.step if event.what == "rewind" else event.step), x
        self.by_hand.add(event)
        self._touch("curves")

    def _go_back(self, step: int, x: float, since: int) -> None:
        """Leave what came after a step behind: it is still drawn."""
        for curves in (self.loss, self.accuracy):
            curves.go_back(x)
        self._forget(max(0, step), x, since)

    def _forget(self, step: int, x: float, since: int) -> None:
        """Stand at an earlier step, after so many changes by hand."""
        self.step = self._train_step = step
        for kept in (self.epochs, self._bests):
            while kept and kept[-1].step > step:
                kept.pop()
        self.best = self._bests[-1] if self._bests else None
        self.by_hand.forget(x, since)
        self.history.go_back(step)
        if self.picture and self.picture.step > step:
            newest = self.history.moments[-1:]
            self.picture = Snapshot(self.epoch, newest[0].step, newest[0].layers()) if newest else None
        self._touch("curves", "pictures")

    def _end(self, event: End) -> None:
        self.end, self.status, self.message = event, event.reason, event.message
        self.step, self.seconds, self.speed = event.step, event.seconds, event.examples_per_second
        self.seconds_left = 0.0
        self._touch("curves")


def events_in(lines: Iterable[str | bytes], damaged: Callable[[], object] = lambda: None) -> Iterator[Event]:
    """The events of the lines of a ``metrics.jsonl``, without what cannot be read: ``damaged`` is called."""
    for line in lines:
        found = parse(line)
        event = None
        with contextlib.suppress(ValueError, RecursionError):
            event = read_event(found) if found is not None else None
        if event:
            yield event
        elif found is None or str(found.get("event")) in KNOWN:
            damaged()


def judged(epoch: Epoch, watched: str = "") -> float:
    """The number by which epochs are compared, the smaller the better; infinity where there is none."""
    figures = {"val_loss": epoch.val_loss, "val_accuracy": epoch.val_accuracy}
    bad = badness(watched, figures.get(watched or "val_loss", epoch.train_loss))
    bad = epoch.train_loss if math.isnan(bad) else bad
    return bad if not math.isnan(bad) else math.inf
