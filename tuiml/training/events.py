"""Events of a run: frozen dataclasses, each a line of JSON. All that other modules need to know of a kind of
event is declared here, on its class: see :class:`Event`.

Steps and epochs count from 1; losses are means over examples, accuracies fractions. In regression
accuracies are NaN and there is ``…_r2``, the fraction of the targets' variance that is explained; minus
infinity where that is not defined.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AliasChoices, Field

from tuiml.training import codec
from tuiml.training.codec import MOST_ITEMS, Count, Flag, Number, Optional, Text, Texts, Value
from tuiml.training.layer_statistics import LayerStatistics

Reason = Literal["completed", "stopped", "diverged", "early_stopped"]
NAN = math.nan
SAVING = "saving"
"""What a :class:`Notice` is about that says that the run cannot be saved."""
FOLDER = "folder"
"""What one is about that says where the run's folder was moved to."""

KINDS: dict[str, type[Event]] = {}
"""The events by their names: those of all modules that were imported."""
_FORMER: dict[str, type[Event]] = {}


def kind_of(name: Any) -> type[Event] | None:
    """The event of a name, or of a former name; ``None``: it is not known."""
    return (KINDS.get(name) or _FORMER.get(name)) if isinstance(name, str) else None


@dataclass(frozen=True)
class Event:
    """What a run reports. A subclass declares its fields, and as class arguments:

    Args:
        event: its name, which is the key ``event`` in JSON.
        former: names that it had in files of older versions.
        recorded: it is a line of ``metrics.jsonl``.
        droppable: some may be left out where the disk or the reader is slow: there are many.
        replaced: of those that wait to be sent, only the newest is.
        changes_keys: other keys may be pressed, or other charts shown, after it.
    """

    event: ClassVar[str]
    names: ClassVar[tuple[str, ...]]
    """Its name, and the former ones."""
    recorded: ClassVar[bool]
    droppable: ClassVar[bool]
    replaced: ClassVar[bool]
    changes_keys: ClassVar[bool]

    def __init_subclass__(cls, event: str = "", former: tuple[str, ...] = (), **flags: bool) -> None:
        usual = {"recorded": False, "droppable": False, "replaced": False, "changes_keys": True}
        super().__init_subclass__(**{name: on for name, on in flags.items() if name not in usual})
        if not event:
            return
        cls.event, cls.names = event, (event, *former)
        for name, on in (usual | flags).items():
            setattr(cls, name, on)
        KINDS[event] = cls
        _FORMER.update(dict.fromkeys(former, cls))

    def to_json(self) -> dict[str, Any]:
        """The event as JSON's types, its name first."""
        return {"event": self.event, **codec.plain(self)}

    def check(self) -> None:
        """Raise ValueError where fields that came from outside do not fit each other."""


@dataclass(frozen=True)
class Loading(Event, event="loading"):
    """Bytes of a data file loaded so far, of ``total`` (0: unknown)."""

    name: Text
    done: Count
    total: Count


@dataclass(frozen=True)
class Start(Event, event="start", recorded=True):
    """Everything is ready for the first step."""

    run: Text
    path: Text
    backend: Text
    device: Text
    threads: Count
    parameters: Count
    train_examples: Count
    validation_examples: Count
    test_examples: Count
    batch_size: Count
    epochs: Count
    steps: Count
    """Steps in all."""
    seed: Count
    versions: dict[Text, Text] = field(default_factory=dict)
    note: Text = ""
    """What the user should know beforehand, in one line, as that a resumed run has other versions."""
    watched: Text = ""
    """The metric by which the best epoch is chosen; empty: val_loss, or train_loss without validation."""
    step: Count = 0
    """Steps trained before, of a run that is resumed."""
    last_intervention: Count = 0
    """The number of the last intervention before that step: those with higher numbers were not saved."""
    data: Text = ""
    """SHA-256 of the user's own examples; empty for tuiml's data sets."""


@dataclass(frozen=True)
class Pretraining(Event, event="pretraining", recorded=True, changes_keys=False):
    """An epoch of pretraining a layer is done."""

    layer: Count
    """Its index in the preset, from 0."""
    number: Count
    layers: Count
    """It is the ``number``-th (from 1) of the ``layers`` that are pretrained."""
    epoch: Count
    epochs: Count
    """Epochs of each layer."""
    reconstruction_error: Number
    """Mean squared error of the reconstruction over inputs and examples, as they were trained."""
    seconds: Number
    """Of pretraining so far."""


@dataclass(frozen=True)
class PretrainingProgress(Pretraining, event="pretraining_batch", changes_keys=False):
    """Batches within such an epoch are done."""

    done: Number
    """Fraction of the epoch, 0 to 1."""


@dataclass(frozen=True)
class Progress(Event, event="batch", recorded=True, droppable=True, changes_keys=False):
    """Means over the batches trained since the last event of this kind, within an epoch."""

    epoch: Count
    step: Count
    train_loss: Number
    train_accuracy: Number
    learning_rate: Number
    examples_per_second: Number
    seconds: Number
    """Of training so far."""
    seconds_left: Number
    train_r2: Optional = NAN


@dataclass(frozen=True)
class Epoch(Event, event="epoch", recorded=True, changes_keys=False):
    """An epoch is done. ``train_*`` are means over its batches as they were trained."""

    epoch: Count
    step: Count
    train_loss: Number
    train_accuracy: Number
    val_loss: Number
    val_accuracy: Number
    learning_rate: Number
    seconds: Number
    """Of training so far, without evaluation and snapshots."""
    examples_per_second: Number
    train_r2: Optional = NAN
    val_r2: Optional = NAN


@dataclass(frozen=True)
class Scalars(Event, event="scalars", recorded=True, droppable=True, changes_keys=False):
    """Numbers that a watched loop reports under names of its own, at one step."""

    epoch: Count
    step: Count
    values: Annotated[dict[Text, Number], Field(max_length=1000)]


@dataclass(frozen=True)
class Snapshot(
    Event,
    event="snapshot",
    former=("picture",),
    recorded=True,
    droppable=True,
    replaced=True,
    changes_keys=False,
):
    """Statistics of every layer at one step."""

    epoch: Count
    step: Count
    layers: Annotated[tuple[LayerStatistics, ...], Field(max_length=MOST_ITEMS)]


@dataclass(frozen=True)
class State(Event, event="state", recorded=True):
    """Training was paused or resumed, or its learning rate was changed."""

    state: Literal["running", "paused"]
    step: Count
    learning_rate: Number
    """Of the last step, or as just changed by the user."""
    changed: Flag | None = None
    """True if the user changed it; ``None``: not known, as in runs of tuiml 0.1."""


@dataclass(frozen=True)
class Intervention(Event, event="intervention", recorded=True):
    """The user changed a setting, or the run was rewound to an earlier step."""

    number: Count
    """It is the ``number``-th of the run, from 1."""
    step: Count
    """Steps done when it took effect; of a rewind, before it."""
    epoch: Count
    """The current epoch from then on, from 1."""
    what: Text
    """``rate``, ``optimizer``, ``batch_size``, ``settings`` (of a new session) or ``rewind``."""
    value: Value
    """The rate, the optimizer's document, the batch size, the settings' values before and after, or the step
    rewound to."""
    epochs_done: Number
    """Epochs done from then on."""
    steps: Count
    """Steps of the whole run from then on."""
    batch_size: Count
    learning_rate: Number
    """Of the next step, as is ``batch_size``."""
    last_intervention: Annotated[
        Count, Field(validation_alias=AliasChoices("last_intervention", "since"))
    ] = 0
    """Of a rewind: the number of the last intervention before the restore point. Those with higher numbers
    are undone, and so are the steps after ``value``."""


@dataclass(frozen=True)
class RestorePoints(Event, event="restore_points", former=("moments",), replaced=True, changes_keys=False):
    """The steps that the run can be rewound to: steps done, current epoch, loss; the earliest first."""

    points: Annotated[
        tuple[tuple[Count, Count, Number], ...],
        Field(max_length=MOST_ITEMS, validation_alias=AliasChoices("points", "moments")),
    ]


@dataclass(frozen=True)
class Notice(Event, event="notice", recorded=True):
    """A warning that does not end the run: about its data, or that it cannot be saved."""

    about: Text
    """Its subject in a word: a later notice on the same subject replaces it."""
    text: Text
    """One line; empty: the last one does not hold any more."""
    step: Count = 0


@dataclass(frozen=True)
class End(Event, event="end", recorded=True):
    """The run is over, and why."""

    reason: Reason
    run: Text
    path: Text
    epochs: Count
    """Epochs completed."""
    step: Count
    """Steps trained; the weights may be restored from an earlier one (``message`` says so)."""
    best_epoch: Count
    """The best epoch by :attr:`Start.watched`; 0: none."""
    test_loss: Number
    test_accuracy: Number
    seconds: Number
    examples_per_second: Number
    message: Text = ""
    """Why, in more words than ``reason``; may be empty."""
    test_r2: Optional = NAN


@dataclass(frozen=True)
class Replayed(Event, event="replayed"):
    """A run was replayed from its folder."""

    run: Text
    """The run that was replayed."""
    replay: Text
    """The new run."""
    step: Count
    """The step at which their states were compared."""
    changes: Count
    """How many of the user's changes were repeated."""
    same: Flag
    """True if weights, buffers and the optimizer's state are equal bit for bit."""
    differs: Texts = ()
    """The arrays that differ, and differences of the environment that may be the cause."""


@dataclass(frozen=True)
class RateTried(Event, event="rate_tried"):
    """A batch was trained at one learning rate of the range test."""

    number: Count
    """The batch's number, from 1."""
    steps: Count
    """Batches of the whole test."""
    learning_rate: Number
    loss: Number
    smoothed: Number


@dataclass(frozen=True)
class RateFound(Event, event="rate_found"):
    """The learning-rate range test is done, and the initial state is restored."""

    learning_rate: Number
    """The suggested rate; NaN: none."""
    tried: Count
    steps: Count
    """Batches that were planned; ``tried`` of them were trained."""
    message: Text
    """Why this rate is suggested, or why none is."""
