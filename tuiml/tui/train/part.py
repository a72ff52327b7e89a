"""The parts of Train: plain objects, each with some of the screen's actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

from tuiml.tui.model.run_model import RunModel
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.widgets.chart_view import Drawing


class Host(Protocol):
    """What the parts use of the screen."""

    @property
    def shell(self) -> Shell: ...
    @property
    def run(self) -> RunModel: ...
    @property
    def size(self) -> Size: ...
    @property
    def screen(self) -> Screen[Any]: ...
    def main(self) -> Widget: ...
    def lay_out(self) -> None: ...
    def selection_changed(self, *first: Drawing) -> None: ...
    def run_worker(self, work: Any, *, group: str, exclusive: bool, thread: bool) -> Any: ...
    def call_later(self, callback: Callable[..., Any], *args: Any) -> Any: ...


class Part:
    """Some actions of Train: a method ``action_<id>`` for each."""

    def enabled(self, action_id: str) -> bool:
        """True if an action of this part works now."""
        return True

    def label(self, action_id: str) -> str | None:
        """The words for the key bar; ``None``: those of the action itself."""
        return None
