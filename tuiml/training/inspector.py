"""Answers requests for inspections, in the engine's thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tuiml.backends.engine import Engine
from tuiml.data.base import Dataset
from tuiml.nn.network import Network
from tuiml.training import codec
from tuiml.training import inspections as inspections  # registers their events
from tuiml.training.budget import Budget
from tuiml.training.events import kind_of
from tuiml.training.inspections.network import InspectedNetwork
from tuiml.training.inspections.record import CELLS, CLASSES, Inspection, InspectionRequest, Question
from tuiml.training.run_control import RunControl

FEW = 2000
"""Examples evaluated while the network trains, at most."""
MANY = 20_000
"""Examples evaluated while it does not, at most."""
TIME = 0.01
"""Fraction of the training time: half of what snapshots and inspections may take together."""


def _inspection(what: Any) -> type[Inspection] | None:
    """The kind of inspection that a request names; ``None`` where there is none."""
    kind = kind_of(what)
    return kind if kind is not None and issubclass(kind, Inspection) and kind.by_request else None


def read_request(value: Any) -> InspectionRequest:
    """A request from the other process.

    Raises:
        ValueError: it is malformed, or asks for too much.
    """
    request = codec.read(InspectionRequest, value)
    kind = _inspection(request.what)
    if kind is None:
        raise ValueError("no such inspection")
    if request.columns * request.rows * (request.count if kind.grid_per_unit else 1) > CELLS:
        raise ValueError("too large a grid")
    return request


class Inspector:
    """Computes inspections of one engine's network."""

    def __init__(self, network: Network, engine: Engine, dataset: Dataset | None = None) -> None:
        self._network = InspectedNetwork(network, engine, dataset)

    def answer(self, request: InspectionRequest, most: int = FEW) -> Inspection | None:
        """The answer to a request; ``None`` where it does not suit the network or its data.

        Args:
            most: examples that are evaluated for it.
        """
        kind = _inspection(request.what)
        suits = kind is not None and kind.regression in (None, self._network.regression)
        if kind is None or not suits or self._network.classes > CLASSES:
            return None
        with np.errstate(all="ignore"):
            return kind.compute(self._network, request, most)

    def predict(self, question: Question) -> Inspection | None:
        """The prediction for an example; ``None`` where it does not suit the network."""
        return question.predict(self._network)


class InspectionService:
    """Answers the requests of a :class:`~tuiml.training.run_control.RunControl`, on a budget of time."""

    def __init__(
        self,
        control: RunControl,
        network: Network,
        engine: Engine,
        clock: Callable[[], float],
        dataset: Dataset,
    ) -> None:
        self._control = control
        self._inspector = Inspector(network, engine, dataset)
        self._budget = Budget(TIME, 0.1, clock)

    def due(self, now: float) -> bool:
        """True if the requests may be answered again while the network learns."""
        return bool(self._control.requests) and self._budget.due(now)

    def answer_all(self) -> Iterator[Inspection]:
        """Answers to all requests, as the network is now."""
        return self._answers(self._control.requests, FEW)

    def answer_new(self, most: int = FEW, *, again: bool = False) -> Iterator[Inspection]:
        """Answers to new requests.

        Args:
            most: examples that are evaluated for each.
            again: to all requests, new or not.
        """
        requests, question = self._control.take_requests()
        prediction = self._inspector.predict(question) if question else None
        if prediction:
            yield prediction
        yield from self._answers(self._control.requests if again else requests, most)

    def answer_after_end(self) -> Iterator[Inspection]:
        """Answers after the end of a run, until the app disconnects."""
        yield from self.answer_new(MANY, again=True)
        while self._control.wait_for_request():
            yield from self.answer_new(MANY)

    def _answers(self, requests: Sequence[InspectionRequest], most: int) -> Iterator[Inspection]:
        if not requests:
            return
        with self._budget:
            answers = [self._inspector.answer(request, most) for request in requests]
        yield from (answer for answer in answers if answer)
