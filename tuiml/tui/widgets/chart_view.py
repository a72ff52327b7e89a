"""Widgets with drawings, which are rebuilt in turn when their contents change, at most ten times a second.

:class:`Pacer` pauses after a few milliseconds of drawing, so that no key waits for long, and draws less often
where training needs the processor.
"""

from __future__ import annotations

import gc
import math
import time
from asyncio import TimerHandle
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import ClassVar, Protocol, cast

from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.message_pump import MessagePump
from textual.strip import Strip
from textual.widget import Widget

from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import Line
from tuiml.tui.widgets.later import later

INTERVAL = 0.1
"""Minimum seconds between two builds of a view."""
FRACTION = 0.1
"""Maximum fraction of the time spent on one view: on a slow or busy machine there are fewer builds."""
PAUSE = 0.02
"""Seconds between two turns of builds."""
SLICE = 0.008
"""Seconds of processor time in a turn after which no other build is begun, so that no key waits for long."""
LONGEST = 1.25
"""Seconds between two turns, at most: what costs more than its share is drawn all the same."""
GARBAGE = 2500
"""Objects created since the last garbage collection that trigger one."""


class Drawing(Protocol):
    """Something that a :class:`Pacer` keeps up to date."""

    due_at: float
    """The earliest time of the next build."""

    def stale(self) -> bool:
        """True if it is on the screen and not up to date."""

    def build(self) -> None: ...


class Pacer:
    """Builds stale drawings in turn; runs no timer while none is stale.

    Args:
        fraction: of one processor that the app may use while nobody presses a key. All that this process does
            counts: what a drawing costs is less than what follows from it.
        clock: seconds, never going back.
        used: seconds of processor time of this process.
        later: calls a function after some seconds.
    """

    def __init__(
        self,
        owner: MessagePump,
        drawings: Sequence[Drawing],
        clock: Callable[[], float] = time.monotonic,
        *,
        fraction: Callable[[], float] = lambda: 1.0,
        used: Callable[[], float] = time.process_time,
        later: Callable[[MessagePump, float, Callable[[], object]], TimerHandle] = later,
    ) -> None:
        self._owner = owner
        self._drawings = drawings
        self._clock = clock
        self._fraction, self._used, self._later = fraction, used, later
        self._used_before, self._cost = used(), 0.0
        self._next = -math.inf
        """The earliest time of the next drawings that nobody asked for."""
        self._timer: TimerHandle | None = None

    def kick(self) -> None:
        """Build the stale drawings in turn, from now on: a key was pressed, or the size changed."""
        self._next, self._used_before = -math.inf, self._used()
        self._set_timer(0.0)

    def follow(self) -> None:
        """Build the stale drawings in turn, when it is time to: the run went on."""
        if self._timer is None:
            self._set_timer(self._next - self._clock())

    def now(self, *drawings: Drawing) -> None:
        """Build these at once if they are stale, since a key was pressed."""
        for drawing in drawings:
            if drawing.stale():
                self._build(drawing)

    def _build(self, drawing: Drawing) -> None:
        began = self._clock()
        drawing.build()
        now = self._clock()
        drawing.due_at = now + max(INTERVAL, (now - began) / FRACTION)
        if gc.get_count()[0] > GARBAGE:  # a short collection now, rather than a long one while a key waits
            gc.collect(0)

    def _set_timer(self, wait: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._later(self._owner, max(wait, 0.001), self._turn)

    def _turn(self) -> None:
        self._timer = None
        began, used = self._clock(), self._used()
        stale = sorted((d for d in self._drawings if d.stale()), key=lambda d: d.due_at)
        built: list[Drawing] = []
        while stale and stale[0].due_at <= began + 0.001 and self._used() - used < SLICE:
            built.append(stale.pop(0))
            self._build(built[-1])
        self._rest(began)
        stale += [drawing for drawing in built if drawing.stale()]
        if stale:
            now = self._clock()
            self._set_timer(max(PAUSE, min(d.due_at for d in stale) - now, self._next - now))

    def _rest(self, began: float) -> None:
        """Set the time of the next turn by what one has cost of late, with all that came of it."""
        used = self._used()
        self._cost += 0.5 * (used - self._used_before - self._cost)
        self._used_before = used
        self._next = began + min(LONGEST, self._cost / self._fraction())


def look_of(widget: Widget) -> Look:
    """The colours and glyphs of the terminal."""
    return cast(Look, getattr(widget.app, "look", None) or Look())


def keymap_of(widget: Widget) -> Mapping[str, str]:
    """Keys that the user chose for some actions."""
    return cast(Mapping[str, str], getattr(widget.app, "keymap", {}))


def on_screen(widget: Widget) -> bool:
    """True if a widget is visible."""
    return widget.is_mounted and widget.size.area > 0 and all(w.display for w in widget.ancestors_with_self)


class _UncachedStrip(Strip):
    """A strip that does not cache itself as Textual's do: keys would wait for the garbage collector."""

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        places = list(cuts)
        return [self] if places == [self.cell_length] else super().divide(places)


class View(Widget):
    """A widget that shows strips drawn by a subclass."""

    DEFAULT_CSS = "View { height: 1fr; width: 1fr; }"

    class Fitted(Message):
        """The view was resized: it can be drawn, and its requests sent."""

    quick: ClassVar[bool] = True
    """True if it is drawn at once when a key changes the selection, instead of in turn."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.due_at = -math.inf
        self._lines: list[Strip] = []
        self._stamp: Hashable = None

    @property
    def lines(self) -> list[Strip]:
        """The drawing."""
        return self._lines

    @property
    def text(self) -> str:
        """The drawing without styles."""
        return "\n".join(line.text.rstrip() for line in self._lines)

    def stamp(self) -> Hashable:
        """A value that changes whenever the drawing would."""
        raise NotImplementedError  # pragma: no cover - every view has one

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        """The drawing: at most ``height`` lines of ``width`` cells."""
        raise NotImplementedError  # pragma: no cover - every view has one

    def pointer(self, look: Look) -> str:
        """The start of the title of a view with the focus."""
        return f"{look.pointer()} " if self.has_focus else ""

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
        """Build at once, so that no drawing of the wrong size is visible."""
        if self.stale():
            self.build()
