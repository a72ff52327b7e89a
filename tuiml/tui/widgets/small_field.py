"""A field of one line in Train, shown only while it is edited, with what it takes beside it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tuiml.tui.charts.text import clean
from tuiml.tui.widgets.chart_view import look_of


class SmallField(Horizontal):
    """A subclass names it, and takes what was entered."""

    DEFAULT_CSS = """
    SmallField { height: 1; display: none; padding: 0 1; }
    SmallField.-open { display: block; }
    SmallField > .word { width: auto; padding: 0 1 0 0; }
    SmallField > .hint { width: 1fr; color: $text-muted; padding: 0 1; }
    SmallField > .hint.-wrong { color: $text-error; }
    SmallField > Input, SmallField > Input:focus {
        width: 16; border: none; height: 1; padding: 0 1; background: $panel;
    }
    """
    word: ClassVar[str]
    hint: ClassVar[str]

    class Left(Message):
        """The field was closed: another widget should get the focus."""

    def take(self, text: str) -> None:
        """Do what was entered.

        Raises:
            ValueError: it is not allowed; the message says why.
        """
        raise NotImplementedError

    def meaning(self, text: str) -> str:
        """What a text stands for, if that is not what it says; shown before the hint."""
        return ""

    def compose(self) -> ComposeResult:
        yield Static(self.word, classes="word", markup=False)
        yield Input(max_length=24)
        yield Static("", classes="hint", markup=False)

    @property
    def is_open(self) -> bool:
        return self.has_class("-open")

    def show_text(self, text: str) -> None:
        """Show the field with ``text`` in it."""
        self.add_class("-open")
        field = self.query_one(Input)
        field.value = text
        self._hint("")
        field.focus()

    def leave(self) -> None:
        """Hide the field."""
        if self.is_open:
            self.remove_class("-open")
            self.post_message(self.Left())

    def _hint(self, problem: str) -> None:
        hint = self.query_one(".hint", Static)
        hint.set_class(bool(problem), "-wrong")
        meaning = self.meaning(self.query_one(Input).value)
        look = look_of(self)
        hint.update(Content(clean(problem or meaning + self.hint, look)))

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        message.stop()
        try:
            self.take(message.value)
        except ValueError as error:
            self._hint(str(error))
            return
        self.leave()

    @on(Input.Changed)
    def _edited(self, message: Input.Changed) -> None:
        message.stop()
        self._hint("")

    @on(Input.Blurred)
    def _blurred(self, message: Input.Blurred) -> None:
        message.stop()
        if self.app.app_focus:  # else the terminal lost the focus, and the field gets it back later
            self.remove_class("-open")
