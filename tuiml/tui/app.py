"""The app: three places, one line above them, one line of keys below."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.message import Message
from textual.timer import Timer
from textual.widgets import ContentSwitcher

from tuiml.data.own import facts
from tuiml.spec import SpecError
from tuiml.text import plain_text
from tuiml.tui import items as shelf
from tuiml.tui import own_data, running, start, theme
from tuiml.tui.actions import actions, bindings
from tuiml.tui.build import Build
from tuiml.tui.build_lines import where
from tuiml.tui.document import Document, Raw
from tuiml.tui.engine import EngineClient
from tuiml.tui.frame import PLACES, KeyBar, TopBar
from tuiml.tui.help import HelpScreen
from tuiml.tui.keeper import Keeper
from tuiml.tui.library import Library
from tuiml.tui.palette import palette
from tuiml.tui.place import Place
from tuiml.tui.prober import ProbeClient
from tuiml.tui.process import EngineBlind, EngineEvents, EngineGone, EngineProblems, Post
from tuiml.tui.run_model import MOVING, RunModel
from tuiml.tui.settings import Settings
from tuiml.tui.train import Train

REMEMBER = 3.0
"""Seconds after an edit that it is safe even from a crash."""
LEAVING = 2.0
"""Seconds that the run in hand has to save itself when the app is left."""
APART = frozenset(a.id for a in actions("any") if a.id not in ("quit", "suspend_process"))
ALL_KINDS = frozenset({"loading", "start", "batch", "epoch", "picture", "state", "notice", "end"})


class TuimlApp(App[int]):
    """The shell: it holds the preset being edited and the run on the screen, and tells the places.

    Args:
        document: what to open; absent: what the settings remember.
        settings: where the app was left; absent: a first start.
        engine_factory: makes the client of the training process, given where its messages go.
        probe_factory: makes that of the process that looks at networks before they are trained.
    """

    TITLE = "tuiml"
    BINDINGS: ClassVar[list[Any]] = list(bindings("any"))
    ENABLE_COMMAND_PALETTE = False  # the palette is one of our own
    CSS = theme.CSS

    def __init__(
        self,
        document: Document | None = None,
        settings: Settings | None = None,
        *,
        engine_factory: Callable[[Post], Any] = EngineClient,
        probe_factory: Callable[[Post], Any] | None = None,
    ) -> None:
        super().__init__()
        facts.in_background()
        self._remembered = settings or Settings()
        self._named = document is not None
        self.keeper = Keeper(self, self._remembered)
        self.document = self._first(document)
        self.model = RunModel()
        self.engine: Any = None
        self._engine_factory = engine_factory
        self.probe_factory: Callable[[Post], Any] = probe_factory or ProbeClient
        self.look = theme.look(self._remembered.dark)
        self.set_class(not self.look.unicode, "ascii")
        self._left = False
        self._remembering: Timer | None = None
        for dark in (True, False):
            self.register_theme(theme.theme(dark))
        self.theme = theme.name_of(self._remembered.dark)

    def _first(self, given: Document | None) -> Document:
        before = start.left(self._remembered)
        if given is None:
            return before
        self.keeper.put_away(before)
        return self.keeper.take(given)

    def compose(self) -> ComposeResult:
        yield TopBar(id="top")
        with ContentSwitcher(initial="build", id="places"):
            yield Build(id="build")
            yield Train(id="train", charts=self._remembered.charts)
            yield Library(id="library")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        self.engine = self._engine_factory(self.post_message)
        if not self.is_headless:
            start.watch_signals(self.leave)
            self.call_after_refresh(start.settle)
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        if self._remembered.run:
            self.run_worker(self._read_run, thread=True, group="run")
        if not self._named:
            self.query_one(Build).select(self._remembered.row)
        self.show_place("build" if self._named else self._remembered.place)
        own_data.look_ahead(self)

    class RunRead(Message):
        """The run that was on the screen when the app was left."""

        def __init__(self, model: RunModel) -> None:
            super().__init__()
            self.model = model

    def _read_run(self) -> None:
        with contextlib.suppress(SpecError, OSError, ValueError):
            self.post_message(self.RunRead(shelf.load_run(Path(self._remembered.run))))

    def on_tuiml_app_run_read(self, message: RunRead) -> None:
        if self.model.status == "empty":
            self.show_run(message.model, Path(self._remembered.run))

    def show_run(self, model: RunModel, path: Path) -> None:
        """Put a past run on the screen; what it learned is asked of its folder."""
        self.model = model
        self.engine.look_at(str(path))
        self.run_changed(set(ALL_KINDS))

    # -- places --------------------------------------------------------------------------------------------

    @property
    def place_name(self) -> str:
        """The id of the place on the screen."""
        return self.query_one("#places", ContentSwitcher).current or PLACES[0]

    @property
    def current_place(self) -> Place:
        """The place on the screen."""
        return self.query_one(f"#{self.place_name}", Place)

    def show_place(self, name: str) -> None:
        """Go to a place."""
        self.query_one("#places", ContentSwitcher).current = name if name in PLACES else PLACES[0]
        self.current_place.shown()
        if self.engine:
            self.engine.watch(self.place_name == "train")
        self.renew()

    def renew(self) -> None:
        """Say anew what the two bars say."""
        self.query_one(TopBar).renew()
        self.refresh_bindings()

    @property
    def _places(self) -> Iterator[Place]:
        return iter(self.query(Place))

    def action_place_build(self) -> None:
        self.show_place("build")

    def action_place_train(self) -> None:
        self.show_place("train")

    def action_place_library(self) -> None:
        self.show_place("library")

    # -- the document --------------------------------------------------------------------------------------

    def document_edited(self) -> None:
        """The document was changed: tell everyone."""
        for place in self._places:
            place.document_changed()
        self.renew()
        self._remember_soon()
        own_data.look_ahead(self)

    def on_files_looked(self) -> None:
        """A file that the preset may name is known now."""
        self.document.look_again()
        self.document_edited()

    def open_document(self, raw: Raw, *, path: Path | None = None, origin: str = "") -> None:
        """Edit another preset; one left with unsaved edits has them still when it is opened again."""
        fresh = Document(raw, path=path, origin=origin)
        self.keeper.put_away(self.document)
        found = self.keeper.take(fresh)
        if found is not fresh:
            self.say("with your unsaved changes")
        self._take(found)

    def show_document(self, document: Document) -> None:
        """Go on with a document that was put away, in Build."""
        self.keeper.put_away(self.document)
        self._take(self.keeper.take(document))
        self.show_place("build")

    def _take(self, document: Document) -> None:
        self.document = document
        self.query_one(Build).table.cursor = 0
        self.document_edited()

    def action_save(self) -> None:
        self.keeper.save()

    def action_save_as(self) -> None:
        self.keeper.save_as()

    def action_open(self) -> None:
        self.query_one(Library).ask()

    def action_revert(self) -> None:
        if self.document.dirty and self.document.saved_raw:
            self.document.replace(self.document.saved_raw)
            self.document_edited()

    # -- the run -------------------------------------------------------------------------------------------

    def action_toggle_run(self) -> None:
        running.toggle(self)

    def run_changed(self, kinds: set[str]) -> None:
        """The run model was fed: tell the places."""
        for place in self._places:
            place.run_changed(kinds)
        self.query_one(TopBar).renew()
        if kinds - MOVING:
            self.refresh_bindings()

    def on_engine_events(self, message: EngineEvents) -> None:
        self.run_changed(self.model.feed(message.events))

    def on_engine_problems(self, message: EngineProblems) -> None:
        self.model.fail("; ".join(f"{where(p)}{p.message}" for p in message.problems))
        self.run_changed({"end"})

    def on_engine_blind(self, message: EngineBlind) -> None:
        self.model.cannot_look(message.reason)
        self.run_changed({"blind"})

    def on_engine_gone(self, message: EngineGone) -> None:
        self.model.fail(message.reason, message.asked)
        self.run_changed({"end"})

    # -- words, help, palette ------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """A few quiet words in the top bar."""
        self.query_one(TopBar).say(plain_text(text))

    def complain(self, text: str) -> None:
        """What went wrong, in one line that cannot be missed."""
        self.notify(plain_text(text), severity="error", markup=False)

    def label(self, action_id: str) -> str | None:
        """Words of the key bar that suit the moment."""
        if action_id == "toggle_run" and self.engine and self.engine.active:
            return "go on" if self.engine.paused else "pause"
        if action_id == "toggle_dark":
            return "light" if self.look.dark else "dark"
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if len(self.screen_stack) > 1 and action in APART:
            return False  # a dialog waits for its answer
        if action == "revert":
            return self.document.dirty and bool(self.document.saved_raw)
        return True

    def action_command_palette(self) -> None:
        self.push_screen(*palette(self))

    def action_help(self) -> None:
        self.push_screen(HelpScreen())

    def action_help_quit(self) -> None:
        self.say("ctrl+q quits")

    def action_toggle_dark(self) -> None:
        dark = not self.look.dark
        self.look = theme.look(dark)
        self.theme = theme.name_of(dark)
        self.document_edited()
        self.run_changed(set(ALL_KINDS))

    # -- leaving -------------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        if self._left and isinstance(event, events.InputEvent):
            return  # pressed while the screens are being closed: there is nothing to take it
        await super().on_event(event)

    def on_unmount(self) -> None:
        facts.in_background(False)

    async def action_quit(self) -> None:
        self.leave(0)

    def leave(self, code: int) -> None:
        """Remember where we are, let the run save itself, and end with an exit code."""
        if self._left:
            return
        self._left = True
        self.keeper.remember(self._settings(), last=True)
        self.query_one(Build).flight.close()
        if self.engine is not None:
            self.engine.close(LEAVING)
        self.exit(code, return_code=code)

    def _settings(self) -> Settings:
        """Where the app is."""
        end = self.model.end or self.model.start
        row = self.query_one(Build).table.cursor
        charts = self.query_one(Train).charts
        return self.keeper.settings(self.place_name, row, end.path if end else "", self.look.dark, charts)

    def _remember_soon(self) -> None:
        """Write down where the app is a little later, away from the screen: a crash shall cost little."""
        if self._remembering is None:
            self._remembering = self.set_timer(REMEMBER, self._remember)

    def _remember(self) -> None:
        self._remembering = None
        self.run_worker(partial(self.keeper.remember, self._settings()), thread=True, group="state")
