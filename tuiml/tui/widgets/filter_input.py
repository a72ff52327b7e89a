"""A field that filters a list: letters go to the field, the arrows to the list."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.widgets import Input

from tuiml.tui.widgets.item_list import ItemList

_ARROWS = ("up", "down", "pageup", "pagedown")


class FilterInput(Input):
    """An input whose arrow keys move the cursor of ``target``."""

    BINDINGS: ClassVar[list[Any]] = [b for b in ItemList.BINDINGS if b.key in _ARROWS]
    DEFAULT_CSS = """
    FilterInput { border: none; height: 1; padding: 0 1; background: $panel; }
    FilterInput:focus { border: none; }
    """

    def __init__(self, target: ItemList, placeholder: str, *, id: str) -> None:
        super().__init__(placeholder=placeholder, id=id, max_length=1000)
        self._target = target

    def action_cursor_up(self) -> None:
        self._target.move_cursor(-1)

    def action_cursor_down(self) -> None:
        self._target.move_cursor(1)

    def action_page_up(self) -> None:
        self._target.move_page(-1)

    def action_page_down(self) -> None:
        self._target.move_page(1)
