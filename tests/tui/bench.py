"""The app in a test: opened, driven by keys, and waited for by a condition and a clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Self

from textual.app import App
from textual.pilot import Pilot

from tests.tui.documents import raw
from tests.tui.fake_training_client import FakeTrainingClient
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.app.bars import KeyBar
from tuiml.tui.build.screen import Build
from tuiml.tui.model.document import Document
from tuiml.tui.train.screen import Train
from tuiml.tui.widgets.chart_view import on_screen

LIMIT = 60.0
"""Seconds that a test waits for a condition; most hold after a few milliseconds."""
READING = {"list", "preview", "run", "file", "compare"}
"""Groups of the app's threads that read what the screen shows."""
SIZES = [(80, 24), (120, 40), (200, 50)]


async def until(
    condition: Callable[[], object], pilot: Pilot[Any] | None = None, *, limit: float = LIMIT
) -> None:
    """Wait until a condition holds.

    Args:
        pilot: of the app that is waited for. Its messages are processed; a failure shows its screen.
        limit: seconds.

    Raises:
        AssertionError: the condition did not hold within ``limit``, or an error ended the app before.
    """
    end = time.monotonic() + limit
    while not condition():
        if pilot and pilot.app._exception:
            raise AssertionError("an error ended the app") from pilot.app._exception
        if time.monotonic() > end:
            shown = f"; on the screen:\n{screen_text(pilot.app)}" if pilot else ""
            raise AssertionError(f"the condition did not hold within {limit:g} s{shown}")
        await asyncio.sleep(0.002)  # threads and processes beside the app have their turn
        if pilot:
            await pilot.pause()


def screen_text(app: App[Any]) -> str:
    """The lines on the screen, with runs of spaces as one."""
    lines = app.screen._compositor.render_strips()
    return "\n".join(" ".join(line.text.split()) for line in lines)


def is_reading(app: App[Any]) -> bool:
    """True if a thread reads for the screen: what the next key finds would depend on how far it has come."""
    return any(worker.group in READING and not worker.is_finished for worker in app.workers)


def at_rest(app: App[Any]) -> bool:
    """True if no thread reads for the screen, no message waits, and nothing is to be laid out or painted."""
    screen = app.screen
    if (
        is_reading(app)
        or screen._layout_required
        or screen._scroll_required
        or screen._repaint_required
        or screen._dirty_widgets
    ):
        return False
    return not any(
        widget.message_queue_size or widget._layout_required or widget._refresh_styles_required
        for widget in screen.walk_children(with_self=True)
    )


class Bench:
    """The app with a fake training client, and shorthands for its parts."""

    def __init__(self, app: TuimlApp, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        document: Document | None = None,
        settings: Any = None,
        *,
        size: tuple[int, int] = (120, 40),
        keys: tuple[str, ...] = (),
        client: Any = FakeTrainingClient,
        **asked: Any,
    ) -> AsyncIterator[Self]:
        """The app on a screen of a size in columns and rows, after some keys.

        Args:
            asked: what else :class:`TuimlApp` takes, such as ``run``.
        """
        app = TuimlApp(document, settings, client_factory=client, **asked)
        async with app.run_test(size=size) as pilot:
            on = cls(app, pilot)
            try:
                await on.drawn()
                await on.press(*keys)
                yield on
            finally:  # a process that a failed test left would fail the next one too
                on.client.close()
                on.app.study.close(3.0)

    async def press(self, *keys: str) -> None:
        """Press keys, each once threads have read what it needs, and wait until the screen shows it all."""
        for key in keys:
            await self.pilot.press(key)
            await until(lambda: not is_reading(self.app), self.pilot)
        if keys:
            await self.drawn()

    async def report(self, *events: Any) -> None:
        """Let the training client report events, and wait until the screen shows them."""
        self.client.report(*events)
        await self.drawn()

    async def drawn(self) -> None:
        """Wait until everything on the screen shows what is known."""
        await self.pilot.pause()
        await until(lambda: at_rest(self.app), self.pilot)
        for train in self.app.query(Train):
            for drawing in train.drawings:
                if drawing.stale():
                    drawing.build()

    async def until(self, condition: Callable[[], object], limit: float = LIMIT) -> None:
        """Wait until a condition holds, and until the screen shows it; see :func:`until`."""
        await until(condition, self.pilot, limit=limit)
        await self.drawn()

    @property
    def train(self) -> Train:
        return self.app.query_one(Train)

    @property
    def build(self) -> Build:
        return self.app.query_one(Build)

    @property
    def client(self) -> Any:
        return self.app.client

    @property
    def model(self) -> Any:
        return self.app.model

    @property
    def asked(self) -> list[Any]:
        """What the training client was asked after the start of the run."""
        return [ask for ask in self.client.asked if ask[0] != "start"]

    @property
    def keys(self) -> list[str]:
        """The actions that the bottom line shows."""
        return self.app.query_one(KeyBar).shown

    @property
    def complaints(self) -> list[str]:
        """The notifications on the screen."""
        return [note.message for note in self.app._notifications]

    # Of Build:

    @property
    def layers(self) -> list[Any]:
        found = self.app.document.raw["layers"]
        assert isinstance(found, list)
        return found

    @property
    def kinds(self) -> list[str]:
        """The type of each layer of the preset, with its units."""
        return [f"{layer['type']}{layer.get('units', '')}" for layer in self.layers]

    @property
    def cursor(self) -> int:
        return self.build.table.cursor

    @property
    def at(self) -> str:
        """Where keys go: ``table``, or the path of the field."""
        if self.build.table.has_focus:
            return "table"
        assert self.build.form.has_focus
        field = self.build.form.model.field
        return field.path if field else ""

    # Of Train:

    @property
    def views(self) -> list[str]:
        """Ids of the charts on the screen."""
        return [slot.chart.id for slot in self.train.charts.shown_slots if on_screen(slot.view)]

    def chart(self, name: str) -> Any:
        """The view of a chart that is on the screen."""
        return next(slot.view for slot in self.train.charts.shown_slots if slot.chart.id == name)

    @property
    def loss(self) -> Any:
        return self.chart("loss")

    @property
    def histogram(self) -> Any:
        return self.chart("histogram")

    def cell(self, row: int, column: str) -> str:
        """The text of a cell of Train's table of layers."""
        cell = self.train.table._rows[row].get(column, "")
        return cell if isinstance(cell, str) else cell[0]


def build_bench(size: tuple[int, int] = (120, 40), **changes: Any) -> AbstractAsyncContextManager[Bench]:
    """Build with a small preset, changed at its top level."""
    return Bench.opened(Document(raw(**changes)), size=size)


def train_bench(
    size: tuple[int, int] = (120, 40), *, running: bool = False, **changes: Any
) -> AbstractAsyncContextManager[Bench]:
    """Train with a small preset, changed at its top level; its run is on if ``running``."""
    return Bench.opened(Document(raw(**changes)), size=size, keys=("2", "ctrl+r") if running else ("2",))
