"""Drawings as widgets: strips built when what they show has changed, in turn, at most ten times a second.

A view is built between two keys, never in the middle of painting: :class:`Pacer` builds one view at a time
with a pause after each, so that no key waits for more than one drawing.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import ClassVar, Protocol, cast

from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.message_pump import MessagePump
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import Line

INTERVAL = 0.1
"""Seconds between two builds of one view, at least."""
SHARE = 0.1
"""Of the time that one view may take: on a slow or busy machine there are fewer builds."""
PAUSE = 0.02
"""Seconds between the builds of two views."""
LITTER = 2500
"""Objects made since the last collection that call for the next: a chart of plotext's leaves hundreds."""


class Drawing(Protocol):
    """What a :class:`Pacer` keeps up to date."""

    due_at: float
    """When it may be built again."""

    def stale(self) -> bool:
        """Whether it is on the screen and shows something old."""
        ...

    def build(self) -> None:
        """Draw it anew."""
        ...


class Pacer:
    """Builds stale drawings in turn. No timer runs while none is stale."""

    def __init__(
        self,
        owner: MessagePump,
        drawings: Sequence[Drawing],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._owner = owner
        self._drawings = drawings
        self._clock = clock
        self._timer: Timer | None = None

    def kick(self) -> None:
        """Something may have changed: build what is stale as soon as its turn comes."""
        if self._timer is None:
            self._schedule(0.0)

    def now(self, *drawings: Drawing) -> None:
        """Build these at once, if they are stale, because the user pressed a key."""
        for drawing in drawings:
            if drawing.stale():
                self._build(drawing)

    def _build(self, drawing: Drawing) -> None:
        began = self._clock()
        drawing.build()
        now = self._clock()
        drawing.due_at = now + max(INTERVAL, (now - began) / SHARE)
        if gc.get_count()[0] > LITTER:  # a little now, rather than much in the middle of something
            gc.collect(0)

    def _schedule(self, pause: float) -> None:
        stale = [drawing for drawing in self._drawings if drawing.stale()]
        if stale:
            wait = min(drawing.due_at for drawing in stale) - self._clock()
            self._timer = self._owner.set_timer(max(pause, wait, 0.001), self._turn)

    def _turn(self) -> None:
        self._timer = None
        soon = self._clock() + 0.001
        due = [drawing for drawing in self._drawings if drawing.due_at <= soon and drawing.stale()]
        if due:
            self._build(min(due, key=lambda drawing: drawing.due_at))
        self._schedule(PAUSE)


def look_of(widget: Widget) -> Look:
    """The look of the app that the widget belongs to."""
    return cast(Look, getattr(widget.app, "look", None) or Look())


def on_screen(widget: Widget) -> bool:
    """True if it is mounted, has a size and is displayed."""
    return widget.is_mounted and widget.size.area > 0 and all(w.display for w in widget.ancestors_with_self)


class _UncachedStrip(Strip):
    """A strip that is freed when nobody needs it.

    Textual's puts itself into its own cache when it is cut at its end alone, as each line painted is: the
    garbage collector then has thousands of them to find at once, which keys would have to wait for.
    """

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        places = list(cuts)
        return [self] if places == [self.cell_length] else super().divide(places)


class View(Widget):
    """A widget of ready-made strips. Subclasses say what they show and draw it."""

    DEFAULT_CSS = "View { height: 1fr; width: 1fr; }"

    class Fitted(Message):
        """The view has a place on the screen, or another size: what it needs may be asked for now."""

    quick: ClassVar[bool] = True
    """Whether a key that changes what is looked at may wait for it; else it is drawn in its turn."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.due_at = -math.inf
        self._lines: list[Strip] = []
        self._stamp: Hashable = None

    @property
    def text(self) -> str:
        """What it shows, without styles."""
        return "\n".join(line.text.rstrip() for line in self._lines)

    def stamp(self) -> Hashable:
        """Changes whenever the drawing would."""
        raise NotImplementedError  # pragma: no cover - every view has one

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        """The drawing: at most ``height`` lines of ``width`` cells."""
        raise NotImplementedError  # pragma: no cover - every view has one

    def pointer(self, look: Look) -> str:
        """What a title begins with where the view takes the keys."""
        return ("▸ " if look.unicode else "> ") if self.has_focus else ""

    def stale(self) -> bool:
        return on_screen(self) and self._full_stamp() != self._stamp

    def _full_stamp(self) -> Hashable:
        return (self.stamp(), self.has_focus, self.size, look_of(self), self.visual_style)

    def build(self) -> None:
        self._stamp = self._full_stamp()
        base = self.visual_style.rich_style
        drawing = self.draw(self.size.width, self.size.height, look_of(self))
        lines = [Strip(line.segments, line.cell_length).apply_style(base) for line in drawing]
        changed = [
            Region(0, y, self.size.width, 1)
            for y in range(max(len(lines), len(self._lines)))
            if lines[y : y + 1] != self._lines[y : y + 1]
        ]
        self._lines = lines
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        if y < len(self._lines):
            return self._lines[y]
        return Strip.blank(self.size.width, self.visual_style.rich_style)

    def render_lines(self, crop: Region) -> list[Strip]:
        return [_UncachedStrip(strip, strip.cell_length) for strip in super().render_lines(crop)]

    def _on_resize(self, event: events.Resize) -> None:
        self._renew()
        self.post_message(self.Fitted())

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self._renew()

    def _on_show(self, event: events.Show) -> None:
        self._renew()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._renew()

    def _renew(self) -> None:
        """Build at once: a drawing of the wrong size is never seen."""
        if self.stale():
            self.build()
