"""Two apps that share a folder: each edits a preset of its own, saves it, is closed or killed, and opened."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.simulator.disk import Killed, Process
from tests.simulator.plan import Broken
from tuiml.data.own.reading import DataFiles
from tuiml.spec import SpecError, library
from tuiml.tui.app.session import Session
from tuiml.tui.model import preset_files, settings
from tuiml.tui.model.document import Document, Raw
from tuiml.tui.model.drafts import document_of

if TYPE_CHECKING:
    from tests.simulator.world import World


class _NoScreen:
    """What a session asks of the app."""

    def call_later(self, *_: object) -> None:
        """Nothing is shown."""


@dataclass
class _App:
    """One app: its process, its session, and what it was told is saved."""

    name: str
    """Also of its preset."""
    process: Process = field(default_factory=Process)
    session: Session | None = None
    drafts: list[Raw | None] = field(default_factory=lambda: [None])
    """What the session's file may hold of its preset: the newest that is said to be saved (``None``: none
    is), and later ones."""
    files: list[Raw | None] = field(default_factory=lambda: [None])
    """The same of the preset's own file."""


class Apps:
    """The apps of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._apps = [_App(f"app{number}") for number in range(2)]

    def edit(self, number: int, path: str, value: Any) -> None:
        """Change a setting."""
        session = self._opened(number)
        session.document.set(path, value)
        session.document.seal()

    def undo(self, number: int) -> None:
        """Take the last edit back."""
        self._opened(number).document.undo()

    def save(self, number: int, fuse: int = -1, torn: float = 0.0) -> None:
        """Write the session, as the app does after each edit; with a fuse, the app is killed meanwhile."""
        app, session = self._apps[number], self._opened(number)
        app.drafts.append(copy.deepcopy(session.document.raw))
        app.process.fuse, app.process.torn = fuse, torn
        faults = self._world.disk.faults
        self._world.disk.acting = app.process
        try:
            session.write(session.snapshot())
        except Killed:
            self.end(number)
        else:
            if not session.trouble and self._world.disk.faults == faults:
                del app.drafts[:-1]  # where the folder could not be synced, a power cut may undo it
        finally:
            app.process.fuse = -1
            self._world.disk.acting = Process()
        if fuse >= 0:
            self.end(number)
            self.look(f"app {number} was killed")

    def keep(self, number: int) -> None:
        """Save the preset to its file, as ctrl+s does."""
        app, session = self._apps[number], self._opened(number)
        raw = copy.deepcopy(session.document.raw)
        app.files.append(raw)
        faults = self._world.disk.faults
        self._world.disk.acting = app.process
        try:
            library.save(raw, preset_files.preset_path(app.name))
            if self._world.disk.faults == faults:
                del app.files[:-1]
        except OSError:
            pass
        finally:
            self._world.disk.acting = Process()

    def end(self, number: int) -> None:
        """The process is gone."""
        app = self._apps[number]
        self._world.disk.release(app.process)
        app.process, app.session = Process(app.name), None

    def end_all(self) -> None:
        for number in range(len(self._apps)):
            self.end(number)

    def _opened(self, number: int) -> Session:
        app = self._apps[number]
        if app.session is None:
            app.process = Process(app.name)
            self._world.disk.acting = app.process
            app.session = Session(
                _NoScreen(),  # type: ignore[arg-type]  # a session asks of its app what this has, and no more
                DataFiles(),
                lambda _: None,
                settings.load(),
                None,
                lambda here: here,
            )
            self._open_own(app.name, app.session)
            self._world.disk.acting = Process()
        return app.session

    @staticmethod
    def _open_own(name: str, session: Session) -> None:
        """Open the app's own preset: a draft of the session before, or a new one."""
        if session.document.name == name:
            return
        document = next((draft for draft in session.drafts if draft.name == name), None)
        if document is None:
            document = Document(preset_files.NEW | {"name": name})
            document.mark_saved({})  # all of it is unsaved, whatever is undone
        session.open(document)

    @staticmethod
    def _drafts() -> dict[str, Document]:
        """The documents in the session's file, by their names."""
        there = settings.load()
        found = [document_of(draft) for draft in (there.document, *there.drafts) if draft]
        return {document.name: document for document in found if document}

    def look(self, when: str) -> None:
        """Raise Broken unless what was said to be saved is there."""
        there = self._drafts()
        for app in self._apps:
            found = there[app.name].raw if app.name in there else None
            if found not in app.drafts:
                raise Broken("no edit that was saved is lost", f"{when}: {app.name} has {_short(found)}")
        for app in self._apps:
            path = preset_files.preset_path(app.name)
            content = _read(path)
            if content not in app.files:
                raise Broken("no preset that was saved is lost", f"{when}: {path.name} has {_short(content)}")


def _read(path: Path) -> Raw | None:
    try:
        return library.read(path)
    except SpecError:
        return None


def _short(raw: Raw | None) -> str:
    return "nothing" if raw is None else str(raw.get("training"))[:80]
