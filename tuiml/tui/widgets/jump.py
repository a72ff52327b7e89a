"""Jump mode: a letter appears on everything that can take the focus; pressing it goes there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.geometry import Offset, Size
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from tuiml.tui.keys import Keyed, action

LETTERS = "asdfghjklqwertyuiopzxcvbnmASDFGHJKLQWERTYUIOPZXCVBNM"
"""In the order in which they are given out: those under the fingers first."""


class Target(NamedTuple):
    """Something to jump to, and where its letter is drawn on the screen."""

    at: Offset
    go: Callable[[], object]


@runtime_checkable
class Jumpable(Protocol):
    """A widget with several things to jump to, such as the fields of a form."""

    def jumps(self) -> Iterator[tuple[int, Callable[[], object]]]:
        """The visible line of each, counted from the top of its contents, and what goes to it."""


def targets(screen: Screen[Any]) -> list[Target]:
    """What can take the focus on a screen, in reading order; at most as many as there are letters."""
    found = []
    for widget in screen.focus_chain:
        region = _visible(widget)
        if region is None:
            continue
        if isinstance(widget, Jumpable):
            found += [
                Target(Offset(region.x, region.y + y), go) for y, go in widget.jumps() if y < region.height
            ]
        else:
            found.append(Target(region.offset, widget.focus))
    return sorted(found, key=lambda target: (target.at.y, target.at.x))[: len(LETTERS)]


def _visible(widget: Widget) -> Any:
    """The part of the contents of a widget that is on the screen; ``None`` if none is."""
    region = widget.content_region.intersection(widget.screen.region)
    return region if region.area and widget.is_on_screen else None


class JumpScreen(Keyed, ModalScreen[int | None]):
    """Shows the letters over the screen below; answers with the number of the one that was pressed."""

    DEFAULT_CSS = """
    JumpScreen { background: $background 40%; }
    JumpScreen > Static {
        position: absolute; width: 2; height: 1;
        background: $warning; color: $background; text-style: bold reverse;
    }
    JumpScreen > #jump-keys {
        dock: bottom; position: relative; width: 1fr; padding: 0 1;
        background: $surface; color: $foreground; text-style: none;
    }
    """

    def __init__(self, places: Sequence[Offset], size: Size) -> None:
        super().__init__()
        self._places = places
        self._size_then = size

    def compose(self) -> ComposeResult:
        for letter, place in zip(LETTERS, self._places, strict=False):
            label = Static(Content(f"{letter} "))
            label.styles.offset = place
            yield label
        yield Static("press a letter to go there   esc cancel", id="jump-keys", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        if event.size != self._size_then:  # the letters would stand beside their places
            self.action_leave_jump()

    def on_key(self, event: events.Key) -> None:
        at = LETTERS.find(event.character) if event.character else -1
        if 0 <= at < len(self._places) and self.app.screen is self:
            event.stop()
            self.dismiss(at)

    def on_click(self) -> None:
        self.action_leave_jump()

    @action("escape ctrl+g", "cancel", "Leave the focus where it is.", "jump")
    def action_leave_jump(self) -> None:
        if self.app.screen is self:
            self.dismiss(None)


@action(
    "ctrl+g",
    "jump",
    "Jump to a field or a part of the screen: each gets a letter.",
    rank=95,
    priority=True,
    also="focus, go to",
)
def action_jump(screen: Screen[Any]) -> None:
    """Show the letters; every kind of screen has this method among its own."""
    found = targets(screen)

    def answered(number: int | None) -> None:
        if number is not None:
            found[number].go()

    if found:
        screen.app.push_screen(JumpScreen([target.at for target in found], screen.app.size), answered)
