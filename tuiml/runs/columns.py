"""The columns of a list of runs, on the command line and in the app: what they show, how they are sorted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tuiml.formatting import NONE, compact, duration, percent
from tuiml.registry import closest, short
from tuiml.runs.errors import RunError
from tuiml.runs.filtering import score
from tuiml.runs.library import RunSummary
from tuiml.runs.run_lines import number


@dataclass(frozen=True)
class Column:
    """One column."""

    id: str
    title: str
    text: Callable[[RunSummary], str]
    """What is shown; not safe to show."""
    value: Callable[[RunSummary], Any]
    """What is sorted by; NaN and empty texts come last."""
    down: bool = False
    """True if the greatest come first."""
    number: bool = False
    """True if it is aligned to the right."""


def score_text(run: RunSummary, line: str, part: str) -> str:
    """``93.1 %``, or of a regression ``R² .931``."""
    value = score(run, line, part)
    if math.isnan(value):
        return NONE
    of_classes = not math.isnan(number(getattr(run, line), f"{part}_accuracy"))
    return percent(value) if of_classes else f"R² {compact(value, 3)}"


def epochs_text(run: RunSummary) -> str:
    """Epochs done of those planned, where these are known: ``3/15``, ``15``."""
    if not run.planned:
        return f"{run.epochs}" if run.epochs or not run.framework else NONE
    return f"{run.epochs}/{run.planned}" if run.epochs != run.planned else f"{run.epochs}"


def when_text(seconds: float, now: datetime) -> str:
    """A time as a list shows it: ``14:05`` today, ``Nov 21`` this year, ``2024-11-21`` before."""
    try:
        then = datetime.fromtimestamp(seconds)
    except (ValueError, OverflowError, OSError):
        return ""
    if then.date() == now.date():
        return f"{then:%H:%M}"
    return f"{then:%b} {then.day}" if then.year == now.year else f"{then:%Y-%m-%d}"


def what(run: RunSummary) -> str:
    """Tags, and what differs from the preset."""
    tags = " ".join(f"#{tag}" for tag in run.tags)
    return "  ".join(filter(None, (tags, ", ".join(run.differs))))


COLUMNS: tuple[Column, ...] = (
    Column("name", "run", lambda run: run.name, lambda run: run.name.casefold()),
    Column("differs", "differs", what, lambda run: what(run).casefold()),
    Column(
        "val",
        "val",
        lambda run: score_text(run, "best", "val"),
        lambda run: score(run, "best", "val"),
        down=True,
        number=True,
    ),
    Column(
        "loss",
        "val loss",
        lambda run: compact(number(run.best, "val_loss"), 3, NONE),
        lambda run: number(run.best, "val_loss"),
        number=True,
    ),
    Column("epochs", "epochs", epochs_text, lambda run: run.epochs, down=True, number=True),
    Column(
        "time",
        "time",
        lambda run: duration(run.figure("seconds"), NONE),
        lambda run: run.figure("seconds"),
        number=True,
    ),
    Column("state", "state", lambda run: run.reason.replace("_", " "), lambda run: run.reason),
    Column("when", "when", lambda run: when_text(run.when, datetime.now()), lambda run: run.when, down=True),
    Column("preset", "preset", lambda run: run.preset, lambda run: run.preset.casefold()),
)
"""In the order in which they are shown; where there is no room, the last ones are left out."""
WHEN = next(one for one in COLUMNS if one.id == "when")
LEAST = 18
"""Cells below which what differs is left out."""


def column(word: str) -> tuple[Column, bool]:
    """The column that a word means, and whether the greatest come first; ``-word``: the other way round.

    Raises:
        RunError: there is none.
    """
    wanted = word.removeprefix("-")
    for one in COLUMNS:
        if wanted in (one.id, one.title):
            return one, one.down != word.startswith("-")
    ids = [one.id for one in COLUMNS]
    near = closest(wanted, ids)
    hint = f"did you mean '{near}'?" if near else f"there are {', '.join(ids)}"
    raise RunError(f"there is no column {short(wanted)}; {hint}")


def ordered(runs: Sequence[RunSummary], by: Column, down: bool) -> list[RunSummary]:
    """Runs by a column, those without a value last; equal ones stay in their order."""

    def missing(run: RunSummary) -> bool:
        value = by.value(run)
        return value == "" or (isinstance(value, float) and math.isnan(value))

    there = [run for run in runs if not missing(run)]
    return sorted(there, key=by.value, reverse=down) + [run for run in runs if missing(run)]


def laid_out(widths: Sequence[int], room: int, by: Column, short_name: int) -> list[tuple[Column, int]]:
    """The columns that fit into ``room`` cells with two between them, and the cells of each.

    Args:
        widths: cells of the widest text of each column, its title included.
        by: the column that rows are sorted by: it is always there.
        short_name: cells that a long name is cut to before a column is left out.
    """
    sorted_by, short_name = COLUMNS.index(by), min(widths[0], short_name)
    for count in range(len(COLUMNS), 1, -1):
        shown = sorted({*range(count), sorted_by})
        left = room - short_name - sum(widths[i] for i in shown[2:]) - 2 * (len(shown) - 1)
        if left >= min(widths[1], LEAST):
            differs = min(widths[1], left)
            name = min(widths[0], short_name + left - differs)
            cells = [name, differs, *(widths[i] for i in shown[2:])]
            return [(COLUMNS[i], width) for i, width in zip(shown, cells, strict=True)]
    figure = sorted_by if sorted_by > 1 else 2
    left = room - widths[figure] - 2
    if left <= 10:
        return [(COLUMNS[0], max(1, room))]
    return [(COLUMNS[0], min(widths[0], left)), (COLUMNS[figure], widths[figure])]
