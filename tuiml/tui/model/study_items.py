"""The studies of the Library: those that were begun, and files of others; their trials are runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuiml.runs.folder import METRICS, PRESET, studies_folder
from tuiml.runs.folder_names import fitting
from tuiml.runs.writer import is_held
from tuiml.spec import SpecError
from tuiml.studies import folder, library
from tuiml.studies.library import StudyFile
from tuiml.text import plain_text


@dataclass(frozen=True)
class StudySummary:
    """A study in a list. Its folder need not be there: it was then not begun."""

    path: Path
    """Its folder."""
    source: Path | None
    """Its file among the user's studies or the bundled ones, if there is one."""
    bundled: bool
    runs: int
    """Run folders of trials."""
    running: bool
    when: float
    document: dict[str, Any] | None = None
    problem: str = ""

    @property
    def begun(self) -> bool:
        """True if it has a folder."""
        return (self.path / folder.STUDY).is_file()


def list_studies() -> list[StudySummary]:
    """Those that were begun, the newest first; then the user's own files and the bundled ones."""
    files = {fitting(file.name): file for file in [*_listed(library.bundled), *_listed(library.own)]}
    begun = folder.begun()
    names = {path.name for path in begun}
    found = [_summary(path, files.get(path.name)) for path in begun]
    rest = sorted((f for name, f in files.items() if name not in names), key=lambda f: (f.bundled, f.name))
    return [*found, *(_summary(studies_folder() / fitting(file.name), file) for file in rest)]


def _listed(files: Any) -> Iterable[StudyFile]:
    try:
        return list(files())
    except OSError:
        return []


def _summary(path: Path, file: StudyFile | None) -> StudySummary:
    begun = (path / folder.STUDY).is_file()
    problem, document = "", None
    try:
        document = library.read(path / folder.STUDY if begun or file is None else file.path)
    except SpecError as error:
        problem = plain_text(str(error))
    return StudySummary(
        path,
        file.path if file else None,
        file.bundled if file else False,
        sum(1 for _ in trial_folders(path)),
        begun and is_held(path),
        folder.when(path) if begun else 0.0,
        document,
        problem,
    )


def trial_folders(path: Path) -> Iterator[Path]:
    """The run folders of a study's trials, by name."""
    try:
        with os.scandir(path) as entries:
            names = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False) and e.name[:1] != ".")
    except OSError:
        return
    for name in names:
        if (path / name / METRICS).exists() or (path / name / PRESET).exists():
            yield path / name
