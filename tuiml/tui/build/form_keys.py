"""The keys that lead from Build's table into the form."""

from __future__ import annotations

from collections.abc import Callable

from tuiml.tui.keys import action


class FormKeys:
    """Goes to a section of the form by its path, or to a field by its number."""

    def __init__(self, go_to: Callable[[str], None], enter: Callable[[int], None]) -> None:
        self._go_to, self._enter = go_to, enter

    def enabled(self, action_id: str) -> bool:
        """They work at all times."""
        return True

    @action("tab", "first field", "To the first field of the form.", "build", rank=180, shown=False)
    def action_form_first(self) -> None:
        self._enter(0)

    @action("shift+tab", "last field", "To the last field of the form.", "build", rank=190, shown=False)
    def action_form_last(self) -> None:
        self._enter(-1)

    @action(
        "t",
        "training",
        "To the training: optimizer, rate, epochs.",
        "build",
        rank=120,
        also="adam, sgd, learning rate, batch size",
    )
    def action_edit_training(self) -> None:
        self._go_to("training")

    @action(
        "D", "data", "To the data settings: set, sizes, normalization.", "build", rank=160, also="dataset"
    )
    def action_edit_data(self) -> None:
        self._go_to("data")

    @action("n", "name", "To the preset's name and note.", "build", rank=170, also="title")
    def action_edit_name(self) -> None:
        self._go_to("")
