"""The Library alone, in an app that notes what it is asked to open, and a person at its keys."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.bench import until
from tuiml.data.own.reading import DataFiles, DataFilesInBackground
from tuiml.runs import library as runs
from tuiml.runs.tail import Tail
from tuiml.spec.library import find
from tuiml.tui.charts.palette import Look
from tuiml.tui.library.screen import Library
from tuiml.tui.model.document import Document
from tuiml.tui.model.run_model import RunModel


class Shell(App[None]):
    """What the Library needs of the app."""

    def __init__(self, name: str = "digits-quickstart") -> None:
        super().__init__()
        file = find(name)
        path, origin = (None, name) if file.bundled else (file.path, "")
        self.look = Look()
        self.document = Document(file.document(), path=path, origin=origin)
        self.files = DataFilesInBackground(DataFiles())
        self.model = RunModel()
        self.keymap: dict[str, str] = {}
        self.client = SimpleNamespace(active=False, inspect_run=lambda path, **asked: None)
        self.shell = self
        self.current_run = SimpleNamespace(show=self.show_run, follow=lambda path: None)
        self.drafts = SimpleNamespace(take=lambda document: document, put_away=lambda document: None)
        self.opened: list[tuple[str, Path | None, str]] = []
        self.went: list[str] = []
        self.complaints: list[str] = []
        self.said: list[str] = []
        self.compared: list[list[str]] = []

    def compose(self) -> ComposeResult:
        yield Library(id="library")

    @property
    def library(self) -> Library:
        return self.query_one(Library)

    def open_document(self, raw: dict[str, Any], *, path: Path | None = None, origin: str = "") -> None:
        self.opened.append((raw["name"], path, origin))

    def document_edited(self) -> None:
        pass

    def show_run(self, model: RunModel, tail: Tail) -> None:
        assert tail.path.name == model.name
        self.model = model

    def show_screen(self, name: str) -> None:
        self.went.append(name)

    def complain(self, text: str) -> None:
        self.complaints.append(text)

    def say(self, text: str) -> None:
        self.said.append(text)

    @property
    def go(self) -> Any:
        return self

    def to_runs(self, paths: Sequence[Path]) -> None:
        self.compared.append([path.name for path in paths])


def library_names() -> list[str]:
    return sorted(runs.names())


class Keys:
    """A person at the Library."""

    def __init__(self, app: Any, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot
        self.library = app.query_one(Library)

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await self.pilot.pause()
        await self.settle()

    async def until(self, what: Callable[[], object]) -> None:
        await until(what, self.pilot)

    async def settle(self) -> None:
        """Until no timer waits and no thread reads."""
        await self.pilot.pause()
        while self.library.preview.waits or any(not worker.is_finished for worker in self.app.workers):
            await self.app.workers.wait_for_complete()
            await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Put text into the field that has the focus, as if typed over what was there."""
        assert isinstance(self.app.focused, Input)
        self.app.focused.value = text
        await self.settle()

    @property
    def names(self) -> list[str]:
        return [row.name for row in self.library.names.rows if row.key]

    @property
    def selected(self) -> str:
        return self.library.item.name

    async def select(self, name: str) -> None:
        assert self.library.go_to(next(i.key for i in self.library.items if i.name == name))
        await self.settle()


@asynccontextmanager
async def library(name: str = "digits-quickstart", size: tuple[int, int] = (120, 40)) -> AsyncIterator[Keys]:
    app = Shell(name)
    async with app.run_test(size=size) as pilot:
        keys = Keys(app, pilot)
        app.library.shown()
        await keys.settle()
        yield keys
