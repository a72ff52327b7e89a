"""Where presets are: the bundled ones and the user's own, found by name or path."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tuiml.data.own.entries import DataFiles
from tuiml.files import asset, home, read_regular, write_whole
from tuiml.registry import closest, short
from tuiml.spec import toml
from tuiml.spec.check import check
from tuiml.spec.preset import Preset
from tuiml.spec.problems import Problem, SpecError

T = TypeVar("T")
DEFAULT = "digits-quickstart"
UNTITLED = "untitled"


@dataclass(frozen=True)
class NamedFile:
    """A TOML file of presets, studies or lessons; ``name`` is its stem."""

    name: str
    path: Path
    bundled: bool

    def document(self) -> dict[str, Any]:
        """The file's tables, not validated.

        Raises:
            SpecError: unreadable, or not TOML.
        """
        return tables_of(self.path)


@dataclass(frozen=True)
class PresetFile(NamedFile):
    """A preset on disk; ``name`` is what ``tuiml train`` takes."""

    def document(self) -> dict[str, Any]:
        """The file's tables in today's version, not validated; the path of data beside it is absolute.

        Raises:
            SpecError: unreadable, or not TOML.
        """
        return read(self.path)

    def preset(self, files: DataFiles | None = None) -> Preset:
        """The validated preset.

        Args:
            files: finds what a file of the user's holds, if its data is one.

        Raises:
            SpecError: with every problem.
        """
        preset, problems = check(self.document(), files)
        if preset is None:
            raise SpecError(problems)
        return preset


def read(path: Path) -> dict[str, Any]:
    """The tables of a preset file; the path of data that lies beside it is absolute.

    Raises:
        SpecError: unreadable, or not TOML.
    """
    return beside(tables_of(path), path)


def tables_of(path: Path) -> dict[str, Any]:
    """The tables of a file as they are in it, in today's version.

    Raises:
        SpecError: unreadable, or not TOML.
    """
    try:
        return toml.loads(read_regular(path, toml.MAX_BYTES + 1))
    except OSError as error:
        raise SpecError([Problem(str(path), f"cannot be read: {error.strerror or error}")]) from None


def beside(document: dict[str, Any], preset: Path) -> dict[str, Any]:
    """The document of a preset file, the path of its data made absolute where that lies beside the file."""
    data = document.get("data")
    if not isinstance(data, dict):
        return document
    path = data.get("path")
    if not isinstance(path, str) or not path or os.path.isabs(os.path.expanduser(path)):
        return document
    found = preset.absolute().parent / path
    return {**document, "data": {**data, "path": str(found)}} if found.exists() else document


def load(path: Path, files: DataFiles | None = None) -> Preset:
    """The preset in a file.

    Raises:
        SpecError: it cannot be read or is not a preset; every problem is listed.
    """
    return PresetFile(path.stem, path, False).preset(files)


def bundled() -> list[PresetFile]:
    """The presets that come with tuiml."""
    return _presets_in(asset("presets"), True)


def own_folder() -> Path:
    """Where the user's presets are saved."""
    return home() / "presets"


def own() -> list[PresetFile]:
    """The user's presets."""
    return _presets_in(own_folder(), False)


def why_unlisted(folder: Path | None = None) -> str:
    """Why the user's presets, or what is in another folder, cannot be listed; empty if they can."""
    try:
        with os.scandir(folder or own_folder()):
            return ""
    except FileNotFoundError:  # none was saved yet
        return ""
    except OSError as error:
        return f"cannot be listed: {error.strerror or error}"


def _presets_in(folder: Path, bundled: bool) -> list[PresetFile]:
    return [PresetFile(path.stem, path, bundled) for path in files_in(folder)]


def files_in(folder: Path) -> list[Path]:
    """The TOML files in a folder, by their names: one comes before the longer ones that begin with it."""
    return [path for path in sorted(folder.glob("*.toml"), key=lambda path: path.stem) if path.is_file()]


def find(word: str) -> PresetFile:
    """The preset that a command's PRESET means: a path to a TOML file, an own or a bundled name.

    Raises:
        SpecError: there is none; the nearest name is suggested.
    """
    known = {p.name: p for p in [*bundled(), *own()]}  # one's own hides a bundled one of the same name
    found = find_among(word, known, "preset", "tuiml presets")
    return found if isinstance(found, PresetFile) else PresetFile(found.stem, found, False)


def document_of(file: PresetFile) -> dict[str, Any]:
    """The tables of a preset file, not validated; one without a name has that of its file.

    Raises:
        SpecError: unreadable, or not TOML.
    """
    document = file.document()
    if "name" not in document and file.name.isprintable():
        document["name"] = file.name[:80]
    return document


def find_among(word: str, known: Mapping[str, T], kind: str, lists: str) -> T | Path:
    """What a word means on the command line: one of those known by name, or the path of a TOML file.

    Args:
        kind: what is looked for, in a message.
        lists: the command that lists them.

    Raises:
        SpecError: there is none; the nearest name is suggested.
    """
    if "/" in word or "\\" in word or word.endswith(".toml"):
        path = Path(os.path.expanduser(word))  # Path.expanduser raises where there is no such user
        if not path.is_file():
            raise SpecError([Problem("", f"there is no {kind} file {short(word, 200)}")])
        return path
    for name in spellings(word):
        if name in known:
            return known[name]
    near = closest(word, known)
    hint = f"did you mean '{near}'?" if near else f"{lists} lists them"
    raise SpecError([Problem("", f"there is no {kind} {short(word)}; {hint}")])


def slug(name: str) -> str:
    """A preset's name as a file name, never hidden, never empty, and the same however accents were typed.

    Letters and digits of all scripts with their marks, emoji, ``-``, ``_`` and ``.`` stay.
    """
    text = unicodedata.normalize("NFC", name.strip())
    word = re.sub("-+", "-", "".join(c if _stays(c) else "-" for c in text)).strip("-.")[:60]
    return word or UNTITLED


def spellings(word: str) -> list[str]:
    """The file names that a typed name may mean, the most likely first."""
    other = slug(word)
    return [word] if other in (word, UNTITLED) else [word, other]


def _stays(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in "-_."
    return unicodedata.category(character)[0] in "LMNS"


def save(document: dict[str, Any], path: Path | None = None) -> Path:
    """Write a document whole, by its name among the user's presets where no path is given.

    Raises:
        OSError: it could not be written; a file that was there is as it was.
    """
    path = path or own_folder() / f"{slug(str(document.get('name', '')))}.toml"
    write_whole(path, toml.dumps(document))
    return path
