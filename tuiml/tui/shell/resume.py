"""Resuming a run that is not trained: the questions to ask first, and the outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tuiml.registry import short
from tuiml.runs.writer import writer_of
from tuiml.spec import SpecError, check
from tuiml.spec.edit import assign
from tuiml.tui.keys import key_of
from tuiml.tui.model.past_run import newest_step
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.stepping import nice
from tuiml.tui.widgets.dialogs import ConfirmDialog, NameDialog

if TYPE_CHECKING:
    from tuiml.tui.shell.protocol import Shell

EPOCHS, RATE, STOPPING = "training.epochs", "training.learning_rate", "training.early_stopping"


class NumberDialog(NameDialog):
    """Asks for a number in one line."""

    def __init__(self, title: str, value: str, problem: Callable[[str], str | None]) -> None:
        super().__init__(title, value, verb="resume")
        self._refusal = problem

    def problem(self, name: str) -> str | None:
        return self._refusal(name.strip()) if name.strip() else "give a number"


def resume_run(app: Shell) -> None:
    """Resume the run on the screen, after asking what has to be asked."""
    model = app.model
    if not model.resumable or app.client.active:
        return
    writer = writer_of(Path(model.path))
    if writer:
        app.complain(f"{model.name} is being trained by {writer}: it is only followed here")
        return
    model.saved = newest_step(Path(model.path))
    if model.status == "early_stopped":
        _ask_stopping(app, model)
    elif model.status == "diverged":
        _ask_rate(app, model)
    elif all_done(model):
        _ask_epochs(app, model)
    else:
        begin(app, ())


def all_done(model: RunModel) -> bool:
    """True if the run ended with its last epoch; one that was cut off there still has its end to come."""
    steps = model.steps_planned
    return model.status == "completed" or (model.end is not None and 0 < steps <= model.saved)


def _ask_epochs(app: Shell, model: RunModel) -> None:
    planned = model.epochs_planned
    title = f"All {planned:,} epochs are done. Resume for how many more?"

    def refusal(word: str) -> str | None:
        if not (word.isascii() and word.isdigit() and int(word[:9]) > 0):
            return "a whole number above 0"
        return _refusal(model, f"{EPOCHS}={planned + int(word[:12])}")

    def answered(word: str | None) -> None:
        if word is not None:
            begin(app, [f"{EPOCHS}={planned + int(word)}"])

    app.push_screen(NumberDialog(title, str(max(1, planned // 2)), refusal), answered)


def _ask_rate(app: Shell, model: RunModel) -> None:
    title = f"It diverged at a learning rate of {model.rate:.3g}. Resume with which?"

    def answered(word: str | None) -> None:
        if word is not None:
            begin(app, [f"{RATE}={word}"])

    own = model.preset.training.rate if model.preset else model.rate
    suggested = f"{own if own <= model.rate / 10 else nice(model.rate, -1):g}"
    app.push_screen(NumberDialog(title, suggested, lambda word: _refusal(model, f"{RATE}={word}")), answered)


def _ask_stopping(app: Shell, model: RunModel) -> None:
    done, planned = model.end.epochs if model.end else 0, model.epochs_planned
    dialog = ConfirmDialog(
        f"It stopped early, after {done:,} of {planned:,} epochs. Resume without early stopping?",
        verb="Resume",
        keep="Cancel",
    )
    app.push_screen(dialog, lambda yes: begin(app, [f"{STOPPING}=never"]) if yes else None)


def _refusal(model: RunModel, setting: str) -> str | None:
    """Why a setting is refused."""
    try:
        problems = check(assign(model.document, setting), model.files)[1]
    except SpecError as error:
        problems = list(error.problems)
    return short(problems[0].message, 60) if problems else None


def begin(app: Shell, settings: list[str] | tuple[()]) -> None:
    """Resume the run on the screen in the training process."""
    model = app.model
    if app.client.active or not model.resumable:  # while a dialog was open
        return
    document = model.document
    for setting in settings:
        document = assign(document, setting)
    app.current_run.stop_following()
    model.resume(document)
    app.show_screen("train")
    app.client.resume_run(model.path, settings)
    app.run_changed({"start", "state"})


def refused(app: Shell, reason: str) -> bool:
    """The run cannot be resumed: say why, once. True if it was to be resumed."""
    model = app.model
    if not model.resuming:
        return False
    model.refuse_resume()
    app.complain(reason)
    app.current_run.ended()
    return True


def offer(model: RunModel, keymap: Mapping[str, str]) -> str:
    """From where the run can be resumed, in words that follow another sentence."""
    if not model.resumable:
        return ""
    key = key_of("resume", keymap)
    if not model.saved:
        return f"; it has no checkpoint yet; {key} starts it again"
    return f"; its newest checkpoint is of {where(model, model.saved)}; {key} resumes it"


def where(model: RunModel, step: int) -> str:
    """A step in words: ``epoch 3, step 1,240``."""
    start = model.start
    if start is None or start.epochs <= 0 or start.steps < start.epochs:
        return f"step {step:,}"
    return f"epoch {max(0, step - 1) * start.epochs // start.steps + 1:,}, step {step:,}"
