"""A study's table as text, as plain data for ``--json``, and as CSV with a row for each trial."""

from __future__ import annotations

import csv
import io
import math
import re
import textwrap
from typing import Any

from tuiml.cli.output import cells, print_table, say
from tuiml.formatting import NONE, duration, loss
from tuiml.registry import value_text
from tuiml.studies.results import Results, Row, TrialResult, heading

WIDTH = 80
TITLES = {"val": "validation", "test": "test", "train": "training"}


def print_results(results: Results, tuned: str | None = None) -> None:
    """Print the ranked table, why figures differ from printed ones, and the conclusion.

    Args:
        tuned: the path of the learning rate, where each configuration has its own.
    """
    printed = any(row.reference for row in results.rows)
    part, _, figure = results.metric.partition("_")
    short = {"accuracy": "acc", "r2": "R²"}.get(figure, figure)
    own = ["lr"] if tuned else []
    header = ["", *own, f"{part} {short}", "n", f"test {short}", "time"]
    header += ["printed", "diff"] if printed else []
    rows = [_cells(row, results, printed, tuned) for row in results.rows]
    fixed = sum(2 + max(cells(line[i]) for line in (header, *rows)) for i in range(1, len(header))) + 6
    for line in rows:
        line[0] = fitted(line[0], max(12, WIDTH - fixed))
    header[0] = heading(results, tuned)
    ranked = [[str(row.rank or NONE), *line] for row, line in zip(results.rows, rows, strict=True)]
    print_table(["rank", *header], ranked, right=["rank", *header[1:]])
    for row in results.rows:
        if row.reference and (row.reference[1] or row.reference[2]):
            text = f"{row.configuration.name}: printed in {row.reference[1]}"
            why = row.reference[2]
            _say_wrapped(f"{text}. {why[0].upper()}{why[1:]}" if why else text)
    for row in results.rows:
        for trial in row.trials:
            if trial.state in ("failed", "diverged") and trial.message:
                _say_wrapped(f"{row.configuration.name}, {_who(trial)}: {trial.state}, {trial.message}")
    if results.conclusion:
        _say_wrapped(results.conclusion)


def _say_wrapped(text: str) -> None:
    """Print a text in lines; ``97.1 % ± 0.2 %`` and ``n = 3`` stay together."""
    joined = re.sub(r" (?=[%±=])|(?<=[±=]) ", "\N{NO-BREAK SPACE}", " ".join(text.split()))
    for line in textwrap.wrap(joined, WIDTH, break_on_hyphens=False):
        say(line.replace("\N{NO-BREAK SPACE}", " "))


def _who(trial: TrialResult) -> str:
    return f"seed {trial.trial.seed}" if trial.trial.fold is None else f"fold {trial.trial.fold + 1}"


def _cells(row: Row, results: Results, printed: bool, tuned: str | None) -> list[str]:
    """The cells of a row but its rank."""
    metric, settings = results.metric, row.configuration.settings
    line = [
        row.configuration.name,
        *([value_text(settings[tuned]) if tuned in settings else NONE] if tuned else []),
        spread(metric, row.mean, row.std),
        str(row.n),
        spread(metric, row.test_mean, row.test_std),
        duration(row.seconds, NONE),
    ]
    if not printed:
        return line
    if row.reference is None:
        return [*line, "", ""]
    figure = row.reference_metric or "test_accuracy"
    ours = row.test_mean if figure.startswith("test") else row.mean
    return [*line, spread(figure, row.reference[0]), _difference(figure, ours - row.reference[0])]


def spread(metric: str, mean: float, std: float = math.nan) -> str:
    """``97.12 ± 0.10 %`` or ``0.2410 ± 0.0012``; without the deviation where there is none."""
    if math.isnan(mean):
        return NONE
    if metric.endswith("accuracy"):
        return f"{100 * mean:.2f} %" if math.isnan(std) else f"{100 * mean:.2f} ± {100 * std:.2f} %"
    return loss(mean) if math.isnan(std) else f"{loss(mean)} ± {loss(std)}"


def _difference(metric: str, value: float) -> str:
    if math.isnan(value):
        return NONE
    return f"{100 * value:+.2f}" if metric.endswith("accuracy") else f"{value:+.3g}"


def fitted(text: str, width: int) -> str:
    """The text, cut where it is longer than ``width`` cells."""
    while cells(text) > width:
        text = text[:-2] + "…"
    return text


# -- as data ----------------------------------------------------------------------------------------------


def results_data(results: Results) -> dict[str, Any]:
    """The table as plain data."""
    return {
        "event": "table",
        "metric": results.metric,
        "bigger_is_better": results.bigger_is_better,
        "varied": list(results.varied),
        "trials": results.total,
        "done": results.done,
        "conclusion": results.conclusion,
        "rows": [_row_data(row) for row in results.rows],
    }


def _row_data(row: Row) -> dict[str, Any]:
    reference = None
    if row.reference:
        value, source, reason = row.reference
        figure = row.reference_metric or "test_accuracy"
        reference = {"figure": figure, "value": value, "source": source, "reason": reason}
    return {
        "rank": row.rank,
        "configuration": row.configuration.name,
        "settings": dict(row.configuration.settings),
        "n": row.n,
        "mean": row.mean,
        "std": row.std,
        "test_mean": row.test_mean,
        "test_std": row.test_std,
        "seconds": row.seconds,
        "reference": reference,
        "trials": [_trial_data(trial) for trial in row.trials],
    }


def _trial_data(found: TrialResult) -> dict[str, Any]:
    return {
        "trial": found.path.name,
        "path": str(found.path),
        "seed": found.trial.seed,
        "fold": found.trial.fold,
        "state": found.state,
        "epochs": found.epochs,
        "planned": found.planned,
        "rung": found.rung,
        "lost_by": found.lost_by,
        "message": found.message,
        **dict(found.figures),
    }


def results_csv(results: Results) -> str:
    """A row for each trial: its configuration with the varied settings, its state and its figures."""
    trials = [(row, _trial_data(trial)) for row in results.rows for trial in row.trials]
    names = list(dict.fromkeys(name for _, data in trials for name in data))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["configuration", *results.varied, *names])
    for row, data in trials:
        settings = [row.configuration.settings.get(path, "") for path in results.varied]
        figures = [data.get(name) for name in names]
        writer.writerow([row.configuration.name, *settings, *("" if v is None else v for v in figures)])
    return out.getvalue()
