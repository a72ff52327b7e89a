"""Keeps the training process told of what is on the screen: it shows that, again and again, and no more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol, cast

from tuiml.training.inspections.record import InspectionRequest
from tuiml.tui.widgets.chart_view import View, on_screen


class _Wishful(Protocol):
    def wishes(self) -> list[InspectionRequest]: ...


class Subscriptions:
    """Kept up to date as a drawing is: see :class:`tuiml.tui.widgets.chart_view.Pacer`.

    Args:
        views: all there are, on the screen or not.
        client: the client of the training process.
    """

    def __init__(self, views: Callable[[], Iterable[View]], client: Callable[[], Any]) -> None:
        self._views, self._client = views, client
        self._told: tuple[InspectionRequest, ...] = ()
        self.due_at = -math.inf

    def _wishes(self) -> tuple[InspectionRequest, ...]:
        """Without those of the same kind that another view has already."""
        found: dict[str, InspectionRequest] = {}
        for view in self._views():
            if hasattr(view, "wishes") and on_screen(view):
                for wish in cast(_Wishful, view).wishes():
                    found.setdefault(wish.what, wish)
        return tuple(found.values())

    def stale(self) -> bool:
        return self._wishes() != self._told and self._client() is not None

    def build(self) -> None:
        self._told = self._wishes()
        self._client().inspect(self._told)
