"""What a run tells: small frozen records, each a line of JSON.

``to_json`` gives plain data whose non-finite numbers are ``None``; ``from_json`` reads it back (``None`` as
NaN where a number belongs). Steps and epochs count from 1; losses are means over examples, accuracies shares.
Where the target is numbers, accuracies are NaN and there is ``…_r2``, the share of the targets' variance that
is explained; of classes lines leave it out.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from tuiml.training.statistics import Histogram, LayerStatistics

Reason = Literal["completed", "stopped", "diverged", "early_stopped"]
NAN = math.nan
SAVING = "saving"
"""What a :class:`Notice` is about that the run cannot be saved."""
_R2 = ("train_r2", "val_r2", "test_r2")


@dataclass(frozen=True)
class Event:
    """Anything a run tells."""

    event: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """The event as plain data, its kind first."""
        told = {k: plain(v) for k, v in vars(self).items()}
        return {"event": self.event, **{k: v for k, v in told.items() if v is not None or k not in _R2}}


@dataclass(frozen=True)
class Loading(Event):
    """Data on its way: bytes of a file (``total`` 0 where unknown)."""

    event: ClassVar[str] = "loading"
    name: str
    done: int
    total: int


@dataclass(frozen=True)
class Start(Event):
    """Everything is ready for the first step."""

    event: ClassVar[str] = "start"
    run: str
    path: str
    backend: str
    device: str
    threads: int
    parameters: int
    train_examples: int
    validation_examples: int
    test_examples: int
    batch_size: int
    epochs: int
    steps: int
    """Steps in all."""
    seed: int
    versions: dict[str, str] = field(default_factory=dict)
    note: str = ""
    """What is to be known before, in a line: as a run that goes on under other versions."""
    watched: str = ""
    """The figure that says which epoch is best; empty: val_loss, or train_loss without validation."""
    step: int = 0
    """Steps trained before: of a run that goes on."""
    data: str = ""
    """SHA-256 of a user's own examples; empty where they are tuiml's."""


@dataclass(frozen=True)
class Pretraining(Event):
    """A layer is pretrained for another epoch."""

    event: ClassVar[str] = "pretraining"
    layer: int
    """Its place in the preset, from 0."""
    number: int
    layers: int
    """It is the ``number``-th (from 1) of the ``layers`` that are pretrained."""
    epoch: int
    epochs: int
    """Epochs of each layer."""
    reconstruction_error: float
    """Squared error of an input's reconstruction, mean over inputs and examples as they were trained."""
    seconds: float
    """Spent pretraining so far."""


@dataclass(frozen=True)
class PretrainingProgress(Pretraining):
    """Somewhere within such an epoch."""

    event: ClassVar[str] = "pretraining_batch"
    done: float
    """Share of the epoch, 0 to 1."""


@dataclass(frozen=True)
class Progress(Event):
    """Somewhere within an epoch: the batches trained since the last one of these."""

    event: ClassVar[str] = "batch"
    epoch: int
    step: int
    train_loss: float
    train_accuracy: float
    learning_rate: float
    examples_per_second: float
    seconds: float
    """Spent training so far."""
    seconds_left: float
    train_r2: float = NAN


@dataclass(frozen=True)
class Epoch(Event):
    """An epoch is done. ``train_*`` are means over its batches as they were trained."""

    event: ClassVar[str] = "epoch"
    epoch: int
    step: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float
    """Spent training so far, evaluation and pictures not counted."""
    examples_per_second: float
    train_r2: float = NAN
    val_r2: float = NAN


@dataclass(frozen=True)
class Snapshot(Event):
    """Statistics of every layer at one step; of two that wait, the newer is worth sending."""

    event: ClassVar[str] = "picture"
    epoch: int
    step: int
    layers: tuple[LayerStatistics, ...]


@dataclass(frozen=True)
class State(Event):
    """Training pauses or goes on; or its learning rate was changed by hand."""

    event: ClassVar[str] = "state"
    state: Literal["running", "paused"]
    step: int
    learning_rate: float
    """In use: of the last step, or as just changed by hand."""
    changed: bool | None = None
    """Whether it was changed by hand; ``None``: not known, as in runs of tuiml 0.1."""


@dataclass(frozen=True)
class Intervention(Event):
    """Something was changed by hand, or the run went back to an earlier step."""

    event: ClassVar[str] = "intervention"
    number: int
    """It is the ``number``-th of the run, from 1."""
    step: int
    """Steps done when it took effect; of a rewind, those that were done before it."""
    epoch: int
    """The epoch in hand from then on."""
    what: str
    """``rate``, ``optimizer``, ``batch_size``, ``settings`` (of a new session) or ``rewind``."""
    value: Any
    """The rate, the optimizer's document, the number of examples, the settings' values before and after; of
    a rewind the step gone back to."""
    epochs_done: float
    """Where the run stands from then on, in epochs."""
    steps: int
    """Steps in all, as it goes on now."""
    batch_size: int
    learning_rate: float
    """Of the next step, as ``batch_size``."""
    since: int = 0
    """Of a rewind: the number of the last intervention before the moment gone back to. What is numbered
    higher is taken back, and so are the steps after ``value``."""


@dataclass(frozen=True)
class RestorePoints(Event):
    """The moments that the run can go back to: steps done, epoch in hand, loss; the earliest first."""

    event: ClassVar[str] = "moments"
    moments: tuple[tuple[int, int, float], ...]


@dataclass(frozen=True)
class Notice(Event):
    """Something to know that does not end the run: what is odd about its data, or that it cannot be saved."""

    event: ClassVar[str] = "notice"
    about: str
    """What it is about, in a word: of two about the same the later one holds."""
    text: str
    """One line; empty: what was told before is over."""
    step: int = 0


@dataclass(frozen=True)
class End(Event):
    """The run is over, and why."""

    event: ClassVar[str] = "end"
    reason: Reason
    run: str
    path: str
    epochs: int
    """Epochs completed."""
    step: int
    """Steps trained; the weights kept may be those of an earlier one (``message`` says so)."""
    best_epoch: int
    """The epoch that is best by :attr:`Start.watched`; 0: none."""
    test_loss: float
    test_accuracy: float
    seconds: float
    examples_per_second: float
    message: str = ""
    """Why, where ``reason`` does not say it all."""
    test_r2: float = NAN


@dataclass(frozen=True)
class Replayed(Event):
    """A run was done again from its folder."""

    event: ClassVar[str] = "replayed"
    run: str
    """The run that was done again."""
    replay: str
    """The run that did it."""
    step: int
    """Where they were compared."""
    changes: int
    """How many changes by hand were made again."""
    same: bool
    """Whether weights, buffers and the optimizer's arrays are the same to the bit."""
    differs: tuple[str, ...] = ()
    """What is not the same: arrays, and the conditions that may be why."""


@dataclass(frozen=True)
class RateTried(Event):
    """A batch was trained at one rate of a learning-rate finder's ramp."""

    event: ClassVar[str] = "rate_tried"
    number: int
    """Of the batch, from 1."""
    steps: int
    """Batches of the whole ramp."""
    learning_rate: float
    loss: float
    smoothed: float


@dataclass(frozen=True)
class RateFound(Event):
    """A learning-rate finder is done, and everything is as it was before."""

    event: ClassVar[str] = "rate_found"
    learning_rate: float
    """What it suggests; NaN: nothing."""
    tried: int
    steps: int
    """Batches that were tried, of how many."""
    message: str
    """Why this rate, or why none."""


KINDS: dict[str, type[Event]] = {
    c.event: c
    for c in (
        *(Loading, Start, Pretraining, PretrainingProgress, Progress, Epoch, Snapshot, State, Notice, End),
        *(Intervention, RestorePoints, Replayed, RateTried, RateFound),
    )
}


def from_json(line: dict[str, Any]) -> Event | None:
    """The event of a line, or ``None`` for a kind or shape that is not known (a newer tuiml's)."""
    kind = KINDS.get(str(line.get("event")))
    if kind is None:
        return None
    values: dict[str, Any] = {}
    for f in dataclasses.fields(kind):
        if f.name in line:
            value = line[f.name]
            values[f.name] = NAN if value is None and f.type == "float" else value
    try:
        if kind is Snapshot:
            values["layers"] = tuple(LayerStatistics.from_json(v) for v in values["layers"])
        if kind is RestorePoints:
            values["moments"] = tuple(_moment(*v) for v in values["moments"])
        return kind(**values)
    except (AttributeError, KeyError, OverflowError, TypeError):
        return None


def _moment(step: int, epoch: int, loss: float | None) -> tuple[int, int, float]:
    if not (type(step) is int and type(epoch) is int and step >= 0 and epoch >= 0):
        raise TypeError
    return step, epoch, NAN if loss is None else float(loss)


def plain(value: Any) -> Any:
    """JSON's types, with ``None`` for what is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Histogram):  # finite numbers, and many
        return {**vars(value), "counts": list(value.counts)}
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value
