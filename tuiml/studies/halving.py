"""Successive halving: all configurations train a little, the better ones more, the best ones all epochs.

L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar (2018), "Hyperband: A Novel Bandit-Based
Approach to Hyperparameter Optimization", JMLR 18(185), algorithm 1, lines 4 to 9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tuiml.studies.results import Configuration, Trial
from tuiml.studies.search import Cut, Order, Search, bigger_is_better, score, seed_by_seed
from tuiml.studies.study import Study
from tuiml.studies.trials import planned


def rungs(configurations: int, epochs: int, factor: int, first: int | None = None) -> list[int]:
    """The epochs at which configurations are compared, each ``factor`` times the one before; the last: all.

    Args:
        first: epochs at the first rung; ``None``: so that one configuration or a few are left for the last.
    """
    if first is None:
        steps = 0  # whole powers, counted: a logarithm is off by one where it is rounded
        while factor ** (steps + 1) <= min(configurations, epochs):
            steps += 1
        return [max(1, epochs // factor ** (steps - k)) for k in range(steps + 1)]
    found = []
    while first < epochs:
        found.append(first)
        first *= factor
    return [*found, epochs]


class Halving(Search):
    """At each rung one configuration in ``factor`` goes on, by the mean of its trials; the rest keep their
    checkpoints."""

    def __init__(self, study: Study, configurations: Sequence[Configuration]) -> None:
        super().__init__(study, configurations)
        self._bigger = bigger_is_better(study.search.metric or "")
        epochs = planned(self.configurations[0].document) if self.configurations else 1
        self.rungs = rungs(len(self.configurations), epochs, study.search.factor, study.search.first_epochs)
        self._alive = self.configurations
        self._rung = 0
        self._values: dict[int, list[float]] = {}
        self._cut: dict[int, Cut] = {}
        self._begin()

    def _begin(self) -> None:
        """Order the trials of a rung."""
        self._values = {one.number: [] for one in self._alive}
        last = self._rung == len(self.rungs) - 1
        until = None if last else self.rungs[self._rung]
        self._cut |= {one.number: Cut(self._rung) for one in self._alive}
        self._waiting.extend(Order(trial, until) for trial in seed_by_seed(self.study, self._alive))

    def _take(self, trial: Trial, epochs: int, value: float) -> None:
        self._values[trial.configuration.number].append(value)
        if not self.over or self._rung == len(self.rungs) - 1:
            return
        scores = {number: score(values, self._bigger) for number, values in self._values.items()}
        order = sorted(self._alive, key=lambda one: (scores[one.number], one.number))
        kept = order[: max(1, len(order) // self.study.search.factor)]
        worst = scores[kept[-1].number]
        for one in order[len(kept) :]:
            lost = scores[one.number] - worst
            self._cut[one.number] = Cut(self._rung, lost if math.isfinite(lost) else math.inf)
        self._alive = sorted(kept, key=lambda one: one.number)
        self._rung += 1
        self._begin()

    def cut(self, trial: Trial) -> Cut | None:
        return self._cut.get(trial.configuration.number)
