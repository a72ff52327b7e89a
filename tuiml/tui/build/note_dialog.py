"""The dialog that edits a preset's note, which has several lines."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static, TextArea

from tuiml.text import plain_text
from tuiml.tui.keys import action
from tuiml.tui.widgets.dialogs import Modal


class NoteScreen(Modal[str | None]):
    """Answers with the note, ``None`` if it was not edited."""

    DEFAULT_CSS = """
    NoteScreen { align: center middle; background: $background 60%; }
    NoteScreen > Vertical {
        width: 80; max-width: 96%; height: 16; max-height: 90%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    NoteScreen TextArea, NoteScreen TextArea:focus { border: none; padding: 0; background: $surface; }
    NoteScreen TextArea { height: 1fr; }
    NoteScreen .title { text-style: bold; }
    NoteScreen .keys { color: $foreground 60%; height: 1; }
    """

    def __init__(self, note: str) -> None:
        super().__init__()
        self._shown = plain_text(note, lines=True)
        self._area = TextArea(self._shown, soft_wrap=True, tab_behavior="focus")

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("Note: what to look for", classes="title", markup=False)
            yield self._area
            yield Static("esc done", classes="keys", markup=False)

    def on_mount(self) -> None:
        self._area.move_cursor(self._area.document.end)

    def on_resize(self) -> None:
        self.call_after_refresh(self._wrap)

    def _wrap(self) -> None:
        """Wrap the text for the new width: the text area itself wraps it for the one before."""
        self._area.soft_wrap = False
        self._area.soft_wrap = True

    @action("escape", "done", "Keep the edited note.", "note")
    def action_note_done(self) -> None:
        text = self._area.text
        self.dismiss(None if text == self._shown else text)
