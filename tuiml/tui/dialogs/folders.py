"""Folders as the file picker lists them, the field for a path, and the files that were taken lately.

Reading a folder or the recent files may take long: the picker does it in a thread.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from textual import events

from tuiml.data.own.entries import SUFFIXES
from tuiml.files import data_folders, home, read_regular, write_whole
from tuiml.text import plain_text
from tuiml.tui.charts.palette import QUIET
from tuiml.tui.model.item_rows import Row
from tuiml.tui.widgets.item_list import FilterInput, ItemList

MOST = 10_000
"""Entries of a folder that are listed."""
RECENT = 8
"""Recent files that are remembered."""
DATA = (*SUFFIXES, ".txt", ".data", ".dat", "-ubyte", "-ubyte.gz", ".idx.gz")
"""Endings of the names of data files."""
PRESET = ".toml"


@dataclass(frozen=True)
class Entry:
    """A file or a folder."""

    path: Path
    name: str
    """Safe to show."""
    folder: bool
    known: bool = False
    """True if it is data by its name (or a preset, where these are wanted)."""
    size: int = -1
    """Bytes; below 0: not known."""


@dataclass(frozen=True)
class Listing:
    """What is in a folder."""

    folder: Path
    entries: tuple[Entry, ...] = ()
    """Folders first, then what is known, by their names."""
    more: bool = False
    """True if there are more entries than are listed."""
    problem: str = ""
    """Why it cannot be read; one line."""


def listing(folder: Path, presets: bool = False) -> Listing:
    """The folders and files in a folder, without hidden ones."""
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
    """A file or a folder, links followed; ``None`` for a pipe, a broken link and the like."""
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
    """True if a file is data by its name (or a preset, where these are wanted)."""
    return name.lower().endswith((*DATA, PRESET) if presets else DATA)


def matching(entries: Sequence[Entry], typed: str) -> list[Entry]:
    """The entries whose names contain all typed words."""
    words = typed.casefold().split()
    return [e for e in entries if all(word in e.name.casefold() for word in words)]


def short(path: Path) -> str:
    """A path to show, with ``~`` for the home folder."""
    try:
        inner = path.relative_to(os.path.expanduser("~"))
    except ValueError:
        return plain_text(str(path))
    return "~" if not inner.parts else plain_text(f"~/{inner}")


def as_path(typed: str) -> Path | None:
    """The path that was typed, or pasted by dropping a file on the terminal; ``None`` if it is no path."""
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
    """True if a typed path means the contents of a folder."""
    return typed.strip().strip("'\"").endswith("/") or typed.strip() == "~"


def begin() -> Path:
    """The folder listed first: that of the most recent file, else the current one."""
    for path in recent():
        if path.parent.is_dir():
            return path.parent
    try:
        return Path.cwd()
    except OSError:  # it is gone
        return Path(os.path.expanduser("~"))


def places() -> list[Entry]:
    """Recent files, the folders of ``TUIML_DATA`` and the home folder, if they exist."""
    found = [Entry(path, short(path), path.is_dir(), True) for path in recent() if path.exists()]
    for folder in (*data_folders(), Path(os.path.expanduser("~"))):
        try:
            here = folder.is_dir()
        except OSError:
            here = False
        if here and all(folder != entry.path for entry in found):
            found.append(Entry(folder.absolute(), short(folder.absolute()), True))
    return found


def first(found: Listing, places: Sequence[Entry]) -> Path | None:
    """Where the cursor begins: at the first data file of the folder, unless one was used lately."""
    lately = bool(places) and places[0].known
    return None if lately or not places else next((e.path for e in found.entries if e.known), None)


def _recent_path() -> Path:
    return home() / "recent-files.json"


def recent() -> list[Path]:
    """Recent files, the newest first."""
    try:
        found = json.loads(read_regular(_recent_path(), 100_000))
        json.dumps(found, ensure_ascii=False).encode(errors="surrogateescape")  # no file has such a name
    except (OSError, ValueError, RecursionError):
        return []
    if not isinstance(found, list):
        return []
    texts = [text for text in found[:RECENT] if isinstance(text, str) and "\0" not in text]
    return [Path(text) for text in texts if os.path.isabs(text)]


def remember(path: Path) -> None:
    """Add a recent file; an error of the disk is ignored."""
    paths = [path, *(p for p in recent() if p != path)][:RECENT]
    try:
        write_whole(_recent_path(), json.dumps([str(p) for p in paths]))
    except (OSError, ValueError):
        return


HERE = "this folder"
"""The row of the folder itself, which may be data: a folder of images."""
UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def file_rows(found: Listing, places: Sequence[Entry], typed: str) -> tuple[list[Row], dict[str, Entry]]:
    """Rows of the entries with the typed words, and entries by key; ``places`` first if none are typed."""
    shown = matching(found.entries, typed)
    rows: list[Row] = []
    entries = {str(e.path): e for e in shown}
    if places and not typed:
        rows += [Row(None, "lately, and where data is"), *map(_row, places)]
        rows.append(Row(None, f"in {short(found.folder)}"))
        entries |= {str(e.path): e for e in places}
    if any(e.folder for e in found.entries) and not typed:
        here = f"{found.folder}/."
        rows.append(Row(here, HERE, ("as data",), colour=QUIET))
        entries[here] = Entry(found.folder, HERE, True, True)
    rows += [_row(e) for e in shown if e.folder or e.known]
    others = [_row(e) for e in shown if not (e.folder or e.known)]
    rows += [Row(None, "other files"), *others] if others else []
    if found.more:
        rows.append(Row(None, f"and more: {MOST:,} are listed"))
    return rows, entries


def _row(entry: Entry) -> Row:
    return Row(str(entry.path), f"{entry.name}/" if entry.folder else entry.name, (_size(entry),))


def _size(entry: Entry) -> str:
    if entry.folder or entry.size < 0:
        return ""
    for unit, word in UNITS:
        if entry.size >= unit:
            return f"{entry.size / unit:.3g} {word}"
    return f"{entry.size} B"


class PathInput(FilterInput):
    """A field that filters the list or takes a path; in an empty one ``go`` handles backspace and arrows."""

    def __init__(self, target: ItemList, placeholder: str, go: Callable[[str], bool]) -> None:
        super().__init__(target, placeholder, id="file-words")
        self._go = go

    async def _on_key(self, event: events.Key) -> None:
        if not self.value and event.key in ("backspace", "left", "right") and self._go(event.key):
            event.prevent_default()
            event.stop()
            return
        await super()._on_key(event)

    def _on_paste(self, event: events.Paste) -> None:
        lines = event.text.strip().splitlines()
        if lines and as_path(lines[0]) is not None:  # as of a file dropped on the terminal
            self.value = lines[0].strip()
            self.cursor_position = len(self.value)
            event.prevent_default()
            event.stop()
            return
        super()._on_paste(event)
