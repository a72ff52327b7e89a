"""Folders as the file picker lists them, and the files that were taken lately. Pure; texts are safe to show.

Nothing here waits for more than the names of one folder: it is called in a thread of its own.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tuiml.data.own.entries import SUFFIXES
from tuiml.files import data_folders, home, read_regular, write_whole
from tuiml.text import plain_text

MOST = 10_000
"""Entries of a folder that are listed."""
RECENT = 8
"""Files that are remembered."""
DATA = (*SUFFIXES, ".txt", ".data", ".dat", "-ubyte", "-ubyte.gz", ".idx.gz")
"""How the names of files end that are data, probably."""
PRESET = ".toml"


@dataclass(frozen=True)
class Entry:
    """A file or a folder."""

    path: Path
    name: str
    """Safe to show."""
    folder: bool
    known: bool = False
    """Whether it is data by its name (or a preset, where these are looked for)."""
    size: int = -1
    """Bytes; below 0: not known."""


@dataclass(frozen=True)
class Listing:
    """What is in a folder."""

    folder: Path
    entries: tuple[Entry, ...] = ()
    """Folders first, then what is known, by their names."""
    more: bool = False
    """Whether there are others, beyond the most that are listed."""
    problem: str = ""
    """Why it cannot be read; one line."""


def listing(folder: Path, presets: bool = False) -> Listing:
    """The folders and files in a folder, without hidden ones; whatever is wrong is said in it."""
    found: list[Entry] = []
    more = False
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if len(found) >= MOST:
                    more = True
                    break
                made = _entry(entry, presets)
                if made is not None:
                    found.append(made)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return Listing(folder, problem=plain_text(f"{short(folder)} cannot be read: {why}"))
    found.sort(key=lambda e: (not e.folder, not e.known, e.name.casefold(), e.name))
    return Listing(folder, tuple(found), more)


def _entry(entry: os.DirEntry[str], presets: bool) -> Entry | None:
    """A file or a folder, links followed; ``None`` for what is neither, as a pipe or a broken link."""
    path, name = Path(entry.path), plain_text(entry.name)
    try:
        if entry.is_dir():
            return Entry(path, name, True)
        if not entry.is_file():
            return None
        return Entry(path, name, False, is_known(entry.name, presets), entry.stat().st_size)
    except OSError:
        return None


def is_known(name: str, presets: bool = False) -> bool:
    """Whether a file is data by its name (or a preset, where these are looked for)."""
    return name.lower().endswith((*DATA, PRESET) if presets else DATA)


def matching(entries: Sequence[Entry], typed: str) -> list[Entry]:
    """Those whose names have all the words."""
    words = typed.casefold().split()
    return [e for e in entries if all(word in e.name.casefold() for word in words)]


def short(path: Path) -> str:
    """A path as one reads it: the user's folder is ``~``."""
    try:
        inner = path.relative_to(Path.home())
    except (ValueError, RuntimeError):
        return plain_text(str(path))
    return "~" if not inner.parts else plain_text(f"~/{inner}")


def as_path(typed: str) -> Path | None:
    """The path that was typed, or pasted by dropping a file on the terminal; ``None``: it is none."""
    text = typed.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    elif text.startswith("file://"):
        text = unquote(urlsplit(text).path)
    elif os.name == "posix":
        text = re.sub(r"\\(.)", r"\1", text)
    if not text.startswith(("/", "~", "./", "../")) or "\0" in text:
        return None
    path = Path(os.path.abspath(os.path.expanduser(text)))
    return path / "" if text.endswith("/") else path


def ends_in_folder(typed: str) -> bool:
    """Whether a typed path is that of a folder: what is in it is meant."""
    return typed.strip().strip("'\"").endswith("/") or typed.strip() == "~"


def begin() -> Path:
    """The folder that is listed first: that of the file taken last, else where the app was started."""
    for path in recent():
        if path.parent.is_dir():
            return path.parent
    try:
        return Path.cwd()
    except OSError:  # it is gone
        return Path.home()


def places() -> list[Entry]:
    """Where to look: files taken lately, the folders of ``TUIML_DATA``, the user's own; if they are there."""
    found = [Entry(path, short(path), path.is_dir(), True) for path in recent() if path.exists()]
    for folder in (*data_folders(), Path.home()):
        try:
            here = folder.is_dir()
        except OSError:
            here = False
        if here and all(folder != entry.path for entry in found):
            found.append(Entry(folder.absolute(), short(folder.absolute()), True))
    return found


def _recent_path() -> Path:
    return home() / "recent-files.json"


def recent() -> list[Path]:
    """The files that were taken lately, the newest first; none where it is not known."""
    try:
        found = json.loads(read_regular(_recent_path(), 100_000))
    except (OSError, ValueError, RecursionError):
        return []
    if not isinstance(found, list):
        return []
    texts = [text for text in found[:RECENT] if isinstance(text, str) and "\0" not in text]
    return [Path(text) for text in texts if os.path.isabs(text)]


def remember(path: Path) -> None:
    """Note that a file was taken; where that cannot be written, it is not."""
    kept = [path, *(p for p in recent() if p != path)][:RECENT]
    try:
        write_whole(_recent_path(), json.dumps([str(p) for p in kept]))
    except (OSError, ValueError):
        return
