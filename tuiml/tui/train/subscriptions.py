"""Requests the inspections that the charts on the screen need from the training process."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from tuiml.training.inspections.record import InspectionRequest
from tuiml.tui.chart_views.chart import ChartView
from tuiml.tui.process.training_client import TrainingClient
from tuiml.tui.widgets.chart_view import on_screen


class Subscriptions:
    """Sends the requests when they change; a Pacer calls it in turn with the drawings."""

    def __init__(
        self, views: Callable[[], Iterable[ChartView]], client: Callable[[], TrainingClient | None]
    ) -> None:
        self._views, self._client = views, client
        self._sent: tuple[InspectionRequest, ...] = ()
        self.due_at = -math.inf

    def _requests(self) -> tuple[InspectionRequest, ...]:
        """One request of each kind: that of the first view."""
        found: dict[str, InspectionRequest] = {}
        for view in self._views():
            if on_screen(view):
                for request in view.requests():
                    found.setdefault(request.what, request)
        return tuple(found.values())

    def stale(self) -> bool:
        return self._requests() != self._sent and self._client() is not None

    def build(self) -> None:
        client = self._client()
        if client is not None:
            self._sent = self._requests()
            client.inspect(self._sent)
