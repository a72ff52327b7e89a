"""A shell that is a plain object and notes what a screen asks of it; an app that shows one screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from tests.tui.fake_probe_client import FakeProbeClient
from tests.tui.fake_training_client import FakeTrainingClient
from tuiml.data.own.reading import DataFiles, DataFilesInBackground
from tuiml.lessons.lesson import Language
from tuiml.lessons.library import Listed
from tuiml.runs.tail import Tail
from tuiml.spec.problems import Problem
from tuiml.tui.charts.palette import Look
from tuiml.tui.model.catalog import Item
from tuiml.tui.model.document import Document, Raw
from tuiml.tui.model.pace import FULL, Pace
from tuiml.tui.model.preferences import Preferences
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.study_model import StudyModel
from tuiml.tui.process.file_inspection_client import FileInspectionClient
from tuiml.tui.shell.protocol import Shell


class NoDrafts:
    """There are no documents beside the one on the screen."""

    def __iter__(self) -> Iterator[Document]:
        return iter(())

    def put_away(self, document: Document) -> None:
        pass

    def take(self, document: Document) -> Document:
        return document


class StubRun:
    """The run on the screen, of which nothing is read."""

    def __init__(self) -> None:
        self.model = RunModel()
        self.followed: list[str] = []

    def show(self, model: RunModel, tail: Tail) -> None:
        assert tail.path.name == model.name
        self.model = model

    def follow(self, path: str) -> None:
        self.followed.append(path)

    def stop_following(self) -> None:
        self.followed.append("")

    def ended(self) -> None:
        pass


class StubStudy:
    """The study on the screen; what is asked of it is noted."""

    def __init__(self) -> None:
        self.model = StudyModel()
        self.active = False
        self.may_run = True
        self.asked: list[tuple[Any, ...]] = []

    def start(self, document: Document) -> None:
        self.asked.append(("start", document.marks))

    def show(self, path: Path, source: Path | None = None) -> None:
        self.asked.append(("show", path, source))

    def moved(self, path: Path | None) -> None:
        self.asked.append(("moved", path))

    def toggle(self) -> None:
        self.asked.append(("toggle",))

    def stop(self) -> None:
        self.asked.append(("stop",))

    def order(self, do: str, trial: str, count: int = 1) -> None:
        self.asked.append((do, trial, count))

    def want(self) -> None:
        self.asked.append(("want",))


class StubLesson:
    """No lesson is open, and there is none."""

    shown = False
    language: Language = "en"

    def __init__(self) -> None:
        self.done: dict[str, int] = {}

    def lessons(self) -> list[Listed]:
        return []

    def open(self, name: str) -> None:
        pass

    def toggle(self) -> None:
        pass

    def go_on(self) -> None:
        pass


class StubSession:
    """Nothing is written."""

    def write_soon(self) -> None:
        pass


class StubNavigation:
    """Notes where it is asked to go, in the shell's ``calls``."""

    def __init__(self, calls: list[tuple[Any, ...]]) -> None:
        self._calls = calls

    def to_problem(self, problem: Problem) -> None:
        self._calls.append(("to_problem", problem))

    def to_preset(self, item: Item) -> None:
        self._calls.append(("to_preset", item))

    def to_runs(self, paths: Sequence[Path]) -> None:
        self._calls.append(("to_runs", paths))


class StubShell:
    """Notes what is asked of it in ``calls``: the method's name and its arguments."""

    def __init__(self, document: Document, screen_name: str) -> None:
        self.look = Look()
        self.preferences = Preferences()
        self.keymap: dict[str, str] = {}
        self.document = document
        self.screen_name = screen_name
        self.calls: list[tuple[Any, ...]] = []
        self.go = StubNavigation(self.calls)
        self.session = StubSession()
        self.current_run = StubRun()
        self.study = StubStudy()
        self.lesson = StubLesson()
        self.pace = Pace(FULL)
        self.drafts = NoDrafts()
        self.file_reader = FileInspectionClient()
        self.files = DataFilesInBackground(DataFiles())
        self.probe_client_factory: Callable[[Callable[[Message], object]], Any] = FakeProbeClient
        self.fake = FakeTrainingClient(self.post_message)

    @property
    def model(self) -> RunModel:
        return self.current_run.model

    @property
    def client(self) -> Any:
        return self.fake

    def named(self, name: str) -> list[list[Any]]:
        """The arguments of all calls of one method."""
        return [arguments for method, *arguments in self.calls if method == name]

    def show_screen(self, name: str) -> None:
        self.calls.append(("show_screen", name))

    def document_edited(self) -> None:
        self.calls.append(("document_edited",))

    def open_document(self, raw: Raw, *, path: Path | None = None, origin: str = "") -> None:
        self.calls.append(("open_document", raw["name"], path, origin))

    def edit(self, document: Document) -> None:
        self.calls.append(("edit", document))

    def run_changed(self, kinds: set[str]) -> None:
        self.calls.append(("run_changed", kinds))

    def study_changed(self) -> None:
        self.calls.append(("study_changed",))

    def say(self, text: str) -> None:
        self.calls.append(("say", text))

    def complain(self, text: str) -> None:
        self.calls.append(("complain", text))

    def show_help(self) -> None:
        pass

    def renew(self) -> None:
        self.calls.append(("renew",))

    def refresh_bindings(self) -> None:
        pass

    def push_screen(self, screen: Screen[Any], callback: Callable[[Any], None] | None = None) -> Any:
        self.calls.append(("push_screen", screen))

    def post_message(self, message: Message) -> bool:
        self.calls.append(("post_message", message))
        return True


class OneScreenApp(App[None]):
    """Shows one screen, which knows the shell only."""

    def __init__(self, shell: StubShell, make: Callable[[], Widget]) -> None:
        super().__init__()
        self.shell: Shell = shell
        self._make = make

    def compose(self) -> ComposeResult:
        yield self._make()
