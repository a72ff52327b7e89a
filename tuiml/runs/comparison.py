"""Runs side by side: the settings in which they differ, and their figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from tuiml.formatting import NONE, accuracy_text, count_text, duration, loss
from tuiml.registry import value_text
from tuiml.runs.columns import epochs_text
from tuiml.runs.library import RunSummary
from tuiml.runs.run_lines import number
from tuiml.spec.differences import differences

Show: TypeAlias = Callable[[RunSummary], str]


def settings_of(runs: Sequence[RunSummary]) -> list[tuple[str, list[str]]]:
    """The settings in which runs differ, as texts; not safe to show."""
    documents = [run.document for run in runs]
    rows = differences(documents)
    counts = [len(layers) if isinstance(layers := one.get("layers"), list) else None for one in documents]
    if len(set(counts)) > 1:
        rows.insert(0, ("layers", counts))
    return [(path, [NONE if one is None else value_text(one) for one in values]) for path, values in rows]


def figures_of(runs: Sequence[RunSummary]) -> list[tuple[str, list[str]]]:
    """The rows of figures: a title, and a text for each run; accuracies of classes, R² of numbers."""
    numbers = list(map(has_r2, runs))
    kinds = [("loss", "loss", loss)]
    kinds += [("accuracy", "accuracy", accuracy_text)] if not all(numbers) else []
    kinds += [("R²", "r2", loss)] if any(numbers) else []

    def of(line: str, title: str, part: str) -> list[tuple[str, Show]]:
        """The figures of a part of the data in one of the run's lines."""
        return [(f"{title} {word}", figure(line, f"{part}_{name}", show)) for word, name, show in kinds]

    def figure(line: str, name: str, show: Callable[[float], str]) -> Show:
        return lambda run: show(number(getattr(run, line), name))

    rows: list[tuple[str, Show]] = [
        ("ended", lambda run: run.reason),
        ("epochs", lambda run: f"{run.epochs}/{run.planned}" if run.planned else epochs_text(run)),
        ("parameters", lambda run: count_text(run.parameters)),
        *of("last", "train", "train"),
        *of("last", "val", "val"),
        ("best epoch", lambda run: count_text(number(run.best, "epoch"))),
        *of("best", "best val", "val"),
        *of("end", "test", "test"),
        ("training time", lambda run: duration(run.figure("seconds"), NONE)),
        ("examples/s", lambda run: count_text(run.figure("examples_per_second"))),
    ]
    return [(title, [show(run) for run in runs]) for title, show in rows]


def has_r2(run: RunSummary) -> bool:
    """True if the run is a regression."""
    return any("train_r2" in (line or {}) for line in (run.last, run.best)) or "test_r2" in (run.end or {})


def raw_settings(runs: Sequence[RunSummary]) -> list[dict[str, Any]]:
    """Of each run its values of the settings in which they differ, by path."""
    rows = differences([run.document for run in runs])
    return [{path: values[i] for path, values in rows} for i in range(len(runs))]
