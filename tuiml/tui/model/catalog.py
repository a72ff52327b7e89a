"""The list of what can be opened: the user's presets, bundled ones, studies with their trials, and runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Literal, TypeAlias

from tuiml.data.own.entries import DataFiles
from tuiml.data.own.reading import DataFilesInBackground
from tuiml.runs.folder import METRICS, PRESET, runs_folder
from tuiml.runs.library import RunSummary, summary
from tuiml.spec import SpecError, check
from tuiml.spec.library import bundled, own, own_folder, read, why_unlisted
from tuiml.text import plain_text
from tuiml.tui.model.document import Raw
from tuiml.tui.model.study_items import StudySummary, list_studies, trial_folders

Key: TypeAlias = tuple[str, str]
Kind: TypeAlias = Literal["own", "bundled", "file", "study", "trial", "run"]
Signature: TypeAlias = tuple[tuple[int, int], ...]


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

    @property
    def key(self) -> Key:
        return ("study" if self.study else "run" if self.run else "preset", str(self.path))

    @property
    def words(self) -> str:
        """The text that a filter searches, in lower case."""
        kind = "study" if self.study else self.kind if self.run else f"{self.kind} preset"
        texts = [self.name, self.about, kind]
        if self.document:
            texts += [str(self.document.get(key, "")) for key in ("name", "note")]
        if self.run:
            texts += [self.run.preset, self.run.reason]
        return "\n".join(texts).casefold()


Known = dict[Path, tuple[Signature, Item]]


class Catalog:
    """Reads the list; later only what changed since. Any thread may use it."""

    def __init__(self) -> None:
        self._known: Known = {}
        self._lock = Lock()
        self.troubles: dict[Kind, str] = {}
        """Why the user's presets or runs cannot be listed, of those that cannot."""
        self.unfolded: frozenset[Path] = frozenset()
        """Folders of the studies whose trials are listed."""

    def presets(self, files: DataFiles | None = None) -> list[Item]:
        """The user's presets and bundled ones, with their problems."""
        with self._lock:
            return self._presets(self._known, files)

    def read(self, files: DataFiles | None = None) -> list[Item]:
        """All presets, the studies, then the runs, the newest first."""
        with self._lock:
            known, self._known = self._known, {}
            folders: dict[Kind, Path] = {"own": own_folder(), "run": runs_folder()}
            found = {kind: why_unlisted(folder) for kind, folder in folders.items()}
            self.troubles = {kind: why for kind, why in found.items() if why}
            runs = [self._run(known, path) for path in _or_none(_run_folders)]
            runs.sort(key=lambda item: (item.run.when if item.run else 0.0, item.name), reverse=True)
            return self._presets(known, files) + list(self._studies(known)) + runs

    def _studies(self, known: Known) -> Iterator[Item]:
        """Each study, and its trials where it is unfolded."""
        for study in _or_none(list_studies):
            about = "running" if study.running else f"{study.runs} runs" if study.begun else "not begun"
            yield Item(
                "study", study.path.name, study.path, study.document, study.problem, about=about, study=study
            )
            if study.path in self.unfolded:
                yield from (self._run(known, path, "trial") for path in trial_folders(study.path))

    def readings(self, files: DataFilesInBackground, first: bool) -> Iterator[list[Item]]:
        """The list, more complete each time; the presets alone come ``first`` if nothing is shown yet."""
        if first:  # hundreds of runs take a second
            yield self.presets(files)
        found = self.read(files)
        yield found
        if any(item.problem and not item.run for item in found):  # perhaps a data file was not read yet
            yield self.read(files.waiting)

    def _presets(self, known: Known, files: DataFiles | None) -> list[Item]:
        found = [self._preset(known, "own", file.path, files) for file in _or_none(own)]
        return found + [self._preset(known, "bundled", file.path, files) for file in _or_none(bundled)]

    def _preset(self, known: Known, kind: Kind, path: Path, files: DataFiles | None) -> Item:
        signed, (before, item) = _signature(path), known.get(path, ((), None))
        if item is None or before != signed or item.problem:  # its data, another file, may be the problem
            item = preset_item(path, kind, files)
        self._known[path] = (signed, item)
        return item

    def _run(self, known: Known, path: Path, kind: Kind = "run") -> Item:
        signed = _signature(path, path / METRICS, path / PRESET)
        before, item = known.get(path, ((), None))
        # the files of a run do not say whether it is still running
        if item is None or before != signed or not item.run or item.run.reason == "running":
            item = run_item(path, kind)
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
    )


def run_item(path: Path, kind: Kind = "run") -> Item:
    """The run in a folder; never raises for what is in it."""
    run = summary(path)
    return Item(kind, path.name, path, problem=run.problem, run=run)
