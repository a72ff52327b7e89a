"""The line above a study's table, and the sentence below it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tuiml.formatting import duration
from tuiml.tui.charts.bars import progress
from tuiml.tui.charts.palette import QUIET, RUNNING, TROUBLE, VARIED, Look
from tuiml.tui.charts.text import clean, wrap
from tuiml.tui.keys import with_keys
from tuiml.tui.model.status import Part, Piece, fitted
from tuiml.tui.model.study_model import StudyModel

BAR = 16
MOST_LINES, NOTE_LINES = 3, 6
TALL = 30
"""Lines of a screen that has room for twice as many of a conclusion."""


def status_line(model: StudyModel, width: int, look: Look, keymap: Mapping[str, str]) -> list[Part]:
    """Name, state, progress, what runs, time left."""
    quiet, plain = look.style(QUIET), look.style()
    if model.empty:
        text = "no study yet: mark a setting with {vary} in Build, then {start_pause}"
        return [(with_keys(text, keymap), quiet)]
    pieces = [Piece(clean(model.name, look), look.style(bold=True)), _state(model, look)]
    results = model.results
    if results is not None:
        counts = model.counts()
        pieces.append(Piece(f"{results.done:,} of {results.total:,} runs", plain))
        pieces.append(
            Piece(progress(results.done / max(1, results.total), BAR, look), look.style(RUNNING), 2)
        )
        if model.where and counts.get("running"):
            pieces.append(Piece(f"{counts['running']} running", quiet, 4))
            left = model.seconds_left()
            if math.isfinite(left):
                pieces.append(Piece(f"about {duration(left)} left", plain, 3))
        bad = counts.get("failed", 0) + counts.get("diverged", 0)
        if bad:
            pieces.append(Piece(f"{look.glyphs.up} {bad} failed or diverged", look.style(TROUBLE), 1))
    return fitted(pieces, width)


def _state(model: StudyModel, look: Look) -> Piece:
    if model.paused:
        return Piece("paused", look.style(bold=True))
    if model.starting:
        return Piece(f"{look.glyphs.dot} starting", look.style(RUNNING, bold=True))
    if model.where:
        elsewhere = " in another process" if model.where == "elsewhere" else ""
        return Piece(f"{look.glyphs.dot} running{elsewhere}", look.style(RUNNING, bold=True))
    if model.results is not None and model.results.done >= model.results.total:
        return Piece("done", look.style(bold=True))
    return Piece("not running" if model.begun else "not begun", look.style(bold=True))


def conclusion_lines(model: StudyModel, width: int, height: int, look: Look) -> list[list[Part]]:
    """What can be concluded, before the start what it is about; above it what went wrong. ``width`` is of the
    lines, ``height`` of the screen."""
    most = MOST_LINES * 2 if height >= TALL else MOST_LINES
    lines: list[list[Part]] = []
    if model.message:
        text = _wrapped(model.message, width, MOST_LINES, look)
        lines += [[(f"{look.glyphs.up} {line}", look.style(TROUBLE))] for line in text]
    note = model.study.note if model.study and not model.begun else ""
    if note:
        lines += [[(f"  {line}", look.style(QUIET))] for line in _wrapped(note, width, NOTE_LINES, look)]
    elif model.results is not None and model.results.conclusion:
        text = _wrapped(model.results.conclusion, width, most, look)
        lines += [
            [(f"{look.glyphs.varied if not at else ' '} {line}", look.style(VARIED))]
            for at, line in enumerate(text)
        ]
    return lines or [[("", look.style())]]


def _wrapped(text: str, width: int, most: int, look: Look) -> list[str]:
    """A text in lines with room for a sign before it; the last of so many says if there would be more."""
    lines = wrap(clean(text, look), max(20, width - 3))
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1] + look.glyphs.more]
    return lines
