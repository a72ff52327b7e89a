"""A field to type a place in a run: a step, an epoch, or a part of the run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from textual.message import Message

from tuiml import typed_numbers
from tuiml.registry import short
from tuiml.tui.widgets.small_field import SmallField

EXAMPLES = "1000, 1e3, 50% or epoch 12"


class StepField(SmallField):
    """A field for a step to go to. ``step_of`` gives that of an epoch, ``newest`` the last one."""

    word = "go to step"
    hint = f"{EXAMPLES}   enter go   esc cancel"

    def __init__(
        self, step_of: Callable[[float], float], newest: Callable[[], int], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._step_of, self._newest = step_of, newest

    @dataclass
    class Asked(Message):
        """A step of the run was entered."""

        step: int

    def open(self) -> None:
        """Show the field, empty."""
        self.show_text("")

    def take(self, text: str) -> None:
        self.post_message(self.Asked(read_step(text, self._step_of, self._newest())))


def read_step(text: str, step_of: Callable[[float], float], newest: int) -> int:
    """The step in ``text``: ``1000``, ``1e3``, ``50%`` of the steps done, or ``epoch 12``.

    Raises:
        ValueError: it is none, or beyond the newest; the message says why.
    """
    asked = text.strip().casefold()
    epoch = re.fullmatch(r"e(?:poch)?\s*(?=[\d.(])(.*)", asked)
    part = asked.endswith("%")
    try:
        number = typed_numbers.evaluate(epoch[1] if epoch else asked.removesuffix("%"), integer=not epoch)
    except ValueError as error:
        wrong = f"give {EXAMPLES}" if str(error) == typed_numbers.EXAMPLES else f"{short(text)}: {error}"
        raise ValueError(wrong) from None
    step = step_of(float(number)) if epoch else number / 100 * newest if part else float(number)
    if not 0 <= step <= newest + 0.5:
        raise ValueError(f"{short(text)} is beyond the run; its newest step is {newest:,}")
    return round(step)
