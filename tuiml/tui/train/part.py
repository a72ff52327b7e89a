"""The parts of Train: plain objects, each with some of the screen's actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

from tuiml.tui.model.run_model import RunModel
from tuiml.tui.shell.protocol import Shell


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

    def main(self) -> Widget:
        """The widget that has the focus unless a chart has it."""
        ...

    def lay_out(self) -> None:
        """Show the charts that are chosen now."""
        ...

    def selection_changed(self) -> None:
        """Draw what follows the selection at once: a key changed it."""
        ...

    def redraw(self, *first: Any) -> None:
        """Draw at once what is quick to draw, ``first`` before all."""
        ...

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
