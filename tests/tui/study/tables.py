"""Tables of studies that were never run."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.tui.documents import raw
from tuiml.studies.results import Configuration, Results, Row, Trial, TrialResult
from tuiml.studies.study import Study

NAN = math.nan
EPOCHS = 10


def curve(end: float, epochs: int = EPOCHS) -> tuple[float, ...]:
    """A curve that rises to ``end``."""
    return tuple(end * (1 - 0.5 ** (epoch + 1)) for epoch in range(epochs))


def trial(
    configuration: Configuration,
    seed: int,
    value: float = NAN,
    *,
    state: str | None = None,
    epochs: int | None = None,
    points: Sequence[float] | None = None,
    **rest: Any,
) -> TrialResult:
    """A trial whose metric is ``value``; NaN: it has not begun."""
    known = math.isfinite(value)
    epochs = (EPOCHS if known else 0) if epochs is None else epochs
    found = tuple(points) if points is not None else curve(value, epochs) if known else ()
    figures = {"val_accuracy": value, "test_accuracy": value - 0.01, "seconds": 2.0} if known else {}
    folder = f"{configuration.number:03}-trial-s{seed}-abc"
    document = {**configuration.document, "training": {**configuration.document["training"], "seed": seed}}
    return TrialResult(
        Trial(configuration, seed, None, folder, document),
        state or ("completed" if known else "waiting"),  # type: ignore[arg-type]
        Path("/nowhere") / folder,
        epochs,
        EPOCHS,
        figures,
        found,
        tuple(0.2 * (i + 1) for i in range(len(found))),
        **rest,
    )


def row(
    number: int, name: str, values: Sequence[float], settings: Mapping[str, Any] | None = None, **rest: Any
) -> Row:
    """A configuration with a trial for each value."""
    document = raw(training={"optimizer": "sgd", "epochs": EPOCHS})
    settings = {"training.optimizer": name} if settings is None else settings
    one = Configuration(number, name, settings, document)
    return of_trials(one, [trial(one, seed, value, **rest) for seed, value in enumerate(values)])


def of_trials(one: Configuration, trials: Sequence[TrialResult]) -> Row:
    """A configuration with its trials; not yet ranked."""
    values = [t.figures["val_accuracy"] for t in trials if "val_accuracy" in t.figures]
    mean = statistics.fmean(values) if values else NAN
    std = statistics.stdev(values) if len(values) > 1 else NAN
    return Row(None, one, tuple(trials), len(values), mean, std, mean - 0.01, std, 2.0)


def results(rows: Sequence[Row], varied: Sequence[str] = ("training.optimizer",), **rest: Any) -> Results:
    """A table, ranked by accuracy."""
    ranked = sorted(rows, key=lambda r: (math.isnan(r.mean), -r.mean if math.isfinite(r.mean) else 0.0))
    ranks = [rank if math.isfinite(r.mean) else None for rank, r in enumerate(ranked, 1)]
    found = [
        Row(rank, *(getattr(r, name) for name in list(Row.__dataclass_fields__)[1:]))
        for rank, r in zip(ranks, ranked, strict=True)
    ]
    trials = [t for r in found for t in r.trials]
    done = sum(t.state in ("completed", "cut", "failed") for t in trials)
    told = {"conclusion": "adam is better than sgd.", **rest}
    return Results("val_accuracy", True, tuple(found), tuple(varied), len(trials), done, **told)


def study(name: str = "a study", **tables: Any) -> Study:
    """The declaration of a study."""
    return Study.model_validate({"name": name, "preset": raw(), **tables})
