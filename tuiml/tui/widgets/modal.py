"""The base of modal screens."""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

from tuiml.tui.keys import Keyed

Answer = TypeVar("Answer")


class Modal(Keyed, ModalScreen[Answer]):
    """A modal screen that is dismissed once.

    Of two quick presses of enter the second may arrive while the first is still closing the screen; Textual
    would close whatever is below for it.
    """

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        if self.app.screen is not self:
            return AwaitComplete()
        return super().dismiss(result)
