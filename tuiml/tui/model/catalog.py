"""The list of what can be opened: the user's presets, bundled ones, studies with their trials, and runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Literal, TypeAlias

from tuiml.data.own.entries import DataFiles
from tuiml.data.own.reading import DataFilesInBackground
from tuiml.runs.filtering import Subject, subject
from tuiml.runs.folder import runs_folder
from tuiml.runs.library import RunSummary, summary
from tuiml.runs.listing import Base, Bases, Runs, Signature, signature
from tuiml.spec import SpecError, check
from tuiml.spec.library import bundled, own, own_folder, read, why_unlisted
from tuiml.text import plain_text
from tuiml.tui.model.document import Raw
from tuiml.tui.model.study_items import StudySummary, list_studies, trial_folders

Key: TypeAlias = tuple[str, str]
Kind: TypeAlias = Literal["own", "bundled", "file", "study", "trial", "run", "lesson"]


@dataclass(frozen=True)
class Item:
    """A preset, a study or a run; one that cannot be read has a ``problem`` and no ``document``."""

    kind: Kind
    name: str
    """As on disk: not safe to show."""
    path: Path
    document: Raw | None = field(default=None, compare=False, repr=False)
    """Of a preset: the contents of its file, valid or not."""
    problem: str = ""
    """Why it cannot be used, in one line."""
    run: RunSummary | None = field(default=None, compare=False, repr=False)
    about: str = ""
    """Of a preset: its data set."""
    study: StudySummary | None = field(default=None, compare=False, repr=False)
    base: Raw | None = field(default=None, compare=False, repr=False)
    """Of a valid preset: its document as a run of it records it."""
    source: Source | None = field(default=None, compare=False, repr=False)
    """Of an item of another kind: what lists and opens it."""

    @property
    def key(self) -> Key:
        kind = "study" if self.study else "run" if self.run else "preset"
        return (self.source.kind if self.source else kind, str(self.path))

    @cached_property
    def subject(self) -> Subject:
        """The item as the filter finds it."""
        if self.run:
            return subject(self.run)
        kind = "study" if self.study else self.kind if self.source else f"{self.kind} preset"
        document = self.document or {}
        texts = [self.name, self.about, kind, *(str(document.get(key, "")) for key in ("name", "note"))]
        return Subject(texts, {} if self.study else document, {"name": self.name})


@dataclass(frozen=True)
class Source:
    """A further kind of items with a tab of its own, which is left out while there are none."""

    kind: Kind
    title: str
    """Of its tab."""
    items: Callable[[], Iterable[Item]]
    """Reads them, in a thread; each has this source."""
    open: Callable[[Any, Item], None]
    """Opens one; the first argument is the app, as its screens see it."""
    strips: Callable[[Item, int, int, Any], Any]
    """The preview of one: a drawing by width, height and look."""


SOURCES: list[Source] = []
"""All further kinds; a package adds its own when it is imported."""


Known = dict[Path, tuple[Signature, Item]]


class Catalog:
    """Reads the list; later only what changed since. Any thread may use it."""

    def __init__(self) -> None:
        self._known: Known = {}
        self._runs = Runs()
        self._run_items: dict[Path, Item] = {}
        self._lock = Lock()
        self.troubles: dict[Kind, str] = {}
        """Why the user's presets or runs cannot be listed, of those that cannot."""
        self.unfolded: frozenset[Path] = frozenset()
        """Folders of the studies whose trials are listed."""

    def presets(self, files: DataFiles | None = None) -> list[Item]:
        """The user's presets and bundled ones, with their problems."""
        with self._lock:
            return self._presets(self._known, files)

    def read(self, files: DataFiles | None = None, *, soon: bool = False) -> list[Item]:
        """All presets, the studies, then the runs, the newest first; see :meth:`Runs.read` for ``soon``."""
        with self._lock:
            known, self._known = self._known, {}
            folders: dict[Kind, Path] = {"own": own_folder(), "run": runs_folder()}
            found = {kind: why_unlisted(folder) for kind, folder in folders.items()}
            self.troubles = {kind: why for kind, why in found.items() if why}
            presets = self._presets(known, files)
            bases = {str(i.base["name"]): Base(i.kind, i.base) for i in reversed(presets) if i.base}
            runs = [self._run(run) for run in self._runs.read(bases, soon=soon)]
            others = [item for source in SOURCES for item in _or_none(source.items)]
            return [*presets, *self._studies(bases), *runs, *others]

    def _studies(self, bases: Bases) -> Iterator[Item]:
        """Each study, and its trials where it is unfolded."""
        for study in _or_none(list_studies):
            about = "running" if study.running else f"{study.runs} runs" if study.begun else "not begun"
            yield Item(
                "study", study.path.name, study.path, study.document, study.problem, about=about, study=study
            )
            if study.path in self.unfolded:
                trials = (self._runs.one(path, bases) for path in trial_folders(study.path))
                yield from (self._run(trial, "trial") for trial in trials)

    def readings(self, files: DataFilesInBackground) -> Iterator[list[Item]]:
        """The list, more complete each time."""
        found = self.read(files, soon=True)
        if self._runs.left:  # new ones, which take long to read
            if any(item.run for item in found):
                yield found
            found = self.read(files)
        yield found
        if any(item.problem and not item.run for item in found):  # perhaps a data file was not read yet
            yield self.read(files.waiting)

    def _presets(self, known: Known, files: DataFiles | None) -> list[Item]:
        found = [self._preset(known, "own", file.path, files) for file in _or_none(own)]
        return found + [self._preset(known, "bundled", file.path, files) for file in _or_none(bundled)]

    def _preset(self, known: Known, kind: Kind, path: Path, files: DataFiles | None) -> Item:
        signed, (before, item) = signature(path), known.get(path, ((), None))
        if item is None or before != signed or item.problem:  # its data, another file, may be the problem
            item = preset_item(path, kind, files)
        self._known[path] = (signed, item)
        return item

    def _run(self, run: RunSummary, kind: Kind = "run") -> Item:
        item = self._run_items.get(run.path)
        if item is None or item.run is not run:
            item = self._run_items[run.path] = Item(kind, run.name, run.path, problem=run.problem, run=run)
        return item


def _or_none(listed: Callable[[], Iterable[Any]]) -> list[Any]:
    try:
        return list(listed())
    except OSError:  # a folder that cannot be read has nothing to show
        return []


def preset_item(path: Path, kind: Kind, files: DataFiles | None = None) -> Item:
    """The preset in a file; never raises for what is in it."""
    try:
        document = read(path)
    except SpecError as error:
        return Item(kind, path.stem, path, problem=plain_text(str(error)))
    preset, problems = check(document, files)
    return Item(
        kind,
        path.stem,
        path,
        document,
        problem="" if preset else plain_text(str(problems[0])),
        about=preset.data.title if preset else "",
        base=preset.document() if preset else None,
    )


def run_item(path: Path) -> Item:
    """The run in a folder; never raises for what is in it."""
    run = summary(path)
    return Item("run", path.name, path, problem=run.problem, run=run)
