"""The two permanent lines: the top bar (screen, preset, run) and the key bar (keys that work now)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.dom import DOMNode
from textual.strip import Strip
from textual.widget import Widget

from tuiml.formatting import duration
from tuiml.tui.charts.bars import progress
from tuiml.tui.charts.palette import RUNNING, Look
from tuiml.tui.charts.text import clean, fit
from tuiml.tui.keys import actions, key_word
from tuiml.tui.model.status import Piece, fitted, speed_words, status_word
from tuiml.tui.shell.protocol import Shell

SCREENS = ("build", "train", "library", "study")
GAP = 3
LAST = "help"
"""The action that the key bar always shows."""
SIGNS = {"plus": "+", "minus": "-"}


class Zone(NamedTuple):
    """Cells that can be clicked."""

    first: int
    last: int
    click: Callable[[], None]


class Bar(Widget):
    """One line with zones that can be clicked; it never gets the focus."""

    DEFAULT_CSS = "Bar { height: 1; width: 1fr; background: $surface; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._zones: list[Zone] = []
        self._parts: list[tuple[str, Style]] = []

    @property
    def shell(self) -> Shell:
        """The app, with its own type."""
        return cast(Shell, self.app)

    @property
    def text(self) -> str:
        """The text without styles."""
        return "".join(text for text, _ in self._parts).rstrip()

    def draw(self, width: int, look: Look) -> list[tuple[str, Style]]:
        """The parts from left to right; sets the zones."""
        raise NotImplementedError  # pragma: no cover - both bars have one

    def renew(self) -> None:
        """Redraw it if it has changed."""
        parts = self.draw(self.size.width, self.shell.look)
        if parts != self._parts:
            self._parts = parts
            self.refresh()

    def on_resize(self) -> None:
        self.renew()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        strip = Strip([Segment(text, base + style) for text, style in self._parts])
        return strip.adjust_cell_length(self.size.width, base)

    def on_click(self, event: events.Click) -> None:
        for zone in self._zones:
            if zone.first <= event.x < zone.last:
                zone.click()
                return


class TopBar(Bar):
    """The screens, the preset or on Train the run, and at the right the run that is trained or a message."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._said = ""
        self._used = ""

    def watch_machine(self) -> None:
        """Show the use of the machine every second from now on, if that is wanted and psutil installed."""
        if self.shell.preferences.resources:
            self.run_worker(self._load_resources, thread=True, group="resources")

    def _load_resources(self) -> None:
        from tuiml.tui.app.resources import Resources  # in a thread: no key waits for psutil

        with contextlib.suppress(ModuleNotFoundError):
            used = Resources()
            self.app.call_from_thread(self.set_interval, 1.0, lambda: self.show_used(used.text()))

    def show_used(self, text: str) -> None:
        """Show the use of the machine at the right, where there is room."""
        self._used = text
        self.renew()

    def say(self, text: str) -> None:
        """Show a short message at the right for a few seconds."""
        self._said = text
        self.renew()
        self.set_timer(4.0, lambda: self._unsay(text))

    def _unsay(self, text: str) -> None:
        if self._said == text:
            self._said = ""
            self.renew()

    def draw(self, width: int, look: Look) -> list[tuple[str, Style]]:
        quiet = look.style("quiet")
        parts: list[tuple[str, Style]] = [(" tuiml  ", look.style(bold=True))]
        self._zones = []
        used = cell_len(parts[0][0])
        for number, name in enumerate(SCREENS, 1):
            if name == "study" and self.shell.study.model.empty and self.shell.screen_name != name:
                continue  # it is there once a study is
            here = self.shell.screen_name == name
            style = look.style("blue", bold=True) + Style(reverse=True) if here else quiet
            text = f" {number} {name.capitalize()} "
            self._zones.append(Zone(used, used + len(text), partial(self.shell.show_screen, name)))
            parts.append((text, style))
            used += len(text)
        room = width - used
        said = clean(self._said, look)
        if cell_len(said) > room - 2:  # for a few seconds it takes the place of all but the name
            self._zones = []
            return [
                parts[0],
                (fit(said, width - cell_len(parts[0][0]) - 1, look.glyphs.more), look.style("blue")),
            ]
        of_run = self.shell.screen_name == "train" and not self._said
        title_room = cell_len(clean(self.shell.model.name, look)) + GAP + 2 if of_run else 0
        right = self._right(max(0, room - (1 if said else max(16, title_room))), look)
        right_width = sum(cell_len(text) for text, _ in right)
        title = self._title(room - right_width - GAP - 2, look)
        middle = max(0, room - right_width - sum(cell_len(text) for text, _ in title) - 1)
        return [*parts, *title, (" " * middle, Style()), *right]

    def _title(self, room: int, look: Look) -> list[tuple[str, Style]]:
        document, run = self.shell.document, self.shell.model
        of_run = self.shell.screen_name == "train" and run.status != "empty"
        mark = f" {look.glyphs.dot}" if document.dirty and not of_run else ""
        name = clean(run.name if of_run else document.name, look)
        width = max(0, min(cell_len(name), room - cell_len(mark)))
        return [("  ", Style()), (fit(name, width, look.glyphs.more), look.style(bold=True)),
                (mark, look.style("yellow"))]  # fmt: skip

    def _right(self, room: int, look: Look) -> list[tuple[str, Style]]:
        if self._said:
            text = clean(self._said, look)
            return [(fit(text, min(cell_len(text), room), look.glyphs.more), look.style("blue"))]
        used = [Piece(self._used, look.style("quiet"), 9)] if self._used else []
        return fitted([*self._run(look), *used], room)

    def _run(self, look: Look) -> list[Piece]:
        model, quiet = self.shell.model, look.style("quiet")
        here = self.shell.screen_name == "train"
        same = model.preset is not None and model.preset == self.shell.document.preset
        if model.status == "empty" or not (here or model.alive or same):
            return []  # one that is over, of another preset, is not what is on the screen
        pieces = [] if here else [Piece(clean(model.name, look), look.style(bold=True), 6)]
        if model.start:
            threads = f"· {model.start.threads} thread{'s' if model.start.threads != 1 else ''}"
            where = model.start.device if model.watched else threads
            pieces.append(Piece(clean(f"{model.start.backend} {where}", look), quiet, 4))
        if here:  # the screen shows the rest
            return pieces
        pieces.append(status_word(model, look))
        if model.alive and model.start:
            if model.watched:
                return [*pieces, Piece(f"step {model.step:,}", look.style(), 1)]
            pieces.append(Piece(f"epoch {model.epoch:,}/{model.epochs_planned:,}", look.style(), 1))
            pieces.append(Piece(progress(model.done, 10, look), look.style(RUNNING), 2))
            pieces.append(Piece(speed_words(model.speed, look), quiet, 5))
            pieces.append(Piece(f"{duration(model.seconds_left)} left", look.style(), 3))
        return pieces


class KeyBar(Bar):
    """The keys that work now, by rank; a click acts as the key."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: list[tuple[str, str, str]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.call_after_refresh(self.renew))

    @property
    def shown(self) -> list[str]:
        """Ids of the actions it shows."""
        return [id for id, _, _ in self._shown]

    def draw(self, width: int, look: Look) -> list[tuple[str, Style]]:
        items = self.working()
        room = width - 1
        last = [item for item in items if item[0] == LAST]
        rest = [item for item in items if item[0] != LAST]
        left = room - sum(_width(item, look) for item in last)
        kept = []
        for item in rest:
            if _width(item, look) > left:
                break
            left -= _width(item, look)
            kept.append(item)
        self._shown = [*kept, *last]
        self._zones = []
        parts: list[tuple[str, Style]] = [(" ", Style())]
        x = 1
        for _, key, label in self._shown:
            word, label = clean(key_word(key), look), clean(label, look)
            width_of = cell_len(word) + 1 + cell_len(label)
            self._zones.append(Zone(x, x + width_of, partial(self.app.simulate_key, key)))
            parts += [(word, look.style(bold=True)), (f" {label}", look.style("quiet")), (" " * GAP, Style())]
            x += width_of + GAP
        return parts

    def working(self) -> list[tuple[str, str, str]]:
        """Id, key and words of every action that works now and is to be shown."""
        if self.app.screen is not self.screen:
            return []  # a dialog shows its own keys
        active, focused = self.screen.active_bindings, self.screen.focused
        found = []
        for action in actions():
            if not action.shown:
                continue
            for key in action.keys_in(self.shell.keymap):
                binding = active.get(key)
                sign = SIGNS.get(key)
                if sign and focused and focused.check_consume_key(key, sign):
                    continue  # Textual leaves these out itself, but for keys that it has no character of
                if binding and binding.enabled and binding.binding.action == action.id:
                    label = label_of(binding.node, action.id) or action.label
                    found.append((action.id, key, label))
                    break
        return found


def label_of(node: DOMNode, action_id: str) -> str | None:
    """The words for an action: those of the nearest widget that has any."""
    for ancestor in node.ancestors_with_self:
        label = getattr(ancestor, "label", None)
        if callable(label):
            text = label(action_id)
            if text:
                return str(text)
    return None


def _width(item: tuple[str, str, str], look: Look) -> int:
    return cell_len(clean(f"{key_word(item[1])} {item[2]}", look)) + GAP
