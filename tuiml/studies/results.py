"""What a study has found so far: its trials, and their figures by configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tuiml.registry import value_text

TrialState = Literal["waiting", "running", "paused", "completed", "stopped", "cut", "failed", "diverged"]


@dataclass(frozen=True)
class Configuration:
    """One combination of the settings that a study varies; its trials differ in their seed or fold alone."""

    number: int
    """From 0, in the order of the study."""
    name: str
    """What a person reads: ``relu``, ``relu · 0.01``, or the variant's name. Safe to print."""
    settings: Mapping[str, Any]
    """Values by dotted path, as ``--set`` takes them."""
    document: Mapping[str, Any]
    """The preset's tables, without the seed."""
    made: dict[tuple[int, int | None], Trial] = field(default_factory=dict, compare=False, repr=False)
    """Its trials by seed and fold, as far as they were asked for."""


@dataclass(frozen=True)
class Trial:
    """One run of a study."""

    configuration: Configuration
    seed: int
    fold: int | None
    folder: str
    """The name of its run folder under the study's; made from its number and its preset's content."""
    document: Mapping[str, Any]
    """The whole preset, seed and fold included."""


@dataclass(frozen=True)
class TrialResult:
    """A trial with what its run folder says."""

    trial: Trial
    state: TrialState
    path: Path
    epochs: int
    """Epochs done."""
    planned: int
    figures: Mapping[str, float]
    """``val_accuracy``, ``train_loss``, ``seconds`` … at the epoch that is best by the metric, and
    ``test_accuracy`` … at the end. Without NaN."""
    curve: tuple[float, ...] = ()
    """The metric of each epoch so far; NaN where it is missing."""
    seconds: tuple[float, ...] = ()
    """Training time at each epoch of the curve."""
    rung: int | None = None
    """Successive halving: the rung that it reached, from 0."""
    lost_by: float | None = None
    """Successive halving: by how much it missed the next rung, in the metric."""
    message: str = ""
    """Why it failed."""


@dataclass(frozen=True)
class Row:
    """A configuration with its figures over seeds or folds."""

    rank: int | None
    """From 1; ``None`` while it has no figure."""
    configuration: Configuration
    trials: tuple[TrialResult, ...]
    n: int
    """Trials that have the metric."""
    mean: float
    """Of the metric; NaN if n is 0."""
    std: float
    """With n - 1; NaN if n is less than 2."""
    test_mean: float
    test_std: float
    seconds: float
    """Mean training time."""
    reference: tuple[float, str, str] | None = None
    """A figure printed elsewhere, its source, and why ours differs."""
    reference_metric: str = ""
    """What that figure is: ``test_accuracy``, ``val_accuracy`` or ``test_loss``."""


@dataclass(frozen=True)
class Results:
    """A study's table."""

    metric: str
    bigger_is_better: bool
    rows: tuple[Row, ...]
    """By rank; those without a figure last, in the order of the study."""
    varied: tuple[str, ...]
    """Dotted paths that differ among configurations."""
    total: int
    """Trials in all."""
    done: int
    """Trials that are over."""
    conclusion: str
    """Whether the best differs from the next by more than chance, in one sentence."""


def heading(results: Results, tuned: str | None) -> str:
    """What the names of configurations say: ``optimizer``, ``activation · units``; of variants nothing."""
    words = [path.rpartition(".")[2].replace("_", " ") for path in results.varied if path != tuned]
    parts = {len(row.configuration.name.split(" · ")) for row in results.rows}
    settings = [
        (row.configuration.name, path, value)
        for row in results.rows
        for path, value in row.configuration.settings.items()
    ]
    named = all(path == tuned or value_text(value) in name for name, path, value in settings)
    return " · ".join(words) if words and named and parts == {len(words)} else "configuration"
