"""Shows the progress of a run: as JSON lines, as a bar that is redrawn, or as a line per epoch."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tuiml.cli.output import cells, note, say
from tuiml.files import home
from tuiml.formatting import NONE, count_text, duration, loss, metric_text
from tuiml.text import plain_text
from tuiml.training.events import (
    SAVING,
    End,
    Epoch,
    Event,
    Intervention,
    Loading,
    Notice,
    Pretraining,
    PretrainingProgress,
    Progress,
    RateTried,
    Replayed,
    Start,
)

BAR = 10
"""Cells of the bar."""
REDRAWN = 0.1
"""Seconds between two drawings."""


class Show:
    """Shows nothing but the result: ``--quiet``."""

    live = False
    """True if events within an epoch are wanted."""

    def __init__(self) -> None:
        self.unsaved = False
        """True while something of the run is not saved."""
        self._silent = False
        self._loading = ""
        self._epochs = 0
        self._steps = 0
        self._last: Epoch | None = None

    def tell(self, event: Event) -> None:
        """Show an event.

        Raises:
            OSError: stdout takes nothing any more.
        """
        if isinstance(event, Start):
            self._epochs, self._steps = event.epochs, event.steps
        if isinstance(event, Intervention):
            self._steps = event.steps
        if isinstance(event, Epoch):
            self._last = event
        if isinstance(event, Notice) and event.about == SAVING:
            self.unsaved = bool(event.text)
        if not self._silent:
            if isinstance(event, Notice) and event.text:  # --quiet says nothing of progress, but this
                self.close()
                note(f"tuiml: {event.text}")
            self.draw(event)
            if isinstance(event, End):
                self.result(event)

    def silence(self) -> None:
        """Show nothing from here on."""
        self._silent = True

    def draw(self, event: Event) -> None:
        """Show progress."""

    def result(self, end: End) -> None:
        """Print the result to stdout and hints to stderr."""
        self.close()
        say(
            f"{plain_text(end.run)}: {end.reason}, epochs {end.epochs}, best {end.best_epoch}, "
            f"{duration(end.seconds, NONE)} of training, {count_text(end.examples_per_second)} examples/s\n"
            f"test loss {loss(end.test_loss)}, test {metric_text(end.test_accuracy, end.test_r2)}\n"
            f"{plain_text(end.path)}",
            lines=True,
        )
        if end.reason == "stopped" and not self.unsaved:
            note(f"tuiml: stopped at step {end.step:,} and saved; 'tuiml resume {_word(end)}' goes on")
        if end.message:
            note(f"tuiml: {end.message}")

    def close(self) -> None:
        """End the line, if one was begun."""

    def loading(self, event: Event) -> None:
        """Print once which file is loading."""
        if not isinstance(event, Loading) or (event.total and event.done >= event.total):
            return  # a file that is there at once is not worth a line
        if event.name != self._loading:
            self._loading = event.name
            note(f"loading {event.name}")


class Lines(Show):
    """A JSON object per line on stdout: start, epochs (of pretraining, too), notices, end."""

    def __init__(self, quiet: bool) -> None:
        super().__init__()
        self._quiet = quiet

    def draw(self, event: Event) -> None:
        if not self._quiet:
            self.loading(event)
        whole_epoch = isinstance(event, Pretraining) and not isinstance(event, PretrainingProgress)
        if whole_epoch or isinstance(event, Start | Epoch | Intervention | Notice | End | Replayed):
            say(json.dumps(event.to_json(), allow_nan=False))

    def result(self, end: End) -> None:
        if end.message:
            note(f"tuiml: {end.message}")


class Plain(Show):
    """A line per epoch on stderr that is no terminal."""

    def draw(self, event: Event) -> None:
        self.loading(event)
        if isinstance(event, Start):
            for line in opening(event):
                note(line)
        if isinstance(event, Pretraining) and not isinstance(event, PretrainingProgress):
            note("  ".join(pretraining(event)))
        if isinstance(event, Epoch):
            note("  ".join([f"epoch {event.epoch}/{self._epochs}", *figures(event), speed(event)]))


class Bar(Show):
    """One line on a terminal, redrawn all the time."""

    live = True

    def __init__(self) -> None:
        super().__init__()
        self._drawn = 0
        self._due = 0.0
        encoding = (sys.stderr.encoding or "").lower()
        self._marks = ("▰", "▱") if encoding.startswith("utf") else ("#", ".")

    def draw(self, event: Event) -> None:
        if isinstance(event, Start):
            self.close()
            for line in opening(event):
                note(line)
            return
        now = time.monotonic()
        if now < self._due and not isinstance(event, Epoch | Pretraining):
            return
        parts = self._parts(event)
        if parts:
            self._due = now + REDRAWN
            self.redraw(parts)

    def _parts(self, event: Event) -> list[str]:
        """The parts of the line, the most important first."""
        if isinstance(event, Loading):
            of = f" of {count_text(event.total / 1e6)}" if event.total else ""
            return [f"{event.name}: {count_text(event.done / 1e6)}{of} MB"]
        if isinstance(event, Pretraining):
            return pretraining(event)
        if isinstance(event, RateTried):
            bar = self.bar(event.number / event.steps)
            return [f"{bar} rate {event.learning_rate:.1e}", f"loss {loss(event.smoothed)}"]
        if not isinstance(event, Progress | Epoch):
            return []
        epochs = f"epoch {event.epoch:>{len(str(self._epochs))}}/{self._epochs}"
        bar = self.bar(event.step / self._steps if self._steps else 0.0)
        left = [f"{duration(event.seconds_left, NONE)} left"] if isinstance(event, Progress) else []
        return [f"{epochs} {bar}", *figures(event, self._last), *left, speed(event)]

    def bar(self, fraction: float) -> str:
        done = round(BAR * fraction)
        return self._marks[0] * done + self._marks[1] * (BAR - done)

    def redraw(self, parts: list[str]) -> None:
        width = _columns() - 1
        line = plain_text(parts[0])
        for part in parts[1:]:
            longer = f"{line}  {plain_text(part)}"
            if cells(longer) > width:
                break
            line = longer
        line = line[:width]
        rest = " " * (self._drawn - cells(line))
        with contextlib.suppress(OSError):  # the terminal is gone; the run is not
            sys.stderr.write(f"\r{line}{rest}")
            sys.stderr.flush()
        self._drawn = cells(line)

    def close(self) -> None:
        if self._drawn:
            self._drawn = 0
            note("")


def choose(*, json: bool, quiet: bool) -> Show:
    """The way to show a run, by options and by the kind of stderr."""
    if json:
        return Lines(quiet)
    if quiet:
        return Show()
    return on_stderr()


def on_stderr() -> Show:
    """A bar if stderr is a terminal, else lines."""
    terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return Bar() if terminal else Plain()


def _word(end: End) -> str:
    """What finds the run again: its name, or the path of a folder that was moved elsewhere."""
    path = Path(end.path)
    return end.run if path.parent == home() / "runs" else shlex.quote(end.path)


def loading_on(show: Show) -> Callable[[str, int, int], None]:
    """What shows the progress of a file: called with its name, the bytes done and all (0: not known)."""

    def tell(name: str, done: int, total: int) -> None:
        show.draw(Loading(name, done, total))
        if done == total or done > total > 0:
            show.close()

    return tell


def opening(start: Start) -> list[str]:
    """The first lines of a run."""
    threads = f"{start.threads} thread" + ("s" if start.threads > 1 else "")
    text = (
        f"{start.run}: {start.parameters:,} parameters, {start.train_examples:,} training and "
        f"{start.validation_examples:,} validation examples, {start.backend} on {start.device}, {threads}"
    )
    return [text, plain_text(start.note)] if start.note else [text]


def pretraining(event: Pretraining) -> list[str]:
    """The progress of pretraining, the most important part first."""
    where = f"pretraining layer {event.number}/{event.layers}, epoch {event.epoch}/{event.epochs}"
    return [where, f"reconstruction error {loss(event.reconstruction_error)}"]


def figures(event: Progress | Epoch, last: Epoch | None = None) -> list[str]:
    """Loss and accuracy or R², in training and (for the last epoch) in validation."""
    found = [f"loss {loss(event.train_loss)}", metric_text(event.train_accuracy, event.train_r2)]
    scored = event if isinstance(event, Epoch) else last
    if scored and not math.isnan(scored.val_loss):
        found += [
            f"val loss {loss(scored.val_loss)}",
            f"val {metric_text(scored.val_accuracy, scored.val_r2)}",
        ]
    return found


def speed(event: Progress | Epoch) -> str:
    """Training examples a second."""
    return f"{count_text(event.examples_per_second)} examples/s"


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80  # 0: it does not know
    except (OSError, ValueError):
        return 80
