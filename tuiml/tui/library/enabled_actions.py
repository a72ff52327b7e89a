"""What the Library can do with what is selected or marked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tuiml.tui.keys import actions
from tuiml.tui.model.catalog import Item
from tuiml.tui.model.library_view import RUNS, LibraryView


def possible(action_id: str, view: LibraryView, item: Item | None) -> bool:
    """Whether an action suits the selected item, or all marked ones if it is about those."""
    if action_id in ("item_sort", "item_reverse"):
        return view.tab == RUNS
    if action_id == "item_compare":
        return view.tab == RUNS and len(view.compared(item)) > 1
    suits = _ON_ITEMS.get(action_id)
    about = view.chosen(item) if action_id in ("item_delete", "item_tag") else [item] if item else []
    return suits is None or (bool(about) and all(map(suits, about)))


def of_own_loop(item: Item) -> bool:
    """Whether an item is a watched run, which has no preset."""
    return item.run is not None and bool(item.run.framework)


def _ours(item: Item) -> bool:
    if item.study:
        return not item.study.running and (item.study.begun or not item.study.bundled)
    return item.kind == "own" or (item.run is not None and item.run.reason != "running")


OF_PRESETS = ("item_resume", "item_preset", "item_duplicate")
"""Actions that a watched run has not."""


def needs_preset(key: str, item: Item | None, keymap: Mapping[str, str]) -> bool:
    """Whether a key needs the preset of an item that has none, since it is a loop of the user's own."""
    if item is None or not of_own_loop(item):
        return False
    return any(key in row.keys_in(keymap) for row in actions("library") if row.id in OF_PRESETS)


_ON_ITEMS: dict[str, Callable[[Item], bool]] = {
    "item_open": lambda item: (
        bool(item.document or item.study or item.source) or (item.run is not None and not item.problem)
    ),
    "item_mark": lambda item: item.kind == "run" and not item.problem,
    "item_tag": lambda item: item.run is not None,
    "item_resume": lambda item: (
        item.run is not None and item.run.reason != "running" and not item.problem and not of_own_loop(item)
    ),
    "item_preset": lambda item: item.run is not None and not of_own_loop(item),
    "item_fold": lambda item: item.kind == "trial" or (item.study is not None and item.study.runs > 0),
    "item_duplicate": lambda item: (
        not item.study and (item.document is not None or item.run is not None) and not of_own_loop(item)
    ),
    "item_rename": lambda item: _ours(item) and item.kind != "trial",  # its name says what it trains
    "item_delete": _ours,
}
"""What works on what."""
