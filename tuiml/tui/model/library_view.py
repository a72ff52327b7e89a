"""What the Library shows of the list: the open tab, the filter, the order and the marks. Knows no widgets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tuiml.runs.columns import COLUMNS, WHEN, Column, ordered
from tuiml.runs.filtering import Filter
from tuiml.tui.model.catalog import Item, Key, Kind
from tuiml.tui.model.item_rows import Row, matching, rows, run_rows, tabs

RUNS, PRESETS = "Runs", "Presets"


class LibraryView:
    """The items of the list, and which of them are shown."""

    def __init__(self) -> None:
        self.tab = ""
        """Title of the open tab; empty until the list was read."""
        self.text = ""
        """The filter as it was typed."""
        self.by, self.down = WHEN, WHEN.down
        """The column by which runs are sorted, and whether the greatest come first."""
        self.marked: dict[Key, None] = {}
        """Runs that are marked, in that order."""
        self.tabs: dict[str, list[Item]] = tabs(())
        self.found: dict[str, list[Item]] = self.tabs
        """Of each tab the items that pass the filter, in their order."""
        self.trouble = ""
        """What is wrong with the filter; empty if nothing is."""
        self._of: dict[Key, Item] = {}

    def feed(self, items: Sequence[Item], tab: str = "") -> None:
        """Take the list as it was read; ``tab``: the one to open if none is."""
        self.tabs = tabs(items)
        self._of = {item.key: item for item in items}
        self.marked = {key: None for key in self.marked if key in self._of}
        wanted = self.tab or tab
        self.tab = wanted if self.tabs.get(wanted) is not None else RUNS if self.tabs[RUNS] else PRESETS
        self.arrange()

    def arrange(self) -> None:
        """Filter and sort again."""
        self.found = {title: matching(items, self.text) for title, items in self.tabs.items()}
        subjects = [item.subject for item in self.tabs.get(self.tab, [])] if self.text else []
        self.trouble = Filter(self.text).trouble(subjects) if subjects else ""
        of = {item.run.path: item for item in self.found[RUNS] if item.run}
        runs = ordered([item.run for item in of.values() if item.run], self.by, self.down)
        self.found[RUNS] = [of[run.path] for run in runs]

    def item(self, key: object) -> Item | None:
        """The item of a key."""
        return self._of.get(key) if isinstance(key, tuple) else None

    def tab_of(self, key: Key) -> str:
        """The tab of an item; empty if there is none."""
        return next((title for title, items in self.tabs.items() if any(i.key == key for i in items)), "")

    def open_beside(self, by: int) -> None:
        """Open the next tab, or the one before."""
        titles = list(self.tabs)
        self.tab = titles[(titles.index(self.tab) + by) % len(titles)]

    @property
    def shown(self) -> list[Item]:
        """The items of the open tab that pass the filter."""
        return self.found.get(self.tab, [])

    def rows(self, now: datetime, troubles: dict[Kind, str]) -> list[Row]:
        """The rows of the open tab; first, why some cannot be listed."""
        if self.tab == RUNS:
            return run_rows(self.shown, self.marked.keys(), troubles.get("run", ""))
        return rows(self.shown, now, troubles if self.tab == PRESETS else {})

    def sort(self, by: Column) -> None:
        """Sort by a column, and by the one that sorts already the other way round."""
        self.by, self.down = by, not self.down if by is self.by else by.down
        self.arrange()

    def sort_by_next(self) -> None:
        """Sort by the next column, the best first."""
        self.sort(COLUMNS[(COLUMNS.index(self.by) + 1) % len(COLUMNS)])

    def mark(self, key: Key) -> None:
        """Mark an item, or take its mark away."""
        if key in self.marked:
            del self.marked[key]
        else:
            self.marked[key] = None

    def chosen(self, item: Item | None) -> list[Item]:
        """What an action is about: the marked runs, else the selected item."""
        marked = [self._of[key] for key in self.marked] if self.tab == RUNS else []
        return marked or ([item] if item else [])

    def compared(self, item: Item | None) -> list[Item]:
        """The runs to compare: the marked ones, and of a single one also the selected run."""
        marked = [self._of[key] for key in self.marked]
        return [*marked, item] if item and item.run and len(marked) == 1 and item not in marked else marked
