"""What the conditions of a lesson are asked about."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tuiml.spec.preset import Preset
from tuiml.training.layer_statistics import LayerStatistics


@dataclass(frozen=True)
class Facts:
    """The app at one time."""

    preset: Preset | None = None
    """The one that is edited; ``None`` while it has problems."""
    run: Preset | None = None
    """That of the run on the screen, if it was begun since the lesson was opened."""
    status: str = "empty"
    """Of that run."""
    step: int = 0
    layers: Sequence[LayerStatistics] = ()
    """Of that run's newest snapshot."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """That run's newest ``train_loss``, ``train_accuracy``, ``val_loss`` and ``val_accuracy``, and ``rise``:
    the validation loss as a multiple of the best one."""
    opened: frozenset[str] = frozenset()
    """What is open, or was since the step of the lesson began."""

    @property
    def over(self) -> bool:
        """True if the run has ended by itself or was stopped."""
        return self.status in ("completed", "stopped", "early_stopped", "diverged")

    def figure(self, name: str) -> float:
        """A figure of the run; NaN where there is none."""
        return self.figures.get(name, math.nan)
