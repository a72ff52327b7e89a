"""What the app is about to open, written down before: what ended the app is not opened again unasked.

The mark is set before the screen is drawn (the preset) and before the run is read (the run). It is taken
away once the screen shows them, and whenever the app is left in the usual way.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from tuiml.runs.folder import runs_folder
from tuiml.tui.model.settings import MOST_DRAFTS, Draft, Seen, Settings

PRESET, RUN = "preset", "run"


def spared(found: Settings, run: Path | None = None, named: bool = False) -> Settings:
    """The settings without what the app was opening when it ended; :attr:`Settings.trouble` says so.

    Args:
        run: the run that is asked for now.
        named: whether a preset is.
    """
    stage, found = found.opening, replace(found, opening="")
    if stage == RUN and found.run and run is None:
        return replace(found, run="", place="build", seen=Seen(), trouble=_run_words(Path(found.run)))
    if stage == PRESET and found.document is not None:
        left = found.document
        drafts = [left, *found.drafts][:MOST_DRAFTS] if left.dirty else found.drafts
        trouble = "" if named else _preset_words(left)
        return replace(found, document=None, drafts=drafts, place="build", row=0, trouble=trouble)
    return found


def _run_words(path: Path) -> str:
    word = path.name if path.parent == runs_folder() else str(path)
    return f"the app ended while it opened the run {path.name}; 'tuiml {shlex.quote(word)}' opens it anyway"


def _preset_words(draft: Draft) -> str:
    word = draft.path or draft.origin
    how = f"'tuiml {shlex.quote(word)}'" if word else "ctrl+p, with its name,"
    name = Path(draft.path).stem or draft.origin or "that was not saved yet"
    return f"the app ended while it opened the preset {name}; {how} opens it anyway"
