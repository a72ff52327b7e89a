"""The dialog that changes a run while it is trained: optimizer, learning rate, batch size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tuiml.nn.optimizers import optimizers
from tuiml.spec.preset import Preset, Training
from tuiml.text import plain_text
from tuiml.tui.build.sections import training_section
from tuiml.tui.model.document import Document
from tuiml.tui.widgets.dialogs import Dialog, key_line
from tuiml.tui.widgets.fields import Field, Section
from tuiml.tui.widgets.form import Form

SETTINGS = ("training.optimizer", "training.learning_rate", "training.batch_size")


class ChangeForm(Form):
    """A form in which ``enter`` applies all settings, unless a list of choices is open."""

    class Entered(Message):
        """The settings shall be applied."""

    def action_open_field(self) -> None:
        if self.model.picker:
            super().action_open_field()
        else:
            self.post_message(self.Entered())

    def action_toggle_value(self) -> None:
        super().action_open_field()

    def _tab(self, by: int) -> None:
        if self.model.picker:
            self._moved(self.model.step(by))
        else:
            self.go_to_number(self.model.focus + by)

    def label(self, action_id: str) -> str | None:
        if action_id == "open_field" and not self.model.picker:
            return "apply"
        return super().label(action_id)


class ChangeDialog(Dialog[dict[str, Any] | None]):
    """Asks for other settings; the answer holds those that were changed."""

    DEFAULT_CSS = """
    ChangeDialog > .dialog > ChangeForm { height: 14; max-height: 60%; }
    """

    def __init__(self, preset: Preset, settings: Mapping[str, Any], rate: float) -> None:
        super().__init__()
        raw: dict[str, Any] = {**preset.document(), "data": preset.data}
        now = Training.model_validate({"batch_size": preset.training.batch_size, **settings})
        optimizer = now.optimizer if "optimizer" in settings else preset.training.optimizer
        raw["training"] |= {
            "optimizer": optimizers.write(optimizer),
            "batch_size": now.batch_size,
            "learning_rate": rate,
        }
        self._change = Document(raw)
        self._now = self._change.preset.training if self._change.preset else preset.training

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("Change the run", markup=False, classes="title")
            yield ChangeForm(self._apply)
            yield Static("", markup=False, classes="said")
            yield key_line(self, "enter apply   ↑↓ field   ←→ space choices   esc cancel")

    @property
    def form(self) -> ChangeForm:
        return self.query_one(ChangeForm)

    def on_mount(self) -> None:
        self._show()
        self.form.focus()

    def _show(self) -> None:
        found = training_section(self._change)
        fields = tuple(field for field in found.fields if field.path.startswith(SETTINGS))
        self.form.show([Section("from the next batch on", "training", fields, found.problems)])
        text = "" if self._change.preset else str(self._change.problems[0])
        self.query_one(".said", Static).update(Content(plain_text(text)), layout=False)

    def _apply(self, field: Field, value: Any) -> None:
        document = self._change
        if value is None:
            document.unset(field.path)
        elif field.registry is not None:
            document.choose(field.path, value, field.registry, field.names)
            document.unset("training.learning_rate")  # every optimizer has its own default
        else:
            document.set(field.path, value, field.names)
        self._show()

    @on(Form.Left)
    def _leave(self, message: Form.Left) -> None:
        message.stop()
        self.dismiss(None)

    @on(ChangeForm.Entered)
    def _enter(self, message: ChangeForm.Entered) -> None:
        message.stop()
        if self._change.preset is not None:
            self.dismiss(asked(self._now, self._change.preset.training) or None)


def asked(now: Training, then: Training) -> dict[str, Any]:
    """The settings in ``then`` that differ from ``now``."""
    found: dict[str, Any] = {}
    if then.optimizer != now.optimizer:
        found["optimizer"] = optimizers.write(then.optimizer)
    if then.batch_size != now.batch_size:
        found["batch_size"] = then.batch_size
    if then.rate != now.rate:
        found["learning_rate"] = then.rate
    return found
