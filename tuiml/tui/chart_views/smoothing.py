"""How strongly the curves of Train are smoothed."""

from __future__ import annotations

from dataclasses import dataclass

from tuiml.tui.charts.series import Floats, Series, smoothed

STRENGTHS = (0.0, 0.03, 0.1, 0.3)
"""Fractions of the time so far over which curves are smoothed, before and after each point."""


@dataclass
class Smoothing:
    """Shared by all views of curves."""

    strength: float = STRENGTHS[1]

    def curve(self, series: Series) -> tuple[Floats, Floats]:
        """A curve as it is shown."""
        return smoothed(*series.points(), self.strength)

    @property
    def strong(self) -> bool:
        """True if what was measured once an epoch is smoothed as well."""
        return self.strength > STRENGTHS[1]


def once_an_epoch(
    series: Series, smoothing: Smoothing
) -> tuple[Series | tuple[Floats, Floats], Series | None]:
    """What was measured once an epoch: as it is, or smoothed and as it is."""
    return (smoothing.curve(series), series) if smoothing.strong else (series, None)
