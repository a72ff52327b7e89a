"""Follows the folder of the study on the screen, which this app's process or any other may write."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from textual.message import Message

from tuiml.data.own.entries import DataFiles
from tuiml.data.own.reading import DataFilesInBackground
from tuiml.files import open_regular
from tuiml.runs.folder import METRICS, PRESET, SNAPSHOT
from tuiml.runs.metrics import parse
from tuiml.runs.writer import is_held
from tuiml.spec import SpecError
from tuiml.spec.library import read as read_preset
from tuiml.spec.problems import Problem
from tuiml.studies import library
from tuiml.studies.folder import STUDY
from tuiml.studies.results import Results, TrialResult
from tuiml.studies.study import Study
from tuiml.text import plain_text
from tuiml.training.event_reading import read_event
from tuiml.training.events import Snapshot
from tuiml.tui.model.layer_rows import layer_rows
from tuiml.tui.model.snapshots import PastSnapshot
from tuiml.tui.model.study_items import StudySummary
from tuiml.tui.model.study_model import SnapshotOf

OFTEN, RARELY = 1.0, 2.0
"""Seconds between two reads: of a study that is run, of one that is not."""
SWITCH = 0.001
"""Seconds that a key waits for this thread's computations at most; Python's own five add up."""
MOST = 4 * 1024 * 1024
"""Bytes at the end of a run's metrics in which its newest snapshot is looked for."""
_ONE_AT_A_TIME = threading.Lock()
"""The tables of studies are kept by one thread."""


@dataclass
class StudyNews(Message):
    """What the folder of a study holds now."""

    follower: StudyFollower
    study: Study | None = None
    results: Results | None = None
    snapshots: Mapping[str, SnapshotOf] = field(default_factory=dict)
    held: bool = False
    """True if a process runs it."""
    problem: str = ""
    """Why it cannot be read; one line."""


class StudyFollower:
    """Reads a study's folder from a thread until :meth:`stop`."""

    def __init__(
        self,
        post: Callable[[Message], object],
        path: Path,
        files: DataFilesInBackground,
        source: Path | None = None,
    ) -> None:
        self._post, self.path, self._files = post, path, files
        self._source = source
        """The study's file, read until its folder has the study."""
        self.wanted: Sequence[TrialResult] = ()
        """The trials whose newest snapshots are read; set by the screen."""
        self._study: Study | None = None
        self._problem = ""
        self._mark: object = None
        self._said: object = None
        self._known: dict[str, tuple[object, SnapshotOf | None]] = {}
        self._over = threading.Event()
        self._soon = threading.Event()
        sys.setswitchinterval(SWITCH)
        self._thread = threading.Thread(target=self._work, name="study-follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; at most one message may still be under way."""
        self._over.set()
        self._soon.set()

    def look(self) -> None:
        """Read it now: something was asked for."""
        self._soon.set()

    def _work(self) -> None:
        while not self._over.is_set():
            self._soon.clear()
            news = self._read()
            if news is not None and not self._over.is_set():
                self._post(news)
            self._soon.wait(OFTEN if news is None or news.held else RARELY)

    def _read(self) -> StudyNews | None:
        """The folder's state; ``None`` if it is as at the last time."""
        try:
            held = is_held(self.path)
            self._read_study()
            if self._study is None:
                news = StudyNews(self, held=held, problem=self._problem)
            else:
                found = _table(self._study, self.path, self._files.waiting)
                news = StudyNews(self, self._study, found, self._snapshots(), held)
        except Exception as error:  # one broken study must not end the app
            news = StudyNews(self, problem=plain_text(f"{type(error).__name__}: {error}"[:200]))
        said = (
            news.study,
            news.results,
            news.held,
            news.problem,
            {k: id(v) for k, v in news.snapshots.items()},
        )
        if said == self._said:
            return None
        self._said = said
        return news

    def _read_study(self) -> None:
        """The study as it was started, read again when its file changes."""
        file = self.path / STUDY
        if self._source is not None and not file.exists():
            file = self._source
        try:
            found = os.stat(file)
            mark = (str(file), found.st_ino, found.st_size, found.st_mtime_ns)
        except OSError as error:
            self._study, self._mark = None, None
            self._problem = f"{plain_text(str(self.path.name))}: {error.strerror or error}"
            return
        if mark == self._mark:
            return
        try:
            self._study, problems = _checked(file, self._files.waiting)
        except SpecError as error:
            self._study, problems = None, error.problems
        self._problem = "; ".join(str(problem) for problem in problems[:3])
        self._mark = mark

    def _snapshots(self) -> dict[str, SnapshotOf]:
        found = {one.trial.folder: self._snapshot(one.path) for one in self.wanted}
        return {folder: one for folder, one in found.items() if one is not None}

    def _snapshot(self, path: Path) -> SnapshotOf | None:
        try:
            stat = os.stat(path / METRICS)
        except OSError:
            return None
        mark = (stat.st_ino, stat.st_size)
        known = self._known.get(str(path))
        if known is None or known[0] != mark:
            try:
                one = newest_snapshot(path)
            except (OSError, ValueError, SpecError):
                one = None
            known = self._known[str(path)] = (mark, one)
        return known[1]


# Imported when a study is read: at the app's start they would take 30 ms.


def _checked(file: Path, files: DataFiles) -> tuple[Study | None, list[Problem]]:
    """The study in a file, or its problems.

    Raises:
        SpecError: unreadable, or not TOML.
    """
    from tuiml.studies.check import check

    return check(library.read(file), files)


def _table(study: Study, path: Path, files: DataFiles) -> Results:
    """The table of a study in a folder."""
    from tuiml.studies.table import results

    with _ONE_AT_A_TIME:
        return results(study, path, files)


def read_table(summary: StudySummary, files: DataFiles) -> Results | str:
    """The table of a study in a list; a text is why it cannot be read."""
    source = summary.path / STUDY if summary.begun else summary.source
    try:
        study, problems = _checked(source, files) if source else (None, [])
        if study is None:
            return plain_text("; ".join(map(str, problems[:3])))
        return _table(study, summary.path, files)
    except Exception as error:  # as above
        return plain_text(f"cannot be read: {type(error).__name__}: {error}"[:200])


def newest_snapshot(path: Path) -> SnapshotOf | None:
    """The newest snapshot in a run's folder; ``None`` where there is none near the end of its metrics.

    Raises:
        OSError, ValueError, SpecError: it cannot be read.
    """
    with os.fdopen(open_regular(path / METRICS), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = os.pread(file.fileno(), MOST, max(0, size - MOST))
    for line in reversed(data.split(b"\n")[:-1]):
        if line.startswith(SNAPSHOT):
            event = read_event(parse(line))
            if isinstance(event, Snapshot):
                stack = read_preset(path / PRESET).get("layers")
                rows = layer_rows(stack if isinstance(stack, list) else [], None, [])
                return SnapshotOf(PastSnapshot(event.step, event.layers), tuple(row.title for row in rows))
    return None
