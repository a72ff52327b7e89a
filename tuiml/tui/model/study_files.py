"""Renaming and deleting a study: its folder with all trials, and its file among the user's studies."""

from __future__ import annotations

from pathlib import Path

from tuiml.runs import trash
from tuiml.runs.folder_names import fitting
from tuiml.runs.trash import Deleted
from tuiml.spec.library import slug
from tuiml.studies import folder
from tuiml.tui.model.study_items import StudySummary


def _own(study: StudySummary) -> Path | None:
    """Its file, if that is the user's."""
    return study.source if study.source is not None and not study.bundled else None


def rename(study: StudySummary, name: str) -> Path:
    """Rename a study; returns its folder, which need not be there.

    Raises:
        OSError, RunError: it cannot be renamed; nothing is changed then.
    """
    file = _own(study)
    path = folder.rename(study.path, name) if study.begun else study.path.with_name(fitting(name))
    if file is not None:
        try:
            file.rename(file.with_name(f"{slug(name)}.toml"))
        except OSError:
            if study.begun:
                path.rename(study.path)
            raise
    return path


def delete(study: StudySummary) -> Deleted:
    """Move a study's trials to the trash, and its file if that is the user's.

    Raises:
        RunError: it cannot be deleted; nothing is changed then.
    """
    file = _own(study)
    files = [file] if file is not None and file.exists() else []
    return folder.delete(study.path, *files) if study.begun else trash.put(files)
