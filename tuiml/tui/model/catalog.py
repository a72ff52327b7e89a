"""What there is to open: presets of one's own, bundled ones and runs, as one list. Pure: no screen."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, Literal, NamedTuple, TypeAlias

from tuiml.data.own import facts
from tuiml.formatting import compact
from tuiml.runs.folder import METRICS, PICTURE, PRESET, runs_folder, steps_in
from tuiml.runs.library import RunSummary, summary
from tuiml.runs.metrics import read_lines
from tuiml.runs.tail import Tail
from tuiml.runs.writer import writer_of
from tuiml.spec import SpecError, check
from tuiml.spec.library import bundled, own, own_folder, read, save, slug
from tuiml.text import plain_text
from tuiml.tui.charts.palette import QUIET, RUNNING
from tuiml.tui.model.metric import R2, score_of, told
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.snapshots import worth_reading

Key: TypeAlias = tuple[str, str]
Kind: TypeAlias = Literal["own", "bundled", "file", "run"]
Raw: TypeAlias = dict[str, Any]
Signature: TypeAlias = tuple[tuple[int, int], ...]

HEADINGS: dict[Kind, str] = {"own": "your presets", "bundled": "bundled presets", "run": "runs"}

NEW: Raw = {
    "version": 1,
    "name": "untitled",
    "data": {"name": "digits"},
    "layers": [{"type": "flatten"}, {"type": "dense", "activation": "softmax"}],
    "training": {"loss": "cross_entropy", "optimizer": "adam"},
}
"""The least that trains: to add layers to."""

_STEP = re.compile(rb'{"event": "picture", "epoch": \d{1,15}, "step": (\d{1,15}),')
_STAMP = re.compile(r"-\d{8}-\d{6}(?=(-\d+)?$)")


@dataclass(frozen=True)
class Item:
    """A preset or a run; one that cannot be read has a ``problem`` and no ``document``."""

    kind: Kind
    name: str
    """As it is on disk: not made harmless."""
    path: Path
    document: Raw | None = field(default=None, compare=False, repr=False)
    """Of a preset: what is in the file, right or wrong."""
    problem: str = ""
    """Why it cannot be used, in one line."""
    run: RunSummary | None = field(default=None, compare=False, repr=False)
    about: str = ""
    """Of a preset: its data set."""

    @property
    def key(self) -> Key:
        """What tells it from all others."""
        return ("run" if self.run else "preset", str(self.path))

    @property
    def words(self) -> str:
        """What a filter looks through, in lower case."""
        texts = [self.name, self.about, "run" if self.run else f"{self.kind} preset"]
        if self.document:
            texts += [str(self.document.get(key, "")) for key in ("name", "note")]
        if self.run:
            texts += [self.run.preset, self.run.reason]
        return "\n".join(texts).casefold()


# -- reading -----------------------------------------------------------------------------------------------


class Shelf:
    """Reads what there is, and again only what has changed since; from any thread."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Signature, Item]] = {}
        self._lock = Lock()

    def presets(self) -> list[Item]:
        """Presets of one's own and bundled ones, and what is wrong with any of them."""
        with self._lock:
            return self._presets(self._known)

    def read(self) -> list[Item]:
        """The presets, and the runs from the newest on, and what is wrong with any of them."""
        with self._lock:
            kept, self._known = self._known, {}
            runs = [self._run(kept, path) for path in _or_none(_run_folders)]
            runs.sort(key=lambda item: (item.run.when if item.run else 0.0, item.name), reverse=True)
            return self._presets(kept) + runs

    def _presets(self, kept: dict[Path, tuple[Signature, Item]]) -> list[Item]:
        found = [self._preset(kept, "own", file.path) for file in _or_none(own)]
        return found + [self._preset(kept, "bundled", file.path) for file in _or_none(bundled)]

    def _preset(self, kept: dict[Path, tuple[Signature, Item]], kind: Kind, path: Path) -> Item:
        signed = _signature(path)
        known = kept.get(path)
        # what is wrong may be its data, which changes apart
        fresh = known and known[0] == signed and not known[1].problem
        item = known[1] if known and fresh else preset_item(path, kind)
        self._known[path] = (signed, item)
        return item

    def _run(self, kept: dict[Path, tuple[Signature, Item]], path: Path) -> Item:
        signed = _signature(path, path / METRICS, path / PRESET)
        known = kept.get(path)
        # whether a run still goes on is not told by its files
        fresh = known and known[0] == signed and known[1].run and known[1].run.reason != "running"
        item = known[1] if known and fresh else run_item(path)
        self._known[path] = (signed, item)
        return item


def _or_none(listed: Callable[[], Iterable[Any]]) -> list[Any]:
    try:
        return list(listed())
    except OSError:  # a folder that cannot be read has nothing to show
        return []


def _run_folders() -> Iterator[Path]:
    with os.scandir(runs_folder()) as entries:
        for entry in entries:
            if entry.is_dir() and not entry.name.startswith("."):
                yield Path(entry.path)


def _signature(*paths: Path) -> Signature:
    found = []
    for path in paths:
        try:
            stat = path.stat()
            found.append((stat.st_mtime_ns, stat.st_size))
        except OSError:
            found.append((0, -1))
    return tuple(found)


def preset_item(path: Path, kind: Kind) -> Item:
    """The preset in a file; never raises for what is in it."""
    try:
        document = read(path)
    except SpecError as error:
        return Item(kind, path.stem, path, problem=plain_text(str(error)))
    preset, problems = check(document)
    return Item(
        kind,
        path.stem,
        path,
        document,
        problem="" if preset else plain_text(str(problems[0])),
        about=preset.data.title if preset else "",
    )


def run_item(path: Path) -> Item:
    """The run in a folder; never raises for what is in it."""
    run = summary(path)
    return Item("run", path.name, path, problem=run.problem, run=run)


def run_document(path: Path) -> Raw:
    """The preset that a run was trained with.

    Raises:
        SpecError: it cannot be read.
    """
    return read(path / PRESET)


def load_run(path: Path, *, pictures: bool = True, tail: Tail | None = None) -> RunModel:
    """A past run as the screen shows it, or one that another process trains, as it is now.

    Args:
        pictures: with the layers' statistics, which are nearly all of the file.
        tail: reads the file; what is written later can be read from it afterwards.

    Raises:
        SpecError, OSError: its preset or its metrics cannot be read.
    """
    model = RunModel()
    document = run_document(path)
    writer = writer_of(path)  # first: what it writes before it ends is then read
    wanted = worth_reading(_picture_steps(path)) if pictures else None
    with facts.patiently():  # whoever calls is in a thread of its own and waits for the files of the preset
        model.load(_lines(tail or Tail(path), wanted), document, name=path.name, writer=writer or "")
    model.saved = newest_step(path)
    return at(model, path)


def _picture_steps(path: Path) -> list[int]:
    """The steps of a run's pictures; 0 of one that does not say it first."""
    found = (_STEP.match(line) for _, line in read_lines(path / METRICS) if line.startswith(PICTURE))
    return [int(step.group(1)) if step else 0 for step in found]


def _lines(tail: Tail, wanted: set[int] | None) -> Iterator[bytes]:
    """The lines of a run, of pictures only the ``wanted`` ones and later ones; ``None``: none of them."""
    last, number = max(wanted or (), default=-1), -1
    while lines := tail.read():
        for line in lines:
            if line.startswith(PICTURE):
                number += 1
                if wanted is None or (number not in wanted and number < last):
                    continue
            yield line


def newest_step(path: Path) -> int:
    """The step of a run's newest checkpoint, by its name; 0 where there is none."""
    try:
        return max(steps_in(path), default=0)
    except OSError:
        return 0


def at(model: RunModel, path: Path) -> RunModel:
    """The run with the name and the place of its folder, which may have been renamed since it was trained."""
    model.name = path.name
    if model.start:
        model.start = replace(model.start, run=path.name, path=str(path))
    if model.end:
        model.end = replace(model.end, run=path.name, path=str(path))
    return model


# -- the list ----------------------------------------------------------------------------------------------


def matching(items: Sequence[Item], text: str) -> list[Item]:
    """Those that have every word of ``text`` in their name, note, data set or, of runs, preset and end.

    Within a kind, those with the words in their name come first.
    """
    wanted = text.casefold().split()
    if not wanted:
        return list(items)
    found = [item for item in items if all(word in item.words for word in wanted)]
    kinds = list(dict.fromkeys(item.kind for item in found))
    return sorted(found, key=lambda item: (kinds.index(item.kind), not _named(item, wanted)))


def best(found: Sequence[Item], text: str) -> Key | None:
    """Which of the matching ones is most likely meant: of that name, of a name with the words, the first."""
    wanted = text.casefold().split()
    same = (item for item in found if item.name.casefold() == text.casefold().strip())
    named = (item for item in found if _named(item, wanted))
    item = next(same, None) or next(named, None) or next(iter(found), None)
    return item.key if item else None


def _named(item: Item, wanted: Sequence[str]) -> bool:
    return all(word in item.name.casefold() for word in wanted)


def rows(items: Sequence[Item], now: datetime) -> list[Row]:
    """The items with a heading before each kind."""
    found: list[Row] = []
    kind = None
    for item in items:
        if item.kind != kind and item.kind in HEADINGS:
            kind = item.kind
            found += [Row(None, "")] if found else []
            found.append(Row(None, HEADINGS[kind]))
        found.append(_row(item, now))
    return found


def _row(item: Item, now: datetime) -> Row:
    if item.run:
        asides = tuple(_asides(item.run, now))
        colour = RUNNING if item.run.reason == "running" else QUIET
        return Row(item.key, short_name(item.name), asides, bool(item.problem), colour, cut=True)
    if item.problem:
        aside = "has problems" if item.document else "unreadable"
        return Row(item.key, item.name, (aside,), trouble=True)
    return Row(item.key, item.name, (item.about,))


def short_name(run: str) -> str:
    """A run's name without the time in it, which stands beside it."""
    return _STAMP.sub("", run, count=1) or run


def _asides(run: RunSummary, now: datetime) -> Iterator[str]:
    pairs = [(run.figure(f"{part}_accuracy"), run.figure(f"{part}_r2")) for part in ("test", "val")]
    found = next((pair for pair in pairs if math.isfinite(told(*pair))), None)
    ended = run.reason in ("completed", "stopped", "early_stopped")
    word = _words(*found) if ended and found else run.reason
    yield from (f"{time}  {word}" for time in moment(run.when, now))
    yield word


def _words(accuracy: float, r2: float) -> str:
    """``93.1 %``, or of numbers ``R² 0.931``."""
    score = score_of(accuracy, r2)
    return f"{score.word} {compact(r2, 3)}" if score is R2 else score.tell(accuracy)


def moment(when: float, now: datetime) -> tuple[str, ...]:
    """A time as it stands in a list, the longest form first: ``14:05:07`` today, ``Nov 21 14:05`` before."""
    try:
        then = datetime.fromtimestamp(when)
    except (ValueError, OverflowError, OSError):
        return ("",)
    if then.date() == now.date():
        return f"{then:%H:%M:%S}", f"{then:%H:%M}"
    day = f"{then:%b} {then.day}" if then.year == now.year else f"{then:%Y-%m-%d}"
    return f"{day} {then:%H:%M}", day


# -- changes -----------------------------------------------------------------------------------------------


def preset_path(name: str) -> Path:
    """Where a preset of one's own of that name is kept."""
    return own_folder() / f"{slug(name)}.toml"


def free_name(name: str) -> str:
    """``name``, or ``name 2`` and so on: the first that no preset of one's own has."""
    found, number = name, 1
    while preset_path(found).exists():
        number += 1
        found = f"{name[:70]} {number}"
    return found


def duplicate(item: Item) -> Path:
    """Make a preset of one's own from any: ``name copy``; its file.

    Raises:
        OSError, ValueError: it cannot be read or written.
    """
    document = dict(item.document or {}) if not item.run else run_document(item.path)
    name = document.get("name")
    title = plain_text(name) if isinstance(name, str) and name.strip() else item.name
    return save(document | {"name": free_name(f"{title[:70]} copy")})


def rename_preset(item: Item, name: str) -> Path:
    """Give a preset of one's own another name, in the file and of the file; where it is now.

    Raises:
        OSError, ValueError: it cannot be written; what was there is as it was.
    """
    path = item.path.with_name(f"{slug(name)}.toml")
    if item.document is None:
        return item.path.rename(path)
    save(item.document | {"name": name}, path)
    if not path.samefile(item.path):  # as where the file system does not tell a from A
        item.path.unlink()
    return path


def name_taken(path: Path, name: str) -> bool:
    """Whether another preset has the file that renaming ``path`` to ``name`` would take."""
    target = path.with_name(f"{slug(name)}.toml")
    return target.exists() and not target.samefile(path)


class Row(NamedTuple):
    """One line of the list.

    Args:
        key: what it stands for; ``None`` makes it a heading, which the cursor passes over.
        name: text from a file may be given as it is.
        asides: what may stand at the right, the longest first: the first with room is shown.
        trouble: whether it cannot be used: it has a mark, and its aside the colour of trouble.
        colour: of the aside.
        cut: whether the name is cut for the shortest aside where none has room.
    """

    key: Hashable | None
    name: str
    asides: tuple[str, ...] = ()
    trouble: bool = False
    colour: str = QUIET
    cut: bool = False
