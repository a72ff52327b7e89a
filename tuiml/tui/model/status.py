"""The status of a run in words, as wide as there is room: progress, speed, how it ended."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from rich.style import Style

from tuiml.formatting import compact, duration, rate
from tuiml.training.events import Pretraining, PretrainingProgress
from tuiml.tui.charts.bars import progress
from tuiml.tui.charts.palette import QUIET, RUNNING, TRAIN, TROUBLE, VALIDATION, Look
from tuiml.tui.charts.text import clean, wrap
from tuiml.tui.model.metric import accuracy_or_r2
from tuiml.tui.model.run_data import Status
from tuiml.tui.model.run_model import RunModel

Part = tuple[str, Style]
BAR = 16
GAP = 3

WORDS: dict[Status, str] = {
    "empty": "nothing trained yet",
    "loading": "starting",
    "early_stopped": "stopped early",
}
"""Words that differ from the status."""


OWN_LOOP = "a loop of your own: do this there"
"""Why something needs a preset that a watched run has not."""


@dataclass(frozen=True)
class Piece:
    """A part of a line. If there is no room, the highest ``drop`` is left out first, 0 never."""

    text: str
    style: Style
    drop: int = 0


def status_line(model: RunModel, width: int, look: Look, notes: Sequence[Piece] = ()) -> list[Part]:
    """Status, ``notes``, epoch, progress, step, speed, time and learning rate of a run, and of which step its
    layers are shown if that is an earlier one."""
    if model.status == "empty":
        return [(WORDS["empty"], look.style(QUIET))]
    if model.pretraining and model.alive:
        return fitted([status_word(model, look), *_pretraining(model.pretraining, look)], width)
    rest = [*_progress(model, look), *_speed(model, look), *_validation(model, look)]
    if model.snapshot_lags and model.snapshot:
        rest.append(Piece(f"layers as of step {model.snapshot.step:,}", look.style(VALIDATION, bold=True)))
    return fitted([status_word(model, look), *notes, *rest], width)


def status_word(model: RunModel, look: Look) -> Piece:
    """The status in a word, with a sign where it is running or in trouble."""
    word = WORDS.get(model.status, model.status)
    if model.status in ("running", "loading"):
        return Piece(f"{look.glyphs.dot} {word}", look.style(RUNNING, bold=True))
    if model.status in ("diverged", "failed"):
        return Piece(f"{look.glyphs.up} {word}", look.style(TROUBLE, bold=True))
    return Piece(word, look.style(bold=True))


def _progress(model: RunModel, look: Look) -> list[Piece]:
    plain, quiet = look.style(), look.style(QUIET)
    pieces = []
    epochs = model.epochs_planned
    if epochs and model.start:
        now = min(model.epoch, epochs)
        pieces.append(Piece(f"epoch {now:,}/{epochs:,}", plain))
    if model.watched and model.start:
        return [*pieces, *_own_loop(model, look)]
    if model.alive and model.start:
        style = look.style(RUNNING) if model.status == "running" else plain
        pieces.append(Piece(progress(model.done, BAR, look), style, 2))
        pieces.append(Piece(f"step {model.step:,}/{model.steps_planned:,}", quiet, 5))
    elif model.start:
        pieces.append(Piece(f"step {model.step:,}", quiet, 5))
    return pieces


def _own_loop(model: RunModel, look: Look) -> list[Piece]:
    """The progress of a watched run, whose end is not known: step, loss and accuracy."""
    plain = look.style()
    pieces = [Piece(f"epoch {model.epoch:,}", plain, 2)] if model.epochs else []
    pieces.append(Piece(f"step {model.step:,}", plain))
    if len(model.loss.raw):
        lost, value = model.loss.lost, compact(model.loss.raw.last, 4, look.glyphs.missing)
        text = "loss is no number" if lost else f"loss {value}"
        pieces.append(Piece(text, look.style(TROUBLE if lost else TRAIN), 1))
    if len(model.accuracy.raw):
        score = model.metric.text(model.accuracy.raw.last, look.glyphs.missing)
        pieces.append(Piece(f"accuracy {score}", look.style(TRAIN), 3))
    return pieces


def _validation(model: RunModel, look: Look) -> list[Piece]:
    """The newest validation accuracy or R², else the loss; once the run is over, the line below says more."""
    if model.end or not model.epochs:
        return []
    newest = model.epochs[-1]
    score = accuracy_or_r2(newest.val_accuracy, newest.val_r2)
    if math.isfinite(score):
        return [Piece(f"val {model.metric.word} {model.metric.text(score)}", look.style(VALIDATION), 1)]
    if math.isfinite(newest.val_loss):
        return [Piece(f"val loss {compact(newest.val_loss, 3)}", look.style(VALIDATION), 1)]
    return []


def _pretraining(at: Pretraining, look: Look) -> list[Piece]:
    plain, quiet = look.style(), look.style(QUIET)
    done = at.epoch - 1 + (at.done if isinstance(at, PretrainingProgress) else 1.0)
    fraction = (at.number - 1 + done / max(1, at.epochs)) / max(1, at.layers)
    return [
        Piece(f"pretraining layer {at.number:,}/{at.layers:,}", plain),
        Piece(f"epoch {at.epoch:,}/{at.epochs:,}", plain, 3),
        Piece(progress(min(1.0, max(0.0, fraction)), BAR, look), look.style(RUNNING), 2),
        Piece(f"error {compact(at.reconstruction_error, 3, look.glyphs.missing)}", plain, 1),
        Piece(duration(at.seconds), quiet, 4),
    ]


def _speed(model: RunModel, look: Look) -> list[Piece]:
    plain, quiet = look.style(), look.style(QUIET)
    pieces = []
    if math.isfinite(model.speed):
        pieces.append(Piece(speed_words(model.speed, look), quiet, 4))
    if model.alive and math.isfinite(model.seconds_left):
        pieces.append(Piece(f"{duration(model.seconds_left)} left", plain, 3))
    elif not model.alive and math.isfinite(model.seconds):
        pieces.append(Piece(f"{duration(model.seconds)} trained", quiet, 3))
    if math.isfinite(model.rate) and model.start:
        digits = 3 if model.rate < 1000 else 4  # 1000, not 1e+03
        pieces.append(Piece(f"lr {model.rate:.{digits}g}", plain, 1))
    return pieces


def speed_words(per_second: float, look: Look) -> str:
    """Training examples a second: ``31,200 examples/s``."""
    return rate(per_second, look.glyphs.missing).replace("/s", " examples/s")


MOST_LINES = 3
"""Maximum rows of a message about what is wrong."""


def detail_lines(model: RunModel, width: int, look: Look, resume: str = "g") -> list[list[Part]]:
    """Details below the status: one line, or as many as a message about what is wrong needs."""
    line = detail_line(model, width, look, resume)
    if not line or sum(cell_len(text) for text, _ in line) <= width:
        return [line] if line else []
    if model.status not in ("failed", "interrupted", "diverged", "running", "paused"):
        return [line]
    text, style = line[0]
    return [[(part, style)] for part in wrap(text, max(8, width))[:MOST_LINES]]


def detail_line(model: RunModel, width: int, look: Look, resume: str = "g") -> list[Part]:
    """Details beyond the status: a download, how the run ended and its folder. May be empty.

    Args:
        resume: the key that resumes the run.
    """
    if model.status == "interrupted" and not model.folder_gone:
        return fitted(_interrupted(model, look, resume), width)
    pieces_of = _lost if model.folder_gone and not model.alive else _DETAILS.get(model.status, _ended)
    return fitted(pieces_of(model, look), width)


def _noticed(model: RunModel, look: Look) -> list[Piece]:
    """The notices, the newest first."""
    style = look.style(TROUBLE)
    texts = [f"{look.glyphs.up} {safe(text, look)}" for text in reversed(model.notices.values())]
    return [Piece(text, style, at + 1 - model.alive) for at, text in enumerate(texts)]


def _download(model: RunModel, look: Look) -> list[Piece]:
    found = model.loading
    if found is None:
        return [Piece("reading the data", look.style(QUIET))]
    megabytes = f"{found.done / 1e6:,.1f}"
    pieces = [Piece(f"fetching {safe(found.name, look)}", look.style())]
    if found.total > 0:
        pieces.append(Piece(progress(found.done / found.total, BAR, look), look.style(RUNNING), 1))
        megabytes += f" of {found.total / 1e6:,.1f}"
    return [*pieces, Piece(f"{megabytes} MB", look.style(QUIET))]


def _failed(model: RunModel, look: Look) -> list[Piece]:
    advice = [Piece("a smaller learning rate helps", look.style(QUIET), 1)] * (model.status == "diverged")
    return [Piece(safe(model.message, look), look.style(TROUBLE)), *advice, *_folder(model, look)]


def _lost(model: RunModel, look: Look) -> list[Piece]:
    """That the folder is gone, then how the run ended."""
    gone = Piece(f"{look.glyphs.up} its folder is gone: it was renamed or deleted", look.style(TROUBLE))
    ended = _ended(model, look) if model.end else [Piece(safe(model.message, look), look.style())]
    return [gone, *(Piece(piece.text, piece.style, piece.drop + 1) for piece in ended)]


def _interrupted(model: RunModel, look: Look, resume: str) -> list[Piece]:
    text = safe(model.message, look)
    if model.resumable:
        from_there = f" from step {model.saved:,}" if model.saved not in (0, model.step) else ""
        text += f"; {resume} resumes it{from_there}"
    return [Piece(text, look.style()), *_noticed(model, look), *_folder(model, look)]


def _ended(model: RunModel, look: Look) -> list[Piece]:
    plain, quiet = look.style(), look.style(QUIET)
    pieces = []
    end = model.end
    score = accuracy_or_r2(end.test_accuracy, end.test_r2) if end else math.nan
    if end and math.isfinite(score):
        word = safe(model.metric.word, look)
        pieces.append(Piece(f"test {word} {model.metric.text(score)}", look.style(bold=True)))
        pieces.append(Piece(f"test loss {compact(end.test_loss, 3)}", plain, 1 if model.message else 0))
    if end and end.best_epoch:
        pieces.append(Piece(f"best epoch {end.best_epoch:,}", plain, 2 if model.message else 1))
    if model.message:  # whose weights these are, and why it ended before its last epoch
        pieces.append(Piece(safe(model.message, look), quiet, 1))
    return [*pieces, *_noticed(model, look), *_folder(model, look)]


_DETAILS: dict[Status, Callable[[RunModel, Look], list[Piece]]] = {
    "loading": _download, "failed": _failed, "diverged": _failed,
    "empty": _noticed, "running": _noticed, "paused": _noticed,
}  # fmt: skip


def _folder(model: RunModel, look: Look) -> list[Piece]:
    path = "" if model.folder_gone else model.path
    return [Piece(safe(at_home(path), look), look.style(QUIET), 2)] if path else []


def fitted(pieces: list[Piece], width: int) -> list[Part]:
    """The pieces with spaces between them, without those for which there is no room."""
    shown = list(pieces)
    while sum(cell_len(p.text) + GAP for p in shown) - GAP > width:
        last = max(shown, key=lambda p: p.drop)
        if not last.drop:
            break
        shown.remove(last)
    parts: list[Part] = []
    for piece in shown:
        if parts:
            parts.append((" " * GAP, Style()))
        parts.append((piece.text, piece.style))
    return parts


def safe(text: str, look: Look) -> str:
    """Text from a file or another process as one line without control characters."""
    return clean(" ".join(text.split()), look)


def at_home(path: str) -> str:
    """A path with the home folder as ``~``."""
    try:
        return f"~/{Path(path).relative_to(Path(os.path.expanduser('~')))}"
    except ValueError:
        return path
