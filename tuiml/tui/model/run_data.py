"""The state of the run on the screen: what is known of it, and what follows from that."""

from __future__ import annotations

import itertools
import math
import os
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tuiml.data.own.entries import DataFiles
from tuiml.nn.network import Network
from tuiml.runs.watched import WatchedModel
from tuiml.spec import Preset
from tuiml.training.events import End, Epoch, Loading, Pretraining, Snapshot, Start
from tuiml.training.inspections.record import Inspection
from tuiml.training.layer_statistics import LayerStatistics
from tuiml.training.stack_context import FINISHED
from tuiml.tui.charts.series import Series
from tuiml.tui.model.curves import Curves, Scalars
from tuiml.tui.model.interventions import Interventions
from tuiml.tui.model.metric import ACCURACY, PLAIN, R2, Metric
from tuiml.tui.model.snapshots import SnapshotHistory

Status: TypeAlias = Literal[
    "empty", "loading", "running", "paused",
    "completed", "stopped", "diverged", "early_stopped", "interrupted", "failed",
]  # fmt: skip
ALIVE: frozenset[Status] = frozenset({"loading", "running", "paused"})
TROUBLE: frozenset[Status] = frozenset({"diverged", "failed"})

EPOCHS_KEPT = 512
NAN = math.nan
_serial = itertools.count(1)


def new_version() -> int:
    """A number that no run had before."""
    return next(_serial)


def _epochs() -> deque[Epoch]:
    return deque(maxlen=EPOCHS_KEPT)


def _is_path(text: str) -> bool:
    """Whether a file may have this path."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


@dataclass(frozen=True)
class BeforeResume:
    """What was shown before the user resumed a run, and the run's preset from its start on."""

    status: Status
    message: str
    document: dict[str, Any]


@dataclass(eq=False)
class RunData:
    """What is known of a run. Its size is bounded whatever the length of the run."""

    status: Status = "empty"
    message: str = ""
    """Why the run failed, diverged or stopped; one line."""
    notices: dict[str, str] = field(default_factory=dict)
    """Warnings about the run by their subject, a line each."""
    name: str = ""
    identity: object = field(default_factory=object)
    """The same object where the run on the screen was only read anew."""
    writer: str = ""
    """The other process that trains it, in words; empty: there is none."""
    saved: int = 0
    """The step of its newest checkpoint; 0: none."""
    folder_gone: bool = False
    skipped: int = 0
    """Lines of its metrics that cannot be read."""
    sampled: bool = False
    """True if only some of its metrics were read, as they are many."""
    before_resume: BeforeResume | None = None
    """True from the user's request to resume until the run starts or is refused."""
    files: DataFiles | None = None
    """Finds what the user's file that it was trained on holds."""
    document: dict[str, Any] = field(default_factory=dict)
    """The preset as run: not the one being edited."""
    preset: Preset | None = None
    network: Network | None = None
    watched: WatchedModel | None = None
    """The model of a loop of the user's own, which has neither preset nor network. Its curves are over steps:
    of epochs nothing is known beforehand."""
    scalars: Scalars = field(default_factory=Scalars)
    """What such a loop reports under names of its own."""
    loading: Loading | None = None
    pretraining: Pretraining | None = None
    """The newest event of pretraining; ``None`` before it and once training has begun."""
    start: Start | None = None
    end: End | None = None
    snapshot: Snapshot | None = None
    """The newest one."""
    history: SnapshotHistory = field(default_factory=SnapshotHistory)
    """Earlier snapshots."""
    inspections: dict[str, Inspection] = field(default_factory=dict)
    """The newest of each kind, by its event."""
    inspection_problem: str = ""
    """Why a past run cannot be inspected; one line."""
    epochs: deque[Epoch] = field(default_factory=_epochs)
    """The newest epochs that are done."""
    bests: deque[Epoch] = field(default_factory=_epochs)
    """The epochs that were the best when they were done."""
    loss: Curves = field(default_factory=Curves)
    accuracy: Curves = field(default_factory=Curves)
    """Accuracy; in regression R²."""
    clock: Series = field(default_factory=lambda: Series(1024))
    """The seconds of training over the epochs."""
    interventions: Interventions = field(default_factory=Interventions)
    """What the user changed and did not undo."""
    restore_points: tuple[tuple[int, int, float], ...] = ()
    """What the run can be rewound to: see :class:`~tuiml.training.events.RestorePoints`."""
    epoch: int = 0
    """The current epoch, from 1; 0 before the first."""
    step: int = 0
    rate: float = NAN
    speed: float = NAN
    """Examples per second."""
    seconds: float = NAN
    seconds_left: float = NAN
    batches_per_epoch: int = 0
    """With the current batch size; 0: not known."""
    changed_steps: int = 0
    """Steps of the whole run after an intervention; 0: as at the start."""
    anchor: tuple[int, float] | None = None
    """A step and the epochs done then, from which other steps are counted."""
    train_step: int = 0
    """The last step whose training loss is in the curves."""
    curves_version: int = field(default_factory=new_version)
    snapshots_version: int = field(default_factory=new_version)
    state_version: int = field(default_factory=new_version)
    inspections_version: int = field(default_factory=new_version)
    """New numbers after each change, so that a chart knows cheaply whether to draw again."""

    @property
    def best(self) -> Epoch | None:
        """The best epoch by the metric that the run watches."""
        return self.bests[-1] if self.bests else None

    @property
    def alive(self) -> bool:
        """True if the run is trained or paused, by its events."""
        return self.status in ALIVE

    @property
    def path(self) -> str:
        """Its folder; empty before there is one."""
        event = self.end or self.start
        return event.path if event and _is_path(event.path) else ""

    @property
    def followed(self) -> bool:
        """True if another process trains it."""
        return bool(self.writer) and self.alive

    @property
    def resumable(self) -> bool:
        """True if the app may resume it."""
        return bool(self.path) and not self.alive and not self.folder_gone and self.preset is not None

    @property
    def resuming(self) -> bool:
        """True if the user resumed it and it did not start yet."""
        return self.before_resume is not None

    @property
    def epochs_planned(self) -> int:
        if self.start:
            return self.start.epochs
        return self.preset.training.epochs if self.preset else 0

    @property
    def steps_planned(self) -> int:
        return self.changed_steps or (self.start.steps if self.start else 0)

    @property
    def metric(self) -> Metric:
        """What :attr:`accuracy` holds."""
        if self.watched:
            return PLAIN if self.accuracy.highest > 1 else ACCURACY
        return R2 if self.preset and self.preset.data.target != "classes" else ACCURACY

    @property
    def has_accuracy(self) -> bool:
        """True if an accuracy, or R², was reported."""
        return len(self.accuracy.raw) > 0 or len(self.accuracy.validation) > 0

    @property
    def done(self) -> float:
        """Fraction of the planned steps that are done, 0 to 1."""
        return min(1.0, self.step / self.steps_planned) if self.steps_planned > 0 else 0.0

    def x_of(self, step: float) -> float:
        """A step in epochs; of a watched run as it is."""
        start = self.start
        if self.watched:
            return float(step)
        if self.anchor and self.batches_per_epoch:
            return self.anchor[1] + (step - self.anchor[0]) / self.batches_per_epoch
        if start and start.steps > 0 and start.epochs > 0:
            return step * start.epochs / start.steps
        return float(self.epoch)

    def step_at(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The steps at some epochs: the inverse of :meth:`x_of`."""
        start = self.start
        if self.watched:
            return x
        if self.anchor and self.batches_per_epoch:
            return self.anchor[0] + (x - self.anchor[1]) * self.batches_per_epoch
        if start and start.steps > 0 and start.epochs > 0:
            return x * start.steps / start.epochs
        return np.full(len(x), float(self.step))

    @property
    def snapshot_lags(self) -> bool:
        """True if the newest snapshot is of an earlier step than the run's: it has ended or is paused, or its
        snapshots come from a file. Of a run that is trained here, or a watched one, the next one is always on
        its way."""
        waits = (self.followed and not self.watched) or self.status not in ("running", "loading")
        return (
            waits and self.start is not None and self.snapshot is not None and self.snapshot.step != self.step
        )

    @property
    def score(self) -> float:
        """The newest training accuracy, or R²; NaN before the first."""
        score = self.accuracy.train.last if len(self.accuracy.train) else NAN
        return score / 100 if self.metric is PLAIN else score  # a loop's own may be in percent

    @property
    def finished(self) -> bool:
        """True if the network has learned its training data: small gradients are then no trouble."""
        return self.score >= FINISHED

    def statistics(self, layer: int) -> LayerStatistics | None:
        """The newest statistics of a layer."""
        layers = self.snapshot.layers if self.snapshot else ()
        return layers[layer] if 0 <= layer < len(layers) else None
