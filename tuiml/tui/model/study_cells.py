"""The table of a study: columns and cells, one line a configuration or one of its trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from rich.style import Style

from tuiml.formatting import compact, duration, percent
from tuiml.registry import value_text
from tuiml.studies.results import Configuration, Results, Row, TrialResult, heading
from tuiml.tui.charts.palette import QUIET, RUNNING, TROUBLE, VARIED, Look
from tuiml.tui.model.layer_cells import Cell, Column
from tuiml.tui.model.marks import word
from tuiml.tui.model.study_model import StudyModel, counted

SPARK = 12
TITLES = {
    "val_accuracy": "val acc.", "val_loss": "val loss", "val_r2": "val R²", "train_loss": "train loss",
    "train_accuracy": "train acc.",
}  # fmt: skip
_BAD = ("failed", "diverged")


def columns(results: Results | None, tuned: str) -> tuple[Column, ...]:
    """The columns that a study has use for; ``tuned``: where each configuration has its own learning rate."""
    title = TITLES.get(results.metric, results.metric) if results else ""
    rows = results.rows if results else ()
    printed = any(row.reference for row in rows)
    settings = results is not None and (len(results.varied) > 1 or any(map(_unnamed, rows)))
    return (
        Column("rank", "", 2, "right"),
        Column("mark", "", 1, keep=8),
        Column("name", heading(results, tuned) if results else "configuration", 10, grow=1, most=40),
        *([Column("own", "lr", 6, "right", keep=2, most=9)] if tuned else []),
        Column("metric", title, 8, "right", most=17),
        Column("n", "n", 3, "right", keep=4, most=7),
        Column("test", "test", 6, "right", keep=3, most=17),
        *([Column("printed", "printed", 7, "right", keep=1, most=9)] if printed else []),
        Column("time", "time", 5, "right", keep=5, most=8),
        *([Column("state", "state", 8, keep=2, most=24)] if _unfinished(results) else []),
        Column("spark", "curve", SPARK, keep=6),
        *([Column("settings", "settings", 10, keep=7, grow=2, most=48)] if settings else []),
    )


def cells(model: StudyModel, row: Row, look: Look) -> dict[str, Cell]:
    """A configuration as a line."""
    results = model.results
    metric = results.metric if results else ""
    quiet, missing = look.style(QUIET), look.glyphs.missing
    marked = row.configuration.name in model.selection.marked
    text = with_spread(metric, row.mean, row.std, look)
    best, seeds = row.rank == 1, len(counted(row))
    return {
        "rank": (str(row.rank) if row.rank else missing, look.style(bold=best)),
        "mark": (look.glyphs.varied if marked else " ", look.style(VARIED)),
        "name": (row.configuration.name, look.style(bold=best)),
        "own": (_own(model, row.configuration, missing), quiet),
        "metric": (text, look.style(bold=best)),
        "n": (f"{row.n}/{seeds}", quiet if row.n == seeds else look.style()),
        "test": with_spread(_test(metric), row.test_mean, row.test_std, look),
        "printed": (figure_text(_test(metric), row.reference[0] if row.reference else math.nan, look), quiet),
        "time": (duration(row.seconds, missing), quiet),
        "state": _state(row.trials, look),
        "spark": (spark(model.curve(row).mean.tolist(), SPARK, look), look.style(model.symbol(row)[1])),
        "settings": (_settings(row.configuration), quiet),
    }


def trial_cells(model: StudyModel, row: Row, one: TrialResult, look: Look) -> dict[str, Cell]:
    """A trial as a line below its configuration."""
    metric = model.results.metric if model.results else ""
    quiet, missing = look.style(QUIET), look.glyphs.missing
    said = f"seed {one.trial.seed}" if one.trial.fold is None else f"fold {one.trial.fold}"
    if one.trial.configuration.settings != row.configuration.settings:
        said += ", tried"
    figures = one.figures
    seconds = one.seconds[-1] if one.seconds else figures.get("seconds", math.nan)
    return {
        "rank": "",
        "name": (f"  {said}", quiet),
        "own": (_own(model, one.trial.configuration, missing), quiet),
        "metric": figure_text(metric, figures.get(metric, math.nan), look),
        "n": "",
        "test": figure_text(_test(metric), figures.get(_test(metric), math.nan), look),
        "time": (duration(seconds, missing), quiet),
        "state": _trial_state(one, look),
        "spark": (spark(one.curve, SPARK, look), quiet),
        "settings": (one.message, look.style(TROUBLE)),
    }


def _test(metric: str) -> str:
    return f"test_{metric.partition('_')[2]}"


def figure_text(metric: str, value: float, look: Look) -> str:
    """A figure in words: ``93.1 %``, ``.0241``."""
    missing = look.glyphs.missing
    return percent(value, missing=missing) if "accuracy" in metric else compact(value, 4, missing)


def with_spread(metric: str, mean: float, std: float, look: Look) -> str:
    """``93.1 ± 0.4 %``, or of one trial ``93.1 %``."""
    text = figure_text(metric, mean, look)
    if not (math.isfinite(mean) and math.isfinite(std)):
        return text
    sign = "±" if look.unicode else "+-"
    if "accuracy" in metric:
        return f"{mean * 100:.1f} {sign} {std * 100:.1f} %"
    return f"{text} {sign} {compact(std, 2)}"


def _unnamed(row: Row) -> bool:
    """True if a configuration's name does not say its settings: it is a variant's."""
    return any(
        value_text(value) not in row.configuration.name for value in row.configuration.settings.values()
    )


def _own(model: StudyModel, one: Configuration, missing: str) -> str:
    """The learning rate, where each configuration has its own."""
    return value_text(one.settings[model.tuned]) if model.tuned in one.settings else missing


def _settings(one: Configuration) -> str:
    return ", ".join(f"{word(path)} {value_text(value)}" for path, value in one.settings.items())


def _unfinished(results: Results | None) -> bool:
    """True if some configuration has a state to show."""
    return results is None or any(_state(row.trials, Look())[0] for row in results.rows)


def _state(trials: Sequence[TrialResult], look: Look) -> Cell:
    """What the trials of a configuration are doing, the most important first."""
    running = [one for one in trials if one.state in ("running", "paused")]
    bad = [one for one in trials if one.state in _BAD]
    if bad:
        count = f"{len(bad)} " if len(trials) > 1 else ""
        return f"{look.glyphs.up} {count}{bad[0].state}", look.style(TROUBLE)
    if running:
        return _trial_state(running[0], look)
    for state in ("waiting", "cut", "stopped"):
        some = [one for one in trials if one.state == state]
        if some and len(some) == len(trials):
            return _trial_state(some[0], look)
        if some:
            return f"{len(some)} {state}", look.style(QUIET)
    return "", look.style()


def _trial_state(one: TrialResult, look: Look) -> tuple[str, Style]:
    quiet = look.style(QUIET)
    if one.state in ("running", "paused"):
        sign = look.glyphs.dot if one.state == "running" else "="
        return f"{sign} epoch {one.epochs:,}/{one.planned:,}", look.style(
            RUNNING if one.state == "running" else QUIET
        )
    if one.state == "cut":
        lost = f" by {compact(one.lost_by, 2)}" if one.lost_by is not None else ""
        return f"cut{f' at rung {one.rung}' if one.rung is not None else ''}{lost}", quiet
    if one.state in _BAD:
        return f"{look.glyphs.up} {one.state}", look.style(TROUBLE)
    if one.state == "stopped":
        return f"stopped {one.epochs:,}/{one.planned:,}", quiet
    return ("" if one.state == "completed" else one.state), quiet


def spark(values: Sequence[float], width: int, look: Look) -> str:
    """A curve in one line; a gap where there is no number."""
    table = np.asarray(values, dtype=np.float64)
    known = table[np.isfinite(table)]
    if not len(known) or width < 1:
        return " " * max(0, width)
    ramp = look.glyphs.bars
    edges = np.linspace(0, len(table), min(width, len(table)) + 1).astype(int)
    low, high = float(known.min()), float(known.max())
    text = ""
    for first, last in pairwise(edges.tolist()):
        part = table[first : max(last, first + 1)]
        part = part[np.isfinite(part)]
        if not len(part):
            text += " "
            continue
        share = (float(part[-1]) - low) / (high - low) if high > low else 0.5
        text += ramp[1 + round(share * (len(ramp) - 2))]
    return text
