"""The rows of a list of presets, studies and runs, and the search in it."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple

from tuiml.formatting import NONE
from tuiml.runs.columns import COLUMNS, score_text
from tuiml.runs.filtering import Filter
from tuiml.runs.library import RunSummary
from tuiml.tui.charts.palette import QUIET, RUNNING, TROUBLE
from tuiml.tui.model.catalog import SOURCES, Item, Key, Kind
from tuiml.tui.model.document import Document
from tuiml.tui.model.run_data import TROUBLE as TROUBLES

HEADINGS: dict[Kind, str] = {
    "own": "your presets",
    "bundled": "bundled presets",
    "study": "studies",
    "run": "runs",
}
TABS: dict[str, tuple[Kind, ...]] = {
    "Runs": ("run",),
    "Studies": ("study", "trial"),
    "Presets": ("own", "bundled", "file"),
}
"""The tabs of the Library and the kinds of items in them; those of further sources follow."""

_STAMP = re.compile(r"-\d{8}-\d{6}(?=(-\d+)?$)")


def tabs(items: Sequence[Item]) -> dict[str, list[Item]]:
    """The items of each tab; a further source has a tab if it has items."""
    of_kind: dict[Kind, str] = {kind: title for title, kinds in TABS.items() for kind in kinds}
    of_kind |= {source.kind: source.title for source in SOURCES}
    found: dict[str, list[Item]] = {title: [] for title in TABS}
    for item in items:
        found.setdefault(of_kind[item.kind], []).append(item)
    return found


def matching(items: Sequence[Item], text: str) -> list[Item]:
    """The items that pass a filter; of each kind, those named with its words first."""
    wanted = Filter(text)
    if not wanted:
        return list(items)
    found = [item for item in items if wanted.passes(item.subject)]
    kinds = list(dict.fromkeys(item.kind for item in found))
    return sorted(found, key=lambda item: (kinds.index(item.kind), not _named(item, wanted.words)))


def best(found: Sequence[Item], text: str) -> Key | None:
    """The best match: the one of that name, else one with the words in its name, else the first."""
    wanted = Filter(text).words
    same = (item for item in found if item.name.casefold() == text.casefold().strip())
    named = (item for item in found if _named(item, wanted))
    item = next(same, None) or next(named, None) or next(iter(found), None)
    return item.key if item else None


def key_of(document: Document, items: Sequence[Item]) -> Key | None:
    """The key of the preset that a document was opened from."""
    for item in items:
        bundled = item.kind == "bundled" and document.path is None and item.name == document.origin
        if item.kind in TABS["Presets"] and (item.path == document.path or bundled):
            return item.key
    return None


def _named(item: Item, wanted: Sequence[str]) -> bool:
    return all(word in item.name.casefold() for word in wanted)


def rows(items: Sequence[Item], now: datetime, troubles: Mapping[Kind, str]) -> list[Row]:
    """The items with a heading before each kind; first, why some cannot be listed."""
    found: list[Row] = []
    for unlisted, why in troubles.items():
        found += [Row(None, HEADINGS[unlisted]), Row(None, why)]
    kind = None
    for item in items:
        if item.kind != kind and item.kind in HEADINGS:
            kind = item.kind
            found += [Row(None, "")] if found else []
            found.append(Row(None, HEADINGS[kind]))
        found.append(_row(item, now))
    return found


def run_rows(items: Sequence[Item], marked: AbstractSet[Key], trouble: str = "") -> list[Row]:
    """Runs with a cell for each of the columns that lists of runs have; first, why they cannot be listed."""
    found = [Row(None, trouble)] if trouble else []
    for item in items:
        if item.run:
            cells = (short_name(item.name), *(one.text(item.run) for one in COLUMNS[1:]))
            colour = RUNNING if item.run.reason == "running" else QUIET
            bad = bool(item.problem) or item.run.reason in TROUBLES
            found.append(
                Row(
                    item.key,
                    cells[0],
                    (),
                    bad,
                    TROUBLE if bad else colour,
                    cells=cells,
                    marked=item.key in marked,
                )
            )
    return found


def _row(item: Item, now: datetime) -> Row:
    if item.run:
        asides = tuple(_asides(item.run, now))
        colour = RUNNING if item.run.reason == "running" else QUIET
        name = f"  {_trial_name(item.name)}" if item.kind == "trial" else short_name(item.name)
        return Row(item.key, name, asides, bool(item.problem), colour, cut=True)
    if item.study:
        colour = RUNNING if item.study.running else QUIET
        trouble = bool(item.problem)
        return Row(item.key, item.name, ("unreadable" if trouble else item.about,), trouble, colour, cut=True)
    if item.problem:
        aside = "has problems" if item.document else "unreadable"
        return Row(item.key, item.name, (aside,), trouble=True)
    return Row(item.key, item.name, (item.about,))


def short_name(run: str) -> str:
    """A run's name without the time in it, which is shown beside it."""
    return _STAMP.sub("", run, count=1) or run


def names_of(runs: Sequence[str]) -> list[str]:
    """The short names of runs, with the time of the day of those that would be called the same."""
    short = [short_name(run) for run in runs]
    found = []
    for run, name in zip(runs, short, strict=True):
        stamp = _STAMP.search(run)
        time = stamp.group()[-6:] if stamp and short.count(name) > 1 else ""
        found.append(f"{name} {time[:2]}:{time[2:4]}:{time[4:]}" if time else name)
    return found


def _trial_name(folder: str) -> str:
    """A trial's folder without the hash at its end."""
    return folder.rpartition("-")[0] or folder


def _asides(run: RunSummary, now: datetime) -> Iterator[str]:
    found = [
        score_text(run, line, part) for line, part in (("end", "test"), ("last", "test"), ("last", "val"))
    ]
    shown = [text for text in found if text != NONE]
    ended = run.reason in ("completed", "stopped", "early_stopped")
    word = shown[0] if ended and shown else run.reason
    yield from (f"{time}  {word}" for time in dates(run.when, now))
    yield word


def dates(when: float, now: datetime) -> tuple[str, ...]:
    """A time as it stands in a list, the longest form first: ``14:05:07`` today, ``Nov 21 14:05`` before."""
    try:
        then = datetime.fromtimestamp(when)
    except (ValueError, OverflowError, OSError):
        return ("",)
    if then.date() == now.date():
        return f"{then:%H:%M:%S}", f"{then:%H:%M}"
    day = f"{then:%b} {then.day}" if then.year == now.year else f"{then:%Y-%m-%d}"
    return f"{day} {then:%H:%M}", day


class Row(NamedTuple):
    """One line of the list.

    Args:
        key: ``None`` makes it a heading, which the cursor skips.
        name: need not be safe to show.
        asides: texts for the right end, the longest first: the first that fits is shown.
        trouble: it cannot be used, or went wrong: it has a mark.
        cut: the name is cut for the shortest aside if none fits.
        cells: texts of its columns, in a list that has columns.
        marked: it has the mark of a marked one.
    """

    key: Hashable | None
    name: str
    asides: tuple[str, ...] = ()
    trouble: bool = False
    colour: str = QUIET
    cut: bool = False
    cells: tuple[str, ...] = ()
    marked: bool = False
