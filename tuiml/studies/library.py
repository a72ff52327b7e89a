"""Where studies are: the bundled ones and the user's own, found by name or path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuiml.data.own.entries import DataFiles
from tuiml.files import asset, write_whole
from tuiml.runs.folder import studies_folder
from tuiml.spec import library as presets
from tuiml.spec import toml
from tuiml.spec.problems import SpecError
from tuiml.studies.study import Study


@dataclass(frozen=True)
class StudyFile(presets.NamedFile):
    """A study on disk; ``name`` is what ``tuiml study`` takes."""

    def document(self) -> dict[str, Any]:
        """The file's tables, not validated; paths of presets and data beside it are absolute.

        Raises:
            SpecError: unreadable, or not TOML.
        """
        return read(self.path)

    def study(self, files: DataFiles | None = None, *, full: bool = False) -> Study:
        """The validated study.

        Args:
            files: finds what a file of the user's holds, if its data is one.
            full: without its ``[small]``.

        Raises:
            SpecError: with every problem.
        """
        from tuiml.studies.check import check  # as a study is opened: it takes 20 ms of the app's start

        study, problems = check(read(self.path, full=full), files)
        if study is None:
            raise SpecError(problems)
        return study


def read(path: Path, *, full: bool = False) -> dict[str, Any]:
    """The tables of a study's file; paths of presets and data that lie beside it are absolute.

    ``[small]`` is settings that make a study quick: they are part of its ``[set]``, unless the ``full`` one
    is meant.

    Raises:
        SpecError: unreadable, or not TOML.
    """
    document = _with_absolute_paths(presets.tables_of(path), path)
    small, given = document.get("small"), document.get("set", {})
    if isinstance(small, dict) and isinstance(given, dict):
        del document["small"]
        document["set"] = given if full else {**given, **small}
    variants = document.get("variant")
    if isinstance(variants, list):
        found = [_with_absolute_paths(one, path) if isinstance(one, dict) else one for one in variants]
        document["variant"] = found
    return document


def _with_absolute_paths(table: dict[str, Any], study: Path) -> dict[str, Any]:
    """A table with a preset, whose path or whose data's path may be relative to the study's file."""
    preset = table.get("preset")
    if isinstance(preset, dict):
        return {**table, "preset": presets.beside(preset, study)}
    if isinstance(preset, str) and preset.endswith(".toml"):
        found = study.absolute().parent / preset
        return {**table, "preset": str(found)} if found.is_file() else table
    return table


def bundled() -> list[StudyFile]:
    """The studies that come with tuiml."""
    try:
        folder = asset("studies")
    except FileNotFoundError:
        return []
    return [StudyFile(path.stem, path, True) for path in presets.files_in(folder)]


def own_folder() -> Path:
    """Where the user's studies are: the files; beside each, a folder with what was run."""
    return studies_folder()


def own() -> list[StudyFile]:
    """The user's studies."""
    return [StudyFile(path.stem, path, False) for path in presets.files_in(own_folder())]


def find(word: str) -> StudyFile:
    """The study that a command's NAME or FILE means.

    Raises:
        SpecError: there is none; the nearest name is suggested.
    """
    known = {file.name: file for file in [*bundled(), *own()]}  # one's own hides a bundled one
    found = presets.find_among(word, known, "study", "tuiml studies")
    return found if isinstance(found, StudyFile) else StudyFile(found.stem, found, False)


def save(document: dict[str, Any], path: Path | None = None) -> Path:
    """Write a study whole, by its name among the user's studies where no path is given.

    Raises:
        OSError: it could not be written; a file that was there is as it was.
    """
    path = path or own_folder() / f"{presets.slug(str(document.get('name', '')))}.toml"
    write_whole(path, toml.dumps(document))
    return path


def self_contained(study: Study) -> Study:
    """The study with its presets' tables in place of their names: what a study is run from does not change
    when a preset's file does.

    Raises:
        SpecError: there is no such preset.
    """

    def tables(preset: str | dict[str, Any] | None) -> dict[str, Any] | None:
        return presets.find(preset).document() if isinstance(preset, str) else preset

    variants = tuple(v.model_copy(update={"preset": tables(v.preset)}) for v in study.variant)
    return study.model_copy(update={"preset": tables(study.preset), "variant": variants})
