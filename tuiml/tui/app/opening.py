"""What the app opens at the start, with a mark on disk meanwhile.

What ended the app is not opened again unless the user asks for it. The mark is written before the preset is
drawn and before the run is read, and removed once they are shown or the app exits normally.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.app import App

from tuiml.runs.folder import runs_folder
from tuiml.runs.tail import Tail
from tuiml.studies.folder import STUDY
from tuiml.tui.app.session import SavedState, Session
from tuiml.tui.model.drafts import Draft
from tuiml.tui.model.past_run import read_run
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.settings import MOST_DRAFTS, Settings, TrainView
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.train.screen import Train

PRESET, RUN = "preset", "run"
SHOWN = 1.0
"""Seconds after which what was opened has been drawn and did not end the app."""


class Opening:
    """Reads the run that was on the screen, in a thread, and shows it."""

    def __init__(
        self, app: App[Any], shell: Shell, session: Session, *, asked: bool, run: Path | None
    ) -> None:
        self._app, self._shell, self._session = app, shell, session
        self._asked, self._run = asked, run

    def mark_preset(self) -> None:
        """Mark that a preset is about to be shown; before the first frame."""
        remembered = self._session.remembered
        if self._asked or remembered.document or remembered.run:
            self._session.write(self._session.marked(PRESET))

    def open_run(self) -> None:
        """Read the run, now that the screen is shown."""
        if not self._session.remembered.run:
            self._app.set_timer(SHOWN, self._session.unmark)
            return
        mark = self._session.marked(RUN)
        self._app.run_worker(lambda: self._read(mark), thread=True, group="run")

    def _read(self, mark: SavedState) -> None:
        self._session.write(mark)
        path = Path(self._session.remembered.run)
        tail = Tail(path)
        self._app.call_later(
            self.show, read_run(path, self._shell.files, snapshots=True, tail=tail, soon=True), tail
        )

    def show(self, model: RunModel | str, tail: Tail) -> None:
        """Show the run, unless another is on the screen by now; a text is why it cannot be shown."""
        if isinstance(model, str):
            if self._run:
                self._shell.complain(model)
        elif self._shell.model.status == "empty":
            self._shell.current_run.show(model, tail)
            if not self._run:
                self._app.query_one(Train).restore_view(self._session.remembered.train_view)
        self._app.set_timer(SHOWN, self._session.unmark)


def spared(found: Settings, run: Path | None = None, named: bool = False) -> Settings:
    """The settings without what the app was opening when it ended; :attr:`Settings.trouble` says so.

    Args:
        run: the run that is asked for now.
        named: whether a preset is.
    """
    (stage, _, process), found = found.opening.partition(" "), replace(found, opening="")
    if process.isascii() and process.isdigit() and _runs(int(process)):
        return found  # another app is opening it now
    if stage == RUN and found.run and run is None:
        return replace(
            found, run="", screen="build", train_view=TrainView(), trouble=_run_words(Path(found.run))
        )
    if stage == PRESET and found.document is not None:
        left = found.document
        drafts = [left, *found.drafts][:MOST_DRAFTS] if left.dirty or left.marks else found.drafts
        trouble = "" if named else _preset_words(left)
        return replace(found, document=None, drafts=drafts, screen="build", row=0, trouble=trouble)
    return found


def wanted(
    found: Settings, run: Path | None, study: tuple[Path, Path | None] | None
) -> tuple[Settings, tuple[Path, Path | None] | None]:
    """The settings with the run or the study that is asked for, and the study: by default the last one."""
    if run is not None:
        found = replace(found, run=str(run), screen="train")
    if study is not None:
        return replace(found, screen="study"), study
    last = Path(found.study)
    return found, (last, None) if found.study and (last / STUDY).is_file() else None


def _run_words(path: Path) -> str:
    word = path.name if path.parent == runs_folder() else str(path)
    return f"the app ended while it opened the run {path.name}; 'tuiml {shlex.quote(word)}' opens it anyway"


def _preset_words(draft: Draft) -> str:
    word = draft.path or draft.origin
    how = f"'tuiml {shlex.quote(word)}'" if word else "ctrl+p, with its name,"
    name = Path(draft.path).stem or draft.origin or "that was not saved yet"
    return f"the app ended while it opened the preset {name}; {how} opens it anyway"


def _runs(process: int) -> bool:
    """True if there is another process of that number."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return process != os.getpid()
