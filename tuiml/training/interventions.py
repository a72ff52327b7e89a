"""What was changed by hand in the course of a run, kept so that it can be done again at the same step."""

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
"""Kinds of change on a run's line; a rewind is none, for it takes the line back to an earlier point."""
ASKED = {"optimizer": OPTIMIZER, "batch_size": BATCH_SIZE, "learning_rate": RATE}
"""What may be asked for while a run is on, in the order in which it is done."""
MOST = 100_000


@dataclass(frozen=True)
class Change:
    """One change: from the step after ``step`` on it holds."""

    step: int
    what: str
    """One of :data:`WHAT`."""
    value: Any
    """In JSON's types: the rate of the next step, an optimizer's document, a number of examples; of settings
    that changed between two sessions, for each a pair of documents: before and after."""

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
        """The learning rate that the settings of a new session set, if any."""
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
    if not set(value) <= {"epochs", "learning_rate", "early_stopping"}:
        raise ValueError("not a setting that may change")
    read = Training.model_validate({k: v[which] for k, v in value.items() if v[which] is not None})
    return {name: getattr(read, name) for name in value}


def in_force(training: Training, changes: Iterable[Change]) -> Training:
    """The settings after some changes; the learning rate is a matter of the position."""
    for change in changes:
        if change.what in (OPTIMIZER, BATCH_SIZE):
            read = Training.model_validate({change.what: change.value})
            training = training.model_copy(update={change.what: getattr(read, change.what)})
        elif change.what == SETTINGS:
            training = training.model_copy(update=_settings(change.value, 1))
    return training


def at_first(training: Training, changes: Iterable[Change]) -> Training:
    """The settings that a run began with: its preset holds those of its last session."""
    for change in reversed(tuple(changes)):
        if change.what == SETTINGS:
            training = training.model_copy(update=_settings(change.value, 0))
    return training


def between(step: int, before: Training, after: Training, asked: Collection[str]) -> Change | None:
    """What a new session changed at a step; ``None``: nothing.

    Args:
        asked: names of settings that were given, the same as before or not: a learning rate that was given
            takes the place of one that was set by hand.
    """
    old, new = before.document(), after.document()
    usual = {"early_stopping": stoppings.write(Training().early_stopping)}
    names = ("epochs", "learning_rate", "early_stopping")
    pairs = {n: [old.get(n, usual.get(n)), new.get(n, usual.get(n))] for n in names}
    rates = {"learning_rate"} & set(asked)
    changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1] or name in rates}
    return Change(step, SETTINGS, changed) if changed else None


def asked_for(
    asked: Mapping[str, Any],
    step: int,
    preset: Preset,
    training: Training,
    allow: Callable[[Training], None],
) -> list[Change]:
    """The changes that are asked for, in the order in which they are done, without those that change nothing.

    Args:
        asked: any of optimizer (its name or document), batch_size and learning_rate.
        training: the settings in force.
        allow: raises ValueError for settings that cannot be had here.

    Raises:
        ValueError: they cannot be used, in one line; then none of them can.
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
        ValueError: they are none.
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
