"""Modal screens that are dismissed with their answer (``None``: none): for a name, a confirmation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from tuiml.text import plain_text
from tuiml.tui.charts.text import clean
from tuiml.tui.keys import Keyed, action
from tuiml.tui.widgets.jump import action_jump

Answer = TypeVar("Answer")
Complaint = Callable[[str], str | None]
"""A function of the typed text that returns a message about it, or ``None``."""


@action(
    "question_mark f1", "help", "Show all keys, those of this place first.", rank=90, also="shortcuts, manual"
)
def action_help(node: Any) -> None:
    """Show the help, on the main screen or in a dialog."""
    node.app.shell.show_help()


def key_line(node: Any, text: str) -> Static:
    """The line of a dialog that names its keys, in characters that the terminal has."""
    return Static(clean(text, node.app.look), markup=False, classes="keys")


class Modal(Keyed, ModalScreen[Answer]):
    """A modal screen that is dismissed once.

    Of two quick presses of enter the second may arrive while the first is still closing the screen; Textual
    would close whatever is below for it.
    """

    action_jump = action_jump
    action_help = action_help

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        if self.app.screen is not self:
            return AwaitComplete()
        return super().dismiss(result)


class Dialog(Modal[Answer]):
    """A modal box in the middle of the screen; ``escape`` closes it."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
        & > .dialog {
            width: 64;
            max-width: 96%;
            height: auto;
            max-height: 96%;
            padding: 0 1;
            border: round $primary;
            background: $surface;
            & > .title { text-style: bold; width: 1fr; height: auto; }
            & > .detail { color: $foreground 80%; width: 1fr; height: auto; }
            & > .said { color: $error; width: 1fr; height: 1; text-overflow: ellipsis; text-wrap: nowrap; }
            & > .keys { color: $foreground 60%; width: 1fr; height: 1; text-overflow: ellipsis; }
            & > Input { border: round $foreground 40%; height: 3; background: $surface; padding: 0 1; }
            & > Input:focus { border: round $primary; }
        }
    }
    """

    @action("escape", "cancel", "Leave the dialog; nothing is done.", "dialog")
    def action_cancel(self) -> None:
        self.dismiss(None)


class NameDialog(Dialog[str | None]):
    """Asks for a name in one line; the answer is never empty.

    Args:
        check: returns why a name is not allowed; ``enter`` does nothing then.
        warn: returns a warning; the name is allowed nevertheless.
    """

    def __init__(
        self,
        title: str,
        value: str = "",
        *,
        verb: str = "save",
        check: Complaint | None = None,
        warn: Complaint | None = None,
    ) -> None:
        super().__init__()
        self._title = title
        self._value = plain_text(value)
        self._verb = verb
        self._check = check
        self._warn = warn

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(plain_text(self._title), markup=False, classes="title")
            yield Input(self._value, max_length=80, select_on_focus=True)
            yield Static("", markup=False, classes="said")
            yield Static(f"enter {self._verb}   esc cancel", markup=False, classes="keys")

    def on_mount(self) -> None:
        self._say(self._value)

    def problem(self, name: str) -> str | None:
        """Why ``name`` is not allowed, or ``None``."""
        if not name.strip():
            return "give it a name"
        if not name.isprintable():
            return "holds a control character; write plain text"
        return self._check(name.strip()) if self._check else None

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._say(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.problem(event.value) is None:
            self.dismiss(event.value.strip())

    def _say(self, name: str) -> None:
        text = self.problem(name)
        if text is None and self._warn:
            text = self._warn(name.strip())
        self.query_one(".said", Static).update(Content(plain_text(text or "")), layout=False)


class ConfirmDialog(Dialog[bool | None]):
    """Asks before something is lost: ``y`` does it; ``n``, ``escape`` and a hasty ``enter`` do not."""

    DEFAULT_CSS = """
    ConfirmDialog .buttons {
        height: 1;
        width: 1fr;
        margin: 1 0 0 0;
        & > Button { margin: 0 2 0 0; min-width: 12; }
    }
    """

    def __init__(self, title: str, detail: str = "", *, verb: str = "Delete", keep: str = "Keep") -> None:
        super().__init__()
        self._title, self._detail, self._verb, self._keep = title, detail, verb, keep

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(plain_text(self._title), markup=False, classes="title")
            if self._detail:
                yield Static(plain_text(self._detail), markup=False, classes="detail")
            with Horizontal(classes="buttons"):
                yield Button(Content(plain_text(self._keep)), id="keep", compact=True)
                yield Button(Content(plain_text(self._verb)), id="do", variant="error", compact=True)
            keys = f"y {self._verb.lower()}   n {self._keep.lower()}   ←→ enter choose"
            yield Static(keys, markup=False, classes="keys")

    def on_mount(self) -> None:
        self.query_one("#keep", Button).focus()

    @action("y", "yes", "Do what the dialog asks about.", "dialog", "answer_yes", True)
    @action("n", "no", "Do nothing.", "dialog", "answer_no", False)
    def _answer(self, yes: bool) -> None:
        self.dismiss(yes)

    @action("left up h k", "before", "The other answer.", "dialog", shown=False)
    def action_other_before(self) -> None:
        self.focus_previous()

    @action("right down l j", "after", "The other answer.", "dialog", shown=False)
    def action_other_after(self) -> None:
        self.focus_next()

    def action_cancel(self) -> None:
        self.dismiss(False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "do")
