"""What a screen may ask of the app. Screens and dialogs know the app by this protocol only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from textual.message import Message
from textual.screen import Screen

from tuiml.data.own.reading import DataFilesInBackground
from tuiml.runs.tail import Tail
from tuiml.spec.problems import Problem
from tuiml.tui.charts.palette import Look
from tuiml.tui.model.catalog import Item
from tuiml.tui.model.document import Document, Raw
from tuiml.tui.model.pace import Pace
from tuiml.tui.model.preferences import Preferences
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.study_model import StudyModel
from tuiml.tui.process.file_inspection_client import FileInspectionClient
from tuiml.tui.process.training_client import TrainingClient

if TYPE_CHECKING:  # needed only once a lesson is opened
    from tuiml.lessons.lesson import Language
    from tuiml.lessons.library import Listed


class OpenDrafts(Protocol):
    """The documents with unsaved edits that are not on the screen."""

    def take(self, document: Document) -> Document:
        """The draft of the same file, removed from the drafts; else ``document`` itself."""

    def __iter__(self) -> Iterator[Document]: ...

    def put_away(self, document: Document) -> None:
        """Keep a document that leaves the screen, if it has unsaved edits."""


class CurrentRun(Protocol):
    """The run on the screen and what follows its folder."""

    def show(self, model: RunModel, tail: Tail) -> None:
        """Show a run that is not trained here."""

    def follow(self, path: str) -> None:
        """Read what another process may write into the run's folder."""

    def stop_following(self) -> None: ...

    def ended(self) -> None:
        """Report that the run on the screen is no longer trained here."""


class CurrentStudy(Protocol):
    """The study on the screen and the process that runs one."""

    model: StudyModel

    @property
    def active(self) -> bool:
        """True if this app runs a study."""

    @property
    def may_run(self) -> bool:
        """True if there is something to pause, resume or go on with."""

    def start(self, document: Document) -> None:
        """Run the study that the marks of a preset make, and show it."""

    def show(self, path: Path, source: Path | None = None) -> None:
        """Show a study by its folder; ``source``: its file, while it was not begun."""

    def toggle(self) -> None:
        """Pause or resume the study that is run here, or go on with the one on the screen."""

    def stop(self) -> None: ...

    def order(self, do: str, trial: str, count: int = 1) -> None:
        """Ask for something to be done with a trial, by the name of its run folder."""

    def moved(self, path: Path | None) -> None:
        """Show the study on the screen from where it is now; ``None``: it was deleted."""

    def want(self) -> None:
        """Read the snapshots of the configurations that are in the charts now."""


class CurrentLesson(Protocol):
    """The lesson that is open."""

    done: dict[str, int]
    """How many steps of each lesson were done."""

    @property
    def language(self) -> Language:
        """The language of the lessons."""

    def lessons(self) -> list[Listed]:
        """All lessons in their order."""

    @property
    def shown(self) -> bool:
        """True if its text is on the screen."""

    def open(self, name: str) -> None:
        """Begin a lesson, by its name."""

    def toggle(self) -> None:
        """Hide its text or show it; without a lesson, open one."""

    def go_on(self) -> None:
        """Skip its step; after the last one begin the next lesson."""


class Session(Protocol):
    """What the next session restores."""

    def write_soon(self) -> None: ...


class Navigation(Protocol):
    """What leads to another screen with something in hand."""

    def to_problem(self, problem: Problem) -> None:
        """Show Build with the cursor on the field that a problem is about."""

    def to_preset(self, item: Item) -> None:
        """Open a preset, as the Library does."""

    def to_runs(self, paths: Sequence[Path]) -> None:
        """Show runs in Train, their curves drawn together."""


class Shell(Protocol):
    """The app as its screens see it."""

    look: Look
    preferences: Preferences
    """The settings that the user wrote."""
    keymap: dict[str, str]
    """Keys of actions that are not the declared ones, by id, separated by commas."""

    pace: Pace
    """How fast runs train."""

    probe_client_factory: Callable[[Callable[[Message], object]], Any]
    """Makes the client of the process that computes statistics of a network before it is trained."""

    @property
    def model(self) -> RunModel:
        """The run on the screen."""

    @property
    def current_run(self) -> CurrentRun: ...

    @property
    def study(self) -> CurrentStudy: ...

    @property
    def lesson(self) -> CurrentLesson: ...

    @property
    def go(self) -> Navigation: ...

    @property
    def session(self) -> Session: ...

    @property
    def document(self) -> Document:
        """The preset being edited."""

    @property
    def client(self) -> TrainingClient:
        """The client of the training process."""

    @property
    def file_reader(self) -> FileInspectionClient:
        """The client of the process that reads the user's files."""

    @property
    def files(self) -> DataFilesInBackground:
        """Finds what the user's files hold."""

    @property
    def drafts(self) -> OpenDrafts: ...

    @property
    def screen_name(self) -> str: ...

    def show_screen(self, name: str) -> None:
        """Go to ``build``, ``train``, ``library`` or ``study``."""

    def document_edited(self) -> None:
        """Report to every screen that the document was changed."""

    def open_document(self, raw: Raw, *, path: Path | None = None, origin: str = "") -> None: ...

    def edit(self, document: Document) -> None:
        """Edit a document, or its draft."""

    def run_changed(self, kinds: set[str]) -> None:
        """Report to every screen that the run model was fed; ``kinds``: names of events."""

    def study_changed(self) -> None:
        """Report that the study on the screen has changed."""

    def say(self, text: str) -> None:
        """Show a short message in the top bar for a few seconds."""

    def complain(self, text: str) -> None:
        """Show an error in one line."""

    def show_help(self) -> None:
        """Show all keys, those that work now first."""

    def renew(self) -> None:
        """Draw the top bar and the key bar again."""

    def refresh_bindings(self) -> None: ...

    def push_screen(self, screen: Screen[Any], callback: Callable[[Any], None] | None = None) -> Any: ...

    def post_message(self, message: Message) -> bool: ...


class HasShell(Protocol):
    """An app, as its screens find the shell."""

    @property
    def shell(self) -> Shell: ...
