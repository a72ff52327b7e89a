"""The base of the three screens of the app: Build, Train and Library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events
from textual.containers import Container

from tuiml.tui.keys import Where, actions, bindings
from tuiml.tui.model.document import Document
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.shell.protocol import HasShell, Shell


class AppScreen(Container):
    """A screen of the app. Its keys are those of the actions with its name.

    The app calls :meth:`shown`, :meth:`document_changed` and :meth:`run_changed`; a screen that is hidden
    (``not self.is_current``) notes what changed and catches up in :meth:`shown`.
    """

    where: ClassVar[Where]
    action_parts: tuple[object, ...] = ()
    """Plain objects with some of its actions: a method ``action_<id>`` for each."""
    DEFAULT_CSS = "AppScreen { height: 1fr; width: 1fr; }"

    def __init_subclass__(cls, **options: Any) -> None:
        if "where" in vars(cls):
            cls.BINDINGS = bindings(actions(cls.where))  # before Textual merges them
        super().__init_subclass__(**options)

    @property
    def shell(self) -> Shell:
        """What the screen may ask of the app."""
        return cast(HasShell, self.app).shell

    @property
    def document(self) -> Document:
        """The preset being edited."""
        return self.shell.document

    @property
    def run(self) -> RunModel:
        """The run on the screen."""
        return self.shell.model

    @property
    def is_current(self) -> bool:
        """True if this screen is shown."""
        return self.shell.screen_name == self.where

    def shown(self) -> None:
        """The screen became visible: refresh what changed meanwhile, focus the main widget."""

    def document_changed(self) -> None:
        """The document was edited, opened or saved."""

    def run_changed(self, kinds: set[str]) -> None:
        """The run model was fed; ``kinds`` names the events (``batch``, ``epoch``, ``snapshot``, …)."""

    def enabled(self, action_id: str) -> bool | None:
        """Whether an action of this screen works now; what does not is hidden from the key bar."""
        return True

    def why_not(self, action_id: str) -> str:
        """What is said when its key is pressed while it does not work; empty: nothing."""
        words = getattr(self.part_of(action_id), "why_not", None)
        return words(action_id) if words else ""

    def on_key(self, event: events.Key) -> None:
        keymap = self.shell.keymap
        for row in actions(self.where):
            refused = event.key in row.keys_in(keymap) and not self.enabled(row.id)
            if refused and (words := self.why_not(row.id)):
                self.shell.say(words)

    def label(self, action_id: str) -> str | None:
        """Words for the key bar in the present state; ``None``: those of the action."""
        return None

    def part_of(self, action_id: str) -> Any:
        """The part that has an action, ``None``: the screen itself."""
        return next((part for part in self.action_parts if hasattr(part, f"action_{action_id}")), None)

    if not TYPE_CHECKING:  # a type checker would then accept any attribute

        def __getattr__(self, name: str) -> Any:
            """The action of a part, which Textual looks up here as ``action_<id>``."""
            part = self.part_of(name.removeprefix("action_")) if name.startswith("action_") else None
            if part is None:
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}", name=name, obj=self)
            return getattr(part, name)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.enabled(action)
