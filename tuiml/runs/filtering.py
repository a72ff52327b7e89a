"""The filter of lists: words, and conditions on settings and figures: ``adam lr<.01 val>0.9 -mnist``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tuiml.nn.optimizers import optimizers
from tuiml.registry import closest, short
from tuiml.runs.library import RunSummary
from tuiml.runs.run_lines import number
from tuiml.spec.differences import settings
from tuiml.typed_numbers import evaluate

HELP = "words, -words, and settings: adam lr<.01 val>0.9 layers>5 tag:best"
_TERM = re.compile(r"(-?)(?:([\w.\[\]]+)(<=|>=|!=|<|>|=|:))?(.*)", re.DOTALL)
_UNIT = re.compile(r"(.*?)(%|k|m|s|min|h)?", re.IGNORECASE)
_UNITS = {"%": 0.01, "k": 1e3, "m": 1e6, "s": 1.0, "min": 60.0, "h": 3600.0}
_SAME = {
    "lr": "learning_rate", "batch": "batch_size", "init": "initializer", "act": "activation",
    "opt": "optimizer", "acc": "val", "accuracy": "val", "val_accuracy": "val", "val_r2": "val", "r2": "val",
    "loss": "val_loss", "params": "parameters", "seconds": "time", "ended": "state", "tags": "tag",
    "run": "name",
}  # fmt: skip
"""Other names of settings and figures."""
FIGURES = ("val", "val_loss", "train", "train_loss", "test", "test_loss", "time", "parameters")
TEXTS = ("tag", "state", "preset", "name")
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": lambda a, b: math.isclose(a, b, rel_tol=1e-6),
    ":": lambda a, b: math.isclose(a, b, rel_tol=1e-6),
}


class Subject:
    """What a filter finds: a run or a preset with its settings.

    Args:
        words: texts in which words are looked for.
        values: figures and texts that conditions name.
    """

    def __init__(self, words: Iterable[str], document: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        self._words, self._document, self._values = words, document, values

    @cached_property
    def words(self) -> str:
        """The text in which words are looked for, in lower case."""
        texts = (str(value) for found in self.settings.values() for value in found if isinstance(value, str))
        return "\n".join([*self._words, *dict.fromkeys(texts)]).casefold()

    @cached_property
    def settings(self) -> dict[str, list[Any]]:
        """All that conditions name, in lower case, with each one's values."""
        try:
            found = settings(self._document)
        except RecursionError:  # a preset that nobody has checked
            found = {}
        optimizer = [one for one in found.get("optimizer", []) if isinstance(one, str)]
        if "learning_rate" not in found and optimizer and optimizer[0] in optimizers:
            found["learning_rate"] = [optimizers[optimizer[0]]().rate]
        for key, value in self._values.items():
            found.setdefault(key, []).extend(value if isinstance(value, tuple) else [value])
        return found


def subject(run: RunSummary) -> Subject:
    """A run as the filter finds it."""
    words = ["run", run.name, run.preset, run.reason, *run.differs, *(f"#{tag}" for tag in run.tags)]
    values: dict[str, Any] = {
        "val": score(run, "best", "val"),
        "val_loss": number(run.best, "val_loss"),
        "train": score(run, "last", "train"),
        "train_loss": number(run.last, "train_loss"),
        "test": score(run, "end", "test"),
        "test_loss": number(run.end, "test_loss"),
        "time": run.figure("seconds"),
        "parameters": run.parameters,
        "epochs": run.epochs,
        "tag": run.tags,
        "state": run.reason,
        "preset": run.preset,
        "name": run.name,
    }
    return Subject(words, run.document, values)


def score(run: RunSummary, line: str, part: str) -> float:
    """Accuracy, or R² in a regression, of a part of the data in one of the run's lines."""
    accuracy = number(getattr(run, line), f"{part}_accuracy")
    return number(getattr(run, line), f"{part}_r2") if math.isnan(accuracy) else accuracy


@dataclass(frozen=True)
class Term:
    """A word, or a condition on a setting."""

    excluded: bool
    key: str
    compared: str
    value: str

    def passes(self, subject: Subject) -> bool:
        """Whether something is shown."""
        return self._holds(subject) != self.excluded

    def _holds(self, subject: Subject) -> bool:
        if not self.key:
            return self.value in subject.words
        values = subject.settings.get(self.key, [])
        if self.compared == "!=":
            return bool(values) and not any(_equal(value, self.value) for value in values)
        if self.compared in ("=", ":"):
            loose = self.compared == ":"
            return any(_equal(v, self.value) or (loose and _within(self.value, v)) for v in values)
        wanted = as_number(self.value)
        if wanted is None:
            return False
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        return any(_COMPARED[self.compared](value, wanted) for value in numbers)


def _within(word: str, value: Any) -> bool:
    return isinstance(value, str) and word in value.casefold()


def _equal(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return str(value).casefold() == wanted
    if isinstance(value, int | float):
        other = as_number(wanted)
        return other is not None and _COMPARED["="](value, other)
    return isinstance(value, str) and value.casefold() == wanted


def as_number(text: str) -> float | None:
    """A typed number: ``.01``, ``1/3``, ``90%``, ``20k``, ``5min``; ``None`` if it is none."""
    match = _UNIT.fullmatch(text)
    if match is None:
        return None
    try:
        return float(evaluate(match.group(1))) * _UNITS.get((match.group(2) or "").lower(), 1.0)
    except ValueError:
        return None


class Filter:
    """The terms of a text, all of which must hold."""

    def __init__(self, text: str) -> None:
        self.terms = tuple(_terms(text))

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def words(self) -> list[str]:
        """The words that are looked for."""
        return [term.value for term in self.terms if not term.key and not term.excluded]

    def passes(self, subject: Subject) -> bool:
        """Whether something is shown."""
        return all(term.passes(subject) for term in self.terms)

    def trouble(self, subjects: Sequence[Subject]) -> str:
        """What is wrong with the filter, in one line; empty if nothing is.

        Args:
            subjects: what is filtered. A setting that none of them has is not known.
        """
        for term in self.terms:
            if not term.key:
                continue
            if term.key not in FIGURES + TEXTS and not any(term.key in one.settings for one in subjects):
                known = {*FIGURES, *TEXTS, *_SAME, *(key for one in subjects for key in one.settings)}
                near = closest(term.key, known)
                hint = f"; did you mean '{near}'?" if near else ""
                return f"unknown setting {short(term.key, 40)}{hint}"
            if term.compared[0] in "<>" and as_number(term.value) is None:
                return f"{short(term.value, 40)} is not a number: {term.key}{term.compared}0.1"
        return ""


def _terms(text: str) -> Iterator[Term]:
    for word in text.casefold().split():
        match = _TERM.fullmatch(word)
        assert match  # it takes any text
        minus, key, compared, value = match.groups()
        if value:  # else it is being typed
            yield Term(bool(minus), _SAME.get(key, key) if key else "", compared or "", value)
