"""Manual changes of a run's settings. They are recorded, so that a replay makes them at the same steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tuiml.nn.optimizers import optimizers
from tuiml.spec import check
from tuiml.spec.preset import Preset, Training
from tuiml.spec.stopping import stoppings

RATE, OPTIMIZER, BATCH_SIZE, SETTINGS, REWIND = "rate", "optimizer", "batch_size", "settings", "rewind"
WHAT = (RATE, OPTIMIZER, BATCH_SIZE, SETTINGS)
"""The kinds of change. A rewind is none: it removes changes."""
ASKED = {"optimizer": OPTIMIZER, "batch_size": BATCH_SIZE, "learning_rate": RATE}
"""The settings that can change while a run trains, in the order in which they are applied."""
RESUMABLE = ("epochs", "learning_rate", "early_stopping")
"""The settings of [training] that can change when a run is resumed: with others it would be another run."""
MOST = 100_000


@dataclass(frozen=True)
class Change:
    """One change, in force from the step after ``step`` on."""

    step: int
    what: str
    """One of :data:`WHAT`."""
    value: Any
    """As JSON: the learning rate of the next step, an optimizer's document or a batch size. For settings that
    changed between two sessions: a pair of documents for each, before and after."""

    def __post_init__(self) -> None:
        if self.step < 0:
            raise ValueError("a change's step is 0 or more")
        if self.what == RATE:
            _number(self.value)
        elif self.what in (OPTIMIZER, BATCH_SIZE):
            Training.model_validate({self.what: self.value})
        elif self.what == SETTINGS:
            _settings(self.value, 0)
            _settings(self.value, 1)
        else:
            raise ValueError(f"{self.what!r} is no change of a run")

    @property
    def rate(self) -> float | None:
        """The learning rate that a new session sets, if any."""
        pair = self.value.get("learning_rate") if self.what == SETTINGS else None
        return None if pair is None else float(pair[1])


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e308:
        raise ValueError("a learning rate is a number above 0")
    return float(value)


def _settings(value: Any, which: int) -> dict[str, Any]:
    """The values before (0) or after (1) of the settings that a new session changed."""
    if not isinstance(value, dict) or not all(isinstance(v, list) and len(v) == 2 for v in value.values()):
        raise ValueError("settings are pairs of values, before and after")
    if not set(value) <= set(RESUMABLE):
        raise ValueError("not a setting that may change")
    read = Training.model_validate({k: v[which] for k, v in value.items() if v[which] is not None})
    return {name: getattr(read, name) for name in value}


def in_force(training: Training, changes: Iterable[Change]) -> Training:
    """The settings after some changes, without the learning rate, which is part of the position."""
    for change in changes:
        if change.what in (OPTIMIZER, BATCH_SIZE):
            read = Training.model_validate({change.what: change.value})
            training = training.model_copy(update={change.what: getattr(read, change.what)})
        elif change.what == SETTINGS:
            training = training.model_copy(update=_settings(change.value, 1))
    return training


def at_first(training: Training, changes: Iterable[Change]) -> Training:
    """The settings that a run began with, from those of its last session."""
    for change in reversed(tuple(changes)):
        if change.what == SETTINGS:
            training = training.model_copy(update=_settings(change.value, 0))
    return training


def between(step: int, before: Training, after: Training, asked: Collection[str]) -> Change | None:
    """The change that a new session makes at a step; ``None`` if there is none.

    Args:
        asked: names of the settings that the user gave, even if unchanged: a learning rate that was given
            replaces one that was set manually.
    """
    old, new = before.document(), after.document()
    usual = {"early_stopping": stoppings.write(Training().early_stopping)}
    pairs = {n: [old.get(n, usual.get(n)), new.get(n, usual.get(n))] for n in RESUMABLE}
    rates = {"learning_rate"} & set(asked)
    changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1] or name in rates}
    return Change(step, SETTINGS, changed) if changed else None


def asked_for(
    asked: Mapping[str, Any], step: int, preset: Preset, training: Training, allow: Callable[[Training], None]
) -> list[Change]:
    """The changes that the user asked for, in the order in which they are applied, without empty ones.

    Args:
        asked: any of optimizer (its name or document), batch_size and learning_rate.
        training: the settings in force.
        allow: raises ValueError for settings that this machine cannot use.

    Raises:
        ValueError: one of them cannot be used, in one line.
    """
    if not asked or not set(asked) <= set(ASKED):
        raise ValueError("only optimizer, batch_size and learning_rate can change while a run is on")
    document: dict[str, Any] = {**preset.document(), "data": preset.data}
    document["training"] = training.document() | dict(asked)
    found, problems = check(document)
    if found is None:
        raise ValueError(str(problems[0]))
    allow(found.training)
    changes = []
    if found.training.optimizer != training.optimizer:
        changes.append(Change(step, OPTIMIZER, optimizers.write(found.training.optimizer)))
    if found.training.batch_size != training.batch_size:
        changes.append(Change(step, BATCH_SIZE, found.training.batch_size))
    if "learning_rate" in asked:
        changes.append(Change(step, RATE, found.training.rate))
    return changes


def read_changes(value: Any) -> tuple[Change, ...]:
    """Changes from a file.

    Raises:
        ValueError: they are not valid changes.
    """
    if not isinstance(value, list) or len(value) > MOST:
        raise ValueError("changes are a list")
    found = []
    for entry in value:
        if not isinstance(entry, dict) or set(entry) != {"step", "what", "value"}:
            raise ValueError("not a change")
        step = entry["step"]
        if not isinstance(step, int) or isinstance(step, bool) or not isinstance(entry["what"], str):
            raise ValueError("not a change")
        found.append(Change(step, entry["what"], entry["value"]))
    return tuple(found)
