"""What the file picker lists, as rows, and the field in which one types."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events

from tuiml.tui.charts.palette import QUIET
from tuiml.tui.dialogs import folders
from tuiml.tui.dialogs.folders import Entry, Listing
from tuiml.tui.model.item_rows import Row
from tuiml.tui.widgets.filter_input import FilterInput
from tuiml.tui.widgets.item_list import ItemList

HERE = "this folder"
"""The row that means the folder itself: it may be data, as pictures are."""
UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def file_rows(found: Listing, places: Sequence[Entry], typed: str) -> tuple[list[Row], dict[str, Entry]]:
    """The rows of a folder narrowed to words, and what each stands for by its key.

    Args:
        places: where else to look, said first.
        typed: words that names have; without any the folder itself may be picked, too.
    """
    shown = folders.matching(found.entries, typed)
    rows: list[Row] = []
    entries = {str(e.path): e for e in shown}
    if places and not typed:
        rows += [Row(None, "lately, and where data is"), *map(_row, places)]
        rows.append(Row(None, f"in {folders.short(found.folder)}"))
        entries |= {str(e.path): e for e in places}
    if any(e.folder for e in found.entries) and not typed:
        here = f"{found.folder}/."
        rows.append(Row(here, HERE, ("as data",), colour=QUIET))
        entries[here] = Entry(found.folder, HERE, True, True)
    rows += [_row(e) for e in shown if e.folder or e.known]
    others = [_row(e) for e in shown if not (e.folder or e.known)]
    rows += [Row(None, "other files"), *others] if others else []
    if found.more:
        rows.append(Row(None, f"and more: {folders.MOST:,} are listed"))
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
    """Typing narrows the list, or is a path; keys that would do nothing in an empty field go about.

    Args:
        go: does what such a key does; whether it did anything.
    """

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
        if lines and folders.as_path(lines[0]) is not None:  # as of a file dropped on the terminal
            self.value = lines[0].strip()
            self.cursor_position = len(self.value)
            event.prevent_default()
            event.stop()
            return
        super()._on_paste(event)
