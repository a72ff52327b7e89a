"""The Library's order of runs and the marks on them."""

from __future__ import annotations

from collections.abc import Callable

from tuiml.tui.keys import action
from tuiml.tui.model.catalog import Item
from tuiml.tui.model.library_view import LibraryView


class ListOrder:
    """Sorts and marks; ``changed`` shows the list again."""

    def __init__(
        self, view: LibraryView, selected: Callable[[], Item | None], changed: Callable[[], None]
    ) -> None:
        self._view, self._selected, self._changed = view, selected, changed

    @action("S", "sort", "Sort the runs by the next column, the best first.", "library", rank=45)
    def action_item_sort(self) -> None:
        self._view.sort_by_next()
        self._changed()

    @action("R", "reverse", "Sort the runs the other way round.", "library", rank=46, shown=False)
    def action_item_reverse(self) -> None:
        self._view.sort(self._view.by)
        self._changed()

    @action("space", "mark", "Mark the run, or take its mark away.", "library", rank=36)
    def action_item_mark(self) -> None:
        item = self._selected()
        if item:
            self._view.mark(item.key)
            self._changed()
