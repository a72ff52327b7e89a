"""How fast a run trains: slow enough to be watched, so many steps a second, or as fast as it goes;
and how much of a processor may draw it."""

from __future__ import annotations

import math
from functools import cache

from tuiml.backends.sharding import shards
from tuiml.runs.threads import cores
from tuiml.spec.library import DEFAULT
from tuiml.spec.preset import Preset, batches_of
from tuiml.tui.model.document import Document
from tuiml.tui.model.run_data import RunData

WATCH, FULL = "watch", "full"
"""Runs of the first preset and of lessons are slowed down, or none is."""
SECONDS = 20.0
"""That a run takes that is to be watched."""
LESSON_SECONDS = 8.0
FASTEST = 20_000.0
"""Steps a second from which on a run is not slowed down."""
NICE = (1, 2, 5)
BESIDE, ALONE = 0.015, 0.3
"""Fraction of a processor for drawing what nobody asked for, while training needs all of them, and otherwise:
a shard of a batch that loses its processor to the app holds up the others."""


class Pace:
    """The pace of the run on the screen, and whether the next one is slowed down.

    Args:
        kept: :data:`WATCH` or :data:`FULL`.
        wanted: by the settings file: either of them, or steps a second of every run.
    """

    def __init__(self, kept: str = WATCH, wanted: str | float = WATCH) -> None:
        self.kept = FULL if FULL in (kept, wanted) else WATCH
        self._every = None if isinstance(wanted, str) else wanted
        self.lesson = ""
        """The name of the preset of the lesson that is open."""

    def of(self, document: Document) -> float | None:
        """Steps a second for a run of a preset; ``None``: as fast as it goes."""
        if self._every is not None:
            return self._every
        lesson = bool(self.lesson) and document.name == self.lesson
        if self.kept == FULL or document.preset is None or not (lesson or document.origin == DEFAULT):
            return None
        return watched(document.preset, LESSON_SECONDS if lesson else SECONDS)


def watched(preset: Preset, seconds: float) -> float:
    """Steps a second with which a run takes some seconds."""
    train, _, _ = preset.data.sizes()
    steps = preset.training.epochs * batches_of(train, preset.training.batch_size)
    return float(f"{max(1.0, steps / seconds):.2g}")


def faster(pace: float | None) -> float | None:
    """The next of 1, 2, 5 · 10ⁿ; ``None``: as fast as it goes."""
    if pace is None:
        return None
    found = next(step for step in _steps(pace) if step > pace * 1.001)
    return found if found <= FASTEST else None


def slower(pace: float | None, running: float) -> float:
    """The one before; ``running``: steps a second of a run that was not slowed down, NaN: not known."""
    now = (running if running > 0 else FASTEST) if pace is None else pace
    return max(1.0, next(step for step in reversed(_steps(now)) if step < now * 0.999))


def _steps(pace: float) -> list[float]:
    power = math.floor(math.log10(pace))
    return [float(f"{digit}e{power + by}") for by in (-1, 0, 1) for digit in NICE]


def pace_words(pace: float) -> str:
    """``2,500 steps/s``."""
    return f"{pace:,.0f} steps/s"


def drawing_fraction(run: RunData, pace: float | None) -> float:
    """The fraction of a processor for drawing a run while nobody presses a key.

    Args:
        pace: steps a second to which it is slowed down; ``None``: it is not.
    """
    if run.status != "running" or pace is not None or run.start is None or run.network is None:
        return ALONE
    threads = shards(run.network, run.start.batch_size, run.start.threads)
    return BESIDE if threads >= _cores() else ALONE


@cache
def _cores() -> int:
    return cores()
